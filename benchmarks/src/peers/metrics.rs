//! The `metrics` facade with the exporter to `prometheus` behind it: its macros, each look-up by literal labels.

use std::sync::LazyLock;
use std::time::Instant;

use metrics::{counter, gauge, histogram, with_local_recorder};
use metrics_exporter_prometheus::PrometheusHandle;

use crate::exporter::{EXPORTER, recorder};
use crate::harness::Batch;
use crate::peers::{Recorder, Render, duration, method};
use crate::work::{Answer, Refused};

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

/// A recorder with so many methods, and its page.
pub(crate) struct Scraped {
    exporter: PrometheusHandle,
    page: String,
}

impl Scraped {
    pub(crate) fn new(methods: usize) -> Self {
        let recorder = recorder();
        with_local_recorder(&recorder, || (0..methods).for_each(record));
        let exporter = recorder.handle();
        exporter.run_upkeep();
        Self {
            exporter,
            page: String::new(),
        }
    }
}

/// A hundred calls of a method, of which one failed.
fn record(i: usize) {
    let method = method(i);
    counter!("requests", "method" => method.clone()).increment(100);
    gauge!("in_flight", "method" => method.clone()).set(0.0);
    counter!("processed", "method" => method.clone(), "status" => "success").increment(99);
    counter!("processed", "method" => method.clone(), "status" => "failure").increment(1);
    counter!("errors", "method" => method.clone(), "type" => Refused::TYPE).increment(1);
    let durations = histogram!("duration", "method" => method);
    (0..100).for_each(|call| durations.record(duration(i, call)));
}

impl Render for Scraped {
    fn render(&mut self) -> &[u8] {
        self.page = self.exporter.render();
        self.page.as_bytes()
    }
}
