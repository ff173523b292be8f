//! Listeners and chains as written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{OneOrMany, Period, PeriodOrOff, Size, TlsChoice, word};

/// One set of sockets and how their connections are treated.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listener {
    /// Label of logs and metrics. Default: the first bind address.
    #[schemars(length(min = 1, max = 200))]
    pub(crate) name: Option<String>,
    /// Address and port, such as `0.0.0.0:443`, or a list. `[::]:443` takes IPv6 alone.
    #[schemars(required)]
    pub(crate) bind: Option<OneOrMany<String>>,
    /// What is spoken inside TLS. Default: http.
    pub(crate) protocol: Option<ListenerProtocol>,
    /// TLS of every chain that has none of its own, or `none` for plaintext.
    pub(crate) tls: Option<TlsChoice>,
    /// Deadlines of a downstream connection.
    pub(crate) timeouts: Option<ListenerTimeouts>,
    /// Bounds of a downstream connection.
    pub(crate) limits: Option<ListenerLimits>,
    /// Name of a backend, or an address such as `127.0.0.1:8080` or `unix:/run/app.sock`; that of every chain that has
    /// none of its own.
    #[schemars(length(min = 1))]
    pub(crate) backend: Option<String>,
    /// Different treatment for different connections. The most specific chain takes a connection, weighed in this
    /// order: port, destination, sni, protocol, alpn, source. There is no backtracking.
    #[schemars(length(min = 1))]
    pub(crate) chains: Option<Vec<Chain>>,
}

/// What a listener speaks inside TLS.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ListenerProtocol {
    /// HTTP/1.1 and HTTP/2.
    Http,
    /// Bytes.
    Tcp,
}

/// Deadlines of a downstream connection.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListenerTimeouts {
    /// First byte to finished handshake. Default: 10s.
    pub(crate) handshake: Option<Period>,
    /// First byte of a request head to its last. Default: 10s.
    pub(crate) header: Option<Period>,
    /// No byte in either direction. Default: 60s for http, 1h for tcp.
    pub(crate) idle: Option<PeriodOrOff>,
    /// One whole HTTP exchange; upgraded connections are exempt. Default: 1h.
    pub(crate) request: Option<PeriodOrOff>,
    /// Age at which an HTTP connection is asked to finish and a TCP connection is closed. Default: 24h for http, off for
    /// tcp.
    pub(crate) lifetime: Option<PeriodOrOff>,
}

/// Bounds of a listener.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListenerLimits {
    /// Open connections of this listener. Default: the bound of the process.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub(crate) connections: Option<usize>,
    /// Size of one request head. Default: 64KiB.
    pub(crate) header_bytes: Option<Size>,
    /// Header fields of one request. Default: 100.
    #[schemars(range(min = 1, max = 10_000))]
    pub(crate) headers: Option<usize>,
    /// Open HTTP/2 streams of one connection. Default: 100.
    #[schemars(range(min = 1, max = 10_000))]
    pub(crate) concurrent_streams: Option<u32>,
}

/// One way to treat connections.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Chain {
    /// Label of logs and metrics. Default: `chain-1` and so on.
    #[schemars(length(min = 1, max = 200))]
    pub(crate) name: Option<String>,
    /// Which connections it takes. Default: all that no other chain takes.
    #[serde(rename = "match")]
    pub(crate) matching: Option<Match>,
    /// Its TLS, or `none` for plaintext. Default: that of the listener.
    pub(crate) tls: Option<TlsChoice>,
    /// Name of a backend, or an address. Default: that of the listener.
    #[schemars(length(min = 1))]
    pub(crate) backend: Option<String>,
}

/// Criteria of a chain; one that is absent fits everything.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Match {
    /// What the client offers in its hello; `plaintext` = no hello.
    pub(crate) protocol: Option<OneOrMany<ProtocolWord>>,
    /// Server names, exact or `*.` and a suffix.
    pub(crate) sni: Option<OneOrMany<String>>,
    /// Application protocols that the client offers.
    pub(crate) alpn: Option<OneOrMany<String>>,
    /// Ports that the client connected to.
    pub(crate) port: Option<OneOrMany<u16>>,
    /// Addresses that the client connected to, such as `10.0.0.0/8`.
    pub(crate) destination: Option<OneOrMany<String>>,
    /// Addresses of the client, such as `10.0.0.0/8`.
    pub(crate) source: Option<OneOrMany<String>>,
}

word! {
    /// What a client offers.
    pub(crate) enum ProtocolWord {
        /// A TLCP hello.
        Tlcp = "tlcp",
        /// A TLS hello with the suites, groups and signatures of RFC 8998.
        Tls13Sm = "tls1.3-sm",
        /// A TLS hello that offers TLS 1.3.
        Tls13 = "tls1.3",
        /// A TLS hello that offers TLS 1.2.
        Tls12 = "tls1.2",
        /// Any hello that none of the above takes.
        Tls = "tls",
        /// No hello.
        Plaintext = "plaintext",
    }
}
