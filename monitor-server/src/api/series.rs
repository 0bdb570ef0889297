//! Series of the history: `overview?range=` and `history?of=&fields=&range=`.
//!
//! A [`Grid`] is the slots of one subject with a place for each slot of its range: a slot that was not read is missing
//! in its place, so that all series of an answer have one length and one axis. A delta is the end of the same grid: it
//! begins with the first place that holds a slot after the one of `since`. A slot that was not whole then is in it again.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use monitor_core::history::{Range, SlotOf, Subject};
use monitor_core::slot::{Cells, FailureKind, SLOT};
use monitor_core::snapshot::{LastError, RunningCall};
use monitor_core::verdict::{Level, MethodState, Number, Numbers};
use serde_json::{Map, Value, json};

use super::envelope::Look;
use super::methods::{WINDOW_SLOTS, method_named, most_changed, window_seconds};
use super::query::{Query, Refusal, bad};
use super::{Api, events, health, inflight, json, learned};
use crate::health::Report;

/// Failures whose texts the overview has.
const LAST_ERRORS: usize = 3;

/// Slots that the rate of all requests is of, and their seconds: a change is seen sooner than in 30 s, and there are enough calls.
const RATE_SLOTS: usize = 5;
const RATE_SECONDS: f64 = 10.0;

/// Places that one slot may fill: a longer one is a time in which the process stood still.
const MOST_PLACES: usize = 5;

/// Calls in flight that the overview has.
const OLDEST: usize = 4;

/// The slots of a subject, each in its place.
#[derive(Debug)]
pub(super) struct Grid {
    /// When the first place began, seconds since 1970.
    pub(super) t0: f64,
    /// The same on the clock of the slots.
    begin: f64,
    /// Seconds of a place.
    pub(super) step: u64,
    /// The number of the first place since the history began.
    pub(super) first: u64,
    pub(super) slots: Vec<Option<SlotOf>>,
    /// False where the places before are those that the client has.
    pub(super) full: bool,
}

/// The place of a slot by the number of its last slot of 2 s, in a level whose slots have this many of them.
///
/// Longer slots end where that number is a multiple of theirs.
pub(super) fn place(tick: u64, width: u64) -> u64 {
    tick.div_ceil(width)
}

impl Grid {
    /// Reads the slots of a range: those after the slot that the client has, where it has those before.
    pub(super) fn read(look: &Look<'_>, of: Subject, range: Range) -> Self {
        Self::read_columns(look, of, range, 1)
    }

    /// The same, beginning where a column of so many places does.
    pub(super) fn read_columns(look: &Look<'_>, of: Subject, range: Range, columns: u64) -> Self {
        let width = range.step() / 2;
        let slots = look.watch.slots(of, range, None);
        let last = slots.last().map_or(0, |slot| place(slot.tick, width));
        let oldest = slots.first().map_or(last, |slot| place(slot.tick, width));
        let oldest = oldest.max((last + 1).saturating_sub(range.slots()));
        let continued = look.since.map(|tick| place(tick + 1, width));
        // Places between those of the client and the oldest here would be missing.
        let continued = continued.filter(|first| *first >= oldest);
        let first = continued.map_or(oldest, |first| first / columns * columns);
        let first = first.max(oldest);
        let length = usize::try_from((last + 1).saturating_sub(first)).unwrap_or(0);
        let mut places = vec![None; if slots.is_empty() { 0 } else { length }];
        for slot in slots {
            let at = place(slot.tick, width).checked_sub(first);
            let at = at.and_then(|at| usize::try_from(at).ok());
            if let Some(place) = at.and_then(|at| places.get_mut(at)) {
                *place = Some(slot);
            }
        }
        let begin = start_of(first, range);
        Self {
            t0: look.unix(begin),
            begin,
            step: range.step(),
            first,
            slots: places,
            full: continued.is_none(),
        }
    }

    /// One value for each place.
    pub(super) fn series(&self, value: impl Fn(&SlotOf) -> Value) -> Value {
        let slots = (0..self.slots.len()).map(|at| self.slot_at(at));
        json::collected(slots.map(|slot| slot.map_or(Value::Null, &value)))
    }

    /// The slot that a place is within: its own, or a longer one that ends later, as where the machine was too busy for a look at the end of
    /// this place.
    fn slot_at(&self, at: usize) -> Option<&SlotOf> {
        let own = self.slots.get(at)?.as_ref();
        own.or_else(|| {
            let mut later = self.slots[at..].iter().take(MOST_PLACES).flatten();
            let step = json::double(self.step);
            let middle = self.begin + (json::double(at as u64) + 0.5) * step;
            later.next().filter(|slot| slot.begin <= middle)
        })
    }

    /// An object with the axis alone.
    pub(super) fn begin(&self) -> Map<String, Value> {
        let mut object = Map::new();
        object.insert("t0".into(), json::time(self.t0));
        object.insert("step".into(), self.step.into());
        object
    }
}

/// When a place begins, on the clock of the slots: with the first slot after the last one of the place before. The first place of
/// longer slots ends with the first slot of 2 s, so it begins before the history does.
fn start_of(place: u64, range: Range) -> f64 {
    let width = json::double(range.step() / 2);
    let first = json::double(place) * width + 1.0 - width;
    first * SLOT.as_secs_f64()
}

/// A number of each slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Rate,
    Failed,
    InFlight,
    P50,
    P95,
    P99,
    Buckets,
}

impl Field {
    const OVERVIEW: [Self; 6] = [
        Self::Rate,
        Self::Failed,
        Self::InFlight,
        Self::P50,
        Self::P95,
        Self::P99,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Failed => "failed",
            Self::InFlight => "in_flight",
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Buckets => "buckets",
        }
    }

    pub(super) fn value(self, slot: &SlotOf) -> Value {
        match self {
            Self::Rate => json::optional(over_length(slot, json::double(slot.calls.begun))),
            Self::Failed => json::optional(slot.calls.failed_share()),
            Self::InFlight => json::optional(over_length(slot, slot.calls.busy)),
            Self::P50 => quantile(slot, 0.5),
            Self::P95 => quantile(slot, 0.95),
            Self::P99 => quantile(slot, 0.99),
            Self::Buckets => buckets(slot),
        }
    }
}

fn over_length(slot: &SlotOf, sum: f64) -> Option<f64> {
    let length = slot.end - slot.begin;
    (length > 0.0).then(|| sum / length)
}

fn quantile(slot: &SlotOf, share: f64) -> Value {
    json::optional(slot.quantile(share))
}

/// Durations of all calls that ended, whichever their outcome.
pub(super) fn all_cells(slot: &SlotOf) -> Cells {
    let mut all = slot.calls.ok.clone();
    for failure in &slot.calls.failures {
        all.add(&failure.cells);
    }
    all
}

/// `[[upper end, succeeded, failed], ...]`.
fn buckets(slot: &SlotOf) -> Value {
    let mut failed = Cells::default();
    for failure in &slot.calls.failures {
        failed.add(&failure.cells);
    }
    let of = |cells: &Cells, cell: i16| {
        let at = cells.0.binary_search_by_key(&cell, |one| one.0);
        at.map_or(0, |at| cells.0[at].1)
    };
    let cells = all_cells(slot).0.into_iter();
    let row = |(cell, _)| {
        json!([
            json::number(Cells::upper(cell)),
            of(&slot.calls.ok, cell),
            of(&failed, cell)
        ])
    };
    json::collected(cells.map(row))
}

/// `overview?range=`: the entry calls, and what belongs beside their curves.
pub(super) fn overview(api: &Api, query: &str) -> Result<Value, Refusal> {
    let query = Query::parse(query, &["range", "since"])?;
    let range = query.range()?;
    let beside = Beside::of(api);
    api.look(&query, |look| overview_of(look, range, &beside))
}

/// What an overview has beside the history.
#[derive(Debug)]
pub(super) struct Beside {
    report: Report,
    errors: Vec<LastError>,
    running: Vec<RunningCall>,
}

impl Beside {
    pub(super) fn of(api: &Api) -> Self {
        Self {
            report: api.health.report(),
            errors: api.monitor.newest_errors(inflight::ERRORS_WITHIN),
            running: api.monitor.running(inflight::MOST_READ),
        }
    }
}

pub(super) fn overview_of(look: &Look<'_>, range: Range, beside: &Beside) -> Value {
    let grid = Grid::read(look, Subject::Entries, range);
    let mut object = grid.begin();
    let series = Field::OVERVIEW.map(|field| {
        let series = grid.series(|slot| field.value(slot));
        (field.name().to_owned(), series)
    });
    object.insert("series".into(), json::collected(series));
    if let Some(usual) = look.watch.usual_entries() {
        object.insert("usual".into(), learned::usual_object(&usual));
    } else if let Some(seconds) = look.watch.usual_entries_within() {
        object.insert("usual_from".into(), json::time(look.now + seconds));
    }
    let oldest = inflight::oldest(look, &beside.running, OLDEST);
    let (numbers, level) = numbers(look, &oldest);
    object.insert("numbers".into(), numbers);
    object.insert("level".into(), level);
    object.insert("lanes".into(), health::lanes(look, &beside.report, range));
    object.insert("events".into(), events::list(look, range));
    object.insert("errors".into(), errors(look, beside));
    object.insert("oldest".into(), oldest);
    object.insert("changed".into(), most_changed(look));
    look.sealed(grid.full, object)
}

/// The numbers of the entry calls now, and the levels of those that are not as usual.
fn numbers(look: &Look<'_>, oldest: &Value) -> (Value, Value) {
    let calls = look.watch.recent_entries(WINDOW_SLOTS);
    let numbers = Numbers::of(&calls, window_seconds(look));
    let newest = look.watch.recent_entries(RATE_SLOTS);
    let seconds = window_seconds(look).min(RATE_SECONDS);
    let [p50, p95, p99] = numbers.durations.map(json::optional);
    let object = json!({
        "rate": json::number(json::double(newest.begun) / seconds),
        "failed": json::optional(numbers.failed),
        "p50": p50,
        "p95": p95,
        "p99": p99,
        "in_flight": numbers.now_in_flight,
        "oldest": oldest[0]["age"],
    });
    let mut level = learned::level_object(&look.watch.entry_levels(&numbers));
    if oldest[0]["stuck"] == true {
        level[Number::Oldest.name()] = Level::Bad.name().into();
    }
    (object, level)
}

/// The rate of requests that fail, the last error texts, first those of methods that fail more than usual, and how many failures did
/// not count, by type.
fn errors(look: &Look<'_>, beside: &Beside) -> Value {
    let after = look.watch.tick();
    let after = after.and_then(|tick| tick.checked_sub(WINDOW_SLOTS as u64));
    // Of the entry calls: a failure stands in each caller again.
    let recent = look.watch.slots(Subject::Entries, Range::Minutes15, after);
    let types = &look.watch.book().types;
    let (mut counted, mut expected) = (0, BTreeMap::<u32, u64>::new());
    for failure in recent.iter().flat_map(|slot| &slot.calls.failures) {
        match failure.kind {
            FailureKind::Counts => counted += failure.cells.count(),
            _ => *expected.entry(failure.error_type).or_default() += failure.cells.count(),
        }
    }
    let mut expected: Vec<_> = expected.into_iter().collect();
    expected.sort_by_key(|(_, count)| Reverse(*count));
    let named = |(error_type, count): (u32, u64)| {
        let name = types.get(error_type as usize)?;
        Some(json!([json::text(name), count]))
    };
    // Some failures are usual for many services: while something is wrong, those that are not come first.
    let is_wrong = look.watch.verdict().state.level() >= Level::Warn;
    let is_usual = |method: &str| {
        let place = is_wrong.then(|| look.place(method)).flatten();
        place.is_none_or(|at| look.watch.bare_state(at) != MethodState::Failing)
    };
    let last = beside.errors.iter().map(|one| (is_usual(&one.method), one));
    let mut last: Vec<_> = last.collect();
    last.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.last.total_cmp(&a.1.last)));
    last.truncate(LAST_ERRORS);
    let last = last.into_iter().map(|(_, error)| {
        json!({
            "t": json::time(error.last),
            "method": json::text(&error.method),
            "type": json::text(&error.error_type),
            "text": json::text(&error.text),
        })
    });
    json!({
        "rate": json::number(json::double(counted) / window_seconds(look)),
        "last": json::collected(last),
        "expected": json::collected(expected.into_iter().filter_map(named)),
    })
}

/// `history?of=<method>|*&fields=&range=`, or `from` and `to` instead of `range`.
pub(super) fn history(api: &Api, query: &str) -> Result<Value, Refusal> {
    let query = Query::parse(query, &["of", "fields", "range", "from", "to", "since"])?;
    let fields = fields(&query)?;
    let span = span(&query)?;
    let of = query.get("of").unwrap_or("*").to_owned();
    api.look(&query, |look| history_of(look, &of, &fields, span))?
}

/// What part of the history is asked for.
#[derive(Debug, Clone, Copy)]
enum Span {
    Range(Range),
    Between(f64, f64),
}

fn span(query: &Query) -> Result<Span, Refusal> {
    match (query.time("from")?, query.time("to")?) {
        (None, None) => Ok(Span::Range(query.range()?)),
        _ if query.get("range").is_some() => {
            let value = query.get("range").unwrap_or_default();
            Err(bad(
                "range",
                value,
                "left out where `from` or `to` is given",
            ))
        }
        (from, to) => Ok(Span::Between(
            from.unwrap_or(f64::NEG_INFINITY),
            to.unwrap_or(f64::INFINITY),
        )),
    }
}

fn fields(query: &Query) -> Result<Vec<Field>, Refusal> {
    const ALL: &str = "a list of `rate`, `failed`, `in_flight`, `p50`, `p95`, `p99`, `buckets`, divided by commas";
    let Some(value) = query.get("fields") else {
        return Ok(Field::OVERVIEW.to_vec());
    };
    let mut fields = Vec::new();
    for name in value.split(',') {
        let mut all = Field::OVERVIEW.into_iter().chain([Field::Buckets]);
        let field = all.find(|field| field.name() == name);
        let field = field.filter(|field| !fields.contains(field));
        fields.push(field.ok_or_else(|| bad("fields", value, ALL))?);
    }
    Ok(fields)
}

fn history_of(look: &Look<'_>, of: &str, fields: &[Field], span: Span) -> Result<Value, Refusal> {
    let subject = match of {
        "*" => Subject::Entries,
        name => Subject::Method(method_named(look, name)?),
    };
    let mut grid = Grid::read(look, subject, span.range(look.now));
    if let Span::Between(from, to) = span {
        grid.cut(from, to);
    }
    let mut object = grid.begin();
    let series = fields.iter().map(|field| {
        let series = grid.series(|slot| field.value(slot));
        (field.name().to_owned(), series)
    });
    object.insert("of".into(), json::text(of));
    object.insert("series".into(), json::collected(series));
    Ok(look.sealed(grid.full, object))
}

impl Span {
    /// The finest level that goes back to the begin.
    fn range(self, now: f64) -> Range {
        let from = match self {
            Self::Range(range) => return range,
            Self::Between(from, _) => from,
        };
        let reaches = |range: &Range| now - from <= json::double(range.step() * range.slots());
        let mut ranges = [Range::Minutes15, Range::Hours3].into_iter();
        ranges.find(reaches).unwrap_or(Range::Hours24)
    }
}

impl Grid {
    /// Leaves the places that begin at the first time or later, and before the second.
    fn cut(&mut self, from: f64, to: f64) {
        let step = json::double(self.step);
        let begins = |at: usize| self.t0 + json::double(at as u64) * step;
        let first = (0..self.slots.len()).find(|at| begins(*at) >= from);
        let first = first.unwrap_or(self.slots.len());
        let end = (first..self.slots.len()).find(|at| begins(*at) >= to);
        self.slots.truncate(end.unwrap_or(self.slots.len()));
        self.slots.drain(..first);
        self.t0 += json::double(first as u64) * step;
        self.begin += json::double(first as u64) * step;
    }
}
