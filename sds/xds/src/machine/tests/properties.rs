//! What holds whatever a server sends and whatever order things happen in.

use super::rig::{LISTENER, SECRET, rules};
use crate::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Something to do to the machine; what does not fit at the moment is left out.
#[derive(Clone, Debug)]
enum Deed {
    Subscribe(usize, Vec<String>),
    Unsubscribe(usize, Vec<String>),
    Open,
    Break(u32),
    /// A response on the current stream, or on the one before.
    Respond(Age, Response<String>),
    /// The verdict on the first, second, … of what is being judged.
    Judge(usize, bool),
    /// The first, second, … of the timers that are armed.
    Fire(usize),
    /// A timer that may not be armed.
    FireAny(usize, String),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Age {
    Current,
    Old,
}

fn kinds(number: usize) -> TypeUrl {
    [SECRET, LISTENER, "type.test/Unknown"][number % 3].into()
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[a-g]",
        2 => Just("*".to_owned()),
        1 => Just(String::new()),
        1 => Just("x".repeat(30)),
    ]
}

fn body() -> impl Strategy<Value = Body<String>> {
    prop_oneof![
        6 => "[a-z]{0,3}".prop_map(Body::Value),
        1 => Just(Body::Heartbeat),
        1 => ".{0,100}".prop_map(Body::Malformed),
    ]
}

fn response() -> impl Strategy<Value = Response<String>> {
    let ttl = prop::option::weighted(0.2, (0_u64..100).prop_map(Duration::from_secs));
    let version = prop_oneof![4 => "[0-9]", 1 => Just(String::new()), 1 => Just("v".repeat(30))];
    let resource = (name(), version, ttl, body()).prop_map(|(name, version, ttl, body)| Resource {
        name: name.into(),
        version: version.into(),
        ttl,
        body,
    });
    let nonce = prop_oneof![10 => "n[0-9]{1,3}", 1 => Just(String::new()), 1 => Just("n".repeat(30))];
    let version = prop_oneof![8 => "[0-9]", 1 => Just(String::new()), 1 => Just("v".repeat(30))];
    let kind = prop_oneof![5 => Just(0_usize), 5 => Just(1_usize), 1 => Just(2_usize)];
    let resources = prop::collection::vec(resource, 0..8);
    let removed = prop::collection::vec(name(), 0..4);
    (kind, version, nonce, resources, removed).prop_map(|(kind, version, nonce, resources, removed)| Response {
        type_url: kinds(kind),
        version: version.into(),
        nonce: nonce.into(),
        resources,
        removed: removed.into_iter().map(Name::from).collect(),
    })
}

fn deed() -> impl Strategy<Value = Deed> {
    let names = || prop::collection::vec(name(), 0..4);
    prop_oneof![
        4 => (0_usize..3, names()).prop_map(|(kind, names)| Deed::Subscribe(kind, names)),
        2 => (0_usize..3, names()).prop_map(|(kind, names)| Deed::Unsubscribe(kind, names)),
        4 => Just(Deed::Open),
        1 => any::<u32>().prop_map(Deed::Break),
        8 => response().prop_map(|response| Deed::Respond(Age::Current, response)),
        1 => response().prop_map(|response| Deed::Respond(Age::Old, response)),
        10 => (0_usize..8, any::<bool>()).prop_map(|(number, good)| Deed::Judge(number, good)),
        2 => (0_usize..8).prop_map(Deed::Fire),
        1 => (0_usize..3, name()).prop_map(|(kind, name)| Deed::FireAny(kind, name)),
    ]
}

/// Watches a machine from outside.
struct Watcher {
    machine: Machine<String>,
    rules: Rules,
    stream: Option<StreamId>,
    open: bool,
    old: Option<StreamId>,
    spoken: bool,
    nonces: BTreeSet<Nonce>,
    tickets: BTreeMap<(TypeUrl, Name), Ticket>,
    timers: BTreeSet<Timer>,
}

impl Watcher {
    fn new(dialect: Dialect) -> Self {
        let mut rules = rules(dialect);
        rules.kinds[0].initial_fetch_timeout = Some(Duration::from_secs(15));
        rules.kinds[1].unrequested = Unrequested::Reject;
        Self {
            machine: Machine::new(rules.clone()),
            rules,
            stream: None,
            open: false,
            old: None,
            spoken: false,
            nonces: BTreeSet::new(),
            tickets: BTreeMap::new(),
            timers: BTreeSet::new(),
        }
    }

    fn event(&mut self, deed: Deed) -> Option<Event<String>> {
        let names = |names: Vec<String>| names.into_iter().map(Name::from).collect();
        Some(match deed {
            Deed::Subscribe(kind, which) => Event::Subscribe { type_url: kinds(kind), names: names(which) },
            Deed::Unsubscribe(kind, which) => Event::Unsubscribe { type_url: kinds(kind), names: names(which) },
            Deed::Open => {
                self.open = true;
                Event::Opened { stream: self.stream? }
            }
            Deed::Break(dice) => {
                let stream = self.stream.take()?;
                self.forget(stream);
                Event::Closed { stream, reason: "r".repeat(500), dice: Dice(dice) }
            }
            Deed::Respond(Age::Old, response) => Event::Arrived { stream: self.old?, response },
            Deed::Respond(Age::Current, response) => {
                if self.open {
                    self.nonces.insert(response.nonce.clone());
                }
                Event::Arrived { stream: self.stream?, response }
            }
            Deed::Judge(number, good) => {
                let key = self.tickets.keys().nth(number).cloned()?;
                let ticket = self.tickets.remove(&key)?;
                let verdict = if good { Verdict::Applied } else { Verdict::Rejected("n".repeat(500)) };
                Event::Judged { ticket, verdict }
            }
            Deed::Fire(number) => Event::Fired(self.timers.iter().nth(number).cloned()?),
            Deed::FireAny(kind, name) => Event::Fired(Timer::TimeToLive { type_url: kinds(kind), name: name.into() }),
        })
    }

    fn forget(&mut self, stream: StreamId) {
        self.old = Some(stream);
        self.stream = None;
        self.open = false;
        self.spoken = false;
        self.nonces.clear();
    }

    fn go(&mut self, deed: Deed) -> Result<(), TestCaseError> {
        let Some(event) = self.event(deed) else { return Ok(()) };
        if let Event::Fired(timer) = &event {
            self.timers.remove(timer);
        }
        for action in self.machine.handle(event) {
            self.check(action)?;
        }
        Ok(())
    }

    fn check(&mut self, action: Action<String>) -> Result<(), TestCaseError> {
        let limits = self.rules.limits;
        match action {
            Action::Open { stream } => {
                prop_assert_eq!(self.stream, None, "one stream at a time");
                prop_assert!(!self.timers.contains(&Timer::Backoff), "not before the wait is over");
                self.stream = Some(stream);
            }
            Action::Close { stream } => {
                prop_assert_eq!(self.stream, Some(stream));
                self.forget(stream);
            }
            Action::Send { stream, request } => {
                prop_assert!(self.open && self.stream == Some(stream), "on the open stream");
                let first = !std::mem::replace(&mut self.spoken, true);
                prop_assert_eq!(request.node() == Node::Include, first);
                let nonce = match &request {
                    Request::World(request) => &request.nonce,
                    Request::Delta(request) => &request.nonce,
                };
                prop_assert!(nonce.iter().all(|nonce| self.nonces.contains(nonce)), "a nonce of this stream");
                prop_assert!(nonce.is_some() || request.error().is_none(), "a NACK is an answer");
                prop_assert!(request.error().is_none_or(|error| error.len() <= limits.detail + "…".len()));
            }
            Action::Offer(offer) => {
                prop_assert!(self.machine.standing(&offer.type_url, &offer.name).is_some(), "it is wanted");
                prop_assert!(offer.name.as_str().len() <= limits.text && offer.version.as_str().len() <= limits.text);
                let known = self.tickets.insert((offer.type_url, offer.name), offer.ticket);
                prop_assert_eq!(known, None, "one offer at a time for a name");
                let most = 2 * (limits.names + limits.resources);
                prop_assert!(self.tickets.len() <= most, "what is being judged is bounded");
            }
            Action::Withdraw { type_url, name, .. } => {
                let standing = self.machine.standing(&type_url, &name);
                prop_assert!(!matches!(standing, Some(Standing::Held(_))));
            }
            Action::Arm { timer, after } => {
                prop_assert!(timer != Timer::Backoff || after <= self.rules.backoff.cap);
                self.timers.insert(timer);
            }
            Action::Disarm(timer) => prop_assert!(self.timers.remove(&timer), "only what is armed"),
            Action::FetchTimedOut { .. } => {}
            Action::Report(report) => {
                prop_assert!(!matches!(report, Report::StrayVerdict { .. }), "every verdict was waited for");
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_server_makes_the_machine_break_its_rules(
        delta: bool,
        deeds in prop::collection::vec(deed(), 0..120),
    ) {
        let dialect = if delta { Dialect::Delta } else { Dialect::StateOfTheWorld };
        let mut watcher = Watcher::new(dialect);
        for deed in deeds {
            watcher.go(deed)?;
        }
    }

    #[test]
    fn the_same_events_bring_the_same_actions(deeds in prop::collection::vec(deed(), 0..60)) {
        let mut watcher = Watcher::new(Dialect::StateOfTheWorld);
        for deed in deeds {
            let twin = watcher.machine.clone();
            watcher.go(deed.clone())?;
            if let Deed::Subscribe(kind, names) = deed {
                let names = names.into_iter().map(Name::from).collect();
                let mut twin = twin;
                twin.handle(Event::Subscribe { type_url: kinds(kind), names });
                prop_assert_eq!(&twin, &watcher.machine);
            }
        }
    }
}
