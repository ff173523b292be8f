//! The real binary, seen from outside. Needs nothing that is not in Debian.

#[path = "e2e/arrows.rs"]
mod arrows;
#[path = "e2e/layout.rs"]
mod layout;
