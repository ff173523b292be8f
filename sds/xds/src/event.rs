//! What the machine is told.

use crate::action::{StreamId, Ticket};
use crate::backoff::Dice;
use crate::text::{Name, Nonce, TypeUrl, Version};
use crate::timer::Timer;
use std::fmt;
use std::time::Duration;

/// Something that happened.
#[derive(Debug)]
pub enum Event<R> {
    /// The application wants these resources from now on; [`Name::wildcard`] wants all. Names that it wants already
    /// change nothing.
    Subscribe {
        /// The kind of resource.
        type_url: TypeUrl,
        /// Which of them.
        names: Vec<Name>,
    },
    /// The application has forgotten these resources. When nothing is wanted any more the stream is closed, so to move
    /// from one name to another subscribe first.
    Unsubscribe {
        /// The kind of resource.
        type_url: TypeUrl,
        /// Which of them.
        names: Vec<Name>,
    },
    /// The stream asked for by [`Action::Open`](crate::Action::Open) is open.
    Opened {
        /// Which stream.
        stream: StreamId,
    },
    /// The stream could not be opened, ended or broke. Each stream closes once; one that the machine closed itself need
    /// not be reported.
    Closed {
        /// Which stream.
        stream: StreamId,
        /// Why, for [`Machine::last_close`](crate::Machine::last_close).
        reason: String,
        /// For the jitter of the wait that follows.
        dice: Dice,
    },
    /// The server sent something.
    Arrived {
        /// On which stream; late arrivals of a stream that is no more are ignored.
        stream: StreamId,
        /// What.
        response: Response<R>,
    },
    /// The application has judged what it was offered.
    Judged {
        /// The ticket that came with the offer.
        ticket: Ticket,
        /// What became of the resource.
        verdict: Verdict,
    },
    /// A timer ran out. Only one that is armed can; the machine ignores any other.
    Fired(Timer),
}

/// A `DiscoveryResponse` or a `DeltaDiscoveryResponse`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Response<R> {
    /// `type_url`.
    pub type_url: TypeUrl,
    /// `version_info`; in delta `system_version_info`, which decides nothing.
    pub version: Version,
    /// `nonce`.
    pub nonce: Nonce,
    /// `resources`.
    pub resources: Vec<Resource<R>>,
    /// `removed_resources`; empty in state of the world.
    pub removed: Vec<Name>,
}

/// One resource of a response.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Resource<R> {
    /// Its name; empty when it could not be read.
    pub name: Name,
    /// Its own version; when it has none, in state of the world, the response's counts.
    pub version: Version,
    /// How long it holds unless it is sent again.
    pub ttl: Option<Duration>,
    /// What it is.
    pub body: Body<R>,
}

/// What a resource carries. Its `Debug` shows no payload, which may be a private key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Body<R> {
    /// A resource, decoded by whoever reads the stream, not yet judged.
    Value(R),
    /// No resource: only the time to live of the one that is held.
    Heartbeat,
    /// Something that could not be decoded, and why.
    Malformed(String),
}

/// What the application did with a resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It is in use, or has been checked and stands ready.
    Applied,
    /// It is not used and the one before it stays, for this reason, which the server is told.
    Rejected(String),
}

impl<R> fmt::Debug for Body<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(_) => f.write_str("Value(…)"),
            Self::Heartbeat => f.write_str("Heartbeat"),
            Self::Malformed(reason) => f.debug_tuple("Malformed").field(reason).finish(),
        }
    }
}
