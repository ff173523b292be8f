//! Our refusals on top of the engines' chain checks, the same for both engines and both roles.
//!
//! Nothing here accepts a certificate by itself: trust, signatures, path length, name constraints and revocation are
//! the engines' work. These rules refuse what the engines let pass (the slots of a TLCP pair, version 1, a CA as leaf,
//! serial numbers, lax DER) and name each refusal, so that logs and alerts do not depend on the engine.
//!
//! For certificates other than SM2 the rules are no stricter than browsers.

mod issuer;
mod leaf;
mod pair;
mod peer;

use std::fmt;

use serde::Serialize;

pub use self::issuer::{check_issuer, check_sm2_issuer};
pub use self::leaf::{check_enc_usage, check_leaf, check_own_half, check_own_leaf, slot_by_usage};
pub use self::pair::{PairFault, check_pair};
pub use self::peer::{IdentityFault, PeerRule, PeerRules, matches_server_name, spiffe_id};
use crate::clock::UnixTime;
use crate::key::{KeyKind, KeyProblem};

/// The role that the peer plays in the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PeerRole {
    /// The peer is a server; we are its client.
    Server,
    /// The peer is a client; we are its server.
    Client,
}

/// What a leaf certificate is presented as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Slot {
    /// The one certificate of TLS.
    Single,
    /// The sign certificate of TLCP.
    Sign,
    /// The enc certificate of TLCP.
    Enc,
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Single => "TLS",
            Self::Sign => "sign",
            Self::Enc => "enc",
        })
    }
}

/// How a TLCP suite uses the enc certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EncExchange {
    /// ECC suites: the client encrypts the pre-master secret under the server's enc key.
    Ecc,
    /// ECDHE suites: both enc keys take part in the SM2 key exchange.
    Ecdhe,
}

/// Why one certificate is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// Validity has ended.
    #[error("expired at {not_after}")]
    Expired {
        /// When it ended.
        not_after: UnixTime,
    },
    /// Validity has not begun.
    #[error("not valid before {not_before}")]
    NotYetValid {
        /// When it begins.
        not_before: UnixTime,
    },
    /// keyUsage does not allow the slot, or allows what the slot must not have.
    #[error("keyUsage ({found}) does not fit the {slot} slot")]
    WrongKeyUsage {
        /// The slot it was presented in.
        slot: Slot,
        /// What keyUsage says.
        found: String,
    },
    /// An SM2 certificate without keyUsage, which the Chinese profiles make mandatory.
    #[error("keyUsage is absent, and the {slot} slot needs it for SM2")]
    KeyUsageAbsent {
        /// The slot it was presented in.
        slot: Slot,
    },
    /// extendedKeyUsage is present and does not name the peer's role.
    #[error("extendedKeyUsage ({found}) does not allow the role of a {}", match .role { PeerRole::Server => "server", PeerRole::Client => "client" })]
    WrongExtendedKeyUsage {
        /// The role that was played.
        role: PeerRole,
        /// What extendedKeyUsage says.
        found: String,
    },
    /// A CA certificate presented as a leaf.
    #[error("a CA certificate is presented as a leaf")]
    CaAsLeaf,
    /// An issuer whose basicConstraints do not say CA.
    #[error("issuer is not a CA")]
    IssuerNotCa,
    /// An issuer whose keyUsage does not allow it to sign certificates.
    #[error("issuer's keyUsage ({found}) does not allow it to sign certificates")]
    IssuerCannotSign {
        /// What keyUsage says.
        found: String,
    },
    /// X.509 version 1 or 2.
    #[error("X.509 version {0}; version 3 is wanted")]
    NotVersion3(u32),
    /// The serial number is zero, negative or longer than 20 octets.
    #[error("serial number {0:?} is zero, negative or longer than 20 octets")]
    BadSerial(String),
    /// An RSA modulus below 2048 bits.
    #[error("{0} is too weak")]
    WeakKey(KeyKind),
    /// Signed over MD5 or SHA-1.
    #[error("signed with {0}, which can be forged")]
    WeakSignature(String),
    /// The signature algorithm is not one that we know.
    #[error("signature algorithm {0} is not supported")]
    UnknownSignature(String),
    /// The two places that name the signature algorithm disagree.
    #[error("signature algorithm inside and outside of the signed part differ")]
    SignatureAlgorithmsDiffer,
    /// An ECDSA or SM2 signature that is not a strict DER SEQUENCE of two INTEGERs.
    #[error("signature value is not strict DER")]
    SignatureNotDer,
    /// A public key that we do not use.
    #[error("unusable public key: {0}")]
    UnknownKeyKind(KeyProblem),
    /// A key other than SM2 in a slot that wants SM2.
    #[error("{found} key in the {slot} slot, which wants SM2")]
    NotSm2 {
        /// The slot.
        slot: Slot,
        /// The key that is there.
        found: KeyKind,
    },
    /// A certificate of an SM2 chain that is signed otherwise than by SM2 over SM3.
    #[error("signed with {0}; an SM2 chain wants SM2-SM3")]
    NotSm2Signed(String),
    /// An issuer in an SM2 chain whose key is not SM2.
    #[error("issuer has a {0} key; an SM2 chain wants SM2")]
    IssuerNotSm2(KeyKind),
    /// An extension is critical and we do not process it.
    #[error("critical extension {0} is not processed")]
    UnknownCriticalExtension(String),
}

impl CertificateFault {
    /// Stable word for logs, metrics and tests.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Expired { .. } => "certificate_expired",
            Self::NotYetValid { .. } => "certificate_not_yet_valid",
            Self::WrongKeyUsage { .. } => "certificate_key_usage",
            Self::KeyUsageAbsent { .. } => "certificate_key_usage_absent",
            Self::WrongExtendedKeyUsage { .. } => "certificate_extended_key_usage",
            Self::CaAsLeaf => "certificate_ca_as_leaf",
            Self::IssuerNotCa => "issuer_not_ca",
            Self::IssuerCannotSign { .. } => "issuer_key_usage",
            Self::NotVersion3(_) => "certificate_not_version_3",
            Self::BadSerial(_) => "certificate_serial",
            Self::WeakKey(_) => "certificate_weak_key",
            Self::WeakSignature(_) => "certificate_weak_signature",
            Self::UnknownSignature(_) => "certificate_signature_algorithm",
            Self::SignatureAlgorithmsDiffer => "certificate_signature_algorithms_differ",
            Self::SignatureNotDer => "certificate_signature_not_der",
            Self::UnknownKeyKind(problem) => problem.reason(),
            Self::NotSm2 { .. } => "certificate_not_sm2",
            Self::NotSm2Signed(_) => "certificate_not_sm2_signed",
            Self::IssuerNotSm2(_) => "issuer_not_sm2",
            Self::UnknownCriticalExtension(_) => "certificate_critical_extension",
        }
    }
}

#[cfg(test)]
mod tests;
