//! Signature algorithms by name, and which of them are too weak to be believed.

use std::fmt;

use serde::{Serialize, Serializer};
use x509_parser::x509::AlgorithmIdentifier;

use crate::der::{self, Reader};

/// How a certificate or CRL is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// RSA PKCS#1 v1.5 or PSS over SHA-256 or larger.
    Rsa(&'static str),
    /// ECDSA over SHA-256 or larger.
    Ecdsa(&'static str),
    /// Ed25519.
    Ed25519,
    /// SM2 over SM3.
    Sm2Sm3,
    /// Over MD5 or SHA-1: can be forged.
    Weak(&'static str),
    /// Anything else, by its dotted identifier.
    Unknown(String),
}

impl SignatureAlgorithm {
    pub(crate) fn read(algorithm: &AlgorithmIdentifier<'_>) -> Self {
        let oid = algorithm.algorithm.to_id_string();
        match oid.as_str() {
            "1.2.840.113549.1.1.11" => Self::Rsa("RSA-SHA256"),
            "1.2.840.113549.1.1.12" => Self::Rsa("RSA-SHA384"),
            "1.2.840.113549.1.1.13" => Self::Rsa("RSA-SHA512"),
            "1.2.840.113549.1.1.10" => pss(algorithm.parameters.as_ref().map(|parameters| parameters.data)),
            "1.2.840.10045.4.3.2" => Self::Ecdsa("ECDSA-SHA256"),
            "1.2.840.10045.4.3.3" => Self::Ecdsa("ECDSA-SHA384"),
            "1.2.840.10045.4.3.4" => Self::Ecdsa("ECDSA-SHA512"),
            "1.3.101.112" => Self::Ed25519,
            "1.2.156.10197.1.501" => Self::Sm2Sm3,
            "1.2.840.113549.1.1.2" => Self::Weak("RSA-MD2"),
            "1.2.840.113549.1.1.4" => Self::Weak("RSA-MD5"),
            "1.2.840.113549.1.1.5" => Self::Weak("RSA-SHA1"),
            "1.2.840.10045.4.1" => Self::Weak("ECDSA-SHA1"),
            _ => Self::Unknown(oid),
        }
    }

    /// Whether the signature value is a DER SEQUENCE of two INTEGERs.
    pub(crate) fn is_pair_of_integers(&self) -> bool {
        matches!(self, Self::Ecdsa(_) | Self::Sm2Sm3 | Self::Weak("ECDSA-SHA1"))
    }
}

/// RSASSA-PSS names its hash in the parameters; the default is SHA-1.
fn pss(parameters: Option<&[u8]>) -> SignatureAlgorithm {
    let hash = || -> Option<String> {
        let hash = Reader::new(parameters?).expect(der::context(0)).ok()?;
        der::oid_text(Reader::new(hash).sequence().ok()?.expect(der::OID).ok()?)
    };
    match hash().as_deref() {
        Some("2.16.840.1.101.3.4.2.1") => SignatureAlgorithm::Rsa("RSA-PSS-SHA256"),
        Some("2.16.840.1.101.3.4.2.2") => SignatureAlgorithm::Rsa("RSA-PSS-SHA384"),
        Some("2.16.840.1.101.3.4.2.3") => SignatureAlgorithm::Rsa("RSA-PSS-SHA512"),
        _ => SignatureAlgorithm::Weak("RSA-PSS-SHA1"),
    }
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa(name) | Self::Ecdsa(name) | Self::Weak(name) => f.write_str(name),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Sm2Sm3 => f.write_str("SM2-SM3"),
            Self::Unknown(oid) => f.write_str(oid),
        }
    }
}

impl Serialize for SignatureAlgorithm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
