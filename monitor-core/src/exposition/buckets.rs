//! The bucket lines of histograms: most of a page.
//!
//! A line is `name_bucket{`, the labels sorted before `le`, `le`, the labels behind it and the count. Up to `le` it is the
//! same for all children of a family that have no label before `le`, and so rendered once; what is behind it is rendered
//! once a child. A line then is three copies whose lengths are rounded up to whole chunks, which a processor makes without
//! asking how long they are: each overwrites what the one before wrote too much.

use std::sync::{Arc, LazyLock};

use super::number::bound;
use crate::buckets::{size_bounds, time_bounds};
use crate::family::Labels;
use crate::names::visit::HistogramView;

/// Bytes that are copied at once.
const CHUNK: usize = 32;

type Chunk = [u8; CHUNK];

/// Texts, each padded to the same number of chunks.
#[derive(Debug, Default)]
struct Padded {
    chunks: Vec<Chunk>,
    lengths: Vec<usize>,
    /// Chunks of each text.
    stride: usize,
}

impl Padded {
    fn set<'a>(&mut self, texts: impl Iterator<Item = [&'a [u8]; 2]> + Clone) {
        let length = |parts: [&[u8]; 2]| parts[0].len() + parts[1].len();
        self.lengths.clear();
        self.lengths.extend(texts.clone().map(length));
        let longest = self.lengths.iter().copied().max().unwrap_or(0);
        self.stride = longest.div_ceil(CHUNK).max(1);
        self.chunks.clear();
        self.chunks
            .resize(self.stride * self.lengths.len(), [0; CHUNK]);
        let places = self.chunks.chunks_exact_mut(self.stride);
        for (place, parts) in places.zip(texts) {
            let (start, end) = place.as_flattened_mut().split_at_mut(parts[0].len());
            start.copy_from_slice(parts[0]);
            end[..parts[1].len()].copy_from_slice(parts[1]);
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

/// Writes bucket lines. Keeps what it rendered from child to child.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    bounds: Option<(Arc<[f64]>, Arc<LeLabels>)>,
    /// A line up to its `le`.
    before: Vec<u8>,
    /// Lines up to the end of their `le`.
    heads: Padded,
    /// From there to the value.
    after: Padded,
}

impl Buckets {
    /// Appends the bucket lines; gives the count.
    pub(super) fn write(
        &mut self,
        name: &str,
        labels: &Labels,
        value: HistogramView<'_>,
        out: &mut Vec<u8>,
    ) -> u64 {
        self.render(name, labels, value.bounds);
        let count = value.counts().sum();
        let mut digits = Digits::of(count);
        let heads: usize = self.heads.lengths.iter().sum();
        let behind = self.after.lengths[0] + digits.length;
        let start = out.len();
        let most = heads + behind * self.heads.lengths.len();
        // A copy may write this much behind the end of its text.
        let slack = CHUNK * (self.heads.stride + self.after.stride + 1);
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
            at = put(out, at, &self.after.chunks, self.after.lengths[0]);
            at = put(out, at, &[digits.text], digits.length);
        }
        out.truncate(at);
        count
    }

    fn render(&mut self, name: &str, labels: &Labels, bounds: &Arc<[f64]>) {
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
        let parts = [name.as_bytes(), b"_bucket{", before, comma];
        if !had_bounds || !parts.iter().copied().flatten().eq(&self.before) {
            self.before.clear();
            self.before.extend(parts.into_iter().flatten());
            let texts = le.0.iter().map(|le| [&*self.before, le.as_bytes()]);
            self.heads.set(texts);
            self.bounds = Some((Arc::clone(bounds), le));
        }
        let mut text = Vec::new();
        if !after.is_empty() {
            text.push(b',');
            text.extend_from_slice(after);
        }
        self.after.set(std::iter::once([&*text, b"} "]));
    }
}

/// Writes a text over what is there from `at` on, in whole chunks; gives where it ends.
#[inline]
fn put(out: &mut [u8], at: usize, text: &[Chunk], length: usize) -> usize {
    let mut to = at;
    for chunk in text {
        out[to..to + CHUNK].copy_from_slice(chunk);
        to += CHUNK;
    }
    at + length
}

/// A count and the end of its line.
struct Digits {
    text: Chunk,
    length: usize,
}

impl Digits {
    fn of(count: u64) -> Self {
        let mut buffer = itoa::Buffer::new();
        let digits = buffer.format(count).as_bytes();
        let mut text = [b'\n'; CHUNK];
        text[..digits.len()].copy_from_slice(digits);
        Self {
            text,
            length: digits.len() + 1,
        }
    }
}
