//! The core's settings: default, unit, meaning of zero.

use std::sync::Arc;
use std::time::Duration;

pub use crate::data::const_labels::{ConstLabelError, ConstLabels};

use crate::data::snapshot::ServiceInfo;
use crate::errors::ErrorRules;

/// Settings of a `MonitorStorage`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StorageConfig {
    /// Which error text means which error type and task status, and after how long a run a task type is unhealthy.
    /// Default: the original's (no words but `other`, no thresholds).
    pub errors: ErrorRules,
    /// Further gauges with a constant value. Default: none.
    pub service_info: Vec<ServiceInfo>,
    /// Permits a method, and the value of `service_threads`. Default 1; 0 is no limit, and makes
    /// `stats_tasks_with_current_time_spend_normalised_total` 0.
    pub max_workers: usize,
    /// Replaces `max_workers` in `service_threads` (not in the permits). Default: not set.
    pub hpa_max_workers: Option<usize>,
    /// Whether each series has the label `inittime`. Default: off.
    pub inittime_label: bool,
    /// Most series a family may have whose label sets are made at run time; also the most names of values the calls of one
    /// method may observe, and the most task types made through the API. What is beyond goes to one child (or task type)
    /// named `overflow`. Default 2000; 0 is no limit.
    pub max_series: usize,
    /// How long a series made at run time may go without an update before it leaves the page. Default 0: never. Looked at when
    /// a snapshot is taken, and counted from the first snapshot that saw the last update, so a series is on one page at
    /// least.
    ///
    /// Numbers, lists and histograms by key, the list of points, and children of registered metrics with labels are freed.
    /// What comes back begins at 0 (but for a registered metric somebody holds a handle on), so choose the time far above that
    /// between updates, and leave it off where numbers by key are raised and lowered.
    ///
    /// A label set of calls that is made from text, with no call in flight, keeps its counts (at most `max_series` a
    /// method): it stays in all totals and in snapshots, and the next call brings it back as it was.
    pub idle_series: Duration,
    /// Labels that every series has, such as `env="prod"`. Default: none.
    pub const_labels: ConstLabels,
    /// Whether the methods of all `#[monitored]` functions in the program exist at zero from the start. Default: on
    /// in the global storage, off in others.
    pub preregister: bool,
    /// Methods that exist at zero from the start, beside those of `preregister`. Default: none.
    pub methods: Vec<Arc<str>>,
}

impl Default for StorageConfig {
    fn default() -> Self {
        Self {
            errors: ErrorRules::default(),
            service_info: Vec::new(),
            max_workers: 1,
            hpa_max_workers: None,
            inittime_label: false,
            max_series: 2000,
            idle_series: Duration::ZERO,
            const_labels: ConstLabels::default(),
            preregister: false,
            methods: Vec::new(),
        }
    }
}
