//! The state of a monitor at one moment, with what a test wants to know beside a [`Snapshot`].

use std::collections::BTreeMap;

use crate::base::clock::Clock;
use crate::base::interner::Interner;
use crate::data::snapshot::Snapshot;
use crate::monitor::Monitor;
use crate::recording::method::MethodCore;
use crate::storage::points::Points;

use super::fact::Series;

/// A moment, as plain data.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    /// Its values by key include those that are no numbers.
    pub(super) snapshot: Snapshot,
    /// What the last calls of each series observed, by name, oldest first.
    pub(super) observed: BTreeMap<(Series, Box<str>), Vec<f64>>,
}

impl Moment {
    pub(super) fn now(monitor: Monitor) -> Self {
        let core = monitor.storage().core();
        let mut snapshot = monitor.snapshot();
        snapshot.values.entries = core.values.snapshot().entries;
        Self {
            snapshot,
            observed: core
                .methods()
                .flat_map(|method| observed(method, &core.clock))
                .collect(),
        }
    }
}

/// What the last calls of a method observed.
fn observed(method: &'static MethodCore, clock: &Clock) -> BTreeMap<(Series, Box<str>), Vec<f64>> {
    let names: Vec<_> = method
        .known_values()
        .into_iter()
        .flat_map(Interner::iter)
        .collect();
    let series = Series::new(&method.name, &method.labels);
    let mut observed = BTreeMap::<_, Vec<f64>>::new();
    for point in Points::of(method).list(clock, &names) {
        for (key, value) in point.values {
            let of = (series.clone(), key.raw.clone());
            observed.entry(of).or_default().push(value);
        }
    }
    observed
}
