//! Checks that run, fail, panic and hang, on a clock that is moved by hand and on threads that are not.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use super::*;
use crate::runtime::block_on;

const UP: Option<HealthStatus> = Some(HealthStatus::Up);
const DOWN: Option<HealthStatus> = Some(HealthStatus::Down);

const SECOND: Duration = Duration::from_secs(1);

/// A check that runs on the test's own runtime, so that its clock can be moved.
fn running(check: Check, probe: CheckCode) -> Arc<Entry> {
    let name = "db".into();
    let registered = Registered { name, check, probe };
    let here = Some(Handle::current());
    let entry = Arc::new(Entry::new(registered, here, Pool::default(), None));
    tokio::spawn(schedule(Arc::clone(&entry), Arc::default()));
    entry
}

fn output_of(report: HealthPart) -> Option<String> {
    match report.details {
        PartDetails::Check(_, output) => output.map(|output| output.to_string()),
        PartDetails::Task(_) | PartDetails::Watched(_) => None,
    }
}

fn seen(entry: &Entry) -> (HealthStatus, Option<String>) {
    let report = entry.report();
    (report.status, output_of(report))
}

fn every_ten() -> Check {
    Check::every(SECOND * 10).timeout(SECOND * 2)
}

#[tokio::test(start_paused = true)]
async fn a_check_runs_at_once_and_then_at_its_interval() {
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let entry = running(
        every_ten(),
        CheckCode::of_future((), move |()| {
            let run = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                tokio::time::sleep(SECOND).await;
                if run == 1 { Err("refused") } else { Ok(()) }
            }
        }),
    );
    assert_eq!(seen(&entry).0, HealthStatus::Unknown);
    assert_eq!(entry.report().age, None);
    tokio::time::sleep(SECOND + SECOND / 2).await;
    assert_eq!(seen(&entry).0, HealthStatus::Up);
    assert_eq!(entry.report().age, Some(SECOND / 2));
    tokio::time::sleep(SECOND * 10).await;
    assert_eq!(
        seen(&entry),
        (HealthStatus::Down, Some("refused".to_owned()))
    );
    tokio::time::sleep(SECOND * 10).await;
    assert_eq!(seen(&entry).0, HealthStatus::Up);
    assert_eq!(runs.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_end_is_aborted_at_its_limit_and_tried_again() {
    struct Dropped(Arc<AtomicU32>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let dropped = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&dropped);
    let entry = running(
        every_ten(),
        CheckCode::of_future((), move |()| {
            let dropped = Dropped(Arc::clone(&counted));
            async move {
                std::future::pending::<()>().await;
                drop(dropped);
                Ok::<(), String>(())
            }
        }),
    );
    tokio::time::sleep(SECOND * 3).await;
    let late = (HealthStatus::Down, Some("no answer within 2s".to_owned()));
    assert_eq!(seen(&entry), late);
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    tokio::time::sleep(SECOND * 10).await;
    assert_eq!(seen(&entry), late);
    assert_eq!(dropped.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_panic_wherever_it_happens_is_a_failure_and_the_next_run_comes() {
    struct BrokenDisplay;
    impl fmt::Display for BrokenDisplay {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("a broken Display")
        }
    }
    struct BrokenDrop;
    impl Drop for BrokenDrop {
        fn drop(&mut self) {
            panic!("a broken Drop");
        }
    }
    /// Is there at once, and panics when it is dropped after that.
    struct Late(BrokenDrop);
    impl Future for Late {
        type Output = Result<(), BrokenDisplay>;
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
            let Self(BrokenDrop) = &*self;
            Poll::Ready(Ok(()))
        }
    }
    type Kind = Pin<Box<dyn Future<Output = Result<(), BrokenDisplay>> + Send>>;
    let run = AtomicU32::new(0);
    let entry = running(
        every_ten(),
        CheckCode::of_future((), move |()| -> Kind {
            match run.fetch_add(1, Ordering::SeqCst) {
                0 => panic!("before the future"),
                1 => Box::pin(async { panic!("in the future") }),
                2 => Box::pin(async { Err(BrokenDisplay) }),
                3 => Box::pin(async {
                    let _dropped = BrokenDrop;
                    std::future::pending().await
                }),
                4 => Box::pin(Late(BrokenDrop)),
                _ => Box::pin(async { Ok(()) }),
            }
        }),
    );
    tokio::time::sleep(SECOND * 3).await;
    let panicked = "it panicked";
    let late = "no answer within 2s";
    for output in [panicked, panicked, panicked, late, panicked] {
        assert_eq!(seen(&entry), (HealthStatus::Down, Some(output.to_owned())));
        tokio::time::sleep(SECOND * 10).await;
    }
    assert_eq!(seen(&entry).0, HealthStatus::Up);
}

/// Waits for an event on another thread, for as long as a busy machine may take.
#[track_caller]
fn eventually(happened: impl Fn() -> bool) {
    let begin = std::time::Instant::now();
    while !happened() {
        assert!(begin.elapsed() < SECOND * 30, "it never happened");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn part(checks: &Checks, name: &str) -> Option<HealthPart> {
    let mut reports = checks.reports().into_iter();
    reports.find(|one| &*one.name == name)
}

fn status(checks: &Checks, name: &str) -> Option<HealthStatus> {
    part(checks, name).map(|one| one.status)
}

/// Checks of a server that has no runtime which serves.
fn started(service: Option<Handle>) -> Checks {
    let checks = Checks::new(service, Arc::default());
    checks
        .start_alone(Pool::default(), Vec::new())
        .expect("a thread");
    checks
}

fn begin(checks: &Checks, name: &str, check: Check, probe: CheckCode) {
    let name = name.into();
    checks.begin(Registered { name, check, probe });
}

/// A call that finds everything well.
fn well() -> CheckCode {
    CheckCode::of_call(|| Ok::<(), String>(()))
}

/// The runtime of a service, with two threads.
fn service() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().build();
    runtime.expect("a runtime")
}

fn output(checks: &Checks, name: &str) -> String {
    part(checks, name).and_then(output_of).unwrap_or_default()
}

#[test]
fn a_call_that_hangs_is_down_runs_once_and_holds_nobody() {
    let checks = started(None);
    let quick = Check::every(Duration::from_millis(10)).timeout(Duration::from_millis(20));
    let (hangs, runs) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU32::new(0)));
    let (held, counted) = (Arc::clone(&hangs), Arc::clone(&runs));
    let hanging = CheckCode::of_call(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        while held.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok::<(), String>(())
    });
    let panicking = CheckCode::of_call(|| -> Result<(), String> { panic!("a broken check") });
    let patient = Check::every(Duration::from_millis(10)).timeout(SECOND * 30);
    for (name, check, probe) in [
        ("hangs", quick, hanging),
        ("panics", patient.clone(), panicking),
        ("well", patient, well()),
    ] {
        begin(&checks, name, check, probe);
    }
    eventually(|| status(&checks, "hangs") == DOWN);
    eventually(|| status(&checks, "panics") == DOWN);
    eventually(|| status(&checks, "well") == UP);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    hangs.store(false, Ordering::SeqCst);
    eventually(|| runs.load(Ordering::SeqCst) > 3);
    hangs.store(true, Ordering::SeqCst);
    let begin = std::time::Instant::now();
    checks.stop();
    let took = begin.elapsed();
    assert!(took < SECOND * 5, "{took:?}");
    hangs.store(false, Ordering::SeqCst);
}

/// A check that blocks its thread while the flag is set.
fn blocking_while(flag: &Arc<AtomicBool>, begun: &Arc<AtomicBool>) -> CheckCode {
    let state = (Arc::clone(flag), Arc::clone(begun));
    CheckCode::of_future(state, |(flag, begun)| async move {
        begun.store(true, Ordering::SeqCst);
        while flag.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok::<(), String>(())
    })
}

#[test]
fn a_future_that_blocks_its_thread_does_not_hold_the_stop() {
    let runtime = service();
    for service in [None, Some(runtime.handle().clone())] {
        let checks = started(service);
        let (blocks, begun) = (Arc::new(AtomicBool::new(true)), Arc::default());
        let probe = blocking_while(&blocks, &begun);
        begin(&checks, "blocks", Check::default(), probe);
        eventually(|| begun.load(Ordering::SeqCst));
        let stop = std::time::Instant::now();
        checks.stop();
        assert!(stop.elapsed() < SECOND * 5, "{:?}", stop.elapsed());
        blocks.store(false, Ordering::SeqCst);
        // For good.
        begin(&checks, "after", Check::default(), well());
        assert!(!checks.has("after"));
    }
}

#[test]
fn a_runtime_that_hangs_or_has_stopped_is_the_reason_that_a_check_is_down() {
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let checks = started(Some(runtime.handle().clone()));
    let check = Check::every(Duration::from_millis(20)).timeout(Duration::from_millis(20));
    let probe = CheckCode::of_future((), |()| async { Ok::<(), String>(()) });
    begin(&checks, "db", check, probe);
    eventually(|| {
        output(&checks, "db") == "no answer within 20ms: the runtime that it runs on is busy"
    });
    runtime.block_on(async {
        while status(&checks, "db") != UP {
            tokio::task::yield_now().await;
        }
    });
    drop(runtime);
    eventually(|| output(&checks, "db") == "the runtime that it runs on has stopped");
    checks.stop();
}

#[tokio::test]
async fn a_run_that_is_stopped_before_it_has_begun_asks_nothing() {
    let runs = Arc::new(AtomicU32::new(0));
    let probe = CheckCode::of_future(Arc::clone(&runs), |runs| async move {
        runs.fetch_add(1, Ordering::SeqCst);
        Ok::<(), String>(())
    });
    let (name, check) = ("db".into(), every_ten());
    let registered = Registered { name, check, probe };
    let entry = Entry::new(registered, Some(Handle::current()), Pool::default(), None);
    let begun = entry.begin(Arc::default(), &mut None);
    let mut run = begun.expect("it has a runtime");
    run.abort_all();
    let ended = run.join_next().await.expect("one task");
    assert!(ended.is_err_and(|error| error.is_cancelled()));
    assert_eq!(runs.load(Ordering::SeqCst), 0);
}

#[monitor_core::monitored(method = "Asked by a check")]
async fn asked_by_a_check() -> Result<(), String> {
    tokio::task::yield_now().await;
    Ok(())
}

#[monitor_core::monitored(method = "Asked by a blocking check")]
fn asked_by_a_blocking_check() -> Result<(), String> {
    Ok(())
}

#[monitor_core::monitored(method = "Spawned by a check")]
async fn spawned_by_a_check() {
    tokio::task::yield_now().await;
}

#[test]
fn what_checks_call_is_not_recorded() {
    let runtime = service();
    for service in [None, Some(runtime.handle().clone())] {
        let spawns = service.is_none();
        let checks = started(service);
        let asks = CheckCode::of_future(spawns, |spawns| async move {
            if spawns {
                let spawned = tokio::spawn(spawned_by_a_check());
                spawned.await.map_err(|error| error.to_string())?;
            }
            asked_by_a_check().await
        });
        for (name, probe) in [
            ("async", asks),
            ("blocking", CheckCode::of_call(asked_by_a_blocking_check)),
        ] {
            let often = Check::every(Duration::from_millis(1));
            begin(&checks, name, often, probe);
        }
        for name in ["async", "blocking"] {
            eventually(|| status(&checks, name) == UP);
        }
        checks.stop();
    }
    let recorded = Monitor::global().snapshot();
    let of_checks = recorded
        .methods
        .iter()
        .filter(|one| one.name.contains("check"));
    assert_eq!(of_checks.map(|one| one.started).sum::<u64>(), 0);
}

#[test]
fn what_checks_hold_is_not_dropped_on_the_thread_that_schedules() {
    struct Held(std::sync::mpsc::Sender<std::thread::ThreadId>);
    impl Drop for Held {
        fn drop(&mut self) {
            let _ = self.0.send(std::thread::current().id());
        }
    }
    let (dropped, on) = std::sync::mpsc::channel();
    let checks = started(None);
    let scheduling = {
        let host = lock(&checks.host);
        let host = host.as_ref().expect("it has started");
        let id = host.0.spawn(async { std::thread::current().id() });
        block_on(id).expect("no panic")
    };
    for _ in 0..20 {
        let held = Arc::new(Held(dropped.clone()));
        let probe = CheckCode::of_future(held, |_| async { Ok::<(), String>(()) });
        let often = Check::every(Duration::from_millis(1)).ready();
        begin(&checks, "db", often, probe);
        eventually(|| status(&checks, "db") == UP);
        assert!(checks.any_ready() && checks.remove("db") && !checks.any_ready());
        let on = on.recv_timeout(SECOND * 30).expect("it is dropped");
        assert_ne!(on, scheduling);
    }
}

#[tokio::test(start_paused = true)]
async fn the_result_of_a_check_that_is_replaced_stands_while_it_is_young() {
    let endless = || CheckCode::of_future((), |()| std::future::pending::<Result<(), String>>());
    let next = |check, earlier: &Entry| {
        let name = "db".into();
        let probe = endless();
        let next = Registered { name, check, probe };
        seen(&Entry::new(next, None, Pool::default(), Some(earlier))).0
    };
    let unknown = running(every_ten(), endless());
    assert_eq!(next(every_ten(), &unknown), HealthStatus::Unknown);
    for (answer, status) in [
        (Ok(()), HealthStatus::Up),
        (Err("refused"), HealthStatus::Down),
    ] {
        let earlier = running(
            every_ten(),
            CheckCode::of_future((), move |()| async move { answer }),
        );
        tokio::time::sleep(SECOND * 5).await;
        assert_eq!(next(every_ten(), &earlier), status);
        let quick = Check::every(SECOND).timeout(SECOND);
        assert_eq!(next(quick, &earlier), HealthStatus::Unknown);
    }
}

#[test]
fn what_checks_hold_is_let_go_of_when_they_are_stopped() {
    let checks = started(None);
    let held = Arc::new(());
    for (name, is_async) in [("async", true), ("blocking", false)] {
        let held = Arc::clone(&held);
        let call = move || {
            let is_held = Arc::strong_count(&held) > 0;
            is_held.then_some(()).ok_or("let go of")
        };
        let probe = if is_async {
            CheckCode::of_future((), move |()| std::future::ready(call()))
        } else {
            CheckCode::of_call(call)
        };
        begin(&checks, name, Check::default(), probe);
    }
    assert!(Arc::strong_count(&held) > 1);
    checks.stop();
    // A thread that was still at it lets go a moment later.
    eventually(|| Arc::strong_count(&held) == 1);
    assert_eq!(checks.reports(), []);
}

#[test]
fn a_result_counts_until_it_is_late_and_a_failure_stays_one() {
    let check = every_ten();
    let failed: RunResult = Err("refused".into());
    let judged = |last: Option<&RunResult>, age| {
        let (status, output) = check.judge(last, age);
        (status, output.as_deref().map(str::to_owned))
    };
    let twelve = SECOND * 12;
    assert_eq!(judged(Some(&Ok(())), twelve), (HealthStatus::Up, None));
    assert_eq!(judged(None, twelve), (HealthStatus::Unknown, None));
    for age in [SECOND, twelve, SECOND * 1000] {
        let refused = (HealthStatus::Down, Some("refused".to_owned()));
        assert_eq!(judged(Some(&failed), age), refused);
    }
    let just_late = Duration::from_millis(12_001);
    let late = (
        HealthStatus::Down,
        Some("late: no result for 12.0 s".to_owned()),
    );
    for last in [Some(&Ok(())), None] {
        assert_eq!(judged(last, just_late), late);
    }
}

#[test]
fn the_longest_times_do_not_overflow() {
    let check = Check::every(Duration::MAX).timeout(Duration::MAX);
    assert_eq!(check.judge(None, Duration::MAX).0, HealthStatus::Unknown);
}

#[test]
fn a_long_text_is_cut_at_a_character() {
    assert_eq!(&*as_text("short"), "short");
    let long = "\u{e4}".repeat(600);
    assert_eq!(*as_text(&long), *format!("{}..", "\u{e4}".repeat(512)));
    assert_eq!(as_text(format!("a{long}")).len(), 1023 + 2);
}
