//! The outcome of a call that is dropped before its end: cancelled, or dropped by a time limit of
//! [`timeout_with`](crate::timeout_with).
//!
//! A destructor has no arguments, so the time limit leaves its mark in a thread-local cell while it drops the future. All
//! calls in flight inside of that future end meanwhile, on the same thread.

use std::cell::Cell;

use crate::errors::{Outcome, TIMEOUT};

thread_local! {
    static IS_EXPIRED: Cell<bool> = const { Cell::new(false) };
}

/// The outcome of a call that is dropped before its end, and not by a panic.
pub(crate) fn outcome_of_dropped() -> Outcome<'static> {
    if IS_EXPIRED.get() {
        Outcome::ErrorType(TIMEOUT)
    } else {
        Outcome::Cancelled
    }
}

/// Runs the destructor of a future whose time is over.
pub(crate) fn drop_expired(drop: impl FnOnce()) {
    struct Restore(bool);

    impl Drop for Restore {
        fn drop(&mut self) {
            IS_EXPIRED.set(self.0);
        }
    }

    // A destructor may panic, or run a time limit of its own.
    let _restore = Restore(IS_EXPIRED.replace(true));
    drop();
}
