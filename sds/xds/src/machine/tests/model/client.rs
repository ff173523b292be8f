//! The machine as it is, or with a flaw put around it that the checker has to find.

use super::server::{KIND, Server};
use super::world::Secret;
use crate::*;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::time::Duration;

/// A mistake that a client could make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Flaw {
    /// Acknowledges what it has received before it was judged.
    AcknowledgesOnArrival,
    /// Says of what was rejected that it was applied.
    AcknowledgesTheRejected,
    /// Begins a stream with the nonce of the last.
    KeepsTheNonce,
    /// Subscribes again to one of its names only.
    ForgetsNames,
    /// Drops what arrives while something is being judged.
    LosesWhatArrivesMeanwhile,
    /// Claims to hold what it was only offered.
    ClaimsTheOffered,
    /// Does not open a stream a second time.
    GivesUp,
    /// Takes a push of one resource for the removal of the others.
    TakesAbsenceForRemoval,
    /// Withdraws the last good one when a bad one comes.
    WithdrawsTheLastGood,
    /// Says nothing more after a rejection.
    SaysNothingAfterRejection,
    /// Asks for a name that it has dropped and wants again beside a nonce.
    AsksAgainBesideANonce,
    /// Begins each stream with the last version that it accepted.
    AlwaysResumes,
    /// Does not tell a new stream what is still being judged.
    ForgetsWhatIsBeingJudged,
    /// Opens a stream while one is open.
    OpensASecond,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Client {
    machine: Machine<Secret>,
    flaw: Option<Flaw>,
    memory: Memory,
}

/// What a flawed client remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Memory {
    names: Vec<Name>,
    nonce: Option<Nonce>,
    version: Option<Version>,
    offered: BTreeMap<Name, Version>,
    opened: u8,
}

/// Leaves out the rules, which are the same in all states.
impl Hash for Client {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Machine { rules: _, link, timers, subscriptions } = &self.machine;
        (link, timers, subscriptions, &self.memory).hash(state);
    }
}

impl Client {
    pub(super) fn new(server: Server, flaw: Option<Flaw>) -> Self {
        let mut absence = server.absence();
        if flaw == Some(Flaw::TakesAbsenceForRemoval) {
            absence = Absence::Removed;
        }
        let kind = Kind { absence, initial_fetch_timeout: None, ..Kind::new(KIND) };
        let backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(1) };
        let rules = Rules { dialect: server.dialect(), kinds: vec![kind], backoff, limits: Limits::default() };
        Self { machine: Machine::new(rules), flaw, memory: Memory::default() }
    }

    pub(super) fn handle(&mut self, event: Event<Secret>) -> Vec<Action<Secret>> {
        let Some(flaw) = self.flaw else { return self.machine.handle(event) };
        let before = self.before(flaw, &event);
        if flaw == Flaw::LosesWhatArrivesMeanwhile
            && matches!(event, Event::Arrived { .. })
            && !self.memory.offered.is_empty()
        {
            return Vec::new();
        }
        if let Event::Judged { ticket, .. } = &event
            && flaw != Flaw::ClaimsTheOffered
        {
            self.memory.offered.remove(ticket.name());
        }
        let actions = self.machine.handle(event);
        let rejection =
            actions.iter().any(|action| matches!(action, Action::Send { request, .. } if request.error().is_some()));
        let after = actions.into_iter().filter_map(|action| self.spoil(flaw, action, rejection));
        before.into_iter().chain(after.collect::<Vec<_>>()).collect()
    }

    /// What a flawed client does first.
    fn before(&mut self, flaw: Flaw, event: &Event<Secret>) -> Option<Action<Secret>> {
        match event {
            Event::Arrived { stream, response } if self.machine.phase() == Phase::Open(*stream) => {
                self.memory.nonce = Some(response.nonce.clone());
                (flaw == Flaw::AcknowledgesOnArrival)
                    .then(|| Action::Send { stream: *stream, request: self.acknowledgement() })
            }
            Event::Judged { ticket, verdict: Verdict::Rejected(_) } if flaw == Flaw::WithdrawsTheLastGood => {
                let (type_url, name) = (ticket.type_url().clone(), ticket.name().clone());
                Some(Action::Withdraw { type_url, name, cause: Withdrawal::Absent })
            }
            Event::Closed { stream, .. } if flaw == Flaw::OpensASecond => Some(Action::Open { stream: *stream }),
            _ => None,
        }
    }

    fn acknowledgement(&self) -> Request {
        let Memory { names, nonce, version, .. } = self.memory.clone();
        Request::World(WorldRequest { type_url: KIND.into(), node: Node::Omit, version, nonce, names, error: None })
    }

    /// What a flawed client makes of an action.
    fn spoil(&mut self, flaw: Flaw, action: Action<Secret>, rejection: bool) -> Option<Action<Secret>> {
        match action {
            Action::Send { stream, request } => {
                let request = match request {
                    Request::World(request) => Request::World(self.spoil_world(flaw, request, rejection)?),
                    Request::Delta(request) => Request::Delta(self.spoil_delta(flaw, request)),
                };
                Some(Action::Send { stream, request })
            }
            Action::Offer(offer) => {
                self.memory.offered.insert(offer.name.clone(), offer.version.clone());
                Some(Action::Offer(offer))
            }
            Action::Open { .. } => {
                self.memory.opened += 1;
                (flaw != Flaw::GivesUp || self.memory.opened == 1).then_some(action)
            }
            other => Some(other),
        }
    }

    fn spoil_world(&mut self, flaw: Flaw, mut request: WorldRequest, rejection: bool) -> Option<WorldRequest> {
        let first = request.node == Node::Include;
        match flaw {
            Flaw::AcknowledgesTheRejected => request.error = None,
            Flaw::KeepsTheNonce if first => request.nonce = self.memory.nonce.clone(),
            Flaw::ForgetsNames if self.memory.opened > 1 => request.names.truncate(1),
            Flaw::SaysNothingAfterRejection if rejection && request.error.is_none() => return None,
            Flaw::AsksAgainBesideANonce if !first && request.nonce.is_none() => {
                request.nonce = self.memory.nonce.clone()
            }
            Flaw::AlwaysResumes if first => request.version = self.memory.version.clone(),
            _ => {}
        }
        self.memory.names = request.names.clone();
        if request.error.is_none() && request.version.is_some() {
            self.memory.version = request.version.clone();
        }
        Some(request)
    }

    fn spoil_delta(&mut self, flaw: Flaw, mut request: DeltaRequest) -> DeltaRequest {
        let first = request.node == Node::Include;
        match flaw {
            Flaw::AcknowledgesTheRejected => request.error = None,
            Flaw::KeepsTheNonce if first => request.nonce = self.memory.nonce.clone(),
            Flaw::ForgetsNames if first && self.memory.opened > 1 => request.subscribe.truncate(1),
            Flaw::ClaimsTheOffered if first => {
                request.initial_versions = self.memory.offered.clone().into_iter().collect()
            }
            Flaw::ForgetsWhatIsBeingJudged => request.initial_versions.retain(|(_, version)| !version.is_empty()),
            _ => {}
        }
        request
    }
}
