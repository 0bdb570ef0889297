//! Health as metric families, the same in both naming profiles.
//!
//! They are made from one [`Report`](super::Report) of the snapshot that the rest of the page shows, so that a page
//! agrees with itself. A family without children is left out.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use monitor_core::HealthStatus;
use monitor_core::family::{Child, ChildValue, Family, Labels};
use monitor_core::snapshot::Snapshot;

use super::{HealthPart, HealthService, PartDetails, verdict, workers};
use crate::runtime::lock;
use crate::self_metrics::{child, family, label, rows};

/// The families with these children, in the order of a page.
fn with_children(children: [Vec<Child>; 6]) -> Vec<Family> {
    let [ready, tasks, up, ages, workers, heartbeat] = children;
    let rows = rows! {
        "monitor_ready" => ready,
            "1 while /readyz says that the service wants requests, else 0.";
        "monitor_health" => tasks,
            "0 while the task type is unhealthy, else 1.";
        "monitor_check_up" => up,
            "1 while the last result of the check is good and not late, else 0.";
        "monitor_check_age_seconds" => ages,
            "Age of the check's last result.";
        "monitor_worker_up" => workers,
            "0 while a worker of the name has ended or panicked and none was started in its place, else 1.";
        "monitor_heartbeat_age_seconds" => heartbeat,
            "Age of the service's newest pulse.";
    };
    rows.map(|(name, help, children)| family(name, help, children))
        .into()
}

/// The families that pages can have of health and of the verdict, in both naming profiles, without children.
///
/// # Examples
///
/// ```
/// let families = monitor_server::health_families();
/// assert!(families.iter().any(|family| family.name == "monitor_check_up"));
/// ```
pub fn health_families() -> Vec<Family> {
    let mut families = with_children(Default::default());
    families.extend(verdict::names());
    families
}

impl HealthService {
    /// The families that have a child; task types as in this snapshot.
    pub(crate) fn families(&self, snapshot: &Snapshot) -> Vec<Family> {
        let report = self.report_of(self.monitor.health_of(snapshot));
        let is_task = |part: &&HealthPart| matches!(part.details, PartDetails::Task(_));
        let is_check = |part: &&HealthPart| matches!(part.details, PartDetails::Check(..));
        let (tasks, others): (Vec<_>, Vec<_>) = report.parts.iter().partition(is_task);
        let (checks, watched): (Vec<_>, Vec<_>) = others.into_iter().partition(is_check);
        let is_worker =
            |part: &&&HealthPart| matches!(part.details, PartDetails::Watched(workers::KIND));
        let workers = watched.iter().filter(is_worker).map(|worker| {
            let is_up = worker.status != HealthStatus::Down;
            flag(labelled("worker", &worker.name), is_up)
        });
        let labels = self.labels.of(tasks.iter().map(|task| &task.name));
        let tasks = labels.into_iter().zip(tasks);
        let tasks = tasks.map(|(labels, task)| flag(labels, task.status != HealthStatus::Down));
        let up = checks.iter().map(|check| {
            let is_up = check.status == HealthStatus::Up;
            flag(labelled("check", &check.name), is_up)
        });
        let ages = checks.iter().filter_map(|check| {
            let labels = labelled("check", &check.name);
            Some(age(labels, check.age?))
        });
        let heartbeat = self
            .heartbeat
            .age()
            .map(|newest| age(Labels::from([]), newest));
        let ready = flag(Labels::from([]), report.readiness.is_ready());
        let mut families = with_children([
            vec![ready],
            tasks.collect(),
            up.collect(),
            ages.collect(),
            workers.collect(),
            heartbeat.into_iter().collect(),
        ]);
        families.extend(verdict::families(self.monitor));
        self.overflow.look(self.monitor, snapshot);
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
        let mut kept = lock(&self.0);
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

fn labelled(name: &'static str, value: &Arc<str>) -> Labels {
    [label(name, Arc::clone(value))].into()
}

fn flag(labels: Labels, on: bool) -> Child {
    child(labels, ChildValue::Int(on.into()))
}

fn age(labels: Labels, age: Duration) -> Child {
    child(labels, ChildValue::Float(age.as_secs_f64()))
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
