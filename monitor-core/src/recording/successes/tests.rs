use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed as StdRelaxed};

use super::*;
use crate::base::clock::Clock;
use crate::base::sync::lock;
use crate::data::buckets::TIME_BOUNDS;

/// One shard's calls, with its owner.
struct Calls {
    ring: Ring,
    successes: Successes,
    partition: TickPartition,
}

/// Durations that are far apart: each in a cell of its own, one of them in another window. All are multiples of 4, and the
/// longest is short enough for their sum to be exact (to 2^55) for 31 million calls: an owner of a test that takes long
/// makes millions.
const DURATIONS: [u64; 7] = [100, 200, 1_000, 5_000, 20_000, 1_000_000, 8_000_000_000];

impl Calls {
    fn new() -> &'static Self {
        let (clock, _) = Clock::manual(0.0);
        leak(Self {
            ring: Ring::new(),
            successes: Successes::new(),
            partition: TickPartition::new(&Arc::from(TIME_BOUNDS), &clock),
        })
    }

    /// The next call ends; every 11th failed.
    fn end_next(&self) {
        let at = self.ring.next();
        let duration = duration(at);
        let entered = if is_failed(at) {
            self.ring.push_failed(at, duration)
        } else {
            self.ring.push(at, duration)
        };
        if entered.is_multiple_of(STEP) {
            self.successes.fold(&self.ring, &self.partition);
        }
    }

    /// Reads, and checks that nothing is missing and nothing too much. Returns false if it had to ask for a copy.
    fn read(&self, counts: &mut Copied) -> bool {
        let cells = &mut counts.cells;
        let read = self.successes.read(&self.ring, &self.partition, cells);
        counts.totals = read.unwrap_or_else(|copied| copied);
        self.check(counts);
        read.is_ok()
    }

    fn check(&self, counts: &Copied) {
        let succeeded = |duration: u64| {
            let place = DURATIONS.iter().position(|one| *one == duration);
            let place = place.expect("one of them") as u64;
            successes_of(place, counts.totals.entered)
        };
        let SuccessTotals { entered, .. } = counts.totals;
        let (mut ticks, mut calls) = (0.0, 0);
        for duration in DURATIONS {
            let cell = self.partition.cell(duration);
            let of_cell = counts.cells.iter().filter(|(at, _)| *at == cell);
            let found: u64 = of_cell.map(|(_, count)| count).sum();
            assert_eq!(found, succeeded(duration), "{duration} of {entered}");
            ticks += ticks_as_f64(duration * found);
            calls += found;
        }
        assert_eq!(calls, counts.totals.calls);
        let found = counts.totals.ticks;
        assert!((ticks - found).abs() < 0.5, "{ticks} {found}");
    }
}

fn duration(at: u64) -> u64 {
    DURATIONS[usize::try_from(at % 7).expect("small")]
}

fn is_failed(at: u64) -> bool {
    at % 11 == 5
}

/// Calls below `entered` with this remainder modulo 7 that succeeded.
fn successes_of(remainder: u64, entered: u64) -> u64 {
    let below = |modulus: u64, remainder: u64| (entered + modulus - 1 - remainder) / modulus;
    // By the remainder modulo 77 that has both.
    let both = (0..77).find(|at| at % 7 == remainder && is_failed(*at));
    below(7, remainder) - both.map_or(0, |both| below(77, both))
}

#[test]
fn every_call_is_counted_once_whether_it_is_folded_or_not() {
    let calls = Calls::new();
    let mut counts = Copied::default();
    for entered in 0..500 {
        calls.read(&mut counts);
        assert_eq!(counts.totals.entered, entered);
        calls.end_next();
    }
}

#[test]
fn an_owner_that_rests_in_a_fold_holds_no_reader_up() {
    for rest_at in 0..=16 {
        let calls = Calls::new();
        (0..31).for_each(|_| calls.end_next());
        // The fold of the calls 16 to 31, as far as it comes.
        calls.ring.push(31, duration(31));
        let Successes { folded, cells, .. } = &calls.successes;
        assert_eq!(folded.load(Relaxed), 16);
        let [before, after] = [16, 32].map(|folded| calls.successes.totals_at(folded));
        let rest = (16..32).filter_map(|seq| calls.ring.success(seq));
        let rest: Vec<u64> = rest.collect();
        let ticks = f64::from_bits(before.ticks.load(Relaxed));
        let ticks = rest.iter().fold(ticks, |sum, one| sum + ticks_as_f64(*one));
        after.ticks.store(ticks.to_bits(), Relaxed);
        let more = before.calls.load(Relaxed) + rest.len() as u64;
        after.calls.store(more, Relaxed);
        for duration in rest.iter().take(rest_at) {
            cells.add(calls.partition.cell(*duration));
        }
        let mut counts = Copied::default();
        assert!(calls.read(&mut counts));
        assert_eq!(counts.totals.entered, 32);
    }
}

#[test]
fn the_owner_leaves_a_copy_where_one_is_wanted_and_there_is_room() {
    let calls = Calls::new();
    let copy = calls
        .successes
        .copy
        .get_or_init(|| leak(CopyForReaders::default()));
    let batch = || (0..BATCH).for_each(|_| calls.end_next());
    let copied = || lock(&copy.counts).totals.entered;
    batch();
    assert_eq!(copied(), 0);
    copy.is_wanted.store(1, Relaxed);
    batch();
    // There is no room.
    assert_eq!((copied(), copy.is_wanted.load(Relaxed)), (0, 1));
    lock(&copy.counts).cells.reserve(calls.partition.cells());
    {
        let _looking = lock(&copy.counts);
        batch();
    }
    assert_eq!(copied(), 0);
    batch();
    assert_eq!((copied(), copy.is_wanted.load(Relaxed)), (64, 0));
    calls.check(&std::mem::take(&mut *lock(&copy.counts)));
    lock(&copy.counts).totals.entered = 64;
    batch();
    assert_eq!(copied(), 64);
}

#[test]
fn the_sum_of_times_never_falls_however_large_it_is() {
    // Where 64 ticks are the least difference between two sums.
    let start = f64::from_bits((1023 + 58) << 52);
    let calls = Calls::new();
    let first = calls.successes.totals_at(0);
    first.ticks.store(start.to_bits(), Relaxed);
    let (mut before, mut taken) = (start, Vec::new());
    for at in 0..20_000_u64 {
        let entered = calls.ring.push(at, 40 + at * 7919 % 400);
        for is_folded in [false, true] {
            if is_folded && entered.is_multiple_of(STEP) {
                calls.successes.fold(&calls.ring, &calls.partition);
            }
            let (ring, partition) = (&calls.ring, &calls.partition);
            let read = calls.successes.read(ring, partition, &mut taken);
            let ticks = read.expect("nobody is beside").ticks;
            assert!(ticks >= before, "{at}");
            before = ticks;
        }
    }
    assert!(before > start);
}

type Hook = Box<dyn FnMut()>;

thread_local! {
    static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
}

/// Runs the hook of this thread, if it has one, in the middle of its reads.
pub(super) fn pass() {
    if let Some(mut hook) = HOOK.take() {
        hook();
        HOOK.set(Some(hook));
    }
}

/// A reader that is stopped in the middle of each of its tries while the owner goes on.
#[test]
fn a_reader_that_is_stopped_anywhere_reads_the_calls_of_one_moment() {
    // Within a batch, past it, and once or more around the ring.
    for steps in [1, 15, 16, 17, 31, 100, 127, 128, 129, 300] {
        let calls = Calls::new();
        (0..40).for_each(|_| calls.end_next());
        let mut stops = 0;
        HOOK.set(Some(Box::new(move || {
            stops += 1;
            if stops <= 20 {
                (0..steps).for_each(|_| calls.end_next());
            }
        })));
        let mut counts = Copied::default();
        calls.read(&mut counts);
        HOOK.set(None);
        assert!(counts.totals.entered >= 40);
    }
}

/// One that never gets through by itself.
#[test]
fn a_reader_that_is_always_overtaken_gets_a_copy_that_is_not_old() {
    let calls = Calls::new();
    // Another reader asked at the first call and got through by itself.
    let left = calls
        .successes
        .copy
        .get_or_init(|| leak(CopyForReaders::default()));
    lock(&left.counts).cells.reserve(calls.partition.cells());
    left.is_wanted.store(1, Relaxed);
    (0..40).for_each(|_| calls.end_next());
    assert_eq!(lock(&left.counts).totals.entered, STEP);
    HOOK.set(Some(Box::new(move || {
        (0..BATCH).for_each(|_| calls.end_next());
    })));
    let mut counts = Copied::default();
    let since = calls.ring.entered();
    let is_read = calls.read(&mut counts);
    HOOK.set(None);
    let SuccessTotals { entered, .. } = counts.totals;
    assert!(!is_read && entered > since && entered.is_multiple_of(STEP));
    // Nothing is kept for the next time.
    let copy = calls.successes.copy.get().expect("one was asked for");
    assert_eq!(lock(&copy.counts).cells.capacity(), 0);
}

/// Readers of both kinds beside an owner that does nothing but end calls.
#[test]
fn readers_beside_the_owner_miss_no_call_and_see_none_twice() {
    let calls = Calls::new();
    let is_over: &AtomicBool = leak(AtomicBool::new(false));
    let owner = std::thread::spawn(move || {
        while !is_over.load(StdRelaxed) {
            (0..100).for_each(|_| calls.end_next());
        }
    });
    let readers = [true, false].map(|asks| {
        std::thread::spawn(move || {
            let (mut counts, mut before) = (Copied::default(), 0);
            for _ in 0..20_000 {
                if asks {
                    let (ring, partition) = (&calls.ring, &calls.partition);
                    let successes = &calls.successes;
                    let taken = &mut counts.cells;
                    counts.totals = successes.read_beside_owner(ring, partition, taken);
                    calls.check(&counts);
                } else {
                    calls.read(&mut counts);
                }
                assert!(counts.totals.entered >= before);
                before = counts.totals.entered;
            }
        })
    });
    for reader in readers {
        reader.join().expect("no panic");
    }
    is_over.store(true, StdRelaxed);
    owner.join().expect("no panic");
    calls.read(&mut Copied::default());
}
