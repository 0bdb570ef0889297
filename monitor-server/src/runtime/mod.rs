//! The threads of a server: one that serves, one pool for the rest, and one that samples where that is on.
//!
//! # The thread that serves
//!
//! A [`ServerThread`] has a current-thread runtime of its own: the server works in programs without one, and takes no
//! worker of theirs. On it run our own futures alone: accepting, connections, routes, the schedules of checks, the
//! watch channel. They are short between two awaits, so `/livez` is answered while the service is busy or blocked.
//!
//! # The pool
//!
//! Code of the service's, and all that may block, is a job of the [`Pool`](pool::Pool): registries and collectors,
//! pages, blocking checks, passwords, files, log lines (see [`log`]). A job that hangs holds its own thread. Async
//! checks run on the service's runtime, or on one that a job of the pool drives: see `health/checks`.
//!
//! # Other threads
//!
//! The [`sampler`] of self time has a thread of its own where it is on. Other waiting is done by threads of pools that
//! live as long as the wait: [`until`] looks at something now and then, and [`signals`] keeps one thread for as long as
//! the process lives, since handlers of signals cannot be taken back.
//!
//! # The end
//!
//! `stop` turns true and the accept loop ends: connections get their grace, the runtime drops its tasks, and `end`
//! stops the checks and closes the pool. The thread drops the last receiver of `stop` on each way out, a panic
//! included; joining the thread orders all of it before the return of [`ServerThread::stop`].
//!
//! # Forks
//!
//! A fork has the memory and no thread but the one that forked. So each question that would wait for a thread asks
//! [`ServerThread::is_here`] first.

pub(crate) mod drain;
pub(crate) mod log;
pub(crate) mod pool;
pub(crate) mod sampler;
pub(crate) mod signals;

use std::io;
use std::ops::Deref;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake};
use std::thread::{JoinHandle, Thread, ThreadId};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{oneshot, watch};

use self::log::serve_on;
use self::pool::Pool;
use crate::config::Limits;
use crate::connection::ConnectionContext;
use crate::error::RunError;
use crate::listener::Endpoint;
use crate::listener::{self, Socket};
use crate::routes::{self, Context as ServerContext};

/// Name of the server's thread; 15 bytes, as long as Linux shows.
pub(crate) const THREAD_NAME: &str = "monitor-server";

/// How long a stop waits for jobs of the pool: a collector or a check that hangs must not hold it.
pub(crate) const GRACE: Duration = Duration::from_millis(100);

/// How often a wait looks: the end of a call wakes no waiter, so that calls cost no more.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A server on its thread.
#[derive(Debug)]
pub(crate) struct ServerThread {
    pub(crate) endpoint: Endpoint,
    /// Closed when the thread has ended, as that has the last receiver.
    stop: watch::Sender<bool>,
    id: ThreadId,
    /// The process that has the thread.
    process: u32,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl ServerThread {
    /// Starts serving all routes. `begin` runs here when nothing can fail any more, before the first connection is
    /// accepted; `end` on the new thread, when nothing is served any more.
    pub(crate) fn start(
        endpoint: &Endpoint,
        context: Arc<ServerContext>,
        limits: Limits,
        begin: impl FnOnce(&Handle),
        end: impl FnOnce() + Send + 'static,
    ) -> Result<Self, RunError> {
        let name = THREAD_NAME;
        let failed = |source| RunError::Thread { name, source };
        let runtime = OwnRuntime::new().map_err(failed)?;
        let handle = runtime.handle().clone();
        let socket = {
            let _context = handle.enter();
            listener::bind(endpoint)?
        };
        let endpoint = socket.endpoint().map_err(failed)?;
        let (stop, stopped) = watch::channel(false);
        let (serve_now, may_serve) = oneshot::channel();
        let drive = move || {
            let _until_the_end = stopped.clone();
            // On this thread no log line is written, from its first task on.
            let no_log = serve_on(&context.pool);
            runtime.block_on(async {
                // An error: `begin` panicked.
                if may_serve.await.is_ok() {
                    serve(context, limits, socket, stopped).await;
                }
            });
            drop(runtime);
            drop(no_log);
            end();
        };
        let builder = std::thread::Builder::new().name(name.to_owned());
        let thread = builder.spawn(drive).map_err(failed)?;
        begin(&handle);
        let _ = serve_now.send(());
        Ok(Self {
            endpoint,
            stop,
            id: thread.thread().id(),
            process: std::process::id(),
            thread: Mutex::new(Some(thread)),
        })
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.stop.is_closed()
    }

    /// Waits until the thread has ended, on any executor. Never, in a fork.
    pub(crate) async fn ended(&self) {
        self.stop.closed().await;
    }

    pub(crate) fn is_running(&self) -> bool {
        self.is_here() && !self.has_ended()
    }

    /// True if the thread is, or was, in this process.
    pub(crate) fn is_here(&self) -> bool {
        std::process::id() == self.process
    }

    /// An error in a fork of the server's process.
    pub(crate) fn check_here(&self) -> Result<(), RunError> {
        if self.is_here() {
            return Ok(());
        }
        Err(RunError::Forked {
            address: self.endpoint.clone(),
            process: self.process,
        })
    }

    /// Gives the signal to stop, and waits for nothing.
    pub(crate) fn begin_stop(&self) {
        if self.is_here() {
            self.stop.send_replace(true);
        }
    }

    /// Stops serving and waits until the thread has ended. It waits by joining a thread alone, so this may be called in
    /// an async context too. From the server's own thread it only gives the signal. In a fork there is nothing to stop,
    /// and no thread that could be joined.
    pub(crate) fn stop(&self) {
        self.begin_stop();
        if !self.is_here() || std::thread::current().id() == self.id {
            return;
        }
        // Held while joining: another stop waits here until the thread has ended.
        let mut thread = lock(&self.thread);
        if let Some(thread) = thread.take() {
            // Its panic was reported by the panic hook; the thread has ended either way.
            let _ = thread.join();
        }
    }

    /// The same without blocking the caller's executor, whichever that is.
    pub(crate) async fn stop_and_wait(&self) {
        self.begin_stop();
        if self.is_here() {
            self.ended().await;
            self.stop();
        }
    }
}

async fn serve(
    server: Arc<ServerContext>,
    limits: Limits,
    socket: Socket,
    stop: watch::Receiver<bool>,
) {
    let (access_control, metrics) = (&server.access_control, &server.metrics);
    tokio::spawn(Arc::clone(access_control).watch(Arc::clone(metrics)));
    let endpoint = socket.endpoint().ok();
    let context = ConnectionContext {
        port: endpoint.and_then(|endpoint| Some(endpoint.tcp()?.port())),
        routes: routes::all(Arc::clone(&server)),
        networks: access_control.networks(),
        server,
        limits,
        stop,
    };
    listener::serve(socket, Arc::new(context)).await;
}

/// A current-thread runtime for a thread of its own. Its end does not wait: a check may have blocking work under way
/// that cannot be ended.
pub(crate) struct OwnRuntime(Option<Runtime>);

impl OwnRuntime {
    pub(crate) fn new() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self(Some(runtime)))
    }
}

impl Deref for OwnRuntime {
    type Target = Runtime;

    fn deref(&self) -> &Runtime {
        self.0.as_ref().expect("it is there until the drop")
    }
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Locks also where a thread panicked while it held the lock: no value of this crate is left half changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until something is so, on any executor or none. Where there is no thread to be had, it waits for nothing.
pub(crate) async fn until(mut is_so: impl FnMut() -> bool) {
    // Its one thread ends with the wait, also where the future is dropped.
    let pool = Pool::default();
    while !is_so() {
        let pause = pool.call(|| std::thread::sleep(LOOK_EVERY));
        if pause.await.is_none() {
            break;
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future that needs no runtime to its end, on the calling thread.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    block_on_for(future, Duration::MAX).expect("that time does not pass")
}

/// The same, at most for this long; `None` where the future has not ended then.
pub(crate) fn block_on_for<T>(future: impl Future<Output = T>, limit: Duration) -> Option<T> {
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    let begin = Instant::now();
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return Some(value);
        }
        let left = limit.saturating_sub(begin.elapsed());
        if left.is_zero() {
            return None;
        }
        std::thread::park_timeout(left);
    }
}
