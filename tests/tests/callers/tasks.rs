//! Edges of tasks and threads, more of them than a thread has places for, and of runtimes inside of calls.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use monitor_core::{Monitor, here, monitored, root};
use tokio::sync::Semaphore;
use tokio::task::{LocalSet, spawn_blocking};

use crate::truth::{Edges, recorded};
use crate::{LIMIT, four_workers};

/// Caller, callee, calls, failures.
type Line = (&'static str, &'static str, u64, u64);

fn assert_edges(names: &[&str], lines: &[Line]) {
    let expected: Edges = lines
        .iter()
        .map(|(from, to, calls, failures)| {
            (((*from).to_owned(), (*to).to_owned()), (*calls, *failures))
        })
        .collect();
    assert_eq!(recorded(&Monitor::global().snapshot(), names), expected);
}

const TASKS: u64 = 2_000;

/// Open once it is closed.
static GATE: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(0));

async fn pass_the_gate() {
    let closed = GATE.acquire().await;
    assert!(closed.is_err(), "it has no permits");
}

#[monitored]
async fn crowd_task(number: u64) -> Result<(), u64> {
    let (left, ()) = tokio::join!(crowd_left(number), crowd_right());
    crowd_mark();
    left
}

#[monitored]
async fn crowd_left(number: u64) -> Result<(), u64> {
    tokio::join!(crowd_leaf(), crowd_leaf());
    if number.is_multiple_of(4) {
        Err(number)?;
    }
    Ok(())
}

#[monitored]
async fn crowd_right() {
    crowd_leaf().await;
    crowd_mark();
    tokio::task::yield_now().await;
    crowd_leaf().await;
    crowd_leaf().await;
}

#[monitored]
async fn crowd_leaf() {
    pass_the_gate().await;
    crowd_mark();
}

#[monitored]
fn crowd_mark() {}

/// How many calls of the crowd are in flight under each path of callers, by the tree.
fn paths() -> BTreeMap<String, u64> {
    let (mut path, mut paths) = (Vec::new(), BTreeMap::new());
    for line in Monitor::global().running(usize::MAX) {
        path.truncate(line.depth);
        path.push(line.name);
        if path[0].starts_with("crowd") {
            *paths.entry(path.join(" > ")).or_default() += 1;
        }
    }
    paths
}

fn crowd_paths() -> BTreeMap<String, u64> {
    let paths = [
        ("crowd_task", TASKS),
        ("crowd_task > crowd_left", TASKS),
        ("crowd_task > crowd_left > crowd_leaf", 2 * TASKS),
        ("crowd_task > crowd_right", TASKS),
        ("crowd_task > crowd_right > crowd_leaf", TASKS),
    ];
    paths.map(|(path, calls)| (path.to_owned(), calls)).into()
}

/// Thousands of calls in flight at once: far more than a thread has slots in its table.
#[test]
fn calls_joined_in_two_thousand_tasks_keep_their_callers() {
    four_workers().block_on(async {
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| tokio::spawn(crowd_task(task)))
            .collect();
        let leaf = Monitor::global().method("crowd_leaf").expect("a good name");
        let all_wait = async {
            while leaf.in_flight() < 3 * TASKS {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(LIMIT, all_wait)
            .await
            .expect("all wait");
        assert_eq!(paths(), crowd_paths());
        GATE.close();
        for task in tasks {
            let _ = task.await.expect("no panic");
        }
    });
    assert_edges(
        &[
            "crowd_task",
            "crowd_left",
            "crowd_right",
            "crowd_leaf",
            "crowd_mark",
        ],
        &[
            ("-", "crowd_task", TASKS, TASKS / 4),
            ("crowd_task", "crowd_left", TASKS, TASKS / 4),
            ("crowd_task", "crowd_right", TASKS, 0),
            ("crowd_task", "crowd_mark", TASKS, 0),
            ("crowd_left", "crowd_leaf", 2 * TASKS, 0),
            ("crowd_right", "crowd_leaf", 3 * TASKS, 0),
            ("crowd_right", "crowd_mark", TASKS, 0),
            ("crowd_leaf", "crowd_mark", 5 * TASKS, 0),
        ],
    );
}

#[monitored]
fn thread_exit() {
    thread_exit_part();
}

#[monitored]
fn thread_exit_part() {}

#[monitored]
fn thread_work() {
    thread_exit();
}

struct CallsAtExit;

impl CallsAtExit {
    fn register() {
        thread_local! {
            static AT_EXIT: RefCell<Option<CallsAtExit>> = const { RefCell::new(None) };
        }
        AT_EXIT.set(Some(Self));
    }
}

impl Drop for CallsAtExit {
    fn drop(&mut self) {
        thread_exit();
    }
}

/// The destructor of a thread-local runs before or after the thread hands its record back: the order is that in which
/// the two were used first. A thread without a record has no current call, so that all its calls are entry calls.
#[test]
fn a_call_at_the_exit_of_a_thread_is_an_entry_call() {
    for _ in 0..3 {
        let registered_last = std::thread::spawn(|| {
            thread_work();
            CallsAtExit::register();
        });
        registered_last.join().expect("no panic");
        let registered_first = std::thread::spawn(|| {
            CallsAtExit::register();
            thread_work();
        });
        registered_first.join().expect("no panic");
    }
    assert_edges(
        &["thread_exit", "thread_exit_part", "thread_work"],
        &[
            ("thread_exit", "thread_exit_part", 9, 0),
            ("-", "thread_exit_part", 3, 0),
            ("-", "thread_exit", 6, 0),
            ("-", "thread_work", 6, 0),
            ("thread_work", "thread_exit", 6, 0),
        ],
    );
}

#[monitored]
async fn orphan() {
    orphan_part();
    tokio::task::yield_now().await;
    orphan_part();
}

#[monitored]
fn orphan_part() {}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// A thread that ends leaves its suspended calls behind, and what it counts in to the next thread.
#[test]
fn a_call_outlives_the_thread_it_began_on() {
    let begin = || {
        let mut call = Box::pin(orphan());
        assert!(poll_once(call.as_mut()).is_pending());
        call
    };
    let mut calls: Vec<_> = (0..3)
        .map(|_| std::thread::spawn(begin).join().expect("no panic"))
        .collect();
    let end = move || {
        orphan_part();
        assert!(poll_once(calls[0].as_mut()).is_ready());
        orphan_part();
        drop(calls);
        orphan_part();
    };
    std::thread::spawn(end).join().expect("no panic");
    assert_edges(
        &["orphan", "orphan_part"],
        &[
            ("-", "orphan", 3, 2),
            ("-", "orphan_part", 3, 0),
            ("orphan", "orphan_part", 4, 0),
        ],
    );
}

#[monitored]
async fn spawned_part() {
    tokio::task::yield_now().await;
}

#[monitored]
fn blocking_part() {}

#[monitored]
async fn spawns() {
    let here = here();
    let tasks = [
        tokio::spawn(spawned_part()),
        tokio::spawn(here.within(spawned_part())),
        spawn_blocking(blocking_part),
        spawn_blocking(move || here.run(blocking_part)),
    ];
    for task in tasks {
        task.await.expect("no panic");
    }
    blocking_part();
}

#[test]
fn a_task_is_an_entry_call_unless_it_takes_its_caller_along() {
    let tasks = async { tokio::spawn(spawns()).await };
    four_workers().block_on(tasks).expect("no panic");
    assert_edges(
        &["spawns", "spawned_part", "blocking_part"],
        &[
            ("-", "spawns", 1, 0),
            ("-", "spawned_part", 1, 0),
            ("spawns", "spawned_part", 1, 0),
            ("-", "blocking_part", 1, 0),
            ("spawns", "blocking_part", 2, 0),
        ],
    );
}

#[monitored]
async fn driven_job() {
    tokio::task::yield_now().await;
}

#[monitored]
fn drives_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(async {
        let tasks = [tokio::spawn(driven_job()), tokio::spawn(root(driven_job()))];
        for task in tasks {
            task.await.expect("no panic");
        }
    });
}

#[monitored]
async fn drives_a_local_set() {
    let set = LocalSet::new();
    set.spawn_local(driven_job());
    set.spawn_local(root(driven_job()));
    set.await;
}

/// The tasks of a runtime that is driven inside of a call look as if that call made them; `root` says they are not.
#[test]
fn tasks_driven_inside_of_a_call_are_its_own_unless_they_are_marked() {
    drives_a_runtime();
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(drives_a_local_set());
    assert_edges(
        &["driven_job", "drives_a_runtime", "drives_a_local_set"],
        &[
            ("-", "drives_a_runtime", 1, 0),
            ("-", "drives_a_local_set", 1, 0),
            ("-", "driven_job", 2, 0),
            ("drives_a_runtime", "driven_job", 1, 0),
            ("drives_a_local_set", "driven_job", 1, 0),
        ],
    );
}
