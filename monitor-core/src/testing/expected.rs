//! What a test expects: values and task statuses, and one thing of any kind.

use std::fmt;

use crate::data::status::TaskStatus;
use crate::data::value::StatValue;

use super::fact::{Amount, Facts, Subject};

/// What a test expects to be under a key at the end: values by key are compared if they are new or other than before.
/// Whole numbers are exact; others, and a whole one beside another, are equal if they differ by less than a billionth.
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

/// Updates of label sets their family had no room for, and observed values and statuses past the limits.
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

/// One thing a test expects; made by [`call`](super::call) and what follows it, [`value`], [`task`]. Displays as its line in the
/// difference of a failed assertion.
///
/// # Examples
///
/// ```
/// use monitor_core::testing::call;
///
/// let expected = call("Get").label("tier", "free").failure("other").times(2);
/// assert_eq!(expected.to_string(), "2 x Get{tier=\"free\"} failure other");
/// ```
#[derive(Clone)]
#[must_use = "give it to `Recorded::assert_exactly`"]
pub struct Expected {
    pub(super) subject: Subject,
    pub(super) amount: Amount,
}

impl Expected {
    pub(super) fn new(subject: Subject, amount: Amount) -> Self {
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
