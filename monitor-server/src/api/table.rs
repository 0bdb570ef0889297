//! The rows of the table of methods: as plain numbers while the history is locked, as bytes of JSON after that.
//!
//! A [`Row`] is a pure function of the history at a slot, so all clients that ask within one slot are given the same. [`Tables`] keeps
//! the [`Print`] of each row for the newest slots that were asked for: what a client has that names one of those slots. A cell
//! that looks as it did then is not sent again. Numbers are compared as they are drawn ([`Short`]), the rest by a hash.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex};

use monitor_core::slot::{FailureKind, MethodSlot};
use monitor_core::verdict::{Numbers, Usual};
use serde_json::Value;

use super::envelope::{Look, Recent};
use super::json;
use super::learned::{Found, found};
use super::methods::UsualRanges;
use super::short::Short;
use crate::runtime::lock;

/// The columns of a row.
pub(super) const COLS: [&str; 15] = [
    "id",
    "name",
    "entry",
    "state",
    "rate",
    "failed",
    "errors",
    "p50",
    "p95",
    "p99",
    "in_flight",
    "oldest",
    "change",
    "last_call",
    "level",
];

/// The columns of the table of usual ranges.
pub(super) const USUAL_COLS: [&str; 7] = ["id", "p50", "p95", "p99", "rate", "failed", "in_flight"];

/// The columns whose cells are compared one by one, in the order of a [`Print`].
const MOVING: [usize; 8] = [4, 5, 6, 7, 8, 9, 10, 11];

/// The columns that are compared together: they change when something happens.
const FOUND: [usize; 5] = [2, 3, 12, 13, 14];

/// Slots whose rows are kept: a client that asks every 2 s for what is in view, and every 10 s for all, needs 5.
const MOST_TABLES: usize = 16;

/// Rows that are kept in all: 2.3 MiB of them.
const MOST_ROWS: usize = 64 * 1024;

/// Usual ranges that are kept: of 40 s, so that a client that asks every 10 s has one of them.
const MOST_USUAL: usize = 2;

/// What stands in the row of one method.
#[derive(Debug, Clone)]
pub(super) struct Row {
    id: u32,
    name: Arc<str>,
    is_entry: bool,
    rate: Short,
    failed: Short,
    durations: [Short; 3],
    in_flight: u64,
    oldest: Short,
    /// Error types by their places in the book, with their rates and whether they count; the most frequent first.
    errors: Vec<(u32, Short, bool)>,
    found: Found,
}

/// What a row looked like: the bits or hashes of its moving cells, and a hash of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Print {
    moving: [u32; MOVING.len()],
    found: u32,
}

impl Row {
    /// The row of a method with these calls in the window of so many seconds.
    pub(super) fn read(
        look: &Look<'_>,
        id: u32,
        name: Arc<str>,
        calls: &MethodSlot,
        seconds: f64,
    ) -> Self {
        let numbers = Numbers::of(calls, seconds);
        Self {
            id,
            name,
            is_entry: calls.entries > 0,
            rate: Short::rate(numbers.rate),
            failed: Short::share(numbers.failed),
            durations: numbers.durations.map(Short::duration),
            in_flight: numbers.now_in_flight,
            oldest: Short::age(numbers.oldest),
            errors: errors(calls, seconds),
            found: found(look, id, &numbers),
        }
    }

    pub(super) fn id(&self) -> u32 {
        self.id
    }

    pub(super) fn level(&self) -> &Value {
        &self.found.level
    }

    fn print(&self, hasher: &RandomState) -> Print {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "half of a hash, or of a count"
        )]
        let half = |bits: u64| bits as u32;
        let errors = self.errors.iter();
        let errors: Vec<_> = errors
            .map(|(error_type, rate, counts)| (*error_type, rate.bits(), *counts))
            .collect();
        let errors = match errors.as_slice() {
            [] => 0,
            errors => half(hasher.hash_one(errors)),
        };
        let Found {
            state,
            change,
            last_call,
            level,
        } = &self.found;
        let last_call = last_call.map(f64::to_bits);
        let found = (self.is_entry, state, change, last_call, level);
        let [p50, p95, p99] = self.durations.map(Short::bits);
        Print {
            moving: [
                self.rate.bits(),
                self.failed.bits(),
                errors,
                p50,
                p95,
                p99,
                half(self.in_flight),
                self.oldest.bits(),
            ],
            found: half(hasher.hash_one(found)),
        }
    }

    /// Writes the cell of a column.
    fn write_cell(&self, col: usize, types: &[Arc<str>], out: &mut Vec<u8>) {
        match COLS[col] {
            "id" => out.extend(self.id.to_string().as_bytes()),
            "name" => write_value(&json::text(&self.name), out),
            "entry" => out.push(if self.is_entry { b'1' } else { b'0' }),
            "state" => write_value(&self.found.state.into(), out),
            "rate" => self.rate.write(out),
            "failed" => self.failed.write(out),
            "errors" => self.write_errors(types, out),
            "p50" => self.durations[0].write(out),
            "p95" => self.durations[1].write(out),
            "p99" => self.durations[2].write(out),
            "in_flight" => out.extend(self.in_flight.to_string().as_bytes()),
            "oldest" => self.oldest.write(out),
            "change" => write_value(&self.found.change, out),
            "last_call" => {
                let last_call = self.found.last_call;
                write_value(&last_call.map_or(Value::Null, json::time), out);
            }
            _ => write_value(&self.found.level, out),
        }
    }

    fn write_errors(&self, types: &[Arc<str>], out: &mut Vec<u8>) {
        if self.errors.is_empty() {
            return out.push(b'0');
        }
        let mut separator = b'[';
        for (error_type, rate, counts) in &self.errors {
            out.extend([separator, b'[']);
            let name = types.get(*error_type as usize);
            write_value(&json::optional_text(name.map(|name| &**name)), out);
            out.push(b',');
            rate.write(out);
            out.extend(if *counts { b",1]" } else { b",0]" });
            separator = b',';
        }
        out.push(b']');
    }

    /// Writes the whole row.
    pub(super) fn write(&self, types: &[Arc<str>], out: &mut Vec<u8>) {
        for col in 0..COLS.len() {
            out.push(if col == 0 { b'[' } else { b',' });
            self.write_cell(col, types, out);
        }
        out.push(b']');
    }
}

/// The failures of a method by type, the most frequent first.
fn errors(calls: &MethodSlot, seconds: f64) -> Vec<(u32, Short, bool)> {
    let failures = calls.failures.iter();
    let counts = failures.map(|one| (one.cells.count(), one));
    let mut failures: Vec<_> = counts.filter(|(count, _)| *count > 0).collect();
    failures.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let failures = failures.into_iter();
    let entry = |(count, one): (u64, &monitor_core::slot::FailureSlot)| {
        let rate = Short::rate(json::double(count) / seconds);
        (one.error_type, rate, one.kind == FailureKind::Counts)
    };
    failures.map(entry).collect()
}

fn write_value(value: &Value, out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("writing to a vector does not fail");
}

/// The rows as of one slot, by id.
#[derive(Debug)]
pub(super) struct Table {
    tick: u64,
    prints: Vec<Print>,
}

/// The rows of some slots.
#[derive(Debug, Default)]
pub(super) struct Tables {
    hasher: RandomState,
    kept: Mutex<VecDeque<Arc<Table>>>,
    usual: Mutex<VecDeque<Arc<UsualRanges>>>,
    /// The calls of the last 30 s as of the newest slot: to add them up takes most of the time of an answer.
    recent: Mutex<Option<(u64, Recent)>>,
}

impl Tables {
    /// What the rows of a slot look like, which is kept.
    pub(super) fn table(&self, tick: u64, rows: &[Row]) -> Arc<Table> {
        let prints = rows.iter().map(|row| row.print(&self.hasher)).collect();
        let table = Arc::new(Table { tick, prints });
        let mut kept = lock(&self.kept);
        // The same slot may have more rows by now.
        kept.retain(|other| other.tick != tick);
        kept.push_back(Arc::clone(&table));
        let rows = |kept: &VecDeque<Arc<Table>>| -> usize {
            kept.iter().map(|table| table.prints.len()).sum()
        };
        while kept.len() > MOST_TABLES || kept.len() > 1 && rows(&kept) > MOST_ROWS {
            kept.pop_front();
        }
        table
    }

    pub(super) fn kept(&self, tick: u64) -> Option<Arc<Table>> {
        let kept = lock(&self.kept);
        kept.iter().find(|table| table.tick == tick).cloned()
    }

    /// The calls of the last 30 s, where they were added up for another answer as of the same slot.
    pub(super) fn recent(&self, tick: Option<u64>) -> Option<Recent> {
        let kept = lock(&self.recent);
        let (_, recent) = kept.as_ref().filter(|(of, _)| Some(*of) == tick)?;
        Some(Arc::clone(recent))
    }

    pub(super) fn keep_recent(&self, tick: Option<u64>, recent: &Recent) {
        let new = tick.map(|tick| (tick, Arc::clone(recent)));
        let before = std::mem::replace(&mut *lock(&self.recent), new);
        // Freed without the lock.
        drop(before);
    }

    /// The usual ranges of these 20 s, which are read once and kept: what a client has depends on them alone.
    pub(super) fn usual(&self, epoch: u64, read: impl FnOnce() -> UsualRanges) -> Arc<UsualRanges> {
        let mut kept = lock(&self.usual);
        if let Some(known) = kept.iter().find(|usual| usual.epoch == epoch) {
            return Arc::clone(known);
        }
        let new = Arc::new(read());
        kept.push_back(Arc::clone(&new));
        if kept.len() > MOST_USUAL {
            kept.pop_front();
        }
        new
    }

    pub(super) fn kept_usual(&self, epoch: u64) -> Option<Arc<UsualRanges>> {
        let kept = lock(&self.usual);
        kept.iter().find(|usual| usual.epoch == epoch).cloned()
    }
}

impl Table {
    pub(super) fn print(&self, id: u32) -> Option<&Print> {
        self.prints.get(id as usize)
    }
}

impl Print {
    /// Whether what is found of the method is another.
    pub(super) fn has_other_findings(&self, before: &Self) -> bool {
        self.found != before.found
    }
}

/// Cells that changed, by column: of each the bytes of its ids and values.
#[derive(Debug)]
pub(super) struct Cells([Vec<u8>; COLS.len()]);

impl Cells {
    pub(super) fn new() -> Self {
        Self([const { Vec::new() }; COLS.len()])
    }

    /// Adds the cells of a row that look other than before.
    pub(super) fn add(&mut self, row: &Row, now: &Print, before: &Print, types: &[Arc<str>]) {
        let moving = MOVING.iter().zip(now.moving.iter().zip(&before.moving));
        let moved = moving.filter(|(_, (now, before))| now != before);
        let found = FOUND.iter().filter(|_| now.found != before.found);
        for &col in moved.map(|(col, _)| col).chain(found) {
            let cells = &mut self.0[col];
            if !cells.is_empty() {
                cells.push(b',');
            }
            cells.extend(row.id.to_string().as_bytes());
            cells.push(b',');
            row.write_cell(col, types, cells);
        }
    }

    /// Writes `{"rate":[id,value,..],..}`.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut separator = b'{';
        for (name, cells) in COLS
            .iter()
            .zip(&self.0)
            .filter(|(_, cells)| !cells.is_empty())
        {
            out.extend([separator, b'"']);
            out.extend(name.as_bytes());
            out.extend(b"\":[");
            out.extend(cells);
            out.push(b']');
            separator = b',';
        }
        if separator == b'{' {
            out.push(b'{');
        }
        out.push(b'}');
    }
}

/// The row of usual ranges of one method.
pub(super) fn write_usual(id: u32, usual: &Usual, out: &mut Vec<u8>) {
    out.push(b'[');
    out.extend(id.to_string().as_bytes());
    let durations = [usual.p50, usual.p95, usual.p99];
    let durations = durations.map(|ends| ends.map(|end| Short::duration(Some(end))));
    let [rate, in_flight] = [usual.rate, usual.in_flight].map(|ends| ends.map(Short::rate));
    let failed = usual.failed.map(|end| Short::share(Some(end)));
    for [low, high] in durations.into_iter().chain([rate, failed, in_flight]) {
        out.extend(b",[");
        low.write(out);
        out.push(b',');
        high.write(out);
        out.push(b']');
    }
    out.push(b']');
}
