//! A histogram any thread may feed.

use std::sync::Arc;

use crate::family::Histogram;
use crate::sync::{AtomicU64, Ordering};

/// Counts of observations by bucket, and their sum.
///
/// # Consistency
///
/// The count is that of the buckets, so the two agree at any moment. An observation counts in its bucket before it is
/// in the sum: a snapshot's sum never has an observation that its buckets lack, and may lag by those under way.
/// The buckets are `Relaxed`: each stands for itself, and the sum's Release orders them.
#[derive(Debug)]
pub(super) struct LiveHistogram {
    bounds: Arc<[f64]>,
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl LiveHistogram {
    pub(super) fn new(bounds: &Arc<[f64]>) -> Self {
        Self {
            bounds: Arc::clone(bounds),
            counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0.0f64.to_bits()),
        }
    }

    /// Counts a value that is no NaN and not negative. Upper bounds are inclusive.
    pub(super) fn observe(&self, value: f64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        let mut sum = self.sum.load(Ordering::Relaxed);
        // Release: pairs with the Acquire in `snapshot`; a chain of swaps passes every earlier one's Release on.
        while let Err(found) = self.sum.compare_exchange_weak(
            sum,
            (f64::from_bits(sum) + value).to_bits(),
            Ordering::Release,
            Ordering::Relaxed,
        ) {
            sum = found;
        }
    }

    pub(super) fn snapshot(&self) -> Histogram {
        // Acquire: pairs with the Release in `observe`; the buckets have to be read after it.
        let sum = f64::from_bits(self.sum.load(Ordering::Acquire));
        Histogram {
            bounds: Arc::clone(&self.bounds),
            counts: self
                .counts
                .iter()
                .map(|count| count.load(Ordering::Relaxed))
                .collect(),
            sum,
        }
    }
}

#[cfg(all(test, loom))]
mod models {
    use std::sync::Arc;

    use loom::thread;

    use super::LiveHistogram;
    use crate::sync::leak;

    #[test]
    fn a_sum_never_has_an_observation_that_the_buckets_lack() {
        loom::model(|| {
            let bounds: Arc<[f64]> = Arc::from([1.0]);
            let live: &'static LiveHistogram = leak(LiveHistogram::new(&bounds));
            let writers = [1.0, 2.0].map(|value| thread::spawn(move || live.observe(value)));
            let seen = live.snapshot();
            // The buckets say which values were observed; the sum may lag.
            let most = f64::from(u8::from(seen.counts[0] > 0))
                + 2.0 * f64::from(u8::from(seen.counts[1] > 0));
            assert!(seen.sum <= most, "{seen:?}");
            for writer in writers {
                writer.join().expect("no panic");
            }
            let last = live.snapshot();
            assert_eq!(last.counts, [1, 1]);
            assert!((last.sum - 3.0).abs() < f64::EPSILON);
        });
    }
}
