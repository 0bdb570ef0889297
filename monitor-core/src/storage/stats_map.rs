//! `stats()`: the flat map of the original.

use std::collections::BTreeMap;

use crate::base::clock::to_f64;
use crate::base::interner::Interner;
use crate::data::family::Label;
use crate::data::key::StatKey;
use crate::data::snapshot::{MethodSnapshot, Snapshot, StatsMap, StatusSnapshot, ValueEntry};
use crate::data::status::StatusParser;
use crate::data::value::StatValue;
use crate::recording::method::MethodCore;
use crate::recording::shard::Shard;
use crate::recording::store::StorageCore;
use crate::storage::points::{Point, Points};

pub(crate) fn stats(core: &'static StorageCore) -> StatsMap {
    let snapshot = core.snapshot();
    let entries = core.values.snapshot().entries;
    let named = |entry: ValueEntry| (entry.key.raw.to_string(), entry.value);
    let mut map: StatsMap = entries.into_iter().map(named).collect();
    for method in &snapshot.methods {
        add_counts(&mut map, method, &snapshot);
    }
    for status in &snapshot.statuses {
        map.insert(format!("series.{}", status.task), series(status));
    }
    add_points(&mut map, core);
    if snapshot.tasks.started > 0 {
        add_calls(&mut map, core);
    }
    map
}

/// The calls in flight, beside the tasks of `add_key_value`: `METHOD#n` with when it started, seconds since 1970.
fn add_calls(map: &mut StatsMap, core: &'static StorageCore) {
    let section = map.entry("tasks".to_owned());
    let section = section.or_insert_with(|| StatValue::Map(BTreeMap::new()));
    let StatValue::Map(tasks) = section else {
        return;
    };
    for method in core.methods() {
        let starts = method.shards().flat_map(Shard::starts);
        for (at, start) in starts.enumerate() {
            let id = format!("{}#{at}", labelled(&method.name, &method.labels));
            let start = StatValue::Float(core.clock.unix_at(start));
            tasks.entry(id).or_insert(start);
        }
    }
}

fn add_counts(map: &mut StatsMap, method: &MethodSnapshot, snapshot: &Snapshot) {
    let name = labelled(&method.name, &method.labels);
    let mut put = |key: String, count: u64| map.insert(key, number(count));
    put(format!("request___method__{name}"), method.started);
    for (failed, histogram) in [(false, &method.success), (true, &method.failure)] {
        let status = StatusParser::parse(failed);
        put(
            format!("processed___method__{name}___status__{status}"),
            histogram.count(),
        );
    }
    for (error_type, count) in snapshot.error_types.iter().zip(&method.errors) {
        put(
            format!("errors___method__{name}___type__{error_type}"),
            *count,
        );
    }
}

/// A method as the value of the label `method` in a key, with its further labels behind it.
fn labelled(name: &str, labels: &[Label]) -> String {
    let labels: Vec<(&str, &str)> = labels
        .iter()
        .map(|label| (&*label.name, &*label.value))
        .collect();
    StatKey::write(name, &labels)
}

fn number(count: u64) -> StatValue {
    i64::try_from(count).map_or_else(|_| StatValue::Float(to_f64(count)), StatValue::Int)
}

fn series(status: &StatusSnapshot) -> StatValue {
    StatValue::List(vec![
        StatValue::Text(status.status.name().to_owned()),
        number(status.run),
    ])
}

/// The points of all methods' windows by end time, then those the user appended.
fn add_points(map: &mut StatsMap, core: &'static StorageCore) {
    let mut points: Vec<(u64, StatValue)> = core
        .methods()
        .flat_map(|method| method_points(core, method))
        .collect();
    if points.is_empty() {
        return;
    }
    points.sort_by_key(|(end, _)| *end);
    let mut list: Vec<StatValue> = points.into_iter().map(|(_, point)| point).collect();
    if let Some(StatValue::List(own)) = map.remove("stats") {
        list.extend(own);
    }
    map.insert("stats".to_owned(), StatValue::List(list));
}

fn method_points(core: &'static StorageCore, method: &'static MethodCore) -> Vec<(u64, StatValue)> {
    let names: Vec<_> = method
        .known_values()
        .into_iter()
        .flat_map(Interner::iter)
        .collect();
    let points = Points::of(method);
    let list = points.list(&core.clock, &names);
    let name = labelled(&method.name, &method.labels);
    list.map(|point| (point.end, to_map(&point, &name)))
        .collect()
}

fn to_map(point: &Point, method: &str) -> StatValue {
    let full = format!("time full___method__{method}");
    let values = point.values.iter().map(|(key, value)| {
        let key = format!("{}___method__{method}", key.raw);
        (key, StatValue::Float(*value))
    });
    let entries = values.chain([(full, StatValue::Float(point.duration))]);
    StatValue::Map(entries.collect())
}
