//! Calls beside scrapes: how much slower calls are while other threads read their cells.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use monitor_core::exposition::{Format, encode};
use monitor_core::names::{Profile, families};
use monitor_core::{Method, Monitor, Outcome, StorageConfig};

use crate::harness::{Figures, as_f64};
use crate::peers::{METHODS, method};
use crate::rows::typed;
use crate::work::{REFUSE, other_work};

const SCRAPERS: u32 = 4;

/// Between two scrapes of one scraper: 10 Hz.
const EVERY: Duration = Duration::from_millis(100);

/// Length of a window, in which each scraper scrapes twice; half of the windows have no scrapers.
const WINDOW: Duration = Duration::from_millis(200);

/// Calls between two looks at the clock.
const CALLS: u64 = 1000;

/// Values by key in the storage.
const VALUES: usize = 200;

/// One call in so many fails.
const FAILS: u64 = 100;

/// The measured times.
pub(crate) struct Beside {
    /// Nanoseconds of a call and the work around it, alone and beside the scrapers, window by window.
    windows: Vec<[f64; 2]>,
    pub(crate) lines: usize,
}

impl Beside {
    /// The caller and the scrapers have a core each: the question is the effect of scrapes on calls, not that two
    /// threads on one core have half of it each.
    pub(crate) fn measure(windows: usize) -> Self {
        let cores = core_affinity::get_core_ids().unwrap_or_default();
        let (caller, scraper) = (cores.last().copied(), cores.first().copied());
        let monitor = storage();
        let (run, over) = (AtomicBool::new(false), AtomicBool::new(false));
        let windows = thread::scope(|scope| {
            for number in 0..SCRAPERS {
                let (run, over) = (&run, &over);
                scope.spawn(move || {
                    pin(scraper);
                    scrape_until(monitor, number, run, over);
                });
            }
            let caller = scope.spawn(|| {
                pin(caller);
                all_windows(monitor, windows, &run)
            });
            let windows = caller.join();
            // On every path: the scope waits for the scrapers.
            run.store(false, Ordering::Relaxed);
            over.store(true, Ordering::Relaxed);
            windows.expect("no call panics")
        });
        Self {
            windows,
            lines: page(monitor).split(|byte| *byte == b'\n').count(),
        }
    }

    pub(crate) fn alone(&self) -> Figures {
        Figures::of(self.windows.iter().map(|[alone, _]| *alone))
    }

    pub(crate) fn beside(&self) -> Figures {
        Figures::of(self.windows.iter().map(|[_, beside]| *beside))
    }

    /// How much slower calls are beside scrapers.
    pub(crate) fn slower(&self) -> Figures {
        Figures::of(
            self.windows
                .iter()
                .map(|[alone, beside]| (beside / alone - 1.0) * 100.0),
        )
    }
}

fn pin(core: Option<core_affinity::CoreId>) {
    if let Some(core) = core {
        core_affinity::set_for_current(core);
    }
}

fn storage() -> Monitor {
    let monitor = Monitor::new(StorageConfig::default());
    for i in 0..VALUES {
        let key = format!("documents_total___queue__q{i}");
        monitor.inc_stats(&key, 1).expect("a counter");
    }
    monitor
}

fn methods(monitor: Monitor) -> Vec<Method> {
    let named = |i| monitor.method(&method(i)).expect("a good name");
    (0..METHODS).map(named).collect()
}

/// Pairs of windows, in turn with the scrapers first and last, so that a drift of the machine favours neither.
fn all_windows(monitor: Monitor, count: usize, run: &AtomicBool) -> Vec<[f64; 2]> {
    let mut calls = Calls::new(methods(monitor));
    calls.window();
    (0..count)
        .map(|pair| {
            let mut nanos = [0.0; 2];
            for half in 0..2 {
                let beside = (pair + half) % 2;
                run.store(beside == 1, Ordering::Relaxed);
                nanos[beside] = calls.window();
            }
            nanos
        })
        .collect()
}

/// Calls of all methods in turn, between other work.
struct Calls {
    methods: Vec<Method>,
    next: usize,
    made: u64,
    last: u64,
}

impl Calls {
    fn new(methods: Vec<Method>) -> Self {
        Self {
            methods,
            next: 0,
            made: 0,
            last: 1,
        }
    }

    /// Nanoseconds a call over one window.
    fn window(&mut self) -> f64 {
        let start = Instant::now();
        let mut calls = 0;
        loop {
            (0..CALLS).for_each(|_| self.call());
            calls += CALLS;
            let took = start.elapsed();
            if took >= WINDOW {
                return took.as_secs_f64() * 1e9 / as_f64(calls);
            }
        }
    }

    fn call(&mut self) {
        let x = other_work(self.last);
        self.made += 1;
        let fails = self.made.is_multiple_of(FAILS);
        let answer = typed(self.methods[self.next], if fails { x | REFUSE } else { x });
        self.last = answer.unwrap_or(1);
        self.next = (self.next + 1) % METHODS;
    }
}

/// Scrapes at its rate while it is to run. Scrapers begin at different times, as servers' scrapers do.
fn scrape_until(monitor: Monitor, number: u32, run: &AtomicBool, over: &AtomicBool) {
    // Methods of this thread too, so that a page is the sum of several shards.
    for method in methods(monitor) {
        method.start().finish(Outcome::Success);
    }
    while !over.load(Ordering::Relaxed) {
        if run.load(Ordering::Relaxed) {
            thread::sleep(EVERY * number / SCRAPERS);
            while run.load(Ordering::Relaxed) {
                let start = Instant::now();
                black_box(page(monitor));
                thread::sleep(EVERY.saturating_sub(start.elapsed()));
            }
        }
        thread::sleep(EVERY / 100);
    }
}

fn page(monitor: Monitor) -> Vec<u8> {
    let mut page = Vec::new();
    let families = families(&monitor.snapshot(), Profile::Servicekit);
    encode(&families, Format::Text004, &mut page);
    page
}
