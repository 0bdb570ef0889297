//! What the history is told, from look to look.

use monitor_core::{Monitor, StorageConfig, TaskStatus};

use super::*;
use crate::health::{HealthSettings, LastRun, Lifecycle};
use crate::runtime::signals::Signal;

use HealthStatus::{Down, Unknown, Up};

/// Every 10 s with a limit of 5 s; the last run ended at this moment.
fn check(status: HealthStatus, run: Option<(Instant, bool)>, output: Option<&str>) -> HealthPart {
    HealthPart {
        name: "db".into(),
        key: "db".into(),
        status,
        age: None,
        reason: output.map(|output| format!("check `db`: {output}")),
        counts_for_readiness: false,
        run: run.map(|(at, is_well)| LastRun { at, is_well }),
        details: PartDetails::Check(Check::default(), output.map(Arc::from)),
    }
}

/// So many seconds after a moment that is 0 by the clock of the storage.
fn after(start: Instant, seconds: f64) -> Moment {
    Moment {
        instant: start + Duration::from_secs_f64(seconds),
        unix: seconds,
    }
}

fn watched(status: HealthStatus, reason: Option<&str>) -> HealthPart {
    HealthPart {
        key: "worker:w".into(),
        reason: reason.map(str::to_owned),
        details: PartDetails::Watched("worker"),
        name: "w".into(),
        ..check(status, None, None)
    }
}

/// Name, time, whether it is up, and output, of each result.
fn told(results: &[CheckResult]) -> Vec<(String, f64, bool, Option<String>)> {
    let one = |result: &CheckResult| {
        let output = result.output.as_deref().map(str::to_owned);
        (result.name.to_string(), result.at, result.is_up, output)
    };
    results.iter().map(one).collect()
}

/// A check that is looked at: second of the look, status, second at which the last run ended and whether it was well.
type Look = (f64, HealthStatus, Option<(f64, bool)>);

/// Second of the look, time to the tenth of a second, and whether it is up, of each result.
fn results(looks: &[Look]) -> Vec<(f64, f64, bool)> {
    let (mut seen, start) = (Seen::default(), Instant::now());
    let mut all = Vec::new();
    for &(second, status, run) in looks {
        let run = run.map(|(at, is_well)| (after(start, at).instant, is_well));
        let output = (status == Down).then_some("no answer");
        let part = check(status, run, output);
        for result in seen.results(&[part], &[], after(start, second)) {
            assert_eq!(result.output.as_deref(), output.filter(|_| !result.is_up));
            all.push((second, (result.at * 10.0).round() / 10.0, result.is_up));
        }
    }
    all
}

#[test]
fn a_run_of_a_check_is_one_result() {
    let looks = [
        (0.0, Unknown, None),
        (2.0, Up, Some((1.0, true))),
        (4.0, Up, Some((1.0, true))),
        (12.0, Down, Some((11.5, false))),
        (14.0, Down, Some((11.5, false))),
        (22.0, Down, Some((21.5, false))),
        (32.0, Up, Some((31.9, true))),
    ];
    let told = [
        (2.0, 1.0, true),
        (12.0, 11.5, false),
        (22.0, 21.5, false),
        (32.0, 31.9, true),
    ];
    assert_eq!(results(&looks), told);
}

#[test]
fn a_run_is_one_result_however_the_clock_of_the_storage_moves() {
    let (mut seen, start) = (Seen::default(), Instant::now());
    let part = check(Down, Some((start, false)), Some("no answer"));
    let mut told = 0;
    for (seconds, step) in [(1.0, 0.0), (2.0, 0.4), (3.0, 3600.0), (4.0, -3600.0)] {
        let mut now = after(start, seconds);
        now.unix += step;
        told += seen.results(std::slice::from_ref(&part), &[], now).len();
    }
    assert_eq!(told, 1);
}

#[test]
fn a_late_check_is_bad_after_a_further_interval_and_the_run_that_ends_is_no_second_result() {
    // A stalled machine: late for a moment, then the result of the run that overran.
    let stalled = [
        (2.0, Up, Some((1.0, true))),
        (16.5, Down, Some((1.0, true))),
        (18.5, Down, Some((16.6, false))),
        (20.5, Up, Some((20.0, true))),
    ];
    let told = [(2.0, 1.0, true), (18.5, 16.6, false), (20.5, 20.0, true)];
    assert_eq!(results(&stalled), told);
    // The run that was waited for is bad.
    let is_late = |second: u8| (f64::from(second), Down, Some((1.0, true)));
    let mut looks = vec![(2.0, Up, Some((1.0, true)))];
    looks.extend((18..=30).step_by(2).map(is_late));
    looks.push((32.0, Down, Some((31.0, false))));
    looks.push((42.0, Down, Some((41.0, false))));
    let told = [(2.0, 1.0, true), (28.0, 28.0, false), (42.0, 41.0, false)];
    assert_eq!(results(&looks), told);
    // It is well.
    looks.truncate(8);
    looks.push((32.0, Up, Some((31.0, true))));
    let told = [(2.0, 1.0, true), (28.0, 28.0, false), (32.0, 31.0, true)];
    assert_eq!(results(&looks), told);
}

#[test]
fn a_run_that_never_ends_is_a_bad_result_with_each_interval() {
    let hangs = |second: u8| (f64::from(second), Down, Some((5.0, false)));
    let looks: Vec<_> = (6..=50).step_by(2).map(hangs).collect();
    let told = [(6.0, 5.0, false), (32.0, 32.0, false), (42.0, 42.0, false)];
    assert_eq!(results(&looks), told);
    // And one that was never begun.
    let looks: Vec<_> = (16..=40)
        .step_by(2)
        .map(|second: u8| (f64::from(second), Down, None))
        .collect();
    let told = [(26.0, 26.0, false), (36.0, 36.0, false)];
    assert_eq!(results(&looks), told);
}

#[test]
fn a_check_has_its_state_since_the_run_that_changed_it() {
    let (mut seen, start) = (Seen::default(), Instant::now());
    let mut since = |second: f64, status, run: f64, is_well| {
        let run = Some((after(start, run).instant, is_well));
        seen.results(&[check(status, run, None)], &[], after(start, second));
        let since = seen.parts["db"].since;
        (since * 10.0).round() / 10.0
    };
    let times = [
        since(2.0, Up, 1.2, true),
        since(12.0, Down, 11.2, false),
        since(22.0, Down, 21.2, false),
        since(32.0, Up, 31.2, true),
        // Late.
        since(50.0, Down, 31.2, true),
    ];
    let due = [1.2, 11.2, 11.2, 31.2, 50.0];
    let is_right = |(time, due): (&f64, &f64)| (time - due).abs() < 1e-9;
    assert!(
        times.len() == due.len() && times.iter().zip(&due).all(is_right),
        "{times:?}"
    );
}

#[test]
fn a_part_without_results_is_bad_at_each_look_and_well_once() {
    let (mut seen, start) = (Seen::default(), Instant::now());
    assert!(
        seen.results(&[watched(Up, None)], &[], after(start, 1.0))
            .is_empty()
    );
    let down = [watched(Down, Some("worker `w`: it has ended"))];
    for now in [3.0, 5.0] {
        let told = told(&seen.results(&down, &[], after(start, now)));
        let expected = (
            "worker:w".to_owned(),
            now,
            false,
            Some("it has ended".to_owned()),
        );
        assert_eq!(told, [expected]);
    }
    let up = [watched(Up, None)];
    assert_eq!(seen.results(&up, &[], after(start, 7.0)).len(), 1);
    assert!(seen.results(&up, &[], after(start, 9.0)).is_empty());
    let monitor = Monitor::new(StorageConfig::default());
    monitor.set_task_status(TaskStatus::Fatal, "load");
    let mut components = monitor.health().components;
    let mut task = HealthPart::from(components.pop().expect("one"));
    task.status = Down;
    let told = seen.results(std::slice::from_ref(&task), &[], after(start, 11.0));
    assert_eq!(&*told[0].name, "task type load");
    let fed = [Arc::clone(&task.key)];
    assert!(seen.results(&[task], &fed, after(start, 13.0)).is_empty());
}

#[test]
fn an_old_pulse_is_a_bad_result_until_the_next() {
    let mut seen = Seen::default();
    let late = Some(Duration::from_secs(31));
    assert_eq!(seen.heartbeat(None, 1.0), None);
    let bad = seen.heartbeat(late, 3.0).expect("a result");
    assert_eq!(
        (bad.is_up, bad.output.as_deref()),
        (false, Some("no pulse for 31.0 s"))
    );
    assert!(seen.heartbeat(None, 5.0).is_some_and(|good| good.is_up));
    assert_eq!(seen.heartbeat(None, 7.0), None);
}

#[test]
fn start_ready_and_drain_are_events_once() {
    let monitor = Monitor::new(StorageConfig::default());
    let settings = HealthSettings::default();
    let health = HealthService::new(monitor, &settings, Lifecycle::new(true));
    let observer = Observer::new(Process::default(), Arc::default());
    let look = || observer.facts(&health).phase;
    assert_eq!(look(), Phase::Starting);
    health.set_started();
    assert_eq!(look(), Phase::Ready);
    assert_eq!(look(), Phase::Ready);
    let now = Instant::now();
    health.lifecycle.set_draining(now, Some(Signal::Terminate));
    let limit = Duration::from_secs(30);
    health.lifecycle.set_drain_limit(Some(now + limit));
    let facts = observer.facts(&health);
    assert_eq!(facts.phase, Phase::Draining);
    let left = facts.drain_limit.expect("a limit") - monitor.now();
    assert!(left > 0.0 && left <= limit.as_secs_f64(), "{left}");
    let events = monitor.with_watch(|watch| {
        let last = watch.events().last().expect("the drain");
        assert_eq!(
            (&*last.name, &*last.text),
            ("SIGTERM", "SIGTERM came: a drain has begun.")
        );
        // The start is one of before.
        assert_eq!(
            watch.events()[0].at.to_bits(),
            monitor.started_at().to_bits()
        );
        let events = watch.events().iter().map(|event| event.kind);
        events.collect::<Vec<_>>()
    });
    let expected = [
        EventKind::Start,
        EventKind::Started,
        EventKind::Ready,
        EventKind::Draining,
    ];
    assert_eq!(events.expect("a history"), expected);
}

#[test]
fn a_certificate_is_warned_of_once_and_again_for_the_next() {
    let mut seen = Seen::default();
    assert_eq!(seen.certificate(None, 0.0), None);
    assert_eq!(seen.certificate(Some(1_000_000), 0.0), None);
    let (kind, text) = seen
        .certificate(Some(1_000_000), 740_800.0)
        .expect("near its end");
    assert_eq!(kind, EventKind::Certificate);
    assert_eq!(text, "The certificate of this server ends in 3 d.");
    assert_eq!(seen.certificate(Some(1_000_000), 800_000.0), None);
    assert!(seen.certificate(Some(1_000_001), 1_000_002.0).is_some());
}

#[test]
fn the_limit_of_methods_is_an_event_once() {
    let mut config = StorageConfig::default();
    config.max_methods = 1;
    let monitor = Monitor::new(config);
    let settings = HealthSettings::default();
    let health = HealthService::new(monitor, &settings, Lifecycle::new(false));
    let observer = Observer::new(Process::default(), Arc::default());
    let limits = || {
        observer.facts(&health);
        let names: Option<Vec<String>> = monitor.with_watch(|watch| {
            let events = watch.events().iter();
            let limits = events.filter(|event| event.kind == EventKind::Overflow);
            limits.map(|event| event.name.to_string()).collect()
        });
        names.unwrap_or_default()
    };
    monitor.method("First").expect("a name");
    assert_eq!(limits(), [""; 0]);
    monitor.method("Second").expect("a name");
    assert_eq!(limits(), ["max_methods"]);
    assert_eq!(limits(), ["max_methods"]);
}

#[test]
fn a_part_that_was_taken_out_is_gone_once() {
    let (mut seen, start) = (Seen::default(), Instant::now());
    let parts = [watched(Up, None), check(Up, Some((start, true)), None)];
    seen.results(&parts, &[], after(start, 1.0));
    seen.heartbeat(Some(Duration::from_secs(31)), 1.0);
    assert!(seen.forget(&parts).is_empty());
    let names = |gone: Vec<Arc<str>>| gone.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(seen.forget(&parts[..1])), ["db"]);
    assert_eq!(names(seen.forget(&[])), ["worker:w"]);
    assert!(seen.forget(&[]).is_empty());
    assert!(seen.parts.contains_key(HEARTBEAT));
}
