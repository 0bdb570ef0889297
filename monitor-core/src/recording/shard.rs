//! The cells of one thread for one method: counts, sums, slots, and the ring of last calls; and the states a reader may
//! see meanwhile.
//!
//! A shard has a single writer: the thread whose table holds it (for the shared fallback shard, the holder of its
//! lock). So an update is a plain load and a plain store; no locked instruction, no cache line shared with another
//! writer. A call that ends on another thread than it started on is entered in that thread's shard.
//!
//! The orderings of counts and sums are described at [`Shard`], those of the last calls at [`Ring`].

use crate::base::append::{IN_MODEL, Link, push, walk};
use crate::base::clock::Clock;
use crate::base::sync::{Acquire, AtomicU32, AtomicU64, Once, Relaxed, Release, bump, leak};
use crate::data::buckets::{MAX_BUCKETS, MAX_CELLS};
use crate::data::status::TaskStatus;
use crate::data::window::CallCounts;
use crate::recording::callers::CallerCounts;
use crate::recording::config::{TickBounds, Totals};
use crate::recording::current::CallWord;
use crate::recording::in_flight::TaskSlots;
use crate::recording::method::MethodCore;
use crate::recording::streak::{Streak, StreakPart};
use crate::recording::thread::Record;
use crate::recording::values::ShardValues;

/// The cells one thread owns of one method.
///
/// # Consistency
///
/// At the end of a call the owner frees the slot, then adds to a bucket, then to the sum, each with a Release store. A
/// reader takes the sum first, then the buckets, and the started side last, each with Acquire. So each call in the sum
/// is in the buckets (the sum may lag by calls just ending), and each call in the buckets had started (in flight is
/// never negative) and is in no slot. Success, failure, processed and the histograms are all sums of the same cells, so
/// they always add up, and none can ever fall.
// In this order, so that the fields a snapshot reads lie in few cache lines: it reads the shards of all threads, most
// of which are in no cache, and waits for each line.
#[repr(C, align(128))]
pub(crate) struct Shard {
    clock: Clock,
    bounds: &'static TickBounds,
    pub(crate) method: &'static MethodCore,
    /// At [`OWN`] and at [`ALL_CALLS`].
    streaks: [&'static Streak; 2],
    /// The record it belongs to, with the current call of its thread.
    record: &'static Record,
    /// The word of its call in slot 0.
    word: CallWord,
    /// Its number in its record: twice the method's, plus 1 if its calls have callers.
    pub(crate) number: u32,
    head: Head,
    started: CallerCounts,
    /// The values of calls that start here, from their first use.
    pub(crate) values: Once<&'static ShardValues>,
    pub(crate) next: Link<Shard>,
    ok: BucketCounts,
    pub(crate) ring: Ring,
    pub(crate) slots: TaskSlots,
}

/// The place of the status of the method's own task type.
pub(crate) const OWN: usize = 0;

/// The place of the status of all calls.
pub(crate) const ALL_CALLS: usize = 1;

/// One cache line of a shard.
#[repr(C, align(64))]
struct Head {
    /// Parallel to [`Shard::streaks`].
    observed: [StreakPart; 2],
    ok_sum: AtomicU64,
    failures: Once<&'static Failures>,
}

/// The part of a shard that is made with its first failure.
// Lines of its own, as a shard has: two threads that fail must not write into one.
#[repr(C, align(128))]
#[derive(Default)]
struct Failures {
    callers: CallerCounts,
    types: Link<FailuresOfType>,
    /// How many there are; the owner's alone.
    ended: AtomicU64,
    /// Those of them that set a status: neither expected nor cancelled.
    ill: AtomicU64,
    sum: AtomicU64,
    /// Parallel to [`Shard::streaks`].
    observed: [StreakPart; 2],
    /// Which calls of the ring failed.
    recent: FailureRing,
}

/// The failures of one error type, from the first on. Counted once, by type and bucket at a time: so the errors by type
/// and the failures are sums of the same cells, and always equal.
// In this order for the reader's sake, as a shard is.
#[repr(C, align(128))]
struct FailuresOfType {
    error_type: u32,
    /// 1 if any of them set a status.
    // Relaxed: written before the count of the failure, whose Release a reader of the counts acquires.
    is_ill: AtomicU32,
    next: Link<FailuresOfType>,
    counts: BucketCounts,
}

impl Failures {
    /// The cells of an error type, made if need be, before one more failure; only the shard's owner.
    fn of_type(&self, failure: Failure) -> &'static FailuresOfType {
        let is_ill = failure.status.is_some();
        let mut types = self.types();
        if let Some(found) = types.find(|one| one.error_type == failure.error_type) {
            if is_ill {
                found.is_ill.store(1, Relaxed);
            }
            return found;
        }
        let new = leak(FailuresOfType {
            error_type: failure.error_type,
            is_ill: AtomicU32::new(is_ill.into()),
            next: Once::new(),
            counts: BucketCounts::new(),
        });
        push(&self.types, new, |one| &one.next)
    }

    fn types(&self) -> impl Iterator<Item = &'static FailuresOfType> {
        walk(&self.types, |one| &one.next)
    }
}

/// A failure, classified.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failure {
    /// The index of its error type in the storage.
    pub(crate) error_type: u32,
    /// The status it sets, if it sets one.
    pub(crate) status: Option<TaskStatus>,
}

/// When a call started and ended, in ticks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl Span {
    /// The tick counters of two cores may be apart by a few ticks: never negative.
    #[inline]
    pub(crate) fn ticks(self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

impl Shard {
    pub(crate) fn new(method: &'static MethodCore, record: &'static Record, number: u32) -> Self {
        Self {
            clock: method.storage.clock.clone(),
            bounds: method.shared.cells().ticks,
            method,
            streaks: [method.shared.own, method.shared.default],
            values: Once::new(),
            record,
            word: CallWord::new(number, record.number, 0),
            number,
            started: CallerCounts::default(),
            head: Head {
                observed: Default::default(),
                ok_sum: AtomicU64::new(0),
                failures: Once::new(),
            },
            next: Once::new(),
            ok: BucketCounts::new(),
            ring: Ring::new(),
            slots: TaskSlots::new(),
        }
    }

    #[inline]
    pub(crate) fn now(&self) -> u64 {
        self.clock.now()
    }

    /// A call starts; only the owner. Returns its slot.
    #[inline]
    pub(crate) fn begin(&self, caller: CallWord) -> u32 {
        self.started.bump(caller.method(), || self.method.storage);
        self.slots.claim(self.now(), caller)
    }

    /// The word of the call in this slot.
    #[inline]
    pub(crate) fn word_of(&self, slot: u32) -> CallWord {
        self.word.with_slot(slot)
    }

    /// Makes the call in this slot the current one; only the owner.
    #[inline]
    pub(crate) fn make_current(&self, slot: u32) {
        self.record.set_current(self.word_of(slot));
    }

    /// True if its calls have callers.
    pub(crate) fn is_nested(&self) -> bool {
        !self.number.is_multiple_of(2)
    }

    /// True if it feeds the status at this place: the status of all calls may be about entry calls alone.
    pub(crate) fn feeds(&self, at: usize) -> bool {
        at != ALL_CALLS || !self.is_nested() || self.totals() == Totals::AllCalls
    }

    fn totals(&self) -> Totals {
        self.method.storage.rules().config.totals
    }

    /// A call that started here succeeds now; only the owner. The call is the current one, or never is.
    // All rare cases share one exit, at the tail: a value that lives across a call would cost the fast path saved
    // registers.
    #[inline]
    pub(crate) fn end_ok(&self, slot: u32, is_current: bool) {
        let end = self.now();
        match self.slots.inline_slot(slot) {
            Some(task) => {
                // An end before the start (see `Span::ticks`) wraps around to a very long time, and takes the slow path
                // too.
                let duration = end.wrapping_sub(task.started_with_caller());
                if duration >= LONG || !self.is_known_ok() {
                    return self.end_ok_slow(slot, end);
                }
                match self.ok.used_cell(self.bounds.bucket(duration)) {
                    Some(cell) => {
                        if is_current {
                            self.record.set_current(task.outer());
                        }
                        self.slots.release(slot);
                        self.ring.push(end, duration);
                        // Release: pairs with the Acquire of a reader that adds the shards up.
                        bump(cell, 1, Release);
                        add(&self.head.ok_sum, ticks_as_f64(duration));
                    }
                    None => self.end_ok_slow(slot, end),
                }
            }
            None => self.end_ok_slow(slot, end),
        }
    }

    #[cold]
    #[inline(never)]
    fn end_ok_slow(&self, slot: u32, end: u64) {
        let span = self.release_slot(slot, end);
        self.succeed(span);
        self.method.note_exemplar(span, false);
    }

    fn release_slot(&self, slot: u32, end: u64) -> Span {
        let start = self.slots.start_of(slot).unwrap_or(end);
        if self.record.current() == self.word_of(slot) {
            self.record.set_current(self.slots.outer_of(slot));
        }
        self.slots.release(slot);
        Span { start, end }
    }

    /// A call succeeded; only the owner.
    pub(crate) fn succeed(&self, span: Span) {
        if !self.is_known_ok() {
            self.status_changed();
        }
        let duration = span.ticks();
        self.ring.push(span.end, duration);
        self.ok.bump(self.bounds.exact_bucket(duration));
        add(&self.head.ok_sum, ticks_as_f64(duration));
    }

    /// True if a success changes no status.
    #[inline]
    fn is_known_ok(&self) -> bool {
        let [own, default] = &self.head.observed;
        self.streaks[0].is_known_ok(own) && self.streaks[1].is_known_ok(default)
    }

    #[cold]
    #[inline(never)]
    fn status_changed(&self) {
        let failures = self.head.failures.get();
        let before = self.ok_count();
        for (at, streak) in self.streaks.iter().enumerate() {
            let observed = &self.head.observed[at];
            if !self.feeds(at) {
                streak.ignore_success(observed, before);
            } else if !streak.is_known_ok(observed) {
                streak.note_ok(observed, failures.map(|all| &all.observed[at]), before);
            }
        }
    }

    /// A call that started here failed; only the owner.
    pub(crate) fn end_failed(&self, slot: u32, end: u64, failure: Failure) {
        let caller = self.slots.caller_of(slot).method();
        let span = self.release_slot(slot, end);
        self.fail(span, failure, caller);
        self.method.note_exemplar(span, true);
    }

    /// A call made from this method failed; only the owner.
    pub(crate) fn fail(&self, span: Span, failure: Failure, caller: u32) {
        let duration = span.ticks();
        let failures = self.head.failures.get_or_init(|| leak(Failures::default()));
        let bucket = self.bounds.exact_bucket(duration);
        // Before the ring, whose stores are Releases: see `ok_count`.
        bump(&failures.ended, 1, Relaxed);
        failures.recent.push(self.ring.next(), failure.error_type);
        self.ring.push(span.end, duration);
        failures.of_type(failure).counts.bump(bucket);
        add(&failures.sum, ticks_as_f64(duration));
        // After the buckets: callers never have more failures than there are.
        failures.callers.bump(caller, || self.method.storage);
        if let Some(status) = failure.status {
            bump(&failures.ill, 1, Relaxed);
            let fed = self.streaks.iter().enumerate();
            for (at, streak) in fed.filter(|(at, _)| self.feeds(*at)) {
                streak.note_failure(&self.head.observed[at], &failures.observed[at], status);
            }
        }
    }

    /// The error type of a call of the ring, if it failed; to be trusted if [`Ring::intact_from`] then is not above
    /// `seq`.
    pub(crate) fn error_type_of(&self, seq: u64) -> Option<u32> {
        self.head.failures.get()?.recent.get(seq)
    }

    /// Its values, made if need be.
    pub(crate) fn values(&self) -> &'static ShardValues {
        self.values.get_or_init(|| leak(ShardValues::default()))
    }

    /// Calls that succeeded: the ring numbers every call entered here, and the failures among them are known. A sum
    /// over the buckets gives the same number.
    fn ok_count(&self) -> u64 {
        let entered = self.ring.head.load(Acquire);
        // A failure that is seen in the ring is seen here: it is counted before.
        let failures = self.head.failures.get();
        let failed = failures.map_or(0, |all| all.ended.load(Relaxed));
        entered.saturating_sub(failed)
    }

    /// All calls so far, of which those with this error type are the cancelled ones. No two numbers are of the same
    /// moment: a call that ends meanwhile may be in one of them and not yet in another.
    pub(crate) fn call_counts(&self, cancelled: u32) -> CallCounts {
        let successes = self.ok_count();
        let Some(all) = self.head.failures.get() else {
            return CallCounts {
                successes,
                ..CallCounts::default()
            };
        };
        // A failure is counted here first: one that is just ending is none of the others.
        let ended = all.ended.load(Acquire);
        let failures = all.ill.load(Relaxed);
        let others = ended.saturating_sub(failures);
        // The cells of a type are in no cache: most methods have failures that count, and no others.
        let types = (others > 0).then(|| all.types()).into_iter().flatten();
        let of_type = types.filter(|one| one.error_type == cancelled);
        let of_type = of_type.map(|one| one.counts.add_to(&mut [0; MAX_CELLS]));
        let cancelled = others.min(of_type.sum());
        CallCounts {
            successes,
            failures,
            expected: others - cancelled,
            cancelled,
        }
    }

    /// Calls that started here, by the numbers of their callers.
    pub(crate) fn started(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        self.started.iter()
    }

    /// How many there are.
    pub(crate) fn calls_started(&self) -> u64 {
        self.started.sum()
    }

    /// The same of calls that failed.
    pub(crate) fn failed(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        let failures = self.head.failures.get().into_iter();
        failures.flat_map(|failures| failures.callers.iter())
    }

    /// The error types of the failures here, and whether any of them set a status.
    pub(crate) fn failed_types(&self) -> impl Iterator<Item = (u32, bool)> + '_ {
        let types = self.failures_by_type();
        types.map(|one| (one.error_type, one.is_ill.load(Relaxed) != 0))
    }

    fn failures_by_type(&self) -> impl Iterator<Item = &'static FailuresOfType> {
        let failures = self.head.failures.get().into_iter();
        failures.flat_map(Failures::types)
    }

    /// Loads the words that point to the rest: see [`MethodList`](crate::recording::method::MethodList).
    pub(crate) fn prefetch_head(&self) -> u64 {
        let used = self.ok.used.load(Relaxed);
        self.started.prefetch() ^ used ^ self.ring.prefetch(0)
    }

    /// Loads the rest but for failures' cells, and so many of the newest calls.
    pub(crate) fn prefetch_cells(&self, newest: u64) -> u64 {
        let types = self.failures_by_type();
        let used = types.map(|one| one.counts.used.load(Relaxed));
        used.fold(
            self.ok.prefetch() ^ self.ring.prefetch(newest),
            |all, one| all ^ one,
        )
    }

    /// Loads the cells of failures.
    pub(crate) fn prefetch_failures(&self) -> u64 {
        let types = self.failures_by_type();
        types.fold(0, |all, one| all ^ one.counts.prefetch())
    }

    /// Calls that ended here.
    pub(crate) fn finished(&self) -> u64 {
        let failures = self.failures_by_type().map(|one| &one.counts);
        let counts = failures.chain([&self.ok]);
        counts
            .map(|counts| counts.add_to(&mut [0; MAX_CELLS]))
            .sum()
    }

    /// Adds the durations of successes.
    pub(crate) fn add_success(&self, total: &mut [u64]) -> EndedCalls {
        let ticks = f64::from_bits(self.head.ok_sum.load(Acquire));
        let calls = self.ok.add_to(total);
        EndedCalls { calls, ticks }
    }

    /// Adds the durations of failures and the failures by type.
    pub(crate) fn add_failure(&self, total: &mut [u64], types: &mut Vec<u64>) -> EndedCalls {
        let Some(failures) = self.head.failures.get() else {
            return EndedCalls::default();
        };
        let ticks = f64::from_bits(failures.sum.load(Acquire));
        let mut calls = 0;
        for one in failures.types() {
            let index = one.error_type as usize;
            if types.len() <= index {
                types.resize(index + 1, 0);
            }
            let count = one.counts.add_to(total);
            types[index] += count;
            calls += count;
        }
        EndedCalls { calls, ticks }
    }

    /// This shard's part in the streak of the status at this place: [`OWN`] or [`ALL_CALLS`].
    pub(crate) fn run(&self, at: usize, word: u64) -> u64 {
        if !self.feeds(at) {
            return 0;
        }
        let failures = self.head.failures.get();
        let failed = failures.map_or(0, |all| all.observed[at].failures(word));
        failed + self.head.observed[at].successes(word, || self.ok_count())
    }
}

/// Calls of one outcome that ended in a shard.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct EndedCalls {
    pub(crate) calls: u64,
    /// How long they took in all.
    pub(crate) ticks: f64,
}

/// Adds to a sum kept as the bits of a float; only the owner. Sums of ticks are exact to 2^53 (40 days at 2.6 GHz), and
/// have no end where 64 bits of ticks overflow after a week of 10,000 tasks at once.
// Release: pairs with the Acquire of a reader that adds the shards up.
#[inline]
pub(crate) fn add(sum: &AtomicU64, more: f64) {
    let before = f64::from_bits(sum.load(Relaxed));
    sum.store((before + more).to_bits(), Release);
}

/// One instruction, where a conversion from `u64` is a branch and several.
#[inline]
#[expect(
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    reason = "a duration is below 2^63 ticks, and precise enough"
)]
fn ticks_as_f64(ticks: u64) -> f64 {
    ticks as i64 as f64
}

fn cells<const N: usize>() -> [AtomicU64; N] {
    std::array::from_fn(|_| AtomicU64::new(0))
}

/// Cells from [`MAX_BUCKETS`] on.
const OVERFLOW_CELLS: usize = if IN_MODEL { 1 } else { MAX_CELLS - MAX_BUCKETS };

/// Counts of one outcome, or of one value, by bucket.
#[repr(C)]
pub(crate) struct BucketCounts {
    /// The buckets that are not empty, a bit each: a method's calls are alike, and a reader need not look at the rest.
    /// The last bit stands for all buckets from [`MAX_BUCKETS`] - 1 on.
    used: AtomicU64,
    /// The buckets from [`MAX_BUCKETS`] on: only where a method has bounds of its own, or many are configured.
    overflow: Once<&'static [AtomicU64; OVERFLOW_CELLS]>,
    inline: [AtomicU64; MAX_BUCKETS],
}

impl BucketCounts {
    pub(crate) fn new() -> Self {
        Self {
            used: AtomicU64::new(0),
            overflow: Once::new(),
            inline: cells(),
        }
    }

    /// The cell of a bucket that is not empty, for the fast path of a call.
    #[inline]
    fn used_cell(&self, bucket: usize) -> Option<&AtomicU64> {
        let cell = self.inline.get(bucket)?;
        (self.used.load(Relaxed) & (1 << bucket) != 0).then_some(cell)
    }

    /// One more; only the owner.
    pub(crate) fn bump(&self, bucket: usize) {
        let used = self.used.load(Relaxed);
        let bit = 1 << bucket.min(MAX_BUCKETS - 1);
        if used & bit == 0 {
            // Release: pairs with the Acquire in `add_to`; a reader that sees the count in another way finds the bit
            // set.
            self.used.store(used | bit, Release);
        }
        // Release: pairs with the Acquire of a reader that adds the shards up.
        match self.inline.get(bucket) {
            Some(cell) => bump(cell, 1, Release),
            None => self.bump_overflow(bucket),
        }
    }

    #[cold]
    #[inline(never)]
    fn bump_overflow(&self, bucket: usize) {
        let overflow = self.overflow.get_or_init(|| leak(cells()));
        bump(
            &overflow[(bucket - MAX_BUCKETS).min(OVERFLOW_CELLS - 1)],
            1,
            Release,
        );
    }

    /// Adds them to totals, as far as those go; returns how many there are.
    pub(crate) fn add_to(&self, total: &mut [u64]) -> u64 {
        let mut used = self.used.load(Acquire);
        let mut sum = 0;
        let mut add = |bucket: usize, cell: &AtomicU64| {
            if let Some(total) = total.get_mut(bucket) {
                let count = cell.load(Acquire);
                *total += count;
                sum += count;
            }
        };
        if used >> (MAX_BUCKETS - 1) != 0 {
            let overflow = self.overflow.get().into_iter().flatten();
            (MAX_BUCKETS..)
                .zip(overflow)
                .for_each(|(bucket, cell)| add(bucket, cell));
        }
        while used != 0 {
            let bucket = used.trailing_zeros() as usize;
            used &= used - 1;
            if let Some(cell) = self.inline.get(bucket) {
                add(bucket, cell);
            }
        }
        sum
    }

    /// Loads the lines of the buckets that are not empty: see [`MethodList`](crate::recording::method::MethodList).
    fn prefetch(&self) -> u64 {
        const LINE: u32 = 8;
        let (mut used, mut all) = (self.used.load(Relaxed), 0);
        while used != 0 {
            let bucket = used.trailing_zeros();
            let cell = self.inline.get(bucket as usize);
            all ^= cell.map_or(0, |cell| cell.load(Relaxed));
            let next_line = bucket / LINE * LINE + LINE;
            used &= (!0_u64).checked_shl(next_line).unwrap_or(0);
        }
        all
    }
}

/// Calls in a rolling mean, the original's window.
pub(crate) const WINDOW: u64 = if IN_MODEL { 2 } else { 100 };

/// Calls in the short mean, the original's too.
pub(crate) const LAST: usize = if IN_MODEL { 1 } else { 5 };

/// Entries of a ring: a power of two, so that a place is a mask away; the entries past [`WINDOW`] may be overwritten
/// while a reader reads the window.
const ENTRIES: usize = if IN_MODEL { 4 } else { 128 };

/// Ticks (as a power of two) in which end times are kept beside durations: 0.4 ms at 2.6 GHz.
const END_SHIFT: u32 = 20;

/// Set in an entry whose duration does not fit in 31 bits and stands in `long`.
pub(crate) const LONG: u64 = 1 << 31;

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "masked")]
fn place(seq: u64) -> usize {
    seq as usize & (ENTRIES - 1)
}

/// The last calls of a shard. One writer, any number of readers.
///
/// # Definition
///
/// An entry is one word: the low 32 bits of the end time in steps of 2^20 ticks, and the duration in ticks. Durations
/// of 2^31 ticks (0.8 s at 2.6 GHz) and more stand in a second array, made at first use: calls that long can pay for
/// it, short ones touch 8 bytes. So durations are exact at any length, and end times (only used to merge the rings of
/// several threads) to a step; their high bits follow from the exact end of the newest entry.
///
/// # Consistency
///
/// A reader takes the head, reads entries, takes the head again, and leaves out the entries that the writer may have
/// begun to overwrite meanwhile: with `h` the second head, everything up to `h - ENTRIES`.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Ring {
    /// Calls ever entered; the next call's number.
    head: AtomicU64,
    /// When the newest ended, in steps.
    last_end: AtomicU64,
    long: Once<&'static [AtomicU64; ENTRIES]>,
    entries: [AtomicU64; ENTRIES],
}

impl Ring {
    pub(crate) fn new() -> Self {
        Self {
            head: AtomicU64::new(0),
            last_end: AtomicU64::new(0),
            long: Once::new(),
            entries: cells(),
        }
    }

    /// The number the next call will have.
    #[inline]
    pub(crate) fn next(&self) -> u64 {
        self.head.load(Relaxed)
    }

    /// Enters a call; only the owner.
    // Every store is a Release and pairs with the reader's Acquire of the same cell: a reader that sees the new
    // content of a place then also sees a head that makes it leave the old one out.
    #[inline]
    pub(crate) fn push(&self, end: u64, duration: u64) {
        let seq = self.next();
        // Never before the one entered last: a clock read on another core, or before a lock, may be behind, and readers
        // rely on this order to complete the older entries' low bits.
        let step = (end >> END_SHIFT).max(self.last_end.load(Relaxed));
        let mut word = (step << 32) | duration;
        if duration >= LONG {
            self.push_long(seq, duration);
            word = (step << 32) | LONG;
        }
        self.entries[place(seq)].store(word, Release);
        self.last_end.store(step, Relaxed);
        self.head.store(seq + 1, Release);
    }

    #[cold]
    #[inline(never)]
    fn push_long(&self, seq: u64, duration: u64) {
        let long = self.long.get_or_init(|| leak(cells()));
        long[place(seq)].store(duration, Release);
    }

    /// Loads the newest entries, so many: see [`MethodList`](crate::recording::method::MethodList).
    fn prefetch(&self, newest: u64) -> u64 {
        const LINE: usize = 8;
        let head = self.head.load(Relaxed);
        let back = (0..=newest.min(head)).step_by(LINE);
        let places = back.map(|back| place(head.wrapping_sub(back)));
        let long = self.long.get();
        places.fold(head, |all, at| {
            let long = long.map_or(0, |long| long[at].load(Relaxed));
            all ^ long ^ self.entries[at].load(Relaxed)
        })
    }

    /// A cursor on the newest entry.
    pub(crate) fn cursor(&self) -> Cursor<'_> {
        let head = self.head.load(Acquire);
        Cursor {
            ring: self,
            head,
            next: head,
            later: self.last_end.load(Relaxed),
        }
    }

    /// When the newest call ended, in ticks, to a step; `None` before the first.
    pub(crate) fn newest_end(&self) -> Option<u64> {
        // Acquire: pairs with the Release of the head, after which the end it goes with is there.
        let entered = self.head.load(Acquire) > 0;
        entered.then(|| self.last_end.load(Relaxed) << END_SHIFT)
    }

    fn word(&self, seq: u64) -> u64 {
        self.entries[place(seq)].load(Acquire)
    }

    fn duration(&self, seq: u64, word: u64) -> Option<u64> {
        if word & LONG == 0 {
            return Some(word & (LONG - 1));
        }
        let long = self.long.get()?;
        Some(long[place(seq)].load(Acquire))
    }

    /// The number of the oldest entry that was not overwritten since a cursor made before this call read it.
    pub(crate) fn intact_from(&self) -> u64 {
        // Acquire loads of the entries come before this one, so it sees the head their overwriting began at.
        (self.head.load(Relaxed) + 1).saturating_sub(ENTRIES as u64)
    }
}

/// One call of a [`Ring`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RingEntry {
    /// Its number in its shard.
    pub(crate) seq: u64,
    /// When it ended, in steps of 2^20 ticks.
    pub(crate) end: u64,
    /// Its duration in ticks.
    pub(crate) duration: u64,
}

impl RingEntry {
    /// When it ended, in ticks, as exactly as that is kept.
    pub(crate) const fn end_ticks(&self) -> u64 {
        self.end << END_SHIFT
    }
}

/// Walks a ring from the newest call to the oldest of its window: entry by entry, or the ends one by one and the
/// durations of the newest in sum.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    ring: &'a Ring,
    head: u64,
    /// The number of the entry before which it stands.
    next: u64,
    /// An end time at or after that of the next entry.
    later: u64,
}

impl Cursor<'_> {
    /// The number of the oldest call of the window.
    fn oldest(&self) -> u64 {
        self.head.saturating_sub(WINDOW)
    }

    /// How many calls the window has.
    pub(crate) fn len(&self) -> usize {
        usize::try_from(self.head.min(WINDOW)).unwrap_or(usize::MAX)
    }

    /// The word of the next entry; `later` is then when its call ended.
    #[inline]
    fn step(&mut self) -> u64 {
        self.next = self.next.wrapping_sub(1);
        let word = self.ring.word(self.next);
        let behind = self.later.wrapping_sub(word >> 32) & 0xffff_ffff;
        self.later = self.later.saturating_sub(behind);
        word
    }

    /// When the next call ended, in steps; not to be asked more often than there are calls.
    #[inline]
    pub(crate) fn next_end(&mut self) -> u64 {
        self.step();
        self.later
    }

    /// The number of the call this many back from the head; 1 is the newest.
    pub(crate) fn seq(&self, back: usize) -> u64 {
        self.head.wrapping_sub(back as u64)
    }

    /// The durations of so many of the newest calls, added up, in ticks.
    pub(crate) fn ticks(&self, newest: usize) -> u64 {
        (1..=newest).fold(0, |sum, back| {
            let seq = self.seq(back);
            let duration = self.ring.duration(seq, self.ring.word(seq));
            sum.saturating_add(duration.unwrap_or_default())
        })
    }

    /// True if nothing that was read may have been overwritten meanwhile.
    pub(crate) fn is_intact(&self) -> bool {
        self.ring.intact_from() <= self.oldest()
    }
}

impl Iterator for Cursor<'_> {
    type Item = RingEntry;

    fn next(&mut self) -> Option<RingEntry> {
        if self.next == self.oldest() {
            return None;
        }
        let word = self.step();
        Some(RingEntry {
            seq: self.next,
            end: self.later,
            duration: self.ring.duration(self.next, word)?,
        })
    }
}

/// A value that some of the calls of a [`Ring`] observed.
pub(crate) struct ValueRing {
    values: [AtomicU64; ENTRIES],
    /// Which call a value belongs to: its number above the place, plus 1; repeats after 2^39 calls.
    tags: [AtomicU32; ENTRIES],
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the part of the number a tag keeps"
)]
fn tag(seq: u64) -> u32 {
    ((seq / ENTRIES as u64) as u32).wrapping_add(1)
}

impl ValueRing {
    pub(crate) fn new() -> Self {
        Self {
            values: cells(),
            tags: std::array::from_fn(|_| AtomicU32::new(0)),
        }
    }

    /// Notes the value of the call that [`Ring::push`] is about to enter under this number; only the owner.
    pub(crate) fn push(&self, seq: u64, value: f64) {
        self.values[place(seq)].store(value.to_bits(), Release);
        self.tags[place(seq)].store(tag(seq), Release);
    }

    /// The value of a call, if it has one; to be trusted if [`Ring::intact_from`] then is not above `seq`.
    pub(crate) fn get(&self, seq: u64) -> Option<f64> {
        let found = self.tags[place(seq)].load(Acquire) == tag(seq);
        found.then(|| f64::from_bits(self.values[place(seq)].load(Acquire)))
    }
}

/// Which of the calls of a [`Ring`] failed, and why: a call without an entry succeeded, so a success writes none.
#[derive(Debug)]
struct FailureRing {
    /// The low 32 bits of the call's number above its place, plus 1; and its error type.
    entries: [AtomicU64; ENTRIES],
}

impl Default for FailureRing {
    fn default() -> Self {
        Self { entries: cells() }
    }
}

impl FailureRing {
    /// Notes the failure of the call that [`Ring::push`] is about to enter under this number; only the owner.
    // Release: pairs with the Acquire below. A reader that sees a newer failure also sees a head that makes it leave
    // the call out.
    fn push(&self, seq: u64, error_type: u32) {
        let word = u64::from(tag(seq)) << 32 | u64::from(error_type);
        self.entries[place(seq)].store(word, Release);
    }

    fn get(&self, seq: u64) -> Option<u32> {
        let word = self.entries[place(seq)].load(Acquire);
        let is_its = word >> 32 == u64::from(tag(seq));
        #[expect(clippy::cast_possible_truncation, reason = "the low half")]
        is_its.then_some(word as u32)
    }
}

#[cfg(all(test, not(monitor_loom)))]
mod tests;
