//! Whether scrapes stay out that used to come.
//!
//! Scrapes are counted, and looked at once in 2 s: so their times are known to that. The usual interval is the median of the
//! last [`KEPT`] between two scrapes; there is one from [`LEAST`] on, and where none of them is longer than three times the
//! shortest: what comes now and then has no usual interval. A gap is longer than three times the usual interval, and is
//! reported once; with the scrape that ends it the learning begins anew.

use std::collections::VecDeque;

/// Intervals that are kept, and the least number that tell what is usual.
const KEPT: usize = 9;
const LEAST: usize = 5;

/// How many times the usual interval is a gap.
const FACTOR: f64 = 3.0;

/// The shortest gap, seconds: below it the times are not known well enough.
const SHORTEST: f64 = 15.0;

#[derive(Debug, Default)]
pub(super) struct ScrapeGap {
    scrapes: u64,
    /// When the last was seen, seconds.
    last: Option<f64>,
    intervals: VecDeque<f64>,
    is_reported: bool,
}

impl ScrapeGap {
    /// Looks at the number of scrapes so far; returns how long none came, and the usual interval, where that is a gap.
    pub(super) fn look(&mut self, scrapes: u64, now: f64) -> Option<(f64, f64)> {
        if scrapes > self.scrapes {
            let new = scrapes - self.scrapes;
            self.scrapes = scrapes;
            let last = self.last.replace(now);
            if std::mem::take(&mut self.is_reported) {
                self.intervals.clear();
            } else if let Some(last) = last {
                #[expect(clippy::cast_precision_loss, reason = "a few")]
                self.keep((now - last) / new as f64);
            }
            return None;
        }
        let (usual, out) = (self.usual()?, now - self.last?);
        let is_gap = out > FACTOR * usual && out > SHORTEST && !self.is_reported;
        self.is_reported |= is_gap;
        is_gap.then_some((out, usual))
    }

    fn keep(&mut self, interval: f64) {
        if self.intervals.len() == KEPT {
            self.intervals.pop_front();
        }
        self.intervals.push_back(interval);
    }

    fn usual(&self) -> Option<f64> {
        let mut sorted: Vec<f64> = self.intervals.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        let (first, last) = (sorted.first()?, sorted.last()?);
        let is_regular = sorted.len() >= LEAST && *last <= FACTOR * first;
        is_regular.then(|| sorted[sorted.len() / 2])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks every 2 s for so many seconds, with a scrape at each of these; the gaps.
    fn gaps(scrapes: &[u32], seconds: u32) -> Vec<(u32, f64)> {
        let mut gap = ScrapeGap::default();
        let looks = (0..seconds).step_by(2);
        looks
            .filter_map(|now| {
                let so_far = scrapes.iter().filter(|at| **at <= now).count() as u64;
                let (_, usual) = gap.look(so_far, now.into())?;
                Some((now, usual))
            })
            .collect()
    }

    #[test]
    fn scrapes_that_stay_out_are_a_gap_once() {
        let regular: Vec<u32> = (1..=10).map(|scrape| scrape * 16).collect();
        assert_eq!(gaps(&regular, 1000), [(210, 16.0)]);
        assert_eq!(gaps(&regular, 208), []);
        let again: Vec<u32> = regular.iter().copied().chain([400, 416]).collect();
        assert_eq!(gaps(&again, 1000).len(), 1, "too few after the gap");
    }

    #[test]
    fn what_comes_now_and_then_has_no_gap() {
        assert_eq!(gaps(&[], 1000), []);
        assert_eq!(gaps(&[10, 20, 200, 204, 600, 620], 5000), []);
        assert_eq!(gaps(&[16, 32, 48], 5000), []);
    }
}
