//! One page of several sources: a storage's snapshot as it stands, and what is merged beside it.

use super::merge::{Merged, merge};
use crate::data::family::Family;
use crate::data::snapshot::Snapshot;
use crate::export::exposition::{Encoder, Format};
use crate::export::names::{Exporter, room_for};

/// What a page is written from.
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
        let is_alone = !exporter.clashes(&snapshot, others.iter().flatten());
        let (snapshot, sources) = if is_alone {
            (Some((exporter, snapshot)), others)
        } else {
            let storage = exporter.families(&snapshot);
            (None, std::iter::once(storage).chain(others).collect())
        };
        Self {
            snapshot,
            merged: merge(sources),
        }
    }

    /// A page of these families alone.
    pub fn of(merged: Merged) -> Self {
        Self {
            snapshot: None,
            merged,
        }
    }

    /// Appends the page, or the samples of these names of it: see [`encode_named`](crate::export::exposition::encode_named).
    pub fn encode(&self, names: &[&str], format: Format, out: &mut Vec<u8>) {
        let mut encoder = Encoder::new(format, names, out);
        encoder.leave_room(room_for(&self.merged.families));
        self.write(encoder);
    }

    /// Hands the page on part by part, of which each is written over the one before: for who compresses it, and needs it
    /// nowhere whole. The parts are of some 64 KiB, and of whole lines.
    pub fn encode_in_parts(&self, names: &[&str], format: Format, mut take: impl FnMut(&[u8])) {
        let mut part = Vec::new();
        self.write(Encoder::new(format, names, &mut part).in_parts(&mut take));
    }

    fn write(&self, mut encoder: Encoder<'_>) {
        if let Some((exporter, snapshot)) = &self.snapshot {
            exporter.visit(snapshot, &mut encoder);
        }
        encoder.families(&self.merged.families);
        encoder.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::catalog::Profile;
    use crate::data::family::{Child, ChildValue, FamilyType};
    use crate::recording::exemplar::Exemplar;
    use crate::{Monitor, Outcome, StorageConfig};

    fn gauge(name: &'static str) -> Family {
        Family {
            name: name.into(),
            help: "A gauge.".into(),
            kind: FamilyType::Gauge,
            unit: None,
            children: vec![Child {
                labels: [].into(),
                value: ChildValue::Int(7),
            }],
        }
    }

    fn used() -> Monitor {
        let monitor = Monitor::new(StorageConfig::default());
        let method = monitor.method("Get").expect("a valid name");
        monitor.set_exemplars(|| Some(Exemplar::new([("trace_id", "4bf92f")])));
        method.start().finish(Outcome::Success);
        method.start().finish(Outcome::ErrorType("other"));
        monitor.set_stats("jobs", 3).expect("a free key");
        monitor
    }

    #[test]
    fn a_page_is_the_same_whether_the_storage_is_merged_or_not() {
        let snapshot = used().snapshot();
        for (other, whole) in [
            (gauge("mine"), false),
            (gauge("stats_jobs"), true),
            (gauge("tasks_count"), true),
            (gauge("stats_hist_time_full_count"), true),
        ] {
            for profile in Profile::ALL {
                let others = vec![vec![other.clone()]];
                let exporter = Exporter::new(profile);
                let page = Page::new(&exporter, snapshot.clone(), others.clone());
                let is_whole = page.snapshot.is_none();
                assert_eq!(
                    is_whole,
                    whole && profile == Profile::Servicekit,
                    "{}",
                    other.name
                );
                let all = std::iter::once(exporter.families(&snapshot)).chain(others);
                let merged = merge(all.collect());
                for format in [Format::Text004, Format::OpenMetrics100] {
                    let (mut one, mut text) = (Vec::new(), Vec::new());
                    page.encode(&[], format, &mut one);
                    crate::export::exposition::encode(&merged.families, format, &mut text);
                    let mut parts = Vec::new();
                    page.encode_in_parts(&[], format, |part| parts.extend_from_slice(part));
                    assert_eq!(parts, one);
                    let count = one.windows(4).filter(|four| four == b" # {").count();
                    let kept = snapshot.methods[0].exemplars.len();
                    let wanted = if format == Format::Text004 { 0 } else { kept };
                    assert_eq!((count, kept > 0), (wanted, true), "{}", other.name);
                    assert_eq!(String::from_utf8(one), String::from_utf8(text));
                }
                assert_eq!(page.merged.dropped_series, merged.dropped_series);
                assert_eq!(page.merged.dropped_families, merged.dropped_families);
            }
        }
    }
}
