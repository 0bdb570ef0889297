//! The methods of `/top`, from the history: the last 30 s, and the last 15 minutes by the minute.
//!
//! Calls that were cancelled are in no share and no quantile; expected failures are in quantiles, and no failures.

use std::collections::HashMap;
use std::sync::Arc;

use monitor_core::history::{MinuteCalls, Range, Subject};
use monitor_core::slot::{Cells, FailureKind, MethodSlot};
use monitor_core::verdict::{MethodState, StateOf, Watch};

use super::super::text_query::{Sort, TextQuery};
use super::shapes::UsualAges;
use super::view::{Mark, MethodRow, Requests, Totals};

/// The slots of the last 30 s.
const RECENT: usize = 15;

/// A share of failures below this is never marked in the last column.
const LEAST_FAILING: f64 = 0.01;

/// The part of the page that comes from the history.
pub(super) struct Watched {
    /// When the storage was made, seconds since 1970.
    pub(super) created_at: f64,
    pub(super) requests: Requests,
    pub(super) methods: Vec<MethodRow>,
    pub(super) totals: Totals,
    /// By method.
    pub(super) usual: HashMap<Arc<str>, UsualAges>,
}

impl Watched {
    pub(super) fn read(watch: &Watch, query: &TextQuery) -> Self {
        let after = watch
            .tick()
            .and_then(|tick| tick.checked_sub(RECENT as u64));
        let entries = watch.slots(Subject::Entries, Range::Minutes15, after);
        let seconds: f64 = entries.iter().map(|slot| slot.end - slot.begin).sum();
        let mut ended = Ended::default();
        let mut begun = 0;
        for slot in &entries {
            ended.add(&slot.calls);
            begun += slot.calls.begun;
        }
        let in_flight = entries.last().map_or(0, |slot| slot.calls.in_flight);
        let recent = watch.recent(RECENT);
        let mut rows: Vec<_> = (0..)
            .zip(&watch.book().methods)
            .map(|(method, name)| {
                let at = recent.binary_search_by_key(&method, |one| one.method);
                let calls = at.ok().map(|at| &recent[at]);
                (method, row(watch, method, name, calls, seconds))
            })
            .collect();
        let mut totals = Totals::default();
        for (method, _) in &rows {
            totals.add(watch.bare_state(*method));
        }
        if let Some(part) = &query.method {
            rows.retain(|(_, row)| row.name.to_lowercase().contains(part));
        }
        rows.sort_by(|(_, a), (_, b)| sorted(query.sort, a, b));
        rows.truncate(query.most);
        let shown: Vec<u32> = rows.iter().map(|(method, _)| *method).collect();
        for ((method, row), minutes) in rows.iter_mut().zip(watch.minutes(&shown)) {
            row.minutes = Some(strip(watch, *method, &minutes));
        }
        Self {
            created_at: watch.created_at(),
            requests: Requests {
                rate: rate(begun, seconds),
                failed: ended.failed(),
                durations: ended.durations(),
                in_flight,
            },
            methods: rows.into_iter().map(|(_, row)| row).collect(),
            totals,
            usual: usual_ages(watch, &recent),
        }
    }
}

/// Calls that ended.
#[derive(Debug, Default)]
struct Ended {
    cells: Cells,
    failed: u64,
}

impl Ended {
    fn add(&mut self, calls: &MethodSlot) {
        self.cells.add(&calls.ok);
        for failure in &calls.failures {
            if failure.kind != FailureKind::Cancelled {
                self.cells.add(&failure.cells);
            }
        }
        self.failed += calls.failed(FailureKind::Counts);
    }

    /// The share that failed.
    fn failed(&self) -> Option<f64> {
        ratio(self.failed, self.cells.count())
    }

    fn durations(&self) -> Option<[f64; 3]> {
        let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|share| self.cells.quantile(share));
        Some([p50?, p95?, p99?])
    }
}

fn row(
    watch: &Watch,
    method: u32,
    name: &str,
    calls: Option<&MethodSlot>,
    seconds: f64,
) -> MethodRow {
    let state = watch.method_state(method);
    let mut row = MethodRow {
        mark: mark(state.state),
        name: name.to_owned(),
        usual: watch.usual(method).map(|usual| usual.p99[1]),
        change: change(watch, &state),
        ..MethodRow::default()
    };
    let Some(calls) = calls else {
        return row;
    };
    let mut ended = Ended::default();
    ended.add(calls);
    row.rate = rate(calls.begun, seconds);
    row.failed = ended.failed();
    row.durations = ended.durations();
    row.in_flight = calls.in_flight;
    row.oldest = (calls.in_flight > 0).then_some(calls.oldest);
    let through = state.through;
    let through = through.and_then(|at| watch.book().methods.get(at as usize));
    row.error = match through {
        Some(through) => Some(format!("in {through}")),
        None => most_frequent(watch, calls),
    };
    row
}

/// The error type with which most calls failed.
fn most_frequent(watch: &Watch, calls: &MethodSlot) -> Option<String> {
    let counted = calls.failures.iter();
    let counted = counted.filter(|one| one.kind == FailureKind::Counts);
    let most = counted.max_by_key(|one| one.cells.count())?;
    let name = watch.book().types.get(most.error_type as usize)?;
    Some(name.to_string())
}

fn rate(begun: u64, seconds: f64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a rate is a double")]
    let rate = begun as f64 / seconds;
    (begun > 0 && seconds > 0.0).then_some(rate)
}

#[expect(clippy::cast_precision_loss, reason = "a share is a double")]
fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// The place of a method in the order of change, the greatest first: those with a finding by their score, of which one that
/// fails through another comes after that one; then those as usual, then the idle ones.
fn change(watch: &Watch, state: &StateOf) -> f64 {
    match state.state {
        MethodState::Failing | MethodState::Stuck | MethodState::Slow => {}
        MethodState::Idle => return -2.0,
        _ => return -1.0,
    }
    let cause = state.through.map(|at| watch.method_state(at));
    let cause = cause.filter(|cause| cause.through.is_none());
    cause.map_or(state.score, |cause| {
        state.score.min(cause.score - f64::EPSILON).max(0.0)
    })
}

/// The mark of a method by its state.
fn mark(state: MethodState) -> Mark {
    match state {
        MethodState::Failing | MethodState::Stuck => Mark::Bad,
        MethodState::Slow => Mark::Warn,
        MethodState::Idle => Mark::Idle,
        _ => Mark::Usual,
    }
}

/// How old calls get, of the methods that have calls.
fn usual_ages(watch: &Watch, recent: &[MethodSlot]) -> HashMap<Arc<str>, UsualAges> {
    let known = recent.iter().filter_map(|calls| {
        let name = watch.book().methods.get(calls.method as usize)?;
        let usual = watch.usual(calls.method);
        let ages = UsualAges {
            durations: usual.map(|usual| [usual.p50[1], usual.p99[1]]),
            limit: Some(watch.stuck_age(Some(calls.method))),
        };
        Some((Arc::clone(name), ages))
    });
    known.collect()
}

impl Totals {
    fn add(&mut self, state: MethodState) {
        let number = match state {
            MethodState::Failing => &mut self.failing,
            MethodState::Stuck => &mut self.stuck,
            MethodState::Slow => &mut self.slow,
            MethodState::Idle => &mut self.idle,
            _ => &mut self.usual,
        };
        *number += 1;
    }
}

/// The first comes before: the largest number, and of equal ones the busier, then by name.
fn sorted(sort: Sort, a: &MethodRow, b: &MethodRow) -> std::cmp::Ordering {
    let key = |row: &MethodRow| match sort {
        Sort::Change => row.change,
        Sort::Calls => row.rate.unwrap_or(-1.0),
        Sort::Failed => row.failed.unwrap_or(-1.0),
        Sort::P50 => row.durations.map_or(-1.0, |all| all[0]),
        Sort::P95 => row.durations.map_or(-1.0, |all| all[1]),
        Sort::P99 => row.durations.map_or(-1.0, |all| all[2]),
        #[expect(clippy::cast_precision_loss, reason = "for the order alone")]
        Sort::Flight => row.in_flight as f64,
        Sort::Oldest => row.oldest.unwrap_or(-1.0),
        Sort::Name => 0.0,
    };
    let is_named = sort == Sort::Name;
    let busier = || {
        let [a, b] = [a, b].map(|row| row.rate.filter(|_| !is_named).unwrap_or(-1.0));
        b.total_cmp(&a)
    };
    key(b)
        .total_cmp(&key(a))
        .then_with(busier)
        .then_with(|| a.name.cmp(&b.name))
}

/// A character a minute, the oldest first: `-` no call ended, `X` half or more failed, `x` more than usual did, or the
/// method was found to fail then, `!` it was found to be slow.
fn strip(watch: &Watch, method: u32, minutes: &[MinuteCalls]) -> String {
    let usual = watch.usual(method);
    let usual = usual.map(|usual| (2.0 * usual.failed[1]).max(LEAST_FAILING));
    let state = watch.method_state(method);
    let now = watch.tick().unwrap_or(0).saturating_mul(2);
    #[expect(clippy::cast_precision_loss, reason = "seconds since the start")]
    let ago = state.since.map(|since| (now as f64 - since) / 60.0);
    let character = |(minute, back): (&MinuteCalls, usize)| {
        #[expect(clippy::cast_precision_loss, reason = "below 15")]
        let is_found = ago.is_some_and(|ago| ago > back as f64);
        match ratio(minute.failed, minute.ended) {
            None => '-',
            Some(share) if share >= 0.5 => 'X',
            Some(share) if usual.is_some_and(|usual| share > usual) => 'x',
            Some(_) if is_found && state.state == MethodState::Failing => 'x',
            Some(_) if is_found && state.state == MethodState::Slow => '!',
            Some(_) => '.',
        }
    };
    let back = (0..minutes.len()).rev();
    minutes.iter().zip(back).map(character).collect()
}

#[cfg(test)]
mod tests {
    use monitor_core::history::{Facts, HistoryConfig};
    use monitor_core::slot::{CallerSlot, FailureSlot, Slot};

    use super::*;

    fn cells(cell: i16, count: u64) -> Cells {
        Cells(vec![(cell, count)])
    }

    /// Slots of 2 s: `Fast` has 20 calls of some 1 ms each, and fails in a half of the last minute; `Rare` had one call in
    /// the first.
    fn watch(slots: u64) -> Watch {
        let mut watch = Watch::new(&HistoryConfig::default(), 1000.0, Vec::new());
        let book = watch.book_mut();
        book.methods = vec!["Fast".into(), "Rare".into()];
        book.types = vec!["timed out".into()];
        for tick in 0..slots {
            let is_failing = tick + 30 >= slots;
            let failures = FailureSlot {
                error_type: 0,
                kind: FailureKind::Counts,
                cells: cells(0, 10),
            };
            let fast = MethodSlot {
                begun: 20,
                entries: 20,
                ok: cells(-80, if is_failing { 10 } else { 20 }),
                failures: Vec::from_iter(is_failing.then_some(failures)),
                in_flight: 3,
                oldest: 0.5,
                ..MethodSlot::default()
            };
            let rare = MethodSlot {
                method: 1,
                begun: 1,
                ok: cells(0, 1),
                ..MethodSlot::default()
            };
            let seconds = f64::from(u32::try_from(tick).expect("a few")) * 2.0;
            let mut slot = Slot {
                tick,
                begin: seconds,
                end: seconds + 2.0,
                methods: vec![fast.clone()],
                ..Slot::default()
            };
            slot.entries = fast;
            slot.methods.extend((tick == 0).then_some(rare));
            watch.feed(&slot, &Facts::default());
        }
        watch
    }

    fn read(query: &str) -> Watched {
        let query = TextQuery::parse(query, super::super::OF_TOP);
        Watched::read(&watch(200), &query.expect("a query"))
    }

    #[test]
    fn numbers_are_those_of_the_last_30_seconds() {
        let watched = read("");
        let row = &watched.methods[0];
        assert_eq!(row.name, "Fast");
        assert!((row.rate.expect("calls") - 10.0).abs() < 0.01, "{row:?}");
        assert!((row.failed.expect("calls") - 0.5).abs() < 1e-9, "{row:?}");
        let [p50, _, p99] = row.durations.expect("calls");
        assert!((p50 - Cells::middle(-80)).abs() < 1e-9, "{p50}");
        assert!((p99 - Cells::middle(0)).abs() < 1e-9, "{p99}");
        assert_eq!(
            (row.in_flight, row.error.as_deref()),
            (3, Some("timed out"))
        );
        assert!(row.oldest.is_some_and(|oldest| (oldest - 0.5).abs() < 0.01));
        let minutes = row.minutes.as_deref().expect("15 minutes");
        assert_eq!(minutes.len(), 15);
        assert!(
            minutes.starts_with("-----") && minutes[minutes.len() - 2..] == *".X",
            "{minutes}"
        );
        let requests = &watched.requests;
        assert!(
            (requests.rate.expect("calls") - 10.0).abs() < 0.01,
            "{requests:?}"
        );
        assert_eq!(requests.in_flight, 3);
    }

    #[test]
    fn a_method_without_calls_has_no_numbers() {
        let watched = read("sort=name&method=RAR");
        let [row] = &watched.methods[..] else {
            panic!("{:?}", watched.methods);
        };
        assert_eq!((row.rate, row.failed, row.durations), (None, None, None));
        assert_eq!((row.mark, row.oldest), (Mark::Idle, None));
        let Totals {
            failing,
            usual,
            idle,
            ..
        } = watched.totals;
        assert_eq!((failing + usual, idle), (1, 1), "totals are of all methods");
    }

    #[test]
    fn what_is_found_comes_before_what_is_busy() {
        let names = ["Busy", "Failing", "Calm", "Through", "Rare"];
        let mut watch = Watch::new(&HistoryConfig::default(), 1000.0, Vec::new());
        let book = watch.book_mut();
        book.methods = names.map(Into::into).to_vec();
        book.types = vec!["timed out".into()];
        for tick in 0..600_u32 {
            // The last minute calls of `Failing` fail, and with them those of `Through`. A few calls of `Busy` take long: its p99
            // is far from what is usual, which is no finding.
            let is_wrong = u64::from(tick >= 570);
            let failed = [0, 10 * is_wrong, 0, 8 * is_wrong];
            let late = |at| u64::from(tick >= 588 && at == 0);
            let calls = [60, 10, 20, 20];
            let methods = calls.into_iter().zip(failed).enumerate();
            let mut methods: Vec<_> = methods
                .map(|(at, (begun, failed))| MethodSlot {
                    method: u32::try_from(at).expect("a few"),
                    begun,
                    entries: if at == 1 { 0 } else { begun },
                    ok: Cells(vec![(-80, begun - failed - late(at)), (-40, late(at))]),
                    failures: Vec::from_iter((failed > 0).then(|| FailureSlot {
                        error_type: 0,
                        kind: FailureKind::Counts,
                        cells: cells(-80, failed),
                    })),
                    callers: Vec::from_iter((at == 1).then_some(CallerSlot {
                        caller: 3,
                        begun,
                        failed,
                    })),
                    ..MethodSlot::default()
                })
                .collect();
            methods.extend((tick == 0).then(|| MethodSlot {
                method: 4,
                begun: 1,
                ok: cells(0, 1),
                ..MethodSlot::default()
            }));
            let begin = f64::from(tick) * 2.0;
            let slot = Slot {
                tick: tick.into(),
                begin,
                end: begin + 2.0,
                methods,
                ..Slot::default()
            };
            watch.feed(&slot, &Facts::default());
        }
        let query = TextQuery::parse("", super::super::OF_TOP).expect("a query");
        let shown = Watched::read(&watch, &query).methods;
        let shown: Vec<_> = shown.iter().map(|row| &*row.name).collect();
        assert_eq!(shown, ["Failing", "Through", "Busy", "Calm", "Rare"]);
    }

    #[test]
    fn the_order_is_the_one_asked_for() {
        let names = |query: &str| {
            let names = read(query).methods.into_iter().map(|row| row.name);
            names.collect::<Vec<_>>()
        };
        for sort in [
            "change", "calls", "failed", "p50", "p99", "flight", "oldest", "name",
        ] {
            assert_eq!(names(&format!("sort={sort}")), ["Fast", "Rare"], "{sort}");
        }
        assert_eq!(names("n=1"), ["Fast"]);
        assert!(names("method=nobody").is_empty());
    }
}
