//! What was recorded between two moments of a monitor, and how it compares with what a test expects.
//!
//! A [`Checkpoint`] is the state of a monitor at one moment, as plain data; [`Recorded`] is a pure function of two of them.
//! Of each subject it says whether it must be expected ([`Compared`]): the statuses and durations of calls follow from the
//! calls, so they are compared only where a test names them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use crate::data::snapshot::{
    CallValueSnapshot, MethodSnapshot, Snapshot, StatusSnapshot, ValuesSnapshot,
};
use crate::data::status::{DEFAULT_TASK, TaskStatus};
use crate::data::value::StatValue;
use crate::monitor::Monitor;
use crate::recording::window::WINDOW;
use crate::storage::means::RecentCalls;

use super::expect::{Amount, Aspect, Expected, Observed, Series, Subject, by_subject};

/// The state of a monitor at one moment.
#[derive(Debug, Clone)]
pub(super) struct Checkpoint {
    /// Its values by key include those that are no numbers.
    snapshot: Snapshot,
    /// What the last calls of each method and label set observed, by the method's number and the name, oldest first.
    observed: BTreeMap<(u32, Box<str>), Vec<f64>>,
}

impl Checkpoint {
    pub(super) fn now(monitor: Monitor) -> Self {
        let core = monitor.storage().core();
        let mut snapshot = monitor.snapshot();
        snapshot.values.entries = core.values.snapshot().entries;
        let mut observed = BTreeMap::<_, Vec<f64>>::new();
        let mut recent = RecentCalls::default();
        for method in core.methods() {
            recent.read(method);
            for (key, value) in recent.in_order().iter().flat_map(|call| call.values()) {
                let of = (method.id, key.raw.clone());
                observed.entry(of).or_default().push(value);
            }
        }
        Self { snapshot, observed }
    }
}

/// Whether a test must expect a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compared {
    /// It must.
    Always,
    /// The subject follows from others, so that a test need not name it.
    WhereNamed,
}

impl Compared {
    fn always_unless(follows: bool) -> Self {
        if follows {
            Self::WhereNamed
        } else {
            Self::Always
        }
    }
}

/// Whether more may be recorded than is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extra {
    Refused,
    Allowed,
}

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
    found: BTreeMap<Subject, (Amount, Compared)>,
    snapshot: Snapshot,
}

impl Recorded {
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
        if let Some(report) = self.report(&by_subject(expected), extra) {
            panic!("{report}");
        }
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.to_expect().next().is_none()
    }

    /// Calls of a method, whatever its labels: those that ended, and those in flight at the end.
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

    /// How long the calls of a method that ended took together, whatever its labels.
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
        self.found.get(subject).map(|(amount, _)| amount)
    }

    /// What a test must expect.
    fn to_expect(&self) -> impl Iterator<Item = (&Subject, &Amount)> {
        let found = self.found.iter();
        found.filter_map(|(subject, (amount, compared))| {
            (*compared == Compared::Always).then_some((subject, amount))
        })
    }

    fn lines(&self) -> impl Iterator<Item = String> {
        self.to_expect()
            .map(|(subject, amount)| subject.line(amount))
    }

    /// What was recorded of the calls of a method, whatever their labels.
    fn of_method<'a>(&'a self, method: &'a str) -> impl Iterator<Item = (&'a Aspect, &'a Amount)> {
        let found = self.found.iter();
        found.filter_map(move |(subject, (amount, _))| match subject {
            Subject::Call(series, aspect) if *series.method == *method => Some((aspect, amount)),
            _ => None,
        })
    }
}

/// What differs between two moments.
impl Recorded {
    pub(super) fn between(before: &Checkpoint, after: &Checkpoint) -> Self {
        let mut recorded = Self {
            found: BTreeMap::new(),
            snapshot: after.snapshot.clone(),
        };
        recorded.add_calls(before, after);
        recorded.add_values(&before.snapshot.values, &after.snapshot.values);
        recorded.add_statuses(&before.snapshot, &after.snapshot);
        recorded
    }

    fn add(&mut self, subject: Subject, amount: Amount, compared: Compared) {
        self.found.insert(subject, (amount, compared));
    }

    fn add_count(&mut self, subject: Subject, count: u64) {
        if count > 0 {
            self.add(subject, Amount::Count(count), Compared::Always);
        }
    }

    fn add_calls(&mut self, before: &Checkpoint, after: &Checkpoint) {
        for method in &after.snapshot.methods {
            let mut earlier = before.snapshot.methods.iter();
            let earlier = earlier.find(|one| one.number == method.number);
            let series = Series::new(&method.name, &method.labels);
            let subject = |aspect| Subject::Call(series.clone(), aspect);
            let known = earlier.map(|one| counts(&before.snapshot, one));
            let known = known.unwrap_or_default();
            for (aspect, count) in counts(&after.snapshot, method) {
                let known = known.get(&aspect).copied().unwrap_or_default();
                self.add_count(subject(aspect), count.saturating_sub(known));
            }
            self.add_count(subject(Aspect::InFlight), method.in_flight);
            self.add_count(subject(Aspect::Waiting), method.waiting.unwrap_or_default());
            if ended(method) > earlier.map_or(0, ended) {
                let seconds = |one: &MethodSnapshot| one.success.sum + one.failure.sum;
                let took = seconds(method) - earlier.map_or(0.0, seconds);
                // To the nearest nanosecond: so a manual clock moves, and the sums are doubles.
                let took = Duration::try_from_secs_f64(took.max(0.0)).unwrap_or(Duration::MAX);
                let took = Amount::Time(took);
                self.add(subject(Aspect::Took), took, Compared::WhereNamed);
            }
            for value in &method.values {
                let observed = observed(before, after, earlier, method, value);
                if !observed.values.is_empty() || observed.more > 0 {
                    let name = value.key.raw.clone();
                    // The runtime notes the wait for a permit of each call with a `max_concurrency`.
                    let compared = Compared::always_unless(&*name == "permit_wait_time");
                    let subject = subject(Aspect::Observed(name));
                    self.add(subject, Amount::Observed(observed), compared);
                }
            }
        }
    }

    fn add_values(&mut self, before: &ValuesSnapshot, after: &ValuesSnapshot) {
        for entry in &after.entries {
            let mut earlier = before.entries.iter();
            let earlier = earlier.find(|one| one.key == entry.key);
            let is_same = earlier.is_some_and(|one| is_alike(&one.value, &entry.value, is_equal));
            let observations = |values: &ValuesSnapshot| {
                let mut all = values.histograms.iter();
                let found = all.find(|one| one.key == entry.key);
                found.map_or(0, |one| one.histogram.count())
            };
            // A list that keeps only so many values may look as before.
            if !is_same || observations(after) > observations(before) {
                let subject = Subject::Value(entry.key.raw.clone());
                self.add(
                    subject,
                    Amount::Value(entry.value.clone()),
                    Compared::Always,
                );
            }
        }
        let grown = |count: fn(&ValuesSnapshot) -> u64| count(after).saturating_sub(count(before));
        self.add_count(Subject::Refused, grown(|one| one.refused_observations));
        self.add_count(Subject::Overflowed, grown(|one| one.overflowed_updates));
    }

    fn add_statuses(&mut self, before: &Snapshot, after: &Snapshot) {
        let took = |subject: &Subject| matches!(subject, Subject::Call(_, Aspect::Took));
        let has_ended_calls = self.found.keys().any(took);
        let of_methods = changed(&before.method_statuses, &after.method_statuses)
            .map(|status| (status, Compared::WhereNamed));
        let named = changed(&before.statuses, &after.statuses).map(|status| {
            let follows = &*status.task == DEFAULT_TASK && has_ended_calls;
            (status, Compared::always_unless(follows))
        });
        // A task type that is set through the API comes before the method of its name.
        for (status, compared) in of_methods.chain(named) {
            let amount = Amount::Status(status.status, Some(status.run));
            self.add(Subject::Task(Arc::clone(&status.task)), amount, compared);
        }
    }
}

fn ended(method: &MethodSnapshot) -> u64 {
    method.success.count() + method.failure.count()
}

/// What never falls of the calls of a method.
fn counts(snapshot: &Snapshot, method: &MethodSnapshot) -> BTreeMap<Aspect, u64> {
    let items = method.items.unwrap_or_default();
    let mut counts = BTreeMap::from([
        (Aspect::Success, method.success.count()),
        (Aspect::Items, items.ok),
        (Aspect::FailedItems, items.failed),
    ]);
    for (name, count) in snapshot.error_types.iter().zip(&method.errors) {
        let failures = counts.entry(Aspect::Failure(Arc::clone(name)));
        *failures.or_default() += count;
    }
    counts
}

/// What the calls of a method observed under one name between two moments: the values that are known one by one, and what
/// only the histogram has, that is, further values of one call, and those of calls before the last 100.
fn observed(
    before: &Checkpoint,
    after: &Checkpoint,
    earlier: Option<&MethodSnapshot>,
    method: &MethodSnapshot,
    value: &CallValueSnapshot,
) -> Observed {
    let of = (method.number, value.key.raw.clone());
    let mut values = after.observed.get(&of).cloned().unwrap_or_default();
    if ended(method) <= WINDOW {
        for known in before.observed.get(&of).into_iter().flatten() {
            // Bits: what is compared is the very same observation.
            let mut all = values.iter();
            if let Some(at) = all.position(|one| one.to_bits() == known.to_bits()) {
                values.remove(at);
            }
        }
    } else if let Some(earlier) = earlier {
        // The window moved on: the new ones are the last of it, at most one for each call that ended.
        let new = ended(method).saturating_sub(ended(earlier));
        let new = usize::try_from(new).unwrap_or(usize::MAX);
        values.drain(..values.len().saturating_sub(new));
    }
    let total = |value: &CallValueSnapshot| {
        let histogram = value.histogram.as_ref();
        histogram.map_or((0, 0.0), |all| (all.count(), all.sum))
    };
    let mut earlier = earlier.into_iter().flat_map(|one| &one.values);
    let earlier = earlier.find(|one| one.key == value.key);
    let ((count, sum), (earlier, earlier_sum)) = (total(value), earlier.map_or((0, 0.0), total));
    // Negative values are in no histogram.
    let in_histogram = values.iter().filter(|value| **value >= 0.0).count() as u64;
    let more = count.saturating_sub(earlier + in_histogram);
    let mut observed = Observed {
        values,
        more,
        sum: if more == 0 { 0.0 } else { sum - earlier_sum },
    };
    observed.sort();
    observed
}

/// The statuses that are new, other than before, or were set again.
fn changed<'a>(
    before: &'a [StatusSnapshot],
    after: &'a [StatusSnapshot],
) -> impl Iterator<Item = &'a StatusSnapshot> {
    let is_same = |a: &StatusSnapshot, b: &StatusSnapshot| {
        (&a.task, a.status, a.run) == (&b.task, b.status, b.run)
    };
    let after = after.iter();
    after.filter(move |status| !before.iter().any(|earlier| is_same(earlier, status)))
}

/// The comparison with what is expected.
impl Recorded {
    /// The difference as a message; `None` if there is none.
    fn report(&self, expected: &BTreeMap<Subject, Amount>, extra: Extra) -> Option<String> {
        let mut report =
            "what was recorded is not what was expected (- expected, + recorded):\n\n".to_owned();
        if !self.write_lines(&mut report, expected, extra) {
            return None;
        }
        if extra == Extra::Allowed {
            let mut before = "\nalso recorded:\n\n";
            for (subject, amount) in self.to_expect() {
                if !expected.contains_key(subject) {
                    report += &format!("{before}    {}\n", subject.line(amount));
                    before = "";
                }
            }
        }
        for hint in self.hints(expected) {
            report += &format!("\nhint: {hint}\n");
        }
        Some(report)
    }

    /// Writes expected and recorded, and returns whether they differ.
    fn write_lines(
        &self,
        lines: &mut String,
        expected: &BTreeMap<Subject, Amount>,
        extra: Extra,
    ) -> bool {
        let mut subjects: BTreeSet<&Subject> = expected.keys().collect();
        if extra == Extra::Refused {
            subjects.extend(self.to_expect().map(|(subject, _)| subject));
        }
        let mut differ = false;
        for subject in subjects {
            let mut line = |mark: char, amount: Option<&Amount>| {
                if let Some(amount) = amount {
                    // Writing to a String cannot fail.
                    let _ = writeln!(lines, "  {mark} {}", subject.line(amount));
                }
            };
            match (expected.get(subject), self.find(subject)) {
                (Some(one), None) if is_none(one) => (),
                (Some(one), Some(other)) if is_same(one, other) => line(' ', Some(one)),
                (one, other) => {
                    differ = true;
                    line('-', one);
                    line('+', other);
                }
            }
        }
        differ
    }

    /// The most common reasons of a difference.
    fn hints(&self, expected: &BTreeMap<Subject, Amount>) -> Vec<String> {
        let mut hints = Vec::new();
        if self.is_empty() {
            hints.push(
                "nothing was recorded; a task or thread that was spawned inside a scope needs one of its own: \
                 `recorder.scope(..)`"
                    .to_owned(),
            );
        }
        for subject in expected.keys() {
            if let Subject::Call(_, Aspect::Failure(name)) = subject
                && !self.snapshot.error_types.contains(name)
            {
                hints.push(format!(
                    "the monitor knows no error type `{name}`, so its errors are `other`; \
                     `Recorder::builder().errors(status, [\"{name}\"])` tells it"
                ));
            }
        }
        let is_unexpected = |subject: &Subject| {
            matches!(subject, Subject::Call(_, Aspect::InFlight)) && !expected.contains_key(subject)
        };
        if self.found.keys().any(is_unexpected) {
            hints
                .push("calls are in flight; `recorder.wait(limit)` waits for their end".to_owned());
        }
        hints
    }
}

/// Whether it is expected that there is none.
fn is_none(expected: &Amount) -> bool {
    match expected {
        Amount::Count(count) => *count == 0,
        Amount::Observed(observed) => observed.values.is_empty(),
        Amount::Time(time) => time.is_zero(),
        Amount::Value(_) | Amount::Status(..) => false,
    }
}

fn is_same(expected: &Amount, recorded: &Amount) -> bool {
    match (expected, recorded) {
        (Amount::Count(a), Amount::Count(b)) => a == b,
        (Amount::Time(a), Amount::Time(b)) => a == b,
        (Amount::Observed(a), Amount::Observed(b)) => is_same_observed(&a.values, b),
        (Amount::Value(a), Amount::Value(b)) => is_alike(a, b, is_close_value),
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

/// Equal, but for what is lost where numbers are added up: one part in a billion.
fn is_close(a: f64, b: f64) -> bool {
    // First what has no difference: NaN and the infinities.
    a.total_cmp(&b).is_eq() || (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

/// Whether two values are alike, by this comparison of all that is no list and no map.
fn is_alike(a: &StatValue, b: &StatValue, is_same: fn(&StatValue, &StatValue) -> bool) -> bool {
    match (a, b) {
        (StatValue::List(a), StatValue::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_alike(a, b, is_same))
        }
        (StatValue::Map(a), StatValue::Map(b)) => {
            let mut both = a.iter().zip(b);
            a.len() == b.len() && both.all(|((k, a), (l, b))| k == l && is_alike(a, b, is_same))
        }
        (a, b) => is_same(a, b),
    }
}

/// Whether two values are the same; unlike by `==`, NaN is itself.
fn is_equal(a: &StatValue, b: &StatValue) -> bool {
    match (a, b) {
        (StatValue::Float(a), StatValue::Float(b)) => a.to_bits() == b.to_bits(),
        (a, b) => a == b,
    }
}

/// Whether two values are the same, numbers that are not both whole but for a rounding error.
fn is_close_value(a: &StatValue, b: &StatValue) -> bool {
    match (a, b) {
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
