//! For unit tests: asserts that code recorded exactly these calls and values and nothing else.
//!
//! [`record`] and [`record_async`] run code in a monitor of its own and return the calls and values it recorded; a
//! [`Recorder`] does the same in several steps. Nothing is shared with other tests, so they run in parallel, on any
//! executor: the scope is in force while the future is polled, on whichever thread that is.
//!
//! It stands behind the feature `testing`, for `[dev-dependencies]`: `monitor-core = { version = "0.1", features =
//! ["testing"] }`.
//!
//! - [`Recorded`]: the recorded calls and values; [`assert_exactly`](Recorded::assert_exactly),
//!   [`assert_includes`](Recorded::assert_includes), [`assert_nothing`](Recorded::assert_nothing).
//! - [`call`], [`value`], [`task`]: the expectations of a test.
//! - [`Recorder`]: error rules, a clock moved by hand, spawned tasks, phases, panics, waiting for calls that still run.
//!
//! Inside, expected and recorded amounts have one model, a subject and an amount (`expect`); `compare` reads it from a
//! monitor and compares the two.
//!
//! # Examples
//!
//! ```
//! use monitor_core::monitored;
//! use monitor_core::testing::{self, call};
//!
//! #[monitored(method = "ParsePort")]
//! fn parse_port(text: &str) -> Result<u16, std::num::ParseIntError> {
//!     text.parse()
//! }
//!
//! let (port, recorded) = testing::record(|| parse_port("80").and_then(|_| parse_port("none")));
//! assert!(port.is_err());
//! recorded.assert_exactly([
//!     call("ParsePort").success(),
//!     call("ParsePort").failure("other"),
//! ]);
//! ```
//!
//! A test that expects something else fails with the difference, line by line:
//!
//! ```text
//! recorded and expected amounts differ (- expected, + recorded):
//!
//!     1 x ParsePort success
//!   - 3 x ParsePort failure other
//!   + 1 x ParsePort failure other
//! ```
//!
//! These count as recorded: the calls that ended, by outcome; those in flight at the end, and those that wait; items of
//! streams; the values that calls observed (sizes, deadlines, values); values by key that are new or other than before;
//! task statuses set through the API or by `task = ..`; updates and observations that were left out. The statuses that
//! calls set on the way (each method's own and `default`), their durations and their callers are compared where a test
//! names them. Registered metrics are not included: read them from their handles (as with
//! [`Counter::get`](crate::Counter::get)).

mod compare;
mod expect;
mod recorder;
#[cfg(all(test, not(monitor_loom)))]
#[expect(clippy::similar_names, reason = "a recorder returns a `Recorded`")]
mod tests;

pub use compare::Recorded;
pub use expect::{
    Call, Expected, call, overflowed_updates, refused_observations, task, task_run, value,
};
pub use recorder::{Builder, Recorder};

/// Runs a closure in a monitor of its own and returns its result and everything it recorded.
///
/// The monitor has the default configuration (each error is of the type `other`) and a clock that stands still; a
/// [`Recorder`] can have others. A panic goes through: see [`Recorder::catch`].
///
/// # Examples
///
/// ```
/// use monitor_core::monitored;
/// use monitor_core::testing::{self, call};
///
/// #[monitored]
/// fn double(x: u32) -> u32 {
///     x * 2
/// }
///
/// let (answer, recorded) = testing::record(|| double(21));
/// assert_eq!(answer, 42);
/// recorded.assert_exactly([call("double").success()]);
/// ```
pub fn record<R>(run: impl FnOnce() -> R) -> (R, Recorded) {
    let recorder = Recorder::new();
    let result = recorder.scope_sync(run);
    (result, recorder.recorded())
}

/// Runs a future in a monitor of its own, on any executor, and returns its result and everything it recorded.
///
/// As [`record`]. A task or a thread the future spawns is not part of it: give that one a scope with a [`Recorder`].
///
/// # Cancellation
///
/// If it is dropped before its end, everything it recorded is lost; keep a [`Recorder`] to assert on a cancelled call.
///
/// # Examples
///
/// ```
/// use monitor_core::monitored;
/// use monitor_core::testing::{self, call};
///
/// #[monitored]
/// async fn fetch(key: &str) -> Result<String, String> {
///     Err(format!("no {key}"))
/// }
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let (answer, recorded) = testing::record_async(fetch("a")).await;
/// assert!(answer.is_err());
/// recorded.assert_exactly([call("fetch").failure("other")]);
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
pub async fn record_async<F: Future>(future: F) -> (F::Output, Recorded) {
    let recorder = Recorder::new();
    let result = recorder.scope(future).await;
    (result, recorder.recorded())
}
