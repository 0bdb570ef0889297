//! What `/health` and the paths below it say.

use std::sync::Arc;
use std::time::SystemTime;

use monitor_core::health::{Thresholds, verdict};
use monitor_core::snapshot::StatusSnapshot;
use monitor_core::{HealthStatus, TaskStatus};
use serde::Serialize;

use super::json::{self, Entries, Keyed, One, Service, Whole};
use super::report::{Group, Part};
use super::settings::GROUPS;
use super::{Report, Vitals};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked<'p> {
    /// `/health`
    All,
    /// `/health/<name>`: a group, a check or a task type, the first that has the name.
    Named(&'p str),
}

/// How much the one who asks may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Everything.
    Full,
    /// The status alone.
    Status,
}

/// How the answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// As Spring Boot's health endpoint does: `UP`, `DOWN`.
    Spring,
    /// As draft-inadarei-api-health-check-06 has it: `pass`, `warn`, `fail`.
    HealthJson,
}

impl Shape {
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Spring => "application/json",
            Self::HealthJson => "application/health+json",
        }
    }
}

/// A status, and the text that says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: HealthStatus,
    pub(crate) body: String,
}

impl Answer {
    /// Numbers and texts always make JSON, so the empty body is never sent.
    fn new(status: HealthStatus, body: &impl Serialize) -> Self {
        let body = serde_json::to_string(body).unwrap_or_default();
        Self { status, body }
    }
}

impl Vitals {
    /// `None` where nothing has the name.
    pub(crate) fn answer(
        &self,
        asked: Asked<'_>,
        detail: Detail,
        shape: Shape,
        service: Option<&crate::process::Service>,
    ) -> Option<Answer> {
        let report = self.report();
        let found = match asked {
            Asked::All => Found::All(&report),
            Asked::Named(name) => self.find(&report, name)?,
        };
        Some(match (detail, shape) {
            (Detail::Status, Shape::Spring) => {
                Answer::new(found.status(), &One::of(found.status()))
            }
            (Detail::Status, Shape::HealthJson) => {
                Answer::new(found.status(), &json::Status::of(found.status()))
            }
            (Detail::Full, Shape::Spring) => self.spring(&found),
            (Detail::Full, Shape::HealthJson) => {
                let parts = found.parts();
                let body = json::HealthJson {
                    status: json::Word(found.status()),
                    service: service.map(Service::of),
                    output: joined(&found.reasons()),
                    checks: Entries::new(&parts, SystemTime::now()),
                };
                Answer::new(found.status(), &body)
            }
        })
    }

    fn spring(&self, found: &Found<'_>) -> Answer {
        let status = found.status();
        let groups = match found {
            Found::All(_) => {
                let own = self.groups.keys().map(|name| &**name);
                Some(GROUPS.into_iter().chain(own).collect())
            }
            Found::Group(_) => None,
            Found::Part(part) => return Answer::new(status, &json::Detailed(*part)),
            Found::NeverSet(health) => return Answer::new(status, &health.components.first()),
        };
        let parts = found.parts();
        let whole = Whole {
            status,
            components: Keyed(&parts),
            reasons: found.reasons(),
            groups,
        };
        Answer::new(status, &whole)
    }

    fn find<'r>(&self, report: &'r Report, name: &str) -> Option<Found<'r>> {
        if let Some(group) = report.group(name, &self.groups) {
            return Some(Found::Group(group));
        }
        if let Some(check) = report.check(name) {
            return Some(Found::Part(Part::Check(check)));
        }
        if let Some(task) = report.health.component(name) {
            return Some(Found::Part(Part::Task(task)));
        }
        // One that exists and was never set is well: OK, for no call yet, which is above no threshold.
        let never_set = StatusSnapshot {
            task: name.into(),
            status: TaskStatus::Ok,
            run: 0,
            age: None,
        };
        let exists = self.monitor.has_task(name);
        exists.then(|| Found::NeverSet(verdict(&Thresholds::default(), &[never_set])))
    }
}

/// What an answer is about.
enum Found<'r> {
    All(&'r Report),
    Group(Group<'r>),
    Part(Part<'r>),
    /// One task type that was never set.
    NeverSet(monitor_core::Health),
}

impl Found<'_> {
    fn status(&self) -> HealthStatus {
        match self {
            Self::All(report) => report.status(),
            Self::Group(group) => group.status,
            Self::Part(part) => part.status(),
            Self::NeverSet(health) => health.state(),
        }
    }

    fn parts(&self) -> Vec<(Arc<str>, Part<'_>)> {
        match self {
            Self::All(report) => report.parts().collect(),
            Self::Group(group) => group.parts.clone(),
            Self::Part(part) => vec![(part.name(), *part)],
            Self::NeverSet(health) => {
                let parts = health.components.iter().map(Part::Task);
                parts.map(|part| (part.name(), part)).collect()
            }
        }
    }

    fn reasons(&self) -> Vec<String> {
        let own = match self {
            Self::Group(group) => group.reason.clone(),
            _ => None,
        };
        let parts = self.parts();
        let reasons = parts.iter().filter_map(|(_, part)| part.reason());
        own.into_iter().chain(reasons).collect()
    }
}

fn joined(reasons: &[String]) -> Option<String> {
    (!reasons.is_empty()).then(|| reasons.join("; "))
}
