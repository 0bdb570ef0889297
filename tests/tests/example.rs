//! The example under load: each page of its metrics adds up, and health names the fault.

mod textprocessor;

use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use textprocessor::{PATIENCE, Page, TextProcessor, command, eventually, get, post};

/// The families, with their types, that a service has once each kind of call has been made.
const FAMILIES: [(&str, &str); 34] = [
    ("service_tasks_started_total", "counter"),
    ("service_tasks_completed_total", "counter"),
    ("service_tasks_in_flight", "gauge"),
    ("service_tasks_current_seconds", "gauge"),
    ("service_tasks_current_max_seconds", "gauge"),
    ("service_tasks_completed_seconds_total", "counter"),
    ("service_tasks_busy_seconds_total", "counter"),
    ("service_worker_busy_seconds", "gauge"),
    ("service_workers", "gauge"),
    ("service_requests_total", "counter"),
    ("service_requests_in_flight", "gauge"),
    ("service_request_duration_seconds", "histogram"),
    ("service_request_errors_total", "counter"),
    ("service_request_duration_recent_mean_seconds", "gauge"),
    ("service_request_duration_last_mean_seconds", "gauge"),
    ("service_task_status", "gauge"),
    ("process_start_time_seconds", "gauge"),
    ("textprocessor_shipped_texts", "gauge"),
    ("service_value_words_read", "gauge"),
    ("service_value_body_bytes", "gauge"),
    ("service_recent_mean_request_size_bytes", "gauge"),
    ("service_last_mean_request_size_bytes", "gauge"),
    ("service_request_size_bytes", "histogram"),
    ("service_recent_mean_response_size_bytes", "gauge"),
    ("service_response_size_bytes", "histogram"),
    ("service_recent_mean_time_remaining_time_seconds", "gauge"),
    ("service_time_remaining_time_seconds", "histogram"),
    (
        "service_recent_mean_time_remaining_after_time_seconds",
        "gauge",
    ),
    ("service_time_remaining_after_time_seconds", "histogram"),
    ("service_recent_mean_asked_words", "gauge"),
    ("monitor_ready", "gauge"),
    ("monitor_series", "gauge"),
    ("monitor_calls_total", "counter"),
    ("monitor_calls_failed_total", "counter"),
];

/// Everything monitored in the example, nested calls included.
const METHODS: [&str; 13] = [
    "Analyse",
    "CompareWords",
    "IndexCorpus",
    "Keywords",
    "LookUpWords",
    "Neighbours",
    "RankKeywords",
    "RankNeighbours",
    "ShowText",
    "Similarity",
    "Spelling",
    "SplitWords",
    "Statistics",
];

/// Values that never fall, as long as the process lives.
const RISING: [&str; 9] = [
    "service_tasks_started_total",
    "service_tasks_completed_total",
    "service_tasks_completed_seconds_total",
    "service_tasks_busy_seconds_total",
    "service_requests_total",
    "service_request_duration_seconds_count",
    "service_request_errors_total",
    "monitor_calls_total",
    "monitor_calls_failed_total",
];

#[test]
fn every_series_of_a_call_is_there_at_zero_before_the_first_one() {
    let example = TextProcessor::start(&[]);
    let page = example.page();
    assert_eq!(
        page.label_values("service_requests_total", "method"),
        METHODS.map(String::from).into()
    );
    for method in METHODS
        .iter()
        .filter(|method| !matches!(**method, "IndexCorpus" | "SplitWords"))
    {
        assert_eq!(
            page.get("service_requests_total", &[("method", method)]),
            Some(0.0),
            "{method}"
        );
        for status in ["success", "failure"] {
            assert_eq!(
                page.get(
                    "service_request_duration_seconds_count",
                    &[("method", method), ("status", status)]
                ),
                Some(0.0),
                "{method}"
            );
        }
        for kind in ["unreachable", "empty text", "other", "panic", "cancelled"] {
            assert_eq!(
                page.get(
                    "service_request_errors_total",
                    &[("method", method), ("type", kind)]
                ),
                Some(0.0),
                "{method} {kind}"
            );
        }
    }
    assert_adds_up(&page);
}

#[test]
fn each_page_under_load_adds_up() {
    let example = TextProcessor::start(&["--load", "300"]);
    let begun = Instant::now();
    let mut last = example.page();
    let mut pages = 0;
    while begun.elapsed() < Duration::from_secs(8) {
        let page = example.page();
        assert_adds_up(&page);
        assert_nothing_fell(&last, &page);
        last = page;
        pages += 1;
        std::thread::sleep(Duration::from_millis(15));
    }
    assert!(pages > 50, "only {pages} pages");
    eventually("every family is there", || {
        missing_families(&example.page()).is_empty()
    });
    let page = example.page();
    assert!(
        page.value("service_tasks_started_total") > 1000.0,
        "the load runs"
    );
    for kind in [
        "empty text",
        "text too long",
        "not UTF-8",
        "bad JSON",
        "unknown text",
    ] {
        assert!(
            page.sum("service_request_errors_total", "type", kind) > 0.0,
            "no {kind}"
        );
    }
    assert!(example.interrupt().success());
}

#[test]
fn a_lost_dependency_is_unhealthy_until_it_is_back() {
    let example = TextProcessor::start(&["--load", "200"]);
    assert_eq!(get(example.monitor, "/health").status, 200);
    assert_eq!(post(example.service, "/dictionary/stop", b"").status, 200);
    assert_eq!(post(example.service, "/spelling", b"the whale").status, 503);
    eventually("health fails", || {
        get(example.monitor, "/health").status == 503
    });
    let health = get(example.monitor, "/health").body;
    assert!(
        health.contains("LookUpWords") && health.contains("CONNECTION_ERROR"),
        "{health}"
    );
    assert_eq!(
        get(example.monitor, "/livez").status,
        200,
        "no reason to be restarted"
    );
    // The check may be down before five calls in a row have failed.
    let of_calls = [("task", "LookUpWords"), ("status", "CONNECTION_ERROR")];
    eventually("five in a row fail", || {
        example.page().get("service_task_status", &of_calls) >= Some(5.0)
    });
    let page = example.page();
    assert!(
        page.get(
            "service_request_errors_total",
            &[("method", "LookUpWords"), ("type", "unreachable")]
        ) >= Some(5.0)
    );
    assert_adds_up(&page);
    assert_eq!(post(example.service, "/dictionary/start", b"").status, 200);
    eventually("health is back", || {
        get(example.monitor, "/health").status == 200
    });
}

#[test]
fn inputs_are_answered_or_refused_for_their_own_reason() {
    let example = TextProcessor::start(&[]);
    let status = |path: &str, body: &[u8]| post(example.service, path, body).status;
    assert_eq!(status("/statistics", b"Call me Ishmael."), 200);
    assert_eq!(status("/statistics", b"  "), 400);
    assert_eq!(status("/keywords", b"caf\xe9"), 400);
    assert_eq!(status("/neighbours", &vec![b'a'; 64 * 1024 + 1]), 413);
    assert_eq!(status("/similarity", b"{"), 400);
    assert_eq!(status("/nothing", b"x"), 404);
    assert_eq!(get(example.service, "/texts/alice").status, 200);
    assert_eq!(get(example.service, "/texts/nothing").status, 404);
    let spelling = post(example.service, "/spelling", b"the white wahle").body;
    assert_eq!(spelling, r#"{"words":3,"unknown":["wahle"]}"#);
}

#[test]
fn ctrl_c_lets_running_requests_end() {
    let example = TextProcessor::start(&["--load", "200"]);
    eventually("the load runs", || {
        example.page().value("service_tasks_completed_total") > 100.0
    });
    let begun = Instant::now();
    assert!(example.interrupt().success());
    assert!(begun.elapsed() < PATIENCE / 2);
}

#[test]
fn a_taken_port_is_an_error_that_names_it() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("bound").port().to_string();
    for args in [
        ["--port", &port, "--monitor-port", "0"],
        ["--port", "0", "--monitor-port", &port],
    ] {
        let output = command(&args).output().expect("it starts");
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(&format!(":{port}")), "{said}");
    }
}

#[test]
fn the_readme_shows_the_quickstart_as_it_is() {
    let readme = include_str!("../../README.md");
    let quickstart = include_str!("../../examples/src/bin/quickstart.rs");
    let (_, code) = quickstart
        .split_once("\n\n")
        .expect("a crate doc, then code");
    assert!(
        readme.contains(&format!("```rust\n{code}```")),
        "copy examples/src/bin/quickstart.rs into README.md"
    );
}

/// Each line of README's page, but for its value, is on the page of the program beside it.
#[test]
fn the_readme_shows_the_page_of_the_quickstart() {
    let port = SocketAddr::from((Ipv4Addr::LOCALHOST, 9999));
    if TcpListener::bind((Ipv6Addr::UNSPECIFIED, port.port())).is_err() {
        assert!(
            std::env::var_os("CI").is_none(),
            "port 9999 is taken, and CI is set"
        );
        let skipped = "SKIPPED: port 9999, which README's program listens on, is taken";
        // Not `println!`: the test runner shows that of failed tests only.
        let _ = writeln!(std::io::stderr(), "{skipped}");
        return;
    }
    let mut program = Command::new(textprocessor::program("quickstart"));
    let program = program.stdin(Stdio::null()).stdout(Stdio::null());
    let _running = Running(program.spawn().expect("it starts"));
    let without_value = |line: &str| match line.rsplit_once(' ') {
        Some((series, _)) if !line.starts_with('#') => series.to_owned(),
        _ => line.to_owned(),
    };
    let readme = include_str!("../../README.md");
    let shown = readme.split("```text\n").nth(1).expect("a page");
    let shown = shown.split("```").next().unwrap_or_default().lines();
    let shown: Vec<String> = shown
        .filter(|line| *line != "..")
        .map(without_value)
        .collect();
    assert!(shown.len() > 20, "{shown:?}");
    eventually("the program has served the lines of README", || {
        if TcpStream::connect(port).is_err() {
            return false;
        }
        let page = get(port, "/metrics").body;
        let page: Vec<String> = page.lines().map(without_value).collect();
        shown.iter().all(|line| page.contains(line))
    });
}

/// A process that is killed when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The sums that hold on any page at any moment.
fn assert_adds_up(page: &Page) {
    let completed = page.value("service_tasks_completed_total");
    let started = page.value("service_tasks_started_total");
    let failures = page.sum(
        "service_request_duration_seconds_count",
        "status",
        "failure",
    );
    equal(
        "started = completed + in flight",
        started,
        completed + page.value("service_tasks_in_flight"),
    );
    equal(
        "entry calls = started",
        page.sum("monitor_calls_total", "entry", "true"),
        started,
    );
    assert!(
        page.total("service_requests_total") >= started,
        "nested calls are no tasks"
    );
    assert!(page.total("service_request_duration_seconds_count") >= completed);
    equal(
        "errors = failures",
        page.total("service_request_errors_total"),
        failures,
    );
    assert!(
        page.value("service_tasks_current_max_seconds")
            <= page.value("service_tasks_current_seconds") + 1e-9
    );
    let threads = page.value("service_workers");
    let busy = page.value("service_tasks_busy_seconds_total");
    equal(
        "normalised",
        page.value("service_worker_busy_seconds"),
        busy / threads,
    );
    for method in page.label_values("service_requests_total", "method") {
        assert_method_adds_up(page, &method);
    }
}

fn assert_method_adds_up(page: &Page, method: &str) {
    let of = |name: &str| page.sum(name, "method", method);
    let processed = of("service_request_duration_seconds_count");
    assert!(
        of("service_requests_total") >= processed,
        "{method}: more ended than begun"
    );
    let failures = page.get(
        "service_request_duration_seconds_count",
        &[("method", method), ("status", "failure")],
    );
    equal(
        &format!("{method}: calls by caller = requests"),
        of("monitor_calls_total"),
        of("service_requests_total"),
    );
    equal(
        &format!("{method}: errors = failures"),
        of("service_request_errors_total"),
        failures.unwrap_or_default(),
    );
    for status in ["success", "failure"] {
        assert_buckets_add_up(page, method, status);
    }
}

fn assert_buckets_add_up(page: &Page, method: &str, status: &str) {
    let mut buckets: Vec<_> = page
        .series("service_request_duration_seconds_bucket")
        .filter(|(labels, _)| labels["method"] == method && labels["status"] == status)
        .map(|(labels, value)| (textprocessor::number(&labels["le"]), value))
        .collect();
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    assert!(
        buckets.is_sorted_by(|a, b| a.1 <= b.1),
        "{method}: {buckets:?}"
    );
    let (bound, count) = buckets.last().expect("a known method has buckets");
    assert!(bound.is_infinite());
    let ended = page.get(
        "service_request_duration_seconds_count",
        &[("method", method), ("status", status)],
    );
    equal(
        &format!("{method} {status}: last bucket = ended"),
        *count,
        ended.unwrap_or_default(),
    );
}

#[track_caller]
fn equal(what: &str, left: f64, right: f64) {
    assert!(
        (left - right).abs() <= 1e-9 * left.abs().max(1.0),
        "{what}: {left} and {right}"
    );
}

fn assert_nothing_fell(before: &Page, after: &Page) {
    for name in RISING {
        for (labels, value) in before.series(name) {
            let now = after.samples.get(&(name.to_owned(), labels.clone()));
            assert!(
                now.is_some_and(|now| *now >= value),
                "{name} {labels:?}: {value}, then {now:?}"
            );
        }
    }
}

fn missing_families(page: &Page) -> Vec<&'static str> {
    let missing = FAMILIES
        .iter()
        .filter(|(name, kind)| page.types.get(*name).is_none_or(|found| found != kind));
    missing.map(|(name, _)| *name).collect()
}
