//! For unit tests: what a piece of code recorded, exactly this and nothing else.
//!
//! [`record`] and [`record_async`] run code in a monitor of its own and return what it recorded; a [`Recorder`] does
//! the same in several steps. Nothing is shared with other tests, so they run in parallel, on any executor: the scope
//! is in force while the future is polled, on whichever thread that is.
//!
//! It stands behind the feature `testing`, for `[dev-dependencies]`: `monitor-core = { version = "0.1", features =
//! ["testing"] }`.
//!
//! - [`Recorded`]: what was recorded; [`assert_exactly`](Recorded::assert_exactly),
//!   [`assert_includes`](Recorded::assert_includes), [`assert_nothing`](Recorded::assert_nothing).
//! - [`call`], [`value`], [`task`]: what a test expects.
//! - [`Recorder`]: error rules, a clock that moves when told, spawned tasks, phases, panics, waiting for what still
//!   runs.
//!
//! Inside, what a test expects and what was recorded have one model, a subject and an amount (`expect`);
//! `compare` reads it from a monitor and compares the two.
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
//! what was recorded is not what was expected (- expected, + recorded):
//!
//!     1 x ParsePort success
//!   - 3 x ParsePort failure other
//!   + 1 x ParsePort failure other
//! ```
//!
//! What counts as recorded: the calls that ended, by outcome; those in flight at the end, and those that wait; items of
//! streams; what calls observed (sizes, deadlines, values); values by key that are new or other than before; task
//! statuses set through the API or by `task = ..`; updates and observations that were left out. The statuses that calls
//! set on the way (each method's own and `default`) and their durations follow from the calls: they are compared where
//! a test names them. Registered metrics are not among it: their handles tell (as [`Counter::get`](crate::Counter::get)
//! does).

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

/// Runs a closure in a monitor of its own and returns its result and what it recorded.
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

/// Runs a future in a monitor of its own, on any executor, and returns its result and what it recorded.
///
/// As [`record`]. A task or a thread the future spawns is not part of it: give that one a scope with a [`Recorder`].
///
/// # Cancellation
///
/// If it is dropped before its end, what it recorded is lost; keep a [`Recorder`] to assert on a cancelled call.
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
