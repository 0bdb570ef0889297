//! What is kept of a slot beside its calls: the states of checks and other parts of health, and numbers of the process.
//!
//! A lane is the states of one name by run: its changes alone, for 24 hours. Within a slot the worst state counts, so
//! that a part that fails and recovers several times a second is down, and flaps.
//!
//! # Bound
//!
//! At most [`MAX_LANES`] names, of which later ones are not kept, with at most [`MAX_CHANGES`] changes each, of which
//! the oldest goes; numbers of the process for each slot of each level, 72 bytes each. In all some 125 KB where nothing
//! changes, and at most [`MAX_LANES_BYTES`], which levels set aside.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{ProcessFigures, Range};
use crate::data::slot::{CheckResult, Slot};

/// Seconds for which changes are kept.
const KEPT_SECONDS: f64 = 24.0 * 3600.0;

/// The most names.
const MAX_LANES: usize = 128;

/// The most bytes of all this, but for long names.
pub(super) const MAX_LANES_BYTES: usize = 280 << 10;

/// The most changes of one of them.
const MAX_CHANGES: usize = 64;

/// The states of one check, or of another part of health.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Lane {
    /// Its name.
    pub name: Arc<str>,
    /// Since when it is up or down, seconds since the storage was made: each change of the last 24 hours, the oldest
    /// first. The first may be older: it is the state at the beginning.
    pub changes: VecDeque<(f64, bool)>,
    /// How many times it changed in those, within slots too.
    pub flaps: u64,
    /// When it was told of last, seconds since the storage was made.
    pub last: f64,
}

impl Lane {
    fn forget_oldest(&mut self) {
        self.changes.pop_front();
        self.flaps = self.flaps.saturating_sub(1);
    }
}

/// Numbers of the process at the end of a slot.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct ProcessSlot {
    /// The number of its last slot of 2 s.
    pub tick: u64,
    /// The numbers.
    pub figures: ProcessFigures,
}

/// The lanes of all names, and the numbers of the process.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    lanes: Vec<Lane>,
    process: [VecDeque<ProcessSlot>; 3],
}

impl Lanes {
    /// Adds the results of checks in a slot.
    pub(crate) fn add(&mut self, slot: &Slot) {
        for (nth, result) in slot.checks.iter().enumerate() {
            let is_first = !slot.checks[..nth].iter().any(|one| one.name == result.name);
            if is_first {
                self.add_results(&result.name, &slot.checks[nth..]);
            }
        }
    }

    /// Adds a state that is no result of a check.
    pub(crate) fn add_state(&mut self, state: &CheckResult) {
        self.add_results(&state.name, std::slice::from_ref(state));
    }

    fn add_results(&mut self, name: &Arc<str>, results: &[CheckResult]) {
        let of_name = results
            .iter()
            .filter(|one| one.name == *name && one.at.is_finite());
        let Some(worst) = of_name.clone().min_by_key(|one| one.is_up) else {
            return;
        };
        let Some(lane) = self.lane(name) else {
            return;
        };
        let mut state = lane.changes.back().map_or(worst.is_up, |last| last.1);
        for one in of_name {
            lane.flaps += u64::from(one.is_up != state);
            lane.last = lane.last.max(one.at);
            state = one.is_up;
        }
        if lane.changes.back().is_none_or(|last| last.1 != worst.is_up) {
            if lane.changes.len() == MAX_CHANGES {
                lane.forget_oldest();
            }
            lane.changes.push_back((worst.at, worst.is_up));
        }
        let oldest = lane.last - KEPT_SECONDS;
        while lane.changes.get(1).is_some_and(|next| next.0 < oldest) {
            lane.forget_oldest();
        }
    }

    fn lane(&mut self, name: &Arc<str>) -> Option<&mut Lane> {
        let at = match self.lanes.iter().position(|lane| lane.name == *name) {
            Some(at) => at,
            None if self.lanes.len() < MAX_LANES => {
                self.lanes.push(Lane {
                    name: Arc::clone(name),
                    changes: VecDeque::new(),
                    flaps: 0,
                    last: f64::MIN,
                });
                self.lanes.len() - 1
            }
            None => return None,
        };
        self.lanes.get_mut(at)
    }

    /// The lanes, in the order in which their names came up.
    pub(crate) fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// Adds the numbers of the process at the end of a slot of 2 s.
    pub(crate) fn add_process(&mut self, tick: u64, figures: ProcessFigures) {
        for (slots, range) in self.process.iter_mut().zip(Range::ALL) {
            // The newest numbers of a slot are those at its end.
            let tick = range.last_tick(tick);
            match slots.back_mut() {
                Some(last) if last.tick >= tick => last.figures = figures,
                _ => {
                    let places = usize::try_from(range.slots()).unwrap_or(0) + 1;
                    slots.reserve_exact(places.saturating_sub(slots.len()).max(1));
                    slots.push_back(ProcessSlot { tick, figures });
                }
            }
            let kept = range.slots() * range.ticks();
            while slots
                .front()
                .is_some_and(|slot| slot.tick.saturating_add(kept) <= tick)
            {
                slots.pop_front();
            }
        }
    }

    /// The numbers of the process, the oldest first: those of slots that ended after this one.
    pub(crate) fn process(
        &self,
        range: Range,
        after: Option<u64>,
    ) -> impl Iterator<Item = &ProcessSlot> {
        let slots = &self.process[range.place()];
        slots
            .iter()
            .filter(move |slot| after.is_none_or(|after| slot.tick > after))
    }

    /// Bytes that all this takes.
    pub(crate) fn bytes(&self) -> usize {
        let process = self
            .process
            .iter()
            .map(|slots| slots.capacity() * size_of::<ProcessSlot>());
        let lanes = self.lanes.iter().map(|lane| {
            size_of::<Lane>() + lane.name.len() + lane.changes.capacity() * size_of::<(f64, bool)>()
        });
        process.sum::<usize>() + lanes.sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot_of(results: &[(&str, f64, bool)]) -> Slot {
        let checks = results.iter().map(|&(name, at, is_up)| CheckResult {
            name: name.into(),
            at,
            is_up,
            output: None,
        });
        Slot {
            checks: checks.collect(),
            ..Slot::default()
        }
    }

    #[test]
    fn a_lane_has_the_changes_alone_and_the_worst_state_of_a_slot() {
        let mut lanes = Lanes::default();
        lanes.add(&slot_of(&[("disk", 1.0, true), ("dictionary", 1.5, true)]));
        lanes.add(&slot_of(&[
            ("dictionary", 3.0, true),
            ("dictionary", 3.5, false),
            ("dictionary", 3.9, true),
        ]));
        lanes.add(&slot_of(&[
            ("dictionary", 5.0, true),
            ("disk", f64::NAN, false),
        ]));
        let [disk, dictionary] = lanes.lanes() else {
            panic!("two names");
        };
        assert_eq!(disk.changes, [(1.0, true)]);
        assert_eq!(dictionary.changes, [(1.5, true), (3.5, false), (5.0, true)]);
        assert_eq!((dictionary.flaps, dictionary.last), (3, 5.0));
    }

    #[test]
    fn changes_are_kept_for_a_day_and_with_them_the_state_at_its_beginning() {
        let mut lanes = Lanes::default();
        for (at, is_up) in [
            (0.0, true),
            (10.0, false),
            (20.0, true),
            (86_415.0, true),
            (86_500.0, false),
        ] {
            lanes.add(&slot_of(&[("disk", at, is_up)]));
        }
        assert_eq!(lanes.lanes()[0].changes, [(20.0, true), (86_500.0, false)]);
    }

    #[test]
    fn lanes_are_bounded() {
        let mut lanes = Lanes::default();
        for round in 0..200_u32 {
            for name in 0..300 {
                lanes.add(&slot_of(&[(
                    &format!("check {name}"),
                    round.into(),
                    round.is_multiple_of(2),
                )]));
            }
        }
        for tick in 0..50_000 {
            lanes.add_process(tick, ProcessFigures::default());
        }
        assert_eq!(lanes.lanes().len(), MAX_LANES);
        assert_eq!(lanes.lanes()[0].changes.len(), MAX_CHANGES);
        assert!(lanes.bytes() <= MAX_LANES_BYTES, "{}", lanes.bytes());
    }

    #[test]
    fn numbers_of_the_process_are_those_at_the_end_of_each_slot() {
        let mut lanes = Lanes::default();
        for tick in 0..=600_u32 {
            let figures = ProcessFigures {
                memory: Some(f64::from(tick)),
                ..ProcessFigures::default()
            };
            lanes.add_process(tick.into(), figures);
        }
        let of = |range, after| -> Vec<_> {
            lanes
                .process(range, after)
                .map(|slot| (slot.tick, slot.figures.memory))
                .collect()
        };
        assert_eq!(of(Range::Minutes15, None).len(), 450);
        assert_eq!(of(Range::Minutes15, Some(599)), [(600, Some(600.0))]);
        assert_eq!(
            of(Range::Hours3, Some(580)),
            [(590, Some(590.0)), (600, Some(600.0))]
        );
        assert_eq!(of(Range::Hours24, None).len(), 11);
        assert_eq!(
            lanes
                .process(Range::Hours24, None)
                .next()
                .map(|slot| slot.figures.cpu_seconds),
            Some(None)
        );
    }
}
