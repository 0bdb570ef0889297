//! Merging of sources: one page of the storage, registries and collectors.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use crate::family::{Child, Family, FamilyType, Label};
use crate::names::{Claims, is_label_name, is_metric_name};

/// What [`merge`] gives.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Merged {
    /// The families of all sources, each name once: a page of them is valid.
    pub families: Vec<Family>,
    /// Series left out: repeated ones, and those with labels no page can hold.
    pub dropped_series: u64,
    /// Families left out: of an invalid name, or one that clashes with an earlier family's in type or sample names.
    pub dropped_families: u64,
}

/// Merges families by name over all sources.
///
/// The first source goes first: give the storage there. A series that is there already is dropped and counted; a
/// family of another type than an earlier one of its name, or with a sample of another's name (a gauge `x_count` beside a
/// histogram `x`), is left out and counted, and so is a family with an invalid name. The rest is kept.
pub fn merge(sources: Vec<Vec<Family>>) -> Merged {
    let mut merge = Merge::default();
    for family in sources.into_iter().flatten() {
        if !family.children.is_empty() {
            merge.add(family);
        }
    }
    let mut merged = merge.merged;
    merged.families.retain(|family| !family.children.is_empty());
    merged
}

#[derive(Default)]
struct Merge {
    merged: Merged,
    claims: Claims,
    by_name: HashMap<String, usize>,
}

impl Merge {
    fn add(&mut self, mut family: Family) {
        let children = std::mem::take(&mut family.children);
        let Some(at) = self.find_or_open(family) else {
            self.merged.dropped_families += 1;
            return;
        };
        let family = &mut self.merged.families[at];
        let kept = {
            let known = family.children.iter().map(|child| identity(&child.labels));
            let known: Identities<'_> = known.collect();
            keep(&children, &known, family.kind)
        };
        let before = children.len();
        let mut kept = kept.into_iter();
        let fresh = children
            .into_iter()
            .filter(|_| kept.next().unwrap_or(false));
        let had = family.children.len();
        family.children.extend(fresh);
        self.merged.dropped_series += (before - (family.children.len() - had)) as u64;
    }

    /// Where a family of this name and type is; `None` if there can be none.
    fn find_or_open(&mut self, family: Family) -> Option<usize> {
        if let Some(&at) = self.by_name.get(&*family.name) {
            return (self.merged.families[at].kind == family.kind).then_some(at);
        }
        let at = self.merged.families.len();
        if !is_metric_name(&family.name) || !self.claims.claim(&family.name, family.kind, at) {
            return None;
        }
        self.by_name.insert(family.name.to_string(), at);
        self.merged.families.push(family);
        Some(at)
    }
}

/// Series of a family, by what tells them apart.
type Identities<'a> = HashSet<Cow<'a, [Label]>>;

/// What tells a series from others: a label with an empty value is none to Prometheus.
fn identity(labels: &[Label]) -> Cow<'_, [Label]> {
    if labels.iter().all(|label| !label.value.is_empty()) {
        return Cow::Borrowed(labels);
    }
    let kept = labels.iter().filter(|label| !label.value.is_empty());
    Cow::Owned(kept.cloned().collect())
}

/// For each child, whether it goes on the page.
fn keep(children: &[Child], known: &Identities<'_>, kind: FamilyType) -> Vec<bool> {
    let of_valid = |child: &Child| are_valid(&child.labels, kind);
    if known.is_empty() && are_in_order(children) {
        return children.iter().map(of_valid).collect();
    }
    let mut fresh = Identities::with_capacity(children.len());
    children
        .iter()
        .map(|child| {
            let series = identity(&child.labels);
            of_valid(child) && !known.contains(&series) && fresh.insert(series)
        })
        .collect()
}

/// Whether each series comes behind the one before it, as most sources give them: then none is there twice.
fn are_in_order(children: &[Child]) -> bool {
    let mut series = children.iter().map(|child| &child.labels);
    series.all(|labels| labels.iter().all(|label| !label.value.is_empty()))
        && children
            .windows(2)
            .all(|pair| pair[0].labels < pair[1].labels)
}

/// Whether a page can hold these labels: valid names, each once, none that the type's samples have themselves.
fn are_valid(labels: &[Label], kind: FamilyType) -> bool {
    let own = match kind {
        FamilyType::Histogram => "le",
        FamilyType::Summary => "quantile",
        FamilyType::Counter | FamilyType::Gauge | FamilyType::Untyped => "",
    };
    labels
        .iter()
        .all(|label| is_label_name(&label.name) && label.name != own)
        && labels.windows(2).all(|pair| pair[0].name < pair[1].name)
}
