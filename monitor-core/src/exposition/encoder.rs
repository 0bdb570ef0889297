//! The encoder: what a visitor is shown, as bytes.

use super::filter::Filter;
use super::sample::Samples;
use super::{Format, openmetrics, text};
use crate::family::{ChildValue, Family, FamilyType, Labels};
use crate::names::visit::{Head, HistogramView, Visitor};

/// Writes a page, in one pass.
#[derive(Debug)]
pub(crate) struct Encoder<'a> {
    format: Format,
    filter: Filter<'a>,
    samples: Samples,
    out: &'a mut Vec<u8>,
    /// The family whose children come now.
    name: String,
    kind: FamilyType,
    /// Where its head begins and ends.
    head: (usize, usize),
}

impl<'a> Encoder<'a> {
    /// Appends to `out` the samples of these full names; of all, if there is none that is not empty.
    pub(crate) fn new(format: Format, names: &[&'a str], out: &'a mut Vec<u8>) -> Self {
        Self {
            format,
            filter: Filter::named(names),
            samples: Samples::new(format == Format::OpenMetrics100),
            head: (out.len(), out.len()),
            out,
            name: String::new(),
            kind: FamilyType::Untyped,
        }
    }

    /// Appends families.
    pub(crate) fn families(&mut self, families: &[Family]) {
        for family in families {
            self.family(Head {
                name: &family.name,
                help: &family.help,
                kind: family.kind,
                unit: family.unit,
                all_counts: all_counts(family),
            });
            for child in &family.children {
                self.child(&child.labels, &child.value);
            }
        }
    }

    fn child(&mut self, labels: &Labels, value: &ChildValue) {
        match value {
            ChildValue::Int(value) => self.int(labels, *value),
            ChildValue::Float(value) => self.float(labels, *value),
            ChildValue::Histogram(histogram) => {
                self.histogram(labels, HistogramView::of(histogram));
            }
            ChildValue::Summary {
                quantiles,
                sum,
                count,
            } if self.kind == FamilyType::Summary => {
                let name = self.samples.named(&self.name, &self.filter);
                name.summary(labels, quantiles, (*count, *sum), self.out);
            }
            ChildValue::Summary { .. } => {}
        }
    }

    /// Whether a child may have a plain number.
    fn takes_numbers(&self) -> bool {
        use FamilyType::{Counter, Gauge, Untyped};
        matches!(self.kind, Counter | Gauge | Untyped) && self.filter.wants(&self.name, "")
    }

    /// Takes back the head of a family that has no sample.
    fn end_family(&mut self) {
        let (start, end) = self.head;
        if self.out.len() == end {
            self.out.truncate(start);
        }
    }

    /// Ends the page.
    pub(crate) fn finish(mut self) {
        self.end_family();
        if self.format == Format::OpenMetrics100 {
            self.out.extend_from_slice(openmetrics::END);
        }
    }
}

impl Visitor for Encoder<'_> {
    fn family(&mut self, head: Head<'_>) {
        self.end_family();
        head.name.clone_into(&mut self.name);
        self.kind = head.kind;
        let start = self.out.len();
        match self.format {
            Format::Text004 => text::write_head(&head, self.out),
            Format::OpenMetrics100 => openmetrics::write_head(&head, self.out),
        }
        self.head = (start, self.out.len());
    }

    fn int(&mut self, labels: &Labels, value: u64) {
        if self.takes_numbers() {
            self.samples
                .named(&self.name, &self.filter)
                .int(labels, value, self.out);
        }
    }

    fn float(&mut self, labels: &Labels, value: f64) {
        if self.takes_numbers() {
            self.samples
                .named(&self.name, &self.filter)
                .float(labels, value, self.out);
        }
    }

    fn histogram(&mut self, labels: &Labels, value: HistogramView<'_>) {
        if self.kind == FamilyType::Histogram {
            self.samples
                .named(&self.name, &self.filter)
                .histogram(labels, value, self.out);
        }
    }
}

fn all_counts(family: &Family) -> bool {
    let is_count = |value: &ChildValue| !matches!(value, ChildValue::Float(value) if value.is_nan() || *value < 0.0);
    family.children.iter().all(|child| is_count(&child.value))
}
