//! The standard metrics of a process, with the names, types and help texts that the official client libraries give them.
//!
//! Read from four entries of `/proc/self` by hand (man 5 `proc`): what is needed are six numbers, and each family is to
//! go missing alone.

use std::fs;
use std::path::Path;

use monitor_core::family::ChildValue::{self, Float, Int};
use monitor_core::family::Family;

use super::{Row, max_fds, text};
use crate::self_metrics::{child, family, rows};

/// What is read for one page.
pub(super) struct ProcFiles<'f> {
    folder: &'f Path,
    stat: String,
    status: String,
    limits: String,
}

/// `None` where the value cannot be read.
type Read = fn(&ProcFiles) -> Option<ChildValue>;

/// The families, in the page's order, each with where its value comes from.
pub(super) const ALL: [Row<Read>; 6] = rows! {
    "process_cpu_seconds_total" => |files| cpu_seconds(&files.stat).map(Float),
        "Total user and system CPU time spent in seconds.";
    "process_virtual_memory_bytes" => |files| kib(&files.status, "VmSize:").map(Int),
        "Virtual memory size in bytes.";
    "process_resident_memory_bytes" => |files| kib(&files.status, "VmRSS:").map(Int),
        "Resident memory size in bytes.";
    "process_open_fds" => |files| open_fds(files.folder).map(Int),
        "Number of open file descriptors.";
    "process_max_fds" => |files| max_fds(&files.limits).map(Int),
        "Maximum number of open file descriptors.";
    "process_threads" => |files| field(&files.status, "Threads:").map(Int),
        "Number of OS threads in the process.";
};

/// Ticks a second that `stat` counts in. The kernel's `USER_HZ` is 100 on every architecture Rust has a Linux target for;
/// `client_golang` takes it as given too.
const TICKS_PER_SECOND: f64 = 100.0;

const BYTES_PER_KIB: u64 = 1024;

/// The families of the process that this folder tells of, without those that cannot be read.
pub(super) fn families(folder: &Path) -> Vec<Family> {
    let files = ProcFiles {
        folder,
        stat: text(folder, "stat"),
        status: text(folder, "status"),
        limits: text(folder, "limits"),
    };
    let read = ALL.into_iter().filter_map(|(name, help, read)| {
        let value = read(&files)?;
        Some(family(name, help, vec![child([], value)]))
    });
    read.collect()
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
    // Since Linux 6.2 (commit f1f1f2569901) that folder's size is their number, before it was 0. So it costs the same for
    // ten as for a million, and is told even where no descriptor is left to open the folder with.
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
