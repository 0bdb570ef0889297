//! A call site: the static an expansion submits, and the settings of each method, merged from the attributes of all its
//! sites.
//!
//! A [`CallSite`] is made while compiling and registered before `main`, so a method is known before its first call.
//! Start-up, or else the first call, resolves it to its method's number in the process; from then on a call reads that
//! number and nothing else of the site.
//!
//! # Label sets
//!
//! A site with labels finds the name of a call's label set in [`Combinations`]: in one for all storages, or, where a
//! label takes any text, in one for each storage, as the limit of texts is a storage's. These stand in a list that only
//! grows, each link set once, so a call walks it without a lock. The first storage that calls the site comes first.
//!
//! # Settings
//!
//! Several sites may count as one method. [`Settings`] merges theirs: task type, health and share rule are those of the first site,
//! in the order of their places; the buckets are those of the first site that has some; error types add up.

use std::fmt;
use std::ptr;
use std::sync::{LazyLock, OnceLock};

use crate::base::sort::sort_by_key;
use crate::base::sync::{Relaxed, StaticAtomicU32, leak};
use crate::data::window::ShareParts;
use crate::errors::{DeclaredType, derived_types, late_type, merged};
use crate::recording::label_sets::{
    Combinations, LabelKey, LabelValue, MethodId, closed_sets, has_text, most_sets,
};
use crate::recording::store::StorageCore;
use crate::recording::thread::{self, Local, entry_shard};

/// Whether the attribute makes no sites: the feature `off`, which a dependency may have set on `monitor-macros` alone.
pub(crate) const IS_OFF: bool = monitor_macros::is_off!();

/// Where a monitored function stands, which method it counts as, and the settings in its attribute. An expansion makes
/// it a `static`.
#[derive(Debug)]
pub struct CallSite {
    method: &'static str,
    file: &'static str,
    line: u32,
    settings: SiteSettings,
    /// The number of the method's shards of entry calls; 0 until it is resolved.
    shard: StaticAtomicU32,
    name: OnceLock<&'static MethodId>,
    combinations: StorageLink,
}

/// Where the failures of a site have their types from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeSource {
    /// From their errors.
    Error,
    /// All are of this type.
    Named(&'static str),
    /// From a function, so the types are not known ahead.
    Function,
}

/// The settings that an attribute has for the calls of its function.
#[derive(Debug, Clone, Copy)]
pub struct SiteSettings {
    /// Calls feed this task type instead of the method's own.
    pub task: Option<&'static str>,
    /// Calls feed task types at all.
    pub health: bool,
    /// Where failures have their types from.
    pub error_type: TypeSource,
    /// Failures of these types do not change the task status.
    pub expected: &'static [&'static str],
    /// The parts of the share rule that are the method's own.
    pub unhealthy: ShareParts,
    /// Bounds of durations beside the common ones, seconds.
    pub bounds: Option<&'static [f64]>,
    /// Calls need permits.
    pub limited: bool,
    /// Calls are streams.
    pub streaming: bool,
    /// Calls have these labels.
    pub labels: &'static [LabelKey],
}

impl SiteSettings {
    /// An attribute without arguments.
    pub const NONE: Self = Self {
        task: None,
        health: true,
        error_type: TypeSource::Error,
        expected: &[],
        unhealthy: ShareParts::NONE,
        bounds: None,
        limited: false,
        streaming: false,
        labels: &[],
    };
}

/// A [`CallSite`] as the program's registry of sites holds it.
#[derive(Debug, Clone, Copy)]
pub struct SiteEntry(pub &'static CallSite);

inventory::collect!(SiteEntry);

/// All sites of the program.
pub(crate) fn all() -> impl Iterator<Item = &'static CallSite> {
    inventory::iter::<SiteEntry>
        .into_iter()
        .map(|entry| entry.0)
}

/// A storage that a scope put in force, or none for the global one.
type Scoped = Option<&'static StorageCore>;

type StorageLink = OnceLock<&'static InStorage>;

/// The label sets of calls in one storage.
#[derive(Debug)]
struct InStorage {
    storage: Scoped,
    combinations: Combinations,
    next: StorageLink,
}

impl CallSite {
    /// A site of this method.
    pub const fn new(
        method: &'static str,
        file: &'static str,
        line: u32,
        settings: SiteSettings,
    ) -> Self {
        Self {
            method,
            file,
            line,
            settings,
            shard: StaticAtomicU32::new(0),
            name: OnceLock::new(),
            combinations: StorageLink::new(),
        }
    }

    /// Source file and line.
    pub fn location(&self) -> (&'static str, u32) {
        (self.file, self.line)
    }

    /// The number of the method's shards of entry calls, or 0 before [`resolve`](Self::resolve), which is the number of
    /// none. A plain word that never changes once set, so Relaxed will do.
    #[inline]
    pub(crate) fn known_entry_shard(&self) -> u32 {
        self.shard.load(Relaxed)
    }

    #[cold]
    pub(crate) fn resolve(&self) -> &'static MethodId {
        let name = self.name.get_or_init(|| MethodId::plain(self.method));
        self.shard.store(entry_shard(name.id), Relaxed);
        name
    }

    /// Whether these are the label sets of calls in this storage.
    #[inline]
    fn are_in(&self, one: &InStorage, storage: Scoped) -> bool {
        let is_same = one.storage.map(ptr::from_ref) == storage.map(ptr::from_ref);
        is_same || !has_text(self.settings.labels)
    }

    /// The label sets of calls in this storage, if there are any yet.
    #[inline]
    fn known_combinations(&'static self, storage: Scoped) -> Option<&'static Combinations> {
        let mut one = *self.combinations.get()?;
        while !self.are_in(one, storage) {
            one = one.next.get()?;
        }
        Some(&one.combinations)
    }

    /// [`known_combinations`](Self::known_combinations), made if need be.
    fn combinations(&'static self, storage: Scoped) -> &'static Combinations {
        let make = || {
            leak(InStorage {
                storage,
                combinations: Combinations::new(self.settings.labels),
                next: StorageLink::new(),
            })
        };
        let mut one = *self.combinations.get_or_init(make);
        while !self.are_in(one, storage) {
            one = one.next.get_or_init(make);
        }
        &one.combinations
    }

    /// The name of a call with these labels in the storage in force, if it was made before.
    #[inline]
    pub(crate) fn find(&'static self, labels: &[LabelValue<'_>]) -> Option<&'static MethodId> {
        let storage = thread::with(Local::scoped);
        self.known_combinations(storage)?.find(labels)
    }

    /// [`find`](Self::find), made if there is room for a label set made at run time; else that of the method's
    /// overflow.
    #[cold]
    #[inline(never)]
    pub(crate) fn find_or_make(&'static self, labels: &[LabelValue<'_>]) -> &'static MethodId {
        let storage = thread::with(Local::storage);
        let combinations = self.combinations(thread::with(Local::scoped));
        combinations.find_or_make(self.resolve(), labels, |method| {
            storage.has_room_for(method)
        })
    }

    /// The label sets that come into being together; none where labels are text, or without labels.
    pub(crate) fn siblings(&'static self) -> Vec<&'static MethodId> {
        let combinations = self.known_combinations(None);
        combinations.map(Combinations::siblings).unwrap_or_default()
    }

    /// The names that are known before the first call: the method, or each label set it can have.
    pub(crate) fn known_names(&'static self) -> Vec<&'static MethodId> {
        let name = self.resolve();
        match self.settings.labels {
            [] => vec![name],
            labels if has_text(labels) => Vec::new(),
            _ => self.combinations(None).known(name),
        }
    }
}

/// The settings of all calls of a method.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) task: Option<&'static str>,
    pub(crate) without_health: bool,
    /// Of the first site, as task type and health are.
    pub(crate) unhealthy: ShareParts,
    pub(crate) bounds: Option<&'static [f64]>,
    /// Expected error types, over all sites.
    pub(crate) expected: Vec<&'static str>,
    /// Where failures have their types from.
    pub(crate) type_sources: Vec<TypeSource>,
    pub(crate) limited: bool,
    pub(crate) streaming: bool,
    /// How many label sets its calls can have where all their labels have a closed set of values.
    pub(crate) closed_sets: usize,
    /// The most label sets its calls can have, as far as it is known ahead: where no label takes any text, and where
    /// one does.
    pub(crate) most_sets: [usize; 2],
}

impl Settings {
    fn of(sites: &[&'static CallSite]) -> Self {
        let mut merged = Self::default();
        let mut label_keys = Vec::new();
        for (at, site) in sites.iter().enumerate() {
            let settings = &site.settings;
            if at == 0 {
                merged.task = settings.task;
                merged.without_health = !settings.health;
                merged.unhealthy = settings.unhealthy;
            }
            merged.bounds = merged.bounds.or(settings.bounds);
            merged.limited |= settings.limited;
            merged.streaming |= settings.streaming;
            add_new(&mut merged.expected, settings.expected);
            add_new(&mut merged.type_sources, &[settings.error_type]);
            add_new(&mut label_keys, &[settings.labels]);
        }
        // Sites with the same labels share their label sets.
        for keys in label_keys {
            merged.closed_sets = merged.closed_sets.saturating_add(closed_sets(keys));
            let most = &mut merged.most_sets[usize::from(has_text(keys))];
            *most = most.saturating_add(most_sets(keys));
        }
        merged
    }
}

fn add_new<T: Copy + PartialEq>(all: &mut Vec<T>, some: &[T]) {
    for one in some {
        if !all.contains(one) {
            all.push(*one);
        }
    }
}

/// The settings of every method that has a site, by method.
pub(crate) fn all_settings() -> &'static [(&'static str, Settings)] {
    static SETTINGS: LazyLock<Vec<(&'static str, Settings)>> = LazyLock::new(|| {
        let sites = by_method();
        let of_methods = sites.chunk_by(|one, other| one.method == other.method);
        of_methods
            .map(|sites| (sites[0].method, Settings::of(sites)))
            .collect()
    });
    &SETTINGS
}

/// The error types that the program's code names: in derives, and in attributes. By name, each once.
pub(crate) fn declared_types() -> &'static [DeclaredType] {
    static TYPES: LazyLock<Vec<DeclaredType>> = LazyLock::new(|| {
        let named = all().flat_map(|site| {
            let own = match site.settings.error_type {
                TypeSource::Named(name) => Some(name),
                TypeSource::Error | TypeSource::Function => None,
            };
            own.into_iter()
                .chain(site.settings.expected.iter().copied())
        });
        merged(derived_types().chain(named.map(DeclaredType::new)))
    });
    &TYPES
}

/// Whether code gives an error this type by name: a derive, an attribute's `error_type`, a time limit or a layer.
pub(crate) fn is_given(error_type: &'static str) -> bool {
    let mut derived = derived_types();
    let mut all = all_settings().iter();
    late_type(error_type).is_some()
        || derived.any(|one| one.name == error_type)
        || all.any(|(_, settings)| {
            settings
                .type_sources
                .contains(&TypeSource::Named(error_type))
        })
}

/// The settings of a method, if it has a site.
pub(crate) fn settings_of(method: &str) -> Option<&'static Settings> {
    let all = all_settings();
    let at = all.binary_search_by_key(&method, |(name, _)| name);
    at.ok().map(|at| &all[at].1)
}

/// The sites of the program by method, each method's in the order of their places.
fn by_method() -> Vec<&'static CallSite> {
    let mut sites: Vec<&'static CallSite> = all().collect();
    sort_by_key(&mut sites, |site| (site.method, site.location()));
    sites
}

/// A function whose calls count as a method: where its attribute stands.
///
/// # Examples
///
/// ```
/// use monitor_core::{MethodSite, monitored};
///
/// #[monitored]
/// fn look_up() -> Result<(), std::fmt::Error> {
///     Ok(())
/// }
///
/// let sites = MethodSite::all_of("look_up");
/// assert!(sites.len() == 1 && sites[0].line > 0 && !sites[0].is_stream);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct MethodSite {
    /// The source file, as the compiler names it.
    pub file: &'static str,
    /// The line of the attribute.
    pub line: u32,
    /// Whether its calls are streams.
    pub is_stream: bool,
}

impl MethodSite {
    /// The sites of a method, in the order of their places; none of a method whose calls are started by hand. A function in a
    /// macro has one place, however often it is expanded.
    pub fn all_of(method: &str) -> Vec<Self> {
        let sites = all().filter(|site| site.method == method);
        let mut sites: Vec<_> = sites
            .map(|site| Self {
                file: site.file,
                line: site.line,
                is_stream: site.settings.streaming,
            })
            .collect();
        sites.sort_unstable();
        sites.dedup();
        sites
    }
}

/// Two places that count as one method.
///
/// That is right for two sites of one thing, and mixes two things up otherwise: the task type and health of the first
/// site's attribute then hold for both, and so do the buckets of the first site that has some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct SharedMethod {
    /// The method.
    pub method: &'static str,
    /// File and line of the first site.
    pub first: (&'static str, u32),
    /// File and line of another one.
    pub other: (&'static str, u32),
}

impl fmt::Display for SharedMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (method, (file, line), (other_file, other_line)) =
            (self.method, self.first, self.other);
        write!(
            f,
            "two functions count as the method `{method}`: {file}:{line} and {other_file}:{other_line}"
        )
    }
}

/// All methods with more than one site, with each further site.
pub(crate) fn shared_methods() -> Vec<SharedMethod> {
    let mut shared = Vec::new();
    let sites = by_method();
    for sites in sites.chunk_by(|one, other| one.method == other.method) {
        let first = sites[0].location();
        shared.extend(sites[1..].iter().map(|site| SharedMethod {
            method: site.method,
            first,
            other: site.location(),
        }));
    }
    // A function in a macro has one place, however often it is expanded.
    shared.dedup();
    shared
}
