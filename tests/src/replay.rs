//! A directory of cases: our result of each, compared with `NAME.ours.json` where there is one, else with
//! `NAME.expected.json`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::case::Case;
use crate::compare::differences;
use crate::driver::{self, Failure};
use crate::observed::Observed;
use crate::ours::Ours;

/// A case and its recorded results.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The case.
    pub case: Case,
    /// The original's result.
    pub expected: Value,
    /// Our result, where it differs.
    pub ours: Option<Ours>,
    ours_path: PathBuf,
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
        let name = [".expected.json", ".ours.json", ".json"]
            .iter()
            .find_map(|ending| file.strip_suffix(ending));
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
    let ours_path = file(".ours.json");
    Ok(Recorded {
        case: serde_json::from_str(&fs::read_to_string(file(".json"))?)?,
        expected: serde_json::from_str(&fs::read_to_string(file(".expected.json"))?)?,
        ours: Ours::read(&ours_path)?,
        ours_path,
    })
}

impl Recorded {
    /// Runs the case on our crates and returns one line for each difference; none: ok.
    ///
    /// # Errors
    ///
    /// If the case is not understood, or the server does not answer.
    pub fn judge(&self) -> Result<Vec<String>, Failure> {
        Ok(self.compared(&self.play()?))
    }

    /// Runs the case and writes the result to `NAME.ours.json`; if it is the original's, there is no such file.
    ///
    /// # Errors
    ///
    /// As of [`judge`](Self::judge), or if the file cannot be written.
    pub fn bless(self) -> Result<(), Failure> {
        let got = self.play()?;
        match Ours::blessed(self.ours, &self.expected, &got) {
            Some(ours) => {
                let text = serde_json::to_string_pretty(&ours)?;
                fs::write(self.ours_path, text + "\n")?;
            }
            None if self.ours_path.exists() => fs::remove_file(self.ours_path)?,
            None => {}
        }
        Ok(())
    }

    /// Plays the case.
    ///
    /// # Errors
    ///
    /// If the case is not understood, or the server does not answer.
    pub fn play(&self) -> Result<Observed, Failure> {
        driver::run(&self.case, &self.case.steps()?)
    }

    /// Compares our result with the expected one.
    pub fn compared(&self, got: &Observed) -> Vec<String> {
        let repeated = got.repeated();
        let mut lines: Vec<_> = repeated
            .map(|series| format!("{series} is on a page more than once"))
            .collect();
        let wanted = if let Some(ours) = &self.ours {
            lines.extend(ours.unexplained(&self.expected));
            ours.items(&self.expected)
        } else {
            Observed::recorded(&self.expected, &got.places()).items()
        };
        lines.extend(differences(&wanted, &got.items()));
        lines
    }
}
