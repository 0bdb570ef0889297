//! The awaits of a body that stays in place: each notes that the body is suspended there, and that it runs again.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::recording::tasks::Suspension;

/// What a body awaits: `awaited(call.suspension(), future).await` for `future.await`.
///
/// Whether `future` is one is asked at the `.await`, not here: so what is none is one error, in the place it has without us.
#[inline]
pub fn awaited<F>(suspension: Suspension, future: F) -> Awaited<F> {
    Awaited { suspension, future }
}

/// What [`awaited`] gives.
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Awaited<F> {
    suspension: Suspension,
    future: F,
}

impl<F: IntoFuture> IntoFuture for Awaited<F> {
    type Output = F::Output;
    type IntoFuture = Awaiting<F::IntoFuture>;

    #[inline]
    fn into_future(self) -> Self::IntoFuture {
        Awaiting {
            suspension: self.suspension,
            future: self.future.into_future(),
        }
    }
}

pin_project! {
    /// A future that the body of a call awaits.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Awaiting<F> {
        suspension: Suspension,
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Awaiting<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.suspension.resume();
        let poll = this.future.poll(cx);
        if poll.is_pending() {
            this.suspension.suspend();
        }
        poll
    }
}
