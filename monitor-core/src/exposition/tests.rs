//! Known cases from `tests/data/exposition`, and properties of any page.

pub(crate) mod strict;

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::Value;

use super::{Format, encode, encode_named, number};
use crate::family::{Child, ChildValue, Family, FamilyType, Histogram, Label, Labels};

pub(crate) const BOTH: [Format; 2] = [Format::Text004, Format::OpenMetrics100];

pub(crate) fn page(families: &[Family], format: Format) -> String {
    let mut out = Vec::new();
    encode(families, format, &mut out);
    String::from_utf8(out).expect("a page is UTF-8")
}

/// Encodes in both formats, checks each strictly, and answers the samples, which must be the same in both.
pub(crate) fn checked_samples(families: &[Family]) -> Vec<strict::Sample> {
    let [text, open] = BOTH.map(|format| {
        let page = page(families, format);
        let mut samples = strict::parse(&page, format)
            .unwrap_or_else(|fault| panic!("{fault}\n{page}"))
            .samples;
        samples.sort_by(|a, b| (&a.name, &a.labels).cmp(&(&b.name, &b.labels)));
        samples
    });
    let series = |samples: &[strict::Sample]| -> Vec<_> {
        samples
            .iter()
            .map(|sample| (sample.name.clone(), sample.labels.clone()))
            .collect()
    };
    assert_eq!(series(&text), series(&open));
    text
}

/// Whether two numbers are the same, to the last bit; any NaN is.
pub(crate) fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

fn families_of(case: &Value) -> Vec<Family> {
    let list = case["families"].as_array().expect("families");
    list.iter().map(family_of).collect()
}

fn family_of(value: &Value) -> Family {
    let kind = match value["type"].as_str() {
        Some("counter") => FamilyType::Counter,
        Some("gauge") => FamilyType::Gauge,
        Some("histogram") => FamilyType::Histogram,
        Some("summary") => FamilyType::Summary,
        _ => FamilyType::Untyped,
    };
    let children = value["children"].as_array().expect("children");
    Family {
        name: text(&value["name"]).into(),
        help: text(&value["help"]).into(),
        kind,
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
    Child {
        labels: labels.into(),
        value: value_of(&value["value"]),
    }
}

fn value_of(value: &Value) -> ChildValue {
    let numbers = |value: &Value| -> Vec<f64> {
        value.as_array().into_iter().flatten().map(number).collect()
    };
    if let Some(whole) = value.as_u64() {
        ChildValue::Int(whole)
    } else if value["bounds"].is_array() {
        let counts = value["counts"].as_array().expect("counts");
        ChildValue::Histogram(Histogram {
            bounds: numbers(&value["bounds"]).into(),
            counts: counts
                .iter()
                .map(|count| count.as_u64().expect("a count"))
                .collect(),
            sum: number(&value["sum"]),
        })
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

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn label(name: &str, value: &str) -> Label {
    Label {
        name: name.to_owned().into(),
        value: value.into(),
    }
}

fn run_case(name: &str, case: &str) {
    let case: Value = serde_json::from_str(case).expect("a case is JSON");
    let families = families_of(&case);
    let names = case["names"]
        .as_array()
        .map(|names| names.iter().map(text).collect::<Vec<_>>());
    for (format, key) in BOTH.into_iter().zip(["text", "openmetrics"]) {
        let mut out = Vec::new();
        match &names {
            Some(names) => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                encode_named(&families, &names, format, &mut out);
            }
            None => encode(&families, format, &mut out),
        }
        let want: String = case[key]
            .as_array()
            .expect(key)
            .iter()
            .map(|line| text(line) + "\n")
            .collect();
        let page = String::from_utf8(out).expect("a page is UTF-8");
        assert_eq!(page, want, "case {name}, {key}");
        // A filtered histogram is not a whole one, so the strict parser is for whole pages.
        if names.is_none() {
            strict::parse(&page, format)
                .unwrap_or_else(|fault| panic!("case {name}, {key}: {fault}"));
        }
    }
}

macro_rules! cases {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            let case = include_str!(concat!("../../tests/data/exposition/", stringify!($name), ".json"));
            run_case(stringify!($name), case);
        }
    )*};
}

cases! {
    counters escaping filter_by_full_name filter_by_empty_name filter_finds_nothing histograms numbers summaries units
}

#[test]
fn bounds_are_written_as_the_original_writes_them() {
    let pairs = [
        (0.0, "0.0"),
        (0.01, "0.01"),
        (0.0001, "0.0001"),
        (0.000_01, "1e-05"),
        (0.000_012_5, "1.25e-05"),
        (1.0, "1.0"),
        (3600.0, "3600.0"),
        (450_000.0, "450000.0"),
        (999_999.5, "999999.5"),
        (1e6, "1e+06"),
        (1.05e6, "1.05e+06"),
        (123_456_789.5, "1.234567895e+08"),
        (2e9, "2e+09"),
        (1e10, "1e+10"),
        (1e16, "1e+16"),
        (1e100, "1e+100"),
        (-1.5, "-1.5"),
        (-2e6, "-2000000.0"),
        (-1e16, "-1e+16"),
        (f64::INFINITY, "+Inf"),
    ];
    for (value, text) in pairs {
        assert_eq!(number::bound(value), text);
    }
}

#[test]
fn content_types_name_version_and_charset() {
    assert_eq!(
        Format::Text004.content_type(),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    assert_eq!(
        Format::OpenMetrics100.content_type(),
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
}

#[test]
fn a_value_that_does_not_fit_its_family_is_left_out() {
    let family = Family {
        name: "x".into(),
        help: "".into(),
        kind: FamilyType::Gauge,
        unit: None,
        children: vec![Child {
            labels: Labels::default(),
            value: ChildValue::Histogram(Histogram::empty(&Arc::from([1.0]))),
        }],
    };
    assert_eq!(page(&[family], Format::Text004), "");
}

fn any_label_value() -> impl Strategy<Value = String> {
    prop_oneof![".{0,12}", "[\\\\\"\n{},= #]{0,8}", any::<String>()]
}

fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        (-1_000_000_i32..1_000_000).prop_map(f64::from),
        Just(-0.0),
        Just(f64::NAN)
    ]
}

proptest! {
    #[test]
    fn a_number_reads_back_as_itself(value in any_number()) {
        let mut out = Vec::new();
        number::push_float(&mut out, value);
        let back: f64 = std::str::from_utf8(&out).unwrap().parse().unwrap();
        prop_assert!(same(back, value));
        let bound: f64 = number::bound(value).parse().unwrap();
        prop_assert!(same(bound, value));
    }

    #[test]
    fn labels_values_and_help_read_back(
        help in any_label_value(),
        values in prop::collection::btree_map(any_label_value(), any_number(), 1..5),
    ) {
        let children = values.iter().map(|(text, value)| Child {
            labels: [label("a", text), label("z", text)].into(),
            value: ChildValue::Float(*value),
        });
        let family = Family {
            name: "x_total".into(),
            help: help.clone().into(),
            kind: FamilyType::Gauge,
            unit: None,
            children: children.collect(),
        };
        for format in BOTH {
            let page = strict::parse(&page(std::slice::from_ref(&family), format), format).unwrap();
            prop_assert_eq!(&page.families[0].help, &help);
            prop_assert_eq!(page.samples.len(), values.len());
            for (sample, (text, value)) in page.samples.iter().zip(&values) {
                prop_assert_eq!(&sample.labels[0].1, text);
                prop_assert_eq!(&sample.labels[1].1, text);
                prop_assert!(same(sample.value, *value));
            }
        }
    }

    #[test]
    fn any_histogram_makes_a_valid_page(
        bounds in prop::collection::btree_set(-3_i32..40, 0..6),
        counts in prop::collection::vec(0_u64..1_000_000, 7),
        sum in any_number(),
        value in any_label_value(),
    ) {
        let bounds: Arc<[f64]> = bounds.into_iter().map(|bound| f64::from(bound) / 8.0).collect();
        let counts = counts[..=bounds.len()].to_vec();
        let histogram = Histogram { bounds, counts, sum };
        let count = histogram.count();
        let child = Child { labels: [label("a", &value), label("m", &value)].into(), value: ChildValue::Histogram(histogram) };
        let family = Family { name: "x".into(), help: "".into(), kind: FamilyType::Histogram, unit: None, children: vec![child] };
        let samples = checked_samples(&[family]);
        let infinite = samples.iter().find(|sample| sample.labels.iter().any(|(name, value)| name == "le" && value == "+Inf"));
        #[expect(clippy::cast_precision_loss, reason = "the counts are small")]
        let count = count as f64;
        prop_assert!(infinite.is_some_and(|sample| (sample.value - count).abs() < 0.5));
    }
}
