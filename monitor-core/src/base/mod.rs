//! The base of all layers above: the clock, atomics and locks, and containers that recording reads without waiting.

pub(crate) mod append;
pub(crate) mod clock;
#[cfg(all(test, not(monitor_loom)))]
pub(crate) mod logged;
pub(crate) mod sort;
pub(crate) mod sync;
