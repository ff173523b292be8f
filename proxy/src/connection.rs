//! One downstream connection, from its accept to its end.
//!
//! Handshake (within the acceptor's deadline), then the chain's protocol. A failed handshake is one structured log
//! line that says at what stage, on whose side and why, and a count; probes that close before a byte are at debug.

use std::error::Error;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use jadegate_config::{Facts, ListenerProtocol};
use jadegate_tls::acceptor::{Accepted, Acceptor, NoChain, Offer, Selection};
use jadegate_tls::error::{Failure, Fault, HandshakeError, Side, Stage};
use jadegate_tls::hello::ClientHello;
use jadegate_tls::negotiated::Negotiated;
use jadegate_tls::protocol::Version;
use jadegate_tls::stream::Stream;
use tokio::net::TcpStream;

use crate::access_log::{ConnectionRecord, ConnectionText, TlsRecord};
use crate::limits::Permit;
use crate::metrics::{Gauged, Resumed};
use crate::snapshot::{ChainRuntime, ListenerRuntime};
use crate::worker::WorkerContext;
use crate::{http, tcp};

/// Most that serving an HTTP connection may take beside its buffers; raising it is a matter for review.
const HTTP_BYTES: usize = 6 * 1024;

/// What the code that serves a connection knows of it.
#[derive(Debug)]
pub struct ConnectionContext {
    /// The worker that serves it.
    pub worker: Rc<WorkerContext>,
    /// The listener as it was when the connection came.
    pub listener: Arc<ListenerRuntime>,
    /// The chain that took it.
    pub chain: Arc<ChainRuntime>,
    /// What TLS agreed on; `None` = plaintext.
    pub negotiated: Option<Box<Negotiated>>,
    /// The peer.
    pub remote: SocketAddr,
    /// The address that it connected to.
    pub local: SocketAddr,
    /// Unique within the process.
    pub id: u64,
    /// When it was accepted.
    pub started: Instant,
    /// When it was accepted, by the calendar.
    pub started_at: SystemTime,
    /// What its access log lines have in common.
    pub(crate) log_text: ConnectionText,
    pub(crate) _guards: Guards,
}

/// What a connection holds as long as it lives.
#[derive(Debug)]
pub(crate) struct Guards {
    pub(crate) _process: Permit,
    pub(crate) _listener: Permit,
    pub(crate) _open: Gauged,
    pub(crate) tls: Option<Gauged>,
}

/// A connection that was accepted and has sent nothing yet.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) stream: TcpStream,
    pub(crate) remote: SocketAddr,
    pub(crate) local: SocketAddr,
    pub(crate) id: u64,
    pub(crate) listener: Arc<ListenerRuntime>,
    pub(crate) acceptor: Rc<Acceptor>,
    pub(crate) guards: Guards,
}

impl ConnectionContext {
    /// The connection's part of an access log record.
    pub fn record(&self) -> ConnectionRecord<'_> {
        ConnectionRecord {
            id: self.id,
            listener: &self.listener.config.name,
            chain: &self.chain.config.name,
            remote: self.remote,
            local: self.local,
            tls: self.negotiated.as_deref().map(tls_record),
            text: &self.log_text,
        }
    }

    /// Whether the drain has begun, so that this connection is to finish what it has in hand.
    pub fn draining(&self) -> bool {
        self.worker.drain.draining()
    }
}

fn tls_record(negotiated: &Negotiated) -> TlsRecord<'_> {
    let peer = negotiated.peer.as_ref();
    TlsRecord {
        protocol: negotiated.protocol.as_str(),
        suite: negotiated.suite.name(),
        group: negotiated.group.and_then(|group| group.name()),
        scheme: negotiated.scheme.and_then(|scheme| scheme.name()),
        sni: negotiated.sni.as_deref(),
        alpn: negotiated.alpn.as_deref(),
        resumed: negotiated.resumed,
        peer_subject: peer.map(|peer| peer.subject()),
        peer_spiffe_id: peer.and_then(|peer| peer.spiffe_id()),
        peer_serial: peer.map(|peer| peer.leaf().serial()),
        own_serials: &negotiated.local_serials,
        generation: negotiated.generation,
        ja4: negotiated.ja4.as_deref(),
        handshake: negotiated.handshake,
    }
}

/// Serves a connection to its end.
pub(crate) async fn serve(worker: Rc<WorkerContext>, arrival: Arrival) {
    let (started, started_at) = (Instant::now(), SystemTime::now());
    let Arrival { stream, remote, local, id, listener, acceptor, mut guards } = arrival;
    let select = |offer: &Offer<'_>| select(&listener, local, remote, offer);
    let accepted = if listener.expects_hello() {
        // In a box, so that a connection that lives long does not carry the room of its handshake.
        Box::pin(acceptor.accept(stream, select)).await
    } else {
        accept_plaintext(stream, select)
    };
    let accepted = match accepted {
        Ok(accepted) => accepted,
        Err(error) => return report(&listener, remote, local, id, &error, started.elapsed()),
    };
    let Some(chain) = listener.chains.get(accepted.chain).map(Arc::clone) else { return };
    if let Some(negotiated) = &accepted.negotiated {
        let resumed = if negotiated.resumed { Resumed::Yes } else { Resumed::No };
        let suite = negotiated.suite.name().unwrap_or("other");
        guards.tls =
            Some(listener.metrics.handshake(negotiated.protocol.as_str(), suite, resumed, negotiated.handshake));
    }
    let protocol = listener.config.protocol;
    let context = Rc::new(ConnectionContext {
        worker,
        listener,
        chain,
        negotiated: accepted.negotiated,
        remote,
        local,
        id,
        started,
        started_at,
        log_text: ConnectionText::default(),
        _guards: guards,
    });
    match protocol {
        ListenerProtocol::Tcp => tcp::serve(accepted.stream, context).await,
        // In a box, so that a TCP connection does not carry the room of an HTTP one.
        ListenerProtocol::Http => serve_http(accepted.stream, context).await,
    }
}

/// Not async, so that the future exists in its box only.
fn serve_http(stream: Stream<TcpStream>, context: Rc<ConnectionContext>) -> Pin<Box<impl Future<Output = ()>>> {
    let serving = http::serve(stream, context);
    debug_assert!(size_of_val(&serving) <= HTTP_BYTES, "{} bytes", size_of_val(&serving));
    Box::pin(serving)
}

/// Takes a connection of a listener without TLS. Its first bytes are nobody's business: the server may be the one to
/// speak first, and a hello is for whoever is behind us.
fn accept_plaintext(
    stream: TcpStream,
    select: impl FnOnce(&Offer<'_>) -> Selection,
) -> Result<Accepted<TcpStream>, HandshakeError> {
    match select(&Offer::Plaintext) {
        Selection::Plaintext { chain } => Ok(Accepted { stream: Stream::plain(stream), negotiated: None, chain }),
        Selection::Tls { .. } | Selection::Refuse(_) => {
            Err(HandshakeError::new(Failure::NoChain, Stage::Hello, Side::Downstream))
        }
    }
}

fn select(listener: &ListenerRuntime, local: SocketAddr, remote: SocketAddr, offer: &Offer<'_>) -> Selection {
    let hello = match offer {
        Offer::Tls(hello) => Some(*hello),
        Offer::Plaintext => None,
    };
    let Some(index) = listener.table.select(&Facts { local, remote, hello }) else {
        return Selection::Refuse(NoChain);
    };
    let Some(chain) = listener.chains.get(index) else { return Selection::Refuse(NoChain) };
    match (&chain.config.tls, &chain.tls) {
        (Some(_), Some(context)) => Selection::Tls { context: Arc::clone(context), chain: index },
        (None, _) => Selection::Plaintext { chain: index },
        // A port with such a chain is closed; never serve it without its TLS.
        (Some(_), None) => Selection::Refuse(NoChain),
    }
}

/// The one line of a failed handshake.
fn report(
    listener: &ListenerRuntime,
    remote: SocketAddr,
    local: SocketAddr,
    id: u64,
    error: &HandshakeError,
    after: Duration,
) {
    let protocol = error.protocol.map(|protocol| protocol.as_str());
    listener.metrics.handshake_failed(protocol, error.reason());
    if error.is_probe() {
        tracing::debug!(listener = listener.config.name, %remote, connection = id, "probe: connected and closed");
        return;
    }
    let line = Line::new(error);
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                listener = listener.config.name,
                %remote,
                %local,
                connection = id,
                stage = %error.stage,
                side = %error.side,
                reason = error.reason(),
                protocol,
                alert_sent = error.alert_sent,
                alert_received = error.alert_received,
                sni = line.sni,
                offered = line.offered,
                alpn = line.alpn,
                ja4 = line.ja4,
                peer_subject = error.certificate.as_ref().map(|certificate| certificate.subject.as_str()),
                peer_serial = error.certificate.as_ref().map(|certificate| certificate.serial.as_str()),
                after_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX),
                cause = line.cause,
                "{error}"
            )
        };
    }
    match error.fault() {
        Fault::Peer => line!(info),
        Fault::Config | Fault::Local | Fault::Upstream => line!(error),
    }
}

/// What the line of a failed handshake says of the hello and of the cause.
#[derive(Debug, Default)]
struct Line {
    sni: Option<String>,
    offered: Option<String>,
    alpn: Option<String>,
    ja4: Option<String>,
    cause: Option<String>,
}

impl Line {
    fn new(error: &HandshakeError) -> Self {
        let mut line = Self { cause: causes(error), ..Self::default() };
        if let Some(hello) = &error.hello {
            line.sni = hello.sni.clone();
            line.offered = Some(offered(hello));
            if !hello.alpn.is_empty() {
                let names: Vec<_> = hello.alpn.iter().map(|name| String::from_utf8_lossy(name)).collect();
                line.alpn = Some(names.join(","));
            }
            line.ja4 = Some(hello.ja4());
        }
        line
    }
}

/// The protocols that a hello offers, in our words.
fn offered(hello: &ClientHello) -> String {
    let offers = [
        (hello.is_tlcp(), "tlcp"),
        (hello.offers_tls13_sm(), "tls1.3-sm"),
        (hello.offers(Version::Tls13), "tls1.3"),
        (hello.offers(Version::Tls12), "tls1.2"),
    ];
    let names: Vec<_> = offers.into_iter().filter_map(|(offers, name)| offers.then_some(name)).collect();
    if names.is_empty() { format!("version {:04x}", hello.legacy_version) } else { names.join(",") }
}

/// The chain of causes below an error, which itself prints only its own level.
pub(crate) fn causes(error: &dyn Error) -> Option<String> {
    let mut text = String::new();
    let mut next = error.source();
    while let Some(cause) = next {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    (!text.is_empty()).then_some(text)
}
