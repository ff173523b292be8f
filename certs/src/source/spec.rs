//! Where a secret comes from, in words: plain data that a configuration fills.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::files::MAX_FILE;
use crate::trust::MAX_CRL_INPUT;

/// Where one secret comes from. Equal descriptions name the same secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSpec {
    /// A certificate chain with its key.
    Credential(CredentialSpec),
    /// The two credentials of a TLCP end.
    Pair(PairSpec),
    /// Roots and revocation lists.
    Trust(TrustSpec),
    /// Session ticket keys that several processes share.
    TicketKeys(TicketKeysSpec),
}

/// One credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialSpec {
    /// Chain and key.
    pub material: CredentialInput,
    /// First line: what opens an encrypted key or a PKCS#12 container.
    pub password: Option<Input>,
    /// A DER OCSP response to staple.
    pub ocsp: Option<Input>,
}

/// The two ways in which chain and key are delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialInput {
    /// Two inputs, PEM or DER. They may be the same one, a PEM file that holds both.
    Pem {
        /// The chain, in any order.
        certificate: Input,
        /// The private key.
        key: Input,
    },
    /// One PKCS#12 container.
    Pkcs12(Input),
}

impl CredentialSpec {
    /// A chain and a key in files of their own.
    pub fn files(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        let material =
            CredentialInput::Pem { certificate: Input::File(certificate.into()), key: Input::File(key.into()) };
        Self { material, password: None, ocsp: None }
    }
}

/// Both credentials of a TLCP end. Each must have the usages of its slot: a mix-up is refused, not put right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairSpec {
    /// For signatures.
    pub sign: CredentialSpec,
    /// For key exchange.
    pub enc: CredentialSpec,
}

/// What peers are verified with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustSpec {
    /// Bundles of roots, PEM or DER.
    pub roots: Vec<Input>,
    /// Revocation lists, PEM or DER.
    pub crls: Vec<Input>,
}

/// Session ticket keys: one or more keys of 80 bytes, the first of which encrypts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketKeysSpec {
    /// The keys, one after the other.
    pub keys: Input,
}

/// Bytes in a file or in the configuration itself.
#[derive(Clone, PartialEq, Eq)]
pub enum Input {
    /// A file, watched.
    File(PathBuf),
    /// Given in place. May hold a key, so that it is wiped and never printed.
    Inline(Arc<Zeroizing<Vec<u8>>>),
}

impl Input {
    /// Bytes given in place.
    pub fn inline(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Inline(Arc::new(Zeroizing::new(bytes.into())))
    }
}

/// For people: the path, or that there is none.
impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Inline(_) => f.write_str("(inline)"),
        }
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "File({})", path.display()),
            Self::Inline(bytes) => write!(f, "Inline({} bytes, redacted)", bytes.len()),
        }
    }
}

impl SecretSpec {
    /// All inputs with the bound of their size, always in the same order.
    pub(super) fn inputs(&self) -> Vec<(&Input, usize)> {
        let small = |input| (input, MAX_FILE);
        match self {
            Self::Credential(credential) => credential.inputs().map(small).collect(),
            Self::Pair(pair) => pair.sign.inputs().chain(pair.enc.inputs()).map(small).collect(),
            Self::Trust(trust) => {
                let crls = trust.crls.iter().map(|input| (input, MAX_CRL_INPUT));
                trust.roots.iter().map(small).chain(crls).collect()
            }
            Self::TicketKeys(keys) => vec![small(&keys.keys)],
        }
    }

    /// The files among the inputs.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.inputs().into_iter().filter_map(|(input, _)| match input {
            Input::File(path) => Some(path.as_path()),
            Input::Inline(_) => None,
        })
    }
}

impl CredentialSpec {
    fn inputs(&self) -> impl Iterator<Item = &Input> {
        let (first, second) = match &self.material {
            CredentialInput::Pem { certificate, key } => (certificate, Some(key)),
            CredentialInput::Pkcs12(container) => (container, None),
        };
        [Some(first), second, self.password.as_ref(), self.ocsp.as_ref()].into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inline_bytes_never_show_in_debug_output() {
        let shown = format!("{:?}", Input::inline(*b"-----BEGIN PRIVATE KEY-----"));
        assert_eq!(shown, "Inline(27 bytes, redacted)");
        assert_eq!(Input::inline(*b"a"), Input::inline(*b"a"));
        assert_ne!(Input::inline(*b"a"), Input::inline(*b"b"));
    }
}
