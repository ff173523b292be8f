//! What the server has been told on the stream, and what it has to be told.
//!
//! State of the world has a race in it: a request with a nonce that is no longer the newest is dropped by the server,
//! with the change of names that it carries, and the client cannot see that it was. It can happen to any request with a
//! nonce, while a push is under way. What helps is that the push itself wants an answer:
//!
//! - every answer carries all names, so an ACK repairs what was dropped before it;
//! - the Istio agent looks at nothing else in a NACK (`istio/istio:pkg/xds/server.go`, `ShouldRespond`), so a NACK is
//!   followed by a request for the names that may not have come through;
//! - a name that was dropped and is wanted again looks to the server as if nothing had changed, so it is asked for
//!   without a nonce, like the first time: such a request is never stale.
//!
//! Delta says changes of names and answers in requests of their own, the former without a nonce: the protocol would have
//! a server honour changes even beside a stale nonce, istiod does not.

use super::Turn;
use super::judgement::{Batch, Judging};
use super::subscription::Subscription;
use crate::machine::Standing;
use crate::request::{DeltaRequest, Node, Request, WorldRequest};
use crate::rules::Dialect;
use crate::text::{Name, Nonce, TypeUrl, Version};
use std::collections::{BTreeMap, BTreeSet};

/// What has been said about one kind on one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Wire {
    /// The names last said, once something was.
    pub(super) said: Option<BTreeSet<Name>>,
    /// The newest nonce received.
    pub(super) nonce: Option<Nonce>,
    /// Whether names were ever spelled out; until then none means all.
    spelled: bool,
    /// Whether what is wanted has changed since the stream was first told. A response may be to either.
    pub(super) moved: bool,
    /// Whether what is wanted may differ from what was said.
    changed: bool,
    /// Names said and then dropped.
    dropped: Dropped,
    /// Whether all is wanted from now on, on a stream where something was dropped. What is under way from before cannot be
    /// told from what comes after, and of what was removed in between the server says nothing: only a new stream is clear.
    pub(super) muddled: bool,
    /// Whether one of those is wanted again, which the server cannot see from the names.
    again: bool,
    /// State of the world: names said beside a nonce, so perhaps to nobody, and not heard of since.
    doubtful: BTreeSet<Name>,
}

/// Names that were dropped on this stream, as many as a bound allows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Dropped {
    These(BTreeSet<Name>),
    /// Too many to remember: it may have been any.
    Any,
}

/// What an answer says.
pub(super) enum Outcome {
    Applied,
    Rejected(String),
}

impl Default for Dropped {
    fn default() -> Self {
        Self::These(BTreeSet::new())
    }
}

impl Wire {
    /// A name is wanted from now on.
    pub(super) fn wanted(&mut self, name: &Name) {
        self.changed = true;
        self.moved |= self.said.is_some();
        self.again |= self.was_dropped(name);
        self.muddled |= name.is_wildcard() && self.dropped != Dropped::default();
    }

    /// A name is wanted no more.
    pub(super) fn unwanted(&mut self, name: &Name, limit: usize) {
        self.changed = true;
        self.moved |= self.said.is_some();
        self.doubtful.remove(name);
        if !self.said.as_ref().is_some_and(|said| said.contains(name)) {
            return;
        }
        match &mut self.dropped {
            Dropped::These(names) if names.len() < limit => {
                names.insert(name.clone());
            }
            dropped => *dropped = Dropped::Any,
        }
    }

    /// Whether the server may still believe that a name is wanted that is not.
    pub(super) fn was_dropped(&self, name: &Name) -> bool {
        match &self.dropped {
            Dropped::These(names) => names.contains(name) || names.contains(&Name::wildcard()),
            Dropped::Any => true,
        }
    }

    /// The server has sent this resource, so it knows that it is wanted.
    pub(super) fn heard(&mut self, name: &Name) {
        self.doubtful.remove(name);
        if !self.said.as_ref().is_some_and(|said| said.contains(name)) {
            self.doubtful.remove(&Name::wildcard());
        }
    }

    /// Takes note that these names have been said, beside a nonce or not.
    fn say(&mut self, names: BTreeSet<Name>, nonce: Option<&Nonce>) {
        match (nonce, &self.said) {
            (Some(_), Some(said)) => self.doubtful.extend(names.difference(said).cloned()),
            _ => self.doubtful.clear(),
        }
        self.said = Some(names);
        self.changed = false;
    }

    /// Names as they are written: none for all, as long as that can be said so, which is how Envoy says it.
    fn spell(&mut self, names: &BTreeSet<Name>) -> Vec<Name> {
        let all_alone = names.len() == 1 && names.contains(&Name::wildcard());
        if all_alone && !self.spelled {
            return Vec::new();
        }
        self.spelled |= !names.is_empty();
        names.iter().cloned().collect()
    }
}

impl<R> Subscription<R> {
    /// Says what is wanted, if that has not been said yet.
    pub(super) fn tell(&mut self, turn: &mut Turn<'_, R>) {
        match turn.rules.dialect {
            Dialect::StateOfTheWorld => self.tell_world(turn),
            Dialect::Delta => self.tell_delta(turn),
        }
    }

    fn tell_world(&mut self, turn: &mut Turn<'_, R>) {
        if self.wire.said.is_none() {
            if self.is_wanted() {
                self.request_world(None, turn);
            }
            return;
        }
        // `DiscoveryRequest.version_info`: no new request between a response and its answer. It would look like one.
        let owes = |answer: Option<&Nonce>| answer.is_some();
        let owes = owes(self.judging.as_ref().and_then(|judging| judging.answer.as_ref()))
            || owes(self.queue.as_ref().and_then(|queue| queue.answer.as_ref()));
        if !self.wire.changed || owes {
            return;
        }
        if std::mem::take(&mut self.wire.again) {
            self.request_world(None, turn);
        } else if self.wire.said.as_ref() != Some(&self.wanted()) {
            self.request_world(self.wire.nonce.clone(), turn);
        } else {
            self.wire.changed = false;
        }
    }

    /// Asks for everything that is wanted.
    fn request_world(&mut self, nonce: Option<Nonce>, turn: &mut Turn<'_, R>) {
        let wanted = self.wanted();
        if wanted.is_empty() && !self.wire.spelled {
            // All was wanted, in the form that has no word for "nothing". What the server sends is ignored.
            self.wire.say(wanted, None);
            return;
        }
        let version = if nonce.is_some() { self.accepted.clone() } else { self.resumed_version() };
        let names = self.wire.spell(&wanted);
        self.wire.say(wanted, nonce.as_ref());
        let type_url = self.kind.type_url.clone();
        turn.send(|node| Request::World(WorldRequest { type_url, node, version, nonce, names, error: None }));
    }

    /// The version to begin a stream with: that of the last whole truth, if it was the truth for just what is wanted and
    /// all of it is held. A server that has the same version may send nothing. Where a response carries what changed, its
    /// version vouches for nothing else, so none is said, and the server sends everything once more.
    fn resumed_version(&self) -> Option<Version> {
        let held = || self.entries.values().all(|entry| matches!(entry.standing, Standing::Held(_)));
        self.accepted.clone().filter(|_| self.complete && held())
    }

    fn tell_delta(&mut self, turn: &mut Turn<'_, R>) {
        if self.wire.said.is_some() && !self.wire.changed {
            return;
        }
        let wanted = self.wanted();
        let (subscribe, unsubscribe, initial_versions) = match &self.wire.said {
            None if wanted.is_empty() => return,
            None => (self.wire.spell(&wanted), Vec::new(), self.known_versions()),
            Some(said) => {
                let subscribe: Vec<Name> = wanted.difference(said).cloned().collect();
                (subscribe, said.difference(&wanted).cloned().collect(), Vec::new())
            }
        };
        let first = self.wire.said.is_none();
        self.wire.say(wanted, None);
        if !first && subscribe.is_empty() && unsubscribe.is_empty() {
            return;
        }
        let type_url = self.kind.type_url.clone();
        turn.send(|node| {
            Request::Delta(DeltaRequest {
                type_url,
                node,
                subscribe,
                unsubscribe,
                initial_versions,
                nonce: None,
                error: None,
            })
        });
    }

    /// What the application holds, and under the wildcard also what it may come to hold: of a resource that is on its
    /// way through judgement the server must be told that it is known, or its removal would never be heard of. It is
    /// said with an empty version, which no resource has, so it is sent again.
    fn known_versions(&self) -> Vec<(Name, Version)> {
        let held = self.entries.iter().filter_map(|(name, entry)| match &entry.standing {
            Standing::Held(version) => Some((name.clone(), version.clone())),
            Standing::Awaited | Standing::Gone => None,
        });
        let mut known: BTreeMap<Name, Version> = held.filter(|(_, version)| !version.is_empty()).collect();
        if self.wildcard {
            let coming = self.judging.iter().flat_map(Judging::coming).chain(self.queue.iter().flat_map(Batch::coming));
            coming.for_each(|name| _ = known.entry(name.clone()).or_insert_with(|| Version::from("")));
        }
        known.into_iter().collect()
    }

    /// Answers a response.
    pub(super) fn answer(&mut self, nonce: Nonce, outcome: Outcome, turn: &mut Turn<'_, R>) {
        let error = match outcome {
            Outcome::Applied => None,
            Outcome::Rejected(reason) => Some(reason),
        };
        match turn.rules.dialect {
            Dialect::StateOfTheWorld => self.answer_world(nonce, error, turn),
            Dialect::Delta => {
                let type_url = self.kind.type_url.clone();
                turn.send(|node| Request::Delta(delta_answer(type_url, node, nonce, error)));
            }
        }
    }

    fn answer_world(&mut self, nonce: Nonce, error: Option<String>, turn: &mut Turn<'_, R>) {
        let wanted = self.wanted();
        let names = self.wire.spell(&wanted);
        let newest = self.wire.nonce.as_ref() == Some(&nonce);
        let rejected = error.is_some();
        let (type_url, version) = (self.kind.type_url.clone(), self.accepted.clone());
        let answered = Some(nonce.clone());
        turn.send(|node| Request::World(WorldRequest { type_url, node, version, nonce: answered, names, error }));
        if !newest {
            return;
        }
        if !rejected {
            self.wire.say(wanted, Some(&nonce));
            self.wire.changed = self.wire.again;
        } else if !self.wire.again && (self.wire.said.as_ref() != Some(&wanted) || !self.wire.doubtful.is_empty()) {
            self.request_world(Some(nonce), turn);
        }
    }
}

fn delta_answer(type_url: TypeUrl, node: Node, nonce: Nonce, error: Option<String>) -> DeltaRequest {
    let (subscribe, unsubscribe, initial_versions) = (Vec::new(), Vec::new(), Vec::new());
    DeltaRequest { type_url, node, subscribe, unsubscribe, initial_versions, nonce: Some(nonce), error }
}
