//! The code on the pages of `docs/` that are about an example is that example's code.

use std::path::Path;

/// Pages and their examples, below the root of the repository.
const PAGES: [(&str, &str); 3] = [
    ("docs/axum.md", "axum_service"),
    ("docs/batch.md", "batch_job"),
    ("docs/workers.md", "worker_queue"),
];

/// The line of a page in whose place the example has further lines.
const GAP: &str = "// ..";

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The lines of code without indentation and comments: a page has comments of its own.
fn code<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let code = |line: &'a str| line.split(" // ").next().unwrap_or_default().trim();
    let lines = lines.into_iter().map(code);
    let is_code = |line: &&str| !line.is_empty() && !line.starts_with("//");
    lines.filter(is_code).collect()
}

/// The blocks of Rust code that are not marked `ignore`, cut at their gaps.
fn runs(page: &str) -> Vec<Vec<&str>> {
    let blocks = page.split("\n```rust\n").skip(1);
    let blocks = blocks.map(|block| block.split("\n```").next().unwrap_or_default());
    let runs = blocks.flat_map(|block| {
        let lines: Vec<_> = block.lines().collect();
        let runs = lines.split(|line| line.trim() == GAP);
        runs.map(|run| code(run.iter().copied()))
            .collect::<Vec<_>>()
    });
    runs.filter(|run| !run.is_empty()).collect()
}

#[test]
fn each_run_of_lines_is_one_of_the_example() {
    for (page, example) in PAGES {
        let source = read(&format!("examples/examples/{example}.rs"));
        let text = read(page);
        assert!(
            text.contains(&format!("/{example}.rs)")),
            "{page} names no example"
        );
        let source = code(source.lines());
        let runs = runs(&text);
        assert!(!runs.is_empty(), "{page} shows no code");
        for run in runs {
            let is_there = source.windows(run.len()).any(|lines| lines == run);
            assert!(is_there, "{page}: not in {example}.rs:\n{}", run.join("\n"));
        }
    }
}

/// A block that lacks the end of what it begins cannot be copied from the page.
#[test]
fn each_block_closes_its_brackets() {
    for (page, _) in PAGES {
        for block in read(page).split("\n```rust\n").skip(1) {
            let block = block.split("\n```").next().unwrap_or_default();
            for (open, close) in [('(', ')'), ('{', '}'), ('[', ']')] {
                let count = |bracket| block.matches(bracket).count();
                assert_eq!(count(open), count(close), "{page}: `{open}` in\n{block}");
            }
        }
    }
}
