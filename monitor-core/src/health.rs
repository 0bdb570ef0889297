//! Thresholds, and the pure verdict on how task types are doing, with reasons.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::error_parser::ErrorRules;
use crate::snapshot::StatusSnapshot;
use crate::status::TaskStatus;

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
///     StatusSnapshot { task: "default".into(), status: TaskStatus::Ok, run: 3 },
///     StatusSnapshot { task: "download".into(), status: TaskStatus::ConnectionError, run: 7 },
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
///         "threshold": 5
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
    /// Why the service is unhealthy: one text for each unhealthy task type, none if it is healthy.
    pub fn reasons(&self) -> Vec<String> {
        self.components
            .iter()
            .filter(|component| !component.healthy)
            .map(ToString::to_string)
            .collect()
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
    /// Whether the run is below the threshold.
    pub healthy: bool,
}

impl Component {
    fn new(thresholds: &Thresholds, snapshot: &StatusSnapshot) -> Self {
        let StatusSnapshot {
            ref task,
            status,
            run,
        } = *snapshot;
        let threshold = thresholds.of(status);
        let healthy = threshold.is_none_or(|threshold| run < threshold);
        Self {
            task: Arc::clone(task),
            status,
            run,
            threshold,
            healthy,
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
    let mut components: BTreeMap<Arc<str>, Component> = BTreeMap::new();
    for snapshot in statuses {
        let component = Component::new(thresholds, snapshot);
        let known = components
            .entry(Arc::clone(&snapshot.task))
            .or_insert_with(|| component.clone());
        if known.healthy && !component.healthy {
            *known = component;
        }
    }
    let components: Vec<Component> = components.into_values().collect();
    Health {
        healthy: components.iter().all(|component| component.healthy),
        components,
    }
}

const fn up_or_down(healthy: bool) -> &'static str {
    if healthy { "UP" } else { "DOWN" }
}

impl Serialize for Health {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut health = serializer.serialize_struct("Health", 3)?;
        health.serialize_field("status", up_or_down(self.healthy))?;
        health.serialize_field("components", &ByTask(&self.components))?;
        health.serialize_field("reasons", &self.reasons())?;
        health.end()
    }
}

impl Serialize for Component {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut component = serializer.serialize_struct("Component", 2)?;
        component.serialize_field("status", up_or_down(self.healthy))?;
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
            ..
        } = self.0;
        let mut details =
            serializer.serialize_struct("Details", 2 + usize::from(threshold.is_some()))?;
        details.serialize_field("task_status", status)?;
        details.serialize_field("run", run)?;
        match threshold {
            Some(threshold) => details.serialize_field("threshold", threshold)?,
            None => details.skip_field("threshold")?,
        }
        details.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error_parser::StatusRule;

    fn thresholds(rules: &[(&str, i64)]) -> Thresholds {
        let rules = rules.iter().map(|&(status, unhealthy)| StatusRule {
            status: status.to_owned(),
            service_errors: Vec::new(),
            unhealthy,
        });
        Thresholds::from_rules(&ErrorRules::try_new(rules).expect("the rules are valid"))
    }

    fn status(task: &str, status: TaskStatus, run: u64) -> StatusSnapshot {
        StatusSnapshot {
            task: task.into(),
            status,
            run,
        }
    }

    #[test]
    fn a_run_is_unhealthy_from_its_threshold_on() {
        let thresholds = thresholds(&[("FATAL", 1), ("CONNECTION_ERROR", 5)]);
        for (run, healthy) in [
            (0, true),
            (4, true),
            (5, false),
            (6, false),
            (u64::MAX, false),
        ] {
            let health = verdict(
                &thresholds,
                &[status("t", TaskStatus::ConnectionError, run)],
            );
            assert_eq!(health.healthy, healthy, "run of {run}");
        }
        assert!(!verdict(&thresholds, &[status("t", TaskStatus::Fatal, 1)]).healthy);
        assert!(verdict(&thresholds, &[status("t", TaskStatus::Internal, u64::MAX)]).healthy);
        assert!(verdict(&thresholds, &[]).healthy);
    }

    #[test]
    fn zero_and_below_is_no_threshold_and_ok_has_none() {
        let thresholds = thresholds(&[
            ("FATAL", 0),
            ("UNKNOWN", -1),
            ("INTERNAL", i64::MIN),
            ("OK", 3),
        ]);
        assert_eq!(thresholds, Thresholds::default());
        assert!(verdict(&thresholds, &[status("t", TaskStatus::Ok, 1000)]).healthy);
    }

    #[test]
    fn names_that_are_no_status_share_the_smallest_threshold_of_other_exception() {
        let some = thresholds(&[("OTHER_EXCEPTION", 100), ("DATABASE", 7), ("CACHE", 0)]);
        assert_eq!(some.of(TaskStatus::OtherException), Some(7));
        let one = thresholds(&[("DATABASE", 7)]);
        assert_eq!(one.of(TaskStatus::OtherException), Some(7));
        assert_eq!(one.of(TaskStatus::Unknown), None);
    }

    #[test]
    fn one_unhealthy_task_type_makes_the_service_unhealthy_and_says_why() {
        let statuses = [
            status("b", TaskStatus::Fatal, 1),
            status("default", TaskStatus::Ok, 9),
            status("a", TaskStatus::Ok, 0),
        ];
        let health = verdict(&thresholds(&[("FATAL", 1)]), statuses.iter().chain(&[]));
        assert!(!health.healthy);
        assert_eq!(
            health.reasons(),
            ["task type `b`: FATAL 1 time in a row, unhealthy from 1"]
        );
        let tasks: Vec<&str> = health
            .components
            .iter()
            .map(|component| &*component.task)
            .collect();
        assert_eq!(tasks, ["a", "b", "default"]);
        assert!(
            health
                .component("a")
                .is_some_and(|component| component.healthy)
        );
        assert_eq!(health.component("c"), None);
    }

    #[test]
    fn a_task_type_given_twice_is_one_component_and_the_unhealthy_one() {
        let statuses = [
            status("a", TaskStatus::Ok, 1),
            status("a", TaskStatus::Fatal, 1),
            status("a", TaskStatus::Ok, 2),
        ];
        let health = verdict(&thresholds(&[("FATAL", 1)]), &statuses);
        assert_eq!(health.components.len(), 1);
        assert!(!health.healthy);
        let json = serde_json::to_string(&health.components[0]).expect("it serialises");
        assert_eq!(
            json,
            r#"{"status":"DOWN","details":{"task_status":"FATAL","run":1,"threshold":1}}"#
        );
    }
}
