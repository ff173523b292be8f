//! A histogram of durations without a lock: workers on several cores observe into the same one.

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds in microseconds: from a sniffed hello to a slow backend.
const BOUNDS_MICROS: [u64; 16] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000,
];

/// Counts durations by fixed bounds. Clones share the counts.
#[derive(Clone, Debug, Default)]
pub struct DurationHistogram(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// One per bound, and one for what is above the last.
    buckets: [AtomicU64; BOUNDS_MICROS.len() + 1],
    sum_micros: AtomicU64,
}

impl DurationHistogram {
    /// Adds one observation.
    pub fn observe(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_MICROS.partition_point(|bound| *bound < micros);
        self.0.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.0.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// How many observations there were.
    pub fn count(&self) -> u64 {
        self.0.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).sum()
    }
}

impl TypedMetric for DurationHistogram {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for DurationHistogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        let mut buckets = Vec::with_capacity(BOUNDS_MICROS.len() + 1);
        let mut count = 0;
        for (index, bucket) in self.0.buckets.iter().enumerate() {
            let in_bucket = bucket.load(Ordering::Relaxed);
            count += in_bucket;
            let bound =
                BOUNDS_MICROS.get(index).map_or(f64::INFINITY, |micros| Duration::from_micros(*micros).as_secs_f64());
            buckets.push((bound, in_bucket));
        }
        let sum = Duration::from_micros(self.0.sum_micros.load(Ordering::Relaxed)).as_secs_f64();
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_in_the_first_bound_that_is_not_below_it() {
        let histogram = DurationHistogram::default();
        for micros in [0, 100, 101, 20_000_000] {
            histogram.observe(Duration::from_micros(micros));
        }
        let loaded: Vec<u64> = histogram.0.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        assert_eq!((loaded[0], loaded[1], loaded[BOUNDS_MICROS.len()]), (2, 1, 1));
        assert_eq!(histogram.count(), 4);
    }
}
