//! Bounds that are counted, and the permits that count them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A bound on open connections, exact over all workers. A reload may move it.
#[derive(Debug)]
pub struct ConnectionLimit {
    most: AtomicUsize,
    open: AtomicUsize,
}

impl ConnectionLimit {
    /// At most `most` at a time.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most: AtomicUsize::new(most), open: AtomicUsize::new(0) })
    }

    /// Moves the bound; those above a lower one stay until they end.
    pub fn set(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
    }

    /// How many are open.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// A place for one connection until the permit goes; `None` = all are taken.
    pub fn try_acquire(self: &Arc<Self>) -> Option<Permit> {
        let most = self.most.load(Ordering::Relaxed);
        self.open
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| (open < most).then_some(open + 1))
            .ok()
            .map(|_| Permit(Arc::clone(self)))
    }
}

/// One place of a [`ConnectionLimit`].
#[derive(Debug)]
pub struct Permit(Arc<ConnectionLimit>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Raises the soft limit of file descriptors to the hard one, as a process that serves many connections must.
/// Returns the limit that holds afterwards; `None` = there is none.
pub fn raise_descriptor_limit() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return limit.current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::warn!(%error, "the limit of file descriptors cannot be raised");
            limit.current
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ConnectionLimit;

    #[test]
    fn the_limit_is_exact_and_a_place_is_free_again_when_its_permit_goes() {
        let limit = ConnectionLimit::new(2);
        let first = limit.try_acquire().unwrap();
        let _second = limit.try_acquire().unwrap();
        assert!(limit.try_acquire().is_none());
        drop(first);
        assert_eq!(limit.open(), 1);
        assert!(limit.try_acquire().is_some());
        limit.set(1);
        assert!(limit.try_acquire().is_none());
    }
}
