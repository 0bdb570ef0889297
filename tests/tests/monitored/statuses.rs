//! `task`, `health`, `unhealthy`.

use std::time::Duration;

use monitor_core::testing::{Recorder, call, task, task_run};
use monitor_core::{Clock, Monitor, ShareParts, StorageConfig, TaskStatus, monitored};

use crate::drive::{pause, ready};

#[monitored(task = "storage")]
fn read(fail: bool) -> Result<(), String> {
    if fail {
        Err("no disk".to_owned())
    } else {
        Ok(())
    }
}

#[monitored(task = "storage")]
async fn write(fail: bool) -> Result<(), String> {
    pause().await;
    if fail {
        Err("no disk".to_owned())
    } else {
        Ok(())
    }
}

#[test]
fn methods_that_share_a_task_feed_one_status() {
    let probe = Recorder::new();
    probe.scope_sync(|| {
        let _ = (read(true), ready(write(true)), read(true));
    });
    let recorded = probe.take();
    recorded.assert_exactly([
        call("read").failure("other").times(2),
        call("write").failure("other"),
        task_run("storage", TaskStatus::OtherException, 3),
    ]);
    assert_eq!(
        (recorded.task("read"), recorded.task("write")),
        (None, None),
        "not their own"
    );
    assert_eq!(
        recorded.task("default"),
        Some((TaskStatus::OtherException, 3))
    );
    probe.scope_sync(|| ready(write(false))).expect("no error");
    probe.recorded().assert_includes([
        task("storage", TaskStatus::Ok),
        task("default", TaskStatus::Ok),
    ]);
    // None of the two has a task type of its own.
    let fed = ["storage", "default", "read", "other"].map(|task| probe.is_fed(task));
    assert_eq!(fed, [true, true, false, false]);
    let named: Vec<_> = probe
        .statuses()
        .into_iter()
        .map(|one| one.task.to_string())
        .collect();
    assert!(named.contains(&"storage".to_owned()), "{named:?}");
    let own: Vec<_> = probe
        .method_statuses()
        .into_iter()
        .map(|one| one.task.to_string())
        .collect();
    assert!(own.is_empty(), "{own:?}");
}

#[monitored(health = false)]
fn no_health(kind: u8) -> Result<(), String> {
    match kind {
        0 => Ok(()),
        1 => Err("as ever".to_owned()),
        _ => panic!("as ever"),
    }
}

#[monitored(health = true)]
fn with_health() -> Result<(), String> {
    Err("ill".to_owned())
}

#[test]
fn without_health_no_status_is_fed() {
    let probe = Recorder::new();
    probe
        .scope_sync(|| (no_health(0), no_health(1)))
        .1
        .expect_err("an error");
    assert!(probe.catch(|| no_health(2)).is_err());
    let recorded = probe.take();
    recorded.assert_exactly([
        call("no_health").success(),
        call("no_health").failure("other"),
        call("no_health").panicked(),
    ]);
    assert_eq!(
        (recorded.task("no_health"), recorded.task("default")),
        (None, None)
    );
    assert!(probe.statuses().is_empty() && probe.method_statuses().is_empty());
    probe.scope_sync(with_health).expect_err("an error");
    probe.scope_sync(|| no_health(0)).expect("no error");
    let recorded = probe.recorded();
    assert_eq!(
        recorded.task("with_health"),
        Some((TaskStatus::OtherException, 1))
    );
    assert_eq!(
        recorded.task("default"),
        Some((TaskStatus::OtherException, 1))
    );
}

#[monitored(task = "storage of panics", expected("other"))]
async fn panics(kind: u8) -> Result<(), String> {
    pause().await;
    match kind {
        0 => Ok(()),
        1 => Err("expected".to_owned()),
        _ => panic!("no"),
    }
}

#[test]
fn a_task_of_its_own_name_knows_panics_and_what_is_expected() {
    let probe = Recorder::new();
    probe.scope_sync(|| ready(panics(1))).expect_err("an error");
    probe
        .take()
        .assert_exactly([call("panics").failure("other")]);
    assert!(probe.catch(|| ready(panics(2))).is_err());
    probe.take().assert_exactly([
        call("panics").panicked(),
        task("storage of panics", TaskStatus::Internal),
    ]);
    probe.scope_sync(|| {
        assert!(crate::drive::poll(Box::pin(panics(0)).as_mut()).is_pending());
    });
    probe.take().assert_exactly([call("panics").cancelled()]);
}

#[monitored(unhealthy(share = 0.2, window = 60, at_least = 5))]
fn seldom(fail: bool) -> Result<(), String> {
    if fail { Err("no".to_owned()) } else { Ok(()) }
}

#[monitored(unhealthy(cancelled = true), task = "search")]
async fn dropped() {
    pause().await;
}

struct Store;

#[monitored(unhealthy(share = 0))]
impl Store {
    fn load(&self) -> Result<(), String> {
        Err("no".to_owned())
    }

    #[monitored(unhealthy(share = 1.0))]
    fn save(&self) -> Result<(), String> {
        Err("no".to_owned())
    }
}

/// The unhealthy task types after these calls, each with the method, failures and calls of its share.
fn unhealthy(config: StorageConfig, calls: impl Fn()) -> Vec<String> {
    let (clock, hand) = Clock::manual(0.0);
    let monitor = Monitor::with_clock(config, clock);
    monitor.scope_sync(calls);
    hand.advance(Duration::from_secs(2));
    let health = monitor.health();
    let shares = health.components.iter().filter_map(|one| {
        let share = one.failure_share.as_ref()?;
        let (failures, calls) = (share.failures, share.calls);
        Some(format!("{} {} {failures}/{calls}", one.task, share.method))
    });
    shares.collect()
}

fn times(calls: u32, call: impl Fn()) {
    (0..calls).for_each(|_| call());
}

#[test]
fn a_method_has_parts_of_the_share_rule_of_its_own() {
    let calls = |good, bad| {
        move || {
            times(good, || drop(seldom(false)));
            times(bad, || drop(seldom(true)));
        }
    };
    let config = StorageConfig::default;
    assert_eq!(unhealthy(config(), calls(4, 1)), ["seldom seldom 1/5"]);
    assert_eq!(unhealthy(config(), calls(3, 1)), [""; 0]);
    assert_eq!(unhealthy(config(), calls(5, 1)), [""; 0]);
    let mut configured = config();
    let parts = ShareParts::NONE.share(0.1);
    configured.unhealthy_methods.insert("seldom".into(), parts);
    assert_eq!(unhealthy(configured, calls(5, 1)), ["seldom seldom 1/6"]);
}

#[test]
fn cancelled_calls_count_where_the_attribute_says_so_for_the_task_it_names() {
    let begin_and_drop = || {
        let mut call = std::pin::pin!(dropped());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(call.as_mut().poll(&mut context).is_pending());
    };
    let found = unhealthy(StorageConfig::default(), || times(10, begin_and_drop));
    assert_eq!(found, ["search dropped 10/10"]);
}

#[test]
fn a_block_has_a_rule_for_its_methods_and_each_may_have_its_own() {
    let found = unhealthy(StorageConfig::default(), || {
        times(10, || drop((Store.load(), Store.save())));
    });
    assert_eq!(found, ["Store::save Store::save 10/10"]);
}
