//! What families make of keys: which are written alike, the key of the overflow, and warnings of what is left out.

use crate::data::key::{DroppedPart, StatKey};

/// The key of a family's overflow child.
pub(super) fn overflow_key(name: &str) -> String {
    StatKey::write(name, &[("overflow", "true")])
}

/// A name's letters as every exposition writes them, so that names written alike are one family.
pub(super) fn written_alike(name: &str) -> impl Iterator<Item = char> {
    let legal = |letter: char| letter.is_ascii_alphanumeric() || letter == ':';
    name.chars()
        .flat_map(char::to_lowercase)
        .map(move |letter| if legal(letter) { letter } else { '_' })
}

/// Warns of a key whose value is a gauge, in the original's words.
pub(super) fn warn_of_gauge_key(key: &StatKey) {
    for part in key.dropped() {
        match part {
            DroppedPart::Malformed(part) => {
                tracing::warn!("Label {part} has bad format. Must be <label2name__label2value>.");
            }
            DroppedPart::Repeated(name) => warn_of_repeated(name, key),
        }
    }
}

/// Warns of a key whose value is a histogram, in the original's words.
pub(super) fn warn_of_histogram_key(key: &StatKey) {
    for part in key.dropped() {
        match part {
            DroppedPart::Malformed(part) => {
                tracing::warn!(
                    "The label {part} is not in the correct format. It should be <label2name__label2value>."
                );
            }
            DroppedPart::Repeated(name) => warn_of_repeated(name, key),
        }
    }
}

/// Warns of a family of means that is full, of which this is a key.
pub(super) fn warn_of_full_means(key: &StatKey) {
    tracing::warn!(
        family = key.name(),
        "more label sets than max_series in the points of `stats`: further ones have one mean, under overflow=\"true\""
    );
}

fn warn_of_repeated(name: &str, key: &StatKey) {
    tracing::warn!(
        key = &*key.raw,
        "label {name} is there more than once: the first counts"
    );
}
