//! The `prometheus` crate's families as ours.

use std::sync::Arc;

use prometheus::proto;

use crate::data::family::{Child, ChildValue, Family, FamilyType, Histogram, Label};
use crate::data::name::unit_of;

/// The gathered families. Nothing is checked here but what our types promise: labels are sorted, bounds increase.
pub(super) fn families(families: &[proto::MetricFamily]) -> Vec<Family> {
    families.iter().map(family).collect()
}

fn family(family: &proto::MetricFamily) -> Family {
    let kind = match family.get_field_type() {
        proto::MetricType::COUNTER => FamilyType::Counter,
        proto::MetricType::GAUGE => FamilyType::Gauge,
        proto::MetricType::HISTOGRAM => FamilyType::Histogram,
        proto::MetricType::SUMMARY => FamilyType::Summary,
        proto::MetricType::UNTYPED => FamilyType::Untyped,
    };
    let mut bounds = None;
    let children = family.get_metric().iter().map(|metric| Child {
        labels: labels(metric.get_label()).into(),
        value: timestamped(metric, value(metric, kind, &mut bounds)),
    });
    Family {
        name: family.name().to_owned().into(),
        help: family.help().to_owned().into(),
        kind,
        unit: unit_of(family.name()),
        children: children.collect(),
    }
}

fn labels(pairs: &[proto::LabelPair]) -> Vec<Label> {
    let mut labels: Vec<Label> = pairs
        .iter()
        .map(|pair| Label {
            name: pair.name().to_owned().into(),
            value: pair.value().into(),
        })
        .collect();
    labels.sort();
    labels
}

/// With the time that a metric says its value is of; 0 is none, as to that crate's own encoder.
fn timestamped(metric: &proto::Metric, value: ChildValue) -> ChildValue {
    match metric.timestamp_ms() {
        0 => value,
        milliseconds => ChildValue::Timestamped {
            value: Box::new(value),
            milliseconds,
        },
    }
}

/// The value that a metric has, if it can be told: a registry puts two families of one name together without a look at their
/// types, and so one that has none of its family's type may have another's. What is of neither is the type's zero.
fn value(metric: &proto::Metric, kind: FamilyType, bounds: &mut Option<Arc<[f64]>>) -> ChildValue {
    let [counter, gauge, histogram, summary] = are_set(metric);
    let kind = match kind {
        FamilyType::Counter if counter => kind,
        FamilyType::Gauge if gauge => kind,
        FamilyType::Histogram if histogram => kind,
        FamilyType::Summary if summary => kind,
        _ if counter => FamilyType::Counter,
        _ if gauge => FamilyType::Gauge,
        _ if histogram => FamilyType::Histogram,
        _ if summary => FamilyType::Summary,
        _ => kind,
    };
    match kind {
        FamilyType::Counter => ChildValue::Float(numbers::of_counter(metric)),
        FamilyType::Gauge => ChildValue::Float(numbers::of_gauge(metric)),
        FamilyType::Untyped => ChildValue::Float(numbers::of_untyped(metric)),
        FamilyType::Histogram => {
            ChildValue::Histogram(self::histogram(metric.get_histogram(), bounds))
        }
        FamilyType::Summary => self::summary(metric.get_summary()),
    }
}

/// Whether it has a counter, a gauge, a histogram, a summary that is not as a new one is.
fn are_set(metric: &proto::Metric) -> [bool; 4] {
    fn is_set<T: Default + PartialEq>(value: &T) -> bool {
        *value != T::default()
    }
    [
        is_set(metric.get_counter()),
        is_set(metric.get_gauge()),
        is_set(metric.get_histogram()),
        is_set(metric.get_summary()),
    ]
}

/// A histogram's own counts of its cumulative ones. Buckets a custom collector gave out of order are left out: their
/// observations are in the next one. `known` are the family's bounds so far: children share theirs.
fn histogram(histogram: &proto::Histogram, known: &mut Option<Arc<[f64]>>) -> Histogram {
    let mut bounds: Vec<f64> = Vec::new();
    let mut counts = Vec::new();
    let mut below = 0;
    for bucket in histogram.get_bucket() {
        let (upper, cumulative) = (bucket.upper_bound(), bucket.cumulative_count());
        let in_order = upper.is_finite()
            && bounds.last().is_none_or(|last| *last < upper)
            && cumulative >= below;
        if in_order {
            // A zero has no sign: Prometheus 3 stores `-0.0` under another label value than it reads.
            bounds.push(upper + 0.0);
            counts.push(cumulative - below);
            below = cumulative;
        }
    }
    counts.push(histogram.get_sample_count().saturating_sub(below));
    let shared = known
        .take()
        .filter(|known| **known == *bounds)
        .unwrap_or_else(|| bounds.into());
    *known = Some(Arc::clone(&shared));
    Histogram {
        bounds: shared,
        counts,
        sum: histogram.get_sample_sum(),
        exemplars: Vec::new(),
    }
}

fn summary(summary: &proto::Summary) -> ChildValue {
    let mut quantiles: Vec<(f64, f64)> = summary
        .get_quantile()
        .iter()
        // Without a sign, as a bound.
        .map(|quantile| (quantile.quantile() + 0.0, quantile.value()))
        .collect();
    quantiles.sort_by(|a, b| a.0.total_cmp(&b.0));
    quantiles.dedup_by(|a, b| a.0.total_cmp(&b.0).is_eq());
    ChildValue::Summary {
        quantiles,
        sum: summary.sample_sum(),
        count: summary.sample_count(),
    }
}

/// Reads what the crate names differently with and without its feature `protobuf`.
///
/// An inherent method goes before a trait's of the same name. So of each pair of methods below, the crate's own is
/// called where it has it, and else ours, which calls the other.
mod numbers {
    use prometheus::proto::{Counter, Gauge, Metric};

    #[expect(
        dead_code,
        reason = "one of the two methods is hidden by the crate's own"
    )]
    trait Number {
        fn value(&self) -> f64;
        fn get_value(&self) -> f64;
    }

    impl Number for Counter {
        fn value(&self) -> f64 {
            self.get_value()
        }
        fn get_value(&self) -> f64 {
            self.value()
        }
    }

    impl Number for Gauge {
        fn value(&self) -> f64 {
            self.get_value()
        }
        fn get_value(&self) -> f64 {
            self.value()
        }
    }

    pub(super) fn of_counter(metric: &Metric) -> f64 {
        let counter: &Counter = metric.get_counter();
        counter.value()
    }

    pub(super) fn of_gauge(metric: &Metric) -> f64 {
        let gauge: &Gauge = metric.get_gauge();
        gauge.value()
    }

    /// With `protobuf` there is no method at all for untyped values, so this reads the metric's `Debug`, which is
    /// derived there: `untyped: .. Untyped { value: Some(1.5), ..`. Nothing but a user's own collector makes such metrics. Texts
    /// come before it, in quotes: a label's value may say the same.
    pub(super) fn of_untyped(metric: &Metric) -> f64 {
        let text = format!("{metric:?}");
        let value = text
            .rsplit('"')
            .next()
            .and_then(|numbers| numbers.split_once("Untyped { value: "))
            .map(|(_, value)| value.trim_start_matches("Some("));
        let number = value.and_then(|value| value.split([')', ' ', ',']).next());
        number.and_then(|number| number.parse().ok()).unwrap_or(0.0)
    }
}
