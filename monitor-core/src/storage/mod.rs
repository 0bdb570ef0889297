//! `MonitorStorage`: the numbers of calls, and those that user code recorded by key, behind the original's verbs.
//!
//! A storage is a handle on a [`StorageCore`], which holds the tables of the recording path and the values by key. Its
//! methods stand in the files of their subjects:
//!
//! - here: values by key, registered metrics, configuration, exemplars;
//! - `collect`: the snapshot, tasks in flight, and which label sets leave the page (`means` reads the recent means for
//!   it);
//! - `statuses`: task types; `shares`: which of them fail too often;
//! - `running`: the tree of calls in flight;
//! - `sampler`: self time, from samples of the threads' current calls;
//! - `last_errors`: why calls fail;
//! - `stats_map`: the original's flat map, warnings at the start;
//! - in other folders: `health` in `health.rs`, and the `prometheus` collector in `export/prometheus.rs`.

pub(crate) mod collect;
mod last_errors;
pub(crate) mod means;
mod running;
pub(crate) mod sampler;
mod shares;
mod stats_map;
mod statuses;
#[cfg(all(test, not(monitor_loom)))]
mod tests;

use std::fmt;
use std::sync::Arc;

pub use self::sampler::Sampler;
pub use self::stats_map::StartUpWarning;

use crate::data::family::FamilyType;
use crate::data::value::{StatNumber, StatValue};
use crate::errors::ErrorParser;
use crate::metrics::keyed::{Keep, StatCounter, StatsError};
use crate::metrics::typed::{Counter, Gauge, Histogram, LabelNames, MetricDesc, RegisterError};
use crate::recording::config::StorageConfig;
use crate::recording::exemplar::ExemplarProvider;
use crate::recording::store::StorageCore;

/// Everything recorded: calls (through [`Method`](crate::Method) and `#[monitored]`) and values by key.
///
/// A cheap handle, to be copied and used from any thread, with or without an async runtime: nothing here blocks on I/O
/// or waits for a scrape. Its cells live until the process ends, so make a storage for a program or a test, not for a
/// request.
///
/// # Examples
///
/// ```
/// use monitor_core::{Monitor, StorageConfig};
///
/// let monitor = Monitor::new(StorageConfig::default());
/// monitor.inc_stats("jobs___queue__fast", 1)?;
/// monitor.inc_stats("jobs___queue__fast", 2)?;
/// assert_eq!(monitor.stats()["jobs___queue__fast"], 3.into());
/// # Ok::<(), monitor_core::StatsError>(())
/// ```
#[derive(Clone, Copy)]
pub struct MonitorStorage {
    pub(crate) core: &'static StorageCore,
}

impl MonitorStorage {
    /// Adds to a number; a key that is not there begins at 0. Returns the new value. A sum beyond 64 bits becomes a
    /// double; NaN and the infinities are numbers too, and a key that became one stays so until it is set or removed.
    ///
    /// # Errors
    ///
    /// [`StatsError`] if the key holds something that is no number, or is reserved; nothing changes then.
    pub fn inc_stats(&self, key: &str, by: impl Into<StatNumber>) -> Result<StatValue, StatsError> {
        self.core.values.inc(key, by)
    }

    /// Sets a value of any kind. Numbers are exported, everything else only shows in [`stats`](Self::stats).
    ///
    /// # Errors
    ///
    /// [`StatsError`] if the key is reserved, or if the value is no number, the key is new and its family has
    /// `max_series` label sets already.
    #[doc(alias = "set_stat_sync")]
    pub fn set_stats(&self, key: &str, value: impl Into<StatValue>) -> Result<(), StatsError> {
        self.core.values.set(key, value.into())
    }

    /// Appends to a list, and observes numbers whose name contains `time` or `size` in a histogram: a number under the
    /// key itself, the entries of a map under their own keys. Negative values and NaN are in the list; the histogram
    /// refuses and counts them (`monitor_refused_observations_total`), as its sum would keep them for good.
    ///
    /// # Errors
    ///
    /// [`StatsError`] if the key holds something that is no list, is `tasks`, or is `stats` and the value no map.
    pub fn append_stats(
        &self,
        key: &str,
        value: impl Into<StatValue>,
        keep: Keep,
    ) -> Result<(), StatsError> {
        self.core.values.append(key, value.into(), keep)
    }

    /// Puts a value in a section. In the section `tasks` the value is when a task started (seconds since 1970); the
    /// task is in flight until [`del_key_value`](Self::del_key_value).
    ///
    /// # Errors
    ///
    /// [`StatsError`] if the section's name is reserved (`stats`), is a key that holds something else, or finds its
    /// family full (`max_series`), or if a task's start is not a finite number.
    pub fn add_key_value(
        &self,
        section: &str,
        key: &str,
        value: impl Into<StatValue>,
    ) -> Result<(), StatsError> {
        self.core.values.add_key_value(section, key, value.into())
    }

    /// Takes a value out of a section; nothing happens if it is not there.
    pub fn del_key_value(&self, section: &str, key: &str) -> Option<StatValue> {
        let now = self.core.clock.unix();
        self.core.values.del_key_value(section, key, now)
    }

    /// A handle on the number under a key, for updates without a look-up.
    ///
    /// # Errors
    ///
    /// As [`inc_stats`](Self::inc_stats).
    pub fn counter(&self, key: &str) -> Result<StatCounter, StatsError> {
        self.core.values.counter(key)
    }

    /// Registers a counter, which is exported under its own name from then on; its name on the page ends in `_total`,
    /// whether given or not. A description that was registered before gives the same counter.
    ///
    /// # Errors
    ///
    /// [`RegisterError`] names the invalid part, or the metric with which it collides; nothing has changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::{MetricDesc, Monitor, RegisterError, StorageConfig};
    ///
    /// let monitor = Monitor::new(StorageConfig::default());
    /// let jobs = MetricDesc::new("jobs_done_total", "Jobs done.").labels(["queue"]);
    /// let jobs = monitor.register_counter(jobs)?;
    /// jobs.with(["fast"]).inc();
    /// assert!(monitor.register_counter(MetricDesc::new("9 lives", "")).is_err());
    /// # Ok::<(), RegisterError>(())
    /// ```
    pub fn register_counter<L: LabelNames>(
        &self,
        desc: MetricDesc<L>,
    ) -> Result<L::Of<Counter>, RegisterError> {
        let metrics = &self.core.values.metrics;
        metrics.register::<Counter, L>(desc, FamilyType::Counter, &[])
    }

    /// Registers a gauge, which is exported under its own name from then on. A description that was registered before
    /// gives the same gauge.
    ///
    /// # Errors
    ///
    /// As [`register_counter`](Self::register_counter).
    pub fn register_gauge<L: LabelNames>(
        &self,
        desc: MetricDesc<L>,
    ) -> Result<L::Of<Gauge>, RegisterError> {
        let metrics = &self.core.values.metrics;
        metrics.register::<Gauge, L>(desc, FamilyType::Gauge, &[])
    }

    /// Registers a histogram over these upper bounds: finite, strictly increasing, without `+Inf`, which is always
    /// there; [`TIME_BOUNDS`](crate::TIME_BOUNDS) and [`SIZE_BOUNDS`](crate::SIZE_BOUNDS) are ready ones. A description
    /// that was registered before with the same bounds gives the same histogram.
    ///
    /// # Errors
    ///
    /// As [`register_counter`](Self::register_counter).
    pub fn register_histogram<L: LabelNames>(
        &self,
        desc: MetricDesc<L>,
        bounds: &[f64],
    ) -> Result<L::Of<Histogram>, RegisterError> {
        let metrics = &self.core.values.metrics;
        metrics.register::<Histogram, L>(desc, FamilyType::Histogram, bounds)
    }

    /// Removes everything under a key: its value, its histogram and its rolling means (it is taken out of the points in
    /// `stats`). Returns the value, or [`StatValue::Null`] where only the others were there; `None` if there was
    /// nothing. Under the key `stats` the whole list of points goes; running tasks (`tasks`) stay.
    ///
    /// # Consistency
    ///
    /// An update beside a removal comes before it, and is in the value that is returned, or after it, and brings the
    /// key back, at 0 before that update. Handles of [`counter`](Self::counter) stay good. Keys may come and go for
    /// ever: memory is bounded by the most there were at once, and a few thousand more.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::{Monitor, StorageConfig};
    ///
    /// let monitor = Monitor::new(StorageConfig::default());
    /// monitor.inc_stats("sessions___user__ada", 3)?;
    /// assert_eq!(monitor.remove_stats("sessions___user__ada"), Some(3.into()));
    /// assert_eq!(monitor.remove_stats("sessions___user__ada"), None);
    /// monitor.inc_stats("sessions___user__ada", 1)?;
    /// assert_eq!(monitor.stats()["sessions___user__ada"], 1.into());
    /// # Ok::<(), monitor_core::StatsError>(())
    /// ```
    pub fn remove_stats(&self, key: &str) -> Option<StatValue> {
        self.core.values.remove(key)
    }

    /// When the storage was made, as the label `inittime` has it: UTC, with microseconds.
    #[doc(alias = "get_time")]
    pub fn init_time(&self) -> Arc<str> {
        self.core.init_time()
    }

    /// The time on the clock of the storage, seconds since 1970: the one that events, slots and verdict have. It never
    /// steps, as the wall clock may.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use monitor_core::{Clock, Monitor, StorageConfig};
    ///
    /// let (clock, hand) = Clock::manual(1_700_000_000.0);
    /// let monitor = Monitor::with_clock(StorageConfig::default(), clock);
    /// hand.advance(Duration::from_secs(2));
    /// assert_eq!(monitor.now(), 1_700_000_002.0);
    /// assert_eq!(monitor.started_at(), 1_700_000_000.0);
    /// ```
    pub fn now(&self) -> f64 {
        self.core.clock.unix()
    }

    /// When the process started, seconds since 1970; where the system does not say, when the storage was made.
    pub fn started_at(&self) -> f64 {
        self.core.started_at
    }

    /// Sets the provider of exemplars for the buckets of durations; a provider set later takes its place. Exemplars
    /// stand on `OpenMetrics` pages alone. Without a provider calls do not even ask whether there is one; with one, a
    /// call ends some ten nanoseconds later.
    pub fn set_exemplars(&self, provider: impl ExemplarProvider) {
        self.core.set_exemplars(provider);
    }

    /// Whether there is a method of this name. Cheaper than a [`snapshot`](Self::snapshot); it does not create the
    /// method.
    pub fn has_method(&self, name: &str) -> bool {
        self.core.methods().any(|method| &*method.name == name)
    }

    /// Whether more methods were named at run time than `max_methods` allows: calls of further ones are those of the method
    /// `overflow`.
    pub fn has_merged_methods(&self) -> bool {
        self.core.has_merged_methods()
    }

    /// The rules that classify errors.
    pub fn error_parser(&self) -> Arc<ErrorParser> {
        Arc::clone(&self.core.rules().parser)
    }

    /// Puts another configuration in force; nothing that was recorded is lost.
    pub fn configure(&self, config: StorageConfig) {
        self.core.configure(config);
    }

    /// The configuration in force.
    pub fn config(&self) -> StorageConfig {
        self.core.rules().config.clone()
    }
}

impl fmt::Debug for MonitorStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MonitorStorage")
            .field("id", &self.core.id)
            .finish_non_exhaustive()
    }
}
