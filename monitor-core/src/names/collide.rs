//! Who owns a family: where each key is exported, decided once.

mod forget;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::built_in::BUILT_IN;
use super::claims::Claims;
use super::clean;
use super::label_sets::{LabelSets, OfMethod};
use crate::family::{FamilyType, Label, Labels};
use crate::key::StatKey;
use crate::snapshot::{MethodSnapshot, Snapshot};
use crate::sync::{Mutex, MutexGuard, lock};

/// Where the keys of one storage are exported, remembered from scrape to scrape.
///
/// Any text can be a key, but not any set of families is a valid page. So the first key owns a family. A key
/// whose sanitised name, type or derived sample (`_bucket`, `_sum`, `_count`, `_created`, `_total`) collides with
/// another's or with a built-in family, or whose series another key already has, is exported as `stats_key_<hash>` with
/// the key in the help text, and reported once through `tracing`.
///
/// # Definition
///
/// *First* is decided when a key is first exported: keys met at the same scrape go in the snapshot's order. What
/// is decided stays, also when the owner is gone for a while, until its key is removed or it is among more than 4096 series
/// that are gone. `<hash>` is the 32-bit FNV-1a hash of the key as
/// written, 8 hexadecimal digits (of the key with `#1`, `#2`, .. at its end while that family is taken too). A value a
/// call observed counts as the key the original makes of it: with `___method__<method>` at its end, and the call's own
/// labels behind that.
#[derive(Debug, Default)]
pub struct Names {
    servicekit: Mutex<Book>,
}

impl Names {
    /// How many labels were dropped because an earlier label of the same key has their name; each key counts once.
    pub fn dropped_labels(&self) -> u64 {
        self.book().dropped_labels
    }

    pub(super) fn with_servicekit<R>(&self, job: impl FnOnce(&mut Book) -> R) -> R {
        let mut book = self.book();
        let answer = job(&mut book);
        let renamed = std::mem::take(&mut book.renamed);
        drop(book);
        for (key, family) in renamed {
            tracing::warn!(%key, %family, "the key collides with another metric's name and is exported under its hash");
        }
        answer
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.servicekit)
    }
}

/// What of a key is exported; each has its own prefix and help text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Plane {
    Info,
    Value,
    Mean,
    LastMean,
    Histogram,
}

impl Plane {
    fn prefix(self) -> &'static str {
        match self {
            Self::Info => "",
            Self::Value => "stats_",
            Self::Mean => "stats_aggregation_",
            Self::LastMean => "stats_aggregation_last_",
            Self::Histogram => "stats_hist_",
        }
    }

    fn kind(self) -> FamilyType {
        if self == Self::Histogram {
            FamilyType::Histogram
        } else {
            FamilyType::Gauge
        }
    }

    fn family_name(self, written: &str) -> String {
        if self == Self::Info {
            clean::metric_name(written)
        } else {
            clean::key_name(self.prefix(), written)
        }
    }

    fn help(self, name: &str) -> String {
        match self {
            Self::Histogram => format!("this is hist metric `{name}` in stats from MonitorServers"),
            _ => format!("This is metric `{name}` from MonitorServer."),
        }
    }
}

/// One thing to place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) plane: Plane,
    pub(super) key: &'a StatKey,
    /// The method whose calls observed it; `None` for the user's own keys.
    pub(super) method: Option<&'a MethodSnapshot>,
    /// Instead of the original's help text.
    pub(super) help: Option<&'a str>,
}

impl Wanted<'_> {
    fn full_key(&self) -> Cow<'_, str> {
        match self.method {
            Some(method) => {
                let mut labels = vec![("method", &*method.name)];
                labels.extend(
                    method
                        .labels
                        .iter()
                        .map(|label| (&*label.name, &*label.value)),
                );
                Cow::Owned(StatKey::write(&self.key.raw, &labels))
            }
            None => Cow::Borrowed(&self.key.raw),
        }
    }

    fn labels(&self) -> (Vec<Label>, u64) {
        let written = self
            .key
            .labels
            .iter()
            .map(|(name, value)| (&**name, &**value));
        let calls = self.method.into_iter().flat_map(|method| {
            let labels = method.labels.iter();
            let labels = labels.map(|label| (&*label.name, &*label.value));
            std::iter::once(("method", &*method.name)).chain(labels)
        });
        clean::labels(written.chain(calls))
    }
}

/// Where a series is: the family's index in the book, and its labels.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) family: usize,
    /// With those that every series has.
    pub(super) labels: Labels,
    /// Without them.
    own: Arc<[Label]>,
}

/// A family of the book.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: Cow<'static, str>,
    pub(super) help: Cow<'static, str>,
    pub(super) kind: FamilyType,
    /// The name as written whose keys may add series; `None` for built-in families and for those named by hash.
    owner: Option<(Plane, Box<str>)>,
    series: HashSet<Arc<[Label]>>,
}

/// All families a storage ever exported under one profile.
#[derive(Debug)]
pub(super) struct Book {
    entries: Vec<Entry>,
    claims: Claims,
    /// By what is exported and whether calls observed it, then by full key.
    places: HashMap<(Plane, bool), HashMap<Box<str>, Place>>,
    /// Entries that nobody is left in.
    free: Vec<usize>,
    /// By the name they were registered under.
    registered: HashMap<Box<str>, usize>,
    label_sets: LabelSets,
    dropped_labels: u64,
    renamed: Vec<(Box<str>, Cow<'static, str>)>,
}

impl Default for Book {
    fn default() -> Self {
        let mut book = Self {
            entries: Vec::new(),
            claims: Claims::default(),
            places: HashMap::new(),
            free: Vec::new(),
            registered: HashMap::new(),
            label_sets: LabelSets::default(),
            dropped_labels: 0,
            renamed: Vec::new(),
        };
        for spec in &BUILT_IN {
            book.open(
                Cow::Borrowed(spec.name),
                Cow::Borrowed(spec.help),
                spec.kind,
                None,
            );
        }
        book
    }
}

impl Book {
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Takes up the labels that every series of this snapshot has.
    pub(super) fn begin(&mut self, snapshot: &Snapshot) {
        if self.label_sets.begin(snapshot) {
            for place in self.places.values_mut().flat_map(HashMap::values_mut) {
                place.labels = self.label_sets.complete(place.own.iter().cloned());
            }
        }
    }

    /// A child's labels, with those of every series.
    pub(super) fn complete(&self, labels: impl IntoIterator<Item = Label>) -> Labels {
        self.label_sets.complete(labels)
    }

    /// As [`complete`](Self::complete), for labels that were rendered without them.
    pub(super) fn complete_own(&self, labels: &Labels) -> Labels {
        self.label_sets.complete_own(labels)
    }

    /// The family of a registered metric: under its own name, or its hash where a key was there first.
    pub(super) fn registered(&mut self, name: &str, help: &str, kind: FamilyType) -> usize {
        if let Some(family) = self.registered.get(name) {
            return *family;
        }
        let own = self.open(name.to_owned().into(), help.to_owned().into(), kind, None);
        let family = own.unwrap_or_else(|| self.open_by_hash(name, help, kind));
        self.registered.insert(name.into(), family);
        family
    }

    /// The label sets of a method.
    pub(super) fn labels_of(&mut self, method: &MethodSnapshot, types: &[Arc<str>]) -> &OfMethod {
        self.label_sets.of(method, types)
    }

    /// Where a key is exported; decided at the first call.
    pub(super) fn place(&mut self, wanted: Wanted<'_>) -> Place {
        let full_key = wanted.full_key();
        let table = (wanted.plane, wanted.method.is_some());
        if let Some(place) = self
            .places
            .get(&table)
            .and_then(|places| places.get(&*full_key))
        {
            return place.clone();
        }
        let (labels, dropped) = wanted.labels();
        self.dropped_labels += dropped;
        let labels: Arc<[Label]> = labels.into();
        let family = self
            .own_family(wanted, &labels)
            .unwrap_or_else(|| self.family_by_hash(wanted, &full_key, &labels));
        let place = Place {
            family,
            labels: self.complete(labels.iter().cloned()),
            own: labels,
        };
        self.places
            .entry(table)
            .or_default()
            .insert(full_key.into(), place.clone());
        place
    }

    /// The family of the key's own name, if it is free or its own, and the series is free in it.
    fn own_family(&mut self, wanted: Wanted<'_>, labels: &Arc<[Label]>) -> Option<usize> {
        let name = wanted.plane.family_name(wanted.key.name());
        let family = if let Some(family) = self.claims.owner(&name) {
            let owner = self.entries[family].owner.as_ref()?;
            (owner.0 == wanted.plane && *owner.1 == *wanted.key.name()).then_some(family)?
        } else {
            let written = wanted.key.name();
            let help = wanted
                .help
                .map_or_else(|| wanted.plane.help(written), str::to_owned);
            let owner = Some((wanted.plane, Box::from(written)));
            self.open(name.into(), help.into(), wanted.plane.kind(), owner)?
        };
        self.entries[family]
            .series
            .insert(identity(labels))
            .then_some(family)
    }

    fn family_by_hash(
        &mut self,
        wanted: Wanted<'_>,
        full_key: &str,
        labels: &Arc<[Label]>,
    ) -> usize {
        let help = wanted.plane.help(full_key);
        let family = self.open_by_hash(full_key, &help, wanted.plane.kind());
        self.entries[family].series.insert(identity(labels));
        family
    }

    fn open_by_hash(&mut self, key: &str, help: &str, kind: FamilyType) -> usize {
        let mut salted = Cow::Borrowed(key);
        let mut round = 0_u64;
        loop {
            let name = format!("stats_key_{:08x}", fnv1a(&salted));
            if let Some(family) = self.open(name.into(), help.to_owned().into(), kind, None) {
                let name = self.entries[family].name.clone();
                self.renamed.push((key.into(), name));
                return family;
            }
            round += 1;
            salted = Cow::Owned(format!("{key}#{round}"));
        }
    }

    /// Opens a family if none of its names is taken.
    fn open(
        &mut self,
        name: Cow<'static, str>,
        help: Cow<'static, str>,
        kind: FamilyType,
        owner: Option<(Plane, Box<str>)>,
    ) -> Option<usize> {
        let id = self.free.last().copied().unwrap_or(self.entries.len());
        if !self.claims.claim(&name, kind, id) {
            return None;
        }
        let entry = Entry {
            name,
            help,
            kind,
            owner,
            series: HashSet::new(),
        };
        match self.free.pop() {
            Some(place) => self.entries[place] = entry,
            None => self.entries.push(entry),
        }
        Some(id)
    }
}

/// What tells a series from others: a label with an empty value is none to Prometheus.
fn identity(labels: &Arc<[Label]>) -> Arc<[Label]> {
    if labels.iter().all(|label| !label.value.is_empty()) {
        return Arc::clone(labels);
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
