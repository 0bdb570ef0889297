//! Sections that are read, and every refusal with its exact words.

use std::error::Error;
use std::time::Duration;

use monitor_core::{ShareParts, ShareRule};

use super::*;
use crate::test_folder::Folder;

mod environment;
mod refusals;
mod spelling;
mod table;

fn storage(yaml: &str) -> StorageConfig {
    valid(yaml).storage_config().expect("valid settings")
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

fn valid(yaml: &str) -> MonitorConfig {
    MonitorConfig::from_yaml(yaml).expect("a valid section")
}

fn address(yaml: &str) -> String {
    valid(yaml).address().to_string()
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
        assert_eq!(address(yaml), "[::]:9999", "{yaml:?}");
        let storage = storage(yaml);
        assert_eq!(storage.max_workers, 1);
        assert_eq!(storage.hpa_max_workers, None);
        assert!(!storage.inittime_label && storage.service_info.is_empty());
        let rules = storage.errors.rules().iter();
        let statuses: Vec<_> = rules.map(|rule| rule.status.as_str()).collect();
        let expected = "CONNECTION_ERROR FATAL INTERNAL OTHER_EXCEPTION UNKNOWN";
        assert_eq!(statuses.join(" "), expected);
    }
}

#[test]
fn numbers_may_be_text() {
    assert_eq!(address("port: 80"), "[::]:80");
    assert_eq!(address("port: ' 80 '"), "[::]:80");
    assert_eq!(address("port: 0"), "[::]:0");
    let storage = storage(
        "
max_workers: '4'
hpa_max_workers: '8'
max_series: \"0\"
max_methods: \"7\"
error_texts: false
errors: {FATAL: {service_errors: [x], unhealthy: '3'}}
service info:
  version: {info: Version., value: ' 1.5 '}
  builds: {info: Builds., value: 12}
  ratio: {info: Ratio., value: nan}
",
    );
    let limits = (storage.max_workers, storage.hpa_max_workers);
    assert_eq!((limits, storage.max_series), ((4, Some(8)), 0));
    assert_eq!((storage.max_methods, storage.error_texts), (7, false));
    let mut rules = storage.errors.rules().iter();
    let fatal = rules.find(|rule| rule.status == "FATAL").expect("FATAL");
    assert_eq!(
        (&*fatal.service_errors, fatal.unhealthy),
        (&["x".to_owned()][..], 3)
    );
    let values = storage.service_info.iter();
    let values: Vec<_> = values.map(|gauge| (&*gauge.name, gauge.value)).collect();
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
        ("listen: '::'", "[::]:9999"),
        ("listen: 0.0.0.0", "0.0.0.0:9999"),
        ("listen: 0.0.0.0:0", "0.0.0.0:0"),
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
    let rules = storage.errors.rules().iter();
    let rules: Vec<_> = rules.map(|rule| (&*rule.status, rule.unhealthy)).collect();
    let expected = [("ZETA", -1), ("ALPHA", 2), ("BETA", -1), ("OK", -1)];
    assert_eq!(rules[5..], expected);
}

#[test]
fn limits_are_read_in_seconds_and_bytes() {
    let config = valid(
        "limits: {max_connections: 0, header_timeout: 0.5, connection_timeout: '0', max_header_bytes: 8192, max_headers: 1, stop_grace: 2, gather_timeout: 0.25, scrape_timeout: 7.5, max_scrapes: '9'}",
    );
    let expected = Limits::default()
        .max_connections(0)
        .header_timeout(Duration::from_millis(500))
        .connection_timeout(Duration::ZERO)
        .max_header_bytes(8192)
        .max_headers(1)
        .stop_grace(Duration::from_secs(2))
        .gather_timeout(Duration::from_millis(250))
        .scrape_timeout(Duration::from_millis(7500))
        .max_scrapes(9);
    assert_eq!(config.limits, expected);
    let settings = config.page_settings();
    assert_eq!(
        (settings.max_scrapes, settings.gather_timeout),
        (9, Duration::from_millis(250))
    );
}

#[test]
fn flags_are_read() {
    let config = valid(
        "disable_compression: true\nwait_for_started: 'true'\ninittime_label: true\nstrict: true\nnative_histograms: true",
    );
    assert!(config.native_histograms);
    assert!(
        MonitorConfig::default()
            .native_histograms(true)
            .native_histograms
    );
    assert!(!MonitorConfig::default().native_histograms);
    assert!(config.disable_compression && config.wait_for_started && config.storage.inittime_label);
    assert!(config.page_settings().strict);
    assert!(MonitorConfig::default().strict(true).page_settings().strict);
    assert!(!MonitorConfig::default().page_settings().strict);
}

#[test]
fn pages_may_be_old_by_default_only_where_they_are_compressed() {
    let ages = |yaml: &str| {
        let ages = valid(yaml).page_settings().ages;
        (ages.identity.as_millis(), ages.gzip.as_millis())
    };
    assert_eq!(ages(""), (0, 100));
    assert_eq!(ages("render_cache: 0"), (0, 0));
    assert_eq!(ages("render_cache: '0.25'"), (250, 250));
    assert_eq!(ages("render_cache: 60"), (60_000, 60_000));
    let built = MonitorConfig::default().render_cache(Duration::from_secs(1));
    assert_eq!(built.page_settings().ages.identity, Duration::from_secs(1));
    let refused = MonitorConfig::default().render_cache(Duration::MAX);
    let message = refused.storage_config().expect_err("refused").to_string();
    let expected =
        "configuration: `render_cache`: expected a number of seconds from 0 to 60, found `";
    assert!(message.starts_with(expected), "{message}");
}

#[test]
fn series_are_idle_after_seconds_and_by_default_never() {
    for (yaml, milliseconds) in [
        ("", 0),
        ("idle_series: 0", 0),
        ("idle_series: '1.5'", 1500),
        ("idle_series: 3600", 3_600_000),
    ] {
        let idle = Duration::from_millis(milliseconds);
        assert_eq!(storage(yaml).idle_series, idle, "{yaml}");
        let built = MonitorConfig::default().idle_series(idle).storage_config();
        assert_eq!(built.expect("valid").idle_series, idle);
    }
}

#[test]
fn pairs_of_callers_are_as_many_as_configured_and_by_default_none() {
    for (yaml, pairs) in [
        ("", 0),
        ("caller_pairs: 0", 0),
        ("caller_pairs: '1000'", 1000),
    ] {
        assert_eq!(storage(yaml).caller_pairs, pairs, "{yaml}");
        let built = MonitorConfig::default()
            .caller_pairs(pairs)
            .storage_config();
        assert_eq!(built.expect("valid").caller_pairs, pairs);
    }
    let refused = refusal("caller_pairs: -1");
    assert!(refused.contains("`caller_pairs`"), "{refused}");
}

#[test]
fn totals_are_about_entry_calls_but_in_the_profile_of_the_original() {
    assert_eq!(storage("").totals, Totals::EntryCalls);
    assert_eq!(storage("profile: prometheus").totals, Totals::EntryCalls);
    assert_eq!(storage("profile: servicekit").totals, Totals::AllCalls);
}

#[test]
fn a_profile_is_named_as_it_prints() {
    let profile = |config: MonitorConfig| config.page_settings().profile;
    assert_eq!(profile(MonitorConfig::default()), Profile::Prometheus);
    for known in Profile::ALL {
        let yaml = format!("profile: {known}");
        let read = MonitorConfig::from_yaml(&yaml).expect("a known profile");
        assert_eq!(profile(read), known);
        assert_eq!(profile(MonitorConfig::default().profile(known)), known);
        assert!(refusal("profile: x").contains(&format!("`{known}`")));
    }
}

#[test]
fn the_namespace_is_the_services_own() {
    assert_eq!(storage("").namespace.as_str(), "service");
    assert_eq!(storage("namespace: shop").namespace.as_str(), "shop");
    let built = MonitorConfig::default().namespace("shop").storage_config();
    assert_eq!(built.expect("valid").namespace.as_str(), "shop");
}

#[test]
fn buckets_are_bounds_in_ascending_order() {
    let bounds = |config: StorageConfig| {
        [config.buckets, config.size_buckets].map(|buckets| buckets.map(|bounds| bounds.to_vec()))
    };
    assert_eq!(bounds(storage("")), [None, None]);
    let read = storage("{buckets: [0, 0.5, '2'], size_buckets: [1e3]}");
    let expected = [Some(vec![0.0, 0.5, 2.0]), Some(vec![1000.0])];
    assert_eq!(bounds(read), expected);
    let built = MonitorConfig::default()
        .buckets(vec![0.0, 0.5, 2.0])
        .size_buckets(vec![1000.0]);
    assert_eq!(bounds(built.storage_config().expect("valid")), expected);
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
    assert_eq!(
        refused(MonitorConfig::default().errors("FATAL", ["oom", ""], 1)),
        "configuration: `errors.FATAL.service_errors[1]`: expected a word that is not blank, found the text ``"
    );
    assert_eq!(
        refused(MonitorConfig::default().namespace("tokio")),
        "configuration: `namespace`: expected a namespace that no families but the service's have, found the text `tokio`"
    );
    assert_eq!(
        refused(MonitorConfig::default().buckets(vec![0.5, f64::INFINITY])),
        "configuration: `buckets[1]`: expected a finite number, 0 or more, above the bound before it, found `inf`"
    );
    let many = (0..101).map(f64::from).collect();
    assert_eq!(
        refused(MonitorConfig::default().size_buckets(many)),
        "configuration: `size_buckets`: expected a list of 1 to 100 bounds, found 101 bounds"
    );
    assert_eq!(
        refused(MonitorConfig::default().buckets(Vec::new())),
        "configuration: `buckets`: expected a list of 1 to 100 bounds, found 0 bounds"
    );
    let words = "w".repeat(1 << 20);
    let many = refused(MonitorConfig::default().errors("FATAL", [words], 1));
    assert!(many.starts_with("configuration: errors: "), "{many}");
    assert_eq!(
        refused(MonitorConfig::default().limits(Limits::default().max_header_bytes(1))),
        "configuration: `limits.max_header_bytes`: expected a whole number, 8192 or more, found `1`"
    );
    let beyond = Duration::from_secs(1_000_000_001);
    assert_eq!(
        refused(MonitorConfig::default().limits(Limits::default().stop_grace(beyond))),
        "configuration: `limits.stop_grace`: expected at most 1000000000 seconds, found `1000000001.0`"
    );
    assert_eq!(
        refused(MonitorConfig::default().limits(Limits::default().header_timeout(Duration::MAX))),
        "configuration: `limits.header_timeout`: expected at most 1000000000 seconds, found `1.8446744073709552e19`"
    );
    let longest = MonitorConfig::default().render_cache(Duration::MAX);
    assert_eq!(longest.page_settings().ages.gzip, Duration::from_mins(1));
    assert_eq!(
        refused(MonitorConfig::default().limits(Limits::default().max_headers(5000))),
        "configuration: `limits.max_headers`: expected a whole number from 1 to 1024, found `5000`"
    );
}

#[test]
fn a_name_no_method_may_have_is_refused() {
    let monitor = monitor_core::Monitor::new(StorageConfig::default());
    for length in [0, 1, 120, 121, 300] {
        let allowed = (1..=120).contains(&length);
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
fn a_unix_socket_takes_the_address_s_place() {
    let unix = valid("listen: unix:/run/a.sock\nport: 5");
    assert_eq!(unix.endpoint().to_string(), "unix:/run/a.sock");
    let address = unix.clone().listen([10, 0, 0, 1]);
    assert_eq!(address.endpoint().to_string(), "10.0.0.1:5");
    assert_eq!(
        unix.endpoint(),
        address.listen_unix("/run/a.sock").endpoint()
    );
    let refused = MonitorConfig::default()
        .listen_unix("a.sock")
        .storage_config();
    assert_eq!(
        refused.expect_err("relative").to_string(),
        "configuration: `listen`: expected an IP address, with or without a port, or `unix:` and an absolute path, found the text `unix:a.sock`"
    );
    let expected = "yaml:1: `listen`: expected an IP address, with or without a port, or `unix:` and an absolute path, found the text `unix:a.sock`";
    assert_eq!(refusal("listen: unix:a.sock"), expected);
}

#[test]
fn a_section_of_a_document_is_read_and_the_rest_is_not_looked_at() {
    let text = "Ports: &p {anything: [1, {2: x}], port: high}\n3: .inf\nagain: *p\ntagged: !mine [a]\nmerged: {<<: *p, b: !!str 1}\n? [1, 2]\n: yes\nMonitorServer:\n  port: 80\n  listen: 127.0.0.1\n";
    let (_folder, file) = Folder::with("service.yaml", text);
    let config = MonitorConfig::from_file_at(&file, "MonitorServer").expect("valid");
    assert_eq!(config.address().to_string(), "127.0.0.1:80");
    let missing = MonitorConfig::from_file_at(&file, "Monitor").expect_err("no such section");
    let expected = format!(
        "{}: `Monitor`: there is no such section in the document",
        file.display()
    );
    assert_eq!(missing.to_string(), expected);
    let whole = MonitorConfig::from_file(&file).expect_err("the document is not the section");
    let expected = format!(
        "{}:1: `Ports`: unknown key; the nearest valid one is `port`",
        file.display()
    );
    assert_eq!(whole.to_string(), expected);
}

#[test]
fn a_refusal_names_file_and_line() {
    let (_folder, file) = Folder::with(
        "service.yaml",
        "A: 1\nMonitorServer:\n  errors:\n    INTERNAL: {service_errors: boom}\n",
    );
    let error = MonitorConfig::from_file_at(&file, "MonitorServer").expect_err("refused");
    let expected = format!(
        "{}:4: `errors.INTERNAL.service_errors`: expected a list of words, found the text `boom`",
        file.display()
    );
    assert_eq!(error.to_string(), expected);
}

#[test]
fn what_is_no_yaml_or_no_file_is_refused() {
    for (yaml, words) in [("port: [", "yaml:1"), ("port: 1\nport: 2", "no valid YAML")] {
        let message = refusal(yaml);
        assert!(message.contains(words), "{message}");
    }
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

#[test]
fn health_is_read_and_code_says_the_same() {
    let yaml = "
health:
  status_ttl: 1.5
  readiness: [db, download]
  groups: {storage: [db, cache], empty: []}
  heartbeat_timeout: '30'
  runtime_timeout: 10
  drain_pause: 5
";
    let read = valid(yaml).health;
    let second = Duration::from_secs(1);
    let built = MonitorConfig::default()
        .status_ttl(second * 3 / 2)
        .readiness(["db"])
        .readiness(["download"])
        .health_group("storage", ["db", "cache"])
        .health_group("empty", [""; 0])
        .heartbeat_timeout(second * 30)
        .runtime_timeout(second * 10)
        .drain_pause(second * 5);
    assert!(built.storage_config().is_ok());
    assert_eq!(format!("{read:?}"), format!("{:?}", built.health));
    let nothing = MonitorConfig::from_yaml("health: {status_ttl: , groups: null}");
    let nothing = nothing.expect("a valid section").health;
    assert_eq!(nothing.status_ttl, second * 60);
    assert!(nothing.heartbeat_timeout.is_zero() && nothing.runtime_timeout.is_zero());
    assert!(nothing.drain_pause.is_none());
    let forever = valid("health: {status_ttl: 0}");
    assert!(forever.health.status_ttl.is_zero());
}

#[test]
fn shares_of_failures_are_read_and_code_says_the_same() {
    let yaml = "
unhealthy:
  share: 0.2
  window: 60s
  at_least: '20'
  cancelled: true
  methods:
    Load: {share: 0}
    Save: {window: 5, at_least: 3, cancelled: false}
";
    let second = Duration::from_secs(1);
    let parts = ShareParts::NONE;
    let all = parts.share(0.2).window(second * 60).at_least(20);
    let built = MonitorConfig::default()
        .unhealthy(all.cancelled(true))
        .unhealthy_method("Load", parts.share(0.0))
        .unhealthy_method(
            "Save",
            parts.window(second * 5).at_least(3).cancelled(false),
        );
    assert_eq!(format!("{:?}", valid(yaml)), format!("{built:?}"));
    let storage = built.storage_config().expect("good parts");
    assert_eq!(
        (storage.unhealthy.share, storage.unhealthy.at_least),
        (0.2, 20)
    );
    assert_eq!(storage.unhealthy_methods.len(), 2);
    let default = MonitorConfig::default().storage_config().expect("good");
    assert_eq!(default.unhealthy, ShareRule::default());
    let wrong = MonitorConfig::default().unhealthy_method("Load", parts.share(2.0));
    let error = wrong
        .storage_config()
        .expect_err("a share above 1")
        .to_string();
    assert!(error.contains("unhealthy.methods.Load.share"), "{error}");
}

#[test]
fn a_place_names_the_column() {
    for (yaml, line, column) in [
        ("port: x", 1, 7),
        ("{max_series: 1, port: x}", 1, 23),
        ("\nprot: 1", 2, 1),
        ("limits:\n  \u{e4}: 1", 2, 3),
        ("errors: {FATAL: {service_errors: [a, '']}}", 1, 38),
        ("port: 1\nport: 2", 2, 1),
    ] {
        let error = MonitorConfig::from_yaml(yaml).expect_err(yaml);
        let (ConfigError::Invalid { place, .. }
        | ConfigError::UnknownKey { place, .. }
        | ConfigError::Syntax { place, .. }) = error
        else {
            panic!("{yaml}: {error:?}");
        };
        assert_eq!(
            (place.line, place.column),
            (Some(line), Some(column)),
            "{yaml}"
        );
    }
    let code = MonitorConfig::default().const_label("env", "");
    let Err(ConfigError::Invalid { place, .. }) = code.storage_config() else {
        panic!("a blank label");
    };
    assert_eq!((place.line, place.column), (None, None));
}

#[test]
fn a_setting_for_a_feature_that_is_off_names_it() {
    for (yaml, feature) in [
        ("process_metrics: true", "process"),
        ("bearer_tokens: [a-token-of-16-characters]", "auth"),
        ("bearer_token_file: /run/tokens", "auth"),
    ] {
        let is_on = match feature {
            "auth" => cfg!(feature = "auth"),
            _ => cfg!(feature = "process"),
        };
        match MonitorConfig::from_yaml(yaml) {
            Ok(_) => assert!(is_on, "{yaml}"),
            Err(error) => {
                let key = yaml.split(':').next().unwrap_or_default();
                let expected = format!(
                    "yaml:1: `{key}`: needs the cargo feature `{feature}` of monitor-server"
                );
                assert_eq!((is_on, error.to_string()), (false, expected));
            }
        }
    }
}

/// A setting made in code is validated with the file, and named as made in code.
#[test]
fn a_file_on_top_of_settings_made_in_code_that_cannot_be_is_refused() {
    let limits = Limits::default().max_headers(5000);
    let (_folder, file) = Folder::with("service.yaml", "limits: {max_header_bytes: 9000}\n");
    let error = MonitorConfig::default().limits(limits).with_file(&file);
    let expected =
        "configuration: `limits.max_headers`: expected a whole number from 1 to 1024, found `5000`";
    assert_eq!(error.expect_err("refused").to_string(), expected);
    let (_folder, file) = Folder::with("service.yaml", "limits: {max_headers: 7}\n");
    let limits = Limits::default().max_headers(5000);
    let config = MonitorConfig::default().limits(limits).with_file(&file);
    assert_eq!(config.expect("the file replaces it").limits.max_headers, 7);
}
