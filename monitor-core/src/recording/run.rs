//! What an expansion of `#[monitored]` calls: run this body as a call of that site.
//!
//! Everything here is generic over the user's code and small, so that it inlines into the instrumented function. What it
//! leaves there is two out-of-line calls, for the start and the end, and a cold one for failures.
//!
//! A *verdict* reads the outcome off the value the body gave; it gets the call beside it, for what the value says of that.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::errors::Outcome;
use crate::recording::guard::CallGuard;
use crate::recording::plan::Start;

/// Runs a synchronous body as one call.
#[inline]
pub fn run_sync<R, V>(start: impl Start, body: impl FnOnce() -> R, verdict: V) -> R
where
    V: for<'a> FnOnce(&'a R, &mut CallGuard) -> Outcome<'a>,
{
    let call = start.start();
    let value = body();
    report(call, &value, verdict);
    value
}

/// [`run_sync`] for a body that uses its call.
#[inline]
pub fn run_sync_with<R, V>(
    start: impl Start,
    body: impl FnOnce(&mut CallGuard) -> R,
    verdict: V,
) -> R
where
    V: for<'a> FnOnce(&'a R, &mut CallGuard) -> Outcome<'a>,
{
    let mut call = start.start();
    let value = body(&mut call);
    report(call, &value, verdict);
    value
}

/// Ends a call with its value.
#[inline]
pub(crate) fn leave<R, V>(call: CallGuard, value: R, verdict: V) -> R
where
    V: for<'a> FnOnce(&'a R, &mut CallGuard) -> Outcome<'a>,
{
    report(call, &value, verdict);
    value
}

/// The same where the value stays: in a recursive function, another place for it would be one more a level of its stack.
#[inline]
fn report<R, V>(mut call: CallGuard, value: &R, verdict: V)
where
    V: for<'a> FnOnce(&'a R, &mut CallGuard) -> Outcome<'a>,
{
    let outcome = verdict(value, &mut call);
    call.finish(outcome);
}

/// Wraps a future as one call, which begins at its first poll: a future that is never polled is no call.
///
/// `R` comes first so that an expansion can name it: the verdict is type-checked before the future's output is known.
#[inline]
pub fn run_async<R, S, F, V>(start: S, future: F, verdict: V) -> RunAsync<S, F, V>
where
    S: Start,
    F: Future<Output = R>,
    V: for<'a> Fn(&'a R, &mut CallGuard) -> Outcome<'a>,
{
    RunAsync {
        call: Call::Waiting(start),
        verdict,
        future,
    }
}

/// [`run_async`] for what a function with a body of its own returns; that body runs at once and is not part of the call.
#[inline]
pub fn run_future<R, S, F, V>(start: S, body: impl FnOnce() -> F, verdict: V) -> RunAsync<S, F, V>
where
    S: Start,
    F: Future<Output = R>,
    V: for<'a> Fn(&'a R, &mut CallGuard) -> Outcome<'a>,
{
    run_async(start, body(), verdict)
}

/// [`run_future`] for functions that return a pinned box.
#[inline]
pub fn run_pinned<R, S, F, V>(
    start: S,
    body: impl FnOnce() -> F,
    verdict: V,
) -> Pin<Box<RunAsync<S, F, V>>>
where
    S: Start,
    F: Future<Output = R>,
    V: for<'a> Fn(&'a R, &mut CallGuard) -> Outcome<'a>,
{
    Box::pin(run_future(start, body, verdict))
}

/// [`run_future`] for functions that return a box.
#[inline]
pub fn run_boxed<R, S, F, V>(
    start: S,
    body: impl FnOnce() -> F,
    verdict: V,
) -> Box<RunAsync<S, F, V>>
where
    S: Start,
    F: Future<Output = R>,
    V: for<'a> Fn(&'a R, &mut CallGuard) -> Outcome<'a>,
{
    Box::new(run_future(start, body, verdict))
}

/// How far the call of a future is.
#[derive(Debug)]
enum Call<S> {
    /// Not polled yet.
    Waiting(S),
    /// Polled, and not ready yet.
    Running(Suspended),
    /// Reported.
    Over,
}

/// The guard of a call between two polls. Dropped there it is cancelled, also when a panic elsewhere is what drops it: one
/// of its own would have come out of a poll (see [`Unwinding`]).
#[derive(Debug)]
struct Suspended(Option<CallGuard>);

impl Drop for Suspended {
    fn drop(&mut self) {
        if let Some(guard) = self.0.take() {
            guard.finish(Outcome::Cancelled);
        }
    }
}

impl<S: Start> Call<S> {
    #[inline]
    fn begin(&mut self) {
        if matches!(self, Self::Waiting(_))
            && let Self::Waiting(start) = std::mem::replace(self, Self::Over)
        {
            *self = Self::Running(Suspended(Some(start.start())));
        }
    }
}

impl<S> Call<S> {
    /// The guard, for one who ends the call.
    #[inline]
    fn take(&mut self) -> Option<CallGuard> {
        match std::mem::replace(self, Self::Over) {
            Self::Running(mut suspended) => suspended.0.take(),
            Self::Waiting(_) | Self::Over => None,
        }
    }
}

pin_project! {
    /// A future that is one call, from its first poll until it is ready or dropped.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct RunAsync<S, F, V> {
        // First, and so dropped before the call: it is in flight while the body's own destructors run.
        #[pin]
        future: F,
        call: Call<S>,
        verdict: V,
    }
}

impl<S, F, V> std::fmt::Debug for RunAsync<S, F, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunAsync").finish_non_exhaustive()
    }
}

impl<S, F, V> Future for RunAsync<S, F, V>
where
    S: Start,
    F: Future,
    V: for<'a> Fn(&'a F::Output, &mut CallGuard) -> Outcome<'a>,
{
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.call.begin();
        let unwinding = Unwinding(this.call);
        let poll = this.future.poll(cx);
        unwinding.disarm();
        match poll {
            Poll::Pending => Poll::Pending,
            Poll::Ready(value) => Poll::Ready(match this.call.take() {
                Some(call) => leave(call, value, &*this.verdict),
                None => value,
            }),
        }
    }
}

/// Ends the call when a poll panics. An executor may catch the panic and drop the future later, when the guard could no
/// longer tell a panic from a cancellation.
struct Unwinding<'a, S>(&'a mut Call<S>);

impl<S> Unwinding<'_, S> {
    #[inline]
    fn disarm(self) {
        std::mem::forget(self);
    }
}

impl<S> Drop for Unwinding<'_, S> {
    fn drop(&mut self) {
        // The guard's own drop sees the panic.
        drop(self.0.take());
    }
}
