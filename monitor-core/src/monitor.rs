//! `Monitor`: the handle users hold, and scopes, inside which calls record in a monitor of their own.
//!
//! Which storage a call records in is a matter of its thread: a scope enters its storage in the thread's table
//! (`recording::thread`) and leaves it when the closure returns, or when the poll of the future does. So a future may go
//! from thread to thread, and tests run side by side.

use std::fmt;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::base::clock::Clock;
use crate::method::{MAX_METHOD_NAME, Method, MethodError};
use crate::recording::config::StorageConfig;
use crate::recording::thread;
use crate::recording::store::{StorageCore, global};
use crate::storage::MonitorStorage;

/// How often a wait looks whether tasks are in flight. Only a wait pays for it: to wake a waiter from the recording
/// path would cost every call.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A cheap handle on one storage: the global one, or one of its own for a test or a second service in one process.
///
/// # Examples
///
/// ```
/// use monitor_core::{Monitor, StorageConfig, monitored};
///
/// #[monitored(method = "Double")]
/// fn double(x: u32) -> u32 {
///     x * 2
/// }
///
/// let monitor = Monitor::new(StorageConfig::default());
/// assert_eq!(monitor.scope_sync(|| double(21)), 42);
/// assert_eq!(monitor.snapshot().methods[0].started, 1);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Monitor {
    storage: MonitorStorage,
}

impl Monitor {
    /// The monitor of calls outside any scope.
    pub fn global() -> Self {
        Self::of(global())
    }

    /// A monitor of its own, on the system clock.
    pub fn new(config: StorageConfig) -> Self {
        Self::with_clock(config, Clock::system())
    }

    /// A monitor of its own, on this clock.
    pub fn with_clock(config: StorageConfig, clock: Clock) -> Self {
        Self::of(StorageCore::new(config, clock))
    }

    fn of(core: &'static StorageCore) -> Self {
        Self {
            storage: MonitorStorage::of(core),
        }
    }

    /// Its storage.
    pub fn storage(&self) -> &MonitorStorage {
        &self.storage
    }

    /// The method of this name: for names known only at run time, closures and middleware. The name becomes a label
    /// value for the life of the process, so it must come from a closed set (a route's template, not its path).
    ///
    /// # Errors
    ///
    /// [`MethodError`] if the name is empty or longer than 120 bytes.
    pub fn method(&self, name: &str) -> Result<Method, MethodError> {
        if name.is_empty() {
            return Err(MethodError::Empty);
        }
        if name.len() > MAX_METHOD_NAME {
            return Err(MethodError::TooLong {
                name: name.to_owned(),
            });
        }
        Ok(Method::of(self.storage.core().method(name)))
    }

    /// Runs a future whose calls record here. A task it spawns is not part of it: give that one a scope too.
    pub fn scope<F: Future>(&self, future: F) -> Scope<F> {
        Scope {
            future: Some(future),
            storage: self.storage,
        }
    }

    /// Runs a closure whose calls record here.
    pub fn scope_sync<R>(&self, run: impl FnOnce() -> R) -> R {
        thread::with(|local| {
            let _scope = local.enter(self.storage.core());
            run()
        })
    }

    /// Blocks until no task is in flight.
    ///
    /// # Errors
    ///
    /// [`StillRunning`] if tasks are left when the limit is over.
    #[doc(alias = "wait_for_ending_tasks")]
    pub fn wait_blocking(&self, limit: Duration) -> Result<(), StillRunning> {
        let start = Instant::now();
        loop {
            let tasks = self.storage.in_flight();
            if tasks == 0 {
                return Ok(());
            }
            let left = limit.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Err(StillRunning { tasks });
            }
            std::thread::sleep(LOOK_EVERY.min(left));
        }
    }
}

impl Deref for Monitor {
    type Target = MonitorStorage;

    fn deref(&self) -> &MonitorStorage {
        &self.storage
    }
}

/// Tasks were left when a wait was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{tasks} tasks are still running")]
pub struct StillRunning {
    /// How many.
    pub tasks: u64,
}

pin_project_lite::pin_project! {
    /// A future whose calls record in one monitor; made by [`Monitor::scope`].
    #[must_use = "futures do nothing unless polled"]
    pub struct Scope<F> {
        // Taken only when it is dropped.
        #[pin]
        future: Option<F>,
        storage: MonitorStorage,
    }

    impl<F> PinnedDrop for Scope<F> {
        /// Calls in the future's own destructors belong to the scope too.
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            thread::with(|local| {
                let _scope = local.enter(this.storage.core());
                this.future.set(None);
            });
        }
    }
}

impl<F: Future> Future for Scope<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        thread::with(|local| {
            let _scope = local.enter(this.storage.core());
            match this.future.as_pin_mut() {
                Some(future) => future.poll(context),
                None => Poll::Pending,
            }
        })
    }
}

impl<F> fmt::Debug for Scope<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("storage", &self.storage)
            .finish_non_exhaustive()
    }
}
