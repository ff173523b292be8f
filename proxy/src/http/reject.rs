//! Requests that we answer ourselves, and why.

use super::head_guard::HeadRefusal;
use super::violation::Violation;
use crate::upstream::UpstreamError;
use http::StatusCode;
use thiserror::Error;

/// Why a request is not forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum Rejection {
    /// The guard refused the bytes.
    #[error("{0}")]
    Violation(Violation),
    /// The request head did not arrive in time.
    #[error("request head timed out")]
    HeaderTimeout,
    /// The rest of the request did not arrive in time.
    #[error("request body timed out")]
    BodyTimeout,
    /// The request's body ended with an error.
    #[error("request body ended early")]
    BodyEnded,
    /// `CONNECT`.
    #[error("CONNECT is not served")]
    Connect,
    /// No `Host`, or an empty one.
    #[error("no Host")]
    HostMissing,
    /// More than one `Host`.
    #[error("more than one Host")]
    SeveralHosts,
    /// A `Host` or `:authority` that is none, or has user information.
    #[error("invalid Host")]
    Host,
    /// The target's authority, or `:authority`, is not what `Host` says.
    #[error("Host differs from the target's authority")]
    HostMismatch,
    /// A request target in a form that is not for this method.
    #[error("invalid form of the request target")]
    TargetForm,
    /// A request target above the bound.
    #[error("request target too long")]
    TargetTooLong,
    /// A head above the bounds of the listener.
    #[error("too many header fields")]
    TooManyHeaders,
    /// `Connection` names a field that is not its to name.
    #[error("Connection names an end-to-end field")]
    Connection,
}

impl Rejection {
    /// The stable word for logs and tests.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Violation(violation) => violation.reason(),
            Self::HeaderTimeout => "header_timeout",
            Self::BodyTimeout => "request_body_timeout",
            Self::BodyEnded => "request_body",
            Self::Connect => "connect_refused",
            Self::HostMissing => "host_missing",
            Self::SeveralHosts => "several_hosts",
            Self::Host => "host",
            Self::HostMismatch => "host_mismatch",
            Self::TargetForm => "target_form",
            Self::TargetTooLong => "target_too_long",
            Self::TooManyHeaders => "too_many_headers",
            Self::Connection => "connection_field",
        }
    }

    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::Violation(violation) => violation.status(),
            Self::HeaderTimeout | Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::Connect => StatusCode::METHOD_NOT_ALLOWED,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::TooManyHeaders => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::BodyEnded
            | Self::HostMissing
            | Self::SeveralHosts
            | Self::Host
            | Self::HostMismatch
            | Self::TargetForm
            | Self::Connection => StatusCode::BAD_REQUEST,
        }
    }

    /// The words that the client gets: those of the status, no more.
    pub(super) const fn words(self) -> &'static str {
        match self.status() {
            StatusCode::REQUEST_TIMEOUT => "request timeout\n",
            StatusCode::METHOD_NOT_ALLOWED => "method not allowed\n",
            StatusCode::URI_TOO_LONG => "request target too long\n",
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => "request head too large\n",
            StatusCode::HTTP_VERSION_NOT_SUPPORTED => "protocol version not supported\n",
            _ => "bad request\n",
        }
    }
}

impl From<HeadRefusal> for Rejection {
    fn from(refusal: HeadRefusal) -> Self {
        match refusal {
            HeadRefusal::Violation(violation) => Self::Violation(violation),
            HeadRefusal::TimedOut => Self::HeaderTimeout,
        }
    }
}

/// Why an exchange has no response of a backend.
#[derive(Debug)]
pub(super) enum Failure {
    /// It was the client's fault.
    Rejected(Rejection),
    /// It was not.
    Upstream(UpstreamError),
}

impl Failure {
    pub(super) const fn reason(&self) -> &'static str {
        match self {
            Self::Rejected(rejection) => rejection.reason(),
            Self::Upstream(error) => error.reason(),
        }
    }

    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::Rejected(rejection) => rejection.status(),
            Self::Upstream(error) => error.status(),
        }
    }

    pub(super) const fn words(&self) -> &'static str {
        match self {
            Self::Rejected(rejection) => rejection.words(),
            Self::Upstream(error) => error.words(),
        }
    }
}
