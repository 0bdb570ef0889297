//! Answers against their schema, deltas, and hostile names, from a history made by hand.

use std::sync::Arc;
use std::time::{Duration, Instant};

use monitor_core::history::{Facts, HistoryConfig, ProcessFigures, Range};
use monitor_core::slot::{
    Book, Boot, CallerSlot, Cells, FailureKind, FailureSlot, MethodSlot, Slot,
};
use monitor_core::snapshot::RunningCall;
use monitor_core::verdict::Watch;
use monitor_core::{CallGuard, Clock, ManualClock, Monitor, Outcome, StorageConfig};
use proptest::prelude::*;
use serde_json::{Map, Value};

use self::of_inflight::tree;
use self::schema::ApiSchema;
use super::envelope::Look;
use super::methods::{Lines, Wanted};
use super::*;
use crate::MonitorConfig;

mod of_compare;
mod of_inflight;
mod of_method;
mod of_methods;
mod of_rest;
mod of_series;
#[path = "../../tests/served/schema.rs"]
mod schema;

/// 2026-11-28 00:00:00 UTC, at which the clock of the slots is 0.
const CREATED: f64 = 1_795_824_000.0;

const TYPES: [&str; 3] = ["timed out", "unknown text", "succeeded"];

/// A history that has seen nothing.
fn watch(methods: usize) -> Watch {
    let boot = Boot {
        at: 0.0,
        version: None,
        is_clean: true,
    };
    let mut watch = Watch::new(&HistoryConfig::default(), CREATED, vec![boot]);
    *watch.book_mut() = Book {
        methods: (0..methods)
            .map(|id| format!("Method{id}").into())
            .collect(),
        types: TYPES.map(Arc::from).to_vec(),
    };
    watch
}

fn feed(watch: &mut Watch, tick: u64, methods: Vec<MethodSlot>) {
    let begin = json::double(tick) * 2.0;
    let mut entries = MethodSlot::default();
    for calls in methods.iter().filter(|calls| calls.entries > 0) {
        entries.begun += calls.entries;
        entries.entries += calls.entries;
        entries.ok.add(&calls.ok);
        entries.busy += calls.busy;
        entries.in_flight += calls.in_flight;
        entries.failures.extend(calls.failures.clone());
    }
    entries.failures.sort_by_key(|one| one.error_type);
    entries.failures.dedup_by(|later, first| {
        let is_same = later.error_type == first.error_type && later.kind == first.kind;
        if is_same {
            first.cells.add(&later.cells);
        }
        is_same
    });
    let slot = Slot {
        tick,
        begin,
        end: begin + 2.0,
        methods,
        entries,
        ..Slot::default()
    };
    watch.feed(&slot, &Facts::default());
}

/// Calls of one method in a slot.
fn calls(method: u32, begun: u64, failed: u64) -> MethodSlot {
    let ok = begun - failed.min(begun);
    let cells = |count: u64, cell: i16| {
        Cells(if count == 0 {
            Vec::new()
        } else {
            vec![(cell, count)]
        })
    };
    let failure = |error_type, kind, count| FailureSlot {
        error_type,
        kind,
        cells: cells(count, 8),
    };
    let mut failures = vec![failure(0, FailureKind::Counts, failed)];
    if ok > 4 {
        failures.push(failure(1, FailureKind::Expected, 1));
    }
    failures.retain(|one| !one.cells.is_empty());
    MethodSlot {
        method,
        begun,
        entries: begun.min(3),
        ok: cells(ok, -60 + i16::try_from(method % 5).expect("small") * 4),
        failures,
        callers: (begun > 3 && method > 0)
            .then(|| CallerSlot {
                caller: 0,
                begun: begun - 3,
                failed,
            })
            .into_iter()
            .collect(),
        busy: json::double(begun) * 0.01,
        in_flight: begun % 3,
        oldest: json::double(begun % 3),
        ..MethodSlot::default()
    }
}

/// 40 minutes of five methods, the last of which fails at the end.
fn busy() -> Watch {
    let mut watch = watch(6);
    for tick in 0..1200 {
        let failed = if tick > 1150 { 7 } else { 0 };
        let mut methods: Vec<_> = (0..4).map(|id| calls(id, 5 + u64::from(id), 0)).collect();
        methods.push(calls(4, 9, failed));
        feed(&mut watch, tick, methods);
    }
    watch
}

fn api() -> Arc<Api> {
    api_of(Monitor::new(StorageConfig::default()))
}

fn api_of(monitor: Monitor) -> Arc<Api> {
    let config = MonitorConfig::default().registry(prometheus::Registry::new());
    Arc::clone(&Context::new(monitor, &config).api)
}

fn since(watch: &Watch, tick: u64) -> Look<'_> {
    let mut look = Look::new(watch);
    look.now = CREATED + json::double(watch.tick().unwrap_or(0)) * 2.0 + 2.0;
    look.since = Some(tick);
    look
}

fn whole(watch: &Watch) -> Look<'_> {
    let mut look = since(watch, 0);
    look.since = None;
    look
}

fn method_of(look: &Look<'_>, id: u32, range: Range) -> Value {
    method::answer_of(look, id, range, &method::Beside::default())
}

fn methods_of(look: &Look<'_>, wanted: Wanted, tables: &Tables) -> Value {
    parsed(&Lines::read(look, wanted, tables).answer(tables))
}

fn parsed(answer: &[u8]) -> Value {
    serde_json::from_slice(answer).expect("JSON")
}

/// The answers of all endpoints that are made of the history alone, by the name of their schema.
fn answers(api: &Api, watch: &Watch) -> Vec<(&'static str, Value)> {
    let look = whole(watch);
    let beside = series::Beside::of(api);
    let report = api.health.report();
    let mut answers = vec![
        ("verdict", verdict::answer_of(api, &look, [true, true])),
        (
            "health",
            health::answer_of(api, &look, &report, Range::Hours24),
        ),
        (
            "methods",
            parsed(&Lines::read_all(&look, &api.tables).answer(&api.tables)),
        ),
        ("inflight", inflight::answer_of(&look, &tree(), 9)),
        (
            "values",
            values::answer_of(&look, &api.monitor.snapshot(), None),
        ),
        (
            "runtime",
            runtime::answer_of(&look, &runtime::Families::read(api)),
        ),
    ];
    for range in [Range::Minutes15, Range::Hours3, Range::Hours24] {
        answers.push(("overview", series::overview_of(&look, range, &beside)));
        for id in 0..u32::try_from(watch.book().methods.len()).expect("few") {
            answers.push(("method", method_of(&look, id, range)));
        }
    }
    answers
}

#[test]
fn every_answer_is_as_its_schema_has_it() {
    let mut schema = ApiSchema::strict();
    let api = api();
    for watch in [&watch(0), &watch(3), &busy()] {
        for (name, answer) in answers(&api, watch) {
            schema.check(name, &answer);
        }
    }
}

#[test]
fn a_schema_refuses_what_it_does_not_name() {
    let mut schema = ApiSchema::strict();
    let api = api();
    for (name, answer) in answers(&api, &busy()) {
        let mut more = answer.clone();
        more["unknown_field"] = 1.into();
        assert!(!schema.is_valid(name, &more), "{name}");
        let mut less = answer;
        less.as_object_mut().expect("an object").remove("boot");
        assert!(!schema.is_valid(name, &less), "{name}");
    }
}

#[test]
fn the_document_names_every_field_of_the_schema() {
    let schema = serde_json::from_str(&schema::document("api.schema.json")).expect("JSON");
    let text = schema::document("api.md");
    for name in schema::field_names(&schema) {
        assert!(
            text.contains(&format!("`{name}`")),
            "docs/api.md has no `{name}`"
        );
    }
    for name in ENDPOINTS {
        assert!(
            text.contains(&format!("## `{name}")),
            "docs/api.md has no endpoint {name}"
        );
    }
}
