//! Shutdown in two phases, as one value that everything with a life of its own holds.
//!
//! *Started*: stop accepting, finish what is in hand (HTTP/2 GOAWAY, HTTP/1 `Connection: close`, L4 until both
//! sides are done). *Aborted*: the deadline has passed or a second signal came; drop everything now. A drain
//! never goes back. Waiting on either phase is cancel safe.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio_util::sync::CancellationToken;

/// The two phases of a shutdown. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Drain {
    started: CancellationToken,
    aborted: CancellationToken,
    cut: Arc<AtomicUsize>,
}

impl Drain {
    /// A drain that has not begun.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins the first phase. Idempotent.
    pub fn start(&self) {
        self.started.cancel();
    }

    /// Begins the second phase, and the first with it. Idempotent.
    pub fn abort(&self) {
        self.started.cancel();
        self.aborted.cancel();
    }

    /// Begins the second phase while `connections` are open. Most of them take note and end by themselves, within
    /// their task; cut they are all the same.
    pub fn cut(&self, connections: usize) {
        self.cut.fetch_max(connections, Ordering::Relaxed);
        self.abort();
    }

    /// How many connections [`Drain::cut`] found open.
    pub fn connections_cut(&self) -> usize {
        self.cut.load(Ordering::Relaxed)
    }

    /// Whether the first phase has begun.
    pub fn draining(&self) -> bool {
        self.started.is_cancelled()
    }

    /// Whether the second phase has begun.
    pub fn aborting(&self) -> bool {
        self.aborted.is_cancelled()
    }

    /// Waits for the first phase.
    pub async fn started(&self) {
        self.started.cancelled().await;
    }

    /// Waits for the second phase.
    pub async fn aborted(&self) {
        self.aborted.cancelled().await;
    }
}

/// How a shutdown ended; the process's exit code says the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every connection finished by itself.
    Graceful,
    /// At least one connection was cut.
    Forced,
}

impl Outcome {
    /// The outcome of a shutdown that cut so many connections.
    pub(crate) const fn after(cut: usize) -> Self {
        if cut == 0 { Self::Graceful } else { Self::Forced }
    }
}

#[cfg(test)]
mod tests {
    use super::Drain;

    #[tokio::test]
    async fn an_abort_is_also_a_start() {
        let drain = Drain::new();
        assert!(!drain.draining() && !drain.aborting());
        drain.clone().abort();
        drain.started().await;
        drain.aborted().await;
        assert!(drain.draining() && drain.aborting());
    }

    #[tokio::test]
    async fn a_start_is_not_an_abort() {
        let drain = Drain::new();
        drain.start();
        assert!(drain.draining() && !drain.aborting());
    }
}
