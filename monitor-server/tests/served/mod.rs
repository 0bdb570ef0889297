//! A running server, and clients as small as can be.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use monitor_server::{MonitorConfig, MonitorServer, run};
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;

/// Loopback, any free port.
pub(crate) fn local() -> MonitorConfig {
    MonitorConfig::default().listen([127, 0, 0, 1]).port(0)
}

/// There is one server a process: tests that run it take turns.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The process's server, stopped at the end of the test.
pub(crate) struct Served {
    server: MonitorServer,
    _turn: MutexGuard<'static, ()>,
}

impl Deref for Served {
    type Target = MonitorServer;

    fn deref(&self) -> &MonitorServer {
        &self.server
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.server.shutdown();
    }
}

pub(crate) fn started(config: MonitorConfig) -> Served {
    let turn = turn();
    Served {
        server: run(config).expect("a server"),
        _turn: turn,
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    let limit = Some(Duration::from_secs(10));
    stream.set_read_timeout(limit).expect("a timeout");
    stream
}

pub(crate) fn send(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).expect("sent");
}

/// Asks for a page, on a connection that goes on.
pub(crate) fn send_get(stream: &mut impl Write, path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
}

/// All bytes until the other side closes, or resets.
pub(crate) fn read_all(stream: &mut impl Read) -> String {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// One answer of a connection that may go on: its head, and its body by its length; the part that arrived where it is not whole.
pub(crate) fn read_answer(stream: &mut impl Read) -> (String, String) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = Vec::new();
    let _ = stream.take(length.unwrap_or(0)).read_to_end(&mut body);
    (head, String::from_utf8_lossy(&body).into_owned())
}

/// Asks again and again, until an answer closes the connection: each is whole.
pub(crate) fn ask_until_closed(stream: &mut (impl Read + Write), path: &str) {
    loop {
        send_get(stream, path);
        let (head, body) = read_answer(stream);
        assert!(head.starts_with("http/1.1 "), "{path}: {head:?}");
        let length = format!("content-length: {}\r\n", body.len());
        assert!(head.contains(&length), "{path}: {head}{body}");
        if head.contains("connection: close") {
            break;
        }
    }
    assert_eq!(read_all(stream), "");
}

/// The whole answer to a request on a connection of its own.
pub(crate) fn ask(address: SocketAddr, method: &str, target: &str, headers: &str) -> String {
    let mut stream = connect(address);
    let request = format!("{method} {target} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n");
    // The server may have refused before all was sent.
    let _ = stream.write_all(request.as_bytes());
    read_all(&mut stream)
}

/// The status of an answer, `none` where there is none.
pub(crate) fn status_of(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

pub(crate) fn status(address: SocketAddr, path: &str) -> String {
    status_of(&ask(address, "GET", path, "Host: localhost\r\n")).to_owned()
}

pub(crate) fn page(address: SocketAddr) -> String {
    ask(address, "GET", "/metrics", "Host: localhost\r\n")
}

/// The value of a series on a page.
pub(crate) fn value(page: &str, series: &str) -> f64 {
    let mut lines = page.lines();
    let value = lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok());
    value.unwrap_or_else(|| panic!("no {series} in {page}"))
}

/// The value of a series now: pages of named families are never kept.
pub(crate) fn metric(address: SocketAddr, series: &str) -> f64 {
    let family = series.split('{').next().unwrap_or(series);
    let target = format!("/metrics?name[]={family}");
    value(&ask(address, "GET", &target, "Host: localhost\r\n"), series)
}

/// Waits until it holds, for as long as a loaded machine may need.
#[track_caller]
pub(crate) fn eventually(holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_secs(30), "it never held");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A registry whose page is this many bytes long and a little more.
pub(crate) fn large_registry(bytes: usize) -> prometheus::Registry {
    let registry = prometheus::Registry::new();
    let gauge = prometheus::Gauge::new("large", "x".repeat(bytes)).expect("a name");
    registry
        .register(Box::new(gauge))
        .expect("a fresh registry");
    registry
}

/// A collector that takes its time, and as long as it is held.
#[derive(Clone, Default)]
pub(crate) struct Slow {
    pub(crate) pause: Duration,
    pub(crate) begun: Arc<AtomicBool>,
    pub(crate) held: Arc<AtomicBool>,
}

impl Slow {
    pub(crate) fn by(pause: Duration) -> Self {
        Self {
            pause,
            ..Self::default()
        }
    }

    pub(crate) fn held() -> Self {
        let slow = Self::default();
        slow.held.store(true, Ordering::SeqCst);
        slow
    }
}

impl Collector for Slow {
    fn desc(&self) -> Vec<&Desc> {
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.begun.store(true, Ordering::SeqCst);
        std::thread::sleep(self.pause);
        while self.held.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        Vec::new()
    }
}

/// The threads of this process that belong to a server.
pub(crate) fn server_threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").expect("procfs");
    tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| name.starts_with("monitor-"))
        .collect()
}
