//! Keys that are gone: their series, and the families nobody is left in, are free for others.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Book, Names, Place, Plane, Profile, Wanted, built_in, identity};
use crate::data::key::StatKey;
use crate::data::snapshot::{MethodSnapshot, Snapshot};

/// Series that are gone are remembered up to here, and as many as there are, before those that are not on a page are
/// forgotten: keys may come and go for ever, also without being removed by name while no page is being written.
const SPARE: usize = 4096;

/// What a key of the user's own may be exported as.
const PLANES: [Plane; 4] = [Plane::Value, Plane::Mean, Plane::LastMean, Plane::Histogram];

type Table = (Plane, bool);

impl Names {
    /// Forgets where a key of the user's own was exported, so that others may own its family.
    pub(crate) fn forget(&self, key: &str) {
        for profile in Profile::ALL {
            self.book(profile).forget(key);
        }
    }
}

impl Book {
    fn forget(&mut self, key: &str) {
        for plane in PLANES {
            let places = self.places.get_mut(&(plane, false));
            if let Some(place) = places.and_then(|places| places.remove(key)) {
                self.vacate(&place);
            }
        }
    }

    /// Forgets the places that this page does not need, once they are many.
    pub(in crate::export::names) fn forget_all_but(&mut self, snapshot: &Snapshot) {
        let values = &snapshot.values;
        let of_calls = snapshot.methods.iter().map(|method| method.values.len());
        let needed = values.entries.len()
            + values.histograms.len()
            + 2 * values.means.len()
            + 3 * of_calls.sum::<usize>();
        let known: usize = self.places.values().map(HashMap::len).sum();
        if known <= SPARE + 2 * needed {
            return;
        }
        let keep = keys_of(snapshot);
        let mut gone = Vec::new();
        for (table, places) in &mut self.places {
            if table.0 != Plane::Info {
                places.retain(|key, place| {
                    let is_needed = keep.contains(&(*table, key.clone()));
                    if !is_needed {
                        gone.push(place.clone());
                    }
                    is_needed
                });
                places.shrink_to(2 * places.len());
            }
        }
        for place in gone {
            self.vacate(&place);
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

/// The tables and full keys of all series by key of a snapshot.
fn keys_of(snapshot: &Snapshot) -> HashSet<(Table, Box<str>)> {
    let mut keys = HashSet::new();
    let mut add = |planes: &[Plane], key: &Arc<StatKey>, method: Option<&MethodSnapshot>| {
        for plane in planes.iter().copied() {
            let wanted = Wanted {
                plane,
                key,
                method,
                help: None,
            };
            keys.insert(((plane, method.is_some()), wanted.full_key().into()));
        }
    };
    for method in &snapshot.methods {
        for value in &method.values {
            add(&PLANES, &value.key, Some(method));
        }
    }
    for entry in &snapshot.values.entries {
        add(&[Plane::Value], &entry.key, None);
    }
    for histogram in &snapshot.values.histograms {
        add(&[Plane::Histogram], &histogram.key, None);
    }
    for (key, _) in &snapshot.values.means {
        add(&[Plane::Mean, Plane::LastMean], key, None);
    }
    keys
}
