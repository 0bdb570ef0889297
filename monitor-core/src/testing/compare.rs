//! The calls and values recorded between two moments of a monitor, and their comparison with those a test expects.
//!
//! A [`Checkpoint`] is all that a monitor recorded until one moment, an amount for each subject; [`Recorded`] is the
//! difference of two of them, and a report compares that with the amounts a test expects. Durations, callers and the
//! statuses of calls are found too, but compared only where a test names them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use crate::data::snapshot::{MethodSnapshot, Snapshot};
use crate::data::status::{DEFAULT_TASK, TaskStatus};
use crate::data::value::StatValue;
use crate::monitor::Monitor;
use crate::storage::means::{CallId, RecentCalls};

use super::expect::{Amount, Amounts, Aspect, Expected, Observed, Series, Subject, by_subject};

/// The amounts a monitor recorded until one moment.
#[derive(Debug, Clone)]
pub(super) struct Checkpoint {
    /// Its values by key include those that are no numbers.
    snapshot: Snapshot,
    /// Of observed values those that only a histogram has: their number and sum.
    amounts: Amounts,
    /// The values that the last calls observed, one by one.
    observed: BTreeMap<Subject, Vec<(CallId, f64)>>,
}

impl Checkpoint {
    pub(super) fn now(monitor: Monitor) -> Self {
        let core = monitor.storage().core;
        let mut snapshot = monitor.snapshot();
        snapshot.values.entries = core.values.snapshot().entries;
        let mut observed = BTreeMap::<_, Vec<_>>::new();
        let mut recent = RecentCalls::default();
        for method in core.methods() {
            recent.read(method);
            let series = Series::new(&method.name, &method.labels);
            for call in recent.in_order() {
                for (key, value) in call.values() {
                    let aspect = Aspect::Observed(key.raw.clone());
                    let values = observed.entry(Subject::Call(series.clone(), aspect));
                    values.or_default().push((call.id(), value));
                }
            }
        }
        Self {
            amounts: amounts(&snapshot),
            snapshot,
            observed,
        }
    }

    /// How much of a subject was recorded since an earlier checkpoint; `None` if there is nothing new.
    fn since(&self, before: &Self, subject: &Subject, amount: &Amount) -> Option<Amount> {
        let earlier = before.amounts.get(subject);
        let mut new = amount.clone();
        match (&mut new, earlier) {
            (Amount::Count(count), Some(Amount::Count(earlier))) if subject.grows() => {
                *count = count.saturating_sub(*earlier);
            }
            (Amount::Time(time), Some(Amount::Time(earlier))) => {
                *time = time.saturating_sub(*earlier);
            }
            (Amount::Observed(observed), earlier) => {
                let known = before.observed.get(subject).map_or(&[][..], Vec::as_slice);
                let is_new = |(call, _): &&(CallId, f64)| known.iter().all(|(one, _)| one != call);
                let values = self.observed.get(subject).into_iter().flatten();
                let values = Observed::of(values.filter(is_new).map(|(_, value)| *value)).values;
                // Negative values are in no histogram.
                let in_histogram = values.iter().filter(|value| **value >= 0.0).count() as u64;
                let (known, known_sum) = match earlier {
                    Some(Amount::Observed(known)) => (known.more, known.sum),
                    _ => (0, 0.0),
                };
                *observed = Observed {
                    values,
                    more: observed.more.saturating_sub(known + in_histogram),
                    sum: observed.sum - known_sum,
                };
            }
            (Amount::Value(_) | Amount::Status(..), Some(earlier)) => {
                let reads_alike = subject.line(earlier) == subject.line(amount);
                if reads_alike && self.appended(subject) <= before.appended(subject) {
                    return None;
                }
            }
            _ => (),
        }
        let is_time = matches!(new, Amount::Time(_));
        (is_time || !new.is_none()).then_some(new)
    }

    /// How many values were appended under a key that has a histogram: a list that keeps only so many may look as
    /// before.
    fn appended(&self, subject: &Subject) -> u64 {
        let mut histograms = self.snapshot.values.histograms.iter();
        let found = histograms.find(|one| *subject == Subject::Value(one.key.raw.clone()));
        found.map_or(0, |one| one.histogram.count())
    }
}

/// All that was recorded until a snapshot, by subject.
fn amounts(snapshot: &Snapshot) -> Amounts {
    let mut amounts = Amounts::new();
    for method in &snapshot.methods {
        add_calls(&mut amounts, method, &snapshot.error_types);
    }
    let values = &snapshot.values;
    amounts.extend([
        (Subject::Refused, Amount::Count(values.refused_observations)),
        (
            Subject::Overflowed,
            Amount::Count(values.overflowed_updates),
        ),
    ]);
    amounts.extend(values.entries.iter().map(|entry| {
        let subject = Subject::Value(entry.key.raw.clone());
        (subject, Amount::Value(entry.value.clone()))
    }));
    // Of a method and a task type set through the API that have one name, the latter counts.
    let statuses = snapshot.method_statuses.iter().chain(&snapshot.statuses);
    amounts.extend(statuses.map(|one| {
        let subject = Subject::Task(Arc::clone(&one.task));
        (subject, Amount::Status(one.status, Some(one.run)))
    }));
    amounts
}

fn add_calls(amounts: &mut Amounts, method: &MethodSnapshot, error_types: &[Arc<str>]) {
    let series = Series::new(&method.name, &method.labels);
    let mut add = |aspect, amount| {
        amounts.insert(Subject::Call(series.clone(), aspect), amount);
    };
    let mut count = |aspect, count| add(aspect, Amount::Count(count));
    let items = method.items.unwrap_or_default();
    count(Aspect::Success, method.success.count());
    for (name, failed) in error_types.iter().zip(&method.errors) {
        count(Aspect::Failure(Arc::clone(name)), *failed);
    }
    count(Aspect::InFlight, method.in_flight);
    count(Aspect::Waiting, method.waiting.unwrap_or_default());
    for one in &method.callers {
        count(Aspect::CalledBy(one.caller.clone()), one.calls);
    }
    count(Aspect::Items, items.ok);
    count(Aspect::FailedItems, items.failed);
    for value in &method.values {
        let histogram = value.histogram.as_ref();
        let (more, sum) = histogram.map_or((0, 0.0), |all| (all.count(), all.sum));
        let values = Vec::new();
        let observed = Amount::Observed(Observed { values, more, sum });
        add(Aspect::Observed(value.key.raw.clone()), observed);
    }
    // To the nearest nanosecond: so a manual clock moves, and the sums are doubles.
    let took = Duration::try_from_secs_f64(method.success.sum + method.failure.sum);
    add(Aspect::Took, Amount::Time(took.unwrap_or(Duration::MAX)));
}

/// Whether more may be recorded than is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extra {
    Refused,
    Allowed,
}

/// The calls and values recorded between two moments. Displays as lines, one for each subject; the [module](super)
/// lists the subjects.
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
    found: Amounts,
    snapshot: Snapshot,
}

impl Recorded {
    pub(super) fn between(before: &Checkpoint, after: &Checkpoint) -> Self {
        let new = after.amounts.iter().filter_map(|(subject, amount)| {
            let amount = after.since(before, subject, amount)?;
            Some((subject.clone(), amount))
        });
        let mut found: Amounts = new.collect();
        let ended = found.keys().filter_map(|subject| match subject {
            Subject::Call(series, Aspect::Success | Aspect::Failure(_)) => Some(series.clone()),
            _ => None,
        });
        let ended: BTreeSet<Series> = ended.collect();
        found.retain(|subject, _| match subject {
            Subject::Call(series, Aspect::Took) => ended.contains(series),
            _ => true,
        });
        let snapshot = after.snapshot.clone();
        Self { found, snapshot }
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

    /// Asserts that each of these was recorded, exactly so many times; anything else that was recorded does not matter.
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
        if let Some(report) = self.report(&by_subject(expected), extra) {
            panic!("{report}");
        }
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.to_expect().next().is_none()
    }

    /// Calls of a method, with any labels: those that ended, and those in flight at the end.
    pub fn calls(&self, method: &str) -> u64 {
        let counts = self.of_method(method).map(|one| match one {
            (Aspect::Success | Aspect::Failure(_) | Aspect::InFlight, Amount::Count(count)) => {
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
        match self.found.get(&of.subject) {
            None => 0,
            Some(Amount::Count(count)) => *count,
            Some(Amount::Observed(observed)) => observed.values.len() as u64 + observed.more,
            Some(_) => 1,
        }
    }

    /// The values that the calls of a method, with any labels, observed under a name, in increasing order: the last
    /// value of each of the method's last 100 calls.
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
        let values = self.of_method(method).filter_map(|one| match one {
            (Aspect::Observed(of), Amount::Observed(observed)) if **of == *name => {
                Some(&observed.values)
            }
            _ => None,
        });
        let mut values: Vec<f64> = values.flatten().copied().collect();
        values.sort_by(f64::total_cmp);
        values
    }

    /// How long the calls of a method that ended, with any labels, took together.
    pub fn took(&self, method: &str) -> Duration {
        let times = self.of_method(method).map(|one| match one {
            (Aspect::Took, Amount::Time(time)) => *time,
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
        match self.found.get(&Subject::Value(key.into()))? {
            Amount::Value(value) => Some(value),
            _ => None,
        }
    }

    /// The status of a task type, and how often in a row it was set; `None` if it was not set meanwhile. Each method is
    /// one, and `default` sees the entry calls: those that no monitored call made.
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
        match self.found.get(&Subject::Task(task.into()))? {
            Amount::Status(status, run) => Some((*status, run.unwrap_or_default())),
            _ => None,
        }
    }

    /// The monitor's whole state at the end, with everything recorded before: for values that have no assertion here.
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

    /// The amounts that a test must expect.
    fn to_expect(&self) -> impl Iterator<Item = (&Subject, &Amount)> {
        let found = self.found.iter();
        found.filter(|(subject, _)| !self.follows(subject))
    }

    /// Whether a subject follows from the calls, so that a test need not name it.
    fn follows(&self, subject: &Subject) -> bool {
        let took = |subject: &Subject| matches!(subject, Subject::Call(_, Aspect::Took));
        match subject {
            // The runtime notes it of each call with a `max_concurrency`.
            Subject::Call(_, Aspect::Observed(name)) => **name == *"permit_wait_time",
            Subject::Task(task) if **task == *DEFAULT_TASK => self.found.keys().any(took),
            Subject::Task(task) => {
                let mut named = self.snapshot.statuses.iter();
                named.all(|one| one.task != *task)
            }
            subject => took(subject) || subject.called().is_some(),
        }
    }

    /// All callers of the calls of which a test names one.
    fn callers_to_expect(&self, expected: &Amounts) -> impl Iterator<Item = &Subject> {
        let named: BTreeSet<Series> = expected
            .keys()
            .filter_map(Subject::called)
            .cloned()
            .collect();
        let found = self.found.keys();
        found.filter(move |subject| subject.called().is_some_and(|calls| named.contains(calls)))
    }

    fn lines(&self) -> impl Iterator<Item = String> {
        self.to_expect()
            .map(|(subject, amount)| subject.line(amount))
    }

    /// The recorded amounts of the calls of a method, with any labels.
    fn of_method<'a>(&'a self, method: &'a str) -> impl Iterator<Item = (&'a Aspect, &'a Amount)> {
        let found = self.found.iter();
        found.filter_map(move |(subject, amount)| match subject {
            Subject::Call(series, aspect) if *series.method == *method => Some((aspect, amount)),
            _ => None,
        })
    }

    /// The difference from the expected amounts, as a message; `None` if there is none.
    fn report(&self, expected: &Amounts, extra: Extra) -> Option<String> {
        let mut subjects: BTreeSet<&Subject> = expected.keys().collect();
        if extra == Extra::Refused {
            subjects.extend(self.to_expect().map(|(subject, _)| subject));
            subjects.extend(self.callers_to_expect(expected));
        }
        let mut report =
            "recorded and expected amounts differ (- expected, + recorded):\n\n".to_owned();
        let mut differ = false;
        for subject in subjects {
            let mut line = |mark: &str, amount: Option<&Amount>| {
                if let Some(amount) = amount {
                    // Writing to a String cannot fail.
                    let _ = writeln!(report, "  {mark} {}", subject.line(amount));
                }
            };
            match (expected.get(subject), self.found.get(subject)) {
                (Some(one), None) if one.is_none() => (),
                (Some(one), Some(other)) if is_same(one, other) => line(" ", Some(one)),
                (one, other) => {
                    differ = true;
                    line("-", one);
                    line("+", other);
                }
            }
        }
        if !differ {
            return None;
        }
        if extra == Extra::Allowed {
            let mut before = "\nalso recorded:\n\n";
            let others = self.to_expect();
            for (subject, amount) in others.filter(|(one, _)| !expected.contains_key(one)) {
                let _ = writeln!(report, "{before}    {}", subject.line(amount));
                before = "";
            }
        }
        self.add_hints(&mut report, expected);
        Some(report)
    }

    /// Adds the most common reasons of a difference.
    fn add_hints(&self, report: &mut String, expected: &Amounts) {
        let mut hint = |text: fmt::Arguments<'_>| {
            let _ = write!(report, "\nhint: {text}\n");
        };
        if self.is_empty() {
            hint(format_args!(
                "nothing was recorded; a task or thread that was spawned inside a scope needs one of its own: \
                 `recorder.scope(..)`"
            ));
        }
        for subject in expected.keys() {
            if let Subject::Call(_, Aspect::Failure(name)) = subject
                && !self.snapshot.error_types.contains(name)
            {
                hint(format_args!(
                    "the monitor knows no error type `{name}`, so its errors are `other`; \
                     `Recorder::builder().errors(status, [\"{name}\"])` tells it"
                ));
            }
        }
        let is_unexpected = |subject: &&Subject| !expected.contains_key(subject);
        let mut callers = self.callers_to_expect(expected).filter(is_unexpected);
        if callers.any(|one| matches!(one, Subject::Call(_, Aspect::CalledBy(None)))) {
            hint(format_args!(
                "calls of a task or thread that was spawned have no caller, unless it runs in `here()`"
            ));
        }
        let mut found = self.found.keys().filter(is_unexpected);
        if found.any(|one| matches!(one, Subject::Call(_, Aspect::InFlight))) {
            hint(format_args!(
                "calls are in flight; `recorder.wait(limit)` waits for their end"
            ));
        }
    }
}

fn is_same(expected: &Amount, recorded: &Amount) -> bool {
    match (expected, recorded) {
        (Amount::Count(a), Amount::Count(b)) => a == b,
        (Amount::Time(a), Amount::Time(b)) => a == b,
        (Amount::Observed(a), Amount::Observed(b)) => is_same_observed(&a.values, b),
        (Amount::Value(a), Amount::Value(b)) => is_same_value(a, b),
        (Amount::Status(a, run), Amount::Status(b, real)) => {
            a == b && (run.is_none() || run == real)
        }
        _ => false,
    }
}

/// Both sorted. Where not every value is known, those that are must be among the expected ones, and the sums be equal.
fn is_same_observed(expected: &[f64], recorded: &Observed) -> bool {
    let values = &recorded.values;
    if expected.len() as u64 != values.len() as u64 + recorded.more {
        return false;
    }
    let mut left = expected.iter();
    let known = |value: &f64| left.any(|one| is_close(*one, *value));
    let in_histogram = expected.iter().filter(|one| **one >= 0.0);
    values.iter().all(known) && (recorded.more == 0 || is_close(in_histogram.sum(), recorded.sum))
}

/// Equal but for one part in a billion, the loss where numbers are added up.
fn is_close(a: f64, b: f64) -> bool {
    // NaN and the infinities first: they have no difference.
    a.total_cmp(&b).is_eq() || (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

/// Equal; numbers that are not both whole but for that loss.
fn is_same_value(a: &StatValue, b: &StatValue) -> bool {
    match (a, b) {
        (StatValue::List(a), StatValue::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same_value(a, b))
        }
        (StatValue::Map(a), StatValue::Map(b)) => {
            let mut both = a.iter().zip(b);
            a.len() == b.len() && both.all(|((k, a), (l, b))| k == l && is_same_value(a, b))
        }
        (StatValue::Int(_) | StatValue::Float(_), StatValue::Float(_))
        | (StatValue::Float(_), StatValue::Int(_)) => {
            let numbers = a.as_number().zip(b.as_number());
            numbers.is_some_and(|(a, b)| is_close(a.as_f64(), b.as_f64()))
        }
        (a, b) => a == b,
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
