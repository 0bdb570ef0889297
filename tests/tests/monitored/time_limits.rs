//! `timeout` and `timeout_with`: the calls that a time limit drops, and those that return its error, fail with the type `timeout`.

use std::error::Error;
use std::future::{pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use futures_core::Stream;
use monitor_core::testing::{self, Recorder, call};
use monitor_core::{TaskStatus, TimeoutError, monitored, timeout, timeout_with};
use tokio::runtime::{Builder, Runtime};

use crate::drive::{self, poll};

#[monitored]
async fn in_place() {
    pending::<()>().await;
}

#[monitored]
async fn wrapped() -> Result<(), String> {
    pending::<Result<(), String>>().await?;
    Ok(())
}

#[monitored]
async fn outer() -> Result<(), String> {
    wrapped().await?;
    Ok(())
}

#[monitored(stream)]
fn items() -> impl Stream<Item = u8> {
    futures_util::stream::pending()
}

#[monitored(expected("timeout"))]
async fn expects_it() {
    pending::<()>().await;
}

/// Ends a future with a time limit at its first poll.
fn exceed<F: Future>(future: F) -> Result<F::Output, TimeoutError> {
    drive::ready(timeout_with(ready(()), future))
}

fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime")
}

#[test]
fn every_call_that_a_time_limit_drops_is_a_timeout() {
    let probe = Recorder::new();
    let by_hand = probe.monitor().method("by_hand").expect("a valid name");
    probe.scope_sync(|| {
        assert_eq!(exceed(in_place()), Err(TimeoutError::new(None)));
        exceed(outer()).expect_err("it waits for ever");
        exceed(async {
            use futures_util::StreamExt;
            items().next().await
        })
        .expect_err("it waits for ever");
        exceed(async {
            let _call = by_hand.start();
            pending::<()>().await;
        })
        .expect_err("it waits for ever");
    });
    let recorded = probe.recorded();
    recorded.assert_exactly([
        call("in_place").failure("timeout"),
        call("outer").failure("timeout"),
        call("wrapped").failure("timeout"),
        call("items").failure("timeout"),
        call("by_hand").failure("timeout"),
    ]);
    for task in ["in_place", "wrapped", "outer"] {
        assert_eq!(recorded.task(task), Some((TaskStatus::OtherException, 1)));
    }
}

#[test]
fn a_call_that_ends_in_time_has_its_own_outcome() {
    let (answer, recorded) = testing::record(|| {
        let never = pending::<()>();
        drive::ready(timeout_with(never, async { drive::ready(in_time()) }))
    });
    assert_eq!(answer, Ok(7));
    recorded.assert_exactly([call("in_time").success()]);
}

#[monitored]
async fn in_time() -> u8 {
    7
}

#[test]
fn other_drops_are_cancelled_as_before() {
    let (_, recorded) = testing::record(|| {
        let mut limited = Box::pin(timeout_with(pending::<()>(), in_place()));
        assert!(poll(limited.as_mut()).is_pending());
        // By its caller, and not by its limit.
        drop(limited);
        let outside = runtime().block_on(async {
            let limit = Duration::from_millis(1);
            tokio::time::timeout(limit, wrapped()).await
        });
        outside.expect_err("it waits for ever");
        exceed(in_place()).expect_err("it waits for ever");
        drop_after_one_poll(in_place());
    });
    recorded.assert_exactly([
        call("in_place").cancelled().times(2),
        call("in_place").failure("timeout"),
        call("wrapped").cancelled(),
    ]);
}

fn drop_after_one_poll(future: impl Future) {
    assert!(poll(Box::pin(future).as_mut()).is_pending());
}

struct PanicsAtItsEnd;

impl Drop for PanicsAtItsEnd {
    fn drop(&mut self) {
        panic!("as told");
    }
}

#[test]
fn a_panic_of_a_destructor_leaves_no_mark_behind() {
    let (_, recorded) = testing::record(|| {
        let run = || {
            let kept = PanicsAtItsEnd;
            let _ = exceed(async {
                let _kept = kept;
                pending::<()>().await;
            });
        };
        catch_unwind(AssertUnwindSafe(run)).expect_err("the destructor panics");
        drop_after_one_poll(in_place());
    });
    recorded.assert_exactly([call("in_place").cancelled()]);
}

#[derive(Debug, thiserror::Error)]
enum LoadError {
    #[error("the store did not answer")]
    Store(#[from] TimeoutError),
}

#[monitored]
async fn itself() -> Result<(), TimeoutError> {
    timeout(Duration::from_millis(1), pending::<()>()).await
}

#[monitored]
async fn as_source() -> Result<(), LoadError> {
    timeout(Duration::from_millis(1), pending::<()>()).await?;
    Ok(())
}

#[monitored]
async fn boxed() -> Result<(), Box<dyn Error + Send + Sync>> {
    timeout(Duration::from_millis(1), pending::<()>()).await?;
    Ok(())
}

#[monitored]
async fn in_anyhow() -> anyhow::Result<()> {
    use anyhow::Context;
    let answer = timeout(Duration::from_millis(1), pending::<()>()).await;
    answer.context("no answer")?;
    Ok(())
}

#[test]
fn a_function_that_returns_the_error_fails_with_that_type() {
    let (_, recorded) = testing::record(|| {
        runtime().block_on(async {
            let error = itself().await.expect_err("it waits for ever");
            assert_eq!(error.limit(), Some(Duration::from_millis(1)));
            as_source().await.expect_err("it waits for ever");
            boxed().await.expect_err("it waits for ever");
            in_anyhow().await.expect_err("it waits for ever");
        });
    });
    let names = ["itself", "as_source", "boxed", "in_anyhow"];
    recorded.assert_exactly(names.map(|name| call(name).failure("timeout")));
}

#[test]
fn a_rule_gives_the_type_its_status_and_an_expected_one_sets_none() {
    let configured = Recorder::builder()
        .errors("CONNECTION_ERROR", ["timeout"])
        .build();
    let plain = Recorder::new();
    for (recorder, status) in [
        (&configured, TaskStatus::ConnectionError),
        (&plain, TaskStatus::OtherException),
    ] {
        recorder.scope_sync(|| {
            exceed(in_place()).expect_err("it waits for ever");
            exceed(expects_it()).expect_err("it waits for ever");
        });
        let recorded = recorder.recorded();
        recorded.assert_exactly([
            call("in_place").failure("timeout"),
            call("expects_it").failure("timeout"),
        ]);
        assert_eq!(recorded.task("in_place"), Some((status, 1)));
        assert_eq!(recorded.task("expects_it"), None);
    }
}

/// A task that always has work uses up tokio's budget at each poll: its limit ends it nevertheless.
#[test]
fn a_future_that_never_waits_for_long_is_ended_too() {
    let (_, recorded) = testing::record(|| {
        runtime().block_on(async {
            let limited = timeout(Duration::from_millis(20), busy()).await;
            limited.expect_err("it never ends");
        });
    });
    recorded.assert_exactly([call("busy").failure("timeout")]);
}

#[monitored]
async fn busy() {
    loop {
        tokio::task::consume_budget().await;
    }
}
