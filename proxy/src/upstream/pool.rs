//! The connections that one worker keeps to one backend of one generation.

mod sweep;

use super::body::UpstreamBody;
use super::connect::{self, connect};
use super::http1::{self, Http1, Unanswered};
use super::http2::{self, Session, StreamPermit};
use super::replay::Replay;
use super::{UpstreamError, UpstreamFacts, UpstreamStream, balance::Balance};
use crate::connection::causes;
use crate::http::RequestBody;
use crate::snapshot::BackendRuntime;
use http::uri::Scheme;
use http::{Request, Response};
use jadegate_config::model::{BackendProtocol, Endpoint};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::time::timeout_at;

/// What the caller wants to do with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// One exchange.
    Exchange,
    /// One exchange that may leave HTTP: HTTP/1.1, and a connection that was used by nobody before.
    Upgrade,
}

/// What an endpoint speaks, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaks {
    Http1,
    Http2,
}

struct EndpointPool {
    endpoint: Endpoint,
    address: Rc<str>,
    speaks: Cell<Speaks>,
    /// Last used last.
    idle: RefCell<Vec<Http1>>,
    sessions: RefCell<Vec<Rc<Session>>>,
    /// HTTP/2 sessions that are being set up; requests wait for them instead of opening more.
    opening: Cell<usize>,
}

/// The pool: see the module.
pub(crate) struct BackendPool {
    backend: Arc<BackendRuntime>,
    endpoints: Vec<EndpointPool>,
    balance: Balance,
    open: Cell<usize>,
    waiting: RefCell<VecDeque<oneshot::Sender<()>>>,
    retired: Cell<bool>,
    sweeping: Cell<bool>,
}

/// One of the connections that the pool may have; given back with its drop.
pub(super) struct Slot(Weak<BackendPool>);

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(pool) = self.0.upgrade() {
            pool.open.set(pool.open.get().saturating_sub(1));
            pool.wake_one();
        }
    }
}

/// Says that a session is being set up.
struct Opening<'a>(&'a EndpointPool);

impl<'a> Opening<'a> {
    fn new(endpoint: &'a EndpointPool) -> Self {
        endpoint.opening.set(endpoint.opening.get() + 1);
        Self(endpoint)
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        self.0.opening.set(self.0.opening.get().saturating_sub(1));
    }
}

/// A place in the queue. Whoever leaves it after having been called passes the call on.
struct Place<'a> {
    pool: &'a BackendPool,
    woken: oneshot::Receiver<()>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // Fails when the call was answered, and when it never came.
        if self.woken.try_recv().is_ok() {
            self.pool.wake_one();
        }
    }
}

/// A connection for one exchange.
enum Lease {
    Http1 { connection: Http1, connect: Option<Duration> },
    Http2 { stream: StreamPermit, endpoint: usize, connect: Option<Duration> },
}

impl BackendPool {
    pub(super) fn new(backend: Arc<BackendRuntime>) -> Rc<Self> {
        let speaks = match backend.config.protocol {
            BackendProtocol::Http2 => Speaks::Http2,
            BackendProtocol::Http1 | BackendProtocol::Tcp => Speaks::Http1,
        };
        let endpoints = backend.config.endpoints.iter().map(|endpoint| EndpointPool {
            endpoint: endpoint.clone(),
            address: Rc::from(endpoint.to_string()),
            speaks: Cell::new(speaks),
            idle: RefCell::default(),
            sessions: RefCell::default(),
            opening: Cell::new(0),
        });
        let endpoints: Vec<_> = endpoints.collect();
        Rc::new(Self {
            balance: Balance::new(endpoints.len()),
            endpoints,
            backend,
            open: Cell::new(0),
            waiting: RefCell::default(),
            retired: Cell::new(false),
            sweeping: Cell::new(false),
        })
    }

    /// Whether this is the pool of that backend in that generation.
    pub(super) fn serves(&self, backend: &Arc<BackendRuntime>) -> bool {
        Arc::ptr_eq(&self.backend, backend)
            || (self.backend.generation == backend.generation && self.backend.config.name == backend.config.name)
    }

    /// How long the backend may take to begin its response.
    pub(crate) fn response_timeout(&self) -> Option<Duration> {
        self.backend.config.timeouts.response
    }

    /// Says why an exchange failed, to the log and the metrics.
    pub(crate) fn failed(&self, error: &UpstreamError) {
        if !error.before_request() {
            // The others were counted for each attempt.
            self.backend.metrics.failed(error.reason());
        }
        let (backend, reason) = (&self.backend.config.name, error.reason());
        tracing::info!(backend, reason, cause = causes(error), "request failed upstream: {error}");
    }

    pub(super) fn retire(&self) {
        self.retired.set(true);
        for endpoint in &self.endpoints {
            endpoint.idle.take().into_iter().for_each(Http1::close);
            drop(endpoint.sessions.take());
        }
    }

    pub(super) fn idle_count(&self) -> usize {
        let idle = |endpoint: &EndpointPool| {
            let sessions = endpoint.sessions.borrow();
            endpoint.idle.borrow().len() + sessions.iter().filter(|session| session.idle_for().is_some()).count()
        };
        self.endpoints.iter().map(idle).sum()
    }

    pub(super) fn open_count(&self) -> usize {
        self.open.get()
    }

    /// Sends a request and waits for the head of its response. Bounds: connect, and waiting for a connection, have the
    /// connect deadline each; the caller bounds the wait for the response.
    pub(crate) async fn send(
        self: &Rc<Self>,
        mut request: Request<RequestBody>,
        wish: Wish,
    ) -> Result<Response<UpstreamBody>, UpstreamError> {
        let mut used = wish == Wish::Exchange;
        loop {
            let lease = self.acquire(wish, used).await?;
            request.body().reached(self.facts(&lease));
            // A second attempt is only for a connection that was kept, and goes over a new one.
            let second_chance = lease.is_used();
            used = false;
            let replay = if second_chance { Replay::of(&request) } else { None };
            let failed = match self.exchange(lease, request).await {
                Ok(response) => {
                    self.backend.metrics.response(response.status().as_u16());
                    return Ok(response);
                }
                Err(failed) => failed,
            };
            let repeat = failed.unsent.or_else(|| replay.filter(|_| !failed.error.is_parse()).map(Replay::request));
            match repeat {
                Some(repeat) if second_chance => request = repeat,
                _ => return Err(UpstreamError::from_exchange(failed.error)),
            }
        }
    }

    async fn exchange(
        self: &Rc<Self>,
        lease: Lease,
        mut request: Request<RequestBody>,
    ) -> Result<Response<UpstreamBody>, Unanswered> {
        let exchange = request.body().exchange();
        match lease {
            Lease::Http1 { mut connection, .. } => {
                http1::prepare(&mut request);
                let (head, incoming) = connection.send(request).await?.into_parts();
                if !exchange.request_ended() {
                    connection.detach();
                }
                Ok(Response::from_parts(head, UpstreamBody::http1(incoming, connection, Rc::clone(self))))
            }
            Lease::Http2 { stream, .. } => {
                let scheme = if self.backend.config.tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP };
                http2::prepare(&mut request, scheme);
                let (head, incoming) = stream.send(request).await?.into_parts();
                Ok(Response::from_parts(head, UpstreamBody::http2(incoming, stream)))
            }
        }
    }

    fn facts(&self, lease: &Lease) -> UpstreamFacts {
        let (endpoint, connect) = match lease {
            Lease::Http1 { connection, connect } => (connection.endpoint, *connect),
            Lease::Http2 { endpoint, connect, .. } => (*endpoint, *connect),
        };
        UpstreamFacts { address: Rc::clone(&self.endpoints[endpoint].address), connect }
    }

    /// A connection for one exchange. `used` allows one that served others before.
    async fn acquire(self: &Rc<Self>, wish: Wish, used: bool) -> Result<Lease, UpstreamError> {
        let mut deadline = None;
        let mut avoid = None;
        loop {
            let index = self.balance.pick(avoid).ok_or(UpstreamError::NoEndpoint)?;
            if used && let Some(lease) = self.kept(index) {
                return Ok(lease);
            }
            let endpoint = &self.endpoints[index];
            let wait_for_session = used && endpoint.speaks.get() == Speaks::Http2 && endpoint.opening.get() > 0;
            if !wait_for_session && let Some(slot) = self.slot() {
                // In a box, so that the room of a connect is not part of every exchange.
                match Box::pin(self.open(index, slot, wish)).await {
                    Ok(lease) => return Ok(lease),
                    Err(error) if error.before_request() && avoid.is_none() && self.endpoints.len() > 1 => {
                        avoid = Some(index);
                    }
                    Err(error) => return Err(error),
                }
                continue;
            }
            if used && let Some(lease) = (0..self.endpoints.len()).find_map(|index| self.kept(index)) {
                return Ok(lease);
            }
            if !used && self.evict_one() {
                continue;
            }
            let patience = self.backend.config.timeouts.connect;
            let deadline = *deadline.get_or_insert_with(|| tokio::time::Instant::now() + patience);
            self.wait(deadline).await?;
        }
    }

    /// A connection that is there already.
    fn kept(self: &Rc<Self>, index: usize) -> Option<Lease> {
        let endpoint = &self.endpoints[index];
        if endpoint.speaks.get() == Speaks::Http2 {
            let mut sessions = endpoint.sessions.borrow_mut();
            sessions.retain(|session| !session.is_closed());
            let stream = sessions.iter().find_map(|session| session.stream(self))?;
            return Some(Lease::Http2 { stream, endpoint: index, connect: None });
        }
        loop {
            let mut connection = endpoint.idle.borrow_mut().pop()?;
            if connection.refresh() {
                return Some(Lease::Http1 { connection, connect: None });
            }
        }
    }

    /// A place for one more connection.
    fn slot(self: &Rc<Self>) -> Option<Slot> {
        (self.open.get() < self.backend.config.pool.max_connections).then(|| {
            self.open.set(self.open.get() + 1);
            Slot(Rc::downgrade(self))
        })
    }

    /// Closes an idle connection, of any endpoint, so that there is a place for a new one.
    fn evict_one(&self) -> bool {
        self.endpoints.iter().any(|endpoint| {
            let mut idle = endpoint.idle.borrow_mut();
            let oldest = (!idle.is_empty()).then(|| idle.remove(0));
            oldest.map(Http1::close).is_some()
        })
    }

    async fn open(self: &Rc<Self>, index: usize, slot: Slot, wish: Wish) -> Result<Lease, UpstreamError> {
        let endpoint = &self.endpoints[index];
        let opening = (endpoint.speaks.get() == Speaks::Http2).then(|| Opening::new(endpoint));
        let opened = self.open_lease(index, slot, wish).await;
        drop(opening);
        match &opened {
            Ok(_) => self.balance.reached(index),
            Err(error) => {
                self.balance.failed(index);
                self.backend.metrics.failed(error.reason());
            }
        }
        // Whoever waited for this session can use it, or has to try for himself.
        if endpoint.speaks.get() == Speaks::Http2 {
            self.wake_all();
        }
        opened
    }

    async fn open_lease(self: &Rc<Self>, index: usize, slot: Slot, wish: Wish) -> Result<Lease, UpstreamError> {
        let endpoint = &self.endpoints[index];
        let connect::Connection { stream, alpn, took } = connect(&self.backend, &endpoint.endpoint).await?;
        let gauge = self.backend.metrics.connected(took);
        match alpn.as_deref() {
            Some(b"h2") => endpoint.speaks.set(Speaks::Http2),
            Some(b"http/1.1") => endpoint.speaks.set(Speaks::Http1),
            _ => {}
        }
        if endpoint.speaks.get() == Speaks::Http1 {
            let connection = Http1::open(stream, index, slot, gauge).await?;
            return Ok(Lease::Http1 { connection, connect: Some(took) });
        }
        if wish == Wish::Upgrade {
            return Err(UpstreamError::UpgradeUnsupported);
        }
        let session = Session::open(stream, self.backend.config.timeouts.connect, slot, gauge).await?;
        let stream = session.stream(self).ok_or(UpstreamError::PoolFull)?;
        if !self.retired.get() {
            endpoint.sessions.borrow_mut().push(session);
            self.sweep();
        }
        Ok(Lease::Http2 { stream, endpoint: index, connect: Some(took) })
    }

    /// Waits until something has become free, which somebody else may then have taken.
    async fn wait(&self, deadline: tokio::time::Instant) -> Result<(), UpstreamError> {
        let mut place = {
            let mut waiting = self.waiting.borrow_mut();
            waiting.retain(|waiter| !waiter.is_closed());
            if waiting.len() >= self.backend.config.pool.max_pending {
                return Err(UpstreamError::PoolFull);
            }
            let (waker, woken) = oneshot::channel();
            waiting.push_back(waker);
            Place { pool: self, woken }
        };
        timeout_at(deadline, &mut place.woken).await.map(drop).map_err(|_elapsed| UpstreamError::PoolTimeout)
    }

    pub(super) fn wake_one(&self) {
        while let Some(waiter) = self.waiting.borrow_mut().pop_front() {
            if waiter.send(()).is_ok() {
                return;
            }
        }
    }

    fn wake_all(&self) {
        for waiter in self.waiting.take() {
            // One that has gone needs no waking.
            let _ = waiter.send(());
        }
    }

    /// Takes back a connection whose exchange is over.
    pub(super) fn release(self: &Rc<Self>, mut connection: Http1) {
        if !connection.is_free() {
            return;
        }
        if self.retired.get() {
            return connection.close();
        }
        connection.idle_since = Instant::now();
        {
            let mut idle = self.endpoints[connection.endpoint].idle.borrow_mut();
            if idle.len() >= self.backend.config.pool.max_idle {
                drop(idle);
                return connection.close();
            }
            idle.push(connection);
        }
        self.wake_one();
        self.sweep();
    }

    pub(super) async fn connect_bytes(&self) -> Result<(UpstreamStream, UpstreamFacts), UpstreamError> {
        let first = self.balance.pick(None).ok_or(UpstreamError::NoEndpoint)?;
        let second = || self.balance.pick(Some(first)).filter(|second| *second != first);
        let (index, connected) = match self.connect_to(first).await {
            Err(error) if error.before_request() => match second() {
                Some(second) => (second, self.connect_to(second).await),
                None => (first, Err(error)),
            },
            other => (first, other),
        };
        let connect::Connection { stream, took, .. } = connected?;
        Ok((stream, UpstreamFacts { address: Rc::clone(&self.endpoints[index].address), connect: Some(took) }))
    }

    async fn connect_to(&self, index: usize) -> Result<connect::Connection, UpstreamError> {
        let connected = connect(&self.backend, &self.endpoints[index].endpoint).await;
        match &connected {
            Ok(_) => self.balance.reached(index),
            Err(_) => self.balance.failed(index),
        }
        connected
    }
}

impl Lease {
    /// Whether the connection served others before.
    const fn is_used(&self) -> bool {
        match self {
            Self::Http1 { connect, .. } | Self::Http2 { connect, .. } => connect.is_none(),
        }
    }
}
