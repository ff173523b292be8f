//! A mint for certificates and CRLs of both key families, the broken ones too.
//!
//! Tests need certificates that no decent authority would issue: wrong usages, odd versions and serials, signatures
//! under another identifier or in a loose encoding. [`Mint`] starts from a good leaf or authority, and each call
//! changes one thing. The development CA uses the same mint for its SM2 side and changes nothing.
//!
//! ```
//! use jadegate_certs::development::mint::{Mint, MintKey, Usage};
//! # fn main() -> Result<(), jadegate_certs::development::mint::MintError> {
//! let root = Mint::authority("Root").self_signed(&MintKey::sm2()?)?;
//! let wrong = Mint::leaf("server").dns("localhost").usage(Usage::ENC).issue(&MintKey::sm2()?, &root)?;
//! assert!(wrong.pem().starts_with("-----BEGIN CERTIFICATE-----"));
//! # Ok(())
//! # }
//! ```
//!
//! It never decides whether anything is acceptable; that is for `crate::rules` and the engines.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use jadegate_tongsuo::openssl::error::ErrorStack;
use jadegate_tongsuo::openssl::rand::rand_bytes;
use jadegate_tongsuo::openssl::sha::sha256;

use super::der;

mod algorithm;
mod crl;
mod extensions;
mod key;
mod minted;
mod ocsp;

pub use algorithm::{DEFAULT_DISTINGUISHING_ID, RFC8998_DISTINGUISHING_ID, SignatureAlgorithm};
pub use crl::MintCrl;
use extensions::Extension;
pub use extensions::{AltName, Name, Purpose, Usage};
pub use key::MintKey;
pub use minted::Minted;
pub use ocsp::{MintOcsp, OcspDigest, OcspStatus};

/// Start of the validity of what is minted: a little before now, for clocks that disagree.
pub(super) const BACKDATED: Duration = Duration::from_secs(3600);
const LEAF_LIFETIME: Duration = Duration::from_secs(90 * 86400);
const AUTHORITY_LIFETIME: Duration = Duration::from_secs(10 * 365 * 86400);

/// Why the mint could not make what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MintError {
    /// libcrypto refused a key or a signature.
    #[error("libcrypto refused a key or a signature")]
    Crypto(#[from] ErrorStack),
    /// Explicit parameters and points exist for elliptic curve keys only.
    #[error("not an elliptic curve key")]
    NotAnEllipticCurveKey,
    /// The identifier's length in bits has to fit sixteen bits.
    #[error("SM2 distinguishing identifier longer than 8191 octets")]
    DistinguishingIdTooLong,
    /// Loose encodings exist for signatures that are a SEQUENCE (ECDSA, SM2).
    #[error("this kind of signature has no DER structure to loosen")]
    SignatureWithoutStructure,
}

/// The version field of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// X.509 version 1: no extension can be carried.
    V1,
    /// X.509 version 3.
    V3,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SignatureForm {
    Good,
    Corrupted,
    Loose,
}

/// A certificate in the making.
#[derive(Clone, Debug)]
pub struct Mint {
    version: Version,
    serial: Option<Vec<u8>>,
    subject: Name,
    issuer: Option<Name>,
    not_before: SystemTime,
    not_after: SystemTime,
    spki: Option<Vec<u8>>,
    authority: bool,
    path_length: Option<u8>,
    basic_constraints: bool,
    usage: Option<Vec<Usage>>,
    purposes: Option<Vec<Purpose>>,
    names: Vec<AltName>,
    permitted: Vec<AltName>,
    excluded: Vec<AltName>,
    key_ids: bool,
    further: Vec<Extension>,
    algorithm: Option<SignatureAlgorithm>,
    inner_algorithm: Option<SignatureAlgorithm>,
    distinguishing_id: Vec<u8>,
    signer: Option<MintKey>,
    signature: SignatureForm,
}

impl Mint {
    /// A leaf that both roles may present: version 3, digitalSignature, both purposes, valid from an hour ago for 90 days.
    pub fn leaf(common_name: &str) -> Self {
        let now = SystemTime::now();
        Self {
            version: Version::V3,
            serial: None,
            subject: Name::common(common_name),
            issuer: None,
            not_before: now - BACKDATED,
            not_after: now + LEAF_LIFETIME,
            spki: None,
            authority: false,
            path_length: None,
            basic_constraints: true,
            usage: Some(Usage::SIGN.to_vec()),
            purposes: Some(vec![Purpose::ServerAuth, Purpose::ClientAuth]),
            names: Vec::new(),
            permitted: Vec::new(),
            excluded: Vec::new(),
            key_ids: true,
            further: Vec::new(),
            algorithm: None,
            inner_algorithm: None,
            distinguishing_id: DEFAULT_DISTINGUISHING_ID.to_vec(),
            signer: None,
            signature: SignatureForm::Good,
        }
    }

    /// An authority: CA flag, keyCertSign and cRLSign, valid from an hour ago for ten years.
    pub fn authority(common_name: &str) -> Self {
        Self {
            authority: true,
            usage: Some(Usage::AUTHORITY.to_vec()),
            purposes: None,
            not_after: SystemTime::now() + AUTHORITY_LIFETIME,
            ..Self::leaf(common_name)
        }
    }

    /// Version 1 drops every extension.
    #[must_use]
    pub fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// The exact content octets of the serial number: `[0]` is zero, `[0x80]` is negative, 21 octets are too many.
    #[must_use]
    pub fn serial(mut self, octets: &[u8]) -> Self {
        self.serial = Some(octets.to_vec());
        self
    }

    /// Another subject.
    #[must_use]
    pub fn subject(mut self, subject: Name) -> Self {
        self.subject = subject;
        self
    }

    /// An issuer name other than the issuer's subject.
    #[must_use]
    pub fn issuer_name(mut self, issuer: Name) -> Self {
        self.issuer = Some(issuer);
        self
    }

    /// Valid from one moment to another.
    #[must_use]
    pub fn valid(mut self, from: SystemTime, to: SystemTime) -> Self {
        (self.not_before, self.not_after) = (from, to);
        self
    }

    /// Ended an hour ago.
    #[must_use]
    pub fn expired(self) -> Self {
        let now = SystemTime::now();
        self.valid(now - Duration::from_secs(86400), now - BACKDATED)
    }

    /// Begins in an hour.
    #[must_use]
    pub fn not_yet_valid(self) -> Self {
        let now = SystemTime::now();
        self.valid(now + BACKDATED, now + LEAF_LIFETIME)
    }

    /// A SubjectPublicKeyInfo other than the plain one of the key, from one of [`MintKey`]'s `spki_…`.
    #[must_use]
    pub fn spki(mut self, spki: Vec<u8>) -> Self {
        self.spki = Some(spki);
        self
    }

    /// keyUsage with exactly these bits.
    #[must_use]
    pub fn usage(mut self, usage: &[Usage]) -> Self {
        self.usage = Some(usage.to_vec());
        self
    }

    /// No keyUsage extension.
    #[must_use]
    pub fn without_usage(mut self) -> Self {
        self.usage = None;
        self
    }

    /// extendedKeyUsage with exactly these purposes.
    #[must_use]
    pub fn purposes(mut self, purposes: &[Purpose]) -> Self {
        self.purposes = Some(purposes.to_vec());
        self
    }

    /// No extendedKeyUsage extension.
    #[must_use]
    pub fn without_purposes(mut self) -> Self {
        self.purposes = None;
        self
    }

    /// pathLenConstraint of an authority.
    #[must_use]
    pub fn path_length(mut self, path_length: u8) -> Self {
        self.path_length = Some(path_length);
        self
    }

    /// The CA flag set (with the usages as they are): on a leaf this makes a CA that is used as one.
    #[must_use]
    pub fn with_ca_flag(mut self) -> Self {
        self.authority = true;
        self
    }

    /// The CA flag taken away: on an authority this makes an issuer that may not issue.
    #[must_use]
    pub fn without_ca_flag(mut self) -> Self {
        self.authority = false;
        self
    }

    /// No basicConstraints extension.
    #[must_use]
    pub fn without_basic_constraints(mut self) -> Self {
        self.basic_constraints = false;
        self
    }

    /// One more entry of subjectAltName.
    #[must_use]
    pub fn name(mut self, name: AltName) -> Self {
        self.names.push(name);
        self
    }

    /// One more DNS name.
    #[must_use]
    pub fn dns(self, name: &str) -> Self {
        self.name(AltName::Dns(name.to_owned()))
    }

    /// One more IP address.
    #[must_use]
    pub fn ip(self, address: IpAddr) -> Self {
        self.name(AltName::Ip(address))
    }

    /// One more URI, a SPIFFE id for instance.
    #[must_use]
    pub fn uri(self, uri: &str) -> Self {
        self.name(AltName::Uri(uri.to_owned()))
    }

    /// Name constraints of an authority: DNS, URI and e-mail subtrees (addresses would need a mask).
    #[must_use]
    pub fn name_constraints(mut self, permitted: &[AltName], excluded: &[AltName]) -> Self {
        self.permitted = permitted.to_vec();
        self.excluded = excluded.to_vec();
        self
    }

    /// No subject and authority key identifiers.
    #[must_use]
    pub fn without_key_ids(mut self) -> Self {
        self.key_ids = false;
        self
    }

    /// Any further extension: object identifier, criticality, DER value.
    #[must_use]
    pub fn critical_extension(mut self, oid: &[u64], value: &[u8]) -> Self {
        self.further.push(Extension::new(oid, true, value.to_vec()));
        self
    }

    /// A critical extension that nobody knows.
    #[must_use]
    pub fn unknown_critical_extension(self) -> Self {
        self.critical_extension(&[1, 3, 6, 1, 4, 1, 99999, 1], &der::null())
    }

    /// Another signature algorithm than the issuer's key suggests.
    #[must_use]
    pub fn algorithm(mut self, algorithm: SignatureAlgorithm) -> Self {
        self.algorithm = Some(algorithm);
        self
    }

    /// The algorithm named inside the signed part, when it shall differ from the one outside.
    #[must_use]
    pub fn inner_algorithm(mut self, algorithm: SignatureAlgorithm) -> Self {
        self.inner_algorithm = Some(algorithm);
        self
    }

    /// The SM2 identifier under which the issuer signs: empty and RFC 8998's are the usual mistakes.
    #[must_use]
    pub fn distinguishing_id(mut self, id: &[u8]) -> Self {
        self.distinguishing_id = id.to_vec();
        self
    }

    /// Signs with this key instead of the issuer's.
    #[must_use]
    pub fn signed_with(mut self, key: &MintKey) -> Self {
        self.signer = Some(key.clone());
        self
    }

    /// Turns over one bit of the signature value, which stays well formed.
    #[must_use]
    pub fn corrupted_signature(mut self) -> Self {
        self.signature = SignatureForm::Corrupted;
        self
    }

    /// Encodes an ECDSA or SM2 signature with a length that BER allows and DER forbids.
    #[must_use]
    pub fn loose_signature(mut self) -> Self {
        self.signature = SignatureForm::Loose;
        self
    }

    /// Issues for `key`, signed by `issuer`.
    pub fn issue(&self, key: &MintKey, issuer: &Minted) -> Result<Minted, MintError> {
        self.finish(key, &issuer.key, &issuer.subject, &issuer.key_id)
    }

    /// Issues for `key`, signed by the same key.
    pub fn self_signed(&self, key: &MintKey) -> Result<Minted, MintError> {
        self.finish(key, key, &self.subject, &key_id(&key.spki()?))
    }

    fn finish(&self, key: &MintKey, issuer: &MintKey, name: &Name, issuer_id: &[u8]) -> Result<Minted, MintError> {
        let signer = self.signer.as_ref().unwrap_or(issuer);
        let algorithm = self.algorithm.unwrap_or_else(|| signer.usual_algorithm());
        let spki = match &self.spki {
            Some(spki) => spki.clone(),
            None => key.spki()?,
        };
        let serial = match &self.serial {
            Some(serial) => serial.clone(),
            None => random_serial()?,
        };
        let key_id = key_id(&spki);
        let mut parts = Vec::new();
        if self.version == Version::V3 {
            parts.push(der::constructed(der::context(0), [der::small_integer(2)]));
        }
        parts.extend([
            der::integer_octets(&serial),
            self.inner_algorithm.unwrap_or(algorithm).identifier(),
            self.issuer.as_ref().unwrap_or(name).der(),
            der::sequence([der::time(self.not_before), der::time(self.not_after)]),
            self.subject.der(),
            spki,
        ]);
        if self.version == Version::V3 {
            let extensions = self.extensions(&key_id, issuer_id);
            let list = der::sequence(extensions.iter().map(Extension::der));
            parts.push(der::constructed(der::context(3), [list]));
        }
        let tbs = der::sequence(parts);
        let signature = self.signature(algorithm, signer, &tbs)?;
        let der = der::sequence([tbs, algorithm.identifier(), der::bit_string(&signature)]);
        Ok(Minted { der, key: key.clone(), subject: self.subject.clone(), serial, key_id })
    }

    fn extensions(&self, key_id: &[u8], issuer_id: &[u8]) -> Vec<Extension> {
        let mut list = Vec::new();
        if self.basic_constraints {
            list.push(extensions::basic_constraints(self.authority, self.path_length));
        }
        if let Some(usage) = &self.usage {
            list.push(extensions::key_usage(usage));
        }
        if let Some(purposes) = &self.purposes {
            list.push(extensions::extended_key_usage(purposes));
        }
        if !self.names.is_empty() {
            list.push(extensions::subject_alt_names(&self.names, &self.subject));
        }
        if !self.permitted.is_empty() || !self.excluded.is_empty() {
            list.push(extensions::name_constraints(&self.permitted, &self.excluded));
        }
        if self.key_ids {
            list.push(extensions::subject_key_id(key_id));
            list.push(extensions::authority_key_id(issuer_id));
        }
        list.extend(self.further.iter().cloned());
        list
    }

    fn signature(&self, algorithm: SignatureAlgorithm, signer: &MintKey, tbs: &[u8]) -> Result<Vec<u8>, MintError> {
        let mut signature = algorithm.sign(signer, tbs, &self.distinguishing_id)?;
        match self.signature {
            SignatureForm::Good => {}
            SignatureForm::Corrupted => {
                if let Some(last) = signature.last_mut() {
                    *last ^= 1;
                }
            }
            SignatureForm::Loose => {
                let (Some(&der::SEQUENCE), Some(&length @ 0..0x80)) = (signature.first(), signature.get(1)) else {
                    return Err(MintError::SignatureWithoutStructure);
                };
                signature.splice(1..2, [0x81, length]);
            }
        }
        Ok(signature)
    }
}

/// Twenty octets of SHA-256 over the public key, as RFC 7093 §2 method 1 (over the whole info: uniqueness is all it is for).
fn key_id(spki: &[u8]) -> Vec<u8> {
    sha256(spki)[..20].to_vec()
}

/// Sixteen random octets, positive and shortest.
fn random_serial() -> Result<Vec<u8>, MintError> {
    let mut octets = vec![0u8; 16];
    rand_bytes(&mut octets)?;
    octets[0] = octets[0] & 0x7f | 0x40;
    Ok(octets)
}

#[cfg(test)]
mod tests;
