//! What was recorded between two moments: a pure function of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::data::key::StatKey;
use crate::data::snapshot::{
    CallValueSnapshot, MethodSnapshot, Snapshot, StatusSnapshot, StreamItems,
};
use crate::data::value::StatValue;
use crate::recording::window::WINDOW;

use super::fact::{Amount, Aspect, Facts, Observed, Series, Subject};
use super::moment::Moment;

/// What was recorded between two moments.
#[derive(Debug, Clone, Default)]
pub(super) struct Difference {
    /// What nothing else tells: a test must expect all of it.
    pub(super) told: Facts,
    /// What follows from the calls: compared only where a test names it.
    pub(super) implied: Facts,
    /// Calls that ended, by series.
    pub(super) ended: BTreeMap<Series, u64>,
}

/// What was recorded after one moment, until another of the same monitor.
pub(super) fn difference(before: &Moment, after: &Moment) -> Difference {
    let mut difference = Difference::default();
    difference.add_calls(before, after);
    difference.add_values(&before.snapshot, &after.snapshot);
    difference.add_statuses(&before.snapshot, &after.snapshot);
    difference
}

impl Difference {
    /// What was recorded of a subject, however it is compared.
    pub(super) fn find(&self, subject: &Subject) -> Option<&Amount> {
        let told = self.told.get(subject);
        told.or_else(|| self.implied.get(subject))
    }

    fn tell(&mut self, subject: Subject, amount: Amount) {
        self.told.insert(subject, amount);
    }

    fn tell_count(&mut self, subject: Subject, count: u64) {
        if count > 0 {
            self.tell(subject, Amount::Count(count));
        }
    }

    fn add_calls(&mut self, before: &Moment, after: &Moment) {
        let earlier: BTreeMap<Series, &MethodSnapshot> = by_series(&before.snapshot).collect();
        for (series, method) in by_series(&after.snapshot) {
            let earlier = earlier.get(&series).copied();
            let counts = Counts { earlier, method };
            let errors = errors_between(&before.snapshot, &after.snapshot, &counts);
            let mut tell = |aspect, count| {
                self.tell_count(Subject::Call(series.clone(), aspect), count);
            };
            tell(Aspect::Success, counts.grown(|one| one.success.count()));
            for (error_type, count) in errors {
                tell(Aspect::Failure(error_type), count);
            }
            tell(Aspect::InFlight, method.in_flight);
            tell(Aspect::Waiting, method.waiting.unwrap_or_default());
            tell(Aspect::Items, counts.grown(|one| items(one).ok));
            tell(Aspect::FailedItems, counts.grown(|one| items(one).failed));
            self.add_durations(&series, &counts);
            for value in &method.values {
                self.add_observed(&series, value, &counts, before, after);
            }
        }
    }

    fn add_durations(&mut self, series: &Series, counts: &Counts<'_>) {
        let ended = counts.grown(ended);
        if ended == 0 {
            return;
        }
        self.ended.insert(series.clone(), ended);
        let seconds = |one: &MethodSnapshot| one.success.sum + one.failure.sum;
        let took = seconds(counts.method) - counts.earlier.map_or(0.0, seconds);
        // To the nearest nanosecond: so a manual clock moves, and the sums are doubles.
        let took = Duration::try_from_secs_f64(took.max(0.0)).unwrap_or(Duration::MAX);
        let subject = Subject::Call(series.clone(), Aspect::Took);
        self.implied.insert(subject, Amount::Time(took));
    }

    fn add_observed(
        &mut self,
        series: &Series,
        value: &CallValueSnapshot,
        counts: &Counts<'_>,
        before: &Moment,
        after: &Moment,
    ) {
        let of = (series.clone(), value.key.raw.clone());
        let mut values = after.observed.get(&of).cloned().unwrap_or_default();
        let known = before.observed.get(&of).map_or(&[][..], Vec::as_slice);
        if ended(counts.method) <= WINDOW {
            remove_each(&mut values, known);
        } else if counts.earlier.is_some() {
            // The window moved on: the new ones are the last of it, at most one for each call that ended.
            let new = usize::try_from(counts.grown(ended)).unwrap_or(usize::MAX);
            values.drain(..values.len().saturating_sub(new));
        }
        values.sort_by(f64::total_cmp);
        let observed = with_more(values, value, counts.value(&value.key));
        if !observed.values.is_empty() || observed.more > 0 {
            let aspect = Aspect::Observed(value.key.raw.clone());
            let subject = Subject::Call(series.clone(), aspect);
            let facts = match &*value.key.raw {
                // What the runtime notes of each call with a `max_concurrency`.
                "permit_wait_time" => &mut self.implied,
                _ => &mut self.told,
            };
            facts.insert(subject, Amount::Observed(observed));
        }
    }

    fn add_values(&mut self, before: &Snapshot, after: &Snapshot) {
        let (before, after) = (&before.values, &after.values);
        let observations = |values: &crate::data::snapshot::ValuesSnapshot, key: &StatKey| {
            let mut all = values.histograms.iter();
            let found = all.find(|one| *one.key == *key);
            found.map_or(0, |one| one.histogram.count())
        };
        for entry in &after.entries {
            let earlier = before.entries.iter().find(|one| one.key == entry.key);
            // A list that keeps only so many values may look as before.
            let appended = observations(after, &entry.key) > observations(before, &entry.key);
            let is_same = earlier.is_some_and(|one| same(&one.value, &entry.value));
            if !is_same || appended {
                let subject = Subject::Value(entry.key.raw.clone());
                self.tell(subject, Amount::Value(entry.value.clone()));
            }
        }
        let refused = after
            .refused_observations
            .saturating_sub(before.refused_observations);
        self.tell_count(Subject::Refused, refused);
        let overflowed = after
            .overflowed_updates
            .saturating_sub(before.overflowed_updates);
        self.tell_count(Subject::Overflowed, overflowed);
    }

    fn add_statuses(&mut self, before: &Snapshot, after: &Snapshot) {
        for status in changed(&before.method_statuses, &after.method_statuses) {
            let (subject, amount) = status_fact(status);
            self.implied.insert(subject, amount);
        }
        for status in changed(&before.statuses, &after.statuses) {
            let (subject, amount) = status_fact(status);
            self.implied.remove(&subject);
            if &*status.task == crate::data::status::DEFAULT_TASK && !self.ended.is_empty() {
                self.implied.insert(subject, amount);
            } else {
                self.tell(subject, amount);
            }
        }
    }
}

/// A method at the end, and at the beginning if it was there.
struct Counts<'a> {
    earlier: Option<&'a MethodSnapshot>,
    method: &'a MethodSnapshot,
}

impl Counts<'_> {
    /// By how much something grew.
    fn grown(&self, count: impl Fn(&MethodSnapshot) -> u64) -> u64 {
        count(self.method).saturating_sub(self.earlier.map_or(0, count))
    }

    /// An observed value at the beginning.
    fn value(&self, key: &StatKey) -> Option<&CallValueSnapshot> {
        let earlier = self.earlier?;
        earlier.values.iter().find(|value| *value.key == *key)
    }
}

fn ended(method: &MethodSnapshot) -> u64 {
    method.success.count() + method.failure.count()
}

fn items(method: &MethodSnapshot) -> StreamItems {
    method.items.unwrap_or_default()
}

fn by_series(snapshot: &Snapshot) -> impl Iterator<Item = (Series, &MethodSnapshot)> {
    let methods = snapshot.methods.iter();
    methods.map(|method| (Series::new(&method.name, &method.labels), method))
}

/// Failures by error type: new ones, each type once.
fn errors_between(
    before: &Snapshot,
    after: &Snapshot,
    counts: &Counts<'_>,
) -> BTreeMap<Arc<str>, u64> {
    let mut errors = BTreeMap::new();
    for (name, count) in after.error_types.iter().zip(&counts.method.errors) {
        *errors.entry(Arc::clone(name)).or_default() += *count;
    }
    let earlier = counts.earlier.map_or(&[][..], |one| &one.errors);
    for (name, count) in before.error_types.iter().zip(earlier) {
        let errors: &mut u64 = errors.entry(Arc::clone(name)).or_default();
        *errors = errors.saturating_sub(*count);
    }
    errors
}

/// Takes each of these out of a list, once.
fn remove_each(list: &mut Vec<f64>, known: &[f64]) {
    for value in known {
        // Bits: what is compared is the very same observation.
        let at = list.iter().position(|one| one.to_bits() == value.to_bits());
        if let Some(at) = at {
            list.remove(at);
        }
    }
}

/// Adds what only the histogram knows: further values of one call, and those of calls before the last 100.
fn with_more(
    values: Vec<f64>,
    after: &CallValueSnapshot,
    before: Option<&CallValueSnapshot>,
) -> Observed {
    let total = |value: &CallValueSnapshot| {
        let histogram = value.histogram.as_ref();
        histogram.map_or((0, 0.0), |all| (all.count(), all.sum))
    };
    let ((count, sum), (earlier, earlier_sum)) = (total(after), before.map_or((0, 0.0), total));
    // Negative values are in no histogram.
    let in_histogram = values.iter().filter(|value| **value >= 0.0).count() as u64;
    let more = count.saturating_sub(earlier + in_histogram);
    Observed {
        values,
        more,
        sum: if more == 0 { 0.0 } else { sum - earlier_sum },
    }
}

/// The statuses that are new, other than before, or were set again.
fn changed<'a>(
    before: &'a [StatusSnapshot],
    after: &'a [StatusSnapshot],
) -> impl Iterator<Item = &'a StatusSnapshot> {
    let what = |status: &StatusSnapshot| (Arc::clone(&status.task), status.status, status.run);
    let same = move |a: &StatusSnapshot, b: &StatusSnapshot| what(a) == what(b);
    after
        .iter()
        .filter(move |status| !before.iter().any(|earlier| same(earlier, status)))
}

fn status_fact(status: &StatusSnapshot) -> (Subject, Amount) {
    (
        Subject::Task(Arc::clone(&status.task)),
        Amount::Status(status.status, Some(status.run)),
    )
}

/// Whether two values are the same; unlike `==`, NaN is itself.
fn same(a: &StatValue, b: &StatValue) -> bool {
    match (a, b) {
        (StatValue::Float(a), StatValue::Float(b)) => a.to_bits() == b.to_bits(),
        (StatValue::List(a), StatValue::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (StatValue::Map(a), StatValue::Map(b)) => {
            let alike = |((k, a), (l, b)): ((&String, _), (&String, _))| k == l && same(a, b);
            a.len() == b.len() && a.iter().zip(b).all(alike)
        }
        (a, b) => a == b,
    }
}
