//! The xDS stream protocol, state of the world and delta, as a pure state machine: no I/O, no clock, no resource type.
//!
//! A [`Machine`] is told what happened ([`Event`]) and says what to do ([`Action`]). It carries any number of kinds of
//! resource on one stream: one kind and one name for a secret, which is the only safe shape towards the Istio agent, or
//! clusters, endpoints, listeners and routes together on an aggregated stream. A resource is whatever the caller says;
//! the machine moves it from the response to the offer and never looks inside.
//!
//! ```text
//!                Subscribe                      Opened
//!        Idle ───────────────► Opening ───────────────────► Open
//!         ▲  Open                 │                           │
//!         │                       │ Closed                    │ Closed
//!         │ Fired(Backoff)        ▼                           ▼
//!         └──────────────────── Waiting ◄─────────────────────┘
//!           (Idle opens again if anything is wanted;            Arm(Backoff)
//!            Opening and Open close when nothing is)
//!
//!   of one resource:
//!
//!               Arrived               Judged(Applied)
//!      wanted ──────────► offered ───────────────────────► Held(version) ─┐ next Arrived:
//!     (Awaited)   Offer      │  ▲                             │   ▲       │ offered; stays Held
//!                            │  └─────────────────────────────│───┘◄──────┘ until Applied
//!            Judged(Rejected)│    Arrived                     │ removed, absent, expired
//!                            ▼                                ▼
//!               as it was before, NACK                       Gone, Withdraw
//!
//!   of one response: arrived ─► queued (merged, newest of each name) ─► judged ─► answered on the stream it came on
//! ```
//!
//! # What it promises
//!
//! Each is a test in `machine/tests/rules.rs`, and the first four are proved for all interleavings up to a bound by the
//! model checker in `machine/tests/model`, against the Istio agent's server and a delta server, with streams that break,
//! messages lost with them, duplicates, bad resources and late verdicts.
//!
//! 1. No update is lost. A name that is wanted comes to the newest good resource, whatever the order of events.
//! 2. Nothing is acknowledged that was not applied. A response that was overtaken before it could be judged is not
//!    answered; the answer to the newest speaks for those merged into it.
//! 3. What was applied last stays until something better is applied, or the server says that it is gone.
//! 4. After every fault there is progress: a stream that broke is opened again, for ever, with a capped, jittered wait.
//! 5. A nonce is used on the stream that it came on. Events of an older stream change nothing; a verdict that comes after
//!    its stream is gone counts for what is held, and answers nothing.
//! 6. Everything from outside is bounded by [`Limits`].
//!
//! # What it does not do
//!
//! It does not decode, compare or keep resources: the application is offered again what it has already, and judges by
//! content, for a version proves nothing across servers. It keeps no time: [`Action::Arm`] and [`Event::Fired`]. It does
//! not notice a stream that is open and dead: that is the transport's keep-alive. It does not know which status a stream
//! ended with means that another dialect should be tried.
//!
//! # Sources
//!
//! The protocol is `envoyproxy/envoy:docs/root/api-docs/xds_protocol.rst` ("ACK/NACK and resource type instance version",
//! "How the client specifies what resources to return", "Resource updates", "TTL", "Incremental xDS") and the comments of
//! `envoy/service/discovery/v3/discovery.proto`. What the Istio agent and istiod do beside it is
//! `istio/istio:pkg/xds/server.go` (`ShouldRespond`), `security/pkg/nodeagent/sds/sdsservice.go` and
//! `pilot/pkg/xds/delta.go`.

#![forbid(unsafe_code)]

mod action;
mod backoff;
mod event;
mod faults;
mod machine;
mod request;
mod rules;
mod text;
mod timer;

pub use action::{Action, Offer, Report, StreamId, Ticket, Withdrawal};
pub use backoff::{Backoff, Dice};
pub use event::{Body, Event, Resource, Response, Verdict};
pub use machine::{Machine, Phase, Standing};
pub use request::{DeltaRequest, Node, Request, WorldRequest};
pub use rules::{Absence, Dialect, Kind, Limits, Rules, Unrequested};
pub use text::{Name, Nonce, TypeUrl, Version};
pub use timer::Timer;
