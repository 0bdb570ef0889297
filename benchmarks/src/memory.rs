//! The memory that recording takes, counted by an allocator (`memory`), the memory that scrapes take (`memory pages`),
//! and the allocations of a request through a layer (`memory layers`).
//!
//! Exit status 1 if a promise falls short.

mod exporter;
mod layers;
mod recorded;

use std::borrow::Cow;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use allocation_counter::measure;
use axum::Router;
use axum::http::Uri;
use monitor_core::names::{Exporter, Profile};
use monitor_core::{CallGuard, Clock, Method, Monitor, Outcome, StorageConfig, monitored};
use recorded::Calls;

const METHODS: u64 = 500;
const THREADS: usize = 8;
const TASKS: usize = 1_000_000;
const SERIES: u64 = 10_000;
const LABEL_SETS: u64 = 1_000;
const REQUESTS: u32 = 1_000;

/// Allocations that a layer may add to a request beyond an empty layer's: the wrapper of the body.
const ALLOCATIONS: f64 = 1.0;

/// Lines of pages, about.
const LINES: [usize; 3] = [1_000, 10_000, 100_000];

/// Bytes of a (method, thread).
const ON_THREAD: u64 = 2300;

/// Bytes of a further window of cells.
const WINDOW: u64 = 576;

/// Bytes of the second array of a ring, which durations of 2^31 ticks and more need.
const LONG: u64 = 1024;

/// Durations that lie evenly over so many octaves.
struct Spread {
    octaves: u32,
    /// The shortest duration, seconds: several places of the spread, below all classic bounds and among them.
    shortest: &'static [f64],
    /// Bytes of a (method, thread) with such durations, in the place that takes most.
    promise: u64,
}

impl Spread {
    const fn new(octaves: u32, shortest: &'static [f64], promise: u64) -> Self {
        Self {
            octaves,
            shortest,
            promise,
        }
    }
}

/// Without a long call.
const SHORT: &[f64] = &[60e-9, 1e-6, 10e-6, 100e-6];

/// The last one is all there is: from the least duration that is not 0 to 97 days.
const SPREADS: [Spread; 6] = [
    Spread::new(1, SHORT, ON_THREAD),
    Spread::new(3, SHORT, ON_THREAD),
    Spread::new(6, SHORT, ON_THREAD),
    Spread::new(10, SHORT, ON_THREAD + WINDOW),
    Spread::new(14, SHORT, ON_THREAD + WINDOW),
    Spread::new(47, &[60e-9], ON_THREAD + LONG + 4 * WINDOW),
];

/// Calls of a spread, of each of so many methods: their durations together are less than the 146 years of the clock.
const CALLS: u32 = 100;
const SPREAD_METHODS: u64 = 100;

/// The fractions of its multiples lie as evenly as those of any number can (Knuth, The Art of Computer Programming,
/// volume 3, section 6.4: the golden ratio less 1).
const GOLDEN: f64 = 0.618_033_988_749_894_9;

struct Cost {
    what: Cow<'static, str>,
    bytes: u64,
    promise: u64,
}

fn main() -> ExitCode {
    // One or the other: a thread's tables by method number depend on how many methods the process has.
    let part = std::env::args().nth(1);
    let holds = match part.as_deref() {
        Some("pages") => pages(),
        Some("layers") => layered(),
        _ => costs(),
    };
    if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Prints the allocations of requests; whether the promise holds.
fn layered() -> bool {
    println!(
        "{:<18} {:<20} {:>10} {:>20} {:>8}  verdict",
        "allocations of", "layer", "above bare", "above an empty layer", "promise"
    );
    let (bare, layered) = (layers::bare(), layers::layered());
    let mut holds = true;
    for (row, path) in layers::ROWS {
        let uri = Uri::from_static(path);
        let counts = layered.iter().map(|(_, router)| allocations(router, &uri));
        let counts: Vec<f64> = counts.collect();
        for ((name, _), count) in layered.iter().zip(&counts) {
            let (above, own) = (count - allocations(&bare, &uri), count - counts[0]);
            let promise = *name == layers::OURS;
            let kept = own <= ALLOCATIONS;
            holds &= kept || !promise;
            let verdict = match (promise, kept) {
                (true, true) => "1  holds",
                (true, false) => "1  falls short",
                _ => "-",
            };
            println!("{row:<18} {name:<20} {above:>10.2} {own:>20.2} {verdict:>16}");
        }
    }
    holds
}

/// The allocations of a request, once one-time work is done.
fn allocations(application: &Router, uri: &Uri) -> f64 {
    let send_all = || (0..REQUESTS).for_each(|_| _ = layers::send(application, uri));
    send_all();
    let counted = measure(send_all).count_total;
    f64::from(u32::try_from(counted).unwrap_or(u32::MAX)) / f64::from(REQUESTS)
}

/// Prints the memory of scrapes; whether the promise holds.
fn pages() -> bool {
    println!(
        "{:<16} {:>10} {:>12} {:>8} {:>8} {:>16}  verdict",
        "page, lines", "bytes", "peak", "x page", "promise", "kept, x page"
    );
    let calls = [Calls::Few, Calls::FullRings, Calls::Alike];
    let all: Vec<Page> = LINES
        .iter()
        .flat_map(|lines| calls.map(|calls| Page::measure(*lines, calls)))
        .collect();
    all.iter().for_each(Page::print);
    all.iter().all(Page::holds)
}

/// The memory that scrapes of a page take.
struct Page {
    lines: usize,
    bytes: usize,
    /// At the most while a page is made, the page included, in the worse of the first scrape and the second.
    peak: u64,
    /// From the first scrape on: label sets.
    kept: i64,
}

impl Page {
    /// Peak over the page's own bytes.
    const PROMISE: f64 = 1.5;

    fn measure(lines: usize, calls: Calls) -> Self {
        let monitor = recorded::recorded(lines, calls);
        let exporter = Exporter::new(Profile::Servicekit);
        let mut bytes = 0;
        let mut scrape = || {
            measure(|| {
                let mut page = Vec::new();
                recorded::append_page(monitor, &exporter, &mut page);
                bytes = page.len();
            })
        };
        let (first, second) = (scrape(), scrape());
        let kept = first.bytes_current;
        let of_first = first.bytes_max - u64::try_from(kept).unwrap_or_default();
        Self {
            lines,
            bytes,
            peak: of_first.max(second.bytes_max),
            kept,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "sizes far below 2^53")]
    fn ratios(&self) -> (f64, f64) {
        let page = self.bytes as f64;
        (self.peak as f64 / page, self.kept as f64 / page)
    }

    fn holds(&self) -> bool {
        self.ratios().0 <= Self::PROMISE
    }

    fn print(&self) {
        let (peak, kept) = self.ratios();
        let verdict = if self.holds() { "holds" } else { "falls short" };
        println!(
            "{:<16} {:>10} {:>12} {peak:>8.2} {:>8} {kept:>16.2}  {verdict}",
            self.lines,
            self.bytes,
            self.peak,
            Self::PROMISE
        );
    }
}

/// Prints the memory of recording; whether the promises hold.
fn costs() -> bool {
    println!("{:<74} {:>8} {:>8}  verdict", "bytes of", "", "promise");
    let mut costs = vec![
        Cost {
            what: "a (method, thread): counts, durations and their ring".into(),
            bytes: method_on_thread(),
            promise: ON_THREAD,
        },
        Cost {
            what: "a task in flight, its guard included".into(),
            bytes: task_in_flight(),
            promise: 64,
        },
        Cost {
            what: "a dynamic series: `documents_total___queue__000000`".into(),
            bytes: series(),
            promise: 300,
        },
        Cost {
            what: "a label set of a call: 12 bytes of text, its cells on one thread included"
                .into(),
            bytes: label_set(),
            promise: 4 * 1024,
        },
    ];
    costs.extend(SPREADS.map(|spread| {
        Cost {
            what: format!(
                "a (method, thread), durations over {} octaves",
                spread.octaves
            )
            .into(),
            bytes: spread.on_thread(),
            promise: spread.promise,
        }
    }));
    for cost in &costs {
        let verdict = if cost.holds() { "holds" } else { "falls short" };
        println!(
            "{:<74} {:>8} {:>8}  {verdict}",
            cost.what, cost.bytes, cost.promise
        );
    }
    costs.iter().all(Cost::holds)
}

impl Cost {
    fn holds(&self) -> bool {
        self.bytes <= self.promise
    }
}

fn monitor() -> Monitor {
    Monitor::new(config())
}

fn config() -> StorageConfig {
    let mut config = StorageConfig::default();
    config.max_series = 0;
    config.max_methods = 0;
    config
}

fn methods(count: u64) -> Vec<Method> {
    methods_of(monitor(), count)
}

fn methods_of(monitor: Monitor, count: u64) -> Vec<Method> {
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
    // All at once: a thread that ended would leave its record to the next.
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

impl Spread {
    /// All that a thread's calls allocate, by method, in the place that takes most.
    fn on_thread(&self) -> u64 {
        let places = self.shortest.iter().map(|shortest| self.from(*shortest));
        places.max().unwrap_or_default()
    }

    fn from(&self, shortest: f64) -> u64 {
        let (clock, hand) = Clock::manual(1_700_000_000.0);
        let methods = methods_of(Monitor::with_clock(config(), clock), SPREAD_METHODS);
        let calls = || {
            for method in &methods {
                for call in 0..CALLS {
                    // Any number of calls that follow each other lie evenly, the first ones too.
                    let octave = f64::from(self.octaves) * (f64::from(call) * GOLDEN).fract();
                    let guard = method.start();
                    hand.advance(Duration::from_secs_f64(shortest * octave.exp2()));
                    guard.finish(Outcome::Success);
                }
            }
        };
        let counted = thread::scope(|scope| {
            let thread = scope.spawn(|| measure(calls));
            thread.join().expect("no call panics")
        });
        counted.bytes_total.div_ceil(SPREAD_METHODS)
    }
}

fn task_in_flight() -> u64 {
    let method = methods(1)[0];
    method.start().finish(Outcome::Success);
    let mut calls: Vec<CallGuard> = Vec::with_capacity(TASKS);
    let counted = measure(|| calls.extend((0..TASKS).map(|_| method.start())));
    counted.bytes_total.div_ceil(TASKS as u64) + size_of::<CallGuard>() as u64
}

/// The memory that stays allocated for a number under a key with a new label.
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

#[monitored(method = "labelled", labels(capped(tenant = tenant, max = 2000)))]
fn labelled(tenant: &str) {
    std::hint::black_box(tenant);
}

/// The memory that stays allocated for a new value of a capped label.
fn label_set() -> u64 {
    let monitor = monitor();
    let tenants: Vec<String> = (0..LABEL_SETS).map(|i| format!("tenant {i:05}")).collect();
    let counted = monitor.scope_sync(|| {
        labelled(&tenants[0]);
        measure(|| tenants.iter().for_each(|tenant| labelled(tenant)))
    });
    u64::try_from(counted.bytes_current)
        .unwrap_or_default()
        .div_ceil(LABEL_SETS)
}
