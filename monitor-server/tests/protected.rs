//! Credentials and addresses over real sockets: access, a flood of wrong passwords, and rotation.

mod served;

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use monitor_core::Monitor;
use monitor_server::{MetricServer, MonitorConfig, RunError, run};
use served::{ask, eventually, local, metric, read_all, started, status, status_of, turn};
use socket2::{Domain, Socket, Type};

/// `ann:secret`, `ann:guess`, `eve:secret`, `ann:renewed`.
const RIGHT: &str = "Authorization: Basic YW5uOnNlY3JldA==\r\n";
const WRONG: &str = "Authorization: Basic YW5uOmd1ZXNz\r\n";
const UNKNOWN: &str = "Authorization: Basic ZXZlOnNlY3JldA==\r\n";
const RENEWED: &str = "Authorization: Basic YW5uOnJlbmV3ZWQ=\r\n";
const TOKEN: &str = "Authorization: Bearer the-token-of-the-scraper\r\n";

/// A web configuration file that is removed when the test ends.
struct WebFile(PathBuf);

impl WebFile {
    fn new(name: &str, password: &str, cost: u32) -> Self {
        let name = format!("monitor-protected-{}-{name}.yml", std::process::id());
        let file = Self(std::env::temp_dir().join(name));
        file.write(password, cost);
        file
    }

    /// By a rename, as a rotation of secrets should.
    fn write(&self, password: &str, cost: u32) {
        let hash = bcrypt::hash_with_salt(password, cost, [1; 16]).expect("a hash");
        let next = self.0.with_extension("next");
        fs::write(&next, format!("basic_auth_users:\n  ann: {hash}\n")).expect("written");
        fs::rename(next, &self.0).expect("renamed");
    }

    fn config(&self) -> MonitorConfig {
        local()
            .web_config(&self.0)
            .bearer_token("the-token-of-the-scraper")
    }
}

impl Drop for WebFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn asked(address: SocketAddr, path: &str, headers: &str) -> String {
    ask(
        address,
        "GET",
        path,
        &format!("Host: localhost\r\n{headers}"),
    )
}

fn code(address: SocketAddr, path: &str, headers: &str) -> String {
    status_of(&asked(address, path, headers)).to_owned()
}

/// The access matrix, in memory, has every combination.
#[test]
fn metrics_are_for_who_has_credentials_and_probes_for_all() {
    let file = WebFile::new("open", "secret", 4);
    let server = started(file.config());
    let address = server.local_addr();
    let proxied = "X-Forwarded-For: 10.0.0.7\r\n";
    for (credentials, metrics, health) in [
        ("", "401", "200"),
        (WRONG, "401", "401"),
        (UNKNOWN, "401", "401"),
        (RIGHT, "200", "200"),
        (TOKEN, "200", "200"),
    ] {
        let headers = format!("{credentials}{proxied}");
        for (path, expected) in [
            ("/livez", "200"),
            ("/metrics", metrics),
            ("/health", health),
        ] {
            let status = code(address, path, &headers);
            assert_eq!(status, expected, "{path} {credentials}");
        }
    }
    let refused = asked(address, "/metrics", "").to_lowercase();
    for scheme in ["basic", "bearer"] {
        let header = format!("www-authenticate: {scheme} realm=\"monitor\"");
        assert!(refused.contains(&header), "{refused}");
    }
    assert!(refused.ends_with("\r\n\r\nunauthorized"), "{refused}");
    let page = asked(address, "/metrics", TOKEN);
    let failures = "monitor_server_auth_failures_total{scheme=\"basic\"}";
    assert!((served::value(&page, failures) - 4.0).abs() < 0.5, "{page}");
    let foreign = ask(address, "GET", "/api/v1/x", "Host: evil.example\r\n");
    assert_eq!(status_of(&foreign), "421");
}

/// One check of a password takes about 60 ms at this cost, and one runs at a time; known credentials wait for none.
#[test]
fn a_flood_of_wrong_passwords_does_not_touch_a_good_scraper() {
    let file = WebFile::new("flood", "secret", 10);
    let server = started(file.config());
    let address = server.local_addr();
    assert_eq!(code(address, "/metrics", RIGHT), "200");
    let ends = Arc::new(AtomicBool::new(false));
    let flood: Vec<_> = (0..50)
        .map(|client| {
            let ends = Arc::clone(&ends);
            let headers = if client % 2 == 0 { WRONG } else { UNKNOWN };
            std::thread::spawn(move || {
                let mut busy = 0;
                while !ends.load(Ordering::Relaxed) {
                    let answer = asked(address, "/metrics", headers);
                    match status_of(&answer) {
                        "429" => {
                            assert!(answer.to_lowercase().contains("\r\nretry-after: 1\r\n"));
                            busy += 1;
                        }
                        other => assert!(["401", "none"].contains(&other), "{answer}"),
                    }
                    std::thread::sleep(Duration::from_millis(5));
                }
                busy
            })
        })
        .collect();
    let begin = Instant::now();
    let mut scrapes = 0;
    while begin.elapsed() < Duration::from_secs(3) {
        assert_eq!(code(address, "/metrics", RIGHT), "200", "scrape {scrapes}");
        scrapes += 1;
    }
    ends.store(true, Ordering::Relaxed);
    let busy: u32 = flood
        .into_iter()
        .map(|one| one.join().expect("no panic"))
        .sum();
    assert!(scrapes > 20 && busy > 20, "{scrapes} {busy}");
}

#[test]
fn a_renewed_password_is_in_force_within_moments_and_the_old_one_is_not() {
    let file = WebFile::new("renewed", "secret", 4);
    let server = started(file.config());
    let address = server.local_addr();
    assert_eq!(code(address, "/metrics", RIGHT), "200");
    file.write("renewed", 4);
    eventually(|| code(address, "/metrics", RENEWED) == "200");
    assert_eq!(code(address, "/metrics", RIGHT), "401");
    fs::write(&file.0, "basic_auth_users: {}\n").expect("written");
    let state = "monitor_server_web_config_last_reload_successful";
    eventually(|| served::value(&asked(address, "/metrics", TOKEN), state) < 0.5);
    assert_eq!(code(address, "/metrics", ""), "401");
    assert_eq!(code(address, "/metrics", RENEWED), "200");
}

/// A connection from another address of this machine.
fn from(source: Ipv4Addr, address: SocketAddr) -> String {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let source = SocketAddr::from((source, 0));
    socket.bind(&source.into()).expect("an address of ours");
    socket.connect(&address.into()).expect("a connection");
    let mut stream = TcpStream::from(socket);
    let limit = Some(Duration::from_secs(10));
    stream.set_read_timeout(limit).expect("a timeout");
    let _ =
        stream.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    read_all(&mut stream)
}

#[cfg(target_os = "linux")]
#[test]
fn only_addresses_that_are_allowed_get_as_far_as_a_request() {
    let server = started(local().allow_from("127.0.0.0/31").allow_from("10.0.0.0/8"));
    let address = server.local_addr();
    assert_eq!(status(address, "/livez"), "200");
    for last in 2..10 {
        assert_eq!(from(Ipv4Addr::new(127, 0, 0, last), address), "", "{last}");
    }
    assert!(from(Ipv4Addr::LOCALHOST, address).starts_with("HTTP/1.1 200"));
    let refused = metric(
        address,
        "monitor_server_connections_closed_total{reason=\"source\"}",
    );
    assert!((refused - 8.0).abs() < 0.5, "{refused}");
}

#[test]
fn a_server_beside_it_is_protected_alike() {
    let file = WebFile::new("beside", "secret", 4);
    let metrics = MetricServer::with_config(&file.config(), Monitor::global());
    let server = metrics
        .run_in_thread(([127, 0, 0, 1], 0))
        .expect("a server");
    assert_eq!(code(server.local_addr(), "/metrics", ""), "401");
    assert_eq!(code(server.local_addr(), "/metrics", RIGHT), "200");
    server.shutdown();
    let config = MonitorConfig::default;
    for wrong in [
        config().web_config("/nonexistent/web.yml"),
        config().allow_from("10.0.0.5/24"),
        config().bearer_token("short"),
    ] {
        let metrics = MetricServer::with_config(&wrong, Monitor::global());
        let refused = metrics.run_in_thread(([127, 0, 0, 1], 0));
        assert!(matches!(refused, Err(RunError::Config(_))), "{refused:?}");
    }
}

#[test]
fn a_bad_setting_is_an_error_at_once_that_names_it() {
    let _turn = turn();
    let file = WebFile::new("bad", "secret", 4);
    fs::write(&file.0, "basic_auth_users:\n  ann: secret\n").expect("written");
    let in_code = |config: MonitorConfig| run(config).map(drop);
    for (named, refused) in [
        ("web_config", in_code(local().web_config("/nonexistent"))),
        ("basic_auth_users.ann", in_code(local().web_config(&file.0))),
        (
            "bearer_token_file",
            in_code(local().bearer_token_file("/nonexistent")),
        ),
        ("bearer_tokens[0]", in_code(local().bearer_token("short"))),
        (
            "allow_from[1]",
            in_code(local().allow_from("::1").allow_from("10.0.0.1/8")),
        ),
        ("listen", in_code(local().listen_unix("relative"))),
        ("192.0.2.1:0", in_code(local().listen([192, 0, 2, 1]))),
        (
            "/nonexistent/a.sock",
            in_code(local().listen_unix("/nonexistent/a.sock")),
        ),
    ] {
        let begin = Instant::now();
        let error = refused.expect_err(named).to_string();
        assert!(error.contains(named), "{named}: {error}");
        assert!(!error.contains("the-token"), "{error}");
        assert!(begin.elapsed() < Duration::from_secs(1));
    }
    assert_eq!(served::server_threads(), [""; 0]);
}
