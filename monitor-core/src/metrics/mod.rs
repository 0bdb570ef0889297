//! Metrics of the user's own: numbers by key, and registered metrics under their own names.
//!
//! Both stand on the parts of `family.rs` (bounded families), whose children are found in `index.rs` and count in the
//! cells of `cells.rs`, and of `native.rs` where a histogram has exponential buckets. `keyed.rs` is the API by key, with the points of `stats` (`user_points.rs`) beside it;
//! `registry.rs` is the API of registered metrics. Values that calls observe are counted in their shards, not here.
//!
//! An instrument is an `impl Instrument` and a cell (`impl LabelCell`) in `cells.rs`, a name in the module `typed` below,
//! and a `register_..` in `storage/mod.rs`; the registry names no type. As long as its family type exists in
//! `data/family.rs`, nothing in `export` changes.

mod cells;
mod family;
mod index;
pub(crate) mod keyed;
mod native;
mod registry;
mod user_points;

pub(crate) use cells::BucketKind;

pub mod typed {
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

    pub use crate::metrics::cells::{Counter, Gauge, Histogram};
    pub use crate::metrics::registry::{
        Instrument, LabelNames, MetricDesc, MetricFamily, MetricField, NoLabels, RegisterError,
    };
}
