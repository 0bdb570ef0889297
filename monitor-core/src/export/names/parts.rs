//! Children on their way to a visitor.

use super::collide::{Book, Entry, Plane, Wanted};
use crate::data::family::{ChildValue, FamilyType, Histogram, Labels};
use crate::data::key::StatKey;
use crate::data::snapshot::{Means, MethodSnapshot};
use crate::data::visit::{Head, HistogramView, Visitor};

/// A number of either kind.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    Int(u64),
    Float(f64),
}

/// A child of a key's family.
#[derive(Debug)]
struct Part<'a> {
    labels: Labels,
    value: PartValue<'a>,
}

#[derive(Debug)]
enum PartValue<'a> {
    Number(Number),
    Histogram(&'a Histogram),
}

/// The children of keys, by their family's index in the book.
#[derive(Debug, Default)]
pub(super) struct Parts<'a> {
    by_family: Vec<Vec<Part<'a>>>,
}

impl<'a> Parts<'a> {
    pub(super) fn add_info(&mut self, book: &mut Book, key: &StatKey, help: &str, value: f64) {
        let wanted = Wanted {
            plane: Plane::Info,
            key,
            method: None,
            help: Some(help),
        };
        self.put(book, wanted, PartValue::Number(Number::Float(value)));
    }

    pub(super) fn add(
        &mut self,
        book: &mut Book,
        plane: Plane,
        key: &StatKey,
        method: Option<&MethodSnapshot>,
        value: Number,
    ) {
        self.put(book, wanted(plane, key, method), PartValue::Number(value));
    }

    pub(super) fn add_histogram(
        &mut self,
        book: &mut Book,
        key: &StatKey,
        method: Option<&MethodSnapshot>,
        histogram: &'a Histogram,
    ) {
        let value = PartValue::Histogram(histogram);
        self.put(book, wanted(Plane::Histogram, key, method), value);
    }

    pub(super) fn add_means(
        &mut self,
        book: &mut Book,
        key: &StatKey,
        method: Option<&MethodSnapshot>,
        means: Means,
    ) {
        for (plane, mean) in [(Plane::Mean, means.window), (Plane::LastMean, means.last)] {
            if let Some(mean) = mean {
                self.add(book, plane, key, method, Number::Float(mean));
            }
        }
    }

    /// Adds a child of a registered metric; those have no summaries and no times.
    pub(super) fn add_child(&mut self, family: usize, labels: Labels, value: &'a ChildValue) {
        let value = match value {
            ChildValue::Int(value) => PartValue::Number(Number::Int(*value)),
            ChildValue::Float(value) => PartValue::Number(Number::Float(*value)),
            ChildValue::Histogram(histogram) => PartValue::Histogram(histogram),
            ChildValue::Summary { .. } | ChildValue::Timestamped { .. } => return,
        };
        self.push(family, labels, value);
    }

    fn put(&mut self, book: &mut Book, wanted: Wanted<'_>, value: PartValue<'a>) {
        let place = book.place(wanted);
        self.push(place.family, place.labels, value);
    }

    fn push(&mut self, family: usize, labels: Labels, value: PartValue<'a>) {
        if self.by_family.len() <= family {
            self.by_family.resize_with(family + 1, Vec::new);
        }
        self.by_family[family].push(Part { labels, value });
    }

    /// How many children of a family have labels beside those of every series.
    pub(super) fn labelled(&self, family: usize, common: usize) -> u64 {
        let parts = self.by_family.get(family).into_iter().flatten();
        parts.filter(|part| part.labels.len() > common).count() as u64
    }

    /// Shows the children of a family.
    pub(super) fn show(&self, family: usize, out: &mut Out<'_, impl Visitor>) {
        for part in self.by_family.get(family).into_iter().flatten() {
            match part.value {
                PartValue::Number(value) => out.number(&part.labels, value),
                PartValue::Histogram(histogram) => {
                    out.histogram(&part.labels, HistogramView::of(histogram));
                }
            }
        }
    }
}

fn wanted<'a>(plane: Plane, key: &'a StatKey, method: Option<&'a MethodSnapshot>) -> Wanted<'a> {
    Wanted {
        plane,
        key,
        method,
        help: None,
    }
}

/// A family on its way to a visitor: begun with its first child, so that one without children is left out.
pub(super) struct Out<'a, V> {
    head: Option<Head<'a>>,
    visitor: &'a mut V,
}

impl<'a, V: Visitor> Out<'a, V> {
    pub(super) fn new(entry: &'a Entry, visitor: &'a mut V) -> Self {
        let head = Head {
            name: &entry.name,
            help: &entry.help,
            kind: entry.kind,
            unit: entry.unit,
            all_counts: entry.kind == FamilyType::Counter,
        };
        Self {
            head: Some(head),
            visitor,
        }
    }

    #[inline]
    fn begin(&mut self) {
        if let Some(head) = self.head.take() {
            self.visitor.family(head);
        }
    }

    #[inline]
    pub(super) fn int(&mut self, labels: &Labels, value: u64) {
        self.begin();
        self.visitor.int(labels, value);
    }

    #[inline]
    pub(super) fn float(&mut self, labels: &Labels, value: f64) {
        self.begin();
        self.visitor.float(labels, value);
    }

    pub(super) fn number(&mut self, labels: &Labels, value: Number) {
        match value {
            Number::Int(value) => self.int(labels, value),
            Number::Float(value) => self.float(labels, value),
        }
    }

    pub(super) fn histogram(&mut self, labels: &Labels, value: HistogramView<'_>) {
        self.begin();
        self.visitor.histogram(labels, value);
    }
}
