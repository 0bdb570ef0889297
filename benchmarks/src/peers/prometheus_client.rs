//! `prometheus-client` with every handle cached in a static.

use std::sync::LazyLock;
use std::time::Instant;

use monitor_core::TIME_BOUNDS;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use crate::peers::Recorder;
use crate::work::Answer;

struct Handles {
    started: Counter,
    in_flight: Gauge,
    success: Counter,
    failure: Counter,
    refused: Counter,
    duration: Histogram,
}

static HANDLES: LazyLock<Handles> = LazyLock::new(|| Handles {
    started: Counter::default(),
    in_flight: Gauge::default(),
    success: Counter::default(),
    failure: Counter::default(),
    refused: Counter::default(),
    duration: Histogram::new(TIME_BOUNDS),
});

/// Cached handles; a call that panics or is dropped is lost, and its gauge stays up.
pub(crate) struct Cached;

impl Recorder for Cached {
    type Call = Instant;

    #[inline]
    fn start() -> Instant {
        let handles = &*HANDLES;
        handles.started.inc();
        handles.in_flight.inc();
        Instant::now()
    }

    #[inline]
    fn end(start: Instant, answer: &Answer) {
        let handles = &*HANDLES;
        handles.duration.observe(start.elapsed().as_secs_f64());
        handles.in_flight.dec();
        if answer.is_ok() {
            handles.success.inc();
        } else {
            handles.failure.inc();
            handles.refused.inc();
        }
    }
}
