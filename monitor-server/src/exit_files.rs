//! The files that outlive the process: the snapshot of verdict and history (setting `snapshot_on_exit`), and beside it the
//! list of starts.
//!
//! Both are written to a new file that only this user may read, which then takes the name: a reader sees the old content
//! or the new one. A path is for one process: of two the last to write wins.
//!
//! `PATH.boots` has a line a start, the newest last, at most [`MOST_BOOTS`]: seconds since 1970, process, `up` or `clean`,
//! start of the process or `-`, version or `-`. A start writes its line as `up`, and the end in order makes it `clean`; so a
//! line that is still `up` at the next start is a process that died, unless it still runs: the start of a process, in ticks
//! since the system's, is that of no later one with its number. The file is only ever written here, so one that reads
//! otherwise is not ours: it is left out with a warning and written anew, and never keeps a service from its start.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use monitor_core::slot::Boot;

use crate::error::SnapshotError;
use crate::routes::Context;

/// Starts that are kept.
const MOST_BOOTS: usize = 20;

/// Longest version in the list, in bytes.
const MOST_VERSION: usize = 100;

/// Larger than any list.
const MOST_BYTES: u64 = 8192;

/// Writes verdict and history to a file.
pub(crate) fn write_snapshot(context: &Context, path: &Path) -> Result<(), SnapshotError> {
    let file = || path.to_owned();
    let Some(json) = context.api.snapshot() else {
        return Err(SnapshotError::NoHistory { file: file() });
    };
    write_private(path, &json).map_err(|source| SnapshotError::Write {
        file: file(),
        source,
    })
}

/// A start of a process.
#[derive(Debug, Clone, PartialEq)]
struct BootLine {
    /// Seconds since 1970.
    at: f64,
    pid: u32,
    is_clean: bool,
    /// When the process started, in ticks of the system; `None` where that is not known.
    started: Option<u64>,
    version: Option<String>,
}

impl BootLine {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let at: f64 = words.next()?.parse().ok()?;
        let pid = words.next()?.parse().ok()?;
        let is_clean = match words.next()? {
            "clean" => true,
            "up" => false,
            _ => return None,
        };
        let started = match words.next()? {
            "-" => None,
            ticks => Some(ticks.parse().ok()?),
        };
        let version = words.next()?;
        let is_good = version.len() <= MOST_VERSION && !version.is_empty();
        let is_time = (0.0..1e11).contains(&at);
        (words.next().is_none() && is_good && is_time).then(|| Self {
            at,
            pid,
            is_clean,
            started,
            version: Some(version.to_owned()).filter(|version| version != "-"),
        })
    }

    fn write(&self) -> String {
        let how = if self.is_clean { "clean" } else { "up" };
        let started = self
            .started
            .map_or("-".to_owned(), |ticks| ticks.to_string());
        let version = self.version.as_deref().unwrap_or("-");
        format!("{:.3} {} {how} {started} {version}\n", self.at, self.pid)
    }

    /// True if the process has not died: it has ended in order, or it still runs.
    fn is_well(&self) -> bool {
        let is_running = || self.started.is_some() && start_of(self.pid) == self.started;
        self.is_clean || is_running()
    }
}

/// When a process started, in ticks of the system; `None` where there is none of this number, or the system does not say
/// (Linux: fields 3, the state, and 22 of `/proc/PID/stat`; man 5 proc).
fn start_of(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses, which may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    // One that has died waits for its parent to look.
    let is_dead = matches!(fields.next()?, "Z" | "X");
    let ticks = fields.nth(18)?.parse().ok()?;
    (!is_dead).then_some(ticks)
}

/// The wall clock: other processes read these times.
fn unix_now() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default().as_secs_f64()
}

/// A version as one word of the list.
fn as_word(version: &str) -> Option<String> {
    let mut word: String = version
        .chars()
        .map(|c| {
            if c.is_control() || c.is_whitespace() {
                '_'
            } else {
                c
            }
        })
        .collect();
    while word.len() > MOST_VERSION {
        word.pop();
    }
    (!word.is_empty() && word != "-").then_some(word)
}

/// The files of one process.
#[derive(Debug)]
pub(crate) struct ExitFiles {
    snapshot: PathBuf,
    /// The start of this process.
    at: f64,
}

impl ExitFiles {
    /// Adds this start to the list; returns all starts that are known, this one last.
    pub(crate) fn begin(snapshot: &Path, version: Option<&str>) -> (Self, Vec<Boot>) {
        // The service may change its current directory.
        let absolute = std::path::absolute(snapshot);
        let files = Self {
            snapshot: absolute.unwrap_or_else(|_| snapshot.to_owned()),
            at: unix_now(),
        };
        let mut lines = read_or_warn(&files.list());
        lines.push(BootLine {
            at: files.at,
            pid: std::process::id(),
            is_clean: false,
            started: start_of(std::process::id()),
            version: version.and_then(as_word),
        });
        files.write_or_warn(&mut lines);
        (files, boots(&lines))
    }

    /// Marks this start as one that ended in order.
    pub(crate) fn end(&self) {
        let mut lines = read_or_warn(&self.list());
        let pid = std::process::id();
        let own = lines
            .iter_mut()
            .rev()
            .find(|line| line.pid == pid && (line.at - self.at).abs() < 0.001);
        // Another process has written the list meanwhile.
        let Some(own) = own else { return };
        own.is_clean = true;
        self.write_or_warn(&mut lines);
    }

    pub(crate) fn snapshot(&self) -> &Path {
        &self.snapshot
    }

    fn list(&self) -> PathBuf {
        let mut name = self.snapshot.clone().into_os_string();
        name.push(".boots");
        name.into()
    }

    fn write_or_warn(&self, lines: &mut Vec<BootLine>) {
        let left_out = lines.len().saturating_sub(MOST_BOOTS);
        lines.drain(..left_out);
        let text: String = lines.iter().map(BootLine::write).collect();
        let list = self.list();
        if let Err(error) = write_private(&list, text.as_bytes()) {
            let file = list.display();
            tracing::warn!(%file, %error, "the list of starts cannot be written");
        }
    }
}

/// The starts, each with whether the process before it did not die.
fn boots(lines: &[BootLine]) -> Vec<Boot> {
    let before = std::iter::once(true).chain(lines.iter().map(BootLine::is_well));
    let boots = lines.iter().zip(before).map(|(line, is_clean)| Boot {
        at: line.at,
        version: line.version.as_deref().map(Arc::from),
        is_clean,
    });
    boots.collect()
}

/// The list; an empty one where there is none, or it is not ours.
fn read_or_warn(list: &Path) -> Vec<BootLine> {
    let lines = read(list).unwrap_or_else(|error| Err(error.to_string()));
    lines.unwrap_or_else(|why| {
        let file = list.display();
        tracing::warn!(%file, %why, "the list of starts is left out");
        Vec::new()
    })
}

fn read(list: &Path) -> io::Result<Result<Vec<BootLine>, String>> {
    let kind = match fs::metadata(list) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ok(Vec::new())),
        other => other?,
    };
    // Reading a pipe would wait for its writer.
    if !kind.is_file() || kind.len() > MOST_BYTES {
        return Ok(Err("it is no file, or too large".to_owned()));
    }
    let mut text = String::new();
    let file = fs::File::open(list)?;
    file.take(MOST_BYTES).read_to_string(&mut text)?;
    let lines: Option<Vec<_>> = text.lines().map(BootLine::parse).collect();
    let lines = lines.filter(|lines| lines.len() <= MOST_BOOTS);
    Ok(lines.ok_or_else(|| "it is no such list".to_owned()))
}

/// Writes a file that only this user may read, in the place of one of this name.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let new = unused_name(path)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(&new)?;
    let written = file
        .write_all(content)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}

/// A name beside the file that no file has: in the same folder, so that it can be renamed.
fn unused_name(path: &Path) -> io::Result<PathBuf> {
    // Relaxed: a number that no other has in this process.
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut new = name.to_os_string();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    // A file of a process that died may have the number of this one.
    let moment = unix_now().to_bits();
    new.push(format!(".{}-{number}-{moment:x}.new", std::process::id()));
    Ok(path.with_file_name(new))
}

#[cfg(test)]
mod tests;
