//! One file per command.

pub(crate) mod certs;
pub(crate) mod check;
pub(crate) mod probe;
pub(crate) mod quickstart;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod version;
