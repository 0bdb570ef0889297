//! Which call is current: on one thread, along with `here` and `root`, in scopes, after panics, on the threads that poll
//! a future in turn, and in destructors.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Waker;

use super::*;
use crate::{Method, Monitor, Outcome, StorageConfig};

/// Calls by the attribute.
mod calls {
    use std::future::pending;

    use super::OnDrop;
    use crate as monitor_core;
    use crate::{Monitor, monitored};

    #[monitored(crate = monitor_core, method = "Two polls")]
    pub(super) async fn two_polls(monitor: Monitor) {
        super::call(monitor, "First");
        super::once_pending().await;
        super::call(monitor, "Second");
    }

    #[monitored(crate = monitor_core, method = "Two polls, wrapped")]
    pub(super) async fn two_polls_wrapped(monitor: Monitor) -> Result<(), &'static str> {
        super::call(monitor, "First");
        Ok::<(), &'static str>(super::once_pending().await)?;
        super::call(monitor, "Second");
        Ok(())
    }

    #[monitored(crate = monitor_core, method = "Holds")]
    pub(super) async fn holds(monitor: Monitor) {
        let _held = OnDrop(monitor);
        pending::<()>().await;
    }

    #[monitored(crate = monitor_core, method = "Holds and ends")]
    pub(super) fn holds_and_ends(monitor: Monitor) {
        let _held = OnDrop(monitor);
    }

    #[monitored(crate = monitor_core, method = "Panics")]
    pub(super) fn panics(monitor: Monitor) {
        let _held = OnDrop(monitor);
        panic!("on purpose");
    }
}

/// A value whose destructor makes a call of `Dropped`.
struct OnDrop(Monitor);

impl Drop for OnDrop {
    fn drop(&mut self) {
        call(self.0, "Dropped");
    }
}

fn new() -> Monitor {
    Monitor::new(StorageConfig::default())
}

fn method(monitor: Monitor, name: &str) -> Method {
    monitor.method(name).expect("a good name")
}

/// A call that ends at once.
fn call(monitor: Monitor, name: &str) {
    method(monitor, name).start().finish(Outcome::Success);
}

/// The callers of a method with the numbers of calls; `-` for entry calls.
fn callers(monitor: Monitor, name: &str) -> Vec<(String, u64)> {
    let methods = monitor.snapshot().methods.into_iter();
    let callers = methods
        .filter(|one| &*one.name == name)
        .flat_map(|one| one.callers);
    let named = callers.map(|one| (one.caller.as_deref().unwrap_or("-").to_owned(), one.calls));
    named.collect()
}

#[track_caller]
fn assert_callers(monitor: Monitor, name: &str, expected: &[(&str, u64)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(name, calls)| ((*name).to_owned(), *calls))
        .collect();
    assert_eq!(callers(monitor, name), expected, "{name}");
}

/// Not ready at its first poll.
async fn once_pending() {
    let mut is_second = false;
    std::future::poll_fn(|_| {
        if mem::replace(&mut is_second, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// True where this thread has no current call in the storage in force.
fn has_none() -> bool {
    thread::with(|local| local.current().is_none())
}

/// Runs a closure on another thread, in the scope of the monitor.
fn elsewhere<R: Send>(monitor: Monitor, run: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|scope| {
        let running = scope.spawn(|| monitor.scope_sync(run));
        running.join().expect("no panic")
    })
}

#[test]
fn a_word_keeps_its_numbers() {
    for (shard, record, slot) in [(1, 0, 0), (7, 1, 15), (MAX_SHARD, 65_535, MAX_SLOT)] {
        let word = CallWord::new(shard, record, slot);
        assert_eq!(
            (word.shard(), word.record(), word.slot()),
            (shard, record, slot)
        );
        assert_eq!(word.method(), shard / 2);
        assert!(word.bits() < 1 << 62);
    }
    assert_eq!(CallWord::NONE.method(), ENTRY);
}

#[test]
fn a_number_without_room_is_unknown() {
    let word = CallWord::new(u32::MAX, 65_536, u32::MAX);
    assert_eq!(
        (word.shard(), word.record(), word.slot()),
        (MAX_SHARD, 0, MAX_SLOT)
    );
}

#[test]
fn a_call_started_by_hand_is_current_inside_of_its_run_alone() {
    let monitor = new();
    monitor.scope_sync(|| {
        let outer = method(monitor, "Outer").start();
        call(monitor, "Beside");
        outer.run(|| {
            call(monitor, "Inside");
            let inner = method(monitor, "Inner").start();
            inner.run(|| call(monitor, "Innermost"));
            call(monitor, "Inside");
        });
        call(monitor, "Beside");
        outer.finish(Outcome::Success);
        assert!(has_none());
    });
    assert_callers(monitor, "Outer", &[("-", 1)]);
    assert_callers(monitor, "Beside", &[("-", 2)]);
    assert_callers(monitor, "Inside", &[("Outer", 2)]);
    assert_callers(monitor, "Inner", &[("Outer", 1)]);
    assert_callers(monitor, "Innermost", &[("Inner", 1)]);
}

#[test]
fn a_panic_leaves_the_call_current_that_was_before() {
    let monitor = new();
    monitor.scope_sync(|| {
        let outer = method(monitor, "Outer").start();
        outer.run(|| {
            let inner = method(monitor, "Inner").start();
            let panics = AssertUnwindSafe(|| inner.run(|| panic!("on purpose")));
            assert!(catch_unwind(panics).is_err());
            call(monitor, "After run");
            assert!(catch_unwind(|| calls::panics(monitor)).is_err());
            call(monitor, "After call");
        });
        assert!(has_none());
    });
    assert_callers(monitor, "After run", &[("Outer", 1)]);
    assert_callers(monitor, "After call", &[("Outer", 1)]);
    assert_callers(monitor, "Panics", &[("Outer", 1)]);
}

#[test]
fn within_a_call_each_poll_of_a_future_is() {
    let monitor = new();
    let job = async {
        call(monitor, "First");
        once_pending().await;
        call(monitor, "Second");
    };
    monitor.scope_sync(|| {
        let outer = method(monitor, "Outer").start();
        let mut job = pin!(outer.within(job));
        assert!(poll(job.as_mut()).is_pending() && has_none());
        call(monitor, "Between");
        let other = method(monitor, "Other").start();
        assert!(other.run(|| poll(job.as_mut())).is_ready() && has_none());
    });
    assert_callers(monitor, "First", &[("Outer", 1)]);
    assert_callers(monitor, "Between", &[("-", 1)]);
    assert_callers(monitor, "Second", &[("Outer", 1)]);
}

#[test]
fn here_takes_the_current_call_to_other_threads_and_tasks() {
    let monitor = new();
    let here = monitor.scope_sync(|| {
        let outer = method(monitor, "Outer").start();
        let here = outer.run(here);
        elsewhere(monitor, || {
            call(monitor, "Not taken");
            here.run(|| call(monitor, "Runs"));
            assert!(has_none());
        });
        here
    });
    // The call has ended.
    elsewhere(monitor, || {
        let other = method(monitor, "Other").start();
        let task = here.within(async { calls::two_polls(monitor).await });
        let mut task = pin!(task);
        assert!(poll(task.as_mut()).is_pending() && has_none());
        other.run(|| assert!(poll(task.as_mut()).is_ready()));
        assert!(has_none());
    });
    assert_callers(monitor, "Not taken", &[("-", 1)]);
    assert_callers(monitor, "Runs", &[("Outer", 1)]);
    assert_callers(monitor, "Two polls", &[("Outer", 1)]);
    assert_callers(monitor, "Second", &[("Two polls", 1)]);
}

#[test]
fn here_without_a_current_call_takes_none() {
    let monitor = new();
    monitor.scope_sync(|| {
        let nowhere = here();
        let outer = method(monitor, "Outer").start();
        outer.run(|| {
            nowhere.run(|| call(monitor, "Entry"));
            call(monitor, "Nested");
        });
    });
    assert_callers(monitor, "Entry", &[("-", 1)]);
    assert_callers(monitor, "Nested", &[("Outer", 1)]);
}

#[test]
fn here_of_another_storage_is_no_caller() {
    let (one, other) = (new(), new());
    let foreign = one.scope_sync(|| method(one, "Outer").start().run(here));
    other.scope_sync(|| {
        foreign.run(|| call(other, "Alone"));
        let own = method(other, "Own").start();
        own.run(|| foreign.run(|| call(other, "Within own")));
        let mut task = pin!(foreign.within(async { call(other, "Task") }));
        assert!(poll(task.as_mut()).is_ready());
    });
    assert_callers(other, "Alone", &[("-", 1)]);
    assert_callers(other, "Within own", &[("Own", 1)]);
    assert_callers(other, "Task", &[("-", 1)]);
}

#[test]
fn root_leaves_the_current_call_behind_at_each_poll() {
    let monitor = new();
    monitor.scope_sync(|| {
        let outer = method(monitor, "Outer").start();
        outer.run(|| {
            let mut task = pin!(root(calls::two_polls(monitor)));
            assert!(poll(task.as_mut()).is_pending());
            call(monitor, "Between");
            assert!(poll(task.as_mut()).is_ready());
            call(monitor, "Between");
        });
    });
    assert_callers(monitor, "Two polls", &[("-", 1)]);
    assert_callers(monitor, "First", &[("Two polls", 1)]);
    assert_callers(monitor, "Second", &[("Two polls", 1)]);
    assert_callers(monitor, "Between", &[("Outer", 2)]);
}

#[test]
fn a_scope_of_another_monitor_begins_without_a_current_call() {
    let (one, other) = (new(), new());
    one.scope_sync(|| {
        let outer = method(one, "Outer").start();
        outer.run(|| {
            other.scope_sync(|| call(other, "In another"));
            one.scope_sync(|| call(one, "In the same"));
            let mut future = pin!(one.scope(calls::two_polls(one)));
            assert!(poll(future.as_mut()).is_pending());
            call(one, "Behind");
            assert!(poll(future.as_mut()).is_ready());
            call(one, "Behind");
        });
    });
    assert_callers(other, "In another", &[("-", 1)]);
    assert_callers(one, "In the same", &[("Outer", 1)]);
    assert_callers(one, "Two polls", &[("Outer", 1)]);
    assert_callers(one, "Second", &[("Two polls", 1)]);
    assert_callers(one, "Behind", &[("Outer", 2)]);
}

#[test]
fn the_end_of_a_call_of_another_monitor_changes_no_current_call() {
    let (one, other) = (new(), new());
    // The first calls of two storages have equal words.
    let held = method(one, "Held").start();
    let mut suspended = Box::pin(calls::two_polls(one));
    one.scope_sync(|| assert!(poll(suspended.as_mut()).is_pending()));
    other.scope_sync(|| {
        let outer = method(other, "Held").start();
        outer.run(|| {
            call(other, "Leaf");
            drop(held);
            call(other, "Leaf");
            drop(suspended);
            call(other, "Leaf");
        });
    });
    assert_callers(other, "Leaf", &[("Held", 3)]);
}

#[test]
fn a_call_of_another_monitor_is_no_caller() {
    let (one, other) = (new(), new());
    let foreign = method(one, "Foreign").start();
    other.scope_sync(|| {
        foreign.run(|| call(other, "Leaf"));
        let mut future = pin!(foreign.within(async { call(other, "Leaf") }));
        assert!(poll(future.as_mut()).is_ready());
    });
    assert_callers(other, "Leaf", &[("-", 2)]);
    assert_eq!(other.snapshot().tasks.started, 2);
}

#[test]
fn a_nested_call_that_ends_without_a_table_is_no_entry_call() {
    let monitor = new();
    let core = monitor.storage().core.method("Late");
    core.with_fallback(true, |shard| {
        let slot = shard.begin(CallWord::new(2, 1, 0));
        shard.slots.release(slot);
        shard.succeed(crate::recording::shard::Span { start: 0, end: 1 });
    });
    let snapshot = monitor.snapshot();
    assert_eq!((snapshot.tasks.started, snapshot.tasks.completed), (0, 0));
    assert_eq!(snapshot.methods[0].success.count(), 1);
    call(monitor, "Late");
    assert_eq!(monitor.snapshot().tasks.completed, 1);
}

#[test]
fn a_record_is_handed_back_without_a_current_call() {
    let (monitor, word) = (new(), CallWord::new(2, 1, 7));
    let first = std::thread::spawn(move || {
        let leave = || thread::with(|local| mem::forget(CurrentCallScope::new(local, word)));
        // In the global storage, whose record the end of the thread hands back.
        leave();
        monitor.scope_sync(|| {
            leave();
            panic!("on purpose");
        });
    });
    assert!(first.join().is_err());
    elsewhere(monitor, || {
        assert!(has_none());
        call(monitor, "After");
    });
    assert_callers(monitor, "After", &[("-", 1)]);
    let records = monitor.storage().core.all_records();
    assert_eq!(
        records.len(),
        1,
        "the second thread took the record of the first"
    );
    assert!(records[0].current().is_none());
    let records = Monitor::global().storage().core.all_records();
    assert!(records.iter().all(|record| record.current() != word));
}

#[test]
fn a_future_that_goes_from_thread_to_thread_is_current_where_it_is_polled() {
    let (in_place, wrapped) = (new(), new());
    let mut first = Box::pin(calls::two_polls(in_place));
    elsewhere(in_place, || {
        let outer = method(in_place, "Outer").start();
        assert!(outer.run(|| poll(first.as_mut())).is_pending());
        assert!(has_none());
        call(in_place, "Behind");
    });
    elsewhere(in_place, || {
        assert!(poll(first.as_mut()).is_ready());
        assert!(has_none());
        call(in_place, "Behind");
    });
    let mut second = Box::pin(calls::two_polls_wrapped(wrapped));
    elsewhere(wrapped, || {
        assert!(poll(second.as_mut()).is_pending() && has_none());
    });
    elsewhere(wrapped, || {
        assert!(poll(second.as_mut()).is_ready() && has_none());
    });
    assert_callers(in_place, "Two polls", &[("Outer", 1)]);
    assert_callers(wrapped, "Two polls, wrapped", &[("-", 1)]);
    assert_callers(in_place, "Second", &[("Two polls", 1)]);
    assert_callers(wrapped, "Second", &[("Two polls, wrapped", 1)]);
    assert_callers(in_place, "Behind", &[("-", 2)]);
    assert_eq!((in_place.in_flight(), wrapped.in_flight()), (0, 0));
}

#[test]
fn destructors_call_from_the_call_they_run_in() {
    let monitor = new();
    monitor.scope_sync(|| {
        calls::holds_and_ends(monitor);
        assert!(catch_unwind(|| calls::panics(monitor)).is_err());
        assert_callers(monitor, "Dropped", &[("Holds and ends", 1), ("Panics", 1)]);
        let mut suspended = Box::pin(calls::holds(monitor));
        assert!(poll(suspended.as_mut()).is_pending());
        let outer = method(monitor, "Outer").start();
        outer.run(|| {
            drop(suspended);
            call(monitor, "Behind");
        });
        assert!(has_none());
    });
    let all = [("Holds and ends", 1), ("Outer", 1), ("Panics", 1)];
    assert_callers(monitor, "Dropped", &all);
    assert_callers(monitor, "Behind", &[("Outer", 1)]);
    assert_eq!(monitor.in_flight(), 0);
}

#[test]
fn a_thread_without_its_locals_has_no_current_call() {
    struct OnExit(Monitor);
    impl Drop for OnExit {
        fn drop(&mut self) {
            // After the record was handed back.
            let outer = method(self.0, "Outer").start();
            outer.run(|| call(self.0, "Inside"));
            here().run(|| call(self.0, "Here"));
            let mut future = pin!(calls::two_polls(self.0));
            assert!(poll(future.as_mut()).is_pending() && has_none());
            assert!(poll(future.as_mut()).is_ready() && has_none());
        }
    }
    std::thread_local! {
        static FIRST: std::cell::RefCell<Option<OnExit>> = const { std::cell::RefCell::new(None) };
    }
    let monitor = new();
    let thread = std::thread::spawn(move || {
        FIRST.with(|first| *first.borrow_mut() = Some(OnExit(monitor)));
        call(monitor, "Before");
    });
    thread.join().expect("no panic");
    for name in ["Outer", "Inside", "Here", "First", "Second"] {
        assert_callers(monitor, name, &[("-", 1)]);
    }
    assert_eq!(monitor.in_flight(), 0);
}
