//! Reads which service it is.

use super::section::At;
use super::values::{expected, map};
use super::yaml::{Node, Value};
use crate::error::ConfigError;
use crate::process::Service;

const KEYS: &[&str] = &["name", "version", "revision"];

/// Reads the map `service`: a name, a version and, where it is given, a revision.
pub(super) fn service(at: &At<'_>, node: &Node) -> Result<Service, ConfigError> {
    let (mut name, mut version, mut revision) = (None, None, None);
    for (key, node) in map(at, node)? {
        let place = match key.name.as_str() {
            "name" => &mut name,
            "version" => &mut version,
            "revision" => &mut revision,
            _ => return Err(at.unknown(key, KEYS)),
        };
        if !matches!(node.value, Value::Null(_)) {
            *place = Some(text(&at.key(&key.name, node.line), &node.value)?);
        }
    }
    let missing = |key| ConfigError::Missing {
        place: at.key(key, node.line).place(),
        expected: expected::NOT_BLANK,
    };
    let service = Service::new(
        name.ok_or_else(|| missing("name"))?,
        version.ok_or_else(|| missing("version"))?,
    );
    Ok(match revision {
        Some(revision) => service.revision(revision),
        None => service,
    })
}

/// A number is refused: `1.10` would be read as 1.1, and a revision of digits as a number.
pub(super) fn text<'v>(at: &At<'_>, value: &'v Value) -> Result<&'v str, ConfigError> {
    match value {
        Value::Text(text) => {
            check_text(at, text)?;
            Ok(text)
        }
        Value::Bool(_) | Value::Int(_) | Value::Float(_) => {
            Err(at.invalid(expected::QUOTED, value))
        }
        other => Err(at.invalid(expected::NOT_BLANK, other)),
    }
}

/// Refuses the value of a label that a reader would take for no label.
pub(super) fn check_text(at: &At<'_>, text: &str) -> Result<(), ConfigError> {
    if text.trim().is_empty() {
        return Err(at.invalid(expected::NOT_BLANK, &Value::Text(text.to_owned())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::{MonitorConfig, Service};

    fn read(yaml: &str) -> Result<Option<Service>, String> {
        match MonitorConfig::from_yaml(yaml) {
            Ok(config) => Ok(config.process.service),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn a_service_has_a_name_a_version_and_perhaps_a_revision() {
        assert_eq!(read("port: 1"), Ok(None));
        assert_eq!(read("service:"), Ok(None));
        let service = Service::new("text", "1.10");
        assert_eq!(
            read("service: {name: text, version: '1.10', revision: }"),
            Ok(Some(service.clone()))
        );
        assert_eq!(
            read(
                "service: {revision: 5f2c1a9, version: '1.10', name: text}\nservice info: {a: {info: b, value: 1}}"
            ),
            Ok(Some(service.revision("5f2c1a9")))
        );
    }

    #[test]
    fn each_refusal_says_where_and_what() {
        for (yaml, expected) in [
            (
                "service: text",
                "yaml:1: `service`: expected a map, found the text `text`",
            ),
            (
                "service: {}",
                "yaml:1: `service.name`: missing; expected a text that is not blank",
            ),
            (
                "service:\n  name: a",
                "yaml:2: `service.version`: missing; expected a text that is not blank",
            ),
            (
                "service: {name: a, version: 1.10}",
                "yaml:1: `service.version`: expected a text (put it in quotes), found `1.10`",
            ),
            (
                "service: {name: ' ', version: b}",
                "yaml:1: `service.name`: expected a text that is not blank, found the text ` `",
            ),
            (
                "service: {nam: a}",
                "yaml:1: `service.nam`: unknown key; the nearest valid one is `name`",
            ),
            (
                "service info: {process_threads: {info: a, value: 1}}",
                "yaml:1: `service info.process_threads`: expected a name that no built-in metric has, found the text `process_threads`",
            ),
        ] {
            assert_eq!(read(yaml), Err(expected.to_owned()), "{yaml}");
        }
    }

    #[test]
    fn blank_names_made_in_code_are_refused() {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.expect("a runtime");
        let config = MonitorConfig::default;
        for (config, place) in [
            (config().service(Service::new("", "1")), "service.name"),
            (config().service(Service::new("a", "\t")), "service.version"),
            (
                config().service(Service::new("a", "1").revision("")),
                "service.revision",
            ),
            (config().runtime(" ", runtime.handle()), "runtime"),
        ] {
            let refused = config.storage_config().map_err(|error| error.to_string());
            let refused = refused.expect_err(place);
            assert!(refused.contains(&format!("`{place}`")), "{refused}");
        }
        let sound = config().service(crate::service!()).process_metrics(false);
        assert!(sound.storage_config().is_ok());
    }

    #[test]
    fn process_metrics_can_be_left_out() -> Result<(), crate::ConfigError> {
        for (yaml, on) in [
            ("", true),
            ("process_metrics: true", true),
            ("process_metrics: 'false'", false),
        ] {
            assert_eq!(
                MonitorConfig::from_yaml(yaml)?.process.metrics,
                on,
                "{yaml}"
            );
        }
        Ok(())
    }
}
