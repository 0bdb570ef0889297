//! The example in an incident: the verdict is right within seconds, over HTTP and over a Unix socket, and OK again afterwards.
//!
//! Only what is told of a service that has just begun is tested here. The program `stopwatch` takes the time for all kinds of
//! incident, after the 10 minutes in which the verdict learns what is usual.

mod textprocessor;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use textprocessor::{TextProcessor, command, eventually, get, post};

#[test]
fn a_dictionary_that_does_not_answer_is_named_until_it_does() {
    let example = TextProcessor::start(&["--load", "60"]);
    eventually("the dictionary is asked", || {
        let calls = [("method", "LookUpWords")];
        example.page().get("service_requests_total", &calls) > Some(50.0)
    });
    let quiet = get(example.monitor, "/verdict").body;
    assert!(
        quiet.starts_with("OK for ") || quiet.starts_with("IDLE"),
        "{quiet}"
    );
    assert_eq!(
        post(example.service, "/incident/dictionary", b"").status,
        204
    );
    let mut verdict = String::new();
    eventually("the verdict names the method", || {
        verdict = get(example.monitor, "/verdict").body;
        verdict.starts_with("FAILING since ") && sentence(&verdict).contains("LookUpWords fails")
    });
    assert!(sentence(&verdict).contains("timed out"), "{verdict}");
    let top = get(example.monitor, "/top").body;
    assert!(
        top.lines().any(|line| line.starts_with("X LookUpWords")),
        "{top}"
    );
    let page = example.page();
    let state = |state| page.get("monitor_verdict", &[("state", state)]);
    assert_eq!(
        (state("failing"), state("ok")),
        (Some(1.0), Some(0.0)),
        "{verdict}"
    );
    assert_eq!(post(example.service, "/incident/end", b"").status, 204);
    eventually("it is OK again", || {
        get(example.monitor, "/verdict").body.starts_with("OK for ")
    });
}

#[test]
fn an_incident_comes_and_goes_as_the_command_line_says() {
    let example = TextProcessor::start(&[
        "--incident",
        "dictionary",
        "--incident-after",
        "1",
        "--incident-seconds",
        "2",
    ]);
    example.wait_for_line("incident dictionary comes in 1 s");
    example.wait_for_line("incident dictionary begins: the dictionary no longer answers");
    let line = example.wait_for_line("/verdict");
    assert!(
        line.contains(&format!("127.0.0.1:{}/verdict", example.monitor.port())),
        "{line}"
    );
    example.wait_for_line("req/s");
    example.wait_for_line("incident dictionary is over");
    assert!(example.interrupt().success());
}

/// A name that would drive a terminal, and text from right to left, come as question marks.
#[test]
fn the_twins_are_plain_text_over_a_unix_socket_whatever_the_service_is_called() {
    let service = OnSocket::start("\\u001b[31mevil\\u202e\\n\\u0007");
    for path in [
        "/verdict",
        "/top",
        "/verdict?cols=60",
        "/top?cols=240&n=all",
    ] {
        let answer = service.get(path);
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
        assert!(
            head.to_lowercase().contains("monitor-state: "),
            "{path}: {head}"
        );
        assert!(body.contains("?[31mevil?"), "{path}: {body}");
        let is_plain = |c: char| c == '\n' || !c.is_control() && c != '\u{202e}';
        assert!(body.chars().all(is_plain), "{path}: {body:?}");
        let most = if path.contains("240") { 240 } else { 80 };
        let widest = body.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(most), "{path}: {body}");
    }
}

/// The sentence: the second line.
fn sentence(verdict: &str) -> &str {
    verdict.lines().nth(1).unwrap_or_default()
}

/// The example with its monitoring on a Unix socket; killed when dropped.
struct OnSocket {
    child: Child,
    socket: PathBuf,
    config: PathBuf,
}

impl Drop for OnSocket {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        for file in [&self.socket, &self.config] {
            let _ = std::fs::remove_file(file);
        }
    }
}

impl OnSocket {
    /// `name` is that of the service, as it stands in a string of YAML.
    fn start(name: &str) -> Self {
        let file = |ending| {
            let name = format!("monitor-incidents-{}.{ending}", std::process::id());
            std::env::temp_dir().join(name)
        };
        let (socket, config) = (file("sock"), file("yaml"));
        let yaml = format!(
            "listen: \"unix:{}\"\nservice: {{ name: \"{name}\", version: \"1\" }}\n",
            socket.display()
        );
        std::fs::write(&config, yaml).expect("a file");
        let config_path = config.to_str().expect("a path of UTF-8");
        let child = command(&["--port", "0", "--load", "60", "--config", config_path])
            .stdout(Stdio::null())
            .spawn()
            .expect("it starts");
        let service = Self {
            child,
            socket,
            config,
        };
        // The first look with calls in it is the second.
        eventually("it is judged", || {
            let answer = answer_of(&service.socket, "/verdict");
            answer.is_some_and(|answer| answer.contains("\nOK for "))
        });
        service
    }

    fn get(&self, path: &str) -> String {
        answer_of(&self.socket, path).expect("an answer")
    }
}

fn answer_of(socket: &Path, path: &str) -> Option<String> {
    let mut stream = UnixStream::connect(socket).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .ok()?;
    let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}
