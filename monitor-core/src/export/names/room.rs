//! How much room a page needs: so that what it is written into need not grow, which for a moment takes twice the room.

use crate::data::family::{ChildValue, Family, Labels};
use crate::data::snapshot::Snapshot;
use crate::data::visit::{Head, HistogramView, Visitor};
use crate::export::exposition::le_length;

/// Longest number there is in a sample.
const NUMBER: usize = 24;

/// What a line has beside name, labels and value: braces, a space, a newline; the longest suffix; a comma.
const AROUND: usize = 4 + "_bucket".len() + 1;

/// A summary's own label, its value aside.
const QUANTILE: usize = ",quantile=\"\"".len();

/// What the head of a family has beside two names, help and unit: keywords, spaces, newlines, the longest type.
const HEAD: usize = 64;

/// What mostly decides about the length of a page. Pages of one storage and one shape differ by the digits of their numbers, or
/// by labels that came and went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape([usize; 8]);

impl Shape {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let values = &snapshot.values;
        let of_calls = snapshot.methods_on_page();
        let of_calls = of_calls.map(|one| one.values.len() + usize::from(one.duration.is_some()));
        Self([
            snapshot.methods_on_page().count(),
            snapshot.error_types.len(),
            snapshot.statuses.len() + snapshot.method_statuses.len(),
            values.entries.len(),
            values.histograms.len(),
            values.means.len(),
            values.metrics.len(),
            of_calls.sum(),
        ])
    }
}

/// The size of the last page, by its shape.
#[derive(Debug, Default)]
pub(super) struct LastPage(Option<(Shape, usize)>);

impl LastPage {
    pub(super) fn note(&mut self, shape: Shape, bytes: usize) {
        self.0 = Some((shape, bytes));
    }

    /// Room for a page of this shape, if there was one: with some for numbers that have grown.
    pub(super) fn room(&self, shape: Shape) -> Option<usize> {
        let (_, bytes) = self.0.filter(|(known, _)| *known == shape)?;
        Some(bytes + bytes / 16)
    }
}

/// Adds up what the lines of a page take at most.
#[derive(Debug, Default)]
pub(super) struct Room {
    pub(super) bytes: usize,
    name: usize,
}

impl Room {
    fn child(&mut self, labels: &Labels, value: &ChildValue) {
        match value {
            ChildValue::Int(value) => self.int(labels, *value),
            ChildValue::Float(value) => self.float(labels, *value),
            ChildValue::Histogram(value) => self.histogram(labels, HistogramView::of(value)),
            ChildValue::Summary { quantiles, .. } => {
                let lines = quantiles.len() + 2;
                (0..lines).for_each(|_| self.line(labels, 2 * NUMBER + QUANTILE));
            }
            ChildValue::Timestamped { value, .. } => {
                self.bytes += lines_of(value) * (NUMBER + 1);
                self.child(labels, value);
            }
        }
    }

    fn line(&mut self, labels: &Labels, number: usize) {
        self.bytes += self.name + labels.chunks().1 + number + AROUND;
    }
}

impl Visitor for Room {
    fn family(&mut self, head: Head<'_>) {
        self.name = head.name.len();
        let unit = head.unit.map_or(0, |unit| self.name + unit.len());
        // Each byte of the help text may get a backslash.
        self.bytes += 2 * self.name + 2 * head.help.len() + unit + HEAD;
    }

    fn int(&mut self, labels: &Labels, value: u64) {
        self.line(labels, digits(value));
    }

    fn float(&mut self, labels: &Labels, _: f64) {
        self.line(labels, NUMBER);
    }

    fn histogram(&mut self, labels: &Labels, value: HistogramView<'_>) {
        let count = digits(value.counts().sum());
        let lines = value.bounds.len() + 1;
        self.bytes += lines * (self.name + labels.chunks().1 + count + AROUND);
        self.bytes += le_length(value.bounds);
        self.line(labels, count);
        self.line(labels, NUMBER);
    }
}

/// Room for families that are written behind a snapshot's page.
pub(crate) fn room_for(families: &[Family]) -> usize {
    let mut room = Room::default();
    for family in families {
        room.family(Head::of(family));
        for child in &family.children {
            room.child(&child.labels, &child.value);
        }
    }
    room.bytes
}

/// How many lines a value has at most.
fn lines_of(value: &ChildValue) -> usize {
    match value {
        ChildValue::Int(_) | ChildValue::Float(_) => 1,
        ChildValue::Histogram(value) => value.counts.len() + 2,
        ChildValue::Summary { quantiles, .. } => quantiles.len() + 2,
        ChildValue::Timestamped { value, .. } => lines_of(value),
    }
}

fn digits(value: u64) -> usize {
    value.checked_ilog10().unwrap_or_default() as usize + 1
}
