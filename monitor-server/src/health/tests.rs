//! The whole of it in memory: marks that expire, answers in both shapes, metrics, the state for watchers.

use monitor_core::{Clock, ErrorRules, HealthStatus, StatusRule, StorageConfig, TaskStatus};
use serde_json::{Value, json};

use super::*;
use crate::access::Access;
use crate::health::metrics::health_families;

const SECOND: Duration = Duration::from_secs(1);

/// Unhealthy from the first FATAL on, on a clock that stands.
fn monitor() -> (Monitor, monitor_core::ManualClock) {
    let mut config = StorageConfig::default();
    let rule = StatusRule {
        status: "FATAL".into(),
        service_errors: vec!["oom".into()],
        unhealthy: 1,
    };
    config.errors = ErrorRules::try_new([rule]).expect("good rules");
    let (clock, hand) = Clock::manual(1_700_000_000.0);
    (Monitor::with_clock(config, clock), hand)
}

fn service(monitor: Monitor, readiness: &[&str]) -> HealthService {
    let settings = HealthSettings {
        readiness: readiness.iter().map(|name| Arc::from(*name)).collect(),
        groups: Groups::from([("storage".into(), vec!["loader".into(), "db".into()])]),
        ..HealthSettings::default()
    };
    HealthService::new(monitor, &settings, Lifecycle::new(false))
}

#[test]
fn a_drain_pauses_by_default_where_readiness_is_probed() {
    let (monitor, _) = monitor();
    let pause = |settings: &HealthSettings, waits_for_start| {
        HealthService::new(monitor, settings, Lifecycle::new(waits_for_start)).pause_left()
    };
    let mut settings = HealthSettings::default();
    assert_eq!(pause(&settings, false), Duration::ZERO);
    assert_eq!(pause(&settings, true), SECOND * 5);
    let mut check = Registered {
        name: "db".into(),
        check: Check::default(),
        probe: CheckCode::of_call(|| Ok::<(), String>(())),
    };
    settings.add_check(check.clone());
    assert_eq!(pause(&settings, false), Duration::ZERO);
    check.check = check.check.ready();
    settings.add_check(check);
    assert_eq!(pause(&settings, false), SECOND * 5);
    settings.checks.clear();
    settings.readiness.push("loader".into());
    assert_eq!(pause(&settings, false), SECOND * 5);
    settings.drain_pause = Some(Duration::ZERO);
    assert_eq!(pause(&settings, true), Duration::ZERO);
}

fn full(health: &HealthService, asked: Option<&str>, shape: Shape) -> (HealthStatus, Value) {
    let answer = health.answer(asked, Access::Full, shape, None);
    let (status, body) = answer.expect("it is there");
    (status, serde_json::from_str(&body).expect("json"))
}

#[test]
fn no_traffic_after_an_unhealthy_run_lets_readiness_recover() {
    let (monitor, hand) = monitor();
    let health = service(monitor, &["loader"]);
    let loader = monitor.method("loader").expect("a name");
    assert_eq!(health.readiness(), Readiness::Ready);
    loader
        .start()
        .finish(monitor_core::Outcome::ErrorType("oom"));
    assert_eq!(health.readiness(), Readiness::Unhealthy);
    hand.advance(SECOND * 59);
    assert_eq!(health.readiness(), Readiness::Unhealthy);
    // A step of the ring of last calls is a millisecond of this clock.
    hand.advance(SECOND);
    assert_eq!(health.readiness(), Readiness::Ready);
    let (status, body) = full(&health, Some("loader"), Shape::Spring);
    assert_eq!(status, HealthStatus::Unknown);
    assert_eq!(body["status"], "UNKNOWN");
    assert_eq!(body["details"]["task_status"], "FATAL");
    // The first call tells.
    loader
        .start()
        .finish(monitor_core::Outcome::ErrorType("oom"));
    assert_eq!(health.readiness(), Readiness::Unhealthy);
    loader.start().finish(monitor_core::Outcome::Success);
    assert_eq!(health.readiness(), Readiness::Ready);
}

#[test]
fn what_is_not_marked_does_not_count_and_expires_too() {
    let (monitor, hand) = monitor();
    let health = service(monitor, &[]);
    monitor.set_task_status(TaskStatus::Fatal, "loader");
    assert_eq!(health.readiness(), Readiness::Ready);
    hand.advance(SECOND * 59);
    let (status, body) = full(&health, None, Shape::Spring);
    assert_eq!(status, HealthStatus::Down);
    assert_eq!(
        body,
        json!({
            "status": "DOWN",
            "components": {"loader": {
                "status": "DOWN",
                "details": {"task_status": "FATAL", "run": 1, "threshold": 1, "age_seconds": 59.0},
            }},
            "reasons": ["task type `loader`: FATAL 1 time in a row, unhealthy from 1"],
            "groups": ["liveness", "readiness", "storage"],
        })
    );
    hand.advance(SECOND);
    let (status, body) = full(&health, None, Shape::Spring);
    assert_eq!(status, HealthStatus::Unknown);
    assert_eq!(body["components"]["loader"]["status"], "UNKNOWN");
    assert_eq!(body["reasons"], json!([]));
    assert!(health.is_live());
}

#[test]
fn a_group_is_asked_for_before_a_check_and_that_before_a_task_type() {
    let (monitor, _hand) = monitor();
    let health = service(monitor, &["loader"]);
    monitor.set_task_status(TaskStatus::Fatal, "loader");
    monitor.set_task_status(TaskStatus::Ok, "storage");
    let (status, body) = full(&health, Some("storage"), Shape::Spring);
    assert_eq!(status, HealthStatus::Down);
    assert_eq!(body["components"]["loader"]["status"], "DOWN");
    assert_eq!(body.get("groups"), None);
    let (status, body) = full(&health, Some("readiness"), Shape::Spring);
    assert_eq!(status, HealthStatus::Down);
    assert_eq!(body["reasons"].as_array().map(Vec::len), Some(1));
    health.set_draining(None);
    let (_, body) = full(&health, Some("readiness"), Shape::Spring);
    assert_eq!(body["reasons"][0], "draining");
    let nobody = health.answer(Some("nobody"), Access::Full, Shape::Spring, None);
    assert_eq!(nobody, None);
}

#[test]
fn health_json_has_the_words_and_fields_of_the_draft() {
    let (monitor, _hand) = monitor();
    let health = service(monitor, &[]);
    monitor.set_task_status(TaskStatus::Fatal, "a:b");
    monitor.set_task_status(TaskStatus::Ok, "loader");
    let service = crate::process::Service::new("text", "2.1.0").revision("5f2c1a9");
    let answer = health.answer(None, Access::Full, Shape::HealthJson, Some(&service));
    let answer = answer.expect("always there");
    let mut body: Value = serde_json::from_str(&answer.1).expect("json");
    for entries in body["checks"].as_object_mut().expect("a map").values_mut() {
        let time = entries[0]
            .as_object_mut()
            .and_then(|entry| entry.remove("time"));
        assert!(time.is_some_and(|time| time.as_str().is_some_and(|time| time.ends_with('Z'))));
    }
    let reason = "task type `a:b`: FATAL 1 time in a row, unhealthy from 1";
    assert_eq!(
        body,
        json!({
            "status": "fail",
            "serviceId": "text",
            "version": "2.1.0",
            "releaseId": "5f2c1a9",
            "output": reason,
            "checks": {
                "a_b:task_status": [{
                    "componentType": "component", "observedValue": "FATAL", "status": "fail", "output": reason,
                }],
                "loader:task_status": [{
                    "componentType": "component", "observedValue": "OK", "status": "pass",
                }],
            },
        })
    );
    let named = full(&health, Some("loader"), Shape::HealthJson).1;
    assert_eq!(named["status"], "pass");
    assert_eq!(named.get("output"), None);
}

#[test]
fn who_may_not_see_details_is_told_the_status_alone() {
    let (monitor, _hand) = monitor();
    let health = service(monitor, &[]);
    monitor.set_task_status(TaskStatus::Fatal, "loader");
    let name = Some("loader");
    for (asked, shape, body) in [
        (None, Shape::Spring, r#"{"status":"DOWN"}"#),
        (name, Shape::Spring, r#"{"status":"DOWN"}"#),
        (None, Shape::HealthJson, r#"{"status":"fail"}"#),
        (name, Shape::HealthJson, r#"{"status":"fail"}"#),
        (Some("liveness"), Shape::HealthJson, r#"{"status":"pass"}"#),
    ] {
        let answer = health.answer(asked, Access::Probe, shape, None);
        assert_eq!(answer.expect("it is there").1, body);
    }
}

#[test]
fn metrics_say_what_the_answers_do_and_are_the_listed_ones() {
    let (monitor, hand) = monitor();
    let health = service(monitor, &["loader"]);
    let values = |health: &HealthService| {
        let families = health.families(&monitor.snapshot());
        let listed = health_families();
        let mut values = Vec::new();
        for family in families {
            let one = listed.iter().find(|one| one.name == family.name);
            let one = one.expect("it is listed");
            assert_eq!(
                (one.kind, one.unit, &one.help),
                (family.kind, family.unit, &family.help)
            );
            for child in family.children {
                let label = child.labels.first().map_or("", |label| &*label.value);
                let value = match child.value {
                    monitor_core::family::ChildValue::Int(value) => value.to_string(),
                    _ => "an age".to_owned(),
                };
                values.push(format!("{}/{label} {value}", family.name));
            }
        }
        // Those of the verdict stand at the end: one state holds.
        let first = values
            .iter()
            .position(|value| value.starts_with("monitor_verdict/"));
        let verdict = values.split_off(first.expect("a history is kept"));
        let states = verdict
            .iter()
            .filter(|value| value.starts_with("monitor_verdict/"));
        assert_eq!(states.clone().count(), 13);
        assert_eq!(states.filter(|value| value.ends_with(" 1")).count(), 1);
        let since = "monitor_verdict_since_timestamp_seconds/ an age".to_owned();
        assert!(verdict.contains(&since), "{verdict:?}");
        values.join("\n")
    };
    assert_eq!(values(&health), "monitor_ready/ 1");
    monitor.set_task_status(TaskStatus::Fatal, "loader");
    monitor.set_task_status(TaskStatus::Ok, "default");
    health.heartbeat.pulse();
    assert_eq!(
        values(&health),
        "monitor_ready/ 0\nmonitor_health/default 1\nmonitor_health/loader 0\nmonitor_heartbeat_age_seconds/ an age"
    );
    hand.advance(SECOND * 60);
    assert!(
        values(&health)
            .starts_with("monitor_ready/ 1\nmonitor_health/default 1\nmonitor_health/loader 1\n")
    );
}

#[tokio::test(start_paused = true)]
async fn who_watches_is_told_of_changes_and_of_the_end() {
    let (monitor, _hand) = monitor();
    let health = Arc::new(service(monitor, &["loader"]));
    let (sender, mut seen) = watch::channel(health.state());
    let publishing = tokio::spawn(Arc::clone(&health).publish(sender));
    tokio::time::sleep(SECOND * 5).await;
    assert!(!seen.has_changed().expect("it goes on"), "nothing changed");
    monitor.set_task_status(TaskStatus::Fatal, "loader");
    seen.changed().await.expect("it goes on");
    assert_eq!(seen.borrow_and_update().readiness, Readiness::Unhealthy);
    assert_eq!(seen.borrow().groups["storage"], HealthStatus::Down);
    let before = tokio::time::Instant::now();
    health.set_draining(None);
    seen.changed().await.expect("it goes on");
    assert_eq!(seen.borrow_and_update().readiness, Readiness::Draining);
    assert_eq!(before.elapsed(), Duration::ZERO, "an event is told at once");
    publishing.abort();
    seen.changed().await.expect("the last word");
    let last = seen.borrow_and_update().clone();
    assert_eq!((last.readiness, last.live), (Readiness::Stopped, false));
    assert!(
        last.components
            .values()
            .all(|status| *status == HealthStatus::Unknown)
    );
    seen.changed().await.expect_err("it has ended");
}
