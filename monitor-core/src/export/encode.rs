//! The encoder: a visitor that writes families as bytes, in one pass into one buffer.
//!
//! A format is a variant of [`Format`] with its content type; beside it only `monitor-server`'s `negotiate` names
//! formats. An [`Encoder`] is one of two visitors: that of the text formats, which stands here, or that of messages
//! ([`MessageEncoder`]). Which of them is asked once a page, so that neither pays for the other.
//!
//! Both text formats have the same sample lines; they differ in a family's head, in exemplars and timestamps, and in the
//! last line. A line is `start` (the sample's name), labels and number. The start is rendered once a family and the labels once for all pages ([`Labels`]), both
//! padded to whole chunks, so that a line is a few copies of fixed size. Bucket lines, most of a page, are
//! `bucket_lines`' own.

use crate::data::family::{
    ChildValue, Family, FamilyType, HistogramView, Label, Labels, ValueView, Visitor,
};
use crate::data::labels::{CHUNK, KeptExemplar, Padded, push, push_escaped, push_pair};
use crate::data::name::openmetrics_name;
use crate::export::bucket_lines::{BucketLines, bound, push_float, put_float, put_int};
use crate::export::protobuf::MessageEncoder;

/// A format of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Format {
    /// The Prometheus text format 0.0.4.
    #[default]
    Text004,
    /// `OpenMetrics` 1.0.0.
    OpenMetrics100,
    /// Messages `io.prometheus.client.MetricFamily` of Protocol Buffers, each with its length before it. The only format
    /// with native histograms and with start times.
    Protobuf,
}

impl Format {
    /// The value of the header `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text004 => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics100 => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        }
    }
}

/// Appends the page of these families to `out`.
///
/// Expects families as [`families`](crate::names::families) and [`merge`](crate::collector::merge) return them: valid
/// names, no two families that clash, no series twice. A family without children is left out, as is a child whose value
/// does not fit its family's type.
///
/// # Examples
///
/// ```
/// use monitor_core::exposition::{Format, encode};
/// use monitor_core::family::{Child, ChildValue, Family, FamilyType};
///
/// let family = Family {
///     name: "started_total".into(),
///     help: "Started tasks.".into(),
///     kind: FamilyType::Counter,
///     unit: None,
///     children: vec![Child::new([], ChildValue::Int(4))],
/// };
/// let mut page = Vec::new();
/// encode(&[family], Format::OpenMetrics100, &mut page);
/// assert_eq!(page, b"# HELP started Started tasks.\n# TYPE started counter\nstarted_total 4\n# EOF\n");
/// ```
pub fn encode(families: &[Family], format: Format, out: &mut Vec<u8>) {
    encode_named(families, &[], format, out);
}

/// Appends the page of those samples whose full name is one of `names`; in `OpenMetrics` also of those whose family's
/// name is, and in protobuf every family one of whose names is.
///
/// `started_total` selects that counter in both formats, `x_bucket` and `x_count` just these samples of a histogram. In
/// `OpenMetrics` `started` selects the counter too, which is the family's name there, and `x` all of the histogram; the
/// text format selects by samples alone, as the original does. In protobuf any of these names selects the whole family:
/// a message has no samples to leave out. Empty names are passed over; where no other is left, every sample is written.
/// A family that keeps no sample is left out, so the page may be empty (`# EOF` alone in `OpenMetrics`).
pub fn encode_named(families: &[Family], names: &[&str], format: Format, out: &mut Vec<u8>) {
    Encoder::new(format, names, out).write(families);
}

/// Takes a page part by part.
pub(super) type TakePart<'a> = &'a mut dyn FnMut(&[u8]);

/// Writes a page in one of the formats.
#[expect(
    clippy::large_enum_variant,
    reason = "one is made a page, and it is never moved to the heap"
)]
pub(crate) enum Encoder<'a> {
    Text(TextEncoder<'a>),
    Protobuf(MessageEncoder<'a>),
}

impl<'a> Encoder<'a> {
    /// Appends to `out` the samples and families of these names; all of them, if there is none that is not empty:
    /// `name[]=` asks for nothing.
    pub(crate) fn new(format: Format, names: &[&'a str], out: &'a mut Vec<u8>) -> Self {
        let names = names.iter().copied().filter(|name| !name.is_empty());
        let names = names.collect();
        match format {
            Format::Text004 => Self::Text(TextEncoder::new(TextFormat::Text004, names, out)),
            Format::OpenMetrics100 => {
                Self::Text(TextEncoder::new(TextFormat::OpenMetrics100, names, out))
            }
            Format::Protobuf => Self::Protobuf(MessageEncoder::new(names, out)),
        }
    }

    /// Hands the page on in parts of whole lines, or of whole families where these are messages, each of some more bytes
    /// than `least`, instead of leaving it in `out`, which should be empty.
    pub(crate) fn in_parts(self, least: usize, take: TakePart<'a>) -> Self {
        match self {
            Self::Text(encoder) => Self::Text(encoder.in_parts(least, take)),
            Self::Protobuf(encoder) => Self::Protobuf(encoder.in_parts(least, take)),
        }
    }

    /// Appends families, and ends the page.
    pub(crate) fn write(self, families: &[Family]) {
        match self {
            Self::Text(encoder) => encoder.write(families),
            Self::Protobuf(encoder) => encoder.write(families),
        }
    }
}

/// A format of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TextFormat {
    Text004,
    OpenMetrics100,
}

impl TextFormat {
    /// A time after 1970 as a sample's timestamp: milliseconds in the text format, seconds in `OpenMetrics`.
    fn timestamp(self, milliseconds: i64) -> String {
        match self {
            Self::Text004 => milliseconds.to_string(),
            Self::OpenMetrics100 => {
                format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000)
            }
        }
    }
}

/// Writes a page of lines.
pub(crate) struct TextEncoder<'a> {
    format: TextFormat,
    /// The samples and families wanted; none is all.
    names: Vec<&'a str>,
    out: &'a mut Vec<u8>,
    /// Takes the page part by part, of at least so many bytes.
    take: Option<(usize, TakePart<'a>)>,
    /// The type of the family whose children come now.
    kind: FamilyType,
    /// Where its head begins and ends; `None` once a part was handed on behind it.
    head: Option<(usize, usize)>,
    plain: LineStart,
    count: LineStart,
    sum: LineStart,
    buckets: BucketLines,
}

impl<'a> TextEncoder<'a> {
    fn new(format: TextFormat, names: Vec<&'a str>, out: &'a mut Vec<u8>) -> Self {
        Self {
            format,
            names,
            out,
            take: None,
            kind: FamilyType::Untyped,
            head: None,
            plain: LineStart::default(),
            count: LineStart::default(),
            sum: LineStart::default(),
            buckets: BucketLines::default(),
        }
    }

    fn in_parts(mut self, least: usize, take: TakePart<'a>) -> Self {
        self.out.reserve(2 * least);
        self.take = Some((least, take));
        self
    }

    /// Hands on the written lines, if they are a whole part, or the rest. A family's head waits for its first sample,
    /// as it is taken back where there is none.
    #[inline]
    fn hand_on(&mut self, is_rest: bool) {
        if let Some((least, take)) = &mut self.take
            && (is_rest
                || self.out.len() >= *least
                    && self.head.is_none_or(|(_, end)| self.out.len() > end))
        {
            take(self.out);
            self.out.clear();
            self.head = None;
        }
    }

    fn write(mut self, families: &[Family]) {
        for family in families {
            self.family(family);
            for child in &family.children {
                self.owned_value(&child.labels, &child.value);
                self.hand_on(false);
            }
        }
        self.end_family();
        if self.format == TextFormat::OpenMetrics100 {
            self.out.extend_from_slice(b"# EOF\n");
        }
        self.hand_on(true);
    }

    /// Takes back the head of a family that has no sample.
    fn end_family(&mut self) {
        if let Some((start, end)) = self.head
            && self.out.len() == end
        {
            self.out.truncate(start);
        }
    }

    /// Appends the family's `# HELP`, unless there is no text, its `# TYPE`, and in `OpenMetrics` its `# UNIT` where
    /// its name ends in it.
    fn write_head(&mut self, family: &Family) {
        let is_open = self.format == TextFormat::OpenMetrics100;
        let base = openmetrics_name(&family.name, family.kind);
        let mut name = &*family.name;
        // `prometheus_client` refuses a page in the text format with a counter whose name is nothing without `_total`.
        // In `OpenMetrics` a counter is one only if its samples can be called `<name>_total` and are counts: a user's
        // registry may hold others, which are typed `unknown` under their own name, as `client_golang` does.
        let is_counter = match self.format {
            TextFormat::Text004 => name != "_total",
            TextFormat::OpenMetrics100 => base.len() < name.len() && are_counts(family),
        };
        let kind = match family.kind {
            FamilyType::Counter if is_counter => "counter",
            FamilyType::Gauge => "gauge",
            FamilyType::Histogram => "histogram",
            FamilyType::Summary => "summary",
            FamilyType::Counter | FamilyType::Untyped if is_open => "unknown",
            FamilyType::Counter | FamilyType::Untyped => "untyped",
        };
        if is_open && is_counter {
            name = base;
        }
        let special: &[u8] = if is_open { b"\\\n\"" } else { b"\\\n" };
        if !family.help.is_empty() {
            self.push_all(&["# HELP ", name, " "]);
            push_escaped(self.out, &family.help, special);
            self.out.push(b'\n');
        }
        self.push_all(&["# TYPE ", name, " ", kind, "\n"]);
        if let Some(unit) = family
            .unit
            .filter(|unit| is_open && ends_in_unit(name, unit))
        {
            self.push_all(&["# UNIT ", name, " ", unit, "\n"]);
        }
    }

    fn push_all(&mut self, parts: &[&str]) {
        for part in parts {
            self.out.extend_from_slice(part.as_bytes());
        }
    }

    /// Appends the lines of a child, if its value fits its family.
    #[inline]
    fn value(&mut self, labels: &Labels, value: ValueView<'_>) {
        let takes_numbers = self.kind.has_plain_samples();
        match value {
            ValueView::Int(value) if takes_numbers => {
                self.plain.line(labels, |to| put_int(to, value), self.out);
            }
            ValueView::Float(value) if takes_numbers => self.plain.float(labels, value, self.out),
            ValueView::Histogram(value) if self.kind == FamilyType::Histogram => {
                self.histogram(labels, value);
            }
            _ => {}
        }
    }

    /// The same for a value as a family holds it.
    fn owned_value(&mut self, labels: &Labels, value: &ChildValue) {
        match value {
            ChildValue::Summary {
                quantiles,
                sum,
                count,
            } if self.kind == FamilyType::Summary => {
                for (quantile, value) in quantiles {
                    if is_quantile(*quantile, *value) {
                        let labels = with_quantile(labels, *quantile);
                        self.plain.float(&labels, *value, self.out);
                    }
                }
                self.totals(labels, *count, *sum);
            }
            ChildValue::Timestamped {
                value,
                milliseconds,
            } => {
                let start = self.out.len();
                self.owned_value(labels, value);
                let timestamp = self.format.timestamp(*milliseconds);
                // These lines have no exemplars: no source of timestamps has any.
                append_to_lines(self.out, start, |_, out| {
                    out.push(b' ');
                    out.extend_from_slice(timestamp.as_bytes());
                });
            }
            _ => {
                if let Some(value) = value.view() {
                    self.value(labels, value);
                }
            }
        }
    }

    fn histogram(&mut self, labels: &Labels, value: HistogramView<'_>) {
        let start = self.out.len();
        let count = self.buckets.write(labels, value, self.out);
        let mut exemplars = value.exemplars().peekable();
        if self.format == TextFormat::OpenMetrics100 && exemplars.peek().is_some() {
            append_to_lines(self.out, start, |at, out| {
                if let Some((_, kept)) = exemplars.next_if(|(bucket, _)| *bucket == at) {
                    push_exemplar(out, kept);
                }
            });
        }
        if value.bounds().first().is_none_or(|first| *first >= 0.0) {
            self.totals(labels, count, value.sum());
        }
    }

    /// Appends `_count` and `_sum`, unless the sum is none a counter could have: strict `OpenMetrics` parsers then take
    /// neither.
    fn totals(&mut self, labels: &Labels, count: u64, sum: f64) {
        if sum.is_nan() || sum < 0.0 {
            return;
        }
        self.count.line(labels, |to| put_int(to, count), self.out);
        self.sum.float(labels, sum, self.out);
    }
}

impl Visitor for TextEncoder<'_> {
    fn family(&mut self, family: &Family) {
        self.end_family();
        self.kind = family.kind;
        let name = &*family.name;
        // In the text format a family's name selects nothing of its own, as in the original; in `OpenMetrics` it may be
        // the only name that a reader knows.
        let is_whole = self.names.is_empty()
            || self.format == TextFormat::OpenMetrics100
                && self.names.contains(&openmetrics_name(name, family.kind));
        let wants = |suffix: &str| {
            let mut names = self.names.iter();
            is_whole || names.any(|wanted| wanted.strip_prefix(name) == Some(suffix))
        };
        self.plain.set(name, "", wants(""));
        self.count.set(name, "_count", wants("_count"));
        self.sum.set(name, "_sum", wants("_sum"));
        self.buckets.begin(name, wants("_bucket"));
        let start = self.out.len();
        self.write_head(family);
        self.head = Some((start, self.out.len()));
    }

    #[inline]
    fn child(&mut self, labels: &Labels, value: ValueView<'_>) {
        self.value(labels, value);
        self.hand_on(false);
    }
}

/// The beginning of a sample's lines, if they are wanted.
#[derive(Debug, Default)]
struct LineStart {
    is_wanted: bool,
    /// With the brace before labels.
    text: Padded,
}

impl LineStart {
    fn set(&mut self, name: &str, suffix: &str, is_wanted: bool) {
        self.is_wanted = is_wanted;
        self.text.set(&[name.as_bytes(), suffix.as_bytes(), b"{"]);
    }

    /// Appends a line, if it is wanted.
    #[inline]
    fn line(&self, labels: &Labels, value: impl FnOnce(&mut [u8]) -> usize, out: &mut Vec<u8>) {
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
        let length = value(&mut end[1..]);
        push(out, &[end], length + 2);
    }

    fn float(&self, labels: &Labels, value: f64, out: &mut Vec<u8>) {
        self.line(labels, |to| put_float(to, value), out);
    }
}

/// Appends to each line from `start` on the text that `ending` writes for it.
fn append_to_lines(out: &mut Vec<u8>, start: usize, mut ending: impl FnMut(usize, &mut Vec<u8>)) {
    let lines = out.split_off(start);
    let lines = lines.split_inclusive(|byte| *byte == b'\n');
    for (at, line) in lines.enumerate() {
        out.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
        ending(at, out);
        out.push(b'\n');
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

/// Whether a quantile can stand on a page: no parser of `OpenMetrics` takes others.
pub(super) fn is_quantile(quantile: f64, value: f64) -> bool {
    (0.0..=1.0).contains(&quantile) && (value >= 0.0 || value.is_nan())
}

/// Whether a name ends in a unit, as readers ask of a family that has one.
pub(super) fn ends_in_unit(name: &str, unit: &str) -> bool {
    name.strip_suffix(unit)
        .is_some_and(|rest| rest.ends_with('_'))
}

fn with_quantile(labels: &Labels, quantile: f64) -> Labels {
    let label = Label::new("quantile", bound(quantile));
    let mut labels = labels.to_vec();
    let at = labels.partition_point(|label| &*label.name < "quantile");
    labels.insert(at, label);
    labels.into()
}

/// Whether no value of a family is negative or NaN, as a counter's must be.
fn are_counts(family: &Family) -> bool {
    fn is_count(value: &ChildValue) -> bool {
        match value {
            ChildValue::Float(value) => *value >= 0.0,
            ChildValue::Timestamped { value, .. } => is_count(value),
            _ => true,
        }
    }
    let mut children = family.children.iter();
    children.all(|child| is_count(&child.value))
}

#[cfg(test)]
pub(crate) mod tests;
