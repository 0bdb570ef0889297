//! `promtool check metrics` on pages of a storage in which everything was used, on a served one, and on hostile ones.
//!
//! Needs the program `promtool` (in Debian's package `prometheus`, which `scripts/test` installs). Without it the tests
//! print `SKIPPED`, and with `CI` set they fail.

mod programs;
mod used;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use monitor_core::TaskStatus;
use monitor_core::config::Namespace;
use monitor_core::exposition::Format;
use monitor_core::family::Family;
use monitor_core::names::{Profile, built_in_families};
use monitor_server::{MonitorConfig, health_families, scrape_families};

/// Its findings about the names of the original, which are kept so that dashboards and rules carry over. A finding that is not
/// in this list is a fault.
const OF_THE_ORIGINAL: &[&str] = &[
    "stats_tasks_with_current_time_spend_normalised_total non-counter metrics should not have \"_total\" suffix",
    "stats_tasks_with_current_time_spend_total non-counter metrics should not have \"_total\" suffix",
    "tasks_count non-histogram and non-summary metrics should not have \"_count\" suffix",
];

/// Its exit status and its findings.
fn check(page: &str) -> (Option<i32>, Vec<String>) {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = promtool.stdin.take().expect("piped");
    let page = page.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(page.as_bytes()));
    let output = promtool.wait_with_output().expect("it ends");
    writer.join().expect("no panic").expect("it reads");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let mut findings: Vec<String> = said.lines().map(str::to_owned).collect();
    findings.sort();
    (output.status.code(), findings)
}

#[test]
fn promtool_finds_nothing_in_the_idiomatic_names() {
    if !programs::is_installed("promtool", "promtool_finds_nothing_in_the_idiomatic_names") {
        return;
    }
    let page = used::page(
        &used::everything().snapshot(),
        Profile::Prometheus,
        Format::Text004,
    );
    let (status, findings) = check(&page);
    assert_eq!(findings, Vec::<String>::new());
    assert_eq!(status, Some(0));
}

/// A page as a server serves it, with its own families: the probes have answered, and a heartbeat has pulsed.
fn served() -> String {
    let config = MonitorConfig::default()
        .listen([127, 0, 0, 1])
        .port(0)
        .heartbeat_timeout(Duration::from_mins(10))
        .check("db", Duration::from_millis(20), (), |()| async {
            Ok::<_, std::io::Error>(())
        });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .expect("a runtime");
    let _entered = runtime.enter();
    let server = monitor_server::run(config).expect("a free port");
    let worker = server.spawn("consumer", std::future::pending::<()>());
    drop(worker.expect("a name"));
    server.started();
    server.heartbeat().pulse();
    let monitor = server.monitor();
    monitor.set_task_status(TaskStatus::ConnectionError, "uploads");
    // From the first result of the check on.
    let is_checked = |page: &String| page.contains("\nmonitor_check_age_seconds{");
    let pages = std::iter::repeat_with(|| {
        std::thread::sleep(Duration::from_millis(20));
        page_of(server.local_addr())
    });
    pages
        .take(1_500)
        .find(is_checked)
        .expect("a check was made")
}

fn page_of(server: SocketAddr) -> String {
    let mut stream = TcpStream::connect(server).expect("a connection");
    let request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, page) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    page.to_owned()
}

#[test]
fn promtool_finds_nothing_in_a_served_page_with_the_idiomatic_names() {
    let name = "promtool_finds_nothing_in_a_served_page_with_the_idiomatic_names";
    let mut page = served();
    let own = [health_families(), scrape_families()].concat();
    for family in own {
        if page.lines().any(|line| line.starts_with(&*family.name)) {
            continue;
        }
        // Those of a protected server: here they are named alone.
        let protected = ["_certificate_", "_web_config_"];
        let (name, help) = (&family.name, &family.help);
        assert!(
            protected.iter().any(|part| name.contains(part)),
            "no {name}"
        );
        let kind = if name.ends_with("_total") {
            "counter"
        } else {
            "gauge"
        };
        page = format!("{page}# HELP {name} {help}\n# TYPE {name} {kind}\n{name} 1\n");
    }
    if !programs::is_installed("promtool", name) {
        return;
    }
    let (status, findings) = check(&page);
    assert_eq!(findings, Vec::<String>::new());
    assert_eq!(status, Some(0));
}

#[test]
fn promtool_finds_in_the_names_of_the_original_what_is_known_and_no_more() {
    let name = "promtool_finds_in_the_names_of_the_original_what_is_known_and_no_more";
    if !programs::is_installed("promtool", name) {
        return;
    }
    let page = used::page(
        &used::everything().snapshot(),
        Profile::Servicekit,
        Format::Text004,
    );
    let (status, findings) = check(&page);
    assert_eq!(findings, OF_THE_ORIGINAL);
    assert_eq!(status, Some(3), "findings, but no syntax error");
}

#[test]
fn promtool_can_read_any_page() {
    if !programs::is_installed("promtool", "promtool_can_read_any_page") {
        return;
    }
    for profile in Profile::ALL {
        let page = used::page(&used::hostile(true).snapshot(), profile, Format::Text004);
        let (status, findings) = check(&page);
        assert!(matches!(status, Some(0 | 3)), "{profile}: {findings:?}");
    }
}

/// Otherwise the tests above would prove nothing.
#[test]
fn everything_built_in_was_used() {
    for profile in Profile::ALL {
        let page = used::page(&used::everything().snapshot(), profile, Format::Text004);
        let families = built_in_families(profile, &Namespace::default());
        // Only a build without instrumentation has it: `fixtures/off.rs` tests that one.
        let is_used = |family: &&Family| family.name != "monitor_instrumentation_off";
        for family in families.iter().filter(is_used) {
            let sample = |line: &str| line.starts_with(&*family.name);
            assert!(page.lines().any(sample), "{profile}: no {}", family.name);
        }
        assert!(!page.contains("stats_key_"), "{profile}: nothing collides");
        for labels in [
            "caller=\"ShowText\",method=\"LookUpWords\"} 1",
            "entry=\"true\",method=\"Charge\"} 6",
            "method=\"ShowText\",overflow=\"true\"} 1",
        ] {
            let line = format!("\nmonitor_calls_total{{{labels}\n");
            assert!(page.contains(&line), "{profile}: no {line}{page}");
        }
    }
    let hostile = used::page(
        &used::hostile(false).snapshot(),
        Profile::Prometheus,
        Format::Text004,
    );
    let of_labelled = hostile.lines().filter(|line| {
        line.starts_with("monitor_calls_total{")
            && line.contains(",caller=")
            && line.contains("\"Labelled\"")
    });
    assert!(of_labelled.count() > 30, "any text is a caller");
}
