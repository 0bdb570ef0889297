//! The ring of last calls: end times and durations, and the values calls observed, kept by the call's place in it.

use crate::base::sync::{AtomicU32, AtomicU64, Once, Ordering, bump, leak};

/// Calls in a rolling mean, the original's window.
pub(crate) const WINDOW: u64 = if cfg!(all(test, monitor_loom)) {
    2
} else {
    100
};

/// Calls in the short mean, the original's too.
pub(crate) const LAST: usize = if cfg!(all(test, monitor_loom)) { 1 } else { 5 };

/// Entries of a ring: a power of two, so that a place is a mask away; the entries past [`WINDOW`] are what a writer
/// may overwrite while a reader reads the window.
const ENTRIES: usize = if cfg!(all(test, monitor_loom)) {
    4
} else {
    128
};

/// Ticks (as a power of two) in which end times are kept beside durations: 0.4 ms at 2.6 GHz.
const END_SHIFT: u32 = 20;

/// Set in an entry whose duration does not fit in 31 bits and stands in `long`.
pub(crate) const LONG: u64 = 1 << 31;

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "masked")]
fn place(seq: u64) -> usize {
    seq as usize & (ENTRIES - 1)
}

/// The last calls of a shard. One writer, any number of readers.
///
/// # Definition
///
/// An entry is one word: the low 32 bits of the end time in steps of 2^20 ticks, and the duration in ticks. Durations of
/// 2^31 ticks (0.8 s at 2.6 GHz) and more stand in a second array, made at first use: calls that long can pay for it,
/// short ones touch 8 bytes. So durations are exact at any length, and end times (only used to merge the rings of
/// several threads) to a step; their high bits follow from the exact end of the newest entry.
///
/// # Consistency
///
/// A reader takes the head, reads entries, takes the head again, and leaves out what the writer may have begun to
/// overwrite meanwhile: with `h` the second head, everything up to `h - ENTRIES`.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Ring {
    /// Calls ever entered; the next call's number.
    head: AtomicU64,
    /// When the newest ended, in steps.
    last_end: AtomicU64,
    long: Once<&'static [AtomicU64; ENTRIES]>,
    entries: [AtomicU64; ENTRIES],
}

fn cells() -> [AtomicU64; ENTRIES] {
    std::array::from_fn(|_| AtomicU64::new(0))
}

impl Ring {
    pub(crate) fn new() -> Self {
        Self {
            head: AtomicU64::new(0),
            last_end: AtomicU64::new(0),
            entries: cells(),
            long: Once::new(),
        }
    }

    /// The number the next call will have.
    #[inline]
    pub(crate) fn next(&self) -> u64 {
        self.head.load(Ordering::Relaxed)
    }

    /// Calls entered so far.
    pub(crate) fn entered(&self) -> u64 {
        self.head.load(Ordering::Acquire)
    }

    /// Enters a call; only the owner.
    // Every store is a Release and pairs with the reader's Acquire of the same cell: a reader that sees the new
    // content of a place then also sees a head that tells it to leave the old one out.
    #[inline]
    pub(crate) fn push(&self, end: u64, duration: u64) {
        let seq = self.next();
        // Never before the one entered last: a clock read on another core, or before a lock, may be behind, and what a
        // reader makes of the older entries' low bits hangs on this order.
        let step = (end >> END_SHIFT).max(self.last_end.load(Ordering::Relaxed));
        let mut word = (step << 32) | duration;
        if duration >= LONG {
            self.push_long(seq, duration);
            word = (step << 32) | LONG;
        }
        self.entries[place(seq)].store(word, Ordering::Release);
        self.last_end.store(step, Ordering::Relaxed);
        self.head.store(seq + 1, Ordering::Release);
    }

    #[cold]
    #[inline(never)]
    fn push_long(&self, seq: u64, duration: u64) {
        let long = self.long.get_or_init(|| leak(cells()));
        long[place(seq)].store(duration, Ordering::Release);
    }

    /// Loads the newest entries, so many: see [`MethodList`](crate::recording::method_list::MethodList).
    pub(crate) fn touch(&self, newest: u64) -> u64 {
        const LINE: usize = 8;
        let head = self.head.load(Ordering::Relaxed);
        let back = (0..=newest.min(head)).step_by(LINE);
        let places = back.map(|back| place(head.wrapping_sub(back)));
        let long = self.long.get();
        places.fold(head, |all, at| {
            let long = long.map_or(0, |long| long[at].load(Ordering::Relaxed));
            all ^ long ^ self.entries[at].load(Ordering::Relaxed)
        })
    }

    /// A cursor on the newest entry.
    pub(crate) fn cursor(&self) -> Cursor<'_> {
        let head = self.head.load(Ordering::Acquire);
        Cursor {
            ring: self,
            next: head,
            oldest: head.saturating_sub(WINDOW),
            later: self.last_end.load(Ordering::Relaxed),
        }
    }

    /// When the newest call ended, in ticks, to a step; `None` before the first.
    pub(crate) fn newest_end(&self) -> Option<u64> {
        // Acquire: pairs with the Release of the head, after which the end it goes with is there.
        let entered = self.head.load(Ordering::Acquire) > 0;
        entered.then(|| self.last_end.load(Ordering::Relaxed) << END_SHIFT)
    }

    /// The window's calls, to be looked at from the newest on.
    pub(crate) fn back(&self) -> Back<'_> {
        let head = self.head.load(Ordering::Acquire);
        Back {
            ring: self,
            head,
            looked: 0,
            later: self.last_end.load(Ordering::Relaxed),
        }
    }

    fn duration(&self, seq: u64, word: u64) -> Option<u64> {
        if word & LONG == 0 {
            return Some(word & (LONG - 1));
        }
        let long = self.long.get()?;
        Some(long[place(seq)].load(Ordering::Acquire))
    }

    /// The number from which entries are still what a cursor made before this read of them.
    pub(crate) fn intact_from(&self) -> u64 {
        // Acquire loads of the entries come before this one, so it sees the head their overwriting began at.
        (self.head.load(Ordering::Relaxed) + 1).saturating_sub(ENTRIES as u64)
    }
}

/// One call of a [`Ring`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its number in its shard.
    pub(crate) seq: u64,
    /// When it ended, in steps of 2^20 ticks.
    pub(crate) end: u64,
    /// Its duration in ticks.
    pub(crate) duration: u64,
}

/// Walks a ring from the newest call to the oldest of its window.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    ring: &'a Ring,
    next: u64,
    oldest: u64,
    /// An end time at or after that of the next entry.
    later: u64,
}

impl Iterator for Cursor<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        if self.next == self.oldest {
            return None;
        }
        self.next -= 1;
        let word = self.ring.entries[place(self.next)].load(Ordering::Acquire);
        let behind = self.later.wrapping_sub(word >> 32) & 0xffff_ffff;
        self.later = self.later.saturating_sub(behind);
        Some(Entry {
            seq: self.next,
            end: self.later,
            duration: self.ring.duration(self.next, word)?,
        })
    }
}

/// The calls of a ring's window: their ends one by one, newest first, and the durations of the newest in sum.
#[derive(Debug)]
pub(crate) struct Back<'a> {
    ring: &'a Ring,
    head: u64,
    /// How many ends were asked for.
    looked: u64,
    /// An end time at or after that of the next one.
    later: u64,
}

impl Back<'_> {
    /// How many calls there are.
    pub(crate) fn len(&self) -> usize {
        usize::try_from(self.head.min(WINDOW)).unwrap_or(usize::MAX)
    }

    /// When the next call ended, in steps; not to be asked more often than there are calls.
    #[inline]
    pub(crate) fn next_end(&mut self) -> u64 {
        self.looked += 1;
        let seq = self.head.wrapping_sub(self.looked);
        let word = self.ring.entries[place(seq)].load(Ordering::Acquire);
        let behind = self.later.wrapping_sub(word >> 32) & 0xffff_ffff;
        self.later = self.later.saturating_sub(behind);
        self.later
    }

    /// The number of the call this many back from the head; 1 is the newest.
    pub(crate) fn seq(&self, back: usize) -> u64 {
        self.head.wrapping_sub(back as u64)
    }

    /// The durations of so many of the newest calls, added up, in ticks.
    pub(crate) fn ticks(&self, newest: usize) -> u64 {
        let numbers = (1..=newest as u64).map(|back| self.head.wrapping_sub(back));
        numbers.fold(0, |sum, seq| {
            let word = self.ring.entries[place(seq)].load(Ordering::Acquire);
            sum.saturating_add(self.ring.duration(seq, word).unwrap_or_default())
        })
    }

    /// Whether nothing that was read may have been overwritten meanwhile.
    pub(crate) fn is_intact(&self) -> bool {
        self.ring.intact_from() <= self.head.saturating_sub(WINDOW)
    }
}

/// A value that some of the calls of a [`Ring`] observed.
#[derive(Debug)]
pub(crate) struct ValueRing {
    values: [AtomicU64; ENTRIES],
    /// Which call a value belongs to: its number above the place, plus 1; repeats after 2^39 calls.
    tags: [AtomicU32; ENTRIES],
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the part of the number a tag keeps"
)]
fn tag(seq: u64) -> u32 {
    ((seq / ENTRIES as u64) as u32).wrapping_add(1)
}

impl ValueRing {
    pub(crate) fn new() -> Self {
        Self {
            values: cells(),
            tags: std::array::from_fn(|_| AtomicU32::new(0)),
        }
    }

    /// Notes the value of the call that [`Ring::push`] is about to enter under this number; only the owner.
    pub(crate) fn push(&self, seq: u64, value: f64) {
        self.values[place(seq)].store(value.to_bits(), Ordering::Release);
        self.tags[place(seq)].store(tag(seq), Ordering::Release);
    }

    /// The value of a call, if it has one; to be trusted if [`Ring::intact_from`] then is not above `seq`.
    pub(crate) fn get(&self, seq: u64) -> Option<f64> {
        let found = self.tags[place(seq)].load(Ordering::Acquire) == tag(seq);
        found.then(|| f64::from_bits(self.values[place(seq)].load(Ordering::Acquire)))
    }
}

/// A count of what is recorded by one writer, for observations whose number is not that of the calls.
pub(crate) fn observe(counts: &[AtomicU64], sum: &AtomicU64, bucket: usize, value: f64) {
    bump(&counts[bucket], 1, Ordering::Release);
    // After the bucket, and read before it: the sum may lag, and never counts what the buckets do not.
    let total = f64::from_bits(sum.load(Ordering::Relaxed)) + value;
    sum.store(total.to_bits(), Ordering::Release);
}

#[cfg(all(test, not(monitor_loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_window_holds_the_last_hundred_exactly() {
        let ring = Ring::new();
        let ends = (0_u64..).map(|i| (i << END_SHIFT) + 17);
        for (end, i) in ends.zip(0..250) {
            ring.push(end, if i % 3 == 0 { i + (5 << 40) } else { i });
        }
        let entries: Vec<Entry> = ring.cursor().collect();
        assert_eq!(entries.len(), 100);
        for (entry, i) in entries.iter().zip((150..250).rev()) {
            let duration = if i % 3 == 0 { i + (5 << 40) } else { i };
            assert_eq!(
                *entry,
                Entry {
                    seq: i,
                    end: i,
                    duration
                }
            );
        }
    }

    #[test]
    fn end_times_outlive_the_wrap_of_their_low_bits() {
        let ring = Ring::new();
        let ends = [1_u64, 0xffff_ffff, 0x1_0000_0003, 0x5_0000_0001].map(|step| step << END_SHIFT);
        for end in &ends[..3] {
            ring.push(*end, 1);
        }
        let seen: Vec<u64> = ring.cursor().map(|entry| entry.end << END_SHIFT).collect();
        assert_eq!(seen, [ends[2], ends[1], ends[0]]);
    }

    #[test]
    fn the_newest_end_is_known_to_a_step_from_the_first_call_on() {
        let ring = Ring::new();
        assert_eq!(ring.newest_end(), None);
        ring.push(5, 5);
        assert_eq!(ring.newest_end(), Some(0));
        for (end, step) in [(7_u64 << END_SHIFT, 7), ((9 << END_SHIFT) + 1234, 9)] {
            ring.push(end, 1);
            assert_eq!(ring.newest_end(), Some(step << END_SHIFT));
        }
    }

    #[test]
    fn an_end_that_steps_back_leaves_the_older_ones_where_they_were() {
        let ring = Ring::new();
        for step in [100_u64, 200, 199] {
            ring.push(step << END_SHIFT, step);
        }
        let seen: Vec<(u64, u64)> = ring.cursor().map(|one| (one.end, one.duration)).collect();
        assert_eq!(seen, [(200, 199), (200, 200), (100, 100)]);
    }

    #[test]
    fn what_a_writer_overwrote_meanwhile_is_told() {
        let ring = Ring::new();
        for i in 0..100 {
            ring.push(i, i);
        }
        let newest = ring.cursor().next().map(|entry| entry.seq);
        assert_eq!(newest, Some(99));
        assert_eq!(ring.intact_from(), 0);
        for i in 100..200 {
            ring.push(i, i);
        }
        assert_eq!(ring.intact_from(), 200 + 1 - ENTRIES as u64);
    }

    #[test]
    fn a_value_belongs_to_one_call_only() {
        let values = ValueRing::new();
        values.push(3, 1.5);
        assert_eq!(values.get(3), Some(1.5));
        assert_eq!(values.get(3 + ENTRIES as u64), None);
        assert_eq!(values.get(4), None);
        values.push(3 + ENTRIES as u64, 2.5);
        assert_eq!(values.get(3), None);
    }
}
