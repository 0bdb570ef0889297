//! Named checks: when each runs, on which threads, and how its last result is judged.
//!
//! A kind of check is a variant of [`CheckCode`] (a future, a blocking function), and `Entry::begin` decides where its
//! runs go. Checks are added through `MonitorConfig` (`config/health.rs`) or, while the server runs, `MonitorServer`
//! (`run.rs`).
//!
//! # Threads
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
//! So a check that blocks inside of async code harms the tasks that share its runtime, and neither the server nor
//! another check's schedule. A run that does not end, whichever kind it is, is `DOWN` at its limit and the last until
//! it has ended.
//!
//! A [`MetricServer`](crate::MetricServer) that is mounted has no runtime that serves: there a [`CheckRuntime`] has the
//! schedules.
//!
//! # Recording
//!
//! Calls of monitored functions within a check are no calls of the service: runs have the scope of a storage that is
//! not exported. Scopes belong to a thread or a future. So a task that a check spawns is unrecorded on a
//! [`CheckRuntime`], whose whole thread is in the scope, and recorded on the service's runtime, and so is work that it
//! hands to other threads.
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
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use monitor_core::{HealthStatus, Monitor, StorageConfig};
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use super::{HealthPart, LastRun, PartDetails};
use crate::runtime::log::log;
use crate::runtime::pool::Pool;
use crate::runtime::{OwnRuntime, lock};

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
    pub(crate) fn is_late(&self, age: Duration) -> bool {
        age > self.interval.saturating_add(self.timeout)
    }

    /// The verdict on the last result and its age; without a result, on the age of the check itself.
    fn judge(&self, last: Option<&RunResult>, age: Duration) -> (HealthStatus, Option<Arc<str>>) {
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

/// A check as it is registered.
#[derive(Debug, Clone)]
pub(crate) struct Registered {
    pub(crate) name: Arc<str>,
    pub(crate) check: Check,
    pub(crate) probe: CheckCode,
}

/// The outcome of a run, with the text of a failure.
type RunResult = Result<(), Arc<str>>;

type RunFuture = Pin<Box<dyn Future<Output = RunResult> + Send>>;

/// The code of a check.
#[derive(Clone)]
pub(crate) enum CheckCode {
    Async(Arc<dyn Fn() -> RunFuture + Send + Sync>),
    Blocking(Arc<dyn Fn() -> RunResult + Send + Sync>),
}

impl CheckCode {
    pub(crate) fn of_future<S, F, Fut, E>(state: S, probe: F) -> Self
    where
        S: Clone + Send + Sync + 'static,
        F: Fn(S) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display + 'static,
    {
        Self::Async(Arc::new(move || {
            let run = probe(state.clone());
            Box::pin(async move { run.await.map_err(as_text) })
        }))
    }

    pub(crate) fn of_call<F, E>(probe: F) -> Self
    where
        F: Fn() -> Result<(), E> + Send + Sync + 'static,
        E: fmt::Display,
    {
        Self::Blocking(Arc::new(move || probe().map_err(as_text)))
    }
}

impl fmt::Debug for CheckCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Async(_) => "Async(..)",
            Self::Blocking(_) => "Blocking(..)",
        })
    }
}

/// The storage that runs of checks record in, which is not exported.
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
    pub(crate) fn start_alone(&self, pool: Pool, checks: Vec<Registered>) -> io::Result<()> {
        let own = CheckRuntime::start(&pool)?;
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
        // Dropped without the lock: values of the service's code go with it.
        let removed = lock(&self.table).remove(name);
        self.changed.notify_one();
        removed.is_some()
    }

    /// Ends all of them, for good.
    pub(crate) fn stop(&self) {
        let host = lock(&self.host).take();
        let table = std::mem::take(&mut *lock(&self.table));
        drop((table, host));
    }

    /// The service's runtime, where it is known.
    pub(crate) fn service(&self) -> Option<&Handle> {
        self.service.as_ref()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        lock(&self.table).contains_key(name)
    }

    /// True if one of them is to count for readiness by [`Check::ready`].
    pub(crate) fn any_ready(&self) -> bool {
        let table = lock(&self.table);
        table
            .values()
            .any(|running| running.entry.registered.check.counts_for_readiness)
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
    registered: Registered,
    service: Option<Handle>,
    pool: Pool,
    since: Instant,
    last: Mutex<Option<(RunResult, Instant)>>,
}

impl Entry {
    fn new(
        registered: Registered,
        service: Option<Handle>,
        pool: Pool,
        earlier: Option<&Self>,
    ) -> Self {
        let last = earlier.and_then(|earlier| lock(&earlier.last).clone());
        let is_young = |(_, at): &(RunResult, Instant)| !registered.check.is_late(at.elapsed());
        Self {
            last: Mutex::new(last.filter(is_young)),
            registered,
            service,
            pool,
            since: Instant::now(),
        }
    }

    fn report(&self) -> HealthPart {
        let last = lock(&self.last);
        let result = last.as_ref().map(|(result, _)| result);
        let age = last.as_ref().map_or(self.since, |(_, at)| *at).elapsed();
        let Registered { name, check, .. } = &self.registered;
        let (status, output) = check.judge(result, age);
        let reason = |output| format!("check `{name}`: {output}");
        HealthPart {
            name: Arc::clone(name),
            key: Arc::clone(name),
            status,
            age: result.map(|_| age),
            reason: output.as_ref().map(reason),
            counts_for_readiness: check.counts_for_readiness,
            run: last.as_ref().map(|(result, at)| LastRun {
                at: at.into_std(),
                is_well: result.is_ok(),
            }),
            details: PartDetails::Check(check.clone(), output),
        }
    }

    /// Keeps a result, and logs it where the check begins or ceases to fail.
    fn note(&self, result: RunResult) {
        let (name, now) = (Arc::clone(&self.registered.name), result.clone());
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

    /// Begins a run, which sets the flag when it has begun: the one task of the set. Dropping the set aborts a future; a
    /// call goes on. Where the service's runtime is not known, the futures of the check share `own`.
    fn begin(
        &self,
        begun: Arc<AtomicBool>,
        own: &mut Option<CheckRuntime>,
    ) -> io::Result<JoinSet<RunResult>> {
        // Relaxed: it publishes nothing.
        let note = move || begun.store(true, Ordering::Relaxed);
        let mut run = JoinSet::new();
        match self.registered.probe.clone() {
            CheckCode::Blocking(probe) => {
                let (sender, result) = oneshot::channel();
                self.pool.run(move || {
                    note();
                    // An error: the check was removed.
                    let _ = sender.send(unrecorded().scope_sync(|| probe()));
                })?;
                run.spawn(async { result.await.unwrap_or_else(|_| Err(PANICKED.into())) });
            }
            CheckCode::Async(probe) => {
                let future = unrecorded().scope(async move {
                    note();
                    probe().await
                });
                let runtime = match (&self.service, &mut *own) {
                    (Some(service), _) => service,
                    (None, Some(own)) => &own.handle,
                    (None, own) => &own.insert(CheckRuntime::start(&self.pool)?).handle,
                };
                run.spawn_on(future, runtime);
            }
        }
        Ok(run)
    }

    /// Runs the check once, to the end of the run; one that overruns is noted before that.
    async fn run(&self, own: &mut Option<CheckRuntime>, changed: &Notify) {
        let begun = Arc::new(AtomicBool::new(false));
        let mut run = match self.begin(Arc::clone(&begun), own) {
            Ok(run) => run,
            Err(error) => {
                self.note(Err(format!("it could not be run: {error}").into()));
                return changed.notify_one();
            }
        };
        let limit = self.registered.check.timeout;
        let ended = tokio::time::timeout(limit, run.join_next()).await;
        let overran = ended.is_err();
        self.note(match ended {
            Ok(Some(Ok(result))) => result,
            Ok(Some(Err(error))) if error.is_panic() => {
                drop_on(&self.pool, error);
                Err(PANICKED.into())
            }
            Ok(_) => Err("the runtime that it runs on has stopped".into()),
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
            if let CheckCode::Async(_) = self.registered.probe {
                run.abort_all();
            }
            // However long it takes, so that there is never more than one.
            drop_on(&self.pool, run.join_next().await);
        }
    }
}

/// The text of a run that panicked.
const PANICKED: &str = "it panicked";

/// Drops a value of a check's own on the pool. Where there is no thread, it is dropped here.
fn drop_on(pool: &Pool, value: impl Send + 'static) {
    let _ = pool.run(move || drop(value));
}

impl Drop for Entry {
    /// The schedule may hold it last, on the thread that serves.
    fn drop(&mut self) {
        let nothing = CheckCode::of_call(|| Ok::<(), String>(()));
        let probe = std::mem::replace(&mut self.registered.probe, nothing);
        drop_on(&self.pool, probe);
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
    fn start(pool: &Pool) -> io::Result<Self> {
        let runtime = OwnRuntime::new()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        // An error of `stopped`: the sender is gone, which is the signal.
        let drive = move || drop(runtime.block_on(stopped));
        pool.run(|| unrecorded().scope_sync(drive))?;
        Ok(Self {
            handle,
            _stop: stop,
        })
    }
}

/// Runs a check for ever, one run at a time.
async fn schedule(entry: Arc<Entry>, changed: Arc<Notify>) {
    let mut own = None;
    loop {
        let start = Instant::now();
        entry.run(&mut own, &changed).await;
        // Where the clock cannot hold it, the next run is never.
        match start.checked_add(entry.registered.check.interval) {
            Some(next) => tokio::time::sleep_until(next).await,
            None => std::future::pending().await,
        }
    }
}

/// Longest text of a failure that is kept, in bytes.
const MAX_OUTPUT: usize = 1024;

/// The text of a failure, cut at a character's border.
pub(super) fn as_text(failure: impl fmt::Display) -> Arc<str> {
    let output = failure.to_string();
    let mut ends = 0..=output.len().min(MAX_OUTPUT);
    let end = ends.rfind(|end| output.is_char_boundary(*end)).unwrap_or(0);
    let rest = if end < output.len() { ".." } else { "" };
    format!("{}{rest}", &output[..end]).into()
}

#[cfg(test)]
mod tests;
