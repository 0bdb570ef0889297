//! `methods/<name>?range=`: all that is known of one method.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use monitor_core::MethodSite;
use monitor_core::history::{Range, SlotOf, Subject};
use monitor_core::slot::{Cells, FailureKind, MethodSlot};
use monitor_core::snapshot::{LastCall, LastError, MethodSnapshot};
use serde_json::{Map, Value, json};

use super::envelope::Look;
use super::methods::{self, method_named};
use super::query::{Query, Refusal};
use super::series::{Field, Grid};
use super::table::COLS;
use super::{Api, events, json, learned};

/// Columns of a heat map: 10 s each of 15 minutes, 2 minutes of 3 hours, 16 minutes of 24 hours.
const COLUMNS: u64 = 90;

/// Cells of a row of a heat map: six rows a decade, of 26.6 cells.
const CELLS_A_ROW: i16 = 4;

/// The rows that a heat map has at least: from 86 us to 11.3 s.
const LEAST_ROWS: (i16, i16) = (-26, 7);

/// Calls, error texts and label sets of an answer.
const MOST_CALLS: usize = 100;
const MOST_TEXTS: usize = 20;
const MOST_LABEL_SETS: usize = 20;

/// Places in the source of an answer.
const MOST_SITES: usize = 100;

/// Callers and callees of an answer.
const MOST_EDGES: usize = 100;

/// The share of a caller's calls that failed is not known where it may be wrong by more than one in so many.
const MOST_UNSURE: u64 = 5;

/// What is known of a method beside the history.
#[derive(Debug, Default)]
pub(super) struct Beside {
    calls: Vec<LastCall>,
    errors: Vec<LastError>,
    labels: Vec<MethodSnapshot>,
    /// Calls begun since the start of the process.
    started: u64,
    uptime: f64,
}

impl Beside {
    /// Reads it of one method.
    fn of(api: &Api, name: &str) -> Self {
        let snapshot = api.monitor.snapshot();
        let errors = api.monitor.last_errors(Duration::MAX);
        Self::from_all(
            api,
            name,
            &snapshot.methods,
            &errors,
            snapshot.taken_at - snapshot.created_at,
        )
    }

    /// Picks it from that of all methods.
    pub(super) fn from_all(
        api: &Api,
        name: &str,
        methods: &[MethodSnapshot],
        errors: &[LastError],
        uptime: f64,
    ) -> Self {
        let sets = methods.iter().filter(|set| &*set.name == name);
        let labels = sets.clone().filter(|set| !set.labels.is_empty());
        let errors = errors.iter().filter(|error| &*error.method == name);
        Self {
            calls: api.monitor.last_calls(name),
            errors: errors.cloned().collect(),
            labels: labels.cloned().collect(),
            started: sets.map(|set| set.started).sum(),
            uptime,
        }
    }
}

/// Answers a request.
pub(super) fn answer(api: &Api, name: &str, query: &str) -> Result<Value, Refusal> {
    let query = Query::parse(query, &["range", "since"])?;
    let range = query.range()?;
    // The name may be written as it is shown; so it is looked up first.
    let name = api.look(&query, |look| {
        let place = method_named(look, name)?;
        Ok(look.watch.book().methods.get(place as usize).cloned())
    })??;
    let name = name.unwrap_or_default();
    let beside = Beside::of(api, &name);
    api.look(&query, |look| {
        let id = method_named(look, &name)?;
        Ok(answer_of(look, id, range, &beside))
    })?
}

pub(super) fn answer_of(look: &Look<'_>, id: u32, range: Range, beside: &Beside) -> Value {
    let columns = range.slots() / COLUMNS;
    let grid = Grid::read(look, Subject::Method(id), range);
    let wide = Grid::read_columns(look, Subject::Method(id), range, columns);
    let recent = look.recent();
    let mut object = Map::new();
    let mut insert = |name: &str, value: Value| object.insert(name.into(), value);
    let state = look.watch.method_state(id);
    insert("state", learned::state_word(state.state).into());
    let since = state.since.map(|since| json::time(look.unix(since)));
    insert("since", since.into());
    let (row, level) = methods::row_of(look, id);
    insert("row", row);
    insert("level", level);
    insert("cols", COLS.to_vec().into());
    insert(
        "usual",
        look.watch
            .usual(id)
            .map(|usual| learned::usual_object(&usual))
            .into(),
    );
    insert("task", task(beside));
    let name = look.watch.book().methods.get(id as usize);
    let name = name.map_or("", |name| &**name);
    insert("sites", sites(name, beside.started));
    insert("heat", heat(&wide, columns));
    insert("outcomes", outcomes(look, &grid));
    insert("in_flight", in_flight(&grid));
    insert("events", events::list(look, range));
    insert("calls", calls(look, &beside.calls));
    insert("texts", texts(&beside.errors));
    insert("callers", callers(look, recent, id));
    insert("callees", callees(look, recent, id));
    insert("promql", queries(look, name));
    insert("labels", labels(beside));
    look.sealed(grid.full, object)
}

/// The task type that its failures count for, where it is known from one.
fn task(beside: &Beside) -> Value {
    let task = beside.errors.iter().find_map(|error| error.task.as_deref());
    json::optional_text(task)
}

/// The functions whose calls count as the method. How many are a site's is known where there is one alone.
fn sites(name: &str, started: u64) -> Value {
    let sites = MethodSite::all_of(name);
    let calls = (sites.len() == 1).then_some(started);
    let sites = sites.iter().take(MOST_SITES).map(|site| {
        json!({
            "file": json::text(&format!("{}:{}", site.file, site.line)),
            "kind": if site.is_stream { "stream" } else { "function" },
            "calls": calls,
        })
    });
    json::collected(sites)
}

/// The queries of a method's page for a Prometheus that scrapes this server.
fn queries(look: &Look<'_>, name: &str) -> Value {
    let families = &look.watch.verdict().service.families;
    let queries = [
        ("failure share", families.failure_share(name, None)),
        ("p99", families.quantile(0.99, Some(name))),
    ];
    // Not cut: a part of a query is none.
    let query = |(title, query)| json!({ "title": title, "query": query });
    json::collected(queries.into_iter().map(query))
}

/// Counts by column and row, succeeded, failed, and failed as expected or cancelled: the rows are half octaves, of which the first begins above `lo`.
fn heat(grid: &Grid, columns: u64) -> Value {
    let mut ok: BTreeMap<u64, BTreeMap<i16, u64>> = BTreeMap::new();
    let [mut failed, mut expected] = [ok.clone(), ok.clone()];
    let (mut lowest, mut highest) = LEAST_ROWS;
    for (slot, place) in grid.slots.iter().zip(grid.first..) {
        let Some(slot) = slot.as_ref().filter(|slot| slot.is_full) else {
            continue;
        };
        let column = place / columns;
        let mut add = |counts: &mut BTreeMap<u64, BTreeMap<i16, u64>>, cells: &Cells| {
            for &(cell, count) in &cells.0 {
                let row = cell.saturating_add(CELLS_A_ROW - 1).div_euclid(CELLS_A_ROW);
                (lowest, highest) = (lowest.min(row), highest.max(row));
                *counts.entry(column).or_default().entry(row).or_default() += count;
            }
        };
        add(&mut ok, &slot.calls.ok);
        for failure in &slot.calls.failures {
            match failure.kind {
                FailureKind::Counts => add(&mut failed, &failure.cells),
                _ => add(&mut expected, &failure.cells),
            }
        }
    }
    let first = grid.first / columns;
    let end = first + (grid.slots.len() as u64 + grid.first % columns).div_ceil(columns);
    let column = |counts: &BTreeMap<u64, BTreeMap<i16, u64>>, at: u64| {
        let cells = counts.get(&at).into_iter().flatten();
        json::collected(cells.flat_map(|(row, count)| {
            [
                Value::from(i32::from(*row) - i32::from(lowest)),
                Value::from(*count),
            ]
        }))
    };
    let list = |counts| json::collected((first..end).map(|at| column(counts, at)));
    let bound = |row: i16| json::number((f64::from(row) / 2.0).exp2());
    let before = json::double(grid.first % columns * grid.step);
    json!({
        "t0": json::time(grid.t0 - before),
        "step": grid.step * columns,
        "lo": bound(lowest - 1),
        "hi": bound(highest),
        "rows": i32::from(highest) - i32::from(lowest) + 1,
        "ok": list(&ok),
        "failed": list(&failed),
        "expected": list(&expected),
    })
}

/// Calls a second that ended, by outcome.
fn outcomes(look: &Look<'_>, grid: &Grid) -> Value {
    let mut totals: BTreeMap<u32, (u64, bool)> = BTreeMap::new();
    for failure in grid
        .slots
        .iter()
        .flatten()
        .flat_map(|slot| &slot.calls.failures)
    {
        let (count, counts) = totals.entry(failure.error_type).or_default();
        *count += failure.cells.count();
        *counts |= failure.kind == FailureKind::Counts;
    }
    let mut totals: Vec<_> = totals.into_iter().collect();
    totals.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    let name = |error_type: u32| {
        let types = &look.watch.book().types;
        types.get(error_type as usize).cloned().unwrap_or_default()
    };
    let types = totals.iter().map(|(error_type, (_, counts))| {
        json!([json::text(&name(*error_type)), u64::from(*counts)])
    });
    let mut series = Map::new();
    series.insert(
        "succeeded".into(),
        grid.series(|slot| rate(slot, slot.calls.ok.count())),
    );
    for (error_type, _) in &totals {
        let of_type = |slot: &SlotOf| {
            let failures = slot.calls.failures.iter();
            let failures = failures.filter(|one| one.error_type == *error_type);
            rate(slot, failures.map(|one| one.cells.count()).sum())
        };
        // An error type may have the name that successes have here.
        let mut key = json::shown(&name(*error_type)).into_owned();
        if key == "succeeded" {
            key.push('?');
        }
        series.insert(key, grid.series(of_type));
    }
    let types = json::collected(types);
    let mut object = grid.begin();
    object.insert("types".into(), types);
    object.insert("series".into(), Value::Object(series));
    Value::Object(object)
}

fn rate(slot: &SlotOf, count: u64) -> Value {
    let length = slot.end - slot.begin;
    json::optional((length > 0.0).then(|| json::double(count) / length))
}

fn in_flight(grid: &Grid) -> Value {
    let mut object = grid.begin();
    let series = grid.series(|slot| Field::InFlight.value(slot));
    object.insert("series".into(), series);
    Value::Object(object)
}

/// `[[seconds ago, duration, type], ...]`, the newest first.
fn calls(look: &Look<'_>, calls: &[LastCall]) -> Value {
    let mut calls: Vec<_> = calls.iter().collect();
    calls.sort_by(|a, b| b.ended.total_cmp(&a.ended));
    let calls = calls.into_iter().take(MOST_CALLS).map(|call| {
        let ago = json::number((look.now - call.ended).max(0.0));
        let error_type = json::optional_text(call.error_type.as_deref());
        json!([ago, json::number(call.seconds), error_type])
    });
    json::collected(calls)
}

/// The last error texts, the newest first.
fn texts(errors: &[LastError]) -> Value {
    let mut errors: Vec<_> = errors.iter().collect();
    errors.sort_by(|a, b| b.last.total_cmp(&a.last));
    let texts = errors.into_iter().take(MOST_TEXTS).map(|error| {
        json!({
            "type": json::text(&error.error_type),
            "text": json::text(error.own_text()),
            "cause": json::collected(error.causes.iter().map(|cause| json::text(cause))),
            "count": error.count,
            "first": json::time(error.first),
            "last": json::time(error.last),
        })
    });
    json::collected(texts)
}

/// Who calls it, the most frequent first; the entry calls have no name.
fn callers(look: &Look<'_>, recent: &[MethodSlot], id: u32) -> Value {
    let mut edges = Vec::new();
    if let Some(calls) = recent.iter().find(|calls| calls.method == id) {
        let of_callers = calls.callers.iter();
        edges.extend(of_callers.map(|edge| {
            let failed = that_count(calls, edge.begun, edge.failed);
            (Some(edge.caller), edge.begun, failed)
        }));
        if calls.entries > 0 {
            // How many of the entry calls failed is the rest.
            let failed: u64 = calls.failures.iter().map(|one| one.cells.count()).sum();
            let of_callers: u64 = calls.callers.iter().map(|edge| edge.failed).sum();
            let failed = failed.saturating_sub(of_callers);
            let failed = that_count(calls, calls.entries, failed);
            edges.push((None, calls.entries, failed));
        }
    }
    edge_list(look, edges)
}

/// How many of the calls from one caller failed in a way that counts. Known by caller is the number of all that failed: where
/// others were cancelled or expected, as large a part of them counts as of all failed calls of the method. `None` where the calls
/// that may be of either kind are too many for that.
fn that_count(calls: &MethodSlot, begun: u64, failed: u64) -> Option<u64> {
    let counting = calls.failed(FailureKind::Counts);
    let others = calls.failed(FailureKind::Expected) + calls.failed(FailureKind::Cancelled);
    let (least, most) = (failed.saturating_sub(others), failed.min(counting));
    let all = (counting + others).max(1);
    // Counters are read one after the other: `failed` may be ahead of both.
    let is_known = most.saturating_sub(least) * MOST_UNSURE <= begun;
    is_known.then_some(most.min((failed * counting + all / 2) / all))
}

/// What it calls, the same.
fn callees(look: &Look<'_>, recent: &[MethodSlot], id: u32) -> Value {
    let edges = recent.iter().flat_map(|calls| {
        let edges = calls.callers.iter().filter(|edge| edge.caller == id);
        edges.map(|edge| {
            let failed = that_count(calls, edge.begun, edge.failed);
            (Some(calls.method), edge.begun, failed)
        })
    });
    edge_list(look, edges.collect())
}

type Edge = (Option<u32>, u64, Option<u64>);

fn edge_list(look: &Look<'_>, mut edges: Vec<Edge>) -> Value {
    let seconds = methods::window_seconds(look);
    let methods = &look.watch.book().methods;
    let name = |method: u32| methods.get(method as usize).map(|name| &**name);
    edges.sort_by_key(|(_, begun, _)| std::cmp::Reverse(*begun));
    let edges = edges.into_iter().take(MOST_EDGES);
    json::collected(edges.map(|(method, begun, failed)| {
        let failed = failed.and_then(|failed| json::share(failed.min(begun), begun));
        json!({
            "name": json::optional_text(method.and_then(name)),
            "rate": json::number(json::double(begun) / seconds),
            "failed": json::optional(failed),
        })
    }))
}

/// The label sets with the most calls: since the start of the process, as the history is of methods.
fn labels(beside: &Beside) -> Value {
    let mut sets: Vec<_> = beside.labels.iter().collect();
    sets.sort_by_key(|set| std::cmp::Reverse(set.started));
    let row = |set: &MethodSnapshot| {
        let labels = set.labels.iter();
        let labels = labels.map(|label| {
            (
                json::shown(&label.name).into_owned(),
                json::text(&label.value),
            )
        });
        let (ok, failed) = (set.success.count(), set.failure.count());
        let mut durations = set.success.clone();
        durations.merge(&set.failure);
        json!({
            "set": json::collected(labels),
            "rate": json::number(json::double(set.started) / beside.uptime.max(1.0)),
            "failed": json::optional(json::share(failed, ok + failed)),
            "p99": json::optional(super::values::quantile(&durations, 0.99)),
        })
    };
    json::collected(sets.into_iter().take(MOST_LABEL_SETS).map(row))
}

/// The names of methods of which a snapshot has the details: so many of those in trouble, the worst first, and so many of
/// the busiest.
pub(super) fn chosen(look: &Look<'_>, most: usize) -> Vec<(u32, Arc<str>)> {
    let ids = 0u32..u32::try_from(look.watch.book().methods.len()).unwrap_or(u32::MAX);
    let mut changed: Vec<_> = ids
        .filter_map(|id| Some((look.watch.change(id)?.score, id)))
        .collect();
    changed.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut chosen: Vec<u32> = changed.iter().take(most).map(|(_, id)| *id).collect();
    let recent = look.recent().iter();
    let mut busiest: Vec<_> = recent.map(|calls| (calls.begun, calls.method)).collect();
    busiest.sort_by_key(|(begun, _)| std::cmp::Reverse(*begun));
    for (_, id) in busiest.iter().take(most) {
        if !chosen.contains(id) {
            chosen.push(*id);
        }
    }
    let named = |id: u32| Some((id, look.watch.book().methods.get(id as usize)?.clone()));
    chosen.into_iter().filter_map(named).collect()
}
