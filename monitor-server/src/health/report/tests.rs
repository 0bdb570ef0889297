//! Readiness, groups and totals follow from statuses, marks and checks.

use std::time::Duration;

use monitor_core::{ErrorRules, StatusRule};
use proptest::prelude::*;

use super::*;
use crate::health::Check;

use HealthStatus::{Down, Unknown, Up};

const NO_MARK: [&str; 0] = [];

fn check(name: &str, status: HealthStatus) -> HealthPart {
    let output: Option<Arc<str>> = (status == Down).then(|| "refused".into());
    HealthPart {
        name: name.into(),
        key: name.into(),
        status,
        age: (status != Unknown).then_some(Duration::from_secs(1)),
        reason: output.as_ref().map(|_| format!("check `{name}`: refused")),
        counts_for_readiness: false,
        run: None,
        details: PartDetails::Check(Check::default(), output),
    }
}

fn health(tasks: &[(&str, bool)]) -> Health {
    let rule = StatusRule {
        status: "FATAL".to_owned(),
        service_errors: Vec::new(),
        unhealthy: 1,
    };
    let rules = ErrorRules::try_new([rule]).expect("good rules");
    let statuses: Vec<_> = tasks
        .iter()
        .map(|(task, well)| StatusSnapshot {
            task: (*task).into(),
            status: if *well {
                TaskStatus::Ok
            } else {
                TaskStatus::Fatal
            },
            run: 1,
            age: Some(Duration::from_secs(10)),
        })
        .collect();
    verdict(&Thresholds::from_rules(&rules), &statuses)
}

fn report(
    tasks: &[(&str, bool)],
    checks: &[(&str, HealthStatus)],
    marks: &[&str],
    phase: Readiness,
) -> Report {
    let marks = ReadinessPolicy::new(marks.iter().copied(), Duration::from_mins(1));
    let checks = checks.iter().map(|(name, status)| check(name, *status));
    Report::new(health(tasks), checks.collect(), &marks, phase, true)
}

/// A group that is always there.
fn group<'r>(report: &'r Report, name: &str) -> Selected<'r> {
    let group = report.select(Some(name), &Groups::new());
    group.expect("always there")
}

fn status(report: &Report) -> HealthStatus {
    report.state(&Groups::new()).status
}

fn readiness(tasks: &[(&str, bool)], checks: &[(&str, HealthStatus)], marks: &[&str]) -> Readiness {
    report(tasks, checks, marks, Readiness::Ready).readiness
}

#[test]
fn only_what_is_marked_counts_for_readiness() {
    let tasks = [("load", false), ("save", true)];
    let checks = [("cache", Down), ("db", Up), ("new", Unknown)];
    for (marks, expected) in [
        (&NO_MARK[..], Readiness::Ready),
        (&["save", "db"], Readiness::Ready),
        (&["load"], Readiness::Unhealthy),
        (&["cache"], Readiness::Unhealthy),
        (&["new"], Readiness::Starting),
        (&["new", "cache"], Readiness::Unhealthy),
        (&["nobody"], Readiness::Ready),
    ] {
        assert_eq!(readiness(&tasks, &checks, marks), expected, "{marks:?}");
    }
}

#[test]
fn start_and_drain_go_before_what_is_marked() {
    for phase in [Readiness::Starting, Readiness::Draining] {
        let report = report(&[("load", false)], &[], &["load"], phase);
        assert_eq!(report.readiness, phase);
        let group = group(&report, "readiness");
        assert_eq!((group.status, group.reason), (Down, Some(phase.word())));
    }
}

/// The group `readiness` agrees with `/readyz`: the mark of a check is not one of the task type of its name.
#[test]
fn a_check_may_mark_itself_and_marks_no_task_type_of_its_name() {
    for (tasks, status, readiness) in [
        (&[][..], Down, Readiness::Unhealthy),
        (&[("db", false)], Up, Readiness::Ready),
    ] {
        let mut own = check("db", status);
        own.counts_for_readiness = true;
        let marks = ReadinessPolicy::default();
        let report = Report::new(health(tasks), vec![own], &marks, Readiness::Ready, true);
        assert_eq!(report.readiness, readiness);
        let group = group(&report, "readiness");
        assert_eq!((group.status, group.parts.len()), (status, 1));
    }
}

#[test]
fn groups_have_their_members_and_pass_over_who_is_not_there() {
    let report = report(
        &[("load", false), ("db", true)],
        &[("db", Up), ("new", Unknown)],
        &[],
        Readiness::Ready,
    );
    let group = |members: &[&str]| {
        let members = members.iter().map(|name| Arc::from(*name)).collect();
        let groups = Groups::from([("g".into(), members)]);
        let group = report.select(Some("g"), &groups).expect("it is there");
        let keys: Vec<String> = group
            .parts
            .iter()
            .map(|part| part.key.to_string())
            .collect();
        (group.status, keys.join(" "))
    };
    assert_eq!(group(&["db"]), (Up, "task:db db".to_owned()));
    assert_eq!(group(&["load", "db"]), (Down, "task:db load db".to_owned()));
    assert_eq!(group(&["new"]), (Unknown, "new".to_owned()));
    assert_eq!(group(&["nobody"]), (Up, String::new()));
    assert!(report.select(Some("other"), &Groups::new()).is_none());
    assert_eq!(status(&report), Down);
    let state = report.state(&Groups::from([("g".into(), vec!["new".into()])]));
    assert_eq!(state.groups["g"], Unknown);
    assert_eq!(
        (state.groups["liveness"], state.groups["readiness"]),
        (Up, Up)
    );
    assert_eq!(state.components["task:db"], Up);
    assert_eq!(state.components["load"], Down);
}

#[test]
fn a_stale_heartbeat_is_the_liveness_group_s_alone() {
    let report = Report::new(
        health(&[]),
        Vec::new(),
        &ReadinessPolicy::default(),
        Readiness::Ready,
        false,
    );
    let group = group(&report, "liveness");
    assert_eq!(group.status, Down);
    assert_eq!(group.reason, Some("the heartbeat is too old"));
    assert_eq!((status(&report), report.readiness), (Up, Readiness::Ready));
}

fn any_status() -> impl Strategy<Value = HealthStatus> {
    prop_oneof![Just(Up), Just(Down), Just(Unknown)]
}

proptest! {
    /// A second, plainer definition of readiness.
    #[test]
    fn readiness_is_what_the_marked_ones_say(
        tasks in prop::collection::btree_map("[a-c]", any::<bool>(), 0..3),
        checks in prop::collection::btree_map("[b-e]", any_status(), 0..4),
        marks in prop::collection::btree_set("[a-f]", 0..5),
    ) {
        let tasks: Vec<(&str, bool)> = tasks.iter().map(|(name, well)| (&**name, *well)).collect();
        let checks: Vec<_> = checks.iter().map(|(name, status)| (&**name, *status)).collect();
        let marked: Vec<&str> = marks.iter().map(|name| &**name).collect();
        let is_marked = |name: &str| marks.contains(name);
        let ill = tasks.iter().any(|(name, well)| is_marked(name) && !well)
            || checks.iter().any(|(name, status)| is_marked(name) && *status == Down);
        let waits = checks.iter().any(|(name, status)| is_marked(name) && *status == Unknown);
        let expected = match (ill, waits) {
            (true, _) => Readiness::Unhealthy,
            (false, true) => Readiness::Starting,
            (false, false) => Readiness::Ready,
        };
        prop_assert_eq!(readiness(&tasks, &checks, &marked), expected);
        // Every component has a key of its own, and the state has them all.
        let state = report(&tasks, &checks, &marked, Readiness::Ready).state(&Groups::new());
        prop_assert_eq!(state.components.len(), tasks.len() + checks.len());
    }
}

#[test]
fn texts_are_json_whatever_they_hold() {
    for text in [
        "",
        "a\"b\\c",
        "line\nend\u{0}\u{1f}",
        "\u{e4}\u{1f600}/\u{7f}",
    ] {
        let read: String = serde_json::from_str(&quoted(text)).expect("json");
        assert_eq!(read, text);
    }
    assert_eq!(object([("a", None)]), "{}");
}

#[test]
fn the_calendar_is_right() {
    for (seconds, text) in [
        (0, "1970-01-01T00:00:00Z"),
        (951_827_696, "2000-02-29T12:34:56Z"),
        (1_700_000_000, "2023-11-14T22:13:20Z"),
        (1_798_761_599, "2026-12-31T23:59:59Z"),
    ] {
        assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)), text);
    }
}
