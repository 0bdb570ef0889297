use std::fmt;
use std::sync::Arc;

use crate::base::sync::{AtomicU64, Ordering};
use crate::data::family::{ChildValue, Histogram as Plain};

use super::counter::{HIDDEN, finite_sum};
use super::family::{Cell, FamilyCore, Handle, Instrument, sealed};
use super::registry::{AnyFamily, Spec};

/// A histogram of the user's own: counts of observations by upper bound, which is inclusive, and their sum.
///
/// A handle that is cheap to clone. Observing takes no lock and allocates nothing; the count is wait-free, the sum may be
/// tried again beside others.
///
/// # Consistency
///
/// The count is that of the buckets, so the two agree at any moment, and no bucket ever falls. A snapshot's sum never has
/// an observation that its buckets lack, and may lag by those under way.
///
/// # Examples
///
/// ```
/// use monitor_core::metric::{MetricDesc, RegisterError};
/// use monitor_core::{Monitor, StorageConfig, TIME_BOUNDS};
///
/// let monitor = Monitor::new(StorageConfig::default());
/// let wait = MetricDesc::new("queue_wait", "How long jobs wait.").unit("seconds");
/// let wait = monitor.register_histogram(wait, &TIME_BOUNDS)?;
/// wait.observe(0.25);
/// wait.observe(f64::NAN); // left out
/// assert_eq!((wait.count(), wait.sum()), (1, 0.25));
/// # Ok::<(), RegisterError>(())
/// ```
#[derive(Clone)]
pub struct Histogram(Handle<HistogramCell>);

impl Histogram {
    /// Counts a value. NaN and the infinities are left out and counted as refused, because the sum would keep them for good, and
    /// so is a negative value, unless the first bound is negative: the sum must not fall. (With a negative bound, pages leave the
    /// sum out.) A sum that leaves the range of doubles stays at its end.
    #[inline]
    pub fn observe(&self, value: f64) {
        let cell = &self.0.cell;
        if !value.is_finite() || (value < 0.0 && !cell.takes_negative()) {
            return self.0.refuse();
        }
        self.0.touch();
        if cell.observe(value) {
            self.0.show();
        }
    }

    /// How many values were observed.
    pub fn count(&self) -> u64 {
        self.0.cell.read().count()
    }

    /// Their sum.
    pub fn sum(&self) -> f64 {
        self.0.cell.read().sum
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug("Histogram", f)
    }
}

impl sealed::Instrument for Histogram {}

impl Instrument for Histogram {
    type Cell = HistogramCell;

    fn of(child: Handle<HistogramCell>) -> Self {
        Self(child)
    }
}

/// The buckets are `Relaxed`: each stands for itself, and the sum's Release orders them. Hiding marks each of them in its top
/// bit, which no count gets to.
#[derive(Debug)]
pub struct HistogramCell {
    bounds: Arc<[f64]>,
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl HistogramCell {
    pub(super) fn over(bounds: &Arc<[f64]>) -> Self {
        Self {
            bounds: Arc::clone(bounds),
            counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0.0f64.to_bits()),
        }
    }

    fn takes_negative(&self) -> bool {
        self.bounds.first().is_some_and(|bound| *bound < 0.0)
    }

    /// Counts a value; whether the child is hidden.
    #[inline]
    pub(super) fn observe(&self, value: f64) -> bool {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        let before = self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        let mut sum = self.sum.load(Ordering::Relaxed);
        // Release: pairs with the Acquire in `read`; a chain of swaps passes every earlier one's Release on.
        while let Err(found) = self.sum.compare_exchange_weak(
            sum,
            finite_sum(sum, value).to_bits(),
            Ordering::Release,
            Ordering::Relaxed,
        ) {
            sum = found;
        }
        before & HIDDEN != 0
    }

    pub(super) fn read(&self) -> Plain {
        // Acquire: pairs with the Release in `observe`; the buckets have to be read after it.
        let sum = f64::from_bits(self.sum.load(Ordering::Acquire));
        let counts = self.counts.iter();
        Plain {
            bounds: Arc::clone(&self.bounds),
            counts: counts
                .map(|count| count.load(Ordering::Relaxed) & !HIDDEN)
                .collect(),
            sum,
            exemplars: Vec::new(),
        }
    }
}

impl Cell for HistogramCell {
    fn new(spec: &Spec) -> Self {
        Self::over(&spec.bounds)
    }

    fn hide(&self) {
        for count in &self.counts {
            count.fetch_or(HIDDEN, Ordering::AcqRel);
        }
    }

    fn unhide(&self) {
        for count in &self.counts {
            count.fetch_and(!HIDDEN, Ordering::AcqRel);
        }
    }

    fn value(&self) -> Option<ChildValue> {
        Some(ChildValue::Histogram(self.read()))
    }

    fn wrap(core: &'static FamilyCore<Self>) -> AnyFamily {
        AnyFamily::Histogram(core)
    }

    fn unwrap(family: AnyFamily) -> Option<&'static FamilyCore<Self>> {
        match family {
            AnyFamily::Histogram(core) => Some(core),
            _ => None,
        }
    }
}
