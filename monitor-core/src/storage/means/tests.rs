//! Means over the newest calls, whichever threads made them.

use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use proptest::prelude::*;

use crate::base::clock::ManualClock;
use crate::monitor::Method;
use crate::{Clock, Monitor, Outcome, StorageConfig};

/// A thread, and so a ring, that makes a call of so many milliseconds when it is told.
struct Caller(Sender<(u64, Sender<()>)>);

impl Caller {
    fn new(method: Method, clock: ManualClock) -> Self {
        let (told, tells) = mpsc::channel::<(u64, Sender<()>)>();
        std::thread::spawn(move || {
            for (millis, done) in tells {
                let call = method.start();
                clock.advance(Duration::from_millis(millis));
                call.finish(Outcome::Success);
                done.send(()).expect("the test waits for this");
            }
        });
        Self(told)
    }

    fn call(&self, millis: u64) {
        let (done, is_done) = mpsc::channel();
        self.0.send((millis, done)).expect("the thread is there");
        is_done.recv().expect("the call ends");
    }
}

fn mean(millis: &[u64]) -> Option<f64> {
    let sum: u64 = millis.iter().sum();
    #[expect(clippy::cast_precision_loss, reason = "a few hundred small numbers")]
    (!millis.is_empty()).then(|| sum as f64 / 1000.0 / millis.len() as f64)
}

fn is_near(one: Option<f64>, other: Option<f64>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => (one - other).abs() < 1e-6,
        (one, other) => one == other,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn means_are_over_the_newest_calls_whichever_threads_made_them(
        calls in proptest::collection::vec((0..5_usize, 1..1000_u64), 0..320),
        threads in 1..6_usize,
    ) {
        let (clock, hand) = Clock::manual(0.0);
        let monitor = Monitor::with_clock(StorageConfig::default(), clock);
        let method = monitor.method("Get").expect("a good name");
        let callers: Vec<_> = (0..threads)
            .map(|_| Caller::new(method, hand.clone()))
            .collect();
        for (caller, millis) in &calls {
            callers[caller % threads].call(*millis);
        }
        let all: Vec<u64> = calls.iter().map(|(_, millis)| *millis).collect();
        let last_of = |count: usize| mean(&all[all.len().saturating_sub(count)..]);
        let snapshot = monitor.snapshot();
        let means = snapshot.methods[0].duration;
        prop_assert!(
            is_near(means.and_then(|means| means.window), last_of(100)),
            "{means:?}, not {:?}", last_of(100)
        );
        prop_assert!(
            is_near(means.and_then(|means| means.last), last_of(5)),
            "{means:?}, not {:?}", last_of(5)
        );
    }
}
