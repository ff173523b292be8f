//! What peers are verified against: root certificates and revocation lists.

mod crl;

use std::collections::BTreeSet;
use std::fmt;

use jadegate_tongsuo::openssl::sha::sha256;

pub use self::crl::{Crl, CrlError, MAX_CRL_INPUT};
use crate::certificate::{Certificate, CertificateError};

/// The most roots of one bundle.
pub const MAX_ROOTS: usize = 2048;

/// Roots and revocation lists, as one unit that changes together.
#[derive(Clone, Default)]
pub struct TrustBundle {
    /// Certificates that a chain may end at. Not necessarily self-signed: an operator may trust an intermediate.
    pub roots: Vec<Certificate>,
    /// Revocation lists.
    pub crls: Vec<Crl>,
}

/// Why inputs are not a trust bundle.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TrustError {
    /// The roots cannot be read.
    #[error("unreadable trust bundle")]
    Certificate(#[from] CertificateError),
    /// The revocation lists cannot be read.
    #[error("unreadable revocation list")]
    Crl(#[from] CrlError),
    /// More than [`MAX_ROOTS`].
    #[error("{0} roots (limit {MAX_ROOTS})")]
    TooMany(usize),
    /// A bundle that would trust nobody.
    #[error("the trust bundle holds no certificate")]
    Empty,
}

impl TrustError {
    /// Stable word for logs, metrics and tests.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Certificate(source) => source.reason(),
            Self::Crl(source) => source.reason(),
            Self::TooMany(_) => "trust_too_many",
            Self::Empty => "trust_empty",
        }
    }
}

impl TrustBundle {
    /// Reads root files and revocation list files, each PEM or DER, each with one or many entries. Duplicates are
    /// dropped.
    pub fn from_inputs<'a>(
        roots: impl IntoIterator<Item = &'a [u8]>,
        crls: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, TrustError> {
        let mut bundle = Self::default();
        let mut seen = BTreeSet::new();
        for input in roots {
            for root in Certificate::from_pem_or_der(input)? {
                if seen.insert(root.sha256()) {
                    bundle.roots.push(root);
                }
            }
        }
        if bundle.roots.len() > MAX_ROOTS {
            return Err(TrustError::TooMany(bundle.roots.len()));
        }
        if bundle.roots.is_empty() {
            return Err(TrustError::Empty);
        }
        for input in crls {
            for crl in Crl::from_pem_or_der(input)? {
                if seen.insert(crl.fingerprint()) {
                    bundle.crls.push(crl);
                }
            }
        }
        Ok(bundle)
    }

    /// Hash of the content, whatever its order and duplicates: two bundles that trust and revoke the same have one
    /// fingerprint.
    pub fn fingerprint(&self) -> [u8; 32] {
        let roots: BTreeSet<[u8; 32]> = self.roots.iter().map(Certificate::sha256).collect();
        let crls: BTreeSet<[u8; 32]> = self.crls.iter().map(Crl::fingerprint).collect();
        let mut content = Vec::with_capacity((roots.len() + crls.len()) * 33);
        // A tag before each hash keeps a root from ever standing for a revocation list.
        for (tag, hashes) in [(b'R', roots), (b'C', crls)] {
            for hash in hashes {
                content.push(tag);
                content.extend_from_slice(&hash);
            }
        }
        sha256(&content)
    }
}

impl fmt::Debug for TrustBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustBundle")
            .field("roots", &self.roots.len())
            .field("crls", &self.crls.len())
            .field("fingerprint", &hex::encode(self.fingerprint()))
            .finish()
    }
}

#[cfg(test)]
mod tests;
