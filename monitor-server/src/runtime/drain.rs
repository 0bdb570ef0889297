//! The end of a service's life, in order: readiness off, a pause, running tasks to their end, then the server stops.
//!
//! Each step may be taken alone and by several callers at once: the drain begins once, the pause is counted from there,
//! and all waits look at the same numbers. Waits work on every executor and none, and end with the server: see
//! [`until`].

use std::io;
use std::time::{Duration, Instant};

use monitor_core::snapshot::RunningTask;

use super::log::log;
use super::signals::{ShutdownSignals, Signal};
use super::{block_on, until};
use crate::error::TasksLeft;
use crate::run::MonitorServer;

/// Most tasks that the log names.
const MOST_NAMED: usize = 20;

/// Why a drain that a signal began did not end as it should. The server has stopped, or is about to, but for the first.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DrainError {
    /// Signals cannot be listened to. The server runs on.
    #[error("cannot listen for signals")]
    Signals {
        /// The operating system's error.
        source: io::Error,
    },
    /// Tasks were left when the limit passed.
    #[error(transparent)]
    TasksLeft(#[from] TasksLeft),
    /// A second signal cut it short.
    #[error("a second signal, {signal}, cut the drain short; {left} tasks still ran")]
    Interrupted {
        /// The second one.
        signal: Signal,
        /// How many tasks still ran.
        left: u64,
    },
}

/// Ending.
impl MonitorServer {
    /// Waits until no task is in flight, at most for this long. Works on every executor.
    ///
    /// New tasks may begin meanwhile; a service that ends stops taking requests first.
    ///
    /// # Errors
    ///
    /// The limit passed; the error has the number of tasks that were left.
    pub async fn wait_for_ending_tasks(&self, limit: Duration) -> Result<(), TasksLeft> {
        let (monitor, begin) = (self.monitor(), Instant::now());
        until(|| monitor.in_flight() == 0 || begin.elapsed() >= limit).await;
        match monitor.in_flight() {
            0 => Ok(()),
            left => Err(TasksLeft { left, limit }),
        }
    }

    /// The same, blocking the calling thread.
    ///
    /// # Errors
    ///
    /// As [`wait_for_ending_tasks`](Self::wait_for_ending_tasks).
    pub fn wait_for_ending_tasks_blocking(&self, limit: Duration) -> Result<(), TasksLeft> {
        let waited = self.monitor().wait_blocking(limit);
        waited.map_err(|left| TasksLeft {
            left: left.tasks,
            limit,
        })
    }

    /// Turns `/readyz` to 503, for good; everything else goes on. The first step of [`drain`](Self::drain).
    pub fn begin_drain(&self) {
        self.inner.health.set_draining();
    }

    /// Ends the service's life in order: `/readyz` turns to 503, [`drain_pause`](crate::MonitorConfig::drain_pause)
    /// passes, running tasks are waited for, at most for `limit`, then the server stops as with
    /// [`shutdown`](Self::shutdown). Until then `/metrics` and the probes keep answering. The log names the tasks that
    /// are left at the end, with their ages.
    ///
    /// The pause is the rest of it since [`begin_drain`](Self::begin_drain) or an earlier drain. Once a second signal
    /// has cut short a [`shutdown_signal`](Self::shutdown_signal), there is neither pause nor limit, and the server
    /// stops without waiting for its own requests. Works on every executor.
    ///
    /// # Errors
    ///
    /// The limit passed; the error has the number of tasks that were left. The server has stopped then, too, or is
    /// about to after a second signal.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the server running, with `/readyz` at 503.
    pub async fn drain(&self, limit: Duration) -> Result<(), TasksLeft> {
        self.begin_drain();
        self.pause().await;
        let is_hurried = self.inner.health.lifecycle.is_hurried();
        let tasks = self.monitor().in_flight();
        if tasks > 0 && !is_hurried {
            log(move || tracing::info!(tasks, "draining: waiting for tasks to end"));
        }
        let limit = if is_hurried { Duration::ZERO } else { limit };
        let waited = self.wait_for_ending_tasks(limit).await;
        if let Err(TasksLeft { left, .. }) = waited {
            let tasks = named(&self.monitor().running_tasks(MOST_NAMED));
            log(move || {
                tracing::warn!(left, %tasks, "tasks still run after the limit of the drain");
            });
        }
        if is_hurried {
            self.stop_at_once();
        } else {
            self.stop_and_wait().await;
        }
        waited
    }

    /// The same, blocking the calling thread.
    ///
    /// # Errors
    ///
    /// As [`drain`](Self::drain).
    pub fn drain_blocking(&self, limit: Duration) -> Result<(), TasksLeft> {
        block_on(self.drain(limit))
    }

    /// Waits out the rest of the pause, as long as the server runs.
    async fn pause(&self) {
        let (health, thread) = (&self.inner.health, &self.inner.thread);
        until(|| health.pause_left().is_zero() || !thread.is_running()).await;
    }

    /// Waits for SIGTERM or Ctrl-C, turns `/readyz` to 503 and waits out
    /// [`drain_pause`](crate::MonitorConfig::drain_pause): then the service's own listener should stop, and
    /// [`drain`](Self::drain) follow. A second signal ends the pause at once, and has that drain wait for nothing.
    /// Works on every executor and none.
    ///
    /// Signals are listened to from this call on, not from the first poll: one that came meanwhile is not lost. And
    /// from the first call in a process on, one without a listener ends the process: see [`ShutdownSignals`]. So a
    /// second signal while the service's listener stops ends it at once.
    ///
    /// # Errors
    ///
    /// Signals cannot be listened to, as in a fork of the server's process.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn serve_until(stop: impl Future) {}
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use monitor_server::MonitorConfig;
    ///
    /// let server = monitor_server::run(MonitorConfig::default().drain_pause(Duration::from_secs(5)))?;
    /// serve_until(server.shutdown_signal()).await; // axum's or tonic's graceful shutdown
    /// server.drain(Duration::from_secs(30)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn shutdown_signal(&self) -> impl Future<Output = io::Result<Signal>> + Send + use<> {
        let (server, listened) = (self.clone(), self.listen());
        async move {
            let mut signals = listened?;
            let signal = signals.recv().await;
            log(move || tracing::info!(%signal, "signal received: the service is to end"));
            server.begin_drain();
            tokio::select! {
                () = server.pause() => {}
                second = signals.recv() => {
                    server.inner.health.lifecycle.set_hurried();
                    log(move || tracing::warn!(signal = %second, "second signal received: the drain will wait for nothing"));
                }
            }
            Ok(signal)
        }
    }

    /// Waits for SIGTERM or Ctrl-C, then [drains](Self::drain). A second signal meanwhile ends that at once: the server
    /// stops without waiting for tasks or for its own requests, and this returns. Works on every executor.
    ///
    /// Signals are listened to from this call on, not from the first poll: one that came meanwhile is not lost.
    /// Afterwards they end the process as ever: see [`ShutdownSignals`].
    ///
    /// # Errors
    ///
    /// Signals cannot be listened to, tasks were left at the limit, or a second signal came.
    ///
    /// # Cancellation
    ///
    /// Dropping the future before a signal changes nothing, afterwards it leaves the server running, with `/readyz` at
    /// 503.
    pub fn drain_on_signal(
        &self,
        limit: Duration,
    ) -> impl Future<Output = Result<Signal, DrainError>> + Send + use<> {
        let (server, listened) = (self.clone(), self.listen());
        async move {
            let mut signals = listened.map_err(|source| DrainError::Signals { source })?;
            let signal = signals.recv().await;
            log(move || tracing::info!(%signal, "signal received: draining"));
            tokio::select! {
                drained = server.drain(limit) => drained.map(|()| signal).map_err(DrainError::from),
                signal = signals.recv() => {
                    let left = server.monitor().in_flight();
                    log(move || tracing::warn!(%signal, left, "second signal received: stopping at once"));
                    server.stop_at_once();
                    Err(DrainError::Interrupted { signal, left })
                }
            }
        }
    }

    fn listen(&self) -> io::Result<ShutdownSignals> {
        self.inner.thread.check_here().map_err(io::Error::other)?;
        ShutdownSignals::listen()
    }

    /// The same, blocking the calling thread: the last line of a program without a runtime.
    ///
    /// # Errors
    ///
    /// As [`drain_on_signal`](Self::drain_on_signal).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// let server = monitor_server::run(monitor_server::MonitorConfig::default())?;
    /// // .. threads that work ..
    /// server.drain_on_signal_blocking(Duration::from_secs(30))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn drain_on_signal_blocking(&self, limit: Duration) -> Result<Signal, DrainError> {
        block_on(self.drain_on_signal(limit))
    }
}

/// Tasks with their ages, for a line of the log.
fn named(running: &[RunningTask]) -> String {
    let named = |task: &RunningTask| {
        let labels = task.labels.iter();
        let labels = labels.map(|label| format!("{}={:?}", label.name, label.value));
        let labels = labels.collect::<Vec<_>>().join(",");
        let (open, close) = if labels.is_empty() {
            ("", "")
        } else {
            ("{", "}")
        };
        let age = task.age.as_secs_f64();
        format!("{}{open}{labels}{close} {age:.1} s", task.name)
    };
    running.iter().map(named).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use monitor_core::{Clock, Monitor, StorageConfig};

    use super::*;

    #[test]
    fn running_tasks_are_named_with_labels_and_ages_oldest_first() {
        let (clock, hand) = Clock::manual(0.0);
        let monitor = Monitor::with_clock(StorageConfig::default(), clock);
        let load = monitor.method("Load").expect("a name");
        let labelled = load.with_labels(&[("b", "x\"y"), ("a", "1")]);
        let first = labelled.expect("good labels").start();
        hand.advance(Duration::from_millis(1500));
        let second = load.start();
        assert_eq!(
            named(&monitor.running_tasks(10)),
            r#"Load{a="1",b="x\"y"} 1.5 s, Load 0.0 s"#
        );
        assert_eq!(named(&[]), "");
        drop((first, second));
    }
}
