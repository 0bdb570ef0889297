//! Exemplars: for a bucket of a duration histogram, one call that fell into it, with labels that lead to its trace.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[cfg(feature = "tracing-exemplars")]
pub use self::spans::{TraceIdExemplars, TraceIdLayer};

pub use crate::data::labels::{Exemplar, KeptExemplar};

use crate::base::append::Chunked;
use crate::base::sync::{AtomicU64, Mutex, Relaxed, leak, lock};
use crate::recording::method::MethodCore;
use crate::recording::shard::Span;

/// How long an exemplar stays before another call's takes its place, seconds.
const KEPT_SECONDS: f64 = 1.0;

/// Gives the exemplar of the call that is just ending on this thread.
///
/// Asked at the end of a call, on the thread that ends it. After it gave one, it is not asked again about that method
/// and bucket for one second; while it gives none, as for calls that are not sampled, it is asked at each call. So it
/// should be quick. One that panics gives none; calls it makes itself are recorded, but get no exemplar.
///
/// # Examples
///
/// ```
/// use std::cell::RefCell;
///
/// use monitor_core::exemplar::Exemplar;
/// use monitor_core::{Monitor, Outcome, StorageConfig};
///
/// thread_local! {
///     static TRACE: RefCell<Option<String>> = const { RefCell::new(None) };
/// }
///
/// let monitor = Monitor::new(StorageConfig::default());
/// monitor.set_exemplars(|| TRACE.with_borrow(|trace| Some(Exemplar::new([("trace_id", trace.as_deref()?)]))));
/// let method = monitor.method("Get")?;
/// TRACE.set(Some("abc".to_owned()));
/// method.start().finish(Outcome::Success);
///
/// let kept = &monitor.snapshot().methods[0].exemplars[0];
/// assert_eq!(kept.exemplar, Exemplar::new([("trace_id", "abc")]));
/// # Ok::<(), monitor_core::MethodError>(())
/// ```
pub trait ExemplarProvider: Send + Sync + 'static {
    /// The exemplar, if the call has one.
    fn exemplar(&self) -> Option<Exemplar>;
}

impl<F> ExemplarProvider for F
where
    F: Fn() -> Option<Exemplar> + Send + Sync + 'static,
{
    fn exemplar(&self) -> Option<Exemplar> {
        self()
    }
}

/// A storage's provider. A panic of it is caught where it is asked, so that it is never seen half-way.
pub(super) type AnyProvider = AssertUnwindSafe<Box<dyn ExemplarProvider>>;

/// The exemplars of one method and label set, by bucket.
pub(super) type Exemplars = Chunked<ExemplarCell>;

#[derive(Default)]
pub(super) struct ExemplarCell {
    /// From when on another one may take its place, in ticks.
    due: AtomicU64,
    kept: Mutex<Option<KeptExemplar>>,
}

thread_local! {
    /// Whether a provider is being asked on this thread: calls it makes are not asked about.
    static ASKING: Cell<bool> = const { Cell::new(false) };
}

/// Keeps an exemplar of a call of a method that has just ended, unless the bucket's is younger than [`KEPT_SECONDS`].
/// Counts one that no page can hold.
#[cold]
pub(super) fn note(method: &MethodCore, provider: &AnyProvider, span: Span, failed: bool) {
    let exemplars = method.exemplars.get_or_init(|| leak(Exemplars::default()));
    let bucket = method.shared.cells().ticks.exact_bucket(span.ticks());
    let place = u32::try_from(bucket).ok();
    let Some(cell) = place.and_then(|place| exemplars.get_or_grow(place)) else {
        return;
    };
    let due = cell.due.load(Relaxed);
    if span.end < due {
        return;
    }
    let Some(exemplar) = ask(provider) else {
        return;
    };
    if !exemplar.fits() {
        method.storage.dropped_exemplars.fetch_add(1, Relaxed);
        return;
    }
    let clock = &method.storage.clock;
    let next = span.end.saturating_add(clock.ticks(KEPT_SECONDS));
    // Relaxed: the cell's lock orders the exemplars; if two calls end at once, one of them keeps its exemplar.
    let won = cell.due.compare_exchange(due, next, Relaxed, Relaxed);
    if won.is_ok() {
        *lock(&cell.kept) = Some(KeptExemplar {
            bucket,
            exemplar,
            seconds: clock.seconds(span.ticks()),
            at: clock.unix_at(span.end),
            failed,
        });
    }
}

/// All that are kept of a method, by bucket.
pub(crate) fn kept(method: &MethodCore) -> Vec<KeptExemplar> {
    let cells = method.exemplars.get().into_iter().flat_map(Chunked::iter);
    cells.filter_map(|cell| lock(&cell.kept).clone()).collect()
}

fn ask(provider: &AnyProvider) -> Option<Exemplar> {
    // `try_with`: a thread may end calls while its thread-locals are being destroyed.
    let asking = ASKING.try_with(|asking| asking.replace(true)).ok()?;
    if asking {
        return None;
    }
    let exemplar = catch_unwind(|| provider.exemplar());
    let _ = ASKING.try_with(|asking| asking.set(false));
    exemplar.ok().flatten()
}

/// Exemplars from `tracing`: the `trace_id` of the span a call ends in.
#[cfg(feature = "tracing-exemplars")]
mod spans {
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

    /// The field of a span, which the layer keeps with it if there is one.
    #[derive(Default)]
    struct TraceId(Option<Box<str>>);

    impl Visit for TraceId {
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
            keep(id, &context, |found| attributes.record(found));
        }

        fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
            keep(id, &context, |found| values.record(found));
        }
    }

    fn keep<S>(id: &Id, context: &Context<'_, S>, look: impl FnOnce(&mut TraceId))
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let mut found = TraceId::default();
        look(&mut found);
        if found.0.is_some()
            && let Some(span) = context.span(id)
        {
            span.extensions_mut().replace(found);
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
            let trace = extensions.get::<TraceId>()?.0.clone()?;
            Some(Exemplar::new([(TRACE_ID, trace)]))
        })
    }

    #[cfg(all(test, not(monitor_loom)))]
    mod tests;
}

#[cfg(all(test, not(monitor_loom)))]
mod tests;
