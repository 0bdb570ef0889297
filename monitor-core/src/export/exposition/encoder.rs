//! The encoder: what a visitor is shown, as bytes.

use std::fmt;

use super::filter::Filter;
use super::sample::{Samples, add_timestamps};
use super::{Format, openmetrics, text};
use crate::data::family::{ChildValue, Family, FamilyType, Labels};
use crate::data::visit::{Head, HistogramView, Visitor};

/// Room behind the end of a page: a histogram's lines are written where there is room for longer ones.
const MARGIN: usize = 4096;

/// Bytes after which a page that is taken in parts is handed on: they then still are in a processor's own cache.
const PART: usize = 64 << 10;

/// Takes a page part by part.
struct Parts<'a>(&'a mut dyn FnMut(&[u8]));

impl fmt::Debug for Parts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}

/// Writes a page, in one pass.
#[derive(Debug)]
pub(crate) struct Encoder<'a> {
    format: Format,
    filter: Filter<'a>,
    samples: Samples,
    /// Where the page begins.
    start: usize,
    /// Room to leave behind it.
    margin: usize,
    out: &'a mut Vec<u8>,
    /// The type of the family whose children come now.
    kind: FamilyType,
    /// Where its head begins and ends; `None` once a part was handed on behind it.
    head: Option<(usize, usize)>,
    parts: Option<Parts<'a>>,
}

impl<'a> Encoder<'a> {
    /// Appends to `out` the samples and families of these names; all of them, if there is none that is not empty.
    pub(crate) fn new(format: Format, names: &[&'a str], out: &'a mut Vec<u8>) -> Self {
        Self {
            format,
            filter: Filter::named(names),
            samples: Samples::new(format == Format::OpenMetrics100),
            start: out.len(),
            margin: MARGIN,
            head: None,
            out,
            kind: FamilyType::Untyped,
            parts: None,
        }
    }

    /// Hands the page on part by part, instead of leaving it in `out`, which should be empty.
    pub(crate) fn in_parts(mut self, take: &'a mut dyn FnMut(&[u8])) -> Self {
        self.out.reserve(2 * PART);
        self.parts = Some(Parts(take));
        self
    }

    /// Hands on what was written, if it is a part, or the rest.
    fn hand_on(&mut self, least: usize) {
        if self.out.len() >= least
            && let Some(Parts(take)) = &mut self.parts
        {
            take(self.out);
            self.out.clear();
            self.head = None;
        }
    }

    /// So much more will come behind the page of a snapshot.
    pub(crate) fn leave_room(&mut self, bytes: usize) {
        self.margin += bytes;
    }

    /// Appends families.
    pub(crate) fn families(&mut self, families: &[Family]) {
        for family in families {
            self.family(Head {
                all_counts: all_counts(family),
                ..Head::of(family)
            });
            for child in &family.children {
                self.child(&child.labels, &child.value);
            }
        }
    }

    fn child(&mut self, labels: &Labels, value: &ChildValue) {
        self.write(labels, value);
        self.hand_on(PART);
    }

    /// Appends the lines of a child, if its value fits its family.
    fn write(&mut self, labels: &Labels, value: &ChildValue) {
        use FamilyType::{Counter, Gauge, Histogram, Summary, Untyped};
        match (value, self.kind) {
            (ChildValue::Int(value), Counter | Gauge | Untyped) => {
                self.samples.int(labels, *value, self.out);
            }
            (ChildValue::Float(value), Counter | Gauge | Untyped) => {
                self.samples.float(labels, *value, self.out);
            }
            (ChildValue::Histogram(histogram), Histogram) => {
                let value = HistogramView::of(histogram);
                self.samples.histogram(labels, value, self.out);
            }
            (
                ChildValue::Summary {
                    quantiles,
                    sum,
                    count,
                },
                Summary,
            ) => {
                let totals = (*count, *sum);
                self.samples.summary(labels, quantiles, totals, self.out);
            }
            (
                ChildValue::Timestamped {
                    value,
                    milliseconds,
                },
                _,
            ) => {
                let start = self.out.len();
                self.write(labels, value);
                add_timestamps(self.out, start, &self.format.timestamp(*milliseconds));
            }
            _ => {}
        }
    }

    /// Whether a child may have a plain number.
    fn takes_numbers(&self) -> bool {
        use FamilyType::{Counter, Gauge, Untyped};
        matches!(self.kind, Counter | Gauge | Untyped)
    }

    /// Takes back the head of a family that has no sample.
    fn end_family(&mut self) {
        if let Some((start, end)) = self.head
            && self.out.len() == end
        {
            self.out.truncate(start);
        }
    }

    /// Ends the page.
    pub(crate) fn finish(mut self) {
        self.end_family();
        if self.format == Format::OpenMetrics100 {
            self.out.extend_from_slice(openmetrics::END);
        }
        self.hand_on(0);
    }
}

impl Visitor for Encoder<'_> {
    fn family(&mut self, head: Head<'_>) {
        self.end_family();
        let wanted = self.filter.of(&head, self.format);
        self.samples.begin(head.name, wanted);
        self.kind = head.kind;
        let start = self.out.len();
        match self.format {
            Format::Text004 => text::write_head(&head, self.out),
            Format::OpenMetrics100 => openmetrics::write_head(&head, self.out),
        }
        self.head = Some((start, self.out.len()));
    }

    fn int(&mut self, labels: &Labels, value: u64) {
        if self.takes_numbers() {
            self.samples.int(labels, value, self.out);
            self.hand_on(PART);
        }
    }

    fn float(&mut self, labels: &Labels, value: f64) {
        if self.takes_numbers() {
            self.samples.float(labels, value, self.out);
            self.hand_on(PART);
        }
    }

    fn histogram(&mut self, labels: &Labels, value: HistogramView<'_>) {
        if self.kind == FamilyType::Histogram {
            self.samples.histogram(labels, value, self.out);
            self.hand_on(PART);
        }
    }

    fn wants_room(&self) -> bool {
        self.filter.is_open() && self.parts.is_none()
    }

    fn reserve(&mut self, bytes: usize) {
        self.out.reserve(bytes + self.margin);
    }

    fn written(&self) -> usize {
        self.out.len() - self.start
    }
}

fn all_counts(family: &Family) -> bool {
    family.children.iter().all(|child| is_count(&child.value))
}

fn is_count(value: &ChildValue) -> bool {
    match value {
        ChildValue::Float(value) => *value >= 0.0,
        ChildValue::Timestamped { value, .. } => is_count(value),
        _ => true,
    }
}
