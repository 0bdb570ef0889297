//! The section `tasks`: the user's own tasks by id, and since when each runs. All of it is under one lock, as tasks
//! come and go far less often than calls.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::sync::{Mutex, lock};
use crate::data::snapshot::TaskTotals;
use crate::data::value::{StatNumber, StatValue};

use super::keyed::StatsError;

/// Running tasks by id, and what became of the others.
///
/// # Consistency
///
/// All under one lock: `started = completed + in flight` at any moment, but for ids that were replaced while they ran.
#[derive(Default)]
pub(super) struct TaskSection(Mutex<Tasks>);

#[derive(Default)]
struct Tasks {
    running: BTreeMap<String, TaskStart>,
    /// Of the tasks that were started and completed. The busy time is the most that was ever reported: a clock that is
    /// set back must not take it back.
    totals: TaskTotals,
}

struct TaskStart {
    unix: f64,
    as_given: StatValue,
}

impl TaskSection {
    /// Begins a task. One of the same id that still runs is forgotten, started but never completed: the original's
    /// contract, which counts each `add` as a start and each `del` as an end.
    pub(super) fn add(&self, id: &str, start: StatValue) -> Result<(), StatsError> {
        let unix = start
            .as_number()
            .map(StatNumber::as_f64)
            .filter(|unix| unix.is_finite())
            .ok_or_else(|| StatsError::NotAStartTime { id: id.into() })?;
        let start = TaskStart {
            unix,
            as_given: start,
        };
        let mut tasks = lock(&self.0);
        tasks.totals.started += 1;
        tasks.running.insert(id.to_owned(), start);
        Ok(())
    }

    /// Ends a task and returns its start as it was given; nothing happens if none of this id runs.
    pub(super) fn remove(&self, id: &str, now_unix: f64) -> Option<StatValue> {
        let mut tasks = lock(&self.0);
        let ended = tasks.running.remove(id)?;
        tasks.totals.completed += 1;
        tasks.totals.completed_seconds += ended.age(now_unix);
        Some(ended.as_given)
    }

    /// Counts and ages at `now_unix`.
    pub(super) fn totals(&self, now_unix: f64) -> TaskTotals {
        let mut tasks = lock(&self.0);
        let mut totals = tasks.totals;
        totals.in_flight = tasks.running.len() as u64;
        for start in tasks.running.values() {
            let age = start.age(now_unix);
            totals.current_seconds += age;
            totals.current_max_seconds = totals.current_max_seconds.max(age);
        }
        let busy = totals.completed_seconds + totals.current_seconds;
        totals.busy_seconds = totals.busy_seconds.max(busy);
        tasks.totals.busy_seconds = totals.busy_seconds;
        totals
    }

    /// The running tasks by id, with their ages in seconds.
    pub(super) fn running(&self, now_unix: f64) -> Vec<(Arc<str>, f64)> {
        let tasks = lock(&self.0);
        let running = tasks.running.iter();
        running
            .map(|(id, start)| (Arc::from(&**id), start.age(now_unix)))
            .collect()
    }

    /// The running tasks by id, with their starts as given; `None` if there never was one.
    pub(super) fn section(&self) -> Option<StatValue> {
        let tasks = lock(&self.0);
        let given = |(id, start): (&String, &TaskStart)| (id.clone(), start.as_given.clone());
        (tasks.totals.started > 0).then(|| tasks.running.iter().map(given).collect())
    }
}

impl TaskStart {
    /// Seconds since the start; 0 for one that is yet to come, as after the clock was set back.
    fn age(&self, now_unix: f64) -> f64 {
        (now_unix - self.unix).max(0.0)
    }
}
