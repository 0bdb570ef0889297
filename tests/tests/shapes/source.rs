//! A shape's source: what its header says, and its text with the attribute and without.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::text::attributes;

/// The editions a shape is compiled in unless its header says otherwise.
pub(crate) const EDITIONS: [&str; 3] = ["2018", "2021", "2024"];

/// One source file under `tests/shapes`.
#[derive(Debug)]
pub(crate) struct Source {
    /// Its name, without `.rs`.
    pub(crate) name: String,
    /// The shapes of the list it stands for.
    pub(crate) shapes: Vec<String>,
    /// The editions it is compiled in.
    pub(crate) editions: Vec<String>,
    /// What its calls record: `method = ok 1, other 2`, sorted.
    pub(crate) records: Vec<String>,
    /// Lints the bare function must fire, so that looking for lost ones looks at something.
    pub(crate) fires: BTreeSet<String>,
    /// Lints that the attribute takes away from here, each with the reason.
    pub(crate) loses: BTreeMap<String, String>,
    /// The settings it cannot be compiled in: `hostile`, `strict`, an edition, `counted`.
    pub(crate) not: BTreeSet<String>,
    /// The errors the attribute gives as `line:column message`, or `as bare`: they are those of the bare function.
    pub(crate) refused: Vec<String>,
    /// The errors of the bare function as `line:column`, where the attribute is to give others.
    pub(crate) instead: Vec<String>,
    text: String,
}

impl Source {
    /// Reads one file; its header is the lines that begin with `//@`.
    pub(crate) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let name = path.file_stem().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        let values = |key: &str| -> Vec<String> {
            let headers = text.lines().filter_map(|line| line.strip_prefix("//@ "));
            let entries = headers.filter_map(|header| header.split_once(": "));
            let found = entries.filter(|(found, _)| *found == key);
            found.map(|(_, value)| value.trim().to_owned()).collect()
        };
        let words = |key: &str| -> Vec<String> {
            let values = values(key);
            let words = values.iter().flat_map(|value| value.split_whitespace());
            words.map(str::to_owned).collect()
        };
        let editions = match words("editions") {
            none if none.is_empty() => EDITIONS.map(str::to_owned).to_vec(),
            some => some,
        };
        let mut records = values("records");
        records.sort();
        let reasoned = values("loses").into_iter();
        Self {
            shapes: values("shape"),
            editions,
            records,
            fires: words("fires").into_iter().collect(),
            loses: reasoned
                .filter_map(|lint| lint.split_once(' ').map(owned))
                .collect(),
            not: words("not").into_iter().collect(),
            refused: values("refused"),
            instead: words("instead of"),
            name,
            text,
        }
    }

    /// All files of a folder, by name.
    pub(crate) fn read_all(folder: &Path) -> Vec<Self> {
        let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    /// The text with the attribute, which is the one in the file.
    pub(crate) fn monitored(&self) -> String {
        self.text.clone()
    }

    /// The lines on which there is nothing but the attribute.
    pub(crate) fn attribute_lines(&self) -> BTreeSet<u32> {
        let bare = self.bare();
        let numbered = (1..).zip(self.text.lines().zip(bare.lines()));
        let own = numbered.filter(|(_, (text, bare))| {
            let rest = bare.replace("/*", "").replace("*/", "");
            text != bare && rest.trim().is_empty()
        });
        own.map(|(line, _)| line).collect()
    }

    /// The lines on which there is nothing but a brace.
    pub(crate) fn brace_lines(&self) -> BTreeSet<u32> {
        let numbered = (1..).zip(self.text.lines());
        let braces = numbered.filter(|(_, line)| matches!(line.trim(), "{" | "}"));
        braces.map(|(line, _)| line).collect()
    }

    /// The text without it: a comment as long stands in its place, so that all else stays where it is.
    pub(crate) fn bare(&self) -> String {
        let mut bare = self.text.clone();
        for place in attributes(&self.text) {
            bare.replace_range(place.clone(), &comment(&self.text[place]));
        }
        bare
    }
}

fn owned((lint, reason): (&str, &str)) -> (String, String) {
    (lint.to_owned(), reason.to_owned())
}

/// A comment with the line ends and the length of `replaced`.
fn comment(replaced: &str) -> String {
    let inner = &replaced[2..replaced.len() - 2];
    let blank = |letter: char| if letter == '\n' { '\n' } else { ' ' };
    format!("/*{}*/", inner.chars().map(blank).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::comment;

    #[test]
    fn a_comment_keeps_lines_and_columns() {
        assert_eq!(comment("#[a(\n b)]"), "/*  \n  */");
    }
}
