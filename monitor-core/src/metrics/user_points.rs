//! The list `stats`: the user's own points, and the rolling means over them.
//!
//! A point is a map of keys to numbers. Means are taken at each scrape, over all points that are kept and over the last
//! five, of each key that is among them: in the order the keys came, at most `max_series` of a family, and one for all
//! label sets beyond that. Adding a point takes one lock for as long as it takes to append; a scrape copies the list of
//! points under it, and adds up after.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

use crate::base::sync::{Mutex, lock};
use crate::data::key::StatKey;
use crate::data::snapshot::Means;
use crate::data::value::StatValue;

use super::family::{warn_of_key, written_alike};
use super::keyed::{Keep, malformed_gauge_label};

/// How many points at the end of the list the last mean is over.
const LAST_POINTS: usize = 5;
/// Parsed keys that are not among the points any more are kept up to here, so that none is warned about again and
/// again while it comes and goes.
const SPARE_KEYS: usize = 4096;

#[derive(Default)]
pub(super) struct UserPoints {
    /// `None` until the first point.
    list: Mutex<Option<PointList>>,
    keys: Mutex<MeanKeys>,
}

#[derive(Default)]
struct PointList {
    /// Oldest first; each is a map.
    points: VecDeque<Arc<StatValue>>,
    /// Whether a point was added since a scrape last looked, and when a scrape first saw the newest.
    updated: bool,
    since: u64,
}

/// The keys of points, parsed once, each with its family.
#[derive(Default)]
struct MeanKeys {
    parsed: HashMap<Box<str>, (Arc<StatKey>, Arc<str>)>,
    /// Those that were not warned about yet.
    new: Vec<Arc<StatKey>>,
    /// Families that were warned about, as they are full.
    full: HashSet<Arc<str>>,
}

impl UserPoints {
    pub(super) fn push(&self, point: &Arc<StatValue>, keep: Keep) {
        let mut list = lock(&self.list);
        let list = list.get_or_insert_default();
        list.points.push_back(Arc::clone(point));
        keep.trim(&mut list.points);
        list.updated = true;
    }

    /// The points, or `None` if there never was one.
    pub(super) fn list(&self) -> Option<Vec<Arc<StatValue>>> {
        Some(lock(&self.list).as_ref()?.points.iter().cloned().collect())
    }

    /// Takes all points away and returns them.
    pub(super) fn clear(&self) -> Option<StatValue> {
        let list = lock(&self.list).take()?;
        *lock(&self.keys) = MeanKeys::default();
        let values = list.points.into_iter().map(Arc::unwrap_or_clone);
        Some(StatValue::List(values.collect()))
    }

    /// Takes a key out of all points; whether one had it. A point is copied for that while a snapshot holds it.
    pub(super) fn remove(&self, key: &str) -> bool {
        let mut list = lock(&self.list);
        let mut found = false;
        for point in list.iter_mut().flat_map(|list| &mut list.points) {
            let has = matches!(&**point, StatValue::Map(map) if map.contains_key(key));
            if has && let StatValue::Map(map) = Arc::make_mut(point) {
                map.remove(key);
                found = true;
            }
        }
        found
    }

    /// Takes all points away once the newest one is `idle` ticks old, by the first scrape that saw it.
    pub(super) fn expire(&self, now: u64, idle: u64) {
        lock(&self.list).take_if(|list| {
            if std::mem::take(&mut list.updated) {
                list.since = now;
            }
            now.saturating_sub(list.since) >= idle
        });
    }

    /// Means by key in the order the keys come, at most `limit` a family (0: no limit); label sets beyond that have
    /// one mean together.
    pub(super) fn means(&self, limit: u64) -> Vec<(Arc<StatKey>, Means)> {
        let points = self.list().unwrap_or_default();
        let mut keys = lock(&self.keys);
        let (mut at, mut means) = (HashMap::new(), Vec::new());
        let mut children = HashMap::<Arc<str>, u64>::new();
        let mut newly_full = Vec::new();
        for (raw, sums) in sums_of(&points) {
            let (key, family) = keys.get_or_parse(raw);
            let count = children.entry(Arc::clone(&family)).or_default();
            *count += 1;
            if limit == 0 || *count <= limit {
                add(&mut at, &mut means, key, sums);
            } else {
                let (all, _) = keys.get_or_parse(&StatKey::write_overflow(key.name()));
                add(&mut at, &mut means, all, sums);
                if keys.full.insert(family) {
                    newly_full.push(key);
                }
            }
        }
        if keys.parsed.len() > SPARE_KEYS.max(2 * means.len()) {
            keys.parsed.retain(|_, (key, _)| at.contains_key(key));
            keys.full.retain(|family| children.contains_key(family));
        }
        let new = std::mem::take(&mut keys.new);
        // A log line may be written by code that looks at the metrics.
        drop(keys);
        for key in &new {
            warn_of_key(key, malformed_gauge_label);
        }
        for key in &newly_full {
            tracing::warn!(
                family = key.name(),
                "more label sets than max_series in the points of `stats`: further ones have one mean, under overflow=\"true\""
            );
        }
        means.into_iter().map(means_of).collect()
    }
}

impl MeanKeys {
    fn get_or_parse(&mut self, raw: &str) -> (Arc<StatKey>, Arc<str>) {
        if let Some(known) = self.parsed.get(raw) {
            return known.clone();
        }
        let key = Arc::new(StatKey::parse(raw));
        let family: String = written_alike(key.name()).collect();
        self.new.push(Arc::clone(&key));
        let parsed = (key, family.into());
        self.parsed.insert(raw.into(), parsed.clone());
        parsed
    }
}

/// Adds the points up by key, in the order the keys came. Values that are no numbers are left out.
fn sums_of(points: &[Arc<StatValue>]) -> Vec<(&str, Sums)> {
    let (mut at, mut sums) = (HashMap::new(), Vec::new());
    for (number, point) in points.iter().enumerate() {
        let StatValue::Map(point) = &**point else {
            continue;
        };
        let is_last = number + LAST_POINTS >= points.len();
        for (key, value) in point {
            if let Some(value) = value.as_number() {
                let all = (value.as_f64(), 1.0);
                let last = if is_last { all } else { (0.0, 0.0) };
                add(&mut at, &mut sums, &**key, [all, last]);
            }
        }
    }
    sums
}

/// Adds to the sums of a key; `at` has their positions in the list.
fn add<K: Clone + Eq + Hash>(
    at: &mut HashMap<K, usize>,
    list: &mut Vec<(K, Sums)>,
    key: K,
    more: Sums,
) {
    let at = *at.entry(key.clone()).or_insert(list.len());
    if at == list.len() {
        list.push((key, Sums::default()));
    }
    for ((sum, count), (more, further)) in list[at].1.iter_mut().zip(more) {
        *sum += more;
        *count += further;
    }
}

/// The sum and number of a key's values, in all points and in the last ones.
type Sums = [(f64, f64); 2];

fn means_of((key, sums): (Arc<StatKey>, Sums)) -> (Arc<StatKey>, Means) {
    let [window, last] = sums.map(|(sum, count)| (count > 0.0).then(|| sum / count));
    (key, Means { window, last })
}
