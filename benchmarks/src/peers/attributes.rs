//! The peers with an attribute of their own: `autometrics`, `hotpath` and `metered`.

use std::sync::{Mutex, PoisonError};

use autometrics::autometrics;
use hotpath::{Format, HotpathGuard, HotpathGuardBuilder};
use metered::{ErrorCount, HitCount, InFlight, ResponseTime, metered};

use crate::harness::Batch;
use crate::work::{Answer, work};

/// One counter by result and one histogram, both with labels of the caller, and its gauge of calls in flight.
#[autometrics(track_concurrency)]
pub(crate) fn autometrics_call(x: u64) -> Answer {
    work(x)
}

/// Calls and durations; neither errors nor calls in flight. A call is pushed to a queue of its thread, and a worker counts
/// it later.
#[hotpath::measure]
pub(crate) fn hotpath_call(x: u64) -> Answer {
    work(x)
}

/// The profiler of `hotpath`, of which a process may have one at a time, and how many batches run under it.
struct Profiler {
    batches: usize,
    guard: Option<HotpathGuard>,
}

static PROFILER: Mutex<Profiler> = Mutex::new(Profiler {
    batches: 0,
    guard: None,
});

impl Profiler {
    fn enter() {
        let mut own = PROFILER.lock().unwrap_or_else(PoisonError::into_inner);
        own.batches += 1;
        own.guard.get_or_insert_with(|| {
            HotpathGuardBuilder::new("bench")
                .format(Format::None)
                .build()
        });
    }

    /// The last batch ends the profiler, which waits until its worker has counted all calls.
    fn leave() {
        let mut own = PROFILER.lock().unwrap_or_else(PoisonError::into_inner);
        own.batches -= 1;
        if own.batches == 0 {
            own.guard = None;
        }
    }
}

/// A batch under the profiler. Its start and its end do not count, and its worker does not run beside other rows.
pub(crate) fn profiled(batch: Batch) -> Batch {
    Batch::new(move |times| {
        Profiler::enter();
        let took = batch.run(times);
        Profiler::leave();
        took
    })
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
