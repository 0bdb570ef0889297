//! Which calls are in the tree, under which callers, and beside calls that begin and end meanwhile.

mod beside_calls;

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::data::snapshot::RunningCall;
use crate::recording::guard::CallGuard;
use crate::{Clock, Here, ManualClock, Method, Monitor, Outcome, StorageConfig, here};

const SECOND: Duration = Duration::from_secs(1);

fn by_hand() -> (Monitor, ManualClock) {
    let (clock, hand) = Clock::manual(1000.0);
    (Monitor::with_clock(StorageConfig::default(), clock), hand)
}

fn method(monitor: Monitor, name: &str) -> Method {
    monitor.method(name).expect("a good name")
}

/// The tree as text, a line a call, with the names of callers that are not in it.
fn tree(monitor: Monitor, most: usize) -> Vec<String> {
    let line = |line: RunningCall| {
        let caller = line.caller.map(|name| format!(" from {name}"));
        let (above, caller) = ("  ".repeat(line.depth), caller.unwrap_or_default());
        format!("{above}{}{caller}", line.name)
    };
    monitor.running(most).into_iter().map(line).collect()
}

#[test]
fn calls_stand_below_their_callers() {
    let (monitor, hand) = by_hand();
    let start = |name: &str| {
        hand.advance(SECOND);
        method(monitor, name).start()
    };
    monitor.scope_sync(|| {
        let first = start("Serve");
        let other = start("Tick");
        let query = first.run(|| start("Query"));
        let row = query.run(|| start("Row"));
        let again = first.run(|| start("Render"));
        let all = ["Serve", "  Query", "    Row", "  Render", "Tick"];
        assert_eq!(tree(monitor, 100), all);
        assert_eq!(tree(monitor, 3), ["Serve", "  Query", "Tick"]);
        let snapshot = monitor.snapshot();
        assert_eq!((snapshot.tasks.in_flight, snapshot.tasks.started), (2, 2));
        query.finish(Outcome::Success);
        let without_query = ["Serve", "  Render", "Tick", "Row from Query"];
        assert_eq!(tree(monitor, 100), without_query);
        // Another call takes the slot.
        let later = first.run(|| start("Query"));
        let with_later = ["Serve", "  Render", "  Query", "Tick", "Row from Query"];
        assert_eq!(tree(monitor, 100), with_later);
        drop((first, other, row, again, later));
        assert!(tree(monitor, 100).is_empty());
    });
}

#[test]
fn calls_and_tasks_are_in_the_order_of_their_ages_and_bounded() {
    let (monitor, hand) = by_hand();
    let get = method(monitor, "Get");
    let first = get.start();
    hand.advance(SECOND * 4);
    let others: Vec<_> = (0..40).map(|_| get.start()).collect();
    for (id, start) in [("job", 1001.0), ("old", 999.0), ("absurd", -f64::MAX)] {
        monitor.add_key_value("tasks", id, start).expect("a start");
    }
    hand.advance(SECOND);
    let lines = |most| {
        let lines = monitor.running(most).into_iter();
        let lines = lines.map(|line| (line.name.to_string(), line.age.as_secs()));
        lines.collect::<Vec<_>>()
    };
    let oldest = [("absurd", u64::MAX), ("old", 6), ("Get", 5), ("job", 4)];
    let oldest = oldest.map(|(name, age)| (name.to_owned(), age));
    for most in 0..=4 {
        assert_eq!(lines(most), oldest[..most], "{most}");
    }
    assert_eq!(lines(5)[4], ("Get".to_owned(), 1));
    assert_eq!(lines(usize::MAX).len(), 44);
    drop((first, others));
    assert_eq!(lines(1000).len(), 3);
}

#[test]
fn where_the_clock_stands_still_calls_have_their_callers_too() {
    let (monitor, _hand) = by_hand();
    monitor.scope_sync(|| {
        // In either order of the numbers that the methods have.
        for [one, other] in [["One", "Other"], ["Other", "One"]] {
            let outer = method(monitor, one).start();
            let inner = outer.run(|| method(monitor, other).start());
            let innermost = inner.run(|| method(monitor, one).start());
            let lines = [one.to_owned(), format!("  {other}"), format!("    {one}")];
            assert_eq!(tree(monitor, 9), lines);
            drop((outer, inner, innermost));
        }
    });
}

#[test]
fn a_circle_of_calls_is_cut() {
    let (monitor, _hand) = by_hand();
    let [a, b] = ["CircleA", "CircleB"].map(|name| method(monitor, name));
    monitor.scope_sync(|| {
        let top = a.start();
        let first = top.run(|| a.start());
        let second = first.run(|| b.start());
        let third = second.run(|| b.start());
        let here = third.run(here);
        first.finish(Outcome::Success);
        // It has the slot of the first one, and so is named by the second.
        let again = here.run(|| a.start());
        let lines = [
            "CircleA",
            "CircleB from CircleA",
            "  CircleB",
            "    CircleA",
        ];
        assert_eq!(tree(monitor, 9), lines);
        drop((top, second, third, again));
    });
}

#[test]
fn a_call_in_the_slot_of_its_caller_is_not_its_own_caller() {
    let (monitor, _hand) = by_hand();
    let get = method(monitor, "Get");
    monitor.scope_sync(|| {
        let top = get.start();
        let outer = top.run(|| get.start());
        let here = outer.run(here);
        outer.finish(Outcome::Success);
        let inner = here.run(|| get.start());
        assert_eq!(tree(monitor, 9), ["Get", "Get from Get"]);
        drop((top, inner));
    });
}

#[test]
fn a_task_that_outlives_its_call_is_not_below_a_later_one() {
    let monitor = Monitor::new(StorageConfig::default());
    let [serve, job] = ["Serve", "Job"].map(|name| method(monitor, name));
    let job_in = |here: Here| here.run(|| job.start());
    let taken = || {
        let serve = serve.start();
        // On this thread, and on one that took the call over.
        let elsewhere = || on_thread(monitor, || serve.run(here));
        let both = [serve.run(here), elsewhere()];
        let jobs = both.map(job_in);
        assert_eq!(tree(monitor, 9), ["Serve", "  Job", "  Job"]);
        drop(jobs);
        both
    };
    monitor.scope_sync(|| {
        for here in taken() {
            // It has the slot of the call that `here` is from.
            let later = serve.start();
            let job = job_in(here);
            assert_eq!(tree(monitor, 9), ["Serve", "Job from Serve"]);
            let taken_on = job_in(here.run(crate::here));
            assert_eq!(tree(monitor, 9)[1..], ["Job from Serve"; 2]);
            drop((later, job, taken_on));
        }
    });
}

/// Runs a closure on another thread, in the scope of the monitor.
fn on_thread<R: Send>(monitor: Monitor, run: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| {
        let running = scope.spawn(|| monitor.scope_sync(run));
        running.join().expect("no panic")
    })
}

#[test]
fn a_recursion_is_given_to_its_end_and_many_calls_beside_it() {
    const LEVELS: usize = 50_000;
    const MANY: usize = 100_000;
    let (monitor, hand) = by_hand();
    let (down, wide) = (method(monitor, "Down"), method(monitor, "Wide"));
    monitor.scope_sync(|| {
        let mut levels: Vec<CallGuard> = vec![down.start()];
        while levels.len() < LEVELS {
            let next = levels[levels.len() - 1].run(|| down.start());
            levels.push(next);
        }
        hand.advance(SECOND);
        let many: Vec<CallGuard> = (0..MANY).map(|_| wide.start()).collect();
        let lines = monitor.running(LEVELS + MANY);
        let depths = lines.iter().map(|line| line.depth);
        assert!(depths.eq((0..LEVELS).chain(std::iter::repeat_n(0, MANY))));
        let lines = monitor.running(LEVELS + 1);
        let ends = [0, LEVELS - 1, LEVELS].map(|at| (lines[at].depth, &*lines[at].name));
        let expected = [(0, "Down"), (LEVELS - 1, "Down"), (0, "Wide")];
        assert_eq!((ends, lines.len()), (expected, LEVELS + 1));
        drop((levels, many));
    });
}

#[test]
fn the_body_of_a_current_call_runs_on_its_thread() {
    let monitor = Monitor::new(StorageConfig::default());
    let (outer, inner) = (method(monitor, "Outer"), method(monitor, "Inner"));
    let threads = || {
        let lines = monitor.running(10).into_iter();
        lines.map(|line| line.thread.is_some()).collect::<Vec<_>>()
    };
    monitor.scope_sync(|| {
        let outer = outer.start();
        assert_eq!(threads(), [false]);
        outer.run(|| {
            let inner = inner.start();
            assert_eq!(threads(), [true, false]);
            inner.run(|| assert_eq!(threads(), [true, true]));
            assert_eq!(threads(), [true, false]);
        });
        assert_eq!(threads(), [false]);
    });
}

#[test]
fn a_call_whose_work_other_threads_share_runs_on_its_own_one() {
    let own = thread::current();
    let own = own.name().expect("tests have names");
    for worker_is_first in [true, false] {
        let lines = shared_work(worker_is_first);
        let threads: Vec<_> = lines.iter().map(|line| line.thread.as_deref()).collect();
        let expected = [Some(own), Some(own), Some("worker")];
        assert_eq!(threads, expected, "{worker_is_first}");
    }
}

/// The tree where a thread runs a call `Load` in [`here`] of `Serve`, which this thread runs within `Top`.
fn shared_work(worker_is_first: bool) -> Vec<RunningCall> {
    let monitor = Monitor::new(StorageConfig::default());
    let [top, serve, load] = ["Top", "Serve", "Load"].map(|name| method(monitor, name));
    let (to_worker, jobs) = mpsc::channel::<Here>();
    let (begin, has_begun) = mpsc::channel();
    let (give, lines) = mpsc::channel();
    let work = move || {
        begin.send(()).expect("the other thread waits");
        let here = jobs.recv().expect("a job");
        here.run(|| load.start().run(|| give.send(monitor.running(10))))
            .expect("the other thread waits");
    };
    thread::scope(|scope| {
        let spawn = || {
            let worker = thread::Builder::new().name("worker".to_owned());
            let worker = worker.spawn_scoped(scope, move || monitor.scope_sync(work));
            worker.expect("a thread");
            has_begun.recv().expect("it begins");
        };
        let share = || {
            to_worker.send(here()).expect("the worker waits");
            lines.recv().expect("the worker gives them")
        };
        let serve = || top.start().run(|| serve.start().run(share));
        if worker_is_first {
            spawn();
            monitor.scope_sync(serve)
        } else {
            monitor.scope_sync(|| {
                spawn();
                serve()
            })
        }
    })
}
