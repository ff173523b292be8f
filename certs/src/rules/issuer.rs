//! Rules for issuers, and the parts that leaf and issuer share.

use super::CertificateFault;
use crate::certificate::{Certificate, KeyUsage, SignatureAlgorithm};
use crate::clock::UnixTime;
use crate::der;
use crate::key::{KeyKind, MIN_RSA_BITS};

/// Longest serial number, RFC 5280 section 4.1.2.2.
const MAX_SERIAL: usize = 20;

/// Judges a certificate that signed another one of the chain.
///
/// A self-issued one is a root: trusting it was the operator's decision, whatever its form. Public roots with serial
/// number 0, version 1 or a SHA-1 signature on themselves are common and harmless; only a weak key is refused.
pub fn check_issuer(issuer: &Certificate, now: UnixTime) -> Result<(), CertificateFault> {
    if issuer.is_self_issued() {
        return check_key(issuer);
    }
    check_structure(issuer)?;
    check_signature(issuer)?;
    if !issuer.is_ca() {
        return Err(CertificateFault::IssuerNotCa);
    }
    if let Some(usage) = issuer.key_usage()
        && !usage.contains(KeyUsage::KEY_CERT_SIGN)
    {
        return Err(CertificateFault::IssuerCannotSign { found: usage.to_string() });
    }
    check_key(issuer)?;
    check_validity(issuer, now)
}

/// Judges whether an issuer may stand in a chain that must be SM2 throughout (TLCP, RFC 8998).
pub fn check_sm2_issuer(issuer: &Certificate) -> Result<(), CertificateFault> {
    match check_key_kind(issuer)? {
        KeyKind::Sm2 => {}
        other => return Err(CertificateFault::IssuerNotSm2(other)),
    }
    match issuer.signature_algorithm() {
        SignatureAlgorithm::Sm2Sm3 => Ok(()),
        other => Err(CertificateFault::NotSm2Signed(other.to_string())),
    }
}

/// Version, serial number and critical extensions.
pub(super) fn check_structure(certificate: &Certificate) -> Result<(), CertificateFault> {
    if certificate.version() != 3 {
        return Err(CertificateFault::NotVersion3(certificate.version()));
    }
    // Twenty octets of value; a twenty-first may only be the zero that keeps the number positive.
    let serial = certificate.serial_octets();
    let positive = match serial {
        [] => false,
        [0, rest @ ..] => rest.len() <= MAX_SERIAL && rest.iter().any(|octet| *octet != 0),
        [first, ..] => first & 0x80 == 0 && serial.len() <= MAX_SERIAL,
    };
    if !positive {
        return Err(CertificateFault::BadSerial(certificate.serial().to_owned()));
    }
    match certificate.unknown_critical_extensions() {
        [] => Ok(()),
        [first, ..] => Err(CertificateFault::UnknownCriticalExtension(first.clone())),
    }
}

/// The signature's algorithm and form; whether it verifies is the engine's business.
pub(super) fn check_signature(certificate: &Certificate) -> Result<(), CertificateFault> {
    if !certificate.signature_algorithms_agree() {
        return Err(CertificateFault::SignatureAlgorithmsDiffer);
    }
    let algorithm = certificate.signature_algorithm();
    match algorithm {
        SignatureAlgorithm::Weak(name) => return Err(CertificateFault::WeakSignature((*name).to_owned())),
        SignatureAlgorithm::Unknown(oid) => return Err(CertificateFault::UnknownSignature(oid.clone())),
        _ => {}
    }
    if algorithm.is_pair_of_integers() && !is_pair_of_integers(certificate.signature()) {
        return Err(CertificateFault::SignatureNotDer);
    }
    Ok(())
}

/// Strict DER: a SEQUENCE of exactly two minimal, positive INTEGERs that fills the value.
fn is_pair_of_integers(signature: &[u8]) -> bool {
    let read = || -> Result<bool, der::DerError> {
        let mut pair = der::whole_sequence(signature)?;
        let (r, s) = (pair.unsigned()?, pair.unsigned()?);
        pair.end()?;
        Ok(r != [0] && s != [0])
    };
    read().unwrap_or(false)
}

pub(super) fn check_key_kind(certificate: &Certificate) -> Result<KeyKind, CertificateFault> {
    match (certificate.key_kind(), certificate.key_problem()) {
        (Some(kind), _) => Ok(kind),
        (None, Some(problem)) => Err(CertificateFault::UnknownKeyKind(problem.clone())),
        (None, None) => Err(CertificateFault::UnknownKeyKind(crate::key::KeyProblem::Malformed)),
    }
}

pub(super) fn check_key(certificate: &Certificate) -> Result<(), CertificateFault> {
    match check_key_kind(certificate)? {
        weak @ KeyKind::Rsa { bits } if bits < MIN_RSA_BITS => Err(CertificateFault::WeakKey(weak)),
        _ => Ok(()),
    }
}

pub(super) fn check_validity(certificate: &Certificate, now: UnixTime) -> Result<(), CertificateFault> {
    if now < certificate.not_before() {
        return Err(CertificateFault::NotYetValid { not_before: certificate.not_before() });
    }
    if now > certificate.not_after() {
        return Err(CertificateFault::Expired { not_after: certificate.not_after() });
    }
    Ok(())
}
