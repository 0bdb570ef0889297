//! A storage in which so many methods were called on several threads, as the source of the pages.

use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

use monitor_core::exposition::Format;
use monitor_core::names::Exporter;
use monitor_core::{Clock, ManualClock, Monitor, Outcome, StorageConfig};

/// Threads that called each method, so that each of its lines is a sum over as many shards.
const THREADS: usize = 4;

/// How often a thread called each method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Calls {
    /// Twice.
    Few,
    /// So often that its ring of last calls is full, as in a service that has run for a while.
    FullRings,
    /// As often, with durations over [`OCTAVES`], as those of a method that does one thing.
    Alike,
}

impl Calls {
    fn count(self) -> u32 {
        match self {
            Self::Few => 2,
            Self::FullRings | Self::Alike => 110,
        }
    }

    /// The duration of a call in seconds.
    fn duration(self, method: usize, call: u32) -> f64 {
        match self {
            Self::Few | Self::FullRings => duration(method, call),
            Self::Alike => {
                let part = f64::from(call * 37 % self.count()) / f64::from(self.count());
                1.07e-3 * (OCTAVES * part).exp2()
            }
        }
    }
}

/// How many powers of two the durations of a method span, where its calls are [alike](Calls::Alike).
const OCTAVES: f64 = 3.0;

/// Lines of a page that a method has: its histogram's, started, by outcome, by error type, means.
const LINES_A_METHOD: usize = monitor_core::TIME_BOUNDS.len() + 12;

/// A storage with about so many lines.
pub(crate) fn recorded(lines: usize, calls: Calls) -> Monitor {
    let methods = (lines / LINES_A_METHOD).max(1);
    // Manual, so that durations are those the peers are given.
    let (clock, hand) = Clock::manual(1_700_000_000.0);
    let mut config = StorageConfig::default();
    // A large page has more methods than a service should.
    config.max_methods = 0;
    let monitor = Monitor::with_clock(config, clock);
    // One thread after another, as the clock is one; each stays until all have called, or the next would adopt its
    // cells.
    let mut stay = Vec::new();
    let all_called = Arc::new(Barrier::new(THREADS + 1));
    for _ in 0..THREADS {
        let (hand, all_called) = (hand.clone(), Arc::clone(&all_called));
        let (called, done) = mpsc::channel();
        stay.push(thread::spawn(move || {
            call_all(monitor, methods, &hand, calls);
            called.send(()).expect("the caller waits");
            all_called.wait();
        }));
        done.recv().expect("no call panics");
    }
    all_called.wait();
    for thread in stay {
        thread.join().expect("no call panics");
    }
    monitor
}

/// Calls every method so often; one call in a hundred fails.
fn call_all(monitor: Monitor, methods: usize, hand: &ManualClock, calls: Calls) {
    for i in 0..methods {
        let method = monitor.method(&method(i)).expect("a good name");
        for call in 0..calls.count() {
            let guard = method.start();
            hand.advance(Duration::from_secs_f64(calls.duration(i, call)));
            guard.finish(if call % 100 == 1 {
                Outcome::ErrorType("refused")
            } else {
                Outcome::Success
            });
        }
    }
}

/// Appends the page as the server writes it.
pub(crate) fn append_page(monitor: Monitor, exporter: &Exporter, page: &mut Vec<u8>) {
    exporter.encode(&monitor.snapshot(), &[], Format::Text004, page);
}

/// The name of a method.
pub(crate) fn method(i: usize) -> String {
    format!("ProcessText{i:04}")
}

/// The duration of a call in seconds: between 0.1 ms and half a minute, so that sums and buckets have many digits.
pub(crate) fn duration(method: usize, call: u32) -> f64 {
    let exponent = (call * 7 + u32::try_from(method % 13).unwrap_or_default()) % 18;
    1.07e-4 * f64::from(2_u32.pow(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_that_are_alike_fill_their_octaves_and_no_more() {
        let durations = (0..Calls::Alike.count()).map(|call| Calls::Alike.duration(0, call));
        let mut octaves: Vec<f64> = durations
            .map(|seconds| (seconds / 1.07e-3).log2())
            .collect();
        octaves.sort_unstable_by(f64::total_cmp);
        assert!(
            octaves
                .iter()
                .all(|octave| (-1e-9..OCTAVES).contains(octave))
        );
        let widest = octaves
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .fold(0.0, f64::max);
        assert!(widest < 0.03, "{widest}");
    }
}
