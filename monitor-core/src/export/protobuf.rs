//! The encoder of messages: a visitor that writes families as `io.prometheus.client.MetricFamily`, delimited.
//!
//! The numbers of fields are those of `metrics.proto` in the repository `prometheus/client_model`; the wire format is
//! that of <https://protobuf.dev/programming-guides/encoding>. Messages are written by hand: there are ten of them, none
//! is read here, and a page is written in one pass without an object for each sample.
//!
//! # Lengths
//!
//! The length of a message stands before it. A child's value is written to a buffer of its own, whose length is known
//! when it is copied to the page. A family is written behind room for the longest length, and moved up when it ends. So
//! a page is handed on in whole families; a large one's length goes before it as a part of its own, and it stays where
//! it is.
//!
//! # Contents
//!
//! Names, labels, types and values are those of the text format 0.0.4. Fields are written even where they are zero, as
//! readers that use one object for many messages may find the value of the one before in its place. A histogram has its
//! classic buckets and, where it has native ones, both: the reader chooses. Native buckets are written from the first
//! to the last of a span; a gap of up to two empty ones does not end a span, as a new one takes more bytes (the
//! specification of native histograms, "Spans"). Those that do not add up to the count are left out: Prometheus refuses
//! the whole page for such a histogram. So it does where some histograms of a message have native buckets and others have
//! not: such a family is written as several messages of the same head, one for each run of children that are alike.

use crate::base::clock::to_f64;
use crate::data::family::{
    ChildValue, Family, FamilyType, HistogramView, Labels, NativeBuckets, ValueView, Visitor,
};
use crate::data::labels::KeptExemplar;
use crate::data::name::openmetrics_name;
use crate::export::encode::{TakePart, ends_in_unit, is_quantile};

/// Bytes of the longest length of a family: 2^35, which no page has.
const LENGTH_ROOM: usize = 5;

/// Empty buckets that a span may bridge.
const BRIDGED: i64 = 2;

/// Writes a page of messages.
pub(crate) struct MessageEncoder<'a> {
    /// The families wanted, by their name or a sample's; none is all.
    names: Vec<&'a str>,
    out: &'a mut Vec<u8>,
    /// Takes the page part by part, of at least so many bytes.
    take: Option<(usize, TakePart<'a>)>,
    /// The family whose children come now, if it is wanted.
    family: Option<FamilyMessage>,
    /// The fields before its children.
    head: Vec<u8>,
    /// The start time of the children to come, as a message; empty if there is none.
    started: Vec<u8>,
    /// The message of a child's value.
    value: Vec<u8>,
    /// Another one inside of it.
    inner: Vec<u8>,
}

/// A family on its way to the page.
#[derive(Debug, Clone, Copy)]
struct FamilyMessage {
    kind: FamilyType,
    /// Whether its histograms have native buckets; `None` before the first.
    is_native: Option<bool>,
    /// Where the room for its length begins.
    start: usize,
    /// Where its first child begins.
    children: usize,
}

impl<'a> MessageEncoder<'a> {
    pub(super) fn new(names: Vec<&'a str>, out: &'a mut Vec<u8>) -> Self {
        Self {
            names,
            out,
            take: None,
            family: None,
            head: Vec::new(),
            started: Vec::new(),
            value: Vec::new(),
            inner: Vec::new(),
        }
    }

    pub(super) fn in_parts(mut self, least: usize, take: TakePart<'a>) -> Self {
        self.take = Some((least, take));
        self
    }

    pub(super) fn write(mut self, families: &[Family]) {
        for family in families {
            self.family(family);
            for child in &family.children {
                self.started(child.started);
                self.owned_value(&child.labels, &child.value, None);
            }
        }
        self.end_family();
        self.hand_on(1);
    }

    /// Hands on the written families, if they are so many bytes.
    fn hand_on(&mut self, least: usize) {
        if let Some((_, take)) = &mut self.take
            && self.out.len() >= least
        {
            take(self.out);
            self.out.clear();
        }
    }

    /// Puts the length before the family; takes back one that has no child.
    fn end_family(&mut self) {
        let Some(family) = self.family.take() else {
            return;
        };
        let end = self.out.len();
        if end == family.children {
            self.out.truncate(family.start);
            return;
        }
        let message = family.start + LENGTH_ROOM;
        let mut length = [0; MAX_VARINT];
        let bytes = put_varint(&mut length, size(end - message));
        if let Some((least, take)) = &mut self.take
            && end - message >= *least
        {
            // Large enough for a part of its own: nothing has to move.
            take(&self.out[..family.start]);
            take(&length[..bytes]);
            take(&self.out[message..]);
            self.out.clear();
            return;
        }
        let place = family.start..family.start + bytes;
        self.out.copy_within(message..end, place.end);
        self.out[place].copy_from_slice(&length[..bytes]);
        self.out.truncate(end - (LENGTH_ROOM - bytes));
        if let Some((least, _)) = self.take {
            self.hand_on(least);
        }
    }

    /// Whether one of the wanted names is the family's, or a sample's of it.
    fn is_wanted(&self, family: &Family) -> bool {
        let suffixes: &[&str] = match family.kind {
            FamilyType::Histogram => &["", "_bucket", "_count", "_sum"],
            FamilyType::Summary => &["", "_count", "_sum"],
            _ => &[""],
        };
        let name = &*family.name;
        let is_named = |wanted: &&str| {
            *wanted == openmetrics_name(name, family.kind)
                || wanted
                    .strip_prefix(name)
                    .is_some_and(|suffix| suffixes.contains(&suffix))
        };
        self.names.is_empty() || self.names.iter().any(is_named)
    }

    /// Appends a child, if its value fits its family.
    fn value(&mut self, labels: &Labels, value: ValueView<'_>, milliseconds: Option<i64>) {
        let Some(family) = self.family else { return };
        let takes_numbers = family.kind.has_plain_samples();
        match value {
            ValueView::Int(value) if takes_numbers => self.number(family.kind, to_f64(value)),
            ValueView::Float(value) if takes_numbers => self.number(family.kind, value),
            ValueView::Histogram(value) if family.kind == FamilyType::Histogram => {
                let is_native = self.histogram(value);
                self.part_from(family, is_native);
            }
            _ => return,
        }
        self.metric(family.kind, labels, milliseconds);
    }

    /// The same for a value as a family holds it.
    fn owned_value(&mut self, labels: &Labels, value: &ChildValue, milliseconds: Option<i64>) {
        match value {
            ChildValue::Timestamped {
                value,
                milliseconds,
            } => self.owned_value(labels, value, Some(*milliseconds)),
            ChildValue::Summary {
                quantiles,
                sum,
                count,
            } => {
                let kind = self.family.map(|family| family.kind);
                if kind == Some(FamilyType::Summary) {
                    self.summary(quantiles, *sum, *count);
                    self.metric(FamilyType::Summary, labels, milliseconds);
                }
            }
            _ => {
                if let Some(value) = value.view() {
                    self.value(labels, value, milliseconds);
                }
            }
        }
    }

    /// Writes the message of a number.
    fn number(&mut self, kind: FamilyType, value: f64) {
        self.value.clear();
        push_double(&mut self.value, 1, value);
        if kind == FamilyType::Counter && !self.started.is_empty() {
            push_bytes(&mut self.value, 3, &self.started);
        }
    }

    fn summary(&mut self, quantiles: &[(f64, f64)], sum: f64, count: u64) {
        let (value, inner) = (&mut self.value, &mut self.inner);
        value.clear();
        push_number(value, 1, count);
        push_double(value, 2, sum);
        for (quantile, of_quantile) in quantiles {
            if is_quantile(*quantile, *of_quantile) {
                inner.clear();
                push_double(inner, 1, *quantile);
                push_double(inner, 2, *of_quantile);
                push_bytes(value, 3, inner);
            }
        }
        if !self.started.is_empty() {
            push_bytes(value, 4, &self.started);
        }
    }

    /// Writes the message of a histogram; returns whether it has native buckets.
    fn histogram(&mut self, histogram: HistogramView<'_>) -> bool {
        let (value, inner) = (&mut self.value, &mut self.inner);
        value.clear();
        let mut exemplars = histogram.exemplars().peekable();
        let bounds = histogram.bounds();
        let mut counted = BucketCount::new(0);
        for (at, count) in histogram.counts().enumerate() {
            if count > 0 {
                counted = BucketCount::new(counted.below + count);
            }
            let upper = bounds.get(at).copied();
            let exemplar = exemplars.next_if(|(bucket, _)| *bucket == at);
            if let Some((_, kept)) = exemplar {
                inner.clear();
                push_number(inner, 1, counted.below);
                push_double(inner, 2, upper.unwrap_or(f64::INFINITY));
                push_bytes(inner, 3, &exemplar_message(kept));
                push_bytes(value, 3, inner);
            } else if upper.is_some() || bounds.is_empty() {
                counted.push_bucket(value, upper.unwrap_or(f64::INFINITY));
            }
            // The bucket above all bounds is the count, and needs no message of its own; but where there is no other,
            // Prometheus makes no classic series of a native histogram.
        }
        let below = counted.below;
        push_number(value, 1, below);
        push_double(value, 2, histogram.sum());
        let native = histogram.native();
        let native = native.filter(|native| native.is_valid(below));
        if let Some(native) = &native {
            push_native(value, native, inner);
            for (_, kept) in histogram.exemplars() {
                push_bytes(value, 16, &exemplar_message(kept));
            }
        }
        if !self.started.is_empty() {
            push_bytes(value, 15, &self.started);
        }
        native.is_some()
    }

    /// Ends the message and begins another one of the same family, if its histograms have native buckets and the next
    /// has none, or the other way round.
    fn part_from(&mut self, family: FamilyMessage, is_native: bool) {
        let is_native = Some(is_native);
        if family.is_native.is_some() && family.is_native != is_native {
            self.end_family();
            self.begin_message(family.kind);
        }
        if let Some(family) = &mut self.family {
            family.is_native = is_native;
        }
    }

    /// Begins a message with the head that was written last.
    fn begin_message(&mut self, kind: FamilyType) {
        let start = self.out.len();
        self.out.extend_from_slice(&[0; LENGTH_ROOM]);
        self.out.extend_from_slice(&self.head);
        self.family = Some(FamilyMessage {
            kind,
            is_native: None,
            start,
            children: self.out.len(),
        });
    }

    /// Appends the child whose value was written last.
    fn metric(&mut self, kind: FamilyType, labels: &Labels, milliseconds: Option<i64>) {
        if let Some(pairs) = labels.pairs() {
            self.metric_of(kind, pairs, milliseconds);
            return;
        }
        let pairs = labels.iter();
        let pairs = pairs.map(|label| (label.name.as_bytes(), label.value.as_bytes()));
        self.metric_of(kind, pairs, milliseconds);
    }

    fn metric_of<'l>(
        &mut self,
        kind: FamilyType,
        labels: impl Iterator<Item = (&'l [u8], &'l [u8])> + Clone,
        milliseconds: Option<i64>,
    ) {
        let field = match kind {
            FamilyType::Gauge => 2,
            FamilyType::Counter => 3,
            FamilyType::Summary => 4,
            FamilyType::Untyped => 5,
            FamilyType::Histogram => 7,
        };
        let timestamp = milliseconds.map(i64::cast_unsigned);
        let sizes = labels.clone().map(|pair| field_size(pair_size(pair)));
        let labels_size: usize = sizes.sum();
        let timestamp_size = timestamp.map_or(0, |timestamp| 1 + varint_size(timestamp));
        let out = &mut *self.out;
        push_key(out, 4, LENGTH_DELIMITED);
        push_varint(
            out,
            size(labels_size + field_size(self.value.len()) + timestamp_size),
        );
        for (name, value) in labels {
            push_key(out, 1, LENGTH_DELIMITED);
            push_varint(out, size(pair_size((name, value))));
            push_bytes(out, 1, name);
            push_bytes(out, 2, value);
        }
        push_bytes(out, field, &self.value);
        if let Some(timestamp) = timestamp {
            push_number(out, 6, timestamp);
        }
    }
}

impl Visitor for MessageEncoder<'_> {
    fn family(&mut self, family: &Family) {
        self.end_family();
        if !self.is_wanted(family) {
            return;
        }
        let name = &*family.name;
        // As in the text format.
        let kind = match family.kind {
            FamilyType::Counter if name == "_total" => FamilyType::Untyped,
            kind => kind,
        };
        let out = &mut self.head;
        out.clear();
        push_bytes(out, 1, name.as_bytes());
        if !family.help.is_empty() {
            push_bytes(out, 2, family.help.as_bytes());
        }
        push_number(out, 3, type_number(kind));
        let base = openmetrics_name(name, kind);
        if let Some(unit) = family.unit.filter(|unit| ends_in_unit(base, unit)) {
            push_bytes(out, 5, unit.as_bytes());
        }
        self.begin_message(kind);
    }

    fn started(&mut self, at: Option<f64>) {
        self.started.clear();
        if let Some(at) = at {
            push_time(&mut self.started, at);
        }
    }

    fn child(&mut self, labels: &Labels, value: ValueView<'_>) {
        self.value(labels, value, None);
    }
}

/// The number of a family's type.
fn type_number(kind: FamilyType) -> u64 {
    match kind {
        FamilyType::Counter => 0,
        FamilyType::Gauge => 1,
        FamilyType::Summary => 2,
        FamilyType::Untyped => 3,
        FamilyType::Histogram => 4,
    }
}

/// A cumulative count as it stands in its bucket's message. Few buckets of many are hit, so most take that of the one
/// before.
#[derive(Debug, Clone, Copy)]
struct BucketCount {
    below: u64,
    /// Its varint, if that takes at most four bytes.
    short: Option<(u128, u32)>,
}

impl BucketCount {
    /// Above this a bucket is longer than [`BUCKET`].
    const MAX_SHORT: u64 = (1 << 28) - 1;

    fn new(below: u64) -> Self {
        let short = (below <= Self::MAX_SHORT).then(|| {
            let mut varint = [0; 16];
            let length = put_varint(&mut varint, below);
            (
                u128::from_le_bytes(varint),
                u32::try_from(length).unwrap_or(0),
            )
        });
        Self { below, short }
    }

    /// Appends a bucket without exemplar: these are most of a page. A short one is put together in a register, and
    /// copied in one move whose end is cut off.
    #[inline]
    fn push_bucket(self, out: &mut Vec<u8>, upper: f64) {
        let Some((varint, length)) = self.short else {
            push_key(out, 3, LENGTH_DELIMITED);
            push_varint(out, size(1 + varint_size(self.below) + 9));
            push_number(out, 1, self.below);
            push_double(out, 2, upper);
            return;
        };
        let inside = 1 + length + 9;
        let bucket = u128::from(key_byte(3, LENGTH_DELIMITED))
            | u128::from(inside) << 8
            | u128::from(key_byte(1, VARINT)) << 16
            | varint << 24
            | u128::from(key_byte(2, FIXED64)) << (24 + 8 * length)
            | u128::from(upper.to_bits()) << (32 + 8 * length);
        let end = out.len() + 2 + inside as usize;
        out.extend_from_slice(&bucket.to_le_bytes());
        out.truncate(end);
    }
}

/// Appends the native fields of a histogram.
fn push_native(out: &mut Vec<u8>, native: &NativeBuckets, deltas: &mut Vec<u8>) {
    push_number(out, 5, zigzag(native.schema.into()));
    push_double(out, 6, native.zero_threshold);
    push_number(out, 7, native.zero);
    if native.positive.is_empty() && native.negative.is_empty() {
        // An empty span, by which a reader knows that the histogram is a native one.
        push_span(out, 12, 0, 0);
    }
    push_side(out, [9, 10], &native.negative, deltas);
    push_side(out, [12, 13], &native.positive, deltas);
}

/// Appends the buckets of one sign: their spans, and for each bucket its count less that of the one before.
fn push_side(out: &mut Vec<u8>, fields: [u32; 2], buckets: &[(i32, u64)], deltas: &mut Vec<u8>) {
    let [spans, packed] = fields;
    let Some((first, _)) = buckets.first() else {
        return;
    };
    deltas.clear();
    let (mut offset, mut length, mut before) = (i64::from(*first), 0, 0_u64);
    let mut end = offset;
    let mut add = |count: u64| {
        let delta = count.wrapping_sub(before).cast_signed();
        push_varint(deltas, zigzag(delta));
        before = count;
    };
    for (index, count) in buckets {
        let index = i64::from(*index);
        let gap = index - end;
        if gap > BRIDGED {
            push_span(out, spans, offset, length);
            (offset, length) = (gap, 0);
        } else {
            (0..gap).for_each(|_| add(0));
            length += gap.cast_unsigned();
        }
        add(*count);
        length += 1;
        end = index + 1;
    }
    push_span(out, spans, offset, length);
    push_bytes(out, packed, deltas);
}

fn push_span(out: &mut Vec<u8>, field: u32, offset: i64, length: u64) {
    let offset = zigzag(offset);
    push_key(out, field, LENGTH_DELIMITED);
    push_varint(out, size(2 + varint_size(offset) + varint_size(length)));
    push_number(out, 1, offset);
    push_number(out, 2, length);
}

fn exemplar_message(kept: &KeptExemplar) -> Vec<u8> {
    let (mut message, mut inner) = (Vec::new(), Vec::new());
    for (name, value) in kept.exemplar.labels() {
        inner.clear();
        push_bytes(&mut inner, 1, name.as_bytes());
        push_bytes(&mut inner, 2, value.as_bytes());
        push_bytes(&mut message, 1, &inner);
    }
    push_double(&mut message, 2, kept.seconds);
    inner.clear();
    push_time(&mut inner, kept.at);
    if !inner.is_empty() {
        push_bytes(&mut message, 3, &inner);
    }
    message
}

/// Appends the fields of a `google.protobuf.Timestamp`, to the microsecond below; nothing for a time before 1970 or one
/// that is no number.
fn push_time(out: &mut Vec<u8>, seconds: f64) {
    if !(seconds.is_finite() && seconds >= 0.0) {
        return;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole parts of positive numbers, of which `as` takes the closest"
    )]
    let (whole, micros) = (seconds as u64, (seconds.fract() * 1e6) as u64);
    push_number(out, 1, whole);
    push_number(out, 2, micros * 1000);
}

/// The kinds of fields on the wire.
const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const LENGTH_DELIMITED: u8 = 2;

/// Bytes of the longest varint: seven bits of a `u64` in each.
const MAX_VARINT: usize = 10;

/// The key of a field below 16.
const fn key_byte(field: u8, kind: u8) -> u8 {
    field << 3 | kind
}

#[inline]
fn push_key(out: &mut Vec<u8>, field: u32, kind: u8) {
    push_varint(out, u64::from(field << 3 | u32::from(kind)));
}

#[inline]
fn push_number(out: &mut Vec<u8>, field: u32, value: u64) {
    push_key(out, field, VARINT);
    push_varint(out, value);
}

#[inline]
fn push_double(out: &mut Vec<u8>, field: u32, value: f64) {
    // Of all NaN the plain one: Prometheus ends a series at a NaN of certain bits.
    let value = if value.is_nan() { f64::NAN } else { value };
    push_key(out, field, FIXED64);
    out.extend_from_slice(&value.to_le_bytes());
}

#[inline]
fn push_bytes(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    push_key(out, field, LENGTH_DELIMITED);
    push_varint(out, size(bytes.len()));
    out.extend_from_slice(bytes);
}

#[inline]
fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(low_bits(value) | 0x80);
        value >>= 7;
    }
    out.push(low_bits(value));
}

/// Writes a number, seven bits a byte, the lowest first; returns its length.
#[inline]
fn put_varint(to: &mut [u8], mut value: u64) -> usize {
    let mut at = 0;
    while value >= 0x80 {
        to[at] = low_bits(value) | 0x80;
        value >>= 7;
        at += 1;
    }
    to[at] = low_bits(value);
    at + 1
}

fn low_bits(value: u64) -> u8 {
    (value & 0x7f) as u8
}

fn varint_size(value: u64) -> usize {
    let bits = (value | 1).ilog2() as usize + 1;
    bits.div_ceil(7)
}

/// Small numbers of either sign as small ones without.
fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}

/// Bytes of a field below 16 that holds so many bytes.
fn field_size(bytes: usize) -> usize {
    1 + varint_size(size(bytes)) + bytes
}

/// Bytes of a label as a message.
fn pair_size((name, value): (&[u8], &[u8])) -> usize {
    field_size(name.len()) + field_size(value.len())
}

fn size(bytes: usize) -> u64 {
    bytes as u64
}

#[cfg(test)]
pub(super) mod tests;
