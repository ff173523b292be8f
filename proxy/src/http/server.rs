//! The life of a connection: which protocol, which guard, how it is driven, and how it ends.
//!
//! It ends when the client closes it, when nothing moves on it for the idle timeout, at the end of its lifetime or of the
//! drain's first phase (after the exchanges under way: `Connection: close`, GOAWAY), and at once when the drain aborts.

use super::breach::Breach;
use super::deadline::Deadline;
use super::forward;
use super::frame_guard::{FrameGuard, FrameState, PREFACE};
use super::head_guard::{HeadGuard, HeadState};
use super::head_scan::HeadLimits;
use super::session::{Guard, Session, Site};
use crate::drain::Drain;
use crate::upstream::LocalExecutor;
use bytes::BytesMut;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::time::{Instant, timeout};

/// Bytes that the HTTP/1 library may hold, in each direction, beside a head of the largest size.
const BUFFER: usize = 64 * 1024;
/// The library reserves room for a hundred fields without asking the allocator.
const INLINE_HEADERS: usize = 100;
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
const SEND_BUFFER: usize = 64 * 1024;
const HEADER_LIST: usize = 64 * 1024;
/// Streams that were reset before we looked at them, and streams that we had to reset for an error of the client's.
const PENDING_RESETS: usize = 32;
const ERROR_RESETS: usize = 256;
/// How often a silent connection is asked whether it lives, and how long it may think.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_PATIENCE: Duration = Duration::from_secs(20);
/// How long a client may take to close a connection that it was asked to leave while it was idle.
const FAREWELL: Duration = Duration::from_secs(5);

/// How much longer than an exchange a whole connection may stand still.
const GRACE: Duration = Duration::from_secs(1);

/// How long after the start of a drain the first request of a connection may come: to its client the connection is
/// accepted, and the request is on its way.
const FRESH: Duration = Duration::from_secs(2);

/// What the client speaks, as far as TLS has settled it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
    /// The first bytes will tell.
    Unknown,
}

/// Serves `io` to its end; gives what of the client's ended an HTTP/2 connection, if that is what did.
pub(super) async fn serve<IO>(mut io: IO, site: Site, protocol: Protocol) -> Option<Breach>
where
    IO: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let mut prefix = BytesMut::new();
    let protocol = match protocol {
        Protocol::Unknown => {
            let sniffed = timeout(site.timeouts.header, sniff(&mut io, &mut prefix));
            tokio::select! {
                sniffed = sniffed => match sniffed {
                    Ok(Some(protocol)) => protocol,
                    // Closed, or silent.
                    Ok(None) | Err(_) => return None,
                },
                () = long_draining(&site.drain) => return None,
            }
        }
        settled => settled,
    };
    match protocol {
        Protocol::Http2 => serve_http2(io, &prefix, site).await,
        Protocol::Http1 | Protocol::Unknown => {
            serve_http1(io, &prefix, site).await;
            None
        }
    }
}

/// Resolves when the drain began so long ago that no request of a fresh connection is on its way any more.
async fn long_draining(drain: &Drain) {
    drain.started().await;
    tokio::time::sleep(FRESH).await;
}

/// Reads until it is clear whether the client begins with the HTTP/2 preface. `None` if it closed.
async fn sniff<IO: AsyncRead + Unpin>(io: &mut IO, prefix: &mut BytesMut) -> Option<Protocol> {
    loop {
        // Not a byte beyond the preface, so that the guard sees all frames.
        let room = PREFACE.len() - prefix.len();
        let mut piece = [0; PREFACE.len()];
        match io.read(&mut piece[..room]).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => prefix.extend_from_slice(&piece[..count]),
        }
        if !PREFACE.starts_with(prefix) {
            return Some(Protocol::Http1);
        }
        if prefix.len() == PREFACE.len() {
            return Some(Protocol::Http2);
        }
    }
}

async fn serve_http1<IO>(io: IO, prefix: &[u8], site: Site)
where
    IO: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let limits = HeadLimits {
        bytes: site.limits.header_bytes,
        fields: site.limits.headers,
        target: super::TARGET_BYTES.min(site.limits.header_bytes),
    };
    let state = HeadState::new();
    let guard = HeadGuard::new(io, prefix, limits, site.timeouts.header, Rc::clone(&state));
    let session = Session::new(site, Guard::Http1(state));
    let mut builder = http1::Builder::new();
    builder
        // The guard knows better: it tells an idle connection from a slow head, and half-closed from gone.
        .header_read_timeout(None)
        .half_close(false)
        .auto_date_header(false)
        .pipeline_flush(false)
        .max_buf_size(limits.bytes + BUFFER);
    if limits.fields > INLINE_HEADERS {
        builder.max_headers(limits.fields);
    }
    let service = {
        let session = Rc::clone(&session);
        service_fn(move |request| forward::serve(&session, request))
    };
    let mut connection = builder.serve_connection(TokioIo::new(guard), service);
    let end = drive(&session, |step| match step {
        // How a connection breaks is of no interest here: its exchanges have said why they failed.
        Step::Poll(cx) => Pin::new(&mut connection).poll(cx).map(drop),
        Step::Finish => {
            Pin::new(&mut connection).graceful_shutdown();
            Poll::Pending
        }
    });
    if end.await == End::Cut {
        return;
    }
    let tunnel = session.tunnel.take();
    if let Some(tunnel) = tunnel {
        let parts = connection.into_parts();
        let client = parts.io.into_inner();
        tokio::select! {
            () = tunnel.run(client, parts.read_buf) => {}
            () = session.site.drain.aborted() => {}
        }
    }
}

async fn serve_http2<IO>(io: IO, prefix: &[u8], site: Site) -> Option<Breach>
where
    IO: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let state = Rc::new(FrameState::default());
    let guard = FrameGuard::new(io, prefix, Rc::clone(&state));
    let limits = site.limits;
    let session = Session::new(site, Guard::Http2(Rc::clone(&state)));
    let mut builder = http2::Builder::new(LocalExecutor);
    builder
        .timer(TokioTimer::new())
        .auto_date_header(false)
        .adaptive_window(false)
        .max_concurrent_streams(limits.concurrent_streams)
        .max_header_list_size(u32::try_from(limits.header_bytes.min(HEADER_LIST)).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(ERROR_RESETS)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_PATIENCE);
    let service = {
        let session = Rc::clone(&session);
        service_fn(move |request| forward::serve(&session, request))
    };
    let mut connection = pin!(builder.serve_connection(TokioIo::new(guard), service));
    let end = drive(&session, |step| match step {
        Step::Poll(cx) => connection.as_mut().poll(cx).map(drop),
        Step::Finish => {
            connection.as_mut().graceful_shutdown();
            Poll::Pending
        }
    });
    end.await;
    state.breach()
}

/// What [`drive`] asks of the library's connection.
enum Step<'a, 'b> {
    /// To make progress.
    Poll(&'a mut Context<'b>),
    /// To ask the client to leave after what is under way.
    Finish,
}

/// How driving a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The library is done with it.
    Done,
    /// It was cut.
    Cut,
}

/// Drives a connection until the library is done with it, or it has to be cut.
async fn drive(session: &Session, mut step: impl FnMut(Step<'_, '_>) -> Poll<()>) -> End {
    let drain = &session.site.drain;
    let mut started = pin!(Alarm::new(drain.started()));
    let mut aborted = pin!(Alarm::new(drain.aborted()));
    let mut clock = Clock::new(session);
    poll_fn(|cx| {
        if step(Step::Poll(cx)).is_ready() {
            return Poll::Ready(End::Done);
        }
        if aborted.as_mut().poll(cx).is_ready() {
            session.cut("drain_aborted");
            return Poll::Ready(End::Cut);
        }
        let told = !clock.finishing && started.as_mut().poll(cx).is_ready() && clock.settled(cx);
        let event = if told { Poll::Ready(Event::Finish) } else { clock.poll(cx) };
        match event {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Event::Cut) => {
                session.cut("idle_timeout");
                Poll::Ready(End::Cut)
            }
            Poll::Ready(Event::Finish) => {
                clock.finishing = true;
                // The library registers its wake-ups anew.
                let _ = step(Step::Finish);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    })
    .await
}

/// What the clock says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Finish,
    Cut,
}

/// Age and silence of a connection.
struct Clock<'a> {
    session: &'a Session,
    old_at: Option<Instant>,
    idle: Option<Duration>,
    finishing: bool,
    deadline: Deadline,
    /// When a connection without a request is given up in a drain.
    fresh_until: Option<Instant>,
    fresh: Deadline,
}

impl<'a> Clock<'a> {
    fn new(session: &'a Session) -> Self {
        let timeouts = &session.site.timeouts;
        let old_at = timeouts.lifetime.map(|lifetime| Instant::now() + lifetime);
        Self {
            session,
            old_at,
            idle: timeouts.idle,
            finishing: false,
            deadline: Deadline::default(),
            fresh_until: None,
            fresh: Deadline::default(),
        }
    }

    /// Whether the connection may be asked to finish: its first request has come, or is not on its way any more.
    fn settled(&mut self, cx: &mut Context<'_>) -> bool {
        if self.session.requested() {
            return true;
        }
        let until = *self.fresh_until.get_or_insert_with(|| Instant::now() + FRESH);
        self.fresh.poll_at(cx, until).is_ready()
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        while let Some((at, event)) = self.next() {
            if self.deadline.poll_at(cx, at).is_pending() {
                return Poll::Pending;
            }
            // Looked at again: it may have moved while the timer ran.
            let now = Instant::now();
            self.session.excuse_awaiting(now);
            if self.next().is_some_and(|(at, _)| at <= now) {
                return Poll::Ready(event);
            }
        }
        Poll::Pending
    }

    fn next(&self) -> Option<(Instant, Event)> {
        let patience = match (self.finishing, self.session.is_open()) {
            (true, false) => Some(FAREWELL),
            // An exchange that stands still ends by its own clock, which knows who is late. This one is for those whose
            // bodies nobody asks for, because the client does not read.
            (_, true) => self.idle.map(|idle| idle + (idle / 4).min(GRACE)),
            (false, false) => self.idle,
        };
        let silent = patience.map(|patience| {
            let event = if self.finishing || self.session.is_open() { Event::Cut } else { Event::Finish };
            (self.session.silent_after(patience), event)
        });
        let old = self.old_at.filter(|_| !self.finishing).map(|at| (at, Event::Finish));
        match (silent, old) {
            (Some(silent), Some(old)) => Some(if silent.0 <= old.0 { silent } else { old }),
            (silent, old) => silent.or(old),
        }
    }
}

pin_project_lite::pin_project! {
    /// A future that is looked at only when it called. The drain's are shared by all connections of all workers, and asking
    /// them takes a lock.
    struct Alarm<F> {
        #[pin]
        future: F,
        bell: Option<Arc<Bell>>,
        done: bool,
    }
}

struct Bell {
    rung: AtomicBool,
    task: Waker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}

impl<F> Alarm<F> {
    const fn new(future: F) -> Self {
        Self { future, bell: None, done: false }
    }
}

impl<F: Future<Output = ()>> Future for Alarm<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if *this.done {
            return Poll::Ready(());
        }
        // A new bell if the connection moved to another task.
        let bell = match this.bell {
            Some(bell) if bell.task.will_wake(cx.waker()) => bell,
            other => other.insert(Arc::new(Bell { rung: AtomicBool::new(true), task: cx.waker().clone() })),
        };
        if !bell.rung.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        let waker = Waker::from(Arc::clone(bell));
        ready!(this.future.poll(&mut Context::from_waker(&waker)));
        *this.done = true;
        Poll::Ready(())
    }
}
