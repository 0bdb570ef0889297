//! `CallGuard`: one call from its start to its end, however it ends.
//!
//! A guard is two words: the shard the call started in, and the call's slot there with flags above the slot's number.
//! The start time stands in the slot. Only the code that has the guard touches the slot and the values the call
//! observed, so a guard may move to another thread: handing it over orders those stores too.
//!
//! # Fast and slow
//!
//! An instrumented function gains two calls, not two inlined bodies: start and end are out of line, and the guard
//! travels between them in two registers. Fields of other sizes would be written and read in pieces where a guard must
//! stand in memory, and a processor cannot forward those from store to load.
//!
//! The start is fast where the thread's table has the method's shard cached. The end is fast where the table still has
//! the shard the call started in, and only a duration is to be recorded. All else is cold: a first call, one that ends
//! on another thread or in another scope, and one that observed values.
//!
//! # Where instrumentation is off
//!
//! With the feature `off` there are no sites, but user code may still name the handle of a call ([`no_call`]): a guard
//! of a shard that nothing writes and no monitor shows, with its start time in place of the slot.

use std::fmt;
use std::mem::ManuallyDrop;
use std::time::Duration;

use crate::base::clock::{Clock, to_f64};
use crate::base::sync::OnceLock;
use crate::errors::Outcome;
use crate::recording::config::StorageConfig;
use crate::recording::current::{CallPoll, CallWord, CurrentCallScope, InCall};
use crate::recording::label_sets::MethodId;
use crate::recording::method::{MethodCore, SizeName};
use crate::recording::shard::{Failure, Shard, Span};
use crate::recording::site::{CallSite, IS_OFF};
use crate::recording::store::StorageCore;
use crate::recording::thread::{self, ForCall, Local, entry_shard};
use crate::recording::time_limit::outcome_of_dropped;
use crate::recording::values::ValueRef;

/// Flag: the thread was panicking when the call began. The guard may be dropped by that panic, which then is not the
/// call's own.
const UNWINDING: u64 = 1 << 32;
/// Flag: the call observed a value.
const OBSERVED: u64 = 1 << 33;
/// Flag: the call was started by hand. It was never made the current one.
const BY_HAND: u64 = 1 << 34;
/// Flag: the handle of no call; the other bits are its start. Without the feature `off` no code looks at it.
const DEAD: u64 = 1 << 63;

/// A time left that means no deadline: a hundred years, for which no caller waits. The greatest number of nanoseconds
/// in 64 bits is 584 years, those of all larger units are more.
const NO_DEADLINE: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// One call, from its start to its end.
///
/// Made by [`Method::start`](crate::Method::start) and by `#[monitored]`. It counts as a request at once, is in
/// flight until it is finished or dropped, and may be moved to another thread. Dropped without
/// [`finish`](Self::finish) it counts as a panic if the thread that drops it panics, as a failure of the type `timeout`
/// if a [`timeout_with`](crate::timeout_with) drops it, else as cancelled.
///
/// # Cancellation
///
/// A guard that is kept across an `.await` counts as cancelled when its future is dropped, but as a panic if the future
/// is dropped because another one panics, such as its neighbour in a `join!`. The calls of `#[monitored]` functions
/// distinguish the two: use the attribute where that matters. A guard that was started while its thread panicked, in a
/// destructor, counts as cancelled when it is dropped, even by a panic of its own.
///
/// Recording never fails, panics, blocks or logs, and allocates only at a thread's first call of a method, the first
/// failure, the first use of a value, and when more tasks are in flight than ever before.
///
/// # Examples
///
/// ```
/// use monitor_core::{Monitor, Outcome, StorageConfig};
///
/// let monitor = Monitor::new(StorageConfig::default());
/// let mut call = monitor.method("Resize")?.start();
/// call.request_size(1_024);
/// call.observe("tokens", 12.0);
/// call.finish(Outcome::Success);
///
/// let snapshot = monitor.snapshot();
/// assert_eq!(snapshot.methods[0].started, 1);
/// assert_eq!(snapshot.methods[0].success.count(), 1);
/// # Ok::<(), monitor_core::MethodError>(())
/// ```
#[must_use = "a call that is dropped at once counts as cancelled"]
pub struct CallGuard {
    shard: &'static Shard,
    /// The slot's number in the lower half, flags above.
    slot: u64,
}

impl CallGuard {
    /// Starts a call at a site, in the storage in force on this thread, and makes it the current one.
    #[inline(never)]
    pub fn start(site: &'static CallSite) -> Self {
        match thread::with(|local| local.cached(site.known_entry_shard())) {
            Some(found) => Self::begin_current(found),
            // The first call of a site, of a method on this thread or in this scope, or of one past the inline table.
            None => start_unresolved(site),
        }
    }

    /// The same with labels.
    #[inline(never)]
    pub(crate) fn start_named(site: &'static CallSite, name: &'static MethodId) -> Self {
        match thread::with(|local| local.cached(entry_shard(name.id))) {
            Some(found) => Self::begin_current(found),
            None => start_uncached(site, name),
        }
    }

    /// Starts a call of a method of a given storage.
    #[inline(never)]
    pub(crate) fn start_method(method: &'static MethodCore) -> Self {
        let mut call = match thread::with(|local| local.cached(entry_shard(method.id))) {
            Some(found) if std::ptr::eq(found.0.method, method) => Self::begin(found),
            _ => thread::with(|local| Self::start_in(local, method)),
        };
        call.slot |= BY_HAND;
        call.noting_a_panic()
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn start_in(local: &Local, method: &'static MethodCore) -> Self {
        match local.shard(method) {
            Some(found) => Self::begin(found),
            None => method.with_fallback(false, |shard| Self::begin((shard, CallWord::NONE))),
        }
    }

    #[inline]
    fn begin((shard, caller): ForCall) -> Self {
        let slot = u64::from(shard.begin(caller));
        Self { shard, slot }
    }

    #[inline]
    fn begin_current(found: ForCall) -> Self {
        let call = Self::begin(found);
        call.shard.make_current(call.slot());
        call
    }

    /// Takes the caller away from a call that has just started, which returns to `outer`.
    pub(crate) fn clear_caller(&self, outer: CallWord) {
        if let Some(slot) = self.shard.slots.cell(self.slot()) {
            slot.clear_caller(outer);
        }
    }

    /// Runs a part of the call's work: the calls it makes have this one as their caller.
    ///
    /// A call started by hand is not the caller of others by itself, because it may be held while its thread does
    /// something else: monitored calls in between are entry calls. Neither is a call of another monitor than the one
    /// whose scope this runs in. A middleware that polls a service does that inside of `run`.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::{Monitor, Outcome, StorageConfig};
    ///
    /// let monitor = Monitor::new(StorageConfig::default());
    /// let (request, load) = (monitor.method("Request")?, monitor.method("Load")?);
    /// monitor.scope_sync(|| {
    ///     let call = request.start();
    ///     call.run(|| load.start().finish(Outcome::Success));
    ///     call.finish(Outcome::Success);
    /// });
    /// let snapshot = monitor.snapshot();
    /// assert_eq!(snapshot.methods[0].callers[0].caller.as_deref(), Some("Request"));
    /// # Ok::<(), monitor_core::MethodError>(())
    /// ```
    pub fn run<R>(&self, run: impl FnOnce() -> R) -> R {
        let word = self.shard.word_of(self.slot());
        let _meanwhile = thread::with(|local| {
            // A call of a storage that is not in force is no caller there.
            let is_known = !self.is_dead() && local.is_in_force(self.method().storage);
            is_known.then(|| CurrentCallScope::new(local, word))
        });
        run()
    }

    /// A future that is a part of the call's work: like [`run`](Self::run), at each of its polls.
    pub fn within<F: Future>(&self, future: F) -> InCall<'_, F> {
        InCall::new(self, future)
    }

    /// Notes whether the thread panics already, for a call that may be dropped while that panic goes on.
    #[inline]
    pub(crate) fn noting_a_panic(mut self) -> Self {
        if std::thread::panicking() {
            self.slot |= UNWINDING;
        }
        self
    }

    /// True if the thread panics, and did not when the call began.
    #[inline]
    pub(crate) fn panics(&self) -> bool {
        self.slot & UNWINDING == 0 && std::thread::panicking()
    }

    /// Ends the call.
    #[inline]
    pub fn finish(self, outcome: Outcome<'_>) {
        match outcome {
            _ if self.is_dead() => {}
            Outcome::Success => succeed(self),
            failed => fail(self, failed),
        }
    }

    /// Ends the call with a failure that was classified before.
    pub(crate) fn finish_failed(self, failure: Failure) {
        let end = self.shard.now();
        fail_at(self, end, failure);
    }

    /// The method and label set it counts as.
    pub(crate) fn method(&self) -> &'static MethodCore {
        self.shard.method
    }

    /// The guard out of a place that does not drop it.
    #[inline]
    pub(crate) fn taken(held: &ManuallyDrop<Self>) -> Self {
        Self { ..**held }
    }

    /// The hold that its polls have.
    #[inline]
    pub(crate) fn poll_handle(&self) -> CallPoll {
        let slot = if self.is_dead() {
            None
        } else {
            self.shard.slots.cell(self.slot())
        };
        CallPoll::new(slot, self.shard.word_of(self.slot()))
    }

    /// The same to be lent, in one word.
    pub(crate) fn lent_handle(&self) -> &'static CallPoll {
        if self.is_dead() {
            return &CallPoll::NONE;
        }
        let word = self.shard.word_of(self.slot());
        self.shard.slots.hold(self.slot(), word)
    }

    #[inline]
    fn slot(&self) -> u32 {
        #[expect(clippy::cast_possible_truncation, reason = "the slot is the low half")]
        let slot = self.slot as u32;
        slot
    }

    #[inline]
    fn is_dead(&self) -> bool {
        IS_OFF && self.slot & DEAD != 0
    }

    /// True if it was made the current call when it started. A call that succeeds is so still, as its body has just run.
    #[inline]
    fn was_current(&self) -> bool {
        self.slot & BY_HAND == 0
    }

    /// True if the fast path applies: the thread has the shard cached, and only a duration is to be recorded.
    #[inline]
    fn ends_fast(&self, local: &Local) -> bool {
        self.slot & OBSERVED == 0 && local.has_cached(self.shard)
    }

    /// Its word.
    #[cfg(all(test, monitor_loom))]
    pub(crate) fn word(&self) -> CallWord {
        self.shard.word_of(self.slot())
    }

    /// Ends the call with this table, as it ends with the thread's.
    #[cfg(all(test, monitor_loom))]
    pub(crate) fn end(self, local: &Local, failure: Option<Failure>) {
        let call = ManuallyDrop::new(self);
        match failure {
            None if call.ends_fast(local) => call.shard.end_ok(call.slot(), call.was_current()),
            Some(failure) if call.ends_fast(local) => {
                let end = call.shard.now();
                call.shard.end_failed(call.slot(), end, failure);
            }
            failure => call.end_slow(local, call.shard.now(), failure),
        }
    }

    /// When the call started and ended.
    #[inline]
    fn span(&self, end: u64) -> Span {
        let start = if self.is_dead() {
            Some(self.slot & !DEAD)
        } else {
            self.shard.slots.start_of(self.slot())
        };
        let start = start.unwrap_or(end);
        Span { start, end }
    }

    /// Records the end in a shard that this thread may write: the call's own, the thread's, or the method's fallback.
    #[cold]
    #[inline(never)]
    fn end_slow(&self, local: &Local, end: u64, failure: Option<Failure>) {
        let (span, method) = (self.span(end), self.method());
        let is_owner = local.owns(self.shard);
        let caller = self.shard.slots.caller_of(self.slot()).method();
        // Words of two storages may be equal.
        let is_in_force = local.is_in_force(method.storage);
        if is_in_force && local.current() == self.shard.word_of(self.slot()) {
            local.set_current(self.shard.slots.outer_of(self.slot()));
        }
        let record = |target: &'static Shard| {
            self.enter_values(target, span);
            if is_owner {
                self.shard.slots.release(self.slot());
            } else {
                self.shard.slots.release_elsewhere(self.slot());
            }
            match failure {
                None => target.succeed(span),
                Some(failure) => target.fail(span, failure, caller),
            }
        };
        let target = if is_owner {
            Some(self.shard)
        } else {
            local.shard_beside(self.shard)
        };
        match target {
            Some(target) => record(target),
            None => method.with_fallback(self.shard.is_nested(), record),
        }
        // Behind all locks: a provider is the user's code.
        method.note_exemplar(span, failure.is_some());
    }

    /// Enters the values that the call observed, under the number the call is about to get.
    fn enter_values(&self, target: &'static Shard, span: Span) {
        if self.slot & OBSERVED != 0
            && let Some(values) = self.shard.values.get()
        {
            let duration = target.method.storage.clock.seconds(span.ticks());
            let seq = target.ring.next();
            values.take(self.slot(), duration, |value, number| {
                target.values().enter(value, target.method, seq, number);
            });
        }
    }

    /// Time since the call started.
    pub fn elapsed(&self) -> Duration {
        let ticks = self.span(self.shard.now()).ticks();
        Duration::from_secs_f64(self.method().storage.clock.seconds(ticks))
    }

    /// Records a value of this call. The page shows rolling means over the method's last calls that have it, and a
    /// histogram if its name, labels included, contains `time` (seconds) or `size` (bytes). The name may carry labels
    /// (`name___label__value`). The value counts with any outcome of the call; if a call records several values under
    /// one name, the means use the last.
    ///
    /// NaN and the infinities are left out, because they would spoil every mean. A value that is negative or at least
    /// 2^63 is left out of the histogram: it is neither a time nor a size, and the sum would keep it for good. These
    /// are not counted anywhere. A call keeps 1,024 values; further ones are dropped. Names beyond `max_series` go to
    /// the child labelled `overflow` of their family. Both are counted.
    pub fn observe(&mut self, name: &str, value: f64) {
        if !value.is_finite() || self.is_dead() {
            return;
        }
        if let Some(node) = self.shard.method.value(name) {
            self.keep(ValueRef::new(node), value);
        }
    }

    fn keep(&mut self, value: ValueRef, number: f64) {
        self.slot |= OBSERVED;
        if !self.shard.values().observe(self.slot(), value, number) {
            self.shard.method.drop_value();
        }
    }

    /// Records the size of the request in bytes. A number of `i64::MAX` or more is left out: `u64::MAX` often stands
    /// for an unknown size.
    pub fn request_size(&mut self, bytes: u64) {
        self.observe_size(SizeName::Request, bytes);
    }

    /// Records the size of the response in bytes, like [`request_size`](Self::request_size).
    pub fn response_size(&mut self, bytes: u64) {
        self.observe_size(SizeName::Response, bytes);
    }

    fn observe_size(&mut self, size: SizeName, bytes: u64) {
        if bytes >= i64::MAX.unsigned_abs() || self.is_dead() {
            return;
        }
        if let Some(node) = self.shard.method.size(size) {
            self.keep(ValueRef::new(node), to_f64(bytes));
        }
    }

    /// Records the time left until the caller's deadline, now and at the end of the call (computed from this value), as
    /// `time_remaining_time` and `time_remaining_after_time` in seconds; a time past the deadline is 0. `None`, and a
    /// hundred years or more (such as `Duration::MAX`), mean no deadline: nothing is recorded.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use monitor_core::{Monitor, Outcome, StorageConfig};
    ///
    /// let monitor = Monitor::new(StorageConfig::default());
    /// let mut call = monitor.method("Get")?.start();
    /// call.deadline(Some(Duration::MAX));
    /// call.finish(Outcome::Success);
    /// assert!(monitor.snapshot().methods[0].values.is_empty());
    /// # Ok::<(), monitor_core::MethodError>(())
    /// ```
    pub fn deadline(&mut self, left: Option<Duration>) {
        let is_one = |left: &Duration| *left < NO_DEADLINE && !self.is_dead();
        let Some(left) = left.filter(is_one) else {
            return;
        };
        let left = left.as_secs_f64();
        self.observe("time_remaining_time", left);
        if let Some(node) = self.shard.method.value("time_remaining_after_time") {
            let from_start = left + self.elapsed().as_secs_f64();
            self.keep(ValueRef::new(node).left_at_end(), from_start);
        }
    }
}

/// A handle without a call: none of its methods records anything.
#[inline]
pub fn no_call() -> CallGuard {
    static OFF_SHARD: OnceLock<&'static Shard> = OnceLock::new();
    let shard = *OFF_SHARD.get_or_init(|| {
        let storage = StorageCore::new(StorageConfig::default(), Clock::system());
        storage.method("off").with_fallback(false, |shard| shard)
    });
    let slot = DEAD | shard.now();
    CallGuard { shard, slot }
}

#[cold]
#[inline(never)]
fn start_unresolved(site: &'static CallSite) -> CallGuard {
    start_uncached(site, site.resolve())
}

#[cold]
#[inline(never)]
fn start_uncached(site: &'static CallSite, name: &'static MethodId) -> CallGuard {
    thread::with(|local| {
        if let Some(found) = local.known(name.id) {
            return CallGuard::begin_current(found);
        }
        let storage = local.storage();
        if !storage.has(name) {
            for name in site.siblings() {
                storage.method_of(name);
            }
        }
        let call = CallGuard::start_in(local, storage.method_for_call(name));
        call.shard.make_current(call.slot());
        call
    })
}

// Only the look-up runs inside `with`: a larger closure is not inlined into it by every build.
#[inline(never)]
fn succeed(call: CallGuard) {
    let call = ManuallyDrop::new(call);
    if thread::with(|local| call.ends_fast(local)) {
        call.shard.end_ok(call.slot(), call.was_current());
    } else {
        succeed_slow(ManuallyDrop::into_inner(call));
    }
}

#[cold]
#[inline(never)]
fn succeed_slow(call: CallGuard) {
    let call = ManuallyDrop::new(call);
    let end = call.shard.now();
    thread::with(|local| call.end_slow(local, end, None));
}

#[cold]
#[inline(never)]
fn fail(call: CallGuard, outcome: Outcome<'_>) {
    let call = ManuallyDrop::new(call);
    // The clock first: classifying an error takes time that is not the call's.
    let end = call.shard.now();
    let failure = call.method().classify(outcome, end);
    fail_at(ManuallyDrop::into_inner(call), end, failure);
}

fn fail_at(call: CallGuard, end: u64, failure: Failure) {
    let call = ManuallyDrop::new(call);
    if thread::with(|local| call.ends_fast(local)) {
        call.shard.end_failed(call.slot(), end, failure);
    } else {
        thread::with(|local| call.end_slow(local, end, Some(failure)));
    }
}

// By value: a guard that is dropped needs no place in memory meanwhile.
impl Drop for CallGuard {
    #[inline]
    fn drop(&mut self) {
        drop_guard(Self { ..*self });
    }
}

#[cold]
#[inline(never)]
fn drop_guard(call: CallGuard) {
    let call = ManuallyDrop::new(call);
    if !call.is_dead() {
        let outcome = if call.panics() {
            Outcome::Panic
        } else {
            outcome_of_dropped()
        };
        fail(ManuallyDrop::into_inner(call), outcome);
    }
}

impl fmt::Debug for CallGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallGuard")
            .field("method", &self.method().name)
            .field("elapsed", &self.elapsed())
            .finish_non_exhaustive()
    }
}
