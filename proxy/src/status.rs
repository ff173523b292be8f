//! What reconciliation tells the admin: the parts of the picture that workers do not need.

use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use jadegate_certs::material::SecretState;
use tokio::sync::watch;

/// A pointer to the newest status.
pub(crate) type SharedStatus = Arc<ArcSwap<Status>>;

/// The state of the process beside its snapshot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Status {
    /// Every secret of the running configuration, live.
    pub(crate) secrets: Vec<watch::Receiver<SecretState>>,
    /// Why a port is closed although its listener could serve: listener and reason.
    pub(crate) unopened: Vec<(String, String)>,
    /// Contexts that a rotation could not replace.
    pub(crate) held: Vec<Held>,
    /// The last attempt to take a configuration.
    pub(crate) last_reload: Option<LastReload>,
}

/// A context that a rotation could not replace: the last good one, if any, is served.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// The chain or backend, for people.
    pub(crate) owner: String,
    /// The secrets that changed since the last good context.
    pub(crate) secrets: Vec<Arc<str>>,
    /// The stable word.
    pub(crate) reason: &'static str,
    /// For people.
    pub(crate) text: String,
    /// Whether this is the first time that these inputs failed.
    pub(crate) new: bool,
}

/// How the last attempt to take a configuration went.
#[derive(Clone, Debug)]
pub(crate) struct LastReload {
    pub(crate) at: SystemTime,
    /// The generation, or why the configuration was refused.
    pub(crate) result: Result<u64, String>,
}
