//! Everything that is known of a service's health at one moment, and the pure verdicts on it.

use std::sync::Arc;

use monitor_core::{Component, Health, HealthStatus, ReadinessPolicy};

use super::settings::{GROUPS, Groups};
use super::{CheckReport, HealthState, Readiness};

/// Everything that is known at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    /// The task types; the marked ones may have expired.
    pub(crate) health: Health,
    /// By name.
    pub(crate) checks: Vec<CheckReport>,
    pub(crate) readiness: Readiness,
    pub(crate) live: bool,
    /// Names that count for readiness, sorted.
    marked: Vec<Arc<str>>,
}

/// A task type or a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part<'r> {
    Task(&'r Component),
    Check(&'r CheckReport),
}

impl Part<'_> {
    pub(crate) fn status(self) -> HealthStatus {
        match self {
            Self::Task(task) => task.state(),
            Self::Check(check) => check.status,
        }
    }

    pub(crate) fn name(self) -> Arc<str> {
        match self {
            Self::Task(task) => Arc::clone(&task.task),
            Self::Check(check) => Arc::clone(&check.name),
        }
    }

    /// Why it is unhealthy, where it is.
    pub(crate) fn reason(self) -> Option<String> {
        match self {
            Self::Task(task) => (!task.healthy).then(|| task.to_string()),
            Self::Check(check) => check.reason(),
        }
    }
}

/// The status of several: `DOWN` if one is, else `UP` if one is or there are none.
pub(crate) fn aggregate(statuses: impl IntoIterator<Item = HealthStatus>) -> HealthStatus {
    let mut all = statuses.into_iter();
    let first = all.next().unwrap_or(HealthStatus::Up);
    all.fold(first, |worst, one| match (worst, one) {
        (HealthStatus::Down, _) | (_, HealthStatus::Down) => HealthStatus::Down,
        (HealthStatus::Up, _) | (_, HealthStatus::Up) => HealthStatus::Up,
        _ => HealthStatus::Unknown,
    })
}

impl Report {
    /// `phase` is readiness as far as it follows from start and drain.
    pub(crate) fn new(
        health: Health,
        checks: Vec<CheckReport>,
        marks: &ReadinessPolicy,
        phase: Readiness,
        live: bool,
    ) -> Self {
        let is_marked =
            |check: &&CheckReport| check.check.counts_for_readiness || marks.contains(&check.name);
        let marked_checks = || checks.iter().filter(is_marked);
        let mut marked: Vec<Arc<str>> = marks.tasks().cloned().collect();
        marked.extend(marked_checks().map(|check| Arc::clone(&check.name)));
        marked.sort_unstable();
        marked.dedup();
        let has = |status| marked_checks().any(|check| check.status == status);
        let readiness = if phase != Readiness::Ready {
            phase
        } else if has(HealthStatus::Down) || marks.failing(&health).next().is_some() {
            Readiness::Unhealthy
        } else if has(HealthStatus::Unknown) {
            Readiness::Starting
        } else {
            Readiness::Ready
        };
        Self {
            health,
            checks,
            readiness,
            live,
            marked,
        }
    }

    /// `DOWN` while a task type or a check is.
    pub(crate) fn status(&self) -> HealthStatus {
        aggregate(self.parts().map(|(_, part)| part.status()))
    }

    /// Task types, then checks, each under its key. A task type makes way for a check of its name.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (Arc<str>, Part<'_>)> {
        let tasks = self.health.components.iter().map(|task| {
            let name = &task.task;
            let key = match self.check(name) {
                None => Arc::clone(name),
                Some(_) => format!("task:{name}").into(),
            };
            (key, Part::Task(task))
        });
        let checks = self.checks.iter();
        tasks.chain(checks.map(|check| (Arc::clone(&check.name), Part::Check(check))))
    }

    pub(crate) fn check(&self, name: &str) -> Option<&CheckReport> {
        self.checks.iter().find(|check| &*check.name == name)
    }

    /// The status of a group, what is in it, and why it is down where its members do not say.
    pub(crate) fn group(&self, name: &str, groups: &Groups) -> Option<Group<'_>> {
        let [liveness, readiness] = GROUPS;
        if name == liveness {
            let reason = (!self.live).then(|| "the heartbeat is too old".to_owned());
            return Some(Group::of(self, &[], reason));
        }
        if name == readiness {
            let reason = match self.readiness {
                Readiness::Ready | Readiness::Unhealthy => None,
                other => Some(other.word().to_owned()),
            };
            return Some(Group::of(self, &self.marked, reason));
        }
        groups
            .get(name)
            .map(|members| Group::of(self, members, None))
    }

    /// Why what is marked is unhealthy.
    pub(crate) fn unready(&self) -> Vec<String> {
        let marked = self
            .parts()
            .filter(|(_, part)| self.marked.contains(&part.name()));
        marked.filter_map(|(_, part)| part.reason()).collect()
    }

    /// What those who watch are told.
    pub(crate) fn state(&self, groups: &Groups) -> HealthState {
        let parts = self.parts().map(|(key, part)| (key, part.status()));
        let names = GROUPS.into_iter().map(Arc::from);
        let names = names.chain(groups.keys().cloned());
        let groups = names.filter_map(|name| {
            let status = self.group(&name, groups)?.status;
            Some((name, status))
        });
        HealthState {
            live: self.live,
            readiness: self.readiness,
            status: self.status(),
            components: parts.collect(),
            groups: groups.collect(),
        }
    }
}

/// Some parts of a report.
#[derive(Debug)]
pub(crate) struct Group<'r> {
    pub(crate) status: HealthStatus,
    pub(crate) parts: Vec<(Arc<str>, Part<'r>)>,
    /// Beside those of its parts.
    pub(crate) reason: Option<String>,
}

impl<'r> Group<'r> {
    /// Members that are not there (yet) say nothing.
    fn of(report: &'r Report, members: &[Arc<str>], reason: Option<String>) -> Self {
        let is_member = |(_, part): &(_, Part<'_>)| members.contains(&part.name());
        let parts: Vec<_> = report.parts().filter(is_member).collect();
        let status = match reason {
            Some(_) => HealthStatus::Down,
            None => aggregate(parts.iter().map(|(_, part)| part.status())),
        };
        Self {
            status,
            parts,
            reason,
        }
    }
}

#[cfg(test)]
mod tests;
