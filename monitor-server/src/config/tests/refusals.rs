//! Sections that are refused, each with its exact words.

use super::*;

/// Sections that are refused, and the whole message.
const REFUSALS: &[(&str, &str)] = &[
    (
        "port: 65536",
        "yaml:1: `port`: expected a port number from 0 to 65535, found `65536`",
    ),
    (
        "health: {status_ttl: -1}",
        "yaml:1: `health.status_ttl`: expected a number of seconds, 0 or more, found `-1`",
    ),
    (
        "health: {heartbeat: 1}",
        "yaml:1: `health.heartbeat`: unknown key; the nearest valid one is `readiness`",
    ),
    (
        "health:\n  readiness: db",
        "yaml:2: `health.readiness`: expected a list of words, found the text `db`",
    ),
    (
        "health:\n  readiness: [db, '']",
        "yaml:2: `health.readiness[1]`: expected a word that is not blank, found the text ``",
    ),
    (
        "health: {groups: {readiness: [db]}}",
        "yaml:1: `health.groups.readiness`: expected a name that is not blank, `liveness` or `readiness`, found the text `readiness`",
    ),
    (
        "health: [db]",
        "yaml:1: `health`: expected a map, found a list",
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
        "yaml:1: `max_series`: expected a whole number, 0 or more, found `1e3`",
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
        "yaml:1: `listen`: expected an IP address, with or without a port, or `unix:` and an absolute path, found the text `example.org`",
    ),
    (
        "listen: 5",
        "yaml:1: `listen`: expected an IP address, with or without a port, or `unix:` and an absolute path, found `5`",
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
        "profile: Servicekit",
        "yaml:1: `profile`: expected `prometheus` or `servicekit`, found the text `Servicekit`",
    ),
    (
        "\nprofile: 1",
        "yaml:2: `profile`: expected `prometheus` or `servicekit`, found `1`",
    ),
    (
        "namespace: my-shop",
        "yaml:1: `namespace`: expected letters, digits and `_`, no digit first, found the text `my-shop`",
    ),
    (
        "\nnamespace: monitor",
        "yaml:2: `namespace`: expected a namespace that no families but the service's have, found the text `monitor`",
    ),
    (
        "namespace: 5",
        "yaml:1: `namespace`: expected a text (put it in quotes), found `5`",
    ),
    (
        "{namespace: shop, service info: {shop_workers: {info: V., value: 1}}}",
        "yaml:1: `service info.shop_workers`: expected a name that no built-in metric has, found the text `shop_workers`",
    ),
    (
        "buckets: 0.5",
        "yaml:1: `buckets`: expected a list of 1 to 100 bounds, found `0.5`",
    ),
    (
        "size_buckets: []",
        "yaml:1: `size_buckets`: expected a list of 1 to 100 bounds, found a list",
    ),
    (
        "buckets:\n- 0.1\n- 0.5\n- 0.5",
        "yaml:4: `buckets[2]`: expected a finite number, 0 or more, above the bound before it, found `0.5`",
    ),
    (
        "size_buckets: [-1]",
        "yaml:1: `size_buckets[0]`: expected a finite number, 0 or more, above the bound before it, found `-1`",
    ),
    (
        "buckets: [1, .nan]",
        "yaml:1: `buckets[1]`: expected a finite number, 0 or more, above the bound before it, found `.nan`",
    ),
    (
        "buckets: [1, ten]",
        "yaml:1: `buckets[1]`: expected a number, found the text `ten`",
    ),
    (
        "strict: 'yes'",
        "yaml:1: `strict`: expected `true` or `false`, found the text `yes`",
    ),
    (
        "render_cache: 61",
        "yaml:1: `render_cache`: expected a number of seconds from 0 to 60, found `61`",
    ),
    (
        "render_cache: -0.1",
        "yaml:1: `render_cache`: expected a number of seconds from 0 to 60, found `-0.1`",
    ),
    (
        "render_cache: .nan",
        "yaml:1: `render_cache`: expected a number of seconds from 0 to 60, found `.nan`",
    ),
    (
        "render_cache: never",
        "yaml:1: `render_cache`: expected a number of seconds from 0 to 60, found the text `never`",
    ),
    (
        "idle_series: -1",
        "yaml:1: `idle_series`: expected a number of seconds, 0 or more, found `-1`",
    ),
    (
        "idle_series: an hour",
        "yaml:1: `idle_series`: expected a number of seconds, 0 or more, found the text `an hour`",
    ),
    (
        "process_metrics: 1",
        "yaml:1: `process_metrics`: expected `true` or `false`, found `1`",
    ),
    (
        "limits: {scrape_timeout: soon}",
        "yaml:1: `limits.scrape_timeout`: expected a number of seconds, 0 or more, found the text `soon`",
    ),
    (
        "limits: {max_scrapes: -1}",
        "yaml:1: `limits.max_scrapes`: expected a whole number, 0 or more, found `-1`",
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
        "yaml:1: `limits.stop_grace`: expected a number of seconds, 0 or more, found `.inf`",
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
fn checks_and_groups_made_in_code_are_refused_by_name() {
    use crate::Check;
    let refusal = |config: MonitorConfig| {
        let error = config.storage_config().expect_err("refused");
        error.to_string()
    };
    let check = |name: &str, check| {
        let config = MonitorConfig::default().health_group("storage", ["db"]);
        config.check(name, check, (), |()| async { Ok::<(), String>(()) })
    };
    let name = "expected a name of 1 to 120 bytes that no group has and is not `default`";
    for taken in ["", " ", "default", "readiness", "storage"] {
        assert_eq!(
            refusal(check(taken, Check::default())),
            format!("configuration: `health.checks.{taken}`: {name}, found the text `{taken}`")
        );
    }
    let zero = Duration::ZERO;
    for (bad, part) in [
        (Check::every(zero), "interval"),
        (Check::default().timeout(zero), "timeout"),
    ] {
        assert_eq!(
            refusal(check("db", bad)),
            format!(
                "configuration: `health.checks.db.{part}`: expected a time above 0, found `0.0`"
            )
        );
    }
    assert_eq!(
        refusal(MonitorConfig::default().readiness(["a", " "])),
        "configuration: `health.readiness[1]`: expected a word that is not blank, found the text ` `"
    );
    let group = MonitorConfig::default().health_group("liveness", ["a"]);
    assert!(refusal(group).starts_with("configuration: `health.groups.liveness`: expected a name"));
    let ok = check("db", Check::default());
    let ok = ok.check("db", Check::default().ready(), (), |()| async {
        Ok::<(), String>(())
    });
    assert!(ok.storage_config().is_ok());
    assert_eq!(ok.health.checks.len(), 1);
}
