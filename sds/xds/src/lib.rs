//! The xDS stream protocol, state of the world and delta, as a pure state machine: no I/O, no clock, no resource type.
//!
//! A [`Machine`] is told what happened ([`Event`]) and says what to do ([`Action`]). It carries any number of kinds of
//! resource on one stream: one kind and one name for a secret, which is the only safe shape towards the Istio agent, or
//! clusters, endpoints, listeners and routes together on an aggregated stream. A resource is whatever the caller says;
//! the machine moves it from the response to the offer and never looks inside.
//!
//! ```text
//! the stream      Subscribe: Open            Opened: Send
//!           Idle ─────────────────► Opening ───────────────► Open
//!             ▲                        │                       │
//!             │ Fired(Backoff)         │ Closed: Arm(Backoff)  │ Closed: Arm(Backoff)
//!             └────────────────────────┴──────── Waiting ◄─────┘
//!           Idle opens at once if anything is wanted; Opening and Open close when nothing is.
//!
//! a response      Arrived          one batch at a time       all verdicts in
//!           ─────────────► queued ─────────────────► judged ─────────────────► ACK or NACK, if the stream
//!              checked      merged, the newest of     Offer each                 that it came on still is
//!                           each name
//!
//! a resource      Judged(Applied)               removed, absent, expired
//!        Awaited ─────────────────► Held(version) ───────────────────► Gone: Withdraw
//!          │  ▲                       │  ▲                              │
//!          └──┘ Judged(Rejected)      └──┘ Judged(Rejected), and        └─► Held by Judged(Applied)
//!                                          the new version by Judged(Applied)
//! ```
//!
//! # What it promises
//!
//! Each is a test in `machine/tests/rules`, and all but the last are proved for every interleaving up to a bound by the
//! model checker in `machine/tests/model`, against the Istio agent's server, a server of whole truths and delta servers,
//! with streams that break, messages lost with them, late or repeated, bad resources, late verdicts, and names that come
//! and go. Random ways far beyond the bound go the same course.
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
//! # How it is driven
//!
//! Whoever owns the stream hands events in, one at a time, and does what the actions say, in their order.
//!
//! ```
//! use jadegate_xds::*;
//!
//! let rules = Rules {
//!     dialect: Dialect::StateOfTheWorld,
//!     kinds: vec![Kind::new("type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret")],
//!     backoff: Backoff::default(),
//!     limits: Limits::default(),
//! };
//! let type_url = rules.kinds[0].type_url.clone();
//! let mut machine: Machine<Vec<u8>> = Machine::new(rules);
//!
//! let actions = machine.handle(Event::Subscribe { type_url: type_url.clone(), names: vec!["default".into()] });
//! let Some(&Action::Open { stream }) = actions.last() else { panic!("a stream is wanted") };
//! let actions = machine.handle(Event::Opened { stream });
//! assert!(matches!(&actions[..], [Action::Send { request, .. }] if request.node() == Node::Include));
//!
//! let secret =
//!     Resource { name: "default".into(), version: "".into(), ttl: None, body: Body::Value(b"PEM".to_vec()) };
//! let response = Response {
//!     type_url: type_url.clone(),
//!     version: "7".into(),
//!     nonce: "n1".into(),
//!     resources: vec![secret],
//!     removed: Vec::new(),
//! };
//! for action in machine.handle(Event::Arrived { stream, response }) {
//!     if let Action::Offer(Offer { ticket, resource, .. }) = action {
//!         assert_eq!(resource, b"PEM");
//!         let answer = machine.handle(Event::Judged { ticket, verdict: Verdict::Applied });
//!         assert!(matches!(&answer[..], [Action::Send { request, .. }] if request.error().is_none()));
//!     }
//! }
//! assert_eq!(machine.standing(&type_url, &"default".into()), Some(&Standing::Held("7".into())));
//! ```
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
//! `pilot/pkg/xds/delta.go`. Where the machine knowingly does otherwise than the protocol's text:
//!
//! - a response that was overtaken before it was judged is not answered (`machine/judgement.rs`);
//! - a new stream begins with a version only where responses are the whole truth and all of the last is held; a version
//!   that came with one secret vouches for no other (`machine/wire.rs`);
//! - a name dropped and wanted again on one state-of-the-world stream is asked for without a nonce (`machine/wire.rs`);
//! - a stream on which something was dropped is closed and opened anew when all is wanted (`machine/wire.rs`);
//! - delta says names and answers in requests of their own (`machine/wire.rs`).

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
