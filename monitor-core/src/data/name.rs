//! Names: which texts are metric and label names, how any text becomes one, and which sample names a family takes.
//!
//! There are two alphabets, that of label names and that of metric names, which has the colon too. Checks and
//! sanitizing ask the same two functions. Which valid label names are reserved depends on where the name comes
//! from: see [`is_reserved_label`] for those a program declares, and [`labels`] for those of keys and calls, which are
//! renamed.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::data::buckets::HistogramKind;
use crate::data::catalog::{Namespace, Profile, built_in};
use crate::data::family::{FamilyType, Label};
use crate::data::labels::sort_labels;

/// Whether a text is a metric name: `[a-zA-Z_:][a-zA-Z0-9_:]*`.
pub(crate) fn is_metric_name(text: &str) -> bool {
    !text.is_empty() && text.char_indices().all(is_of_metric_name)
}

/// Whether a text is a label name: `[a-zA-Z_][a-zA-Z0-9_]*`.
pub(crate) fn is_label_name(text: &str) -> bool {
    !text.is_empty() && text.char_indices().all(is_of_label_name)
}

fn is_of_metric_name(character: (usize, char)) -> bool {
    character.1 == ':' || is_of_label_name(character)
}

fn is_of_label_name((at, c): (usize, char)) -> bool {
    c == '_' || c.is_ascii_alphabetic() || (at > 0 && c.is_ascii_digit())
}

/// The text with `_` for each character outside the alphabet.
fn sanitized(text: &str, is_valid: fn((usize, char)) -> bool) -> String {
    let characters = text.char_indices();
    characters
        .map(|(at, c)| if is_valid((at, c)) { c } else { '_' })
        .collect()
}

/// Whether Prometheus itself writes a series of this name for each target, some with its feature `extra-scrape-metrics`
/// only. One of the page's own with the same labels would be taken for it: a gauge `up` decides which targets count as
/// up.
pub(crate) fn is_of_prometheus(name: &str) -> bool {
    matches!(
        name,
        "up" | "scrape_duration_seconds"
            | "scrape_samples_scraped"
            | "scrape_samples_post_metric_relabeling"
            | "scrape_series_added"
            | "scrape_timeout_seconds"
            | "scrape_sample_limit"
            | "scrape_body_size_bytes"
    )
}

/// The unit a family's name ends in, `_total` set aside.
pub(crate) fn unit_of(name: &str) -> Option<&'static str> {
    let name = name.strip_suffix("_total").unwrap_or(name);
    let (_, last) = name.rsplit_once('_')?;
    ["seconds", "bytes"].into_iter().find(|unit| *unit == last)
}

/// The unit that the original reads out of a key's name, which decides its histogram's bounds.
pub(crate) fn unit_in(written: &str) -> Option<&'static str> {
    match HistogramKind::of(written) {
        HistogramKind::Time => Some("seconds"),
        HistogramKind::Size => Some("bytes"),
        HistogramKind::Plain => None,
    }
}

/// A metric name of any text: characters outside the alphabet become `_`.
pub(crate) fn metric_name(text: &str) -> String {
    if text.is_empty() {
        return "_".to_owned();
    }
    sanitized(text, is_of_metric_name)
}

/// The family name of a key's name as the original makes it: prefix, lower case, and `_` for the rest.
pub(crate) fn key_name(prefix: &str, written: &str) -> String {
    metric_name(&format!("{prefix}{}", written.to_lowercase()))
}

/// A label set of any names and values, sorted by name; and how many labels were dropped because an earlier one has
/// their name. Names that mean something to readers of pages (`__name__`, a bucket's `le`, ..) get a prefix.
pub(crate) fn labels<'a>(written: impl Iterator<Item = (&'a str, &'a str)>) -> (Vec<Label>, u64) {
    let mut labels: Vec<Label> = Vec::new();
    let mut dropped = 0;
    for (name, value) in written {
        let mut name = sanitized(name, is_of_label_name);
        if name.is_empty() || has_meaning(&name) {
            name.insert_str(0, "label_");
        }
        if labels.iter().any(|label| label.name == name) {
            dropped += 1;
        } else {
            labels.push(Label::new(name, value));
        }
    }
    sort_labels(&mut labels);
    (labels, dropped)
}

/// Whether a label of this name means something to readers of pages, or to the original.
fn has_meaning(label: &str) -> bool {
    label.starts_with("__") || matches!(label, "le" | "quantile" | "inittime")
}

/// Whether a program must not declare a label of this name, because it has a meaning of its own on a page.
pub(crate) fn is_reserved_label(name: &str) -> bool {
    // `_name_` would be `__name__` under the escaping scheme `dots`.
    has_meaning(name) || matches!(name, "overflow" | "_name_")
}

/// The name `OpenMetrics` gives a family: a counter's without its `_total`.
///
/// A counter that does not end in `_total` (or is nothing else) keeps its name; it is typed `unknown` there.
pub(crate) fn openmetrics_name(name: &str, kind: FamilyType) -> &str {
    match (kind, name.strip_suffix("_total")) {
        (FamilyType::Counter, Some(base)) if !base.is_empty() => base,
        _ => name,
    }
}

/// The sample names taken on a page, and by which family, so that no two families of a page can clash.
///
/// # Definition
///
/// A family takes its name and each name its samples could have in any format, `_created` included, because strict
/// `OpenMetrics` parsers refuse a page where two families' sets meet, whether or not both samples are there.
#[derive(Debug, Default)]
pub(crate) struct SampleNames {
    taken: HashMap<Box<str>, usize>,
}

impl SampleNames {
    /// The family that took this name.
    pub(crate) fn owner(&self, name: &str) -> Option<usize> {
        self.taken.get(name).copied()
    }

    /// Those sample names of a family that are taken, and by which families.
    pub(crate) fn in_the_way(
        &self,
        name: &str,
        kind: FamilyType,
    ) -> impl Iterator<Item = (Box<str>, usize)> {
        sample_names(name, kind).filter_map(|name| self.owner(&name).map(|owner| (name, owner)))
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

    /// Takes all names of a family for `id`; takes none and returns false if one of them is taken.
    pub(crate) fn claim(&mut self, name: &str, kind: FamilyType, id: usize) -> bool {
        let is_free = self.in_the_way(name, kind).next().is_none();
        if is_free {
            self.reserve(name, kind, id);
        }
        is_free
    }
}

fn sample_names(name: &str, kind: FamilyType) -> impl Iterator<Item = Box<str>> {
    let base = openmetrics_name(name, kind);
    let suffixes: &[&str] = match kind {
        FamilyType::Counter if base.len() < name.len() => &["", "_total", "_created"],
        FamilyType::Histogram => &["", "_bucket", "_count", "_sum", "_created"],
        FamilyType::Summary => &["", "_count", "_sum", "_created"],
        FamilyType::Counter | FamilyType::Gauge | FamilyType::Untyped => &[""],
    };
    suffixes
        .iter()
        .map(move |suffix| format!("{base}{suffix}").into())
}

/// The names of the built-in families of all profiles, under the default namespace, as taken, and those families by the
/// numbers they took them under.
pub(crate) fn built_in_claims() -> (SampleNames, Vec<Cow<'static, str>>) {
    let mut taken = SampleNames::default();
    let mut families = Vec::new();
    for spec in Profile::ALL.into_iter().flat_map(built_in) {
        let name = spec.name(&Namespace::default());
        taken.reserve(&name, spec.kind, families.len());
        families.push(name);
    }
    (taken, families)
}
