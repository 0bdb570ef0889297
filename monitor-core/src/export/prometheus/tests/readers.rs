//! What a registry or a collector may give and a reader refuses: each is left out alone, counted and named, and the
//! rest of the page stays.
//!
//! What real readers do with each is tried with Prometheus (2.42, 2.53, 3.5) and `prometheus_client`: the strict parser
//! of these tests refuses what one of them refuses.

use std::collections::BTreeSet;

use super::*;

/// A label pair, as a collector may make any.
fn pair((name, value): &(&str, &str)) -> proto::LabelPair {
    let mut pair = proto::LabelPair::default();
    pair.set_name((*name).to_owned());
    pair.set_value((*value).to_owned());
    pair
}

fn metric(labels: &[(&str, &str)], kind: proto::MetricType, number: f64) -> proto::Metric {
    let mut metric = proto::Metric::from_label(labels.iter().map(pair).collect());
    match kind {
        proto::MetricType::COUNTER => {
            let mut counter = proto::Counter::default();
            counter.set_value(number);
            metric.set_counter(counter);
        }
        proto::MetricType::GAUGE => {
            let mut gauge = proto::Gauge::default();
            gauge.set_value(number);
            metric.set_gauge(gauge);
        }
        proto::MetricType::HISTOGRAM => {
            let mut histogram = proto::Histogram::default();
            histogram.set_bucket(vec![bucket(1.0, 1)]);
            histogram.set_sample_count(2);
            histogram.set_sample_sum(number);
            metric.set_histogram(histogram);
        }
        proto::MetricType::SUMMARY => {
            let mut quantile = proto::Quantile::default();
            quantile.set_quantile(0.5);
            quantile.set_value(number);
            let mut summary = proto::Summary::default();
            summary.set_quantile(vec![quantile]);
            summary.set_sample_count(1);
            summary.set_sample_sum(number);
            metric.set_summary(summary);
        }
        // This crate has no way to set one that works with and without its feature `protobuf`.
        proto::MetricType::UNTYPED => {}
    }
    metric
}

fn bucket(upper: f64, count: u64) -> proto::Bucket {
    let mut bucket = proto::Bucket::default();
    bucket.set_upper_bound(upper);
    bucket.set_cumulative_count(count);
    bucket
}

fn of(name: &str, kind: proto::MetricType, metrics: Vec<proto::Metric>) -> proto::MetricFamily {
    let mut family = proto::MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help("Some \0 help\n with \"all\" \\ \r in it.".to_owned());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}

/// A family of one series.
fn one(name: &str, kind: proto::MetricType, labels: &[(&str, &str)]) -> proto::MetricFamily {
    of(name, kind, vec![metric(labels, kind, 1.0)])
}

/// The series of a page of these families, by the strict parser, and what was left out of it.
fn shown(families: &[proto::MetricFamily]) -> (Vec<String>, Merged) {
    let merged = merge(vec![from_proto(families)]);
    let samples = checked_samples(&merged.families);
    let series = |sample: crate::export::encode::tests::strict::Sample| {
        let labels = sample.labels.iter();
        let labels: Vec<_> = labels
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        format!("{}{{{}}}", sample.name, labels.join(","))
    };
    (samples.into_iter().map(series).collect(), merged)
}

const COUNTER: proto::MetricType = proto::MetricType::COUNTER;
const GAUGE: proto::MetricType = proto::MetricType::GAUGE;
const HISTOGRAM: proto::MetricType = proto::MetricType::HISTOGRAM;
const SUMMARY: proto::MetricType = proto::MetricType::SUMMARY;
const UNTYPED: proto::MetricType = proto::MetricType::UNTYPED;

#[test]
fn a_label_that_no_page_can_hold_costs_its_series_alone() {
    for kind in [COUNTER, GAUGE, HISTOGRAM, SUMMARY, UNTYPED] {
        let is_own = |label| match kind {
            HISTOGRAM => label == "le",
            SUMMARY => label == "quantile",
            _ => false,
        };
        for label in [
            "__name__", "__", "__x", "__type__", "le", "quantile", "a-b", "", "ü", "1a", "a:b",
            "a\n", "job", "_name_",
        ] {
            let is_fine = match label {
                "le" | "quantile" => !is_own(label),
                "job" | "_name_" => true,
                _ => false,
            };
            let series = vec![
                metric(&[("ok", "1")], kind, 1.0),
                metric(&[(label, "x")], kind, 1.0),
            ];
            let family = of("x", kind, series);
            let (series, merged) = shown(&[one("ok", GAUGE, &[]), family]);
            let what = format!("{kind:?} {label}: {series:?}");
            assert!(series.contains(&"ok{}".to_owned()), "{what}");
            assert!(series.iter().any(|one| one.contains("ok=1")), "{what}");
            let is_there = series.iter().any(|one| one.contains(&format!("{label}=x")));
            assert_eq!(is_there, is_fine, "{what}");
            assert_eq!(merged.dropped_series, u64::from(!is_fine), "{what}");
            assert_eq!(merged.dropped_families, 0, "{what}");
            let why = merged.first_left_out;
            let (family, label) = ("x".to_owned(), label.to_owned());
            assert_eq!(why, (!is_fine).then_some(LeftOut::Label { family, label }));
        }
    }
}

/// Why a series or a family of a row is left out.
#[derive(Clone, Copy)]
enum Why {
    Nothing,
    Series(&'static str),
    Clash(&'static str),
    NoName(&'static str),
}

use Why::{Clash, NoName, Nothing, Series};

const LABEL: Why = Series("a series of `x` has the label `a`, which no page can hold");
const TWICE: Why = Series("a series of `x` is there already");
const UP: Why = Series("`up` without labels is a series that Prometheus writes itself");
const ADDED: Why =
    Series("`scrape_series_added` without labels is a series that Prometheus writes itself");

#[test]
fn what_a_reader_refuses_is_left_out_alone() {
    let x = |labels| one("x", GAUGE, labels);
    let number = |name, kind, number| of(name, kind, vec![metric(&[], kind, number)]);
    let odd = "\0\r\t\n\"\\\u{85}\u{2028}\u{feff}";
    let odd_series = format!("x{{a={odd}}}");
    let odd_series = [&*odd_series];
    let whole = [
        "h_bucket{le=+Inf}",
        "h_bucket{le=1.0}",
        "h_count{}",
        "h_sum{}",
    ];
    let up = [
        "up_bucket{le=+Inf}",
        "up_bucket{le=1.0}",
        "up_count{}",
        "up_sum{}",
    ];
    let both = ["h{quantile=0.5}", "h_count{}", "h_sum{}", "h_total{}"];
    // Families, the series that are left of them, and why another is not.
    #[rustfmt::skip]
    let rows: Vec<(Vec<proto::MetricFamily>, &[&str], Why)> = vec![
        (vec![x(&[("a", "1"), ("a", "2")])], &[], LABEL),
        (vec![x(&[("a", "1"), ("b", "1"), ("a", "1")])], &[], LABEL),
        (vec![x(&[("b", "1"), ("a", "1")])], &["x{a=1,b=1}"], Nothing),
        (vec![x(&[("a", odd)])], &odd_series, Nothing),
        // A label without a value makes no other series.
        (vec![x(&[("a", "")]), x(&[])], &["x{a=}"], TWICE),
        (vec![x(&[("a", "1")]), x(&[("a", "1"), ("b", "")])], &["x{a=1}"], TWICE),
        (vec![x(&[("a", "1"), ("b", "")]); 2], &["x{a=1,b=}"], TWICE),
        (vec![x(&[("a", "1")]), x(&[("a", "1")])], &["x{a=1}"], TWICE),
        (vec![one("", GAUGE, &[])], &[], NoName("")),
        (vec![one("größe", GAUGE, &[])], &[], NoName("größe")),
        (vec![one("http.requests", GAUGE, &[])], &[], NoName("http.requests")),
        (vec![one("x\ny", GAUGE, &[])], &[], NoName("x\ny")),
        (vec![x(&[]), one("x", COUNTER, &[("a", "1")])], &["x{}"], Clash("x")),
        (vec![one("h", HISTOGRAM, &[]), one("h_bucket", GAUGE, &[("le", "1")])], &whole, Clash("h_bucket")),
        (vec![one("h", HISTOGRAM, &[]), one("h_count", GAUGE, &[])], &whole, Clash("h_count")),
        (vec![one("h", HISTOGRAM, &[]), one("h", GAUGE, &[])], &whole, Clash("h")),
        (vec![one("h", HISTOGRAM, &[]), of("h", GAUGE, vec![])], &whole, Nothing),
        (vec![one("h", SUMMARY, &[]), one("h_total", GAUGE, &[])], &both, Nothing),
        (vec![one("c_total", COUNTER, &[]), one("c", GAUGE, &[])], &["c_total{}"], Clash("c")),
        (vec![one("c_total", COUNTER, &[]), one("c_total", GAUGE, &[])], &["c_total{}"], Clash("c_total")),
        // It is none in OpenMetrics.
        (vec![one("x", COUNTER, &[])], &["x{}"], Nothing),
        (vec![number("x_total", COUNTER, -1.0)], &["x_total{}"], Nothing),
        (vec![number("x_total", COUNTER, f64::NAN)], &["x_total{}"], Nothing),
        // Names that mean something elsewhere.
        (vec![one("NaN", GAUGE, &[])], &["NaN{}"], Nothing),
        (vec![one("EOF", GAUGE, &[])], &["EOF{}"], Nothing),
        (vec![one("TYPE", UNTYPED, &[])], &["TYPE{}"], Nothing),
        (vec![one(":", GAUGE, &[])], &[":{}"], Nothing),
        (vec![number("h", HISTOGRAM, f64::INFINITY)], &whole, Nothing),
        (vec![number("h", HISTOGRAM, f64::NAN)], &whole[..2], Nothing),
        (vec![one("up", GAUGE, &[])], &[], UP),
        (vec![one("scrape_series_added", COUNTER, &[("a", "")])], &[], ADDED),
        (vec![one("up", GAUGE, &[("disk", "a")])], &["up{disk=a}"], Nothing),
        (vec![one("up", HISTOGRAM, &[])], &up, Nothing),
    ];
    for (families, series, why) in rows {
        let what = format!("{families:?}");
        let beside = one("beside", GAUGE, &[]);
        let (shown, merged) = shown(&[vec![beside], families].concat());
        let shown = shown.iter().map(String::as_str);
        let shown: Vec<&str> = shown.filter(|one| *one != "beside{}").collect();
        assert_eq!(shown, series, "{what}");
        let (dropped, reason) = match why {
            Nothing => ((0, 0), None),
            Series(reason) => ((1, 0), Some(reason.to_owned())),
            Clash(name) => {
                let how = "clashes with an earlier one in its type or its samples' names";
                ((0, 1), Some(format!("the family `{name}` {how}")))
            }
            NoName(name) => ((0, 1), Some(format!("`{name}` is not a metric name"))),
        };
        let found = (merged.dropped_series, merged.dropped_families);
        assert_eq!(found, dropped, "{what}");
        let found = merged.first_left_out.map(|why| why.to_string());
        assert_eq!(found, reason, "{what}");
    }
}

#[test]
fn what_a_registry_takes_is_left_out_too() -> prometheus::Result<()> {
    let labels = |name: &str| HashMap::from([(name.to_owned(), "x".to_owned())]);
    for label in ["__name__", "__x", "a", "not a name"] {
        let registry = Registry::new_custom(Some("my".to_owned()), Some(labels(label)))?;
        let opts = Opts::new("jobs_total", "Jobs.")
            .variable_label("queue")
            .const_label("a", "b");
        let jobs = CounterVec::new(opts, &["queue"])?;
        jobs.with_label_values(&["fast"]).inc();
        registry.register(Box::new(jobs))?;
        let families = gathered(&registry)?;
        let merged = merge(vec![families]);
        assert_eq!(
            (merged.families.len(), merged.dropped_series),
            (0, 1),
            "{label}"
        );
    }
    let registry = Registry::new();
    let opts = Opts::new("queue", "A label that is constant and variable.").const_label("a", "x");
    let both = prometheus::GaugeVec::new(opts, &["a"])?;
    both.with_label_values(&["y"]).set(1.0);
    registry.register(Box::new(both))?;
    let prefixed = Registry::new_custom(Some("my app".to_owned()), None)?;
    prefixed.register(Box::new(Gauge::new("depth", "Depth.")?))?;
    let sources = [&registry, &prefixed].map(|one| gather(one).unwrap_or_default());
    let merged = merge(sources.to_vec());
    assert_eq!((merged.dropped_series, merged.dropped_families), (1, 1));
    assert_eq!(merged.families, []);
    Ok(())
}

/// A registry puts two families of one name together, of whatever types, in any order.
#[test]
fn a_value_of_another_type_than_its_family_is_never_another_value() -> prometheus::Result<()> {
    let opts = |labels: &str| Opts::new("mixed", "Two types.").const_label("of", labels);
    for _ in 0..8 {
        let registry = Registry::new();
        let counter = Counter::with_opts(opts("counter"))?;
        counter.inc_by(5.0);
        let gauge = Gauge::with_opts(opts("gauge"))?;
        gauge.set(7.0);
        let time = HistogramOpts::from(opts("histogram")).buckets(vec![1.0]);
        let time = PromHistogram::with_opts(time)?;
        time.observe(0.5);
        registry.register(Box::new(counter))?;
        registry.register(Box::new(gauge))?;
        registry.register(Box::new(time))?;
        let families = gathered(&registry)?;
        let merged = merge(vec![families]);
        let text = page(&merged.families, Format::Text004);
        checked_samples(&merged.families);
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let family = "mixed".to_owned();
        assert_eq!(
            merged.first_left_out,
            Some(LeftOut::Value { family }),
            "{text}"
        );
        if text.contains("histogram") {
            assert_eq!((lines.len(), merged.dropped_series), (4, 2), "{text}");
            assert_eq!(
                lines[0], "mixed_bucket{le=\"1.0\",of=\"histogram\"} 1",
                "{text}"
            );
        } else {
            let wanted = ["mixed{of=\"counter\"} 5", "mixed{of=\"gauge\"} 7"];
            assert_eq!(
                (lines, merged.dropped_series),
                (wanted.to_vec(), 1),
                "{text}"
            );
        }
    }
    Ok(())
}

#[test]
fn a_label_value_is_not_taken_for_an_untyped_number() {
    let labels = [
        ("a", "untyped: Untyped { value: 5 }"),
        ("b", "\"Untyped { value: 6 }"),
    ];
    let families = from_proto(&[one("x", UNTYPED, &labels)]);
    assert_eq!(families[0].kind, FamilyType::Untyped);
    assert_eq!(families[0].children[0].value, ChildValue::Float(0.0));
}

#[test]
fn buckets_out_of_order_are_left_out_and_no_observation_is_lost() {
    let buckets = [
        (1.0, 1),
        (0.5, 2),
        (f64::NAN, 2),
        (2.0, 4),
        (3.0, 3),
        (f64::INFINITY, 9),
    ];
    let mut value = proto::Histogram::default();
    value.set_bucket(buckets.map(|(upper, count)| bucket(upper, count)).to_vec());
    value.set_sample_count(9);
    let mut metric = proto::Metric::default();
    metric.set_histogram(value);
    let families = from_proto(&[of("h", HISTOGRAM, vec![metric])]);
    let want = Histogram::new(Arc::from([1.0, 2.0]), vec![1, 3, 5], 0.0);
    assert_eq!(families[0].children[0].value, ChildValue::Histogram(want));
}

#[test]
fn a_quantile_of_zero_has_no_sign() {
    let quantile = |at: f64| {
        let mut quantile = proto::Quantile::default();
        quantile.set_quantile(at);
        quantile.set_value(at.abs());
        quantile
    };
    let mut summary = proto::Summary::default();
    summary.set_quantile([0.0, -0.0, 1.0, -1.0, 2.0, f64::NAN].map(quantile).to_vec());
    let mut metric = proto::Metric::default();
    metric.set_summary(summary);
    let (series, _) = shown(&[of("x", SUMMARY, vec![metric])]);
    let wanted = ["x{quantile=0.0}", "x{quantile=1.0}", "x_count{}", "x_sum{}"];
    assert_eq!(series, wanted);
}

/// As that crate's own encoder writes them: 0 is none.
#[test]
fn the_time_of_a_value_stays_with_it() {
    let at = |name: &str, kind, milliseconds| {
        let mut metric = metric(&[("a", "x")], kind, 1.5);
        metric.set_timestamp_ms(milliseconds);
        of(name, kind, vec![metric])
    };
    let given = [
        at("g", GAUGE, 1_700_000_000_007),
        at("none", GAUGE, 0),
        at("h", HISTOGRAM, 32_503_680_000_000),
        at("before", SUMMARY, -1),
    ];
    let families = from_proto(&given);
    let merged = merge(vec![families.clone()]);
    assert_eq!((merged.dropped_series, merged.dropped_families), (1, 0));
    let family = "before".to_owned();
    assert_eq!(merged.first_left_out, Some(LeftOut::Time { family }));
    checked_samples(&merged.families);
    for (format, lines) in [
        (
            Format::Text004,
            [
                "g{a=\"x\"} 1.5 1700000000007",
                "none{a=\"x\"} 1.5",
                "h_count{a=\"x\"} 2 32503680000000",
            ],
        ),
        (
            Format::OpenMetrics100,
            [
                "g{a=\"x\"} 1.5 1700000000.007",
                "none{a=\"x\"} 1.5",
                "h_count{a=\"x\"} 2 32503680000.000",
            ],
        ),
    ] {
        let page = page(&merged.families, format);
        for line in lines {
            assert!(page.lines().any(|other| other == line), "{line}: {page}");
        }
    }
    assert_eq!(from_proto(&to_proto(&families)), families);
}

pub(super) fn any_proto() -> impl Strategy<Value = proto::MetricFamily> {
    let name = "(x|y|up|scrape_series_added|_total|[a-z:_.ü ]{0,3})(_total|_count|_sum|_bucket|_created|_info|)";
    let kinds = [COUNTER, GAUGE, HISTOGRAM, SUMMARY, UNTYPED];
    let kind = || prop::sample::select(kinds.to_vec());
    let label = "(a|b|le|quantile|__name__|__[a-z_]{0,3}|[a-zü_:0-9 -]{0,3})";
    let labels = prop::collection::vec((label, "[ab\"\\\\\n\0\r]{0,2}"), 0..4);
    // Now and then a metric of another type than its family: a registry merges two families of one name without a look.
    let time = prop::option::weighted(0.2, -4_000_000_000_000_i64..4_000_000_000_000);
    let series = (
        labels,
        prop::option::weighted(0.2, kind()),
        any::<f64>(),
        time,
    );
    let series = prop::collection::vec(series, 0..5);
    (name, kind(), series).prop_map(|(name, kind, series)| {
        let metrics = series.into_iter().map(|(labels, other, number, time)| {
            let labels: Vec<_> = labels
                .iter()
                .map(|(name, value)| (&**name, &**value))
                .collect();
            let mut metric = metric(&labels, other.unwrap_or(kind), number);
            metric.set_timestamp_ms(time.unwrap_or(0));
            metric
        });
        of(&name, kind, metrics.collect())
    })
}

proptest! {
    #[test]
    fn whatever_collectors_give_the_page_is_valid_and_nothing_goes_uncounted(
        sources in prop::collection::vec(prop::collection::vec(any_proto(), 0..6), 0..4),
    ) {
        let sources: Vec<_> = sources.iter().map(|families| from_proto(families)).collect();
        let given = sources.concat();
        let of_family = |families: &[Family]| -> u64 {
            families.iter().map(|family| family.children.len() as u64).sum()
        };
        let all = of_family(&given);
        let merged = merge(sources);
        checked_samples(&merged.families);
        let unique: BTreeSet<&str> = names(&merged).into_iter().collect();
        prop_assert_eq!(unique.len(), merged.families.len());
        let whole = given.iter().filter(|family| !family.children.is_empty());
        let (series, dropped) = (of_family(&merged.families), merged.dropped_series);
        if merged.dropped_families == 0 {
            prop_assert_eq!(series + dropped, all);
        } else {
            prop_assert!(series + dropped < all);
            prop_assert!(merged.dropped_families <= whole.count() as u64);
        }
        let is_whole = dropped + merged.dropped_families == 0;
        prop_assert_eq!(merged.first_left_out.is_none(), is_whole);
    }
}
