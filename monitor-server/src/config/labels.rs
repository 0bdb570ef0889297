//! Reads and checks the labels that every series has.

use monitor_core::config::ConstLabels;

use super::section::At;
use super::service;
use super::values::map;
use super::yaml::{Node, Value};
use crate::error::{ConfigError, Origin};

/// Names and values, as they were given.
pub(super) type Given = Vec<(String, String)>;

/// Reads the map `labels`: names to values.
pub(super) fn labels(at: &At<'_>, node: &Node) -> Result<Given, ConfigError> {
    let entries = map(at, node)?;
    let mut given = Given::new();
    for (key, node) in entries {
        let value = service::text(&at.key(&key.name, node.line), &node.value)?;
        given.push((key.name.clone(), value.to_owned()));
    }
    check(&given, |index| {
        let (key, node) = &entries[index];
        at.key(&key.name, node.line)
    })?;
    Ok(given)
}

/// The labels for the storage.
pub(super) fn const_labels(given: &Given) -> Result<ConstLabels, ConfigError> {
    check(given, |index| {
        At::named(&Origin::Code, format!("labels.{}", given[index].0))
    })
}

/// Refuses the first label that cannot be on every series; `at` says where the one of this index is.
fn check<'a>(given: &Given, at: impl Fn(usize) -> At<'a>) -> Result<ConstLabels, ConfigError> {
    let mut checked = ConstLabels::default();
    for (index, (_, value)) in given.iter().enumerate() {
        let at = at(index);
        service::check_text(&at, value)?;
        let so_far = given[..=index].iter().cloned();
        checked = ConstLabels::try_new(so_far).map_err(|error| ConfigError::Label {
            place: at.place(),
            error,
            found: Value::Text(value.clone()).to_string(),
        })?;
    }
    Ok(checked)
}

#[cfg(test)]
mod tests {
    use crate::{ConfigError, MonitorConfig};

    fn read(config: &MonitorConfig) -> Result<Vec<(String, String)>, ConfigError> {
        let labels = config.storage_config()?.const_labels;
        let pairs = labels.iter();
        Ok(pairs
            .map(|label| (label.name.to_string(), label.value.to_string()))
            .collect())
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn labels_are_read_and_those_in_code_add_to_them() -> Result<(), ConfigError> {
        assert_eq!(read(&MonitorConfig::default())?, []);
        assert_eq!(read(&MonitorConfig::from_yaml("labels:")?)?, []);
        let config = MonitorConfig::from_yaml("labels: {env: prod, dc: fra1, release: '1.10'}")?;
        let expected = pairs(&[("dc", "fra1"), ("env", "prod"), ("release", "1.10")]);
        assert_eq!(read(&config)?, expected);
        let config = config.const_label("env", "test").const_label("a", "b");
        let expected = [
            ("a", "b"),
            ("dc", "fra1"),
            ("env", "test"),
            ("release", "1.10"),
        ];
        assert_eq!(read(&config)?, pairs(&expected));
        Ok(())
    }

    #[test]
    fn each_refusal_says_where_and_what() {
        for (yaml, expected) in [
            (
                "labels: prod",
                "yaml:1: `labels`: expected a map, found the text `prod`",
            ),
            (
                "labels:\n  env: prod\n  le: x",
                "yaml:3: `labels.le`: the label name `le` is reserved; its value is the text `x`",
            ),
            (
                "labels: {method: x}",
                "yaml:1: `labels.method`: the label name `method` is reserved; its value is the text `x`",
            ),
            (
                "labels: {a-b: x}",
                "yaml:1: `labels.a-b`: `a-b` is no label name: it has to match [a-zA-Z_][a-zA-Z0-9_]*; its value is the text `x`",
            ),
            (
                "labels: {env: ''}",
                "yaml:1: `labels.env`: expected a text that is not blank, found the text ``",
            ),
            (
                "labels: {env: }",
                "yaml:1: `labels.env`: expected a text that is not blank, found nothing",
            ),
            (
                "labels: {release: 1.10}",
                "yaml:1: `labels.release`: expected a text (put it in quotes), found `1.10`",
            ),
            (
                "labels: {env: [prod]}",
                "yaml:1: `labels.env`: expected a text that is not blank, found a list",
            ),
            (
                "label: {env: prod}",
                "yaml:1: `label`: unknown key; the nearest valid one is `labels`",
            ),
        ] {
            let refused = MonitorConfig::from_yaml(yaml).map_err(|error| error.to_string());
            assert_eq!(refused.expect_err(yaml), expected, "{yaml}");
        }
    }

    #[test]
    fn labels_made_in_code_are_checked_too() {
        for (name, value, expected) in [
            (
                "__x",
                "y",
                "configuration: `labels.__x`: the label name `__x` is reserved; its value is the text `y`",
            ),
            (
                "env",
                " ",
                "configuration: `labels.env`: expected a text that is not blank, found the text ` `",
            ),
        ] {
            let config = MonitorConfig::default().const_label("dc", "fra1");
            let refused = config.const_label(name, value).storage_config();
            assert_eq!(refused.expect_err(name).to_string(), expected);
        }
    }
}
