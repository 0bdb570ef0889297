//! Exemplars: for a bucket of a duration histogram, one call that fell into it, with what leads to its trace.

#[cfg(feature = "tracing-exemplars")]
mod spans;

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

#[cfg(feature = "tracing-exemplars")]
pub use self::spans::{TraceIdExemplars, TraceIdLayer};

use crate::chunked::Chunked;
use crate::names::is_label_name;
use crate::sync::{AtomicU64, Mutex, Ordering, lock};

/// Most characters that the names and values of an exemplar's labels have together (`OpenMetrics` 1.0.0, "Exemplars").
const MAX_CHARS: usize = 128;

/// How long an exemplar stays before another call's takes its place, seconds.
pub(crate) const KEPT_SECONDS: f64 = 1.0;

/// What leads from a call to its trace: labels such as `trace_id`.
///
/// # Examples
///
/// ```
/// use monitor_core::exemplar::Exemplar;
///
/// let exemplar = Exemplar::new([("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736")]);
/// assert_eq!(exemplar.labels().count(), 1);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exemplar {
    labels: Arc<[(Cow<'static, str>, Box<str>)]>,
}

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

/// An exemplar, and the call it was kept of.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct KeptExemplar {
    /// The bucket it is of, by the index of its upper bound.
    pub bucket: usize,
    /// What the provider gave.
    pub exemplar: Exemplar,
    /// The call's duration, seconds.
    pub seconds: f64,
    /// When it ended, seconds since 1970.
    pub at: f64,
    /// Whether it failed.
    pub failed: bool,
}

impl Exemplar {
    /// An exemplar with these labels.
    pub fn new<N, V>(labels: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<Cow<'static, str>>,
        V: Into<Box<str>>,
    {
        let labels = labels.into_iter();
        Self {
            labels: labels
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        }
    }

    /// Its labels, as they were given.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Whether a page can hold it: at most 128 characters in all, valid names, each once and none that begins with `__`
    /// (`prometheus_client` refuses the whole page for one), and no value with a character
    /// that readers fail on in exemplars, though they take it in a series' labels. For a NUL, Prometheus (2.42, 3.5)
    /// refuses the whole page, and for a quote `prometheus_client` does; what is escaped, Prometheus never unescapes.
    fn fits(&self) -> bool {
        let chars = self
            .labels()
            .map(|(name, value)| name.chars().count() + value.chars().count());
        let names_are_fine = self.labels.iter().enumerate().all(|(at, (name, _))| {
            is_label_name(name)
                && !name.starts_with("__")
                && self.labels[..at].iter().all(|(other, _)| other != name)
        });
        let are_plain = self
            .labels()
            .all(|(_, value)| !value.contains(['\0', '"', '\\', '\n']));
        names_are_fine && are_plain && chars.sum::<usize>() <= MAX_CHARS
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
            cells: Chunked::new(),
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
        cells
            .filter_map(|(_, cell)| lock(&cell.kept).clone())
            .collect()
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
