//! The proxy core.
//!
//! One writer (`reconcile`) makes immutable snapshots out of the configuration and the state of its secrets; one
//! single-threaded runtime per core serves connections from them; the admin, file watching and reconciliation live
//! on a runtime of their own.

pub mod access_log;
mod admin;
pub mod connection;
pub mod drain;
pub mod http;
pub mod limits;
mod listener;
pub mod metrics;
mod proxy;
pub mod reconcile;
pub mod reload;
pub mod snapshot;
mod status;
pub mod tasks;
pub mod tcp;
pub mod upstream;
pub mod worker;

pub use proxy::{Addresses, BoundAddress, Handle, Proxy, StartError};
