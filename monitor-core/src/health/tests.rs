//! Thresholds and verdicts; readiness and how statuses expire.

use super::*;
use crate::base::clock::{Clock, ManualClock};
use crate::errors::{Outcome, StatusRule};
use crate::monitor::Monitor;
use crate::recording::config::StorageConfig;

fn thresholds(rules: &[(&str, i64)]) -> Thresholds {
    let rules = rules.iter().map(|&(status, unhealthy)| StatusRule {
        status: status.to_owned(),
        service_errors: Vec::new(),
        unhealthy,
    });
    Thresholds::from_rules(&ErrorRules::try_new(rules).expect("the rules are valid"))
}

fn status(task: &str, status: TaskStatus, run: u64) -> StatusSnapshot {
    StatusSnapshot {
        task: task.into(),
        status,
        run,
        age: None,
    }
}

#[test]
fn a_run_is_unhealthy_from_its_threshold_on() {
    let thresholds = thresholds(&[("FATAL", 1), ("CONNECTION_ERROR", 5)]);
    let healthy = |task_status, run| verdict(&thresholds, &[status("t", task_status, run)]).healthy;
    for (run, expected) in [(0, true), (4, true), (5, false), (6, false)] {
        assert_eq!(healthy(TaskStatus::ConnectionError, run), expected, "{run}");
    }
    assert!(!healthy(TaskStatus::ConnectionError, u64::MAX));
    assert!(!healthy(TaskStatus::Fatal, 1));
    assert!(healthy(TaskStatus::Internal, u64::MAX));
    assert!(verdict(&thresholds, &[]).healthy);
}

#[test]
fn zero_and_below_is_no_threshold_and_ok_has_none() {
    let none = [("FATAL", 0), ("UNKNOWN", -1), ("INTERNAL", i64::MIN)];
    let thresholds = thresholds(&[&none[..], &[("OK", 3)]].concat());
    assert_eq!(thresholds, Thresholds::default());
    assert!(verdict(&thresholds, &[status("t", TaskStatus::Ok, 1000)]).healthy);
}

#[test]
fn names_that_are_no_status_share_the_smallest_threshold_of_other_exception() {
    let some = thresholds(&[("OTHER_EXCEPTION", 100), ("DATABASE", 7), ("CACHE", 0)]);
    assert_eq!(some.of(TaskStatus::OtherException), Some(7));
    let one = thresholds(&[("DATABASE", 7)]);
    assert_eq!(one.of(TaskStatus::OtherException), Some(7));
    assert_eq!(one.of(TaskStatus::Unknown), None);
}

#[test]
fn one_unhealthy_task_type_makes_the_service_unhealthy_and_says_why() {
    let statuses = [
        status("b", TaskStatus::Fatal, 1),
        status("default", TaskStatus::Ok, 9),
        status("a", TaskStatus::Ok, 0),
    ];
    let health = verdict(&thresholds(&[("FATAL", 1)]), statuses.iter().chain(&[]));
    assert!(!health.healthy);
    let why = "task type `b`: FATAL 1 time in a row, unhealthy from 1";
    assert_eq!(health.reasons(), [why]);
    let tasks: Vec<&str> = health.components.iter().map(|one| &*one.task).collect();
    assert_eq!(tasks, ["a", "b", "default"]);
    assert!(health.component("a").is_some_and(|one| one.healthy));
    assert_eq!(health.component("c"), None);
}

#[test]
fn a_task_type_given_twice_is_one_component_and_the_unhealthy_one() {
    let statuses = [
        status("a", TaskStatus::Ok, 1),
        status("a", TaskStatus::Fatal, 1),
        status("a", TaskStatus::Ok, 2),
    ];
    let health = verdict(&thresholds(&[("FATAL", 1)]), &statuses);
    assert_eq!(health.components.len(), 1);
    assert!(!health.healthy);
    let json = serde_json::to_string(&health.components[0]).expect("it serialises");
    let expected = r#"{"status":"DOWN","details":{"task_status":"FATAL","run":1,"threshold":1}}"#;
    assert_eq!(json, expected);
}

fn aged(task: &str, run: u64, seconds: Option<u64>) -> StatusSnapshot {
    StatusSnapshot {
        age: seconds.map(Duration::from_secs),
        ..status(task, TaskStatus::Fatal, run)
    }
}

#[test]
fn a_status_expires_whether_it_counts_for_readiness_or_not() {
    use HealthStatus::{Down, Unknown};
    let statuses = [
        aged("fresh", 1, Some(59)),
        aged("old", 1, Some(60)),
        aged("other", 1, Some(6000)),
        aged("unknown age", 1, None),
    ];
    let counting = ["fresh", "old", "unknown age", "nobody"];
    let policy = ReadinessPolicy::new(counting, DEFAULT_STATUS_TTL);
    let health = policy.expire(verdict(&thresholds(&[("FATAL", 1)]), &statuses));
    let states: Vec<_> = health.components.iter().map(Component::state).collect();
    assert_eq!(states, [Down, Unknown, Unknown, Down]);
    let failing: Vec<_> = policy.failing(&health).map(|one| &*one.task).collect();
    assert_eq!(failing, ["fresh", "unknown age"]);
    assert_eq!(health.reasons().len(), 2);
    assert!(!health.healthy);
    let json = serde_json::to_string(&health.components[1]).expect("it serialises");
    let details = r#"{"task_status":"FATAL","run":1,"threshold":1,"age_seconds":60.0}"#;
    let expected = format!(r#"{{"status":"UNKNOWN","details":{details}}}"#);
    assert_eq!(json, expected);
}

#[test]
fn a_service_whose_only_illness_has_expired_is_healthy_and_zero_is_for_ever() {
    let statuses = [aged("a", 1, Some(3600))];
    let is_healthy = |policy: ReadinessPolicy| {
        let health = verdict(&thresholds(&[("FATAL", 1)]), &statuses);
        policy.expire(health).healthy
    };
    assert!(is_healthy(ReadinessPolicy::new(
        ["a"],
        Duration::from_hours(1)
    )));
    assert!(!is_healthy(ReadinessPolicy::new(["a"], Duration::ZERO)));
    assert!(is_healthy(ReadinessPolicy::default()));
}

#[test]
fn a_status_that_is_well_expires_too_and_stays_no_illness() {
    let statuses = [StatusSnapshot {
        age: Some(Duration::from_secs(61)),
        ..status("a", TaskStatus::Ok, 5)
    }];
    let policy = ReadinessPolicy::new(["a"], DEFAULT_STATUS_TTL);
    let health = policy.expire(verdict(&Thresholds::default(), &statuses));
    assert!(health.healthy && health.components[0].expired);
    assert_eq!(policy.failing(&health).count(), 0);
}

/// A monitor on a clock by hand.
fn monitor(config: StorageConfig) -> (Monitor, ManualClock) {
    let (clock, hand) = Clock::manual(0.0);
    (Monitor::with_clock(config, clock), hand)
}

fn call(monitor: Monitor, method: &str, calls: u32, outcome: Outcome<'_>) {
    let method = monitor.method(method).expect("a name");
    for _ in 0..calls {
        method.start().finish(outcome);
    }
}

const FAILED: Outcome<'static> = Outcome::ErrorType("other");

#[test]
fn a_method_that_fails_too_often_is_unhealthy_without_a_long_run_and_recovers_with_time() {
    let (monitor, hand) = monitor(StorageConfig::default());
    for _ in 0..10 {
        call(monitor, "Load", 4, FAILED);
        call(monitor, "Load", 1, Outcome::Success);
        call(monitor, "Save", 10, Outcome::Success);
    }
    assert!(monitor.health().healthy, "no count is due");
    hand.advance(Duration::from_secs(2));
    let health = monitor.health();
    let why = "task type `Load`: 80 % of 50 calls failed in 2 s, unhealthy from 50 %, for 0 s";
    assert_eq!(health.reasons(), [why]);
    assert_eq!(monitor.health_of(&monitor.snapshot()), health);
    hand.advance(Duration::from_secs(3));
    let health = monitor.health();
    let json = serde_json::to_value(health.component("Load")).expect("it serialises");
    let share = serde_json::json!({
        "method": "Load", "share": 0.8, "limit": 0.5, "calls": 50, "failures": 40, "cancelled": 0,
        "window_seconds": 5.0, "since_seconds": 3.0,
    });
    assert_eq!(json["details"]["failure_share"], share);
    assert_eq!(json["status"], "DOWN");
    hand.advance(Duration::from_secs(30));
    assert!(monitor.health().healthy);
}

#[test]
fn calls_of_all_label_sets_and_of_expected_types_count_as_they_are() {
    let (monitor, hand) = monitor(StorageConfig::default());
    for tenant in ["a", "b"] {
        let method = monitor.method("Load").expect("a name");
        let method = method.with_labels(&[("tenant", tenant)]).expect("a label");
        for outcome in [FAILED, Outcome::Expected("other"), Outcome::Cancelled] {
            (0..5).for_each(|_| method.start().finish(outcome));
        }
    }
    hand.advance(Duration::from_secs(2));
    let health = monitor.health();
    let load = health
        .component("Load")
        .and_then(|one| one.failure_share.as_ref());
    let share = load.expect("half of them failed");
    assert_eq!((share.failures, share.calls, share.cancelled), (10, 20, 10));
}

#[test]
fn a_method_whose_calls_are_all_cancelled_is_unhealthy_where_that_is_asked_for() {
    let mut config = StorageConfig::default();
    let parts = ShareParts::NONE.cancelled(true);
    config.unhealthy_methods.insert("Slow".into(), parts);
    let (monitor, hand) = monitor(config);
    call(monitor, "Slow", 20, Outcome::Cancelled);
    call(monitor, "Other", 20, Outcome::Cancelled);
    hand.advance(Duration::from_secs(2));
    let health = monitor.health();
    assert!(!health.healthy);
    let unhealthy = health.components.iter().filter(|one| !one.healthy);
    let unhealthy: Vec<&str> = unhealthy.map(|one| &*one.task).collect();
    assert_eq!(unhealthy, ["Slow"]);
}

#[test]
fn a_rule_of_zero_is_none_and_a_run_is_exact_beside_a_share() {
    let rule = StatusRule {
        status: "FATAL".to_owned(),
        service_errors: vec!["fatal".to_owned()],
        unhealthy: 12,
    };
    let mut config = StorageConfig {
        errors: ErrorRules::try_new([rule]).expect("good rules"),
        unhealthy: ShareRule::never(),
        ..StorageConfig::default()
    };
    let (monitor, hand) = monitor(config.clone());
    call(monitor, "Load", 11, Outcome::ErrorType("fatal"));
    hand.advance(Duration::from_secs(2));
    assert!(monitor.health().healthy);
    config.unhealthy = ShareRule::default();
    monitor.configure(config);
    call(monitor, "Load", 1, Outcome::ErrorType("fatal"));
    hand.advance(Duration::from_secs(2));
    let health = monitor.health();
    let load = health.component("Load").expect("it was called").to_string();
    let why = "task type `Load`: 100 % of 12 calls failed in 4 s, unhealthy from 50 %, for 0 s; \
               FATAL 12 times in a row, unhealthy from 12";
    assert_eq!(load, why);
}
