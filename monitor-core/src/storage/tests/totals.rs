//! Totals over all methods and the status `default`: about entry calls, or about all.

use std::time::Duration;

use crate::data::status::{DEFAULT_TASK, TaskStatus};
use crate::snapshot::{StatusSnapshot, TaskTotals};
use crate::{CallGuard, Clock, Method, Monitor, Outcome, StorageConfig, Totals};

const FAILURE: Outcome<'_> = Outcome::ErrorType("other");
const ILL: TaskStatus = TaskStatus::OtherException;

fn config(totals: Totals) -> StorageConfig {
    StorageConfig {
        totals,
        ..StorageConfig::default()
    }
}

fn monitor(totals: Totals) -> (Monitor, Method, Method) {
    let monitor = Monitor::new(config(totals));
    let method = |name| monitor.method(name).expect("a name");
    (monitor, method("Serve"), method("Load"))
}

/// A call, made from this one.
fn nested(call: &CallGuard, method: Method, outcome: Outcome<'_>) {
    call.run(|| method.start().finish(outcome));
}

/// The status of a task type and its run, the same in a snapshot and read alone.
fn status(monitor: Monitor, task: &str) -> Option<(TaskStatus, u64)> {
    let snapshot = monitor.snapshot();
    let find = |statuses: &[StatusSnapshot], of_methods: &[StatusSnapshot]| {
        let mut statuses = statuses.iter().chain(of_methods);
        let found = statuses.find(|status| &*status.task == task);
        found.map(|status| (status.status, status.run))
    };
    let found = find(&snapshot.statuses, &snapshot.method_statuses);
    let alone = find(&monitor.statuses(), &monitor.method_statuses());
    assert_eq!(alone, found);
    found
}

#[test]
fn nested_calls_feed_their_method_alone() {
    let (monitor, serve, load) = monitor(Totals::EntryCalls);
    monitor.scope_sync(|| {
        for _ in 0..3 {
            let call = serve.start();
            nested(&call, load, Outcome::Success);
            nested(&call, load, FAILURE);
            nested(&call, load, FAILURE);
            call.finish(Outcome::Success);
        }
    });
    assert_eq!(status(monitor, DEFAULT_TASK), Some((TaskStatus::Ok, 3)));
    assert_eq!(status(monitor, "Serve"), Some((TaskStatus::Ok, 3)));
    assert_eq!(status(monitor, "Load"), Some((ILL, 2)));
}

#[test]
fn nested_calls_neither_lengthen_nor_end_a_streak_of_failures() {
    let (monitor, serve, load) = monitor(Totals::EntryCalls);
    monitor.scope_sync(|| {
        for run in 1..=4 {
            let call = serve.start();
            nested(
                &call,
                load,
                if run % 2 == 0 {
                    FAILURE
                } else {
                    Outcome::Success
                },
            );
            call.finish(FAILURE);
            assert_eq!(status(monitor, DEFAULT_TASK), Some((ILL, run)));
        }
        let call = serve.start();
        for _ in 0..5 {
            nested(&call, load, Outcome::Success);
        }
        assert_eq!(status(monitor, DEFAULT_TASK), Some((ILL, 4)));
        assert_eq!(status(monitor, "Load"), Some((TaskStatus::Ok, 5)));
        call.finish(Outcome::Success);
        assert_eq!(status(monitor, DEFAULT_TASK), Some((TaskStatus::Ok, 1)));
        // The same method as an entry call.
        load.start().finish(Outcome::Success);
        assert_eq!(status(monitor, DEFAULT_TASK), Some((TaskStatus::Ok, 2)));
    });
}

#[test]
fn all_calls_feed_it_where_configured() {
    let (monitor, serve, load) = monitor(Totals::AllCalls);
    monitor.scope_sync(|| {
        let call = serve.start();
        nested(&call, load, Outcome::Success);
        nested(&call, load, Outcome::Success);
        assert_eq!(status(monitor, DEFAULT_TASK), Some((TaskStatus::Ok, 2)));
        nested(&call, load, FAILURE);
        nested(&call, load, FAILURE);
        assert_eq!(status(monitor, DEFAULT_TASK), Some((ILL, 2)));
        call.finish(FAILURE);
        assert_eq!(status(monitor, DEFAULT_TASK), Some((ILL, 3)));
        serve.start().finish(Outcome::Success);
        assert_eq!(status(monitor, DEFAULT_TASK), Some((TaskStatus::Ok, 1)));
    });
}

#[test]
fn a_status_that_only_nested_calls_fed_is_not_known() {
    let (monitor, serve, load) = monitor(Totals::EntryCalls);
    monitor.scope_sync(|| {
        let call = serve.start();
        nested(&call, load, FAILURE);
        nested(&call, load, Outcome::Success);
        assert_eq!(status(monitor, DEFAULT_TASK), None);
        assert_eq!(status(monitor, "Load"), Some((TaskStatus::Ok, 1)));
        call.finish(Outcome::Cancelled);
    });
}

#[test]
fn another_configuration_counts_no_call_twice() {
    let (monitor, serve, load) = monitor(Totals::AllCalls);
    let round = |outcome| {
        let call = serve.start();
        nested(&call, load, outcome);
        call.finish(outcome);
    };
    let default = || status(monitor, DEFAULT_TASK);
    monitor.scope_sync(|| {
        round(FAILURE);
        assert_eq!(default(), Some((ILL, 2)));
        monitor.configure(config(Totals::EntryCalls));
        assert_eq!(default(), Some((ILL, 1)));
        round(FAILURE);
        assert_eq!(default(), Some((ILL, 2)));
        round(Outcome::Success);
        round(Outcome::Success);
        assert_eq!(default(), Some((TaskStatus::Ok, 2)));
        monitor.configure(config(Totals::AllCalls));
        round(Outcome::Success);
        let (calls, entries) = (2 * 5, 5);
        let (now, run) = default().expect("it was set");
        assert_eq!(now, TaskStatus::Ok);
        // The nested successes of the time between may be in it; each call at most once.
        assert!((4..=6).contains(&run), "{run}");
        assert_eq!(monitor.snapshot().tasks.started, calls);
        monitor.configure(config(Totals::EntryCalls));
        assert_eq!(monitor.snapshot().tasks.started, entries);
        assert_eq!(default(), Some((TaskStatus::Ok, 3)));
    });
}

/// A service with one monitored function below the handler: twice as many calls as requests.
#[test]
fn requests_that_make_calls_are_tasks_once() {
    for (totals, each, all_of_them) in
        [(Totals::EntryCalls, 1, 100.0), (Totals::AllCalls, 2, 200.0)]
    {
        let (clock, hand) = Clock::manual(1000.0);
        let configured = StorageConfig {
            max_workers: 100,
            ..config(totals)
        };
        let monitor = Monitor::with_clock(configured, clock);
        let method = |name| monitor.method(name).expect("a name");
        let (serve, load) = (method("Serve"), method("Load"));
        let tasks = || monitor.snapshot().tasks;
        monitor.scope_sync(|| {
            let requests: Vec<_> = (0..100).map(|_| serve.start()).collect();
            let calls = requests.iter().map(|call| call.run(|| load.start()));
            let calls: Vec<_> = calls.collect();
            hand.advance(Duration::from_secs(2));
            let running = tasks();
            assert_eq!(
                (running.started, running.in_flight),
                (100 * each, 100 * each)
            );
            let ages = (running.current_seconds, running.current_max_seconds);
            assert_eq!(
                format!("{ages:?}"),
                format!("({:?}, 2.0)", 2.0 * all_of_them)
            );
            for call in calls {
                call.finish(Outcome::Success);
            }
            for call in requests {
                call.finish(FAILURE);
            }
            let ended = TaskTotals {
                started: 100 * each,
                completed: 100 * each,
                completed_seconds: 2.0 * all_of_them,
                busy_seconds: 2.0 * all_of_them,
                ..TaskTotals::default()
            };
            assert_eq!(tasks(), ended);
        });
    }
}
