//! Health as JSON: in Spring Boot's shape, and as `application/health+json`
//! (draft-inadarei-api-health-check-06, which expired in 2022 and is what there is).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use monitor_core::HealthStatus;
use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::CheckReport;
use super::report::Part;
use super::time::rfc3339;

/// `/health` and its groups.
#[derive(Debug, serde::Serialize)]
pub(super) struct Whole<'a> {
    pub(super) status: HealthStatus,
    pub(super) components: Keyed<'a>,
    pub(super) reasons: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) groups: Option<Vec<&'a str>>,
}

/// What those see who may not see details.
#[derive(Debug, serde::Serialize)]
pub(super) struct One {
    status: HealthStatus,
}

impl One {
    pub(super) fn of(status: HealthStatus) -> Self {
        Self { status }
    }
}

/// Parts as a map from key.
#[derive(Debug)]
pub(super) struct Keyed<'a>(pub(super) &'a [(Arc<str>, Part<'a>)]);

impl Serialize for Keyed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let parts = self.0.iter();
        serializer.collect_map(parts.map(|(key, part)| (&**key, Detailed(*part))))
    }
}

/// One part with its details.
pub(super) struct Detailed<'a>(pub(super) Part<'a>);

impl Serialize for Detailed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Part::Task(task) => task.serialize(serializer),
            Part::Check(check) => {
                let mut part = serializer.serialize_struct("Check", 2)?;
                part.serialize_field("status", &check.status)?;
                part.serialize_field("details", &CheckDetails::of(check))?;
                part.end()
            }
        }
    }
}

#[derive(serde::Serialize)]
struct CheckDetails<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    age_seconds: Option<f64>,
    interval_seconds: f64,
    timeout_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a str>,
}

impl<'a> CheckDetails<'a> {
    fn of(report: &'a CheckReport) -> Self {
        Self {
            age_seconds: report.age.map(seconds),
            interval_seconds: seconds(report.check.interval),
            timeout_seconds: seconds(report.check.timeout),
            output: report.output.as_deref(),
        }
    }
}

/// To the millisecond: more digits than an age has.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e3).round() / 1e3
}

/// A status in the draft's words. What is not known is no failure, but a concern.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word(pub(super) HealthStatus);

impl Serialize for Word {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self.0 {
            HealthStatus::Up => "pass",
            HealthStatus::Down => "fail",
            _ => "warn",
        })
    }
}

/// The draft's one mandatory field.
#[derive(Debug, serde::Serialize)]
pub(super) struct Status {
    status: Word,
}

impl Status {
    pub(super) fn of(status: HealthStatus) -> Self {
        Self {
            status: Word(status),
        }
    }
}

/// The draft's root object.
#[derive(Debug, serde::Serialize)]
pub(super) struct HealthJson<'a> {
    pub(super) status: Word,
    #[serde(flatten)]
    pub(super) service: Option<Service<'a>>,
    /// Why, where it fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output: Option<String>,
    pub(super) checks: Entries,
}

/// Which service it is, where that is configured.
#[derive(Debug, serde::Serialize)]
pub(super) struct Service<'a> {
    #[serde(rename = "serviceId")]
    id: &'a str,
    version: &'a str,
    #[serde(rename = "releaseId", skip_serializing_if = "Option::is_none")]
    revision: Option<&'a str>,
}

impl<'a> Service<'a> {
    pub(super) fn of(service: &'a crate::process::Service) -> Self {
        Self {
            id: &service.name,
            version: &service.version,
            revision: service.revision.as_deref(),
        }
    }
}

/// The draft's `checks`: lists by `component:measurement`.
#[derive(Debug, serde::Serialize)]
#[serde(transparent)]
pub(super) struct Entries(BTreeMap<String, Vec<Entry>>);

#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    component_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    observed_value: Option<&'static str>,
    status: Word,
    /// When the value was observed.
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    /// Not for what passes, as the draft asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
}

impl Entries {
    pub(super) fn new(parts: &[(Arc<str>, Part<'_>)], now: SystemTime) -> Self {
        let mut entries: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        for (key, part) in parts {
            let (measurement, value, age) = match part {
                Part::Task(task) => (":task_status", Some(task.status.name()), task.age),
                Part::Check(check) => (":check", None, check.age),
            };
            let time = age.and_then(|age| now.checked_sub(age));
            let entry = Entry {
                component_type: "component",
                observed_value: value,
                status: Word(part.status()),
                time: time.map(rfc3339),
                output: part.reason(),
            };
            // A colon divides component and measurement, and may be in neither.
            let key = key.replace(':', "_") + measurement;
            entries.entry(key).or_default().push(entry);
        }
        Self(entries)
    }
}
