//! `compare?at=&window=`: the calls of all methods within a window, with the intervals in which their true numbers are.
//!
//! Two such answers are compared by looking whether their intervals overlap: the noise of both windows is in them, and a reader
//! needs no rule of its own. The answers may be of two times, or of two processes by way of their snapshots.
//!
//! # Definition
//!
//! The interval of a share is Wilson's score interval for 95 % (Wilson 1927). That of p95 is from the order statistics whose ranks
//! are 1.96 standard deviations of a binomial number below and above 95 % of the calls (Conover 1999, *Practical nonparametric
//! statistics*, 3.2), from the lower end of the cell of the one to the upper end of that of the other: so the width of cells, which is
//! greater in longer levels of the history, is in it. With fewer than some 80 calls the upper rank is past the last call, and there is no interval.

use monitor_core::history::{CallsWithin, Range};
use monitor_core::slot::{Cells, FailureKind, MethodSlot};
use monitor_core::verdict::numbers::moment;
use serde_json::{Map, Value, json};

use super::envelope::Look;
use super::query::{Query, Refusal, bad};
use super::{Api, json};

/// The quantile of the normal distribution for 95 % on two sides.
const Z: f64 = 1.96;

/// Seconds of a window: five minutes where it is not given, and from one slot of 2 minutes to a day.
const WINDOW: f64 = 300.0;
const LEAST_WINDOW: f64 = 20.0;
const MOST_WINDOW: f64 = 86_400.0;

/// Ends of the windows of a snapshot: so many seconds before it.
const IN_SNAPSHOT: [(&str, f64); 4] = [
    ("now", 0.0),
    ("15m", 900.0),
    ("1h", 3600.0),
    ("24h", 86_400.0),
];

const COLS: [&str; 10] = [
    "id",
    "name",
    "rate",
    "calls",
    "failed",
    "p50",
    "p95",
    "p99",
    "p95_ci",
    "failed_ci",
];

/// Answers a request; always whole.
pub(super) fn answer(api: &Api, query: &str) -> Result<Value, Refusal> {
    let query = Query::parse(query, &["at", "window", "since"])?;
    let at = query.time("at")?;
    let window = window(&query)?;
    api.look(&query, |look| {
        let to = at.unwrap_or(look.now);
        let object = window_of(look, to, window).ok_or_else(|| missing(look, to))?;
        Ok(look.sealed(true, object))
    })?
}

fn window(query: &Query) -> Result<f64, Refusal> {
    let Some(value) = query.get("window") else {
        return Ok(WINDOW);
    };
    let seconds = value.parse().ok();
    let seconds = seconds.filter(|seconds| (LEAST_WINDOW..=MOST_WINDOW).contains(seconds));
    seconds.ok_or_else(|| bad("window", value, "seconds from 20 to 86400"))
}

/// The refusal of a time of which nothing is kept.
fn missing(look: &Look<'_>, at: f64) -> Refusal {
    let began = look.unix(0.0);
    let [at, began] = [at, began].map(|time| moment(time, look.now));
    let error = format!(
        "nothing is kept of the time before {at}: the history of this process began at {began}"
    );
    Refusal::Missing(error, Vec::new())
}

/// The windows of a snapshot, by how long before it they end: those that are kept.
pub(super) fn windows(look: &Look<'_>) -> Value {
    let windows = IN_SNAPSHOT.into_iter();
    json::collected(windows.filter_map(|(name, before)| {
        let window = window_of(look, look.now - before, WINDOW)?;
        Some((name.to_owned(), Value::Object(window)))
    }))
}

/// The numbers of a window that ends at a time; `None` where no slot of it is kept.
fn window_of(look: &Look<'_>, to: f64, seconds: f64) -> Option<Map<String, Value>> {
    let to = to - look.watch.created_at();
    let within = look.watch.window(to - seconds, to)?;
    let mut object = Map::new();
    object.insert("from".into(), json::time(look.unix(within.begin)));
    object.insert("to".into(), json::time(look.unix(within.end)));
    object.insert("cols".into(), COLS.to_vec().into());
    let methods = &look.watch.book().methods;
    let rows = within.methods.iter().filter_map(|(calls, is_full)| {
        let name = methods.get(calls.method as usize)?;
        Some(row(name, calls, *is_full, &within))
    });
    object.insert("rows".into(), json::collected(rows));
    Some(object)
}

fn row(name: &str, calls: &MethodSlot, is_full: bool, within: &CallsWithin) -> Value {
    let length = (within.end - within.begin).max(1.0);
    let durations = calls.durations();
    let durations = Durations {
        cells: &durations,
        width: if within.range == Range::Minutes15 {
            1
        } else {
            4
        },
    };
    let quantile = |share| json::optional(durations.quantile(share).filter(|_| is_full));
    let interval = durations.interval(0.95).filter(|_| is_full);
    let ended = calls.ended() - calls.failed(FailureKind::Cancelled);
    let failed = calls.failed(FailureKind::Counts);
    json!([
        calls.method,
        json::text(name),
        json::number(json::double(calls.begun) / length),
        ended,
        json::optional(json::share(failed, ended)),
        quantile(0.5),
        quantile(0.95),
        quantile(0.99),
        interval.map(json::pair),
        share_interval(failed, ended).map(json::pair),
    ])
}

/// Durations by cell, of which each is so many cells wide: four in longer slots, of which only the highest are used.
struct Durations<'c> {
    cells: &'c Cells,
    width: i16,
}

impl Durations<'_> {
    fn lower(&self, cell: i16) -> f64 {
        Cells::lower(cell.saturating_sub(self.width - 1))
    }

    /// The cell of the call with this rank, from 1 on; `None` past the last.
    fn cell(&self, rank: f64) -> Option<i16> {
        let mut left = rank;
        let found = self.cells.0.iter().find(|(_, count)| {
            left -= json::double(*count);
            left <= 0.0
        });
        found.map(|(cell, _)| *cell)
    }

    /// The middle of the cell in which a share of the calls is reached, by ratio.
    fn quantile(&self, share: f64) -> Option<f64> {
        let calls = json::double(self.cells.count());
        let cell = self.cell((share * calls).ceil().max(1.0))?;
        Some((self.lower(cell) * Cells::upper(cell)).sqrt())
    }

    /// Where the true quantile is, with a probability of 95 %.
    fn interval(&self, share: f64) -> Option<[f64; 2]> {
        let calls = json::double(self.cells.count());
        let away = Z * (calls * share * (1.0 - share)).sqrt();
        let [low, high] = [calls * share - away, calls * share + away];
        let low = self.cell(low.floor().max(1.0))?;
        let high = self.cell(high.ceil())?;
        Some([self.lower(low), Cells::upper(high)])
    }
}

/// Where the true share is, with a probability of 95 %; `None` of no calls.
fn share_interval(part: u64, of: u64) -> Option<[f64; 2]> {
    let share = json::share(part, of)?;
    let calls = json::double(of);
    let middle = share + Z * Z / (2.0 * calls);
    let half = Z * (share * (1.0 - share) / calls + Z * Z / (4.0 * calls * calls)).sqrt();
    let ends = [middle - half, middle + half].map(|end| end / (1.0 + Z * Z / calls));
    Some([
        if part == 0 { 0.0 } else { ends[0].max(0.0) },
        if part == of { 1.0 } else { ends[1].min(1.0) },
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_share_is_that_of_wilson() {
        // Newcombe 1998, table I, method 3: 81 of 263, and 0 of 20.
        let near = |interval: Option<[f64; 2]>, expected: [f64; 2]| {
            let interval = interval.expect("calls");
            let is_near = |(one, other): (f64, f64)| (one - other).abs() < 0.000_1;
            assert!(
                interval.into_iter().zip(expected).all(is_near),
                "{interval:?}"
            );
        };
        near(share_interval(81, 263), [0.2553, 0.3662]);
        near(share_interval(0, 20), [0.0, 0.1611]);
        near(share_interval(20, 20), [0.8389, 1.0]);
        assert_eq!(share_interval(0, 0), None);
    }

    #[test]
    fn the_interval_of_a_quantile_has_the_cells_of_its_ranks() {
        // A hundred calls in each of ten cells: p95 is call 950, give or take 13.5.
        let cells = Cells((0..10).map(|cell| (cell * 4, 100)).collect());
        let fine = Durations {
            cells: &cells,
            width: 1,
        };
        assert_eq!(
            fine.interval(0.95),
            Some([Cells::lower(36), Cells::upper(36)])
        );
        let coarse = Durations {
            cells: &cells,
            width: 4,
        };
        let interval = coarse.interval(0.95);
        assert_eq!(interval, Some([Cells::upper(32), Cells::upper(36)]));
        let few = Cells(vec![(0, 20)]);
        let few = Durations {
            cells: &few,
            width: 1,
        };
        assert_eq!(few.interval(0.95), None);
        assert!(few.quantile(0.95).is_some());
    }
}
