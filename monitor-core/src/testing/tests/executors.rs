//! The same is recorded on every executor, beside other tests, in nested scopes, when futures are dropped or panic.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use super::method;
use crate::__private as rt;
use crate::testing::{Expected, Recorder, call, record, record_async, value};
use crate::{Monitor, StillRunning};

/// What an expansion does: one call of a method of the monitor in force.
mod sites {
    use crate as monitor_core;
    use crate::monitored;

    #[monitored(crate = monitor_core)]
    pub(super) fn sync() {}

    #[monitored(crate = monitor_core)]
    pub(super) async fn later(times: u32) -> Result<(), &'static str> {
        for _ in 0..times {
            super::step().await;
        }
        Err("late")
    }

    #[monitored(crate = monitor_core)]
    pub(super) async fn panics() {
        super::step().await;
        panic!("on purpose")
    }
}

use sites::{later, panics, sync};

const LIMIT: Duration = Duration::from_secs(10);

/// Once not ready, without an executor's help.
async fn step() {
    let mut is_second = false;
    poll_fn(|context| {
        if std::mem::replace(&mut is_second, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A hand-written executor: blocks the thread until the future is woken.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        thread::park();
    }
}

#[track_caller]
fn exactly<const N: usize>(recorder: &Recorder, expected: [Expected; N]) {
    recorder.recorded().assert_exactly(expected);
}

fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn tests_that_run_beside_each_other_see_only_their_own() {
    let test = |calls: u64| {
        for _ in 0..50 {
            let ((), recorded) = record(|| (0..calls).for_each(|_| sync()));
            recorded.assert_exactly([call("sync").success().times(calls)]);
        }
    };
    thread::scope(|scope| {
        for calls in 0..6 {
            scope.spawn(move || test(calls));
        }
    });
}

#[test]
fn a_hand_written_executor_will_do() {
    let (answer, recorded) = block_on(record_async(later(3)));
    assert_eq!(answer, Err("late"));
    recorded.assert_exactly([call("later").failure("other")]);
}

#[tokio::test]
async fn a_current_thread_runtime_will_do() {
    let recorder = Recorder::new();
    let tasks = [1, 2].map(|times| tokio::spawn(recorder.scope(later(times))));
    for task in tasks {
        assert!(task.await.expect("it ends").is_err());
    }
    exactly(&recorder, [call("later").failure("other").times(2)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runtime_of_several_threads_will_do() {
    let recorder = Recorder::new();
    for times in 0..100 {
        tokio::spawn(recorder.scope(later(times)));
    }
    // Beside it, another test's calls on the same threads.
    let (answer, recorded) = record_async(later(50)).await;
    assert!(answer.is_err());
    recorded.assert_exactly([call("later").failure("other")]);
    wait_for(&recorder, "later", 100).await;
    exactly(&recorder, [call("later").failure("other").times(100)]);
}

/// Waits until so many tasks began, then until all ended.
async fn wait_for(recorder: &Recorder, name: &str, calls: u64) {
    while recorder.recorded().calls(name) < calls {
        tokio::task::yield_now().await;
    }
    recorder.wait(LIMIT).await.expect("they end");
}

#[test]
fn a_future_polled_on_several_threads_records_in_one_place() {
    let recorder = Recorder::new();
    let mut future: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(recorder.scope(later(4)));
    for _ in 0..4 {
        future = thread::spawn(move || {
            assert!(poll_once(future.as_mut()).is_pending());
            future
        })
        .join()
        .expect("no panic");
        exactly(&recorder, [call("later").in_flight()]);
    }
    assert!(poll_once(future.as_mut()).is_ready());
    exactly(&recorder, [call("later").failure("other")]);
}

#[test]
fn the_inner_scope_is_the_one_that_records() {
    let (inner, outer) = record(|| {
        sync();
        let ((), inner) = record(sync);
        inner
    });
    inner.assert_exactly([call("sync").success()]);
    outer.assert_exactly([call("sync").success()]);
    let outer = Recorder::new();
    let (_, inner) = block_on(outer.scope(record_async(later(2))));
    inner.assert_exactly([call("later").failure("other")]);
    outer.recorded().assert_nothing();
}

#[test]
fn a_recorder_goes_on_after_a_panic() {
    let recorder = Recorder::new();
    let caught = recorder.catch(|| block_on(panics()));
    assert!(caught.is_err());
    recorder.scope_sync(sync);
    exactly(
        &recorder,
        [call("panics").panicked(), call("sync").success()],
    );
}

#[test]
fn a_recorder_is_used_across_a_catch_unwind_as_it_is() {
    fn takes<T: std::panic::UnwindSafe + std::panic::RefUnwindSafe + Send + Sync>(_: &T) {}
    takes(&Recorder::new());
    takes(&Recorder::new().recorded());
}

#[tokio::test(start_paused = true)]
async fn waiting_lets_a_paused_clock_move_on() {
    let recorder = Recorder::new();
    let sleeps = async {
        let _call = method(&recorder, "Sleep").start();
        tokio::time::sleep(Duration::from_hours(1)).await;
    };
    let waits = async {
        step().await;
        recorder.wait(LIMIT).await
    };
    let ((), waited) = tokio::join!(sleeps, waits);
    assert_eq!(waited, Ok(()));
    exactly(&recorder, [call("Sleep").cancelled()]);
}

#[test]
fn waiting_ends_at_the_limit() {
    let recorder = Recorder::new();
    let call = method(&recorder, "Sleep").start();
    let waited = block_on(recorder.wait(Duration::from_millis(5)));
    assert_eq!(waited, Err(StillRunning { calls: 1 }));
    drop(call);
    assert_eq!(block_on(recorder.wait(Duration::ZERO)), Ok(()));
    assert_eq!(recorder.wait_blocking(LIMIT), Ok(()));
}

#[test]
fn the_thread_that_wakes_a_waiter_ends_with_it() {
    struct NeverWoken;
    impl Wake for NeverWoken {
        fn wake(self: Arc<Self>) {}
    }
    let recorder = Recorder::new();
    let _call = method(&recorder, "Sleep").start();
    let held = Arc::new(NeverWoken);
    let waker = Waker::from(Arc::clone(&held));
    let mut wait = Box::pin(recorder.wait(LIMIT));
    let polled = wait.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    drop((wait, waker));
    let start = Instant::now();
    while Arc::strong_count(&held) > 1 {
        assert!(start.elapsed() < LIMIT, "the thread still holds the waker");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_watched_monitor_is_seen_from_now_on() -> Result<(), crate::StatsError> {
    let monitor = Monitor::new(crate::StorageConfig::default());
    monitor.inc_stats("jobs", 1)?;
    monitor.scope_sync(sync);
    let recorder = Recorder::watching(monitor);
    recorder.recorded().assert_nothing();
    monitor.inc_stats("jobs", 1)?;
    monitor.scope_sync(sync);
    exactly(&recorder, [call("sync").success(), value("jobs", 2)]);
    Ok(())
}

#[test]
fn calls_that_wait_for_a_permit_are_told() {
    const NEEDS_PERMITS: rt::SiteSettings = rt::SiteSettings {
        limited: true,
        ..rt::SiteSettings::NONE
    };
    static LIMITED: rt::CallSite = rt::CallSite::new("Limited", "", 0, NEEDS_PERMITS);
    let recorder = Recorder::new();
    let call_of = || async {
        let mut entered = rt::InPlaceCall::<false>::start(&LIMITED);
        let _permit = entered.permit(rt::limit(&1)).await;
        std::future::pending::<()>().await;
    };
    let mut first = Box::pin(recorder.scope(call_of()));
    let mut second = Box::pin(recorder.scope(call_of()));
    for future in [&mut first, &mut second] {
        assert!(poll_once(future.as_mut()).is_pending());
    }
    recorder.take().assert_exactly([
        call("Limited").in_flight().times(2),
        call("Limited").waiting(),
    ]);
    drop(first);
    recorder.take().assert_exactly([
        call("Limited").cancelled(),
        call("Limited").in_flight(),
        call("Limited").waiting(),
    ]);
    drop(second);
    let recorded = recorder.recorded();
    recorded.assert_exactly([call("Limited").cancelled().times(2)]);
    recorded.assert_exactly([
        call("Limited").cancelled().times(2),
        call("Limited").observed("permit_wait_time", [0.0]),
    ]);
}
