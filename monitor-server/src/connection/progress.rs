//! How far a connection is, and the socket that notes it.
//!
//! A connection writes its [`Progress`]: [`Socket`] whether the client takes what is written, and the service whether a request is
//! being answered. The table of connections reads it to choose which connection to close. Both run on the server's one thread,
//! so the lock is never waited for; a reader sees the stage as it was when the connection's task last ran.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::self_metrics::connections::Ending;

/// How long a client may take nothing of its answer before its connection counts as stalled: longer than a network that
/// works needs for one more packet.
const STALL: Duration = Duration::from_secs(2);

/// What a connection is made of: TCP, a Unix socket, TLS on one of them.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// How far a connection is; those to be closed first come first.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// No request has arrived yet.
    #[default]
    Waiting,
    /// An answer is there, and its client has taken nothing of it for two seconds.
    Stalled,
    /// The last answer is written; nothing further has been asked.
    Idle,
    /// A request is being answered, or its answer is not wholly written.
    Busy,
}

/// How far a connection is, and why it ends.
#[derive(Debug, Default)]
pub(crate) struct Progress(Mutex<ProgressState>);

#[derive(Debug, Default)]
struct ProgressState {
    /// Never `Stalled`, which is a matter of time.
    stage: Stage,
    /// Whether the HTTP library has taken the whole answer.
    is_answered: bool,
    /// Since when the socket takes nothing.
    blocked: Option<Instant>,
    ending: Option<Ending>,
    is_closing: bool,
}

impl Progress {
    fn state(&self) -> MutexGuard<'_, ProgressState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn stage(&self) -> Stage {
        let is_stalled = self.blocked_for().is_some_and(|blocked| blocked >= STALL);
        match self.state().stage {
            Stage::Busy if is_stalled => Stage::Stalled,
            stage => stage,
        }
    }

    /// For how long the socket has taken nothing; `None` while it takes.
    pub(crate) fn blocked_for(&self) -> Option<Duration> {
        self.state().blocked.map(|since| since.elapsed())
    }

    /// Sets why the connection ends, for the counters.
    pub(crate) fn ends(&self, ending: Ending) {
        self.state().ending = Some(ending);
    }

    /// A task that is dropped without a reason is so because the server is gone.
    pub(crate) fn ending(&self) -> Ending {
        self.state().ending.unwrap_or(Ending::Stopped)
    }

    /// Its time is over: the next answer closes the connection.
    pub(super) fn closes(&self) {
        self.state().is_closing = true;
    }

    pub(super) fn is_closing(&self) -> bool {
        self.state().is_closing
    }

    pub(super) fn asked(&self) {
        let mut state = self.state();
        (state.stage, state.is_answered) = (Stage::Busy, false);
    }

    pub(super) fn answered(&self) {
        self.state().is_answered = true;
    }

    /// The HTTP library flushes the socket only when its own buffer is empty: with the whole answer handed over, that
    /// is the end of the request.
    fn flushed(&self) {
        let mut state = self.state();
        if state.stage == Stage::Busy && state.is_answered {
            state.stage = Stage::Idle;
        }
    }

    /// Notes whether the socket took something, or all of it.
    fn written<T>(&self, outcome: &Poll<io::Result<T>>) {
        let mut state = self.state();
        state.blocked = match outcome {
            Poll::Ready(_) => None,
            Poll::Pending => state.blocked.or_else(|| Some(Instant::now())),
        };
    }
}

/// The socket of a connection as the HTTP library, or TLS, sees it: what was read already is read again, and what is written is
/// noted.
pub(super) struct Socket {
    read: Vec<u8>,
    stream: Box<dyn Stream>,
    progress: Arc<Progress>,
}

impl Socket {
    pub(super) fn new(stream: Box<dyn Stream>, read: Vec<u8>, progress: Arc<Progress>) -> Self {
        Self {
            read,
            stream,
            progress,
        }
    }

    fn noted<T>(&self, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.progress.written(&outcome);
        outcome
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let taken = self.read.len().min(buffer.remaining());
        buffer.put_slice(&self.read[..taken]);
        // The last part gives the memory back too.
        self.read = self.read.split_off(taken);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.noted(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, buffers);
        self.noted(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if let Poll::Ready(Ok(())) = flushed {
            self.progress.flushed();
        }
        // TLS keeps the end of an answer to itself, so that only here it shows that the client takes none of it.
        self.noted(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
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
        let progress = Progress::default();
        progress.asked();
        progress.answered();
        progress.written::<()>(&Poll::Pending);
        assert_eq!(progress.stage(), Stage::Busy);
        progress.state().blocked = Instant::now().checked_sub(STALL);
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
        let progress = Arc::new(Progress::default());
        let mut socket = Socket::new(Box::new(Keeps), Vec::new(), Arc::clone(&progress));
        let mut cx = Context::from_waker(std::task::Waker::noop());
        progress.asked();
        let written = Pin::new(&mut socket).poll_write(&mut cx, b"the end");
        assert!(written.is_ready());
        progress.answered();
        assert!(Pin::new(&mut socket).poll_flush(&mut cx).is_pending());
        assert_eq!(progress.stage(), Stage::Busy);
        assert!(progress.blocked_for().is_some());
        progress.state().blocked = Instant::now().checked_sub(STALL);
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
