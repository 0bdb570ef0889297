//! Runs the example as a user does, as a process of its own, and reads its pages.
#![allow(
    dead_code,
    unused_imports,
    reason = "each test file uses its own part; an `expect` would be unfulfilled in one of them"
)]

mod page;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

pub(crate) use page::{Page, number};

/// How long anything that should happen at once may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A program of the examples, built with the tests' own profile; cargo does nothing if it is up to date.
pub(crate) fn program(name: &str) -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "-p", "monitor-examples", "--bin", name])
        .args(["--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "the example does not build");
    let messages = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
    let mut messages = messages.lines();
    let found = messages.find_map(|message| executable(message, name));
    found.expect("cargo names the executable")
}

fn executable(message: &str, name: &str) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(message).ok()?;
    let is_named = message["target"]["name"] == name;
    message["executable"]
        .as_str()
        .filter(|_| is_named)
        .map(PathBuf::from)
}

/// A command that starts the program.
pub(crate) fn command(args: &[&str]) -> Command {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let mut command = Command::new(PROGRAM.get_or_init(|| program("textprocessor")));
    command.args(args).stdin(Stdio::null());
    command
}

/// The running program; killed when dropped.
#[derive(Debug)]
pub(crate) struct TextProcessor {
    child: Child,
    lines: Receiver<String>,
    /// The address of the text service.
    pub service: SocketAddr,
    /// The address of metrics and health.
    pub monitor: SocketAddr,
}

impl TextProcessor {
    /// Starts it on free ports and waits until it prints its addresses.
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut command = command(&["--port", "0", "--monitor-port", "0"]);
        let mut child = command
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let lines = read_lines(child.stdout.take().expect("piped"));
        let mut service = None;
        let mut monitor = None;
        while service.is_none() || monitor.is_none() {
            let line = lines.recv_timeout(PATIENCE).expect("it says where it is");
            service = service.or_else(|| address(&line, "service"));
            monitor = monitor.or_else(|| address(&line, "metrics"));
        }
        let (service, monitor) = (service.expect("said"), monitor.expect("said"));
        Self {
            child,
            lines,
            service,
            monitor,
        }
    }

    /// Waits for a line of output that holds `text`.
    pub(crate) fn wait_for_line(&self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self
                .lines
                .recv_timeout(left)
                .unwrap_or_else(|_| panic!("no line with `{text}`"));
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Reads `/metrics`.
    pub(crate) fn page(&self) -> Page {
        let answer = get(self.monitor, "/metrics");
        assert_eq!(answer.status, 200, "{}", answer.body);
        Page::parse(&answer.body)
    }

    /// Sends Ctrl-C and waits for the end.
    pub(crate) fn interrupt(mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .expect("kill runs");
        assert!(sent.success());
        wait(&mut self.child)
    }
}

impl Drop for TextProcessor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a process to end, but not for ever.
pub(crate) fn wait(child: &mut Child) -> ExitStatus {
    let mut status = None;
    eventually("the process ends", || {
        status = child.try_wait().expect("it can be waited for");
        status.is_some()
    });
    status.expect("it ended")
}

fn read_lines(stdout: ChildStdout) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        // Reads on after the receiver is dropped: a full pipe would stall the program.
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    lines
}

/// The address in a line such as `  service     http://127.0.0.1:8080`.
fn address(line: &str, label: &str) -> Option<SocketAddr> {
    let url = line
        .trim()
        .strip_prefix(label)?
        .trim()
        .strip_prefix("http://")?;
    url.split('/').next()?.parse().ok()
}

/// Repeats a check until it holds; fails after [`PATIENCE`].
pub(crate) fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !check() {
        assert!(
            begun.elapsed() < PATIENCE,
            "not within {PATIENCE:?}: {what}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub body: String,
}

/// `GET path`.
pub(crate) fn get(addr: SocketAddr, path: &str) -> Answer {
    exchange(addr, "GET", path, b"")
}

/// `POST path` with a body.
pub(crate) fn post(addr: SocketAddr, path: &str, body: &[u8]) -> Answer {
    exchange(addr, "POST", path, body)
}

fn exchange(addr: SocketAddr, method: &str, path: &str, body: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(addr).expect("it listens");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a valid timeout");
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    );
    stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body))
        .expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers");
    let end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .expect("an HTTP answer");
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let body = &answer[end + 4..];
    let status = head
        .get(9..12)
        .and_then(|status| status.parse().ok())
        .expect("a status line");
    let body = if head.contains("transfer-encoding: chunked") {
        join_chunks(body)
    } else {
        body.to_owned()
    };
    Answer {
        status,
        body: String::from_utf8(body).expect("UTF-8"),
    }
}

/// A body in chunks (Prometheus sends longer answers so): each its length in hexadecimal, then that many bytes.
fn join_chunks(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n");
        let (length, after) = rest.split_at(end.expect("a chunk's length"));
        let length = std::str::from_utf8(length).expect("ASCII");
        let length = usize::from_str_radix(length, 16).expect("hexadecimal");
        if length == 0 {
            return body;
        }
        let (chunk, after) = after[2..].split_at(length);
        body.extend_from_slice(chunk);
        rest = &after[2..];
    }
}
