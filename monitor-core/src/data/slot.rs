//! The calls of all methods within one slot of 2 s: what the history keeps and the verdict is made from.
//!
//! Plain data. A slot is read from a storage ([`history`](crate::history)), or made by a test from a recording. Methods and
//! error types stand in it by their places in a [`Book`], which only grows.

use std::sync::Arc;
use std::time::Duration;

use crate::data::native::native_bound;

/// The length of a slot.
pub const SLOT: Duration = Duration::from_secs(2);

/// Counts of durations by cell: cell `i` holds the durations above `2^((i - 1) / 8)` up to and including `2^(i / 8)`
/// seconds, as bucket `i` of a native histogram of schema 3 does. In ascending order, without empty cells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cells(pub Vec<(i16, u64)>);

impl Cells {
    /// The number of calls.
    pub fn count(&self) -> u64 {
        let counts = self.0.iter().map(|(_, count)| *count);
        counts.fold(0, u64::saturating_add)
    }

    /// True if there is no call.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The greatest duration in a cell, seconds.
    pub fn upper(cell: i16) -> f64 {
        native_bound(cell.into())
    }

    /// The duration that is greater than all in lower cells, and not above those in this one, seconds.
    pub fn lower(cell: i16) -> f64 {
        native_bound(i32::from(cell) - 1)
    }

    /// The middle of a cell by ratio, as part of its upper end: `2^(-1/16)`, half a cell less.
    pub(crate) const MIDDLE: f64 = 0.957_603_280_698_573_6;

    /// The middle of a cell by ratio, seconds.
    pub fn middle(cell: i16) -> f64 {
        Self::upper(cell) * Self::MIDDLE
    }

    /// Adds the calls of other cells.
    pub fn add(&mut self, other: &Self) {
        for &(cell, count) in &other.0 {
            match self.0.binary_search_by_key(&cell, |one| one.0) {
                Ok(at) => self.0[at].1 = self.0[at].1.saturating_add(count),
                Err(at) => self.0.insert(at, (cell, count)),
            }
        }
    }

    /// The [middle](Self::middle) of the cell in which this share of the calls, from 0 to 1, is reached; `None` without calls. It is
    /// within 4.5 % of the exact quantile, where an end of the cell may be 9 % away.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        self.quantile_cell(share).map(Self::middle)
    }

    /// The cell itself.
    pub(crate) fn quantile_cell(&self, share: f64) -> Option<i16> {
        #[expect(clippy::cast_precision_loss, reason = "a share is a double")]
        let mut left = share * self.count() as f64;
        let last = self.0.last()?.0;
        for &(cell, count) in &self.0 {
            #[expect(clippy::cast_precision_loss, reason = "a share is a double")]
            let here = count as f64;
            left -= here;
            if left <= 0.0 {
                return Some(cell);
            }
        }
        Some(last)
    }
}

/// What a failure counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FailureKind {
    /// It sets a status: what an operator calls a failure.
    Counts,
    /// Of a type that is expected of its method, or one that sets no status.
    Expected,
    /// The call was dropped before it ended.
    Cancelled,
}

/// Calls of a method that failed in a slot with one error type.
#[derive(Debug, Clone, PartialEq)]
pub struct FailureSlot {
    /// The place of the type in [`Book::types`].
    pub error_type: u32,
    /// What they count as.
    pub kind: FailureKind,
    /// Their durations.
    pub cells: Cells,
}

/// Calls of a method that were made from one other in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallerSlot {
    /// The place of the calling method in [`Book::methods`].
    pub caller: u32,
    /// Calls begun.
    pub begun: u64,
    /// Calls that failed.
    pub failed: u64,
}

/// The calls of one method, over all its label sets, in a slot.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MethodSlot {
    /// The place of the method in [`Book::methods`].
    pub method: u32,
    /// Calls begun.
    pub begun: u64,
    /// Those of them without a monitored caller.
    pub entries: u64,
    /// Durations of calls that succeeded.
    pub ok: Cells,
    /// Calls that failed, by type.
    pub failures: Vec<FailureSlot>,
    /// Callers, without that of entry calls.
    pub callers: Vec<CallerSlot>,
    /// Seconds that calls spent in the slot: divided by its length, the mean number in flight.
    pub busy: f64,
    /// Calls in flight at its end.
    pub in_flight: u64,
    /// The age of the oldest of them at its end, seconds; 0 without one.
    pub oldest: f64,
    /// How many of them are from `2^i` to below `2^(i + 1)` seconds old, without empty places at the end.
    pub ages: Vec<u32>,
    /// Calls that wait for a permit at its end.
    pub waiting: u64,
    /// The method's permits; 0 is no limit.
    pub permits: u64,
}

impl MethodSlot {
    /// Calls that ended.
    pub fn ended(&self) -> u64 {
        let failures = self.failures.iter().map(|one| one.cells.count());
        failures.fold(self.ok.count(), u64::saturating_add)
    }

    /// The share, from 0 to 1, of the calls that ended which count as failed. Cancelled calls are left out: they say nothing
    /// of the method. `None` without others.
    pub fn failed_share(&self) -> Option<f64> {
        let ended = self.ended() - self.failed(FailureKind::Cancelled);
        #[expect(clippy::cast_precision_loss, reason = "a share is a double")]
        let share = self.failed(FailureKind::Counts) as f64 / ended as f64;
        (ended > 0).then_some(share)
    }

    /// Durations of the calls that ended, whichever their outcome, but for those that were cancelled.
    pub fn durations(&self) -> Cells {
        let mut durations = self.ok.clone();
        let failures = self.failures.iter();
        for failure in failures.filter(|one| one.kind != FailureKind::Cancelled) {
            durations.add(&failure.cells);
        }
        durations
    }

    /// Calls that failed with this kind of failure.
    pub fn failed(&self, kind: FailureKind) -> u64 {
        let failures = self.failures.iter().filter(|one| one.kind == kind);
        let counts = failures.map(|one| one.cells.count());
        counts.fold(0, u64::saturating_add)
    }
}

/// The names behind the numbers in slots; they only grow.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Book {
    /// Names of methods.
    pub methods: Vec<Arc<str>>,
    /// Names of error types.
    pub types: Vec<Arc<str>>,
}

/// The result of one run of a check, or the state of another part of health.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckResult {
    /// The check's name.
    pub name: Arc<str>,
    /// When the run ended, seconds on the clock of the slots.
    pub at: f64,
    /// Whether it was well.
    pub is_up: bool,
    /// Why not, or what it said.
    pub output: Option<Arc<str>>,
}

/// A start of the process, of this one or one before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Boot {
    /// When, seconds on the clock of the slots: negative for those before this process.
    pub at: f64,
    /// The version of the service, where it is known.
    pub version: Option<Arc<str>>,
    /// Whether the process before it ended in order.
    pub is_clean: bool,
}

/// Settings of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryConfig {
    /// Whether there is one. Default: on.
    pub is_on: bool,
    /// Most bytes that slots may take, from some 130 KB on. Default 8 MiB, which 200 busy methods need most of; above it the
    /// least busy methods keep totals alone, or are added up.
    pub max_bytes: usize,
}

impl Default for HistoryConfig {
    fn default() -> Self {
        Self {
            is_on: true,
            max_bytes: 8 << 20,
        }
    }
}

/// All that is known of one slot.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Slot {
    /// Its number, from 0 on; slots in which nothing was read are missing.
    pub tick: u64,
    /// When it began, seconds since the storage was made.
    pub begin: f64,
    /// When it ended.
    pub end: f64,
    /// Methods with a call that began, ended or was in flight, in ascending order.
    pub methods: Vec<MethodSlot>,
    /// The entry calls of all methods together, those without a monitored caller; its `method` means nothing.
    pub entries: MethodSlot,
    /// Results of checks since the slot before.
    pub checks: Vec<CheckResult>,
}
