//! The queries of `docs/operations.md`, "Where failures come from", against Prometheus' own evaluation: `promtool test rules`.
//!
//! Needs the program `promtool` (in Debian's package `prometheus`, which `scripts/test` installs). Without it the test prints
//! `SKIPPED`, and with `CI` set it fails.

mod programs;

use std::fmt::Write;
use std::process::Command;

const DOC: &str = include_str!("../../docs/operations.md");

/// A service in which each call of `Query` that fails lets its caller `Load` fail, and half of these the caller of that. Labels
/// beside `method`, and calls and failures a minute.
const CALLS: [(&str, &str, u32, u32); 6] = [
    ("Serve", "entry=\"true\"", 600, 60),
    ("Tick", "entry=\"true\"", 300, 0),
    ("Load", "caller=\"Serve\"", 1800, 120),
    ("Load", "caller=\"Tick\"", 300, 0),
    ("Load", "overflow=\"true\"", 300, 0),
    ("Query", "caller=\"Load\"", 9600, 120),
];

/// The samples that each query gives there, in the order of the document.
const RESULTS: [&[(&str, &str)]; 6] = [
    &[("{method=\"Query\"}", "2")],
    &[("{caller=\"Serve\"}", "2")],
    &[
        ("{caller=\"Serve\",method=\"Load\"}", "0.067"),
        ("{caller=\"Load\",method=\"Query\"}", "0.013"),
    ],
    &[
        ("{caller=\"Serve\"}", "0.75"),
        ("{caller=\"Tick\"}", "0.125"),
        ("{overflow=\"true\"}", "0.125"),
    ],
    &[
        ("{caller=\"Serve\",method=\"Load\"}", "3"),
        ("{caller=\"Tick\",method=\"Load\"}", "1"),
        ("{caller=\"Load\",method=\"Query\"}", "4"),
    ],
    &[("{}", "0.067")],
];

/// The queries of the section.
fn queries() -> Vec<&'static str> {
    let section = DOC.split("\n## Where failures come from\n").nth(1);
    let section = section.and_then(|rest| rest.split("\n## ").next());
    let blocks = section.expect("the section").split("```promql\n").skip(1);
    let queries = blocks.map(|block| block.split("```").next().expect("a query"));
    queries.collect()
}

fn indented(text: &str, by: usize) -> String {
    let lines = text.lines();
    let lines = lines.map(|line| format!("{:by$}{line}\n", ""));
    lines.collect()
}

/// The test that `promtool` runs, in its format. Results are rounded, because rates are not exact.
fn rules() -> String {
    let mut rules = "tests:\n- interval: 1m\n  input_series:\n".to_owned();
    for (method, labels, calls, failures) in CALLS {
        for (name, count) in [
            ("monitor_calls_total", calls),
            ("monitor_calls_failed_total", failures),
        ] {
            writeln!(
                rules,
                "  - series: '{name}{{instance=\"a\",method=\"{method}\",{labels}}}'\n    values: '0+{count}x20'"
            )
            .expect("a String takes all");
        }
    }
    rules.push_str("  promql_expr_test:\n");
    for (query, samples) in queries().into_iter().zip(RESULTS) {
        let query = indented(query, 8);
        write!(rules, "  - eval_time: 15m\n    expr: |\n      round(\n{query}      , 0.001)\n    exp_samples:\n")
            .expect("a String takes all");
        for (labels, value) in samples {
            writeln!(rules, "    - labels: '{labels}'\n      value: {value}")
                .expect("a String takes all");
        }
    }
    rules
}

#[test]
fn the_queries_of_the_guide_find_where_failures_come_from() {
    assert_eq!(queries().len(), RESULTS.len());
    let name = "the_queries_of_the_guide_find_where_failures_come_from";
    if !programs::is_installed("promtool", name) {
        return;
    }
    let file = std::env::temp_dir().join(format!("queries-{}.yml", std::process::id()));
    std::fs::write(&file, rules()).expect("written");
    let output = Command::new("promtool")
        .args(["test", "rules"])
        .arg(&file)
        .output()
        .expect("it runs");
    std::fs::remove_file(&file).expect("removed");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
}
