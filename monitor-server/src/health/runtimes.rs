//! Probes of the service's tokio runtimes: how long a spawned task waits for its first poll.
//!
//! A [`RuntimeProbe`] belongs to a runtime whose handle the configuration has. Its loop ([`RuntimeProbe::watch`]) is a
//! task on the runtime that serves: once a second it spawns a task on the service's runtime and waits for it. So it
//! needs no timer there, goes on while that runtime is blocked, and has one task there at most. The task is spawned
//! from another thread, as those of a listener on its own runtime are: it goes through the queue that all workers take
//! from. The delay is long where all workers are blocked, or have more to do than they can.
//!
//! The mutex of the state is held for moments by that loop, by pages and by probes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use monitor_core::HealthStatus;
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};

use super::{HealthPart, PartDetails};
use crate::runtime::lock;
use crate::runtime::log::log;

/// The word for a runtime before its name, and in the keys of answers.
pub(super) const KIND: &str = "runtime";

/// How often a task is spawned.
const EVERY: Duration = Duration::from_secs(1);

/// How many delays are looked back on: those of a minute, which is longer than most scrapers take between two scrapes.
const KEPT: usize = 60;

/// A runtime of the service's, and how fast it has been.
#[derive(Debug)]
pub(crate) struct RuntimeProbe {
    pub(crate) name: Arc<str>,
    handle: Handle,
    state: Mutex<ProbeState>,
}

#[derive(Debug, Default)]
struct ProbeState {
    /// When the task was spawned that has not been polled yet.
    spawned: Option<Instant>,
    /// The delays of the latest tasks.
    delays: VecDeque<Duration>,
}

impl RuntimeProbe {
    pub(crate) fn new(name: Arc<str>, handle: Handle) -> Self {
        Self {
            name,
            handle,
            state: Mutex::default(),
        }
    }

    /// The longest of the last 60 delays, that of a task included that still waits; `None` before the first task,
    /// and once the runtime has stopped.
    pub(crate) fn delay(&self) -> Option<Duration> {
        let state = lock(&self.state);
        let waiting = state.spawned.map(|at| at.elapsed());
        state.delays.iter().copied().chain(waiting).max()
    }

    /// How long a task has waited, where that is longer than this; zero is never.
    pub(super) fn stuck_for(&self, limit: Duration) -> Option<Duration> {
        let waiting = lock(&self.state).spawned?.elapsed();
        (!limit.is_zero() && waiting > limit).then_some(waiting)
    }

    pub(super) fn report(&self, limit: Duration) -> HealthPart {
        let stuck = self.stuck_for(limit);
        let reason = |time: Duration| {
            let name = &self.name;
            format!(
                "{KIND} `{name}`: no task was polled for {:.1} s",
                time.as_secs_f64()
            )
        };
        let status = match self.delay() {
            _ if stuck.is_some() => HealthStatus::Down,
            Some(_) => HealthStatus::Up,
            None => HealthStatus::Unknown,
        };
        HealthPart {
            name: Arc::clone(&self.name),
            key: format!("{KIND}:{}", self.name).into(),
            status,
            age: None,
            reason: stuck.map(reason),
            counts_for_readiness: false,
            run: None,
            details: PartDetails::Watched(KIND),
        }
    }

    /// Keeps the delay of a task.
    pub(crate) fn note(&self, delay: Duration) {
        let mut state = lock(&self.state);
        state.spawned = None;
        if state.delays.len() == KEPT {
            state.delays.pop_front();
        }
        state.delays.push_back(delay);
    }

    /// Spawns a task once a second until the runtime has stopped. One that waits longer than the limit is logged, and
    /// watchers of health see it at once.
    pub(super) async fn watch(self: Arc<Self>, limit: Duration, changed: Arc<Notify>) {
        *lock(&self.state) = ProbeState::default();
        loop {
            let spawned = Instant::now();
            let Some(polled) = self.spawn(spawned, limit, &changed).await else {
                // The runtime has dropped the task.
                *lock(&self.state) = ProbeState::default();
                return;
            };
            self.note(polled.duration_since(spawned));
            tokio::time::sleep(EVERY.saturating_sub(spawned.elapsed())).await;
        }
    }

    /// Spawns a task; returns when it was polled.
    async fn spawn(&self, now: Instant, limit: Duration, changed: &Notify) -> Option<Instant> {
        lock(&self.state).spawned = Some(now);
        let (sender, mut polled) = oneshot::channel();
        self.handle.spawn(async {
            // An error: the server has stopped.
            let _ = sender.send(Instant::now());
        });
        if limit.is_zero() {
            return polled.await.ok();
        }
        if let Ok(polled) = tokio::time::timeout(limit, &mut polled).await {
            return polled.ok();
        }
        changed.notify_one();
        let runtime = Arc::clone(&self.name);
        log(
            move || tracing::warn!(%runtime, ?limit, "a runtime is stuck: it has polled no new task for that long"),
        );
        let polled = polled.await.ok()?;
        changed.notify_one();
        let (runtime, delay) = (Arc::clone(&self.name), polled.duration_since(now));
        log(move || tracing::info!(%runtime, ?delay, "a runtime that was stuck goes on"));
        Some(polled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_delay_of_the_last_tasks_is_shown() {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.expect("a runtime");
        let probe = RuntimeProbe::new("main".into(), runtime.handle().clone());
        assert_eq!(probe.delay(), None);
        assert_eq!(probe.report(EVERY).status, HealthStatus::Unknown);
        probe.note(Duration::from_millis(7));
        probe.note(Duration::from_millis(3));
        assert_eq!(probe.delay(), Some(Duration::from_millis(7)));
        for _ in 0..KEPT - 1 {
            probe.note(Duration::ZERO);
        }
        assert_eq!(probe.delay(), Some(Duration::from_millis(3)));
        probe.note(Duration::ZERO);
        assert_eq!(probe.delay(), Some(Duration::ZERO));
        assert_eq!(probe.report(EVERY).status, HealthStatus::Up);
    }

    #[test]
    fn a_runtime_is_stuck_while_a_task_waits_longer_than_the_limit_and_gone_once_it_has_stopped() {
        let serving = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let service = tokio::runtime::Builder::new_current_thread().build();
        let service = service.expect("a runtime");
        let probe = Arc::new(RuntimeProbe::new("main".into(), service.handle().clone()));
        let limit = Duration::from_nanos(1);
        let watch = serving.spawn(Arc::clone(&probe).watch(limit, Arc::default()));
        let turn = || serving.block_on(async { tokio::time::sleep(EVERY).await });
        // The service's runtime is not run.
        turn();
        assert!(probe.stuck_for(limit).is_some() && probe.stuck_for(Duration::ZERO).is_none());
        let report = probe.report(limit);
        assert_eq!(
            (report.status, &*report.key),
            (HealthStatus::Down, "runtime:main")
        );
        assert!(
            report
                .reason
                .is_some_and(|reason| reason.starts_with("runtime `main`: no task"))
        );
        service.block_on(tokio::task::yield_now());
        service.block_on(tokio::task::yield_now());
        assert!(!watch.is_finished());
        drop(service);
        serving.block_on(watch).expect("it ends");
        assert_eq!(probe.delay(), None);
        assert_eq!(probe.report(limit).status, HealthStatus::Unknown);
    }
}
