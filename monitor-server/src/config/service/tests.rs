//! The service and its labels; the refusals of YAML are in `config/tests/refusals.txt`.

use monitor_core::family::{Child, ChildValue, FamilyType};

use super::*;
use crate::MonitorConfig;

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
fn process_metrics_can_be_left_out() -> Result<(), ConfigError> {
    for (yaml, is_on) in [
        ("", true),
        ("process_metrics: true", true),
        ("process_metrics: 'false'", false),
    ] {
        let process = MonitorConfig::from_yaml(yaml)?.process;
        assert_eq!(process.metrics, is_on, "{yaml}");
    }
    Ok(())
}

fn const_labels(config: &MonitorConfig) -> Result<Vec<(String, String)>, ConfigError> {
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
    assert_eq!(const_labels(&MonitorConfig::default())?, []);
    assert_eq!(const_labels(&MonitorConfig::from_yaml("labels:")?)?, []);
    let config = MonitorConfig::from_yaml("labels: {env: prod, dc: fra1, release: '1.10'}")?;
    let expected = pairs(&[("dc", "fra1"), ("env", "prod"), ("release", "1.10")]);
    assert_eq!(const_labels(&config)?, expected);
    let config = config.const_label("env", "test").const_label("a", "b");
    let expected = [
        ("a", "b"),
        ("dc", "fra1"),
        ("env", "test"),
        ("release", "1.10"),
    ];
    assert_eq!(const_labels(&config)?, pairs(&expected));
    Ok(())
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

fn owned(labels: &[(&'static str, &str)]) -> Vec<Label> {
    let label = |(name, value): &(&'static str, &str)| Label {
        name: (*name).into(),
        value: (*value).into(),
    };
    labels.iter().map(label).collect()
}

#[test]
fn a_series_own_label_goes_before_one_that_all_have() {
    let own: [&[(&str, &str)]; 3] = [&[], &[("code", "200")], &[("env", "own"), ("z", "1")]];
    let child = |own: &&[(&'static str, &str)]| Child::new(owned(own), ChildValue::Int(1));
    let mut families = [Family {
        name: "a".into(),
        help: "".into(),
        kind: FamilyType::Gauge,
        unit: None,
        children: own.iter().map(child).collect(),
    }];
    let before = families.clone();
    add_to_all(&mut families, &[]);
    assert_eq!(families, before);
    add_to_all(&mut families, &owned(&[("dc", "fra1"), ("env", "prod")]));
    let found = families[0]
        .children
        .iter()
        .map(|child| child.labels.to_vec());
    let expected = [
        owned(&[("dc", "fra1"), ("env", "prod")]),
        owned(&[("code", "200"), ("dc", "fra1"), ("env", "prod")]),
        owned(&[("dc", "fra1"), ("env", "own"), ("z", "1")]),
    ];
    assert_eq!(found.collect::<Vec<_>>(), expected);
}
