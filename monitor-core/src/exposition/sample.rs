//! Sample lines: the same in every format.

use super::buckets::Buckets;
use super::filter::Filter;
use super::number::{bound, push_float, push_int};
use crate::exemplar::KeptExemplar;
use crate::family::{Label, Labels};
use crate::names::visit::HistogramView;

/// Writes sample lines. Keeps its buffers from family to family.
#[derive(Debug, Default)]
pub(super) struct Samples {
    buckets: Buckets,
    with_exemplars: bool,
}

/// The writer of one family's lines.
pub(super) struct Named<'a> {
    samples: &'a mut Samples,
    name: &'a str,
    filter: &'a Filter<'a>,
}

impl Samples {
    /// Exemplars stand behind buckets of one format only.
    pub(super) fn new(with_exemplars: bool) -> Self {
        Self {
            with_exemplars,
            ..Self::default()
        }
    }

    /// For the family of this name.
    pub(super) fn named<'a>(&'a mut self, name: &'a str, filter: &'a Filter<'a>) -> Named<'a> {
        Named {
            samples: self,
            name,
            filter,
        }
    }
}

impl Named<'_> {
    pub(super) fn int(&self, labels: &Labels, value: u64, out: &mut Vec<u8>) {
        push_series(out, self.name, "", labels);
        end_line(out, |out| push_int(out, value));
    }

    pub(super) fn float(&self, labels: &Labels, value: f64, out: &mut Vec<u8>) {
        push_series(out, self.name, "", labels);
        end_line(out, |out| push_float(out, value));
    }

    pub(super) fn histogram(
        mut self,
        labels: &Labels,
        value: HistogramView<'_>,
        out: &mut Vec<u8>,
    ) {
        let has_sum = value.bounds.first().is_none_or(|first| *first >= 0.0);
        let count = if self.filter.wants(self.name, "_bucket") {
            self.buckets(labels, value, out)
        } else {
            value.counts().sum()
        };
        if has_sum {
            self.totals(labels, count, value.sum, out);
        }
    }

    /// Appends the bucket lines; gives the count.
    fn buckets(&mut self, labels: &Labels, value: HistogramView<'_>, out: &mut Vec<u8>) -> u64 {
        let start = out.len();
        let count = self.samples.buckets.write(self.name, labels, value, out);
        if self.samples.with_exemplars && value.exemplars().next().is_some() {
            add_exemplars(value, start, out);
        }
        count
    }

    /// Appends a summary's quantiles, sum and count; values below 0 are left out, as no `OpenMetrics` parser takes them.
    pub(super) fn summary(
        &self,
        labels: &Labels,
        quantiles: &[(f64, f64)],
        (count, sum): (u64, f64),
        out: &mut Vec<u8>,
    ) {
        if self.filter.wants(self.name, "") {
            for (quantile, value) in quantiles {
                if (0.0..=1.0).contains(quantile) && (*value >= 0.0 || value.is_nan()) {
                    push_series(out, self.name, "", &with_quantile(labels, *quantile));
                    end_line(out, |out| push_float(out, *value));
                }
            }
        }
        self.totals(labels, count, sum, out);
    }

    /// Appends `_count` and `_sum`, unless the sum is none a counter could have: strict `OpenMetrics` parsers then take
    /// neither.
    fn totals(&self, labels: &Labels, count: u64, sum: f64, out: &mut Vec<u8>) {
        if sum.is_nan() || sum < 0.0 {
            return;
        }
        if self.filter.wants(self.name, "_count") {
            push_series(out, self.name, "_count", labels);
            end_line(out, |out| push_int(out, count));
        }
        if self.filter.wants(self.name, "_sum") {
            push_series(out, self.name, "_sum", labels);
            end_line(out, |out| push_float(out, sum));
        }
    }
}

/// Appends ` # {labels} value timestamp`.
fn push_exemplar(out: &mut Vec<u8>, kept: &KeptExemplar) {
    out.extend_from_slice(b" # {");
    for (at, (name, value)) in kept.exemplar.labels().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push_pair(out, name, value);
    }
    out.extend_from_slice(b"} ");
    push_float(out, kept.seconds);
    out.push(b' ');
    push_float(out, kept.at);
}

/// Puts exemplars at the ends of the bucket lines that begin at `start`.
fn add_exemplars(value: HistogramView<'_>, start: usize, out: &mut Vec<u8>) {
    let lines = out.split_off(start);
    let mut exemplars = value.exemplars().peekable();
    for (at, line) in lines.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let Some(kept) = exemplars.next_if(|kept| kept.bucket == at) else {
            out.extend_from_slice(line);
            continue;
        };
        out.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
        push_exemplar(out, kept);
        out.push(b'\n');
    }
}

fn with_quantile(labels: &Labels, quantile: f64) -> Labels {
    let label = Label {
        name: "quantile".into(),
        value: bound(quantile).into(),
    };
    let mut labels = labels.to_vec();
    let at = labels.partition_point(|label| &*label.name < "quantile");
    labels.insert(at, label);
    labels.into()
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
    push_pair(out, &label.name, &label.value);
}

fn push_pair(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"=\"");
    push_escaped(out, value, b"\\\n\"");
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
