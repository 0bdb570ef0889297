//! Sample lines: the same in every format.

use std::sync::Arc;

use super::filter::Filter;
use super::number::{bound, push_float, push_int};
use crate::family::{Child, ChildValue, Family, FamilyType, Histogram, Label, Labels};

/// Digits of the greatest count, and the end of the line.
const LONGEST_COUNT: usize = 21;

/// Writes sample lines. Keeps its buffers from family to family.
#[derive(Debug, Default)]
pub(super) struct Samples {
    /// A bucket line up to its `le`: name and the labels sorted before it.
    before: Vec<u8>,
    /// A bucket line from its `le` to its value.
    after: Vec<u8>,
    bounds: Bounds,
}

/// The `le` labels of the bounds used last, `+Inf` included: most histograms of a page share one set of bounds.
#[derive(Debug, Default)]
struct Bounds {
    of: Option<Arc<[f64]>>,
    labels: Vec<String>,
    /// Bytes of the longest label.
    longest: usize,
}

impl Bounds {
    fn render(&mut self, bounds: &Arc<[f64]>) {
        let is_same = |of: &Arc<[f64]>| Arc::ptr_eq(of, bounds) || **of == **bounds;
        if self.of.as_ref().is_some_and(is_same) {
            return;
        }
        self.of = Some(Arc::clone(bounds));
        let all = bounds.iter().copied().chain([f64::INFINITY]);
        self.labels = all
            .map(|upper| format!("le=\"{}\"", bound(upper)))
            .collect();
        self.longest = self.labels.iter().map(String::len).max().unwrap_or(0);
    }
}

impl Samples {
    /// Appends the lines of all children.
    pub(super) fn write(&mut self, family: &Family, filter: &Filter<'_>, out: &mut Vec<u8>) {
        for child in &family.children {
            match (&child.value, family.kind) {
                (ChildValue::Histogram(histogram), FamilyType::Histogram) => {
                    self.write_histogram(&family.name, child, histogram, filter, out);
                }
                (
                    ChildValue::Summary {
                        quantiles,
                        sum,
                        count,
                    },
                    FamilyType::Summary,
                ) => {
                    write_quantiles(&family.name, child, quantiles, filter, out);
                    write_totals(&family.name, child, *count, *sum, filter, out);
                }
                (
                    ChildValue::Int(value),
                    FamilyType::Counter | FamilyType::Gauge | FamilyType::Untyped,
                ) if filter.wants(&family.name, "") => {
                    push_series(out, &family.name, "", &child.labels);
                    end_line(out, |out| push_int(out, *value));
                }
                (
                    ChildValue::Float(value),
                    FamilyType::Counter | FamilyType::Gauge | FamilyType::Untyped,
                ) if filter.wants(&family.name, "") => {
                    push_series(out, &family.name, "", &child.labels);
                    end_line(out, |out| push_float(out, *value));
                }
                _ => {}
            }
        }
    }

    fn write_histogram(
        &mut self,
        name: &str,
        child: &Child,
        histogram: &Histogram,
        filter: &Filter<'_>,
        out: &mut Vec<u8>,
    ) {
        let count = histogram.count();
        if filter.wants(name, "_bucket") {
            self.write_buckets(name, child, histogram, out);
        }
        if histogram.bounds.first().is_none_or(|first| *first >= 0.0) {
            write_totals(name, child, count, histogram.sum, filter, out);
        }
    }

    /// Appends the bucket lines. What is around `le` is rendered once a child, `le` once for each set of bounds, and a
    /// count that is the one before (few buckets of many are hit) is not formatted again.
    fn write_buckets(
        &mut self,
        name: &str,
        child: &Child,
        histogram: &Histogram,
        out: &mut Vec<u8>,
    ) {
        self.bounds.render(&histogram.bounds);
        self.render_around_le(name, &child.labels);
        let longest = self.before.len() + self.bounds.longest + self.after.len() + LONGEST_COUNT;
        out.reserve(longest * self.bounds.labels.len());
        let mut below = 0;
        let mut digits = itoa::Buffer::new();
        let mut count_text = digits.format(below);
        for (le, count) in self.bounds.labels.iter().zip(&histogram.counts) {
            if *count > 0 {
                below += count;
                count_text = digits.format(below);
            }
            out.extend_from_slice(&self.before);
            out.extend_from_slice(le.as_bytes());
            out.extend_from_slice(&self.after);
            out.extend_from_slice(count_text.as_bytes());
            out.push(b'\n');
        }
    }

    fn render_around_le(&mut self, name: &str, labels: &Labels) {
        let (before, after) = labels.around_le();
        self.before.clear();
        for part in [name.as_bytes(), b"_bucket{", before] {
            self.before.extend_from_slice(part);
        }
        if after.is_empty() && !before.is_empty() {
            self.before.push(b',');
        }
        self.after.clear();
        if !after.is_empty() {
            self.after.push(b',');
            self.after.extend_from_slice(after);
        }
        self.after.extend_from_slice(b"} ");
    }
}

/// Appends `_count` and `_sum`, unless the sum is none a counter could have: strict `OpenMetrics` parsers then take
/// neither.
fn write_totals(
    name: &str,
    child: &Child,
    count: u64,
    sum: f64,
    filter: &Filter<'_>,
    out: &mut Vec<u8>,
) {
    if sum.is_nan() || sum < 0.0 {
        return;
    }
    if filter.wants(name, "_count") {
        push_series(out, name, "_count", &child.labels);
        end_line(out, |out| push_int(out, count));
    }
    if filter.wants(name, "_sum") {
        push_series(out, name, "_sum", &child.labels);
        end_line(out, |out| push_float(out, sum));
    }
}

/// Appends a summary's quantiles; values below 0 are left out, as no `OpenMetrics` parser takes them.
fn write_quantiles(
    name: &str,
    child: &Child,
    quantiles: &[(f64, f64)],
    filter: &Filter<'_>,
    out: &mut Vec<u8>,
) {
    if !filter.wants(name, "") {
        return;
    }
    let at = child
        .labels
        .partition_point(|label| &*label.name < "quantile");
    for (quantile, value) in quantiles {
        if !(0.0..=1.0).contains(quantile) || *value < 0.0 {
            continue;
        }
        let mut labels = child.labels.to_vec();
        labels.insert(
            at,
            Label {
                name: "quantile".into(),
                value: bound(*quantile).into(),
            },
        );
        push_series(out, name, "", &labels.into());
        end_line(out, |out| push_float(out, *value));
    }
}

/// Appends name and labels, and the space before the value.
fn push_series(out: &mut Vec<u8>, name: &str, suffix: &str, labels: &Labels) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(suffix.as_bytes());
    if !labels.is_empty() {
        out.push(b'{');
        out.extend_from_slice(labels.text());
        out.push(b'}');
    }
    out.push(b' ');
}

pub(crate) fn push_label(out: &mut Vec<u8>, label: &Label) {
    out.extend_from_slice(label.name.as_bytes());
    out.extend_from_slice(b"=\"");
    push_escaped(out, &label.value, b"\\\n\"");
    out.push(b'"');
}

fn end_line(out: &mut Vec<u8>, push_value: impl FnOnce(&mut Vec<u8>)) {
    push_value(out);
    out.push(b'\n');
}

/// Appends a text with a backslash before each of the `special` bytes (a newline becomes `\n`).
pub(super) fn push_escaped(out: &mut Vec<u8>, text: &str, special: &[u8]) {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| special.contains(byte)) {
        out.extend_from_slice(&rest[..at]);
        out.push(b'\\');
        out.push(if rest[at] == b'\n' { b'n' } else { rest[at] });
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}
