//! The bucket lines of histograms: most of a page.
//!
//! A line is `name_bucket{`, the labels sorted before `le`, `le`, the labels behind it and the count. Up to `le` it is the
//! same for all children of a family that have no label before `le`, and so rendered once; what is behind it is rendered
//! once a child. A line then is three copies whose lengths are rounded up to whole chunks, which a processor makes without
//! asking how long they are: each overwrites what the one before wrote too much.

use std::sync::{Arc, LazyLock};

use super::chunks::{CHUNK, Chunk, Padded, put, write_parts};
use super::filter::Filter;
use super::number::{bound, put_int};
use crate::buckets::{size_bounds, time_bounds};
use crate::family::Labels;
use crate::names::visit::HistogramView;

/// Texts, each padded to the same number of chunks.
#[derive(Debug, Default)]
struct Table {
    chunks: Vec<Chunk>,
    lengths: Vec<usize>,
    /// Chunks of each text.
    stride: usize,
}

impl Table {
    /// Each text behind the same start.
    fn set(&mut self, start: &[u8], texts: &[String]) {
        let lengths = texts.iter().map(|text| start.len() + text.len());
        self.lengths.clear();
        self.lengths.extend(lengths);
        let longest = self.lengths.iter().copied().max().unwrap_or(0);
        self.stride = longest.div_ceil(CHUNK).max(1);
        self.chunks.clear();
        self.chunks.resize(self.stride * texts.len(), [0; CHUNK]);
        let places = self.chunks.chunks_exact_mut(self.stride);
        for (place, text) in places.zip(texts) {
            write_parts(place.as_flattened_mut(), &[start, text.as_bytes()]);
        }
    }

    /// The texts and their lengths.
    fn iter(&self) -> impl Iterator<Item = (&[Chunk], usize)> {
        let lengths = self.lengths.iter().copied();
        self.chunks.chunks_exact(self.stride).zip(lengths)
    }
}

/// The `le` labels of a set of bounds, `+Inf` included.
#[derive(Debug)]
struct LeLabels(Vec<String>);

impl LeLabels {
    fn new(bounds: &[f64]) -> Arc<Self> {
        let all = bounds.iter().copied().chain([f64::INFINITY]);
        let label = |upper| format!("le=\"{}\"", bound(upper));
        Arc::new(Self(all.map(label).collect()))
    }

    /// Those of the presets are rendered once for all pages.
    fn of(bounds: &Arc<[f64]>) -> Arc<Self> {
        static TIME: LazyLock<Arc<LeLabels>> = LazyLock::new(|| LeLabels::new(&time_bounds()));
        static SIZE: LazyLock<Arc<LeLabels>> = LazyLock::new(|| LeLabels::new(&size_bounds()));
        if Arc::ptr_eq(bounds, &time_bounds()) {
            Arc::clone(&TIME)
        } else if Arc::ptr_eq(bounds, &size_bounds()) {
            Arc::clone(&SIZE)
        } else {
            Self::new(bounds)
        }
    }
}

/// How long the `le` labels of these bounds are, all together.
pub(crate) fn le_length(bounds: &Arc<[f64]>) -> usize {
    LeLabels::of(bounds).0.iter().map(String::len).sum()
}

/// Writes bucket lines. Keeps what it rendered from child to child.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    is_wanted: bool,
    /// The family's name and what follows it.
    start: Vec<u8>,
    bounds: Option<(Arc<[f64]>, Arc<LeLabels>)>,
    /// A line up to its `le`.
    before: Vec<u8>,
    /// Lines up to the end of their `le`.
    heads: Table,
    /// From there to the value.
    after: Padded,
}

impl Buckets {
    /// The lines to come are those of this family.
    pub(super) fn begin(&mut self, name: &str, filter: &Filter<'_>) {
        self.is_wanted = filter.wants(name, "_bucket");
        self.start.clear();
        self.start.extend_from_slice(name.as_bytes());
        self.start.extend_from_slice(b"_bucket{");
    }

    /// Appends the bucket lines, if they are wanted; gives the count.
    pub(super) fn write(
        &mut self,
        labels: &Labels,
        value: HistogramView<'_>,
        out: &mut Vec<u8>,
    ) -> u64 {
        let count = value.counts().sum();
        if !self.is_wanted {
            return count;
        }
        self.render(labels, value.bounds);
        let mut digits = Digits::of(count);
        let heads: usize = self.heads.lengths.iter().sum();
        let behind = self.after.length() + digits.length;
        let start = out.len();
        let most = heads + behind * self.heads.lengths.len();
        // A copy may write this much behind the end of its text.
        let slack = CHUNK * (self.heads.stride + self.after.chunks().len() + 1);
        out.resize(start + most + slack, 0);
        let mut at = start;
        let mut below = 0;
        digits = Digits::of(0);
        for ((head, length), count) in self.heads.iter().zip(value.counts()) {
            // A count that is the one before (few buckets of many are hit) is not formatted again.
            if count > 0 {
                below += count;
                digits = Digits::of(below);
            }
            at = put(out, at, head, length);
            at = put(out, at, self.after.chunks(), self.after.length());
            at = put(out, at, &[digits.text], digits.length);
        }
        out.truncate(at);
        count
    }

    fn render(&mut self, labels: &Labels, bounds: &Arc<[f64]>) {
        let is_same = |of: &Arc<[f64]>| Arc::ptr_eq(of, bounds) || **of == **bounds;
        let known = self.bounds.as_ref().filter(|(of, _)| is_same(of));
        let had_bounds = known.is_some();
        let le = known.map_or_else(|| LeLabels::of(bounds), |(_, le)| Arc::clone(le));
        let (before, after) = labels.around_le();
        let comma: &[u8] = if after.is_empty() && !before.is_empty() {
            b","
        } else {
            b""
        };
        let parts = [&*self.start, before, comma];
        if !had_bounds || !parts.iter().copied().flatten().eq(&self.before) {
            self.before.clear();
            self.before.extend(parts.into_iter().flatten());
            self.heads.set(&self.before, &le.0);
            self.bounds = Some((Arc::clone(bounds), le));
        }
        let comma: &[u8] = if after.is_empty() { b"" } else { b"," };
        self.after.set(&[comma, after, b"} "]);
    }
}

/// A count and the end of its line.
struct Digits {
    text: Chunk,
    length: usize,
}

impl Digits {
    fn of(count: u64) -> Self {
        let mut text = [b'\n'; CHUNK];
        let length = put_int(&mut text, count) + 1;
        Self { text, length }
    }
}
