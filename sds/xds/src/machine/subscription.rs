//! What is wanted of one kind, and what is held of it.

use super::judgement::{Batch, Judging};
use super::wire::Wire;
use super::{Standing, Turn};
use crate::action::{Action, Report, Withdrawal};
use crate::rules::Kind;
use crate::text::{Name, Version};
use crate::timer::Timer;
use std::collections::{BTreeMap, BTreeSet};

/// One kind of resource on the stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Subscription<R> {
    pub(super) kind: Kind,
    /// Whether everything is wanted.
    pub(super) wildcard: bool,
    /// What is wanted by name, and what is held under the wildcard.
    pub(super) entries: BTreeMap<Name, Entry>,
    /// What the application has been offered.
    pub(super) judging: Option<Judging>,
    /// What arrived since, merged: the newest of each name.
    pub(super) queue: Option<Batch<R>>,
    /// The version of the last response that was applied as a whole.
    pub(super) accepted: Option<Version>,
    /// Whether all of a whole truth is held, for just what is wanted now. Only then does its version say so.
    pub(super) complete: bool,
    /// What has been said about this kind on the stream.
    pub(super) wire: Wire,
}

/// A resource that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Entry {
    pub(super) interest: Interest,
    pub(super) standing: Standing,
}

/// Why a resource is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Interest {
    /// By its name.
    Named,
    /// Only because everything is.
    Covered,
}

impl Entry {
    pub(super) fn new(interest: Interest) -> Self {
        Self { interest, standing: Standing::Awaited }
    }
}

impl<R> Subscription<R> {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            wildcard: false,
            entries: BTreeMap::new(),
            judging: None,
            queue: None,
            accepted: None,
            complete: false,
            wire: Wire::default(),
        }
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.wildcard || self.entries.values().any(|entry| entry.interest == Interest::Named)
    }

    pub(super) fn wants(&self, name: &Name) -> bool {
        self.wildcard || self.entries.contains_key(name)
    }

    pub(super) fn standing(&self, name: &Name) -> Option<&Standing> {
        self.entries.get(name).map(|entry| &entry.standing)
    }

    /// The names to say to the server.
    pub(super) fn wanted(&self) -> BTreeSet<Name> {
        let named = self.entries.iter().filter(|(_, entry)| entry.interest == Interest::Named);
        let all = self.wildcard.then(Name::wildcard);
        all.into_iter().chain(named.map(|(name, _)| name.clone())).collect()
    }

    pub(super) fn subscribe(&mut self, name: Name, turn: &mut Turn<'_, R>) {
        if name.is_wildcard() {
            if self.wildcard {
                return;
            }
            self.wildcard = true;
        } else if let Some(entry) = self.entries.get_mut(&name) {
            if std::mem::replace(&mut entry.interest, Interest::Named) == Interest::Named {
                return;
            }
        } else if self.has_room(&name, turn) {
            self.entries.insert(name.clone(), Entry::new(Interest::Named));
        } else {
            turn.report(Report::NameRefused { type_url: self.kind.type_url.clone(), name });
            return;
        }
        self.wire.wanted(&name);
        self.unsettle();
        let held = matches!(self.standing(&name), Some(Standing::Held(_)));
        if let (false, Some(after)) = (held, self.kind.initial_fetch_timeout) {
            turn.arm(self.initial_fetch(name), after);
        }
    }

    fn has_room(&self, name: &Name, turn: &Turn<'_, R>) -> bool {
        let limits = &turn.rules.limits;
        let named = || self.entries.values().filter(|entry| entry.interest == Interest::Named).count();
        let room = self.entries.len() < limits.names || named() < limits.names;
        room && !name.is_empty() && name.as_str().len() <= limits.text
    }

    pub(super) fn unsubscribe(&mut self, name: &Name, turn: &mut Turn<'_, R>) {
        if name.is_wildcard() {
            if !std::mem::take(&mut self.wildcard) {
                return;
            }
            let covered = self.entries.iter().filter(|(_, entry)| entry.interest == Interest::Covered);
            let covered: Vec<Name> = covered.map(|(name, _)| name.clone()).collect();
            covered.iter().for_each(|name| self.forget(name, turn));
        } else {
            match self.entries.get_mut(name) {
                // The wildcard still covers it; the server says whether it goes on.
                Some(entry) if self.wildcard && entry.standing != Standing::Gone => {
                    if std::mem::replace(&mut entry.interest, Interest::Covered) == Interest::Covered {
                        return;
                    }
                }
                Some(entry) if entry.interest == Interest::Named => self.forget(name, turn),
                _ => return,
            }
        }
        turn.disarm(self.initial_fetch(name.clone()));
        self.wire.unwanted(name, turn.rules.limits.names);
        self.unsettle();
        let (wildcard, entries) = (self.wildcard, &self.entries);
        let wanted = |name: &Name| wildcard || entries.contains_key(name);
        if let Some(queue) = &mut self.queue {
            queue.retain(wanted);
        }
        if let Some(judging) = &mut self.judging {
            judging.retain(wanted);
        }
    }

    /// What is wanted has changed: no truth that was sent before is the whole of it.
    fn unsettle(&mut self) {
        self.complete = false;
        if let Some(judging) = &mut self.judging {
            judging.complete = false;
        }
        if let Some(queue) = &mut self.queue {
            queue.complete = false;
        }
    }

    /// Lets go of a resource. Its version must go too: the application has dropped it, so a server that is told of the
    /// version would not send it again (the fault that `grpc/grpc-go#7013` describes).
    fn forget(&mut self, name: &Name, turn: &mut Turn<'_, R>) {
        self.entries.remove(name);
        turn.disarm(self.time_to_live(name.clone()));
    }

    /// The stream is no more: nothing that it carried can be answered, and what has been said on it is forgotten. What
    /// arrived on it stays good.
    pub(super) fn stream_gone(&mut self) {
        self.wire = Wire::default();
        if let Some(judging) = &mut self.judging {
            judging.answer = None;
        }
        if let Some(queue) = &mut self.queue {
            queue.answer = None;
        }
    }

    pub(super) fn expired(&mut self, name: &Name, turn: &mut Turn<'_, R>) {
        self.complete = false;
        self.withdraw(name, Withdrawal::Expired, turn);
    }

    /// Tells the application that a resource is no more, once.
    pub(super) fn withdraw(&mut self, name: &Name, cause: Withdrawal, turn: &mut Turn<'_, R>) {
        turn.disarm(self.time_to_live(name.clone()));
        turn.disarm(self.initial_fetch(name.clone()));
        let Some(entry) = self.entries.get_mut(name) else { return };
        let known = std::mem::replace(&mut entry.standing, Standing::Gone);
        if entry.interest == Interest::Covered {
            self.entries.remove(name);
        }
        if known != Standing::Gone {
            turn.actions.push(Action::Withdraw { type_url: self.kind.type_url.clone(), name: name.clone(), cause });
        }
    }

    pub(super) fn initial_fetch(&self, name: Name) -> Timer {
        Timer::InitialFetch { type_url: self.kind.type_url.clone(), name }
    }

    pub(super) fn time_to_live(&self, name: Name) -> Timer {
        Timer::TimeToLive { type_url: self.kind.type_url.clone(), name }
    }
}
