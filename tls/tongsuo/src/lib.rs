//! Safe TLCP and SM calls that the openssl crate lacks.
//!
//! The openssl crate, linked to Tongsuo, gives contexts, certificates, keys and streams. This crate adds what only
//! Tongsuo has: TLCP contexts with a sign and an enc certificate ([`context`]), the strict RFC 8998 mode, tickets
//! protected with SM4 and SM3 ([`tickets`]), the alerts and parameters of a handshake ([`trace`], [`parameters`]) and
//! the start-up check of the library itself ([`library`]).
//!
//! Invariants
//! - All of the project's `unsafe` for TLS is here; no raw pointer in a public signature.
//! - TLCP contexts are always *forced*: Tongsuo's own protocol detection is never switched on, because it reads ahead
//!   through a second BIO (a hang or worse with any asynchronous stream).
//! - The C name `ntls` does not leave this crate and `tongsuo-sys`.
//!
//! Not here: policy, verification rules, which certificate to serve. `tls` decides those.

#![expect(unsafe_code, reason = "this crate exists to hold the calls into Tongsuo")]

pub mod context;
pub mod library;
pub mod parameters;
pub mod sessions;
pub mod store;
pub mod tickets;
pub mod trace;
pub mod verification;

pub use openssl;
