//! The ring of a shard's last calls: when each ended, how long it took, what it observed, and whether it failed.

use crate::base::append::IN_MODEL;
use crate::base::sync::{Acquire, AtomicU32, AtomicU64, Once, Relaxed, Release, leak};
use crate::recording::successes::BATCH;

/// Calls in a rolling mean, the original's window.
pub(crate) const WINDOW: u64 = if IN_MODEL { 2 } else { 100 };

/// Calls in the short mean, the original's too.
pub(crate) const LAST: usize = if IN_MODEL { 1 } else { 5 };

/// Entries of a ring: a power of two, so that a place is a mask away; the entries past [`WINDOW`] may be overwritten
/// while a reader reads the window.
const ENTRIES: usize = if IN_MODEL { 4 } else { 128 };

/// Ticks (as a power of two) in which end times are kept beside durations: 0.4 ms at 2.6 GHz.
const END_SHIFT: u32 = 20;

/// Set in an entry whose duration does not fit in 31 bits and stands in `long`.
pub(crate) const LONG: u64 = 1 << 31;

/// Set in an entry of a call that failed.
const FAILED: u64 = 1 << 32;

/// Where the end of a call stands in its entry, and how many bits of it.
const END_BITS: u32 = 31;
const END_AT: u32 = u64::BITS - END_BITS;

fn cells<const N: usize>() -> [AtomicU64; N] {
    std::array::from_fn(|_| AtomicU64::new(0))
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "masked")]
fn place(seq: u64) -> usize {
    seq as usize & (ENTRIES - 1)
}

/// The last calls of a shard. One writer, any number of readers.
///
/// # Definition
///
/// An entry is one word: the low 31 bits of the end time in steps of 2^20 ticks, whether the call failed, and the
/// duration in ticks. Durations of 2^31 ticks (0.8 s at 2.6 GHz) and more stand in a second array, made at first use:
/// calls that long can pay for it, short ones touch 8 bytes. So durations are exact at any length, and end times (only
/// used to merge the rings of several threads) to a step; their high bits follow from the exact end of the newest entry,
/// unless ten days lie between two calls.
///
/// # Consistency
///
/// A reader takes the head, reads entries, takes the head again, and leaves out the entries that the writer may have
/// begun to overwrite meanwhile: with `h` the second head, everything up to `h - ENTRIES`.
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

impl Ring {
    /// Where its entries begin.
    #[cfg(all(test, not(monitor_loom)))]
    pub(crate) const ENTRIES_AT: usize = std::mem::offset_of!(Self, entries);

    pub(crate) fn new() -> Self {
        Self {
            head: AtomicU64::new(0),
            last_end: AtomicU64::new(0),
            long: Once::new(),
            entries: cells(),
        }
    }

    /// The number the next call will have.
    #[inline]
    pub(crate) fn next(&self) -> u64 {
        self.head.load(Relaxed)
    }

    /// Enters a call that succeeded in less than [`LONG`] ticks, and returns how many calls have been entered; only the
    /// owner.
    #[inline]
    pub(crate) fn push_short(&self, end: u64, duration: u64) -> u64 {
        self.enter(end, duration)
    }

    /// The same of any call that succeeded.
    pub(crate) fn push(&self, end: u64, duration: u64) -> u64 {
        self.enter(end, self.kept(duration))
    }

    /// The same of a call that failed.
    pub(crate) fn push_failed(&self, end: u64, duration: u64) -> u64 {
        self.enter(end, FAILED | self.kept(duration))
    }

    /// A duration as the next entry has it.
    fn kept(&self, duration: u64) -> u64 {
        if duration < LONG {
            return duration;
        }
        self.push_long(self.next(), duration);
        LONG
    }

    /// Enters a call: its end, and the rest of the entry.
    // Every store that a reader compares with the head is a Release and pairs with the reader's Acquire of the same cell: a reader that sees the new
    // content of a place then also sees a head that makes it leave the old one out.
    #[inline]
    fn enter(&self, end: u64, rest: u64) -> u64 {
        let seq = self.next();
        // Never before the one entered last: a clock read on another core, or before a lock, may be behind, and readers
        // rely on this order to complete the older entries' low bits.
        let step = (end >> END_SHIFT).max(self.last_end.load(Relaxed));
        self.entries[place(seq)].store((step << END_AT) | rest, Release);
        self.last_end.store(step, Relaxed);
        self.head.store(seq + 1, Release);
        seq + 1
    }

    #[cold]
    #[inline(never)]
    fn push_long(&self, seq: u64, duration: u64) {
        let long = self.long.get_or_init(|| leak(cells()));
        long[place(seq)].store(duration, Release);
    }

    /// Loads the newest entries, so many: see [`MethodList`](crate::recording::method::MethodList).
    pub(crate) fn prefetch(&self, newest: u64) -> u64 {
        const LINE: usize = 8;
        let head = self.head.load(Relaxed);
        let back = (0..=newest.min(head)).step_by(LINE);
        let places = back.map(|back| place(head.wrapping_sub(back)));
        let long = self.long.get();
        places.fold(head, |all, at| {
            let long = long.map_or(0, |long| long[at].load(Relaxed));
            all ^ long ^ self.entries[at].load(Relaxed)
        })
    }

    /// A cursor on the newest entry.
    pub(crate) fn cursor(&self) -> Cursor<'_> {
        let head = self.head.load(Acquire);
        Cursor {
            ring: self,
            head,
            next: head,
            later: self.last_end.load(Relaxed),
        }
    }

    /// When the newest call ended, in ticks, to a step; `None` before the first.
    pub(crate) fn newest_end(&self) -> Option<u64> {
        // Acquire: pairs with the Release of the head, after which the end it goes with is there.
        let entered = self.head.load(Acquire) > 0;
        entered.then(|| self.last_end.load(Relaxed) << END_SHIFT)
    }

    fn word(&self, seq: u64) -> u64 {
        self.entries[place(seq)].load(Acquire)
    }

    fn duration(&self, seq: u64, word: u64) -> Option<u64> {
        if word & LONG == 0 {
            return Some(word & (LONG - 1));
        }
        let long = self.long.get()?;
        Some(long[place(seq)].load(Acquire))
    }

    /// The durations of a batch, if all of its calls succeeded in less than [`LONG`] ticks; only the owner.
    #[inline]
    pub(crate) fn usual_batch(&self, first: u64) -> Option<impl Iterator<Item = u64> + Clone> {
        let (batches, _) = self.entries.as_chunks::<BATCH>();
        let words = batches[place(first) / BATCH].iter();
        let words = words.map(|entry| entry.load(Relaxed));
        let any = words.clone().fold(0, |any, word| any | word);
        (any & (FAILED | LONG) == 0).then(|| words.map(|word| word & (LONG - 1)))
    }

    /// How many calls have been entered.
    pub(crate) fn entered(&self) -> u64 {
        self.head.load(Acquire)
    }

    /// The duration of a call that succeeded; to be trusted if [`intact_from`](Self::intact_from) then is not above `seq`.
    #[inline]
    pub(crate) fn success(&self, seq: u64) -> Option<u64> {
        let word = self.word(seq);
        (word & FAILED == 0).then(|| self.duration(seq, word).unwrap_or_default())
    }

    /// The number of the oldest entry that was not overwritten since a cursor made before this call read it.
    pub(crate) fn intact_from(&self) -> u64 {
        // Acquire loads of the entries come before this one, so it sees the head their overwriting began at.
        (self.head.load(Relaxed) + 1).saturating_sub(ENTRIES as u64)
    }
}

/// One call of a [`Ring`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RingEntry {
    /// Its number in its shard.
    pub(crate) seq: u64,
    /// When it ended, in steps of 2^20 ticks.
    pub(crate) end: u64,
    /// Its duration in ticks.
    pub(crate) duration: u64,
}

impl RingEntry {
    /// When it ended, in ticks, as exactly as that is kept.
    pub(crate) const fn end_ticks(&self) -> u64 {
        self.end << END_SHIFT
    }
}

/// Walks a ring from the newest call to the oldest of its window: entry by entry, or the ends one by one and the
/// durations of the newest in sum.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    ring: &'a Ring,
    head: u64,
    /// The number of the entry before which it stands.
    next: u64,
    /// An end time at or after that of the next entry.
    later: u64,
}

impl Cursor<'_> {
    /// The number of the oldest call of the window.
    fn oldest(&self) -> u64 {
        self.head.saturating_sub(WINDOW)
    }

    /// How many calls the window has.
    pub(crate) fn len(&self) -> usize {
        usize::try_from(self.head.min(WINDOW)).unwrap_or(usize::MAX)
    }

    /// The word of the next entry; `later` is then when its call ended.
    #[inline]
    fn step(&mut self) -> u64 {
        self.next = self.next.wrapping_sub(1);
        let word = self.ring.word(self.next);
        let behind = self.later.wrapping_sub(word >> END_AT) & ((1 << END_BITS) - 1);
        self.later = self.later.saturating_sub(behind);
        word
    }

    /// When the next call ended, in steps; not to be asked more often than there are calls.
    #[inline]
    pub(crate) fn next_end(&mut self) -> u64 {
        self.step();
        self.later
    }

    /// The number of the call this many back from the head; 1 is the newest.
    pub(crate) fn seq(&self, back: usize) -> u64 {
        self.head.wrapping_sub(back as u64)
    }

    /// The durations of so many of the newest calls, added up, in ticks.
    pub(crate) fn ticks(&self, newest: usize) -> u64 {
        (1..=newest).fold(0, |sum, back| {
            let seq = self.seq(back);
            let duration = self.ring.duration(seq, self.ring.word(seq));
            sum.saturating_add(duration.unwrap_or_default())
        })
    }

    /// True if nothing that was read may have been overwritten meanwhile.
    pub(crate) fn is_intact(&self) -> bool {
        self.ring.intact_from() <= self.oldest()
    }
}

impl Iterator for Cursor<'_> {
    type Item = RingEntry;

    fn next(&mut self) -> Option<RingEntry> {
        if self.next == self.oldest() {
            return None;
        }
        let word = self.step();
        Some(RingEntry {
            seq: self.next,
            end: self.later,
            duration: self.ring.duration(self.next, word)?,
        })
    }
}

/// A value that some of the calls of a [`Ring`] observed.
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
        self.values[place(seq)].store(value.to_bits(), Release);
        self.tags[place(seq)].store(tag(seq), Release);
    }

    /// The value of a call, if it has one; to be trusted if [`Ring::intact_from`] then is not above `seq`.
    pub(crate) fn get(&self, seq: u64) -> Option<f64> {
        let found = self.tags[place(seq)].load(Acquire) == tag(seq);
        found.then(|| f64::from_bits(self.values[place(seq)].load(Acquire)))
    }
}

/// Which of the calls of a [`Ring`] failed, and why: a call without an entry succeeded, so a success writes none.
#[derive(Debug)]
pub(crate) struct FailureRing {
    /// The low 32 bits of the call's number above its place, plus 1; and its error type.
    entries: [AtomicU64; ENTRIES],
}

impl Default for FailureRing {
    fn default() -> Self {
        Self { entries: cells() }
    }
}

impl FailureRing {
    /// Notes the failure of the call that [`Ring::push`] is about to enter under this number; only the owner.
    // Release: pairs with the Acquire below. A reader that sees a newer failure also sees a head that makes it leave
    // the call out.
    pub(crate) fn push(&self, seq: u64, error_type: u32) {
        let word = u64::from(tag(seq)) << 32 | u64::from(error_type);
        self.entries[place(seq)].store(word, Release);
    }

    pub(crate) fn get(&self, seq: u64) -> Option<u32> {
        let word = self.entries[place(seq)].load(Acquire);
        let is_its = word >> 32 == u64::from(tag(seq));
        #[expect(clippy::cast_possible_truncation, reason = "the low half")]
        is_its.then_some(word as u32)
    }
}

#[cfg(all(test, not(monitor_loom)))]
mod tests;
