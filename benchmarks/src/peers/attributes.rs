//! The peers with an attribute of their own: `autometrics` and `metered`.

use autometrics::autometrics;
use metered::{ErrorCount, HitCount, InFlight, ResponseTime, metered};

use crate::work::{Answer, work};

/// One counter by result and one histogram, both with labels of the caller, and its gauge of calls in flight.
#[autometrics(track_concurrency)]
pub(crate) fn autometrics_call(x: u64) -> Answer {
    work(x)
}

/// A registry in the words of `metered`: each method's metrics, reached through `self`.
#[derive(Debug, Default)]
pub(crate) struct Metered {
    metrics: MeteredMetrics,
}

#[metered(registry = MeteredMetrics)]
impl Metered {
    /// Calls, errors and calls in flight, and durations in whole milliseconds; errors without a type.
    #[measure([HitCount, ErrorCount, InFlight, ResponseTime])]
    pub(crate) fn call(&self, x: u64) -> Answer {
        work(x)
    }
}
