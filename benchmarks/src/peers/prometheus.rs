//! `prometheus`: every handle cached in a static, and its text encoder.

use std::sync::LazyLock;
use std::time::Instant;

use monitor_core::TIME_BOUNDS;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

use crate::peers::{METHODS, Many, Recorder, Render, duration, method};
use crate::work::{Answer, Refused};

pub(crate) struct Handles {
    started: IntCounter,
    in_flight: IntGauge,
    success: IntCounter,
    failure: IntCounter,
    refused: IntCounter,
    duration: Histogram,
}

struct Families {
    started: IntCounterVec,
    in_flight: IntGaugeVec,
    processed: IntCounterVec,
    errors: IntCounterVec,
    duration: HistogramVec,
}

impl Families {
    fn new() -> Self {
        let counters = |name, labels: &[&str]| {
            IntCounterVec::new(Opts::new(name, name), labels).expect("a good name")
        };
        let bounds = HistogramOpts::new("duration", "duration").buckets(TIME_BOUNDS.to_vec());
        Self {
            started: counters("requests", &["method"]),
            in_flight: IntGaugeVec::new(Opts::new("in_flight", "in flight"), &["method"])
                .expect("a good name"),
            processed: counters("processed", &["method", "status"]),
            errors: counters("errors", &["method", "type"]),
            duration: HistogramVec::new(bounds, &["method"]).expect("good bounds"),
        }
    }

    fn handles(&self, method: &str) -> Handles {
        Handles {
            started: self.started.with_label_values(&[method]),
            in_flight: self.in_flight.with_label_values(&[method]),
            success: self.processed.with_label_values(&[method, "success"]),
            failure: self.processed.with_label_values(&[method, "failure"]),
            refused: self.errors.with_label_values(&[method, Refused::TYPE]),
            duration: self.duration.with_label_values(&[method]),
        }
    }
}

static HANDLES: LazyLock<Handles> = LazyLock::new(|| Families::new().handles("work"));

static MANY: LazyLock<Vec<Handles>> = LazyLock::new(|| {
    let families = Families::new();
    (0..METHODS).map(|i| families.handles(&method(i))).collect()
});

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

static FAMILIES: LazyLock<Families> = LazyLock::new(Families::new);

/// Each handle looked up by its labels when it is used.
pub(crate) struct LookUp;

impl Recorder for LookUp {
    type Call = Instant;

    #[inline]
    fn start() -> Instant {
        FAMILIES.started.with_label_values(&["work"]).inc();
        FAMILIES.in_flight.with_label_values(&["work"]).inc();
        Instant::now()
    }

    #[inline]
    fn end(start: Instant, answer: &Answer) {
        let took = start.elapsed().as_secs_f64();
        let families = &*FAMILIES;
        families.duration.with_label_values(&["work"]).observe(took);
        families.in_flight.with_label_values(&["work"]).dec();
        let processed = |status| families.processed.with_label_values(&["work", status]);
        if answer.is_ok() {
            processed("success").inc();
        } else {
            processed("failure").inc();
            let labels = ["work", Refused::TYPE];
            families.errors.with_label_values(&labels).inc();
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

/// A registry of so many methods, and its page.
pub(crate) struct Scraped {
    registry: Registry,
    page: String,
}

impl Scraped {
    pub(crate) fn new(methods: usize) -> Self {
        let (registry, families) = (Registry::new(), Families::new());
        for i in 0..methods {
            let handles = families.handles(&method(i));
            handles.started.inc_by(100);
            handles.success.inc_by(99);
            handles.failure.inc();
            handles.refused.inc();
            (0..100).for_each(|call| handles.duration.observe(duration(i, call)));
        }
        let Families {
            started,
            in_flight,
            processed,
            errors,
            duration,
        } = families;
        let register = |family| registry.register(family).expect("names of their own");
        register(Box::new(started) as Box<dyn prometheus::core::Collector>);
        register(Box::new(in_flight));
        register(Box::new(processed));
        register(Box::new(errors));
        register(Box::new(duration));
        Self {
            registry,
            page: String::new(),
        }
    }
}

impl Render for Scraped {
    fn render(&mut self) -> &[u8] {
        self.page.clear();
        let families = self.registry.gather();
        TextEncoder::new()
            .encode_utf8(&families, &mut self.page)
            .expect("a string takes all");
        self.page.as_bytes()
    }
}
