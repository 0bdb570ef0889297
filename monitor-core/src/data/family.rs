//! Metric families as plain data, and the same as views: what every exposition format is written from.
//!
//! A [`Family`] owns its children. A page of a snapshot is written without any: it is shown to a `Visitor` family by
//! family and child by child, each value as a `ValueView` of what the snapshot owns. A visitor that writes bytes
//! copies nothing; the one that wants plain data is a `Vec<Family>`.
//!
//! The bounds of histograms stand here too: the presets, and the search for a value's bucket.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

pub use crate::data::labels::{Label, Labels};

use crate::data::labels::KeptExemplar;
use crate::data::name::unit_of;

/// What kind of metric a [`Family`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FamilyType {
    /// Only goes up.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts of observations by upper bound.
    Histogram,
    /// Quantiles computed by the process (only from a user's registry).
    Summary,
    /// Of no known kind.
    Untyped,
}

impl FamilyType {
    /// Whether a child's value is a number, and its sample has the family's name.
    pub(crate) fn has_plain_samples(self) -> bool {
        matches!(self, Self::Counter | Self::Gauge | Self::Untyped)
    }
}

/// A metric family: name, help, type, unit, and its children.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// The family's name as text 0.0.4 writes it, `_total` included for counters.
    pub name: Cow<'static, str>,
    /// What it means, unescaped.
    pub help: Cow<'static, str>,
    /// Its type.
    pub kind: FamilyType,
    /// The unit its name ends in, for `OpenMetrics`' `# UNIT`.
    pub unit: Option<&'static str>,
    /// One child for each label set.
    pub children: Vec<Child>,
}

/// A family's values for one label set.
#[derive(Debug, Clone, PartialEq)]
pub struct Child {
    /// The labels, sorted by name, each name once.
    pub labels: Labels,
    /// The value.
    pub value: ChildValue,
}

/// The value of a [`Child`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ChildValue {
    /// A count below 2^64.
    Int(u64),
    /// Any other number.
    Float(f64),
    /// A histogram.
    Histogram(Histogram),
    /// A summary: (quantile, value) pairs, sum and count.
    Summary {
        /// (quantile, value) pairs.
        quantiles: Vec<(f64, f64)>,
        /// Sum of the observations.
        sum: f64,
        /// Number of observations.
        count: u64,
    },
    /// A value of another time than the page's: what a collector of the `prometheus` crate gives a timestamp.
    /// Prometheus keeps it under that time, unless it is too old or too new for it, and never marks such a series as
    /// stale.
    Timestamped {
        /// The value; itself without a time.
        value: Box<ChildValue>,
        /// Of which time it is, milliseconds since 1970; no page can hold one before.
        milliseconds: i64,
    },
}

/// A histogram's state.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// Upper bounds, inclusive, strictly increasing, without `+Inf`.
    pub bounds: Arc<[f64]>,
    /// Observations in each bucket (not cumulative); one longer than `bounds`, the last is above every bound.
    pub counts: Vec<u64>,
    /// Sum of the observations.
    pub sum: f64,
    /// Observations that lead to a trace, by bucket; none without a provider, and none from a registry.
    pub exemplars: Vec<KeptExemplar>,
}

impl Family {
    /// A family without children. Its unit is the one its name ends in.
    pub(crate) fn new(
        name: impl Into<Cow<'static, str>>,
        help: impl Into<Cow<'static, str>>,
        kind: FamilyType,
    ) -> Self {
        let name = name.into();
        Self {
            unit: unit_of(&name),
            name,
            help: help.into(),
            kind,
            children: Vec::new(),
        }
    }
}

impl ChildValue {
    /// The value as a view, unless it is a summary or has a time of its own.
    pub(crate) fn view(&self) -> Option<ValueView<'_>> {
        match self {
            Self::Int(value) => Some(ValueView::Int(*value)),
            Self::Float(value) => Some(ValueView::Float(*value)),
            Self::Histogram(value) => Some(value.into()),
            Self::Summary { .. } | Self::Timestamped { .. } => None,
        }
    }
}

impl Histogram {
    /// An empty histogram over these bounds.
    pub fn empty(bounds: &Arc<[f64]>) -> Self {
        Self {
            counts: vec![0; bounds.len() + 1],
            bounds: Arc::clone(bounds),
            sum: 0.0,
            exemplars: Vec::new(),
        }
    }

    /// Number of observations.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Adds the counts and the sum of another histogram over the same bounds; exemplars stay as they are.
    ///
    /// # Panics
    ///
    /// Never; buckets that `self` lacks are left out.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.sum += other.sum;
    }
}

/// Takes a page, family by family.
pub(crate) trait Visitor {
    /// A family begins; its children are not among those it holds but follow. One that none follow is not on the page.
    fn family(&mut self, family: &Family);

    /// A child of the family that began last.
    fn child(&mut self, labels: &Labels, value: ValueView<'_>);
}

/// The value of a child on its way to a page.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ValueView<'a> {
    /// A whole number.
    Int(u64),
    /// Any other number.
    Float(f64),
    /// A histogram.
    Histogram(HistogramView<'a>),
}

/// A histogram that may be the sum of two over the same bounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HistogramView<'a> {
    pub(crate) one: &'a Histogram,
    /// Added to `one`; its exemplars are left out.
    pub(crate) other: Option<&'a Histogram>,
    /// By bucket.
    pub(crate) exemplars: &'a [KeptExemplar],
    /// Of the exemplars only those of calls that failed, or only those of the others; `None` is all.
    pub(crate) only_failed: Option<bool>,
}

impl<'a> From<&'a Histogram> for ValueView<'a> {
    fn from(histogram: &'a Histogram) -> Self {
        Self::Histogram(HistogramView {
            one: histogram,
            other: None,
            exemplars: &histogram.exemplars,
            only_failed: None,
        })
    }
}

impl<'a> HistogramView<'a> {
    /// The counts by bucket.
    pub(crate) fn counts(&self) -> impl Iterator<Item = u64> + use<'a> {
        let more: &[u64] = self.other.map_or(&[], |other| &other.counts);
        let counts = self.one.counts.iter().enumerate();
        counts.map(|(at, one)| one + more.get(at).copied().unwrap_or_default())
    }

    pub(crate) fn sum(&self) -> f64 {
        let own = self.one.sum;
        self.other.map_or(own, |other| own + other.sum)
    }

    /// The exemplars, by bucket.
    pub(crate) fn exemplars(&self) -> impl Iterator<Item = &'a KeptExemplar> + use<'a> {
        let only = self.only_failed;
        let exemplars = self.exemplars.iter();
        exemplars.filter(move |kept| only.is_none_or(|failed| kept.failed == failed))
    }
}

/// Keeps the families as plain data, those without children too.
impl Visitor for Vec<Family> {
    fn family(&mut self, family: &Family) {
        self.push(Family {
            name: family.name.clone(),
            help: family.help.clone(),
            children: Vec::new(),
            ..*family
        });
    }

    fn child(&mut self, labels: &Labels, value: ValueView<'_>) {
        let value = match value {
            ValueView::Int(value) => ChildValue::Int(value),
            ValueView::Float(value) => ChildValue::Float(value),
            ValueView::Histogram(value) => ChildValue::Histogram(Histogram {
                bounds: Arc::clone(&value.one.bounds),
                counts: value.counts().collect(),
                sum: value.sum(),
                exemplars: value.exemplars().cloned().collect(),
            }),
        };
        if let Some(family) = self.last_mut() {
            family.children.push(Child {
                labels: labels.clone(),
                value,
            });
        }
    }
}

/// Upper bounds of durations in seconds: the original's 47, and six below 10 ms because Rust services live there.
#[rustfmt::skip]
pub const TIME_BOUNDS: [f64; 53] = [
    0.0, 0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005,
    0.01, 0.02, 0.03, 0.05, 0.1, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0,
    15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 45.0, 50.0, 55.0, 60.0, 90.0, 120.0, 180.0, 240.0, 270.0, 300.0, 360.0,
    420.0, 480.0, 540.0, 600.0, 900.0, 1200.0, 1500.0, 1800.0, 3600.0,
];

/// Upper bounds of sizes in bytes: the original's.
#[rustfmt::skip]
pub const SIZE_BOUNDS: [f64; 55] = [
    0.0, 1.0, 5.0, 10.0, 20.0, 50.0, 100.0, 500.0, 1000.0, 5000.0, 10_000.0, 15_000.0, 30_000.0, 150_000.0,
    300_000.0, 450_000.0, 600_000.0, 750_000.0, 900_000.0, 1_050_000.0, 1_200_000.0, 1_350_000.0, 1_500_000.0,
    1_800_000.0, 2_100_000.0, 2_400_000.0, 2_700_000.0, 3_000_000.0, 3_750_000.0, 4_500_000.0, 6_000_000.0,
    7_500_000.0, 9_000_000.0, 10_500_000.0, 12_000_000.0, 13_500_000.0, 15_000_000.0, 17_500_000.0, 20_000_000.0,
    25_000_000.0, 35_000_000.0, 50_000_000.0, 65_000_000.0, 80_000_000.0, 100_000_000.0, 120_000_000.0,
    140_000_000.0, 160_000_000.0, 200_000_000.0, 260_000_000.0, 360_000_000.0, 500_000_000.0, 750_000_000.0,
    1_000_000_000.0, 2_000_000_000.0,
];

/// [`TIME_BOUNDS`], shared.
pub(crate) fn time_bounds() -> &'static Arc<[f64]> {
    static BOUNDS: LazyLock<Arc<[f64]>> = LazyLock::new(|| Arc::from(TIME_BOUNDS));
    &BOUNDS
}

/// [`SIZE_BOUNDS`], shared.
pub(crate) fn size_bounds() -> &'static Arc<[f64]> {
    static BOUNDS: LazyLock<Arc<[f64]>> = LazyLock::new(|| Arc::from(SIZE_BOUNDS));
    &BOUNDS
}

/// Most buckets a histogram may have, the one above every bound included.
pub(crate) const MAX_BUCKETS: usize = if cfg!(all(test, monitor_loom)) { 2 } else { 64 };

/// Most buckets of durations: a method may have bounds of its own beside the common ones.
pub(crate) const MAX_DURATION_BUCKETS: usize =
    MAX_BUCKETS * if cfg!(all(test, monitor_loom)) { 1 } else { 2 };

/// The common bounds with a method's own among them: the common ones stay, for the histogram over all methods.
pub(crate) fn with_own_bounds(own: &[f64]) -> Arc<[f64]> {
    // A zero has no sign: Prometheus 3 stores `-0.0` under another label value than it reads.
    let all = TIME_BOUNDS.iter().chain(own).map(|bound| bound + 0.0);
    let mut all: Vec<f64> = all.collect();
    all.sort_unstable_by(f64::total_cmp);
    all.dedup();
    all.truncate(MAX_DURATION_BUCKETS - 1);
    all.into()
}

/// Which histogram a value has: decided by its name, as in the original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HistogramKind {
    /// The name holds `time`.
    Time,
    /// The name holds `size`.
    Size,
    /// Neither: means only.
    Plain,
}

impl HistogramKind {
    pub(crate) fn of(name: &str) -> Self {
        if name.contains("time") {
            Self::Time
        } else if name.contains("size") {
            Self::Size
        } else {
            Self::Plain
        }
    }
}

/// Index of the bucket of a value: the first bound that is not below it, or one past the last.
pub(crate) fn bucket_of(bounds: &[f64], value: f64) -> usize {
    bounds
        .partition_point(|bound| *bound < value)
        .min(MAX_BUCKETS - 1)
}

#[cfg(all(test, not(monitor_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_methods_own_zero_has_no_sign() {
        let bounds = with_own_bounds(&[-0.0, 0.7]);
        assert!(bounds.iter().all(|bound| bound.is_sign_positive()));
        assert_eq!(bounds.first(), Some(&0.0));
    }
}
