//! What arrived, on its way through the application's judgement.
//!
//! One batch is judged at a time. What arrives meanwhile is merged into the next, the newest of each name, and the answer
//! to the newest response speaks for all that were merged into it: a response that was overtaken before it was judged is
//! not answered, for an ACK would say that something was applied that never was. Servers take the newest nonce for the
//! answer to all before it (`istio/istio:pkg/xds/server.go`, and go-control-plane's servers).

use super::Standing;
use super::Turn;
use super::subscription::{Entry, Interest, Subscription};
use super::wire::Outcome;
use crate::action::{Action, Offer, Ticket, Withdrawal};
use crate::event::Verdict;
use crate::faults::Faults;
use crate::text::{Name, Nonce, Version};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// One response or several, not yet offered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Batch<R> {
    /// The nonce to answer to, as long as there is a stream to answer on.
    pub(super) answer: Option<Nonce>,
    pub(super) version: Version,
    pub(super) changes: BTreeMap<Name, Change<R>>,
    pub(super) faults: Faults,
    /// If it is the whole truth: every name in it.
    pub(super) whole: Option<BTreeSet<Name>>,
    /// Whether it is all of the whole truth for what is wanted: nothing was left out.
    pub(super) complete: bool,
    /// Whether it has done some good already.
    pub(super) useful: Usefulness,
}

/// What has become of one name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Change<R> {
    Update { version: Version, ttl: Option<Duration>, resource: R },
    Removal,
}

/// Whether a response has brought anything. Only one that has ends a run of failures: a server that answers with nothing
/// and hangs up is not to be asked twice a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Usefulness {
    Nothing,
    Something,
}

/// A batch that the application has been offered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Judging {
    pub(super) answer: Option<Nonce>,
    version: Version,
    outstanding: BTreeMap<Name, Offered>,
    faults: Faults,
    useful: Usefulness,
    /// As of the batch.
    pub(super) complete: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Offered {
    version: Version,
    ttl: Option<Duration>,
    /// Whether the name was dropped since. The application may have dropped the resource too, so nothing is held by the
    /// verdict.
    orphan: bool,
}

impl<R> Batch<R> {
    /// Takes over what is newer.
    fn merge(&mut self, newer: Self, detail: usize) {
        if newer.whole.is_some() {
            *self = newer;
            return;
        }
        self.answer = newer.answer;
        self.version = newer.version;
        self.whole = None;
        self.complete = false;
        self.useful = self.useful.max(newer.useful);
        for (name, change) in newer.changes {
            self.faults.forget(&name);
            self.changes.insert(name, change);
        }
        self.faults.merge(newer.faults, detail);
    }

    /// The names that will be offered.
    pub(super) fn coming(&self) -> impl Iterator<Item = &Name> {
        self.changes.iter().filter(|(_, change)| matches!(change, Change::Update { .. })).map(|(name, _)| name)
    }

    /// Drops what is wanted no more. The answer stays due.
    pub(super) fn retain(&mut self, wanted: impl Fn(&Name) -> bool) {
        self.changes.retain(|name, _| wanted(name));
    }
}

impl Judging {
    /// Makes orphans of what is wanted no more. Their verdicts are still due.
    pub(super) fn retain(&mut self, wanted: impl Fn(&Name) -> bool) {
        self.outstanding.iter_mut().for_each(|(name, offered)| offered.orphan |= !wanted(name));
    }

    /// The names that have been offered and are still wanted.
    pub(super) fn coming(&self) -> impl Iterator<Item = &Name> {
        self.outstanding.iter().filter(|(_, offered)| !offered.orphan).map(|(name, _)| name)
    }

    /// Gives a resource that is being judged another time to live; whether it is this one.
    pub(super) fn heartbeat(&mut self, name: &Name, version: &Version, ttl: Option<Duration>) -> bool {
        let offered = self.outstanding.get_mut(name).filter(|offered| offered.version == *version && !offered.orphan);
        offered.map(|offered| offered.ttl = ttl).is_some()
    }
}

impl<R> Subscription<R> {
    /// Takes in a batch, and offers it if nothing else is being judged.
    pub(super) fn admit(&mut self, batch: Batch<R>, turn: &mut Turn<'_, R>) {
        if let Some(judging) = &mut self.judging {
            // A server may send a response twice. An answer to the first would speak for the second, too.
            judging.answer.take_if(|answer| batch.answer.as_ref() == Some(answer));
        }
        match &mut self.queue {
            Some(queue) => queue.merge(batch, turn.rules.limits.detail),
            None => self.queue = Some(batch),
        }
        self.advance(turn);
    }

    /// Offers the next batch, unless one is being judged.
    fn advance(&mut self, turn: &mut Turn<'_, R>) {
        while self.judging.is_none() {
            let Some(batch) = self.queue.take() else { return };
            let judging = self.offer(batch, turn);
            if judging.outstanding.is_empty() {
                self.conclude(judging, turn);
            } else {
                self.judging = Some(judging);
            }
        }
    }

    fn offer(&mut self, batch: Batch<R>, turn: &mut Turn<'_, R>) -> Judging {
        let Batch { answer, version, changes, faults, whole, complete, useful } = batch;
        let outstanding = BTreeMap::new();
        let mut judging = Judging { answer, version, outstanding, faults, useful, complete };
        let mut removed = Vec::new();
        for (name, change) in changes {
            let Change::Update { version, ttl, resource } = change else {
                removed.push(name);
                continue;
            };
            self.entries.entry(name.clone()).or_insert_with(|| Entry::new(Interest::Covered));
            turn.disarm(self.initial_fetch(name.clone()));
            judging.outstanding.insert(name.clone(), Offered { version: version.clone(), ttl, orphan: false });
            let type_url = self.kind.type_url.clone();
            let ticket = Ticket { type_url: type_url.clone(), name: name.clone() };
            turn.actions.push(Action::Offer(Offer { ticket, type_url, name, version, resource }));
        }
        // Make before break.
        for name in removed {
            judging.useful = Usefulness::Something;
            self.withdraw(&name, Withdrawal::Removed, turn);
        }
        let held = |entry: &Entry| matches!(entry.standing, Standing::Held(_));
        if let Some(present) = whole {
            let absent = self.entries.iter().filter(|(name, entry)| held(entry) && !present.contains(*name));
            let absent: Vec<Name> = absent.map(|(name, _)| name.clone()).collect();
            absent.iter().for_each(|name| self.withdraw(name, Withdrawal::Absent, turn));
        }
        judging
    }

    /// Takes a verdict in; whether it was waited for.
    pub(super) fn judged(&mut self, name: &Name, verdict: Verdict, turn: &mut Turn<'_, R>) -> bool {
        let Some(mut judging) = self.judging.take() else { return false };
        let offered = judging.outstanding.remove(name);
        let awaited = offered.is_some();
        match (verdict, offered) {
            (_, None) => {}
            (Verdict::Applied, Some(offered)) if offered.orphan => {}
            (Verdict::Applied, Some(offered)) => {
                judging.useful = Usefulness::Something;
                self.hold(name, offered, turn);
            }
            (Verdict::Rejected(reason), Some(offered)) => {
                judging.faults.note(name.clone(), reason, turn.rules.limits.detail);
                if !offered.orphan {
                    self.refuse(name);
                }
            }
        }
        if judging.outstanding.is_empty() {
            self.conclude(judging, turn);
            self.advance(turn);
        } else {
            self.judging = Some(judging);
        }
        awaited
    }

    fn hold(&mut self, name: &Name, offered: Offered, turn: &mut Turn<'_, R>) {
        let entry = self.entries.entry(name.clone()).or_insert_with(|| Entry::new(Interest::Covered));
        entry.standing = Standing::Held(offered.version);
        self.live(name, offered.ttl, turn);
    }

    /// The newest of a name was no good. What is held stays; of a resource that only the wildcard covers and that has
    /// never been any good nothing is kept.
    pub(super) fn refuse(&mut self, name: &Name) {
        let unheld = |entry: &Entry| entry.interest == Interest::Covered && entry.standing == Standing::Awaited;
        if self.entries.get(name).is_some_and(unheld) {
            self.entries.remove(name);
        }
    }

    /// Gives a resource that is held its time to live.
    pub(super) fn live(&self, name: &Name, ttl: Option<Duration>, turn: &mut Turn<'_, R>) {
        let timer = self.time_to_live(name.clone());
        match ttl {
            Some(after) => turn.arm(timer, after),
            None => turn.disarm(timer),
        }
    }

    /// All verdicts are in: the response is answered, if it came on a stream that still is.
    fn conclude(&mut self, judging: Judging, turn: &mut Turn<'_, R>) {
        let clean = judging.faults.is_empty();
        if clean && !judging.version.is_empty() {
            self.accepted = Some(judging.version);
        }
        self.complete = if clean { self.complete || judging.complete } else { false };
        let Some(nonce) = judging.answer else { return };
        if judging.useful == Usefulness::Something {
            turn.link.failures = 0;
        }
        let outcome =
            if clean { Outcome::Applied } else { Outcome::Rejected(judging.faults.text(turn.rules.limits.detail)) };
        self.answer(nonce, outcome, turn);
    }
}
