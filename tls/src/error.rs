//! Why a handshake failed, in words an operator understands.
//!
//! [`Failure`] says what went wrong and holds the facts; [`HandshakeError`] adds where (stage, side, alerts) and who the
//! peer said it was (its hello). `reason()` is the one stable label for logs, metrics and tests. The alert for each
//! failure is chosen here and nowhere else; none of the texts ever goes to the peer.

mod alert;
mod certificate;
mod mismatch;
mod peer;

use std::error::Error;
use std::fmt;
use std::io;

pub use alert::{Alert, AlertTable};
pub use mismatch::Mismatch;
pub use peer::PeerFault;

use jadegate_certs::certificate::Certificate;

use crate::hello::{ClientHello, HelloError};
use crate::protocol::Protocol;

/// A handshake that failed.
#[derive(Debug)]
pub struct HandshakeError {
    /// What went wrong.
    pub failure: Failure,
    /// How far the handshake had come.
    pub stage: Stage,
    /// Which leg it was.
    pub side: Side,
    /// The fatal alert that we sent, if we sent one.
    pub alert_sent: Option<u8>,
    /// The fatal alert that the peer sent, if it sent one.
    pub alert_received: Option<u8>,
    /// The peer's hello, once it was read (downstream only).
    pub hello: Option<Box<ClientHello>>,
    /// The protocol, once it was chosen.
    pub protocol: Option<Protocol>,
    /// The peer's certificate, when it is what was refused.
    pub certificate: Option<Box<RefusedCertificate>>,
    /// What the library below reported, if it reported anything.
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

/// Which certificate of a peer was refused: enough to find it, nothing that vouches for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedCertificate {
    /// Its subject, as it claims.
    pub subject: String,
    /// Its serial number in lower hex.
    pub serial: String,
}

impl From<&Certificate> for RefusedCertificate {
    fn from(certificate: &Certificate) -> Self {
        Self { subject: certificate.subject().to_owned(), serial: certificate.serial().to_owned() }
    }
}

impl HandshakeError {
    /// A failure with nothing else known yet.
    pub fn new(failure: Failure, stage: Stage, side: Side) -> Self {
        let alert_received = match failure {
            Failure::AlertReceived(number) => Some(number),
            _ => None,
        };
        Self {
            failure,
            stage,
            side,
            alert_sent: None,
            alert_received,
            hello: None,
            protocol: None,
            certificate: None,
            source: None,
        }
    }

    /// The stable label, for logs, metrics and tests.
    pub fn reason(&self) -> &'static str {
        self.failure.reason()
    }

    /// Who has to act. On the upstream leg the peer is our own backend.
    pub fn fault(&self) -> Fault {
        match (self.failure.fault(), self.side) {
            (Fault::Peer, Side::Upstream) => Fault::Upstream,
            (fault, _) => fault,
        }
    }

    /// Whether it looks like a port probe (a load balancer's health check, a scanner): connected and gone, no byte sent.
    pub fn is_probe(&self) -> bool {
        let gone = match &self.failure {
            Failure::ClosedBeforeAnyByte => true,
            Failure::Io(kind) => matches!(kind, io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe),
            _ => false,
        };
        gone && self.side == Side::Downstream && self.stage == Stage::Hello && self.hello.is_none()
    }

    /// The table that this handshake's alerts are read by.
    pub fn alert_table(&self) -> AlertTable {
        let tlcp = self.protocol == Some(Protocol::Tlcp) || self.hello.as_ref().is_some_and(|hello| hello.is_tlcp());
        if tlcp { AlertTable::Tlcp } else { AlertTable::Tls }
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} handshake", self.side)?;
        if let Some(protocol) = self.protocol {
            write!(f, " ({protocol})")?;
        }
        write!(f, " failed at stage {}: ", self.stage)?;
        let table = self.alert_table();
        match self.failure {
            Failure::AlertReceived(number) => {
                write!(f, "the peer sent alert {}", Alert::new(number, table).explained())?
            }
            ref failure => {
                write!(f, "{failure}")?;
                if let Some(number) = self.alert_received {
                    write!(f, "; the peer sent alert {}", Alert::new(number, table))?;
                }
            }
        }
        if let Some(number) = self.alert_sent {
            write!(f, "; we sent alert {}", Alert::new(number, table))?;
        }
        Ok(())
    }
}

impl Error for HandshakeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// What went wrong in a handshake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// Connected, then closed, without a byte: a probe, most often.
    #[error("the peer closed the connection before sending any byte")]
    ClosedBeforeAnyByte,
    /// Closed part way.
    #[error("the peer closed the connection in the middle of the handshake")]
    Closed,
    /// The deadline over sniff and handshake passed.
    #[error("the handshake did not finish before its deadline")]
    TimedOut,
    /// The bound on concurrent handshakes was reached.
    #[error("too many handshakes are in flight")]
    TooManyHandshakes,
    /// The first bytes are no TLS or TLCP record, and plaintext is not taken here.
    #[error("the first bytes are neither TLS nor TLCP, and plaintext is not taken here")]
    NotTls,
    /// The first message cannot be read as a ClientHello.
    #[error("malformed ClientHello: {0}")]
    MalformedHello(HelloError),
    /// No filter chain of the listener matches.
    #[error("no filter chain of this listener matches the connection")]
    NoChain,
    /// Nothing in common among the protocol versions.
    #[error("no common protocol version{0}")]
    NoCommonProtocol(Mismatch),
    /// Nothing in common among the cipher suites of the chosen protocol.
    #[error("no common cipher suite{0}")]
    NoCommonSuite(Mismatch),
    /// Nothing in common among the key exchange groups.
    #[error("no common key exchange group{0}")]
    NoCommonGroup(Mismatch),
    /// Nothing in common among the signature schemes that our certificates can serve.
    #[error("no common signature scheme{0}")]
    NoCommonScheme(Mismatch),
    /// Nothing in common among the application protocols.
    #[error("no common application protocol (ALPN){0}")]
    NoCommonAlpn(Mismatch),
    /// The client marks its hello as a fallback although a better version is common (RFC 7507).
    #[error(
        "the client fell back to {offered} although both sides can speak {common}; somebody may be cutting its better offers"
    )]
    InappropriateFallback {
        /// The best version of this hello.
        offered: &'static str,
        /// The best version that this listener takes.
        common: &'static str,
    },
    /// Strict SNI: no certificate for the name that the client asks for, or it sends none.
    #[error("{}", no_certificate(.0.as_deref()))]
    NoCertificateForName(Option<String>),
    /// The peer's certificate was refused.
    #[error("{0}")]
    PeerCertificate(PeerFault),
    /// The peer gave up with a fatal alert.
    #[error("the peer sent alert {}", Alert::new(*.0, AlertTable::Tls).explained())]
    AlertReceived(u8),
    /// The policy allows what the client asks for, but no credential for it is configured or loaded.
    #[error("{}", .0.missing())]
    LocalCredentialMissing(NeededCredential),
    /// The peer broke the protocol.
    #[error("the peer broke the protocol: {0}")]
    PeerMisbehaved(String),
    /// Reading or writing failed.
    #[error("the connection failed: {0}")]
    Io(io::ErrorKind),
    /// The library reported something that we have no better word for.
    #[error("the TLS library failed: {0}")]
    Engine(String),
}

fn no_certificate(name: Option<&str>) -> String {
    match name {
        Some(name) => format!("no certificate here is for the name {name:?} that the client asks for"),
        None => "the client names no server (SNI), and a name is demanded here".to_owned(),
    }
}

impl Failure {
    /// The stable label, for logs, metrics and tests.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::ClosedBeforeAnyByte => "closed_before_any_byte",
            Self::Closed => "closed",
            Self::TimedOut => "timed_out",
            Self::TooManyHandshakes => "too_many_handshakes",
            Self::NotTls => "not_tls",
            Self::MalformedHello(_) => "malformed_hello",
            Self::NoChain => "no_chain",
            Self::NoCommonProtocol(_) => "no_common_protocol",
            Self::NoCommonSuite(_) => "no_common_suite",
            Self::NoCommonGroup(_) => "no_common_group",
            Self::NoCommonScheme(_) => "no_common_scheme",
            Self::NoCommonAlpn(_) => "no_common_alpn",
            Self::InappropriateFallback { .. } => "inappropriate_fallback",
            Self::NoCertificateForName(_) => "no_certificate_for_name",
            Self::PeerCertificate(fault) => fault.reason(),
            Self::AlertReceived(_) => "alert_received",
            Self::LocalCredentialMissing(_) => "local_credential_missing",
            Self::PeerMisbehaved(_) => "peer_misbehaved",
            Self::Io(_) => "io",
            Self::Engine(_) => "engine",
        }
    }

    /// Who has to act, seen from the downstream leg.
    pub fn fault(&self) -> Fault {
        match self {
            Self::LocalCredentialMissing(_) => Fault::Config,
            Self::TooManyHandshakes | Self::Engine(_) => Fault::Local,
            _ => Fault::Peer,
        }
    }

    /// The fatal alert to send, if the peer is there to read one. TLCP's table lacks some of TLS's numbers.
    pub fn alert(&self, protocol: Option<Protocol>) -> Option<u8> {
        let tlcp = protocol == Some(Protocol::Tlcp);
        let unless_tlcp = |tls: u8, other: u8| if tlcp { other } else { tls };
        match self {
            // Nobody is there to read it, or whoever is would not understand it; no alert says "too slow".
            Self::ClosedBeforeAnyByte
            | Self::Closed
            | Self::NotTls
            | Self::TimedOut
            | Self::AlertReceived(_)
            | Self::Io(_) => None,
            Self::MalformedHello(_) => Some(alert::DECODE_ERROR),
            Self::NoCommonProtocol(_) => Some(alert::PROTOCOL_VERSION),
            Self::InappropriateFallback { .. } => {
                Some(unless_tlcp(alert::INAPPROPRIATE_FALLBACK, alert::PROTOCOL_VERSION))
            }
            Self::NoCommonAlpn(_) => Some(unless_tlcp(alert::NO_APPLICATION_PROTOCOL, alert::HANDSHAKE_FAILURE)),
            Self::NoCertificateForName(_) => Some(unless_tlcp(alert::UNRECOGNIZED_NAME, alert::HANDSHAKE_FAILURE)),
            Self::NoChain
            | Self::NoCommonSuite(_)
            | Self::NoCommonGroup(_)
            | Self::NoCommonScheme(_)
            | Self::LocalCredentialMissing(_) => Some(alert::HANDSHAKE_FAILURE),
            Self::PeerCertificate(fault) => Some(fault.alert(protocol)),
            Self::PeerMisbehaved(_) => Some(alert::ILLEGAL_PARAMETER),
            Self::TooManyHandshakes | Self::Engine(_) => Some(alert::INTERNAL_ERROR),
        }
    }
}

impl From<io::Error> for Failure {
    /// An end of stream in the middle is the peer's doing and has its own word.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Closed,
            kind => Self::Io(kind),
        }
    }
}

/// How far a handshake had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Waiting for, or reading, the first message.
    Hello,
    /// Choosing version, suite, group, scheme, ALPN and certificate.
    Negotiation,
    /// Sending or checking certificates.
    Certificate,
    /// Agreeing on keys.
    KeyExchange,
    /// Confirming the whole.
    Finished,
}

impl Stage {
    /// The label used in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Negotiation => "negotiation",
            Self::Certificate => "certificate",
            Self::KeyExchange => "key_exchange",
            Self::Finished => "finished",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which leg of the proxy a handshake belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The client's: we are the server.
    Downstream,
    /// The backend's: we are the client.
    Upstream,
}

impl Side {
    /// The label used in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Downstream => "downstream",
            Self::Upstream => "upstream",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who has to act on a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The client.
    Peer,
    /// Whoever wrote the configuration.
    Config,
    /// This process or its host.
    Local,
    /// The backend.
    Upstream,
}

impl Fault {
    /// The label used in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Config => "config",
            Self::Local => "local",
            Self::Upstream => "upstream",
        }
    }
}

/// A credential that a client's offer calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NeededCredential {
    /// A certificate with an RSA, ECDSA or Ed25519 key.
    Standard,
    /// A single SM2 certificate, for RFC 8998.
    Sm2,
    /// An SM2 signing and an SM2 encryption certificate.
    TlcpPair,
}

impl NeededCredential {
    fn missing(self) -> &'static str {
        match self {
            Self::Standard => {
                "the client asks for standard TLS, and no RSA, ECDSA or Ed25519 certificate is ready here"
            }
            Self::Sm2 => "the client asks for TLS 1.3 with SM suites, and no SM2 certificate is ready here",
            Self::TlcpPair => "the client asks for TLCP, and no SM2 sign and enc certificate pair is ready here",
        }
    }
}

#[cfg(test)]
mod tests;
