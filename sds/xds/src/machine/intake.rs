//! What comes from the server, checked and bounded before anybody looks at it.

use super::judgement::{Batch, Change, Usefulness};
use super::subscription::{Interest, Subscription};
use super::{Standing, Turn};
use crate::action::Report;
use crate::event::{Body, Resource, Response};
use crate::faults::Faults;
use crate::rules::{Absence, Dialect, Limits, Unrequested};
use crate::text::{Name, Nonce, Version};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A response that is being read.
struct Intake<R> {
    changes: BTreeMap<Name, Change<R>>,
    faults: Faults,
    seen: BTreeSet<Name>,
    /// Resources under the wildcard that may still be taken in.
    room: usize,
    /// Whether a resource had no name, so that no absence can be believed.
    nameless: bool,
    /// Whether everything in it was wanted.
    wanted: bool,
    useful: Usefulness,
}

impl<R> Subscription<R> {
    /// A response of this kind.
    pub(super) fn arrived(&mut self, response: Response<R>, turn: &mut Turn<'_, R>) {
        if self.wire.said.is_none() {
            // An answer would be taken for a first request.
            turn.report(Report::UnaskedType { type_url: response.type_url });
            return;
        }
        let answer = self.nonce(response.nonce, turn);
        let limits = turn.rules.limits;
        if let Some(fault) = oversize(&response.resources, &response.removed, &response.version, &limits) {
            self.admit(refused(answer, fault, &limits), turn);
            return;
        }
        turn.disarm(self.initial_fetch(Name::wildcard()));
        let mut intake = Intake {
            changes: BTreeMap::new(),
            faults: Faults::default(),
            seen: BTreeSet::new(),
            room: self.room(&limits),
            nameless: false,
            wanted: true,
            useful: Usefulness::Nothing,
        };
        for resource in response.resources {
            self.take(resource, &response.version, &mut intake, turn);
        }
        if turn.rules.dialect == Dialect::Delta {
            response.removed.into_iter().for_each(|name| self.take_removal(name, &mut intake, &limits));
        }
        let Intake { changes, faults, seen, nameless, wanted, useful, .. } = intake;
        let world = turn.rules.dialect == Dialect::StateOfTheWorld && self.kind.absence == Absence::Removed;
        let whole = (world && !nameless).then_some(seen);
        let complete = whole.is_some() && wanted && !self.wire.moved;
        self.admit(Batch { answer, version: response.version, changes, faults, whole, complete, useful }, turn);
    }

    /// A response of another type on a stream that has this kind alone.
    pub(super) fn wrong_type(&mut self, response: Response<R>, turn: &mut Turn<'_, R>) {
        if self.wire.said.is_none() {
            turn.report(Report::UnaskedType { type_url: response.type_url });
            return;
        }
        let answer = self.nonce(response.nonce, turn);
        let fault = format!("type URL is {} where {} was asked for", response.type_url, self.kind.type_url);
        self.admit(refused(answer, fault, &turn.rules.limits), turn);
    }

    /// The nonce to answer to, if there is one that can be given back.
    fn nonce(&mut self, nonce: Nonce, turn: &mut Turn<'_, R>) -> Option<Nonce> {
        if nonce.is_empty() || nonce.as_str().len() > turn.rules.limits.text {
            turn.report(Report::Unanswerable { type_url: self.kind.type_url.clone() });
            return None;
        }
        self.wire.nonce = Some(nonce.clone());
        Some(nonce)
    }

    /// How many more resources the wildcard may bring.
    fn room(&self, limits: &Limits) -> usize {
        if !self.wildcard {
            return 0;
        }
        let covered = self.entries.values().filter(|entry| entry.interest == Interest::Covered).count();
        let queued = self.queue.iter().flat_map(|queue| queue.changes.keys());
        let queued = queued.filter(|name| !self.entries.contains_key(*name)).count();
        limits.resources.saturating_sub(covered).saturating_sub(queued)
    }

    fn is_new(&self, name: &Name) -> bool {
        let queued = self.queue.as_ref().is_some_and(|queue| queue.changes.contains_key(name));
        !self.entries.contains_key(name) && !queued
    }

    fn take(&mut self, resource: Resource<R>, fallback: &Version, intake: &mut Intake<R>, turn: &mut Turn<'_, R>) {
        let limits = turn.rules.limits;
        let Resource { name, version, ttl, body } = resource;
        if let Some(fault) = unnameable(&name, &limits) {
            intake.nameless = true;
            let reason = match body {
                Body::Malformed(reason) => reason,
                Body::Value(_) | Body::Heartbeat => fault,
            };
            intake.faults.note_other(reason, limits.detail);
            return;
        }
        if !self.wants(&name) {
            self.take_unrequested(name, intake, turn);
            return;
        }
        self.wire.heard(&name);
        if !intake.seen.insert(name.clone()) {
            intake.changes.remove(&name);
            self.fault(name, "twice in one response", intake, &limits);
            return;
        }
        let version = if version.is_empty() { fallback.clone() } else { version };
        match body {
            Body::Malformed(reason) => self.fault(name, &reason, intake, &limits),
            Body::Heartbeat => self.heartbeat(&name, &version, ttl, intake, turn),
            Body::Value(_) if version.as_str().len() > limits.text => {
                self.fault(name, "version too long", intake, &limits)
            }
            Body::Value(_) if intake.room == 0 && self.is_new(&name) => {
                self.fault(name, "more resources than the limit", intake, &limits);
            }
            Body::Value(resource) => {
                if self.is_new(&name) {
                    intake.room -= 1;
                }
                intake.changes.insert(name, Change::Update { version, ttl, resource });
            }
        }
    }

    fn take_unrequested(&self, name: Name, intake: &mut Intake<R>, turn: &mut Turn<'_, R>) {
        intake.wanted = false;
        if self.kind.unrequested == Unrequested::Ignore || self.wire.was_dropped(&name) {
            turn.report(Report::Unrequested { type_url: self.kind.type_url.clone(), name });
        } else {
            intake.faults.note(name, "nobody asked for it", turn.rules.limits.detail);
        }
    }

    fn take_removal(&mut self, name: Name, intake: &mut Intake<R>, limits: &Limits) {
        if unnameable(&name, limits).is_some() || !self.wants(&name) {
            return;
        }
        self.wire.heard(&name);
        if intake.seen.insert(name.clone()) {
            intake.changes.insert(name, Change::Removal);
        } else if matches!(intake.changes.get(&name), Some(Change::Update { .. })) {
            intake.changes.remove(&name);
            self.fault(name, "both sent and removed in one response", intake, limits);
        }
    }

    fn fault(&mut self, name: Name, reason: &str, intake: &mut Intake<R>, limits: &Limits) {
        self.refuse(&name);
        intake.faults.note(name, reason, limits.detail);
    }

    /// Prolongs a resource. One that is not the version that was sent last says nothing.
    fn heartbeat(
        &mut self,
        name: &Name,
        version: &Version,
        ttl: Option<Duration>,
        intake: &mut Intake<R>,
        turn: &mut Turn<'_, R>,
    ) {
        intake.useful = Usefulness::Something;
        let queued = self.queue.as_mut().and_then(|queue| queue.changes.get_mut(name));
        match queued {
            Some(Change::Update { version: newest, ttl: queued, .. }) => {
                if newest == version {
                    *queued = ttl;
                }
                return;
            }
            Some(Change::Removal) => return,
            None => {}
        }
        let judging = self.judging.as_mut().is_some_and(|judging| judging.heartbeat(name, version, ttl));
        if !judging && matches!(self.standing(name), Some(Standing::Held(held)) if held == version) {
            self.live(name, ttl, turn);
        }
    }
}

/// A response that is refused as a whole.
fn refused<R>(answer: Option<Nonce>, fault: String, limits: &Limits) -> Batch<R> {
    let mut faults = Faults::default();
    faults.note_other(fault, limits.detail);
    let (version, changes, useful) = (Version::from(""), BTreeMap::new(), Usefulness::Nothing);
    Batch { answer, version, changes, faults, whole: None, complete: false, useful }
}

/// What makes a response too much to look at.
fn oversize<R>(resources: &[Resource<R>], removed: &[Name], version: &Version, limits: &Limits) -> Option<String> {
    let most = limits.resources;
    if resources.len() > most {
        return Some(format!("{} resources where {most} is the limit", resources.len()));
    }
    if removed.len() > most {
        return Some(format!("{} removals where {most} is the limit", removed.len()));
    }
    (version.as_str().len() > limits.text)
        .then(|| format!("a version of {} bytes where {} is the limit", version.as_str().len(), limits.text))
}

/// Why something cannot be the name of a resource.
fn unnameable(name: &Name, limits: &Limits) -> Option<String> {
    if name.is_empty() {
        Some("a resource without a name".to_owned())
    } else if name.is_wildcard() {
        Some("a resource with the wildcard for a name".to_owned())
    } else if name.as_str().len() > limits.text {
        Some(format!("a name of {} bytes where {} is the limit", name.as_str().len(), limits.text))
    } else {
        None
    }
}
