//! Metrics in the Prometheus text format.
//!
//! Every label is bounded: names from the configuration and reasons from our own enums, never a server name, a
//! path or a peer. The data path holds *handles* ([`ListenerMetrics`], [`BackendMetrics`]) that are fetched once
//! per listener or backend and touch atomics only; failures, which are rare, are looked up by their reason. The series of
//! a listener, backend or secret go when it is gone, so that reloads do not add up.

mod handles;
mod histogram;
mod owners;
mod process;
mod secrets;

pub use handles::{BackendMetrics, Gauged, ListenerMetrics, Resumed};
pub use histogram::DurationHistogram;
pub(crate) use secrets::{SecretMetrics, certificates};

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::borrow::Cow;
use std::sync::Arc;

/// A label value: our own word, or a name of the configuration.
pub(crate) type Word = Cow<'static, str>;
/// A label set with `N` labels, in a fixed order.
pub(crate) type Labels<const N: usize> = [(&'static str, Word); N];
/// Counters by label set.
pub(crate) type Counters<const N: usize> = Family<Labels<N>, Counter>;
/// Gauges by label set.
pub(crate) type Gauges<const N: usize> = Family<Labels<N>, Gauge>;
/// Histograms by label set.
pub(crate) type Histograms<const N: usize> = Family<Labels<N>, DurationHistogram>;

/// Every metric of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    pub(crate) families: Families,
}

/// The families, by what they count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Families {
    // listener, protocol, outcome, reason
    pub(crate) handshakes: Counters<4>,
    // listener, suite
    pub(crate) suites: Counters<2>,
    pub(crate) handshake_seconds: Histograms<2>,
    pub(crate) tls_connections: Gauges<2>,
    pub(crate) resumptions: Counters<2>,
    pub(crate) certificate_not_after: Gauges<3>,
    pub(crate) secret_generation: Gauges<1>,
    pub(crate) secret_updates: Counters<1>,
    pub(crate) secret_rejections: Counters<2>,
    pub(crate) config_reloads: Counters<1>,
    pub(crate) config_generation: Gauge,
    pub(crate) connections_accepted: Counters<1>,
    pub(crate) connections_active: Gauges<1>,
    pub(crate) connections_refused: Counters<2>,
    pub(crate) accept_errors: Counters<1>,
    pub(crate) requests: Counters<3>,
    pub(crate) request_seconds: Histograms<1>,
    pub(crate) http2_ended: Counters<2>,
    pub(crate) bytes: Counters<2>,
    pub(crate) upstream_connects: Counters<1>,
    pub(crate) upstream_connect_seconds: Histograms<1>,
    pub(crate) upstream_errors: Counters<2>,
    pub(crate) upstream_active: Gauges<1>,
    pub(crate) upstream_requests: Counters<2>,
    pub(crate) access_log_dropped: Counter,
    pub(crate) task_panics: Counters<1>,
    pub(crate) listener_open: Gauges<1>,
    // Who counts in those by listener and backend.
    listeners: Arc<handles::Listeners>,
    backends: Arc<handles::Backends>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All families, registered, nothing counted.
    pub fn new() -> Self {
        let families = Families::default();
        let mut registry = Registry::default();
        registry.register_collector(Box::new(process::Process::new()));
        let ours = registry.sub_registry_with_prefix("jadegate");
        let f = families.clone();
        ours.register("tls_handshakes", "Handshakes by listener, protocol, outcome and reason", f.handshakes);
        ours.register("tls_suites", "Completed handshakes by cipher suite", f.suites);
        ours.register("tls_handshake_seconds", "Duration of completed handshakes, with the hello", f.handshake_seconds);
        ours.register("tls_connections", "Open TLS connections by protocol", f.tls_connections);
        ours.register("tls_resumptions", "Completed handshakes that resumed a session", f.resumptions);
        ours.register(
            "certificate_not_after_timestamp_seconds",
            "End of validity of each leaf certificate in use, in seconds since the epoch",
            f.certificate_not_after,
        );
        ours.register("secret_generation", "Generation of the last good version of a secret", f.secret_generation);
        ours.register("secret_updates", "Accepted versions of a secret", f.secret_updates);
        ours.register("secret_rejections", "Refused versions of a secret, by reason", f.secret_rejections);
        ours.register("config_reloads", "Reloads of the configuration by outcome", f.config_reloads);
        ours.register("config_generation", "Generation of the running snapshot", f.config_generation);
        ours.register("connections_accepted", "Accepted connections", f.connections_accepted);
        ours.register("connections_active", "Open downstream connections", f.connections_active);
        ours.register("connections_refused", "Connections closed at once, by reason", f.connections_refused);
        ours.register("accept_errors", "Failed accepts by kind", f.accept_errors);
        ours.register("requests", "Finished HTTP requests by protocol and class of status", f.requests);
        ours.register("request_seconds", "Duration of HTTP requests, to the end of the response", f.request_seconds);
        ours.register(
            "http2_connections_ended",
            "HTTP/2 connections that were ended for what the client sent, by reason",
            f.http2_ended,
        );
        ours.register("downstream_bytes", "Payload bytes from (in) and to (out) downstream peers", f.bytes);
        ours.register("upstream_connects", "Established connections to a backend", f.upstream_connects);
        ours.register(
            "upstream_connect_seconds",
            "Duration of establishing a connection to a backend, with TLS",
            f.upstream_connect_seconds,
        );
        ours.register("upstream_errors", "Failures towards a backend by reason", f.upstream_errors);
        ours.register("upstream_connections_active", "Open connections to a backend", f.upstream_active);
        ours.register("upstream_requests", "Responses of a backend by class of status", f.upstream_requests);
        ours.register("access_log_dropped", "Access log records that did not fit the queue", f.access_log_dropped);
        ours.register("task_panics", "Tasks that ended in a panic", f.task_panics);
        ours.register(
            "listener_open",
            "Whether a listener's port is open (1) or waits for a secret (0)",
            f.listener_open,
        );
        Self { registry, families }
    }

    /// The text of `/metrics`.
    pub fn encode(&self) -> String {
        let mut out = String::with_capacity(16 * 1024);
        // Writing into a String does not fail, and our own collectors return no error of their own.
        if text::encode(&mut out, &self.registry).is_err() {
            out.push_str("# EOF\n");
        }
        out
    }

    /// The handles of one listener; its series go with the last of them.
    pub fn listener(&self, name: &str) -> ListenerMetrics {
        ListenerMetrics::new(&self.families, name)
    }

    /// The handles of one backend; its series go with the last of them.
    pub fn backend(&self, name: &str) -> BackendMetrics {
        BackendMetrics::new(&self.families, name)
    }
}

#[cfg(test)]
mod tests {
    use super::{Metrics, Resumed};
    use std::time::Duration;

    #[test]
    fn what_a_handle_counts_is_in_the_text() {
        let metrics = Metrics::new();
        let listener = metrics.listener("site");
        listener.request("h2", 404, Duration::from_millis(3));
        listener.refused("limit");
        let backend = metrics.backend("web");
        backend.failed("connect_timeout");
        let text = metrics.encode();
        for line in [
            "jadegate_requests_total{listener=\"site\",protocol=\"h2\",class=\"4xx\"} 1",
            "jadegate_connections_refused_total{listener=\"site\",reason=\"limit\"} 1",
            "jadegate_upstream_errors_total{backend=\"web\",reason=\"connect_timeout\"} 1",
            "jadegate_request_seconds_bucket{le=\"0.005\",listener=\"site\"} 1",
            "jadegate_request_seconds_bucket{le=\"+Inf\",listener=\"site\"} 1",
            "process_open_fds",
        ] {
            assert!(text.contains(line), "missing {line} in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }

    /// Lines of the text that are about this listener or backend.
    fn series(metrics: &Metrics, name: &str) -> usize {
        metrics.encode().lines().filter(|line| line.contains(&format!("\"{name}\""))).count()
    }

    #[test]
    fn series_go_with_the_last_handle_of_their_listener_or_backend() {
        let metrics = Metrics::new();
        let (first, second) = (metrics.listener("site"), metrics.listener("site"));
        let open = first.accepted();
        first.refused("limit");
        first.http2_ended("h2_ping_flood");
        first.handshake_failed(Some("tlcp"), "closed");
        let _ = first.handshake("tls1.3", "suite", Resumed::No, Duration::ZERO);
        metrics.listener("elsewhere").refused("limit");
        let backend = metrics.backend("web");
        backend.failed("connect_timeout");
        backend.response(200);
        assert!(series(&metrics, "site") > 20 && series(&metrics, "web") > 5);
        assert_eq!(series(&metrics, "elsewhere"), 0, "nobody holds it");
        drop((first, backend));
        // Somebody still counts: what was counted stays.
        second.refused("limit");
        let line = "jadegate_connections_refused_total{listener=\"site\",reason=\"limit\"} 2";
        assert!(metrics.encode().contains(line), "{}", metrics.encode());
        assert_eq!(series(&metrics, "web"), 0, "{}", metrics.encode());
        drop((second, open));
        assert_eq!(series(&metrics, "site"), 0, "{}", metrics.encode());
        // Who comes back begins anew.
        metrics.listener("site").refused("limit");
        let back = metrics.listener("site");
        back.refused("limit");
        assert!(metrics.encode().contains("{listener=\"site\",reason=\"limit\"} 1"), "{}", metrics.encode());
    }

    #[test]
    fn names_that_come_and_go_on_many_threads_lose_no_count_and_leave_nothing() {
        let metrics = Metrics::new();
        let held = metrics.listener("held");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for round in 0..500 {
                        metrics.listener("held").refused("limit");
                        let name = format!("l{}", round % 3);
                        metrics.listener(&name).refused("limit");
                    }
                });
            }
        });
        assert!(metrics.encode().contains("{listener=\"held\",reason=\"limit\"} 2000"), "{}", metrics.encode());
        assert!((0..3).all(|n| series(&metrics, &format!("l{n}")) == 0), "{}", metrics.encode());
        drop(held);
        assert_eq!(series(&metrics, "held"), 0);
    }

    #[test]
    fn every_series_is_in_the_documentation() {
        let text = include_str!("../../docs/operations/metrics.md");
        let metrics = Metrics::new();
        for line in metrics.encode().lines() {
            let Some(name) = line.strip_prefix("# HELP jadegate_") else { continue };
            let name = name.split(' ').next().unwrap();
            let documented = [format!("| `jadegate_{name}` |"), format!("| `jadegate_{name}_total` |")];
            assert!(documented.iter().any(|row| text.contains(row)), "missing {name}");
        }
    }

    #[test]
    fn a_status_outside_the_classes_is_counted_as_other() {
        let metrics = Metrics::new();
        let listener = metrics.listener("site");
        listener.request("smtp", 999, Duration::ZERO);
        assert!(
            metrics
                .encode()
                .contains("jadegate_requests_total{listener=\"site\",protocol=\"other\",class=\"other\"} 1")
        );
    }
}
