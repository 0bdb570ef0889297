//! `CallSite`: the static an expansion submits; resolved once to a method's number.

use std::sync::OnceLock;

use crate::base::sync::{Ordering, StaticAtomicU32, leak};
use crate::data::buckets::check_bounds;
use crate::recording::labels::{Combinations, LabelKey, LabelValue, closed_sets, has_text};
use crate::recording::local::{self, Local};
use crate::recording::method_name::MethodName;
use crate::recording::store::StorageCore;

/// Whether the attribute makes no sites: the feature `off`, which a dependency may have set on `monitor-macros` alone.
pub(crate) const IS_OFF: bool = monitor_macros::is_off!();

/// Where a monitored function stands, which method it counts as, and what the attribute says of it. An expansion makes
/// it a `static`.
#[derive(Debug)]
pub struct CallSite {
    method: &'static str,
    file: &'static str,
    line: u32,
    /// The method's number plus 1; 0 until the first call.
    id: StaticAtomicU32,
    name: OnceLock<&'static MethodName>,
    pub(crate) task: Option<&'static str>,
    pub(crate) health: bool,
    pub(crate) error_type: Option<&'static str>,
    pub(crate) expected: &'static [&'static str],
    pub(crate) bounds: Option<&'static [f64]>,
    pub(crate) limited: bool,
    pub(crate) streaming: bool,
    labels: &'static [LabelKey],
    combinations: InStorages,
}

/// The label sets of a site: one for all storages, or, where a label takes any text, one for each. The global storage's
/// comes first.
#[derive(Debug)]
struct InStorages {
    storage: OnceLock<Option<&'static StorageCore>>,
    combinations: OnceLock<Combinations>,
    next: OnceLock<&'static InStorages>,
}

impl InStorages {
    const fn new() -> Self {
        Self {
            storage: OnceLock::new(),
            combinations: OnceLock::new(),
            next: OnceLock::new(),
        }
    }
}

/// A [`CallSite`] as the program's registry of sites holds it.
#[derive(Debug, Clone, Copy)]
pub struct SiteEntry(pub &'static CallSite);

inventory::collect!(SiteEntry);

impl CallSite {
    /// A site of this method.
    pub const fn new(method: &'static str, file: &'static str, line: u32) -> Self {
        Self {
            method,
            file,
            line,
            id: StaticAtomicU32::new(0),
            name: OnceLock::new(),
            task: None,
            health: true,
            error_type: None,
            expected: &[],
            bounds: None,
            limited: false,
            streaming: false,
            labels: &[],
            combinations: InStorages::new(),
        }
    }

    /// Its calls feed this task type instead of the method's own.
    #[must_use]
    pub const fn task(mut self, task: &'static str) -> Self {
        self.task = Some(task);
        self
    }

    /// Its calls feed no task type.
    #[must_use]
    pub const fn without_health(mut self) -> Self {
        self.health = false;
        self
    }

    /// All its failures are of this type; named here so that start-up can tell an unknown one.
    #[must_use]
    pub const fn error_type(mut self, name: &'static str) -> Self {
        self.error_type = Some(name);
        self
    }

    /// Failures of these types are no illness.
    #[must_use]
    pub const fn expected(mut self, types: &'static [&'static str]) -> Self {
        self.expected = types;
        self
    }

    /// Bounds of durations beside the common ones, seconds.
    ///
    /// # Panics
    ///
    /// If they are no bounds; in a static that is an error of the compiler.
    #[must_use]
    pub const fn buckets(mut self, bounds: &'static [f64]) -> Self {
        check_bounds(bounds);
        self.bounds = Some(bounds);
        self
    }

    /// Its calls need permits.
    #[must_use]
    pub const fn limited(mut self) -> Self {
        self.limited = true;
        self
    }

    /// Its calls are streams.
    #[must_use]
    pub const fn streaming(mut self) -> Self {
        self.streaming = true;
        self
    }

    /// Its calls have these labels.
    #[must_use]
    pub const fn labels(mut self, labels: &'static [LabelKey]) -> Self {
        self.labels = labels;
        self
    }

    /// The method's name.
    pub fn method(&self) -> &'static str {
        self.method
    }

    /// Source file and line.
    pub fn location(&self) -> (&'static str, u32) {
        (self.file, self.line)
    }

    /// The method's number plus 1, or 0 before [`resolve`](Self::resolve). A plain word that never changes once set,
    /// so Relaxed will do.
    #[inline]
    pub(crate) fn known(&self) -> u32 {
        self.id.load(Ordering::Relaxed)
    }

    #[cold]
    pub(crate) fn resolve(&self) -> &'static MethodName {
        let name = self.name.get_or_init(|| MethodName::plain(self.method));
        self.id.store(name.id, Ordering::Relaxed);
        name
    }

    /// The label sets of calls in this storage (none is the global one), if there are any yet.
    #[inline]
    fn known_combinations(&'static self, storage: Scoped) -> Option<&'static Combinations> {
        let mut one = &self.combinations;
        if !has_text(self.labels) {
            return one.combinations.get();
        }
        while !is_same(*one.storage.get()?, storage) {
            one = one.next.get()?;
        }
        one.combinations.get()
    }

    fn combinations(&'static self, storage: Scoped) -> &'static Combinations {
        let mut one = &self.combinations;
        if has_text(self.labels) {
            while !is_same(*one.storage.get_or_init(|| storage), storage) {
                one = one.next.get_or_init(|| leak(InStorages::new()));
            }
        }
        one.combinations
            .get_or_init(|| Combinations::new(self.labels))
    }

    /// The name of a call with these labels in the storage in force, if it was made before.
    #[inline]
    pub(crate) fn find(&'static self, labels: &[LabelValue<'_>]) -> Option<&'static MethodName> {
        let storage = local::with(Local::scoped);
        self.known_combinations(storage)?.find(labels)
    }

    /// The label sets that come into being together; none where labels are text, or without labels.
    pub(crate) fn siblings(&'static self) -> Vec<&'static MethodName> {
        let combinations = self.known_combinations(None);
        combinations.map(Combinations::siblings).unwrap_or_default()
    }

    /// The names that are known before the first call: the method, or each label set it can have.
    pub(crate) fn known_names(&'static self) -> Vec<&'static MethodName> {
        let name = self.resolve();
        if self.labels.is_empty() {
            return vec![name];
        }
        if has_text(self.labels) {
            return Vec::new();
        }
        self.combinations(None).known(name)
    }

    /// How many label sets its calls can have: 0 without labels, and where a label takes any text or tells its values only
    /// when a call is made.
    pub(crate) fn closed_sets(&self) -> usize {
        closed_sets(self.labels)
    }

    /// Whether it has the labels of another site.
    pub(crate) fn has_labels_of(&self, other: &Self) -> bool {
        self.labels == other.labels
    }

    /// [`find`](Self::find), made if `has_room` for a label set made at run time; else that of the method's overflow.
    #[cold]
    pub(crate) fn find_or_make(
        &'static self,
        labels: &[LabelValue<'_>],
        has_room: impl FnOnce(&MethodName) -> bool,
    ) -> &'static MethodName {
        let storage = local::with(Local::scoped);
        self.combinations(storage)
            .find_or_make(self.resolve(), labels, has_room)
    }
}

/// A storage that a scope put in force, or none for the global one.
type Scoped = Option<&'static StorageCore>;

#[inline]
fn is_same(one: Scoped, other: Scoped) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => std::ptr::eq(one, other),
        _ => false,
    }
}

/// All sites of the program.
pub(crate) fn all() -> impl Iterator<Item = &'static CallSite> {
    inventory::iter::<SiteEntry>
        .into_iter()
        .map(|entry| entry.0)
}
