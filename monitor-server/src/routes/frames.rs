//! Answers that do not end: frames of a page, one after the other, until the connection's time is over.
//!
//! A handler gives its first frame as any answer, with a [`Frames`] among the answer's extensions: how to make the next.
//! Where the connection finds one, the body it sends is a [`FrameBody`], which knows the connection's deadline and the
//! stop of the server. All else (mounted routes, HEAD, tests in memory) sees an answer with one frame.
//!
//! A frame is made when it is due and the HTTP library asks for it, on a thread of the pool. The library asks while its
//! own buffer has room (`limits.max_header_bytes`), so a client that takes nothing costs that buffer and one frame, and counts as
//! stalled after 2 s. Frames that were due meanwhile are left out.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use hyper::body::{Body, Frame};
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until};

use crate::connection::stopped;
use crate::runtime::lock;
use crate::runtime::pool::Pool;

/// Cursor to the upper left, and everything below it cleared.
const BEGIN: &[u8] = b"\x1b[H\x1b[J";

/// How to make the next frame.
#[derive(Clone)]
pub(crate) struct Frames {
    pub(super) first: Bytes,
    pub(super) every: Duration,
    pub(super) pool: Pool,
    pub(super) make: Arc<dyn Fn() -> String + Send + Sync>,
}

impl fmt::Debug for Frames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Frames");
        shown.field("every", &self.every).finish_non_exhaustive()
    }
}

/// A page as one frame.
pub(super) fn frame(page: &str) -> Bytes {
    let mut bytes = BytesMut::with_capacity(BEGIN.len() + page.len());
    bytes.put(BEGIN);
    bytes.put(page.as_bytes());
    bytes.freeze()
}

/// The body of an answer that does not end.
pub(crate) struct FrameBody {
    /// Makes the next frame; `None` after the last. Behind a lock that is never waited for, so that this is `Sync`.
    next: Mutex<Option<NextFrame>>,
}

type NextFrame = Pin<Box<dyn Future<Output = Option<(Bytes, FrameState)>> + Send>>;

/// What the frames after one depend on.
struct FrameState {
    frames: Frames,
    ticks: Interval,
    deadline: Instant,
    stop: watch::Receiver<bool>,
    /// The first frame, until it is sent.
    first: Option<Bytes>,
    has_ended: bool,
}

impl FrameBody {
    /// The first frame at once, and further ones until the deadline or the server's stop.
    pub(crate) fn new(frames: Frames, deadline: Instant, stop: watch::Receiver<bool>) -> Self {
        let mut ticks = interval_at(Instant::now() + frames.every, frames.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let state = FrameState {
            first: Some(frames.first.clone()),
            frames,
            ticks,
            deadline,
            stop,
            has_ended: false,
        };
        Self {
            next: Mutex::new(Some(Box::pin(state.next()))),
        }
    }
}

impl FrameState {
    async fn next(mut self) -> Option<(Bytes, Self)> {
        if self.has_ended {
            return None;
        }
        if let Some(first) = self.first.take() {
            return Some((first, self));
        }
        let why = tokio::select! {
            biased;
            () = stopped(&mut self.stop) => Some("the server stops"),
            () = sleep_until(self.deadline) => Some("the time limit of the connection is reached (limits.connection_timeout)"),
            _ = self.ticks.tick() => None,
        };
        let made = if why.is_none() {
            let make = Arc::clone(&self.frames.make);
            self.frames.pool.call(move || make()).await
        } else {
            None
        };
        let bytes = made.map(|page| frame(&page));
        let bytes = bytes.unwrap_or_else(|| {
            // No thread to be had, or a fault: the reason is in the log.
            let why = why.unwrap_or("no further page could be made");
            self.has_ended = true;
            format!("\nends here: {why}\n").into()
        });
        Some((bytes, self))
    }
}

impl Body for FrameBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let mut next = lock(&self.next);
        let Some(future) = next.as_mut() else {
            return Poll::Ready(None);
        };
        let Poll::Ready(made) = future.as_mut().poll(cx) else {
            return Poll::Pending;
        };
        *next = None;
        let Some((bytes, state)) = made else {
            return Poll::Ready(None);
        };
        *next = Some(Box::pin(state.next()));
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http_body_util::BodyExt;

    use super::*;

    fn frames(every: u64) -> Frames {
        let made = AtomicUsize::new(1);
        Frames {
            first: frame("page 0\n"),
            every: Duration::from_secs(every),
            pool: Pool::default(),
            make: Arc::new(move || format!("page {}\n", made.fetch_add(1, Ordering::Relaxed))),
        }
    }

    async fn all(body: FrameBody) -> String {
        let bytes = body.collect().await.expect("infallible").to_bytes();
        String::from_utf8(bytes.to_vec()).expect("text")
    }

    #[tokio::test(start_paused = true)]
    async fn frames_follow_each_other_until_the_deadline() {
        let (_sender, stop) = watch::channel(false);
        let deadline = Instant::now() + Duration::from_millis(2500);
        let body = FrameBody::new(frames(1), deadline, stop);
        let begin = "\x1b[H\x1b[J";
        assert_eq!(
            all(body).await,
            format!(
                "{begin}page 0\n{begin}page 1\n{begin}page 2\n\nends here: the time limit of the connection is reached (limits.connection_timeout)\n"
            )
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_stops_ends_them_at_once() {
        let (sender, stop) = watch::channel(false);
        let deadline = Instant::now() + Duration::from_hours(1);
        let body = FrameBody::new(frames(60), deadline, stop);
        sender.send_replace(true);
        assert!(all(body).await.ends_with("\nends here: the server stops\n"));
    }
}
