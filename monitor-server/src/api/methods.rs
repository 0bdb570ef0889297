//! `methods`: one row a method, of the last 30 s.
//!
//! What stands in a row, and how a row is told from what it was, is in [`table`](super::table). Here it is decided which rows a client
//! is sent: all, or of a client that has those of an earlier slot the rows that look other than they did then; as whole
//! rows, or with `cells=1` as the cells that changed alone. The answer is written as bytes, as it may have 5,000 rows.

use std::sync::Arc;

use monitor_core::slot::MethodSlot;
use monitor_core::verdict::{MethodState, Usual, Watch};
use serde_json::{Map, Value, json};

use super::envelope::Look;
use super::query::{Query, Refusal};
use super::table::{COLS, Cells, Row, Table, Tables, USUAL_COLS, write_usual};
use super::{Api, json};

/// Slots of the window that shares, quantiles and rates are of, and its seconds.
pub(super) const WINDOW_SLOTS: usize = 15;
pub(super) const WINDOW_SECONDS: f64 = 30.0;

/// Slots after which usual ranges are read again: 20 s.
const USUAL_EVERY: u64 = 10;

/// Methods that an overview names: those with the worst change, or the busiest where none changed.
const MOST_CHANGED: usize = 6;
const MOST_BUSY: usize = 7;

/// Names that are near a wrong one.
const MOST_NEAR: usize = 5;

/// Letters that may differ in them.
const MOST_CHANGES: usize = 3;

/// Rows that a client asks for.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    curves: Vec<u32>,
    rows: Option<Vec<u32>>,
    whole: Vec<u32>,
    cells: bool,
}

impl Wanted {
    pub(super) fn new(curves: Vec<u32>, mut rows: Option<Vec<u32>>) -> Self {
        if let Some(rows) = &mut rows {
            rows.sort_unstable();
        }
        Self {
            curves,
            rows,
            ..Self::default()
        }
    }

    /// The same with cells in place of rows that the client has, but for these rows.
    pub(super) fn cells(self, whole: Vec<u32>) -> Self {
        Self {
            whole,
            cells: true,
            ..self
        }
    }

    /// Whether the client shows this row.
    fn has(&self, id: u32) -> bool {
        let rows = self.rows.as_ref();
        rows.is_none_or(|rows| rows.binary_search(&id).is_ok())
    }

    /// Whether it has no row of it that is of any use.
    fn is_new(&self, id: u32) -> bool {
        self.whole.contains(&id)
    }
}

/// Answers a request, as JSON.
pub(super) fn answer(api: &Api, query: &str) -> Result<Vec<u8>, Refusal> {
    let query = Query::parse(query, &["since", "curves", "rows", "whole", "cells"])?;
    let wanted = Wanted::new(query.curves()?, query.rows()?);
    let whole = query.whole()?;
    let wanted = if query.cells()? {
        wanted.cells(whole)
    } else {
        Wanted { whole, ..wanted }
    };
    let lines = api.look(&query, |look| Lines::read(look, wanted, &api.tables))?;
    Ok(lines.answer(&api.tables))
}

/// All that an answer needs of the history, without its lock.
pub(super) struct Lines {
    wanted: Wanted,
    tick: u64,
    since: Option<u64>,
    rows: Vec<Row>,
    types: Vec<Arc<str>>,
    usual: Arc<UsualRanges>,
    curves: Value,
    /// The answer without its rows, as one that stands alone and as one that continues another.
    envelope: [Value; 2],
}

impl Lines {
    pub(super) fn read(look: &Look<'_>, wanted: Wanted, tables: &Tables) -> Self {
        let tick = look.watch.tick().unwrap_or(0);
        Self {
            tick,
            since: look.since,
            rows: rows(look),
            types: look.watch.book().types.clone(),
            usual: tables.usual(tick / USUAL_EVERY, || usual(look.watch)),
            curves: curve_list(look.watch, &wanted.curves),
            envelope: [true, false].map(|full| look.sealed(full, Map::new())),
            wanted,
        }
    }

    /// The same with the curves of all methods and all rows, for a snapshot.
    pub(super) fn read_all(look: &Look<'_>, tables: &Tables) -> Self {
        let ids = 0u32..u32::try_from(look.watch.book().methods.len()).unwrap_or(u32::MAX);
        let wanted = Wanted::new(ids.collect(), None);
        Self {
            since: None,
            ..Self::read(look, wanted, tables)
        }
    }

    /// The answer, for a client that has the rows as of `since` where those are kept.
    pub(super) fn answer(self, tables: &Tables) -> Vec<u8> {
        let now = tables.table(self.tick, &self.rows);
        let before = self.since.and_then(|tick| tables.kept(tick));
        let is_short = self.wanted.cells && before.is_some();
        let mut out = Vec::with_capacity(self.rows.len() * 64 + 1024);
        let [full, continued] = &self.envelope;
        let envelope = if before.is_some() { continued } else { full };
        out.extend(envelope.to_string().as_bytes());
        // The end of the object.
        out.pop();
        if !is_short {
            out.extend(format!(",\"window\":{WINDOW_SECONDS},\"cols\":").as_bytes());
            out.extend(json!(COLS).to_string().as_bytes());
        }
        out.extend(format!(",\"total\":{},\"rows\":", self.rows.len()).as_bytes());
        let cells = self.write_rows(&now, before.as_deref(), &mut out);
        if is_short {
            out.extend(b",\"cells\":");
            cells.write(&mut out);
        }
        self.write_usual_ranges(before.is_some(), tables, &mut out);
        out.extend(b",\"gone\":[],\"curves\":");
        out.extend(self.curves.to_string().as_bytes());
        out.push(b'}');
        out
    }

    /// Writes the rows that are sent whole; returns the cells of the others.
    fn write_rows(&self, now: &Table, before: Option<&Table>, out: &mut Vec<u8>) -> Cells {
        let mut cells = Cells::new();
        let mut separator = b'[';
        for row in &self.rows {
            let prints = now.print(row.id()).zip(before);
            let prints = prints.and_then(|(now, before)| Some((now, before.print(row.id())?)));
            let is_whole = match prints.filter(|_| !self.wanted.is_new(row.id())) {
                None => true,
                Some((now, before)) if !self.wanted.has(row.id()) => now.has_other_findings(before),
                Some((now, before)) if self.wanted.cells => {
                    cells.add(row, now, before, &self.types);
                    false
                }
                Some((now, before)) => now != before,
            };
            if is_whole {
                out.push(separator);
                row.write(&self.types, out);
                separator = b',';
            }
        }
        if separator == b'[' {
            out.push(b'[');
        }
        out.push(b']');
        cells
    }

    /// Writes the usual ranges, where the client has older ones than those of now: with `cells=1` those that changed.
    fn write_usual_ranges(&self, is_continued: bool, tables: &Tables, out: &mut Vec<u8>) {
        let epoch = self.usual.epoch;
        let since = self.since.filter(|_| is_continued);
        let of_client = since.map(|since| since / USUAL_EVERY);
        let before = of_client.filter(|_| self.wanted.cells);
        let before = before.and_then(|epoch| tables.kept_usual(epoch));
        let is_due = of_client != Some(epoch);
        let is_sent = |(id, usual): &&(u32, Usual)| {
            let before = before.as_ref().and_then(|before| before.of(*id));
            let is_other = is_due && before != Some(usual);
            self.wanted.is_new(*id) || is_other && self.wanted.has(*id)
        };
        let rows: Vec<_> = self.usual.rows.iter().filter(is_sent).collect();
        let is_empty = before.is_some() || !is_due;
        if rows.is_empty() && is_empty {
            return;
        }
        out.extend(b",\"usual\":{\"cols\":");
        out.extend(json!(USUAL_COLS).to_string().as_bytes());
        out.extend(b",\"rows\":[");
        for (nth, (id, usual)) in rows.into_iter().enumerate() {
            if nth > 0 {
                out.push(b',');
            }
            write_usual(*id, usual, out);
        }
        out.extend(b"]}");
    }
}

/// A row for each method of the book, in the order of their ids.
fn rows(look: &Look<'_>) -> Vec<Row> {
    let mut recent = look.recent().iter().peekable();
    let seconds = window_seconds(look);
    let idle = MethodSlot::default();
    let methods = look.watch.book().methods.iter().zip(0u32..);
    let row = |(name, id): (&Arc<str>, u32)| {
        let calls = recent.next_if(|calls| calls.method == id).unwrap_or(&idle);
        Row::read(look, id, Arc::clone(name), calls, seconds)
    };
    methods.map(row).collect()
}

/// The row of one method, and the levels of its numbers.
pub(super) fn row_of(look: &Look<'_>, id: u32) -> (Value, Value) {
    let recent = look.recent();
    let idle = MethodSlot::default();
    let at = recent.binary_search_by_key(&id, |calls| calls.method);
    let calls = at.map_or(&idle, |at| &recent[at]);
    let book = look.watch.book();
    let name = book.methods.get(id as usize).cloned().unwrap_or_default();
    let row = Row::read(look, id, name, calls, window_seconds(look));
    let mut bytes = Vec::new();
    row.write(&book.types, &mut bytes);
    let level = Some(row.level()).filter(|level| level.is_object());
    (
        serde_json::from_slice(&bytes).unwrap_or_default(),
        level.cloned().unwrap_or_else(|| json!({})),
    )
}

/// The methods that changed most, the worst first, or without any the busiest ones, and how many are as usual and idle.
pub(super) fn most_changed(look: &Look<'_>) -> Value {
    let watch = look.watch;
    let ids = 0u32..u32::try_from(watch.book().methods.len()).unwrap_or(u32::MAX);
    let (mut changed, mut idle, mut ok) = (Vec::new(), 0u64, 0u64);
    for id in ids {
        match watch.change(id) {
            Some(change) => changed.push((change.score, id)),
            None if watch.bare_state(id) == MethodState::Idle => idle += 1,
            None => ok += 1,
        }
    }
    let total = idle + ok + changed.len() as u64;
    changed.sort_by(|a, b| b.0.total_cmp(&a.0));
    changed.truncate(MOST_CHANGED);
    let is_changed = !changed.is_empty();
    let shown: Vec<u32> = if is_changed {
        changed.into_iter().map(|(_, id)| id).collect()
    } else {
        busiest(look)
    };
    let rows = shown.iter().map(|id| row_of(look, *id).0);
    json!({
        "cols": COLS,
        "rows": json::collected(rows),
        "curves": curve_list(watch, &shown),
        "changed": is_changed,
        "ok": ok,
        "idle": idle,
        "total": total,
    })
}

/// The methods with the most calls of the window; where nothing was called, the first ones that are known.
fn busiest(look: &Look<'_>) -> Vec<u32> {
    let mut busy: Vec<_> = look
        .recent()
        .iter()
        .filter(|calls| calls.begun > 0)
        .map(|calls| (calls.begun, calls.method))
        .collect();
    busy.sort_unstable_by_key(|(begun, method)| (std::cmp::Reverse(*begun), *method));
    busy.truncate(MOST_BUSY);
    if busy.is_empty() {
        let known = 0..u32::try_from(look.watch.book().methods.len()).unwrap_or(u32::MAX);
        return known.take(MOST_BUSY).collect();
    }
    busy.into_iter().map(|(_, method)| method).collect()
}

/// Seconds that the window has: less than 30 in the first ones of a process.
pub(super) fn window_seconds(look: &Look<'_>) -> f64 {
    let slots = look.watch.tick().map_or(0, |tick| tick + 1);
    WINDOW_SECONDS.min(json::double(slots) * 2.0).max(2.0)
}

/// The usual ranges of all methods that have some, as they were when they were asked for first within 20 s.
#[derive(Debug)]
pub(super) struct UsualRanges {
    pub(super) epoch: u64,
    /// In ascending order.
    rows: Vec<(u32, Usual)>,
}

impl UsualRanges {
    fn of(&self, id: u32) -> Option<&Usual> {
        let at = self.rows.binary_search_by_key(&id, |row| row.0).ok()?;
        Some(&self.rows[at].1)
    }
}

fn usual(watch: &Watch) -> UsualRanges {
    let ids = 0u32..u32::try_from(watch.book().methods.len()).unwrap_or(u32::MAX);
    UsualRanges {
        epoch: watch.tick().unwrap_or(0) / USUAL_EVERY,
        rows: ids.filter_map(|id| Some((id, watch.usual(id)?))).collect(),
    }
}

/// The place of a method by its name, or the names that are near.
pub(super) fn method_named(look: &Look<'_>, name: &str) -> Result<u32, Refusal> {
    if let Some(place) = look.place(name) {
        return Ok(place);
    }
    let methods = &look.watch.book().methods;
    // A name with characters that are not shown is asked for as it is shown.
    let shown = methods.iter().position(|known| json::shown(known) == name);
    if let Some(place) = shown.and_then(|place| u32::try_from(place).ok()) {
        return Ok(place);
    }
    let error = format!("no method `{}`", json::shown(name));
    Err(Refusal::Missing(error, near(methods, name)))
}

/// Names that contain it, or differ in few letters; the nearest first.
fn near(methods: &[Arc<str>], name: &str) -> Vec<String> {
    let wanted = name.to_lowercase();
    let changes = |known: &Arc<str>| {
        let known = known.to_lowercase();
        let is_part = !wanted.is_empty() && known.contains(&wanted);
        let changes = crate::config::setting::letters_to_change(&wanted, &known);
        is_part
            .then_some(1)
            .or_else(|| Some(changes).filter(|changes| *changes <= MOST_CHANGES))
    };
    let near = methods
        .iter()
        .filter_map(|known| Some((changes(known)?, known)));
    let mut near: Vec<_> = near.collect();
    near.sort();
    near.truncate(MOST_NEAR);
    near.into_iter()
        .map(|(_, known)| known.to_string())
        .collect()
}

/// `{id: [max, all, failed]}`: 60 parts of 15 s, each a digit of base64url from 0 to 63 as a part of the greatest.
fn curve_list(watch: &Watch, ids: &[u32]) -> Value {
    let curves = ids.iter().zip(watch.curves(ids));
    json::collected(curves.map(|(id, curve)| {
        let all = digits(&curve.calls, curve.max);
        let failed = digits(&curve.failed, curve.max);
        (
            id.to_string(),
            json!([json::number(curve.max), all, failed]),
        )
    }))
}

/// Numbers as digits, rounded up, so that one call is not 0; empty where all are 0.
fn digits(numbers: &[f64], most: f64) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    if numbers.iter().all(|number| *number <= 0.0) {
        return String::new();
    }
    let digit = |number: &f64| {
        let part = (number / most * 63.0).ceil().clamp(0.0, 63.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to 63"
        )]
        let at = part as usize;
        char::from(DIGITS[at])
    };
    numbers.iter().map(digit).collect()
}
