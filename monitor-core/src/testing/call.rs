//! What a test expects of the calls of a method.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::base::clock::to_f64;
use crate::data::family::Label;

use super::expect::{Amount, Aspect, Expected, Observed, Series, Subject};

/// The calls of a method, without labels until they are [given](Call::label): the beginning of what a test expects.
///
/// # Examples
///
/// ```
/// use monitor_core::Outcome;
/// use monitor_core::testing::{Recorder, call};
///
/// let recorder = Recorder::new();
/// let mut resize = recorder.method("Resize")?.start();
/// resize.request_size(1_024);
/// resize.observe("pixels", 640.0);
/// resize.finish(Outcome::Success);
///
/// recorder.recorded().assert_exactly([
///     call("Resize").success(),
///     call("Resize").request_size(1_024),
///     call("Resize").observed("pixels", [640.0]),
/// ]);
/// # Ok::<(), monitor_core::MethodError>(())
/// ```
pub fn call(method: &str) -> Call {
    Call(Series::new(method, &[]))
}

/// The calls of a method; made by [`call`]. What is expected of them comes next.
///
/// # Examples
///
/// ```
/// use monitor_core::Outcome;
/// use monitor_core::testing::{Recorder, call};
/// use std::time::Duration;
///
/// let recorder = Recorder::new();
/// let get = recorder.method("Get")?;
/// get.start().finish(Outcome::Success);
/// get.start().finish(Outcome::ErrorType("other"));
/// get.start().finish(Outcome::Panic);
/// let mut dropped = get.start();
/// dropped.deadline(Some(Duration::from_secs(3)));
/// recorder.advance(Duration::from_secs(1));
/// drop(dropped);
/// let still_there = get.start();
///
/// recorder.recorded().assert_exactly([
///     call("Get").success(),
///     call("Get").failure("other"),
///     call("Get").panicked(),
///     call("Get").cancelled(),
///     call("Get").deadline(Duration::from_secs(3)),
///     call("Get").deadline_at_end(Duration::from_secs(2)),
///     call("Get").in_flight(),
/// ]);
/// # Ok::<(), monitor_core::MethodError>(())
/// ```
#[derive(Clone)]
#[must_use = "say what is expected of the calls: `call(\"X\").success()`"]
pub struct Call(Series);

impl Call {
    /// Only the calls with this label; all labels of a call are to be given.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::Outcome;
    /// use monitor_core::testing::{Recorder, call};
    ///
    /// let recorder = Recorder::new();
    /// let get = recorder.method("Get")?.with_labels(&[("tier", "free")])?;
    /// get.start().finish(Outcome::Success);
    /// recorder.recorded().assert_exactly([call("Get").label("tier", "free").success()]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn label(mut self, name: &str, value: &str) -> Self {
        // To a page a label without a value is none.
        if !value.is_empty() {
            self.0.labels.push(Label {
                name: name.to_owned().into(),
                value: Arc::from(value),
            });
            self.0.labels.sort_unstable();
        }
        self
    }

    /// One that succeeded.
    pub fn success(self) -> Expected {
        self.count(Aspect::Success, 1)
    }

    /// One that failed with an error of this type: one that the configuration lists, or `other`, `panic`, `cancelled`.
    pub fn failure(self, error_type: &str) -> Expected {
        self.count(Aspect::Failure(Arc::from(error_type)), 1)
    }

    /// One that panicked: a failure of the type `panic`.
    pub fn panicked(self) -> Expected {
        self.failure("panic")
    }

    /// One that was dropped before it ended: a failure of the type `cancelled`.
    pub fn cancelled(self) -> Expected {
        self.failure("cancelled")
    }

    /// One that is in flight at the end.
    pub fn in_flight(self) -> Expected {
        self.count(Aspect::InFlight, 1)
    }

    /// One that waits for a permit at the end; it is in flight too.
    pub fn waiting(self) -> Expected {
        self.count(Aspect::Waiting, 1)
    }

    /// So many items of streams that are no `Err`.
    pub fn items(self, count: u64) -> Expected {
        self.count(Aspect::Items, count)
    }

    /// So many items of streams that are an `Err`.
    pub fn failed_items(self, count: u64) -> Expected {
        self.count(Aspect::FailedItems, count)
    }

    /// What the calls observed under this name, in any order; sizes and deadlines among it (see
    /// [`request_size`](Self::request_size) for the names).
    ///
    /// Values are equal if they differ by less than a billionth. Of several values a call observed under one name, and
    /// of those of all but the last 100 calls, a monitor keeps the number and the sum, where it has a histogram of
    /// them.
    pub fn observed<V: Into<f64>>(
        self,
        name: &str,
        values: impl IntoIterator<Item = V>,
    ) -> Expected {
        let observed = Observed::of(values.into_iter().map(Into::into));
        let subject = Subject::Call(self.0, Aspect::Observed(name.into()));
        Expected::new(subject, Amount::Observed(observed))
    }

    /// The size of one request in bytes, [observed](Self::observed) as `request_size`.
    pub fn request_size(self, bytes: u64) -> Expected {
        self.observed("request_size", [to_f64(bytes)])
    }

    /// The size of one response in bytes, observed as `response_size`.
    pub fn response_size(self, bytes: u64) -> Expected {
        self.observed("response_size", [to_f64(bytes)])
    }

    /// The time one call had left at its start, observed as `time_remaining_time`.
    pub fn deadline(self, left: Duration) -> Expected {
        self.observed("time_remaining_time", [left.as_secs_f64()])
    }

    /// The time one call had left at its end, observed as `time_remaining_after_time`.
    pub fn deadline_at_end(self, left: Duration) -> Expected {
        self.observed("time_remaining_after_time", [left.as_secs_f64()])
    }

    /// How long all those that ended took together. Durations are compared only where a test names them.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::testing::{Recorder, call};
    /// use std::time::Duration;
    ///
    /// let recorder = Recorder::new();
    /// let get = recorder.method("Get")?.start();
    /// recorder.advance(Duration::from_millis(1_500));
    /// drop(get);
    /// recorder.recorded().assert_exactly([
    ///     call("Get").cancelled(),
    ///     call("Get").took(Duration::from_millis(1_500)),
    /// ]);
    /// # Ok::<(), monitor_core::MethodError>(())
    /// ```
    pub fn took(self, time: Duration) -> Expected {
        Expected::new(Subject::Call(self.0, Aspect::Took), Amount::Time(time))
    }

    fn count(self, aspect: Aspect, count: u64) -> Expected {
        Expected::new(Subject::Call(self.0, aspect), Amount::Count(count))
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call {}", self.0)
    }
}
