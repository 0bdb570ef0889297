//! Sample lines: the same in every format.

use super::buckets::Buckets;
use super::filter::OfFamily;
use super::number::{bound, push_float, put_float, put_int};
use crate::data::chunks::{CHUNK, Chunk, Padded, push};
use crate::data::exemplar::KeptExemplar;
use crate::data::family::{Label, Labels};
use crate::data::labels::push_pair;
use crate::data::visit::HistogramView;

/// Writes the sample lines of one family after the other. Keeps its buffers.
#[derive(Debug, Default)]
pub(super) struct Samples {
    buckets: Buckets,
    plain: Start,
    count: Start,
    sum: Start,
    with_exemplars: bool,
}

/// What the lines of a sample begin with, if they are wanted.
#[derive(Debug, Default)]
struct Start {
    is_wanted: bool,
    /// With the brace before labels.
    text: Padded,
}

impl Start {
    fn set(&mut self, name: &str, suffix: &str, filter: OfFamily<'_>) {
        self.is_wanted = filter.wants(name, suffix);
        self.text.set(&[name.as_bytes(), suffix.as_bytes(), b"{"]);
    }

    /// Appends a line, if it is wanted.
    #[inline]
    fn line(&self, labels: &Labels, value: impl FnOnce(&mut Chunk) -> usize, out: &mut Vec<u8>) {
        if !self.is_wanted {
            return;
        }
        self.text.push_to(out);
        if labels.is_empty() {
            out.pop();
        } else {
            let (chunks, length) = labels.chunks();
            push(out, chunks, length);
            out.push(b'}');
        }
        let mut end = [b'\n'; CHUNK];
        end[0] = b' ';
        let length = value(&mut end);
        push(out, &[end], length + 2);
    }
}

impl Samples {
    /// Exemplars stand behind buckets of one format only.
    pub(super) fn new(with_exemplars: bool) -> Self {
        Self {
            with_exemplars,
            ..Self::default()
        }
    }

    /// The lines to come are those of this family.
    pub(super) fn begin(&mut self, name: &str, filter: OfFamily<'_>) {
        self.plain.set(name, "", filter);
        self.count.set(name, "_count", filter);
        self.sum.set(name, "_sum", filter);
        self.buckets.begin(name, filter);
    }

    pub(super) fn int(&self, labels: &Labels, value: u64, out: &mut Vec<u8>) {
        self.plain
            .line(labels, |to| put_int(&mut to[1..], value), out);
    }

    pub(super) fn float(&self, labels: &Labels, value: f64, out: &mut Vec<u8>) {
        self.plain
            .line(labels, |to| put_float(&mut to[1..], value), out);
    }

    pub(super) fn histogram(
        &mut self,
        labels: &Labels,
        value: HistogramView<'_>,
        out: &mut Vec<u8>,
    ) {
        let has_sum = value.bounds.first().is_none_or(|first| *first >= 0.0);
        let count = self.bucket_lines(labels, value, out);
        if has_sum {
            self.totals(labels, count, value.sum, out);
        }
    }

    /// Appends the bucket lines; gives the count.
    fn bucket_lines(
        &mut self,
        labels: &Labels,
        value: HistogramView<'_>,
        out: &mut Vec<u8>,
    ) -> u64 {
        let start = out.len();
        let count = self.buckets.write(labels, value, out);
        if self.with_exemplars && value.exemplars().next().is_some() {
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
        for (quantile, value) in quantiles {
            if (0.0..=1.0).contains(quantile) && (*value >= 0.0 || value.is_nan()) {
                self.float(&with_quantile(labels, *quantile), *value, out);
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
        self.count
            .line(labels, |to| put_int(&mut to[1..], count), out);
        self.sum
            .line(labels, |to| put_float(&mut to[1..], sum), out);
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

/// Puts a timestamp at the ends of the lines that begin at `start`. These have no exemplars: what brings timestamps has none.
pub(super) fn add_timestamps(out: &mut Vec<u8>, start: usize, timestamp: &str) {
    let lines = out.split_off(start);
    for line in lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        out.extend_from_slice(line);
        out.push(b' ');
        out.extend_from_slice(timestamp.as_bytes());
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
