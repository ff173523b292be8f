//! The real binary under abuse, shortage and change: nothing is lost, nothing leaks, nobody else notices.
//!
//! One module per promise. Counts are small enough for an unoptimised build on two cores; `JADEGATE_FULL=1` runs the
//! counts that are written beside them.

#[path = "reliability/ground.rs"]
mod ground;

#[path = "reliability/amplification.rs"]
mod amplification;
#[path = "reliability/backends.rs"]
mod backends;
#[path = "reliability/bytes.rs"]
mod bytes;
#[path = "reliability/churn.rs"]
mod churn;
#[path = "reliability/downgrade.rs"]
mod downgrade;
#[path = "reliability/drain.rs"]
mod drain;
#[path = "reliability/files.rs"]
mod files;
#[path = "reliability/first_bytes.rs"]
mod first_bytes;
#[path = "reliability/floods.rs"]
mod floods;
#[path = "reliability/idle.rs"]
mod idle;
#[path = "reliability/memory.rs"]
mod memory;
#[path = "reliability/misbehaviour.rs"]
mod misbehaviour;
#[path = "reliability/oracles.rs"]
mod oracles;
#[path = "reliability/paused.rs"]
mod paused;
#[path = "reliability/revocation.rs"]
mod revocation;
#[path = "reliability/rotation.rs"]
mod rotation;
#[path = "reliability/shortage.rs"]
mod shortage;
#[path = "reliability/slow_clients.rs"]
mod slow_clients;
