//! A service as a process of its own, and a client of its pages.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// The programs of these tests.
const PROGRAMS: [&str; 8] = [
    "axum_first",
    "axum_service",
    "batch_job",
    "hyper_service",
    "library_user",
    "tonic_service",
    "warp_service",
    "worker_queue",
];

/// Longest time for a step on a busy machine.
pub(crate) const STEP_LIMIT: Duration = Duration::from_secs(60);

/// Time between two looks at something that is waited for.
const PAUSE: Duration = Duration::from_millis(10);

/// The path of a program. The first call has cargo build all of them, which does nothing where they are up to date.
pub(crate) fn program(name: &str) -> PathBuf {
    static BUILT: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    BUILT.get_or_init(build)[name].clone()
}

fn build() -> BTreeMap<String, PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "-p", "monitor-examples"])
        .args(["--message-format", "json-render-diagnostics"])
        .args(PROGRAMS.iter().flat_map(|name| ["--example", name]))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "the examples do not build");
    let messages = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
    messages.lines().filter_map(executable).collect()
}

fn executable(message: &str) -> Option<(String, PathBuf)> {
    let message: serde_json::Value = serde_json::from_str(message).ok()?;
    let path = PathBuf::from(message["executable"].as_str()?);
    let name = message["target"]["name"].as_str()?;
    Some((name.to_owned(), path))
}

/// A running service; killed when dropped.
pub(crate) struct Service {
    child: Child,
    /// The address of the service itself.
    pub(crate) address: SocketAddr,
    /// The address of metrics and health.
    pub(crate) monitor: SocketAddr,
}

impl Service {
    /// Starts a program on free ports, and waits for the two lines with its addresses. That of the monitor ends in
    /// `/metrics`.
    pub(crate) fn start(name: &str) -> Self {
        Self::start_in(name, Path::new("."))
    }

    /// The same in another folder.
    pub(crate) fn start_in(name: &str, folder: &Path) -> Self {
        let mut child = Command::new(program(name))
            .current_dir(folder)
            .arg("127.0.0.1:0")
            .env("MONITOR_LISTEN", "127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let lines = lines_of(&mut child);
        let next = || lines.recv_timeout(STEP_LIMIT).expect("a line of output");
        let (one, other) = (next(), next());
        let [monitor, address] = if one.ends_with("/metrics") {
            [one, other]
        } else {
            [other, one]
        };
        let (address, monitor) = (address_in(&address), address_in(&monitor));
        Self {
            child,
            address,
            monitor,
        }
    }

    /// `GET` of a page of the monitor.
    pub(crate) fn page(&self, path: &str) -> Answer {
        get(self.monitor, path)
    }

    /// Waits until `/metrics` has this line.
    pub(crate) fn wait_for_metric(&self, line: &str) {
        let begun = Instant::now();
        loop {
            let page = self.page("/metrics").body;
            if page.lines().any(|each| each == line) {
                return;
            }
            let family = line.split(['{', ' ']).next().unwrap_or_default();
            let similar: Vec<_> = page
                .lines()
                .filter(|each| each.starts_with(family))
                .collect();
            assert!(
                begun.elapsed() < STEP_LIMIT,
                "{line} is not there: {similar:#?}"
            );
            std::thread::sleep(PAUSE);
        }
    }

    /// Waits until `/metrics` has these lines.
    pub(crate) fn wait_for_metrics<'a>(&self, lines: impl IntoIterator<Item = &'a str>) {
        for line in lines {
            self.wait_for_metric(line);
        }
    }

    /// Waits until a page of the monitor has this status, and returns it.
    pub(crate) fn wait_for_status(&self, path: &str, status: u16) -> Answer {
        let mut answer = self.page(path);
        eventually(&format!("{path} is {status}"), || {
            answer = self.page(path);
            answer.status == status
        });
        answer
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> ExitStatus {
        let mut status = None;
        eventually("the process ends", || {
            status = self.child.try_wait().expect("a status");
            status.is_some()
        });
        status.expect("it ended")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines_of(child: &mut Child) -> Receiver<String> {
    let stdout = child.stdout.take().expect("piped");
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        // Reads on after the receiver is dropped: a full pipe would block the program.
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    lines
}

/// The address in a line such as `metrics at http://127.0.0.1:9999/metrics`.
fn address_in(line: &str) -> SocketAddr {
    let last = line.rsplit(' ').next().unwrap_or_default();
    let last = last.trim_start_matches("http://");
    let host = last.split('/').next().unwrap_or_default();
    host.parse()
        .unwrap_or_else(|_| panic!("no address: {line}"))
}

/// Repeats a check until it holds; fails after [`STEP_LIMIT`].
pub(crate) fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !check() {
        assert!(begun.elapsed() < STEP_LIMIT, "not in time: {what}");
        std::thread::sleep(PAUSE);
    }
}

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// As it came, up to the end of the connection: with the framing of chunks, where there are some.
    pub(crate) body: String,
}

/// `GET path`.
pub(crate) fn get(address: SocketAddr, path: &str) -> Answer {
    request(address, "GET", path, "")
}

/// A request on a connection of its own, and all of its answer.
pub(crate) fn request(address: SocketAddr, verb: &str, path: &str, body: &str) -> Answer {
    let mut stream = connect(address);
    let length = body.len();
    let request = format!(
        "{verb} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
    let status = head.get(9..12).and_then(|status| status.parse().ok());
    Answer {
        status: status.expect("a status"),
        body: body.to_owned(),
    }
}

/// A connection whose reads end after [`STEP_LIMIT`].
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    let limited = stream.set_read_timeout(Some(STEP_LIMIT));
    limited.expect("a valid limit");
    stream
}

/// Reads the head of an answer.
pub(crate) fn head_of(stream: &mut BufReader<TcpStream>) -> String {
    let mut read = String::new();
    while !read.ends_with("\r\n\r\n") {
        let bytes = stream.read_line(&mut read).expect("an answer");
        assert_ne!(bytes, 0, "it ended after {read}");
    }
    read
}
