//! What the configuration says of health.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use monitor_core::ReadinessPolicy;
use monitor_core::health::DEFAULT_STATUS_TTL;

use super::Registered;

/// Groups by name, each with its members: names of checks and task types.
pub(crate) type Groups = BTreeMap<Arc<str>, Vec<Arc<str>>>;

/// The groups there always are: Spring Boot's names for what `/livez` and `/readyz` say.
pub(crate) const GROUPS: [&str; 2] = ["liveness", "readiness"];

/// What the configuration says of health.
#[derive(Debug, Clone)]
pub(crate) struct HealthSettings {
    /// Zero is for ever.
    pub(crate) status_ttl: Duration,
    /// Names of checks and task types that count for readiness.
    pub(crate) readiness: Vec<Arc<str>>,
    pub(crate) groups: Groups,
    /// Zero is never.
    pub(crate) heartbeat_timeout: Duration,
    pub(crate) drain_pause: Duration,
    pub(crate) checks: Vec<Registered>,
}

impl Default for HealthSettings {
    fn default() -> Self {
        Self {
            status_ttl: DEFAULT_STATUS_TTL,
            readiness: Vec::new(),
            groups: Groups::new(),
            heartbeat_timeout: Duration::ZERO,
            drain_pause: Duration::ZERO,
            checks: Vec::new(),
        }
    }
}

impl HealthSettings {
    pub(crate) fn marks(&self) -> ReadinessPolicy {
        ReadinessPolicy::new(self.readiness.iter().cloned(), self.status_ttl)
    }

    /// Adds a check; replaces an earlier one of this name.
    pub(crate) fn add_check(&mut self, check: Registered) {
        self.checks.retain(|known| known.name != check.name);
        self.checks.push(check);
    }
}
