//! Forgets the places of keys that are gone, so that other keys may have their series and the families that became empty.

use std::collections::HashMap;

use super::{Book, Place, Plane, Wanted, built_in, identity};
use crate::data::key::StatKey;
use crate::data::snapshot::{MethodSnapshot, Snapshot};

/// Series that are gone are remembered up to here, and as many as there are, before those that are not on a page are
/// forgotten: keys may come and go for ever, also without being removed by name.
const SPARE: usize = 4096;

/// What a key of the user's own may be exported as.
const PLANES: [Plane; 4] = [Plane::Value, Plane::Mean, Plane::LastMean, Plane::Histogram];

impl Book {
    /// Forgets the places of keys that are gone, once one was removed by name or they are many.
    pub(in crate::export::names) fn forget_absent(&mut self, snapshot: &Snapshot) {
        if self.removals == snapshot.values.removals && !self.has_too_many(snapshot) {
            return;
        }
        self.removals = snapshot.values.removals;
        self.looked += 1;
        each_key(snapshot, |plane, key, method| {
            self.note_present(plane, key, method);
        });
        let looked = self.looked;
        let mut gone = Vec::new();
        for (table, places) in &mut self.places {
            if table.0 != Plane::Info {
                places.retain(|_, place| {
                    let is_present = place.looked == looked;
                    if !is_present {
                        gone.push(place.clone());
                    }
                    is_present
                });
                places.shrink_to(2 * places.len());
            }
        }
        for place in gone {
            self.vacate(&place);
        }
    }

    fn has_too_many(&self, snapshot: &Snapshot) -> bool {
        let values = &snapshot.values;
        let of_calls = snapshot.methods.iter().map(|method| method.values.len());
        let needed = values.entries.len()
            + values.histograms.len()
            + 2 * values.means.len()
            + 3 * of_calls.sum::<usize>();
        let known: usize = self.places.values().map(HashMap::len).sum();
        known > SPARE + 2 * needed
    }

    fn note_present(&mut self, plane: Plane, key: &StatKey, method: Option<&MethodSnapshot>) {
        let wanted = Wanted {
            plane,
            key,
            method,
            help: None,
        };
        let places = self.places.get_mut(&(plane, method.is_some()));
        if let Some(place) = places.and_then(|places| places.get_mut(&*wanted.full_key())) {
            place.looked = self.looked;
        }
    }

    fn vacate(&mut self, place: &Place) {
        let entry = &mut self.entries[place.family];
        entry.series.remove(&identity(&place.labels));
        if entry.series.is_empty() && place.family >= built_in(self.profile).len() {
            self.claims.release(&entry.name, entry.kind);
            entry.owner = None;
            self.free.push(place.family);
        }
    }
}

/// Shows all series by key of a snapshot: as what each may be exported, and the call that observed it.
fn each_key<'a>(
    snapshot: &'a Snapshot,
    mut show: impl FnMut(Plane, &'a StatKey, Option<&'a MethodSnapshot>),
) {
    for method in &snapshot.methods {
        for value in &method.values {
            for plane in PLANES {
                show(plane, &value.key, Some(method));
            }
        }
    }
    for entry in &snapshot.values.entries {
        show(Plane::Value, &entry.key, None);
    }
    for histogram in &snapshot.values.histograms {
        show(Plane::Histogram, &histogram.key, None);
    }
    for (key, _) in &snapshot.values.means {
        show(Plane::Mean, key, None);
        show(Plane::LastMean, key, None);
    }
}
