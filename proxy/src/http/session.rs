//! One downstream HTTP connection as its exchanges see it.

use super::breach::Breach;
use super::deadline::Deadline;
use super::exchange::Exchange;
use super::frame_guard::FrameState;
use super::head_guard::HeadState;
use super::upgrade::Tunnel;
use crate::drain::Drain;
use crate::upstream::BackendPool;
use http::HeaderValue;
use jadegate_config::model::{ListenerLimits, ListenerTimeouts};
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::Instant;

/// What the client speaks below HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Plaintext,
    Tls,
}

/// What is fixed before the first byte.
pub(super) struct Site {
    pub(super) remote: SocketAddr,
    pub(super) local: SocketAddr,
    pub(super) transport: Transport,
    pub(super) timeouts: ListenerTimeouts,
    pub(super) limits: ListenerLimits,
    pub(super) pool: Rc<BackendPool>,
    pub(super) drain: Drain,
    /// Told of every exchange when it is over.
    pub(super) report: Box<dyn Fn(&Exchange)>,
}

/// The state that the connection's guard shares with its exchanges.
pub(super) enum Guard {
    Http1(Rc<HeadState>),
    Http2(Rc<FrameState>),
}

/// The connection: see the module.
pub(super) struct Session {
    pub(super) site: Site,
    pub(super) guard: Guard,
    /// The client's address as `X-Forwarded-For` has it.
    pub(super) client: HeaderValue,
    /// Set when a response switches protocols; taken when the HTTP library has let go of the connection.
    pub(super) tunnel: RefCell<Option<Tunnel>>,
    requests: Cell<u64>,
    open: Cell<u32>,
    /// Exchanges that wait for their backend; a silent connection is no stalled one then.
    awaiting: Cell<u32>,
    moved: Cell<Instant>,
    /// Why we cut the connection.
    cut: Cell<Option<&'static str>>,
    timer: Cell<Option<Deadline>>,
}

impl Session {
    pub(super) fn new(site: Site, guard: Guard) -> Rc<Self> {
        let client = HeaderValue::from_str(&site.remote.ip().to_canonical().to_string())
            .unwrap_or_else(|_| HeaderValue::from_static("unknown"));
        Rc::new(Self {
            site,
            guard,
            client,
            tunnel: RefCell::new(None),
            requests: Cell::new(0),
            open: Cell::new(0),
            awaiting: Cell::new(0),
            moved: Cell::new(Instant::now()),
            cut: Cell::new(None),
            timer: Cell::new(None),
        })
    }

    /// The number of the next request, from 0.
    pub(super) fn number(&self) -> u64 {
        self.requests.replace(self.requests.get() + 1)
    }

    /// Whether there was a request at all.
    pub(super) fn requested(&self) -> bool {
        self.requests.get() > 0
    }

    pub(super) fn begin(&self, now: Instant) {
        self.open.set(self.open.get() + 1);
        self.moved.set(now);
    }

    pub(super) fn end(&self, now: Instant) {
        self.open.set(self.open.get().saturating_sub(1));
        self.moved.set(now);
        if let Guard::Http1(state) = &self.guard {
            state.end();
        }
    }

    /// Says, as long as it lives, that an exchange waits for its backend.
    pub(super) fn await_backend(self: &Rc<Self>) -> Awaiting {
        self.awaiting.set(self.awaiting.get() + 1);
        Awaiting(Rc::clone(self))
    }

    /// Something moved in either direction.
    pub(super) fn moved(&self, now: Instant) {
        self.moved.set(now);
    }

    /// The connection is about to be cut.
    pub(super) fn cut(&self, reason: &'static str) {
        self.cut.set(Some(reason));
    }

    /// Why an exchange ended that was not over.
    pub(super) fn end_reason(&self) -> &'static str {
        self.cut.get().or_else(|| self.breach().map(Breach::reason)).unwrap_or("client_gone")
    }

    /// What of the client's ended an HTTP/2 connection.
    pub(super) fn breach(&self) -> Option<Breach> {
        match &self.guard {
            Guard::Http1(_) => None,
            Guard::Http2(state) => state.breach(),
        }
    }

    /// Whether an exchange is under way.
    pub(super) fn is_open(&self) -> bool {
        self.open.get() > 0
    }

    /// When the connection has been silent for too long, unless it moves or is found to wait for its backend then.
    pub(super) fn silent_after(&self, idle: Duration) -> Instant {
        self.moved.get() + idle
    }

    /// To be asked before a silence is believed: who waits for his backend moves as long as he waits.
    pub(super) fn excuse_awaiting(&self, now: Instant) {
        if self.awaiting.get() > 0 {
            self.moved.set(now);
        }
    }

    /// A timer: on HTTP/1 the same one for every exchange, already armed most of the time.
    pub(super) fn borrow_timer(&self) -> Deadline {
        self.timer.take().unwrap_or_default()
    }

    pub(super) fn return_timer(&self, timer: Deadline) {
        self.timer.set(Some(timer));
    }
}

/// See [`Session::await_backend`].
pub(super) struct Awaiting(Rc<Session>);

impl Drop for Awaiting {
    fn drop(&mut self) {
        let session = &self.0;
        session.awaiting.set(session.awaiting.get().saturating_sub(1));
        session.moved.set(Instant::now());
    }
}
