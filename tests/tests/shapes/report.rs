//! The table of shapes and checks, and what went wrong where.

use std::collections::BTreeMap;
use std::fmt::Write as _;

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
}

impl Check {
    /// All, in the order of the table.
    pub(crate) const ALL: [Self; 5] = [
        Self::Compiles,
        Self::Behaviour,
        Self::Outcome,
        Self::Added,
        Self::Lost,
    ];

    fn title(self) -> &'static str {
        match self {
            Self::Compiles => "compiles",
            Self::Behaviour => "behaviour",
            Self::Outcome => "outcome",
            Self::Added => "lints added",
            Self::Lost => "lints lost",
        }
    }
}

/// What was looked at, and what was found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    looked: BTreeMap<(String, Check), usize>,
    faults: BTreeMap<(String, Check), Vec<String>>,
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

    /// Whether nothing is wrong.
    pub(crate) fn is_green(&self) -> bool {
        self.faults.is_empty()
    }

    /// Whether a file was looked at for this.
    pub(crate) fn looked(&self, source: &str, check: Check) -> usize {
        self.looked
            .get(&(source.to_owned(), check))
            .copied()
            .unwrap_or_default()
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
            faults
                .iter()
                .for_each(|fault| out.push_str(&format!("    {fault}\n")));
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
