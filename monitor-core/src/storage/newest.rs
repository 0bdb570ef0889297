//! The newest calls of several rings: how many of each, and what they took.

use crate::base::clock::Clock;
use crate::data::snapshot::Means;
use crate::recording::method::MethodCore;
use crate::recording::window::{Back, LAST, WINDOW};
use crate::storage::points::mean_of_ticks;

/// One ring, of which more and more calls are taken, newest first.
#[derive(Debug)]
struct Lane {
    calls: Back<'static>,
    /// When the calls that were looked at ended, plus 1, newest first.
    ends: Vec<u64>,
    taken: usize,
}

impl Lane {
    fn has_more(&self) -> bool {
        self.taken < self.calls.len()
    }

    /// When the call this many behind those taken ended, plus 1; 0 where there is none.
    fn end(&mut self, further: usize) -> u64 {
        let at = self.taken + further - 1;
        if at >= self.calls.len() {
            return 0;
        }
        while self.ends.len() <= at {
            self.ends.push(self.calls.next_end() + 1);
        }
        self.ends[at]
    }
}

/// Calls ended while the rings were read, so many that some of what was read is not what was there.
#[derive(Debug)]
pub(crate) struct Overwritten;

/// The sum of the durations of some calls, in ticks, and how many they are.
type Sum = (u64, usize);

/// Finds the means over a method's last calls without putting these in order. Keeps its buffers from method to method.
///
/// # Definition
///
/// Of `k` rings the `n` newest calls are wanted. Let `m` be `n / k`, rounded up, and take the ring whose `m`-th call is the
/// newest: before that one come `m - 1` of its own, and at most `m - 1` of each other ring, whose `m`-th is older. So it is
/// one of the `n`, as are those before it in its ring; they are taken at once, and the rest is found in the same way. Of calls
/// that ended in the same step those of the ring listed last go first, as in [`Points`](super::points::Points).
#[derive(Debug, Default)]
pub(crate) struct Newest {
    lanes: Vec<Lane>,
    /// How many lanes are in use.
    used: usize,
}

impl Newest {
    /// Means of the durations of the last calls, seconds; `None` without a call.
    ///
    /// # Errors
    ///
    /// A writer overwrote what was read.
    pub(crate) fn means(
        &mut self,
        method: &MethodCore,
        clock: &Clock,
    ) -> Result<Option<Means>, Overwritten> {
        self.begin(method);
        self.take(LAST);
        let last = self.sum();
        self.take(usize::try_from(WINDOW).unwrap_or(usize::MAX) - LAST);
        let window = self.sum();
        let mean = |(ticks, count): Sum| mean_of_ticks(ticks, count, clock);
        let means = Means {
            window: mean(window),
            last: mean(last),
        };
        if self.lanes().all(|lane| lane.calls.is_intact()) {
            Ok(means.window.is_some().then_some(means))
        } else {
            Err(Overwritten)
        }
    }

    /// How many calls the last means took of each shard of their method, in the order of its shards.
    pub(crate) fn taken(&self) -> impl Iterator<Item = usize> {
        self.lanes().map(|lane| lane.taken)
    }

    /// Forgets what was taken.
    pub(crate) fn clear(&mut self) {
        self.used = 0;
    }

    fn begin(&mut self, method: &MethodCore) {
        self.clear();
        for shard in method.shards() {
            let calls = shard.ring().back();
            if let Some(lane) = self.lanes.get_mut(self.used) {
                lane.ends.clear();
                (lane.calls, lane.taken) = (calls, 0);
            } else {
                self.lanes.push(Lane {
                    calls,
                    ends: Vec::new(),
                    taken: 0,
                });
            }
            self.used += 1;
        }
    }

    fn lanes(&self) -> impl Iterator<Item = &Lane> {
        self.lanes[..self.used].iter()
    }

    /// Takes the newest of the calls that are not taken.
    fn take(&mut self, mut wanted: usize) {
        let lanes = &mut self.lanes[..self.used];
        while wanted > 0 {
            let rings = lanes.iter().filter(|lane| lane.has_more()).count();
            if rings == 0 {
                return;
            }
            let some = wanted.div_ceil(rings);
            let mut best = (0, 0);
            // From the ring with the newest call on: another whose newest is older than what this gives is not looked into.
            let newest = |lane: &mut Lane| lane.end(1);
            let first = (0..lanes.len()).max_by_key(|at| newest(&mut lanes[*at]));
            let first = first.unwrap_or(0);
            for at in std::iter::once(first).chain((0..lanes.len()).filter(|at| *at != first)) {
                let lane = &mut lanes[at];
                if newest(lane) >= best.0 {
                    best = best.max((lane.end(some), at));
                }
            }
            if best.0 == 0 {
                // No ring has so many: all that are left are fewer than are wanted.
                for lane in lanes {
                    lane.taken = lane.calls.len();
                }
                return;
            }
            lanes[best.1].taken += some;
            wanted -= some;
        }
    }

    fn sum(&self) -> Sum {
        self.lanes().fold((0, 0), |(ticks, count), lane| {
            let more = lane.calls.ticks(lane.taken);
            (ticks.saturating_add(more), count + lane.taken)
        })
    }
}

#[cfg(all(test, not(monitor_loom)))]
mod tests {
    use std::sync::mpsc::{self, Sender};
    use std::time::Duration;

    use proptest::prelude::*;

    use crate::base::clock::ManualClock;
    use crate::method::Method;
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
}
