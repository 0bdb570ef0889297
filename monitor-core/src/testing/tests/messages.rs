//! What a failed assertion says, to the letter.

use std::time::Duration;

use super::{end, message, method, serve};
use crate::testing::{Expected, Recorded, Recorder, call, task, task_run, value};
use crate::{Keep, Outcome, StatValue, TaskStatus};

const HEAD: &str = "recorded and expected amounts differ (- expected, + recorded):\n\n";

/// What `assert_exactly` says.
#[track_caller]
fn exactly<const N: usize>(recorded: &Recorded, expected: [Expected; N]) -> String {
    failure(|| recorded.assert_exactly(expected))
}

/// What a failing assertion says after its first line.
#[track_caller]
fn failure(assertion: impl FnOnce()) -> String {
    let text = panic_of(assertion);
    text.strip_prefix(HEAD).map(str::to_owned).expect(&text)
}

#[track_caller]
fn panic_of(run: impl FnOnce()) -> String {
    let caught = Recorder::new().catch(run);
    message(caught.expect_err("it fails"))
}

#[test]
fn counts_that_differ_stand_one_below_the_other() {
    let recorder = Recorder::new();
    end(&recorder, "Get", Outcome::Success);
    end(&recorder, "Get", Outcome::ErrorType("other"));
    end(&recorder, "Put", Outcome::Panic);
    let expected = [
        call("Get").success(),
        call("Get").failure("other").times(3),
        call("List").cancelled(),
    ];
    assert_eq!(
        exactly(&recorder.recorded(), expected),
        "    1 x Get success\n  \
         - 3 x Get failure other\n  \
         + 1 x Get failure other\n  \
         - 1 x List failure cancelled\n  \
         + 1 x Put failure panic\n"
    );
}

#[test]
fn labels_are_part_of_what_is_expected() {
    let recorder = Recorder::new();
    end(&recorder, "Get", Outcome::Success);
    let expected = [call("Get")
        .label("tier", "a\"b")
        .label("kind", "x")
        .success()];
    assert_eq!(
        exactly(&recorder.recorded(), expected),
        "  + 1 x Get success\n  - 1 x Get{kind=\"x\",tier=\"a\\\"b\"} success\n"
    );
}

#[test]
fn values_calls_observed_are_shown_in_order() {
    let recorder = Recorder::new();
    for size in [200, 100] {
        method(&recorder, "Get").start().request_size(size);
    }
    recorder.advance(Duration::from_millis(10));
    let expected = [
        call("Get").cancelled().times(2),
        call("Get").request_size(100).times(2),
        call("Get").observed("tokens", [0.5]),
        call("Get").took(Duration::from_millis(3)),
    ];
    assert_eq!(
        exactly(&recorder.recorded(), expected),
        "    2 x Get failure cancelled\n  \
         - Get observed request_size [100, 100]\n  \
         + Get observed request_size [100, 200]\n  \
         - Get observed tokens [0.5]\n  \
         - Get took 3ms\n  \
         + Get took 0ns\n"
    );
}

#[test]
fn values_by_key_and_statuses_are_shown() -> Result<(), crate::StatsError> {
    let recorder = Recorder::new();
    recorder.set_stats("a", 1.0)?;
    recorder.set_stats("b", ())?;
    recorder.append_stats("c", "text", Keep::Default)?;
    recorder.add_key_value("d", "k", true)?;
    recorder.append_stats("wait time", -1.0, Keep::Default)?;
    recorder.set_task_status(TaskStatus::Fatal, "database");
    recorder.set_task_status(TaskStatus::Ok, "cache");
    let map: StatValue = [("k", 1)].into_iter().collect();
    let expected = [
        value("a", 1),
        value("b", 2),
        value("d", map),
        task("database", TaskStatus::Ok),
        task_run("cache", TaskStatus::Ok, 2),
    ];
    assert_eq!(
        exactly(&recorder.recorded(), expected),
        "  - task cache is OK, 2 in a row\n  \
         + task cache is OK, 1 in a row\n  \
         - task database is OK\n  \
         + task database is FATAL, 1 in a row\n    \
         value a = 1\n  \
         - value b = 2\n  \
         + value b = null\n  \
         + value c = [\"text\"]\n  \
         - value d = {\"k\": 1}\n  \
         + value d = {\"k\": true}\n  \
         + value wait time = [-1.0]\n  \
         + 1 x refused observation\n"
    );
    Ok(())
}

#[test]
fn callers_that_differ_are_shown_with_all_callers_of_the_call() {
    let recorder = Recorder::new();
    serve(&recorder);
    let recorded = recorder.recorded();
    let calls = [call("Serve").success(), call("Load").success().times(3)];
    let expected = [call("Load").called_by("Serve").times(3)];
    let assertion = || recorded.assert_exactly(calls.into_iter().chain(expected.clone()));
    assert_eq!(
        failure(assertion),
        "    3 x Load success\n  \
         + 1 x Load entry call\n  \
         - 3 x Load called by Serve\n  \
         + 2 x Load called by Serve\n    \
         1 x Serve success\n\n\
         hint: calls of a task or thread that was spawned have no caller, unless it runs in `here()`\n"
    );
    let assertion = || recorded.assert_includes([call("Serve").called_by("Load")]);
    assert_eq!(
        failure(assertion),
        "  - 1 x Serve called by Load\n\nalso recorded:\n\n    3 x Load success\n    1 x Serve success\n\n\
         hint: calls of a task or thread that was spawned have no caller, unless it runs in `here()`\n"
    );
}

#[test]
fn what_is_included_is_shown_apart_from_the_rest() {
    let recorder = Recorder::new();
    end(&recorder, "Get", Outcome::Success);
    end(&recorder, "Put", Outcome::Success);
    let recorded = recorder.recorded();
    let assertion = || {
        recorded.assert_includes([
            call("Get").success(),
            call("Get").panicked().times(0),
            call("Put").success().times(0),
        ]);
    };
    assert_eq!(
        failure(assertion),
        "    1 x Get success\n  - 0 x Put success\n  + 1 x Put success\n"
    );
    let assertion = || recorded.assert_nothing();
    assert_eq!(
        failure(assertion),
        "  + 1 x Get success\n  + 1 x Put success\n"
    );
    let assertion = || recorded.assert_includes([call("Get").success().times(2)]);
    assert_eq!(
        failure(assertion),
        "  - 2 x Get success\n  + 1 x Get success\n\nalso recorded:\n\n    1 x Put success\n"
    );
}

#[test]
fn a_hint_says_what_the_test_may_have_missed() {
    let nothing = Recorder::new();
    let unlisted = Recorder::new();
    end(&unlisted, "Get", Outcome::ErrorType("refused"));
    let running = Recorder::new();
    let _get = method(&running, "Get").start();
    for (recorder, expected, text) in [
        (
            nothing,
            call("Get").success(),
            "  - 1 x Get success\n\n\
             hint: nothing was recorded; a task or thread that was spawned inside a scope needs one of its own: \
             `recorder.scope(..)`\n",
        ),
        (
            unlisted,
            call("Get").failure("refused"),
            "  + 1 x Get failure other\n  - 1 x Get failure refused\n\n\
             hint: the monitor knows no error type `refused`, so its errors are `other`; \
             `Recorder::builder().errors(status, [\"refused\"])` tells it\n",
        ),
        (
            running,
            call("Get").success(),
            "  - 1 x Get success\n  + 1 x Get in flight\n\n\
             hint: calls are in flight; `recorder.wait(limit)` waits for their end\n",
        ),
    ] {
        assert_eq!(exactly(&recorder.recorded(), [expected]), text);
    }
}

#[test]
fn the_failure_is_at_the_assertion() {
    let (tell, told) = std::sync::mpsc::channel();
    let here = std::thread::current().id();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() == here {
            // The receiver is gone once this test is over.
            let _ = tell.send(info.location().map(std::panic::Location::line));
        }
        before(info);
    }));
    let recorded = Recorder::new().recorded();
    let lines = [1, 2, 3].map(|below| line!() + below);
    panic_of(|| recorded.assert_exactly([call("Get").success()]));
    panic_of(|| recorded.assert_includes([call("Get").success()]));
    panic_of(|| drop(Recorder::builder().errors("FATAL", [""]).build()));
    let told: Vec<_> = told.try_iter().collect();
    assert_eq!(told, lines.map(Some));
}

#[test]
fn what_can_be_there_only_once_is_expected_only_once() {
    let recorded = Recorder::new().recorded();
    let twice = || recorded.assert_exactly([value("jobs", 1), value("jobs", 1)]);
    assert_eq!(panic_of(twice), "`value jobs` is expected twice");
    let times = || drop(task("database", TaskStatus::Ok).times(2));
    assert_eq!(
        panic_of(times),
        "`task database` is there or not: it has no times"
    );
}

#[test]
fn a_clock_that_is_not_the_recorders_is_not_moved() {
    let recorder = Recorder::builder().system_clock().build();
    assert_eq!(
        panic_of(|| recorder.advance(Duration::ZERO)),
        "this recorder does not own its clock: only that of a new one can be moved"
    );
    let rules = || drop(Recorder::builder().errors("FATAL", [" "]).build());
    assert_eq!(
        panic_of(rules),
        "errors.FATAL.service_errors[0]: ` ` is blank and would be found in every error"
    );
}

#[test]
fn an_expectation_reads_as_its_line() {
    let expected = call("Get").label("tier", "free").failure("other").times(2);
    assert_eq!(expected.to_string(), "2 x Get{tier=\"free\"} failure other");
    assert_eq!(format!("{expected:?}"), expected.to_string());
    assert_eq!(format!("{:?}", call("Get")), "call Get");
    let callers = [call("Watch").entry(), call("Watch").called_by("Serve")];
    let lines = callers.map(|one| one.to_string());
    assert_eq!(lines, ["1 x Watch entry call", "1 x Watch called by Serve"]);
    let items = [call("Watch").items(2), call("Watch").failed_items(1)];
    let lines = items.map(|one| one.to_string());
    assert_eq!(lines, ["2 x Watch item", "1 x Watch failed item"]);
}
