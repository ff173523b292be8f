//! Keys that the mint certifies and signs with.

use std::fmt;

use jadegate_tongsuo::openssl::bn::{BigNum, BigNumContext};
use jadegate_tongsuo::openssl::ec::{EcGroup, EcKey, PointConversionForm};
use jadegate_tongsuo::openssl::error::ErrorStack;
use jadegate_tongsuo::openssl::nid::Nid;
use jadegate_tongsuo::openssl::pkey::{Id, PKey, Private};
use jadegate_tongsuo::openssl::pkey_ctx::PkeyCtx;
use jadegate_tongsuo::openssl::rsa::Rsa;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::SubjectPublicKeyInfo;
use zeroize::Zeroizing;

use super::MintError;
use super::algorithm::SignatureAlgorithm;
use crate::development::der;

const ID_EC_PUBLIC_KEY: &[u64] = &[1, 2, 840, 10045, 2, 1];
const PRIME_FIELD: &[u64] = &[1, 2, 840, 10045, 1, 1];
const SM2_CURVE: &[u64] = &[1, 2, 156, 10197, 1, 301];

/// A private key of any kind that a test may want in a certificate, weak ones too.
#[derive(Clone)]
pub struct MintKey(PKey<Private>);

impl fmt::Debug for MintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MintKey({:?}, {} bits)", self.0.id(), self.0.bits())
    }
}

impl MintKey {
    /// A fresh SM2 key.
    pub fn sm2() -> Result<Self, MintError> {
        Self::on_curve(Nid::SM2)
    }

    /// A fresh P-256 key.
    pub fn p256() -> Result<Self, MintError> {
        Self::on_curve(Nid::X9_62_PRIME256V1)
    }

    /// A fresh P-384 key.
    pub fn p384() -> Result<Self, MintError> {
        Self::on_curve(Nid::SECP384R1)
    }

    /// A fresh Ed25519 key.
    pub fn ed25519() -> Result<Self, MintError> {
        Ok(Self(PKey::generate_ed25519()?))
    }

    /// A fresh RSA key; below 2048 bits it is good for refusal tests only.
    pub fn rsa(bits: u32) -> Result<Self, MintError> {
        Ok(Self(PKey::from_rsa(Rsa::generate(bits)?)?))
    }

    /// A key that is already at hand, unencrypted PKCS#8 DER.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, MintError> {
        Ok(Self(PKey::private_key_from_pkcs8(der)?))
    }

    fn on_curve(curve: Nid) -> Result<Self, MintError> {
        let group = EcGroup::from_curve_name(curve)?;
        let key = PKey::from_ec_key(EcKey::generate(&group)?)?;
        // Back through PKCS#8: the decoder gives an SM2 key its own type, which signing needs.
        let der = Zeroizing::new(key.private_key_to_pkcs8()?);
        Ok(Self(PKey::private_key_from_pkcs8(&der)?))
    }

    /// Unencrypted PKCS#8, DER.
    pub fn pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, MintError> {
        Ok(Zeroizing::new(self.0.private_key_to_pkcs8()?))
    }

    /// Unencrypted PKCS#8, PEM.
    pub fn pkcs8_pem(&self) -> Result<Zeroizing<String>, MintError> {
        let text = String::from_utf8(self.0.private_key_to_pem_pkcs8()?);
        Ok(Zeroizing::new(text.expect("PEM is ASCII")))
    }

    /// The openssl crate's view, for what the mint does not offer (PKCS#12, encrypted PKCS#8, handshakes).
    pub fn as_pkey(&self) -> &PKey<Private> {
        &self.0
    }

    /// SubjectPublicKeyInfo with a named curve, as it should be.
    pub fn spki(&self) -> Result<Vec<u8>, MintError> {
        Ok(self.0.public_key_to_der()?)
    }

    /// Content of the BIT STRING in SubjectPublicKeyInfo.
    pub(super) fn public_bits(&self) -> Result<Vec<u8>, MintError> {
        let spki = self.spki()?;
        let (_, parsed) = SubjectPublicKeyInfo::from_der(&spki).expect("libcrypto wrote it");
        Ok(parsed.subject_public_key.data.into_owned())
    }

    /// SubjectPublicKeyInfo whose curve is written out as explicit parameters.
    pub fn spki_with_explicit_parameters(&self) -> Result<Vec<u8>, MintError> {
        let key = self.0.ec_key()?;
        let group = key.group();
        let mut context = BigNumContext::new()?;
        let (mut p, mut a, mut b) = (BigNum::new()?, BigNum::new()?, BigNum::new()?);
        group.components_gfp(&mut p, &mut a, &mut b, &mut context)?;
        let (mut order, mut cofactor) = (BigNum::new()?, BigNum::new()?);
        group.order(&mut order, &mut context)?;
        group.cofactor(&mut cofactor, &mut context)?;
        let width = i32::try_from(group.degree().div_ceil(8)).map_err(|_| MintError::NotAnEllipticCurveKey)?;
        let generator = group.generator_opt().ok_or(MintError::NotAnEllipticCurveKey)?;
        let generator = generator.to_bytes(group, PointConversionForm::UNCOMPRESSED, &mut context)?;
        let parameters = der::sequence([
            der::small_integer(1),
            der::sequence([der::oid(PRIME_FIELD), der::unsigned(&p.to_vec())]),
            der::sequence([der::octet_string(&a.to_vec_padded(width)?), der::octet_string(&b.to_vec_padded(width)?)]),
            der::octet_string(&generator),
            der::unsigned(&order.to_vec()),
            der::unsigned(&cofactor.to_vec()),
        ]);
        Ok(self.ec_spki(&der::sequence([der::oid(ID_EC_PUBLIC_KEY), parameters]), &self.point()?))
    }

    /// SubjectPublicKeyInfo whose point is not on the curve: the last bit of y is turned over.
    pub fn spki_off_the_curve(&self) -> Result<Vec<u8>, MintError> {
        self.point()?;
        let mut spki = self.spki()?;
        if let Some(last) = spki.last_mut() {
            *last ^= 1;
        }
        Ok(spki)
    }

    /// SubjectPublicKeyInfo of the point at infinity.
    pub fn spki_at_infinity(&self) -> Result<Vec<u8>, MintError> {
        let curve = self.0.ec_key()?.group().curve_name().ok_or(MintError::NotAnEllipticCurveKey)?;
        let parameters = match curve {
            Nid::SM2 => der::oid(SM2_CURVE),
            Nid::X9_62_PRIME256V1 => der::oid(&[1, 2, 840, 10045, 3, 1, 7]),
            Nid::SECP384R1 => der::oid(&[1, 3, 132, 0, 34]),
            _ => return Err(MintError::NotAnEllipticCurveKey),
        };
        Ok(self.ec_spki(&der::sequence([der::oid(ID_EC_PUBLIC_KEY), parameters]), &[0]))
    }

    /// SubjectPublicKeyInfo with the SM2 identifier as *algorithm* and no parameters, as some issuers write it.
    pub fn spki_with_sm2_algorithm(&self) -> Result<Vec<u8>, MintError> {
        Ok(self.ec_spki(&der::sequence([der::oid(SM2_CURVE)]), &self.point()?))
    }

    fn ec_spki(&self, algorithm: &[u8], point: &[u8]) -> Vec<u8> {
        der::sequence([algorithm, &der::bit_string(point)])
    }

    fn point(&self) -> Result<Vec<u8>, MintError> {
        let key = self.0.ec_key().map_err(|_| MintError::NotAnEllipticCurveKey)?;
        let mut context = BigNumContext::new()?;
        Ok(key.public_key().to_bytes(key.group(), PointConversionForm::UNCOMPRESSED, &mut context)?)
    }

    /// What a well-behaved issuer with this key signs with.
    pub fn usual_algorithm(&self) -> SignatureAlgorithm {
        match self.0.id() {
            Id::SM2 => SignatureAlgorithm::Sm2Sm3,
            Id::EC if self.0.bits() > 256 => SignatureAlgorithm::EcdsaSha384,
            Id::EC => SignatureAlgorithm::EcdsaSha256,
            Id::ED25519 => SignatureAlgorithm::Ed25519,
            _ => SignatureAlgorithm::RsaSha256,
        }
    }

    /// SM2 signature over a digest that already contains Z.
    pub(super) fn sign_sm2_digest(&self, digest: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let mut context = PkeyCtx::new(&self.0)?;
        context.sign_init()?;
        let mut signature = Vec::new();
        context.sign_to_vec(digest, &mut signature)?;
        Ok(signature)
    }
}
