//! The list `stats`: the user's own points, and the rolling means over them.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use crate::base::sync::{Mutex, lock};
use crate::data::key::StatKey;
use crate::data::snapshot::Means;
use crate::data::value::StatValue;

use super::keep::Keep;
use super::keys::{overflow_key, warn_of_full_means, warn_of_gauge_key, written_alike};

/// How many points at the end of the list the last mean is over.
const LAST_POINTS: usize = 5;
/// Parsed keys that are not among the points any more are kept up to here, so that none is warned about again and
/// again while it comes and goes.
const SPARE_KEYS: usize = 4096;

/// Points, oldest first; each is a map.
#[derive(Debug, Default)]
pub(super) struct Points {
    /// `None` until the first point.
    list: Mutex<Option<VecDeque<Arc<StatValue>>>>,
    keys: Mutex<Keys>,
    idle: Mutex<Idle>,
}

/// When a scrape first saw the newest point.
#[derive(Debug, Default)]
struct Idle {
    newest: Option<Arc<StatValue>>,
    since: u64,
}

/// The keys of points, parsed once.
#[derive(Debug, Default)]
struct Keys {
    parsed: HashMap<Box<str>, MeanKey>,
    /// Those that nobody was warned about yet.
    new: Vec<Arc<StatKey>>,
    /// Families of which everybody knows that they are full.
    full: HashSet<Arc<str>>,
}

/// A key of points, parsed.
#[derive(Debug, Clone)]
struct MeanKey {
    key: Arc<StatKey>,
    family: Arc<str>,
}

/// The sum and number of a key's values, in all points and in the last ones.
#[derive(Debug, Default, Clone, Copy)]
struct Sums {
    all: (f64, f64),
    last: (f64, f64),
}

impl Points {
    pub(super) fn push(&self, point: &Arc<StatValue>, keep: Keep) {
        let mut list = lock(&self.list);
        let list = list.get_or_insert_default();
        list.push_back(Arc::clone(point));
        keep.trim(list);
    }

    /// The points, or `None` if there never was one.
    pub(super) fn list(&self) -> Option<Vec<Arc<StatValue>>> {
        Some(lock(&self.list).as_ref()?.iter().cloned().collect())
    }

    /// Takes all points away, and answers them.
    pub(super) fn clear(&self) -> Option<StatValue> {
        let list = lock(&self.list).take()?;
        *lock(&self.keys) = Keys::default();
        let values = list.into_iter().map(Arc::unwrap_or_clone);
        Some(StatValue::List(values.collect()))
    }

    /// Takes a key out of all points; whether one had it. A point is copied for that while somebody reads it.
    pub(super) fn remove(&self, key: &str) -> bool {
        let mut list = lock(&self.list);
        let mut found = false;
        for point in list.iter_mut().flatten() {
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
        let mut seen = lock(&self.idle);
        let mut list = lock(&self.list);
        let newest = list.as_ref().and_then(|list| list.back().cloned());
        let is_same = match (&newest, &seen.newest) {
            (Some(newest), Some(seen)) => Arc::ptr_eq(newest, seen),
            (newest, seen) => newest.is_none() && seen.is_none(),
        };
        if !is_same {
            *seen = Idle { newest, since: now };
        } else if seen.newest.is_some() && now.saturating_sub(seen.since) >= idle {
            *list = None;
            seen.newest = None;
        }
    }

    /// Means by key in the order the keys come, at most `limit` a family (0: no limit); label sets beyond that have
    /// one mean together.
    pub(super) fn means(&self, limit: u64) -> Vec<(Arc<StatKey>, Means)> {
        let points = self.list().unwrap_or_default();
        let sums = sums(&points);
        let mut keys = lock(&self.keys);
        let mut found = Grouped::default();
        let mut newly_full = Vec::new();
        for (raw, sums) in sums.list {
            let key = keys.get_or_parse(raw);
            let sets = found.sets.entry(Arc::clone(&key.family)).or_default();
            *sets += 1;
            if limit == 0 || *sets <= limit {
                found.add(&key.key, sums);
            } else {
                if keys.full.insert(key.family) {
                    newly_full.push(Arc::clone(&key.key));
                }
                let pool = keys.get_or_parse(&overflow_key(key.key.name()));
                found.add(&pool.key, sums);
            }
        }
        keys.forget_all_but(&found);
        let new = std::mem::take(&mut keys.new);
        // A log line may be written by code that looks at the metrics.
        drop(keys);
        for key in &new {
            warn_of_gauge_key(key);
        }
        for key in &newly_full {
            warn_of_full_means(key);
        }
        let means = |(key, sums): (Arc<StatKey>, Sums)| (key, sums.means());
        found.means.into_iter().map(means).collect()
    }
}

/// Sums in the order their keys came.
#[derive(Default)]
struct Ordered<'a> {
    at: HashMap<&'a str, usize>,
    list: Vec<(&'a str, Sums)>,
}

#[derive(Default)]
struct Grouped {
    sets: HashMap<Arc<str>, u64>,
    at: HashMap<Box<str>, usize>,
    means: Vec<(Arc<StatKey>, Sums)>,
}

impl Grouped {
    fn add(&mut self, key: &Arc<StatKey>, sums: Sums) {
        if let Some(at) = self.at.get(&key.raw) {
            self.means[*at].1.add(sums);
        } else {
            self.at.insert(key.raw.clone(), self.means.len());
            self.means.push((Arc::clone(key), sums));
        }
    }
}

/// Adds the points up by key. What is no number is left out.
fn sums(points: &[Arc<StatValue>]) -> Ordered<'_> {
    let mut sums = Ordered::default();
    for (at, point) in points.iter().enumerate() {
        let StatValue::Map(point_map) = &**point else {
            continue;
        };
        let is_last = at + LAST_POINTS >= points.len();
        for (key, value) in point_map {
            let Some(number) = value.as_number() else {
                continue;
            };
            let next = sums.list.len();
            let place = *sums.at.entry(key).or_insert(next);
            if place == next {
                sums.list.push((key, Sums::default()));
            }
            sums.list[place].1.count(number.as_f64(), is_last);
        }
    }
    sums
}

impl Keys {
    fn get_or_parse(&mut self, raw: &str) -> MeanKey {
        if let Some(known) = self.parsed.get(raw) {
            return known.clone();
        }
        let key = Arc::new(StatKey::parse(raw));
        let family: String = written_alike(key.name()).collect();
        self.new.push(Arc::clone(&key));
        let family = family.into();
        let parsed = MeanKey { key, family };
        self.parsed.insert(raw.into(), parsed.clone());
        parsed
    }

    fn forget_all_but(&mut self, found: &Grouped) {
        if self.parsed.len() > SPARE_KEYS.max(2 * found.means.len()) {
            self.parsed.retain(|raw, _| found.at.contains_key(raw));
            self.full.retain(|family| found.sets.contains_key(family));
        }
    }
}

impl Sums {
    fn count(&mut self, value: f64, is_last: bool) {
        self.add(Self {
            all: (value, 1.0),
            last: if is_last { (value, 1.0) } else { (0.0, 0.0) },
        });
    }

    fn add(&mut self, other: Self) {
        self.all.0 += other.all.0;
        self.all.1 += other.all.1;
        self.last.0 += other.last.0;
        self.last.1 += other.last.1;
    }

    fn means(self) -> Means {
        let mean = |(sum, count): (f64, f64)| (count > 0.0).then(|| sum / count);
        Means {
            window: mean(self.all),
            last: mean(self.last),
        }
    }
}
