//! Values by key from several threads.

use std::thread;

use super::*;
use crate::base::sync::Mutex;

#[test]
fn no_update_is_lost_whoever_changes_the_type() {
    const EACH: i64 = 20_000;
    let values = values();
    let by = [1.into(), 1.0.into(), 1.into(), StatNumber::Float(0.5)];
    thread::scope(|scope| {
        for by in by {
            let values = &values;
            scope.spawn(move || {
                let counter = values.counter("k___a__b");
                for n in 0..EACH {
                    match &counter {
                        Ok(counter) if n % 2 == 0 => counter.add(by),
                        _ => assert!(values.inc("k___a__b", by).is_ok()),
                    }
                    assert!(
                        values.exported(BucketKind::Classic).entries[0]
                            .value
                            .as_number()
                            .is_some()
                            || n > 100
                    );
                }
            });
        }
    });
    assert_eq!(value(&values, "k___a__b"), Some(StatValue::Float(70_000.0)));
}

#[test]
fn no_update_is_lost_beside_the_edge_of_the_fast_path() {
    let values = values();
    let start = (1 << 61) - 5_000;
    assert_eq!(values.set("k", StatValue::Int(start)), Ok(()));
    thread::scope(|scope| {
        for by in [1, 1, 2, 2] {
            let values = &values;
            scope.spawn(move || (0..5_000).for_each(|_| assert!(values.inc("k", by).is_ok())));
        }
    });
    assert_eq!(value(&values, "k"), Some(StatValue::Int(start + 30_000)));
}

#[test]
fn a_histogram_beside_writers_adds_up() {
    let values = values();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5_000 {
                    let appended = values.append("wait_time", 1.into(), Keep::from_max_count(1));
                    assert!(appended.is_ok());
                }
            });
        }
        for _ in 0..100 {
            if let Some(fed) = histogram(&values, "wait_time") {
                assert!(StatNumber::from(fed.counts[2]).as_f64() >= fed.sum);
            }
        }
    });
    let fed = histogram(&values, "wait_time").map(|fed| (fed.count(), fed.sum));
    assert_eq!(fed, Some((20_000, 20_000.0)));
}

#[test]
fn keys_made_at_once_are_made_once() {
    let values = limited(50);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for n in 0..200 {
                    assert!(values.inc(&format!("k___n__{n}"), 1).is_ok());
                }
            });
        }
    });
    let snapshot = values.snapshot();
    assert_eq!(snapshot.entries.len(), 51);
    let numbers = snapshot
        .entries
        .iter()
        .filter_map(|entry| entry.value.as_number());
    assert_eq!(numbers.map(StatNumber::as_f64).sum::<f64>(), 800.0);
}

#[test]
fn values_work_in_the_destructor_of_a_thread_local() {
    struct Last(Arc<Values>);
    impl Drop for Last {
        fn drop(&mut self) {
            let _ = self.0.inc("ended", 1);
            let point = map([("run_time", 1.into())]);
            let _ = self.0.append("stats", point, Keep::Default);
        }
    }
    thread_local!(static LAST: std::cell::RefCell<Option<Last>> = const { std::cell::RefCell::new(None) });
    let shared = Arc::new(values());
    let theirs = Arc::clone(&shared);
    let ended = thread::spawn(move || {
        LAST.with(|last| *last.borrow_mut() = Some(Last(Arc::clone(&theirs))));
        theirs.inc("begun", 1)
    });
    assert!(matches!(ended.join(), Ok(Ok(_))));
    assert_eq!(value(&shared, "ended"), Some(1.into()));
}

#[test]
fn a_panicking_holder_of_a_lock_stops_nobody() {
    let mutex = Mutex::new(1);
    let panicked = thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let _guard = lock(&mutex);
            panic!("on purpose");
        });
        thread.join()
    });
    assert!(panicked.is_err());
    assert_eq!(*lock(&mutex), 1);
}
