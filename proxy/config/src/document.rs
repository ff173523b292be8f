//! What the operator writes, and nothing derived from it.
//!
//! These types are the format: the JSON Schema is generated from them, the structural check obeys that schema, and the
//! text of their documentation is what an editor shows.
//!
//! Every field is optional to serde, those that the schema requires too: the structural check has reported what is
//! missing, and the rest can still be looked at.

mod backend;
mod listener;
mod secret;
mod tls;
mod words;

pub(crate) use backend::{Backend, BackendProtocol, Pool};
pub(crate) use listener::{Chain, Listener, ListenerLimits, ListenerProtocol, ListenerTimeouts, Match, ProtocolWord};
pub(crate) use secret::{Certificate, Input, SingleCertificate, Trust};
pub(crate) use tls::{
    ClientAuth, ClientAuthMode, ClientProtocol, Engine, PeerRule, Policy, Resumption, RevocationDepth, StandardVersion,
    TlsChoice, TlsClient, TlsServer, Verify,
};
pub(crate) use words::{OneOrMany, Period, PeriodOrOff, Size, word};

use schemars::JsonSchema;
use serde::Deserialize;

/// Configuration of Jadegate: listeners, the TLS that they terminate, and the backends behind them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Jadegate configuration")]
pub(crate) struct Document {
    /// How many workers to start. Default: one for each core.
    #[schemars(range(min = 1, max = 1024))]
    pub(crate) cores: Option<usize>,
    /// The process log and the access log.
    pub(crate) log: Option<Log>,
    /// The admin endpoint: health, metrics, configuration, certificates. Default: none is opened.
    pub(crate) admin: Option<Admin>,
    /// How the process ends.
    pub(crate) shutdown: Option<Shutdown>,
    /// Bounds over the whole process.
    pub(crate) limits: Option<ProcessLimits>,
    /// What to listen on.
    #[schemars(required, length(min = 1))]
    pub(crate) listeners: Option<Vec<Listener>>,
    /// Where traffic goes. A listener may also name an address directly.
    pub(crate) backends: Option<Vec<Backend>>,
}

/// The process log and the access log.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    /// The least important line that is written. Default: info.
    pub(crate) level: Option<Level>,
    /// How a line of the process log looks. Default: text.
    pub(crate) format: Option<LogFormat>,
    /// One line for each request or TCP connection.
    pub(crate) access: Option<Access>,
}

/// Importance of a line of the process log.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// How a line of the process log looks.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// Where the access log goes and how its lines look.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Access {
    /// A file to append to, `-` for standard output, or `off`. Default: `-`.
    #[schemars(length(min = 1))]
    pub(crate) path: Option<String>,
    /// `json`, or a text with `%OPERATORS%`. Default: json.
    #[schemars(length(min = 1))]
    pub(crate) format: Option<String>,
}

/// The admin endpoint.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Admin {
    /// An address such as `127.0.0.1:9901`, which is the default, or `unix:` and the path of a socket.
    #[schemars(length(min = 1))]
    pub(crate) bind: Option<String>,
    /// Allow an address that other hosts can reach. The endpoint has no authentication.
    pub(crate) allow_remote: Option<bool>,
}

/// How the process ends.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shutdown {
    /// How long connections may take to finish once asked to. Default: 30s.
    pub(crate) drain: Option<Period>,
}

/// Bounds over the whole process, divided among the workers.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProcessLimits {
    /// Open downstream connections. Default: 20000.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub(crate) connections: Option<usize>,
    /// Handshakes in flight. Default: 1024.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) handshakes: Option<usize>,
}
