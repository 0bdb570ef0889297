//! Histogram bounds: the presets, and the search for the bucket of a duration.

use std::sync::{Arc, LazyLock};

use crate::clock::Clock;
use crate::sync::{StaticAtomicU8, StaticOrdering};

/// Upper bounds of durations in seconds: the original's 47, and six below 10 ms because Rust services live there.
#[rustfmt::skip]
pub const TIME_BOUNDS: [f64; 53] = [
    0.0, 0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005,
    0.01, 0.02, 0.03, 0.05, 0.1, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0,
    15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 45.0, 50.0, 55.0, 60.0, 90.0, 120.0, 180.0, 240.0, 270.0, 300.0, 360.0,
    420.0, 480.0, 540.0, 600.0, 900.0, 1200.0, 1500.0, 1800.0, 3600.0,
];

/// Upper bounds of sizes in bytes: the original's.
#[rustfmt::skip]
pub const SIZE_BOUNDS: [f64; 55] = [
    0.0, 1.0, 5.0, 10.0, 20.0, 50.0, 100.0, 500.0, 1000.0, 5000.0, 10_000.0, 15_000.0, 30_000.0, 150_000.0,
    300_000.0, 450_000.0, 600_000.0, 750_000.0, 900_000.0, 1_050_000.0, 1_200_000.0, 1_350_000.0, 1_500_000.0,
    1_800_000.0, 2_100_000.0, 2_400_000.0, 2_700_000.0, 3_000_000.0, 3_750_000.0, 4_500_000.0, 6_000_000.0,
    7_500_000.0, 9_000_000.0, 10_500_000.0, 12_000_000.0, 13_500_000.0, 15_000_000.0, 17_500_000.0, 20_000_000.0,
    25_000_000.0, 35_000_000.0, 50_000_000.0, 65_000_000.0, 80_000_000.0, 100_000_000.0, 120_000_000.0,
    140_000_000.0, 160_000_000.0, 200_000_000.0, 260_000_000.0, 360_000_000.0, 500_000_000.0, 750_000_000.0,
    1_000_000_000.0, 2_000_000_000.0,
];

/// [`TIME_BOUNDS`], shared.
pub(crate) fn time_bounds() -> Arc<[f64]> {
    static BOUNDS: LazyLock<Arc<[f64]>> = LazyLock::new(|| Arc::from(TIME_BOUNDS));
    Arc::clone(&BOUNDS)
}

/// [`SIZE_BOUNDS`], shared.
pub(crate) fn size_bounds() -> Arc<[f64]> {
    static BOUNDS: LazyLock<Arc<[f64]>> = LazyLock::new(|| Arc::from(SIZE_BOUNDS));
    Arc::clone(&BOUNDS)
}

/// Most buckets a histogram may have, the one above every bound included.
pub(crate) const MAX_BUCKETS: usize = if cfg!(all(test, monitor_loom)) { 2 } else { 64 };

/// Most buckets of durations: a method may have bounds of its own beside the common ones.
pub(crate) const MAX_DURATION_BUCKETS: usize = if cfg!(all(test, monitor_loom)) {
    MAX_BUCKETS
} else {
    2 * MAX_BUCKETS
};

/// Checks bounds that a method has beside the common ones.
///
/// # Panics
///
/// If there are none, if one is negative or not finite, if they do not increase, or if there are more than fit beside the
/// common ones. Called for a static, that is an error of the compiler.
pub(crate) const fn check_bounds(bounds: &[f64]) {
    assert!(!bounds.is_empty(), "there are no bounds");
    let (mut at, mut own) = (0, 0);
    while at < bounds.len() {
        assert!(
            bounds[at].is_finite() && bounds[at] >= 0.0,
            "a bound is negative or not finite"
        );
        assert!(
            at == 0 || bounds[at - 1] < bounds[at],
            "the bounds do not increase strictly"
        );
        own += if is_common(bounds[at]) { 0 } else { 1 };
        at += 1;
    }
    assert!(
        own + TIME_BOUNDS.len() < 128,
        "there are more than 74 bounds beside the common ones"
    );
}

#[expect(clippy::float_cmp, reason = "the same bound, or another")]
const fn is_common(bound: f64) -> bool {
    let mut at = 0;
    while at < TIME_BOUNDS.len() {
        if TIME_BOUNDS[at] == bound {
            return true;
        }
        at += 1;
    }
    false
}

/// The common bounds with a method's own among them: the common ones stay, for the histogram over all methods.
pub(crate) fn with_own_bounds(common: &[f64], own: &[f64]) -> Arc<[f64]> {
    let mut all: Vec<f64> = common.iter().chain(own).copied().collect();
    all.sort_unstable_by(f64::total_cmp);
    all.dedup();
    all.truncate(MAX_DURATION_BUCKETS - 1);
    all.into()
}

/// Index of the bucket of a value: the first bound that is not below it, or one past the last.
pub(crate) fn bucket_of(bounds: &[f64], value: f64) -> usize {
    bounds
        .partition_point(|bound| *bound < value)
        .min(MAX_BUCKETS - 1)
}

/// Cells an octave of the look-up table; with 16, few cells hold more than one of the presets' bounds.
const CELLS_PER_OCTAVE_LOG2: u32 = 4;
const CELLS: usize = (64 - CELLS_PER_OCTAVE_LOG2 as usize + 1) << CELLS_PER_OCTAVE_LOG2;

/// Lengths of the arrays: powers of two, so that an index need not be checked; for the first look at the edges not even
/// masked, as a byte cannot be past them.
const TABLE: usize = CELLS.next_power_of_two();
const EDGES: usize = 1 << u8::BITS;

/// Bounds of durations in ticks, with a table that leads to the bucket of any tick count in a step or two.
///
/// # Definition
///
/// The table has 16 cells for each power of two. A cell holds the first bound at or above its lower edge; the search
/// starts there and walks on while the bound is below the value, so it is exact for any bounds. (A search by octave
/// or from the front looks faster in a loop over equal calls, where the branch is learnt, and is slower on real
/// durations.)
#[derive(Debug)]
pub(crate) struct TickBounds {
    /// Past the last bound each holds the greatest value, so the search needs no other end.
    ticks: [u64; EDGES],
    /// Where the search of the recording path starts. All past the end once somebody wants to see every call: those are
    /// then sent on the rare way, and while nobody does, a call does not even ask.
    first: [StaticAtomicU8; TABLE],
    /// Where it starts in truth.
    exact: [u8; TABLE],
}

impl TickBounds {
    pub(crate) fn new(bounds: &[f64], clock: &Clock) -> Self {
        let mut ticks = [u64::MAX; EDGES];
        for (edge, bound) in ticks[..MAX_DURATION_BUCKETS - 1].iter_mut().zip(bounds) {
            *edge = clock.ticks(*bound);
        }
        let mut first = [0; TABLE];
        for (cell, entry) in first[..CELLS].iter_mut().enumerate() {
            let at = ticks.partition_point(|bound| *bound < lower_edge(cell));
            *entry = u8::try_from(at).unwrap_or(u8::MAX);
        }
        Self {
            ticks,
            exact: first,
            first: first.map(StaticAtomicU8::new),
        }
    }

    /// From now on [`bucket`](Self::bucket) gives the last bucket there can be, whatever the duration.
    pub(crate) fn send_all_away(&self) {
        let end = u8::try_from(MAX_DURATION_BUCKETS - 1).unwrap_or(u8::MAX);
        // Relaxed: a call that does not see it yet ends the common way.
        self.first
            .iter()
            .for_each(|cell| cell.store(end, StaticOrdering::Relaxed));
    }

    /// The bucket of a duration, unless all are sent away; below [`MAX_DURATION_BUCKETS`].
    #[inline]
    pub(crate) fn bucket(&self, ticks: u64) -> usize {
        self.search(
            self.first[cell_of(ticks) & (TABLE - 1)].load(StaticOrdering::Relaxed),
            ticks,
        )
    }

    /// The bucket of a duration.
    pub(crate) fn exact_bucket(&self, ticks: u64) -> usize {
        self.search(self.exact[cell_of(ticks) & (TABLE - 1)], ticks)
    }

    #[inline]
    fn search(&self, first: u8, ticks: u64) -> usize {
        let mut at = usize::from(first);
        while self.ticks[at & (EDGES - 1)] < ticks {
            at += 1;
        }
        at & (EDGES - 1)
    }
}

/// The cell of a value: its four bits below the leading one, and the place of that one.
#[inline]
fn cell_of(value: u64) -> usize {
    let leading = (value | 1).ilog2();
    let shift = leading.saturating_sub(CELLS_PER_OCTAVE_LOG2);
    #[expect(clippy::cast_possible_truncation, reason = "at most 31")]
    let step = (value >> shift) as usize;
    ((shift as usize) << CELLS_PER_OCTAVE_LOG2) + step
}

/// The least value of a cell.
fn lower_edge(cell: usize) -> u64 {
    let steps = 1 << CELLS_PER_OCTAVE_LOG2;
    if cell < 2 * steps {
        return cell as u64;
    }
    let shift = cell / steps - 1;
    ((cell % steps + steps) as u64) << shift
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_cell_begins_at_its_lower_edge() {
        for cell in 0..CELLS {
            assert_eq!(cell_of(lower_edge(cell)), cell);
            if lower_edge(cell) > 0 {
                assert_eq!(cell_of(lower_edge(cell) - 1), cell - 1);
            }
        }
        assert_eq!(cell_of(u64::MAX), CELLS - 1);
    }

    #[test]
    fn sent_away_every_duration_is_past_the_inline_cells_and_exact_all_the_same() {
        let (clock, _) = Clock::manual(0.0);
        let bounds = TickBounds::new(&TIME_BOUNDS, &clock);
        bounds.send_all_away();
        for ticks in [0, 1, 1 << 20, u64::MAX] {
            assert!(bounds.bucket(ticks) >= MAX_BUCKETS);
            let exact = TickBounds::new(&TIME_BOUNDS, &clock).bucket(ticks);
            assert_eq!(bounds.exact_bucket(ticks), exact);
        }
    }

    #[test]
    fn an_edge_belongs_to_its_bucket() {
        let (clock, _) = Clock::manual(0.0);
        let bounds = TickBounds::new(&TIME_BOUNDS, &clock);
        for (index, bound) in TIME_BOUNDS.iter().enumerate() {
            let edge = clock.ticks(*bound);
            assert_eq!(bounds.bucket(edge), index);
            assert_eq!(bounds.bucket(edge + 1), index + 1);
        }
    }

    proptest! {
        #[test]
        fn the_search_equals_a_linear_scan(
            mut bounds in proptest::collection::vec(0.0_f64..1e5, 1..60),
            value in any::<u64>(),
            shift in 0_u32..64,
        ) {
            bounds.sort_by(f64::total_cmp);
            let (clock, _) = Clock::manual(0.0);
            let value = value >> shift;
            let linear = bounds.iter().take_while(|bound| clock.ticks(**bound) < value).count();
            prop_assert_eq!(TickBounds::new(&bounds, &clock).bucket(value), linear);
        }
    }
}
