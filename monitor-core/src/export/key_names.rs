//! Names of keys: under which family each key and each registered metric is exported, decided once.
//!
//! Any text can be a key, but not any set of families is a valid page. The [`NameRegistry`] owns the families an
//! exporter ever showed, without their children; the built-in ones of the profile come first. Three things take names
//! in it: built-in families, names that are [reserved](NameRegistry::reserve) for families of others, and, in the order
//! they are first met, registered metrics and keys. A latecomer is exported under its hash.
//!
//! One exported aspect of a key is a [`KeyExport`]: a kind, the key, and the method whose calls observed it. Its place,
//! a family and a label set, stays the same until the key is gone for good ([`NameRegistry::forget_absent`]), or the
//! names or the labels of every series change, whereupon all are placed anew.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::data::buckets::HistogramKind;
use crate::data::catalog::{Namespace, Profile, Spec, built_in};
use crate::data::family::{self, Family, FamilyType, HistogramView, Label, Labels, ValueView};
use crate::data::key::StatKey;
use crate::data::name::{self, SampleNames};
use crate::data::snapshot::{MethodSnapshot, MetricSnapshot, Snapshot};
use crate::data::value::StatNumber;
use crate::export::bucket_lines::PageBuckets;
use crate::export::caller_series::{CallerChild, CallerSeries};
use crate::export::label_cache::LabelCache;

/// The number that reserved names are claimed under: no family has this number.
const RESERVED: usize = usize::MAX;

/// So many places are kept, and two for each key of the snapshot, before those of absent keys are forgotten: keys may
/// come and go for ever, also without being removed by name.
const SPARE_PLACES: usize = 4096;

/// Whether a family that is always there has this name, with or without a counter's `_total`, in any
/// profile.
///
/// # Examples
///
/// ```
/// use monitor_core::config::Namespace;
/// use monitor_core::names::is_built_in;
///
/// let namespace = Namespace::default();
/// assert!(is_built_in("tasks_count", &namespace) && is_built_in("started", &namespace));
/// assert!(is_built_in("service_requests_total", &namespace));
/// assert!(!is_built_in("gpu_count", &namespace));
/// ```
pub fn is_built_in(name: &str, namespace: &Namespace) -> bool {
    let specs = Profile::ALL.into_iter().flat_map(built_in);
    let mut names = specs.map(|spec| spec.name(namespace));
    names.any(|known| known == name || known.strip_suffix("_total") == Some(name))
}

/// The families that a profile always has, in the order of the page, without children: a page shows those of
/// them that have any.
///
/// # Examples
///
/// ```
/// use monitor_core::config::Namespace;
/// use monitor_core::names::{Profile, built_in_families};
///
/// let families = built_in_families(Profile::Prometheus, &Namespace::default());
/// assert!(families.iter().any(|family| family.name == "service_requests_total"));
/// ```
pub fn built_in_families(profile: Profile, namespace: &Namespace) -> Vec<Family> {
    let specs = built_in(profile).iter();
    specs.map(|spec| spec.family(namespace)).collect()
}

/// The aspects of a key that are exported; each has its own prefix and help text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum ExportKind {
    Info,
    Value,
    Mean,
    LastMean,
    Histogram,
}

impl ExportKind {
    fn family_type(self) -> FamilyType {
        match self {
            Self::Histogram => FamilyType::Histogram,
            _ => FamilyType::Gauge,
        }
    }

    /// The beginning of its families' names, behind the namespace if it begins with `_`, and their help text, in which
    /// `{}` stands for the key.
    fn texts(self, profile: Profile) -> (&'static str, &'static str) {
        use Profile::{Prometheus, Servicekit};
        const HELP: &str = "This is metric `{}` from MonitorServer.";
        const HISTOGRAM_HELP: &str = "this is hist metric `{}` in stats from MonitorServers";
        match (self, profile) {
            (Self::Info, _) => ("", HELP),
            (Self::Value, Servicekit) => ("stats_", HELP),
            (Self::Mean, Servicekit) => ("stats_aggregation_", HELP),
            (Self::LastMean, Servicekit) => ("stats_aggregation_last_", HELP),
            (Self::Histogram, Servicekit) => ("stats_hist_", HISTOGRAM_HELP),
            (Self::Value, Prometheus) => ("_value_", "Value recorded under the key `{}`."),
            (Self::Mean, Prometheus) => ("_recent_mean_", "Mean of the last 100 values of `{}`."),
            (Self::LastMean, Prometheus) => ("_last_mean_", "Mean of the last 5 values of `{}`."),
            (Self::Histogram, Prometheus) => ("_", "Values observed as `{}`."),
        }
    }

    /// The family name of a key's name. In the profile `prometheus` with the unit that the original reads out of a
    /// name, and without the endings that mean something else there.
    fn family_name(self, profile: Profile, namespace: &Namespace, written: &str) -> String {
        if self == Self::Info {
            return name::metric_name(written);
        }
        let prefix = self.texts(profile).0;
        if profile == Profile::Servicekit {
            return name::key_name(prefix, written);
        }
        let prefix = format!("{}{prefix}", namespace.as_str());
        let name = name::key_name(&prefix, written).replace(':', "_");
        let mut reserved = ["_total", "_count", "_sum", "_bucket", "_info"].into_iter();
        match name::unit_in(written).filter(|_| self != Self::Value) {
            Some(unit) if !name.ends_with(unit) => format!("{name}_{unit}"),
            None if reserved.any(|ending| name.ends_with(ending)) => name + "_value",
            _ => name,
        }
    }

    fn help(self, profile: Profile, key: &str) -> String {
        self.texts(profile).1.replacen("{}", key, 1)
    }
}

/// One thing to place.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyExport<'a> {
    pub(super) kind: ExportKind,
    pub(super) key: &'a Arc<StatKey>,
    /// The method whose calls observed it; `None` for the user's own keys.
    pub(super) method: Option<&'a MethodSnapshot>,
}

/// The identity of an export: kind, method number, key.
type ExportId = (ExportKind, Option<u32>, Arc<StatKey>);

impl<'a> KeyExport<'a> {
    fn id(&self) -> ExportId {
        let method = self.method.map(|method| method.number);
        (self.kind, method, Arc::clone(self.key))
    }

    /// The labels that the original adds to the key of a value a call observed.
    fn call_labels(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.method.into_iter().flat_map(|method| {
            let labels = method.labels.iter();
            let labels = labels.map(|label| (&*label.name, &*label.value));
            std::iter::once(("method", &*method.name)).chain(labels)
        })
    }

    /// The key as the original writes it.
    fn text(&self) -> String {
        let labels: Vec<_> = self.call_labels().collect();
        StatKey::write(&self.key.raw, &labels)
    }

    /// Its valid labels, and how many were dropped.
    fn labels(&self) -> (Vec<Label>, u64) {
        let written = self.key.labels.iter();
        let written = written.map(|(name, value)| (&**name, &**value));
        name::labels(written.chain(self.call_labels()))
    }
}

/// Shows all that is exported of keys but the configuration's, in the order they are placed in: with its value, if it
/// has one that a page shows; histograms with these buckets, without them with those of their cells.
pub(super) fn each_key<'a>(
    snapshot: &'a Snapshot,
    buckets: Option<&'a PageBuckets>,
    mut show: impl FnMut(KeyExport<'a>, Option<ValueView<'a>>),
) {
    use ExportKind::{Histogram, LastMean, Mean, Value};
    use ValueView::Float;
    let mut show = |kind, key, method, value| show(KeyExport { kind, key, method }, value);
    let over_buckets = |kind, histogram: &'a family::Histogram| {
        let shown = buckets.and_then(|buckets| buckets.of(kind, &histogram.bounds, &[]));
        ValueView::Histogram(HistogramView {
            shown,
            ..histogram.into()
        })
    };
    for method in &snapshot.methods {
        for value in &method.values {
            let (key, means) = (&value.key, value.means);
            let of_raw = HistogramKind::of(&key.raw);
            let histogram = value.histogram.as_ref();
            let histogram = histogram.map(|histogram| over_buckets(of_raw, histogram));
            show(Histogram, key, Some(method), histogram);
            show(Mean, key, Some(method), means.window.map(Float));
            show(LastMean, key, Some(method), means.last.map(Float));
        }
    }
    for entry in &snapshot.values.entries {
        let number = entry.value.as_number().map(exported);
        show(Value, &entry.key, None, number);
    }
    for value in &snapshot.values.histograms {
        let histogram = over_buckets(value.kind, &value.histogram);
        show(Histogram, &value.key, None, Some(histogram));
    }
    for (key, means) in &snapshot.values.means {
        show(Mean, key, None, means.window.map(Float));
        show(LastMean, key, None, means.last.map(Float));
    }
}

/// The number as the original exports it.
fn exported(number: StatNumber) -> ValueView<'static> {
    match number {
        StatNumber::Int(whole @ 0..) => ValueView::Int(whole.cast_unsigned()),
        _ => ValueView::Float(number.as_f64()),
    }
}

/// Where a series is: the index of its family, and its labels with those that every series has.
pub(super) type SeriesPlace = (usize, Labels);

/// A family that was on a page.
#[derive(Debug)]
pub(super) struct FamilyEntry {
    /// Without children.
    pub(super) family: Family,
    /// The aspect that is exported here, and the name as written whose keys may add series. `None` for built-in
    /// families, for registered metrics, for those named by hash, and for a free entry.
    owner: Option<(ExportKind, Box<str>)>,
    series: HashSet<Labels>,
}

/// The families of one storage under one profile, and their series; the place of one that became empty is used
/// again.
#[derive(Debug, Default)]
pub(super) struct NameRegistry {
    profile: Profile,
    namespace: Namespace,
    /// In the order of the page. One that is free has nothing on it.
    pub(super) entries: Vec<FamilyEntry>,
    claims: SampleNames,
    places: HashMap<ExportId, SeriesPlace, RandomState>,
    /// Entries that nothing is left in.
    free: Vec<usize>,
    /// Families of registered metrics, by the name they were registered under.
    registered: HashMap<Arc<str>, usize>,
    /// Families of others, whose names no key and no registered metric gets.
    reserved: HashMap<Cow<'static, str>, FamilyType>,
    pub(super) label_cache: LabelCache,
    callers: CallerSeries,
    /// Labels left out because an earlier one of the key has their name. A key counts each time it is placed: at its
    /// first page, and again after all keys were placed anew or it was forgotten.
    pub(super) dropped_labels: u64,
    /// `ValuesSnapshot::removals` when absent keys were last looked for.
    removals: u64,
    /// Keys that were named by hash since this was last taken, each with its family.
    pub(super) renamed: Vec<(Box<str>, Cow<'static, str>)>,
}

impl NameRegistry {
    pub(super) fn new(profile: Profile, namespace: Namespace) -> Self {
        let families = built_in_families(profile, &namespace);
        let mut registry = Self {
            profile,
            namespace,
            ..Self::default()
        };
        for family in families {
            registry.open(family, None);
        }
        registry
    }

    /// The row of the family of this index, if it is a built-in one.
    pub(super) fn built_in(&self, family: usize) -> Option<&'static Spec> {
        built_in(self.profile).get(family)
    }

    /// Takes up the labels and the namespace of a snapshot, and forgets the keys that are gone.
    pub(super) fn update(&mut self, snapshot: &Snapshot) {
        let is_renamed = self.namespace != snapshot.namespace;
        self.namespace.clone_from(&snapshot.namespace);
        let is_relabelled = self.label_cache.update(snapshot);
        if is_relabelled {
            self.callers.relabel(&self.label_cache);
        }
        if is_relabelled || is_renamed {
            // Every series is another one now, and whether two are the same has to be asked anew.
            self.begin_anew();
        }
        self.forget_absent(snapshot);
    }

    /// The calls by caller that a page of this snapshot shows.
    pub(super) fn caller_children(&mut self, snapshot: &Snapshot) -> Vec<CallerChild> {
        self.callers.children(snapshot, &self.label_cache)
    }

    /// Forgets the places of all keys and registered metrics.
    fn begin_anew(&mut self) {
        let fresh = Self::new(self.profile, self.namespace.clone());
        let old = std::mem::replace(self, fresh);
        self.label_cache = old.label_cache;
        self.callers = old.callers;
        self.dropped_labels = old.dropped_labels;
        for (name, kind) in old.reserved {
            self.reserve_name(name, kind);
        }
    }

    /// Keeps the names of these families, and of their samples, free of keys and registered metrics. Where one of these
    /// has such a name already, all are placed anew.
    pub(super) fn reserve<'a>(&mut self, families: impl IntoIterator<Item = &'a Family>) {
        let mut in_the_way = false;
        for family in families {
            if self.reserved.get(&family.name) != Some(&family.kind) {
                in_the_way |= !self.reserve_name(family.name.clone(), family.kind);
            }
        }
        if in_the_way {
            self.begin_anew();
        }
    }

    /// Claims a family's names; `false` if a key or a registered metric has one of them.
    fn reserve_name(&mut self, name: Cow<'static, str>, kind: FamilyType) -> bool {
        let is_free = |(_, owner)| owner == RESERVED || self.built_in(owner).is_some();
        let are_free = self.claims.in_the_way(&name, kind).all(is_free);
        if are_free {
            // Names of a built-in family stay with it.
            self.claims.reserve(&name, kind, RESERVED);
        }
        self.reserved.insert(name, kind);
        are_free
    }

    /// Whether another source's family has a name that is taken here, by a family of the storage.
    pub(super) fn takes_name_of(&self, family: &Family) -> bool {
        let mut taken = self.claims.in_the_way(&family.name, family.kind);
        taken.any(|(_, owner)| owner != RESERVED)
    }

    /// The family of a registered metric: under its own name, or its hash where that is taken.
    pub(super) fn registered(&mut self, metric: &MetricSnapshot) -> usize {
        if let Some(family) = self.registered.get(&metric.name) {
            return *family;
        }
        let own = Family {
            unit: metric.unit,
            ..Family::new(
                metric.name.to_string(),
                metric.help.to_string(),
                metric.kind,
            )
        };
        let family = self.open(own, None).unwrap_or_else(|| {
            let help = format!("`{}`: {}", metric.name, metric.help);
            self.open_by_hash(&metric.name, &help, metric.kind)
        });
        self.registered.insert(Arc::clone(&metric.name), family);
        family
    }

    /// Where a key is exported; decided at the first call. `info` is the help text of one of the configuration's.
    pub(super) fn place(&mut self, export: KeyExport<'_>, info: Option<&str>) -> SeriesPlace {
        let id = export.id();
        if let Some(place) = self.places.get(&id) {
            return place.clone();
        }
        let (labels, dropped) = export.labels();
        self.dropped_labels += dropped;
        let labels = self.label_cache.complete(&labels);
        let series = series_of(&labels);
        let family = self.own_family(export, info, &series).unwrap_or_else(|| {
            let text = export.text();
            let help = export.kind.help(self.profile, &text);
            let family = self.open_by_hash(&text, &help, export.kind.family_type());
            self.entries[family].series.insert(series);
            family
        });
        self.places.insert(id, (family, labels.clone()));
        (family, labels)
    }

    /// The family of the key's own name, if it is free or its own, and the series is free in it.
    fn own_family(
        &mut self,
        KeyExport { kind, key, .. }: KeyExport<'_>,
        info: Option<&str>,
        series: &Labels,
    ) -> Option<usize> {
        let written = key.name();
        let name = kind.family_name(self.profile, &self.namespace, written);
        let family = if let Some(family) = self.claims.owner(&name) {
            let owner = self.entries.get(family)?.owner.as_ref()?;
            (owner.0 == kind && *owner.1 == *written).then_some(family)?
        } else {
            let help = info.map_or_else(|| kind.help(self.profile, written), str::to_owned);
            let family = Family::new(name, help, kind.family_type());
            self.open(family, Some((kind, written.into())))?
        };
        let is_free = self.entries[family].series.insert(series.clone());
        is_free.then_some(family)
    }

    fn open_by_hash(&mut self, key: &str, help: &str, kind: FamilyType) -> usize {
        let ending = match kind {
            FamilyType::Counter => "_total",
            _ => "",
        };
        let mut salted = Cow::Borrowed(key);
        let mut round = 0_u64;
        loop {
            let name = format!("stats_key_{:08x}{ending}", fnv1a(&salted));
            let family = Family::new(name, help.to_owned(), kind);
            let name = family.name.clone();
            if let Some(family) = self.open(family, None) {
                self.renamed.push((key.into(), name));
                return family;
            }
            round += 1;
            salted = Cow::Owned(format!("{key}#{round}"));
        }
    }

    /// Opens a family if none of its names is taken.
    fn open(&mut self, family: Family, owner: Option<(ExportKind, Box<str>)>) -> Option<usize> {
        let at = self.free.last().copied().unwrap_or(self.entries.len());
        if !self.claims.claim(&family.name, family.kind, at) {
            return None;
        }
        let entry = FamilyEntry {
            family,
            owner,
            series: HashSet::new(),
        };
        match self.free.pop() {
            Some(place) => self.entries[place] = entry,
            None => self.entries.push(entry),
        }
        Some(at)
    }

    /// Forgets the places of keys that are gone, once one was removed by name or they are many: other keys may then
    /// have their series, and the families that became empty.
    fn forget_absent(&mut self, snapshot: &Snapshot) {
        let removals = std::mem::replace(&mut self.removals, snapshot.values.removals);
        let mut needed = 0;
        each_key(snapshot, None, |_, _| needed += 1);
        if removals == self.removals && self.places.len() <= SPARE_PLACES + 2 * needed {
            return;
        }
        let mut present = HashSet::with_capacity(needed);
        each_key(snapshot, None, |export, _| {
            present.insert(export.id());
        });
        let is_gone =
            |id: &ExportId, _: &mut SeriesPlace| id.0 != ExportKind::Info && !present.contains(id);
        for (_, (at, labels)) in self.places.extract_if(is_gone) {
            let entry = &mut self.entries[at];
            entry.series.remove(&series_of(&labels));
            // Keys are never placed in a built-in family.
            if entry.series.is_empty() {
                self.claims.release(&entry.family.name, entry.family.kind);
                entry.owner = None;
                self.free.push(at);
            }
        }
        self.places.shrink_to(2 * self.places.len());
    }
}

/// The identity of a series: a label with an empty value is none to Prometheus.
pub(super) fn series_of(labels: &Labels) -> Labels {
    if labels.iter().all(|label| !label.value.is_empty()) {
        return labels.clone();
    }
    let kept = labels.iter().filter(|label| !label.value.is_empty());
    kept.cloned().collect()
}

/// The 32-bit FNV-1a hash (Fowler, Noll, Vo; offset basis and prime of their reference).
fn fnv1a(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}
