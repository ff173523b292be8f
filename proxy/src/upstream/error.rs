//! Why a request got no response from its backend.

use http::StatusCode;
use jadegate_tls::error::HandshakeError;
use std::io;
use thiserror::Error;

/// A request that failed between us and the backend. The client learns [`UpstreamError::status`] and a few fixed words;
/// addresses, certificates and error texts go to the log only.
#[derive(Debug, Error)]
pub enum UpstreamError {
    /// The endpoint did not answer in time.
    #[error("connect timed out")]
    ConnectTimeout,
    /// The endpoint refused the connection.
    #[error("connect refused")]
    ConnectRefused(#[source] io::Error),
    /// The endpoint could not be reached for another reason.
    #[error("connect failed")]
    Connect(#[source] io::Error),
    /// The TLS handshake failed.
    #[error("TLS handshake with the backend")]
    Tls(#[source] Box<HandshakeError>),
    /// The backend terminates TLS, but its connector is not there.
    #[error("TLS of the backend is not ready")]
    TlsNotReady,
    /// The HTTP/2 connection could not be set up.
    #[error("HTTP/2 session with the backend")]
    Session(#[source] hyper::Error),
    /// All connections are in use, and so are all places to wait for one.
    #[error("no connection free and the queue full")]
    PoolFull,
    /// No connection became free in time.
    #[error("no connection became free in time")]
    PoolTimeout,
    /// The backend has no endpoint.
    #[error("no endpoint")]
    NoEndpoint,
    /// The connection ended before the response began.
    #[error("connection ended before the response")]
    Reset(#[source] hyper::Error),
    /// What came back is no HTTP response.
    #[error("malformed response")]
    Malformed(#[source] hyper::Error),
    /// The response has a transfer coding besides chunked, which was not asked for.
    #[error("transfer coding of the response")]
    TransferEncoding,
    /// The response did not begin in time.
    #[error("response timed out")]
    ResponseTimeout,
    /// An upgrade was asked for, and the backend speaks HTTP/2.
    #[error("backend cannot upgrade")]
    UpgradeUnsupported,
    /// The backend switched protocols, and nobody had asked it to.
    #[error("backend switched protocols unasked")]
    UnexpectedUpgrade,
}

impl UpstreamError {
    /// The stable word for logs and metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::ConnectTimeout => "upstream_connect_timeout",
            Self::ConnectRefused(_) => "upstream_connect_refused",
            Self::Connect(_) => "upstream_connect",
            Self::Tls(_) => "upstream_tls",
            Self::TlsNotReady => "upstream_tls_not_ready",
            Self::Session(_) => "upstream_session",
            Self::PoolFull => "upstream_pool_full",
            Self::PoolTimeout => "upstream_pool_timeout",
            Self::NoEndpoint => "upstream_no_endpoint",
            Self::Reset(_) => "upstream_reset",
            Self::Malformed(_) => "upstream_malformed",
            Self::TransferEncoding => "upstream_transfer_encoding",
            Self::ResponseTimeout => "upstream_response_timeout",
            Self::UpgradeUnsupported => "upstream_upgrade_unsupported",
            Self::UnexpectedUpgrade => "upstream_unexpected_upgrade",
        }
    }

    /// The status that the client gets.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::ConnectTimeout | Self::ResponseTimeout => StatusCode::GATEWAY_TIMEOUT,
            Self::PoolFull | Self::PoolTimeout | Self::NoEndpoint | Self::TlsNotReady => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::UpgradeUnsupported => StatusCode::NOT_IMPLEMENTED,
            Self::ConnectRefused(_)
            | Self::Connect(_)
            | Self::Tls(_)
            | Self::Session(_)
            | Self::Reset(_)
            | Self::Malformed(_)
            | Self::TransferEncoding
            | Self::UnexpectedUpgrade => StatusCode::BAD_GATEWAY,
        }
    }

    /// The words that the client gets.
    pub const fn words(&self) -> &'static str {
        match self {
            Self::ConnectTimeout => "upstream connect timed out\n",
            Self::ConnectRefused(_) | Self::Connect(_) | Self::Tls(_) | Self::Session(_) => "upstream connect failed\n",
            Self::PoolFull | Self::PoolTimeout => "upstream overloaded\n",
            Self::NoEndpoint | Self::TlsNotReady => "upstream unavailable\n",
            Self::Reset(_) => "upstream reset\n",
            Self::Malformed(_) | Self::TransferEncoding | Self::UnexpectedUpgrade => "upstream response invalid\n",
            Self::ResponseTimeout => "upstream response timed out\n",
            Self::UpgradeUnsupported => "upstream cannot upgrade\n",
        }
    }

    /// Whether another endpoint may do better: nothing was sent yet.
    pub(super) const fn before_request(&self) -> bool {
        matches!(
            self,
            Self::ConnectTimeout | Self::ConnectRefused(_) | Self::Connect(_) | Self::Tls(_) | Self::Session(_)
        )
    }

    pub(super) fn from_connect(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::ConnectRefused(error),
            io::ErrorKind::TimedOut => Self::ConnectTimeout,
            _ => Self::Connect(error),
        }
    }

    pub(super) fn from_exchange(error: hyper::Error) -> Self {
        if error.is_parse() { Self::Malformed(error) } else { Self::Reset(error) }
    }
}
