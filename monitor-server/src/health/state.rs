//! What those who watch the health are told.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use monitor_core::HealthStatus;

/// Whether the service wants requests: what `/readyz` says, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Readiness {
    /// It does.
    Ready,
    /// Not yet: [`started`](crate::MonitorServer::started) was not called where that is waited for, or a marked check has no
    /// result yet.
    Starting,
    /// A marked check or task type is unhealthy.
    Unhealthy,
    /// No more: a drain has begun.
    Draining,
    /// The monitor server has stopped.
    Stopped,
}

impl Readiness {
    /// Whether it wants requests.
    pub const fn is_ready(self) -> bool {
        matches!(self, Self::Ready)
    }

    /// The word that `/readyz` answers.
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

/// How the service is, as far as it changes with events and not with time alone: what
/// [`MonitorServer::watch_health`](crate::MonitorServer::watch_health) tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HealthState {
    /// Whether `/livez` is 200.
    pub live: bool,
    /// What `/readyz` says.
    pub readiness: Readiness,
    /// What `/health` says: `DOWN` while any task type or check is unhealthy.
    pub status: HealthStatus,
    /// Each task type and check, by name; of a task type and a check of one name the task type is `task:<name>`.
    pub components: BTreeMap<Arc<str>, HealthStatus>,
    /// Each group, by name; `liveness` and `readiness` are always there.
    pub groups: BTreeMap<Arc<str>, HealthStatus>,
}

impl HealthState {
    /// What is left to say when the server has stopped: nothing is known any more, and nothing is to be sent here.
    pub(crate) fn stop(&mut self) {
        self.live = false;
        self.readiness = Readiness::Stopped;
        self.status = HealthStatus::Unknown;
        let known = self.components.values_mut().chain(self.groups.values_mut());
        known.for_each(|status| *status = HealthStatus::Unknown);
    }
}
