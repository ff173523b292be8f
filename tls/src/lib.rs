//! The pluggable TLS layer: what a client offers, what a listener may negotiate, and handshakes over two engines.
//!
//! It knows certificates and keys, not files, configuration syntax or secret discovery.

pub mod error;
pub mod hello;
mod ja4;
pub mod policy;
pub mod prefixed;
pub mod protocol;
pub mod sniff;

pub use error::{
    Alert, AlertTable, Failure, Fault, HandshakeError, Mismatch, NeededCredential, PeerFault, Side, Stage,
};
pub use hello::{ClientHello, HelloError};
pub use policy::{Available, Family, Policy, PolicyName, PolicySpec};
pub use prefixed::Prefixed;
pub use protocol::{Engine, Group, Protocol, Scheme, Suite, Version};
pub use sniff::{First, SniffError, sniff};
