//! Servers on sockets, raw clients, and readings of a monitor, for the tests of the layers.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use monitor_core::snapshot::MethodSnapshot;
use monitor_core::{Clock, Monitor, StorageConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A monitor of a test's own.
pub(crate) fn monitor() -> Monitor {
    Monitor::new(StorageConfig::default())
}

/// One in which time stands still: the first call that the system interrupts, and so far longer than all before, has to
/// make room for its duration.
pub(crate) fn timeless_monitor() -> Monitor {
    Monitor::with_clock(StorageConfig::default(), Clock::manual(0.0).0)
}

/// Serves a router until the test's runtime ends.
pub(crate) async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Sends bytes over a new connection.
pub(crate) async fn send(to: SocketAddr, bytes: &str) -> TcpStream {
    let mut stream = TcpStream::connect(to).await.expect("the server listens");
    stream
        .write_all(bytes.as_bytes())
        .await
        .expect("the server reads");
    stream
}

/// Sends a request without a body, and returns all that comes back until the server closes the connection.
pub(crate) async fn exchange(to: SocketAddr, verb: &str, path: &str) -> String {
    let request = format!("{verb} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    let mut stream = send(to, &request).await;
    let mut answer = Vec::new();
    // A connection that breaks ends the answer.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// Waits until a condition holds.
pub(crate) async fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("not within 10 s: {what}");
}

/// Waits until no call is in flight.
pub(crate) async fn wait_for_end(monitor: Monitor) {
    wait_for("no call is in flight", || monitor.in_flight() == 0).await;
}

/// The calls of a method.
pub(crate) fn calls(monitor: Monitor, name: &str) -> MethodSnapshot {
    let snapshot = monitor.snapshot();
    let found = snapshot.methods.iter().find(|one| &*one.name == name);
    found
        .unwrap_or_else(|| panic!("no {name}: {:?}", counts(monitor)))
        .clone()
}

/// All methods that were called, each as `name started=1 ok=1 failures{type=1} in_flight=0`, without what is 0.
pub(crate) fn counts(monitor: Monitor) -> Vec<String> {
    let snapshot = monitor.snapshot();
    let called = snapshot.methods.iter().filter(|method| method.started > 0);
    called
        .map(|method| {
            let mut text = format!("{} started={}", method.name, method.started);
            let counts = [
                ("ok", method.success.count()),
                ("in_flight", method.in_flight),
            ];
            let types = snapshot.error_types.iter().map(|name| &**name);
            let all = counts
                .into_iter()
                .chain(types.zip(method.errors.iter().copied()));
            for (name, count) in all.filter(|(_, count)| *count > 0) {
                write!(text, " {name}={count}").expect("a string");
            }
            text
        })
        .collect()
}

/// The sum of a value that calls observed, and how many did.
pub(crate) fn sum_of(monitor: Monitor, method: &str, value: &str) -> Option<(f64, u64)> {
    let method = calls(monitor, method);
    let value = method.values.iter().find(|one| &*one.key.raw == value)?;
    let histogram = value.histogram.as_ref()?;
    Some((histogram.sum, histogram.count()))
}
