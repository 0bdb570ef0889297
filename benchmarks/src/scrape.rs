//! Scrapes: from what was recorded to the bytes of a page, for many methods.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use monitor_core::exposition::{Format, encode};
use monitor_core::names::{Profile, families};
use monitor_core::{Clock, ManualClock, Monitor, Outcome, StorageConfig};

use crate::harness::{Figures, as_f64};
use crate::peers::{Render, duration, measured, method, prometheus, prometheus_client};
use crate::work::Refused;

pub(crate) const MONITOR: &str = "monitor-core";
pub(crate) const MONITOR_FEW: &str = "monitor-core, few calls";
const PROMETHEUS: &str = "prometheus";
const PROMETHEUS_CLIENT: &str = "prometheus-client";
const MEASURED: &str = "measured";

/// Methods of our page.
const METHODS: usize = 1000;

/// Threads that called each of them.
const THREADS: u32 = 4;

/// Calls a thread makes of each method: their rings of last calls are full, as in a service that has run for a while.
const CALLS: u32 = 110;

/// Lines a peer writes for a method: as many buckets as ours, `+Inf`, sum, count, four counters and a gauge.
const PEER_LINES: u64 = monitor_core::TIME_BOUNDS.len() as u64 + 8;

/// Our storage and its page.
struct Ours {
    monitor: Monitor,
    page: Vec<u8>,
}

impl Ours {
    fn new(calls: u32) -> Self {
        // Manual, so that durations are those the peers were given.
        let (clock, hand) = Clock::manual(1_700_000_000.0);
        let monitor = Monitor::with_clock(StorageConfig::default(), clock);
        // One thread after another, as the clock is one; each stays until all have called, or the next would adopt
        // its cells.
        let mut stay = Vec::new();
        let all_called = Arc::new(std::sync::Barrier::new(THREADS as usize + 1));
        for _ in 0..THREADS {
            let (hand, all_called) = (hand.clone(), Arc::clone(&all_called));
            let (called, done) = std::sync::mpsc::channel();
            stay.push(thread::spawn(move || {
                call_all(monitor, &hand, calls);
                called.send(()).expect("the caller waits");
                all_called.wait();
            }));
            done.recv().expect("no call panics");
        }
        all_called.wait();
        for thread in stay {
            thread.join().expect("no call panics");
        }
        Self {
            monitor,
            page: Vec::new(),
        }
    }
}

/// Calls every method so often; one call in a hundred fails.
fn call_all(monitor: Monitor, hand: &ManualClock, calls: u32) {
    for i in 0..METHODS {
        let method = monitor.method(&method(i)).expect("a good name");
        for call in 0..calls {
            let guard = method.start();
            hand.advance(Duration::from_secs_f64(duration(i, call)));
            guard.finish(if call % 100 == 1 {
                Outcome::ErrorType(Refused::TYPE)
            } else {
                Outcome::Success
            });
        }
    }
}

impl Render for Ours {
    fn render(&mut self) -> &[u8] {
        self.page.clear();
        let families = families(&self.monitor.snapshot(), Profile::Servicekit);
        encode(&families, Format::Text004, &mut self.page);
        &self.page
    }
}

/// One library's renders.
pub(crate) struct Candidate {
    pub(crate) name: &'static str,
    page: Box<dyn Render>,
    pub(crate) lines: u64,
    pub(crate) bytes: usize,
    /// Nanoseconds a line, by round.
    nanos: Vec<f64>,
}

impl Candidate {
    fn new(name: &'static str, mut page: Box<dyn Render>) -> Self {
        let text = page.render();
        let lines = text.split(|byte| *byte == b'\n');
        let samples = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#"));
        Self {
            name,
            lines: samples.count() as u64,
            bytes: text.len(),
            page,
            nanos: Vec::new(),
        }
    }

    fn round(&mut self) {
        let start = Instant::now();
        std::hint::black_box(self.page.render());
        let took = start.elapsed();
        self.nanos
            .push(took.as_secs_f64() * 1e9 / as_f64(self.lines));
    }

    /// Nanoseconds a line.
    pub(crate) fn figures(&self) -> Figures {
        Figures::of(self.nanos.iter().copied())
    }

    /// Its time a line over another's, round by round.
    pub(crate) fn ratio(&self, other: &Self) -> Figures {
        Figures::of(
            self.nanos
                .iter()
                .zip(&other.nanos)
                .map(|(own, other)| own / other),
        )
    }

    fn is_peer(&self) -> bool {
        ![MONITOR, MONITOR_FEW].contains(&self.name)
    }
}

/// All candidates, each rendered once a round.
pub(crate) struct Scrapes(pub(crate) Vec<Candidate>);

impl Scrapes {
    pub(crate) fn measure(rounds: usize) -> Self {
        let ours = Candidate::new(MONITOR, Box::new(Ours::new(CALLS)));
        let few = Candidate::new(MONITOR_FEW, Box::new(Ours::new(2)));
        let methods = usize::try_from(ours.lines.div_ceil(PEER_LINES)).unwrap_or(METHODS);
        let mut all = vec![
            ours,
            few,
            Candidate::new(PROMETHEUS, Box::new(prometheus::Scraped::new(methods))),
            Candidate::new(
                PROMETHEUS_CLIENT,
                Box::new(prometheus_client::Scraped::new(methods)),
            ),
            Candidate::new(MEASURED, Box::new(measured::Scraped::new(methods))),
        ];
        for round in 0..rounds {
            let (before, after) = all.split_at_mut(round % 5);
            after.iter_mut().chain(before).for_each(Candidate::round);
        }
        Self(all)
    }

    pub(crate) fn ours(&self) -> &Candidate {
        &self.0[0]
    }

    /// The peer with the least time a line.
    pub(crate) fn best_peer(&self) -> &Candidate {
        let peers = self.0.iter().filter(|one| one.is_peer());
        let order =
            |a: &&Candidate, b: &&Candidate| a.figures().median.total_cmp(&b.figures().median);
        peers.min_by(order).unwrap_or(self.ours())
    }
}
