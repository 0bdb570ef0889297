//! Our families as the `prometheus` crate's.

use prometheus::proto;

use crate::data::family::{Child, ChildValue, Family, FamilyType, Histogram, Label};

/// The families as a registry gathers them. Families of no known kind become gauges: that crate's own encoders have no
/// other way to write them.
pub(super) fn to_proto(families: &[Family]) -> Vec<proto::MetricFamily> {
    families.iter().map(family).collect()
}

fn family(family: &Family) -> proto::MetricFamily {
    let mut answer = proto::MetricFamily::default();
    answer.set_name(family.name.to_string());
    answer.set_help(family.help.to_string());
    answer.set_field_type(match family.kind {
        FamilyType::Counter => proto::MetricType::COUNTER,
        FamilyType::Gauge | FamilyType::Untyped => proto::MetricType::GAUGE,
        FamilyType::Histogram => proto::MetricType::HISTOGRAM,
        FamilyType::Summary => proto::MetricType::SUMMARY,
    });
    answer.set_metric(
        family
            .children
            .iter()
            .map(|child| metric(child, family.kind))
            .collect(),
    );
    answer
}

fn metric(child: &Child, kind: FamilyType) -> proto::Metric {
    let mut metric = proto::Metric::from_label(child.labels.iter().map(pair).collect());
    set_value(&mut metric, &child.value, kind);
    metric
}

fn set_value(metric: &mut proto::Metric, value: &ChildValue, kind: FamilyType) {
    match value {
        #[expect(
            clippy::cast_precision_loss,
            reason = "that crate has no other numbers"
        )]
        ChildValue::Int(value) => set_number(metric, *value as f64, kind),
        ChildValue::Float(value) => set_number(metric, *value, kind),
        ChildValue::Histogram(value) => metric.set_histogram(histogram(value)),
        ChildValue::Summary {
            quantiles,
            sum,
            count,
        } => metric.set_summary(summary(quantiles, *sum, *count)),
        ChildValue::Timestamped {
            value,
            milliseconds,
        } => {
            set_value(metric, value, kind);
            metric.set_timestamp_ms(*milliseconds);
        }
    }
}

fn set_number(metric: &mut proto::Metric, value: f64, kind: FamilyType) {
    if kind == FamilyType::Counter {
        let mut counter = proto::Counter::default();
        counter.set_value(value);
        metric.set_counter(counter);
    } else {
        let mut gauge = proto::Gauge::default();
        gauge.set_value(value);
        metric.set_gauge(gauge);
    }
}

fn histogram(histogram: &Histogram) -> proto::Histogram {
    let mut below = 0;
    let buckets = histogram
        .bounds
        .iter()
        .zip(&histogram.counts)
        .map(|(upper, count)| {
            below += count;
            let mut bucket = proto::Bucket::default();
            bucket.set_upper_bound(*upper);
            bucket.set_cumulative_count(below);
            bucket
        });
    let mut answer = proto::Histogram::default();
    answer.set_bucket(buckets.collect());
    answer.set_sample_count(histogram.count());
    answer.set_sample_sum(histogram.sum);
    answer
}

fn summary(quantiles: &[(f64, f64)], sum: f64, count: u64) -> proto::Summary {
    let quantiles = quantiles.iter().map(|(quantile, value)| {
        let mut answer = proto::Quantile::default();
        answer.set_quantile(*quantile);
        answer.set_value(*value);
        answer
    });
    let mut answer = proto::Summary::default();
    answer.set_quantile(quantiles.collect());
    answer.set_sample_sum(sum);
    answer.set_sample_count(count);
    answer
}

fn pair(label: &Label) -> proto::LabelPair {
    let mut pair = proto::LabelPair::default();
    pair.set_name(label.name.to_string());
    pair.set_value(label.value.to_string());
    pair
}
