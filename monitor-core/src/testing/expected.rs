//! What a test expects: calls, values, task statuses.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::family::Label;
use crate::status::TaskStatus;
use crate::value::StatValue;

use super::fact::{Amount, Aspect, Facts, Observed, Series, Subject};

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

/// What a test expects to be under a key at the end: values by key are compared if they are new or other than before.
/// Whole numbers and others are equal if their values are.
///
/// # Examples
///
/// ```
/// use monitor_core::Keep;
/// use monitor_core::testing::{Recorder, value};
///
/// let recorder = Recorder::new();
/// recorder.inc_stats("jobs___queue__fast", 2)?;
/// recorder.append_stats("backlog", 7, Keep::Default)?;
/// recorder.recorded().assert_exactly([
///     value("jobs___queue__fast", 2),
///     value("backlog", vec![7]),
/// ]);
/// # Ok::<(), monitor_core::StatsError>(())
/// ```
pub fn value(key: &str, value: impl Into<StatValue>) -> Expected {
    Expected::new(Subject::Value(key.into()), Amount::Value(value.into()))
}

/// The status a test expects a task type to have at the end; compared if it was set meanwhile.
///
/// # Examples
///
/// ```
/// use monitor_core::TaskStatus;
/// use monitor_core::testing::{Recorder, task};
///
/// let recorder = Recorder::new();
/// recorder.set_task_status(TaskStatus::Fatal, "database");
/// recorder.recorded().assert_exactly([task("database", TaskStatus::Fatal)]);
/// ```
pub fn task(task: &str, status: TaskStatus) -> Expected {
    Expected::new(Subject::Task(task.into()), Amount::Status(status, None))
}

/// The same, with how often in a row it was set to that status.
///
/// # Examples
///
/// ```
/// use monitor_core::TaskStatus;
/// use monitor_core::testing::{Recorder, call, task_run};
///
/// let recorder = Recorder::new();
/// for _ in 0..3 {
///     recorder.scope_sync(|| recorder.method("Get").map(|get| drop(get.start())))?;
/// }
/// recorder.set_task_status(TaskStatus::Unknown, "cache");
/// recorder.set_task_status(TaskStatus::Unknown, "cache");
/// recorder.recorded().assert_exactly([
///     call("Get").cancelled().times(3),
///     task_run("cache", TaskStatus::Unknown, 2),
/// ]);
/// # Ok::<(), monitor_core::MethodError>(())
/// ```
pub fn task_run(task: &str, status: TaskStatus, run: u64) -> Expected {
    Expected::new(
        Subject::Task(task.into()),
        Amount::Status(status, Some(run)),
    )
}

/// Observations left out of the histograms of [`append_stats`](crate::MonitorStorage::append_stats): NaN and negative
/// ones.
///
/// # Examples
///
/// ```
/// use monitor_core::Keep;
/// use monitor_core::testing::{Recorder, refused_observations, value};
///
/// let recorder = Recorder::new();
/// recorder.append_stats("wait time", -1.0, Keep::Default)?;
/// recorder.recorded().assert_exactly([
///     value("wait time", vec![-1.0]),
///     refused_observations(1),
/// ]);
/// # Ok::<(), monitor_core::StatsError>(())
/// ```
pub fn refused_observations(count: u64) -> Expected {
    Expected::new(Subject::Refused, Amount::Count(count))
}

/// Updates of label sets their family had no room for, and observed values past the limits.
///
/// # Examples
///
/// ```
/// use monitor_core::StorageConfig;
/// use monitor_core::testing::{Recorder, overflowed_updates, value};
///
/// let mut config = StorageConfig::default();
/// config.max_series = 1;
/// let recorder = Recorder::builder().config(config).build();
/// recorder.inc_stats("jobs___queue__fast", 1)?;
/// recorder.inc_stats("jobs___queue__slow", 1)?;
/// recorder.recorded().assert_exactly([
///     value("jobs___queue__fast", 1),
///     value("jobs___overflow__true", 1),
///     overflowed_updates(1),
/// ]);
/// # Ok::<(), monitor_core::StatsError>(())
/// ```
pub fn overflowed_updates(count: u64) -> Expected {
    Expected::new(Subject::Overflowed, Amount::Count(count))
}

/// The calls of a method; made by [`call`]. What is expected of them comes next.
#[derive(Clone)]
#[must_use = "say what is expected of the calls: `call(\"X\").success()`"]
pub struct Call(Series);

impl Call {
    /// Only the calls with this label; all labels of a call are to be given.
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.0.labels.push(Label {
            name: name.to_owned().into(),
            value: Arc::from(value),
        });
        self.0.labels.sort_unstable();
        self
    }

    /// One that succeeded.
    pub fn success(self) -> Expected {
        self.one(Aspect::Success)
    }

    /// One that failed with an error of this type: one that the configuration lists, or `other`, `panic`, `cancelled`.
    pub fn failure(self, error_type: &str) -> Expected {
        self.one(Aspect::Failure(Arc::from(error_type)))
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
        self.one(Aspect::InFlight)
    }

    /// What the calls observed under this name, in any order; sizes and deadlines among it (see
    /// [`request_size`](Self::request_size) for the names).
    ///
    /// Values are equal if they differ by less than a billionth. Of several values a call observed under one name, and
    /// of those of all but the last 100 calls, a monitor keeps the number and the sum, where it has a histogram of them.
    pub fn observed<V: Into<f64>>(
        self,
        name: &str,
        values: impl IntoIterator<Item = V>,
    ) -> Expected {
        let values = values.into_iter().map(Into::into).collect();
        self.values(name, values)
    }

    /// The size of one request in bytes, [observed](Self::observed) as `request_size`.
    pub fn request_size(self, bytes: u64) -> Expected {
        self.values("request_size", vec![crate::clock::to_f64(bytes)])
    }

    /// The size of one response in bytes, observed as `response_size`.
    pub fn response_size(self, bytes: u64) -> Expected {
        self.values("response_size", vec![crate::clock::to_f64(bytes)])
    }

    /// The time one call had left at its start, observed as `time_remaining_time`.
    pub fn deadline(self, left: Duration) -> Expected {
        self.values("time_remaining_time", vec![left.as_secs_f64()])
    }

    /// The time one call had left at its end, observed as `time_remaining_after_time`.
    pub fn deadline_at_end(self, left: Duration) -> Expected {
        self.values("time_remaining_after_time", vec![left.as_secs_f64()])
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

    fn one(self, aspect: Aspect) -> Expected {
        Expected::new(Subject::Call(self.0, aspect), Amount::Count(1))
    }

    fn values(self, name: &str, mut values: Vec<f64>) -> Expected {
        values.sort_by(f64::total_cmp);
        let observed = Observed {
            values,
            ..Observed::default()
        };
        let subject = Subject::Call(self.0, Aspect::Observed(name.into()));
        Expected::new(subject, Amount::Observed(observed))
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call {}", self.0)
    }
}

/// One thing a test expects; made by [`call`] and what follows it, [`value`], [`task`]. Displays as its line in the
/// difference of a failed assertion.
#[derive(Clone)]
#[must_use = "give it to `Recorded::assert_exactly`"]
pub struct Expected {
    pub(super) subject: Subject,
    pub(super) amount: Amount,
}

impl Expected {
    fn new(subject: Subject, amount: Amount) -> Self {
        Self { subject, amount }
    }

    /// The same so many times: for calls and what they observed. 0: none of it.
    ///
    /// # Panics
    ///
    /// If it is a value by key or a task status: these are there or not.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::testing::{self, call};
    ///
    /// # use monitor_core::monitored;
    /// #[monitored]
    /// fn tick() {}
    ///
    /// let ((), recorded) = testing::record(|| (0..3).for_each(|_| tick()));
    /// recorded.assert_exactly([call("tick").success().times(3)]);
    /// ```
    #[track_caller]
    pub fn times(mut self, times: u64) -> Self {
        match &mut self.amount {
            Amount::Count(count) => *count *= times,
            Amount::Time(time) => *time *= u32::try_from(times).unwrap_or(u32::MAX),
            Amount::Observed(observed) => {
                let times = usize::try_from(times).unwrap_or(usize::MAX);
                observed.values = observed.values.repeat(times);
                observed.values.sort_by(f64::total_cmp);
            }
            Amount::Value(_) | Amount::Status(..) => {
                panic!("`{}` is there or not: it has no times", self.subject)
            }
        }
        self
    }

    /// Adds another expectation of the same subject; false if there can be only one.
    fn add(amount: &mut Amount, more: Amount) -> bool {
        match (amount, more) {
            (Amount::Count(count), Amount::Count(more)) => *count += more,
            (Amount::Time(time), Amount::Time(more)) => *time += more,
            (Amount::Observed(observed), Amount::Observed(more)) => {
                observed.values.extend(more.values);
                observed.values.sort_by(f64::total_cmp);
            }
            _ => return false,
        }
        true
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.subject.line(&self.amount))
    }
}

impl fmt::Debug for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// All that is expected, by subject.
#[track_caller]
pub(super) fn all(expected: impl IntoIterator<Item = Expected>) -> Facts {
    let mut all = Facts::new();
    for one in expected {
        if let Some(amount) = all.get_mut(&one.subject) {
            let added = Expected::add(amount, one.amount);
            assert!(added, "`{}` is expected twice", one.subject);
        } else {
            all.insert(one.subject, one.amount);
        }
    }
    all
}
