use std::fmt;

use crate::base::clock::to_f64;
use crate::base::sync::{AtomicU64, Ordering};
use crate::data::family::ChildValue;

use super::family::{Cell, FamilyCore, Handle, Instrument, sealed};
use super::registry::{AnyFamily, Spec};

/// A counter of the user's own: it never goes down.
///
/// A handle that is cheap to clone. Updates take no lock and allocate nothing; they are wait-free, but for
/// steps above 2^32 and [`inc_by_f64`](Self::inc_by_f64), which may try again beside others.
///
/// # Examples
///
/// ```
/// use monitor_core::metric::{MetricDesc, RegisterError};
/// use monitor_core::{Monitor, StorageConfig};
///
/// let monitor = Monitor::new(StorageConfig::default());
/// let jobs = monitor.register_counter(MetricDesc::new("jobs_done", "Jobs done."))?;
/// jobs.inc();
/// jobs.inc_by(2);
/// jobs.inc_by_f64(0.5);
/// jobs.inc_by_f64(-1.0); // left out
/// assert_eq!(jobs.get(), 3.5);
/// # Ok::<(), RegisterError>(())
/// ```
#[derive(Clone)]
pub struct Counter(Handle<CounterCell>);

impl Counter {
    /// Adds 1.
    #[inline]
    pub fn inc(&self) {
        self.inc_by(1);
    }

    /// Adds a whole number. Sums are exact up to 2^61, and doubles beyond that.
    #[inline]
    pub fn inc_by(&self, by: u64) {
        self.0.touch();
        if self.0.cell.add(by) {
            self.0.show();
        }
    }

    /// Adds a number that is finite and not negative; any other is left out and counted as refused. A sum that leaves the range
    /// of doubles stays at its end.
    pub fn inc_by_f64(&self, by: f64) {
        if !(by.is_finite() && by >= 0.0) {
            return self.0.refuse();
        }
        self.0.touch();
        if self.0.cell.add_float(by) {
            self.0.show();
        }
    }

    /// The count; rounded above 2^53.
    pub fn get(&self) -> f64 {
        let (int, float) = self.0.cell.parts();
        to_f64(int) + float
    }
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug("Counter", f)
    }
}

impl sealed::Instrument for Counter {}

impl Instrument for Counter {
    type Cell = CounterCell;

    fn of(child: Handle<CounterCell>) -> Self {
        Self(child)
    }
}

/// The top bit of a count: the child is hidden.
pub(super) const HIDDEN: u64 = 1 << 63;
/// Larger steps are tried out first: up to it, no number of threads that can be gets a count from `INT_LIMIT` to `HIDDEN`.
const STEP_LIMIT: u64 = 1 << 32;
/// From here on only steps of one, which would take centuries to get to `HIDDEN`.
const INT_LIMIT: u64 = 1 << 61;

/// The count is the sum of both words, and each only goes up, so a reader never sees it fall. `Relaxed` where a word stands
/// for itself.
#[derive(Debug)]
pub struct CounterCell {
    int: AtomicU64,
    float: AtomicU64,
}

/// The sum of a number in its bits and a finite one, which may be the greatest there is, and never infinite: nothing would
/// bring it back.
#[inline]
pub(super) fn finite_sum(sum: u64, by: f64) -> f64 {
    (f64::from_bits(sum) + by).clamp(f64::MIN, f64::MAX)
}

impl CounterCell {
    /// Adds; whether the child is hidden.
    #[inline]
    fn add(&self, by: u64) -> bool {
        let is_large =
            by > 1 && (by > STEP_LIMIT || self.int.load(Ordering::Relaxed) & !HIDDEN >= INT_LIMIT);
        if is_large {
            return self.add_large(by);
        }
        self.int.fetch_add(by, Ordering::Relaxed) & HIDDEN != 0
    }

    #[cold]
    fn add_large(&self, by: u64) -> bool {
        let mut int = self.int.load(Ordering::Relaxed);
        while (int & !HIDDEN).saturating_add(by) < INT_LIMIT {
            let word = &self.int;
            let sum = int + by;
            match word.compare_exchange_weak(int, sum, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return int & HIDDEN != 0,
                Err(found) => int = found,
            }
        }
        self.add_float(to_f64(by))
    }

    fn add_float(&self, by: f64) -> bool {
        let mut sum = self.float.load(Ordering::Relaxed);
        while let Err(found) = self.float.compare_exchange_weak(
            sum,
            finite_sum(sum, by).to_bits(),
            Ordering::Relaxed,
            Ordering::Relaxed,
        ) {
            sum = found;
        }
        // Of this and the mark in `hide` one comes first, as both write the word: either the mark is seen here, or
        // (AcqRel on both) what was added is seen by who hides.
        self.int.fetch_add(0, Ordering::AcqRel) & HIDDEN != 0
    }

    fn parts(&self) -> (u64, f64) {
        let int = self.int.load(Ordering::Relaxed) & !HIDDEN;
        (int, f64::from_bits(self.float.load(Ordering::Relaxed)))
    }
}

impl Cell for CounterCell {
    fn new(_: &Spec) -> Self {
        Self {
            int: AtomicU64::new(0),
            float: AtomicU64::new(0.0f64.to_bits()),
        }
    }

    fn hide(&self) {
        self.int.fetch_or(HIDDEN, Ordering::AcqRel);
    }

    fn unhide(&self) {
        self.int.fetch_and(!HIDDEN, Ordering::AcqRel);
    }

    fn value(&self) -> Option<ChildValue> {
        let (int, float) = self.parts();
        Some(if float > 0.0 {
            ChildValue::Float(to_f64(int) + float)
        } else {
            ChildValue::Int(int)
        })
    }

    fn wrap(core: &'static FamilyCore<Self>) -> AnyFamily {
        AnyFamily::Counter(core)
    }

    fn unwrap(family: AnyFamily) -> Option<&'static FamilyCore<Self>> {
        match family {
            AnyFamily::Counter(core) => Some(core),
            _ => None,
        }
    }
}
