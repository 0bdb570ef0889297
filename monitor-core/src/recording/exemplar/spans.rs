//! Exemplars from `tracing`: the `trace_id` of the span a call ends in.

use std::fmt;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Span, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, Registry};

use super::{Exemplar, ExemplarProvider};

/// The name of the field, and of the exemplar's label.
const TRACE_ID: &str = "trace_id";

/// Keeps the field `trace_id` of spans, for [`TraceIdExemplars`]. Goes on a `tracing_subscriber::Registry`.
///
/// # Examples
///
/// ```
/// use monitor_core::exemplar::{TraceIdExemplars, TraceIdLayer};
/// use monitor_core::{Monitor, Outcome, StorageConfig};
/// use tracing_subscriber::layer::SubscriberExt as _;
///
/// let monitor = Monitor::new(StorageConfig::default());
/// monitor.set_exemplars(TraceIdExemplars);
/// let method = monitor.method("Get")?;
/// tracing::subscriber::with_default(tracing_subscriber::registry().with(TraceIdLayer), || {
///     let _span = tracing::info_span!("request", trace_id = "4bf92f35").entered();
///     method.start().finish(Outcome::Success);
/// });
/// assert_eq!(monitor.snapshot().methods[0].exemplars.len(), 1);
/// # Ok::<(), monitor_core::MethodError>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct TraceIdLayer;

/// Gives the `trace_id` of the current span, or of the nearest one around it that has one. Needs [`TraceIdLayer`].
#[derive(Debug, Clone, Copy, Default)]
pub struct TraceIdExemplars;

/// What the layer keeps with a span.
struct TraceId(Box<str>);

/// Finds the field.
#[derive(Default)]
struct Find(Option<Box<str>>);

impl Visit for Find {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == TRACE_ID {
            self.0 = Some(value.into());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == TRACE_ID {
            self.0 = Some(format!("{value:?}").into());
        }
    }
}

impl<S> Layer<S> for TraceIdLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut find = Find::default();
        attributes.record(&mut find);
        keep(find, id, &context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let mut find = Find::default();
        values.record(&mut find);
        keep(find, id, &context);
    }
}

fn keep<S>(found: Find, id: &Id, context: &Context<'_, S>)
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    if let (Some(trace), Some(span)) = (found.0, context.span(id)) {
        span.extensions_mut().replace(TraceId(trace));
    }
}

impl ExemplarProvider for TraceIdExemplars {
    fn exemplar(&self) -> Option<Exemplar> {
        Span::current().with_subscriber(in_scope)?
    }
}

fn in_scope((id, dispatch): (&Id, &Dispatch)) -> Option<Exemplar> {
    let registry = dispatch.downcast_ref::<Registry>()?;
    let mut spans = registry.span(id)?.scope();
    spans.find_map(|span| {
        let extensions = span.extensions();
        let trace = &extensions.get::<TraceId>()?.0;
        Some(Exemplar::new([(TRACE_ID, trace.clone())]))
    })
}

#[cfg(all(test, not(monitor_loom)))]
mod tests;
