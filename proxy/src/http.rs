//! HTTP/1.1 and HTTP/2 from the client to the chain's backend.
//!
//! The library parses and frames; this module decides what it may see ([`head_scan`], [`chunk_scan`], the guards), what is
//! forwarded and how (`headers`, `forward`), and how long anything may take. One connection is one task, its HTTP/2
//! streams a task each, all on the worker's thread. Bodies are streamed: who does not read makes the other side wait.
//!
//! Every request is recorded once, on whatever path it ends. A request that breaks a rule gets a status and a few fixed
//! words; the reason goes to the access log.

pub mod chunk_scan;
pub mod head_scan;
pub mod violation;

mod body;
mod breach;
mod deadline;
mod exchange;
mod expectation;
mod forward;
mod frame_guard;
mod head_guard;
mod headers;
mod linger;
mod reject;
mod server;
mod session;
mod upgrade;

pub(crate) use body::RequestBody;

use crate::access_log::{AccessRecord, RequestRecord, UpstreamRecord};
use crate::connection::ConnectionContext;
use exchange::Exchange;
use http::{HeaderValue, Version};
use jadegate_tls::stream::Stream;
use server::Protocol;
use session::{Site, Transport};
use std::rc::Rc;
use tokio::net::TcpStream;

/// Longest request target that is forwarded.
const TARGET_BYTES: usize = 16 * 1024;

/// Serves a downstream connection to its end. The protocol is what ALPN agreed on; without ALPN it is HTTP/2 if the
/// connection begins with its preface, else HTTP/1.
pub async fn serve(stream: Stream<TcpStream>, context: Rc<ConnectionContext>) {
    let negotiated = context.negotiated.as_deref();
    let protocol = match negotiated.and_then(|negotiated| negotiated.alpn.as_deref()) {
        Some(b"h2") => Protocol::Http2,
        Some(_) => Protocol::Http1,
        None => Protocol::Unknown,
    };
    let transport = if negotiated.is_some() { Transport::Tls } else { Transport::Plaintext };
    let site = Site {
        remote: context.remote,
        local: context.local,
        transport,
        timeouts: context.listener.config.timeouts,
        limits: context.listener.config.limits,
        pool: context.worker.upstreams.pool(&context.chain.backend),
        drain: context.worker.drain.clone(),
        report: {
            let context = Rc::clone(&context);
            Box::new(move |exchange| report(&context, exchange))
        },
    };
    if let Some(breach) = server::serve(stream, site, protocol).await {
        let ConnectionContext { listener, remote, id, .. } = &*context;
        listener.metrics.http2_ended(breach.reason());
        tracing::info!(
            listener = listener.config.name,
            %remote,
            connection = id,
            reason = breach.reason(),
            "HTTP/2 connection ended for what the client sent"
        );
    }
}

/// Writes the access log line of an exchange, and counts it.
fn report(context: &ConnectionContext, exchange: &Exchange) {
    let protocol = match exchange.version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    };
    let status = exchange.status.get().map(|status| status.as_u16());
    let duration = exchange.duration();
    let host = exchange.host.as_ref().map(HeaderValue::to_str).and_then(Result::ok);
    let facts = exchange.upstream.borrow();
    let upstream = facts.as_ref().map(|facts| UpstreamRecord {
        backend: &context.chain.backend.config.name,
        address: Some(&facts.address),
        connect: facts.connect,
    });
    context.worker.access_log.write(&AccessRecord {
        time: exchange.started_at,
        connection: context.record(),
        request: Some(RequestRecord {
            protocol,
            method: exchange.method.as_str(),
            path: headers::target(&exchange.uri),
            authority: host.or_else(|| exchange.uri.authority().map(|authority| authority.as_str())),
            status,
        }),
        upstream,
        bytes_in: exchange.bytes_in.get(),
        bytes_out: exchange.bytes_out.get(),
        duration,
        first_byte: exchange.first_byte.get(),
        failure: exchange.failure(),
    });
    let metrics = &context.listener.metrics;
    let alpn = if exchange.version == Version::HTTP_2 { "h2" } else { "http/1.1" };
    metrics.request(alpn, status.unwrap_or(0), duration);
    metrics.bytes(exchange.bytes_in.get(), exchange.bytes_out.get());
}

#[cfg(test)]
mod tests;
