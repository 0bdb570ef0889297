//! The core's settings: default, unit, meaning of zero.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub use crate::data::buckets::{Buckets, BucketsError};
pub use crate::data::catalog::{Namespace, NamespaceError};
pub use crate::data::labels::{ConstLabelError, ConstLabels};

use crate::data::slot::HistoryConfig;
use crate::data::snapshot::ServiceInfo;
use crate::data::window::{ShareParts, ShareRule};
use crate::errors::ErrorRules;

/// Settings of a `MonitorStorage`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StorageConfig {
    /// The words in an error's text that give its error type and task status, and the run of failures after which a
    /// task type is unhealthy. Default: those of the original (the word `other` alone, no thresholds).
    pub errors: ErrorRules,
    /// The share of failed calls from which on a method is unhealthy. Default: half of at least 10 calls in 30 s.
    pub unhealthy: ShareRule,
    /// Parts of that rule that are different for some methods, by name; they win over those in attributes. Default:
    /// none.
    pub unhealthy_methods: BTreeMap<Arc<str>, ShareParts>,
    /// Further gauges with a constant value. Default: none.
    pub service_info: Vec<ServiceInfo>,
    /// Permits of each method, and the value of the gauge `service_workers` (`service_threads` in the profile
    /// `servicekit`). Default 1; 0 is no limit, and makes `service_worker_busy_seconds` 0.
    pub max_workers: usize,
    /// Replaces `max_workers` in that gauge (not in the permits). Default: not set.
    pub hpa_max_workers: Option<usize>,
    /// Whether each series has the label `inittime`. Default: off.
    pub inittime_label: bool,
    /// Most series a family may have whose label sets are made at run time; also the most names of values the calls of
    /// one method may observe, and the most task types made through the API. Label sets beyond the limit share one
    /// child (or task type) named `overflow`. Default 2000; 0 is no limit.
    pub max_series: usize,
    /// Most methods that [`Monitor::method`](crate::Monitor::method) makes, beside those of `#[monitored]` functions and
    /// of [`methods`](Self::methods), which are a closed set and never refused. The calls of further names are counted
    /// as the method `overflow`. Default 1000; 0 is no limit.
    pub max_methods: usize,
    /// How long a series made at run time may go without an update before it leaves the page. Default 0: never. The
    /// time is checked at each snapshot and counts from the first snapshot after the last update, so each series is on
    /// at least one page.
    ///
    /// Numbers, lists and histograms by key, the list of points, and children of registered metrics with labels are
    /// freed. A series that comes back begins at 0, unless it is a registered metric with a live handle. So choose a
    /// time far longer than the pauses between updates, and leave it off if numbers by key go up and down.
    ///
    /// A label set of calls that is made from text leaves the page once it is idle and no call is in flight, but keeps
    /// its counts (at most `max_series` label sets a method): it stays in all totals and in snapshots, and the next
    /// call brings it back with its counts.
    pub idle_series: Duration,
    /// Labels that every series has, such as `env="prod"`. Default: none.
    pub const_labels: ConstLabels,
    /// The first part of the names of the service's families in the profile `prometheus`. Default `service`.
    pub namespace: Namespace,
    /// Upper bounds of durations, and of all other times, in seconds, which replace the common ones on the page.
    /// Default: those of the profile ([`DEFAULT_BUCKETS`](crate::DEFAULT_BUCKETS) in `prometheus`). A method's own
    /// (`buckets = [..]`) are added to them.
    ///
    /// Calls are counted by these bounds from the method's first call on: a method that was called before they were
    /// configured keeps the bounds it had, and the page leaves out those it lacks
    /// ([`StartUpWarning::MissingBuckets`](crate::StartUpWarning::MissingBuckets)). Registered histograms keep their
    /// own bounds.
    pub buckets: Option<Buckets>,
    /// The same for sizes, in bytes. Default: those of the profile
    /// ([`DEFAULT_SIZE_BUCKETS`](crate::DEFAULT_SIZE_BUCKETS) in `prometheus`).
    pub size_buckets: Option<Buckets>,
    /// Which calls the totals over all methods are about. Default: [`Totals::EntryCalls`].
    pub totals: Totals,
    /// Most pairs of a caller and a method that have series on the page, in the families `monitor_calls_total` and
    /// `monitor_calls_failed_total`. Default 0: these families are off; 1,000 is plenty for most services. Snapshots
    /// have all callers in any case ([`MethodSnapshot::callers`](crate::snapshot::MethodSnapshot::callers)).
    ///
    /// The first pairs get the series, and keep them on all pages of an [`Exporter`](crate::names::Exporter). The calls
    /// of further ones are added up, by method, in a series with `overflow="true"` in place of the caller, so a page
    /// has at most twice this many series, and two more a method. A greater number that is configured later takes calls
    /// out of the overflow, which is a reset of that counter.
    ///
    /// ```
    /// use monitor_core::exposition::{Format, encode_snapshot};
    /// use monitor_core::names::Profile;
    /// use monitor_core::{Monitor, Outcome, StorageConfig};
    ///
    /// let mut config = StorageConfig::default();
    /// config.caller_pairs = 1000;
    /// let monitor = Monitor::new(config);
    /// let (serve, load) = (monitor.method("Serve")?, monitor.method("Load")?);
    /// monitor.scope_sync(|| {
    ///     let call = serve.start();
    ///     call.run(|| load.start().finish(Outcome::Success));
    ///     call.finish(Outcome::Success);
    /// });
    /// let (snapshot, name) = (monitor.snapshot(), "monitor_calls_total");
    /// let mut page = Vec::new();
    /// encode_snapshot(&snapshot, Profile::Prometheus, &[name], Format::Text004, &mut page);
    /// let page = String::from_utf8_lossy(&page);
    /// assert!(page.contains("monitor_calls_total{caller=\"Serve\",method=\"Load\"} 1\n"));
    /// assert!(page.contains("monitor_calls_total{entry=\"true\",method=\"Serve\"} 1\n"));
    /// # Ok::<(), monitor_core::MethodError>(())
    /// ```
    pub caller_pairs: usize,
    /// Whether the last error texts of each method are kept: at most 20 a method, of 512 bytes each
    /// ([`MonitorStorage::last_errors`](crate::MonitorStorage::last_errors)). Texts of errors may hold data that is not
    /// for all who see the service's pages. Texts from before it was turned off stay in memory, and are there again once
    /// it is on. Default: on.
    pub error_texts: bool,
    /// Whether calls are kept in slots of time, from which the verdict is made, and how many bytes that may take. Default:
    /// on, 8 MiB. It costs nothing before the first [`look`](crate::MonitorStorage::look) or
    /// [`verdict`](crate::MonitorStorage::verdict), which the server takes every 2 s. While it is off nothing is read, the
    /// slots and events are freed at the next look, and there is no verdict. It can be switched at any time: what happened
    /// while it was off is in no slot.
    ///
    /// ```
    /// use monitor_core::{Monitor, StorageConfig};
    ///
    /// let mut config = StorageConfig::default();
    /// config.history.is_on = false;
    /// assert_eq!(Monitor::new(config).verdict(), None);
    /// ```
    pub history: HistoryConfig,
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
            unhealthy: ShareRule::default(),
            unhealthy_methods: BTreeMap::new(),
            service_info: Vec::new(),
            max_workers: 1,
            hpa_max_workers: None,
            inittime_label: false,
            max_series: 2000,
            max_methods: 1000,
            idle_series: Duration::ZERO,
            const_labels: ConstLabels::default(),
            namespace: Namespace::default(),
            buckets: None,
            size_buckets: None,
            totals: Totals::default(),
            caller_pairs: 0,
            error_texts: true,
            history: HistoryConfig::default(),
            preregister: false,
            methods: Vec::new(),
        }
    }
}

/// Which calls count as tasks, in the totals over all methods ([`TaskTotals`](crate::snapshot::TaskTotals): tasks
/// started, completed and in flight, busy seconds, the gauge of busy workers), and feed the task status `default`.
///
/// A request that goes through three monitored functions is three calls, one of which is an entry call: one without a
/// monitored caller (see [`here`](crate::here)). The numbers of each method, its own task status included, are about all
/// its calls in any case.
///
/// Choose before the first call. A later change takes effect at once, for all that was counted before too. After one
/// from all calls to entry calls, the numbers of tasks fall once, which is a reset to Prometheus. The busy seconds never
/// fall: they stand still until those of the entry calls alone have caught up, and a rate of them is 0 until then. The
/// status `default` may be right only from the end of the next entry call on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Totals {
    /// Calls without a caller: the requests and jobs that a service got. A worker is busy once with each.
    #[default]
    EntryCalls,
    /// All calls, as the original counts them. `monitor_server::run` sets this in the profile `servicekit`; set it
    /// yourself in a storage of your own whose pages are in that profile.
    AllCalls,
}
