//! Each rule, on slots made by hand; and what holds for any slots.

mod callers;

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::data::slot::{CallerSlot, Cells, CheckResult, FailureKind, FailureSlot};

/// The cell of 10 ms: from 9.3 to 10.1 ms.
const TEN_MS: i16 = -53;
const OCTAVE: i16 = 8;

/// An engine with its clock, and the methods `a` and `b`, the first of which calls the second.
struct Service {
    engine: Engine,
    book: Book,
    now: f64,
}

/// What a method does in a slot.
#[derive(Default, Clone)]
struct Calls {
    good: Vec<(i16, u64)>,
    failed: u64,
    error_type: u32,
    caller: Option<u32>,
    flight: u64,
    late: u32,
    waiting: u64,
    permits: u64,
}

impl Service {
    fn new() -> Self {
        Self::with(Vec::new())
    }

    fn with(boots: Vec<Boot>) -> Self {
        let book = Book {
            methods: ["a", "b", "c", "d", "e"].map(Arc::from).into(),
            types: ["timeout", "panic"].map(Arc::from).into(),
        };
        Self {
            engine: Engine::new(0.0, boots),
            book,
            now: 0.0,
        }
    }

    fn slot(&mut self, methods: Vec<MethodSlot>, checks: Vec<CheckResult>) -> &Judgement {
        let begin = self.now;
        self.now += 2.0;
        let slot = Slot {
            tick: 0,
            begin,
            end: self.now,
            entries: entries_of(&methods),
            methods,
            checks,
        };
        self.engine.feed(&slot, &self.book)
    }

    /// So many slots in which each method does the same.
    fn run(&mut self, slots: usize, calls: &[Calls]) -> Vec<Incident> {
        for _ in 0..slots {
            let methods = calls
                .iter()
                .zip(0..)
                .map(|(one, at)| one.slot(at))
                .collect();
            self.slot(methods, Vec::new());
        }
        self.engine.judgement.incidents.clone()
    }

    fn headline(&self) -> State {
        let first = self.engine.judgement.incidents.first();
        first.map_or(State::Ok, |one| one.state)
    }

    fn check(&mut self, is_up: bool) {
        let result = CheckResult {
            name: "database".into(),
            at: self.now + 1.0,
            is_up,
            output: (!is_up).then(|| "refused".into()),
        };
        self.slot(Vec::new(), vec![result]);
    }
}

/// The entry calls of all methods.
fn entries_of(methods: &[MethodSlot]) -> MethodSlot {
    let mut entries = MethodSlot::default();
    for calls in methods.iter().filter(|one| one.callers.is_empty()) {
        entries.begun = entries.begun.saturating_add(calls.begun);
        entries.ok.add(&calls.ok);
        entries.failures.extend(calls.failures.iter().cloned());
    }
    entries
}

impl Calls {
    fn good(count: u64) -> Self {
        Self {
            good: vec![(TEN_MS, count)],
            ..Self::default()
        }
    }

    fn slower(mut self, cells: i16) -> Self {
        self.good.iter_mut().for_each(|one| one.0 += cells);
        self
    }

    fn failing(mut self, failed: u64) -> Self {
        self.failed = failed;
        self
    }

    fn from(mut self, caller: u32) -> Self {
        self.caller = Some(caller);
        self
    }

    fn slot(&self, method: u32) -> MethodSlot {
        let good: u64 = self.good.iter().map(|one| one.1).sum();
        let begun = good + self.failed;
        let failures = (self.failed > 0).then(|| FailureSlot {
            error_type: self.error_type,
            kind: FailureKind::Counts,
            cells: Cells(vec![(TEN_MS, self.failed)]),
        });
        let callers = self.caller.map(|caller| CallerSlot {
            caller,
            begun,
            failed: self.failed,
        });
        MethodSlot {
            method,
            begun,
            entries: if callers.is_some() { 0 } else { begun },
            ok: Cells(self.good.clone()),
            failures: failures.into_iter().collect(),
            callers: callers.into_iter().collect(),
            in_flight: self.flight.max(self.late.into()),
            oldest: if self.late > 0 { 40.0 } else { 0.0 },
            ages: if self.late > 0 {
                vec![0, 0, 0, 0, 0, self.late]
            } else {
                Vec::new()
            },
            waiting: self.waiting,
            permits: self.permits,
            ..MethodSlot::default()
        }
    }
}

/// A quarter of an hour in which all is well.
fn known(calls: &[Calls]) -> Service {
    let mut service = Service::new();
    let incidents = service.run(450, calls);
    assert_eq!(incidents, Vec::new());
    service
}

#[test]
fn failures_beyond_the_usual_are_found_within_ten_seconds() {
    let mut service = known(&[Calls::good(20)]);
    let began = service.now;
    let incidents = service.run(5, &[Calls::good(10).failing(10)]);
    let [one] = &incidents[..] else {
        panic!("{incidents:?}")
    };
    assert_eq!((one.state, one.rule), (State::Failing, Rule::Failures));
    assert_eq!((one.method, one.error_type), (Some(0), Some(0)));
    assert!((one.since - began).abs() <= 2.0, "{} {began}", one.since);
    assert_eq!((one.evidence.calls, one.evidence.bad), (100, 50));
}

#[test]
fn failures_of_far_more_calls_than_usual_are_found_where_as_many_succeed() {
    let mut service = known(&[Calls::good(1)]);
    let one_client = [Calls::good(1).failing(50)];
    assert_eq!(service.run(30, &one_client), Vec::new());
    for failed in [20, 50, 90] {
        let mut service = known(&[Calls::good(1)]);
        service.run(8, &[Calls::good(100 - failed).failing(failed)]);
        assert_eq!(service.headline(), State::Failing, "{failed} of 100");
    }
}

#[test]
fn a_mishap_of_some_seconds_does_not_hide_what_fails_later() {
    for (slots, failed) in [(2, 40), (3, 8)] {
        let mut service = known(&[Calls::good(40)]);
        service.run(slots, &[Calls::good(40 - failed).failing(failed)]);
        assert_eq!(service.headline(), State::Ok, "{slots} slots");
        service.run(150, &[Calls::good(40)]);
        service.run(8, &[Calls::good(32).failing(8)]);
        assert_eq!(service.headline(), State::Failing, "{slots} slots");
    }
    let mut service = Service::new();
    service.run(4, &[Calls::good(20).failing(20)]);
    service.run(446, &[Calls::good(40)]);
    service.run(8, &[Calls::good(32).failing(8)]);
    assert_eq!(service.headline(), State::Failing, "from the start");
}

#[test]
fn what_fails_for_some_seconds_again_and_again_is_usual() {
    let mut service = Service::new();
    for nth in 0..40 {
        service.run(3, &[Calls::good(32).failing(8)]);
        service.run(117, &[Calls::good(40)]);
        assert_eq!(service.headline(), State::Ok, "{nth}");
    }
    let usual = service.run(5, &[Calls::good(36).failing(4)]);
    assert_eq!(usual, Vec::new());
}

#[test]
fn what_usually_fails_is_no_incident() {
    let usual = [Calls::good(18).failing(2)];
    let mut service = known(&usual);
    assert_eq!(service.run(900, &usual), Vec::new());
}

#[test]
fn an_incident_is_over_when_calls_are_good_again() {
    let mut service = known(&[Calls::good(20)]);
    service.run(10, &[Calls::good(10).failing(10)]);
    assert_eq!(service.headline(), State::Failing);
    service.run(10, &[Calls::good(20)]);
    assert_eq!(service.headline(), State::Ok);
}

#[test]
fn an_incident_that_gets_milder_is_neither_over_nor_flapping() {
    let mut service = known(&[Calls::good(40)]);
    let began = service.now;
    service.run(30, &[Calls::good(0).failing(40)]);
    for slot in 0..300 {
        let incidents = service.run(1, &[Calls::good(35).failing(5)]);
        let [one] = &incidents[..] else {
            panic!("slot {slot}: {incidents:?}")
        };
        assert_eq!((one.state, one.since), (State::Failing, began));
    }
    service.run(10, &[Calls::good(40)]);
    assert_eq!(service.headline(), State::Ok);
}

#[test]
fn slow_calls_that_get_less_slow_are_still_slow() {
    let mut service = known(&[Calls::good(40)]);
    service.run(30, &[Calls::good(40).slower(5 * OCTAVE)]);
    // All are slow still, and some far slower.
    let mut mild = Calls::good(35).slower(OCTAVE + 4);
    mild.good.push((TEN_MS + 3 * OCTAVE, 5));
    for slot in 0..300 {
        service.run(1, std::slice::from_ref(&mild));
        assert_eq!(service.headline(), State::Slow, "slot {slot}");
    }
    service.run(10, &[Calls::good(40)]);
    assert_eq!(service.headline(), State::Ok);
}

#[test]
fn what_comes_back_three_times_is_flapping() {
    let mut service = known(&[Calls::good(20)]);
    for _ in 0..3 {
        service.run(10, &[Calls::failing(Calls::good(2), 18)]);
        service.run(40, &[Calls::good(20)]);
    }
    let incidents = service.run(10, &[Calls::good(2).failing(18)]);
    assert_eq!(
        incidents.first().map(|one| one.state),
        Some(State::Flapping)
    );
    assert!(incidents[0].times >= 3);
}

#[test]
fn a_new_error_type_is_found_however_many_there_were() {
    let mut service = known(&[Calls::good(20)]);
    for error_type in 10..60 {
        let calls = Calls {
            error_type,
            ..Calls::good(19).failing(1)
        };
        service.run(1, &[calls]);
        service.run(9, &[Calls::good(20)]);
    }
    assert_eq!(service.headline(), State::Ok);
    let new = Calls {
        error_type: 60,
        ..Calls::good(0).failing(20)
    };
    let incidents = service.run(5, &[new]);
    let first = incidents.first().map(|one| (one.state, one.method));
    assert_eq!(first, Some((State::Failing, Some(0))));
}

#[test]
fn error_types_that_are_new_with_each_call_are_found_together() {
    let mut service = known(&[Calls::good(20)]);
    for slot in 0..10_u32 {
        let mut calls = Calls::good(0).slot(0);
        calls.begun = 20;
        let one = |nth: u32| FailureSlot {
            error_type: 10 + 20 * slot + nth,
            kind: FailureKind::Counts,
            cells: Cells(vec![(TEN_MS, 1)]),
        };
        calls.failures = (0..20).map(one).collect();
        service.slot(vec![calls], Vec::new());
    }
    let first = service.engine.judgement.incidents.first();
    let first = first.map(|one| (one.state, one.method, one.error_type));
    assert_eq!(first, Some((State::Failing, Some(0), None)));
}

#[test]
fn failures_are_found_between_one_gap_and_the_next() {
    let mut service = known(&[Calls::good(20)]);
    for nth in 0..5 {
        service.now += 12.0;
        let incidents = service.run(12, &[Calls::good(0).failing(20)]);
        let first = incidents.first().map(|one| (one.state, one.method));
        assert_eq!(first, Some((State::Failing, Some(0))), "gap {nth}");
    }
}

#[test]
fn a_gap_does_not_end_a_silence_but_a_call_does() {
    let mut service = known(&[Calls::good(20)]);
    service.run(15, &[]);
    assert_eq!(service.headline(), State::Silent);
    service.now += 12.0;
    service.run(15, &[]);
    assert_eq!(service.headline(), State::Silent);
    service.run(1, &[Calls::good(1)]);
    assert_eq!(service.headline(), State::Ok);
}

#[test]
fn panics_have_their_own_rule() {
    let mut service = known(&[Calls::good(20)]);
    let panics = Calls {
        error_type: 1,
        ..Calls::good(15).failing(5)
    };
    let incidents = service.run(8, &[panics]);
    assert_eq!(incidents.first().map(|one| one.rule), Some(Rule::Panics));
}

#[test]
fn expected_and_cancelled_calls_are_no_failures() {
    let mut service = known(&[Calls::good(20)]);
    for kind in [FailureKind::Expected, FailureKind::Cancelled] {
        let mut calls = Calls::good(2).failing(18).slot(0);
        calls.failures[0].kind = kind;
        for _ in 0..20 {
            service.slot(vec![calls.clone()], Vec::new());
        }
        assert_eq!(service.headline(), State::Ok, "{kind:?}");
    }
}

#[test]
fn slow_calls_are_found_and_their_beginning() {
    let mut service = known(&[Calls::good(20)]);
    let began = service.now;
    let incidents = service.run(8, &[Calls::good(20).slower(4 * OCTAVE)]);
    let [one] = &incidents[..] else {
        panic!("{incidents:?}")
    };
    assert_eq!((one.state, one.rule), (State::Slow, Rule::Slow));
    assert!((one.since - began).abs() <= 2.0);
    let [recent, usual] = [one.evidence.durations, one.evidence.usual_durations];
    assert!(
        recent.is_some_and(|recent| recent[0] > 0.1) && usual.is_some_and(|usual| usual[0] < 0.02)
    );
}

#[test]
fn calls_of_microseconds_that_wait_for_a_cpu_are_not_slow() {
    let short = Calls::good(19).slower(-9 * OCTAVE);
    let mut service = known(std::slice::from_ref(&short));
    let mut waiting = short.clone();
    waiting.good.push((TEN_MS - 4 * OCTAVE, 1));
    assert_eq!(service.run(60, &[waiting]), Vec::new());
    let incidents = service.run(10, &[short.slower(5 * OCTAVE)]);
    assert_eq!(incidents.first().map(|one| one.state), Some(State::Slow));
}

#[test]
fn large_calls_of_one_client_beside_the_usual_ones_are_no_incident() {
    let mut service = known(&[Calls::good(20)]);
    let mut calls = Calls::good(20);
    calls.good.push((TEN_MS + 4 * OCTAVE, 20));
    assert_eq!(service.run(30, &[calls]), Vec::new());
}

#[test]
fn large_calls_that_have_ended_are_no_incident_afterwards() {
    for (usual, large, slots) in [(100, 60, 10), (40, 12, 20), (8, 4, 20), (4, 2, 20)] {
        let mut service = known(&[Calls::good(usual)]);
        let mut with_large = Calls::good(usual);
        with_large.good.push((TEN_MS + 4 * OCTAVE, large));
        assert_eq!(service.run(slots, &[with_large]), Vec::new());
        for slot in 0..120 {
            let incidents = service.run(1, &[Calls::good(usual)]);
            assert_eq!(incidents, Vec::new(), "{usual} and {large}: {slot}");
        }
    }
}

#[test]
fn calls_that_come_again_because_a_method_is_slow_are_no_overload() {
    let mut service = known(&[Calls::good(20)]);
    let slow = |count| [Calls::good(count).slower(4 * OCTAVE)];
    service.run(30, &slow(20));
    assert_eq!(service.headline(), State::Slow);
    for slot in 0..600 {
        service.run(1, &slow(60));
        assert_eq!(service.headline(), State::Slow, "{slot}");
    }
}

#[test]
fn calls_that_hung_and_then_end_late_are_one_incident_since_the_first() {
    let mut service = known(&[Calls::good(20)]);
    let began = service.now;
    let hung = Calls {
        late: 40,
        ..Calls::good(2)
    };
    service.run(10, &[hung]);
    assert_eq!(service.headline(), State::Stuck);
    // Clients give up, and no call gets old any more.
    let slow = Calls::good(20).slower(8 * OCTAVE);
    for slot in 0..60 {
        let incidents = service.run(1, std::slice::from_ref(&slow));
        let first = incidents.first().expect("it goes on");
        assert!(first.since <= began + 2.0, "{slot}: {first:?}");
    }
    assert_eq!(service.headline(), State::Slow);
}

#[test]
fn a_rush_in_which_all_is_slow_is_an_overload() {
    let mut service = known(&[Calls::good(20)]);
    let incidents = service.run(10, &[Calls::good(100).slower(3 * OCTAVE)]);
    assert_eq!(
        incidents.first().map(|one| one.state),
        Some(State::Overloaded)
    );
}

#[test]
fn a_load_about_the_bound_of_a_rush_changes_the_state_once() {
    for methods in [1, 5] {
        let mut service = known(&vec![Calls::good(20); methods]);
        let (mut before, mut changes) = (State::Ok, 0);
        for slot in 0..300 {
            // Half a minute below 1.5 times and 1.6 times the usual calls, half a minute above.
            let count = if slot / 15 % 2 == 0 { 36 } else { 28 };
            service.run(1, &vec![Calls::good(count).slower(3 * OCTAVE); methods]);
            changes += usize::from(service.headline() != before);
            before = service.headline();
        }
        assert_eq!(before, State::Overloaded);
        assert!(changes <= 2, "{changes} changes of {methods} methods");
    }
}

#[test]
fn everything_slow_in_a_rush_is_one_incident_of_the_machine() {
    let five = |calls: Calls| vec![calls; 5];
    let mut service = known(&five(Calls::good(20)));
    let incidents = service.run(6, &five(Calls::good(60).slower(3 * OCTAVE)));
    let [one] = &incidents[..] else {
        panic!("{incidents:?}")
    };
    assert_eq!((one.state, one.rule), (State::Overloaded, Rule::Broad));
    assert_eq!(
        (one.evidence.slow_methods, one.evidence.busy_methods),
        (5, 5)
    );
}

#[test]
fn what_fails_and_what_is_stuck_is_told_beside_everything_slow() {
    let five = |calls: Calls| vec![calls; 5];
    let mut service = known(&five(Calls::good(20)));
    let mut calls = five(Calls::good(20).slower(3 * OCTAVE));
    calls[3] = calls[3].clone().failing(18);
    calls[4] = Calls {
        late: 30,
        ..Calls::default()
    };
    let incidents = service.run(15, &calls);
    let told: Vec<_> = incidents
        .iter()
        .map(|one| (one.state, one.method))
        .collect();
    let right = [
        (State::Failing, Some(3)),
        (State::Stuck, Some(4)),
        (State::Slow, None),
    ];
    assert_eq!(told, right);
}

#[test]
fn everything_slow_without_a_rush_is_slow_without_a_method() {
    let five = |calls: Calls| vec![calls; 5];
    let mut service = known(&five(Calls::good(20)));
    let incidents = service.run(10, &five(Calls::good(20).slower(3 * OCTAVE)));
    let [one] = &incidents[..] else {
        panic!("{incidents:?}")
    };
    assert_eq!((one.state, one.method), (State::Slow, None));
}

#[test]
fn calls_that_do_not_end_are_stuck_in_the_second_slot() {
    let mut service = known(&[Calls::good(20)]);
    let stuck = Calls {
        late: 5,
        ..Calls::default()
    };
    assert_eq!(service.run(1, std::slice::from_ref(&stuck)), Vec::new());
    let incidents = service.run(1, &[stuck]);
    let [one] = &incidents[..] else {
        panic!("{incidents:?}")
    };
    assert_eq!((one.state, one.evidence.late), (State::Stuck, 5));
    assert!((one.since - (service.now - 40.0)).abs() < 0.1);
}

#[test]
fn a_process_of_four_minutes_is_judged_with_more_caution() {
    let slow = [Calls::good(20).slower(3 * OCTAVE)];
    let mut early = Service::new();
    early.run(60, &[Calls::good(20)]);
    assert_eq!(early.run(30, &slow), Vec::new());
    let mut later = Service::new();
    later.run(120, &[Calls::good(20)]);
    assert_eq!(later.run(4, &slow), Vec::new());
    later.run(11, &slow);
    assert_eq!(later.headline(), State::Slow);
}

#[test]
fn calls_of_a_process_of_four_minutes_are_stuck_where_none_was_late() {
    let late = Calls {
        late: 5,
        ..Calls::good(20)
    };
    let mut service = Service::new();
    service.run(120, &[Calls::good(20)]);
    service.run(2, std::slice::from_ref(&late));
    assert_eq!(service.headline(), State::Stuck);
    let mut streams = Service::new();
    streams.run(10, &[Calls::good(20)]);
    streams.run(110, std::slice::from_ref(&late));
    let more = Calls { late: 12, ..late };
    assert_eq!(streams.run(30, &[more]), Vec::new());
}

#[test]
fn a_queue_for_permits_in_a_rush_is_an_overload() {
    let usual = Calls {
        permits: 4,
        ..Calls::good(20)
    };
    let mut service = known(&[usual]);
    let queue = Calls {
        permits: 4,
        waiting: 30,
        flight: 34,
        ..Calls::good(60)
    };
    let incidents = service.run(5, &[queue]);
    let [one] = &incidents[..] else {
        panic!("{incidents:?}")
    };
    assert_eq!((one.state, one.rule), (State::Overloaded, Rule::Waiting));
    assert_eq!((one.evidence.waiting, one.evidence.permits), (30, 4));
}

#[test]
fn a_check_that_is_down_twice_is_down_and_up_once_is_up() {
    let mut service = Service::new();
    service.check(false);
    assert_eq!(service.headline(), State::Ok);
    service.check(false);
    assert_eq!(service.headline(), State::Down);
    let one = &service.engine.judgement.incidents[0];
    assert_eq!(
        (one.check.as_deref(), one.evidence.output.as_deref()),
        (Some("database"), Some("refused"))
    );
    service.check(true);
    assert_eq!(service.headline(), State::Ok);
}

#[test]
fn a_process_that_died_is_restarted_and_twice_restarting() {
    let crash = |at| Boot {
        at,
        version: None,
        is_clean: false,
    };
    let mut once = Service::with(vec![crash(0.0)]);
    once.run(1, &[]);
    assert_eq!(once.headline(), State::Restarted);
    once.run(151, &[]);
    assert_eq!(once.headline(), State::Ok);
    let mut twice = Service::with(vec![crash(-100.0), crash(0.0)]);
    twice.run(1, &[]);
    assert_eq!(twice.headline(), State::Restarting);
}

#[test]
fn no_call_where_there_always_were_some_is_silence() {
    let mut service = known(&[Calls::good(20)]);
    service.run(9, &[]);
    assert_eq!(service.headline(), State::Ok);
    let incidents = service.run(1, &[]);
    assert_eq!(service.headline(), State::Silent);
    assert_eq!(incidents[0].evidence.usual_rate, Some(10.0));
    service.run(1, &[Calls::good(20)]);
    assert_eq!(service.headline(), State::Ok);
}

#[test]
fn a_gap_is_neither_silence_nor_an_incident() {
    let mut service = known(&[Calls::good(20)]);
    service.now += 600.0;
    let late = Calls {
        late: 20,
        ..Calls::good(20).slower(8 * OCTAVE)
    };
    assert_eq!(service.run(3, &[late]), Vec::new());
    assert_eq!(service.run(100, &[Calls::good(20)]), Vec::new());
}

#[test]
fn a_method_is_not_judged_by_calls_that_never_ended() {
    let mut service = Service::new();
    let stuck = Calls {
        late: 5,
        ..Calls::default()
    };
    assert_eq!(service.run(600, &[stuck]), Vec::new());
}

#[test]
fn what_is_usual_is_known_after_eight_minutes() {
    let mut service = Service::new();
    service.run(190, &[Calls::good(20)]);
    assert_eq!(service.engine.usual(0), None);
    assert_eq!(service.engine.usual_entries(), None);
    service.run(70, &[Calls::good(20)]);
    let usual = service.engine.usual(0).zip(service.engine.usual_entries());
    let Some((method, entries)) = usual else {
        panic!("unknown")
    };
    for usual in [method, entries] {
        assert!(usual.rate[0] <= 10.0 && 10.0 <= usual.rate[1], "{usual:?}");
        assert!(usual.p50[0] <= 0.01 && 0.01 <= usual.p50[1], "{usual:?}");
        assert!(usual.failed.iter().all(|share| *share <= 0.0), "{usual:?}");
        assert!(
            usual.in_flight.iter().all(|calls| *calls <= 0.0),
            "{usual:?}"
        );
    }
    assert_eq!(service.engine.state_of(0).state, MethodState::Ok);
    service.run(151, &[]);
    assert_eq!(service.engine.state_of(0).state, MethodState::Idle);
}

#[test]
fn idle_methods_are_not_fed() {
    let mut service = known(&[Calls::good(20), Calls::good(20)]);
    service.run(100, &[Calls::good(20)]);
    assert_eq!(service.engine.awake, [0]);
}

fn any_cells() -> impl Strategy<Value = Cells> {
    prop::collection::vec((any::<i16>(), any::<u64>()), 0..4).prop_map(Cells)
}

fn any_method() -> impl Strategy<Value = MethodSlot> {
    let numbers = (
        0..8_u32,
        any::<u64>(),
        any::<u64>(),
        any::<u64>(),
        any::<f64>(),
    );
    let failures = prop::collection::vec((0..4_u32, any_cells()), 0..3);
    let gauges = (
        prop::collection::vec(any::<u32>(), 0..80),
        any::<u64>(),
        any::<u64>(),
    );
    (numbers, any_cells(), failures, gauges, 0..8_u32).prop_map(
        |(numbers, ok, failures, gauges, caller)| MethodSlot {
            method: numbers.0,
            begun: numbers.1,
            entries: numbers.2,
            ok,
            failures: failures
                .into_iter()
                .map(|(error_type, cells)| FailureSlot {
                    error_type,
                    kind: FailureKind::Counts,
                    cells,
                })
                .collect(),
            callers: vec![CallerSlot {
                caller,
                begun: numbers.3,
                failed: 0,
            }],
            busy: numbers.4,
            in_flight: gauges.1,
            oldest: numbers.4,
            ages: gauges.0,
            waiting: gauges.2,
            permits: numbers.3,
        },
    )
}

fn is_finite(one: &Incident) -> bool {
    let evidence = &one.evidence;
    let numbers = [evidence.usual_share, evidence.rate, evidence.usual_rate];
    let pairs = [evidence.durations, evidence.usual_durations];
    let mut all = numbers
        .into_iter()
        .flatten()
        .chain(pairs.into_iter().flatten().flatten());
    one.since.is_finite() && evidence.oldest.is_finite() && all.all(f64::is_finite)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_slots_are_judged_without_a_panic_or_a_nan(
        slots in prop::collection::vec((prop::collection::vec(any_method(), 0..6), 0.0..300.0_f64), 1..60),
    ) {
        let run = || {
            let mut service = Service::new();
            service.run(350, &[Calls::good(5), Calls::good(5).from(0)]);
            for (methods, gap) in &slots {
                service.now += if *gap > 250.0 { *gap } else { 0.0 };
                service.slot(methods.clone(), Vec::new());
            }
            service
        };
        let service = run();
        let judgement = &service.engine.judgement;
        prop_assert!(judgement.incidents.iter().all(is_finite), "{judgement:?}");
        for method in 0..8 {
            let state = service.engine.state_of(method);
            prop_assert!((0.0..=1.0).contains(&state.score), "{state:?}");
        }
        prop_assert_eq!(judgement, &run().engine.judgement);
    }
}

/// Prints what 200 busy methods and 5,000 with a few calls cost: `cargo test --release -p monitor-core --lib -- --ignored
/// --nocapture cost_of`.
#[test]
#[ignore = "measures"]
fn cost_of_a_slot() {
    for (methods, cells, count) in [(200_u32, 24_i16, 60_u64), (5000, 2, 1)] {
        let mut engine = Engine::new(0.0, Vec::new());
        let book = Book::default();
        let slot = |at: u32| Slot {
            tick: at.into(),
            entries: MethodSlot::default(),
            begin: f64::from(at) * 2.0,
            end: f64::from(at) * 2.0 + 2.0,
            methods: (0..methods)
                .map(|method| Calls {
                    good: (0..cells).map(|cell| (TEN_MS + cell, count)).collect(),
                    failed: u64::from((method + at).is_multiple_of(7)),
                    ..Calls::default()
                })
                .zip(0..)
                .map(|(calls, method)| calls.slot(method))
                .collect(),
            ..Slot::default()
        };
        let mut seconds = [0.0_f64; 2];
        for at in 0..600 {
            let slot = slot(at);
            let begin = std::time::Instant::now();
            engine.feed(&slot, &book);
            let took = begin.elapsed().as_secs_f64();
            seconds = [seconds[0] + took, seconds[1].max(took)];
        }
        let bytes = engine.bytes() / methods as usize;
        println!(
            "{methods}: {:.3} ms a slot, at most {:.3}; {bytes} bytes a method",
            seconds[0] / 0.6,
            seconds[1] * 1e3
        );
    }
}
