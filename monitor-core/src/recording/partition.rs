//! Partitions: which cell an observation counts in, and which bucket of a page each cell is part of.
//!
//! A page may show an observation in two ways: in the buckets of its classic bounds ([`data::buckets`]), and in
//! exponential ones ([`data::native`]). Both are made of one count, in the *common refinement* of the two: its bounds,
//! the *edges*, are those of both, so each cell is part of one classic and of one exponential bucket, and a sum over
//! cells is exact for both. There may be any number of edges.
//!
//! [`data::buckets`]: crate::data::buckets
//! [`data::native`]: crate::data::native

use std::sync::Arc;

use crate::base::append::IN_MODEL;
use crate::base::clock::Clock;
use crate::base::sync::{Relaxed, StaticAtomicU64, leak};
use crate::data::native::{NativeBuckets, native_bound};
use crate::recording::ring::LONG;
use crate::recording::successes::TakeCells;

/// The exponential bounds among the edges, by index: from the zero threshold, 60 ns, to 2^63, the end of all that is
/// counted. A model has two.
const NATIVE: std::ops::RangeInclusive<i16> = -192..=if IN_MODEL { -191 } else { 504 };

/// The buckets of a page that a cell is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CellBuckets {
    /// The index of the classic one.
    pub(crate) classic: u16,
    /// The index of the exponential one; the first is the zero bucket.
    pub(crate) native: i16,
}

/// The cells of observations: of durations in ticks, of values in seconds or bytes.
///
/// # Definition
///
/// Cell `i` holds what is above `edges[i - 1]` and at most `edges[i]`; the last, what is above all edges.
#[derive(Debug)]
pub(crate) struct Partition<T> {
    /// The classic upper bounds.
    pub(crate) bounds: Arc<[f64]>,
    edges: Box<[T]>,
    /// By cell.
    buckets: Box<[CellBuckets]>,
    /// Of values alone: by [`value_step`], a cell from which it is not far to that of a value.
    near: Box<[u16]>,
}

impl<T: Copy + PartialOrd> Partition<T> {
    /// Of these classic bounds; `edge` is a bound as observations are compared with it, and never falls.
    fn new(bounds: &Arc<[f64]>, edge: impl Fn(f64) -> T) -> Self {
        let classic: Vec<T> = bounds.iter().map(|bound| edge(*bound)).collect();
        let native: Vec<T> = NATIVE
            .map(|index| edge(native_bound(index.into())))
            .collect();
        let mut edges: Vec<T> = classic.iter().chain(&native).copied().collect();
        edges.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
        edges.dedup_by(|one, other| one == other);
        let place = |of: &[T], edge: Option<&T>| {
            edge.map_or(of.len(), |edge| of.partition_point(|bound| bound < edge))
        };
        let cells = (0..=edges.len()).map(|cell| {
            let edge = edges.get(cell);
            let native = i16::try_from(place(&native, edge)).unwrap_or(i16::MAX);
            CellBuckets {
                classic: u16::try_from(place(&classic, edge)).unwrap_or(u16::MAX),
                native: NATIVE.start() + native,
            }
        });
        Self {
            bounds: Arc::clone(bounds),
            buckets: cells.collect(),
            edges: edges.into(),
            near: Box::default(),
        }
    }

    /// How many cells there are.
    pub(crate) fn cells(&self) -> usize {
        self.buckets.len()
    }

    /// The cell of an observation.
    pub(crate) fn cell(&self, observed: T) -> usize {
        self.edges.partition_point(|edge| *edge < observed)
    }

    /// The buckets that a cell is part of.
    pub(crate) fn buckets(&self, cell: usize) -> CellBuckets {
        let last = self.buckets.len() - 1;
        self.buckets[cell.min(last)]
    }

    /// Exponential buckets of counts by cell.
    pub(crate) fn native(&self, counts: &[u64]) -> NativeBuckets {
        let mut all = NativeBuckets::default();
        for (buckets, count) in self.buckets.iter().zip(counts).filter(|(_, n)| **n > 0) {
            if buckets.native == *NATIVE.start() {
                all.zero += count;
                continue;
            }
            let index = i32::from(buckets.native);
            match all.positive.last_mut() {
                Some((last, sum)) if *last == index => *sum += count,
                _ => all.positive.push((index, *count)),
            }
        }
        all
    }
}

impl Partition<f64> {
    /// Of values, in seconds or bytes.
    pub(crate) fn of_values(bounds: &Arc<[f64]>) -> Self {
        let new = Self::new(bounds, |bound| bound);
        let least = (1..VALUE_STEPS).map(|step| f64::from_bits((FIRST_STEP + step as u64) << 48));
        let near = [0.0].into_iter().chain(least);
        let near = near.map(|least| u16::try_from(new.cell(least)).unwrap_or(0));
        Self {
            near: near.collect(),
            ..new
        }
    }

    /// The cell of a value that is not negative: that of [`cell`](Self::cell), found in a step or two.
    pub(crate) fn cell_of_value(&self, value: f64) -> usize {
        let near = usize::from(self.near[value_step(value)]);
        let further = self.edges[near..].iter().take_while(|edge| **edge < value);
        near + further.count()
    }
}

/// The upper 16 bits of the first step of values and of the last: 2^-24 and 2^63. A step has the exponent and four more
/// bits, so there are 16 for each power of two.
const FIRST_STEP: u64 = (1023 - 24) << 4;
const LAST_STEP: u64 = (1023 + 63) << 4;

#[expect(clippy::cast_possible_truncation, reason = "some 1,400")]
const VALUE_STEPS: usize = (LAST_STEP - FIRST_STEP + 1) as usize;

/// The step of a value; those below the first are in that, those above the last in that.
fn value_step(value: f64) -> usize {
    // A zero has no sign here.
    let step = ((value + 0.0).to_bits() >> 48).clamp(FIRST_STEP, LAST_STEP);
    usize::try_from(step - FIRST_STEP).unwrap_or(0)
}

/// Counts of one outcome or value, added up over shards.
#[derive(Debug, Default)]
pub(crate) struct BucketTotals {
    /// By classic bucket.
    pub(crate) classic: Vec<u64>,
    /// By cell, where exponential buckets are wanted.
    by_cell: Option<Vec<u64>>,
}

impl BucketTotals {
    /// Of so many classic buckets, and maybe of exponential ones.
    pub(crate) fn new(classic: usize, with_native: bool) -> Self {
        Self {
            classic: vec![0; classic],
            by_cell: with_native.then(Vec::new),
        }
    }

    /// Adds to a cell.
    #[inline]
    pub(crate) fn add<T>(&mut self, cells: &Partition<T>, cell: usize, count: u64) {
        let Some(buckets) = cells.buckets.get(cell) else {
            return;
        };
        if let Some(total) = self.classic.get_mut(usize::from(buckets.classic)) {
            *total += count;
        }
        if let Some(by_cell) = &mut self.by_cell {
            if by_cell.is_empty() {
                by_cell.resize(cells.buckets.len(), 0);
            }
            if let Some(total) = by_cell.get_mut(cell) {
                *total += count;
            }
        }
    }

    /// The exponential buckets, if they were wanted.
    pub(crate) fn native<T: Copy + PartialOrd>(
        &self,
        cells: &Partition<T>,
    ) -> Option<NativeBuckets> {
        self.by_cell.as_ref().map(|counts| cells.native(counts))
    }
}

/// Totals that take the cells of a shard, once these are known to be those of one moment.
pub(crate) struct TotalsTaker<'a> {
    cells: &'a Partition<u64>,
    totals: &'a mut BucketTotals,
    /// As they were before, for the next try.
    before: &'a mut BucketTotals,
    /// Whether a try has begun.
    is_begun: bool,
}

impl<'a> TotalsTaker<'a> {
    /// `before` is room for a copy.
    #[inline]
    pub(crate) fn new(
        cells: &'a Partition<u64>,
        totals: &'a mut BucketTotals,
        before: &'a mut BucketTotals,
    ) -> Self {
        before.classic.clone_from(&totals.classic);
        before.by_cell.clone_from(&totals.by_cell);
        Self {
            cells,
            totals,
            before,
            is_begun: false,
        }
    }
}

impl TakeCells for TotalsTaker<'_> {
    #[inline]
    fn start_over(&mut self) {
        if std::mem::replace(&mut self.is_begun, true) {
            self.totals.classic.copy_from_slice(&self.before.classic);
            self.totals.by_cell.clone_from(&self.before.by_cell);
        }
    }

    #[inline]
    fn take(&mut self, cell: usize, count: u64) {
        self.totals.add(self.cells, cell, count);
    }
}

/// Steps of the look-up table for each power of two, as a power of two.
const STEPS_LOG2: u32 = 4;

/// All steps: those below [`LONG`] are 448, and a power of two needs no check of an index.
const STEPS: usize = 512;

/// In place of the first cell of a step with more edges than it can hold.
const AWAY: u32 = 1 << 31;

/// One step of the look-up table.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(16))]
struct Step {
    /// The edges within, at most two; in place of one that is not there, the greatest number.
    edges: [u32; 2],
    /// The cell of its least value.
    first: u32,
}

/// The cells of durations, with a table that leads to one without a search.
///
/// # Definition
///
/// The table has 16 steps for each power of two, each 3 to 6 % wide. A step holds the cell its least value is in and
/// the edges within, of which most steps have two at most: the cell of a duration is that cell, and one more for each
/// edge below the duration. A step with more edges, and a duration of [`LONG`] ticks or more, is searched.
#[derive(Debug)]
pub(crate) struct TickPartition {
    pub(crate) partition: Partition<u64>,
    /// Calls of at least so many ticks take the slow path: [`LONG`], or 0 once all of them are to.
    slow_from: StaticAtomicU64,
    steps: Box<[Step; STEPS]>,
}

impl TickPartition {
    pub(crate) fn new(bounds: &Arc<[f64]>, clock: &Clock) -> Self {
        let partition = Partition::new(bounds, |bound| clock.ticks(bound));
        let step = |at: usize| {
            let (least, greatest) = (lower_edge(at), lower_edge(at + 1) - 1);
            let first = partition.cell(least);
            let within = partition.edges[first..]
                .iter()
                .take_while(|edge| **edge < greatest);
            let mut edges = [u32::MAX; 2];
            let count = within.clone().count();
            for (edge, within) in edges.iter_mut().zip(within) {
                *edge = u32::try_from(*within).unwrap_or(u32::MAX);
            }
            let first = u32::try_from(first).ok().filter(|_| count <= edges.len());
            Step {
                edges,
                first: first.unwrap_or(AWAY),
            }
        };
        Self {
            steps: Box::new(std::array::from_fn(step)),
            partition,
            slow_from: StaticAtomicU64::new(LONG),
        }
    }

    /// One that stays for the life of the process.
    #[cfg(not(all(test, monitor_loom)))]
    pub(crate) fn leaked(bounds: &Arc<[f64]>, clock: &Clock) -> &'static Self {
        leak(Self::new(bounds, clock))
    }

    /// The same for a model, which makes storages by the hundred thousand, all with the same bounds and ticks.
    #[cfg(all(test, monitor_loom))]
    pub(crate) fn leaked(bounds: &Arc<[f64]>, clock: &Clock) -> &'static Self {
        static KNOWN: std::sync::Mutex<Vec<&TickPartition>> = std::sync::Mutex::new(Vec::new());
        let mut known = KNOWN.lock().expect("no panic");
        let found = known.iter().find(|one| one.partition.bounds == *bounds);
        found.copied().unwrap_or_else(|| {
            let new = leak(Self::new(bounds, clock));
            known.push(new);
            new
        })
    }

    /// Sends all calls the slow way from now on.
    pub(crate) fn force_slow_path(&self) {
        // Relaxed: a call that does not see it yet takes the fast path.
        self.slow_from.store(0, Relaxed);
    }

    /// From how many ticks on a call takes the slow path.
    #[inline]
    pub(crate) fn slow_from(&self) -> u64 {
        self.slow_from.load(Relaxed)
    }

    /// The cell of a duration.
    pub(crate) fn cell(&self, ticks: u64) -> usize {
        let is_short = ticks < LONG;
        let cell = is_short.then(|| self.cell_of_short(ticks) as usize);
        cell.filter(|cell| *cell < AWAY as usize)
            .unwrap_or_else(|| self.partition.cell(ticks))
    }

    /// How many cells there are.
    pub(crate) fn cells(&self) -> usize {
        self.partition.cells()
    }

    /// The cell of a duration below [`LONG`], or a number from [`AWAY`] on where it has to be searched.
    #[inline]
    pub(crate) fn cell_of_short(&self, ticks: u64) -> u32 {
        let step = &self.steps[step_of(ticks) & (STEPS - 1)];
        #[expect(clippy::cast_possible_truncation, reason = "below 2^31")]
        let short = ticks as u32;
        let [one, other] = step.edges;
        // One after the other: a comparison and an addition with carry each. Of a sum of both the compiler makes more.
        let cell = step.first + u32::from(one < short);
        cell + u32::from(other < short)
    }
}

/// The step of a duration below [`LONG`]: its four bits below the leading one, and the place of that one.
#[inline]
fn step_of(ticks: u64) -> usize {
    let shift = (ticks | (1 << STEPS_LOG2)).ilog2() - STEPS_LOG2;
    #[expect(clippy::cast_possible_truncation, reason = "at most 31")]
    let step = (ticks >> shift) as usize;
    ((shift as usize) << STEPS_LOG2) + step
}

/// The least duration of a step.
fn lower_edge(step: usize) -> u64 {
    let steps = 1 << STEPS_LOG2;
    if step < 2 * steps {
        return step as u64;
    }
    let shift = step / steps - 1;
    ((step % steps + steps) as u64) << shift
}

#[cfg(all(test, not(monitor_loom)))]
mod tests;
