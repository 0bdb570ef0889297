//! `MonitorConfig`: the server's settings, from a file, from code, from the environment.

mod builder;
mod check;
mod environment;
mod health;
mod labels;
mod limits;
mod names;
mod section;
mod security;
mod service;
mod values;
pub(crate) mod web;
mod yaml;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use monitor_core::names::Profile;
use monitor_core::snapshot::ServiceInfo;
use monitor_core::{ErrorRules, StatusRule, StorageConfig};

pub(crate) use self::health::check_check;
pub use self::limits::Limits;
use self::section::At;
pub(crate) use self::security::{Security, is_token};
use self::yaml::{Node, Value};
use crate::endpoint::Endpoint;
use crate::error::{ConfigError, Origin, Place};
use crate::health::HealthSettings;
use crate::process::Process;
use crate::render::{Ages, PageSettings};
use crate::source::Source;

/// Settings of the monitor server and of the storage it serves.
///
/// The default is the original's: port 9999 on all addresses, one worker, no error words but `other`, no thresholds.
/// Settings come from a YAML file ([`from_file`](Self::from_file), [`from_file_at`](Self::from_file_at)), from the
/// environment (`MONITOR_LISTEN`, `MONITOR_PORT`) and from calls of the builder. What comes later wins: these two
/// read the environment after the file, and a builder's call comes after both.
/// [`default`](Self::default), [`from_yaml`](Self::from_yaml), [`with_file`](Self::with_file) and
/// [`with_file_at`](Self::with_file_at) do not look at the environment; [`with_env`](Self::with_env) does, and says who else
/// sets such variables.
///
/// | YAML key | default | meaning |
/// |---|---|---|
/// | `port` | 9999 | port number or text of one; 0 is any free port |
/// | `listen` | `::` | IP address, with or without a port; a `port` beside it wins. `::` is all addresses, IPv4 and IPv6; `0.0.0.0` all of IPv4. Or `unix:/path` of a Unix socket |
/// | `errors` | the original's | status -> `service_errors` (list of words, default none) and `unhealthy` (length of a run, default -1; 0 or less is never) |
/// | `service info` | none | name -> `info` (help text) and `value` (number or text of one), both needed |
/// | `service` | none | `name`, `version` and, where it is known, `revision` of the service: the labels of `monitor_build_info` |
/// | `process_metrics` | `true` | whether pages have the process's CPU time, memory, descriptors and threads (Linux alone) |
/// | `max_workers` | 1 | permits a method; 0 is no limit |
/// | `hpa_max_workers` | not set | replaces `max_workers` in the gauge `service_threads` |
/// | `inittime_label` | `false` | whether each series has the original's label `inittime` |
/// | `labels` | none | name -> value of labels that every series has, but for those of the registries and collectors |
/// | `max_series` | 2000 | most series a family whose labels are made at run time; 0 is no limit |
/// | `idle_series` | 0 | seconds without an update after which a series made at run time leaves the page; 0 is never |
/// | `profile` | `servicekit` | names under which the storage is exported: `servicekit` or `prometheus` |
/// | `strict` | `false` | whether a page that lacks a registry, a collector or a family is answered 500 |
/// | `render_cache` | 0, compressed 0.1 | seconds, up to 60, that the state on a page may be old when its scrape arrives; 0 keeps no page |
/// | `disable_compression` | `false` | whether answers are never compressed |
/// | `wait_for_started` | `false` | whether `/readyz` is 503 until [`started`](crate::MonitorServer::started) is called |
/// | `health.status_ttl` | 60 | seconds without a call after which a marked task type reads `UNKNOWN`; 0 is never |
/// | `health.readiness` | none | names of checks and task types that count for readiness |
/// | `health.groups` | none | name -> list of checks and task types, for `/health/<group>` |
/// | `health.heartbeat_timeout` | 0 | seconds that the newest pulse may be old before `/livez` is 503; 0 is any age |
/// | `health.drain_pause` | 0 | seconds that a drain goes on as before once `/readyz` is 503 |
/// | `limits` | [`Limits`] | what connections, scrapes, registries and collectors may take |
/// | `web_config` | none | path of a web configuration file in the format of Prometheus' exporters: TLS, users and headers |
/// | `bearer_tokens` | none | list of tokens that are as good as a user's password |
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
#[derive(Clone)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "independent switches, each a key of the file"
)]
pub struct MonitorConfig {
    listen: IpAddr,
    port: u16,
    /// Instead of the address, where it is given.
    unix: Option<PathBuf>,
    service_link: Option<environment::ServiceLink>,
    errors: Vec<StatusRule>,
    service_info: Vec<ServiceInfo>,
    max_workers: usize,
    hpa_max_workers: Option<usize>,
    inittime_label: bool,
    labels: labels::Given,
    max_series: usize,
    idle_series: Duration,
    methods: Vec<Arc<str>>,
    profile: Profile,
    strict: bool,
    /// `None` is the default, which depends on the encoding.
    render_cache: Option<Duration>,
    pub(crate) disable_compression: bool,
    pub(crate) wait_for_started: bool,
    pub(crate) health: HealthSettings,
    pub(crate) limits: Limits,
    pub(crate) security: Security,
    pub(crate) process: Process,
    /// In the order they were given.
    pub(crate) sources: Vec<Source>,
}

/// What `listen` says.
#[derive(Debug, Clone)]
enum Listen {
    Ip(IpAddr, Option<u16>),
    Unix(PathBuf),
}

impl Default for MonitorConfig {
    fn default() -> Self {
        let storage = StorageConfig::default();
        Self {
            listen: Ipv6Addr::UNSPECIFIED.into(),
            port: 9999,
            unix: None,
            service_link: None,
            errors: Vec::new(),
            service_info: Vec::new(),
            max_workers: storage.max_workers,
            hpa_max_workers: storage.hpa_max_workers,
            inittime_label: storage.inittime_label,
            labels: Vec::new(),
            max_series: storage.max_series,
            idle_series: storage.idle_series,
            methods: Vec::new(),
            profile: Profile::default(),
            strict: false,
            render_cache: None,
            disable_compression: false,
            wait_for_started: false,
            health: HealthSettings::default(),
            limits: Limits::default(),
            security: Security::default(),
            process: Process::default(),
            sources: Vec::new(),
        }
    }
}

/// Reading.
impl MonitorConfig {
    /// Reads a file whose whole document is the section, then the environment; [`with_file`](Self::with_file) leaves the
    /// environment out.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is no YAML, or has a wrong key or value; or as [`with_env`](Self::with_env).
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        Self::default().with_file(path)?.with_env()
    }

    /// Reads the section of this name from a file that holds others too, then the environment;
    /// [`with_file_at`](Self::with_file_at) leaves the environment out. What the other sections hold does not matter.
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

    /// Reads a file as [`from_file`](Self::from_file) does, on top of what is set already, and not the environment: a key of
    /// the file replaces what was there, what the file does not name stays.
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
    /// // The file and nothing else, whatever the environment holds.
    /// let config = MonitorConfig::default().with_file("service.yaml")?;
    /// # Ok::<(), monitor_server::ConfigError>(())
    /// ```
    pub fn with_file(mut self, path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let (origin, document) = read(path.as_ref())?;
        self.apply(&origin, &document)?;
        Ok(self)
    }

    /// Reads the section of this name from a file that holds others too, as [`with_file`](Self::with_file) reads a file.
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
    pub fn with_file_at(
        mut self,
        path: impl AsRef<Path>,
        section: &str,
    ) -> Result<Self, ConfigError> {
        let (origin, document) = read(path.as_ref())?;
        let found = match &document.value {
            Value::Map(entries) => entries.iter().find(|(key, _)| key.name == section),
            _ => None,
        };
        let Some((_, node)) = found else {
            let place = Place {
                origin,
                line: None,
                key: section.to_owned(),
            };
            return Err(ConfigError::MissingSection { place });
        };
        self.apply(&origin, node)?;
        Ok(self)
    }

    /// Reads a text that is the section; JSON is YAML too. An empty one is the default. The environment is not looked
    /// at.
    ///
    /// # Errors
    ///
    /// The text is no YAML, or has a wrong key or value.
    pub fn from_yaml(text: &str) -> Result<Self, ConfigError> {
        let document = parse(&Origin::Yaml, text)?;
        let mut config = Self::default();
        config.apply(&Origin::Yaml, &document)?;
        Ok(config)
    }

    /// The default, then the environment.
    ///
    /// # Errors
    ///
    /// As [`with_env`](Self::with_env).
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::default().with_env()
    }

    fn apply(&mut self, origin: &Origin, node: &Node) -> Result<(), ConfigError> {
        section::apply(self, &At::section(origin, node.line), node)
    }

    fn set_listen(&mut self, listen: Listen) {
        match listen {
            Listen::Ip(address, port) => {
                self.listen = address;
                self.port = port.unwrap_or(self.port);
                self.unix = None;
            }
            Listen::Unix(path) => self.unix = Some(path),
        }
    }
}

/// How old a compressed page may be where nothing is said.
const COMPRESSED_AGE: Duration = Duration::from_millis(100);

/// What the settings amount to.
impl MonitorConfig {
    /// How pages are made.
    pub(crate) fn page_settings(&self) -> PageSettings {
        // More is refused, where somebody can be told.
        let longest = Duration::from_secs_f64(values::MAX_PAGE_AGE);
        let render_cache = self.render_cache.map(|age| age.min(longest));
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

    /// The address to listen on; not used where the [`endpoint`](Self::endpoint) is a Unix socket. `[::]:9999` is all addresses
    /// of both families: see [`listen`](Self::listen).
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.listen, self.port)
    }

    /// Where to listen.
    pub fn endpoint(&self) -> Endpoint {
        match &self.unix {
            Some(path) => Endpoint::Unix(path.clone()),
            None => Endpoint::Tcp(self.address()),
        }
    }

    /// The storage's part of the settings, for the global storage. [`run`](crate::run) applies it; tests hand it to
    /// [`Monitor::new`](monitor_core::Monitor::new).
    ///
    /// # Errors
    ///
    /// A setting made in code is wrong: a blank error word or status, a `service info` name that is no metric name or is taken, a
    /// method's name that is empty or longer than 120 bytes, a blank name of the service or of a runtime, a label that cannot
    /// be on every series, a `render_cache` above a minute, limits of heads that are out of range, a check or a group whose name
    /// is blank or taken, a check without time.
    pub fn storage_config(&self) -> Result<StorageConfig, ConfigError> {
        check::check(self)?;
        let mut storage = StorageConfig::default();
        storage.errors = ErrorRules::try_new(self.errors.iter().cloned())?;
        storage.service_info = self
            .service_info
            .iter()
            .filter(|gauge| &*gauge.name != names::OVERWRITTEN)
            .cloned()
            .collect();
        storage.max_workers = self.max_workers;
        storage.hpa_max_workers = self.hpa_max_workers;
        storage.inittime_label = self.inittime_label;
        storage.const_labels = labels::const_labels(&self.labels)?;
        storage.max_series = self.max_series;
        storage.idle_series = self.idle_series;
        storage.methods.clone_from(&self.methods);
        Ok(storage)
    }
}

impl fmt::Debug for MonitorConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MonitorConfig")
            .field("endpoint", &self.endpoint())
            .field("errors", &self.errors)
            .field("service_info", &self.service_info)
            .field("max_workers", &self.max_workers)
            .field("hpa_max_workers", &self.hpa_max_workers)
            .field("labels", &self.labels)
            .field("health", &self.health)
            .field("limits", &self.limits)
            .field("security", &self.security)
            .field("process", &self.process)
            .finish_non_exhaustive()
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

fn parse(origin: &Origin, text: &str) -> Result<Node, ConfigError> {
    yaml::parse(text).map_err(|error| {
        let line = error.location().map(|location| location.line());
        let place = Place {
            origin: origin.clone(),
            line,
            key: String::new(),
        };
        ConfigError::Syntax {
            place,
            source: error.to_string().into(),
        }
    })
}

#[cfg(test)]
mod tests;
