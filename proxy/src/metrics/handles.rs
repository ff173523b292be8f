//! Handles of one listener or backend: fetched once, then atomics only.

use super::{DurationHistogram, Families, Word};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use std::sync::Arc;
use std::time::Duration;

/// TLS protocols as label values; the last one stands for "not negotiated".
const TLS_PROTOCOLS: [&str; 5] = ["tlcp", "tls1.3-sm", "tls1.3", "tls1.2", "unknown"];
/// Application protocols as label values; the last one stands for any other word.
const HTTP_PROTOCOLS: [&str; 3] = ["http/1.1", "h2", "other"];
/// Status classes as label values; the last one stands for what is no status.
const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "other"];

fn position(words: &[&str], word: &str) -> usize {
    words.iter().position(|known| *known == word).unwrap_or(words.len() - 1)
}

fn class(status: u16) -> usize {
    match status {
        100..=599 => usize::from(status / 100 - 1),
        _ => CLASSES.len() - 1,
    }
}

fn word(value: &'static str) -> Word {
    Word::Borrowed(value)
}

fn owned(name: &str) -> Word {
    Word::Owned(name.to_owned())
}

/// A gauge that counts this value as long as it lives.
#[derive(Debug)]
pub struct Gauged(Gauge);

impl Gauged {
    /// Counts one.
    pub fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Gauged {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// What is counted per listener.
#[derive(Clone, Debug)]
pub struct ListenerMetrics(Arc<Listener>);

#[derive(Debug)]
struct Listener {
    name: Arc<str>,
    families: Families,
    accepted: Counter,
    active: Gauge,
    bytes_in: Counter,
    bytes_out: Counter,
    request_seconds: DurationHistogram,
    requests: [[Counter; CLASSES.len()]; HTTP_PROTOCOLS.len()],
    handshakes: [Handshakes; TLS_PROTOCOLS.len()],
}

/// What is counted per completed handshake of one protocol.
#[derive(Debug)]
struct Handshakes {
    completed: Counter,
    resumed: Counter,
    seconds: DurationHistogram,
    active: Gauge,
}

impl ListenerMetrics {
    pub(super) fn new(families: &Families, name: Arc<str>) -> Self {
        let listener = || ("listener", owned(&name));
        let by_listener = || [listener()];
        let direction = |value| [listener(), ("direction", word(value))];
        let protocol = |value| [listener(), ("protocol", word(value))];
        let requests = HTTP_PROTOCOLS.map(|protocol| {
            CLASSES.map(|class| {
                let labels = [listener(), ("protocol", word(protocol)), ("class", word(class))];
                families.requests.get_or_create_owned(&labels)
            })
        });
        let handshakes = TLS_PROTOCOLS.map(|value| Handshakes {
            completed: families.handshakes.get_or_create_owned(&[
                listener(),
                ("protocol", word(value)),
                ("outcome", word("ok")),
                ("reason", word("")),
            ]),
            resumed: families.resumptions.get_or_create_owned(&protocol(value)),
            seconds: families.handshake_seconds.get_or_create_owned(&protocol(value)),
            active: families.tls_connections.get_or_create_owned(&protocol(value)),
        });
        Self(Arc::new(Listener {
            accepted: families.connections_accepted.get_or_create_owned(&by_listener()),
            active: families.connections_active.get_or_create_owned(&by_listener()),
            bytes_in: families.bytes.get_or_create_owned(&direction("in")),
            bytes_out: families.bytes.get_or_create_owned(&direction("out")),
            request_seconds: families.request_seconds.get_or_create_owned(&by_listener()),
            requests,
            handshakes,
            families: families.clone(),
            name,
        }))
    }

    /// A connection came in; counted as open until the guard goes.
    pub fn accepted(&self) -> Gauged {
        self.0.accepted.inc();
        Gauged::new(&self.0.active)
    }

    /// A connection was closed at once for want of room.
    pub fn refused(&self, reason: &'static str) {
        let labels = [("listener", owned(&self.0.name)), ("reason", word(reason))];
        self.0.families.connections_refused.get_or_create(&labels).inc();
    }

    /// A handshake completed; the connection is counted as open until the guard goes.
    pub fn handshake(&self, protocol: &str, suite: &'static str, resumed: Resumed, duration: Duration) -> Gauged {
        let handles = &self.0.handshakes[position(&TLS_PROTOCOLS, protocol)];
        handles.completed.inc();
        handles.seconds.observe(duration);
        if resumed == Resumed::Yes {
            handles.resumed.inc();
        }
        self.0.families.suites.get_or_create(&[("listener", owned(&self.0.name)), ("suite", word(suite))]).inc();
        Gauged::new(&handles.active)
    }

    /// A handshake failed.
    pub fn handshake_failed(&self, protocol: Option<&str>, reason: &'static str) {
        let protocol = TLS_PROTOCOLS[position(&TLS_PROTOCOLS, protocol.unwrap_or("unknown"))];
        let labels = [
            ("listener", owned(&self.0.name)),
            ("protocol", word(protocol)),
            ("outcome", word("failed")),
            ("reason", word(reason)),
        ];
        self.0.families.handshakes.get_or_create(&labels).inc();
    }

    /// A request is over: `protocol` is `http/1.1` or `h2`.
    pub fn request(&self, protocol: &str, status: u16, duration: Duration) {
        self.0.requests[position(&HTTP_PROTOCOLS, protocol)][class(status)].inc();
        self.0.request_seconds.observe(duration);
    }

    /// Payload bytes that went both ways, from (`in`) and to (`out`) the peer.
    pub fn bytes(&self, received: u64, sent: u64) {
        self.0.bytes_in.inc_by(received);
        self.0.bytes_out.inc_by(sent);
    }
}

/// Whether a handshake resumed an earlier session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resumed {
    /// An abbreviated handshake.
    Yes,
    /// A full one.
    No,
}

/// What is counted per backend.
#[derive(Clone, Debug)]
pub struct BackendMetrics(Arc<Backend>);

#[derive(Debug)]
struct Backend {
    name: Arc<str>,
    families: Families,
    connects: Counter,
    connect_seconds: DurationHistogram,
    active: Gauge,
    responses: [Counter; CLASSES.len()],
}

impl BackendMetrics {
    pub(super) fn new(families: &Families, name: Arc<str>) -> Self {
        let backend = || ("backend", owned(&name));
        let by_backend = || [backend()];
        Self(Arc::new(Backend {
            connects: families.upstream_connects.get_or_create_owned(&by_backend()),
            connect_seconds: families.upstream_connect_seconds.get_or_create_owned(&by_backend()),
            active: families.upstream_active.get_or_create_owned(&by_backend()),
            responses: CLASSES
                .map(|class| families.upstream_requests.get_or_create_owned(&[backend(), ("class", word(class))])),
            families: families.clone(),
            name,
        }))
    }

    /// A connection is up; counted as open until the guard goes.
    pub fn connected(&self, duration: Duration) -> Gauged {
        self.0.connects.inc();
        self.0.connect_seconds.observe(duration);
        Gauged::new(&self.0.active)
    }

    /// A connect or an exchange failed.
    pub fn failed(&self, reason: &'static str) {
        self.0
            .families
            .upstream_errors
            .get_or_create(&[("backend", owned(&self.0.name)), ("reason", word(reason))])
            .inc();
    }

    /// A response head came.
    pub fn response(&self, status: u16) {
        self.0.responses[class(status)].inc();
    }
}
