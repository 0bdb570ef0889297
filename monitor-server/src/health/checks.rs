//! Named checks: when each runs, on which threads, and how its last result is judged.
//!
//! # Who runs what
//!
//! The schedule of a check ([`schedule`]) is a task of our own code on the runtime that serves: it begins a run, waits
//! for its end at most as long as its limit, and keeps the result. The code of the check itself never runs there, and
//! none of its values is dropped there:
//!
//! - A blocking check is a job of the server's pool.
//! - An async check is a task of the service's runtime, if that is known: given with
//!   [`MonitorConfig::check_runtime`](crate::MonitorConfig::check_runtime), or the one that the server was started in.
//!   At its limit it is aborted.
//! - Else an async check has a [`CheckRuntime`], driven by a thread of the pool for as long as the check lives, as its
//!   connections need it.
//!
//! So a check that blocks inside of async code harms what shares its runtime, and neither the server nor another
//! check's schedule. A run that does not end, whichever kind it is, is `DOWN` at its limit and the last until it has
//! ended.
//!
//! A [`MetricServer`](crate::MetricServer) that is mounted has no runtime that serves: there a [`CheckRuntime`] has the
//! schedules.
//!
//! # Recording
//!
//! Calls of monitored functions within a check are no calls of the service: runs have the scope of a storage that is
//! not exported. Scopes belong to a thread or a future. So what a check spawns is unrecorded on a [`CheckRuntime`],
//! whose whole thread is in the scope, and recorded on the service's runtime, and so is what it hands to other threads.
//!
//! # Hand-overs
//!
//! The mutex of `last` orders a result before its reader; the mutex of the table is held for moments, and never while a
//! value of a check is dropped.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use monitor_core::{HealthStatus, Monitor, StorageConfig};
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::{HealthPart, PartDetails};
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
    /// Runs at once when the server starts, and then this long after each beginning; a run that takes longer is
    /// followed by the next at once. Zero is refused when the settings are applied.
    pub fn every(interval: Duration) -> Self {
        Self {
            interval,
            timeout: TIMEOUT,
            counts_for_readiness: false,
        }
    }

    /// How long a run may take. Default 5 s; zero is refused when the settings are applied. A run that has not ended
    /// then is a failure: an async check is aborted, a blocking one is left alone. Either runs again only once it has
    /// ended.
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

    /// The verdict on the last result and its age; without a result, on the age of the check itself.
    fn judge(&self, last: Option<&CheckResult>, age: Duration) -> (HealthStatus, Option<Arc<str>>) {
        match last {
            Some(Err(output)) => (HealthStatus::Down, Some(Arc::clone(output))),
            _ if self.is_late(age) => {
                let late = format!("late: no result for {:.1} s", age.as_secs_f64());
                (HealthStatus::Down, Some(late.into()))
            }
            Some(Ok(())) => (HealthStatus::Up, None),
            None => (HealthStatus::Unknown, None),
        }
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
    /// Where the schedules are, and the pool; from the start to the stop.
    host: Mutex<Option<(Handle, Pool)>>,
    /// Has the schedules where nothing serves.
    own: OnceLock<CheckRuntime>,
    /// The service's own runtime, where it is known.
    service: Option<Handle>,
    changed: Arc<Notify>,
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
            own: OnceLock::new(),
            service,
            changed,
        }
    }

    /// From now on checks can run, scheduled on this runtime, until [`stop`](Self::stop).
    pub(crate) fn start(&self, scheduler: Handle, pool: Pool, checks: Vec<Registered>) {
        *lock(&self.host) = Some((scheduler, pool));
        for check in checks {
            self.begin(check);
        }
    }

    /// The same where no runtime serves.
    pub(crate) async fn start_alone(&self, pool: Pool, checks: Vec<Registered>) -> io::Result<()> {
        let own = CheckRuntime::start(&pool).await?;
        let scheduler = own.handle.clone();
        let _ = self.own.set(own);
        self.start(scheduler, pool, checks);
        Ok(())
    }

    /// Begins to run a check, in the place of an earlier one of its name, whose last result stands until its first,
    /// unless it would be late by its times. Nothing happens before [`start`](Self::start) and after
    /// [`stop`](Self::stop).
    pub(crate) fn begin(&self, registered: Registered) {
        let host = lock(&self.host);
        let Some((scheduler, pool)) = &*host else {
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
        let removed = lock(&self.table).remove(name).is_some();
        self.changed.notify_one();
        removed
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
        let result = last.as_ref().map(|(result, _)| result);
        let age = last.as_ref().map_or(self.since, |(_, at)| *at).elapsed();
        let (status, output) = self.check.judge(result, age);
        let reason = |output| format!("check `{}`: {output}", self.name);
        HealthPart {
            name: Arc::clone(&self.name),
            key: Arc::clone(&self.name),
            status,
            age: result.map(|_| age),
            reason: output.as_ref().map(reason),
            details: PartDetails::Check(self.check.clone(), output),
        }
    }

    /// Keeps a result, and logs it where the check begins or ceases to fail.
    fn note(&self, result: CheckResult) {
        let (name, now) = (Arc::clone(&self.name), result.clone());
        let before = lock(&self.last).replace((result, Instant::now()));
        let had_failed = before.is_some_and(|(before, _)| before.is_err());
        if had_failed != now.is_err() {
            log(move || {
                // Quoted: it may hold anything, and the log has a line for each event.
                if let Err(output) = now {
                    tracing::warn!(check = %name, ?output, "a check fails");
                } else {
                    tracing::info!(check = %name, "a check is well again");
                }
            });
        }
    }

    /// Begins a run, which reports that it has begun, and its answer. Dropping the other end of `stopped` drops a
    /// future; a call goes on. Where the service's runtime is not known, the futures of the check share `own`.
    async fn begin(
        &self,
        answer: AnswerSender,
        stopped: oneshot::Receiver<()>,
        own: &mut Option<CheckRuntime>,
    ) -> io::Result<()> {
        match &self.probe {
            Probe::Blocking(probe) => {
                let probe = Arc::clone(probe);
                let call = move || answer.begun().send(probe());
                self.pool.run(|| unrecorded().scope_sync(call))
            }
            Probe::Async(probe) => {
                let probe = Arc::clone(probe);
                let run = unrecorded().scope(async move {
                    let answer = answer.begun();
                    tokio::select! {
                        // First: a run that is stopped before it has begun asks nothing.
                        biased;
                        _ = stopped => {}
                        result = probe() => answer.send(result),
                    }
                });
                if self.service.is_none() && own.is_none() {
                    *own = Some(CheckRuntime::start(&self.pool).await?);
                }
                let own = own.as_ref().map(|own| &own.handle);
                if let Some(runtime) = self.service.as_ref().or(own) {
                    runtime.spawn(run);
                }
                Ok(())
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

/// A runtime on a thread of the pool that records nothing. It ends when this is dropped, unless a check blocks it:
/// then, as soon as that returns.
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
        let ((), handle) = start_runtime(spawn, set_up).await?;
        Ok(Self {
            handle,
            _stop: stop,
        })
    }
}

/// The end of a run that answers.
struct AnswerSender {
    sender: Option<oneshot::Sender<RunResult>>,
    begun: Arc<AtomicBool>,
}

impl AnswerSender {
    fn begun(self) -> Self {
        // Relaxed: it publishes nothing.
        self.begun.store(true, Ordering::Relaxed);
        self
    }

    fn send(mut self, result: RunResult) {
        if let Some(sender) = self.sender.take() {
            // An error: the check was removed.
            let _ = sender.send(result);
        }
    }
}

impl Drop for AnswerSender {
    fn drop(&mut self) {
        if let Some(sender) = self.sender.take()
            && std::thread::panicking()
        {
            let _ = sender.send(Err("it panicked".to_owned()));
        }
    }
}

/// Runs a check for ever, one run at a time.
async fn schedule(entry: Arc<Entry>, changed: Arc<Notify>) {
    let limit = entry.check.timeout;
    let mut own = None;
    loop {
        let start = Instant::now();
        let (sender, mut answer) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        let begun = Arc::new(AtomicBool::new(false));
        let sender = AnswerSender {
            sender: Some(sender),
            begun: Arc::clone(&begun),
        };
        let result = match entry.begin(sender, stopped, &mut own).await {
            Ok(()) => tokio::time::timeout(limit, &mut answer).await,
            Err(error) => Ok(Ok(Err(format!("it could not be run: {error}")))),
        };
        let overran = result.is_err();
        entry.note(match result {
            Ok(Ok(result)) => result.map_err(|output| bounded(&output)),
            Ok(Err(_)) => Err("the runtime that it runs on has stopped".into()),
            Err(_) if begun.load(Ordering::Relaxed) => {
                Err(format!("no answer within {limit:?}").into())
            }
            Err(_) => Err(format!(
                "no answer within {limit:?}: the runtime that it runs on is busy"
            )
            .into()),
        });
        changed.notify_one();
        if overran {
            drop(stop);
            // However long it takes, so that there is never more than one.
            let _ = answer.await;
        }
        // Where the clock cannot hold it, the next run is never.
        match start.checked_add(entry.check.interval) {
            Some(next) => tokio::time::sleep_until(next).await,
            None => std::future::pending().await,
        }
    }
}

/// Longest text of a failure that is kept, in bytes.
const MAX_OUTPUT: usize = 1024;

/// Cut at a character's border.
fn bounded(output: &str) -> Arc<str> {
    let mut ends = 0..=output.len().min(MAX_OUTPUT);
    let end = ends.rfind(|end| output.is_char_boundary(*end)).unwrap_or(0);
    let rest = if end < output.len() { ".." } else { "" };
    format!("{}{rest}", &output[..end]).into()
}

#[cfg(test)]
mod tests;
