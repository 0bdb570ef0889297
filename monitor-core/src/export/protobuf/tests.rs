//! Pages of messages, read back by a reader of their own, against the families and the page of the text format.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use self::reader::{Metric, Native, Side, Value};
use super::*;
use crate::data::family::Label;
use crate::data::family::{Child, Histogram, NATIVE_ZERO_THRESHOLD};
use crate::data::labels::Exemplar;
use crate::export::bucket_lines::bound;
use crate::export::encode::tests::expected::samples;
use crate::export::encode::tests::properties::any_family;
use crate::export::encode::tests::same;
use crate::export::encode::tests::strict::Sample;
use crate::export::encode::{Encoder, Format, encode_named};
use crate::export::merge::merge;

pub(crate) mod reader;

/// The families of a page of these families.
fn read_back(families: &[Family], names: &[&str]) -> Vec<reader::Family> {
    let mut page = Vec::new();
    encode_named(families, names, Format::Protobuf, &mut page);
    reader::read(&page).unwrap_or_else(|fault| panic!("{fault}: {page:?}"))
}

fn family(name: &'static str, kind: FamilyType, value: ChildValue) -> Family {
    let mut family = Family::new(name, "Help.", kind);
    let labels = [Label::new("a", "\"1\"\n")];
    family.children.push(Child::new(labels, value));
    family
}

/// The one child of the one family of a page.
fn only_metric(families: &[Family]) -> Metric {
    let families = read_back(families, &[]);
    assert_eq!(families.len(), 1);
    let [metric] = &families[0].metrics[..] else {
        panic!("one child: {families:?}");
    };
    metric.clone()
}

fn only_histogram(histogram: Histogram) -> reader::Histogram {
    let value = ChildValue::Histogram(histogram);
    match only_metric(&[family("h", FamilyType::Histogram, value)]).value {
        Value::Histogram(histogram) => histogram,
        other => panic!("a histogram: {other:?}"),
    }
}

/// The samples that Prometheus makes of a family, `_bucket`, `_sum` and `_count` of a histogram.
fn samples_of(family: &reader::Family) -> Vec<Sample> {
    let mut samples = Vec::new();
    for metric in &family.metrics {
        let mut add = |suffix: &str, more: Option<(&str, f64)>, value| {
            let more = more.map(|(name, at)| (name.to_owned(), bound(at)));
            let mut labels: Vec<_> = metric.labels.iter().cloned().chain(more).collect();
            labels.sort();
            samples.push(Sample {
                name: format!("{}{suffix}", family.name),
                labels,
                value,
                timestamp: metric.timestamp_ms.map(|at| at.to_string()),
                exemplar: None,
            });
        };
        match &metric.value {
            Value::Number(value) => add("", None, *value),
            Value::Summary {
                count,
                sum,
                quantiles,
            } => {
                for (quantile, value) in quantiles {
                    add("", Some(("quantile", *quantile)), *value);
                }
                add("_count", None, to_f64(*count));
                add("_sum", None, *sum);
            }
            Value::Histogram(histogram) => {
                let all = (f64::INFINITY, histogram.count);
                let bounded = histogram.buckets.iter();
                let bounded = bounded.filter(|(upper, _)| upper.is_finite());
                for (upper, below) in bounded.chain([&all]) {
                    add("_bucket", Some(("le", *upper)), to_f64(*below));
                }
                add("_count", None, to_f64(histogram.count));
                add("_sum", None, histogram.sum);
            }
        }
    }
    samples
}

/// Whether the text formats leave out the sum and the count.
fn lacks_totals(value: &Value) -> bool {
    match value {
        Value::Number(_) => false,
        Value::Summary { sum, .. } => sum.is_nan() || *sum < 0.0,
        Value::Histogram(histogram) => {
            let first = histogram.buckets.first();
            histogram.sum.is_nan()
                || histogram.sum < 0.0
                || first.is_some_and(|first| first.0 < 0.0)
        }
    }
}

/// A page of messages has exactly the samples of the text page, but for sums and counts that are no counters.
fn check_as_text(families: &[Family]) -> TestCaseResult {
    let found = read_back(families, &[]);
    prop_assert_eq!(found.len(), families.len());
    for (found, family) in found.iter().zip(families) {
        prop_assert_eq!(&found.name, &family.name);
        prop_assert_eq!(&found.help, &family.help);
        let kind = match family.kind {
            FamilyType::Counter if family.name == "_total" => "untyped".to_owned(),
            kind => format!("{kind:?}").to_lowercase(),
        };
        prop_assert_eq!(found.kind, kind);
        prop_assert_eq!(found.metrics.len(), family.children.len());
        for (metric, child) in found.metrics.iter().zip(&family.children) {
            let wanted = samples(&[Family {
                children: vec![child.clone()],
                ..family.clone()
            }]);
            let one = reader::Family {
                metrics: vec![metric.clone()],
                ..found.clone()
            };
            let mut samples = samples_of(&one);
            if lacks_totals(&metric.value) {
                samples.truncate(samples.len() - 2);
            }
            prop_assert_eq!(samples.len(), wanted.len());
            for (found, wanted) in samples.iter().zip(&wanted) {
                prop_assert_eq!((&found.name, &found.labels), (&wanted.name, &wanted.labels));
                prop_assert!(same(found.value, wanted.value), "{found:?}, not {wanted:?}");
            }
        }
    }
    Ok(())
}

fn any_native() -> impl Strategy<Value = NativeBuckets> {
    // Close to each other, so that gaps of each length come up, and now and then far apart.
    let counts = || {
        let index = prop_oneof![9 => -40..40_i32, 1 => -270_000..270_000_i32];
        let count = prop_oneof![9 => 1..9_u64, 1 => 1..1_u64 << 60];
        prop::collection::btree_map(index, count, 0..14)
            .prop_map(|counts| counts.into_iter().collect::<Vec<_>>())
    };
    (-4..=8_i8, 0..3_u64, counts(), counts()).prop_map(|(schema, zero, positive, negative)| {
        NativeBuckets {
            schema,
            zero,
            positive,
            negative,
            ..NativeBuckets::default()
        }
    })
}

/// The spans of a side by the definition: runs of buckets, those apart by up to two empty ones together.
fn check_side(side: &Side, buckets: &[(i32, u64)]) -> TestCaseResult {
    let filled = side.buckets.iter().filter(|(_, count)| *count > 0);
    let filled: Vec<_> = filled.copied().collect();
    let wanted = buckets.iter().map(|(at, count)| (i64::from(*at), *count));
    prop_assert_eq!(filled, wanted.collect::<Vec<_>>());
    let mut at = 0;
    for (number, (offset, length)) in side.spans.iter().enumerate() {
        prop_assert!(*length > 0);
        prop_assert!(number == 0 || *offset > 2, "{:?}", side.spans);
        let length = usize::try_from(*length).expect("a length");
        let span = &side.buckets[at..at + length];
        let empty = span.split(|(_, count)| *count > 0);
        prop_assert!(empty.clone().all(|gap| gap.len() <= 2), "{span:?}");
        prop_assert!(span[0].1 > 0 && span[length - 1].1 > 0, "{span:?}");
        at += length;
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_families_have_the_samples_of_the_text_page(families in prop::collection::vec(any_family(), 0..8)) {
        check_as_text(&merge(vec![families]).families)?;
    }

    #[test]
    fn a_name_selects_the_families_that_have_it_and_these_whole(
        families in prop::collection::vec(any_family(), 0..8),
        pick in any::<prop::sample::Index>(),
    ) {
        let families = merge(vec![families]).families;
        let whole = read_back(&families, &[]);
        prop_assume!(!whole.is_empty());
        let of_text: Vec<String> = whole.iter().flat_map(samples_of).map(|sample| sample.name).collect();
        let name = &of_text[pick.index(of_text.len())];
        let found = read_back(&families, &[name, ""]);
        let has_it = |family: &&reader::Family| samples_of(family).iter().any(|sample| sample.name == *name);
        let shown: Vec<_> = found.iter().filter(has_it).map(|family| &family.name).collect();
        let wanted: Vec<_> = whole.iter().filter(has_it).map(|family| &family.name).collect();
        prop_assert_eq!(shown, wanted);
        for family in &found {
            let of_whole = whole.iter().find(|one| one.name == family.name).expect("a family of the page");
            prop_assert_eq!(samples_of(family).len(), samples_of(of_whole).len());
        }
    }

    #[test]
    fn native_buckets_read_back_as_they_are_defined(native in any_native(), bounds in 0..4_i32) {
        let bounds: Arc<[f64]> = (0..bounds).map(f64::from).collect();
        let mut counts = vec![0; bounds.len() + 1];
        counts[bounds.len() / 2] = native.count();
        let mut histogram = Histogram::new(bounds, counts, 2.5);
        histogram.native = Some(native.clone());
        let found = only_histogram(histogram);
        prop_assert_eq!(found.count, native.count());
        let Some(written) = found.native else {
            return Err(TestCaseError::fail("native fields"));
        };
        prop_assert_eq!(written.schema, i64::from(native.schema));
        prop_assert!(same(written.zero_threshold, NATIVE_ZERO_THRESHOLD));
        prop_assert_eq!(written.zero, native.zero);
        if native.positive.is_empty() && native.negative.is_empty() {
            prop_assert_eq!(written.positive.spans, [(0, 0)]);
        } else {
            check_side(&written.positive, &native.positive)?;
            check_side(&written.negative, &native.negative)?;
        }
    }

    #[test]
    fn a_number_takes_the_bytes_that_its_size_says(value in any::<u64>(), shift in 0..64) {
        let value = value >> shift;
        let mut bytes = [0; MAX_VARINT];
        prop_assert_eq!(put_varint(&mut bytes, value), varint_size(value));
    }
}

#[test]
fn a_page_is_the_bytes_of_its_definition() {
    let mut page = Vec::new();
    let counter = family("started_total", FamilyType::Counter, ChildValue::Int(4));
    encode_named(&[counter], &[], Format::Protobuf, &mut page);
    let pair = b"\x0a\x01a\x12\x04\"1\"\n";
    let value = [&[0x09], &4_f64.to_le_bytes()[..]].concat();
    let metric = [&[0x0a, 9], &pair[..], &[0x1a, 9], &value].concat();
    let head = b"\x0a\x0dstarted_total\x12\x05Help.\x18\x00";
    let family = [head, &[0x22, 22][..], &metric].concat();
    assert_eq!(metric.len(), 22);
    assert_eq!(page, [&[48], &family[..]].concat());
}

#[test]
fn an_empty_page_is_empty_and_families_without_fitting_values_are_left_out() {
    assert_eq!(read_back(&[], &[]), []);
    let bare = Family::new("bare", "", FamilyType::Gauge);
    let wrong = family(
        "wrong",
        FamilyType::Gauge,
        ChildValue::Histogram(Histogram::empty(&Arc::from([1.0]))),
    );
    let right = family("right", FamilyType::Gauge, ChildValue::Float(-0.5));
    let names = |families: &[Family]| -> Vec<String> {
        let families = read_back(families, &[]);
        families.into_iter().map(|family| family.name).collect()
    };
    assert_eq!(names(&[bare.clone(), wrong.clone()]), [""; 0]);
    assert_eq!(names(&[bare.clone(), right, wrong, bare]), ["right"]);
}

#[test]
fn names_of_families_and_of_their_samples_select() {
    let families = [
        family("x_total", FamilyType::Counter, ChildValue::Int(1)),
        family(
            "h",
            FamilyType::Histogram,
            ChildValue::Histogram(Histogram::empty(&Arc::from([1.0]))),
        ),
        family(
            "s",
            FamilyType::Summary,
            ChildValue::Summary {
                quantiles: Vec::new(),
                sum: 1.0,
                count: 1,
            },
        ),
    ];
    for (name, found) in [
        ("x_total", Some("x_total")),
        ("x", Some("x_total")),
        ("x_total_count", None),
        ("h", Some("h")),
        ("h_bucket", Some("h")),
        ("h_count", Some("h")),
        ("h_sum", Some("h")),
        ("h_max", None),
        ("s", Some("s")),
        ("s_sum", Some("s")),
        ("s_bucket", None),
        ("", Some("all")),
    ] {
        let names: Vec<_> = read_back(&families, &[name])
            .into_iter()
            .map(|family| family.name)
            .collect();
        match found {
            Some("all") => assert_eq!(names, ["x_total", "h", "s"]),
            Some(found) => assert_eq!(names, [found], "{name}"),
            None => assert_eq!(names, [""; 0], "{name}"),
        }
    }
}

#[test]
fn a_unit_is_written_where_the_family_s_name_ends_in_it() {
    for (name, unit, written) in [
        ("x_seconds", Some("seconds"), "seconds"),
        ("x_seconds_total", Some("seconds"), "seconds"),
        ("x_bytes", Some("seconds"), ""),
        ("seconds", Some("seconds"), ""),
        ("x_seconds", None, ""),
    ] {
        let kind = FamilyType::Counter;
        let family = Family {
            unit,
            ..family(name, kind, ChildValue::Int(1))
        };
        assert_eq!(read_back(&[family], &[])[0].unit, written, "{name}");
    }
}

#[test]
fn a_time_of_a_collector_is_the_sample_s() {
    for milliseconds in [0, 1, 1_520_430_000_123, i64::MAX] {
        let value = ChildValue::Timestamped {
            value: Box::new(ChildValue::Int(2)),
            milliseconds,
        };
        let metric = only_metric(&[family("x", FamilyType::Untyped, value)]);
        assert_eq!(metric.timestamp_ms, Some(milliseconds));
        assert_eq!(metric.value, Value::Number(2.0));
        assert_eq!(metric.started, None);
    }
}

fn exemplar(bucket: usize, seconds: f64, at: f64) -> KeptExemplar {
    KeptExemplar {
        bucket,
        exemplar: Exemplar::new([("trace_id", "abc"), ("span_id", "d")]),
        seconds,
        at,
        failed: false,
    }
}

#[test]
fn exemplars_stand_at_their_buckets_and_beside_native_ones_in_a_list() {
    let labels = [("trace_id", "abc"), ("span_id", "d")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut histogram = Histogram::new(Arc::from([0.5, 1.0]), vec![1, 0, 2], 7.25);
    histogram.exemplars = vec![exemplar(0, 0.25, 1_520_430_000.123), exemplar(2, 4.0, 7.5)];
    let found = only_histogram(histogram.clone());
    let infinity = f64::INFINITY;
    assert_eq!(found.buckets, [(0.5, 1), (1.0, 1), (infinity, 3)]);
    assert_eq!(found.bucket_exemplars.keys().collect::<Vec<_>>(), [&0, &2]);
    let first = &found.bucket_exemplars[&0];
    assert_eq!((&*first.labels, first.value), (&labels[..], 0.25));
    let off = first.at.expect("a time") - 1_520_430_000.123;
    assert!(off.abs() < 2e-6, "{off}");
    assert_eq!(found.bucket_exemplars[&2].at, Some(7.5));
    assert_eq!(found.native, None);

    histogram.native = Some(NativeBuckets {
        positive: vec![(-7, 1), (15, 2)],
        ..NativeBuckets::default()
    });
    let native = only_histogram(histogram).native.expect("native fields");
    let all: Vec<_> = found.bucket_exemplars.into_values().collect();
    assert_eq!(native.exemplars, all);
}

#[test]
fn buckets_that_do_not_add_up_are_left_out_and_the_classic_ones_stay() {
    let mut histogram = Histogram::new(Arc::from([1.0]), vec![1, 2], 5.0);
    let native = NativeBuckets {
        positive: vec![(0, 1), (9, 2)],
        ..NativeBuckets::default()
    };
    histogram.native = Some(native.clone());
    assert!(only_histogram(histogram.clone()).native.is_some());
    histogram.native = Some(NativeBuckets { zero: 1, ..native });
    let found = only_histogram(histogram);
    assert_eq!((found.native, found.count), (None, 3));
    assert_eq!(found.buckets, [(1.0, 1)]);
}

/// Whether each histogram of a message has native buckets, message by message.
fn native_by_message(page: &[reader::Family]) -> Vec<Vec<bool>> {
    let is_native = |metric: &Metric| match &metric.value {
        Value::Histogram(histogram) => histogram.native.is_some(),
        other => panic!("a histogram: {other:?}"),
    };
    let of_message = |family: &reader::Family| family.metrics.iter().map(is_native).collect();
    page.iter().map(of_message).collect()
}

#[test]
fn no_message_has_histograms_with_native_buckets_and_without() {
    let native = NativeBuckets {
        positive: vec![(0, 1), (9, 2)],
        ..NativeBuckets::default()
    };
    // Does not add up.
    let invalid = NativeBuckets::default();
    let natives = [
        None,
        Some(native.clone()),
        Some(native.clone()),
        Some(invalid),
        None,
        Some(native),
    ];
    let children = natives.into_iter().enumerate().map(|(at, native)| {
        let mut histogram = Histogram::new(Arc::from([1.0]), vec![1, 2], 5.0);
        histogram.native = native;
        let labels = [Label::new("at", at.to_string())];
        Child::new(labels, ChildValue::Histogram(histogram))
    });
    let family = Family {
        children: children.collect(),
        ..Family::new("h_seconds", "Help.", FamilyType::Histogram)
    };
    let found = read_back(&[family], &[]);
    let expected = [&[false][..], &[true, true], &[false, false], &[true]];
    assert_eq!(native_by_message(&found), expected);
    for message in &found {
        let head = (&*message.name, &*message.help, message.kind, &*message.unit);
        assert_eq!(head, ("h_seconds", "Help.", "histogram", "seconds"));
    }
    let labels = found.iter().flat_map(|message| &message.metrics);
    let labels: Vec<_> = labels.map(|metric| &*metric.labels[0].1).collect();
    assert_eq!(labels, ["0", "1", "2", "3", "4", "5"]);
}

#[test]
fn without_bounds_the_bucket_of_all_is_written() {
    let mut histogram = Histogram::new(Arc::from([]), vec![3], 5.0);
    let all = [(f64::INFINITY, 3)];
    assert_eq!(only_histogram(histogram.clone()).buckets, all);
    histogram.native = Some(NativeBuckets {
        positive: vec![(0, 3)],
        ..NativeBuckets::default()
    });
    let found = only_histogram(histogram);
    assert!(found.native.is_some());
    assert_eq!(found.buckets, all);
}

#[test]
fn a_nan_is_written_as_the_plain_one() {
    // Prometheus' mark of a series that ended.
    let stale = f64::from_bits(0x7ff0_0000_0000_0002);
    let value = ChildValue::Float(stale);
    let metric = only_metric(&[family("x", FamilyType::Gauge, value)]);
    let Value::Number(number) = metric.value else {
        panic!("a number: {metric:?}");
    };
    assert_eq!(number.to_bits(), f64::NAN.to_bits());
}

#[test]
fn spans_bridge_gaps_of_two_and_no_more() {
    let mut histogram = Histogram::new(Arc::from([]), vec![12], 1.0);
    histogram.native = Some(NativeBuckets {
        zero: 1,
        positive: vec![(-3, 4), (0, 1), (4, 3)],
        negative: vec![(2, 3)],
        ..NativeBuckets::default()
    });
    let native = only_histogram(histogram).native.expect("native fields");
    let positive = Side {
        spans: vec![(-3, 4), (3, 1)],
        buckets: vec![(-3, 4), (-2, 0), (-1, 0), (0, 1), (4, 3)],
    };
    let negative = Side {
        spans: vec![(2, 1)],
        buckets: vec![(2, 3)],
    };
    let wanted = Native {
        schema: 3,
        zero_threshold: NATIVE_ZERO_THRESHOLD,
        zero: 1,
        positive,
        negative,
        exemplars: Vec::new(),
    };
    assert_eq!(native, wanted);
}

#[test]
fn start_times_stand_in_the_types_that_have_them() {
    let mut page = Vec::new();
    let Encoder::Protobuf(mut encoder) = Encoder::new(Format::Protobuf, &[], &mut page) else {
        panic!("an encoder of messages");
    };
    let labels = Labels::default();
    let histogram = Histogram::empty(&Arc::from([1.0]));
    let plain = ValueView::Int(1);
    let all = [
        ("c_total", FamilyType::Counter, plain),
        ("g", FamilyType::Gauge, plain),
        ("h", FamilyType::Histogram, ValueView::from(&histogram)),
    ];
    for (name, kind, value) in all {
        encoder.family(&Family::new(name, "", kind));
        for started in [Some(1_700_000_000.5), None, Some(-1.0), Some(f64::NAN)] {
            encoder.started(started);
            encoder.child(&labels, value);
        }
    }
    // Families of other sources have none.
    encoder.write(&[family(
        "other_total",
        FamilyType::Counter,
        ChildValue::Int(1),
    )]);
    let found = reader::read(&page).expect("a page");
    let started: BTreeMap<_, Vec<_>> = found
        .iter()
        .map(|family| {
            let metrics = family.metrics.iter();
            (&*family.name, metrics.map(|one| one.started).collect())
        })
        .collect();
    let known = vec![Some(1_700_000_000.5), None, None, None];
    assert_eq!(
        started,
        BTreeMap::from([
            ("c_total", known.clone()),
            ("g", vec![None; 4]),
            ("h", known),
            ("other_total", vec![None]),
        ])
    );
}

#[test]
fn parts_are_of_whole_families_and_together_the_page() {
    let mut families: Vec<Family> = (0..50)
        .map(|at| Family {
            name: format!("x{at}").into(),
            ..family("", FamilyType::Gauge, ChildValue::Int(at))
        })
        .collect();
    // Large enough for a part of its own, behind others that are not, and behind nothing.
    for at in [0, 20, 21] {
        families[at].help = "x".repeat(200).into();
    }
    let mut whole = Vec::new();
    encode_named(&families, &[], Format::Protobuf, &mut whole);
    let mut parts: Vec<Vec<u8>> = Vec::new();
    let mut take = |part: &[u8]| parts.push(part.to_vec());
    let mut part = Vec::new();
    Encoder::new(Format::Protobuf, &[], &mut part)
        .in_parts(100, &mut take)
        .write(&families);
    assert!(parts.len() > 5, "{} parts", parts.len());
    let mut read = 0;
    let mut length = Vec::new();
    for part in parts.iter().filter(|part| !part.is_empty()) {
        if part.len() < 3 {
            // The length of the family behind it.
            length.clone_from(part);
            continue;
        }
        let families = reader::read(&[&*length, part].concat());
        read += families.expect("whole families").len();
        length.clear();
    }
    assert_eq!(read, families.len());
    assert_eq!(parts.concat(), whole);
}
