//! The base of all layers above: the clock, atomics and locks, and containers that recording reads without waiting.

pub(crate) mod chunked;
pub(crate) mod clock;
pub(crate) mod interner;
#[cfg(all(test, not(monitor_loom)))]
pub(crate) mod logged;
pub(crate) mod swap;
pub(crate) mod sync;

pub(crate) use self::clock as calendar; // alias
