//! The history of a process in memory: slots of 2 s for 15 minutes, of 20 s for 3 hours, of 2 minutes for 24 hours.

mod bits;
mod blocks;
mod coding;
pub(crate) mod events;
pub(crate) mod lanes;
pub(crate) mod levels;
pub(crate) mod reader;

pub use self::events::{Event, EventKind};
pub use self::lanes::{Lane, ProcessSlot};
pub use self::levels::{CallsWithin, Curve, MinuteCalls, Thinned};
pub use crate::data::slot::HistoryConfig;

use std::sync::Arc;

use crate::data::slot::{Cells, CheckResult, MethodSlot};

/// Where a service is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Phase {
    /// It has not said yet that it has started.
    Starting,
    /// It serves.
    #[default]
    Ready,
    /// It ends.
    Draining,
}

impl Phase {
    /// The word in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Draining => "draining",
        }
    }
}

/// Numbers of the process at the end of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct ProcessFigures {
    /// CPU seconds since the start.
    pub cpu_seconds: Option<f64>,
    /// Resident memory, bytes.
    pub memory: Option<f64>,
    /// Open descriptors.
    pub descriptors: Option<f64>,
    /// Threads.
    pub threads: Option<f64>,
}

/// What a look at a storage cannot see by itself.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Facts {
    /// Where the service is in its life.
    pub phase: Phase,
    /// When a drain waits for calls no longer, seconds since 1970; `None` where no drain waits.
    pub drain_limit: Option<f64>,
    /// Results of checks, and the states of other parts of health, since the look before. Their times are seconds since
    /// 1970.
    pub checks: Vec<CheckResult>,
    /// Names among the results of checks of which there will be no more: the check, or other part of health, was taken
    /// out since the look before. One that is not named here is forgotten 15 minutes after its last result if that was
    /// good, and a day after it if it was bad.
    pub gone: Vec<Arc<str>>,
    /// Numbers of the process.
    pub process: Option<ProcessFigures>,
}

/// The width of slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Range {
    /// 15 minutes in slots of 2 s.
    Minutes15,
    /// 3 hours in slots of 20 s.
    Hours3,
    /// 24 hours in slots of 2 minutes.
    Hours24,
}

impl Range {
    /// All, the finest first.
    pub(crate) const ALL: [Self; 3] = [Self::Minutes15, Self::Hours3, Self::Hours24];

    /// Its place among all.
    pub(crate) const fn place(self) -> usize {
        self as usize
    }

    /// Slots of 2 s in one of its slots.
    pub(crate) const fn ticks(self) -> u64 {
        self.step() / Self::Minutes15.step()
    }

    /// The number of the last slot of 2 s in the slot that this one is in: a multiple of [`ticks`](Self::ticks).
    pub(crate) const fn last_tick(self, tick: u64) -> u64 {
        tick.div_ceil(self.ticks()).saturating_mul(self.ticks())
    }

    /// Seconds of a slot.
    pub const fn step(self) -> u64 {
        match self {
            Self::Minutes15 => 2,
            Self::Hours3 => 20,
            Self::Hours24 => 120,
        }
    }

    /// The number of slots.
    pub const fn slots(self) -> u64 {
        match self {
            Self::Minutes15 => 450,
            Self::Hours3 => 540,
            Self::Hours24 => 720,
        }
    }
}

/// The subject of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// The entry calls of all methods: requests.
    Entries,
    /// One method, by its place in the book.
    Method(u32),
}

/// One slot of a series.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SlotOf {
    /// The number of its last slot of 2 s.
    pub tick: u64,
    /// When it began, seconds since the storage was made.
    pub begin: f64,
    /// When it ended.
    pub end: f64,
    /// The level that it is of.
    pub range: Range,
    /// The calls; empty where there were none. In slots longer than 2 s `in_flight`, `waiting` and `oldest` are the
    /// greatest within, and durations have two cells for each power of two (those of the other cells are empty).
    pub calls: MethodSlot,
    /// False where totals alone are kept: the method was one of the least busy, and the history full.
    pub is_full: bool,
}

impl SlotOf {
    /// The middle, by ratio, of the cell in which this share of the calls that ended, but for cancelled ones, is reached: within 4.5 % of
    /// the exact quantile, and 19 % in slots longer than 2 s. `None` without calls, or where totals alone are kept.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let durations = self.is_full.then(|| self.calls.durations())?;
        let cell = durations.quantile_cell(share)?;
        Some(match self.range {
            Range::Minutes15 => Cells::middle(cell),
            // Four cells are one, and the highest stands for it.
            _ => (Cells::lower(cell.saturating_sub(3)) * Cells::upper(cell)).sqrt(),
        })
    }
}
