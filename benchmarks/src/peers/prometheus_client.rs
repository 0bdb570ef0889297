//! `prometheus-client`: every handle cached in a static, and its text encoder.

use std::sync::LazyLock;
use std::time::Instant;

use monitor_core::TIME_BOUNDS;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::peers::{METHODS, Many, Recorder, Render, duration, method};
use crate::work::{Answer, Refused};

pub(crate) struct Handles {
    started: Counter,
    in_flight: Gauge,
    success: Counter,
    failure: Counter,
    refused: Counter,
    duration: Histogram,
}

impl Handles {
    fn new() -> Self {
        Self {
            started: Counter::default(),
            in_flight: Gauge::default(),
            success: Counter::default(),
            failure: Counter::default(),
            refused: Counter::default(),
            duration: Histogram::new(TIME_BOUNDS),
        }
    }
}

static HANDLES: LazyLock<Handles> = LazyLock::new(Handles::new);

static MANY: LazyLock<Vec<Handles>> =
    LazyLock::new(|| (0..METHODS).map(|_| Handles::new()).collect());

/// Cached handles; a call that panics or is dropped is lost, and its gauge stays up.
pub(crate) struct Cached;

/// A call that began.
pub(crate) struct Timer {
    handles: &'static Handles,
    start: Instant,
}

impl Timer {
    #[inline]
    fn start(handles: &'static Handles) -> Self {
        handles.started.inc();
        handles.in_flight.inc();
        Self {
            handles,
            start: Instant::now(),
        }
    }
}

impl Many for Cached {
    #[inline]
    fn start_of(method: usize) -> Timer {
        Timer::start(&MANY[method])
    }
}

impl Recorder for Cached {
    type Call = Timer;

    #[inline]
    fn start() -> Timer {
        Timer::start(&HANDLES)
    }

    #[inline]
    fn end(Timer { handles, start }: Timer, answer: &Answer) {
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

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Method {
    method: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Status {
    method: String,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorType {
    method: String,
    r#type: &'static str,
}

/// A registry of so many methods, and its page.
pub(crate) struct Scraped {
    registry: Registry,
    page: String,
}

impl Scraped {
    pub(crate) fn new(methods: usize) -> Self {
        let started = Family::<Method, Counter>::default();
        let in_flight = Family::<Method, Gauge>::default();
        let processed = Family::<Status, Counter>::default();
        let errors = Family::<ErrorType, Counter>::default();
        let durations =
            Family::<Method, Histogram>::new_with_constructor(|| Histogram::new(TIME_BOUNDS));
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
            (0..100).for_each(|call| histogram.observe(duration(i, call)));
        }
        let mut registry = Registry::default();
        registry.register("requests", "requests", started);
        registry.register("in_flight", "in flight", in_flight);
        registry.register("processed", "processed", processed);
        registry.register("errors", "errors", errors);
        registry.register("duration", "duration", durations);
        Self {
            registry,
            page: String::new(),
        }
    }
}

impl Render for Scraped {
    fn render(&mut self) -> &[u8] {
        self.page.clear();
        encode(&mut self.page, &self.registry).expect("a string takes all");
        self.page.as_bytes()
    }
}
