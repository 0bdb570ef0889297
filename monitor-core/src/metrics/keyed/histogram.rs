//! The histogram under a key.

use std::sync::Arc;

use crate::base::sync::{AtomicU32, Mutex, Ordering, lock};
use crate::data::family::Histogram;

use super::held::{Held, Refused};

/// Counts of observations by bucket, and their sum; `None` once it was taken away.
///
/// Behind a lock, as the list beside it is, so that it can go and come back whole: an observation is in what was taken
/// away, or learns that it came too late.
#[derive(Debug)]
pub(super) struct KeyHistogram {
    state: Mutex<Option<Histogram>>,
    touched: AtomicU32,
}

impl KeyHistogram {
    pub(super) fn new(bounds: &Arc<[f64]>) -> Self {
        Self {
            state: Mutex::new(Some(Histogram::empty(bounds))),
            touched: AtomicU32::new(1),
        }
    }

    /// Counts a value that is no NaN and not negative. Upper bounds are inclusive.
    pub(super) fn observe(&self, value: f64) -> Result<(), Refused> {
        let mut state = lock(&self.state);
        let histogram = state.as_mut().ok_or(Refused::Gone)?;
        self.touched.store(1, Ordering::Relaxed);
        let bucket = histogram.bounds.partition_point(|bound| *bound < value);
        histogram.counts[bucket] += 1;
        histogram.sum += value;
        Ok(())
    }

    pub(super) fn snapshot(&self) -> Option<Histogram> {
        lock(&self.state).clone()
    }

    /// Takes it away; `None` if that was done before.
    pub(super) fn take(&self) -> Option<Histogram> {
        lock(&self.state).take()
    }
}

impl Held for KeyHistogram {
    fn bring_back(&self, fresh: Self) {
        *lock(&self.state) = fresh.take();
        self.touched.store(1, Ordering::Relaxed);
    }

    fn was_touched(&self) -> bool {
        self.touched.swap(0, Ordering::Relaxed) != 0
    }

    fn mark(&self) -> Option<u64> {
        lock(&self.state).as_ref().map(Histogram::count)
    }

    fn take_unchanged(&self, mark: u64) -> bool {
        let mut state = lock(&self.state);
        let unchanged = state.as_ref().is_some_and(|state| state.count() == mark);
        if unchanged {
            *state = None;
        }
        unchanged
    }
}
