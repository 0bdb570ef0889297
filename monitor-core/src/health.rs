//! Thresholds, and the pure verdict on how task types are doing, with reasons; marks, and how statuses expire.

mod marks;

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use crate::data::snapshot::{Snapshot, StatusSnapshot};
use crate::data::status::TaskStatus;
use crate::errors::ErrorRules;
use crate::storage::MonitorStorage;

pub use self::marks::{DEFAULT_STATUS_TTL, Marks};

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
    runs: [Option<NonZeroU64>; TaskStatus::ALL.len()],
}

impl Thresholds {
    /// The thresholds of `rules`.
    pub fn from_rules(rules: &ErrorRules) -> Self {
        let runs = TaskStatus::ALL.map(|status| {
            let of_status = rules
                .rules()
                .iter()
                .filter(|rule| rule.task_status() == status);
            let runs =
                of_status.filter_map(|rule| NonZeroU64::new(u64::try_from(rule.unhealthy).ok()?));
            runs.min().filter(|_| status != TaskStatus::Ok)
        });
        Self { runs }
    }

    /// The shortest run of `status` that makes a task type unhealthy, in calls, at least 1; `None` if no run does.
    pub fn of(&self, status: TaskStatus) -> Option<u64> {
        let index = TaskStatus::ALL.iter().position(|known| *known == status)?;
        self.runs[index].map(NonZeroU64::get)
    }
}

/// How a service is doing.
///
/// Serialises to what `/health` answers, in the shape of Spring Boot's health endpoint:
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
/// `reasons` is there when healthy too, and then empty.
#[derive(Debug, Clone, PartialEq, Eq)]
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

    /// Why the service is unhealthy: one text for each unhealthy task type, none if it is healthy.
    pub fn reasons(&self) -> Vec<String> {
        let unhealthy = self
            .components
            .iter()
            .filter(|component| !component.healthy);
        unhealthy.map(ToString::to_string).collect()
    }

    /// The task type of this name.
    pub fn component(&self, task: &str) -> Option<&Component> {
        self.components
            .iter()
            .find(|component| &*component.task == task)
    }
}

/// How one task type is doing.
///
/// Its Display is the reason where it is unhealthy; it serialises to its part of [`Health`].
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// How long ago it was last set, or a call that feeds it ended; `None` where that is not known.
    pub age: Option<Duration>,
    /// Whether the status has expired: it is [marked](Marks), and the last call was too long ago to say how the task type is
    /// doing now.
    pub expired: bool,
    /// Whether the run is below the threshold, or the status has expired.
    pub healthy: bool,
}

/// How a component is doing, in the words of Spring Boot's health endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum HealthStatus {
    /// It is well.
    Up,
    /// It is not known how it is; no illness.
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

impl Component {
    fn new(thresholds: &Thresholds, snapshot: &StatusSnapshot) -> Self {
        let StatusSnapshot {
            ref task,
            status,
            run,
            age,
        } = *snapshot;
        let threshold = thresholds.of(status);
        let healthy = threshold.is_none_or(|threshold| run < threshold);
        Self {
            task: Arc::clone(task),
            status,
            run,
            threshold,
            age,
            expired: false,
            healthy,
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
        let Self {
            task,
            status,
            run,
            threshold,
            ..
        } = self;
        let times = if *run == 1 { "time" } else { "times" };
        write!(f, "task type `{task}`: {status} {run} {times} in a row")?;
        threshold.map_or(Ok(()), |threshold| {
            write!(f, ", unhealthy from {threshold}")
        })
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
        .map(|snapshot| Component::new(thresholds, snapshot))
        .collect();
    components.sort_by(|a, b| (&a.task, a.healthy).cmp(&(&b.task, b.healthy)));
    components.dedup_by(|later, first| later.task == first.task);
    Health {
        healthy: components.iter().all(|component| component.healthy),
        components,
    }
}

impl Serialize for Health {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut health = serializer.serialize_struct("Health", 3)?;
        health.serialize_field("status", &self.state())?;
        health.serialize_field("components", &ByTask(&self.components))?;
        health.serialize_field("reasons", &self.reasons())?;
        health.end()
    }
}

impl Serialize for Component {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut component = serializer.serialize_struct("Component", 2)?;
        component.serialize_field("status", &self.state())?;
        component.serialize_field("details", &Details(self))?;
        component.end()
    }
}

/// Components as a map from task type.
struct ByTask<'a>(&'a [Component]);

impl Serialize for ByTask<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|component| (&*component.task, component)))
    }
}

/// What a component's `status` follows from.
struct Details<'a>(&'a Component);

impl Serialize for Details<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Component {
            status,
            run,
            threshold,
            age,
            ..
        } = self.0;
        let fields = 2 + usize::from(threshold.is_some()) + usize::from(age.is_some());
        let mut details = serializer.serialize_struct("Details", fields)?;
        details.serialize_field("task_status", status)?;
        details.serialize_field("run", run)?;
        match threshold {
            Some(threshold) => details.serialize_field("threshold", threshold)?,
            None => details.skip_field("threshold")?,
        }
        match age {
            Some(age) => details.serialize_field("age_seconds", &rounded(*age))?,
            None => details.skip_field("age_seconds")?,
        }
        details.end()
    }
}

/// Seconds to the millisecond: more digits than an age has.
fn rounded(age: Duration) -> f64 {
    (age.as_secs_f64() * 1e3).round() / 1e3
}

impl MonitorStorage {
    /// Which task types are healthy, and why not. Of a method and a task type set through the API that have one name,
    /// the latter counts, as on the page.
    pub fn health(&self) -> Health {
        let mut statuses = self.statuses();
        let named = statuses.len();
        for method in self.method_statuses() {
            if statuses[..named].iter().all(|one| one.task != method.task) {
                statuses.push(method);
            }
        }
        verdict(&self.thresholds(), &statuses)
    }

    /// The same of a snapshot of this storage, by the thresholds now in force.
    pub fn health_of(&self, snapshot: &Snapshot) -> Health {
        let named = &snapshot.statuses;
        let is_own = |method: &&StatusSnapshot| named.iter().all(|one| one.task != method.task);
        let methods = snapshot.method_statuses.iter().filter(is_own);
        verdict(&self.thresholds(), named.iter().chain(methods))
    }

    /// The thresholds now in force.
    fn thresholds(self) -> Thresholds {
        Thresholds::from_rules(&self.core().rules().config.errors)
    }
}

#[cfg(test)]
mod tests;
