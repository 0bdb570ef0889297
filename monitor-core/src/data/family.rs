//! Metric families as plain data, and the same as views: the source of every exposition format.
//!
//! A [`Family`] owns its children. A page of a snapshot is written without any: it is shown to a `Visitor` family by
//! family and child by child, each value as a `ValueView` of the data that the snapshot owns. A visitor that writes
//! bytes copies nothing; the one that wants plain data is `PlainFamilies`.

use std::borrow::Cow;
use std::sync::Arc;

pub use crate::data::buckets::{SIZE_BOUNDS, TIME_BOUNDS};
pub use crate::data::labels::{Label, Labels};
pub use crate::data::native::{NATIVE_SCHEMA, NATIVE_ZERO_THRESHOLD, NativeBuckets};

use crate::data::buckets::ShownBuckets;
use crate::data::labels::KeptExemplar;
use crate::data::name::unit_of;

/// The kind of a [`Family`].
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
    /// Its help text, unescaped.
    pub help: Cow<'static, str>,
    /// Its type.
    pub kind: FamilyType,
    /// The unit its name ends in, for `OpenMetrics`' `# UNIT`.
    pub unit: Option<&'static str>,
    /// One child for each label set.
    pub children: Vec<Child>,
}

/// A family's values for one label set.
///
/// # Examples
///
/// ```
/// use monitor_core::family::{Child, ChildValue};
///
/// let mut jobs = Child::new([], ChildValue::Int(4));
/// assert_eq!(jobs.started, None);
/// jobs.started = Some(1_700_000_000.0);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Child {
    /// The labels, sorted by name, each name once.
    pub labels: Labels,
    /// The value.
    pub value: ChildValue,
    /// When its counts began at 0, seconds since 1970; `None` where that is not known. Pages in protobuf have it of
    /// counters, histograms and summaries, and no page has it of others.
    pub started: Option<f64>,
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
    /// A value of another time than the page's: one that a collector of the `prometheus` crate gives a timestamp.
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
#[non_exhaustive]
pub struct Histogram {
    /// Upper bounds, inclusive, strictly increasing, without `+Inf`.
    pub bounds: Arc<[f64]>,
    /// Observations in each bucket (not cumulative); one longer than `bounds`, the last is above every bound.
    pub counts: Vec<u64>,
    /// Sum of the observations.
    pub sum: f64,
    /// Observations that lead to a trace, by bucket; none without a provider, and none from a registry.
    pub exemplars: Vec<KeptExemplar>,
    /// The same observations by exponential bucket, where those were asked for and the histogram has them: its count is
    /// that of `counts`.
    pub native: Option<NativeBuckets>,
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

impl Child {
    /// A child with these labels, sorted by name and each name once, and without a start time.
    pub fn new(labels: impl Into<Labels>, value: ChildValue) -> Self {
        Self {
            labels: labels.into(),
            value,
            started: None,
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
        Self::new(Arc::clone(bounds), vec![0; bounds.len() + 1], 0.0)
    }

    /// A histogram with these counts, one more than there are bounds, and this sum; without exemplars and native buckets.
    pub fn new(bounds: Arc<[f64]>, counts: Vec<u64>, sum: f64) -> Self {
        Self {
            bounds,
            counts,
            sum,
            exemplars: Vec::new(),
            native: None,
        }
    }

    /// Number of observations.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Adds the counts and the sum of another histogram over the same bounds; exemplars stay as they are. Native buckets
    /// are added up ([`NativeBuckets::merge`]); there are none afterwards if one of the two has observations and no native
    /// buckets.
    ///
    /// # Panics
    ///
    /// Never; buckets that `self` lacks are left out.
    pub fn merge(&mut self, other: &Self) {
        let is_empty = self.count() == 0;
        match (&mut self.native, &other.native) {
            (Some(mine), Some(theirs)) => mine.merge(theirs),
            (None, Some(theirs)) if is_empty => self.native = Some(theirs.clone()),
            (Some(_), None) if other.count() == 0 => {}
            _ => self.native = None,
        }
        self.add_counts(other);
    }

    /// Adds the counts and the sum alone.
    pub(crate) fn add_counts(&mut self, other: &Self) {
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

    /// When the counts of the children to come began at 0, seconds since 1970; `None` where that is not known, as it is
    /// at the start of a page.
    fn started(&mut self, _at: Option<f64>) {}

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
    /// The buckets that a page shows of those of `one`; `None` is all.
    pub(crate) shown: Option<&'a ShownBuckets>,
}

impl<'a> From<&'a Histogram> for ValueView<'a> {
    fn from(histogram: &'a Histogram) -> Self {
        Self::Histogram(histogram.into())
    }
}

impl<'a> From<&'a Histogram> for HistogramView<'a> {
    fn from(histogram: &'a Histogram) -> Self {
        Self {
            one: histogram,
            other: None,
            exemplars: &histogram.exemplars,
            only_failed: None,
            shown: None,
        }
    }
}

impl<'a> HistogramView<'a> {
    /// The upper bounds of its buckets, without `+Inf`.
    pub(crate) fn bounds(&self) -> &'a Arc<[f64]> {
        self.shown.map_or(&self.one.bounds, |shown| &shown.bounds)
    }

    /// The counts by bucket.
    pub(crate) fn counts(&self) -> impl Iterator<Item = u64> + use<'a> {
        let (shown, one) = (self.shown, &*self.one.counts);
        let more: &[u64] = self.other.map_or(&[], |other| &other.counts);
        let mut from = 0;
        (0..=self.bounds().len()).map(move |at| {
            let end = shown.map_or(at + 1, |shown| shown.ends[at]);
            let cells = from..end;
            from = end;
            let sum = |counts: &[u64]| {
                counts
                    .get(cells.clone())
                    .map_or(0, |cells| cells.iter().sum::<u64>())
            };
            sum(one) + sum(more)
        })
    }

    pub(crate) fn sum(&self) -> f64 {
        let own = self.one.sum;
        self.other.map_or(own, |other| own + other.sum)
    }

    /// The same observations by exponential bucket, where both histograms have those.
    pub(crate) fn native(&self) -> Option<Cow<'a, NativeBuckets>> {
        let one = self.one.native.as_ref()?;
        match self.other {
            // Most methods have no failures.
            Some(other) if other.count() > 0 => {
                let mut sum = one.clone();
                sum.merge(other.native.as_ref()?);
                Some(Cow::Owned(sum))
            }
            _ => Some(Cow::Borrowed(one)),
        }
    }

    /// The newest exemplar of each bucket that has one, with the bucket's index.
    pub(crate) fn exemplars(&self) -> impl Iterator<Item = (usize, &'a KeptExemplar)> + use<'a> {
        let (only, shown) = (self.only_failed, self.shown);
        let exemplars = self.exemplars.iter();
        let mut rest = exemplars
            .filter(move |kept| only.is_none_or(|failed| kept.failed == failed))
            .map(move |kept| {
                (
                    shown.map_or(kept.bucket, |shown| shown.bucket_of_cell(kept.bucket)),
                    kept,
                )
            })
            .peekable();
        std::iter::from_fn(move || {
            let (bucket, mut newest) = rest.next()?;
            while let Some((_, kept)) = rest.next_if(|next| next.0 == bucket) {
                if kept.at >= newest.at {
                    newest = kept;
                }
            }
            Some((bucket, newest))
        })
    }
}

/// Keeps the families as plain data, those without children too.
#[derive(Debug, Default)]
pub(crate) struct PlainFamilies {
    pub(crate) families: Vec<Family>,
    /// The start time of the children to come.
    started: Option<f64>,
}

impl Visitor for PlainFamilies {
    fn family(&mut self, family: &Family) {
        self.families.push(Family {
            name: family.name.clone(),
            help: family.help.clone(),
            children: Vec::new(),
            ..*family
        });
    }

    fn started(&mut self, at: Option<f64>) {
        self.started = at;
    }

    fn child(&mut self, labels: &Labels, value: ValueView<'_>) {
        let value = match value {
            ValueView::Int(value) => ChildValue::Int(value),
            ValueView::Float(value) => ChildValue::Float(value),
            ValueView::Histogram(value) => ChildValue::Histogram(Histogram {
                exemplars: value.exemplars().map(KeptExemplar::in_bucket).collect(),
                native: value.native().map(Cow::into_owned),
                ..Histogram::new(
                    Arc::clone(value.bounds()),
                    value.counts().collect(),
                    value.sum(),
                )
            }),
        };
        if let Some(family) = self.families.last_mut() {
            family.children.push(Child {
                started: self.started,
                ..Child::new(labels.clone(), value)
            });
        }
    }
}
