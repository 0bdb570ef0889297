//! The value plane: what user code records by key. Concurrent map, handles, cardinality limit.

mod counter;
mod entry;
mod error;
mod families;
mod held;
mod histogram;
mod index;
mod keep;
mod keys;
mod order;
mod points;
mod removal;
mod snapshot;
mod tasks;
#[cfg(all(test, not(monitor_loom)))]
mod tests;
mod trie;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::sync::{AtomicU64, Ordering};
use crate::data::snapshot::TaskTotals;
use crate::data::value::{StatNumber, StatValue};
use crate::metrics::typed::Registry;
use crate::recording::config::StorageConfig;

pub use counter::StatCounter;
pub use error::StatsError;
pub use keep::Keep;

use counter::{found, not_a_number};
use entry::Entry;
use families::{ChildRef, Families};
use held::Refused;
use histogram::KeyHistogram;
use points::Points;
use tasks::TaskSection;

/// The list of the user's own points.
const POINTS: &str = "stats";
/// The section of running tasks.
const TASKS: &str = "tasks";

/// The value plane: numbers, texts, lists and maps by key, histograms and means.
///
/// # Consistency
///
/// Every verb may be called from any thread. Updates of numbers are not lost and take no lock; the rest takes a lock of
/// its key for as long as the update takes. A snapshot beside updates sees each key at some moment during the snapshot.
///
/// A key may be removed while others update it: each update comes before that, and goes with it, or after, and then the key
/// is back, with that update alone. None is lost in between.
///
/// A family (the keys whose names are written alike) has at most `max_series` label sets. Numbers of further ones are
/// added to one child labelled `overflow="true"` alone, so totals stay right; other values of further ones are not kept.
#[derive(Debug)]
pub(crate) struct Values {
    entries: Arc<Families<Entry, ()>>,
    histograms: Families<KeyHistogram, Arc<[f64]>>,
    points: Points,
    tasks: TaskSection,
    pub(crate) metrics: Registry,
    time_bounds: Arc<[f64]>,
    size_bounds: Arc<[f64]>,
    refused: AtomicU64,
    /// How often something was removed by its key.
    removals: AtomicU64,
}

impl Values {
    /// An empty value plane. Bounds are those of histograms of times (seconds) and sizes (bytes), strictly increasing.
    pub(crate) fn new(
        config: &StorageConfig,
        time_bounds: Arc<[f64]>,
        size_bounds: Arc<[f64]>,
    ) -> Self {
        Self {
            entries: Arc::new(Families::new(config.max_series)),
            histograms: Families::new(config.max_series),
            points: Points::default(),
            metrics: Registry::new(config.max_series),
            tasks: TaskSection::default(),
            time_bounds,
            size_bounds,
            refused: AtomicU64::new(0),
            removals: AtomicU64::new(0),
        }
    }

    /// Takes over the limits of another configuration. What is there stays.
    pub(crate) fn configure(&self, config: &StorageConfig) {
        self.entries.set_limit(config.max_series);
        self.histograms.set_limit(config.max_series);
        self.metrics.set_limit(config.max_series);
    }

    /// Adds to the number under a key, 0 if there is none yet, and answers the sum.
    ///
    /// A truth value counts as 1 or 0. Negative numbers are taken too.
    ///
    /// # Errors
    ///
    /// [`StatsError::NotANumber`] if the key holds something else; [`StatsError::Reserved`] for `stats` and `tasks`.
    #[inline]
    pub(crate) fn inc(
        &self,
        key: &str,
        by: impl Into<StatNumber>,
    ) -> Result<StatValue, StatsError> {
        let by = by.into();
        let done = match self.entries.get(key) {
            Some(child) => child.value.add(by),
            None => Err(Refused::Gone),
        };
        match done {
            Ok(sum) => Ok(sum.into()),
            Err(Refused::Gone) => self.inc_new(key, by),
            Err(refused) => Err(not_a_number(key, refused)),
        }
    }

    #[cold]
    fn inc_new(&self, key: &str, by: StatNumber) -> Result<StatValue, StatsError> {
        not_reserved(key)?;
        let add = |child: &ChildRef<Entry>| child.value.add(by);
        let sum = self.entries.update(key, || (), |()| zero(), add);
        sum.map(StatValue::from)
            .map_err(|refused| not_a_number(key, refused))
    }

    /// Puts a value under a key, whatever is there.
    ///
    /// # Errors
    ///
    /// [`StatsError::Reserved`] for `stats` and `tasks`; [`StatsError::TooManySeries`] for a value that is no number,
    /// under a key its family has no room for.
    pub(crate) fn set(&self, key: &str, value: StatValue) -> Result<(), StatsError> {
        not_reserved(key)?;
        let is_number = value.as_number().is_some();
        let value = Cell::new(Some(value));
        // The first value is there from the key's first moment.
        let first = |(): &()| Entry::new(value.take().unwrap_or(StatValue::Null));
        let replace = |child: &ChildRef<Entry>| match value.take() {
            None => Ok(()),
            Some(new) => child.value.set(new).map_err(|back| {
                value.set(Some(back));
                Refused::Gone
            }),
        };
        let placed = if is_number {
            let update = self.entries.update(key, || (), first, replace);
            update.map(Some)
        } else {
            self.entries.update_own(key, || (), first, replace)
        };
        // Nothing else is refused: any value may follow any other.
        match placed {
            Ok(None) => Err(self.too_many(key)),
            _ => Ok(()),
        }
    }

    /// Appends a value to the list under a key, and observes it: a number under the key itself, the numbers of a map
    /// under their own keys.
    ///
    /// A key that holds `time` feeds a histogram with the time bounds, else one that holds `size` one with the size
    /// bounds, else none; a family's first key decides for all of it. NaN and negative numbers are not observed but
    /// counted as refused. The list `stats` holds the user's points, which are maps;
    /// of these the rolling means are.
    ///
    /// Where the key's family is full the list is not kept; the observations count all the same.
    ///
    /// # Errors
    ///
    /// [`StatsError::NotAList`] if the key holds something else; [`StatsError::PointNotAMap`] for a point of `stats`
    /// that is none; [`StatsError::Reserved`] for `tasks`.
    pub(crate) fn append(&self, key: &str, value: StatValue, keep: Keep) -> Result<(), StatsError> {
        let value = Arc::new(value);
        if key == POINTS {
            if !matches!(*value, StatValue::Map(_)) {
                return Err(StatsError::PointNotAMap {
                    found: value.kind(),
                });
            }
            self.points.push(&value, keep);
        } else {
            self.append_to(key, &value, keep)?;
        }
        self.observe_all(key, &value);
        Ok(())
    }

    fn append_to(&self, key: &str, value: &Arc<StatValue>, keep: Keep) -> Result<(), StatsError> {
        not_reserved(key)?;
        let empty = |(): &()| Entry::new(StatValue::List(Vec::new()));
        let append = |child: &ChildRef<Entry>| child.value.append(value, keep);
        let appended = self.entries.update_own(key, || (), empty, append);
        appended
            .map(|_| ())
            .map_err(|refused| StatsError::NotAList {
                key: key.into(),
                found: found(refused),
            })
    }

    /// Adds a key to a section, which is a map under its name. In the section `tasks` it is a task: the value is when
    /// it started, in seconds since 1970; one of the same id that still runs is completed by that.
    ///
    /// # Errors
    ///
    /// [`StatsError::NotASection`] if the name is a key that holds something else; [`StatsError::NotAStartTime`] for a
    /// task without one; [`StatsError::Reserved`] for `stats`; [`StatsError::TooManySeries`].
    pub(crate) fn add_key_value(
        &self,
        section: &str,
        key: &str,
        value: StatValue,
    ) -> Result<(), StatsError> {
        if section == TASKS {
            return self.tasks.add(key, value);
        }
        not_reserved(section)?;
        let empty = |(): &()| Entry::new(StatValue::Map(BTreeMap::new()));
        let insert = |child: &ChildRef<Entry>| child.value.insert(key, &value);
        match self.entries.update_own(section, || (), empty, insert) {
            Ok(inserted) => inserted.ok_or_else(|| self.too_many(section)),
            Err(refused) => Err(StatsError::NotASection {
                key: section.into(),
                found: found(refused),
            }),
        }
    }

    /// Takes a key out of a section and answers its value; nothing happens if there is none. In the section `tasks`
    /// this ends the task: the time since its start, at least 0, counts as spent.
    pub(crate) fn del_key_value(
        &self,
        section: &str,
        key: &str,
        now_unix: f64,
    ) -> Option<StatValue> {
        if section == TASKS {
            return self.tasks.remove(key, now_unix);
        }
        self.entries.get(section)?.value.remove(key)
    }

    /// A handle on the number under a key, which is 0 if there is none yet.
    ///
    /// # Errors
    ///
    /// As [`inc`](Self::inc).
    pub(crate) fn counter(&self, key: &str) -> Result<StatCounter, StatsError> {
        not_reserved(key)?;
        StatCounter::try_new(&self.entries, key)
    }

    /// The section `tasks` alone: counts, and ages at `now_unix`. Busy time never reports less than before.
    pub(crate) fn tasks(&self, now_unix: f64) -> TaskTotals {
        self.tasks.totals(now_unix)
    }

    /// The tasks of the section `tasks` that run, by id, with their ages in seconds.
    pub(crate) fn running_tasks(&self, now_unix: f64) -> Vec<(Arc<str>, f64)> {
        self.tasks.running(now_unix)
    }

    fn observe_all(&self, key: &str, value: &StatValue) {
        if let StatValue::Map(point) = value {
            for (key, value) in point {
                self.observe(key, value);
            }
        } else {
            self.observe(key, value);
        }
    }

    fn observe(&self, key: &str, value: &StatValue) {
        let Some(bounds) = self.bounds_of(key) else {
            return;
        };
        let Some(value) = value.as_number().map(StatNumber::as_f64) else {
            return;
        };
        // An infinity is counted, as by the original: its users see such a sum today.
        if value.is_nan() || value < 0.0 {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let observe = |child: &ChildRef<KeyHistogram>| child.value.observe(value);
        let shared = || Arc::clone(bounds);
        // Only what is gone refuses, and that is tried again.
        let _ = self
            .histograms
            .update(key, shared, KeyHistogram::new, observe);
    }

    fn bounds_of(&self, key: &str) -> Option<&Arc<[f64]>> {
        if key.contains("time") {
            return Some(&self.time_bounds);
        }
        key.contains("size").then_some(&self.size_bounds)
    }

    fn too_many(&self, key: &str) -> StatsError {
        StatsError::TooManySeries {
            key: key.into(),
            limit: self.entries.limit(),
        }
    }
}

fn zero() -> Entry {
    Entry::new(StatValue::Int(0))
}

fn not_reserved(key: &str) -> Result<(), StatsError> {
    match key {
        POINTS => Err(StatsError::Reserved {
            key: POINTS,
            purpose: "the list of points",
        }),
        TASKS => Err(StatsError::Reserved {
            key: TASKS,
            purpose: "the section of running tasks",
        }),
        _ => Ok(()),
    }
}
