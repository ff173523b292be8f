//! The model: plain data, all defaults applied, references resolved to indices.
//!
//! A value of these types is consistent: every [`BackendId`] and [`SecretId`] points into the [`Config`] it came from, a
//! chain that terminates TLS has a certificate, and a plaintext chain has none. Secrets are described, not loaded.

mod backend;
mod listener;
mod log;
mod process;
mod secret;
mod tls;

pub use backend::{Backend, BackendId, BackendProtocol, BackendTimeouts, Endpoint, Pool};
pub use listener::{
    Chain, ChainMatch, IpPrefix, Listener, ListenerLimits, ListenerProtocol, ListenerTimeouts, ProtocolMatch,
    ServerNameMatch,
};
pub use log::{ACCESS_OPERATORS, AccessFormat, AccessLog, AccessTarget, Level, Log, LogFormat};
pub use process::{Admin, AdminBind, Cores, ProcessLimits, Shutdown};
pub use secret::{NamedSecret, Position, SecretId};
pub use tls::{
    ClientAuth, ClientAuthMode, ClientProtocol, EngineChoice, Resume, RevocationDepth, ServerVerification, SessionIds,
    Sessions, StrictSni, TicketKeys, TlsClient, TlsServer,
};

/// A complete, checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// How many workers to start.
    pub cores: Cores,
    /// The process log and the access log.
    pub log: Log,
    /// The admin endpoint; `None` = none is opened.
    pub admin: Option<Admin>,
    /// How the process ends.
    pub shutdown: Shutdown,
    /// Bounds over the whole process.
    pub limits: ProcessLimits,
    /// What to listen on, in the order of the document.
    pub listeners: Vec<Listener>,
    /// Where traffic goes: named ones in the order of the document, then those implied by a bare address.
    pub backends: Vec<Backend>,
    /// Every certificate, trust bundle and key file in use, once each.
    pub secrets: Vec<NamedSecret>,
}

impl Config {
    /// The backend that `id` points at.
    #[must_use]
    pub fn backend(&self, id: BackendId) -> &Backend {
        &self.backends[id.0]
    }

    /// The secret that `id` points at.
    #[must_use]
    pub fn secret(&self, id: SecretId) -> &NamedSecret {
        &self.secrets[id.0]
    }
}
