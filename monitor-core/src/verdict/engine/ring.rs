//! What a method did of late: sums a slot for 90 s, and sums of 20 s for the rest of 15 minutes.
//!
//! Slots without a call take nothing. The durations themselves are not kept, only how many were slow, judged by what was
//! known when they ended. The times of slots stand once for all methods, in [`Times`].

use std::collections::VecDeque;

/// Slots whose times are kept: 15 minutes.
pub(super) const RING: u32 = 450;
/// Sums of single slots that a method keeps: 90 s.
const FINE: u32 = 45;
/// Slots that older sums have in common: 20 s.
const COARSE: u32 = 10;

/// Places that a method gets at a time.
const MORE: usize = 8;

/// When each slot began and ended, by its number in the order in which slots were fed, from 1 on.
#[derive(Debug, Default)]
pub(super) struct Times {
    slots: VecDeque<(f64, f64)>,
    newest: u32,
}

impl Times {
    /// Adds a slot, and returns its number.
    pub(super) fn push(&mut self, begin: f64, end: f64) -> u32 {
        if self.slots.len() >= RING as usize {
            self.slots.pop_front();
        }
        self.slots.push_back((begin, end));
        self.newest = self.newest.saturating_add(1);
        self.newest
    }

    /// The number of the newest slot; 0 if there is none.
    pub(super) fn newest(&self) -> u32 {
        self.newest
    }

    /// When a slot began and ended; of one that is forgotten, what the oldest has.
    fn of(&self, number: u32) -> (f64, f64) {
        let back = self.newest.saturating_sub(number) as usize + 1;
        let at = self.slots.len().saturating_sub(back);
        self.slots.get(at).copied().unwrap_or_default()
    }

    /// When a slot began.
    pub(super) fn begin(&self, number: u32) -> f64 {
        self.of(number).0
    }

    /// When a slot ended.
    pub(super) fn end(&self, number: u32) -> f64 {
        self.of(number).1
    }

    /// The number of the first slot that ends after a time.
    pub(super) fn first_after(&self, time: f64) -> u32 {
        let at = self.slots.partition_point(|(_, end)| *end <= time);
        let after = u32::try_from(self.slots.len() - at).unwrap_or(0);
        (self.newest + 1).saturating_sub(after)
    }

    /// The seconds of the slots from this number on.
    pub(super) fn seconds_from(&self, number: u32) -> f64 {
        let newest = self.slots.back().map_or(0.0, |slot| slot.1);
        newest - self.begin(number)
    }

    pub(super) fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<(f64, f64)>()
    }
}

/// Sums of one slot, or of several.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    /// The first slot and the last.
    pub(super) first: u32,
    pub(super) last: u32,
    /// Calls that ended, with those that pile up.
    pub(super) calls: u32,
    pub(super) ended: u32,
    pub(super) begun: u32,
    /// Calls that succeeded or were cancelled: those whose durations are judged.
    pub(super) timed: u32,
    pub(super) slow: u32,
    pub(super) far: u32,
    pub(super) tail: u32,
    /// Those of them that took no more than the usual median.
    pub(super) fast: u32,
    /// Seconds that the calls took that ended.
    pub(super) time: f32,
}

impl Tally {
    pub(super) fn is_empty(&self) -> bool {
        self.calls == 0 && self.begun == 0
    }

    fn add(&mut self, other: &Self) {
        self.last = other.last;
        self.calls = self.calls.saturating_add(other.calls);
        self.ended = self.ended.saturating_add(other.ended);
        self.begun = self.begun.saturating_add(other.begun);
        self.timed = self.timed.saturating_add(other.timed);
        self.slow = self.slow.saturating_add(other.slow);
        self.far = self.far.saturating_add(other.far);
        self.tail = self.tail.saturating_add(other.tail);
        self.fast = self.fast.saturating_add(other.fast);
        self.time += other.time;
    }
}

/// The sums of a method, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Ring {
    coarse: VecDeque<Tally>,
    fine: VecDeque<Tally>,
}

impl Ring {
    /// Adds the sums of the newest slot.
    pub(super) fn push(&mut self, tally: Tally) {
        let now = tally.last;
        if !tally.is_empty() {
            push(&mut self.fine, tally);
        }
        while let Some(&old) = self.fine.front().filter(|one| one.last + FINE <= now) {
            self.fine.pop_front();
            match self.coarse.back_mut() {
                Some(sum) if sum.first / COARSE == old.first / COARSE => sum.add(&old),
                _ => push(&mut self.coarse, old),
            }
        }
        while self
            .coarse
            .front()
            .is_some_and(|one| one.last + RING <= now)
        {
            self.coarse.pop_front();
        }
    }

    /// The sums from a slot on, the newest first.
    pub(super) fn back_to(&self, first: u32) -> impl Iterator<Item = &Tally> {
        let all = self.fine.iter().rev().chain(self.coarse.iter().rev());
        all.take_while(move |one| one.last >= first)
    }

    /// The sum of a number over the slots from one on.
    pub(super) fn sum(&self, first: u32, of: impl Fn(&Tally) -> u32) -> f64 {
        self.back_to(first).map(|one| f64::from(of(one))).sum()
    }

    pub(super) fn bytes(&self) -> usize {
        (self.coarse.capacity() + self.fine.capacity()) * size_of::<Tally>()
    }
}

/// Adds sums. A deque by itself would take up to twice as many places as it needs.
fn push(sums: &mut VecDeque<Tally>, tally: Tally) {
    if sums.len() == sums.capacity() {
        sums.reserve_exact(MORE);
    }
    sums.push_back(tally);
}

/// How often one thing happened in each slot, where it did; kept as long as sums are.
#[derive(Debug, Default)]
pub(super) struct Sparse(VecDeque<(u32, u32)>);

impl Sparse {
    /// Adds to the number of the newest slot.
    pub(super) fn add(&mut self, slot: u32, count: u32) {
        match self.0.back_mut().filter(|one| one.0 == slot) {
            Some(one) => one.1 = one.1.saturating_add(count),
            None => self.push(slot, count),
        }
    }

    /// Adds a number of the newest slot.
    pub(super) fn push(&mut self, slot: u32, count: u32) {
        self.0.push_back((slot, count));
        while self.0.front().is_some_and(|one| one.0 + RING <= slot) {
            self.0.pop_front();
        }
        if self.0.len() > (FINE + RING / COARSE) as usize {
            self.merge(slot);
        }
    }

    /// Merges numbers of older slots that have one sum in common.
    fn merge(&mut self, now: u32) {
        let mut merged: VecDeque<(u32, u32)> = VecDeque::with_capacity(self.0.len());
        for one in self.0.drain(..) {
            match merged.back_mut() {
                Some(last) if one.0 + FINE <= now && last.0 / COARSE == one.0 / COARSE => {
                    last.1 = last.1.saturating_add(one.1);
                }
                _ => merged.push_back(one),
            }
        }
        self.0 = merged;
    }

    /// The sum from one slot on to before another.
    pub(super) fn within(&self, first: u32, end: u32) -> u32 {
        let from = self.0.partition_point(|one| one.0 < first);
        let slots = self.0.range(from..).take_while(|one| one.0 < end);
        slots.fold(0, |sum, one| sum.saturating_add(one.1))
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<(u32, u32)>()
    }
}
