//! Real signals to a real process: it drains in order, a second signal ends that at once, and later ones end the process.
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long an immediate step may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Longer than a test may take.
const EVER: &str = "600000";

/// The program; killed when dropped.
struct Program {
    child: Child,
    lines: Receiver<String>,
    address: SocketAddr,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Program {
    fn start(args: [&str; 3]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_drains"))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let line = lines.recv_timeout(PATIENCE).expect("it says where it is");
        let address = line.strip_prefix("listens on ").expect("an address");
        let program = Self {
            address: address.parse().expect("an address"),
            child,
            lines,
        };
        program.wait_for_handlers();
        program
    }

    /// Until then a signal ends it, as it should: it has not got so far.
    fn wait_for_handlers(&self) {
        let begin = Instant::now();
        while !self.catches_signals() {
            assert!(begin.elapsed() < PATIENCE, "it listens for signals");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether SIGINT (2) and SIGTERM (15) have handlers: man 5 proc, `SigCgt`.
    fn catches_signals(&self) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("procfs");
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        mask.is_some_and(|mask| mask & 0x4002 == 0x4002)
    }

    /// Its one task ends.
    fn end_task(&mut self) {
        drop(self.child.stdin.take());
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status();
        assert!(sent.is_ok_and(|status| status.success()), "{name} is sent");
    }

    fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("a line")
    }

    fn ends(&mut self) -> ExitStatus {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                return status;
            }
            assert!(begin.elapsed() < PATIENCE, "it ends");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Code and body of an answer; `None` without an answer.
    fn get(&self, path: &str) -> Option<(String, String)> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let head = "HTTP/1.1\r\nHost: localhost\r\nConnection: close";
        write!(stream, "GET {path} {head}\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let code = answer.split(' ').nth(1)?.to_owned();
        Some((code, answer.split_once("\r\n\r\n")?.1.to_owned()))
    }

    fn wait_for_draining(&self) {
        let begin = Instant::now();
        while self.get("/readyz") != Some(("503".to_owned(), "draining".to_owned())) {
            assert!(begin.elapsed() < PATIENCE, "it drains");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn a_program_without_a_runtime_drains_on_each_signal_and_ends_well() {
    for (name, said) in [("TERM", "SIGTERM"), ("INT", "SIGINT")] {
        let mut program = Program::start(["threads", "0", EVER]);
        assert_eq!(
            program.get("/readyz").map(|(code, _)| code),
            Some("200".to_owned())
        );
        program.signal(name);
        program.wait_for_draining();
        for path in ["/metrics", "/livez"] {
            let code = program.get(path).map(|(code, _)| code);
            assert_eq!(code.as_deref(), Some("200"), "{path} while draining");
        }
        program.end_task();
        assert_eq!(program.line(), format!("drained after {said}"));
        assert!(program.ends().success());
    }
}

#[test]
fn the_verdict_of_a_drain_names_its_signal_its_limit_and_what_is_left() {
    let program = Program::start(["threads", "0", EVER]);
    program.signal("TERM");
    let begin = Instant::now();
    let text = loop {
        let (_, text) = program.get("/verdict?cols=240").expect("an answer");
        if text.starts_with("DRAINING") && text.contains("Left") {
            break text;
        }
        assert!(begin.elapsed() < PATIENCE, "{text}");
        std::thread::sleep(Duration::from_millis(50));
    };
    for said in [
        "SIGTERM came ",
        " ago. 1 request is left; the limit is reached in ",
        " 1; the oldest has run for ",
        "/readyz is 503 since then; /livez and /metrics answer until the end.",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let (_, events) = program.get("/api/v1/events?range=15m").expect("an answer");
    assert!(
        events.contains(r#""short":"SIGTERM: draining""#),
        "{events}"
    );
}

#[test]
fn a_second_signal_ends_a_drain_at_once() {
    let begin = Instant::now();
    for modes in [["threads", "0", EVER], ["threads", EVER, EVER]] {
        let mut program = Program::start(modes);
        program.signal("TERM");
        program.wait_for_draining();
        program.signal("INT");
        let line = program.line();
        assert!(
            line.starts_with("a second signal, SIGINT, cut the drain short;"),
            "{line}"
        );
        assert!(program.ends().success());
    }
    assert!(begin.elapsed() < PATIENCE * 2);
}

#[test]
fn a_second_signal_while_the_service_is_told_leaves_its_drain_no_time() {
    let mut program = Program::start(["async", EVER, EVER]);
    program.signal("TERM");
    program.wait_for_draining();
    program.signal("INT");
    assert_eq!(program.line(), "told SIGTERM, readiness off");
    assert_eq!(program.line(), "1 calls still run after 0ns");
    assert!(program.ends().success());
}

#[test]
fn tasks_that_are_left_at_the_limit_are_told() {
    let mut program = Program::start(["threads", "0", "50"]);
    program.signal("TERM");
    assert_eq!(program.line(), "1 calls still run after 50ms");
    assert!(program.ends().success());
}

#[test]
fn the_service_s_own_listener_stops_between_readiness_and_drain() {
    let mut program = Program::start(["async", "300", EVER]);
    let begin = Instant::now();
    program.signal("TERM");
    program.wait_for_draining();
    assert_eq!(program.line(), "told SIGTERM, readiness off");
    assert!(begin.elapsed() >= Duration::from_millis(300), "the pause");
    program.end_task();
    assert_eq!(program.line(), "drained after SIGTERM");
    assert!(program.ends().success());
}

#[test]
fn once_nobody_listens_a_signal_ends_the_process_as_ever() {
    for (name, code) in [("TERM", 143), ("INT", 130)] {
        let mut program = Program::start(["lingers", "0", EVER]);
        program.end_task();
        program.signal("TERM");
        assert_eq!(program.line(), "drained after SIGTERM");
        assert_eq!(program.get("/livez"), None, "it has stopped");
        // The listener closes shortly after its line is printed.
        std::thread::sleep(Duration::from_millis(200));
        program.signal(name);
        assert_eq!(program.ends().code(), Some(code));
    }
    // Between readiness and drain no code listens either.
    let mut program = Program::start(["async", "0", EVER]);
    program.signal("TERM");
    assert_eq!(program.line(), "told SIGTERM, readiness off");
    std::thread::sleep(Duration::from_millis(200));
    program.signal("TERM");
    assert_eq!(program.ends().code(), Some(143));
}

#[test]
fn a_blocking_worker_sees_the_drain_and_does_not_hold_it() {
    let begin = Instant::now();
    let mut program = Program::start(["worker", "0", EVER]);
    program.end_task();
    program.signal("TERM");
    assert_eq!(program.line(), "the worker ends");
    assert_eq!(program.line(), "drained after SIGTERM");
    assert!(program.ends().success());
    assert!(begin.elapsed() < PATIENCE * 2);
}

impl Program {
    /// The service's own listener, with a request on it that never ends.
    fn with_endless_request(args: [&str; 3]) -> (Self, TcpStream) {
        let mut program = Self::start(args);
        program.end_task();
        let line = program.line();
        let address = line.strip_prefix("serves at ").expect("an address");
        let mut stream = TcpStream::connect(address).expect("it listens");
        write!(stream, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("sent");
        assert_eq!(program.line(), "asked");
        (program, stream)
    }
}

#[test]
fn a_request_that_does_not_end_holds_a_stop_for_one_limit() {
    let begin = Instant::now();
    let (mut program, request) = Program::with_endless_request(["serves", "0", "300"]);
    program.signal("TERM");
    assert_eq!(
        program.line(),
        "the service still ran after 300ms, with 1 calls"
    );
    assert!(program.ends().success());
    assert!(begin.elapsed() < PATIENCE * 2);
    drop(request);
}

#[test]
fn a_service_that_serves_until_it_is_stopped_answers_probes_meanwhile_and_ends_at_once_on_a_second_signal()
 {
    let (mut program, request) = Program::with_endless_request(["serves", "0", EVER]);
    program.signal("TERM");
    program.wait_for_draining();
    assert_eq!(
        program.get("/livez").map(|(code, _)| code),
        Some("200".to_owned())
    );
    program.signal("INT");
    let line = program.line();
    assert!(
        line.starts_with("a second signal, SIGINT, cut the drain short; 1 calls"),
        "{line}"
    );
    assert!(program.ends().success());
    drop(request);

    let mut program = Program::start(["serves", "0", EVER]);
    program.end_task();
    assert!(program.line().starts_with("serves at "));
    program.signal("TERM");
    assert_eq!(program.line(), "drained after SIGTERM");
    assert!(program.ends().success());
}
