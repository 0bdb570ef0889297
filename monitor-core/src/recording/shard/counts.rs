//! Counts of calls by bucket, of one outcome.

use crate::base::sync::{AtomicU64, Once, Ordering, bump, leak};
use crate::data::buckets::MAX_BUCKETS;

/// Buckets of one outcome.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Counts {
    /// The buckets that are not empty, a bit each: a method's calls are alike, and a reader need not look at the rest. The
    /// last bit stands for those past the common bounds' number too.
    used: AtomicU64,
    /// Those past the common bounds' number: only where a method has bounds of its own.
    far: Once<&'static [AtomicU64; MAX_BUCKETS]>,
    near: [AtomicU64; MAX_BUCKETS],
}

fn cells() -> [AtomicU64; MAX_BUCKETS] {
    std::array::from_fn(|_| AtomicU64::new(0))
}

impl Counts {
    pub(super) fn new() -> Self {
        Self {
            used: AtomicU64::new(0),
            far: Once::new(),
            near: cells(),
        }
    }

    /// The cell of a bucket that is not empty, for the common way of a call.
    #[inline]
    pub(super) fn used_cell(&self, bucket: usize) -> Option<&AtomicU64> {
        let cell = self.near.get(bucket)?;
        (self.used.load(Ordering::Relaxed) & (1 << bucket) != 0).then_some(cell)
    }

    /// One more; only the owner.
    pub(super) fn bump(&self, bucket: usize) {
        let used = self.used.load(Ordering::Relaxed);
        let bit = 1 << bucket.min(MAX_BUCKETS - 1);
        if used & bit == 0 {
            // Release: pairs with the Acquire in `add_to`; who learns of the count otherwise finds the bit set.
            self.used.store(used | bit, Ordering::Release);
        }
        // Release: pairs with the Acquire of who adds the shards up.
        match self.near.get(bucket) {
            Some(cell) => bump(cell, 1, Ordering::Release),
            None => self.bump_far(bucket),
        }
    }

    #[cold]
    #[inline(never)]
    fn bump_far(&self, bucket: usize) {
        let far = self.far.get_or_init(|| leak(cells()));
        bump(&far[bucket % MAX_BUCKETS], 1, Ordering::Release);
    }

    pub(super) fn sum(&self) -> u64 {
        let sum = |cells: &[AtomicU64]| -> u64 {
            let counts = cells.iter().map(|cell| cell.load(Ordering::Acquire));
            counts.sum()
        };
        sum(&self.near) + self.far.get().map_or(0, |far| sum(far))
    }

    /// Adds them to totals; gives how many there are.
    pub(super) fn add_to(&self, total: &mut [u64]) -> u64 {
        let mut used = self.used.load(Ordering::Acquire);
        if used >> (MAX_BUCKETS - 1) != 0 {
            return self.add_all_to(total);
        }
        let mut sum = 0;
        while used != 0 {
            let bucket = used.trailing_zeros() as usize;
            used &= used - 1;
            if let (Some(total), Some(cell)) = (total.get_mut(bucket), self.near.get(bucket)) {
                let count = cell.load(Ordering::Acquire);
                *total += count;
                sum += count;
            }
        }
        sum
    }

    #[cold]
    fn add_all_to(&self, total: &mut [u64]) -> u64 {
        let (near, far) = total.split_at_mut(total.len().min(MAX_BUCKETS));
        let more = self.far.get().map_or(0, |cells| add(far, cells));
        add(near, &self.near) + more
    }

    /// Which buckets are not empty, as far as this thread sees: see [`MethodList`](crate::recording::method_list::MethodList).
    pub(super) fn touch_used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Loads the lines of the buckets that are not empty: see [`MethodList`](crate::recording::method_list::MethodList).
    pub(super) fn touch(&self) -> u64 {
        const LINE: u32 = 8;
        let (mut used, mut all) = (self.used.load(Ordering::Relaxed), 0);
        while used != 0 {
            let bucket = used.trailing_zeros();
            let cell = self.near.get(bucket as usize);
            all ^= cell.map_or(0, |cell| cell.load(Ordering::Relaxed));
            let next_line = bucket / LINE * LINE + LINE;
            used &= (!0_u64).checked_shl(next_line).unwrap_or(0);
        }
        all
    }
}

fn add(total: &mut [u64], cells: &[AtomicU64]) -> u64 {
    let mut sum = 0;
    for (total, cell) in total.iter_mut().zip(cells) {
        let count = cell.load(Ordering::Acquire);
        *total += count;
        sum += count;
    }
    sum
}
