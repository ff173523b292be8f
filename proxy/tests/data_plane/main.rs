//! The data plane from outside: a real proxy in this process, sockets on loopback.

mod admin;
mod drain;
mod reload;
mod rotation;
mod support;
mod tcp;
