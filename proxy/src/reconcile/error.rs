//! Why a configuration is not taken.

use std::io;
use std::net::SocketAddr;

use jadegate_config::{AdminBind, ChainTableError};
use jadegate_tls::server::ContextError;
use jadegate_tls::tickets::TicketRingError;
use jadegate_tls::trust::TrustError;
use thiserror::Error;

use crate::access_log::AccessLogError;

/// A configuration that cannot be taken. The one that runs, if any, goes on unchanged.
#[derive(Debug, Error)]
pub enum ReloadError {
    /// An address cannot be bound.
    #[error("listener {listener}: {address} cannot be bound")]
    Bind {
        /// The listener.
        listener: String,
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The admin's address cannot be bound.
    #[error("admin: {address} cannot be bound")]
    Admin {
        /// The address.
        address: AdminBind,
        /// Why not.
        source: io::Error,
    },
    /// The TLS of a chain cannot be met.
    #[error("listener {listener}, chain {chain}: TLS cannot be set up")]
    Context {
        /// The listener.
        listener: String,
        /// The chain.
        chain: String,
        /// Why not.
        source: Box<ContextFault>,
    },
    /// The TLS of a backend cannot be met.
    #[error("backend {backend}: TLS cannot be set up")]
    Connector {
        /// The backend.
        backend: String,
        /// Why not.
        source: Box<ContextFault>,
    },
    /// The chains of a listener cannot be told apart.
    #[error("listener {listener}: chains cannot be told apart")]
    Chains {
        /// The listener.
        listener: String,
        /// Why not.
        source: ChainTableError,
    },
    /// A port that serves now would have to close for want of a secret.
    #[error("listener {listener} serves now and would close: chain {chain} needs secret {secret}: {why}")]
    WouldClose {
        /// The listener, by its new name.
        listener: String,
        /// The chain.
        chain: String,
        /// The secret.
        secret: String,
        /// Why it is not usable.
        why: String,
    },
    /// The access log cannot be opened.
    #[error("access log cannot be used")]
    AccessLog(#[source] AccessLogError),
    /// The process is on its way out.
    #[error("the process is draining and takes no new configuration")]
    Draining,
    /// Building panicked; this is a defect of ours.
    #[error("building the configuration failed unexpectedly")]
    Internal,
}

impl ReloadError {
    /// The stable word for logs and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Bind { .. } => "bind",
            Self::Admin { .. } => "admin_bind",
            Self::Context { source, .. } | Self::Connector { source, .. } => source.reason(),
            Self::Chains { .. } => "chains",
            Self::WouldClose { .. } => "would_close",
            Self::AccessLog(error) => error.reason(),
            Self::Draining => "draining",
            Self::Internal => "internal",
        }
    }
}

/// TLS that cannot be set up from secrets which are good by themselves.
#[derive(Debug, Error)]
pub enum ContextFault {
    /// The engines refuse.
    #[error("context")]
    Context(#[source] ContextError),
    /// The trust bundle is unusable.
    #[error("trust secret {secret}")]
    Trust {
        /// The secret.
        secret: String,
        /// Why.
        source: TrustError,
    },
    /// The ticket keys are unusable.
    #[error("ticket keys")]
    Tickets(#[source] TicketRingError),
    /// The configuration points at a secret of another kind than it needs.
    #[error("secret {secret} is not {expected}")]
    WrongKind {
        /// The secret.
        secret: String,
        /// What is needed.
        expected: &'static str,
    },
}

impl ContextFault {
    /// The stable word for logs and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Context(error) => error.reason(),
            Self::Trust { source, .. } => source.reason(),
            Self::Tickets(error) => error.reason(),
            Self::WrongKind { .. } => "wrong_kind",
        }
    }
}
