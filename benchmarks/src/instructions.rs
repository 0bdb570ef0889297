//! Instructions a call, under `valgrind --tool=callgrind`: a second opinion that no neighbour on the machine disturbs.
//!
//! The parent runs this program again under valgrind, which counts only inside [`counted`] and dumps its counts each
//! time that returns. The counts are those of the compiler that built it, so they are kept by its version.

use std::fmt::Write;
use std::fs;
use std::hint::black_box;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::harness::{Batch, Row, Threads, as_f64};
use crate::rows::{self, MONITORED};

/// The word of the command line with which this program runs the calls that valgrind counts.
pub(crate) const COUNT: &str = "count-instructions";

/// How valgrind names [`counted`].
const COUNTED: &str = concat!(module_path!(), "::counted");

const CALLS: u64 = 10_000;

/// Calls before those that count, enough for each of 100 methods: one-time work is done, and rings are full.
const BEFORE: u64 = 10_000;

/// How far a count may be from the one on file.
const TOLERANCE: f64 = 0.03;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.txt");

const TITLE: &str = "# Instructions that recording adds to a call, by compiler. `scripts/bench --instructions --bless` writes this file.\n";

/// The use of the counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    Compare,
    Bless,
}

/// Whether the counts are those on file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Holds,
    FallsShort,
}

/// A row and its counts.
type Count = (String, f64);

/// The rows of one thread whose calls follow each other without a preparation, ours alone.
fn counted_rows() -> impl Iterator<Item = (&'static str, Batch, Batch)> {
    let rows = rows::rows().into_iter();
    let alone = rows.filter(|row| row.threads == Threads::One && !row.base.is_fixed());
    alone.filter_map(|row: Row| {
        let mut candidates = row.candidates.into_iter();
        let (_, ours) = candidates.find(|(name, _)| *name == MONITORED)?;
        Some((row.name, row.base, ours))
    })
}

/// The calls that valgrind counts: each row bare, then monitored.
pub(crate) fn count() {
    rows::configure();
    for (_, base, ours) in counted_rows() {
        for batch in [base, ours] {
            batch.run(BEFORE);
            counted(&batch);
        }
    }
}

#[inline(never)]
fn counted(batch: &Batch) {
    black_box(batch.run(CALLS));
}

/// Counts, and compares with the file or writes it.
pub(crate) fn run(then: Then) -> io::Result<Verdict> {
    let version = version()?;
    let counts = counts()?;
    let file = fs::read_to_string(FILE).unwrap_or_default();
    if then == Then::Bless {
        fs::write(FILE, with_section(&file, &version, &counts))?;
        println!("{FILE}: {} rows of {version}", counts.len());
        return Ok(Verdict::Holds);
    }
    let Some(known) = section(&file, &version) else {
        println!("SKIPPED: {FILE} has no counts of {version}; these would be they:");
        for (row, count) in counts {
            println!("{row:<24} {count:>10.1}");
        }
        return Ok(Verdict::Holds);
    };
    Ok(compare(&counts, &known))
}

/// The compiler, as far as it decides about instructions.
fn version() -> io::Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-V").output()?;
    let version = String::from_utf8_lossy(&output.stdout);
    Ok(format!("{} {}", version.trim(), std::env::consts::ARCH))
}

/// Runs under valgrind.
fn counts() -> io::Result<Vec<Count>> {
    let folder = std::env::temp_dir().join(format!("monitor-instructions-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let counts = count_in(&folder);
    fs::remove_dir_all(&folder)?;
    counts
}

fn count_in(folder: &Path) -> io::Result<Vec<Count>> {
    let dump = folder.join("dump");
    let status = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind", "--collect-atstart=no"])
        .arg(format!("--toggle-collect={COUNTED}"))
        .arg(format!("--dump-after={COUNTED}"))
        .arg(format!("--callgrind-out-file={}", dump.display()))
        .arg(std::env::current_exe()?)
        .arg(COUNT)
        .stderr(Stdio::inherit())
        .status()
        .map_err(|cause| io::Error::other(format!("valgrind does not run: {cause}")))?;
    if !status.success() {
        return Err(io::Error::other(format!("valgrind ended with {status}")));
    }
    rows::configure();
    let names = counted_rows().map(|(name, ..)| name);
    names
        .zip(0..)
        .map(|(name, row)| {
            let total = |part: u32| total(&dump.with_extension((2 * row + part).to_string()));
            let added = total(2)? - total(1)?;
            Ok((name.to_owned(), added / as_f64(CALLS)))
        })
        .collect()
}

/// The instructions in a dump.
fn total(dump: &PathBuf) -> io::Result<f64> {
    let text = fs::read_to_string(dump)?;
    let found = text.lines().find_map(|line| {
        let total = line
            .strip_prefix("summary:")
            .or(line.strip_prefix("totals:"))?;
        total.trim().parse().ok()
    });
    found.ok_or_else(|| io::Error::other(format!("{} has no total", dump.display())))
}

fn compare(counts: &[Count], known: &[Count]) -> Verdict {
    println!(
        "{:<24} {:>10} {:>10} {:>8}  verdict",
        "instructions a call", "now", "on file", "change"
    );
    let mut verdict = Verdict::Holds;
    for (row, now) in counts {
        let then = known.iter().find(|(name, _)| name == row);
        let then = then.map_or(f64::NAN, |(_, count)| *count);
        let change = now / then - 1.0;
        // A row that is not on file is no match either.
        let matches = change.abs() <= TOLERANCE;
        if !matches {
            verdict = Verdict::FallsShort;
        }
        let word = if matches { "holds" } else { "differs" };
        println!(
            "{row:<24} {now:>10.1} {then:>10.1} {:>7.1}%  {word}",
            change * 100.0
        );
    }
    verdict
}

/// The counts of a compiler in the file: a line with its version in brackets, then a line a row, with a tab before the
/// count.
fn section(file: &str, version: &str) -> Option<Vec<Count>> {
    let start = format!("[{version}]");
    let mut lines = file.lines().skip_while(|line| *line != start);
    lines.next()?;
    let rows = lines.take_while(|line| !line.starts_with('['));
    Some(rows.filter_map(parse).collect())
}

fn parse(line: &str) -> Option<Count> {
    let (row, count) = line.split_once('\t')?;
    Some((row.to_owned(), count.parse().ok()?))
}

/// The file with these counts in the place of that compiler's.
fn with_section(file: &str, version: &str, counts: &[Count]) -> String {
    let mut sections: Vec<(String, Vec<Count>)> = file
        .lines()
        .filter_map(|line| line.strip_prefix('[')?.strip_suffix(']'))
        .filter(|other| *other != version)
        .filter_map(|other| Some((other.to_owned(), section(file, other)?)))
        .collect();
    sections.push((version.to_owned(), counts.to_vec()));
    sections.sort_by(|one, other| one.0.cmp(&other.0));
    let mut text = TITLE.to_owned();
    for (version, counts) in sections {
        let _ = writeln!(text, "\n[{version}]");
        for (row, count) in counts {
            let _ = writeln!(text, "{row}\t{count:.1}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_compiler_has_a_section_of_its_own() {
        let counts = |count| vec![("sync ok".to_owned(), count), ("async".to_owned(), 2.5)];
        let file = with_section("", "rustc 2", &counts(1.0));
        let file = with_section(&file, "rustc 1", &counts(3.0));
        let file = with_section(&file, "rustc 2", &counts(4.0));
        assert_eq!(section(&file, "rustc 1"), Some(counts(3.0)));
        assert_eq!(section(&file, "rustc 2"), Some(counts(4.0)));
        assert_eq!(section(&file, "rustc 3"), None);
    }

    #[test]
    fn a_count_three_percent_off_differs() {
        let count = |count| vec![("sync ok".to_owned(), count)];
        assert_eq!(compare(&count(102.9), &count(100.0)), Verdict::Holds);
        assert_eq!(compare(&count(103.1), &count(100.0)), Verdict::FallsShort);
        assert_eq!(compare(&count(96.9), &count(100.0)), Verdict::FallsShort);
        assert_eq!(compare(&count(1.0), &[]), Verdict::FallsShort);
    }
}
