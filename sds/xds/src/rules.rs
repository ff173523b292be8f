//! What a stream is told once: its dialect, the kinds of resource it carries, and its bounds.

use crate::backoff::Backoff;
use crate::text::TypeUrl;
use std::time::Duration;

/// How the machine behaves, decided once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rules {
    /// The variant of the protocol that the stream speaks.
    pub dialect: Dialect,
    /// What the stream carries. First requests go out in this order, so put clusters before listeners. Of two kinds
    /// with one type URL the first counts.
    pub kinds: Vec<Kind>,
    /// How long to wait before a broken stream is opened again.
    pub backoff: Backoff,
    /// Bounds on what comes from outside.
    pub limits: Limits,
}

/// The two variants of the protocol over a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `DiscoveryRequest`: each request names everything that is wanted.
    StateOfTheWorld,
    /// `DeltaDiscoveryRequest`: requests and responses carry what changed.
    Delta,
}

/// One kind of resource on a stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Kind {
    /// Its type URL.
    pub type_url: TypeUrl,
    /// What it means that a state-of-the-world response leaves a resource out. Delta has a list for that.
    pub absence: Absence,
    /// What becomes of a resource that nobody asked for.
    pub unrequested: Unrequested,
    /// How long a name may go without an answer before [`Action::FetchTimedOut`](crate::Action::FetchTimedOut); `None`
    /// waits for ever.
    pub initial_fetch_timeout: Option<Duration>,
}

/// What it means that a state-of-the-world response leaves out a resource that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Absence {
    /// Nothing: the server sends what changed. Secrets, routes and endpoints; the Istio agent pushes one changed secret
    /// of several.
    Unchanged,
    /// The resource is gone: each response is the whole truth. Listeners and clusters.
    Removed,
}

/// What becomes of a resource that was never asked for on this stream. One that was asked for and then dropped is
/// always ignored: the server may have sent it before it knew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unrequested {
    /// It is ignored, as the protocol says.
    Ignore,
    /// It is rejected, as Envoy does for secrets: an answer under another name than the one asked for is a mistake
    /// that the server should hear of.
    Reject,
}

/// Bounds on what comes from outside. What exceeds them is rejected, or cut where it is only text for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Names subscribed to, per kind.
    pub names: usize,
    /// Resources in one response, names in one list of removals, and resources held under a wildcard, per kind.
    pub resources: usize,
    /// Bytes of a name, version or nonce.
    pub text: usize,
    /// Bytes of the reason in a rejection and of the reason a stream closed for.
    pub detail: usize,
}

impl Kind {
    /// A kind with the protocol's defaults: absence means nothing, the unrequested is ignored, 15 seconds for the first
    /// answer.
    pub fn new(type_url: impl Into<TypeUrl>) -> Self {
        Self {
            type_url: type_url.into(),
            absence: Absence::Unchanged,
            unrequested: Unrequested::Ignore,
            initial_fetch_timeout: Some(Duration::from_secs(15)),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { names: 10_000, resources: 100_000, text: 4096, detail: 4096 }
    }
}
