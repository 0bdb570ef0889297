//! The rows about the surroundings of a call: other methods, cold caches, a thread that never made it before.

use std::hint::black_box;
use std::sync::LazyLock;
use std::thread;

use monitor_core::{Method, Monitor, StorageConfig};

use crate::harness::{Batch, Row, Threads, timed};
use crate::peers::ideal::{Ideal, Ticks};
use crate::peers::{METHODS, Many, method, prometheus, prometheus_client};
use crate::rows::{self, IDEAL, MONITORED, PROMETHEUS, PROMETHEUS_CLIENT, TICKS};
use crate::work::{Answer, work};

pub(crate) const MANY: &str = "100 methods in turn";
pub(crate) const COLD: &str = "cold caches";
pub(crate) const FIRST: &str = "first call on a thread";

/// A first call of a thread that takes over the record of one that ended.
const ADOPTED: &str = "monitored, taken over";

/// Calls between two evictions, each of another method.
const COLD_CALLS: usize = 32;

/// Evictions of one batch.
const EVICTIONS: u32 = 4;

/// Bytes read to evict the calls' memory from a core's own caches (not from one that all cores share, which would take
/// a hundred times as long).
const EVICTED: usize = 4 << 20;

/// Numbers in a cache line.
const LINE: usize = 64 / size_of::<u64>();

/// Methods of which a thread makes its first call.
const FIRST_CALLS: usize = 16;

/// A call of the method of this number.
trait Call: Fn(usize, u64) -> Answer + Send + Sync + 'static {}

impl<F: Fn(usize, u64) -> Answer + Send + Sync + 'static> Call for F {}

fn bare(_: usize, x: u64) -> Answer {
    work(x)
}

fn peer<R: Many>(method: usize, x: u64) -> Answer {
    let call = R::start_of(method);
    let answer = work(x);
    R::end(call, &answer);
    answer
}

fn floor(_: usize, x: u64) -> Answer {
    rows::by_hand::<Ticks>(x)
}

/// Our call of the methods of a monitor that no thread has called yet.
fn of_new_monitor(count: usize) -> impl Call {
    of(methods_of(Monitor::new(StorageConfig::default()), count))
}

fn methods_of(monitor: Monitor, count: usize) -> Vec<Method> {
    let named = |i| monitor.method(&method(i)).expect("a good name");
    (0..count).map(named).collect()
}

fn of(methods: Vec<Method>) -> impl Call {
    move |i, x| rows::typed(methods[i], x)
}

fn global() -> impl Call {
    of(methods_of(Monitor::global(), METHODS))
}

/// Each call is one of another method.
pub(crate) fn many() -> Row {
    Row {
        name: MANY,
        threads: Threads::One,
        base: turn(bare),
        candidates: vec![
            (MONITORED, turn(global())),
            (IDEAL, turn(peer::<Ideal>)),
            (TICKS, turn(floor)),
            (PROMETHEUS, turn(peer::<prometheus::Cached>)),
            (PROMETHEUS_CLIENT, turn(peer::<prometheus_client::Cached>)),
        ],
    }
}

fn turn(call: impl Call) -> Batch {
    Batch::new(move |times| {
        timed(|| {
            let mut next = 0;
            for x in 0..times {
                let _ = black_box(call(next, black_box(x)));
                next = if next + 1 == METHODS { 0 } else { next + 1 };
            }
        })
    })
}

/// Each call finds its memory evicted from the core's own caches.
pub(crate) fn cold() -> Row {
    Row {
        name: COLD,
        threads: Threads::One,
        base: evicted(bare),
        candidates: vec![
            (MONITORED, evicted(global())),
            (IDEAL, evicted(peer::<Ideal>)),
            (TICKS, evicted(floor)),
            (PROMETHEUS, evicted(peer::<prometheus::Cached>)),
            (
                PROMETHEUS_CLIENT,
                evicted(peer::<prometheus_client::Cached>),
            ),
        ],
    }
}

fn evicted(call: impl Call) -> Batch {
    static FILLER: LazyLock<Vec<u64>> = LazyLock::new(|| vec![1; EVICTED / size_of::<u64>()]);
    let some_calls = move || {
        black_box(FILLER.iter().step_by(LINE).sum::<u64>());
        timed(|| each(COLD_CALLS, &call))
    };
    let times = COLD_CALLS as u64 * u64::from(EVICTIONS);
    Batch::fixed(times, move || (0..EVICTIONS).map(|_| some_calls()).sum())
}

/// The first calls of a thread; each of another method.
pub(crate) fn first() -> Row {
    let used = methods_of(Monitor::new(StorageConfig::default()), FIRST_CALLS);
    Row {
        name: FIRST,
        threads: Threads::One,
        base: on_new_thread(|| bare),
        candidates: vec![
            (MONITORED, on_new_thread(|| of_new_monitor(FIRST_CALLS))),
            (ADOPTED, on_new_thread(move || of(used.clone()))),
            (IDEAL, on_new_thread(|| peer::<Ideal>)),
            (PROMETHEUS, on_new_thread(|| peer::<prometheus::Cached>)),
            (
                PROMETHEUS_CLIENT,
                on_new_thread(|| peer::<prometheus_client::Cached>),
            ),
        ],
    }
}

/// Each batch in a thread of its own, with calls prepared for it.
fn on_new_thread<C: Call>(prepare: impl Fn() -> C + Send + Sync + 'static) -> Batch {
    Batch::fixed(FIRST_CALLS as u64, move || {
        let call = prepare();
        let thread = thread::spawn(move || timed(|| each(FIRST_CALLS, &call)));
        thread.join().expect("no call panics")
    })
}

/// A call of each of so many methods.
fn each(count: usize, call: &impl Call) {
    for (i, x) in (0..count).zip(0..) {
        let _ = black_box(call(i, black_box(x)));
    }
}
