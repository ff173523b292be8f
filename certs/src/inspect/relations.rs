//! How the entries of one input belong together, proved by keys and signatures.

use super::read::Found;
use super::{Fault, Relation, slot_of};
use crate::certificate::Certificate;
use crate::key::PrivateKey;
use crate::rules::{self, Slot};
use crate::trust::Crl;

/// Above this many certificates an input is a trust bundle, and who signed whom is neither interesting nor cheap.
const MAX_CERTIFICATES: usize = 64;

pub(super) fn between(found: &[(Option<usize>, Found)]) -> Vec<Relation> {
    let mut certificates: Vec<(usize, &Certificate)> = Vec::new();
    let mut holders: Vec<(usize, &[u8])> = Vec::new();
    let mut keys: Vec<(usize, &PrivateKey)> = Vec::new();
    let mut lists: Vec<(usize, &Crl)> = Vec::new();
    for (position, (_, entry)) in found.iter().enumerate() {
        let number = position + 1;
        match entry {
            Found::Certificate(certificate) => {
                certificates.push((number, certificate));
                holders.push((number, certificate.spki_der()));
            }
            Found::Key { key, .. } => keys.push((number, key)),
            Found::Request(_, spki) => holders.push((number, spki)),
            Found::List(list) => lists.push((number, list)),
            _ => {}
        }
    }
    let mut relations = Vec::new();
    for (key, private) in keys {
        let before = relations.len();
        let own = holders.iter().filter(|(_, spki)| private.matches_spki(spki));
        relations.extend(own.map(|(entry, _)| Relation::KeyOf { key, entry: *entry }));
        if relations.len() == before {
            relations.push(if holders.is_empty() { Relation::KeyAlone { key } } else { Relation::KeyOfNone { key } });
        }
    }
    if certificates.len() > MAX_CERTIFICATES {
        return relations;
    }
    for (certificate, child) in &certificates {
        for (issuer, parent) in &certificates {
            if child.issuer_der() == parent.subject_der() && child.is_signed_by(parent) {
                relations.push(Relation::SignedBy { certificate: *certificate, issuer: *issuer });
            }
        }
    }
    for (list, crl) in lists {
        for (issuer, parent) in &certificates {
            if crl.issuer_der == parent.subject_der() && crl.is_signed_by(parent) {
                relations.push(Relation::ListSignedBy { list, issuer: *issuer });
            }
        }
    }
    relations.extend(pairs(&certificates));
    relations
}

/// Each sign certificate with the enc certificate that fits it; when none fits, with the first, and why not.
fn pairs(certificates: &[(usize, &Certificate)]) -> Vec<Relation> {
    let of = |slot| certificates.iter().filter(move |(_, certificate)| slot_of(certificate) == Some(slot));
    let mut relations = Vec::new();
    for (sign, one) in of(Slot::Sign) {
        let verdicts: Vec<_> = of(Slot::Enc).map(|(enc, other)| (*enc, rules::check_pair(one, other))).collect();
        let Some((enc, verdict)) = verdicts.iter().find(|(_, verdict)| verdict.is_ok()).or_else(|| verdicts.first())
        else {
            continue;
        };
        let fault = verdict.as_ref().err().map(|fault| Fault { reason: fault.reason(), text: fault.to_string() });
        relations.push(Relation::Pair { sign: *sign, enc: *enc, fault });
    }
    relations
}
