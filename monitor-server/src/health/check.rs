//! What a named check is told, and how its last result is judged.

use std::sync::Arc;
use std::time::Duration;

use monitor_core::HealthStatus;

use super::Probe;

/// How often a named check runs, how long a run may take, and whether it counts for readiness.
///
/// See [`MonitorConfig::check`](crate::MonitorConfig::check).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use monitor_server::Check;
///
/// let check = Check::every(Duration::from_secs(15)).timeout(Duration::from_secs(2)).ready();
/// assert_ne!(check, Check::default());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    pub(crate) counts_for_readiness: bool,
}

/// The interval where nothing is said: as often as Kubernetes probes.
const INTERVAL: Duration = Duration::from_secs(10);

/// The time limit where nothing is said.
const TIMEOUT: Duration = Duration::from_secs(5);

impl Default for Check {
    /// Every 10 s, with a limit of 5 s, for `/health` alone.
    fn default() -> Self {
        Self::every(INTERVAL)
    }
}

impl Check {
    /// Runs at once when the server starts, and then this long after each beginning; a run that takes longer is followed by
    /// the next at once. Zero is refused when the settings are applied.
    pub fn every(interval: Duration) -> Self {
        Self {
            interval,
            timeout: TIMEOUT,
            counts_for_readiness: false,
        }
    }

    /// How long a run may take. Default 5 s; zero is refused when the settings are applied. What has not ended then is a
    /// failure: an async check is dropped, a blocking one is left alone and runs again only once it has returned.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Marks it, so that it counts for readiness: `/readyz` is 503 while its last result is a failure, is late, or is not
    /// there yet. The configuration's `readiness` does the same by name.
    #[must_use]
    pub fn ready(mut self) -> Self {
        self.counts_for_readiness = true;
        self
    }

    /// Whether a result of this age says nothing any more.
    pub(crate) fn is_late(&self, age: Duration) -> bool {
        age > self.interval.saturating_add(self.timeout)
    }

    /// The verdict on a result of this age; `Err` with the age of the check itself where there is none yet.
    pub(crate) fn judge(
        &self,
        last: Result<(&CheckResult, Duration), Duration>,
    ) -> (HealthStatus, Option<Arc<str>>) {
        let (status, age, output) = match last {
            Ok((Ok(()), age)) => (HealthStatus::Up, age, None),
            Ok((Err(output), age)) => (HealthStatus::Down, age, Some(Arc::clone(output))),
            Err(age) => (HealthStatus::Unknown, age, None),
        };
        if status == HealthStatus::Down || !self.is_late(age) {
            return (status, output);
        }
        let late = format!("late: no result for {:.1} s", age.as_secs_f64());
        (HealthStatus::Down, Some(late.into()))
    }
}

/// What a run gave; a failure's text.
pub(crate) type CheckResult = Result<(), Arc<str>>;

/// A check as it is registered.
#[derive(Debug, Clone)]
pub(crate) struct Registered {
    pub(crate) name: Arc<str>,
    pub(crate) check: Check,
    pub(crate) probe: Probe,
}

/// How a check is at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CheckReport {
    pub(crate) name: Arc<str>,
    pub(crate) check: Check,
    /// `UNKNOWN` before the first result.
    pub(crate) status: HealthStatus,
    /// Of the last result; `None` before the first.
    pub(crate) age: Option<Duration>,
    /// Why it is down.
    pub(crate) output: Option<Arc<str>>,
}

impl CheckReport {
    /// Why it is unhealthy, where it is.
    pub(crate) fn reason(&self) -> Option<String> {
        if self.status != HealthStatus::Down {
            return None;
        }
        let output = self.output.as_deref().unwrap_or("failed");
        Some(format!("check `{}`: {output}", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_result_counts_until_it_is_late_and_a_failure_stays_one() {
        let check = Check::every(SECOND * 10).timeout(SECOND * 2);
        let failed: CheckResult = Err("refused".into());
        let status = |last| check.judge(last).0;
        assert_eq!(status(Ok((&Ok(()), SECOND * 12))), HealthStatus::Up);
        assert_eq!(status(Err(SECOND * 12)), HealthStatus::Unknown);
        for age in [SECOND, SECOND * 12, SECOND * 1000] {
            let (status, output) = check.judge(Ok((&failed, age)));
            assert_eq!(
                (status, output.as_deref()),
                (HealthStatus::Down, Some("refused"))
            );
        }
        let just_late = Duration::from_millis(12_001);
        for last in [Ok((&Ok(()), just_late)), Err(just_late)] {
            let (status, output) = check.judge(last);
            let late = Some("late: no result for 12.0 s");
            assert_eq!((status, output.as_deref()), (HealthStatus::Down, late));
        }
    }

    #[test]
    fn the_longest_times_do_not_overflow() {
        let check = Check::every(Duration::MAX).timeout(Duration::MAX);
        let (status, _) = check.judge(Err(Duration::MAX));
        assert_eq!(status, HealthStatus::Unknown);
    }
}
