//! One page of several sources: the storage, registries and collectors.
//!
//! [`merge`] is a pure function of the sources' families, and owns them. A [`Page`] spares the storage the way through
//! it as long as no other source has one of its names: its snapshot then is written as it stands, before the others.

use std::collections::HashSet;

use crate::data::family::{Child, ChildValue, Family, FamilyType, Label, Labels};
use crate::data::name::{SampleNames, is_label_name, is_metric_name, is_of_prometheus};
use crate::data::snapshot::Snapshot;
use crate::export::encode::{Encoder, Format, encode_named};
use crate::export::exporter::Exporter;
use crate::export::key_names::series_of;

/// Bytes after which a page that is taken in parts is handed on: they then still are in a processor's own cache.
const PART: usize = 64 << 10;

/// The result of [`merge`].
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Merged {
    /// The families of all sources, each name once: a page of them is valid.
    pub families: Vec<Family>,
    /// Series left out: repeated ones, and those with labels or a value that no page can hold.
    pub dropped_series: u64,
    /// Families left out: of an invalid name, or one that clashes with an earlier family's in type or sample names.
    pub dropped_families: u64,
    /// The first part that was left out, and the reason.
    pub first_left_out: Option<LeftOut>,
}

/// Merges families by name over all sources.
///
/// The first source goes first: give the storage there. A series that is there already is dropped and counted; a family
/// of another type than an earlier one of its name, or with a sample of another's name (a gauge `x_count` beside a
/// histogram `x`), is left out and counted, and so is a family with an invalid name. So is a series that a reader would
/// refuse the whole page for, or take for another one: [`LeftOut`] lists the reasons. The rest is kept.
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
    let mut merged = Merged::default();
    let mut claims = SampleNames::default();
    for family in sources.into_iter().flatten() {
        if !family.children.is_empty() {
            merged.add(family, &mut claims);
        }
    }
    merged.families.retain(|family| !family.children.is_empty());
    merged
}

impl Merged {
    fn add(&mut self, mut family: Family, claims: &mut SampleNames) {
        let children = std::mem::take(&mut family.children);
        let at = match self.find_or_open(family, claims) {
            Ok(at) => at,
            Err(why) => {
                self.dropped_families += 1;
                self.first_left_out.get_or_insert(why);
                return;
            }
        };
        let family = &mut self.families[at];
        let known = family.children.iter();
        let mut series: HashSet<Labels> = known.map(|child| series_of(&child.labels)).collect();
        let are_unique = series.is_empty() && are_in_order(&children);
        for child in children {
            let fault = fault(&child, family).or_else(|| {
                let is_new = are_unique || series.insert(series_of(&child.labels));
                (!is_new).then(|| LeftOut::Repeated {
                    family: family.name.to_string(),
                })
            });
            if let Some(why) = fault {
                self.dropped_series += 1;
                self.first_left_out.get_or_insert(why);
            } else {
                family.children.push(child);
            }
        }
    }

    /// Where a family of this name and type is, or why there can be none.
    fn find_or_open(&mut self, family: Family, claims: &mut SampleNames) -> Result<usize, LeftOut> {
        let name = || family.name.to_string();
        if let Some(at) = claims.owner(&family.name)
            && let known = &self.families[at]
            && (&known.name, known.kind) == (&family.name, family.kind)
        {
            return Ok(at);
        }
        let at = self.families.len();
        if !is_metric_name(&family.name) {
            return Err(LeftOut::Name { family: name() });
        }
        if !claims.claim(&family.name, family.kind, at) {
            return Err(LeftOut::Clash { family: name() });
        }
        self.families.push(family);
        Ok(at)
    }
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
    let is_taken = family.kind.has_plain_samples() && is_of_prometheus(&family.name) && is_bare();
    is_taken.then(|| LeftOut::OfPrometheus { family: name() })
}

/// The first label that no page can hold: its name is none, is reserved, is there twice, or is one that the type's
/// samples have themselves.
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

fn fits(value: &ChildValue, kind: FamilyType) -> bool {
    match value {
        ChildValue::Int(_) | ChildValue::Float(_) => kind.has_plain_samples(),
        ChildValue::Histogram(_) => kind == FamilyType::Histogram,
        ChildValue::Summary { .. } => kind == FamilyType::Summary,
        ChildValue::Timestamped { value, .. } => fits(value, kind),
    }
}

/// The reason why [`merge`] leaves a part out, with its family.
///
/// # Examples
///
/// ```
/// use monitor_core::collector::LeftOut;
///
/// let why = LeftOut::Name { family: "queue-length".to_owned() };
/// assert_eq!(why.to_string(), "`queue-length` is not a metric name");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LeftOut {
    /// A family: a metric name is `[a-zA-Z_:][a-zA-Z0-9_:]*`.
    #[error("`{family}` is not a metric name")]
    Name {
        /// Its name.
        family: String,
    },
    /// A family: an earlier one has this name and another type, or has a sample of a name that its samples can have.
    #[error("the family `{family}` clashes with an earlier one in its type or its samples' names")]
    Clash {
        /// Its name.
        family: String,
    },
    /// A series: a label's name is none, comes twice, begins with `__` (a second `__name__` makes Prometheus refuse the
    /// whole page), or is one that the type's samples have themselves (`le`, `quantile`).
    #[error("a series of `{family}` has the label `{label}`, which no page can hold")]
    Label {
        /// The family's name.
        family: String,
        /// The label's name.
        label: String,
    },
    /// A series: its value is not of its family's type, as where a registry holds two types under one name.
    #[error("a series of `{family}` has a value of another type than its family")]
    Value {
        /// The family's name.
        family: String,
    },
    /// A series: its value is of a time before 1970, which the text format has no way to write.
    #[error("a series of `{family}` has a timestamp before 1970")]
    Time {
        /// The family's name.
        family: String,
    },
    /// A series: without labels, under a name that Prometheus itself writes for each target, as `up`. It would hide
    /// that one.
    #[error("`{family}` without labels is a series that Prometheus writes itself")]
    OfPrometheus {
        /// The family's name.
        family: String,
    },
    /// A series: an earlier one has its name and labels.
    #[error("a series of `{family}` is there already")]
    Repeated {
        /// The family's name.
        family: String,
    },
}

/// The sources of a page.
///
/// The storage is written straight from its snapshot, where no other source has one of its families: then there is
/// nothing to merge it with. Else its families are made and merged with the rest, as by [`merge`].
///
/// # Examples
///
/// ```
/// use monitor_core::collector::Page;
/// use monitor_core::exposition::Format;
/// use monitor_core::names::{Exporter, Profile};
/// use monitor_core::{Monitor, StorageConfig};
///
/// let monitor = Monitor::new(StorageConfig::default());
/// let exporter = Exporter::new(Profile::Servicekit);
/// let page = Page::new(&exporter, monitor.snapshot(), vec![]);
/// let mut text = Vec::new();
/// page.encode(&[], Format::OpenMetrics100, &mut text);
/// assert!(text.ends_with(b"# EOF\n"));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Page<'e> {
    snapshot: Option<(&'e Exporter, Snapshot)>,
    /// The families that are not written from the snapshot, merged.
    pub merged: Merged,
}

impl<'e> Page<'e> {
    /// Puts sources together, the storage first.
    pub fn new(exporter: &'e Exporter, snapshot: Snapshot, others: Vec<Vec<Family>>) -> Self {
        match exporter.families_if_shared(&snapshot, others.iter().flatten()) {
            None => Self {
                snapshot: Some((exporter, snapshot)),
                merged: merge(others),
            },
            Some(families) => Self::of(merge(std::iter::once(families).chain(others).collect())),
        }
    }

    /// A page of these families alone.
    pub fn of(merged: Merged) -> Self {
        Self {
            snapshot: None,
            merged,
        }
    }

    /// Appends the page, or the samples of these names of it: see [`encode_named`](crate::exposition::encode_named).
    pub fn encode(&self, names: &[&str], format: Format, out: &mut Vec<u8>) {
        let others = &self.merged.families;
        match &self.snapshot {
            Some((exporter, snapshot)) => {
                exporter.encode_with(others, snapshot, names, format, out);
            }
            None => encode_named(others, names, format, out),
        }
    }

    /// Hands the page on part by part, of which each is written over the one before: for a caller that compresses it,
    /// and needs it nowhere whole. The parts are of some 64 KiB, and of whole lines. In protobuf, whose families have
    /// their length before them, a large family is one part.
    pub fn encode_in_parts(&self, names: &[&str], format: Format, mut take: impl FnMut(&[u8])) {
        let mut part = Vec::new();
        let encoder = Encoder::new(format, names, &mut part).in_parts(PART, &mut take);
        match &self.snapshot {
            Some((exporter, snapshot)) => exporter.write(&self.merged.families, snapshot, encoder),
            None => encoder.write(&self.merged.families),
        }
    }
}

#[cfg(test)]
mod tests;
