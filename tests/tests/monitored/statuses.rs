//! `task`, `health`.

use monitor_core::testing::{Recorder, call, task, task_run};
use monitor_core::{TaskStatus, monitored};

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
