//! Settings of health: the map `health` of a file, the same as calls of the builder, and checks, which are code alone.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::MonitorConfig;
use super::service::validate_words;
use super::setting::{At, Result, settings};
use crate::health::{Check, CheckCode, GROUPS, Groups, HealthSettings, Registered};

/// The list of checks, as errors name it.
const CHECKS: &str = "health.checks";

/// Longest name of a check, in bytes: it is a label's value.
const MAX_NAME_BYTES: usize = 120;

settings! {HealthSettings, on MonitorConfig (health) {
    /// How long the status of a task type does without a call, whether it counts for readiness or not. Default 60 s; 0
    /// is for ever. After that it reads `UNKNOWN`, which does not affect health: so a dependency that came back while there were
    /// no calls is no reason to stay unhealthy, and an instance that gets none because it is not ready can come back.
    /// See [`ReadinessPolicy`](monitor_core::ReadinessPolicy). In YAML `health.status_ttl`, seconds, fractions allowed.
    "status_ttl" => status_ttl, fn status_ttl(ttl: Duration);
    "readiness" => readiness = At::words::<Arc<str>>;
    "groups" => groups = groups;
    /// How old the newest [pulse](crate::Heartbeat::pulse) may be before `/livez` is 503. Default 0, which is any age.
    /// Without a first pulse nothing happens. In YAML `health.heartbeat_timeout`, seconds, fractions allowed.
    "heartbeat_timeout" => heartbeat_timeout, fn heartbeat_timeout(timeout: Duration);
    /// How long a task that is spawned on one of the service's [runtimes](Self::runtime) may wait for its first poll
    /// before `/livez` is 503, and the component `runtime:<name>` of `/health` is `DOWN`. Default 0, which is for ever. Of
    /// a runtime with several threads, all have to be blocked for that; one that is not run, as a current-thread
    /// runtime is between two calls of `block_on`, counts as blocked. In YAML `health.runtime_timeout`, seconds,
    /// fractions allowed.
    "runtime_timeout" => runtime_timeout, fn runtime_timeout(timeout: Duration);
    /// How long a [drain](crate::MonitorServer::drain) goes on as before once `/readyz` is 503, so that senders of
    /// requests have seen it. Default 5 s where [`wait_for_started`](Self::wait_for_started) is set or a check or task type
    /// counts for readiness, as `/readyz` decides on requests then, else 0. Where Kubernetes probes, its period times its
    /// failure threshold and a few seconds. In YAML `health.drain_pause`, seconds, fractions allowed.
    "drain_pause" => drain_pause, fn drain_pause(pause: Duration);
}}

/// Health in code; a call adds to earlier ones.
impl MonitorConfig {
    /// Adds checks and task types that count for readiness, by name: `/readyz` is 503 while one of them is unhealthy.
    /// Default none. A task type may come later; of a name that neither a check nor a task type has by the start, the
    /// log warns once. In YAML `health.readiness`, a list.
    ///
    /// Never mark a dependency that all instances share unless none can do anything without it: they would all leave at
    /// once.
    #[must_use]
    pub fn readiness<N: Into<Arc<str>>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.health
            .readiness
            .extend(names.into_iter().map(Into::into));
        self
    }

    /// Adds a group, which `/health/<group>` reports: checks and task types, by name. Replaces an earlier one of its
    /// name. Default none but `liveness` and `readiness`, which always are, and whose names are refused when the
    /// settings are applied; so are blank ones. In YAML `health.groups`, name -> list.
    #[must_use]
    pub fn health_group<N: Into<Arc<str>>>(
        mut self,
        name: impl Into<Arc<str>>,
        members: impl IntoIterator<Item = N>,
    ) -> Self {
        let members = members.into_iter().map(Into::into).collect();
        self.health.groups.insert(name.into(), members);
        self
    }

    /// Adds a check: a future that checks a dependency of the service. Replaces an earlier one of its name.
    ///
    /// `probe` is called for each run with a clone of `state`, such as a pool or a client. A state that is not `Clone`
    /// may be in an [`Arc`]; a check without one may have its own address or `()`.
    ///
    /// It runs in the background at its interval and within its limit ([`Check`], or a [`Duration`] alone); `/health`
    /// gives its last result with its age. An `Err` is `DOWN`, with its text for clients that may see details (1024
    /// bytes of it); so are a panic, a run that overran its limit and is aborted, and a result that is older than
    /// interval and limit together.
    ///
    /// Refused when the settings are applied: a name that is empty or longer than 120 bytes, `default`, or a group's;
    /// an interval or limit of zero.
    ///
    /// # Where it runs
    ///
    /// On the service's runtime, so that it may use its resources, such as the connections of a pool: the one given
    /// with [`check_runtime`](Self::check_runtime), else the one that [`run`](crate::run) or
    /// [`MetricServer::with_config`](crate::MetricServer::with_config) is called in. A check is `DOWN` at its limit
    /// while that runtime is blocked, and once it has stopped. Where neither is there, each check has a thread and a
    /// runtime of its own, with which its connections live on from run to run. Nothing of it runs on the thread that
    /// serves: a check that blocks leaves the probes and the page answering, and other checks, but for those that share
    /// a current-thread runtime with it. Code that blocks belongs in a [`blocking_check`](Self::blocking_check).
    ///
    /// # Recording
    ///
    /// Monitored functions that a check calls are not recorded: they are no calls of the service. On the service's
    /// runtime that does not hold for tasks that a check spawns, nor anywhere for work that it hands to other threads.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use monitor_server::{Check, MonitorConfig};
    /// use tokio::net::TcpStream;
    ///
    /// # #[derive(Clone)]
    /// # struct Pool;
    /// # impl Pool {
    /// #     async fn ping(&self) -> Result<(), std::io::Error> { Ok(()) }
    /// # }
    /// # let db = Pool;
    /// let every = Check::every(Duration::from_secs(10)).timeout(Duration::from_secs(2));
    /// let config = MonitorConfig::default()
    ///     .check("db", every.ready(), db.clone(), |db| async move { db.ping().await })
    ///     .check("cache", Duration::from_secs(5), "127.0.0.1:6379", |address| async move {
    ///         TcpStream::connect(address).await.map(drop)
    ///     });
    /// # drop(config);
    /// ```
    #[must_use]
    pub fn check<S, Fut, E>(
        mut self,
        name: impl Into<Arc<str>>,
        check: impl Into<Check>,
        state: S,
        probe: impl Fn(S) -> Fut + Send + Sync + 'static,
    ) -> Self
    where
        S: Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display + 'static,
    {
        self.health.add_check(Registered {
            name: name.into(),
            check: check.into(),
            probe: CheckCode::of_future(state, probe),
        });
        self
    }

    /// The same with a function that may block. Each run has a thread of the server's pool, and there is at most one: a
    /// run that hangs is `DOWN` once its limit is over, holds neither other checks nor a stop, and is the last until it
    /// returns.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_server::{Check, MonitorConfig};
    ///
    /// let config = MonitorConfig::default()
    ///     .blocking_check("scratch", Check::default(), || std::fs::write("/tmp/scratch", "x"));
    /// # drop(config);
    /// ```
    #[must_use]
    pub fn blocking_check<E: fmt::Display>(
        mut self,
        name: impl Into<Arc<str>>,
        check: impl Into<Check>,
        probe: impl Fn() -> Result<(), E> + Send + Sync + 'static,
    ) -> Self {
        self.health.add_check(Registered {
            name: name.into(),
            check: check.into(),
            probe: CheckCode::of_call(probe),
        });
        self
    }

    /// The service's runtime, for its [checks](Self::check). Default the one that the server is started in, if any. The
    /// handle keeps no runtime running.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_server::MonitorConfig;
    ///
    /// let runtime = tokio::runtime::Runtime::new()?;
    /// let config = MonitorConfig::default().check_runtime(runtime.handle());
    /// # drop(config);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn check_runtime(mut self, handle: &Handle) -> Self {
        self.health.check_runtime = Some(handle.clone());
        self
    }
}

fn groups(at: &At<'_>) -> Result<Groups> {
    let groups = at.entries(|name, at| Ok((name.into(), at.words()?)))?;
    Ok(groups.into_iter().collect())
}

/// An error for a name of a group or member that nothing can have, and for a check that cannot run.
pub(super) fn validate(health: &HealthSettings, at: &At<'_>) -> Result {
    for (name, members) in &health.groups {
        let at = at.key("groups").key(name);
        at.require(
            !name.trim().is_empty() && !GROUPS.contains(&&**name),
            "a name that is not blank, `liveness` or `readiness`",
            name,
        )?;
        validate_words(members, &at)?;
    }
    validate_words(&health.readiness, &at.key("readiness"))?;
    let mut checks = health.checks.iter();
    checks.try_for_each(|check| check_check(check, &health.groups))
}

/// An error for a name that has another meaning in `/health/<name>`; of a part of health that code adds to this list.
pub(crate) fn check_name(list: &str, name: &str, groups: &Groups) -> Result {
    let at = At::code(list).key(name);
    let is_taken =
        name == monitor_core::DEFAULT_TASK || GROUPS.contains(&name) || groups.contains_key(name);
    at.require(
        !is_taken && !name.trim().is_empty() && name.len() <= MAX_NAME_BYTES,
        "a name of 1 to 120 bytes that no group has and is not `default`",
        name,
    )
}

/// An error for a check whose name has another meaning in `/health/<name>`, or that has no time to run.
pub(crate) fn check_check(check: &Registered, groups: &Groups) -> Result {
    check_name(CHECKS, &check.name, groups)?;
    let at = At::code(CHECKS).key(&check.name);
    let Check {
        interval, timeout, ..
    } = check.check;
    for (part, time) in [("interval", interval), ("timeout", timeout)] {
        at.key(part)
            .require_range(!time.is_zero(), "a time above 0", &time.as_secs_f64())?;
    }
    Ok(())
}
