//! Backends as a worker reaches them: endpoints in turn, connections kept for reuse, requests sent over HTTP/1.1 or
//! HTTP/2, plaintext or any kind of TLS.
//!
//! One [`Upstreams`] per worker; nothing in it crosses threads. A pool belongs to one backend of one generation: when the
//! backend, its trust or its credential changes, the new generation gets a pool of its own, and the old one gives its
//! connections up as they become free ([`Upstreams::retire`]). Every wait has a deadline inside the callee. Dropping a
//! request that is under way closes its HTTP/1.1 connection, or resets its HTTP/2 stream.

mod balance;
mod body;
mod connect;
mod error;
mod http1;
mod http2;
mod pool;
mod replay;
mod transport;

pub use body::UpstreamBody;
pub use error::UpstreamError;
pub use transport::Transport;

pub(crate) use http1::Upgraded;
pub(crate) use http2::LocalExecutor;
pub(crate) use pool::{BackendPool, Wish};

use crate::snapshot::BackendRuntime;
use jadegate_tls::stream::Stream;
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// A connection to an endpoint, after its TLS handshake if there is one.
pub type UpstreamStream = Stream<Transport>;

/// Which endpoint was used, and what it took to reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamFacts {
    /// The endpoint as the configuration writes it.
    pub address: Rc<str>,
    /// Duration of the connect with its TLS handshake; `None` = the connection was there already, or none came.
    pub connect: Option<Duration>,
}

/// The pools of one worker.
#[derive(Default)]
pub struct Upstreams {
    pools: RefCell<Vec<Rc<BackendPool>>>,
}

impl Upstreams {
    /// No pools yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The pool of a backend of this generation, made at its first use.
    pub(crate) fn pool(&self, backend: &Arc<BackendRuntime>) -> Rc<BackendPool> {
        let mut pools = self.pools.borrow_mut();
        if let Some(pool) = pools.iter().find(|pool| pool.serves(backend)) {
            return Rc::clone(pool);
        }
        let pool = BackendPool::new(Arc::clone(backend));
        pools.push(Rc::clone(&pool));
        pool
    }

    /// Opens a connection of the caller's own, for bytes: endpoints in turn, the next one tried once when the first
    /// cannot be reached. Cancel safe.
    pub async fn connect_tcp(
        &self,
        backend: &Arc<BackendRuntime>,
    ) -> Result<(UpstreamStream, UpstreamFacts), UpstreamError> {
        self.pool(backend).connect_bytes().await
    }

    /// Gives up every pool whose backend, in its generation, is not among `keep`: idle connections close now, the others
    /// when their exchange is over.
    pub fn retire(&self, keep: &[Arc<BackendRuntime>]) {
        self.pools.borrow_mut().retain(|pool| {
            let kept = keep.iter().any(|backend| pool.serves(backend));
            if !kept {
                pool.retire();
            }
            kept
        });
    }

    /// Connections that wait for a request.
    pub fn idle_count(&self) -> usize {
        self.pools.borrow().iter().map(|pool| pool.idle_count()).sum()
    }

    /// Connections that are open, those in use included.
    pub fn open_count(&self) -> usize {
        self.pools.borrow().iter().map(|pool| pool.open_count()).sum()
    }
}

impl fmt::Debug for Upstreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstreams").field("open", &self.open_count()).field("idle", &self.idle_count()).finish()
    }
}
