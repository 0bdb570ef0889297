//! Streams as calls: in flight until they are dropped, their items counted.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use pin_project_lite::pin_project;

use crate::base::sync::Ordering;
use crate::errors::Outcome;
use crate::recording::guard::CallGuard;
use crate::recording::plan::Start;
use crate::recording::shard::Failure;

/// Wraps a stream as one call, which begins at its first poll. The body that makes it runs at once.
///
/// `I` comes first so that an expansion can name it, as in [`run_async`](crate::recording::run::run_async).
#[inline]
pub fn run_stream<I, S, T, V>(start: S, body: impl FnOnce() -> T, verdict: V) -> RunStream<S, T, V>
where
    S: Start,
    T: Stream<Item = I>,
    V: for<'a> Fn(&'a I, &mut CallGuard) -> Outcome<'a>,
{
    RunStream {
        stream: body(),
        call: Call::Waiting(start),
        verdict,
    }
}

/// [`run_stream`] for a call that began before there was a stream.
#[inline]
pub(crate) fn running_stream<T, V>(
    call: CallGuard,
    stream: T,
    verdict: V,
) -> RunStream<CallGuard, T, V> {
    RunStream {
        stream,
        call: Call::Running(Running::new(call)),
        verdict,
    }
}

/// [`run_stream`] for functions that return a pinned box.
#[inline]
pub fn run_stream_pinned<I, S, T, V>(
    start: S,
    body: impl FnOnce() -> T,
    verdict: V,
) -> Pin<Box<RunStream<S, T, V>>>
where
    S: Start,
    T: Stream<Item = I>,
    V: for<'a> Fn(&'a I, &mut CallGuard) -> Outcome<'a>,
{
    Box::pin(run_stream(start, body, verdict))
}

/// [`run_stream`] for functions that return a box.
#[inline]
pub fn run_stream_boxed<I, S, T, V>(
    start: S,
    body: impl FnOnce() -> T,
    verdict: V,
) -> Box<RunStream<S, T, V>>
where
    S: Start,
    T: Stream<Item = I>,
    V: for<'a> Fn(&'a I, &mut CallGuard) -> Outcome<'a>,
{
    Box::new(run_stream(start, body, verdict))
}

/// How far the call of a stream is.
enum Call<S> {
    /// Not polled yet.
    Waiting(S),
    /// Polled, and not at its end yet.
    Running(Running),
    /// At its end or panicked: reported.
    Over,
}

/// The guard of a stream between two polls.
struct Running {
    guard: Option<CallGuard>,
    /// The failure that the last item was.
    failure: Option<Failure>,
}

/// Dropped before its end a stream is cancelled; but one whose reader left it at an error failed with that.
impl Drop for Running {
    fn drop(&mut self) {
        match (self.guard.take(), self.failure) {
            (Some(guard), Some(failure)) => guard.finish_failed(failure),
            (Some(guard), None) => guard.finish(Outcome::Cancelled),
            (None, _) => {}
        }
    }
}

impl Running {
    #[inline]
    fn new(call: CallGuard) -> Self {
        Self {
            guard: Some(call),
            failure: None,
        }
    }

    /// Counts an item.
    fn item(&mut self, outcome: Outcome<'_>) {
        let Some(guard) = &self.guard else { return };
        let items = &guard.method().items;
        if let Outcome::Success = outcome {
            self.failure = None;
            items.ok.fetch_add(1, Ordering::Relaxed);
        } else {
            self.failure = Some(guard.method().classify(outcome));
            items.failed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl<S: Start> Call<S> {
    fn begin(&mut self) -> Option<&mut Running> {
        if matches!(self, Self::Waiting(_))
            && let Self::Waiting(start) = std::mem::replace(self, Self::Over)
        {
            *self = Self::Running(Running::new(start.start()));
        }
        match self {
            Self::Running(running) => Some(running),
            Self::Waiting(_) | Self::Over => None,
        }
    }
}

pin_project! {
    /// A stream that is one call, from its first poll until its end, or until it is dropped.
    #[must_use = "streams do nothing unless polled"]
    pub struct RunStream<S, T, V> {
        // First, and so dropped before the call: it is in flight while the stream's own destructors run.
        #[pin]
        stream: T,
        call: Call<S>,
        verdict: V,
    }
}

impl<S, T, V> fmt::Debug for RunStream<S, T, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunStream").finish_non_exhaustive()
    }
}

impl<S, T, V> Stream for RunStream<S, T, V>
where
    S: Start,
    T: Stream,
    V: for<'a> Fn(&'a T::Item, &mut CallGuard) -> Outcome<'a>,
{
    type Item = T::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T::Item>> {
        let this = self.project();
        let Some(running) = this.call.begin() else {
            return this.stream.poll_next(cx);
        };
        let unwinding = Unwinding(running);
        let poll = this.stream.poll_next(cx);
        if let (Poll::Ready(Some(item)), Some(guard)) = (&poll, &mut unwinding.0.guard) {
            let outcome = (this.verdict)(item, guard);
            unwinding.0.item(outcome);
        }
        unwinding.disarm();
        if let Poll::Ready(None) = &poll {
            this.call.end();
        }
        poll
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.size_hint()
    }
}

impl<S> Call<S> {
    /// The stream is at its end.
    fn end(&mut self) {
        if let Self::Running(mut running) = std::mem::replace(self, Self::Over)
            && running.failure.is_none()
            && let Some(guard) = running.guard.take()
        {
            guard.finish(Outcome::Success);
        }
    }
}

/// Ends the call when a poll panics, as that of a future.
struct Unwinding<'a>(&'a mut Running);

impl Unwinding<'_> {
    fn disarm(self) {
        std::mem::forget(self);
    }
}

impl Drop for Unwinding<'_> {
    fn drop(&mut self) {
        // The guard's own drop sees the panic.
        drop(self.0.guard.take());
    }
}
