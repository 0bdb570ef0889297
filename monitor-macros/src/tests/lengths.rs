//! No function of this crate is over 60 lines, as the formatter writes them.

use std::fs;
use std::path::{Path, PathBuf};

const MOST_LINES: usize = 60;

/// All source files under a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{error}"));
    let paths = entries.flatten().map(|entry| entry.path());
    let files = paths.flat_map(|path| match path.extension() {
        _ if path.is_dir() => sources(&path),
        Some(extension) if extension == "rs" => vec![path],
        _ => Vec::new(),
    });
    files.collect()
}

/// The functions of a formatted source and how many lines they have: a function begins with `fn` after its qualifiers
/// and ends at the first `}` under it.
fn functions(source: &str) -> Vec<(&str, usize)> {
    let lines: Vec<&str> = source.lines().collect();
    let starts = lines.iter().enumerate().filter(|(_, line)| is_head(line));
    let measured = starts.filter_map(|(at, head)| {
        let indentation = &head[..head.len() - head.trim_start().len()];
        let is_end = |line: &&str| {
            line.strip_prefix(indentation)
                .is_some_and(|rest| rest.starts_with('}') || is_one_line(rest))
        };
        let end = lines[at..].iter().position(is_end)?;
        Some((head.trim(), end + 1))
    });
    measured.collect()
}

fn is_head(line: &str) -> bool {
    let qualifiers = [
        "pub",
        "pub(crate)",
        "pub(super)",
        "const",
        "async",
        "unsafe",
    ];
    let mut words = line.split_whitespace();
    words.find(|word| !qualifiers.contains(word)) == Some("fn")
}

fn is_one_line(line: &str) -> bool {
    is_head(line) && line.ends_with('}')
}

#[test]
fn functions_are_measured() {
    let source = "mod a {\n    pub(crate) fn b(\n        c: u8,\n    ) -> u8 {\n        c\n    }\n}\nfn d() {}\n";
    let found = functions(source);
    assert_eq!(found, [("pub(crate) fn b(", 5), ("fn d() {}", 1)]);
}

#[test]
fn no_function_is_over_60_lines() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut count = 0;
    for path in sources(&folder) {
        let source = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{error}"));
        for (head, lines) in functions(&source) {
            count += 1;
            let place = path.display();
            assert!(lines <= MOST_LINES, "{place}: {head} has {lines} lines");
        }
    }
    assert!(count > 200, "only {count} functions found");
}
