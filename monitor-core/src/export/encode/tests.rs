//! Known cases from `tests/data/exposition`, and properties of any page.

pub(crate) mod case;
pub(crate) mod expected;
pub(crate) mod hostile;
pub(crate) mod properties;
pub(crate) mod strict;

use std::sync::Arc;

use serde_json::Value;

use self::case::{families_of, formats, keep, text};
use super::{Format, bound, encode, encode_named};
use crate::data::family::{Child, ChildValue, Family, FamilyType, Histogram, Label};

pub(crate) const BOTH: [Format; 2] = [Format::Text004, Format::OpenMetrics100];

pub(crate) fn page(families: &[Family], format: Format) -> String {
    let mut out = Vec::new();
    encode(families, format, &mut out);
    String::from_utf8(out).expect("a page is UTF-8")
}

/// Encodes in both formats, checks each strictly, and returns the samples, which must be the same in both.
pub(crate) fn checked_samples(families: &[Family]) -> Vec<strict::Sample> {
    let pages = BOTH.map(|format| page(families, format));
    keep(families, pages.each_ref().map(String::as_str));
    let [text, open] = [0, 1].map(|at| {
        let (page, format) = (&pages[at], BOTH[at]);
        let mut samples = strict::parse(page, format)
            .unwrap_or_else(|fault| panic!("{fault}\n{page}"))
            .samples;
        samples.sort_by(|a, b| (&a.name, &a.labels).cmp(&(&b.name, &b.labels)));
        samples
    });
    let series = |samples: &[strict::Sample]| -> Vec<_> {
        let samples = samples.iter().cloned();
        samples.map(|one| (one.name, one.labels)).collect()
    };
    assert_eq!(series(&text), series(&open));
    text
}

/// Whether two numbers are the same, to the last bit; any NaN is.
pub(crate) fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
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
    let names = case["names"].as_array();
    let names = names.map(|names| {
        names
            .iter()
            .map(|name| name.as_str().expect("a name"))
            .collect::<Vec<_>>()
    });
    for (format, key) in formats() {
        let mut out = Vec::new();
        match &names {
            Some(names) => encode_named(&families, names, format, &mut out),
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
            let case = include_str!(concat!("../../../tests/data/exposition/", stringify!($name), ".json"));
            run_case(stringify!($name), case);
        }
    )*};
}

cases! {
    counters escaping filter_by_full_name filter_by_family_name filter_by_empty_name filter_finds_nothing histograms numbers summaries timestamps units
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
        assert_eq!(bound(value), text);
    }
}

#[test]
fn content_types_name_version_and_charset() {
    let types = BOTH.map(Format::content_type);
    let text = "text/plain; version=0.0.4; charset=utf-8";
    let open = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(types, [text, open]);
}

#[test]
fn a_value_that_does_not_fit_its_family_is_left_out() {
    let family = Family {
        name: "x".into(),
        help: "".into(),
        kind: FamilyType::Gauge,
        unit: None,
        children: vec![Child::new(
            [],
            ChildValue::Histogram(Histogram::empty(&Arc::from([1.0]))),
        )],
    };
    assert_eq!(page(&[family], Format::Text004), "");
}
