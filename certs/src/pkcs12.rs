//! PKCS#12 archives (RFC 7292): a key with its certificates under one password.
//!
//! Read by us rather than by libcrypto, so that the work stays bounded, no copy of the key is left behind and the SM3
//! and SM4 identifiers are understood. The archive must be DER; the 40-bit RC2 of very old tools is not read.

mod archive;
mod derive;

use std::fmt;

use jadegate_tongsuo::openssl::error::ErrorStack;

use crate::certificate::{Certificate, CertificateError};
use crate::der::DerError;
use crate::key::{Allowance, KeyError, Password, Pbes2Error, PrivateKey, Spent};
use crate::residue::without_residue;

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
    #[error("wrong password for the PKCS#12 archive, or it is damaged")]
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
    /// The key derivations of all that one input holds take longer than any honest file asks.
    #[error(
        "PKCS#12 archive asks for {asked} iterations more, and {left} are left for all that this input holds; write it \
         anew with fewer"
    )]
    AllowanceSpent {
        /// Iterations that are asked for.
        asked: u64,
        /// Iterations that are left.
        left: u64,
    },
    /// No private key inside.
    #[error("no private key in the PKCS#12 archive")]
    NoKey,
    /// More than one private key inside.
    #[error("{0} private keys in the PKCS#12 archive; one is wanted")]
    SeveralKeys(usize),
    /// No certificate inside.
    #[error("no certificate in the PKCS#12 archive")]
    NoCertificate,
    /// The archive holds no integrity check under a password.
    #[error("PKCS#12 archive without a password-based integrity check")]
    NoIntegrity,
    /// libcrypto refused an operation that should work.
    #[error("libcrypto refused to open the PKCS#12 archive")]
    Engine(#[from] ErrorStack),
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
            Self::AllowanceSpent { .. } => "pkcs12_iterations_in_all",
            Self::NoKey => "pkcs12_key_absent",
            Self::SeveralKeys(_) => "pkcs12_key_several",
            Self::NoCertificate => "pkcs12_certificate_absent",
            Self::NoIntegrity => "pkcs12_no_integrity",
            Self::Engine(_) => "pkcs12_engine",
            Self::Key(source) => source.reason(),
            Self::Certificate(source) => source.reason(),
        }
    }
}

impl From<DerError> for Pkcs12Error {
    fn from(_: DerError) -> Self {
        Self::Malformed("not DER (an archive in BER can be written again with: openssl pkcs12)")
    }
}

impl From<Spent> for Pkcs12Error {
    fn from(Spent { asked, left }: Spent) -> Self {
        Self::AllowanceSpent { asked, left }
    }
}

impl From<Pbes2Error> for Pkcs12Error {
    fn from(error: Pbes2Error) -> Self {
        match error {
            Pbes2Error::Malformed => Self::Malformed("encryption parameters"),
            Pbes2Error::Unsupported { what, oid } => Self::Unsupported { what, oid },
            Pbes2Error::TooManyIterations(count) => Self::TooManyIterations(count),
            Pbes2Error::AllowanceSpent(spent) => spent.into(),
            // The integrity check has passed by then, so the archive contradicts itself.
            Pbes2Error::WrongPassword => Self::WrongPassword,
            Pbes2Error::Engine(source) => Self::Engine(source),
        }
    }
}

/// Opens an archive: checks its integrity under the password, then reads its one key and its certificates.
///
/// An archive without an integrity check is refused: nothing would tell a damaged file from a good one.
pub fn parse(der: &[u8], password: &Password) -> Result<Pkcs12Contents, Pkcs12Error> {
    parse_within(der, password, &mut Allowance::of_one_input())
}

/// As [`parse`], for an archive among others.
pub(crate) fn parse_within(
    der: &[u8],
    password: &Password,
    allowance: &mut Allowance,
) -> Result<Pkcs12Contents, Pkcs12Error> {
    let (mut keys, certificates) = without_residue(|| -> Result<_, Pkcs12Error> {
        let (safe, form) = archive::authenticated(der, password, allowance)?;
        let mut found = archive::Found::new(password, form, allowance);
        archive::read_safe(safe, &mut found)?;
        Ok((found.keys, found.certificates))
    })?;
    let key = match keys.len() {
        0 => return Err(Pkcs12Error::NoKey),
        1 => keys.remove(0),
        several => return Err(Pkcs12Error::SeveralKeys(several)),
    };
    if certificates.is_empty() {
        return Err(Pkcs12Error::NoCertificate);
    }
    Ok(Pkcs12Contents { key, certificates })
}

#[cfg(test)]
mod tests;
