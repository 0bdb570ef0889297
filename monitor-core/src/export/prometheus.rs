//! The bridge to the `prometheus` crate, both ways: its families as ours, and a storage as one of its collectors.
//!
//! Uses only items that the crate has both with and without its feature `protobuf`, because the user's whole dependency
//! tree decides on that feature. Gathering runs the user's collectors, so each gather is caught. The exporters of
//! storages that registries know are in one table behind a mutex, for the life of the process.

use std::any::Any;
use std::cell::Cell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use prometheus::Registry;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{self, LabelPair, Metric, MetricFamily, MetricType};

use crate::base::clock::to_f64;
use crate::base::sort::sort_by;
use crate::base::sync::{Mutex, leak, lock};
use crate::data::catalog::Profile;
use crate::data::family::{Child, ChildValue, Family, FamilyType, Histogram, Label};
use crate::data::labels::sort_labels;
use crate::export::exporter::Exporter;
use crate::storage::MonitorStorage;

/// A registry, or a collector, that could not be gathered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GatherError {
    /// A collector panicked.
    #[error("a collector panicked: {message}")]
    Panicked {
        /// The message of the panic.
        message: String,
    },
}

/// The families of a user's registry.
///
/// `Registry::gather` is all or nothing: one collector that panics loses the rest of its registry, so give a collector
/// that may panic a registry of its own. The registry can be gathered again afterwards.
///
/// # Errors
///
/// If a collector panics.
pub fn gather(registry: &Registry) -> Result<Vec<Family>, GatherError> {
    caught(|| registry.gather())
}

fn caught(gather: impl FnOnce() -> Vec<MetricFamily>) -> Result<Vec<Family>, GatherError> {
    // Nothing of ours is seen half-changed: a registry's lock is a reader's, and its families are dropped.
    match catch_unwind(AssertUnwindSafe(gather)) {
        Ok(families) => Ok(families.iter().map(family_from).collect()),
        Err(panic) => Err(GatherError::Panicked {
            message: message_of(&*panic),
        }),
    }
}

/// The families of a user's registry, for a page that holds those of `storage` already: where the very same storage is
/// registered there, it gives nothing. Another storage does; [`merge`](crate::collector::merge) drops and counts the
/// series that it repeats.
///
/// # Errors
///
/// As [`gather`].
///
/// # Examples
///
/// ```
/// use monitor_core::collector::gather_beside;
/// use monitor_core::{Monitor, StorageConfig};
///
/// let monitor = Monitor::new(StorageConfig::default());
/// let registry = prometheus::Registry::new();
/// registry.register(Box::new(*monitor.storage()))?;
/// assert!(gather_beside(&registry, monitor.storage())?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn gather_beside(
    registry: &Registry,
    storage: &MonitorStorage,
) -> Result<Vec<Family>, GatherError> {
    leaving_out(storage.core.id, || gather(registry))
}

/// The families of one collector that is in no registry, for a page that holds those of `storage` already, as
/// [`gather_beside`]. Its descriptors are not looked at: only the families it returns count.
///
/// # Errors
///
/// If it panics. It can be asked again afterwards.
///
/// # Examples
///
/// ```
/// use monitor_core::collector::collect_beside;
/// use monitor_core::{Monitor, StorageConfig};
///
/// let monitor = Monitor::new(StorageConfig::default());
/// let gauge = prometheus::Gauge::new("queue_length", "Jobs that wait.")?;
/// let families = collect_beside(&gauge, monitor.storage())?;
/// assert_eq!(families[0].name, "queue_length");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn collect_beside(
    collector: &dyn Collector,
    storage: &MonitorStorage,
) -> Result<Vec<Family>, GatherError> {
    leaving_out(storage.core.id, || caught(|| collector.collect()))
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a value that is no text").to_owned()
}

/// A storage as registries know it.
struct RegisteredStorage {
    /// Its one descriptor: a registry tells collectors apart by their descriptors, and families that come and go cannot
    /// be listed beforehand.
    desc: Option<Desc>,
    /// Keeps the names of its series from gather to gather.
    exporter: Exporter,
}

/// The entry of the storage of this number in the registries' table. Leaked once a storage, which lives as long as the
/// process itself.
fn registered(storage: u64) -> &'static RegisteredStorage {
    static KNOWN: LazyLock<Mutex<HashMap<u64, &'static RegisteredStorage>>> =
        LazyLock::new(Mutex::default);
    lock(&KNOWN).entry(storage).or_insert_with(|| {
        let labels = HashMap::from([("storage".to_owned(), storage.to_string())]);
        let help = "The metrics of a monitor's storage.".to_owned();
        leak(RegisteredStorage {
            desc: Desc::new("monitor_storage".to_owned(), help, Vec::new(), labels).ok(),
            exporter: Exporter::new(Profile::default()),
        })
    })
}

thread_local! {
    /// The storage that gives nothing to the gather which runs on this thread. A registry has no list of its
    /// collectors, but it calls them on the thread that gathers.
    static LEFT_OUT: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Runs `gather`, during which the storage of this number gives this thread nothing.
fn leaving_out<R>(storage: u64, gather: impl FnOnce() -> R) -> R {
    struct Restore(Option<u64>);
    impl Drop for Restore {
        fn drop(&mut self) {
            LEFT_OUT.set(self.0);
        }
    }
    let _restore = Restore(LEFT_OUT.replace(Some(storage)));
    gather()
}

/// Lets a registry of the `prometheus` crate gather the storage with the user's other metrics.
///
/// # Consistency
///
/// Each gather takes a snapshot of its own and gives the families of the default profile. A server that exports
/// both the storage and the registry writes each series once: see [`gather_beside`].
impl Collector for MonitorStorage {
    fn desc(&self) -> Vec<&Desc> {
        registered(self.core.id).desc.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        if LEFT_OUT.get() == Some(self.core.id) {
            return Vec::new();
        }
        let families = registered(self.core.id).exporter.families(&self.snapshot());
        families.iter().map(family_to).collect()
    }
}

/// A gathered family. Only the promises of our types are checked here: labels are sorted, bounds increase.
fn family_from(family: &MetricFamily) -> Family {
    let kind = match family.get_field_type() {
        MetricType::COUNTER => FamilyType::Counter,
        MetricType::GAUGE => FamilyType::Gauge,
        MetricType::HISTOGRAM => FamilyType::Histogram,
        MetricType::SUMMARY => FamilyType::Summary,
        MetricType::UNTYPED => FamilyType::Untyped,
    };
    let mut bounds = Arc::default();
    let children = family.get_metric().iter().map(|metric| {
        let pairs = metric.get_label().iter();
        let mut labels: Vec<Label> = pairs
            .map(|pair| Label::new(pair.name().to_owned(), pair.value()))
            .collect();
        sort_labels(&mut labels);
        let value = value_from(metric, kind, &mut bounds);
        let value = match metric.timestamp_ms() {
            // None, as to that crate's own encoder.
            0 => value,
            milliseconds => ChildValue::Timestamped {
                value: Box::new(value),
                milliseconds,
            },
        };
        Child::new(labels, value)
    });
    Family {
        children: children.collect(),
        ..Family::new(family.name().to_owned(), family.help().to_owned(), kind)
    }
}

/// The value that a metric has, if it can be told: a registry puts two families of one name together without a look at
/// their types, and so one that has none of its family's type may have another's. A value of neither type is the type's
/// zero.
fn value_from(metric: &Metric, kind: FamilyType, bounds: &mut Arc<[f64]>) -> ChildValue {
    use FamilyType::{Counter, Gauge, Histogram, Summary, Untyped};
    /// Whether it is not as a new one is.
    fn is_set<T: Default + PartialEq>(value: &T) -> bool {
        *value != T::default()
    }
    let set = [
        (Counter, is_set(metric.get_counter())),
        (Gauge, is_set(metric.get_gauge())),
        (Histogram, is_set(metric.get_histogram())),
        (Summary, is_set(metric.get_summary())),
    ];
    let set = set.into_iter().filter(|(_, is_set)| *is_set);
    // Its own type's goes first.
    let found = set.min_by_key(|(of, _)| *of != kind);
    match found.map_or(kind, |(of, _)| of) {
        Counter => ChildValue::Float(metric.get_counter().value()),
        Gauge => ChildValue::Float(metric.get_gauge().value()),
        Untyped => ChildValue::Float(untyped_from(metric)),
        Histogram => ChildValue::Histogram(histogram_from(metric.get_histogram(), bounds)),
        Summary => summary_from(metric.get_summary()),
    }
}

/// A histogram's own counts of its cumulative ones. Buckets a custom collector gave out of order are left out: their
/// observations are in the next one. `known` are the family's bounds so far: children share theirs.
fn histogram_from(histogram: &proto::Histogram, known: &mut Arc<[f64]>) -> Histogram {
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
    if **known != *bounds {
        *known = bounds.into();
    }
    Histogram::new(Arc::clone(known), counts, histogram.get_sample_sum())
}

fn summary_from(summary: &proto::Summary) -> ChildValue {
    let quantiles = summary.get_quantile().iter();
    // Without a sign, as a bound.
    let pairs = quantiles.map(|quantile| (quantile.quantile() + 0.0, quantile.value()));
    let mut quantiles: Vec<(f64, f64)> = pairs.collect();
    sort_by(&mut quantiles, |a, b| a.0.total_cmp(&b.0));
    quantiles.dedup_by(|a, b| a.0.total_cmp(&b.0).is_eq());
    ChildValue::Summary {
        quantiles,
        sum: summary.sample_sum(),
        count: summary.sample_count(),
    }
}

/// A family as a registry gathers it. One of no known kind becomes a gauge: that crate's own encoders have no other way
/// to write it.
fn family_to(family: &Family) -> MetricFamily {
    let mut result = MetricFamily::default();
    result.set_name(family.name.to_string());
    result.set_help(family.help.to_string());
    result.set_field_type(match family.kind {
        FamilyType::Counter => MetricType::COUNTER,
        FamilyType::Gauge | FamilyType::Untyped => MetricType::GAUGE,
        FamilyType::Histogram => MetricType::HISTOGRAM,
        FamilyType::Summary => MetricType::SUMMARY,
    });
    let metrics = family.children.iter().map(|child| {
        let mut metric = Metric::from_label(child.labels.iter().map(label_to).collect());
        set_value(&mut metric, &child.value, family.kind);
        metric
    });
    result.set_metric(metrics.collect());
    result
}

fn set_value(metric: &mut Metric, value: &ChildValue, kind: FamilyType) {
    match value {
        // That crate has no other numbers.
        ChildValue::Int(value) => set_number(metric, to_f64(*value), kind),
        ChildValue::Float(value) => set_number(metric, *value, kind),
        ChildValue::Histogram(value) => metric.set_histogram(histogram_to(value)),
        ChildValue::Summary {
            quantiles,
            sum,
            count,
        } => metric.set_summary(summary_to(quantiles, *sum, *count)),
        ChildValue::Timestamped {
            value,
            milliseconds,
        } => {
            set_value(metric, value, kind);
            metric.set_timestamp_ms(*milliseconds);
        }
    }
}

fn set_number(metric: &mut Metric, value: f64, kind: FamilyType) {
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

fn histogram_to(histogram: &Histogram) -> proto::Histogram {
    let mut below = 0;
    let pairs = histogram.bounds.iter().zip(&histogram.counts);
    let buckets = pairs.map(|(upper, count)| {
        below += count;
        let mut bucket = proto::Bucket::default();
        bucket.set_upper_bound(*upper);
        bucket.set_cumulative_count(below);
        bucket
    });
    let mut result = proto::Histogram::default();
    result.set_bucket(buckets.collect());
    result.set_sample_count(histogram.count());
    result.set_sample_sum(histogram.sum);
    result
}

fn summary_to(quantiles: &[(f64, f64)], sum: f64, count: u64) -> proto::Summary {
    let quantiles = quantiles.iter().map(|(quantile, value)| {
        let mut result = proto::Quantile::default();
        result.set_quantile(*quantile);
        result.set_value(*value);
        result
    });
    let mut result = proto::Summary::default();
    result.set_quantile(quantiles.collect());
    result.set_sample_sum(sum);
    result.set_sample_count(count);
    result
}

fn label_to(label: &Label) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(label.name.to_string());
    pair.set_value(label.value.to_string());
    pair
}

/// Items that have other names in the crate with its feature `protobuf` than without.
///
/// An inherent method goes before a trait's of the same name. So of each pair of methods below, the crate's own is
/// called where it has it, and else ours, which calls the other.
#[expect(
    dead_code,
    reason = "one of the two methods is hidden by the crate's own"
)]
trait Number {
    fn value(&self) -> f64;
    fn get_value(&self) -> f64;
}

impl Number for proto::Counter {
    fn value(&self) -> f64 {
        self.get_value()
    }
    fn get_value(&self) -> f64 {
        self.value()
    }
}

impl Number for proto::Gauge {
    fn value(&self) -> f64 {
        self.get_value()
    }
    fn get_value(&self) -> f64 {
        self.value()
    }
}

/// With `protobuf` there is no method at all for untyped values, so this reads the metric's `Debug`, which is derived
/// there: `untyped: .. Untyped { value: Some(1.5), ..`. Nothing but a user's own collector makes such metrics. Texts
/// come before it, in quotes: a label's value may say the same.
fn untyped_from(metric: &Metric) -> f64 {
    let text = format!("{metric:?}");
    let value = text
        .rsplit('"')
        .next()
        .and_then(|numbers| numbers.split_once("Untyped { value: "))
        .map(|(_, value)| value.trim_start_matches("Some("));
    let number = value.and_then(|value| value.split([')', ' ', ',']).next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0.0)
}

#[cfg(test)]
mod tests;
