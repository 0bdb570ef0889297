//! What recording costs in memory, counted by an allocator: `memory`.
//!
//! Exit status 1 if a promise falls short.

use std::process::ExitCode;
use std::thread;

use allocation_counter::measure;
use monitor_core::{CallGuard, Method, Monitor, Outcome, StorageConfig};

const METHODS: u64 = 500;
const THREADS: usize = 8;
const TASKS: usize = 1_000_000;
const SERIES: u64 = 10_000;

struct Cost {
    what: &'static str,
    bytes: u64,
    promise: u64,
}

fn main() -> ExitCode {
    println!("{:<64} {:>8} {:>8}  verdict", "bytes of", "", "promise");
    let costs = [
        Cost {
            what: "a (method, thread): counts, durations and their ring",
            bytes: method_on_thread(),
            promise: 3 * 1024,
        },
        Cost {
            what: "a task in flight, its guard included",
            bytes: task_in_flight(),
            promise: 64,
        },
        Cost {
            what: "a dynamic series: `documents_total___queue__000000`",
            bytes: series(),
            promise: 300,
        },
    ];
    for cost in &costs {
        let verdict = if cost.holds() { "holds" } else { "falls short" };
        println!(
            "{:<64} {:>8} {:>8}  {verdict}",
            cost.what, cost.bytes, cost.promise
        );
    }
    if costs.iter().all(Cost::holds) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

impl Cost {
    fn holds(&self) -> bool {
        self.bytes <= self.promise
    }
}

fn monitor() -> Monitor {
    let mut config = StorageConfig::default();
    config.max_series = 0;
    Monitor::new(config)
}

fn methods(count: u64) -> Vec<Method> {
    let monitor = monitor();
    let named = |i| monitor.method(&format!("method {i}")).expect("a good name");
    (0..count).map(named).collect()
}

/// All that a thread's first calls of its methods allocate, by method.
fn method_on_thread() -> u64 {
    let methods = methods(METHODS);
    let call_all = || {
        for method in &methods {
            method.start().finish(Outcome::Success);
        }
    };
    // All at once: a thread that ended would leave what it has to the next.
    let all_called = std::sync::Barrier::new(THREADS);
    let bytes: u64 = thread::scope(|scope| {
        let thread = || {
            let counted = measure(call_all);
            all_called.wait();
            counted.bytes_total
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(thread)).collect();
        let bytes = threads.into_iter().map(thread::ScopedJoinHandle::join);
        bytes.map(|bytes| bytes.expect("no call panics")).sum()
    });
    bytes.div_ceil(METHODS * THREADS as u64)
}

fn task_in_flight() -> u64 {
    let method = methods(1)[0];
    method.start().finish(Outcome::Success);
    let mut calls: Vec<CallGuard> = Vec::with_capacity(TASKS);
    let counted = measure(|| calls.extend((0..TASKS).map(|_| method.start())));
    counted.bytes_total.div_ceil(TASKS as u64) + size_of::<CallGuard>() as u64
}

/// What stays allocated for a number under a key with a label that nobody used before.
fn series() -> u64 {
    let monitor = monitor();
    let keys: Vec<String> = (0..SERIES)
        .map(|i| format!("documents_total___queue__{i:06}"))
        .collect();
    monitor.inc_stats("documents_total", 1).expect("a counter");
    let counted = measure(|| {
        for key in &keys {
            monitor.inc_stats(key, 1).expect("a counter");
        }
    });
    u64::try_from(counted.bytes_current)
        .unwrap_or_default()
        .div_ceil(SERIES)
}
