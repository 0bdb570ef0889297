//! Calls that do not end, and calls that wait for permits.
//!
//! # Definition
//!
//! Stuck: at least 3 calls are late (older than the limit of [`normal`](super::normal)), and more than `1.5 x + 2`, where
//! `x` is the most that was learned, in two slots running; or one alone is older than `max(600 s, 16 x limit)`, where none
//! ever was late. A young method is judged only where none was late so far, by twice the limit. Waiting: as many calls wait as there are permits, and twice the most that was learned and 3, in three.

use super::finding::{Finding, Sign};
use super::method::{Method, Now};

/// How old one alone must be, in limits and in seconds: outliers of two minutes are seen where nothing is wrong.
const ALONE: f64 = 16.0;
const ALONE_SECONDS: f64 = 600.0;
const STUCK_SLOTS: u32 = 2;
const WAITING_SLOTS: u32 = 3;
/// Late calls that are never a finding.
const FEW: u32 = 2;

impl Method {
    pub(super) fn judge_gauges(&mut self, now: &Now<'_>) {
        let is_stuck = now.is_steady && self.is_stuck(now);
        let is_waiting = self.is_waiting();
        self.stuck_slots = if is_stuck { self.stuck_slots + 1 } else { 0 };
        self.waiting_slots = if is_waiting {
            self.waiting_slots + 1
        } else {
            0
        };
        let late = f64::from(self.gauges.late);
        let is_late = is_stuck || late > (1.5 * self.normal.late).max(f64::from(FEW));
        let is_held = is_waiting || f64::from(self.gauges.waiting) > self.normal.waiting + 2.0;
        self.judge_gauge(Sign::Stuck, self.stuck_slots >= STUCK_SLOTS, is_late, now);
        self.judge_gauge(
            Sign::Waiting,
            self.waiting_slots >= WAITING_SLOTS,
            is_held,
            now,
        );
    }

    fn is_stuck(&self, now: &Now<'_>) -> bool {
        let limit = self.normal.late_limit();
        let is_known = self
            .first
            .is_some_and(|first| now.end - first >= 4.0 * limit);
        let (late, usual) = (self.gauges.late, self.normal.late);
        // Streams and long polls of a young process come one by one: it is not known yet how many.
        let is_unsure = self.normal.is_young() && usual >= 1.0;
        if !self.normal.is_judged() || !is_known || is_unsure {
            return false;
        }
        let is_many = late > FEW && f64::from(late) > 1.5 * usual + 2.0;
        let is_old = self.gauges.oldest >= (ALONE * limit).max(ALONE_SECONDS);
        is_many || usual < 1.0 && late >= 1 && is_old
    }

    fn is_waiting(&self) -> bool {
        let waiting = f64::from(self.gauges.waiting);
        let permits = f64::from(self.gauges.permits);
        permits > 0.0 && waiting >= permits.max(2.0 * self.normal.waiting + 3.0)
    }

    fn judge_gauge(&mut self, sign: Sign, is_due: bool, is_bad: bool, now: &Now<'_>) {
        match self.found.iter().position(|one| one.sign == sign) {
            Some(at) if self.found[at].is_active() => {
                let is_over = self.found[at].weigh_gauge(is_bad, now.end);
                self.found[at].over = is_over.then_some(now.end);
            }
            Some(at) if is_due && !self.found[at].is_past(now.end) => {
                self.found[at].again(now.end);
                let since = self.found[at].since;
                self.forget_from(since);
            }
            at if is_due => {
                let since = self.gauge_since(sign, now);
                if let Some(at) = at {
                    self.found.swap_remove(at);
                }
                self.found.push(Finding::new(sign, since, now.end));
                self.forget_from(since);
            }
            Some(at) if self.found[at].is_past(now.end) => drop(self.found.swap_remove(at)),
            _ => {}
        }
    }

    fn gauge_since(&self, sign: Sign, now: &Now<'_>) -> f64 {
        if sign == Sign::Waiting {
            return self.queue_since(now);
        }
        if self.normal.late >= 1.0 {
            now.end - self.normal.late_limit() - f64::from(STUCK_SLOTS) * now.seconds
        } else {
            now.end - self.gauges.oldest
        }
    }

    /// Since when more wait than usual.
    fn queue_since(&self, now: &Now<'_>) -> f64 {
        let mut first = now.number;
        while first > 0 && f64::from(self.waited.within(first - 1, first)) > self.normal.waiting {
            first -= 1;
        }
        now.times.begin(first)
    }
}
