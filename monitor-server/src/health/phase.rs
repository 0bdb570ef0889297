//! Where the service is in its life: starting, running, draining, and whether it has time for that.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::Readiness;

/// Where the service is in its life. `Relaxed`: each flag stands for itself and publishes nothing.
#[derive(Debug)]
pub(crate) struct Phase {
    started: AtomicBool,
    /// Since when it drains.
    draining: OnceLock<Instant>,
    hurried: AtomicBool,
}

impl Phase {
    /// Started from the beginning, unless the service says when it has.
    pub(crate) fn new(wait_for_started: bool) -> Self {
        Self {
            started: AtomicBool::new(!wait_for_started),
            draining: OnceLock::new(),
            hurried: AtomicBool::new(false),
        }
    }

    pub(crate) fn set_started(&self) {
        self.started.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_started(&self) -> bool {
        self.started.load(Ordering::Relaxed)
    }

    /// The first time counts.
    pub(crate) fn set_draining(&self, now: Instant) {
        let _ = self.draining.set(now);
    }

    /// How long it drains already.
    pub(crate) fn draining_for(&self) -> Option<Duration> {
        self.draining.get().map(Instant::elapsed)
    }

    /// It was told to end again: nothing is waited for any more.
    pub(crate) fn set_hurried(&self) {
        self.hurried.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_hurried(&self) -> bool {
        self.hurried.load(Ordering::Relaxed)
    }

    /// Readiness as far as it follows from this alone.
    pub(crate) fn readiness(&self) -> Readiness {
        if self.draining.get().is_some() {
            Readiness::Draining
        } else if self.has_started() {
            Readiness::Ready
        } else {
            Readiness::Starting
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_waits_for_the_start_only_where_told_and_ends_with_a_drain() {
        assert_eq!(Phase::new(false).readiness(), Readiness::Ready);
        let waiting = Phase::new(true);
        assert_eq!(waiting.readiness(), Readiness::Starting);
        waiting.set_started();
        assert_eq!(waiting.readiness(), Readiness::Ready);
        assert_eq!(waiting.draining_for(), None);
        let earlier = Instant::now()
            .checked_sub(Duration::from_secs(1))
            .expect("the machine runs for a second");
        waiting.set_draining(earlier);
        waiting.set_draining(Instant::now());
        assert_eq!(waiting.readiness(), Readiness::Draining);
        assert!(waiting.draining_for() >= Some(Duration::from_secs(1)));
        assert!(waiting.has_started());
    }
}
