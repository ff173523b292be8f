//! The pluggable TLS layer: what a client offers, what a listener may negotiate, and handshakes over two engines.
//!
//! It knows certificates and keys, not files, configuration syntax or secret discovery.

pub mod acceptor;
pub mod connector;
pub mod error;
mod farewell;
#[cfg(test)]
mod fixtures;
pub mod hello;
mod ja4;
pub mod negotiated;
pub mod policy;
pub mod prefixed;
pub mod protocol;
pub mod server;
mod sm;
pub mod sniff;
mod standard;
pub mod stream;
pub mod tickets;
pub mod trust;

/// What is known of the linked Tongsuo, and the check that the process makes before it serves.
pub use jadegate_tongsuo::library;

pub use acceptor::{AcceptLimits, Accepted, Acceptor, NoChain, Offer, Selection};
pub use connector::{ClientOptions, ClientProtocol, Connected, Connector, ServerVerification, SessionReuse};
pub use error::{
    Alert, AlertTable, Failure, Fault, HandshakeError, Mismatch, NeededCredential, PeerFault, RefusedCertificate, Side,
    Stage,
};
pub use hello::{ClientHello, HelloError};
pub use negotiated::{Negotiated, Peer};
pub use policy::{Available, Family, Policy, PolicyName, PolicySpec};
pub use prefixed::Prefixed;
pub use protocol::{Engine, Group, Protocol, Scheme, Suite, Version};
pub use server::{ClientAuth, ContextError, EngineChoice, Resumption, RevocationDepth, ServerContext, ServerOptions};
pub use sniff::{First, SniffError, sniff};
pub use stream::Stream;
pub use tickets::{TicketRing, TicketRotation};
pub use trust::{Trust, TrustError};
