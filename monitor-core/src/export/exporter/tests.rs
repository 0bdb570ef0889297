//! Families of a snapshot. The original's pages are among the recorded cases, `tests/oracle`.

mod callers;
mod collisions;
mod constant;
mod forget;
mod messages;
mod round_trip;

use std::sync::Arc;

use super::{Profile, families};
use crate::data::buckets::SIZE_BOUNDS;
use crate::data::catalog::{Namespace, NamespaceError};
use crate::data::family::{ChildValue, Family, FamilyType, Histogram};
use crate::data::key::StatKey;
use crate::data::snapshot::{
    CallValueSnapshot, Means, MethodSnapshot, SelfTime, ServiceInfo, Snapshot, StatusSnapshot,
    TaskTotals, ValueEntry, ValuesSnapshot,
};
use crate::data::status::TaskStatus;
use crate::data::value::StatValue;
use crate::export::encode::Format;
use crate::export::encode::tests::{checked_samples, page};

/// The original's bounds, without the finer ones this crate adds.
const TIME: [f64; 47] = [
    0.0, 0.01, 0.02, 0.03, 0.05, 0.1, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0,
    8.0, 9.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 45.0, 50.0, 55.0, 60.0, 90.0, 120.0, 180.0,
    240.0, 270.0, 300.0, 360.0, 420.0, 480.0, 540.0, 600.0, 900.0, 1200.0, 1500.0, 1800.0, 3600.0,
];

pub(crate) fn fresh() -> Snapshot {
    Snapshot {
        taken_at: 1_700_000_000.0,
        created_at: 1_700_000_000.0,
        started_at: 1_700_000_000.0,
        clock: crate::ClockSource::Manual,
        inittime: Some(Arc::from("<INITTIME>")),
        service_threads: 1.0,
        service_info: Vec::new(),
        tasks: TaskTotals::default(),
        error_types: Arc::from([Arc::from("other")]),
        time_bounds: Arc::from(TIME),
        buckets: None,
        size_buckets: None,
        methods: Vec::new(),
        expected: Vec::new(),
        statuses: Vec::new(),
        method_statuses: Vec::new(),
        values: ValuesSnapshot::default(),
        self_time: None,
        dropped_exemplars: 0,
        copied_reads: 0,
        shown_caller_pairs: 0,
        const_labels: crate::data::labels::ConstLabels::default(),
        namespace: Namespace::default(),
    }
}

fn observed(bounds: &[f64], values: &[f64]) -> Histogram {
    let mut histogram = Histogram::empty(&Arc::from(bounds));
    for value in values {
        histogram.counts[bounds.partition_point(|bound| bound < value)] += 1;
        histogram.sum += value;
    }
    histogram
}

/// A key as the recorded cases write them.
fn key(raw: &str) -> Arc<StatKey> {
    let mut parts = raw.split("___");
    let name = parts.next().unwrap_or_default();
    let labels = parts
        .filter_map(|part| part.split_once("__"))
        .filter(|(_, value)| !value.contains("__"));
    let labels = labels.map(|(name, value)| (name.into(), value.into()));
    Arc::new(StatKey::from_parts(raw, name, labels))
}

fn entry(raw: &str, value: StatValue) -> ValueEntry {
    ValueEntry {
        key: key(raw),
        value,
    }
}

fn means(window: f64, last: f64) -> Means {
    Means {
        window: Some(window),
        last: Some(last),
    }
}

fn call_value(name: &str, bounds: Option<&[f64]>, values: &[f64]) -> CallValueSnapshot {
    let count = u32::try_from(values.len()).unwrap_or(u32::MAX);
    let mean = values.iter().sum::<f64>() / f64::from(count);
    CallValueSnapshot {
        key: key(name),
        histogram: bounds.map(|bounds| observed(bounds, values)),
        means: means(mean, mean),
    }
}

fn method(name: &str) -> MethodSnapshot {
    MethodSnapshot {
        number: name
            .bytes()
            .fold(7, |all, byte| (all * 31 + u32::from(byte)) % 65_536),
        name: name.into(),
        is_open: false,
        is_hidden: false,
        labels: Arc::from([]),
        callers: Vec::new(),
        entries_in_flight: 0,
        started: 0,
        own_bounds: &[],
        success: observed(&TIME, &[]),
        failure: observed(&TIME, &[]),
        errors: Vec::new(),
        in_flight: 0,
        duration: None,
        self_seconds: None,
        values: Vec::new(),
        waiting: None,
        items: None,
        exemplars: Vec::new(),
    }
}

fn names(families: &[Family]) -> Vec<&str> {
    families.iter().map(|family| &*family.name).collect()
}

fn by_name<'a>(families: &'a [Family], name: &str) -> &'a Family {
    let found = families.iter().find(|family| family.name == name);
    found.unwrap_or_else(|| panic!("no {name} in {:?}", names(families)))
}

#[test]
fn without_inittime_no_series_has_that_label() {
    let mut snapshot = fresh();
    snapshot.inittime = None;
    snapshot.methods = vec![method("Get")];
    let page = page(&families(&snapshot, Profile::Servicekit), Format::Text004);
    assert!(!page.contains("inittime"));
    assert!(page.contains("\nstats_request{method=\"Get\"} 0\n"));
    assert!(page.contains("\nstats_processed{method=\"Get\",status=\"failure\"} 0\n"));
    assert!(page.contains("\nstats_errors{method=\"Get\",type=\"other\"} 0\n"));
    assert!(page.contains("\nstats_hist_time_full_count{method=\"Get\"} 0\n"));
    assert!(!page.contains("aggregation"));
}

#[test]
fn a_task_type_has_one_sample_its_current_status() {
    let mut snapshot = fresh();
    snapshot.inittime = None;
    let status = |task: &str, status, run| StatusSnapshot {
        task: task.into(),
        status,
        run,
        age: None,
    };
    let samples = |snapshot: &Snapshot| {
        let families = families(snapshot, Profile::Servicekit);
        let family = by_name(&families, "monitor_task_status");
        page(std::slice::from_ref(family), Format::Text004)
    };
    let default = "\nmonitor_task_status{status=\"OK\",task=\"default\"} 0\n";
    assert!(samples(&snapshot).ends_with(default));
    snapshot.statuses = vec![
        status("default", TaskStatus::Fatal, 3),
        status("Get", TaskStatus::Ok, 1),
    ];
    snapshot.method_statuses = vec![
        status("Get", TaskStatus::Ok, 9),
        status("Put", TaskStatus::Internal, 2),
    ];
    let want = "monitor_task_status{status=\"FATAL\",task=\"default\"} 3\nmonitor_task_status{status=\"OK\",task=\"Get\"} \
                1\nmonitor_task_status{status=\"INTERNAL\",task=\"Put\"} 2\n";
    assert!(samples(&snapshot).ends_with(want));
}

#[test]
fn busy_time_is_spread_over_the_configured_workers() {
    let mut snapshot = fresh();
    let normalised = |snapshot: &Snapshot| {
        let name = "stats_tasks_with_current_time_spend_normalised_total";
        let families = families(snapshot, Profile::Servicekit);
        checked_samples(std::slice::from_ref(by_name(&families, name)))[0].value
    };
    snapshot.tasks.busy_seconds = 6.0;
    snapshot.service_threads = 4.0;
    assert!((normalised(&snapshot) - 1.5).abs() < 1e-12);
    snapshot.service_threads = 0.0;
    assert!(normalised(&snapshot).abs() < 1e-12);
}

#[test]
fn service_info_is_exported_as_it_stands_but_not_over_built_in_families() {
    let mut snapshot = fresh();
    let info = |name: &str| ServiceInfo {
        name: name.into(),
        info: "Number of GPUs".into(),
        value: 2.0,
    };
    let names = ["gpu_Count", "service_threads", "stats_request", "9 \u{e4}"];
    snapshot.service_info = names.map(info).to_vec();
    let families = families(&snapshot, Profile::Servicekit);
    assert_eq!(by_name(&families, "gpu_Count").help, "Number of GPUs");
    assert_eq!(by_name(&families, "service_threads").children.len(), 1);
    assert_eq!(by_name(&families, "___").help, "Number of GPUs");
    let moved = &by_name(&families, "stats_key_459d7bee").help;
    assert_eq!(*moved, "This is metric `stats_request` from MonitorServer.");
    checked_samples(&families);
}

#[test]
fn a_method_with_finer_bounds_adds_up_in_the_common_ones() {
    let mut snapshot = fresh();
    let values = [0.0, 0.005, 0.01, 0.4, 0.5, 7000.0];
    let below = [-1.0, 0.0, 0.001, 0.005].into_iter();
    let fine: Vec<f64> = below
        .chain(TIME.into_iter().skip(1))
        .chain([9999.0])
        .collect();
    let special = MethodSnapshot {
        success: observed(&fine, &values),
        failure: observed(&fine, &[]),
        ..method("Get")
    };
    snapshot.methods = vec![special];
    let families = families(&snapshot, Profile::Servicekit);
    let all = &by_name(&families, "tasks_time_spent_quantile").children[0].value;
    assert_eq!(*all, ChildValue::Histogram(observed(&TIME, &values)));
}

#[test]
fn units_are_those_the_names_end_in() {
    let families = families(&fresh(), Profile::Servicekit);
    let units = families
        .iter()
        .filter_map(|one| Some((&*one.name, one.unit?)));
    let with_unit: Vec<_> = units.collect();
    assert_eq!(with_unit, [("process_start_time_seconds", "seconds")]);
}

#[test]
fn the_idiomatic_profile_has_units_and_totals_where_they_belong() {
    let mut snapshot = fresh();
    snapshot.inittime = None;
    snapshot.methods = vec![MethodSnapshot {
        started: 2,
        success: observed(&TIME, &[0.5]),
        failure: observed(&TIME, &[0.25]),
        duration: Some(means(0.375, 0.375)),
        values: vec![call_value("request_size", Some(&SIZE_BOUNDS), &[10.0])],
        waiting: Some(1),
        ..method("Get")
    }];
    snapshot.values.entries = vec![entry("jobs_total", StatValue::Int(3))];
    let families = families(&snapshot, Profile::Prometheus);
    for family in &families {
        let is_counter = family.kind == FamilyType::Counter;
        let is_total = family.name.ends_with("_total");
        assert_eq!(is_total, is_counter, "{}", family.name);
        assert!(!family.help.is_empty());
    }
    let durations = by_name(&families, "service_request_duration_seconds");
    let counts = checked_samples(std::slice::from_ref(durations)).into_iter();
    let counts = counts.filter(|sample| sample.name.ends_with("_count"));
    let counts: Vec<_> = counts
        .map(|one| (one.labels[1].1.clone(), one.value))
        .collect();
    let expected = ["failure", "success"].map(|status| (status.to_owned(), 1.0));
    assert_eq!(counts, expected);
    for name in [
        "service_request_size_bytes",
        "service_recent_mean_request_size_bytes",
        "service_value_jobs_total_value",
        "service_requests_waiting",
    ] {
        by_name(&families, name);
    }
}

#[test]
fn the_namespace_is_that_of_the_snapshot_and_of_the_services_families_alone() {
    let mut snapshot = fresh();
    snapshot.values.entries = vec![entry("jobs", StatValue::Int(3))];
    let exporter = super::Exporter::new(Profile::Prometheus);
    let before = exporter.families(&snapshot);
    by_name(&before, "service_value_jobs");
    snapshot.namespace = Namespace::try_new("shop").expect("a good namespace");
    let after = exporter.families(&snapshot);
    for (before, after) in before.iter().zip(&after) {
        let expected = match before.name.strip_prefix("service_") {
            Some(rest) => format!("shop_{rest}"),
            None => before.name.to_string(),
        };
        assert_eq!(after.name, expected);
    }
    let has =
        |families: &[Family], prefix| names(families).iter().any(|name| name.starts_with(prefix));
    assert!(has(&after, "monitor_"));
    by_name(&after, "shop_value_jobs");
    assert!(!has(&families(&snapshot, Profile::Servicekit), "shop"));
}

#[test]
fn a_namespace_is_a_name_that_no_other_families_begin_with() {
    for good in "service shop Shop_2 my_monitor processing up".split(' ') {
        assert_eq!(Namespace::try_new(good).expect(good).as_str(), good);
    }
    for bad in ["", "2shop", "my-shop", "a:b", "a b", "ä"] {
        let error = Namespace::try_new(bad).expect_err(bad);
        assert!(matches!(error, NamespaceError::Invalid { .. }), "{bad}");
    }
    for taken in "monitor monitor_x monitoring process process_x tokio scrape stats".split(' ') {
        let error = Namespace::try_new(taken).expect_err(taken);
        assert!(matches!(error, NamespaceError::Reserved { .. }), "{taken}");
    }
}

#[test]
fn self_time_is_on_the_page_once_a_sampler_began() {
    let mut snapshot = fresh();
    snapshot.methods = vec![MethodSnapshot {
        self_seconds: Some(1.5),
        ..method("Get")
    }];
    let of_sampler = |snapshot: &Snapshot, profile| {
        let families = families(snapshot, profile).into_iter();
        let is_ours = |name: &str| name.contains("_self_") || name.contains("_sample");
        let families = families.filter(|family| is_ours(&family.name));
        families
            .map(|mut family| {
                let only = family.children.pop().expect("a child");
                (family.name.to_string(), family.kind, only.value)
            })
            .collect::<Vec<_>>()
    };
    for profile in Profile::ALL {
        snapshot.self_time = None;
        assert_eq!(of_sampler(&snapshot, profile), []);
        snapshot.self_time = Some(SelfTime {
            samples: 300,
            late_seconds: 0.25,
            busy_seconds: 0.5,
            stacks: Vec::new(),
        });
        let counter = |name: &str, value| (name.to_owned(), FamilyType::Counter, value);
        let expected = [
            counter("monitor_self_seconds_total", ChildValue::Float(1.5)),
            counter("monitor_samples_total", ChildValue::Int(300)),
            counter(
                "monitor_sampler_late_seconds_total",
                ChildValue::Float(0.25),
            ),
            counter("monitor_sampler_busy_seconds_total", ChildValue::Float(0.5)),
        ];
        assert_eq!(of_sampler(&snapshot, profile), expected);
    }
}
