//! A directory of cases: what each comes to, and which kinds of difference applied.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::case::Case;
use crate::compare::differences;
use crate::driver::{self, Failure};
use crate::kinds::{Id, Plan, kind};
use crate::observed::{Note, Observed};

/// A case and its recorded result.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The case.
    pub case: Case,
    /// What the original gave.
    pub expected: Value,
}

/// What a case came to.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// One line a difference that no kind explains; none: ok.
    pub differences: Vec<String>,
    /// The kinds that applied.
    pub applied: BTreeMap<Id, usize>,
}

/// The cases of a directory: each `NAME.json` or `NAME.expected.json`, by name. One without the other is a case that
/// cannot be read, not one that is passed over.
///
/// # Errors
///
/// If the directory cannot be read.
pub fn names(dir: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        let file = entry?.file_name().to_string_lossy().into_owned();
        let name = file
            .strip_suffix(".expected.json")
            .or_else(|| file.strip_suffix(".json"));
        names.extend(name.map(str::to_owned));
    }
    names.sort();
    names.dedup();
    Ok(names)
}

/// Reads a case.
///
/// # Errors
///
/// If one of its files cannot be read.
pub fn read(dir: &Path, name: &str) -> Result<Recorded, Failure> {
    let file = |ending: &str| -> PathBuf { dir.join(format!("{name}{ending}")) };
    Ok(Recorded {
        case: serde_json::from_str(&fs::read_to_string(file(".json"))?)?,
        expected: serde_json::from_str(&fs::read_to_string(file(".expected.json"))?)?,
    })
}

/// Plays a case on ours and compares.
///
/// # Errors
///
/// If the case is not understood, or the server does not answer.
pub fn judge(recorded: &Recorded) -> Result<Verdict, Failure> {
    let steps = recorded.case.steps()?;
    let plan = Plan::new(&recorded.case, &steps);
    let got = driver::run(&recorded.case, &steps)?;
    Ok(compared(&plan, &recorded.expected, &got))
}

/// Compares what ours gave with what it must give.
pub fn compared(plan: &Plan, expected: &Value, got: &Observed) -> Verdict {
    let wanted = plan.apply(expected);
    let mut lines = wanted.conflicts;
    let pages = got
        .notes
        .iter()
        .filter_map(Note::page)
        .chain([&got.exposition]);
    let repeated = pages.flat_map(|page| &page.repeated);
    lines.extend(repeated.map(|series| format!("{series} is on a page more than once")));
    lines.extend(differences(&wanted.items, &got.items()));
    Verdict {
        differences: lines,
        applied: wanted.applied,
    }
}

/// The last line of a run: the kinds that applied, and in how many cases.
pub fn kinds_line<'a>(verdicts: impl IntoIterator<Item = &'a Verdict>) -> String {
    let mut cases: BTreeMap<Id, usize> = BTreeMap::new();
    for id in verdicts
        .into_iter()
        .flat_map(|verdict| verdict.applied.keys())
    {
        *cases.entry(*id).or_default() += 1;
    }
    let kinds: Vec<_> = cases
        .iter()
        .map(|(id, cases)| format!("{} x{cases}", kind(*id).name))
        .collect();
    format!(
        "kinds applied: {}",
        if kinds.is_empty() {
            "none".to_owned()
        } else {
            kinds.join(", ")
        }
    )
}
