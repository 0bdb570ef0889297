//! Health as metric families, the same in both naming profiles.

use std::sync::Arc;
use std::time::Duration;

use monitor_core::HealthStatus;
use monitor_core::family::{Child, ChildValue, Family, FamilyType, Label};
use monitor_core::snapshot::Snapshot;

use super::Vitals;

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

impl Vitals {
    /// The families that have something to say; task types as in this snapshot.
    pub(crate) fn families(&self, snapshot: &Snapshot) -> Vec<Family> {
        let report = self.report_of(self.monitor.health_of(snapshot));
        let well = |status| ChildValue::Int((status == HealthStatus::Up).into());
        let tasks = report.health.components.iter();
        let tasks = tasks.map(|task| child("task", &task.task, flag(task.healthy)));
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

fn child(name: &'static str, label: &Arc<str>, value: ChildValue) -> Child {
    let label = Label {
        name: name.into(),
        value: Arc::clone(label),
    };
    Child {
        labels: [label].into_iter().collect(),
        value,
    }
}
