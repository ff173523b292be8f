//! How long to wait before the next attempt.

use std::time::Duration;

/// Exponential backoff with a cap and jitter. There is no last attempt: the Istio agent asks its CA again only when a
/// client subscribes again, so a client that gives up never gets a certificate
/// (`istio/istio:security/pkg/nodeagent/cache/secretcache.go`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Backoff {
    /// The longest wait after the first failure; each further failure doubles it.
    pub base: Duration,
    /// The longest wait ever.
    pub cap: Duration,
}

/// A random number from the caller, for the jitter: the machine has no source of its own and stays a function of what
/// it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dice(pub u32);

impl Backoff {
    /// The wait after so many failures in a row: between half and all of `base` doubled for each failure but the first,
    /// at most the cap.
    pub fn delay(&self, failures: u32, dice: Dice) -> Duration {
        let doublings = failures.saturating_sub(1).min(MOST_DOUBLINGS);
        let ceiling = self.base.saturating_mul(1 << doublings).min(self.cap);
        let half = ceiling / 2;
        half + half.mul_f64(f64::from(dice.0) / f64::from(u32::MAX))
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self { base: Duration::from_millis(500), cap: Duration::from_secs(30) }
    }
}

/// 2³⁰ times the base is past any cap.
const MOST_DOUBLINGS: u32 = 30;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_wait_doubles_to_the_cap_and_never_ends() {
        let backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(10) };
        let longest = |failures| backoff.delay(failures, Dice(u32::MAX)).as_secs();
        assert_eq!([1, 2, 3, 4, 5, 6, u32::MAX].map(longest), [1, 2, 4, 8, 10, 10, 10]);
    }

    #[test]
    fn the_jitter_takes_at_most_half() {
        let backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(10) };
        assert_eq!(backoff.delay(3, Dice(0)), Duration::from_secs(2));
    }

    proptest! {
        #[test]
        fn the_wait_stays_between_half_the_ceiling_and_the_cap(
            failures in 1_u32..,
            dice: u32,
            base in 1_u64..100_000,
            cap in 1_u64..100_000,
        ) {
            let backoff = Backoff { base: Duration::from_millis(base), cap: Duration::from_millis(cap) };
            let delay = backoff.delay(failures, Dice(dice));
            prop_assert!(delay <= backoff.cap);
            prop_assert!(delay >= backoff.base.min(backoff.cap) / 2);
        }
    }
}
