//! Waiting for a state, never for a time.

use anyhow::{Result, bail};
use std::time::{Duration, Instant};

/// What a machine under full load needs for any single step of a test.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Looks again and again until `state` gives a value; fails with `what` after `patience`.
///
/// # Errors
/// When the time is over, or when `state` says that waiting is pointless.
pub fn until<T>(what: &str, patience: Duration, mut state: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let started = Instant::now();
    loop {
        if let Some(value) = state()? {
            return Ok(value);
        }
        if started.elapsed() > patience {
            bail!("waited {patience:?} in vain for {what}");
        }
        pause();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one pause between two looks at a state; nothing relies on its length"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(10));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_comes_is_returned_and_one_that_does_not_is_named() {
        let mut looks = 0;
        let value = until("the third look", PATIENCE, || {
            looks += 1;
            Ok((looks == 3).then_some(looks))
        });
        assert_eq!(value.expect("it comes"), 3);
        let never = until::<()>("godot", Duration::ZERO, || Ok(None)).expect_err("it does not come");
        assert!(never.to_string().contains("godot"));
    }
}
