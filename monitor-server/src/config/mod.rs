//! `MonitorConfig`: the server's settings, from a file, from code, from the environment.
//!
//! Each part (`service`, `health`, `limits`, `security`, and this file) owns its settings: a list of them has key,
//! field, documentation and setter ([`setting::settings`]), and one `validate` for the values, from every source. The
//! fields stand in the struct that uses them: `Limits` in `limits`, `HealthSettings` in `health/mod.rs`,
//! `StorageConfig` in monitor-core's `recording/config.rs`, TLS in `tls`. A
//! file is parsed to a tree (`yaml`), the tree is read on top of the present settings, and then the whole is validated
//! at the position of the document, so that an error names the line. [`MonitorConfig::storage_config`] validates again,
//! at no document, after the builder's calls.

#![cfg_attr(
    not(all(feature = "auth", feature = "yaml")),
    allow(dead_code, reason = "what is not there is not read")
)]

mod health;
mod history;
mod limits;
mod security;
mod service;
pub(crate) mod setting;
#[cfg(feature = "tls")]
mod tls;
mod unhealthy;
#[cfg(feature = "yaml")]
mod yaml;

use std::ffi::OsString;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use monitor_core::config::{Buckets, Namespace};
use monitor_core::history::HistoryConfig;
use monitor_core::names::Profile;
use monitor_core::snapshot::ServiceInfo;
use monitor_core::{ErrorRules, StatusRule, StorageConfig, Totals};
#[cfg(feature = "prometheus")]
use prometheus::{Registry, core::Collector};
use tokio::runtime::Handle;

pub(crate) use self::health::{check_check, check_name};
pub use self::limits::Limits;
pub(crate) use self::security::{Secret, Security, WebFile};
pub(crate) use self::service::add_to_all;
use self::service::{GivenLabels, GivenNamespace};
use self::setting::{At, Node, expected, seconds, settings, shown};
#[cfg(feature = "tls")]
pub(crate) use self::tls::{ClientSettings, Pem, TlsSettings};
use self::unhealthy::ShareSettings;
#[cfg(feature = "yaml")]
use crate::error::Place;
use crate::error::{ConfigError, Origin};
use crate::health::HealthSettings;
use crate::listener::{Endpoint, UNIX_PREFIX};
use crate::process::{Process, Service};
use crate::render::{Ages, PageSettings, Source};

/// Longest name of a method, as [`MethodError::TooLong`](monitor_core::MethodError::TooLong) has it.
const MAX_METHOD_BYTES: usize = 120;

/// Most samples of self time a second: beyond it the wake-ups cost more than they tell.
const MAX_SAMPLES: u32 = 1000;

/// How old a compressed page may be by default.
const COMPRESSED_AGE: Duration = Duration::from_millis(100);

/// Settings of the monitor server and of the storage it serves.
///
/// The default is the original's but for the profile: port 9999 on all addresses, one worker, no error words but
/// `other`, no thresholds.
/// Settings come from a YAML file ([`from_file`](Self::from_file), [`from_file_at`](Self::from_file_at)), from the
/// environment (`MONITOR_LISTEN`, `MONITOR_PORT`) and from calls of the builder. The later one wins: these two read the
/// environment after the file, and a builder's call comes after both. [`default`](Self::default),
/// [`from_yaml`](Self::from_yaml), [`with_file`](Self::with_file) and [`with_file_at`](Self::with_file_at) do not look
/// at the environment; [`with_env`](Self::with_env) does, and its documentation names others that set such variables.
///
/// | key | default | meaning |
/// |---|---|---|
/// | `port` | 9999 | port, a number or the text of one; 0 is any free one |
/// | `listen` | `::` | IP address, with or without a port; a `port` beside it wins. `::` is all addresses, IPv6 and IPv4 (where there is no IPv6, IPv4), `0.0.0.0` all of IPv4; or `unix:/path`, a socket that only this user may use |
/// | `errors` | none | map from a status to `service_errors` (words to look for in an error's text, in order; each is an error type) and `unhealthy` (failures in a row after which a task type is unhealthy; default -1; 0 or less is never). A rule `OTHER_EXCEPTION: [other]` always exists. Types that code names (`#[derive(MonitorError)]`, `error_type`, `expected`) exist without being listed; listing one sets its status in place of that in the derive |
/// | `unhealthy.share` | 0.5 | share of a method's calls, from 0 to 1, whose failure makes it unhealthy; expected failures are no failures, and cancelled calls are left out; 0 is never |
/// | `unhealthy.window` | 30 | seconds that calls count for it, from 2 to 600 |
/// | `unhealthy.at_least` | 10 | calls in the window without which there is no verdict |
/// | `unhealthy.cancelled` | `false` | whether cancelled calls (dropped by a time limit or with their client) count as failures |
/// | `unhealthy.methods` | none | method name to a map of the four settings above that are different for it |
/// | `service info` | none | constant gauges: name to `info` (help text) and `value` (number or text of one), both needed |
/// | `service` | none | which service this is: `name`, `version` and, where it is known, `revision` (texts), the labels of `monitor_build_info` |
/// | `process_metrics` | `true` | whether pages have the process's CPU time, memory, descriptors and threads (Linux alone; feature `process`) |
/// | `max_workers` | 1 | concurrent calls of each method with `max_concurrency = workers` (other methods are not limited), and the value of the gauge `service_workers`; 0 is no limit |
/// | `hpa_max_workers` | not set | replaces `max_workers` in the gauge |
/// | `inittime_label` | `false` | whether each series has the original's label `inittime` |
/// | `labels` | none | labels added to every series, except those from your own registries and collectors, as a map of name to value (a text), `{env: prod}`; a label of this name that a call, a key or a registered metric has is written with `label_` before it |
/// | `max_series` | 2000 | most series of a family whose labels are made at run time; beyond it they are counted as `overflow`; 0 is no limit |
/// | `max_methods` | 1000 | most methods that are made at run time by name (`monitor.method("..")`), beside those of the program's functions; calls of further ones are counted as the method `overflow`; 0 is no limit |
/// | `idle_series` | 0 | seconds without an update after which a series made at run time leaves the page: by key or of a registered metric, whose memory is freed, or of calls whose labels are text, which keep their counts; 0 is never |
/// | `caller_pairs` | 0 | most pairs of a caller and a method that have series on the page, in `monitor_calls_total` and `monitor_calls_failed_total`; the calls of further ones are counted as `overflow`; 0 is no such families, 1000 is plenty for most services |
/// | `error_texts` | `true` | whether the last error texts of each method are kept (20 of 512 bytes each), for the details of `/health` and a line in the log, at most one a method and error type in ten seconds |
/// | `history` | `on` | whether the last 24 hours of calls are kept in memory, for the verdict (`/verdict`, `/top`, `monitor_verdict`): `on`, `off`, or a map with `max_bytes`, the most bytes that they may take (what the rules learn of each method is beside that), from 65536 to 1073741824 (8388608 unless given); `off` costs nothing |
/// | `snapshot_on_exit` | none | path of a file that verdict and history are written to as the server stops, readable by this user alone; beside it `<path>.boots` has the last 20 starts |
/// | `profile` | `prometheus` | names under which the storage is exported: `prometheus`, idiomatic ones, or `servicekit`, those of the Python toolkit, for which `run` also counts every call as a task, not entry calls alone (a mounted `MetricServer` does not set that: see `StorageConfig::totals`) |
/// | `namespace` | `service` | first part of the names of the service's families in the profile `prometheus`: letters, digits and `_` |
/// | `buckets` | those of the profile | upper bounds of durations and other times, seconds, from 1 to 100 of them, in place of the profile's |
/// | `size_buckets` | those of the profile | upper bounds of sizes, bytes, from 1 to 100 of them, in place of the profile's |
/// | `sampler` | 0 | samples of self time a second, up to 1000, for `monitor_self_seconds_total`: see `docs/operations.md`, "Self time"; 0 is none |
/// | `strict` | `false` | whether a page that lacks a registry, a collector or a family is answered 500; else it is served without |
/// | `native_histograms` | `false` | whether pages are offered as protobuf too, with native histograms; off because a Prometheus that takes protobuf without ingesting native histograms loses the durations (`docs/metrics.md`, "Native histograms") |
/// | `render_cache` | 0, compressed 0.1 | greatest age in seconds, up to 60, of a page that is served again to a later scrape; 0 renders a new page each time |
/// | `disable_compression` | `false` | whether answers are never compressed |
/// | `wait_for_started` | `false` | whether `/readyz` and `/startupz` answer 503 until the service calls `started()` |
/// | `health.status_ttl` | 60 | seconds without a call after which a task type reads `UNKNOWN`, which does not affect health; 0 is never |
/// | `health.readiness` | none | names of checks and task types that count for readiness |
/// | `health.groups` | none | name to list of checks and task types, for `/health/<name>` |
/// | `health.heartbeat_timeout` | 0 | seconds that the newest pulse may be old before `/livez` is 503; 0 is any age |
/// | `health.runtime_timeout` | 0 | seconds that a task may wait on a runtime of the service's whose handle is given before `/livez` is 503; 0 is for ever |
/// | `health.drain_pause` | 5 where `wait_for_started` is set or a check or task type counts for readiness, else 0 | seconds the service keeps working as usual after `/readyz` turns 503, before the drain continues |
/// | `limits.max_connections` | 256 | connections at once; beyond it one that is not being answered is closed; 0 is no limit |
/// | `limits.header_timeout` | 5 | seconds for a request's head, and between requests; 0 is no limit |
/// | `limits.connection_timeout` | 60 | seconds that a connection may last; 0 is no limit |
/// | `limits.max_header_bytes` | 16384 | bytes of a request's head, at least 8192 |
/// | `limits.max_headers` | 64 | header lines of a request, from 1 to 1024 |
/// | `limits.stop_grace` | 5 | seconds that `shutdown` waits for requests being answered; 0 cuts them off |
/// | `limits.gather_timeout` | 5 | seconds that a registry or a collector may take to be gathered before the page is served without it; 0 is no limit |
/// | `limits.scrape_timeout` | 30 | seconds that a scrape may take, less where the scraper says so, before it is answered 503; 0 is no limit |
/// | `limits.max_scrapes` | 64 | scrapes that wait for a page at once; a further one is answered 503; 0 is no limit |
/// | `limits.max_page_bytes` | 67108864 | bytes of pages in memory, but never less than four pages; beyond it clients that take nothing are cut off; 0 is no limit |
/// | `web_config` | none | path of a file in the format that Prometheus' exporters share: TLS (feature `tls`), users, headers; looked at twice a second |
/// | `bearer_tokens` | none | list of tokens, any of which is as good as a user's password (feature `auth`) |
/// | `bearer_token_file` | none | path of a file with such tokens, one a line |
/// | `allow_from` | all | list of the addresses and networks that may connect |
///
/// Numbers may be written as text. Any other key is refused, by name, with the nearest valid one.
///
/// # Examples
///
/// ```
/// use monitor_server::MonitorConfig;
///
/// let config = MonitorConfig::from_yaml(
///     "
/// port: '9998'
/// errors:
///   CONNECTION_ERROR: {service_errors: [timeout, refused], unhealthy: 3}
/// service info:
///   model_version: {info: Version of the model., value: 7}
/// ",
/// )?
/// .listen([127, 0, 0, 1]);
/// assert_eq!(config.address().to_string(), "127.0.0.1:9998");
/// # Ok::<(), monitor_server::ConfigError>(())
/// ```
#[derive(Debug, Clone, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a setting of its own"
)]
pub struct MonitorConfig {
    listen: Listen,
    /// The text of `MONITOR_PORT`, where that is no setting: the address of something else that is named `monitor`.
    service_link: Option<String>,
    errors: Vec<StatusRule>,
    unhealthy: ShareSettings,
    labels: GivenLabels,
    namespace: GivenNamespace,
    buckets: Option<Vec<f64>>,
    size_buckets: Option<Vec<f64>>,
    /// All of the storage's settings but errors, shares of failures, labels, namespace and buckets, which are checked as they are put in.
    storage: StorageConfig,
    profile: Profile,
    /// Samples of self time a second; 0 is none.
    sampler: u32,
    strict: bool,
    /// `None` is the default, which depends on the encoding.
    render_cache: Option<Duration>,
    pub(crate) disable_compression: bool,
    pub(crate) native_histograms: bool,
    pub(crate) wait_for_started: bool,
    pub(crate) snapshot_on_exit: Option<PathBuf>,
    pub(crate) health: HealthSettings,
    pub(crate) limits: Limits,
    pub(crate) security: Security,
    pub(crate) process: Process,
    /// In the order they were given.
    pub(crate) sources: Vec<Source>,
}

/// Where to listen.
#[derive(Debug, Clone)]
struct Listen {
    ip: IpAddr,
    port: u16,
    /// Instead of the address, where it is given.
    unix: Option<PathBuf>,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            ip: Ipv6Addr::UNSPECIFIED.into(),
            port: 9999,
            unix: None,
        }
    }
}

impl Listen {
    /// Takes over an address, with or without a port, or a socket's path; `None`, and no change, for a text that is
    /// neither.
    fn set(&mut self, text: &str) -> Option<()> {
        let text = text.trim();
        if let Some(path) = text.strip_prefix(UNIX_PREFIX) {
            self.unix = Some(path.starts_with('/').then(|| path.into())?);
            return Some(());
        }
        let local = text.strip_prefix("localhost");
        let text = local.map_or_else(|| text.to_owned(), |rest| format!("127.0.0.1{rest}"));
        if let Ok(address) = text.parse::<SocketAddr>() {
            (self.ip, self.port) = (address.ip(), address.port());
        } else {
            let bracketed = text
                .strip_prefix('[')
                .and_then(|text| text.strip_suffix(']'));
            self.ip = bracketed.unwrap_or(&text).parse().ok()?;
        }
        self.unix = None;
        Some(())
    }

    fn read(&mut self, at: &At<'_>) -> Result<(), ConfigError> {
        at.value(expected::LISTEN, |node| self.set(node.text()?))
    }
}

/// Longest time for which a page may be kept: a minute freezes gauges long enough.
const LONGEST_AGE: Duration = Duration::from_secs(60);

const PAGE_AGE: &str = "a number of seconds from 0 to 60";

fn page_age(at: &At<'_>) -> Result<Duration, ConfigError> {
    at.value(PAGE_AGE, |node| seconds(node, LONGEST_AGE.as_secs_f64()))
}

settings! {MonitorConfig, on MonitorConfig () {
    "listen" part => listen;
    /// The port to listen on. Default 9999; 0 is any free one, which
    /// [`local_addr`](crate::MonitorServer::local_addr) returns.
    "port" => listen.port, fn port(port: u16);
    "errors" => errors = service::rules;
    "unhealthy" part => unhealthy;
    "service info" => storage.service_info = service::gauges;
    /// Which service this is: pages then have the gauge `monitor_build_info` 1 with its name and version as labels.
    /// Default none, and no such metric. [`service!`](crate::service) gives those of the calling crate; blank ones are
    /// refused when the settings are applied.
    "service" => process.service = service::service, fn service(service: Service);
    /// Whether pages have the standard metrics of the process: `process_cpu_seconds_total`,
    /// `process_resident_memory_bytes`, `process_virtual_memory_bytes`, `process_open_fds`, `process_max_fds` and
    /// `process_threads`. Default on; on Linux alone. A family that cannot be read is left out.
    ///
    /// A registry that has these too, as the default one has where the `prometheus` crate is built with its feature
    /// `process`, gives way: only its series with labels of their own are shown. `process_start_time_seconds` is one of
    /// the storage's and always there.
    "process_metrics" ["process"] => process.metrics, fn process_metrics(on: bool);
    /// Permits a method, and the value of the gauge `service_workers` (`service_threads` in the profile `servicekit`).
    /// Default 1; 0 is no limit.
    "max_workers" => storage.max_workers, fn max_workers(workers: usize);
    /// Replaces `max_workers` in the gauge `service_workers`, not in the permits. Default not set; 0 is the value 0.
    "hpa_max_workers" => storage.hpa_max_workers, fn hpa_max_workers(workers: usize);
    /// Whether each series has the original's label `inittime`. Default off: it makes every series new at each start.
    "inittime_label" => storage.inittime_label, fn inittime_label(on: bool);
    "labels" => labels = service::labels;
    /// Most series a family may have whose labels are made at run time. Default 2000; 0 is no limit.
    "max_series" => storage.max_series, fn max_series(series: usize);
    /// Most methods that are made at run time by name
    /// ([`Monitor::method`](monitor_core::Monitor::method)), beside those of the program's functions. Default 1000; 0 is
    /// no limit. The calls of further ones are counted as the method `overflow`.
    "max_methods" => storage.max_methods, fn max_methods(methods: usize);
    /// How long a series made at run time may go without an update before it leaves the page and its memory is freed:
    /// values by key, and children of registered metrics with labels. Default 0, which is never. A series that comes
    /// back begins at 0: see [`StorageConfig::idle_series`](monitor_core::StorageConfig::idle_series). In YAML seconds,
    /// fractions allowed.
    "idle_series" => storage.idle_series, fn idle_series(idle: Duration);
    /// Most pairs of a caller and a method that have series on the page, in the families `monitor_calls_total` and
    /// `monitor_calls_failed_total`. Default 0: there are none. 1,000 is plenty for most services; further pairs are
    /// added up, by method: see [`StorageConfig::caller_pairs`](monitor_core::StorageConfig::caller_pairs).
    "caller_pairs" => storage.caller_pairs, fn caller_pairs(pairs: usize);
    /// Whether the last error texts of each method are kept, at most 20 of 512 bytes each: they are shown in the details
    /// of `/health`, to those who may see them, and one a method and error type in ten seconds is written to the log.
    /// Default on. Texts of errors may hold data of the service's users.
    "error_texts" => storage.error_texts, fn error_texts(on: bool);
    /// Whether the last 24 hours of calls are kept in memory, in slots from 2 s to 2 minutes, and judged: what is wrong,
    /// since when, which method, against which normal (`/verdict`, `/top`, `monitor_verdict`,
    /// [`MonitorStorage::verdict`](monitor_core::MonitorStorage::verdict)). Default on, with at most 8 MiB; beyond that
    /// the least busy methods keep totals alone. Calls cost nothing more; a thread looks at the counts every 2 s. Off,
    /// nothing is allocated and nothing read. In YAML `on`, `off`, or a map with `max_bytes`.
    ///
    /// Refused when the settings are applied: a size that is not from 64 KiB to 1 GiB.
    "history" => storage.history = history::history, fn history(history: HistoryConfig);
    "snapshot_on_exit" => snapshot_on_exit = security::path;
    /// The names under which the storage is exported. Default [`Profile::Prometheus`]. With [`Profile::Servicekit`] the
    /// totals over all methods and the status `default` are about all calls, as in the Python toolkit, otherwise about
    /// entry calls: see [`Totals`]. [`run`](crate::run) sets that; a [`MetricServer`](crate::MetricServer) leaves it to
    /// its monitor, and logs a warning where it does not fit.
    "profile" => profile, fn profile(profile: Profile);
    "namespace" => namespace = service::namespace_text;
    /// Upper bounds of durations, and of all other times, in seconds, which replace the common ones on the page; a
    /// method's own (`buckets = [..]`) are added to them, and registered histograms keep theirs. Default those of the
    /// profile: see [`StorageConfig::buckets`](monitor_core::StorageConfig::buckets), also for methods that were called
    /// before [`run`](crate::run). Refused when the settings are applied: more than 100 bounds, and bounds that are
    /// negative, infinite or NaN, or not above the one before.
    "buckets" => buckets = service::bounds, fn buckets(bounds: Vec<f64>);
    /// The same for sizes, in bytes.
    "size_buckets" => size_buckets = service::bounds, fn size_buckets(bounds: Vec<f64>);
    /// Samples of self time a second: how long which method's own code runs, and under which callers, on pages as
    /// `monitor_self_seconds_total{method}`; see [`Sampler`](monitor_core::Sampler), also for how exact it is. Default
    /// 0, which is none; 100 is a good rate. More than 1000 are refused when the settings are applied. The samples are
    /// taken by a thread of the server that [`run`](crate::run) starts.
    "sampler" => sampler, fn sampler(samples: u32);
    /// Whether a scrape is answered 500 where a registry, a collector or a family had to be left out of its page; the
    /// body names it. Default off: the rest is served, and each gap counts in `monitor_scrape_errors_total`. A
    /// repeated series is none of these: the page has its first value.
    "strict" => strict, fn strict(on: bool);
    /// Whether pages are offered in protobuf too, the only format with native histograms; those of the text formats
    /// stay as they are. Default off. A scraper gets protobuf if it names it
    /// (`application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited`) with the largest
    /// weight, as Prometheus does where it ingests native histograms.
    ///
    /// It is off by default because some scrapers ask for protobuf without ingesting native histograms: Prometheus 2.53
    /// to 3.7 with `scrape_protocols: [PrometheusProto]` then stores neither the native series of durations nor the
    /// classic ones. And one that does ingest them stores no `_bucket`, `_count` and `_sum` series any more, unless
    /// `always_scrape_classic_histograms` (2.46 to 2.55: `scrape_classic_histograms`) is set: queries of these find
    /// nothing. See `docs/metrics.md`, "Native histograms".
    "native_histograms" => native_histograms, fn native_histograms(on: bool);
    /// How old the state on a page may be when its scrape arrives, at most 60 s. Not set by default, which is zero,
    /// except 100 ms for compressed pages: compressing costs as much as all the rest. Zero keeps no page; pages
    /// filtered by `name[]` are never kept.
    "render_cache" => render_cache = page_age, fn render_cache(age: Duration);
    /// Whether answers are never compressed. Default off: `/metrics` is compressed where the client accepts gzip.
    "disable_compression" => disable_compression, fn disable_compression(on: bool);
    /// Whether `/readyz` is 503 until [`MonitorServer::started`](crate::MonitorServer::started) is called. Default off.
    "wait_for_started" => wait_for_started, fn wait_for_started(on: bool);
    "health" part => health;
    /// Limits on connections, registries and collectors.
    "limits" part => limits, fn limits(limits: Limits);
    "web_config" => security.web_config = security::path;
    "bearer_tokens" ["auth"] => security.bearer_tokens = security::tokens;
    "bearer_token_file" ["auth"] => security.bearer_token_file = security::path;
    "allow_from" => security.allow_from = security::networks;
}}

/// Settings in code; each call replaces the earlier value, unless it is one that adds.
impl MonitorConfig {
    /// The address to listen on. Default `::`, all addresses of the machine: IPv6 and IPv4, with any system default for
    /// such sockets (Linux: `net.ipv6.bindv6only`), or IPv4 alone where the machine has no IPv6. `0.0.0.0` is all IPv4
    /// addresses and none of IPv6. For IPv6 alone, name an address, or add `::/0` with
    /// [`allow_from`](Self::allow_from).
    ///
    /// IPv4 clients count as such, however they come: for `allow_from`, limits a source, the log, and as clients on
    /// this machine.
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
        self.listen.ip = address.into();
        self.listen.unix = None;
        self
    }

    /// Listens on a Unix socket of this path, an absolute one, instead of an address; Unix alone. Default none. It is
    /// for the service's own user alone (mode 0600). A socket on which no process listens is replaced, anything
    /// else at the path is an error, and the file is removed as the server stops. Its peers count as being on this
    /// machine.
    #[must_use]
    pub fn listen_unix(mut self, path: impl Into<PathBuf>) -> Self {
        self.listen.unix = Some(path.into());
        self
    }

    /// Writes verdict and history to this file as the server stops: by [`shutdown`](crate::MonitorServer::shutdown),
    /// [`drain`](crate::MonitorServer::drain) or a signal that leads to one. A process that aborts or is killed writes
    /// nothing. Default none. Only this user may read it; a relative path starts at the current directory of [`run`](crate::run).
    ///
    /// Beside it, `<path>.boots` has a line for each of the last 20 starts of the service: so the verdict knows of
    /// processes that died before this one.
    #[must_use]
    pub fn snapshot_on_exit(mut self, path: impl Into<PathBuf>) -> Self {
        self.snapshot_on_exit = Some(path.into());
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
        self.storage.service_info.retain(|gauge| gauge.name != name);
        self.storage.service_info.push(ServiceInfo {
            name,
            info: info.into(),
            value,
        });
        self
    }

    /// Adds a label that every series has, such as `env="prod"`: those of the storage and of the server, not those of
    /// the registries and collectors. Replaces an earlier one of the same name. Default none. A label of this name that
    /// a call, a key or a registered metric has is written with `label_` before it; the server's own families, such as
    /// `monitor_build_info` with its `name` and `version`, keep theirs under the name.
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

    /// The first part of the names of the service's families in the profile `prometheus`. Default `service`, as in
    /// `service_requests_total`. The profile `servicekit` does not use it.
    ///
    /// Refused when the settings are applied: a text that is no metric name, has a colon, or [begins as families do
    /// that are not the service's](monitor_core::config::Namespace::try_new).
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_server::MonitorConfig;
    ///
    /// let config = MonitorConfig::default().namespace("shop");
    /// assert_eq!(config.storage_config()?.namespace.as_str(), "shop");
    /// assert!(config.namespace("monitor").storage_config().is_err());
    /// # Ok::<(), monitor_server::ConfigError>(())
    /// ```
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into().into();
        self
    }

    /// Adds methods that exist at zero from the start, beside those of `#[monitored]` functions. A name has 1 to 120
    /// bytes; any other is refused when the settings are applied.
    #[must_use]
    pub fn methods<M: Into<Arc<str>>>(mut self, methods: impl IntoIterator<Item = M>) -> Self {
        let methods = methods.into_iter().map(Into::into);
        self.storage.methods.extend(methods);
        self
    }

    /// Adds a tokio runtime whose metrics are to be on the pages, labelled `runtime="name"`. Replaces an earlier one of
    /// the same name; a blank name is refused when the settings are applied. Default none, inside a runtime too: which
    /// runtimes are watched, and under which names, is said once and does not depend on where [`run`](crate::run) is
    /// called.
    ///
    /// Where [`run`](crate::run) serves, a task is spawned on it once a second, whose delay until its first poll is
    /// `tokio_scheduling_delay_seconds`; with [`runtime_timeout`](Self::runtime_timeout) `/livez` is 503 while that is too long.
    ///
    /// There are 3 further series a runtime (`tokio_workers`, `tokio_alive_tasks`, `tokio_global_queue_depth`) and 3 a worker
    /// of it (`tokio_worker_busy_seconds_total`, `tokio_worker_parks_total`, `tokio_worker_parked`): all that tokio
    /// gives without `--cfg tokio_unstable`. Tokio brings a worker's up to date as it goes to sleep, wakes, and every
    /// few dozen polls; so a worker that is stuck in one poll is awake (`tokio_worker_parked` 0) while neither its time
    /// nor its sleeps move on.
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
        let probe = self.process.add_runtime(name.into(), handle);
        self.health.add_runtime(probe);
        self
    }

    /// Adds a registry of the `prometheus` crate whose metrics are exported beside the storage's. Without any it is
    /// [`prometheus::default_registry`].
    #[cfg(feature = "prometheus")]
    #[must_use]
    pub fn registry(mut self, registry: Registry) -> Self {
        self.sources.push(Source::registry(registry));
        self
    }

    /// Adds a collector whose metrics are exported beside the storage's and those of the registries. Default none.
    ///
    /// A source of its own: where it panics, or takes longer than [`Limits::gather_timeout`], the page lacks it alone,
    /// which counts in `monitor_scrape_errors_total`; in a registry it would take all of that along. It is asked on a
    /// thread for the purpose, and not again before it has returned. Its descriptors are not looked at.
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
    #[cfg(feature = "prometheus")]
    #[must_use]
    pub fn collector(mut self, collector: impl Collector + 'static) -> Self {
        self.sources.push(Source::collector(collector));
        self
    }
}

/// Reading files.
#[cfg(feature = "yaml")]
impl MonitorConfig {
    /// Reads a file whose whole document is the section, then the environment; [`with_file`](Self::with_file) leaves
    /// the environment out.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is no YAML, or has a wrong key or value; or as [`with_env`](Self::with_env).
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        Self::default().with_file(path)?.with_env()
    }

    /// Reads the section of this name from a file that holds others too, then the environment;
    /// [`with_file_at`](Self::with_file_at) leaves the environment out. The content of the other sections does not
    /// matter.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is no YAML, lacks the section, or has a wrong key or value in it; or as
    /// [`with_env`](Self::with_env).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let config = monitor_server::MonitorConfig::from_file_at("service.yaml", "MonitorServer")?;
    /// # Ok::<(), monitor_server::ConfigError>(())
    /// ```
    pub fn from_file_at(path: impl AsRef<Path>, section: &str) -> Result<Self, ConfigError> {
        Self::default().with_file_at(path, section)?.with_env()
    }

    /// Reads a file as [`from_file`](Self::from_file) does, on top of the present settings, and not the environment: a
    /// key of the file replaces the setting, others stay.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is no YAML, or has a wrong key or value.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use monitor_server::MonitorConfig;
    ///
    /// // The file and nothing else; the environment is not read.
    /// let config = MonitorConfig::default().with_file("service.yaml")?;
    /// # Ok::<(), monitor_server::ConfigError>(())
    /// ```
    pub fn with_file(self, path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let (origin, document) = read(path.as_ref())?;
        self.with_document(&origin, &document)
    }

    /// Reads the section of this name from a file that holds others too, as [`with_file`](Self::with_file) reads a
    /// file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is no YAML, lacks the section, or has a wrong key or value in it.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use monitor_server::MonitorConfig;
    ///
    /// let config = MonitorConfig::default().with_file_at("service.yaml", "MonitorServer")?;
    /// # Ok::<(), monitor_server::ConfigError>(())
    /// ```
    pub fn with_file_at(self, path: impl AsRef<Path>, section: &str) -> Result<Self, ConfigError> {
        let (origin, document) = read(path.as_ref())?;
        let Some(node) = document.get(section) else {
            let place = At::new(&origin, section, None).place();
            return Err(ConfigError::MissingSection { place });
        };
        self.with_document(&origin, node)
    }

    /// Reads a text that is the section; JSON is YAML too. An empty one is the default. The environment is not looked
    /// at.
    ///
    /// # Errors
    ///
    /// The text is no YAML, or has a wrong key or value.
    pub fn from_yaml(text: &str) -> Result<Self, ConfigError> {
        Self::default().with_document(&Origin::Yaml, &parse(&Origin::Yaml, text)?)
    }

    fn with_document(mut self, origin: &Origin, node: &Node) -> Result<Self, ConfigError> {
        let at = &At::new(origin, "", Some(node));
        self.read(at)?;
        // It wins over the port of `listen`, in either order.
        if let Some(port) = at.get("port", At::scalar)? {
            self.listen.port = port;
        }
        self.validate(at)?;
        Ok(self)
    }
}

/// Reading the environment.
impl MonitorConfig {
    /// The default, then the environment.
    ///
    /// # Errors
    ///
    /// As [`with_env`](Self::with_env).
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::default().with_env()
    }

    /// Takes over `MONITOR_LISTEN` (an IP address, with or without a port, or `unix:/path`) and `MONITOR_PORT` where
    /// they are set and not blank. No other variable is read.
    ///
    /// Kubernetes sets `MONITOR_PORT` too, in all containers of a namespace that has a Service named `monitor`, and so
    /// does Docker's `--link`. Such a value (`tcp://10.3.240.11:9999`, also `udp://` and `sctp://`) is ignored, and
    /// [`run`](crate::run) logs a warning.
    ///
    /// # Errors
    ///
    /// A variable holds no address or no port, or is no UTF-8.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_server::MonitorConfig;
    ///
    /// // The environment of this process has neither variable.
    /// let config = MonitorConfig::default().port(9998).with_env()?;
    /// assert_eq!(config.address().port(), 9998);
    /// # Ok::<(), monitor_server::ConfigError>(())
    /// ```
    pub fn with_env(self) -> Result<Self, ConfigError> {
        self.with_variables(|name| std::env::var_os(name))
    }

    fn with_variables(
        mut self,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ConfigError> {
        let given = |name| {
            let at = At::new(&Origin::Environment, name, None);
            let text = match variable(name).unwrap_or_default().into_string() {
                Ok(text) => text.trim().to_owned(),
                Err(bytes) => {
                    let bytes = bytes.as_encoded_bytes().escape_ascii().to_string();
                    at.require(false, "a text in UTF-8", &bytes)?;
                    bytes
                }
            };
            Ok::<_, ConfigError>((at, text))
        };
        // A blank variable is as one that is not set: so templates leave it out.
        let (at, text) = given(LISTEN)?;
        let is_good = text.is_empty() || self.listen.set(&text).is_some();
        at.require(is_good, expected::LISTEN, &text)?;
        let (at, text) = given(PORT)?;
        let is_link = LINKS.iter().any(|scheme| text.starts_with(scheme));
        self.service_link = is_link.then(|| text.clone());
        if !is_link && !text.is_empty() {
            let port = text.parse();
            at.require(port.is_ok(), expected::PORT, &text)?;
            self.listen.port = port.unwrap_or_default();
        }
        Ok(self)
    }

    /// Warnings about variables that are not used.
    pub(crate) fn warnings(&self) -> impl Iterator<Item = String> {
        self.service_link.iter().map(|link| {
            format!(
                "environment: `{PORT}`: the text `{}` is passed over: Kubernetes sets it for a Service named \
                 `monitor`, and Docker for a container linked under that name",
                shown(link)
            )
        })
    }
}

const LISTEN: &str = "MONITOR_LISTEN";

const PORT: &str = "MONITOR_PORT";

/// How the value of `<NAME>_PORT` begins where Kubernetes sets it for a Service, or Docker for a linked container.
const LINKS: [&str; 3] = ["tcp://", "udp://", "sctp://"];

/// The settings in the form that the server's parts take.
impl MonitorConfig {
    /// How pages are made.
    pub(crate) fn page_settings(&self) -> PageSettings {
        // More is refused, where an error can be returned.
        let render_cache = self.render_cache.map(|age| age.min(LONGEST_AGE));
        PageSettings {
            profile: self.profile,
            strict: self.strict,
            ages: Ages {
                identity: render_cache.unwrap_or_default(),
                gzip: render_cache.unwrap_or(COMPRESSED_AGE),
            },
            gather_timeout: self.limits.gather_timeout,
            max_scrapes: self.limits.max_scrapes,
            max_page_bytes: self.limits.max_page_bytes,
        }
    }

    /// The mean time between two samples of self time; `None` where none are taken.
    pub(crate) fn sample_period(&self) -> Option<Duration> {
        (self.sampler > 0).then(|| Duration::from_secs(1) / self.sampler)
    }

    /// The address to listen on; not used where the [`endpoint`](Self::endpoint) is a Unix socket. `[::]:9999` is all
    /// addresses of both families: see [`listen`](Self::listen).
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.listen.ip, self.listen.port)
    }

    /// Where to listen.
    pub fn endpoint(&self) -> Endpoint {
        match &self.listen.unix {
            Some(path) => Endpoint::Unix(path.clone()),
            None => Endpoint::Tcp(self.address()),
        }
    }

    /// The storage's part of the settings, for the global storage. [`run`](crate::run) applies it; tests hand it to
    /// [`Monitor::new`](monitor_core::Monitor::new).
    ///
    /// # Errors
    ///
    /// A setting made in code is wrong: a blank error word or status, a `service info` name that is no metric name or
    /// is taken, a method's name that is empty or longer than 120 bytes, a blank name of the service or of a runtime, a
    /// label that cannot be on every series, a `render_cache` above a minute, more than 1000 samples a second, limits of
    /// heads that are out of range, a check or a group whose name is blank or taken, a check without time, a part of
    /// `unhealthy` that is out of range, a size of the history that is out of range, a `namespace` that families cannot have, `buckets` that are no bounds of a
    /// histogram.
    pub fn storage_config(&self) -> Result<StorageConfig, ConfigError> {
        self.validate(&At::code(""))?;
        let mut storage = self.storage.clone();
        let errors = ErrorRules::try_new(self.errors.iter().cloned());
        storage.errors = errors.map_err(ConfigError::Rules)?;
        storage.unhealthy = self.unhealthy.rule;
        storage
            .unhealthy_methods
            .clone_from(&self.unhealthy.methods);
        storage.const_labels = service::const_labels(&self.labels, &At::code("labels"))?;
        let at = &At::code("");
        storage.namespace = self.valid_namespace(at)?;
        [storage.buckets, storage.size_buckets] = self.valid_buckets(at)?;
        let gauges = &mut storage.service_info;
        gauges.retain(|gauge| &*gauge.name != service::OVERWRITTEN);
        storage.totals = match self.profile {
            // As the original counts.
            Profile::Servicekit => Totals::AllCalls,
            _ => Totals::EntryCalls,
        };
        Ok(storage)
    }

    fn valid_namespace(&self, at: &At<'_>) -> Result<Namespace, ConfigError> {
        service::namespace(&self.namespace, &at.key("namespace"))
    }

    /// Of durations and of sizes.
    fn valid_buckets(&self, at: &At<'_>) -> Result<[Option<Buckets>; 2], ConfigError> {
        Ok([
            service::buckets(self.buckets.as_deref(), &at.key("buckets"))?,
            service::buckets(self.size_buckets.as_deref(), &at.key("size_buckets"))?,
        ])
    }

    /// An error for the first invalid setting. One of the document is named by its line there, others as set in code.
    fn validate(&self, at: &At<'_>) -> Result<(), ConfigError> {
        for rule in &self.errors {
            service::validate_rule(rule, &at.key("errors"))?;
        }
        unhealthy::validate(&self.unhealthy, &at.key("unhealthy"))?;
        self.valid_buckets(at)?;
        let namespace = self.valid_namespace(at)?;
        for gauge in &self.storage.service_info {
            service::validate_gauge(&gauge.name, &namespace, &at.key("service info"))?;
        }
        if let Endpoint::Unix(path) = self.endpoint() {
            // A relative path would depend on where the service happens to be started.
            let is_good = cfg!(unix) && path.is_absolute();
            let text = Endpoint::Unix(path).to_string();
            at.key("listen").require(is_good, expected::LISTEN, &text)?;
        }
        for (index, name) in self.storage.methods.iter().enumerate() {
            let is_good = (1..=MAX_METHOD_BYTES).contains(&name.len());
            let at = At::code("methods").index(index);
            at.require(is_good, "a name of 1 to 120 bytes", name)?;
        }
        if let Some(service) = &self.process.service {
            service::validate_service(service, &at.key("service"))?;
        }
        for name in self.process.runtime_names() {
            At::code("runtime").require_not_blank(expected::NOT_BLANK, name)?;
        }
        service::const_labels(&self.labels, &at.key("labels"))?;
        health::validate(&self.health, &at.key("health"))?;
        if let Some(age) = self.render_cache {
            let is_good = age <= LONGEST_AGE;
            at.key("render_cache")
                .require_range(is_good, PAGE_AGE, &age.as_secs_f64())?;
        }
        let is_good = self.sampler <= MAX_SAMPLES;
        at.key("sampler")
            .require_range(is_good, "a whole number from 0 to 1000", &self.sampler)?;
        history::validate(&self.storage.history, &at.key("history"))?;
        if let Some(path) = &self.snapshot_on_exit {
            let text = path.to_string_lossy();
            at.key("snapshot_on_exit")
                .require_not_blank("a path", &text)?;
        }
        self.security.validate(at)?;
        self.limits.validate(&at.key("limits"))
    }
}

fn read(path: &Path) -> Result<(Origin, Node), ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
        file: path.to_owned(),
        source,
    })?;
    let origin = Origin::File(path.to_owned());
    let document = parse(&origin, &text)?;
    Ok((origin, document))
}

/// The document that a text is.
#[cfg(feature = "yaml")]
fn parse(origin: &Origin, text: &str) -> Result<Node, ConfigError> {
    yaml::parse(text).map_err(|(reason, position)| ConfigError::Syntax {
        place: Place::new(origin.clone(), Some(position), String::new()),
        source: reason.into(),
    })
}

#[cfg(not(feature = "yaml"))]
fn parse(origin: &Origin, _text: &str) -> Result<Node, ConfigError> {
    Err(At::new(origin, "", None).missing_feature("yaml"))
}

#[cfg(all(test, feature = "yaml"))]
mod tests;
