//! A small service with this project and without it: the same answers, a few lines more, and what those lines give.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const WITH: &str = include_str!("../src/bin/newcomer_with.rs");
const WITHOUT: &str = include_str!("../src/bin/newcomer_without.rs");

/// How many lines the project may take, both programs as rustfmt writes them.
const MORE: usize = 25;

/// How long an immediate step may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running service and its dictionary; killed when dropped.
struct Service {
    child: Child,
    stdout: BufReader<ChildStdout>,
    file: PathBuf,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.file);
    }
}

impl Service {
    fn start(program: &str) -> Self {
        let name = format!("newcomer-{}-{}", program.len(), std::process::id());
        let file = std::env::temp_dir().join(name);
        std::fs::write(&file, "whale\tthe largest animal\n").expect("a file");
        let mut child = Command::new(program)
            .arg("127.0.0.1:0")
            .arg(&file)
            .env("MONITOR_LISTEN", "127.0.0.1:0")
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        Self {
            child,
            stdout,
            file,
        }
    }

    /// The address on the next line of the program's output.
    fn address(&mut self, before: &str) -> SocketAddr {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("text");
        let address = line.trim_end().strip_prefix(before);
        let address = address.and_then(|address| address.parse().ok());
        address.unwrap_or_else(|| panic!("`{line}` has no address"))
    }

    /// Its answers while it can read its dictionary, then without that.
    fn answers(&self, address: SocketAddr) -> [String; 4] {
        let readable = [
            get(address, "/words/whale"),
            get(address, "/words/wale"),
            get(address, "/words"),
        ];
        std::fs::remove_file(&self.file).expect("the file is there");
        let [known, unknown, count] = readable.map(|(status, body)| format!("{status} {body}"));
        let (status, _) = get(address, "/words/whale");
        [known, unknown, count, status]
    }

    /// How it ends after SIGTERM.
    fn terminate(mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", "TERM", &pid]).status();
        assert!(sent.is_ok_and(|status| status.success()), "it is sent");
        self.child.wait().expect("a child")
    }
}

/// The status and the body of an answer.
fn get(address: SocketAddr, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let timeout = stream.set_read_timeout(Some(PATIENCE));
    timeout.expect("a valid timeout");
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).expect("a status");
    (status.to_owned(), body.to_owned())
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

const ANSWERS: [&str; 4] = [
    "200 the largest animal",
    "404 no such word",
    "200 1 words\n",
    "503",
];

#[test]
fn the_project_takes_a_newcomers_service_few_lines() {
    let (with, without) = (WITH.lines().count(), WITHOUT.lines().count());
    assert!(with <= without + MORE, "{with} lines, and {without}");
}

#[test]
fn without_it_the_service_answers_and_stops() {
    let mut service = Service::start(env!("CARGO_BIN_EXE_newcomer_without"));
    let address = service.address("listens on ");
    assert_eq!(get(address, "/health").0, "200");
    assert_eq!(service.answers(address), ANSWERS);
    assert_eq!(get(address, "/health").0, "503");
    assert!(service.terminate().success());
}

#[test]
fn with_it_the_service_answers_and_stops_as_before_and_shows_its_requests_and_its_health() {
    let mut service = Service::start(env!("CARGO_BIN_EXE_newcomer_with"));
    let monitor = service.address("metrics on ");
    let address = service.address("listens on ");
    wait_until("the check runs", || get(monitor, "/readyz").0 == "200");
    assert_eq!(service.answers(address), ANSWERS);

    let (_, page) = get(monitor, "/metrics");
    for line in [
        "service_requests_total{method=\"GET /words/{word}\"} 3",
        "service_requests_total{method=\"GET /words\"} 1",
        "service_request_errors_total{method=\"GET /words/{word}\",type=\"http_503\"} 1",
        "service_request_errors_total{method=\"GET /words/{word}\",type=\"http_404\"} 1",
        "service_request_errors_total{method=\"Dictionary::meaning\",type=\"dictionary_io\"} 1",
        "service_request_errors_total{method=\"Dictionary::meaning\",type=\"unknown_word\"} 1",
    ] {
        assert!(page.contains(line), "{line} is missing:\n{page}");
    }
    let is_unhealthy = || get(monitor, "/health").0 == "503" && get(monitor, "/readyz").0 == "503";
    wait_until("the check sees it", is_unhealthy);
    assert!(service.terminate().success());
}
