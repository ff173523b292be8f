//! A connection that has left HTTP: bytes both ways.

use super::exchange::Exchange;
use crate::tcp::relay::{End, Traffic, relay};
use crate::upstream::Upgraded;
use bytes::Bytes;
use jadegate_tls::prefixed::Prefixed;
use std::rc::Rc;
use tokio::io::{AsyncRead, AsyncWrite};

/// What is left to do once the HTTP library has written the 101 response.
pub(super) struct Tunnel {
    upgraded: Upgraded,
    exchange: Rc<Exchange>,
}

impl Tunnel {
    pub(super) const fn new(upgraded: Upgraded, exchange: Rc<Exchange>) -> Self {
        Self { upgraded, exchange }
    }

    /// Copies until both directions are done, or nothing moves for the idle timeout. `read` came from the client after
    /// its request.
    pub(super) async fn run<IO: AsyncRead + AsyncWrite + Unpin>(self, client: IO, read: Bytes) {
        let Self { upgraded, exchange } = self;
        let mut downstream = Prefixed::new(read.into(), client);
        let mut upstream = Prefixed::new(upgraded.read.into(), upgraded.stream);
        let traffic = Traffic::default();
        let mut count = Count { traffic: &traffic, exchange: &exchange, cut: true };
        let idle = exchange.session.site.timeouts.idle;
        let end = relay(&mut downstream, &mut upstream, idle, &traffic).await;
        count.cut = false;
        drop(count);
        match end {
            End::Finished | End::Truncated(_) => {}
            End::Idle => exchange.fail("tunnel_idle"),
            End::Failed(leg, _) => exchange.fail(match leg {
                crate::tcp::relay::Leg::Downstream => "client_gone",
                crate::tcp::relay::Leg::Upstream => "upstream_reset",
            }),
        }
        exchange.finish();
    }
}

/// Puts the counts into the record, also when the tunnel is cut.
struct Count<'a> {
    traffic: &'a Traffic,
    exchange: &'a Exchange,
    /// The tunnel did not end by itself.
    cut: bool,
}

impl Drop for Count<'_> {
    fn drop(&mut self) {
        if self.cut {
            self.exchange.fail("drain_aborted");
        }
        self.exchange.bytes_in.set(self.exchange.bytes_in.get() + self.traffic.downstream.get());
        self.exchange.bytes_out.set(self.exchange.bytes_out.get() + self.traffic.upstream.get());
    }
}
