//! The standard metrics of a process, with the names, types and help texts that the official client libraries give
//! them.
//!
//! Read from four entries of `/proc/self` by hand (man 5 `proc`): six numbers are needed, and each family is left out
//! alone.

use std::fs;
use std::path::Path;

use monitor_core::family::ChildValue::{self, Float, Int};
use monitor_core::history::ProcessFigures;

use super::{Row, max_fds, text};
use crate::self_metrics::{child, rows};

/// Ticks a second that `stat` counts in. The kernel's `USER_HZ` is 100 on every architecture Rust has a Linux target
/// for; `client_golang` takes it as given too.
const TICKS_PER_SECOND: f64 = 100.0;

const BYTES_PER_KIB: u64 = 1024;

/// The families of the process whose folder this is, in the page's order. Without a child are all without a folder, and
/// one that cannot be read.
pub(super) fn rows(folder: Option<&Path>) -> impl Iterator<Item = Row> {
    let read = |file| folder.map_or_else(String::new, |folder| text(folder, file));
    let [stat, status, limits] = ["stat", "status", "limits"].map(read);
    let rows = rows! {
        "process_cpu_seconds_total" => cpu_seconds(&stat).map(Float),
            "Total user and system CPU time spent in seconds.";
        "process_virtual_memory_bytes" => kib(&status, "VmSize:").map(Int),
            "Virtual memory size in bytes.";
        "process_resident_memory_bytes" => kib(&status, "VmRSS:").map(Int),
            "Resident memory size in bytes.";
        "process_open_fds" => folder.and_then(open_fds).map(Int),
            "Number of open file descriptors.";
        "process_max_fds" => max_fds(&limits).map(Int),
            "Maximum number of open file descriptors.";
        "process_threads" => field(&status, "Threads:").map(Int),
            "Number of OS threads in the process.";
    };
    let children = |value: Option<ChildValue>| value.into_iter().map(|value| child([], value));
    rows.into_iter()
        .map(move |(name, help, value)| (name, help, children(value).collect()))
}

/// The numbers that the history keeps, each where it can be read.
#[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
pub(super) fn figures(folder: &Path) -> ProcessFigures {
    let [stat, status] = ["stat", "status"].map(|file| text(folder, file));
    let mut figures = ProcessFigures::default();
    figures.cpu_seconds = cpu_seconds(&stat);
    figures.memory = kib(&status, "VmRSS:").map(|bytes| bytes as f64);
    figures.descriptors = open_fds(folder).map(|open| open as f64);
    figures.threads = field(&status, "Threads:").map(|threads| threads as f64);
    figures
}

/// Fields 14 and 15 of `stat`: user and system time of all threads, those that ended included.
fn cpu_seconds(stat: &str) -> Option<f64> {
    // The second field is the program's name in parentheses, which may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

/// A size that `status` has in units of 1024 bytes.
fn kib(status: &str, name: &str) -> Option<u64> {
    field(status, name)?.checked_mul(BYTES_PER_KIB)
}

fn field(status: &str, name: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    value.split_whitespace().next()?.parse().ok()
}

/// Open descriptors.
fn open_fds(folder: &Path) -> Option<u64> {
    let folder = folder.join("fd");
    // Since Linux 6.2 (commit f1f1f2569901) that folder's size is their number, before it was 0. So it costs the same
    // for ten as for a million, and is known even where no descriptor is left to open the folder with.
    match fs::metadata(&folder).ok()?.len() {
        0 => count(&folder),
        size => Some(size),
    }
}

/// Counts the entries, without the one that is open for the counting.
fn count(folder: &Path) -> Option<u64> {
    let entries = fs::read_dir(folder).ok()?;
    let entries = entries.flatten().count();
    u64::try_from(entries.saturating_sub(1)).ok()
}

#[cfg(test)]
mod tests;
