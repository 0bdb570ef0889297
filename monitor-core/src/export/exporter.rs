//! The exporter: the state that is kept from page to page of one storage under one profile.
//!
//! It owns the names and the label text ([`NameRegistry`]) behind one mutex, which a page holds from its first key to
//! its last line: pages of one exporter are made one after the other. The snapshot is the caller's, so a page
//! shows the storage at that moment, without updates made meanwhile.

use crate::base::sync::{AtomicUsize, Mutex, Relaxed, lock};
use crate::data::catalog::{Namespace, Profile};
use crate::data::family::Family;
use crate::data::snapshot::Snapshot;
use crate::export::bucket_lines::PageBuckets;
use crate::export::encode::{Encoder, Format};
use crate::export::key_names::NameRegistry;
use crate::export::page::{self, PageParts};

pub use crate::export::key_names::{built_in_families, is_built_in};

/// Room behind the end of a page: a histogram's lines are written where there is room for longer ones.
const MARGIN: usize = 4096;

/// Exports the snapshots of one storage under one profile, and remembers where each key is exported, so that a series
/// keeps its name from page to page.
///
/// Any text can be a key, but not any set of families is a valid page. So the first key owns a family. A key whose
/// sanitised name, type or derived sample (`_bucket`, `_sum`, `_count`, `_created`, `_total`) collides with another's,
/// with a built-in family or with one of the server's own, or whose series another key already has, is exported as
/// `stats_key_<hash>` with the key in the help text, and reported once through `tracing`.
///
/// # Definition
///
/// *First* is decided when a key is first exported: keys met at the same scrape go in the snapshot's order. A
/// decision stays, also when the owner is gone for a while, until a key is removed, or the series that are gone
/// outnumber those that are present by more than 4,096: then those that are gone are forgotten. `<hash>` is the 32-bit
/// FNV-1a hash of the key as written, 8 hexadecimal digits (of the key with `#1`, `#2`, .. at its end while that family
/// is taken too). A value a call observed counts as the key the original makes of it: with `___method__<method>` at its
/// end, and the call's own labels behind that.
///
/// # Examples
///
/// ```
/// use monitor_core::exposition::Format;
/// use monitor_core::names::{Exporter, Profile};
/// use monitor_core::{Monitor, StorageConfig};
///
/// let monitor = Monitor::new(StorageConfig::default());
/// let exporter = Exporter::new(Profile::Prometheus);
/// monitor.set_stats("jobs", 3)?;
/// let mut page = Vec::new();
/// exporter.encode(&monitor.snapshot(), &["service_value_jobs"], Format::Text004, &mut page);
/// assert!(page.ends_with(b"\nservice_value_jobs 3\n"));
/// # Ok::<(), monitor_core::StatsError>(())
/// ```
#[derive(Debug)]
pub struct Exporter {
    profile: Profile,
    registry: Mutex<NameRegistry>,
    /// Bytes of the last whole page of lines, and of messages; 0 before the first. `Relaxed`: it only saves copying.
    last_pages: [AtomicUsize; 2],
}

impl Exporter {
    /// An exporter that has exported nothing yet.
    pub fn new(profile: Profile) -> Self {
        Self {
            profile,
            registry: Mutex::new(NameRegistry::new(profile, Namespace::default())),
            last_pages: [0; 2].map(AtomicUsize::new),
        }
    }

    /// The names it exports under.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// How many labels were dropped because an earlier label of the same key has their name. A key counts each time it
    /// is placed: at its first page, and again after all keys were placed anew or it was forgotten.
    pub fn dropped_labels(&self) -> u64 {
        lock(&self.registry).dropped_labels
    }

    /// Keeps the names of these families, and of their samples, free of keys and registered metrics: for families that
    /// stand on the storage's pages without being the storage's, as those of the server do. A key or metric that has
    /// such a name already is exported under its hash from now on. The storage's built-in families keep their names.
    ///
    /// For good: a family that is missing on a page now and then keeps its name all the same.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::names::{Exporter, Profile};
    /// use monitor_core::{Monitor, StorageConfig};
    ///
    /// let monitor = Monitor::new(StorageConfig::default());
    /// monitor.register_gauge(monitor_core::metric::MetricDesc::new("disk_free", "Free space."))?;
    /// let snapshot = monitor.snapshot();
    /// let exporter = Exporter::new(Profile::default());
    /// let others = exporter.families(&snapshot);
    /// exporter.reserve(others.iter().filter(|family| family.name == "disk_free"));
    /// let families = exporter.families(&snapshot);
    /// assert!(families.iter().all(|family| family.name != "disk_free"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reserve<'a>(&self, families: impl IntoIterator<Item = &'a Family>) {
        lock(&self.registry).reserve(families);
    }

    /// The families of a snapshot: the source of every exposition format.
    ///
    /// # Definition
    ///
    /// Built-in families come first, in a fixed order, then registered ones and those of keys in the order they were
    /// first exported (one that comes later may take the place of one that is gone). Families without children are left
    /// out. Each child's labels are sorted and unique, no two children of a family have the same labels, and no two
    /// families claim the same sample name.
    pub fn families(&self, snapshot: &Snapshot) -> Vec<Family> {
        self.with_page(snapshot, page::families)
    }

    /// The families of a snapshot, if one of them has a name, or a sample's name, that one of the others has.
    pub(super) fn families_if_shared<'a>(
        &self,
        snapshot: &Snapshot,
        others: impl IntoIterator<Item = &'a Family>,
    ) -> Option<Vec<Family>> {
        self.with_page(snapshot, |page| {
            let mut others = others.into_iter();
            let is_shared = others.any(|family| page.registry.takes_name_of(family));
            is_shared.then(|| page::families(page))
        })
    }

    /// Appends the page of a snapshot, as [`encode_named`](crate::exposition::encode_named) does with its
    /// [`families`](Self::families), but without making them: in one pass, with no allocation but those of the page. No
    /// names are all.
    pub fn encode(&self, snapshot: &Snapshot, names: &[&str], format: Format, out: &mut Vec<u8>) {
        self.encode_with(&[], snapshot, names, format, out);
    }

    /// The same with families of others behind the snapshot's.
    ///
    /// A vector that grows takes up to three times its length for a moment. So room for a whole page is made at once:
    /// for the last one and a little more. The first is written twice, first only to count its bytes.
    pub(super) fn encode_with(
        &self,
        others: &[Family],
        snapshot: &Snapshot,
        names: &[&str],
        format: Format,
        out: &mut Vec<u8>,
    ) {
        let write = |encoder: Encoder<'_>| self.write(others, snapshot, encoder);
        if names.iter().any(|name| !name.is_empty()) {
            return write(Encoder::new(format, names, out));
        }
        let last_page = &self.last_pages[usize::from(format == Format::Protobuf)];
        let mut bytes = last_page.load(Relaxed);
        bytes += bytes / 16;
        if bytes == 0 {
            let mut count = |part: &[u8]| bytes += part.len();
            write(Encoder::new(format, &[], &mut Vec::new()).in_parts(MARGIN, &mut count));
        }
        out.reserve(bytes + MARGIN);
        let start = out.len();
        write(Encoder::new(format, &[], out));
        last_page.store(out.len() - start, Relaxed);
    }

    /// Writes a page: the snapshot's families, then those of others.
    pub(super) fn write(&self, others: &[Family], snapshot: &Snapshot, mut encoder: Encoder<'_>) {
        self.with_page(snapshot, |page| match &mut encoder {
            Encoder::Text(encoder) => page.show(encoder),
            Encoder::Protobuf(encoder) => page.show(encoder),
        });
        encoder.write(others);
    }

    fn with_page<R>(&self, snapshot: &Snapshot, job: impl FnOnce(&PageParts<'_>) -> R) -> R {
        let buckets = PageBuckets::new(snapshot, self.profile);
        let mut registry = lock(&self.registry);
        let result = job(&PageParts::place(snapshot, &buckets, &mut registry));
        let renamed = std::mem::take(&mut registry.renamed);
        drop(registry);
        for (key, family) in renamed {
            tracing::warn!(%key, %family, "the key collides with another metric's name and is exported under its hash");
        }
        result
    }
}

/// The families of a snapshot, as the first page of an [`Exporter`] has them.
///
/// Which of two keys that collide keeps its name is decided anew each time: for pages that follow each other, use one
/// exporter.
pub fn families(snapshot: &Snapshot, profile: Profile) -> Vec<Family> {
    Exporter::new(profile).families(snapshot)
}

/// Appends the page of a snapshot, as the first page of an [`Exporter`] is. No names are all.
///
/// # Examples
///
/// ```
/// use monitor_core::exposition::{Format, encode_snapshot};
/// use monitor_core::names::Profile;
/// use monitor_core::{Monitor, StorageConfig};
///
/// let monitor = Monitor::new(StorageConfig::default());
/// monitor.method("Get")?.start();
/// let mut page = Vec::new();
/// encode_snapshot(&monitor.snapshot(), Profile::default(), &["service_requests_total"], Format::Text004, &mut page);
/// assert!(page.ends_with(b"\nservice_requests_total{method=\"Get\"} 1\n"));
/// # Ok::<(), monitor_core::MethodError>(())
/// ```
pub fn encode_snapshot(
    snapshot: &Snapshot,
    profile: Profile,
    names: &[&str],
    format: Format,
    out: &mut Vec<u8>,
) {
    Exporter::new(profile).encode(snapshot, names, format, out);
}

#[cfg(test)]
pub(crate) mod tests;
