//! The proxy core.
//!
//! One writer (`reconcile`) makes immutable snapshots out of the configuration and the state of its secrets; one
//! single-threaded runtime per core serves connections from them; the admin, file watching and reconciliation live
//! on a runtime of their own.

pub mod access_log;
pub mod connection;
pub mod drain;
pub mod http;
pub mod limits;
mod listener;
pub mod metrics;
pub mod snapshot;
pub mod tasks;
pub mod tcp;
pub mod upstream;
pub mod worker;
