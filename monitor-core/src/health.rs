//! Health: which runs of a status are too long, which methods fail too often, the health of each task type that follows
//! from it, and which task types count for readiness.
//!
//! Everything here is a pure function of statuses ([`StatusSnapshot`]), thresholds and shares ([`FailureShare`]):
//! [`verdict`] makes a [`Health`] with a reason for each unhealthy task type, [`Health::with_shares`] adds those that
//! fail too often, and a [`ReadinessPolicy`] lets old statuses expire and gives the reasons why a service is not ready.
//! Only [`MonitorStorage::health`] and [`MonitorStorage::health_of`] read a storage.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_core::ser::{Serialize, SerializeStruct, Serializer};

use crate::base::sort::sort_by;
use crate::data::snapshot::{Snapshot, StatusSnapshot};
use crate::data::status::TaskStatus;
pub use crate::data::window::{FailureShare, MAX_WINDOW, SLOT, ShareParts, ShareRule};
use crate::errors::ErrorRules;
use crate::storage::MonitorStorage;

/// How long a status is taken into account by default.
pub const DEFAULT_STATUS_TTL: Duration = Duration::from_secs(60);

/// For each status, the run that makes a task type unhealthy.
///
/// # Definition
///
/// The `unhealthy` of the status' rule where it is above 0; else no run is too long. Names that are no [`TaskStatus`]
/// count as `OTHER_EXCEPTION`: of several rules for one status the smallest threshold above 0 holds. `OK` has none.
///
/// The default has no thresholds: everything is healthy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Thresholds {
    /// Parallel to [`TaskStatus::ALL`].
    runs: [Option<u64>; TaskStatus::ALL.len()],
}

impl Thresholds {
    /// The thresholds of `rules`.
    pub fn from_rules(rules: &ErrorRules) -> Self {
        let runs = TaskStatus::ALL.map(|status| {
            let rules = rules.rules().iter();
            let of_status = rules.filter(|rule| rule.task_status() == status);
            let runs = of_status.filter_map(|rule| u64::try_from(rule.unhealthy).ok());
            let shortest = runs.filter(|run| *run > 0).min();
            shortest.filter(|_| status != TaskStatus::Ok)
        });
        Self { runs }
    }

    /// The shortest run of `status` that makes a task type unhealthy, in calls, at least 1; `None` if no run does.
    pub fn of(&self, status: TaskStatus) -> Option<u64> {
        let index = TaskStatus::ALL.iter().position(|known| *known == status)?;
        self.runs[index]
    }
}

/// The health of a service.
///
/// Serialises to the body of `/health`, in the shape of Spring Boot's health endpoint:
///
/// ```
/// use std::time::Duration;
/// use monitor_core::health::{Thresholds, verdict};
/// use monitor_core::snapshot::StatusSnapshot;
/// use monitor_core::{ErrorRules, StatusRule, TaskStatus};
///
/// let rules = ErrorRules::try_new([StatusRule {
///     status: "CONNECTION_ERROR".to_owned(),
///     service_errors: vec!["refused".to_owned()],
///     unhealthy: 5,
/// }])?;
/// let statuses = [
///     StatusSnapshot { task: "default".into(), status: TaskStatus::Ok, run: 3, age: None },
///     StatusSnapshot { task: "download".into(), status: TaskStatus::ConnectionError, run: 7, age: Some(Duration::from_millis(1500)) },
/// ];
/// let health = verdict(&Thresholds::from_rules(&rules), &statuses);
///
/// assert!(!health.healthy);
/// assert_eq!(
///     serde_json::to_string_pretty(&health)?,
/// r#"{
///   "status": "DOWN",
///   "components": {
///     "default": {
///       "status": "UP",
///       "details": {
///         "task_status": "OK",
///         "run": 3
///       }
///     },
///     "download": {
///       "status": "DOWN",
///       "details": {
///         "task_status": "CONNECTION_ERROR",
///         "run": 7,
///         "threshold": 5,
///         "age_seconds": 1.5
///       }
///     }
///   },
///   "reasons": [
///     "task type `download`: CONNECTION_ERROR 7 times in a row, unhealthy from 5"
///   ]
/// }"#,
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// `reasons` is there when healthy too, and then empty. The details of a task type that fails too often
/// ([`ShareRule`]) have `failure_share` too: `method`, `share`, `limit`, `calls`, `failures`, `cancelled`,
/// `window_seconds` and `since_seconds`, as in [`FailureShare`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Health {
    /// Whether every task type is healthy; so is a service without any.
    pub healthy: bool,
    /// Each task type, by name.
    pub components: Vec<Component>,
}

impl Health {
    /// `DOWN` if a task type is unhealthy, else `UP`.
    pub fn state(&self) -> HealthStatus {
        if self.healthy {
            HealthStatus::Up
        } else {
            HealthStatus::Down
        }
    }

    /// Adds the task types with a method that fails too often. Of several methods of one task type the first counts; a
    /// task type that has no status yet is added.
    #[must_use]
    pub fn with_shares(
        mut self,
        shares: impl IntoIterator<Item = (Arc<str>, FailureShare)>,
    ) -> Self {
        for (task, share) in shares {
            let at = self
                .components
                .binary_search_by(|one| one.task.cmp(&task))
                .unwrap_or_else(|at| {
                    self.components.insert(at, Component::never_set(task));
                    at
                });
            let component = &mut self.components[at];
            component.healthy = false;
            component.failure_share.get_or_insert(share);
            self.healthy = false;
        }
        self
    }

    /// Why the service is unhealthy: one text for each unhealthy task type, none if it is healthy.
    pub fn reasons(&self) -> Vec<String> {
        let components = self.components.iter();
        let unhealthy = components.filter(|component| !component.healthy);
        unhealthy.map(ToString::to_string).collect()
    }

    /// The task type of this name.
    pub fn component(&self, task: &str) -> Option<&Component> {
        let mut components = self.components.iter();
        components.find(|component| &*component.task == task)
    }
}

/// The health of one task type.
///
/// Its Display is the reason where it is unhealthy; it serialises to its part of [`Health`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Component {
    /// The task type.
    pub task: Arc<str>,
    /// Its status.
    pub status: TaskStatus,
    /// How many calls in a row had this status.
    pub run: u64,
    /// The run of this status that is unhealthy; `None` if none is.
    pub threshold: Option<u64>,
    /// The share of a method's calls that failed, where that makes the task type unhealthy.
    pub failure_share: Option<FailureShare>,
    /// How long ago it was last set, or a call that feeds it ended; `None` where that is not known.
    pub age: Option<Duration>,
    /// Whether the status has [expired](ReadinessPolicy): the last call was too long ago to know the state of the task
    /// type now.
    pub expired: bool,
    /// Whether the run is below the threshold and no share is too high, or the status has expired.
    pub healthy: bool,
}

impl Component {
    fn never_set(task: Arc<str>) -> Self {
        Self {
            task,
            status: TaskStatus::Ok,
            run: 0,
            threshold: None,
            failure_share: None,
            age: None,
            expired: false,
            healthy: true,
        }
    }

    /// `UNKNOWN` once the status has expired, else `UP` or `DOWN`.
    pub fn state(&self) -> HealthStatus {
        match (self.expired, self.healthy) {
            (true, _) => HealthStatus::Unknown,
            (false, true) => HealthStatus::Up,
            (false, false) => HealthStatus::Down,
        }
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = if self.run == 1 { "time" } else { "times" };
        let (task, status, run) = (&self.task, self.status, self.run);
        write!(f, "task type `{task}`: ")?;
        let is_long = self.threshold.is_some_and(|threshold| run >= threshold);
        if let Some(share) = &self.failure_share {
            if *share.method != **task {
                write!(f, "`{}`: ", share.method)?;
            }
            write!(f, "{share}")?;
            if !is_long {
                return Ok(());
            }
            f.write_str("; ")?;
        }
        write!(f, "{status} {run} {times} in a row")?;
        self.threshold.map_or(Ok(()), |threshold| {
            write!(f, ", unhealthy from {threshold}")
        })
    }
}

impl fmt::Display for FailureShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A tenth of a percent, of a second: more digits than a reader of a log needs.
        let tenths = |value: f64| (value * 10.0).round() / 10.0;
        let (share, limit) = (tenths(self.share() * 100.0), tenths(self.limit * 100.0));
        let (window, since) = (self.window.as_secs_f64(), self.since.as_secs_f64());
        let (calls, window, since) = (self.calls, tenths(window), tenths(since));
        write!(
            f,
            "{share} % of {calls} calls failed in {window} s, unhealthy from {limit} %, for {since} s"
        )
    }
}

/// The health of a component, in the words of Spring Boot's health endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum HealthStatus {
    /// It is healthy.
    Up,
    /// Its state is not known; that does not count as unhealthy.
    Unknown,
    /// It is unhealthy.
    Down,
}

impl HealthStatus {
    /// The word in answers.
    ///
    /// ```
    /// assert_eq!(monitor_core::HealthStatus::Down.name(), "DOWN");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::Up => "UP",
            Self::Unknown => "UNKNOWN",
            Self::Down => "DOWN",
        }
    }
}

impl fmt::Display for HealthStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Judges task types: one is unhealthy when the run of its status has reached the threshold of that status.
///
/// A task type that is given twice counts once: as unhealthy if it is in one of them, else as given first.
pub fn verdict<'a>(
    thresholds: &Thresholds,
    statuses: impl IntoIterator<Item = &'a StatusSnapshot>,
) -> Health {
    // Most are in order already, as storages keep them: this costs little then.
    let mut components: Vec<Component> = statuses
        .into_iter()
        .map(|one| {
            let threshold = thresholds.of(one.status);
            Component {
                task: Arc::clone(&one.task),
                status: one.status,
                run: one.run,
                threshold,
                failure_share: None,
                age: one.age,
                expired: false,
                healthy: threshold.is_none_or(|threshold| one.run < threshold),
            }
        })
        .collect();
    sort_by(&mut components, |a, b| {
        (&a.task, a.healthy).cmp(&(&b.task, b.healthy))
    });
    components.dedup_by(|later, first| later.task == first.task);
    Health {
        healthy: components.iter().all(|component| component.healthy),
        components,
    }
}

impl Serialize for HealthStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Serialize for Health {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct ByTask<'h>(&'h [Component]);
        impl Serialize for ByTask<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map(self.0.iter().map(|one| (&*one.task, one)))
            }
        }

        let mut health = serializer.serialize_struct("Health", 3)?;
        health.serialize_field("status", &self.state())?;
        health.serialize_field("components", &ByTask(&self.components))?;
        health.serialize_field("reasons", &self.reasons())?;
        health.end()
    }
}

impl Serialize for Component {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Details<'c>(&'c Component);
        impl Serialize for Details<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let component = self.0;
                let mut details = serializer.serialize_struct("Details", 5)?;
                details.serialize_field("task_status", &component.status)?;
                details.serialize_field("run", &component.run)?;
                match component.threshold {
                    Some(threshold) => details.serialize_field("threshold", &threshold)?,
                    None => details.skip_field("threshold")?,
                }
                match &component.failure_share {
                    Some(share) => details.serialize_field("failure_share", share)?,
                    None => details.skip_field("failure_share")?,
                }
                match component.age {
                    Some(age) => details.serialize_field("age_seconds", &millis(age))?,
                    None => details.skip_field("age_seconds")?,
                }
                details.end()
            }
        }

        let mut component = serializer.serialize_struct("Component", 2)?;
        component.serialize_field("status", &self.state())?;
        component.serialize_field("details", &Details(self))?;
        component.end()
    }
}

impl Serialize for FailureShare {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut share = serializer.serialize_struct("FailureShare", 8)?;
        share.serialize_field("method", &*self.method)?;
        share.serialize_field("share", &((self.share() * 1e3).round() / 1e3))?;
        share.serialize_field("limit", &self.limit)?;
        share.serialize_field("calls", &self.calls)?;
        share.serialize_field("failures", &self.failures)?;
        share.serialize_field("cancelled", &self.cancelled)?;
        share.serialize_field("window_seconds", &millis(self.window))?;
        share.serialize_field("since_seconds", &millis(self.since))?;
        share.end()
    }
}

/// Seconds, to the millisecond: more digits than an age has.
fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e3).round() / 1e3
}

/// The task types that count for readiness, and how long statuses do without a call.
///
/// Where no calls come, no call can show that a task type is well again: an instance that is not ready gets none, and
/// others may have a quiet night. So the status of each task type expires, whether it counts for readiness or not: the
/// state of the task type is then not known, which is no illness and no reason to keep calls away. The first call after
/// that shows it.
///
/// A status is as old as the end of the newest call that feeds its task type, or as its last setting through the API,
/// whichever is later. Each call that ends counts, also one that leaves the status as it is: a future that is dropped,
/// an error in `expected(..)`. So where calls go on and all of them are given up, a failing status does not expire.
///
/// By default no task type counts, and the time to live is a minute.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use monitor_core::health::HealthStatus;
/// use monitor_core::{
///     Clock, ErrorRules, Monitor, ReadinessPolicy, StatusRule, StorageConfig, TaskStatus,
/// };
///
/// let rule = StatusRule { status: "FATAL".into(), service_errors: vec![], unhealthy: 1 };
/// let mut config = StorageConfig::default();
/// config.errors = ErrorRules::try_new([rule])?;
/// let (clock, hand) = Clock::manual(0.0);
/// let monitor = Monitor::with_clock(config, clock);
/// let policy = ReadinessPolicy::new(["loader"], Duration::from_secs(60));
///
/// monitor.set_task_status(TaskStatus::Fatal, "loader");
/// let health = policy.expire(monitor.health());
/// assert_eq!(policy.failing(&health).count(), 1);
///
/// hand.advance(Duration::from_secs(60));
/// let health = policy.expire(monitor.health());
/// assert_eq!(policy.failing(&health).count(), 0);
/// assert_eq!(health.components[0].state(), HealthStatus::Unknown);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadinessPolicy {
    /// By name, each once.
    tasks: Box<[Arc<str>]>,
    status_ttl: Duration,
}

impl Default for ReadinessPolicy {
    fn default() -> Self {
        Self {
            tasks: Box::default(),
            status_ttl: DEFAULT_STATUS_TTL,
        }
    }
}

impl ReadinessPolicy {
    /// A policy by which these task types count; names that no task type has (yet) do no harm. With a `status_ttl` of
    /// zero statuses do not expire.
    pub fn new<T: Into<Arc<str>>>(
        tasks: impl IntoIterator<Item = T>,
        status_ttl: Duration,
    ) -> Self {
        let mut tasks: Vec<Arc<str>> = tasks.into_iter().map(Into::into).collect();
        sort_by(&mut tasks, Ord::cmp);
        tasks.dedup();
        Self {
            tasks: tasks.into(),
            status_ttl,
        }
    }

    /// Whether this task type counts for readiness.
    pub fn contains(&self, task: &str) -> bool {
        self.tasks.iter().any(|one| **one == *task)
    }

    /// The task types that count for readiness, by name.
    pub fn tasks(&self) -> impl Iterator<Item = &Arc<str>> {
        self.tasks.iter()
    }

    /// Lets the statuses expire whose age has reached the time to live, of these task types and of all others. A status
    /// whose age is not known stays.
    #[must_use]
    pub fn expire(&self, mut health: Health) -> Health {
        for component in &mut health.components {
            let is_old = component.age.is_some_and(|age| age >= self.status_ttl);
            component.expired = is_old && !self.status_ttl.is_zero();
            component.healthy |= component.expired;
        }
        health.healthy = health.components.iter().all(|component| component.healthy);
        health
    }

    /// The task types that count and are unhealthy: why the service is not ready. Their Display is the reason.
    pub fn failing<'h>(&self, health: &'h Health) -> impl Iterator<Item = &'h Component> {
        let components = health.components.iter();
        components.filter(|component| !component.healthy && self.contains(&component.task))
    }
}

impl MonitorStorage {
    /// Which task types are healthy, and why not. Of a method and a task type set through the API that have one name,
    /// the latter counts, as on the page.
    ///
    /// Where the last count of calls is 2 s old, this counts the calls of all methods, for the [`ShareRule`]. So the
    /// share of failures is known only while this is asked for now and then; the server of `monitor_server::run` does so
    /// each second, a mounted one when it is asked.
    pub fn health(&self) -> Health {
        self.judge(&self.statuses(), &self.method_statuses())
    }

    /// The same of a snapshot of this storage, by the thresholds now in force. Shares of failures are those of the last
    /// count of calls, not of the snapshot.
    pub fn health_of(&self, snapshot: &Snapshot) -> Health {
        self.judge(&snapshot.statuses, &snapshot.method_statuses)
    }

    fn judge(self, named: &[StatusSnapshot], methods: &[StatusSnapshot]) -> Health {
        let thresholds = Thresholds::from_rules(&self.core.rules().config.errors);
        let is_own = |method: &&StatusSnapshot| named.iter().all(|one| one.task != method.task);
        verdict(
            &thresholds,
            named.iter().chain(methods.iter().filter(is_own)),
        )
        .with_shares(self.core.unhealthy_shares())
    }
}

#[cfg(test)]
mod tests;
