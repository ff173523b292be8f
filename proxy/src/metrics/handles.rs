//! Handles of one listener or backend: fetched once, then atomics only.

use super::owners::{Met, Owners};
use super::{DurationHistogram, Families, Labels, Word};
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
pub(super) struct Listener {
    name: Arc<str>,
    families: Families,
    met: Arc<MetByListener>,
    accepted: Counter,
    active: Gauge,
    bytes_in: Counter,
    bytes_out: Counter,
    request_seconds: DurationHistogram,
    requests: [[Counter; CLASSES.len()]; HTTP_PROTOCOLS.len()],
    handshakes: [Handshakes; TLS_PROTOCOLS.len()],
}

/// What came up at a listener: each family by its words behind the listener's name.
#[derive(Debug, Default)]
pub(super) struct MetByListener {
    // protocol, reason
    failed_handshakes: Met<2>,
    suites: Met<1>,
    refused: Met<1>,
    http2_ended: Met<1>,
}

/// Handles of listeners.
pub(super) type Listeners = Owners<Listener, MetByListener>;

/// What is counted per completed handshake of one protocol.
#[derive(Debug)]
struct Handshakes {
    completed: Counter,
    resumed: Counter,
    seconds: DurationHistogram,
    active: Gauge,
}

impl ListenerMetrics {
    pub(super) fn new(families: &Families, name: &str) -> Self {
        Self(families.listeners.of(name, |name, met| Listener::new(families, name, met)))
    }

    /// A connection came in; counted as open until the guard goes.
    pub fn accepted(&self) -> Gauged {
        self.0.accepted.inc();
        Gauged::new(&self.0.active)
    }

    /// A connection was closed at once for want of room.
    pub fn refused(&self, reason: &'static str) {
        let Listener { name, families, met, .. } = &*self.0;
        met.refused.count([reason], || {
            families.connections_refused.get_or_create_owned(&[listener(name), ("reason", word(reason))])
        });
    }

    /// A handshake completed; the connection is counted as open until the guard goes.
    pub fn handshake(&self, protocol: &str, suite: &'static str, resumed: Resumed, duration: Duration) -> Gauged {
        let handles = &self.0.handshakes[position(&TLS_PROTOCOLS, protocol)];
        handles.completed.inc();
        handles.seconds.observe(duration);
        if resumed == Resumed::Yes {
            handles.resumed.inc();
        }
        let Listener { name, families, met, .. } = &*self.0;
        met.suites.count([suite], || families.suites.get_or_create_owned(&[listener(name), ("suite", word(suite))]));
        Gauged::new(&handles.active)
    }

    /// A handshake failed.
    pub fn handshake_failed(&self, protocol: Option<&str>, reason: &'static str) {
        let protocol = TLS_PROTOCOLS[position(&TLS_PROTOCOLS, protocol.unwrap_or("unknown"))];
        let Listener { name, families, met, .. } = &*self.0;
        met.failed_handshakes.count([protocol, reason], || {
            families.handshakes.get_or_create_owned(&handshake(name, protocol, "failed", reason))
        });
    }

    /// A request is over: `protocol` is `http/1.1` or `h2`.
    pub fn request(&self, protocol: &str, status: u16, duration: Duration) {
        self.0.requests[position(&HTTP_PROTOCOLS, protocol)][class(status)].inc();
        self.0.request_seconds.observe(duration);
    }

    /// An HTTP/2 connection was ended for what the client sent.
    pub fn http2_ended(&self, reason: &'static str) {
        let Listener { name, families, met, .. } = &*self.0;
        met.http2_ended
            .count([reason], || families.http2_ended.get_or_create_owned(&[listener(name), ("reason", word(reason))]));
    }

    /// Payload bytes that went both ways, from (`in`) and to (`out`) the peer.
    pub fn bytes(&self, received: u64, sent: u64) {
        // The counters are shared by all workers: a write that changes nothing still costs the others their cache line.
        for (counter, bytes) in [(&self.0.bytes_in, received), (&self.0.bytes_out, sent)] {
            if bytes > 0 {
                counter.inc_by(bytes);
            }
        }
    }
}

impl Listener {
    fn new(families: &Families, name: Arc<str>, met: Arc<MetByListener>) -> Self {
        let f = families;
        let requests = HTTP_PROTOCOLS
            .map(|protocol| CLASSES.map(|class| f.requests.get_or_create_owned(&request(&name, protocol, class))));
        let handshakes = TLS_PROTOCOLS.map(|value| {
            let labels = protocol(&name, value);
            Handshakes {
                completed: f.handshakes.get_or_create_owned(&handshake(&name, value, "ok", "")),
                resumed: f.resumptions.get_or_create_owned(&labels),
                seconds: f.handshake_seconds.get_or_create_owned(&labels),
                active: f.tls_connections.get_or_create_owned(&labels),
            }
        });
        let by_listener = [listener(&name)];
        Self {
            accepted: f.connections_accepted.get_or_create_owned(&by_listener),
            active: f.connections_active.get_or_create_owned(&by_listener),
            bytes_in: f.bytes.get_or_create_owned(&direction(&name, "in")),
            bytes_out: f.bytes.get_or_create_owned(&direction(&name, "out")),
            request_seconds: f.request_seconds.get_or_create_owned(&by_listener),
            requests,
            handshakes,
            families: f.clone(),
            name,
            met,
        }
    }

    /// Takes every series of the listener away.
    fn forget(&self) {
        let Self { name, families: f, met, .. } = self;
        for value in TLS_PROTOCOLS {
            f.handshakes.remove(&handshake(name, value, "ok", ""));
            let labels = protocol(name, value);
            f.resumptions.remove(&labels);
            f.handshake_seconds.remove(&labels);
            f.tls_connections.remove(&labels);
        }
        for protocol in HTTP_PROTOCOLS {
            for class in CLASSES {
                f.requests.remove(&request(name, protocol, class));
            }
        }
        let by_listener = [listener(name)];
        f.connections_accepted.remove(&by_listener);
        f.connections_active.remove(&by_listener);
        f.request_seconds.remove(&by_listener);
        for value in ["in", "out"] {
            f.bytes.remove(&direction(name, value));
        }
        let MetByListener { failed_handshakes, suites, refused, http2_ended } = &**met;
        failed_handshakes.forget(|[protocol, reason]| {
            f.handshakes.remove(&handshake(name, protocol, "failed", reason));
        });
        suites.forget(|[suite]| {
            f.suites.remove(&[listener(name), ("suite", word(suite))]);
        });
        refused.forget(|[reason]| {
            f.connections_refused.remove(&[listener(name), ("reason", word(reason))]);
        });
        http2_ended.forget(|[reason]| {
            f.http2_ended.remove(&[listener(name), ("reason", word(reason))]);
        });
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.families.listeners.end(&self.name, self, || self.forget());
    }
}

fn listener(name: &str) -> (&'static str, Word) {
    ("listener", owned(name))
}

fn protocol(name: &str, value: &'static str) -> Labels<2> {
    [listener(name), ("protocol", word(value))]
}

fn direction(name: &str, value: &'static str) -> Labels<2> {
    [listener(name), ("direction", word(value))]
}

fn request(name: &str, protocol: &'static str, class: &'static str) -> Labels<3> {
    [listener(name), ("protocol", word(protocol)), ("class", word(class))]
}

fn handshake(name: &str, protocol: &'static str, outcome: &'static str, reason: &'static str) -> Labels<4> {
    [listener(name), ("protocol", word(protocol)), ("outcome", word(outcome)), ("reason", word(reason))]
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
pub(super) struct Backend {
    name: Arc<str>,
    families: Families,
    met: Arc<MetByBackend>,
    connects: Counter,
    connect_seconds: DurationHistogram,
    active: Gauge,
    responses: [Counter; CLASSES.len()],
}

/// What came up at a backend, by its words behind the backend's name.
#[derive(Debug, Default)]
pub(super) struct MetByBackend {
    errors: Met<1>,
}

/// Handles of backends.
pub(super) type Backends = Owners<Backend, MetByBackend>;

impl BackendMetrics {
    pub(super) fn new(families: &Families, name: &str) -> Self {
        Self(families.backends.of(name, |name, met| Backend::new(families, name, met)))
    }

    /// A connection is up; counted as open until the guard goes.
    pub fn connected(&self, duration: Duration) -> Gauged {
        self.0.connects.inc();
        self.0.connect_seconds.observe(duration);
        Gauged::new(&self.0.active)
    }

    /// A connect or an exchange failed.
    pub fn failed(&self, reason: &'static str) {
        let Backend { name, families, met, .. } = &*self.0;
        met.errors.count([reason], || families.upstream_errors.get_or_create_owned(&by_reason(name, reason)));
    }

    /// A response head came.
    pub fn response(&self, status: u16) {
        self.0.responses[class(status)].inc();
    }
}

impl Backend {
    fn new(families: &Families, name: Arc<str>, met: Arc<MetByBackend>) -> Self {
        let f = families;
        let by_backend = [backend(&name)];
        Self {
            connects: f.upstream_connects.get_or_create_owned(&by_backend),
            connect_seconds: f.upstream_connect_seconds.get_or_create_owned(&by_backend),
            active: f.upstream_active.get_or_create_owned(&by_backend),
            responses: CLASSES.map(|class| f.upstream_requests.get_or_create_owned(&by_class(&name, class))),
            families: f.clone(),
            name,
            met,
        }
    }

    /// Takes every series of the backend away.
    fn forget(&self) {
        let Self { name, families: f, met, .. } = self;
        let by_backend = [backend(name)];
        f.upstream_connects.remove(&by_backend);
        f.upstream_connect_seconds.remove(&by_backend);
        f.upstream_active.remove(&by_backend);
        for class in CLASSES {
            f.upstream_requests.remove(&by_class(name, class));
        }
        let MetByBackend { errors } = &**met;
        errors.forget(|[reason]| {
            f.upstream_errors.remove(&by_reason(name, reason));
        });
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.families.backends.end(&self.name, self, || self.forget());
    }
}

fn backend(name: &str) -> (&'static str, Word) {
    ("backend", owned(name))
}

fn by_class(name: &str, class: &'static str) -> Labels<2> {
    [backend(name), ("class", word(class))]
}

fn by_reason(name: &str, reason: &'static str) -> Labels<2> {
    [backend(name), ("reason", word(reason))]
}
