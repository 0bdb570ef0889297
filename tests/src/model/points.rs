//! The points that means are made of, where each method has a window of its own.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::keys::Source;
use crate::kinds::{Id, Ours};
use crate::value::{Val, get};

/// Calls a window holds.
pub(crate) const WINDOW: usize = 100;
/// Points the second mean is over.
pub(crate) const LAST: usize = 5;
/// Most values ours keeps of a list without a bound.
pub(crate) const LIST_BOUND: usize = 10_000;

/// Mean over a window and over its last five, by source and key.
pub(crate) type Means = BTreeMap<(Source, String), (Option<f64>, Option<f64>)>;

/// The points of each source.
#[derive(Debug, Clone, Default)]
pub(crate) struct Windows {
    points: BTreeMap<Source, VecDeque<(f64, Val)>>,
    keys: Vec<(Source, String)>,
    known: BTreeSet<(Source, String)>,
}

impl Windows {
    /// Notes that a call is going to have a value.
    pub(crate) fn know(&mut self, source: &Source, key: &str) {
        let entry = (source.clone(), key.to_owned());
        if self.known.insert(entry.clone()) {
            self.keys.push(entry);
        }
    }

    /// A call ended.
    pub(crate) fn by_call(&mut self, method: &str, end: f64, point: Vec<(String, Val)>) {
        self.push(&Source::Call(method.to_owned()), end, point, WINDOW);
    }

    /// User code appended a point.
    pub(crate) fn by_user(&mut self, point: Val, keep: Option<usize>) {
        let Val::Map(mut point) = point else { return };
        // Ours keeps a map in the order of its keys.
        point.sort_by(|a, b| a.0.cmp(&b.0));
        self.push(
            &Source::User,
            f64::INFINITY,
            point,
            keep.unwrap_or(LIST_BOUND),
        );
    }

    fn push(&mut self, source: &Source, end: f64, point: Vec<(String, Val)>, keep: usize) {
        for (key, _) in &point {
            self.know(source, key);
        }
        let window = self.points.entry(source.clone()).or_default();
        window.push_back((end, Val::Map(point)));
        window.drain(..window.len().saturating_sub(keep));
    }

    /// Sources and keys, each method's in the order of their first use.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &(Source, String)> {
        self.keys.iter()
    }

    /// All means.
    pub(crate) fn means(&self, ours: &Ours) -> Means {
        let mut means = Means::new();
        for (source, window) in &self.points {
            let points: Vec<_> = window.iter().map(|(_, point)| point).collect();
            let last = &points[points.len().saturating_sub(LAST)..];
            for (key, mean) in means_of(&points, ours) {
                means.entry((source.clone(), key)).or_default().0 = Some(mean);
            }
            for (key, mean) in means_of(last, ours) {
                means.entry((source.clone(), key)).or_default().1 = Some(mean);
            }
        }
        means
    }

    /// The list `stats`: the calls' points by their end, then the user's.
    pub(crate) fn as_stats(&self) -> Option<(String, Val)> {
        let mut all: Vec<_> = self.points.values().flatten().collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        let list = all.into_iter().map(|(_, point)| point.clone()).collect();
        (!self.points.is_empty()).then_some(("stats".to_owned(), Val::List(list)))
    }
}

/// Means of a list of points, as the original makes them: 0 where a value is no number.
pub(crate) fn means_of(points: &[&Val], ours: &Ours) -> Vec<(String, f64)> {
    let mut lists: Vec<(String, Vec<&Val>)> = Vec::new();
    for point in points {
        let Val::Map(point) = point else { continue };
        for (key, value) in point {
            match lists.iter_mut().find(|(known, _)| known == key) {
                Some((_, list)) => list.push(value),
                None => lists.push((key.clone(), vec![value])),
            }
        }
    }
    lists
        .into_iter()
        .filter_map(|(key, list)| Some((key, mean(&list, ours)?)))
        .collect()
}

fn mean(list: &[&Val], ours: &Ours) -> Option<f64> {
    let numbers: Vec<f64> = list.iter().filter_map(|value| value.number()).collect();
    if ours.has(Id::W9) {
        #[allow(clippy::cast_precision_loss, reason = "a short list")]
        return (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64);
    }
    #[allow(clippy::cast_precision_loss, reason = "a short list")]
    let all = numbers.iter().sum::<f64>() / list.len() as f64;
    Some(if numbers.len() == list.len() {
        all
    } else {
        0.0
    })
}

/// The points of a list `stats` by who they are of, if they are of more than one: calls of different methods that end
/// at the same moment have no order in ours.
pub(crate) fn by_source(list: &[Val]) -> Option<BTreeMap<String, Vec<Val>>> {
    let mut sources: BTreeMap<String, Vec<Val>> = BTreeMap::new();
    for point in list {
        sources
            .entry(source_of(point))
            .or_default()
            .push(point.clone());
    }
    (sources.len() > 1).then_some(sources)
}

fn source_of(point: &Val) -> String {
    let Val::Map(map) = point else {
        return "the user".to_owned();
    };
    let method = map
        .iter()
        .find_map(|(key, _)| key.strip_prefix("time full___method__"));
    method
        .filter(|method| get(map, &format!("time full___method__{method}")).is_some())
        .unwrap_or("the user")
        .to_owned()
}
