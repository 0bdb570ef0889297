//! The buckets that a page shows, the lines of buckets, which are most of a page, and how numbers are written.
//!
//! A snapshot has histograms over cells, which are finer than buckets. [`PageBuckets`] holds, for each set of cells in
//! a snapshot, the buckets that a page shows of it.
//!
//! A line is `name_bucket{`, the labels sorted before `le`, `le`, the labels behind it and the count. Up to `le` it is
//! the same for all children of a family that have no label before `le`, and so rendered once; the rest is
//! rendered once a child. A line then is three copies whose lengths are rounded up to whole chunks, which a processor
//! makes without asking how long they are: each overwrites the excess of the one before.

use std::sync::{Arc, LazyLock};

use crate::data::buckets::{BoundsByKind, HistogramKind, ShownBuckets, presets};
use crate::data::catalog::Profile;
use crate::data::family::{HistogramView, Labels};
use crate::data::labels::{CHUNK, Chunk, put, write_parts};
use crate::data::snapshot::Snapshot;

/// The buckets that a page shows of each set of cells in a snapshot.
pub(super) struct PageBuckets {
    wanted: BoundsByKind,
    known: Vec<ShownOfCells>,
}

/// The buckets of the cells with these bounds, of a method with these bounds of its own.
struct ShownOfCells {
    kind: HistogramKind,
    cells: Arc<[f64]>,
    own: &'static [f64],
    shown: ShownBuckets,
}

impl PageBuckets {
    pub(super) fn new(snapshot: &Snapshot, profile: Profile) -> Self {
        let (time, size) = (snapshot.buckets.as_ref(), snapshot.size_buckets.as_ref());
        let mut shown = Self {
            wanted: BoundsByKind::wanted(profile, time, size),
            known: Vec::new(),
        };
        shown.add(HistogramKind::Time, &snapshot.time_bounds, &[]);
        for method in &snapshot.methods {
            shown.add(
                HistogramKind::Time,
                &method.success.bounds,
                method.own_bounds,
            );
            for value in &method.values {
                if let Some(histogram) = &value.histogram {
                    shown.add(HistogramKind::of(&value.key.raw), &histogram.bounds, &[]);
                }
            }
        }
        for value in &snapshot.values.histograms {
            shown.add(value.kind, &value.histogram.bounds, &[]);
        }
        shown
    }

    fn add(&mut self, kind: HistogramKind, cells: &Arc<[f64]>, own: &'static [f64]) {
        if self.of(kind, cells, own).is_none()
            && let Some(wanted) = self.wanted.of(kind)
        {
            self.known.push(ShownOfCells {
                kind,
                cells: Arc::clone(cells),
                own,
                shown: ShownBuckets::new(cells, wanted, own),
            });
        }
    }

    /// Those of the cells with these bounds, of a method with these bounds of its own.
    pub(super) fn of(
        &self,
        kind: HistogramKind,
        cells: &Arc<[f64]>,
        own: &[f64],
    ) -> Option<&ShownBuckets> {
        let is = |known: &&ShownOfCells| {
            // The whole cells last: where each method has bounds of its own, all are asked for each.
            known.kind == kind
                && known.own == own
                && (Arc::ptr_eq(&known.cells, cells) || known.cells == *cells)
        };
        self.known.iter().find(is).map(|known| &known.shown)
    }
}

/// The `le` labels of a set of bounds, `+Inf` included. Those of the presets are rendered once for all pages.
fn le_labels(bounds: &Arc<[f64]>) -> Arc<[String]> {
    fn render(bounds: &[f64]) -> Arc<[String]> {
        let all = bounds.iter().copied().chain([f64::INFINITY]);
        all.map(|upper| format!("le=\"{}\"", bound(upper)))
            .collect()
    }
    static PRESETS: LazyLock<Vec<Arc<[String]>>> =
        LazyLock::new(|| presets().map(|bounds| render(bounds)).collect());
    let preset = presets().position(|preset| Arc::ptr_eq(preset, bounds));
    preset.map_or_else(|| render(bounds), |at| Arc::clone(&PRESETS[at]))
}

/// Writes bucket lines. Keeps rendered text from child to child.
#[derive(Debug, Default)]
pub(super) struct BucketLines {
    is_wanted: bool,
    /// The family's name and the text behind it.
    start: Vec<u8>,
    bounds: Arc<[f64]>,
    /// Of these bounds; empty before the first line.
    le: Arc<[String]>,
    /// A line up to its `le`.
    before: Vec<u8>,
    /// Lines up to the end of their `le`, each padded to `stride` chunks, and the lengths of these texts.
    heads: Vec<Chunk>,
    lengths: Vec<usize>,
    stride: usize,
    /// From there to the end of the line.
    tail: Tail,
}

impl BucketLines {
    /// The lines to come are those of this family.
    pub(super) fn begin(&mut self, name: &str, is_wanted: bool) {
        self.is_wanted = is_wanted;
        self.start.clear();
        self.start.extend_from_slice(name.as_bytes());
        self.start.extend_from_slice(b"_bucket{");
    }

    /// Appends the bucket lines, if they are wanted; returns the count.
    pub(super) fn write(
        &mut self,
        labels: &Labels,
        value: HistogramView<'_>,
        out: &mut Vec<u8>,
    ) -> u64 {
        if !self.is_wanted {
            return value.counts().sum();
        }
        self.render(labels, value.bounds());
        let start = out.len();
        let heads: usize = self.lengths.iter().sum();
        let tails = self.lengths.len() * (self.tail.before_count + LONGEST_COUNT);
        // A copy may write a chunk behind the end of its text.
        let behind = CHUNK * (self.stride + self.tail.chunks.len() + 2);
        out.resize(start + heads + tails + behind, 0);
        let place = &mut out[start..];
        let (mut at, mut below) = (0, 0);
        self.tail.set_count(0);
        let heads = self.heads.chunks_exact(self.stride).zip(&self.lengths);
        for ((head, length), count) in heads.zip(value.counts()) {
            // A count that is the one before (few buckets of many are hit) is not formatted again.
            if count > 0 {
                below += count;
                self.tail.set_count(below);
            }
            at = put(place, at, head, *length);
            at = put(place, at, self.tail.chunks(), self.tail.length);
        }
        out.truncate(start + at);
        below
    }

    fn render(&mut self, labels: &Labels, bounds: &Arc<[f64]>) {
        let is_same = Arc::ptr_eq(&self.bounds, bounds) || self.bounds == *bounds;
        if self.le.is_empty() || !is_same {
            self.bounds = Arc::clone(bounds);
            self.le = le_labels(bounds);
            self.before.clear();
        }
        let (before, after) = labels.around_le();
        let ends_open = after.is_empty() && !before.is_empty();
        let comma: &[u8] = if ends_open { b"," } else { b"" };
        let parts = [&*self.start, before, comma];
        if !parts.iter().copied().flatten().eq(&self.before) {
            self.before.clear();
            self.before.extend(parts.into_iter().flatten());
            self.render_heads();
        }
        let comma: &[u8] = if after.is_empty() { b"" } else { b"," };
        self.tail.set(&[comma, after, b"} "]);
    }

    fn render_heads(&mut self) {
        let start = &*self.before;
        self.lengths.clear();
        self.lengths
            .extend(self.le.iter().map(|le| start.len() + le.len()));
        let longest = self.lengths.iter().max().copied().unwrap_or(1);
        self.stride = longest.div_ceil(CHUNK);
        self.heads.clear();
        self.heads.resize(self.stride * self.le.len(), [0; CHUNK]);
        let places = self.heads.chunks_exact_mut(self.stride);
        for (place, le) in places.zip(self.le.iter()) {
            write_parts(place.as_flattened_mut(), &[start, le.as_bytes()]);
        }
    }
}

/// The end of a line: a part that is the same for all lines of a child, and a count.
#[derive(Debug, Default)]
struct Tail {
    /// With room for any count.
    chunks: Vec<Chunk>,
    before_count: usize,
    length: usize,
}

/// Digits of the greatest count, and the end of the line.
const LONGEST_COUNT: usize = 21;

impl Tail {
    fn set(&mut self, parts: &[&[u8]]) {
        self.before_count = parts.iter().map(|part| part.len()).sum();
        let chunks = (self.before_count + LONGEST_COUNT).div_ceil(CHUNK);
        self.chunks.clear();
        self.chunks.resize(chunks, [0; CHUNK]);
        write_parts(self.chunks.as_flattened_mut(), parts);
    }

    fn set_count(&mut self, count: u64) {
        let place = &mut self.chunks.as_flattened_mut()[self.before_count..];
        let digits = put_int(place, count);
        place[digits] = b'\n';
        self.length = self.before_count + digits + 1;
    }

    /// Those that hold its text.
    fn chunks(&self) -> &[Chunk] {
        &self.chunks[..self.length.div_ceil(CHUNK)]
    }
}

/// Writes a whole number; returns its length, at most 20.
pub(super) fn put_int(to: &mut [u8], value: u64) -> usize {
    put_text(to, itoa::Buffer::new().format(value))
}

/// Writes a sample's value: whole numbers plain (`4`), others in the shortest form that reads back as the same
/// number, and `NaN`, `+Inf`, `-Inf`. Returns its length, at most 24.
pub(super) fn put_float(to: &mut [u8], value: f64) -> usize {
    match small_whole(value) {
        Some(whole) => put_text(to, itoa::Buffer::new().format(whole)),
        None if value.is_finite() => put_text(to, ryu::Buffer::new().format_finite(value)),
        None => put_text(to, special(value)),
    }
}

/// Appends a sample's value.
pub(super) fn push_float(out: &mut Vec<u8>, value: f64) {
    let mut text = [0; 24];
    let length = put_float(&mut text, value);
    out.extend_from_slice(&text[..length]);
}

fn put_text(to: &mut [u8], text: &str) -> usize {
    to[..text.len()].copy_from_slice(text.as_bytes());
    text.len()
}

/// The value as an integer, if it is one below 2^53: up to there a float holds every integer. Not for -0.
fn small_whole(value: f64) -> Option<i64> {
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range is checked, and so is that nothing is lost"
    )]
    let whole = (value.abs() < LIMIT).then_some(value as i64)?;
    #[expect(clippy::cast_precision_loss, reason = "below 2^53 nothing is lost")]
    let back = whole as f64;
    (back.to_bits() == value.to_bits()).then_some(whole)
}

fn special(value: f64) -> &'static str {
    if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "+Inf"
    } else {
        "-Inf"
    }
}

/// A bound or quantile as the original's client library writes it: `0.0`, `0.01`, `1.0`, `1.05e+06`, `+Inf`.
///
/// Label values are compared as text, so this must not change. From 1e10 on it is Go's form (`1e+10`); the
/// original has no bound there (its library writes a third digit, `1e+010`).
pub(super) fn bound(value: f64) -> String {
    if !value.is_finite() {
        return special(value).to_owned();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let exponent_from = if value > 0.0 { 6 } else { 16 };
    if value == 0.0 || (-4..exponent_from).contains(&exponent) {
        // Without an exponent: that is how `Debug` writes numbers from 1e-5 to 1e16.
        return format!("{value:?}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}
