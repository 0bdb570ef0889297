//! The pulse a service gives, so that liveness says something of its own threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A handle to say that the service's own threads go on: [`pulse`](Self::pulse) from the loop whose end would be the
/// service's.
///
/// `/livez` is answered on the monitor server's own thread, so without a pulse it only says that the process is there. Once the
/// first pulse was given, and where `heartbeat_timeout` is set, it is 503 while the newest pulse is older than that. What
/// pulses must do so when there is nothing to do, too: an idle service is alive.
///
/// Clones are the same heartbeat; it is fresh if any of them pulses.
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
    pulse: Arc<Pulse>,
}

#[derive(Debug)]
struct Pulse {
    begin: Instant,
    /// Nanoseconds from `begin` to the newest pulse, plus 1; 0 before the first. `Relaxed`: it publishes nothing.
    newest: AtomicU64,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self {
            pulse: Arc::new(Pulse {
                begin: Instant::now(),
                newest: AtomicU64::new(0),
            }),
        }
    }
}

impl Heartbeat {
    /// The service goes on. Costs reading the clock and one store; works on any thread.
    pub fn pulse(&self) {
        self.pulse
            .newest
            .store(self.now().saturating_add(1), Ordering::Relaxed);
    }

    /// How long ago the newest pulse was; `None` before the first.
    pub fn age(&self) -> Option<Duration> {
        let newest = self.pulse.newest.load(Ordering::Relaxed).checked_sub(1)?;
        Some(Duration::from_nanos(self.now().saturating_sub(newest)))
    }

    /// 584 years is the most there is.
    fn now(&self) -> u64 {
        u64::try_from(self.pulse.begin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}
