//! Snapshots beside running calls: their sums agree, and no call waits for one.

mod expected;
mod idle;
mod totals;

use std::sync::mpsc;

use crate::storage::collect::parking;
use crate::{Clock, Monitor, Outcome, StorageConfig};

#[test]
fn a_scrape_parked_in_its_middle_holds_nobody_up_and_loses_nothing() {
    const THREADS: u64 = 8;
    const CALLS: u64 = 1_000_000 / THREADS;
    let monitor = Monitor::new(StorageConfig::default());
    let get = monitor.method("Get").expect("a good name");
    let (parked, is_parked) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let scraper = std::thread::spawn(move || {
        parking::park_with(move || {
            // Once: the sender is gone the second time, and then this does not wait.
            let _ = parked.send(());
            let _ = may_go_on.recv();
        });
        let beside = monitor.snapshot();
        (beside, monitor.snapshot())
    });
    is_parked.recv().expect("the scraper parks");
    let callers: Vec<_> = (0..THREADS)
        .map(|thread| {
            std::thread::spawn(move || {
                for call in 0..CALLS {
                    let failed = call % 10 == thread;
                    get.start().finish(if failed {
                        Outcome::ErrorType("other")
                    } else {
                        Outcome::Success
                    });
                }
            })
        })
        .collect();
    for caller in callers {
        caller.join().expect("nobody waits for a scrape");
    }
    drop(go_on);
    let (beside, after) = scraper.join().expect("no panic");
    let tasks = beside.tasks;
    assert_eq!(tasks.started, tasks.completed + tasks.in_flight);
    let method = &after.methods[0];
    assert_eq!(method.started, THREADS * CALLS);
    assert_eq!(method.failure.count(), THREADS * CALLS / 10);
    assert_eq!(method.success.count(), THREADS * CALLS * 9 / 10);
    assert_eq!(method.errors.iter().sum::<u64>(), method.failure.count());
    assert_eq!(method.in_flight, 0);
}

#[test]
fn snapshots_beside_calls_add_up_and_never_go_back() {
    let monitor = Monitor::new(StorageConfig::default());
    let get = monitor.method("Get").expect("a good name");
    let callers: Vec<_> = (0..2)
        .map(|thread| {
            let (end, ended) = mpsc::channel::<()>();
            let caller = std::thread::spawn(move || {
                let mut calls = 0_u64;
                while ended.try_recv() == Err(mpsc::TryRecvError::Empty) {
                    let _nested = get.start();
                    if calls % 3 == thread {
                        get.start().finish(Outcome::Panic);
                    } else {
                        get.start().finish(Outcome::Success);
                    }
                    calls += 1;
                }
            });
            (end, caller)
        })
        .collect();
    let mut before = monitor.snapshot();
    for _ in 0..2000 {
        let now = monitor.snapshot();
        let (a, b) = (&before.methods[0], &now.methods[0]);
        let finished = b.success.count() + b.failure.count();
        assert_eq!(b.started, finished + b.in_flight);
        assert_eq!(now.tasks.completed, finished);
        assert_eq!(b.errors.iter().sum::<u64>(), b.failure.count());
        assert!(b.started >= a.started);
        let cells = |m: &crate::data::snapshot::MethodSnapshot| {
            let outcomes = [m.success.counts.clone(), m.failure.counts.clone()];
            outcomes.concat()
        };
        assert!(cells(b).iter().zip(cells(a)).all(|(b, a)| *b >= a));
        assert!(b.success.sum >= a.success.sum && b.failure.sum >= a.failure.sum);
        assert!(now.tasks.busy_seconds >= before.tasks.busy_seconds);
        before = now;
    }
    for (end, caller) in callers {
        drop(end);
        caller.join().expect("no panic");
    }
    assert_eq!(monitor.snapshot().tasks.in_flight, 0);
}

#[test]
fn idle_records_are_adopted_before_new_ones_are_made() {
    let (clock, _) = Clock::manual(0.0);
    let monitor = Monitor::with_clock(StorageConfig::default(), clock);
    let get = monitor.method("Get").expect("a good name");
    for _ in 0..50 {
        let thread = std::thread::spawn(move || get.start().finish(Outcome::Success));
        thread.join().expect("no panic");
    }
    let core = monitor.storage().core;
    let method = core.methods().next().expect("it is there");
    assert_eq!(method.shards().count(), 1);
}

#[test]
fn a_method_is_known_once_it_exists_and_asking_makes_none() {
    let monitor = Monitor::new(StorageConfig::default());
    assert!(!monitor.has_method("Get"));
    assert!(!monitor.has_method("Get"));
    monitor.method("Get").expect("a valid name");
    assert!(monitor.has_method("Get") && !monitor.has_method("get"));
    assert_eq!(monitor.snapshot().methods.len(), 1);
}

/// The age of a task type in seconds, as the snapshot and the list alone have it.
fn age(monitor: Monitor, task: &str) -> Option<f64> {
    let find = |list: &[crate::data::snapshot::StatusSnapshot]| {
        let found = list.iter().find(|one| &*one.task == task);
        found.map(|one| one.age.map(|age| age.as_secs_f64()))
    };
    let snapshot = monitor.snapshot();
    let listed = find(&monitor.statuses()).or_else(|| find(&monitor.method_statuses()));
    let in_snapshot = find(&snapshot.statuses).or_else(|| find(&snapshot.method_statuses));
    assert_eq!(listed, in_snapshot, "{task}");
    assert_eq!(monitor.health_of(&snapshot), monitor.health());
    in_snapshot.flatten()
}

/// Asserts the ages of task types. The ring keeps ends to 2^20 ticks.
#[track_caller]
fn assert_ages(monitor: Monitor, expected: &[(&str, f64)]) {
    for (task, seconds) in expected {
        let age = age(monitor, task);
        let is_near = age.is_some_and(|age| (age - seconds).abs() < 0.0011);
        assert!(is_near, "{task}: {age:?}");
    }
}

#[test]
fn a_status_is_as_old_as_its_last_call_or_its_last_set() {
    let second = std::time::Duration::from_secs(1);
    let (clock, hand) = Clock::manual(1000.0);
    let monitor = Monitor::with_clock(StorageConfig::default(), clock);
    let (get, put) = ("Get", "Put");
    let call = |name: &str, outcome| {
        let method = monitor.method(name).expect("a name");
        method.start().finish(outcome);
    };
    assert_eq!(age(monitor, "default"), None);
    hand.advance(second);
    call(get, Outcome::Success);
    hand.advance(second * 10);
    call(put, Outcome::ErrorType("other"));
    hand.advance(second * 5);
    assert_ages(monitor, &[(get, 15.0), (put, 5.0), ("default", 5.0)]);
    // A call that changes no status is a call.
    call(get, Outcome::Cancelled);
    assert_ages(monitor, &[(get, 0.0), ("default", 0.0)]);
    hand.advance(second * 3);
    monitor.set_task_status(crate::TaskStatus::Fatal, "loader");
    monitor.set_task_status(crate::TaskStatus::Fatal, "default");
    hand.advance(second * 2);
    assert_ages(monitor, &[("loader", 2.0), ("default", 2.0), (get, 5.0)]);
    // On another thread, in a shard of its own.
    std::thread::scope(|scope| {
        scope.spawn(|| call(get, Outcome::Success));
    });
    assert_ages(monitor, &[(get, 0.0), (put, 10.0)]);
}

#[test]
fn task_types_are_known_before_they_are_set() {
    let monitor = Monitor::new(StorageConfig::default());
    assert!(monitor.has_task("default") && !monitor.has_task("loader"));
    monitor.set_task_status(crate::TaskStatus::Ok, "loader");
    monitor.method("Get").expect("a name");
    assert!(monitor.has_task("loader") && monitor.has_task("Get") && !monitor.has_task("get"));
}

#[test]
fn a_task_type_set_through_the_api_alone_is_not_fed() {
    let monitor = Monitor::new(StorageConfig::default());
    assert!(!monitor.is_fed("default"), "there is no method");
    monitor.set_task_status(crate::TaskStatus::Ok, "loader");
    monitor.method("Get").expect("a name");
    let fed = ["default", "Get", "loader", "other"].map(|task| monitor.is_fed(task));
    assert_eq!(fed, [true, true, false, false]);
}
