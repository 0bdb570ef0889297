//! Errors before the server runs, while waiting for tasks, and of the files that outlive the process.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::listener::Endpoint;

/// Why [`run`](crate::run) did not start a server. Nothing is left running then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The address cannot be listened on: taken, not allowed, or not of this machine.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address, or the path of the Unix socket.
        address: Endpoint,
        /// The operating system's error.
        source: io::Error,
    },
    /// A server runs in this process already.
    #[error("a monitor server runs already, on {address}")]
    AlreadyRunning {
        /// Where it listens.
        address: Endpoint,
    },
    /// A server runs in the process that this one was forked from. `fork` takes no threads along, so this process has
    /// none, and the address stays the parent's. [`MonitorServer::shutdown`](crate::MonitorServer::shutdown) on a
    /// handle that was taken along lets go of it, and this process may run its own.
    #[error(
        "the monitor server on {address} runs in process {process}, of which this one is a fork: threads are not taken along"
    )]
    Forked {
        /// Where it listens.
        address: Endpoint,
        /// The number of the process that it runs in.
        process: u32,
    },
    /// A setting is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A worker was to be started where there is no runtime: neither a current one nor one that the server knows.
    #[error("no tokio runtime for the worker `{name}`: neither a current one nor the service's")]
    NoRuntime {
        /// The worker's name.
        name: std::sync::Arc<str>,
    },
    /// The operating system gave no thread, or the thread no event loop.
    #[error("cannot start the monitor server's thread `{name}`")]
    Thread {
        /// The thread's name.
        name: &'static str,
        /// The operating system's error.
        source: io::Error,
    },
}

/// Why a snapshot was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The file cannot be written.
    #[error("cannot write {}", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// There is nothing to write: the history is off, or this process is a fork of the server's.
    #[error("no history is kept in this process: {} is not written", file.display())]
    NoHistory {
        /// The file.
        file: PathBuf,
    },
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// The text is no YAML.
    #[error("{place}: no valid YAML")]
    Syntax {
        /// Where.
        place: Place,
        /// The YAML reader's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The document lacks the section.
    #[error("{place}: there is no such section in the document")]
    MissingSection {
        /// File and section.
        place: Place,
    },
    /// The rules of `errors` cannot be used.
    #[error("configuration: {0}")]
    Rules(monitor_core::RuleError),
    /// A key that means nothing here.
    #[error("{place}: unknown key; the nearest valid one is `{nearest}`")]
    UnknownKey {
        /// Where; the key path ends with the unknown key.
        place: Place,
        /// The valid key most like it.
        nearest: &'static str,
    },
    /// A file that a setting names cannot be read.
    #[error("{place}: cannot read {}", file.display())]
    Unreadable {
        /// Where it is named.
        place: Place,
        /// The file.
        file: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// The content of a file, or the setting itself, cannot be used for its purpose.
    #[error("{place}: cannot be used{}", in_file(file.as_deref()))]
    Unusable {
        /// Where it is named.
        place: Place,
        /// The file, if it is in one.
        file: Option<PathBuf>,
        /// The reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A setting that needs a cargo feature this program was built without.
    #[error("{place}: needs the cargo feature `{feature}` of monitor-server")]
    MissingFeature {
        /// Where.
        place: Place,
        /// The feature's name.
        feature: &'static str,
    },
    /// A key that must be given is not.
    #[error("{place}: missing; expected {expected}")]
    Missing {
        /// Where; the key path ends with the missing key.
        place: Place,
        /// The values that are valid.
        expected: &'static str,
    },
    /// A label that cannot be on every series.
    #[error("{place}: {error}; its value is {found}")]
    Label {
        /// Where; the key path ends with the label's name.
        place: Place,
        /// The reason.
        error: Box<monitor_core::config::ConstLabelError>,
        /// The label's value as text, in backticks.
        found: String,
    },
    /// A value that cannot be used.
    #[error("{place}: expected {expected}, found {found}")]
    Invalid {
        /// Where.
        place: Place,
        /// The values that are valid.
        expected: &'static str,
        /// The value as text: numbers and texts in backticks.
        found: String,
    },
}

/// An error with all its sources, for a line of the log.
pub(crate) fn with_sources(error: &dyn std::error::Error) -> String {
    let errors = std::iter::successors(Some(error), |error| error.source());
    errors
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

/// Names the file that something is in.
fn in_file(file: Option<&Path>) -> String {
    file.map_or_else(String::new, |file| format!(": {}", file.display()))
}

impl ConfigError {
    /// The setting there, or the file that it names, cannot be used.
    pub(crate) fn unusable(
        place: &Place,
        file: Option<&Path>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Unusable {
            place: place.clone(),
            file: file.map(Path::to_owned),
            source: source.into(),
        }
    }
}

/// Where a setting is written: key path, and file and line or the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// The source that the setting was read from.
    pub origin: Origin,
    /// The line there, from 1; `None` where there are no lines.
    pub line: Option<u64>,
    /// The column in the line, in characters from 1; `None` where there are no lines.
    pub column: Option<u32>,
    /// The path of keys from the section down (`errors.FATAL.service_errors[0]`), or the name of the environment
    /// variable; empty for the section itself.
    pub key: String,
}

impl Place {
    /// A setting's place, with line and column where it stands in a document.
    pub(crate) fn new(origin: Origin, position: Option<(u64, u32)>, key: String) -> Self {
        let (line, column) = position.unzip();
        Self {
            origin,
            line,
            column,
            key,
        }
    }
}

/// A source of settings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Origin {
    /// Calls of the builder.
    #[default]
    Code,
    /// A text handed to [`MonitorConfig::from_yaml`](crate::MonitorConfig::from_yaml).
    Yaml,
    /// A file.
    File(PathBuf),
    /// The environment.
    Environment,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::Code => f.write_str("configuration")?,
            Origin::Yaml => f.write_str("yaml")?,
            Origin::File(path) => write!(f, "{}", path.display())?,
            Origin::Environment => f.write_str("environment")?,
        }
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if self.key.is_empty() {
            Ok(())
        } else {
            write!(f, ": `{}`", self.key)
        }
    }
}

/// Calls were still running when the time limit of a wait passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{left} calls still run after {limit:?}")]
#[non_exhaustive]
pub struct TasksLeft {
    /// How many: all calls, entry calls and others, and the tasks of the section `tasks`.
    pub left: u64,
    /// The limit that passed.
    pub limit: Duration,
}
