//! A child of a family: a value under its key.

use std::sync::Arc;

use crate::base::sync::{AtomicU32, Ordering};
use crate::data::key::StatKey;

/// A value and its key.
#[derive(Debug)]
pub(in crate::metrics::keyed) struct Child<T> {
    pub(in crate::metrics::keyed) key: Arc<StatKey>,
    /// Where it is in the order; only of use to who holds its lock.
    pub(in crate::metrics::keyed) at: AtomicU32,
    pub(super) state: AtomicU32,
    pub(in crate::metrics::keyed) value: T,
}

// Bits of a child's state.
/// Nothing is wrong with the key, or was warned about.
pub(super) const SETTLED: u32 = 1;
/// It was taken away. Set and cleared by who holds the lock of the order.
pub(super) const GONE: u32 = 2;
/// It is one of the label sets its family may have; the child of all others is not.
pub(super) const COUNTED: u32 = 4;

impl<T> Child<T> {
    pub(super) fn is_gone(&self) -> bool {
        self.state.load(Ordering::Relaxed) & GONE != 0
    }

    /// Logs, once, the parts of the key that are left out.
    pub(in crate::metrics::keyed) fn warn_of_key(&self, warn: fn(&StatKey)) {
        if self.state.load(Ordering::Relaxed) & SETTLED == 0
            && self.state.fetch_or(SETTLED, Ordering::Relaxed) & SETTLED == 0
        {
            warn(&self.key);
        }
    }
}
