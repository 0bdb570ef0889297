//! What a call notes while it runs.

use std::time::Duration;

use super::{CallGuard, OBSERVED};
use crate::recording::values::ValueRef;

/// What no caller waits for, a hundred years: such a time left says that there is no deadline. The greatest number of
/// nanoseconds in 64 bits is 584 years, those of all larger units are more.
const NO_DEADLINE: Duration = Duration::from_hours(100 * 365 * 24);

impl CallGuard {
    /// Notes a value of this call: rolling means over the method's last calls that have it, and a histogram if its
    /// name holds `time` (seconds) or `size` (bytes). The name may carry labels (`name___label__value`). Recorded
    /// however the call ends; of several values with one name the last one counts for the means.
    ///
    /// NaN and the infinities are left out: no mean survives them. A value that is negative or from 2^63 on is left out of the
    /// histogram: no time and no size is so, and the sum would keep it for good. None of these is counted. A call keeps 1,024 values; more, and values of more than `max_series` names, are dropped and counted.
    pub fn observe(&mut self, name: &str, value: f64) {
        if !value.is_finite() || self.is_dead() {
            return;
        }
        if let Some(node) = self.shard().method.value(name) {
            self.keep(ValueRef::new(node), value);
        }
    }

    fn keep(&mut self, value: ValueRef, number: f64) {
        self.words.1 |= OBSERVED;
        if !self.shard().values().observe(self.slot(), value, number) {
            self.shard().method.drop_value();
        }
    }

    /// Notes the size of the request in bytes. From `i64::MAX` on it is no size, as no file has one: `u64::MAX` often stands for
    /// one that is not known.
    pub fn request_size(&mut self, bytes: u64) {
        self.observe_size("request_size", bytes);
    }

    /// Notes the size of the response in bytes, as [`request_size`](Self::request_size).
    pub fn response_size(&mut self, bytes: u64) {
        self.observe_size("response_size", bytes);
    }

    fn observe_size(&mut self, name: &str, bytes: u64) {
        if bytes < i64::MAX.unsigned_abs() {
            self.observe(name, crate::base::clock::to_f64(bytes));
        }
    }

    /// Notes the time left until the caller's deadline, now and (taken on from here) at the end of the call, as
    /// `time_remaining_time` and `time_remaining_after_time` in seconds; what is past its deadline is 0. `None`, and a hundred
    /// years or more (as `Duration::MAX`): no deadline, nothing is noted.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use monitor_core::{Monitor, Outcome, StorageConfig};
    ///
    /// let monitor = Monitor::new(StorageConfig::default());
    /// let mut call = monitor.method("Get")?.start();
    /// call.deadline(Some(Duration::MAX));
    /// call.finish(Outcome::Success);
    /// assert!(monitor.snapshot().methods[0].values.is_empty());
    /// # Ok::<(), monitor_core::MethodError>(())
    /// ```
    pub fn deadline(&mut self, left: Option<Duration>) {
        let is_one = |left: &Duration| *left < NO_DEADLINE && !self.is_dead();
        let Some(left) = left.filter(is_one) else {
            return;
        };
        let left = left.as_secs_f64();
        self.observe("time_remaining_time", left);
        if let Some(node) = self.shard().method.value("time_remaining_after_time") {
            let from_start = left + self.elapsed().as_secs_f64();
            self.keep(ValueRef::new(node).left_at_end(), from_start);
        }
    }
}
