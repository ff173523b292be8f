//! Servers, as they are.

use super::world::{Secret, Truth};
use crate::*;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub(super) const KIND: &str = "type.test/Secret";

/// Whose rules a server follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Server {
    /// The Istio agent, state of the world (`istio/istio:pkg/xds/server.go`, `ShouldRespond`): a NACK is looked at no
    /// further, no names end the watch, a request without nonce or watch is always answered in full, another nonce than
    /// the last is stale and dropped, new names are answered alone, and a push carries what changed alone.
    Agent,
    /// The same, but a stream that begins with the current version is told nothing, as the protocol allows when no new
    /// name is subscribed to, which this one does not check.
    Skipping,
    /// State of the world for listeners and clusters: all of them, always; likewise silent on the current version.
    Whole,
    /// Delta by name, as istiod: a NACK or a stale nonce is looked at no further, held versions are not sent again.
    Delta,
    /// Delta, asked for all.
    DeltaAll,
}

/// What is wrong with a server that is meant to be caught.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Lapse {
    /// Does not push what changed.
    PushesNothing,
}

/// The server's end of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Session {
    stream: StreamId,
    watch: Option<Watch>,
    /// Delta: what the client is known to have.
    known: BTreeMap<Name, u8>,
    /// Names to be pushed.
    pub(super) dirty: BTreeSet<Name>,
    sent: u8,
    first: bool,
    /// Whether names were ever spelled out.
    spelled: bool,
    /// Towards the client.
    pub(super) down: VecDeque<Response<Secret>>,
    /// The last response, for a repetition.
    pub(super) last: Option<Response<Secret>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Watch {
    names: BTreeSet<Name>,
    nonce: Option<Nonce>,
}

impl Server {
    pub(super) fn dialect(self) -> Dialect {
        match self {
            Self::Agent | Self::Skipping | Self::Whole => Dialect::StateOfTheWorld,
            Self::Delta | Self::DeltaAll => Dialect::Delta,
        }
    }

    pub(super) fn absence(self) -> Absence {
        if self == Self::Whole { Absence::Removed } else { Absence::Unchanged }
    }

    /// Whether the client asks for all, by the wildcard.
    pub(super) fn all(self) -> bool {
        matches!(self, Self::Whole | Self::DeltaAll)
    }
}

impl Watch {
    fn covers(&self, name: &Name) -> bool {
        self.names.contains(name) || self.names.contains(&Name::wildcard())
    }
}

impl Session {
    pub(super) fn new(stream: StreamId) -> Self {
        Self {
            stream,
            watch: None,
            known: BTreeMap::new(),
            dirty: BTreeSet::new(),
            sent: 0,
            first: true,
            spelled: false,
            down: VecDeque::new(),
            last: None,
        }
    }

    /// A resource has changed.
    pub(super) fn changed(&mut self, name: &Name) {
        if self.watch.as_ref().is_some_and(|watch| watch.covers(name)) {
            self.dirty.insert(name.clone());
        }
    }

    pub(super) fn receive(&mut self, request: Request, server: Server, truth: &Truth) {
        match request {
            Request::World(request) if server == Server::Whole => self.receive_whole(&request, truth),
            Request::World(request) => self.receive_world(&request, server, truth),
            Request::Delta(request) => self.receive_delta(&request, server, truth),
        }
        self.first = false;
    }

    fn receive_world(&mut self, request: &WorldRequest, server: Server, truth: &Truth) {
        if request.error.is_some() {
            return;
        }
        if request.names.is_empty() {
            self.watch = None;
            self.dirty.clear();
            return;
        }
        let names: BTreeSet<Name> = request.names.iter().cloned().collect();
        let skips = server == Server::Skipping && self.first && request.version == Some(truth.version());
        match &mut self.watch {
            Some(watch) if request.nonce.is_some() => {
                if request.nonce != watch.nonce {
                    return;
                }
                let added: BTreeSet<Name> = names.difference(&watch.names).cloned().collect();
                watch.names = names;
                if !added.is_empty() {
                    self.send(&added, server, truth);
                }
            }
            _ => {
                let nonce = self.watch.take().and_then(|watch| watch.nonce);
                self.watch = Some(Watch { names: names.clone(), nonce });
                if !skips {
                    self.send(&names, server, truth);
                }
            }
        }
    }

    fn receive_whole(&mut self, request: &WorldRequest, truth: &Truth) {
        if request.error.is_some() {
            return;
        }
        let mut names: BTreeSet<Name> = request.names.iter().cloned().collect();
        self.spelled |= !names.is_empty();
        if names.is_empty() && self.spelled {
            self.watch = None;
            self.dirty.clear();
            return;
        }
        if names.is_empty() {
            names.insert(Name::wildcard());
        }
        let added = match &mut self.watch {
            Some(watch) if request.nonce.is_some() => {
                if request.nonce != watch.nonce {
                    return;
                }
                let added = !names.is_subset(&watch.names);
                watch.names = names;
                added
            }
            watch => {
                let nonce = watch.take().and_then(|watch| watch.nonce);
                *watch = Some(Watch { names, nonce });
                request.version != Some(truth.version())
            }
        };
        if added {
            self.send(&BTreeSet::new(), Server::Whole, truth);
        }
    }

    fn receive_delta(&mut self, request: &DeltaRequest, server: Server, truth: &Truth) {
        let stale =
            request.nonce.is_some() && request.nonce != self.watch.as_ref().and_then(|watch| watch.nonce.clone());
        if request.error.is_some() || stale {
            return;
        }
        for (name, version) in &request.initial_versions {
            self.known.insert(name.clone(), version.as_str().parse().unwrap_or_default());
        }
        let watch = self.watch.get_or_insert_with(|| Watch { names: BTreeSet::new(), nonce: None });
        let mut wanted: BTreeSet<Name> = request.subscribe.iter().cloned().collect();
        if self.first && wanted.is_empty() {
            wanted.insert(Name::wildcard());
        }
        watch.names.extend(wanted.iter().cloned());
        request.unsubscribe.iter().for_each(|name| _ = watch.names.remove(name));
        self.dirty.retain(|name| watch.covers(name));
        if wanted.remove(&Name::wildcard()) {
            wanted.extend(truth.names().chain(self.known.keys().cloned()));
        }
        // A name that the wildcard may still cover: the client has to be told.
        wanted.extend(request.unsubscribe.iter().filter(|name| watch.covers(name)).cloned());
        if self.first {
            // Only here may the server leave out what the client has; what does not exist it says.
            wanted.retain(|name| truth.secret(name).is_none() || self.known.get(name) != truth.serial(name).as_ref());
        }
        if !wanted.is_empty() {
            self.send(&wanted, server, truth);
        }
    }

    /// Pushes one name, or where the kind has it so all.
    pub(super) fn push(&mut self, name: &Name, server: Server, lapse: Option<Lapse>, truth: &Truth) {
        self.dirty.remove(name);
        if server == Server::Whole {
            self.dirty.clear();
        }
        if lapse != Some(Lapse::PushesNothing) {
            self.send(&BTreeSet::from([name.clone()]), server, truth);
        }
    }

    fn send(&mut self, names: &BTreeSet<Name>, server: Server, truth: &Truth) {
        self.sent += 1;
        let nonce = Nonce::from(format!("{}.{}", self.stream, self.sent));
        let covered = |name: &Name| self.watch.as_ref().is_some_and(|watch| watch.covers(name));
        let all: BTreeSet<Name> = truth.names().filter(covered).collect();
        let names = if server == Server::Whole { &all } else { names };
        names.iter().for_each(|name| _ = self.dirty.remove(name));
        let found = names.iter().filter_map(|name| Some((name.clone(), truth.secret(name)?)));
        let resources: Vec<Resource<Secret>> = found
            .map(|(name, secret)| {
                let version = match server.dialect() {
                    Dialect::StateOfTheWorld => Version::from(""),
                    Dialect::Delta => Version::from(secret.serial.to_string()),
                };
                Resource { name, version, ttl: None, body: Body::Value(secret) }
            })
            .collect();
        let removed = match server.dialect() {
            Dialect::StateOfTheWorld => Vec::new(),
            Dialect::Delta => names.iter().filter(|name| truth.secret(name).is_none()).cloned().collect(),
        };
        if let Some(watch) = &mut self.watch {
            watch.nonce = Some(nonce.clone());
        }
        let response = Response { type_url: KIND.into(), version: truth.version(), nonce, resources, removed };
        self.last = Some(response.clone());
        self.down.push_back(response);
    }
}
