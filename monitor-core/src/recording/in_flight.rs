//! Slots of tasks in flight: claimed at the start of a call, released at its end, read for ages.
//!
//! A shard's owner claims and releases with plain stores. A call that ends on another thread pushes its slot on a stack
//! threaded through the slots themselves (as allocators do with memory freed elsewhere); the owner takes the stack
//! whole when it runs out of slots. Nothing is searched and nothing waits, and as only the owner takes, and takes all,
//! the stack has no ABA problem.

use crate::base::append::{Chunked, IN_MODEL};
use crate::base::sync::{Acquire, AtomicU32, AtomicU64, Once, Relaxed, Release, leak};

/// Slots in the shard itself; more come on demand.
const INLINE: u32 = if IN_MODEL { 1 } else { 16 };

/// Lowest bit of a slot: set while a task is in flight, its start time above; clear while the slot is free, the
/// number of the next free one (plus 1) above.
const BUSY: u64 = 1;

/// Highest bit of a slot: set while the body of its task is suspended.
const SUSPENDED: u64 = 1 << 63;

/// The end of a list of free slots.
const NONE: u32 = 0;

/// The slots of one shard.
///
/// # Consistency
///
/// A reader sees each task that is in flight for the whole of its read, with its start time; one that starts or ends
/// meanwhile may be seen or not. Each store into a slot is a Release and pairs with the Acquire in `starts`, so an age
/// is never read of a slot's earlier task.
pub(crate) struct TaskSlots {
    /// Free inline slots, a bit each; the owner's alone.
    free: AtomicU32,
    /// Slots released on other threads, as a list through the slots.
    released: AtomicU32,
    inline: [AtomicU64; INLINE as usize],
    more: Once<&'static MoreSlots>,
}

#[derive(Default)]
struct MoreSlots {
    slots: Chunked<AtomicU64>,
    /// Head of the list of free ones; the owner's alone.
    free: AtomicU32,
    /// How many were ever used; the owner's alone.
    used: AtomicU32,
}

impl TaskSlots {
    pub(crate) fn new() -> Self {
        Self {
            free: AtomicU32::new((1 << INLINE) - 1),
            released: AtomicU32::new(NONE),
            inline: Default::default(),
            more: Once::new(),
        }
    }

    /// Claims a slot for a task that starts now; only the owner.
    #[inline]
    pub(crate) fn claim(&self, start: u64) -> u32 {
        let free = self.free.load(Relaxed);
        let slot = free.trailing_zeros();
        if slot >= INLINE {
            return self.claim_more(start);
        }
        self.free.store(free & (free - 1), Relaxed);
        // Release: pairs with the Acquire in `starts`, so an age is never read of a slot's earlier task.
        self.inline[slot as usize].store((start << 1) | BUSY, Release);
        slot
    }

    #[cold]
    #[inline(never)]
    fn claim_more(&self, start: u64) -> u32 {
        self.reclaim();
        if self.free.load(Relaxed) != 0 {
            return self.claim(start);
        }
        let more = self.more.get_or_init(|| leak(MoreSlots::default()));
        let free = more.free.load(Relaxed).checked_sub(1);
        let slot = if let Some((slot, cell)) = free.and_then(|slot| Some((slot, self.cell(slot)?)))
        {
            more.free.store(link(cell.load(Relaxed)), Relaxed);
            slot
        } else {
            // Past 2^27 tasks in flight on one thread they share a slot that does not exist: counted, but without an
            // age and with a duration of zero.
            let used = more.used.load(Relaxed);
            more.used.store(used.saturating_add(1), Relaxed);
            INLINE.saturating_add(used)
        };
        if let Some(cell) = more.slots.get_or_grow(slot - INLINE) {
            cell.store((start << 1) | BUSY, Release);
        }
        slot
    }

    /// [`start_of`](Self::start_of) for a slot in the shard itself, whose task runs.
    #[inline]
    pub(crate) fn inline_start(&self, slot: u32) -> Option<u64> {
        let cell = self.inline.get(slot as usize)?;
        Some(cell.load(Relaxed) >> 1)
    }

    /// The start time in a slot; only the holder of the claim.
    // Relaxed: handing the claim to another thread orders the store of the start time too.
    #[inline]
    pub(crate) fn start_of(&self, slot: u32) -> Option<u64> {
        self.cell(slot).map(|cell| start(cell.load(Relaxed)))
    }

    /// Where the task in this slot notes that it is suspended.
    #[inline]
    pub(crate) fn suspension(&'static self, slot: u32) -> Suspension {
        Suspension(self.cell(slot))
    }

    /// Releases a slot; only the owner.
    #[inline]
    pub(crate) fn release(&self, slot: u32) {
        if let Some(cell) = self.inline.get(slot as usize) {
            cell.store(0, Release);
            let free = self.free.load(Relaxed);
            self.free.store(free | (1 << slot), Relaxed);
        } else {
            self.release_more(slot);
        }
    }

    #[cold]
    #[inline(never)]
    fn release_more(&self, slot: u32) {
        if let (Some(more), Some(cell)) = (self.more.get(), self.cell(slot)) {
            let head = more.free.load(Relaxed);
            cell.store(u64::from(head) << 1, Release);
            more.free.store(slot + 1, Relaxed);
        }
    }

    /// Releases a slot from a thread that is not the owner's.
    pub(crate) fn release_elsewhere(&self, slot: u32) {
        let Some(cell) = self.cell(slot) else { return };
        let mut head = self.released.load(Relaxed);
        loop {
            cell.store(u64::from(head) << 1, Release);
            // Release: pairs with the Acquire in `reclaim`, which then reads the link just stored.
            match self
                .released
                .compare_exchange_weak(head, slot + 1, Release, Relaxed)
            {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// Takes back the slots that other threads released; only the owner.
    fn reclaim(&self) {
        if self.released.load(Relaxed) == NONE {
            return;
        }
        let mut next = self.released.swap(NONE, Acquire);
        while let Some(slot) = next.checked_sub(1) {
            let Some(cell) = self.cell(slot) else { return };
            next = link(cell.load(Relaxed));
            self.release(slot);
        }
    }

    #[inline]
    fn cell(&self, slot: u32) -> Option<&AtomicU64> {
        match self.inline.get(slot as usize) {
            Some(cell) => Some(cell),
            None => self.more(slot),
        }
    }

    #[cold]
    #[inline(never)]
    fn more(&self, slot: u32) -> Option<&AtomicU64> {
        self.more.get()?.slots.get(slot - INLINE)
    }

    /// Start times of the tasks in flight, in ticks.
    pub(crate) fn starts(&self) -> impl Iterator<Item = u64> + '_ {
        let busy = |cell: &AtomicU64| {
            let word = cell.load(Acquire);
            (word & BUSY != 0).then(|| start(word))
        };
        let more = self.more.get().into_iter();
        let more = more.flat_map(|more| more.slots.iter());
        self.inline
            .iter()
            .filter_map(busy)
            .chain(more.filter_map(busy))
    }
}

/// The bit of a call's slot that is set while its body is suspended at one of its awaits. Only the code that polls or
/// drops the body reads or writes it, and has the body alone.
///
/// A call past the limit of slots has no such place, and counts as running.
#[derive(Debug, Clone, Copy)]
pub struct Suspension(Option<&'static AtomicU64>);

impl Suspension {
    pub(crate) fn is_suspended(self) -> bool {
        self.0
            .is_some_and(|cell| cell.load(Relaxed) & SUSPENDED != 0)
    }

    // Release, here and below: pairs with the Acquire in `starts`, whose reader is to see all that the store of the
    // start time published.
    #[inline]
    pub(crate) fn suspend(self) {
        if let Some(cell) = self.0 {
            let word = cell.load(Relaxed);
            cell.store(word | SUSPENDED, Release);
        }
    }

    /// Writes nothing at a body's first poll.
    #[inline]
    pub(crate) fn resume(self) {
        if let Some(cell) = self.0 {
            let word = cell.load(Relaxed);
            if word & SUSPENDED != 0 {
                cell.store(word & !SUSPENDED, Release);
            }
        }
    }
}

/// The start time a busy slot keeps.
#[inline]
fn start(word: u64) -> u64 {
    (word & !SUSPENDED) >> 1
}

/// The next free slot (plus 1) a free slot names.
#[expect(clippy::cast_possible_truncation, reason = "a slot number was put in")]
fn link(word: u64) -> u32 {
    (word >> 1) as u32
}

#[cfg(all(test, not(monitor_loom)))]
mod tests {
    use super::*;

    fn starts(slots: &TaskSlots) -> Vec<u64> {
        let mut starts: Vec<u64> = slots.starts().collect();
        starts.sort_unstable();
        starts
    }

    #[test]
    fn every_task_in_flight_is_seen_and_no_other() {
        let slots = TaskSlots::new();
        let claimed: Vec<u32> = (0..1000).map(|start| slots.claim(start)).collect();
        assert_eq!(starts(&slots), (0..1000).collect::<Vec<u64>>());
        for slot in claimed.iter().step_by(2) {
            slots.release(*slot);
        }
        assert_eq!(starts(&slots), (1..1000).step_by(2).collect::<Vec<u64>>());
    }

    #[test]
    fn a_suspended_task_keeps_its_start() {
        let slots: &'static TaskSlots = leak(TaskSlots::new());
        let claimed: Vec<u32> = (0..40).map(|start| slots.claim(start)).collect();
        for slot in &claimed {
            let suspension = slots.suspension(*slot);
            assert!(!suspension.is_suspended());
            suspension.suspend();
            assert!(suspension.is_suspended());
            assert_eq!(slots.start_of(*slot), Some(u64::from(*slot)));
        }
        assert_eq!(starts(slots), (0..40).collect::<Vec<u64>>());
        slots.suspension(claimed[0]).resume();
        assert!(!slots.suspension(claimed[0]).is_suspended());
        slots.release(claimed[1]);
        let again = slots.claim(7);
        assert!(!slots.suspension(again).is_suspended());
        assert!(!slots.suspension(u32::MAX).is_suspended());
    }

    #[test]
    fn slots_released_elsewhere_are_used_again() {
        let slots: &'static TaskSlots = leak(TaskSlots::new());
        for round in 0..100 {
            let claimed: Vec<u32> = (0..40).map(|start| slots.claim(start)).collect();
            assert!(claimed.iter().all(|slot| *slot < 80), "round {round}");
            let threads: Vec<_> = claimed
                .chunks(10)
                .map(<[u32]>::to_vec)
                .map(|part| {
                    std::thread::spawn(move || {
                        for slot in part {
                            slots.release_elsewhere(slot);
                        }
                    })
                })
                .collect();
            for thread in threads {
                assert!(thread.join().is_ok());
            }
            assert_eq!(starts(slots), Vec::<u64>::new());
        }
    }
}
