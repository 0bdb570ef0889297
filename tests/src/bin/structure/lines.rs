//! Code lines, tokens and files by crate and layer.
//!
//! A code line is one that a token is on, after rustfmt with default settings; tokens of documentation and tests do not count, so
//! neither do comments, documentation and blank lines. A token is an identifier, a literal, a lifetime's quote, each sign, and
//! each end of a pair of brackets.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};

use crate::layers::layer_of;
use crate::sources::{CRATES, Source, read};

/// A file of fewer code lines is small.
const SMALL: usize = 50;
/// A file of more code lines is large.
const LARGE: usize = 600;

/// The counts of a set of files.
#[derive(Default, Clone, Copy)]
struct Counts {
    files: usize,
    small: usize,
    large: usize,
    lines: usize,
    tokens: usize,
    longest: usize,
}

impl Counts {
    fn of(source: &Source) -> Self {
        let mut lines = BTreeSet::new();
        let tokens = count(&source.tokens, &mut lines);
        Self {
            files: 1,
            small: usize::from(lines.len() < SMALL),
            large: usize::from(lines.len() > LARGE),
            lines: lines.len(),
            tokens,
            longest: lines.len(),
        }
    }

    fn add(&mut self, other: Self) {
        self.files += other.files;
        self.small += other.small;
        self.large += other.large;
        self.lines += other.lines;
        self.tokens += other.tokens;
        self.longest = self.longest.max(other.longest);
    }

    fn row(&self, name: &str) -> String {
        let Self {
            files,
            small,
            large,
            lines,
            tokens,
            longest,
        } = self;
        format!("{name:<28} {lines:>7} {tokens:>8} {files:>6} {small:>6} {large:>6} {longest:>8}")
    }
}

/// Counts tokens, and notes the lines they are on.
fn count(tokens: &TokenStream, lines: &mut BTreeSet<usize>) -> usize {
    let mut counted = 0;
    for token in tokens.clone() {
        match &token {
            TokenTree::Group(group) => {
                lines.insert(group.span_open().start().line);
                lines.insert(group.span_close().end().line);
                counted += 2 + count(&group.stream(), lines);
            }
            other => {
                lines.extend(other.span().start().line..=other.span().end().line);
                counted += 1;
            }
        }
    }
    counted
}

/// Prints the table.
///
/// # Errors
///
/// If a source cannot be read.
pub(crate) fn print(root: &Path) -> io::Result<()> {
    println!(
        "{:<28} {:>7} {:>8} {:>6} {:>6} {:>6} {:>8}",
        "", "lines", "tokens", "files", "< 50", "> 600", "longest"
    );
    let mut all = Counts::default();
    for name in CRATES {
        let mut layers: BTreeMap<String, Counts> = BTreeMap::new();
        let mut total = Counts::default();
        for source in read(root, name)? {
            let counts = Counts::of(&source);
            layers
                .entry(layer_of(&source).to_owned())
                .or_default()
                .add(counts);
            total.add(counts);
        }
        println!("{}", total.row(name));
        for (layer, counts) in &layers {
            println!("{}", counts.row(&format!("    {layer}")));
        }
        all.add(total);
    }
    println!("{}", all.row("all"));
    Ok(())
}
