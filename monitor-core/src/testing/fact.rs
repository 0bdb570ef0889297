//! What can be recorded, and how it reads on a line.

use std::collections::BTreeMap;
use std::fmt::{self, Display as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use crate::data::family::Label;
use crate::data::status::TaskStatus;
use crate::data::value::StatValue;

/// What was recorded, by what it is about; in the order it is shown.
pub(super) type Facts = BTreeMap<Subject, Amount>;

/// The calls of a method with one label set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Series {
    pub(super) method: Arc<str>,
    /// Sorted by name.
    pub(super) labels: Vec<Label>,
}

/// What a fact is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// Calls of a series.
    Call(Series, Aspect),
    /// The status of a task type.
    Task(Arc<str>),
    /// What is under a key.
    Value(Box<str>),
    /// Observations left out of histograms.
    Refused,
    /// Updates their family had no room for.
    Overflowed,
}

/// What about the calls of a series.
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
    /// Items of streams.
    Items,
    /// Items of streams that were errors.
    FailedItems,
    /// What they observed under this name.
    Observed(Box<str>),
    /// How long those that ended took together.
    Took,
}

/// How much of it.
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

/// What calls observed under one name.
#[derive(Debug, Clone, Default)]
pub(super) struct Observed {
    /// The values that are known one by one, in increasing order: the last one of each of the method's last 100 calls.
    pub(super) values: Vec<f64>,
    /// Further ones, of which only the number and the sum with the others is known.
    pub(super) more: u64,
    /// The sum of all, if there are more.
    pub(super) sum: f64,
}

impl Subject {
    /// The line of a fact.
    pub(super) fn line(&self, amount: &Amount) -> String {
        match (self, amount) {
            (Self::Call(..) | Self::Refused | Self::Overflowed, Amount::Count(count)) => {
                format!("{count} x {self}")
            }
            (_, amount) => format!("{self} {amount}"),
        }
    }
}

impl Series {
    /// A series; the labels in any order.
    pub(super) fn new(method: &str, labels: &[Label]) -> Self {
        let mut series = Self {
            method: Arc::from(method),
            labels: labels.to_vec(),
        };
        series.labels.sort_unstable();
        series
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.method)?;
        for (at, label) in self.labels.iter().enumerate() {
            let before = if at == 0 { '{' } else { ',' };
            write!(f, "{before}{}={:?}", label.name, label.value)?;
        }
        if self.labels.is_empty() {
            Ok(())
        } else {
            f.write_char('}')
        }
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
        match self {
            Self::Success => f.write_str("success"),
            Self::Failure(error_type) => write!(f, "failure {error_type}"),
            Self::InFlight => f.write_str("in flight"),
            Self::Waiting => f.write_str("waiting"),
            Self::Items => f.write_str("item"),
            Self::FailedItems => f.write_str("failed item"),
            Self::Observed(name) => write!(f, "observed {name}"),
            Self::Took => f.write_str("took"),
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => count.fmt(f),
            Self::Time(time) => write!(f, "{time:?}"),
            Self::Observed(observed) => observed.fmt(f),
            Self::Value(value) => {
                f.write_str("= ")?;
                write_value(f, value)
            }
            Self::Status(status, None) => write!(f, "is {status}"),
            Self::Status(status, Some(run)) => write!(f, "is {status}, {run} in a row"),
        }
    }
}

impl fmt::Display for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_list(f, &self.values, |f, value| value.fmt(f))?;
        match self.more {
            0 => Ok(()),
            more => write!(f, " and {more} more, {} in all", self.sum),
        }
    }
}

/// A value as in JSON, but for numbers, which show whether they are whole.
fn write_value(f: &mut fmt::Formatter<'_>, value: &StatValue) -> fmt::Result {
    match value {
        StatValue::Null => f.write_str("null"),
        StatValue::Bool(truth) => truth.fmt(f),
        StatValue::Int(number) => number.fmt(f),
        StatValue::Float(number) => write!(f, "{number:?}"),
        StatValue::Text(text) => write!(f, "{text:?}"),
        StatValue::List(list) => write_list(f, list, write_value),
        StatValue::Map(map) => {
            f.write_char('{')?;
            for (at, (key, value)) in map.iter().enumerate() {
                let before = if at == 0 { "" } else { ", " };
                write!(f, "{before}{key:?}: ")?;
                write_value(f, value)?;
            }
            f.write_char('}')
        }
    }
}

fn write_list<T>(
    f: &mut fmt::Formatter<'_>,
    list: &[T],
    write: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    f.write_char('[')?;
    for (at, one) in list.iter().enumerate() {
        if at > 0 {
            f.write_str(", ")?;
        }
        write(f, one)?;
    }
    f.write_char(']')
}
