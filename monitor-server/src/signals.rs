//! What tells a process to end: SIGTERM and Ctrl-C, for programs with and without a runtime.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use tokio::runtime::Builder;
use tokio::sync::watch;

use crate::block_on::block_on;

/// Name of the thread that waits for signals; 14 bytes, Linux shows 15.
const THREAD_NAME: &str = "monitor-signal";

/// What tells a process to end.
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

/// Someone who wants to know when the process is told to end, from [`listen`](Self::listen) on. Every one of them is told of
/// every signal.
///
/// From the first `listen` of a process on, its signals no longer end it while anybody listens. One that comes when nobody
/// does, before or after, ends it as ever: with the exit status 128 and its number, as shells report it.
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
    receiver: watch::Receiver<Seen>,
    /// How many were told already.
    told: u64,
}

/// The signals of this process.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    count: u64,
    last: Option<Signal>,
}

/// Set once signals are waited for; for the life of the process, as handlers cannot be taken back.
static SENDER: Mutex<Option<Waiting>> = Mutex::new(None);

/// Who waits for signals, and tells the others.
struct Waiting {
    sender: Arc<watch::Sender<Seen>>,
    /// The process whose thread it is. A fork has its handlers, which write into the same pipe: a signal of the child would be
    /// seen by the parent, or by nobody.
    process: u32,
}

/// An error in a fork of the process that listens.
fn check_here(process: u32) -> io::Result<()> {
    if std::process::id() == process {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "signals are listened to in process {process}, of which this one is a fork"
    )))
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
        if let Some(Waiting { sender, process }) = &*known {
            check_here(*process)?;
            let receiver = sender.subscribe();
            let told = receiver.borrow().count;
            return Ok(Self { receiver, told });
        }
        // Before the handlers are there: the first signal they see has a listener.
        let (sender, receiver) = watch::channel(Seen::default());
        let sender = Arc::new(sender);
        start(Arc::clone(&sender))?;
        *known = Some(Waiting {
            sender,
            process: std::process::id(),
        });
        Ok(Self { receiver, told: 0 })
    }

    /// Waits for the next signal since [`listen`](Self::listen), or since the last one that this told. Works on every executor.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses no signal.
    pub async fn recv(&mut self) -> Signal {
        let told = self.told;
        let seen = self.receiver.wait_for(|seen| seen.count > told).await;
        // An error: never, as the sender is in a static.
        let last = seen.ok().and_then(|seen| seen.last);
        self.told += 1;
        last.unwrap_or(Signal::Terminate)
    }

    /// The same, blocking the calling thread.
    pub fn wait(&mut self) -> Signal {
        block_on(self.recv())
    }
}

/// Installs the handlers, and starts the thread that waits for them.
fn start(sender: Arc<watch::Sender<Seen>>) -> io::Result<()> {
    let (ready, is_ready) = mpsc::channel();
    std::thread::Builder::new()
        .name(THREAD_NAME.to_owned())
        .spawn(move || {
            let run = |runtime: tokio::runtime::Runtime| {
                runtime.block_on(async {
                    let mut source = Source::new()?;
                    // An error: whoever started this is gone, and others may listen yet.
                    let _ = ready.send(Ok(()));
                    loop {
                        deliver(&sender, source.next().await);
                    }
                })
            };
            let runtime = Builder::new_current_thread().enable_io().build();
            let ended: io::Result<()> = runtime.and_then(run);
            let _ = ready.send(ended);
        })?;
    let gone = || io::Error::other("the thread of signals ended before it waited");
    is_ready.recv().unwrap_or_else(|_| Err(gone()))
}

/// A signal that nobody listens to does what it would without us.
fn deliver(sender: &watch::Sender<Seen>, signal: Signal) {
    if sender.receiver_count() == 0 {
        std::process::exit(128 + signal.number());
    }
    sender.send_modify(|seen| {
        seen.count += 1;
        seen.last = Some(signal);
    });
}

/// Where signals come from.
#[cfg(unix)]
struct Source {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Source {
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
struct Source;

#[cfg(not(unix))]
impl Source {
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
