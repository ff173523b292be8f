//! The box test: whether two series of times can be told apart (Crosby, Wallach and Riedi, "Opportunities and Limits of
//! Remote Timing Attacks", 2009).
//!
//! A box is the stretch between two low quantiles of a series: low, because what disturbs a measurement makes it
//! longer. On one random half of the times the box is sought whose two instances lie farthest apart, on the other half
//! it has to keep them apart, in the same order. This is done for many halvings; how often it succeeds is the result.
//! What chance alone achieves, the same test shows on a series and itself.

use crate::chance::Chance;

/// Halvings.
pub(crate) const ROUNDS: usize = 100;

/// Successes that count as told apart.
const CONVINCING: usize = 95;

/// Resamplings for an interval.
const RESAMPLINGS: usize = 400;

/// Beginnings of boxes, in percent, and how wide they may be.
const BEGINNINGS: std::ops::RangeInclusive<usize> = 0..=10;
const WIDTHS: std::ops::RangeInclusive<usize> = 1..=5;

/// The quantile, in parts of a thousand, of a sorted series.
pub(crate) fn quantile(sorted: &[u64], thousandths: usize) -> u64 {
    sorted[(sorted.len() - 1) * thousandths / 1000]
}

/// Two random halves of a sorted series, sorted.
fn halves(sorted: &[u64], chance: &mut Chance) -> [Vec<u64>; 2] {
    let mut halves = [Vec::with_capacity(sorted.len()), Vec::with_capacity(sorted.len())];
    for chunk in sorted.chunks(64) {
        let mut coins = chance.number();
        for time in chunk {
            halves[usize::from(coins & 1 == 1)].push(*time);
            coins >>= 1;
        }
    }
    halves
}

/// How far the second series' box lies above the first one's; below, if negative; zero where they overlap.
fn gap(first: &[u64], second: &[u64], (from, to): (usize, usize)) -> i64 {
    let distance = |low: &[u64], high: &[u64]| quantile(high, from * 10).checked_sub(quantile(low, to * 10));
    let above = distance(first, second).unwrap_or(0).cast_signed();
    let below = distance(second, first).unwrap_or(0).cast_signed();
    above - below
}

/// One halving.
fn told_apart(first: &[u64], second: &[u64], chance: &mut Chance) -> bool {
    let ([first_sought, first_tried], [second_sought, second_tried]) = (halves(first, chance), halves(second, chance));
    let boxes = BEGINNINGS.flat_map(|from| WIDTHS.map(move |width| (from, from + width)));
    let best = boxes
        .map(|one| (gap(&first_sought, &second_sought, one), one))
        .max_by_key(|(gap, _)| gap.abs())
        .filter(|(gap, _)| *gap != 0);
    best.is_some_and(|(sought, one)| sought.signum() == gap(&first_tried, &second_tried, one).signum())
}

/// In how many of the halvings two series are told apart.
pub(crate) fn apart(first: &[u64], second: &[u64], chance: &mut Chance) -> usize {
    (0..ROUNDS).filter(|_| told_apart(first, second, chance)).count()
}

/// In how many of the halvings one half of a series is told apart from its other half: what chance does.
pub(crate) fn apart_from_itself(series: &[u64], chance: &mut Chance) -> usize {
    let split = |chance: &mut Chance| {
        let [one, other] = halves(series, chance);
        told_apart(&one, &other, chance)
    };
    (0..ROUNDS).filter(|_| split(chance)).count()
}

/// The least difference, in nanoseconds, by which one of two like series has to be later to be told apart: what the
/// test can see.
pub(crate) fn smallest_seen(first: &[u64], like: &[u64], chance: &mut Chance) -> u64 {
    let (mut unseen, mut seen) = (0, 1 << 20);
    while seen - unseen > 1 {
        let middle = u64::midpoint(unseen, seen);
        let later: Vec<u64> = like.iter().map(|time| time + middle).collect();
        if apart(first, &later, chance) >= CONVINCING { seen = middle } else { unseen = middle }
    }
    seen
}

/// A difference and the interval in which 95 of 100 resamplings have it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Difference {
    pub(crate) nanoseconds: i64,
    pub(crate) interval: (i64, i64),
}

/// By how much the second series is later: the mean over its first ten percentiles.
pub(crate) fn difference(first: &[u64], second: &[u64], chance: &mut Chance) -> Difference {
    let of = |first: &[u64], second: &[u64]| early(second) - early(first);
    let mut resampled: Vec<i64> =
        (0..RESAMPLINGS).map(|_| of(&resample(first, chance), &resample(second, chance))).collect();
    resampled.sort_unstable();
    let interval = (resampled[RESAMPLINGS / 40], resampled[RESAMPLINGS - 1 - RESAMPLINGS / 40]);
    Difference { nanoseconds: of(first, second), interval }
}

/// The mean of the first ten percentiles.
fn early(sorted: &[u64]) -> i64 {
    (1..=10).map(|percent| quantile(sorted, percent * 10).cast_signed()).sum::<i64>() / 10
}

/// As many times, drawn with repetition, sorted.
fn resample(sorted: &[u64], chance: &mut Chance) -> Vec<u64> {
    let mut drawn = vec![0_usize; sorted.len()];
    for _ in sorted {
        drawn[chance.below(sorted.len())] += 1;
    }
    sorted.iter().zip(drawn).flat_map(|(time, count)| std::iter::repeat_n(*time, count)).collect()
}
