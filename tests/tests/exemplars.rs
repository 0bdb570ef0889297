//! Exemplars from the context of `tracing-opentelemetry`: the trace and the span that are exported for the function's own
//! `#[instrument]`, which may stand above `#[monitored]` or below, in each form that a call can have.

use std::error::Error;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_core::Stream;
use futures_util::StreamExt as _;
use monitor_core::exemplar::{Exemplar, TraceIdExemplars, TraceIdLayer};
use monitor_core::{Monitor, StorageConfig, monitored};
use opentelemetry::trace::{SpanContext, TracerProvider as _};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, Span, SpanData, SpanProcessor};
use tracing::{Instrument as _, info_span, instrument};
use tracing_subscriber::layer::SubscriberExt as _;

/// As in docs/metrics.md.
mod documented {
    use monitor_core::exemplar::Exemplar;
    use opentelemetry::trace::TraceContextExt as _;
    use tracing::{Dispatch, span::Id};

    pub(super) fn trace_of(span: &Id, dispatch: &Dispatch) -> Option<Exemplar> {
        let context = tracing_opentelemetry::get_otel_context(span, dispatch)?;
        let span = context.span();
        let ids = span.span_context();
        let labels = [
            ("trace_id", ids.trace_id().to_string()),
            ("span_id", ids.span_id().to_string()),
        ];
        ids.is_sampled().then(|| Exemplar::new(labels))
    }
}

/// The spans that ended.
#[derive(Debug, Clone, Default)]
struct Ended(Arc<Mutex<Vec<(String, SpanContext)>>>);

impl SpanProcessor for Ended {
    fn on_start(&self, _: &mut Span, _: &opentelemetry::Context) {}

    fn on_end(&self, span: SpanData) {
        let mut ended = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ended.push((span.name.into_owned(), span.span_context));
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl Ended {
    /// The exemplar of the one span with this name.
    fn exemplar(&self, name: &str) -> Exemplar {
        let ended = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut named = ended.iter().filter(|(other, _)| other == name);
        let (_, span) = named.next().unwrap_or_else(|| panic!("no span {name}"));
        assert_eq!(named.next(), None, "one span {name}");
        Exemplar::new([
            ("trace_id", span.trace_id().to_string()),
            ("span_id", span.span_id().to_string()),
        ])
    }
}

/// The exemplars of one run, by method, and the spans it made.
struct Seen {
    exemplars: Vec<(String, Exemplar)>,
    spans: Ended,
}

impl Seen {
    fn of(&self, method: &str) -> Option<&Exemplar> {
        let mut found = self.exemplars.iter().filter(|(name, _)| name == method);
        let exemplar = found.next().map(|(_, exemplar)| exemplar);
        assert_eq!(found.next(), None, "one call of {method}");
        exemplar
    }
}

fn traced(sampler: Sampler, run: impl FnOnce()) -> Seen {
    let spans = Ended::default();
    let provider = SdkTracerProvider::builder()
        .with_sampler(sampler)
        .with_span_processor(spans.clone())
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let subscriber = tracing_subscriber::registry()
        .with(layer)
        .with(TraceIdLayer::with_context(documented::trace_of));
    let monitor = Monitor::new(StorageConfig::default());
    monitor.set_exemplars(TraceIdExemplars);
    tracing::subscriber::with_default(subscriber, || monitor.scope_sync(run));
    let methods = monitor.snapshot().methods;
    let exemplars = methods.iter().flat_map(|method| {
        let kept = method.exemplars.iter();
        kept.map(|kept| (method.name.to_string(), kept.exemplar.clone()))
    });
    Seen {
        exemplars: exemplars.collect(),
        spans,
    }
}

/// Asserts that a call of `Own` leads to its own span `own`: where a trace begins with it, and within another span.
#[track_caller]
fn assert_own(call: impl Fn()) {
    let root = traced(Sampler::AlwaysOn, &call);
    assert_eq!(root.of("Own"), Some(&root.spans.exemplar("own")), "a root");
    let child = traced(Sampler::AlwaysOn, || info_span!("parent").in_scope(&call));
    assert_eq!(
        child.of("Own"),
        Some(&child.spans.exemplar("own")),
        "within"
    );
    let trace_of = |exemplar: &Exemplar| exemplar.labels().next().map(|(_, id)| id.to_owned());
    let parent = trace_of(&child.spans.exemplar("parent"));
    assert_eq!(child.of("Own").and_then(trace_of), parent);
}

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(future)
}

/// The function twice, in a module for each order of the attributes.
macro_rules! in_both_orders {
    ($name:ident: $($function:tt)*) => {
        mod $name {
            pub(super) mod above {
                use super::super::*;
                #[instrument(name = "own", skip_all)]
                #[monitored(method = "Own")]
                $($function)*
            }
            pub(super) mod below {
                use super::super::*;
                #[monitored(method = "Own")]
                #[instrument(name = "own", skip_all)]
                $($function)*
            }
        }
    };
}

async fn wait() {
    tokio::task::yield_now().await;
}

in_both_orders!(sync: pub(crate) fn run(number: u32) -> u32 {
    number + 1
});

in_both_orders!(early: pub(crate) fn run(answer: Result<u32, String>) -> Result<u32, Box<dyn Error>> {
    let number = answer?;
    if number == 7 {
        return Ok(0);
    }
    Ok(number)
});

in_both_orders!(waits: pub(crate) async fn run() -> u32 {
    wait().await;
    wait().await;
    1
});

in_both_orders!(never_waits: pub(crate) async fn run() {});

in_both_orders!(early_async: pub(crate) async fn run(answer: Result<u32, String>) -> Result<u32, Box<dyn Error>> {
    wait().await;
    let number = answer?;
    wait().await;
    if number == 7 {
        return Ok(0);
    }
    Ok(number)
});

in_both_orders!(returned: pub(crate) fn run() -> Pin<Box<dyn Future<Output = u32>>> {
    Box::pin(async {
        wait().await;
        1
    })
});

in_both_orders!(opaque: pub(crate) fn run() -> impl Future<Output = u32> {
    async move {
        wait().await;
        1
    }
});

#[async_trait::async_trait]
trait Pays {
    async fn above(&self, answer: Result<u32, String>) -> Result<u32, Box<dyn Error>>;
    async fn below(&self, answer: Result<u32, String>) -> Result<u32, Box<dyn Error>>;
}

struct Bank;

#[async_trait::async_trait]
impl Pays for Bank {
    #[instrument(name = "own", skip_all)]
    #[monitored(method = "Own")]
    async fn above(&self, answer: Result<u32, String>) -> Result<u32, Box<dyn Error>> {
        wait().await;
        let number = answer?;
        Ok(number)
    }

    #[monitored(method = "Own")]
    #[instrument(name = "own", skip_all)]
    async fn below(&self, answer: Result<u32, String>) -> Result<u32, Box<dyn Error>> {
        wait().await;
        let number = answer?;
        Ok(number)
    }
}

// A call that another one makes has its own span, too.
in_both_orders!(nested: pub(crate) async fn run() {
    inner().await;
    info_span!("step").in_scope(|| ());
    inner_sync();
    wait().await;
});

#[instrument(name = "inner")]
#[monitored(method = "Inner")]
async fn inner() {
    wait().await;
}

#[instrument(name = "inner sync")]
#[monitored(method = "InnerSync")]
fn inner_sync() {}

#[test]
fn the_documentation_has_the_function_that_is_tested_here() {
    let (_, source) = include_str!("exemplars.rs")
        .split_once("mod documented {\n")
        .expect("it stands above");
    let (source, _) = source.split_once("\n}\n").expect("its end");
    let lines = source.lines().map(|line| {
        let line = line.strip_prefix("    ").unwrap_or(line);
        line.strip_prefix("pub(super) ").unwrap_or(line)
    });
    let code = lines.collect::<Vec<_>>().join("\n");
    assert!(
        include_str!("../../docs/metrics.md").contains(&code),
        "{code}"
    );
}

#[test]
fn a_sync_call_leads_to_its_span() {
    assert_own(|| assert_eq!(sync::above::run(1), 2));
    assert_own(|| assert_eq!(sync::below::run(1), 2));
}

#[test]
fn a_call_that_fails_or_returns_early_leads_to_its_span() {
    for answer in [Ok(1), Ok(7), Err("no".to_owned())] {
        assert_own(|| assert_eq!(early::above::run(answer.clone()).is_ok(), answer.is_ok()));
        assert_own(|| assert_eq!(early::below::run(answer.clone()).is_ok(), answer.is_ok()));
        let is_ok = answer.is_ok();
        let above = || block_on(early_async::above::run(answer.clone()));
        assert_own(|| assert_eq!(above().is_ok(), is_ok));
        let below = || block_on(early_async::below::run(answer.clone()));
        assert_own(|| assert_eq!(below().is_ok(), is_ok));
    }
}

#[test]
fn an_async_call_leads_to_its_span() {
    assert_own(|| assert_eq!(block_on(waits::above::run()), 1));
    assert_own(|| assert_eq!(block_on(waits::below::run()), 1));
    assert_own(|| block_on(never_waits::above::run()));
    assert_own(|| block_on(never_waits::below::run()));
    assert_own(|| assert_eq!(block_on(opaque::above::run()), 1));
    assert_own(|| assert_eq!(block_on(opaque::below::run()), 1));
}

#[test]
fn a_call_in_a_boxed_future_leads_to_its_span() {
    assert_own(|| assert_eq!(block_on(returned::above::run()), 1));
    assert_own(|| assert_eq!(block_on(returned::below::run()), 1));
    for answer in [Ok(1), Err("no".to_owned())] {
        let is_ok = answer.is_ok();
        assert_own(|| assert_eq!(block_on(Bank.above(answer.clone())).is_ok(), is_ok));
        assert_own(|| assert_eq!(block_on(Bank.below(answer.clone())).is_ok(), is_ok));
    }
}

#[test]
fn calls_within_a_call_lead_to_spans_of_their_own() {
    assert_own(|| block_on(nested::below::run()));
    let seen = traced(Sampler::AlwaysOn, || block_on(nested::above::run()));
    for (method, span) in [
        ("Own", "own"),
        ("Inner", "inner"),
        ("InnerSync", "inner sync"),
    ] {
        assert_eq!(
            seen.of(method),
            Some(&seen.spans.exemplar(span)),
            "{method}"
        );
    }
}

/// A call without a span of its own.
#[monitored(method = "Bare")]
async fn bare(within: impl Future<Output = ()>) {
    wait().await;
    within.await;
    wait().await;
}

#[test]
fn a_call_without_a_span_leads_to_the_one_around_it_or_nowhere() {
    let seen = traced(Sampler::AlwaysOn, || {
        // Calls with spans run between its polls, on the same thread.
        let other = async {
            for _ in 0..4 {
                inner_sync();
                wait().await;
            }
        };
        block_on(async { futures_util::future::join(bare(wait()), other).await });
    });
    assert_eq!(seen.of("Bare"), None);
    let seen = traced(Sampler::AlwaysOn, || {
        block_on(bare(wait()).instrument(info_span!("around")));
    });
    assert_eq!(seen.of("Bare"), Some(&seen.spans.exemplar("around")));
    // It is the call that opened this one.
    let seen = traced(Sampler::AlwaysOn, || {
        block_on(bare(async { wait().instrument(info_span!("step")).await }));
    });
    assert_eq!(seen.of("Bare"), Some(&seen.spans.exemplar("step")));
}

#[test]
fn a_call_that_ends_on_another_thread_leads_to_its_span() {
    assert_own(|| {
        let mut call = pin!(waits::above::run());
        let poll = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(poll.is_pending());
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                tracing::dispatcher::with_default(&dispatch, || assert_eq!(block_on(call), 1));
            });
        });
    });
}

#[test]
fn a_call_that_is_dropped_leads_to_its_span() {
    assert_own(|| {
        let mut call = Box::pin(waits::above::run());
        let poll = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(poll, Poll::Pending);
    });
    assert_own(|| {
        let mut call = Box::pin(waits::below::run());
        let poll = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(poll, Poll::Pending);
    });
}

/// A function with a stream: `#[instrument]` is about the making of it alone.
#[monitored(method = "Items")]
fn items() -> impl Stream<Item = u32> {
    futures_util::stream::iter(0..3).then(|number| async move {
        wait().await;
        number
    })
}

#[test]
fn a_stream_leads_to_the_span_that_reads_it() {
    let seen = traced(Sampler::AlwaysOn, || {
        let read = async { assert_eq!(items().count().await, 3) };
        block_on(read.instrument(info_span!("reads")));
    });
    assert_eq!(seen.of("Items"), Some(&seen.spans.exemplar("reads")));
}

#[test]
fn a_trace_that_is_not_sampled_gives_none() {
    let seen = traced(Sampler::AlwaysOff, || {
        sync::above::run(1);
        block_on(waits::below::run());
    });
    assert_eq!(seen.exemplars, []);
}
