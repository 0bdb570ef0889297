//! `ok_if`, `error_if`, `error_type`, `expected`.

use std::cell::Cell;

use monitor_core::names::Profile;
use monitor_core::testing::{self, Recorder, call};
use monitor_core::{StartUpWarning, TaskStatus, monitored};

use crate::drive::{collect, items, pause, ready};

fn rules() -> Recorder {
    Recorder::builder()
        .errors("FATAL", ["THROTTLED", "BROKEN"])
        .errors("CONNECTION_ERROR", ["GONE"])
        .build()
}

#[monitored(ok_if = |status: &u16| *status < 500)]
fn ok_if_number(status: u16) -> u16 {
    status
}

#[monitored(error_if = Vec::is_empty)]
async fn error_if_path(count: usize) -> Vec<u8> {
    vec![0; count]
}

#[monitored(error_if = |answer| matches!(answer, Ok(0) | Err(_)))]
fn error_if_result(answer: Result<u8, String>) -> Result<u8, String> {
    answer
}

#[monitored(ok_if = |answer| answer.as_ref().is_ok_and(|value| *value > 1) || answer.as_ref().is_err_and(|error| error == "fine"))]
async fn ok_if_result(answer: Result<u8, String>, wait: bool) -> Result<u8, String> {
    if wait {
        pause().await;
    }
    let value = answer?;
    Ok(value)
}

#[test]
fn a_predicate_takes_the_place_of_the_question_for_err() {
    let (_, recorded) = testing::record(|| {
        assert_eq!((ok_if_number(200), ok_if_number(500)), (200, 500));
        assert_eq!(
            ready(error_if_path(0)).len() + ready(error_if_path(2)).len(),
            2
        );
        for answer in [Ok(0), Ok(1), Err("x".to_owned())] {
            assert_eq!(error_if_result(answer.clone()), answer);
        }
        for answer in [Ok(1), Ok(2), Err("fine".to_owned()), Err("bad".to_owned())] {
            for wait in [false, true] {
                assert_eq!(ready(ok_if_result(answer.clone(), wait)), answer);
            }
        }
    });
    recorded.assert_exactly([
        call("ok_if_number").success(),
        call("ok_if_number").failure("other"),
        call("error_if_path").success(),
        call("error_if_path").failure("other"),
        call("error_if_result").success(),
        call("error_if_result").failure("other").times(2),
        call("ok_if_result").success().times(4),
        call("ok_if_result").failure("other").times(4),
    ]);
}

#[monitored(error_if = |value: &Option<u8>| value.is_none(), error_type = "GONE")]
fn none_is_gone(value: Option<u8>) -> Option<u8> {
    value
}

/// An `Ok` that is a failure has no error to pass to the function.
#[monitored(error_if = |_| true, error_type = kind)]
fn always_fails(answer: Result<u8, Kind>) -> Result<u8, Kind> {
    answer
}

#[monitored(error_if = |answer| answer.is_ok())]
fn ok_is_failure(answer: Result<u8, String>) -> Result<u8, String> {
    answer
}

#[derive(Clone, Copy)]
enum Kind {
    Throttled,
    Broken,
    Unlisted,
}

fn kind(kind: &Kind) -> &'static str {
    match kind {
        Kind::Throttled => "THROTTLED",
        Kind::Broken => "BROKEN",
        Kind::Unlisted => "NOBODY LISTS THIS",
    }
}

#[test]
fn a_failure_without_an_error_is_other_unless_named() {
    let probe = rules();
    probe.scope_sync(|| {
        none_is_gone(None);
        none_is_gone(Some(1));
        assert!(always_fails(Ok(1)).is_ok());
        assert!(always_fails(Err(Kind::Broken)).is_err());
        assert!(ok_is_failure(Ok(1)).is_ok());
        assert!(ok_is_failure(Err("it is broken".to_owned())).is_err());
    });
    probe.recorded().assert_exactly([
        call("none_is_gone").success(),
        call("none_is_gone").failure("GONE"),
        call("always_fails").failure("other"),
        call("always_fails").failure("BROKEN"),
        call("ok_is_failure").failure("other"),
        call("ok_is_failure").success(),
    ]);
}

#[monitored(error_type = kind)]
fn typed(answer: Result<u8, Kind>) -> Result<u8, Kind> {
    Ok(answer?)
}

#[monitored(error_type = kind)]
async fn typed_async(answer: Result<u8, Kind>) -> Result<u8, Kind> {
    pause().await;
    Ok(answer?)
}

#[expect(clippy::manual_async_fn, reason = "the shape is what is tested")]
#[monitored(error_type = kind)]
fn typed_future(answer: Result<u8, Kind>) -> impl Future<Output = Result<u8, Kind>> {
    async move { answer }
}

#[monitored(error_type = kind)]
fn typed_stream(answer: Result<u8, Kind>) -> impl futures_core::Stream<Item = Result<u8, Kind>> {
    items([answer])
}

#[monitored(error_type = "BROKEN")]
fn named_for_all(text: &str) -> Result<u8, std::num::ParseIntError> {
    text.parse()
}

#[test]
fn a_type_is_named_by_a_word_or_a_function() {
    let probe = rules();
    probe.scope_sync(|| {
        for one in [Kind::Throttled, Kind::Broken, Kind::Unlisted] {
            let _ = (
                typed(Err(one)),
                ready(typed_async(Err(one))),
                ready(typed_future(Err(one))),
            );
            assert_eq!(collect(typed_stream(Err(one))).len(), 1);
        }
        assert_eq!(named_for_all("1"), Ok(1));
        assert!(named_for_all("x").is_err());
        assert_eq!(typed(Ok(1)).ok(), Some(1));
    });
    let three = |name| ["THROTTLED", "BROKEN", "other"].map(|kind| call(name).failure(kind));
    let mut expected: Vec<_> = ["typed", "typed_async", "typed_future", "typed_stream"]
        .into_iter()
        .flat_map(three)
        .collect();
    expected.extend([
        call("typed_stream").failed_items(3),
        call("typed").success(),
        call("named_for_all").success(),
        call("named_for_all").failure("BROKEN"),
    ]);
    probe.recorded().assert_exactly(expected);
}

#[test]
fn a_panic_and_a_cancelled_call_keep_their_types_whatever_is_named() {
    #[monitored(error_type = "BROKEN", ok_if = |_| true)]
    async fn ends_otherwise(panics: bool) -> Result<u8, String> {
        assert!(!panics);
        pause().await;
        Err("an error that counts as success".to_owned())
    }
    let probe = rules();
    assert!(probe.catch(|| ready(ends_otherwise(true))).is_err());
    probe.scope_sync(|| {
        assert!(crate::drive::poll(Box::pin(ends_otherwise(false)).as_mut()).is_pending());
        assert!(ready(ends_otherwise(false)).is_err());
    });
    probe.recorded().assert_exactly([
        call("ends_otherwise").panicked(),
        call("ends_otherwise").cancelled(),
        call("ends_otherwise").success(),
    ]);
}

#[monitored(error_type = "A NAME IN NO CONFIGURATION")]
fn unknown_name() -> Result<(), String> {
    Err("GONE".to_owned())
}

#[test]
fn a_name_in_code_is_a_type_and_an_expected_one_that_nothing_names_is_warned_of_at_start_up() {
    let probe = rules();
    assert!(probe.scope_sync(unknown_name).is_err());
    let _ = testing::record(|| {
        expects_what_code_names();
        expects_a_slip();
        expects_a_time_limit();
        expects_of_a_function(Kind::Broken)
    });
    probe
        .recorded()
        .assert_exactly([call("unknown_name").failure("A NAME IN NO CONFIGURATION")]);
    let warned = |probe: &Recorder, of: &str| {
        let warnings = probe.start_up_warnings(Profile::default());
        warnings
            .iter()
            .filter(|one| matches!(one, StartUpWarning::UnknownErrorType { method, .. } if *method == of))
            .count()
    };
    let warned = |of| warned(&probe, of);
    assert_eq!(
        [
            warned("unknown_name"),
            warned("expects_what_code_names"),
            warned("expects"),
            warned("expects_a_slip"),
            warned("expects_of_a_function"),
            warned("expects_a_time_limit"),
        ],
        [0, 0, 0, 1, 0, 0]
    );
}

#[monitored(expected("A NAME IN NO CONFIGURATION"))]
fn expects_what_code_names() {}

#[monitored(expected("timeout"))]
fn expects_a_time_limit() {}

#[monitored(expected("THROTLED"))]
fn expects_a_slip() {}

#[monitored(error_type = kind, expected("NOBODY LISTS THIS EITHER"))]
fn expects_of_a_function(error: Kind) -> Result<(), Kind> {
    Err(error)
}

#[monitored(expected("THROTTLED", "GONE"))]
fn expects(text: &str) -> Result<u8, String> {
    if text.is_empty() {
        Ok(1)
    } else {
        Err(text.to_owned())
    }
}

#[monitored(expected("panic", "cancelled"))]
async fn expects_panics(panics: bool) {
    assert!(!panics, "as planned");
    pause().await;
}

#[test]
fn an_expected_failure_counts_and_leaves_the_statuses_as_they_were() {
    let probe = rules();
    probe.scope_sync(|| expects("")).expect("no error");
    assert_eq!(probe.take().task("expects"), Some((TaskStatus::Ok, 1)));
    probe
        .scope_sync(|| expects("throttled"))
        .expect_err("an error");
    probe
        .scope_sync(|| expects("it is gone"))
        .expect_err("an error");
    let recorded = probe.take();
    recorded.assert_exactly([
        call("expects").failure("THROTTLED"),
        call("expects").failure("GONE"),
    ]);
    assert_eq!(
        (recorded.task("expects"), recorded.task("default")),
        (None, None)
    );
    probe
        .scope_sync(|| expects("broken"))
        .expect_err("an error");
    let recorded = probe.take();
    recorded.assert_exactly([call("expects").failure("BROKEN")]);
    assert_eq!(recorded.task("expects"), Some((TaskStatus::Fatal, 1)));
    assert_eq!(recorded.task("default"), Some((TaskStatus::Fatal, 1)));
    probe.scope_sync(|| expects("gone")).expect_err("an error");
    assert_eq!(
        probe.recorded().task("expects"),
        Some((TaskStatus::Fatal, 1)),
        "unchanged"
    );
    let expected = probe.snapshot().expected;
    let of_method: Vec<_> = expected
        .iter()
        .filter(|(method, _)| &**method == "expects")
        .map(|(_, kind)| &**kind)
        .collect();
    assert_eq!(of_method.len(), 2);
    assert!(of_method.contains(&"THROTTLED") && of_method.contains(&"GONE"));
}

#[test]
fn a_panic_may_be_expected() {
    let probe = rules();
    assert!(probe.catch(|| ready(expects_panics(true))).is_err());
    let recorded = probe.recorded();
    recorded.assert_exactly([call("expects_panics").panicked()]);
    assert_eq!(
        (recorded.task("expects_panics"), recorded.task("default")),
        (None, None)
    );
}

thread_local! {
    static SEEN: Cell<u32> = const { Cell::new(0) };
}

fn seen<T>(_: &T) -> bool {
    SEEN.set(SEEN.get() + 1);
    true
}

#[monitored(ok_if = seen)]
fn looked_at() -> u8 {
    1
}

#[monitored(ok_if = seen::<Result<u8, String>>)]
async fn looked_at_async() -> Result<u8, String> {
    pause().await;
    Ok(1)
}

#[test]
fn a_predicate_runs_once_a_call_and_not_where_none_is_made() {
    let before = SEEN.get();
    let (_, recorded) = testing::record(|| {
        looked_at();
        assert_eq!(SEEN.get(), before + 1);
        drop(looked_at_async());
        assert_eq!(SEEN.get(), before + 1);
        assert_eq!(ready(looked_at_async()), Ok(1));
        assert_eq!(SEEN.get(), before + 2);
    });
    recorded.assert_exactly([
        call("looked_at").success(),
        call("looked_at_async").success(),
    ]);
}

#[test]
fn a_predicate_may_see_the_functions_arguments_by_its_own_only() {
    /// A predicate captures nothing of the call: it sees constants and statics alone.
    const LIMIT: usize = 3;
    #[monitored(error_if = |text: &String| text.len() > LIMIT)]
    fn limited(text: &str) -> String {
        text.to_owned()
    }
    let (_, recorded) = testing::record(|| (limited("abc"), limited("abcd")));
    recorded.assert_exactly([call("limited").success(), call("limited").failure("other")]);
}
