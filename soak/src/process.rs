//! What Linux tells of a process.

use std::fs;
use std::io;
use std::time::Duration;

/// A process by its number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process(pub(crate) u32);

impl Process {
    /// Bytes of memory that are resident.
    pub(crate) fn memory(self) -> io::Result<i64> {
        let status = fs::read_to_string(self.file("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<i64>().ok());
        kib.map(|kib| kib << 10).ok_or_else(gone)
    }

    /// Open descriptors.
    pub(crate) fn descriptors(self) -> io::Result<usize> {
        Ok(fs::read_dir(self.file("fd"))?.count())
    }

    /// Threads, by name.
    pub(crate) fn threads(self) -> io::Result<Vec<String>> {
        let tasks = fs::read_dir(self.file("task"))?.flatten();
        let names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
        Ok(names.map(|name| name.trim().to_owned()).collect())
    }

    /// Time on a processor so far.
    pub(crate) fn cpu(self) -> io::Result<Duration> {
        /// As `sysconf(_SC_CLK_TCK)` has been on Linux for ever.
        const TICK: Duration = Duration::from_millis(10);
        let stat = fs::read_to_string(self.file("stat"))?;
        // The name in parentheses may hold anything.
        let fields = stat.rsplit_once(") ").ok_or_else(gone)?.1;
        let ticks = fields.split(' ').skip(11).take(2);
        let ticks: u32 = ticks.filter_map(|ticks| ticks.parse::<u32>().ok()).sum();
        Ok(TICK * ticks)
    }

    fn file(self, name: &str) -> String {
        format!("/proc/{}/{name}", self.0)
    }
}

fn gone() -> io::Error {
    io::Error::other("the process tells nothing of itself")
}
