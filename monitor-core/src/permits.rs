//! Permits of a method: how many of its calls may run at once.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

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
    limit: AtomicUsize,
}

/// The right to run; given back when dropped.
#[derive(Debug)]
#[must_use = "a permit that is dropped at once permits nothing"]
pub struct Permit<'a> {
    _held: Option<SemaphorePermit<'a>>,
}

impl Permits {
    pub(crate) fn new(limit: usize) -> Self {
        let limit = capacity(limit);
        Self {
            semaphore: Semaphore::new(limit),
            limit: AtomicUsize::new(limit),
        }
    }

    /// Changes how many there are; those in use stay in use.
    pub(crate) fn set_limit(&self, limit: usize) {
        let limit = capacity(limit);
        let before = self.limit.swap(limit, Ordering::Relaxed);
        if limit > before {
            self.semaphore.add_permits(limit - before);
        } else {
            self.semaphore.forget_permits(before - limit);
        }
    }

    /// Waits for a permit; first come, first served.
    pub async fn acquire(&self) -> Permit<'_> {
        // The semaphore is never closed, so waiting cannot fail.
        Permit {
            _held: self.semaphore.acquire().await.ok(),
        }
    }

    /// A permit, if one is free.
    pub fn try_acquire(&self) -> Option<Permit<'_>> {
        let held = self.semaphore.try_acquire().ok()?;
        Some(Permit { _held: Some(held) })
    }

    /// Permits that are free.
    pub fn available(&self) -> usize {
        self.semaphore.available_permits()
    }
}

/// 0 is no limit.
fn capacity(limit: usize) -> usize {
    match limit {
        0 => Semaphore::MAX_PERMITS,
        limit => limit.min(Semaphore::MAX_PERMITS),
    }
}
