//! The recorded cases: the given ones in `oracle/cases`, more in `oracle/extra`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use monitor_tests::compare::differences;
use monitor_tests::driver::{self, Failure};
use monitor_tests::kinds::{KINDS, Ours, Plan};
use monitor_tests::model;
use monitor_tests::observed::Observed;
use monitor_tests::replay::{Recorded, compared, judge, names, read};
use serde_json::Value;

/// Changes tried of each kind and file; each is a play of the comparison alone.
const CHANGES: usize = 60;

fn dir(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("oracle")
        .join(name)
}

fn cases(of: &[&str]) -> Result<Vec<Recorded>, Failure> {
    let mut cases = Vec::new();
    for dir in of.iter().map(|name| dir(name)) {
        for name in names(&dir)? {
            cases.push(read(&dir, &name)?);
        }
    }
    Ok(cases)
}

#[test]
fn the_model_without_a_kind_is_the_original() -> Result<(), Failure> {
    let mut lines = Vec::new();
    for Recorded { case, expected } in cases(&["cases", "extra"])? {
        let modelled = model::run(&case, &case.steps()?, &Ours::default());
        let places: Vec<_> = modelled.notes.iter().map(|note| note.at.clone()).collect();
        let recorded = Observed::recorded(&expected, &places).items();
        let found = differences(&recorded, &modelled.items());
        lines.extend(
            found
                .into_iter()
                .map(|line| format!("{}: {line}", case.name)),
        );
    }
    assert_eq!(lines, Vec::<String>::new());
    Ok(())
}

#[test]
fn every_recorded_case_comes_out_as_ours_must_and_each_kind_is_used() -> Result<(), Failure> {
    let (mut lines, mut used) = (Vec::new(), BTreeSet::new());
    for recorded in cases(&["cases", "extra"])? {
        let verdict = judge(&recorded)?;
        used.extend(verdict.applied.into_keys());
        let name = &recorded.case.name;
        lines.extend(
            verdict
                .differences
                .into_iter()
                .map(|line| format!("{name}: {line}")),
        );
    }
    assert_eq!(lines, Vec::<String>::new());
    let unused: Vec<_> = KINDS
        .iter()
        .filter(|kind| !used.contains(&kind.id))
        .map(|kind| kind.name)
        .collect();
    assert_eq!(unused, Vec::<&str>::new(), "kinds that no case uses");
    Ok(())
}

#[test]
fn no_kind_looks_at_the_name_of_a_case() -> Result<(), Failure> {
    for mut recorded in cases(&["cases"])? {
        let applied = judge(&recorded)?.applied;
        recorded.case.name = "another".to_owned();
        let renamed = judge(&recorded)?;
        assert_eq!(
            (renamed.differences, renamed.applied),
            (Vec::new(), applied)
        );
    }
    Ok(())
}

#[test]
fn one_digit_label_or_line_changed_in_a_given_result_is_seen() -> Result<(), Failure> {
    let mut unseen = Vec::new();
    for Recorded { case, expected } in cases(&["cases"])? {
        let steps = case.steps()?;
        let (plan, got) = (Plan::new(&case, &steps), driver::run(&case, &steps)?);
        for (what, changed) in changes(&expected) {
            if compared(&plan, &changed, &got).differences.is_empty() {
                unseen.push(format!("{}: {what}", case.name));
            }
        }
    }
    assert_eq!(unseen, Vec::<String>::new());
    Ok(())
}

/// Every compared text with one line changed, and every compared number and text with one character changed: evenly
/// spread ones of them.
fn changes(expected: &Value) -> Vec<(String, Value)> {
    let mut changed = Vec::new();
    for pointer in compared_leaves(expected) {
        match expected.pointer(&pointer) {
            Some(Value::String(text)) if text.contains('\n') => {
                changed.extend(
                    spread(line_changes(text))
                        .map(|(what, text)| (pointer.clone(), what, Value::String(text))),
                );
            }
            Some(leaf) => changed.extend(
                leaf_change(leaf).map(|leaf| (pointer.clone(), "changed".to_owned(), leaf)),
            ),
            None => {}
        }
    }
    let whole = |(pointer, what, leaf): (String, String, Value)| {
        let mut whole = expected.clone();
        *whole.pointer_mut(&pointer)? = leaf;
        Some((format!("{pointer}: {what}"), whole))
    };
    spread_leaves(changed).filter_map(whole).collect()
}

fn spread(all: Vec<(String, String)>) -> impl Iterator<Item = (String, String)> {
    let step = all.len().div_ceil(CHANGES).max(1);
    all.into_iter().step_by(step)
}

fn spread_leaves<T>(all: Vec<T>) -> impl Iterator<Item = T> {
    let step = all.len().div_ceil(5 * CHANGES).max(1);
    all.into_iter().step_by(step)
}

/// JSON pointers of what is compared.
fn compared_leaves(expected: &Value) -> Vec<String> {
    let mut leaves = Vec::new();
    for part in [
        "exposition",
        "events",
        "http",
        "stats",
        "statuses",
        "error_types",
        "series_unhealthy",
    ] {
        collect(&expected[part], &format!("/{part}"), &mut leaves);
    }
    leaves.retain(|pointer| is_compared(expected, pointer));
    leaves
}

fn collect(json: &Value, pointer: &str, leaves: &mut Vec<String>) {
    match json {
        Value::Object(map) => {
            for (key, value) in map {
                collect(
                    value,
                    &format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")),
                    leaves,
                );
            }
        }
        Value::Array(list) => {
            for (at, value) in list.iter().enumerate() {
                collect(value, &format!("{pointer}/{at}"), leaves);
            }
        }
        _ => leaves.push(pointer.to_owned()),
    }
}

/// What `compare.py` looks at of events and replies: values, texts, status codes, two headers.
fn is_compared(expected: &Value, pointer: &str) -> bool {
    let parts: Vec<_> = pointer.split('/').skip(1).collect();
    match parts[..] {
        ["events", _, part, ..] => matches!(part, "value" | "text" | "result"),
        ["http", .., "headers", _, "1"] => {
            let name = format!("{}/0", &pointer[..pointer.len() - 2]);
            let name = expected.pointer(&name).and_then(Value::as_str);
            matches!(name, Some("Content-Type" | "Content-Encoding"))
        }
        ["http", reply, "text"] => matches!(reply, "name_filter" | "openmetrics"),
        ["http", .., part] => part == "status",
        _ => true,
    }
}

/// A text with one line changed: a digit of its value, a letter of a label or of its name, or the line left out.
fn line_changes(text: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = text.split('\n').collect();
    let mut changed = Vec::new();
    for (at, line) in lines
        .iter()
        .enumerate()
        .filter(|(_, line)| is_line_compared(line))
    {
        let other: [Option<String>; 3] = [
            digit_changed(line),
            letter_changed(line),
            Some(String::new()),
        ];
        for other in other.into_iter().flatten() {
            let mut lines = lines.clone();
            lines[at] = &other;
            changed.push((format!("{line:?} is {other:?}"), lines.join("\n")));
        }
    }
    changed
}

fn is_line_compared(line: &str) -> bool {
    let name = line
        .trim_start_matches("# HELP ")
        .trim_start_matches("# TYPE ");
    let name = name.split(['{', ' ']).next().unwrap_or_default();
    !line.is_empty() && line != "# EOF" && !name.ends_with("_created")
}

fn digit_changed(line: &str) -> Option<String> {
    let at = line.find(|c: char| c.is_ascii_digit())?;
    let digit = if line.as_bytes()[at] == b'7' {
        "8"
    } else {
        "7"
    };
    Some(format!("{}{digit}{}", &line[..at], &line[at + 1..]))
}

fn letter_changed(line: &str) -> Option<String> {
    let from = line.find('{').or_else(|| line.rfind(' '))?;
    let at = from + line[from..].find(|c: char| c.is_ascii_lowercase())?;
    let letter = if line.as_bytes()[at] == b'x' {
        "y"
    } else {
        "x"
    };
    Some(format!("{}{letter}{}", &line[..at], &line[at + 1..]))
}

fn leaf_change(leaf: &Value) -> Option<Value> {
    match leaf {
        Value::Number(number) => serde_json::from_str(&digit_changed(&number.to_string())?).ok(),
        Value::String(text) => Some(Value::from(format!("{text}x"))),
        Value::Bool(yes) => Some(Value::from(!yes)),
        _ => None,
    }
}
