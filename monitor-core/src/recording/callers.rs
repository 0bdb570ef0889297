//! Counts by caller: how often the calls of a shard were made from each method.
//!
//! An entry call has no caller, and counts under [`ENTRY`]. The methods that call one are few and do not change, so the
//! first of them stand in the shard itself, found by their number alone; the rest stand behind a table of lists, made
//! at the first use. A place belongs to the caller that came there first, so every count is exact.
//!
//! A caller in the shard itself is a method with one label set, as the current call has it. In the lists all label sets
//! of a method are one caller, so that there are never more than there are methods.

use crate::base::append::{IN_MODEL, Link, push, walk};
use crate::base::sync::{Acquire, AtomicU32, AtomicU64, Once, Relaxed, Release, bump, leak};
use crate::recording::store::StorageCore;

/// The number that stands for no caller. Numbers of methods begin at 1.
pub(crate) const ENTRY: u32 = 0;

/// Callers in the shard itself: a power of two.
const INLINE: usize = if IN_MODEL { 1 } else { 4 };

/// Lists of the others: a power of two.
const LISTS: usize = if IN_MODEL { 1 } else { 64 };

/// No caller came to this place yet.
const FREE: u32 = u32::MAX;

/// Counts by the number of the calling method; one writer, any number of readers.
///
/// # Consistency
///
/// Each count is a Release store and pairs with the Acquire of a reader: a reader that sees what its writer stored
/// after a count sees the count.
// One cache line of a shard.
#[repr(C, align(64))]
pub(crate) struct CallerCounts {
    counts: [AtomicU64; INLINE],
    callers: [AtomicU32; INLINE],
    more: Once<&'static [Link<Caller>; LISTS]>,
}

/// One caller that is not in the shard itself.
struct Caller {
    number: u32,
    count: AtomicU64,
    next: Link<Caller>,
}

impl Default for CallerCounts {
    fn default() -> Self {
        Self {
            counts: std::array::from_fn(|_| AtomicU64::new(0)),
            callers: std::array::from_fn(|_| AtomicU32::new(FREE)),
            more: Once::new(),
        }
    }
}

impl CallerCounts {
    /// One more, of a caller in this storage; only the shard's owner.
    // A closure: the storage is found where it is needed, and not on the way there.
    #[inline]
    pub(crate) fn bump<'a>(&self, caller: u32, storage: impl FnOnce() -> &'a StorageCore) {
        let at = caller as usize & (INLINE - 1);
        if self.callers[at].load(Relaxed) == caller {
            bump(&self.counts[at], 1, Release);
        } else {
            self.bump_other(caller, storage());
        }
    }

    #[cold]
    #[inline(never)]
    fn bump_other(&self, caller: u32, storage: &StorageCore) {
        let at = caller as usize & (INLINE - 1);
        if self.callers[at].load(Relaxed) == FREE {
            // Before the count, which is a Release.
            self.callers[at].store(caller, Relaxed);
            bump(&self.counts[at], 1, Release);
            return;
        }
        let caller = storage.plain_number(caller);
        let lists = self
            .more
            .get_or_init(|| leak(std::array::from_fn(|_| Once::new())));
        let list = &lists[(caller as usize / INLINE) & (LISTS - 1)];
        let known = walk(list, |one| &one.next).find(|one| one.number == caller);
        let one = known.unwrap_or_else(|| {
            let new = leak(Caller {
                number: caller,
                count: AtomicU64::new(0),
                next: Once::new(),
            });
            push(list, new, |one| &one.next)
        });
        bump(&one.count, 1, Release);
    }

    /// All callers with their counts, none of them 0; the label sets of a method may be several.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        // The count first: a place that has one has its caller.
        let inline = self
            .counts
            .iter()
            .zip(&self.callers)
            .map(|(count, caller)| {
                let count = count.load(Acquire);
                (caller.load(Relaxed), count)
            });
        let lists = self.more.get().into_iter().flatten();
        let others = lists.flat_map(|list| walk(list, |one| &one.next));
        let others = others.map(|one| (one.number, one.count.load(Acquire)));
        inline.chain(others).filter(|(_, count)| *count > 0)
    }

    /// The sum of all counts.
    pub(crate) fn sum(&self) -> u64 {
        // Not by `iter`: this is all that a look reads of an idle method.
        let inline: u64 = self.counts.iter().map(|count| count.load(Acquire)).sum();
        self.more.get().map_or(inline, |lists| {
            let others = lists.iter().flat_map(|list| walk(list, |one| &one.next));
            inline + others.map(|one| one.count.load(Acquire)).sum::<u64>()
        })
    }

    /// Loads its line: see [`MethodList`](crate::recording::method::MethodList).
    pub(crate) fn prefetch(&self) -> u64 {
        self.counts[0].load(Relaxed)
    }
}

#[cfg(all(test, not(monitor_loom)))]
mod tests {
    use super::*;
    use crate::base::clock::Clock;
    use crate::data::labels::Label;
    use crate::recording::config::StorageConfig;

    fn sorted(counts: &CallerCounts) -> Vec<(u32, u64)> {
        let mut all: Vec<_> = counts.iter().collect();
        all.sort_unstable();
        all
    }

    fn storage() -> &'static StorageCore {
        StorageCore::new(StorageConfig::default(), Clock::system())
    }

    #[test]
    fn every_caller_has_a_count_of_its_own() {
        // Numbers without a method stand for themselves.
        let (counts, storage) = (CallerCounts::default(), storage());
        for round in 0..3 {
            for caller in 0..1000 {
                counts.bump(caller, || storage);
            }
            assert_eq!(counts.sum(), 1000 * (round + 1));
        }
        assert!(
            sorted(&counts)
                .into_iter()
                .eq((0..1000).map(|caller| (caller, 3)))
        );
    }

    #[test]
    fn callers_that_meet_in_one_place_are_told_apart() {
        let (counts, storage) = (CallerCounts::default(), storage());
        // Of the same place, and of the same list.
        let apart = u32::try_from(INLINE * LISTS).expect("it is small");
        for caller in [ENTRY, apart, ENTRY, 2 * apart, apart, apart] {
            counts.bump(caller, || storage);
        }
        assert_eq!(sorted(&counts), [(ENTRY, 2), (apart, 3), (2 * apart, 1)]);
    }

    #[test]
    fn many_label_sets_of_a_caller_are_few_callers() {
        let (counts, storage) = (CallerCounts::default(), storage());
        let plain = storage.method("Serve of many");
        let sets: Vec<u32> = (0..100)
            .map(|set| {
                let label = Label::new("set".to_owned(), set.to_string().as_str());
                plain.with_labels(vec![label]).id
            })
            .collect();
        for set in sets.iter().chain(&sets) {
            counts.bump(*set, || storage);
        }
        assert_eq!(counts.sum(), 200);
        assert!(counts.iter().count() <= INLINE + 1);
        let all = counts
            .iter()
            .map(|(caller, _)| storage.plain_number(caller));
        assert!(all.into_iter().all(|caller| caller == plain.id));
    }

    #[test]
    fn it_fills_one_cache_line() {
        assert_eq!(size_of::<CallerCounts>(), 64);
    }
}
