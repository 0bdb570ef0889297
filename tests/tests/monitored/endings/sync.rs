//! Synchronous shapes through every way a call can end.

use std::panic::Location;

use monitor_core::{CallGuard, monitored};

use super::shapes::{Answer, Refused};
use super::{counted, monitor, panics, while_unwinding};

/// The behaviour of the body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum What {
    Ends,
    Fails,
    Panics,
    CatchesAPanic,
}

fn step(what: What) -> Answer {
    match what {
        What::Fails => return Err(Refused),
        What::Panics => panic!("on purpose"),
        What::CatchesAPanic => assert!(panics(|| panic!("on purpose"))),
        What::Ends => {}
    }
    Ok(())
}

#[monitored]
fn straight(what: What) -> Answer {
    step(what)
}

#[monitored]
fn question_mark(what: What) -> Answer {
    step(what)?;
    Ok(())
}

#[monitored]
fn returns(what: What) -> Answer {
    if step(what).is_err() {
        return Err(Refused);
    }
    Ok(())
}

#[monitored(call = call)]
fn with_call(what: What) -> Answer {
    let answer = step(what);
    call.observe("tokens", 1.0);
    answer
}

#[monitored(ok_if = |answer: &Answer| step(judged_by(answer)).is_ok())]
fn judged(what: What) -> Answer {
    match what {
        What::Panics => Err(Refused),
        other => step(other),
    }
}

/// The verdict panics for an answer that failed.
fn judged_by(answer: &Answer) -> What {
    if answer.is_ok() {
        What::Ends
    } else {
        What::Panics
    }
}

#[monitored]
#[track_caller]
fn tracked(what: What) {
    _ = step(what);
    assert_ne!(Location::caller().line(), 0);
}

#[monitored]
#[track_caller]
fn tracked_with_return(what: What) {
    if step(what).is_err() {
        return;
    }
    assert_ne!(Location::caller().line(), 0);
}

#[monitored]
fn never(what: What) -> ! {
    _ = step(what);
    panic!("at its end")
}

struct Store;

#[monitored]
impl Store {
    #[expect(clippy::unused_self, reason = "a method is what is tested")]
    fn method(&self, what: What) -> Answer {
        step(what)
    }
}

/// A guard that a function holds in a local.
#[monitored]
fn holds_another(what: What) -> Answer {
    straight(what)
}

/// A method with its counts if its body ends, fails, panics, and catches a panic.
type Shape = (&'static str, fn(What), [&'static str; 4]);

const SUCCESS: &str = "1 1 0 0";
const FAILURE: &str = "1 0 1 0 other=1";
const PANIC: &str = "1 0 1 0 panic=1";
const RESULT: [&str; 4] = [SUCCESS, FAILURE, PANIC, SUCCESS];
const VALUE: [&str; 4] = [SUCCESS, SUCCESS, PANIC, SUCCESS];

const SHAPES: &[Shape] = &[
    ("straight", |what| _ = straight(what), RESULT),
    ("question_mark", |what| _ = question_mark(what), RESULT),
    ("returns", |what| _ = returns(what), RESULT),
    ("with_call", |what| _ = with_call(what), RESULT),
    (
        "judged",
        |what| _ = judged(what),
        [SUCCESS, PANIC, PANIC, SUCCESS],
    ),
    ("tracked", tracked, VALUE),
    ("tracked_with_return", tracked_with_return, VALUE),
    ("never", |what| never(what), [PANIC; 4]),
    ("Store::method", |what| _ = Store.method(what), RESULT),
    ("holds_another", |what| _ = holds_another(what), RESULT),
    ("straight", |what| _ = holds_another(what), RESULT),
];

const WHATS: [What; 4] = [What::Ends, What::Fails, What::Panics, What::CatchesAPanic];

/// Each shape with each end of its body, in one way to call it.
fn assert_counts(way: &str, call: fn(fn(What), What), but: &[(&str, What)]) {
    for (method, function, expected) in SHAPES {
        for (what, expected) in WHATS.into_iter().zip(expected) {
            if but.contains(&(*method, what)) {
                continue;
            }
            let monitor = monitor();
            monitor.scope_sync(|| call(*function, what));
            assert_eq!(
                counted(monitor, method),
                *expected,
                "{method} {what:?} {way}"
            );
        }
    }
}

#[test]
fn every_synchronous_shape_ends_as_its_body_does() {
    let call = |function: fn(What), what| _ = panics(|| function(what));
    assert_counts("called", call, &[]);
}

#[test]
fn every_synchronous_shape_ends_the_same_in_a_destructor_while_the_thread_panics() {
    let call = |function: fn(What), what| while_unwinding(|| _ = panics(|| function(what)));
    // While another panic unwinds, its guard cannot distinguish an early return from a panic.
    assert_counts(
        "in a destructor",
        call,
        &[("tracked_with_return", What::Panics)],
    );
}

#[test]
fn a_panic_after_the_call_does_not_change_it() {
    let call = |function: fn(What), what| {
        _ = panics(|| {
            function(what);
            panic!("elsewhere")
        });
    };
    assert_counts("before a panic", call, &[]);
}

#[test]
fn the_handle_of_a_call_lives_as_long_as_its_body() {
    #[monitored(call = call)]
    fn lends() -> u8 {
        fn borrows(call: &mut CallGuard) {
            call.observe("tokens", 1.0);
        }
        borrows(call);
        borrows(call);
        1
    }
    let monitor = monitor();
    monitor.scope_sync(|| assert_eq!(lends(), 1));
    assert_eq!(counted(monitor, "lends"), SUCCESS);
}
