//! The range of what is usual: from where to where the 20 s blocks of the last three hours are, without those of incidents.
//!
//! Each number of a block is counted in a cell that is an eighth of an octave wide. Once [`BLOCKS`] are counted all counts
//! are halved, so that what is old fades.

use super::normal::{Block, quantile};
use crate::data::slot::Cells;

/// Blocks of three hours.
const BLOCKS: u32 = 540;
/// Blocks before a range is known: so many that one of them is below its ends, or above. Seven minutes.
const KNOWN: u32 = 20;
/// The ends of a range: one block in twenty is below, and one above.
const ENDS: [f64; 2] = [0.05, 0.95];
/// The cell of 0.
const ZERO: i16 = i16::MIN;

/// From where to where 90 % of the blocks of 20 s are.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Usual {
    /// The median of the durations, seconds.
    pub p50: [f64; 2],
    /// What 95 % of them are not above, seconds.
    pub p95: [f64; 2],
    /// What 99 % of them are not above, seconds.
    pub p99: [f64; 2],
    /// Calls begun a second.
    pub rate: [f64; 2],
    /// The share of failed calls, from 0 to 1.
    pub failed: [f64; 2],
    /// The mean number of calls in flight.
    pub in_flight: [f64; 2],
}

/// The blocks of a method.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    p50: Range,
    p95: Range,
    p99: Range,
    rate: Range,
    failed: Range,
    in_flight: Range,
}

impl Ranges {
    /// Learns a block with calls.
    pub(super) fn learn(&mut self, block: &Block) {
        let seconds = block.seconds.max(1.0);
        self.rate.add(cell_of(f64::from(block.begun) / seconds));
        self.in_flight.add(cell_of(block.busy / seconds));
        if block.calls > 0 {
            let failed: f64 = block.failed.iter().map(|one| f64::from(one.1)).sum();
            self.failed.add(cell_of(failed / f64::from(block.calls)));
        }
        for (range, share) in [
            (&mut self.p50, 0.5),
            (&mut self.p95, 0.95),
            (&mut self.p99, 0.99),
        ] {
            if let Some(cell) = quantile(&block.hist, share) {
                range.add(cell);
            }
        }
    }

    /// The ranges; `None` in the first minutes.
    pub(super) fn usual(&self) -> Option<Usual> {
        (self.rate.total >= KNOWN).then(|| Usual {
            p50: self.p50.ends(),
            p95: self.p95.ends(),
            p99: self.p99.ends(),
            rate: self.rate.ends(),
            failed: self.failed.ends(),
            in_flight: self.in_flight.ends(),
        })
    }

    /// Blocks that are still to come before the ranges are known.
    pub(super) fn missing(&self) -> u32 {
        KNOWN.saturating_sub(self.rate.total)
    }

    pub(super) fn bytes(&self) -> usize {
        let [p50, p95, p99] = [&self.p50, &self.p95, &self.p99];
        let all = [p50, p95, p99, &self.rate, &self.failed, &self.in_flight];
        let cells = all.map(|range| range.counts.capacity() * size_of::<(i16, u16)>());
        cells.iter().sum()
    }
}

/// Counts by cell, ascending.
#[derive(Debug, Default)]
struct Range {
    counts: Vec<(i16, u16)>,
    total: u32,
}

impl Range {
    fn add(&mut self, cell: i16) {
        match self.counts.binary_search_by_key(&cell, |one| one.0) {
            Ok(at) => self.counts[at].1 = self.counts[at].1.saturating_add(1),
            Err(at) => {
                self.counts.reserve_exact(1);
                self.counts.insert(at, (cell, 1));
            }
        }
        self.total += 1;
        if self.total >= BLOCKS {
            self.halve();
        }
    }

    fn halve(&mut self) {
        for one in &mut self.counts {
            one.1 /= 2;
        }
        self.counts.retain(|one| one.1 > 0);
        self.total = self.counts.iter().map(|one| u32::from(one.1)).sum();
    }

    /// The ends of the range: the lower of its first cell, and the upper of its last.
    fn ends(&self) -> [f64; 2] {
        let at = ENDS.map(|share| {
            let mut left = share * f64::from(self.total);
            let found = self.counts.iter().find(|one| {
                left -= f64::from(one.1);
                left <= 0.0
            });
            found.or(self.counts.last()).map_or(ZERO, |one| one.0)
        });
        [lower(at[0]), upper(at[1])]
    }
}

fn lower(cell: i16) -> f64 {
    if cell == ZERO {
        0.0
    } else {
        Cells::lower(cell)
    }
}

fn upper(cell: i16) -> f64 {
    if cell == ZERO {
        0.0
    } else {
        Cells::upper(cell)
    }
}

/// The cell of a number, as of a duration.
fn cell_of(value: f64) -> i16 {
    if value <= 0.0 {
        return ZERO;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the logarithm of a double is small"
    )]
    let cell = (8.0 * value.log2()).ceil() as i16;
    cell
}
