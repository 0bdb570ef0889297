//! Reads single values; every refusal names place, key and value.

use std::net::IpAddr;
use std::time::Duration;

use monitor_core::names::Profile;

use super::Listen;
use super::section::At;
use super::yaml::{Key, Node, Value};
use crate::endpoint::UNIX_PREFIX;
use crate::error::ConfigError;

/// Longest time for which a page may be kept, in seconds.
pub(super) const MAX_PAGE_AGE: f64 = 60.0;

/// Longest time of other kinds, in seconds: 31 years, which keeps sums with the clock in range.
pub(super) const MAX_SECONDS: f64 = 1e9;

/// What a wrong value is measured against; also used for values that do not come from YAML.
pub(super) mod expected {
    pub(crate) const PORT: &str = "a port number from 0 to 65535";
    pub(crate) const LISTEN: &str =
        "an IP address, with or without a port, or `unix:` and an absolute path";
    pub(crate) const WHOLE: &str = "a whole number, 0 or more";
    pub(crate) const INTEGER: &str = "a whole number";
    pub(crate) const NUMBER: &str = "a number";
    pub(crate) const SECONDS: &str = "a number of seconds, 0 or more";
    pub(crate) const TIMEOUT: &str = "at most 1000000000 seconds";
    pub(crate) const FLAG: &str = "`true` or `false`";
    pub(crate) const MAP: &str = "a map";
    pub(crate) const WORDS: &str = "a list of words";
    pub(crate) const WORD: &str = "a word that is not blank";
    pub(crate) const QUOTED: &str = "a text (put it in quotes)";
    pub(crate) const STATUS: &str = "the name of a status";
    pub(crate) const TEXT: &str = "a text";
    pub(crate) const UTF8: &str = "a text in UTF-8";
    pub(crate) const NOT_BLANK: &str = "a text that is not blank";
    pub(crate) const HEADER_BYTES: &str = "a whole number, 8192 or more";
    pub(crate) const METHOD: &str = "a name of 1 to 120 bytes";
    pub(crate) const PAGE_AGE: &str = "a number of seconds from 0 to 60";
    pub(crate) const PROFILE: &str = "`servicekit` or `prometheus`";
    pub(crate) const GROUP: &str = "a name that is not blank, `liveness` or `readiness`";
    pub(crate) const CHECK: &str =
        "a name of 1 to 120 bytes that no group has and is not `default`";
    pub(crate) const TIME: &str = "a time above 0";
    pub(crate) const BCRYPT: &str = "a bcrypt hash (`htpasswd -nBC 10 USER` makes one)";
    pub(crate) const COST: &str = "a bcrypt hash of a cost from 4 to 14";
    pub(crate) const USER: &str = "a user name without a colon";
    pub(crate) const NO_RATE_LIMIT: &str = "no such key: a limit for all clients together keeps the good ones out, and passwords are checked one at a time already";
    pub(crate) const HEADER_NAME: &str = "`Content-Security-Policy`, `X-Frame-Options`, `X-Content-Type-Options`, `X-XSS-Protection` or `Strict-Transport-Security`";
    pub(crate) const HEADER_VALUE: &str = "a value that this header may have";
    pub(crate) const ONE_OF_BOTH: &str = "either the text or the file";
    pub(crate) const FILE: &str = "the path of a file";
    pub(crate) const CLIENT_AUTH: &str = "`NoClientCert`, `VerifyClientCertIfGiven` or `RequireAndVerifyClientCert` (others do not check the certificate)";
    pub(crate) const CHECKS_CLIENTS: &str =
        "a type that checks certificates where there is a `client_ca`";
    pub(crate) const TLS_VERSION: &str = "`TLS12` or `TLS13`";
    pub(crate) const VERSION_ORDER: &str = "a version not later than `max_version`";
    pub(crate) const SANS: &str = "`client_auth_type: RequireAndVerifyClientCert` beside it";
    pub(crate) const NETWORK: &str =
        "an IP address or a network as `10.0.0.0/8`, with no bit set behind its length";
    pub(crate) const NETWORKS: &str = "a list of IP addresses and networks";
    pub(crate) const TOKEN: &str = "a text of at least 16 visible ASCII characters";
    pub(crate) const TOKENS: &str = "a list of tokens";
    pub(crate) const HEADERS: &str = "a whole number from 1 to 1024";
}

pub(super) fn map<'n>(at: &At<'_>, node: &'n Node) -> Result<&'n [(Key, Node)], ConfigError> {
    match &node.value {
        Value::Map(entries) => Ok(entries),
        Value::Null(_) => Ok(&[]),
        other => Err(at.invalid(expected::MAP, other)),
    }
}

/// A whole number, as such or as text.
fn read_integer(value: &Value) -> Option<i128> {
    match value {
        Value::Int(number) => Some(number.value),
        Value::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

pub(super) fn integer(at: &At<'_>, value: &Value) -> Result<i64, ConfigError> {
    let read = read_integer(value).and_then(|number| i64::try_from(number).ok());
    read.ok_or_else(|| at.invalid(expected::INTEGER, value))
}

pub(super) fn whole(at: &At<'_>, value: &Value) -> Result<usize, ConfigError> {
    let read = read_integer(value).and_then(|number| usize::try_from(number).ok());
    read.ok_or_else(|| at.invalid(expected::WHOLE, value))
}

pub(super) fn port(at: &At<'_>, value: &Value) -> Result<u16, ConfigError> {
    let read = read_integer(value).and_then(|number| u16::try_from(number).ok());
    read.ok_or_else(|| at.invalid(expected::PORT, value))
}

pub(super) fn listen(at: &At<'_>, value: &Value) -> Result<Listen, ConfigError> {
    let read = match value {
        Value::Text(text) => read_listen(text.trim()),
        _ => None,
    };
    read.ok_or_else(|| at.invalid(expected::LISTEN, value))
}

fn read_listen(text: &str) -> Option<Listen> {
    let text = text
        .strip_prefix("localhost")
        .map_or_else(|| text.to_owned(), |rest| format!("127.0.0.1{rest}"));
    if let Some(path) = text.strip_prefix(UNIX_PREFIX) {
        return path.starts_with('/').then(|| Listen::Unix(path.into()));
    }
    if let Ok(address) = text.parse::<std::net::SocketAddr>() {
        return Some(Listen::Ip(address.ip(), Some(address.port())));
    }
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(&text);
    let address: IpAddr = bare.parse().ok()?;
    Some(Listen::Ip(address, None))
}

fn read_number(value: &Value) -> Option<f64> {
    match value {
        // Exact below 2^53, and beyond that as near as the original gets.
        #[allow(clippy::cast_precision_loss, reason = "a gauge is a double")]
        Value::Int(number) => Some(number.value as f64),
        Value::Float(number) => Some(number.value),
        Value::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

pub(super) fn number(at: &At<'_>, value: &Value) -> Result<f64, ConfigError> {
    read_number(value).ok_or_else(|| at.invalid(expected::NUMBER, value))
}

pub(super) fn seconds(at: &At<'_>, value: &Value) -> Result<Duration, ConfigError> {
    let read = read_number(value).filter(|seconds| (0.0..=MAX_SECONDS).contains(seconds));
    read.map(Duration::from_secs_f64)
        .ok_or_else(|| at.invalid(expected::SECONDS, value))
}

/// A duration for which a page may be kept: a minute freezes gauges long enough.
pub(super) fn page_age(at: &At<'_>, value: &Value) -> Result<Duration, ConfigError> {
    let read = read_number(value).filter(|seconds| (0.0..=MAX_PAGE_AGE).contains(seconds));
    read.map(Duration::from_secs_f64)
        .ok_or_else(|| at.invalid(expected::PAGE_AGE, value))
}

pub(super) fn profile(at: &At<'_>, value: &Value) -> Result<Profile, ConfigError> {
    let read = match value {
        Value::Text(text) => Profile::ALL.into_iter().find(|known| known.name() == text),
        _ => None,
    };
    read.ok_or_else(|| at.invalid(expected::PROFILE, value))
}

pub(super) fn flag(at: &At<'_>, value: &Value) -> Result<bool, ConfigError> {
    match value {
        Value::Bool(flag) => Ok(flag.value),
        Value::Text(text) if text == "true" => Ok(true),
        Value::Text(text) if text == "false" => Ok(false),
        other => Err(at.invalid(expected::FLAG, other)),
    }
}

pub(super) fn text<'v>(at: &At<'_>, value: &'v Value) -> Result<&'v str, ConfigError> {
    match value {
        Value::Text(text) => Ok(text),
        other => Err(at.invalid(expected::TEXT, other)),
    }
}
