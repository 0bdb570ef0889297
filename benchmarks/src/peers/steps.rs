//! The call by hand, part by part: the cost that each part of recording adds to two tick reads.
//!
//! Each step does one thing more than the one before, so a figure less the one above is the part's price in these
//! surroundings. The last step does the work of a monitored call, in one piece that the compiler sees whole.

use std::cell::Cell;
use std::hint::black_box;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::peers::Recorder;
use crate::peers::ideal::{BOUNDS, Bounds, bump};
use crate::work::Answer;

/// The addition of each step, in order; [`Steps`] with `N` does the first `N` of them on top of the tick reads.
pub(crate) const PARTS: [&str; 7] = [
    "+ shard found, started",
    "+ success by bucket, exact",
    "+ time spent",
    "+ drop guard",
    "+ ring of last calls",
    "+ slot of the task",
    "+ status words compared",
];

const BUCKETS: usize = 64;
const RING: usize = 128;
const SLOTS: u32 = 16;

#[repr(align(128))]
struct Cells {
    clock: quanta::Clock,
    bounds: &'static Bounds,
    started: AtomicU64,
    ticks: AtomicU64,
    head: AtomicU64,
    last_end: AtomicU64,
    free: AtomicU32,
    seen: [AtomicU64; 2],
    words: [&'static AtomicU64; 2],
    slots: [AtomicU64; SLOTS as usize],
    buckets: [AtomicU64; BUCKETS],
    ring: [AtomicU64; RING],
}

static OWN: AtomicU64 = AtomicU64::new(0);
static DEFAULT: AtomicU64 = AtomicU64::new(0);

/// The number of the one method, as a call site would keep it.
static METHOD: AtomicU32 = AtomicU32::new(1);

thread_local! {
    static TABLE: [Cell<Option<&'static Cells>>; 128] = const { [const { Cell::new(None) }; 128] };
}

#[cold]
fn make(cell: &Cell<Option<&'static Cells>>) -> &'static Cells {
    fn zeros<const N: usize>() -> [AtomicU64; N] {
        std::array::from_fn(|_| AtomicU64::new(0))
    }
    let cells: &'static Cells = Box::leak(Box::new(Cells {
        clock: quanta::Clock::new(),
        bounds: &BOUNDS,
        started: AtomicU64::new(0),
        ticks: AtomicU64::new(0),
        head: AtomicU64::new(0),
        last_end: AtomicU64::new(0),
        free: AtomicU32::new((1 << SLOTS) - 1),
        seen: zeros(),
        words: [&OWN, &DEFAULT],
        slots: zeros(),
        buckets: zeros(),
        ring: zeros(),
    }));
    cell.set(Some(cells));
    cells
}

/// A recorder that does the first `N` parts.
pub(crate) struct Steps<const N: usize>;

/// One call; from the fourth part on, dropping it without an end is noted.
pub(crate) struct Call<const N: usize> {
    cells: &'static Cells,
    start: u64,
    slot: u32,
}

impl<const N: usize> Call<N> {
    #[inline]
    fn note(&self) {
        let cells = self.cells;
        let end = cells.clock.raw();
        let ticks = end.saturating_sub(self.start);
        if N < 2 {
            black_box(ticks);
        }
        if N >= 7 {
            for (word, seen) in cells.words.iter().zip(&cells.seen) {
                if word.load(Ordering::Relaxed) != seen.load(Ordering::Relaxed) {
                    changed(seen, word);
                }
            }
        }
        if N >= 6 {
            cells.slots[(self.slot % SLOTS) as usize].store(0, Ordering::Release);
            let free = cells.free.load(Ordering::Relaxed) | (1 << (self.slot % SLOTS));
            cells.free.store(free, Ordering::Relaxed);
        }
        if N >= 5 {
            let head = cells.head.load(Ordering::Relaxed);
            let step = (end >> 20).max(cells.last_end.load(Ordering::Relaxed));
            #[expect(clippy::cast_possible_truncation, reason = "masked")]
            let place = head as usize & (RING - 1);
            cells.ring[place].store((step << 32) | (ticks & 0x7fff_ffff), Ordering::Release);
            cells.last_end.store(step, Ordering::Relaxed);
            cells.head.store(head + 1, Ordering::Release);
        }
        if N >= 2 {
            bump(
                &cells.buckets[cells.bounds.bucket(ticks) & (BUCKETS - 1)],
                1,
            );
        }
        if N >= 3 {
            bump(&cells.ticks, ticks);
        }
    }
}

#[cold]
fn changed(seen: &AtomicU64, word: &AtomicU64) {
    seen.store(word.load(Ordering::Relaxed), Ordering::Relaxed);
}

impl<const N: usize> Drop for Call<N> {
    #[cold]
    fn drop(&mut self) {
        if N >= 4 {
            self.note();
        }
    }
}

impl<const N: usize> Recorder for Steps<N> {
    type Call = Call<N>;

    #[inline]
    fn start() -> Call<N> {
        let method = METHOD.load(Ordering::Relaxed) as usize & 127;
        TABLE.with(|table| {
            let cells = table[method].get().unwrap_or_else(|| make(&table[method]));
            bump(&cells.started, 1);
            let start = cells.clock.raw();
            let mut slot = 0;
            if N >= 6 {
                let free = cells.free.load(Ordering::Relaxed);
                slot = free.trailing_zeros();
                cells
                    .free
                    .store(free & free.wrapping_sub(1), Ordering::Relaxed);
                cells.slots[(slot % SLOTS) as usize].store((start << 1) | 1, Ordering::Release);
            }
            Call { cells, start, slot }
        })
    }

    #[inline]
    fn end(call: Call<N>, _: &Answer) {
        ManuallyDrop::new(call).note();
    }
}
