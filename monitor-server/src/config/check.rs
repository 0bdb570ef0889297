//! Refusals of settings made in code. What was read from YAML was checked there, with its line.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use monitor_core::StatusRule;

use super::section::{self, At};
use super::values::{MAX_PAGE_AGE, MAX_SECONDS, expected};
use super::yaml::Value;
use super::{Limits, MonitorConfig};
use super::{health, service};
use crate::endpoint::Endpoint;
use crate::error::{ConfigError, Origin};
use crate::process::{Process, Service};

/// Longest name of a method, as [`MethodError::TooLong`](monitor_core::MethodError::TooLong) has it.
const MAX_METHOD_BYTES: usize = 120;

/// Refuses the first setting that cannot be.
pub(super) fn check(config: &MonitorConfig) -> Result<(), ConfigError> {
    for rule in &config.errors {
        check_rule(rule)?;
    }
    for gauge in &config.service_info {
        let at = At::named(&Origin::Code, format!("service info.{}", gauge.name));
        section::check_info_name(&at, &gauge.name)?;
    }
    check_listen(config.unix.as_deref())?;
    check_methods(&config.methods)?;
    check_process(&config.process)?;
    health::check(&config.health)?;
    check_render_cache(config.render_cache)?;
    config.security.check()?;
    check_limits(&config.limits)
}

/// A relative path would depend on where the service happens to be started.
fn check_listen(unix: Option<&Path>) -> Result<(), ConfigError> {
    match unix {
        Some(path) if !(cfg!(unix) && path.is_absolute()) => {
            let found = Endpoint::Unix(path.to_owned()).to_string();
            Err(At::named(&Origin::Code, "listen").invalid(expected::LISTEN, &Value::Text(found)))
        }
        _ => Ok(()),
    }
}

fn check_rule(rule: &StatusRule) -> Result<(), ConfigError> {
    let path = format!("errors.{}", rule.status);
    section::check_status(&At::named(&Origin::Code, path.as_str()), &rule.status)?;
    for (index, word) in rule.service_errors.iter().enumerate() {
        let path = format!("{path}.service_errors[{index}]");
        section::check_word(&At::named(&Origin::Code, path), word)?;
    }
    Ok(())
}

/// Refuses what [`Monitor::method`](monitor_core::Monitor::method) would refuse.
fn check_methods(names: &[Arc<str>]) -> Result<(), ConfigError> {
    for (index, name) in names.iter().enumerate() {
        if !(1..=MAX_METHOD_BYTES).contains(&name.len()) {
            let at = At::named(&Origin::Code, format!("methods[{index}]"));
            return Err(at.invalid(expected::METHOD, &Value::Text(name.to_string())));
        }
    }
    Ok(())
}

fn check_process(process: &Process) -> Result<(), ConfigError> {
    let parts = process.service.iter().flat_map(Service::parts);
    for (name, text) in parts {
        let at = At::named(&Origin::Code, format!("service.{name}"));
        service::check_text(&at, text)?;
    }
    for name in process.runtime_names() {
        service::check_text(&At::named(&Origin::Code, "runtime"), name)?;
    }
    Ok(())
}

fn check_render_cache(age: Option<Duration>) -> Result<(), ConfigError> {
    match age.map(|age| age.as_secs_f64()) {
        Some(seconds) if seconds > MAX_PAGE_AGE => {
            let at = At::named(&Origin::Code, "render_cache");
            Err(at.invalid(expected::PAGE_AGE, &Value::Float(seconds.into())))
        }
        _ => Ok(()),
    }
}

/// What the HTTP library would panic at, or sums with the clock.
fn check_limits(limits: &Limits) -> Result<(), ConfigError> {
    for (key, time) in [
        ("header_timeout", limits.header_timeout),
        ("connection_timeout", limits.connection_timeout),
        ("stop_grace", limits.stop_grace),
        ("gather_timeout", limits.gather_timeout),
        ("scrape_timeout", limits.scrape_timeout),
    ] {
        if time.as_secs_f64() > MAX_SECONDS {
            let at = At::named(&Origin::Code, format!("limits.{key}"));
            return Err(at.invalid(expected::TIMEOUT, &Value::Float(time.as_secs_f64().into())));
        }
    }
    section::check_limits(limits).map_err(|wanted| {
        let (key, found) = if wanted == expected::HEADERS {
            ("limits.max_headers", limits.max_headers)
        } else {
            ("limits.max_header_bytes", limits.max_header_bytes)
        };
        let found = i128::try_from(found).unwrap_or(i128::MAX);
        At::named(&Origin::Code, key).invalid(wanted, &Value::Int(found.into()))
    })
}
