//! The data plane from outside: a real proxy in this process, sockets on loopback.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod admin;
mod drain;
mod http;
mod reload;
mod rotation;
mod support;
mod tcp;
