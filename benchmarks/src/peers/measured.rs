//! `measured`: its text encoder over sets of labels known from the start, which it encodes fastest.

use std::sync::LazyLock;
use std::time::Instant;

use lasso::{Rodeo, RodeoReader};
use measured::metric::histogram::Thresholds;
use measured::text::BufferedTextEncoder;
use measured::{
    CounterVec, FixedCardinalityLabel, GaugeVec, HistogramVec, LabelGroup, MetricGroup,
};
use monitor_core::TIME_BOUNDS;

use crate::peers::{Recorder, Render, duration, method};
use crate::work::Answer;

#[derive(Debug, Clone, Copy, LabelGroup)]
#[label(set = MethodSet)]
struct Method<'a> {
    #[label(fixed_with = RodeoReader)]
    method: &'a str,
}

#[derive(Debug, Clone, Copy, LabelGroup)]
#[label(set = StatusSet)]
struct Processed<'a> {
    #[label(fixed_with = RodeoReader)]
    method: &'a str,
    status: Status,
}

#[derive(Debug, Clone, Copy, FixedCardinalityLabel)]
enum Status {
    Success,
    Failure,
}

#[derive(Debug, Clone, Copy, LabelGroup)]
#[label(set = ErrorSet)]
struct Error<'a> {
    #[label(fixed_with = RodeoReader)]
    method: &'a str,
    kind: ErrorType,
}

#[derive(Debug, Clone, Copy, FixedCardinalityLabel)]
enum ErrorType {
    Refused,
}

#[derive(MetricGroup)]
#[metric(new(names: &[String]))]
struct Families {
    /// requests
    #[metric(label_set = MethodSet::new(reader(names)))]
    requests: CounterVec<MethodSet>,
    /// in flight
    #[metric(label_set = MethodSet::new(reader(names)))]
    in_flight: GaugeVec<MethodSet>,
    /// processed
    #[metric(label_set = StatusSet::new(reader(names)))]
    processed: CounterVec<StatusSet>,
    /// errors
    #[metric(label_set = ErrorSet::new(reader(names)))]
    errors: CounterVec<ErrorSet>,
    /// duration
    #[metric(label_set = MethodSet::new(reader(names)), metadata = Thresholds::with_buckets(TIME_BOUNDS))]
    duration: HistogramVec<MethodSet, { TIME_BOUNDS.len() }>,
}

fn reader(names: &[String]) -> RodeoReader {
    names.iter().collect::<Rodeo>().into_reader()
}

/// The families of [`Interned`]: one method.
static WORK: LazyLock<Families> = LazyLock::new(|| Families::new(&["work".to_owned()]));

/// Labels that are interned strings, looked up for each update.
pub(crate) struct Interned;

impl Recorder for Interned {
    type Call = Instant;

    #[inline]
    fn start() -> Instant {
        WORK.requests.inc(Method { method: "work" });
        WORK.in_flight.inc(Method { method: "work" });
        Instant::now()
    }

    #[inline]
    fn end(start: Instant, answer: &Answer) {
        let method = "work";
        let took = start.elapsed().as_secs_f64();
        WORK.duration.observe(Method { method }, took);
        WORK.in_flight.dec(Method { method });
        let processed = |status| WORK.processed.inc(Processed { method, status });
        if answer.is_ok() {
            processed(Status::Success);
        } else {
            processed(Status::Failure);
            let kind = ErrorType::Refused;
            WORK.errors.inc(Error { method, kind });
        }
    }
}

/// The families of so many methods, and their page.
pub(crate) struct Scraped {
    families: Families,
    encoder: BufferedTextEncoder,
    page: bytes::Bytes,
}

impl Scraped {
    pub(crate) fn new(methods: usize) -> Self {
        let names: Vec<String> = (0..methods).map(method).collect();
        let families = Families::new(&names);
        for (i, method) in names.iter().enumerate() {
            let status = |status| Processed { method, status };
            families.requests.inc_by(Method { method }, 100);
            families.in_flight.set(Method { method }, 0);
            families.processed.inc_by(status(Status::Success), 99);
            families.processed.inc(status(Status::Failure));
            families.errors.inc(Error {
                method,
                kind: ErrorType::Refused,
            });
            (0..100).for_each(|call| {
                families
                    .duration
                    .observe(Method { method }, duration(i, call));
            });
        }
        Self {
            families,
            encoder: BufferedTextEncoder::new(),
            page: bytes::Bytes::new(),
        }
    }
}

impl Render for Scraped {
    fn render(&mut self) -> &[u8] {
        self.families
            .collect_group_into(&mut self.encoder)
            .expect("a buffer takes all");
        self.page = self.encoder.finish();
        &self.page
    }
}
