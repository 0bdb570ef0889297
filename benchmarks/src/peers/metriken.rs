//! `metriken`: a static for each metric, the counters and the histogram of which have cells for each thread.

use std::time::Instant;

use metriken::{Gauge, ShardedCounterGroup, ShardedCounterHistogram, metric};

use crate::harness::saturated;
use crate::peers::Recorder;
use crate::work::Answer;

/// The counters, by their place in the group.
const REQUESTS: usize = 0;
const SUCCESS: usize = 1;
const FAILURE: usize = 2;
const REFUSED: usize = 3;

#[metric(name = "calls")]
static CALLS: ShardedCounterGroup = ShardedCounterGroup::new(4);

#[metric(name = "in_flight")]
static IN_FLIGHT: Gauge = Gauge::new();

/// Nanoseconds, in its own buckets: 8 to the octave, the resolution of schema 3 of native histograms.
#[metric(name = "duration")]
static DURATION: ShardedCounterHistogram = ShardedCounterHistogram::new(3, 64);

/// Statics; a call that panics or is dropped is lost, and its gauge stays up. It has no page of its own.
pub(crate) struct Statics;

impl Recorder for Statics {
    type Call = Instant;

    #[inline]
    fn start() -> Instant {
        CALLS.increment(REQUESTS);
        IN_FLIGHT.increment();
        Instant::now()
    }

    #[inline]
    fn end(start: Instant, answer: &Answer) {
        // No value is beyond its range.
        let _ = DURATION.increment(saturated(start.elapsed().as_nanos()));
        IN_FLIGHT.decrement();
        if answer.is_ok() {
            CALLS.increment(SUCCESS);
        } else {
            CALLS.increment(FAILURE);
            CALLS.increment(REFUSED);
        }
    }
}
