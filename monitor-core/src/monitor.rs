//! `Monitor` and `Method`: the handles users hold, and scopes, inside which calls record in a monitor of their own.
//!
//! Which storage a call records in is a matter of its thread: a scope enters its storage in the thread's table
//! (`recording::thread`) and leaves it when the closure returns, or when the poll of the future does. So a future may
//! go from thread to thread, and tests run side by side. A [`Method`] starts calls where the attribute does not, for
//! names and labels known only at run time.

use std::fmt;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::base::clock::Clock;
use crate::data::family::Label;
use crate::data::name::{is_label_name, is_reserved_label};
use crate::recording::config::StorageConfig;
use crate::recording::current::Here;
use crate::recording::guard::CallGuard;
use crate::recording::limit::Permits;
use crate::recording::method::MethodCore;
use crate::recording::store::{StorageCore, global};
use crate::recording::thread::{self, Local};
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

    /// The monitor that calls on this thread record in now: that of the scope, else the global one.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::{Monitor, Outcome, StorageConfig};
    ///
    /// let monitor = Monitor::new(StorageConfig::default());
    /// monitor.scope_sync(|| Monitor::current().method("InTheScope").map(|method| method.start().finish(Outcome::Success)))?;
    /// assert!(monitor.has_method("InTheScope"));
    /// assert!(!Monitor::current().has_method("InTheScope"), "outside of the scope it is the global one");
    /// # Ok::<(), monitor_core::MethodError>(())
    /// ```
    pub fn current() -> Self {
        Self::of(thread::with(Local::storage))
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
            storage: MonitorStorage { core },
        }
    }

    /// Its storage.
    pub fn storage(&self) -> &MonitorStorage {
        &self.storage
    }

    /// The method of this name, for names known only at run time, closures and middleware. The name becomes a label
    /// value for the life of the process, so it must come from a closed set (a route's template, not its path).
    ///
    /// A storage makes at most [`max_methods`](StorageConfig::max_methods) methods this way, 1,000 by default; each
    /// further name gives the method `overflow`, whose calls are counted in `monitor_overflowed_updates_total` too.
    /// Names of the program's `#[monitored]` functions and of the configuration never count against the limit.
    ///
    /// # Errors
    ///
    /// [`MethodError`] if the name is empty or longer than 120 bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::{Monitor, Outcome, StorageConfig};
    ///
    /// let mut config = StorageConfig::default();
    /// config.max_methods = 1;
    /// let monitor = Monitor::new(config);
    /// for verb in ["GET", "TEG", "ETG"] {
    ///     monitor.method(verb)?.start().finish(Outcome::Success);
    /// }
    /// let snapshot = monitor.snapshot();
    /// let names: Vec<_> = snapshot.methods.iter().map(|method| &*method.name).collect();
    /// assert_eq!(names, ["GET", "overflow"]);
    /// assert_eq!(snapshot.values.overflowed_updates, 2);
    /// # Ok::<(), monitor_core::MethodError>(())
    /// ```
    pub fn method(&self, name: &str) -> Result<Method, MethodError> {
        if name.is_empty() {
            return Err(MethodError::Empty);
        }
        if name.len() > MAX_METHOD_NAME {
            return Err(MethodError::TooLong {
                name: name.to_owned(),
            });
        }
        Ok(Method {
            core: self.storage.core.method_at_run_time(name),
        })
    }

    /// The method of this name if it was made before, by [`method`](Self::method) or by a call. Names that come from requests
    /// can be looked up here: nothing is made.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::{Monitor, StorageConfig};
    ///
    /// let monitor = Monitor::new(StorageConfig::default());
    /// assert!(monitor.known_method("Get").is_none());
    /// monitor.method("Get")?;
    /// assert!(monitor.known_method("Get").is_some());
    /// # Ok::<(), monitor_core::MethodError>(())
    /// ```
    pub fn known_method(&self, name: &str) -> Option<Method> {
        let core = self.storage.core.known_method(name)?;
        Some(Method { core })
    }

    /// Runs a future whose calls record here. A task that it spawns is not part of the scope and needs a scope of its
    /// own.
    pub fn scope<F: Future>(&self, future: F) -> Scope<F> {
        Scope {
            future: Some(future),
            monitor: *self,
        }
    }

    /// Runs a closure whose calls record here.
    pub fn scope_sync<R>(&self, run: impl FnOnce() -> R) -> R {
        thread::with(|local| {
            let _scope = local.enter(self.storage.core);
            run()
        })
    }

    /// Blocks until no call, and no task of the section `tasks`, is in flight.
    ///
    /// # Errors
    ///
    /// [`StillRunning`] if some are left when the limit is over.
    #[doc(alias = "wait_for_ending_tasks")]
    pub fn wait_blocking(&self, limit: Duration) -> Result<(), StillRunning> {
        let start = Instant::now();
        loop {
            let calls = self.storage.in_flight();
            if calls == 0 {
                return Ok(());
            }
            let left = limit.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Err(StillRunning { calls });
            }
            std::thread::sleep(LOOK_EVERY.min(left));
        }
    }
}

/// Two handles are equal if they are of one monitor.
impl PartialEq for Monitor {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.storage.core, other.storage.core)
    }
}

impl Eq for Monitor {}

impl Deref for Monitor {
    type Target = MonitorStorage;

    fn deref(&self) -> &MonitorStorage {
        &self.storage
    }
}

/// Calls were still running at the end of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{calls} calls are still running")]
pub struct StillRunning {
    /// Their number: all calls, entry calls and others, and the tasks of the section `tasks`.
    pub calls: u64,
}

pin_project_lite::pin_project! {
    /// A future whose calls record in one monitor; made by [`Monitor::scope`].
    #[must_use = "futures do nothing unless polled"]
    pub struct Scope<F> {
        // Taken only when it is dropped.
        #[pin]
        future: Option<F>,
        monitor: Monitor,
    }

    impl<F> PinnedDrop for Scope<F> {
        /// Calls in the future's own destructors belong to the scope too.
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            this.monitor.scope_sync(|| this.future.set(None));
        }
    }
}

impl<F: Future> Future for Scope<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.monitor.scope_sync(|| match this.future.as_pin_mut() {
            Some(future) => future.poll(context),
            None => Poll::Pending,
        })
    }
}

impl<F> fmt::Debug for Scope<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("storage", &self.monitor.storage)
            .finish_non_exhaustive()
    }
}

/// Longest name of a method, in bytes.
pub(crate) const MAX_METHOD_NAME: usize = 120;

/// Label names that the families of calls have themselves.
const OF_CALLS: [&str; 3] = ["method", "status", "type"];

/// One method of one monitor.
#[derive(Clone, Copy)]
pub struct Method {
    core: &'static MethodCore,
}

impl Method {
    /// The method with these labels, for label values known only at run time. A label with an empty value is left out.
    /// A method has at most `max_series` such label sets; the calls of all others have the label `overflow="true"`
    /// alone, and are counted.
    ///
    /// # Errors
    ///
    /// [`LabelError`] if a label's name is invalid or reserved, is given twice, or belongs to a label that the method
    /// already has.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::{Monitor, Outcome, StorageConfig};
    ///
    /// let monitor = Monitor::new(StorageConfig::default());
    /// let method = monitor.method("Resize")?.with_labels(&[("tenant", "acme")])?;
    /// method.start().finish(Outcome::Success);
    ///
    /// let snapshot = monitor.snapshot();
    /// let labels = &snapshot.methods.iter().find(|one| one.started == 1).ok_or("a call")?.labels;
    /// assert_eq!((&*labels[0].name, &*labels[0].value), ("tenant", "acme"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_labels(&self, labels: &[(&str, &str)]) -> Result<Self, LabelError> {
        for (at, (name, _)) in labels.iter().enumerate() {
            let is_here = self.core.labels.iter().any(|own| own.name == *name);
            let owned = || (*name).to_owned();
            if !is_label_name(name) {
                return Err(LabelError::Invalid { name: owned() });
            }
            if OF_CALLS.contains(name) || is_reserved_label(name) {
                return Err(LabelError::Reserved { name: owned() });
            }
            if is_here || labels[..at].iter().any(|(other, _)| other == name) {
                return Err(LabelError::Repeated { name: owned() });
            }
        }
        let own = self.core.labels.iter().cloned();
        let more = labels.iter();
        let more = more.map(|(name, value)| Label::new((*name).to_owned(), *value));
        let labels = own.chain(more).collect();
        Ok(Self {
            core: self.core.with_labels(labels),
        })
    }

    /// The labels beside `method`, sorted by name.
    pub fn labels(&self) -> &'static [Label] {
        &self.core.labels
    }

    /// Starts a call, whose caller is the current one.
    ///
    /// The call itself is the caller of none, because it may be held while its thread does something else. Monitored
    /// calls in between have the same caller as this one: without one they are entry calls, each a task of its own in
    /// the totals beside this. Those made inside of [`CallGuard::run`] or [`CallGuard::within`] have this call as their
    /// caller.
    pub fn start(&self) -> CallGuard {
        CallGuard::start_method(self.core)
    }

    /// Starts an entry call: one without a caller, whichever call is the current one. For the requests of a server,
    /// which the function that serves them polls by chance.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::{Monitor, Outcome, StorageConfig};
    ///
    /// let monitor = Monitor::new(StorageConfig::default());
    /// let (serve, request) = (monitor.method("Serve")?, monitor.method("Request")?);
    /// monitor.scope_sync(|| serve.start().run(|| request.start_entry().finish(Outcome::Success)));
    /// let snapshot = monitor.snapshot();
    /// assert_eq!(snapshot.methods[0].callers[0].caller, None);
    /// # Ok::<(), monitor_core::MethodError>(())
    /// ```
    pub fn start_entry(&self) -> CallGuard {
        Here::NO_CALL.run(|| self.start())
    }

    /// Its permits.
    pub fn permits(&self) -> &'static Permits {
        &self.core.shared.permits
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        &self.core.name
    }

    /// Its calls in flight.
    pub fn in_flight(&self) -> u64 {
        self.core.in_flight()
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Method")
            .field("name", &self.core.name)
            .finish_non_exhaustive()
    }
}

/// Why a text is not a method name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MethodError {
    /// The name is empty.
    #[error("the name of a method is empty")]
    Empty,
    /// The name is too long for a label value.
    #[error("the name of a method is {} bytes long, the limit is {MAX_METHOD_NAME}: {name:?}", name.len())]
    TooLong {
        /// The name.
        name: String,
    },
}

/// Why a text is not a label name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelError {
    /// It does not match `[a-zA-Z_][a-zA-Z0-9_]*`.
    #[error("{name:?} is not a label name: it has to match [a-zA-Z_][a-zA-Z0-9_]*")]
    Invalid {
        /// The name.
        name: String,
    },
    /// It is `method`, `status`, `type`, `le`, `quantile`, `overflow`, `inittime` or `_name_`, or begins with `__`.
    #[error("the label {name:?} is reserved")]
    Reserved {
        /// The name.
        name: String,
    },
    /// It is given twice, or there already.
    #[error("the label {name:?} is given twice")]
    Repeated {
        /// The name.
        name: String,
    },
}
