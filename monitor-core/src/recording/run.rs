//! Running a body as one call: the functions that expansions of `#[monitored]` name.
//!
//! A body becomes a call in one of three forms:
//!
//! - **moved**: [`run_sync`] runs it as a closure; it may return early.
//! - **wrapped**: [`Run`] is a future or a stream that is one call, from its first poll to its end.
//! - **in place**: the body stays where it is, between [`InPlaceCall::start`] and [`InPlaceCall::finish`]. Each of its
//!   awaits goes through [`awaited`].
//!
//! The code here is generic over the user's code and small, so that it inlines into the instrumented function. Two
//! out-of-line calls remain there, for the start and the end, and a cold one for failures. Boxing is done by the
//! expansion.
//!
//! A *verdict* reads the outcome off the value the body gave; it also gets the call, on which it may record values it
//! reads from the returned one.
//!
//! # A panic, or a cancellation?
//!
//! A guard that is dropped while its thread panics may be dropped by a panic of its own body or by another's, as beside
//! it in a `join!`. The difference is whether the body runs:
//!
//! - While [`Run`] polls its body, a [`Running`] stands beside the poll. The body's own panic drops that, which ends the
//!   call as a panic at once: the executor may catch the panic and drop the future later. Between two polls there is none,
//!   and a drop of the future comes from outside: the call is cancelled.
//! - A body in place notes in the call's slot that it is suspended (see [`CallPoll`]), and [`InPlaceCall`] looks at
//!   that when it is dropped.
//!
//! The same two moments, before a poll of the body and where it waits, make the call the current one of its thread and
//! its caller the current one again (see [`current`](crate::recording::current)).

use std::fmt;
use std::mem::{self, ManuallyDrop};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use pin_project_lite::pin_project;

use crate::base::sync::Relaxed;
use crate::errors::Outcome;
use crate::recording::args::Start;
use crate::recording::current::CallPoll;
use crate::recording::guard::CallGuard;
use crate::recording::limit::{Permit, PermitWait};
use crate::recording::shard::Failure;
use crate::recording::time_limit::outcome_of_dropped;

/// Runs a synchronous body as one call.
#[inline]
pub fn run_sync<R, V>(start: impl Start, body: impl FnOnce(&mut CallGuard) -> R, verdict: V) -> R
where
    V: for<'a> FnOnce(&'a R, &mut CallGuard) -> Outcome<'a>,
{
    let mut call = start.start();
    let value = body(&mut call);
    report(call, &value, verdict);
    value
}

/// Ends a call with its value. The value stays where it is: in a recursive function, another place for it would be one
/// more on each level of its stack.
#[inline]
fn report<R, V>(mut call: CallGuard, value: &R, verdict: V)
where
    V: for<'a> FnOnce(&'a R, &mut CallGuard) -> Outcome<'a>,
{
    let outcome = verdict(value, &mut call);
    call.finish(outcome);
}

/// Calls a closure that is not measured itself, but makes the body (a future or a stream) that is. A closure that is
/// called directly counts as `FnMut`.
#[inline]
pub fn make<T>(body: impl FnOnce() -> T) -> T {
    body()
}

/// Wraps a future as one call, which begins at its first poll: a future that is never polled is no call.
///
/// `R` comes first so that an expansion can name it: the verdict is type-checked before the future's output is known.
#[inline]
pub fn run_async<R, S, F, V>(start: S, future: F, verdict: V) -> Run<F, V, OnceState<S, ()>>
where
    S: Start,
    F: Future<Output = R>,
    V: for<'a> Fn(&'a R, &mut CallGuard) -> Outcome<'a>,
{
    Run {
        body: future,
        call: OnceState::NotBegun(start),
        verdict,
    }
}

/// Wraps the body of an `async fn` as one call. The expansion awaits it at once, so it is not polled after its end.
///
/// The call begins at the first poll, not here: the body's arguments are on their way into the future, and would be
/// copied once more if they had to wait for a call that starts.
#[inline]
pub fn run_body<R, S, T, F, V>(start: S, body: F, verdict: V) -> Run<F, V, BodyState<S>>
where
    S: Fn() -> T,
    T: Start,
    F: Future<Output = R>,
    V: for<'a> Fn(&'a R, &mut CallGuard) -> Outcome<'a>,
{
    Run {
        body,
        call: BodyState { start, call: None },
        verdict,
    }
}

/// The same for a call that has begun.
#[inline]
pub fn run_begun<R, F, V>(call: CallGuard, body: F, verdict: V) -> Run<F, V, OnceState<Never, ()>>
where
    F: Future<Output = R>,
    V: for<'a> Fn(&'a R, &mut CallGuard) -> Outcome<'a>,
{
    Run {
        body,
        call: OnceState::Begun(Begun::new(call)),
        verdict,
    }
}

/// Wraps a stream as one call, which begins at its first poll and is in flight until it ends or is dropped; its items
/// are counted. `I` comes first as `R` does in [`run_async`].
#[inline]
pub fn run_stream<I, S, T, V>(start: S, stream: T, verdict: V) -> Run<T, V, OnceState<S, LastItem>>
where
    S: Start,
    T: Stream<Item = I>,
    V: for<'a> Fn(&'a I, &mut CallGuard) -> Outcome<'a>,
{
    Run {
        body: stream,
        call: OnceState::NotBegun(start),
        verdict,
    }
}

pin_project! {
    /// A future or stream that is one call, from its first poll until it is at its end or dropped.
    // The guard stays in one place from the first poll to the end. In a state that is moved or replaced as a whole, words
    // are read in pieces other than those they were written in, which a processor cannot forward from store to load.
    #[must_use = "futures and streams do nothing unless polled"]
    #[repr(C)]
    pub struct Run<T, V, P: RunState> {
        // First, and so dropped before the call: it is in flight while the body's own destructors run. First in memory
        // too: behind a guard that is not there yet, arguments would be copied together with its unset word.
        #[pin]
        body: T,
        call: P,
        verdict: V,
    }
}

/// The progress of the call of a [`Run`].
pub trait RunState {
    /// The state that the call keeps beside its guard.
    type Kept: Kept;

    /// The call, begun if need be; none once it is over.
    fn call(&mut self) -> Option<&mut Begun<Self::Kept>>;

    /// The call, once it has begun.
    fn begun(&mut self) -> Option<&mut Begun<Self::Kept>>;

    /// Takes the call out: it is over.
    fn take(&mut self) -> Option<Begun<Self::Kept>>;
}

/// The progress of a future or stream that a function returned. It may be polled after its end, and begins once.
#[derive(Debug)]
pub enum OnceState<S, K: Kept> {
    /// Not polled yet.
    NotBegun(S),
    /// In flight.
    Begun(Begun<K>),
    /// Panicked or reported.
    Over,
}

/// The start of a call that has begun: there is none.
#[derive(Debug)]
pub enum Never {}

impl Start for Never {
    fn start(self) -> CallGuard {
        match self {}
    }
}

impl<S: Start, K: Kept> RunState for OnceState<S, K> {
    type Kept = K;

    #[inline]
    fn call(&mut self) -> Option<&mut Begun<K>> {
        if matches!(self, Self::NotBegun(_))
            && let Self::NotBegun(start) = mem::replace(self, Self::Over)
        {
            *self = Self::Begun(Begun::new(start.start()));
        }
        self.begun()
    }

    #[inline]
    fn begun(&mut self) -> Option<&mut Begun<K>> {
        match self {
            Self::Begun(call) => Some(call),
            Self::NotBegun(_) | Self::Over => None,
        }
    }

    #[inline]
    fn take(&mut self) -> Option<Begun<K>> {
        match mem::replace(self, Self::Over) {
            Self::Begun(call) => Some(call),
            Self::NotBegun(_) | Self::Over => None,
        }
    }
}

/// The progress of the body of an `async fn`: as that is not polled after its end, a call that is over looks like one
/// that has not begun.
#[derive(Debug)]
pub struct BodyState<S> {
    start: S,
    call: Option<Begun<()>>,
}

impl<S: Fn() -> T, T: Start> RunState for BodyState<S> {
    type Kept = ();

    #[inline]
    fn call(&mut self) -> Option<&mut Begun<()>> {
        let begin = || Begun::new((self.start)().start());
        Some(self.call.get_or_insert_with(begin))
    }

    #[inline]
    fn begun(&mut self) -> Option<&mut Begun<()>> {
        self.call.as_mut()
    }

    #[inline]
    fn take(&mut self) -> Option<Begun<()>> {
        self.call.take()
    }
}

/// A call from its first poll to its end. Dropped between two polls it is cancelled.
#[derive(Debug)]
pub struct Begun<K: Kept> {
    call: ManuallyDrop<CallGuard>,
    kept: K,
}

impl<K: Kept> Begun<K> {
    #[inline]
    fn new(call: CallGuard) -> Self {
        Self {
            call: ManuallyDrop::new(call),
            kept: K::default(),
        }
    }

    #[inline]
    fn into_parts(self) -> (CallGuard, K) {
        let begun = ManuallyDrop::new(self);
        (CallGuard::taken(&begun.call), begun.kept)
    }
}

impl<K: Kept> Drop for Begun<K> {
    #[inline]
    fn drop(&mut self) {
        end_dropped(CallGuard::taken(&self.call), self.kept);
    }
}

/// Ends a call that is dropped between two polls.
// Out of line: it stands in the drop of every monitored future, beside a path that never takes it.
#[cold]
#[inline(never)]
fn end_dropped<K: Kept>(call: CallGuard, kept: K) {
    kept.end(call, outcome_of_dropped());
}

/// A call while its body is polled. Dropped, as by a panic of the body, the call ends with that.
struct Running<'a, P: RunState>(&'a mut P);

impl<'a, P: RunState> Running<'a, P> {
    /// Before a poll; none if the call is over.
    #[inline]
    fn resume(state: &'a mut P) -> Option<Self> {
        state.call()?.call.poll_handle().resume();
        Some(Self(state))
    }

    /// After a poll behind which the call is in flight.
    #[inline]
    fn suspend(self) {
        if let Some(begun) = ManuallyDrop::new(self).0.begun() {
            begun.call.poll_handle().suspend();
        }
    }

    /// After the last poll.
    #[inline]
    fn end(self) -> Option<(CallGuard, P::Kept)> {
        let call = ManuallyDrop::new(self).0.take()?;
        Some(call.into_parts())
    }
}

impl<P: RunState> Drop for Running<'_, P> {
    #[inline]
    fn drop(&mut self) {
        if let Some(call) = self.0.take() {
            drop(call.into_parts());
        }
    }
}

/// The state a call keeps beside its guard between two polls: nothing for a future, the last item for a stream.
pub trait Kept: Copy + Default + fmt::Debug {
    /// Ends the call: with this outcome, unless the kept state has one of its own.
    fn end(self, call: CallGuard, outcome: Outcome<'_>);
}

impl Kept for () {
    fn end(self, call: CallGuard, outcome: Outcome<'_>) {
        call.finish(outcome);
    }
}

/// The last item of a stream, if it is a failure. A call that ends behind one failed with that: a reader leaves a
/// stream at an error.
#[derive(Debug, Clone, Copy, Default)]
pub struct LastItem(Option<Failure>);

impl LastItem {
    /// Counts an item.
    fn counted(call: &CallGuard, outcome: Outcome<'_>) -> Self {
        let method = call.method();
        let (failure, count) = match outcome {
            Outcome::Success => (None, &method.items.ok),
            failed => (
                Some(method.classify(failed, method.storage.clock.now())),
                &method.items.failed,
            ),
        };
        count.fetch_add(1, Relaxed);
        Self(failure)
    }
}

impl Kept for LastItem {
    fn end(self, call: CallGuard, outcome: Outcome<'_>) {
        match self.0 {
            Some(failure) => call.finish_failed(failure),
            None => call.finish(outcome),
        }
    }
}

impl<T, V, P: RunState> fmt::Debug for Run<T, V, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").finish_non_exhaustive()
    }
}

impl<F, V, P> Future for Run<F, V, P>
where
    F: Future,
    V: for<'a> Fn(&'a F::Output, &mut CallGuard) -> Outcome<'a>,
    P: RunState<Kept = ()>,
{
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let running = Running::resume(this.call);
        // Polled in this place alone, for a call that is over as well: a body that is polled in two is not inlined.
        let poll = this.body.poll(cx);
        if let Some(running) = running {
            match &poll {
                Poll::Pending => running.suspend(),
                Poll::Ready(value) => {
                    if let Some((call, ())) = running.end() {
                        report(call, value, &*this.verdict);
                    }
                }
            }
        }
        poll
    }
}

impl<T, V, P> Stream for Run<T, V, P>
where
    T: Stream,
    V: for<'a> Fn(&'a T::Item, &mut CallGuard) -> Outcome<'a>,
    P: RunState<Kept = LastItem>,
{
    type Item = T::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T::Item>> {
        let this = self.project();
        let running = Running::resume(this.call);
        let poll = this.body.poll_next(cx);
        if let Some(running) = running {
            match &poll {
                Poll::Pending => running.suspend(),
                Poll::Ready(Some(item)) => running.count(item, &*this.verdict),
                Poll::Ready(None) => {
                    if let Some((call, last)) = running.end() {
                        last.end(call, Outcome::Success);
                    }
                }
            }
        }
        poll
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.body.size_hint()
    }
}

impl<P: RunState<Kept = LastItem>> Running<'_, P> {
    /// Counts an item; the stream goes on.
    fn count<I, V>(self, item: &I, verdict: &V)
    where
        V: for<'a> Fn(&'a I, &mut CallGuard) -> Outcome<'a>,
    {
        if let Some(begun) = self.0.begun() {
            let outcome = verdict(item, &mut begun.call);
            begun.kept = LastItem::counted(&begun.call, outcome);
        }
        self.suspend();
    }
}

/// A call whose body stays where it is, because it cannot move into a closure or a future of its own.
///
/// Dropped while its body is suspended, it is cancelled. Dropped while the body runs, it is a panic where there is one.
/// Else it is a success if it `RETURNS`, which is for functions whose value cannot be looked at, because their body has
/// to be their end; without that it is cancelled, as a function that never returns.
#[derive(Debug)]
#[must_use = "a call that is dropped at once counts as cancelled"]
pub struct InPlaceCall<const RETURNS: bool> {
    call: ManuallyDrop<CallGuard>,
}

impl<const RETURNS: bool> Drop for InPlaceCall<RETURNS> {
    #[inline]
    fn drop(&mut self) {
        let call = CallGuard::taken(&self.call);
        if RETURNS && !call.panics() && !call.poll_handle().is_suspended() {
            call.finish(Outcome::Success);
        } else {
            drop_in_place_call(call);
        }
    }
}

#[cold]
#[inline(never)]
fn drop_in_place_call(call: CallGuard) {
    if call.poll_handle().is_suspended() {
        call.finish(outcome_of_dropped());
    }
}

impl<const RETURNS: bool> InPlaceCall<RETURNS> {
    /// Starts it.
    #[inline]
    pub fn start(start: impl Start) -> Self {
        let call = start.start();
        let call = if RETURNS { call.noting_a_panic() } else { call };
        Self {
            call: ManuallyDrop::new(call),
        }
    }

    /// The call, for its body.
    #[inline]
    pub fn guard(&mut self) -> &mut CallGuard {
        &mut self.call
    }

    /// The hold of the call that the body's awaits have. It borrows nothing: the body may have the guard meanwhile.
    #[inline]
    pub fn suspension(&self) -> CallPoll {
        self.call.poll_handle()
    }

    /// The same in one word, for a body that has the call itself: it keeps the hold over all its awaits.
    #[inline]
    pub fn lent_suspension(&self) -> &'static CallPoll {
        self.call.lent_handle()
    }

    /// The guard, which reports the call from here on.
    #[inline]
    fn into_guard(self) -> CallGuard {
        CallGuard::taken(&ManuallyDrop::new(self).call)
    }

    /// Waits until the call may run, and notes how long that took as `permit_wait_time`. A given `limit` is how many
    /// calls of the method may run at once; 0 is no limit. Without one the limit set last by a call holds, or else the
    /// configured one.
    pub async fn permit(&mut self, limit: Option<usize>) -> Permit<'static> {
        let method = self.call.method();
        let permits = &method.shared.permits;
        if let Some(calls) = limit {
            permits.ensure_limit(calls);
        }
        let permit = if let Some(permit) = permits.try_acquire() {
            permit
        } else {
            let _waiting = PermitWait::new(method);
            awaited(permits.acquire(), self.suspension()).await
        };
        let waited = self.call.elapsed().as_secs_f64();
        self.call.observe("permit_wait_time", waited);
        permit
    }

    /// Ends the call with its value.
    #[inline]
    pub fn finish<R, V>(mut self, value: R, verdict: V) -> R
    where
        V: for<'a> FnOnce(&'a R, &mut CallGuard) -> Outcome<'a>,
    {
        let outcome = verdict(&value, &mut self.call);
        self.into_guard().finish(outcome);
        value
    }

    /// Goes on with the stream that is its value.
    #[inline]
    pub fn into_stream<I, T, V>(self, stream: T, verdict: V) -> RestOfCall<T, V>
    where
        T: Stream<Item = I>,
        V: for<'a> Fn(&'a I, &mut CallGuard) -> Outcome<'a>,
    {
        let call = self.into_guard();
        call.poll_handle().suspend();
        Run {
            body: stream,
            call: OnceState::Begun(Begun::new(call)),
            verdict,
        }
    }
}

impl InPlaceCall<false> {
    /// Ends the call with its value; or later, if that is a success with a stream in it.
    #[inline]
    pub fn finish_at<R, K, V>(mut self, end: K, value: R, verdict: V) -> K::Value
    where
        K: CallEnd<R>,
        V: for<'a> FnOnce(&'a R, &mut CallGuard) -> Outcome<'a>,
    {
        let outcome = verdict(&value, &mut self.call);
        if let Outcome::Success = outcome {
            return end.succeed(self, value);
        }
        self.into_guard().finish(outcome);
        end.ended(value)
    }
}

/// When a call ends whose value is a success.
pub trait CallEnd<R> {
    /// The value that the function returns.
    type Value;

    /// Ends the call, or has the value end it.
    fn succeed(self, call: InPlaceCall<false>, value: R) -> Self::Value;

    /// The value of a call that has ended.
    fn ended(self, value: R) -> Self::Value;
}

/// The end of a call whose value has nothing in it that goes on.
#[derive(Debug, Clone, Copy)]
pub struct EndsAtReturn;

impl<R> CallEnd<R> for EndsAtReturn {
    type Value = R;

    #[inline]
    fn succeed(self, call: InPlaceCall<false>, value: R) -> R {
        call.into_guard().finish(Outcome::Success);
        value
    }

    #[inline]
    fn ended(self, value: R) -> R {
        value
    }
}

/// A stream that is the rest of a call which began before it; or of none, if that has ended.
pub(crate) type RestOfCall<T, V> = Run<T, V, OnceState<Never, LastItem>>;

/// A stream without a call.
#[cfg(feature = "tonic")]
pub(crate) fn without_call<T, V>(stream: T, verdict: V) -> RestOfCall<T, V> {
    Run {
        body: stream,
        call: OnceState::Over,
        verdict,
    }
}

/// The future that a body in place awaits: `awaited(future, call.suspension()).await` for `future.await`. It notes that
/// the body is suspended there, and that it runs again. The future comes first: a hold made before it would be kept over
/// the awaits in its expression.
///
/// Whether `future` is one is asked at the `.await`, not here: so a value that is no future gives one error, at the
/// place where it would stand without the attribute.
#[inline]
pub fn awaited<H: Hold, F>(future: F, call: H) -> Awaited<H, F> {
    Awaited { call, future }
}

/// The hold of a call, or a lent one.
pub trait Hold: Copy {
    /// The hold.
    fn call(self) -> CallPoll;
}

impl Hold for CallPoll {
    #[inline]
    fn call(self) -> CallPoll {
        self
    }
}

impl Hold for &'static CallPoll {
    #[inline]
    fn call(self) -> CallPoll {
        *self
    }
}

/// The result of [`awaited`].
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Awaited<H, F> {
    call: H,
    future: F,
}

impl<H: Hold, F: IntoFuture> IntoFuture for Awaited<H, F> {
    type Output = F::Output;
    type IntoFuture = Awaiting<H, F::IntoFuture>;

    #[inline]
    fn into_future(self) -> Self::IntoFuture {
        Awaiting {
            call: self.call,
            future: self.future.into_future(),
        }
    }
}

pin_project! {
    /// A future that the body of a call awaits.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Awaiting<H, F> {
        call: H,
        #[pin]
        future: F,
    }
}

impl<H: Hold, F: Future> Future for Awaiting<H, F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.call.call().resume();
        let poll = this.future.poll(cx);
        if poll.is_pending() {
            this.call.call().suspend();
        }
        poll
    }
}

#[cfg(all(test, not(monitor_loom)))]
mod tests {
    use super::*;
    use crate::recording::site::CallSite;

    #[test]
    fn the_state_of_a_call_is_its_guard() {
        let guard = size_of::<CallGuard>();
        let start = || -> &'static CallSite { unreachable!() };
        assert_eq!(size_of_val(&BodyState { start, call: None }), guard);
        assert_eq!(size_of::<OnceState<Never, ()>>(), guard);
        let site = size_of::<&CallSite>();
        assert_eq!(size_of::<OnceState<&CallSite, ()>>(), guard + site);
    }
}
