//! `docs/metrics.md` against the code: every family there is, in both profiles, with its type, and no other.

use std::collections::BTreeMap;

use monitor_core::family::FamilyType;
use monitor_core::names::{Profile, built_in_families};

const DOC: &str = include_str!("../../docs/metrics.md");

/// The rows of all tables as cells, without heads.
fn rows() -> impl Iterator<Item = Vec<&'static str>> {
    let tables = DOC
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows = tables.map(|row| row.split(" | ").map(str::trim).collect::<Vec<_>>());
    rows.filter(|cells| !cells.iter().all(|cell| cell.starts_with("---")))
}

/// The one name a cell holds, if it is a name and no expression or pattern.
fn name(cell: &str) -> Option<&str> {
    let name = cell.strip_prefix('`')?.strip_suffix('`')?;
    let is_plain = name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    (is_plain && name.contains('_')).then_some(name)
}

fn kind(kind: FamilyType) -> &'static str {
    match kind {
        FamilyType::Counter => "counter",
        FamilyType::Gauge => "gauge",
        FamilyType::Histogram => "histogram",
        _ => "another",
    }
}

/// The families a column of names documents, with the type in the column behind it.
fn documented(profile: Profile) -> BTreeMap<&'static str, &'static str> {
    let mut found = BTreeMap::new();
    for cells in rows() {
        // Tables of both profiles have two columns for each; the others one pair of columns for both.
        let at = match profile {
            Profile::Prometheus if cells.len() > 4 => 2,
            _ => 0,
        };
        if let (Some(name), Some(kind)) =
            (cells.get(at).and_then(|cell| name(cell)), cells.get(at + 1))
            && *kind != "-"
        {
            found.insert(name, *kind);
        }
    }
    found
}

#[test]
fn every_built_in_family_is_documented_with_its_type_and_no_other() {
    for profile in Profile::ALL {
        let families = built_in_families(profile);
        let families: BTreeMap<&str, &str> = families
            .iter()
            .map(|family| (&*family.name, kind(family.kind)))
            .collect();
        assert!(families.len() > 15);
        assert_eq!(documented(profile), families, "profile {profile}");
    }
}
