//! Shapes x {compiles, behaves the same, records the right outcome, lints added, lints lost}: each shape of `tests/shapes` is
//! compiled and run without the attribute and with it, and everything said and done is compared. `scripts/test` does so under
//! one setting, `scripts/test --all` under every one.

mod behaviour;
mod cargo;
mod counted;
mod hostile;
mod inferred;
mod levels;
mod lints;
mod matrix;
mod programs;
mod refused;
mod report;
mod source;
mod text;
mod workspace;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use matrix::{Catalog, Extent};
use workspace::shapes_folder;

/// The shapes of the list.
fn listed() -> Vec<String> {
    let text = fs::read_to_string(shapes_folder().join("list.txt")).unwrap_or_default();
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(str::to_owned).collect()
}

#[test]
fn the_list_and_the_files_name_the_same_shapes() {
    let listed: BTreeSet<String> = listed().into_iter().collect();
    let catalog = Catalog::read();
    let covered: BTreeSet<String> = catalog
        .all()
        .flat_map(|source| source.shapes.clone())
        .collect();
    let missing: Vec<_> = listed.difference(&covered).collect();
    let unknown: Vec<_> = covered.difference(&listed).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "no file: {missing:#?}; not in the list: {unknown:#?}"
    );
}

#[test]
fn every_lint_that_is_known_to_be_lost_is_documented() {
    const DOC: &str = include_str!("../../../monitor-macros/src/monitored.md");
    let (_, documented) = DOC.split_once("\n# Lints\n").expect("a list of lints");
    let known = known();
    let mut lints = known.iter().filter_map(|line| line.rsplit_once("clippy::"));
    assert!(lints.clone().count() > 0);
    assert!(lints.all(|(_, lint)| documented.contains(&format!("`{lint}`"))));
}

/// The differences that are known.
fn known() -> Vec<String> {
    let text = fs::read_to_string(shapes_folder().join("known.txt")).unwrap_or_default();
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(str::to_owned).collect()
}

fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("shapes")
}

#[test]
fn every_shape_of_edition_2024_compiles_behaves_and_lints_as_without_the_attribute() {
    let catalog = Catalog::read();
    let report = matrix::check(&catalog, &workspace_root(), Extent::Slice);
    let (fresh, _) = report.against(&known());
    println!("{}", report.table(&[]));
    assert!(fresh.is_empty(), "not all is green: {fresh:#?}");
}

#[test]
#[ignore = "slow matrix: scripts/test --all"]
fn every_shape_compiles_behaves_and_lints_as_without_the_attribute() {
    let catalog = Catalog::read();
    let report = matrix::check(&catalog, &workspace_root(), Extent::All);
    let listed = listed();
    let mut rows = Vec::new();
    for shape in &listed {
        let sources = catalog.all().filter(|source| source.shapes.contains(shape));
        let looked = sources.filter(|source| report.looked(&source.name));
        rows.extend(looked.map(|source| (shape.clone(), source.name.clone())));
    }
    println!("{}", report.table(&rows));
    let covered: BTreeSet<&String> = rows.iter().map(|(shape, _)| shape).collect();
    let (covered, listed) = (covered.len(), listed.len());
    let files = catalog.all().count();
    let (looks, faults) = report.counts();
    println!(
        "shapes: {covered} of {listed} covered by {files} files, {looks} looks, {faults} faults"
    );
    assert_eq!(covered, listed, "not every shape was looked at");
    let known = known();
    let (fresh, gone) = report.against(&known);
    println!("known differences, from known.txt: {}", known.len());
    assert!(fresh.is_empty(), "not all is green: {fresh:#?}");
    assert!(gone.is_empty(), "take off the list: {gone:#?}");
}
