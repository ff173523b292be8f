//! Times of several classes, taken in random order.

use std::time::Duration;

use crate::chance::Chance;

/// The times of one class.
pub(crate) struct Series {
    pub(crate) name: &'static str,
    /// Position of the class that it is compared with; its own when it is compared with none.
    pub(crate) beside: usize,
    /// In nanoseconds, sorted.
    pub(crate) times: Vec<u64>,
}

/// Classes that were measured together. The second one is the first one again.
pub(crate) struct Group {
    pub(crate) title: String,
    pub(crate) series: Vec<Series>,
}

/// Takes as many times of each class, after some that do not count, and sorts them.
pub(crate) fn interleaved(
    classes: usize,
    samples: usize,
    chance: &mut Chance,
    mut time: impl FnMut(usize, &mut Chance) -> Duration,
) -> Vec<Vec<u64>> {
    for class in chance.order(classes, samples / 50) {
        time(class, chance);
    }
    let mut times = vec![Vec::with_capacity(samples); classes];
    for class in chance.order(classes, samples) {
        let taken = time(class, chance).as_nanos();
        times[class].push(u64::try_from(taken).expect("less than centuries"));
    }
    for series in &mut times {
        series.sort_unstable();
    }
    times
}
