//! A recorded or expected amount of a subject, as a test writes it and as a report shows it.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use crate::base::clock::to_f64;
use crate::data::family::Label;
use crate::data::status::TaskStatus;
use crate::data::value::StatValue;

/// How much there is of each subject.
pub(super) type Amounts = BTreeMap<Subject, Amount>;

/// The calls of a method with one label set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Series {
    pub(super) method: Arc<str>,
    /// Sorted by name.
    pub(super) labels: Vec<Label>,
}

/// The subject of an amount; in the order of a report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// Calls of a series.
    Call(Series, Aspect),
    /// The status of a task type.
    Task(Arc<str>),
    /// The value under a key.
    Value(Box<str>),
    /// Observations left out of histograms.
    Refused,
    /// Updates their family had no room for.
    Overflowed,
}

/// The aspect of a series' calls that an amount measures.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Aspect {
    /// Those that succeeded.
    Success,
    /// Those that failed with this error type.
    Failure(Arc<str>),
    /// Those in flight.
    InFlight,
    /// Those in flight that wait for a permit.
    Waiting,
    /// Those that began, made by a call of this method, or by none.
    CalledBy(Option<Arc<str>>),
    /// Items of streams.
    Items,
    /// Items of streams that were errors.
    FailedItems,
    /// The values they observed under this name.
    Observed(Box<str>),
    /// How long those that ended took together.
    Took,
}

/// How much there is of a subject.
#[derive(Debug, Clone)]
pub(super) enum Amount {
    /// So many.
    Count(u64),
    /// So long.
    Time(Duration),
    /// These values.
    Observed(Observed),
    /// This value.
    Value(StatValue),
    /// This status, and how often in a row (`None`: not asked).
    Status(TaskStatus, Option<u64>),
}

/// The values that calls observed under one name.
#[derive(Debug, Clone, Default)]
pub(super) struct Observed {
    /// The values that are known one by one, in increasing order: the last one of each of the method's last 100 calls.
    pub(super) values: Vec<f64>,
    /// Further ones, of which only the number and the sum with the others is known.
    pub(super) more: u64,
    /// The sum of all, if there are more.
    pub(super) sum: f64,
}

/// The value that a test expects under a key at the end: values by key are compared if they are new or other than
/// before. Whole numbers are exact; others, and a whole one beside another, are equal if they differ by at most a
/// billionth of the larger one.
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

/// Observations and updates that were refused: NaN and negative ones of
/// [`append_stats`](crate::MonitorStorage::append_stats), and those that a registered counter or histogram leaves out
/// (infinite ones too).
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

/// One expectation of a test; made by [`call`] and the methods that follow it, [`value`], [`task`]. Displays as its
/// line in the difference of a failed assertion.
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

    /// The same so many times: for calls and the values they observed. 0: none of it.
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
                *observed = Observed::of(observed.values.repeat(times));
            }
            Amount::Value(_) | Amount::Status(..) => {
                panic!("`{}` is there or not: it has no times", self.subject)
            }
        }
        self
    }
}

impl Amount {
    /// Whether there is nothing of the subject.
    pub(super) fn is_none(&self) -> bool {
        match self {
            Self::Count(count) => *count == 0,
            Self::Time(time) => time.is_zero(),
            Self::Observed(observed) => observed.values.is_empty() && observed.more == 0,
            Self::Value(_) | Self::Status(..) => false,
        }
    }

    /// Adds a further expectation of the same subject; false if there can be only one.
    fn add(&mut self, more: Self) -> bool {
        match (self, more) {
            (Self::Count(count), Self::Count(more)) => *count += more,
            (Self::Time(time), Self::Time(more)) => *time += more,
            (Self::Observed(observed), Self::Observed(more)) => {
                let values = std::mem::take(&mut observed.values);
                *observed = Observed::of(values.into_iter().chain(more.values));
            }
            _ => return false,
        }
        true
    }
}

impl Observed {
    /// These values, in any order.
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        Self {
            values,
            ..Self::default()
        }
    }
}

/// All expectations by subject.
#[track_caller]
pub(super) fn by_subject(expected: impl IntoIterator<Item = Expected>) -> Amounts {
    let mut all = Amounts::new();
    for Expected { subject, amount } in expected {
        if let Some(known) = all.get_mut(&subject) {
            assert!(known.add(amount), "`{subject}` is expected twice");
        } else {
            all.insert(subject, amount);
        }
    }
    all
}

impl Series {
    /// A series; the labels in any order.
    pub(super) fn new(method: &str, labels: &[Label]) -> Self {
        let mut labels = labels.to_vec();
        labels.sort_unstable();
        Self {
            method: Arc::from(method),
            labels,
        }
    }
}

impl Subject {
    /// Whether its count never falls.
    pub(super) fn grows(&self) -> bool {
        !matches!(self, Self::Call(_, Aspect::InFlight | Aspect::Waiting))
    }

    /// The calls whose callers it counts.
    pub(super) fn called(&self) -> Option<&Series> {
        match self {
            Self::Call(series, Aspect::CalledBy(_)) => Some(series),
            _ => None,
        }
    }

    /// The line of a report.
    pub(super) fn line(&self, amount: &Amount) -> String {
        match amount {
            Amount::Count(count) => format!("{count} x {self}"),
            Amount::Time(time) => format!("{self} {time:?}"),
            Amount::Observed(Observed { values, more, sum }) => {
                let values: Vec<_> = values.iter().map(f64::to_string).collect();
                let values = values.join(", ");
                match more {
                    0 => format!("{self} [{values}]"),
                    more => format!("{self} [{values}] and {more} more, {sum} in all"),
                }
            }
            Amount::Value(value) => format!("{self} = {:?}", Shown(value)),
            Amount::Status(status, None) => format!("{self} is {status}"),
            Amount::Status(status, Some(run)) => format!("{self} is {status}, {run} in a row"),
        }
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

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.method)?;
        let mut before = '{';
        for label in &self.labels {
            write!(f, "{before}{}={:?}", label.name, label.value)?;
            before = ',';
        }
        if self.labels.is_empty() {
            return Ok(());
        }
        f.write_char('}')
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(series, aspect) => write!(f, "{series} {aspect}"),
            Self::Task(task) => write!(f, "task {task}"),
            Self::Value(key) => write!(f, "value {key}"),
            Self::Refused => f.write_str("refused observation"),
            Self::Overflowed => f.write_str("overflowed update"),
        }
    }
}

impl fmt::Display for Aspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Success => "success",
            Self::Failure(error_type) => return write!(f, "failure {error_type}"),
            Self::InFlight => "in flight",
            Self::Waiting => "waiting",
            Self::CalledBy(Some(caller)) => return write!(f, "called by {caller}"),
            Self::CalledBy(None) => "entry call",
            Self::Items => "item",
            Self::FailedItems => "failed item",
            Self::Observed(name) => return write!(f, "observed {name}"),
            Self::Took => "took",
        })
    }
}

/// A value as in JSON, but for numbers, which show whether they are whole.
struct Shown<'a>(&'a StatValue);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            StatValue::Null => f.write_str("null"),
            StatValue::Bool(truth) => truth.fmt(f),
            StatValue::Int(number) => number.fmt(f),
            StatValue::Float(number) => number.fmt(f),
            StatValue::Text(text) => text.fmt(f),
            StatValue::List(list) => f.debug_list().entries(list.iter().map(Shown)).finish(),
            StatValue::Map(map) => {
                let entries = map.iter().map(|(key, value)| (key, Shown(value)));
                f.debug_map().entries(entries).finish()
            }
        }
    }
}

/// The calls of a method, without labels until they are [given](Call::label): the beginning of an expectation.
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

/// The calls of a method; made by [`call`]. The next method completes the expectation.
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
            self.0.labels.push(Label::new(name.to_owned(), value));
            self.0.labels.sort_unstable();
        }
        self
    }

    /// One that succeeded.
    pub fn success(self) -> Expected {
        self.count(Aspect::Success, 1)
    }

    /// One that failed with an error of this type: one that the configuration lists, or `other`, `panic`,
    /// `cancelled`, `timeout`.
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

    /// One that began, made by a call of this method (with any labels). Callers are compared only where a test names
    /// one; [`assert_exactly`](super::Recorded::assert_exactly) then compares all callers of these calls.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::monitored;
    /// use monitor_core::testing::{self, call};
    ///
    /// #[monitored(method = "Load")]
    /// fn load() {}
    ///
    /// #[monitored(method = "Serve")]
    /// fn serve() {
    ///     load();
    ///     load();
    /// }
    ///
    /// let ((), recorded) = testing::record(|| {
    ///     serve();
    ///     load();
    /// });
    /// recorded.assert_exactly([
    ///     call("Serve").success(),
    ///     call("Load").success().times(3),
    ///     call("Load").called_by("Serve").times(2),
    ///     call("Load").entry(),
    /// ]);
    /// ```
    pub fn called_by(self, caller: &str) -> Expected {
        self.count(Aspect::CalledBy(Some(Arc::from(caller))), 1)
    }

    /// One that began, made by no monitored call; compared as [`called_by`](Self::called_by) is.
    pub fn entry(self) -> Expected {
        self.count(Aspect::CalledBy(None), 1)
    }

    /// So many items of streams that are no `Err`.
    pub fn items(self, count: u64) -> Expected {
        self.count(Aspect::Items, count)
    }

    /// So many items of streams that are an `Err`.
    pub fn failed_items(self, count: u64) -> Expected {
        self.count(Aspect::FailedItems, count)
    }

    /// The values that the calls observed under this name, in any order; sizes and deadlines are among them (see
    /// [`request_size`](Self::request_size) for the names).
    ///
    /// Values are equal if they differ by at most a billionth of the larger one. Of several values a call observed
    /// under one name, and of those of all but the last 100 calls, a monitor keeps the number and the sum, where it has
    /// a histogram of them.
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
