//! Merging of sources: one page of the storage, registries and collectors.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::left_out::LeftOut;
use crate::data::family::{Child, ChildValue, Family, FamilyType, Label};
use crate::data::name::{is_label_name, is_metric_name, is_of_prometheus};
use crate::data::sample_names::Claims;

/// What [`merge`] gives.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Merged {
    /// The families of all sources, each name once: a page of them is valid.
    pub families: Vec<Family>,
    /// Series left out: repeated ones, and those with labels or a value that no page can hold.
    pub dropped_series: u64,
    /// Families left out: of an invalid name, or one that clashes with an earlier family's in type or sample names.
    pub dropped_families: u64,
    /// The first of what was left out, and why.
    pub first_left_out: Option<LeftOut>,
}

/// Merges families by name over all sources.
///
/// The first source goes first: give the storage there. A series that is there already is dropped and counted; a
/// family of another type than an earlier one of its name, or with a sample of another's name (a gauge `x_count` beside a
/// histogram `x`), is left out and counted, and so is a family with an invalid name. So is a series that a reader would refuse
/// the whole page for, or take for another one: [`LeftOut`] lists the reasons. The rest is kept.
///
/// # Examples
///
/// ```
/// use monitor_core::collector::{gather, merge};
///
/// let opts = prometheus::Opts::new("jobs", "Jobs.").const_label("__name__", "x");
/// let registry = prometheus::Registry::new();
/// registry.register(Box::new(prometheus::Gauge::with_opts(opts)?))?;
/// let merged = merge(vec![gather(&registry)?]);
/// assert_eq!((merged.families.len(), merged.dropped_series), (0, 1));
/// let why = merged.first_left_out.expect("a reason").to_string();
/// assert_eq!(why, "a series of `jobs` has the label `__name__`, which no page can hold");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
        let at = match self.find_or_open(family) {
            Ok(at) => at,
            Err(why) => {
                self.merged.dropped_families += 1;
                self.note(why);
                return;
            }
        };
        let family = &self.merged.families[at];
        let faults = {
            let known = family.children.iter().map(|child| identity(&child.labels));
            let known: Identities<'_> = known.collect();
            faults(&children, &known, family)
        };
        for (child, fault) in children.into_iter().zip(faults) {
            if let Some(why) = fault {
                self.merged.dropped_series += 1;
                self.note(why);
            } else {
                self.merged.families[at].children.push(child);
            }
        }
    }

    fn note(&mut self, why: LeftOut) {
        self.merged.first_left_out.get_or_insert(why);
    }

    /// Where a family of this name and type is, or why there can be none.
    fn find_or_open(&mut self, family: Family) -> Result<usize, LeftOut> {
        let name = || family.name.to_string();
        if let Some(&at) = self.by_name.get(&*family.name) {
            let is_same = self.merged.families[at].kind == family.kind;
            return is_same
                .then_some(at)
                .ok_or_else(|| LeftOut::Clash { family: name() });
        }
        let at = self.merged.families.len();
        if !is_metric_name(&family.name) {
            return Err(LeftOut::Name { family: name() });
        }
        if !self.claims.claim(&family.name, family.kind, at) {
            return Err(LeftOut::Clash { family: name() });
        }
        self.by_name.insert(name(), at);
        self.merged.families.push(family);
        Ok(at)
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

/// For each child, why it does not go on the page, if it does not.
fn faults(children: &[Child], known: &Identities<'_>, family: &Family) -> Vec<Option<LeftOut>> {
    let fault = |child: &Child| fault(child, family);
    if known.is_empty() && are_in_order(children) {
        return children.iter().map(fault).collect();
    }
    let mut fresh = Identities::with_capacity(children.len());
    let mut all = Vec::with_capacity(children.len());
    for child in children {
        all.push(fault(child).or_else(|| {
            let series = identity(&child.labels);
            let is_new = !known.contains(&series) && fresh.insert(series);
            (!is_new).then(|| LeftOut::Repeated {
                family: family.name.to_string(),
            })
        }));
    }
    all
}

/// Whether each series comes behind the one before it, as most sources give them: then none is there twice.
fn are_in_order(children: &[Child]) -> bool {
    let mut series = children.iter().map(|child| &child.labels);
    series.all(|labels| labels.iter().all(|label| !label.value.is_empty()))
        && children
            .windows(2)
            .all(|pair| pair[0].labels < pair[1].labels)
}

/// Why no page can hold a child, if none can.
fn fault(child: &Child, family: &Family) -> Option<LeftOut> {
    let name = || family.name.to_string();
    if let Some(label) = bad_label(&child.labels, family.kind) {
        let (family, label) = (name(), label.to_string());
        return Some(LeftOut::Label { family, label });
    }
    if !fits(&child.value, family.kind) {
        return Some(LeftOut::Value { family: name() });
    }
    if let ChildValue::Timestamped { milliseconds, .. } = child.value
        && milliseconds < 0
    {
        return Some(LeftOut::Time { family: name() });
    }
    let is_bare = || child.labels.iter().all(|label| label.value.is_empty());
    let is_taken = has_bare_samples(family.kind) && is_of_prometheus(&family.name) && is_bare();
    is_taken.then(|| LeftOut::OfPrometheus { family: name() })
}

/// The first label that no page can hold: its name is none, is reserved, is there twice, or is one that the type's samples have
/// themselves.
///
/// Prometheus refuses a whole page for a name that comes twice, and `__name__` is there in the sample's own name;
/// `prometheus_client` does so for any name that begins with `__`, which are for a reader's own use.
fn bad_label(labels: &[Label], kind: FamilyType) -> Option<&str> {
    let own = match kind {
        FamilyType::Histogram => "le",
        FamilyType::Summary => "quantile",
        FamilyType::Counter | FamilyType::Gauge | FamilyType::Untyped => "",
    };
    let is_bad = |name: &str| !is_label_name(name) || name.starts_with("__") || name == own;
    let bad = labels.iter().find(|label| is_bad(&label.name));
    let twice = || labels.windows(2).find(|pair| pair[0].name >= pair[1].name);
    bad.or_else(|| twice().map(|pair| &pair[1]))
        .map(|label| &*label.name)
}

fn has_bare_samples(kind: FamilyType) -> bool {
    use FamilyType::{Counter, Gauge, Untyped};
    matches!(kind, Counter | Gauge | Untyped)
}

fn fits(value: &ChildValue, kind: FamilyType) -> bool {
    match value {
        ChildValue::Int(_) | ChildValue::Float(_) => has_bare_samples(kind),
        ChildValue::Histogram(_) => kind == FamilyType::Histogram,
        ChildValue::Summary { .. } => kind == FamilyType::Summary,
        ChildValue::Timestamped { value, .. } => fits(value, kind),
    }
}
