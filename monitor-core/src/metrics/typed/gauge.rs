use std::fmt;

use crate::base::sync::{AtomicU64, Ordering};
use crate::data::family::ChildValue;

use super::family::{Cell, FamilyCore, Handle, Instrument, sealed};
use super::registry::{AnyFamily, Spec};

/// A gauge of the user's own: any number, which goes up and down. NaN and the infinities are values too.
///
/// A handle that is cheap to clone. Updates take no lock and allocate nothing; [`set`](Self::set) is wait-free, the others
/// may try again beside others.
///
/// # Examples
///
/// ```
/// use monitor_core::metric::{MetricDesc, RegisterError};
/// use monitor_core::{Monitor, StorageConfig};
///
/// let monitor = Monitor::new(StorageConfig::default());
/// let open = monitor.register_gauge(MetricDesc::new("connections_open", "Open connections."))?;
/// open.inc();
/// open.add(2.5);
/// open.dec();
/// assert_eq!(open.get(), 2.5);
/// # Ok::<(), RegisterError>(())
/// ```
#[derive(Clone)]
pub struct Gauge(Handle<GaugeCell>);

impl Gauge {
    /// Replaces the value.
    #[inline]
    pub fn set(&self, value: f64) {
        self.0.touch();
        if self.0.cell.set(value) {
            self.0.show();
        }
    }

    /// Adds 1.
    #[inline]
    pub fn inc(&self) {
        self.add(1.0);
    }

    /// Takes 1 away.
    #[inline]
    pub fn dec(&self) {
        self.add(-1.0);
    }

    /// Adds any number, negative ones too. What NaN or an infinity makes of the value stays until it is set.
    #[inline]
    pub fn add(&self, by: f64) {
        self.0.touch();
        if self.0.cell.add(by) {
            self.0.show_with(|cell| cell.come_back(by));
        }
    }

    /// The value.
    pub fn get(&self) -> f64 {
        self.0.cell.get()
    }
}

impl fmt::Debug for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug("Gauge", f)
    }
}

impl sealed::Instrument for Gauge {}

impl Instrument for Gauge {
    type Cell = GaugeCell;

    fn of(child: Handle<GaugeCell>) -> Self {
        Self(child)
    }
}

/// In the word while the child is hidden: a NaN that arithmetic does not make, and `bits` does not let in.
const HIDDEN: u64 = 0x7ff8_6d6f_6e69_746f;

/// The value in one word; while the child is hidden, beside it.
///
/// Who hides takes the value out of the word with all that was added to it; who adds then fails on what is there, and comes
/// to the lock of the family, under which alone `kept` is read and written while it counts.
#[derive(Debug)]
pub struct GaugeCell {
    value: AtomicU64,
    kept: AtomicU64,
}

impl GaugeCell {
    /// Replaces the value; whether the child is hidden.
    #[inline]
    fn set(&self, value: f64) -> bool {
        self.value.swap(bits(value), Ordering::AcqRel) == HIDDEN
    }

    /// Adds, unless the child is hidden; whether it is.
    #[inline]
    fn add(&self, by: f64) -> bool {
        let mut value = self.value.load(Ordering::Relaxed);
        while value != HIDDEN {
            let sum = bits(f64::from_bits(value) + by);
            match self.swap_if(value, sum) {
                Ok(_) => return false,
                Err(found) => value = found,
            }
        }
        true
    }

    /// Puts the value back, with what is added to it.
    fn come_back(&self, by: f64) {
        let kept = f64::from_bits(self.kept.load(Ordering::Relaxed));
        let mut value = self.value.load(Ordering::Relaxed);
        loop {
            // Somebody may set it meanwhile.
            let before = if value == HIDDEN {
                kept
            } else {
                f64::from_bits(value)
            };
            match self.swap_if(value, bits(before + by)) {
                Ok(_) => return,
                Err(found) => value = found,
            }
        }
    }

    fn swap_if(&self, value: u64, new: u64) -> Result<u64, u64> {
        let word = &self.value;
        word.compare_exchange_weak(value, new, Ordering::AcqRel, Ordering::Relaxed)
    }

    fn get(&self) -> f64 {
        // Acquire: pairs with the Release of who hides, so that `kept` is there.
        match self.value.load(Ordering::Acquire) {
            HIDDEN => f64::from_bits(self.kept.load(Ordering::Relaxed)),
            value => f64::from_bits(value),
        }
    }
}

impl Cell for GaugeCell {
    fn new(_: &Spec) -> Self {
        let zero = || AtomicU64::new(0.0f64.to_bits());
        Self {
            value: zero(),
            kept: zero(),
        }
    }

    fn hide(&self) {
        let mut value = self.value.load(Ordering::Relaxed);
        while value != HIDDEN {
            // Before the mark: who sees that finds the value.
            self.kept.store(value, Ordering::Relaxed);
            match self.swap_if(value, HIDDEN) {
                Ok(_) => return,
                Err(found) => value = found,
            }
        }
    }

    fn unhide(&self) {
        let kept = self.kept.load(Ordering::Relaxed);
        // What was set meanwhile stays.
        let word = &self.value;
        let _ = word.compare_exchange(HIDDEN, kept, Ordering::AcqRel, Ordering::Relaxed);
    }

    fn value(&self) -> Option<ChildValue> {
        match self.value.load(Ordering::Relaxed) {
            HIDDEN => None,
            value => Some(ChildValue::Float(f64::from_bits(value))),
        }
    }

    fn wrap(core: &'static FamilyCore<Self>) -> AnyFamily {
        AnyFamily::Gauge(core)
    }

    fn unwrap(family: AnyFamily) -> Option<&'static FamilyCore<Self>> {
        match family {
            AnyFamily::Gauge(core) => Some(core),
            _ => None,
        }
    }
}

/// The bits of a number, of which every NaN has the same, so that none is the mark.
#[inline]
fn bits(value: f64) -> u64 {
    if value.is_nan() { f64::NAN } else { value }.to_bits()
}
