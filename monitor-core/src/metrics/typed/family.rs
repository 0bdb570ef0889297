//! A registered family and its children: found by label values, hidden while they are removed and somebody holds them.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::ops::Deref;
use std::sync::Arc;

use crate::base::sync::{AtomicU32, AtomicU64, Ordering, RwLock, read, write};
use crate::data::family::{Child as PageChild, ChildValue, Label, Labels};
use crate::data::snapshot::MetricSnapshot;

use super::registry::{AnyFamily, Spec};
use super::slots::{AT_OVERFLOW, Slots};

/// What one child counts in: atomics that every holder of a handle updates.
///
/// # Consistency
///
/// Hiding a child leaves a mark in the words that updates write, so each update is either before it or sees the mark and
/// brings the child back. What was counted before stays.
pub trait Cell: Sized + 'static {
    fn new(spec: &Spec) -> Self;
    fn hide(&self);
    fn unhide(&self);
    /// `None` while hidden, where that can be told.
    fn value(&self) -> Option<ChildValue>;
    fn wrap(core: &'static FamilyCore<Self>) -> AnyFamily;
    fn unwrap(family: AnyFamily) -> Option<&'static FamilyCore<Self>>;
}

/// What counters of all families of a storage share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Most label sets of a family; 0 is no limit.
    pub(super) limit: AtomicU64,
    pub(super) overflowed: AtomicU64,
    pub(super) refused: AtomicU64,
}

/// A family, for the life of the process.
pub struct FamilyCore<C: 'static> {
    pub(super) spec: Spec,
    shared: Arc<Shared>,
    hasher: RandomState,
    slots: RwLock<Slots<C>>,
    warned: AtomicU32,
}

/// The cell of one label set, and what it takes to come back.
pub struct Child<C: 'static> {
    pub(super) cell: C,
    pub(super) labels: Labels,
    /// Its place in the family, for ever.
    pub(super) at: u64,
    pub(super) hash: u64,
    /// 1 once it was updated since a scrape last looked.
    pub(super) touched: AtomicU32,
    family: &'static FamilyCore<C>,
}

/// What a [`Counter`](super::Counter), [`Gauge`](super::Gauge) or [`Histogram`](super::Histogram) holds.
pub struct Handle<C: 'static>(pub(super) Arc<Child<C>>);

impl<C: 'static> Clone for Handle<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C: 'static> Deref for Handle<C> {
    type Target = Child<C>;

    #[inline]
    fn deref(&self) -> &Child<C> {
        &self.0
    }
}

impl<C: Cell> Handle<C> {
    /// Says that it is about to be updated. A plain look first: the line is written by the update alone.
    #[inline]
    pub(super) fn touch(&self) {
        if self.touched.load(Ordering::Relaxed) == 0 {
            self.touched.store(1, Ordering::Relaxed);
        }
    }

    /// Brings the child back on the page, after an update found it hidden.
    #[cold]
    pub(super) fn show(&self) {
        self.show_with(|_| ());
    }

    /// As [`show`](Self::show), after a last change while nobody else shows or hides.
    #[cold]
    pub(super) fn show_with(&self, change: impl FnOnce(&C)) {
        let mut slots = write(&self.family.slots);
        change(&self.cell);
        slots.show(&self.0);
    }

    /// Counts an update that was refused.
    #[cold]
    pub(super) fn refuse(&self) {
        self.family.shared.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn debug(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name)
            .field("name", &self.family.spec.name)
            .field("labels", &self.labels)
            .finish_non_exhaustive()
    }
}

impl<C: Cell> fmt::Debug for Handle<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.debug("Handle", f)
    }
}

impl<C> fmt::Debug for Child<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child")
            .field("labels", &self.labels)
            .finish_non_exhaustive()
    }
}

impl<C> fmt::Debug for FamilyCore<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FamilyCore")
            .field("spec", &self.spec)
            .finish_non_exhaustive()
    }
}

impl<C: Cell> FamilyCore<C> {
    pub(super) fn new(spec: Spec, shared: Arc<Shared>) -> Self {
        Self {
            spec,
            shared,
            hasher: RandomState::new(),
            slots: RwLock::new(Slots::default()),
            warned: AtomicU32::new(0),
        }
    }

    /// The child of these label values, in the order of the label names; made, or back on the page, if need be.
    pub fn with<const N: usize>(&'static self, values: [&str; N]) -> Handle<C> {
        let hash = self.hash(&values);
        let found = read(&self.slots).shown(hash, |labels| self.is(labels, &values));
        Handle(found.unwrap_or_else(|| self.make(hash, &values)))
    }

    #[cold]
    fn make(&'static self, hash: u64, values: &[&str]) -> Arc<Child<C>> {
        let mut slots = write(&self.slots);
        if let Some(child) = slots.any(hash, |labels| self.is(labels, values)) {
            slots.show(&child);
            return child;
        }
        if self.is_full(&slots) {
            slots.purge();
        }
        if self.is_full(&slots) {
            self.shared.overflowed.fetch_add(1, Ordering::Relaxed);
            let all = || self.child(AT_OVERFLOW, 0, vec![label("overflow", "true")]);
            return Arc::clone(slots.overflow.get_or_insert_with(all));
        }
        let labels = self.spec.labels.iter().zip(values);
        let mut labels: Vec<Label> = labels.map(|(name, value)| label(name, value)).collect();
        labels.sort_unstable();
        let child = self.child(slots.next(), hash, labels);
        slots.insert(&child);
        child
    }

    fn child(&'static self, at: u64, hash: u64, labels: Vec<Label>) -> Arc<Child<C>> {
        Arc::new(Child {
            cell: C::new(&self.spec),
            labels: labels.into(),
            at,
            hash,
            touched: AtomicU32::new(1),
            family: self,
        })
    }

    /// Takes the child of these label values off the page; whether it was there.
    pub(super) fn remove(&self, values: &[&str]) -> bool {
        let hash = self.hash(values);
        let mut slots = write(&self.slots);
        let child = slots.shown(hash, |labels| self.is(labels, values));
        let at = child.map(|child| child.at);
        at.is_some_and(|at| slots.hide(at, |_| true))
    }

    /// Takes the children off the page that were not updated for `idle` ticks, if they have labels.
    pub(super) fn expire(&self, now: u64, idle: u64) {
        if !self.spec.labels.is_empty() {
            write(&self.slots).expire(now, idle);
        }
    }

    pub(super) fn snapshot(&self) -> MetricSnapshot {
        let children = read(&self.slots).children();
        let page_child = |child: &Arc<Child<C>>| {
            let value = child.cell.value()?;
            let labels = child.labels.clone();
            Some(PageChild { labels, value })
        };
        let children: Vec<PageChild> = children.iter().filter_map(page_child).collect();
        MetricSnapshot {
            name: Arc::clone(&self.spec.name),
            help: Arc::clone(&self.spec.help),
            kind: self.spec.kind,
            unit: self.spec.unit,
            children,
        }
    }

    /// Logs, once, that the family is full.
    pub(super) fn warn_of_overflow(&self) {
        let has_overflow = read(&self.slots).overflow.is_some();
        if has_overflow && self.warned.swap(1, Ordering::Relaxed) == 0 {
            tracing::warn!(
                family = &*self.spec.name,
                max_series = self.shared.limit.load(Ordering::Relaxed),
                "more label sets than max_series: further ones are counted under overflow=\"true\""
            );
        }
    }

    fn is_full(&self, slots: &Slots<C>) -> bool {
        let limit = self.shared.limit.load(Ordering::Relaxed);
        limit != 0 && slots.len() as u64 >= limit
    }

    /// Whether these labels, which are sorted, have these values, which are in the order of the label names.
    fn is(&self, labels: &Labels, values: &[&str]) -> bool {
        let places = self.spec.places.iter().zip(values);
        places
            .map(|(place, value)| (labels.get(*place), *value))
            .all(|(label, value)| label.is_some_and(|label| *label.value == *value))
    }

    fn hash(&self, values: &[&str]) -> u64 {
        self.hasher.hash_one(values)
    }

    #[cfg(all(test, not(monitor_loom)))]
    pub(super) fn slots(&self) -> usize {
        read(&self.slots).len()
    }
}

fn label(name: &str, value: &str) -> Label {
    Label {
        name: name.to_owned().into(),
        value: value.into(),
    }
}

/// What code updates: a [`Counter`](super::Counter), [`Gauge`](super::Gauge) or [`Histogram`](super::Histogram).
pub trait Instrument: Clone + sealed::Instrument {
    #[doc(hidden)]
    type Cell: Cell;

    #[doc(hidden)]
    fn of(child: Handle<Self::Cell>) -> Self;
}

pub(super) mod sealed {
    pub trait Instrument {}
}

/// A registered metric with labels: a child for each set of label values.
///
/// A family has at most `max_series` children (a hidden one that somebody holds a handle on is one of them). Further label
/// sets are one child, labelled `overflow="true"` alone, and each [`with`](Self::with) that gave it is counted.
///
/// # Consistency
///
/// Children may be removed, by [`remove`](Self::remove) or after the configuration's `idle_series`. A handle on a removed
/// child stays good: it keeps its count, and its next update puts the series back on the page with all of it. No update
/// through a handle is ever lost. Once nobody holds one, a removed child is freed, and its label values begin at zero.
///
/// # Examples
///
/// ```
/// use monitor_core::metric::{MetricDesc, RegisterError};
/// use monitor_core::{Monitor, StorageConfig};
///
/// let monitor = Monitor::new(StorageConfig::default());
/// let depth = MetricDesc::new("queue_depth", "Jobs that wait.").labels(["queue"]);
/// let depth = monitor.register_gauge(depth)?;
/// depth.with(["fast"]).set(3.0);
/// assert!(depth.remove(["fast"]));
/// assert!(!depth.remove(["slow"]));
/// # Ok::<(), RegisterError>(())
/// ```
pub struct MetricFamily<I: Instrument, const N: usize> {
    core: &'static FamilyCore<I::Cell>,
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "label values are written in place, as in `with([\"fast\"])`"
)]
impl<I: Instrument, const N: usize> MetricFamily<I, N> {
    pub(super) fn new(core: &'static FamilyCore<I::Cell>) -> Self {
        Self { core }
    }

    /// The child of these label values, in the order of the label names; made at zero if need be. Keep the handle where
    /// you can: this takes a lock for reading.
    pub fn with<V: AsRef<str>>(&self, values: [V; N]) -> I {
        I::of(self.core.with(values.each_ref().map(AsRef::as_ref)))
    }

    /// Takes the child of these label values off the page; whether it was there.
    pub fn remove<V: AsRef<str>>(&self, values: [V; N]) -> bool {
        self.core.remove(&values.each_ref().map(AsRef::as_ref))
    }

    /// The family's name on the page.
    pub fn name(&self) -> &str {
        &self.core.spec.name
    }

    #[cfg(all(test, not(monitor_loom)))]
    pub(super) fn slots(self) -> usize {
        self.core.slots()
    }
}

#[allow(
    clippy::expl_impl_clone_on_copy,
    reason = "a derived one would want the instrument to be `Copy`"
)]
impl<I: Instrument, const N: usize> Clone for MetricFamily<I, N> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<I: Instrument, const N: usize> Copy for MetricFamily<I, N> {}

impl<I: Instrument, const N: usize> fmt::Debug for MetricFamily<I, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricFamily")
            .field("name", &self.core.spec.name)
            .field("labels", &self.core.spec.labels)
            .finish_non_exhaustive()
    }
}
