//! Names that are not for keys: those of families that somebody else puts on the page.

use std::borrow::Cow;

use super::{Book, Exporter, built_in};
use crate::data::family::{Family, FamilyType};

/// What reserved names are claimed under: no entry has this number.
pub(super) const RESERVED: usize = usize::MAX;

impl Exporter {
    /// Keeps the names of these families, and of their samples, free of keys and registered metrics: for families that stand on
    /// the storage's pages without being the storage's, as those of the server do. A key or metric that has such a name
    /// already is exported under its hash from now on. The storage's built-in families keep their names.
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
        self.with_book(|book| {
            let mut in_the_way = false;
            for family in families {
                if book.reserved.get(&family.name) != Some(&family.kind) {
                    in_the_way |= !book.reserve(family.name.clone(), family.kind);
                }
            }
            if in_the_way {
                book.begin_anew();
            }
        });
    }
}

impl Book {
    /// Claims a family's names; `false` if a key or a registered metric has one of them.
    pub(super) fn reserve(&mut self, name: Cow<'static, str>, kind: FamilyType) -> bool {
        let built_in = built_in(self.profile).len();
        let is_others = |owner| owner != RESERVED && owner >= built_in;
        let of_others = self.claims.owners(&name, kind).any(is_others);
        if !of_others {
            // What a built-in family has stays with it.
            self.claims.reserve(&name, kind, RESERVED);
        }
        self.reserved.insert(name, kind);
        !of_others
    }
}
