//! Pages as cases: families, and what they are written as. Checked-in ones are read; with `MONITOR_PAGES` set, every
//! page of the tests is kept there as one, for the parsers of others (`tests/readers/check.py`).

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{BOTH, label};
use crate::data::family::{Child, ChildValue, Family, FamilyType, Histogram, Label};
use crate::data::labels::KeptExemplar;
use crate::export::encode::Format;

const TYPES: [(&str, FamilyType); 5] = [
    ("counter", FamilyType::Counter),
    ("gauge", FamilyType::Gauge),
    ("histogram", FamilyType::Histogram),
    ("summary", FamilyType::Summary),
    ("untyped", FamilyType::Untyped),
];

/// The names of the formats in a case.
pub(super) fn formats() -> impl Iterator<Item = (Format, &'static str)> {
    BOTH.into_iter().zip(["text", "openmetrics"])
}

/// Keeps a page where the environment asks for it; each once.
pub(crate) fn keep(families: &[Family], pages: [&str; 2]) {
    let Some(folder) = std::env::var_os("MONITOR_PAGES") else {
        return;
    };
    let mut case = json!({ "families": families.iter().map(written).collect::<Value>() });
    for ((_, key), page) in formats().zip(pages) {
        case[key] = page.split_terminator('\n').collect();
    }
    let case = case.to_string();
    let mut hasher = DefaultHasher::new();
    case.hash(&mut hasher);
    let file = Path::new(&folder).join(format!("{:016x}.json", hasher.finish()));
    std::fs::write(file, case).expect("a page can be kept");
}

fn written(family: &Family) -> Value {
    let kind = TYPES.iter().find(|(_, kind)| *kind == family.kind);
    json!({
        "name": family.name,
        "type": kind.expect("a known type").0,
        "help": family.help,
        "unit": family.unit,
        "children": family.children.iter().map(written_child).collect::<Value>(),
    })
}

fn written_child(child: &Child) -> Value {
    let labels = child
        .labels
        .iter()
        .map(|label| (label.name.to_string(), json!(&*label.value)));
    let mut written = json!({ "labels": labels.collect::<Map<_, _>>() });
    let value = match &child.value {
        ChildValue::Timestamped {
            value,
            milliseconds,
        } => {
            written["timestamp"] = json!(milliseconds);
            value
        }
        value => value,
    };
    written["value"] = written_value(value);
    written
}

fn written_value(value: &ChildValue) -> Value {
    match value {
        ChildValue::Timestamped { value, .. } => written_value(value),
        ChildValue::Int(value) => json!(value),
        ChildValue::Float(value) => written_number(*value),
        ChildValue::Histogram(histogram) => written_histogram(histogram),
        ChildValue::Summary {
            quantiles,
            sum,
            count,
        } => json!({
            "quantiles": quantiles.iter().map(|(at, value)| [*at, *value].map(written_number)).collect::<Value>(),
            "sum": written_number(*sum),
            "count": count,
        }),
    }
}

fn written_histogram(histogram: &Histogram) -> Value {
    let mut value = json!({
        "bounds": histogram.bounds.iter().copied().map(written_number).collect::<Value>(),
        "counts": histogram.counts,
        "sum": written_number(histogram.sum),
    });
    if !histogram.exemplars.is_empty() {
        let mut buckets = vec![Value::Null; histogram.counts.len()];
        for kept in &histogram.exemplars {
            buckets[kept.bucket] = written_exemplar(kept);
        }
        value["exemplars"] = buckets.into();
    }
    value
}

fn written_exemplar(kept: &KeptExemplar) -> Value {
    let labels = kept.exemplar.labels();
    let labels = labels.map(|(name, value)| (name.to_owned(), json!(value)));
    json!({
        "labels": labels.collect::<Map<_, _>>(),
        "value": written_number(kept.seconds),
        "timestamp": kept.at,
    })
}

/// JSON has no infinities and no NaN.
fn written_number(value: f64) -> Value {
    if value.is_finite() {
        json!(value)
    } else {
        json!(value.to_string())
    }
}

pub(super) fn families_of(case: &Value) -> Vec<Family> {
    let list = case["families"].as_array().expect("families");
    list.iter().map(family_of).collect()
}

fn family_of(value: &Value) -> Family {
    let kind = TYPES.iter().find(|(name, _)| value["type"] == **name);
    let children = value["children"].as_array().expect("children");
    Family {
        name: text(&value["name"]).into(),
        help: text(&value["help"]).into(),
        kind: kind.expect("a known type").1,
        unit: ["seconds", "bytes"]
            .into_iter()
            .find(|unit| value["unit"] == **unit),
        children: children.iter().map(child_of).collect(),
    }
}

fn child_of(value: &Value) -> Child {
    let labels = value["labels"].as_object().into_iter().flatten();
    let mut labels: Vec<Label> = labels
        .map(|(name, value)| label(name, &text(value)))
        .collect();
    labels.sort();
    let inner = value_of(&value["value"]);
    let value = match value["timestamp"].as_i64() {
        None => inner,
        Some(milliseconds) => ChildValue::Timestamped {
            value: Box::new(inner),
            milliseconds,
        },
    };
    Child::new(labels, value)
}

fn value_of(value: &Value) -> ChildValue {
    let numbers = |value: &Value| -> Vec<f64> {
        value.as_array().into_iter().flatten().map(number).collect()
    };
    if let Some(whole) = value.as_u64() {
        ChildValue::Int(whole)
    } else if value["bounds"].is_array() {
        let counts = value["counts"].as_array().expect("counts");
        let counts = counts.iter().map(|count| count.as_u64().expect("a count"));
        ChildValue::Histogram(Histogram::new(
            numbers(&value["bounds"]).into(),
            counts.collect(),
            number(&value["sum"]),
        ))
    } else if let Some(quantiles) = value["quantiles"].as_array() {
        ChildValue::Summary {
            quantiles: quantiles
                .iter()
                .map(|pair| (number(&pair[0]), number(&pair[1])))
                .collect(),
            sum: number(&value["sum"]),
            count: value["count"].as_u64().expect("a count"),
        }
    } else {
        ChildValue::Float(number(value))
    }
}

fn number(value: &Value) -> f64 {
    let special = value.as_str().and_then(|text| text.parse().ok());
    value.as_f64().or(special).expect("a number")
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
