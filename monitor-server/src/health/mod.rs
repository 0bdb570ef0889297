//! The health of a service: task types, named checks, a heartbeat, start and drain; and its watchers.
//!
//! One [`HealthService`] stands behind the probes, `/health`, the metrics of health and the watch channel. It keeps
//! facts and no verdicts: each question takes a [`Report`] of that moment, so all of them give the same answer.
//! [`lifecycle`] holds start, drain and heartbeat, [`checks`] the results of checks, [`workers`] the ends of workers, [`runtimes`]
//! the delays of the service's runtimes, [`report`] the verdicts and their
//! JSON, [`metrics`] the families, [`verdict`] those of the verdict, [`error_log`] the lines about why calls fail.
//!
//! There is no event for the run of a task type, its share of failures, or the age of a pulse. So the watch channel is
//! brought up to date once a second, with which the storage also counts the calls for the share every 2 s; and at once when a check gives a result, the service has started, or a drain begins.

mod checks;
mod error_log;
mod lifecycle;
mod metrics;
mod report;
mod runtimes;
mod verdict;
mod workers;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use monitor_core::health::DEFAULT_STATUS_TTL;
use monitor_core::{Component, Health, HealthStatus, Monitor, ReadinessPolicy};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

pub use self::checks::Check;
pub(crate) use self::checks::{CheckCode, Checks, Registered};
use self::error_log::ErrorLog;
pub(crate) use self::lifecycle::Lifecycle;
pub use self::lifecycle::{HealthState, Heartbeat, Readiness};
pub use self::metrics::health_families;
pub(crate) use self::report::{Report, Shape};
pub(crate) use self::runtimes::RuntimeProbe;
pub(crate) use self::workers::Workers;
use crate::runtime::log::log;
use crate::runtime::signals::Signal;

/// Groups by name, each with its members: names of checks and task types.
pub(crate) type Groups = BTreeMap<Arc<str>, Vec<Arc<str>>>;

/// The groups there always are: Spring Boot's names for the answers of `/livez` and `/readyz`.
pub(crate) const GROUPS: [&str; 2] = ["liveness", "readiness"];

/// The pause of a drain where readiness is probed, unless it is configured. Kubernetes takes an ending pod off its
/// Services while it sends SIGTERM, and senders need some seconds to see that.
const PROBED_PAUSE: Duration = Duration::from_secs(5);

/// How often the state is looked at for watchers, beside the events that change it at once.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The settings of health.
#[derive(Debug, Clone)]
pub(crate) struct HealthSettings {
    /// Zero is for ever.
    pub(crate) status_ttl: Duration,
    /// Names of checks and task types that count for readiness.
    pub(crate) readiness: Vec<Arc<str>>,
    pub(crate) groups: Groups,
    /// Zero is never.
    pub(crate) heartbeat_timeout: Duration,
    /// Zero is never.
    pub(crate) runtime_timeout: Duration,
    /// `None` is the default: see [`HealthSettings::pause`].
    pub(crate) drain_pause: Option<Duration>,
    pub(crate) checks: Vec<Registered>,
    /// The service's runtime, for async checks.
    pub(crate) check_runtime: Option<Handle>,
    /// Those that are probed.
    pub(crate) runtimes: Vec<Arc<RuntimeProbe>>,
}

impl Default for HealthSettings {
    fn default() -> Self {
        Self {
            status_ttl: DEFAULT_STATUS_TTL,
            readiness: Vec::new(),
            groups: Groups::new(),
            heartbeat_timeout: Duration::ZERO,
            runtime_timeout: Duration::ZERO,
            drain_pause: None,
            checks: Vec::new(),
            check_runtime: None,
            runtimes: Vec::new(),
        }
    }
}

impl HealthSettings {
    /// Adds a check; replaces an earlier one of this name.
    pub(crate) fn add_check(&mut self, check: Registered) {
        self.checks.retain(|known| known.name != check.name);
        self.checks.push(check);
    }

    /// Adds a runtime to be probed; replaces an earlier one of this name.
    pub(crate) fn add_runtime(&mut self, runtime: Arc<RuntimeProbe>) {
        self.runtimes.retain(|known| known.name != runtime.name);
        self.runtimes.push(runtime);
    }

    /// The pause between the beginning of a drain and its waiting. By default there is one where the settings show that
    /// `/readyz` decides on requests: the service reports its start, or something counts for readiness.
    fn pause(&self, waits_for_start: bool) -> Duration {
        let is_marked = |check: &Registered| check.check.counts_for_readiness;
        let is_probed =
            waits_for_start || !self.readiness.is_empty() || self.checks.iter().any(is_marked);
        let default = if is_probed {
            PROBED_PAUSE
        } else {
            Duration::ZERO
        };
        self.drain_pause.unwrap_or(default)
    }
}

/// A task type or a check.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HealthPart {
    pub(crate) name: Arc<str>,
    /// The name, unless that is the key of another part.
    pub(crate) key: Arc<str>,
    pub(crate) status: HealthStatus,
    /// Of the last result, if there is one.
    pub(crate) age: Option<Duration>,
    /// Why it is unhealthy, where it is.
    pub(crate) reason: Option<String>,
    pub(crate) counts_for_readiness: bool,
    /// The last run, where it is a check that has run.
    pub(crate) run: Option<LastRun>,
    pub(crate) details: PartDetails,
}

/// A run of a check that has a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LastRun {
    /// When the result was there: each run has a moment of its own.
    pub(crate) at: Instant,
    pub(crate) is_well: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum PartDetails {
    Task(Component),
    /// With the text of a failure.
    Check(Check, Option<Arc<str>>),
    /// The kind of what is watched, before its name in answers.
    Watched(&'static str),
}

/// The health of one service.
#[derive(Debug)]
pub(crate) struct HealthService {
    pub(crate) monitor: Monitor,
    /// Names that count for readiness, of checks and task types alike.
    policy: ReadinessPolicy,
    pub(crate) groups: Groups,
    heartbeat_timeout: Duration,
    runtime_timeout: Duration,
    runtimes: Vec<Arc<RuntimeProbe>>,
    drain_pause: Duration,
    pub(crate) lifecycle: Arc<Lifecycle>,
    pub(crate) heartbeat: Heartbeat,
    pub(crate) checks: Checks,
    pub(crate) workers: Arc<Workers>,
    /// Something changed that watchers are to see at once.
    changed: Arc<Notify>,
    labels: metrics::TaskLabels,
    overflow: verdict::OverflowTold,
}

impl HealthService {
    /// Checks begin with [`Checks::start`]. The runtime that this is called in is the service's, unless another is
    /// given.
    pub(crate) fn new(monitor: Monitor, settings: &HealthSettings, lifecycle: Lifecycle) -> Self {
        let (changed, lifecycle) = (Arc::new(Notify::new()), Arc::new(lifecycle));
        let names = settings.readiness.iter().cloned();
        let runtime = settings.check_runtime.clone();
        let runtime = runtime.or_else(|| Handle::try_current().ok());
        Self {
            monitor,
            policy: ReadinessPolicy::new(names, settings.status_ttl),
            groups: settings.groups.clone(),
            heartbeat_timeout: settings.heartbeat_timeout,
            runtime_timeout: settings.runtime_timeout,
            runtimes: settings.runtimes.clone(),
            drain_pause: settings.pause(!lifecycle.has_started()),
            workers: Arc::new(Workers::new(Arc::clone(&lifecycle), Arc::clone(&changed))),
            lifecycle,
            heartbeat: Heartbeat::default(),
            checks: Checks::new(runtime, Arc::clone(&changed)),
            changed,
            labels: metrics::TaskLabels::default(),
            overflow: verdict::OverflowTold::default(),
        }
    }

    pub(crate) fn set_started(&self) {
        self.lifecycle.set_started();
        self.changed.notify_one();
    }

    /// True where no drain had begun before.
    pub(crate) fn set_draining(&self, signal: Option<Signal>) -> bool {
        let is_first = self.lifecycle.set_draining(Instant::now(), signal);
        self.changed.notify_one();
        is_first
    }

    /// The rest of the pause between the beginning of a drain and its waiting.
    pub(crate) fn pause_left(&self) -> Duration {
        self.lifecycle.pause_left(self.drain_pause)
    }

    /// True unless the service's heartbeat is too old, or one of its runtimes is stuck.
    pub(crate) fn is_live(&self) -> bool {
        let mut runtimes = self.runtimes.iter();
        self.late_pulse().is_none()
            && !runtimes.any(|runtime| runtime.stuck_for(self.runtime_timeout).is_some())
    }

    /// Probes the service's runtimes, in tasks on the one that serves.
    pub(crate) fn watch_runtimes(&self, serving: &Handle) {
        for runtime in &self.runtimes {
            let changed = Arc::clone(&self.changed);
            serving.spawn(Arc::clone(runtime).watch(self.runtime_timeout, changed));
        }
    }

    /// The answer of `/readyz`. Where nothing counts for readiness, no task type is looked at.
    pub(crate) fn readiness(&self) -> Readiness {
        let is_marked = || self.policy.tasks().next().is_some() || self.checks.any_ready();
        match self.lifecycle.readiness() {
            Readiness::Ready if is_marked() => self.report().readiness,
            other => other,
        }
    }

    /// Everything, as it is now.
    pub(crate) fn report(&self) -> Report {
        self.report_of(self.monitor.health())
    }

    /// The same where the task types were judged already.
    fn report_of(&self, health: Health) -> Report {
        Report::new(
            self.policy.expire(health),
            self.parts(),
            &self.policy,
            self.lifecycle.readiness(),
            self.is_live(),
        )
    }

    /// The age of the newest pulse, where that is too old.
    pub(crate) fn late_pulse(&self) -> Option<Duration> {
        let timeout = self.heartbeat_timeout;
        let age = self.heartbeat.age()?;
        (!timeout.is_zero() && age > timeout).then_some(age)
    }

    /// All parts but task types; runtimes where there is a limit for them. Of several with one name the last answers to
    /// it: a check before a worker before a runtime.
    fn parts(&self) -> Vec<HealthPart> {
        let limit = self.runtime_timeout;
        let runtimes = self.runtimes.iter().filter(|_| !limit.is_zero());
        let mut parts: Vec<_> = runtimes.map(|runtime| runtime.report(limit)).collect();
        parts.extend(self.workers.reports());
        parts.extend(self.checks.reports());
        parts
    }

    /// The state that watchers receive.
    pub(crate) fn state(&self) -> HealthState {
        self.report().state(&self.groups)
    }

    /// The state of a server that has stopped and whose parts are not known. Takes no lock.
    pub(crate) fn stopped_state(&self) -> HealthState {
        let groups = self.groups.keys().cloned().chain(GROUPS.map(Arc::from));
        HealthState {
            live: false,
            readiness: Readiness::Stopped,
            status: HealthStatus::Unknown,
            components: BTreeMap::new(),
            groups: groups.map(|name| (name, HealthStatus::Unknown)).collect(),
        }
    }

    /// Names that count for readiness or are in a group, and that no check, runtime or task type has. A worker may have
    /// them: those are spawned later.
    pub(crate) fn unknown_names(&self) -> Vec<Arc<str>> {
        let members = self.groups.values().flatten();
        let mut names: Vec<_> = self.policy.tasks().chain(members).cloned().collect();
        names.sort_unstable();
        names.dedup();
        let is_runtime = |name: &Arc<str>| self.runtimes.iter().any(|one| one.name == *name);
        let is_known = |name: &Arc<str>| self.checks.has(name) || self.monitor.has_task(name);
        names.retain(|name| !is_runtime(name) && !is_known(name));
        names
    }

    /// Sends the state to the watchers, now and with each change, until the future is dropped; then that the server has
    /// stopped.
    // No async fn: the first state is there at once, and a future that is dropped before it ran sends the stop, too.
    pub(crate) fn publish(
        self: Arc<Self>,
        sender: watch::Sender<HealthState>,
    ) -> impl Future<Output = Infallible> + Send {
        let sender = StopsAtLast(sender);
        sender.send(self.state());
        async move {
            // Being ready, or not ready yet, is no news at first; being unhealthy is.
            let mut logged = None;
            let mut errors = ErrorLog::default();
            loop {
                let report = self.report();
                let readiness = report.readiness;
                let is_unhealthy = readiness == Readiness::Unhealthy;
                if logged != Some(readiness) && (logged.is_some() || is_unhealthy) {
                    // An operator looks for the reason later, when the instance has come back or is gone.
                    let reasons = report.unready().join("; ");
                    log(move || {
                        if is_unhealthy {
                            tracing::warn!(
                                ?reasons,
                                "not ready: a check or task type that counts for readiness is unhealthy"
                            );
                        } else {
                            tracing::info!(%readiness, "readiness changed");
                        }
                    });
                }
                logged = Some(readiness);
                sender.send(report.state(&self.groups));
                errors.write(self.monitor);
                tokio::select! {
                    () = self.changed.notified() => {}
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
            }
        }
    }
}

/// Sends that the server has stopped, on each way out.
struct StopsAtLast(watch::Sender<HealthState>);

impl StopsAtLast {
    fn send(&self, now: HealthState) {
        self.0.send_if_modified(|before| {
            let differs = *before != now;
            if differs {
                *before = now;
            }
            differs
        });
    }
}

impl Drop for StopsAtLast {
    fn drop(&mut self) {
        self.0.send_modify(HealthState::stop);
    }
}

#[cfg(test)]
mod tests;
