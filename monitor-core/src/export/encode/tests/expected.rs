//! Which samples a page of families has, worked out without the encoder.

use std::collections::HashSet;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::same;
use super::strict::{self, Meta, Sample};
use crate::data::family::{Child, ChildValue, Family, FamilyType, Histogram};
use crate::data::name::openmetrics_name;
use crate::export::bucket_lines::bound;
use crate::export::encode::Format;

/// The samples of families, in the order of the page.
pub(crate) fn samples(families: &[Family]) -> Vec<Sample> {
    families.iter().flat_map(samples_of).collect()
}

fn samples_of(family: &Family) -> Vec<Sample> {
    let mut samples = Vec::new();
    for child in &family.children {
        let mut add = |suffix: &str, more: Option<(&str, f64)>, value| {
            samples.push(sample(family, suffix, child, more, value));
        };
        let value = untimed(&child.value);
        match value {
            ChildValue::Timestamped { .. } => unreachable!("a value within has no time"),
            ChildValue::Int(value) => add("", None, float(*value)),
            ChildValue::Float(value) => add("", None, *value),
            ChildValue::Histogram(histogram) => {
                let uppers = histogram.bounds.iter().copied().chain([f64::INFINITY]);
                for (at, upper) in uppers.enumerate() {
                    let below = histogram.counts[..=at].iter().sum();
                    add("_bucket", Some(("le", upper)), float(below));
                }
                if has_sum(histogram) {
                    add("_count", None, float(histogram.counts.iter().sum()));
                    add("_sum", None, histogram.sum);
                }
            }
            ChildValue::Summary {
                quantiles,
                sum,
                count,
            } => {
                for (quantile, value) in quantiles {
                    if (0.0..=1.0).contains(quantile) && (*value >= 0.0 || value.is_nan()) {
                        add("", Some(("quantile", *quantile)), *value);
                    }
                }
                if *sum >= 0.0 {
                    add("_count", None, float(*count));
                    add("_sum", None, *sum);
                }
            }
        }
    }
    samples
}

fn untimed(value: &ChildValue) -> &ChildValue {
    match value {
        ChildValue::Timestamped { value, .. } => value,
        value => value,
    }
}

fn has_sum(histogram: &Histogram) -> bool {
    histogram.sum >= 0.0 && histogram.bounds.iter().all(|bound| *bound >= 0.0)
}

fn sample(
    family: &Family,
    suffix: &str,
    child: &Child,
    more: Option<(&str, f64)>,
    value: f64,
) -> Sample {
    let own = child.labels.iter();
    let own = own.map(|label| (label.name.to_string(), label.value.to_string()));
    let more = more.map(|(name, at)| (name.to_owned(), bound(at)));
    let mut labels: Vec<_> = own.chain(more).collect();
    labels.sort();
    Sample {
        name: format!("{}{suffix}", family.name),
        labels,
        value,
        timestamp: None,
        exemplar: None,
    }
}

/// The heads of the families that have a sample.
fn heads(families: &[Family], format: Format) -> Vec<Meta> {
    let shown = families.iter().filter(|one| !samples_of(one).is_empty());
    shown.map(|family| head(family, format)).collect()
}

fn head(family: &Family, format: Format) -> Meta {
    let open = format == Format::OpenMetrics100;
    let is_count = |child: &Child| {
        let value = untimed(&child.value);
        !matches!(value, ChildValue::Float(value) if *value < 0.0 || value.is_nan())
    };
    let name = openmetrics_name(&family.name, family.kind);
    let is_open_counter = name != family.name && family.children.iter().all(is_count);
    let kind = match family.kind {
        FamilyType::Counter if open && !is_open_counter => "unknown",
        FamilyType::Counter if family.name == "_total" => "untyped",
        FamilyType::Counter => "counter",
        FamilyType::Gauge => "gauge",
        FamilyType::Histogram => "histogram",
        FamilyType::Summary => "summary",
        FamilyType::Untyped if open => "unknown",
        FamilyType::Untyped => "untyped",
    };
    let name = if open && kind == "counter" {
        name
    } else {
        &family.name
    };
    let unit = family
        .unit
        .filter(|unit| open && name.ends_with(&format!("_{unit}")));
    Meta {
        name: name.to_owned(),
        kind: kind.to_owned(),
        help: family.help.to_string(),
        unit: unit.unwrap_or_default().to_owned(),
    }
}

/// Parses a whole page strictly and compares all of it with its families.
pub(crate) fn check_page(page: &str, families: &[Family], format: Format) -> TestCaseResult {
    let parsed = strict::parse(page, format)
        .map_err(|fault| TestCaseError::fail(format!("{fault}\n{page}")))?;
    prop_assert_eq!(&parsed.families, &heads(families, format));
    check_same(&parsed.samples, &samples(families))?;
    // To Prometheus a label without a value is none.
    let mut seen = HashSet::new();
    for Sample { name, labels, .. } in &parsed.samples {
        let labels = labels.iter().filter(|(_, value)| !value.is_empty());
        let labels: Vec<_> = labels.collect();
        let is_new = seen.insert((name, labels.clone()));
        prop_assert!(is_new, "twice: {name} {labels:?}");
    }
    Ok(())
}

/// Name, labels and value of each sample, to the last bit.
pub(crate) fn check_same(found: &[Sample], wanted: &[Sample]) -> TestCaseResult {
    prop_assert_eq!(found.len(), wanted.len());
    for (found, wanted) in found.iter().zip(wanted) {
        let equal = found.name == wanted.name
            && found.labels == wanted.labels
            && same(found.value, wanted.value);
        prop_assert!(equal, "{found:?}, not {wanted:?}");
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "what a scraper makes of it")]
fn float(count: u64) -> f64 {
    count as f64
}
