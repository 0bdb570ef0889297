//! What recording costs in memory: counted, at the sizes of a large service.

use std::sync::atomic::{AtomicU64, Ordering};

use allocation_counter::measure;
use monitor_core::names::{Exporter, Profile};
use monitor_core::{CallGuard, Clock, Keep, Method, Monitor, Outcome, StorageConfig};

/// The promise: 3 KiB a (method, thread) for counts, durations and their ring.
const SHARD_LIMIT: u64 = 3 * 1024;

/// The promise: 64 bytes a task in flight.
const TASK_LIMIT: u64 = 64;

fn monitor() -> Monitor {
    Monitor::new(StorageConfig::default())
}

fn methods(monitor: Monitor, count: usize) -> Vec<Method> {
    (0..count)
        .map(|i| monitor.method(&format!("method {i}")).expect("a good name"))
        .collect()
}

#[test]
fn many_threads_of_many_methods_stay_within_the_promise() {
    const THREADS: u64 = 128;
    const METHODS: u64 = 500;
    let monitor = monitor();
    let methods = methods(monitor, 500);
    let bytes = AtomicU64::new(0);
    // All at once: a thread that ended would leave its shards to the next.
    let barrier = std::sync::Barrier::new(128);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let counted = measure(|| {
                    for method in &methods {
                        method.start().finish(Outcome::Success);
                    }
                });
                bytes.fetch_add(counted.bytes_total, Ordering::Relaxed);
                barrier.wait();
            });
        }
    });
    let each = bytes.into_inner() / (THREADS * METHODS);
    println!("{each} bytes a (method, thread)");
    assert!(each <= SHARD_LIMIT, "{each}");
    let tasks = monitor.snapshot().tasks;
    let counts = (tasks.started, tasks.completed);
    assert_eq!(counts, (THREADS * METHODS, THREADS * METHODS));
}

#[test]
fn a_million_tasks_in_flight_stay_within_the_promise() {
    const TASKS: u64 = 1_000_000;
    let get = methods(monitor(), 1)[0];
    get.start().finish(Outcome::Success);
    let mut calls: Vec<CallGuard> = Vec::with_capacity(1_000_000);
    let counted = measure(|| calls.extend((0..TASKS).map(|_| get.start())));
    let each = counted.bytes_total / TASKS + size_of::<CallGuard>() as u64;
    println!("{each} bytes a task in flight, its guard included");
    assert!(each <= TASK_LIMIT, "{each}");
    assert_eq!(get.in_flight(), TASKS);
    // As many again in the same slots, and none of it allocates.
    calls.clear();
    let again = measure(|| calls.extend((0..TASKS).map(|_| get.start())));
    assert_eq!(again.count_total, 0);
}

#[test]
fn threads_that_come_and_go_leave_memory_flat() {
    const THREADS: u64 = 10_000;
    // Time stands still: the first call that is interrupted, and so far longer than all before, has to make room for that.
    let monitor = Monitor::with_clock(StorageConfig::default(), Clock::manual(0.0).0);
    let methods = methods(monitor, 5);
    let mut allocating = 0;
    for _ in 0..THREADS {
        let methods = methods.clone();
        let thread = std::thread::spawn(move || {
            // In force, as the global storage is for a service; another one is found through a list of the thread's.
            monitor.scope_sync(|| {
                let counted = measure(|| {
                    for method in &methods {
                        method.start().finish(Outcome::Success);
                    }
                });
                counted.count_total
            })
        });
        allocating += u64::from(thread.join().expect("no panic") > 0);
    }
    // The first makes the record that all others adopt.
    assert_eq!(allocating, 1);
    let mut methods = monitor.snapshot().methods.into_iter();
    assert!(methods.all(|method| method.success.count() == THREADS));
}

#[test]
fn a_dynamic_series_stays_within_the_promise() {
    const SERIES: u64 = 10_000;
    let mut config = StorageConfig::default();
    config.max_series = 0;
    let monitor = Monitor::new(config);
    let keys: Vec<String> = (0..SERIES)
        .map(|i| format!("jobs___queue__number {i}"))
        .collect();
    let counted = measure(|| {
        for key in &keys {
            monitor.inc_stats(key, 1).expect("a number");
        }
    });
    let each = u64::try_from(counted.bytes_current).expect("more than before") / SERIES;
    println!("{each} bytes a dynamic series");
    assert!(each <= 300, "{each}");
}

#[test]
fn a_million_keys_that_come_and_go_leave_memory_flat() {
    const KEYS: u32 = 1_000_000;
    let monitor = monitor();
    let exporter = Exporter::new(Profile::Servicekit);
    let come_and_go = |from: u32, to: u32| {
        measure(|| {
            for n in from..to {
                // The name differs too: a family for each.
                let key = format!("request_{n}_time___id__{n}");
                let recorded = match n % 10 {
                    // A list, with a histogram.
                    0 => monitor.append_stats(&key, 1, Keep::Default),
                    _ => monitor.inc_stats(&key, 1).map(drop),
                };
                assert!(recorded.is_ok());
                if n % 100_000 == 0 {
                    // Some are on a page, whose names are remembered while they are there.
                    exporter.families(&monitor.snapshot());
                }
                assert!(monitor.remove_stats(&key).is_some());
            }
        })
        .bytes_current
    };
    let first = come_and_go(0, KEYS / 10);
    let rest = come_and_go(KEYS / 10, KEYS);
    println!("{first} bytes after the first tenth, {rest} more after the rest");
    assert!(first < 4_000_000 && rest < 10_000, "{first}, {rest}");
    assert!(monitor.snapshot().values.entries.is_empty());
}
