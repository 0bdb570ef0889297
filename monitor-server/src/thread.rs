//! A server's own thread with its own small runtime: works in programs without one, and takes no worker of theirs.

use std::io;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{JoinHandle, ThreadId};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::watch;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use crate::connection::{Shared, Terms};
use crate::endpoint::Endpoint;
use crate::error::RunError;
use crate::listener::{self, Bound, Socket};
use crate::runtime::log::serve_on;
use crate::runtime::pool::Pool;

/// Name of the server's thread; 15 bytes, as long as Linux shows.
pub(crate) const THREAD_NAME: &str = "monitor-server";

/// Name of the threads that do what would hold up the others: write pages, check passwords, look at files.
const RENDER_THREAD_NAME: &str = "monitor-render";

/// One page is made at a time, one password checked, and files are looked at; another is for what the HTTP libraries might
/// do.
const RENDER_THREADS: usize = 4;

/// How long a stop waits for what runs on the pool: a collector that hangs must not hold it.
pub(crate) const GRACE: Duration = Duration::from_millis(100);

/// A server on its thread.
#[derive(Debug)]
pub(crate) struct ServerThread {
    endpoint: Endpoint,
    runtime: Handle,
    stop: watch::Sender<bool>,
    done: watch::Receiver<bool>,
    id: ThreadId,
    /// The process that has the thread: a fork of it has all that is in memory, and no thread but the one that forked.
    process: u32,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the new thread hands back: its runtime and where it listens.
type Ready = io::Result<(Handle, Endpoint)>;

impl ServerThread {
    /// Starts serving. `before` runs when nothing can fail any more, before the first connection is accepted; `end` is given
    /// the pool on the server's own thread, when nothing is served any more.
    pub(crate) fn start(
        bound: Bound,
        terms: Terms,
        routes: BoxedFilter<(Response,)>,
        pool: Pool,
        before: impl FnOnce(),
        end: impl FnOnce(&Pool) + Send + 'static,
    ) -> Result<Self, RunError> {
        let failed = |source| RunError::Thread {
            name: THREAD_NAME,
            source,
        };
        let (ready_sender, ready) = mpsc::channel();
        let (go, go_receiver) = mpsc::channel();
        let (done_sender, done) = watch::channel(false);
        let (stop, stop_receiver) = watch::channel(false);
        let thread = std::thread::Builder::new()
            .name(THREAD_NAME.to_owned())
            .spawn(move || {
                let _done = Done(done_sender);
                let _serving = serve_on(&pool);
                let Some((runtime, socket)) = prepare(bound, &ready_sender) else {
                    return;
                };
                // An error: the starter gave up.
                if go_receiver.recv().is_ok() {
                    let keeper = Arc::clone(&terms.keeper);
                    runtime.spawn(keeper.watch(Arc::clone(&terms.metrics)));
                    runtime.block_on(listener::serve(
                        socket,
                        Shared {
                            routes,
                            context: Arc::new(terms),
                            stop: stop_receiver,
                        },
                    ));
                }
                runtime.shutdown_timeout(GRACE);
                end(&pool);
            })
            .map_err(failed)?;
        let gone = || io::Error::other("the thread ended before it served");
        let (runtime, endpoint) = ready
            .recv()
            .unwrap_or_else(|_| Err(gone()))
            .map_err(failed)?;
        before();
        go.send(()).map_err(|_| failed(gone()))?;
        let id = thread.thread().id();
        Ok(Self {
            endpoint,
            runtime,
            stop,
            done,
            id,
            process: std::process::id(),
            thread: Mutex::new(Some(thread)),
        })
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The server's runtime; it takes no tasks any more once the server has stopped. In a fork it would take them, and never
    /// run one: there is none.
    pub(crate) fn runtime(&self) -> Option<&Handle> {
        self.is_here().then_some(&self.runtime)
    }

    pub(crate) fn has_ended(&self) -> bool {
        *self.done.borrow()
    }

    /// Whether the thread is, or was, in this process.
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

    /// Stops serving and waits until the thread has ended. Joining a thread is all that is waited with, so that this may
    /// be called in an async context too. From the server's own thread it only gives the signal. In a fork there is nothing to
    /// stop, and no thread that could be joined.
    pub(crate) fn stop(&self) {
        self.begin_stop();
        if !self.is_here() || std::thread::current().id() == self.id {
            return;
        }
        // Held while joining: whoever else stops the server waits here until it has ended.
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take() {
            // Its panic was reported by the panic hook; the thread has ended either way.
            let _ = thread.join();
        }
    }

    /// The same without blocking the caller's executor, whichever that is.
    pub(crate) async fn stop_and_wait(&self) {
        self.begin_stop();
        if !self.is_here() {
            return;
        }
        let mut done = self.done.clone();
        // An error: the thread is gone already.
        let _ = done.wait_for(|done| *done).await;
        self.stop();
    }
}

/// Says that the thread is at its end, on each way out.
struct Done(watch::Sender<bool>);

impl Drop for Done {
    fn drop(&mut self) {
        self.0.send_replace(true);
    }
}

/// Everything in the new thread that can fail; the outcome goes to the starter.
fn prepare(bound: Bound, ready: &mpsc::Sender<Ready>) -> Option<(Runtime, Socket)> {
    let prepared = || -> io::Result<_> {
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .thread_name(RENDER_THREAD_NAME)
            .max_blocking_threads(RENDER_THREADS)
            .build()?;
        let socket = {
            let _context = runtime.enter();
            Socket::new(bound)?
        };
        let endpoint = socket.endpoint()?;
        Ok((runtime, socket, endpoint))
    };
    match prepared() {
        Ok((runtime, socket, endpoint)) => {
            ready.send(Ok((runtime.handle().clone(), endpoint))).ok()?;
            Some((runtime, socket))
        }
        Err(error) => {
            let _ = ready.send(Err(error));
            None
        }
    }
}
