//! Children that go and come back.

use std::thread;

use super::*;
use crate::data::snapshot::MetricSnapshot;

fn seconds(hand: &ManualClock, seconds: u64) {
    hand.advance(Duration::from_secs(seconds));
}

#[test]
fn a_handle_on_a_removed_child_keeps_its_count_and_brings_it_back() -> Tested {
    let monitor = monitor();
    let jobs = monitor.register_counter(MetricDesc::new("my_jobs", "").labels(["id"]))?;
    let open = monitor.register_gauge(MetricDesc::new("my_open", "").labels(["id"]))?;
    let wait = monitor.register_histogram(MetricDesc::new("my_wait", "").labels(["id"]), &[])?;
    let handles = (jobs.with(["a"]), open.with(["a"]), wait.with(["a"]));
    let update = || {
        handles.0.inc_by(2);
        handles.0.inc_by_f64(0.5);
        handles.1.add(2.5);
        handles.2.observe(1.0);
    };
    update();
    for round in 2..5 {
        assert!(jobs.remove(["a"]) && open.remove(["a"]) && wait.remove(["a"]));
        assert!(!jobs.remove(["a"]) && !open.remove(["a"]) && !wait.remove(["a"]));
        assert!(samples(monitor, "my_").is_empty());
        let before = f64::from(round - 1) * 2.5;
        assert_eq!((handles.0.get(), handles.1.get()), (before, before));
        update();
        let sum = f64::from(round) * 2.5;
        assert_eq!((handles.0.get(), handles.1.get()), (sum, sum));
        assert_eq!(samples(monitor, "my_").len(), 5);
    }
    assert!(open.remove(["a"]));
    handles.1.set(7.0);
    assert_eq!(samples(monitor, "my_open"), ["my_open{id=\"a\"} 7"]);
    // Found by its label values, it is the same child.
    assert!(open.remove(["a"]) && jobs.remove(["a"]));
    let found = (open.with(["a"]).get(), jobs.with(["a"]).get());
    assert_eq!(found, (7.0, 10.0));
    assert_eq!(samples(monitor, "my_open"), ["my_open{id=\"a\"} 7"]);
    Ok(())
}

#[test]
fn a_removed_child_that_nobody_holds_begins_at_zero() -> Tested {
    let monitor = monitor();
    let jobs = monitor.register_counter(MetricDesc::new("my_jobs", "").labels(["id"]))?;
    jobs.with(["a"]).inc();
    assert!(jobs.remove(["a"]));
    assert_eq!((jobs.core.slots(), jobs.with(["a"]).get()), (0, 0.0));
    // A handle that is dropped later.
    let handle = jobs.with(["b"]);
    handle.inc();
    assert!(jobs.remove(["b"]));
    drop(handle);
    assert_eq!(jobs.with(["b"]).get(), 0.0);
    Ok(())
}

#[test]
fn a_child_starts_when_its_counts_do() -> Tested {
    let (clock, hand) = Clock::manual(1000.0);
    let monitor = Monitor::with_clock(StorageConfig::default(), clock);
    let jobs = monitor.register_counter(MetricDesc::new("my_jobs", "").labels(["id"]))?;
    monitor.register_histogram(MetricDesc::new("my_wait", ""), &[])?;
    let started = || -> Vec<Vec<f64>> {
        let metrics = monitor.snapshot().values.metrics;
        let of_metric = |metric: &MetricSnapshot| -> Vec<f64> {
            let children = metric.children.iter();
            children
                .map(|child| child.started.expect("known"))
                .collect()
        };
        metrics.iter().map(of_metric).collect()
    };
    seconds(&hand, 1);
    let held = jobs.with(["held"]);
    seconds(&hand, 1);
    jobs.with(["freed"]).inc();
    assert_eq!(started(), [vec![1001.0, 1002.0], vec![1000.0]]);
    assert!(jobs.remove(["held"]) && jobs.remove(["freed"]));
    seconds(&hand, 1);
    // One comes back with its count, one begins at zero.
    held.inc();
    jobs.with(["freed"]).inc();
    assert_eq!(started(), [vec![1001.0, 1003.0], vec![1000.0]]);
    assert!(jobs.remove(["held"]));
    drop(held);
    seconds(&hand, 1);
    jobs.with(["held"]);
    assert_eq!(started(), [vec![1003.0, 1004.0], vec![1000.0]]);
    Ok(())
}

#[test]
fn what_is_not_updated_for_long_leaves_and_comes_back() -> Tested {
    let (monitor, hand) = idling();
    let open = monitor.register_gauge(MetricDesc::new("my_open", "").labels(["id"]))?;
    let unlabelled = monitor.register_gauge(MetricDesc::new("my_other", ""))?;
    unlabelled.set(1.0);
    let held = open.with(["held"]);
    held.set(3.0);
    open.with(["gone"]).set(1.0);
    open.with(["set"]).set(1.0);
    for _ in 0..4 {
        assert_eq!(samples(monitor, "my_open").len(), 3);
        seconds(&hand, 3);
        // To the same value: an update all the same.
        open.with(["set"]).set(1.0);
    }
    assert_eq!(samples(monitor, "my_open"), ["my_open{id=\"set\"} 1"]);
    assert_eq!(open.core.slots(), 2, "one is held, one is gone");
    held.dec();
    let expected = [
        "my_open{id=\"held\"} 2",
        "my_open{id=\"set\"} 1",
        "my_other 1",
    ];
    assert_eq!(samples(monitor, "my_"), expected);
    seconds(&hand, 1000);
    samples(monitor, "my_");
    assert_eq!(samples(monitor, "my_"), ["my_other 1"]);
    Ok(())
}

#[test]
fn children_that_come_and_go_for_ever_leave_nothing_behind() -> Tested {
    let monitor = limited(0);
    let jobs = monitor.register_counter(MetricDesc::new("my_jobs", "").labels(["id"]))?;
    for n in 0..100_000 {
        let id = n.to_string();
        let handle = jobs.with([&id]);
        handle.inc();
        if n % 2 == 0 {
            drop(handle);
        }
        // The odd ones are hidden first, and held until then.
        assert!(jobs.remove([&id]));
        assert!(jobs.core.slots() <= 128);
    }
    assert!(samples(monitor, "my_").is_empty());
    Ok(())
}

#[test]
fn no_update_is_lost_beside_removals() -> Tested {
    const EACH: u32 = 20_000;
    let monitor = monitor();
    let jobs = monitor.register_counter(MetricDesc::new("my_jobs", "").labels(["id"]))?;
    let open = monitor.register_gauge(MetricDesc::new("my_open", "").labels(["id"]))?;
    let wait = monitor.register_histogram(MetricDesc::new("my_wait", "").labels(["id"]), &[0.5])?;
    let handles = (jobs.with(["a"]), open.with(["a"]), wait.with(["a"]));
    thread::scope(|scope| {
        for _ in 0..3 {
            let handles = handles.clone();
            scope.spawn(move || {
                for n in 0..EACH {
                    handles.0.inc();
                    handles.0.inc_by_f64(0.5);
                    handles.1.add(if n % 2 == 0 { 3.0 } else { -2.0 });
                    handles.2.observe(1.0);
                }
            });
        }
        for _ in 0..2000 {
            jobs.remove(["a"]);
            open.remove(["a"]);
            wait.remove(["a"]);
            samples(monitor, "my_");
        }
    });
    let n = f64::from(3 * EACH);
    assert_eq!((handles.0.get(), handles.1.get()), (1.5 * n, n / 2.0));
    let fed = (handles.2.count(), handles.2.sum());
    assert_eq!(fed, (u64::from(3 * EACH), n));
    handles.0.inc();
    handles.1.add(0.0);
    handles.2.observe(0.0);
    assert_eq!(samples(monitor, "my_").len(), 6);
    Ok(())
}
