//! The server under attack: a process of its own, seen from outside.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lets this process hold some thousands of connections.
pub(crate) fn raise_own_limit() {
    let pid = std::process::id().to_string();
    let set = Command::new("prlimit")
        .args(["--pid", &pid, "--nofile=16384:16384"])
        .status();
    if !set.is_ok_and(|status| status.success()) {
        eprintln!("prlimit failed: this process may run out of descriptors");
    }
}

pub(crate) struct Server {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    log: Arc<Mutex<Vec<String>>>,
    pub(crate) address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts this program as a server with these options (see `serve`).
    pub(crate) fn start(options: &[String]) -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut child = Command::new(program)
            .arg("serve")
            .args(options)
            // A panic on purpose is one line; no time goes into a backtrace.
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let stderr = child.stderr.take().expect("piped");
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                lines
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(line);
            }
        });
        let mut stdout = BufReader::new(stdout.expect("piped"));
        let mut first = String::new();
        stdout.read_line(&mut first).expect("it speaks");
        let address = first.trim().parse();
        Self {
            child,
            stdin: stdin.expect("piped"),
            stdout,
            log,
            address: address.unwrap_or_else(|_| panic!("the server said {first:?}")),
        }
    }

    /// Sends a command and waits for the line that answers it.
    pub(crate) fn command(&mut self, command: &str) -> String {
        writeln!(self.stdin, "{command}").expect("it listens");
        let mut answer = String::new();
        self.stdout.read_line(&mut answer).expect("it answers");
        answer.trim().to_owned()
    }

    /// Lines logged so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn entry(&self, name: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{name}", self.child.id())).unwrap_or_default()
    }

    /// Memory in RAM, bytes.
    pub(crate) fn rss(&self) -> u64 {
        let status = self.entry("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
        kib.unwrap_or_default() * 1024
    }

    /// Open descriptors.
    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).map_or(0, Iterator::count)
    }

    /// Seconds of CPU time so far.
    pub(crate) fn cpu(&self) -> f64 {
        cpu(&self.entry("stat"))
    }

    /// Seconds of CPU time so far of the threads that are there and whose name begins so.
    pub(crate) fn cpu_of(&self, name: &str) -> f64 {
        let tasks = self.tasks(name);
        tasks
            .map(|task| cpu(&std::fs::read_to_string(task.join("stat")).unwrap_or_default()))
            .sum()
    }

    /// Threads of the monitor server.
    pub(crate) fn server_threads(&self) -> usize {
        self.tasks("monitor-").count()
    }

    /// Folders of the threads whose name begins so.
    fn tasks(&self, name: &str) -> impl Iterator<Item = PathBuf> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id()));
        let tasks = tasks
            .into_iter()
            .flatten()
            .flatten()
            .map(|task| task.path());
        tasks.filter(move |task| {
            std::fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.starts_with(name))
        })
    }
}

/// Seconds of CPU time in a `stat` of procfs, of a process or of a thread.
fn cpu(stat: &str) -> f64 {
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks
        .filter_map(|field| field.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}

/// Waits until it holds, at most for so long; how long it took, if it did.
pub(crate) async fn until(limit: Duration, mut holds: impl FnMut() -> bool) -> Option<Duration> {
    let begin = Instant::now();
    while !holds() {
        if begin.elapsed() > limit {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Some(begin.elapsed())
}

pub(crate) fn mib(bytes: u64) -> String {
    let tenths = bytes * 10 / (1 << 20);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}
