//! Signals that end a process, SIGTERM and Ctrl-C, for programs with and without a runtime.
//!
//! Handlers of signals belong to the process and cannot be taken back. So the first [`ShutdownSignals::listen`]
//! installs them and takes a thread that waits for them as long as the process lives. It keeps the signals in a watch
//! channel, in their order, and each listener counts those it has received, so that none is lost between two waits.
//! Without a listener the thread ends the process, as the signal would.

use std::fmt;
use std::io;
use std::sync::{Mutex, mpsc};

use tokio::sync::watch;

use super::pool::Pool;
use super::{OwnRuntime, block_on, lock};

/// A signal that ends a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Signal {
    /// SIGTERM, which service managers and Kubernetes send. Unix alone.
    Terminate,
    /// SIGINT: Ctrl-C.
    Interrupt,
}

impl Signal {
    /// Its number, as POSIX has it.
    pub const fn number(self) -> i32 {
        match self {
            Self::Terminate => 15,
            Self::Interrupt => 2,
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
        })
    }
}

/// A listener to signals that end the process, from [`listen`](Self::listen) on. Each listener receives every signal;
/// a clone receives those that the original has not received yet.
///
/// From the first `listen` of a process on, its signals no longer end it while there is a listener. One that comes when
/// there is none, before or after, ends it as ever: with the exit status 128 and its number, as shells report it.
///
/// # Examples
///
/// ```no_run
/// use monitor_server::ShutdownSignals;
///
/// let mut signals = ShutdownSignals::listen()?;
/// let signal = signals.wait();
/// println!("{signal}: stopping");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ShutdownSignals {
    seen: watch::Receiver<Vec<Signal>>,
    /// How many of them it has received.
    received: usize,
}

/// The signals of this process so far; from the first listener on, for the life of the process. A fork has the
/// handlers, which write into the same pipe: a signal of the child would be seen by the parent, or not at all. So it
/// has no listeners.
///
/// Beside them the process whose thread waits.
static SEEN: Mutex<Seen> = Mutex::new(None);

type Seen = Option<(watch::Sender<Vec<Signal>>, u32)>;

impl ShutdownSignals {
    /// Listens from now on.
    ///
    /// # Errors
    ///
    /// The operating system takes no handler, or gives no thread to wait on. Or this process is a fork of one that
    /// listens: its handlers are taken along, and the thread that waits for them is not.
    pub fn listen() -> io::Result<Self> {
        Self::listen_through(&SEEN, handlers)
    }

    fn listen_through<N: AsyncFnMut() -> Signal + 'static>(
        seen: &Mutex<Seen>,
        handlers: impl FnOnce() -> io::Result<N> + Send + 'static,
    ) -> io::Result<Self> {
        let mut known = lock(seen);
        let this = std::process::id();
        match &*known {
            Some((sender, process)) if *process == this => {
                // Counted first: one that comes in between is received, or ends the process.
                let received = sender.borrow().len();
                let seen = sender.subscribe();
                Ok(Self { seen, received })
            }
            Some((_, process)) => Err(io::Error::other(format!(
                "signals are listened to in process {process}, of which this one is a fork"
            ))),
            None => {
                // Before the handlers are there: the first signal they see has a listener.
                let (sender, seen) = watch::channel(Vec::new());
                let runtime = OwnRuntime::new()?;
                let delivers = sender.clone();
                let (installs, installed) = mpsc::channel();
                // On the thread that waits: without it no handler takes the signals, which then end the process.
                let deliver = move || {
                    let handlers = {
                        let _context = runtime.enter();
                        handlers()
                    };
                    let handlers = handlers.map_err(|error| drop(installs.send(Err(error))));
                    if let Ok(handlers) = handlers {
                        let _ = installs.send(Ok(()));
                        runtime.block_on(deliver_all(handlers, delivers));
                    }
                };
                Pool::default().run(deliver)?;
                installed.recv().map_err(io::Error::other)??;
                *known = Some((sender, this));
                // None, whatever has come since the handlers are there.
                let received = 0;
                Ok(Self { seen, received })
            }
        }
    }

    /// Waits for the next signal since [`listen`](Self::listen), or since the last one it returned. Works on every
    /// executor.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses no signal.
    pub async fn recv(&mut self) -> Signal {
        let next = self.received;
        let seen = self.seen.wait_for(|seen| seen.len() > next).await;
        self.received += 1;
        // An error: never, as the sender is in a static.
        seen.map_or(Signal::Terminate, |seen| seen[next])
    }

    /// The same, blocking the calling thread.
    pub fn wait(&mut self) -> Signal {
        block_on(self.recv())
    }
}

/// Without a listener a signal ends the process, as it would without the handlers.
async fn deliver_all(mut next: impl AsyncFnMut() -> Signal, sender: watch::Sender<Vec<Signal>>) {
    loop {
        let signal = next().await;
        if sender.receiver_count() == 0 {
            std::process::exit(128 + signal.number());
        }
        sender.send_modify(|seen| seen.push(signal));
    }
}

/// Installs the handlers, and returns a function that waits for the next signal.
#[cfg(unix)]
fn handlers() -> io::Result<impl AsyncFnMut() -> Signal + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move || {
        tokio::select! {
            _ = terminate.recv() => Signal::Terminate,
            _ = interrupt.recv() => Signal::Interrupt,
        }
    })
}

#[cfg(not(unix))]
fn handlers() -> io::Result<impl AsyncFnMut() -> Signal + Send + 'static> {
    Ok(async || match tokio::signal::ctrl_c().await {
        Ok(()) => Signal::Interrupt,
        Err(_) => std::future::pending().await,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::block_on_for;
    use super::*;

    #[test]
    fn a_signal_that_comes_while_the_first_listener_begins_is_received() {
        for _ in 0..20 {
            let seen = Mutex::new(None);
            let mut left = vec![Signal::Terminate];
            let handlers = move || {
                Ok(async move || match left.pop() {
                    Some(signal) => signal,
                    None => std::future::pending().await,
                })
            };
            let mut signals = ShutdownSignals::listen_through(&seen, handlers).expect("a thread");
            let received = block_on_for(signals.recv(), Duration::from_secs(10));
            assert_eq!(received, Some(Signal::Terminate));
        }
    }
}
