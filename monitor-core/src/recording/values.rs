//! Values a call observes beside its duration: kept in its slot while it runs, entered at its end.

use std::sync::Arc;

use crate::base::chunked::Chunked;
use crate::base::interner::{Interner, Node};
use crate::base::sync::{AtomicU32, AtomicU64, Once, Ordering, leak};
use crate::data::buckets::{MAX_BUCKETS, ValueKind, bucket_of};
use crate::data::key::StatKey;
use crate::recording::window::{ValueRing, observe};

/// Values a slot keeps in one piece; more take another piece.
const PENDING: usize = if cfg!(all(test, monitor_loom)) { 1 } else { 8 };

/// Pieces a call may fill: 1,024 values. What it observes beyond them is dropped and counted; an event a message of a
/// long stream is better a counter or a histogram of its own.
const MAX_PIECES: usize = if cfg!(all(test, monitor_loom)) {
    2
} else {
    128
};

/// A value's number in its method, with what its entry needs to know: one word in a slot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ValueRef(u32);

/// Marks a pending value as "time left at entry plus time passed then": at the end the duration is taken off.
const LEFT_AT_END: u32 = 1 << 31;
const TIME: u32 = 1 << 30;
const SIZE: u32 = 1 << 29;

impl ValueRef {
    pub(crate) fn new(node: &Node<ValueName>) -> Self {
        Self(
            node.index
                | match node.item.kind {
                    ValueKind::Time => TIME,
                    ValueKind::Size => SIZE,
                    ValueKind::Plain => 0,
                },
        )
    }

    pub(crate) fn left_at_end(self) -> Self {
        Self(self.0 | LEFT_AT_END)
    }

    pub(crate) fn kind(self) -> ValueKind {
        match self.0 & (TIME | SIZE) {
            TIME => ValueKind::Time,
            SIZE => ValueKind::Size,
            _ => ValueKind::Plain,
        }
    }

    fn index(self) -> u32 {
        self.0 & !(LEFT_AT_END | TIME | SIZE)
    }
}

/// What belongs to a value's name in one method.
#[derive(Debug)]
pub(crate) struct ValueName {
    pub(crate) key: Arc<StatKey>,
    pub(crate) kind: ValueKind,
}

/// Whether a number can be a time in seconds or a size in bytes, and so enter a sum. A negative one would make it fall,
/// which readers take for a reset; NaN, the infinities and what is from 2^63 on (as all bits of a number set, for one that is
/// not known) would be in it for good.
pub(crate) fn is_measure(number: f64) -> bool {
    /// 2^63.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    (0.0..LIMIT).contains(&number)
}

/// The values calls of one method observed so far.
pub(crate) type ValueNames = Interner<ValueName>;

pub(crate) fn value_name(name: &str) -> ValueName {
    ValueName {
        key: Arc::new(StatKey::parse(name)),
        kind: ValueKind::of(name),
    }
}

/// The values of one shard.
#[derive(Debug)]
pub(crate) struct ShardValues {
    cells: Chunked<Once<&'static ValueCells>>,
    pending: Chunked<Once<&'static Pending>>,
}

/// One value of one shard; written by its owner alone.
///
/// # Consistency
///
/// An observation is in its bucket before it is in the sum, and a reader takes the sum first: the sum may lag, and never has
/// what the buckets lack. The rolling means take a value for that of a call only if the ring says the call's entry was
/// intact after the value was read (see [`Ring`](crate::recording::window::Ring)).
#[derive(Debug)]
pub(crate) struct ValueCells {
    ring: ValueRing,
    histogram: Option<ValueHistogram>,
}

#[derive(Debug)]
struct ValueHistogram {
    counts: [AtomicU64; MAX_BUCKETS],
    sum: AtomicU64,
}

/// What the call in one slot observed so far. Only the call's guard touches it, wherever the guard is.
// Relaxed throughout: whoever hands the guard to another thread orders these stores too.
#[derive(Debug)]
pub(crate) struct Pending {
    len: AtomicU32,
    names: [AtomicU32; PENDING],
    values: [AtomicU64; PENDING],
    more: Once<&'static Pending>,
}

impl Pending {
    fn new() -> Self {
        Self {
            len: AtomicU32::new(0),
            names: std::array::from_fn(|_| AtomicU32::new(0)),
            values: std::array::from_fn(|_| AtomicU64::new(0)),
            more: Once::new(),
        }
    }

    /// The piece behind this one, made if need be.
    fn next(&self) -> &'static Self {
        self.more.get_or_init(|| leak(Self::new()))
    }

    /// Keeps a value; false if this piece is full.
    fn put(&self, value: ValueRef, number: f64) -> bool {
        let len = self.len.load(Ordering::Relaxed);
        let Some(cell) = self.names.get(len as usize) else {
            return false;
        };
        cell.store(value.0, Ordering::Relaxed);
        self.values[len as usize].store(number.to_bits(), Ordering::Relaxed);
        self.len.store(len + 1, Ordering::Relaxed);
        true
    }

    /// Hands over what this piece holds, in order, and forgets it; true if there may be more behind it.
    fn take(&self, each: &mut impl FnMut(ValueRef, f64)) -> bool {
        let len = self.len.load(Ordering::Relaxed) as usize;
        for (name, number) in self.names.iter().zip(&self.values).take(len) {
            let number = f64::from_bits(number.load(Ordering::Relaxed));
            each(ValueRef(name.load(Ordering::Relaxed)), number);
        }
        self.len.store(0, Ordering::Relaxed);
        len == PENDING
    }
}

impl ShardValues {
    pub(crate) fn new() -> Self {
        Self {
            cells: Chunked::new(),
            pending: Chunked::new(),
        }
    }

    /// Keeps a value for the end of the call in this slot; false if the call has observed all a call may.
    pub(crate) fn observe(&self, slot: u32, value: ValueRef, number: f64) -> bool {
        let Some(cell) = self.pending.get_or_grow(slot) else {
            return false;
        };
        let mut piece: &'static Pending = cell.get_or_init(|| leak(Pending::new()));
        for _ in 0..MAX_PIECES {
            if piece.put(value, number) {
                return true;
            }
            piece = piece.next();
        }
        false
    }

    /// Hands over what the call in this slot observed.
    pub(crate) fn take(&self, slot: u32, duration: f64, mut each: impl FnMut(ValueRef, f64)) {
        let mut each = |value: ValueRef, number: f64| match value.0 & LEFT_AT_END {
            0 => each(value, number),
            _ => each(value, (number - duration).max(0.0)),
        };
        let mut next = self.pending.get(slot).and_then(Once::get);
        while let Some(piece) = next {
            let full = piece.take(&mut each);
            next = piece.more.get().filter(|_| full);
        }
    }

    /// Enters a value of the call that gets this number; only the owner.
    pub(crate) fn enter(&self, value: ValueRef, bounds: &[f64], seq: u64, number: f64) {
        let Some(cell) = self.cells.get_or_grow(value.index()) else {
            return;
        };
        let cells = cell.get_or_init(|| leak(ValueCells::new(value.kind())));
        cells.ring.push(seq, number);
        if let Some(histogram) = &cells.histogram
            && is_measure(number)
        {
            let bucket = bucket_of(bounds, number);
            observe(&histogram.counts, &histogram.sum, bucket, number);
        }
    }

    /// The cells of a value, if this shard ever saw it.
    pub(crate) fn cells(&self, name: u32) -> Option<&'static ValueCells> {
        self.cells.get(name)?.get()
    }
}

impl ValueCells {
    fn new(kind: ValueKind) -> Self {
        let histogram = (kind != ValueKind::Plain).then(|| ValueHistogram {
            counts: std::array::from_fn(|_| AtomicU64::new(0)),
            sum: AtomicU64::new(0),
        });
        Self {
            ring: ValueRing::new(),
            histogram,
        }
    }

    pub(crate) fn ring(&self) -> &ValueRing {
        &self.ring
    }

    /// Adds this shard's observations to a histogram.
    pub(crate) fn add_to(&self, total: &mut crate::data::family::Histogram) {
        if let Some(histogram) = &self.histogram {
            total.sum += f64::from_bits(histogram.sum.load(Ordering::Acquire));
            for (total, cell) in total.counts.iter_mut().zip(&histogram.counts) {
                *total += cell.load(Ordering::Acquire);
            }
        }
    }
}
