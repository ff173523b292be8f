//! One request and its response: what happened, and when. Reported once, on whatever path it ends.

use super::reject::Rejection;
use super::session::Session;
use crate::upstream::UpstreamFacts;
use http::header::HOST;
use http::{HeaderValue, Method, Request, StatusCode, Uri, Version};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// The record: shared by the service, the request's body and the response's body, reported when the last one drops it.
pub(crate) struct Exchange {
    pub(super) session: Rc<Session>,
    pub(super) number: u64,
    pub(super) started: Instant,
    pub(super) started_at: SystemTime,
    pub(super) version: Version,
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) host: Option<HeaderValue>,
    pub(super) status: Cell<Option<StatusCode>>,
    pub(super) bytes_in: Cell<u64>,
    pub(super) bytes_out: Cell<u64>,
    pub(super) upstream: RefCell<Option<UpstreamFacts>>,
    pub(super) first_byte: Cell<Option<Duration>>,
    pub(super) ended: Cell<Option<Instant>>,
    failure: Cell<Option<&'static str>>,
    /// What was wrong with the request's body.
    body_failure: Cell<Option<Rejection>>,
    /// When the request was complete; `None` = its body is still coming.
    request_ended: Cell<Option<Instant>>,
    moved: Cell<Instant>,
    complete: Cell<bool>,
}

impl Exchange {
    pub(super) fn begin<B>(session: &Rc<Session>, number: u64, request: &Request<B>) -> Rc<Self> {
        let now = Instant::now();
        session.begin(now);
        Rc::new(Self {
            session: Rc::clone(session),
            number,
            started: now,
            started_at: SystemTime::now(),
            version: request.version(),
            method: request.method().clone(),
            uri: request.uri().clone(),
            host: request.headers().get(HOST).cloned(),
            status: Cell::new(None),
            bytes_in: Cell::new(0),
            bytes_out: Cell::new(0),
            upstream: RefCell::new(None),
            first_byte: Cell::new(None),
            ended: Cell::new(None),
            failure: Cell::new(None),
            body_failure: Cell::new(None),
            request_ended: Cell::new(None),
            moved: Cell::new(now),
            complete: Cell::new(false),
        })
    }

    /// Whether the whole request has been passed on.
    pub(crate) fn request_ended(&self) -> bool {
        self.request_ended.get().is_some()
    }

    /// A connection to a backend was found.
    pub(crate) fn reached(&self, facts: UpstreamFacts) {
        self.upstream.replace(Some(facts));
        if self.request_ended() {
            // The backend's time begins when it has the request.
            self.request_ended.set(Some(Instant::now()));
        }
    }

    pub(super) fn end_request(&self) {
        if !self.request_ended() {
            self.request_ended.set(Some(Instant::now()));
        }
    }

    /// Payload bytes came from the client.
    pub(super) fn received(&self, bytes: usize) {
        self.bytes_in.set(self.bytes_in.get() + bytes as u64);
        self.touch();
    }

    /// Payload bytes went to the client.
    pub(super) fn sent(&self, bytes: usize) {
        self.bytes_out.set(self.bytes_out.get() + bytes as u64);
        self.touch();
    }

    fn touch(&self) {
        self.touch_at(Instant::now());
    }

    fn touch_at(&self, now: Instant) {
        self.moved.set(now);
        self.session.moved(now);
    }

    /// The response began.
    pub(super) fn respond(&self, status: StatusCode) {
        self.status.set(Some(status));
        let now = Instant::now();
        self.first_byte.set(Some(now.saturating_duration_since(self.started)));
        self.touch_at(now);
    }

    /// Notes why the exchange fails; the first reason stands.
    pub(super) fn fail(&self, reason: &'static str) {
        if self.failure.get().is_none() {
            self.failure.set(Some(reason));
        }
    }

    /// The request's body did not come to its end.
    pub(super) fn fail_body(&self, rejection: Rejection) {
        self.body_failure.set(Some(rejection));
        self.fail(rejection.reason());
    }

    /// Why the request's body did not come to its end.
    pub(super) fn body_failure(&self) -> Option<Rejection> {
        self.body_failure.get()
    }

    /// The response is complete.
    pub(super) fn finish(&self) {
        self.finish_at(Instant::now());
    }

    /// The response was complete with the last byte that moved.
    pub(super) fn finish_with_last_byte(&self) {
        if !self.complete.get() {
            self.finish_at(self.moved.get());
        }
    }

    fn finish_at(&self, now: Instant) {
        self.complete.set(true);
        self.ended.set(Some(now));
    }

    /// Why the exchange failed; `None` = it did not.
    pub(super) fn failure(&self) -> Option<&'static str> {
        self.failure.get().or_else(|| (!self.complete.get()).then(|| self.session.end_reason()))
    }

    /// From the request's head to the response's end.
    pub(super) fn duration(&self) -> Duration {
        self.ended.get().unwrap_or_else(Instant::now).saturating_duration_since(self.started)
    }

    /// When the exchange has taken too long as a whole.
    fn due(&self) -> Option<Instant> {
        self.session.site.timeouts.request.map(|most| self.started + most)
    }

    /// When one of the bodies has stood still for too long, or the exchange taken too long.
    pub(super) fn stalled_at(&self) -> Option<Instant> {
        let stalled = self.session.site.timeouts.idle.map(|idle| self.moved.get() + idle);
        earlier(stalled, self.due())
    }

    /// When to give up waiting for the head of the response, and which side is late then.
    pub(super) fn response_due(&self, patience: Option<Duration>) -> Option<(Instant, Late)> {
        if let (Some(due), true) = (self.due(), self.upstream.borrow().is_none()) {
            return Some((due, Late::Backend));
        }
        if self.upstream.borrow().is_none() {
            // Still connecting: that has deadlines of its own.
            return None;
        }
        match self.request_ended.get() {
            Some(ended) => earlier(patience.map(|patience| ended + patience), self.due()).map(|at| (at, Late::Backend)),
            None => self.stalled_at().map(|at| (at, Late::Client)),
        }
    }
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Who keeps an exchange waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Late {
    /// The client, with the rest of its request.
    Client,
    /// The backend, with its response.
    Backend,
}

impl Drop for Exchange {
    fn drop(&mut self) {
        (self.session.site.report)(self);
        self.session.end(self.ended.get().unwrap_or_else(Instant::now));
    }
}
