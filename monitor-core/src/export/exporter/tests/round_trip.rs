//! Whatever is recorded, through the public verbs: its pages say just that.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::callers;
use crate::data::buckets::{DEFAULT_BUCKETS, TIME_BOUNDS};
use crate::data::family::{Child, ChildValue, Family, FamilyType, Label};
use crate::data::key::StatKey;
use crate::data::labels::ConstLabels;
use crate::data::snapshot::{MethodSnapshot, ServiceInfo, Snapshot};
use crate::data::status::TaskStatus;
use crate::data::value::StatValue;
use crate::errors::Outcome;
use crate::export::encode::tests::expected::{check_page, check_same, samples};
use crate::export::encode::tests::hostile::{any_number, any_text};
use crate::export::encode::tests::{BOTH, case, same, strict};
use crate::export::exposition::{Format, encode_named, encode_snapshot};
use crate::export::names::{Profile, families};
use crate::export::protobuf::tests::reader;
use crate::recording::exemplar::{Exemplar, KeptExemplar};
use crate::{Clock, Keep, ManualClock, MetricDesc, Monitor, RegisterError, StorageConfig};

/// A call, with labels and values of its own.
#[derive(Debug, Clone)]
struct Call {
    method: String,
    /// The method that makes it.
    caller: Option<String>,
    labels: BTreeMap<String, String>,
    took: Duration,
    error: Option<String>,
    observed: Vec<(String, f64)>,
}

/// Something a user does.
#[derive(Debug, Clone)]
enum Step {
    Set(String, StatValue),
    Add(String, f64),
    Append(String, BTreeMap<String, f64>),
    Status(String, TaskStatus),
    Call(Call),
    Metric(Metric),
}

/// A registered metric, and an update of it.
#[derive(Debug, Clone)]
struct Metric {
    kind: FamilyType,
    name: String,
    help: String,
    label: String,
    value: f64,
}

/// Keys as users write them, and any text at all.
fn any_key() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        "(x|y|jobs|wait time|size|request|x_count|hist_time_full|tasks_time_spend)",
        any_text()
    ];
    let label = (
        "(a|b|A|a b|le|method|overflow|inittime|__name__|tenant|label_tenant)",
        any_text(),
    );
    let labels = prop::collection::vec(label, 0..4);
    let written = (name, labels).prop_map(|(name, labels)| {
        let labels: Vec<_> = labels
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        StatKey::write(&name, &labels)
    });
    prop_oneof![3 => written, 1 => "(x|_|__|___|a__b){1,6}", 1 => any_text()]
}

fn any_stat_value() -> impl Strategy<Value = StatValue> {
    prop_oneof![
        4 => any_number().prop_map(StatValue::Float),
        3 => any::<i64>().prop_map(StatValue::Int),
        1 => any::<bool>().prop_map(StatValue::Bool),
        1 => any_text().prop_map(StatValue::Text),
    ]
}

fn any_call() -> impl Strategy<Value = Step> {
    let method = || prop_oneof!["(Get|Put)", any_text()];
    let methods = (method(), prop::option::of(method()));
    let labels = prop::collection::btree_map(
        "(tenant|kind|task|z|label_kind|label_z)",
        prop_oneof![3 => any_text(), 1 => Just("here".to_owned())],
        0..3,
    );
    let error = prop::option::of(prop_oneof!["(other|timed out)", any_text()]);
    let observed = prop::collection::vec((any_key(), any_number()), 0..4);
    (methods, labels, 0_u64..1 << 40, error, observed).prop_map(
        |((method, caller), labels, took, error, observed)| {
            Step::Call(Call {
                method,
                caller,
                labels,
                took: Duration::from_nanos(took),
                error,
                observed,
            })
        },
    )
}

fn any_metric() -> impl Strategy<Value = Step> {
    use FamilyType::{Counter, Gauge, Histogram};

    let name =
        "(mine|mine_count|stats_x|stats_jobs_total|service_value_x|stats_hist_wait_time|x:y)";
    let kind = prop::sample::select([Counter, Gauge, Histogram].as_slice());
    (kind, name, any_text(), any_text(), any_number()).prop_map(
        |(kind, name, help, label, value)| {
            Step::Metric(Metric {
                kind,
                name,
                help,
                label,
                value,
            })
        },
    )
}

fn any_step() -> impl Strategy<Value = Step> {
    let points = prop::collection::btree_map(any_key(), any_number(), 0..3);
    let status = prop::sample::select([TaskStatus::Ok, TaskStatus::Fatal].as_slice());
    prop_oneof![
        4 => (any_key(), any_stat_value()).prop_map(|(key, value)| Step::Set(key, value)),
        2 => (any_key(), any_number()).prop_map(|(key, by)| Step::Add(key, by)),
        2 => (prop_oneof![Just("stats".to_owned()), any_key()], points)
            .prop_map(|(key, point)| Step::Append(key, point)),
        1 => (any_text(), status).prop_map(|(task, status)| Step::Status(task, status)),
        4 => any_call(),
        2 => any_metric(),
    ]
}

fn any_config() -> impl Strategy<Value = StorageConfig> {
    let info = prop::collection::btree_map(any_text(), (any_text(), any_number()), 0..3);
    let most = prop::sample::select([1_usize, 3, 2000].as_slice());
    let caller_pairs = prop::sample::select([0_usize, 1, 3, 1000].as_slice());
    let constant = prop::collection::btree_set("(tenant|kind|z)", 0..3);
    let constant = constant.prop_map(|names| {
        let labels = names.into_iter().map(|name| (name, "here"));
        ConstLabels::try_new(labels).expect("good labels")
    });
    let info = info.prop_map(|all| {
        let all = all.into_iter().map(|(name, (info, value))| ServiceInfo {
            name: name.into(),
            info: info.into(),
            value,
        });
        all.collect()
    });
    (info, any::<bool>(), most, caller_pairs, constant).prop_map(
        |(service_info, inittime_label, max_series, caller_pairs, const_labels)| StorageConfig {
            service_info,
            inittime_label,
            max_series,
            const_labels,
            caller_pairs,
            ..StorageConfig::default()
        },
    )
}

fn update(monitor: Monitor, metric: &Metric) -> Result<(), RegisterError> {
    let desc = MetricDesc::new(metric.name.clone(), metric.help.clone());
    // Sometimes a label of a name that is taken, and of a name that may be.
    let desc = desc.labels(["tenant", "label_kind"]);
    let labels = [&*metric.label, "own"];
    match metric.kind {
        FamilyType::Counter => {
            let family = monitor.register_counter(desc)?;
            family.with(labels).inc_by_f64(metric.value);
        }
        FamilyType::Gauge => monitor.register_gauge(desc)?.with(labels).set(metric.value),
        _ => {
            let family = monitor.register_histogram(desc, &[-0.5, 0.0, 0.1, 1e21])?;
            family.with(labels).observe(metric.value);
        }
    }
    Ok(())
}

fn record(monitor: Monitor, hand: &ManualClock, step: &Step) {
    // What is refused has recorded nothing, and what is recorded is looked up in the snapshot.
    match step {
        Step::Set(key, value) => drop(monitor.set_stats(key, value.clone())),
        Step::Add(key, by) => drop(monitor.inc_stats(key, *by)),
        Step::Append(key, point) => {
            let point = point.iter().map(|(key, value)| (key.clone(), *value));
            let point: StatValue = point.collect();
            drop(monitor.append_stats(key, point, Keep::Default));
        }
        Step::Status(task, status) => monitor.set_task_status(*status, task),
        Step::Metric(metric) => drop(update(monitor, metric)),
        Step::Call(call) => {
            let labels = call.labels.iter().map(|(name, value)| (&**name, &**value));
            let labels: Vec<_> = labels.collect();
            let method = monitor.method(&call.method).ok();
            let Some(method) = method.and_then(|method| method.with_labels(&labels).ok()) else {
                return;
            };
            let caller = call.caller.as_deref();
            let caller = caller.and_then(|name| monitor.method(name).ok());
            let caller = caller.map(|method| monitor.scope_sync(|| method.start()));
            let mut guard = match &caller {
                Some(caller) => monitor.scope_sync(|| caller.run(|| method.start())),
                None => method.start(),
            };
            for (name, value) in &call.observed {
                guard.observe(name, *value);
            }
            hand.advance(call.took);
            guard.finish(match &call.error {
                None => Outcome::Success,
                Some(error) => Outcome::ErrorType(error),
            });
            // Dropped, it is one of the cancelled.
            drop(caller);
        }
    }
}

fn page(snapshot: &Snapshot, profile: Profile, names: &[&str], format: Format) -> String {
    let mut out = Vec::new();
    encode_snapshot(snapshot, profile, names, format, &mut out);
    String::from_utf8(out).expect("a page is UTF-8")
}

/// The labels that every series has.
fn common(snapshot: &Snapshot) -> impl Iterator<Item = (&str, &str)> {
    let inittime = snapshot.inittime.as_deref().map(|time| ("inittime", time));
    let constant = snapshot.const_labels.iter();
    let constant = constant.map(|label| (&*label.name, &*label.value));
    inittime.into_iter().chain(constant)
}

/// The labels of a method's series.
fn labels_of(snapshot: &Snapshot, method: &MethodSnapshot) -> BTreeMap<String, String> {
    let own = method.labels.iter().map(|label| {
        let name = label.name.trim_start_matches("label_");
        let makes_way = snapshot.const_labels.iter().any(|one| one.name == name);
        let before = if makes_way { "label_" } else { "" };
        (format!("{before}{}", label.name), label.value.to_string())
    });
    let rest = common(snapshot).chain([("method", &*method.name)]);
    let rest = rest.map(|(name, value)| (name.to_owned(), value.to_owned()));
    own.chain(rest).collect()
}

/// Exemplars by family name and labels.
type Kept<'a> = BTreeMap<(&'static str, Vec<(String, String)>), Vec<&'a KeptExemplar>>;

/// Where each exemplar of the snapshot belongs.
fn exemplars_of(snapshot: &Snapshot, profile: Profile) -> Kept<'_> {
    let mut all = Kept::new();
    for method in &snapshot.methods {
        for kept in &method.exemplars {
            let (family, status) = match profile {
                Profile::Servicekit => ("stats_hist_time_full", None),
                Profile::Prometheus if kept.failed => {
                    ("service_request_duration_seconds", Some("failure"))
                }
                Profile::Prometheus => ("service_request_duration_seconds", Some("success")),
            };
            let mut labels = labels_of(snapshot, method);
            labels.extend(status.map(|status| ("status".to_owned(), status.to_owned())));
            let place = (family, labels.into_iter().collect());
            all.entry(place).or_default().push(kept);
        }
    }
    all
}

/// The bucket of a page that a cell is part of, by its upper bound.
fn upper_of(snapshot: &Snapshot, profile: Profile, cell: usize) -> f64 {
    let of_page: &[f64] = match profile {
        Profile::Servicekit => &TIME_BOUNDS,
        Profile::Prometheus => &DEFAULT_BUCKETS,
    };
    let cell = snapshot.time_bounds.get(cell).copied();
    let above = cell.and_then(|cell| of_page.iter().find(|bound| **bound >= cell));
    above.copied().unwrap_or(f64::INFINITY)
}

/// The exemplars of a page are the newest of the snapshot at each bucket.
fn check_exemplars(
    found: &[strict::Sample],
    wanted: &Kept<'_>,
    upper_of: impl Fn(&KeptExemplar) -> f64,
) -> TestCaseResult {
    let mut count = 0;
    let with_one = found
        .iter()
        .filter_map(|one| Some((one, one.exemplar.as_ref()?)));
    for (sample, exemplar) in with_one {
        let labels = sample.labels.iter().cloned();
        let (le, own): (Vec<_>, Vec<_>) = labels.partition(|(name, _)| name == "le");
        let family = sample.name.strip_suffix("_bucket").unwrap_or_default();
        let mut all = wanted.iter();
        let kept = all.find(|((name, labels), _)| *name == family && *labels == own);
        let upper: f64 = le[0].1.parse().expect("a bound");
        let at_bucket = |kept: &&&KeptExemplar| same(upper_of(kept), upper);
        let kept = kept.and_then(|(_, all)| {
            let at_bucket = all.iter().filter(at_bucket);
            at_bucket.max_by(|one, other| one.at.total_cmp(&other.at))
        });
        let kept = kept.ok_or_else(|| TestCaseError::fail(format!("none of ours: {sample:?}")))?;
        let labels = kept.exemplar.labels();
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
        prop_assert_eq!(&exemplar.labels, &labels.collect::<Vec<_>>());
        prop_assert!(same(exemplar.value, kept.seconds) && same(exemplar.at, kept.at));
        prop_assert!(exemplar.value <= upper, "in its bucket");
        count += 1;
    }
    let buckets = |all: &Vec<&KeptExemplar>| {
        let buckets = all.iter().map(|kept| upper_of(kept).to_bits());
        buckets.collect::<BTreeSet<u64>>().len()
    };
    prop_assert_eq!(count, wanted.values().map(buckets).sum::<usize>());
    Ok(())
}

/// One pass over the snapshot writes what the families of it are written as.
fn check_one_pass(
    snapshot: &Snapshot,
    profile: Profile,
    picks: &[prop::sample::Index],
) -> TestCaseResult {
    let families = families(snapshot, profile);
    let exemplars = exemplars_of(snapshot, profile);
    let known = samples(&families);
    let picked = picks.iter().map(|pick| &*pick.get(&known).name);
    let picked: Vec<&str> = picked.chain(["", "nothing"]).collect();
    let whole = BOTH.map(|format| page(snapshot, profile, &[], format));
    case::keep(&families, whole.each_ref().map(String::as_str));
    for (format, whole) in BOTH.into_iter().zip(&whole) {
        check_page(whole, &families, format)?;
        for names in [&[][..], &picked] {
            let mut out = Vec::new();
            encode_named(&families, names, format, &mut out);
            let out = String::from_utf8(out).expect("a page is UTF-8");
            prop_assert_eq!(page(snapshot, profile, names, format), out);
        }
        let part = strict::samples(&page(snapshot, profile, &picked, format));
        let mut wanted = known.clone();
        wanted.retain(|sample| picked.contains(&&*sample.name));
        check_same(&part.map_err(TestCaseError::fail)?, &wanted)?;
    }
    for names in [&[][..], &picked] {
        let (mut of_families, mut in_one_pass) = (Vec::new(), Vec::new());
        encode_named(&families, names, Format::Protobuf, &mut of_families);
        encode_snapshot(snapshot, profile, names, Format::Protobuf, &mut in_one_pass);
        let [of_families, in_one_pass] = [of_families, in_one_pass].map(|page| reader::read(&page));
        // As text: it may have NaN.
        prop_assert_eq!(format!("{in_one_pass:?}"), format!("{of_families:?}"));
        prop_assert!(of_families.is_ok());
    }
    let open = strict::samples(&whole[1]).map_err(TestCaseError::fail)?;
    check_exemplars(&open, &exemplars, |kept| {
        upper_of(snapshot, profile, kept.bucket)
    })
}

fn sorted<'a>(values: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_unstable();
    values
}

fn values_of(labels: &[Label]) -> impl Iterator<Item = &str> {
    labels.iter().map(|label| &*label.value)
}

/// Whether a key's series is there: in a family that says its name, with its label values and its number.
fn is_exported(families: &[Family], key: &StatKey, value: f64, common: &[&str]) -> bool {
    let own = key.labels.iter().map(|(_, value)| &**value);
    let wanted = sorted(own.chain(common.iter().copied()));
    let of_key = families.iter().filter(|one| one.help.contains(key.name()));
    let mut children = of_key.flat_map(|family| &family.children);
    children.any(|child| {
        let number = match child.value {
            #[expect(clippy::cast_precision_loss, reason = "what a scraper makes of it")]
            ChildValue::Int(value) => value as f64,
            ChildValue::Float(value) => value,
            _ => return false,
        };
        same(number, value) && sorted(values_of(&child.labels)) == wanted
    })
}

/// Every number by key is exported as the key of it says.
fn check_values(snapshot: &Snapshot, profile: Profile) -> TestCaseResult {
    let families = families(snapshot, profile);
    let common: Vec<&str> = common(snapshot).map(|(_, value)| value).collect();
    for entry in &snapshot.values.entries {
        let Some(number) = entry.value.as_number() else {
            continue;
        };
        // Labels whose names are one when cleaned are told apart no more: the first of them stays.
        let labels = entry.key.labels.iter();
        let names: Vec<String> = labels.map(|(name, _)| name.replace(' ', "_")).collect();
        if (1..names.len()).any(|at| names[..at].contains(&names[at])) {
            continue;
        }
        let found = is_exported(&families, &entry.key, number.as_f64(), &common);
        prop_assert!(found, "{profile}: no {:?} {number:?}", entry.key);
    }
    Ok(())
}

/// Every child of a registered metric is exported, under the metric's name or its hash.
fn check_metrics(snapshot: &Snapshot, profile: Profile) -> TestCaseResult {
    let families = families(snapshot, profile);
    let common: Vec<&str> = common(snapshot).map(|(_, value)| value).collect();
    for metric in &snapshot.values.metrics {
        let by_hash = format!("`{}`: {}", metric.name, metric.help);
        let is_hashed =
            |family: &&Family| family.name.starts_with("stats_key_") && *family.help == *by_hash;
        let mut all = families.iter();
        let hashed = all.clone().find(is_hashed);
        let of = hashed.or_else(|| all.find(|family| *family.name == *metric.name));
        let Some(of) = of.filter(|family| family.kind == metric.kind) else {
            return Err(TestCaseError::fail(format!("{profile}: no {metric:?}")));
        };
        for child in &metric.children {
            let own = values_of(&child.labels);
            let wanted = sorted(own.chain(common.iter().copied()));
            let found = of
                .children
                .iter()
                .find(|other| sorted(values_of(&other.labels)) == wanted);
            // As text: NaN is NaN.
            let value = found.map(|found| format!("{:?}", found.value));
            prop_assert_eq!(value, Some(format!("{:?}", child.value)));
        }
    }
    Ok(())
}

/// Every call's method has its count, with all labels.
fn check_calls(snapshot: &Snapshot, profile: Profile) -> TestCaseResult {
    let families = families(snapshot, profile);
    let name = match profile {
        Profile::Servicekit => "stats_request",
        Profile::Prometheus => "service_requests_total",
    };
    let family = families.iter().find(|family| family.name == name);
    let children = family.map_or(&[][..], |family| &family.children);
    prop_assert_eq!(children.len(), snapshot.methods.len());
    for method in &snapshot.methods {
        let wanted = labels_of(snapshot, method);
        let found = children.iter().any(|child| {
            let labels = child.labels.iter();
            let labels = labels.map(|label| (label.name.to_string(), label.value.to_string()));
            let started = ChildValue::Int(method.started);
            labels.eq(wanted.clone()) && child.value == started
        });
        prop_assert!(found, "no {wanted:?}");
    }
    check_callers(snapshot, &families, profile)
}

/// Calls by caller add up, and no more pairs than configured have series.
fn check_callers(snapshot: &Snapshot, families: &[Family], profile: Profile) -> TestCaseResult {
    let family = families
        .iter()
        .find(|family| family.name == "monitor_calls_total");
    let limit = snapshot.shown_caller_pairs;
    if limit > 0 {
        callers::assert_adds_up(families, profile);
    }
    let children = family.map_or(&[][..], |family| &family.children);
    let is_pair = |child: &&Child| child.labels.iter().all(|label| label.name != "overflow");
    let pairs = snapshot.methods.iter().flat_map(|method| {
        let callers = method.callers.iter();
        callers.map(|one| (&method.name, &one.caller))
    });
    let pairs = pairs.collect::<BTreeSet<_>>().len();
    prop_assert_eq!(children.iter().filter(is_pair).count(), limit.min(pairs));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_is_recorded_reads_back_in_both_profiles_and_formats_whole_and_filtered(
        config in any_config(),
        steps in prop::collection::vec(any_step(), 0..16),
        more in prop::collection::vec(any_step(), 0..4),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        traces in prop::collection::vec(("(trace_id|a|le|9|)", any_text()), 0..4),
    ) {
        let (clock, hand) = Clock::manual(1_700_000_000.0);
        let monitor = Monitor::with_clock(config, clock);
        // Some have a name twice or one that is none, and some are too long: these are not kept.
        monitor.set_exemplars(move || (!traces.is_empty()).then(|| Exemplar::new(traces.clone())));
        for steps in [steps, more] {
            for step in &steps {
                record(monitor, &hand, step);
            }
            let snapshot = monitor.snapshot();
            for profile in Profile::ALL {
                check_one_pass(&snapshot, profile, &picks)?;
                check_values(&snapshot, profile)?;
                check_calls(&snapshot, profile)?;
                check_metrics(&snapshot, profile)?;
            }
        }
    }
}
