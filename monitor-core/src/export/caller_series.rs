//! Calls by caller as a page shows them: a series for each pair of a caller and a method, up to a limit.
//!
//! # Which pairs
//!
//! The first ones: a pair that has a series keeps it on every later page. The calls of all other pairs are added up, by
//! method, in a series labelled `overflow`. So the series of a method always add up to its calls, and none of them
//! falls while the limit stays; if the pairs with the most calls were shown, each change of their order would be a
//! reset of two counters. Pairs that are first seen on the same page go in the snapshot's order: by method, of one
//! method its entry calls first, then by caller.
//!
//! # Which calls
//!
//! Those of all label sets of a method, together. Label sets that left the page (`idle_series`) are among them, because
//! a count without their calls would fall.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::data::family::Labels;
use crate::data::snapshot::{MethodSnapshot, Snapshot};
use crate::export::label_cache::{LabelCache, label};

/// A method, and the method that calls it: `None` for entry calls.
type CallerPair = (Arc<str>, Option<Arc<str>>);

/// The pairs that have a series, each with its number, by which they came, and its labels.
#[derive(Debug, Default)]
pub(super) struct CallerSeries(HashMap<CallerPair, (usize, Labels), RandomState>);

/// What a page shows of one pair, or of all pairs of a method that have no series.
#[derive(Debug)]
pub(super) struct CallerChild {
    pub(super) labels: Labels,
    pub(super) counts: CallCounts,
}

/// Calls begun, and those of them that failed.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct CallCounts {
    pub(super) calls: u64,
    pub(super) failures: u64,
}

impl CallCounts {
    fn add(&mut self, more: Self) {
        self.calls += more.calls;
        self.failures += more.failures;
    }
}

impl CallerSeries {
    /// Renders all labels again, because those that every series has are others now.
    pub(super) fn relabel(&mut self, cache: &LabelCache) {
        for (pair, (_, labels)) in &mut self.0 {
            *labels = labels_of(pair, cache);
        }
    }

    /// The children of a page, by method; of one method the overflow last. None where the snapshot's limit is 0.
    pub(super) fn children(&mut self, snapshot: &Snapshot, cache: &LabelCache) -> Vec<CallerChild> {
        let mut children = Vec::new();
        let limit = snapshot.shown_caller_pairs;
        let methods = match limit {
            0 => &[][..],
            _ => &snapshot.methods,
        };
        for label_sets in methods.chunk_by(|one, next| one.name == next.name) {
            let method = &label_sets[0].name;
            let mut overflow = CallCounts::default();
            for (caller, counts) in by_caller(label_sets) {
                let pair = (Arc::clone(method), caller.cloned());
                match self.labels(pair, limit, cache) {
                    Some(labels) => children.push(CallerChild { labels, counts }),
                    None => overflow.add(counts),
                }
            }
            // Failures may stand without a call: a future may be handed from one caller to another.
            if overflow.calls > 0 || overflow.failures > 0 {
                let own = [label("method", method), label("overflow", &"true".into())];
                let labels = cache.complete(&own);
                let counts = overflow;
                children.push(CallerChild { labels, counts });
            }
        }
        children
    }

    /// The labels of a pair, if it is among the first `limit`.
    fn labels(&mut self, pair: CallerPair, limit: usize, cache: &LabelCache) -> Option<Labels> {
        let next = self.0.len();
        if let Some((number, labels)) = self.0.get(&pair) {
            return (*number < limit).then(|| labels.clone());
        }
        if next >= limit {
            return None;
        }
        let labels = labels_of(&pair, cache);
        self.0.insert(pair, (next, labels.clone()));
        Some(labels)
    }
}

/// The calls of a method by caller, over its label sets; entry calls first.
fn by_caller(label_sets: &[MethodSnapshot]) -> BTreeMap<Option<&Arc<str>>, CallCounts> {
    let mut by_caller = BTreeMap::<_, CallCounts>::new();
    for one in label_sets.iter().flat_map(|method| &method.callers) {
        by_caller
            .entry(one.caller.as_ref())
            .or_default()
            .add(CallCounts {
                calls: one.calls,
                failures: one.failures,
            });
    }
    by_caller
}

/// Entry calls have a label `entry` in place of a caller: any text may be a method's name, and no label at all, which
/// an empty value is to Prometheus, is what the overflow has.
fn labels_of((method, caller): &CallerPair, cache: &LabelCache) -> Labels {
    let by = match caller {
        Some(caller) => label("caller", caller),
        None => label("entry", &"true".into()),
    };
    cache.complete(&[by, label("method", method)])
}
