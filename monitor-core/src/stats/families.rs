//! Children found by key, counted by family: at most `max_series` label sets of one, and a child for all others.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use crate::key::{DroppedPart, StatKey};
use crate::sync::{AtomicU32, AtomicU64, Mutex, OnceLock, Ordering, lock};

use super::trie::{Node, Trie};

/// All children of one kind, each under its key as written.
///
/// `S` is what the children of a family share; the family's first key decides it.
pub(super) struct Families<T, S> {
    hasher: RandomState,
    children: Trie<Child<T>>,
    by_name: Trie<Family<T, S>>,
    /// In the order they came, and the lock that whoever adds one holds.
    order: Mutex<Order<T, S>>,
    limit: AtomicU64,
    overflowed: AtomicU64,
}

struct Order<T, S> {
    children: Vec<ChildRef<T>>,
    families: Vec<FamilyRef<T, S>>,
}

pub(super) type ChildRef<T> = Arc<Node<Child<T>>>;
type FamilyRef<T, S> = Arc<Node<Family<T, S>>>;

/// A value and its key.
#[derive(Debug)]
pub(super) struct Child<T> {
    pub(super) key: Arc<StatKey>,
    /// Whether nothing is wrong with the key, or was warned about.
    settled: AtomicU32,
    pub(super) value: T,
}

/// The children whose names are written alike.
pub(super) struct Family<T, S> {
    name: Box<str>,
    written: Box<str>,
    pub(super) shared: S,
    children: AtomicU64,
    overflow: OnceLock<ChildRef<T>>,
    warned: AtomicU32,
}

/// Where updates of a key go.
pub(super) enum Place<'a, T, S> {
    /// To the key's own child.
    Own(&'a ChildRef<T>),
    /// The family is full: to [`Families::overflow`].
    Full(&'a FamilyRef<T, S>),
}

impl<T, S> Families<T, S> {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            hasher: RandomState::new(),
            children: Trie::new(),
            by_name: Trie::new(),
            order: Mutex::new(Order {
                children: Vec::new(),
                families: Vec::new(),
            }),
            limit: AtomicU64::new(limit as u64),
            overflowed: AtomicU64::new(0),
        }
    }

    /// Label sets a family may have from now on; 0 is no limit. Children that are there stay.
    pub(super) fn set_limit(&self, limit: usize) {
        self.limit.store(limit as u64, Ordering::Relaxed);
    }

    pub(super) fn limit(&self) -> u64 {
        self.limit.load(Ordering::Relaxed)
    }

    /// Updates that found their family full.
    pub(super) fn overflowed(&self) -> u64 {
        self.overflowed.load(Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn get(&self, raw: &str) -> Option<&ChildRef<T>> {
        self.find(self.hash(raw), raw)
    }

    /// The place of a key, which is made if there is none and its family has room for it.
    pub(super) fn place(
        &self,
        raw: &str,
        shared: impl FnOnce() -> S,
        make: impl FnOnce(&S) -> T,
    ) -> Place<'_, T, S> {
        let hash = self.hash(raw);
        if let Some(child) = self.find(hash, raw) {
            return Place::Own(child);
        }
        let name = StatKey::name_of(raw);
        if let Some(family) = self.family(name).filter(|family| self.is_full(family)) {
            return self.full(family);
        }
        let mut order = lock(&self.order);
        if let Some(child) = self.find(hash, raw) {
            return Place::Own(child);
        }
        let family = self.family_or_new(name, shared, &mut order);
        if self.is_full(family) {
            return self.full(family);
        }
        family.children.fetch_add(1, Ordering::Relaxed);
        Place::Own(self.add(hash, StatKey::parse(raw), make(&family.shared), &mut order))
    }

    /// The child of all label sets a family has no room for: `overflow="true"` alone.
    pub(super) fn overflow<'a>(
        &'a self,
        family: &'a FamilyRef<T, S>,
        make: impl FnOnce(&S) -> T,
    ) -> &'a ChildRef<T> {
        if let Some(child) = family.overflow.get() {
            return child;
        }
        let mut order = lock(&self.order);
        family.overflow.get_or_init(|| {
            // A user may have made a child with these labels before.
            let raw = overflow_key(&family.written);
            let hash = self.hash(&raw);
            let found = self.find(hash, &raw);
            Arc::clone(found.unwrap_or_else(|| {
                self.add(hash, StatKey::parse(&raw), make(&family.shared), &mut order)
            }))
        })
    }

    /// All children, in the order they came.
    pub(super) fn children(&self) -> Vec<ChildRef<T>> {
        lock(&self.order).children.clone()
    }

    /// Logs, once a family, that it is full.
    pub(super) fn warn_of_overflow(&self) {
        if self.overflowed() == 0 {
            return;
        }
        let families = lock(&self.order).families.clone();
        for family in families {
            if family.overflow.get().is_some() && family.warned.swap(1, Ordering::Relaxed) == 0 {
                tracing::warn!(
                    family = &*family.written,
                    max_series = self.limit(),
                    "more label sets than max_series: further ones are counted under overflow=\"true\""
                );
            }
        }
    }

    fn full<'a>(&self, family: &'a FamilyRef<T, S>) -> Place<'a, T, S> {
        self.overflowed.fetch_add(1, Ordering::Relaxed);
        Place::Full(family)
    }

    fn is_full(&self, family: &Family<T, S>) -> bool {
        let limit = self.limit();
        limit != 0 && family.children.load(Ordering::Relaxed) >= limit
    }

    fn add(&self, hash: u64, key: StatKey, value: T, order: &mut Order<T, S>) -> &ChildRef<T> {
        let child = Child {
            settled: AtomicU32::new(key.dropped().is_empty().into()),
            key: Arc::new(key),
            value,
        };
        let child = self.children.insert(hash, child);
        order.children.push(Arc::clone(child));
        child
    }

    fn family(&self, name: &str) -> Option<&FamilyRef<T, S>> {
        self.by_name.find(self.family_hash(name), |family| {
            family.name.chars().eq(written_alike(name))
        })
    }

    fn family_or_new(
        &self,
        name: &str,
        shared: impl FnOnce() -> S,
        order: &mut Order<T, S>,
    ) -> &FamilyRef<T, S> {
        if let Some(family) = self.family(name) {
            return family;
        }
        let family = Family {
            name: written_alike(name).collect(),
            written: name.into(),
            shared: shared(),
            children: AtomicU64::new(0),
            overflow: OnceLock::new(),
            warned: AtomicU32::new(0),
        };
        let family = self.by_name.insert(self.family_hash(name), family);
        order.families.push(Arc::clone(family));
        family
    }

    #[inline]
    fn find(&self, hash: u64, raw: &str) -> Option<&ChildRef<T>> {
        self.children.find(hash, |child| *child.key.raw == *raw)
    }

    #[inline]
    fn hash(&self, raw: &str) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(raw.as_bytes());
        hasher.finish()
    }

    fn family_hash(&self, name: &str) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        written_alike(name).for_each(|letter| hasher.write_u32(letter.into()));
        hasher.finish()
    }
}

impl<T, S> fmt::Debug for Families<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Families")
            .field("children", &lock(&self.order).children.len())
            .finish_non_exhaustive()
    }
}

impl<T> Child<T> {
    /// Logs, once, the parts of the key that are left out.
    pub(super) fn warn_of_key(&self, warn: fn(&StatKey)) {
        if self.settled.load(Ordering::Relaxed) == 0 && self.settled.swap(1, Ordering::Relaxed) == 0
        {
            warn(&self.key);
        }
    }
}

/// The key of a family's overflow child.
pub(super) fn overflow_key(name: &str) -> String {
    StatKey::write(name, &[("overflow", "true")])
}

/// A name's letters as every exposition writes them, so that names written alike are one family.
pub(super) fn written_alike(name: &str) -> impl Iterator<Item = char> {
    let legal = |letter: char| letter.is_ascii_alphanumeric() || letter == ':';
    name.chars()
        .flat_map(char::to_lowercase)
        .map(move |letter| if legal(letter) { letter } else { '_' })
}

/// Warns of a key whose value is a gauge, in the original's words.
pub(super) fn warn_of_gauge_key(key: &StatKey) {
    for part in key.dropped() {
        match part {
            DroppedPart::Malformed(part) => {
                tracing::warn!("Label {part} has bad format. Must be <label2name__label2value>.");
            }
            DroppedPart::Repeated(name) => warn_of_repeated(name, key),
        }
    }
}

/// Warns of a key whose value is a histogram, in the original's words.
pub(super) fn warn_of_histogram_key(key: &StatKey) {
    for part in key.dropped() {
        match part {
            DroppedPart::Malformed(part) => {
                tracing::warn!(
                    "The label {part} is not in the correct format. It should be <label2name__label2value>."
                );
            }
            DroppedPart::Repeated(name) => warn_of_repeated(name, key),
        }
    }
}

fn warn_of_repeated(name: &str, key: &StatKey) {
    tracing::warn!(
        key = &*key.raw,
        "label {name} is there more than once: the first counts"
    );
}
