//! Why a peer's certificate was refused.

use jadegate_certs::rules::PairFault;

use super::alert;
use crate::protocol::Protocol;

/// Why a peer's certificate was refused. The finer facts (which certificate, which rule) are the error's source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerFault {
    /// None was sent, and one is required.
    #[error("the peer sent no certificate, and one is required")]
    Absent,
    /// No chain to a trusted root.
    #[error("the peer's certificate does not lead to a trusted root")]
    Untrusted,
    /// Past its end.
    #[error("the peer's certificate, or one above it, has expired")]
    Expired,
    /// Before its start.
    #[error("the peer's certificate, or one above it, is not valid yet")]
    NotYetValid,
    /// On a revocation list.
    #[error("the peer's certificate, or one above it, is revoked")]
    Revoked,
    /// No usable revocation list, and one is demanded.
    #[error("whether the peer's certificate is revoked cannot be told: no current revocation list of its issuer")]
    RevocationUnknown,
    /// keyUsage, extendedKeyUsage or basicConstraints do not fit what it is used for.
    #[error("the peer's certificate is not meant for this use")]
    WrongUsage,
    /// Genuine, but not a peer that is allowed or the server that was wanted.
    #[error("the peer's certificate is genuine, but its names are not the ones allowed here")]
    WrongIdentity,
    /// TLCP: the signing and the encryption certificate do not belong together.
    #[error("the peer's sign and enc certificates do not belong together: {0}")]
    PairInconsistent(PairFault),
    /// TLCP: one certificate where two are needed.
    #[error("the peer sent only one of the two certificates of TLCP, sign and enc")]
    HalfPair,
    /// Key too short, or of a kind that is not allowed here.
    #[error("the peer's certificate has a key that is too weak or of a kind not allowed here")]
    WeakKey,
    /// Signed with an algorithm that is not allowed.
    #[error("the peer's certificate, or one above it, is signed with an algorithm not allowed here")]
    WeakSignature,
    /// A signature does not verify: of a certificate, or of the handshake by its key.
    #[error("a signature of the peer does not verify: its certificate is damaged, or of another issuer of that name")]
    BadSignature,
    /// Cannot be parsed, or breaks X.509's own rules.
    #[error("the peer's certificate is malformed")]
    Malformed,
}

impl PeerFault {
    /// The stable label, for logs, metrics and tests.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Absent => "peer_certificate_absent",
            Self::Untrusted => "peer_certificate_untrusted",
            Self::Expired => "peer_certificate_expired",
            Self::NotYetValid => "peer_certificate_not_yet_valid",
            Self::Revoked => "peer_certificate_revoked",
            Self::RevocationUnknown => "peer_certificate_revocation_unknown",
            Self::WrongUsage => "peer_certificate_wrong_usage",
            Self::WrongIdentity => "peer_certificate_wrong_identity",
            Self::PairInconsistent(_) => "peer_certificate_pair_inconsistent",
            Self::HalfPair => "peer_certificate_half_pair",
            Self::WeakKey => "peer_certificate_weak_key",
            Self::WeakSignature => "peer_certificate_weak_signature",
            Self::BadSignature => "peer_certificate_bad_signature",
            Self::Malformed => "peer_certificate_malformed",
        }
    }

    /// The alert for it. `certificate_required` exists in TLS 1.3 only.
    pub fn alert(&self, protocol: Option<Protocol>) -> u8 {
        match self {
            Self::Absent if matches!(protocol, Some(Protocol::Tls13 | Protocol::Tls13Sm)) => {
                alert::CERTIFICATE_REQUIRED
            }
            Self::Absent => alert::HANDSHAKE_FAILURE,
            Self::Untrusted => alert::UNKNOWN_CA,
            //= GB/T 38636-2020 6.4.3.3: 45 also stands for "not yet valid"
            Self::Expired | Self::NotYetValid => alert::CERTIFICATE_EXPIRED,
            Self::Revoked => alert::CERTIFICATE_REVOKED,
            Self::RevocationUnknown => alert::CERTIFICATE_UNKNOWN,
            Self::WrongUsage => alert::UNSUPPORTED_CERTIFICATE,
            Self::WrongIdentity => alert::ACCESS_DENIED,
            Self::PairInconsistent(_) | Self::HalfPair | Self::WeakKey | Self::WeakSignature | Self::Malformed => {
                alert::BAD_CERTIFICATE
            }
            Self::BadSignature => alert::DECRYPT_ERROR,
        }
    }
}
