//! Error types that code names: in a derive of [`MonitorError`](crate::MonitorError), and in the attribute's
//! `error_type` and `expected`.
//!
//! They exist without a line in the configuration. All are known before the first call, and are a closed set; the
//! first [`MAX_DECLARED`] by name are types, so code of any size adds no more than that to each method.
//!
//! A layer that gives calls one of many types, such as `http_503`, names them as [`LateTypes`]: they are known from the
//! start too, but a storage lists one only from its first failure on, so the rest cost no series.

use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use foldhash::fast::RandomState;

use crate::data::status::TaskStatus;

/// The type of calls that a time limit ended.
pub(crate) const TIMEOUT: &str = "timeout";

/// The most types that code adds to the configured ones: each is a series of every method.
pub(crate) const MAX_DECLARED: usize = 256;

/// An error type that code names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeclaredType {
    /// Its name.
    pub name: &'static str,
    /// The status it sets where the configuration does not list it; if not given, `OTHER_EXCEPTION`.
    pub status: Option<TaskStatus>,
    /// Its failures set no status, in every method.
    pub is_expected: bool,
}

impl DeclaredType {
    /// A type that an attribute names.
    pub(crate) const fn new(name: &'static str) -> Self {
        Self {
            name,
            status: None,
            is_expected: false,
        }
    }

    /// With another declaration of the type. Of two statuses the first in the order of rules holds.
    fn merged(self, other: Self) -> Self {
        let rank = |status: &TaskStatus| TaskStatus::ALL.iter().position(|one| one == status);
        let statuses = [self.status, other.status].into_iter().flatten();
        // `OK` is the first of all, and goes last: another declaration knows of an illness.
        let status = statuses.min_by_key(|status| (*status == TaskStatus::Ok, rank(status)));
        Self {
            name: self.name,
            status,
            is_expected: self.is_expected || other.is_expected,
        }
    }
}

/// The types that a derive of `MonitorError` names.
#[derive(Debug)]
pub struct DeclaredTypes(pub &'static [DeclaredType]);

inventory::collect!(DeclaredTypes);

/// The types that derives of `MonitorError` name.
pub(crate) fn derived_types() -> impl Iterator<Item = DeclaredType> {
    let submitted = inventory::iter::<DeclaredTypes>.into_iter();
    submitted.flat_map(|types| types.0).copied()
}

/// Types of failures that code outside of this crate gives to calls by name. A storage lists each from its first
/// failure on. Where the configuration does not list it, its status is `OTHER_EXCEPTION`.
#[derive(Debug)]
pub struct LateTypes(pub &'static [&'static str]);

inventory::collect!(LateTypes);

/// The type of this name, if it is one that a storage lists from its first failure on.
pub(crate) fn late_type(name: &str) -> Option<&'static str> {
    static NAMES: LazyLock<HashSet<&'static str, RandomState>> = LazyLock::new(|| {
        let submitted = inventory::iter::<LateTypes>.into_iter();
        submitted
            .flat_map(|types| types.0)
            .copied()
            .chain([TIMEOUT])
            .collect()
    });
    NAMES.get(name).copied()
}

/// These types by name, each once.
pub(crate) fn merged(types: impl Iterator<Item = DeclaredType>) -> Vec<DeclaredType> {
    let mut by_name: BTreeMap<&str, DeclaredType> = BTreeMap::new();
    for declared in types {
        let known = by_name.get(declared.name);
        let all = known.map_or(declared, |known| known.merged(declared));
        by_name.insert(declared.name, all);
    }
    by_name.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // In no order.
    inventory::submit! { LateTypes(&["late_b", "late_c", "late_a"]) }

    #[test]
    fn a_late_type_is_found_wherever_its_list_has_it() {
        for name in ["late_a", "late_b", "late_c", TIMEOUT] {
            assert_eq!(late_type(name), Some(name));
        }
        assert_eq!(["late_", "late_d", ""].map(late_type), [None; 3]);
    }

    #[test]
    fn declarations_of_one_type_add_up() {
        let with = |name, status, is_expected| DeclaredType {
            name,
            status,
            is_expected,
        };
        let all = [
            with("b", Some(TaskStatus::Ok), false),
            with("a", None, true),
            with("b", Some(TaskStatus::Unknown), false),
            with("a", Some(TaskStatus::Fatal), false),
            with("b", Some(TaskStatus::Fatal), false),
        ];
        let expected = [
            with("a", Some(TaskStatus::Fatal), true),
            with("b", Some(TaskStatus::Fatal), false),
        ];
        assert_eq!(merged(all.into_iter()), expected);
        assert_eq!(merged(all.into_iter().rev()), expected, "in any order");
    }
}
