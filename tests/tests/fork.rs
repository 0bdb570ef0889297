//! A fork of a process whose server runs: threads are not taken along. Each call returns an error for that, or works without threads.
#![cfg(unix)]

use std::process::Command;

/// The child's output, with `PARENT` for the parent's process id and `ADDRESS` for its address; then the parent's.
const SAID: &str = "\
address: 127.0.0.1
run: the monitor server on ADDRESS runs in process PARENT, of which this one is a fork: threads are not taken along
instance: false
readiness: stopped
health: closed
check: the monitor server on ADDRESS runs in process PARENT, of which this one is a fork: threads are not taken along
blocking check: the monitor server on ADDRESS runs in process PARENT, of which this one is a fork: threads are not taken along
removed: false
wait: 1 calls still run after 50ms
blocking wait: 1 calls still run after 50ms
signal: the monitor server on ADDRESS runs in process PARENT, of which this one is a fork: threads are not taken along
drain on signal: cannot listen for signals
listen: signals are listened to in process PARENT, of which this one is a fork
drain: ok
blocking drain: ok
shutdown: returns
other address: true
livez: 200
started: 2
stop: ok
instance at the end: false
child's status: 0
parent's server: 200
parent's other server: 200
parent's drain: ok
";

#[test]
fn a_forked_child_is_told_and_the_parent_s_server_is_not_touched() {
    let child = Command::new(env!("CARGO_BIN_EXE_forks"))
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn();
    let child = child.expect("it starts");
    let process = child.id().to_string();
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout);
    let told = String::from_utf8_lossy(&output.stderr);
    let address = said
        .split_once("the monitor server on ")
        .and_then(|(_, rest)| rest.split(' ').next())
        .unwrap_or("none");
    let expected = SAID.replace("PARENT", &process).replace("ADDRESS", address);
    assert_eq!(said, expected, "{told}");
    assert!(!told.contains("panicked"), "{told}");
}
