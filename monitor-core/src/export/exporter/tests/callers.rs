//! Calls by caller: which pairs have series, and that nothing is missing or counted twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{fresh, method};
use crate::data::family::{ChildValue, Family, FamilyType, Label};
use crate::data::labels::ConstLabels;
use crate::data::snapshot::{CallerSnapshot, MethodSnapshot, Snapshot};
use crate::export::encode::tests::checked_samples;
use crate::export::encode::tests::strict::Sample;
use crate::export::names::{Exporter, Profile, families};
use crate::{Monitor, Outcome, StorageConfig};

const CALLS: &str = "monitor_calls_total";
const FAILED: &str = "monitor_calls_failed_total";

/// A method that these callers call so often; of a caller's calls one in ten failed. No text is no caller.
fn called(name: &str, callers: &[(&str, u64)]) -> MethodSnapshot {
    let mut method = method(name);
    let callers = callers.iter().map(|(caller, calls)| CallerSnapshot {
        caller: (!caller.is_empty()).then(|| Arc::from(*caller)),
        calls: *calls,
        failures: calls / 10,
    });
    method.callers = callers.collect();
    method.started = method.callers.iter().map(|caller| caller.calls).sum();
    method
}

fn with(limit: usize, methods: Vec<MethodSnapshot>) -> Snapshot {
    let mut snapshot = fresh();
    snapshot.inittime = None;
    snapshot.shown_caller_pairs = limit;
    snapshot.methods = methods;
    snapshot
}

fn of_family(samples: &[Sample], name: &str) -> Vec<String> {
    let samples = samples.iter().filter(|sample| sample.name == name);
    let lines = samples.map(|sample| {
        let labels = sample.labels.iter();
        let labels: Vec<_> = labels
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        format!("{} {}", labels.join(" "), sample.value)
    });
    lines.collect()
}

/// The series of a page, in both formats and profiles the same, sorted.
fn series(snapshot: &Snapshot, name: &str) -> Vec<String> {
    let pages = Profile::ALL.map(|profile| {
        let samples = checked_samples(&families(snapshot, profile));
        of_family(&samples, name)
    });
    assert_eq!(pages[0], pages[1]);
    let [page, _] = pages;
    page
}

/// The same of a page of this exporter.
fn shown(exporter: &Exporter, snapshot: &Snapshot) -> Vec<String> {
    of_family(&checked_samples(&exporter.families(snapshot)), CALLS)
}

#[test]
fn without_a_limit_there_are_no_such_families() {
    let snapshot = with(0, vec![called("Load", &[("", 3), ("Get", 4)])]);
    for profile in Profile::ALL {
        let families = families(&snapshot, profile);
        assert!(
            families
                .iter()
                .all(|family| !family.name.starts_with("monitor_calls"))
        );
    }
}

#[test]
fn each_pair_has_a_series_and_label_sets_are_added_up() {
    let other = MethodSnapshot {
        number: 1,
        labels: Arc::from([Label::new("tenant", "a")]),
        ..called("Load", &[("Get", 30), ("Put", 1)])
    };
    let methods = vec![
        called("Get", &[("", 20)]),
        called("Load", &[("", 3), ("Get", 4)]),
        other,
    ];
    let snapshot = with(100, methods);
    let calls = [
        "caller=Get method=Load 34",
        "caller=Put method=Load 1",
        "entry=true method=Get 20",
        "entry=true method=Load 3",
    ];
    assert_eq!(series(&snapshot, CALLS), calls);
    let failed = [
        "caller=Get method=Load 3",
        "caller=Put method=Load 0",
        "entry=true method=Get 2",
        "entry=true method=Load 0",
    ];
    assert_eq!(series(&snapshot, FAILED), failed);
}

#[test]
fn a_method_may_have_any_name() {
    let methods = vec![
        called(
            "entry",
            &[("", 1), ("entry", 2), ("overflow", 3), ("true", 4)],
        ),
        called("overflow", &[("", 5), ("overflow", 6)]),
    ];
    let calls = [
        "caller=entry method=entry 2",
        "caller=overflow method=entry 3",
        "entry=true method=entry 1",
        "method=entry overflow=true 4",
        "method=overflow overflow=true 11",
    ];
    assert_eq!(series(&with(3, methods), CALLS), calls);
}

#[test]
fn a_pair_with_a_series_keeps_it_and_the_others_are_one_series_a_method() {
    let exporter = Exporter::new(Profile::Prometheus);
    let first = with(2, vec![called("Load", &[("Get", 1), ("Put", 2)])]);
    let both = ["caller=Get method=Load 1", "caller=Put method=Load 2"];
    assert_eq!(shown(&exporter, &first), both);
    // Earlier by name, and with more calls.
    let methods = vec![
        called("Feed", &[("", 70)]),
        called("Load", &[("", 90), ("Get", 1), ("Most", 100), ("Put", 5)]),
    ];
    let later = with(2, methods);
    let kept = [
        "caller=Get method=Load 1",
        "caller=Put method=Load 5",
        "method=Feed overflow=true 70",
        "method=Load overflow=true 190",
    ];
    assert_eq!(shown(&exporter, &later), kept);
    let failed = of_family(&checked_samples(&exporter.families(&later)), FAILED);
    let of_overflow = [
        "method=Feed overflow=true 7",
        "method=Load overflow=true 19",
    ];
    assert_eq!(failed[2..], of_overflow);
}

#[test]
fn a_lower_limit_leaves_the_first_pairs_their_series() {
    let exporter = Exporter::new(Profile::Prometheus);
    let page = |limit| {
        let load = called("Load", &[("", 1), ("Get", 2), ("Put", 3)]);
        shown(&exporter, &with(limit, vec![load]))
    };
    let all = [
        "caller=Get method=Load 2",
        "caller=Put method=Load 3",
        "entry=true method=Load 1",
    ];
    assert_eq!(page(3), all);
    assert_eq!(
        page(1),
        ["entry=true method=Load 1", "method=Load overflow=true 5"]
    );
    assert!(page(0).is_empty());
    assert_eq!(page(3), all);
}

#[test]
fn other_labels_of_every_series_and_reserved_names_change_no_pair() {
    let exporter = Exporter::new(Profile::Prometheus);
    let load = |callers: &[(&str, u64)]| with(1, vec![called("Load", callers)]);
    assert_eq!(
        shown(&exporter, &load(&[("Put", 2)])),
        ["caller=Put method=Load 2"]
    );
    exporter.reserve(&[Family::new("mine", "", FamilyType::Gauge)]);
    let mut later = load(&[("Get", 9), ("Put", 2)]);
    let kept = ["caller=Put method=Load 2", "method=Load overflow=true 9"];
    assert_eq!(shown(&exporter, &later), kept);
    let labels = [("caller", "prod"), ("entry", "prod")];
    later.const_labels = ConstLabels::try_new(labels).expect("good labels");
    let relabelled = [
        "caller=prod entry=prod label_caller=Put method=Load 2",
        "caller=prod entry=prod method=Load overflow=true 9",
    ];
    assert_eq!(shown(&exporter, &later), relabelled);
}

/// What a query by this label would add up.
fn sums(families: &[Family], name: &str) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    let family = families.iter().find(|family| family.name == name);
    for child in family.into_iter().flat_map(|family| &family.children) {
        let method = child.labels.iter().find(|label| label.name == "method");
        let method = method.expect("its method").value.to_string();
        let ChildValue::Int(count) = child.value else {
            panic!("no count: {child:?}")
        };
        *sums.entry(method).or_default() += count;
    }
    sums
}

/// The series of a method add up to its calls, and to its failures.
pub(super) fn assert_adds_up(families: &[Family], profile: Profile) {
    let names = match profile {
        Profile::Servicekit => ["stats_request", "stats_errors"],
        Profile::Prometheus => ["service_requests_total", "service_request_errors_total"],
    };
    for (by_caller, name) in [CALLS, FAILED].into_iter().zip(names) {
        let (mut by_caller, mut all) = (sums(families, by_caller), sums(families, name));
        by_caller.retain(|_, count| *count > 0);
        all.retain(|_, count| *count > 0);
        assert_eq!(by_caller, all, "{name}");
    }
}

#[test]
fn recorded_calls_stand_under_their_callers_and_add_up() {
    let config = StorageConfig {
        caller_pairs: 2,
        ..StorageConfig::default()
    };
    let monitor = Monitor::new(config);
    let method = |name| monitor.method(name).expect("a name");
    let (get, load, row) = (method("Get"), method("Load"), method("Row"));
    let of_tenant = load.with_labels(&[("tenant", "a")]).expect("labels");
    monitor.scope_sync(|| {
        let call = get.start();
        call.run(|| {
            load.start().finish(Outcome::ErrorType("other"));
            let load = of_tenant.start();
            load.run(|| row.start().finish(Outcome::Success));
            load.finish(Outcome::Success);
        });
        call.finish(Outcome::Success);
        load.start().finish(Outcome::Success);
    });
    let snapshot = monitor.snapshot();
    let calls = [
        "entry=true method=Get 1",
        "entry=true method=Load 1",
        "method=Load overflow=true 2",
        "method=Row overflow=true 1",
    ];
    assert_eq!(series(&snapshot, CALLS), calls);
    for profile in Profile::ALL {
        assert_adds_up(&families(&snapshot, profile), profile);
    }
}

#[test]
fn calls_of_label_sets_that_left_the_page_are_still_counted() {
    let mut hidden = called("Load", &[("Get", 40)]);
    hidden.number = 1;
    hidden.labels = Arc::from([Label::new("tenant", "a")]);
    hidden.is_open = true;
    hidden.is_hidden = true;
    let methods = vec![called("Load", &[("Get", 2)]), hidden];
    assert_eq!(
        series(&with(9, methods), CALLS),
        ["caller=Get method=Load 42"]
    );
}
