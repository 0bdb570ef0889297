//! Calls that a program starts itself, through the API: how a guard ends that is dropped.

use std::future::{Future, pending};
use std::pin::Pin;
use std::task::{Context, Waker};

use monitor_core::{CallGuard, Monitor, Outcome};

use super::{counted, monitor, panics, while_unwinding};

const CANCELLED: &str = "1 0 1 0 cancelled=1";
const PANIC: &str = "1 0 1 0 panic=1";

fn start(monitor: Monitor) -> CallGuard {
    match monitor.method("Manual") {
        Ok(method) => method.start(),
        Err(error) => panic!("{error}"),
    }
}

/// A future that holds a guard over an await, polled once.
fn suspended(monitor: Monitor) -> Pin<Box<dyn Future<Output = ()>>> {
    let mut future = Box::pin(async move {
        let call = start(monitor);
        pending::<()>().await;
        call.finish(Outcome::Success);
    });
    let poll = future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    assert!(poll.is_pending());
    future
}

#[test]
fn a_guard_that_is_dropped_is_cancelled_unless_the_thread_began_to_panic_meanwhile() {
    type Way = (&'static str, fn(Monitor), &'static str);
    let ways: [Way; 7] = [
        ("dropped", |monitor| drop(start(monitor)), CANCELLED),
        (
            "after a panic",
            |monitor| {
                let call = start(monitor);
                assert!(panics(|| panic!("elsewhere")));
                drop(call);
            },
            CANCELLED,
        ),
        (
            "by a panic",
            |monitor| {
                assert!(panics(|| {
                    let _call = start(monitor);
                    panic!("on purpose")
                }));
            },
            PANIC,
        ),
        (
            "begun and dropped in a destructor",
            |monitor| {
                while_unwinding(|| drop(start(monitor)));
            },
            CANCELLED,
        ),
        ("suspended", |monitor| drop(suspended(monitor)), CANCELLED),
        // A guard cannot see awaits, as its documentation states.
        (
            "suspended, and dropped by a panic elsewhere",
            |monitor| {
                let future = suspended(monitor);
                while_unwinding(|| drop(future));
            },
            PANIC,
        ),
        (
            "on another thread",
            |monitor| {
                let call = start(monitor);
                assert!(std::thread::spawn(|| drop(call)).join().is_ok());
            },
            CANCELLED,
        ),
    ];
    for (way, run, expected) in ways {
        let monitor = monitor();
        run(monitor);
        assert_eq!(counted(monitor, "Manual"), expected, "{way}");
    }
}
