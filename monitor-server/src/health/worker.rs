//! The thread that async checks run on, with a runtime of its own: a check that blocks it makes checks late, and no more.

use std::io;
use std::sync::mpsc;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// Its name; 14 bytes, Linux shows 15.
pub(super) const THREAD_NAME: &str = "monitor-checks";

/// How long a stop waits for the thread: a check that blocks it must not hold the stop.
const GRACE: Duration = Duration::from_millis(100);

/// The thread of checks.
#[derive(Debug)]
pub(super) struct Worker {
    runtime: Handle,
    /// Dropped, it ends the thread.
    stop: oneshot::Sender<()>,
    done: mpsc::Receiver<()>,
}

impl Worker {
    pub(super) fn start() -> io::Result<Self> {
        let (ready, is_ready) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let (done_sender, done) = mpsc::channel();
        std::thread::Builder::new()
            .name(THREAD_NAME.to_owned())
            .spawn(move || {
                let _done = done_sender;
                match Builder::new_current_thread().enable_all().build() {
                    Ok(runtime) => {
                        let _ = ready.send(Ok(runtime.handle().clone()));
                        // An error: the stop is gone, which is the signal.
                        let _ = runtime.block_on(stopped);
                        // A check may have blocking work under way that nobody can end.
                        runtime.shutdown_background();
                    }
                    Err(error) => {
                        let _ = ready.send(Err(error));
                    }
                }
            })?;
        let gone = || io::Error::other("the thread of checks ended before it began");
        let runtime = is_ready.recv().unwrap_or_else(|_| Err(gone()))?;
        Ok(Self {
            runtime,
            stop,
            done,
        })
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Ends the thread with all that runs on it, unless a check blocks it; that one ends with its check.
    pub(super) fn stop(self) {
        drop(self.stop);
        // An error either way: the thread has ended, or takes too long.
        let _ = self.done.recv_timeout(GRACE);
    }
}
