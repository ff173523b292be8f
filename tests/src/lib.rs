//! Harness of the end-to-end and interop tests: the real `jadegate` binary, real third-party peers, real sockets.
//!
//! - [`jadegate`] starts the proxy under test from a YAML text and talks to its admin address.
//! - [`nginx`] is the back end; [`peers`] finds the third-party programs that `tests/peers/build` made and knows their
//!   command lines; [`pki`] makes the certificates that both sides need.
//! - [`interop`] is the grid peer x protocol x suite x role x authentication, and the table it writes.
//! - [`load`] sends requests at a steady rate over all four protocols and remembers every failure.
//! - [`process`], [`net`] and [`wait`] hold what those need: processes that never outlive their guard, ports, bounded
//!   waits.
//!
//! Invariants: everything binds to loopback; every wait has an end; a peer that is missing is a loud skip, and a
//! failure when `JADEGATE_CI=1`.
//!
//! Not here: what the proxy should do. That is in `tests/e2e`, `tests/interop` and `tests/reliability`, one module per
//! scenario.

pub mod interop;
pub mod jadegate;
pub mod load;
pub mod net;
pub mod nginx;
pub mod peers;
pub mod pki;
pub mod process;
pub mod wait;
pub mod workspace;
