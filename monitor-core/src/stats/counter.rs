use std::fmt;

use crate::value::{StatNumber, StatValue, ValueKind};

use super::entry::Entry;
use super::error::StatsError;
use super::families::ChildRef;

/// A handle on the number under one key, which updates it without looking the key up.
///
/// It is the same number that `inc_stats` and `set_stats` see under the key. Where the key's family had no room for
/// another label set (`max_series`), the handle is one on the family's child labelled `overflow="true"`.
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
pub struct StatCounter(ChildRef<Entry>);

impl StatCounter {
    pub(super) fn try_new(child: &ChildRef<Entry>) -> Result<Self, StatsError> {
        // Adding nothing is what tells a number from the rest.
        match child.value.add(StatNumber::Int(0)) {
            Ok(_) => Ok(Self(child.clone())),
            Err(found) => Err(not_a_number(&child.key.raw, found)),
        }
    }

    /// Adds 1. Without effect while the key holds no number.
    #[inline]
    pub fn inc(&self) {
        self.add(1);
    }

    /// Adds any number, negative ones too. Without effect while the key holds no number.
    #[inline]
    pub fn add(&self, by: impl Into<StatNumber>) {
        // Recording does not fail: somebody else has set the key to something else.
        let _ = self.0.value.add(by.into());
    }

    /// Replaces the number.
    pub fn set(&self, number: impl Into<StatNumber>) {
        self.0.value.set(StatValue::from(number.into()));
    }

    /// The number; `None` while the key holds none.
    pub fn get(&self) -> Option<StatNumber> {
        self.0.value.exported()?.as_number()
    }

    pub(super) fn child(&self) -> &ChildRef<Entry> {
        &self.0
    }

    /// The key as written.
    pub fn key(&self) -> &str {
        &self.0.key.raw
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

#[cold]
pub(super) fn not_a_number(key: &str, found: ValueKind) -> StatsError {
    StatsError::NotANumber {
        key: key.into(),
        found,
    }
}
