//! The code on the pages of `docs/` that are about an example is that example's code.

use std::path::Path;

/// Pages and their examples, below the root of the repository.
const PAGES: [(&str, &str); 3] = [
    ("docs/axum.md", "axum_service"),
    ("docs/batch.md", "batch_job"),
    ("docs/workers.md", "worker_queue"),
];

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A line without its indentation and the comment at its end: a page has comments of its own.
fn code(line: &str) -> &str {
    line.split(" // ").next().unwrap_or_default().trim()
}

/// The lines in the blocks of Rust code that are not marked `ignore`.
fn lines_of_code(page: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    page.lines().filter(move |line| {
        if line.starts_with("```") {
            is_code = *line == "```rust";
            return false;
        }
        is_code
    })
}

#[test]
fn each_line_of_code_is_one_of_the_example() {
    for (page, example) in PAGES {
        let source = read(&format!("examples/examples/{example}.rs"));
        let text = read(page);
        assert!(
            text.contains(&format!("/{example}.rs)")),
            "{page} names no example"
        );
        let lines: Vec<_> = lines_of_code(&text).collect();
        assert!(!lines.is_empty(), "{page} shows no code");
        for line in lines {
            let is_there = source.lines().any(|each| code(each) == code(line));
            assert!(is_there, "{page}: `{line}` is not in {example}.rs");
        }
    }
}
