//! The data path from outside: real sockets, a client on one side, a backend on the other.

pub(super) mod harness;

mod abuse;
mod bodies;
mod endings;
mod floods;
mod messages;
mod pools;
mod versions;
