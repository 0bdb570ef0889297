//! Children found by key, counted by family: at most `max_series` label sets of one, and a child for all others.
//!
//! A child may be taken away under its key and come back; see `index.rs` for what that does to memory.

mod child;
mod leave;

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use crate::base::sync::{AtomicU32, AtomicU64, Mutex, OnceLock, Ordering, lock};
use crate::data::key::StatKey;

use super::held::{Held, Refused};
use super::index::{Found, Index};
use super::keys::{overflow_key, written_alike};
use super::order::Order;
use super::trie::Node;

pub(super) use self::child::Child;
use self::child::{COUNTED, GONE, SETTLED};

/// All children of one kind, each under its key as written.
///
/// `S` is what the children of a family share; the family's first key decides it.
pub(super) struct Families<T, S> {
    hasher: RandomState,
    children: Index<Child<T>>,
    by_name: Index<Family<T, S>>,
    /// The children that are there, in the order they came; whoever adds one or takes one away holds its lock.
    order: Mutex<Order<T, S>>,
    limit: AtomicU64,
    overflowed: AtomicU64,
}

pub(super) type ChildRef<T> = Arc<Node<Child<T>>>;
pub(super) type FamilyRef<T, S> = Arc<Node<Family<T, S>>>;

/// The children whose names are written alike.
pub(super) struct Family<T, S> {
    name: Box<str>,
    pub(super) written: Box<str>,
    pub(super) shared: S,
    /// Those that count towards the limit.
    children: AtomicU64,
    overflow: OnceLock<ChildRef<T>>,
    /// 1 while it has no children. Set and cleared by who holds the lock of the order.
    gone: AtomicU32,
}

/// Where updates of a key go.
pub(super) enum Place<'a, T, S> {
    /// To the key's own child.
    Own(Found<'a, Child<T>>),
    /// The family is full: to [`Families::overflow`].
    Full(Found<'a, Family<T, S>>),
}

impl<T: Held, S> Families<T, S> {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            hasher: RandomState::new(),
            children: Index::new(),
            by_name: Index::new(),
            order: Mutex::new(Order::default()),
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

    /// The child of a key. It may have been taken away, which its value tells.
    #[inline]
    pub(super) fn get(&self, raw: &str) -> Option<Found<'_, Child<T>>> {
        self.find(self.hash(raw), raw)
    }

    /// Updates the child of a key, which is made if there is none and its family has room for it.
    ///
    /// # Errors
    ///
    /// `Ok(None)` if the family is full; what `update` refused, but for [`Refused::Gone`], after which it is called again
    /// with the child that came back.
    pub(super) fn update_own<R>(
        &self,
        raw: &str,
        shared: impl Fn() -> S,
        make: impl Fn(&S) -> T,
        update: impl Fn(&ChildRef<T>) -> Result<R, Refused>,
    ) -> Result<Option<R>, Refused> {
        let mut place = self.place(raw, &shared, &make);
        loop {
            let Place::Own(child) = place else {
                return Ok(None);
            };
            match update(&child) {
                Err(Refused::Gone) => place = self.place_slowly(raw, None, &shared, &make),
                done => return done.map(Some),
            }
        }
    }

    /// Updates the child of a key, which is made if there is none; where its family is full, the child of all others.
    pub(super) fn update<R>(
        &self,
        raw: &str,
        shared: impl Fn() -> S,
        make: impl Fn(&S) -> T,
        update: impl Fn(&ChildRef<T>) -> Result<R, Refused>,
    ) -> Result<R, Refused> {
        let place = self.place(raw, &shared, &make);
        self.update_in(place, raw, &shared, &make, update)
    }

    /// Updates a child that was found to be gone: it comes back, unless another one has its key by now.
    #[cold]
    pub(super) fn update_again<R>(
        &self,
        child: &ChildRef<T>,
        shared: impl Fn() -> S,
        make: impl Fn(&S) -> T,
        update: impl Fn(&ChildRef<T>) -> Result<R, Refused>,
    ) -> Result<R, Refused> {
        let place = self.place_slowly(&child.key.raw, Some(child), &shared, &make);
        self.update_in(place, &child.key.raw, &shared, &make, update)
    }

    fn update_in<'a, R>(
        &'a self,
        mut place: Place<'a, T, S>,
        raw: &str,
        shared: &impl Fn() -> S,
        make: &impl Fn(&S) -> T,
        update: impl Fn(&ChildRef<T>) -> Result<R, Refused>,
    ) -> Result<R, Refused> {
        loop {
            let done = match &place {
                Place::Own(child) => update(child),
                Place::Full(family) => update(&self.overflow(family, make)),
            };
            match done {
                Err(Refused::Gone) => place = self.place_slowly(raw, None, shared, make),
                done => return done,
            }
        }
    }

    /// The place of a key, which is made if there is none and its family has room for it.
    fn place(
        &self,
        raw: &str,
        shared: &impl Fn() -> S,
        make: &impl Fn(&S) -> T,
    ) -> Place<'_, T, S> {
        if let Some(child) = self.get(raw)
            && !child.is_gone()
        {
            return Place::Own(child);
        }
        let family = self.family(StatKey::name_of(raw));
        match family.filter(|family| self.is_full(family)) {
            Some(family) => self.full(family),
            None => self.place_slowly(raw, None, shared, make),
        }
    }

    /// As `place`, under the lock. `known` is a child that the key had: it comes back if nothing has its place.
    fn place_slowly(
        &self,
        raw: &str,
        known: Option<&ChildRef<T>>,
        shared: &impl Fn() -> S,
        make: &impl Fn(&S) -> T,
    ) -> Place<'_, T, S> {
        let mut order = lock(&self.order);
        let hash = self.hash(raw);
        let found = self.find(hash, raw);
        if let Some(child) = found {
            if !child.is_gone() {
                return Place::Own(child);
            }
            return self.admit(raw, &mut order, shared, |family, order| {
                order.gone -= 1;
                child.value.bring_back(make(&family.shared));
                child
            });
        }
        self.admit(raw, &mut order, shared, |family, order| match known {
            None => self.insert(hash, raw, make(&family.shared), order),
            Some(known) => {
                known.value.bring_back(make(&family.shared));
                self.children.put_back(known);
                Found::Side(Arc::clone(known))
            }
        })
    }

    /// Makes place for a child of this key in its family, if there is room.
    fn admit<'a>(
        &'a self,
        raw: &str,
        order: &mut Order<T, S>,
        shared: &impl Fn() -> S,
        child: impl FnOnce(&Family<T, S>, &mut Order<T, S>) -> Found<'a, Child<T>>,
    ) -> Place<'a, T, S> {
        let family = self.family_or_new(StatKey::name_of(raw), shared, order);
        if self.is_full(&family) {
            return self.full(family);
        }
        family.children.fetch_add(1, Ordering::Relaxed);
        let child = child(&family, order);
        child.state.fetch_or(COUNTED, Ordering::Relaxed);
        show(&child, order);
        Place::Own(child)
    }

    fn insert(
        &self,
        hash: u64,
        raw: &str,
        value: T,
        order: &mut Order<T, S>,
    ) -> Found<'_, Child<T>> {
        let key = StatKey::parse(raw);
        let settled = if key.dropped().is_empty() { SETTLED } else { 0 };
        let child = Child {
            at: AtomicU32::new(0),
            state: AtomicU32::new(settled | GONE),
            key: Arc::new(key),
            value,
        };
        self.children.insert(hash, child, order.gone)
    }

    /// The child of all label sets a family has no room for: `overflow="true"` alone.
    fn overflow(&self, family: &FamilyRef<T, S>, make: &impl Fn(&S) -> T) -> ChildRef<T> {
        if let Some(child) = family.overflow.get()
            && !child.is_gone()
        {
            return Arc::clone(child);
        }
        let mut order = lock(&self.order);
        let raw = overflow_key(&family.written);
        let hash = self.hash(&raw);
        // A user may have made a child with these labels before.
        let found = self.find(hash, &raw);
        let is_there = found.as_ref().is_some_and(|child| !child.is_gone());
        let child = match found {
            None => match family.overflow.get() {
                // It was in the map and freed, but for the family.
                Some(child) => {
                    child.value.bring_back(make(&family.shared));
                    self.children.put_back(child);
                    Found::Side(Arc::clone(child))
                }
                None => self.insert(hash, &raw, make(&family.shared), &mut order),
            },
            Some(child) => {
                if !is_there {
                    order.gone -= 1;
                    child.value.bring_back(make(&family.shared));
                }
                child
            }
        };
        if !is_there {
            child.state.fetch_and(!COUNTED, Ordering::Relaxed);
            show(&child, &mut order);
        }
        if family.overflow.set(Arc::clone(&child)).is_ok() {
            order.overflowing.push(Arc::clone(family));
        }
        Arc::clone(&child)
    }

    /// All children, in the order they came.
    pub(super) fn children(&self) -> Vec<ChildRef<T>> {
        lock(&self.order).children()
    }

    /// Logs, once a family, that it is full.
    pub(super) fn warn_of_overflow(&self) {
        if self.overflowed() == 0 {
            return;
        }
        let families = std::mem::take(&mut lock(&self.order).overflowing);
        for family in families {
            tracing::warn!(
                family = &*family.written,
                max_series = self.limit(),
                "more label sets than max_series: further ones are counted under overflow=\"true\""
            );
        }
    }

    fn full<'a>(&self, family: Found<'a, Family<T, S>>) -> Place<'a, T, S> {
        self.overflowed.fetch_add(1, Ordering::Relaxed);
        Place::Full(family)
    }

    fn is_full(&self, family: &Family<T, S>) -> bool {
        let limit = self.limit();
        limit != 0 && family.children.load(Ordering::Relaxed) >= limit
    }

    fn family(&self, name: &str) -> Option<Found<'_, Family<T, S>>> {
        self.by_name.find(self.family_hash(name), |family| {
            family.name.chars().eq(written_alike(name))
        })
    }

    fn family_or_new(
        &self,
        name: &str,
        shared: &impl Fn() -> S,
        order: &mut Order<T, S>,
    ) -> Found<'_, Family<T, S>> {
        if let Some(family) = self.family(name) {
            let was_gone = family.gone.swap(0, Ordering::Relaxed);
            order.gone_families -= was_gone as usize;
            return family;
        }
        let family = Family {
            name: written_alike(name).collect(),
            written: name.into(),
            shared: shared(),
            children: AtomicU64::new(0),
            overflow: OnceLock::new(),
            gone: AtomicU32::new(0),
        };
        let hash = self.family_hash(name);
        self.by_name.insert(hash, family, order.gone_families)
    }

    #[inline]
    fn find(&self, hash: u64, raw: &str) -> Option<Found<'_, Child<T>>> {
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

/// Puts a child, whose value is there, at the end of the order.
fn show<T, S>(child: &ChildRef<T>, order: &mut Order<T, S>) {
    order.push(child);
    child.state.fetch_and(!GONE, Ordering::Relaxed);
}

impl<T, S> fmt::Debug for Families<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Families")
            .field("children", &lock(&self.order).children().len())
            .finish_non_exhaustive()
    }
}
