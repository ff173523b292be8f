//! What the machine asks for.

use crate::request::Request;
use crate::text::{Name, TypeUrl, Version};
use crate::timer::Timer;
use std::fmt;
use std::time::Duration;

/// Something to do, in the order given.
#[derive(Debug, PartialEq, Eq)]
pub enum Action<R> {
    /// Open a stream and say [`Opened`](crate::Event::Opened) or [`Closed`](crate::Event::Closed). For a Unix socket dial
    /// its path anew: a restarted server has replaced the socket.
    Open {
        /// The name of the attempt, and of the stream that it becomes.
        stream: StreamId,
    },
    /// Close the stream, or give the attempt up, before anything else is done: there are never two at once.
    Close {
        /// Which one.
        stream: StreamId,
    },
    /// Send a request.
    Send {
        /// On this stream.
        stream: StreamId,
        /// The request.
        request: Request,
    },
    /// Judge a resource and say [`Judged`](crate::Event::Judged).
    Offer(Offer<R>),
    /// A resource is no more, or a name that was asked for does not exist. What to do is the application's to decide; a
    /// secret that works is kept.
    Withdraw {
        /// The kind of resource.
        type_url: TypeUrl,
        /// Its name.
        name: Name,
        /// How that is known.
        cause: Withdrawal,
    },
    /// A name has not been answered in time. The subscription stands.
    FetchTimedOut {
        /// The kind of resource.
        type_url: TypeUrl,
        /// Its name, or the wildcard.
        name: Name,
    },
    /// Let the timer fire after this time; if it is armed, from now on only then.
    Arm {
        /// Which timer.
        timer: Timer,
        /// How long from now.
        after: Duration,
    },
    /// Let the timer fire no more.
    Disarm(Timer),
    /// Something to log or count.
    Report(Report),
}

/// A resource to be judged.
///
/// Every offer wants one verdict, soon, and for itself alone: the resources that the server sends afterwards wait for
/// it. Half of a pair that waits for its other half has been applied when it has been checked. A resource of which the
/// application already has the very same content is applied: servers send again what has not changed.
#[derive(Debug, PartialEq, Eq)]
pub struct Offer<R> {
    /// To be given back with the verdict.
    pub ticket: Ticket,
    /// The kind of resource.
    pub type_url: TypeUrl,
    /// Its name.
    pub name: Name,
    /// Its version.
    pub version: Version,
    /// The resource.
    pub resource: R,
}

/// The right to one verdict. It cannot be copied, so no verdict can be given twice.
#[must_use = "the stream waits for the verdict on every offer"]
#[derive(Debug, PartialEq, Eq)]
pub struct Ticket {
    pub(crate) type_url: TypeUrl,
    pub(crate) name: Name,
}

/// Which stream, of all that one machine has opened. No two have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StreamId(pub(crate) u64);

/// How it is known that a resource is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Withdrawal {
    /// The server listed it as removed; in delta also the answer to a name that does not exist.
    Removed,
    /// A response that is the whole truth does not have it. Of a name that was dropped and is wanted again it may be the
    /// truth of the time between: then it is offered again.
    Absent,
    /// Its time to live ran out.
    Expired,
}

/// Something that is not the application's business but the operator's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// A response of a type that the stream does not carry, or has not asked for.
    UnaskedType {
        /// The type.
        type_url: TypeUrl,
    },
    /// A resource that nobody asked for, ignored.
    Unrequested {
        /// The kind of resource.
        type_url: TypeUrl,
        /// Its name.
        name: Name,
    },
    /// A response whose nonce is absent or longer than the limit. Its resources are used, but it is not answered: with
    /// an empty nonce the answer would be a new question, to be answered, and so on for ever.
    Unanswerable {
        /// The kind of resource.
        type_url: TypeUrl,
    },
    /// A name that cannot be subscribed to: empty, longer than the limit, or one too many.
    NameRefused {
        /// The kind of resource.
        type_url: TypeUrl,
        /// The name.
        name: Name,
    },
    /// A verdict on something that is not being judged, from the ticket of another machine.
    StrayVerdict {
        /// The kind of resource.
        type_url: TypeUrl,
        /// Its name.
        name: Name,
    },
}

impl Ticket {
    /// The kind of the resource to be judged.
    pub fn type_url(&self) -> &TypeUrl {
        &self.type_url
    }

    /// The name of the resource to be judged.
    pub fn name(&self) -> &Name {
        &self.name
    }
}

impl Withdrawal {
    /// A word for logs and metrics.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Absent => "absent",
            Self::Expired => "expired",
        }
    }
}

impl Report {
    /// A word for logs and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::UnaskedType { .. } => "unasked_type",
            Self::Unrequested { .. } => "unrequested",
            Self::Unanswerable { .. } => "unanswerable",
            Self::NameRefused { .. } => "name_refused",
            Self::StrayVerdict { .. } => "stray_verdict",
        }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
