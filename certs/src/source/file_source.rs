//! A source over files (and inline bytes, which never change): reads at once, then whenever something may have changed.
//!
//! Events of the file system are hints, see [`changes`](super::changes). A slow poll stands behind them for file
//! systems that tell nothing, and a faster one takes over where watching does not work at all.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};

use super::candidate::Candidate;
use super::changes::{Coverage, Subscription};
use super::resolve::Resolver;
use super::spec::SecretSpec;
use super::{Source, WatchOptions, blocking};
use crate::material::Rejection;

/// Silence after which a series of writes counts as finished.
const QUIET: Duration = Duration::from_millis(100);
/// A series that never ends is read all the same.
const LONGEST_SERIES: Duration = Duration::from_secs(1);
/// How often file attributes are looked at where changes are not told.
const UNTOLD: Duration = Duration::from_secs(2);

/// Device, inode, size, and the seconds and nanoseconds of both times.
type Stamp = Vec<Option<[i64; 7]>>;

/// The inputs of one secret, watched.
pub struct FileSource {
    name: Arc<str>,
    spec: Arc<SecretSpec>,
    options: WatchOptions,
    /// Blocking threads use it, one at a time.
    subscription: Arc<Mutex<Subscription>>,
    changed: Arc<Notify>,
    coverage: Coverage,
    /// There is something to read: set before any await that could be cancelled, cleared when a reading is handed out.
    due: bool,
    last_read: Instant,
    stamp: Stamp,
}

impl FileSource {
    /// Watches the files of `spec`.
    pub fn new(name: Arc<str>, spec: SecretSpec, options: WatchOptions) -> Self {
        Self::over(Subscription::new(), name, spec, options)
    }

    /// As on a system where nothing can be watched.
    #[cfg(test)]
    pub(super) fn untold(name: Arc<str>, spec: SecretSpec, options: WatchOptions) -> Self {
        Self::over(Subscription::untold(), name, spec, options)
    }

    fn over(subscription: Subscription, name: Arc<str>, spec: SecretSpec, options: WatchOptions) -> Self {
        Self {
            name,
            spec: Arc::new(spec),
            options,
            changed: subscription.signal(),
            subscription: Arc::new(Mutex::new(subscription)),
            coverage: Coverage::Partial,
            due: true,
            last_read: Instant::now(),
            stamp: Stamp::new(),
        }
    }

    /// Returns when it is time to read again.
    async fn wait(&mut self) {
        loop {
            let poll_at = self.last_read + self.options.poll;
            let look_at = match self.coverage {
                Coverage::Full => poll_at,
                Coverage::Partial => poll_at.min(Instant::now() + UNTOLD),
            };
            tokio::select! {
                () = self.changed.notified() => {
                    self.due = true;
                    self.until_quiet().await;
                    return;
                }
                () = sleep_until(look_at) => {}
            }
            if look_at == poll_at || self.stamp != stamp(&self.spec) {
                self.due = true;
                return;
            }
        }
    }

    async fn until_quiet(&self) {
        let start = Instant::now();
        while start.elapsed() < LONGEST_SERIES && timeout(QUIET, self.changed.notified()).await.is_ok() {}
    }
}

impl Source for FileSource {
    fn name(&self) -> &str {
        &self.name
    }

    async fn next(&mut self) -> Result<Candidate, Rejection> {
        if !self.due {
            self.wait().await;
        }
        let (spec, subscription) = (Arc::clone(&self.spec), Arc::clone(&self.subscription));
        let reading = blocking(move || {
            let coverage = cover(&spec, &subscription);
            (coverage, stamp(&spec), Candidate::read(&spec))
        });
        let Ok((coverage, stamp, candidate)) = reading.await else {
            // Only a panic in there or the end of the runtime leads here; neither is repeated in a hurry.
            (self.due, self.last_read) = (false, Instant::now());
            return Err(Rejection::new("reading_aborted", "reading the files was aborted"));
        };
        (self.coverage, self.stamp) = (coverage, stamp);
        (self.due, self.last_read) = (false, Instant::now());
        candidate
    }
}

/// Arms the watches, before reading: what changes later is told.
fn cover(spec: &SecretSpec, subscription: &Mutex<Subscription>) -> Coverage {
    let mut resolver = Resolver::default();
    for path in spec.files() {
        resolver.resolve(path);
    }
    subscription.lock().unwrap_or_else(PoisonError::into_inner).cover(resolver.into_lookups())
}

fn stamp(spec: &SecretSpec) -> Stamp {
    let of = |metadata: fs::Metadata| {
        let (device, inode) = (metadata.dev().cast_signed(), metadata.ino().cast_signed());
        let modified = [metadata.mtime(), metadata.mtime_nsec()];
        [
            device,
            inode,
            metadata.size().cast_signed(),
            modified[0],
            modified[1],
            metadata.ctime(),
            metadata.ctime_nsec(),
        ]
    };
    spec.files().map(|path| fs::metadata(path).ok().map(of)).collect()
}
