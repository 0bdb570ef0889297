//! Health as metric families, the same in both naming profiles.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use monitor_core::HealthStatus;
use monitor_core::family::{Child, ChildValue, Family, FamilyType, Label, Labels};
use monitor_core::snapshot::Snapshot;

use super::HealthService;

const READY: (&str, &str) = (
    "monitor_ready",
    "1 while /readyz says that the service wants requests, else 0.",
);
const HEALTH: (&str, &str) = (
    "monitor_health",
    "0 while the task type is unhealthy, else 1.",
);
const CHECK_UP: (&str, &str) = (
    "monitor_check_up",
    "1 while the last result of the check is good and not late, else 0.",
);
const CHECK_AGE: (&str, &str) = (
    "monitor_check_age_seconds",
    "Age of the check's last result.",
);
const HEARTBEAT_AGE: (&str, &str) = (
    "monitor_heartbeat_age_seconds",
    "Age of the service's newest pulse.",
);

/// The families that pages can have of health, in both naming profiles, without children.
///
/// # Examples
///
/// ```
/// let families = monitor_server::health_families();
/// assert!(families.iter().any(|family| family.name == "monitor_check_up"));
/// ```
pub fn health_families() -> Vec<Family> {
    [READY, HEALTH, CHECK_UP, CHECK_AGE, HEARTBEAT_AGE]
        .into_iter()
        .map(|spec| family(spec, Vec::new()))
        .collect()
}

impl HealthService {
    /// The families that have something to say; task types as in this snapshot.
    pub(crate) fn families(&self, snapshot: &Snapshot) -> Vec<Family> {
        let report = self.report_of(self.monitor.health_of(snapshot));
        let well = |status| ChildValue::Int((status == HealthStatus::Up).into());
        let tasks = report.health.components.iter();
        let labels = self.labels.of(tasks.clone().map(|task| &task.task));
        let tasks = labels.into_iter().zip(tasks).map(|(labels, task)| Child {
            labels,
            value: flag(task.healthy),
        });
        let checks = report.checks.iter();
        let up = checks
            .clone()
            .map(|check| child("check", &check.name, well(check.status)));
        let ages = checks.filter_map(|check| Some(child("check", &check.name, age(check.age?))));
        let heartbeat = self.heartbeat.age().map(age).map(alone);
        let families = [
            family(READY, vec![alone(flag(report.readiness.is_ready()))]),
            family(HEALTH, tasks.collect()),
            family(CHECK_UP, up.collect()),
            family(CHECK_AGE, ages.collect()),
            family(HEARTBEAT_AGE, heartbeat.into_iter().collect()),
        ];
        let mut families: Vec<Family> = families.into();
        families.retain(|family| !family.children.is_empty());
        families
    }
}

/// The labels of task types, kept from page to page: there may be thousands, and they hardly ever change.
#[derive(Debug, Default)]
pub(super) struct TaskLabels(Mutex<Vec<Labels>>);

impl TaskLabels {
    /// Those of these task types, which are in order.
    fn of<'a>(&self, tasks: impl Iterator<Item = &'a Arc<str>>) -> Vec<Labels> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = std::mem::take(&mut *kept).into_iter().peekable();
        let labels = tasks.map(|task| {
            // Those of task types that are gone.
            while known.next_if(|labels| labels[0].value < *task).is_some() {}
            let same = known.next_if(|labels| labels[0].value == *task);
            same.unwrap_or_else(|| labelled("task", task))
        });
        *kept = labels.collect();
        kept.clone()
    }
}

fn flag(on: bool) -> ChildValue {
    ChildValue::Int(on.into())
}

fn age(age: Duration) -> ChildValue {
    ChildValue::Float(age.as_secs_f64())
}

fn family((name, help): (&'static str, &'static str), children: Vec<Child>) -> Family {
    Family {
        name: name.into(),
        help: help.into(),
        kind: FamilyType::Gauge,
        unit: name.ends_with("_seconds").then_some("seconds"),
        children,
    }
}

fn alone(value: ChildValue) -> Child {
    Child {
        labels: [].into_iter().collect(),
        value,
    }
}

fn child(name: &'static str, value: &Arc<str>, number: ChildValue) -> Child {
    Child {
        labels: labelled(name, value),
        value: number,
    }
}

fn labelled(name: &'static str, value: &Arc<str>) -> Labels {
    Labels::from([Label {
        name: name.into(),
        value: Arc::clone(value),
    }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_those_of_the_task_types_whichever_were_there_before() {
        let known = TaskLabels::default();
        for tasks in [
            &["b", "d"][..],
            &["a", "b", "c", "d", "e"],
            &["c"],
            &[],
            &["a", "c"],
        ] {
            let tasks: Vec<Arc<str>> = tasks.iter().map(|task| Arc::from(*task)).collect();
            let labels = known.of(tasks.iter());
            let again = known.of(tasks.iter());
            let named: Vec<&Arc<str>> = labels.iter().map(|labels| &labels[0].value).collect();
            assert_eq!(named, tasks.iter().collect::<Vec<_>>());
            assert_eq!(labels, again);
        }
    }
}
