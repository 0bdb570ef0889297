//! The bucket lines of histograms: most of a page.
//!
//! A line is `name_bucket{`, the labels sorted before `le`, `le`, the labels behind it and the count. Up to `le` it is the
//! same for all children of a family that have no label before `le`, and so rendered once; what is behind it is rendered
//! once a child. A line then is three copies whose lengths are rounded up to whole chunks, which a processor makes without
//! asking how long they are: each overwrites what the one before wrote too much.

use std::sync::{Arc, LazyLock};

use super::filter::OfFamily;
use super::number::{bound, put_int};
use crate::data::buckets::{size_bounds, time_bounds};
use crate::data::chunks::{CHUNK, Chunk, put, write_parts};
use crate::data::family::Labels;
use crate::data::visit::HistogramView;

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
    /// From there to the end of the line.
    tail: Tail,
}

impl Buckets {
    /// The lines to come are those of this family.
    pub(super) fn begin(&mut self, name: &str, filter: OfFamily<'_>) {
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
        if !self.is_wanted {
            return value.counts().sum();
        }
        self.render(labels, value.bounds);
        let start = out.len();
        // A copy may write a chunk behind the end of its text.
        let line = CHUNK * (self.heads.stride + self.tail.chunks.len() + 2);
        let room: usize = self
            .heads
            .lengths
            .iter()
            .map(|head| head + self.tail.most())
            .sum();
        out.resize(start + room + line, 0);
        let place = &mut out[start..];
        let (mut at, mut below) = (0, 0);
        self.tail.set_count(0);
        for ((head, length), count) in self.heads.iter().zip(value.counts()) {
            // A count that is the one before (few buckets of many are hit) is not formatted again.
            if count > 0 {
                below += count;
                self.tail.set_count(below);
            }
            at = put(place, at, head, length);
            at = put(place, at, self.tail.chunks(), self.tail.length);
        }
        out.truncate(start + at);
        below
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
        self.tail.set(&[comma, after, b"} "]);
    }
}

/// The end of a line: what is the same for all lines of a child, and a count.
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

    /// Its greatest length.
    fn most(&self) -> usize {
        self.before_count + LONGEST_COUNT
    }
}
