//! A server's page has the identity and the resource use of the process, in every format, and Prometheus' own linter accepts it.
//!
//! Needs the program `promtool` (Debian package `prometheus`; `scripts/test` installs it). Without it that test prints
//! `SKIPPED`, and with `CI` set it fails.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use monitor_server::{MonitorConfig, run};
use tokio::runtime::{Builder, Runtime};

/// The prefixes of the names that are checked here.
const OURS: [&str; 3] = ["process_", "tokio_", "monitor_build_info"];

/// Their types.
const FAMILIES: [(&str, &str); 15] = [
    ("monitor_build_info", "gauge"),
    ("process_cpu_seconds_total", "counter"),
    ("process_virtual_memory_bytes", "gauge"),
    ("process_resident_memory_bytes", "gauge"),
    ("process_start_time_seconds", "gauge"),
    ("process_open_fds", "gauge"),
    ("process_max_fds", "gauge"),
    ("process_threads", "gauge"),
    ("tokio_workers", "gauge"),
    ("tokio_alive_tasks", "gauge"),
    ("tokio_global_queue_depth", "gauge"),
    ("tokio_scheduling_delay_seconds", "gauge"),
    ("tokio_worker_busy_seconds_total", "counter"),
    ("tokio_worker_parks_total", "counter"),
    ("tokio_worker_parked", "gauge"),
];

fn address() -> SocketAddr {
    static SERVER: OnceLock<(SocketAddr, Runtime)> = OnceLock::new();
    let start = || {
        let runtime = Builder::new_multi_thread().worker_threads(2).build();
        let runtime = runtime.expect("a runtime");
        let config = MonitorConfig::default()
            .listen([127, 0, 0, 1])
            .port(0)
            .service(monitor_server::service!().revision("5f2c1a9"))
            .runtime("main", runtime.handle());
        (run(config).expect("a free port").local_addr(), runtime)
    };
    SERVER.get_or_init(start).0
}

/// The page's lines that are about our families.
fn page(accept: &str) -> String {
    let mut stream = TcpStream::connect(address()).expect("it listens");
    let timeout = stream.set_read_timeout(Some(Duration::from_secs(30)));
    timeout.expect("a valid timeout");
    let request = format!(
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept: {accept}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let is_ours = |line: &&str| {
        let name = line
            .strip_prefix("# ")
            .and_then(|comment| Some(comment.split_once(' ')?.1));
        OURS.iter()
            .any(|ours| name.unwrap_or(line).starts_with(ours))
    };
    body.lines()
        .filter(is_ours)
        .map(|line| line.to_owned() + "\n")
        .collect()
}

fn value(page: &str, series: &str) -> f64 {
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let value = line.and_then(|value| value.parse().ok());
    value.unwrap_or_else(|| panic!("no {series}: {page}"))
}

#[cfg(target_os = "linux")]
#[test]
fn every_family_is_on_the_page_in_both_formats() {
    for (accept, is_text) in [
        ("text/plain", true),
        ("application/openmetrics-text", false),
    ] {
        let page = page(accept);
        for (name, kind) in FAMILIES {
            let counter = name.strip_suffix("_total").filter(|_| !is_text);
            let head = format!("# TYPE {} {kind}\n", counter.unwrap_or(name));
            assert!(page.contains(&head), "{head}{page}");
        }
        assert_eq!(page.matches("# TYPE ").count(), FAMILIES.len(), "{page}");
        let build = concat!(
            "monitor_build_info{name=\"monitor-tests\",revision=\"5f2c1a9\",version=\"",
            env!("CARGO_PKG_VERSION"),
            "\"} 1\n"
        );
        assert!(page.contains(build), "{page}");
        assert!((value(&page, "tokio_workers{runtime=\"main\"}") - 2.0).abs() < 0.5);
        for worker in 0..2 {
            let labels = format!("{{runtime=\"main\",worker=\"{worker}\"}}");
            assert!(value(&page, &format!("tokio_worker_parks_total{labels}")) >= 0.0);
        }
        assert!(value(&page, "process_resident_memory_bytes") > 1e6);
        assert!(value(&page, "process_threads") >= 3.0);
        assert!(value(&page, "process_open_fds") >= 4.0);
        assert!(value(&page, "process_open_fds") <= value(&page, "process_max_fds"));
    }
}

#[test]
fn promtool_has_no_finding() {
    let command = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = command else {
        assert!(
            std::env::var_os("CI").is_none(),
            "`promtool` is missing, and CI is set"
        );
        // Not `eprintln!`: the test runner shows that of failed tests only.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: promtool_has_no_finding (no `promtool`)"
        );
        return;
    };
    let page = page("text/plain");
    let mut stdin = promtool.stdin.take().expect("piped");
    stdin.write_all(page.as_bytes()).expect("it reads");
    drop(stdin);
    let output = promtool.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    assert_eq!(String::from_utf8_lossy(&said), "", "{page}");
    assert!(output.status.success());
}
