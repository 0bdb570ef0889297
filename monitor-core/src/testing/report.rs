//! What is expected beside what was recorded: the same, or the lines that differ.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::data::snapshot::Snapshot;
use crate::data::value::StatValue;

use super::difference::Difference;
use super::fact::{Amount, Aspect, Facts, Observed, Subject};

/// What is recorded but not expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extra {
    Refused,
    Allowed,
}

/// The difference as a message; `None` if there is none.
pub(super) fn compare(
    expected: &Facts,
    recorded: &Difference,
    snapshot: &Snapshot,
    extra: Extra,
) -> Option<String> {
    let (lines, differ) = lines(expected, recorded, extra);
    if !differ {
        return None;
    }
    let mut report =
        "what was recorded is not what was expected (- expected, + recorded):\n\n".to_owned();
    report += &lines;
    if extra == Extra::Allowed {
        report += &also_recorded(expected, recorded);
    }
    for hint in hints(expected, recorded, snapshot) {
        // Writing to a String cannot fail.
        let _ = write!(report, "\nhint: {hint}\n");
    }
    Some(report)
}

/// Expected and recorded, and whether they differ.
fn lines(expected: &Facts, recorded: &Difference, extra: Extra) -> (String, bool) {
    let mut subjects: BTreeSet<&Subject> = expected.keys().collect();
    if extra == Extra::Refused {
        subjects.extend(recorded.told.keys());
    }
    let (mut lines, mut differ) = (String::new(), false);
    let mut line = |mark: char, subject: &Subject, amount: &Amount| {
        let _ = writeln!(lines, "  {mark} {}", subject.line(amount));
    };
    for subject in subjects {
        match (expected.get(subject), recorded.find(subject)) {
            (Some(one), None) if is_none(one) => (),
            (Some(one), Some(other)) if is_same(one, other) => line(' ', subject, one),
            (one, other) => {
                differ = true;
                for (mark, amount) in [('-', one), ('+', other)] {
                    if let Some(amount) = amount {
                        line(mark, subject, amount);
                    }
                }
            }
        }
    }
    (lines, differ)
}

fn also_recorded(expected: &Facts, recorded: &Difference) -> String {
    let told = recorded.told.iter();
    let others = told.filter(|(subject, _)| !expected.contains_key(subject));
    let mut lines = String::new();
    for (subject, amount) in others {
        if lines.is_empty() {
            lines += "\nalso recorded:\n\n";
        }
        let _ = writeln!(lines, "    {}", subject.line(amount));
    }
    lines
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
        (Amount::Observed(a), Amount::Observed(b)) => same_observed(&a.values, b),
        (Amount::Value(a), Amount::Value(b)) => same_value(a, b),
        (Amount::Status(a, run), Amount::Status(b, real)) => {
            a == b && (run.is_none() || run == real)
        }
        _ => false,
    }
}

/// Both sorted. Where not every value is known, those that are must be among the expected ones, and the sums be equal.
fn same_observed(expected: &[f64], recorded: &Observed) -> bool {
    let values = &recorded.values;
    if expected.len() as u64 != values.len() as u64 + recorded.more {
        return false;
    }
    let mut left = expected.iter();
    let known = |value: &f64| left.any(|one| close(*one, *value));
    let in_histogram = expected.iter().filter(|one| **one >= 0.0);
    values.iter().all(known) && (recorded.more == 0 || close(in_histogram.sum(), recorded.sum))
}

/// Equal, but for what is lost where numbers are added up: one part in a billion.
fn close(a: f64, b: f64) -> bool {
    // First what has no difference: NaN and the infinities.
    a.total_cmp(&b).is_eq() || (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

fn same_value(a: &StatValue, b: &StatValue) -> bool {
    match (a, b) {
        (StatValue::List(a), StatValue::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_value(a, b))
        }
        (StatValue::Map(a), StatValue::Map(b)) => {
            let alike = |((k, a), (l, b)): ((&String, _), (&String, _))| k == l && same_value(a, b);
            a.len() == b.len() && a.iter().zip(b).all(alike)
        }
        (StatValue::Int(_) | StatValue::Float(_), StatValue::Float(_))
        | (StatValue::Float(_), StatValue::Int(_)) => {
            let numbers = a.as_number().zip(b.as_number());
            numbers.is_some_and(|(a, b)| close(a.as_f64(), b.as_f64()))
        }
        (a, b) => a == b,
    }
}

/// What is behind a difference more often than not.
fn hints(expected: &Facts, recorded: &Difference, snapshot: &Snapshot) -> Vec<String> {
    let mut hints = Vec::new();
    if recorded.told.is_empty() {
        hints.push(
            "nothing was recorded; a task or thread that was spawned inside a scope needs one of its own: \
             `recorder.scope(..)`"
                .to_owned(),
        );
    }
    let known = |name: &str| snapshot.error_types.iter().any(|one| &**one == name);
    for subject in expected.keys() {
        if let Subject::Call(_, Aspect::Failure(name)) = subject
            && !known(name)
        {
            hints.push(format!(
                "the monitor knows no error type `{name}`, so its errors are `other`; \
                 `Recorder::builder().errors(status, [\"{name}\"])` tells it"
            ));
        }
    }
    let in_flight = |subject: &&Subject| matches!(subject, Subject::Call(_, Aspect::InFlight));
    let still = recorded.told.keys().filter(in_flight);
    if still
        .into_iter()
        .any(|subject| !expected.contains_key(subject))
    {
        hints.push("calls are in flight; `recorder.wait(limit)` waits for their end".to_owned());
    }
    hints
}
