//! Backends: where traffic goes.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::TlsClient;

/// Index into [`Config::backends`](super::Config::backends).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BackendId(pub usize);

/// A set of equal endpoints and how to talk to them.
#[derive(Clone, Debug, PartialEq)]
pub struct Backend {
    /// Unique; the label of logs and metrics. An implied backend is named after its address.
    pub name: String,
    /// At least one; taken in turn.
    pub endpoints: Vec<Endpoint>,
    /// What is spoken to them, inside TLS if there is any. `auto` is resolved by the listeners that use it.
    pub protocol: BackendProtocol,
    /// `None` = plaintext.
    pub tls: Option<TlsClient>,
    /// Deadlines of an upstream connection.
    pub timeouts: BackendTimeouts,
    /// Bounds of the connections kept to it.
    pub pool: Pool,
}

/// One address of a backend.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// An IP address and port.
    Tcp(SocketAddr),
    /// The path of a Unix socket; absolute.
    Unix(PathBuf),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// What is spoken to a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendProtocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2; without TLS with prior knowledge.
    Http2,
    /// Bytes.
    Tcp,
}

/// Deadlines of an upstream connection. `None` = the operator wrote `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackendTimeouts {
    /// Connect, and again for the TLS handshake. Never off.
    pub connect: Duration,
    /// How long an unused connection is kept in the pool.
    pub idle: Option<Duration>,
    /// Last byte of the request to the head of the response. HTTP only.
    pub response: Option<Duration>,
}

impl Default for BackendTimeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            idle: Some(Duration::from_secs(60)),
            response: Some(Duration::from_secs(30)),
        }
    }
}

/// Bounds of the connections that one worker keeps to a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Open connections.
    pub max_connections: usize,
    /// Connections kept without a request.
    pub max_idle: usize,
    /// Requests that wait for a connection.
    pub max_pending: usize,
}

impl Default for Pool {
    fn default() -> Self {
        Self { max_connections: 256, max_idle: 64, max_pending: 1024 }
    }
}
