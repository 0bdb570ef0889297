//! Who owns a family where names collide: the first key, for good.

use std::collections::{BTreeMap, BTreeSet};

use super::keys::Source;
use super::names::Plane;
use super::registry::{Labels, escape_name};

/// Families the calls, the tasks and the statuses have; none of them can be a key's.
const BUILT_IN: [&str; 18] = [
    "started_total",
    "completed_total",
    "tasks_count",
    "current_tasks_time_spend",
    "current_tasks_max_time_spend",
    "stats_tasks_time_spend_total",
    "stats_tasks_with_current_time_spend_total",
    "stats_tasks_with_current_time_spend_normalised_total",
    "tasks_time_spent_quantile",
    "service_threads",
    "stats_request",
    "stats_processed",
    "stats_errors",
    "stats_hist_time_full",
    "stats_aggregation_time_full",
    "stats_aggregation_last_time_full",
    "monitor_task_status",
    "process_start_time_seconds",
];
const COUNTERS: [&str; 3] = ["started", "completed", "stats_tasks_time_spend"];
const HISTOGRAMS: [&str; 2] = ["tasks_time_spent_quantile", "stats_hist_time_full"];
const OF_HISTOGRAM: [&str; 5] = ["", "_bucket", "_count", "_sum", "_created"];

/// Where each key is exported, decided when it first is.
#[derive(Debug, Clone)]
pub(crate) struct Book {
    /// Names samples could have, and the index of the family they belong to.
    taken: BTreeMap<String, Option<usize>>,
    owners: Vec<(Plane, String)>,
    series: BTreeSet<(usize, Labels)>,
    places: BTreeMap<(Plane, Source, String), String>,
}

impl Default for Book {
    fn default() -> Self {
        let counters = COUNTERS
            .iter()
            .flat_map(|name| ["", "_total", "_created"].map(|suffix| format!("{name}{suffix}")));
        let histograms = HISTOGRAMS
            .iter()
            .flat_map(|name| OF_HISTOGRAM.map(|suffix| format!("{name}{suffix}")));
        let plain = BUILT_IN.iter().map(|name| (*name).to_owned());
        Self {
            taken: counters
                .chain(histograms)
                .chain(plain)
                .map(|name| (name, None))
                .collect(),
            owners: Vec::new(),
            series: BTreeSet::new(),
            places: BTreeMap::new(),
        }
    }
}

impl Book {
    /// The name of the family a key is exported in; its own, or one made of its hash.
    pub(crate) fn place(
        &mut self,
        plane: Plane,
        source: &Source,
        raw: &str,
        name: &str,
        labels: &Labels,
    ) -> String {
        let asked = (plane, source.clone(), raw.to_owned());
        if let Some(family) = self.places.get(&asked) {
            return family.clone();
        }
        let family = self
            .own(plane, name, labels)
            .unwrap_or_else(|| self.by_hash(plane, raw));
        self.places.insert(asked, family.clone());
        family
    }

    fn own(&mut self, plane: Plane, name: &str, labels: &Labels) -> Option<String> {
        let lower = if plane == Plane::Info {
            name.to_owned()
        } else {
            name.to_lowercase()
        };
        let family = escape_name(&format!("{}{lower}", plane.prefix()), true);
        let owner = (plane, name.to_owned());
        let index = match self.taken.get(&family) {
            Some(Some(index)) if self.owners[*index] == owner => *index,
            Some(_) => return None,
            None => self.take(plane, &family, owner)?,
        };
        self.series
            .insert((index, labels.clone()))
            .then_some(family)
    }

    fn take(&mut self, plane: Plane, family: &str, owner: (Plane, String)) -> Option<usize> {
        let suffixes: &[&str] = if plane == Plane::Histogram {
            &OF_HISTOGRAM
        } else {
            &[""]
        };
        let names: Vec<_> = suffixes
            .iter()
            .map(|suffix| format!("{family}{suffix}"))
            .collect();
        if names.iter().any(|name| self.taken.contains_key(name)) {
            return None;
        }
        let index = self.owners.len();
        self.owners.push(owner);
        self.taken
            .extend(names.into_iter().map(|name| (name, Some(index))));
        Some(index)
    }

    fn by_hash(&mut self, plane: Plane, raw: &str) -> String {
        let salted = |round: u64| {
            if round == 0 {
                raw.to_owned()
            } else {
                format!("{raw}#{round}")
            }
        };
        let mut names = (0..).map(|round| format!("stats_key_{:08x}", fnv1a(&salted(round))));
        // The names never end; one of them is free.
        names
            .find(|name| {
                self.take(plane, name, (plane, format!("\0{name}")))
                    .is_some()
            })
            .unwrap_or_default()
    }
}

/// 32-bit FNV-1a.
fn fnv1a(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}
