//! The naming profiles: from a snapshot to families.

mod collide;
mod label_sets;
mod page;
mod parts;
mod registered;
mod room;

pub use self::collide::Exporter;
pub use crate::data::catalog::Profile;

pub(crate) use self::room::room_for;

use crate::data::catalog;
use crate::data::family::Family;
use crate::data::name::unit_of;
use crate::data::snapshot::Snapshot;
use crate::data::visit::{Collect, Visitor};
use crate::export::exposition::{Encoder, Format};

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
    let specs = Profile::ALL.into_iter().flat_map(catalog::built_in);
    let mut names = specs.map(|family| family.name);
    names.any(|family| family == name || bare(family) == name)
}

/// The families a profile has whatever is recorded, in the order of the page, without children: a page shows those of
/// them that have any.
///
/// # Examples
///
/// ```
/// use monitor_core::names::{Profile, built_in_families};
///
/// let families = built_in_families(Profile::Prometheus);
/// assert!(families.iter().any(|family| family.name == "monitor_requests_total"));
/// ```
pub fn built_in_families(profile: Profile) -> Vec<Family> {
    let specs = catalog::built_in(profile).iter();
    specs
        .map(|spec| Family {
            name: spec.name.into(),
            help: spec.help.into(),
            kind: spec.kind,
            unit: unit_of(spec.name),
            children: Vec::new(),
        })
        .collect()
}

/// The families of a snapshot, as the first page of an [`Exporter`] has them.
///
/// Which of two keys that collide keeps its name is decided anew each time: for pages that follow each other, use one exporter.
pub fn families(snapshot: &Snapshot, profile: Profile) -> Vec<Family> {
    Exporter::new(profile).families(snapshot)
}

impl Exporter {
    /// The families of a snapshot: what every exposition format is written from.
    ///
    /// # Definition
    ///
    /// Built-in families come first, in a fixed order, then registered ones and those of keys in the order they were first
    /// exported (one that comes later may take the place of one that is gone). Families
    /// without children are left out. Each child's labels are sorted and unique, no two children of a family have the
    /// same labels, and no two families claim the same sample name.
    pub fn families(&self, snapshot: &Snapshot) -> Vec<Family> {
        let mut collect = Collect::default();
        self.visit(snapshot, &mut collect);
        collect.families
    }

    /// Appends the page of a snapshot, as [`encode_named`](crate::exposition::encode_named) does with its
    /// [`families`](Self::families), but without making them: in one pass, with nothing allocated but what the page needs. No
    /// names are all.
    pub fn encode(&self, snapshot: &Snapshot, names: &[&str], format: Format, out: &mut Vec<u8>) {
        let mut encoder = Encoder::new(format, names, out);
        self.visit(snapshot, &mut encoder);
        encoder.finish();
    }

    /// Shows the families of a snapshot to a visitor, in the order of [`families`](Self::families).
    pub(crate) fn visit(&self, snapshot: &Snapshot, visitor: &mut impl Visitor) {
        self.with_book(|book| page::visit(snapshot, book, visitor));
    }

    /// Whether one of these families has a name, or a sample's name, that a family of the snapshot's storage has.
    pub(crate) fn clashes<'a>(
        &self,
        snapshot: &Snapshot,
        others: impl IntoIterator<Item = &'a Family>,
    ) -> bool {
        self.with_book(|book| {
            page::place(snapshot, book);
            let mut others = others.into_iter();
            others.any(|family| book.takes_of(family))
        })
    }
}

#[cfg(test)]
pub(crate) mod tests;
