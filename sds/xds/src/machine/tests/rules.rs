//! One promise, one test.

use super::rig::SECRET;
use crate::*;

mod delta;
mod outside;
mod streams;
mod time;
mod verdicts;
mod world;

const NOTHING: [&str; 0] = [];

fn ttl(name: &str) -> Timer {
    Timer::TimeToLive { type_url: SECRET.into(), name: name.into() }
}
