//! Exemplars: for a bucket of a duration histogram, one call that fell into it, with labels that lead to its trace.

// A storage has at most one provider, which is asked when a call ends (`note`). With `tracing`, the span of a function is
// not always the current one by then: `#[instrument]` above `#[monitored]` puts the span inside of the call, so it has
// been closed, with all that was kept with it. So `TraceIdLayer` marks each span that a call itself opens with the start
// of that call, and when such a span is left, its thread keeps the exemplar, until the call that ends asks for it. A call
// is told by its start: two of a thread do not have the same one, unless the clock is too coarse to tell them apart.

use std::cell::Cell;
use std::panic::AssertUnwindSafe;

#[cfg(feature = "tracing-exemplars")]
pub use self::spans::{TraceIdExemplars, TraceIdLayer};

pub use crate::data::labels::{Exemplar, KeptExemplar};

use crate::base::append::Chunked;
use crate::base::sync::{AtomicU64, Mutex, Relaxed, leak, lock};
use crate::errors::survive;
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
/// With the feature `tracing-exemplars` there is one that reads the spans of `tracing`, `TraceIdExemplars`; it works with
/// the context of `tracing-opentelemetry`. docs/metrics.md, "Exemplars", has an example, and the settings of Prometheus
/// and Grafana.
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
    /// While code of the user's is asked for an exemplar on this thread, the start of the call it is asked about, in
    /// ticks: calls that this code makes get no exemplar.
    static ASKED_ABOUT: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Keeps an exemplar of a call of a method that has just ended, unless the bucket's is younger than [`KEPT_SECONDS`].
/// Counts one that no page can hold.
#[cold]
pub(super) fn note(method: &MethodCore, provider: &AnyProvider, span: Span, failed: bool) {
    let exemplars = method.exemplars.get_or_init(|| leak(Exemplars::default()));
    let partition = method.shared.cells();
    let cell = partition.cell(span.ticks());
    let bucket = usize::from(partition.partition.buckets(cell).classic);
    let place = u32::try_from(bucket).ok();
    let Some(cell) = place.and_then(|place| exemplars.get_or_grow(place)) else {
        return;
    };
    let due = cell.due.load(Relaxed);
    if span.end < due {
        return;
    }
    let Some(exemplar) = ask(span.start, || provider.exemplar()) else {
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

/// Runs code of the user's that gives the exemplar of a call with this start. A panic gives none.
fn ask(start: u64, code: impl FnOnce() -> Option<Exemplar>) -> Option<Exemplar> {
    // `try_with`: a thread may end calls while its thread-locals are being destroyed.
    let asked_about = ASKED_ABOUT.try_with(Cell::get).ok()?;
    if asked_about.is_some() {
        return None;
    }
    let _ = ASKED_ABOUT.try_with(|asked_about| asked_about.set(Some(start)));
    let exemplar = survive(code);
    let _ = ASKED_ABOUT.try_with(|asked_about| asked_about.set(None));
    exemplar.flatten()
}

/// Exemplars from `tracing`: the trace of the span that a call opened, or that it ends in.
#[cfg(feature = "tracing-exemplars")]
mod spans {
    use std::cell::Cell;
    use std::fmt;
    use std::ptr;
    use std::sync::{Arc, OnceLock};

    use tracing::dispatcher::{WeakDispatch, get_default};
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Dispatch, Span, Subscriber};
    use tracing_subscriber::layer::{Context, Layer};
    use tracing_subscriber::registry::{LookupSpan, Registry, SpanRef};

    use super::{ASKED_ABOUT, Exemplar, ExemplarProvider, ask};
    use crate::recording::thread;

    /// The name of the field, and of the exemplar's label.
    const TRACE_ID: &str = "trace_id";

    thread_local! {
        /// The exemplar of the span that this thread left last, of those that a call opened, and the start of that call.
        static LEFT: Cell<Option<(u64, Exemplar)>> = const { Cell::new(None) };
    }

    /// Finds the trace of spans, for [`TraceIdExemplars`]. Goes on a `tracing_subscriber::Registry`.
    ///
    /// By default that is the field `trace_id` of the span, or of the nearest one around it that has one. Traces that
    /// another layer keeps, such as that of `tracing-opentelemetry`, are read by [`with_context`](Self::with_context).
    ///
    /// It may stand in an `Option`, a `Vec` or a `Box`, and have a filter. In a `reload::Layer` the field is found, and the
    /// function of `with_context` is not asked about the span that a call ends in.
    ///
    /// For each span that a call opens, the layer reads the trace when the span is left, whether the call will be asked
    /// for it or not: with `tracing-opentelemetry`, about 1 µs beside the 2 µs of the span itself.
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
    /// tracing::subscriber::with_default(tracing_subscriber::registry().with(TraceIdLayer::new()), || {
    ///     let _span = tracing::info_span!("request", trace_id = "4bf92f35").entered();
    ///     method.start().finish(Outcome::Success);
    /// });
    /// assert_eq!(monitor.snapshot().methods[0].exemplars.len(), 1);
    /// # Ok::<(), monitor_core::MethodError>(())
    /// ```
    #[derive(Default)]
    pub struct TraceIdLayer {
        /// The field, where there is none.
        context: Option<Box<ReadContext>>,
        /// The subscriber that the layer is part of.
        dispatch: OnceLock<WeakDispatch>,
    }

    type ReadContext = dyn Fn(&Id, &Dispatch) -> Option<Exemplar> + Send + Sync;

    impl TraceIdLayer {
        /// A layer that reads the field `trace_id`.
        pub fn new() -> Self {
            Self::default()
        }

        /// A layer that gets the exemplar of a span from a function, which is given the span and its subscriber.
        ///
        /// It is called when a call ends in the span, and when a span is first left that a call opened. It runs as part
        /// of the instrumented code, so it should be quick. One that panics gives no exemplar, and calls it makes itself
        /// get none. Where it gives none, the spans around that one are tried.
        ///
        /// For `tracing-opentelemetry` it is a few lines around `get_otel_context(id, dispatch)`, which docs/metrics.md has
        /// under "Exemplars". That function starts the span for OpenTelemetry: its parent cannot be set afterwards.
        ///
        /// # Examples
        ///
        /// ```
        /// use monitor_core::exemplar::{Exemplar, TraceIdExemplars, TraceIdLayer};
        /// use monitor_core::{Monitor, StorageConfig, monitored};
        /// use tracing_subscriber::layer::SubscriberExt as _;
        ///
        /// #[monitored(method = "Get")]
        /// fn get() {
        ///     let _span = tracing::info_span!("get").entered();
        /// }
        ///
        /// let monitor = Monitor::new(StorageConfig::default());
        /// monitor.set_exemplars(TraceIdExemplars);
        /// let layer = TraceIdLayer::with_context(|id, _dispatch| {
        ///     Some(Exemplar::new([("trace_id", format!("{:016x}", id.into_u64()))]))
        /// });
        /// tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || monitor.scope_sync(get));
        /// assert_eq!(monitor.snapshot().methods[0].exemplars.len(), 1);
        /// ```
        pub fn with_context<F>(context: F) -> Self
        where
            F: Fn(&Id, &Dispatch) -> Option<Exemplar> + Send + Sync + 'static,
        {
            Self {
                context: Some(Box::new(context)),
                dispatch: OnceLock::new(),
            }
        }

        /// Gives the subscriber that the layer is part of to `read`.
        // It is not known where a layer around this one does not hand it on, as an `Option` and a `Vec` do not, and where
        // the first `Dispatch` of it is gone. Then it is most likely the thread's own.
        fn with_dispatch<R>(&self, read: impl FnOnce(&Dispatch) -> Option<R>) -> Option<R> {
            if let Some(dispatch) = self.dispatch.get().and_then(WeakDispatch::upgrade) {
                return read(&dispatch);
            }
            let is_own = |layer: &Self| ptr::eq(layer, self);
            get_default(|dispatch| {
                let own = dispatch.downcast_ref().is_some_and(is_own);
                own.then_some(dispatch).cloned()
            })
            .and_then(|dispatch| read(&dispatch))
        }
    }

    impl fmt::Debug for TraceIdLayer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("TraceIdLayer").finish_non_exhaustive()
        }
    }

    /// Gives the trace of the call that ends: that of the last span which the call itself opened and left, as the one of
    /// `#[instrument]` above `#[monitored]`; else that of the current span, as the one of `#[instrument]` below. Needs
    /// [`TraceIdLayer`].
    #[derive(Debug, Clone, Copy, Default)]
    pub struct TraceIdExemplars;

    /// The field of a span, which the layer keeps with it if there is one.
    #[derive(Default)]
    struct TraceId {
        exemplar: Option<Exemplar>,
    }

    impl TraceId {
        fn found(&mut self, value: impl Into<Box<str>>) {
            self.exemplar = Some(Exemplar::new([(TRACE_ID, value)]));
        }
    }

    impl Visit for TraceId {
        fn record_str(&mut self, field: &Field, value: &str) {
            if field.name() == TRACE_ID {
                self.found(value);
            }
        }

        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            if field.name() == TRACE_ID {
                self.found(format!("{value:?}"));
            }
        }
    }

    /// Kept with a span that a monitored call opened, and not within another span of the same call.
    #[derive(Clone)]
    struct OpenedBy {
        /// The start of the call, ticks.
        call: u64,
        /// The exemplar, once the span was left and its context gave one, which does not change after that.
        exemplar: Arc<OnceLock<Exemplar>>,
    }

    impl<S> Layer<S> for TraceIdLayer
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        fn on_register_dispatch(&self, dispatch: &Dispatch) {
            let _ = self.dispatch.set(dispatch.downgrade());
        }

        fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
            if self.context.is_none() {
                keep(id, &context, |found| attributes.record(found));
            }
            mark(id, &context);
        }

        fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
            if self.context.is_none() {
                keep(id, &context, |found| values.record(found));
            }
        }

        fn on_exit(&self, id: &Id, context: Context<'_, S>) {
            let opened = |id| context.span(id)?.extensions().get::<OpenedBy>().cloned();
            if let Some(opened) = opened(id) {
                self.keep_left(id, &opened, &context);
            }
        }
    }

    impl TraceIdLayer {
        /// Keeps the exemplar of a span that was left, for the call that opened it.
        // No lock of the span is held here: the function may take it.
        fn keep_left<S>(&self, id: &Id, opened: &OpenedBy, context: &Context<'_, S>)
        where
            S: Subscriber + for<'a> LookupSpan<'a>,
        {
            let near = || {
                let span = context.span(id)?;
                match &self.context {
                    Some(read) => {
                        self.with_dispatch(|dispatch| context_near(&span, read, dispatch))
                    }
                    None => field_near(&span),
                }
            };
            let read = || ask(opened.call, near);
            let Some(exemplar) = opened.exemplar.get().cloned().or_else(read) else {
                return;
            };
            // A field may still change.
            if self.context.is_some() {
                opened.exemplar.get_or_init(|| exemplar.clone());
            }
            // A thread may leave spans while its thread-locals are being destroyed.
            let _ = LEFT.try_with(|left| left.set(Some((opened.call, exemplar))));
        }
    }

    fn keep<S>(id: &Id, context: &Context<'_, S>, look: impl FnOnce(&mut TraceId))
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let mut found = TraceId::default();
        look(&mut found);
        if found.exemplar.is_some()
            && let Some(span) = context.span(id)
        {
            span.extensions_mut().replace(found);
        }
    }

    /// Marks a new span with the call that opens it, unless a span around it is marked with the same.
    fn mark<S>(id: &Id, context: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let current = thread::with(|local| local.slot_of(local.current())?.busy_since());
        if let Some(call) = current
            && let Some(span) = context.span(id)
        {
            let is_of_call = |opened: &OpenedBy| opened.call == call;
            let mut around = span.scope().skip(1);
            if !around.any(|span| span.extensions().get().is_some_and(is_of_call)) {
                span.extensions_mut().replace(OpenedBy {
                    call,
                    exemplar: Arc::default(),
                });
            }
        }
    }

    impl ExemplarProvider for TraceIdExemplars {
        fn exemplar(&self) -> Option<Exemplar> {
            left_by_call().or_else(|| Span::current().with_subscriber(of_current)?)
        }
    }

    /// That of a span which the call that ends has opened, and which is closed by now.
    fn left_by_call() -> Option<Exemplar> {
        let call = ASKED_ABOUT.try_with(Cell::get).ok()?;
        LEFT.try_with(|left| {
            let kept = left.take()?;
            if Some(kept.0) == call {
                return Some(kept.1);
            }
            // That of a call around this one.
            left.set(Some(kept));
            None
        })
        .ok()?
    }

    fn of_current((id, dispatch): (&Id, &Dispatch)) -> Option<Exemplar> {
        let span = dispatch.downcast_ref::<Registry>()?.span(id)?;
        let layer = dispatch.downcast_ref::<TraceIdLayer>();
        match layer.and_then(|layer| layer.context.as_ref()) {
            Some(read) => context_near(&span, read, dispatch),
            // The layer is not found behind a `reload::Layer`, and the field is kept with the span.
            None => field_near(&span),
        }
    }

    /// The field of a span, or of the nearest one around it that has one.
    fn field_near<'a, R: LookupSpan<'a>>(span: &SpanRef<'a, R>) -> Option<Exemplar> {
        let mut spans = span.scope();
        spans.find_map(|span| span.extensions().get::<TraceId>()?.exemplar.clone())
    }

    /// The exemplar that the function gives of a span, or of the nearest one around it that has one.
    fn context_near<'a, R: LookupSpan<'a>>(
        span: &SpanRef<'a, R>,
        read: &ReadContext,
        dispatch: &Dispatch,
    ) -> Option<Exemplar> {
        let mut spans = span.scope();
        spans.find_map(|span| read(&span.id(), dispatch))
    }

    #[cfg(all(test, not(monitor_loom)))]
    mod tests;
}

#[cfg(all(test, not(monitor_loom)))]
mod tests;
