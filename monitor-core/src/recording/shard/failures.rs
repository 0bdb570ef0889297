//! What a shard counts of calls that failed.

use super::counts::Counts;
use crate::base::sync::{AtomicU64, Once, leak};
use crate::recording::state::RunCell;

/// What a shard needs from its first failure on.
// Lines of its own, as a shard has: two threads that fail must not write into one.
#[derive(Debug)]
#[repr(C, align(128))]
pub(super) struct Failures {
    first: Once<&'static FailuresOfType>,
    /// How many there are; the owner's alone.
    pub(super) ended: AtomicU64,
    pub(super) sum: AtomicU64,
    pub(super) own: RunCell,
    pub(super) default: RunCell,
}

/// The failures of one error type, from the first on. Counted once, by type and bucket at a time: so the errors by type
/// and the failures are sums of the same cells, and always equal.
// In this order for the reader's sake, as a shard is.
#[derive(Debug)]
#[repr(C, align(128))]
pub(super) struct FailuresOfType {
    pub(super) error_type: u32,
    next: Once<&'static FailuresOfType>,
    pub(super) counts: Counts,
}

impl FailuresOfType {
    fn new(error_type: u32) -> Self {
        Self {
            error_type,
            next: Once::new(),
            counts: Counts::new(),
        }
    }
}

impl Failures {
    pub(super) fn new() -> Self {
        Self {
            first: Once::new(),
            ended: AtomicU64::new(0),
            sum: AtomicU64::new(0),
            own: RunCell::default(),
            default: RunCell::default(),
        }
    }

    /// The cells of an error type, made if need be; only the shard's owner.
    pub(super) fn of_type(&self, error_type: u32) -> &'static FailuresOfType {
        let mut link = &self.first;
        while let Some(one) = link.get() {
            if one.error_type == error_type {
                return one;
            }
            link = &one.next;
        }
        link.get_or_init(|| leak(FailuresOfType::new(error_type)))
    }

    pub(super) fn types(&self) -> impl Iterator<Item = &'static FailuresOfType> + '_ {
        std::iter::successors(self.first.get(), |one| one.next.get())
    }
}
