//! The hand-written ideal: the least work of a design that can be scraped and survives a panic.
//!
//! Two raw tick reads; cells that one thread owns, reached through a thread-local table by the method's number and
//! listed where a scraper finds them; exact buckets by the table of 16 cells an octave; a drop guard. It has no tasks
//! in flight by age, no means of the last calls, no task status, no scopes, and cannot end a call on another thread.

use std::cell::Cell;
use std::hint::black_box;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use monitor_core::TIME_BOUNDS;

use crate::harness::{as_f64, to_u64};
use crate::peers::{Many, Recorder};
use crate::work::Answer;

const BUCKETS: usize = 64;
const METHODS: usize = 128;
const CELLS: usize = 61 << 4;

#[repr(align(128))]
struct Shard {
    clock: quanta::Clock,
    bounds: &'static Bounds,
    started: AtomicU64,
    ok: AtomicU64,
    failed: AtomicU64,
    errors: AtomicU64,
    ticks: AtomicU64,
    buckets: [AtomicU64; BUCKETS],
}

pub(crate) struct Bounds {
    clock: quanta::Clock,
    ticks: Vec<u64>,
    first: [u8; CELLS],
}

thread_local! {
    static TABLE: [Cell<Option<&'static Shard>>; METHODS] =
        const { [const { Cell::new(None) }; METHODS] };
}

thread_local! {
    static CLOCK: quanta::Clock = quanta::Clock::new();
}

/// All shards, for the scraper.
static SHARDS: Mutex<Vec<&'static Shard>> = Mutex::new(Vec::new());

pub(crate) static BOUNDS: LazyLock<Bounds> = LazyLock::new(Bounds::new);

/// The number of the one method, as a call site would keep it.
static METHOD: AtomicU32 = AtomicU32::new(1);

impl Bounds {
    fn new() -> Self {
        let clock = quanta::Clock::new();
        let nanos_per_tick = as_f64(clock.delta_as_nanos(0, 1 << 40)) / as_f64(1 << 40);
        let ticks: Vec<u64> = TIME_BOUNDS
            .iter()
            .map(|bound| to_u64(bound * 1e9 / nanos_per_tick))
            .collect();
        let first = std::array::from_fn(|cell| {
            let at = ticks.partition_point(|bound| *bound < lower_edge(cell));
            u8::try_from(at).unwrap_or(u8::MAX)
        });
        Self {
            clock,
            ticks,
            first,
        }
    }

    #[inline]
    pub(crate) fn bucket(&self, ticks: u64) -> usize {
        let shift = (ticks | 1).ilog2().saturating_sub(4);
        #[expect(clippy::cast_possible_truncation, reason = "at most 31")]
        let cell = ((shift as usize) << 4) + (ticks >> shift) as usize;
        let mut at = usize::from(self.first[cell]);
        while self.ticks.get(at).is_some_and(|bound| *bound < ticks) {
            at += 1;
        }
        at
    }
}

/// The least value of a cell.
fn lower_edge(cell: usize) -> u64 {
    match (cell >> 4).checked_sub(1) {
        None => cell as u64,
        Some(shift) => ((cell % 16 + 16) as u64) << shift,
    }
}

#[inline]
pub(crate) fn bump(cell: &AtomicU64, by: u64) {
    cell.store(
        cell.load(Ordering::Relaxed).wrapping_add(by),
        Ordering::Release,
    );
}

#[cold]
fn register(cell: &Cell<Option<&'static Shard>>) -> &'static Shard {
    let shard: &'static Shard = Box::leak(Box::new(Shard {
        clock: BOUNDS.clock.clone(),
        bounds: &BOUNDS,
        started: AtomicU64::new(0),
        ok: AtomicU64::new(0),
        failed: AtomicU64::new(0),
        errors: AtomicU64::new(0),
        ticks: AtomicU64::new(0),
        buckets: std::array::from_fn(|_| AtomicU64::new(0)),
    }));
    SHARDS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(shard);
    cell.set(Some(shard));
    shard
}

/// The recorder.
pub(crate) struct Ideal;

/// One call; dropped without an end it counts as failed.
pub(crate) struct Guard {
    shard: &'static Shard,
    start: u64,
}

impl Guard {
    #[inline]
    fn note(&self, failed: bool) {
        let shard = self.shard;
        let ticks = shard.clock.raw().saturating_sub(self.start);
        if failed {
            bump(&shard.failed, 1);
            bump(&shard.errors, 1);
        } else {
            bump(&shard.ok, 1);
        }
        bump(&shard.ticks, ticks);
        bump(
            &shard.buckets[shard.bounds.bucket(ticks) & (BUCKETS - 1)],
            1,
        );
    }
}

impl Drop for Guard {
    #[cold]
    fn drop(&mut self) {
        self.note(true);
    }
}

#[inline]
fn begin(method: usize) -> Guard {
    TABLE.with(|table| {
        let cell = &table[method & (METHODS - 1)];
        let shard = cell.get().unwrap_or_else(|| register(cell));
        bump(&shard.started, 1);
        Guard {
            shard,
            start: shard.clock.raw(),
        }
    })
}

impl Many for Ideal {
    #[inline]
    fn start_of(method: usize) -> Guard {
        begin(method + 2)
    }
}

impl Recorder for Ideal {
    type Call = Guard;

    #[inline]
    fn start() -> Guard {
        begin(METHOD.load(Ordering::Relaxed) as usize)
    }

    #[inline]
    fn end(call: Guard, answer: &Answer) {
        ManuallyDrop::new(call).note(answer.is_err());
    }
}

/// The floor under every design with exact durations: two tick reads, and nothing done with them.
pub(crate) struct Ticks;

impl Recorder for Ticks {
    type Call = u64;

    #[inline]
    fn start() -> u64 {
        CLOCK.with(quanta::Clock::raw)
    }

    #[inline]
    fn end(start: u64, _: &Answer) {
        black_box(CLOCK.with(quanta::Clock::raw).saturating_sub(start));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_buckets_are_exact() {
        for (index, bound) in BOUNDS.ticks.iter().enumerate() {
            assert_eq!(BOUNDS.bucket(*bound), index);
            assert_eq!(BOUNDS.bucket(bound + 1), index + 1);
        }
        assert_eq!(BOUNDS.bucket(u64::MAX), BOUNDS.ticks.len());
    }
}
