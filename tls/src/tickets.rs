//! Ticket keys: one ring for both engines.
//!
//! A [`TicketRing`] holds a few 80-byte keys. The first encrypts, all of them decrypt. Keys are either generated and
//! rotated by the ring itself or given from outside, so that replicas behind one address accept each other's tickets.
//! What the engines use is never a ring key but a secret derived from it for one *context* (credential, trust, policy:
//! see `ServerContext`) and one purpose. A ticket made under another trust bundle, CRL or certificate therefore does
//! not even carry a name that the context knows: nothing resumes across a rotation of trust or credential.
//!
//! The ring does not know about TLS messages; the engines seal and open.

pub(crate) mod sealed;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use aws_lc_rs::hkdf;
use jadegate_certs::material::{MAX_TICKET_KEYS, TICKET_KEY};
use tokio::time::Instant;
use zeroize::Zeroizing;

/// Length of one ring key in bytes: the size that nginx and others use for shared ticket key files.
pub const TICKET_KEY_LENGTH: usize = TICKET_KEY;

/// Length in bytes of the public name by which a ticket says which key sealed it.
pub const TICKET_NAME_LENGTH: usize = 16;

/// Keys that a ring holds at most.
pub const TICKET_KEYS_MAX: usize = MAX_TICKET_KEYS;

/// The ring has no usable keys.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum TicketRingError {
    /// The system's random number generator failed.
    #[error("no random bytes for a session ticket key")]
    Random,
    /// A ring needs at least one key and takes at most [`TICKET_KEYS_MAX`].
    #[error("a ticket ring takes 1 to {TICKET_KEYS_MAX} keys, not {count}")]
    KeyCount {
        /// How many keys were given.
        count: usize,
    },
    /// A key is not [`TICKET_KEY_LENGTH`] bytes long.
    #[error("ticket key {index} has {length} bytes instead of {TICKET_KEY_LENGTH}")]
    KeyLength {
        /// Position of the key, from 0.
        index: usize,
        /// Its length in bytes.
        length: usize,
    },
}

impl TicketRingError {
    /// A stable word for logs, metrics and tests.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Random => "no_random",
            Self::KeyCount { .. } => "ticket_key_count",
            Self::KeyLength { .. } => "ticket_key_length",
        }
    }
}

/// When a ring that generates its own keys replaces them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TicketRotation {
    /// Age at which the newest key stops encrypting.
    pub every: Duration,
    /// How many older keys still decrypt.
    pub keep: usize,
}

impl Default for TicketRotation {
    fn default() -> Self {
        Self { every: Duration::from_secs(3600), keep: 2 }
    }
}

type Key = Arc<Zeroizing<[u8; TICKET_KEY_LENGTH]>>;

/// The keys of one moment, newest first. Immutable; replaced whole.
struct Keys {
    /// Grows with every change, so that derived secrets know when they are stale.
    epoch: u64,
    keys: Vec<Key>,
}

/// How a ring gets its next key.
enum Renewal {
    Generated { rotation: TicketRotation, rotated: Mutex<Instant> },
    Given,
}

/// The ticket keys that encrypt and decrypt now.
pub struct TicketRing {
    keys: ArcSwap<Keys>,
    renewal: Renewal,
    epochs: AtomicU64,
}

/// A secret derived for one context and one purpose; wiped on drop.
pub struct TicketSecret<const N: usize> {
    /// What the ticket carries in clear to say which key sealed it. Unlinkable between contexts.
    pub name: [u8; TICKET_NAME_LENGTH],
    /// The key bytes.
    pub secret: Zeroizing<[u8; N]>,
}

impl TicketRing {
    /// A ring that makes its own keys and rotates them when it is used.
    pub fn generated(rotation: TicketRotation) -> Result<Arc<Self>, TicketRingError> {
        let keys = Keys { epoch: 0, keys: vec![random_key()?] };
        let renewal = Renewal::Generated { rotation, rotated: Mutex::new(Instant::now()) };
        Ok(Arc::new(Self { keys: ArcSwap::from_pointee(keys), renewal, epochs: AtomicU64::new(0) }))
    }

    /// A ring whose keys come from outside, the first one encrypting. It changes only by [`TicketRing::replace`].
    pub fn given<K: AsRef<[u8]>>(keys: &[K]) -> Result<Arc<Self>, TicketRingError> {
        let keys = Keys { epoch: 0, keys: copy_keys(keys)? };
        Ok(Arc::new(Self { keys: ArcSwap::from_pointee(keys), renewal: Renewal::Given, epochs: AtomicU64::new(0) }))
    }

    /// Puts other keys in place of the present ones; contexts in use see them with their next ticket.
    pub fn replace<K: AsRef<[u8]>>(&self, keys: &[K]) -> Result<(), TicketRingError> {
        let keys = copy_keys(keys)?;
        self.publish(keys);
        Ok(())
    }

    /// Derives the secrets that `context` uses for the purpose `label`: the sealing one first, then the older ones.
    pub fn derive<const N: usize>(&self, context: &[u8; 32], label: &'static str) -> DerivedSecrets<N> {
        self.rotate_when_due();
        let keys = self.keys.load();
        let secrets = keys.keys.iter().filter_map(|key| derive_secret(key, context, label)).collect();
        DerivedSecrets { epoch: keys.epoch, secrets }
    }

    /// Changes whenever the keys change. Cheap: an engine asks it before every use of derived secrets.
    pub fn epoch(&self) -> u64 {
        self.rotate_when_due();
        self.keys.load().epoch
    }

    fn rotate_when_due(&self) {
        let Renewal::Generated { rotation, rotated } = &self.renewal else { return };
        // Whoever holds the lock rotates; the others go on with the keys of a moment ago.
        let Ok(mut rotated) = rotated.try_lock() else { return };
        let age = rotated.elapsed();
        if age < rotation.every {
            return;
        }
        // Without random bytes the old key stays in use; the next ticket tries again.
        let Ok(fresh) = random_key() else { return };
        let mut keys = vec![fresh];
        // A ring that slept for several periods drops the keys that would have been dropped meanwhile.
        let periods = age.as_nanos().checked_div(rotation.every.as_nanos()).unwrap_or(u128::MAX).max(1);
        let missed = usize::try_from(periods - 1).unwrap_or(usize::MAX);
        keys.extend(self.keys.load().keys.iter().take(rotation.keep.saturating_sub(missed)).cloned());
        keys.truncate(TICKET_KEYS_MAX);
        self.publish(keys);
        *rotated = Instant::now();
    }

    fn publish(&self, keys: Vec<Key>) {
        let epoch = self.epochs.fetch_add(1, Ordering::AcqRel) + 1;
        self.keys.store(Arc::new(Keys { epoch, keys }));
    }
}

impl std::fmt::Debug for TicketRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let keys = self.keys.load();
        f.debug_struct("TicketRing").field("epoch", &keys.epoch).field("keys", &keys.keys.len()).finish_non_exhaustive()
    }
}

/// Secrets derived from all keys of a ring at one moment, the sealing one first.
pub struct DerivedSecrets<const N: usize> {
    /// The ring's epoch they were derived in.
    pub epoch: u64,
    /// Sealing secret first.
    pub secrets: Vec<TicketSecret<N>>,
}

impl<const N: usize> DerivedSecrets<N> {
    /// The secret to seal new tickets with.
    pub fn sealing(&self) -> Option<&TicketSecret<N>> {
        self.secrets.first()
    }

    /// The secret that a ticket of this name was sealed with, and whether it is an old one (the ticket wants renewal).
    pub fn opening(&self, name: &[u8]) -> Option<(&TicketSecret<N>, Freshness)> {
        let position = self.secrets.iter().position(|secret| secret.name == name)?;
        let freshness = if position == 0 { Freshness::Current } else { Freshness::Old };
        Some((&self.secrets[position], freshness))
    }
}

/// Whether a ticket was sealed with the key that seals now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Sealed with the newest key.
    Current,
    /// Sealed with an older one: send the client a new ticket.
    Old,
}

/// Secrets of one context and purpose that follow their ring: derived again only after the keys changed.
pub struct BoundSecrets<const N: usize> {
    ring: Arc<TicketRing>,
    context: [u8; 32],
    label: &'static str,
    derived: ArcSwap<DerivedSecrets<N>>,
    renewing: Mutex<()>,
}

impl<const N: usize> BoundSecrets<N> {
    /// Binds `ring` to a context hash and a purpose.
    pub fn new(ring: Arc<TicketRing>, context: [u8; 32], label: &'static str) -> Self {
        let derived = ArcSwap::from_pointee(ring.derive(&context, label));
        Self { ring, context, label, derived, renewing: Mutex::new(()) }
    }

    /// The secrets of this moment.
    pub fn current(&self) -> Arc<DerivedSecrets<N>> {
        let derived = self.derived.load_full();
        if derived.epoch == self.ring.epoch() {
            return derived;
        }
        let _renewing = self.renewing.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = Arc::new(self.ring.derive(&self.context, self.label));
        self.derived.store(fresh.clone());
        fresh
    }
}

impl<const N: usize> std::fmt::Debug for BoundSecrets<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BoundSecrets").field("ring", &self.ring).field("label", &self.label).finish_non_exhaustive()
    }
}

fn random_key() -> Result<Key, TicketRingError> {
    let mut key = Zeroizing::new([0; TICKET_KEY_LENGTH]);
    aws_lc_rs::rand::fill(key.as_mut_slice()).map_err(|_unspecified| TicketRingError::Random)?;
    Ok(Arc::new(key))
}

fn copy_keys<K: AsRef<[u8]>>(keys: &[K]) -> Result<Vec<Key>, TicketRingError> {
    if keys.is_empty() || keys.len() > TICKET_KEYS_MAX {
        return Err(TicketRingError::KeyCount { count: keys.len() });
    }
    let copy = |(index, key): (usize, &K)| {
        let key = key.as_ref();
        let mut copy = Zeroizing::new([0; TICKET_KEY_LENGTH]);
        if key.len() != copy.len() {
            return Err(TicketRingError::KeyLength { index, length: key.len() });
        }
        copy.copy_from_slice(key);
        Ok(Arc::new(copy))
    };
    keys.iter().enumerate().map(copy).collect()
}

/// The output length of one expansion.
struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF-SHA256 (RFC 5869), extracted with the context as salt, expanded once for the name and once for the secret.
fn derive_secret<const N: usize>(key: &Key, context: &[u8; 32], label: &'static str) -> Option<TicketSecret<N>> {
    let root = hkdf::Salt::new(hkdf::HKDF_SHA256, context).extract(key.as_slice());
    let mut name = [0; TICKET_NAME_LENGTH];
    let mut secret = Zeroizing::new([0; N]);
    let expand = |purpose: &[u8], out: &mut [u8]| {
        let info = [b"jadegate ticket ".as_slice(), label.as_bytes(), purpose];
        root.expand(&info, Length(out.len())).ok()?.fill(out).ok()
    };
    expand(b" name", &mut name)?;
    expand(b" secret", secret.as_mut_slice())?;
    Some(TicketSecret { name, secret })
}

#[cfg(test)]
mod tests;
