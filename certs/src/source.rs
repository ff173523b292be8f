//! Where secrets come from: files and inline bytes, watched and judged before anybody uses them.

mod changes;
mod files;
mod resolve;
mod spec;

pub use spec::{CredentialInput, CredentialSpec, Input, PairSpec, SecretSpec, TicketKeysSpec, TrustSpec};
