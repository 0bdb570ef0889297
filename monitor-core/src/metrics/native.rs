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
use crate::data::native::OCTAVE;

use super::cells::{BucketKind, HIDDEN};

/// Powers of two of the zero threshold: 2^-24.
const ZERO_EXPONENT: i32 = -24;
/// Exponential buckets for each power of two.
const STEPS: i32 = 1 << NATIVE_SCHEMA;
/// The key of a bucket is its index less that of the last bucket that is part of the zero bucket.
const ZERO_INDEX: i32 = ZERO_EXPONENT * STEPS;

/// Bits of a double below its exponent.
const MANTISSA_BITS: u32 = f64::MANTISSA_DIGITS - 1;
const FRACTION: u64 = (1 << MANTISSA_BITS) - 1;

/// The bits below the exponent of the bounds 2^(k/8) for k from 1 to 7, and more than any double has.
const FRACTIONS: [u64; 8] = {
    let mut fractions = [u64::MAX; 8];
    let mut step = 1;
    while step < OCTAVE.len() {
        fractions[step - 1] = OCTAVE[step].to_bits() & FRACTION;
        step += 1;
    }
    fractions
};

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
    let fraction = bits & FRACTION;
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

    /// Both kinds of buckets, or the classic ones alone, from one reading of each cell. The caller has read the sum
    /// before.
    pub(super) fn read(&self, bounds: &Arc<[f64]>, sum: f64, wanted: BucketKind) -> Plain {
        let mut counts = vec![0; bounds.len() + 1];
        let mut native = (wanted == BucketKind::Native).then(NativeBuckets::default);
        let mut add = |bucket: usize, key, count| {
            counts[bucket] += count;
            if let Some(native) = &mut native {
                add_to(native, key, count);
            }
        };
        let count = |cell: &AtomicU64| cell.load(Relaxed) & !HIDDEN;
        // Bounds whose cell was read: those of a lower key. A key's own cell is below each bound of the same key.
        let mut bounds_read = 0;
        self.cells_of_keys().for_each(|(key, cell)| {
            let count_of_key = count(cell);
            if count_of_key == 0 {
                return;
            }
            while let Some(bound) = self.keys.get(bounds_read).filter(|bound| **bound < key) {
                bounds_read += 1;
                add(bounds_read, *bound, count(&self.above[bounds_read - 1]));
            }
            add(bounds_read, key, count_of_key);
        });
        for (bound, above) in self.keys.iter().zip(&self.above).skip(bounds_read) {
            bounds_read += 1;
            add(bounds_read, *bound, count(above));
        }
        if let Some(native) = &mut native {
            native.negative.reverse();
            limit(native);
        }
        Plain {
            native,
            ..Plain::new(Arc::clone(bounds), counts, sum)
        }
    }
}

/// Adds to the bucket of a key, which is not below that of the last addition. Buckets of negative numbers come in
/// descending order of their index.
fn add_to(native: &mut NativeBuckets, key: i32, count: u64) {
    let side = match key {
        _ if count == 0 => return,
        0 => {
            native.zero += count;
            return;
        }
        1.. => &mut native.positive,
        _ => &mut native.negative,
    };
    let index = key.abs() + ZERO_INDEX;
    match side.last_mut() {
        Some((last, sum)) if *last == index => *sum += count,
        _ => side.push((index, count)),
    }
}

/// Most buckets that a reader is given, those of negative values included, and the zero bucket not. Neither Prometheus nor
/// Grafana Mimir has a limit by default; 160 is what Mimir's documentation recommends
/// (`-validation.max-native-histogram-buckets`).
const MAX_NATIVE_BUCKETS: usize = 160;

/// Lowers the schema until there are no more buckets than the limit. As buckets only come, the schema of a histogram
/// never rises again.
fn limit(native: &mut NativeBuckets) {
    while native.positive.len() + native.negative.len() > MAX_NATIVE_BUCKETS {
        native.coarsen();
    }
}

#[cfg(all(test, not(monitor_loom)))]
mod tests;
