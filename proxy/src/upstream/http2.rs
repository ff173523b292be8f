//! An HTTP/2 session with an endpoint: one connection, driven by a task of its own, shared by many exchanges.

use super::http1::Unanswered;
use super::pool::{BackendPool, Slot};
use super::{UpstreamError, UpstreamStream};
use crate::http::RequestBody;
use crate::metrics::Gauged;
use http::header::{EXPECT, HOST};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, Uri, Version};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};
use tokio::task::spawn_local;
use tokio::time::timeout;

/// Streams that we open at a time on one session; the endpoint may allow fewer.
const STREAMS: usize = 100;
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
const SEND_BUFFER: usize = 64 * 1024;
const HEADER_LIST: u32 = 64 * 1024;
/// How often a silent session with open streams is asked whether it lives, and how long it may think.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_PATIENCE: Duration = Duration::from_secs(20);

/// Runs the library's futures on this thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LocalExecutor;

impl<F> hyper::rt::Executor<F> for LocalExecutor
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        spawn_local(future);
    }
}

/// A session.
pub(super) struct Session {
    sender: http2::SendRequest<RequestBody>,
    /// Streams that the endpoint allows at present.
    room: Rc<Cell<usize>>,
    active: Cell<usize>,
    idle_since: Cell<Instant>,
    _slot: Slot,
    _open: Gauged,
}

impl Session {
    pub(super) async fn open(
        stream: UpstreamStream,
        patience: Duration,
        slot: Slot,
        open: Gauged,
    ) -> Result<Rc<Self>, UpstreamError> {
        let mut builder = http2::Builder::new(LocalExecutor);
        builder
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(SEND_BUFFER)
            .max_header_list_size(HEADER_LIST)
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_PATIENCE);
        let (sender, connection) = timeout(patience, builder.handshake(TokioIo::new(stream)))
            .await
            .map_err(|_elapsed| UpstreamError::ConnectTimeout)?
            .map_err(UpstreamError::Session)?;
        let room = Rc::new(Cell::new(connection.current_max_send_streams()));
        let told = Rc::clone(&room);
        let mut connection = Box::pin(connection);
        // Ends when the session is dropped and its streams are done; errors reach the streams.
        spawn_local(poll_fn(move |cx| {
            let ended = connection.as_mut().poll(cx).map(drop);
            told.set(connection.current_max_send_streams());
            ended
        }));
        let (active, idle_since) = (Cell::new(0), Cell::new(Instant::now()));
        Ok(Rc::new(Self { sender, room, active, idle_since, _slot: slot, _open: open }))
    }

    /// A stream, if the session has room for one.
    pub(super) fn stream(self: &Rc<Self>, pool: &Rc<BackendPool>) -> Option<StreamPermit> {
        let limit = STREAMS.min(self.room.get().max(1));
        if self.is_closed() || self.active.get() >= limit {
            return None;
        }
        self.active.set(self.active.get() + 1);
        Some(StreamPermit { session: Rc::clone(self), pool: Rc::downgrade(pool) })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// How long the session has had no stream.
    pub(super) fn idle_for(&self) -> Option<Duration> {
        (self.active.get() == 0).then(|| self.idle_since.get().elapsed())
    }
}

/// The right to one stream of a session.
pub(super) struct StreamPermit {
    session: Rc<Session>,
    pool: Weak<BackendPool>,
}

impl StreamPermit {
    /// Sends a request and waits for the head of its response.
    pub(super) async fn send(&self, request: Request<RequestBody>) -> Result<Response<Incoming>, Unanswered> {
        let mut sender = self.session.sender.clone();
        sender.try_send_request(request).await.map_err(|mut failed| {
            let unsent = failed.take_message();
            Unanswered { error: failed.into_error(), unsent }
        })
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let left = self.session.active.get().saturating_sub(1);
        self.session.active.set(left);
        if left == 0 {
            self.session.idle_since.set(Instant::now());
        }
        if let Some(pool) = self.pool.upgrade() {
            pool.wake_one();
        }
    }
}

/// Gives a request the form that an HTTP/2 backend expects: `:scheme` and `:authority` in place of `Host`.
pub(super) fn prepare(request: &mut Request<RequestBody>, scheme: Scheme) {
    *request.version_mut() = Version::HTTP_2;
    let host = request.headers_mut().remove(HOST);
    let authority = request
        .uri()
        .authority()
        .cloned()
        .or_else(|| host.as_ref().and_then(|host| Authority::try_from(host.as_bytes()).ok()));
    let mut parts = http::uri::Parts::default();
    parts.path_and_query =
        Some(request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")));
    if authority.is_some() {
        parts.scheme = Some(scheme);
        parts.authority = authority;
    }
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    // Interim responses do not reach us here, so nothing could answer the expectation; and flow control does its work.
    request.headers_mut().remove(EXPECT);
    request.body().release();
}
