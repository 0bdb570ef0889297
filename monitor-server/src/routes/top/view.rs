//! What `/top` shows, as plain data.

/// The whole page.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct TopView {
    /// Name, version and instance.
    pub(super) service: String,
    /// Seconds since 1970.
    pub(super) now: f64,
    /// Seconds since the process started.
    pub(super) uptime: f64,
    /// State, since when, and the sentence.
    pub(super) headline: String,
    pub(super) requests: Requests,
    /// Readiness, and what the process takes: as many as there is room for.
    pub(super) process: Vec<String>,
    pub(super) methods: Vec<MethodRow>,
    pub(super) checks: Vec<CheckRow>,
    pub(super) in_flight: Vec<InFlightRow>,
    pub(super) totals: Totals,
}

/// The entry calls of all methods together, in the last 30 s.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Requests {
    /// Begun a second.
    pub(super) rate: Option<f64>,
    /// The share that failed, from 0 to 1.
    pub(super) failed: Option<f64>,
    /// p50, p95 and p99, seconds.
    pub(super) durations: Option<[f64; 3]>,
    pub(super) in_flight: u64,
}

/// How a row is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Mark {
    /// Failing, stuck or down.
    Bad,
    /// Slow, or over a limit.
    Warn,
    /// Nothing happens.
    Idle,
    #[default]
    Usual,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct MethodRow {
    pub(super) mark: Mark,
    pub(super) name: String,
    /// Calls begun a second in the last 30 s; `None` without any.
    pub(super) rate: Option<f64>,
    /// The share of those that ended which failed, from 0 to 1.
    pub(super) failed: Option<f64>,
    /// p50, p95 and p99, seconds.
    pub(super) durations: Option<[f64; 3]>,
    /// The usual p99, seconds.
    pub(super) usual: Option<f64>,
    pub(super) in_flight: u64,
    /// The age of the oldest call in flight, seconds.
    pub(super) oldest: Option<f64>,
    /// A character a minute, the oldest first.
    pub(super) minutes: Option<String>,
    /// Why most of its failed calls failed.
    pub(super) error: Option<String>,
    /// How much it changed, from 0 to 1, and below 0 where nothing is wrong: the order of `sort=change`.
    pub(super) change: f64,
}

/// A check, or another part of health.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct CheckRow {
    pub(super) mark: Mark,
    pub(super) name: String,
    pub(super) status: &'static str,
    /// Seconds since 1970.
    pub(super) since: Option<f64>,
    pub(super) why: String,
}

/// Calls in flight of one shape: the same names from the top to the last call, in the same state.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct InFlightRow {
    pub(super) is_stuck: bool,
    pub(super) names: Vec<String>,
    pub(super) count: u64,
    /// Ages, seconds.
    pub(super) youngest: f64,
    pub(super) oldest: f64,
    /// p50 and p99 of the method at the top, seconds.
    pub(super) usual: Option<[f64; 2]>,
    pub(super) state: String,
}

/// Methods by state, and calls that are stuck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Totals {
    pub(super) failing: u64,
    pub(super) slow: u64,
    pub(super) stuck: u64,
    pub(super) usual: u64,
    pub(super) idle: u64,
    pub(super) calls_stuck: u64,
}
