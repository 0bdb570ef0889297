//! The pages in plain text, the history behind them, and the files that it leaves, over sockets.

mod served;

use std::io::Read;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use monitor_core::history::{EventKind, HistoryConfig};
use monitor_server::{Limits, MonitorConfig};
use served::{ask, connect, eventually, local, metric, read_all, send, started, status_of};

const LOCAL: &str = "Host: localhost\r\n";

/// The head of an answer in small letters, and its body.
fn parts(answer: &str) -> (String, &str) {
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.to_lowercase(), body)
}

/// A path for one test, and nothing there.
fn free_path(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("monitor-{}-{name}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let mut boots = path.clone().into_os_string();
    boots.push(".boots");
    let _ = std::fs::remove_file(boots);
    path
}

#[test]
fn both_pages_answer_with_the_state_in_a_header() {
    let server = started(local());
    let method = server.monitor().method("Served").expect("a name");
    method.start().finish(monitor_core::Outcome::Success);
    for path in [
        "/verdict",
        "/top",
        "/top?cols=120&n=all&sort=p99",
        "/verdict?cols=60",
    ] {
        let answer = ask(server.local_addr(), "GET", path, LOCAL);
        let (head, body) = parts(&answer);
        assert_eq!(status_of(&answer), "200", "{answer}");
        assert!(
            head.contains("content-type: text/plain; charset=utf-8"),
            "{head}"
        );
        assert!(head.contains("cache-control: no-store"), "{head}");
        let state = head
            .lines()
            .find_map(|line| line.strip_prefix("monitor-state: "));
        let state = state.expect("the header").to_uppercase();
        assert!(body.contains(&state), "{answer}");
        let (without, _) = parts(&ask(server.local_addr(), "HEAD", path, LOCAL)).clone();
        assert!(without.contains("monitor-state: "), "{without}");
        assert_eq!(parts(&ask(server.local_addr(), "HEAD", path, LOCAL)).1, "");
    }
    let refused = ask(server.local_addr(), "GET", "/top?cols=7", LOCAL);
    assert_eq!(status_of(&refused), "400");
    let body = parts(&refused).1;
    assert_eq!(
        body,
        "`cols` is a whole number from 60 to 240, and not `7`\n"
    );
    eventually(|| {
        let top = ask(server.local_addr(), "GET", "/top?method=serv", LOCAL);
        top.contains(" Served ") || top.contains("- Served")
    });
    let none = ask(server.local_addr(), "GET", "/top?method=nobody", LOCAL);
    assert!(!none.contains("Served "), "{none}");
}

#[test]
fn frames_end_with_the_connection_and_say_so() {
    let mut limits = Limits::default();
    limits.connection_timeout = Duration::from_millis(2500);
    let server = started(local().limits(limits));
    let begin = Instant::now();
    let answer = ask(server.local_addr(), "GET", "/top?every=1", LOCAL);
    assert!(
        begin.elapsed() >= Duration::from_millis(2400),
        "{:?}",
        begin.elapsed()
    );
    let (head, body) = parts(&answer);
    assert!(
        head.contains("transfer-encoding: chunked") && !head.contains("content-length"),
        "{head}"
    );
    let frames = body.matches("\x1b[H\x1b[J").count();
    assert!((2..=3).contains(&frames), "{frames}");
    let end = "ends here: the time limit of the connection is reached (limits.connection_timeout)";
    assert!(body.contains(end), "{body}");
    let head = ask(server.local_addr(), "HEAD", "/top?every=1", LOCAL);
    assert_eq!(parts(&head).1, "");
}

#[test]
fn frames_do_not_hold_the_stop() {
    let server = started(local());
    let mut watching = connect(server.local_addr());
    send(
        &mut watching,
        "GET /verdict?every=60 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    );
    let mut byte = [0];
    watching.read_exact(&mut byte).expect("it begins");
    // One that takes nothing.
    let mut stuck = connect(server.local_addr());
    send(
        &mut stuck,
        "GET /top?every=1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    );
    let begin = Instant::now();
    server.shutdown();
    assert!(
        begin.elapsed() < Duration::from_secs(3),
        "{:?}",
        begin.elapsed()
    );
    assert!(read_all(&mut watching).contains("ends here: the server stops"));
}

#[test]
fn the_history_sees_failures_and_names_the_method() {
    let server = started(local());
    let monitor = server.monitor();
    monitor.note("deployed 1.4.3");
    eventually(|| {
        let events = monitor.with_watch(|watch| {
            let kinds = watch.events().iter().map(|event| event.kind);
            kinds.collect::<Vec<_>>()
        });
        let events = events.expect("a history");
        [EventKind::Note, EventKind::Start]
            .iter()
            .all(|kind| events.contains(kind))
    });
    let address = server.local_addr();
    let sum: f64 = [
        "ok",
        "idle",
        "failing",
        "restarted",
        "starting",
        "draining",
        "silent",
    ]
    .map(|state| metric(address, &format!("monitor_verdict{{state=\"{state}\"}}")))
    .iter()
    .sum();
    assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    assert!(metric(address, "monitor_verdict_since_timestamp_seconds") > 1e9);
}

#[test]
fn without_a_history_there_is_no_verdict_and_no_thread() {
    let mut off = HistoryConfig::default();
    off.is_on = false;
    let server = started(local().history(off));
    let answer = ask(server.local_addr(), "GET", "/verdict", LOCAL);
    assert_eq!(status_of(&answer), "200");
    assert!(answer.contains("There is no verdict"), "{answer}");
    assert!(!parts(&answer).0.contains("monitor-state"));
    assert!(server.monitor().verdict().is_none());
    let page = served::page(server.local_addr());
    assert!(!page.contains("monitor_verdict") && !page.contains("monitor_history"));
    assert!(!served::server_threads().contains(&"monitor-history".to_owned()));
    let error = server
        .write_snapshot(free_path("off.json"))
        .expect_err("nothing is kept");
    assert!(error.to_string().contains("off.json"), "{error}");
}

#[test]
fn a_history_that_is_switched_on_later_is_kept_from_the_next_request_on() {
    let mut off = HistoryConfig::default();
    off.is_on = false;
    let server = started(local().history(off));
    let monitor = server.monitor();
    let mut config = monitor.config();
    config.history = HistoryConfig::default();
    monitor.configure(config);
    let has_thread = || served::server_threads().contains(&"monitor-history".to_owned());
    assert!(!has_thread());
    ask(server.local_addr(), "GET", "/livez", LOCAL);
    // A thread takes its name as it begins.
    eventually(has_thread);
    server.shutdown();
    assert!(!has_thread());
}

#[test]
fn a_snapshot_is_written_when_asked_and_as_the_server_stops() {
    let path = free_path("last.json");
    let config = || local().snapshot_on_exit(&path);
    let server = started(config());
    let asked = free_path("asked.json");
    server.write_snapshot(&asked).expect("written");
    let text = std::fs::read_to_string(&asked).expect("it is there");
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(json["format"], "monitor-snapshot");
    assert!(!path.exists());
    drop(server);
    let text = std::fs::read_to_string(&path).expect("it is there");
    serde_json::from_str::<serde_json::Value>(&text).expect("JSON");
    let boots = std::fs::read_to_string(format!("{}.boots", path.display())).expect("a list");
    assert_eq!(boots.lines().count(), 1);
    assert!(boots.contains(" clean "), "{boots}");
    drop(started(config()));
    let boots = std::fs::read_to_string(format!("{}.boots", path.display())).expect("a list");
    assert_eq!(boots.matches(" clean ").count(), 2, "{boots}");
    let error = started(local()).write_snapshot("/none/such/folder/x.json");
    assert!(
        error
            .expect_err("no folder")
            .to_string()
            .contains("/none/such/folder/x.json")
    );
    for file in [asked, path] {
        let _ = std::fs::remove_file(file);
    }
}

#[cfg(unix)]
#[test]
fn a_unix_socket_answers_them_too() {
    use std::io::Write;
    use std::os::unix::net::UnixStream;
    let path = free_path("verdict.sock");
    let server = started(MonitorConfig::default().listen_unix(&path));
    let mut stream = UnixStream::connect(&path).expect("a connection");
    let request = "GET /verdict HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("sent");
    let answer = read_all(&mut stream);
    assert!(parts(&answer).0.contains("monitor-state: "), "{answer}");
    drop(server);
}
