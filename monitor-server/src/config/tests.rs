//! What is read, and every refusal with its exact words.

use std::error::Error;

use super::*;

fn storage(yaml: &str) -> StorageConfig {
    MonitorConfig::from_yaml(yaml)
        .expect("a valid section")
        .storage_config()
        .expect("valid settings")
}

/// The message of a refusal, causes included.
fn refusal(yaml: &str) -> String {
    let error = MonitorConfig::from_yaml(yaml).expect_err(yaml);
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    message
}

fn address(yaml: &str) -> String {
    MonitorConfig::from_yaml(yaml)
        .expect("a valid section")
        .address()
        .to_string()
}

#[test]
fn nothing_given_is_the_original_s_default() {
    for yaml in [
        "",
        "\n",
        "# a comment\n",
        "null",
        "{}",
        "---\n",
        "errors:\nport:\nservice info:\n",
    ] {
        assert_eq!(address(yaml), "0.0.0.0:9999", "{yaml:?}");
        let storage = storage(yaml);
        assert_eq!(storage.max_workers, 1);
        assert_eq!(storage.hpa_max_workers, None);
        assert!(!storage.inittime_label && storage.service_info.is_empty());
        let statuses: Vec<_> = storage
            .errors
            .rules()
            .iter()
            .map(|rule| rule.status.as_str())
            .collect();
        assert_eq!(
            statuses,
            [
                "CONNECTION_ERROR",
                "FATAL",
                "INTERNAL",
                "OTHER_EXCEPTION",
                "UNKNOWN"
            ]
        );
    }
}

#[test]
fn numbers_may_be_text() {
    assert_eq!(address("port: 80"), "0.0.0.0:80");
    assert_eq!(address("port: ' 80 '"), "0.0.0.0:80");
    assert_eq!(address("port: 0"), "0.0.0.0:0");
    let storage = storage(
        "
max_workers: '4'
hpa_max_workers: '8'
max_series: \"0\"
errors: {FATAL: {service_errors: [x], unhealthy: '3'}}
service info:
  version: {info: Version., value: ' 1.5 '}
  builds: {info: Builds., value: 12}
  ratio: {info: Ratio., value: nan}
",
    );
    assert_eq!(
        (
            storage.max_workers,
            storage.hpa_max_workers,
            storage.max_series
        ),
        (4, Some(8), 0)
    );
    let fatal = storage
        .errors
        .rules()
        .iter()
        .find(|rule| rule.status == "FATAL")
        .expect("FATAL");
    assert_eq!(
        (fatal.service_errors.as_slice(), fatal.unhealthy),
        (["x".to_owned()].as_slice(), 3)
    );
    let values: Vec<_> = storage
        .service_info
        .iter()
        .map(|gauge| (&*gauge.name, gauge.value))
        .collect();
    assert_eq!(values[..2], [("version", 1.5), ("builds", 12.0)]);
    assert!(values[2].1.is_nan());
}

#[test]
fn addresses_may_carry_a_port_and_port_wins() {
    let cases = [
        ("listen: 127.0.0.1", "127.0.0.1:9999"),
        ("listen: localhost", "127.0.0.1:9999"),
        ("listen: 'localhost:80'", "127.0.0.1:80"),
        ("listen: '::1'", "[::1]:9999"),
        ("listen: '[::1]'", "[::1]:9999"),
        ("listen: '[::]:0'", "[::]:0"),
        ("listen: 127.0.0.1:80", "127.0.0.1:80"),
        ("{port: 81, listen: '127.0.0.1:80'}", "127.0.0.1:81"),
    ];
    for (yaml, expected) in cases {
        assert_eq!(address(yaml), expected, "{yaml}");
    }
}

#[test]
fn rules_keep_the_order_of_the_document_and_may_be_partial() {
    let storage = storage(
        "errors:\n  ZETA: {service_errors: [z]}\n  ALPHA: {unhealthy: 2}\n  BETA:\n  OK: {service_errors: []}\n",
    );
    let rules: Vec<_> = storage
        .errors
        .rules()
        .iter()
        .map(|rule| (rule.status.as_str(), rule.unhealthy))
        .collect();
    assert_eq!(
        rules[5..],
        [("ZETA", -1), ("ALPHA", 2), ("BETA", -1), ("OK", -1)]
    );
}

#[test]
fn limits_are_read_in_seconds_and_bytes() {
    let config = MonitorConfig::from_yaml(
        "limits: {max_connections: 0, header_timeout: 0.5, connection_timeout: '0', max_header_bytes: 8192, max_headers: 1, stop_grace: 2, gather_timeout: 0.25}",
    )
    .expect("valid");
    let expected = Limits::default()
        .max_connections(0)
        .header_timeout(std::time::Duration::from_millis(500))
        .connection_timeout(std::time::Duration::ZERO)
        .max_header_bytes(8192)
        .max_headers(1)
        .stop_grace(std::time::Duration::from_secs(2))
        .gather_timeout(std::time::Duration::from_millis(250));
    assert_eq!(config.limits, expected);
}

#[test]
fn flags_are_read() {
    let config = MonitorConfig::from_yaml(
        "disable_compression: true\nwait_for_started: 'true'\ninittime_label: true",
    )
    .expect("valid");
    assert!(config.disable_compression && config.wait_for_started && config.inittime_label);
}

/// Sections that are refused, and the whole message.
const REFUSALS: &[(&str, &str)] = &[
    (
        "port: 65536",
        "yaml:1: `port`: expected a port number from 0 to 65535, found `65536`",
    ),
    (
        "\nport: -1",
        "yaml:2: `port`: expected a port number from 0 to 65535, found `-1`",
    ),
    (
        "port: 80.5",
        "yaml:1: `port`: expected a port number from 0 to 65535, found `80.5`",
    ),
    (
        "port: 99.0",
        "yaml:1: `port`: expected a port number from 0 to 65535, found `99.0`",
    ),
    (
        "max_series: 1e3",
        "yaml:1: `max_series`: expected a whole number, 0 or more, found `1000.0`",
    ),
    (
        "1.0: 2",
        "yaml:1: `1.0`: unknown key; the nearest valid one is `port`",
    ),
    (
        "port: http",
        "yaml:1: `port`: expected a port number from 0 to 65535, found the text `http`",
    ),
    (
        "port: [80]",
        "yaml:1: `port`: expected a port number from 0 to 65535, found a list",
    ),
    (
        "listen: example.org",
        "yaml:1: `listen`: expected an IP address, with or without a port, found the text `example.org`",
    ),
    (
        "listen: 5",
        "yaml:1: `listen`: expected an IP address, with or without a port, found `5`",
    ),
    (
        "max_workers: -1",
        "yaml:1: `max_workers`: expected a whole number, 0 or more, found `-1`",
    ),
    (
        "max_workers: many",
        "yaml:1: `max_workers`: expected a whole number, 0 or more, found the text `many`",
    ),
    (
        "hpa_max_workers: 1.5",
        "yaml:1: `hpa_max_workers`: expected a whole number, 0 or more, found `1.5`",
    ),
    (
        "inittime_label: 1",
        "yaml:1: `inittime_label`: expected `true` or `false`, found `1`",
    ),
    (
        "errors: [a]",
        "yaml:1: `errors`: expected a map, found a list",
    ),
    (
        "errors: {'': {unhealthy: 1}}",
        "yaml:1: `errors.`: expected the name of a status, found the text ``",
    ),
    (
        "errors: {' ':}",
        "yaml:1: `errors. `: expected the name of a status, found the text ` `",
    ),
    (
        "errors: {FATAL: 3}",
        "yaml:1: `errors.FATAL`: expected a map, found `3`",
    ),
    (
        "errors: {FATAL: {unhealthy: soon}}",
        "yaml:1: `errors.FATAL.unhealthy`: expected a whole number, found the text `soon`",
    ),
    (
        "errors: {FATAL: {unhealthy: 1.5}}",
        "yaml:1: `errors.FATAL.unhealthy`: expected a whole number, found `1.5`",
    ),
    (
        "errors: {FATAL: {unhealty: 1}}",
        "yaml:1: `errors.FATAL.unhealty`: unknown key; the nearest valid one is `unhealthy`",
    ),
    (
        "service info: 1",
        "yaml:1: `service info`: expected a map, found `1`",
    ),
    (
        "service info: {v: 1}",
        "yaml:1: `service info.v`: expected a map, found `1`",
    ),
    (
        "service info: {v: {value: 1}}",
        "yaml:1: `service info.v.info`: missing; expected a text",
    ),
    (
        "service info: {v: {info: V.}}",
        "yaml:1: `service info.v.value`: missing; expected a number",
    ),
    (
        "service info: {v: {info: V., value: high}}",
        "yaml:1: `service info.v.value`: expected a number, found the text `high`",
    ),
    (
        "service info: {v: {info: V., value: [1]}}",
        "yaml:1: `service info.v.value`: expected a number, found a list",
    ),
    (
        "service info: {v: {info: V., value: true}}",
        "yaml:1: `service info.v.value`: expected a number, found the truth value `true`",
    ),
    (
        "service info: {v: {info: 5, value: 1}}",
        "yaml:1: `service info.v.info`: expected a text, found `5`",
    ),
    (
        "service info: {v: {info: V., val: 1}}",
        "yaml:1: `service info.v.val`: unknown key; the nearest valid one is `value`",
    ),
    (
        "service info: {a-b: {info: V., value: 1}}",
        "yaml:1: `service info.a-b`: expected a metric name (letters, digits, `_` and `:`, no digit first), found the text `a-b`",
    ),
    (
        "service info: {1a: {info: V., value: 1}}",
        "yaml:1: `service info.1a`: expected a metric name (letters, digits, `_` and `:`, no digit first), found the text `1a`",
    ),
    (
        "service info: {tasks_count: {info: V., value: 1}}",
        "yaml:1: `service info.tasks_count`: expected a name that no built-in metric has, found the text `tasks_count`",
    ),
    (
        "service info: {stats_x: {info: V., value: 1}}",
        "yaml:1: `service info.stats_x`: expected a name that no built-in metric has, found the text `stats_x`",
    ),
    (
        "service info: {started_total: {info: V., value: 1}}",
        "yaml:1: `service info.started_total`: expected a name that no built-in metric has, found the text `started_total`",
    ),
    (
        "service info: {tasks_time_spent_quantile_sum: {info: V., value: 1}}",
        "yaml:1: `service info.tasks_time_spent_quantile_sum`: expected a name that no built-in metric has, found the text `tasks_time_spent_quantile_sum`",
    ),
    (
        "limits: {stop_grace: -1}",
        "yaml:1: `limits.stop_grace`: expected a number of seconds, 0 or more, found `-1`",
    ),
    (
        "limits: {stop_grace: .inf}",
        "yaml:1: `limits.stop_grace`: expected a number of seconds, 0 or more, found `inf`",
    ),
    (
        "limits: {max_header_bytes: 100}",
        "yaml:1: `limits.max_header_bytes`: expected a whole number, 8192 or more, found `100`",
    ),
    (
        "limits: {max_headers: 0}",
        "yaml:1: `limits.max_headers`: expected a whole number from 1 to 1024, found `0`",
    ),
    (
        "limits: {max_conections: 0}",
        "yaml:1: `limits.max_conections`: unknown key; the nearest valid one is `max_connections`",
    ),
    (
        "prot: 80",
        "yaml:1: `prot`: unknown key; the nearest valid one is `port`",
    ),
    (
        "max-workers: 2",
        "yaml:1: `max-workers`: unknown key; the nearest valid one is `max_workers`",
    ),
    (
        "port: 1\n\nservice_info: {}",
        "yaml:3: `service_info`: unknown key; the nearest valid one is `service info`",
    ),
    (
        "Errors: {}",
        "yaml:1: `Errors`: unknown key; the nearest valid one is `errors`",
    ),
    ("- port", "yaml:1: expected a map, found a list"),
    ("port", "yaml:1: expected a map, found the text `port`"),
];

#[test]
fn each_refusal_names_place_key_and_value() {
    for (yaml, expected) in REFUSALS {
        assert_eq!(refusal(yaml), *expected, "{yaml}");
    }
}

/// Defect E6 of the original: an empty word is found in every error.
#[test]
fn e6_a_blank_word_is_refused() {
    for (yaml, expected) in [
        (
            "errors:\n  FATAL:\n    service_errors:\n    - oom\n    - ''",
            "yaml:5: `errors.FATAL.service_errors[1]`: expected a word that is not blank, found the text ``",
        ),
        (
            "errors: {FATAL: {service_errors: [' ']}}",
            "yaml:1: `errors.FATAL.service_errors[0]`: expected a word that is not blank, found the text ` `",
        ),
        (
            "errors: {FATAL: {service_errors: [404]}}",
            "yaml:1: `errors.FATAL.service_errors[0]`: expected a text (put it in quotes), found `404`",
        ),
        (
            "errors: {FATAL: {service_errors: [no way, true]}}",
            "yaml:1: `errors.FATAL.service_errors[1]`: expected a text (put it in quotes), found the truth value `true`",
        ),
        (
            "errors: {FATAL: {service_errors: [1.0]}}",
            "yaml:1: `errors.FATAL.service_errors[0]`: expected a text (put it in quotes), found `1.0`",
        ),
        (
            "errors: {FATAL: {service_errors: [null]}}",
            "yaml:1: `errors.FATAL.service_errors[0]`: expected a word that is not blank, found nothing",
        ),
    ] {
        assert_eq!(refusal(yaml), expected, "{yaml}");
    }
    let built = MonitorConfig::default()
        .errors("FATAL", ["oom", ""], 1)
        .storage_config()
        .expect_err("a blank word");
    assert_eq!(
        built.to_string(),
        "configuration: `errors.FATAL.service_errors[1]`: expected a word that is not blank, found the text ``"
    );
}

/// Defect E7 of the original: a text in place of the list is taken letter by letter.
#[test]
fn e7_a_text_in_place_of_the_list_is_refused() {
    assert_eq!(
        refusal("errors:\n  FATAL:\n    service_errors: timeout\n"),
        "yaml:3: `errors.FATAL.service_errors`: expected a list of words, found the text `timeout`"
    );
}

#[test]
fn settings_made_in_code_are_checked_too() {
    let refused = |config: MonitorConfig| config.storage_config().expect_err("refused").to_string();
    assert_eq!(
        refused(MonitorConfig::default().service_info("tasks_count", "Count.", 1.0)),
        "configuration: `service info.tasks_count`: expected a name that no built-in metric has, found the text `tasks_count`"
    );
    assert_eq!(
        refused(MonitorConfig::default().errors("", ["oom"], 1)),
        "configuration: `errors.`: expected the name of a status, found the text ``"
    );
    let words = "w".repeat(1 << 20);
    let many = refused(MonitorConfig::default().errors("FATAL", [words], 1));
    assert!(many.starts_with("configuration: errors: "), "{many}");
    assert_eq!(
        refused(MonitorConfig::default().limits(Limits::default().max_header_bytes(1))),
        "configuration: `limits.max_header_bytes`: expected a whole number, 8192 or more, found `1`"
    );
    assert_eq!(
        refused(MonitorConfig::default().limits(Limits::default().max_headers(5000))),
        "configuration: `limits.max_headers`: expected a whole number from 1 to 1024, found `5000`"
    );
}

#[test]
fn a_name_no_method_may_have_is_refused() {
    let monitor = monitor_core::Monitor::new(StorageConfig::default());
    for (length, allowed) in [
        (0, false),
        (1, true),
        (120, true),
        (121, false),
        (300, false),
    ] {
        let name = "m".repeat(length);
        let config = MonitorConfig::default().methods(["Get", &name]);
        assert_eq!(config.storage_config().is_ok(), allowed, "{length} bytes");
        assert_eq!(monitor.method(&name).is_ok(), allowed, "{length} bytes");
    }
    let refused = |name: String| {
        let config = MonitorConfig::default().methods(["Get".to_owned(), name]);
        config.storage_config().expect_err("refused").to_string()
    };
    let expected = "configuration: `methods[1]`: expected a name of 1 to 120 bytes, found the text";
    assert_eq!(refused(String::new()), format!("{expected} ``"));
    assert_eq!(
        refused("m".repeat(300)),
        format!("{expected} `{}..`", "m".repeat(80))
    );
}

#[test]
fn service_threads_may_be_given_and_is_overwritten() {
    let storage = storage(
        "service info: {service_threads: {info: Threads., value: 7}, v: {info: V., value: 1}}",
    );
    assert_eq!(storage.service_info.len(), 1);
}

#[test]
fn the_environment_wins_over_the_file_and_code_over_both() {
    let config = MonitorConfig::from_yaml("{port: 1, listen: 10.0.0.1}").expect("valid");
    let with = |variables: &'static [(&str, &str)]| {
        config.clone().with_variables(|name| {
            variables
                .iter()
                .find(|(other, _)| *other == name)
                .map(|(_, value)| (*value).to_owned())
        })
    };
    let address = |variables| with(variables).expect("valid").address().to_string();
    assert_eq!(address(&[]), "10.0.0.1:1");
    assert_eq!(address(&[("MONITOR_PORT", "2")]), "10.0.0.1:2");
    assert_eq!(address(&[("MONITOR_LISTEN", "127.0.0.1")]), "127.0.0.1:1");
    assert_eq!(address(&[("MONITOR_LISTEN", "127.0.0.1:3")]), "127.0.0.1:3");
    assert_eq!(
        address(&[("MONITOR_LISTEN", "127.0.0.1:3"), ("MONITOR_PORT", "4")]),
        "127.0.0.1:4"
    );
    assert_eq!(
        address(&[("MONITOR_LISTEN", ""), ("MONITOR_PORT", "")]),
        "10.0.0.1:1"
    );
    let in_code = with(&[("MONITOR_PORT", "2")]).expect("valid").port(5);
    assert_eq!(in_code.address().to_string(), "10.0.0.1:5");
    assert_eq!(
        with(&[("MONITOR_PORT", "many")])
            .expect_err("refused")
            .to_string(),
        "environment: `MONITOR_PORT`: expected a port number from 0 to 65535, found the text `many`"
    );
    assert_eq!(
        with(&[("MONITOR_LISTEN", "here")])
            .expect_err("refused")
            .to_string(),
        "environment: `MONITOR_LISTEN`: expected an IP address, with or without a port, found the text `here`"
    );
}

/// A file that is removed when the test ends.
struct TempFile(std::path::PathBuf);

impl TempFile {
    fn new(name: &str, text: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("monitor-config-{}-{name}.yaml", std::process::id()));
        std::fs::write(&path, text).expect("a file in the temporary directory");
        Self(path)
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn a_section_of_a_document_is_read_and_the_rest_is_not_looked_at() {
    let text = "Ports: &p {anything: [1, {2: x}], port: high}\n3: .inf\nagain: *p\ntagged: !mine [a]\nmerged: {<<: *p, b: !!str 1}\n? [1, 2]\n: yes\nMonitorServer:\n  port: 80\n  listen: 127.0.0.1\n";
    let file = TempFile::new("section", text);
    let config = MonitorConfig::from_file_at(&file.0, "MonitorServer").expect("valid");
    assert_eq!(config.address().to_string(), "127.0.0.1:80");
    let missing = MonitorConfig::from_file_at(&file.0, "Monitor").expect_err("no such section");
    let expected = format!(
        "{}: `Monitor`: there is no such section in the document",
        file.0.display()
    );
    assert_eq!(missing.to_string(), expected);
    let whole = MonitorConfig::from_file(&file.0).expect_err("the document is not the section");
    let expected = format!(
        "{}:1: `Ports`: unknown key; the nearest valid one is `port`",
        file.0.display()
    );
    assert_eq!(whole.to_string(), expected);
}

#[test]
fn a_refusal_names_file_and_line() {
    let file = TempFile::new(
        "line",
        "A: 1\nMonitorServer:\n  errors:\n    INTERNAL: {service_errors: boom}\n",
    );
    let error = MonitorConfig::from_file_at(&file.0, "MonitorServer").expect_err("refused");
    let expected = format!(
        "{}:4: `errors.INTERNAL.service_errors`: expected a list of words, found the text `boom`",
        file.0.display()
    );
    assert_eq!(error.to_string(), expected);
}

#[test]
fn what_is_no_yaml_or_no_file_is_refused() {
    assert!(
        refusal("port: [").starts_with("yaml:"),
        "{}",
        refusal("port: [")
    );
    assert!(
        refusal("port: 1\nport: 2").contains("no valid YAML"),
        "{}",
        refusal("port: 1\nport: 2")
    );
    let error = MonitorConfig::from_file("/nonexistent/service.yaml").expect_err("no such file");
    assert_eq!(error.to_string(), "cannot read /nonexistent/service.yaml");
    assert!(error.source().is_some());
}

#[test]
fn control_characters_do_not_get_into_messages() {
    let message = refusal("listen: \"a\\e[31mb\\n\"");
    assert!(
        !message.contains('\u{1b}') && !message.contains('\n'),
        "{message:?}"
    );
}
