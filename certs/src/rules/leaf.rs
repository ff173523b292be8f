//! Rules for the certificate of the peer itself, and for our own before we serve it.

use super::{CertificateFault, EncExchange, PeerRole, Slot, issuer};
use crate::certificate::{Certificate, ExtendedKeyUsage, KeyUsage, SignatureAlgorithm};
use crate::clock::UnixTime;
use crate::key::KeyKind;

/// Usages that only an enc certificate has.
const ENC_USAGES: KeyUsage = KeyUsage::KEY_ENCIPHERMENT.with(KeyUsage::DATA_ENCIPHERMENT).with(KeyUsage::KEY_AGREEMENT);
/// Usages that only a sign certificate has. GB/T 20518 allows nonRepudiation beside digitalSignature.
const SIGN_USAGES: KeyUsage = KeyUsage::DIGITAL_SIGNATURE.with(KeyUsage::NON_REPUDIATION);
/// Usages that let an enc certificate take part in a key exchange at all.
const EXCHANGE_USAGES: KeyUsage = KeyUsage::KEY_ENCIPHERMENT.with(KeyUsage::KEY_AGREEMENT);
/// Usages of authorities.
const CA_USAGES: KeyUsage = KeyUsage::KEY_CERT_SIGN.with(KeyUsage::CRL_SIGN);

/// Judges a peer's leaf.
pub fn check_leaf(leaf: &Certificate, slot: Slot, role: PeerRole, now: UnixTime) -> Result<(), CertificateFault> {
    check_shape(leaf)?;
    check_slot(leaf, slot)?;
    check_role(leaf, role)?;
    issuer::check_validity(leaf, now)
}

/// Judges a leaf of our own, before it is known in which slot it will stand.
///
/// A self-signed certificate with the CA flag may be served, although our own rules refuse it as a peer's: it is what
/// `openssl req -x509` makes, and the peers for whom it is meant have it in their trust.
pub fn check_own_leaf(leaf: &Certificate, now: UnixTime) -> Result<(), CertificateFault> {
    match check_shape(leaf) {
        Err(CertificateFault::CaAsLeaf) if leaf.is_self_issued() => issuer::check_key(leaf)?,
        verdict => verdict?,
    }
    issuer::check_validity(leaf, now)
}

/// Judges a leaf of our own for the slot that it will stand in.
pub fn check_own_half(leaf: &Certificate, slot: Slot, now: UnixTime) -> Result<(), CertificateFault> {
    check_shape(leaf)?;
    check_slot(leaf, slot)?;
    issuer::check_validity(leaf, now)
}

/// Whether an enc certificate may be used as the suite at hand uses it.
///
/// ECC suites encrypt under it, ECDHE suites agree with it; implementations in the field mix these up, the standard
/// does not.
pub fn check_enc_usage(enc: &Certificate, exchange: EncExchange) -> Result<(), CertificateFault> {
    let wanted = match exchange {
        EncExchange::Ecc => KeyUsage::KEY_ENCIPHERMENT,
        EncExchange::Ecdhe => KeyUsage::KEY_AGREEMENT,
    };
    let usage = enc.key_usage().ok_or(CertificateFault::KeyUsageAbsent { slot: Slot::Enc })?;
    if usage.contains(wanted) { Ok(()) } else { Err(wrong_usage(Slot::Enc, usage)) }
}

/// Which half of a pair a leaf can be by its keyUsage; `None` when that does not decide.
pub fn slot_by_usage(leaf: &Certificate) -> Option<Slot> {
    let usage = leaf.key_usage()?;
    match (usage.any(SIGN_USAGES), usage.any(ENC_USAGES)) {
        (true, false) => Some(Slot::Sign),
        (false, true) => Some(Slot::Enc),
        _ => None,
    }
}

/// What holds for every leaf.
fn check_shape(leaf: &Certificate) -> Result<(), CertificateFault> {
    issuer::check_structure(leaf)?;
    issuer::check_signature(leaf)?;
    // keyCertSign without the CA flag is refused too: Tongsuo lets it pass as a signing usage.
    if leaf.is_ca() {
        return Err(CertificateFault::CaAsLeaf);
    }
    issuer::check_key(leaf)
}

fn check_slot(leaf: &Certificate, slot: Slot) -> Result<(), CertificateFault> {
    let kind = issuer::check_key_kind(leaf)?;
    let usage = leaf.key_usage();
    if slot == Slot::Single {
        return match usage {
            None if kind == KeyKind::Sm2 => Err(CertificateFault::KeyUsageAbsent { slot }),
            None => Ok(()),
            // An RSA certificate of a server may be for key encipherment alone; TLS 1.3 and ECDHE sign with it, and
            // the engines' own checks decide about that as browsers do.
            Some(usage) if usage.contains(KeyUsage::DIGITAL_SIGNATURE) => Ok(()),
            Some(usage) => Err(wrong_usage(slot, usage)),
        };
    }
    if kind != KeyKind::Sm2 {
        return Err(CertificateFault::NotSm2 { slot, found: kind });
    }
    if *leaf.signature_algorithm() != SignatureAlgorithm::Sm2Sm3 {
        return Err(CertificateFault::NotSm2Signed(leaf.signature_algorithm().to_string()));
    }
    let usage = usage.ok_or(CertificateFault::KeyUsageAbsent { slot })?;
    let fits = match slot {
        Slot::Sign => usage.contains(KeyUsage::DIGITAL_SIGNATURE) && !usage.any(ENC_USAGES),
        Slot::Enc | Slot::Single => usage.any(EXCHANGE_USAGES) && !usage.any(SIGN_USAGES),
    };
    if fits && !usage.any(CA_USAGES) { Ok(()) } else { Err(wrong_usage(slot, usage)) }
}

fn check_role(leaf: &Certificate, role: PeerRole) -> Result<(), CertificateFault> {
    let purpose = match role {
        PeerRole::Server => ExtendedKeyUsage::SERVER_AUTH,
        PeerRole::Client => ExtendedKeyUsage::CLIENT_AUTH,
    };
    match leaf.extended_key_usage() {
        Some(usage) if !usage.allows(purpose) => {
            Err(CertificateFault::WrongExtendedKeyUsage { role, found: usage.names().join(", ") })
        }
        _ => Ok(()),
    }
}

fn wrong_usage(slot: Slot, found: KeyUsage) -> CertificateFault {
    CertificateFault::WrongKeyUsage { slot, found: found.to_string() }
}
