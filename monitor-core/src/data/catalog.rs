//! The built-in families: names, types and help texts, one table for each profile, in the order of the page.
//!
//! A row is the content of a family ([`Id`]), its type and name, and on a second line its help text. The exporter turns
//! an [`Id`] into children, so a family that stands in both tables is computed in one place. A name that begins with
//! `_` stands behind the service's [`Namespace`].

use std::borrow::Cow;
use std::fmt;

use crate::data::family::{Family, FamilyType};
use crate::data::name::is_label_name;

/// The names under which a storage is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Profile {
    /// The names, labels and help texts of the Python toolkit `redup_servicekit`, so that dashboards and autoscaling
    /// rules carry over. For totals that are the toolkit's too, set [`StorageConfig::totals`](crate::StorageConfig) to
    /// [`Totals::AllCalls`](crate::Totals::AllCalls), as the server's configuration does.
    Servicekit,
    /// Idiomatic names: base units, `_total` on counters, durations by outcome, the service's families under its
    /// [`Namespace`]; `promtool check metrics` finds no fault with its pages.
    #[default]
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

/// The first part of the names of all families about the service in [`Profile::Prometheus`]: `service` in
/// `service_requests_total`. The monitor's own families begin with `monitor_`.
///
/// # Examples
///
/// ```
/// use monitor_core::StorageConfig;
/// use monitor_core::config::{Namespace, NamespaceError};
///
/// let mut config = StorageConfig::default();
/// assert_eq!(config.namespace.as_str(), "service");
/// config.namespace = Namespace::try_new("shop")?;
/// assert!(Namespace::try_new("my-shop").is_err());
/// # Ok::<(), NamespaceError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Namespace(Cow<'static, str>);

/// Why a text cannot be a [`Namespace`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NamespaceError {
    /// A metric name cannot begin with the text, or the text has a colon, which is for the names of recording rules.
    #[error("`{namespace}` is no namespace: it has to match [a-zA-Z_][a-zA-Z0-9_]*")]
    Invalid {
        /// The text.
        namespace: String,
    },
    /// Families of the monitor, of the process, of tokio's runtimes or of Prometheus itself begin with the text.
    #[error(
        "the namespace `{namespace}` is reserved: families that are not the service's begin with it"
    )]
    Reserved {
        /// The text.
        namespace: String,
    },
}

impl Namespace {
    /// Checks a namespace.
    ///
    /// # Errors
    ///
    /// [`NamespaceError`] for a text that does not match `[a-zA-Z_][a-zA-Z0-9_]*`, that begins with `monitor`, or whose
    /// first word is `process`, `scrape`, `stats` or `tokio`.
    pub fn try_new(namespace: impl Into<String>) -> Result<Self, NamespaceError> {
        const RESERVED: [&str; 4] = ["process", "scrape", "stats", "tokio"];
        let namespace = namespace.into();
        if !is_label_name(&namespace) {
            return Err(NamespaceError::Invalid { namespace });
        }
        let first = namespace.split('_').next().unwrap_or_default();
        if first.starts_with("monitor") || RESERVED.contains(&first) {
            return Err(NamespaceError::Reserved { namespace });
        }
        Ok(Self(namespace.into()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Namespace {
    /// `service`.
    fn default() -> Self {
        Self(Cow::Borrowed("service"))
    }
}

/// A built-in family.
pub(crate) struct Spec {
    pub(crate) id: Id,
    /// Behind the namespace, if it begins with `_`.
    name: &'static str,
    pub(crate) kind: FamilyType,
    pub(crate) help: &'static str,
}

impl Spec {
    /// The family's name.
    pub(crate) fn name(&self, namespace: &Namespace) -> Cow<'static, str> {
        if self.name.starts_with('_') {
            return format!("{}{}", namespace.0, self.name).into();
        }
        self.name.into()
    }

    /// The family without children.
    pub(crate) fn family(&self, namespace: &Namespace) -> Family {
        Family::new(self.name(namespace), self.help, self.kind)
    }
}

/// The content of a built-in family.
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
    CallsByCaller,
    FailuresByCaller,
    SelfSeconds,
    Samples,
    SamplerLate,
    SamplerBusy,
    Series,
    Overflowed,
    Refused,
    DroppedLabels,
    DroppedExemplars,
    CopiedReads,
}

/// The families of a profile that no key can own, in the order of the page.
pub(crate) fn built_in(profile: Profile) -> &'static [Spec] {
    match profile {
        Profile::Servicekit => SERVICEKIT,
        Profile::Prometheus => PROMETHEUS,
    }
}

/// A table of families, two lines a row.
macro_rules! families {
    ($($id:ident $kind:ident $name:literal $help:literal;)*) => {
        &[$(Spec { id: Id::$id, name: $name, kind: FamilyType::$kind, help: $help }),*]
    };
}

/// The table of a profile: its own families, and behind them those that both profiles have.
macro_rules! profile_families {
    ($($own:tt)*) => {
        families! {
            $($own)*
            CallsByCaller Counter "monitor_calls_total"
                "Calls begun, by the method that made them; entry calls, which no monitored call made, have the label `entry`.";
            FailuresByCaller Counter "monitor_calls_failed_total"
                "Calls that failed, by the method that made them.";
            SelfSeconds Counter "monitor_self_seconds_total"
                "Time in which the method's own code ran, without the calls it made, from samples.";
            Samples Counter "monitor_samples_total"
                "Samples of self time that were taken.";
            SamplerLate Counter "monitor_sampler_late_seconds_total"
                "How late the samples of self time were taken, added up.";
            SamplerBusy Counter "monitor_sampler_busy_seconds_total"
                "How long it took to take the samples of self time, added up.";
            Series Gauge "monitor_series"
                "Series with labels of families made at run time, and label sets of calls made from text.";
            Overflowed Counter "monitor_overflowed_updates_total"
                "Updates of label sets their family had no room for: counted under the label `overflow`.";
            Refused Counter "monitor_refused_observations_total"
                "Observations of keys and registered histograms that no histogram takes: NaN and negative ones.";
            DroppedLabels Counter "monitor_dropped_labels_total"
                "Labels of keys that were left out because an earlier one has their name.";
            DroppedExemplars Counter "monitor_dropped_exemplars_total"
                "Exemplars that were not kept: longer than 128 characters, or with an invalid label.";
            CopiedReads Counter "monitor_copied_reads_total"
                "Reads of a thread's counts that asked it for a copy, as it went on too fast to be read.";
        }
    };
}

/// Types are the original's: counts of calls are gauges, and gauges may end in `_total` (defect W17, kept so that
/// existing queries and rules go on working).
const SERVICEKIT: &[Spec] = profile_families! {
    Started Counter "started_total"
        "Total number of started tasks.";
    Completed Counter "completed_total"
        "Total number of completed tasks.";
    InFlight Gauge "tasks_count"
        "The total number of tasks currently being processed.";
    CurrentSeconds Gauge "current_tasks_time_spend"
        "Total time spent processing current tasks.";
    CurrentMax Gauge "current_tasks_max_time_spend"
        "Maximum processing time for current tasks.";
    CompletedSeconds Counter "stats_tasks_time_spend_total"
        "Total time spent on completed tasks.";
    BusySeconds Gauge "stats_tasks_with_current_time_spend_total"
        "Total time spent processing current and previous tasks.";
    BusyNormalised Gauge "stats_tasks_with_current_time_spend_normalised_total"
        "Total time spent on current and completed tasks per configured worker thread.";
    AllCalls Histogram "tasks_time_spent_quantile"
        "Time spent on completing tasks.";
    ServiceThreads Gauge "service_threads"
        "number of service threads setups by the config";
    Request Gauge "stats_request"
        "This is metric `request` from MonitorServer.";
    Processed Gauge "stats_processed"
        "This is metric `processed` from MonitorServer.";
    Errors Gauge "stats_errors"
        "This is metric `errors` from MonitorServer.";
    TimeFull Histogram "stats_hist_time_full"
        "this is hist metric `time full` in stats from MonitorServers";
    TimeFullMean Gauge "stats_aggregation_time_full"
        "This is metric `time full` from MonitorServer.";
    TimeFullLast Gauge "stats_aggregation_last_time_full"
        "This is metric `time full` from MonitorServer.";
    TaskStatus Gauge "monitor_task_status"
        "How many times in a row each task type was set to its current status.";
    ProcessStart Gauge "process_start_time_seconds"
        "Start time of the process since unix epoch in seconds.";
    ClockFallback Gauge "monitor_clock_fallback"
        "1 where durations are measured by the operating system's clock, because there is no usable tick counter.";
    InstrumentationOff Gauge "monitor_instrumentation_off"
        "1 where the program was built with the feature `off`: monitored functions record nothing.";
    Waiting Gauge "monitor_waiting_tasks"
        "Tasks in flight that wait for a permit.";
    Items Counter "monitor_stream_items_total"
        "Items that streams gave.";
    ExpectedError Gauge "monitor_expected_error"
        "1 for each error type that is a failure of the method, but no illness.";
};

/// Base units, `_total` on counters and on nothing else: as `promtool check metrics` asks. Durations stand by
/// outcome, so that processed calls are their counts, and those of all calls are a sum over methods. The help texts of
/// tasks are about `Totals::EntryCalls`, the default.
const PROMETHEUS: &[Spec] = profile_families! {
    Started Counter "_tasks_started_total"
        "Tasks begun: calls that no monitored call made, and tasks of `add_key_value`.";
    Completed Counter "_tasks_completed_total"
        "Tasks ended: calls that no monitored call made, and tasks of `add_key_value`.";
    InFlight Gauge "_tasks_in_flight"
        "Tasks begun and not ended: calls that no monitored call made, and tasks of `add_key_value`.";
    CurrentSeconds Gauge "_tasks_current_seconds"
        "Ages of the tasks in flight, added up.";
    CurrentMax Gauge "_tasks_current_max_seconds"
        "Age of the oldest task in flight.";
    CompletedSeconds Counter "_tasks_completed_seconds_total"
        "Time spent on tasks that ended.";
    BusySeconds Counter "_tasks_busy_seconds_total"
        "Time spent on tasks, those in flight included.";
    BusyNormalised Gauge "_worker_busy_seconds"
        "Time spent on tasks, those in flight included, for each configured worker; 0 without a limit.";
    ServiceThreads Gauge "_workers"
        "Configured workers; 0 is no limit.";
    Request Counter "_requests_total"
        "Calls begun.";
    InFlightOf Gauge "_requests_in_flight"
        "Calls begun and not ended.";
    Waiting Gauge "_requests_waiting"
        "Calls in flight that wait for a permit.";
    Durations Histogram "_request_duration_seconds"
        "Durations of calls that ended, by outcome.";
    Errors Counter "_request_errors_total"
        "Calls that failed, by error type.";
    TimeFullMean Gauge "_request_duration_recent_mean_seconds"
        "Mean duration of the method's last 100 calls.";
    TimeFullLast Gauge "_request_duration_last_mean_seconds"
        "Mean duration of the method's last 5 calls.";
    Items Counter "_stream_items_total"
        "Items that streams gave.";
    ExpectedError Gauge "_expected_error"
        "1 for each error type that is a failure of the method, but no illness.";
    TaskStatus Gauge "_task_status"
        "How many times in a row each task type was set to its current status.";
    ProcessStart Gauge "process_start_time_seconds"
        "Start time of the process since unix epoch in seconds.";
    ClockFallback Gauge "monitor_clock_fallback"
        "1 where durations are measured by the operating system's clock, because there is no usable tick counter.";
    InstrumentationOff Gauge "monitor_instrumentation_off"
        "1 where the program was built with the feature `off`: monitored functions record nothing.";
};
