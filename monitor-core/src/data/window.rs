//! Calls of the last window by method, in slots of 2 s, and the methods that fail too often in it.
//!
//! A [`CallHistory`] is plain data: its owner counts the calls of each method from time to time and adds them, and all
//! here is a pure function of that. A slot holds the calls of one method between two counts. It is sparse: a method
//! without a call in the slot has none, and one without calls in its window has nothing but its last counts. It is
//! bounded: a method keeps the slots of its window alone, of which [`MAX_WINDOW`] is the longest.
//!
//! Counts are due every [`SLOT`]. Where nothing asks for longer than that, the next slot is as long; it stays the
//! newest one even if it is longer than the window, and a [`FailureShare`] says which time it is about.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

pub use crate::data::slot::SLOT;

/// The longest window: 300 slots, some 20 KB for a method that is called all the time.
pub const MAX_WINDOW: Duration = Duration::from_secs(600);

/// The share of failed calls from which on a method is unhealthy.
///
/// # Definition
///
/// `share = failures / calls`, over the calls of the method, with all its label sets, that ended in the window.
/// Expected failures are calls, and no failures; cancelled ones are neither, unless [`cancelled`](Self::cancelled) is
/// on. A method is unhealthy while `calls >= at_least` and the share is at or above [`share`](Self::share).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use monitor_core::{Clock, Monitor, Outcome, StorageConfig};
///
/// let (clock, hand) = Clock::manual(0.0);
/// let monitor = Monitor::with_clock(StorageConfig::default(), clock);
/// let load = monitor.method("Load")?;
/// for _ in 0..5 {
///     load.start().finish(Outcome::ErrorType("other"));
///     load.start().finish(Outcome::Success);
/// }
/// hand.advance(Duration::from_secs(2));
/// let health = monitor.health();
/// assert!(!health.healthy);
/// let reason = "task type `Load`: 50 % of 10 calls failed in 2 s, unhealthy from 50 %, for 0 s";
/// assert_eq!(health.reasons(), [reason]);
///
/// hand.advance(Duration::from_secs(32));
/// assert!(monitor.health().healthy);
/// # Ok::<(), monitor_core::MethodError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct ShareRule {
    /// From 0 to 1. Default 0.5. With 0, or more than 1, no share is unhealthy; so with NaN.
    pub share: f64,
    /// How far back calls are looked at, from [`SLOT`] to [`MAX_WINDOW`]; a shorter or longer one is taken as that.
    /// Default 30 s.
    pub window: Duration,
    /// Fewer calls than this in the window give no verdict. Default 10; 0 is as 1.
    pub at_least: u64,
    /// Whether cancelled calls count as failures: futures that were dropped, by a time limit or as the client left.
    /// Default off.
    pub cancelled: bool,
}

impl Default for ShareRule {
    fn default() -> Self {
        Self {
            share: 0.5,
            window: Duration::from_secs(30),
            at_least: 10,
            cancelled: false,
        }
    }
}

impl ShareRule {
    /// A rule by which no share is unhealthy.
    pub fn never() -> Self {
        Self {
            share: 0.0,
            ..Self::default()
        }
    }

    /// The rule with the parts of another that are given there.
    #[must_use]
    pub fn with(self, parts: &ShareParts) -> Self {
        Self {
            share: parts.share.unwrap_or(self.share),
            window: parts.window.unwrap_or(self.window),
            at_least: parts.at_least.unwrap_or(self.at_least),
            cancelled: parts.cancelled.unwrap_or(self.cancelled),
        }
    }

    /// The verdict on the calls of a window; `None` where they are too few, or fail seldom enough.
    fn failing(&self, counts: CallCounts) -> Option<[u64; 2]> {
        let cancelled = if self.cancelled { counts.cancelled } else { 0 };
        let failures = counts.failures + cancelled;
        let calls = counts.successes + counts.expected + failures;
        #[expect(clippy::cast_precision_loss, reason = "a share is a double")]
        let share = failures as f64 / calls as f64;
        let is_failing = self.share > 0.0 && calls >= self.at_least.max(1) && share >= self.share;
        is_failing.then_some([failures, calls])
    }
}

/// Some parts of a [`ShareRule`], for one method; the rule of all methods gives the rest.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct ShareParts {
    /// [`ShareRule::share`], if given.
    pub share: Option<f64>,
    /// [`ShareRule::window`], if given.
    pub window: Option<Duration>,
    /// [`ShareRule::at_least`], if given.
    pub at_least: Option<u64>,
    /// [`ShareRule::cancelled`], if given.
    pub cancelled: Option<bool>,
}

impl ShareParts {
    /// None of them.
    pub const NONE: Self = Self {
        share: None,
        window: None,
        at_least: None,
        cancelled: None,
    };

    /// With this share.
    #[must_use]
    pub const fn share(mut self, share: f64) -> Self {
        self.share = Some(share);
        self
    }

    /// With this window.
    #[must_use]
    pub const fn window(mut self, window: Duration) -> Self {
        self.window = Some(window);
        self
    }

    /// With this least number of calls.
    #[must_use]
    pub const fn at_least(mut self, calls: u64) -> Self {
        self.at_least = Some(calls);
        self
    }

    /// With cancelled calls as failures, or without.
    #[must_use]
    pub const fn cancelled(mut self, count: bool) -> Self {
        self.cancelled = Some(count);
        self
    }
}

/// Why a method is unhealthy by its [`ShareRule`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FailureShare {
    /// The method.
    pub method: Arc<str>,
    /// Its calls that ended in the window: successes, and the failures that count or are expected.
    pub calls: u64,
    /// Those of them that count as failures.
    pub failures: u64,
    /// Its cancelled calls in the window, whether they count as failures or not.
    pub cancelled: u64,
    /// The share that is unhealthy.
    pub limit: f64,
    /// The time that the calls are of: up to the rule's window, but as long as nothing asked for health if that is
    /// longer.
    pub window: Duration,
    /// How long it has been unhealthy.
    pub since: Duration,
}

impl FailureShare {
    /// Failures among the calls, from 0 to 1.
    pub fn share(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a share is a double")]
        let share = self.failures as f64 / self.calls as f64;
        share
    }
}

/// Calls of one method: all so far, or those of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct CallCounts {
    pub(crate) successes: u64,
    /// Failures that are neither expected nor cancelled.
    pub(crate) failures: u64,
    pub(crate) expected: u64,
    pub(crate) cancelled: u64,
}

impl CallCounts {
    fn map2(self, other: Self, one: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            successes: one(self.successes, other.successes),
            failures: one(self.failures, other.failures),
            expected: one(self.expected, other.expected),
            cancelled: one(self.cancelled, other.cancelled),
        }
    }

    pub(crate) fn plus(self, more: Self) -> Self {
        self.map2(more, u64::saturating_add)
    }

    fn minus(self, less: Self) -> Self {
        self.map2(less, u64::saturating_sub)
    }
}

/// The calls of one method between two counts.
#[derive(Debug)]
struct CallSlot {
    /// When the count before it was taken.
    begin: Duration,
    counts: CallCounts,
}

/// The calls of one method.
#[derive(Debug, Default)]
struct MethodWindow {
    /// All so far, as of the last count.
    so_far: CallCounts,
    /// The oldest first.
    slots: VecDeque<CallSlot>,
    /// The slots added up.
    sum: CallCounts,
    /// When it became unhealthy, if it is.
    unhealthy_since: Option<Duration>,
}

impl MethodWindow {
    /// Adds a slot, and removes those that are past the window.
    fn add(&mut self, begin: Duration, oldest: Duration, so_far: CallCounts) {
        // Calls that end while they are counted may be missing for a moment.
        let so_far = so_far.map2(self.so_far, u64::max);
        let counts = so_far.minus(self.so_far);
        self.so_far = so_far;
        while let Some(slot) = self.slots.front().filter(|slot| slot.begin < oldest) {
            self.sum = self.sum.minus(slot.counts);
            self.slots.pop_front();
        }
        if counts != CallCounts::default() {
            self.sum = self.sum.plus(counts);
            self.slots.push_back(CallSlot { begin, counts });
        }
    }
}

/// The calls of the last window of all methods. All times are from one moment.
#[derive(Debug, Default)]
pub(crate) struct CallHistory {
    /// When the last count was taken.
    counted: Duration,
    /// By the method's number.
    methods: HashMap<u32, MethodWindow>,
    /// The methods that are unhealthy as of the last count: the task type, the share, and since when.
    unhealthy: Vec<(Arc<str>, FailureShare, Duration)>,
}

impl CallHistory {
    /// True if the time for the next count has come.
    pub(crate) fn is_due(&self, now: Duration) -> bool {
        now.saturating_sub(self.counted) >= SLOT
    }

    /// Begins a count of all methods.
    pub(crate) fn begin(&mut self, now: Duration) -> Count<'_> {
        self.unhealthy.clear();
        let begin = std::mem::replace(&mut self.counted, now);
        Count {
            history: self,
            begin,
            now,
        }
    }

    /// The task types with a method that is unhealthy as of the last count.
    pub(crate) fn unhealthy(&self, now: Duration) -> Vec<(Arc<str>, FailureShare)> {
        let unhealthy = self.unhealthy.iter().map(|(task, share, since)| {
            let since = now.saturating_sub(*since);
            (
                Arc::clone(task),
                FailureShare {
                    since,
                    ..share.clone()
                },
            )
        });
        unhealthy.collect()
    }
}

/// A count of all methods.
pub(crate) struct Count<'h> {
    history: &'h mut CallHistory,
    /// When the one before was taken.
    begin: Duration,
    now: Duration,
}

impl Count<'_> {
    /// Adds all calls of a method so far, and judges those of its window. The names of its task type and its own are
    /// asked for only where it is unhealthy.
    pub(crate) fn add(
        &mut self,
        number: u32,
        so_far: CallCounts,
        rule: &ShareRule,
        names: impl FnOnce() -> [Arc<str>; 2],
    ) {
        let window = self.history.methods.entry(number).or_default();
        let length = rule.window.clamp(SLOT, MAX_WINDOW);
        window.add(self.begin, self.now.saturating_sub(length), so_far);
        let Some([failures, calls]) = rule.failing(window.sum) else {
            window.unhealthy_since = None;
            return;
        };
        let since = *window.unhealthy_since.get_or_insert(self.now);
        let oldest = window.slots.front().map_or(self.begin, |slot| slot.begin);
        let [task, method] = names();
        let share = FailureShare {
            method,
            calls,
            failures,
            cancelled: window.sum.cancelled,
            limit: rule.share,
            window: self.now.saturating_sub(oldest),
            since: Duration::ZERO,
        };
        self.history.unhealthy.push((task, share, since));
    }
}

#[cfg(test)]
mod tests;
