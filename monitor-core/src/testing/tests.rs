//! Code is recorded on every executor; the messages of failed assertions are tested in `messages`.

mod executors;
mod messages;

use std::any::Any;
use std::time::Duration;

use crate::testing::{Recorder, call, record, task, task_run, value};
use crate::{Keep, Method, Outcome, StatValue, TaskStatus};

/// A method of the monitor in force, as a call site would find it.
fn method(recorder: &Recorder, name: &str) -> Method {
    recorder.method(name).expect("a good name")
}

fn end(recorder: &Recorder, name: &str, outcome: Outcome<'_>) {
    method(recorder, name).start().finish(outcome);
}

/// The message of a panic.
fn message(panic: Box<dyn Any + Send>) -> String {
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => (*panic.downcast::<&str>().expect("a text")).to_owned(),
    }
}

#[test]
fn each_way_a_call_can_end_is_told() {
    let recorder = Recorder::builder()
        .errors("CONNECTION_ERROR", ["refused"])
        .build();
    end(&recorder, "Get", Outcome::Success);
    end(&recorder, "Get", Outcome::Success);
    end(&recorder, "Get", Outcome::ErrorType("refused"));
    end(&recorder, "Get", Outcome::ErrorType("not listed"));
    end(&recorder, "Get", Outcome::Expected("refused"));
    end(&recorder, "Get", Outcome::Panic);
    drop(method(&recorder, "Get").start());
    let running = method(&recorder, "Get").start();
    let recorded = recorder.recorded();
    recorded.assert_exactly([
        call("Get").success().times(2),
        call("Get").failure("refused").times(2),
        call("Get").failure("other"),
        call("Get").panicked(),
        call("Get").cancelled(),
        call("Get").in_flight(),
    ]);
    assert_eq!(recorded.calls("Get"), 8);
    assert_eq!(recorded.calls("Put"), 0);
    assert_eq!(
        recorded.count(call("Get").failure("refused").times(9)),
        2,
        "as recorded, not as expected"
    );
    drop(running);
}

#[test]
fn several_expectations_of_the_same_add_up() {
    let recorder = Recorder::new();
    for size in [10, 20] {
        let mut put = method(&recorder, "Put").start();
        put.request_size(size);
        recorder.advance(Duration::from_secs(size));
    }
    recorder.recorded().assert_exactly([
        call("Put").cancelled(),
        call("Put").cancelled(),
        call("Put").request_size(20),
        call("Put").request_size(10),
        call("Put").took(Duration::from_secs(10)),
        call("Put").took(Duration::from_secs(20)),
    ]);
}

#[test]
fn observed_values_are_told_one_by_one() {
    let recorder = Recorder::new();
    for tokens in [12.0, 15.0, 12.0] {
        let mut complete = method(&recorder, "Complete").start();
        complete.observe("tokens", tokens);
        complete.observe("tokens___model__small", 1.0);
        complete.deadline(Some(Duration::from_secs(3)));
        complete.response_size(100);
        recorder.advance(Duration::from_secs(1));
        complete.finish(Outcome::Success);
    }
    let recorded = recorder.recorded();
    recorded.assert_exactly([
        call("Complete").success().times(3),
        call("Complete").observed("tokens", [12, 15, 12]),
        call("Complete").observed("tokens___model__small", [1.0; 3]),
        call("Complete").response_size(100).times(3),
        call("Complete").deadline(Duration::from_secs(3)).times(3),
        call("Complete")
            .deadline_at_end(Duration::from_secs(2))
            .times(3),
        call("Complete").took(Duration::from_secs(3)),
    ]);
    assert_eq!(recorded.observed("Complete", "tokens"), [12.0, 12.0, 15.0]);
    assert_eq!(recorded.took("Complete"), Duration::from_secs(3));
}

#[test]
fn of_values_a_call_observed_twice_the_number_and_the_sum_are_told() {
    let recorder = Recorder::new();
    let mut list = method(&recorder, "List").start();
    for size in [1.0, 2.0, 4.0] {
        list.observe("page_size", size);
    }
    list.finish(Outcome::Success);
    let recorded = recorder.recorded();
    assert_eq!(
        recorded.to_string(),
        "1 x List success\nList observed page_size [4] and 2 more, 7 in all\n"
    );
    recorded.assert_includes([call("List").observed("page_size", [1, 2, 4])]);
    let wrong = || recorded.assert_includes([call("List").observed("page_size", [1, 3, 4])]);
    assert!(recorder.catch(wrong).is_err());
}

#[test]
fn a_phase_begins_where_the_last_one_ended() {
    let recorder = Recorder::new();
    let observe = |name, value| method(&recorder, name).start().observe("tokens", value);
    let running = method(&recorder, "Watch").start();
    observe("Get", 1.0);
    recorder.inc_stats("jobs", 1).expect("a number");
    recorder.take().assert_exactly([
        call("Get").cancelled(),
        call("Get").observed("tokens", [1]),
        call("Watch").in_flight(),
        value("jobs", 1),
    ]);
    recorder.take().assert_exactly([call("Watch").in_flight()]);
    observe("Get", 1.0);
    running.finish(Outcome::Success);
    let phase = recorder.take();
    phase.assert_exactly([
        call("Get").cancelled(),
        call("Get").observed("tokens", [1]),
        call("Watch").success(),
    ]);
    recorder.take().assert_nothing();
    assert!(recorder.take().is_empty());
    assert_eq!(recorder.recorded().calls("Get"), 2, "since the start");
    assert_eq!(phase.snapshot().methods.len(), 2);
}

#[test]
fn a_phase_after_a_full_window_still_tells_its_own_values() {
    let recorder = Recorder::new();
    let observe = |value| method(&recorder, "Get").start().observe("tokens", value);
    (0..120).for_each(|_| observe(1.0));
    recorder.take();
    observe(1.0);
    observe(7.0);
    recorder.take().assert_exactly([
        call("Get").cancelled().times(2),
        call("Get").observed("tokens", [1, 7]),
    ]);
}

#[test]
fn values_by_key_are_told_as_they_are_at_the_end() -> Result<(), crate::StatsError> {
    let recorder = Recorder::new();
    recorder.inc_stats("jobs___queue__fast", 1)?;
    recorder.inc_stats("jobs___queue__fast", 0.5)?;
    recorder.set_stats("whole", 2.0)?;
    recorder.set_stats("version", "1.2")?;
    recorder.append_stats("wait time", 0.5, Keep::Default)?;
    recorder.add_key_value("peers", "a", 1)?;
    recorder.add_key_value("tasks", "t", 1e9)?;
    recorder.take().assert_exactly([
        value("jobs___queue__fast", 1.5),
        value("whole", 2),
        value("version", "1.2"),
        value("wait time", vec![0.5]),
        value("peers", [("a", 1)].into_iter().collect::<StatValue>()),
        value("tasks", [("t", 1e9)].into_iter().collect::<StatValue>()),
    ]);
    recorder.set_stats("version", "1.2")?;
    recorder.set_stats("whole", f64::NAN)?;
    recorder.take().assert_exactly([value("whole", f64::NAN)]);
    recorder.set_stats("whole", f64::NAN)?;
    recorder.take().assert_nothing();
    Ok(())
}

#[test]
fn a_list_that_keeps_one_value_is_told_each_time() -> Result<(), crate::StatsError> {
    let recorder = Recorder::new();
    for _ in 0..2 {
        recorder.append_stats("wait time", 0.5, Keep::from_max_count(1))?;
        let recorded = recorder.take();
        recorded.assert_exactly([value("wait time", vec![0.5])]);
    }
    Ok(())
}

#[test]
fn a_status_set_through_the_api_is_told() {
    let recorder = Recorder::new();
    recorder.set_task_status(TaskStatus::Ok, "database");
    recorder.set_status(Some("other"));
    recorder.take().assert_exactly([
        task("database", TaskStatus::Ok),
        task_run("default", TaskStatus::OtherException, 1),
    ]);
    recorder.set_task_status(TaskStatus::Ok, "database");
    let recorded = recorder.take();
    recorded.assert_exactly([task_run("database", TaskStatus::Ok, 2)]);
    assert_eq!(recorded.task("database"), Some((TaskStatus::Ok, 2)));
    assert_eq!(recorded.task("default"), None);
}

#[test]
fn a_status_that_calls_set_is_compared_where_it_is_named() {
    let recorder = Recorder::new();
    end(&recorder, "Get", Outcome::Success);
    let recorded = recorder.recorded();
    recorded.assert_exactly([call("Get").success()]);
    recorded.assert_exactly([
        call("Get").success(),
        task_run("Get", TaskStatus::Ok, 1),
        task("default", TaskStatus::Ok),
    ]);
    let wrong = || {
        recorded.assert_exactly([call("Get").success(), task("default", TaskStatus::Fatal)]);
    };
    assert!(recorder.catch(wrong).is_err());
}

#[test]
fn a_method_that_is_known_but_not_called_is_nothing() {
    let mut config = crate::StorageConfig::default();
    config.methods.push("Get".into());
    let recorder = Recorder::builder().config(config).build();
    recorder.recorded().assert_nothing();
    assert_eq!(recorder.snapshot().methods.len(), 1);
}

#[test]
fn a_recorder_on_the_systems_clock_sees_time_pass() {
    let recorder = Recorder::builder().system_clock().build();
    let get = method(&recorder, "Get").start();
    std::thread::sleep(Duration::from_millis(2));
    drop(get);
    assert!(recorder.recorded().took("Get") >= Duration::from_millis(1));
}

#[test]
fn what_a_closure_gives_is_given_back() {
    let text = String::from("borrowed");
    let (len, recorded) = record(|| text.len());
    assert_eq!(len, 8);
    assert!(recorded.is_empty());
    assert_eq!(recorded.to_string(), "");
    assert_eq!(format!("{recorded:?}"), "[]");
}

#[test]
fn label_sets_are_told_apart() -> Result<(), Box<dyn std::error::Error>> {
    let recorder = Recorder::new();
    for (tier, tokens) in [("free", 1.0), ("paid", 2.0), ("free", 3.0)] {
        let get = method(&recorder, "Get").with_labels(&[("tier", tier), ("kind", "a")])?;
        let mut get = get.start();
        get.observe("tokens", tokens);
        get.finish(Outcome::Success);
    }
    let get = |tier| call("Get").label("tier", tier).label("kind", "a");
    let all = recorder.recorded();
    all.assert_exactly([
        get("free").success().times(2),
        get("paid").success(),
        get("free").observed("tokens", [1, 3]),
        get("paid").observed("tokens", [2]),
    ]);
    assert_eq!(all.calls("Get"), 3, "whatever their labels");
    assert_eq!(all.observed("Get", "tokens"), [1.0, 2.0, 3.0]);
    assert_eq!(all.count(call("Get").success()), 0, "without labels");
    Ok(())
}

/// `Serve` makes two calls of `Load`, and a third has no caller.
fn serve(recorder: &Recorder) {
    recorder.scope_sync(|| {
        let serve = method(recorder, "Serve").start();
        serve.run(|| (0..2).for_each(|_| end(recorder, "Load", Outcome::Success)));
        end(recorder, "Load", Outcome::Success);
        serve.finish(Outcome::Success);
    });
}

#[test]
fn callers_are_compared_where_a_test_names_one() {
    let recorder = Recorder::new();
    serve(&recorder);
    let recorded = recorder.take();
    let calls = || [call("Serve").success(), call("Load").success().times(3)];
    recorded.assert_exactly(calls());
    let callers = [
        call("Serve").entry(),
        call("Load").called_by("Serve").times(2),
        call("Load").entry(),
        call("Load").called_by("Tick").times(0),
    ];
    recorded.assert_exactly(calls().into_iter().chain(callers.clone()));
    recorded.assert_includes(callers);
    assert_eq!(recorded.count(call("Load").called_by("Serve")), 2);
    assert_eq!(recorded.count(call("Load").called_by("Load")), 0);
    assert_eq!(recorded.calls("Load"), 3);
    assert_eq!(
        recorded.to_string(),
        "3 x Load success\n1 x Serve success\n"
    );
}

#[test]
fn a_call_has_its_caller_in_the_phase_it_began_in() -> Result<(), Box<dyn std::error::Error>> {
    let recorder = Recorder::new();
    serve(&recorder);
    recorder.take();
    let free = method(&recorder, "Load").with_labels(&[("tier", "free")])?;
    let serve = method(&recorder, "Serve").start();
    let load = recorder.scope_sync(|| serve.run(|| free.start()));
    let free = || call("Load").label("tier", "free");
    recorder.take().assert_exactly([
        call("Serve").in_flight(),
        free().in_flight(),
        free().called_by("Serve"),
    ]);
    drop((serve, load));
    recorder.take().assert_exactly([
        call("Serve").cancelled(),
        free().cancelled(),
        free().called_by("Serve").times(0),
    ]);
    Ok(())
}
