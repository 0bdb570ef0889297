//! What is known of a service's health at one moment, the verdicts on it, and the answers of `/health` and the paths below.
//!
//! A [`Report`] is plain data: task types as the storage judges them, the last result of each check, readiness, liveness. All
//! here is a pure function of it. A task type and a check may have one name: the check keeps it, and the key of the task type is
//! `task:<name>`. Members of a group that do not exist (yet) count for nothing.
//!
//! There are two formats of an answer: that of Spring Boot's health endpoint, and `application/health+json`
//! (draft-inadarei-api-health-check-06, which expired in 2022 and has no successor). One writer makes both.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use monitor_core::__private::date_and_time;
use monitor_core::health::{Thresholds, verdict};
use monitor_core::snapshot::StatusSnapshot;
use monitor_core::{Component, Health, HealthStatus, ReadinessPolicy, TaskStatus};

use super::{CheckReport, GROUPS, Groups, HealthService, HealthState, Readiness};
use crate::process::Service;

/// Everything that is known at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    /// The task types; those that count for readiness may have expired.
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
enum HealthPart<'r> {
    Task(&'r Component),
    Check(&'r CheckReport),
}

/// Some parts of a report, each under its key, and the verdict on them.
#[derive(Debug)]
struct Selected<'r> {
    kind: SelectedKind,
    status: HealthStatus,
    parts: Vec<(Arc<str>, HealthPart<'r>)>,
    /// Beside those of its parts.
    reason: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SelectedKind {
    All,
    Group,
    Part,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked<'p> {
    /// `/health`
    All,
    /// `/health/<name>`: a group, a check or a task type, the first that has the name.
    Named(&'p str),
}

/// How much an answer contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Everything.
    Full,
    /// The status alone.
    Status,
}

/// The format of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// That of Spring Boot's health endpoint: `UP`, `DOWN`.
    Spring,
    /// That of draft-inadarei-api-health-check-06: `pass`, `warn`, `fail`.
    HealthJson,
}

impl Shape {
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Spring => "application/json",
            Self::HealthJson => "application/health+json",
        }
    }

    /// A status in the format's words. What is not known is no failure, but for the draft a concern.
    const fn word(self, status: HealthStatus) -> &'static str {
        match (self, status) {
            (Self::Spring, status) => status.name(),
            (Self::HealthJson, HealthStatus::Up) => "pass",
            (Self::HealthJson, HealthStatus::Down) => "fail",
            (Self::HealthJson, _) => "warn",
        }
    }
}

/// A status, and the JSON that says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: HealthStatus,
    pub(crate) body: String,
}

impl HealthService {
    /// `None` if nothing has the name.
    pub(crate) fn answer(
        &self,
        asked: Asked<'_>,
        detail: Detail,
        shape: Shape,
        service: Option<&Service>,
    ) -> Option<Answer> {
        let mut report = self.report();
        if let Asked::Named(name) = asked
            && report.select(asked, &self.groups).is_none()
            && self.monitor.has_task(name)
        {
            report.health.components.extend(never_set(name));
        }
        let selected = report.select(asked, &self.groups)?;
        let body = match (detail, shape) {
            (Detail::Status, _) => object().text("status", shape.word(selected.status)).end(),
            (Detail::Full, Shape::Spring) => selected.spring(&self.groups),
            (Detail::Full, Shape::HealthJson) => selected.draft(service),
        };
        Some(Answer {
            status: selected.status,
            body,
        })
    }
}

/// A task type that exists and was never set is well: it is `OK` for no call yet, which is above no threshold.
fn never_set(name: &str) -> Vec<Component> {
    let status = StatusSnapshot {
        task: name.into(),
        status: TaskStatus::Ok,
        run: 0,
        age: None,
    };
    verdict(&Thresholds::default(), &[status]).components
}

/// The status of several: `DOWN` if one is, else `UP` if one is or there are none.
fn aggregate(statuses: impl IntoIterator<Item = HealthStatus>) -> HealthStatus {
    let order = |status: &HealthStatus| match status {
        HealthStatus::Down => 2,
        HealthStatus::Up => 1,
        _ => 0,
    };
    let worst = statuses.into_iter().max_by_key(order);
    worst.unwrap_or(HealthStatus::Up)
}

impl Report {
    /// `lifecycle` is readiness as far as it follows from start and drain.
    pub(crate) fn new(
        health: Health,
        checks: Vec<CheckReport>,
        policy: &ReadinessPolicy,
        lifecycle: Readiness,
        live: bool,
    ) -> Self {
        let is_marked =
            |check: &&CheckReport| check.check.counts_for_readiness || policy.contains(&check.name);
        let marked_checks = || checks.iter().filter(is_marked);
        let mut marked: Vec<Arc<str>> = policy.tasks().cloned().collect();
        marked.extend(marked_checks().map(|check| Arc::clone(&check.name)));
        marked.sort_unstable();
        marked.dedup();
        let has = |status| marked_checks().any(|check| check.status == status);
        let readiness = if lifecycle != Readiness::Ready {
            lifecycle
        } else if has(HealthStatus::Down) || policy.failing(&health).next().is_some() {
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

    /// Task types, then checks, each under its key.
    fn parts(&self) -> impl Iterator<Item = (Arc<str>, HealthPart<'_>)> {
        let tasks = self.health.components.iter().map(|task| {
            let key = match self.check(&task.task) {
                None => Arc::clone(&task.task),
                Some(_) => format!("task:{}", task.task).into(),
            };
            (key, HealthPart::Task(task))
        });
        let checks = self.checks.iter();
        tasks.chain(checks.map(|check| (Arc::clone(&check.name), HealthPart::Check(check))))
    }

    fn check(&self, name: &str) -> Option<&CheckReport> {
        self.checks.iter().find(|check| &*check.name == name)
    }

    fn select(&self, asked: Asked<'_>, groups: &Groups) -> Option<Selected<'_>> {
        let Asked::Named(name) = asked else {
            let parts = self.parts().collect();
            return Some(Selected::of(SelectedKind::All, parts, None));
        };
        self.group(name, groups).or_else(|| {
            let task = || self.health.component(name).map(HealthPart::Task);
            let part = self.check(name).map(HealthPart::Check).or_else(task)?;
            let parts = vec![(Arc::clone(part.name()), part)];
            Some(Selected::of(SelectedKind::Part, parts, None))
        })
    }

    /// What is in a group, and why it is down where its members do not say.
    fn group(&self, name: &str, groups: &Groups) -> Option<Selected<'_>> {
        let [liveness, readiness] = GROUPS;
        let (members, reason) = if name == liveness {
            let reason = (!self.live).then_some("the heartbeat is too old");
            (&[][..], reason)
        } else if name == readiness {
            let reason = match self.readiness {
                Readiness::Ready | Readiness::Unhealthy => None,
                other => Some(other.word()),
            };
            (&self.marked[..], reason)
        } else {
            (&groups.get(name)?[..], None)
        };
        let parts = self.members(members).collect();
        Some(Selected::of(SelectedKind::Group, parts, reason))
    }

    fn members(&self, names: &[Arc<str>]) -> impl Iterator<Item = (Arc<str>, HealthPart<'_>)> {
        let parts = self.parts();
        parts.filter(|(_, part)| names.contains(part.name()))
    }

    /// Why what counts for readiness is unhealthy.
    pub(crate) fn unready(&self) -> Vec<String> {
        let marked = self.members(&self.marked);
        marked.filter_map(|(_, part)| part.reason()).collect()
    }

    /// What watchers receive.
    pub(crate) fn state(&self, groups: &Groups) -> HealthState {
        let parts = self.parts().map(|(key, part)| (key, part.status()));
        let names = GROUPS.into_iter().map(Arc::from);
        let names = names.chain(groups.keys().cloned());
        let of_groups = names.filter_map(|name| {
            let status = self.group(&name, groups)?.status;
            Some((name, status))
        });
        let components: BTreeMap<_, _> = parts.collect();
        HealthState {
            live: self.live,
            readiness: self.readiness,
            status: aggregate(components.values().copied()),
            components,
            groups: of_groups.collect(),
        }
    }
}

impl HealthPart<'_> {
    fn status(self) -> HealthStatus {
        match self {
            Self::Task(task) => task.state(),
            Self::Check(check) => check.status,
        }
    }

    fn name(&self) -> &Arc<str> {
        match self {
            Self::Task(task) => &task.task,
            Self::Check(check) => &check.name,
        }
    }

    fn age(self) -> Option<Duration> {
        match self {
            Self::Task(task) => task.age,
            Self::Check(check) => check.age,
        }
    }

    /// Why it is unhealthy, where it is.
    fn reason(self) -> Option<String> {
        match self {
            Self::Task(task) => (!task.healthy).then(|| task.to_string()),
            Self::Check(check) => check.reason(),
        }
    }

    /// Status and details, as Spring Boot has them.
    fn spring(self) -> String {
        let details = match self {
            Self::Task(task) => object()
                .text("task_status", task.status.name())
                .json("run", &task.run.to_string())
                .option("threshold", task.threshold.map(|most| most.to_string()))
                .option("age_seconds", task.age.map(seconds)),
            Self::Check(check) => object()
                .option("age_seconds", check.age.map(seconds))
                .json("interval_seconds", &seconds(check.check.interval))
                .json("timeout_seconds", &seconds(check.check.timeout))
                .option("output", check.output.as_deref().map(quoted)),
        };
        object()
            .text("status", self.status().name())
            .json("details", &details.end())
            .end()
    }

    /// One of the draft's `checks`.
    fn draft(self, now: SystemTime) -> String {
        let observed = match self {
            Self::Task(task) => Some(quoted(task.status.name())),
            Self::Check(_) => None,
        };
        let observed_at = self.age().and_then(|age| now.checked_sub(age));
        object()
            .text("componentType", "component")
            .option("observedValue", observed)
            .text("status", Shape::HealthJson.word(self.status()))
            .option("time", observed_at.map(|time| quoted(&rfc3339(time))))
            // Not for what passes, as the draft asks.
            .option("output", self.reason().map(|reason| quoted(&reason)))
            .end()
    }
}

impl<'r> Selected<'r> {
    fn of(
        kind: SelectedKind,
        parts: Vec<(Arc<str>, HealthPart<'r>)>,
        reason: Option<&'static str>,
    ) -> Self {
        let status = match reason {
            Some(_) => HealthStatus::Down,
            None => aggregate(parts.iter().map(|(_, part)| part.status())),
        };
        Self {
            kind,
            status,
            parts,
            reason,
        }
    }

    fn reasons(&self) -> impl Iterator<Item = String> {
        let own = self.reason.map(str::to_owned);
        let parts = self.parts.iter().filter_map(|(_, part)| part.reason());
        own.into_iter().chain(parts)
    }

    fn spring(&self, groups: &Groups) -> String {
        if let (SelectedKind::Part, [(_, part)]) = (self.kind, &self.parts[..]) {
            return part.spring();
        }
        let mut components = object();
        for (key, part) in &self.parts {
            components = components.json(key, &part.spring());
        }
        let names = GROUPS.into_iter().chain(groups.keys().map(|name| &**name));
        let groups = (self.kind == SelectedKind::All).then(|| list(names.map(quoted)));
        object()
            .text("status", self.status.name())
            .json("components", &components.end())
            .json(
                "reasons",
                &list(self.reasons().map(|reason| quoted(&reason))),
            )
            .option("groups", groups)
            .end()
    }

    fn draft(&self, service: Option<&Service>) -> String {
        let now = SystemTime::now();
        let mut entries: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (key, part) in &self.parts {
            let measurement = match part {
                HealthPart::Task(_) => ":task_status",
                HealthPart::Check(_) => ":check",
            };
            // A colon divides component and measurement, and may be in neither.
            let key = key.replace(':', "_") + measurement;
            entries.entry(key).or_default().push(part.draft(now));
        }
        let mut checks = object();
        for (key, entries) in entries {
            checks = checks.json(&key, &list(entries));
        }
        let mut whole = object().text("status", Shape::HealthJson.word(self.status));
        if let Some(service) = service {
            let revision = service.revision.as_deref();
            whole = whole
                .text("serviceId", &service.name)
                .text("version", &service.version)
                .option("releaseId", revision.map(quoted));
        }
        let reasons: Vec<String> = self.reasons().collect();
        let output = (!reasons.is_empty()).then(|| quoted(&reasons.join("; ")));
        whole
            .option("output", output)
            .json("checks", &checks.end())
            .end()
    }
}

/// A JSON object that is being written.
struct JsonObject(String);

fn object() -> JsonObject {
    JsonObject(String::new())
}

impl JsonObject {
    /// Adds a member whose value is JSON.
    fn json(mut self, name: &str, value: &str) -> Self {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push_str(&quoted(name));
        self.0.push(':');
        self.0.push_str(value);
        self
    }

    /// Adds a member whose value is JSON, if there is one.
    fn option(self, name: &str, value: Option<String>) -> Self {
        match value {
            Some(value) => self.json(name, &value),
            None => self,
        }
    }

    fn text(self, name: &str, value: &str) -> Self {
        self.json(name, &quoted(value))
    }

    fn end(mut self) -> String {
        self.0.push_str(if self.0.is_empty() { "{}" } else { "}" });
        self.0
    }
}

fn list(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().collect();
    format!("[{}]", items.join(","))
}

/// A text as JSON has it (RFC 8259, section 7).
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\0'..'\u{20}' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(character));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// A number of seconds, to the millisecond: more digits than an age has.
fn seconds(time: Duration) -> String {
    format!("{:?}", (time.as_secs_f64() * 1e3).round() / 1e3)
}

/// RFC 3339, in UTC, to the second. Times before 1970 read as 1970.
fn rfc3339(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    date_and_time(since.as_secs(), 'T') + "Z"
}

#[cfg(test)]
mod tests;
