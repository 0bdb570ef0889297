//! A service's health at one moment, the verdicts on it, and the answers of `/health` and the paths below.
//!
//! A [`Report`] is plain data: task types as the storage judges them, the last result of each check, readiness,
//! liveness. All here is a pure function of it. A task type and a check may have one name: the check keeps it, and the
//! key of the task type is `task:<name>`. Members of a group that do not exist (yet) count for nothing.
//!
//! Those who may see details also see why calls fail: a task type has the last error texts of the methods that feed it,
//! the newest one where all parts are shown, more where it is asked for by name.
//!
//! There are two formats of an answer: that of Spring Boot's health endpoint, and `application/health+json`
//! (draft-inadarei-api-health-check-06, which expired in 2022 and has no successor). One writer makes both.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use monitor_core::__private::date_and_time;
use monitor_core::health::{Thresholds, verdict};
use monitor_core::snapshot::{LastError, StatusSnapshot};
use monitor_core::{
    Component, DEFAULT_TASK, FailureShare, Health, HealthStatus, ReadinessPolicy, TaskStatus,
};

use super::{
    GROUPS, Groups, HealthPart, HealthService, HealthState, PartDetails, Readiness, runtimes,
};
use crate::access::Access;
use crate::process::Service;

/// All parts at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Report {
    /// Task types, then runtimes, workers and checks, each by name.
    pub(crate) parts: Vec<HealthPart>,
    pub(crate) readiness: Readiness,
    pub(crate) live: bool,
}

/// Some parts of a report, and the verdict on them.
#[derive(Debug)]
struct Selected<'r> {
    kind: SelectedKind,
    status: HealthStatus,
    parts: Vec<&'r HealthPart>,
    /// Beside those of its parts.
    reason: Option<&'static str>,
    /// Why calls fail that feed a task type, as JSON, the newest first. Empty where details are not shown.
    errors: HashMap<Arc<str>, Vec<String>>,
}

/// Most error texts of one task type, where it is asked for by name.
const MOST_ERRORS: usize = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SelectedKind {
    All,
    Group,
    Part,
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

    /// A status in the format's words, as JSON. `UNKNOWN` is no failure, but for the draft a concern.
    fn word(self, status: HealthStatus) -> String {
        quoted(match (self, status) {
            (Self::Spring, status) => status.name(),
            (Self::HealthJson, HealthStatus::Up) => "pass",
            (Self::HealthJson, HealthStatus::Down) => "fail",
            (Self::HealthJson, _) => "warn",
        })
    }
}

impl HealthService {
    /// The answer of `/health` and, with a name, `/health/<name>`, of a group, a check or a task type, the first that
    /// has the name: a status, and its JSON. `None` if nothing has the name.
    pub(crate) fn answer(
        &self,
        name: Option<&str>,
        access: Access,
        shape: Shape,
        service: Option<&Service>,
    ) -> Option<(HealthStatus, String)> {
        let mut report = self.report();
        if let Some(name) = name
            && report.select(Some(name), &self.groups).is_none()
            && self.monitor.has_task(name)
        {
            report.parts.extend(never_set(name));
        }
        let mut selected = report.select(name, &self.groups)?;
        if access == Access::Full {
            let most = selected.most_errors();
            let errors = match most {
                1 => self.monitor.newest_errors(Duration::MAX),
                _ => self.monitor.last_errors(Duration::MAX),
            };
            selected.errors = errors_by_task(errors, most);
        }
        let body = match (access, shape) {
            (Access::Full, Shape::Spring) => selected.spring(&self.groups),
            (Access::Full, Shape::HealthJson) => selected.draft(service),
            _ => object([("status", Some(shape.word(selected.status)))]),
        };
        Some((selected.status, body))
    }
}

/// A task type that exists and was never set is well: it is `OK` for no call yet, which is above no threshold.
fn never_set(name: &str) -> impl Iterator<Item = HealthPart> + use<> {
    let status = StatusSnapshot {
        task: name.into(),
        status: TaskStatus::Ok,
        run: 0,
        age: None,
    };
    let health = verdict(&Thresholds::default(), &[status]);
    health.components.into_iter().map(HealthPart::from)
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
        checks: Vec<HealthPart>,
        policy: &ReadinessPolicy,
        lifecycle: Readiness,
        live: bool,
    ) -> Self {
        let tasks = health.components.into_iter();
        let mut parts: Vec<_> = tasks.map(HealthPart::from).collect();
        let is_check = |part: &&HealthPart| matches!(part.details, PartDetails::Check(..));
        for check in checks.iter().filter(is_check) {
            let task = parts.iter_mut().find(|task| task.name == check.name);
            if let Some(task) = task {
                task.key = format!("task:{}", task.name).into();
            }
        }
        let (mut is_ill, mut is_waited_for) = (false, false);
        parts.extend(checks);
        for part in &mut parts {
            part.counts_for_readiness |= policy.contains(&part.name);
            let is_check = is_check(&&*part);
            match part.status {
                _ if !part.counts_for_readiness => {}
                HealthStatus::Down => is_ill = true,
                HealthStatus::Unknown => is_waited_for |= is_check,
                _ => {}
            }
        }
        let readiness = match lifecycle {
            Readiness::Ready if is_ill => Readiness::Unhealthy,
            Readiness::Ready if is_waited_for => Readiness::Starting,
            other => other,
        };
        Self {
            parts,
            readiness,
            live,
        }
    }

    /// The parts that a name stands for; without one, all.
    fn select(&self, name: Option<&str>, groups: &Groups) -> Option<Selected<'_>> {
        let [liveness, readiness] = GROUPS;
        let (kind, parts, reason): (_, Vec<_>, _) = match name {
            None => (SelectedKind::All, self.parts.iter().collect(), None),
            Some(name) if name == liveness => {
                let reason = (!self.live).then(|| self.stall());
                (SelectedKind::Group, Vec::new(), reason)
            }
            Some(name) if name == readiness => {
                let reason = match self.readiness {
                    Readiness::Ready | Readiness::Unhealthy => None,
                    other => Some(other.word()),
                };
                (SelectedKind::Group, self.marked().collect(), reason)
            }
            Some(name) => {
                if let Some(names) = groups.get(name) {
                    let is_member = |part: &&HealthPart| names.contains(&part.name);
                    let members = self.parts.iter().filter(is_member);
                    (SelectedKind::Group, members.collect(), None)
                } else {
                    let part = self.parts.iter().rfind(|part| &*part.name == name)?;
                    (SelectedKind::Part, vec![part], None)
                }
            }
        };
        let status = match reason {
            Some(_) => HealthStatus::Down,
            None => aggregate(parts.iter().map(|part| part.status)),
        };
        Some(Selected {
            kind,
            status,
            parts,
            reason,
            errors: HashMap::new(),
        })
    }

    /// The reason for which the process is not live.
    fn stall(&self) -> &'static str {
        let is_stuck = |part: &HealthPart| {
            part.details == PartDetails::Watched(runtimes::KIND)
                && part.status == HealthStatus::Down
        };
        if self.parts.iter().any(is_stuck) {
            "a runtime is stuck"
        } else {
            "the heartbeat is too old"
        }
    }

    /// The parts that count for readiness.
    fn marked(&self) -> impl Iterator<Item = &HealthPart> {
        self.parts.iter().filter(|part| part.counts_for_readiness)
    }

    /// The reasons for which parts that count for readiness are unhealthy.
    pub(crate) fn unready(&self) -> Vec<&str> {
        let reasons = self.marked().map(|part| part.reason.as_deref());
        reasons.flatten().collect()
    }

    /// The state that watchers receive.
    pub(crate) fn state(&self, groups: &Groups) -> HealthState {
        let names = GROUPS.into_iter().map(Arc::from);
        let names = names.chain(groups.keys().cloned());
        let of_groups = names.filter_map(|name| {
            let status = self.select(Some(&name), groups)?.status;
            Some((name, status))
        });
        let parts = self.parts.iter();
        HealthState {
            live: self.live,
            readiness: self.readiness,
            status: aggregate(parts.clone().map(|part| part.status)),
            components: parts
                .map(|part| (Arc::clone(&part.key), part.status))
                .collect(),
            groups: of_groups.collect(),
        }
    }
}

impl From<Component> for HealthPart {
    fn from(task: Component) -> Self {
        Self {
            name: Arc::clone(&task.task),
            key: Arc::clone(&task.task),
            status: task.state(),
            age: task.age,
            reason: (!task.healthy).then(|| task.to_string()),
            counts_for_readiness: false,
            run: None,
            details: PartDetails::Task(task),
        }
    }
}

impl HealthPart {
    /// Status and details, as Spring Boot has them.
    fn spring(&self, errors: Option<String>) -> String {
        let age = self.age.map(seconds);
        let details = match &self.details {
            PartDetails::Task(task) => object([
                ("task_status", Some(quoted(task.status.name()))),
                ("run", Some(task.run.to_string())),
                ("threshold", task.threshold.map(|run| run.to_string())),
                (
                    "failure_share",
                    task.failure_share.as_ref().map(failure_share),
                ),
                ("age_seconds", age),
                ("errors", errors),
            ]),
            PartDetails::Check(check, output) => object([
                ("age_seconds", age),
                ("interval_seconds", Some(seconds(check.interval))),
                ("timeout_seconds", Some(seconds(check.timeout))),
                ("output", output.as_deref().map(quoted)),
            ]),
            PartDetails::Watched(_) => object([
                ("age_seconds", age),
                ("output", self.reason.as_deref().map(quoted)),
            ]),
        };
        let status = Shape::Spring.word(self.status);
        object([("status", Some(status)), ("details", Some(details))])
    }

    /// Key and value in the draft's `checks`.
    fn draft(&self, now: SystemTime, errors: Option<String>) -> (String, String) {
        let (measurement, observed) = match &self.details {
            PartDetails::Task(task) => (":task_status", Some(quoted(task.status.name()))),
            PartDetails::Check(..) => (":check", None),
            // The kind stands before the name.
            PartDetails::Watched(_) => ("", None),
        };
        let observed_at = self.age.and_then(|age| now.checked_sub(age));
        let entry = object([
            ("componentType", Some(quoted("component"))),
            ("observedValue", observed),
            ("status", Some(Shape::HealthJson.word(self.status))),
            ("time", observed_at.map(|time| quoted(&rfc3339(time)))),
            // Absent where the status is `pass`, as the draft asks.
            ("output", self.reason.as_deref().map(quoted)),
            ("errors", errors),
        ]);
        // A colon divides component and measurement, and may be in neither.
        (self.key.replace(':', "_") + measurement, entry)
    }
}

impl Selected<'_> {
    /// Most error texts that are shown of one task type.
    fn most_errors(&self) -> usize {
        match self.kind {
            SelectedKind::Part => MOST_ERRORS,
            _ => 1,
        }
    }

    /// Why the calls fail that feed a task type, as JSON.
    fn errors_of(&self, part: &HealthPart) -> Option<String> {
        let PartDetails::Task(task) = &part.details else {
            return None;
        };
        let errors = self.errors.get(&task.task)?;
        Some(list(errors.iter().cloned()))
    }

    fn reasons(&self) -> impl Iterator<Item = &str> {
        let parts = self.parts.iter().filter_map(|part| part.reason.as_deref());
        self.reason.into_iter().chain(parts)
    }

    fn spring(&self, groups: &Groups) -> String {
        if self.kind == SelectedKind::Part {
            return self
                .parts
                .iter()
                .map(|part| part.spring(self.errors_of(part)))
                .collect();
        }
        let parts = self.parts.iter();
        let components = parts.map(|part| (&part.key, Some(part.spring(self.errors_of(part)))));
        let names = GROUPS.into_iter().chain(groups.keys().map(|name| &**name));
        let is_whole = self.kind == SelectedKind::All;
        object([
            ("status", Some(Shape::Spring.word(self.status))),
            ("components", Some(object(components))),
            ("reasons", Some(list(self.reasons().map(quoted)))),
            ("groups", is_whole.then(|| list(names.map(quoted)))),
        ])
    }

    fn draft(&self, service: Option<&Service>) -> String {
        let now = SystemTime::now();
        let mut checks: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (key, entry) in self
            .parts
            .iter()
            .map(|part| part.draft(now, self.errors_of(part)))
        {
            checks.entry(key).or_default().push(entry);
        }
        let checks = checks
            .into_iter()
            .map(|(key, entries)| (key, Some(list(entries))));
        let reasons: Vec<_> = self.reasons().collect();
        let output = (!reasons.is_empty()).then(|| quoted(&reasons.join("; ")));
        let revision = service.and_then(|service| service.revision.as_deref());
        object([
            ("status", Some(Shape::HealthJson.word(self.status))),
            ("serviceId", service.map(|service| quoted(&service.name))),
            ("version", service.map(|service| quoted(&service.version))),
            ("releaseId", revision.map(quoted)),
            ("output", output),
            ("checks", Some(object(checks))),
        ])
    }
}

/// The details of a task type that fails too often.
fn failure_share(share: &FailureShare) -> String {
    let rounded = (share.share() * 1e3).round() / 1e3;
    object([
        ("method", Some(quoted(&share.method))),
        ("share", Some(rounded.to_string())),
        ("limit", Some(share.limit.to_string())),
        ("calls", Some(share.calls.to_string())),
        ("failures", Some(share.failures.to_string())),
        ("cancelled", Some(share.cancelled.to_string())),
        ("window_seconds", Some(seconds(share.window))),
        ("since_seconds", Some(seconds(share.since))),
    ])
}

/// Of each task type at most so many errors of the calls that feed it, as JSON, the newest first.
fn errors_by_task(mut errors: Vec<LastError>, most: usize) -> HashMap<Arc<str>, Vec<String>> {
    errors.sort_by(|a, b| b.last.total_cmp(&a.last));
    let mut by_task: HashMap<Arc<str>, Vec<String>> = HashMap::new();
    for error in &errors {
        let own = error.task.as_deref();
        let all = own.map(|_| DEFAULT_TASK);
        for task in own.into_iter().chain(all.filter(|all| own != Some(all))) {
            if !by_task.contains_key(task) {
                by_task.insert(task.into(), Vec::new());
            }
            if let Some(shown) = by_task.get_mut(task).filter(|shown| shown.len() < most) {
                shown.push(error_json(error));
            }
        }
    }
    by_task
}

fn error_json(error: &LastError) -> String {
    let at = |unix: f64| {
        let since = Duration::try_from_secs_f64(unix).unwrap_or_default();
        Some(quoted(&rfc3339(UNIX_EPOCH + since)))
    };
    object([
        ("method", Some(quoted(&error.method))),
        ("error_type", Some(quoted(&error.error_type))),
        ("text", Some(quoted(&error.text))),
        ("count", Some(error.count.to_string())),
        ("first", at(error.first)),
        ("last", at(error.last)),
    ])
}

/// A JSON object of members that are JSON; without those that have no value.
fn object(members: impl IntoIterator<Item = (impl AsRef<str>, Option<String>)>) -> String {
    let members = members.into_iter();
    let members = members.filter_map(|(name, value)| Some(quoted(name.as_ref()) + ":" + &value?));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

/// A JSON array of items that are JSON.
fn list(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", Vec::from_iter(items).join(","))
}

/// A text as JSON has it (RFC 8259, section 7).
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\0'..'\u{20}' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(character));
            }
            other => quoted.push(other),
        }
    }
    quoted + "\""
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
