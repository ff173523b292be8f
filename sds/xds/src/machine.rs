//! The machine: the life of the stream, and each event to whom it concerns.

use crate::action::{Action, Report, StreamId, Ticket};
use crate::backoff::Dice;
use crate::event::{Event, Response, Verdict};
use crate::faults::cut;
use crate::request::{Node, Request};
use crate::rules::Rules;
use crate::text::{Name, TypeUrl, Version};
use crate::timer::{Timer, Timers};
use std::sync::Arc;
use subscription::Subscription;

mod intake;
mod judgement;
mod subscription;
#[cfg(test)]
mod tests;
mod wire;

/// One stream's worth of protocol, as a value: it can be cloned, compared and hashed, and does nothing but
/// [`handle`](Self::handle).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Machine<R> {
    rules: Arc<Rules>,
    link: Link,
    timers: Timers,
    /// One for each kind of the rules, in their order.
    subscriptions: Vec<Subscription<R>>,
}

/// Where the stream is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Nothing is wanted, so there is no stream.
    Idle,
    /// It has been asked for.
    Opening(StreamId),
    /// It is open.
    Open(StreamId),
    /// It broke, or could not be opened, and will be opened when the backoff timer fires.
    Waiting,
}

/// What the machine knows of a resource that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Nothing has been applied yet.
    Awaited,
    /// The application has applied this version, the last good one.
    Held(Version),
    /// The server says that it does not exist, or its time ran out.
    Gone,
}

/// The stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Link {
    phase: Phase,
    /// Streams asked for so far.
    opened: u64,
    /// What the next request does about the node.
    node: Node,
    /// Streams lost in a row without a useful response.
    failures: u32,
    last_close: Option<String>,
}

/// One event's handling: what the parts of the machine share.
struct Turn<'a, R> {
    rules: &'a Rules,
    link: &'a mut Link,
    timers: &'a mut Timers,
    actions: Vec<Action<R>>,
}

impl<R> Machine<R> {
    /// A machine that wants nothing yet. Many may share their rules.
    pub fn new(rules: impl Into<Arc<Rules>>) -> Self {
        let rules = rules.into();
        let mut subscriptions: Vec<Subscription<R>> = Vec::new();
        for kind in &rules.kinds {
            if !subscriptions.iter().any(|known| known.kind.type_url == kind.type_url) {
                subscriptions.push(Subscription::new(kind.clone()));
            }
        }
        let link = Link { phase: Phase::Idle, opened: 0, node: Node::Include, failures: 0, last_close: None };
        Self { rules, link, timers: Timers::default(), subscriptions }
    }

    /// Takes an event in and says what to do, in order.
    pub fn handle(&mut self, event: Event<R>) -> Vec<Action<R>> {
        let Self { rules, link, timers, subscriptions } = self;
        let mut turn = Turn { rules, link, timers, actions: Vec::new() };
        match event {
            Event::Subscribe { type_url, names } => match find(subscriptions, &type_url) {
                Some(subscription) => names.into_iter().for_each(|name| subscription.subscribe(name, &mut turn)),
                None => turn.report(Report::UnaskedType { type_url }),
            },
            Event::Unsubscribe { type_url, names } => {
                if let Some(subscription) = find(subscriptions, &type_url) {
                    names.iter().for_each(|name| subscription.unsubscribe(name, &mut turn));
                }
            }
            Event::Opened { stream } => turn.link.opened(stream),
            Event::Closed { stream, reason, dice } => {
                if turn.link.closed(stream, reason, turn.rules) {
                    subscriptions.iter_mut().for_each(Subscription::stream_gone);
                    turn.wait(dice);
                }
            }
            Event::Arrived { stream, response } => {
                if turn.link.phase == Phase::Open(stream) {
                    arrived(subscriptions, response, &mut turn);
                }
            }
            Event::Judged { ticket, verdict } => judged(subscriptions, ticket, verdict, &mut turn),
            Event::Fired(timer) => {
                if turn.timers.fired(&timer) {
                    fired(subscriptions, timer, &mut turn);
                }
            }
        }
        settle(subscriptions, &mut turn);
        turn.actions
    }

    /// Where the stream is in its life.
    pub fn phase(&self) -> Phase {
        self.link.phase
    }

    /// Streams lost in a row without a useful response.
    pub fn failures(&self) -> u32 {
        self.link.failures
    }

    /// Why the last stream that broke did so.
    pub fn last_close(&self) -> Option<&str> {
        self.link.last_close.as_deref()
    }

    /// What is known of a resource; `None` when it is not wanted.
    pub fn standing(&self, type_url: &TypeUrl, name: &Name) -> Option<&Standing> {
        let subscription = self.subscriptions.iter().find(|subscription| subscription.kind.type_url == *type_url)?;
        subscription.standing(name)
    }
}

impl Link {
    fn opened(&mut self, stream: StreamId) {
        if self.phase == Phase::Opening(stream) {
            self.phase = Phase::Open(stream);
            self.node = Node::Include;
        }
    }

    /// Takes note that a stream is no more; whether it was this one.
    fn closed(&mut self, stream: StreamId, reason: String, rules: &Rules) -> bool {
        if self.phase != Phase::Opening(stream) && self.phase != Phase::Open(stream) {
            return false;
        }
        self.phase = Phase::Waiting;
        self.failures = self.failures.saturating_add(1);
        self.last_close = Some(cut(reason, rules.limits.detail));
        true
    }
}

impl<R> Turn<'_, R> {
    fn report(&mut self, report: Report) {
        self.actions.push(Action::Report(report));
    }

    fn arm(&mut self, timer: Timer, after: std::time::Duration) {
        self.timers.arm(timer, after, &mut self.actions);
    }

    fn disarm(&mut self, timer: Timer) {
        self.timers.disarm(timer, &mut self.actions);
    }

    fn wait(&mut self, dice: Dice) {
        self.arm(Timer::Backoff, self.rules.backoff.delay(self.link.failures, dice));
    }

    /// Sends a request, if there is a stream to send it on, with the node if it is the stream's first.
    fn send(&mut self, request: impl FnOnce(Node) -> Request) {
        if let Phase::Open(stream) = self.link.phase {
            let node = std::mem::replace(&mut self.link.node, Node::Omit);
            self.actions.push(Action::Send { stream, request: request(node) });
        }
    }
}

fn find<'a, R>(subscriptions: &'a mut [Subscription<R>], type_url: &TypeUrl) -> Option<&'a mut Subscription<R>> {
    subscriptions.iter_mut().find(|subscription| subscription.kind.type_url == *type_url)
}

fn arrived<R>(subscriptions: &mut [Subscription<R>], response: Response<R>, turn: &mut Turn<'_, R>) {
    if let Some(subscription) = find(subscriptions, &response.type_url) {
        subscription.arrived(response, turn);
    } else if let [only] = subscriptions {
        // A stream of one kind: the nonce can only belong to it, so the server can be told.
        only.wrong_type(response, turn);
    } else {
        turn.report(Report::UnaskedType { type_url: response.type_url });
    }
}

fn judged<R>(subscriptions: &mut [Subscription<R>], ticket: Ticket, verdict: Verdict, turn: &mut Turn<'_, R>) {
    let Ticket { type_url, name } = ticket;
    let known = find(subscriptions, &type_url).is_some_and(|subscription| subscription.judged(&name, verdict, turn));
    if !known {
        turn.report(Report::StrayVerdict { type_url, name });
    }
}

fn fired<R>(subscriptions: &mut [Subscription<R>], timer: Timer, turn: &mut Turn<'_, R>) {
    match timer {
        Timer::Backoff => turn.link.phase = Phase::Idle,
        Timer::InitialFetch { type_url, name } => turn.actions.push(Action::FetchTimedOut { type_url, name }),
        Timer::TimeToLive { type_url, name } => {
            if let Some(subscription) = find(subscriptions, &type_url) {
                subscription.expired(&name, turn);
            }
        }
    }
}

/// Brings the stream and what has been said on it into line with what is wanted.
fn settle<R>(subscriptions: &mut [Subscription<R>], turn: &mut Turn<'_, R>) {
    let wanted = subscriptions.iter().any(Subscription::is_wanted);
    let muddled = subscriptions.iter().any(|subscription| subscription.wire.muddled);
    if let Phase::Opening(stream) | Phase::Open(stream) = turn.link.phase
        && (!wanted || muddled)
    {
        turn.link.phase = Phase::Idle;
        subscriptions.iter_mut().for_each(Subscription::stream_gone);
        turn.actions.push(Action::Close { stream });
    }
    match turn.link.phase {
        Phase::Idle if wanted => {
            turn.link.opened += 1;
            let stream = StreamId(turn.link.opened);
            turn.link.phase = Phase::Opening(stream);
            turn.actions.push(Action::Open { stream });
        }
        Phase::Open(_) => subscriptions.iter_mut().for_each(|subscription| subscription.tell(turn)),
        Phase::Idle | Phase::Opening(_) | Phase::Waiting => {}
    }
}
