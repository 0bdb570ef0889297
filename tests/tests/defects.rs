//! The table of the original's defects, and the defects no recorded case can show.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use monitor_core::{Monitor, Outcome, StorageConfig};

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

/// All ids, in the order of the description of the original.
const IDS: &str = "S1 S2 S3 S4 S5 S6 S7 S8 S9 S11 R1 S12 S10 S10b S10c S13 W1 W2 W3 W4 W5 W5b W6 W7 W9 W10 W11 W12 W13 \
                   W14 W15 W16 W17 H4 H5 E1 E2 E3 E4 E5 E6 E7 E8 E9 E10 E11 C1 C2 C3 C4 C5 C6 C7 C8 C9 C10 C11 C12 C13 \
                   H1 H2 H3 H6 M1 M2 M3 M4";

const TABLE: &str = include_str!("../defects.md");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Faults of ours that were put back once, and the tests that saw them.
const FAULTS: &str = include_str!("../faults.md");

/// The cells of each row of a table, without its head.
fn rows(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let rows = table.lines().filter(|line| line.starts_with("| "));
    let cells = |line: &'static str| {
        line.trim_matches('|')
            .split('|')
            .map(str::trim)
            .collect::<Vec<_>>()
    };
    rows.map(cells)
        .filter(|cells| !matches!(cells[0], "id" | "fault"))
}

/// Names of functions in all Rust files of the workspace, and of cases.
fn names() -> std::io::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let members = [
        "monitor-core",
        "monitor-macros",
        "monitor-server",
        "examples",
        "tests",
    ];
    let mut open: Vec<PathBuf> = members.iter().map(|member| root().join(member)).collect();
    while let Some(path) = open.pop() {
        let file = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() && file != "target" {
            for entry in fs::read_dir(path)? {
                open.push(entry?.path());
            }
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(path)?;
            let functions = text.split("fn ").skip(1);
            names.extend(functions.filter_map(|rest| Some(rest.split_once('(')?.0.to_owned())));
        } else {
            let case = file
                .strip_suffix(".expected.json")
                .or_else(|| file.strip_suffix(".json"));
            names.extend(case.map(str::to_owned));
        }
    }
    Ok(names)
}

#[test]
fn every_defect_has_one_row() {
    let listed: Vec<_> = rows(TABLE).map(|cells| cells[0]).collect();
    assert_eq!(listed, IDS.split_whitespace().collect::<Vec<_>>());
}

#[test]
fn what_is_fixed_names_tests_that_exist_and_the_rest_says_why() -> Result {
    let names = names()?;
    for cells in rows(TABLE) {
        // The id, the defect, our behaviour, how, and the tests and cases for it.
        let [id, defect, ours, how, shown] = cells[..] else {
            return Err(format!("a row of {} cells: {cells:?}", cells.len()).into());
        };
        assert!(
            !defect.is_empty() && !how.is_empty(),
            "{id} says too little"
        );
        let shown: Vec<_> = shown.split(", ").filter(|name| !name.is_empty()).collect();
        match ours {
            "fixed" => assert!(!shown.is_empty(), "{id} is shown by nothing"),
            "impossible by construction" | "kept on purpose" | "later" => {}
            other => return Err(format!("{id} is {other:?}").into()),
        }
        for name in shown {
            assert!(
                names.contains(name.trim_matches('`')),
                "{id}: there is no {name}"
            );
        }
    }
    Ok(())
}

#[test]
fn the_tests_that_see_a_fault_exist() -> Result {
    let names = names()?;
    let tests = rows(FAULTS).flat_map(|cells| cells[cells.len() - 1].split(", "));
    for test in tests {
        assert!(names.contains(test.trim_matches('`')), "there is no {test}");
    }
    Ok(())
}

#[test]
fn c9_calls_are_recorded_without_a_server() -> Result {
    let method = Monitor::global().method("WithoutServer")?;
    method.start().finish(Outcome::Success);
    let snapshot = Monitor::global().snapshot();
    let found = snapshot
        .methods
        .iter()
        .find(|found| &*found.name == "WithoutServer");
    assert_eq!(found.map(|found| found.success.count()), Some(1));
    Ok(())
}

#[test]
fn c11_no_workers_is_no_limit() -> Result {
    let mut config = StorageConfig::default();
    config.max_workers = 0;
    let monitor = Monitor::new(config);
    let permits = monitor.method("Get")?.permits();
    let held: Vec<_> = (0..1000).map_while(|_| permits.try_acquire()).collect();
    assert_eq!(held.len(), 1000);
    Ok(())
}

#[test]
fn c13_a_method_named_again_keeps_its_counts() -> Result {
    let mut config = StorageConfig::default();
    config.methods = vec!["Get".into()];
    let monitor = Monitor::new(config.clone());
    monitor.method("Get")?.start().finish(Outcome::Success);
    monitor.configure(config);
    monitor.method("Get")?.start().finish(Outcome::Success);
    assert_eq!(monitor.snapshot().methods[0].started, 2);
    Ok(())
}
