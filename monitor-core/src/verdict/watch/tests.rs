//! Which changes of a judgement are events.

use super::*;
use crate::verdict::{Evidence, Rule};

fn watch() -> Watch {
    let mut watch = Watch::new(&HistoryConfig::default(), 1000.0, Vec::new());
    watch.book.methods = ["Serve", "LookUpWords"].map(Arc::from).to_vec();
    watch.book.types = vec!["timed out".into()];
    watch
}

fn failing(method: u32) -> Incident {
    Incident {
        state: State::Failing,
        rule: Rule::Failures,
        since: 10.0,
        method: Some(method),
        error_type: Some(0),
        check: None,
        felt: Vec::new(),
        times: 1,
        evidence: Evidence::default(),
    }
}

/// Kinds and names of the events of these judgements, one after the other.
fn events(judgements: &[&[Incident]]) -> Vec<(EventKind, String)> {
    let mut watch = watch();
    for incidents in judgements {
        watch.now += 20.0;
        let before = std::mem::take(&mut watch.judgement.incidents);
        watch.judgement.incidents = incidents.to_vec();
        let told = watch.told_calls(&before);
        watch.note_incidents(&before, &told);
    }
    let events = watch.events().iter();
    let events = events.map(|event| (event.kind, event.name.to_string()));
    events.collect()
}

#[test]
fn an_incident_is_an_event_when_it_begins_and_when_it_is_over() {
    let name = || "LookUpWords".to_owned();
    let one = [failing(1)];
    assert_eq!(
        events(&[&[], &one, &one, &[], &one]),
        [
            // The times are those at which it began: the second one began when the first did.
            (EventKind::Failure, name()),
            (EventKind::Failure, name()),
            (EventKind::Recovered, name()),
        ]
    );
}

#[test]
fn a_check_that_is_named_later_makes_no_other_incident() {
    let with_check = Incident {
        check: Some("dictionary".into()),
        ..failing(1)
    };
    let kinds = events(&[&[failing(1)], &[with_check], &[failing(1)], &[]]);
    assert_eq!(kinds.len(), 2, "{kinds:?}");
}

#[test]
fn an_incident_that_another_one_explains_is_not_over() {
    let cause = Incident {
        felt: vec![0],
        ..failing(1)
    };
    let kinds: Vec<_> = events(&[&[failing(0)], &[cause], &[]]);
    let of = |name: &str| kinds.iter().filter(|one| one.1 == name).count();
    assert_eq!((of("Serve"), of("LookUpWords")), (1, 2), "{kinds:?}");
}

#[test]
fn an_incident_of_a_check_is_no_event_of_its_own() {
    let check = Incident {
        state: State::Down,
        rule: Rule::Check,
        method: None,
        check: Some("db".into()),
        ..failing(0)
    };
    assert_eq!(events(&[&[check], &[]]), []);
}

#[test]
fn each_history_has_a_text_of_its_own() {
    let [one, other] = [watch(), watch()];
    assert_ne!(one.boot(), other.boot());
    assert_eq!(one.boot().len(), 8);
}

fn result(name: &str, at: f64, is_up: bool) -> CheckResult {
    CheckResult {
        name: name.into(),
        at,
        is_up,
        output: None,
    }
}

fn feed(watch: &mut Watch, end: f64, checks: Vec<CheckResult>) {
    let slot = Slot {
        tick: watch.tick().map_or(0, |tick| tick + 1),
        begin: end - 2.0,
        end,
        checks,
        ..Slot::default()
    };
    watch.feed(&slot, &Facts::default());
}

#[test]
fn names_of_checks_that_come_and_go_leave_room() {
    let mut watch = watch();
    let many = (0..1000).map(|at| result(&format!("check {at}"), 1.0, true));
    feed(&mut watch, 2.0, many.collect());
    feed(&mut watch, 4.0, vec![result("db", 3.0, false)]);
    assert_eq!(watch.checks().len(), 1000);
    // A quarter of an hour later those are forgotten; one that is down is so only after a day.
    feed(&mut watch, 1000.0, vec![result("db", 998.0, false)]);
    feed(&mut watch, 1002.0, vec![result("db", 1001.0, false)]);
    feed(&mut watch, 3000.0, Vec::new());
    assert_eq!(watch.headline().state, State::Down);
    assert_eq!(watch.checks().len(), 1);
    feed(&mut watch, 88_000.0, Vec::new());
    assert_eq!(
        (watch.checks().len(), watch.headline().state),
        (0, State::Idle)
    );
}

#[test]
fn a_change_of_a_task_type_is_a_status() {
    let mut watch = watch();
    let results = ["task type Load", "db"].map(|name| result(name, 1.0, false));
    feed(&mut watch, 2.0, results.to_vec());
    let kinds = watch.events().iter().map(|event| event.kind);
    assert_eq!(
        kinds.collect::<Vec<_>>(),
        [EventKind::Status, EventKind::Check]
    );
}
