//! `run`, and the handles users hold: [`MonitorServer`], [`MetricServer`], [`MetricServerHandle`].

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use monitor_core::Monitor;
use prometheus::Registry;
use tokio::runtime::Handle;
use tokio::sync::watch;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use crate::config::{Limits, MonitorConfig};
use crate::connection::Terms;
use crate::endpoint::Endpoint;
use crate::error::{RunError, TasksLeft};
use crate::health::{HealthState, Phase, Vitals};
use crate::listener;
use crate::render::Renderer;
use crate::routes::{self, Context};
use crate::runtime::log::log;
use crate::runtime::pool::Pool;
use crate::self_metrics::SelfMetrics;
use crate::source::Source;
use crate::thread::{GRACE, ServerThread};
use crate::wait;
use crate::web::Keeper;

/// The server that runs. Locked for moments only: a log subscriber that is called during `run` may ask for the instance.
static INSTANCE: Mutex<Option<MonitorServer>> = Mutex::new(None);

/// Held by the `run` that is starting a server.
static STARTING: Mutex<()> = Mutex::new(());

fn slot() -> MutexGuard<'static, Option<MonitorServer>> {
    INSTANCE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts the monitor server of this process: metrics, probes and health of the global [`Monitor`], on a thread of its
/// own.
///
/// It listens when this returns, with or without an ambient runtime. The settings of the storage are applied to the
/// global monitor, whose counts go on.
///
/// # Errors
///
/// A wrong setting, an address that cannot be listened on, or a server that runs already, in this process or in the one that it
/// was forked from. Nothing is left running then, and nothing is changed.
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
    let _starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(running) = MonitorServer::known() {
        running.inner.thread.check_here()?;
        return Err(RunError::AlreadyRunning {
            address: running.endpoint(),
        });
    }
    let mut storage = config.storage_config()?;
    storage.preregister = true;
    for warning in storage.errors.warnings() {
        tracing::warn!("configuration: {warning}");
    }
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    let keeper = Keeper::load(&config.security)?;
    let bound = listener::bind(&config.endpoint())?;
    let monitor = Monitor::global();
    let context = Arc::new(Context::kept(monitor, &config, keeper));
    let vitals = Arc::clone(&context.vitals);
    let checks = config.health.checks;
    if !checks.is_empty() {
        vitals.prepare_checks()?;
    }
    let begin = || {
        monitor.configure(storage);
        for check in checks {
            vitals.checks.begin(check);
        }
    };
    let terms = context.terms(config.limits);
    let pool = context.pool.clone();
    let end = |pool: &Pool| pool.close(GRACE);
    let started = ServerThread::start(bound, terms, routes::all(context), pool, begin, end);
    let thread = started.inspect_err(|_| vitals.checks.stop())?;
    let (sender, health) = watch::channel(vitals.state());
    if let Some(runtime) = thread.runtime() {
        runtime.spawn(Arc::clone(&vitals).publish(sender));
    }
    for warning in monitor.start_up_warnings() {
        tracing::warn!("{warning}");
    }
    for name in vitals.unknown_names() {
        tracing::warn!(%name, "counts for readiness or is in a group, and is no check and no task type (yet)");
    }
    tracing::info!(address = %thread.endpoint(), "monitor server listens");
    let server = MonitorServer {
        inner: Arc::new(Inner {
            monitor,
            vitals,
            health,
            thread,
        }),
    };
    *slot() = Some(server.clone());
    Ok(server)
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
/// `fork` takes no threads along: the server goes on in the parent, and what a child has of it is this handle and a copy of all
/// counts, with the calls that ran in the parent for ever in flight. So start the server after the fork. In a child
/// [`instance`](Self::instance) is `None`, [`run`] and new checks are [`RunError::Forked`], what is watched reads as stopped, and
/// signals cannot be listened to. `shutdown` and `drain` do not touch the parent's server; after them `run` works, on another
/// address: the parent's, whose socket the child shares, stays taken until both have ended.
#[derive(Debug, Clone)]
#[doc(alias = "inc_stats")]
#[doc(alias = "set_stats")]
#[doc(alias = "append_stats")]
#[doc(alias = "add_key_value")]
#[doc(alias = "del_key_value")]
#[doc(alias = "set_task_status")]
#[doc(alias = "set_status")]
#[doc(alias = "set_stat_sync")]
#[doc(alias = "get_time")]
#[doc(alias = "get_stats")]
#[doc(alias = "get_statuses")]
pub struct MonitorServer {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    monitor: Monitor,
    vitals: Arc<Vitals>,
    health: watch::Receiver<HealthState>,
    thread: ServerThread,
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

    /// The address it listens on, with the port that was chosen where the configured one is 0. `[::]` is all addresses, IPv4 and
    /// IPv6; `0.0.0.0` all of IPv4, also where all were asked for and the machine has no IPv6. Where it listens on a Unix
    /// socket there is none, and this is `0.0.0.0:0`; see [`endpoint`](Self::endpoint).
    pub fn local_addr(&self) -> SocketAddr {
        tcp_address(self.inner.thread.endpoint())
    }

    /// Where it listens: the address or the Unix socket.
    pub fn endpoint(&self) -> Endpoint {
        self.inner.thread.endpoint().clone()
    }

    /// The monitor it serves.
    pub fn monitor(&self) -> Monitor {
        self.inner.monitor
    }

    /// Waits until no task is in flight, at most for this long. Works on every executor.
    ///
    /// New tasks may begin meanwhile; a service that ends stops taking requests first.
    ///
    /// # Errors
    ///
    /// The limit passed; the error says how many tasks are left. A limit of zero looks once.
    ///
    /// # Cancellation
    ///
    /// Dropping the future changes nothing.
    pub async fn wait_for_ending_tasks(&self, limit: Duration) -> Result<(), TasksLeft> {
        wait::for_ending_tasks(self.inner.monitor, limit, self.inner.thread.runtime()).await
    }

    /// The same, blocking the calling thread.
    ///
    /// # Errors
    ///
    /// As [`wait_for_ending_tasks`](Self::wait_for_ending_tasks).
    pub fn wait_for_ending_tasks_blocking(&self, limit: Duration) -> Result<(), TasksLeft> {
        wait::for_ending_tasks_blocking(self.inner.monitor, limit)
    }

    /// Stops the server: no new connections, requests being answered come to their end within the configured grace, the
    /// rest is cut off, the thread has ended when this returns. Then [`run`] works again, on the same port too.
    ///
    /// Blocks the calling thread, at most a little longer than the grace; in async code it may be called, but
    /// [`drain`](Self::drain) does not block. A second call waits for the first and does nothing. In a fork there is nothing to
    /// stop, and it waits for nothing.
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

    pub(crate) fn vitals(&self) -> &Vitals {
        &self.inner.vitals
    }

    /// In a fork nothing is published: there the state is that of a server that has stopped, and the channel is closed.
    pub(crate) fn watched(&self) -> watch::Receiver<HealthState> {
        if self.inner.thread.is_here() {
            return self.inner.health.clone();
        }
        let mut state = self.inner.health.borrow().clone();
        state.stop();
        watch::channel(state).1
    }

    /// The server's runtime; it takes no tasks any more once the server has stopped. `None` in a fork.
    pub(crate) fn runtime(&self) -> Option<&Handle> {
        self.inner.thread.runtime()
    }

    /// An error in a fork of the server's process.
    pub(crate) fn check_here(&self) -> Result<(), RunError> {
        self.inner.thread.check_here()
    }

    /// Ends the checks, and makes room for the next server, unless it runs already. In a fork the checks are the parent's.
    fn vacate(&self) {
        let here = self.check_here();
        if here.is_ok() {
            self.inner.vitals.checks.stop();
        }
        let ours = slot().take_if(|server| Arc::ptr_eq(&server.inner, &self.inner));
        match here {
            Ok(()) if ours.is_some() => {
                let address = self.endpoint();
                log(move || tracing::info!(%address, "monitor server stops"));
            }
            Err(error) if ours.is_some() => log(move || tracing::warn!("nothing to stop: {error}")),
            _ => {}
        }
    }
}

impl Deref for MonitorServer {
    type Target = Monitor;

    fn deref(&self) -> &Monitor {
        &self.inner.monitor
    }
}

/// Metrics and probes of one monitor, to be mounted in a warp application or served on a thread of their own; any number
/// of them may exist beside the process's [`MonitorServer`].
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
    context: Arc<Context>,
}

impl MetricServer {
    /// Serves a monitor and, beside it, a registry of the `prometheus` crate
    /// ([`prometheus::default_registry`] is the process's).
    pub fn new(registry: Registry, disable_compression: bool, monitor: Monitor) -> Self {
        let config = MonitorConfig::default()
            .registry(registry)
            .disable_compression(disable_compression);
        Self::with_config(&config, monitor)
    }

    /// The same with what a configuration says of pages: registries, collectors, `profile`, `strict`, `render_cache`,
    /// `disable_compression`, `wait_for_started` (see [`started`](Self::started)), the limits of scrapes and sources, what is said of the service and the
    /// process, of health what concerns task types, and credentials and addresses that may connect. What it says of the storage (its constant labels, too), of the
    /// address, of connections and of checks is not looked at. TLS and addresses do not concern a [`filter`](Self::filter): the server that
    /// it is mounted in takes the connections.
    ///
    /// Where what is to protect it cannot be loaded, an error is logged, [`run_in_thread`](Self::run_in_thread) fails, and a
    /// filter lets nobody in, but for probes.
    pub fn with_config(config: &MonitorConfig, monitor: Monitor) -> Self {
        Self {
            context: Arc::new(Context::new(monitor, config)),
        }
    }

    pub(crate) fn vitals(&self) -> &Vitals {
        &self.context.vitals
    }

    /// The routes `/metrics`, `/livez`, `/readyz`, `/-/healthy` and `/-/ready`; every other path is rejected as not
    /// found, so that other filters take it. It may stand behind `warp::path` prefixes. The runtime it is served on must have
    /// its timers enabled, as those of `#[tokio::main]` have.
    #[doc(alias = "get_wsgi_app")]
    pub fn filter(&self) -> BoxedFilter<(Response,)> {
        routes::open(Arc::clone(&self.context))
    }

    /// Serves all routes, health included, on a thread of its own, with default [`Limits`]. Addresses mean what they do in
    /// [`MonitorConfig::listen`].
    ///
    /// # Errors
    ///
    /// What protects the server could not be loaded, the address cannot be listened on, or no thread can be had. Nothing is
    /// left running then.
    pub fn run_in_thread(
        &self,
        address: impl Into<SocketAddr>,
    ) -> Result<MetricServerHandle, RunError> {
        self.context.keeper.check()?;
        let bound = listener::bind(&Endpoint::Tcp(address.into()))?;
        let routes = routes::all(Arc::clone(&self.context));
        let terms = self.context.terms(Limits::default());
        // The pool goes on: the same context may be mounted, or served by further threads.
        let pool = self.context.pool.clone();
        let thread = ServerThread::start(bound, terms, routes, pool, || (), |_| ())?;
        Ok(MetricServerHandle {
            thread: Arc::new(thread),
        })
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
        tcp_address(self.thread.endpoint())
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
    /// On which terms a server of this takes connections.
    fn terms(&self, limits: Limits) -> Terms {
        Terms {
            limits,
            metrics: Arc::clone(&self.metrics),
            pages: self.renderer.held(),
            networks: self.keeper.networks(),
            keeper: Arc::clone(&self.keeper),
        }
    }

    /// Where what is to protect it cannot be loaded, nobody is let in.
    pub(crate) fn new(monitor: Monitor, config: &MonitorConfig) -> Self {
        Self::kept(monitor, config, Keeper::load_or_lock(&config.security))
    }

    /// Without a registry the process's default one is exported, before the collectors.
    fn kept(monitor: Monitor, config: &MonitorConfig, keeper: Keeper) -> Self {
        let mut sources = config.sources.clone();
        let is_registry = |source: &Source| matches!(source, Source::Registry(_));
        if !sources.iter().any(is_registry) {
            sources.insert(0, Source::Registry(prometheus::default_registry().clone()));
        }
        let metrics = Arc::new(SelfMetrics::default());
        let settings = config.page_settings();
        let phase = Phase::new(config.wait_for_started);
        let vitals = Arc::new(Vitals::new(monitor, &config.health, phase));
        Self {
            pool: Pool::default(),
            renderer: Renderer::with_vitals(
                monitor,
                sources,
                settings,
                config.process.clone(),
                Arc::clone(&metrics),
                Arc::clone(&vitals),
            ),
            metrics,
            vitals,
            service: config.process.service.clone(),
            keeper: Arc::new(keeper),
            disable_compression: config.disable_compression,
            scrape_timeout: config.limits.scrape_timeout,
        }
    }
}
