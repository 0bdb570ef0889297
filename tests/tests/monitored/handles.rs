//! `call`: the handle of a call in its body.

use std::time::Duration;

use monitor_core::testing::{self, Recorder, call};
use monitor_core::{CallGuard, monitored};

use crate::drive::{pause, poll, ready};

#[monitored(call = handle)]
fn in_sync(fail: bool) -> Result<u8, String> {
    handle.observe("tokens", 1.0);
    if fail {
        return Err("early".to_owned());
    }
    handle.observe("tokens", 2.0);
    Ok(1)
}

#[monitored(call = call)]
async fn in_async(text: &str) -> Result<u8, std::num::ParseIntError> {
    call.observe("tokens", 1.0);
    let value = text.parse()?;
    pause().await;
    call.observe("tokens", 2.0);
    Ok(value)
}

#[monitored(call = handle)]
async fn without_early_return(wait: bool) -> u8 {
    note(handle, 5.0);
    if wait {
        pause().await;
    }
    note(handle, 6.0);
    3
}

fn note(handle: &mut CallGuard, value: f64) {
    handle.observe("note", value);
}

#[monitored(call = handle)]
fn in_a_box(fail: bool) -> std::pin::Pin<Box<dyn Future<Output = Result<u8, String>> + Send>> {
    Box::pin(async move {
        handle.observe("tokens", 1.0);
        pause().await;
        if fail {
            return Err("early".to_owned());
        }
        handle.observe("tokens", 2.0);
        Ok(1)
    })
}

struct Service;

#[async_trait::async_trait]
trait Serve {
    async fn outside(&self, fail: bool) -> Result<u8, String>;
    async fn inside(&self, fail: bool) -> Result<u8, String>;
}

#[async_trait::async_trait]
impl Serve for Service {
    #[monitored(call = handle)]
    async fn outside(&self, fail: bool) -> Result<u8, String> {
        handle.observe("tokens", 1.0);
        pause().await;
        if fail {
            return Err("early".to_owned());
        }
        handle.observe("tokens", 2.0);
        Ok(1)
    }

    #[monitored(call = handle)]
    async fn inside(&self, fail: bool) -> Result<u8, String> {
        handle.observe("tokens", 1.0);
        if fail {
            Err("late".to_owned())
        } else {
            handle.observe("tokens", 2.0);
            Ok(1)
        }
    }
}

#[test]
fn what_a_handle_notes_counts_however_the_call_ends() {
    let (_, recorded) = testing::record(|| {
        for fail in [true, false] {
            assert_eq!(in_sync(fail).is_err(), fail);
            assert_eq!(ready(in_async(if fail { "x" } else { "7" })).is_err(), fail);
            assert_eq!(ready(in_a_box(fail)).is_err(), fail);
            assert_eq!(ready(Service.outside(fail)).is_err(), fail);
            assert_eq!(ready(Service.inside(fail)).is_err(), fail);
            assert_eq!(ready(without_early_return(fail)), 3);
        }
    });
    let mut expected: Vec<_> = ["in_sync", "in_async", "in_a_box", "outside", "inside"]
        .into_iter()
        .flat_map(|name| {
            [
                call(name).success(),
                call(name).failure("other"),
                call(name).observed("tokens", [1, 2]),
            ]
        })
        .collect();
    expected.extend([
        call("without_early_return").success().times(2),
        call("without_early_return").observed("note", [6, 6]),
    ]);
    recorded.assert_exactly(expected);
}

#[monitored(call = handle)]
async fn ends_badly(panics: bool) {
    handle.observe("tokens", 4.0);
    handle.request_size(10);
    pause().await;
    assert!(!panics, "as told");
    handle.response_size(20);
    pause().await;
}

#[test]
fn a_panic_and_a_cancelled_call_keep_what_was_noted() {
    let probe = Recorder::new();
    assert!(probe.catch(|| ready(ends_badly(true))).is_err());
    probe.scope_sync(|| {
        let mut future = Box::pin(ends_badly(false));
        assert!(poll(future.as_mut()).is_pending());
        assert!(poll(future.as_mut()).is_pending());
    });
    probe.recorded().assert_exactly([
        call("ends_badly").panicked(),
        call("ends_badly").cancelled(),
        call("ends_badly").observed("tokens", [4, 4]),
        call("ends_badly").request_size(10).times(2),
        call("ends_badly").response_size(20),
    ]);
}

#[monitored(call = handle)]
async fn elapses(probe: &Recorder) -> (Duration, Duration) {
    probe.advance(Duration::from_millis(3));
    let first = handle.elapsed();
    pause().await;
    probe.advance(Duration::from_millis(4));
    (first, handle.elapsed())
}

#[test]
fn a_handle_knows_the_time_since_the_start() {
    let probe = Recorder::new();
    let times = probe.scope_sync(|| ready(elapses(&probe)));
    assert_eq!(times, (Duration::from_millis(3), Duration::from_millis(7)));
    probe.recorded().assert_exactly([
        call("elapses").success(),
        call("elapses").took(Duration::from_millis(7)),
    ]);
}

#[monitored(call = handle, deadline = left, request_size = 3, response_size = |_| 4)]
fn all_at_once(left: Duration) -> u8 {
    handle.observe("size_of_it", 5.0);
    handle.observe("odd", f64::NAN);
    1
}

#[test]
fn a_handle_stands_beside_sizes_and_deadlines() {
    let (_, recorded) = testing::record(|| all_at_once(Duration::from_secs(1)));
    recorded.assert_exactly([
        call("all_at_once").success(),
        call("all_at_once").request_size(3),
        call("all_at_once").response_size(4),
        call("all_at_once").deadline(Duration::from_secs(1)),
        call("all_at_once").deadline_at_end(Duration::from_secs(1)),
        call("all_at_once").observed("size_of_it", [5]),
    ]);
}

#[monitored(call = handle)]
fn with_an_inner_call() -> u8 {
    handle.observe("outer", 1.0);
    let inner = || {
        handle.observe("from a closure", 1.0);
        in_sync(false).unwrap_or(0)
    };
    let mut inner = inner;
    inner()
}

#[test]
fn a_closure_of_the_body_may_use_it_and_inner_calls_have_their_own() {
    let (_, recorded) = testing::record(with_an_inner_call);
    recorded.assert_exactly([
        call("with_an_inner_call").success(),
        call("with_an_inner_call").observed("outer", [1]),
        call("with_an_inner_call").observed("from a closure", [1]),
        call("in_sync").success(),
        call("in_sync").observed("tokens", [2]),
    ]);
}
