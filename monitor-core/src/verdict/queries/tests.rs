use super::*;
use crate::data::catalog::Namespace;

const METRICS: &str = include_str!("../../../../docs/metrics.md");
const VERDICT: &str = include_str!("../../../../docs/verdict.md");

fn names(profile: Profile, is_native: bool) -> FamilyNames {
    FamilyNames {
        profile,
        is_native,
        namespace: Namespace::default(),
    }
}

const ALL: [(Profile, bool); 4] = [
    (Profile::Prometheus, false),
    (Profile::Prometheus, true),
    (Profile::Servicekit, false),
    (Profile::Servicekit, true),
];

/// The queries of a page of the documentation, each in one line without comments.
fn documented(page: &str) -> Vec<String> {
    let blocks = page.split("```promql\n").skip(1);
    let blocks = blocks.filter_map(|block| block.split("```").next());
    let in_one_line = |block: &str| {
        let lines = block.lines().filter(|line| !line.starts_with('#'));
        let words = lines.flat_map(str::split_whitespace);
        normal(&words.collect::<Vec<_>>().join(" "))
    };
    blocks.map(in_one_line).collect()
}

/// A query without spaces at parentheses.
fn normal(query: &str) -> String {
    query.replace("( ", "(").replace(" )", ")")
}

/// The same query of all methods.
fn of_all(query: &str) -> String {
    normal(query)
        .replace("{method=\"Load\",", "{")
        .replace("{method=\"Load\"}", "")
}

#[test]
fn the_queries_are_those_of_the_documentation_for_one_method() {
    let documented = documented(METRICS);
    for (profile, is_native) in ALL {
        let names = names(profile, is_native);
        let queries = [
            names.failure_share("Load", None),
            names.quantile(0.99, Some("Load")),
        ];
        for query in queries {
            let query = of_all(&query);
            assert!(
                documented.contains(&query),
                "{query}\nis none of\n{documented:#?}"
            );
        }
    }
}

#[test]
fn the_queries_of_the_guide_are_those_of_the_rows() {
    let names = names(Profile::Prometheus, false);
    let queries = [
        names.failure_share("Load", Some("timed out")),
        names.quantile(0.99, Some("Load")),
        names.in_flight("Load"),
        names.waiting("Load"),
        names.begun(Some("Load")),
        names.begun(None),
        names.check("disk"),
        names.restarts(),
        names.overflow(),
    ];
    assert_eq!(documented(VERDICT), queries);
}

#[test]
fn one_error_type_stands_in_the_share() {
    assert_eq!(
        names(Profile::Prometheus, false).failure_share("Load", Some("timed out")),
        "sum by (job, instance, method) (rate(service_request_errors_total{method=\"Load\",type=\"timed out\"}[5m])) / \
         (sum by (job, instance, method) (rate(service_request_duration_seconds_count{method=\"Load\"}[5m])) - sum by \
         (job, instance, method) (rate(service_request_errors_total{method=\"Load\",type=\"cancelled\"}[5m])))"
    );
}

#[test]
fn every_family_has_its_name() {
    let mut names = names(Profile::Prometheus, false);
    names.namespace = Namespace::try_new("shop").expect("a namespace");
    for (query, expected) in [
        (
            names.in_flight("Load"),
            "sum by (job, instance, method) (shop_requests_in_flight{method=\"Load\"})",
        ),
        (
            names.waiting("Load"),
            "sum by (job, instance, method) (shop_requests_waiting{method=\"Load\"})",
        ),
        (
            names.begun(Some("Load")),
            "sum by (job, instance, method) (rate(shop_requests_total{method=\"Load\"}[5m]))",
        ),
        (
            names.begun(None),
            "sum by (job, instance) (rate(shop_tasks_started_total[5m]))",
        ),
        (names.check("disk"), "monitor_check_up{check=\"disk\"}"),
        (
            names.check("task type mail"),
            "monitor_health{task=\"mail\"}",
        ),
        (names.restarts(), "changes(process_start_time_seconds[15m])"),
        (
            names.overflow(),
            "increase(monitor_overflowed_updates_total[1h])",
        ),
        (
            names.quantile(0.99, None),
            "histogram_quantile(0.99, sum by (job, instance, le) (rate(shop_request_duration_seconds_bucket[5m])))",
        ),
    ] {
        assert_eq!(query, expected);
    }
    let names = self::names(Profile::Servicekit, false);
    for (query, expected) in [
        (
            names.in_flight("Load"),
            "sum by (job, instance, method) (stats_request{method=\"Load\"}) - sum by (job, instance, method) \
             (stats_processed{method=\"Load\"})",
        ),
        (
            names.waiting("Load"),
            "sum by (job, instance, method) (monitor_waiting_tasks{method=\"Load\"})",
        ),
        (
            names.begun(Some("Load")),
            "sum by (job, instance, method) (rate(stats_request{method=\"Load\"}[5m]))",
        ),
        (
            names.begun(None),
            "sum by (job, instance) (rate(started_total[5m]))",
        ),
    ] {
        assert_eq!(query, expected);
    }
}

#[test]
fn a_name_cannot_leave_its_quotation_marks() {
    let query = names(Profile::Prometheus, false).in_flight("a\"} or up{b=\"\\\n");
    assert_eq!(
        query,
        "sum by (job, instance, method) (service_requests_in_flight{method=\"a\\\"} or up{b=\\\"\\\\\\n\"})"
    );
}
