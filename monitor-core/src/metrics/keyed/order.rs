//! The children that are there, in the order they came, and since when each is idle.

use std::sync::Arc;

use crate::base::sync::Ordering;

use super::families::{ChildRef, FamilyRef};
use super::held::Held;

/// More holes than this are closed once they are as many as the children.
const HOLES: usize = 64;

/// What whoever adds a child or takes one away changes, under one lock.
pub(super) struct Order<T, S> {
    /// A child's place is in its `at`; one that was taken away leaves a hole.
    places: Vec<Option<ChildRef<T>>>,
    holes: usize,
    /// By place; as long as `places` where a scrape looked for idle ones.
    marks: Vec<Mark>,
    /// Children that are gone and stay in the index.
    pub(super) gone: usize,
    /// Families that are gone and stay in the index.
    pub(super) gone_families: usize,
    /// Families whose first overflow nobody was told of.
    pub(super) overflowing: Vec<FamilyRef<T, S>>,
}

/// What a scrape last saw of a child.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    /// [`Held::mark`]; `None` if it never idles, or was not seen yet.
    value: Option<u64>,
    /// Ticks, when it first was so.
    since: u64,
}

impl<T, S> Default for Order<T, S> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            holes: 0,
            marks: Vec::new(),
            gone: 0,
            gone_families: 0,
            overflowing: Vec::new(),
        }
    }
}

impl<T: Held, S> Order<T, S> {
    /// The children whose last update was seen `idle` ticks ago, and none since; notes those of the others.
    pub(super) fn idle(&mut self, now: u64, idle: u64) -> Vec<ChildRef<T>> {
        self.marks.resize(self.places.len(), Mark::default());
        let mut found = Vec::new();
        for (child, mark) in self.places.iter().zip(&mut self.marks) {
            let Some(child) = child else {
                continue;
            };
            let touched = child.value.was_touched();
            let value = child.value.mark();
            if touched || value != mark.value {
                *mark = Mark { value, since: now };
            } else if value.is_some() && now.saturating_sub(mark.since) >= idle {
                found.push(Arc::clone(child));
            }
        }
        found
    }
}

impl<T, S> Order<T, S> {
    pub(super) fn children(&self) -> Vec<ChildRef<T>> {
        self.places.iter().flatten().cloned().collect()
    }

    pub(super) fn push(&mut self, child: &ChildRef<T>) {
        child.at.store(place(self.places.len()), Ordering::Relaxed);
        self.places.push(Some(Arc::clone(child)));
    }

    pub(super) fn remove(&mut self, child: &ChildRef<T>) {
        let at = child.at.load(Ordering::Relaxed) as usize;
        if let Some(place) = self.places.get_mut(at)
            && place.take().is_some()
        {
            self.holes += 1;
        }
        if let Some(mark) = self.marks.get_mut(at) {
            *mark = Mark::default();
        }
        if self.holes > HOLES && self.holes * 2 > self.places.len() {
            self.close_holes();
        }
    }

    /// What a scrape last saw of it.
    pub(super) fn mark_of(&self, child: &ChildRef<T>) -> u64 {
        let at = child.at.load(Ordering::Relaxed) as usize;
        let mark = self.marks.get(at).and_then(|mark| mark.value);
        mark.unwrap_or_default()
    }

    /// It was updated just now.
    pub(super) fn saw(&mut self, child: &ChildRef<T>, now: u64) {
        let at = child.at.load(Ordering::Relaxed) as usize;
        if let Some(mark) = self.marks.get_mut(at) {
            mark.since = now;
        }
    }

    fn close_holes(&mut self) {
        let marks = std::mem::take(&mut self.marks);
        let places = std::mem::take(&mut self.places);
        for (at, child) in places.into_iter().enumerate() {
            if let Some(child) = child {
                self.push(&child);
                self.marks.extend(marks.get(at));
            }
        }
        self.holes = 0;
    }
}

/// A child is at least 100 bytes, so there is no room for 2^32.
fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
