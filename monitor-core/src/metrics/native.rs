//! The counts of a registered histogram that has exponential buckets beside its own.
//!
//! # Definition
//!
//! Both kinds of buckets cut the numbers into intervals. An observation is counted once, in a cell of the common
//! refinement of the two, so a count of either kind is a sum of cells, and the totals of both are equal whatever a
//! reader finds.
//!
//! An exponential bucket has a [`key`]: 0 is the zero bucket, positive keys are the buckets of positive numbers in
//! ascending order, negative keys those of negative numbers. Keys rise with the number. Most exponential buckets lie
//! inside one bucket of the histogram, and then one cell is enough. A bound inside of an exponential bucket splits it:
//! what is above the bound is counted in the cell of that bound, and what is below every bound of that exponential
//! bucket in the cell of the key. So there is a cell for each key and one for each bound.
//!
//! # Memory
//!
//! A double has 8,384 keys of either sign. Their cells are made in blocks of four powers of two (256 bytes), each when
//! an observation first needs it, and found through two tables, so that no range is searched. They are freed with
//! the child.
//!
//! # Consistency
//!
//! Cells are `Relaxed`, and the sum of the histogram orders them (`cells.rs`). A removal marks each cell ([`HIDDEN`]).
//! A block that is made while the child is hidden has to begin with the mark: making a block, marking and unmarking take
//! turns behind one lock, which an observation into a block that is there never takes.

use std::sync::Arc;

use crate::base::sync::{AcqRel, AtomicU64, Mutex, Once, Relaxed, lock};
use crate::data::family::{
    Histogram as Plain, NATIVE_SCHEMA, NATIVE_ZERO_THRESHOLD, NativeBuckets,
};

use super::cells::HIDDEN;

/// Powers of two of the zero threshold: 2^-24.
const ZERO_EXPONENT: i32 = -24;
/// Exponential buckets for each power of two.
const STEPS: i32 = 1 << NATIVE_SCHEMA;
/// The key of a bucket is its index less that of the last bucket that is part of the zero bucket.
const ZERO_INDEX: i32 = ZERO_EXPONENT * STEPS;

/// Bits of a double below its exponent.
const MANTISSA_BITS: u32 = f64::MANTISSA_DIGITS - 1;

/// The fractions 2^(k/8) - 1 for k from 1 to 7, in units of a double's last bit and rounded down: none of them is a
/// double, so a double's fraction is above one if it is greater. The last is above every fraction.
const FRACTIONS: [u64; 8] = [
    0x0001_72b8_3c7d_517a,
    0x0003_06fe_0a31_b715,
    0x0004_bfda_d536_2a27,
    0x0006_a09e_667f_3bcc,
    0x0008_ace5_422a_a0db,
    0x000a_e89f_995a_d3ad,
    0x000d_5818_dcfb_a487,
    u64::MAX,
];

/// The exponential bucket of a finite number: 0 is the zero bucket, `i` the `i`-th above it, and `-i` that of the
/// negative numbers of the same magnitudes.
///
/// # Definition
///
/// Of a magnitude `(1 + f) * 2^e`, with `f` from 0 to below 1, the index is `8 e` and the number of `k` from 0 to 7 with
/// `2^(k/8) < 1 + f`. The fraction of `k = j + 1` lies in the `j`-th eighth of that range, and the last eighth has none:
/// so all up to `j` are below an `f` in the `j`-th eighth, and one has to be compared.
#[inline]
pub(super) fn key(value: f64) -> i32 {
    let magnitude = value.abs();
    if magnitude <= NATIVE_ZERO_THRESHOLD {
        return 0;
    }
    let bits = magnitude.to_bits();
    let fraction = bits & ((1 << MANTISSA_BITS) - 1);
    let eighth = fraction >> (MANTISSA_BITS - 3);
    // The exponent field of a magnitude above the threshold is that of a normal number: 11 bits, as the sign is 0.
    let exponent = (bits >> MANTISSA_BITS) as i32 - (f64::MAX_EXP - 1);
    let above = i32::from(fraction > 0) + i32::from(fraction > FRACTIONS[eighth as usize]);
    let key = exponent * STEPS + eighth as i32 + above - ZERO_INDEX;
    if value < 0.0 { -key } else { key }
}

/// Cells of a block: those of four powers of two.
const BLOCK: usize = if cfg!(all(test, monitor_loom)) { 1 } else { 32 };
/// Blocks of a group: the first has those up to 2^40.
const GROUP: usize = if cfg!(all(test, monitor_loom)) { 2 } else { 16 };
/// Groups of one sign: the last ends above the greatest double, 2^1024.
const GROUPS: usize = if cfg!(all(test, monitor_loom)) { 1 } else { 17 };

type Block = [AtomicU64; BLOCK];

/// Blocks by their place.
#[derive(Debug)]
struct Group([Once<Box<Block>>; GROUP]);

/// The cells of the keys of one sign, by the key's magnitude less one.
#[derive(Debug)]
struct Side([Once<Box<Group>>; GROUPS]);

impl Side {
    const fn split(at: usize) -> (usize, usize, usize) {
        let block = at / BLOCK;
        (block / GROUP, block % GROUP, at % BLOCK)
    }

    fn new() -> Self {
        Self(Once::empty())
    }

    #[inline]
    fn get(&self, at: usize) -> Option<&AtomicU64> {
        let (group, block, cell) = Self::split(at);
        Some(&self.0[group].get_ref()?.0[block].get_ref()?[cell])
    }

    /// The cell at a place; a new block's cells begin with `content`.
    fn make(&self, at: usize, content: u64) -> &AtomicU64 {
        let (group, block, cell) = Self::split(at);
        let group = self.0[group].get_or_make(|| Box::new(Group(Once::empty())));
        let cells = || Box::new(std::array::from_fn(|_| AtomicU64::new(content)));
        &group.0[block].get_or_make(cells)[cell]
    }

    /// The cells that there are, by their place, in ascending order.
    fn cells(&self) -> impl DoubleEndedIterator<Item = (usize, &AtomicU64)> {
        let groups = self.0.iter().enumerate();
        let groups = groups.filter_map(|(at, group)| Some((at, group.get_ref()?)));
        let blocks = groups.flat_map(|(group, blocks)| {
            let blocks = blocks.0.iter().enumerate();
            blocks.filter_map(move |(at, block)| Some((group * GROUP + at, block.get_ref()?)))
        });
        blocks.flat_map(|(block, cells)| {
            let cells = cells.iter().enumerate();
            cells.map(move |(at, cell)| (block * BLOCK + at, cell))
        })
    }
}

/// The keys of a family's bounds, which its children share.
pub(super) type BoundKeys = Arc<[i32]>;

/// The keys of these bounds.
pub(super) fn bound_keys(bounds: &[f64]) -> BoundKeys {
    bounds.iter().map(|bound| key(*bound)).collect()
}

/// The cells of a histogram with exponential buckets.
#[derive(Debug)]
pub(super) struct NativeCells {
    keys: BoundKeys,
    /// For each bound what is above it, up to the next one, and in its exponential bucket.
    above: Box<[AtomicU64]>,
    zero: AtomicU64,
    positive: Side,
    /// Few histograms have any.
    negative: Once<Box<Side>>,
    /// Whether the child is hidden. It changes, and blocks are made, under the lock alone.
    is_hidden: Mutex<bool>,
}

impl NativeCells {
    pub(super) fn new(keys: &BoundKeys) -> Self {
        Self {
            keys: Arc::clone(keys),
            above: keys.iter().map(|_| AtomicU64::default()).collect(),
            zero: AtomicU64::default(),
            positive: Side::new(),
            negative: Once::new(),
            is_hidden: Mutex::default(),
        }
    }

    /// Counts a finite number of this bucket of the histogram; returns what its cell had in it.
    #[inline]
    pub(super) fn observe(&self, bucket: usize, value: f64) -> u64 {
        let key = key(value);
        let below = bucket.wrapping_sub(1);
        let cell = if self.keys.get(below) == Some(&key) {
            &self.above[below]
        } else {
            self.cell(key).unwrap_or_else(|| self.make(key))
        };
        cell.fetch_add(1, Relaxed)
    }

    /// The cell of a key, if it is there.
    #[inline]
    fn cell(&self, key: i32) -> Option<&AtomicU64> {
        let place = (key.unsigned_abs() as usize).wrapping_sub(1);
        match key {
            0 => Some(&self.zero),
            1.. => self.positive.get(place),
            _ => self.negative.get_ref()?.get(place),
        }
    }

    #[cold]
    fn make(&self, key: i32) -> &AtomicU64 {
        let is_hidden = lock(&self.is_hidden);
        let content = if *is_hidden { HIDDEN } else { 0 };
        let place = (key.unsigned_abs() as usize).wrapping_sub(1);
        let side = match key {
            0 => return &self.zero,
            1.. => &self.positive,
            _ => self.negative.get_or_make(|| Box::new(Side::new())),
        };
        side.make(place, content)
    }

    pub(super) fn hide(&self) {
        let mut is_hidden = lock(&self.is_hidden);
        *is_hidden = true;
        for cell in self.cells() {
            cell.fetch_or(HIDDEN, AcqRel);
        }
    }

    pub(super) fn unhide(&self) {
        let mut is_hidden = lock(&self.is_hidden);
        *is_hidden = false;
        for cell in self.cells() {
            cell.fetch_and(!HIDDEN, AcqRel);
        }
    }

    /// The cells of keys, in ascending order.
    fn cells_of_keys(&self) -> impl Iterator<Item = (i32, &AtomicU64)> {
        // A place is below 2^14.
        let key = |place| i32::try_from(place).map_or(i32::MAX, |place| place + 1);
        let negative = self.negative.get_ref().into_iter();
        let negative = negative.flat_map(|side| side.cells().rev());
        let negative = negative.map(move |(place, cell)| (-key(place), cell));
        let positive = self.positive.cells();
        let positive = positive.map(move |(place, cell)| (key(place), cell));
        negative.chain([(0, &self.zero)]).chain(positive)
    }

    /// All cells.
    fn cells(&self) -> impl Iterator<Item = &AtomicU64> {
        let of_keys = self.cells_of_keys().map(|(_, cell)| cell);
        of_keys.chain(&self.above)
    }

    /// Both kinds of buckets, from one reading of each cell. The caller has read the sum before.
    pub(super) fn read(&self, bounds: &Arc<[f64]>, sum: f64) -> Plain {
        let mut counts = vec![0; bounds.len() + 1];
        let mut by_key: Vec<(i32, u64)> = Vec::new();
        let mut count_cell = |key, bucket: usize, cell: &AtomicU64| {
            let count = cell.load(Relaxed) & !HIDDEN;
            if count > 0 {
                counts[bucket] += count;
                by_key.push((key, count));
            }
        };
        let mut bucket = 0;
        for (key, cell) in self.cells_of_keys() {
            while self.keys.get(bucket).is_some_and(|bound| *bound < key) {
                bucket += 1;
            }
            count_cell(key, bucket, cell);
        }
        for (below, (key, cell)) in self.keys.iter().zip(&self.above).enumerate() {
            count_cell(*key, below + 1, cell);
        }
        // Two ascending runs.
        by_key.sort_by_key(|(key, _)| *key);
        Plain {
            native: Some(native_buckets(&by_key)),
            ..Plain::new(Arc::clone(bounds), counts, sum)
        }
    }
}

/// Most buckets that a reader is given, those of negative values included, and the zero bucket not. Prometheus has no
/// limit by default, Grafana Mimir one of 160 (`-validation.max-native-histogram-buckets`).
const MAX_NATIVE_BUCKETS: usize = 160;

/// The buckets of counts by key, which ascend; at a schema that keeps them below the limit. As buckets only come, the
/// schema of a histogram never rises again.
fn native_buckets(by_key: &[(i32, u64)]) -> NativeBuckets {
    let mut native = NativeBuckets::default();
    let (negative, others) = by_key.split_at(by_key.partition_point(|(key, _)| *key < 0));
    let (zero, positive) = others.split_at(others.partition_point(|(key, _)| *key == 0));
    native.zero = zero.iter().map(|(_, count)| count).sum();
    let index = |(key, count): &(i32, u64)| (key.abs() + ZERO_INDEX, *count);
    native.positive = positive.iter().map(index).collect();
    native.negative = negative.iter().rev().map(index).collect();
    for side in [&mut native.positive, &mut native.negative] {
        join_equal(side);
    }
    while native.positive.len() + native.negative.len() > MAX_NATIVE_BUCKETS {
        native.schema -= 1;
        for side in [&mut native.positive, &mut native.negative] {
            for (index, _) in side.iter_mut() {
                // Half, rounded up: bucket `i` is the upper half of bucket `i / 2` where `i` is even.
                *index = (*index + 1).div_euclid(2);
            }
            join_equal(side);
        }
    }
    native
}

/// Adds up the counts of equal indexes, which stand together.
fn join_equal(buckets: &mut Vec<(i32, u64)>) {
    buckets.dedup_by(|(index, count), (kept, sum)| {
        let is_equal = index == kept;
        *sum += if is_equal { *count } else { 0 };
        is_equal
    });
}

#[cfg(all(test, not(monitor_loom)))]
mod tests;
