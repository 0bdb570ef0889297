//! `Recorder`: a monitor for one test, and the calls and values recorded in it step by step.

use std::fmt;
use std::future::poll_fn;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use crate::base::clock::{Clock, ManualClock};
use crate::base::sync::{Mutex, lock};
use crate::errors::{ErrorRules, StatusRule};
use crate::monitor::{Monitor, StillRunning};
use crate::recording::config::StorageConfig;

use super::compare::{Checkpoint, Recorded};

/// How often a wait looks whether calls are in flight.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// When the clock of a recorder starts, seconds since 1970: 2001-09-09, a round number that is not taken for a
/// duration.
const EPOCH: f64 = 1e9;

/// A monitor for one test, and the calls and values recorded in it: since the start, or phase by phase.
///
/// It derefs to its [`Monitor`]: [`scope`](Monitor::scope) and [`scope_sync`](Monitor::scope_sync) run code whose calls
/// it records, and the future that [`scope`](Monitor::scope) returns can be spawned. A scope belongs to the future or
/// closure it is given: a task or thread started inside does not inherit it, and gets one the same way. Clones are one
/// recorder.
///
/// Its clock stands still unless [`advance`](Self::advance)d, so durations are exact.
///
/// # Examples
///
/// Phases, a clock moved by hand, and tasks on any runtime:
///
/// ```
/// use monitor_core::monitored;
/// use monitor_core::testing::{Recorder, call};
/// use std::time::Duration;
///
/// #[monitored(method = "Send")]
/// async fn send(recorder: Recorder) {
///     recorder.advance(Duration::from_millis(250));
/// }
///
/// # let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
/// # runtime.block_on(async {
/// let recorder = Recorder::new();
/// let first = tokio::spawn(recorder.scope(send(recorder.clone())));
/// first.await?;
/// recorder.take().assert_exactly([
///     call("Send").success(),
///     call("Send").took(Duration::from_millis(250)),
/// ]);
///
/// // The second phase begins where `take` ended the first.
/// recorder.take().assert_nothing();
/// # Ok::<(), tokio::task::JoinError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Recorder {
    monitor: Monitor,
    hand: Option<ManualClock>,
    start: Arc<Checkpoint>,
    phase: Arc<Mutex<Checkpoint>>,
}

impl Recorder {
    /// A recorder with the default configuration, in which each error is of the type `other`, and a clock that stands
    /// still.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A recorder with a configuration or a clock of its own.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A recorder of everything an existing monitor records from now on. That includes calls of other tests in the same
    /// monitor, so watch the [global](Monitor::global) one only in a test that runs alone in its process.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::testing::{Recorder, value};
    /// use monitor_core::{Monitor, StorageConfig};
    ///
    /// let monitor = Monitor::new(StorageConfig::default());
    /// monitor.inc_stats("jobs", 1)?;
    /// let recorder = Recorder::watching(monitor);
    /// monitor.inc_stats("jobs", 1)?;
    /// recorder.recorded().assert_exactly([value("jobs", 2)]);
    /// # Ok::<(), monitor_core::StatsError>(())
    /// ```
    pub fn watching(monitor: Monitor) -> Self {
        Self::of(monitor, None)
    }

    fn of(monitor: Monitor, hand: Option<ManualClock>) -> Self {
        let start = Checkpoint::now(monitor);
        Self {
            monitor,
            hand,
            phase: Arc::new(Mutex::new(start.clone())),
            start: Arc::new(start),
        }
    }

    /// Its monitor: a copy for a thread or a task, which a test can hand a scope or record values with.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::monitored;
    /// use monitor_core::testing::{Recorder, call};
    ///
    /// #[monitored]
    /// fn tick() {}
    ///
    /// let recorder = Recorder::new();
    /// let monitor = recorder.monitor();
    /// std::thread::spawn(move || monitor.scope_sync(tick)).join().expect("no panic");
    /// recorder.recorded().assert_exactly([call("tick").success()]);
    /// ```
    pub fn monitor(&self) -> Monitor {
        self.monitor
    }

    /// Moves its clock on.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::testing::Recorder;
    /// use std::time::Duration;
    ///
    /// let recorder = Recorder::new();
    /// let get = recorder.method("Get")?.start();
    /// recorder.advance(Duration::from_millis(1_500));
    /// assert_eq!(get.elapsed(), Duration::from_millis(1_500));
    /// # Ok::<(), monitor_core::MethodError>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If it was built with the [system clock](Builder::system_clock) or [watches](Self::watching) a monitor.
    #[track_caller]
    pub fn advance(&self, by: Duration) {
        let Some(hand) = &self.hand else {
            panic!("this recorder does not own its clock: only that of a new one can be moved")
        };
        hand.advance(by);
    }

    /// The calls and values recorded since the recorder was made.
    pub fn recorded(&self) -> Recorded {
        Recorded::between(&self.start, &Checkpoint::now(self.monitor))
    }

    /// The calls and values recorded since the last `take`, or since the recorder was made: ends a phase of a test and
    /// begins the next. Calls in flight now count in each phase until they end, and as success or failure in the one
    /// they end in.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::Outcome;
    /// use monitor_core::testing::{Recorder, call};
    ///
    /// let recorder = Recorder::new();
    /// let get = recorder.method("Get")?.start();
    /// recorder.take().assert_exactly([call("Get").in_flight()]);
    /// get.finish(Outcome::Success);
    /// recorder.take().assert_exactly([call("Get").success()]);
    /// recorder.take().assert_nothing();
    /// recorder.recorded().assert_exactly([call("Get").success()]);
    /// # Ok::<(), monitor_core::MethodError>(())
    /// ```
    pub fn take(&self) -> Recorded {
        let mut phase = lock(&self.phase);
        let now = Checkpoint::now(self.monitor);
        let recorded = Recorded::between(&phase, &now);
        *phase = now;
        recorded
    }

    /// Runs a closure whose calls are recorded, and catches its panic.
    ///
    /// # Errors
    ///
    /// The payload of the panic.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::monitored;
    /// use monitor_core::testing::{Recorder, call};
    ///
    /// #[monitored]
    /// fn divide(a: u32, b: u32) -> u32 {
    ///     a / b
    /// }
    ///
    /// let recorder = Recorder::new();
    /// assert!(recorder.catch(|| divide(1, 0)).is_err());
    /// recorder.recorded().assert_exactly([call("divide").panicked()]);
    /// ```
    pub fn catch<R>(&self, run: impl FnOnce() -> R) -> thread::Result<R> {
        catch_unwind(AssertUnwindSafe(|| self.monitor.scope_sync(run)))
    }

    /// Waits until no call, and no task of the section `tasks`, is in flight, without holding the thread: the tasks
    /// waited for may run on it. Where that does not matter, [`wait_blocking`](Monitor::wait_blocking) does the same.
    ///
    /// # Errors
    ///
    /// [`StillRunning`] if some are left when the limit is over (by the system's clock).
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::monitored;
    /// use monitor_core::testing::{Recorder, call};
    /// use std::time::Duration;
    ///
    /// #[monitored]
    /// async fn notify() {
    ///     tokio::time::sleep(Duration::from_millis(1)).await;
    /// }
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    /// # runtime.block_on(async {
    /// let recorder = Recorder::new();
    /// tokio::spawn(recorder.scope(notify()));
    /// tokio::task::yield_now().await;
    /// recorder.wait(Duration::from_secs(5)).await?;
    /// recorder.recorded().assert_exactly([call("notify").success()]);
    /// # Ok::<(), monitor_core::StillRunning>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn wait(&self, limit: Duration) -> Result<(), StillRunning> {
        let start = Instant::now();
        let mut alarm = None;
        poll_fn(|context| {
            let calls = self.in_flight();
            if calls == 0 {
                return Poll::Ready(Ok(()));
            }
            if start.elapsed() >= limit {
                return Poll::Ready(Err(StillRunning { calls }));
            }
            *lock(alarm.get_or_insert_with(start_alarm)) = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }
}

/// Starts a thread that wakes the stored waker every millisecond, until the alarm is dropped.
///
/// A wait is woken by it rather than by itself, so that an executor that has nothing else to do can go to sleep: with a
/// paused clock, that is when tokio moves its clock on.
fn start_alarm() -> Arc<Mutex<Option<Waker>>> {
    let alarm = Arc::new(Mutex::new(None::<Waker>));
    let weak = Arc::downgrade(&alarm);
    thread::spawn(move || {
        loop {
            thread::sleep(LOOK_EVERY);
            let Some(alarm) = weak.upgrade() else {
                return;
            };
            let waker = lock(&alarm).take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    });
    alarm
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

impl Deref for Recorder {
    type Target = Monitor;

    fn deref(&self) -> &Monitor {
        &self.monitor
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("recorded", &self.recorded())
            .finish_non_exhaustive()
    }
}

/// Builds a [`Recorder`] with a configuration, error rules or clock of its own.
///
/// # Examples
///
/// Errors are classified by the words of the rules, as in the service:
///
/// ```
/// use monitor_core::monitored;
/// use monitor_core::testing::{Recorder, call, task};
/// use monitor_core::TaskStatus;
///
/// #[monitored(method = "Connect")]
/// fn connect() -> Result<(), std::io::Error> {
///     Err(std::io::ErrorKind::ConnectionRefused.into())
/// }
///
/// let recorder = Recorder::builder()
///     .errors("CONNECTION_ERROR", ["refused", "timed out"])
///     .build();
/// recorder.scope_sync(connect).unwrap_err();
/// recorder.recorded().assert_exactly([
///     call("Connect").failure("refused"),
///     task("Connect", TaskStatus::ConnectionError),
/// ]);
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "a builder makes a recorder only when it is built"]
pub struct Builder {
    config: StorageConfig,
    rules: Vec<StatusRule>,
    uses_system_clock: bool,
}

impl Builder {
    /// The whole configuration, as the service has it. Default: [`StorageConfig::default`].
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::StorageConfig;
    /// use monitor_core::testing::Recorder;
    ///
    /// let mut config = StorageConfig::default();
    /// config.max_workers = 4;
    /// let recorder = Recorder::builder().config(config).build();
    /// assert_eq!(recorder.config().max_workers, 4);
    /// ```
    pub fn config(mut self, config: StorageConfig) -> Self {
        self.config = config;
        self
    }

    /// Words in errors that mean this status; each is an error type. They replace the rules of the
    /// [configuration](Self::config). No run of failures is unhealthy; for that, give a configuration with thresholds.
    pub fn errors<W: Into<String>>(
        mut self,
        status: impl Into<String>,
        words: impl IntoIterator<Item = W>,
    ) -> Self {
        self.rules.push(StatusRule {
            status: status.into(),
            service_errors: words.into_iter().map(Into::into).collect(),
            unhealthy: -1,
        });
        self
    }

    /// The system's clock in place of one moved by hand: for code that must see time pass.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::testing::Recorder;
    /// use std::time::Duration;
    ///
    /// let recorder = Recorder::builder().system_clock().build();
    /// let get = recorder.method("Get")?.start();
    /// std::thread::sleep(Duration::from_millis(2));
    /// drop(get);
    /// assert!(recorder.recorded().took("Get") > Duration::from_millis(1));
    /// # Ok::<(), monitor_core::MethodError>(())
    /// ```
    pub fn system_clock(mut self) -> Self {
        self.uses_system_clock = true;
        self
    }

    /// Makes the recorder.
    ///
    /// # Panics
    ///
    /// If the [errors](Self::errors) given are no rules, with the reason.
    #[track_caller]
    pub fn build(self) -> Recorder {
        let mut config = self.config;
        if !self.rules.is_empty() {
            match ErrorRules::try_new(self.rules) {
                Ok(rules) => config.errors = rules,
                Err(error) => panic!("{error}"),
            }
        }
        if self.uses_system_clock {
            return Recorder::of(Monitor::new(config), None);
        }
        let (clock, hand) = Clock::manual(EPOCH);
        Recorder::of(Monitor::with_clock(config, clock), Some(hand))
    }
}
