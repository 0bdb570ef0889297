//! How the service is: task types, named checks, a heartbeat, start and drain; and who wants to know.

mod answer;
mod check;
mod checks;
mod handle;
mod heartbeat;
mod json;
mod metrics;
mod phase;
mod probe;
mod report;
mod settings;
mod state;
mod time;
mod worker;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use monitor_core::{Monitor, ReadinessPolicy};
use tokio::sync::{Notify, watch};

use crate::error::RunError;
use crate::runtime::log::log;

pub(crate) use self::answer::{Asked, Detail, Shape};
pub use self::check::Check;
pub(crate) use self::check::{CheckReport, Registered};
pub(crate) use self::checks::Checks;
pub use self::heartbeat::Heartbeat;
pub use self::metrics::health_families;
pub(crate) use self::phase::Phase;
pub(crate) use self::probe::Probe;
pub(crate) use self::report::Report;
pub(crate) use self::settings::{GROUPS, Groups, HealthSettings};
pub use self::state::{HealthState, Readiness};

/// How often the state is looked at for those who watch it, beside the events that change it at once: the run of a task type
/// and the age of a pulse have no event of their own.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Everything that says how a service is.
#[derive(Debug)]
pub(crate) struct Vitals {
    pub(crate) monitor: Monitor,
    /// Names that count for readiness, checks' and task types' alike.
    marks: ReadinessPolicy,
    groups: Groups,
    heartbeat_timeout: Duration,
    pub(crate) drain_pause: Duration,
    pub(crate) phase: Phase,
    pub(crate) heartbeat: Heartbeat,
    pub(crate) checks: Checks,
    /// Something changed that whoever watches should hear of at once.
    changed: Arc<Notify>,
    labels: metrics::TaskLabels,
}

impl Vitals {
    /// Nothing runs yet: checks begin with [`Checks::begin`].
    pub(crate) fn new(monitor: Monitor, settings: &HealthSettings, phase: Phase) -> Self {
        let changed = Arc::new(Notify::new());
        Self {
            monitor,
            marks: settings.marks(),
            groups: settings.groups.clone(),
            heartbeat_timeout: settings.heartbeat_timeout,
            drain_pause: settings.drain_pause,
            phase,
            heartbeat: Heartbeat::default(),
            checks: Checks::new(Arc::clone(&changed)),
            changed,
            labels: metrics::TaskLabels::default(),
        }
    }

    /// Sees to the thread that checks run on.
    pub(crate) fn prepare_checks(&self) -> Result<(), RunError> {
        let prepared = self.checks.prepare();
        prepared.map_err(|source| RunError::Thread {
            name: worker::THREAD_NAME,
            source,
        })
    }

    /// Says that the service has started.
    pub(crate) fn set_started(&self) {
        self.phase.set_started();
        self.changed.notify_one();
    }

    /// Says that the service takes no more requests.
    pub(crate) fn set_draining(&self) {
        self.phase.set_draining(Instant::now());
        self.changed.notify_one();
    }

    /// What is left of the pause between the beginning of a drain and its waiting.
    pub(crate) fn pause_left(&self) -> Duration {
        if self.phase.is_hurried() {
            return Duration::ZERO;
        }
        let since = self.phase.draining_for().unwrap_or_default();
        self.drain_pause.saturating_sub(since)
    }

    /// Whether the service's own threads are known to be alive, as far as it says so.
    pub(crate) fn is_live(&self) -> bool {
        let timeout = self.heartbeat_timeout;
        let age = self.heartbeat.age();
        timeout.is_zero() || age.is_none_or(|age| age <= timeout)
    }

    /// Whether it wants requests: what `/readyz` says. Looks at nothing that is not marked.
    pub(crate) fn readiness(&self) -> Readiness {
        match self.phase.readiness() {
            Readiness::Ready if self.is_marked() => self.report().readiness,
            other => other,
        }
    }

    fn is_marked(&self) -> bool {
        self.marks.tasks().next().is_some() || self.checks.any_ready()
    }

    /// Everything, as it is now.
    pub(crate) fn report(&self) -> Report {
        self.report_of(self.monitor.health())
    }

    /// The same where the task types were judged already.
    pub(crate) fn report_of(&self, health: monitor_core::Health) -> Report {
        Report::new(
            self.marks.expire(health),
            self.checks.reports(),
            &self.marks,
            self.phase.readiness(),
            self.is_live(),
        )
    }

    /// What those who watch are told.
    pub(crate) fn state(&self) -> HealthState {
        self.report().state(&self.groups)
    }

    /// Names that are marked or in a group, and that neither a check nor a task type has.
    pub(crate) fn unknown_names(&self) -> Vec<Arc<str>> {
        let members = self.groups.values().flatten();
        let mut names: Vec<_> = self.marks.tasks().chain(members).cloned().collect();
        names.sort_unstable();
        names.dedup();
        names.retain(|name| !self.checks.has(name) && !self.monitor.has_task(name));
        names
    }

    /// Tells those who watch of each change, until it is dropped; then that the server has stopped.
    // No async fn: one that is dropped before it ran has its last word, too.
    pub(crate) fn publish(
        self: Arc<Self>,
        sender: watch::Sender<HealthState>,
    ) -> impl Future<Output = Infallible> + Send {
        let last_word = LastWord(sender);
        async move {
            // That the service is not ready yet, or is, is no news at first; that it is ill would be.
            let mut said = None;
            loop {
                let report = self.report();
                let readiness = report.readiness;
                let is_ill = readiness == Readiness::Unhealthy;
                if said != Some(readiness) && (said.is_some() || is_ill) {
                    log_readiness(&report);
                }
                said = Some(readiness);
                last_word.tell(report.state(&self.groups));
                tokio::select! {
                    () = self.changed.notified() => {}
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
            }
        }
    }
}

/// Why an instance left a load balancer is asked later, when nobody can ask it any more.
fn log_readiness(report: &Report) {
    let readiness = report.readiness;
    if readiness == Readiness::Unhealthy {
        let reasons = report.unready().join("; ");
        log(move || {
            tracing::warn!(
                ?reasons,
                "not ready: what counts for readiness is unhealthy"
            );
        });
    } else {
        log(move || tracing::info!(%readiness, "readiness changed"));
    }
}

/// Says at last that the server has stopped, on each way out.
struct LastWord(watch::Sender<HealthState>);

impl LastWord {
    fn tell(&self, now: HealthState) {
        self.0.send_if_modified(|before| {
            let differs = *before != now;
            if differs {
                *before = now;
            }
            differs
        });
    }
}

impl Drop for LastWord {
    fn drop(&mut self) {
        self.0.send_modify(HealthState::stop);
    }
}

#[cfg(test)]
mod tests;
