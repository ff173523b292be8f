//! A machine with the little around it that a test needs: short words for events, tickets kept, a record as text.

use super::script;
use crate::*;
use std::collections::BTreeMap;
use std::time::Duration;

pub(super) const SECRET: &str = "type.test/Secret";
pub(super) const LISTENER: &str = "type.test/Listener";

pub(super) struct Rig {
    pub(super) machine: Machine<String>,
    tickets: BTreeMap<(TypeUrl, Name), Ticket>,
    stream: Option<StreamId>,
    pub(super) record: String,
}

/// Secrets, which come one by one, and listeners, which come all together; no initial fetch timeout.
pub(super) fn rules(dialect: Dialect) -> Rules {
    let kind = |type_url: &str| Kind { initial_fetch_timeout: None, ..Kind::new(type_url) };
    let listeners = Kind { absence: Absence::Removed, ..kind(LISTENER) };
    let backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(8) };
    let limits = Limits { names: 4, resources: 6, text: 20, detail: 60 };
    Rules { dialect, kinds: vec![kind(SECRET), listeners], backoff, limits }
}

impl Rig {
    pub(super) fn new(rules: Rules) -> Self {
        Self { machine: Machine::new(rules), tickets: BTreeMap::new(), stream: None, record: String::new() }
    }

    pub(super) fn world() -> Self {
        Self::new(rules(Dialect::StateOfTheWorld))
    }

    pub(super) fn delta() -> Self {
        Self::new(rules(Dialect::Delta))
    }

    /// One that has an open stream on which these secrets have been asked for.
    pub(super) fn open(mut self, names: &[&str]) -> Self {
        self.subscribe(names);
        self.opened();
        self
    }

    pub(super) fn say(&mut self, event: Event<String>) -> Vec<String> {
        self.record.push_str(&format!("{}\n", script::event(&event)));
        let actions = self.machine.handle(event);
        let mut lines = Vec::new();
        for action in actions {
            lines.push(script::action(&action));
            match action {
                Action::Open { stream } => self.stream = Some(stream),
                Action::Offer(offer) => {
                    let known = self.tickets.insert((offer.type_url, offer.name), offer.ticket);
                    assert_eq!(known, None, "one offer at a time for one name");
                }
                _ => {}
            }
        }
        lines.iter().for_each(|line| self.record.push_str(&format!("    {line}\n")));
        lines
    }

    pub(super) fn subscribe(&mut self, names: &[&str]) -> Vec<String> {
        self.subscribe_to(SECRET, names)
    }

    pub(super) fn subscribe_to(&mut self, type_url: &str, names: &[&str]) -> Vec<String> {
        let names = names.iter().copied().map(Name::from).collect();
        self.say(Event::Subscribe { type_url: type_url.into(), names })
    }

    pub(super) fn unsubscribe(&mut self, names: &[&str]) -> Vec<String> {
        self.unsubscribe_from(SECRET, names)
    }

    pub(super) fn unsubscribe_from(&mut self, type_url: &str, names: &[&str]) -> Vec<String> {
        let names = names.iter().copied().map(Name::from).collect();
        self.say(Event::Unsubscribe { type_url: type_url.into(), names })
    }

    pub(super) fn stream(&self) -> StreamId {
        self.stream.expect("a stream was asked for")
    }

    pub(super) fn opened(&mut self) -> Vec<String> {
        let stream = self.stream();
        self.say(Event::Opened { stream })
    }

    pub(super) fn closed(&mut self) -> Vec<String> {
        self.closed_because("broken pipe")
    }

    pub(super) fn closed_because(&mut self, reason: &str) -> Vec<String> {
        let stream = self.stream();
        self.say(Event::Closed { stream, reason: reason.to_owned(), dice: Dice(u32::MAX) })
    }

    /// Breaks the stream and opens the next.
    pub(super) fn reopened(&mut self) -> Vec<String> {
        self.closed();
        self.fired(Timer::Backoff);
        self.opened()
    }

    pub(super) fn fired(&mut self, timer: Timer) -> Vec<String> {
        self.say(Event::Fired(timer))
    }

    /// A response with secrets, `(name, content)`.
    pub(super) fn arrived(&mut self, nonce: &str, version: &str, resources: &[(&str, &str)]) -> Vec<String> {
        self.responded(response(SECRET, nonce, version, resources))
    }

    pub(super) fn responded(&mut self, response: Response<String>) -> Vec<String> {
        let stream = self.stream();
        self.say(Event::Arrived { stream, response })
    }

    pub(super) fn applied(&mut self, name: &str) -> Vec<String> {
        self.judged(SECRET, name, Verdict::Applied)
    }

    pub(super) fn rejected(&mut self, name: &str, reason: &str) -> Vec<String> {
        self.judged(SECRET, name, Verdict::Rejected(reason.to_owned()))
    }

    pub(super) fn judged(&mut self, type_url: &str, name: &str, verdict: Verdict) -> Vec<String> {
        let ticket = self.tickets.remove(&(type_url.into(), name.into())).expect("it was offered");
        self.say(Event::Judged { ticket, verdict })
    }

    pub(super) fn standing(&self, name: &str) -> Option<&Standing> {
        self.machine.standing(&SECRET.into(), &name.into())
    }

    pub(super) fn held(&self, name: &str) -> Option<&str> {
        match self.standing(name) {
            Some(Standing::Held(version)) => Some(version.as_str()),
            _ => None,
        }
    }
}

/// A response with `(name, content)`, all of the response's version.
pub(super) fn response(type_url: &str, nonce: &str, version: &str, resources: &[(&str, &str)]) -> Response<String> {
    let resources = resources.iter().map(|(name, content)| resource(name, Body::Value((*content).to_owned()), None));
    Response {
        type_url: type_url.into(),
        version: version.into(),
        nonce: nonce.into(),
        resources: resources.collect(),
        removed: Vec::new(),
    }
}

pub(super) fn resource(name: &str, body: Body<String>, ttl: Option<Duration>) -> Resource<String> {
    Resource { name: name.into(), version: "".into(), ttl, body }
}
