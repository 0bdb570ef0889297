//! Checks that run, fail, panic and hang, on a clock that is moved by hand and on threads that are not.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use monitor_core::HealthStatus;

use super::*;
use crate::health::{Check, Probe};

const SECOND: Duration = Duration::from_secs(1);

/// A check that runs on the test's own runtime, so that its clock can be moved.
fn running(check: Check, probe: Probe) -> Arc<Entry> {
    let name = "db".into();
    let entry = Arc::new(Entry::new(Registered { name, check, probe }, None));
    tokio::spawn(keep_running(Arc::clone(&entry), Arc::default()));
    entry
}

fn seen(entry: &Entry) -> (HealthStatus, Option<String>) {
    let report = entry.report();
    (
        report.status,
        report.output.map(|output| output.to_string()),
    )
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
        Probe::of_future(move || {
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
async fn what_does_not_end_is_dropped_at_its_limit_and_tried_again() {
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
        Probe::of_future(move || {
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
    struct Bad;
    impl std::fmt::Display for Bad {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("a broken Display")
        }
    }
    let run = AtomicU32::new(0);
    let entry = running(
        every_ten(),
        Probe::of_future(move || {
            let run = run.fetch_add(1, Ordering::SeqCst);
            assert!(run != 0, "before the future");
            async move {
                assert!(run != 1, "in the future");
                if run == 2 { Err(Bad) } else { Ok(()) }
            }
        }),
    );
    tokio::time::sleep(SECOND).await;
    for _ in 0..3 {
        assert_eq!(
            seen(&entry),
            (HealthStatus::Down, Some("it panicked".to_owned()))
        );
        tokio::time::sleep(SECOND * 10).await;
    }
    assert_eq!(seen(&entry).0, HealthStatus::Up);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_what_a_check_drops_is_a_failure_and_the_next_run_comes() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("a broken Drop");
        }
    }
    /// Is there at once, and panics when it is dropped after that.
    struct Late(Bomb);
    impl Future for Late {
        type Output = Result<(), &'static str>;
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
            let Self(Bomb) = &*self;
            Poll::Ready(Ok(()))
        }
    }
    type Kind = Pin<Box<dyn Future<Output = Result<(), &'static str>> + Send>>;
    let run = AtomicU32::new(0);
    let entry = running(
        every_ten(),
        Probe::of_future(move || -> Kind {
            match run.fetch_add(1, Ordering::SeqCst) {
                0 => Box::pin(async {
                    let _bomb = Bomb;
                    std::future::pending().await
                }),
                1 => Box::pin(Late(Bomb)),
                _ => Box::pin(async { Ok(()) }),
            }
        }),
    );
    tokio::time::sleep(SECOND * 3).await;
    for _ in 0..2 {
        let panicked = (HealthStatus::Down, Some("it panicked".to_owned()));
        assert_eq!(seen(&entry), panicked);
        tokio::time::sleep(SECOND * 10).await;
    }
    assert_eq!(seen(&entry).0, HealthStatus::Up);
}

/// Waits for what happens on another thread, for as long as a busy machine may take.
fn eventually(what: &str, happened: impl Fn() -> bool) {
    let begin = std::time::Instant::now();
    while !happened() {
        assert!(begin.elapsed() < SECOND * 30, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn status(checks: &Checks, name: &str) -> Option<HealthStatus> {
    let reports = checks.reports();
    let found = reports.into_iter().find(|one| &*one.name == name);
    found.map(|one| one.status)
}

#[test]
fn a_call_that_hangs_is_down_runs_once_and_holds_nobody() {
    let checks = Checks::new(Arc::default());
    checks.prepare().expect("a thread");
    let quick = Check::every(Duration::from_millis(10)).timeout(Duration::from_millis(20));
    let (hangs, runs) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU32::new(0)));
    let (held, counted) = (Arc::clone(&hangs), Arc::clone(&runs));
    let hanging = Probe::of_call(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        while held.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok::<(), String>(())
    });
    let panicking = Probe::of_call(|| -> Result<(), String> { panic!("a broken check") });
    let patient = Check::every(Duration::from_millis(10)).timeout(SECOND * 30);
    for (name, check, probe) in [
        ("hangs", quick, hanging),
        ("panics", patient.clone(), panicking),
        ("well", patient, Probe::of_call(|| Ok::<(), String>(()))),
    ] {
        let name = name.into();
        checks.begin(Registered { name, check, probe });
    }
    eventually("it overruns", || {
        status(&checks, "hangs") == Some(HealthStatus::Down)
    });
    eventually("it panics", || {
        status(&checks, "panics") == Some(HealthStatus::Down)
    });
    eventually("it is well", || {
        status(&checks, "well") == Some(HealthStatus::Up)
    });
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    hangs.store(false, Ordering::SeqCst);
    eventually("it comes back", || runs.load(Ordering::SeqCst) > 3);
    hangs.store(true, Ordering::SeqCst);
    let begin = std::time::Instant::now();
    checks.stop();
    assert!(begin.elapsed() < SECOND * 5, "{:?}", begin.elapsed());
    hangs.store(false, Ordering::SeqCst);
}

#[test]
fn a_future_that_blocks_its_thread_does_not_hold_the_stop() {
    let checks = Checks::new(Arc::default());
    checks.prepare().expect("a thread");
    let (blocks, started) = (
        Arc::new(AtomicBool::new(true)),
        Arc::new(AtomicBool::new(false)),
    );
    let (held, told) = (Arc::clone(&blocks), Arc::clone(&started));
    checks.begin(Registered {
        name: "blocks".into(),
        check: Check::default(),
        probe: Probe::of_future(move || {
            let (held, told) = (Arc::clone(&held), Arc::clone(&told));
            async move {
                told.store(true, Ordering::SeqCst);
                while held.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Ok::<(), String>(())
            }
        }),
    });
    eventually("it runs", || started.load(Ordering::SeqCst));
    let begin = std::time::Instant::now();
    checks.stop();
    assert!(begin.elapsed() < SECOND * 5, "{:?}", begin.elapsed());
    blocks.store(false, Ordering::SeqCst);
    // For good.
    checks.prepare().expect("nothing to do");
    checks.begin(Registered {
        name: "after".into(),
        check: Check::default(),
        probe: Probe::of_call(|| Ok::<(), String>(())),
    });
    assert!(!checks.has("after"));
}

#[test]
fn a_future_that_blocks_its_thread_makes_the_others_late_until_it_returns() {
    let checks = Checks::new(Arc::default());
    checks.prepare().expect("a thread");
    let blocks = Arc::new(AtomicBool::new(false));
    let held = Arc::clone(&blocks);
    let blocking = Probe::of_future(move || {
        let held = Arc::clone(&held);
        async move {
            while held.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
            Ok::<(), String>(())
        }
    });
    let well = Probe::of_future(|| async { Ok::<(), String>(()) });
    let check = Check::every(Duration::from_millis(10)).timeout(Duration::from_millis(300));
    for (name, probe) in [("blocks", blocking), ("well", well)] {
        let (name, check) = (name.into(), check.clone());
        checks.begin(Registered { name, check, probe });
    }
    eventually("it is well", || {
        status(&checks, "well") == Some(HealthStatus::Up)
    });
    blocks.store(true, Ordering::SeqCst);
    for name in ["well", "blocks"] {
        eventually("it is late", || {
            let mut reports = checks.reports().into_iter();
            let report = reports.find(|report| &*report.name == name);
            let output = report.and_then(|report| report.output);
            output.is_some_and(|output| output.starts_with("late: no result for"))
        });
    }
    blocks.store(false, Ordering::SeqCst);
    for name in ["well", "blocks"] {
        eventually("it comes back", || {
            status(&checks, name) == Some(HealthStatus::Up)
        });
    }
    checks.stop();
}

#[test]
fn a_check_is_replaced_and_removed_by_name() {
    let checks = Checks::new(Arc::default());
    checks.prepare().expect("a thread");
    let check = |answer: Result<(), &'static str>| Registered {
        name: "db".into(),
        check: Check::default().ready(),
        probe: Probe::of_future(move || async move { answer }),
    };
    checks.begin(check(Err("refused")));
    eventually("it fails", || {
        status(&checks, "db") == Some(HealthStatus::Down)
    });
    checks.begin(check(Ok(())));
    eventually("it is well", || {
        status(&checks, "db") == Some(HealthStatus::Up)
    });
    assert!(checks.has("db") && checks.any_ready());
    assert!(checks.remove("db"));
    assert!(!checks.remove("db") && !checks.has("db") && !checks.any_ready());
    assert_eq!(checks.reports(), []);
    checks.stop();
}

#[tokio::test(start_paused = true)]
async fn the_result_of_a_check_that_is_replaced_stands_while_it_is_young() {
    let endless = || Probe::of_future(std::future::pending::<Result<(), String>>);
    let next = |check, earlier: &Entry| {
        let name = "db".into();
        let probe = endless();
        seen(&Entry::new(
            Registered { name, check, probe },
            Some(earlier),
        ))
        .0
    };
    let unknown = running(every_ten(), endless());
    assert_eq!(next(every_ten(), &unknown), HealthStatus::Unknown);
    for (answer, status) in [
        (Ok(()), HealthStatus::Up),
        (Err("refused"), HealthStatus::Down),
    ] {
        let earlier = running(every_ten(), Probe::of_future(move || async move { answer }));
        tokio::time::sleep(SECOND * 5).await;
        assert_eq!(next(every_ten(), &earlier), status);
        let quick = Check::every(SECOND).timeout(SECOND);
        assert_eq!(next(quick, &earlier), HealthStatus::Unknown);
    }
}

#[test]
fn what_checks_hold_is_let_go_of_when_they_are_stopped() {
    let checks = Checks::new(Arc::default());
    checks.prepare().expect("a thread");
    let held = Arc::new(());
    for (name, is_async) in [("async", true), ("blocking", false)] {
        let held = Arc::clone(&held);
        let call = move || {
            let is_held = Arc::strong_count(&held) > 0;
            is_held.then_some(()).ok_or("let go of")
        };
        let probe = if is_async {
            Probe::of_future(move || std::future::ready(call()))
        } else {
            Probe::of_call(call)
        };
        let (name, check) = (name.into(), Check::default());
        checks.begin(Registered { name, check, probe });
    }
    assert!(Arc::strong_count(&held) > 1);
    checks.stop();
    // A thread that was still at it lets go a moment later.
    eventually("nothing is held", || Arc::strong_count(&held) == 1);
    assert_eq!(checks.reports(), []);
}
