//! The verdict: what is wrong with the service, since when, which method, against which normal.
//!
//! `engine` is fed one [`Slot`](crate::slot::Slot) after the other and gives a judgement for each: numbers and no
//! words. `words` makes the [`Verdict`] of it: sentence, rows, and the queries behind them (`queries`), whose
//! [`numbers`] are written in one way; `text` lays it out as a page of plain text. A [`Watch`] holds all of it as plain
//! data, and `looks` that of a storage.

mod details;
pub(crate) mod engine;
mod looks;
mod number_levels;
pub mod numbers;
pub(crate) mod queries;
mod states;
pub(crate) mod text;
pub(crate) mod watch;
pub(crate) mod words;

use std::fmt;
use std::sync::Arc;

pub use self::details::{Change, Found};
pub use self::engine::{MethodState, StateOf, Usual};
pub use self::looks::HistoryThread;
pub use self::number_levels::{Number, Numbers};
pub use self::text::{TextColor, wrapped};
pub use self::watch::{Headline, Watch};
pub use self::words::{Counts, FamilyNames, ServiceIdentity, Verdict, VerdictRow, is_hostile};

/// Most checks that are kept: their names come from the service.
const MOST_CHECKS: usize = 1000;

/// Seconds without a result after which a check that is up is forgotten.
const FORGET_UP: f64 = 900.0;

/// The same of one that is down: it may run seldom.
const FORGET_DOWN: f64 = 86_400.0;

/// The state of a service in a word.
///
/// In this order: where several hold, the first is the headline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum State {
    /// A drain has begun: the service ends.
    Draining,
    /// The service has not said yet that it has started, where that is waited for.
    Starting,
    /// The process dies again and again.
    Restarting,
    /// Calls of a method fail more than usual.
    Failing,
    /// Calls of a method do not end.
    Stuck,
    /// More calls than usual, and they wait for permits or are slow.
    Overloaded,
    /// A check fails.
    Down,
    /// Calls of a method, or of all, take longer than usual.
    Slow,
    /// Something was wrong three times within a short while.
    Flapping,
    /// No call came where there always were some.
    Silent,
    /// The process died, and started again.
    Restarted,
    /// No call was made for 5 minutes, or yet.
    Idle,
    /// Everything is as usual.
    Ok,
}

impl State {
    /// All of them, in their order.
    pub const ALL: [Self; 13] = [
        Self::Draining,
        Self::Starting,
        Self::Restarting,
        Self::Failing,
        Self::Stuck,
        Self::Overloaded,
        Self::Down,
        Self::Slow,
        Self::Flapping,
        Self::Silent,
        Self::Restarted,
        Self::Idle,
        Self::Ok,
    ];

    /// The word in capitals, as a headline has it.
    ///
    /// ```
    /// use monitor_core::verdict::State;
    ///
    /// assert_eq!(State::Failing.word(), "FAILING");
    /// ```
    pub const fn word(self) -> &'static str {
        match self {
            Self::Draining => "DRAINING",
            Self::Starting => "STARTING",
            Self::Restarting => "RESTARTING",
            Self::Failing => "FAILING",
            Self::Stuck => "STUCK",
            Self::Overloaded => "OVERLOADED",
            Self::Down => "DOWN",
            Self::Slow => "SLOW",
            Self::Flapping => "FLAPPING",
            Self::Silent => "SILENT",
            Self::Restarted => "RESTARTED",
            Self::Idle => "IDLE",
            Self::Ok => "OK",
        }
    }

    /// The word in small letters, as JSON and the label `state` have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draining => "draining",
            Self::Starting => "starting",
            Self::Restarting => "restarting",
            Self::Failing => "failing",
            Self::Stuck => "stuck",
            Self::Overloaded => "overloaded",
            Self::Down => "down",
            Self::Slow => "slow",
            Self::Flapping => "flapping",
            Self::Silent => "silent",
            Self::Restarted => "restarted",
            Self::Idle => "idle",
            Self::Ok => "ok",
        }
    }

    /// How much it matters.
    pub const fn level(self) -> Level {
        match self {
            Self::Restarting | Self::Failing | Self::Stuck | Self::Down => Level::Bad,
            Self::Draining | Self::Overloaded | Self::Slow | Self::Flapping | Self::Silent => {
                Level::Warn
            }
            Self::Restarted => Level::Info,
            Self::Starting | Self::Idle => Level::Idle,
            Self::Ok => Level::Ok,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How much something matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Level {
    /// It is as usual.
    Ok,
    /// Nothing happens.
    Idle,
    /// Something happened that needs no hand.
    Info,
    /// It may need a hand.
    Warn,
    /// It needs a hand.
    Bad,
}

impl Level {
    /// The word in small letters, as JSON has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Idle => "idle",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

/// The rule that found an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// The share of calls that fail with one error type is above its normal.
    Failures,
    /// The same of panics.
    Panics,
    /// Most calls take longer than usual.
    Slow,
    /// The slowest calls take longer than usual.
    Tail,
    /// Calls are far older than any usually gets.
    Stuck,
    /// Calls wait for permits.
    Waiting,
    /// Many methods are slow at once.
    Broad,
    /// A check is down.
    Check,
    /// The process died.
    Restart,
    /// No call comes.
    Silence,
}

impl Rule {
    /// Its name in JSON and in `docs/verdict.md`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Failures => "failures",
            Self::Panics => "panics",
            Self::Slow => "slow",
            Self::Tail => "tail",
            Self::Stuck => "stuck",
            Self::Waiting => "waiting",
            Self::Broad => "broad",
            Self::Check => "check",
            Self::Restart => "restart",
            Self::Silence => "silence",
        }
    }
}

/// What the rules found in one slot: numbers and no words. Times are on the clock of the slots.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Judgement {
    /// The first is the headline; none while all is as usual.
    pub(crate) incidents: Vec<Incident>,
    /// Since when there is none, if there is none.
    pub(crate) ok_since: f64,
}

/// One thing that is wrong: a finding with its cause, or several with one cause.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Incident {
    pub(crate) state: State,
    pub(crate) rule: Rule,
    /// When it began.
    pub(crate) since: f64,
    /// The method at fault, by its place in the book.
    pub(crate) method: Option<u32>,
    /// The error type with which most of its calls fail, by its place in the book.
    pub(crate) error_type: Option<u32>,
    pub(crate) check: Option<Arc<str>>,
    /// Methods that only feel it: their own findings are explained by this one. Ascending.
    pub(crate) felt: Vec<u32>,
    /// How often it was found: it ended and came back.
    pub(crate) times: u32,
    pub(crate) evidence: Evidence,
}

/// The numbers that an incident is made of, as far as they belong to it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Evidence {
    /// Calls since it began, and the bad ones among them.
    pub(crate) calls: u64,
    pub(crate) bad: u64,
    /// True where the bad calls are those of callers: of the method at fault no more fail than usual.
    pub(crate) is_of_callers: bool,
    /// The usual share of bad calls, from 0 to 1.
    pub(crate) usual_share: Option<f64>,
    /// p50 and p99 of the last 30 s, and of what was learned, seconds.
    pub(crate) durations: Option<[f64; 2]>,
    pub(crate) usual_durations: Option<[f64; 2]>,
    /// Calls in flight that are older than the limit, that limit, and the age of the oldest, seconds.
    pub(crate) late: u64,
    pub(crate) late_limit: f64,
    pub(crate) oldest: f64,
    /// Calls that wait for a permit, and the permits.
    pub(crate) waiting: u64,
    pub(crate) permits: u64,
    /// Calls begun a second, in the last 20 s, and usually.
    pub(crate) rate: Option<f64>,
    pub(crate) usual_rate: Option<f64>,
    /// Methods that are slow, and methods that have calls.
    pub(crate) slow_methods: u64,
    pub(crate) busy_methods: u64,
    /// When a check changed last, or a process started last.
    pub(crate) last_change: Option<f64>,
    /// What a check said.
    pub(crate) output: Option<Arc<str>>,
}
