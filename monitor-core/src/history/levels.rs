//! The three levels of slots: of 2 s for 15 minutes, of 20 s for 3 hours, of 2 minutes for 24 hours.
//!
//! # Layout
//!
//! A slot is one block of bytes ([`blocks`](super::blocks)) with a record of each method that had a call in it
//! ([`coding`](super::coding)): an idle method takes nothing. A slot of 20 s is the sum of ten slots of 2 s, and one of 2 minutes
//! of six of those; it is made when the last of them comes. It ends at a tick that is a multiple of 10, or of 60, and stands under that tick; one
//! with missing ticks is made when the next slot comes. Slots of 2 s keep eight cells for each power of two, the others two.
//! Slots are taken off as they pass the end of their level.
//!
//! # Bound
//!
//! [`HistoryConfig::max_bytes`] is for all slots. Of it each slot of a level has an equal part, its cap: an eighth is for the
//! newest 15 slots of 2 s, and of the rest [`SHARES`] for each level. A slot whose methods do not fit under its cap is thinned: the
//! busiest stay full, others keep their totals alone ([`SlotOf::is_full`] is false), and what does not fit then is added up, so that a method
//! has no record, and its slot, which is empty, is not full. Of the newest 15 slots, from which rates and quantiles of the
//! last 30 s are made, a second block is kept in which nothing or less is thinned. [`Levels::thinned`] has the number of methods that
//! are not full in the newest slots.
//!
//! [`MAX_LANES_BYTES`] of it is set aside for what stands beside the calls. The places of 1,713 slots, some 125 KB, are
//! taken whatever the bound is.
//!
//! # Sizes
//!
//! Measured (`two_hundred_busy_methods_fit`): 200 methods of 50 calls a second each over 3.5 powers of two, each with one caller,
//! one of five with failures. A slot of 2 s takes 3,973 bytes, one of 20 s 3,446, one of 2 minutes 3,920: 17 to 20 bytes a method, of
//! which half are durations. A day takes 6.49 MB, 6.2 MiB, in all, within the caps of 8 MiB. In slots of 2 minutes counts of cells are large: exact
//! ones would take 0.2 MB more. Of 5,000 methods with three calls a slot each the newest 30 s are full, at 9 bytes a method; of older ones some 240 methods
//! stay full, 350 keep totals, and 4,400 are added up.

use std::borrow::Cow;
use std::collections::VecDeque;

use super::blocks::{Calls, Gauges, SlotBlock, SlotBlockWriter, Span, add_up};
use super::coding::{Grain, Sum};
use super::lanes::{Lanes, MAX_LANES_BYTES};
use crate::data::slot::{FailureKind, MethodSlot, Slot};
use crate::history::{HistoryConfig, Range, SlotOf, Subject};

pub use super::blocks::Thinned;

/// The newest slots, of which a fuller block is kept: 30 s.
const NEWEST: usize = 15;

/// The part of the bytes that those have: one of so many.
const NEWEST_PART: usize = 8;

/// The parts of the rest for each level, of 100: as 200 busy methods need them.
const SHARES: [usize; 3] = [28, 29, 43];

/// The slots of all levels.
#[derive(Debug, Default)]
pub(crate) struct Levels {
    /// In the order of [`Range::ALL`].
    by_range: [Level; 3],
    /// The most bytes of a fuller block.
    newest_cap: usize,
    writer: SlotBlockWriter,
    lanes: Lanes,
}

/// The slots of one level.
#[derive(Debug, Default)]
struct Level {
    /// The oldest first.
    slots: VecDeque<LevelSlot>,
    /// The most bytes of a slot.
    cap: usize,
    /// How many methods are not full in the newest.
    thinned: Thinned,
    /// The tick under which the next slot will stand, if slots of the level below wait for it.
    open: Option<u64>,
}

#[derive(Debug)]
struct LevelSlot {
    block: SlotBlock,
    /// The same with more methods that are full: in the newest slots, where the block is thinned.
    fuller: Option<Box<SlotBlock>>,
}

impl LevelSlot {
    fn best(&self) -> &SlotBlock {
        self.fuller.as_deref().unwrap_or(&self.block)
    }
}

/// The calls of a method in the last 15 minutes, in 60 parts of 15 s.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Curve {
    /// The most calls in a part.
    pub max: f64,
    /// Calls begun, the oldest first. Calls of a slot on the border of two parts are shared between them.
    pub calls: [f64; 60],
    /// Calls that failed: those that count as failures.
    pub failed: [f64; 60],
}

/// The calls of a method in a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MinuteCalls {
    /// Calls begun.
    pub calls: u64,
    /// Calls that ended.
    pub ended: u64,
    /// Those of them that count as failures.
    pub failed: u64,
}

/// The calls of all methods within a window. Times are seconds since the storage was made.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CallsWithin {
    /// When its first slot began.
    pub begin: f64,
    /// When its last one ended.
    pub end: f64,
    /// The level of its slots: cells of those longer than 2 s are four times as wide.
    pub range: Range,
    /// The sums of each method with a call in it, in ascending order, and whether its durations are whole: false where
    /// totals alone were kept in a slot.
    pub methods: Vec<(MethodSlot, bool)>,
}

impl Levels {
    pub(crate) fn new(config: &HistoryConfig) -> Self {
        let newest = config.max_bytes / NEWEST_PART;
        let rest = config.max_bytes - newest;
        let rest = rest - MAX_LANES_BYTES.min(rest / 8);
        let mut levels = Self {
            newest_cap: newest / NEWEST,
            ..Self::default()
        };
        for (level, range) in levels.by_range.iter_mut().zip(Range::ALL) {
            let slots = usize::try_from(range.slots()).unwrap_or(1);
            let cap = rest / 100 * SHARES[range.place()] / slots;
            level.cap = cap.saturating_sub(size_of::<LevelSlot>() - size_of::<SlotBlock>());
        }
        levels
    }

    /// Adds the newest slot, and removes those that are past their level. A slot that is no newer than the last is left out.
    pub(crate) fn add(&mut self, slot: &Slot) {
        let newest = self.by_range[0].slots.back().map(|slot| slot.block.tick);
        if newest.is_some_and(|newest| newest >= slot.tick) {
            return;
        }
        let at = Span {
            tick: slot.tick,
            begin: slot.begin,
            end: slot.end,
        };
        let methods = in_order(&slot.methods);
        let calls = Calls {
            entries: &slot.entries,
            methods: methods.iter().map(|calls| (calls, true)).collect(),
        };
        self.close_before(1, at.tick);
        self.store(0, at, &calls);
        self.lanes.add(slot);
    }

    /// Stores a slot in a level, and the coarser slot that it ends.
    fn store(&mut self, nth: usize, at: Span, calls: &Calls<'_>) {
        let slot = self.slot(nth, at, calls);
        let range = Range::ALL[nth];
        let level = &mut self.by_range[nth];
        let kept = range.slots() * range.ticks();
        while level
            .slots
            .front()
            .is_some_and(|oldest| oldest.block.tick.saturating_add(kept) <= at.tick)
        {
            level.slots.pop_front();
        }
        // A deque would take up to twice as many places by itself.
        let places = usize::try_from(range.slots()).unwrap_or(0);
        level
            .slots
            .reserve_exact((places + 1).saturating_sub(level.slots.len()).max(1));
        level.slots.push_back(slot);
        if let Some(past) = level.slots.len().checked_sub(NEWEST + 1) {
            level.slots[past].fuller = None;
        }
        if let Some(next) = Range::ALL.get(nth + 1) {
            let end = next.last_tick(at.tick);
            self.by_range[nth + 1].open = Some(end);
            if end == at.tick {
                self.close(nth + 1);
            }
        }
    }

    /// The blocks of a slot.
    fn slot(&mut self, nth: usize, at: Span, calls: &Calls<'_>) -> LevelSlot {
        let grain = if nth == 0 { Grain::Fine } else { Grain::Coarse };
        let level = &mut self.by_range[nth];
        let writer = &mut self.writer;
        let lens = calls.full(writer, grain);
        level.thinned = Thinned::default();
        if writer.bytes() <= level.cap {
            let block = writer.finish(at, grain);
            return LevelSlot {
                block,
                fuller: None,
            };
        }
        let mut fuller = None;
        if nth == 0 {
            if writer.bytes() > self.newest_cap {
                let before = level.slots.back().map(LevelSlot::best);
                calls.thinned(writer, grain, &lens, self.newest_cap, before);
            }
            fuller = Some(Box::new(writer.finish(at, grain)));
        }
        let before = level.slots.back().map(|slot| &slot.block);
        level.thinned = calls.thinned(writer, grain, &lens, level.cap, before);
        let block = writer.finish(at, grain);
        LevelSlot { block, fuller }
    }

    /// Makes the coarser slots that end before this tick.
    fn close_before(&mut self, nth: usize, tick: u64) {
        if self
            .by_range
            .get(nth)
            .is_some_and(|level| level.open.is_some_and(|end| end < tick))
        {
            self.close_before(nth + 1, self.by_range[nth].open.unwrap_or(tick));
            self.close(nth);
        }
        if nth + 1 < self.by_range.len() {
            self.close_before(nth + 1, tick);
        }
    }

    /// Makes a coarser slot from those of the level below.
    fn close(&mut self, nth: usize) {
        let Some(tick) = self.by_range[nth].open.take() else {
            return;
        };
        let of = |slot: &&LevelSlot| Range::ALL[nth].last_tick(slot.block.tick) == tick;
        let below = self.by_range[nth - 1].slots.iter().rev().take_while(of);
        let mut parts: Vec<_> = below.map(|slot| &slot.block).collect();
        parts.reverse();
        let [Some(first), Some(last)] = [parts.first(), parts.last()] else {
            return;
        };
        let at = Span {
            tick,
            begin: first.begin,
            end: last.end,
        };
        let mut sums = Vec::new();
        let entries = add_up(&parts, Grain::Coarse, Gauges::Greatest, |sum| {
            sums.push(std::mem::take(sum));
        });
        let calls = Calls {
            entries: &entries.calls,
            methods: sums.iter().map(|sum| (&sum.calls, sum.is_full)).collect(),
        };
        self.store(nth, at, &calls);
    }

    /// The slots of a subject, the oldest first: those whose last tick is after this one.
    pub(crate) fn slots(&self, of: Subject, range: Range, after: Option<u64>) -> Vec<SlotOf> {
        let blocks = self.by_range[range.place()]
            .slots
            .iter()
            .map(LevelSlot::best);
        let blocks = blocks.filter(|block| after.is_none_or(|after| block.tick > after));
        let mut skipped = Sum::new(0);
        let slots = blocks.map(|block| {
            let sum = match of {
                Subject::Entries => entries_of(block),
                Subject::Method(method) => method_of(block, method, &mut skipped),
            };
            SlotOf {
                tick: block.tick,
                begin: block.begin,
                end: block.end,
                range,
                calls: sum.calls,
                is_full: sum.is_full,
            }
        });
        slots.collect()
    }

    /// The sums of the newest slots of 2 s, so many, of each method with a call in them, in ascending order. What is in flight
    /// is that of the newest.
    pub(crate) fn recent(&self, slots: usize) -> Vec<MethodSlot> {
        let blocks = self.newest(slots);
        let mut sums = Vec::new();
        add_up(&blocks, Grain::Fine, Gauges::Newest, |sum| {
            sums.push(std::mem::take(&mut sum.calls));
        });
        sums
    }

    /// The sums of the slots whose middle is within two times, of each method with a call in them: of the finest level that
    /// goes back so far. A window that has just passed the end of the last level is moved to its oldest slots. `None` where no
    /// slot is within.
    pub(crate) fn window(&self, from: f64, to: f64) -> Option<CallsWithin> {
        let now = self.by_range[0].slots.back()?.block.end;
        #[expect(clippy::cast_precision_loss, reason = "a day in seconds")]
        let span = |range: &Range| (range.step() * range.slots()) as f64;
        let mut ranges = Range::ALL.into_iter();
        let range = ranges.find(|range| now - from <= span(range));
        let slots = &self.by_range[range.unwrap_or(Range::Hours24).place()].slots;
        // A day ago is the first thing that is asked for, and what ended then has just been taken off.
        let missing = slots.front()?.block.begin - from;
        let is_just_past = range.is_none() && missing <= (to - from) * 2.0;
        let later = if is_just_past { missing.max(0.0) } else { 0.0 };
        let is_within = |block: &&SlotBlock| {
            let middle = f64::midpoint(block.begin, block.end);
            middle > from + later && middle <= to + later
        };
        let blocks: Vec<_> = slots
            .iter()
            .map(LevelSlot::best)
            .filter(is_within)
            .collect();
        let (begin, end) = (blocks.first()?.begin, blocks.last()?.end);
        let range = range.unwrap_or(Range::Hours24);
        let grain = if range == Range::Minutes15 {
            Grain::Fine
        } else {
            Grain::Coarse
        };
        let mut methods = Vec::new();
        add_up(&blocks, grain, Gauges::Greatest, |sum| {
            methods.push((std::mem::take(&mut sum.calls), sum.is_full));
        });
        Some(CallsWithin {
            begin,
            end,
            range,
            methods,
        })
    }

    /// The same of these methods alone, which ascend; one without a call in those slots is 0 throughout.
    pub(crate) fn recent_of(&self, methods: &[u32], slots: usize) -> Vec<MethodSlot> {
        let mut sums: Vec<_> = methods.iter().map(|method| Sum::new(*method)).collect();
        let mut skipped = Sum::new(0);
        let blocks = self.newest(slots);
        for (nth, block) in blocks.iter().enumerate() {
            let is_newest = nth + 1 == blocks.len();
            let mut cursor = block.methods();
            for sum in &mut sums {
                if cursor.seek(sum.calls.method, &mut skipped) {
                    cursor.read(Grain::Fine, is_newest, sum);
                }
            }
        }
        sums.into_iter().map(|sum| sum.calls).collect()
    }

    /// The same of all entry calls.
    pub(crate) fn recent_entries(&self, slots: usize) -> MethodSlot {
        let blocks = self.newest(slots);
        let mut sum = Sum::new(0);
        for (nth, block) in blocks.iter().enumerate() {
            block.entries(Grain::Fine, nth + 1 == blocks.len(), &mut sum);
        }
        sum.calls
    }

    fn newest(&self, slots: usize) -> Vec<&SlotBlock> {
        let all = &self.by_range[0].slots;
        let first = all.len().saturating_sub(slots);
        all.range(first..).map(LevelSlot::best).collect()
    }

    /// The calls of methods in the last 15 minutes, in 60 parts; in the order of the methods asked for.
    pub(crate) fn curves(&self, methods: &[u32]) -> Vec<Curve> {
        let none = Curve {
            max: 0.0,
            calls: [0.0; 60],
            failed: [0.0; 60],
        };
        let mut curves = vec![none; methods.len()];
        let end = self.by_range[0]
            .slots
            .back()
            .map_or(0.0, |slot| slot.block.end);
        self.each_of(methods, |nth, block, calls| {
            let part = |at: f64| ((at - end) / 15.0 + 60.0).clamp(0.0, 60.0);
            let [begin, end] = [part(block.begin), part(block.end)];
            let curve = &mut curves[nth];
            share_out(&mut curve.calls, begin, end, calls.begun);
            share_out(
                &mut curve.failed,
                begin,
                end,
                calls.failed(FailureKind::Counts),
            );
        });
        for curve in &mut curves {
            curve.max = curve.calls.iter().fold(0.0, |max, calls| calls.max(max));
        }
        curves
    }

    /// The calls of methods in each of the last 15 minutes, the oldest first; in the order of the methods asked for.
    pub(crate) fn minutes(&self, methods: &[u32]) -> Vec<[MinuteCalls; 15]> {
        let mut minutes = vec![[MinuteCalls::default(); 15]; methods.len()];
        let newest = self.by_range[0]
            .slots
            .back()
            .map_or(0, |slot| slot.block.tick);
        self.each_of(methods, |nth, block, calls| {
            let ago = usize::try_from((newest - block.tick) / 30).unwrap_or(usize::MAX);
            if let Some(minute) = 14_usize
                .checked_sub(ago)
                .and_then(|at| minutes[nth].get_mut(at))
            {
                minute.calls = minute.calls.saturating_add(calls.begun);
                minute.ended = minute.ended.saturating_add(calls.ended());
                minute.failed = minute
                    .failed
                    .saturating_add(calls.failed(FailureKind::Counts));
            }
        });
        minutes
    }

    /// Calls `each` with the calls of these methods in each slot of 2 s, and their place in `methods`.
    fn each_of(&self, methods: &[u32], mut each: impl FnMut(usize, &SlotBlock, &MethodSlot)) {
        let mut order: Vec<_> = methods.iter().copied().enumerate().collect();
        order.sort_unstable_by_key(|one| one.1);
        let mut skipped = Sum::new(0);
        let mut sum = Sum::new(0);
        for block in self.by_range[0].slots.iter().map(LevelSlot::best) {
            let mut cursor = block.methods();
            let mut found = None;
            for &(nth, method) in &order {
                if cursor.seek(method, &mut skipped) {
                    sum.reset(method);
                    cursor.read(Grain::Coarse, false, &mut sum);
                    found = Some(method);
                }
                if found == Some(method) {
                    each(nth, block, &sum.calls);
                }
            }
        }
    }

    /// How many methods are not full in the newest slot of each level.
    pub(crate) fn thinned(&self) -> [Thinned; 3] {
        [0, 1, 2].map(|nth| self.by_range[nth].thinned)
    }

    /// What is kept beside the calls.
    pub(crate) fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    /// The same, to be added to.
    pub(crate) fn lanes_mut(&mut self) -> &mut Lanes {
        &mut self.lanes
    }

    /// Bytes that the slots and lanes take.
    pub(crate) fn bytes(&self) -> usize {
        let levels = self.by_range.iter().map(|level| {
            let blocks = level.slots.iter().map(|slot| {
                let fuller = slot.fuller.as_ref().map_or(0, |block| block.bytes());
                slot.block.bytes() - size_of::<SlotBlock>() + fuller
            });
            blocks.sum::<usize>() + level.slots.capacity() * size_of::<LevelSlot>()
        });
        levels.sum::<usize>() + self.lanes.bytes()
    }
}

/// The methods in ascending order, each once.
fn in_order(methods: &[MethodSlot]) -> Cow<'_, [MethodSlot]> {
    if methods.is_sorted_by(|one, next| one.method < next.method) {
        return Cow::Borrowed(methods);
    }
    let mut order: Vec<_> = methods.iter().collect();
    order.sort_by_key(|calls| calls.method);
    let mut sums: Vec<Sum> = Vec::new();
    for calls in order {
        if sums
            .last()
            .is_none_or(|sum| sum.calls.method != calls.method)
        {
            sums.push(Sum::new(calls.method));
        }
        if let Some(sum) = sums.last_mut() {
            sum.add(calls, Grain::Fine);
        }
    }
    sums.into_iter().map(|sum| sum.calls).collect()
}

fn entries_of(block: &SlotBlock) -> Sum {
    let mut sum = Sum::new(0);
    block.entries(Grain::Fine, true, &mut sum);
    sum
}

fn method_of(block: &SlotBlock, method: u32, skipped: &mut Sum) -> Sum {
    let mut sum = Sum::new(method);
    let mut cursor = block.methods();
    if cursor.seek(method, skipped) {
        cursor.read(Grain::Fine, true, &mut sum);
    } else {
        sum.is_full = !block.has_rest;
    }
    sum
}

/// Shares calls between the parts from `begin` to `end`.
fn share_out(parts: &mut [f64; 60], begin: f64, end: f64, calls: u64) {
    #[expect(clippy::cast_precision_loss, reason = "a curve is of doubles")]
    let calls = calls as f64;
    let length = end - begin;
    if calls == 0.0 || !length.is_finite() || length <= 0.0 {
        return;
    }
    for (part, at) in parts.iter_mut().zip(0_u32..) {
        let [from, to] = [f64::from(at).max(begin), f64::from(at + 1).min(end)];
        if to > from {
            *part += calls * (to - from) / length;
        }
    }
}

#[cfg(test)]
mod tests;
