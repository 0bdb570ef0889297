//! The families that are there whatever is recorded: names, types and help texts, by profile.

use std::fmt;

use crate::data::family::FamilyType;

/// Under which names a storage is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Profile {
    /// The names, labels and help texts of the original, so that dashboards and autoscaling rules carry over.
    #[default]
    Servicekit,
    /// Idiomatic names: base units, `_total` on counters, durations by outcome; what `promtool check metrics` passes.
    Prometheus,
}

impl Profile {
    /// All profiles.
    pub const ALL: [Self; 2] = [Self::Servicekit, Self::Prometheus];

    /// Its name in configurations.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Servicekit => "servicekit",
            Self::Prometheus => "prometheus",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A built-in family.
pub(crate) struct Spec {
    pub(crate) id: Id,
    pub(crate) name: &'static str,
    pub(crate) kind: FamilyType,
    pub(crate) help: &'static str,
}

/// What a built-in family shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Id {
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
    InstrumentationOff,
    Waiting,
    Items,
    ExpectedError,
    InFlightOf,
    Durations,
    Series,
    Overflowed,
    Refused,
    DroppedLabels,
    DroppedExemplars,
}

const fn spec(id: Id, kind: FamilyType, name: &'static str, help: &'static str) -> Spec {
    Spec {
        id,
        name,
        kind,
        help,
    }
}

/// The families of a profile that no key can own, in the order of the page.
pub(crate) fn built_in(profile: Profile) -> &'static [Spec] {
    match profile {
        Profile::Servicekit => SERVICEKIT,
        Profile::Prometheus => PROMETHEUS,
    }
}

/// Types are the original's: counts of calls are gauges, and gauges may end in `_total` (defect W17, kept so that
/// existing queries and rules go on working).
const SERVICEKIT: &[Spec] = {
    use FamilyType::{Counter, Gauge, Histogram};
    &[
        spec(
            Id::Started,
            Counter,
            "started_total",
            "Total number of started tasks.",
        ),
        spec(
            Id::Completed,
            Counter,
            "completed_total",
            "Total number of completed tasks.",
        ),
        spec(
            Id::InFlight,
            Gauge,
            "tasks_count",
            "The total number of tasks currently being processed.",
        ),
        spec(
            Id::CurrentSeconds,
            Gauge,
            "current_tasks_time_spend",
            "Total time spent processing current tasks.",
        ),
        spec(
            Id::CurrentMax,
            Gauge,
            "current_tasks_max_time_spend",
            "Maximum processing time for current tasks.",
        ),
        spec(
            Id::CompletedSeconds,
            Counter,
            "stats_tasks_time_spend_total",
            "Total time spent on completed tasks.",
        ),
        spec(
            Id::BusySeconds,
            Gauge,
            "stats_tasks_with_current_time_spend_total",
            "Total time spent processing current and previous tasks.",
        ),
        spec(
            Id::BusyNormalised,
            Gauge,
            "stats_tasks_with_current_time_spend_normalised_total",
            "Total time spent on current and completed tasks per configured worker thread.",
        ),
        spec(
            Id::AllCalls,
            Histogram,
            "tasks_time_spent_quantile",
            "Time spent on completing tasks.",
        ),
        spec(
            Id::ServiceThreads,
            Gauge,
            "service_threads",
            "number of service threads setups by the config",
        ),
        spec(
            Id::Request,
            Gauge,
            "stats_request",
            "This is metric `request` from MonitorServer.",
        ),
        spec(
            Id::Processed,
            Gauge,
            "stats_processed",
            "This is metric `processed` from MonitorServer.",
        ),
        spec(
            Id::Errors,
            Gauge,
            "stats_errors",
            "This is metric `errors` from MonitorServer.",
        ),
        spec(
            Id::TimeFull,
            Histogram,
            "stats_hist_time_full",
            "this is hist metric `time full` in stats from MonitorServers",
        ),
        spec(
            Id::TimeFullMean,
            Gauge,
            "stats_aggregation_time_full",
            "This is metric `time full` from MonitorServer.",
        ),
        spec(
            Id::TimeFullLast,
            Gauge,
            "stats_aggregation_last_time_full",
            "This is metric `time full` from MonitorServer.",
        ),
        spec(
            Id::TaskStatus,
            Gauge,
            "monitor_task_status",
            "How many times in a row each task type was set to its current status.",
        ),
        spec(
            Id::ProcessStart,
            Gauge,
            "process_start_time_seconds",
            "Start time of the process since unix epoch in seconds.",
        ),
        spec(
            Id::ClockFallback,
            Gauge,
            "monitor_clock_fallback",
            "1 where durations are measured by the operating system's clock, because there is no usable tick counter.",
        ),
        spec(
            Id::InstrumentationOff,
            Gauge,
            "monitor_instrumentation_off",
            "1 where the program was built with the feature `off`: monitored functions record nothing.",
        ),
        spec(
            Id::Waiting,
            Gauge,
            "monitor_waiting_tasks",
            "Tasks in flight that wait for a permit.",
        ),
        spec(
            Id::Items,
            Counter,
            "monitor_stream_items_total",
            "Items that streams gave.",
        ),
        spec(
            Id::ExpectedError,
            Gauge,
            "monitor_expected_error",
            "1 for each error type that is a failure of the method, but no illness.",
        ),
        spec(
            Id::Series,
            Gauge,
            "monitor_series",
            "Series with labels of families made at run time, and label sets of calls made from text.",
        ),
        spec(
            Id::Overflowed,
            Counter,
            "monitor_overflowed_updates_total",
            "Updates of label sets their family had no room for: counted under the label `overflow`.",
        ),
        spec(
            Id::Refused,
            Counter,
            "monitor_refused_observations_total",
            "Observations of keys and registered histograms that no histogram takes: NaN and negative ones.",
        ),
        spec(
            Id::DroppedLabels,
            Counter,
            "monitor_dropped_labels_total",
            "Labels of keys that were left out because an earlier one has their name.",
        ),
        spec(
            Id::DroppedExemplars,
            Counter,
            "monitor_dropped_exemplars_total",
            "Exemplars that were not kept: longer than 128 characters, or with an invalid label.",
        ),
    ]
};

/// Base units, `_total` on counters and on nothing else: what `promtool check metrics` wants. Durations stand by outcome,
/// so that processed calls are their counts, and those of all calls are a sum over methods.
const PROMETHEUS: &[Spec] = {
    use FamilyType::{Counter, Gauge, Histogram};
    &[
        spec(
            Id::Started,
            Counter,
            "monitor_tasks_started_total",
            "Tasks begun.",
        ),
        spec(
            Id::Completed,
            Counter,
            "monitor_tasks_completed_total",
            "Tasks ended.",
        ),
        spec(
            Id::InFlight,
            Gauge,
            "monitor_tasks_in_flight",
            "Tasks begun and not ended.",
        ),
        spec(
            Id::CurrentSeconds,
            Gauge,
            "monitor_tasks_current_seconds",
            "Ages of the tasks in flight, added up.",
        ),
        spec(
            Id::CurrentMax,
            Gauge,
            "monitor_tasks_current_max_seconds",
            "Age of the oldest task in flight.",
        ),
        spec(
            Id::CompletedSeconds,
            Counter,
            "monitor_tasks_completed_seconds_total",
            "Time spent on tasks that ended.",
        ),
        spec(
            Id::BusySeconds,
            Counter,
            "monitor_tasks_busy_seconds_total",
            "Time spent on tasks, those in flight included.",
        ),
        spec(
            Id::BusyNormalised,
            Gauge,
            "monitor_worker_busy_seconds",
            "Time spent on tasks, those in flight included, for each configured worker; 0 without a limit.",
        ),
        spec(
            Id::ServiceThreads,
            Gauge,
            "monitor_workers",
            "Configured workers; 0 is no limit.",
        ),
        spec(
            Id::Request,
            Counter,
            "monitor_requests_total",
            "Calls begun.",
        ),
        spec(
            Id::InFlightOf,
            Gauge,
            "monitor_requests_in_flight",
            "Calls begun and not ended.",
        ),
        spec(
            Id::Waiting,
            Gauge,
            "monitor_requests_waiting",
            "Calls in flight that wait for a permit.",
        ),
        spec(
            Id::Durations,
            Histogram,
            "monitor_request_duration_seconds",
            "Durations of calls that ended, by outcome.",
        ),
        spec(
            Id::Errors,
            Counter,
            "monitor_request_errors_total",
            "Calls that failed, by error type.",
        ),
        spec(
            Id::TimeFullMean,
            Gauge,
            "monitor_request_duration_recent_mean_seconds",
            "Mean duration of the method's last 100 calls.",
        ),
        spec(
            Id::TimeFullLast,
            Gauge,
            "monitor_request_duration_last_mean_seconds",
            "Mean duration of the method's last 5 calls.",
        ),
        spec(
            Id::Items,
            Counter,
            "monitor_stream_items_total",
            "Items that streams gave.",
        ),
        spec(
            Id::ExpectedError,
            Gauge,
            "monitor_expected_error",
            "1 for each error type that is a failure of the method, but no illness.",
        ),
        spec(
            Id::TaskStatus,
            Gauge,
            "monitor_task_status",
            "How many times in a row each task type was set to its current status.",
        ),
        spec(
            Id::ProcessStart,
            Gauge,
            "process_start_time_seconds",
            "Start time of the process since unix epoch in seconds.",
        ),
        spec(
            Id::ClockFallback,
            Gauge,
            "monitor_clock_fallback",
            "1 where durations are measured by the operating system's clock, because there is no usable tick counter.",
        ),
        spec(
            Id::InstrumentationOff,
            Gauge,
            "monitor_instrumentation_off",
            "1 where the program was built with the feature `off`: monitored functions record nothing.",
        ),
        spec(
            Id::Series,
            Gauge,
            "monitor_series",
            "Series with labels of families made at run time, and label sets of calls made from text.",
        ),
        spec(
            Id::Overflowed,
            Counter,
            "monitor_overflowed_updates_total",
            "Updates of label sets their family had no room for: counted under the label `overflow`.",
        ),
        spec(
            Id::Refused,
            Counter,
            "monitor_refused_observations_total",
            "Observations of keys and registered histograms that no histogram takes: NaN and negative ones.",
        ),
        spec(
            Id::DroppedLabels,
            Counter,
            "monitor_dropped_labels_total",
            "Labels of keys that were left out because an earlier one has their name.",
        ),
        spec(
            Id::DroppedExemplars,
            Counter,
            "monitor_dropped_exemplars_total",
            "Exemplars that were not kept: longer than 128 characters, or with an invalid label.",
        ),
    ]
};
