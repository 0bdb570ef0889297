//! The service as a process of its own, and its `/verdict` as an operator reads it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Settings;

/// A running service; killed when dropped.
pub(crate) struct Service {
    child: Child,
    pub(crate) begun: Instant,
    pub(crate) addr: SocketAddr,
    pub(crate) monitor: SocketAddr,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Service {
    /// Starts it with its usual load, and reads on what it prints.
    pub(crate) fn start(settings: &Settings) -> io::Result<Self> {
        let mut child = Command::new(&settings.program)
            .args(["--port", "0", "--monitor-port", "0", "--load"])
            .arg(settings.load.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let mut address = |label| {
            lines
                .find_map(|line| address_in(&line, label))
                .ok_or(io::ErrorKind::UnexpectedEof)
        };
        let (addr, monitor) = (address("service")?, address("metrics")?);
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self {
            child,
            begun: Instant::now(),
            addr,
            monitor,
        })
    }

    /// Begins an incident, or ends it.
    pub(crate) fn incident(&self, name: &str) -> io::Result<()> {
        let answer = exchange(self.addr, "POST", &format!("/incident/{name}"))?;
        if answer.head.starts_with("HTTP/1.1 204") {
            Ok(())
        } else {
            Err(io::Error::other(answer.head))
        }
    }

    /// Reads a page of the monitoring.
    pub(crate) fn page(&self, path: &str) -> io::Result<String> {
        exchange(self.monitor, "GET", path).map(|answer| answer.body)
    }

    /// What the verdict is.
    pub(crate) fn look(&self) -> io::Result<Look> {
        let answer = exchange(self.monitor, "GET", "/verdict?cols=120")?;
        let head = answer.head.to_lowercase();
        let state = head
            .lines()
            .find_map(|line| line.strip_prefix("monitor-state:"))
            .ok_or_else(|| io::Error::other(format!("no state in {head}")))?;
        Ok(Look {
            state: state.trim().to_owned(),
            text: answer.body,
        })
    }

    /// CPU seconds of its threads whose name begins like this.
    pub(crate) fn cpu_of(&self, thread: &str) -> f64 {
        let tasks = format!("/proc/{}/task", self.child.id());
        let tasks = std::fs::read_dir(tasks).into_iter().flatten().flatten();
        let ticks = tasks.filter_map(|task| {
            let name = std::fs::read_to_string(task.path().join("comm")).ok()?;
            let stat = std::fs::read_to_string(task.path().join("stat")).ok()?;
            name.starts_with(thread).then(|| ticks_in(&stat))?
        });
        // Linux counts in hundredths of a second for programs, whatever its own tick is.
        ticks.sum::<f64>() / 100.0
    }
}

/// User and system time of a line of `stat`: fields 14 and 15, counted behind the name, which may hold anything.
fn ticks_in(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// A verdict.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    /// In small letters.
    pub(crate) state: String,
    pub(crate) text: String,
}

impl Look {
    /// Whether nothing is wrong.
    pub(crate) fn is_quiet(&self) -> bool {
        matches!(&*self.state, "ok" | "idle" | "starting")
    }

    /// The sentence below the first line.
    pub(crate) fn sentence(&self) -> &str {
        self.text.lines().nth(1).unwrap_or_default()
    }
}

struct Answer {
    head: String,
    body: String,
}

fn exchange(addr: SocketAddr, method: &str, path: &str) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok(Answer {
        head: head.to_owned(),
        body: body.to_owned(),
    })
}

/// The address in a line such as `  service     http://127.0.0.1:8080`.
fn address_in(line: &str, label: &str) -> Option<SocketAddr> {
    let url = line.trim().strip_prefix(label)?.trim();
    url.strip_prefix("http://")?.split('/').next()?.parse().ok()
}
