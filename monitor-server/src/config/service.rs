//! What the service is and how its calls are judged: error rules, constant gauges, name and version, and the labels that every
//! series has.
//!
//! Each of these is a map of a file whose keys are names: of statuses, gauges, labels. What a name or a text may be is said by the
//! `validate_..` functions, for files and for code alike.

use monitor_core::StatusRule;
use monitor_core::config::ConstLabels;
use monitor_core::family::{Family, Label};
use monitor_core::names::is_built_in;
use monitor_core::snapshot::ServiceInfo;

use super::setting::Setting;
use super::setting::{At, Result, expected, shown};
use crate::error::ConfigError;
use crate::process::Service;
use crate::process::is_family;

/// Names and values of labels, as they were given.
pub(super) type GivenLabels = Vec<(String, String)>;

/// The family of the original that may be named as a gauge, and is overwritten.
pub(super) const OVERWRITTEN: &str = "service_threads";

impl Setting for Vec<StatusRule> {
    fn read(&mut self, at: &At<'_>) -> Result {
        *self = at.entries(|status, at| {
            let mut rule = StatusRule {
                status: status.to_owned(),
                service_errors: Vec::new(),
                unhealthy: -1,
            };
            at.each(&["service_errors", "unhealthy"], &mut |key, at| match key {
                "service_errors" => at.words().map(|words| rule.service_errors = words),
                _ => rule.unhealthy.read(at),
            })?;
            Ok(rule)
        })?;
        Ok(())
    }
}

/// A blank word would be found in every error (defect E6 of the original).
pub(super) fn validate_rule(rule: &StatusRule, at: &At<'_>) -> Result {
    let at = at.key(&rule.status);
    at.require_not_blank("the name of a status", &rule.status)?;
    validate_words(&rule.service_errors, &at.key("service_errors"))
}

pub(super) fn validate_words(words: &[impl AsRef<str>], at: &At<'_>) -> Result {
    for (index, word) in words.iter().enumerate() {
        at.index(index)
            .require_not_blank(expected::WORD, word.as_ref())?;
    }
    Ok(())
}

impl Setting for Vec<ServiceInfo> {
    fn read(&mut self, at: &At<'_>) -> Result {
        *self = at.entries(|name, at| {
            let (mut info, mut value) = (None::<String>, None::<f64>);
            at.each(&["info", "value"], &mut |key, at| match key {
                "info" => info.read(at),
                _ => value.read(at),
            })?;
            Ok(ServiceInfo {
                name: name.into(),
                info: info
                    .ok_or_else(|| at.missing("info", expected::TEXT))?
                    .into(),
                value: value.ok_or_else(|| at.missing("value", expected::NUMBER))?,
            })
        })?;
        Ok(())
    }
}

/// An error for the name of a gauge that no exposition may carry, or that another family has, or may come to have.
pub(super) fn validate_gauge(name: &str, at: &At<'_>) -> Result {
    let at = at.key(name);
    let is_letter = |c: char| c.is_ascii_alphabetic() || "_:".contains(c);
    let is_name =
        name.starts_with(is_letter) && name.chars().all(|c| is_letter(c) || c.is_ascii_digit());
    let expected = "a metric name (letters, digits, `_` and `:`, no digit first)";
    at.require(is_name, expected, name)?;
    // All families that the service's code or the server makes begin with one of these.
    let is_reserved = ["stats_", "monitor_"]
        .iter()
        .any(|prefix| name.starts_with(prefix));
    // Endings of the samples that a family derives from its name.
    let base = ["_total", "_created", "_bucket", "_sum", "_count"]
        .iter()
        .find_map(|ending| name.strip_suffix(ending))
        .unwrap_or(name);
    let is_taken = |name| is_built_in(name) || is_family(name);
    let taken = base != OVERWRITTEN && (is_taken(name) || is_taken(base));
    at.require(
        !is_reserved && !taken,
        "a name that no built-in metric has",
        name,
    )
}

impl Setting for Option<Service> {
    fn read(&mut self, at: &At<'_>) -> Result {
        let [mut name, mut version, mut revision] = [None, None, None];
        at.each(&["name", "version", "revision"], &mut |key, at| {
            let text = Some(at.text(expected::NOT_BLANK)?);
            match key {
                "name" => name = text,
                "version" => version = text,
                _ => revision = text,
            }
            Ok(())
        })?;
        let service = Service::new(
            name.ok_or_else(|| at.missing("name", expected::NOT_BLANK))?,
            version.ok_or_else(|| at.missing("version", expected::NOT_BLANK))?,
        );
        *self = Some(match revision {
            Some(revision) => service.revision(revision),
            None => service,
        });
        Ok(())
    }
}

/// Each part of it is a label, and a reader takes a blank one for none.
pub(super) fn validate_service(service: &Service, at: &At<'_>) -> Result {
    service
        .parts()
        .try_for_each(|(name, text)| at.key(name).require_not_blank(expected::NOT_BLANK, text))
}

impl Setting for GivenLabels {
    fn read(&mut self, at: &At<'_>) -> Result {
        *self = at.entries(|name, at| Ok((name.to_owned(), at.text(expected::NOT_BLANK)?)))?;
        Ok(())
    }
}

/// The labels for the storage; an error for the first that cannot be on every series.
pub(super) fn const_labels(given: &GivenLabels, at: &At<'_>) -> Result<ConstLabels> {
    let mut labels = ConstLabels::default();
    for (index, (name, value)) in given.iter().enumerate() {
        let at = at.key(name);
        at.require_not_blank(expected::NOT_BLANK, value)?;
        let so_far = given[..=index].iter().cloned();
        labels = ConstLabels::try_new(so_far).map_err(|error| ConfigError::Label {
            place: at.place(),
            error: error.into(),
            found: format!("the text `{}`", shown(value)),
        })?;
    }
    Ok(labels)
}

/// Puts these labels on every series of families that are not the storage's, but for those of a name that a series has itself,
/// as a storage does with its own.
pub(crate) fn add_to_all(families: &mut [Family], labels: &[Label]) {
    if labels.is_empty() {
        return;
    }
    let children = families.iter_mut().flat_map(|family| &mut family.children);
    for child in children {
        let is_new = |label: &&Label| child.labels.iter().all(|own| own.name != label.name);
        let new = labels.iter().filter(is_new);
        let mut all: Vec<Label> = child.labels.iter().chain(new).cloned().collect();
        all.sort_unstable();
        child.labels = all.into();
    }
}

#[cfg(all(test, feature = "yaml"))]
mod tests;
