//! Bounded families: their children, at most `max_series` each, and one child for all label sets beyond that.
//!
//! Keys and registered metrics stand on the same parts: [`FamilyChild`] (a cell under its key, and whether it is
//! there), [`Order`] (the children in the order they came, and since when each is idle), [`FamilyLimits`] (how many a
//! family may have, and which are full) and the look-up by hash of `index.rs`. Two structures own them:
//!
//! * [`KeyFamilies`], all keys of one kind. A key is found at each update, without a lock. A removal takes its value,
//!   and an update after it brings the key back at zero, last in the order. Beyond `GONE_LIMIT` keys a removed one is
//!   freed. The child of all others is a key too, which a user may have made, and remove.
//! * [`LabelFamily`], one registered metric. A child is found once by its label values, behind a lock; then there is a
//!   handle. A removal takes the child off the page, and its next update brings it back where it was, with all that was
//!   counted. It is freed when no handle is left; until then it counts towards the limit. The child of all others is
//!   last on the page, and stays.
//!
//! # Writers
//!
//! Children come, go and come back under the lock of the order alone; the bits [`GONE`] and [`COUNTED`] change under it
//! too. Whether an update came before a removal is decided in the words of the cell (`cells.rs`); [`GONE`] only spares
//! a look-up of the cell. A reader of the order sees each child that was there throughout, and may or may not see one
//! that comes or goes meanwhile.
//!
//! # Idle children
//!
//! An update sets [`UPDATED`] before it changes the cell. A scrape clears it and notes its own time; a child that a
//! later scrape still finds clear leaves once it is idle for long enough. That scrape takes the cell away first and
//! looks at the bit then: an update that is part of the taken value has set the bit before (its Release and the Acquire
//! of the swap that takes the value; under the lock or the last handle's drop for the others), and stops the removal.
//!
//! A registered child that a handle holds is only hidden, and the bit is looked at before that: an update between the
//! two is counted, and is on the page after the next update.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::ops::Deref;
use std::sync::Arc;

use crate::base::clock::Clock;
use crate::base::sync::{AtomicU32, AtomicU64, Mutex, OnceLock, Relaxed, lock};
use crate::data::family::{Child, ChildValue, Label, Labels};
use crate::data::key::{DroppedPart, StatKey};
use crate::data::labels::sort_labels;
use crate::data::snapshot::MetricSnapshot;
use crate::data::value::ValueKind;

use super::cells::{BucketKind, BucketSpec};
use super::index::{Found, Index, IndexNode, LockedMap};
use super::registry::{AnyFamily, MetricSpec};

/// The limits and counts that all families of a storage share.
#[derive(Default)]
pub(crate) struct FamilyLimits {
    /// Most label sets of a family; 0 is no limit. Children that are there stay when it falls.
    pub(super) max_series: AtomicU64,
    /// Updates and handles that found their family full.
    pub(super) overflowed: AtomicU64,
    /// Updates that were refused for their value.
    pub(super) refused: AtomicU64,
    /// Families that were full for the first time, and not warned about yet.
    full: Mutex<Vec<Box<str>>>,
}

impl FamilyLimits {
    fn is_full(&self, children: u64) -> bool {
        let limit = self.max_series.load(Relaxed);
        limit != 0 && children >= limit
    }

    /// Logs, once a family, that it is full.
    pub(super) fn warn_of_full_families(&self) {
        // A log line may be written by code that looks at the metrics: the lock is free by then.
        let full = std::mem::take(&mut *lock(&self.full));
        for family in full {
            tracing::warn!(
                family = &*family,
                max_series = self.max_series.load(Relaxed),
                "more label sets than max_series: further ones are counted under overflow=\"true\""
            );
        }
    }
}

/// A cell under its key.
pub(super) struct FamilyChild<K, C> {
    pub(super) key: K,
    pub(super) cell: C,
    /// Its place in the order; of use under its lock alone.
    at: AtomicU32,
    state: AtomicU32,
    /// Ticks, when a scrape first saw its last update; of use under the lock of the order alone.
    since: AtomicU64,
}

/// A child that look-ups, the order and handles hold.
pub(super) type ChildRef<K, C> = Arc<IndexNode<FamilyChild<K, C>>>;

// Bits of a child's state, `Relaxed`: see above for the stores that order them.
/// Nothing is wrong with the key, or was warned about.
const SETTLED: u32 = 1;
/// It was taken away.
const GONE: u32 = 2;
/// It is one of the label sets its family may have; the child of all others is not.
const COUNTED: u32 = 4;
/// It was updated since a scrape last looked.
const UPDATED: u32 = 8;

impl<K, C> FamilyChild<K, C> {
    fn new(key: K, cell: C, state: u32) -> Self {
        Self {
            key,
            cell,
            at: AtomicU32::new(0),
            state: AtomicU32::new(state),
            since: AtomicU64::new(0),
        }
    }

    /// Notes that it is about to be updated. A plain look first: the line is written by the update alone.
    #[inline]
    pub(super) fn mark_updated(&self) {
        if !self.has(UPDATED) {
            self.set(UPDATED);
        }
    }

    #[inline]
    fn has(&self, bit: u32) -> bool {
        self.state.load(Relaxed) & bit != 0
    }

    /// Sets a bit; whether it was set.
    fn set(&self, bit: u32) -> bool {
        self.state.fetch_or(bit, Relaxed) & bit != 0
    }

    /// Clears a bit; whether it was set.
    fn clear(&self, bit: u32) -> bool {
        self.state.fetch_and(!bit, Relaxed) & bit != 0
    }

    /// Whether no update came since a scrape last looked.
    pub(super) fn is_idle(&self) -> bool {
        !self.has(UPDATED)
    }

    fn at(&self) -> usize {
        self.at.load(Relaxed) as usize
    }
}

/// The children that are there, in the order they came.
struct Order<K, C> {
    /// A child's place is in its `at`; one that left is a hole.
    places: Vec<Option<ChildRef<K, C>>>,
    holes: usize,
    /// Children in `places` that are not on the page.
    hidden: usize,
}

/// More holes, or hidden children, than this are looked after once they are as many as the others.
const SPARE_CHILDREN: usize = 64;

impl<K, C> Default for Order<K, C> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            holes: 0,
            hidden: 0,
        }
    }
}

impl<K, C> Order<K, C> {
    fn len(&self) -> usize {
        self.places.len() - self.holes
    }

    /// The children on the page.
    fn children(&self) -> Vec<ChildRef<K, C>> {
        let there = self.places.iter().flatten();
        there.filter(|child| !child.has(GONE)).cloned().collect()
    }

    /// Puts a child, whose cell has its value, at the end.
    fn push(&mut self, child: &ChildRef<K, C>) {
        // A child is at least 100 bytes, so there is no room for 2^32.
        let at = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        child.at.store(at, Relaxed);
        self.places.push(Some(Arc::clone(child)));
        child.set(UPDATED);
        child.clear(GONE);
    }

    fn remove(&mut self, child: &FamilyChild<K, C>) {
        if let Some(place) = self.places.get_mut(child.at()) {
            *place = None;
            self.holes += 1;
            self.close_holes();
        }
    }

    fn close_holes(&mut self) {
        if self.holes > SPARE_CHILDREN && self.holes * 2 > self.places.len() {
            self.places.retain(Option::is_some);
            self.holes = 0;
            for (at, child) in (0..).zip(self.places.iter().flatten()) {
                child.at.store(at, Relaxed);
            }
        }
    }

    /// The children whose last update was seen `idle` ticks ago, and none since; notes those of the others.
    fn idle(&self, now: u64, idle: u64) -> Vec<ChildRef<K, C>> {
        let mut found = Vec::new();
        for child in self.places.iter().flatten() {
            if child.has(UPDATED) && child.clear(UPDATED) {
                child.since.store(now, Relaxed);
            } else if !child.has(GONE) && now.saturating_sub(child.since.load(Relaxed)) >= idle {
                found.push(Arc::clone(child));
            }
        }
        found
    }
}

/// The cell of a key: its value may be taken away and come back.
pub(super) trait KeyCell: Sized {
    /// The part that the children of a family share; the family's first key decides it.
    type Shared: Clone;
    /// The value that a removal takes.
    type Taken;

    /// Whether it leaves the page when it is idle.
    fn idles(&self) -> bool {
        true
    }

    /// Takes the value away, if there is one and `may` agrees, which is asked when no update can reach the value any
    /// more.
    fn take_if(&self, may: impl FnOnce() -> bool) -> Option<Self::Taken>;

    /// Puts a value where one was taken away.
    fn bring_back(&self, fresh: Self);
}

/// Why a key was not updated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Its value was taken away: it has to be looked up again.
    Gone,
    /// It holds a value of another sort.
    Holds(ValueKind),
    /// Its family is full.
    Full,
}

pub(super) type KeyChild<C> = FamilyChild<Arc<StatKey>, C>;
pub(super) type KeyRef<C> = ChildRef<Arc<StatKey>, C>;
type KeyOrder<C> = Order<Arc<StatKey>, C>;

/// All keys of one kind, each a child of the family of the names that are written alike.
pub(super) struct KeyFamilies<C: KeyCell> {
    limits: Arc<FamilyLimits>,
    hasher: RandomState,
    children: Index<KeyChild<C>>,
    by_name: Index<KeyFamily<C>>,
    order: Mutex<KeyOrder<C>>,
}

/// The keys whose names are written alike.
struct KeyFamily<C: KeyCell> {
    /// As the first key has it.
    name: Box<str>,
    shared: C::Shared,
    /// Keys that count towards the limit.
    children: AtomicU64,
    overflow: OnceLock<KeyRef<C>>,
    /// 1 while it has no children. Changes under the lock of the order.
    gone: AtomicU32,
}

/// The key that an update is for.
pub(super) enum UpdateTarget<'a, C> {
    /// A key, or the child of all others where its family is full.
    Key(&'a str),
    /// A key alone.
    OwnKey(&'a str),
    /// As `Key`, by a child the key had, which was found to be gone: it comes back, unless another one has the key by
    /// now.
    Known(&'a KeyRef<C>),
}

/// Where updates of a key go: its child, or else its family, which is full.
type KeyPlace<'a, C> = Result<Found<'a, KeyChild<C>>, Found<'a, KeyFamily<C>>>;

impl<C: KeyCell> KeyFamilies<C> {
    pub(super) fn new(limits: &Arc<FamilyLimits>) -> Self {
        Self {
            limits: Arc::clone(limits),
            hasher: RandomState::new(),
            children: Index::new(),
            by_name: Index::new(),
            order: Mutex::default(),
        }
    }

    /// The child of a key. Its value may have been taken away, which its cell knows.
    #[inline]
    pub(super) fn get(&self, raw: &str) -> Option<Found<'_, KeyChild<C>>> {
        let is = |child: &KeyChild<C>| *child.key.raw == *raw;
        self.children.find(self.hash(raw), is)
    }

    /// Updates the child of a key. If there is none, and room in its family, `first` makes it; if the family is new,
    /// with `shared`.
    ///
    /// # Errors
    ///
    /// The error of `update`, except [`Refused::Gone`], after which `update` is called again with the child that came
    /// back.
    pub(super) fn update<R>(
        &self,
        target: &UpdateTarget<'_, C>,
        shared: &C::Shared,
        first: impl Fn(&C::Shared) -> C,
        update: impl Fn(&KeyRef<C>) -> Result<R, Refused>,
    ) -> Result<R, Refused> {
        let (raw, known) = match target {
            UpdateTarget::Key(raw) | UpdateTarget::OwnKey(raw) => (*raw, None),
            UpdateTarget::Known(child) => (&*child.key.raw, Some(*child)),
        };
        let mut place = self.place(raw);
        loop {
            let child = match place.unwrap_or_else(|| self.make_place(raw, known, shared, &first)) {
                Ok(child) => child,
                Err(_) if matches!(target, UpdateTarget::OwnKey(_)) => return Err(Refused::Full),
                Err(family) => Found::InMap(self.overflow(&family, &first)),
            };
            child.mark_updated();
            match update(&child) {
                Err(Refused::Gone) => place = None,
                done => return done,
            }
        }
    }

    /// The place of a key, if it is there or cannot be made.
    fn place(&self, raw: &str) -> Option<KeyPlace<'_, C>> {
        if let Some(child) = self.get(raw).filter(|child| !child.has(GONE)) {
            return Some(Ok(child));
        }
        let family = self.family(StatKey::name_of(raw))?;
        let children = family.children.load(Relaxed);
        self.limits.is_full(children).then(|| {
            self.limits.overflowed.fetch_add(1, Relaxed);
            Err(family)
        })
    }

    /// As `place`, and makes it if it is not there. `known` is a child that the key had: it comes back if nothing has
    /// its place.
    fn make_place(
        &self,
        raw: &str,
        known: Option<&KeyRef<C>>,
        shared: &C::Shared,
        first: &dyn Fn(&C::Shared) -> C,
    ) -> KeyPlace<'_, C> {
        let mut order = lock(&self.order);
        self.place(raw).unwrap_or_else(|| {
            let family = self.family_or_new(StatKey::name_of(raw), shared);
            family.children.fetch_add(1, Relaxed);
            let child = self.bring_in(&mut order, raw, known, first(&family.shared));
            child.set(COUNTED);
            Ok(child)
        })
    }

    /// The child of all label sets a family has no room for: `overflow="true"` alone.
    fn overflow(&self, family: &KeyFamily<C>, first: &dyn Fn(&C::Shared) -> C) -> KeyRef<C> {
        let overflow = &family.overflow;
        if let Some(child) = overflow.get().filter(|child| !child.has(GONE)) {
            return Arc::clone(child);
        }
        let mut order = lock(&self.order);
        let raw = StatKey::write_overflow(&family.name);
        // The user, or another thread meanwhile, may have made it.
        let there = self.get(&raw).filter(|child| !child.has(GONE));
        let child = there.unwrap_or_else(|| {
            let fresh = first(&family.shared);
            let child = self.bring_in(&mut order, &raw, overflow.get(), fresh);
            child.clear(COUNTED);
            child
        });
        if overflow.set(Arc::clone(&child)).is_ok() {
            lock(&self.limits.full).push(family.name.clone());
        }
        Arc::clone(&child)
    }

    /// The child of a key that is not there, with a fresh value, at the end of the order: the one that is gone and
    /// still found, else the known one, which was in the map and freed but for its holders, else a new one.
    fn bring_in(
        &self,
        order: &mut KeyOrder<C>,
        raw: &str,
        known: Option<&KeyRef<C>>,
        fresh: C,
    ) -> Found<'_, KeyChild<C>> {
        let child = if let Some(child) = self.get(raw) {
            self.children.revive();
            child.cell.bring_back(fresh);
            child
        } else if let Some(known) = known {
            known.cell.bring_back(fresh);
            self.children.put_in_map(known);
            Found::InMap(Arc::clone(known))
        } else {
            let key = StatKey::parse(raw);
            let settled = if key.dropped().is_empty() { SETTLED } else { 0 };
            let child = FamilyChild::new(Arc::new(key), fresh, settled | GONE);
            self.children.insert(self.hash(raw), child)
        };
        order.push(&child);
        child
    }

    /// Takes the value of a key away; `None` if there is none.
    pub(super) fn remove(&self, raw: &str) -> Option<C::Taken> {
        let mut order = lock(&self.order);
        let child = self.get(raw)?;
        self.take_away(&mut order, &child, || true)
    }

    /// Takes away the children that were not updated for `idle` ticks.
    pub(super) fn expire(&self, now: u64, idle: u64) {
        let mut order = lock(&self.order);
        for child in order.idle(now, idle) {
            let is_idle = || child.is_idle();
            if !child.cell.idles() || self.take_away(&mut order, &child, is_idle).is_none() {
                child.since.store(now, Relaxed);
            }
        }
    }

    fn take_away(
        &self,
        order: &mut KeyOrder<C>,
        child: &KeyRef<C>,
        may: impl FnOnce() -> bool,
    ) -> Option<C::Taken> {
        if child.has(GONE) {
            return None;
        }
        let taken = child.cell.take_if(may)?;
        child.set(GONE);
        order.remove(child);
        self.children.remove(child);
        if let Some(family) = self.family(child.key.name()) {
            let counts = u64::from(child.has(COUNTED));
            let left = family.children.fetch_sub(counts, Relaxed) - counts;
            let has_overflow = family.overflow.get().is_some_and(|all| !all.has(GONE));
            // A family without children goes too.
            if left == 0 && !has_overflow && family.gone.swap(1, Relaxed) == 0 {
                self.by_name.remove(&family);
            }
        }
        Some(taken)
    }

    /// All children, in the order they came.
    pub(super) fn children(&self) -> Vec<KeyRef<C>> {
        lock(&self.order).children()
    }

    fn family(&self, name: &str) -> Option<Found<'_, KeyFamily<C>>> {
        self.by_name.find(self.family_hash(name), |family| {
            *family.name == *name || written_alike(&family.name).eq(written_alike(name))
        })
    }

    fn family_or_new(&self, name: &str, shared: &C::Shared) -> Found<'_, KeyFamily<C>> {
        if let Some(family) = self.family(name) {
            if family.gone.swap(0, Relaxed) == 1 {
                self.by_name.revive();
            }
            return family;
        }
        let family = KeyFamily {
            name: name.into(),
            shared: shared.clone(),
            children: AtomicU64::new(0),
            overflow: OnceLock::new(),
            gone: AtomicU32::new(0),
        };
        self.by_name.insert(self.family_hash(name), family)
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

/// A name's letters as every exposition writes them, so that names written alike are one family.
pub(super) fn written_alike(name: &str) -> impl Iterator<Item = char> {
    let legal = |letter: char| letter.is_ascii_alphanumeric() || letter == ':';
    name.chars()
        .flat_map(char::to_lowercase)
        .map(move |letter| if legal(letter) { letter } else { '_' })
}

/// Warns of the parts of a key that are left out, in the original's words: `malformed` logs its line about a part that
/// is no label.
pub(super) fn warn_of_key(key: &StatKey, malformed: fn(&str)) {
    for part in key.dropped() {
        match part {
            DroppedPart::Malformed(part) => malformed(part),
            DroppedPart::Repeated(name) => tracing::warn!(
                key = &*key.raw,
                "label {name} is given twice: the first counts"
            ),
        }
    }
}

impl<C> KeyChild<C> {
    #[cfg(all(test, monitor_loom))]
    pub(super) fn untouched(cell: C) -> Self {
        Self::new(Arc::new(StatKey::parse("key")), cell, SETTLED)
    }

    /// As [`warn_of_key`], once.
    pub(super) fn warn_once(&self, malformed: fn(&str)) {
        if !self.has(SETTLED) && !self.set(SETTLED) {
            warn_of_key(&self.key, malformed);
        }
    }
}

/// The cell of a registered metric's child: atomics that every holder of a handle updates.
///
/// # Consistency
///
/// Hiding a child leaves a mark in the words that updates write, so each update is either before it or sees the mark
/// and brings the child back. Earlier counts stay.
pub trait LabelCell: Sized + Send + Sync + 'static {
    fn new(spec: &BucketSpec) -> Self;
    fn hide(&self);
    fn unhide(&self);
    /// Native buckets where they are wanted and it has them. `None` while hidden, for cells in which that shows.
    fn value(&self, wanted: BucketKind) -> Option<ChildValue>;
}

/// A registered metric's labels, and since when its child with them counts.
pub(super) struct LabelKey {
    labels: Labels,
    /// When the child was made, in seconds since 1970. It stays while the child's counts do.
    started: f64,
}

type LabelChild<C> = FamilyChild<LabelKey, C>;
type LabelRef<C> = ChildRef<LabelKey, C>;
type LabelOrder<C> = Order<LabelKey, C>;

/// A registered metric and its children, for the life of the process.
#[expect(
    missing_debug_implementations,
    reason = "it has no name outside of this crate"
)]
pub struct LabelFamily<C: 'static> {
    pub(super) spec: MetricSpec,
    limits: Arc<FamilyLimits>,
    clock: Clock,
    hasher: RandomState,
    /// Those in the order, by the hash of their label values.
    children: LockedMap<LabelChild<C>>,
    /// Those on the page, and hidden ones that have a handle (or had one until lately).
    order: Mutex<LabelOrder<C>>,
    overflow: OnceLock<LabelRef<C>>,
}

/// The reference inside a [`Counter`](super::typed::Counter), [`Gauge`](super::typed::Gauge) or
/// [`Histogram`](super::typed::Histogram).
pub struct Handle<C: 'static> {
    child: LabelRef<C>,
    family: &'static LabelFamily<C>,
}

impl<C: 'static> Clone for Handle<C> {
    fn clone(&self) -> Self {
        Self {
            child: Arc::clone(&self.child),
            family: self.family,
        }
    }
}

impl<C: 'static> Deref for Handle<C> {
    type Target = C;

    #[inline]
    fn deref(&self) -> &C {
        &self.child.cell
    }
}

impl<C: 'static> fmt::Debug for Handle<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("name", &self.family.spec.name)
            .field("labels", &self.child.key.labels)
            .finish_non_exhaustive()
    }
}

impl<C: LabelCell> Handle<C> {
    /// Updates the cell, and shows the child if `update` found it hidden; whether it did.
    #[inline]
    pub(super) fn update(&self, update: impl FnOnce(&C) -> bool) -> bool {
        self.child.mark_updated();
        let is_hidden = update(&self.child.cell);
        if is_hidden {
            self.show();
        }
        is_hidden
    }

    #[cold]
    fn show(&self) {
        show(&mut lock(&self.family.order), &self.child);
    }

    /// Counts an update that was refused.
    #[cold]
    pub(super) fn refuse(&self) {
        self.family.limits.refused.fetch_add(1, Relaxed);
    }
}

/// Puts a child that has a handle back on the page, if it was taken off.
fn show<C: LabelCell>(order: &mut LabelOrder<C>, child: &LabelRef<C>) {
    child.set(UPDATED);
    if child.clear(GONE) {
        order.hidden -= 1;
    }
    child.cell.unhide();
}

impl<C: LabelCell> LabelFamily<C> {
    pub(super) fn new(spec: MetricSpec, limits: Arc<FamilyLimits>, clock: Clock) -> Self {
        Self {
            spec,
            limits,
            clock,
            hasher: RandomState::new(),
            children: LockedMap::default(),
            order: Mutex::default(),
            overflow: OnceLock::new(),
        }
    }

    /// The child of these label values, in the order of the label names; made, or back on the page, if need be.
    pub fn with<const N: usize>(&'static self, values: [&str; N]) -> Handle<C> {
        let there = self.find(&values).filter(|child| !child.has(GONE));
        Handle {
            child: there.unwrap_or_else(|| self.make(&values)),
            family: self,
        }
    }

    #[cold]
    fn make(&self, values: &[&str]) -> LabelRef<C> {
        let mut order = lock(&self.order);
        if let Some(child) = self.find(values) {
            if !child.has(GONE) {
                return child;
            }
            // A hidden child without a handle is freed, and the values begin at zero.
            if let Some(child) = self.free(&mut order, child, |_| true) {
                show(&mut order, &child);
                return child;
            }
        }
        let is_full = |order: &Order<_, _>| self.limits.is_full(order.len() as u64);
        if is_full(&order) {
            self.purge(&mut order);
        }
        if is_full(&order) {
            self.limits.overflowed.fetch_add(1, Relaxed);
            return Arc::clone(self.overflow.get_or_init(|| {
                lock(&self.limits.full).push((*self.spec.name).into());
                self.child(0, vec![Label::new("overflow", "true")])
            }));
        }
        let labels = self.spec.labels.iter().zip(values);
        let labels = labels.map(|(name, value)| Label::new(name.clone(), *value));
        let mut labels: Vec<Label> = labels.collect();
        sort_labels(&mut labels);
        let child = self.child(self.hash(values), labels);
        order.push(&child);
        self.children.insert(&child);
        child
    }

    fn child(&self, hash: u64, labels: Vec<Label>) -> LabelRef<C> {
        let key = LabelKey {
            labels: labels.into(),
            started: self.clock.unix(),
        };
        let cell = C::new(&self.spec.buckets);
        Arc::new(IndexNode::new(hash, FamilyChild::new(key, cell, 0)))
    }

    /// Takes the child of these label values off the page; whether it was there.
    pub(super) fn remove(&self, values: &[&str]) -> bool {
        let mut order = lock(&self.order);
        let there = self.find(values).filter(|child| !child.has(GONE));
        there.is_some_and(|child| self.hide(&mut order, child, |_| true))
    }

    /// Takes a child off the page if `may` agrees, and returns whether it did. A child without a handle is freed.
    fn hide(
        &self,
        order: &mut LabelOrder<C>,
        child: LabelRef<C>,
        may: fn(&LabelChild<C>) -> bool,
    ) -> bool {
        if let Some(child) = self.free(order, child, may) {
            if !may(&child) {
                return false;
            }
            child.cell.hide();
            child.set(GONE);
            order.hidden += 1;
        }
        if order.hidden > SPARE_CHILDREN && order.hidden * 2 > order.len() {
            self.purge(order);
        }
        order.close_holes();
        true
    }

    /// Frees a child of the order if it has no handle and `may` agrees, else returns it. The number of handles is
    /// certain here, because no look-up finds the child meanwhile, and the last handle's updates are seen.
    fn free(
        &self,
        order: &mut LabelOrder<C>,
        mut child: LabelRef<C>,
        may: fn(&LabelChild<C>) -> bool,
    ) -> Option<LabelRef<C>> {
        let at = child.at();
        order.places[at] = None;
        let was_hidden = child.has(GONE);
        let is_free = |child: &mut LabelRef<C>| Arc::get_mut(child).is_some_and(|alone| may(alone));
        if self.children.remove(&mut child, is_free) {
            order.holes += 1;
            order.hidden -= usize::from(was_hidden);
            return None;
        }
        order.places[at] = Some(Arc::clone(&child));
        Some(child)
    }

    /// Frees hidden children that have no handle any more.
    fn purge(&self, order: &mut LabelOrder<C>) {
        if order.hidden > 0 {
            let places = order.places.iter().flatten();
            let hidden: Vec<_> = places.filter(|child| child.has(GONE)).cloned().collect();
            for child in hidden {
                self.free(order, child, |_| true);
            }
            order.close_holes();
        }
    }

    fn find(&self, values: &[&str]) -> Option<LabelRef<C>> {
        let places = self.spec.places.iter().zip(values);
        // A child's labels are sorted, and the values in the order of the label names.
        let is = |child: &LabelChild<C>| {
            let mut places = places.clone();
            places.all(|(place, value)| *child.key.labels[*place].value == **value)
        };
        self.children.find(self.hash(values), is)
    }

    fn hash(&self, values: &[&str]) -> u64 {
        self.hasher.hash_one(values)
    }

    #[cfg(all(test, not(monitor_loom)))]
    pub(super) fn slots(&self) -> usize {
        lock(&self.order).len()
    }
}

impl<C: LabelCell> AnyFamily for LabelFamily<C> {
    fn spec(&self) -> &MetricSpec {
        &self.spec
    }

    fn snapshot(&self, wanted: BucketKind) -> MetricSnapshot {
        let mut children = lock(&self.order).children();
        children.extend(self.overflow.get().cloned());
        let page_child = |child: &LabelRef<C>| {
            let value = child.cell.value(wanted)?;
            Some(Child {
                started: Some(child.key.started),
                ..Child::new(child.key.labels.clone(), value)
            })
        };
        MetricSnapshot {
            name: Arc::clone(&self.spec.name),
            help: Arc::clone(&self.spec.help),
            kind: self.spec.kind,
            unit: self.spec.unit,
            children: children.iter().filter_map(page_child).collect(),
        }
    }

    fn expire(&self, now: u64, idle: u64) {
        if self.spec.labels.is_empty() {
            return;
        }
        let mut order = lock(&self.order);
        for child in order.idle(now, idle) {
            self.hide(&mut order, child, FamilyChild::is_idle);
        }
        self.purge(&mut order);
    }
}

#[cfg(all(test, monitor_loom))]
mod models;
