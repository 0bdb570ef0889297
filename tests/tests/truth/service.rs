//! A service in the situation of a row, as a process.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::WAIT_LIMIT;
use crate::page;
use crate::table::{Column, texts};

/// A running service; killed when dropped.
pub(crate) struct Service {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// What its clients saw, if it has any.
    clients: String,
    address: SocketAddr,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Service {
    pub(crate) fn start(kind: &str, scenario: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_scenarios"))
            .args([kind, scenario])
            // Panics are some of the scenarios.
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut next = || lines.next().and_then(Result::ok).unwrap_or_default();
        let mut line = next();
        let clients = line.strip_prefix("the clients: ").map(str::to_owned);
        if clients.is_some() {
            line = next();
        }
        let address = line.strip_prefix("listens on ");
        let address = address.and_then(|address| address.parse().ok());
        let address = address.unwrap_or_else(|| panic!("`{scenario}` does not start"));
        Self {
            child,
            lines,
            clients: clients.unwrap_or_default(),
            address,
        }
    }

    pub(crate) fn terminate(&self) {
        let sent = Command::new("kill")
            .args(["-s", "TERM", &self.child.id().to_string()])
            .status();
        assert!(sent.is_ok_and(|status| status.success()), "SIGTERM is sent");
    }

    /// The rest of its lines and its exit status, in the form of a cell.
    pub(crate) fn end(mut self) -> String {
        drop(self.child.stdin.take());
        let lines = self.lines.by_ref().map_while(Result::ok);
        let lines: Vec<String> = lines.map(|line| format!("`{line}`")).collect();
        let status = self.child.wait().expect("it can be waited for");
        let status = status.code().map_or("none".to_owned(), |it| it.to_string());
        [&[status], &*lines].concat().join(" ")
    }

    /// The status and the body of an answer.
    fn get(&self, path: &str) -> (String, String) {
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        let timeout = stream.set_read_timeout(Some(WAIT_LIMIT));
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

    /// The difference between a cell of the table and the service: none for a cell about its end, which has not come yet.
    pub(crate) fn difference(&self, column: Column, cell: &str) -> Option<String> {
        let page = || self.get("/metrics").1;
        let is = match column {
            Column::End => return None,
            Column::Answer(path) => return self.answer_difference(path, cell),
            Column::Clients => self.clients.clone(),
            Column::Requests => page::requests(&page()),
            Column::Failures => page::failures(&page()),
            Column::InFlight => page::in_flight(&page()),
        };
        (is != cell).then(|| format!("{column:?} should be {cell}, is {is}"))
    }

    /// The difference between an answer and its cell: the status, and texts that the body has.
    fn answer_difference(&self, path: &str, cell: &str) -> Option<String> {
        let (status, body) = self.get(path);
        let has = |text: &str| match path {
            "/metrics" => body.lines().any(|line| page::is_sample(line, text)),
            _ => body.contains(text),
        };
        let is_met = cell.starts_with(&status) && texts(cell).all(has);
        (!is_met).then(|| format!("{path} should be {cell}, is {status}:\n{body}"))
    }
}
