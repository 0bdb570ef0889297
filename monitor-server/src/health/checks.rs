//! The named checks: who runs when, and what each gave last.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::check::{CheckReport, CheckResult, Registered};
use super::worker::Worker;
use crate::runtime::log::log;

/// The named checks of one server.
#[derive(Debug)]
pub(crate) struct Checks {
    table: Mutex<BTreeMap<Arc<str>, Running>>,
    stage: Mutex<Stage>,
    changed: Arc<Notify>,
}

/// Where checks are in their life.
#[derive(Debug, Default)]
enum Stage {
    /// There is no thread for them yet.
    #[default]
    Unprepared,
    Running(Worker),
    /// For good.
    Stopped,
}

/// A check that runs now and then.
#[derive(Debug)]
struct Running {
    task: AbortHandle,
    entry: Arc<Entry>,
}

#[derive(Debug)]
struct Entry {
    registered: Registered,
    since: Instant,
    last: Mutex<Option<(CheckResult, Instant)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Checks {
    pub(crate) fn new(changed: Arc<Notify>) -> Self {
        Self {
            table: Mutex::default(),
            stage: Mutex::default(),
            changed,
        }
    }

    /// Sees to the thread that checks run on.
    pub(crate) fn prepare(&self) -> io::Result<()> {
        let mut stage = lock(&self.stage);
        if matches!(*stage, Stage::Unprepared) {
            *stage = Stage::Running(Worker::start()?);
        }
        Ok(())
    }

    /// Begins to run a check, in the place of an earlier one of its name, whose last result stands until its first, unless it
    /// would be late by its times. Nothing happens without [`prepare`](Self::prepare), and after [`stop`](Self::stop).
    pub(crate) fn begin(&self, registered: Registered) {
        let stage = lock(&self.stage);
        let Stage::Running(worker) = &*stage else {
            return;
        };
        let name = Arc::clone(&registered.name);
        let mut table = lock(&self.table);
        let earlier = table.get(&name).map(|earlier| &*earlier.entry);
        let entry = Arc::new(Entry::new(registered, earlier));
        let task = worker
            .runtime()
            .spawn(keep_running(Arc::clone(&entry), Arc::clone(&self.changed)))
            .abort_handle();
        let earlier = table.insert(name, Running { task, entry });
        drop(table);
        if let Some(earlier) = earlier {
            earlier.task.abort();
        }
        self.changed.notify_one();
    }

    /// Ends a check; whether there was one of this name.
    pub(crate) fn remove(&self, name: &str) -> bool {
        let removed = lock(&self.table).remove(name);
        if let Some(removed) = &removed {
            removed.task.abort();
            self.changed.notify_one();
        }
        removed.is_some()
    }

    /// Ends all of them, and their thread, and lets go of what they hold.
    pub(crate) fn stop(&self) {
        let stage = std::mem::replace(&mut *lock(&self.stage), Stage::Stopped);
        if let Stage::Running(worker) = stage {
            worker.stop();
        }
        // What users' checks hold is dropped without a lock held: their `drop` may ask for anything.
        let table = std::mem::take(&mut *lock(&self.table));
        drop(table);
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        lock(&self.table).contains_key(name)
    }

    /// Whether one of them counts for readiness by its own mark.
    pub(crate) fn any_ready(&self) -> bool {
        let table = lock(&self.table);
        table
            .values()
            .any(|running| running.entry.registered.check.counts_for_readiness)
    }

    /// How each is now, by name.
    pub(crate) fn reports(&self) -> Vec<CheckReport> {
        let table = lock(&self.table);
        let entries = table.values().map(|running| &running.entry);
        entries.map(|entry| entry.report()).collect()
    }
}

impl Entry {
    fn new(registered: Registered, earlier: Option<&Self>) -> Self {
        let last = earlier.and_then(|earlier| lock(&earlier.last).clone());
        let is_young = |(_, at): &(CheckResult, Instant)| !registered.check.is_late(at.elapsed());
        Self {
            last: Mutex::new(last.filter(is_young)),
            since: Instant::now(),
            registered,
        }
    }

    fn report(&self) -> CheckReport {
        let Registered { name, check, .. } = &self.registered;
        let last = lock(&self.last);
        let aged = last
            .as_ref()
            .map(|(result, at)| (result, at.elapsed()))
            .ok_or_else(|| self.since.elapsed());
        let age = aged.as_ref().ok().map(|(_, age)| *age);
        let (status, output) = check.judge(aged);
        CheckReport {
            name: Arc::clone(name),
            check: check.clone(),
            status,
            age,
            output,
        }
    }

    /// Keeps a result, and tells the log where it is another than before.
    fn note(&self, result: CheckResult) {
        let name = Arc::clone(&self.registered.name);
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
}

/// Runs a check for ever, one run at a time.
async fn keep_running(entry: Arc<Entry>, changed: Arc<Notify>) {
    let check = &entry.registered.check;
    loop {
        let begun = Instant::now();
        let run = entry.registered.probe.start();
        let (result, rest) = run.result(check.timeout).await;
        entry.note(result);
        changed.notify_one();
        if let Some(rest) = rest {
            rest.end().await;
        }
        // Where the clock cannot hold it, the next run is never.
        match begun.checked_add(check.interval) {
            Some(next) => tokio::time::sleep_until(next).await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests;
