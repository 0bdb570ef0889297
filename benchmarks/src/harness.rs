//! Rounds and statistics: each candidate beside its baseline, all of them interleaved.
//!
//! A machine's speed drifts (other tenants, clock frequency, where the host puts a thread), so nothing is measured once
//! and compared with something measured later. A *cell* is a candidate in a row; a round visits every cell, each a
//! batch of the baseline and right after it a batch of the candidate. An overhead is the difference of the two, a ratio
//! is that of two overheads of the same round, and the report shows medians and quartiles over the rounds.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::pair::Pair;

/// Length of a batch: long against the two clock reads around it, short against a scheduler's slice.
const BATCH: Duration = Duration::from_micros(300);

/// Runs an operation so many times, and says how long that took.
#[derive(Clone)]
pub(crate) struct Batch {
    run: Arc<dyn Fn(u64) -> Duration + Send + Sync>,
    /// How many times it must be, where that is not to choose.
    fixed: Option<u64>,
}

impl Batch {
    pub(crate) fn new(run: impl Fn(u64) -> Duration + Send + Sync + 'static) -> Self {
        Self {
            run: Arc::new(run),
            fixed: None,
        }
    }

    /// A batch of so many operations at a time: with a preparation before them that must not count.
    pub(crate) fn fixed(times: u64, run: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self {
            run: Arc::new(move |_| run()),
            fixed: Some(times),
        }
    }

    /// Whether how many times is not to choose.
    pub(crate) fn is_fixed(&self) -> bool {
        self.fixed.is_some()
    }

    /// Runs it.
    pub(crate) fn run(&self, times: u64) -> Duration {
        (self.run)(times)
    }
}

/// How long this takes.
#[inline]
pub(crate) fn timed(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

/// An operation as a batch. The operation is given a number that the compiler knows nothing of.
pub(crate) fn batch<R>(operation: impl Fn(u64) -> R + Send + Sync + 'static) -> Batch {
    Batch::new(move |times| {
        timed(|| {
            for i in 0..times {
                black_box(operation(black_box(i)));
            }
        })
    })
}

/// An operation whose input is its last result, so that its overhead can hide only behind its own work.
pub(crate) fn chain(operation: impl Fn(u64) -> u64 + Send + Sync + 'static) -> Batch {
    Batch::new(move |times| {
        timed(|| {
            let end = (0..times).fold(black_box(1), |x, _| operation(x));
            black_box(end);
        })
    })
}

/// How many threads run a batch at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Threads {
    One,
    Two,
}

/// A candidate in a row.
struct Cell {
    row: &'static str,
    candidate: &'static str,
    threads: Threads,
    base: Portion,
    run: Portion,
}

/// A batch, and how often its operation fits into [`BATCH`].
struct Portion {
    batch: Batch,
    times: u64,
}

impl Portion {
    fn new(batch: Batch) -> Self {
        if let Some(times) = batch.fixed {
            return Self { batch, times };
        }
        let mut times = 16;
        while batch.run(times) < BATCH {
            times *= 2;
        }
        // The last try had warm caches; the least of a few had no interruption.
        let least = (0..5).map(|_| batch.run(times)).min().unwrap_or(BATCH);
        let fits = as_f64(times) * BATCH.as_secs_f64() / least.as_secs_f64();
        Self {
            batch,
            times: to_u64(fits.max(1.0)),
        }
    }

    /// Nanoseconds an operation; the mean of both threads where two run it at once, NaN where they never did.
    fn nanos(&self, pair: &Pair, threads: Threads) -> f64 {
        let took = match threads {
            Threads::One => Some(self.batch.run(self.times)),
            Threads::Two => pair.time(&self.batch, self.times),
        };
        took.map_or(f64::NAN, |took| {
            took.as_secs_f64() * 1e9 / as_f64(self.times)
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
pub(crate) fn as_f64(value: u64) -> f64 {
    value as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates; counts and bounds are not negative"
)]
pub(crate) fn to_u64(value: f64) -> u64 {
    value as u64
}

/// Nanoseconds as peers take them.
#[inline]
pub(crate) fn saturated(nanos: u128) -> u64 {
    u64::try_from(nanos).unwrap_or(u64::MAX)
}

/// A row: an operation, uninstrumented, and by each candidate.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) threads: Threads,
    pub(crate) base: Batch,
    pub(crate) candidates: Vec<(&'static str, Batch)>,
}

/// Runs the rounds of these rows.
pub(crate) fn measure(rows: Vec<Row>, rounds: usize) -> Results {
    let pair = Pair::start();
    let mut cells: Vec<(Cell, Vec<Sample>)> = rows
        .into_iter()
        .flat_map(cells_of)
        .map(|cell| (cell, Vec::with_capacity(rounds)))
        .collect();
    for round in 0..rounds {
        let first = round * cells.len() / rounds;
        let (before, after) = cells.split_at_mut(first);
        for (cell, samples) in after.iter_mut().chain(before) {
            samples.push(Sample {
                base: cell.base.nanos(&pair, cell.threads),
                run: cell.run.nanos(&pair, cell.threads),
            });
        }
    }
    Results { cells }
}

fn cells_of(row: Row) -> impl Iterator<Item = Cell> {
    let Row {
        name,
        threads,
        base,
        candidates,
    } = row;
    candidates.into_iter().map(move |(candidate, run)| Cell {
        row: name,
        candidate,
        threads,
        base: Portion::new(base.clone()),
        run: Portion::new(run),
    })
}

/// One round of one cell, nanoseconds an operation.
#[derive(Debug, Clone, Copy)]
struct Sample {
    base: f64,
    run: f64,
}

/// The results of the rounds.
pub(crate) struct Results {
    cells: Vec<(Cell, Vec<Sample>)>,
}

impl Results {
    /// Rows and their candidates, as they were given.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.cells
            .iter()
            .map(|(cell, _)| (cell.row, cell.candidate))
    }

    /// Whether the row has the candidate.
    pub(crate) fn has(&self, row: &str, candidate: &str) -> bool {
        self.cells().any(|cell| cell == (row, candidate))
    }

    fn samples(&self, row: &str, candidate: &str) -> impl Iterator<Item = Sample> {
        let mut cells = self.cells.iter();
        let cell = cells.find(|(cell, _)| cell.row == row && cell.candidate == candidate);
        let samples = cell.map(|(_, samples)| samples.as_slice());
        samples.unwrap_or_default().iter().copied()
    }

    /// The uninstrumented operation, nanoseconds.
    pub(crate) fn base(&self, row: &str, candidate: &str) -> Figures {
        Figures::of(self.samples(row, candidate).map(|sample| sample.base))
    }

    /// The overhead of the candidate, nanoseconds an operation.
    pub(crate) fn overhead(&self, row: &str, candidate: &str) -> Figures {
        Figures::of(
            self.samples(row, candidate)
                .map(|sample| sample.run - sample.base),
        )
    }

    /// The overhead of one cell beyond another's, over the overhead of a third, round by round.
    pub(crate) fn added_ratio(
        &self,
        (row, candidate): (&str, &str),
        (less_row, less): (&str, &str),
        (over_row, over): (&str, &str),
    ) -> Figures {
        let overhead = |row, candidate| {
            let samples = self.samples(row, candidate);
            samples.map(|sample| sample.run - sample.base)
        };
        let added = overhead(row, candidate).zip(overhead(less_row, less));
        let rounds = added.zip(overhead(over_row, over));
        Figures::of(rounds.map(|((more, less), over)| (more - less) / over))
    }

    /// The overhead of one cell over that of another, round by round.
    pub(crate) fn ratio(
        &self,
        (row, candidate): (&str, &str),
        (over_row, over): (&str, &str),
    ) -> Figures {
        let below = self.samples(over_row, over);
        let pairs = self.samples(row, candidate).zip(below);
        Figures::of(pairs.map(|(above, below)| (above.run - above.base) / (below.run - below.base)))
    }
}

/// Median and quartiles; NaN if nothing was measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) lower: f64,
    pub(crate) median: f64,
    pub(crate) upper: f64,
}

impl Figures {
    /// These figures in units of another.
    pub(crate) fn over(self, unit: f64) -> Self {
        Self {
            lower: self.lower / unit,
            median: self.median / unit,
            upper: self.upper / unit,
        }
    }

    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.filter(|value| !value.is_nan()).collect();
        values.sort_unstable_by(f64::total_cmp);
        let at = |quarter: usize| {
            let place = values.len().saturating_sub(1) * quarter / 4;
            values.get(place).copied().unwrap_or(f64::NAN)
        };
        Self {
            lower: at(1),
            median: at(2),
            upper: at(3),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_leave_out_what_was_not_measured() {
        let figures = Figures::of([5.0, f64::NAN, 1.0, 3.0, 2.0, 4.0].into_iter());
        let all = [figures.lower, figures.median, figures.upper];
        assert_eq!(all.map(f64::to_bits), [2.0, 3.0, 4.0].map(f64::to_bits));
    }

    #[test]
    fn an_overhead_is_what_a_candidate_adds_to_its_base() {
        let step = |times: u64| batch(move |x| (0..times).fold(x, |x, i| black_box(x ^ i)));
        let row = Row {
            name: "row",
            threads: Threads::One,
            base: step(50),
            candidates: vec![("once more", step(100)), ("thrice more", step(200))],
        };
        let results = measure(vec![row], 20);
        assert!(results.overhead("row", "once more").median > 0.0);
        let ratio = results.ratio(("row", "thrice more"), ("row", "once more"));
        assert!((1.5..6.0).contains(&ratio.median), "{ratio:?}");
    }
}
