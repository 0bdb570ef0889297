//! Who has to go when all places are taken.
//!
//! A cap that only refuses lets slow clients lock everybody else out until their time limits pass, and again after that. So a
//! newcomer takes the place of a connection that is worth less than it: one that has not asked for anything yet, else one
//! whose client does not take its answer, else one that idles. It is looked for among the connections of the source that
//! holds most places, so that one noisy address evicts itself and not those who came with few.

use std::collections::HashMap;
use std::time::Duration;

use crate::access::Source;
use crate::connection::Stage;

/// A connection, as far as it matters here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seat {
    /// Smaller is older.
    pub(super) id: u64,
    pub(super) source: Source,
    pub(super) stage: Stage,
}

/// What may be cut off, the least worth first.
const ORDER: [Stage; 3] = [Stage::Waiting, Stage::Stalled, Stage::Idle];

/// Chooses whom to cut off for a newcomer from this source; `None` where all are busy.
pub(super) fn choose(seats: &[Seat], newcomer: Source) -> Option<Seat> {
    let mut held: HashMap<Source, usize> = HashMap::from([(newcomer, 1)]);
    for seat in seats {
        *held.entry(seat.source).or_default() += 1;
    }
    let evictable = seats.iter().filter(|seat| ORDER.contains(&seat.stage));
    let most = evictable.clone().map(|seat| held[&seat.source]).max()?;
    let candidates = evictable.filter(|seat| held[&seat.source] == most);
    let worth = |seat: &Seat| ORDER.iter().position(|stage| *stage == seat.stage);
    candidates
        .min_by_key(|seat| (worth(seat), seat.id))
        .copied()
}

/// A connection whose client takes nothing of its answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blocked {
    pub(super) id: u64,
    pub(super) source: Source,
    /// For how long by now.
    pub(super) lasted: Duration,
}

/// Chooses whom to cut off where pages take too much memory: of the source that holds most of these, the one that has taken
/// nothing for longest.
pub(super) fn choose_blocked(all: &[Blocked]) -> Option<u64> {
    let mut held: HashMap<Source, usize> = HashMap::new();
    for one in all {
        *held.entry(one.source).or_default() += 1;
    }
    let worst = all.iter().max_by_key(|one| (held[&one.source], one.lasted));
    worst.map(|one| one.id)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    fn source(last: u8) -> Source {
        Source::V4(Ipv4Addr::new(10, 0, 0, last))
    }

    fn seats(of: &[(u8, Stage)]) -> Vec<Seat> {
        let numbered = (0..).zip(of);
        let seat = |(id, (from, stage)): (u64, &(u8, Stage))| Seat {
            id,
            source: source(*from),
            stage: *stage,
        };
        numbered.map(seat).collect()
    }

    fn chosen(of: &[(u8, Stage)], newcomer: u8) -> Option<u64> {
        choose(&seats(of), source(newcomer)).map(|seat| seat.id)
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
            let one = |(id, (from, seconds)): (u64, &(u8, u64))| Blocked {
                id,
                source: source(*from),
                lasted: Duration::from_secs(*seconds),
            };
            choose_blocked(&numbered.map(one).collect::<Vec<_>>())
        };
        assert_eq!(blocked(&[]), None);
        assert_eq!(blocked(&[(1, 9), (2, 1), (2, 3), (2, 2)]), Some(2));
        assert_eq!(blocked(&[(1, 1), (2, 2)]), Some(1));
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
            let all = seats(&of);
            let held = |from: Source| {
                all.iter().filter(|seat| seat.source == from).count()
                    + usize::from(from == source(newcomer))
            };
            let Some(victim) = choose(&all, source(newcomer)) else {
                prop_assert!(all.iter().all(|seat| seat.stage == Stage::Busy));
                return Ok(());
            };
            prop_assert_ne!(victim.stage, Stage::Busy);
            for other in all.iter().filter(|seat| seat.stage != Stage::Busy) {
                prop_assert!(held(other.source) <= held(victim.source));
                let same_crowd = held(other.source) == held(victim.source);
                let is_older = other.id < victim.id;
                prop_assert!(!(same_crowd && other.stage == victim.stage && is_older));
                prop_assert!(
                    !(same_crowd && other.stage == Stage::Waiting) || victim.stage == Stage::Waiting
                );
            }
        }

        /// One address may open as many as it likes: with a place for each source and one more, nobody else loses any.
        #[test]
        fn a_flood_costs_the_others_nothing(quiet in 1_u8..8, flood in 1_usize..100) {
            let cap = usize::from(quiet) + 2;
            let mut open = seats(&(1..=quiet).map(|from| (from, Stage::Waiting)).collect::<Vec<_>>());
            for id in (u64::from(quiet)..).take(flood) {
                if open.len() == cap {
                    let victim = choose(&open, source(0));
                    let victim = victim.expect("the flood's own wait");
                    prop_assert_eq!(victim.source, source(0));
                    open.retain(|seat| seat.id != victim.id);
                }
                open.push(Seat { id, source: source(0), stage: Stage::Waiting });
            }
            prop_assert_eq!(open.iter().filter(|seat| seat.source != source(0)).count(), usize::from(quiet));
        }
    }
}
