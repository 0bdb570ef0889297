//! `CallGuard`: one call from its start to its end, however it ends.

use std::fmt;
use std::mem::ManuallyDrop;
use std::time::Duration;

use crate::call::local::{self, Local};
use crate::call::method::MethodCore;
use crate::call::shard::{Failure, Shard, Span};
use crate::call::site::CallSite;
use crate::call::values::ValueRef;
use crate::status::Outcome;
use crate::storage;

/// One call, from its start to its end.
///
/// Made by [`Method::start`](crate::Method::start) and by `#[monitored]`. It counts as a request at once, is in
/// flight until it is finished or dropped, and may be moved to another thread. Dropped without
/// [`finish`](Self::finish) it counts as a panic if the thread began to panic meanwhile, else as cancelled.
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
    // Two words in all (the start time stands in the slot), so that a guard travels in registers.
    /// The shard it started in. Where the current thread's table still has it, the call ends on the fast path.
    shard: &'static Shard,
    slot: u32,
    /// Whether the thread was panicking when the call began: a call made while unwinding is not what panics.
    unwinding: bool,
    observed: bool,
}

impl CallGuard {
    /// Starts a call at a site, in the storage in force on this thread.
    #[inline]
    pub fn start(site: &'static CallSite) -> Self {
        Self::unpack(start(site))
    }

    /// Starts a call of a method of a given storage.
    pub(crate) fn start_method(method: &'static MethodCore) -> Self {
        local::with(|local| match local.cached(method.id) {
            Some(shard) if std::ptr::eq(shard.method, method) => Self::begin(shard),
            _ => Self::start_in(local, method),
        })
    }

    pub(crate) fn start_in(local: &Local, method: &'static MethodCore) -> Self {
        match local.shard(method) {
            Some(shard) => Self::begin(shard),
            None => method.with_fallback(Self::begin),
        }
    }

    #[inline]
    fn begin(shard: &'static Shard) -> Self {
        Self {
            shard,
            slot: shard.begin(),
            unwinding: std::thread::panicking(),
            observed: false,
        }
    }

    /// As two words: the flags of a call that has just begun are one bit above its slot.
    #[inline]
    fn pack(self) -> (&'static Shard, u64) {
        let call = ManuallyDrop::new(self);
        let word = u64::from(call.slot) | u64::from(call.unwinding) << u32::BITS;
        (call.shard, word)
    }

    #[inline]
    fn unpack((shard, word): (&'static Shard, u64)) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the slot is the low half")]
        let slot = word as u32;
        Self {
            shard,
            slot,
            unwinding: word >> u32::BITS != 0,
            observed: false,
        }
    }

    /// Ends the call.
    pub fn finish(self, outcome: Outcome<'_>) {
        match outcome {
            Outcome::Success => self.succeed(),
            failed => self.fail(failed),
        }
    }

    /// Ends the call as a success.
    #[inline]
    pub(crate) fn succeed(self) {
        let call = ManuallyDrop::new(self);
        succeed(call.shard, call.slot, call.observed);
    }

    #[cold]
    fn fail(self, outcome: Outcome<'_>) {
        let call = ManuallyDrop::new(self);
        call.fail_as(outcome);
    }

    fn fail_as(&self, outcome: Outcome<'_>) {
        // The clock first: classifying an error takes time that is not the call's.
        let end = self.shard.now();
        let failure = self.shard.method.storage.classify(outcome);
        local::with(|local| self.end_slow(local, end, Some(failure)));
    }

    /// Ends the call with this table, as the thread's ends it.
    #[cfg(all(test, loom))]
    pub(crate) fn end(&self, local: &Local, failure: Option<Failure>) {
        let failed = failure.is_some();
        if failed || !end_at_hand(local, self.shard, self.slot, self.observed) {
            self.end_slow(local, self.shard.now(), failure);
        }
    }

    /// When the call started and ended.
    #[inline]
    fn span(&self, end: u64) -> Span {
        let start = self.shard.start_of(self.slot).unwrap_or(end);
        Span { start, end }
    }

    #[cold]
    #[inline(never)]
    fn end_slow(&self, local: &Local, end: u64, failure: Option<Failure>) {
        let span = self.span(end);
        if local.owns(self.shard) {
            self.enter_values(self.shard, span);
            self.shard.release(self.slot);
            return enter(self.shard, span, failure);
        }
        let elsewhere = |target: &'static Shard| {
            self.enter_values(target, span);
            self.shard.release_elsewhere(self.slot);
            enter(target, span, failure);
        };
        match local.shard(self.shard.method) {
            Some(target) => elsewhere(target),
            None => self.shard.method.with_fallback(elsewhere),
        }
    }

    /// Enters what the call observed, under the number the call is about to get.
    fn enter_values(&self, target: &'static Shard, span: Span) {
        if self.observed
            && let Some(values) = self.shard.known_values()
        {
            let storage = target.method.storage;
            let duration = storage.clock.seconds(span.ticks());
            let seq = target.ring().next();
            values.take(self.slot, duration, |value, number| {
                let bounds = storage.bounds_of(value.kind());
                target.values().enter(value, bounds, seq, number);
            });
        }
    }

    /// Notes a value of this call: rolling means over the method's last calls that have it, and a histogram if its
    /// name holds `time` (seconds) or `size` (bytes). The name may carry labels (`name___label__value`). Recorded
    /// however the call ends; of several values with one name the last one counts for the means.
    ///
    /// NaN and the infinities are left out: no mean survives them. A negative value is left out of the histogram.
    pub fn observe(&mut self, name: &str, value: f64) {
        if !value.is_finite() {
            return;
        }
        if let Some(node) = self.shard.method.value(name) {
            self.keep(ValueRef::new(node), value);
        }
    }

    fn keep(&mut self, value: ValueRef, number: f64) {
        self.shard.values().observe(self.slot, value, number);
        self.observed = true;
    }

    /// Notes the size of the request in bytes.
    pub fn request_size(&mut self, bytes: u64) {
        self.observe("request_size", crate::clock::to_f64(bytes));
    }

    /// Notes the size of the response in bytes.
    pub fn response_size(&mut self, bytes: u64) {
        self.observe("response_size", crate::clock::to_f64(bytes));
    }

    /// Notes the time left until the caller's deadline, now and (taken on from here) at the end of the call, as
    /// `time_remaining_time` and `time_remaining_after_time` in seconds; what is past its deadline is 0. `None`: no
    /// deadline, nothing is noted.
    pub fn deadline(&mut self, left: Option<Duration>) {
        let Some(left) = left else { return };
        let left = left.as_secs_f64();
        self.observe("time_remaining_time", left);
        if let Some(node) = self.shard.method.value("time_remaining_after_time") {
            let from_start = left + self.elapsed().as_secs_f64();
            self.keep(ValueRef::new(node).left_at_end(), from_start);
        }
    }

    /// Time since the call started.
    pub fn elapsed(&self) -> Duration {
        let ticks = self.span(self.shard.now()).ticks();
        Duration::from_secs_f64(self.shard.method.storage.clock.seconds(ticks))
    }
}

// What an instrumented function gains are two calls, not two inlined bodies: the start and the end are out of line. They
// take and give words, which travel in registers; a guard as it stands would travel through memory, in pieces that the
// processor cannot forward from store to load.

#[inline(never)]
fn start(site: &'static CallSite) -> (&'static Shard, u64) {
    match local::with(|local| local.cached(site.known())) {
        Some(shard) => CallGuard::begin(shard).pack(),
        None => start_uncached(site),
    }
}

/// The first call of a site, of a method on this thread or in this scope, or of one past the inline table.
#[cold]
#[inline(never)]
fn start_uncached(site: &'static CallSite) -> (&'static Shard, u64) {
    let id = match site.known() {
        0 => site.resolve(),
        id => id,
    };
    let call = local::with(|local| {
        if let Some(shard) = local.known(id) {
            return CallGuard::begin(shard);
        }
        let storage = local.storage().unwrap_or_else(storage::global);
        CallGuard::start_in(local, storage.method_of(id, site.method()))
    });
    call.pack()
}

#[inline(never)]
fn succeed(shard: &'static Shard, slot: u32, observed: bool) {
    if !local::with(|local| end_at_hand(local, shard, slot, observed)) {
        succeed_slow(shard, slot, observed);
    }
}

/// Ends a call as a success if it can be done here and at once.
#[inline]
fn end_at_hand(local: &Local, shard: &'static Shard, slot: u32, observed: bool) -> bool {
    let at_hand = !observed && local.has_at_hand(shard);
    if at_hand {
        shard.end_ok(slot);
    }
    at_hand
}

#[cold]
#[inline(never)]
fn succeed_slow(shard: &'static Shard, slot: u32, observed: bool) {
    let call = ManuallyDrop::new(CallGuard {
        shard,
        slot,
        unwinding: false,
        observed,
    });
    local::with(|local| call.end_slow(local, shard.now(), None));
}

/// Enters an ended call in a shard the caller may write.
fn enter(target: &'static Shard, span: Span, failure: Option<Failure>) {
    match failure {
        None => target.succeed(span),
        Some(failure) => target.fail(span, failure),
    }
}

impl Drop for CallGuard {
    #[cold]
    fn drop(&mut self) {
        let panicked = !self.unwinding && std::thread::panicking();
        self.fail_as(if panicked {
            Outcome::Panic
        } else {
            Outcome::Cancelled
        });
    }
}

impl fmt::Debug for CallGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallGuard")
            .field("method", &self.shard.method.name)
            .field("elapsed", &self.elapsed())
            .finish_non_exhaustive()
    }
}
