//! X.509 certificates: the octets and the facts in them, parsed once.
//!
//! Facts only. Nothing here says that a certificate is trustworthy: chains are verified by the engines and judged
//! further by [`crate::rules`]. An extension that we rely on and that does not parse makes the whole certificate
//! unreadable, never "without that extension".

mod names;
mod parse;
mod signature;
mod usage;

use std::fmt;
use std::sync::{Arc, OnceLock};

use jadegate_tongsuo::openssl::error::ErrorStack;
use jadegate_tongsuo::openssl::sha::sha256;
use jadegate_tongsuo::openssl::x509::{X509, X509Ref};

pub use self::names::SubjectAltNames;
pub use self::signature::SignatureAlgorithm;
pub use self::usage::{ExtendedKeyUsage, KeyUsage};
use crate::clock::UnixTime;
use crate::der;
use crate::key::{KeyKind, KeyProblem};
use crate::pem::{self, PemError};

/// The largest certificate that is read.
pub const MAX_CERTIFICATE: usize = 64 << 10;

/// One certificate. Clones share it.
#[derive(Clone)]
pub struct Certificate(Arc<Inner>);

struct Inner {
    der: Vec<u8>,
    facts: parse::Facts,
    engine: OnceLock<X509>,
}

impl Certificate {
    /// Reads one DER certificate that fills the input.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let facts = parse::facts(der)?;
        Ok(Self(Arc::new(Inner { der: der.to_vec(), facts, engine: OnceLock::new() })))
    }

    /// Reads every certificate of a PEM input, or the one of a DER input. Blocks of another kind are skipped, so that a
    /// file may hold a key beside its certificates; an input without any certificate is an error.
    pub fn from_pem_or_der(bytes: &[u8]) -> Result<Vec<Self>, CertificateError> {
        if der::is_der(bytes) {
            return Ok(vec![Self::from_der(bytes)?]);
        }
        let mut certificates = Vec::new();
        let mut found = Vec::new();
        for block in pem::parse(bytes)? {
            match block.label.as_str() {
                "CERTIFICATE" | "X509 CERTIFICATE" => certificates.push(
                    Self::from_der(&block.der)
                        .map_err(|source| CertificateError::InFile { line: block.line, source: Box::new(source) })?,
                ),
                "TRUSTED CERTIFICATE" => return Err(CertificateError::TrustedForm { line: block.line }),
                _ => pem::note(&mut found, block.label),
            }
        }
        if certificates.is_empty() {
            return Err(CertificateError::Absent { found });
        }
        Ok(certificates)
    }

    /// The certificate as it was read.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// The certificate as one PEM block.
    pub fn to_pem(&self) -> String {
        pem::encode("CERTIFICATE", self.der())
    }

    /// Subject for people, `CN=…, O=…`; empty when the certificate has none.
    pub fn subject(&self) -> &str {
        &self.0.facts.subject
    }

    /// Issuer for people.
    pub fn issuer(&self) -> &str {
        &self.0.facts.issuer
    }

    /// Serial number in lower-case hex, as it is encoded (a negative one begins with 8 or more).
    pub fn serial(&self) -> &str {
        &self.0.facts.serial
    }

    /// Value octets of the serial number's INTEGER.
    pub fn serial_octets(&self) -> &[u8] {
        &self.0.facts.serial_octets
    }

    /// Begin of validity.
    pub fn not_before(&self) -> UnixTime {
        self.0.facts.not_before
    }

    /// End of validity; this second is the last one of it.
    pub fn not_after(&self) -> UnixTime {
        self.0.facts.not_after
    }

    /// Subject as a DER Name.
    pub fn subject_der(&self) -> &[u8] {
        &self.0.der[self.0.facts.subject_range.clone()]
    }

    /// Issuer as a DER Name.
    pub fn issuer_der(&self) -> &[u8] {
        &self.0.der[self.0.facts.issuer_range.clone()]
    }

    /// SubjectPublicKeyInfo as it is encoded.
    pub fn spki_der(&self) -> &[u8] {
        &self.0.der[self.0.facts.spki_range.clone()]
    }

    /// Kind of the public key; `None` when it is none that we use: see [`Self::key_problem`].
    pub fn key_kind(&self) -> Option<KeyKind> {
        self.0.facts.key.as_ref().ok().copied()
    }

    /// Why the public key is none that we use.
    pub fn key_problem(&self) -> Option<&KeyProblem> {
        self.0.facts.key.as_ref().err()
    }

    /// The keyUsage extension, if present.
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.0.facts.key_usage
    }

    /// The extendedKeyUsage extension, if present.
    pub fn extended_key_usage(&self) -> Option<&ExtendedKeyUsage> {
        self.0.facts.extended_key_usage.as_ref()
    }

    /// The key identifier in authorityKeyIdentifier, if present: which key of the issuer signed.
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.0.facts.authority_key_id.as_deref()
    }

    /// Whether basicConstraints says CA.
    pub fn is_ca(&self) -> bool {
        self.0.facts.is_ca
    }

    /// Whether subject and issuer are the same name. Says nothing about the signature.
    pub fn is_self_issued(&self) -> bool {
        self.subject_der() == self.issuer_der()
    }

    /// X.509 version, 1 to 3.
    pub fn version(&self) -> u32 {
        self.0.facts.version
    }

    /// subjectAltName; empty when absent.
    pub fn names(&self) -> &SubjectAltNames {
        &self.0.facts.names
    }

    /// How the issuer signed.
    pub fn signature_algorithm(&self) -> &SignatureAlgorithm {
        &self.0.facts.signature_algorithm
    }

    /// Whether the algorithm inside the signed part is that of the signature.
    pub fn signature_algorithms_agree(&self) -> bool {
        self.0.facts.signature_algorithms_agree
    }

    /// The signature itself.
    pub fn signature(&self) -> &[u8] {
        &self.0.facts.signature
    }

    /// Dotted identifiers of the critical extensions that we do not process.
    pub fn unknown_critical_extensions(&self) -> &[String] {
        &self.0.facts.unknown_critical
    }

    /// SHA-256 over the whole certificate.
    pub fn sha256(&self) -> [u8; 32] {
        sha256(self.der())
    }

    /// SHA-256 over SubjectPublicKeyInfo.
    pub fn spki_sha256(&self) -> [u8; 32] {
        sha256(self.spki_der())
    }

    /// libcrypto's view of this certificate, made once.
    pub fn engine_certificate(&self) -> Result<&X509Ref, ErrorStack> {
        if let Some(parsed) = self.0.engine.get() {
            return Ok(parsed);
        }
        let parsed = X509::from_der(&self.0.der)?;
        Ok(self.0.engine.get_or_init(|| parsed))
    }

    /// Whether the signature on this certificate was made by the key in `issuer`. SM2 signatures are verified under the
    /// identifier of certificates, `1234567812345678`. Any failure is a no.
    pub fn is_signed_by(&self, issuer: &Self) -> bool {
        let verify = || -> Result<bool, ErrorStack> {
            let key = issuer.engine_certificate()?.public_key()?;
            self.engine_certificate()?.verify(&key)
        };
        verify().unwrap_or(false)
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.der() == other.der()
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({:?}, serial {}, sha256 {})", self.subject(), self.serial(), hex::encode(self.sha256()))
    }
}

/// Why octets are not a readable certificate.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CertificateError {
    /// The input is not well-formed PEM.
    #[error("certificate file is not well-formed PEM")]
    Pem(#[from] PemError),
    /// No certificate in the input.
    #[error("no certificate in this input (found: {})", if .found.is_empty() { "nothing".to_owned() } else { .found.join(", ") })]
    Absent {
        /// Labels of the blocks that are there.
        found: Vec<String>,
    },
    /// OpenSSL's own `TRUSTED CERTIFICATE` form, whose trust settings we would not honour.
    #[error("line {line}: a TRUSTED CERTIFICATE block is not supported; write it with: openssl x509 -in FILE -out NEW")]
    TrustedForm {
        /// Line of its `BEGIN`.
        line: usize,
    },
    /// One certificate of a file is unreadable.
    #[error("line {line}: unreadable certificate")]
    InFile {
        /// Line of its `BEGIN`.
        line: usize,
        /// What is wrong with it.
        source: Box<Self>,
    },
    /// More octets than [`MAX_CERTIFICATE`].
    #[error("certificate of {0} bytes is too large (limit {MAX_CERTIFICATE})")]
    TooLarge(usize),
    /// The structure cannot be read.
    #[error("not an X.509 certificate: {0}")]
    Malformed(String),
    /// Octets follow the certificate.
    #[error("{0} bytes follow the certificate")]
    TrailingBytes(usize),
    /// An extension that we rely on cannot be read.
    #[error("malformed {0} extension")]
    MalformedExtension(&'static str),
    /// An extension appears twice.
    #[error("extension {0} appears twice")]
    DuplicateExtension(String),
}

impl CertificateError {
    /// Stable word for logs, metrics and tests.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Pem(source) => source.reason(),
            Self::Absent { .. } => "certificate_absent",
            Self::TrustedForm { .. } => "certificate_trusted_form",
            Self::InFile { source, .. } => source.reason(),
            Self::TooLarge(_) => "certificate_too_large",
            Self::Malformed(_) => "certificate_malformed",
            Self::TrailingBytes(_) => "certificate_trailing_bytes",
            Self::MalformedExtension(_) => "certificate_extension_malformed",
            Self::DuplicateExtension(_) => "certificate_extension_twice",
        }
    }
}

#[cfg(test)]
mod tests;
