//! Many threads and tasks at once, ended in every way: every total is exact when they are through.

use std::time::Duration;

use monitor_core::snapshot::{MethodSnapshot, Snapshot};
use monitor_core::{Monitor, StorageConfig, monitored};

const TASKS: u64 = 1000;
const HOPS: u64 = 20;
/// A quarter each of the tasks panics and hangs halfway.
const STEPS: u64 = TASKS / 4 * (2 * HOPS + 2 * (HOPS / 2 + 1));
const ON_PURPOSE: &str = "on purpose";

#[derive(Debug)]
struct Refused;

#[monitored(method = "step")]
async fn step(task: u64) -> Result<u64, Refused> {
    tokio::task::yield_now().await;
    if task.is_multiple_of(5) {
        Err(Refused)
    } else {
        Ok(task)
    }
}

#[monitored(method = "task")]
async fn hop(task: u64) -> Result<(), Refused> {
    for hop in 0..HOPS {
        drop(step(task).await);
        count();
        assert!(task % 4 != 1 || hop != HOPS / 2, "{ON_PURPOSE}");
        if task % 4 == 2 && hop == HOPS / 2 {
            std::future::pending::<()>().await;
        }
    }
    if task % 4 == 3 { Err(Refused) } else { Ok(()) }
}

#[monitored(method = "count")]
fn count() {}

fn method<'a>(snapshot: &'a Snapshot, name: &str) -> &'a MethodSnapshot {
    let found = snapshot.methods.iter().find(|one| &*one.name == name);
    found.expect("a method that was called")
}

fn errors(snapshot: &Snapshot, name: &str, error_type: &str) -> u64 {
    let at = snapshot.error_types.iter().position(|t| &**t == error_type);
    method(snapshot, name).errors[at.expect("a built-in type")]
}

fn counts(snapshot: &Snapshot) -> u64 {
    let count = snapshot.methods.iter().find(|one| &*one.name == "count");
    count.map_or(0, |count| count.success.count())
}

fn silence_panics_on_purpose() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.payload_as_str() != Some(ON_PURPOSE) {
            print(panic);
        }
    }));
}

#[test]
fn tasks_that_hop_abort_and_panic_are_counted_exactly() {
    silence_panics_on_purpose();
    let monitor = Monitor::new(StorageConfig::default());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(8)
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| tokio::spawn(monitor.scope(hop(task))))
            .collect();
        // Those that never end are aborted once they hang: when all steps are made. The calls in flight do not tell, as a
        // task that was not polled yet has none.
        while counts(&monitor.snapshot()) < STEPS {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for (task, number) in tasks.into_iter().zip(0..) {
            if number % 4 == 2 {
                task.abort();
            }
            let ended = task.await;
            assert_eq!(ended.is_ok(), number % 4 == 0 || number % 4 == 3);
        }
    });
    drop(runtime);
    let snapshot = monitor.snapshot();
    let quarter = TASKS / 4;
    let task = method(&snapshot, "task");
    assert_eq!((task.started, task.in_flight), (TASKS, 0));
    assert_eq!(task.success.count(), quarter);
    assert_eq!(errors(&snapshot, "task", "panic"), quarter);
    assert_eq!(errors(&snapshot, "task", "cancelled"), quarter);
    assert_eq!(errors(&snapshot, "task", "other"), quarter);
    let step = method(&snapshot, "step");
    assert_eq!((step.started, step.in_flight), (STEPS, 0));
    assert_eq!(step.failure.count(), STEPS / 5);
    assert_eq!(errors(&snapshot, "step", "other"), STEPS / 5);
    assert_eq!(counts(&snapshot), STEPS);
    // The other calls are made in these.
    assert_eq!(snapshot.tasks.started, TASKS);
    assert_eq!(step.callers.len(), 1);
    assert_eq!(step.callers[0].caller.as_deref(), Some("task"));
    assert_eq!(snapshot.tasks.completed, snapshot.tasks.started);
    assert!(snapshot.tasks.current_seconds.abs() < f64::EPSILON);
}

#[test]
fn threads_that_come_and_go_leave_exact_totals() {
    let monitor = Monitor::new(StorageConfig::default());
    let get = monitor.method("Get").expect("a good name");
    for _ in 0..100 {
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..10 {
                        get.start().finish(monitor_core::Outcome::Success);
                    }
                });
            }
        });
    }
    let snapshot = monitor.snapshot();
    assert_eq!(method(&snapshot, "Get").success.count(), 8000);
    assert_eq!(snapshot.tasks.in_flight, 0);
}

/// When it is dropped, sends the number of calls in flight.
struct CountsInFlight(Monitor, std::sync::mpsc::Sender<u64>);

impl Drop for CountsInFlight {
    fn drop(&mut self) {
        self.1.send(self.0.in_flight()).expect("the test listens");
    }
}

#[monitored(method = "hangs")]
async fn hangs(last: CountsInFlight) -> Result<(), Refused> {
    std::future::pending::<()>().await;
    Err(Refused)?;
    drop(last);
    Ok(())
}

#[test]
fn a_cancelled_call_is_in_flight_while_its_body_is_torn_down() {
    let monitor = Monitor::new(StorageConfig::default());
    let (send, seen) = std::sync::mpsc::channel();
    let mut future = Box::pin(monitor.scope(hangs(CountsInFlight(monitor, send))));
    let context = &mut std::task::Context::from_waker(std::task::Waker::noop());
    assert!(future.as_mut().poll(context).is_pending());
    drop(future);
    assert_eq!(seen.recv(), Ok(1));
    assert_eq!(monitor.in_flight(), 0);
}
