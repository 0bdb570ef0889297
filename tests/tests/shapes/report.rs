//! The table of shapes and checks, and what went wrong where.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Instant;

/// What is checked of each shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Check {
    /// It compiles, or is refused, as it has to.
    Compiles,
    /// It returns, panics, drops and says the same as the bare one; its future is as large as it may be.
    Behaviour,
    /// It records what its header says.
    Outcome,
    /// Lints that only the monitored one fires.
    Added,
    /// Lints that only the bare one fires.
    Lost,
    /// Lines that coverage counts.
    Lines,
}

impl Check {
    /// All, in the order of the table.
    pub(crate) const ALL: [Self; 6] = [
        Self::Compiles,
        Self::Behaviour,
        Self::Outcome,
        Self::Added,
        Self::Lost,
        Self::Lines,
    ];

    fn title(self) -> &'static str {
        match self {
            Self::Compiles => "compiles",
            Self::Behaviour => "behaviour",
            Self::Outcome => "outcome",
            Self::Added => "lints added",
            Self::Lost => "lints lost",
            Self::Lines => "coverage",
        }
    }
}

/// What was looked at, and what was found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    looked: BTreeMap<(String, Check), usize>,
    faults: BTreeMap<(String, Check), Vec<String>>,
    excuses: BTreeMap<(String, String), BTreeSet<String>>,
    notes: Vec<String>,
}

impl Report {
    /// One look at a source file; `faults` are what is wrong with it.
    pub(crate) fn look(
        &mut self,
        source: &str,
        check: Check,
        faults: impl IntoIterator<Item = String>,
    ) {
        let key = (source.to_owned(), check);
        *self.looked.entry(key.clone()).or_default() += 1;
        let faults: Vec<String> = faults.into_iter().collect();
        if !faults.is_empty() {
            self.faults.entry(key).or_default().extend(faults);
        }
    }

    /// What is wrong and not known, and what is known and no longer wrong. A known fault is `file | check | part of it`.
    pub(crate) fn against<'a>(&self, known: &'a [String]) -> (Vec<String>, Vec<&'a String>) {
        let faults = self.faults.iter().flat_map(|((source, check), faults)| {
            let told = move |fault: &String| format!("{source} | {} | {fault}", check.title());
            faults.iter().map(told)
        });
        let is = |fault: &str, known: &str| {
            let mut parts = known.splitn(3, " | ");
            let (source, check) = (parts.next(), parts.next());
            let begins = source
                .zip(check)
                .map(|(source, check)| format!("{source} | {check} | "));
            begins.is_some_and(|begins| fault.starts_with(&begins))
                && parts.next().is_some_and(|part| fault.contains(part))
        };
        let faults: Vec<String> = faults.collect();
        let gone = known
            .iter()
            .filter(|known| !faults.iter().any(|fault| is(fault, known)));
        let gone = gone.collect();
        let fresh = faults
            .into_iter()
            .filter(|fault| !known.iter().any(|known| is(fault, known)));
        (fresh.collect(), gone)
    }

    /// A lint that came or went where it may, and why it may.
    pub(crate) fn excuse(&mut self, lint: &str, reason: &str, source: &str) {
        let key = (lint.to_owned(), reason.to_owned());
        let sources = self.excuses.entry(key).or_default();
        sources.insert(source.to_owned());
    }

    /// Whether a lint was excused in a file for this reason.
    pub(crate) fn excused(&self, lint: &str, reason: &str, source: &str) -> bool {
        let sources = self.excuses.get(&(lint.to_owned(), reason.to_owned()));
        sources.is_some_and(|sources| sources.contains(source))
    }

    /// Something that could not be looked at: it is said at once, and again at the end.
    pub(crate) fn skip(&mut self, what: &str) {
        println!("{what}");
        self.notes.push(what.to_owned());
    }

    /// Something to say at the end.
    pub(crate) fn note(&mut self, what: String) {
        self.notes.push(what);
    }

    /// Does something that takes long, and notes how long.
    pub(crate) fn timed<R>(&mut self, what: &str, work: impl FnOnce() -> R) -> R {
        let begun = Instant::now();
        let result = work();
        let seconds = begun.elapsed().as_secs();
        self.notes.push(format!("{what}: {seconds} s"));
        result
    }

    /// Whether a file compiled, or was refused, at least once.
    pub(crate) fn looked(&self, source: &str) -> bool {
        self.looked
            .contains_key(&(source.to_owned(), Check::Compiles))
    }

    /// How many looks there were, and how many faults were found.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let faults = self.faults.values().map(Vec::len).sum();
        (self.looked.values().sum(), faults)
    }

    /// The table, a row for each shape and its file, and the faults under it.
    pub(crate) fn table(&self, rows: &[(String, String)]) -> String {
        let mut out = format!("{:<78}", "shape");
        for check in Check::ALL {
            let _ = write!(out, " | {:<11}", check.title());
        }
        for (shape, source) in rows {
            let _ = write!(out, "\n{shape:<78}");
            for check in Check::ALL {
                let _ = write!(out, " | {:<11}", self.cell(source, check));
            }
        }
        out.push('\n');
        for ((source, check), faults) in &self.faults {
            let _ = writeln!(out, "\n{source}, {}:", check.title());
            for fault in faults {
                let _ = writeln!(out, "    {fault}");
            }
        }
        for ((lint, reason), sources) in &self.excuses {
            let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
            let _ = writeln!(out, "excused: {lint}: {reason} (in {})", told(&sources));
        }
        for note in &self.notes {
            let _ = writeln!(out, "{note}");
        }
        out
    }

    /// `ok` and in how many crates, `FAIL` and how often, or `-` where there is nothing to look at.
    fn cell(&self, source: &str, check: Check) -> String {
        let key = (source.to_owned(), check);
        match (self.faults.get(&key), self.looked.get(&key)) {
            (Some(faults), _) => format!("FAIL {}", faults.len()),
            (None, Some(times)) => format!("ok {times}"),
            (None, None) => "-".to_owned(),
        }
    }
}

/// Names, or how many there are.
fn told(names: &[&str]) -> String {
    if names.len() > 9 {
        return format!("{} files", names.len());
    }
    names.join(", ")
}
