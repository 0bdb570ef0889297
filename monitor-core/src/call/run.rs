//! What an expansion of `#[monitored]` calls: run this body as a call of that site.
//!
//! Everything here is generic over the user's code and small, so that it inlines into the instrumented function. What it
//! leaves there is two out-of-line calls, for the start and the end, and a cold one for failures.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::call::guard::CallGuard;
use crate::call::site::CallSite;
use crate::status::Outcome;

/// Runs a synchronous body as one call.
#[inline]
pub fn run_sync<R>(
    site: &'static CallSite,
    body: impl FnOnce() -> R,
    verdict: impl FnOnce(&R) -> Outcome<'_>,
) -> R {
    let guard = CallGuard::start(site);
    leave(guard, body(), verdict)
}

/// Starts a call. Without a [`leave`], in a function that never returns, the guard's drop reports a panic or a cancellation.
#[inline]
pub fn enter(site: &'static CallSite) -> CallGuard {
    CallGuard::start(site)
}

/// Ends a call with its value: for bodies that stay in place, between [`enter`] and this.
#[inline]
pub fn leave<R, V>(guard: CallGuard, value: R, verdict: V) -> R
where
    V: FnOnce(&R) -> Outcome<'_>,
{
    guard.finish(verdict(&value));
    value
}

/// Starts a call that is a success when the guard is dropped, unless a panic drops it: for `#[track_caller]` functions,
/// whose body cannot move into a closure.
#[inline]
pub fn enter_returning(site: &'static CallSite) -> Returning {
    Returning {
        guard: Some(CallGuard::start(site)),
        panicking_at_entry: std::thread::panicking(),
    }
}

/// The guard of [`enter_returning`].
#[derive(Debug)]
pub struct Returning {
    guard: Option<CallGuard>,
    panicking_at_entry: bool,
}

impl Drop for Returning {
    fn drop(&mut self) {
        // Without a finish, the inner guard's own drop reports the panic.
        let panicked = std::thread::panicking() && !self.panicking_at_entry;
        if let (Some(guard), false) = (self.guard.take(), panicked) {
            guard.finish(Outcome::Success);
        }
    }
}

/// Wraps a future as one call, which begins at its first poll: a future that is never polled is no call.
///
/// `R` comes first so that an expansion can name it: the verdict is type-checked before the future's output is known.
#[inline]
pub fn run_async<R, F, V>(site: &'static CallSite, future: F, verdict: V) -> RunAsync<F, V>
where
    F: Future<Output = R>,
    V: Fn(&R) -> Outcome<'_>,
{
    RunAsync {
        call: Call::Waiting(site),
        verdict,
        future,
    }
}

/// [`run_async`] for what a function with a body of its own returns; that body runs at once and is not part of the call.
#[inline]
pub fn run_future<R, F, V>(
    site: &'static CallSite,
    body: impl FnOnce() -> F,
    verdict: V,
) -> RunAsync<F, V>
where
    F: Future<Output = R>,
    V: Fn(&R) -> Outcome<'_>,
{
    run_async(site, body(), verdict)
}

/// [`run_future`] for functions that return a pinned box.
#[inline]
pub fn run_pinned<R, F, V>(
    site: &'static CallSite,
    body: impl FnOnce() -> F,
    verdict: V,
) -> Pin<Box<RunAsync<F, V>>>
where
    F: Future<Output = R>,
    V: Fn(&R) -> Outcome<'_>,
{
    Box::pin(run_future(site, body, verdict))
}

/// [`run_future`] for functions that return a box.
#[inline]
pub fn run_boxed<R, F, V>(
    site: &'static CallSite,
    body: impl FnOnce() -> F,
    verdict: V,
) -> Box<RunAsync<F, V>>
where
    F: Future<Output = R>,
    V: Fn(&R) -> Outcome<'_>,
{
    Box::new(run_future(site, body, verdict))
}

/// How far the call of a future is.
#[derive(Debug)]
enum Call {
    /// Not polled yet.
    Waiting(&'static CallSite),
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

impl Call {
    #[inline]
    fn begin(&mut self) {
        if let Self::Waiting(site) = *self {
            *self = Self::Running(Suspended(Some(CallGuard::start(site))));
        }
    }

    /// The guard, for one who ends the call.
    #[inline]
    fn take(&mut self) -> Option<CallGuard> {
        match std::mem::replace(self, Self::Over) {
            Self::Running(mut suspended) => suspended.0.take(),
            Self::Waiting(_) | Self::Over => None,
        }
    }

    #[inline]
    fn end(&mut self, outcome: Outcome<'_>) {
        if let Some(guard) = self.take() {
            guard.finish(outcome);
        }
    }
}

pin_project! {
    /// A future that is one call, from its first poll until it is ready or dropped.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct RunAsync<F, V> {
        // First, and so dropped before the call: it is in flight while the body's own destructors run.
        #[pin]
        future: F,
        call: Call,
        verdict: V,
    }
}

impl<F, V> std::fmt::Debug for RunAsync<F, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunAsync")
            .field("call", &self.call)
            .finish_non_exhaustive()
    }
}

impl<F, V> Future for RunAsync<F, V>
where
    F: Future,
    V: Fn(&F::Output) -> Outcome<'_>,
{
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.call.begin();
        let unwinding = Unwinding(this.call);
        let poll = this.future.poll(cx);
        unwinding.disarm();
        if let Poll::Ready(value) = &poll {
            this.call.end((this.verdict)(value));
        }
        poll
    }
}

/// Ends the call when a poll panics. An executor may catch the panic and drop the future later, when the guard could no
/// longer tell a panic from a cancellation.
struct Unwinding<'a>(&'a mut Call);

impl Unwinding<'_> {
    #[inline]
    fn disarm(self) {
        std::mem::forget(self);
    }
}

impl Drop for Unwinding<'_> {
    fn drop(&mut self) {
        // The guard's own drop sees the panic.
        drop(self.0.take());
    }
}
