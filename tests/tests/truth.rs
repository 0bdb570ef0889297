//! `docs/truth.md` against a real server, row by row: a service that is in trouble says so on the page that each reader has.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const DOC: &str = include_str!("../../docs/truth.md");

/// How long a service may take to show its state, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The cells of each line, the head first: the scenario, and the answer of each path of [`paths`].
fn rows() -> Vec<Vec<&'static str>> {
    let lines = DOC
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows = lines.map(|row| row.split(" | ").map(str::trim).collect());
    rows.collect()
}

/// The paths that the table has columns for.
fn paths() -> Vec<&'static str> {
    let head = &rows()[0][1..];
    head.iter().map(|cell| cell.trim_matches('`')).collect()
}

/// A running service; killed when dropped.
struct Service {
    child: Child,
    address: SocketAddr,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Service {
    fn start(scenario: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_scenarios"))
            .arg(scenario)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("text");
        let address = line.trim_end().strip_prefix("listens on ");
        let address = address.and_then(|address| address.parse().ok());
        let address = address.unwrap_or_else(|| panic!("`{scenario}` does not start"));
        Self { child, address }
    }

    /// The status and the body of an answer.
    fn get(&self, path: &str) -> (String, String) {
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        let timeout = stream.set_read_timeout(Some(PATIENCE));
        timeout.expect("a valid timeout");
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).expect("a status");
        (status.to_owned(), body.to_owned())
    }

    /// The difference between an answer and the cell of the table: the status, and texts that the body has.
    fn difference(&self, path: &str, cell: &str) -> Option<String> {
        let (status, body) = self.get(path);
        let has = |text: &str| match path {
            // A whole line, so that 20 is not 200.
            "/metrics" => body.lines().any(|line| line == text),
            _ => body.contains(text),
        };
        let mut texts = cell.split('`').skip(1).step_by(2);
        let is_met = cell.starts_with(&status) && texts.all(has);
        (!is_met).then(|| format!("{path} should be {cell}, is {status}:\n{body}"))
    }
}

/// Asserts one row. States that come with time are waited for.
fn check(row: &[&str]) {
    let service = Service::start(row[0]);
    let begin = Instant::now();
    for (path, cell) in paths().into_iter().zip(&row[1..]) {
        while let Some(difference) = service.difference(path, cell) {
            assert!(begin.elapsed() < PATIENCE, "{}: {difference}", row[0]);
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    // All of it at once, after the last of it came.
    for (path, cell) in paths().into_iter().zip(&row[1..]) {
        let difference = service.difference(path, cell);
        assert_eq!(difference, None, "{}", row[0]);
    }
}

#[test]
fn each_row_of_the_table_is_true() {
    assert_eq!(paths(), ["/metrics", "/livez", "/readyz", "/health"]);
    let rows = rows();
    assert!(rows.len() > 10, "a head and {} rows", rows.len() - 1);
    std::thread::scope(|scope| {
        for row in &rows[1..] {
            assert_eq!(row.len(), 5, "{row:?}");
            scope.spawn(move || check(row));
        }
    });
}
