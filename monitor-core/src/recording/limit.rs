//! The limit of a method's calls: permits, and the types the attribute's limit may have.
//!
//! The permits of a method are a semaphore and a limit beside it. The limit may change while permits are in use: those
//! stay in use, and the excess is removed as permits come back. A call with a limit of its own sets the method's, from
//! where on the configuration no longer does; where the limit is that already, it costs a look at an atomic.

use std::num::NonZeroUsize;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::base::sync::{AtomicUsize, Mutex, Relaxed, lock};
use crate::recording::method::MethodCore;

/// Permits of one method, the original's workers.
///
/// A call that waits for a permit has started: it is in flight, and the wait is part of its duration. Waiting works on
/// any runtime.
///
/// # Examples
///
/// ```
/// use monitor_core::{Monitor, StorageConfig};
///
/// let mut config = StorageConfig::default();
/// config.max_workers = 1;
/// let monitor = Monitor::new(config);
/// let method = monitor.method("Resize")?;
/// let first = method.permits().try_acquire();
/// assert!(first.is_some());
/// assert!(method.permits().try_acquire().is_none());
/// # Ok::<(), monitor_core::MethodError>(())
/// ```
#[doc(alias = "max_workers")]
#[derive(Debug)]
pub struct Permits {
    semaphore: Semaphore,
    total: Mutex<Total>,
    /// The limit a call set, or [`CONFIGURED`]. Written under the lock of `total`, so that the two never disagree; a
    /// look without it may be late, and the next call looks again.
    by_call: AtomicUsize,
}

/// No call set a limit. A call with this very limit gets one less: both are more than the semaphore can hold.
const CONFIGURED: usize = usize::MAX;

#[derive(Debug)]
struct Total {
    /// How many there are to be.
    permits: usize,
    /// How many too many are in use since the limit was lowered: those are not given back.
    excess: usize,
}

/// The right to run; given back when dropped.
#[derive(Debug)]
#[must_use = "a permit that is dropped at once permits nothing"]
pub struct Permit<'a> {
    held: Option<SemaphorePermit<'a>>,
    of: &'a Permits,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if let Some(held) = self.held.take()
            && self.of.takes_back_one()
        {
            held.forget();
        }
    }
}

impl Permits {
    pub(crate) fn new(limit: usize) -> Self {
        let permits = capacity(limit);
        Self {
            semaphore: Semaphore::new(permits),
            total: Mutex::new(Total { permits, excess: 0 }),
            by_call: AtomicUsize::new(CONFIGURED),
        }
    }

    /// Changes the number of permits. Permits in use stay in use: a lower limit holds once enough of them are given
    /// back.
    fn change(&self, state: &mut Total, limit: usize) {
        let permits = capacity(limit);
        if let Some(more) = permits.checked_sub(state.permits) {
            let pardoned = more.min(state.excess);
            state.excess -= pardoned;
            self.semaphore.add_permits(more - pardoned);
        } else {
            let fewer = state.permits - permits;
            state.excess += fewer - self.semaphore.forget_permits(fewer);
        }
        state.permits = permits;
    }

    /// Whether a permit that comes back is one too many.
    fn takes_back_one(&self) -> bool {
        let mut state = lock(&self.total);
        let is_excess = state.excess > 0;
        state.excess -= usize::from(is_excess);
        is_excess
    }

    /// Changes the limit by a call, from where on the configuration no longer does; costs a look where nothing changes.
    pub(crate) fn ensure_limit(&self, limit: usize) {
        let limit = limit.min(CONFIGURED - 1);
        if self.by_call.load(Relaxed) != limit {
            let mut state = lock(&self.total);
            self.by_call.store(limit, Relaxed);
            self.change(&mut state, limit);
        }
    }

    /// Changes the limit by the configuration.
    pub(crate) fn configure(&self, limit: usize) {
        let mut state = lock(&self.total);
        if self.by_call.load(Relaxed) == CONFIGURED {
            self.change(&mut state, limit);
        }
    }

    /// The limit in force, where `configured` is that of the configuration; 0 is none. It takes no lock.
    pub(crate) fn limit(&self, configured: usize) -> usize {
        match self.by_call.load(Relaxed) {
            CONFIGURED => configured,
            by_call => by_call,
        }
    }

    /// Waits for a permit; first come, first served.
    pub async fn acquire(&self) -> Permit<'_> {
        // The semaphore is never closed, so waiting cannot fail.
        let held = self.semaphore.acquire().await.ok();
        Permit { held, of: self }
    }

    /// A permit, if one is free.
    pub fn try_acquire(&self) -> Option<Permit<'_>> {
        let held = Some(self.semaphore.try_acquire().ok()?);
        Some(Permit { held, of: self })
    }

    /// Permits that are free.
    pub fn available(&self) -> usize {
        self.semaphore.available_permits()
    }
}

/// 0 is no limit: half of the semaphore's maximum, so that a permit that comes back can never exceed that.
fn capacity(limit: usize) -> usize {
    const UNLIMITED: usize = Semaphore::MAX_PERMITS / 2;
    match limit {
        0 => UNLIMITED,
        limit => limit.min(UNLIMITED),
    }
}

/// Counts a call as waiting for a permit, also where it is dropped meanwhile.
pub(crate) struct PermitWait(&'static MethodCore);

impl PermitWait {
    pub(crate) fn new(method: &'static MethodCore) -> Self {
        method.waiting.fetch_add(1, Relaxed);
        Self(method)
    }
}

impl Drop for PermitWait {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Relaxed);
    }
}

/// The attribute's limit: this many calls at once; 0 is no limit, and a number below 0 is 1.
#[inline]
pub fn limit(calls: &impl Calls) -> Option<usize> {
    Some(calls.calls())
}

/// A number of calls: any integer, or a reference to one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no number of calls",
    label = "expected an integer, or `workers`"
)]
pub trait Calls {
    /// The number.
    fn calls(&self) -> usize;
}

macro_rules! numbers_of_calls {
    ($($integer:ty)*) => {$(
        impl Calls for $integer {
            #[inline]
            fn calls(&self) -> usize {
                // A number that is too large is no limit in all but name; one below zero lets one call at a time pass.
                #[allow(unused_comparisons, reason = "for all integers alike")]
                usize::try_from(*self).unwrap_or(if *self < 0 { 1 } else { usize::MAX })
            }
        }
    )*};
}

numbers_of_calls!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize);

impl<T: Calls + ?Sized> Calls for &T {
    #[inline]
    fn calls(&self) -> usize {
        (**self).calls()
    }
}

impl Calls for NonZeroUsize {
    #[inline]
    fn calls(&self) -> usize {
        self.get()
    }
}

#[cfg(all(test, not(monitor_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_limit_lowered_while_permits_are_in_use_holds_once_they_are_back() {
        let permits = Permits::new(4);
        let held: Vec<_> = (0..4).filter_map(|_| permits.try_acquire()).collect();
        permits.configure(1);
        assert!(permits.try_acquire().is_none());
        drop(held);
        assert_eq!(permits.available(), 1);
        permits.configure(3);
        assert_eq!(permits.available(), 3);
    }

    #[test]
    fn a_limit_may_go_to_none_and_back_while_permits_are_in_use() {
        let permits = Permits::new(2);
        let held: Vec<_> = (0..2).filter_map(|_| permits.try_acquire()).collect();
        for limit in [1, 0, 5, 0, 2] {
            permits.configure(limit);
        }
        assert_eq!(permits.available(), 0);
        drop(held);
        assert_eq!(permits.available(), 2);
    }

    #[test]
    fn as_many_as_a_number_can_say_is_no_limit() {
        let permits = Permits::new(1);
        permits.ensure_limit(usize::MAX);
        assert_eq!(permits.available(), capacity(0));
        // Set by a call, so the configuration no longer changes it.
        permits.configure(1);
        assert_eq!(permits.available(), capacity(0));
    }
}

#[cfg(all(test, monitor_loom))]
mod models {
    use super::*;
    use crate::base::sync::leak;

    #[test]
    fn calls_with_different_limits_leave_the_limit_of_the_last() {
        loom::model(|| {
            let permits: &'static Permits = leak(Permits::new(1));
            let other = loom::thread::spawn(|| permits.ensure_limit(2));
            permits.ensure_limit(3);
            let _ = other.join();
            let set = permits.by_call.load(Relaxed);
            assert_eq!(permits.available(), set);
        });
    }

    #[test]
    fn a_limit_of_a_call_outlasts_a_configuration_beside_it() {
        loom::model(|| {
            let permits: &'static Permits = leak(Permits::new(1));
            let other = loom::thread::spawn(|| permits.configure(2));
            permits.ensure_limit(3);
            let _ = other.join();
            assert_eq!(permits.available(), 3);
        });
    }
}
