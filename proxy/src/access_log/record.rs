//! What one line of the access log says: borrowed facts, nothing allocated to hold them.

use jadegate_certs::identity::SpiffeId;
use std::cell::OnceCell;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

/// One finished request, or one finished TCP connection.
#[derive(Clone, Copy, Debug)]
pub struct AccessRecord<'a> {
    /// When it began.
    pub time: SystemTime,
    /// The downstream connection.
    pub connection: ConnectionRecord<'a>,
    /// The HTTP request; `None` for a TCP connection.
    pub request: Option<RequestRecord<'a>>,
    /// Where it went; `None` if it was answered by us.
    pub upstream: Option<UpstreamRecord<'a>>,
    /// Payload bytes from the downstream peer.
    pub bytes_in: u64,
    /// Payload bytes to the downstream peer.
    pub bytes_out: u64,
    /// From its first byte to its last.
    pub duration: Duration,
    /// From its first byte to the first byte of the backend's answer.
    pub first_byte: Option<Duration>,
    /// Why it failed, as a stable word; `None` = it did not.
    pub failure: Option<&'a str>,
}

/// The downstream connection of a record.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionRecord<'a> {
    /// Unique within the process.
    pub id: u64,
    /// Name of the listener.
    pub listener: &'a str,
    /// Name of the chain.
    pub chain: &'a str,
    /// The peer.
    pub remote: SocketAddr,
    /// The address that it connected to.
    pub local: SocketAddr,
    /// `None` = plaintext.
    pub tls: Option<TlsRecord<'a>>,
    /// All of this as text, kept with the connection.
    pub text: &'a ConnectionText,
}

/// Place for what the lines of one connection have in common, written with the first of them. It must belong to one
/// connection, and start empty.
#[derive(Debug, Default)]
pub struct ConnectionText(pub(super) OnceCell<Box<[u8]>>);

/// What TLS negotiated.
#[derive(Clone, Copy, Debug)]
pub struct TlsRecord<'a> {
    /// `tlcp`, `tls1.3-sm`, `tls1.3` or `tls1.2`.
    pub protocol: &'a str,
    /// Name of the suite.
    pub suite: Option<&'a str>,
    /// Name of the key exchange group.
    pub group: Option<&'a str>,
    /// Name of the signature scheme.
    pub scheme: Option<&'a str>,
    /// Server name asked for.
    pub sni: Option<&'a str>,
    /// Application protocol agreed on.
    pub alpn: Option<&'a [u8]>,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
    /// Subject of the peer's certificate.
    pub peer_subject: Option<&'a str>,
    /// SPIFFE id of the peer's certificate.
    pub peer_spiffe_id: Option<&'a SpiffeId>,
    /// Serial number of the peer's certificate, in hex.
    pub peer_serial: Option<&'a str>,
    /// Serial numbers of the certificates that we showed.
    pub own_serials: &'a [String],
    /// Generation of the TLS context.
    pub generation: u64,
    /// Fingerprint of the hello.
    pub ja4: Option<&'a str>,
    /// First byte to finished handshake.
    pub handshake: Duration,
}

/// The HTTP request of a record.
#[derive(Clone, Copy, Debug)]
pub struct RequestRecord<'a> {
    /// `HTTP/1.0`, `HTTP/1.1` or `HTTP/2`.
    pub protocol: &'a str,
    /// Method.
    pub method: &'a str,
    /// Path with query.
    pub path: &'a str,
    /// Host asked for.
    pub authority: Option<&'a str>,
    /// Status of the response; `None` = there was none.
    pub status: Option<u16>,
}

/// The upstream of a record.
#[derive(Clone, Copy, Debug)]
pub struct UpstreamRecord<'a> {
    /// Name of the backend.
    pub backend: &'a str,
    /// Address of the endpoint, as the configuration writes it; `None` = none was reached.
    pub address: Option<&'a str>,
    /// Duration of the connect with its TLS handshake; `None` = the connection was there already, or none came.
    pub connect: Option<Duration>,
}
