//! Roots and revocation lists in the form that the standard engine's path building takes.

use std::collections::HashMap;

use jadegate_certs::key::KeyKind;
use jadegate_certs::trust::TrustBundle;
use rustls::pki_types::{CertificateDer, TrustAnchor};
use webpki::{CertRevocationList, OwnedCertRevocationList};

use super::TrustError;

/// How many lists of one issuer's name are tried in turn.
const LISTS_PER_NAME: usize = 4;

/// Trust anchors and parsed revocation lists.
pub(crate) struct StandardTrust {
    pub(crate) anchors: Vec<TrustAnchor<'static>>,
    /// Newest first, each with its rank among the lists that bear the same issuer's name.
    crls: Vec<(usize, CertRevocationList<'static>)>,
    /// The highest rank there is.
    last_rank: usize,
}

impl StandardTrust {
    pub(super) fn new(bundle: &TrustBundle) -> Result<Self, TrustError> {
        let mut anchors = Vec::with_capacity(bundle.roots.len());
        for root in bundle.roots.iter().filter(|root| root.key_kind() != Some(KeyKind::Sm2)) {
            let der = CertificateDer::from(root.der());
            let anchor = webpki::anchor_from_trusted_cert(&der)
                .map_err(|source| TrustError::Root { subject: root.subject().to_owned(), source })?;
            anchors.push(anchor.to_owned());
        }
        let mut dated = Vec::with_capacity(bundle.crls.len());
        for (index, crl) in bundle.crls.iter().enumerate().filter(|(_, crl)| !signed_with_sm2(&crl.der)) {
            let parsed = OwnedCertRevocationList::from_der(&crl.der)
                .map_err(|source| TrustError::RevocationList { index, source })?;
            dated.push((crl.this_update, CertRevocationList::from(parsed)));
        }
        dated.sort_by_key(|(this_update, _)| std::cmp::Reverse(*this_update));
        let mut seen: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut ranked = |crl: CertRevocationList<'static>| {
            let next = seen.entry(crl.issuer().to_vec()).or_default();
            let rank = *next;
            *next += 1;
            (rank, crl)
        };
        let crls: Vec<_> = dated.into_iter().map(|(_, crl)| ranked(crl)).collect();
        let last_rank = crls.iter().map(|(rank, _)| *rank).max().unwrap_or(0).min(LISTS_PER_NAME - 1);
        Ok(Self { anchors, crls, last_rank })
    }

    /// The lists in the order of an attempt, from 0. Path building takes the first list of an issuer's *name*; but a
    /// root that is rotated under its old name leaves lists of two keys. Each attempt puts another of them first.
    pub(crate) fn crls(&self, attempt: usize) -> impl Iterator<Item = &CertRevocationList<'static>> {
        let first = self.crls.iter().filter(move |(rank, _)| *rank == attempt);
        let others = self.crls.iter().filter(move |(rank, _)| *rank != attempt);
        first.chain(others).map(|(_, crl)| crl)
    }

    /// Whether an attempt after this one sees another order.
    pub(crate) fn has_more_crls(&self, attempt: usize) -> bool {
        attempt < self.last_rank
    }

    pub(crate) fn has_crls(&self) -> bool {
        !self.crls.is_empty()
    }
}

/// SM2 with SM3, 1.2.156.10197.1.501.
const SM2_WITH_SM3: &[u8] = &[0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x83, 0x75];

/// Whether the outer signature algorithm of a signed DER structure is SM2 with SM3.
/// Such a list can only speak for SM2 issuers, of which the standard engine accepts none.
fn signed_with_sm2(der: &[u8]) -> bool {
    let algorithm = || {
        let (signed, _) = contents(der)?;
        let (_, after_tbs) = contents(signed)?;
        let (algorithm, _) = contents(after_tbs)?;
        Some(algorithm.starts_with(SM2_WITH_SM3))
    };
    algorithm().unwrap_or(false)
}

/// The contents of the DER sequence that `input` starts with, and what follows it.
fn contents(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[0x30, first], rest) = input.split_first_chunk::<2>()? else { return None };
    if first < 0x80 {
        return rest.split_at_checked(usize::from(first));
    }
    let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
    if length.len() > 4 {
        return None;
    }
    let length = length.iter().fold(0_usize, |length, byte| (length << 8) | usize::from(*byte));
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(oid: &[u8], tbs_length: usize) -> Vec<u8> {
        let sequence = |body: &[u8]| {
            let mut der = vec![0x30, 0x82];
            der.extend_from_slice(&u16::try_from(body.len()).expect("short").to_be_bytes());
            der.extend_from_slice(body);
            der
        };
        sequence(&[sequence(&vec![0; tbs_length]), sequence(oid), vec![0x03, 0x01, 0x00]].concat())
    }

    #[test]
    fn an_sm2_signature_is_told_from_others_and_from_garbage() {
        assert!(signed_with_sm2(&signed(SM2_WITH_SM3, 400)));
        let ecdsa_with_sha256 = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
        assert!(!signed_with_sm2(&signed(&ecdsa_with_sha256, 400)));
        let whole = signed(SM2_WITH_SM3, 10);
        for length in 0..whole.len() {
            assert!(!signed_with_sm2(&whole[..length]), "cut at {length}");
        }
        assert!(!signed_with_sm2(&[0x30, 0xff, 0xff, 0xff]));
    }
}
