//! Values a call observes beside its duration: kept in its slot while it runs, entered at its end.
//!
//! Only the guard of a call touches the values that wait in its slot, wherever the guard is, so they need no ordering:
//! handing the guard to another thread orders the stores too. At the end of the call the values enter the cells of the
//! shard in which the call is counted, under the number the call gets in its [`Ring`](crate::recording::ring::Ring);
//! those have one writer.

use std::sync::Arc;

use crate::base::append::{IN_MODEL, Interned, Link, Table};
use crate::base::sync::{Acquire, AtomicU32, AtomicU64, Relaxed, leak};
use crate::data::key::StatKey;
use crate::recording::cells::CellCounts;
use crate::recording::method::MethodCore;
use crate::recording::partition::{BucketTotals, Partition};
use crate::recording::ring::ValueRing;
use crate::recording::shard::add;

/// Values a slot keeps in one piece; more take another piece.
const PENDING: usize = if IN_MODEL { 1 } else { 8 };

/// Pieces a call may fill: 1,024 values. Further observations are dropped and counted; an event for each message of a
/// long stream belongs in a counter or a histogram of its own.
const MAX_PIECES: usize = if IN_MODEL { 2 } else { 128 };

/// A value's number in its method, with the flag that the duration is taken off it: one word in a slot.
#[derive(Clone, Copy)]
pub(crate) struct ValueRef(u32);

/// Marks a pending value as "time left at entry plus time passed then": at the end the duration is taken off.
const LEFT_AT_END: u32 = 1 << 31;

impl ValueRef {
    pub(crate) fn new(node: &Interned<ValueName>) -> Self {
        Self(node.index)
    }

    pub(crate) fn left_at_end(self) -> Self {
        Self(self.0 | LEFT_AT_END)
    }
}

/// The data kept for a value's name in one method.
pub(crate) struct ValueName {
    pub(crate) key: Arc<StatKey>,
    /// Of its histogram; none of a value without one.
    pub(crate) cells: Option<Arc<Partition<f64>>>,
}

/// True if a number can be a time in seconds or a size in bytes, and so enter a sum. A negative number would make the
/// sum fall, which readers take for a reset; NaN, the infinities and numbers from 2^63 on (such as an integer with all
/// bits set, which often means "unknown") would stay in it for good.
fn is_measure(number: f64) -> bool {
    /// 2^63.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    (0.0..LIMIT).contains(&number)
}

/// The values of one shard.
#[derive(Default)]
pub(crate) struct ShardValues {
    /// By the number of the value's name.
    pub(crate) cells: Table<ValueCells>,
    /// By slot.
    pending: Table<Pending>,
}

/// One value of one shard; written by its owner alone.
///
/// # Consistency
///
/// An observation is in its bucket before it is in the sum, and a reader takes the sum first: the sum may lag, and
/// never counts an observation that the buckets lack. The rolling means attribute a value to a call only if the call's
/// entry in the ring was intact after the value was read (see [`Ring`](crate::recording::ring::Ring)).
pub(crate) struct ValueCells {
    pub(crate) ring: ValueRing,
    /// Where the value is a time or a size.
    histogram: Option<ValueHistogram>,
}

/// Counts and sum of a value.
struct ValueHistogram {
    cells: Arc<Partition<f64>>,
    counts: CellCounts,
    sum: AtomicU64,
}

/// The values that the call in one slot has observed so far.
// Relaxed throughout, see above.
#[derive(Default)]
struct Pending {
    len: AtomicU32,
    names: [AtomicU32; PENDING],
    values: [AtomicU64; PENDING],
    more: Link<Pending>,
}

impl Pending {
    /// Keeps a value; false if this piece is full.
    fn put(&self, value: ValueRef, number: f64) -> bool {
        let len = self.len.load(Relaxed);
        let Some(cell) = self.names.get(len as usize) else {
            return false;
        };
        cell.store(value.0, Relaxed);
        self.values[len as usize].store(number.to_bits(), Relaxed);
        self.len.store(len + 1, Relaxed);
        true
    }
}

impl ShardValues {
    /// Keeps a value for the end of the call in this slot; false if the call has observed all a call may.
    pub(crate) fn observe(&self, slot: u32, value: ValueRef, number: f64) -> bool {
        let new = || leak(Pending::default());
        let mut next = self.pending.item_or(slot, new);
        for _ in 0..MAX_PIECES {
            let Some(piece) = next else { return false };
            if piece.put(value, number) {
                return true;
            }
            next = Some(piece.more.get_or_init(new));
        }
        false
    }

    /// Hands over the values that the call in this slot observed, in order, and clears the slot.
    pub(crate) fn take(&self, slot: u32, duration: f64, mut each: impl FnMut(ValueRef, f64)) {
        let mut next = self.pending.item(slot);
        while let Some(piece) = next {
            let len = piece.len.load(Relaxed) as usize;
            for (name, number) in piece.names.iter().zip(&piece.values).take(len) {
                let value = ValueRef(name.load(Relaxed));
                let number = f64::from_bits(number.load(Relaxed));
                match value.0 & LEFT_AT_END {
                    0 => each(value, number),
                    _ => each(value, (number - duration).max(0.0)),
                }
            }
            piece.len.store(0, Relaxed);
            next = piece.more.get().filter(|_| len == PENDING);
        }
    }

    /// Enters a value of the call that gets this number, a call of the method; only the owner.
    pub(crate) fn enter(&self, value: ValueRef, method: &MethodCore, seq: u64, number: f64) {
        let index = value.0 & !LEFT_AT_END;
        let new = || leak(ValueCells::new(method.cells_of_value(index)));
        let Some(cells) = self.cells.item_or(index, new) else {
            return;
        };
        cells.ring.push(seq, number);
        if let Some(histogram) = &cells.histogram
            && is_measure(number)
        {
            histogram.counts.add(histogram.cells.cell_of_value(number));
            add(&histogram.sum, number);
        }
    }
}

impl ValueCells {
    fn new(cells: Option<Arc<Partition<f64>>>) -> Self {
        let histogram = |cells| ValueHistogram {
            cells,
            counts: CellCounts::new(),
            sum: AtomicU64::new(0),
        };
        Self {
            ring: ValueRing::new(),
            histogram: cells.map(histogram),
        }
    }

    /// Adds this shard's observations to totals, and returns their sum.
    pub(crate) fn add_to(&self, total: &mut BucketTotals) -> f64 {
        let Some(histogram) = &self.histogram else {
            return 0.0;
        };
        let sum = f64::from_bits(histogram.sum.load(Acquire));
        let counts = &histogram.counts;
        counts.each(|cell, count| total.add(&histogram.cells, cell, count));
        sum
    }
}
