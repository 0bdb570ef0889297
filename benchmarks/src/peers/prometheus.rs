//! `prometheus` with every handle cached in a static.

use std::sync::LazyLock;
use std::time::Instant;

use monitor_core::TIME_BOUNDS;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
};

use crate::peers::Recorder;
use crate::work::{Answer, Refused};

struct Handles {
    started: IntCounter,
    in_flight: IntGauge,
    success: IntCounter,
    failure: IntCounter,
    refused: IntCounter,
    duration: Histogram,
}

static HANDLES: LazyLock<Handles> = LazyLock::new(|| {
    let counters = |name, labels: &[&str]| {
        IntCounterVec::new(Opts::new(name, name), labels).expect("a good name")
    };
    let processed = counters("processed", &["method", "status"]);
    let bounds = HistogramOpts::new("duration", "duration").buckets(TIME_BOUNDS.to_vec());
    Handles {
        started: counters("requests", &["method"]).with_label_values(&["work"]),
        in_flight: IntGaugeVec::new(Opts::new("in_flight", "in flight"), &["method"])
            .expect("a good name")
            .with_label_values(&["work"]),
        success: processed.with_label_values(&["work", "success"]),
        failure: processed.with_label_values(&["work", "failure"]),
        refused: counters("errors", &["method", "type"])
            .with_label_values(&["work", Refused::TYPE]),
        duration: HistogramVec::new(bounds, &["method"])
            .expect("good bounds")
            .with_label_values(&["work"]),
    }
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
