//! The cells of one thread for one method: counts, sums, slots, and the ring of last calls; and the states a reader may
//! see meanwhile.
//!
//! A shard has a single writer: the thread whose table holds it (for the shared fallback shard, the holder of its
//! lock). So an update is a plain load and a plain store; no locked instruction, no cache line shared with another
//! writer. A call that ends on another thread than it started on is entered in that thread's shard.
//!
//! The orderings of counts and sums are described at [`Shard`] and in [`successes`](crate::recording::successes), those of
//! the last calls at [`Ring`].

use crate::base::append::{Link, push, walk};
use crate::base::clock::Clock;
use crate::base::sync::{Acquire, AtomicU32, AtomicU64, Once, Relaxed, Release, bump, leak};
use crate::data::status::TaskStatus;
use crate::data::window::CallCounts;
use crate::recording::callers::CallerCounts;
use crate::recording::cells::CellCounts;
use crate::recording::config::Totals;
use crate::recording::current::CallWord;
use crate::recording::in_flight::TaskSlots;
use crate::recording::method::MethodCore;
use crate::recording::partition::{BucketTotals, TickPartition, TotalsTaker};
use crate::recording::ring::{FailureRing, Ring};
use crate::recording::streak::{Streak, StreakPart};
use crate::recording::successes::{BATCH, SuccessTotals, Successes, ticks_as_f64};
use crate::recording::thread::Record;
use crate::recording::values::ShardValues;

/// The cells one thread owns of one method.
///
/// # Consistency
///
/// At the end of a call the owner frees the slot, then enters the call in the ring, and a failed one before that in
/// [`Failures`] and after it in a cell, each with a Release store. A reader takes the failures (sum, then cells), the
/// successes as of one moment ([`Successes`]), and the started side last, each with Acquire. So each call that is counted
/// as ended had started (in flight is never negative) and is in no slot. Success, failure, processed and the histograms
/// are sums of the same calls, so they always add up, and none can ever fall.
// In this order, so that the fields a snapshot reads lie in few cache lines: it reads the shards of all threads, most
// of which are in no cache, and waits for each line.
#[repr(C, align(128))]
pub(crate) struct Shard {
    clock: &'static Clock,
    cells: &'static TickPartition,
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
    pub(crate) ring: Ring,
    pub(crate) slots: TaskSlots,
    /// Puts the cells at the start of a cache line.
    _room: [u64; ROOM],
    ok: Successes,
}

/// Words between the slots and the successes.
const ROOM: usize = 2;

/// The place of the status of the method's own task type.
pub(crate) const OWN: usize = 0;

/// The place of the status of all calls.
pub(crate) const ALL_CALLS: usize = 1;

/// One cache line of a shard.
#[repr(C, align(64))]
struct Head {
    /// Parallel to [`Shard::streaks`].
    observed: [StreakPart; 2],
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
    counts: CellCounts,
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
            counts: CellCounts::new(),
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
            clock: &method.storage.clock,
            cells: method.shared.cells(),
            method,
            streaks: [method.shared.own, method.shared.default],
            values: Once::new(),
            record,
            word: CallWord::new(number, record.number, 0),
            number,
            started: CallerCounts::default(),
            head: Head {
                observed: Default::default(),
                failures: Once::new(),
            },
            next: Once::new(),
            ring: Ring::new(),
            slots: TaskSlots::new(),
            _room: [0; ROOM],
            ok: Successes::new(),
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
                if duration >= self.cells.slow_from() || !self.is_known_ok() {
                    return self.end_ok_slow(slot, end);
                }
                if is_current {
                    self.record.set_current(task.outer());
                }
                self.slots.release(slot);
                self.fold_if_due(self.ring.push_short(end, duration));
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
        self.fold_if_due(self.ring.push(span.end, span.ticks()));
    }

    /// Counts the successes of the ring, when so many calls have been entered that it is time to; only the owner.
    #[inline]
    fn fold_if_due(&self, calls: u64) {
        if calls.is_multiple_of(BATCH as u64) {
            self.ok.fold(&self.ring, self.cells);
        }
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
        let cell = self.cells.cell(duration);
        // Before the ring, whose stores are Releases: see `ok_count`.
        bump(&failures.ended, 1, Relaxed);
        failures.recent.push(self.ring.next(), failure.error_type);
        let entered = self.ring.push_failed(span.end, duration);
        failures.of_type(failure).counts.add(cell);
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
        self.fold_if_due(entered);
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
        let entered = self.ring.entered();
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
        let of_type = of_type.map(|one| one.counts.sum());
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
        self.started.prefetch() ^ self.ok.prefetch_head() ^ self.ring.prefetch(0)
    }

    /// Loads the rest but for failures' cells, and so many of the newest calls.
    pub(crate) fn prefetch_cells(&self, newest: u64) -> u64 {
        let types = self.failures_by_type();
        let used = types.map(|one| one.counts.prefetch_head());
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
        self.ring.entered()
    }

    /// Adds the durations of successes; `room` is for a copy of the totals.
    pub(crate) fn add_success(
        &self,
        total: &mut BucketTotals,
        room: &mut BucketTotals,
    ) -> EndedCalls {
        let mut taker = TotalsTaker::new(&self.cells.partition, total, room);
        let read = self.ok.read(&self.ring, self.cells, &mut taker);
        let SuccessTotals { calls, ticks, .. } = read.unwrap_or_else(|copied| {
            self.method.storage.copied_reads.fetch_add(1, Relaxed);
            copied
        });
        EndedCalls { calls, ticks }
    }

    /// Adds the durations of failures, by cell, and the failures by type.
    pub(crate) fn add_failure(&self, total: &mut BucketTotals, types: &mut Vec<u64>) -> EndedCalls {
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
            let mut count = 0;
            one.counts.each(|cell, more| {
                total.add(&self.cells.partition, cell, more);
                count += more;
            });
            types[index] += count;
            calls += count;
        }
        EndedCalls { calls, ticks }
    }

    /// Reads the successes by cell, in place of what `cells` held; a cell may come twice.
    pub(crate) fn read_successes(&self, cells: &mut Vec<(usize, u64)>) -> EndedCalls {
        let read = self.ok.read(&self.ring, self.cells, cells);
        let SuccessTotals { calls, ticks, .. } = read.unwrap_or_else(|copied| {
            self.method.storage.copied_reads.fetch_add(1, Relaxed);
            copied
        });
        EndedCalls { calls, ticks }
    }

    /// Hands over the failures of each type: its index, whether any of them set a status, and counts by cell, for which
    /// there is room in `cells`. Returns how many ticks they took.
    pub(crate) fn read_failures(
        &self,
        cells: &mut Vec<(usize, u64)>,
        mut each: impl FnMut(u32, bool, &[(usize, u64)]),
    ) -> f64 {
        let Some(failures) = self.head.failures.get() else {
            return 0.0;
        };
        let ticks = f64::from_bits(failures.sum.load(Acquire));
        for one in failures.types() {
            cells.clear();
            one.counts.each(|cell, count| cells.push((cell, count)));
            each(one.error_type, one.is_ill.load(Relaxed) != 0, cells);
        }
        ticks
    }

    /// The exponential bucket of a cell of durations.
    pub(crate) fn native_bucket(&self, cell: usize) -> i16 {
        self.cells.partition.buckets(cell).native
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

/// Adds to a sum kept as the bits of a float; only the owner.
// Release: pairs with the Acquire of a reader that adds the shards up.
#[inline]
pub(crate) fn add(sum: &AtomicU64, more: f64) {
    let before = f64::from_bits(sum.load(Relaxed));
    sum.store((before + more).to_bits(), Release);
}

#[cfg(all(test, not(monitor_loom)))]
mod tests;
