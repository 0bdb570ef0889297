//! Reading the value plane: what is there becomes plain data.

use std::sync::Arc;

use crate::base::sync::Ordering;
use crate::data::key::StatKey;
use crate::data::snapshot::{ValueEntry, ValueHistogram, ValuesSnapshot};
use crate::data::value::StatValue;

use super::keys::{warn_of_gauge_key, warn_of_histogram_key};
use super::{POINTS, TASKS, Values};

/// Which entries a snapshot has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    All,
    Exported,
}

impl Values {
    /// Everything there is, in the order it came: what `stats()` shows. Lists and maps are copied.
    pub(crate) fn snapshot(&self) -> ValuesSnapshot {
        self.take_snapshot(Detail::All)
    }

    /// What a scrape exports: as [`snapshot`](Self::snapshot), but only the entries that count as numbers.
    pub(crate) fn exported(&self) -> ValuesSnapshot {
        self.take_snapshot(Detail::Exported)
    }

    fn take_snapshot(&self, detail: Detail) -> ValuesSnapshot {
        // Before what is there is read: a key that is still seen may be one of a removal that is not counted yet. Acquire:
        // pairs with the Release in `remove`, so that what is counted as removed is not seen.
        let removals = self.removals.load(Ordering::Acquire);
        let mut entries = self.entries(detail);
        if detail == Detail::All {
            entries.extend(self.reserved_entries());
        }
        let snapshot = ValuesSnapshot {
            entries,
            histograms: self.histograms(),
            means: self.points.means(self.entries.limit()),
            metrics: self.metrics.snapshot(),
            refused_observations: self.refused.load(Ordering::Relaxed) + self.metrics.refused(),
            overflowed_updates: self.entries.overflowed()
                + self.histograms.overflowed()
                + self.metrics.overflowed(),
            removals,
        };
        self.entries.warn_of_overflow();
        self.histograms.warn_of_overflow();
        snapshot
    }

    fn entries(&self, detail: Detail) -> Vec<ValueEntry> {
        let mut entries = Vec::new();
        for child in self.entries.children() {
            let exported = child.value.exported();
            if exported.is_some() {
                child.warn_of_key(warn_of_gauge_key);
            }
            let value = match detail {
                Detail::All => exported.or_else(|| child.value.read()),
                Detail::Exported => exported,
            };
            let key = || Arc::clone(&child.key);
            entries.extend(value.map(|value| ValueEntry { key: key(), value }));
        }
        entries
    }

    /// `stats` and `tasks`, once something was put there.
    fn reserved_entries(&self) -> impl Iterator<Item = ValueEntry> {
        let points = self.points.list().map(|points| {
            let copies = points.iter().map(|point| StatValue::clone(point));
            StatValue::List(copies.collect())
        });
        let named = |(key, value): (&str, Option<StatValue>)| {
            let key = Arc::new(StatKey::parse(key));
            Some(ValueEntry { key, value: value? })
        };
        [(POINTS, points), (TASKS, self.tasks.section())]
            .into_iter()
            .filter_map(named)
    }

    fn histograms(&self) -> Vec<ValueHistogram> {
        let mut histograms = Vec::new();
        for child in self.histograms.children() {
            let Some(histogram) = child.value.snapshot() else {
                continue;
            };
            child.warn_of_key(warn_of_histogram_key);
            let key = Arc::clone(&child.key);
            histograms.push(ValueHistogram { key, histogram });
        }
        histograms
    }
}
