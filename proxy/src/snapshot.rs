//! The immutable picture that the data plane runs on.
//!
//! Only reconciliation makes snapshots, and it publishes each as one pointer: a worker sees the old one or the new
//! one, never a mixture. A connection keeps the listener and chain that it started with; an old generation is freed
//! with its last connection.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use jadegate_config::{Backend, Chain, ChainTable, Config, Listener};
use jadegate_tls::connector::Connector;
use jadegate_tls::server::ServerContext;

use crate::limits::ConnectionLimit;
use crate::metrics::{BackendMetrics, ListenerMetrics};

/// Everything that workers need, of one generation.
#[derive(Debug)]
pub struct Snapshot {
    /// Counts up by one with each snapshot.
    pub generation: u64,
    /// The configuration that it was made from.
    pub config: Arc<Config>,
    /// In the order of the configuration.
    pub listeners: Vec<Arc<ListenerRuntime>>,
    /// In the order of the configuration.
    pub backends: Vec<Arc<BackendRuntime>>,
    /// Index into `listeners` of each socket's owner.
    pub(crate) owners: HashMap<BindKey, usize>,
}

impl Snapshot {
    /// What there is before the first configuration is taken.
    pub(crate) fn empty(config: Arc<Config>) -> Self {
        Self { generation: 0, config, listeners: Vec::new(), backends: Vec::new(), owners: HashMap::new() }
    }

    /// The listener that owns a socket.
    pub(crate) fn owner(&self, bind: &BindKey) -> Option<&Arc<ListenerRuntime>> {
        self.owners.get(bind).and_then(|index| self.listeners.get(*index))
    }

    /// What keeps listeners closed; empty = every port is open.
    pub fn missing(&self) -> impl Iterator<Item = (&ListenerRuntime, &Missing)> {
        self.listeners.iter().flat_map(|listener| listener.missing.iter().map(|missing| (listener.as_ref(), missing)))
    }
}

/// A listener with everything it needs to serve.
#[derive(Debug)]
pub struct ListenerRuntime {
    /// What the operator wrote, with defaults.
    pub config: Listener,
    /// In the order of the configuration.
    pub chains: Vec<Arc<ChainRuntime>>,
    /// Picks the chain of a connection.
    pub table: ChainTable,
    /// Handles of its metrics.
    pub metrics: ListenerMetrics,
    /// What it waits for; as long as there is anything, its port is closed.
    pub missing: Vec<Missing>,
    pub(crate) limit: Arc<ConnectionLimit>,
}

impl ListenerRuntime {
    /// Whether a connection begins with a hello, or might: a listener without any TLS does not look at first bytes.
    pub fn expects_hello(&self) -> bool {
        self.chains.iter().any(|chain| chain.config.tls.is_some())
    }

    /// Whether every chain can serve.
    pub fn ready(&self) -> bool {
        self.missing.is_empty()
    }
}

/// A secret that keeps a listener closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The chain that needs it.
    pub chain: String,
    /// The secret.
    pub secret: Arc<str>,
    /// Why it is not usable, for people.
    pub why: String,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "chain {}, secret {}: {}", self.chain, self.secret, self.why)
    }
}

/// A chain with its TLS and its backend.
#[derive(Debug)]
pub struct ChainRuntime {
    /// What the operator wrote, with defaults.
    pub config: Chain,
    /// `None` = plaintext, or a secret is missing and the listener closed.
    pub tls: Option<Arc<ServerContext>>,
    /// Where its traffic goes.
    pub backend: Arc<BackendRuntime>,
}

/// A backend with its TLS.
#[derive(Debug)]
pub struct BackendRuntime {
    /// What the operator wrote, with defaults.
    pub config: Backend,
    /// `None` = plaintext, or a secret is missing and every listener that uses it closed.
    pub connector: Option<Arc<Connector>>,
    /// Handles of its metrics.
    pub metrics: BackendMetrics,
    /// The snapshot in which it last changed. A connection made under an older one is not reused.
    pub generation: u64,
}

/// The identity of a socket over reloads: its address, and for port 0 the listener that asked for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct BindKey {
    pub(crate) address: SocketAddr,
    ephemeral: Option<String>,
}

impl BindKey {
    pub(crate) fn new(listener: &Listener, address: SocketAddr) -> Self {
        let ephemeral = (address.port() == 0).then(|| listener.name.clone());
        Self { address, ephemeral }
    }
}

impl fmt::Display for BindKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}
