//! `docs/verdict.md` against the code: the table of constants has each constant of the rules with its value and no other, and every
//! state and rule is named.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use monitor_core::verdict::State;

const DOC: &str = include_str!("../../docs/verdict.md");

/// File and name of a constant, and its value as it is written.
type Constants = BTreeMap<(String, String), String>;

/// The rows of the table of constants.
fn documented() -> Constants {
    let table = DOC.split("\n## Constants\n").nth(1).expect("the section");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.map(|row| row.split('`').step_by(2).collect::<Vec<_>>());
    let constants = cells.map(|cells| match cells[..] {
        [file, name, value, ..] => ((file.to_owned(), name.to_owned()), value.to_owned()),
        _ => panic!("a row without file, name and value: {cells:?}"),
    });
    constants.collect()
}

/// The folder of the rules and their words.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../monitor-core/src/verdict")
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// `const NAME: TYPE = VALUE;` in one line.
fn constant(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start();
    let line = match line.strip_prefix("pub(") {
        Some(rest) => rest.split_once(") ")?.1,
        None => line,
    };
    let (name, rest) = line.strip_prefix("const ")?.split_once(": ")?;
    let value = rest.split_once(" = ")?.1.strip_suffix(';')?;
    Some((name, value))
}

/// The constants of the rules, and of the rows made of them.
fn written() -> Constants {
    let root = folder();
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut constants = Constants::new();
    for file in files {
        let name = file.strip_prefix(&root).expect("within");
        let name = name.to_str().expect("a name").to_owned();
        let is_rule = name.starts_with("engine") || name.starts_with("words");
        if !is_rule || name.contains("tests") {
            continue;
        }
        let text = std::fs::read_to_string(&file).expect("a file");
        let text = text
            .split("#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or_default();
        for (constant, value) in text.lines().filter_map(constant) {
            constants.insert((name.clone(), constant.to_owned()), value.to_owned());
        }
    }
    constants
}

#[test]
fn the_constants_are_those_of_the_code() {
    let (documented, written) = (documented(), written());
    assert!(written.len() > 60, "only {} constants", written.len());
    for (key, value) in &written {
        assert_eq!(documented.get(key), Some(value), "{key:?} of the code");
    }
    for key in documented.keys() {
        assert!(written.contains_key(key), "{key:?} is in no file");
    }
}

#[test]
fn the_least_shares_are_those_of_the_code() {
    let evidence = std::fs::read_to_string(folder().join("engine/evidence.rs")).expect("a file");
    let shares = |function: &str| {
        let body = evidence.split(&format!("fn {function}(self)")).nth(1);
        let arms = body
            .and_then(|body| body.split("\n    }").next())
            .expect("a function");
        let arms = arms
            .lines()
            .filter_map(|line| line.trim().split_once(" => "));
        let shares = arms.map(|(_, share)| share.trim_end_matches(','));
        shares.map(str::to_owned).collect::<Vec<_>>()
    };
    let row = |name: &str, shares: Vec<String>| {
        assert_eq!(shares.len(), 4);
        let row = format!("| {name} | {} |", shares.join(" | "));
        assert!(DOC.contains(&row), "{row}");
    };
    row("floor of `p0`", shares("floor"));
    row("share that matters", shares("least"));
}

#[test]
fn every_state_and_every_rule_is_explained() {
    for state in State::ALL {
        assert!(DOC.contains(&format!("\n| {state} |")), "{state}");
    }
    let rules = std::fs::read_to_string(folder().join("mod.rs")).expect("a file");
    let body = rules.split("impl Rule {").nth(1).expect("the rules");
    let names = body
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Self::"));
    let names = names.filter_map(|line| line.split('"').nth(1));
    let names: Vec<&str> = names.collect();
    assert!(names.len() >= 10, "{names:?}");
    for name in names {
        assert!(DOC.contains(&format!("`{name}`")), "{name}");
    }
}
