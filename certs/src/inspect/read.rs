//! Recognises entries and turns them into facts.

use std::error::Error;

use jadegate_tongsuo::openssl::error::ErrorStack;
use jadegate_tongsuo::openssl::sha::sha256;
use jadegate_tongsuo::openssl::x509::X509Req;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;

use super::{CertificateFacts, Content, CrlFacts, Fault, InspectError, KeyFacts, RequestFacts, Validity};
use crate::certificate::{Certificate, SignatureAlgorithm, SubjectAltNames};
use crate::clock::UnixTime;
use crate::der;
use crate::key::{self, Allowance, KeyError, KeyForm, Password, PrivateKey, PublicKey};
use crate::pem::{self, Block};
use crate::pkcs12;
use crate::rules;
use crate::text::printable;
use crate::trust::Crl;

/// An entry with its values, before it is reduced to facts.
pub(super) enum Found {
    Certificate(Certificate),
    Key { key: PrivateKey, was_encrypted: bool },
    EncryptedKey,
    EncryptedArchive,
    Request(Box<RequestFacts>, Vec<u8>),
    List(Crl),
    Unreadable { label: String, reason: &'static str, error: String },
    Other { label: String },
}

type Entries = Vec<(Option<usize>, Found)>;

/// What opens encrypted entries, and for how much work in all.
pub(super) struct Opener<'a> {
    pub(super) password: Option<&'a Password>,
    pub(super) allowance: Allowance,
}

pub(super) fn entries(bytes: &[u8], mut opener: Opener<'_>) -> Result<Entries, InspectError> {
    if der::is_der(bytes) {
        let found = read_der(bytes, &mut opener).ok_or(InspectError::Unrecognised)?;
        return Ok(found.into_iter().map(|found| (None, found)).collect());
    }
    let blocks = pem::parse(bytes)?;
    if blocks.is_empty() {
        return Err(InspectError::Unrecognised);
    }
    Ok(blocks
        .into_iter()
        .flat_map(|entry| {
            let line = Some(entry.line);
            block(entry, &mut opener).into_iter().map(move |found| (line, found))
        })
        .collect())
}

/// A DER input: the first reading that succeeds.
fn read_der(bytes: &[u8], opener: &mut Opener<'_>) -> Option<Vec<Found>> {
    if let Some(form) = key::form(bytes) {
        return Some(match form {
            KeyForm::Pkcs12 => archive(bytes, opener),
            _ => vec![private_key("PRIVATE KEY", bytes, form == KeyForm::EncryptedPkcs8, opener)],
        });
    }
    let certificate = Certificate::from_der(bytes);
    if let Ok(certificate) = certificate {
        return Some(vec![Found::Certificate(certificate)]);
    }
    if let Ok(list) = Crl::from_der(bytes) {
        return Some(vec![Found::List(list)]);
    }
    if let Some(request) = request(bytes) {
        return Some(vec![request]);
    }
    // A certificate with a defect in an extension is still recognisable as one.
    match certificate {
        Err(error) if error.reason() != "certificate_malformed" => {
            Some(vec![unreadable("CERTIFICATE", error.reason(), &error)])
        }
        _ => None,
    }
}

fn block(block: Block, opener: &mut Opener<'_>) -> Vec<Found> {
    let label = block.label.as_str();
    let one = match label {
        "CERTIFICATE" | "X509 CERTIFICATE" => match Certificate::from_der(&block.der) {
            Ok(certificate) => Found::Certificate(certificate),
            Err(error) => unreadable(label, error.reason(), &error),
        },
        "X509 CRL" | "CRL" => match Crl::from_der(&block.der) {
            Ok(list) => Found::List(list),
            Err(error) => unreadable(label, error.reason(), &error),
        },
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => request(&block.der).unwrap_or_else(|| Found::Unreadable {
            label: label.to_owned(),
            reason: "request_malformed",
            error: "not a certificate signing request".to_owned(),
        }),
        "PKCS12" => return archive(&block.der, opener),
        _ if label.ends_with("PRIVATE KEY") => {
            match PrivateKey::from_block_within(&block, opener.password, &mut opener.allowance) {
                Ok(key) => Found::Key { key, was_encrypted: label == "ENCRYPTED PRIVATE KEY" },
                Err(KeyError::PasswordMissing) => Found::EncryptedKey,
                Err(error) => unreadable(label, error.reason(), &error),
            }
        }
        _ => Found::Other { label: printable(label) },
    };
    vec![one]
}

fn private_key(label: &str, bytes: &[u8], is_encrypted: bool, opener: &mut Opener<'_>) -> Found {
    match PrivateKey::from_pem_or_der_within(bytes, opener.password, &mut opener.allowance) {
        Ok(key) => Found::Key { key, was_encrypted: is_encrypted },
        Err(KeyError::PasswordMissing) => Found::EncryptedKey,
        Err(error) => unreadable(label, error.reason(), &error),
    }
}

fn archive(bytes: &[u8], opener: &mut Opener<'_>) -> Vec<Found> {
    let Some(password) = opener.password else { return vec![Found::EncryptedArchive] };
    match pkcs12::parse_within(bytes, password, &mut opener.allowance) {
        Ok(contents) => std::iter::once(Found::Key { key: contents.key, was_encrypted: true })
            .chain(contents.certificates.into_iter().map(Found::Certificate))
            .collect(),
        Err(error) => vec![unreadable("PKCS#12 archive", error.reason(), &error)],
    }
}

fn request(bytes: &[u8]) -> Option<Found> {
    let (rest, parsed) = X509CertificationRequest::from_der(bytes).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let info = &parsed.certification_request_info;
    let spki = info.subject_pki.raw;
    let verify = || -> Result<bool, ErrorStack> {
        let request = X509Req::from_der(bytes)?;
        request.verify(request.public_key()?.as_ref())
    };
    let names = requested_names(&parsed)?;
    let facts = RequestFacts {
        subject: printable(&info.subject.to_string()),
        key: PublicKey::parse(spki).ok().map(|key| key.kind),
        signature: SignatureAlgorithm::read(&parsed.signature_algorithm),
        signature_verifies: verify().unwrap_or(false),
        names,
        spki_sha256: hex::encode(sha256(spki)),
    };
    Some(Found::Request(Box::new(facts), spki.to_vec()))
}

/// subjectAltName among the requested extensions; `None` when it is there and does not parse.
fn requested_names(request: &X509CertificationRequest<'_>) -> Option<SubjectAltNames> {
    use x509_parser::cri_attributes::ParsedCriAttribute;
    for attribute in request.certification_request_info.iter_attributes() {
        if let ParsedCriAttribute::ExtensionRequest(requested) = attribute.parsed_attribute()
            && let Some(names) = requested.extensions.iter().find(|one| one.oid.to_id_string() == "2.5.29.17")
        {
            return SubjectAltNames::read(names.value).ok();
        }
    }
    Some(SubjectAltNames::default())
}

fn unreadable(label: &str, reason: &'static str, error: &dyn Error) -> Found {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    Found::Unreadable { label: printable(label), reason, error: printable(&text) }
}

pub(super) fn facts(found: Found, now: UnixTime) -> Content {
    match found {
        Found::Certificate(certificate) => Content::Certificate(Box::new(certificate_facts(&certificate, now))),
        Found::Key { key, was_encrypted } => Content::PrivateKey(KeyFacts {
            key: key.kind(),
            spki_sha256: hex::encode(key.spki_sha256()),
            was_encrypted,
        }),
        Found::EncryptedKey => Content::EncryptedKey,
        Found::EncryptedArchive => Content::EncryptedArchive,
        Found::Request(facts, _) => Content::Request(facts),
        Found::List(list) => Content::RevocationList(CrlFacts {
            sha256: hex::encode(list.fingerprint()),
            is_stale: list.next_update.is_some_and(|next| next < now),
            issuer: list.issuer,
            number: list.number,
            this_update: list.this_update,
            next_update: list.next_update,
            revoked_count: list.revoked_count,
        }),
        Found::Unreadable { label, reason, error } => Content::Unreadable { label, reason, error },
        Found::Other { label } => Content::Other { label },
    }
}

fn certificate_facts(certificate: &Certificate, now: UnixTime) -> CertificateFacts {
    let validity = if now < certificate.not_before() {
        Validity::NotYetValid
    } else if now > certificate.not_after() {
        Validity::Expired
    } else {
        Validity::Valid
    };
    let verdict = match super::slot_of(certificate) {
        _ if certificate.is_ca() => rules::check_issuer(certificate, now),
        Some(slot) => rules::check_own_half(certificate, slot, now),
        None => rules::check_own_leaf(certificate, now),
    };
    CertificateFacts {
        subject: certificate.subject().to_owned(),
        issuer: certificate.issuer().to_owned(),
        serial: certificate.serial().to_owned(),
        version: certificate.version(),
        not_before: certificate.not_before(),
        not_after: certificate.not_after(),
        validity,
        seconds_left: now.seconds_until(certificate.not_after()),
        key: certificate.key_kind(),
        key_problem: certificate.key_problem().map(ToString::to_string),
        key_usage: certificate.key_usage(),
        extended_key_usage: certificate.extended_key_usage().cloned(),
        names: certificate.names().clone(),
        is_ca: certificate.is_ca(),
        is_self_issued: certificate.is_self_issued(),
        signature: certificate.signature_algorithm().clone(),
        sha256: hex::encode(certificate.sha256()),
        spki_sha256: hex::encode(certificate.spki_sha256()),
        fault: verdict.err().map(|fault| Fault { reason: fault.reason(), text: fault.to_string() }),
    }
}
