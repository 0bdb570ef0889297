//! Whose fault it is: methods that call each other.

use super::*;

#[test]
fn the_callee_that_fails_is_at_fault_and_its_caller_feels_it() {
    let mut service = known(&[Calls::good(20), Calls::good(20).from(0)]);
    let bad = Calls::good(10).failing(10);
    let incidents = service.run(8, &[bad.clone(), bad.from(0)]);
    let [one] = &incidents[..] else {
        panic!("{incidents:?}")
    };
    assert_eq!((one.method, &one.felt[..]), (Some(1), &[0][..]));
    let [top, below] = [0, 1].map(|at| service.engine.state_of(at));
    assert_eq!((top.state, top.through), (MethodState::Failing, Some(1)));
    assert_eq!((below.state, below.through), (MethodState::Failing, None));
    assert!(below.score > top.score, "{below:?} {top:?}");
}

#[test]
fn a_method_at_fault_is_in_the_state_of_the_incident_before_it_has_a_finding() {
    let mut service = Service::new();
    service.run(5, &[Calls::good(20), Calls::good(20).from(0)]);
    // All calls of the caller fail, of the callee those that it made.
    let bad = [Calls::good(0).failing(12), Calls::good(8).failing(10)];
    let mut early = 0;
    for _ in 0..6 {
        let [above, below] = bad.clone();
        let incidents = service.run(1, &[above, below.from(0)]);
        let Some(incident) = incidents.iter().find(|one| one.method == Some(1)) else {
            continue;
        };
        let told = service.engine.state_of(1);
        assert_eq!(told.state, MethodState::Failing, "{incident:?}");
        assert_eq!((told.since, told.through), (Some(incident.since), None));
        if service.engine.signs(1).next().is_none() {
            early += 1;
            // The share in the sentence is that of its own calls.
            let [bad, calls] = [incident.evidence.bad, incident.evidence.calls];
            assert!(bad * 10 < calls * 6, "{incident:?}");
        }
    }
    assert!(early > 0, "it had a finding as soon as its caller");
}

#[test]
fn what_callers_still_feel_of_a_short_incident_is_not_theirs() {
    // Of few calls it takes longer to know that they are well again.
    let above = |slot: u32, is_good: bool| match (slot % 2, is_good) {
        (0, true) => Calls::good(1),
        (0, false) => Calls::good(0).failing(1),
        _ => Calls::good(0),
    };
    let good = |slot| [above(slot, true), Calls::good(40).from(0)];
    let mut service = Service::new();
    (0..450).for_each(|slot| assert_eq!(service.run(1, &good(slot)), Vec::new()));
    for slot in 0..12 {
        service.run(1, &[above(slot, false), Calls::good(0).failing(40).from(0)]);
    }
    let mut felt = 0;
    for slot in 0..60 {
        let incidents = service.run(1, &good(slot));
        let is_below = |one: &Incident| one.method == Some(1);
        assert!(incidents.iter().all(is_below), "{slot}: {incidents:?}");
        let [above, below] = [0, 1].map(|at| service.engine.signs(at).count());
        felt += usize::from(above > 0 && below == 0);
    }
    assert!(felt > 0, "both were over at once");
    assert_eq!(service.headline(), State::Ok);
}

#[test]
fn one_more_bad_call_of_a_caller_is_not_its_fault_after_an_incident_of_its_callee() {
    // Few of the calls of the caller fail in the incident, and now and then one fails as ever: it takes long to know that it
    // is well again.
    let above = |is_bad: bool| {
        let bad = u64::from(is_bad);
        Calls::good(10 - bad).failing(bad)
    };
    let good = |slot: u32| [above(slot.is_multiple_of(16)), Calls::good(1).from(0)];
    let mut felt = 0;
    for phase in 0..16 {
        let mut service = Service::new();
        (0..600).for_each(|slot| assert_eq!(service.run(1, &good(slot)), Vec::new()));
        for slot in 0..60_u32 {
            let below = Calls::good(0).failing(1).from(0);
            service.run(1, &[above(slot.is_multiple_of(2)), below]);
        }
        for slot in 0..120 {
            let incidents = service.run(1, &good(slot + phase));
            let is_below = |one: &Incident| one.method == Some(1);
            assert!(incidents.iter().all(is_below), "{slot}: {incidents:?}");
            let [above, below] = [0, 1].map(|at| service.engine.signs(at).count());
            felt += usize::from(above > 0 && below == 0);
        }
    }
    assert!(felt > 0, "both were over at once");
}

#[test]
fn a_callee_that_is_found_long_after_its_caller_is_at_fault() {
    // Some of its calls always fail, so it takes more of them until it is found.
    let usual = [Calls::good(100), Calls::good(96).failing(4).from(0)];
    let mut service = known(&usual);
    let failing = |more: u64| {
        [
            Calls::good(100 - more).failing(more),
            Calls::good(96 - more).failing(4 + more).from(0),
        ]
    };
    let incidents = service.run(40, &failing(2));
    assert_eq!(incidents.first().and_then(|one| one.method), Some(0));
    let incidents = service.run(60, &failing(20));
    let [one] = &incidents[..] else {
        panic!("{incidents:?}");
    };
    assert_eq!((one.method, &one.felt[..]), (Some(1), &[0][..]));
}

#[test]
fn a_caller_that_tries_a_failing_callee_again_is_slow_through_it() {
    let mut service = known(&[Calls::good(20), Calls::good(20).from(0)]);
    let slow = Calls::good(20).slower(2 * OCTAVE);
    let incidents = service.run(30, &[slow.clone(), Calls::good(20).failing(20).from(0)]);
    let [one] = &incidents[..] else {
        panic!("{incidents:?}");
    };
    assert_eq!((one.state, one.method), (State::Failing, Some(1)));
    assert_eq!(one.felt, [0]);
    // A callee that fails as often, and is called no more than usual, is no reason to be slow.
    let mut service = known(&[Calls::good(20), Calls::good(20).from(0)]);
    let incidents = service.run(30, &[slow, Calls::good(10).failing(10).from(0)]);
    let mut methods: Vec<_> = incidents.iter().map(|one| one.method).collect();
    methods.sort_unstable();
    assert_eq!(methods, [Some(0), Some(1)], "{incidents:?}");
}

#[test]
fn a_caller_that_fails_on_after_a_short_incident_of_its_callee_is_at_fault() {
    let mut service = known(&[Calls::good(20), Calls::good(20).from(0)]);
    let bad = Calls::good(10).failing(10);
    let incidents = service.run(5, &[bad.clone(), bad.clone().from(0)]);
    assert_eq!(incidents.first().and_then(|one| one.method), Some(1));
    for _ in 0..30 {
        let incidents = service.run(1, &[bad.clone(), Calls::good(20).from(0)]);
        assert!(!incidents.is_empty());
    }
    let [one] = &service.engine.judgement.incidents[..] else {
        panic!("{:?}", service.engine.judgement);
    };
    assert_eq!(one.method, Some(0));
}

#[test]
fn a_caller_that_fails_on_after_a_long_incident_of_its_callee_is_at_fault_soon() {
    let mut service = known(&[Calls::good(20), Calls::good(20).from(0)]);
    let bad = Calls::good(2).failing(18);
    service.run(60, &[bad.clone(), bad.clone().from(0)]);
    let mut well = 0;
    for _ in 0..60 {
        let incidents = service.run(1, &[bad.clone(), Calls::good(20).from(0)]);
        well += usize::from(incidents.is_empty());
    }
    assert!(well <= 11, "well for {well} slots");
    let first = service.engine.judgement.incidents.first();
    assert_eq!(first.and_then(|one| one.method), Some(0));
}

#[test]
fn the_few_failures_that_a_slow_callee_usually_has_are_not_those_of_its_callers() {
    let usual = [Calls::good(100), Calls::good(99).failing(1).from(0)];
    let mut service = known(&usual);
    let [above, below] = &usual;
    let mut above = above.clone().failing(60).slower(4 * OCTAVE);
    above.good[0].1 = 40;
    let incidents = service.run(12, &[above, below.clone().slower(6 * OCTAVE)]);
    let [one] = &incidents[..] else {
        panic!("{incidents:?}")
    };
    assert_eq!((one.state, one.method), (State::Failing, Some(1)));
    assert!(one.evidence.is_of_callers, "{one:?}");
}

#[test]
fn a_caller_whose_callee_is_well_is_at_fault_itself() {
    let mut service = known(&[Calls::good(20), Calls::good(20).from(0)]);
    let incidents = service.run(8, &[Calls::good(10).failing(10), Calls::good(20).from(0)]);
    assert_eq!(incidents.first().and_then(|one| one.method), Some(0));
}

#[test]
fn without_callers_findings_of_one_moment_are_one_incident_of_the_shorter_calls() {
    let usual = [
        Calls::good(20).slower(OCTAVE),
        Calls::good(20),
        Calls::good(20),
    ];
    let mut service = known(&usual);
    let mut calls = usual.clone();
    calls[0] = usual[0].clone().failing(12);
    calls[1] = usual[1].clone().failing(10);
    let incidents = service.run(10, &calls);
    let [one] = &incidents[..] else {
        panic!("{incidents:?}")
    };
    assert_eq!((one.method, &one.felt[..]), (Some(1), &[0][..]));
    service.run(10, &calls);
    calls[2] = usual[2].clone().failing(20);
    let later = service.run(10, &calls);
    assert_eq!(
        later.len(),
        2,
        "what began 40 s later is another one: {later:?}"
    );
}

#[test]
fn a_callee_with_one_old_call_is_not_at_fault_for_what_fails_fast() {
    let mut service = known(&[Calls::good(20), Calls::good(20).from(0)]);
    let old = Calls {
        late: 1,
        ..Calls::good(20).from(0)
    };
    let calls = [Calls::good(10).failing(10), old];
    for slot in 0..200 {
        let incidents = service.run(1, &calls);
        let first = incidents.first().map(|one| (one.state, one.method));
        let right = Some((State::Failing, Some(0)));
        assert!(slot < 8 || first == right, "slot {slot}: {first:?}");
    }
}
