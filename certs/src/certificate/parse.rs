//! From octets to facts, through x509-parser, with our own reading of what it reads too loosely.

use std::ops::Range;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{ParsedExtension, X509Extension};
use x509_parser::prelude::FromDer;

use super::{CertificateError, ExtendedKeyUsage, KeyUsage, MAX_CERTIFICATE, SignatureAlgorithm, SubjectAltNames};
use crate::clock::UnixTime;
use crate::key::{KeyKind, KeyProblem, PublicKey};
use crate::text::printable;

/// Everything that is read out of a certificate.
pub(super) struct Facts {
    pub(super) subject: String,
    pub(super) issuer: String,
    pub(super) serial: String,
    pub(super) serial_octets: Vec<u8>,
    pub(super) not_before: UnixTime,
    pub(super) not_after: UnixTime,
    pub(super) subject_range: Range<usize>,
    pub(super) issuer_range: Range<usize>,
    pub(super) spki_range: Range<usize>,
    pub(super) key: Result<KeyKind, KeyProblem>,
    pub(super) key_usage: Option<KeyUsage>,
    pub(super) extended_key_usage: Option<ExtendedKeyUsage>,
    pub(super) authority_key_id: Option<Vec<u8>>,
    pub(super) is_ca: bool,
    pub(super) version: u32,
    pub(super) names: SubjectAltNames,
    pub(super) signature_algorithm: SignatureAlgorithm,
    pub(super) signature_algorithms_agree: bool,
    pub(super) signature: Vec<u8>,
    pub(super) unknown_critical: Vec<String>,
}

pub(super) fn facts(der: &[u8]) -> Result<Facts, CertificateError> {
    if der.len() > MAX_CERTIFICATE {
        return Err(CertificateError::TooLarge(der.len()));
    }
    let (rest, parsed) =
        X509Certificate::from_der(der).map_err(|error| CertificateError::Malformed(error.to_string()))?;
    if !rest.is_empty() {
        return Err(CertificateError::TrailingBytes(rest.len()));
    }
    let spki = parsed.public_key().raw;
    let mut facts = Facts {
        subject: printable(&parsed.subject().to_string()),
        issuer: printable(&parsed.issuer().to_string()),
        serial: hex::encode(parsed.raw_serial()),
        serial_octets: parsed.raw_serial().to_vec(),
        not_before: UnixTime(parsed.validity().not_before.timestamp()),
        not_after: UnixTime(parsed.validity().not_after.timestamp()),
        subject_range: range_in(der, parsed.subject().as_raw())?,
        issuer_range: range_in(der, parsed.issuer().as_raw())?,
        spki_range: range_in(der, spki)?,
        key: PublicKey::parse(spki).map(|key| key.kind),
        key_usage: None,
        extended_key_usage: None,
        authority_key_id: None,
        is_ca: false,
        version: parsed.version().0.saturating_add(1),
        names: SubjectAltNames::default(),
        signature_algorithm: SignatureAlgorithm::read(&parsed.signature_algorithm),
        signature_algorithms_agree: parsed.signature_algorithm == parsed.tbs_certificate.signature,
        signature: parsed.signature_value.data.to_vec(),
        unknown_critical: Vec::new(),
    };
    let mut seen = Vec::new();
    for extension in parsed.extensions() {
        if seen.contains(&&extension.oid) {
            return Err(CertificateError::DuplicateExtension(extension.oid.to_id_string()));
        }
        seen.push(&extension.oid);
        facts.take(extension)?;
    }
    Ok(facts)
}

impl Facts {
    fn take(&mut self, extension: &X509Extension<'_>) -> Result<(), CertificateError> {
        let oid = extension.oid.to_id_string();
        // A parser's "unsupported" or "error" for an extension that we rely on is a refusal.
        match (oid.as_str(), extension.parsed_extension()) {
            ("2.5.29.15", ParsedExtension::KeyUsage(usage)) => self.key_usage = Some(KeyUsage::from_bits(usage.flags)),
            ("2.5.29.15", _) => return Err(CertificateError::MalformedExtension("keyUsage")),
            ("2.5.29.17", _) => {
                self.names = SubjectAltNames::read(extension.value)
                    .map_err(|_| CertificateError::MalformedExtension("subjectAltName"))?;
            }
            ("2.5.29.19", ParsedExtension::BasicConstraints(constraints)) => self.is_ca = constraints.ca,
            ("2.5.29.19", _) => return Err(CertificateError::MalformedExtension("basicConstraints")),
            ("2.5.29.37", _) => {
                self.extended_key_usage = Some(
                    ExtendedKeyUsage::read(extension.value)
                        .map_err(|_| CertificateError::MalformedExtension("extendedKeyUsage"))?,
                );
            }
            // Critical it may not be (RFC 5280 section 4.2.1.1), and then it is judged as something that we do not process.
            ("2.5.29.35", ParsedExtension::AuthorityKeyIdentifier(authority)) if !extension.critical => {
                self.authority_key_id = authority.key_identifier.as_ref().map(|id| id.0.to_vec());
            }
            ("2.5.29.35", _) if !extension.critical => {
                return Err(CertificateError::MalformedExtension("authorityKeyIdentifier"));
            }
            // Name constraints, distribution points and the policy extensions are processed by the engines' chain checks.
            ("2.5.29.30" | "2.5.29.31" | "2.5.29.32" | "2.5.29.33" | "2.5.29.36" | "2.5.29.54", _) => {}
            _ if extension.critical => self.unknown_critical.push(oid),
            _ => {}
        }
        Ok(())
    }
}

/// Where `part`, a slice that the parser borrowed from `whole`, lies in it.
fn range_in(whole: &[u8], part: &[u8]) -> Result<Range<usize>, CertificateError> {
    let start = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
    match start.checked_add(part.len()) {
        Some(end) if end <= whole.len() => Ok(start..end),
        _ => Err(CertificateError::Malformed("part outside of the whole".to_owned())),
    }
}
