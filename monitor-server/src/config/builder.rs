//! The builder: settings made in code.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use monitor_core::StatusRule;
use monitor_core::names::Profile;
use monitor_core::snapshot::ServiceInfo;
use prometheus::Registry;
use prometheus::core::Collector;
use tokio::runtime::Handle;

use super::{Limits, MonitorConfig};
use crate::process::Service;
use crate::source::Source;

/// Settings in code; each call replaces what was there, unless it says that it adds.
impl MonitorConfig {
    /// The port to listen on. Default 9999; 0 is any free one, which
    /// [`local_addr`](crate::MonitorServer::local_addr) tells.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The address to listen on. Default `::`, all addresses of the machine: IPv6 and IPv4, whatever the system's default for
    /// such sockets is (Linux: `net.ipv6.bindv6only`), or IPv4 alone where the machine has no IPv6. `0.0.0.0` is all IPv4
    /// addresses and none of IPv6. For IPv6 alone, name an address, or add `::/0` with [`allow_from`](Self::allow_from).
    ///
    /// IPv4 clients count as such, however they come: for `allow_from`, limits a source, the log, and as clients on this
    /// machine.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::net::Ipv4Addr;
    ///
    /// use monitor_server::MonitorConfig;
    ///
    /// let config = MonitorConfig::default();
    /// assert_eq!(config.address().to_string(), "[::]:9999");
    /// let config = config.listen(Ipv4Addr::UNSPECIFIED);
    /// assert_eq!(config.address().to_string(), "0.0.0.0:9999");
    /// ```
    #[must_use]
    pub fn listen(mut self, address: impl Into<IpAddr>) -> Self {
        self.listen = address.into();
        self.unix = None;
        self
    }

    /// Listens on a Unix socket of this path, an absolute one, instead of an address; Unix alone. Default none. It is for the
    /// service's own user alone (mode 0600). A socket that nobody listens on any more is replaced, anything else at the path
    /// is an error, and the file is removed as the server stops. Its peers count as being on this machine.
    #[must_use]
    pub fn listen_unix(mut self, path: impl Into<PathBuf>) -> Self {
        self.unix = Some(path.into());
        self
    }

    /// Adds a rule: errors with one of these words set the status; a run of `unhealthy` of them makes a task type
    /// unhealthy (0 or less: never). Replaces an earlier rule of the same status.
    #[must_use]
    pub fn errors<W: Into<String>>(
        mut self,
        status: impl Into<String>,
        service_errors: impl IntoIterator<Item = W>,
        unhealthy: i64,
    ) -> Self {
        let status = status.into();
        let service_errors = service_errors.into_iter().map(Into::into).collect();
        self.errors.retain(|rule| rule.status != status);
        self.errors.push(StatusRule {
            status,
            service_errors,
            unhealthy,
        });
        self
    }

    /// Adds a gauge with a constant value. Replaces an earlier one of the same name.
    #[must_use]
    pub fn service_info(
        mut self,
        name: impl Into<Arc<str>>,
        info: impl Into<Arc<str>>,
        value: f64,
    ) -> Self {
        let name = name.into();
        self.service_info.retain(|gauge| gauge.name != name);
        self.service_info.push(ServiceInfo {
            name,
            info: info.into(),
            value,
        });
        self
    }

    /// Permits a method, and the value of the gauge `service_threads`. Default 1; 0 is no limit.
    #[must_use]
    pub fn max_workers(mut self, workers: usize) -> Self {
        self.max_workers = workers;
        self
    }

    /// Replaces `max_workers` in the gauge `service_threads`, not in the permits. Default not set; 0 is the value 0.
    #[must_use]
    pub fn hpa_max_workers(mut self, workers: usize) -> Self {
        self.hpa_max_workers = Some(workers);
        self
    }

    /// Whether each series has the original's label `inittime`. Default off: it makes every series new at each start.
    #[must_use]
    pub fn inittime_label(mut self, on: bool) -> Self {
        self.inittime_label = on;
        self
    }

    /// Most series a family may have whose labels are made at run time. Default 2000; 0 is no limit.
    #[must_use]
    pub fn max_series(mut self, series: usize) -> Self {
        self.max_series = series;
        self
    }

    /// How long a series made at run time may go without an update before it leaves the page and its memory is freed: values by
    /// key, and children of registered metrics with labels. Default 0, which is never. What comes back begins at 0: see
    /// [`StorageConfig::idle_series`](monitor_core::StorageConfig::idle_series). In YAML seconds, fractions allowed.
    #[must_use]
    pub fn idle_series(mut self, idle: Duration) -> Self {
        self.idle_series = idle;
        self
    }

    /// Adds a label that every series has, such as `env="prod"`: those of the storage and of the server, not those of the
    /// registries and collectors. Replaces an earlier one of the same name. Default none. A label of this name that a call, a key or a
    /// registered metric has is written with `label_` before it; the server's own families, such as `monitor_build_info` with its
    /// `name` and `version`, keep theirs under the name.
    ///
    /// Refused when the settings are applied: a name that is no label name or [has a meaning of its
    /// own](monitor_core::config::ConstLabels::try_new), and a blank value.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_server::MonitorConfig;
    ///
    /// let config = MonitorConfig::default().const_label("env", "prod");
    /// assert_eq!(config.storage_config()?.const_labels.len(), 1);
    /// assert!(config.const_label("le", "1").storage_config().is_err());
    /// # Ok::<(), monitor_server::ConfigError>(())
    /// ```
    #[must_use]
    pub fn const_label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.labels.retain(|(known, _)| *known != name);
        self.labels.push((name, value.into()));
        self
    }

    /// Adds methods that exist at zero from the start, beside those of `#[monitored]` functions. A name has 1 to 120
    /// bytes; any other is refused when the settings are applied.
    #[must_use]
    pub fn methods<M: Into<Arc<str>>>(mut self, methods: impl IntoIterator<Item = M>) -> Self {
        self.methods.extend(methods.into_iter().map(Into::into));
        self
    }

    /// The names under which the storage is exported. Default [`Profile::Servicekit`].
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Whether a scrape is answered 500 where a registry, a collector or a family had to be left out of its page; the body says which.
    /// Default off: the rest is served, and what is missing counts in `monitor_scrape_errors_total`. A repeated series is
    /// none of these: the page has its first value.
    #[must_use]
    pub fn strict(mut self, on: bool) -> Self {
        self.strict = on;
        self
    }

    /// How old the state on a page may be when its scrape arrives, at most 60 s. Not set by default, which is zero, except
    /// 100 ms for compressed pages: compressing costs as much as all the rest. Zero keeps no page; pages filtered by `name[]`
    /// are never kept.
    #[must_use]
    pub fn render_cache(mut self, age: Duration) -> Self {
        self.render_cache = Some(age);
        self
    }

    /// Whether answers are never compressed. Default off: `/metrics` is compressed for who asks for gzip.
    #[must_use]
    pub fn disable_compression(mut self, on: bool) -> Self {
        self.disable_compression = on;
        self
    }

    /// Whether `/readyz` is 503 until [`MonitorServer::started`](crate::MonitorServer::started) is called. Default off.
    #[must_use]
    pub fn wait_for_started(mut self, on: bool) -> Self {
        self.wait_for_started = on;
        self
    }

    /// Which service this is: pages then have the gauge `monitor_build_info` 1 with its name and version as labels. Default
    /// none, and no such metric. [`service!`](crate::service) gives those of the calling crate; blank ones are refused when
    /// the settings are applied.
    #[must_use]
    pub fn service(mut self, service: Service) -> Self {
        self.process.service = Some(service);
        self
    }

    /// Adds a tokio runtime whose metrics are to be on the pages, labelled `runtime="name"`. Replaces an earlier one of the
    /// same name; a blank name is refused when the settings are applied. Default none, inside a runtime too: which runtimes
    /// are watched, and under which names, is said once and does not depend on where [`run`](crate::run) is called.
    ///
    /// There are 3 series a runtime (`tokio_workers`, `tokio_alive_tasks`, `tokio_global_queue_depth`) and 3 a worker of it
    /// (`tokio_worker_busy_seconds_total`, `tokio_worker_parks_total`, `tokio_worker_parked`): all that tokio gives without
    /// `--cfg tokio_unstable`. Tokio brings a worker's up to date as it goes to sleep, wakes, and every few dozen polls; so a
    /// worker that is stuck in one poll is awake (`tokio_worker_parked` 0) while neither its time nor its sleeps move on.
    ///
    /// The handle keeps no runtime running. One that has shut down keeps its last values.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_server::MonitorConfig;
    /// use tokio::runtime::Handle;
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let config = MonitorConfig::default().runtime("main", &Handle::current());
    /// # drop(config);
    /// # });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn runtime(mut self, name: impl Into<Arc<str>>, handle: &Handle) -> Self {
        self.process.add_runtime(name.into(), handle);
        self
    }

    /// Whether pages have the standard metrics of the process: `process_cpu_seconds_total`,
    /// `process_resident_memory_bytes`, `process_virtual_memory_bytes`, `process_open_fds`, `process_max_fds` and
    /// `process_threads`. Default on; on Linux alone. What cannot be read is left out.
    ///
    /// A registry that has these too, as the default one has where the `prometheus` crate is built with its feature
    /// `process`, gives way: only its series with labels of their own are shown. `process_start_time_seconds` is one of the
    /// storage's and always there.
    #[must_use]
    pub fn process_metrics(mut self, on: bool) -> Self {
        self.process.metrics = on;
        self
    }

    /// What connections, registries and collectors may take.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Adds a registry of the `prometheus` crate whose metrics are exported beside the storage's. Without any it is
    /// [`prometheus::default_registry`].
    #[must_use]
    pub fn registry(mut self, registry: Registry) -> Self {
        self.sources.push(Source::Registry(registry));
        self
    }

    /// Adds a collector whose metrics are exported beside the storage's and those of the registries. Default none.
    ///
    /// A source of its own: where it panics, or takes longer than [`Limits::gather_timeout`], the page lacks it alone, which
    /// counts in `monitor_scrape_errors_total`; in a registry it would take all of that along. It is asked on a thread for the
    /// purpose, and not again before it has returned. Its descriptors are not looked at.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_server::MonitorConfig;
    ///
    /// let queue = prometheus::IntGauge::new("queue_length", "Jobs that wait.")?;
    /// let config = MonitorConfig::default().collector(queue.clone());
    /// queue.set(3);
    /// # drop(config);
    /// # Ok::<(), prometheus::Error>(())
    /// ```
    #[must_use]
    pub fn collector(mut self, collector: impl Collector + 'static) -> Self {
        self.sources.push(Source::Collector(Arc::new(collector)));
        self
    }
}
