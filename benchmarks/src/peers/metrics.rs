//! The `metrics` facade with the exporter to `prometheus` behind it: its macros, each look-up by literal labels.

use std::sync::LazyLock;
use std::time::Instant;

use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use monitor_core::TIME_BOUNDS;

use crate::harness::Batch;
use crate::peers::Recorder;
use crate::work::{Answer, Refused};

static EXPORTER: LazyLock<PrometheusHandle> = LazyLock::new(|| {
    let builder = PrometheusBuilder::new().set_buckets(&TIME_BOUNDS);
    let recorder = builder.expect("there are buckets").build_recorder();
    let exporter = recorder.handle();
    metrics::set_global_recorder(recorder).expect("the first one");
    exporter
});

/// The macros, as in the crate's documentation.
pub(crate) struct Macros;

impl Recorder for Macros {
    type Call = Instant;

    #[inline]
    fn start() -> Instant {
        counter!("requests", "method" => "work").increment(1);
        gauge!("in_flight", "method" => "work").increment(1.0);
        Instant::now()
    }

    #[inline]
    fn end(start: Instant, answer: &Answer) {
        histogram!("duration", "method" => "work").record(start.elapsed());
        gauge!("in_flight", "method" => "work").decrement(1.0);
        if answer.is_ok() {
            counter!("processed", "method" => "work", "status" => "success").increment(1);
        } else {
            counter!("processed", "method" => "work", "status" => "failure").increment(1);
            counter!("errors", "method" => "work", "type" => Refused::TYPE).increment(1);
        }
    }
}

/// A batch after which the exporter files the durations it has kept: work of its own thread, so it does not count.
pub(crate) fn drained(batch: Batch) -> Batch {
    LazyLock::force(&EXPORTER);
    Batch::new(move |times| {
        let took = batch.run(times);
        EXPORTER.run_upkeep();
        took
    })
}
