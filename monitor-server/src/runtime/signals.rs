//! Signals that end a process, SIGTERM and Ctrl-C, for programs with and without a runtime.
//!
//! Handlers of signals belong to the process and cannot be taken back. So the first [`ShutdownSignals::listen`] installs them
//! and takes a thread that waits for them as long as the process lives; it counts each signal in a watch channel, and each listener
//! compares that count with its own, so that none is lost between two waits. Without a listener the thread ends the process, as
//! the signal would.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::pool::Pool;
use super::{block_on, start_runtime};

/// A signal that ends a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Signal {
    /// SIGTERM: what service managers and Kubernetes send. Unix alone.
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

/// A listener to signals that end the process, from [`listen`](Self::listen) on. Each listener receives every signal.
///
/// From the first `listen` of a process on, its signals no longer end it while there is a listener. One that comes when there is
/// none, before or after, ends it as ever: with the exit status 128 and its number, as shells report it.
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
#[derive(Debug)]
pub struct ShutdownSignals {
    seen: watch::Receiver<SignalCount>,
    /// How many it has received.
    received: u64,
}

/// The signals of this process so far.
#[derive(Debug, Clone, Copy, Default)]
struct SignalCount {
    count: u64,
    last: Option<Signal>,
}

/// Set by the first listener, for the life of the process.
static SENDER: Mutex<Option<SignalSender>> = Mutex::new(None);

struct SignalSender {
    sender: Arc<watch::Sender<SignalCount>>,
    /// The process whose thread waits. A fork has its handlers, which write into the same pipe: a signal of the child would be
    /// seen by the parent, or not at all.
    process: u32,
}

impl ShutdownSignals {
    /// Listens from now on.
    ///
    /// # Errors
    ///
    /// The operating system takes no handler, or gives no thread to wait on. Or this process is a fork of one that listens: its
    /// handlers are taken along, and the thread that waits for them is not.
    pub fn listen() -> io::Result<Self> {
        let mut known = SENDER.lock().unwrap_or_else(PoisonError::into_inner);
        let this = std::process::id();
        match &*known {
            Some(SignalSender { sender, process }) if *process == this => {
                let seen = sender.subscribe();
                let received = seen.borrow().count;
                Ok(Self { seen, received })
            }
            Some(SignalSender { process, .. }) => Err(io::Error::other(format!(
                "signals are listened to in process {process}, of which this one is a fork"
            ))),
            None => {
                // Before the handlers are there: the first signal they see has a listener.
                let (sender, seen) = watch::channel(SignalCount::default());
                let (sender, process) = (Arc::new(sender), this);
                let delivers = Arc::clone(&sender);
                let set_up = || {
                    let handlers = SignalHandlers::new()?;
                    Ok(((), deliver_all(handlers, delivers)))
                };
                block_on(start_runtime(|job| Pool::default().run(job), set_up))?;
                *known = Some(SignalSender { sender, process });
                Ok(Self { seen, received: 0 })
            }
        }
    }

    /// Waits for the next signal since [`listen`](Self::listen), or since the last one it returned. Works on every executor.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses no signal.
    pub async fn recv(&mut self) -> Signal {
        let received = self.received;
        let next = self.seen.wait_for(|seen| seen.count > received).await;
        // An error: never, as the sender is in a static.
        let last = next.ok().and_then(|seen| seen.last);
        self.received += 1;
        last.unwrap_or(Signal::Terminate)
    }

    /// The same, blocking the calling thread.
    pub fn wait(&mut self) -> Signal {
        block_on(self.recv())
    }
}

/// Without a listener a signal does what it would without us.
async fn deliver_all(mut handlers: SignalHandlers, sender: Arc<watch::Sender<SignalCount>>) {
    loop {
        let signal = handlers.next().await;
        if sender.receiver_count() == 0 {
            std::process::exit(128 + signal.number());
        }
        sender.send_modify(|seen| {
            seen.count += 1;
            seen.last = Some(signal);
        });
    }
}

#[cfg(unix)]
struct SignalHandlers {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl SignalHandlers {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Interrupt,
        }
    }
}

#[cfg(not(unix))]
struct SignalHandlers;

#[cfg(not(unix))]
impl SignalHandlers {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Signal {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Signal::Interrupt
    }
}
