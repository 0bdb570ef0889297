//! The calls of one shard that succeeded, counted later than they end: from the ring, a batch at a time.
//!
//! The ring ([`Ring`]) holds the duration of each call already, so the end of a call does no more than enter it there.
//! The owner adds the entries to cells and sum at every [`BATCH`]th call; a reader adds those that are not in the cells
//! yet by itself. So what a reader gets is exact to the call, while the end of a call waits for no look-up of a cell.
//!
//! # Consistency
//!
//! Entries up to `folded`, a multiple of [`BATCH`], are in the cells. To *fold* the next ones, the owner writes the totals
//! that will hold then into the pair that is not the current one, adds each entry to its cell, in their order, and moves
//! `folded` on, which makes the new totals the current ones. Each store is a Release, each load of a reader an Acquire. A
//! reader takes `folded` with the current totals, the cells, the end of the ring and the entries from `folded` on, and
//! then `folded` again:
//!
//! - `folded` is another: the owner has come further meanwhile. The reader tries again.
//! - It is the same, and the cells add up to the calls of the totals. A cell never falls, so each is as it was at
//!   `folded`: the rest is in the ring.
//! - It is the same, and there are `n` more in the cells: the owner is in a fold. If the reader sees the same sum once
//!   more, all cells are the same once more. Then they are those of one moment: the first read of the newest entry
//!   that was added made all earlier ones visible to the second. So the first `n` entries are in the cells, and an owner
//!   that stops within a fold, for as long as the system likes, delays no reader.
//!
//! Times are added up in the same groups on both sides, a batch before it is added to the total: a sum of floats that
//! was rounded in another order could be lower than the one a reader saw before.
//!
//! A reader fails only while the owner runs. After [`TRIES`] times it asks the owner for a copy, which that makes at the
//! end of its next fold, unless the lock of the last copy is taken at that moment; and goes on trying. So it ends when
//! the owner goes on, and when the owner stops. (Readers take that lock to move a buffer in or out. Only one that is
//! stopped right there makes another reader of the same shard go on trying.)

use crate::base::append::IN_MODEL;
use crate::base::sync::{
    Acquire, AtomicU32, AtomicU64, Mutex, Once, Relaxed, Release, leak, try_lock, yield_now,
};
use crate::recording::cells::CellCounts;
use crate::recording::partition::TickPartition;
use crate::recording::ring::Ring;

/// Calls that are folded at once: a power of two, so that they are whole lines of the ring.
pub(crate) const BATCH: usize = if IN_MODEL { 2 } else { 16 };

/// The same as a step of calls.
const STEP: u64 = BATCH as u64;

/// How often a reader tries before it asks for a copy.
// In a model more than the owner folds, but for the model that asks for one.
const TRIES: u32 = if IN_MODEL { 8 } else { 32 };

/// The durations of the calls of a [`Ring`] that succeeded; one writer, any number of readers.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Successes {
    /// How many entries of the ring are in the cells.
    folded: AtomicU64,
    /// The current ones in turn, from fold to fold.
    totals: [FoldedTotals; 2],
    copy: Once<&'static CopyForReaders>,
    cells: CellCounts,
}

/// All calls in the cells.
#[derive(Debug, Default)]
struct FoldedTotals {
    calls: AtomicU64,
    /// How long they took in all: the bits of a float. Sums of ticks are exact to 2^53 (40 days at 2.6 GHz), and have no
    /// end where 64 bits of ticks overflow after a week of 10,000 tasks at once.
    ticks: AtomicU64,
}

/// The successes of a shard at one moment.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(crate) struct SuccessTotals {
    pub(crate) calls: u64,
    /// How long they took in all.
    pub(crate) ticks: f64,
    /// How many calls had been entered.
    pub(crate) entered: u64,
}

/// Takes the cells of the successes as a reader comes by them. A cell may come several times.
pub(crate) trait TakeCells {
    /// A try begins: the cells of the one before do not count.
    fn start_over(&mut self);

    /// So many calls in a cell.
    fn take(&mut self, cell: usize, count: u64);
}

impl TakeCells for Vec<(usize, u64)> {
    fn start_over(&mut self) {
        self.clear();
    }

    #[inline]
    fn take(&mut self, cell: usize, count: u64) {
        self.push((cell, count));
    }
}

/// What the owner leaves for readers that could not read.
#[derive(Debug, Default)]
struct CopyForReaders {
    /// 1 if a reader asks for one.
    is_wanted: AtomicU32,
    /// A copy, where there is one: a reader takes it out. Before, it is the room that a reader made for one, as the owner
    /// allocates nothing. The owner never waits for this lock.
    counts: Mutex<Copied>,
}

#[derive(Debug, Default)]
struct Copied {
    cells: Vec<(usize, u64)>,
    totals: SuccessTotals,
}

/// The last try of a reader to read a shard: `folded`, and the sum of the cells.
type LastTry = Option<(u64, u64)>;

impl Successes {
    /// Where its cells begin.
    #[cfg(all(test, not(monitor_loom)))]
    pub(crate) const CELLS_AT: usize = std::mem::offset_of!(Self, cells) + CellCounts::CELLS_AT;

    pub(crate) fn new() -> Self {
        Self {
            folded: AtomicU64::new(0),
            totals: Default::default(),
            copy: Once::new(),
            cells: CellCounts::new(),
        }
    }

    /// The totals that are the current ones once so many entries are folded.
    fn totals_at(&self, folded: u64) -> &FoldedTotals {
        let [even, odd] = &self.totals;
        if (folded / STEP).is_multiple_of(2) {
            even
        } else {
            odd
        }
    }

    /// Adds the entries of the ring that are not in the cells yet to those; only the owner, at each [`BATCH`]th entry.
    #[inline(never)]
    pub(crate) fn fold(&self, ring: &Ring, partition: &TickPartition) {
        let folded = self.folded.load(Relaxed);
        match ring.usual_batch(folded) {
            Some(durations) if !self.cells.is_unplaced() => {
                let ticks = durations.clone().sum();
                self.write_next_totals(folded, STEP, ticks_as_f64(ticks));
                let window = self.cells.window();
                for duration in durations {
                    if !window.add(partition.cell_of_short(duration)) {
                        self.cells.add(partition.cell(duration));
                    }
                }
            }
            _ => self.fold_slow(ring, partition, folded),
        }
        self.folded.store(folded + STEP, Release);
        if let Some(copy) = self.copy.get() {
            self.copy_if_wanted(copy, partition);
        }
    }

    /// The same for a batch with calls that failed or were long, and for the first.
    #[inline(never)]
    fn fold_slow(&self, ring: &Ring, partition: &TickPartition, folded: u64) {
        let mut batch = [0; BATCH];
        let mut calls = 0;
        let successes = (folded..folded + STEP).filter_map(|seq| ring.success(seq));
        for (place, duration) in batch.iter_mut().zip(successes) {
            *place = duration;
            calls += 1;
        }
        let durations = &batch[..calls];
        let ticks = durations.iter().map(|ticks| ticks_as_f64(*ticks));
        self.write_next_totals(
            folded,
            calls as u64,
            ticks.fold(0.0, |sum, more| sum + more),
        );
        if self.cells.is_unplaced() && calls > 0 {
            let mut sorted = batch;
            sorted[..calls].sort_unstable();
            self.cells.place_around(partition.cell(sorted[calls / 2]));
        }
        for duration in durations {
            self.cells.add(partition.cell(*duration));
        }
    }

    /// Writes the totals that hold once the entries from `folded` on, so many calls of so many ticks, are folded.
    #[inline]
    fn write_next_totals(&self, folded: u64, calls: u64, ticks: f64) {
        let [before, after] = [folded, folded + STEP].map(|folded| self.totals_at(folded));
        let ticks = f64::from_bits(before.ticks.load(Relaxed)) + ticks;
        after.ticks.store(ticks.to_bits(), Release);
        after
            .calls
            .store(before.calls.load(Relaxed) + calls, Release);
    }

    /// Loads the words that say where the counts are: see [`MethodList`](crate::recording::method::MethodList).
    pub(crate) fn prefetch_head(&self) -> u64 {
        self.folded.load(Relaxed) ^ self.cells.prefetch_head()
    }

    /// Loads the cells that are not empty.
    pub(crate) fn prefetch(&self) -> u64 {
        self.cells.prefetch()
    }

    #[cold]
    #[inline(never)]
    fn copy_if_wanted(&self, copy: &CopyForReaders, partition: &TickPartition) {
        if copy.is_wanted.load(Relaxed) == 0 {
            return;
        }
        let has_room = |copied: &Copied| copied.cells.capacity() >= partition.cells();
        if let Some(mut copied) = try_lock(&copy.counts).filter(|copied| has_room(copied)) {
            copy.is_wanted.store(0, Relaxed);
            let folded = self.folded.load(Relaxed);
            copied.cells.clear();
            self.read_cells(&mut copied.cells);
            copied.totals = self.read_totals(folded);
        }
    }

    /// The current totals.
    fn read_totals(&self, folded: u64) -> SuccessTotals {
        let totals = self.totals_at(folded);
        SuccessTotals {
            calls: totals.calls.load(Acquire),
            ticks: f64::from_bits(totals.ticks.load(Acquire)),
            entered: folded,
        }
    }

    /// Hands over the cells, and returns their sum.
    #[inline]
    fn read_cells(&self, to: &mut impl TakeCells) -> u64 {
        let mut sum = 0;
        self.cells.each(|cell, count| {
            to.take(cell, count);
            sum += count;
        });
        sum
    }

    /// Reads them, those of the ring that are not in the cells included. `Err` if it had to ask for a copy.
    pub(crate) fn read(
        &self,
        ring: &Ring,
        partition: &TickPartition,
        to: &mut impl TakeCells,
    ) -> Result<SuccessTotals, SuccessTotals> {
        let mut last = None;
        let mut tries = (0..TRIES).filter_map(|_| self.try_read(ring, partition, to, &mut last));
        match tries.next() {
            Some(totals) => Ok(totals),
            None => Err(self.read_beside_owner(ring, partition, to)),
        }
    }

    /// Reads them, if they are those of one moment.
    #[inline]
    fn try_read(
        &self,
        ring: &Ring,
        partition: &TickPartition,
        to: &mut impl TakeCells,
        last: &mut LastTry,
    ) -> Option<SuccessTotals> {
        to.start_over();
        let folded = self.folded.load(Acquire);
        let mut totals = self.read_totals(folded);
        let sum = self.read_cells(to);
        pass();
        totals.entered = ring.entered();
        let more = sum.wrapping_sub(totals.calls);
        let now = Some((folded, sum));
        let is_whole = more == 0 || std::mem::replace(last, now) == now;
        // The second only ends a walk that is in vain: the look at `folded` below finds that too.
        if !is_whole || totals.entered - folded > STEP {
            return None;
        }
        pass();
        let rest = (folded..totals.entered).filter_map(|seq| ring.success(seq));
        let mut ticks = 0.0;
        for (at, duration) in (0..).zip(rest) {
            totals.calls += 1;
            ticks += ticks_as_f64(duration);
            if at >= more {
                to.take(partition.cell(duration), 1);
            }
        }
        totals.ticks += ticks;
        // Every load before was an Acquire: if any saw what was stored after another fold, this sees that fold.
        (self.folded.load(Relaxed) == folded).then_some(totals)
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn read_beside_owner(
        &self,
        ring: &Ring,
        partition: &TickPartition,
        to: &mut impl TakeCells,
    ) -> SuccessTotals {
        // No reader has seen more than this.
        let since = ring.entered().max(1);
        let copy = self.copy.get_or_init(|| leak(CopyForReaders::default()));
        let mut last = None;
        loop {
            if let Some(totals) = self.try_read(ring, partition, to, &mut last) {
                // Nothing is kept for the next time; a reader that goes on makes room again.
                let left = try_lock(&copy.counts).map(|mut copied| std::mem::take(&mut *copied));
                drop(left);
                return totals;
            }
            if let Some(mut copied) = try_lock(&copy.counts) {
                if copied.totals.entered >= since {
                    let Copied { cells, totals } = std::mem::take(&mut *copied);
                    drop(copied);
                    to.start_over();
                    for (cell, count) in cells {
                        to.take(cell, count);
                    }
                    return totals;
                }
                copied.totals.entered = 0;
                copied.cells.clear();
                copied.cells.reserve(partition.cells());
            }
            copy.is_wanted.store(1, Relaxed);
            yield_now();
        }
    }
}

/// A place in the middle of a read where tests can make it wait.
#[cfg(not(all(test, not(monitor_loom))))]
fn pass() {}

#[cfg(all(test, not(monitor_loom)))]
use tests::pass;

/// One instruction, where a conversion from `u64` is a branch and several.
#[inline]
#[expect(
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    reason = "a duration is below 2^63 ticks, and precise enough"
)]
pub(crate) fn ticks_as_f64(ticks: u64) -> f64 {
    ticks as i64 as f64
}

#[cfg(all(test, not(monitor_loom)))]
mod tests;
