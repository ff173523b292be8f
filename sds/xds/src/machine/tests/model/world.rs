//! The whole of the model as a value: machine, application, stream, server, and the faults still to come; with what must
//! hold at each step.

use super::client::Client;
use super::server::{KIND, Lapse, Server, Session};
use crate::*;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A resource of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Secret {
    pub(super) serial: u8,
    pub(super) good: bool,
}

/// What the resources really are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Truth {
    secrets: BTreeMap<Name, Option<Secret>>,
    /// Changes so far, of any of them: the version of state of the world.
    changes: u8,
}

/// Faults still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Budget {
    /// A resource becomes another good one.
    pub(super) changes: u8,
    /// A resource becomes a bad one.
    pub(super) bad: u8,
    /// A resource is removed.
    pub(super) removals: u8,
    /// A stream breaks, with all that is on its way, or cannot be opened.
    pub(super) breaks: u8,
    /// When a stream breaks, its next message is delivered afterwards.
    pub(super) late: u8,
    /// The server sends its last response twice.
    pub(super) repeats: u8,
    /// The application drops a name, or wants one.
    pub(super) toggles: u8,
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    Opened,
    BackoffFires,
    ServerReceives,
    ServerPushes(Name),
    ClientReceives,
    ClientReceivesLate,
    Judged(Name),
    Changes(Name),
    TurnsBad(Name),
    Removed(Name),
    Breaks,
    BreaksWithOneLate,
    Repeats,
    Toggles(Name),
}

/// What the application has been offered and not yet judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Offered {
    secret: Secret,
    /// Whether it has been wanted ever since.
    wanted: bool,
}

/// The stream, seen from outside.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Link {
    None,
    Opening(StreamId),
    Open { stream: StreamId, up: VecDeque<Request>, session: Box<Session>, seen: Seen },
}

/// What the client has received and said on a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Seen {
    node: bool,
    /// Responses received and not yet answered, with what an ACK would speak for.
    unanswered: BTreeMap<Nonce, BTreeSet<(Name, Secret)>>,
    nonces: BTreeSet<Nonce>,
    newest: Option<Nonce>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    client: Client,
    server: Server,
    pub(super) lapse: Option<Lapse>,
    truth: Truth,
    link: Link,
    late: Option<(StreamId, Response<Secret>)>,
    backoff: bool,
    wanted: BTreeSet<Name>,
    held: BTreeMap<Name, Secret>,
    offered: BTreeMap<Name, Offered>,
    /// Everything ever applied.
    applied: BTreeSet<(Name, Secret)>,
    /// What was ever removed.
    removed: BTreeSet<Name>,
    /// What the application has ever dropped, where that can come back as absence.
    dropped: BTreeSet<Name>,
    budget: Budget,
}

impl Truth {
    pub(super) fn names(&self) -> impl Iterator<Item = Name> {
        self.secrets.iter().filter(|(_, secret)| secret.is_some()).map(|(name, _)| name.clone())
    }

    pub(super) fn secret(&self, name: &Name) -> Option<Secret> {
        self.secrets.get(name).copied().flatten()
    }

    pub(super) fn serial(&self, name: &Name) -> Option<u8> {
        self.secret(name).map(|secret| secret.serial)
    }

    pub(super) fn version(&self) -> Version {
        Version::from(self.changes.to_string())
    }
}

impl World {
    /// Two resources; the application wants one by name, or all.
    pub(super) fn new(client: Client, server: Server, budget: Budget) -> Self {
        let secret = |serial| Some(Secret { serial, good: true });
        let mut world = Self {
            client,
            server,
            lapse: None,
            truth: Truth { secrets: BTreeMap::from([("a".into(), secret(1)), ("b".into(), secret(2))]), changes: 2 },
            link: Link::None,
            late: None,
            backoff: false,
            wanted: BTreeSet::new(),
            held: BTreeMap::new(),
            offered: BTreeMap::new(),
            applied: BTreeSet::new(),
            removed: BTreeSet::new(),
            dropped: BTreeSet::new(),
            budget,
        };
        let names: &[&str] = if server.all() { &["*"] } else { &["a", "b"] };
        for name in names {
            world.toggle(&Name::from(*name)).expect("the first step is good");
        }
        world
    }

    /// What happens by itself.
    pub(super) fn moves(&self) -> Vec<Step> {
        let mut moves: Vec<Step> = self.offered.keys().cloned().map(Step::Judged).collect();
        moves.extend(self.late.as_ref().map(|_| Step::ClientReceivesLate));
        moves.extend(self.backoff.then_some(Step::BackoffFires));
        match &self.link {
            Link::None => {}
            Link::Opening(_) => moves.push(Step::Opened),
            Link::Open { up, session, .. } => {
                moves.extend(up.front().map(|_| Step::ServerReceives));
                moves.extend(session.down.front().map(|_| Step::ClientReceives));
                moves.extend(session.dirty.iter().cloned().map(Step::ServerPushes));
            }
        }
        moves
    }

    /// What may happen besides.
    pub(super) fn faults(&self) -> Vec<Step> {
        let (budget, truth) = (&self.budget, &self.truth);
        let mut faults = Vec::new();
        for name in truth.secrets.keys().filter(|name| self.wants(name)) {
            faults.extend((budget.changes > 0).then(|| Step::Changes(name.clone())));
            faults.extend((budget.bad > 0).then(|| Step::TurnsBad(name.clone())));
            let there = truth.secret(name).is_some();
            faults.extend((budget.removals > 0 && there).then(|| Step::Removed(name.clone())));
        }
        if budget.toggles > 0 {
            let all = self.server.all().then(Name::wildcard);
            faults.extend(all.into_iter().chain(truth.secrets.keys().cloned()).map(Step::Toggles));
        }
        if budget.breaks > 0 && self.link != Link::None {
            faults.push(Step::Breaks);
        }
        if let Link::Open { session, .. } = &self.link {
            let late = budget.late > 0 && budget.breaks > 0 && self.late.is_none() && !session.down.is_empty();
            faults.extend(late.then_some(Step::BreaksWithOneLate));
            faults.extend((budget.repeats > 0 && session.last.is_some()).then_some(Step::Repeats));
        }
        faults
    }

    /// Takes a step; what it shows to be wrong.
    pub(super) fn take(&mut self, step: &Step) -> Result<(), String> {
        let taken = self.happen(step);
        if let Link::Open { session, .. } = &mut self.link {
            session.last.take_if(|_| self.budget.repeats == 0);
        }
        taken
    }

    fn happen(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Opened => self.opened(),
            Step::BackoffFires => {
                self.backoff = false;
                self.tell(Event::Fired(Timer::Backoff))
            }
            Step::ServerReceives => {
                if let Link::Open { up, session, .. } = &mut self.link {
                    up.pop_front().into_iter().for_each(|request| session.receive(request, self.server, &self.truth));
                }
                Ok(())
            }
            Step::ServerPushes(name) => {
                if let Link::Open { session, .. } = &mut self.link {
                    session.push(name, self.server, self.lapse, &self.truth);
                }
                Ok(())
            }
            Step::ClientReceives => self.receive(),
            Step::ClientReceivesLate => match self.late.take() {
                Some((stream, response)) => self.tell(Event::Arrived { stream, response }),
                None => Ok(()),
            },
            Step::Judged(name) => self.judge(name),
            Step::Changes(name) => {
                self.budget.changes -= 1;
                self.change(name, Some(true));
                Ok(())
            }
            Step::TurnsBad(name) => {
                self.budget.bad -= 1;
                self.change(name, Some(false));
                Ok(())
            }
            Step::Removed(name) => {
                self.budget.removals -= 1;
                self.removed.insert(name.clone());
                self.change(name, None);
                Ok(())
            }
            Step::Breaks => {
                self.budget.breaks -= 1;
                self.break_off()
            }
            Step::BreaksWithOneLate => {
                self.budget.breaks -= 1;
                self.budget.late -= 1;
                if let Link::Open { stream, session, .. } = &mut self.link {
                    self.late = session.down.pop_front().map(|response| (*stream, response));
                }
                self.break_off()
            }
            Step::Repeats => {
                self.budget.repeats -= 1;
                if let Link::Open { session, .. } = &mut self.link {
                    session.down.extend(session.last.clone());
                }
                Ok(())
            }
            Step::Toggles(name) => {
                self.budget.toggles -= 1;
                self.toggle(name)
            }
        }
    }

    /// What must hold when nothing happens by itself any more.
    pub(super) fn check_at_rest(&self) -> Result<(), String> {
        for name in self.truth.secrets.keys().filter(|name| self.wants(name)) {
            let (truth, held) = (self.truth.secret(name), self.held.get(name).copied());
            let right = match truth {
                Some(secret) if secret.good => held == truth,
                // The newest is bad: whatever is held is good, and not newer.
                Some(secret) => held.is_none_or(|held| held.good && held.serial < secret.serial),
                None => held.is_none(),
            };
            if !right {
                return Err(format!("{name} rests at {held:?} where the truth is {truth:?}"));
            }
        }
        match &self.link {
            Link::Open { seen, .. } => match &seen.newest {
                Some(newest) if seen.unanswered.contains_key(newest) => Err(format!("{newest} is never answered")),
                _ => Ok(()),
            },
            _ if self.wanted.is_empty() => Ok(()),
            _ => Err("there is no stream and will be none".to_owned()),
        }
    }

    fn wants(&self, name: &Name) -> bool {
        self.wanted.contains(name) || self.wanted.contains(&Name::wildcard())
    }

    fn opened(&mut self) -> Result<(), String> {
        let Link::Opening(stream) = self.link else { return Ok(()) };
        let (up, session, seen) = (VecDeque::new(), Box::new(Session::new(stream)), Seen::default());
        self.link = Link::Open { stream, up, session, seen };
        self.tell(Event::Opened { stream })
    }

    fn break_off(&mut self) -> Result<(), String> {
        let stream = match std::mem::replace(&mut self.link, Link::None) {
            Link::None => return Ok(()),
            Link::Opening(stream) | Link::Open { stream, .. } => stream,
        };
        self.tell(Event::Closed { stream, reason: String::new(), dice: Dice(0) })
    }

    fn receive(&mut self) -> Result<(), String> {
        let Link::Open { stream, session, seen, .. } = &mut self.link else { return Ok(()) };
        let Some(response) = session.down.pop_front() else { return Ok(()) };
        let stream = *stream;
        let all = self.wanted.contains(&Name::wildcard());
        let due = response.resources.iter().filter(|resource| all || self.wanted.contains(&resource.name));
        let due = due.filter_map(|resource| match &resource.body {
            Body::Value(secret) => Some((resource.name.clone(), *secret)),
            Body::Heartbeat | Body::Malformed(_) => None,
        });
        seen.unanswered.insert(response.nonce.clone(), due.collect());
        seen.nonces.insert(response.nonce.clone());
        seen.newest = Some(response.nonce.clone());
        self.tell(Event::Arrived { stream, response })
    }

    fn judge(&mut self, name: &Name) -> Result<(), String> {
        let Some(Offered { secret, wanted }) = self.offered.remove(name) else { return Ok(()) };
        let verdict = if secret.good {
            self.applied.insert((name.clone(), secret));
            if wanted {
                self.held.insert(name.clone(), secret);
            }
            Verdict::Applied
        } else {
            Verdict::Rejected("bad".to_owned())
        };
        let ticket = Ticket { type_url: KIND.into(), name: name.clone() };
        self.tell(Event::Judged { ticket, verdict })
    }

    fn change(&mut self, name: &Name, good: Option<bool>) {
        self.truth.changes += 1;
        let serial = self.truth.changes;
        self.truth.secrets.insert(name.clone(), good.map(|good| Secret { serial, good }));
        if let Link::Open { session, .. } = &mut self.link {
            session.changed(name);
        }
    }

    /// The application wants a name, or drops it with all that it has of it.
    fn toggle(&mut self, name: &Name) -> Result<(), String> {
        let (type_url, names) = (TypeUrl::from(KIND), vec![name.clone()]);
        if !self.wanted.remove(name) {
            self.wanted.insert(name.clone());
            return self.tell(Event::Subscribe { type_url, names });
        }
        let dropped: Vec<Name> = self.truth.secrets.keys().filter(|name| !self.wants(name)).cloned().collect();
        for name in &dropped {
            self.held.remove(name);
            if self.server == Server::Whole {
                self.dropped.insert(name.clone());
            }
            self.offered.get_mut(name).into_iter().for_each(|offered| offered.wanted = false);
            if let Link::Open { seen, .. } = &mut self.link {
                seen.unanswered.values_mut().for_each(|due| due.retain(|(due, _)| due != name));
            }
        }
        self.tell(Event::Unsubscribe { type_url, names })
    }

    /// Tells the machine, does what it says, and checks that.
    fn tell(&mut self, event: Event<Secret>) -> Result<(), String> {
        for action in self.client.handle(event) {
            match action {
                Action::Open { stream } => {
                    if self.link != Link::None || self.backoff {
                        return Err("a second stream is opened".to_owned());
                    }
                    self.link = Link::Opening(stream);
                }
                Action::Close { .. } => self.link = Link::None,
                Action::Send { stream, request } => self.send(stream, request)?,
                Action::Offer(offer) => self.offer(&offer)?,
                Action::Withdraw { name, .. } => {
                    // A whole truth from the time between may come after a name is wanted again.
                    if !self.removed.contains(&name) && !self.dropped.contains(&name) {
                        return Err(format!("{name} is withdrawn and was never removed"));
                    }
                    self.held.remove(&name);
                }
                Action::Arm { timer: Timer::Backoff, .. } => self.backoff = true,
                Action::Arm { .. } | Action::Disarm(_) | Action::FetchTimedOut { .. } | Action::Report(_) => {}
            }
        }
        Ok(())
    }

    fn offer(&mut self, offer: &Offer<Secret>) -> Result<(), String> {
        if !self.wants(&offer.name) {
            return Err(format!("{} is offered and nobody wants it", offer.name));
        }
        let offered = Offered { secret: offer.resource, wanted: true };
        match self.offered.insert(offer.name.clone(), offered) {
            Some(_) => Err(format!("{} is offered twice at a time", offer.name)),
            None => Ok(()),
        }
    }

    fn send(&mut self, to: StreamId, request: Request) -> Result<(), String> {
        let (nonce, claims) = match &request {
            Request::World(request) => (request.nonce.clone(), &[][..]),
            Request::Delta(request) => (request.nonce.clone(), request.initial_versions.as_slice()),
        };
        for (name, version) in claims.iter().filter(|(_, version)| !version.is_empty()) {
            if self.held.get(name).map(|held| held.serial.to_string()).as_deref() != Some(version.as_str()) {
                return Err(format!("{name} is claimed at {version} and held at {:?}", self.held.get(name)));
            }
        }
        let Link::Open { stream, up, seen, .. } = &mut self.link else {
            return Err("a request is sent without a stream".to_owned());
        };
        if *stream != to {
            return Err("a request is sent on another stream".to_owned());
        }
        if (request.node() == Node::Include) == std::mem::replace(&mut seen.node, true) {
            return Err("the node is not in the first request alone".to_owned());
        }
        if let Some(nonce) = nonce {
            if !seen.nonces.contains(&nonce) {
                return Err(format!("nonce {nonce} is not of this stream"));
            }
            // The first request with a nonce is its answer; what follows only changes names.
            let due = seen.unanswered.remove(&nonce).unwrap_or_default();
            let missing = due.iter().find(|due| !self.applied.contains(*due));
            if let (None, Some((name, secret))) = (request.error(), missing) {
                return Err(format!("{nonce} is acknowledged and {name} {secret:?} was not applied"));
            }
        }
        up.push_back(request);
        Ok(())
    }
}
