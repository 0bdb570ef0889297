//! Where a service is in its life, and its health as probes and watchers see it.
//!
//! Three facts come from the service itself: that it has started ([`Lifecycle::set_started`]), that it takes no more
//! requests ([`Lifecycle::set_draining`]), and that its own threads go on ([`Heartbeat::pulse`]). Each is one atomic, or
//! a watch channel that is set at most once; none publishes anything else, so all orderings are `Relaxed`, and a reader
//! sees a fact a moment late at worst. [`HealthState`] is the state that a watcher receives: everything that changes with
//! events, without ages, so that two states are equal where nothing has happened.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use monitor_core::HealthStatus;
use tokio::sync::watch;

use crate::runtime::signals::Signal;

/// Start and drain of one service, and whether a second signal came.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    started: AtomicBool,
    draining: watch::Sender<Option<Drain>>,
    hurried: AtomicBool,
}

/// A drain that has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Drain {
    began: Instant,
    /// The signal that began it, where it was one.
    pub(crate) signal: Option<Signal>,
    /// When calls are waited for no longer, where that is known.
    pub(crate) limit: Option<Instant>,
}

impl Lifecycle {
    /// Started from the beginning, unless the service reports its start.
    pub(crate) fn new(wait_for_started: bool) -> Self {
        Self {
            started: AtomicBool::new(!wait_for_started),
            draining: watch::Sender::new(None),
            hurried: AtomicBool::new(false),
        }
    }

    pub(crate) fn set_started(&self) {
        self.started.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_started(&self) -> bool {
        self.started.load(Ordering::Relaxed)
    }

    /// The first time counts: true for that.
    pub(crate) fn set_draining(&self, now: Instant, signal: Option<Signal>) -> bool {
        self.draining.send_if_modified(|drain| {
            let is_first = drain.is_none();
            drain.get_or_insert(Drain {
                began: now,
                signal,
                limit: None,
            });
            is_first
        })
    }

    /// Says when the drain waits for calls no longer.
    pub(crate) fn set_drain_limit(&self, limit: Option<Instant>) {
        self.draining.send_if_modified(|drain| {
            if let Some(drain) = drain {
                drain.limit = limit;
            }
            false
        });
    }

    /// The drain that has begun.
    pub(crate) fn drain(&self) -> Option<Drain> {
        *self.draining.borrow()
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.drain().is_some()
    }

    /// Waits for the beginning of the drain, on any executor.
    pub(crate) fn wait_for_drain(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut draining = self.draining.subscribe();
        async move {
            // An error: the service's health is gone, and no drain can begin.
            if draining.wait_for(Option::is_some).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// The rest of a pause that begins with the drain, or now where there is none; zero once a second signal came.
    pub(crate) fn pause_left(&self, pause: Duration) -> Duration {
        if self.is_hurried() {
            return Duration::ZERO;
        }
        let passed = self.drain().map(|drain| drain.began.elapsed());
        pause.saturating_sub(passed.unwrap_or_default())
    }

    /// A second signal came: no pause and no task is waited for any more.
    pub(crate) fn set_hurried(&self) {
        self.hurried.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_hurried(&self) -> bool {
        self.hurried.load(Ordering::Relaxed)
    }

    /// Readiness as far as it follows from start and drain alone.
    pub(crate) fn readiness(&self) -> Readiness {
        if self.is_draining() {
            Readiness::Draining
        } else if self.has_started() {
            Readiness::Ready
        } else {
            Readiness::Starting
        }
    }
}

/// Whether the service takes requests: the answer of `/readyz`, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Readiness {
    /// It does.
    Ready,
    /// Not yet: [`started`](crate::MonitorServer::started) was not called where that is waited for, or a marked check
    /// has no result yet.
    Starting,
    /// A marked check or task type is unhealthy.
    Unhealthy,
    /// No more: a drain has begun.
    Draining,
    /// The monitor server has stopped.
    Stopped,
}

impl Readiness {
    /// True if it takes requests.
    pub const fn is_ready(self) -> bool {
        matches!(self, Self::Ready)
    }

    /// The body of `/readyz`.
    ///
    /// ```
    /// assert_eq!(monitor_server::Readiness::Draining.word(), "draining");
    /// ```
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Starting => "starting",
            Self::Unhealthy => "unhealthy",
            Self::Draining => "draining",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The health of the service, as far as it changes with events and not with time alone: the state that
/// [`MonitorServer::watch_health`](crate::MonitorServer::watch_health) sends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HealthState {
    /// Whether `/livez` is 200.
    pub live: bool,
    /// The answer of `/readyz`.
    pub readiness: Readiness,
    /// The status of `/health`: `DOWN` while any task type or check is unhealthy.
    pub status: HealthStatus,
    /// Each task type and check, by name; of a task type and a check of one name the task type is `task:<name>`.
    pub components: BTreeMap<Arc<str>, HealthStatus>,
    /// Each group, by name; `liveness` and `readiness` are always there.
    pub groups: BTreeMap<Arc<str>, HealthStatus>,
}

impl HealthState {
    /// The state after shutdown: health is unknown, and no traffic is wanted.
    pub(crate) fn stop(&mut self) {
        self.live = false;
        self.readiness = Readiness::Stopped;
        self.status = HealthStatus::Unknown;
        let known = self.components.values_mut().chain(self.groups.values_mut());
        known.for_each(|status| *status = HealthStatus::Unknown);
    }
}

/// A handle by which the service reports that its own threads go on: [`pulse`](Self::pulse) from the loop whose end
/// would be the service's.
///
/// `/livez` is answered on the monitor server's own thread, so without a pulse it only shows that the process is there.
/// Once the first pulse was given, and where `heartbeat_timeout` is set, it is 503 while the newest pulse is older than
/// that. The loop must pulse while there is nothing to do, too: an idle service is alive.
///
/// Clones are the same heartbeat: it is fresh if any of them pulses.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use monitor_server::MonitorConfig;
///
/// let config = MonitorConfig::default()
///     .listen([127, 0, 0, 1])
///     .port(0)
///     .heartbeat_timeout(Duration::from_secs(30));
/// let server = monitor_server::run(config)?;
/// let heartbeat = server.heartbeat();
/// heartbeat.pulse();
/// assert!(heartbeat.age().is_some_and(|age| age < Duration::from_secs(30)));
/// server.shutdown();
/// # Ok::<(), monitor_server::RunError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Heartbeat {
    begin: Instant,
    /// Nanoseconds from `begin` to the newest pulse, plus 1; 0 before the first.
    newest: Arc<AtomicU64>,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self {
            begin: Instant::now(),
            newest: Arc::default(),
        }
    }
}

impl Heartbeat {
    /// Reports that the service goes on. Costs reading the clock and one store; works on any thread.
    pub fn pulse(&self) {
        let now = self.now().saturating_add(1);
        self.newest.store(now, Ordering::Relaxed);
    }

    /// How long ago the newest pulse was; `None` before the first.
    pub fn age(&self) -> Option<Duration> {
        let newest = self.newest.load(Ordering::Relaxed).checked_sub(1)?;
        Some(Duration::from_nanos(self.now().saturating_sub(newest)))
    }

    /// 584 years is the most there is.
    fn now(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_waits_for_the_start_only_where_told_and_ends_with_a_drain() {
        assert_eq!(Lifecycle::new(false).readiness(), Readiness::Ready);
        let waiting = Lifecycle::new(true);
        assert_eq!(waiting.readiness(), Readiness::Starting);
        waiting.set_started();
        assert_eq!(waiting.readiness(), Readiness::Ready);
        let pause = Duration::from_mins(1);
        assert_eq!(waiting.pause_left(pause), pause);
        let earlier = Instant::now()
            .checked_sub(Duration::from_secs(1))
            .expect("the machine runs for a second");
        assert!(!waiting.is_draining());
        waiting.set_drain_limit(Some(earlier));
        assert_eq!(waiting.drain(), None);
        assert!(waiting.set_draining(earlier, Some(Signal::Terminate)));
        assert!(!waiting.set_draining(Instant::now(), None));
        waiting.set_drain_limit(Some(earlier + pause));
        let drain = Drain {
            began: earlier,
            signal: Some(Signal::Terminate),
            limit: Some(earlier + pause),
        };
        assert_eq!(waiting.drain(), Some(drain));
        assert!(waiting.is_draining());
        assert_eq!(waiting.readiness(), Readiness::Draining);
        assert!(waiting.pause_left(pause) <= Duration::from_secs(59));
        assert!(waiting.has_started());
        waiting.set_hurried();
        assert_eq!(waiting.pause_left(pause), Duration::ZERO);
    }
}
