//! What concerns the process as a whole.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

/// How many workers to start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cores {
    /// One for each core that the process may use.
    #[default]
    All,
    /// This many.
    Exactly(NonZeroUsize),
}

/// Bounds over the whole process, divided among the workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessLimits {
    /// Open downstream connections.
    pub connections: usize,
    /// Handshakes in flight.
    pub handshakes: usize,
}

impl Default for ProcessLimits {
    fn default() -> Self {
        Self { connections: 20_000, handshakes: 1024 }
    }
}

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shutdown {
    /// How long connections may take to finish once asked to.
    pub drain: Duration,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { drain: Duration::from_secs(30) }
    }
}

/// The admin endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Where it listens; loopback or a Unix socket unless the operator allowed otherwise.
    pub bind: AdminBind,
}

/// Where the admin endpoint listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminBind {
    /// An IP address and port.
    Tcp(SocketAddr),
    /// The path of a Unix socket; absolute.
    Unix(PathBuf),
}

impl fmt::Display for AdminBind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
