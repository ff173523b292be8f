//! Listeners and their filter chains.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{BackendId, TlsServer};

/// One set of sockets and the chains that their connections are sorted into.
#[derive(Clone, Debug, PartialEq)]
pub struct Listener {
    /// Unique; the label of logs and metrics.
    pub name: String,
    /// At least one; no address is bound twice in a configuration.
    pub binds: Vec<SocketAddr>,
    /// What is spoken inside TLS.
    pub protocol: ListenerProtocol,
    /// Deadlines of a downstream connection.
    pub timeouts: ListenerTimeouts,
    /// Bounds of a downstream connection.
    pub limits: ListenerLimits,
    /// At least one; no two match the same connection equally well.
    pub chains: Vec<Chain>,
}

/// What a listener speaks inside TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenerProtocol {
    /// HTTP/1.1 and HTTP/2, told apart by ALPN or by the first bytes.
    Http,
    /// Bytes.
    Tcp,
}

/// Deadlines of a downstream connection. `None` = the operator wrote `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenerTimeouts {
    /// First byte to finished handshake. Never off.
    pub handshake: Duration,
    /// First byte of a request head to its last. HTTP only; never off.
    pub header: Duration,
    /// How long a connection may live while no byte moves in either direction.
    pub idle: Option<Duration>,
    /// One HTTP exchange, from the first byte of the request to the last of the response; upgraded connections are exempt.
    pub request: Option<Duration>,
    /// Age at which an HTTP connection is asked to finish (GOAWAY, `Connection: close`) and a TCP one is closed.
    pub lifetime: Option<Duration>,
}

impl ListenerTimeouts {
    /// The defaults of a listener that speaks `protocol`.
    #[must_use]
    pub const fn of(protocol: ListenerProtocol) -> Self {
        const HOUR: Duration = Duration::from_secs(3600);
        let (idle, request, lifetime) = match protocol {
            ListenerProtocol::Http => (Duration::from_secs(60), Some(HOUR), Some(Duration::from_secs(24 * 3600))),
            // A quiet database connection is normal, and cutting a byte stream by age loses data.
            ListenerProtocol::Tcp => (HOUR, None, None),
        };
        Self {
            handshake: Duration::from_secs(10),
            header: Duration::from_secs(10),
            idle: Some(idle),
            request,
            lifetime,
        }
    }
}

/// Bounds of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenerLimits {
    /// Open downstream connections of this listener, over all workers.
    pub connections: usize,
    /// Bytes of one request head.
    pub header_bytes: usize,
    /// Header fields of one request.
    pub headers: usize,
    /// Open HTTP/2 streams of one connection.
    pub concurrent_streams: u32,
}

/// One way to treat a connection: who it is for, its TLS, its backend.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// Unique within its listener.
    pub name: String,
    /// Which connections it takes.
    pub matcher: ChainMatch,
    /// `None` = plaintext, and then `matcher.protocols` is exactly [`ProtocolMatch::Plaintext`].
    pub tls: Option<TlsServer>,
    /// Where its traffic goes.
    pub backend: BackendId,
}

/// Criteria of a chain. An empty list matches everything at that level, with the lowest precedence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainMatch {
    /// Port that the client connected to.
    pub ports: Vec<u16>,
    /// Address that the client connected to.
    pub destinations: Vec<IpPrefix>,
    /// Server names asked for.
    pub server_names: Vec<ServerNameMatch>,
    /// What the client offers. Never empty: a TLS chain without a criterion has [`ProtocolMatch::AnyTls`].
    pub protocols: Vec<ProtocolMatch>,
    /// Application protocols offered.
    pub alpn: Vec<String>,
    /// Address of the client.
    pub sources: Vec<IpPrefix>,
}

/// One server name criterion, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ServerNameMatch {
    /// This name.
    Exact(String),
    /// Any name with at least one label before this suffix, which is kept without `*.`.
    Suffix(String),
}

impl fmt::Display for ServerNameMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Suffix(suffix) => write!(f, "*.{suffix}"),
        }
    }
}

/// What a client must offer for a chain to take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProtocolMatch {
    /// A TLCP hello.
    Tlcp,
    /// A TLS hello with all that RFC 8998 needs: suite, group, scheme and TLS 1.3.
    Tls13Sm,
    /// A TLS hello that offers TLS 1.3.
    Tls13,
    /// A TLS hello that offers TLS 1.2.
    Tls12,
    /// Any hello; yields to each of the above.
    AnyTls,
    /// No hello.
    Plaintext,
}

impl ProtocolMatch {
    /// The name that the operator writes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tlcp => "tlcp",
            Self::Tls13Sm => "tls1.3-sm",
            Self::Tls13 => "tls1.3",
            Self::Tls12 => "tls1.2",
            Self::AnyTls => "tls",
            Self::Plaintext => "plaintext",
        }
    }
}

impl fmt::Display for ProtocolMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A range of addresses, host bits cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IpPrefix {
    address: IpAddr,
    length: u8,
}

impl IpPrefix {
    /// The prefix of `length` bits that holds `address`; `None` if the length is too long for the family. An
    /// IPv4-mapped IPv6 address becomes the IPv4 prefix that it stands for.
    #[must_use]
    pub fn new(address: IpAddr, length: u8) -> Option<Self> {
        let width = match address {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => 128,
        };
        if length > width {
            return None;
        }
        match address.to_canonical() {
            canonical @ IpAddr::V4(_) if width == 128 && length >= 96 => {
                Some(Self { address: canonical, length: length - 96 }.masked())
            }
            _ => Some(Self { address, length }.masked()),
        }
    }

    /// The prefix that holds `address` alone.
    #[must_use]
    pub fn host(address: IpAddr) -> Self {
        let address = address.to_canonical();
        let length = if address.is_ipv4() { 32 } else { 128 };
        Self { address, length }
    }

    /// Its lowest address.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// Its length in bits.
    #[must_use]
    pub const fn length(&self) -> u8 {
        self.length
    }

    /// Whether `address` lies within; an IPv4-mapped IPv6 address counts as the IPv4 address that it stands for.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.around(address) == Some(*self)
    }

    /// The prefix of this one's family and length around `address`; `None` for the other family.
    #[must_use]
    pub(crate) fn around(&self, address: IpAddr) -> Option<Self> {
        let address = address.to_canonical();
        (address.is_ipv4() == self.address.is_ipv4()).then(|| Self { address, length: self.length }.masked())
    }

    fn masked(self) -> Self {
        let address = match self.address {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.length)).unwrap_or(0);
                IpAddr::V4((v4.to_bits() & mask).into())
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.length)).unwrap_or(0);
                IpAddr::V6((v6.to_bits() & mask).into())
            }
        };
        Self { address, ..self }
    }
}

impl fmt::Display for IpPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}
