//! Signature algorithms, and SM2 with a distinguishing identifier of choice.

use jadegate_tongsuo::openssl::bn::{BigNum, BigNumContext};
use jadegate_tongsuo::openssl::hash::{Hasher, MessageDigest};
use jadegate_tongsuo::openssl::sign::Signer;

use super::MintError;
use super::key::MintKey;
use crate::development::der;

/// The identifier of GB/T 35276, used by certificate authorities when nothing else is agreed.
pub const DEFAULT_DISTINGUISHING_ID: &[u8] = b"1234567812345678";

/// The identifier that RFC 8998 §3.2.1 gives to *handshake* signatures; wrong inside a certificate.
pub const RFC8998_DISTINGUISHING_ID: &[u8] = b"TLSv1.3+GM+Cipher+Suite";

/// Signature algorithms of certificates and CRLs, the outdated ones too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// SM2 with SM3.
    Sm2Sm3,
    /// ECDSA with SHA-1.
    EcdsaSha1,
    /// ECDSA with SHA-256.
    EcdsaSha256,
    /// ECDSA with SHA-384.
    EcdsaSha384,
    /// RSA PKCS#1 v1.5 with MD5.
    RsaMd5,
    /// RSA PKCS#1 v1.5 with SHA-1.
    RsaSha1,
    /// RSA PKCS#1 v1.5 with SHA-256.
    RsaSha256,
    /// RSA PKCS#1 v1.5 with SHA-384.
    RsaSha384,
    /// Ed25519.
    Ed25519,
}

impl SignatureAlgorithm {
    /// The AlgorithmIdentifier.
    pub(super) fn identifier(self) -> Vec<u8> {
        let rsa = |last| der::sequence([der::oid(&[1, 2, 840, 113_549, 1, 1, last]), der::null()]);
        match self {
            Self::Sm2Sm3 => der::sequence([der::oid(&[1, 2, 156, 10197, 1, 501])]),
            Self::EcdsaSha1 => der::sequence([der::oid(&[1, 2, 840, 10045, 4, 1])]),
            Self::EcdsaSha256 => der::sequence([der::oid(&[1, 2, 840, 10045, 4, 3, 2])]),
            Self::EcdsaSha384 => der::sequence([der::oid(&[1, 2, 840, 10045, 4, 3, 3])]),
            Self::RsaMd5 => rsa(4),
            Self::RsaSha1 => rsa(5),
            Self::RsaSha256 => rsa(11),
            Self::RsaSha384 => rsa(12),
            Self::Ed25519 => der::sequence([der::oid(&[1, 3, 101, 112])]),
        }
    }

    /// Signs a to-be-signed part. `distinguishing_id` matters for SM2 only.
    pub(super) fn sign(self, key: &MintKey, tbs: &[u8], distinguishing_id: &[u8]) -> Result<Vec<u8>, MintError> {
        let digest = match self {
            Self::Sm2Sm3 => return Ok(key.sign_sm2_digest(&sm2_digest(key, tbs, distinguishing_id)?)?),
            Self::Ed25519 => {
                return Ok(Signer::new_without_digest(key.as_pkey())?.sign_oneshot_to_vec(tbs)?);
            }
            Self::RsaMd5 => MessageDigest::md5(),
            Self::EcdsaSha1 | Self::RsaSha1 => MessageDigest::sha1(),
            Self::EcdsaSha256 | Self::RsaSha256 => MessageDigest::sha256(),
            Self::EcdsaSha384 | Self::RsaSha384 => MessageDigest::sha384(),
        };
        let mut signer = Signer::new(digest, key.as_pkey())?;
        signer.update(tbs)?;
        Ok(signer.sign_to_vec()?)
    }
}

/// SM3(Z ‖ message), Z = SM3(ENTL ‖ ID ‖ a ‖ b ‖ xG ‖ yG ‖ xA ‖ yA) (GB/T 32918.2 §5.5, §6.1).
///
/// Written out here because libcrypto's one-call signing takes the identifier through a control that the safe API
/// does not offer, and a mint must be able to use the wrong one.
fn sm2_digest(key: &MintKey, message: &[u8], distinguishing_id: &[u8]) -> Result<Vec<u8>, MintError> {
    let bits = u16::try_from(distinguishing_id.len() * 8).map_err(|_| MintError::DistinguishingIdTooLong)?;
    let mut z = Hasher::new(MessageDigest::sm3())?;
    z.update(&bits.to_be_bytes())?;
    z.update(distinguishing_id)?;
    for field_element in sm2_field_elements(key)? {
        z.update(&field_element)?;
    }
    let z = z.finish()?;
    let mut digest = Hasher::new(MessageDigest::sm3())?;
    digest.update(&z)?;
    digest.update(message)?;
    Ok(digest.finish()?.to_vec())
}

fn sm2_field_elements(key: &MintKey) -> Result<[Vec<u8>; 6], MintError> {
    let key = key.as_pkey().ec_key()?;
    let group = key.group();
    let mut context = BigNumContext::new()?;
    let (mut p, mut a, mut b) = (BigNum::new()?, BigNum::new()?, BigNum::new()?);
    group.components_gfp(&mut p, &mut a, &mut b, &mut context)?;
    let (mut gx, mut gy) = (BigNum::new()?, BigNum::new()?);
    let generator = group.generator_opt().ok_or(MintError::NotAnEllipticCurveKey)?;
    generator.affine_coordinates(group, &mut gx, &mut gy, &mut context)?;
    let (mut x, mut y) = (BigNum::new()?, BigNum::new()?);
    key.public_key().affine_coordinates(group, &mut x, &mut y, &mut context)?;
    Ok([
        a.to_vec_padded(32)?,
        b.to_vec_padded(32)?,
        gx.to_vec_padded(32)?,
        gy.to_vec_padded(32)?,
        x.to_vec_padded(32)?,
        y.to_vec_padded(32)?,
    ])
}
