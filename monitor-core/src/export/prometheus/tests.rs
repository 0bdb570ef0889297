//! Both ways over the bridge, and merging.

mod readers;

use std::collections::HashMap;
use std::sync::Arc;

use prometheus::core::{Collector, Desc};
use prometheus::{
    Counter, CounterVec, Gauge, Histogram as PromHistogram, HistogramOpts, Opts, Registry, proto,
};
use proptest::prelude::*;

use self::readers::any_proto;
use super::{GatherError, family_from, family_to, gather, gather_beside, registered};
use crate::data::family::{Child, ChildValue, Family, FamilyType, Histogram, Label, Labels};
use crate::export::encode::Format;
use crate::export::encode::tests::{checked_samples, page};
use crate::export::merge::{LeftOut, Merged, merge};
use crate::export::names::{Profile, families};
use crate::{Clock, Monitor, Outcome, StorageConfig};

fn from_proto(families: &[proto::MetricFamily]) -> Vec<Family> {
    families.iter().map(family_from).collect()
}

fn to_proto(families: &[Family]) -> Vec<proto::MetricFamily> {
    families.iter().map(family_to).collect()
}

fn family(name: &str, kind: FamilyType, children: Vec<Child>) -> Family {
    Family {
        name: name.to_owned().into(),
        help: "Some help.".into(),
        kind,
        unit: None,
        children,
    }
}

fn child(labels: &[(&str, &str)], value: ChildValue) -> Child {
    let labels = labels.iter().map(|(name, value)| Label {
        name: (*name).to_owned().into(),
        value: (*value).into(),
    });
    Child::new(labels.collect::<Labels>(), value)
}

fn gauge(name: &str, labels: &[(&str, &str)], value: f64) -> Family {
    family(
        name,
        FamilyType::Gauge,
        vec![child(labels, ChildValue::Float(value))],
    )
}

fn histogram(name: &str) -> Family {
    let value = Histogram::new(Arc::from([0.5, 1.0]), vec![1, 0, 2], 7.0);
    family(
        name,
        FamilyType::Histogram,
        vec![child(&[], ChildValue::Histogram(value))],
    )
}

fn gathered(registry: &Registry) -> prometheus::Result<Vec<Family>> {
    gather(registry).map_err(|error| prometheus::Error::Msg(error.to_string()))
}

fn names(merged: &Merged) -> Vec<&str> {
    merged.families.iter().map(|family| &*family.name).collect()
}

/// A collector of a user's own that gives what it is told to.
struct Fixed(Desc, fn() -> Vec<proto::MetricFamily>);

impl Fixed {
    fn boxed(families: fn() -> Vec<proto::MetricFamily>) -> Box<Self> {
        let desc = Desc::new(
            "fixed".to_owned(),
            "Fixed.".to_owned(),
            Vec::new(),
            HashMap::new(),
        );
        Box::new(Self(desc.expect("a valid name"), families))
    }
}

impl Collector for Fixed {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.0]
    }

    fn collect(&self) -> Vec<proto::MetricFamily> {
        (self.1)()
    }
}

#[test]
fn a_users_registry_is_exported_as_it_is() -> prometheus::Result<()> {
    let registry = Registry::new();
    let jobs = CounterVec::new(Opts::new("jobs_total", "Jobs \\ done."), &["queue"])?;
    jobs.with_label_values(&["fast"]).inc_by(2.0);
    let depth = Gauge::new("depth_bytes", "Depth.")?;
    depth.set(-1.5);
    let time =
        PromHistogram::with_opts(HistogramOpts::new("time", "Time.").buckets(vec![0.5, 1.0]))?;
    time.observe(0.5);
    time.observe(3.0);
    registry.register(Box::new(jobs))?;
    registry.register(Box::new(depth))?;
    registry.register(Box::new(time))?;
    registry.register(Box::new(Counter::new("bare", "No suffix.")?))?;

    let families = gathered(&registry)?;
    checked_samples(&families);
    let want = "# HELP bare No suffix.\n# TYPE bare unknown\nbare 0\n# HELP depth_bytes Depth.\n# TYPE depth_bytes gauge\n# UNIT \
                depth_bytes bytes\ndepth_bytes -1.5\n# HELP jobs Jobs \\\\ done.\n# TYPE jobs \
                counter\njobs_total{queue=\"fast\"} 2\n# HELP time Time.\n# TYPE time histogram\ntime_bucket{le=\"0.5\"} \
                1\ntime_bucket{le=\"1.0\"} 1\ntime_bucket{le=\"+Inf\"} 2\ntime_count 2\ntime_sum 3.5\n# EOF\n";
    assert_eq!(page(&families, Format::OpenMetrics100), want);
    Ok(())
}

#[test]
fn a_collector_that_panics_fails_its_registry_and_leaves_it_usable() -> prometheus::Result<()> {
    let registry = Registry::new();
    registry.register(Fixed::boxed(|| panic!("no connection to {}", "db")))?;
    for _ in 0..2 {
        let message = "no connection to db".to_owned();
        assert_eq!(gather(&registry), Err(GatherError::Panicked { message }));
    }
    registry.unregister(Fixed::boxed(Vec::new))?;
    assert_eq!(gather(&registry), Ok(Vec::new()));
    Ok(())
}

#[test]
fn families_come_back_from_the_other_crate_as_they_were() {
    let summary = ChildValue::Summary {
        quantiles: vec![(0.5, 1.0)],
        sum: 2.0,
        count: 3,
    };
    let families = [
        family(
            "a_total",
            FamilyType::Counter,
            vec![child(&[("m", "x")], ChildValue::Float(2.0))],
        ),
        gauge("b", &[("m", "x"), ("n", "\"\\\n")], -0.5),
        histogram("c"),
        family("d", FamilyType::Summary, vec![child(&[], summary)]),
    ];
    assert_eq!(from_proto(&to_proto(&families)), families);
}

#[test]
fn the_other_crates_own_encoder_writes_our_families() -> prometheus::Result<()> {
    let text = prometheus::TextEncoder::new()
        .encode_to_string(&to_proto(&[histogram("c"), gauge("g", &[("a", "b")], 1.5)]))?;
    assert!(text.contains("c_bucket{le=\"+Inf\"} 3\n"));
    assert!(text.contains("g{a=\"b\"} 1.5\n"));
    Ok(())
}

#[test]
fn each_storage_has_one_descriptor_of_its_own() {
    let desc = |storage| registered(storage).desc.as_ref();
    let id = |storage| desc(storage).map(|desc| (desc.id, desc.dim_hash, desc.fq_name.clone()));
    assert_eq!(id(1), id(1));
    let (one, two) = (id(1).expect("a descriptor"), id(2).expect("a descriptor"));
    assert_ne!(one.0, two.0);
    assert_eq!((one.1, one.2), (two.1, two.2));
}

#[test]
fn a_repeated_series_is_dropped_and_the_first_source_wins() {
    let merged = merge(vec![
        vec![gauge("x", &[("a", "1")], 1.0)],
        vec![
            gauge("x", &[("a", "1")], 2.0),
            gauge("x", &[("a", "2")], 3.0),
        ],
        vec![gauge("y", &[], 4.0), gauge("y", &[], 5.0)],
    ]);
    assert_eq!((merged.dropped_series, merged.dropped_families), (2, 0));
    let want = "# HELP x Some help.\n# TYPE x gauge\nx{a=\"1\"} 1\nx{a=\"2\"} 3\n# HELP y Some help.\n# TYPE y gauge\ny 4\n";
    assert_eq!(page(&merged.families, Format::Text004), want);
}

/// What tells a series from others.
fn with_values(labels: &[Label]) -> Vec<Label> {
    let labels = labels.iter().filter(|label| !label.value.is_empty());
    labels.cloned().collect()
}

proptest! {
    #[test]
    fn the_same_series_are_kept_whatever_their_order(family in any_proto()) {
        let kept = |family: &Family| -> Vec<Vec<Label>> {
            let merged = merge(vec![vec![family.clone()]]);
            let children = merged.families.into_iter().flat_map(|family| family.children);
            let mut kept: Vec<_> = children.map(|child| with_values(&child.labels)).collect();
            kept.sort();
            kept
        };
        let family = family_from(&family);
        let as_it_is = kept(&family);
        let mut ordered = family;
        ordered.children.sort_by(|a, b| a.labels.cmp(&b.labels));
        prop_assert_eq!(kept(&ordered), as_it_is.clone());
        ordered.children.reverse();
        prop_assert_eq!(kept(&ordered), as_it_is);
    }
}

#[test]
fn a_storage_in_an_exported_registry_gives_the_same_page_as_without() -> prometheus::Result<()> {
    let monitor = |at| Monitor::with_clock(StorageConfig::default(), Clock::manual(at).0);
    let (one, other) = (monitor(1_700_000_000.0), monitor(1_700_000_001.0));
    let method = one.method("Get").expect("a valid name");
    method.start().finish(Outcome::Success);
    let registry = Registry::new();
    registry.register(Box::new(*one.storage()))?;
    let again = registry.register(Box::new(*one.storage()));
    assert!(again.is_err(), "one storage is one collector");
    registry.register(Box::new(*other.storage()))?;

    let own = families(&one.snapshot(), Profile::default());
    let gathered = gathered(&registry)?;
    let merged = merge(vec![own.clone(), gathered]);
    assert_eq!(merged.families, own);
    assert_eq!(merged.dropped_families, 0);
    Ok(())
}

#[test]
fn beside_a_storage_the_very_same_gives_nothing_and_any_other_is_counted() -> prometheus::Result<()>
{
    let monitor = || Monitor::new(StorageConfig::default());
    let (one, other) = (monitor(), monitor());
    let registry = Registry::new();
    registry.register(Box::new(*one.storage()))?;
    let beside =
        |storage: &Monitor| gather_beside(&registry, storage).expect("no collector panics");
    assert_eq!(beside(&one), []);
    let seen = beside(&other);
    assert!(!seen.is_empty(), "registered is another");
    assert_eq!(gather(&registry), Ok(seen.clone()), "left out no longer");

    let own = families(&other.snapshot(), Profile::default());
    let merged = merge(vec![own, seen.clone()]);
    let series: usize = seen.iter().map(|family| family.children.len()).sum();
    assert_eq!(merged.dropped_series, series as u64);
    Ok(())
}

#[test]
fn a_collector_that_panics_beside_a_storage_leaves_it_registered() -> prometheus::Result<()> {
    let monitor = Monitor::new(StorageConfig::default());
    let registry = Registry::new();
    registry.register(Box::new(*monitor.storage()))?;
    let broken =
        std::panic::catch_unwind(|| super::leaving_out(monitor.core.id, || panic!("broken")));
    assert!(broken.is_err());
    assert!(!monitor.collect().is_empty());
    Ok(())
}

#[test]
fn a_bound_of_zero_from_elsewhere_has_no_sign() {
    let registry = Registry::new();
    let opts = HistogramOpts::new("change", "A change.").buckets(vec![-1.0, -0.0]);
    let change = PromHistogram::with_opts(opts).expect("good options");
    registry.register(Box::new(change)).expect("a free name");
    let families = gather(&registry).expect("no panic");
    let text = page(&families, Format::Text004);
    assert!(text.contains("change_bucket{le=\"0.0\"}"), "{text}");
}
