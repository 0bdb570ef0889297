//! The cells of children: the value of a key, and the counters, gauges and histograms of registered metrics.
//!
//! # Words
//!
//! A number is in one or two 64-bit words that updates write in place, and a removal is a change of these very words:
//! so each update comes before it, or finds the change there. There are two kinds of word, because two things are
//! promised:
//!
//! * **Words with a sentinel** ([`NO_FLOAT`], [`NO_INT`]): a number or nothing. An update that finds no number changes
//!   nothing, returns an error, and is then done under a lock. The value of a key has an integer and a float word, of
//!   which one at most is a number; a [`Gauge`] has the float word alone. A removal swaps the sentinel in, and so takes
//!   every earlier update with it.
//! * **Words with a mark** ([`HIDDEN`], the top bit of a count): updates add below the mark and find it in the previous
//!   content. An [`inc`](Counter::inc) is one wait-free `fetch_add` even on a hidden child, and after a step that was
//!   no integer: those are added up in a word beside it. With a sentinel it would have to go to the lock in either
//!   case, so counters do not share it; and a float has no bit to spare for a mark, so gauges do not share this.
//!
//! # Orderings
//!
//! `Relaxed` is enough where a word that is in use goes from one number to the next: it stands for itself. Every swap
//! that puts a sentinel, a mark or another kind of number in is `AcqRel`, and so are updates of the float word of a key
//! or a gauge. Additions to a key's integer are `Release`, so that the swap that takes the number sees the child's
//! `UPDATED`. A counter's float word is `Relaxed`: a `fetch_add(0, AcqRel)` on the integer word follows it. A
//! histogram's sum is `Release` and pairs with the Acquire in `read`.
//!
//! # Histograms
//!
//! [`HistogramCell`] is for many writers: buckets first, then the sum, and a reader takes the sum first, so it may lag
//! and never counts an observation that the buckets lack. Its removal keeps the counts. Where a histogram has exponential
//! buckets too, the cells of `native.rs` are in place of its buckets. The histogram under a key
//! ([`KeyHistogram`]) goes with all that is in it: a sum and its buckets cannot be taken in one step, so it is behind a
//! lock, as the list that is always updated beside it is.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::base::clock::to_f64;
use crate::base::sync::{AcqRel, Acquire, AtomicU64, Mutex, Ordering, Relaxed, Release, lock};
use crate::data::buckets::HistogramKind;
use crate::data::family::{ChildValue, Histogram as Plain};
use crate::data::value::{StatNumber, StatValue, ValueKind};

use super::family::{Handle, KeyCell, LabelCell, Refused};
use super::keyed::Keep;
use super::native::{BoundKeys, NativeCells, bound_keys};
use super::registry::Instrument;

/// In a float word that is not in use: a NaN that arithmetic does not make, and `float_bits` does not let in.
const NO_FLOAT: u64 = 0x7ff8_6d6f_6e69_746f;

#[inline]
fn float(bits: u64) -> Option<f64> {
    (bits != NO_FLOAT).then_some(f64::from_bits(bits))
}

/// The bits of a float, of which every NaN has the same, so that none is the sentinel.
#[inline]
fn float_bits(value: f64) -> u64 {
    if value.is_nan() { f64::NAN } else { value }.to_bits()
}

/// Adds to a float word and returns the sum; `None` if it is not in use.
#[inline]
fn add_float(word: &AtomicU64, by: f64) -> Option<f64> {
    let add = |bits| Some(float_bits(float(bits)? + by));
    let before = word.fetch_update(AcqRel, Relaxed, add);
    Some(f64::from_bits(before.ok()?) + by)
}

/// Adds a finite number to a sum, which may get to the greatest number there is, and never to infinity: nothing would
/// bring it back.
#[inline]
fn add_finite(word: &AtomicU64, by: f64, ordering: Ordering) {
    let add = |bits| (f64::from_bits(bits) + by).clamp(f64::MIN, f64::MAX);
    // Never an error, as each sum is taken.
    let _ = word.fetch_update(ordering, Relaxed, |bits| Some(add(bits).to_bits()));
}

/// Whole numbers from minus this to below this are kept in the integer word; every other content of it means that it is
/// not in use.
const NUMBER_LIMIT: u64 = 1 << 62;
/// The integer word while it is not in use: as far from the limit as can be, from either side.
const NO_INT: u64 = i64::MIN.cast_unsigned();
/// Only numbers below this magnitude are put in an integer word. Below it, and adding no more than `STEP_LIMIT`, no
/// number of threads that can be gets a number to `NUMBER_LIMIT`, or a count to `HIDDEN`; in steps of one it is
/// centuries.
const FAST_LIMIT: u64 = 1 << 61;
const STEP_LIMIT: u64 = 1 << 32;

#[inline]
fn int(bits: u64) -> Option<i64> {
    // One addition and one look at the sign: `NUMBER_LIMIT` is a quarter of all there is.
    let in_range = bits.wrapping_add(NUMBER_LIMIT) < 2 * NUMBER_LIMIT;
    in_range.then_some(bits.cast_signed())
}

/// The value under one key: a number in a word, anything else behind a lock; or nothing, once it was taken away.
///
/// # Consistency
///
/// Outside of the lock at most one of `int` and `float` is a number, and which one changes only under the lock. Taking
/// a number out of a word swaps the sentinel in, so every earlier update goes with it. An addition to `int` finds in
/// the previous content whether it was a number: if not, nothing was added, because every content near the sentinel is
/// one. An addition to `float` fails on the sentinel. A reader that finds neither is beside such a move, or the value
/// is behind the lock: it takes the lock.
///
/// A value that is taken away leaves [`Other::Gone`] behind the lock, and nothing updates that: each update comes
/// before, and goes with it, or finds that it came too late.
#[derive(Debug)]
pub(super) struct KeyValue {
    int: AtomicU64,
    float: AtomicU64,
    other: Mutex<Option<Box<Other>>>,
}

/// A value that is in neither word.
#[derive(Debug, Clone)]
enum Other {
    Value(StatValue),
    List(VecDeque<Arc<StatValue>>),
    Map(BTreeMap<String, StatValue>),
    /// Taken away.
    Gone,
}

impl From<StatValue> for Other {
    fn from(value: StatValue) -> Self {
        match value {
            StatValue::List(list) => Self::List(list.into_iter().map(Arc::new).collect()),
            StatValue::Map(map) => Self::Map(map),
            value => Self::Value(value),
        }
    }
}

impl From<Other> for StatValue {
    fn from(other: Other) -> Self {
        match other {
            Other::Gone => Self::Null,
            Other::Value(value) => value,
            Other::Map(map) => Self::Map(map),
            Other::List(list) => Self::List(list.into_iter().map(Arc::unwrap_or_clone).collect()),
        }
    }
}

impl KeyValue {
    pub(super) fn new(value: StatValue) -> Self {
        let new = Self {
            int: AtomicU64::new(NO_INT),
            float: AtomicU64::new(NO_FLOAT),
            other: Mutex::new(None),
        };
        new.put(value, &mut lock(&new.other));
        new
    }

    /// Adds to a number and returns the sum.
    #[inline]
    pub(super) fn add(&self, by: StatNumber) -> Result<StatNumber, Refused> {
        match self.try_add(by) {
            Some(sum) => Ok(sum),
            None => self.add_slowly(by),
        }
    }

    /// Adds to the word in use, unless the sum may belong elsewhere.
    #[inline]
    fn try_add(&self, by: StatNumber) -> Option<StatNumber> {
        if let StatNumber::Int(by) = by
            && let Some(sum) = self.try_add_int(by)
        {
            return Some(StatNumber::Int(sum));
        }
        add_float(&self.float, by.as_f64()).map(StatNumber::Float)
    }

    #[inline]
    fn try_add_int(&self, by: i64) -> Option<i64> {
        if by.unsigned_abs() > 1 {
            let seen = self.int.load(Relaxed).cast_signed();
            if seen.unsigned_abs() >= FAST_LIMIT || by.unsigned_abs() > STEP_LIMIT {
                return None;
            }
        }
        // Release: pairs with the Acquire of the swap that takes the number.
        let before = self.int.fetch_add(by.cast_unsigned(), Release);
        int(before).map(|before| before + by)
    }

    #[cold]
    fn add_slowly(&self, by: StatNumber) -> Result<StatNumber, Refused> {
        let mut other = lock(&self.other);
        if let Some(sum) = self.try_add(by) {
            return Ok(sum);
        }
        let kept = match other.as_deref() {
            Some(Other::Value(value)) => value.as_number(),
            _ => None,
        };
        let number = self.take_int().or(kept);
        let sum = number.ok_or_else(|| refused(other.as_deref()))? + by;
        self.put(sum.into(), &mut other);
        Ok(sum)
    }

    /// Replaces the value, of any kind; `value` is taken unless this one was taken away. Where `value` is empty
    /// already, it was the first value of the key, and nothing is left to do, even if that was taken away since.
    pub(super) fn set(&self, value: &Cell<Option<StatValue>>) -> Result<(), Refused> {
        let mut other = lock(&self.other);
        let Some(new) = value.take() else {
            return Ok(());
        };
        if matches!(other.as_deref(), Some(Other::Gone)) {
            value.set(Some(new));
            return Err(Refused::Gone);
        }
        self.put(new, &mut other);
        Ok(())
    }

    /// Makes this the value; `other` is the content of the lock.
    ///
    /// The word that is in use comes last: until then readers come to the lock.
    fn put(&self, value: StatValue, other: &mut Option<Box<Other>>) {
        *other = match value {
            StatValue::Int(number) if number.unsigned_abs() < FAST_LIMIT => {
                self.take_float();
                self.int.swap(number.cast_unsigned(), AcqRel);
                None
            }
            StatValue::Float(number) => {
                self.take_int();
                self.float.swap(float_bits(number), AcqRel);
                None
            }
            value => {
                self.take_int();
                self.take_float();
                Some(Box::new(value.into()))
            }
        };
    }

    /// Takes the whole number out of its word, with all that was added to it until now.
    ///
    /// Release: pairs with the Acquire in `number`; Acquire: with the Release of the additions. Swaps throughout, as
    /// others may be adding.
    fn take_int(&self) -> Option<StatNumber> {
        int(self.int.load(Relaxed))?;
        int(self.int.swap(NO_INT, AcqRel)).map(StatNumber::Int)
    }

    fn take_float(&self) -> Option<StatNumber> {
        float(self.float.load(Relaxed))?;
        float(self.float.swap(NO_FLOAT, AcqRel)).map(StatNumber::Float)
    }

    /// The number, if it is in one of the words.
    fn number(&self) -> Option<StatNumber> {
        // Acquire: pairs with the Release of the swap that put the sentinel here, so that an older float is not taken
        // for the present one.
        if let Some(number) = int(self.int.load(Acquire)) {
            return Some(StatNumber::Int(number));
        }
        float(self.float.load(Acquire)).map(StatNumber::Float)
    }

    /// Looks at the number, or else at the content of the lock.
    fn look<R>(&self, look: impl FnOnce(Option<StatNumber>, Option<&Other>) -> R) -> R {
        if let number @ Some(_) = self.number() {
            return look(number, None);
        }
        let other = lock(&self.other);
        look(self.number(), other.as_deref())
    }

    /// The value if it counts as a number (a truth value does), as it is.
    pub(super) fn exported(&self) -> Option<StatValue> {
        self.look(|number, other| match (number, other) {
            (Some(number), _) => Some(number.into()),
            (None, Some(Other::Value(value))) => value.as_number().map(|_| value.clone()),
            _ => None,
        })
    }

    /// The value, copied; `None` if it was taken away. Lists are copied after the lock is free again.
    pub(super) fn read(&self) -> Option<StatValue> {
        let copy = self.look(|number, other| match (number, other) {
            (Some(number), _) => Other::Value(number.into()),
            (None, None) => Other::Value(StatValue::Null),
            (None, Some(other)) => other.clone(),
        });
        (!matches!(copy, Other::Gone)).then(|| copy.into())
    }

    /// Appends to a list and drops the values that are too old.
    pub(super) fn append(&self, value: &Arc<StatValue>, keep: Keep) -> Result<(), Refused> {
        match lock(&self.other).as_deref_mut() {
            Some(Other::List(list)) => {
                list.push_back(Arc::clone(value));
                keep.trim(list);
                Ok(())
            }
            found => Err(refused(found.as_deref())),
        }
    }

    /// Adds a key to a section.
    pub(super) fn insert(&self, key: &str, value: &StatValue) -> Result<(), Refused> {
        match lock(&self.other).as_deref_mut() {
            Some(Other::Map(map)) => {
                map.insert(key.to_owned(), value.clone());
                Ok(())
            }
            found => Err(refused(found.as_deref())),
        }
    }

    /// Takes a key out of a section.
    pub(super) fn remove(&self, key: &str) -> Option<StatValue> {
        match lock(&self.other).as_deref_mut()? {
            Other::Map(map) => map.remove(key),
            _ => None,
        }
    }
}

impl KeyCell for KeyValue {
    type Shared = ();
    type Taken = StatValue;

    /// Texts, maps and nothing are no series.
    fn idles(&self) -> bool {
        self.look(|number, other| match other {
            Some(Other::List(_)) => true,
            Some(Other::Value(value)) => value.as_number().is_some(),
            _ => number.is_some(),
        })
    }

    /// The number first: an update that then comes to the lock finds none there, and each earlier addition was noted
    /// before `may` is called.
    fn take_if(&self, may: impl FnOnce() -> bool) -> Option<StatValue> {
        let mut other = lock(&self.other);
        if matches!(other.as_deref(), Some(Other::Gone)) {
            return None;
        }
        let number = self.take_int().or_else(|| self.take_float());
        if !may() {
            if let Some(number) = number {
                self.put(number.into(), &mut other);
            }
            return None;
        }
        let other = other.replace(Box::new(Other::Gone));
        let value = other.map_or(StatValue::Null, |other| (*other).into());
        Some(number.map_or(value, StatValue::from))
    }

    fn bring_back(&self, fresh: Self) {
        let value = fresh.take_if(|| true).unwrap_or(StatValue::Null);
        self.put(value, &mut lock(&self.other));
    }
}

fn refused(other: Option<&Other>) -> Refused {
    Refused::Holds(match other {
        None => ValueKind::Number,
        Some(Other::Value(value)) => value.kind(),
        Some(Other::List(_)) => ValueKind::List,
        Some(Other::Map(_)) => ValueKind::Map,
        Some(Other::Gone) => return Refused::Gone,
    })
}

/// The kind of a family of histograms, and the bounds of their cells.
pub(super) type KeyBounds = (HistogramKind, Arc<[f64]>);

/// The histogram under a key: counts of observations by bucket, and their sum; `None` once it was taken away.
#[derive(Debug)]
pub(super) struct KeyHistogram {
    pub(super) kind: HistogramKind,
    /// In a box: a cell that is kept for the next key has none.
    counts: Mutex<Option<Box<Plain>>>,
}

impl KeyHistogram {
    pub(super) fn new((kind, bounds): &KeyBounds) -> Self {
        Self {
            kind: *kind,
            counts: Mutex::new(Some(Box::new(Plain::empty(bounds)))),
        }
    }

    /// Counts a value that is no NaN and not negative. Upper bounds are inclusive.
    pub(super) fn observe(&self, value: f64) -> Result<(), Refused> {
        let mut histogram = lock(&self.counts);
        let histogram = histogram.as_mut().ok_or(Refused::Gone)?;
        histogram.counts[bucket(&histogram.bounds, value)] += 1;
        histogram.sum += value;
        Ok(())
    }

    pub(super) fn read(&self) -> Option<Plain> {
        lock(&self.counts).as_deref().cloned()
    }
}

impl KeyCell for KeyHistogram {
    type Shared = KeyBounds;
    type Taken = Plain;

    fn take_if(&self, may: impl FnOnce() -> bool) -> Option<Plain> {
        lock(&self.counts).take_if(|_| may()).map(|counts| *counts)
    }

    fn bring_back(&self, fresh: Self) {
        *lock(&self.counts) = lock(&fresh.counts).take();
    }
}

/// The bucket of a value: that of the first bound that is not below it.
#[inline]
pub(super) fn bucket(bounds: &[f64], value: f64) -> usize {
    bounds.partition_point(|bound| *bound < value)
}

/// A counter of the user's own: it never goes down.
///
/// A handle that is cheap to clone. Updates take no lock and allocate nothing; they are wait-free, but for
/// steps above 2^32 and [`inc_by_f64`](Self::inc_by_f64), which may try again beside others.
///
/// # Examples
///
/// ```
/// use monitor_core::metric::{MetricDesc, RegisterError};
/// use monitor_core::{Monitor, StorageConfig};
///
/// let monitor = Monitor::new(StorageConfig::default());
/// let jobs = monitor.register_counter(MetricDesc::new("jobs_done", "Jobs done."))?;
/// jobs.inc();
/// jobs.inc_by(2);
/// jobs.inc_by_f64(0.5);
/// jobs.inc_by_f64(-1.0); // left out
/// assert_eq!(jobs.get(), 3.5);
/// # Ok::<(), RegisterError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Counter(Handle<CounterCell>);

impl Counter {
    /// Adds 1.
    #[inline]
    pub fn inc(&self) {
        self.inc_by(1);
    }

    /// Adds a whole number. Sums are exact up to 2^61, and doubles beyond that.
    #[inline]
    pub fn inc_by(&self, by: u64) {
        self.0.update(|cell| cell.add(by));
    }

    /// Adds a number that is finite and not negative; any other is left out and counted as refused. A sum that leaves
    /// the range of doubles stays at its end.
    pub fn inc_by_f64(&self, by: f64) {
        if by.is_finite() && by >= 0.0 {
            self.0.update(|cell| cell.add_float(by));
        } else {
            self.0.refuse();
        }
    }

    /// The count; rounded above 2^53.
    pub fn get(&self) -> f64 {
        let (int, float) = self.0.parts();
        to_f64(int) + float
    }
}

impl Instrument for Counter {
    type Cell = CounterCell;

    fn of(child: Handle<CounterCell>) -> Self {
        Self(child)
    }
}

/// The top bit of a count: the child is hidden.
pub(super) const HIDDEN: u64 = 1 << 63;

/// The count is the sum of both words, and each only goes up, so a reader never sees it fall.
#[derive(Debug, Default)]
pub struct CounterCell {
    int: AtomicU64,
    float: AtomicU64,
}

impl CounterCell {
    /// Adds; whether the child is hidden.
    #[inline]
    fn add(&self, by: u64) -> bool {
        let is_large =
            by > 1 && (by > STEP_LIMIT || self.int.load(Relaxed) & !HIDDEN >= FAST_LIMIT);
        if is_large {
            return self.add_large(by);
        }
        self.int.fetch_add(by, Relaxed) & HIDDEN != 0
    }

    /// Larger steps are tried out first.
    #[cold]
    fn add_large(&self, by: u64) -> bool {
        let add = |int: u64| ((int & !HIDDEN).saturating_add(by) < FAST_LIMIT).then(|| int + by);
        match self.int.fetch_update(Relaxed, Relaxed, add) {
            Ok(before) => before & HIDDEN != 0,
            Err(_) => self.add_float(to_f64(by)),
        }
    }

    fn add_float(&self, by: f64) -> bool {
        add_finite(&self.float, by, Relaxed);
        // Of this and the mark in `hide` one comes first, as both write the word: either the mark is seen here, or
        // (AcqRel on both) the scrape that hides sees the addition.
        self.int.fetch_add(0, AcqRel) & HIDDEN != 0
    }

    fn parts(&self) -> (u64, f64) {
        let int = self.int.load(Relaxed) & !HIDDEN;
        (int, f64::from_bits(self.float.load(Relaxed)))
    }
}

impl LabelCell for CounterCell {
    fn new(_: &BucketSpec) -> Self {
        Self::default()
    }

    fn hide(&self) {
        self.int.fetch_or(HIDDEN, AcqRel);
    }

    fn unhide(&self) {
        self.int.fetch_and(!HIDDEN, AcqRel);
    }

    fn value(&self, _: BucketKind) -> Option<ChildValue> {
        let (int, float) = self.parts();
        Some(if float > 0.0 {
            ChildValue::Float(to_f64(int) + float)
        } else {
            ChildValue::Int(int)
        })
    }
}

/// A gauge of the user's own: any number, which goes up and down. NaN and the infinities are values too.
///
/// A handle that is cheap to clone. Updates take no lock and allocate nothing; [`set`](Self::set) is wait-free, the
/// others may try again beside others.
///
/// # Examples
///
/// ```
/// use monitor_core::metric::{MetricDesc, RegisterError};
/// use monitor_core::{Monitor, StorageConfig};
///
/// let monitor = Monitor::new(StorageConfig::default());
/// let open = monitor.register_gauge(MetricDesc::new("connections_open", "Open connections."))?;
/// open.inc();
/// open.add(2.5);
/// open.dec();
/// assert_eq!(open.get(), 2.5);
/// # Ok::<(), RegisterError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Gauge(Handle<GaugeCell>);

impl Gauge {
    /// Replaces the value.
    #[inline]
    pub fn set(&self, value: f64) {
        self.0.update(|cell| cell.set(value));
    }

    /// Adds 1.
    #[inline]
    pub fn inc(&self) {
        self.add(1.0);
    }

    /// Takes 1 away.
    #[inline]
    pub fn dec(&self) {
        self.add(-1.0);
    }

    /// Adds any number, negative ones too. Adding NaN or an infinity makes the value one, until it is set.
    #[inline]
    pub fn add(&self, by: f64) {
        // Nothing is added to a hidden one, which is shown then.
        while self.0.update(|cell| add_float(&cell.value, by).is_none()) {}
    }

    /// The value.
    pub fn get(&self) -> f64 {
        // Acquire: pairs with the Release in `hide`, so that `kept` is there.
        let value = float(self.0.value.load(Acquire));
        value.unwrap_or_else(|| f64::from_bits(self.0.kept.load(Relaxed)))
    }
}

impl Instrument for Gauge {
    type Cell = GaugeCell;

    fn of(child: Handle<GaugeCell>) -> Self {
        Self(child)
    }
}

/// The value in one word; while the child is hidden, beside it.
///
/// Hiding takes the value out of the word with all that was added to it; an addition then fails on the sentinel, and
/// comes to the lock of the family, under which alone `kept` is written.
#[derive(Debug, Default)]
pub struct GaugeCell {
    value: AtomicU64,
    kept: AtomicU64,
}

impl GaugeCell {
    /// Replaces the value; whether the child is hidden.
    #[inline]
    fn set(&self, value: f64) -> bool {
        self.value.swap(float_bits(value), AcqRel) == NO_FLOAT
    }
}

impl LabelCell for GaugeCell {
    fn new(_: &BucketSpec) -> Self {
        Self::default()
    }

    fn hide(&self) {
        let keep = |bits| {
            // Before the mark: a reader of that finds the value.
            self.kept.store(float(bits)?.to_bits(), Relaxed);
            Some(NO_FLOAT)
        };
        // An error if it is hidden.
        let _ = self.value.fetch_update(AcqRel, Relaxed, keep);
    }

    fn unhide(&self) {
        let kept = self.kept.load(Relaxed);
        // A value that was set meanwhile stays.
        let _ = self.value.compare_exchange(NO_FLOAT, kept, AcqRel, Relaxed);
    }

    fn value(&self, _: BucketKind) -> Option<ChildValue> {
        float(self.value.load(Relaxed)).map(ChildValue::Float)
    }
}

/// A histogram of the user's own: counts of observations by upper bound, which is inclusive, and their sum.
///
/// A handle that is cheap to clone. Observing takes no lock and allocates nothing; the count is wait-free, the sum may
/// be tried again beside others. With [native buckets](super::typed::MetricDesc::native) the first observation in a range of values
/// allocates their counts, behind a lock: at most once for each four powers of two.
///
/// # Consistency
///
/// The count is that of the buckets, so the two agree at any moment, and no bucket ever falls. A snapshot's sum never
/// has an observation that its buckets lack, and may lag by those under way.
///
/// # Examples
///
/// ```
/// use monitor_core::metric::{MetricDesc, RegisterError};
/// use monitor_core::{Monitor, StorageConfig, TIME_BOUNDS};
///
/// let monitor = Monitor::new(StorageConfig::default());
/// let wait = MetricDesc::new("queue_wait", "How long jobs wait.").unit("seconds");
/// let wait = monitor.register_histogram(wait, &TIME_BOUNDS)?;
/// wait.observe(0.25);
/// wait.observe(f64::NAN); // left out
/// assert_eq!((wait.count(), wait.sum()), (1, 0.25));
/// # Ok::<(), RegisterError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Histogram(Handle<HistogramCell>);

impl Histogram {
    /// Counts a value. NaN and the infinities are left out and counted as refused, because the sum would keep them for
    /// good, and so is a negative value, unless the first bound is negative: the sum must not fall. (With a negative
    /// bound, pages leave the sum out.) A sum that leaves the range of doubles stays at its end.
    #[inline]
    pub fn observe(&self, value: f64) {
        let takes_negative = || self.0.bounds.first().is_some_and(|bound| *bound < 0.0);
        if value.is_finite() && (value >= 0.0 || takes_negative()) {
            self.0.update(|cell| cell.observe(value));
        } else {
            self.0.refuse();
        }
    }

    /// How many values were observed.
    pub fn count(&self) -> u64 {
        self.0.read(BucketKind::Classic).count()
    }

    /// Their sum.
    pub fn sum(&self) -> f64 {
        self.0.read(BucketKind::Classic).sum
    }
}

impl Instrument for Histogram {
    type Cell = HistogramCell;

    fn of(child: Handle<HistogramCell>) -> Self {
        Self(child)
    }
}

/// The buckets of a family of histograms: its bounds and, where it has exponential buckets too, what those of its
/// children share. No bounds for other families.
#[derive(Debug)]
pub struct BucketSpec {
    pub(super) bounds: Arc<[f64]>,
    pub(super) native: Option<BoundKeys>,
}

impl BucketSpec {
    pub(super) fn new(bounds: Arc<[f64]>, native: BucketKind) -> Self {
        let keys = || bound_keys(&bounds);
        Self {
            native: (native == BucketKind::Native).then(keys),
            bounds,
        }
    }

    pub(super) fn kind(&self) -> BucketKind {
        match self.native {
            Some(_) => BucketKind::Native,
            None => BucketKind::Classic,
        }
    }
}

/// Whether a histogram has exponential buckets, or a reader wants them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BucketKind {
    /// None: it is classic.
    #[default]
    Classic,
    /// Beside its own.
    Native,
}

impl BucketKind {
    pub(crate) fn wanted(with_native: bool) -> Self {
        if with_native {
            Self::Native
        } else {
            Self::Classic
        }
    }
}

/// The buckets are `Relaxed`: each stands for itself, and the sum's Release orders them. Hiding marks each of them in
/// its top bit, which no count gets to.
#[derive(Debug)]
pub struct HistogramCell {
    bounds: Arc<[f64]>,
    /// Empty where the cells of `native` are in use, so that the look into it is also the question which it is.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
    native: Option<Box<NativeCells>>,
}

impl HistogramCell {
    /// Counts a value; whether the child is hidden.
    #[inline]
    fn observe(&self, value: f64) -> bool {
        let bucket = bucket(&self.bounds, value);
        let Some(count) = self.counts.get(bucket) else {
            return self.observe_native(bucket, value);
        };
        let before = count.fetch_add(1, Relaxed);
        self.add_to_sum(value);
        before & HIDDEN != 0
    }

    /// Cold for the layout of the code alone: nothing of it is in the way of a histogram without native buckets.
    #[cold]
    #[inline(never)]
    fn observe_native(&self, bucket: usize, value: f64) -> bool {
        let native = self.native.as_deref();
        let before = native.map_or(0, |native| native.observe(bucket, value));
        self.add_to_sum(value);
        before & HIDDEN != 0
    }

    /// After the count. Release: pairs with the Acquire in `read`; a chain of swaps passes every earlier one's Release on.
    #[inline]
    fn add_to_sum(&self, value: f64) {
        add_finite(&self.sum, value, Release);
    }

    pub(super) fn read(&self, wanted: BucketKind) -> Plain {
        // Acquire: pairs with the Release in `add_to_sum`; the buckets have to be read after it.
        let sum = f64::from_bits(self.sum.load(Acquire));
        if let Some(native) = &self.native {
            return native.read(&self.bounds, sum, wanted);
        }
        let count = |count: &AtomicU64| count.load(Relaxed) & !HIDDEN;
        let counts = self.counts.iter().map(count).collect();
        Plain::new(Arc::clone(&self.bounds), counts, sum)
    }
}

impl LabelCell for HistogramCell {
    fn new(spec: &BucketSpec) -> Self {
        let native = spec.native.as_ref();
        let counts = native.map_or(spec.bounds.len() + 1, |_| 0);
        Self {
            bounds: Arc::clone(&spec.bounds),
            counts: (0..counts).map(|_| AtomicU64::default()).collect(),
            sum: AtomicU64::default(),
            native: native.map(|keys| Box::new(NativeCells::new(keys))),
        }
    }

    fn hide(&self) {
        for count in &self.counts {
            count.fetch_or(HIDDEN, AcqRel);
        }
        if let Some(native) = &self.native {
            native.hide();
        }
    }

    fn unhide(&self) {
        for count in &self.counts {
            count.fetch_and(!HIDDEN, AcqRel);
        }
        if let Some(native) = &self.native {
            native.unhide();
        }
    }

    fn value(&self, wanted: BucketKind) -> Option<ChildValue> {
        Some(ChildValue::Histogram(self.read(wanted)))
    }
}

#[cfg(all(test, monitor_loom))]
mod models;
