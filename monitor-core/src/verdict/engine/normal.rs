//! What is usual for a method: learned in blocks of 20 s, a minute late.
//!
//! A block waits for a minute before it is learned, and for five while half the evidence of a finding is there. Blocks
//! since the beginning of a finding are thrown away: what a finding is made of is not learned. What was learned loses half
//! its weight in an hour of blocks with calls.
//!
//! # Definition
//!
//! With `p50`, `p90` and `p99` of what was learned, a call is slow if it took more than `max(p90, 2 p50)`, far slower
//! if more than `max(2 p90, 4 p50)`, in the tail if
//! more than `max(1.5 p99, 4 p50)`, and late once it is older than `2^ceil(log2(max(4 s, 3 d)))`, where `d` is the duration
//! that one in a thousand of the calls exceeds, or the third longest of them.

use super::evidence::{EARLIEST, EARLIEST_CALLS, FADE, SLOW_FADE, Seen, YOUNG};
use super::finding::Sign;
use crate::data::slot::{Cells, MethodSlot};

/// Slots of a block: 20 s.
pub(super) const BLOCK: u32 = 10;
/// Seconds that calls spend in a slot at most: 5 x 10^11 calls in flight.
const MOST_BUSY: f64 = 1e12;
/// Good calls that are learned before slow means anything.
const TIMED: f64 = 20.0;
/// The share of its old value that the usual rate keeps, once it is known: half in ten minutes.
const RATE_WEIGHT: f64 = 0.023;
/// [`FADE`] for the weights of cells.
#[expect(clippy::cast_possible_truncation, reason = "a weight")]
const FADE_OF_CELLS: f32 = FADE as f32;
/// The bound while none is known: no call is above.
const NO_BOUND: i16 = i16::MAX;
/// Calls of 0.12 ms (`2^(-104 / 8)` s) and less are not slow, whatever is usual.
const NO_SLOW: i16 = -104;
/// Calls of 1 ms (`2^(-80 / 8)` s) and less are no slow tail: so long a thread waits for a CPU on a busy machine.
const NO_TAIL: i16 = -80;
/// `8 log2(1.5)`: 1.5 times as slow, in cells.
const HALF_MORE: i16 = 5;
/// `8 log2(1.4)`: so much slower than learned is normal, in whole cells below the bounds of slow, far and tail.
const SLOWER: [i16; 3] = [3, 3, 4];

/// Calls of 20 s that wait to be learned.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) calls: u32,
    pub(super) failed: Vec<(u32, u32)>,
    pub(super) hist: Vec<(i16, u32)>,
    /// What its slots had of each sign.
    pub(super) seen: Vec<(Sign, Seen)>,
    pub(super) time: f64,
    pub(super) ended: u32,
    pub(super) begun: u32,
    pub(super) waiting: u32,
    pub(super) late: u32,
    pub(super) in_flight: u32,
    /// Seconds that calls spent in it.
    pub(super) busy: f64,
    pub(super) slots: u32,
    pub(super) seconds: f64,
    /// The number of its last slot.
    pub(super) last: u32,
    pub(super) end: f64,
}

impl Block {
    pub(super) fn is_empty(&self) -> bool {
        self.calls == 0 && self.begun == 0 && self.in_flight == 0
    }

    pub(super) fn add_failed(&mut self, error_type: u32, count: u32) {
        match self.failed.iter_mut().find(|one| one.0 == error_type) {
            Some(one) => one.1 = one.1.saturating_add(count),
            None => self.failed.push((error_type, count)),
        }
    }

    pub(super) fn failed(&self, error_type: u32) -> u32 {
        let found = self.failed.iter().find(|one| one.0 == error_type);
        found.map_or(0, |one| one.1)
    }

    /// Adds the seconds that calls spent in a slot; what is no number is none.
    pub(super) fn add_busy(&mut self, calls: &MethodSlot) {
        if calls.busy.is_finite() {
            self.busy += calls.busy.clamp(0.0, MOST_BUSY);
        }
    }

    pub(super) fn add_cells(&mut self, cells: &Cells) {
        add_cells(&mut self.hist, cells);
    }

    pub(super) fn seen(&self, sign: Sign) -> Seen {
        let found = self.seen.iter().find(|one| one.0 == sign);
        found.map_or_else(Seen::default, |one| one.1)
    }

    pub(super) fn bytes(&self) -> usize {
        self.failed.capacity() * size_of::<(u32, u32)>()
            + self.hist.capacity() * size_of::<(i16, u32)>()
            + self.seen.capacity() * size_of::<(Sign, Seen)>()
    }
}

/// The cell of a duration, or the nearest that a duration of a process may be in: from 2^-64 to 2^64 seconds.
pub(super) fn bounded(cell: i16) -> i16 {
    cell.clamp(-512, 512)
}

/// Adds counts to counts of the same cells; both ascend.
pub(super) fn add_cells(hist: &mut Vec<(i16, u32)>, cells: &Cells) {
    for &(cell, count) in &cells.0 {
        let cell = bounded(cell);
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        match hist.binary_search_by_key(&cell, |one| one.0) {
            Ok(at) => hist[at].1 = hist[at].1.saturating_add(count),
            Err(at) => hist.insert(at, (cell, count)),
        }
    }
}

/// What was learned of a method.
#[derive(Debug)]
pub(super) struct Normal {
    /// Durations of good calls: weights by cell.
    hist: Vec<(i16, f32)>,
    /// Calls.
    pub(super) total: f64,
    /// Good calls.
    pub(super) timed: f64,
    /// Seconds and ends of all calls.
    time: f64,
    ended: f64,
    /// Calls begun a second.
    pub(super) rate: f64,
    /// Blocks with calls.
    pub(super) blocks: u32,
    /// The most that waited, were in flight, were late.
    pub(super) waiting: f64,
    pub(super) in_flight: f64,
    pub(super) late: f64,
    /// The cell of the median.
    pub(super) median: i16,
    /// Calls in higher cells than these are slow, and in the tail.
    pub(super) slow_above: i16,
    pub(super) far_above: i16,
    pub(super) tail_above: i16,
    /// Calls of `2^late_power` seconds and more are late.
    pub(super) late_power: i32,
}

impl Default for Normal {
    fn default() -> Self {
        Self {
            hist: Vec::new(),
            total: 0.0,
            timed: 0.0,
            time: 0.0,
            ended: 0.0,
            rate: 0.0,
            blocks: 0,
            waiting: 0.0,
            in_flight: 0.0,
            late: 0.0,
            median: i16::MIN,
            slow_above: NO_BOUND,
            far_above: NO_BOUND,
            tail_above: NO_BOUND,
            late_power: 2,
        }
    }
}

impl Normal {
    pub(super) fn is_young(&self) -> bool {
        self.blocks < YOUNG
    }

    /// True if durations and ages of calls are judged: with the more caution the younger it is.
    pub(super) fn is_judged(&self) -> bool {
        !self.is_young() || self.blocks >= EARLIEST && self.timed >= EARLIEST_CALLS
    }

    /// The age from which on a call is late, seconds.
    pub(super) fn late_limit(&self) -> f64 {
        f64::from(self.late_power).exp2()
    }

    /// The mean duration of calls, seconds.
    pub(super) fn mean(&self) -> f64 {
        if self.ended > 0.0 {
            self.time / self.ended
        } else {
            0.0
        }
    }

    /// True if slow means something.
    pub(super) fn has_bounds(&self) -> bool {
        self.slow_above != NO_BOUND
    }

    /// The duration below which a share of the good calls are, seconds.
    pub(super) fn quantile(&self, share: f64) -> Option<f64> {
        quantile(&self.hist, share).map(Cells::middle)
    }

    /// What half of the good calls and 99 % of them are not above, seconds.
    pub(super) fn durations(&self) -> Option<[f64; 2]> {
        Some([self.quantile(0.5)?, self.quantile(0.99)?])
    }

    /// Good calls in cells above a bound, or so many cells below it.
    fn above(&self, bound: i16, slower: i16) -> f64 {
        let from = bound.saturating_sub(slower);
        let cells = self.hist.iter().filter(|one| one.0 > from);
        cells.map(|one| f64::from(one.1)).sum()
    }

    /// So many blocks without a call have passed.
    pub(super) fn idle(&mut self, blocks: u32) {
        let keep = 1.0 - self.rate_weight();
        self.rate *= keep.powi(i32::try_from(blocks).unwrap_or(i32::MAX));
        let fade = SLOW_FADE.powi(i32::try_from(blocks).unwrap_or(i32::MAX));
        self.in_flight *= fade;
    }

    fn rate_weight(&self) -> f64 {
        RATE_WEIGHT.max(1.0 / (f64::from(self.blocks) + 1.0))
    }

    /// Learns the calls of a block: first what all blocks tell. True if it has calls.
    pub(super) fn learn_rate(&mut self, block: &Block) -> bool {
        let rate = f64::from(block.begun) / block.seconds.max(1.0);
        self.rate += (rate - self.rate) * self.rate_weight();
        self.in_flight = (self.in_flight * SLOW_FADE).max(f64::from(block.in_flight));
        if block.calls > 0 {
            self.blocks = self.blocks.saturating_add(1);
            self.total = self.total * FADE + f64::from(block.calls);
        }
        block.calls > 0
    }

    /// Then the durations; the bad ones among all that was learned, of slow, far and tail, where it has good calls.
    pub(super) fn learn_durations(&mut self, block: &Block) -> Option<[f64; 3]> {
        let good: f64 = block.hist.iter().map(|one| f64::from(one.1)).sum();
        if good <= 0.0 {
            return None;
        }
        for one in &mut self.hist {
            one.1 *= FADE_OF_CELLS;
        }
        for &(cell, count) in &block.hist {
            #[expect(clippy::cast_precision_loss, reason = "a weight")]
            let count = count as f32;
            match self.hist.binary_search_by_key(&cell, |one| one.0) {
                Ok(at) => self.hist[at].1 += count,
                Err(at) => self.hist.insert(at, (cell, count)),
            }
        }
        self.timed = self.timed * FADE + good;
        if self.blocks % 3 == 1 || self.is_young() {
            self.set_bounds();
        }
        let [slow, far, tail] = SLOWER;
        Some([
            self.above(self.slow_above, slow),
            self.above(self.far_above, far),
            self.above(self.tail_above, tail),
        ])
    }

    /// Then the gauges. `late_since` is the least number of late calls in the slots since the block.
    pub(super) fn learn_gauges(&mut self, block: &Block, late_since: u32) {
        self.time = self.time * FADE + block.time;
        self.ended = self.ended * FADE + f64::from(block.ended);
        self.waiting = (self.waiting * SLOW_FADE).max(f64::from(block.waiting));
        let late = f64::from(block.late);
        let is_usual = late >= 1.0 && late <= self.late * 1.2 + 1.0 && self.late >= 1.0;
        let usual = if self.blocks <= YOUNG || is_usual {
            late
        } else {
            0.0
        };
        // What was late and has ended since is normal.
        let ended = late - f64::from(late_since);
        self.late = (self.late * SLOW_FADE).max(usual).max(ended);
    }

    fn set_bounds(&mut self) {
        if self.timed < TIMED {
            return;
        }
        let at = |share| quantile(&self.hist, share).unwrap_or(NO_BOUND);
        let (p50, p90, p99) = (at(0.5), at(0.9), at(0.99));
        self.median = p50;
        self.slow_above = p90.max(p50.saturating_add(8)).max(NO_SLOW);
        let far = p90.saturating_add(8).max(p50.saturating_add(16));
        self.far_above = far.max(NO_SLOW);
        let tail = p99.saturating_add(HALF_MORE).max(p50.saturating_add(16));
        self.tail_above = tail.max(NO_TAIL);
        // What is not known yet gets twice the time.
        let power = self.late_power_of() + i32::from(self.is_young());
        if power > self.late_power {
            // What was late was late of a shorter limit.
            self.late *= f64::from(self.late_power - power).exp2();
        }
        self.late_power = power;
    }

    fn late_power_of(&self) -> i32 {
        let mut left = (0.001 * self.timed).max(3.0);
        let longest = self.hist.iter().rev().find(|one| {
            left -= f64::from(one.1);
            left <= 0.0
        });
        let longest = longest.map_or(0.0, |one| Cells::upper(one.0));
        #[expect(clippy::cast_possible_truncation, reason = "a logarithm of a double")]
        let power = (3.0 * longest).clamp(4.0, 1e9).log2().ceil() as i32;
        power
    }

    pub(super) fn bytes(&self) -> usize {
        self.hist.capacity() * size_of::<(i16, f32)>()
    }
}

/// The cell in which a share of the calls is reached.
pub(super) fn quantile<N: Copy + Into<f64>>(hist: &[(i16, N)], share: f64) -> Option<i16> {
    let all: f64 = hist.iter().map(|one| one.1.into()).sum();
    let mut left = share * all;
    let found = hist.iter().find(|one| {
        left -= one.1.into();
        left <= 0.0
    });
    Some(found.or(hist.last())?.0)
}
