//! Keys: names, labels, and which bounds a key's histogram has.

use monitor_core::key::StatKey;

use super::registry::{Labels, escape_name};
use crate::kinds::{Id, Ours};

/// The original's bounds of durations, seconds.
#[rustfmt::skip]
pub(crate) const TIME: &[f64] = &[
    0.0, 0.01, 0.02, 0.03, 0.05, 0.1, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 15.0, 20.0,
    25.0, 30.0, 35.0, 40.0, 45.0, 50.0, 55.0, 60.0, 90.0, 120.0, 180.0, 240.0, 270.0, 300.0, 360.0, 420.0, 480.0, 540.0, 600.0,
    900.0, 1200.0, 1500.0, 1800.0, 3600.0,
];
/// The same with our six below 10 ms.
#[rustfmt::skip]
pub(crate) const FINER_TIME: &[f64] = &[
    0.0, 0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005,
    0.01, 0.02, 0.03, 0.05, 0.1, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 15.0, 20.0,
    25.0, 30.0, 35.0, 40.0, 45.0, 50.0, 55.0, 60.0, 90.0, 120.0, 180.0, 240.0, 270.0, 300.0, 360.0, 420.0, 480.0, 540.0, 600.0,
    900.0, 1200.0, 1500.0, 1800.0, 3600.0,
];
/// Bounds of sizes, bytes.
#[rustfmt::skip]
const SIZE: &[f64] = &[
    0.0, 1.0, 5.0, 10.0, 20.0, 50.0, 100.0, 500.0, 1000.0, 5000.0, 10_000.0, 15_000.0, 30_000.0, 150_000.0, 300_000.0,
    450_000.0, 600_000.0, 750_000.0, 900_000.0, 1_050_000.0, 1_200_000.0, 1_350_000.0, 1_500_000.0, 1_800_000.0, 2_100_000.0,
    2_400_000.0, 2_700_000.0, 3_000_000.0, 3_750_000.0, 4_500_000.0, 6_000_000.0, 7_500_000.0, 9_000_000.0, 10_500_000.0,
    12_000_000.0, 13_500_000.0, 15_000_000.0, 17_500_000.0, 20_000_000.0, 25_000_000.0, 35_000_000.0, 50_000_000.0,
    65_000_000.0, 80_000_000.0, 100_000_000.0, 120_000_000.0, 140_000_000.0, 160_000_000.0, 200_000_000.0, 260_000_000.0,
    360_000_000.0, 500_000_000.0, 750_000_000.0, 1_000_000_000.0, 2_000_000_000.0,
];

/// Who observed a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// User code, by key.
    User,
    /// Calls of a method.
    Call(String),
}

/// A key, read.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    /// The name as written.
    pub(crate) name: String,
    /// Its labels.
    pub(crate) labels: Labels,
}

/// The key the original makes of a value a call observed.
pub(crate) fn of_call(name: &str, method: &str) -> String {
    format!("{name}___method__{method}")
}

/// What the call itself named: the key without the method.
fn own_part<'a>(source: &Source, key: &'a str) -> &'a str {
    match source {
        Source::User => key,
        Source::Call(method) => key
            .strip_suffix(&format!("___method__{method}"))
            .unwrap_or(key),
    }
}

/// The bounds of a key's histogram, if it has one: decided by a word in it.
pub(crate) fn bucket_bounds(source: &Source, key: &str, ours: &Ours) -> Option<&'static [f64]> {
    let searched = if ours.has(Id::MethodWord) {
        own_part(source, key)
    } else {
        key
    };
    if searched.contains("time") {
        Some(time_bounds(ours))
    } else {
        searched.contains("size").then_some(SIZE)
    }
}

/// The bounds of durations.
pub(crate) fn time_bounds(ours: &Ours) -> &'static [f64] {
    if ours.has(Id::Bounds) {
        FINER_TIME
    } else {
        TIME
    }
}

/// Reads a key.
pub(crate) fn read(source: &Source, key: &str, ours: &Ours) -> Key {
    let Key { name, labels } = if ours.has(Id::W12) {
        read_well(source, key)
    } else {
        split(key)
    };
    let mut kept = Labels::new();
    for (label, value) in labels {
        let label = renamed(label, ours);
        let escaped = escape_name(&label, false);
        let there = kept
            .iter()
            .any(|(known, _)| escape_name(known, false) == escaped);
        if !(label.is_empty() && ours.has(Id::S10) || there && ours.has(Id::S10b)) {
            kept.push((label, value));
        }
    }
    Key { name, labels: kept }
}

/// As the original does: parts that do not split into exactly two are dropped.
fn split(key: &str) -> Key {
    let mut parts = key.split("___");
    let name = parts.next().unwrap_or_default().to_owned();
    let pair = |part: &str| match part.split("__").collect::<Vec<_>>()[..] {
        [label, value] => Some((label.to_owned(), value.to_owned())),
        _ => None,
    };
    Key {
        name,
        labels: parts.filter_map(pair).collect(),
    }
}

/// As ours does: underscores in values are kept, and a method is never taken apart.
fn read_well(source: &Source, key: &str) -> Key {
    let read = StatKey::parse(own_part(source, key));
    let mut labels: Labels = read
        .labels
        .iter()
        .map(|(label, value)| (label.to_string(), value.to_string()))
        .collect();
    if let Source::Call(method) = source {
        labels.push(("method".to_owned(), method.clone()));
    }
    Key {
        name: read.name().to_owned(),
        labels,
    }
}

/// Label names that mean something to a scraper get a prefix.
fn renamed(label: String, ours: &Ours) -> String {
    let prefix = match label.as_str() {
        "inittime" => ours.has(Id::S13),
        "le" | "quantile" => ours.has(Id::C3),
        _ => ours.has(Id::S13) && escape_name(&label, false).starts_with("__"),
    };
    if prefix {
        format!("label_{label}")
    } else {
        label
    }
}

/// The original's `_sanitize_metric_name`.
pub(crate) fn sanitised(name: &str) -> String {
    name.replace([' ', '-', '.'], "_").to_lowercase()
}
