//! Pages of messages straight from a snapshot: start times, and native buckets over a method's outcomes and over all
//! methods.

use super::*;
use crate::data::buckets::HistogramKind;
use crate::data::family::{Child, NativeBuckets};
use crate::data::snapshot::{MetricSnapshot, ValueHistogram};
use crate::export::encode::encode;
use crate::export::exporter::encode_snapshot;
use crate::export::protobuf::tests::reader::{self, Metric, Value};

const CREATED: f64 = 1_600_000_000.25;

fn messages(snapshot: &Snapshot, profile: Profile) -> Vec<reader::Family> {
    let mut page = Vec::new();
    encode_snapshot(snapshot, profile, &[], Format::Protobuf, &mut page);
    reader::read(&page).expect("a page of messages")
}

fn native(positive: &[(i32, u64)]) -> NativeBuckets {
    NativeBuckets {
        positive: positive.to_vec(),
        ..NativeBuckets::default()
    }
}

/// A method with native buckets, of which some calls failed.
fn native_method(name: &str) -> MethodSnapshot {
    let mut method = method(name);
    method.started = 4;
    method.success = observed(&TIME, &[1.0, 2.0, 2.0]);
    method.success.native = Some(native(&[(0, 1), (8, 2)]));
    method.failure = observed(&TIME, &[2.0]);
    method.failure.native = Some(native(&[(8, 1)]));
    method
}

/// The native buckets of a metric that are not empty.
fn filled(metric: &Metric) -> Option<Vec<(i64, u64)>> {
    let Value::Histogram(histogram) = &metric.value else {
        panic!("a histogram: {metric:?}");
    };
    let native = histogram.native.as_ref()?;
    let filled = native.positive.buckets.iter();
    Some(filled.copied().filter(|(_, count)| *count > 0).collect())
}

fn metrics<'a>(page: &'a [reader::Family], name: &str) -> &'a [Metric] {
    let family = page.iter().find(|family| family.name == name);
    &family.unwrap_or_else(|| panic!("no {name}")).metrics
}

#[test]
fn native_buckets_are_those_of_both_outcomes_of_one_or_of_all_methods() {
    let mut snapshot = fresh();
    snapshot.methods = vec![native_method("Get"), native_method("Put")];
    let page = messages(&snapshot, Profile::Servicekit);
    for metric in metrics(&page, "stats_hist_time_full") {
        assert_eq!(filled(metric), Some(vec![(0, 1), (8, 3)]));
    }
    let all = metrics(&page, "tasks_time_spent_quantile");
    assert_eq!(filled(&all[0]), Some(vec![(0, 2), (8, 6)]));

    let page = messages(&snapshot, Profile::Prometheus);
    let by_outcome = metrics(&page, "service_request_duration_seconds");
    let buckets: Vec<_> = by_outcome.iter().map(filled).collect();
    let (failure, success) = (Some(vec![(8, 1)]), Some(vec![(0, 1), (8, 2)]));
    assert_eq!(
        buckets,
        [&failure, &success, &failure, &success].map(Clone::clone)
    );

    // The families as plain data have them too.
    let families = families(&snapshot, Profile::Servicekit);
    let mut page = Vec::new();
    encode(&families, Format::Protobuf, &mut page);
    let page = reader::read(&page).expect("a page of messages");
    let of_get = &metrics(&page, "stats_hist_time_full")[0];
    assert_eq!(filled(of_get), Some(vec![(0, 1), (8, 3)]));

    // Without those of one method there are none of all.
    snapshot.methods[1].failure.native = None;
    let page = messages(&snapshot, Profile::Servicekit);
    assert_eq!(
        filled(&metrics(&page, "tasks_time_spent_quantile")[0]),
        None
    );
}

#[test]
fn counts_started_with_the_storage_or_with_their_child_and_those_of_keys_at_no_known_time() {
    let mut snapshot = fresh();
    snapshot.created_at = CREATED;
    let mut get = native_method("Get");
    get.values = vec![call_value("in size", Some(&SIZE_BOUNDS), &[3.0])];
    snapshot.methods = vec![get];
    snapshot.values.histograms = vec![ValueHistogram {
        kind: HistogramKind::Time,
        key: key("a_time"),
        histogram: observed(&TIME, &[1.0]),
    }];
    snapshot.values.metrics = vec![MetricSnapshot {
        name: "mine_total".into(),
        help: "Mine.".into(),
        kind: FamilyType::Counter,
        unit: None,
        children: vec![Child {
            started: Some(CREATED + 60.0),
            ..Child::new([], ChildValue::Int(1))
        }],
    }];
    // Removable: what user code made itself.
    let unknown = ["service_a_time_seconds", "stats_hist_a_time"];
    for profile in Profile::ALL {
        let mut of_calls = 0;
        for family in messages(&snapshot, profile) {
            let has_one = matches!(family.kind, "counter" | "histogram");
            let is_known = has_one && !unknown.contains(&&*family.name);
            of_calls += usize::from(family.name.contains("in_size") && is_known);
            for metric in &family.metrics {
                let started = match &*family.name {
                    "mine_total" => Some(CREATED + 60.0),
                    _ => is_known.then_some(CREATED),
                };
                assert_eq!(metric.started, started, "{}", family.name);
            }
        }
        assert_eq!(of_calls, 1);
    }
}

#[test]
fn one_exporter_writes_both_kinds_of_pages_in_turn() {
    let mut snapshot = fresh();
    snapshot.methods = vec![native_method("Get"), native_method("Put")];
    let exporter = crate::export::exporter::Exporter::new(Profile::Prometheus);
    let write = |format| {
        let mut page = Vec::new();
        exporter.encode(&snapshot, &[], format, &mut page);
        // Room for a page of the other kind would be far too much, or too little.
        assert!(page.capacity() < 2 * page.len() + 8192);
        page
    };
    let formats = [Format::Protobuf, Format::Text004, Format::OpenMetrics100];
    let first = formats.map(write);
    assert_eq!(formats.map(write), first);
}

/// A key that user code observes under the name of a value that calls observe has no native buckets.
#[test]
fn a_family_of_keys_with_native_buckets_and_without_is_two_messages() {
    let mut snapshot = fresh();
    let mut get = native_method("Get");
    get.values = vec![call_value("in size", Some(&SIZE_BOUNDS), &[3.0])];
    if let Some(histogram) = &mut get.values[0].histogram {
        histogram.native = Some(native(&[(13, 1)]));
    }
    snapshot.methods = vec![get];
    let name = "stats_hist_in_size";
    let page = messages(&snapshot, Profile::Servicekit);
    assert_eq!(filled(&metrics(&page, name)[0]), Some(vec![(13, 1)]));
    snapshot.values.histograms = vec![ValueHistogram {
        kind: HistogramKind::Size,
        key: key("in size"),
        histogram: observed(&SIZE_BOUNDS, &[1.0]),
    }];
    let page = messages(&snapshot, Profile::Servicekit);
    let parts = page.iter().filter(|family| family.name == name);
    let parts: Vec<Vec<_>> = parts
        .map(|part| part.metrics.iter().map(filled).collect())
        .collect();
    assert_eq!(parts, [[Some(vec![(13, 1)])], [None]]);
}

/// From the calls of a monitor to the page: the buckets of a known load.
#[test]
fn the_native_buckets_of_a_page_are_those_of_the_calls() {
    let (clock, hand) = crate::Clock::manual(1_700_000_000.0);
    let monitor = crate::Monitor::with_clock(crate::StorageConfig::default(), clock);
    let method = monitor.method("Get").expect("a name");
    for millis in [0, 1, 1, 1500] {
        let call = method.start();
        hand.advance(std::time::Duration::from_millis(millis));
        call.finish(crate::Outcome::Success);
    }
    let page = messages(&monitor.native_snapshot(), Profile::Servicekit);
    for name in ["stats_hist_time_full", "tasks_time_spent_quantile"] {
        let metric = &metrics(&page, name)[0];
        let Value::Histogram(histogram) = &metric.value else {
            panic!("a histogram: {metric:?}");
        };
        let native = histogram.native.as_ref().expect("native fields");
        // 2^(-80/8) s is 0.98 ms, 2^(5/8) s is 1.54 s.
        assert_eq!(filled(metric), Some(vec![(-79, 2), (5, 1)]));
        assert_eq!((native.zero, histogram.count), (1, 4));
    }
    let page = messages(&monitor.snapshot(), Profile::Servicekit);
    assert_eq!(filled(&metrics(&page, "stats_hist_time_full")[0]), None);
}
