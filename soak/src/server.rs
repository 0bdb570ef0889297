//! A server in a process of its own, so that what it takes can be told apart from what its clients take.

use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::process::Process;

/// Names the configuration to the child.
pub(crate) const CONFIG: &str = "SOAK_CONFIG";

/// A running server. Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
    log_lines: Arc<AtomicUsize>,
}

impl Server {
    /// Starts a server with these lines of configuration beside the address.
    pub(crate) fn start(config: &str) -> io::Result<Self> {
        Self::spawn(Command::new(std::env::current_exe()?).arg("serve"), config)
    }

    /// The same with at most so many descriptors.
    pub(crate) fn start_limited(config: &str, descriptors: u32) -> io::Result<Self> {
        let mut shell = Command::new("sh");
        let script = format!("ulimit -n {descriptors} && exec \"$0\" serve");
        shell.arg("-c").arg(script).arg(std::env::current_exe()?);
        Self::spawn(&mut shell, config)
    }

    fn spawn(command: &mut Command, config: &str) -> io::Result<Self> {
        let config = format!("listen: 127.0.0.1:0\n{config}");
        let mut child = command
            .env(CONFIG, config)
            // A panic that was ordered is one line.
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (commands, answers) = child
            .stdin
            .take()
            .zip(child.stdout.take())
            .ok_or_else(ended)?;
        let log_lines = Arc::<AtomicUsize>::default();
        if let Some(log) = child.stderr.take() {
            let lines = Arc::clone(&log_lines);
            std::thread::spawn(move || {
                for line in BufReader::new(log).lines().map_while(Result::ok) {
                    // For whoever looks into why a bar falls short.
                    eprintln!("    server: {line}");
                    lines.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let mut server = Self {
            child,
            commands,
            answers: BufReader::new(answers),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            log_lines,
        };
        let address = server.answer()?;
        server.address = address.parse().map_err(io::Error::other)?;
        Ok(server)
    }

    /// Tells the server something, without waiting for its answer.
    pub(crate) fn send(&mut self, command: &str) -> io::Result<()> {
        writeln!(self.commands, "{command}")?;
        self.commands.flush()
    }

    /// Its next answer.
    pub(crate) fn answer(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err(ended());
        }
        Ok(line.trim().to_owned())
    }

    /// Tells it something and waits for the answer.
    pub(crate) fn tell(&mut self, command: &str) -> io::Result<String> {
        self.send(command)?;
        self.answer()
    }

    pub(crate) fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// Lines it logged so far, panics included.
    pub(crate) fn log_lines(&self) -> usize {
        self.log_lines.load(Ordering::Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn ended() -> io::Error {
    io::Error::other("the server ended")
}
