//! `foundations-metrics`: every handle cached in a static, its histogram of times, and its text encoder.

use std::sync::LazyLock;
use std::time::Instant;

use foundations_metrics::{
    Counter, EncodeMetric, Family, Gauge, HistogramBuilder, NamedMetric, TimeHistogram,
    encode_to_text,
};
use monitor_core::TIME_BOUNDS;
use serde::Serialize;

use crate::harness::{saturated, to_u64};
use crate::peers::{Recorder, Render, duration, method};
use crate::work::{Answer, Refused};

struct Handles {
    started: Counter,
    in_flight: Gauge,
    success: Counter,
    failure: Counter,
    refused: Counter,
    duration: TimeHistogram,
}

static HANDLES: LazyLock<Handles> = LazyLock::new(|| Handles {
    started: Counter::default(),
    in_flight: Gauge::default(),
    success: Counter::default(),
    failure: Counter::default(),
    refused: Counter::default(),
    duration: TimeHistogram::new(TIME_BOUNDS),
});

/// Cached handles; a call that panics or is dropped is lost, and its gauge stays up.
pub(crate) struct Cached;

/// A call that began.
pub(crate) struct Timer {
    handles: &'static Handles,
    start: Instant,
}

impl Recorder for Cached {
    type Call = Timer;

    #[inline]
    fn start() -> Timer {
        let handles = &*HANDLES;
        handles.started.inc();
        handles.in_flight.inc();
        Timer {
            handles,
            start: Instant::now(),
        }
    }

    #[inline]
    fn end(Timer { handles, start }: Timer, answer: &Answer) {
        handles
            .duration
            .observe(saturated(start.elapsed().as_nanos()));
        handles.in_flight.dec();
        if answer.is_ok() {
            handles.success.inc();
        } else {
            handles.failure.inc();
            handles.refused.inc();
        }
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
struct Method {
    method: String,
}

#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
struct Status {
    method: String,
    status: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
struct ErrorType {
    method: String,
    r#type: &'static str,
}

/// Families of so many methods, and their page. Its registry is the process's, so the families are encoded without it.
pub(crate) struct Scraped {
    families: Vec<Box<dyn EncodeMetric>>,
    page: String,
}

impl Scraped {
    pub(crate) fn new(methods: usize) -> Self {
        let started = Family::<Method, Counter>::default();
        let in_flight = Family::<Method, Gauge>::default();
        let processed = Family::<Status, Counter>::default();
        let errors = Family::<ErrorType, Counter>::default();
        let buckets = HistogramBuilder {
            buckets: &TIME_BOUNDS,
        };
        let durations =
            Family::<Method, TimeHistogram, HistogramBuilder>::new_with_constructor(buckets);
        for i in 0..methods {
            let label = Method { method: method(i) };
            let status = |status| Status {
                method: method(i),
                status,
            };
            started.get_or_create(&label).inc_by(100);
            in_flight.get_or_create(&label).set(0);
            processed.get_or_create(&status("success")).inc_by(99);
            processed.get_or_create(&status("failure")).inc();
            let error = ErrorType {
                method: method(i),
                r#type: Refused::TYPE,
            };
            errors.get_or_create(&error).inc();
            let histogram = durations.get_or_create(&label);
            (0..100).for_each(|call| histogram.observe(to_u64(duration(i, call) * 1e9)));
        }
        Self {
            families: vec![
                Box::new(NamedMetric::new("requests", "requests", started)),
                Box::new(NamedMetric::new("in_flight", "in flight", in_flight)),
                Box::new(NamedMetric::new("processed", "processed", processed)),
                Box::new(NamedMetric::new("errors", "errors", errors)),
                Box::new(NamedMetric::new("duration", "duration", durations)),
            ],
            page: String::new(),
        }
    }
}

impl Render for Scraped {
    fn render(&mut self) -> &[u8] {
        let families: Vec<_> = self.families.iter().flat_map(|one| one.encode()).collect();
        self.page = encode_to_text(&families);
        self.page.as_bytes()
    }
}
