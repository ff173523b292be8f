//! Where secrets come from: files and inline bytes, watched and judged before anybody uses them.
//!
//! A [`Source`] offers candidates, a [`Store`] judges them and publishes [`SecretState`]s. What has been published is
//! displaced only by something that passed every check: parsing, key and certificate belong together, pair rules,
//! validity now. [`watch`] ties both together for files; [`load_once`] does the same checks once, for commands that
//! look and leave.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::sync::watch::Receiver;
use tokio::task::{JoinError, spawn_blocking};

mod candidate;
mod changes;
mod file_source;
mod files;
mod ocsp;
mod resolve;
mod spec;
mod store;

pub use candidate::Candidate;
pub use file_source::FileSource;
pub use spec::{CredentialInput, CredentialSpec, Input, PairSpec, SecretSpec, TicketKeysSpec, TrustSpec};
pub use store::Store;

use crate::clock::UnixTime;
use crate::material::{Rejection, Secret, SecretState};

/// Offers candidates for one secret.
pub trait Source: Send + 'static {
    /// What the configuration calls the secret.
    fn name(&self) -> &str;

    /// Resolves when there is a candidate to judge, the first time at once. An error says that the source has nothing
    /// to offer now. Cancel safe: a candidate is offered again by the next call if this one is dropped.
    fn next(&mut self) -> impl Future<Output = Result<Candidate, Rejection>> + Send;
}

/// How a source is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchOptions {
    /// Files are read so often even when nothing is told: the net under the watching.
    pub poll: Duration,
    /// How long one half of a rotation may wait for the other before it is refused.
    pub settle: Duration,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self { poll: Duration::from_secs(60), settle: Duration::from_secs(2) }
    }
}

/// Reads and judges a secret once. Blocks.
pub fn load_once(spec: &SecretSpec, now: UnixTime) -> Result<Secret, Rejection> {
    Candidate::read(&Arc::new(spec.clone()))?.judge(now)
}

/// Watches a secret. The future is the driver: spawn it; it ends when every receiver is gone.
pub fn watch(
    name: impl Into<Arc<str>>,
    spec: SecretSpec,
    options: WatchOptions,
) -> (Receiver<SecretState>, impl Future<Output = ()> + Send + 'static) {
    let (state, store) = Store::new(FileSource::new(name.into(), spec, options), options);
    (state, store.run())
}

/// Work of this module that runs at one time: thousands of secrets must not become hundreds of threads.
static BLOCKING: Semaphore = Semaphore::const_new(16);

/// Runs what reads files or verifies signatures off the runtime's own thread.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError> {
    let _permit = BLOCKING.acquire().await.expect("never closed");
    spawn_blocking(work).await
}

#[cfg(test)]
mod tests;
