//! `MonitorStorage`: both planes behind the original's verbs.

pub(crate) mod collect;
pub(crate) mod idle;
mod metrics;
pub(crate) mod newest;
#[cfg(all(test, not(monitor_loom)))]
pub(crate) mod parking;
pub(crate) mod points;
mod running;
mod stats_map;
mod statuses;
#[cfg(all(test, not(monitor_loom)))]
mod tests;
mod warnings;

use std::fmt;
use std::sync::Arc;

pub use self::warnings::StartUpWarning;

use crate::data::snapshot::{RunningTask, Snapshot, StatsMap, StatusSnapshot};
use crate::data::status::TaskStatus;
use crate::data::value::{StatNumber, StatValue};
use crate::errors::ErrorParser;
use crate::metrics::keyed::{Keep, StatCounter, StatsError};
use crate::recording::config::StorageConfig;
use crate::recording::exemplar::ExemplarProvider;
use crate::recording::method::MethodCore;
use crate::recording::store::StorageCore;

/// Everything recorded: calls (through [`Method`](crate::Method) and `#[monitored]`) and values by key.
///
/// A cheap handle, to be copied and used from any thread, with or without an async runtime: nothing here blocks on
/// I/O or waits for a scrape. What is behind it lives until the process ends, so make storages for a program or a
/// test, not for a request.
///
/// # Examples
///
/// ```
/// use monitor_core::{Monitor, StorageConfig};
///
/// let monitor = Monitor::new(StorageConfig::default());
/// monitor.inc_stats("jobs___queue__fast", 1)?;
/// monitor.inc_stats("jobs___queue__fast", 2)?;
/// assert_eq!(monitor.stats()["jobs___queue__fast"], 3.into());
/// # Ok::<(), monitor_core::StatsError>(())
/// ```
#[derive(Clone, Copy)]
pub struct MonitorStorage {
    core: &'static StorageCore,
}

impl MonitorStorage {
    pub(crate) fn of(core: &'static StorageCore) -> Self {
        Self { core }
    }

    pub(crate) fn core(self) -> &'static StorageCore {
        self.core
    }

    /// The number of this storage in the process.
    pub(crate) fn id(self) -> u64 {
        self.core.id
    }

    /// Adds to a number; a key that is not there begins at 0. Gives the new value. A sum beyond 64 bits becomes a double; NaN and
    /// the infinities are numbers too, and what they make of a key stays until it is set or removed.
    ///
    /// # Errors
    ///
    /// [`StatsError`] if the key holds something that is no number, or is reserved; nothing changes then.
    pub fn inc_stats(&self, key: &str, by: impl Into<StatNumber>) -> Result<StatValue, StatsError> {
        self.core.values.inc(key, by)
    }

    /// Sets a value of any kind. Numbers are exported, everything else only shows in [`stats`](Self::stats).
    ///
    /// # Errors
    ///
    /// [`StatsError`] if the key is reserved.
    #[doc(alias = "set_stat_sync")]
    pub fn set_stats(&self, key: &str, value: impl Into<StatValue>) -> Result<(), StatsError> {
        self.core.values.set(key, value.into())
    }

    /// Appends to a list, and observes a histogram for each name that holds `time` or `size`: the key's for a number,
    /// those of its entries for a map. What is negative or NaN is in the list, and
    /// refused by the histogram and counted (`monitor_refused_observations_total`): its sum would keep it for good.
    ///
    /// # Errors
    ///
    /// [`StatsError`] if the key holds something that is no list, or the list `stats` is given something that is no
    /// map.
    pub fn append_stats(
        &self,
        key: &str,
        value: impl Into<StatValue>,
        keep: Keep,
    ) -> Result<(), StatsError> {
        self.core.values.append(key, value.into(), keep)
    }

    /// Puts a value in a section. In the section `tasks` it is a task's start (seconds since 1970), which is in
    /// flight until [`del_key_value`](Self::del_key_value).
    ///
    /// # Errors
    ///
    /// [`StatsError`] if the section's name is that of something else, or a task's start is no number.
    pub fn add_key_value(
        &self,
        section: &str,
        key: &str,
        value: impl Into<StatValue>,
    ) -> Result<(), StatsError> {
        self.core.values.add_key_value(section, key, value.into())
    }

    /// Takes a value out of a section; nothing happens if it is not there.
    pub fn del_key_value(&self, section: &str, key: &str) -> Option<StatValue> {
        let now = self.core.clock.unix();
        self.core.values.del_key_value(section, key, now)
    }

    /// A handle on the number under a key, for updates without a look-up.
    ///
    /// # Errors
    ///
    /// As [`inc_stats`](Self::inc_stats).
    pub fn counter(&self, key: &str) -> Result<StatCounter, StatsError> {
        self.core.values.counter(key)
    }

    /// Sets the status of a task type; [`DEFAULT_TASK`](crate::data::status::DEFAULT_TASK) is the one all calls feed.
    pub fn set_task_status(&self, status: TaskStatus, task: &str) {
        self.core.task(task).set(status, self.core.clock.now());
    }

    /// Sets the status an error type maps to (`None`: OK) for [`DEFAULT_TASK`](crate::data::status::DEFAULT_TASK).
    #[doc(alias = "ErrorParser.set_status")]
    pub fn set_status(&self, error_type: Option<&str>) {
        let rules = self.core.rules();
        let status = error_type.map_or(TaskStatus::Ok, |name| {
            let id = rules.parser.type_id(name);
            id.map_or(TaskStatus::OtherException, |id| rules.status_of(id))
        });
        self.core.default_task.set(status, self.core.clock.now());
    }

    /// Everything as the original's flat map: numbers by key, `request`, `processed` and `errors` of each method,
    /// the last calls' points under `stats`, calls in flight and the tasks of `add_key_value` under `tasks`, status runs
    /// under `series.<task type>`.
    #[doc(alias = "get_stats")]
    pub fn stats(&self) -> StatsMap {
        stats_map::stats(self.core)
    }

    /// Status and run length of `default` and the task types set through the API; only those ever set.
    #[doc(alias = "get_statuses")]
    pub fn statuses(&self) -> Vec<StatusSnapshot> {
        self.core.statuses()
    }

    /// Status and run length of the methods' own task types; only those ever set.
    pub fn method_statuses(&self) -> Vec<StatusSnapshot> {
        self.core.method_statuses()
    }

    /// When the storage was made, as the label `inittime` has it: UTC, with microseconds.
    #[doc(alias = "get_time")]
    pub fn init_time(&self) -> Arc<str> {
        self.core.init_time()
    }

    /// The state at this moment.
    #[doc(alias = "refresh_registry_for_metrics")]
    pub fn snapshot(&self) -> Snapshot {
        self.core.snapshot()
    }

    /// Sets who gives exemplars for the buckets of durations; the next one set takes its place. Exemplars stand on
    /// `OpenMetrics` pages alone. Without a provider calls do not even ask whether there is one; with one, a call ends some ten
    /// nanoseconds later.
    pub fn set_exemplars(&self, provider: impl ExemplarProvider) {
        self.core.set_exemplars(Box::new(provider));
    }

    /// What is worth a line in the log when a service starts: functions that count as one method, error types that attributes
    /// name and the configuration does not list, a very large page. `monitor_server::run` writes them.
    pub fn start_up_warnings(&self) -> Vec<StartUpWarning> {
        warnings::at_start_up(self.core)
    }

    /// Whether there is a method of this name: cheaper than a [`snapshot`](Self::snapshot), and makes none.
    pub fn has_method(&self, name: &str) -> bool {
        self.core.methods().any(|method| &*method.name == name)
    }

    /// Whether there is a task type of this name: [`DEFAULT_TASK`](crate::data::status::DEFAULT_TASK), a method's, one that an attribute
    /// names (`task = ".."`), or one set through the API. One that exists need not have been set yet.
    pub fn has_task(&self, name: &str) -> bool {
        self.core.has_task(name)
    }

    /// The rules that classify errors.
    pub fn error_parser(&self) -> Arc<ErrorParser> {
        Arc::clone(&self.core.rules().parser)
    }

    /// Tasks in flight with their ages, the oldest first: calls by method, and tasks of the section `tasks` by id. At most
    /// this many are given.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::{Monitor, StorageConfig};
    ///
    /// let monitor = Monitor::new(StorageConfig::default());
    /// let running = monitor.method("Load")?.start();
    /// assert_eq!(&*monitor.running_tasks(10)[0].name, "Load");
    /// drop(running);
    /// assert!(monitor.running_tasks(10).is_empty());
    /// # Ok::<(), monitor_core::MethodError>(())
    /// ```
    pub fn running_tasks(&self, most: usize) -> Vec<RunningTask> {
        self.core.running_tasks(most)
    }

    /// Puts another configuration in force; what was recorded stays.
    pub fn configure(&self, config: StorageConfig) {
        self.core.configure(config);
    }

    /// The configuration in force.
    pub fn config(&self) -> StorageConfig {
        self.core.rules().config.clone()
    }

    /// Calls in flight over all methods, and tasks of the section `tasks`.
    pub fn in_flight(&self) -> u64 {
        let calls: u64 = self.core.methods().map(MethodCore::in_flight).sum();
        calls + self.core.values.tasks(self.core.clock.unix()).in_flight
    }
}

impl fmt::Debug for MonitorStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MonitorStorage")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}
