//! The families of registered metrics: under their own names, unless a key was there first.

use std::borrow::Cow;

use super::built_in::BUILT_IN;
use super::claims::Claims;
use super::collide::Book;
use crate::family::{Child, Family};
use crate::snapshot::Snapshot;

/// The families of the snapshot's registered metrics. Their names are claimed here, so it is called before keys are
/// placed.
pub(super) fn families(snapshot: &Snapshot, book: &mut Book) -> Vec<Family> {
    let mut families = Vec::new();
    for metric in &snapshot.values.metrics {
        let at = book.registered(&metric.name, &metric.help, metric.kind);
        let children = metric.children.iter().map(|child| Child {
            labels: book.complete_own(&child.labels),
            value: child.value.clone(),
        });
        let children: Vec<Child> = children.collect();
        if children.is_empty() {
            continue;
        }
        let entry = &book.entries()[at];
        families.push(Family {
            name: entry.name.clone(),
            help: entry.help.clone(),
            kind: entry.kind,
            // A name by hash does not end in it.
            unit: metric.unit.filter(|_| *entry.name == *metric.name),
            children,
        });
    }
    families
}

/// Claims that hold the names of the built-in families, and those families by the numbers they claimed under.
pub(crate) fn built_in_claims() -> (Claims, Vec<Cow<'static, str>>) {
    let mut claims = Claims::default();
    let mut families = Vec::new();
    for spec in &BUILT_IN {
        claims.claim(spec.name, spec.kind, families.len());
        families.push(Cow::Borrowed(spec.name));
    }
    (claims, families)
}
