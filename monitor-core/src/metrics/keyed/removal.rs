//! Keys that go: by hand, and after they were idle for long.

use crate::base::sync::Ordering;
use crate::data::value::StatValue;

use super::entry::Entry;
use super::histogram::KeyHistogram;
use super::{POINTS, TASKS, Values};

impl Values {
    /// Takes away everything under a key: its value, its histogram and its rolling means. Answers the value; nothing
    /// (`Null`) where only the others were there. The list of points goes whole under `stats`; tasks that run stay.
    pub(crate) fn remove(&self, key: &str) -> Option<StatValue> {
        let removed = self.take(key);
        if removed.is_some() {
            // Release: pairs with the Acquire in `take_snapshot`.
            self.removals.fetch_add(1, Ordering::Release);
        }
        removed
    }

    fn take(&self, key: &str) -> Option<StatValue> {
        if key == TASKS {
            return None;
        }
        if key == POINTS {
            return self.points.clear();
        }
        let value = self.entries.remove(key, Entry::take);
        let histogram = self
            .histograms
            .remove(key, KeyHistogram::take)
            .map(|_| StatValue::Null);
        let means = self.points.remove(key).then_some(StatValue::Null);
        value.or(histogram).or(means)
    }

    /// Takes away the numbers, lists and histograms, the points, and the children of registered metrics with labels, that were not updated for `idle` ticks.
    pub(crate) fn expire(&self, now: u64, idle: u64) {
        self.entries.expire(now, idle);
        self.histograms.expire(now, idle);
        self.points.expire(now, idle);
        self.metrics.expire(now, idle);
    }
}
