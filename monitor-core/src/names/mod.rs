//! The naming profiles: from a snapshot to families.

mod built_in;
mod claims;
mod clean;
mod collide;
mod label_sets;
mod registered;
mod servicekit;

use std::fmt;

pub use self::collide::Names;

pub(crate) use self::claims::{Claims, openmetrics_name};
pub(crate) use self::clean::{is_label_name, is_metric_name, unit_of};
pub(crate) use self::registered::built_in_claims;

use crate::family::Family;
use crate::snapshot::Snapshot;

/// Under which names a storage is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Profile {
    /// The names, labels and help texts of the original, so that dashboards and autoscaling rules carry over.
    #[default]
    Servicekit,
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Servicekit => "servicekit",
        })
    }
}

/// Whether a family that is there whatever is recorded has this name, with or without a counter's `_total`.
///
/// # Examples
///
/// ```
/// use monitor_core::names::is_built_in;
///
/// assert!(is_built_in("tasks_count") && is_built_in("started_total") && is_built_in("started"));
/// assert!(!is_built_in("gpu_count"));
/// ```
pub fn is_built_in(name: &str) -> bool {
    let bare = |name: &'static str| name.strip_suffix("_total").unwrap_or(name);
    let mut names = built_in::BUILT_IN.iter().map(|family| family.name);
    names.any(|family| family == name || bare(family) == name)
}

/// The families of a snapshot: what every exposition format is written from.
///
/// # Definition
///
/// Built-in families come first, in a fixed order, then those of keys in the order they were first exported, then the
/// registered ones in the order they were registered. Families
/// without children are left out. Each child's labels are sorted and unique, no two children of a family have the
/// same labels, and no two families claim the same sample name: see [`Names`] for what happens to keys that collide.
///
/// # Consistency
///
/// A pure function of the snapshot but for one thing: where a key was placed is remembered in
/// [`Snapshot::names`], which all snapshots of a storage share, so a series keeps its name for the life of the process.
pub fn families(snapshot: &Snapshot, profile: Profile) -> Vec<Family> {
    match profile {
        Profile::Servicekit => snapshot
            .names
            .with_servicekit(|book| servicekit::families(snapshot, book)),
    }
}

#[cfg(test)]
pub(crate) mod tests;
