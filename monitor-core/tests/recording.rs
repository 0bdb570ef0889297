//! The recording path through the public API: what calls leave behind, wherever and however they end.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::Duration;

use monitor_core::family::Histogram;
use monitor_core::snapshot::{MethodSnapshot, Snapshot};
use monitor_core::{
    CallGuard, Clock, DEFAULT_TASK, ErrorRules, Keep, ManualClock, Method, Monitor, Outcome,
    StatusRule, StorageConfig, TaskStatus, names,
};

fn manual() -> (Monitor, ManualClock) {
    let (clock, hand) = Clock::manual(1_700_000_000.0);
    (Monitor::with_clock(StorageConfig::default(), clock), hand)
}

fn limited(max_series: usize) -> Monitor {
    let mut config = StorageConfig::default();
    config.max_series = max_series;
    Monitor::with_clock(config, Clock::manual(0.0).0)
}

/// A configuration where the first error of this type is unhealthy.
fn with_rule(status: &str, word: &str) -> StorageConfig {
    let rules = ErrorRules::try_new([StatusRule {
        status: status.to_owned(),
        service_errors: vec![word.to_owned()],
        unhealthy: 1,
    }]);
    let mut config = StorageConfig::default();
    config.errors = rules.expect("a good rule");
    config
}

fn method(monitor: Monitor, name: &str) -> Method {
    monitor.method(name).expect("a good name")
}

fn only(snapshot: &Snapshot) -> &MethodSnapshot {
    assert_eq!(snapshot.methods.len(), 1);
    &snapshot.methods[0]
}

fn errors(snapshot: &Snapshot) -> Vec<(&str, u64)> {
    let types = snapshot.error_types.iter().map(|name| &**name);
    let counts = types.zip(only(snapshot).errors.iter().copied());
    counts.filter(|(_, count)| *count > 0).collect()
}

#[test]
fn every_outcome_is_counted_as_the_table_says() {
    let (monitor, hand) = manual();
    let get = method(monitor, "Get");
    for (outcome, status, run) in [
        (Outcome::Success, TaskStatus::Ok, 1),
        (Outcome::Cancelled, TaskStatus::Ok, 1),
        (Outcome::Expected("not found"), TaskStatus::Ok, 1),
        (
            Outcome::ErrorType("no such type"),
            TaskStatus::OtherException,
            1,
        ),
        (Outcome::ErrorType("other"), TaskStatus::OtherException, 2),
        (Outcome::Panic, TaskStatus::Internal, 1),
    ] {
        let call = get.start();
        hand.advance(Duration::from_millis(250));
        let what = format!("{outcome:?}");
        call.finish(outcome);
        let found = &monitor.statuses()[0];
        assert_eq!((found.status, found.run), (status, run), "{what}");
    }

    let snapshot = monitor.snapshot();
    let expected = [("other", 3), ("panic", 1), ("cancelled", 1)];
    assert_eq!(errors(&snapshot), expected);
    let get = only(&snapshot);
    assert_eq!((get.success.count(), get.failure.count()), (1, 5));
    assert!((get.success.sum - 0.25).abs() < 1e-12);
    assert!((get.failure.sum - 1.25).abs() < 1e-12);
    let own = &monitor.method_statuses()[0];
    assert_eq!((&*own.task, own.status), ("Get", TaskStatus::Internal));
}

struct CallsWhileUnwinding(Method);
impl Drop for CallsWhileUnwinding {
    fn drop(&mut self) {
        drop(self.0.start());
        self.0.start().finish(Outcome::Success);
    }
}

#[test]
fn a_dropped_call_is_cancelled_and_one_that_unwinds_is_a_panic() {
    let (monitor, _) = manual();
    let get = method(monitor, "Get");
    drop(get.start());
    let unwound = std::panic::catch_unwind(|| {
        let _call = get.start();
        panic!("on purpose");
    });
    assert!(unwound.is_err());
    let unwound = std::panic::catch_unwind(|| {
        let _last = CallsWhileUnwinding(get);
        panic!("on purpose");
    });
    assert!(unwound.is_err());
    let snapshot = monitor.snapshot();
    assert_eq!(errors(&snapshot), [("panic", 1), ("cancelled", 2)]);
    assert_eq!(only(&snapshot).success.count(), 1);
}

#[test]
fn tasks_in_flight_have_ages() {
    let (monitor, hand) = manual();
    let get = method(monitor, "Get");
    let first = get.start();
    hand.advance(Duration::from_secs(2));
    let rest: Vec<CallGuard> = (0..40).map(|_| get.start()).collect();
    hand.advance(Duration::from_secs(1));
    let tasks = monitor.snapshot().tasks;
    let counts = (tasks.started, tasks.completed, tasks.in_flight);
    assert_eq!(counts, (41, 0, 41));
    assert!((tasks.current_seconds - 43.0).abs() < 1e-9);
    assert!((tasks.current_max_seconds - 3.0).abs() < 1e-9);
    first.finish(Outcome::Success);
    rest.into_iter().for_each(drop);
    let tasks = monitor.snapshot().tasks;
    assert_eq!((tasks.completed, tasks.in_flight), (41, 0));
    assert!((tasks.current_seconds).abs() < 1e-9);
    assert!((tasks.completed_seconds - 43.0).abs() < 1e-9);
    assert!((tasks.busy_seconds - 43.0).abs() < 1e-9);
}

#[test]
fn means_are_over_the_last_hundred_and_the_last_five_calls_of_all_threads() {
    let (monitor, hand) = manual();
    let get = method(monitor, "Get");
    let call = |seconds: u64, tokens: Option<f64>| {
        let mut call = get.start();
        if let Some(tokens) = tokens {
            call.observe("tokens", tokens);
        }
        hand.advance(Duration::from_secs(seconds));
        call.finish(Outcome::Success);
    };
    let elsewhere = |calls: u32, seconds, tokens| {
        let calls = move || (0..calls).for_each(|_| call(seconds, Some(tokens)));
        let ended = std::thread::scope(|scope| scope.spawn(calls).join());
        assert!(ended.is_ok());
    };
    elsewhere(100, 16, 1000.0);
    (0..95).for_each(|_| call(1, Some(4.0)));
    elsewhere(3, 2, 8.0);
    (0..2).for_each(|_| call(4, None));
    let snapshot = monitor.snapshot();
    let means = only(&snapshot).duration.expect("calls ended");
    assert_eq!(means.window, Some((95.0 + 6.0 + 8.0) / 100.0));
    assert_eq!(means.last, Some((6.0 + 8.0) / 5.0));
    let tokens = &only(&snapshot).values[0];
    assert_eq!(tokens.key.name(), "tokens");
    assert_eq!(tokens.means.window, Some((95.0 * 4.0 + 3.0 * 8.0) / 98.0));
    assert_eq!(tokens.means.last, Some(8.0));
    assert_eq!(tokens.histogram, None);
}

#[test]
fn what_is_no_time_and_no_size_is_in_no_sum() {
    let (monitor, _) = manual();
    let method = method(monitor, "Get");
    let year = Duration::from_hours(365 * 24);
    let endless = [
        Duration::MAX,
        Duration::from_secs(u64::MAX),
        Duration::from_secs(i64::MAX.unsigned_abs()),
        Duration::from_millis(u64::MAX),
        Duration::from_micros(u64::MAX),
        Duration::from_nanos(u64::MAX),
        100 * year,
    ];
    for left in endless {
        let mut call = method.start();
        call.deadline(Some(left));
        for bytes in [u64::MAX, u64::MAX - 1, i64::MAX.unsigned_abs()] {
            call.request_size(bytes);
            call.response_size(bytes);
        }
        call.finish(Outcome::Success);
    }
    assert!(
        only(&monitor.snapshot()).values.is_empty(),
        "nothing is noted"
    );

    let mut call = method.start();
    call.deadline(Some(99 * year));
    call.request_size(1 << 40);
    let odd = [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, f64::MAX, 1e300];
    for value in odd.into_iter().chain([2f64.powi(63), -1.0, 2.0]) {
        call.observe("wait_time", value);
        call.observe("page_size", value);
    }
    call.finish(Outcome::Success);
    let snapshot = monitor.snapshot();
    let sums = only(&snapshot).values.iter().map(|value| {
        let histogram = value.histogram.as_ref().expect("times and sizes have one");
        (value.key.name(), histogram.count(), histogram.sum)
    });
    let sums = sums.map(|(name, count, sum)| (name, (count, sum)));
    let sums: BTreeMap<_, _> = sums.collect();
    let left = (99 * year).as_secs_f64();
    let wanted = BTreeMap::from([
        ("page_size", (1, 2.0)),
        ("request_size", (1, 2f64.powi(40))),
        ("time_remaining_after_time", (1, left)),
        ("time_remaining_time", (1, left)),
        ("wait_time", (1, 2.0)),
    ]);
    assert_eq!(sums, wanted);
}

#[test]
fn a_histogram_by_key_takes_what_the_original_s_takes() {
    let (monitor, _) = manual();
    let odd = [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e300];
    for value in odd.into_iter().chain([2f64.powi(63), 2.0]) {
        let appended = monitor.append_stats("queue_time", value, Keep::Default);
        appended.expect("a list");
    }
    let snapshot = monitor.snapshot();
    let histogram = &snapshot.values.histograms[0].histogram;
    assert_eq!((histogram.count(), histogram.sum), (4, f64::INFINITY));
    assert_eq!(snapshot.values.refused_observations, 2);

    // A number by key ends at no limit of its type, and is what it is set to.
    for by in [i64::MAX, i64::MAX, i64::MIN] {
        monitor.inc_stats("jobs", by).expect("a number");
    }
    monitor.inc_stats("jobs", f64::INFINITY).expect("a number");
    monitor.set_stats("jobs", 1).expect("a number");
    assert_eq!(monitor.inc_stats("jobs", 1), Ok(2.into()));
}

#[test]
fn a_call_may_end_on_any_thread() {
    let (monitor, hand) = manual();
    let get = method(monitor, "Get");
    let (send, receive) = mpsc::channel::<CallGuard>();
    let ender = std::thread::spawn(move || {
        for (call, i) in receive.into_iter().zip(0..) {
            match i % 3 {
                0 => call.finish(Outcome::Success),
                1 => call.finish(Outcome::ErrorType("other")),
                _ => drop(call),
            }
        }
    });
    for _ in 0..3000 {
        let mut call = get.start();
        call.observe("tokens", 1.0);
        hand.advance(Duration::from_micros(1));
        assert!(send.send(call).is_ok());
    }
    drop(send);
    assert!(ender.join().is_ok());
    let snapshot = monitor.snapshot();
    let get = only(&snapshot);
    assert_eq!((get.started, get.in_flight), (3000, 0));
    assert_eq!((get.success.count(), get.failure.count()), (1000, 2000));
    assert_eq!(errors(&snapshot), [("other", 1000), ("cancelled", 1000)]);
    assert_eq!(get.values[0].means.window, Some(1.0));
    assert!(snapshot.tasks.current_seconds.abs() < 1e-12);
}

#[test]
fn calls_in_destructors_of_thread_locals_are_counted() {
    struct CallsAtExit(std::cell::RefCell<Option<Method>>);
    impl Drop for CallsAtExit {
        fn drop(&mut self) {
            if let Some(method) = self.0.take() {
                method.start().finish(Outcome::Success);
                drop(method.start());
            }
        }
    }
    thread_local! {
        static BEFORE: CallsAtExit = const { CallsAtExit(std::cell::RefCell::new(None)) };
        static AFTER: CallsAtExit = const { CallsAtExit(std::cell::RefCell::new(None)) };
    }
    let (monitor, _) = manual();
    let get = method(monitor, "Get");
    for _ in 0..10 {
        let thread = std::thread::spawn(move || {
            BEFORE.with(|cell| cell.0.replace(Some(get)));
            get.start().finish(Outcome::Success);
            AFTER.with(|cell| cell.0.replace(Some(get)));
        });
        assert!(thread.join().is_ok());
    }
    let snapshot = monitor.snapshot();
    let get = only(&snapshot);
    assert_eq!((get.started, get.in_flight), (50, 0));
    assert_eq!((get.success.count(), get.failure.count()), (30, 20));
}

#[test]
fn a_scope_records_in_its_own_storage_and_ends_with_its_closure() {
    let (outer, _) = manual();
    let (inner, _) = manual();
    let site: &'static monitor_core::__private::CallSite = {
        use monitor_core::__private::{CallSite, SiteSettings};
        static SITE: CallSite = CallSite::new("Get", file!(), line!(), SiteSettings::NONE);
        &SITE
    };
    let call = || CallGuard::start(site).finish(Outcome::Success);
    outer.scope_sync(|| {
        call();
        let unwound = std::panic::catch_unwind(|| {
            inner.scope_sync(|| {
                call();
                call();
                panic!("on purpose");
            });
        });
        assert!(unwound.is_err());
        call();
    });
    assert_eq!(only(&outer.snapshot()).success.count(), 2);
    assert_eq!(only(&inner.snapshot()).success.count(), 2);
}

#[test]
fn a_call_belongs_to_the_storage_it_started_in() {
    let (outer, _) = manual();
    let (inner, _) = manual();
    let here = outer.scope_sync(|| method(outer, "Get").start());
    inner.scope_sync(|| here.finish(Outcome::Success));
    let there = method(outer, "Get").start();
    there.finish(Outcome::Success);
    assert!(inner.snapshot().methods.is_empty());
    let snapshot = outer.snapshot();
    assert_eq!(only(&snapshot).success.count(), 2);
    assert_eq!(only(&snapshot).in_flight, 0);
}

/// Calls of a method in the global storage.
fn global_calls(name: &str) -> u64 {
    let snapshot = Monitor::global().snapshot();
    let found = snapshot.methods.iter().find(|method| &*method.name == name);
    found.map_or(0, |method| method.success.count())
}

#[monitor_core::monitored(method = "outside any scope")]
fn outside_any_scope() {}

#[test]
fn a_call_of_another_storage_does_not_take_the_thread_over() {
    let (isolated, _) = manual();
    let get = method(isolated, "Get");
    let before = global_calls("outside any scope");
    let started_here = get.start();
    let ended_there = get.start();
    let thread = std::thread::spawn(move || {
        // A guard that only ends here, and calls that start and end here: neither puts their storage in force.
        ended_there.finish(Outcome::Success);
        outside_any_scope();
        get.start().finish(Outcome::Success);
        outside_any_scope();
    });
    assert!(thread.join().is_ok());
    outside_any_scope();
    started_here.finish(Outcome::Success);
    outside_any_scope();
    assert_eq!(global_calls("outside any scope"), before + 4);
    assert_eq!(only(&isolated.snapshot()).success.count(), 3);
}

#[test]
fn a_scope_reaches_the_destructors_of_its_future() {
    struct CallsWhenDropped;
    impl Drop for CallsWhenDropped {
        fn drop(&mut self) {
            outside_any_scope();
        }
    }
    let (isolated, _) = manual();
    let mut future = Box::pin(isolated.scope(async {
        let _last = CallsWhenDropped;
        std::future::pending::<()>().await;
    }));
    let context = &mut std::task::Context::from_waker(std::task::Waker::noop());
    assert!(future.as_mut().poll(context).is_pending());
    drop(future);
    assert_eq!(only(&isolated.snapshot()).success.count(), 1);
}

#[test]
fn a_call_that_observes_without_end_keeps_a_bounded_part() {
    let (monitor, _) = manual();
    let mut call = method(monitor, "Stream").start();
    for _ in 0..100_000 {
        call.observe("chunk size", 1.0);
    }
    call.finish(Outcome::Success);
    let snapshot = monitor.snapshot();
    let chunks = only(&snapshot).values[0].histogram.as_ref();
    assert_eq!(chunks.map(Histogram::count), Some(1024));
    assert_eq!(snapshot.values.overflowed_updates, 100_000 - 1024);
}

#[test]
fn values_past_the_limit_of_names_go_to_one_child() {
    let monitor = limited(3);
    let mut call = method(monitor, "Get").start();
    for id in 0..5 {
        call.observe(&format!("size___id__{id}"), 1.0);
    }
    call.finish(Outcome::Success);
    let snapshot = monitor.snapshot();
    let counts = only(&snapshot).values.iter().map(|value| {
        let count = value.histogram.as_ref().map_or(0, Histogram::count);
        (value.key.label("overflow"), count)
    });
    let counts: Vec<_> = counts.collect();
    assert_eq!(counts, [(None, 1), (None, 1), (None, 1), (Some("true"), 2)]);
    assert_eq!(snapshot.values.overflowed_updates, 2);
}

#[test]
fn each_size_past_the_limit_of_names_is_counted() {
    let monitor = limited(1);
    let get = method(monitor, "Get");
    for bytes in 1..=3 {
        let mut call = get.start();
        call.request_size(bytes);
        call.response_size(10 * bytes);
        call.finish(Outcome::Success);
    }
    let snapshot = monitor.snapshot();
    let sums = only(&snapshot).values.iter().map(|value| {
        let sum = value.histogram.as_ref().map_or(0.0, |sizes| sizes.sum);
        (value.key.name(), value.key.label("overflow"), sum)
    });
    let sums: Vec<_> = sums.collect();
    let expected = [
        ("request_size", None, 6.0),
        ("response_size", Some("true"), 60.0),
    ];
    assert_eq!(sums, expected);
    assert_eq!(snapshot.values.overflowed_updates, 3);
}

#[test]
fn the_sizes_of_two_methods_are_their_own() {
    let (monitor, _) = manual();
    for (name, bytes) in [("Get", 1), ("Put", 2), ("Get", 4)] {
        let mut call = method(monitor, name).start();
        call.response_size(bytes);
        call.request_size(100 * bytes);
        call.finish(Outcome::Success);
    }
    let snapshot = monitor.snapshot();
    let sums = snapshot.methods.iter().flat_map(|method| {
        let sum = |name: &str| {
            let mut values = method.values.iter();
            let value = values.find(|value| value.key.name() == name)?;
            value.histogram.as_ref().map(|sizes| sizes.sum)
        };
        ["request_size", "response_size"].map(|name| (&*method.name, sum(name)))
    });
    let expected = [
        ("Get", Some(500.0)),
        ("Get", Some(5.0)),
        ("Put", Some(200.0)),
        ("Put", Some(2.0)),
    ];
    assert_eq!(sums.collect::<Vec<_>>(), expected);
}

#[test]
fn sums_and_ages_outgrow_sixty_four_bits_of_ticks() {
    let (monitor, hand) = manual();
    let get = method(monitor, "Stream");
    let mut before = 0.0;
    for days in 1..=3 {
        let calls: Vec<CallGuard> = (0..100_000).map(|_| get.start()).collect();
        hand.advance(Duration::from_hours(24));
        let tasks = monitor.snapshot().tasks;
        assert!((tasks.current_seconds / 8.64e9 - 1.0).abs() < 1e-9);
        for call in calls {
            call.finish(Outcome::Success);
        }
        let tasks = monitor.snapshot().tasks;
        assert!((tasks.completed_seconds / (8.64e9 * f64::from(days)) - 1.0).abs() < 1e-9);
        assert!(tasks.completed_seconds > before);
        before = tasks.completed_seconds;
    }
}

#[test]
fn of_a_method_and_a_task_type_of_one_name_the_latter_counts_for_health() {
    let (monitor, _) = manual();
    monitor.configure(with_rule("OTHER_EXCEPTION", "other"));
    monitor.set_task_status(TaskStatus::Ok, "Get");
    let get = method(monitor, "Get").start();
    get.finish(Outcome::ErrorType("other"));
    method(monitor, "Put").start().finish(Outcome::Success);
    let health = monitor.health();
    for task in ["Get", "default"] {
        assert_eq!(health.component(task).map(|one| one.healthy), Some(true));
    }
}

#[test]
fn task_types_past_the_limit_are_one() {
    let monitor = limited(2);
    for task in ["a", "b", "c", "d", "a"] {
        monitor.set_task_status(TaskStatus::Fatal, task);
    }
    let statuses = monitor.statuses();
    let runs: Vec<_> = statuses.iter().map(|one| (&*one.task, one.run)).collect();
    assert_eq!(runs, [("a", 2), ("b", 1), ("overflow", 2)]);
}

#[test]
fn the_clock_of_the_operating_system_serves_and_says_so() {
    let monitor = Monitor::with_clock(StorageConfig::default(), Clock::os());
    let call = method(monitor, "Get").start();
    std::thread::sleep(Duration::from_millis(20));
    call.finish(Outcome::Success);
    let snapshot = monitor.snapshot();
    let seconds = only(&snapshot).success.sum;
    assert!((0.02..5.0).contains(&seconds), "{seconds}");
    let fallback = |snapshot: &Snapshot| {
        let families = names::families(snapshot, names::Profile::default());
        let mut all = families.iter().filter(|one| !one.children.is_empty());
        all.any(|one| one.name == "monitor_clock_fallback")
    };
    assert!(fallback(&snapshot));
    assert!(!fallback(&manual().0.snapshot()));
}

#[test]
fn many_methods_go_past_the_inline_table() {
    let (monitor, _) = manual();
    let methods: Vec<Method> = (0..400)
        .map(|i| method(monitor, &format!("method {i}")))
        .collect();
    for _ in 0..3 {
        for method in &methods {
            method.start().finish(Outcome::Success);
        }
    }
    let snapshot = monitor.snapshot();
    assert_eq!(snapshot.methods.len(), 400);
    let all = snapshot.methods.iter();
    assert!(all.clone().all(|method| method.success.count() == 3));
    assert_eq!(snapshot.tasks.started, 1200);
}

#[test]
fn statuses_set_by_hand_and_by_calls_are_one_run() {
    let (monitor, _) = manual();
    let get = method(monitor, "Get");
    monitor.set_task_status(TaskStatus::Ok, DEFAULT_TASK);
    get.start().finish(Outcome::Success);
    monitor.set_status(None);
    let default = &monitor.statuses()[0];
    assert_eq!((default.status, default.run), (TaskStatus::Ok, 3));
    monitor.set_status(Some("other"));
    get.start().finish(Outcome::ErrorType("other"));
    let default = &monitor.statuses()[0];
    let found = (default.status, default.run);
    assert_eq!(found, (TaskStatus::OtherException, 2));
    monitor.set_task_status(TaskStatus::Fatal, "downloads");
    let tasks: Vec<_> = monitor.statuses().into_iter().map(|one| one.task).collect();
    assert_eq!(tasks, ["default".into(), "downloads".into()]);
}

#[test]
fn another_configuration_keeps_what_was_counted() {
    let (monitor, _) = manual();
    let get = method(monitor, "Get");
    monitor.configure(with_rule("FATAL", "first"));
    get.start().finish(Outcome::ErrorType("first"));
    assert!(!monitor.health().healthy);
    monitor.configure(with_rule("FATAL", "second"));
    get.start().finish(Outcome::ErrorType("first"));
    let snapshot = monitor.snapshot();
    assert_eq!(errors(&snapshot), [("other", 1), ("first", 1)]);
}
