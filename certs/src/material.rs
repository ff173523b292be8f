//! Secrets that passed every check, numbered as they replace one another, and the state that a watcher sees.
//!
//! A [`Published`] secret is immutable. Who uses one holds its `Arc`; when the last holder of a replaced secret lets
//! go, its keys are wiped.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use jadegate_tongsuo::openssl::sha::Sha256;
use zeroize::Zeroizing;

use crate::credential::{Credential, CredentialPair};
use crate::trust::TrustBundle;

/// Counts every secret that this process has published, whatever its name: a greater number is a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u64);

impl Generation {
    pub(crate) fn next() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A secret that passed every check.
#[derive(Clone, Debug)]
pub enum Secret {
    /// A chain with its key.
    Credential(Credential),
    /// The two credentials of a TLCP end.
    Pair(CredentialPair),
    /// Roots and revocation lists.
    Trust(Arc<TrustBundle>),
    /// Shared session ticket keys.
    TicketKeys(Arc<TicketKeyFile>),
}

impl Secret {
    /// Hash of the content, sixteen hex digits. Equal secrets have equal versions, however their files are written.
    pub fn version(&self) -> String {
        let mut sha256 = Sha256::new();
        match self {
            Self::Credential(credential) => {
                sha256.update(b"credential");
                digest(credential, &mut sha256);
            }
            Self::Pair(pair) => {
                sha256.update(b"pair");
                digest(&pair.sign, &mut sha256);
                digest(&pair.enc, &mut sha256);
            }
            Self::Trust(trust) => {
                sha256.update(b"trust");
                sha256.update(&trust.fingerprint());
            }
            Self::TicketKeys(file) => {
                sha256.update(b"ticket keys");
                file.keys.iter().for_each(|key| sha256.update(key.as_slice()));
            }
        }
        let mut version = hex::encode(sha256.finish());
        version.truncate(16);
        version
    }
}

/// The key needs no part in it: the leaf names its public half.
fn digest(credential: &Credential, sha256: &mut Sha256) {
    let ocsp = credential.ocsp.as_deref().unwrap_or_default();
    for part in credential.chain.iter().map(|certificate| certificate.der()).chain([&[][..], ocsp]) {
        sha256.update(&part.len().to_be_bytes());
        sha256.update(part);
    }
}

/// Length of one session ticket key: 16 octets of name, 32 for the MAC, 32 for the cipher.
pub const TICKET_KEY: usize = 80;
/// The most keys of one file: old ones are kept for as long as their tickets live, not for ever.
pub const MAX_TICKET_KEYS: usize = 64;

/// Session ticket keys that several processes share. The first encrypts, all decrypt.
pub struct TicketKeyFile {
    keys: Vec<Zeroizing<[u8; TICKET_KEY]>>,
}

impl TicketKeyFile {
    /// Reads keys of 80 octets, one after the other.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TicketKeysError> {
        let (keys, rest) = bytes.as_chunks::<TICKET_KEY>();
        if keys.is_empty() || !rest.is_empty() {
            return Err(match bytes.len() {
                0 => TicketKeysError::Empty,
                length if length % 48 == 0 => TicketKeysError::FortyEight(length),
                length => TicketKeysError::Length(length),
            });
        }
        if keys.len() > MAX_TICKET_KEYS {
            return Err(TicketKeysError::TooMany(keys.len()));
        }
        // Filled in place: a key that is moved leaves a copy behind.
        let mut wiped: Vec<Zeroizing<[u8; TICKET_KEY]>> = Vec::with_capacity(keys.len());
        wiped.resize_with(keys.len(), || Zeroizing::new([0; TICKET_KEY]));
        for (into, from) in wiped.iter_mut().zip(keys) {
            into.copy_from_slice(from);
        }
        Ok(Self { keys: wiped })
    }

    /// The keys; there is at least one, and the first one encrypts.
    pub fn keys(&self) -> &[Zeroizing<[u8; TICKET_KEY]>] {
        &self.keys
    }
}

impl fmt::Debug for TicketKeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TicketKeyFile({} keys, redacted)", self.keys.len())
    }
}

/// Why a file does not hold session ticket keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TicketKeysError {
    /// Nothing in it.
    #[error("the ticket key file is empty; make a key with: openssl rand -out FILE {TICKET_KEY}")]
    Empty,
    /// The older, shorter form of nginx.
    #[error(
        "{0} bytes look like ticket keys of 48 bytes, whose AES-128 is not supported; \
         a key has {TICKET_KEY} bytes: openssl rand -out FILE {TICKET_KEY}"
    )]
    FortyEight(usize),
    /// Not whole keys.
    #[error("{0} bytes are not a whole number of ticket keys of {TICKET_KEY} bytes")]
    Length(usize),
    /// More than [`MAX_TICKET_KEYS`].
    #[error("{0} ticket keys (limit {MAX_TICKET_KEYS})")]
    TooMany(usize),
}

impl TicketKeysError {
    /// Stable word for logs, metrics and tests.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Empty => "ticket_keys_empty",
            Self::FortyEight(_) => "ticket_keys_of_48_bytes",
            Self::Length(_) => "ticket_keys_length",
            Self::TooMany(_) => "ticket_keys_too_many",
        }
    }
}

/// A secret in use.
#[derive(Clone, Debug)]
pub struct Published {
    /// The secret.
    pub secret: Secret,
    /// Its place in the order of all secrets of this process.
    pub generation: Generation,
    /// When it was published.
    pub at: SystemTime,
    /// Hash of its content, see [`Secret::version`].
    pub version: String,
}

/// A candidate that was not taken.
#[derive(Clone, Debug)]
pub struct Rejection {
    /// Stable word for logs, metrics and tests.
    pub reason: &'static str,
    /// For people: which input, and what is wrong with it. Never holds a secret.
    pub text: String,
    /// When it was refused.
    pub at: SystemTime,
}

impl Rejection {
    /// Refused now.
    pub fn new(reason: &'static str, text: impl Into<String>) -> Self {
        Self { reason, text: text.into(), at: SystemTime::now() }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text, self.reason)
    }
}

impl std::error::Error for Rejection {}

/// How many refusals a state remembers.
pub const REMEMBERED_REJECTIONS: usize = 32;

/// What is known of one secret at one moment.
#[derive(Clone, Debug)]
pub struct SecretState {
    /// What the configuration calls it.
    pub name: Arc<str>,
    /// In use; `None` until the first good one.
    pub current: Option<Arc<Published>>,
    /// What is wrong with the source now. `None` when the source holds what is in use, also after a refusal.
    pub last_error: Option<Rejection>,
    /// The latest refusals, oldest first, at most [`REMEMBERED_REJECTIONS`].
    pub history: Arc<[Rejection]>,
    /// Secrets published so far.
    pub updates: u64,
    /// Candidates refused so far.
    pub rejections: u64,
    /// Why a change in the source is not yet judged for good: the other half is awaited.
    pub waiting: Option<String>,
}

impl SecretState {
    pub(crate) fn new(name: Arc<str>) -> Self {
        Self { name, current: None, last_error: None, history: Arc::new([]), updates: 0, rejections: 0, waiting: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticket_keys_are_eighty_bytes_each() {
        let mut bytes = vec![1; TICKET_KEY];
        bytes.extend([2; TICKET_KEY]);
        let file = TicketKeyFile::from_bytes(&bytes).expect("two keys");
        assert_eq!(file.keys().iter().map(|key| key[0]).collect::<Vec<_>>(), [1, 2]);
        let refused = |length| TicketKeyFile::from_bytes(&vec![1; length]).expect_err("refused").reason();
        assert_eq!(refused(0), "ticket_keys_empty");
        assert_eq!(refused(48), "ticket_keys_of_48_bytes");
        assert_eq!(refused(96), "ticket_keys_of_48_bytes");
        assert_eq!(refused(79), "ticket_keys_length");
        assert_eq!(refused(81), "ticket_keys_length");
        assert_eq!(refused(TICKET_KEY * (MAX_TICKET_KEYS + 1)), "ticket_keys_too_many");
    }

    #[test]
    fn ticket_keys_never_show_in_debug_output() {
        let file = TicketKeyFile::from_bytes(&[7; TICKET_KEY]).expect("one key");
        assert_eq!(format!("{file:?}"), "TicketKeyFile(1 keys, redacted)");
    }

    #[test]
    fn generations_only_grow() {
        assert!(Generation::next() < Generation::next());
    }
}
