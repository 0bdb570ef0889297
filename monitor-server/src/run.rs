//! `run`, and the handles that users hold: [`MonitorServer`], [`MetricServer`], [`MetricServerHandle`].
//!
//! All of them serve a [`Context`] on a [`ServerThread`]. There is one [`MonitorServer`] a process, kept in
//! [`INSTANCE`] from the end of [`run`] until it is stopped. Handles are clones of one `Arc`, and dropping them stops
//! nothing.

use std::fmt;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use monitor_core::names::Profile;
use monitor_core::{Monitor, StartUpWarning, StorageConfig};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::api::Api;
use crate::config::{Limits, MonitorConfig, check_check, check_name};
use crate::error::{RunError, SnapshotError};
use crate::exit_files::write_snapshot;
use crate::health::{
    Check, CheckCode, HealthService, HealthSettings, HealthState, Heartbeat, Lifecycle, Registered,
};
use crate::kept_history::{KeptHistory, identity, mounted_identity};
use crate::listener::Endpoint;
use crate::observer::Observer;
use crate::render::Renderer;
#[cfg(feature = "prometheus")]
use crate::render::Source;
use crate::routes::Context;
use crate::runtime::log::log;
use crate::runtime::sampler::SamplerThread;
use crate::runtime::{GRACE, ServerThread, lock, pool};
use crate::self_metrics::SelfMetrics;
use crate::web::AccessControl;

/// The server that runs. Locked for moments: a log subscriber that is called during `run` may ask for the instance.
static INSTANCE: Mutex<Option<MonitorServer>> = Mutex::new(None);

/// Held by the `run` that is starting a server.
static STARTING: Mutex<()> = Mutex::new(());

fn slot() -> MutexGuard<'static, Option<MonitorServer>> {
    lock(&INSTANCE)
}

/// Starts the monitor server of this process: metrics, probes and health of the global [`Monitor`], on a thread of its
/// own.
///
/// It listens when this returns, with or without an ambient runtime. The settings of the storage are applied to the
/// global monitor, whose counts go on.
///
/// # Errors
///
/// A wrong setting, an address that cannot be listened on, or a server that runs already, in this process or in the one
/// that it was forked from. Nothing is left running then, and nothing is changed.
///
/// # Examples
///
/// ```
/// use monitor_server::MonitorConfig;
///
/// let server = monitor_server::run(MonitorConfig::default().listen([127, 0, 0, 1]).port(0))?;
/// println!("metrics at http://{}/metrics", server.local_addr());
/// server.shutdown();
/// # Ok::<(), monitor_server::RunError>(())
/// ```
pub fn run(config: MonitorConfig) -> Result<MonitorServer, RunError> {
    let _starting = lock(&STARTING);
    if let Some(running) = MonitorServer::known() {
        running.inner.thread.check_here()?;
        return Err(RunError::AlreadyRunning {
            address: running.endpoint(),
        });
    }
    let mut storage = config.storage_config()?;
    storage.preregister = true;
    log_setting_warnings(&config, &storage);
    let access_control = AccessControl::load(&config.security)?;
    let profile = config.page_settings().profile;
    let monitor = Monitor::global();
    let context = Arc::new(Context::kept(monitor, &config, access_control));
    let is_tls = context.access_control.current().tls.is_some();
    let health = Arc::clone(&context.health);
    let (sender, watched) = watch::channel(health.state());
    let mut identity = identity(&config, &storage.namespace);
    let endpoint = config.endpoint();
    let pool = context.pool.clone();
    let sampler = Arc::new(SamplerThread::start(monitor, config.sample_period())?);
    let begin = |serving: &Handle| {
        monitor.configure(storage);
        context
            .kept
            .begin(&context, config.snapshot_on_exit.as_deref());
        sampler.begin();
        health
            .checks
            .start(serving.clone(), pool.clone(), config.health.checks);
        health.watch_runtimes(serving);
        serving.spawn(Arc::clone(&health).publish(sender));
    };
    let end = end_of(Arc::clone(&context), Arc::clone(&sampler));
    let thread = ServerThread::start(&endpoint, Arc::clone(&context), config.limits, begin, end)?;
    log_warnings(monitor, profile, &health);
    let url = thread.endpoint.url(is_tls);
    identity.address = thread.endpoint.tcp().map(|_| Arc::from(&*url));
    monitor.identify(identity);
    tracing::info!(address = %thread.endpoint, "monitor server listens at {url}");
    let server = MonitorServer {
        inner: Arc::new(RunningServer {
            monitor,
            context,
            health,
            watched,
            thread,
        }),
    };
    *slot() = Some(server.clone());
    Ok(server)
}

/// What happens as the server ends.
fn end_of(context: Arc<Context>, sampler: Arc<SamplerThread>) -> impl FnOnce() + Send + 'static {
    move || {
        drop(sampler);
        // Workers that end from now on end with the service.
        context.health.set_draining(None);
        context.kept.end(&context);
        context.health.checks.stop();
        context.pool.close(GRACE);
    }
}

/// Logs what is odd about the settings by themselves.
fn log_setting_warnings(config: &MonitorConfig, storage: &StorageConfig) {
    for warning in storage.errors.warnings() {
        tracing::warn!("configuration: {warning}");
    }
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
}

/// Logs legal settings that are probably mistakes.
fn log_warnings(monitor: Monitor, profile: Profile, health: &HealthService) {
    for warning in monitor.start_up_warnings(profile) {
        tracing::warn!("{warning}");
    }
    for name in health.unknown_names() {
        tracing::warn!(%name, "counts for readiness or is in a group, and is no check, runtime, task type or worker (yet)");
    }
}

/// Logs that the totals of a monitor are not those of the profile: only [`run`] sets both.
fn log_other_totals(monitor: Monitor, profile: Profile) {
    let warnings = monitor.start_up_warnings(profile);
    if warnings.contains(&StartUpWarning::EntryCallTotals) {
        log(|| tracing::warn!("{}", StartUpWarning::EntryCallTotals));
    }
}

/// The running monitor server of this process.
///
/// A handle: clones are the same server, and dropping them stops nothing; only [`shutdown`](Self::shutdown) and
/// [`drain`](Self::drain) do. It dereferences to the [`Monitor`] it serves, and so has all verbs of
/// [`MonitorStorage`](monitor_core::MonitorStorage): `inc_stats`, `set_stats` (the original's `set_stat_sync`),
/// `append_stats`, `add_key_value`, `del_key_value`, `set_task_status`, `stats`, `statuses`, `init_time` (`get_time`)
/// and the rest.
///
/// # Forks
///
/// `fork` takes no threads along: the server goes on in the parent, and a child has nothing of it but this handle and a
/// copy of all counts, with the calls that ran in the parent for ever in flight. So start the server after the fork. In
/// a child [`instance`](Self::instance) is `None`, [`run`] and new checks are [`RunError::Forked`], watched health
/// reads as stopped, and signals cannot be listened to. `shutdown` and `drain` do not touch the parent's server; after
/// them `run` works, on another address: the parent's, whose socket the child shares, stays taken until both have
/// ended. A lock that a thread of the parent holds at the fork stays held in the child: these calls take none of the
/// server's, but a server of the child's own shares the monitor's, which are held for moments while the parent starts,
/// answers a scrape or looks at the health.
#[derive(Debug, Clone)]
#[doc(alias("inc_stats", "set_stats", "append_stats", "add_key_value"))]
#[doc(alias("del_key_value", "set_task_status", "set_status", "set_stat_sync"))]
#[doc(alias("get_time", "get_stats", "get_statuses"))]
pub struct MonitorServer {
    pub(crate) inner: Arc<RunningServer>,
}

#[derive(Debug)]
pub(crate) struct RunningServer {
    monitor: Monitor,
    context: Arc<Context>,
    pub(crate) health: Arc<HealthService>,
    pub(crate) watched: watch::Receiver<HealthState>,
    pub(crate) thread: ServerThread,
}

impl MonitorServer {
    /// The server that runs in this process; `None` before the first [`run`], after a shutdown, and in a fork.
    #[doc(alias = "get_instance")]
    pub fn instance() -> Option<Self> {
        Self::known().filter(|server| server.inner.thread.is_here())
    }

    /// The same, or that of the process that this one was forked from.
    fn known() -> Option<Self> {
        slot()
            .as_ref()
            .filter(|server| !server.inner.thread.has_ended())
            .cloned()
    }

    /// The address it listens on, with the port that was chosen where the configured one is 0. `[::]` is all addresses,
    /// IPv4 and IPv6; `0.0.0.0` all of IPv4, also where all were asked for and the machine has no IPv6. Where it
    /// listens on a Unix socket there is none, and this is `0.0.0.0:0`; see [`endpoint`](Self::endpoint).
    pub fn local_addr(&self) -> SocketAddr {
        tcp_address(&self.inner.thread.endpoint)
    }

    /// Where it listens: the address or the Unix socket.
    pub fn endpoint(&self) -> Endpoint {
        self.inner.thread.endpoint.clone()
    }

    /// The monitor it serves.
    pub fn monitor(&self) -> Monitor {
        self.inner.monitor
    }

    /// Stops the server: no new connections, requests being answered come to their end within the configured grace, the
    /// rest is cut off, the thread has ended when this returns. Then [`run`] works again, on the same port too.
    ///
    /// Blocks the calling thread, at most a little longer than the grace; in async code it may be called, but
    /// [`drain`](Self::drain) does not block. A second call waits for the first and does nothing. In a fork there is
    /// nothing to stop, and it waits for nothing.
    pub fn shutdown(&self) {
        self.inner.thread.stop();
        self.vacate();
    }

    /// The same without blocking the caller's executor, whichever that is.
    pub(crate) async fn stop_and_wait(&self) {
        self.inner.thread.stop_and_wait().await;
        self.vacate();
    }

    /// Begins to stop, and waits for nothing.
    pub(crate) fn stop_at_once(&self) {
        self.inner.thread.begin_stop();
        self.vacate();
    }

    /// Makes room for the next server, unless it runs already.
    fn vacate(&self) {
        if slot()
            .take_if(|server| Arc::ptr_eq(&server.inner, &self.inner))
            .is_none()
        {
            return;
        }
        let address = self.endpoint();
        match self.inner.thread.check_here() {
            Ok(()) => log(move || tracing::info!(%address, "monitor server stops")),
            Err(error) => log(move || tracing::warn!("nothing to stop: {error}")),
        }
    }
}

/// The history.
impl MonitorServer {
    /// Writes verdict and history to a file, as `/api/v1/snapshot` answers them: JSON of at most 8 MiB, which only this
    /// user may read. A file of this name is replaced at once, so a reader sees the old or the new one. It holds texts of errors
    /// and values of labels.
    ///
    /// [`snapshot_on_exit`](MonitorConfig::snapshot_on_exit) does the same as the server stops.
    ///
    /// # Errors
    ///
    /// The file cannot be written, no history is kept, or this process is a fork of the server's.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_server::MonitorConfig;
    ///
    /// let server = monitor_server::run(MonitorConfig::default().listen([127, 0, 0, 1]).port(0))?;
    /// let file = std::env::temp_dir().join(format!("last-{}.json", std::process::id()));
    /// server.write_snapshot(&file)?;
    /// assert!(std::fs::read_to_string(&file)?.starts_with('{'));
    /// # std::fs::remove_file(file)?;
    /// server.shutdown();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_snapshot(&self, path: impl AsRef<Path>) -> Result<(), SnapshotError> {
        let path = path.as_ref();
        if !self.inner.thread.is_here() {
            return Err(SnapshotError::NoHistory {
                file: path.to_owned(),
            });
        }
        write_snapshot(&self.inner.context, path)
    }
}

/// Health.
impl MonitorServer {
    /// Says that the service has started: from now on `/startupz` is 200, and `/readyz` may be, where
    /// `wait_for_started` is set. In a fork nothing happens.
    pub fn started(&self) {
        if self.inner.thread.is_here() {
            self.inner.health.set_started();
        }
    }

    /// The heartbeat of this server, to be pulsed by the service.
    pub fn heartbeat(&self) -> Heartbeat {
        self.inner.health.heartbeat.clone()
    }

    /// Watches how the service is: for gRPC health, for leaving a load balancer, for a line in the log.
    ///
    /// The receiver has the state as of at most a second ago, and is notified when it changes, not when something ages.
    /// It is looked at with each result of a check, with [`started`](Self::started) and the beginning of a drain, and
    /// each second for the rest: task types, late checks, the heartbeat. Between two looks, changes back and forth are
    /// not seen. When the server stops, all is `UNKNOWN` and readiness [`Stopped`](crate::Readiness::Stopped); then the
    /// channel is closed. Works on every executor.
    ///
    /// (The [`Health`](monitor_core::Health) of the task types alone, at this moment, is
    /// [`health`](monitor_core::MonitorStorage::health).)
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
        if self.inner.thread.is_here() {
            return self.inner.watched.clone();
        }
        // In a fork nothing is published: there the state is that of a server that has stopped. The last state cannot be
        // read, as the thread that publishes may have held the channel's lock when the process was forked.
        watch::channel(self.inner.health.stopped_state()).1
    }

    /// Adds a check while the server runs, in the place of an earlier one of its name: see
    /// [`MonitorConfig::check`](crate::MonitorConfig::check). The earlier one's last result stands until the first of
    /// this, unless it is older than this one's interval and limit together. Once the server has stopped, nothing
    /// happens.
    ///
    /// # Errors
    ///
    /// The name or a time is refused, as there, or this process is a fork of the server's.
    pub fn add_check<S, Fut, E>(
        &self,
        name: impl Into<Arc<str>>,
        check: impl Into<Check>,
        state: S,
        probe: impl Fn(S) -> Fut + Send + Sync + 'static,
    ) -> Result<(), RunError>
    where
        S: Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display + 'static,
    {
        self.add(
            name.into(),
            check.into(),
            CheckCode::of_future(state, probe),
        )
    }

    /// The same with a function that may block: see
    /// [`MonitorConfig::blocking_check`](crate::MonitorConfig::blocking_check).
    ///
    /// # Errors
    ///
    /// As [`add_check`](Self::add_check).
    pub fn add_blocking_check<E: fmt::Display>(
        &self,
        name: impl Into<Arc<str>>,
        check: impl Into<Check>,
        probe: impl Fn() -> Result<(), E> + Send + Sync + 'static,
    ) -> Result<(), RunError> {
        self.add(name.into(), check.into(), CheckCode::of_call(probe))
    }

    fn add(&self, name: Arc<str>, check: Check, probe: CheckCode) -> Result<(), RunError> {
        self.inner.thread.check_here()?;
        let check = Registered { name, check, probe };
        let health = &self.inner.health;
        check_check(&check, &health.groups)?;
        health.checks.begin(check);
        Ok(())
    }

    /// Takes a check out, with its last result and its metrics; a run of it is aborted, or left alone where it blocks.
    /// True if there was one of this name. In a fork there is none.
    pub fn remove_check(&self, name: &str) -> bool {
        self.inner.thread.check_here().is_ok() && self.inner.health.checks.remove(name)
    }
}

/// Workers.
impl MonitorServer {
    /// Spawns a future that should not end, such as the loop of a consumer, and reports its end: `/health` is `DOWN`
    /// with the component `worker:<name>` and the reason once it has ended, panicked or was aborted, `monitor_worker_up`
    /// is 0, and the log has a line. In the configuration's [`readiness`](MonitorConfig::readiness) or a group, its name
    /// stands for it.
    ///
    /// It runs on the current tokio runtime, else on the service's, as [checks](MonitorConfig::check) do. A pool of
    /// workers may have one name: one that has ended is enough. One more of the name that is spawned later makes up for
    /// one that has ended. Once a drain has begun, an end is in order, but not a panic.
    ///
    /// The handle is tokio's: it has the output or the panic, and may be dropped.
    ///
    /// # Errors
    ///
    /// The name is refused as a check's would be, there is no runtime, or this process is a fork of the server's.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::HealthStatus;
    /// use monitor_server::MonitorConfig;
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    /// # runtime.block_on(async {
    /// let server = monitor_server::run(MonitorConfig::default().listen([127, 0, 0, 1]).port(0))?;
    /// let consumer = server.spawn("consumer", async { /* a loop that was left */ })?;
    /// consumer.await?;
    /// let mut health = server.watch_health();
    /// health.wait_for(|health| health.status == HealthStatus::Down).await?;
    /// server.shutdown();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn spawn<F>(
        &self,
        name: impl Into<Arc<str>>,
        future: F,
    ) -> Result<JoinHandle<F::Output>, RunError>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.inner.thread.check_here()?;
        let (name, health) = (name.into(), &self.inner.health);
        check_name("workers", &name, &health.groups)?;
        let runtime = Handle::try_current().ok();
        let Some(runtime) = runtime.or_else(|| health.checks.service().cloned()) else {
            return Err(RunError::NoRuntime { name });
        };
        Ok(runtime.spawn(health.workers.begin(name, future)))
    }
}

impl Deref for MonitorServer {
    type Target = Monitor;

    fn deref(&self) -> &Monitor {
        &self.inner.monitor
    }
}

/// Metrics and probes of one monitor, to be mounted in a warp application or served on a thread of their own; any
/// number of them may exist beside the process's [`MonitorServer`].
///
/// # Examples
///
/// ```
/// use monitor_core::Monitor;
/// use monitor_server::MetricServer;
/// use warp::Filter;
///
/// let metrics = MetricServer::new(prometheus::Registry::new(), false, Monitor::global());
/// let routes = warp::path("hello").map(|| "hello").or(metrics.filter());
/// # drop(routes);
/// ```
#[derive(Debug, Clone)]
pub struct MetricServer {
    pub(crate) context: Arc<Context>,
}

impl MetricServer {
    /// Serves a monitor and, beside it, a registry of the `prometheus` crate
    /// ([`prometheus::default_registry`] is the process's).
    #[cfg(feature = "prometheus")]
    pub fn new(
        registry: prometheus::Registry,
        disable_compression: bool,
        monitor: Monitor,
    ) -> Self {
        let config = MonitorConfig::default()
            .registry(registry)
            .disable_compression(disable_compression);
        Self::with_config(&config, monitor)
    }

    /// The same with the parts of a configuration that concern pages and health: registries, collectors, `profile`,
    /// `strict`, `native_histograms`, `render_cache`, `disable_compression`, `wait_for_started` (see
    /// [`started`](Self::started)), the limits of scrapes and sources, the service and the process, health with its checks, and credentials and addresses that
    /// may connect. The storage's settings (constant labels, `namespace` and `buckets` too), `sampler`, `runtime_timeout`,
    /// the address and the limits of connections are not looked at. TLS and addresses do not concern a [`filter`](Self::filter): the
    /// server that it is mounted in takes the connections.
    ///
    /// So the `profile` sets names alone: which calls the totals are about stays the monitor's own setting
    /// ([`StorageConfig::totals`](monitor_core::StorageConfig::totals)). Where the profile is `servicekit` and the totals
    /// are about entry calls, which is not as the Python toolkit counts, a warning is logged here.
    ///
    /// From here on it keeps the history of its monitor, where that has one
    /// ([`StorageConfig::history`](monitor_core::StorageConfig::history)), with the results of its checks.
    ///
    /// Checks begin here, and run until the last clone and the last filter of it are dropped; the runtime that this is
    /// called in is the service's, as for [`run`].
    ///
    /// If its protection cannot be loaded, or a check cannot be used, an error is logged. Without its protection
    /// [`run_in_thread`](Self::run_in_thread) fails, and a filter denies all but probes.
    pub fn with_config(config: &MonitorConfig, monitor: Monitor) -> Self {
        let context = Context::new(monitor, config);
        log_other_totals(monitor, config.page_settings().profile);
        if let Err(error) = context.start_checks(&config.health) {
            log(move || tracing::error!(%error, "the checks do not run"));
        }
        monitor.identify(mounted_identity(config, monitor));
        context.kept.begin(&context, None);
        Self {
            context: Arc::new(context),
        }
    }

    /// Serves all routes, health included, on a thread of its own, with default [`Limits`]. Addresses mean the same as
    /// in [`MonitorConfig::listen`].
    ///
    /// # Errors
    ///
    /// The protection could not be loaded, the address cannot be listened on, or no thread can be had. Nothing is left
    /// running then.
    pub fn run_in_thread(
        &self,
        address: impl Into<SocketAddr>,
    ) -> Result<MetricServerHandle, RunError> {
        self.context.access_control.check()?;
        // The pool goes on: the context may be mounted too, or served by further threads.
        let context = Arc::clone(&self.context);
        let limits = Limits {
            scrape_timeout: context.scrape_timeout,
            ..Limits::default()
        };
        let endpoint = Endpoint::Tcp(address.into());
        let thread = ServerThread::start(&endpoint, context, limits, |_| (), || ())?;
        Ok(MetricServerHandle {
            thread: Arc::new(thread),
        })
    }
}

/// Readiness.
impl MetricServer {
    /// Says that the service has started: from now on `/readyz` may be 200, where the configuration's
    /// `wait_for_started` is set; so is `/startupz`, where [`run_in_thread`](Self::run_in_thread) serves it.
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
        self.context.health.set_started();
    }

    /// Turns `/readyz` to 503, for good; everything else goes on. The end of a service begins with it, before its own
    /// listener stops.
    pub fn begin_drain(&self) {
        self.context.health.set_draining(None);
    }
}

/// A [`MetricServer`] on its thread. Clones are the same server; dropping them stops nothing.
#[derive(Debug, Clone)]
pub struct MetricServerHandle {
    thread: Arc<ServerThread>,
}

impl MetricServerHandle {
    /// The address it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        tcp_address(&self.thread.endpoint)
    }

    /// Stops it, as [`MonitorServer::shutdown`] does.
    pub fn shutdown(&self) {
        self.thread.stop();
    }
}

fn tcp_address(endpoint: &Endpoint) -> SocketAddr {
    let none = SocketAddr::from(([0, 0, 0, 0], 0));
    endpoint.tcp().unwrap_or(none)
}

impl Context {
    /// Begins the checks of a server that is mounted.
    fn start_checks(&self, health: &HealthSettings) -> Result<(), RunError> {
        let HealthSettings { checks, groups, .. } = health;
        if checks.is_empty() {
            return Ok(());
        }
        for check in checks {
            check_check(check, groups)?;
        }
        let started = self
            .health
            .checks
            .start_alone(self.pool.clone(), checks.clone());
        started.map_err(|source| RunError::Thread {
            name: pool::THREAD_NAME,
            source,
        })
    }

    /// If its protection cannot be loaded, all but probes is denied.
    pub(crate) fn new(monitor: Monitor, config: &MonitorConfig) -> Self {
        Self::kept(
            monitor,
            config,
            AccessControl::load_or_lock(&config.security),
        )
    }

    fn kept(monitor: Monitor, config: &MonitorConfig, access_control: AccessControl) -> Self {
        #[cfg(feature = "prometheus")]
        let sources = Source::with_default_registry(&config.sources);
        #[cfg(not(feature = "prometheus"))]
        let sources = Vec::new();
        let pool = access_control.pool.clone();
        let metrics = Arc::new(SelfMetrics::default());
        let settings = config.page_settings();
        let lifecycle = Lifecycle::new(config.wait_for_started);
        let health = Arc::new(HealthService::new(monitor, &config.health, lifecycle));
        access_control.report_to(monitor);
        let observer = Observer::new(config.process.clone(), Arc::clone(&metrics));
        Self {
            pool: pool.clone(),
            renderer: Renderer::new(
                sources,
                settings,
                config.process.clone(),
                Arc::clone(&metrics),
                Arc::clone(&health),
                pool,
            ),
            api: Arc::new(Api::new(
                monitor,
                Arc::clone(&health),
                config.process.clone(),
                Arc::clone(&metrics),
            )),
            metrics,
            health,
            observer: Arc::new(observer),
            kept: KeptHistory::default(),
            service: config.process.service.clone(),
            access_control: Arc::new(access_control),
            disable_compression: config.disable_compression,
            native_histograms: config.native_histograms,
            scrape_timeout: config.limits.scrape_timeout,
        }
    }
}
