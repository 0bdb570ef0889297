//! Settings of the service: error rules, constant gauges, name and version, and the labels that every series has.
//!
//! Each of these is a map of a file whose keys are names: of statuses, gauges, labels. Names and texts are checked by
//! the `validate_..` functions, for files and for code alike.

use monitor_core::StatusRule;
use monitor_core::config::{Buckets, BucketsError, ConstLabels, Namespace, NamespaceError};
use monitor_core::family::{Family, Label};
use monitor_core::names::is_built_in;
use monitor_core::snapshot::ServiceInfo;

use super::setting::{At, Result, Scalar, expected, shown};
use crate::error::ConfigError;
use crate::process::Service;
use crate::process::is_family;

/// Names and values of labels, as they were given.
pub(super) type GivenLabels = Vec<(String, String)>;

/// A namespace, as it was given.
#[derive(Debug, Clone)]
pub(super) struct GivenNamespace(String);

impl Default for GivenNamespace {
    fn default() -> Self {
        Self(Namespace::default().as_str().to_owned())
    }
}

impl From<String> for GivenNamespace {
    fn from(namespace: String) -> Self {
        Self(namespace)
    }
}

/// The family of the original that may be named as a gauge, and is overwritten.
pub(super) const OVERWRITTEN: &str = "service_threads";

pub(super) fn rules(at: &At<'_>) -> Result<Vec<StatusRule>> {
    at.entries(|status, at| {
        at.known(&["service_errors", "unhealthy"])?;
        let words = at.get("service_errors", At::words)?;
        Ok(StatusRule {
            status: status.to_owned(),
            service_errors: words.unwrap_or_default(),
            unhealthy: at.get("unhealthy", At::scalar)?.unwrap_or(-1),
        })
    })
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

pub(super) fn gauges(at: &At<'_>) -> Result<Vec<ServiceInfo>> {
    at.entries(|name, at| {
        at.known(&["info", "value"])?;
        let info: String = at.need("info", String::EXPECTED, At::scalar)?;
        Ok(ServiceInfo {
            name: name.into(),
            info: info.into(),
            value: at.need("value", f64::EXPECTED, At::scalar)?,
        })
    })
}

/// An error for the name of a gauge that no exposition may carry, or that another family has, or may come to have.
pub(super) fn validate_gauge(name: &str, namespace: &Namespace, at: &At<'_>) -> Result {
    let at = at.key(name);
    let is_letter = |c: char| c.is_ascii_alphabetic() || "_:".contains(c);
    let is_name =
        name.starts_with(is_letter) && name.chars().all(|c| is_letter(c) || c.is_ascii_digit());
    let expected = "a metric name (letters, digits, `_` and `:`, no digit first)";
    at.require(is_name, expected, name)?;
    // So begin all families of the server, and those of the service's code in the profile `servicekit`.
    let is_reserved = ["stats_", "monitor_"]
        .iter()
        .any(|prefix| name.starts_with(prefix));
    // Endings of the samples that a family derives from its name.
    let base = ["_total", "_created", "_bucket", "_sum", "_count"]
        .iter()
        .find_map(|ending| name.strip_suffix(ending))
        .unwrap_or(name);
    let is_taken = |name| is_built_in(name, namespace) || is_family(name);
    let taken = base != OVERWRITTEN && (is_taken(name) || is_taken(base));
    at.require(
        !is_reserved && !taken,
        "a name that no built-in metric has",
        name,
    )
}

pub(super) fn service(at: &At<'_>) -> Result<Service> {
    at.known(&["name", "version", "revision"])?;
    let text = |at: &At<'_>| at.text(expected::NOT_BLANK);
    let service = Service::new(
        at.need("name", expected::NOT_BLANK, text)?,
        at.need("version", expected::NOT_BLANK, text)?,
    );
    Ok(match at.get("revision", text)? {
        Some(revision) => service.revision(revision),
        None => service,
    })
}

/// Each part of it is a label, and a reader takes a blank one for none.
pub(super) fn validate_service(service: &Service, at: &At<'_>) -> Result {
    service
        .parts()
        .try_for_each(|(name, text)| at.key(name).require_not_blank(expected::NOT_BLANK, text))
}

pub(super) fn labels(at: &At<'_>) -> Result<GivenLabels> {
    at.entries(|name, at| Ok((name.to_owned(), at.text(expected::NOT_BLANK)?)))
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

pub(super) fn namespace_text(at: &At<'_>) -> Result<String> {
    at.text(NAMESPACE)
}

const NAMESPACE: &str = "letters, digits and `_`, no digit first";

/// The namespace for the storage; an error for one that its families cannot have.
pub(super) fn namespace(given: &GivenNamespace, at: &At<'_>) -> Result<Namespace> {
    Namespace::try_new(&*given.0).map_err(|error| {
        let expected = match error {
            NamespaceError::Reserved { .. } => {
                "a namespace that no families but the service's have"
            }
            _ => NAMESPACE,
        };
        at.invalid(expected, &format_args!("the text `{}`", shown(&given.0)))
    })
}

const BOUNDS: &str = "a list of 1 to 100 bounds";

pub(super) fn bounds(at: &At<'_>) -> Result<Vec<f64>> {
    at.items(BOUNDS, 1, At::scalar)
}

/// The bounds for the storage, none where none are given; an error for the first that cannot be one.
pub(super) fn buckets(given: Option<&[f64]>, at: &At<'_>) -> Result<Option<Buckets>> {
    let Some(given) = given else {
        return Ok(None);
    };
    match Buckets::try_new(given.iter().copied()) {
        Ok(buckets) => Ok(Some(buckets)),
        Err(BucketsError::Bound { index, bound }) => {
            let expected = "a finite number, 0 or more, above the bound before it";
            Err(at.index(index).out_of_range(expected, &bound))
        }
        Err(_) => Err(at.invalid(BOUNDS, &format_args!("{} bounds", given.len()))),
    }
}

/// Puts these labels on every series of families that are not the storage's, but for those of a name that a series has
/// itself, as a storage does with its own.
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
