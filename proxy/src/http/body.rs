//! The bodies of an exchange: counted, and bounded in time, on their way through. Nothing is collected; a side that does
//! not read makes the other one wait.

use super::deadline::Deadline;
use super::exchange::Exchange;
use super::expectation::Expectation;
use super::reject::Rejection;
use super::session::Guard;
use crate::upstream::{UpstreamBody, UpstreamFacts};
use bytes::Bytes;
use http::Method;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use thiserror::Error;

/// A body that did not come to its end.
#[derive(Debug, Error)]
pub(crate) enum BodyError {
    /// The client's connection broke, or what it sent was refused.
    #[error("request body")]
    Request(#[source] hyper::Error),
    /// The backend's connection broke.
    #[error("response body")]
    Response(#[source] hyper::Error),
    /// Nothing moved for too long, or the exchange took too long.
    #[error("body timed out")]
    TimedOut,
}

/// A request body on its way to the backend.
pub(crate) struct RequestBody {
    /// `None` = an empty one, sent again.
    incoming: Option<Incoming>,
    exchange: Rc<Exchange>,
    expectation: Option<Arc<Expectation>>,
    stalled: Option<Deadline>,
}

impl RequestBody {
    pub(super) fn new(incoming: Incoming, exchange: Rc<Exchange>, expectation: Option<Arc<Expectation>>) -> Self {
        if incoming.is_end_stream() {
            exchange.end_request();
        }
        Self { incoming: Some(incoming), exchange, expectation, stalled: None }
    }

    /// Another empty body of the same exchange.
    pub(crate) fn empty_again(&self) -> Self {
        Self { incoming: None, exchange: Rc::clone(&self.exchange), expectation: None, stalled: None }
    }

    /// The exchange that it belongs to.
    pub(crate) fn exchange(&self) -> Rc<Exchange> {
        Rc::clone(&self.exchange)
    }

    /// A connection to a backend was found.
    pub(crate) fn reached(&self, facts: UpstreamFacts) {
        self.exchange.reached(facts);
    }

    /// Nobody will answer the client's expectation: let the body come.
    pub(crate) fn release(&self) {
        if let Some(expectation) = &self.expectation {
            expectation.release();
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let Some(incoming) = &mut this.incoming else { return Poll::Ready(None) };
        if let Some(expectation) = &this.expectation {
            // Polling is what makes the library tell the client to go on.
            ready!(expectation.poll_released(cx));
        }
        let polled = Pin::new(incoming).poll_frame(cx);
        Poll::Ready(match polled {
            Poll::Ready(Some(Ok(frame))) => {
                this.exchange.received(frame.data_ref().map_or(0, Bytes::len));
                if frame.is_trailers() || this.incoming.as_ref().is_some_and(Incoming::is_end_stream) {
                    this.exchange.end_request();
                }
                Some(Ok(frame))
            }
            Poll::Ready(Some(Err(error))) => {
                let violation = match &this.exchange.session.guard {
                    Guard::Http1(state) => state.body_violation(),
                    Guard::Http2(_) => None,
                };
                if let Some(breach) = this.exchange.session.breach() {
                    // The body ended with its connection; the record says why that did.
                    this.exchange.fail(breach.reason());
                }
                this.exchange.fail_body(violation.map_or(Rejection::BodyEnded, Rejection::Violation));
                Some(Err(BodyError::Request(error)))
            }
            Poll::Ready(None) => {
                this.exchange.end_request();
                None
            }
            Poll::Pending => {
                ready!(poll_stalled(&mut this.stalled, &this.exchange, cx));
                this.exchange.fail_body(Rejection::BodyTimeout);
                Some(Err(BodyError::TimedOut))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or_else(|| SizeHint::with_exact(0), Incoming::size_hint)
    }
}

/// Ready when the exchange has stood still for too long. The timer is made at the first wait.
fn poll_stalled(timer: &mut Option<Deadline>, exchange: &Exchange, cx: &mut Context<'_>) -> Poll<()> {
    match exchange.stalled_at() {
        Some(at) => timer.get_or_insert_default().poll_at(cx, at),
        None => Poll::Pending,
    }
}

/// A response body on its way to the client.
pub(super) struct ResponseBody {
    content: Content,
    exchange: Rc<Exchange>,
    stalled: Option<Deadline>,
}

enum Content {
    Upstream(UpstreamBody),
    Words(Bytes),
}

impl ResponseBody {
    pub(super) fn upstream(body: UpstreamBody, exchange: Rc<Exchange>) -> Self {
        Self { content: Content::Upstream(body), exchange, stalled: None }
    }

    pub(super) fn words(words: &'static str, exchange: Rc<Exchange>) -> Self {
        Self { content: Content::Words(Bytes::from_static(words.as_bytes())), exchange, stalled: None }
    }

    fn sent(&self, bytes: usize) {
        self.exchange.sent(bytes);
        if let Guard::Http2(state) = &self.exchange.session.guard {
            state.sent();
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let body = match &mut this.content {
            Content::Upstream(body) => body,
            Content::Words(words) => {
                let words = std::mem::take(words);
                if words.is_empty() {
                    this.exchange.finish();
                    return Poll::Ready(None);
                }
                this.sent(words.len());
                return Poll::Ready(Some(Ok(Frame::data(words))));
            }
        };
        Poll::Ready(match Pin::new(body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.sent(frame.data_ref().map_or(0, Bytes::len));
                if frame.is_trailers() {
                    this.exchange.finish();
                }
                Some(Ok(frame))
            }
            Poll::Ready(Some(Err(error))) => {
                this.exchange.fail("response_body");
                Some(Err(BodyError::Response(error)))
            }
            Poll::Ready(None) => {
                this.exchange.finish();
                None
            }
            Poll::Pending => {
                ready!(poll_stalled(&mut this.stalled, &this.exchange, cx));
                this.exchange.fail("response_body_timeout");
                Some(Err(BodyError::TimedOut))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Upstream(body) => body.is_end_stream(),
            Content::Words(words) => words.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Upstream(body) => body.size_hint(),
            Content::Words(words) => SizeHint::with_exact(words.len() as u64),
        }
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        // A body of known length is dropped after its last byte, without another look; so is one that must not be sent.
        if self.is_end_stream() || self.exchange.method == Method::HEAD {
            self.exchange.finish_with_last_byte();
        }
        if let Guard::Http2(state) = &self.exchange.session.guard {
            state.answered();
        }
    }
}
