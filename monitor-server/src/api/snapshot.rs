//! `snapshot`: all answers in one object, to be kept as a file.
//!
//! It is at most [`MOST_BYTES`] long. Its parts are added in the order in which they matter, and one that has no room is
//! named in `left`: the details of single methods go first, and the verdict never does.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use monitor_core::__private::date_and_time;
use monitor_core::history::Range;
use serde_json::{Map, Value, json};

use super::envelope::Look;
use super::methods::Lines;
use super::query::{Query, Refusal};
use super::{
    Api, compare, events, health, inflight, json, method, runtime, series, values, verdict,
};
use crate::process::Service;

/// The most bytes of a snapshot.
pub(super) const MOST_BYTES: usize = 8 << 20;

/// Room for names, commas and the list of what was left out.
const RESERVED: usize = 64 << 10;

/// The methods in trouble that have their details in it, and as many of the busiest.
const MOST_CHOSEN: usize = 50;

/// Room that the details of a method may need, of which a part was left out.
const FULL: usize = 128 << 10;

const RANGES: [(&str, Range); 3] = [
    ("15m", Range::Minutes15),
    ("3h", Range::Hours3),
    ("24h", Range::Hours24),
];

/// Answers a request.
pub(super) fn answer(api: &Api, query: &str) -> Result<Value, Refusal> {
    let query = Query::parse(query, &[])?;
    let snapshot = api.monitor.snapshot();
    let errors = api.monitor.last_errors(Duration::MAX);
    let running = api.monitor.running(inflight::MOST_READ);
    let in_flight = api.monitor.in_flight();
    let families = runtime::Families::read(api);
    let beside = series::Beside::of(api);
    let report = api.health.report();
    let probes = [report.readiness.is_ready(), report.live];
    let uptime = snapshot.taken_at - snapshot.created_at;
    let (mut parts, overviews, own, values, windows, chosen, recent) =
        api.look(&query, |look| {
            let mut events_of = Map::new();
            events_of.insert("events".into(), events::list(look, Range::Hours24));
            (
                Parts::new(look),
                RANGES.map(|(_, range)| series::overview_of(look, range, &beside)),
                [
                    ("verdict", verdict::answer_of(api, look, probes)),
                    ("inflight", inflight::answer_of(look, &running, in_flight)),
                    (
                        "health",
                        health::answer_of(api, look, &report, Range::Hours24),
                    ),
                    ("events", look.sealed(true, events_of)),
                    ("runtime", runtime::answer_of(look, &families)),
                ],
                values::answer_of(look, &snapshot, None),
                compare::windows(look),
                method::chosen(look, MOST_CHOSEN),
                Arc::clone(look.recent()),
            )
        })?;
    for (name, part) in own {
        parts.add(name, part);
    }
    for ((name, _), part) in RANGES.into_iter().zip(overviews) {
        parts.add_to("overview", name, part);
    }
    let lines = api.look(&query, |look| Lines::read_all(look, &api.tables))?;
    let methods = serde_json::from_slice(&lines.answer(&api.tables));
    parts.add("methods", methods.unwrap_or_default());
    parts.add("windows", windows);
    parts.add("values", values);
    // The history is locked for one method at a time, so that looks come between.
    for (id, name) in chosen {
        if parts.is_full() {
            parts.left_out(format!("method/{}", json::shown(&name)));
            continue;
        }
        let own = method::Beside::from_all(api, &name, &snapshot.methods, &errors, uptime);
        let answer = api.look(&query, |look| {
            look.with_recent(&recent);
            method::answer_of(look, id, Range::Minutes15, &own)
        })?;
        parts.add_to("method", &json::shown(&name), answer);
    }
    Ok(parts.object())
}

/// The parts that have room.
pub(super) struct Parts {
    object: Map<String, Value>,
    left: Vec<String>,
    room: usize,
}

impl Parts {
    pub(super) fn new(look: &Look<'_>) -> Self {
        let mut object = Map::new();
        object.insert("format".into(), "monitor-snapshot".into());
        object.insert("v".into(), 1.into());
        object.insert("taken".into(), json::time(look.now));
        object.insert("envelope".into(), look.sealed(true, Map::new()));
        for name in ["overview", "method"] {
            object.insert(name.into(), json!({}));
        }
        Self {
            object,
            left: Vec::new(),
            room: MOST_BYTES - RESERVED,
        }
    }

    pub(super) fn add(&mut self, name: &str, part: Value) {
        match self.room_after(name, &part) {
            Some(room) => {
                self.room = room;
                self.object.insert(name.to_owned(), part);
            }
            None => self.left_out(name.to_owned()),
        }
    }

    pub(super) fn add_to(&mut self, group: &str, name: &str, part: Value) {
        match self.room_after(name, &part) {
            Some(room) => {
                self.room = room;
                self.object[group][name] = part;
            }
            None => self.left_out(format!("{group}/{name}")),
        }
    }

    /// Whether there is hardly room for a further method.
    fn is_full(&self) -> bool {
        self.room < FULL
    }

    fn room_after(&self, name: &str, part: &Value) -> Option<usize> {
        // A name of text is at most six times as long as JSON, with quotes, colon and comma.
        let size = part.to_string().len() + name.len() * 6 + 4;
        self.room.checked_sub(size)
    }

    /// At most as many names as there is room for; the last one says that there are more.
    fn left_out(&mut self, name: String) {
        const MOST: usize = 50;
        match self.left.len() {
            0..MOST => self.left.push(name),
            MOST => self.left.push("..".to_owned()),
            _ => {}
        }
    }

    pub(super) fn object(mut self) -> Value {
        let left = self.left.iter().map(|name| json::text(name));
        self.object.insert("left".into(), json::collected(left));
        Value::Object(self.object)
    }
}

/// `textprocessor-20261128T031400Z.json`: letters, digits, `-`, `_` and `.` alone.
pub(super) fn file_name(service: Option<&Service>) -> String {
    let name = service.map_or("monitor", |service| &service.name);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = name
        .chars()
        .take(80)
        .map(|c| if is_plain(c) { c } else { '_' })
        .collect();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let digits = date_and_time(now.as_secs(), 'T').replace(['-', ':'], "");
    format!("{name}-{digits}Z.json")
}
