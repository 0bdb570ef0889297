//! The families of registered metrics: under their own names, unless a key was there first.

use std::borrow::Cow;

use super::Profile;
use super::built_in::built_in;
use super::claims::Claims;
use super::collide::Book;
use super::parts::Parts;
use crate::snapshot::Snapshot;

/// Adds the children of a snapshot's registered metrics. Their names are claimed here, so it comes before keys are placed.
pub(super) fn place<'a>(snapshot: &'a Snapshot, book: &mut Book, parts: &mut Parts<'a>) {
    for metric in &snapshot.values.metrics {
        let family = book.registered(metric);
        for child in &metric.children {
            let labels = book.label_sets().complete_own(&child.labels);
            parts.add_child(family, labels, &child.value);
        }
    }
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
