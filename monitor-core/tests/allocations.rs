//! After a thread's first call of a method, recording allocates nothing: counted, for each way a call can go.

use std::future::{Future, pending, ready};
use std::pin::pin;
use std::sync::mpsc;
use std::task::{Context, Waker};
use std::time::Duration;

use allocation_counter::measure;
use monitor_core::{
    CallGuard, Clock, ErrorRules, ErrorText, ErrorView, ManualClock, Method, Monitor, Outcome,
    StatusRule, StorageConfig, monitored,
};

/// Calls counted after the ones that may allocate: more than the entries of a ring, so every place of it is used.
const CALLS: usize = 300;

#[derive(Debug)]
struct Refused;

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("connection refused")
    }
}

impl std::error::Error for Refused {}

/// A storage in which time stands still: a call that the system interrupts would be far longer than those before, and such
/// durations have a window of counts of their own, which the first of them makes.
fn monitor() -> Monitor {
    timed_monitor().0
}

fn timed_monitor() -> (Monitor, ManualClock) {
    let rules = ErrorRules::try_new([StatusRule {
        status: "CONNECTION_ERROR".to_owned(),
        service_errors: vec!["refused".to_owned()],
        unhealthy: 5,
    }]);
    let mut config = StorageConfig::default();
    config.errors = rules.expect("good rules");
    let (clock, hand) = Clock::manual(0.0);
    (Monitor::with_clock(config, clock), hand)
}

/// Asserts that `call` allocates nothing once it was made before.
fn allocates_nothing(what: &str, mut call: impl FnMut()) {
    call();
    let counted = measure(|| (0..CALLS).for_each(|_| call()));
    assert_eq!(counted.count_total, 0, "{what}: {counted:?}");
}

/// Polls once.
fn poll(future: impl Future) {
    let _ = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
}

#[monitored(method = "sync")]
fn sync(fail: bool) -> Result<u32, Refused> {
    if fail { Err(Refused) } else { Ok(1) }
}

#[monitored(method = "async")]
async fn waits(wait: bool, fail: bool) -> Result<u32, Refused> {
    if wait {
        pending::<()>().await;
    }
    ready(()).await;
    if fail { Err(Refused) } else { Ok(1) }
}

#[test]
fn a_monitored_function_allocates_nothing() {
    monitor().scope_sync(|| {
        allocates_nothing("sync ok", || drop(sync(false)));
        allocates_nothing("sync error", || drop(sync(true)));
        allocates_nothing("async ok", || poll(waits(false, false)));
        allocates_nothing("async error", || poll(waits(false, true)));
        allocates_nothing("async cancelled", || poll(waits(true, false)));
        allocates_nothing("success after failure", || {
            drop(sync(true));
            drop(sync(false));
        });
    });
}

#[test]
fn observed_values_allocate_nothing() {
    let get = monitor().method("Get").expect("a good name");
    let observe = |mut call: CallGuard| {
        call.request_size(100);
        call.observe("tokens", 12.0);
        call.observe("tokens___model__small", 12.0);
        call.deadline(Some(Duration::from_secs(1)));
        call
    };
    allocates_nothing("values of an ok call", || {
        observe(get.start()).finish(Outcome::Success);
    });
    allocates_nothing("values of a failed call", || {
        observe(get.start()).finish(Outcome::ErrorType("refused"));
    });
    allocates_nothing("values of a cancelled call", || drop(observe(get.start())));
}

/// Sends calls to another thread, which ends them by `end`; counts there, and here.
///
/// In a scope of the storage, and without one: a storage that is not in force has a way of its own to its shards.
fn elsewhere(what: &str, get: Method, end: impl Fn(CallGuard) + Copy + Send + 'static) {
    elsewhere_in(what, get, end, |run| run());
    let monitor = monitor();
    let get = monitor.method(what).expect("a good name");
    monitor.scope_sync(|| {
        elsewhere_in(what, get, end, move |run| monitor.scope_sync(run));
    });
}

fn elsewhere_in(
    what: &str,
    get: Method,
    end: impl Fn(CallGuard) + Send + 'static,
    scope: impl FnOnce(Box<dyn FnOnce() -> u64>) -> u64 + Send + 'static,
) {
    let (send, receive) = mpsc::sync_channel::<CallGuard>(CALLS + 1);
    let (done, all_done) = mpsc::channel();
    let count = move || {
        for call in receive.iter().take(1) {
            end(call);
        }
        done.send(()).expect("the test waits");
        let mut calls: Vec<CallGuard> = receive.iter().take(CALLS).collect();
        measure(|| calls.drain(..).for_each(&end)).count_total
    };
    let ender = std::thread::spawn(move || scope(Box::new(count)));
    let start = || {
        let mut call = get.start();
        call.observe("tokens", 1.0);
        call
    };
    // As many at once as are counted: the slots are there then.
    (0..=CALLS).map(|_| start()).collect::<Vec<_>>().truncate(0);
    send.send(start()).expect("the thread waits");
    all_done.recv().expect("the thread runs");
    let mut calls = Vec::with_capacity(CALLS);
    let here = measure(|| calls.extend((0..CALLS).map(|_| start()))).count_total;
    for call in calls {
        send.send(call).expect("the thread waits");
    }
    let there = ender.join().expect("no panic");
    assert_eq!((here, there), (0, 0), "{what}");
    // And again, in the slots that came back.
    let mut calls = Vec::with_capacity(CALLS);
    let again = measure(|| calls.extend((0..CALLS).map(|_| start()))).count_total;
    assert_eq!(again, 0, "{what}, in slots that came back");
}

#[test]
fn calls_that_end_on_another_thread_allocate_nothing() {
    let monitor = monitor();
    let get = |name| monitor.method(name).expect("a good name");
    elsewhere("ok", get("ok"), |call| call.finish(Outcome::Success));
    elsewhere("error", get("error"), |call| {
        call.finish(Outcome::ErrorType("refused"));
    });
    elsewhere("dropped", get("dropped"), drop);
    elsewhere("error by its text", get("error by its text"), |call| {
        let view = ErrorView {
            type_name: "Refused",
            text: ErrorText::Error(&Refused),
        };
        call.finish(Outcome::Error(view));
    });
}

#[test]
fn futures_polled_here_and_dropped_elsewhere_allocate_nothing() {
    let monitor = monitor();
    let polled = || {
        let mut future = Box::pin(monitor.scope(waits(true, false)));
        let context = &mut Context::from_waker(Waker::noop());
        assert!(future.as_mut().poll(context).is_pending());
        future
    };
    let dropped = |futures: Vec<_>| {
        let thread = std::thread::spawn(move || {
            monitor.scope_sync(|| {
                let mut futures: Vec<_> = futures;
                drop(futures.pop());
                measure(|| futures.clear()).count_total
            })
        });
        thread.join().expect("no panic")
    };
    let mut futures: Vec<_> = (0..CALLS).map(|_| polled()).collect();
    assert_eq!(dropped(futures.split_off(0)), 0);
    // Each future is a box; the slots are there from the round before.
    futures.reserve(CALLS);
    let counted = measure(|| futures.extend((0..CALLS).map(|_| polled()))).count_total;
    assert_eq!(counted, CALLS as u64);
    assert_eq!(dropped(futures), 0);
}

#[test]
fn durations_of_each_length_allocate_once_at_most() {
    let (monitor, hand) = timed_monitor();
    let get = monitor.method("Get").expect("a good name");
    let of = |duration: Duration| {
        for outcome in [Outcome::Success, Outcome::ErrorType("refused")] {
            let call = get.start();
            hand.advance(duration);
            call.finish(outcome);
        }
    };
    let lengths = (0..40).map(|power| Duration::from_nanos(1 << power));
    let all = || lengths.clone().for_each(of);
    let first = measure(all).count_total;
    assert!((1..=40).contains(&first), "{first}");
    assert_eq!(measure(all).count_total, 0);
}

#[test]
fn the_first_call_is_what_allocates() {
    let get = monitor().method("Get").expect("a good name");
    let first = measure(|| get.start().finish(Outcome::Success));
    assert!(first.count_total > 0);
    let again = measure(|| get.start().finish(Outcome::Success));
    assert_eq!(again.count_total, 0);
}
