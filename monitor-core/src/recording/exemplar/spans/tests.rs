//! Which trace a call is led to: that of its span, however the span came by it.

use tracing::field::Empty;
use tracing::info_span;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;
use crate::{Monitor, Outcome, StorageConfig};

/// The trace of a call that ends in the current span.
fn trace() -> Option<String> {
    let monitor = Monitor::new(StorageConfig::default());
    monitor.set_exemplars(TraceIdExemplars);
    let method = monitor.method("Get").expect("a good name");
    method.start().finish(Outcome::Success);
    let snapshot = monitor.snapshot();
    let kept = snapshot.methods[0].exemplars.first()?;
    let mut labels = kept.exemplar.labels();
    let (name, value) = labels.next()?;
    assert_eq!((name, labels.next()), (TRACE_ID, None));
    Some(value.to_owned())
}

fn traced<R>(run: impl FnOnce() -> R) -> R {
    tracing::subscriber::with_default(tracing_subscriber::registry().with(TraceIdLayer), run)
}

#[test]
fn the_nearest_span_that_has_one_gives_it() {
    traced(|| {
        assert_eq!(trace(), None);
        let _request = info_span!("request", trace_id = "outer").entered();
        assert_eq!(trace().as_deref(), Some("outer"));
        let step = info_span!("step", user = "ada").entered();
        assert_eq!(trace().as_deref(), Some("outer"));
        let inner = info_span!("sub request", trace_id = "inner").entered();
        let leaf = info_span!("leaf").entered();
        assert_eq!(trace().as_deref(), Some("inner"));
        drop((leaf, inner, step));
        assert_eq!(trace().as_deref(), Some("outer"));
    });
}

#[test]
fn one_that_is_recorded_later_counts_from_then_on() {
    traced(|| {
        let span = info_span!("request", trace_id = Empty).entered();
        assert_eq!(trace(), None);
        span.record("trace_id", "late");
        assert_eq!(trace().as_deref(), Some("late"));
        span.record("trace_id", "later");
        assert_eq!(trace().as_deref(), Some("later"));
    });
}

#[test]
fn what_displays_itself_is_taken_as_it_reads() {
    traced(|| {
        let id = format!("{:08x}", 0x4b_f92f);
        let _display = info_span!("request", trace_id = %id).entered();
        assert_eq!(trace().as_deref(), Some("004bf92f"));
        let _number = info_span!("request", trace_id = 42_u64).entered();
        assert_eq!(trace().as_deref(), Some("42"));
        let later = info_span!("request", trace_id = Empty).entered();
        later.record("trace_id", tracing::field::display("shown"));
        assert_eq!(trace().as_deref(), Some("shown"));
    });
}

#[test]
fn without_the_layer_or_a_subscriber_there_is_none() {
    let _nobody = info_span!("request", trace_id = "lost").entered();
    assert_eq!(trace(), None);
    let subscriber = tracing_subscriber::registry();
    tracing::subscriber::with_default(subscriber, || {
        let _span = info_span!("request", trace_id = "lost").entered();
        assert_eq!(trace(), None);
    });
}
