//! `health?range=`: probes, checks, task types, and when they changed.
//!
//! The states are those of `/health` at this moment. The spans come from the history, which is told of each part every
//! 2 s and keeps the worst state of a slot; so the newest change may be missing in them for that long.

use std::borrow::Cow;

use monitor_core::HealthStatus;
use monitor_core::history::{Event, EventKind, Range};
use monitor_core::verdict::Level;
use serde_json::{Map, Value, json};

use super::envelope::Look;
use super::events;
use super::query::{Query, Refusal};
use super::{Api, json};
use crate::health::{GROUPS, HealthPart, PartDetails, Readiness, Report};

/// Lanes of an overview; one more is for the rest.
const MOST_LANES: usize = 6;

/// Changes of status of an answer.
const MOST_CHANGES: usize = 50;

/// Spans of a lane, beyond which it flaps.
const MOST_SPANS: usize = 100;

/// Answers a request; always whole.
pub(super) fn answer(api: &Api, query: &str) -> Result<Value, Refusal> {
    let query = Query::parse(query, &["range", "since"])?;
    let range = query.range()?;
    let report = api.health.report();
    api.look(&query, |look| answer_of(api, look, &report, range))
}

pub(super) fn answer_of(api: &Api, look: &Look<'_>, report: &Report, range: Range) -> Value {
    let parts = report.parts.iter();
    let tasks = parts.clone().filter(|part| is_task(part));
    let checks = parts.filter(|part| !is_task(part));
    let mut object = Map::new();
    object.insert("probes".into(), probes(api, look, report));
    object.insert(
        "checks".into(),
        json::collected(checks.map(|part| check(look, part, range))),
    );
    object.insert(
        "tasks".into(),
        json::collected(tasks.map(|part| task(look, part, range))),
    );
    object.insert("groups".into(), groups(api));
    object.insert("history".into(), changes(look, range));
    look.sealed(true, object)
}

fn probes(api: &Api, look: &Look<'_>, report: &Report) -> Value {
    let has_started = api.health.lifecycle.has_started();
    let live = if report.live { "ok" } else { "stalled" };
    let started = if has_started { "started" } else { "starting" };
    let ready = report.readiness.is_ready();
    let unready = report.unready().join("; ");
    let why = match report.readiness {
        Readiness::Unhealthy => Some(unready.as_str()),
        _ => None,
    };
    let events = look.watch.events().iter().rev();
    let since = |kinds: &[EventKind]| {
        let mut events = events.clone();
        events
            .find(|event| kinds.contains(&event.kind))
            .map(|event| json::time(event.at))
    };
    // A service that has not started yet, or ends, is not ill.
    let level = match report.readiness {
        Readiness::Starting => Level::Idle,
        Readiness::Draining | Readiness::Stopped => Level::Warn,
        _ => Level::Bad,
    };
    let probe = |path: &str, is_fine: bool, word: &str, why: Option<&str>, since: Option<Value>| {
        let level = if path == "/livez" { Level::Bad } else { level };
        json!({
            "path": path,
            "code": if is_fine { 200 } else { 503 },
            "level": if is_fine { Level::Ok } else { level }.name(),
            "word": word,
            "why": json::optional_text(why),
            "since": since,
        })
    };
    let of_ready = since(&[EventKind::Ready, EventKind::Draining]);
    Value::from(vec![
        probe("/livez", report.live, live, None, None),
        probe("/readyz", ready, report.readiness.word(), why, of_ready),
        probe(
            "/startupz",
            has_started,
            started,
            None,
            since(&[EventKind::Started]),
        ),
    ])
}

fn check(look: &Look<'_>, part: &HealthPart, range: Range) -> Value {
    let (check, output) = match &part.details {
        PartDetails::Check(check, output) => (Some(check), output.as_deref()),
        _ => (None, part.reason.as_deref()),
    };
    let lane = Lane::of(look, part, range);
    json!({
        "name": json::text(&part.key),
        "status": part.status.name(),
        "level": level(part.status.name()).name(),
        "since": lane.since(),
        "age": part.age.map(|age| json::number(age.as_secs_f64())),
        "interval": check.map(|check| json::number(check.interval.as_secs_f64())),
        "timeout": check.map(|check| json::number(check.timeout.as_secs_f64())),
        "ready": part.counts_for_readiness,
        "output": json::optional_text(output),
        "spans": lane.spans(),
    })
}

fn task(look: &Look<'_>, part: &HealthPart, range: Range) -> Value {
    let PartDetails::Task(task) = &part.details else {
        return Value::Null;
    };
    let lane = Lane::of(look, part, range);
    json!({
        "name": json::text(&part.name),
        "status": part.status.name(),
        "level": level(part.status.name()).name(),
        "code": task.status.name(),
        "run": task.run,
        "threshold": task.threshold,
        "why": json::optional_text(part.reason.as_deref().and_then(events::why)),
        "ready": part.counts_for_readiness,
        "age": part.age.map(|age| json::number(age.as_secs_f64())),
        "since": lane.since(),
        "flaps": lane.flaps(),
        "spans": lane.spans(),
    })
}

/// Parts of health by group, as `/health/<group>` has them.
fn groups(api: &Api) -> Value {
    let state = api.health.state();
    let built_in = GROUPS.into_iter().map(|name| (name, Vec::new()));
    let own = api.health.groups.iter();
    let own = own.map(|(name, members)| {
        (
            &**name,
            members.iter().map(|name| json::text(name)).collect(),
        )
    });
    json::collected(
        built_in
            .chain(own)
            .map(|(name, members): (&str, Vec<Value>)| {
                let status = state.groups.get(name).map(|status| status.name());
                let group = json!({ "status": status, "members": members });
                (json::shown(name).into_owned(), group)
            }),
    )
}

/// The changes of all parts, the newest first, with what the event says of why, where there is one.
fn changes(look: &Look<'_>, range: Range) -> Value {
    let oldest = begin(look, range);
    let lanes = look.watch.lanes().iter();
    let changes = lanes.flat_map(|lane| {
        // The first state is no change.
        let changes = lane.changes.iter().skip(1);
        changes.map(|(at, is_up)| (look.unix(*at), &lane.name, *is_up))
    });
    let mut changes: Vec<_> = changes.filter(|(at, ..)| *at >= oldest).collect();
    changes.sort_by(|a, b| b.0.total_cmp(&a.0));
    json::collected(
        changes
            .into_iter()
            .take(MOST_CHANGES)
            .map(|(at, name, is_up)| {
                json!({
                    "t": json::time(at),
                    "name": json::text(events::own_name(name)),
                    "from": status(!is_up),
                    "to": status(is_up),
                    "level": level(status(is_up)).name(),
                    "why": json::optional_text(event_text(look, at, name, is_up).and_then(events::why)),
                })
            }),
    )
}

/// The sentence of the event of this change: of the same part, at the same time, and to the same status.
fn event_text<'l>(look: &'l Look<'_>, at: f64, name: &str, is_up: bool) -> Option<&'l str> {
    let mut events = look.watch.events().iter().rev();
    let is_own = |event: &&Event| {
        let is_change = matches!(event.kind, EventKind::Check | EventKind::Status);
        let is_same = is_change && *event.name == *name && (event.at - at).abs() < 2.0;
        is_same && events::is_up(&event.text) == is_up
    };
    events.find(is_own).map(|event| &*event.text)
}

/// How much a status matters. One that is `DOWN` is an incident, whether or not it counts for readiness.
fn level(status: &str) -> Level {
    match status {
        "UP" => Level::Ok,
        "DOWN" => Level::Bad,
        _ => Level::Idle,
    }
}

const fn status(is_up: bool) -> &'static str {
    if is_up { "UP" } else { "DOWN" }
}

fn begin(look: &Look<'_>, range: Range) -> f64 {
    look.now - json::double(range.step() * range.slots())
}

/// The statuses of one part within a range.
struct Lane {
    /// Since when, and what; at least one.
    spans: Vec<(f64, &'static str)>,
    since: Option<f64>,
}

impl Lane {
    fn of(look: &Look<'_>, part: &HealthPart, range: Range) -> Self {
        let oldest = begin(look, range).max(look.watch.created_at());
        let now = part.status.name();
        let lanes = &mut look.watch.lanes().iter();
        let lane = lanes.find(|lane| *lane.name == *name_in_history(part));
        let changes = lane.map(|lane| lane.changes.iter());
        let changes = changes.into_iter().flatten();
        let changes = changes.map(|(at, is_up)| (look.unix(*at), status(*is_up)));
        let mut spans: Vec<_> = changes.clone().filter(|(at, _)| *at > oldest).collect();
        let before = changes.clone().filter(|(at, _)| *at <= oldest).last();
        let first = before.map(|(_, status)| status);
        if let Some(first) = first {
            spans.insert(0, (oldest, first));
        }
        let last = changes.last().filter(|(_, status)| *status == now);
        let mut since = last.map(|(at, _)| at);
        // A task type that was never bad has no lane: it was UP all along.
        if is_task(part) && lane.is_none() && now != "DOWN" {
            spans.push((oldest, "UP"));
            since = Some(look.watch.created_at());
        }
        if part.status == HealthStatus::Unknown {
            // From the last look on at which it was known; of what has no lane, from the last call on.
            since = match lane {
                Some(lane) => Some(look.unix(lane.last)),
                None => part.age.map(|age| look.now - age.as_secs_f64()),
            };
            let at = since.unwrap_or(oldest);
            if at <= oldest {
                spans.clear();
            }
            spans.push((at.max(oldest), now));
        } else if spans.last().is_none_or(|(_, status)| *status != now) {
            // The history has not seen it yet.
            spans.push((look.now, now));
        }
        spans.drain(..spans.len().saturating_sub(MOST_SPANS));
        Self { spans, since }
    }

    fn since(&self) -> Value {
        self.since.map_or(Value::Null, json::time)
    }

    /// Changes within the range.
    fn flaps(&self) -> usize {
        self.spans.len() - 1
    }

    fn spans(&self) -> Value {
        let spans = self.spans.iter();
        json::collected(spans.map(|(at, status)| json!([json::time(*at), status])))
    }

    fn is_of_note(&self) -> bool {
        self.spans.iter().any(|(_, status)| *status != "UP")
    }
}

/// The name under which the history is told of a part.
fn name_in_history(part: &HealthPart) -> Cow<'_, str> {
    match part.details {
        PartDetails::Task(_) => format!("task type {}", part.name).into(),
        _ => (&*part.key).into(),
    }
}

fn is_task(part: &HealthPart) -> bool {
    matches!(part.details, PartDetails::Task(_))
}

/// The lanes of an overview: the parts that are or were unhealthy within the range, and one line for the rest. What is DOWN comes
/// first, checks before task types: they are mostly the cause.
pub(super) fn lanes(look: &Look<'_>, report: &Report, range: Range) -> Value {
    let lanes = report
        .parts
        .iter()
        .map(|part| (part, Lane::of(look, part, range)));
    // A task type of which nothing is known, as no call came for long, is idle, and neither UP nor of note.
    let lanes = lanes.filter(|(part, lane)| {
        let is_idle = is_task(part) && part.status == HealthStatus::Unknown;
        !is_idle || lane.spans.iter().any(|(_, status)| *status == "DOWN")
    });
    let (mut noted, rest): (Vec<_>, Vec<_>) = lanes.partition(|(_, lane)| lane.is_of_note());
    noted.sort_by_key(|(part, _)| (part.status != HealthStatus::Down, is_task(part)));
    let further = noted.split_off(noted.len().min(MOST_LANES));
    let mut list: Vec<_> = noted.iter().map(|(part, lane)| line(part, lane)).collect();
    let count = rest.len() + further.len();
    if count > 0 {
        let oldest = begin(look, range).max(look.watch.created_at());
        let status = if further.is_empty() { "UP" } else { "UNKNOWN" };
        list.push(json!({
            "name": "",
            "kind": "rest",
            "n": count,
            "level": level(status).name(),
            "spans": [[json::time(oldest), status]],
            "flaps": 0,
        }));
    }
    Value::Array(list)
}

fn line(part: &HealthPart, lane: &Lane) -> Value {
    let kind = match part.details {
        PartDetails::Task(_) => "task",
        _ => "check",
    };
    json!({
        "name": json::text(&part.key),
        "kind": kind,
        "n": 1,
        "level": level(part.status.name()).name(),
        "spans": lane.spans(),
        "flaps": lane.flaps(),
    })
}
