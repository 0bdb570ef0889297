//! `max_concurrency`: running calls, waiting calls, and returned permits.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use monitor_core::testing::{self, Recorder, call};
use monitor_core::{StorageConfig, monitored};

use crate::drive::{pause, poll, ready};

#[monitored(max_concurrency = 1)]
async fn one_at_a_time(panics: bool) -> u8 {
    pause().await;
    assert!(!panics, "as told");
    1
}

#[test]
fn a_second_call_waits_in_flight_until_the_first_ends() {
    let probe = Recorder::new();
    probe.scope_sync(|| {
        let (mut first, mut second) = (
            Box::pin(one_at_a_time(false)),
            Box::pin(one_at_a_time(false)),
        );
        assert!(poll(first.as_mut()).is_pending());
        probe.recorded().assert_includes([
            call("one_at_a_time").in_flight(),
            call("one_at_a_time").waiting().times(0),
        ]);
        assert!(poll(second.as_mut()).is_pending());
        let recorded = probe.recorded();
        recorded.assert_includes([
            call("one_at_a_time").in_flight().times(2),
            call("one_at_a_time").waiting(),
        ]);
        probe.advance(Duration::from_secs(3));
        assert!(poll(second.as_mut()).is_pending());
        assert_eq!(ready(first.as_mut()), 1);
        assert_eq!(ready(second), 1);
        drop(first);
    });
    let recorded = probe.recorded();
    recorded.assert_includes([
        call("one_at_a_time").success().times(2),
        call("one_at_a_time").waiting().times(0),
        call("one_at_a_time").in_flight().times(0),
        call("one_at_a_time").took(Duration::from_secs(6)),
    ]);
    recorded.assert_includes([call("one_at_a_time").observed("permit_wait_time", [0, 3])]);
}

#[test]
fn the_waits_of_a_method_are_among_what_it_observed() {
    let (_, recorded) = testing::record(|| ready(one_at_a_time(false)));
    recorded.assert_includes([call("one_at_a_time").observed("permit_wait_time", [0])]);
    assert_eq!(
        recorded.observed("one_at_a_time", "permit_wait_time"),
        [0.0]
    );
}

#[test]
fn the_first_that_came_is_served_first_and_each_monitor_has_its_own_permits() {
    let probe = Recorder::new();
    let other = Recorder::new();
    probe.scope_sync(|| {
        let mut calls: Vec<_> = (0..3).map(|_| Box::pin(one_at_a_time(false))).collect();
        assert!(
            calls
                .iter_mut()
                .all(|call| poll(call.as_mut()).is_pending())
        );
        assert_eq!(other.scope_sync(|| ready(one_at_a_time(false))), 1);
        assert!(poll(calls[2].as_mut()).is_pending());
        assert!(poll(calls[0].as_mut()).is_ready());
        assert!(
            poll(calls[2].as_mut()).is_pending(),
            "the second came before"
        );
        assert!(poll(calls[1].as_mut()).is_pending(), "it runs");
        probe
            .recorded()
            .assert_includes([call("one_at_a_time").waiting()]);
        assert!(poll(calls[1].as_mut()).is_ready());
        assert_eq!(ready(calls[2].as_mut()), 1);
    });
    probe
        .recorded()
        .assert_includes([call("one_at_a_time").success().times(3)]);
}

#[test]
fn a_waiting_call_that_is_dropped_is_cancelled_and_holds_nobody_up() {
    let probe = Recorder::new();
    probe.scope_sync(|| {
        let mut running = Box::pin(one_at_a_time(false));
        let mut leaving = Box::pin(one_at_a_time(false));
        let mut third = Box::pin(one_at_a_time(false));
        assert!(poll(running.as_mut()).is_pending());
        assert!(poll(leaving.as_mut()).is_pending());
        assert!(poll(third.as_mut()).is_pending());
        drop(leaving);
        probe.recorded().assert_includes([
            call("one_at_a_time").cancelled(),
            call("one_at_a_time").waiting(),
        ]);
        assert!(poll(running.as_mut()).is_ready());
        assert_eq!(ready(third), 1);
    });
    probe.recorded().assert_includes([
        call("one_at_a_time").success().times(2),
        call("one_at_a_time").cancelled(),
        call("one_at_a_time").waiting().times(0),
    ]);
}

#[test]
fn panics_and_cancelled_calls_give_the_permit_back() {
    let probe = Recorder::new();
    assert!(probe.catch(|| ready(one_at_a_time(true))).is_err());
    probe.scope_sync(|| {
        let mut dropped = Box::pin(one_at_a_time(false));
        assert!(poll(dropped.as_mut()).is_pending());
        drop(dropped);
        assert_eq!(ready(one_at_a_time(false)), 1);
    });
    let recorded = probe.recorded();
    recorded.assert_includes([
        call("one_at_a_time").panicked(),
        call("one_at_a_time").cancelled(),
        call("one_at_a_time").success(),
    ]);
}

static LIMIT: AtomicUsize = AtomicUsize::new(1);

#[monitored(max_concurrency = LIMIT.load(Ordering::SeqCst))]
async fn with_a_changing_limit() {
    pause().await;
}

#[test]
fn the_limit_is_read_at_each_call() {
    let probe = Recorder::new();
    probe.scope_sync(|| {
        let mut calls: Vec<_> = (0..2).map(|_| Box::pin(with_a_changing_limit())).collect();
        assert!(
            calls
                .iter_mut()
                .all(|call| poll(call.as_mut()).is_pending())
        );
        probe
            .recorded()
            .assert_includes([call("with_a_changing_limit").waiting()]);
        LIMIT.store(3, Ordering::SeqCst);
        let mut third = Box::pin(with_a_changing_limit());
        assert!(poll(third.as_mut()).is_pending());
        assert!(poll(calls[1].as_mut()).is_pending());
        probe.recorded().assert_includes([
            call("with_a_changing_limit").waiting().times(0),
            call("with_a_changing_limit").in_flight().times(3),
        ]);
        LIMIT.store(0, Ordering::SeqCst);
        let mut many: Vec<_> = (0..20).map(|_| Box::pin(with_a_changing_limit())).collect();
        assert!(many.iter_mut().all(|call| poll(call.as_mut()).is_pending()));
        probe.recorded().assert_includes([
            call("with_a_changing_limit").waiting().times(0),
            call("with_a_changing_limit").in_flight().times(23),
        ]);
    });
    probe
        .recorded()
        .assert_includes([call("with_a_changing_limit").cancelled().times(23)]);
}

#[monitored(max_concurrency = workers)]
async fn as_many_as_workers() {
    pause().await;
}

#[monitored(max_concurrency = (workers))]
async fn an_argument_of_that_name(workers: u8) {
    pause().await;
    let _ = workers;
}

fn waiting_of<F: Future>(probe: &Recorder, method: &str, make: impl Fn() -> F) -> u64 {
    probe.scope_sync(|| {
        let mut calls: Vec<_> = (0..5).map(|_| Box::pin(make())).collect();
        assert!(
            calls
                .iter_mut()
                .all(|call| poll(call.as_mut()).is_pending())
        );
        probe.recorded().count(call(method).waiting())
    })
}

#[test]
fn workers_is_the_configured_number() {
    for (workers, waiting) in [(0, 0), (2, 3), (5, 0)] {
        let mut config = StorageConfig::default();
        config.max_workers = workers;
        let probe = Recorder::builder().config(config).build();
        assert_eq!(
            waiting_of(&probe, "as_many_as_workers", as_many_as_workers),
            waiting,
            "{workers} workers"
        );
        assert_eq!(
            waiting_of(&probe, "an_argument_of_that_name", || {
                an_argument_of_that_name(4)
            }),
            1
        );
    }
}

#[monitored(max_concurrency = u64::MAX)]
async fn without_end() {
    pause().await;
}

#[monitored(max_concurrency = usize::MAX)]
async fn as_many_as_there_are() {
    pause().await;
}

#[test]
fn a_limit_as_large_as_a_number_can_be_is_none() {
    let probe = Recorder::new();
    assert_eq!(waiting_of(&probe, "without_end", without_end), 0);
    let method = "as_many_as_there_are";
    assert_eq!(waiting_of(&probe, method, as_many_as_there_are), 0);
}

#[monitored(max_concurrency = limit, labels(fail = fail), call = handle, request_size = 1)]
async fn with_all(limit: i32, fail: bool) -> Result<u8, String> {
    handle.observe("tokens", 1.0);
    pause().await;
    if fail {
        return Err("no".to_owned());
    }
    Ok(1)
}

#[monitored(max_concurrency = 1_u64)]
fn returned(fail: bool) -> impl Future<Output = Result<u8, String>> {
    async move {
        pause().await;
        if fail { Err("no".to_owned()) } else { Ok(1) }
    }
}

#[monitored(max_concurrency = 1)]
fn returned_pinned() -> std::pin::Pin<Box<dyn Future<Output = u8> + Send>> {
    Box::pin(async {
        pause().await;
        2
    })
}

#[test]
fn limits_hold_for_the_method_and_on_returned_futures() {
    let probe = Recorder::new();
    probe.scope_sync(|| {
        let (mut one, mut other) = (Box::pin(with_all(1, true)), Box::pin(with_all(1, false)));
        assert!(poll(one.as_mut()).is_pending() && poll(other.as_mut()).is_pending());
        probe.recorded().assert_includes([
            call("with_all").label("fail", "true").in_flight(),
            call("with_all").label("fail", "false").in_flight(),
            call("with_all").label("fail", "false").waiting(),
        ]);
        assert_eq!(
            (ready(one.as_mut()).is_err(), ready(other).is_ok()),
            (true, true)
        );
        let (mut one, mut other) = (Box::pin(returned(true)), Box::pin(returned(false)));
        assert!(poll(one.as_mut()).is_pending() && poll(other.as_mut()).is_pending());
        probe.recorded().assert_includes([
            call("returned").waiting(),
            call("returned").in_flight().times(2),
        ]);
        assert_eq!(
            (ready(one.as_mut()).is_err(), ready(other).is_ok()),
            (true, true)
        );
        let (mut one, mut other) = (returned_pinned(), returned_pinned());
        assert!(poll(one.as_mut()).is_pending() && poll(other.as_mut()).is_pending());
        probe
            .recorded()
            .assert_includes([call("returned_pinned").waiting()]);
        assert_eq!((ready(one.as_mut()), ready(other)), (2, 2));
    });
    probe.recorded().assert_includes([
        call("with_all").label("fail", "true").failure("other"),
        call("with_all").label("fail", "false").success(),
        call("with_all")
            .label("fail", "false")
            .observed("tokens", [1]),
        call("with_all").label("fail", "false").request_size(1),
        call("returned").failure("other"),
        call("returned").success(),
        call("returned_pinned").success().times(2),
    ]);
}
