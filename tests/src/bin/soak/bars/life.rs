//! Bars 5 and 6: stop, restart, and settings that are refused.

use std::net::TcpListener;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::options;
use crate::client::{LOCAL, ask};
use crate::process::{Server, until};
use crate::table::Table;

pub(crate) async fn stop(table: &mut Table) {
    let mut server = Server::start(&options(&["slow=2000", "grace=5000"]));
    let address = server.address;
    let running = tokio::spawn(async move { ask(address, "GET", "/metrics", LOCAL).await });
    let mut half_sent = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost:").await;
        half_sent.push(stream);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let took: u64 = server.command("stop").parse().unwrap_or(u64::MAX);
    let answer = running.await.ok().flatten();
    let is_whole = answer.is_some_and(|answer| answer.status == 200);
    table.note(
        "5",
        "the running request completes",
        if is_whole { "yes" } else { "no" },
        is_whole,
    );
    table.note(
        "5",
        "stop with 50 half-sent requests and a running one, at most 5.5 s",
        format!("{took} ms"),
        took <= 5500,
    );
    let is_free = TcpListener::bind(address).is_ok();
    table.note(
        "5",
        "the port is free",
        if is_free { "yes" } else { "no" },
        is_free,
    );
    let _ = until(Duration::from_secs(2), || server.server_threads() == 0).await;
    let threads = server.server_threads();
    table.note("5", "threads left", threads, threads == 0);
    drop(half_sent);
}

pub(crate) fn restart(table: &mut Table) {
    let mut server = Server::start(&options(&[]));
    let failures = server.command("restart 100");
    table.note(
        "5",
        "failures of 100 restarts on one port",
        &failures,
        failures == "0",
    );
}

pub(crate) fn refused(table: &mut Table) {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("bound").port();
    let folder = std::env::temp_dir();
    let web = folder.join(format!("monitor-soak-refused-{}.yml", std::process::id()));
    let text = "tls_server_config: {cert_file: missing.crt, key_file: missing.key}";
    std::fs::write(&web, text).expect("written");
    for (what, named, option) in [
        (
            "port in use",
            format!("127.0.0.1:{port}"),
            format!("port={port}"),
        ),
        (
            "bad address",
            "listen".to_owned(),
            "yaml=listen: here".to_owned(),
        ),
        (
            "missing certificate",
            "cert_file".to_owned(),
            format!("web={}", web.display()),
        ),
        ("bad YAML", "yaml".to_owned(), "yaml=listen: [".to_owned()),
    ] {
        let said = Refusal::of(&option);
        let names = said.message.contains(&named);
        let measured = format!(
            "{} ms, {} threads left: {}",
            said.milliseconds, said.threads, said.message
        );
        let holds = names && said.milliseconds < 1000 && said.threads == 0;
        table.note(
            "6",
            format!("{what}: an error within 1 s that names it"),
            measured,
            holds,
        );
    }
    let _ = std::fs::remove_file(web);
}

/// The outcome of a server that does not start.
struct Refusal {
    milliseconds: u64,
    message: String,
    threads: usize,
}

impl Refusal {
    fn of(option: &str) -> Self {
        use std::io::{BufRead, BufReader};
        use std::process::{Command, Stdio};
        let program = std::env::current_exe().expect("this program");
        let child = Command::new(program)
            .args(["serve", option])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = child.expect("it starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        let _ = BufReader::new(stdout).read_line(&mut line);
        let tasks = std::fs::read_dir(format!("/proc/{}/task", child.id()));
        // Itself, and no other process.
        let threads = tasks.map_or(0, |tasks| tasks.count().saturating_sub(1));
        drop(child.stdin.take());
        let _ = child.wait();
        let (milliseconds, message) = line
            .trim()
            .split_once(" refused: ")
            .unwrap_or(("", line.trim()));
        Self {
            milliseconds: milliseconds.parse().unwrap_or(u64::MAX),
            message: message.replace('|', "/"),
            threads,
        }
    }
}
