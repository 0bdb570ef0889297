//! Typed metrics of the user's own: counters, gauges and histograms under their own names.
//!
//! ```
//! use monitor_core::metric::{MetricDesc, RegisterError};
//! use monitor_core::{Monitor, StorageConfig};
//!
//! let monitor = Monitor::new(StorageConfig::default());
//! let jobs = monitor.register_counter(MetricDesc::new("jobs_done_total", "Jobs done."))?;
//! jobs.inc();
//!
//! let upload = MetricDesc::new("upload", "Size of uploads.").unit("bytes").labels(["kind"]);
//! let sizes = monitor.register_histogram(upload, &[1e3, 1e6])?;
//! let images = sizes.with(["image"]);
//! images.observe(12_000.0);
//! assert_eq!((jobs.get(), images.count()), (1.0, 1));
//! # Ok::<(), RegisterError>(())
//! ```

mod counter;
mod desc;
mod error;
mod family;
mod gauge;
mod histogram;
#[cfg(all(test, monitor_loom))]
mod models;
mod registry;
mod slots;
#[cfg(all(test, not(monitor_loom)))]
mod tests;

pub use self::counter::Counter;
pub use self::desc::{LabelNames, MetricDesc, NoLabels};
pub use self::error::{MetricField, RegisterError};
pub use self::family::{Instrument, MetricFamily};
pub use self::gauge::Gauge;
pub use self::histogram::Histogram;

pub(crate) use self::registry::Registry;
