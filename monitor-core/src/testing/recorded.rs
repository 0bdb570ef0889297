//! `Recorded`: what was recorded, and assertions about it.

use std::fmt;
use std::time::Duration;

use crate::data::snapshot::Snapshot;
use crate::data::status::TaskStatus;
use crate::data::value::StatValue;

use super::difference::Difference;
use super::expected::{Expected, all};
use super::fact::{Amount, Aspect, Series, Subject};
use super::report::{Extra, compare};

/// What was recorded between two moments. Displays as lines, one for each thing; see the [module](super) for what counts.
///
/// # Examples
///
/// ```
/// use monitor_core::monitored;
/// use monitor_core::testing::{self, call};
///
/// #[monitored(method = "First")]
/// fn first(word: &str) -> Result<char, String> {
///     word.chars().next().ok_or_else(|| "the word is empty".to_owned())
/// }
///
/// let (_, recorded) = testing::record(|| (first("sea"), first("")));
/// assert_eq!(recorded.to_string(), "1 x First success\n1 x First failure other\n");
/// assert_eq!(recorded.calls("First"), 2);
/// assert_eq!(recorded.count(call("First").failure("other")), 1);
/// ```
#[derive(Clone)]
pub struct Recorded {
    difference: Difference,
    snapshot: Snapshot,
}

impl Recorded {
    pub(super) fn new(difference: Difference, snapshot: Snapshot) -> Self {
        Self {
            difference,
            snapshot,
        }
    }

    /// Asserts that exactly this was recorded, in any order, and nothing else. Several expectations of the same add up.
    ///
    /// # Panics
    ///
    /// If something else was recorded, with the difference line by line.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::monitored;
    /// use monitor_core::testing::{self, call};
    ///
    /// #[monitored]
    /// fn parse(text: &str) -> Result<u16, std::num::ParseIntError> {
    ///     text.parse()
    /// }
    ///
    /// let (_, recorded) = testing::record(|| [parse("1"), parse("2"), parse("x")]);
    /// recorded.assert_exactly([
    ///     call("parse").success().times(2),
    ///     call("parse").failure("other"),
    /// ]);
    /// ```
    #[track_caller]
    pub fn assert_exactly(&self, expected: impl IntoIterator<Item = Expected>) {
        self.assert(expected, Extra::Refused);
    }

    /// Asserts that each of these was recorded, exactly so many times; whatever else was recorded does not matter.
    ///
    /// # Panics
    ///
    /// If one of them was not, with the difference line by line.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::testing::{Recorder, call, value};
    ///
    /// let recorder = Recorder::new();
    /// recorder.inc_stats("jobs", 1)?;
    /// recorder.inc_stats("retries", 4)?;
    /// recorder.recorded().assert_includes([
    ///     value("jobs", 1),
    ///     call("Fetch").failure("other").times(0),
    /// ]);
    /// # Ok::<(), monitor_core::StatsError>(())
    /// ```
    #[track_caller]
    pub fn assert_includes(&self, expected: impl IntoIterator<Item = Expected>) {
        self.assert(expected, Extra::Allowed);
    }

    /// Asserts that nothing was recorded.
    ///
    /// # Panics
    ///
    /// If something was, with all of it.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::testing;
    ///
    /// let (_, recorded) = testing::record(|| "nothing that is monitored");
    /// recorded.assert_nothing();
    /// ```
    #[track_caller]
    pub fn assert_nothing(&self) {
        self.assert_exactly([]);
    }

    #[track_caller]
    fn assert(&self, expected: impl IntoIterator<Item = Expected>, extra: Extra) {
        let report = compare(&all(expected), &self.difference, &self.snapshot, extra);
        if let Some(report) = report {
            panic!("{report}");
        }
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.difference.told.is_empty()
    }

    /// Calls of a method, whatever its labels: those that ended, and those in flight at the end.
    pub fn calls(&self, method: &str) -> u64 {
        let is_call = |aspect: &Aspect| {
            matches!(
                aspect,
                Aspect::Success | Aspect::Failure(_) | Aspect::InFlight
            )
        };
        let counts = self.difference.told.iter().map(|fact| match fact {
            (Subject::Call(series, aspect), Amount::Count(count))
                if &*series.method == method && is_call(aspect) =>
            {
                *count
            }
            _ => 0,
        });
        counts.sum()
    }

    /// How often this was recorded, however often it is expected: `count(call("X").failure("other"))`.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "an expectation is made where it is given away, here as in the assertions"
    )]
    pub fn count(&self, of: Expected) -> u64 {
        match self.find(&of.subject) {
            None => 0,
            Some(Amount::Count(count)) => *count,
            Some(Amount::Observed(observed)) => observed.values.len() as u64 + observed.more,
            Some(_) => 1,
        }
    }

    /// What the calls of a method observed under a name, whatever its labels, in increasing order: the last value of
    /// each of the method's last 100 calls.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::testing::Recorder;
    ///
    /// let recorder = Recorder::new();
    /// recorder.method("Complete")?.start().observe("tokens", 12.0);
    /// assert_eq!(recorder.recorded().observed("Complete", "tokens"), [12.0]);
    /// # Ok::<(), monitor_core::MethodError>(())
    /// ```
    pub fn observed(&self, method: &str, name: &str) -> Vec<f64> {
        let mut values = Vec::new();
        let implied = self.difference.implied.iter();
        for (subject, amount) in self.difference.told.iter().chain(implied) {
            if let (Subject::Call(series, Aspect::Observed(of)), Amount::Observed(observed)) =
                (subject, amount)
                && &*series.method == method
                && &**of == name
            {
                values.extend_from_slice(&observed.values);
            }
        }
        values.sort_by(f64::total_cmp);
        values
    }

    /// How long the calls of a method that ended took together, whatever its labels.
    pub fn took(&self, method: &str) -> Duration {
        let of_method = |series: &Series| &*series.method == method;
        let times = self.difference.implied.iter().map(|fact| match fact {
            (Subject::Call(series, Aspect::Took), Amount::Time(time)) if of_method(series) => *time,
            _ => Duration::ZERO,
        });
        times.sum()
    }

    /// The value under a key, if it is new or other than before.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::testing::Recorder;
    ///
    /// let recorder = Recorder::new();
    /// recorder.set_stats("version", "1.2")?;
    /// assert_eq!(recorder.recorded().value("version"), Some(&"1.2".into()));
    /// assert_eq!(recorder.recorded().value("jobs"), None);
    /// # Ok::<(), monitor_core::StatsError>(())
    /// ```
    pub fn value(&self, key: &str) -> Option<&StatValue> {
        match self.find(&Subject::Value(key.into()))? {
            Amount::Value(value) => Some(value),
            _ => None,
        }
    }

    /// The status of a task type, and how often in a row it was set; `None` if it was not set meanwhile. Each method is
    /// one, and `default` sees all calls.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::{Outcome, TaskStatus};
    /// use monitor_core::testing::Recorder;
    ///
    /// let recorder = Recorder::new();
    /// recorder.method("Get")?.start().finish(Outcome::Panic);
    /// assert_eq!(recorder.recorded().task("Get"), Some((TaskStatus::Internal, 1)));
    /// # Ok::<(), monitor_core::MethodError>(())
    /// ```
    pub fn task(&self, task: &str) -> Option<(TaskStatus, u64)> {
        match self.find(&Subject::Task(task.into()))? {
            Amount::Status(status, run) => Some((*status, run.unwrap_or_default())),
            _ => None,
        }
    }

    /// The monitor's whole state at the end, what was there before included: for what has no assertion here.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::monitored;
    /// use monitor_core::testing;
    ///
    /// #[monitored]
    /// fn tick() {}
    ///
    /// let ((), recorded) = testing::record(tick);
    /// assert_eq!(recorded.snapshot().methods[0].success.counts[0], 1, "in the first bucket");
    /// ```
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    fn find(&self, subject: &Subject) -> Option<&Amount> {
        self.difference.find(subject)
    }

    fn lines(&self) -> impl Iterator<Item = String> {
        let told = self.difference.told.iter();
        told.map(|(subject, amount)| subject.line(amount))
    }
}

impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.lines() {
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.lines()).finish()
    }
}
