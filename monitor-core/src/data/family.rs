//! Metric families as plain data: what every exposition format is written from.

use std::borrow::Cow;
use std::sync::Arc;

use crate::data::exemplar::KeptExemplar;

pub use crate::data::labels::{Label, Labels};

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
    /// A value of another time than the page's: what a collector of the `prometheus` crate gives a timestamp. Prometheus keeps it
    /// under that time, unless it is too old or too new for it, and never marks such a series as stale.
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
