//! Why a request is refused or fails, as types.
//!
//! The words in `service.yaml` are searched for in the messages of these errors, so no message repeats a client's input:
//! a text that mentions "unreachable" must not look like a dead dictionary.

use std::net::SocketAddr;
use std::time::Duration;

use thiserror::Error;

/// Why a request has no answer.
#[derive(Debug, Error)]
pub(crate) enum TextError {
    /// Nothing but white space.
    #[error("empty text")]
    Empty,
    /// Longer than the service takes.
    #[error("text too long: {bytes} bytes, at most {limit} are taken")]
    TooLong { bytes: usize, limit: usize },
    /// Bytes that are no text.
    #[error("text is not UTF-8 from byte {valid_up_to} on")]
    NotUtf8 { valid_up_to: usize },
    /// Not the JSON the route expects. Only the place is kept: serde's message repeats the input.
    #[error("bad JSON at line {line}, column {column}")]
    BadJson { line: usize, column: usize },
    /// A name that no shipped text has.
    #[error("unknown text")]
    UnknownText,
    /// The index of the shipped texts cannot be read.
    #[error("the index is damaged")]
    Index,
    /// The dictionary, a dependency, failed.
    #[error("no spelling without the dictionary")]
    Dictionary(#[from] DictionaryError),
}

impl TextError {
    /// Whether the client is at fault.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Empty | Self::NotUtf8 { .. } | Self::BadJson { .. } => 400,
            Self::UnknownText => 404,
            Self::TooLong { .. } => 413,
            Self::Index => 500,
            Self::Dictionary(_) => 503,
        }
    }
}

impl From<serde_json::Error> for TextError {
    fn from(error: serde_json::Error) -> Self {
        Self::BadJson {
            line: error.line(),
            column: error.column(),
        }
    }
}

/// Why the dictionary did not answer.
#[derive(Debug, Error)]
pub(crate) enum DictionaryError {
    /// The address has no listener, or the connection broke.
    #[error("the dictionary at {addr} is unreachable")]
    Unreachable {
        addr: SocketAddr,
        source: std::io::Error,
    },
    /// It took too long.
    #[error("the dictionary timed out after {0:?}")]
    TimedOut(Duration),
}

/// Why the program did not start, or did not end well.
#[derive(Debug, Error)]
pub(crate) enum ServiceError {
    /// The service's own port.
    #[error("cannot serve on {addr}")]
    Bind {
        addr: SocketAddr,
        source: std::io::Error,
    },
    /// The configuration.
    #[error("bad configuration")]
    Config(#[from] monitor_server::ConfigError),
    /// The monitoring server.
    #[error("cannot start monitoring")]
    Monitoring(#[from] monitor_server::RunError),
    /// A metric of ours has a name the storage refuses.
    #[error("cannot register a metric")]
    Metric(#[from] monitor_core::StatsError),
    /// A method of ours has a name the storage refuses.
    #[error("cannot register a method")]
    Method(#[from] monitor_core::MethodError),
    /// The dictionary's port, or the signals.
    #[error("cannot set up {what}")]
    Setup {
        what: &'static str,
        source: std::io::Error,
    },
    /// Requests that did not end in time.
    #[error("stopped before every request had ended")]
    Drain(#[from] monitor_server::TasksLeft),
}
