//! `CallGuard`: one call from its start to its end, however it ends.

pub(crate) mod no_call;
mod notes;

use std::fmt;
use std::mem::ManuallyDrop;
use std::time::Duration;

use crate::errors::Outcome;
use crate::recording::local::{self, Local};
use crate::recording::method::MethodCore;
use crate::recording::method_name::MethodName;
use crate::recording::shard::{Failure, Shard, Span};
use crate::recording::site::CallSite;
use crate::recording::tasks::Suspension;

/// One call, from its start to its end.
///
/// Made by [`Method::start`](crate::Method::start) and by `#[monitored]`. It counts as a request at once, is in
/// flight until it is finished or dropped, and may be moved to another thread. Dropped without
/// [`finish`](Self::finish) it counts as a panic if the thread that drops it panics, else as cancelled.
///
/// # Cancellation
///
/// A guard knows of no `.await`. Kept over one, it counts as cancelled when its future is dropped, but as a panic if that is
/// because another future panics, as beside it in a `join!`. The calls of `#[monitored]` functions tell the two apart: put the body
/// in one where that matters. And one that was started while its thread panicked, in a destructor, counts as cancelled when it
/// is dropped, even by a panic of its own.
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
    words: Words,
}

impl CallGuard {
    /// Starts a call at a site, in the storage in force on this thread.
    #[inline]
    pub fn start(site: &'static CallSite) -> Self {
        let words = start(site);
        Self { words }
    }

    /// Starts a call with labels, in the storage in force on this thread.
    #[inline]
    pub(crate) fn start_named(site: &'static CallSite, name: &'static MethodName) -> Self {
        let words = start_named(site, name);
        Self { words }
    }

    /// Starts a call of a method of a given storage.
    #[inline]
    pub(crate) fn start_method(method: &'static MethodCore) -> Self {
        let Words(shard, slot) = start_method(method);
        let unwinding = if std::thread::panicking() {
            UNWINDING
        } else {
            0
        };
        Self {
            words: Words(shard, slot | unwinding),
        }
    }

    pub(crate) fn start_in(local: &Local, method: &'static MethodCore) -> Self {
        match local.shard(method) {
            Some(shard) => Self::begin(shard),
            None => method.with_fallback(Self::begin),
        }
    }

    #[inline]
    fn begin(shard: &'static Shard) -> Self {
        let slot = u64::from(shard.begin());
        Self {
            words: Words(shard, slot),
        }
    }

    /// Ends the call.
    #[inline]
    pub fn finish(self, outcome: Outcome<'_>) {
        match outcome {
            _ if self.is_dead() => {}
            Outcome::Success => succeed(self.words()),
            failed => fail(self.words(), failed),
        }
    }

    /// Ends the call with a failure that was classified before.
    pub(crate) fn finish_failed(self, failure: Failure) {
        let end = self.shard().now();
        fail_at(self.words(), end, failure);
    }

    /// The type and the status of what is no success.
    pub(crate) fn classify(&self, outcome: Outcome<'_>) -> Failure {
        self.shard().method.classify(outcome)
    }

    /// The method and label set it counts as.
    pub(crate) fn method(&self) -> &'static MethodCore {
        self.shard().method
    }

    /// The guard out of a place that does not drop it.
    #[inline]
    pub(crate) fn taken(held: &ManuallyDrop<Self>) -> Self {
        Self { words: held.words }
    }

    /// As words, which no longer end the call when they are dropped.
    #[inline]
    fn words(self) -> Words {
        ManuallyDrop::new(self).words
    }

    /// The shard it started in.
    #[inline]
    fn shard(&self) -> &'static Shard {
        self.words.0
    }

    /// Where it notes that its body is suspended.
    #[inline]
    pub(crate) fn suspension(&self) -> Suspension {
        self.shard().suspension(self.slot())
    }

    #[inline]
    fn slot(&self) -> u32 {
        self.words.slot()
    }

    /// Ends the call with this table, as it ends with the thread's.
    #[cfg(all(test, monitor_loom))]
    pub(crate) fn end(self, local: &Local, failure: Option<Failure>) {
        let words = self.words();
        match failure {
            None if words.at_hand(local) => words.0.end_ok(words.slot()),
            Some(failure) if words.at_hand(local) => {
                words.0.end_failed(words.slot(), words.0.now(), failure);
            }
            failure => words.call().end_slow(local, words.0.now(), failure),
        }
    }

    /// When the call started and ended.
    #[inline]
    fn span(&self, end: u64) -> Span {
        let start = self.dead_since();
        let start = start.or_else(|| self.shard().start_of(self.slot()));
        let start = start.unwrap_or(end);
        Span { start, end }
    }

    #[cold]
    #[inline(never)]
    fn end_slow(&self, local: &Local, end: u64, failure: Option<Failure>) {
        let span = self.span(end);
        self.enter_slow(local, span, failure);
        // Behind all locks: a provider is the user's code.
        self.method().note_exemplar(span, failure.is_some());
    }

    fn enter_slow(&self, local: &Local, span: Span, failure: Option<Failure>) {
        if local.owns(self.shard()) {
            self.enter_values(self.shard(), span);
            self.shard().release(self.slot());
            return enter(self.shard(), span, failure);
        }
        let elsewhere = |target: &'static Shard| {
            self.enter_values(target, span);
            self.shard().release_elsewhere(self.slot());
            enter(target, span, failure);
        };
        match local.shard(self.shard().method) {
            Some(target) => elsewhere(target),
            None => self.shard().method.with_fallback(elsewhere),
        }
    }

    /// Enters what the call observed, under the number the call is about to get.
    fn enter_values(&self, target: &'static Shard, span: Span) {
        if self.words.1 & OBSERVED != 0
            && let Some(values) = self.shard().known_values()
        {
            let storage = target.method.storage;
            let duration = storage.clock.seconds(span.ticks());
            let seq = target.ring().next();
            values.take(self.slot(), duration, |value, number| {
                let bounds = storage.bounds_of(value.kind());
                target.values().enter(value, bounds, seq, number);
            });
        }
    }

    /// Time since the call started.
    pub fn elapsed(&self) -> Duration {
        let ticks = self.span(self.shard().now()).ticks();
        Duration::from_secs_f64(self.shard().method.storage.clock.seconds(ticks))
    }
}

/// A call as two words: the shard it started in, and its slot with the flags above it (the start time stands in the slot).
/// Where the current thread's table still has the shard, the call ends on the fast path.
///
/// What an instrumented function gains are two calls, not two inlined bodies: start and end are out of line, and what they
/// give and take travels in registers. Fields of other sizes would be written and read in pieces where a guard must stand in
/// memory, and a processor cannot forward those from store to load.
#[derive(Clone, Copy)]
struct Words(&'static Shard, u64);

/// Set if the thread was panicking when a call began that the user holds: it may well come to its end while the panic goes on.
/// Who holds the call of a body knows better (see [`Entered`](crate::recording::entered::Entered)).
const UNWINDING: u64 = 1 << 32;
/// Set once the call observed a value.
const OBSERVED: u64 = 1 << 33;

impl Words {
    /// The guard, for one who ends the call otherwise than by dropping it.
    fn call(self) -> ManuallyDrop<CallGuard> {
        ManuallyDrop::new(CallGuard { words: self })
    }

    #[inline]
    fn slot(self) -> u32 {
        #[expect(clippy::cast_possible_truncation, reason = "the slot is the low half")]
        let slot = self.1 as u32;
        slot
    }

    /// Whether the call can end here and at once: in the shard it started in, with nothing but its duration to enter.
    #[inline]
    fn at_hand(self, local: &Local) -> bool {
        self.1 & OBSERVED == 0 && local.has_at_hand(self.0)
    }
}

#[inline(never)]
fn start(site: &'static CallSite) -> Words {
    match local::with(|local| local.cached(site.known())) {
        Some(shard) => CallGuard::begin(shard).words(),
        None => start_uncached(site),
    }
}

/// The first call of a site, of a method on this thread or in this scope, or of one past the inline table.
#[cold]
#[inline(never)]
fn start_uncached(site: &'static CallSite) -> Words {
    start_named_uncached(site, site.resolve())
}

#[inline(never)]
fn start_named(site: &'static CallSite, name: &'static MethodName) -> Words {
    match local::with(|local| local.cached(name.id)) {
        Some(shard) => CallGuard::begin(shard).words(),
        None => start_named_uncached(site, name),
    }
}

#[cold]
#[inline(never)]
fn start_named_uncached(site: &'static CallSite, name: &'static MethodName) -> Words {
    let call = local::with(|local| {
        if let Some(shard) = local.known(name.id) {
            return CallGuard::begin(shard);
        }
        let storage = local.in_force();
        if !storage.has(name) {
            site.siblings().iter().for_each(|name| {
                storage.method_of(name);
            });
        }
        let method = storage.method_for_call(name);
        CallGuard::start_in(local, method)
    });
    call.words()
}

#[inline(never)]
fn start_method(method: &'static MethodCore) -> Words {
    match local::with(|local| local.cached(method.id)) {
        Some(shard) if std::ptr::eq(shard.method, method) => CallGuard::begin(shard).words(),
        _ => start_method_uncached(method),
    }
}

#[cold]
#[inline(never)]
fn start_method_uncached(method: &'static MethodCore) -> Words {
    local::with(|local| CallGuard::start_in(local, method)).words()
}

// Only the look-up runs inside `with`: a larger closure is not inlined into it by every build.
#[inline(never)]
fn succeed(call: Words) {
    if local::with(|local| call.at_hand(local)) {
        call.0.end_ok(call.slot());
    } else {
        succeed_elsewhere(call);
    }
}

#[cold]
#[inline(never)]
fn succeed_elsewhere(call: Words) {
    let end = call.0.now();
    local::with(|local| call.call().end_slow(local, end, None));
}

/// Out of the way of the common case.
#[cold]
#[inline(never)]
fn fail(call: Words, outcome: Outcome<'_>) {
    // The clock first: classifying an error takes time that is not the call's.
    let end = call.0.now();
    let failure = call.0.method.classify(outcome);
    fail_at(call, end, failure);
}

fn fail_at(call: Words, end: u64, failure: Failure) {
    if local::with(|local| call.at_hand(local)) {
        call.0.end_failed(call.slot(), end, failure);
    } else {
        local::with(|local| call.call().end_slow(local, end, Some(failure)));
    }
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
        if self.is_dead() {
            return;
        }
        let panicked = self.words.1 & UNWINDING == 0 && std::thread::panicking();
        let outcome = if panicked {
            Outcome::Panic
        } else {
            Outcome::Cancelled
        };
        let end = self.shard().now();
        let failure = self.shard().method.classify(outcome);
        local::with(|local| self.end_slow(local, end, Some(failure)));
    }
}

impl fmt::Debug for CallGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallGuard")
            .field("method", &self.shard().method.name)
            .field("elapsed", &self.elapsed())
            .finish_non_exhaustive()
    }
}
