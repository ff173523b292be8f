//! The grid peer x protocol x suite x role x authentication.
//!
//! [`cells`] is the grid as data. [`peers::client`](crate::peers::client) and [`peers::server`](crate::peers::server)
//! run a peer's side of a cell; [`against_jadegate`] runs a cell against the proxy; [`table`] writes what happened to
//! `docs/interop.md` and compares it with what happened before.

pub mod against_jadegate;
pub mod grid;
pub mod table;

pub use grid::{Cell, cells};

use std::fmt;

/// A protocol family of the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// GB/T 38636.
    Tlcp,
    /// TLS 1.3 with the suites of RFC 8998.
    Tls13Sm,
    /// TLS 1.3.
    Tls13,
    /// TLS 1.2.
    Tls12,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tlcp => "TLCP",
            Self::Tls13Sm => "TLS 1.3-SM",
            Self::Tls13 => "TLS 1.3",
            Self::Tls12 => "TLS 1.2",
        })
    }
}

/// Who shows a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Auth {
    /// The server.
    Server,
    /// Both.
    Mutual,
}

/// Which end the peer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The peer connects.
    Client,
    /// The peer accepts.
    Server,
}

/// A cipher suite by both of its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Suite {
    /// IANA's name, or that of GB/T 38636 as Tongsuo writes it.
    pub name: &'static str,
    /// What OpenSSL's command line calls it.
    pub openssl: &'static str,
}

/// What exactly is spoken. One suite and one group are offered, so what is negotiated can be nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Offer {
    /// Protocol.
    pub protocol: Protocol,
    /// The one cipher suite.
    pub suite: Suite,
    /// The one key exchange group; none for TLCP, which has no choice.
    pub group: Option<&'static str>,
    /// Who shows a certificate.
    pub auth: Auth,
}

impl Offer {
    /// Whether the server's key is RSA.
    #[must_use]
    pub fn rsa(&self) -> bool {
        self.suite.name.contains("_RSA_")
    }
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.protocol, self.suite.name)?;
        if let Some(group) = self.group {
            write!(f, " {group}")?;
        }
        f.write_str(match self.auth {
            Auth::Server => ", server certificate",
            Auth::Mutual => ", both certificates",
        })
    }
}
