use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use crate::data::value::{StatNumber, StatValue, ValueKind};

use super::entry::Entry;
use super::error::StatsError;
use super::families::{ChildRef, Families};
use super::held::Refused;
use super::zero;

/// A handle on the number under one key, which updates it without looking the key up.
///
/// It is the same number that `inc_stats` and `set_stats` see under the key. Where the key's family had no room for
/// another label set (`max_series`), the handle is one on the family's child labelled `overflow="true"`.
///
/// The key may be removed, by `remove_stats` or after the configuration's `idle_series`, while there are handles on it. An
/// update through a handle then brings it back, at 0 before the update. (If somebody else brought it back before, and more
/// than 4,096 other keys were gone by then, the handle looks the key up at each update from then on.)
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
    child: ChildRef<Entry>,
    home: Arc<Families<Entry, ()>>,
}

impl StatCounter {
    /// A handle on the number of a key, which is 0 if there is none yet; in a full family on that of all others.
    pub(super) fn try_new(home: &Arc<Families<Entry, ()>>, key: &str) -> Result<Self, StatsError> {
        // Adding nothing is what tells a number from the rest.
        let found = home.update(
            key,
            || (),
            |()| zero(),
            |child| {
                child.value.add(StatNumber::Int(0))?;
                Ok(Arc::clone(child))
            },
        );
        let child = found.map_err(|refused| not_a_number(key, refused))?;
        let home = Arc::clone(home);
        Ok(Self { child, home })
    }

    /// Adds 1. Without effect while the key holds no number.
    #[inline]
    pub fn inc(&self) {
        self.add(1);
    }

    /// Adds any number, negative ones too. Without effect while the key holds no number.
    #[inline]
    pub fn add(&self, by: impl Into<StatNumber>) {
        let by = by.into();
        if self.child.value.add(by) == Err(Refused::Gone) {
            self.again(|child| child.value.add(by));
        }
    }

    /// Replaces the number.
    pub fn set(&self, number: impl Into<StatNumber>) {
        let value = StatValue::from(number.into());
        if let Err(value) = self.child.value.set(value) {
            let value = Cell::new(value);
            self.again(|child| set(child, &value));
        }
    }

    /// The number; `None` while the key holds none.
    pub fn get(&self) -> Option<StatNumber> {
        if let Some(value) = self.child.value.exported() {
            return value.as_number();
        }
        let child = self.home.get(self.key())?;
        child.value.exported()?.as_number()
    }

    /// Runs an update after the key was removed.
    // Recording does not fail: what is refused now is refused because somebody else has set the key to something else.
    #[cold]
    fn again<R>(&self, update: impl Fn(&ChildRef<Entry>) -> Result<R, Refused>) {
        let _ = self
            .home
            .update_again(&self.child, || (), |()| zero(), update);
    }

    /// The key as written.
    pub fn key(&self) -> &str {
        &self.child.key.raw
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

/// Replaces a child's value; where it is gone, `value` keeps it for the next try.
pub(super) fn set(child: &ChildRef<Entry>, value: &Cell<StatValue>) -> Result<(), Refused> {
    let kept = child.value.set(value.replace(StatValue::Null));
    kept.map_err(|back| {
        value.set(back);
        Refused::Gone
    })
}

/// The error of an update that was refused; one that came too late is tried again and never gets here.
#[cold]
pub(super) fn not_a_number(key: &str, refused: Refused) -> StatsError {
    StatsError::NotANumber {
        key: key.into(),
        found: found(refused),
    }
}

/// What a key holds that refused an update.
pub(super) fn found(refused: Refused) -> ValueKind {
    match refused {
        Refused::Holds(kind) => kind,
        Refused::Gone => ValueKind::Null,
    }
}
