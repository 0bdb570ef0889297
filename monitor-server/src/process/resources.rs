//! The standard metrics of a process, with the names, types and help texts that the official client libraries give them.
//!
//! Read from four entries of `/proc/self` by hand (man 5 `proc`): what is needed are six numbers, and each family is to go
//! missing alone.

use std::fs;
use std::path::Path;

use monitor_core::family::{ChildValue, Family, Labels};

use super::{Spec, child};

const CPU: Spec = Spec::counter(
    "process_cpu_seconds_total",
    Some("seconds"),
    "Total user and system CPU time spent in seconds.",
);

const VIRTUAL: Spec = Spec::gauge(
    "process_virtual_memory_bytes",
    Some("bytes"),
    "Virtual memory size in bytes.",
);

const RESIDENT: Spec = Spec::gauge(
    "process_resident_memory_bytes",
    Some("bytes"),
    "Resident memory size in bytes.",
);

const OPEN_FDS: Spec = Spec::gauge("process_open_fds", None, "Number of open file descriptors.");

const MAX_FDS: Spec = Spec::gauge(
    "process_max_fds",
    None,
    "Maximum number of open file descriptors.",
);

const THREADS: Spec = Spec::gauge(
    "process_threads",
    None,
    "Number of OS threads in the process.",
);

pub(super) const ALL: &[Spec] = &[CPU, VIRTUAL, RESIDENT, OPEN_FDS, MAX_FDS, THREADS];

/// Ticks a second that `stat` counts in. The kernel's `USER_HZ` is 100 on every architecture Rust has a Linux target for;
/// `client_golang` takes it as given too.
const TICKS_PER_SECOND: f64 = 100.0;

const BYTES_PER_KIB: u64 = 1024;

/// Whether a family here has this name.
pub(super) fn is_one(name: &str) -> bool {
    ALL.iter().any(|spec| spec.name == name)
}

/// The families of the process that this folder tells of, without those that cannot be read.
pub(super) fn families(folder: &Path) -> Vec<Family> {
    let status = text(folder, "status");
    let limits = text(folder, "limits");
    let values = [
        (
            CPU,
            cpu_seconds(&text(folder, "stat")).map(ChildValue::Float),
        ),
        (VIRTUAL, kib(&status, "VmSize:").map(ChildValue::Int)),
        (RESIDENT, kib(&status, "VmRSS:").map(ChildValue::Int)),
        (OPEN_FDS, open_fds(folder).map(ChildValue::Int)),
        (MAX_FDS, max_fds(&limits).map(ChildValue::Int)),
        (THREADS, field(&status, "Threads:").map(ChildValue::Int)),
    ];
    let family = |(spec, value): (Spec, Option<ChildValue>)| {
        Some(spec.family(vec![child(&Labels::default(), value?)]))
    };
    values.into_iter().filter_map(family).collect()
}

/// Most descriptors that the process of this folder may have, where that can be read.
pub(super) fn descriptor_limit(folder: &Path) -> Option<u64> {
    max_fds(&text(folder, "limits"))
}

/// A file's text, empty where there is none. The program's name is in it, which need not be UTF-8.
fn text(folder: &Path, file: &str) -> String {
    let bytes = fs::read(folder.join(file)).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
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

/// The soft limit, which is the one in force. What has no limit has the largest number, as in `client_golang`.
fn max_fds(limits: &str) -> Option<u64> {
    let mut lines = limits.lines();
    let values = lines.find_map(|line| line.strip_prefix("Max open files"))?;
    match values.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        soft => soft.parse().ok(),
    }
}

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
