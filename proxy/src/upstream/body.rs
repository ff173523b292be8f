//! The body of a backend's response.

use super::http1::{Http1, Upgraded};
use super::http2::StreamPermit;
use super::pool::BackendPool;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// A response body. When it has been read to its end the connection goes back to its pool; when it is dropped before,
/// an HTTP/1.1 connection is closed and an HTTP/2 stream reset.
pub struct UpstreamBody {
    incoming: Incoming,
    source: Source,
}

enum Source {
    Http1 {
        connection: Http1,
        pool: Rc<BackendPool>,
    },
    /// Gives the stream back.
    Http2 {
        _stream: StreamPermit,
    },
    Spent,
}

impl UpstreamBody {
    pub(super) fn http1(incoming: Incoming, connection: Http1, pool: Rc<BackendPool>) -> Self {
        Self { incoming, source: Source::Http1 { connection, pool } }
    }

    pub(super) fn http2(incoming: Incoming, stream: StreamPermit) -> Self {
        Self { incoming, source: Source::Http2 { _stream: stream } }
    }

    /// The bare stream, after a 101 response. `None` if there is none.
    pub(crate) async fn into_upgraded(mut self) -> Option<Upgraded> {
        match std::mem::replace(&mut self.source, Source::Spent) {
            Source::Http1 { connection, .. } => connection.into_upgraded().await,
            Source::Http2 { .. } | Source::Spent => None,
        }
    }

    /// Gives the connection back.
    fn finish(&mut self) {
        if let Source::Http1 { connection, pool } = std::mem::replace(&mut self.source, Source::Spent) {
            pool.release(connection);
        }
    }
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = &mut *self;
        let mut polled = match &mut this.source {
            Source::Http1 { connection, .. } if !connection.wakes() => {
                // What the connection reads it passes to `incoming` within `drive`: no need to be woken for it.
                let mut no_wake = Context::from_waker(Waker::noop());
                let mut polled = Pin::new(&mut this.incoming).poll_frame(&mut no_wake);
                if polled.is_pending() {
                    connection.drive(cx);
                    polled = Pin::new(&mut this.incoming).poll_frame(&mut no_wake);
                }
                polled
            }
            Source::Http1 { .. } | Source::Http2 { .. } => Pin::new(&mut this.incoming).poll_frame(cx),
            Source::Spent => Poll::Ready(None),
        };
        match &mut polled {
            Poll::Ready(None) => this.finish(),
            Poll::Ready(Some(Err(_))) => this.source = Source::Spent,
            Poll::Ready(Some(Ok(_))) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for UpstreamBody {
    fn drop(&mut self) {
        // A body of known length is dropped after its last byte, without another look.
        if self.incoming.is_end_stream() {
            self.finish();
        }
    }
}
