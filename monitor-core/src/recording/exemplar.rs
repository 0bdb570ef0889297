//! Exemplars: for a bucket of a duration histogram, one call that fell into it, with what leads to its trace.

#[cfg(feature = "tracing-exemplars")]
mod spans;

use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[cfg(feature = "tracing-exemplars")]
pub use self::spans::{TraceIdExemplars, TraceIdLayer};

pub use crate::data::exemplar::{Exemplar, KeptExemplar};

use crate::base::chunked::Chunked;
use crate::base::sync::{AtomicU64, Mutex, Ordering, lock};

/// How long an exemplar stays before another call's takes its place, seconds.
pub(crate) const KEPT_SECONDS: f64 = 1.0;

/// Gives the exemplar of the call that is just ending on this thread.
///
/// Asked at the end of a call, on the thread that ends it. Once it gave one, it is not asked for a second about that method
/// and bucket; while it gives none, as for calls that are not sampled, it is asked at each call. So it should be quick. One that
/// panics gives none; calls it makes itself are recorded, but get no exemplar.
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

/// The exemplars of one method and label set, by bucket.
pub(crate) struct Exemplars {
    cells: Chunked<ExemplarCell>,
}

#[derive(Default)]
struct ExemplarCell {
    /// From when on another one may take its place, in ticks.
    due: AtomicU64,
    kept: Mutex<Option<KeptExemplar>>,
}

/// A call that has just ended.
pub(crate) struct Ended {
    pub(crate) bucket: usize,
    pub(crate) seconds: f64,
    pub(crate) at: f64,
    pub(crate) failed: bool,
}

thread_local! {
    /// Whether a provider is being asked on this thread: calls it makes are not asked about.
    static ASKING: Cell<bool> = const { Cell::new(false) };
}

impl Exemplars {
    pub(crate) fn new() -> Self {
        Self {
            cells: Chunked::default(),
        }
    }

    /// Keeps an exemplar of a call that ends `now`, unless the bucket's is younger than `keep_for`, both in ticks. `false`
    /// if the provider gave one that no page can hold.
    pub(crate) fn note(
        &self,
        provider: &dyn ExemplarProvider,
        (now, keep_for): (u64, u64),
        ended: &Ended,
    ) -> bool {
        let Some(cell) = u32::try_from(ended.bucket)
            .ok()
            .and_then(|at| self.cells.get_or_grow(at))
        else {
            return true;
        };
        let due = cell.due.load(Ordering::Relaxed);
        if now < due {
            return true;
        }
        let Some(exemplar) = ask(provider) else {
            return true;
        };
        if !exemplar.fits() {
            return false;
        }
        let next = now.saturating_add(keep_for);
        // Relaxed: the cell's lock orders what is kept; of two calls that end at once one keeps its own.
        let won = cell
            .due
            .compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed);
        if won.is_ok() {
            *lock(&cell.kept) = Some(KeptExemplar {
                bucket: ended.bucket,
                exemplar,
                seconds: ended.seconds,
                at: ended.at,
                failed: ended.failed,
            });
        }
        true
    }

    /// All that are kept, by bucket.
    pub(crate) fn kept(&self) -> Vec<KeptExemplar> {
        let cells = self.cells.iter();
        cells.filter_map(|cell| lock(&cell.kept).clone()).collect()
    }
}

impl fmt::Debug for Exemplars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exemplars").finish_non_exhaustive()
    }
}

fn ask(provider: &dyn ExemplarProvider) -> Option<Exemplar> {
    // `try_with`: a thread may end calls while its thread-locals are being destroyed.
    let asking = ASKING.try_with(|asking| asking.replace(true)).ok()?;
    if asking {
        return None;
    }
    let exemplar = catch_unwind(AssertUnwindSafe(|| provider.exemplar()));
    let _ = ASKING.try_with(|asking| asking.set(false));
    exemplar.ok().flatten()
}

#[cfg(all(test, not(monitor_loom)))]
mod tests;
