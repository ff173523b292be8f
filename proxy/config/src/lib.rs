//! The one model of listeners, chains and backends, and the YAML that fills it.
//!
//! [`model`] is plain data with every default applied: what the data plane needs, nothing of how it was written. Today
//! YAML fills it ([`parse`]); xDS will fill the same types. [`ChainTable`] picks the filter chain of a connection.
//!
//! Invariants: a [`Config`] exists only when nothing is wrong with the document it came from; all that is wrong is
//! reported at once, each [`Problem`] with its place and a way out; no text panics the parser or makes it use memory
//! beyond a bound. This crate reads no secret and opens no socket.

#![forbid(unsafe_code)]

mod chain_table;
mod document;
pub mod model;
mod parse;
mod path;
mod problem;
mod resolve;
mod schema;
mod suggest;
mod units;
mod yaml;

pub use chain_table::{ChainTable, ChainTableError, Facts};
pub use model::*;
pub use parse::{LoadError, load, parse, parse_bytes};
pub use problem::{Problem, Problems};
pub use schema::schema;
pub use yaml::MAX_BYTES;
