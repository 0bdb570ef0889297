//! The families of registered metrics: under their own names, unless a key was there first.

use super::collide::Book;
use super::parts::Parts;
use crate::data::snapshot::Snapshot;

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
