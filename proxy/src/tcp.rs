//! TCP (L4) proxying: one downstream connection, one upstream connection, bytes both ways.
//!
//! Half-close is kept both ways; silence ends the connection after the idle timeout; a leg that breaks resets the
//! other one, so that a cut transfer is never taken for a complete one. Whatever happens, one access log record is
//! written when the connection is over.

pub mod relay;

use std::rc::Rc;
use std::time::Duration;

use jadegate_tls::stream::Stream;
use socket2::SockRef;
use tokio::net::TcpStream;

use crate::access_log::{AccessRecord, UpstreamRecord};
use crate::connection::{ConnectionContext, causes};
use crate::upstream::{Transport, UpstreamFacts, UpstreamStream};
use relay::{End, Leg, Traffic, relay};

/// Serves the whole life of one downstream connection.
pub async fn serve(mut downstream: Stream<TcpStream>, context: Rc<ConnectionContext>) {
    let mut report = Report::new(Rc::clone(&context));
    let backend = &context.chain.backend;
    // In a box, so that the connection does not carry the room of the upstream's handshake.
    let (mut upstream, facts) = match Box::pin(context.worker.upstreams.connect_tcp(backend)).await {
        Ok(connected) => connected,
        Err(error) => {
            tracing::warn!(
                listener = context.listener.config.name,
                connection = context.id,
                backend = backend.config.name,
                reason = error.reason(),
                cause = causes(&error),
                "{error}"
            );
            backend.metrics.failed(error.reason());
            report.failure = Some(error.reason());
            reset_downstream(&downstream);
            return;
        }
    };
    let _open = backend.metrics.connected(facts.connect.unwrap_or_default());
    report.upstream = Some(facts);
    let timeouts = &context.listener.config.timeouts;
    let relay = relay(&mut downstream, &mut upstream, timeouts.idle, &report.traffic);
    let end = match timeouts.lifetime {
        // A lifetime counts from the accept.
        Some(lifetime) => tokio::time::timeout(lifetime.saturating_sub(context.started.elapsed()), relay).await.ok(),
        None => Some(relay.await),
    };
    report.failure = match end {
        Some(End::Finished) => None,
        Some(End::Truncated(Leg::Downstream)) => Some("downstream_truncated"),
        Some(End::Truncated(Leg::Upstream)) => Some("upstream_truncated"),
        Some(End::Idle) => Some("idle_timeout"),
        Some(End::Failed(Leg::Downstream, error)) => {
            tracing::debug!(connection = context.id, %error, "the downstream leg broke");
            reset_upstream(&upstream);
            Some("downstream_reset")
        }
        Some(End::Failed(Leg::Upstream, error)) => {
            tracing::debug!(connection = context.id, %error, "the upstream leg broke");
            reset_downstream(&downstream);
            Some("upstream_reset")
        }
        None => Some("lifetime"),
    };
}

/// Makes the close that follows a reset.
fn reset_downstream(stream: &Stream<TcpStream>) {
    let _ = SockRef::from(stream.transport()).set_linger(Some(Duration::ZERO));
}

fn reset_upstream(stream: &UpstreamStream) {
    if let Transport::Tcp(socket) = stream.transport() {
        let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
    }
}

/// Writes the access log record when it goes, however the connection ends.
struct Report {
    context: Rc<ConnectionContext>,
    traffic: Traffic,
    upstream: Option<UpstreamFacts>,
    /// What the record says if nothing better is known: the task was cut.
    failure: Option<&'static str>,
}

impl Report {
    fn new(context: Rc<ConnectionContext>) -> Self {
        let traffic = Traffic::counted_in(context.listener.metrics.clone());
        Self { context, traffic, upstream: None, failure: Some("cut") }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        let context = &self.context;
        let (bytes_in, bytes_out) = (self.traffic.downstream.get(), self.traffic.upstream.get());
        let upstream = UpstreamRecord {
            backend: &context.chain.backend.config.name,
            address: self.upstream.as_ref().map(|facts| facts.address.as_ref()),
            connect: self.upstream.as_ref().and_then(|facts| facts.connect),
        };
        context.worker.access_log.write(&AccessRecord {
            time: context.started_at,
            connection: context.record(),
            request: None,
            upstream: Some(upstream),
            bytes_in,
            bytes_out,
            duration: context.started.elapsed(),
            first_byte: None,
            failure: self.failure,
        });
    }
}
