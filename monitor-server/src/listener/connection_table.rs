//! The connections that are open: from where, how far each is, and which one is closed when there is no room.
//!
//! A limit that only refuses lets slow clients lock all others out until their time limits pass, and again after that. So a
//! newcomer takes the place of a connection that is worth less than it: one that has not asked for anything yet, else one
//! whose client does not take its answer, else one that idles. It is looked for among the connections of the source that
//! holds most, so that one noisy address evicts itself and not those who came with few.
//!
//! A slot is in the table from before its task first runs. It leaves when the task ends, in whatever way, or at once when the
//! connection is evicted; the end is counted when the task is gone. The table is behind a lock because tasks have to be `Send`,
//! not because threads share it: accepting, serving and leaving all happen on the server's one thread (a current-thread runtime),
//! so there is no interleaving for a model checker to explore. What it decides are pure functions of its [`Candidate`]s.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::access::{Peer, Source};
use crate::connection::{self, Progress, Shared, Stage, Stream};
use crate::self_metrics::SelfMetrics;
use crate::self_metrics::connections::Ending;

/// How long a stopping server still reads from connections that have not asked for anything: long enough for a request
/// that is on its way already, too short for a half-sent one to hold the stop.
const STOP_LINGER: Duration = Duration::from_millis(50);

/// How often a stopping server looks whether it is done.
const STOP_TICK: Duration = Duration::from_millis(2);

/// The connections that are open, oldest first.
#[derive(Debug)]
pub(super) struct ConnectionTable {
    /// At most so many; zero is no limit.
    most: usize,
    metrics: Arc<SelfMetrics>,
    slots: Mutex<Slots>,
}

#[derive(Debug, Default)]
struct Slots {
    next: u64,
    open: BTreeMap<u64, ConnectionSlot>,
}

#[derive(Debug)]
struct ConnectionSlot {
    begin: Instant,
    source: Source,
    progress: Arc<Progress>,
    task: AbortHandle,
}

/// Takes a connection out of the table when its task ends, in whatever way, and counts the end.
struct Leave {
    id: u64,
    progress: Arc<Progress>,
    table: Arc<ConnectionTable>,
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.table.slots().open.remove(&self.id);
        let ending = self.progress.ending();
        self.table.metrics.connections.closed(ending);
    }
}

impl ConnectionTable {
    pub(super) fn new(most: usize, metrics: Arc<SelfMetrics>) -> Self {
        Self {
            most,
            metrics,
            slots: Mutex::default(),
        }
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves a connection if there is room, or room can be made; false if not.
    pub(super) fn admit(
        self: &Arc<Self>,
        stream: Box<dyn Stream>,
        peer: Peer,
        shared: Shared,
    ) -> bool {
        let source = peer.source();
        let mut slots = self.slots();
        let is_full = self.most != 0 && slots.open.len() >= self.most;
        if is_full && !slots.evict(Duration::ZERO, |all| choose_for_room(all, source)) {
            return false;
        }
        let id = slots.next;
        slots.next += 1;
        let progress = Arc::new(Progress::default());
        let leave = Leave {
            id,
            progress: Arc::clone(&progress),
            table: Arc::clone(self),
        };
        self.metrics.connections.opened();
        let serving = connection::serve(stream, peer, shared, Arc::clone(&progress));
        // The table is locked: the task cannot leave before it is in.
        let task = tokio::spawn(async move {
            let _leave = leave;
            serving.await;
        });
        let slot = ConnectionSlot {
            begin: Instant::now(),
            source,
            progress,
            task: task.abort_handle(),
        };
        slots.open.insert(id, slot);
        true
    }

    /// Closes one that is at least so old, for the sake of its descriptor; false if there is none.
    pub(super) fn evict_for_descriptor(&self, age: Duration) -> bool {
        let choose = |all: &[Candidate]| choose_for_room(all, Source::Unix);
        self.slots().evict(age, choose)
    }

    /// Closes one whose client has taken nothing of its answer for so long, for the sake of the page it holds; false if there is
    /// none.
    pub(super) fn evict_for_memory(&self, at_least: Duration) -> bool {
        let choose = |all: &[Candidate]| choose_for_memory(all, at_least);
        self.slots().evict(Duration::ZERO, choose)
    }

    /// Waits for what is being answered; closes the rest.
    pub(super) async fn end(&self, grace: Duration) {
        let begin = Instant::now();
        while self.keeps(begin.elapsed()) && begin.elapsed() < grace {
            tokio::time::sleep(STOP_TICK).await;
        }
        for slot in self.slots().open.values() {
            slot.task.abort();
        }
    }

    fn keeps(&self, since: Duration) -> bool {
        let slots = self.slots();
        let mut stages = slots.open.values().map(|slot| slot.progress.stage());
        stages.any(|stage| match stage {
            Stage::Busy | Stage::Stalled => true,
            Stage::Waiting | Stage::Idle => since < STOP_LINGER,
        })
    }
}

impl Slots {
    /// Closes the connection that is chosen among those of this age; false if none is.
    fn evict(
        &mut self,
        age: Duration,
        choose: impl FnOnce(&[Candidate]) -> Option<Candidate>,
    ) -> bool {
        let old_enough = self
            .open
            .iter()
            .filter(|(_, slot)| slot.begin.elapsed() >= age);
        let candidate = |(id, slot): (&u64, &ConnectionSlot)| Candidate {
            id: *id,
            source: slot.source,
            stage: slot.progress.stage(),
            blocked: slot.progress.blocked_for(),
        };
        let all: Vec<_> = old_enough.map(candidate).collect();
        let Some(chosen) = choose(&all) else {
            return false;
        };
        // Out of the table at once: the place is free before a newcomer is served.
        if let Some(slot) = self.open.remove(&chosen.id) {
            slot.progress.ends(match chosen.stage {
                Stage::Waiting => Ending::EvictedWaiting,
                Stage::Idle => Ending::EvictedIdle,
                Stage::Stalled | Stage::Busy => Ending::EvictedStalled,
            });
            slot.task.abort();
        }
        true
    }
}

/// A connection, as far as it matters for an eviction.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    /// Smaller is older.
    id: u64,
    source: Source,
    stage: Stage,
    /// For how long its client has taken nothing by now; `None` while it takes.
    blocked: Option<Duration>,
}

/// Chooses the connection to close for a newcomer from this source: of the source that holds most and has any that is not busy,
/// the oldest of the first stage.
fn choose_for_room(all: &[Candidate], newcomer: Source) -> Option<Candidate> {
    let held = count(all.iter().map(|one| one.source).chain([newcomer]));
    let evictable = all.iter().filter(|one| one.stage != Stage::Busy);
    let worst = evictable.max_by_key(|one| (held[&one.source], Reverse((one.stage, one.id))));
    worst.copied()
}

/// Chooses the connection to close where pages take too much memory: among those whose client has taken nothing for so long,
/// of the source that holds most of these, the one that has taken nothing for longest.
fn choose_for_memory(all: &[Candidate], at_least: Duration) -> Option<Candidate> {
    let blocked = all.iter().filter(|one| one.blocked >= Some(at_least));
    let held = count(blocked.clone().map(|one| one.source));
    let worst = blocked.max_by_key(|one| (held[&one.source], one.blocked));
    worst.copied()
}

fn count(sources: impl Iterator<Item = Source>) -> HashMap<Source, usize> {
    let mut held = HashMap::new();
    for source in sources {
        *held.entry(source).or_default() += 1;
    }
    held
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    fn source(last: u8) -> Source {
        Source::Ip(Ipv4Addr::new(10, 0, 0, last).into())
    }

    fn candidates(of: &[(u8, Stage)]) -> Vec<Candidate> {
        let numbered = (0..).zip(of);
        let one = |(id, (from, stage)): (u64, &(u8, Stage))| Candidate {
            id,
            source: source(*from),
            stage: *stage,
            blocked: None,
        };
        numbered.map(one).collect()
    }

    fn chosen(of: &[(u8, Stage)], newcomer: u8) -> Option<u64> {
        choose_for_room(&candidates(of), source(newcomer)).map(|one| one.id)
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
        // All its waiting ones are gone: its idle one goes before those who wait for the first time.
        let asked = [(1, Waiting), (7, Idle), (7, Busy), (7, Busy), (2, Waiting)];
        assert_eq!(chosen(&asked, 9), Some(1));
        // What it holds cannot be cut off: the next noisiest.
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
            let numbered = (0..).zip(of);
            let one = |(id, (from, seconds)): (u64, &(u8, u64))| Candidate {
                id,
                source: source(*from),
                stage: Stage::Busy,
                blocked: Some(Duration::from_secs(*seconds)),
            };
            let all: Vec<_> = numbered.map(one).collect();
            choose_for_memory(&all, Duration::from_secs(1)).map(|chosen| chosen.id)
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
            let all = candidates(&of);
            let held = |from: Source| {
                all.iter().filter(|one| one.source == from).count()
                    + usize::from(from == source(newcomer))
            };
            let Some(chosen) = choose_for_room(&all, source(newcomer)) else {
                prop_assert!(all.iter().all(|one| one.stage == Stage::Busy));
                return Ok(());
            };
            prop_assert_ne!(chosen.stage, Stage::Busy);
            for other in all.iter().filter(|one| one.stage != Stage::Busy) {
                prop_assert!(held(other.source) <= held(chosen.source));
                let same_crowd = held(other.source) == held(chosen.source);
                let is_older = other.id < chosen.id;
                prop_assert!(!(same_crowd && other.stage == chosen.stage && is_older));
                prop_assert!(
                    !(same_crowd && other.stage == Stage::Waiting) || chosen.stage == Stage::Waiting
                );
            }
        }

        /// One address may open as many as it likes: with a place for each source and one more, nobody else loses any.
        #[test]
        fn a_flood_costs_the_others_nothing(quiet in 1_u8..8, flood in 1_usize..100) {
            let cap = usize::from(quiet) + 2;
            let mut open = candidates(&(1..=quiet).map(|from| (from, Stage::Waiting)).collect::<Vec<_>>());
            for id in (u64::from(quiet)..).take(flood) {
                if open.len() == cap {
                    let chosen = choose_for_room(&open, source(0));
                    let chosen = chosen.expect("the flood's own wait");
                    prop_assert_eq!(chosen.source, source(0));
                    open.retain(|one| one.id != chosen.id);
                }
                open.push(Candidate { id, source: source(0), stage: Stage::Waiting, blocked: None });
            }
            prop_assert_eq!(open.iter().filter(|one| one.source != source(0)).count(), usize::from(quiet));
        }
    }
}
