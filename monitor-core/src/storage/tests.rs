//! What a scrape may see of calls that run beside it, and that it holds nobody up.

use std::sync::mpsc;

use crate::storage::parking;
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
        let cells = |m: &crate::snapshot::MethodSnapshot| {
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
    let core = monitor.storage().core();
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
