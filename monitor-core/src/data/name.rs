//! What makes any text a valid metric name, label name or label set.

use std::borrow::Cow;
use std::sync::Arc;

use crate::data::buckets::ValueKind;
use crate::data::family::Label;

/// Whether a text is a metric name: `[a-zA-Z_:][a-zA-Z0-9_:]*`.
pub(crate) fn is_metric_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .char_indices()
            .all(|(at, c)| c == ':' || in_alphabet(at, c))
}

/// Whether a text is a label name: `[a-zA-Z_][a-zA-Z0-9_]*`.
pub(crate) fn is_label_name(text: &str) -> bool {
    !text.is_empty() && text.char_indices().all(|(at, c)| in_alphabet(at, c))
}

/// Whether Prometheus itself writes a series of this name for each target, some with its feature `extra-scrape-metrics` only.
/// One of the page's own with the same labels would be taken for it: a gauge `up` decides which targets count as up.
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
    ["seconds", "bytes"].into_iter().find(|unit| {
        name.strip_suffix(unit)
            .is_some_and(|rest| rest.ends_with('_'))
    })
}

/// The unit that the original reads out of a key's name, which decides its histogram's bounds.
pub(crate) fn unit_in(written: &str) -> Option<&'static str> {
    match ValueKind::of(written) {
        ValueKind::Time => Some("seconds"),
        ValueKind::Size => Some("bytes"),
        ValueKind::Plain => None,
    }
}

/// A metric name of any text: what is outside the alphabet becomes `_`.
pub(crate) fn metric_name(text: &str) -> String {
    if text.is_empty() {
        return "_".to_owned();
    }
    text.char_indices()
        .map(|(at, c)| {
            if c == ':' || in_alphabet(at, c) {
                c
            } else {
                '_'
            }
        })
        .collect()
}

/// The family name of a key's name as the original makes it: prefix, lower case, and `_` for the rest.
pub(crate) fn key_name(prefix: &str, written: &str) -> String {
    metric_name(&format!("{prefix}{}", written.to_lowercase()))
}

/// A label set of any names and values, sorted by name; and how many labels were dropped because an earlier one has
/// their name.
pub(crate) fn labels<'a>(written: impl Iterator<Item = (&'a str, &'a str)>) -> (Vec<Label>, u64) {
    let mut labels: Vec<Label> = Vec::new();
    let mut dropped = 0;
    for (name, value) in written {
        let name = label_name(name);
        if labels.iter().any(|label| label.name == name) {
            dropped += 1;
        } else {
            labels.push(Label {
                name: Cow::Owned(name),
                value: Arc::from(value),
            });
        }
    }
    labels.sort();
    (labels, dropped)
}

/// A label name of any text. Names with a meaning of their own (`__name__`, a bucket's `le`, ..) get a prefix.
fn label_name(text: &str) -> String {
    let clean: String = text
        .char_indices()
        .map(|(at, c)| if in_alphabet(at, c) { c } else { '_' })
        .collect();
    let reserved = clean.is_empty()
        || clean.starts_with("__")
        || matches!(&*clean, "le" | "quantile" | "inittime");
    if reserved {
        format!("label_{clean}")
    } else {
        clean
    }
}

fn in_alphabet(at: usize, c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic() || (at > 0 && c.is_ascii_digit())
}
