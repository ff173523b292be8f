//! SubjectPublicKeyInfo: which kind of key it is and whether it can be one at all.

use std::sync::OnceLock;

use jadegate_tongsuo::openssl::bn::BigNumContext;
use jadegate_tongsuo::openssl::ec::{EcGroup, EcPoint};
use jadegate_tongsuo::openssl::error::ErrorStack;
use jadegate_tongsuo::openssl::nid::Nid;

use super::KeyKind;
use crate::der::{self, Reader};

/// rsaEncryption, 1.2.840.113549.1.1.1
pub(super) const OID_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// id-ecPublicKey, 1.2.840.10045.2.1
pub(super) const OID_EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// id-Ed25519, 1.3.101.112
pub(super) const OID_ED25519: &[u8] = &[0x2b, 0x65, 0x70];
/// prime256v1, 1.2.840.10045.3.1.7
const OID_P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// secp384r1, 1.3.132.0.34
const OID_P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
/// SM2 curve, in the field also used as the algorithm itself, 1.2.156.10197.1.301
pub(super) const OID_SM2: &[u8] = &[0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d];

/// A curve that we use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    Sm2,
}

impl Curve {
    pub(super) fn from_oid(oid: &[u8]) -> Option<Self> {
        match oid {
            OID_P256 => Some(Self::P256),
            OID_P384 => Some(Self::P384),
            OID_SM2 => Some(Self::Sm2),
            _ => None,
        }
    }

    pub(super) fn oid(self) -> &'static [u8] {
        match self {
            Self::P256 => OID_P256,
            Self::P384 => OID_P384,
            Self::Sm2 => OID_SM2,
        }
    }

    pub(super) fn kind(self) -> KeyKind {
        match self {
            Self::P256 => KeyKind::P256,
            Self::P384 => KeyKind::P384,
            Self::Sm2 => KeyKind::Sm2,
        }
    }

    /// Octets of a field element and of a private number.
    pub(super) fn octets(self) -> usize {
        match self {
            Self::P256 | Self::Sm2 => 32,
            Self::P384 => 48,
        }
    }

    /// The group, built once per process: making one costs more than checking a point.
    pub(super) fn group(self) -> Result<&'static EcGroup, ErrorStack> {
        static GROUPS: [OnceLock<EcGroup>; 3] = [const { OnceLock::new() }; 3];
        let (slot, nid) = match self {
            Self::P256 => (&GROUPS[0], Nid::X9_62_PRIME256V1),
            Self::P384 => (&GROUPS[1], Nid::SECP384R1),
            Self::Sm2 => (&GROUPS[2], Nid::SM2),
        };
        if let Some(group) = slot.get() {
            return Ok(group);
        }
        let group = EcGroup::from_curve_name(nid)?;
        Ok(slot.get_or_init(|| group))
    }

    /// Whether the octets are an uncompressed point on this curve and not infinity.
    fn holds(self, point: &[u8]) -> bool {
        if point.len() != 1 + 2 * self.octets() || point[0] != 4 {
            return false;
        }
        let check = || -> Result<bool, ErrorStack> {
            let group = self.group()?;
            let mut context = BigNumContext::new()?;
            let point = EcPoint::from_bytes(group, point, &mut context)?;
            Ok(!point.is_infinity(group) && point.is_on_curve(group, &mut context)?)
        };
        check().unwrap_or(false)
    }
}

/// Why a public key is none that we use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// The structure cannot be read.
    #[error("public key is malformed")]
    Malformed,
    /// An algorithm outside RSA, ECDSA, Ed25519 and SM2.
    #[error("public key algorithm {0} is not supported")]
    UnknownAlgorithm(String),
    /// A curve outside P-256, P-384 and SM2.
    #[error("curve {0} is not supported")]
    UnknownCurve(String),
    /// Curve parameters are spelled out, so that the curve could be anything.
    #[error("public key carries explicit curve parameters")]
    ExplicitCurve,
    /// The point is not on the curve, is infinity, or is not in the uncompressed form.
    #[error("public key is not an uncompressed point on its curve")]
    BadPoint,
}

impl KeyProblem {
    /// Stable word for logs, metrics and tests.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Malformed => "public_key_malformed",
            Self::UnknownAlgorithm(_) => "public_key_algorithm",
            Self::UnknownCurve(_) => "public_key_curve",
            Self::ExplicitCurve => "public_key_curve_explicit",
            Self::BadPoint => "public_key_point",
        }
    }
}

/// A readable public key. Two spellings of one key are equal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PublicKey<'a> {
    pub(crate) kind: KeyKind,
    /// RSA: the RSAPublicKey structure. Others: the point or the octets of the key.
    key: &'a [u8],
}

impl<'a> PublicKey<'a> {
    pub(crate) fn parse(spki: &'a [u8]) -> Result<Self, KeyProblem> {
        let malformed = |_| KeyProblem::Malformed;
        let mut outer = der::whole_sequence(spki).map_err(malformed)?;
        let mut algorithm = outer.sequence().map_err(malformed)?;
        let key = outer.bits().map_err(malformed)?;
        outer.end().map_err(malformed)?;
        let oid = algorithm.expect(der::OID).map_err(malformed)?;
        let kind = match oid {
            OID_RSA => KeyKind::Rsa { bits: rsa_bits(key).map_err(malformed)? },
            OID_ED25519 if key.len() == 32 => KeyKind::Ed25519,
            OID_ED25519 => return Err(KeyProblem::Malformed),
            OID_EC | OID_SM2 => {
                let curve = curve(oid, &mut algorithm)?;
                if !curve.holds(key) {
                    return Err(KeyProblem::BadPoint);
                }
                curve.kind()
            }
            other => return Err(KeyProblem::UnknownAlgorithm(name(other))),
        };
        Ok(Self { kind, key })
    }
}

/// The curve of an AlgorithmIdentifier whose OID has been read already.
pub(super) fn curve(algorithm: &[u8], parameters: &mut Reader<'_>) -> Result<Curve, KeyProblem> {
    match parameters.peek() {
        Some(der::OID) => {
            let oid = parameters.expect(der::OID).map_err(|_| KeyProblem::Malformed)?;
            match Curve::from_oid(oid) {
                Some(curve) if algorithm == OID_EC || curve == Curve::Sm2 => Ok(curve),
                _ => Err(KeyProblem::UnknownCurve(name(oid))),
            }
        }
        Some(der::SEQUENCE) => Err(KeyProblem::ExplicitCurve),
        None | Some(der::NULL) if algorithm == OID_SM2 => Ok(Curve::Sm2),
        _ => Err(KeyProblem::Malformed),
    }
}

/// Size of the modulus in an RSAPublicKey.
fn rsa_bits(key: &[u8]) -> Result<u32, der::DerError> {
    let mut numbers = der::whole_sequence(key)?;
    let modulus = numbers.unsigned()?;
    numbers.unsigned()?;
    numbers.end()?;
    bits(modulus)
}

/// Position of the highest bit of a big-endian number without leading zero octets.
pub(super) fn bits(number: &[u8]) -> Result<u32, der::DerError> {
    let length = u32::try_from(number.len()).map_err(|_| der::DerError)?;
    let first = number.first().ok_or(der::DerError)?;
    Ok((length * 8).saturating_sub(first.leading_zeros()))
}

/// The name of an algorithm or curve that people may meet, else its dotted identifier.
pub(super) fn name(oid: &[u8]) -> String {
    let text = der::oid_text(oid).unwrap_or_else(|| format!("0x{}", hex::encode(oid)));
    let known = match text.as_str() {
        "1.2.840.10040.4.1" => "DSA",
        "1.2.840.113549.1.1.10" => "RSASSA-PSS",
        "1.3.101.110" => "X25519",
        "1.3.101.111" => "X448",
        "1.3.101.113" => "Ed448",
        "1.3.132.0.10" => "secp256k1",
        "1.3.132.0.33" => "P-224",
        "1.3.132.0.35" => "P-521",
        "1.3.36.3.3.2.8.1.1.7" => "brainpoolP256r1",
        "2.16.840.1.101.3.4.3.17" => "ML-DSA-44",
        "2.16.840.1.101.3.4.3.18" => "ML-DSA-65",
        "2.16.840.1.101.3.4.3.19" => "ML-DSA-87",
        "1.2.156.10197.1.302" => "SM9",
        _ => return text,
    };
    format!("{known} ({text})")
}
