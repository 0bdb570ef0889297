//! What a running server can be asked and told of health.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

use super::{Check, HealthState, Heartbeat, Probe, Registered};
use crate::config::check_check;
use crate::error::RunError;
use crate::run::{MetricServer, MonitorServer};

/// Health.
impl MonitorServer {
    /// Says that the service has started: from now on `/startupz` is 200, and `/readyz` may be, where `wait_for_started` is
    /// set.
    pub fn started(&self) {
        self.vitals().set_started();
    }

    /// The heartbeat of this server, to be pulsed by the service.
    pub fn heartbeat(&self) -> Heartbeat {
        self.vitals().heartbeat.clone()
    }

    /// Watches how the service is: for gRPC health, for leaving a load balancer, for a line in the log.
    ///
    /// The receiver has the state as of at most a second ago, and is told when it changes, not when something ages. It is looked at with each
    /// result of a check, with [`started`](Self::started) and the beginning of a drain, and each second for the rest: task
    /// types, late checks, the heartbeat. Between two looks, changes back and forth are not seen. When the server stops, all is `UNKNOWN` and
    /// readiness [`Stopped`](crate::Readiness::Stopped); then the channel is closed. Works on every executor.
    ///
    /// (The [`Health`](monitor_core::Health) of the task types alone, at this moment, is what
    /// [`health`](monitor_core::MonitorStorage::health) says.)
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_server::{MonitorConfig, Readiness};
    ///
    /// let server = monitor_server::run(MonitorConfig::default().listen([127, 0, 0, 1]).port(0))?;
    /// let health = server.watch_health();
    /// assert!(health.borrow().readiness.is_ready());
    /// server.shutdown();
    /// assert_eq!(health.borrow().readiness, Readiness::Stopped);
    /// # Ok::<(), monitor_server::RunError>(())
    /// ```
    pub fn watch_health(&self) -> watch::Receiver<HealthState> {
        self.watched()
    }

    /// Adds a check while the server runs, in the place of an earlier one of its name: see
    /// [`MonitorConfig::check`](crate::MonitorConfig::check). The earlier one's last result stands until the first of this, unless
    /// it is older than this one's interval and limit together. Once the server has stopped, nothing happens.
    ///
    /// # Errors
    ///
    /// The name or a time is refused, as there, there is no thread to be had, or this process is a fork of the server's.
    pub fn add_check<F, Fut, E>(
        &self,
        name: impl Into<Arc<str>>,
        check: Check,
        probe: F,
    ) -> Result<(), RunError>
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display + 'static,
    {
        self.add(Registered {
            name: name.into(),
            check,
            probe: Probe::of_future(probe),
        })
    }

    /// The same with a function that may block: see
    /// [`MonitorConfig::blocking_check`](crate::MonitorConfig::blocking_check).
    ///
    /// # Errors
    ///
    /// As [`add_check`](Self::add_check).
    pub fn add_blocking_check<F, E>(
        &self,
        name: impl Into<Arc<str>>,
        check: Check,
        probe: F,
    ) -> Result<(), RunError>
    where
        F: Fn() -> Result<(), E> + Send + Sync + 'static,
        E: fmt::Display,
    {
        self.add(Registered {
            name: name.into(),
            check,
            probe: Probe::of_call(probe),
        })
    }

    fn add(&self, check: Registered) -> Result<(), RunError> {
        self.check_here()?;
        let vitals = self.vitals();
        check_check(&check, &vitals.groups)?;
        vitals.prepare_checks()?;
        vitals.checks.begin(check);
        Ok(())
    }

    /// Takes a check out, with its last result and its metrics; a run of it is dropped, or left alone where it blocks. Whether
    /// there was one of this name. In a fork there is none.
    pub fn remove_check(&self, name: &str) -> bool {
        self.check_here().is_ok() && self.vitals().checks.remove(name)
    }
}

/// Readiness.
impl MetricServer {
    /// Says that the service has started: from now on `/readyz` may be 200, where the configuration's `wait_for_started` is set;
    /// so is `/startupz`, where [`run_in_thread`](Self::run_in_thread) serves it.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::Monitor;
    /// use monitor_server::{MetricServer, MonitorConfig};
    ///
    /// let config = MonitorConfig::default().wait_for_started(true);
    /// let metrics = MetricServer::with_config(&config, Monitor::global());
    /// let routes = metrics.filter(); // `/readyz` is 503
    /// // .. caches are filled, connections are made ..
    /// metrics.started();
    /// # drop(routes);
    /// ```
    pub fn started(&self) {
        self.vitals().set_started();
    }

    /// Turns `/readyz` to 503, for good; everything else goes on. What a service's end begins with, before its own listener
    /// stops.
    pub fn begin_drain(&self) {
        self.vitals().set_draining();
    }
}
