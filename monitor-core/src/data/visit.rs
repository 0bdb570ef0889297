//! The families of a page, one after the other: what every format and the bridge are written from.

use std::sync::Arc;

use crate::data::exemplar::KeptExemplar;
use crate::data::family::{Child, ChildValue, Family, FamilyType, Histogram, Labels};

/// A family without its children.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head<'a> {
    pub(crate) name: &'a str,
    pub(crate) help: &'a str,
    pub(crate) kind: FamilyType,
    pub(crate) unit: Option<&'static str>,
    /// Whether no value is negative or NaN, as a counter's must be.
    pub(crate) all_counts: bool,
}

/// A histogram that may be the sum of two over the same bounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HistogramView<'a> {
    pub(crate) bounds: &'a Arc<[f64]>,
    counts: &'a [u64],
    more: &'a [u64],
    pub(crate) sum: f64,
    /// By bucket; only those of calls that failed, or of those that did not, if `only` says so.
    exemplars: &'a [KeptExemplar],
    only: Option<bool>,
}

/// Takes a page, family by family.
pub(crate) trait Visitor {
    /// A family begins. Its children follow, at least one.
    fn family(&mut self, head: Head<'_>);
    /// A child with a whole number.
    fn int(&mut self, labels: &Labels, value: u64);
    /// A child with any other number.
    fn float(&mut self, labels: &Labels, value: f64);
    /// A child with a histogram.
    fn histogram(&mut self, labels: &Labels, value: HistogramView<'_>);

    /// Whether it writes all of the page, and so wants to know how long that will be.
    fn wants_room(&self) -> bool {
        false
    }

    /// So many bytes are to come, or a few less.
    fn reserve(&mut self, _bytes: usize) {}

    /// How many bytes came.
    fn written(&self) -> usize {
        0
    }
}

impl<'a> Head<'a> {
    /// A family's, whatever its values are.
    pub(crate) fn of(family: &'a Family) -> Self {
        Self {
            name: &family.name,
            help: &family.help,
            kind: family.kind,
            unit: family.unit,
            all_counts: false,
        }
    }
}

impl<'a> HistogramView<'a> {
    pub(crate) fn of(histogram: &'a Histogram) -> Self {
        Self {
            bounds: &histogram.bounds,
            counts: &histogram.counts,
            more: &[],
            sum: histogram.sum,
            exemplars: &histogram.exemplars,
            only: None,
        }
    }

    /// With exemplars: all of them, or those of failed calls, or of the others.
    pub(crate) fn with_exemplars(self, exemplars: &'a [KeptExemplar], only: Option<bool>) -> Self {
        Self {
            exemplars,
            only,
            ..self
        }
    }

    /// The exemplars, by bucket.
    pub(crate) fn exemplars(&self) -> impl Iterator<Item = &'a KeptExemplar> + use<'a> {
        let only = self.only;
        self.exemplars
            .iter()
            .filter(move |kept| only.is_none_or(|failed| kept.failed == failed))
    }

    /// Two histograms over the same bounds as one.
    pub(crate) fn of_both(one: &'a Histogram, other: &'a Histogram) -> Self {
        Self {
            more: &other.counts,
            sum: one.sum + other.sum,
            ..Self::of(one)
        }
    }

    /// The counts by bucket.
    pub(crate) fn counts(&self) -> impl Iterator<Item = u64> + 'a {
        let Self { counts, more, .. } = *self;
        let counts = counts.iter().enumerate();
        counts.map(|(at, one)| one + more.get(at).copied().unwrap_or_default())
    }

    pub(crate) fn to_owned(self) -> Histogram {
        Histogram {
            bounds: Arc::clone(self.bounds),
            counts: self.counts().collect(),
            sum: self.sum,
            exemplars: self.exemplars().cloned().collect(),
        }
    }
}

/// Keeps the families as plain data.
#[derive(Debug, Default)]
pub(crate) struct Collect {
    pub(crate) families: Vec<Family>,
}

impl Collect {
    fn push(&mut self, labels: &Labels, value: ChildValue) {
        if let Some(family) = self.families.last_mut() {
            let labels = labels.clone();
            family.children.push(Child { labels, value });
        }
    }
}

impl Visitor for Collect {
    fn family(&mut self, head: Head<'_>) {
        self.families.push(Family {
            name: head.name.to_owned().into(),
            help: head.help.to_owned().into(),
            kind: head.kind,
            unit: head.unit,
            children: Vec::new(),
        });
    }

    fn int(&mut self, labels: &Labels, value: u64) {
        self.push(labels, ChildValue::Int(value));
    }

    fn float(&mut self, labels: &Labels, value: f64) {
        self.push(labels, ChildValue::Float(value));
    }

    fn histogram(&mut self, labels: &Labels, value: HistogramView<'_>) {
        self.push(labels, ChildValue::Histogram(value.to_owned()));
    }
}
