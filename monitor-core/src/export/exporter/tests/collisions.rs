//! Keys that collide, and properties of any keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::{TIME, entry, fresh, key, means, method, observed};
use crate::data::buckets::HistogramKind;
use crate::data::family::FamilyType;
use crate::data::key::StatKey;
use crate::data::name::SampleNames;
use crate::data::snapshot::{CallValueSnapshot, ServiceInfo, Snapshot, ValueEntry, ValueHistogram};
use crate::data::value::StatValue;
use crate::export::encode::Format;
use crate::export::encode::tests::{checked_samples, page, strict};
use crate::export::names::{Exporter, Profile, families};

#[test]
fn the_first_key_owns_a_family_and_the_others_go_by_hash() {
    let mut snapshot = fresh();
    snapshot.inittime = None;
    let one = |raw: &str, value: i64| entry(raw, StatValue::Int(value));
    snapshot.values.entries = vec![
        one("a/b", 1),
        one("a+b", 2),
        one("request___method__Get", 3),
        one("hist_time_full_count", 4),
        one("tasks_time_spend", 5),
        one("x___a__1___b__2", 6),
        one("x___b__2___a__1", 7),
        one("x___c__3", 8),
        one("aggregation_last_y", 9),
        one("z", 12),
        one("z___a__", 13),
        one("only___a__", 14),
    ];
    snapshot.values.means = vec![(key("y"), means(10.0, 11.0))];
    snapshot.values.histograms = vec![ValueHistogram {
        kind: HistogramKind::Time,
        key: key("a_time"),
        histogram: observed(&TIME, &[1.0]),
    }];
    let families = families(&snapshot, Profile::Servicekit);
    checked_samples(&families);
    let page = page(&families, Format::Text004);
    for line in [
        "stats_a_b 1",
        "stats_key_1298c425 2",
        "stats_key_02f265c2{method=\"Get\"} 3",
        "stats_x{a=\"1\",b=\"2\"} 6",
        "stats_x{c=\"3\"} 8",
        "stats_aggregation_last_y 9",
        "stats_z 12",
        // A label without a value is none to Prometheus: in the family of `z` the value would be lost.
        "stats_key_1becaa55{a=\"\"} 13",
        "stats_only{a=\"\"} 14",
        "stats_aggregation_y 10",
        "stats_key_fc0c4ef4 11",
        "stats_hist_a_time_count 1",
        "# HELP stats_key_1298c425 This is metric `a+b` from MonitorServer.",
    ] {
        let found = page.lines().any(|other| other == line);
        assert!(found, "no {line} in {page}");
    }
    for value in ["4", "5", "7"] {
        let hashed =
            |line: &str| line.starts_with("stats_key_") && line.ends_with(&format!(" {value}"));
        assert!(page.lines().any(hashed), "no {value} in {page}");
    }
}

#[test]
fn a_key_keeps_its_family_whatever_comes_before_it_later() {
    let mut snapshot = fresh();
    let one = |raw: &str, value: i64| entry(raw, StatValue::Int(value));
    let exporter = Exporter::new(Profile::Servicekit);
    let text = |snapshot: &Snapshot| page(&exporter.families(snapshot), Format::Text004);
    snapshot.inittime = None;
    snapshot.values.entries = vec![one("b+", 1)];
    assert!(text(&snapshot).contains("\nstats_b_ 1\n"));
    snapshot.values.entries = vec![one("b*", 2), one("b+", 3)];
    assert!(text(&snapshot).contains("\nstats_b_ 3\n"));
    // The owner is gone (its value is no number now), but may come back.
    snapshot.values.entries = vec![one("b*", 4), entry("b+", StatValue::Null)];
    assert!(!text(&snapshot).contains("\nstats_b_ "));
    assert!(text(&snapshot).contains(" 4\n"));
}

#[test]
fn label_names_with_a_meaning_of_their_own_get_a_prefix_and_repeated_ones_are_dropped() {
    let mut snapshot = fresh();
    let labels = [
        ("le", "1"),
        ("quantile", "2"),
        ("inittime", "3"),
        ("", "4"),
        ("__name__", "5"),
        ("9 a", "6"),
        ("le", "7"),
    ];
    let labels = labels.map(|(name, value)| (name.into(), value.into()));
    let odd = StatKey::from_parts("odd", "odd", labels);
    snapshot.values.entries = vec![ValueEntry {
        key: Arc::new(odd),
        value: StatValue::Int(1),
    }];
    let exporter = Exporter::new(Profile::Servicekit);
    let families = exporter.families(&snapshot);
    let line = "stats_odd{inittime=\"<INITTIME>\",label_=\"4\",label___a=\"6\",label___name__=\"5\",label_inittime=\"3\",\
                label_le=\"1\",label_quantile=\"2\"} 1";
    let page = page(&families, Format::Text004);
    assert!(page.lines().any(|other| other == line), "{page}");
    assert_eq!(exporter.dropped_labels(), 1);
    checked_samples(&families);
}

/// Names that like to collide, and any others.
fn any_name() -> impl Strategy<Value = String> {
    const TRICKY: &[&str] = &[
        "x",
        "X",
        "x ",
        "x_",
        "x.",
        "last_x",
        "aggregation_x",
        "hist_x",
        "hist_x_count",
        "hist_x_bucket",
        "x_sum",
        "request",
        "processed",
        "hist_time_full_sum",
        "tasks_time_spend",
        "time full",
        "",
        "key_00000000",
        "x_total",
        "é",
        "x:y",
    ];
    prop_oneof![
        prop::sample::select(TRICKY).prop_map(str::to_owned),
        ".{0,6}"
    ]
}

fn any_labels() -> impl Strategy<Value = Vec<(Box<str>, Box<str>)>> {
    const TRICKY: &[&str] = &[
        "a", "b", "le", "quantile", "inittime", "__name__", "", "a b", "a-b", "method", "9",
        "label_le",
    ];
    let name = prop_oneof![
        prop::sample::select(TRICKY).prop_map(str::to_owned),
        ".{0,4}"
    ];
    prop::collection::vec((name, "[ab\"\\\\\n]{0,2}"), 0..4).prop_map(|labels| {
        let labels = labels.into_iter();
        labels
            .map(|(name, value)| (name.into(), value.into()))
            .collect()
    })
}

/// Keys, each raw text once, as a map holds them.
fn any_keys() -> impl Strategy<Value = Vec<Arc<StatKey>>> {
    prop::collection::vec((any_name(), any_labels()), 0..24).prop_map(|keys| {
        let mut by_raw = BTreeMap::new();
        for (name, labels) in keys {
            let mut raw = name.clone();
            for (name, value) in &labels {
                raw = format!("{raw}___{name}__{value}");
            }
            let key = StatKey::from_parts(&raw, &name, labels);
            by_raw.entry(raw).or_insert_with(|| Arc::new(key));
        }
        by_raw.into_values().collect()
    })
}

/// A snapshot where each thing recorded has a value of its own, from 1000 on, so that it can be found on the page.
fn numbered(
    values: &[Arc<StatKey>],
    points: &[Arc<StatKey>],
    calls: &[Arc<StatKey>],
) -> (Snapshot, u32) {
    let mut next = 1000_u32;
    let mut fresh_number = || {
        next += 1;
        f64::from(next)
    };
    let mut snapshot = fresh();
    for key in values.iter().cloned() {
        let value = StatValue::Float(fresh_number());
        snapshot.values.entries.push(ValueEntry { key, value });
    }
    for key in points.iter().cloned() {
        let histogram = observed(&[1.0], &[fresh_number()]);
        let means = means(fresh_number(), fresh_number());
        snapshot.values.means.push((Arc::clone(&key), means));
        snapshot.values.histograms.push(ValueHistogram {
            kind: HistogramKind::Time,
            key,
            histogram,
        });
    }
    for name in ["Get", "Put"] {
        let mut method = method(name);
        for key in calls {
            let histogram = Some(observed(&[1.0], &[fresh_number()]));
            let means = means(fresh_number(), fresh_number());
            method.values.push(CallValueSnapshot {
                key: Arc::clone(key),
                histogram,
                means,
            });
        }
        snapshot.methods.push(method);
    }
    (snapshot, next)
}

fn series_by_value(samples: &[strict::Sample]) -> BTreeMap<u64, (String, Vec<(String, String)>)> {
    let found = samples.iter();
    let found = found.filter(|sample| (1000.5..1e6).contains(&sample.value));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small whole numbers"
    )]
    let numbered =
        |one: &strict::Sample| (one.value as u64, (one.name.clone(), one.labels.clone()));
    found.map(numbered).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whatever_the_keys_the_page_is_valid_and_holds_every_value(
        values in any_keys(), points in any_keys(), calls in any_keys(), infos in prop::collection::vec(any_name(), 0..3),
    ) {
        let (mut snapshot, last) = numbered(&values, &points, &calls);
        let info = |name: &String| ServiceInfo { name: name.as_str().into(), info: "".into(), value: 1.0 };
        snapshot.service_info = infos.iter().map(info).collect();
        snapshot.service_info.dedup();
        for profile in Profile::ALL {
            let families = families(&snapshot, profile);
            let found = series_by_value(&checked_samples(&families));
            let wanted: Vec<u64> = (1001..=u64::from(last)).collect();
            prop_assert_eq!(found.into_keys().collect::<Vec<_>>(), wanted);
        }
    }

    #[test]
    fn a_series_keeps_its_name_in_any_later_snapshot(early in any_keys(), late in any_keys()) {
        let exporter = Exporter::new(Profile::Servicekit);
        let (first, _) = numbered(&early, &early, &early);
        let before = series_by_value(&checked_samples(&exporter.families(&first)));
        // Others come in between, and before the early ones.
        let (between, _) = numbered(&late, &late, &late);
        checked_samples(&exporter.families(&between));
        let mut all = first.clone();
        all.values.entries.reverse();
        all.values.means.reverse();
        all.values.histograms.reverse();
        all.methods.reverse();
        let after = series_by_value(&checked_samples(&exporter.families(&all)));
        prop_assert_eq!(before, after);
    }

    #[test]
    fn claims_are_whole_or_nothing(names in prop::collection::vec("(x|y)(_total|_count|_sum|_created|)", 1..12)) {
        let mut claims = SampleNames::default();
        let kinds = [FamilyType::Counter, FamilyType::Gauge, FamilyType::Histogram, FamilyType::Summary];
        for (at, name) in names.iter().enumerate() {
            let before = claims.owner(name);
            let got = claims.claim(name, kinds[at % 4], at);
            prop_assert!(before.is_none() || !got);
            prop_assert_eq!(claims.owner(name), if got { Some(at) } else { before });
        }
    }
}
