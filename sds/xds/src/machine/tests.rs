//! The machine's rules one by one, whole exchanges as text, random events, and the model checker.

mod exchanges;
mod model;
mod properties;
mod rig;
mod rules;
mod script;
