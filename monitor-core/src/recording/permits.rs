//! Permits of a method: how many of its calls may run at once.

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::base::sync::{AtomicUsize, Mutex, Ordering, lock};

/// Permits of one method, the original's workers.
///
/// A call that waits for one has started: it is in flight, and its waiting is part of its duration. Waiting needs no
/// particular runtime.
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
    limit: Mutex<Limit>,
    /// The limit a call set, or [`CONFIGURED`]. Written under the lock of `limit`, so that the two never disagree; a look
    /// without it may be late, and the next call looks again.
    by_call: AtomicUsize,
}

/// No call set a limit. A call that asks for as many is given one less: both are more than there can be.
const CONFIGURED: usize = usize::MAX;

#[derive(Debug)]
struct Limit {
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
            limit: Mutex::new(Limit { permits, excess: 0 }),
            by_call: AtomicUsize::new(CONFIGURED),
        }
    }

    /// Changes how many there are. Those in use stay in use: a lower limit holds once enough of them are given back.
    fn change(&self, state: &mut Limit, limit: usize) {
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

    /// Whether a permit that is given back is one too many.
    fn takes_back_one(&self) -> bool {
        let mut state = lock(&self.limit);
        let excess = state.excess > 0;
        if excess {
            state.excess -= 1;
        }
        excess
    }

    /// Changes the limit by a call, from where on the configuration no longer does; costs a look where nothing changes.
    pub(crate) fn ensure_limit(&self, limit: usize) {
        let limit = limit.min(CONFIGURED - 1);
        if self.by_call.load(Ordering::Relaxed) != limit {
            let mut state = lock(&self.limit);
            self.by_call.store(limit, Ordering::Relaxed);
            self.change(&mut state, limit);
        }
    }

    /// Changes the limit by the configuration.
    pub(crate) fn configure(&self, limit: usize) {
        let mut state = lock(&self.limit);
        if self.by_call.load(Ordering::Relaxed) == CONFIGURED {
            self.change(&mut state, limit);
        }
    }

    fn permit<'a>(&'a self, held: Option<SemaphorePermit<'a>>) -> Permit<'a> {
        Permit { held, of: self }
    }

    /// Waits for a permit; first come, first served.
    pub async fn acquire(&self) -> Permit<'_> {
        // The semaphore is never closed, so waiting cannot fail.
        self.permit(self.semaphore.acquire().await.ok())
    }

    /// A permit, if one is free.
    pub fn try_acquire(&self) -> Option<Permit<'_>> {
        let held = self.semaphore.try_acquire().ok()?;
        Some(self.permit(Some(held)))
    }

    /// Permits that are free.
    pub fn available(&self) -> usize {
        self.semaphore.available_permits()
    }
}

/// 0 is no limit: half of what the semaphore can count, so that none that comes back can be one too many for it.
fn capacity(limit: usize) -> usize {
    const UNLIMITED: usize = Semaphore::MAX_PERMITS / 2;
    match limit {
        0 => UNLIMITED,
        limit => limit.min(UNLIMITED),
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
        // Said by a call, so the configuration has no more to say.
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
            let set = permits.by_call.load(Ordering::Relaxed);
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
