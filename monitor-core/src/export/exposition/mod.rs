//! Families to bytes: text 0.0.4 and `OpenMetrics` 1.0.0. Pure functions of plain data.
//!
//! Both formats have the same sample names and label sets. So what `OpenMetrics` forbids is left out of both: `_created`
//! series are off, and a histogram or summary whose sum is no counter (it is negative or NaN, or a bound is negative)
//! has neither `_sum` nor `_count`; the bucket `+Inf` still is the count.

mod buckets;
mod encoder;
mod filter;
mod number;
mod openmetrics;
mod sample;
mod text;

use crate::data::catalog::Profile;
use crate::data::family::Family;
use crate::data::snapshot::Snapshot;
use crate::export::names::Exporter;

pub(crate) use self::buckets::le_length;
pub(crate) use self::encoder::Encoder;

/// A format of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Format {
    /// The Prometheus text format 0.0.4.
    #[default]
    Text004,
    /// `OpenMetrics` 1.0.0.
    OpenMetrics100,
}

impl Format {
    /// The value of the header `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text004 => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics100 => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// A time after 1970 as a sample's timestamp: milliseconds in the text format, seconds in `OpenMetrics`.
    fn timestamp(self, milliseconds: i64) -> String {
        match self {
            Self::Text004 => milliseconds.to_string(),
            Self::OpenMetrics100 => {
                let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000);
                format!("{seconds}.{rest:03}")
            }
        }
    }
}

/// Appends the page of these families to `out`.
///
/// Expects what [`families`](crate::export::names::families) and [`merge`](crate::export::collector::merge) give: valid names, no
/// two families that clash, no series twice. A family without children is left out, as is a child whose value does not
/// fit its family's type.
///
/// # Examples
///
/// ```
/// use monitor_core::exposition::{Format, encode};
/// use monitor_core::family::{Child, ChildValue, Family, FamilyType};
///
/// let family = Family {
///     name: "started_total".into(),
///     help: "Started tasks.".into(),
///     kind: FamilyType::Counter,
///     unit: None,
///     children: vec![Child { labels: [].into(), value: ChildValue::Int(4) }],
/// };
/// let mut page = Vec::new();
/// encode(&[family], Format::OpenMetrics100, &mut page);
/// assert_eq!(page, b"# HELP started Started tasks.\n# TYPE started counter\nstarted_total 4\n# EOF\n");
/// ```
pub fn encode(families: &[Family], format: Format, out: &mut Vec<u8>) {
    encode_named(families, &[], format, out);
}

/// Appends the page of those samples whose full name is one of `names`; in `OpenMetrics` also of those whose family's name is.
///
/// `started_total` selects that counter in both formats, `x_bucket` and `x_count` just these samples of a histogram. In
/// `OpenMetrics` `started` selects the counter too, which is the family's name there, and `x` all of the histogram; the text
/// format selects by samples alone, as the original does. Empty names are passed over; where no other is left, every sample is written. A family
/// that keeps no sample is left out, so the page may be empty (`# EOF` alone in `OpenMetrics`).
pub fn encode_named(families: &[Family], names: &[&str], format: Format, out: &mut Vec<u8>) {
    let mut encoder = Encoder::new(format, names, out);
    encoder.families(families);
    encoder.finish();
}

/// Appends the page of a snapshot, as the first page of an [`Exporter`] is. No names are all.
///
/// # Examples
///
/// ```
/// use monitor_core::exposition::{Format, encode_snapshot};
/// use monitor_core::names::Profile;
/// use monitor_core::{Monitor, StorageConfig};
///
/// let monitor = Monitor::new(StorageConfig::default());
/// monitor.method("Get")?.start();
/// let mut page = Vec::new();
/// encode_snapshot(&monitor.snapshot(), Profile::default(), &["stats_request"], Format::Text004, &mut page);
/// assert!(page.ends_with(b"\nstats_request{method=\"Get\"} 1\n"));
/// # Ok::<(), monitor_core::MethodError>(())
/// ```
pub fn encode_snapshot(
    snapshot: &Snapshot,
    profile: Profile,
    names: &[&str],
    format: Format,
    out: &mut Vec<u8>,
) {
    Exporter::new(profile).encode(snapshot, names, format, out);
}

#[cfg(test)]
pub(crate) mod tests;
