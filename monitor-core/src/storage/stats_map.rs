//! Views of a whole storage beside its pages: the original's flat map, and warnings when a service starts.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;

use crate::base::sort::sort_by_key;
use crate::data::buckets::{BoundsByKind, union};
use crate::data::catalog::Profile;
use crate::data::family::Label;
use crate::data::key::StatKey;
use crate::data::snapshot::{MethodSnapshot, Snapshot, StatsMap};
use crate::data::status::StatusParser;
use crate::data::value::StatValue;
use crate::errors::ErrorParser;
use crate::recording::config::Totals;
use crate::recording::method::MethodCore;
use crate::recording::site::{
    IS_OFF, SharedMethod, TypeSource, all_settings, is_given, shared_methods,
};
use crate::recording::store::StorageCore;
use crate::storage::MonitorStorage;
use crate::storage::means::{RecentCall, RecentCalls};

/// Series above which a page is slow to read and a scraper's memory is worth a thought.
const MANY_SERIES: usize = 50_000;

/// Series above which the labels of one method are worth a line in the log: some 25 label sets with default bounds.
const MANY_OF_A_METHOD: usize = 1000;

/// A legal but suspicious part of the program or its configuration, to be logged once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartUpWarning {
    /// The program was built with the feature `off`, of this crate or of `monitor-macros`: monitored functions record
    /// nothing. Any crate of the build may have set it, for all of them.
    InstrumentationOff,
    /// Two functions count as one method.
    SharedMethod(SharedMethod),
    /// An attribute expects an error type that nothing gives an error: neither the configuration lists it, nor does a
    /// derive of `MonitorError` or an `error_type` name it. Only an implementation of `MonitorError` by hand may.
    UnknownErrorType {
        /// The method.
        method: &'static str,
        /// The name.
        error_type: &'static str,
    },
    /// The methods with all label sets of closed sets of values make a large page, once calls have them, with the pairs
    /// of a caller and a method that may have series ([`caller_pairs`](crate::StorageConfig::caller_pairs)).
    ManySeries {
        /// How many series.
        series: usize,
    },
    /// The labels of a method can make many series.
    ManyLabelSets {
        /// The method.
        method: &'static str,
        /// The most label sets its labels can make; labels of generic code, whose values are not known ahead, count as
        /// one value each.
        label_sets: usize,
        /// The series of all of them.
        series: usize,
    },
    /// A method was called before [`buckets`](crate::StorageConfig::buckets) were configured: its calls are counted
    /// without some of these bounds, and its lines lack them.
    MissingBuckets {
        /// The method.
        method: Arc<str>,
        /// How many of the configured bounds its lines lack.
        missing: usize,
    },
    /// The pages have the names of the original, and the storage's [`totals`](crate::StorageConfig::totals) are about
    /// entry calls alone: so numbers of tasks and busy seconds are lower than the original's.
    EntryCallTotals,
}

impl fmt::Display for StartUpWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InstrumentationOff => f.write_str(
                "monitored functions record nothing: the feature `off` is on; `cargo tree -e features -i monitor-macros` shows who sets it",
            ),
            Self::SharedMethod(shared) => shared.fmt(f),
            Self::UnknownErrorType { method, error_type } => write!(
                f,
                "the method `{method}` expects the error type `{error_type}`, which the configuration does not list and no derive or `error_type` names: no error has it, unless a `MonitorError` written by hand does"
            ),
            Self::ManySeries { series } => write!(
                f,
                "the known methods, label values, error types and callers make {series} series; more than {MANY_SERIES} are slow to scrape"
            ),
            Self::ManyLabelSets {
                method,
                label_sets,
                series,
            } => write!(
                f,
                "the labels of the method `{method}` can make {label_sets} label sets with {series} series"
            ),
            Self::MissingBuckets { method, missing } => write!(
                f,
                "the method `{method}` was called before `buckets` were configured: its durations lack {missing} of these bounds"
            ),
            Self::EntryCallTotals => f.write_str(
                "the profile `servicekit` shows totals over entry calls, not over all calls as the Python toolkit does: set `StorageConfig::totals` to `Totals::AllCalls`",
            ),
        }
    }
}

impl MonitorStorage {
    /// Everything as the original's flat map: numbers by key, `request`, `processed` and `errors` of each method, the
    /// last calls' points under `stats`, calls in flight and the tasks of `add_key_value` under `tasks`, status runs
    /// under `series.<task type>`.
    #[doc(alias = "get_stats")]
    pub fn stats(&self) -> StatsMap {
        let snapshot = self.snapshot();
        let mut map = StatsMap::new();
        for entry in self.core.values.snapshot().entries {
            map.insert(entry.key.raw.to_string(), entry.value);
        }
        for method in &snapshot.methods {
            add_counts(&mut map, method, &snapshot);
        }
        for status in &snapshot.statuses {
            let run = vec![StatValue::from(status.status.name()), status.run.into()];
            map.insert(format!("series.{}", status.task), run.into());
        }
        add_points(&mut map, self.core);
        if snapshot.tasks.started > 0 {
            add_calls(&mut map, self.core);
        }
        map
    }

    /// Warnings to be logged when a service starts: the feature `off` is on, functions that count as one method, error
    /// types that attributes expect and no error has, a page of this profile that is very large, methods without some of
    /// the configured `buckets`, totals that are not those of the profile. `monitor_server::run` writes them.
    pub fn start_up_warnings(&self, profile: Profile) -> Vec<StartUpWarning> {
        let off = IS_OFF.then_some(StartUpWarning::InstrumentationOff);
        let shared = shared_methods().into_iter();
        let mut warnings: Vec<_> = off
            .into_iter()
            .chain(shared.map(StartUpWarning::SharedMethod))
            .collect();
        let configured = ErrorParser::new(&self.core.rules().config.errors);
        let is_unknown =
            |name: &&&'static str| configured.type_id(name).is_none() && !is_given(name);
        for (method, settings) in all_settings() {
            // Where a function names the types, they are not known.
            let expected = (!settings.type_sources.contains(&TypeSource::Function))
                .then_some(&settings.expected);
            let unknown = expected.into_iter().flatten().filter(is_unknown);
            warnings.extend(
                unknown.map(|error_type| StartUpWarning::UnknownErrorType { method, error_type }),
            );
        }
        let series_of = series_of(self.core, profile);
        let series = page_series(self.core, &series_of);
        if series > MANY_SERIES {
            warnings.push(StartUpWarning::ManySeries { series });
        }
        warnings.extend(many_label_sets(self.core, &series_of));
        warnings.extend(missing_buckets(self.core));
        let totals = self.core.rules().config.totals;
        if (profile, totals) == (Profile::Servicekit, Totals::EntryCalls) {
            warnings.push(StartUpWarning::EntryCallTotals);
        }
        warnings
    }
}

/// The methods whose cells were made before buckets were configured, and lack some of their bounds.
fn missing_buckets(core: &StorageCore) -> impl Iterator<Item = StartUpWarning> {
    let buckets = core.rules().config.buckets.as_deref().unwrap_or_default();
    core.shared.items().filter_map(|shared| {
        let cells = &shared.fixed_cells()?.partition.bounds;
        let lacks = |bound: &&f64| !cells.contains(bound);
        let missing = buckets.iter().filter(lacks).count();
        let method = Arc::clone(&shared.plain.name);
        (missing > 0).then_some(StartUpWarning::MissingBuckets { method, missing })
    })
}

/// The methods whose labels can make many series, as far as it is known ahead.
fn many_label_sets(
    core: &StorageCore,
    series_of: &impl Fn(&[f64]) -> usize,
) -> Vec<StartUpWarning> {
    let config = &core.rules().config;
    let sites = all_settings().iter().filter(|_| config.preregister);
    let warnings = sites.filter_map(|(method, settings)| {
        let [bounded, of_text] = settings.most_sets;
        let most_of_text = match config.max_series {
            0 => usize::MAX,
            most => most,
        };
        let label_sets = bounded.saturating_add(of_text.min(most_of_text));
        let each = series_of(settings.bounds.unwrap_or_default());
        let series = label_sets.saturating_mul(each);
        let warning = StartUpWarning::ManyLabelSets {
            method,
            label_sets,
            series,
        };
        (series > MANY_OF_A_METHOD).then_some(warning)
    });
    warnings.collect()
}

/// The series of one label set of a method with these bounds of its own, on a page of this profile.
fn series_of(core: &StorageCore, profile: Profile) -> impl Fn(&[f64]) -> usize {
    let rules = core.rules();
    let types = rules.parser.types().len();
    let wanted = BoundsByKind::wanted(profile, rules.config.buckets.as_ref(), None).time;
    move |own: &[f64]| {
        let buckets = union(&wanted, own).len() + 1;
        match profile {
            // Requests, two outcomes, errors by type, two means, and the histogram with its sum and count.
            Profile::Servicekit => 1 + 2 + types + 2 + buckets + 2,
            // Requests, in flight, errors by type, two means, and a histogram of each outcome.
            Profile::Prometheus => 1 + 1 + types + 2 + 2 * (buckets + 2),
        }
    }
}

/// The series of all methods, those of label sets and of callers that come with their first call included.
fn page_series(core: &StorageCore, series_of: &impl Fn(&[f64]) -> usize) -> usize {
    let known = core
        .methods()
        .map(|method| series_of(method.shared.own_bounds));
    known
        .sum::<usize>()
        .saturating_add(coming_series(core, series_of))
        .saturating_add(caller_series(core))
}

/// The most series that calls by caller may have: calls and failures of each pair that may have its own, and of each
/// method's others.
fn caller_series(core: &StorageCore) -> usize {
    let config = &core.rules().config;
    let limit = config.caller_pairs;
    let coming = all_settings().iter().filter(|_| config.preregister);
    let mut methods: HashSet<&str> = coming.map(|(name, _)| &**name).collect();
    methods.extend(core.shared.items().map(|shared| &*shared.plain.name));
    let methods = methods.len();
    // Each method may call each, and is called by none.
    let pairs = methods.saturating_mul(methods + 1);
    match limit {
        0 => 0,
        _ if pairs <= limit => 2 * pairs,
        _ => limit.saturating_add(methods).saturating_mul(2),
    }
}

/// The calls in flight, beside the tasks of `add_key_value`: `METHOD#n` with when it started, seconds since 1970.
fn add_calls(map: &mut StatsMap, core: &'static StorageCore) {
    let section = map.entry("tasks".to_owned());
    let section = section.or_insert_with(|| StatValue::Map(BTreeMap::new()));
    let StatValue::Map(tasks) = section else {
        return;
    };
    for method in core.methods() {
        let starts = method.shards().flat_map(|shard| shard.slots.starts());
        for (at, start) in starts.enumerate() {
            let id = format!("{}#{at}", labelled(&method.name, &method.labels));
            let start = StatValue::Float(core.clock.unix_at(start));
            tasks.entry(id).or_insert(start);
        }
    }
}

fn add_counts(map: &mut StatsMap, method: &MethodSnapshot, snapshot: &Snapshot) {
    let name = labelled(&method.name, &method.labels);
    let mut put = |key: String, count: u64| map.insert(key, count.into());
    put(format!("request___method__{name}"), method.started);
    for (failed, histogram) in [(false, &method.success), (true, &method.failure)] {
        let status = StatusParser::parse(failed);
        put(
            format!("processed___method__{name}___status__{status}"),
            histogram.count(),
        );
    }
    for (error_type, count) in snapshot.error_types.iter().zip(&method.errors) {
        put(
            format!("errors___method__{name}___type__{error_type}"),
            *count,
        );
    }
}

/// A method as the value of the label `method` in a key, with its further labels behind it.
fn labelled(name: &str, labels: &[Label]) -> String {
    let labels = labels.iter().map(|label| (&*label.name, &*label.value));
    StatKey::write(name, &labels.collect::<Vec<_>>())
}

/// The points of all methods' last calls by end time, then those the user appended.
fn add_points(map: &mut StatsMap, core: &'static StorageCore) {
    let mut recent = RecentCalls::default();
    let mut points: Vec<(u64, StatValue)> = Vec::new();
    for method in core.methods() {
        recent.read(method);
        let name = labelled(&method.name, &method.labels);
        let calls = recent.in_order().into_iter();
        points.extend(calls.map(|call| (call.entry.end, point_of(&call, method, &name))));
    }
    if points.is_empty() {
        return;
    }
    sort_by_key(&mut points, |(end, _)| *end);
    let mut list: Vec<StatValue> = points.into_iter().map(|(_, point)| point).collect();
    if let Some(StatValue::List(own)) = map.remove("stats") {
        list.extend(own);
    }
    map.insert("stats".to_owned(), StatValue::List(list));
}

fn point_of(call: &RecentCall, method: &MethodCore, name: &str) -> StatValue {
    let seconds = method.storage.clock.seconds(call.entry.duration);
    let mut point = BTreeMap::new();
    let mut put = |key: &str, value| {
        point.insert(format!("{key}___method__{name}"), StatValue::Float(value));
    };
    for (key, value) in call.values() {
        put(&key.raw, value);
    }
    put("time full", seconds);
    StatValue::Map(point)
}

/// The series of the label sets that come with their first call, being too many to make before.
fn coming_series(core: &StorageCore, series_of: impl Fn(&[f64]) -> usize) -> usize {
    if !core.rules().config.preregister {
        return 0;
    }
    let labelled = all_settings().iter().filter(|(_, one)| one.closed_sets > 0);
    let coming = labelled.map(|(name, settings)| {
        let own = core.methods().filter(|method| *method.name == **name);
        let there = own.filter(|method| !method.labels.is_empty() && !method.origin.is_open);
        let coming = settings.closed_sets.saturating_sub(there.count());
        coming.saturating_mul(series_of(settings.bounds.unwrap_or_default()))
    });
    coming.fold(0, usize::saturating_add)
}
