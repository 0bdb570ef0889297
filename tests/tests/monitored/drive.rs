//! Futures and streams polled by hand, without a runtime.

use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

/// Polls until the future is ready; one that stays pending is a test that hangs, and fails.
pub(crate) fn ready<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    for _ in 0..1_000 {
        if let Poll::Ready(output) = poll(future.as_mut()) {
            return output;
        }
    }
    panic!("the future is not ready after 1,000 polls");
}

/// One poll.
pub(crate) fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Pending once.
#[derive(Default)]
pub(crate) struct Pause(bool);

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

pub(crate) fn pause() -> Pause {
    Pause::default()
}

/// A stream of these items; ready at once, then at its end.
pub(crate) struct Items<T>(VecDeque<T>);

impl<T> Unpin for Items<T> {}

pub(crate) fn items<T>(items: impl IntoIterator<Item = T>) -> Items<T> {
    Items(items.into_iter().collect())
}

impl<T> Stream for Items<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<T>> {
        Poll::Ready(self.0.pop_front())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len(), Some(self.0.len()))
    }
}

/// The stream's next item.
pub(crate) fn next<S: Stream + Unpin + ?Sized>(stream: &mut S) -> Option<S::Item> {
    for _ in 0..1_000 {
        let context = &mut Context::from_waker(Waker::noop());
        if let Poll::Ready(item) = Pin::new(&mut *stream).poll_next(context) {
            return item;
        }
    }
    panic!("the stream gives nothing after 1,000 polls");
}

/// All items of the stream.
pub(crate) fn collect<S: Stream>(stream: S) -> Vec<S::Item> {
    let mut stream = Box::pin(stream);
    std::iter::from_fn(|| next(&mut stream)).collect()
}
