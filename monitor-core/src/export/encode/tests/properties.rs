//! Properties of the page of any families.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::expected::{check_page, check_same, samples};
use super::hostile::{any_count, any_number, any_text};
use super::strict::{self, Sample};
use super::{BOTH, keep, label, page, same};
use crate::data::family::{Child, ChildValue, Family, FamilyType, Histogram, Label};
use crate::export::bucket_lines;
use crate::export::encode::{Format, encode_named};
use crate::export::merge::merge;

const KINDS: &[FamilyType] = &[
    FamilyType::Counter,
    FamilyType::Gauge,
    FamilyType::Histogram,
    FamilyType::Summary,
    FamilyType::Untyped,
];

fn any_labels() -> impl Strategy<Value = Vec<Label>> {
    let name = "(a|b|kind|label|le|m|quantile|z_9)";
    prop::collection::btree_map(name, any_text(), 0..4).prop_map(|labels| {
        labels
            .iter()
            .map(|(name, value)| label(name, value))
            .collect()
    })
}

fn any_histogram() -> impl Strategy<Value = ChildValue> {
    let bounds = prop::collection::btree_map(-3_i32..40, 0.01..1e7_f64, 0..6);
    let counts = prop::collection::vec(0_u64..1 << 60, 7);
    (bounds, counts, any_number()).prop_map(|(bounds, counts, sum)| {
        let bounds = bounds.into_iter().map(|(at, factor)| {
            // Rising, now and then below 0, and of many digits.
            if at < 0 {
                f64::from(at)
            } else {
                f64::from(at) * 1e7 + factor
            }
        });
        let bounds: Arc<[f64]> = bounds.collect();
        let counts = counts[..=bounds.len()].to_vec();
        ChildValue::Histogram(Histogram::new(bounds, counts, sum))
    })
}

fn any_summary() -> impl Strategy<Value = ChildValue> {
    let quantiles = prop::collection::btree_map(-1_i32..12, any_number(), 0..4);
    (quantiles, any_number(), any_count()).prop_map(|(quantiles, sum, count)| {
        let quantiles = quantiles.into_iter();
        let quantiles = quantiles.map(|(tenth, value)| (f64::from(tenth) / 10.0, value));
        ChildValue::Summary {
            quantiles: quantiles.collect(),
            sum,
            count,
        }
    })
}

fn any_plain() -> impl Strategy<Value = ChildValue> {
    prop_oneof![
        any_count().prop_map(ChildValue::Int),
        any_number().prop_map(ChildValue::Float)
    ]
}

fn any_value(kind: FamilyType) -> BoxedStrategy<ChildValue> {
    match kind {
        FamilyType::Histogram => any_histogram().boxed(),
        FamilyType::Summary => any_summary().boxed(),
        _ => any_plain().boxed(),
    }
}

pub(crate) fn any_family() -> impl Strategy<Value = Family> {
    prop::sample::select(KINDS).prop_flat_map(|kind| {
        let name = "(x|y|z:|_|[a-z]{1,3})(_seconds|_bytes|)(_total|_count|_sum|_created|)";
        let unit = prop::option::of(prop::sample::select(["seconds", "bytes"].as_slice()));
        let child = (any_labels(), any_value(kind));
        let child = child.prop_map(|(labels, value)| Child::new(labels, value));
        (name, any_text(), unit, prop::collection::vec(child, 0..4)).prop_map(
            move |(name, help, unit, children)| Family {
                name: name.into(),
                help: help.into(),
                kind,
                unit,
                children,
            },
        )
    })
}

/// What a family is called in `OpenMetrics`, which asks for all of it there.
fn whole_name(family: &Family) -> &str {
    match (family.kind, family.name.strip_suffix("_total")) {
        (FamilyType::Counter, Some(base)) if !base.is_empty() => base,
        _ => &family.name,
    }
}

/// Whatever is named, the samples on the page are those of the whole page that have these names, and in `OpenMetrics`
/// those of a family that has.
fn check_filter(families: &[Family], names: &[&str], format: Format) -> TestCaseResult {
    let mut out = Vec::new();
    encode_named(families, names, format, &mut out);
    let page = String::from_utf8(out).expect("a page is UTF-8");
    let found = strict::samples(&page).map_err(TestCaseError::fail)?;
    let wanted_of = |family: &Family| {
        let is_whole = format == Format::OpenMetrics100 && names.contains(&whole_name(family));
        let mut wanted = samples(std::slice::from_ref(family));
        wanted.retain(|sample| is_whole || names.contains(&&*sample.name));
        wanted
    };
    let wanted: Vec<Sample> = families.iter().flat_map(wanted_of).collect();
    check_same(&found, &wanted)?;
    let heads = page.lines().filter(|line| line.starts_with("# TYPE "));
    let shown = families.iter().filter(|one| !wanted_of(one).is_empty());
    prop_assert_eq!(heads.count(), shown.count());
    prop_assert_eq!(page.ends_with("# EOF\n"), format == Format::OpenMetrics100);
    Ok(())
}

proptest! {
    #[test]
    fn a_number_reads_back_as_itself(value in any_number()) {
        let mut out = Vec::new();
        bucket_lines::push_float(&mut out, value);
        let back: f64 = std::str::from_utf8(&out).unwrap().parse().unwrap();
        prop_assert!(same(back, value));
        let bound: f64 = bucket_lines::bound(value).parse().unwrap();
        prop_assert!(same(bound, value));
    }

    #[test]
    fn a_count_is_written_to_the_last_digit(value in any_count()) {
        let mut out = [0; 20];
        let length = bucket_lines::put_int(&mut out, value);
        prop_assert_eq!(str::from_utf8(&out[..length]).unwrap(), value.to_string());
    }

    #[test]
    fn any_families_read_back_in_both_formats_whole_and_filtered(
        families in prop::collection::vec(any_family(), 0..8),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        family_picks in prop::collection::vec(any::<prop::sample::Index>(), 0..2),
        other in any_text(),
    ) {
        let families = merge(vec![families]).families;
        let all: BTreeMap<String, Sample> = samples(&families).into_iter().map(|sample| (sample.name.clone(), sample)).collect();
        let all: Vec<&String> = all.keys().collect();
        let mut names: Vec<&str> = Vec::new();
        if !all.is_empty() {
            names.extend(picks.iter().map(|pick| &***pick.get(&all)));
        }
        let by_family: Vec<&str> = families.iter().map(whole_name).collect();
        if !by_family.is_empty() {
            names.extend(family_picks.iter().map(|pick| *pick.get(&by_family)));
        }
        names.push(&other);
        let pages = BOTH.map(|format| page(&families, format));
        keep(&families, pages.each_ref().map(String::as_str));
        for (format, page) in BOTH.into_iter().zip(&pages) {
            check_page(page, &families, format)?;
            if names.iter().any(|name| !name.is_empty()) {
                check_filter(&families, &names, format)?;
            }
        }
    }
}
