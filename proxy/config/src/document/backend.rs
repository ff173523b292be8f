//! Backends as written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Period, PeriodOrOff, TlsClient};

/// A set of equal endpoints and how to talk to them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Backend {
    /// What listeners call it; label of logs and metrics.
    #[schemars(required, length(min = 1, max = 200))]
    pub(crate) name: Option<String>,
    /// Addresses such as `127.0.0.1:8080` or `unix:/run/app.sock`, taken in turn.
    #[schemars(required, length(min = 1, max = 10_000))]
    pub(crate) endpoints: Option<Vec<String>>,
    /// What is spoken to them. Default: auto.
    pub(crate) protocol: Option<BackendProtocol>,
    /// TLS towards them. Default: plaintext.
    pub(crate) tls: Option<TlsClient>,
    /// Deadlines of an upstream connection.
    pub(crate) timeouts: Option<BackendTimeouts>,
    /// Bounds of the connections that each worker keeps.
    pub(crate) pool: Option<Pool>,
}

/// What is spoken to a backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum BackendProtocol {
    /// HTTP/1.1 behind http listeners, bytes behind tcp listeners.
    #[default]
    Auto,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2; without TLS with prior knowledge.
    Http2,
    /// Bytes.
    Tcp,
}

/// Deadlines of an upstream connection.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BackendTimeouts {
    /// Connect, and again for the TLS handshake. Default: 5s.
    pub(crate) connect: Option<Period>,
    /// How long an unused connection is kept. Default: 60s.
    pub(crate) idle: Option<PeriodOrOff>,
    /// Last byte of the request to the head of the response. Default: 30s.
    pub(crate) response: Option<PeriodOrOff>,
}

/// Bounds of the connections that each worker keeps.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pool {
    /// Open connections. Default: 256.
    #[schemars(range(min = 1, max = 100_000))]
    pub(crate) max_connections: Option<usize>,
    /// Connections kept without a request. Default: 64.
    #[schemars(range(max = 100_000))]
    pub(crate) max_idle: Option<usize>,
    /// Requests that wait for a connection. Default: 1024.
    #[schemars(range(max = 1_000_000))]
    pub(crate) max_pending: Option<usize>,
}
