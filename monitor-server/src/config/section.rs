//! Reads the section's keys into a [`MonitorConfig`]; every refusal names place, key and value.

use monitor_core::StatusRule;
use monitor_core::snapshot::ServiceInfo;

use super::limits::{Limits, MAX_HEADERS, MIN_HEADER_BYTES};
use super::values::{
    expected, flag, integer, listen, map, number, page_age, port, profile, seconds, text, whole,
};
use super::yaml::{Key, Node, UNSPACED_TOKENS, Value};
use super::{MonitorConfig, health, labels, names, security, service};
use crate::error::{ConfigError, Origin, Place};

const KEYS: &[&str] = &[
    "listen",
    "port",
    "errors",
    "service info",
    "service",
    "process_metrics",
    "max_workers",
    "hpa_max_workers",
    "inittime_label",
    "labels",
    "max_series",
    "idle_series",
    "profile",
    "strict",
    "render_cache",
    "disable_compression",
    "wait_for_started",
    "health",
    "limits",
    "web_config",
    "bearer_tokens",
    "bearer_token_file",
    "allow_from",
];

const LIMIT_KEYS: &[&str] = &[
    "max_connections",
    "header_timeout",
    "connection_timeout",
    "max_header_bytes",
    "max_headers",
    "stop_grace",
    "gather_timeout",
    "scrape_timeout",
    "max_scrapes",
    "max_page_bytes",
];

const RULE_KEYS: &[&str] = &["service_errors", "unhealthy"];

const INFO_KEYS: &[&str] = &["info", "value"];

/// A position in the document: what to say about a value that is wrong.
#[derive(Debug, Clone)]
pub(super) struct At<'a> {
    origin: &'a Origin,
    line: Option<u64>,
    path: String,
}

impl<'a> At<'a> {
    pub(super) fn section(origin: &'a Origin, line: u64) -> Self {
        Self {
            origin,
            line: Some(line),
            path: String::new(),
        }
    }

    /// A position that has no line: a call of the builder, an environment variable.
    pub(super) fn named(origin: &'a Origin, path: impl Into<String>) -> Self {
        Self {
            origin,
            line: None,
            path: path.into(),
        }
    }

    pub(super) fn key(&self, name: &str, line: u64) -> Self {
        let path = if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        };
        Self {
            origin: self.origin,
            line: Some(line),
            path,
        }
    }

    pub(super) fn index(&self, index: usize, line: u64) -> Self {
        Self {
            origin: self.origin,
            line: Some(line),
            path: format!("{}[{index}]", self.path),
        }
    }

    pub(super) fn place(&self) -> Place {
        Place {
            origin: self.origin.clone(),
            line: self.line,
            key: self.path.clone(),
        }
    }

    pub(super) fn invalid(&self, expected: &'static str, found: &Value) -> ConfigError {
        ConfigError::Invalid {
            place: self.place(),
            expected,
            found: found.to_string(),
        }
    }

    /// The same of a value that may be, or hold, a secret.
    pub(super) fn hidden(&self, expected: &'static str) -> ConfigError {
        self.invalid(expected, &Value::Text("<secret>".to_owned()))
    }

    pub(super) fn unknown(&self, key: &Key, known: &[&'static str]) -> ConfigError {
        if key.name.starts_with(UNSPACED_TOKENS) {
            return self.unknown_hidden(key, known);
        }
        self.unknown_as(&key.name, key.line, known)
    }

    /// The same of a key that may hold a secret.
    pub(super) fn unknown_hidden(&self, key: &Key, known: &[&'static str]) -> ConfigError {
        self.unknown_as(&without_secret(&key.name), key.line, known)
    }

    fn unknown_as(&self, name: &str, line: u64, known: &[&'static str]) -> ConfigError {
        let unspaced = name.split(':').next().unwrap_or(name);
        ConfigError::UnknownKey {
            place: self.key(name, line).place(),
            nearest: names::nearest(unspaced, known),
        }
    }
}

/// With a forgotten space, `{ann:$2y$..}` is a key without a value, and the secret is in the key; so it is where a hash stands
/// before its user.
pub(super) fn without_secret(name: &str) -> String {
    match name.split_once(':') {
        Some((name, _)) => format!("{name}:<secret>"),
        None if name.starts_with("$2") => "<secret>".to_owned(),
        None => name.to_owned(),
    }
}

/// Reads the whole section on top of what `config` holds.
pub(super) fn apply(
    config: &mut MonitorConfig,
    at: &At<'_>,
    section: &Node,
) -> Result<(), ConfigError> {
    let entries = map(at, section)?;
    // The port of `listen` gives way to `port`, whatever their order in the document.
    let (listen, others): (Vec<_>, Vec<_>) =
        entries.iter().partition(|(key, _)| key.name == "listen");
    for (key, node) in listen.into_iter().chain(others) {
        if !KEYS.contains(&key.name.as_str()) {
            return Err(at.unknown(key, KEYS));
        }
        if !matches!(node.value, Value::Null(_)) {
            apply_key(config, &key.name, &at.key(&key.name, node.line), node)?;
        }
    }
    Ok(())
}

fn apply_key(
    config: &mut MonitorConfig,
    key: &str,
    at: &At<'_>,
    node: &Node,
) -> Result<(), ConfigError> {
    match key {
        "listen" => config.set_listen(listen(at, &node.value)?),
        "port" => config.port = port(at, &node.value)?,
        "errors" => config.errors = rules(at, node)?,
        "service info" => config.service_info = service_info(at, node)?,
        "service" => config.process.service = Some(service::service(at, node)?),
        "process_metrics" => config.process.metrics = flag(at, &node.value)?,
        "max_workers" => config.max_workers = whole(at, &node.value)?,
        "hpa_max_workers" => config.hpa_max_workers = Some(whole(at, &node.value)?),
        "inittime_label" => config.inittime_label = flag(at, &node.value)?,
        "labels" => config.labels = labels::labels(at, node)?,
        "max_series" => config.max_series = whole(at, &node.value)?,
        "idle_series" => config.idle_series = seconds(at, &node.value)?,
        "profile" => config.profile = profile(at, &node.value)?,
        "strict" => config.strict = flag(at, &node.value)?,
        "render_cache" => config.render_cache = Some(page_age(at, &node.value)?),
        "disable_compression" => config.disable_compression = flag(at, &node.value)?,
        "wait_for_started" => config.wait_for_started = flag(at, &node.value)?,
        "health" => health::apply(&mut config.health, at, node)?,
        "limits" => apply_limits(&mut config.limits, at, node)?,
        _ => security::apply(&mut config.security, key, at, node)?,
    }
    Ok(())
}

fn apply_limits(limits: &mut Limits, at: &At<'_>, node: &Node) -> Result<(), ConfigError> {
    for (key, node) in map(at, node)? {
        let here = at.key(&key.name, node.line);
        let value = &node.value;
        match key.name.as_str() {
            "max_connections" => limits.max_connections = whole(&here, value)?,
            "header_timeout" => limits.header_timeout = seconds(&here, value)?,
            "connection_timeout" => limits.connection_timeout = seconds(&here, value)?,
            "max_header_bytes" => limits.max_header_bytes = whole(&here, value)?,
            "max_headers" => limits.max_headers = whole(&here, value)?,
            "stop_grace" => limits.stop_grace = seconds(&here, value)?,
            "gather_timeout" => limits.gather_timeout = seconds(&here, value)?,
            "scrape_timeout" => limits.scrape_timeout = seconds(&here, value)?,
            "max_scrapes" => limits.max_scrapes = whole(&here, value)?,
            "max_page_bytes" => limits.max_page_bytes = whole(&here, value)?,
            _ => return Err(at.unknown(key, LIMIT_KEYS)),
        }
        check_limits(limits).map_err(|expected| here.invalid(expected, value))?;
    }
    Ok(())
}

/// What the HTTP library would panic at; the message says what is expected.
pub(super) fn check_limits(limits: &Limits) -> Result<(), &'static str> {
    if limits.max_header_bytes < MIN_HEADER_BYTES {
        Err(expected::HEADER_BYTES)
    } else if !(1..=MAX_HEADERS).contains(&limits.max_headers) {
        Err(expected::HEADERS)
    } else {
        Ok(())
    }
}

fn rules(at: &At<'_>, node: &Node) -> Result<Vec<StatusRule>, ConfigError> {
    map(at, node)?
        .iter()
        .map(|(key, node)| rule(&key.name, &at.key(&key.name, node.line), node))
        .collect()
}

fn rule(status: &str, at: &At<'_>, node: &Node) -> Result<StatusRule, ConfigError> {
    check_status(at, status)?;
    let mut rule = StatusRule {
        status: status.to_owned(),
        service_errors: Vec::new(),
        unhealthy: -1,
    };
    if matches!(node.value, Value::Null(_)) {
        return Ok(rule);
    }
    for (key, node) in map(at, node)? {
        let here = at.key(&key.name, node.line);
        match (key.name.as_str(), &node.value) {
            ("service_errors" | "unhealthy", Value::Null(_)) => {}
            ("service_errors", _) => rule.service_errors = words(&here, node)?,
            ("unhealthy", value) => rule.unhealthy = integer(&here, value)?,
            _ => return Err(at.unknown(key, RULE_KEYS)),
        }
    }
    Ok(rule)
}

/// A text in place of the list would be taken letter by letter (defect E7 of the original), and a blank word would
/// match every error (E6).
pub(super) fn words(at: &At<'_>, node: &Node) -> Result<Vec<String>, ConfigError> {
    let Value::List(items) = &node.value else {
        return Err(at.invalid(expected::WORDS, &node.value));
    };
    let word = |(index, item): (usize, &Node)| match &item.value {
        Value::Text(word) => {
            check_word(&at.index(index, item.line), word)?;
            Ok(word.clone())
        }
        // Such a word may well be meant: a status code, a `no`.
        Value::Bool(_) | Value::Int(_) | Value::Float(_) => Err(at
            .index(index, item.line)
            .invalid(expected::QUOTED, &item.value)),
        other => Err(at.index(index, item.line).invalid(expected::WORD, other)),
    };
    items.iter().enumerate().map(word).collect()
}

/// Refuses a word that would be found in every error.
pub(super) fn check_word(at: &At<'_>, word: &str) -> Result<(), ConfigError> {
    if word.trim().is_empty() {
        return Err(at.invalid(expected::WORD, &Value::Text(word.to_owned())));
    }
    Ok(())
}

/// Refuses a status without a name.
pub(super) fn check_status(at: &At<'_>, status: &str) -> Result<(), ConfigError> {
    if status.trim().is_empty() {
        return Err(at.invalid(expected::STATUS, &Value::Text(status.to_owned())));
    }
    Ok(())
}

fn service_info(at: &At<'_>, node: &Node) -> Result<Vec<ServiceInfo>, ConfigError> {
    let gauge = |(key, node): &(Key, Node)| info(&key.name, &at.key(&key.name, node.line), node);
    map(at, node)?.iter().map(gauge).collect()
}

fn info(name: &str, at: &At<'_>, node: &Node) -> Result<ServiceInfo, ConfigError> {
    check_info_name(at, name)?;
    let (mut help, mut number_given) = (None, None);
    for (key, node) in map(at, node)? {
        let here = at.key(&key.name, node.line);
        match key.name.as_str() {
            "info" => help = Some(text(&here, &node.value)?),
            "value" => number_given = Some(number(&here, &node.value)?),
            _ => return Err(at.unknown(key, INFO_KEYS)),
        }
    }
    let missing = |key, expected| ConfigError::Missing {
        place: at.key(key, node.line).place(),
        expected,
    };
    Ok(ServiceInfo {
        name: name.into(),
        info: help.ok_or_else(|| missing("info", expected::TEXT))?.into(),
        value: number_given.ok_or_else(|| missing("value", expected::NUMBER))?,
    })
}

/// Refuses a name that no exposition may carry, or that another family has.
pub(super) fn check_info_name(at: &At<'_>, name: &str) -> Result<(), ConfigError> {
    names::check(name).map_err(|expected| at.invalid(expected, &Value::Text(name.to_owned())))
}
