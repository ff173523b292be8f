//! PKCS#12 archives: a key with its certificates under one password.

use std::fmt;

use crate::certificate::{Certificate, CertificateError};
use crate::key::{KeyError, Password, PrivateKey};

/// What an archive holds.
pub struct Pkcs12Contents {
    /// Its one private key.
    pub key: PrivateKey,
    /// Its certificates, in the order of the archive.
    pub certificates: Vec<Certificate>,
}

impl fmt::Debug for Pkcs12Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pkcs12Contents").field("key", &self.key).field("certificates", &self.certificates).finish()
    }
}

/// Why an archive is not usable.
#[derive(Debug, thiserror::Error)]
pub enum Pkcs12Error {
    /// The structure cannot be read.
    #[error("malformed PKCS#12 archive: {0}")]
    Malformed(&'static str),
    /// The integrity check fails: a wrong password or a damaged file.
    #[error("wrong password for the PKCS#12 archive, or the archive is damaged")]
    WrongPassword,
    /// An algorithm that we do not use.
    #[error("PKCS#12 archive uses an unsupported {what}: {oid}; write it again with: openssl pkcs12 -export")]
    Unsupported {
        /// Which part of the scheme.
        what: &'static str,
        /// Its identifier.
        oid: String,
    },
    /// The key derivation is told to work longer than any honest file asks.
    #[error("PKCS#12 archive asks for {0} iterations")]
    TooManyIterations(u64),
    /// No private key inside.
    #[error("no private key in the PKCS#12 archive")]
    NoKey,
    /// More than one private key inside.
    #[error("{0} private keys in the PKCS#12 archive; one is wanted")]
    SeveralKeys(usize),
    /// No certificate inside.
    #[error("no certificate in the PKCS#12 archive")]
    NoCertificate,
    /// The key inside is not usable.
    #[error("unusable private key in the PKCS#12 archive")]
    Key(#[from] KeyError),
    /// A certificate inside is not readable.
    #[error("unreadable certificate in the PKCS#12 archive")]
    Certificate(#[from] CertificateError),
}

impl Pkcs12Error {
    /// Stable word for logs, metrics and tests.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "pkcs12_malformed",
            Self::WrongPassword => "pkcs12_password_wrong",
            Self::Unsupported { .. } => "pkcs12_encryption_unsupported",
            Self::TooManyIterations(_) => "pkcs12_iterations",
            Self::NoKey => "pkcs12_key_absent",
            Self::SeveralKeys(_) => "pkcs12_key_several",
            Self::NoCertificate => "pkcs12_certificate_absent",
            Self::Key(source) => source.reason(),
            Self::Certificate(source) => source.reason(),
        }
    }
}

/// Opens an archive.
pub fn parse(der: &[u8], password: &Password) -> Result<Pkcs12Contents, Pkcs12Error> {
    let _ = (der, password);
    Err(Pkcs12Error::Malformed("not read yet"))
}
