//! The API by key: numbers, texts, lists, maps and histograms that user code records under a key, and handles on the
//! numbers.
//!
//! [`Values`] owns two tables of keys, one of values and one of histograms (`KeyFamilies` in `family.rs`), the points
//! of the list `stats` (`user_points.rs`), the [tasks](TaskSection) of the section `tasks` and the registered metrics
//! (`registry.rs`). A verb finds the key's cell and updates it; where the value was taken away, it looks the key up
//! again under the lock of the order.
//!
//! A snapshot reads one cell after the other. Before the first it reads the count of removals (Acquire); a removal adds
//! to that count once it is done (Release). So a key whose removal is counted is not in the snapshot.

#[cfg(all(test, not(monitor_loom)))]
mod tests;

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::base::append::Latest;
use crate::base::clock::Clock;
use crate::base::sync::{Acquire, AtomicU64, Mutex, Relaxed, Release, lock};
use crate::data::buckets::BoundsByKind;
use crate::data::key::StatKey;
use crate::data::snapshot::{TaskTotals, ValueEntry, ValueHistogram, ValuesSnapshot};
use crate::data::value::{StatNumber, StatValue, ValueKind};
use crate::metrics::cells::{BucketKind, KeyBounds, KeyHistogram, KeyValue};
use crate::metrics::family::{FamilyLimits, KeyFamilies, KeyRef, Refused, UpdateTarget};
use crate::metrics::registry::Registry;
use crate::metrics::user_points::UserPoints;
use crate::recording::config::StorageConfig;

/// The list of the user's own points.
const POINTS: &str = "stats";
/// The section of running tasks.
const TASKS: &str = "tasks";

/// Everything that user code records itself: numbers, texts, lists and maps by key, histograms and means; registered
/// metrics.
///
/// # Consistency
///
/// Every verb may be called from any thread. Additions to a number are not lost and take no lock while it stays an
/// integer or a float; every other update takes a lock, of its key or of the table, for as long as it takes. A snapshot
/// beside updates sees each key at some moment during the snapshot.
///
/// A key may be removed while others update it: each update comes before that, and goes with it, or after, and then the
/// key is back, with that update alone. None is lost in between.
///
/// A family (the keys whose names are written alike) has at most `max_series` label sets. Numbers of further ones are
/// added to one child labelled `overflow="true"` alone, so totals stay right; other values of further ones are not
/// kept.
pub(crate) struct Values {
    limits: Arc<FamilyLimits>,
    entries: Arc<KeyFamilies<KeyValue>>,
    histograms: KeyFamilies<KeyHistogram>,
    points: UserPoints,
    pub(crate) tasks: TaskSection,
    pub(crate) metrics: Registry,
    /// Of histograms that are made now.
    bounds: Latest<[KeyBounds; 2]>,
    /// How often something was removed by its key.
    removals: AtomicU64,
}

impl Values {
    /// No values yet.
    pub(crate) fn new(config: &StorageConfig, bounds: &BoundsByKind, clock: &Clock) -> Self {
        let limits = Arc::new(FamilyLimits::default());
        let values = Self {
            entries: Arc::new(KeyFamilies::new(&limits)),
            histograms: KeyFamilies::new(&limits),
            points: UserPoints::default(),
            tasks: TaskSection::default(),
            metrics: Registry::new(&limits, clock),
            limits,
            bounds: Latest::new(bounds.by_kind()),
            removals: AtomicU64::new(0),
        };
        values.configure(config, bounds);
        values
    }

    /// Takes over the limits of another configuration, and its bounds for families made later. Existing values stay.
    pub(crate) fn configure(&self, config: &StorageConfig, bounds: &BoundsByKind) {
        let max_series = config.max_series as u64;
        self.limits.max_series.store(max_series, Relaxed);
        let bounds = bounds.by_kind();
        if *self.bounds.load() != bounds {
            self.bounds.store(bounds);
        }
    }

    /// Adds to the number under a key, 0 if there is none yet, and returns the sum.
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
            Some(child) => {
                child.mark_updated();
                child.cell.add(by)
            }
            None => Err(Refused::Gone),
        };
        match done {
            Ok(sum) => Ok(sum.into()),
            Err(Refused::Gone) => self.inc_slowly(key, by),
            Err(refused) => Err(self.error(key, refused, not_a_number)),
        }
    }

    #[cold]
    fn inc_slowly(&self, key: &str, by: StatNumber) -> Result<StatValue, StatsError> {
        let add = |child: &KeyRef<KeyValue>| child.cell.add(by);
        let sum = self.update(key, UpdateTarget::Key, |()| zero(), add, not_a_number)?;
        Ok(sum.into())
    }

    /// Updates the value under a key, which `first` makes if there is none yet; `holds` is the error where it is of
    /// another sort.
    fn update<'a, R>(
        &self,
        key: &'a str,
        target: fn(&'a str) -> UpdateTarget<'a, KeyValue>,
        first: impl Fn(&()) -> KeyValue,
        update: impl Fn(&KeyRef<KeyValue>) -> Result<R, Refused>,
        holds: fn(Box<str>, ValueKind) -> StatsError,
    ) -> Result<R, StatsError> {
        not_reserved(key)?;
        let updated = self.entries.update(&target(key), &(), first, update);
        updated.map_err(|refused| self.error(key, refused, holds))
    }

    /// Puts a value under a key and replaces the one that is there.
    ///
    /// # Errors
    ///
    /// [`StatsError::Reserved`] for `stats` and `tasks`; [`StatsError::TooManySeries`] for a value that is no number,
    /// under a key its family has no room for.
    pub(crate) fn set(&self, key: &str, value: StatValue) -> Result<(), StatsError> {
        let target = match value.as_number() {
            Some(_) => UpdateTarget::Key,
            None => UpdateTarget::OwnKey,
        };
        let value = Cell::new(Some(value));
        // The first value is there from the key's first moment.
        let first = |(): &()| KeyValue::new(value.take().unwrap_or(StatValue::Null));
        let replace = |child: &KeyRef<KeyValue>| child.cell.set(&value);
        // No value is of another sort here: any may follow any other.
        self.update(key, target, first, replace, not_a_number)
    }

    /// Appends a value to the list under a key, and observes it: a number under the key itself, the numbers of a map
    /// under their own keys.
    ///
    /// A key that holds `time` feeds a histogram with the time bounds, else one that holds `size` one with the size
    /// bounds, else none; a family's first key decides for all of it. NaN and negative numbers are not observed but
    /// counted as refused. The list `stats` holds the user's points, which are maps; the rolling means are taken over
    /// these.
    ///
    /// Where the key's family is full the list is not kept; the observations count all the same.
    ///
    /// # Errors
    ///
    /// [`StatsError::NotAList`] if the key holds something else; [`StatsError::PointNotAMap`] for a point of `stats`
    /// that is none; [`StatsError::Reserved`] for `tasks`.
    pub(crate) fn append(&self, key: &str, value: StatValue, keep: Keep) -> Result<(), StatsError> {
        let value = Arc::new(value);
        if key != POINTS {
            let empty = |(): &()| KeyValue::new(StatValue::List(Vec::new()));
            let append = |child: &KeyRef<KeyValue>| child.cell.append(&value, keep);
            let not_a_list = |key, found| StatsError::NotAList { key, found };
            match self.update(key, UpdateTarget::OwnKey, empty, append, not_a_list) {
                Ok(()) | Err(StatsError::TooManySeries { .. }) => {}
                refused => return refused,
            }
        } else if matches!(*value, StatValue::Map(_)) {
            self.points.push(&value, keep);
        } else {
            let found = value.kind();
            return Err(StatsError::PointNotAMap { found });
        }
        match &*value {
            StatValue::Map(point) => point
                .iter()
                .for_each(|(key, value)| self.observe(key, value)),
            value => self.observe(key, value),
        }
        Ok(())
    }

    /// Adds a key to a section, which is a map under its name. In the section `tasks` it is a task: the value is when
    /// it started, in seconds since 1970; one of the same id that still runs is forgotten.
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
        let empty = |(): &()| KeyValue::new(StatValue::Map(BTreeMap::new()));
        let insert = |child: &KeyRef<KeyValue>| child.cell.insert(key, &value);
        let not_a_section = |key, found| StatsError::NotASection { key, found };
        self.update(section, UpdateTarget::OwnKey, empty, insert, not_a_section)
    }

    /// Takes a key out of a section and returns its value; nothing happens if there is none. In the section `tasks`
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
        self.entries.get(section)?.cell.remove(key)
    }

    /// A handle on the number under a key, which is 0 if there is none yet.
    ///
    /// # Errors
    ///
    /// As [`inc`](Self::inc).
    pub(crate) fn counter(&self, key: &str) -> Result<StatCounter, StatsError> {
        let find = |child: &KeyRef<KeyValue>| {
            // Adding zero succeeds for a number only.
            child.cell.add(StatNumber::Int(0))?;
            Ok(Arc::clone(child))
        };
        let child = self.update(key, UpdateTarget::Key, |()| zero(), find, not_a_number)?;
        let home = Arc::clone(&self.entries);
        Ok(StatCounter { child, home })
    }

    fn observe(&self, key: &str, value: &StatValue) {
        // Window by window: a searcher is made anew at each call of `contains`, at some 400 instructions.
        let holds = |part: &[u8; 4]| key.as_bytes().windows(4).any(|four| four == part);
        let [time, size] = self.bounds.load();
        let bounds = if holds(b"time") {
            time
        } else if holds(b"size") {
            size
        } else {
            return;
        };
        let Some(value) = value.as_number().map(StatNumber::as_f64) else {
            return;
        };
        // An infinity is counted, as by the original: its users see such a sum today.
        if value.is_nan() || value < 0.0 {
            self.limits.refused.fetch_add(1, Relaxed);
            return;
        }
        let observe = |child: &KeyRef<KeyHistogram>| child.cell.observe(value);
        let histograms = &self.histograms;
        // Only a child that is gone refuses, and that update is tried again.
        let _ = histograms.update(&UpdateTarget::Key(key), bounds, KeyHistogram::new, observe);
    }

    /// Takes away everything under a key: its value, its histogram and its rolling means. Returns the value; nothing
    /// (`Null`) where only the others were there. The list of points goes whole under `stats`; tasks that run stay.
    pub(crate) fn remove(&self, key: &str) -> Option<StatValue> {
        let removed = match key {
            TASKS => None,
            POINTS => self.points.clear(),
            key => {
                let value = self.entries.remove(key);
                let histogram = self.histograms.remove(key).map(|_| StatValue::Null);
                let means = self.points.remove(key).then_some(StatValue::Null);
                value.or(histogram).or(means)
            }
        };
        if removed.is_some() {
            // Release: pairs with the Acquire in `take_snapshot`.
            self.removals.fetch_add(1, Release);
        }
        removed
    }

    /// Takes away the numbers, lists and histograms, the points, and the children of registered metrics with labels,
    /// that were not updated for `idle` ticks.
    pub(crate) fn expire(&self, now: u64, idle: u64) {
        self.entries.expire(now, idle);
        self.histograms.expire(now, idle);
        self.points.expire(now, idle);
        self.metrics.expire(now, idle);
    }

    /// All values, in the order they came, as `stats()` shows them. Lists and maps are copied.
    pub(crate) fn snapshot(&self) -> ValuesSnapshot {
        let mut snapshot = self.take_snapshot(KeyValue::read, BucketKind::Classic);
        // `stats` and `tasks`, once something was put there.
        let points = self.points.list().map(|points| {
            let copies = points.iter().map(|point| StatValue::clone(point));
            StatValue::List(copies.collect())
        });
        for (key, value) in [(POINTS, points), (TASKS, self.tasks.section())] {
            let key = || Arc::new(StatKey::parse(key));
            let entry = value.map(|value| ValueEntry { key: key(), value });
            snapshot.entries.extend(entry);
        }
        snapshot
    }

    /// The values a scrape exports: as [`snapshot`](Self::snapshot), but only the entries that count as numbers, and with
    /// the wanted buckets of registered histograms.
    pub(crate) fn exported(&self, wanted: BucketKind) -> ValuesSnapshot {
        self.take_snapshot(KeyValue::exported, wanted)
    }

    fn take_snapshot(
        &self,
        read: fn(&KeyValue) -> Option<StatValue>,
        wanted: BucketKind,
    ) -> ValuesSnapshot {
        // Before the entries are read: a key that is still seen may be one of a removal that is not counted yet.
        // Acquire: pairs with the Release in `remove`, so that a key counted as removed is not seen.
        let removals = self.removals.load(Acquire);
        let mut entries = Vec::new();
        for child in self.entries.children() {
            if let Some(value) = read(&child.cell) {
                if value.as_number().is_some() {
                    child.warn_once(malformed_gauge_label);
                }
                let key = Arc::clone(&child.key);
                entries.push(ValueEntry { key, value });
            }
        }
        let mut histograms = Vec::new();
        for child in self.histograms.children() {
            if let Some(histogram) = child.cell.read() {
                child.warn_once(malformed_histogram_label);
                histograms.push(ValueHistogram {
                    key: Arc::clone(&child.key),
                    kind: child.cell.kind,
                    histogram,
                });
            }
        }
        let limits = &self.limits;
        let snapshot = ValuesSnapshot {
            entries,
            histograms,
            means: self.points.means(limits.max_series.load(Relaxed)),
            metrics: self.metrics.snapshot(wanted),
            refused_observations: limits.refused.load(Relaxed),
            overflowed_updates: limits.overflowed.load(Relaxed),
            max_series: limits.max_series.load(Relaxed),
            removals,
        };
        limits.warn_of_full_families();
        snapshot
    }

    /// The error of an update that was refused; one that came too late is tried again and never gets here.
    #[cold]
    fn error(
        &self,
        key: &str,
        refused: Refused,
        holds: fn(Box<str>, ValueKind) -> StatsError,
    ) -> StatsError {
        let key = key.into();
        match refused {
            Refused::Full => StatsError::TooManySeries {
                key,
                limit: self.limits.max_series.load(Relaxed),
            },
            Refused::Holds(found) => holds(key, found),
            Refused::Gone => holds(key, ValueKind::Null),
        }
    }
}

fn zero() -> KeyValue {
    KeyValue::new(StatValue::Int(0))
}

fn not_a_number(key: Box<str>, found: ValueKind) -> StatsError {
    StatsError::NotANumber { key, found }
}

fn not_reserved(key: &str) -> Result<(), StatsError> {
    let (key, purpose) = match key {
        POINTS => (POINTS, "the list of points"),
        TASKS => (TASKS, "the section of running tasks"),
        _ => return Ok(()),
    };
    Err(StatsError::Reserved { key, purpose })
}

/// The original's log line about a part of a gauge's key that is no label.
pub(super) fn malformed_gauge_label(part: &str) {
    tracing::warn!("Label {part} has bad format. Must be <label2name__label2value>.");
}

/// The original's log line about a part of a histogram's key that is no label.
fn malformed_histogram_label(part: &str) {
    tracing::warn!(
        "The label {part} is not in the correct format. It should be <label2name__label2value>."
    );
}

/// A handle on the number under one key, which updates it without a look-up.
///
/// `inc_stats` and `set_stats` update the same number. If the key's family had no room for another label set
/// (`max_series`), the handle refers to the family's child labelled `overflow="true"`.
///
/// The key may be removed, by `remove_stats` or after the configuration's `idle_series`, while there are handles on it.
/// An update through a handle then brings it back, at 0 before the update. (If another update brought it back before,
/// and more than 4,096 other keys were gone by then, the handle looks the key up at each update from then on.)
///
/// # Examples
///
/// ```
/// use monitor_core::{Monitor, StatNumber, StorageConfig};
///
/// let monitor = Monitor::new(StorageConfig::default());
/// let jobs = monitor.counter("jobs___queue__fast")?;
/// jobs.inc();
/// jobs.add(2);
/// assert_eq!(jobs.get(), Some(StatNumber::Int(3)));
/// # Ok::<(), monitor_core::StatsError>(())
/// ```
#[derive(Clone)]
pub struct StatCounter {
    child: KeyRef<KeyValue>,
    home: Arc<KeyFamilies<KeyValue>>,
}

impl StatCounter {
    /// Adds 1. Has no effect while the key holds no number.
    #[inline]
    pub fn inc(&self) {
        self.add(1);
    }

    /// Adds any number, also a negative one. Has no effect while the key holds no number.
    #[inline]
    pub fn add(&self, by: impl Into<StatNumber>) {
        let by = by.into();
        self.update(|child| child.cell.add(by));
    }

    /// Replaces the number.
    pub fn set(&self, number: impl Into<StatNumber>) {
        let value = Cell::new(Some(number.into().into()));
        self.update(|child| child.cell.set(&value));
    }

    /// The number; `None` while the key holds none.
    pub fn get(&self) -> Option<StatNumber> {
        if let Some(value) = self.child.cell.exported() {
            return value.as_number();
        }
        let child = self.home.get(self.key())?;
        child.cell.exported()?.as_number()
    }

    /// The key as written.
    pub fn key(&self) -> &str {
        &self.child.key.raw
    }

    // Recording does not fail: an update is refused because other code has set the key to something else.
    #[inline]
    fn update<R>(&self, update: impl Fn(&KeyRef<KeyValue>) -> Result<R, Refused>) {
        self.child.mark_updated();
        if matches!(update(&self.child), Err(Refused::Gone)) {
            self.update_again(update);
        }
    }

    /// Runs an update after the key was removed.
    #[cold]
    fn update_again<R>(&self, update: impl Fn(&KeyRef<KeyValue>) -> Result<R, Refused>) {
        let target = UpdateTarget::Known(&self.child);
        let _ = self.home.update(&target, &(), |()| zero(), update);
    }
}

impl fmt::Debug for StatCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatCounter")
            .field("key", &self.key())
            .field("number", &self.get())
            .finish()
    }
}

/// The number of values that `append_stats` keeps in a list (the original's `max_count`).
#[doc(alias = "max_count")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// The last so many values.
    Last(NonZeroUsize),
    /// The last [`Keep::DEFAULT`] values. (The original keeps all of them, without limit.)
    #[default]
    Default,
}

impl Keep {
    /// How many values a list keeps by default.
    pub const DEFAULT: usize = 10_000;

    /// The original's `max_count`: above 0 the last so many, else the default.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::Keep;
    ///
    /// assert_eq!(Keep::from_max_count(-1), Keep::Default);
    /// assert_eq!(Keep::from_max_count(5).count(), 5);
    /// ```
    pub fn from_max_count(max_count: i64) -> Self {
        let count = usize::try_from(max_count).ok().and_then(NonZeroUsize::new);
        count.map_or(Self::Default, Self::Last)
    }

    /// How many values are kept.
    pub fn count(self) -> usize {
        match self {
            Self::Last(count) => count.get(),
            Self::Default => Self::DEFAULT,
        }
    }

    /// Drops the oldest values beyond the count.
    pub(super) fn trim<T>(self, list: &mut VecDeque<T>) {
        while list.len() > self.count() {
            list.pop_front();
        }
    }
}

/// Why an update of a key was refused. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatsError {
    /// A number cannot be added to the key's value, which is not a number.
    #[error("`{key}` holds {found}, not a number")]
    NotANumber {
        /// The key.
        key: Box<str>,
        /// The kind of value it holds.
        found: ValueKind,
    },
    /// A value cannot be appended to the key's value, which is not a list.
    #[error("`{key}` holds {found}, not a list")]
    NotAList {
        /// The key.
        key: Box<str>,
        /// The kind of value it holds.
        found: ValueKind,
    },
    /// The key of a section holds another value.
    #[error("`{key}` holds {found}, not a section")]
    NotASection {
        /// The key.
        key: Box<str>,
        /// The kind of value it holds.
        found: ValueKind,
    },
    /// `stats` is the list of points and `tasks` the section of running tasks: neither can be used as something else.
    #[error("`{key}` is reserved for {purpose}")]
    Reserved {
        /// The key.
        key: &'static str,
        /// Its purpose.
        purpose: &'static str,
    },
    /// A point of the list `stats` is a map of keys to numbers.
    #[error("a point of `stats` has to be a map, not {found}")]
    PointNotAMap {
        /// The kind of the given value.
        found: ValueKind,
    },
    /// The value of a task is its start time, in seconds since 1970.
    #[error("the start of task `{id}` has to be a finite number of seconds since 1970")]
    NotAStartTime {
        /// The task's id.
        id: Box<str>,
    },
    /// The key's family has `max_series` label sets already. (Numbers are not refused: they are added to the family's
    /// child labelled `overflow="true"`.)
    #[error("`{key}` is one label set too many: its family has {limit} already (`max_series`)")]
    TooManySeries {
        /// The key.
        key: Box<str>,
        /// The limit.
        limit: u64,
    },
}

/// Running tasks by id, and the counts of tasks that ended.
///
/// # Consistency
///
/// All under one lock: `started = completed + in flight` at any moment, but for ids that were replaced while they ran.
#[derive(Default)]
pub(crate) struct TaskSection(Mutex<Tasks>);

#[derive(Default)]
struct Tasks {
    /// By id, each with its start as it was given: a finite number.
    running: BTreeMap<String, StatValue>,
    /// Of the tasks that were started and completed. The busy time is the most that was ever reported: a clock that is
    /// set back must not take it back.
    totals: TaskTotals,
}

impl TaskSection {
    /// Begins a task. One of the same id that still runs is forgotten, started but never completed: the original's
    /// contract, which counts each `add` as a start and each `del` as an end.
    fn add(&self, id: &str, start: StatValue) -> Result<(), StatsError> {
        let is_time = |start: StatNumber| start.as_f64().is_finite();
        if !start.as_number().is_some_and(is_time) {
            return Err(StatsError::NotAStartTime { id: id.into() });
        }
        let mut tasks = lock(&self.0);
        tasks.totals.started += 1;
        tasks.running.insert(id.to_owned(), start);
        Ok(())
    }

    /// Ends a task and returns its start as it was given; nothing happens if none of this id runs.
    fn remove(&self, id: &str, now_unix: f64) -> Option<StatValue> {
        let mut tasks = lock(&self.0);
        let ended = tasks.running.remove(id)?;
        tasks.totals.completed += 1;
        tasks.totals.completed_seconds += age(&ended, now_unix);
        Some(ended)
    }

    /// Counts, and ages at `now_unix`. Busy time never reports less than before.
    pub(crate) fn totals(&self, now_unix: f64) -> TaskTotals {
        let mut tasks = lock(&self.0);
        let mut totals = tasks.totals;
        totals.in_flight = tasks.running.len() as u64;
        for start in tasks.running.values() {
            let age = age(start, now_unix);
            totals.current_seconds += age;
            totals.current_max_seconds = totals.current_max_seconds.max(age);
        }
        let busy = totals.completed_seconds + totals.current_seconds;
        totals.busy_seconds = totals.busy_seconds.max(busy);
        tasks.totals.busy_seconds = totals.busy_seconds;
        totals
    }

    /// The running tasks by id, with their ages in seconds.
    pub(crate) fn running(&self, now_unix: f64) -> Vec<(Arc<str>, f64)> {
        let tasks = lock(&self.0);
        let running = tasks.running.iter();
        running
            .map(|(id, start)| (Arc::from(&**id), age(start, now_unix)))
            .collect()
    }

    /// The running tasks by id, with their starts as given; `None` if there never was one.
    fn section(&self) -> Option<StatValue> {
        let tasks = lock(&self.0);
        (tasks.totals.started > 0).then(|| StatValue::Map(tasks.running.clone()))
    }
}

/// Seconds since a task's start; 0 for one that is yet to come, as after the clock was set back.
fn age(start: &StatValue, now_unix: f64) -> f64 {
    let start = start.as_number().map_or(now_unix, StatNumber::as_f64);
    (now_unix - start).max(0.0)
}
