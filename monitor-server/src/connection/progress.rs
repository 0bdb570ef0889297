//! How far a connection is, for whoever has to choose which one goes.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use crate::self_metrics::connections::Ending;

/// How long a client may take nothing of its answer before its connection counts as stalled: longer than a network that
/// works needs for one more packet.
const STALL: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// No request has arrived yet.
    Waiting,
    /// A request is being answered, or its answer is not wholly written.
    Busy,
    /// An answer is there, and its client has taken nothing of it for two seconds.
    Stalled,
    /// The last answer is written; nothing further has been asked.
    Idle,
}

const WAITING: u8 = 0;
const BUSY: u8 = 1;
const ANSWERED: u8 = 2;
const IDLE: u8 = 3;

/// How far a connection is. `Relaxed` throughout: it is read to choose whom to cut off, and publishes nothing.
#[derive(Debug)]
pub(crate) struct Progress {
    begin: Instant,
    stage: AtomicU8,
    /// Milliseconds from the beginning to when the socket took no more, and one; zero while it takes.
    blocked: AtomicU64,
    ending: AtomicU8,
    closing: AtomicBool,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            begin: Instant::now(),
            stage: AtomicU8::new(WAITING),
            blocked: AtomicU64::new(0),
            // A task that is dropped without another reason was so because the server is gone.
            ending: AtomicU8::new(Ending::Stopped as u8),
            closing: AtomicBool::new(false),
        }
    }
}

impl Progress {
    pub(crate) fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Relaxed) {
            WAITING => Stage::Waiting,
            IDLE => Stage::Idle,
            _ if self.is_stalled() => Stage::Stalled,
            _ => Stage::Busy,
        }
    }

    pub(crate) fn age(&self) -> Duration {
        self.begin.elapsed()
    }

    /// Why it ends, for whoever counts.
    pub(crate) fn ends(&self, ending: Ending) {
        self.ending.store(ending as u8, Ordering::Relaxed);
    }

    pub(crate) fn ending(&self) -> Ending {
        Ending::of(self.ending.load(Ordering::Relaxed))
    }

    /// Its time is over: the next answer says that it is the last.
    pub(super) fn closes(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    pub(super) fn asked(&self) {
        self.stage.store(BUSY, Ordering::Relaxed);
    }

    pub(super) fn answered(&self) {
        self.stage.store(ANSWERED, Ordering::Relaxed);
    }

    /// The HTTP library flushes the socket only when its own buffer is empty: with the whole answer handed over, that
    /// is the end of the request.
    pub(super) fn flushed(&self) {
        let _ = self
            .stage
            .compare_exchange(ANSWERED, IDLE, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Notes whether the socket took something, or all of it.
    pub(super) fn written<T>(&self, outcome: &Poll<io::Result<T>>) {
        if outcome.is_ready() {
            self.blocked.store(0, Ordering::Relaxed);
        } else if self.blocked.load(Ordering::Relaxed) == 0 {
            self.blocked
                .store(self.milliseconds() + 1, Ordering::Relaxed);
        }
    }

    fn is_stalled(&self) -> bool {
        self.blocked_for().is_some_and(|blocked| blocked >= STALL)
    }

    /// For how long the socket has taken nothing of what there is to send.
    pub(crate) fn blocked_for(&self) -> Option<Duration> {
        match self.blocked.load(Ordering::Relaxed) {
            0 => None,
            since => {
                let blocked = (self.milliseconds() + 1).saturating_sub(since);
                Some(Duration::from_millis(blocked))
            }
        }
    }

    fn milliseconds(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::Context;

    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    use super::super::socket::Socket;
    use super::*;

    #[test]
    fn a_connection_waits_is_busy_and_idles() {
        let progress = Progress::default();
        assert_eq!(progress.stage(), Stage::Waiting);
        progress.flushed();
        assert_eq!(progress.stage(), Stage::Waiting);
        progress.asked();
        progress.flushed();
        assert_eq!(progress.stage(), Stage::Busy);
        progress.answered();
        assert_eq!(progress.stage(), Stage::Busy);
        progress.flushed();
        assert_eq!(progress.stage(), Stage::Idle);
    }

    #[test]
    fn who_takes_nothing_of_an_answer_stalls() {
        let mut progress = Progress::default();
        progress.asked();
        progress.answered();
        progress.written::<()>(&Poll::Pending);
        assert_eq!(progress.stage(), Stage::Busy);
        progress.begin = progress.begin.checked_sub(STALL).expect("a clock");
        progress.written::<()>(&Poll::Pending);
        assert_eq!(progress.stage(), Stage::Stalled);
        progress.written(&Poll::Ready(Ok(())));
        assert_eq!(progress.stage(), Stage::Busy);
    }

    /// Takes all that is written and lets nothing go, as TLS does with the end of an answer whose client reads nothing.
    struct Keeps;

    impl AsyncRead for Keeps {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Keeps {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    #[test]
    fn who_takes_nothing_of_what_is_kept_for_it_stalls() {
        let mut progress = Arc::new(Progress::default());
        let mut socket = Socket::new(Box::new(Keeps), Vec::new(), Arc::clone(&progress));
        let mut cx = Context::from_waker(std::task::Waker::noop());
        progress.asked();
        let written = Pin::new(&mut socket).poll_write(&mut cx, b"the end");
        assert!(written.is_ready());
        progress.answered();
        assert!(Pin::new(&mut socket).poll_flush(&mut cx).is_pending());
        assert_eq!(progress.stage(), Stage::Busy);
        drop(socket);
        let later = Arc::get_mut(&mut progress).expect("the socket is gone");
        later.begin = later.begin.checked_sub(STALL).expect("a clock");
        assert_eq!(progress.stage(), Stage::Stalled);
    }

    #[test]
    fn the_reason_of_the_end_is_kept() {
        let progress = Progress::default();
        assert_eq!(progress.ending(), Ending::Stopped);
        progress.ends(Ending::Tls);
        assert_eq!(progress.ending(), Ending::Tls);
    }
}
