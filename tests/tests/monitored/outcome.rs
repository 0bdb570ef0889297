//! How a call ends: values, `Err`, early returns, panics, cancellation; and that the function does as it did.

use std::cell::RefCell;
use std::rc::Rc;

use monitor_core::TaskStatus;
use monitor_core::monitored;
use monitor_core::testing::{self, Recorder, call, task};

use crate::drive::{pause, poll, ready};

#[monitored]
fn outcome_unit() {}

#[monitored]
fn outcome_option() -> Option<u8> {
    None
}

#[monitored]
fn outcome_nested() -> Option<Result<u8, String>> {
    Some(Err("inside".to_owned()))
}

#[monitored]
fn outcome_generic<T>(value: T) -> T {
    value
}

type Answer = Result<u8, u8>;

#[monitored]
fn outcome_alias(fail: bool) -> Answer {
    if fail { Err(3) } else { Ok(3) }
}

#[test]
fn any_value_but_err_is_a_success() {
    let (_, recorded) = testing::record(|| {
        outcome_unit();
        assert_eq!(outcome_option(), None);
        assert_eq!(outcome_nested(), Some(Err("inside".to_owned())));
        assert_eq!(outcome_generic(Err::<u8, _>("x")), Err("x"));
        assert_eq!(outcome_alias(false), Ok(3));
        assert_eq!(outcome_alias(true), Err(3));
    });
    recorded.assert_exactly([
        call("outcome_unit").success(),
        call("outcome_option").success(),
        call("outcome_nested").success(),
        call("outcome_generic").success(),
        call("outcome_alias").success(),
        call("outcome_alias").failure("other"),
    ]);
}

#[monitored]
fn early_sync(text: &str) -> Result<u8, std::num::ParseIntError> {
    if text.is_empty() {
        return Ok(0);
    }
    let value: u8 = text.parse()?;
    Ok(value + 1)
}

#[monitored]
async fn early_async(text: &str) -> Result<u8, std::num::ParseIntError> {
    if text.is_empty() {
        return Ok(0);
    }
    let value: u8 = text.parse()?;
    Ok(value + 1)
}

#[monitored]
async fn early_waiting(text: &str) -> Result<u8, std::num::ParseIntError> {
    if text.is_empty() {
        return Ok(0);
    }
    pause().await;
    let value: u8 = text.parse()?;
    pause().await;
    Ok(value + 1)
}

#[test]
fn early_returns_and_question_marks_count_as_what_they_return() {
    let (_, recorded) = testing::record(|| {
        for (text, answer) in [("", Some(0)), ("1", Some(2)), ("x", None)] {
            assert_eq!(early_sync(text).ok(), answer);
            assert_eq!(ready(early_async(text)).ok(), answer);
            assert_eq!(ready(early_waiting(text)).ok(), answer);
        }
    });
    let expected = ["early_sync", "early_async", "early_waiting"]
        .into_iter()
        .flat_map(|name| [call(name).success().times(2), call(name).failure("other")]);
    recorded.assert_exactly(expected);
}

#[monitored]
fn panics_sync(value: u64) -> u8 {
    std::panic::panic_any(value);
}

#[monitored]
async fn panics_async(value: u64, wait: bool) -> Result<u8, String> {
    if wait {
        pause().await;
    }
    std::panic::panic_any(value);
}

#[test]
fn a_panic_is_a_failure_and_its_payload_passes() {
    let probe = Recorder::new();
    let payloads = [
        probe.catch(|| panics_sync(1)).err(),
        probe.catch(|| ready(panics_async(2, false))).err(),
        probe.catch(|| ready(panics_async(3, true))).err(),
    ];
    let payloads = payloads.map(|payload| {
        *payload
            .expect("a panic")
            .downcast::<u64>()
            .expect("the payload")
    });
    assert_eq!(payloads, [1, 2, 3]);
    let recorded = probe.recorded();
    recorded.assert_exactly([
        call("panics_sync").panicked(),
        call("panics_async").panicked().times(2),
    ]);
    assert_eq!(
        recorded.task("panics_async"),
        Some((TaskStatus::Internal, 2))
    );
    assert_eq!(recorded.task("default"), Some((TaskStatus::Internal, 3)));
}

#[monitored]
async fn dropped_early(wait: bool) -> Result<u8, String> {
    if wait {
        pause().await;
    }
    Ok(1)
}

#[monitored]
async fn dropped_in_place(wait: bool) {
    if wait {
        pause().await;
    }
}

#[test]
fn a_future_dropped_after_its_first_poll_is_cancelled_and_no_illness() {
    let probe = Recorder::new();
    probe.scope_sync(|| {
        drop(dropped_early(true));
        drop(dropped_in_place(true));
    });
    probe.take().assert_nothing();
    probe.scope_sync(|| {
        let mut one = Box::pin(dropped_early(true));
        let mut other = Box::pin(dropped_in_place(true));
        assert!(poll(one.as_mut()).is_pending());
        assert!(poll(other.as_mut()).is_pending());
        probe.take().assert_exactly([
            call("dropped_early").in_flight(),
            call("dropped_in_place").in_flight(),
        ]);
    });
    let recorded = probe.take();
    recorded.assert_exactly([
        call("dropped_early").cancelled(),
        call("dropped_in_place").cancelled(),
    ]);
    assert_eq!(
        recorded.task("dropped_early"),
        None,
        "a client that leaves is no illness"
    );
    assert_eq!(recorded.task("default"), None);
}

#[monitored]
async fn timed(probe: Recorder) -> u8 {
    probe.advance(std::time::Duration::from_millis(10));
    pause().await;
    probe.advance(std::time::Duration::from_millis(20));
    7
}

#[test]
fn a_call_begins_at_the_first_poll_and_lasts_until_ready() {
    let probe = Recorder::new();
    let future = probe.scope(timed(probe.clone()));
    probe.advance(std::time::Duration::from_secs(5));
    probe.take().assert_nothing();
    assert_eq!(ready(future), 7);
    probe.recorded().assert_exactly([
        call("timed").success(),
        call("timed").took(std::time::Duration::from_millis(30)),
    ]);
}

#[monitored]
fn diverges(kind: u8) -> ! {
    panic!("never {kind}")
}

#[monitored]
async fn pends_for_ever() -> ! {
    std::future::pending().await
}

#[test]
fn a_function_that_never_returns_panics_or_is_cancelled() {
    let probe = Recorder::new();
    let payload = probe.catch(|| diverges(4)).expect_err("it never returns");
    assert_eq!(
        payload.downcast_ref::<String>().map(String::as_str),
        Some("never 4")
    );
    probe.scope_sync(|| assert!(poll(Box::pin(pends_for_ever()).as_mut()).is_pending()));
    probe.recorded().assert_exactly([
        call("diverges").panicked(),
        call("pends_for_ever").cancelled(),
    ]);
}

/// Notes when it is dropped.
struct Noted(&'static str, Rc<RefCell<Vec<&'static str>>>);

impl Drop for Noted {
    fn drop(&mut self) {
        self.1.borrow_mut().push(self.0);
    }
}

/// The bare function and the same under the attribute, for the order of their drops.
macro_rules! drop_order {
    ($($attribute:tt)*) => {
        $($attribute)*
        async fn dropping(log: Rc<RefCell<Vec<&'static str>>>, first: Noted, _second: Noted, _: Noted, early: bool) -> u8 {
            let _local = Noted("local", Rc::clone(&log));
            pause().await;
            if early {
                return first.0.len().try_into().unwrap_or(0);
            }
            let _late = Noted("late", log);
            pause().await;
            1
        }

        $($attribute)*
        fn dropping_now(log: &Rc<RefCell<Vec<&'static str>>>, mut early: bool) -> u8 {
            let _one = Noted("one", Rc::clone(log));
            if std::mem::take(&mut early) {
                return 0;
            }
            let _two = Noted("two", Rc::clone(log));
            1
        }
    };
}

mod bare {
    use super::{Noted, Rc, RefCell, pause};
    drop_order!();
    pub(super) fn run(early: bool) -> Vec<&'static str> {
        super::drops(|log, notes| {
            let [a, b, c] = notes;
            crate::drive::ready(dropping(Rc::clone(&log), a, b, c, early));
            dropping_now(&log, early);
        })
    }
}

mod under {
    use super::{Noted, Rc, RefCell, pause};
    drop_order!(#[monitor_core::monitored]);
    pub(super) fn run(early: bool) -> Vec<&'static str> {
        super::drops(|log, notes| {
            let [a, b, c] = notes;
            crate::drive::ready(dropping(Rc::clone(&log), a, b, c, early));
            dropping_now(&log, early);
        })
    }
}

fn drops(run: impl FnOnce(Rc<RefCell<Vec<&'static str>>>, [Noted; 3])) -> Vec<&'static str> {
    let log = Rc::default();
    let notes = ["first", "second", "unnamed"].map(|name| Noted(name, Rc::clone(&log)));
    run(Rc::clone(&log), notes);
    log.take()
}

#[test]
fn what_is_dropped_is_dropped_in_the_same_order() {
    for early in [false, true] {
        let (order, recorded) = testing::record(|| under::run(early));
        assert_eq!(order, bare::run(early), "early: {early}");
        recorded.assert_exactly([call("dropping").success(), call("dropping_now").success()]);
    }
}

#[test]
fn the_statuses_follow_the_calls() {
    let (_, recorded) = testing::record(|| {
        (
            outcome_alias(true),
            outcome_alias(true),
            outcome_alias(false),
        )
    });
    assert_eq!(recorded.task("outcome_alias"), Some((TaskStatus::Ok, 1)));
    let (_, recorded) = testing::record(|| (outcome_alias(true), outcome_alias(true)));
    recorded.assert_exactly([
        call("outcome_alias").failure("other").times(2),
        task("outcome_alias", TaskStatus::OtherException),
        task("default", TaskStatus::OtherException),
    ]);
    assert_eq!(
        recorded.task("outcome_alias"),
        Some((TaskStatus::OtherException, 2))
    );
}
