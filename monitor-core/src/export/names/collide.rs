//! Who owns a family: where each key is exported, decided once.

mod forget;
mod reserve;
mod wanted;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use self::reserve::RESERVED;
pub(super) use self::wanted::{Plane, Wanted};
use super::Profile;
use super::label_sets::LabelSets;
use super::room::{LastPage, Shape};
use crate::base::sync::{Mutex, lock};
use crate::data::catalog::{Id, Spec, built_in};
use crate::data::family::{Family, FamilyType, Labels};
use crate::data::name;
use crate::data::sample_names::Claims;
use crate::data::snapshot::{MetricSnapshot, Snapshot};

/// Exports the snapshots of one storage under one profile, and remembers where each key is exported, so that a series keeps its
/// name from page to page.
///
/// Any text can be a key, but not any set of families is a valid page. So the first key owns a family. A key
/// whose sanitised name, type or derived sample (`_bucket`, `_sum`, `_count`, `_created`, `_total`) collides with
/// another's, with a built-in family or with one of the server's own, or whose series another key already has, is exported as `stats_key_<hash>` with
/// the key in the help text, and reported once through `tracing`.
///
/// # Definition
///
/// *First* is decided when a key is first exported: keys met at the same scrape go in the snapshot's order. What
/// is decided stays, also when the owner is gone for a while, until a key is removed or more than 4096 series are gone: then
/// those that are gone are forgotten. `<hash>` is the 32-bit FNV-1a hash of the key as
/// written, 8 hexadecimal digits (of the key with `#1`, `#2`, .. at its end while that family is taken too). A value a
/// call observed counts as the key the original makes of it: with `___method__<method>` at its end, and the call's own
/// labels behind that.
///
/// # Examples
///
/// ```
/// use monitor_core::exposition::Format;
/// use monitor_core::names::{Exporter, Profile};
/// use monitor_core::{Monitor, StorageConfig};
///
/// let monitor = Monitor::new(StorageConfig::default());
/// let exporter = Exporter::new(Profile::Prometheus);
/// monitor.set_stats("jobs", 3)?;
/// let mut page = Vec::new();
/// exporter.encode(&monitor.snapshot(), &["monitor_value_jobs"], Format::Text004, &mut page);
/// assert!(page.ends_with(b"\nmonitor_value_jobs 3\n"));
/// # Ok::<(), monitor_core::StatsError>(())
/// ```
#[derive(Debug)]
pub struct Exporter {
    profile: Profile,
    book: Mutex<Book>,
}

impl Exporter {
    /// An exporter that has exported nothing yet.
    pub fn new(profile: Profile) -> Self {
        Self {
            profile,
            book: Mutex::new(Book::new(profile)),
        }
    }

    /// The names it exports under.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// How many labels were dropped because an earlier label of the same key has their name; each key counts once.
    pub fn dropped_labels(&self) -> u64 {
        lock(&self.book).dropped_labels
    }

    pub(super) fn with_book<R>(&self, job: impl FnOnce(&mut Book) -> R) -> R {
        let mut book = lock(&self.book);
        let answer = job(&mut book);
        let renamed = std::mem::take(&mut book.renamed);
        drop(book);
        for (key, family) in renamed {
            tracing::warn!(%key, %family, "the key collides with another metric's name and is exported under its hash");
        }
        answer
    }
}

/// Where a series is: the family's index in the book, and its labels.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) family: usize,
    /// With those that every series has.
    pub(super) labels: Labels,
    /// When the book last looked which keys are gone, and this one was not.
    looked: u64,
}

/// A family of the book.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: Cow<'static, str>,
    pub(super) help: Cow<'static, str>,
    pub(super) kind: FamilyType,
    /// The unit its name ends in.
    pub(super) unit: Option<&'static str>,
    /// The name as written whose keys may add series; `None` for built-in families and for those named by hash.
    owner: Option<(Plane, Box<str>)>,
    series: HashSet<Labels>,
}

/// All families a storage ever exported under one profile.
#[derive(Debug)]
pub(super) struct Book {
    profile: Profile,
    entries: Vec<Entry>,
    claims: Claims,
    /// By what is exported and whether calls observed it, then by full key.
    places: HashMap<(Plane, bool), HashMap<Box<str>, Place>>,
    /// Entries that nobody is left in.
    free: Vec<usize>,
    /// Families of registered metrics, by the name they were registered under.
    registered: HashMap<Arc<str>, usize>,
    /// Families of others, whose names no key and no registered metric gets.
    reserved: HashMap<Cow<'static, str>, FamilyType>,
    label_sets: LabelSets,
    last_page: LastPage,
    dropped_labels: u64,
    /// How many keys had been removed when the book last looked which are gone.
    removals: u64,
    /// How often it looked.
    looked: u64,
    renamed: Vec<(Box<str>, Cow<'static, str>)>,
}

impl Book {
    fn new(profile: Profile) -> Self {
        let mut book = Self {
            profile,
            entries: Vec::new(),
            claims: Claims::default(),
            places: HashMap::new(),
            free: Vec::new(),
            registered: HashMap::new(),
            reserved: HashMap::new(),
            label_sets: LabelSets::default(),
            last_page: LastPage::default(),
            dropped_labels: 0,
            removals: 0,
            looked: 0,
            renamed: Vec::new(),
        };
        for spec in built_in(profile) {
            book.open(
                Cow::Borrowed(spec.name),
                Cow::Borrowed(spec.help),
                spec.kind,
                None,
            );
        }
        book
    }

    /// What the family of this index shows, if it is a built-in one.
    pub(super) fn built_in(&self, family: usize) -> Option<Id> {
        built_in(self.profile)
            .get(family)
            .map(|spec: &Spec| spec.id)
    }

    pub(super) fn dropped_labels(&self) -> u64 {
        self.dropped_labels
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Takes up the labels that every series of this snapshot has.
    pub(super) fn begin(&mut self, snapshot: &Snapshot) {
        if self.label_sets.begin(snapshot) {
            // Every series is another one now, and whether two are the same has to be asked anew.
            self.begin_anew();
        }
    }

    /// Forgets the places of all keys and registered metrics.
    fn begin_anew(&mut self) {
        let label_sets = std::mem::take(&mut self.label_sets);
        let reserved = std::mem::take(&mut self.reserved);
        let dropped_labels = self.dropped_labels;
        *self = Self {
            label_sets,
            dropped_labels,
            ..Self::new(self.profile)
        };
        for (name, kind) in reserved {
            self.reserve(name, kind);
        }
    }

    /// The label sets that are kept from scrape to scrape.
    pub(super) fn label_sets(&self) -> &LabelSets {
        &self.label_sets
    }

    /// How long the last page was.
    pub(super) fn last_page(&self) -> &LastPage {
        &self.last_page
    }

    pub(super) fn note_page(&mut self, shape: Shape, bytes: usize) {
        self.last_page.note(shape, bytes);
    }

    /// The family of a registered metric: under its own name, or its hash where that is taken.
    pub(super) fn registered(&mut self, metric: &MetricSnapshot) -> usize {
        if let Some(family) = self.registered.get(&metric.name) {
            return *family;
        }
        let (name, help) = (metric.name.to_string(), metric.help.to_string());
        let family = match self.open(name.into(), help.into(), metric.kind, None) {
            None => {
                let help = format!("`{}`: {}", metric.name, metric.help);
                self.open_by_hash(&metric.name, &help, metric.kind)
            }
            Some(family) => {
                self.entries[family].unit = metric.unit;
                family
            }
        };
        self.registered.insert(Arc::clone(&metric.name), family);
        family
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
        let labels = self.label_sets.complete(labels);
        let family = self
            .own_family(wanted, &labels)
            .unwrap_or_else(|| self.family_by_hash(wanted, &full_key, &labels));
        let place = Place {
            family,
            labels,
            looked: self.looked,
        };
        self.places
            .entry(table)
            .or_default()
            .insert(full_key.into(), place.clone());
        place
    }

    /// The family of the key's own name, if it is free or its own, and the series is free in it.
    fn own_family(&mut self, wanted: Wanted<'_>, labels: &Labels) -> Option<usize> {
        let name = wanted.plane.family_name(self.profile, wanted.key.name());
        let family = if let Some(family) = self.claims.owner(&name) {
            let owner = self.entries.get(family)?.owner.as_ref()?;
            (owner.0 == wanted.plane && *owner.1 == *wanted.key.name()).then_some(family)?
        } else {
            let written = wanted.key.name();
            let help = wanted
                .help
                .map_or_else(|| wanted.plane.help(self.profile, written), str::to_owned);
            let owner = Some((wanted.plane, Box::from(written)));
            self.open(name.into(), help.into(), wanted.plane.kind(), owner)?
        };
        self.entries[family]
            .series
            .insert(identity(labels))
            .then_some(family)
    }

    fn family_by_hash(&mut self, wanted: Wanted<'_>, full_key: &str, labels: &Labels) -> usize {
        let help = wanted.plane.help(self.profile, full_key);
        let family = self.open_by_hash(full_key, &help, wanted.plane.kind());
        self.entries[family].series.insert(identity(labels));
        family
    }

    fn open_by_hash(&mut self, key: &str, help: &str, kind: FamilyType) -> usize {
        let mut salted = Cow::Borrowed(key);
        let mut round = 0_u64;
        loop {
            let ending = if kind == FamilyType::Counter {
                "_total"
            } else {
                ""
            };
            let name = format!("stats_key_{:08x}{ending}", fnv1a(&salted));
            if let Some(family) = self.open(name.into(), help.to_owned().into(), kind, None) {
                let name = self.entries[family].name.clone();
                self.renamed.push((key.into(), name));
                return family;
            }
            round += 1;
            salted = Cow::Owned(format!("{key}#{round}"));
        }
    }

    /// Whether another source's family has a name that is taken here, by a family of the storage.
    pub(super) fn takes_of(&self, family: &Family) -> bool {
        let mut owners = self.claims.owners(&family.name, family.kind);
        owners.any(|owner| owner != RESERVED)
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
            unit: name::unit_of(&name),
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
fn identity(labels: &Labels) -> Labels {
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
