//! The families that are there whatever is recorded: names, types and help texts.

use crate::family::FamilyType;

/// A built-in family.
pub(super) struct Spec {
    pub(super) name: &'static str,
    pub(super) kind: FamilyType,
    pub(super) help: &'static str,
}

/// Indices into [`BUILT_IN`].
#[derive(Clone, Copy)]
pub(super) enum Id {
    Started,
    Completed,
    InFlight,
    CurrentSeconds,
    CurrentMax,
    CompletedSeconds,
    BusySeconds,
    BusyNormalised,
    AllCalls,
    ServiceThreads,
    Request,
    Processed,
    Errors,
    TimeFull,
    TimeFullMean,
    TimeFullLast,
    TaskStatus,
    ProcessStart,
    ClockFallback,
    Waiting,
    Items,
    ExpectedError,
}

impl Id {
    /// All of them, in the order of [`BUILT_IN`].
    const ALL: [Self; BUILT_IN.len()] = [
        Self::Started,
        Self::Completed,
        Self::InFlight,
        Self::CurrentSeconds,
        Self::CurrentMax,
        Self::CompletedSeconds,
        Self::BusySeconds,
        Self::BusyNormalised,
        Self::AllCalls,
        Self::ServiceThreads,
        Self::Request,
        Self::Processed,
        Self::Errors,
        Self::TimeFull,
        Self::TimeFullMean,
        Self::TimeFullLast,
        Self::TaskStatus,
        Self::ProcessStart,
        Self::ClockFallback,
        Self::Waiting,
        Self::Items,
        Self::ExpectedError,
    ];

    /// The one at this index.
    pub(super) fn at(index: usize) -> Option<Self> {
        Self::ALL.get(index).copied()
    }
}

const fn spec(name: &'static str, kind: FamilyType, help: &'static str) -> Spec {
    Spec { name, kind, help }
}

/// The families no key can own, in the order of [`Id`]. Types are the original's: counts of calls are gauges, and
/// gauges may end in `_total` (defect W17, kept so that existing queries and rules go on working).
pub(super) const BUILT_IN: [Spec; 22] = {
    use FamilyType::{Counter, Gauge, Histogram};
    [
        spec("started_total", Counter, "Total number of started tasks."),
        spec(
            "completed_total",
            Counter,
            "Total number of completed tasks.",
        ),
        spec(
            "tasks_count",
            Gauge,
            "The total number of tasks currently being processed.",
        ),
        spec(
            "current_tasks_time_spend",
            Gauge,
            "Total time spent processing current tasks.",
        ),
        spec(
            "current_tasks_max_time_spend",
            Gauge,
            "Maximum processing time for current tasks.",
        ),
        spec(
            "stats_tasks_time_spend_total",
            Counter,
            "Total time spent on completed tasks.",
        ),
        spec(
            "stats_tasks_with_current_time_spend_total",
            Gauge,
            "Total time spent processing current and previous tasks.",
        ),
        spec(
            "stats_tasks_with_current_time_spend_normalised_total",
            Gauge,
            "Total time spent on current and completed tasks per configured worker thread.",
        ),
        spec(
            "tasks_time_spent_quantile",
            Histogram,
            "Time spent on completing tasks.",
        ),
        spec(
            "service_threads",
            Gauge,
            "number of service threads setups by the config",
        ),
        spec(
            "stats_request",
            Gauge,
            "This is metric `request` from MonitorServer.",
        ),
        spec(
            "stats_processed",
            Gauge,
            "This is metric `processed` from MonitorServer.",
        ),
        spec(
            "stats_errors",
            Gauge,
            "This is metric `errors` from MonitorServer.",
        ),
        spec(
            "stats_hist_time_full",
            Histogram,
            "this is hist metric `time full` in stats from MonitorServers",
        ),
        spec(
            "stats_aggregation_time_full",
            Gauge,
            "This is metric `time full` from MonitorServer.",
        ),
        spec(
            "stats_aggregation_last_time_full",
            Gauge,
            "This is metric `time full` from MonitorServer.",
        ),
        spec(
            "monitor_task_status",
            Gauge,
            "How many times in a row each task type was set to its current status.",
        ),
        spec(
            "process_start_time_seconds",
            Gauge,
            "Start time of the process since unix epoch in seconds.",
        ),
        spec(
            "monitor_clock_fallback",
            Gauge,
            "1 where durations are measured by the operating system's clock, because there is no usable tick counter.",
        ),
        spec(
            "monitor_waiting_tasks",
            Gauge,
            "Tasks in flight that wait for a permit.",
        ),
        spec(
            "monitor_stream_items_total",
            Counter,
            "Items that streams gave.",
        ),
        spec(
            "monitor_expected_error",
            Gauge,
            "1 for each error type that is a failure of the method, but no illness.",
        ),
    ]
};
