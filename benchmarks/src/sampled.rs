//! The row about the sampler of self time.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use monitor_core::{Monitor, StorageConfig};

use crate::harness::{Row, Threads, batch};

/// Each of them in three calls.
const ROW: &str = "self time, 64 threads";

/// No monitored call, so that its instructions, which depend on chance, are not counted.
const SAMPLE: &str = "one sample";

const THREADS: usize = 64;

/// The calls that each thread is in, one inside of the other.
const NAMES: [&str; 3] = ["sampled request", "sampled load", "sampled decode"];

/// A sample whose memory is cached, as it is not at 100 samples a second.
pub(crate) fn sample() -> Row {
    let monitor = Monitor::new(StorageConfig::default());
    let methods = NAMES.map(|name| monitor.method(name).expect("a good name"));
    let (ready, are_ready) = std::sync::mpsc::channel();
    for _ in 0..THREADS {
        let ready = ready.clone();
        thread::spawn(move || {
            let [request, load, decode] = methods;
            let wait = move || {
                let _ = ready.send(());
                // Until the process ends.
                loop {
                    thread::park();
                }
            };
            let decode = || decode.start().run(wait);
            let load = || load.start().run(decode);
            monitor.scope_sync(|| request.start().run(load));
        });
    }
    assert_eq!(are_ready.iter().take(THREADS).count(), THREADS);
    let sampler = Mutex::new(monitor.sampler(Duration::from_millis(10)));
    let sample = move |_| {
        let mut sampler = sampler.lock().unwrap_or_else(PoisonError::into_inner);
        sampler.sample();
    };
    Row {
        name: ROW,
        threads: Threads::One,
        base: batch(|x| x),
        candidates: vec![(SAMPLE, batch(sample))],
    }
}
