//! What one key holds: a number in an atomic, anything else behind a lock; or nothing, once it was taken away.

mod other;

use std::sync::Arc;

use crate::base::sync::{AtomicU32, AtomicU64, Mutex, Ordering, lock};
use crate::data::value::{StatNumber, StatValue};

use self::other::{Other, refused};
use super::held::{Held, Refused};
use super::keep::Keep;

/// Whole numbers from minus this to below this are kept in `int`; every other content of it means that the value is not
/// there.
const INT_LIMIT: u64 = 1 << 62;
/// What `int` is set to then: as far from the limit as can be, from either side.
const NO_INT: u64 = i64::MIN.cast_unsigned();
/// Only numbers below this magnitude are put in `int`. Below it, and adding no more than `STEP_LIMIT`, no number of
/// threads that can be gets `int` to its limit.
const FAST_LIMIT: u64 = 1 << 61;
const STEP_LIMIT: u64 = 1 << 32;
/// In `float` while the value is no float: a NaN that arithmetic does not make, and `float_bits` does not let in.
const NO_FLOAT: u64 = 0x7ff8_6d6f_6e69_746f;

/// The value under one key.
///
/// # Consistency
///
/// Outside of the lock at most one of `int` and `float` is a number, and which one changes only under the lock. Who
/// takes a number out of a word swaps it for the sentinel, so it takes every earlier update with it. Who adds to `int`
/// learns from what was there whether it was a number: if not, nothing was added, because every content near the
/// sentinel is one. Adding to `float` is a compare-and-swap that fails on the sentinel. A reader that finds neither is
/// beside such a move, or the value is behind the lock: it takes the lock.
///
/// A value that is taken away leaves [`Other::Gone`] behind the lock, and nothing updates that: each update comes before,
/// and goes with it, or learns that it came too late.
///
/// `Relaxed` is enough where a word that is in use goes from one number to the next: it stands for itself.
#[derive(Debug)]
pub(super) struct Entry {
    int: AtomicU64,
    float: AtomicU64,
    /// 1 once it was updated since a scrape last looked: a number that is set to what it was is not idle.
    touched: AtomicU32,
    other: Mutex<Option<Box<Other>>>,
}

impl Entry {
    pub(super) fn new(value: StatValue) -> Self {
        let entry = Self {
            int: AtomicU64::new(NO_INT),
            float: AtomicU64::new(NO_FLOAT),
            touched: AtomicU32::new(1),
            other: Mutex::new(None),
        };
        entry.put(value, &mut lock(&entry.other));
        entry
    }

    /// Adds to a number and answers the sum.
    #[inline]
    pub(super) fn add(&self, by: StatNumber) -> Result<StatNumber, Refused> {
        self.touch();
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
        self.try_add_float(by.as_f64()).map(StatNumber::Float)
    }

    #[inline]
    fn try_add_int(&self, by: i64) -> Option<i64> {
        // From `FAST_LIMIT` on to `INT_LIMIT`, and from the sentinel to a number, it is centuries in steps of one.
        if by.unsigned_abs() > 1 {
            let seen = self.int.load(Ordering::Relaxed).cast_signed();
            if seen.unsigned_abs() >= FAST_LIMIT || by.unsigned_abs() > STEP_LIMIT {
                return None;
            }
        }
        let before = self.int.fetch_add(by.cast_unsigned(), Ordering::Relaxed);
        int(before).map(|before| before + by)
    }

    #[inline]
    fn try_add_float(&self, by: f64) -> Option<f64> {
        let mut current = self.float.load(Ordering::Relaxed);
        loop {
            let sum = float(current)? + by;
            let swap = self.float.compare_exchange_weak(
                current,
                float_bits(sum),
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            match swap {
                Ok(_) => return Some(sum),
                Err(found) => current = found,
            }
        }
    }

    #[cold]
    fn add_slowly(&self, by: StatNumber) -> Result<StatNumber, Refused> {
        let mut other = lock(&self.other);
        if let Some(sum) = self.try_add(by) {
            return Ok(sum);
        }
        let moved = self.clear_int().map(StatNumber::Int);
        let kept = match other.as_deref() {
            Some(Other::Value(value)) => value.as_number(),
            _ => None,
        };
        if let Some(number) = moved.or(kept) {
            let sum = number + by;
            self.put(sum.into(), &mut other);
            return Ok(sum);
        }
        Err(refused(other.as_deref()))
    }

    /// Says that it was updated. A plain look first: on the fast path the line is written by the update alone.
    #[inline]
    fn touch(&self) {
        if self.touched.load(Ordering::Relaxed) == 0 {
            self.touched.store(1, Ordering::Relaxed);
        }
    }

    /// Replaces the value, whatever it was; gives it back if it was taken away.
    pub(super) fn set(&self, value: StatValue) -> Result<(), StatValue> {
        let mut other = lock(&self.other);
        if matches!(other.as_deref(), Some(Other::Gone)) {
            return Err(value);
        }
        self.touch();
        self.put(value, &mut other);
        Ok(())
    }

    /// Takes the value away; `None` if that was done before.
    pub(super) fn take(&self) -> Option<StatValue> {
        let mut other = lock(&self.other);
        if matches!(other.as_deref(), Some(Other::Gone)) {
            return None;
        }
        let number = self.take_number();
        let other = other.replace(Box::new(Other::Gone));
        let value = other.map_or(StatValue::Null, |other| other.into_value());
        Some(number.map_or(value, StatValue::from))
    }

    /// Takes the number out of its word; who comes to the lock then finds none there.
    fn take_number(&self) -> Option<StatNumber> {
        let int = self.clear_int().map(StatNumber::Int);
        int.or_else(|| self.clear_float().map(StatNumber::Float))
    }

    /// Makes this the value; `other` is what is behind the lock.
    ///
    /// The word that is in use comes last: until then readers come to the lock.
    fn put(&self, value: StatValue, other: &mut Option<Box<Other>>) {
        *other = match value {
            StatValue::Int(number) if number.unsigned_abs() < FAST_LIMIT => {
                self.clear_float();
                self.int.swap(number.cast_unsigned(), Ordering::AcqRel);
                None
            }
            StatValue::Float(number) => {
                self.clear_int();
                self.float.swap(float_bits(number), Ordering::AcqRel);
                None
            }
            value => {
                self.clear_int();
                self.clear_float();
                Some(Box::new(Other::from(value)))
            }
        };
    }

    /// Takes the whole number out of its word, with all that was added to it until now.
    ///
    /// Release: pairs with the Acquire in `number`. Swaps throughout, as others may be adding.
    fn clear_int(&self) -> Option<i64> {
        int(self.int.load(Ordering::Relaxed))?;
        int(self.int.swap(NO_INT, Ordering::AcqRel))
    }

    fn clear_float(&self) -> Option<f64> {
        float(self.float.load(Ordering::Relaxed))?;
        float(self.float.swap(NO_FLOAT, Ordering::AcqRel))
    }

    /// The number, if it is in one of the words.
    fn number(&self) -> Option<StatNumber> {
        // Acquire: pairs with the Release of whoever put the sentinel here, so that an older float is not taken for
        // the present one.
        if let Some(number) = int(self.int.load(Ordering::Acquire)) {
            return Some(StatNumber::Int(number));
        }
        float(self.float.load(Ordering::Acquire)).map(StatNumber::Float)
    }

    /// The value if it counts as a number (a truth value does), as it is.
    pub(super) fn exported(&self) -> Option<StatValue> {
        if let Some(number) = self.number() {
            return Some(number.into());
        }
        let other = lock(&self.other);
        match (self.number(), other.as_deref()) {
            (Some(number), _) => Some(number.into()),
            (None, Some(Other::Value(value))) => value.as_number().map(|_| value.clone()),
            _ => None,
        }
    }

    /// The value, copied; `None` if it was taken away. Lists are copied after the lock is free again.
    pub(super) fn read(&self) -> Option<StatValue> {
        if let Some(number) = self.number() {
            return Some(number.into());
        }
        let other = lock(&self.other);
        if let Some(number) = self.number() {
            return Some(number.into());
        }
        let list = match other.as_deref() {
            None => return Some(StatValue::Null),
            Some(Other::Gone) => return None,
            Some(Other::Value(value)) => return Some(value.clone()),
            Some(Other::Map(map)) => return Some(StatValue::Map(map.clone())),
            Some(Other::List(list)) => list.clone(),
        };
        drop(other);
        Some(Other::List(list).into_value())
    }

    /// Appends to a list and drops what is too old.
    pub(super) fn append(&self, value: &Arc<StatValue>, keep: Keep) -> Result<(), Refused> {
        let mut other = lock(&self.other);
        match other.as_deref_mut() {
            Some(Other::List(list)) => {
                self.touch();
                list.push_back(Arc::clone(value));
                keep.trim(list);
                Ok(())
            }
            found => Err(refused(found.as_deref())),
        }
    }

    /// Adds a key to a section.
    pub(super) fn insert(&self, key: &str, value: &StatValue) -> Result<(), Refused> {
        let mut other = lock(&self.other);
        match other.as_deref_mut() {
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

impl Held for Entry {
    fn bring_back(&self, fresh: Self) {
        let value = fresh.take().unwrap_or(StatValue::Null);
        let mut other = lock(&self.other);
        self.touch();
        self.put(value, &mut other);
    }

    fn was_touched(&self) -> bool {
        self.touched.swap(0, Ordering::Relaxed) != 0
    }

    /// A number's bits. A list is told apart by `touched` alone, which for it changes under the lock. Texts, maps and
    /// nothing are no series.
    fn mark(&self) -> Option<u64> {
        if let Some(number) = self.number() {
            return Some(mark_of(number));
        }
        let other = lock(&self.other);
        if let Some(number) = self.number() {
            return Some(mark_of(number));
        }
        match other.as_deref()? {
            Other::Value(StatValue::Bool(_)) | Other::List(_) => Some(0),
            Other::Value(value) => value.as_number().map(mark_of),
            Other::Map(_) | Other::Gone => None,
        }
    }

    fn take_unchanged(&self, mark: u64) -> bool {
        let mut other = lock(&self.other);
        if let Some(number) = self.take_number() {
            if mark_of(number) != mark {
                self.put(number.into(), &mut other);
                return false;
            }
        } else {
            let is_series = match other.as_deref() {
                Some(Other::Value(value)) => value.as_number().is_some(),
                Some(Other::List(_)) => true,
                _ => false,
            };
            if !is_series || self.touched.load(Ordering::Relaxed) != 0 {
                return false;
            }
        }
        *other = Some(Box::new(Other::Gone));
        true
    }
}

fn mark_of(number: StatNumber) -> u64 {
    match number {
        StatNumber::Int(number) => number.cast_unsigned(),
        StatNumber::Float(number) => number.to_bits(),
    }
}

#[inline]
fn int(bits: u64) -> Option<i64> {
    // One addition and one look at the sign: `INT_LIMIT` is a quarter of all there is.
    let in_range = bits.wrapping_add(INT_LIMIT) < 2 * INT_LIMIT;
    in_range.then_some(bits.cast_signed())
}

#[inline]
fn float(bits: u64) -> Option<f64> {
    (bits != NO_FLOAT).then_some(f64::from_bits(bits))
}

/// The bits of a float, of which every NaN has the same, so that none is the sentinel.
#[inline]
fn float_bits(value: f64) -> u64 {
    if value.is_nan() { f64::NAN } else { value }.to_bits()
}

#[cfg(all(test, monitor_loom))]
mod models;
