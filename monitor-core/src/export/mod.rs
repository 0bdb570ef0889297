//! From a snapshot to families and bytes.
//!
//! An [`exporter`] owns the state that one storage under one profile keeps from page to page: where each key went
//! (`key_names`), the text of each label set (`label_cache`), and which callers have a series (`caller_series`). It shows a snapshot in one pass (`page`) to a
//! [`Visitor`](crate::data::family::Visitor): to the encoder of the text formats (`encode`; `bucket_lines` writes most of
//! its bytes), to that of messages (`protobuf`), or to a list of families. `merge` puts families of several sources on one page, `prometheus` is the bridge to the
//! crate of that name, and `textfile` writes a page to a file.
//!
//! Everything here reads plain data. Shared state is behind locks: the exporter's mutex, and that of the table of
//! storages which registries know.

mod bucket_lines;
mod caller_series;
pub(crate) mod encode;
pub(crate) mod exporter;
mod key_names;
mod label_cache;
mod merge;
mod page;
#[cfg(feature = "prometheus")]
mod prometheus;
mod protobuf;
mod textfile;

pub mod names {
    //! The naming profiles: from a snapshot to families.

    pub use crate::data::catalog::Profile;
    pub use crate::export::exporter::{Exporter, built_in_families, families, is_built_in};
}

pub mod exposition {
    //! Families to bytes: text 0.0.4, `OpenMetrics` 1.0.0, and the messages of `io.prometheus.client`. Pure functions of
    //! plain data.
    //!
    //! All formats have the same sample names and label sets. So parts that `OpenMetrics` forbids are left out of
    //! all: `_created` series are off, and a histogram or summary whose sum is no counter (it is negative or NaN, or a
    //! bound is negative) has neither `_sum` nor `_count` in the text formats; the bucket `+Inf` still is the count.
    //!
    //! Messages are for readers that take native histograms, and hold more: beside the classic buckets those by exponent
    //! ([`Histogram::native`](crate::family::Histogram::native)), start times, and `_sum` and `_count` whatever they are.
    //! A start time is when the counts of a series began at 0: of calls and of the storage's own families that is the
    //! storage's making, of a registered metric its child's. Values by key, which may be removed and come back at 0, have
    //! none, and neither have families of registries. Plain data has it in
    //! [`Child::started`](crate::family::Child::started).

    pub use crate::export::encode::{Format, encode, encode_named};
    pub use crate::export::exporter::encode_snapshot;
}

pub mod collector {
    //! The merging of sources; with the feature `prometheus` (default) the bridge to the crate of that name, both ways.

    pub use crate::export::merge::{LeftOut, Merged, Page, merge};
    #[cfg(feature = "prometheus")]
    pub use crate::export::prometheus::{GatherError, collect_beside, gather, gather_beside};
}
