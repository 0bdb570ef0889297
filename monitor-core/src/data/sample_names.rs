//! Which sample names a family takes, so that no two families of a page can clash.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::data::catalog::{Profile, built_in};
use crate::data::family::FamilyType;

/// The name `OpenMetrics` gives a family: a counter's without its `_total`.
///
/// A counter that does not end in `_total` (or is nothing else) keeps its name; it is typed `unknown` there.
pub(crate) fn openmetrics_name(name: &str, kind: FamilyType) -> &str {
    match (kind, name.strip_suffix("_total")) {
        (FamilyType::Counter, Some(base)) if !base.is_empty() => base,
        _ => name,
    }
}

/// The names taken on a page, and by which family.
///
/// # Definition
///
/// A family takes its name and each name its samples could have in any format, `_created` included, because strict
/// `OpenMetrics` parsers refuse a page where two families' sets meet, whether or not both samples are there.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    taken: HashMap<Box<str>, usize>,
}

impl Claims {
    /// The family that took this name.
    pub(crate) fn owner(&self, name: &str) -> Option<usize> {
        self.taken.get(name).copied()
    }

    /// The families that took one of this family's names.
    pub(crate) fn owners(&self, name: &str, kind: FamilyType) -> impl Iterator<Item = usize> {
        let names = sample_names(name, kind).into_iter();
        names.filter_map(|name| self.owner(&name))
    }

    /// The first sample name of a family that is taken, and by which family.
    pub(crate) fn in_the_way(&self, name: &str, kind: FamilyType) -> Option<(Box<str>, usize)> {
        let mut names = sample_names(name, kind).into_iter();
        names.find_map(|name| self.owner(&name).map(|owner| (name, owner)))
    }

    /// Takes those names of a family for `id` that are free.
    pub(crate) fn reserve(&mut self, name: &str, kind: FamilyType, id: usize) {
        for name in sample_names(name, kind) {
            self.taken.entry(name).or_insert(id);
        }
    }

    /// Gives back all names of a family.
    pub(crate) fn release(&mut self, name: &str, kind: FamilyType) {
        for name in sample_names(name, kind) {
            self.taken.remove(&name);
        }
    }

    /// Takes all names of a family for `id`; takes none and says `false` if one of them is taken.
    pub(crate) fn claim(&mut self, name: &str, kind: FamilyType, id: usize) -> bool {
        let names = sample_names(name, kind);
        if names.iter().any(|name| self.taken.contains_key(name)) {
            return false;
        }
        self.taken.extend(names.into_iter().map(|name| (name, id)));
        true
    }
}

fn sample_names(name: &str, kind: FamilyType) -> Vec<Box<str>> {
    let base = openmetrics_name(name, kind);
    let suffixes: &[&str] = match kind {
        FamilyType::Counter if base.len() < name.len() => &["", "_total", "_created"],
        FamilyType::Histogram => &["", "_bucket", "_count", "_sum", "_created"],
        FamilyType::Summary => &["", "_count", "_sum", "_created"],
        FamilyType::Counter | FamilyType::Gauge | FamilyType::Untyped => &[""],
    };
    suffixes
        .iter()
        .map(|suffix| format!("{base}{suffix}").into_boxed_str())
        .collect()
}

/// Claims that hold the names of the built-in families of all profiles, and those families by the numbers they claimed
/// under.
pub(crate) fn built_in_claims() -> (Claims, Vec<Cow<'static, str>>) {
    let mut claims = Claims::default();
    let mut families = Vec::new();
    for spec in Profile::ALL.into_iter().flat_map(built_in) {
        claims.reserve(spec.name, spec.kind, families.len());
        families.push(Cow::Borrowed(spec.name));
    }
    (claims, families)
}
