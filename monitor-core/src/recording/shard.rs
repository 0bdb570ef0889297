//! The cells one thread owns of one method, and what a reader may see meanwhile.
//!
//! A shard has a single writer: the thread whose table holds it (for the shared fallback shard, whoever holds its
//! lock). So an update is a plain load and a plain store; no locked instruction, no cache line shared with another
//! writer. A call that ends on another thread than it started on is entered in that thread's shard.

mod counts;
mod failures;

use crate::base::clock::Clock;
use crate::base::sync::{AtomicU64, Once, Ordering, bump, leak};
use crate::data::status::TaskStatus;
use crate::recording::method::MethodCore;
use crate::recording::state::{Seen, TaskState};
use crate::recording::tasks::{Suspension, TaskSlots};
use crate::recording::tick_bounds::TickBounds;
use crate::recording::values::ShardValues;
use crate::recording::window::{LONG, Ring};

use self::counts::Counts;
use self::failures::Failures;

/// The cells one thread owns of one method.
///
/// # Consistency
///
/// At the end of a call the owner frees the slot, then adds to a bucket, then to the sum, each with a Release store.
/// A reader takes the sum first, then the buckets, and the started side last, each with Acquire. So: what the sum
/// counts is in the buckets (the sum may lag by calls just ending), what the buckets count had started (in flight is
/// never negative) and is in no slot. Success, failure, processed and the histograms are all sums of the same cells,
/// so they always add up, and none can ever fall.
// In this order, so that what a snapshot reads lies in few cache lines: it reads the shards of all threads, most of which
// are in no cache, and waits for each line.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct Shard {
    clock: Clock,
    bounds: &'static TickBounds,
    pub(crate) method: &'static MethodCore,
    own: &'static TaskState,
    default: &'static TaskState,
    values: Once<&'static ShardValues>,
    /// The method's number, plus 1.
    pub(crate) id: u32,
    head: Head,
    pub(crate) next: Once<&'static Shard>,
    ok: Counts,
    ring: Ring,
    slots: TaskSlots,
}

/// One cache line of a shard.
#[derive(Debug)]
#[repr(C, align(64))]
struct Head {
    started: AtomicU64,
    own_seen: Seen,
    default_seen: Seen,
    ok_sum: AtomicU64,
    failures: Once<&'static Failures>,
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
    pub(crate) fn new(method: &'static MethodCore) -> Self {
        Self {
            clock: method.storage.clock.clone(),
            bounds: method.common.ticks,
            id: method.id,
            method,
            own: method.common.own,
            default: method.common.default,
            head: Head {
                started: AtomicU64::new(0),
                own_seen: Seen::default(),
                default_seen: Seen::default(),
                ok_sum: AtomicU64::new(0),
                failures: Once::new(),
            },
            slots: TaskSlots::new(),
            values: Once::new(),
            next: Once::new(),
            ok: Counts::new(),
            ring: Ring::new(),
        }
    }

    #[inline]
    pub(crate) fn now(&self) -> u64 {
        self.clock.now()
    }

    /// A call starts; only the owner. Gives its slot.
    #[inline]
    pub(crate) fn begin(&self) -> u32 {
        bump(&self.head.started, 1, Ordering::Release);
        self.slots.claim(self.now())
    }

    /// When the call in this slot started; only its guard.
    #[inline]
    pub(crate) fn start_of(&self, slot: u32) -> Option<u64> {
        self.slots.start_of(slot)
    }

    /// Where the call in this slot notes that its body is suspended.
    #[inline]
    pub(crate) fn suspension(&'static self, slot: u32) -> Suspension {
        self.slots.suspension(slot)
    }

    /// Frees the slot of a call that started here; only the owner.
    #[inline]
    pub(crate) fn release(&self, slot: u32) {
        self.slots.release(slot);
    }

    /// Frees the slot of a call that started here, from a thread that is not the owner's.
    pub(crate) fn release_elsewhere(&self, slot: u32) {
        self.slots.release_elsewhere(slot);
    }

    /// A call that started here succeeds now; only the owner.
    // All that is rare goes one way out, at the tail: what lives across a call would cost the common way saved registers.
    #[inline]
    pub(crate) fn end_ok(&self, slot: u32) {
        let end = self.now();
        match self.slots.inline_start(slot) {
            // An end before the start (see `Span::ticks`) wraps around to a very long time, and goes the rare way too.
            Some(start) if end.wrapping_sub(start) < LONG && self.is_known_ok() => {
                let duration = end.wrapping_sub(start);
                match self.ok.used_cell(self.bounds.bucket(duration)) {
                    Some(cell) => {
                        self.release(slot);
                        self.ring.push(end, duration);
                        // Release: pairs with the Acquire of who adds the shards up.
                        bump(cell, 1, Ordering::Release);
                        add_ticks(&self.head.ok_sum, duration);
                    }
                    None => self.end_ok_rare(slot, end),
                }
            }
            _ => self.end_ok_rare(slot, end),
        }
    }

    #[cold]
    #[inline(never)]
    fn end_ok_rare(&self, slot: u32, end: u64) {
        let start = self.start_of(slot).unwrap_or(end);
        let span = Span { start, end };
        self.release(slot);
        self.succeed(span);
        self.method.note_exemplar(span, false);
    }

    /// A call succeeded; only the owner.
    pub(crate) fn succeed(&self, span: Span) {
        if !self.is_known_ok() {
            self.status_changed();
        }
        let duration = span.ticks();
        self.ring.push(span.end, duration);
        let bucket = self.bounds.exact_bucket(duration);
        self.ok.bump(bucket);
        add_ticks(&self.head.ok_sum, duration);
    }

    /// Whether a success changes no status.
    #[inline]
    fn is_known_ok(&self) -> bool {
        self.own.is_known_ok(&self.head.own_seen)
            && self.default.is_known_ok(&self.head.default_seen)
    }

    #[cold]
    #[inline(never)]
    fn status_changed(&self) {
        let failures = self.head.failures.get();
        let before = self.ok_count();
        if !self.own.is_known_ok(&self.head.own_seen) {
            let failed = failures.map(|all| &all.own);
            self.own.note_ok(&self.head.own_seen, failed, before);
        }
        if !self.default.is_known_ok(&self.head.default_seen) {
            let failed = failures.map(|all| &all.default);
            self.default
                .note_ok(&self.head.default_seen, failed, before);
        }
    }

    /// A call that started here failed; only the owner.
    pub(crate) fn end_failed(&self, slot: u32, end: u64, failure: Failure) {
        let start = self.start_of(slot).unwrap_or(end);
        let span = Span { start, end };
        self.release(slot);
        self.fail(span, failure);
        self.method.note_exemplar(span, true);
    }

    /// A call failed; only the owner.
    pub(crate) fn fail(&self, span: Span, failure: Failure) {
        let duration = span.ticks();
        let failures = self.head.failures.get_or_init(|| leak(Failures::new()));
        let bucket = self.bounds.exact_bucket(duration);
        // Before the ring, whose stores are Releases: see `ok_count`.
        bump(&failures.ended, 1, Ordering::Relaxed);
        self.ring.push(span.end, duration);
        failures.of_type(failure.error_type).counts.bump(bucket);
        add_ticks(&failures.sum, duration);
        if let Some(status) = failure.status {
            let (own, default) = (&failures.own, &failures.default);
            self.own.note_failure(&self.head.own_seen, own, status);
            self.default
                .note_failure(&self.head.default_seen, default, status);
        }
    }

    /// The values of calls that start here, from their first use.
    pub(crate) fn values(&self) -> &'static ShardValues {
        self.values.get_or_init(|| leak(ShardValues::new()))
    }

    pub(crate) fn known_values(&self) -> Option<&'static ShardValues> {
        self.values.get()
    }

    pub(crate) fn ring(&self) -> &Ring {
        &self.ring
    }

    /// When the newest call entered here ended, in ticks, to a step of the ring.
    pub(crate) fn newest_end(&self) -> Option<u64> {
        self.ring.newest_end()
    }

    /// Calls that succeeded: the ring numbers every call entered here, and the failures among them are known. A sum over
    /// the buckets would say the same.
    fn ok_count(&self) -> u64 {
        let entered = self.ring.entered();
        let failed = self.head.failures.get().map_or(0, |all| {
            // Who sees a failure in the ring sees it here: it is counted before.
            all.ended.load(Ordering::Relaxed)
        });
        entered.saturating_sub(failed)
    }

    pub(crate) fn started(&self) -> u64 {
        self.head.started.load(Ordering::Acquire)
    }

    /// Loads what tells where the rest is: see [`MethodList`](crate::recording::method_list::MethodList).
    pub(crate) fn touch_head(&self) -> u64 {
        let started = self.head.started.load(Ordering::Relaxed);
        started ^ self.ok.touch_used() ^ self.ring.touch(0)
    }

    /// Loads the rest but for failures' cells, and so many of the newest calls.
    pub(crate) fn touch_cells(&self, newest: u64) -> u64 {
        let failures = self.head.failures.get().map_or(0, |all| {
            let types = all.types().map(|one| one.counts.touch_used());
            types.fold(0, |all, one| all ^ one)
        });
        self.ok.touch() ^ self.ring.touch(newest) ^ failures
    }

    /// Loads the cells of failures.
    pub(crate) fn touch_failures(&self) -> u64 {
        let failures = self.head.failures.get().into_iter();
        let types = failures.flat_map(Failures::types);
        types.fold(0, |all, one| all ^ one.counts.touch())
    }

    /// Calls that ended here.
    pub(crate) fn finished(&self) -> u64 {
        let failures = self.head.failures.get().into_iter();
        let failures = failures.flat_map(Failures::types);
        failures.map(|one| one.counts.sum()).sum::<u64>() + self.ok.sum()
    }

    /// Start times of the calls that started here and are in flight.
    pub(crate) fn starts(&self) -> impl Iterator<Item = u64> + '_ {
        self.slots.starts()
    }

    /// Adds the durations of successes; gives the ticks they took.
    pub(crate) fn add_success(&self, total: &mut [u64]) -> f64 {
        let ticks = f64::from_bits(self.head.ok_sum.load(Ordering::Acquire));
        self.ok.add_to(total);
        ticks
    }

    /// Adds the durations of failures and the failures by type; gives the ticks they took.
    pub(crate) fn add_failure(&self, total: &mut [u64], types: &mut Vec<u64>) -> f64 {
        let Some(failures) = self.head.failures.get() else {
            return 0.0;
        };
        let ticks = f64::from_bits(failures.sum.load(Ordering::Acquire));
        for one in failures.types() {
            let index = one.error_type as usize;
            if types.len() <= index {
                types.resize(index + 1, 0);
            }
            types[index] += one.counts.add_to(total);
        }
        ticks
    }

    /// This shard's part in the run of the method's own status.
    pub(crate) fn own_run(&self, word: u64) -> u64 {
        let failing = self.head.failures.get().map_or(0, |all| all.own.run(word));
        failing + self.head.own_seen.run(word, || self.ok_count())
    }

    /// This shard's part in the run of the status of all calls.
    pub(crate) fn default_run(&self, word: u64) -> u64 {
        let failing = self
            .head
            .failures
            .get()
            .map_or(0, |all| all.default.run(word));
        failing + self.head.default_seen.run(word, || self.ok_count())
    }
}

/// Adds to a sum of ticks, kept as the bits of a float: exact to 2^53 ticks (40 days at 2.6 GHz), and without an end
/// where 64 bits of ticks overflow after a week of 10,000 tasks at once. Only the owner.
// Release: pairs with the Acquire of who adds the shards up.
#[inline]
fn add_ticks(sum: &AtomicU64, ticks: u64) {
    let before = f64::from_bits(sum.load(Ordering::Relaxed));
    sum.store((before + ticks_as_f64(ticks)).to_bits(), Ordering::Release);
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
