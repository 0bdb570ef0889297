//! The queries of the documentation against Prometheus' own evaluation (`promtool test rules`), over several services that
//! have methods and error types of the same names: none may hide the failures of another.
//!
//! Needs the program `promtool` (in Debian's package `prometheus`, which `scripts/test` installs). Without it the test prints
//! `SKIPPED`, and with `CI` set it fails.

mod programs;

use std::fmt::Write;
use std::process::Command;

/// The pages of documentation that have queries.
const DOCS: [(&str, &str); 3] = [
    ("README.md", include_str!("../../README.md")),
    ("metrics.md", include_str!("../../docs/metrics.md")),
    ("operations.md", include_str!("../../docs/operations.md")),
];

/// The page about the verdict: its queries are those of its rows, for one method.
const VERDICT: (&str, &str) = ("verdict.md", include_str!("../../docs/verdict.md"));

/// Name and labels of a series, and how much it grows in a minute.
type Series = (String, u32);

/// The labels and the value of one sample.
type Sample = (&'static str, &'static str);

/// In the service `orders` each call of `Query` that fails lets its caller `Load` fail, and half of these the caller of that.
/// In `mail` the failures begin in `Load`. Labels, calls and failures a minute.
const CALLS: [(&str, &str, &str, u32, u32); 9] = [
    ("orders", "Serve", "entry=\"true\"", 600, 60),
    ("orders", "Tick", "entry=\"true\"", 300, 0),
    ("orders", "Load", "caller=\"Serve\"", 1800, 120),
    ("orders", "Load", "caller=\"Tick\"", 300, 0),
    ("orders", "Load", "overflow=\"true\"", 300, 0),
    ("orders", "Query", "caller=\"Load\"", 9600, 120),
    ("mail", "Serve", "entry=\"true\"", 600, 600),
    ("mail", "Load", "caller=\"Serve\"", 600, 600),
    ("mail", "Query", "caller=\"Load\"", 600, 0),
];

/// The samples that each query about callers gives there, in the order of the document.
const OF_CALLERS: [&[Sample]; 6] = [
    &[
        ("instance=\"a\",job=\"orders\",method=\"Query\"", "2"),
        ("instance=\"a\",job=\"mail\",method=\"Load\"", "10"),
    ],
    &[
        ("instance=\"a\",job=\"orders\",caller=\"Serve\"", "2"),
        ("instance=\"a\",job=\"mail\",caller=\"Serve\"", "10"),
    ],
    &[
        (
            "instance=\"a\",job=\"orders\",caller=\"Serve\",method=\"Load\"",
            "0.067",
        ),
        (
            "instance=\"a\",job=\"orders\",caller=\"Load\",method=\"Query\"",
            "0.013",
        ),
        (
            "instance=\"a\",job=\"mail\",caller=\"Serve\",method=\"Load\"",
            "1",
        ),
    ],
    &[
        ("instance=\"a\",job=\"orders\",caller=\"Serve\"", "0.75"),
        ("instance=\"a\",job=\"orders\",caller=\"Tick\"", "0.125"),
        ("instance=\"a\",job=\"orders\",overflow=\"true\"", "0.125"),
        ("instance=\"a\",job=\"mail\",caller=\"Serve\"", "1"),
    ],
    &[
        (
            "instance=\"a\",job=\"orders\",caller=\"Serve\",method=\"Load\"",
            "3",
        ),
        (
            "instance=\"a\",job=\"orders\",caller=\"Tick\",method=\"Load\"",
            "1",
        ),
        (
            "instance=\"a\",job=\"orders\",caller=\"Load\",method=\"Query\"",
            "4",
        ),
        (
            "instance=\"a\",job=\"mail\",caller=\"Serve\",method=\"Load\"",
            "1",
        ),
        (
            "instance=\"a\",job=\"mail\",caller=\"Load\",method=\"Query\"",
            "1",
        ),
    ],
    &[
        ("instance=\"a\",job=\"orders\"", "0.067"),
        ("instance=\"a\",job=\"mail\"", "1"),
    ],
];

/// Of 100 calls of `Pay` a minute: declined cards, and cancelled calls. `shop` expects declined cards on its instance `a`, and
/// not yet on `b`, which runs an older version.
const PAYMENTS: [(&str, &str, u32, u32); 4] = [
    ("shop", "a", 50, 0),
    ("shop", "b", 50, 0),
    ("mail", "a", 100, 0),
    ("slow", "a", 0, 100),
];

/// The share of failures, which has no value where all calls are cancelled; the share of cancelled calls.
const OF_PAYMENTS: [&[Sample]; 2] = [
    &[
        ("instance=\"a\",job=\"shop\",method=\"Pay\"", "0"),
        ("instance=\"b\",job=\"shop\",method=\"Pay\"", "0.5"),
        ("instance=\"a\",job=\"mail\",method=\"Pay\"", "1"),
    ],
    &[
        ("instance=\"a\",job=\"shop\",method=\"Pay\"", "0"),
        ("instance=\"b\",job=\"shop\",method=\"Pay\"", "0"),
        ("instance=\"a\",job=\"mail\",method=\"Pay\"", "0"),
        ("instance=\"a\",job=\"slow\",method=\"Pay\"", "1"),
    ],
];

fn text(name: &str) -> &'static str {
    let mut pages = DOCS.iter().chain([&VERDICT]);
    let doc = pages.find(|(other, _)| *other == name);
    doc.expect("a page").1
}

/// The queries in blocks of their own below a headline, up to the next one of the same depth.
fn queries(doc: &str, headline: &'static str) -> Vec<&'static str> {
    let depth = headline.split_once(' ').expect("a headline").0;
    let section = text(doc).split(&format!("\n{headline}\n")).nth(1);
    // It ends at a headline of its depth, or of a lesser one.
    let ends = (2..=depth.len()).map(|depth| format!("\n{} ", "#".repeat(depth)));
    let section = section.map(|rest| {
        let end = ends.filter_map(|end| rest.find(&end)).min();
        &rest[..end.unwrap_or(rest.len())]
    });
    let blocks = section.expect("the section").split("```promql\n").skip(1);
    let queries = blocks.map(|block| block.split("```").next().expect("a query"));
    queries.collect()
}

fn series_of_callers() -> Vec<Series> {
    let all = CALLS
        .into_iter()
        .flat_map(|(job, method, labels, calls, failures)| {
            let labels = format!("{{job=\"{job}\",instance=\"a\",method=\"{method}\",{labels}}}");
            [
                (format!("monitor_calls_total{labels}"), calls),
                (format!("monitor_calls_failed_total{labels}"), failures),
            ]
        });
    all.collect()
}

/// The same calls on pages of both profiles.
fn series_of_payments() -> Vec<Series> {
    let mut all = Vec::new();
    for (job, instance, declined, cancelled) in PAYMENTS {
        let target = format!("job=\"{job}\",instance=\"{instance}\",method=\"Pay\"");
        let failed = declined + cancelled;
        all.push((format!("stats_processed{{{target}}}"), 100));
        for (status, count) in [("success", 100 - failed), ("failure", failed)] {
            let name = "service_request_duration_seconds_count";
            all.push((format!("{name}{{{target},status=\"{status}\"}}"), count));
        }
        for name in ["stats_errors", "service_request_errors_total"] {
            for (kind, count) in [
                ("panic", 0),
                ("declined", declined),
                ("cancelled", cancelled),
            ] {
                all.push((format!("{name}{{{target},type=\"{kind}\"}}"), count));
            }
        }
    }
    let expected = "{job=\"shop\",instance=\"a\",method=\"Pay\",type=\"declined\"}";
    all.push((format!("monitor_expected_error{expected}"), 0));
    all.push((format!("service_expected_error{expected}"), 0));
    all
}

fn indented(text: &str, by: usize) -> String {
    let lines = text.lines();
    let lines = lines.map(|line| format!("{:by$}{line}\n", ""));
    lines.collect()
}

/// The test that `promtool` runs, in its format. Results are rounded, because rates are not exact; `NaN` is left out, as by the
/// comparison of an alert.
fn rules(series: &[Series], queries: &[&str], results: &[&[Sample]]) -> String {
    let mut rules = "tests:\n- interval: 1m\n  input_series:\n".to_owned();
    for (series, growth) in series {
        writeln!(rules, "  - series: '{series}'\n    values: '1+{growth}x20'")
            .expect("a String takes all");
    }
    rules.push_str("  promql_expr_test:\n");
    for (query, samples) in queries.iter().zip(results) {
        let query = indented(query, 8);
        write!(rules, "  - eval_time: 15m\n    expr: |\n      round(\n{query}      , 0.001) >= 0\n    exp_samples:\n")
            .expect("a String takes all");
        for (labels, value) in *samples {
            writeln!(rules, "    - labels: '{{{labels}}}'\n      value: {value}")
                .expect("a String takes all");
        }
    }
    rules
}

/// Runs the queries, unless `promtool` is missing.
fn check(test: &str, series: &[Series], queries: &[&str], results: &[&[Sample]]) {
    assert_eq!(queries.len(), results.len());
    if !programs::is_installed("promtool", test) {
        return;
    }
    let file = std::env::temp_dir().join(format!("{test}-{}.yml", std::process::id()));
    std::fs::write(&file, rules(series, queries, results)).expect("written");
    let output = Command::new("promtool")
        .args(["test", "rules"])
        .arg(&file)
        .output()
        .expect("it runs");
    std::fs::remove_file(&file).expect("removed");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
}

#[test]
fn the_queries_of_the_guide_find_where_failures_come_from() {
    check(
        "the_queries_of_the_guide_find_where_failures_come_from",
        &series_of_callers(),
        &queries("operations.md", "## Where failures come from"),
        &OF_CALLERS,
    );
}

#[test]
fn the_shares_of_one_service_hide_nothing_of_another() {
    let [failed, cancelled] = OF_PAYMENTS;
    check(
        "the_shares_of_one_service_hide_nothing_of_another",
        &series_of_payments(),
        &queries("metrics.md", "### Shares of failed and of cancelled calls"),
        // Each for `servicekit` and for `prometheus`.
        &[failed, failed, cancelled, cancelled],
    );
}

/// A minute of `Load`: 30 calls succeed, 50 time out, 20 are cancelled; 90 of 100 take at most 0.1 s.
const LOAD: [(&str, &str, u32); 13] = [
    (
        "service_request_errors_total",
        "method=\"Load\",type=\"timed out\"",
        50,
    ),
    (
        "service_request_errors_total",
        "method=\"Load\",type=\"cancelled\"",
        20,
    ),
    (
        "service_request_duration_seconds_count",
        "method=\"Load\",status=\"success\"",
        30,
    ),
    (
        "service_request_duration_seconds_count",
        "method=\"Load\",status=\"failure\"",
        70,
    ),
    (
        "service_request_duration_seconds_bucket",
        "method=\"Load\",le=\"0.1\"",
        90,
    ),
    (
        "service_request_duration_seconds_bucket",
        "method=\"Load\",le=\"+Inf\"",
        100,
    ),
    (
        "service_requests_in_flight",
        "method=\"Load\",shard=\"a\"",
        0,
    ),
    (
        "service_requests_in_flight",
        "method=\"Load\",shard=\"b\"",
        0,
    ),
    ("service_requests_waiting", "method=\"Load\"", 0),
    ("service_requests_total", "method=\"Load\"", 120),
    ("service_tasks_started_total", "", 240),
    ("monitor_check_up", "check=\"disk\"", 0),
    ("process_start_time_seconds", "", 0),
];

#[test]
fn the_queries_of_the_rows_of_a_verdict_show_its_numbers() {
    let target = "job=\"orders\",instance=\"a\"";
    let series =
        LOAD.map(|(name, labels, growth)| (format!("{name}{{{target},{labels}}}"), growth));
    let method = "instance=\"a\",job=\"orders\",method=\"Load\"";
    let process = "instance=\"a\",job=\"orders\"";
    check(
        "the_queries_of_the_rows_of_a_verdict_show_its_numbers",
        &series,
        &queries("verdict.md", "## Queries"),
        &[
            &[(method, "0.625")],
            &[(method, "0.1")],
            &[(method, "2")],
            &[(method, "1")],
            &[(method, "2")],
            &[(process, "4")],
            &[("instance=\"a\",job=\"orders\",check=\"disk\"", "1")],
            &[(process, "0")],
            &[],
        ],
    );
}

/// The label lists of the clauses that group or match series: `by (..)`, `on (..)`, `ignoring (..)`.
fn label_lists(text: &str) -> Vec<String> {
    let words = [" by ", " on ", "unless on", "and on"];
    let mut lists = Vec::new();
    for word in words {
        for (_, rest) in text.match_indices(word).map(|(at, _)| text.split_at(at)) {
            let rest = rest[word.len()..].trim_start();
            // In prose nothing, or two dots, stands in the parentheses.
            if let Some((list, _)) = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'))
                && !list.starts_with("..")
            {
                lists.push(list.to_owned());
            }
        }
    }
    lists
}

/// The pieces of a page that are `PromQL`: blocks of it, and code within a line that has a function or an operator of it.
fn expressions(doc: &str) -> Vec<&str> {
    let blocks = doc.split("```promql\n").skip(1);
    let blocks = blocks.filter_map(|block| block.split("```").next());
    let spans = doc.lines().filter(|line| !line.starts_with("```"));
    let spans = spans.flat_map(|line| line.split('`').skip(1).step_by(2));
    blocks.chain(spans).collect()
}

#[test]
fn every_query_keeps_job_and_instance() {
    let mut lists = 0;
    // What stands in a line of the page about the verdict is a formula of its rules.
    let pages = DOCS.map(|(page, doc)| (page, expressions(doc)));
    let rows = (VERDICT.0, queries(VERDICT.0, "## Queries"));
    for (page, expressions) in pages.into_iter().chain([rows]) {
        for expression in expressions {
            for list in label_lists(&format!(" {expression}")) {
                let labels: Vec<&str> = list.split(',').map(str::trim).collect();
                let both = labels.contains(&"job") && labels.contains(&"instance");
                assert!(both, "{page}: ({list}) in `{expression}`");
                lists += 1;
            }
            let sums_all = ["sum(", "max(", "min(", "avg(", "count(", "on ()"];
            // `histogram_count(` is no `count(`.
            let is_function = |at: usize| expression[..at].ends_with('_');
            let found = sums_all.iter().find(|whole| {
                let mut places = expression.match_indices(**whole);
                places.any(|(at, _)| !is_function(at))
            });
            assert_eq!(found, None, "{page}: `{expression}`");
        }
    }
    assert!(lists >= 20, "only {lists} lists of labels");
}

/// A query in one line, without comments.
fn in_one_line(query: &str) -> String {
    let lines = query.lines().filter(|line| !line.starts_with('#'));
    let words = lines.flat_map(str::split_whitespace);
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn every_query_of_a_classic_histogram_has_its_native_form() {
    let blocks = queries("metrics.md", "### Queries in both forms");
    let classic: Vec<String> = blocks
        .iter()
        .step_by(2)
        .map(|one| in_one_line(one))
        .collect();
    let mut found = 0;
    for (page, doc) in DOCS {
        for expression in expressions(doc) {
            let is_series = |suffix| {
                ["service_request_duration_seconds", "stats_hist_time_full"]
                    .iter()
                    .any(|family| expression.contains(&format!("{family}{suffix}")))
            };
            let is_query = expression.contains("[5m]");
            if is_query && ["_bucket", "_sum", "_count"].into_iter().any(is_series) {
                let expression = in_one_line(expression);
                assert!(classic.contains(&expression), "{page}: `{expression}`");
                found += 1;
            }
        }
    }
    // Beside the classic forms themselves: a quantile and two shares.
    assert_eq!(found, classic.len() + 3);
}
