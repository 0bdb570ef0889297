//! The handle of a call where instrumentation is switched off.

use std::time::{Duration, Instant};

/// Stands for the call in a body that uses it, and records nothing.
#[derive(Debug)]
pub struct NoCall {
    start: Instant,
}

/// A handle of no call.
#[inline]
pub fn no_call() -> NoCall {
    NoCall {
        start: Instant::now(),
    }
}

#[expect(clippy::unused_self, reason = "as the methods of a call")]
impl NoCall {
    /// Does nothing.
    #[inline]
    pub fn observe(&mut self, _name: &str, _value: f64) {}

    /// Does nothing.
    #[inline]
    pub fn request_size(&mut self, _bytes: u64) {}

    /// Does nothing.
    #[inline]
    pub fn response_size(&mut self, _bytes: u64) {}

    /// Does nothing.
    #[inline]
    pub fn deadline(&mut self, _left: Option<Duration>) {}

    /// Time since the body began.
    #[inline]
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}
