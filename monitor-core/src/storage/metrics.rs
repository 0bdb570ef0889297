//! Typed metrics of the user's own, and series that go.

use crate::data::family::FamilyType;
use crate::data::value::StatValue;
use crate::metrics::typed::{Counter, Gauge, Histogram, LabelNames, MetricDesc, RegisterError};
use crate::storage::MonitorStorage;

impl MonitorStorage {
    /// Registers a counter, which is exported under its own name from then on; its name on the page ends in `_total`,
    /// whether given or not. A description that was registered before gives the same counter.
    ///
    /// # Errors
    ///
    /// [`RegisterError`] says which part is invalid, or with what it collides; nothing has changed then.
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
        let metrics = &self.core().values.metrics;
        let family = metrics.register(desc, FamilyType::Counter, &[])?;
        Ok(L::of::<Counter>(family))
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
        let metrics = &self.core().values.metrics;
        let family = metrics.register(desc, FamilyType::Gauge, &[])?;
        Ok(L::of::<Gauge>(family))
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
        let metrics = &self.core().values.metrics;
        let family = metrics.register(desc, FamilyType::Histogram, bounds)?;
        Ok(L::of::<Histogram>(family))
    }

    /// Takes away what is under a key: its value, its histogram and its rolling means (it is taken out of the points in
    /// `stats`). Answers the value, or [`StatValue::Null`] where only the others were there; `None` if there was
    /// nothing. Under the key `stats` the whole list of points goes; running tasks (`tasks`) stay.
    ///
    /// # Consistency
    ///
    /// An update beside a removal comes before it, and is in the value that is answered, or after it, and brings the
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
        self.core().values.remove(key)
    }
}
