//! An HTTP/1.1 connection to an endpoint.
//!
//! While an exchange is under way its own task drives the connection: no hand-over between tasks, and dropping the exchange
//! closes the connection. Only when a response begins before its request has ended, so that both directions must go on
//! by themselves, the connection gets a task of its own.

use super::pool::Slot;
use super::{UpstreamError, UpstreamStream};
use crate::http::RequestBody;
use crate::metrics::Gauged;
use bytes::Bytes;
use http::header::{HOST, TRANSFER_ENCODING};
use http::{HeaderValue, Request, Response, Uri, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::task::{JoinHandle, coop, spawn_local};
use tokio::time::timeout;

/// How long an endpoint may take to hear that we close.
const FAREWELL: Duration = Duration::from_secs(1);

type Driver = http1::Connection<TokioIo<UpstreamStream>, RequestBody>;

/// Bytes of one read at most, and with them of a response head and of what a slow client makes us hold.
const BUFFER: usize = 64 * 1024;

/// A connection; in use by one exchange, or idle in its pool.
pub(super) struct Http1 {
    sender: http1::SendRequest<RequestBody>,
    drive: Drive,
    pub(super) endpoint: usize,
    pub(super) idle_since: Instant,
    _slot: Slot,
    _open: Gauged,
}

enum Drive {
    /// By whoever holds the connection.
    Inline(Box<Driver>),
    /// By a task.
    Task { _task: AbortOnDrop },
    /// It has ended, be it for an upgrade.
    Ended(Box<Driver>),
    /// It has ended and is of no use.
    Gone,
}

struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A request that got no response.
pub(super) struct Unanswered {
    pub(super) error: hyper::Error,
    /// The request, if nothing of it was sent.
    pub(super) unsent: Option<Request<RequestBody>>,
}

/// A connection that has left HTTP.
pub(crate) struct Upgraded {
    pub(crate) stream: UpstreamStream,
    /// What was read behind the response.
    pub(crate) read: Bytes,
}

impl Http1 {
    pub(super) async fn open(
        stream: UpstreamStream,
        endpoint: usize,
        slot: Slot,
        open: Gauged,
    ) -> Result<Self, UpstreamError> {
        let (sender, driver) = http1::Builder::new()
            .max_buf_size(BUFFER)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(UpstreamError::Session)?;
        let drive = Drive::Inline(Box::new(driver));
        Ok(Self { sender, drive, endpoint, idle_since: Instant::now(), _slot: slot, _open: open })
    }

    /// Lets the connection make progress, if that is on us.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        let Drive::Inline(driver) = &mut self.drive else { return };
        // An error shows up again, with more detail, where the response or its body is awaited.
        if driver.poll_without_shutdown(cx).is_ready()
            && let Drive::Inline(driver) = std::mem::replace(&mut self.drive, Drive::Gone)
        {
            self.drive = Drive::Ended(driver);
        }
    }

    /// Whether what the connection produces wakes the one who polls for it (a task drives), or comes only out of
    /// [`Http1::drive`].
    pub(super) const fn wakes(&self) -> bool {
        matches!(self.drive, Drive::Task { .. })
    }

    /// Whether another request can be sent.
    pub(super) fn is_free(&self) -> bool {
        matches!(self.drive, Drive::Inline(_) | Drive::Task { .. }) && self.sender.is_ready()
    }

    /// Notices what happened while the connection was idle. False if it is of no use any more.
    pub(super) fn refresh(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()));
        self.is_free()
    }

    /// Sends a request and waits for the head of its response.
    pub(super) async fn send(&mut self, request: Request<RequestBody>) -> Result<Response<Incoming>, Unanswered> {
        let mut response = pin!(self.sender.try_send_request(request));
        let answer = poll_fn(|cx| {
            self.drive(cx);
            if self.wakes() {
                return response.as_mut().poll(cx);
            }
            // The answer can only have come out of `drive`, a moment ago; being woken for it would be one turn of the task
            // for nothing. The exception is a task that has used up its budget: it is not even allowed to look.
            let answer = response.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            if answer.is_pending() && !coop::has_budget_remaining() {
                cx.waker().wake_by_ref();
            }
            answer
        });
        answer.await.map_err(|mut failed| {
            let unsent = failed.take_message();
            Unanswered { error: failed.into_error(), unsent }
        })
    }

    /// Gives the connection a task of its own: the request goes on being sent whether or not the response is read.
    pub(super) fn detach(&mut self) {
        match std::mem::replace(&mut self.drive, Drive::Gone) {
            Drive::Inline(driver) => {
                let run = async move {
                    // Its errors reach the response body.
                    let _ = driver.await;
                };
                self.drive = Drive::Task { _task: AbortOnDrop(spawn_local(run)) };
            }
            other => self.drive = other,
        }
    }

    /// Closes a connection that is not needed any more. In TLS the backend is told so, or it would have to take the end for
    /// a truncation.
    pub(super) fn close(self) {
        let Drive::Inline(driver) = self.drive else { return };
        let mut stream = driver.into_parts().io.into_inner();
        if matches!(stream, UpstreamStream::Plain(_)) {
            return;
        }
        spawn_local(async move {
            // It has heard it, or it has gone: both are an end.
            let _ = timeout(FAREWELL, stream.shutdown()).await;
        });
    }

    /// The bare stream, after a 101 response. `None` if the connection broke.
    pub(super) async fn into_upgraded(mut self) -> Option<Upgraded> {
        poll_fn(|cx| {
            self.drive(cx);
            if matches!(self.drive, Drive::Inline(_)) { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        match self.drive {
            Drive::Ended(driver) => {
                let parts = driver.into_parts();
                Some(Upgraded { stream: parts.io.into_inner(), read: parts.read_buf })
            }
            Drive::Inline(_) | Drive::Task { .. } | Drive::Gone => None,
        }
    }
}

/// Gives a request the form that an HTTP/1.1 backend expects: origin-form, `Host`, explicit framing.
pub(super) fn prepare(request: &mut Request<RequestBody>) {
    *request.version_mut() = Version::HTTP_11;
    if let Some(authority) = request.uri().authority() {
        if !request.headers().contains_key(HOST)
            && let Ok(host) = HeaderValue::from_str(authority.as_str())
        {
            request.headers_mut().insert(HOST, host);
        }
        let target = request.uri().path_and_query().cloned().map_or_else(Uri::default, Uri::from);
        *request.uri_mut() = target;
    }
    let body = request.body();
    if !body.is_end_stream() && body.size_hint().exact().is_none() {
        // The library sends no body of unknown length with GET unless it is told to.
        request.headers_mut().insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
}
