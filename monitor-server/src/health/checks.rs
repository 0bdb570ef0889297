//! Named checks: when each runs, on which threads, and how its last result is judged.
//!
//! # Who runs what
//!
//! The schedule of a check ([`schedule`]) is a task of our own code on the runtime that serves: it begins a run, waits for its end
//! at most as long as its limit, and keeps the result. The code of the check itself never runs there, and none of its values is
//! dropped there:
//!
//! - A blocking check is a job of the server's pool.
//! - An async check is a task of the service's runtime, if that is known: given with
//!   [`MonitorConfig::check_runtime`](crate::MonitorConfig::check_runtime), or the one that the server was started in. At its limit it
//!   is aborted.
//! - Else an async check has a [`CheckRuntime`], driven by a thread of the pool for as long as the check lives, as its connections
//!   need it.
//!
//! So a check that blocks inside of async code harms what shares its runtime, and neither the server nor another check's
//! schedule. A run that does not end, whichever kind it is, is `DOWN` at its limit and the last until it has ended.
//!
//! A [`MetricServer`](crate::MetricServer) that is mounted has no runtime that serves: there a [`CheckRuntime`] has the schedules.
//!
//! # Recording
//!
//! Calls of monitored functions within a check are no calls of the service: runs have the scope of a storage that is not
//! exported. Scopes belong to a thread or a future. So what a check spawns is unrecorded on a [`CheckRuntime`], whose whole thread
//! is in the scope, and recorded on the service's runtime, and so is what it hands to other threads.
//!
//! # Hand-overs
//!
//! The mutex of `last` orders a result before its reader; the mutex of the table is held for moments, and never while a value
//! of a check is dropped.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use monitor_core::{HealthStatus, Monitor, StorageConfig};
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use super::report::{HealthPart, PartDetails};
use crate::runtime::log::log;
use crate::runtime::pool::Pool;
use crate::runtime::start_runtime;

/// How often a named check runs, how long a run may take, and whether it counts for readiness.
///
/// See [`MonitorConfig::check`](crate::MonitorConfig::check). A [`Duration`] alone is [`every`](Self::every) so long.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use monitor_server::Check;
///
/// let check = Check::every(Duration::from_secs(15)).timeout(Duration::from_secs(2)).ready();
/// assert_ne!(check, Check::default());
/// assert_eq!(Check::from(Duration::from_secs(10)), Check::default());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    pub(crate) counts_for_readiness: bool,
}

/// The default interval: as often as Kubernetes probes.
const INTERVAL: Duration = Duration::from_secs(10);

/// The default limit.
const TIMEOUT: Duration = Duration::from_secs(5);

impl Default for Check {
    /// Every 10 s, with a limit of 5 s, for `/health` alone.
    fn default() -> Self {
        Self::every(INTERVAL)
    }
}

impl From<Duration> for Check {
    fn from(interval: Duration) -> Self {
        Self::every(interval)
    }
}

impl Check {
    /// Runs at once when the server starts, and then this long after each beginning; a run that takes longer is followed by
    /// the next at once. Zero is refused when the settings are applied.
    pub fn every(interval: Duration) -> Self {
        Self {
            interval,
            timeout: TIMEOUT,
            counts_for_readiness: false,
        }
    }

    /// How long a run may take. Default 5 s; zero is refused when the settings are applied. A run that has not ended then is
    /// a failure: an async check is aborted, a blocking one is left alone. Either runs again only once it has ended.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Makes it count for readiness: `/readyz` is 503 while its last result is a failure, is late, or is missing. The
    /// configuration's `readiness` does the same by name.
    #[must_use]
    pub fn ready(mut self) -> Self {
        self.counts_for_readiness = true;
        self
    }

    /// True if a result of this age is too old to count.
    fn is_late(&self, age: Duration) -> bool {
        age > self.interval.saturating_add(self.timeout)
    }

    /// The verdict on a result of this age; `Err` with the age of the check itself where there is none yet.
    fn judge(
        &self,
        last: Result<(&CheckResult, Duration), Duration>,
    ) -> (HealthStatus, Option<Arc<str>>) {
        let (status, age, output) = match last {
            Ok((Ok(()), age)) => (HealthStatus::Up, age, None),
            Ok((Err(output), age)) => (HealthStatus::Down, age, Some(Arc::clone(output))),
            Err(age) => (HealthStatus::Unknown, age, None),
        };
        if status == HealthStatus::Down || !self.is_late(age) {
            return (status, output);
        }
        let late = format!("late: no result for {:.1} s", age.as_secs_f64());
        (HealthStatus::Down, Some(late.into()))
    }
}

/// The outcome of a run, with a failure's text.
type CheckResult = Result<(), Arc<str>>;

/// A check as it is registered.
#[derive(Debug, Clone)]
pub(crate) struct Registered {
    pub(crate) name: Arc<str>,
    pub(crate) check: Check,
    pub(crate) probe: Probe,
}

/// What a run of a check's own code gives.
type RunResult = Result<(), String>;

type RunFuture = Pin<Box<dyn Future<Output = RunResult> + Send>>;

/// The code of a check.
#[derive(Clone)]
pub(crate) enum Probe {
    Async(Arc<dyn Fn() -> RunFuture + Send + Sync>),
    Blocking(Arc<dyn Fn() -> RunResult + Send + Sync>),
}

impl Probe {
    pub(crate) fn of_future<S, F, Fut, E>(state: S, probe: F) -> Self
    where
        S: Clone + Send + Sync + 'static,
        F: Fn(S) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display + 'static,
    {
        Self::Async(Arc::new(move || {
            let run = probe(state.clone());
            Box::pin(async move { run.await.map_err(|error| error.to_string()) })
        }))
    }

    pub(crate) fn of_call<F, E>(probe: F) -> Self
    where
        F: Fn() -> Result<(), E> + Send + Sync + 'static,
        E: fmt::Display,
    {
        Self::Blocking(Arc::new(move || probe().map_err(|error| error.to_string())))
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Async(_) => "Async(..)",
            Self::Blocking(_) => "Blocking(..)",
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What runs of checks record in: a storage that is not exported.
fn unrecorded() -> Monitor {
    static UNRECORDED: OnceLock<Monitor> = OnceLock::new();
    *UNRECORDED.get_or_init(|| Monitor::new(StorageConfig::default()))
}

/// The named checks of one server.
#[derive(Debug)]
pub(crate) struct Checks {
    table: Mutex<BTreeMap<Arc<str>, Running>>,
    /// From the start to the stop.
    host: Mutex<Option<CheckHost>>,
    /// The service's own runtime, where it is known.
    service: Option<Handle>,
    changed: Arc<Notify>,
}

/// Where checks run.
#[derive(Debug)]
struct CheckHost {
    scheduler: Handle,
    pool: Pool,
    /// Has the scheduler, where nothing serves.
    _own: Option<CheckRuntime>,
}

/// A check with its schedule, which ends when this is dropped.
#[derive(Debug)]
struct Running {
    schedule: AbortHandle,
    entry: Arc<Entry>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.schedule.abort();
    }
}

impl Checks {
    pub(crate) fn new(service: Option<Handle>, changed: Arc<Notify>) -> Self {
        Self {
            table: Mutex::default(),
            host: Mutex::default(),
            service,
            changed,
        }
    }

    /// From now on checks can run, scheduled on this runtime, until [`stop`](Self::stop).
    pub(crate) fn start(&self, scheduler: Handle, pool: Pool, checks: Vec<Registered>) {
        let host = CheckHost {
            scheduler,
            pool,
            _own: None,
        };
        self.start_on(host, checks);
    }

    /// The same where no runtime serves.
    pub(crate) async fn start_alone(&self, pool: Pool, checks: Vec<Registered>) -> io::Result<()> {
        let own = CheckRuntime::start(&pool).await?;
        let host = CheckHost {
            scheduler: own.handle.clone(),
            pool,
            _own: Some(own),
        };
        self.start_on(host, checks);
        Ok(())
    }

    fn start_on(&self, host: CheckHost, checks: Vec<Registered>) {
        *lock(&self.host) = Some(host);
        for check in checks {
            self.begin(check);
        }
    }

    /// Begins to run a check, in the place of an earlier one of its name, whose last result stands until its first, unless it
    /// would be late by its times. Nothing happens before [`start`](Self::start) and after [`stop`](Self::stop).
    pub(crate) fn begin(&self, registered: Registered) {
        let host = lock(&self.host);
        let Some(CheckHost {
            scheduler, pool, ..
        }) = &*host
        else {
            return;
        };
        let name = Arc::clone(&registered.name);
        let mut table = lock(&self.table);
        let earlier = table.get(&name).map(|earlier| &*earlier.entry);
        let entry = Entry::new(registered, self.service.clone(), pool.clone(), earlier);
        let entry = Arc::new(entry);
        let schedule = schedule(Arc::clone(&entry), Arc::clone(&self.changed));
        let schedule = scheduler.spawn(schedule).abort_handle();
        let earlier = table.insert(name, Running { schedule, entry });
        drop((table, host));
        drop(earlier);
        self.changed.notify_one();
    }

    /// Ends a check; true if there was one of this name.
    pub(crate) fn remove(&self, name: &str) -> bool {
        let removed = lock(&self.table).remove(name);
        if removed.is_some() {
            self.changed.notify_one();
        }
        removed.is_some()
    }

    /// Ends all of them, for good.
    pub(crate) fn stop(&self) {
        let host = lock(&self.host).take();
        let table = std::mem::take(&mut *lock(&self.table));
        drop((table, host));
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        lock(&self.table).contains_key(name)
    }

    /// True if one of them is to count for readiness by [`Check::ready`].
    pub(crate) fn any_ready(&self) -> bool {
        let table = lock(&self.table);
        table
            .values()
            .any(|running| running.entry.check.counts_for_readiness)
    }

    /// How each is now, by name.
    pub(crate) fn reports(&self) -> Vec<HealthPart> {
        let table = lock(&self.table);
        let entries = table.values().map(|running| &running.entry);
        entries.map(|entry| entry.report()).collect()
    }
}

/// A check, its last result, and where it runs.
#[derive(Debug)]
struct Entry {
    name: Arc<str>,
    check: Check,
    probe: Probe,
    service: Option<Handle>,
    pool: Pool,
    since: Instant,
    last: Mutex<Option<(CheckResult, Instant)>>,
}

impl Entry {
    fn new(
        registered: Registered,
        service: Option<Handle>,
        pool: Pool,
        earlier: Option<&Self>,
    ) -> Self {
        let Registered { name, check, probe } = registered;
        let last = earlier.and_then(|earlier| lock(&earlier.last).clone());
        let is_young = |(_, at): &(CheckResult, Instant)| !check.is_late(at.elapsed());
        Self {
            last: Mutex::new(last.filter(is_young)),
            name,
            check,
            probe,
            service,
            pool,
            since: Instant::now(),
        }
    }

    fn report(&self) -> HealthPart {
        let last = lock(&self.last);
        let aged = last
            .as_ref()
            .map(|(result, at)| (result, at.elapsed()))
            .ok_or_else(|| self.since.elapsed());
        let age = aged.as_ref().ok().map(|(_, age)| *age);
        let (status, output) = self.check.judge(aged);
        let reason = output
            .as_ref()
            .map(|output| format!("check `{}`: {output}", self.name));
        HealthPart {
            name: Arc::clone(&self.name),
            status,
            age,
            reason,
            details: PartDetails::Check {
                check: self.check.clone(),
                output,
            },
        }
    }

    /// Keeps a result, and logs it where the check begins or ceases to fail.
    fn note(&self, result: CheckResult) {
        let name = Arc::clone(&self.name);
        let output = result.as_ref().err().cloned();
        let before = lock(&self.last).replace((result, Instant::now()));
        let had_failed = before.map(|(result, _)| result.is_err());
        match output {
            Some(output) if had_failed != Some(true) => {
                // Quoted: it may hold anything, and the log has a line for each event.
                log(move || tracing::warn!(check = %name, ?output, "a check fails"));
            }
            None if had_failed == Some(true) => {
                log(move || tracing::info!(check = %name, "a check is well again"));
            }
            _ => {}
        }
    }

    /// Begins a run. Where the service's runtime is not known, the futures of its runs share `own`.
    async fn run(&self, own: &mut Option<CheckRuntime>) -> io::Result<Run> {
        match (&self.probe, &self.service) {
            (Probe::Blocking(probe), _) => Ok(call(Arc::clone(probe), self.pool.clone())),
            (Probe::Async(probe), Some(service)) => Ok(spawn(Arc::clone(probe), service)),
            (Probe::Async(probe), None) => {
                let runtime = match own.take() {
                    Some(runtime) => runtime,
                    None => CheckRuntime::start(&self.pool).await?,
                };
                Ok(spawn(Arc::clone(probe), &own.insert(runtime).handle))
            }
        }
    }
}

impl Drop for Entry {
    /// The schedule may hold it last, on the thread that serves: the check's own values are dropped on the pool.
    fn drop(&mut self) {
        let nothing = Probe::of_call(|| Ok::<(), String>(()));
        let probe = std::mem::replace(&mut self.probe, nothing);
        // An error: there is no thread, and they are dropped here.
        let _ = self.pool.run(move || drop(probe));
    }
}

/// A runtime on a thread of the pool that records nothing. It ends when this is dropped, unless a check blocks it: then, as soon
/// as that returns.
#[derive(Debug)]
struct CheckRuntime {
    handle: Handle,
    _stop: oneshot::Sender<()>,
}

impl CheckRuntime {
    async fn start(pool: &Pool) -> io::Result<Self> {
        let (stop, stopped) = oneshot::channel::<()>();
        let spawn = |job| pool.run(move || unrecorded().scope_sync(job));
        // An error of `stopped`: the sender is gone, which is the signal.
        let set_up = || Ok((Handle::current(), stopped));
        Ok(Self {
            handle: start_runtime(spawn, set_up).await?,
            _stop: stop,
        })
    }
}

/// A run under way. Dropped, it is aborted, or left alone where it blocks.
struct Run {
    end: RunFuture,
    abort: Option<AbortHandle>,
    begun: Arc<AtomicBool>,
}

const PANICKED: &str = "it panicked";

/// Runs a check's future on this runtime; what the check does to make it happens there, too.
fn spawn(probe: Arc<dyn Fn() -> RunFuture + Send + Sync>, runtime: &Handle) -> Run {
    let begun = Arc::new(AtomicBool::new(false));
    let begins = Arc::clone(&begun);
    let run = unrecorded().scope(async move {
        // Relaxed: it publishes nothing.
        begins.store(true, Ordering::Relaxed);
        probe().await
    });
    // A set, because it aborts what is in it when it is dropped.
    let mut task = JoinSet::new();
    let abort = Some(task.spawn_on(run, runtime));
    let end = Box::pin(async move {
        match task.join_next().await {
            Some(Ok(result)) => result,
            Some(Err(error)) if error.is_panic() => Err(PANICKED.to_owned()),
            _ => Err("the runtime that it runs on has stopped".to_owned()),
        }
    });
    Run { end, abort, begun }
}

fn call(probe: Arc<dyn Fn() -> RunResult + Send + Sync>, pool: Pool) -> Run {
    let run = move || {
        let run = AssertUnwindSafe(|| unrecorded().scope_sync(|| probe()));
        catch_unwind(run).unwrap_or_else(|_| Err(PANICKED.to_owned()))
    };
    let end = Box::pin(async move {
        let result = pool.call(run).await;
        result.unwrap_or_else(|| Err("there was no thread to run it on".to_owned()))
    });
    Run {
        end,
        abort: None,
        begun: Arc::new(AtomicBool::new(true)),
    }
}

/// Runs a check for ever, one run at a time.
async fn schedule(entry: Arc<Entry>, changed: Arc<Notify>) {
    let Check {
        interval, timeout, ..
    } = entry.check;
    let mut own = None;
    loop {
        let begin = Instant::now();
        match entry.run(&mut own).await {
            Ok(mut run) => {
                let in_time = tokio::time::timeout(timeout, &mut run.end).await;
                let overran = in_time.is_err();
                entry.note(result_of(in_time.ok(), timeout, &run));
                changed.notify_one();
                if overran {
                    if let Some(abort) = &run.abort {
                        abort.abort();
                    }
                    // However long it takes, so that there is never more than one.
                    let _ = run.end.await;
                }
            }
            Err(error) => entry.note(Err(format!("it could not be run: {error}").into())),
        }
        // Where the clock cannot hold it, the next run is never.
        match begin.checked_add(interval) {
            Some(next) => tokio::time::sleep_until(next).await,
            None => std::future::pending().await,
        }
    }
}

/// What is kept of a run that has ended with this, or has not ended within its limit.
fn result_of(ended: Option<RunResult>, limit: Duration, run: &Run) -> CheckResult {
    let result = ended.unwrap_or_else(|| {
        let is_busy = !run.begun.load(Ordering::Relaxed);
        let why = if is_busy {
            ": the runtime that it runs on is busy"
        } else {
            ""
        };
        Err(format!("no answer within {limit:?}{why}"))
    });
    result.map_err(|output| bounded(output).into())
}

/// Longest text of a failure that is kept, in bytes.
const MAX_OUTPUT: usize = 1024;

/// Cut at a character's border.
fn bounded(mut output: String) -> String {
    if output.len() > MAX_OUTPUT {
        let end = (0..=MAX_OUTPUT)
            .rev()
            .find(|at| output.is_char_boundary(*at));
        output.truncate(end.unwrap_or(0));
        output.push_str("..");
    }
    output
}

#[cfg(test)]
mod tests;
