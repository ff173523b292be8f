//! Puts the certificates of one credential in order: the leaf of a key first, each issuer behind what it signed.
//!
//! Files come in any order, with duplicates and with the root at the end. Order is found by verified signatures, never
//! by names alone. Self-signed certificates are set apart: they serve trust and are never sent.

use crate::certificate::Certificate;
use crate::key::{KeyKind, PrivateKey};

/// The most certificates of one credential; longer lists are refused before any signature is verified.
pub const MAX_CERTIFICATES: usize = 32;

/// An ordered chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// The leaf, then each issuer. A self-signed leaf stands alone here.
    pub certificates: Vec<Certificate>,
    /// Self-signed certificates of the input that are not the leaf: for trust only.
    pub roots: Vec<Certificate>,
    /// Certificates that signed nothing in the chain, for example the other half of a TLCP pair in one file. Not sent;
    /// worth a warning.
    pub unrelated: Vec<Certificate>,
}

/// Why certificates and key do not make one chain.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ChainError {
    /// Nothing to order.
    #[error("no certificate")]
    Empty,
    /// More than [`MAX_CERTIFICATES`].
    #[error("{0} certificates in one chain (limit {MAX_CERTIFICATES})")]
    TooMany(usize),
    /// No certificate holds the public half of the key.
    #[error(
        "the {kind} key (public key sha256 {key}) belongs to none of the certificates: {}",
        .certificates.join("; ")
    )]
    KeyMatchesNone {
        /// Kind of the key.
        kind: KeyKind,
        /// Fingerprint of the key's public half.
        key: String,
        /// Subject, serial and public key fingerprint of each certificate.
        certificates: Vec<String>,
    },
    /// Two different certificates hold the key, and neither issued the other.
    #[error("the key belongs to two different certificates: {first}; {second}")]
    TwoLeaves {
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// A certificate has the name of an issuer, but the signature is not by its key.
    #[error("signature of certificate ({child}) is not by the issuer at hand ({issuer})")]
    BrokenLink {
        /// The certificate that is signed otherwise.
        child: String,
        /// The certificate that bears its issuer's name.
        issuer: String,
    },
}

impl ChainError {
    /// Stable word for logs, metrics and tests.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Empty => "chain_empty",
            Self::TooMany(_) => "chain_too_many",
            Self::KeyMatchesNone { .. } => "key_certificate_mismatch",
            Self::TwoLeaves { .. } => "chain_two_leaves",
            Self::BrokenLink { .. } => "chain_broken_link",
        }
    }
}

/// Orders certificates behind the leaf that holds the public half of `key`.
pub fn order(certificates: Vec<Certificate>, key: &PrivateKey) -> Result<Chain, ChainError> {
    let mut pool = without_duplicates(certificates)?;
    let leaf = take_leaf(&mut pool, key)?;
    let (roots, mut pool): (Vec<_>, Vec<_>) =
        pool.into_iter().partition(|certificate| certificate.is_self_issued() && certificate.is_signed_by(certificate));
    let mut chain = vec![leaf];
    loop {
        let last = &chain[chain.len() - 1];
        if last.is_self_issued() && last.is_signed_by(last) {
            break;
        }
        let named: Vec<usize> =
            (0..pool.len()).filter(|index| pool[*index].subject_der() == last.issuer_der()).collect();
        match named.iter().find(|index| last.is_signed_by(&pool[**index])) {
            Some(issuer) => {
                let next = pool.remove(*issuer);
                chain.push(next);
            }
            // A root of the input may be the issuer; then an old certificate of the same name is no broken link.
            None if named.is_empty() || roots.iter().any(|root| last.is_signed_by(root)) => break,
            None => return Err(ChainError::BrokenLink { child: name(last), issuer: name(&pool[named[0]]) }),
        }
    }
    Ok(Chain { certificates: chain, roots, unrelated: pool })
}

/// Subject, serial and key fingerprint: enough for a person to tell certificates apart.
pub(crate) fn name(certificate: &Certificate) -> String {
    format!(
        "{:?}, serial {}, public key sha256 {}",
        certificate.subject(),
        certificate.serial(),
        hex::encode(certificate.spki_sha256())
    )
}

fn without_duplicates(certificates: Vec<Certificate>) -> Result<Vec<Certificate>, ChainError> {
    let mut unique: Vec<Certificate> = Vec::with_capacity(certificates.len().min(MAX_CERTIFICATES));
    for certificate in certificates {
        if !unique.contains(&certificate) {
            if unique.len() == MAX_CERTIFICATES {
                return Err(ChainError::TooMany(unique.len() + 1));
            }
            unique.push(certificate);
        }
    }
    Ok(unique)
}

fn take_leaf(pool: &mut Vec<Certificate>, key: &PrivateKey) -> Result<Certificate, ChainError> {
    if pool.is_empty() {
        return Err(ChainError::Empty);
    }
    let holders: Vec<usize> = (0..pool.len()).filter(|index| key.matches_spki(pool[*index].spki_der())).collect();
    match holders.as_slice() {
        [only] => Ok(pool.remove(*only)),
        [] => Err(ChainError::KeyMatchesNone {
            kind: key.kind(),
            key: hex::encode(key.spki_sha256()),
            certificates: pool.iter().map(name).collect(),
        }),
        [first, second, ..] => Err(ChainError::TwoLeaves { first: name(&pool[*first]), second: name(&pool[*second]) }),
    }
}

#[cfg(test)]
mod tests;
