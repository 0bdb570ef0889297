//! The children of a family: on the page, or hidden while somebody holds them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};

use crate::base::sync::Ordering;
use crate::data::family::Labels;

use super::family::{Cell, Child};

/// Hidden children whose holders may have gone, beyond those on the page, before they are looked for.
const HIDDEN: usize = 64;

/// The place of the child of all label sets there is no room for, which is in no slot.
pub(super) const AT_OVERFLOW: u64 = u64::MAX;

/// Children by the order they came, and by the hash of their label values.
pub(super) struct Slots<C: 'static> {
    by_place: BTreeMap<u64, Slot<C>>,
    by_hash: HashMap<u64, Vec<u64>>,
    next: u64,
    hidden: usize,
    pub(super) overflow: Option<Arc<Child<C>>>,
}

struct Slot<C: 'static> {
    state: State<C>,
    hash: u64,
    /// Ticks, when a scrape first saw its last update.
    since: u64,
}

enum State<C: 'static> {
    Shown(Arc<Child<C>>),
    Hidden(Weak<Child<C>>),
}

impl<C: 'static> Default for Slots<C> {
    fn default() -> Self {
        Self {
            by_place: BTreeMap::new(),
            by_hash: HashMap::new(),
            next: 0,
            hidden: 0,
            overflow: None,
        }
    }
}

impl<C: Cell> Slots<C> {
    /// Children on the page and hidden ones that somebody holds (or held a while ago).
    pub(super) fn len(&self) -> usize {
        self.by_place.len()
    }

    pub(super) fn next(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(super) fn insert(&mut self, child: &Arc<Child<C>>) {
        self.by_hash.entry(child.hash).or_default().push(child.at);
        let slot = Slot {
            state: State::Shown(Arc::clone(child)),
            hash: child.hash,
            since: 0,
        };
        self.by_place.insert(child.at, slot);
    }

    /// The child on the page with this hash whose labels `is` accepts.
    pub(super) fn shown(&self, hash: u64, is: impl Fn(&Labels) -> bool) -> Option<Arc<Child<C>>> {
        let slots = self.by_hash.get(&hash)?.iter();
        let mut states = slots.filter_map(|at| Some(&self.by_place.get(at)?.state));
        states.find_map(|state| match state {
            State::Shown(child) => is(&child.labels).then(|| Arc::clone(child)),
            State::Hidden(_) => None,
        })
    }

    /// As [`shown`](Self::shown), or hidden.
    pub(super) fn any(&self, hash: u64, is: impl Fn(&Labels) -> bool) -> Option<Arc<Child<C>>> {
        let slots = self.by_hash.get(&hash)?.iter();
        let mut children = slots.filter_map(|at| match &self.by_place.get(at)?.state {
            State::Shown(child) => Some(Arc::clone(child)),
            State::Hidden(child) => child.upgrade(),
        });
        children.find(|child| is(&child.labels))
    }

    /// Puts a child on the page that somebody holds, if it was taken off.
    pub(super) fn show(&mut self, child: &Arc<Child<C>>) {
        child.touched.store(1, Ordering::Relaxed);
        if let Some(slot) = self.by_place.get_mut(&child.at)
            && matches!(slot.state, State::Hidden(_))
        {
            slot.state = State::Shown(Arc::clone(child));
            self.hidden -= 1;
        }
        child.cell.unhide();
    }

    /// Takes a child off the page; whether it was there. Where nobody holds it, it is freed, if `may` agrees: that no handle
    /// is left is certain by then, and what the last one did is seen.
    pub(super) fn hide(&mut self, at: u64, may: impl FnOnce(&Child<C>) -> bool) -> bool {
        let Some(slot) = self.by_place.get_mut(&at) else {
            return false;
        };
        let State::Shown(child) = &mut slot.state else {
            return false;
        };
        if let Some(alone) = Arc::get_mut(child) {
            let may = may(alone);
            if may {
                self.free(at);
            }
            return may;
        }
        child.cell.hide();
        slot.state = State::Hidden(Arc::downgrade(child));
        self.hidden += 1;
        if self.hidden > HIDDEN && self.hidden * 2 > self.by_place.len() {
            self.purge();
        }
        true
    }

    /// Frees the slots of hidden children that nobody holds any more.
    pub(super) fn purge(&mut self) {
        if self.hidden == 0 {
            return;
        }
        let is_dead = |slot: &Slot<C>| matches!(&slot.state, State::Hidden(child) if child.strong_count() == 0);
        let dead = self.by_place.iter().filter(|(_, slot)| is_dead(slot));
        let dead: Vec<u64> = dead.map(|(at, _)| *at).collect();
        self.hidden -= dead.len();
        for at in dead {
            self.free(at);
        }
    }

    fn free(&mut self, at: u64) {
        let Some(slot) = self.by_place.remove(&at) else {
            return;
        };
        if let Some(same_hash) = self.by_hash.get_mut(&slot.hash) {
            same_hash.retain(|other| *other != at);
            if same_hash.is_empty() {
                self.by_hash.remove(&slot.hash);
            }
        }
    }

    /// Takes the children off the page that were not updated for `idle` ticks.
    pub(super) fn expire(&mut self, now: u64, idle: u64) {
        let mut leaving = Vec::new();
        for (at, slot) in &mut self.by_place {
            if let State::Shown(child) = &slot.state {
                if child.touched.swap(0, Ordering::Relaxed) != 0 {
                    slot.since = now;
                } else if now.saturating_sub(slot.since) >= idle {
                    leaving.push(*at);
                }
            }
        }
        for at in leaving {
            // A handle that is gone may have been used after the look above.
            self.hide(at, |child| child.touched.load(Ordering::Relaxed) == 0);
        }
        self.purge();
    }

    /// The children on the page, in the order they came, and the one of all others.
    pub(super) fn children(&self) -> Vec<Arc<Child<C>>> {
        let shown = self.by_place.values().filter_map(|slot| match &slot.state {
            State::Shown(child) => Some(child),
            State::Hidden(_) => None,
        });
        shown.chain(&self.overflow).cloned().collect()
    }
}
