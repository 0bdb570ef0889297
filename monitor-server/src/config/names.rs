//! Which names a `service info` gauge may have, and which key was meant.

use monitor_core::names::is_built_in;

use crate::process::is_family;

/// All families that user code or the server itself makes begin with one of these.
const RESERVED: &[&str] = &["stats_", "monitor_"];

/// Endings of the samples that a family of one of these names derives.
const DERIVED: &[&str] = &["_total", "_created", "_bucket", "_sum", "_count"];

/// The family of the original that may be named and is overwritten.
pub(super) const OVERWRITTEN: &str = "service_threads";

/// Whether a gauge may have this name; if not, what is expected of one.
pub(super) fn check(name: &str) -> Result<(), &'static str> {
    let valid = |(index, c): (usize, char)| {
        c.is_ascii_alphabetic() || "_:".contains(c) || (index > 0 && c.is_ascii_digit())
    };
    if name.is_empty() || !name.chars().enumerate().all(valid) {
        return Err("a metric name (letters, digits, `_` and `:`, no digit first)");
    }
    let base = DERIVED
        .iter()
        .find_map(|ending| name.strip_suffix(ending))
        .unwrap_or(name);
    // That one may be given: as in the original its value is then overwritten.
    let is_taken = |name| is_built_in(name) || is_family(name);
    let taken = base != OVERWRITTEN && (is_taken(name) || is_taken(base));
    if taken || RESERVED.iter().any(|prefix| name.starts_with(prefix)) {
        return Err("a name that no built-in metric has");
    }
    Ok(())
}

/// The known key most like the one written: least letters to change.
pub(super) fn nearest(written: &str, known: &[&'static str]) -> &'static str {
    let written = written.to_lowercase().replace(['-', ' '], "_");
    let distance = |key: &&&str| edits(&written, &key.replace(' ', "_"));
    known
        .iter()
        .min_by_key(distance)
        .copied()
        .unwrap_or_default()
}

/// The Levenshtein distance, on the first 64 characters.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, c) in from.chars().take(64).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, d) in to.iter().enumerate() {
            let changed = diagonal + usize::from(c != *d);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}
