//! The base of all layers above: the clock, atomics and locks, and containers that recording reads without waiting.

pub(crate) mod append;
pub(crate) mod clock;
#[cfg(all(test, not(monitor_loom)))]
pub(crate) mod logged;
pub(crate) mod sync;

pub(crate) use self::append as chunked; // alias
pub(crate) use self::append as interner; // alias
pub(crate) use self::clock as calendar; // alias
