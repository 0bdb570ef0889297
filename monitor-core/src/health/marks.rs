//! Which task types count for readiness, and for how long a status does.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::{Component, Health};

/// How long a marked status counts where nothing is said.
pub const DEFAULT_STATUS_TTL: Duration = Duration::from_mins(1);

/// The task types that count for readiness, and how long their statuses do without a call.
///
/// An instance that is not ready gets no calls, so its last status would keep it out for ever. So a marked status expires:
/// it is then not known how the task type is doing, which is no reason to keep calls away. The first call after that tells.
/// Task types that are not marked do not expire, and do not count for readiness.
///
/// A status is as old as the end of the newest call that feeds its task type, or as its last setting through the API, whichever is
/// later. Each call counts that ends, also one that leaves the status as it is: a future that is dropped, an error in
/// `expected(..)`. So where calls go on and all of them are given up, a failing status does not expire.
///
/// The default marks none, with a time to live of a minute.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use monitor_core::health::HealthStatus;
/// use monitor_core::{Clock, ErrorRules, Marks, Monitor, StatusRule, StorageConfig, TaskStatus};
///
/// let rule = StatusRule { status: "FATAL".into(), service_errors: vec![], unhealthy: 1 };
/// let mut config = StorageConfig::default();
/// config.errors = ErrorRules::try_new([rule])?;
/// let (clock, hand) = Clock::manual(0.0);
/// let monitor = Monitor::with_clock(config, clock);
/// let marks = Marks::new(["loader"], Duration::from_secs(60));
///
/// monitor.set_task_status(TaskStatus::Fatal, "loader");
/// let health = marks.expire(monitor.health());
/// assert_eq!(marks.failing(&health).count(), 1);
///
/// hand.advance(Duration::from_secs(60));
/// let health = marks.expire(monitor.health());
/// assert_eq!(marks.failing(&health).count(), 0);
/// assert_eq!(health.components[0].state(), HealthStatus::Unknown);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks {
    tasks: BTreeSet<Arc<str>>,
    status_ttl: Duration,
}

impl Default for Marks {
    fn default() -> Self {
        Self {
            tasks: BTreeSet::new(),
            status_ttl: DEFAULT_STATUS_TTL,
        }
    }
}

impl Marks {
    /// Marks these task types; names that no task type has (yet) do no harm. A `status_ttl` of zero is for ever.
    pub fn new<T: Into<Arc<str>>>(
        tasks: impl IntoIterator<Item = T>,
        status_ttl: Duration,
    ) -> Self {
        Self {
            tasks: tasks.into_iter().map(Into::into).collect(),
            status_ttl,
        }
    }

    /// Whether this task type is marked.
    pub fn contains(&self, task: &str) -> bool {
        self.tasks.contains(task)
    }

    /// The marked task types by name.
    pub fn tasks(&self) -> impl Iterator<Item = &Arc<str>> {
        self.tasks.iter()
    }

    /// Lets the marked statuses expire whose age has reached the time to live; of one whose age is not known nothing can be
    /// said, and it stays.
    #[must_use]
    pub fn expire(&self, mut health: Health) -> Health {
        for component in &mut health.components {
            component.expired = self.has_expired(component);
            component.healthy |= component.expired;
        }
        health.healthy = health.components.iter().all(|component| component.healthy);
        health
    }

    fn has_expired(&self, component: &Component) -> bool {
        !self.status_ttl.is_zero()
            && self.contains(&component.task)
            && component.age.is_some_and(|age| age >= self.status_ttl)
    }

    /// The marked task types that are unhealthy: why the service is not ready. Their Display is the reason.
    pub fn failing<'h>(&self, health: &'h Health) -> impl Iterator<Item = &'h Component> {
        let components = health.components.iter();
        components.filter(|component| !component.healthy && self.contains(&component.task))
    }
}
