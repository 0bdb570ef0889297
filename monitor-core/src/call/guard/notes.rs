//! What a call notes while it runs.

use std::time::Duration;

use super::{CallGuard, OBSERVED};
use crate::call::values::ValueRef;

impl CallGuard {
    /// Notes a value of this call: rolling means over the method's last calls that have it, and a histogram if its
    /// name holds `time` (seconds) or `size` (bytes). The name may carry labels (`name___label__value`). Recorded
    /// however the call ends; of several values with one name the last one counts for the means.
    ///
    /// NaN and the infinities are left out: no mean survives them. A negative value is left out of the histogram. Neither is
    /// counted. A call keeps 1,024 values; more, and values of more than `max_series` names, are dropped and counted.
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

    /// Notes the size of the request in bytes.
    pub fn request_size(&mut self, bytes: u64) {
        self.observe("request_size", crate::clock::to_f64(bytes));
    }

    /// Notes the size of the response in bytes.
    pub fn response_size(&mut self, bytes: u64) {
        self.observe("response_size", crate::clock::to_f64(bytes));
    }

    /// Notes the time left until the caller's deadline, now and (taken on from here) at the end of the call, as
    /// `time_remaining_time` and `time_remaining_after_time` in seconds; what is past its deadline is 0. `None`: no
    /// deadline, nothing is noted.
    pub fn deadline(&mut self, left: Option<Duration>) {
        let Some(left) = left.filter(|_| !self.is_dead()) else {
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
