//! Endpoints in turn, with a short memory of those that could not be reached.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// How long an endpoint that could not be reached is passed over.
const PENALTY: Duration = Duration::from_secs(2);

/// Round robin.
#[derive(Debug)]
pub(super) struct Balance {
    next: Cell<usize>,
    failed: Vec<Cell<Option<Instant>>>,
}

impl Balance {
    pub(super) fn new(endpoints: usize) -> Self {
        Self { next: Cell::new(0), failed: vec![Cell::new(None); endpoints] }
    }

    /// The next endpoint, not `avoid` and none that just failed if there is any other; `None` only without endpoints.
    pub(super) fn pick(&self, avoid: Option<usize>) -> Option<usize> {
        let count = self.failed.len();
        if count <= 1 {
            return count.checked_sub(1);
        }
        let first = self.next.get() % count;
        let in_turn = || (0..count).map(|step| (first + step) % count).filter(|index| Some(*index) != avoid);
        let index = in_turn().find(|index| !self.just_failed(*index)).or_else(|| in_turn().next())?;
        self.next.set(index + 1);
        Some(index)
    }

    pub(super) fn reached(&self, index: usize) {
        self.failed[index].set(None);
    }

    pub(super) fn failed(&self, index: usize) {
        self.failed[index].set(Some(Instant::now()));
    }

    fn just_failed(&self, index: usize) -> bool {
        self.failed[index].get().is_some_and(|when| when.elapsed() < PENALTY)
    }
}

#[cfg(test)]
mod tests {
    use super::Balance;

    fn picks(balance: &Balance, count: usize) -> Vec<Option<usize>> {
        (0..count).map(|_| balance.pick(None)).collect()
    }

    #[test]
    fn endpoints_are_taken_in_turn() {
        assert_eq!(picks(&Balance::new(3), 4), [Some(0), Some(1), Some(2), Some(0)]);
    }

    #[test]
    fn an_endpoint_that_just_failed_is_passed_over_until_it_is_reached() {
        let balance = Balance::new(3);
        balance.failed(1);
        assert_eq!(picks(&balance, 4), [Some(0), Some(2), Some(0), Some(2)]);
        balance.reached(1);
        assert!(picks(&balance, 3).contains(&Some(1)));
    }

    #[test]
    fn when_all_failed_they_are_still_tried() {
        let balance = Balance::new(2);
        balance.failed(0);
        balance.failed(1);
        assert_eq!(picks(&balance, 2), [Some(0), Some(1)]);
    }

    #[test]
    fn the_endpoint_to_avoid_is_avoided_if_there_is_another() {
        assert_eq!(Balance::new(2).pick(Some(0)), Some(1));
        assert_eq!(Balance::new(1).pick(Some(0)), Some(0));
        assert_eq!(Balance::new(0).pick(None), None);
    }
}
