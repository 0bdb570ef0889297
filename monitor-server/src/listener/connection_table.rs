//! The connections that are open: from where, how far each is, and which one is closed when there is no room.
//!
//! A limit that only refuses lets slow clients lock all others out until their time limits pass, and again after that.
//! So a newcomer takes the place of a connection that is worth less than it: one that has not asked for anything yet,
//! else one whose client does not take its answer, else one that idles. It is looked for among the connections of the
//! source that holds most, so that one noisy address evicts its own and not those of others.
//!
//! Each connection has a [`ConnectionSlot`] from before its task first runs, and notes in it how far it is, through the
//! [`SlotGuard`] that its task holds. The slot goes, and the end is counted, with the guard when the task ends, also by
//! a panic; or at once when the connection is evicted, whose task then notes nothing more. The table is behind a lock
//! because tasks have to be `Send`, not because threads share it: accepting, serving and leaving all happen on the
//! server's one thread (a current-thread runtime), so there is no interleaving for a model checker to explore. A reader
//! sees each slot as it was when its task last ran. Each decision is a pure function of the slots.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

use crate::access::Source;
use crate::runtime::lock;
use crate::self_metrics::{Ending, SelfMetrics};

/// How long a client may take nothing of its answer before its connection counts as stalled: longer than a network that
/// works needs for one more packet.
const STALL: Duration = Duration::from_secs(2);

/// How long a stopping server still reads from connections that have not asked for anything: long enough for a request
/// that is on its way already, too short for a half-sent one to hold the stop.
const STOP_LINGER: Duration = Duration::from_millis(50);

/// How often a stopping server looks whether it is done.
const STOP_TICK: Duration = Duration::from_millis(2);

/// How far a connection is; those to be closed first come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// No request has arrived yet.
    Waiting,
    /// An answer is there, and its client has taken nothing of it for two seconds.
    Stalled,
    /// The last answer is written; nothing further has been asked.
    Idle,
    /// A request is being answered, or its answer is not wholly written.
    Busy,
}

/// A connection: from where, how far, and why it ends.
#[derive(Debug)]
pub(crate) struct ConnectionSlot {
    source: Source,
    begin: Instant,
    /// Never `Stalled`, which is a matter of time.
    stage: Stage,
    /// Whether the HTTP library has taken the whole answer.
    is_answered: bool,
    /// Since when the socket takes nothing.
    blocked: Option<Instant>,
    /// Whether its time is over: the next answer is its last.
    pub(crate) is_closing: bool,
    /// A task that is dropped without another reason is so because the server is gone.
    pub(crate) ending: Ending,
    /// The task that an eviction ends.
    pub(super) task: Option<AbortHandle>,
}

impl ConnectionSlot {
    fn new(source: Source) -> Self {
        Self {
            source,
            begin: Instant::now(),
            stage: Stage::Waiting,
            is_answered: false,
            blocked: None,
            is_closing: false,
            ending: Ending::Stopped,
            task: None,
        }
    }

    pub(crate) fn stage(&self) -> Stage {
        let is_stalled = self.blocked_for().is_some_and(|blocked| blocked >= STALL);
        match self.stage {
            Stage::Busy if is_stalled => Stage::Stalled,
            stage => stage,
        }
    }

    /// For how long the socket has taken nothing; `None` while it takes.
    pub(crate) fn blocked_for(&self) -> Option<Duration> {
        self.blocked.map(|since| since.elapsed())
    }

    /// A request has arrived.
    pub(crate) fn asked(&mut self) {
        (self.stage, self.is_answered) = (Stage::Busy, false);
    }

    /// The HTTP library has taken the whole answer.
    pub(crate) fn answered(&mut self) {
        self.is_answered = true;
    }

    /// The HTTP library flushes the socket only when its own buffer is empty: with the whole answer handed over, that
    /// is the end of the request.
    pub(crate) fn flushed(&mut self) {
        if self.stage == Stage::Busy && self.is_answered {
            self.stage = Stage::Idle;
        }
    }

    /// The socket took something, or all of it; or it did not.
    pub(crate) fn written(&mut self, took: bool) {
        let since = self.blocked.unwrap_or_else(Instant::now);
        self.blocked = (!took).then_some(since);
    }
}

/// A connection's own slot, for as long as its task lasts.
#[derive(Debug)]
pub(crate) struct SlotGuard {
    id: u64,
    table: Arc<ConnectionTable>,
}

impl SlotGuard {
    /// Looks at the slot, or notes something in it; `None` once the connection is evicted.
    pub(crate) fn note<T>(&self, note: impl FnOnce(&mut ConnectionSlot) -> T) -> Option<T> {
        self.table.slots().get_mut(&self.id).map(note)
    }
}

impl Drop for SlotGuard {
    fn drop(&mut self) {
        if let Some(slot) = self.table.slots().remove(&self.id) {
            self.table.metrics.connections.closed(slot.ending);
        }
    }
}

/// The connections that are open, oldest first.
#[derive(Debug)]
pub(crate) struct ConnectionTable {
    /// At most so many; zero is no limit.
    most: usize,
    metrics: Arc<SelfMetrics>,
    next: AtomicU64,
    slots: Mutex<BTreeMap<u64, ConnectionSlot>>,
}

impl ConnectionTable {
    pub(crate) fn new(most: usize, metrics: Arc<SelfMetrics>) -> Arc<Self> {
        Arc::new(Self {
            most,
            metrics,
            next: AtomicU64::default(),
            slots: Mutex::default(),
        })
    }

    fn slots(&self) -> MutexGuard<'_, BTreeMap<u64, ConnectionSlot>> {
        lock(&self.slots)
    }

    /// Takes a slot if there is room, or room can be made.
    pub(crate) fn admit(self: &Arc<Self>, source: Source) -> Option<Arc<SlotGuard>> {
        let is_full = self.most != 0 && self.slots().len() >= self.most;
        if is_full && !self.evict(Duration::ZERO, |all| choose_for_room(all, source)) {
            return None;
        }
        // Relaxed: a number that no other has.
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let table = Arc::clone(self);
        self.slots().insert(id, ConnectionSlot::new(source));
        self.metrics.connections.open.add(1);
        Some(Arc::new(SlotGuard { id, table }))
    }

    /// Closes one that is at least so old, for the sake of its descriptor; false if there is none.
    pub(super) fn evict_for_descriptor(&self, age: Duration) -> bool {
        self.evict(age, |all| choose_for_room(all, Source::Unix))
    }

    /// Closes one whose client has taken nothing of its answer for so long, for the sake of the page it holds; false if
    /// there is none.
    pub(super) fn evict_for_memory(&self, at_least: Duration) -> bool {
        self.evict(Duration::ZERO, |all| choose_for_memory(all, at_least))
    }

    /// Closes the connection that is chosen among those of this age; false if none is.
    fn evict(&self, age: Duration, choose: impl FnOnce(&[Candidate<'_>]) -> Option<u64>) -> bool {
        let mut slots = self.slots();
        let all = slots.iter().map(|(id, slot)| (*id, slot));
        let old_enough: Vec<_> = all
            .filter(|(_, slot)| slot.begin.elapsed() >= age)
            .collect();
        let chosen = choose(&old_enough);
        // Out of the table at once: the place is free before a newcomer is served.
        let Some(slot) = chosen.and_then(|id| slots.remove(&id)) else {
            return false;
        };
        self.metrics.connections.closed(match slot.stage() {
            Stage::Waiting => Ending::EvictedWaiting,
            Stage::Idle => Ending::EvictedIdle,
            Stage::Stalled | Stage::Busy => Ending::EvictedStalled,
        });
        slot.task.inspect(AbortHandle::abort);
        true
    }

    /// Waits for the requests that are being answered; closes the rest.
    pub(super) async fn end(&self, grace: Duration) {
        let begin = tokio::time::Instant::now();
        let keeps = |slot: &ConnectionSlot| match slot.stage() {
            Stage::Busy | Stage::Stalled => true,
            Stage::Waiting | Stage::Idle => begin.elapsed() < STOP_LINGER,
        };
        while self.slots().values().any(keeps) && begin.elapsed() < grace {
            tokio::time::sleep(STOP_TICK).await;
        }
        for slot in self.slots().values() {
            slot.task.as_ref().inspect(|task| task.abort());
        }
    }
}

/// A connection that may be closed, with its number: smaller is older.
type Candidate<'s> = (u64, &'s ConnectionSlot);

/// Chooses the connection to close for a newcomer from this source: of the source that holds most and has any that is
/// not busy, the oldest of the first stage.
fn choose_for_room(all: &[Candidate<'_>], newcomer: Source) -> Option<u64> {
    let held = count(all.iter().map(|(_, slot)| slot.source).chain([newcomer]));
    let evictable = all.iter().filter(|(_, slot)| slot.stage() != Stage::Busy);
    let worst =
        evictable.max_by_key(|(id, slot)| (held[&slot.source], Reverse((slot.stage(), id))));
    worst.map(|(id, _)| *id)
}

/// Chooses the connection to close where pages take too much memory: among those whose client has taken nothing for so
/// long, of the source that holds most of these, the one that has taken nothing for longest.
fn choose_for_memory(all: &[Candidate<'_>], at_least: Duration) -> Option<u64> {
    let blocked = all
        .iter()
        .filter(|(_, slot)| slot.blocked_for() >= Some(at_least));
    let held = count(blocked.clone().map(|(_, slot)| slot.source));
    let worst = blocked.max_by_key(|(_, slot)| (held[&slot.source], Reverse(slot.blocked)));
    worst.map(|(id, _)| *id)
}

fn count(sources: impl Iterator<Item = Source>) -> HashMap<Source, usize> {
    sources.fold(HashMap::new(), |mut held, source| {
        *held.entry(source).or_default() += 1;
        held
    })
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    fn source(last: u8) -> Source {
        Source::Ip(Ipv4Addr::new(10, 0, 0, last).into())
    }

    fn slots(of: &[(u8, Stage)]) -> Vec<(u64, ConnectionSlot)> {
        let slot = |(from, stage): &(u8, Stage)| ConnectionSlot {
            stage: *stage,
            ..ConnectionSlot::new(source(*from))
        };
        (0..).zip(of.iter().map(slot)).collect()
    }

    fn candidates(of: &[(u64, ConnectionSlot)]) -> Vec<Candidate<'_>> {
        of.iter().map(|(id, slot)| (*id, slot)).collect()
    }

    fn chosen(of: &[(u8, Stage)], newcomer: u8) -> Option<u64> {
        choose_for_room(&candidates(&slots(of)), source(newcomer))
    }

    fn since(seconds: u64) -> Option<Instant> {
        Instant::now().checked_sub(Duration::from_secs(seconds))
    }

    #[test]
    fn a_connection_waits_is_busy_and_idles() {
        let mut slot = ConnectionSlot::new(Source::Unix);
        assert_eq!(slot.stage(), Stage::Waiting);
        slot.flushed();
        assert_eq!(slot.stage(), Stage::Waiting);
        slot.asked();
        slot.flushed();
        assert_eq!(slot.stage(), Stage::Busy);
        slot.answered();
        assert_eq!(slot.stage(), Stage::Busy);
        slot.flushed();
        assert_eq!(slot.stage(), Stage::Idle);
    }

    #[test]
    fn who_takes_nothing_of_an_answer_stalls() {
        let mut slot = ConnectionSlot::new(Source::Unix);
        slot.asked();
        slot.answered();
        slot.written(false);
        assert_eq!(slot.stage(), Stage::Busy);
        slot.blocked = since(2);
        slot.written(false);
        assert_eq!(slot.stage(), Stage::Stalled);
        slot.written(true);
        assert_eq!(slot.stage(), Stage::Busy);
    }

    /// All of those that are open: how many, and how each ended.
    #[test]
    fn each_connection_is_counted_once_when_it_leaves_or_is_evicted() {
        let metrics = Arc::new(SelfMetrics::default());
        let table = ConnectionTable::new(2, Arc::clone(&metrics));
        let first = table.admit(source(1)).expect("room");
        let second = table.admit(source(1)).expect("room");
        second.note(ConnectionSlot::asked).expect("open");
        let third = table.admit(source(2)).expect("the first goes");
        assert!(first.note(|_| ()).is_none());
        drop(first);
        third.note(ConnectionSlot::asked).expect("open");
        assert!(table.admit(source(3)).is_none(), "all are busy");
        third.note(|slot| slot.ending = Ending::Done);
        drop((second, third));
        assert!(table.slots().is_empty());
        let count = |ending| metrics.connections.count(ending);
        assert_eq!(
            [Ending::EvictedWaiting, Ending::Stopped, Ending::Done].map(count),
            [1, 1, 1]
        );
    }

    #[test]
    fn the_noisiest_source_evicts_itself() {
        use Stage::{Busy, Idle, Waiting};
        let noisy = [
            (1, Waiting),
            (7, Idle),
            (7, Waiting),
            (7, Busy),
            (2, Waiting),
        ];
        for newcomer in [1, 2, 7, 9] {
            assert_eq!(chosen(&noisy, newcomer), Some(2), "{newcomer}");
        }
        // All its waiting ones are gone: its idle one goes before those of others that wait for their first request.
        let asked = [(1, Waiting), (7, Idle), (7, Busy), (7, Busy), (2, Waiting)];
        assert_eq!(chosen(&asked, 9), Some(1));
        // None of its own can be cut off: the next noisiest.
        let busy = [
            (1, Waiting),
            (7, Busy),
            (7, Busy),
            (7, Busy),
            (2, Waiting),
            (2, Idle),
        ];
        assert_eq!(chosen(&busy, 9), Some(4));
        // The newcomer counts for its own source.
        assert_eq!(chosen(&[(1, Waiting), (2, Waiting)], 2), Some(1));
        assert_eq!(chosen(&[(1, Waiting), (2, Waiting)], 9), Some(0));
    }

    #[test]
    fn among_equals_who_asked_least_goes_and_the_oldest_of_them() {
        use Stage::{Busy, Idle, Stalled, Waiting};
        assert_eq!(
            chosen(&[(1, Idle), (1, Stalled), (1, Waiting), (1, Waiting)], 1),
            Some(2)
        );
        assert_eq!(chosen(&[(1, Idle), (1, Busy), (1, Stalled)], 1), Some(2));
        assert_eq!(chosen(&[(1, Busy), (1, Idle), (1, Idle)], 1), Some(1));
        assert_eq!(chosen(&[(1, Busy), (2, Busy)], 3), None);
        assert_eq!(chosen(&[], 1), None);
    }

    #[test]
    fn for_memory_the_source_with_most_gives_its_longest_blocked() {
        let blocked = |of: &[(u8, u64)]| {
            let slot = |(from, seconds): &(u8, u64)| ConnectionSlot {
                blocked: since(*seconds),
                ..ConnectionSlot::new(source(*from))
            };
            let slots: Vec<_> = (0..).zip(of.iter().map(slot)).collect();
            choose_for_memory(&candidates(&slots), Duration::from_secs(1))
        };
        assert_eq!(blocked(&[]), None);
        assert_eq!(blocked(&[(1, 9), (2, 1), (2, 3), (2, 2)]), Some(2));
        assert_eq!(blocked(&[(1, 1), (2, 2)]), Some(1));
        // Too short for this does not count either.
        assert_eq!(blocked(&[(1, 0), (1, 0), (1, 1), (2, 2)]), Some(3));
        assert_eq!(blocked(&[(1, 0)]), None);
    }

    fn stage() -> impl Strategy<Value = Stage> {
        prop_oneof![
            Just(Stage::Waiting),
            Just(Stage::Busy),
            Just(Stage::Stalled),
            Just(Stage::Idle)
        ]
    }

    proptest! {
        /// The rules as they are written down, checked one by one against the choice.
        #[test]
        fn the_choice_keeps_the_rules(
            of in prop::collection::vec((0_u8..6, stage()), 0..60),
            newcomer in 0_u8..7,
        ) {
            let slots = slots(&of);
            let all = candidates(&slots);
            let held = |from: Source| {
                all.iter().filter(|(_, slot)| slot.source == from).count()
                    + usize::from(from == source(newcomer))
            };
            let evictable = || all.iter().filter(|(_, slot)| slot.stage != Stage::Busy);
            let Some(id) = choose_for_room(&all, source(newcomer)) else {
                prop_assert_eq!(evictable().count(), 0);
                return Ok(());
            };
            let (_, chosen) = evictable().find(|(other, _)| *other == id).expect("not a busy one");
            for (other_id, other) in evictable() {
                prop_assert!(held(other.source) <= held(chosen.source));
                let same_crowd = held(other.source) == held(chosen.source);
                let is_older = *other_id < id;
                prop_assert!(!(same_crowd && other.stage == chosen.stage && is_older));
                prop_assert!(
                    !(same_crowd && other.stage == Stage::Waiting) || chosen.stage == Stage::Waiting
                );
            }
        }

        /// One address may open as many as it likes: with a place for each source and one more, no other source loses one.
        #[test]
        fn a_flood_costs_the_others_nothing(quiet in 1_u8..8, flood in 1_usize..100) {
            let cap = usize::from(quiet) + 2;
            let others: Vec<_> = (1..=quiet).map(|from| (from, Stage::Waiting)).collect();
            let mut open = slots(&others);
            for id in (u64::from(quiet)..).take(flood) {
                if open.len() == cap {
                    let chosen = choose_for_room(&candidates(&open), source(0));
                    let chosen = chosen.expect("the flood's own wait");
                    prop_assert!(chosen >= u64::from(quiet));
                    open.retain(|(id, _)| *id != chosen);
                }
                open.push((id, ConnectionSlot::new(source(0))));
            }
            let left = open.iter().filter(|(_, slot)| slot.source != source(0)).count();
            prop_assert_eq!(left, usize::from(quiet));
        }
    }
}
