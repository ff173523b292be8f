//! The standard engine: rustls over aws-lc-rs, TLS 1.2 and 1.3, server and client.
//!
//! What rustls decides: the protocol itself, suites and groups within the policy, handshake signatures. What we decide:
//! which certificate is served, who the peer is (path building by webpki, then the project's own rules), what may be
//! resumed, and what each failure is called. Early data is never accepted nor sent; renegotiation does not exist in
//! rustls; KeyUpdate is answered by it. Suites are chosen in the policy's order; among groups that the policy allows
//! rustls follows the client's order.
//!
//! Everything that a single handshake learns (the peer, the reason of a refusal, the signature scheme) is kept in an
//! `Attempt` that belongs to that handshake's future, because rustls configurations are shared by all of them.

mod attempt;
mod certificates;
mod client;
mod failure;
mod provider;
mod server;
mod sessions;
mod verification;
mod verifier;

pub(crate) use certificates::Usable;
pub(crate) use client::ClientSide;
pub(crate) use server::ServerSide;
