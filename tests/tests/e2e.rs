//! The real binary, seen from outside. Needs nothing that is not in Debian.

#[path = "e2e/arrows.rs"]
mod arrows;
#[path = "e2e/drain.rs"]
mod drain;
#[path = "e2e/examples.rs"]
mod examples;
#[path = "e2e/fuzz_smoke.rs"]
mod fuzz_smoke;
#[path = "e2e/layout.rs"]
mod layout;
#[path = "e2e/process_log.rs"]
mod process_log;
#[path = "e2e/reload.rs"]
mod reload;
#[path = "e2e/rotation.rs"]
mod rotation;
#[path = "e2e/secrets.rs"]
mod secrets;
#[path = "e2e/serve.rs"]
mod serve;
#[path = "e2e/smuggling.rs"]
mod smuggling;
