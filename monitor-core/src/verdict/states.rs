//! States of task types: kept beside those of checks, and not judged.
//!
//! A task type follows from calls, and the rules judge those calls themselves: they know what is usual, which a status does
//! not. So its state is no result of a check. It has a lane, and events where it changes.
//!
//! Where half of the calls fail, the state changes every few seconds. The lane has all of that, the events have not: at most
//! one a minute for a task type, and the last state has one in the end.

use std::sync::Arc;

use crate::data::slot::CheckResult;
use crate::history::EventKind;
use crate::verdict::watch::Watch;
use crate::verdict::words::check_event;

/// Seconds between two events of a task type.
const LEAST_BETWEEN: f64 = 60.0;

/// Lanes beyond which no task type gets one, so that there is room for checks.
const MOST_LANES: usize = 96;

/// The state that the last event of each task type with a lane has, and its time.
pub(super) type ToldStates = Vec<(Arc<str>, bool, f64)>;

impl Watch {
    /// Notes the states of task types as they are now. Times are on the clock of the slots.
    pub(super) fn note_states(&mut self, states: &[CheckResult]) {
        for state in states.iter().filter(|state| state.at.is_finite()) {
            if self.has_lane(state) {
                self.levels_mut().lanes_mut().add_state(state);
                self.tell_state(state);
            }
        }
    }

    /// How many task types are down.
    pub(super) fn tasks_down(&self) -> usize {
        let lanes = self.lanes().iter();
        let tasks = lanes.filter(|lane| self.told().iter().any(|told| told.0 == lane.name));
        let last = tasks.filter_map(|lane| lane.changes.back());
        last.filter(|(_, is_up)| !is_up).count()
    }

    /// Whether the history of a state is kept: from the first time on that it is bad.
    fn has_lane(&mut self, state: &CheckResult) -> bool {
        if self.told_mut().iter().any(|told| told.0 == state.name) {
            return true;
        }
        let has_room = self.lanes().len() < MOST_LANES;
        if state.is_up || !has_room {
            return false;
        }
        // It was well before, as it would have a lane else.
        let before = CheckResult {
            at: 0.0,
            is_up: true,
            ..state.clone()
        };
        self.levels_mut().lanes_mut().add_state(&before);
        let name = Arc::clone(&state.name);
        self.told_mut().push((name, true, f64::NEG_INFINITY));
        true
    }

    /// Keeps an event, if the state is another than that of the event before, which is long ago.
    fn tell_state(&mut self, state: &CheckResult) {
        let mut told = self.told_mut().iter_mut();
        let Some(told) = told.find(|told| told.0 == state.name) else {
            return;
        };
        if told.1 == state.is_up || state.at - told.2 < LEAST_BETWEEN {
            return;
        }
        (told.1, told.2) = (state.is_up, state.at);
        let text = check_event(&state.name, state.is_up, state.output.as_deref());
        let at = self.created_at() + state.at;
        self.add_event(at, EventKind::Status, &state.name, &text);
    }
}

#[cfg(all(test, not(monitor_loom)))]
mod tests {
    use super::*;
    use crate::history::HistoryConfig;

    fn state(at: f64, is_up: bool) -> CheckResult {
        CheckResult {
            name: "task type Resize".into(),
            at,
            is_up,
            output: None,
        }
    }

    /// The times and texts of events.
    fn events(watch: &Watch) -> Vec<(f64, String)> {
        let events = watch.events().iter();
        let of_status = events.filter(|event| event.kind == EventKind::Status);
        of_status
            .map(|event| (event.at, event.text.to_string()))
            .collect()
    }

    #[test]
    fn a_state_that_flaps_has_a_lane_and_few_events() {
        let mut watch = Watch::new(&HistoryConfig::default(), 1000.0, Vec::new());
        watch.note_states(&[state(1.0, true)]);
        assert!(watch.lanes().is_empty());
        for second in 10..100_u32 {
            watch.note_states(&[state(second.into(), second.is_multiple_of(2))]);
        }
        for second in [100.0, 130.0] {
            watch.note_states(&[state(second, true)]);
        }
        let [down, up] = ["DOWN", "UP"].map(|to| format!("Task type `Resize` is {to}."));
        let expected = [(1011.0, down.clone()), (1072.0, up.clone())];
        assert_eq!(events(&watch)[..2], expected);
        // It is up in the end, and so is the last event.
        assert!(events(&watch).len() <= 3);
        assert_eq!(events(&watch).last().map(|event| &event.1), Some(&up));
        assert_eq!(watch.tasks_down(), 0);
        let lane = &watch.lanes()[0];
        assert_eq!(lane.changes.back().map(|change| change.1), Some(true));
        // As many changes as a lane keeps.
        assert!(lane.flaps > 60, "{}", lane.flaps);
    }

    #[test]
    fn many_task_types_leave_room_for_checks() {
        let mut watch = Watch::new(&HistoryConfig::default(), 1000.0, Vec::new());
        for nth in 0..500 {
            let name = format!("task type {nth}").into();
            watch.note_states(&[CheckResult {
                name,
                ..state(1.0, false)
            }]);
        }
        assert_eq!(
            (watch.lanes().len(), watch.tasks_down()),
            (MOST_LANES, MOST_LANES)
        );
        watch.note_states(&[CheckResult {
            name: "task type 7".into(),
            ..state(2.0, true)
        }]);
        assert_eq!(watch.tasks_down(), MOST_LANES - 1);
    }
}
