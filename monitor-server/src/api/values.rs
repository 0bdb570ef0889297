//! `values`: numbers that the service records itself, by key and as registered metrics.
//!
//! No history is kept of them, so there are no curves; rates are those since the start of the process.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use monitor_core::StatNumber;
use monitor_core::family::{Child, ChildValue, FamilyType, Histogram};
use monitor_core::key::StatKey;
use monitor_core::snapshot::Snapshot;
use monitor_core::verdict::Level;
use serde_json::{Map, Value, json};

use super::envelope::Look;
use super::query::{Query, Refusal};
use super::{Api, json};

/// Most rows of an answer.
const MOST_ROWS: usize = 10_000;

const COLS: [&str; 9] = [
    "id", "family", "labels", "type", "unit", "value", "rate", "p50", "p99",
];

/// The label of the series of all label sets that a family has no room for.
const OVERFLOW: &str = "overflow";

/// Answers a request; always whole.
pub(super) fn answer(api: &Api, query: &str) -> Result<Value, Refusal> {
    let query = Query::parse(query, &["since", "curves", "rows"])?;
    // No value has a curve: ids are read, so that wrong ones are refused, and no more.
    query.curves()?;
    let wanted = query.rows()?;
    let snapshot = api.monitor.snapshot();
    api.look(&query, |look| answer_of(look, &snapshot, wanted.as_deref()))
}

pub(super) fn answer_of(look: &Look<'_>, snapshot: &Snapshot, wanted: Option<&[u32]>) -> Value {
    let uptime = (snapshot.taken_at - snapshot.created_at).max(1.0);
    let mut rows = Rows::default();
    rows.add_registered(snapshot, uptime);
    rows.add_keyed(snapshot, uptime);
    let left = rows.list.len().saturating_sub(MOST_ROWS);
    rows.list.truncate(MOST_ROWS);
    let list = rows.list.into_iter().zip(0u32..);
    let list = list.filter(|(_, id)| wanted.is_none_or(|wanted| wanted.contains(id)));
    let list = list.map(|(row, id)| {
        let mut cells = vec![Value::from(id)];
        cells.extend(row);
        Value::Array(cells)
    });
    let mut object = Map::new();
    let most = Some(snapshot.values.max_series).filter(|most| *most > 0);
    object.insert("families".into(), families(rows.families, most));
    object.insert("cols".into(), COLS.to_vec().into());
    object.insert("rows".into(), json::collected(list));
    object.insert("left".into(), left.into());
    object.insert("curves".into(), Value::Object(Map::new()));
    look.sealed(true, object)
}

/// Series of a family, and the updates of those it has no room for.
#[derive(Debug, Default)]
struct FamilySize {
    series: u64,
    overflow: Option<f64>,
    /// Hashes of the values of each label: the values themselves would take the room of the snapshot again.
    values: BTreeMap<String, HashSet<u64>>,
}

impl FamilySize {
    /// The label with the most values, where there is no room for more.
    fn overflowing_label(&self) -> Option<&str> {
        self.overflow?;
        let labels = self.values.iter();
        let most = labels.max_by_key(|(_, values)| values.len());
        most.map(|(name, _)| &**name)
    }
}

#[derive(Debug, Default)]
struct Rows {
    families: BTreeMap<String, FamilySize>,
    hasher: RandomState,
    /// Without their ids.
    list: Vec<[Value; 8]>,
}

impl Rows {
    fn add_registered(&mut self, snapshot: &Snapshot, uptime: f64) {
        for metric in &snapshot.values.metrics {
            for child in &metric.children {
                let labels = child.labels.iter();
                let labels: Vec<_> = labels.map(|label| (&*label.name, &*label.value)).collect();
                self.count(&metric.name, &labels, child);
                let cells = cells(metric.kind, &child.value, uptime);
                self.push(&metric.name, &labels, metric.kind, metric.unit, cells);
            }
        }
    }

    fn add_keyed(&mut self, snapshot: &Snapshot, uptime: f64) {
        for entry in &snapshot.values.entries {
            let number = entry.value.as_number().map_or(f64::NAN, StatNumber::as_f64);
            self.add_key(
                &entry.key,
                FamilyType::Untyped,
                &ChildValue::Float(number),
                uptime,
            );
        }
        for entry in &snapshot.values.histograms {
            let value = ChildValue::Histogram(entry.histogram.clone());
            self.add_key(&entry.key, FamilyType::Histogram, &value, uptime);
        }
    }

    fn add_key(&mut self, key: &StatKey, kind: FamilyType, value: &ChildValue, uptime: f64) {
        let labels: Vec<_> = key
            .labels
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        let child = Child::new([], value.clone());
        self.count(key.name(), &labels, &child);
        self.push(key.name(), &labels, kind, None, cells(kind, value, uptime));
    }

    fn count(&mut self, family: &str, labels: &[(&str, &str)], child: &Child) {
        let size = self.families.entry(family.to_owned()).or_default();
        if labels == [(OVERFLOW, "true")] {
            size.overflow = number_of(&child.value);
            return;
        }
        size.series += 1;
        for (name, value) in labels {
            let hash = self.hasher.hash_one(value);
            let values = size.values.entry((*name).to_owned()).or_default();
            values.insert(hash);
        }
    }

    fn push(
        &mut self,
        family: &str,
        labels: &[(&str, &str)],
        kind: FamilyType,
        unit: Option<&str>,
        [value, rate, p50, p99]: [Value; 4],
    ) {
        let labels = labels.iter();
        let labels =
            labels.map(|(name, value)| (json::shown(name).into_owned(), json::text(value)));
        self.list.push([
            json::text(family),
            json::collected(labels),
            kind_name(kind).into(),
            json::optional_text(unit),
            value,
            rate,
            p50,
            p99,
        ]);
    }
}

fn families(families: BTreeMap<String, FamilySize>, most: Option<u64>) -> Value {
    let families = families.into_iter().map(|(name, size)| {
        json!({
            "name": json::text(&name),
            "series": size.series,
            "max": most,
            "overflow": json::optional(size.overflow),
            "level": size.overflow.map_or(Level::Ok, |_| Level::Warn).name(),
            "label": json::optional_text(size.overflowing_label()),
        })
    });
    json::collected(families)
}

const fn kind_name(kind: FamilyType) -> &'static str {
    match kind {
        FamilyType::Counter => "counter",
        FamilyType::Gauge => "gauge",
        FamilyType::Histogram => "histogram",
        FamilyType::Summary => "summary",
        _ => "number",
    }
}

/// Value, rate, p50, p99. Of a histogram the value is the number of observations.
fn cells(kind: FamilyType, value: &ChildValue, uptime: f64) -> [Value; 4] {
    let number = number_of(value);
    let counts = matches!(kind, FamilyType::Counter | FamilyType::Histogram);
    let rate = number.filter(|_| counts).map(|count| count / uptime);
    let of = |share: f64| match value {
        ChildValue::Histogram(histogram) => json::optional(quantile(histogram, share)),
        _ => Value::Null,
    };
    [
        json::optional(number),
        json::optional(rate),
        of(0.5),
        of(0.99),
    ]
}

fn number_of(value: &ChildValue) -> Option<f64> {
    match value {
        ChildValue::Int(number) => Some(json::double(*number)),
        ChildValue::Float(number) => Some(*number),
        ChildValue::Histogram(histogram) => Some(json::double(histogram.count())),
        ChildValue::Summary { count, .. } => Some(json::double(*count)),
        ChildValue::Timestamped { value, .. } => number_of(value),
        _ => None,
    }
}

/// The upper end of the bucket in which this share of the observations is reached; `None` without any, and in the last
/// bucket, which has no end.
pub(super) fn quantile(histogram: &Histogram, share: f64) -> Option<f64> {
    let mut left = share * json::double(histogram.count());
    if left <= 0.0 {
        return None;
    }
    let buckets = histogram.counts.iter().zip(histogram.bounds.iter());
    for (count, bound) in buckets {
        left -= json::double(*count);
        if left <= 0.0 {
            return Some(*bound);
        }
    }
    None
}
