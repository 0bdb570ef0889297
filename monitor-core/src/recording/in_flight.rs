//! Slots of tasks in flight: claimed at the start of a call, released at its end, read for ages and callers.
//!
//! A slot keeps when its call started, and the call it was made from ([`CallWord`]).
//!
//! A shard's owner claims and releases with plain stores. A call that ends on another thread pushes its slot on a stack
//! threaded through the slots themselves (as allocators do with memory freed elsewhere); the owner takes the stack
//! whole when it runs out of slots. Nothing is searched and nothing waits, and as only the owner takes, and takes all,
//! the stack has no ABA problem.

use crate::base::append::{Chunked, IN_MODEL, Table};
use crate::base::sync::{Acquire, AtomicU32, AtomicU64, Once, Relaxed, Release, leak};
use crate::recording::current::{CallPoll, CallWord, MAX_SLOT};

/// Slots in the shard itself; more come on demand.
const INLINE: u32 = if IN_MODEL { 1 } else { 16 };

/// Lowest bit of a slot's start: set while a task is in flight, its start time above; clear while the slot is free, the
/// number of the next free one (plus 1) above.
const BUSY: u64 = 1;

/// Highest bit of a slot's start, set for a `root` call: the slot's caller is only the call to return to. The start then
/// looks like one that is far ahead, so that the end of the call takes the slow path.
const NO_CALLER: u64 = 1 << 63;

/// Highest bit of a slot's caller, above those of a [`CallWord`]: set while the body of its task is suspended.
const SUSPENDED: u64 = 1 << 63;

/// The end of a list of free slots.
const NONE: u32 = 0;

/// One slot.
#[derive(Default)]
pub(crate) struct TaskSlot {
    /// When the task started, with [`BUSY`] and [`NO_CALLER`]; or the next free slot.
    start: AtomicU64,
    /// The call that was current when the task's body began to run last, which is current again when it stops; with
    /// [`SUSPENDED`].
    caller: AtomicU64,
}

/// The slots of one shard.
///
/// # Consistency
///
/// A reader sees each task that is in flight for the whole of its read, with its start time; one that starts or ends
/// meanwhile may be seen or not. Each store into a slot is a Release and pairs with the Acquires in `starts` and
/// `tasks`, so an age is never read of a slot's earlier task. A caller is stored before the start: a reader that finds
/// the same start before and after it read the caller has the caller of that task.
pub(crate) struct TaskSlots {
    /// Free inline slots, a bit each; the owner's alone.
    free: AtomicU32,
    /// Slots released on other threads, as a list through the slots.
    released: AtomicU32,
    inline: [TaskSlot; INLINE as usize],
    more: Once<&'static MoreSlots>,
}

#[derive(Default)]
struct MoreSlots {
    slots: Chunked<TaskSlot>,
    /// By slot, those in the shard included: the holds that were lent.
    holds: Table<CallPoll>,
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

    /// Claims a slot for a task that starts now, made from `caller`; only the owner.
    #[inline]
    pub(crate) fn claim(&self, start: u64, caller: CallWord) -> u32 {
        let free = self.free.load(Relaxed);
        let slot = free.trailing_zeros();
        if slot >= INLINE {
            return self.claim_more(start, caller);
        }
        self.free.store(free & (free - 1), Relaxed);
        self.inline[slot as usize].fill(start, caller);
        slot
    }

    #[cold]
    #[inline(never)]
    fn claim_more(&self, start: u64, caller: CallWord) -> u32 {
        self.reclaim();
        if self.free.load(Relaxed) != 0 {
            return self.claim(start, caller);
        }
        let more = self.more.get_or_init(|| leak(MoreSlots::default()));
        let free = more.free.load(Relaxed).checked_sub(1);
        let slot = if let Some((slot, cell)) = free.and_then(|slot| Some((slot, self.cell(slot)?)))
        {
            more.free.store(link(cell.start.load(Relaxed)), Relaxed);
            slot
        } else {
            // Past 2^24 tasks in flight on one thread they share a slot that does not exist: counted, but without an
            // age and with a duration of zero.
            let used = more.used.load(Relaxed);
            let slot = (INLINE + used).min(MAX_SLOT);
            more.used.store(slot + 1 - INLINE, Relaxed);
            slot
        };
        if slot < MAX_SLOT
            && let Some(cell) = more.slots.get_or_grow(slot - INLINE)
        {
            cell.fill(start, caller);
        }
        slot
    }

    /// A slot in the shard itself.
    #[inline]
    pub(crate) fn inline_slot(&self, slot: u32) -> Option<&TaskSlot> {
        self.inline.get(slot as usize)
    }

    /// The start time in a slot; only the holder of the claim.
    // Relaxed: handing the claim to another thread orders the store of the start time too.
    #[inline]
    pub(crate) fn start_of(&self, slot: u32) -> Option<u64> {
        self.cell(slot).map(TaskSlot::started)
    }

    /// The call that is current again when the task of this slot stops to run; only the code that runs it.
    #[inline]
    pub(crate) fn outer_of(&self, slot: u32) -> CallWord {
        self.cell(slot).map_or(CallWord::NONE, TaskSlot::outer)
    }

    /// The call that the body of this slot's task last ran within, which is the call it was made from unless a future
    /// was handed on.
    pub(crate) fn caller_of(&self, slot: u32) -> CallWord {
        self.cell(slot).map_or(CallWord::NONE, TaskSlot::caller)
    }

    /// The hold on this slot's task, which has this word. It is the same for each task of the slot, and made once.
    pub(crate) fn hold(&'static self, slot: u32, word: CallWord) -> &'static CallPoll {
        let more = self.more.get_or_init(|| leak(MoreSlots::default()));
        let new = || leak(CallPoll::new(self.cell(slot), word));
        let hold = (slot < MAX_SLOT).then(|| more.holds.item_or(slot, new));
        hold.flatten().unwrap_or(&CallPoll::NONE)
    }

    /// Releases a slot; only the owner.
    #[inline]
    pub(crate) fn release(&self, slot: u32) {
        if let Some(cell) = self.inline.get(slot as usize) {
            cell.start.store(0, Release);
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
            cell.start.store(u64::from(head) << 1, Release);
            more.free.store(slot + 1, Relaxed);
        }
    }

    /// Releases a slot from a thread that is not the owner's.
    pub(crate) fn release_elsewhere(&self, slot: u32) {
        let Some(cell) = self.cell(slot) else { return };
        let mut head = self.released.load(Relaxed);
        loop {
            cell.start.store(u64::from(head) << 1, Release);
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
            next = link(cell.start.load(Relaxed));
            self.release(slot);
        }
    }

    /// The slot of this number.
    #[inline]
    pub(crate) fn cell(&self, slot: u32) -> Option<&TaskSlot> {
        match self.inline.get(slot as usize) {
            Some(cell) => Some(cell),
            None => self.more(slot),
        }
    }

    #[cold]
    #[inline(never)]
    fn more(&self, slot: u32) -> Option<&TaskSlot> {
        self.more.get()?.slots.get(slot - INLINE)
    }

    /// Start times of the tasks in flight, in ticks.
    pub(crate) fn starts(&self) -> impl Iterator<Item = u64> + '_ {
        self.cells().filter_map(|(_, cell)| cell.busy_since())
    }

    /// The tasks in flight.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = TaskInFlight> + '_ {
        self.cells().filter_map(|(slot, cell)| cell.task(slot))
    }

    /// The task in flight in this slot.
    #[cfg(test)]
    pub(crate) fn task(&self, slot: u32) -> Option<TaskInFlight> {
        self.cell(slot)?.task(slot)
    }

    fn cells(&self) -> impl Iterator<Item = (u32, &TaskSlot)> + '_ {
        let more = self.more.get().into_iter();
        let more = more.flat_map(|more| more.slots.cells());
        let more = more.map(|(index, cell)| (INLINE + index, cell));
        (0..).zip(&self.inline).chain(more)
    }
}

/// A task in flight, as a reader sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TaskInFlight {
    pub(crate) slot: u32,
    /// Ticks.
    pub(crate) start: u64,
    /// The call it was made from, or its body last ran within.
    pub(crate) caller: CallWord,
    pub(crate) is_suspended: bool,
}

impl TaskSlot {
    #[inline]
    fn fill(&self, start: u64, caller: CallWord) {
        // Release, twice: pair with the Acquires of readers. The caller first: see `task`.
        self.caller.store(caller.bits(), Release);
        self.start.store((start << 1) | BUSY, Release);
    }

    /// When its task started; only the holder of the claim.
    fn started(&self) -> u64 {
        start(self.start.load(Relaxed))
    }

    /// The same for the fast path, to which a task without a caller looks as one that starts far ahead.
    #[inline]
    pub(crate) fn started_with_caller(&self) -> u64 {
        self.start.load(Relaxed) >> 1
    }

    /// When the task in this slot started, if there is one.
    pub(crate) fn busy_since(&self) -> Option<u64> {
        let word = self.start.load(Acquire);
        (word & BUSY != 0).then(|| start(word))
    }

    /// Its task, if there is the same one before and after its caller is read.
    pub(crate) fn task(&self, slot: u32) -> Option<TaskInFlight> {
        loop {
            let start_word = self.start.load(Acquire);
            let caller = self.caller.load(Acquire);
            if start_word & BUSY == 0 {
                return None;
            }
            // A caller of the slot's next task was stored after this task's start was cleared, and is read by an
            // Acquire: so that is seen here.
            if self.start.load(Relaxed) == start_word {
                return Some(TaskInFlight {
                    slot,
                    start: start(start_word),
                    caller: caller_in(start_word, caller),
                    is_suspended: caller & SUSPENDED != 0,
                });
            }
        }
    }

    fn caller(&self) -> CallWord {
        caller_in(self.start.load(Relaxed), self.caller.load(Relaxed))
    }

    /// The call that is current again when the body stops; only for a body that runs.
    #[inline]
    pub(crate) fn outer(&self) -> CallWord {
        CallWord::of_bits(self.caller.load(Relaxed))
    }

    /// The call that was current when the body began to run is not its caller.
    pub(crate) fn clear_caller(&self, outer: CallWord) {
        let start = self.start.load(Relaxed);
        // The start first: a reader of the caller then sees that it is none.
        self.start.store(start | NO_CALLER, Release);
        self.caller.store(outer.bits(), Release);
    }

    /// Only the code that polls or drops the body of the task reads or writes this, here and below.
    #[inline]
    pub(crate) fn is_suspended(&self) -> bool {
        self.caller.load(Relaxed) & SUSPENDED != 0
    }

    /// The body runs again, within `outer`.
    // Release, here and below: pairs with the Acquire in `task`.
    #[inline]
    pub(crate) fn resume(&self, outer: CallWord) {
        self.caller.store(outer.bits(), Release);
    }

    /// The body is suspended. Returns the call it ran within.
    #[inline]
    pub(crate) fn suspend(&self) -> CallWord {
        let outer = self.caller.load(Relaxed);
        self.caller.store(outer | SUSPENDED, Release);
        CallWord::of_bits(outer)
    }
}

/// The caller in a busy slot.
fn caller_in(start: u64, caller: u64) -> CallWord {
    if start & NO_CALLER != 0 {
        return CallWord::NONE;
    }
    CallWord::of_bits(caller & !SUSPENDED)
}

/// The start time a busy slot keeps.
#[inline]
fn start(word: u64) -> u64 {
    (word & !NO_CALLER) >> 1
}

/// The next free slot (plus 1) a free slot names.
#[expect(clippy::cast_possible_truncation, reason = "a slot number was put in")]
fn link(word: u64) -> u32 {
    (word >> 1) as u32
}

#[cfg(all(test, not(monitor_loom)))]
mod tests {
    use super::*;

    const ENTRY: CallWord = CallWord::NONE;

    fn starts(slots: &TaskSlots) -> Vec<u64> {
        let mut starts: Vec<u64> = slots.starts().collect();
        starts.sort_unstable();
        starts
    }

    #[test]
    fn every_task_in_flight_is_seen_and_no_other() {
        let slots = TaskSlots::new();
        let claimed: Vec<u32> = (0..1000).map(|start| slots.claim(start, ENTRY)).collect();
        assert_eq!(starts(&slots), (0..1000).collect::<Vec<u64>>());
        for slot in claimed.iter().step_by(2) {
            slots.release(*slot);
        }
        assert_eq!(starts(&slots), (1..1000).step_by(2).collect::<Vec<u64>>());
    }

    #[test]
    fn each_slot_keeps_its_start_and_its_caller() {
        let slots: &'static TaskSlots = leak(TaskSlots::new());
        let caller = |start| CallWord::new(3, 4, start);
        let claimed: Vec<u32> = (0..40)
            .map(|start| slots.claim(start.into(), caller(start)))
            .collect();
        for (start, slot) in (0..).zip(&claimed) {
            let cell = slots.cell(*slot).expect("it is there");
            assert!(!cell.is_suspended());
            assert_eq!(cell.suspend(), caller(start));
            assert!(cell.is_suspended());
            let task = slots.task(*slot).expect("it is in flight");
            assert_eq!((task.start, task.caller), (start.into(), caller(start)));
            assert!(task.is_suspended);
        }
        assert_eq!(starts(slots), (0..40).collect::<Vec<u64>>());
        let cell = slots.cell(claimed[39]).expect("it is there");
        cell.resume(caller(7));
        assert_eq!((cell.is_suspended(), cell.outer()), (false, caller(7)));
        slots.release(claimed[1]);
        let again = slots.claim(7, ENTRY);
        assert_eq!(slots.cell(again).map(TaskSlot::outer), Some(ENTRY));
        assert!(slots.task(u32::MAX).is_none());
    }

    #[test]
    fn a_call_without_a_caller_keeps_the_call_to_return_to() {
        let slots: &'static TaskSlots = leak(TaskSlots::new());
        let outer = [CallWord::new(3, 4, 5), CallWord::new(6, 7, 8)];
        let claimed = slots.claim(1, ENTRY);
        let cell = slots.cell(claimed).expect("it is there");
        cell.clear_caller(outer[0]);
        assert_eq!(cell.suspend(), outer[0]);
        cell.resume(outer[1]);
        assert_eq!(cell.outer(), outer[1]);
        assert_eq!(slots.start_of(claimed), Some(1));
        assert_eq!(slots.task(claimed).map(|task| task.caller), Some(ENTRY));
    }

    #[test]
    fn slots_released_elsewhere_are_used_again() {
        let slots: &'static TaskSlots = leak(TaskSlots::new());
        for round in 0..100 {
            let claimed: Vec<u32> = (0..40).map(|start| slots.claim(start, ENTRY)).collect();
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
