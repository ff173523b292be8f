//! TCP.
pub mod relay;
