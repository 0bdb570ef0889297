//! One method: what it did of late, what is usual for it, the evidence against it, and its findings.

use super::evidence::{ENOUGH, Evidence, Kind, seen};
use super::failures::{self, Failures, OTHERS, place_of};
use super::finding::{Family, Finding, Sign};
use super::normal::{BLOCK, Block, Normal, add_cells, bounded};
use super::ring::{Ring, Sparse, Tally, Times};
use super::usual::Ranges;
use crate::data::slot::{Cells, FailureKind, MethodSlot};

/// Blocks that wait before they are learned: a minute.
const DELAY: usize = 3;
/// The same while there is half the evidence for a finding: five minutes.
const DELAY_IN_DOUBT: usize = 15;
/// Slow calls are those of one client beside the usual ones where so many times the usual number come, ...
const EXTRA: f64 = 1.25;
/// ... no more of them are slow than so many times those beyond, ...
const ALL_EXTRA: f64 = 1.3;
/// ... and so many of the usual number are no slower than the usual median, as half of them usually are.
const FAST: f64 = 0.35;
/// Bad calls that count in a block, in times the usual calls of one.
const ROOM: f64 = 2.0;
/// Blocks that must be learned before that limit is known.
const ROOM_FROM: u32 = 3;
/// Slots of one of the two sums of recent durations: 16 s, so that both hold the last 16 to 32 s.
const RECENT: u32 = 8;

/// What is in flight at the end of a slot.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Gauges {
    pub(super) in_flight: u32,
    pub(super) waiting: u32,
    pub(super) permits: u32,
    /// Calls older than the limit.
    pub(super) late: u32,
    pub(super) oldest: f64,
    /// About the sum of the ages of all, seconds.
    pub(super) aged: f64,
}

/// Durations of the last 16 to 32 s.
#[derive(Debug, Default)]
struct Recent {
    before: Vec<(i16, u32)>,
    now: Vec<(i16, u32)>,
    slots: u32,
}

/// A method.
#[derive(Debug)]
pub(super) struct Method {
    pub(super) normal: Normal,
    pub(super) slow: Evidence,
    pub(super) far: Evidence,
    pub(super) tail: Evidence,
    pub(super) failures: Vec<Failures>,
    pub(super) found: Vec<Finding>,
    pub(super) ring: Ring,
    /// Calls that were late, waited, and ended late, by slot.
    pub(super) late: Sparse,
    pub(super) waited: Sparse,
    pub(super) ended_late: Sparse,
    pub(super) gauges: Gauges,
    pub(super) ranges: Ranges,
    /// Methods that it is called from, and that it calls.
    pub(super) callers: Vec<u32>,
    pub(super) callees: Vec<u32>,
    /// When a call of it was first begun.
    pub(super) first: Option<f64>,
    /// Whether most calls come from outside.
    pub(super) is_root: bool,
    /// Slots running in which calls are stuck, and wait.
    pub(super) stuck_slots: u32,
    pub(super) waiting_slots: u32,
    /// When it did something last.
    pub(super) last_active: f64,
    recent: Recent,
    block: Option<Block>,
    queue: Vec<Block>,
    /// The slot that was fed last.
    fed: u32,
    phase: u32,
}

/// What a slot is for all methods.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now<'a> {
    pub(super) times: &'a Times,
    /// Its number.
    pub(super) number: u32,
    pub(super) end: f64,
    pub(super) seconds: f64,
    /// False after a gap: ages and durations are those of a process that stood still. Failures are what they are.
    pub(super) is_steady: bool,
    /// The place of the error type of panics.
    pub(super) panic: Option<u32>,
}

impl Method {
    pub(super) fn new(number: u32, slot: u32) -> Self {
        Self {
            normal: Normal::default(),
            slow: Evidence::new(Kind::Slow, slot),
            far: Evidence::new(Kind::Far, slot),
            tail: Evidence::new(Kind::Tail, slot),
            failures: Vec::new(),
            found: Vec::new(),
            ring: Ring::default(),
            late: Sparse::default(),
            waited: Sparse::default(),
            ended_late: Sparse::default(),
            gauges: Gauges::default(),
            ranges: Ranges::default(),
            callers: Vec::new(),
            callees: Vec::new(),
            first: None,
            is_root: false,
            stuck_slots: 0,
            waiting_slots: 0,
            last_active: 0.0,
            recent: Recent::default(),
            block: None,
            queue: Vec::new(),
            fed: slot,
            phase: number % BLOCK,
        }
    }

    /// Adds a slot, in which it did nothing where it has no calls.
    pub(super) fn feed(&mut self, calls: Option<&MethodSlot>, now: &Now<'_>) {
        self.catch_up(now);
        let tally = match calls {
            Some(calls) => self.count(calls, now),
            None => self.stand_still(now),
        };
        self.ring.push(tally);
        self.judge(&tally, now);
        self.judge_gauges(now);
        self.collect(&tally, calls, now);
        self.fed = now.number;
    }

    /// True if slots without a call of it must be fed to it.
    pub(super) fn is_awake(&self) -> bool {
        let is_empty = self.queue.iter().chain(&self.block).all(Block::is_empty);
        !is_empty || !self.found.is_empty() || self.gauges.in_flight > 0
    }

    /// The blocks of the time in which it slept.
    fn catch_up(&mut self, now: &Now<'_>) {
        let slept = now.number.wrapping_sub(self.fed).saturating_sub(1);
        if slept == 0 {
            return;
        }
        self.queue.clear();
        self.normal.idle(slept / BLOCK);
        // The block that runs began before this slot.
        let slots = (now.number + self.phase) % BLOCK;
        self.block = Some(Block {
            slots,
            seconds: f64::from(slots) * now.seconds,
            ..Block::default()
        });
    }

    fn stand_still(&mut self, now: &Now<'_>) -> Tally {
        let permits = self.gauges.permits;
        self.gauges = Gauges {
            permits,
            ..Gauges::default()
        };
        self.recent.turn();
        Tally {
            first: now.number,
            last: now.number,
            ..Tally::default()
        }
    }

    fn count(&mut self, calls: &MethodSlot, now: &Now<'_>) -> Tally {
        if self.first.is_none() && calls.begun > 0 {
            self.first = Some(now.end);
        }
        self.last_active = now.end;
        self.is_root = calls.entries.saturating_mul(2) >= calls.begun && calls.begun > 0
            || self.is_root && calls.begun == 0;
        let mut tally = Tally {
            first: now.number,
            last: now.number,
            begun: clamp(calls.begun),
            ..Tally::default()
        };
        let mut ended_late = self.count_cells(&calls.ok, true, &mut tally);
        for failed in &calls.failures {
            let is_timed = failed.kind == FailureKind::Cancelled;
            let late = self.count_cells(&failed.cells, is_timed, &mut tally);
            ended_late = ended_late.saturating_add(late);
        }
        tally.calls = tally.ended;
        self.recent.turn();
        add_cells(&mut self.recent.now, &calls.ok);
        if calls.ok.is_empty() {
            let cancelled = calls.failures.iter();
            for one in cancelled.filter(|one| one.kind == FailureKind::Cancelled) {
                add_cells(&mut self.recent.now, &one.cells);
            }
        }
        let before = self.gauges.in_flight;
        self.read_gauges(calls);
        if f64::from(self.gauges.in_flight) > 1.5 * self.normal.in_flight + 3.0 {
            // Calls that pile up have not failed.
            let more = self.gauges.in_flight.saturating_sub(before);
            tally.calls = tally.calls.saturating_add(more);
        }
        self.remember(now, ended_late);
        self.count_failures(calls, now);
        tally
    }

    /// Adds durations to the sums, and returns how many were late.
    fn count_cells(&self, cells: &Cells, is_timed: bool, tally: &mut Tally) -> u32 {
        let late_above = self.normal.late_power.saturating_mul(8);
        let mut late = 0_u32;
        for &(cell, count) in &cells.0 {
            let (cell, count) = (bounded(cell), clamp(count));
            tally.ended = tally.ended.saturating_add(count);
            #[expect(clippy::cast_possible_truncation, reason = "a sum with errors of 9 %")]
            let seconds = (Cells::middle(cell) * f64::from(count)) as f32;
            tally.time += seconds;
            if i32::from(cell) > late_above {
                late = late.saturating_add(count);
            }
            if is_timed && self.normal.has_bounds() {
                tally.timed = tally.timed.saturating_add(count);
                if cell <= self.normal.median {
                    tally.fast = tally.fast.saturating_add(count);
                }
                if cell > self.normal.slow_above {
                    tally.slow = tally.slow.saturating_add(count);
                }
                if cell > self.normal.far_above {
                    tally.far = tally.far.saturating_add(count);
                }
                if cell > self.normal.tail_above {
                    tally.tail = tally.tail.saturating_add(count);
                }
            }
        }
        late
    }

    fn read_gauges(&mut self, calls: &MethodSlot) {
        let from = usize::try_from(self.normal.late_power).unwrap_or(usize::MAX);
        let late = calls.ages.iter().skip(from);
        let ages = calls.ages.iter().enumerate();
        self.gauges = Gauges {
            in_flight: clamp(calls.in_flight),
            waiting: clamp(calls.waiting),
            permits: clamp(calls.permits),
            late: late.fold(0, |sum, one| one.saturating_add(sum)),
            oldest: if calls.oldest.is_finite() {
                calls.oldest
            } else {
                0.0
            },
            // The middle of ages from 2^i to 2^(i + 1), by ratio.
            aged: ages
                .map(|(power, &count)| f64::from(count) * 1.4 * power_of_two(power))
                .sum(),
        };
    }

    fn remember(&mut self, now: &Now<'_>, ended_late: u32) {
        for (counts, count) in [
            (&mut self.late, self.gauges.late),
            (&mut self.waited, self.gauges.waiting),
            (&mut self.ended_late, ended_late),
        ] {
            if count > 0 {
                counts.push(now.number, count);
            }
        }
    }

    fn count_failures(&mut self, calls: &MethodSlot, now: &Now<'_>) {
        for one in &calls.failures {
            if one.kind != FailureKind::Counts {
                continue;
            }
            let count = clamp(one.cells.count());
            let at = place_of(&self.failures, one.error_type)
                .unwrap_or_else(|| self.add_failures(one.error_type, now));
            self.failures[at].counts.add(now.number, count);
        }
    }

    fn add_failures(&mut self, error_type: u32, now: &Now<'_>) -> usize {
        let found = &self.found;
        let is_found = |error_type| {
            let sign = Sign::Failed(error_type);
            found.iter().any(|one| one.sign == sign)
        };
        failures::add(&mut self.failures, error_type, is_found, &self.normal, now)
    }

    // Judging ------------------------------------------------------------------------------------------------------------

    fn judge(&mut self, tally: &Tally, now: &Now<'_>) {
        let room = self.room();
        let is_timed = now.is_steady && self.normal.is_judged();
        if is_timed && tally.timed > 0 {
            self.slow.add(tally.timed, tally.slow, now.number, u32::MAX);
            self.far.add(tally.timed, tally.far, now.number, u32::MAX);
            self.tail.add(tally.timed, tally.tail, now.number, u32::MAX);
        }
        for at in 0..self.failures.len() {
            let failures = &mut self.failures[at];
            let bad = failures.counts.within(now.number, now.number + 1);
            failures.evidence.add(tally.calls, bad, now.number, room);
        }
        if self.found.is_empty() && !self.is_enough() {
            return;
        }
        if is_timed {
            self.judge_sign(Sign::Slow, tally.timed, tally.slow, now);
            self.judge_sign(Sign::Far, tally.timed, tally.far, now);
            self.judge_sign(Sign::Tail, tally.timed, tally.tail, now);
        }
        for at in 0..self.failures.len() {
            let failures = &self.failures[at];
            let bad = failures.counts.within(now.number, now.number + 1);
            self.judge_sign(Sign::Failed(failures.error_type), tally.calls, bad, now);
        }
    }

    fn is_found(&self, sign: Sign) -> bool {
        self.evidence_of(sign)
            .is_some_and(|one| one.most() >= ENOUGH)
    }

    fn is_enough(&self) -> bool {
        self.evidence().any(|one| one.most() >= ENOUGH)
    }

    pub(super) fn evidence(&self) -> impl Iterator<Item = &Evidence> {
        let failures = self.failures.iter().map(|one| &one.evidence);
        failures.chain([&self.slow, &self.far, &self.tail])
    }

    /// Bad calls that count in a block.
    fn room(&self) -> u32 {
        if self.normal.blocks < ROOM_FROM {
            return u32::MAX;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the cast saturates"
        )]
        let calls = (ROOM * self.normal.rate * f64::from(BLOCK) * 2.0).ceil() as u32;
        calls.max(2)
    }

    pub(super) fn evidence_of(&self, sign: Sign) -> Option<&Evidence> {
        match sign {
            Sign::Slow => Some(&self.slow),
            Sign::Far => Some(&self.far),
            Sign::Tail => Some(&self.tail),
            Sign::Failed(error_type) => {
                let found = self
                    .failures
                    .iter()
                    .find(|one| one.error_type == error_type);
                found.map(|one| &one.evidence)
            }
            Sign::Stuck | Sign::Waiting => None,
        }
    }

    fn reset_evidence(&mut self, sign: Sign, now: u32) {
        match sign {
            Sign::Slow => self.slow.reset(now),
            Sign::Far => self.far.reset(now),
            Sign::Tail => self.tail.reset(now),
            Sign::Failed(error_type) => {
                let found = self
                    .failures
                    .iter_mut()
                    .filter(|one| one.error_type == error_type);
                found.for_each(|one| one.evidence.reset(now));
            }
            Sign::Stuck | Sign::Waiting => {}
        }
    }

    /// Calls that tell something of a sign, and the bad ones, from a slot on: the newest first, with first and last slot.
    pub(super) fn slots(
        &self,
        sign: Sign,
        first: u32,
    ) -> impl Iterator<Item = (u32, u32, u32, u32)> {
        let counts = match sign {
            Sign::Failed(error_type) => {
                let found = self
                    .failures
                    .iter()
                    .find(|one| one.error_type == error_type);
                found.map(|one| &one.counts)
            }
            _ => None,
        };
        self.ring.back_to(first).map(move |one| {
            let (calls, bad) = match sign {
                Sign::Slow => (one.timed, one.slow),
                Sign::Far => (one.timed, one.far),
                Sign::Tail => (one.timed, one.tail),
                _ => {
                    let bad = counts.map_or(0, |counts| counts.within(one.first, one.last + 1));
                    (one.calls, bad)
                }
            };
            (one.first, one.last, calls, bad)
        })
    }

    /// The same in all: calls, and the bad ones.
    pub(super) fn sum_of(&self, sign: Sign, first: u32) -> [f64; 2] {
        let slots = self.slots(sign, first);
        slots.fold([0.0, 0.0], |[calls, bad], slot| {
            [calls + f64::from(slot.2), bad + f64::from(slot.3)]
        })
    }

    fn judge_sign(&mut self, sign: Sign, calls: u32, bad: u32, now: &Now<'_>) {
        let at = self.found.iter().position(|one| one.sign == sign);
        match at {
            Some(at) if self.found[at].is_active() => {
                let mut finding = self.found.swap_remove(at);
                let evidence = self.evidence_of(sign);
                let is_over = evidence.is_some_and(|one| finding.weigh(one, calls, bad, now.end));
                self.found.push(finding);
                if is_over {
                    self.close(sign, now);
                }
            }
            // What was no finding a while ago is none of a slot without a bad call.
            _ if bad > 0 && self.is_found(sign) => self.open(sign, at, now),
            Some(at) if self.found[at].is_past(now.end) => drop(self.found.swap_remove(at)),
            _ => {}
        }
    }

    fn open(&mut self, sign: Sign, at: Option<usize>, now: &Now<'_>) {
        let since = self.began(sign, now);
        if sign.family() == Family::Slow && self.is_extra(sign, since, now) {
            return;
        }
        let first = now.times.first_after(since);
        let (calls, bad) = self.slots(sign, first).fold((0_u64, 0_u64), |sum, one| {
            (sum.0 + u64::from(one.2), sum.1 + u64::from(one.3))
        });
        let begun = self.began_with(sign, since);
        let back = at.filter(|&at| !self.found[at].is_past(now.end));
        if let Some(at) = back {
            self.found[at].again(now.end);
            self.found[at].count(calls, bad);
        } else {
            self.found.retain(|one| one.sign != sign);
            let mut finding = Finding::new(sign, since, now.end);
            finding.incident_since = begun;
            finding.count(calls, bad);
            self.found.push(finding);
        }
        self.forget_from(since);
    }

    /// When the trouble began that a finding from this time on is a part of: calls that hung at first may only be slow later.
    fn began_with(&self, sign: Sign, since: f64) -> f64 {
        let is_time = |sign: Sign| sign.family() != Family::Failed;
        let goes_on = self.told().filter(|one| is_time(one.sign) && is_time(sign));
        goes_on.map(|one| one.incident_since).fold(since, f64::min)
    }

    /// When what the evidence is of began.
    pub(super) fn began(&self, sign: Sign, now: &Now<'_>) -> f64 {
        let Some(evidence) = self.evidence_of(sign) else {
            return now.end;
        };
        let from = now
            .times
            .first_after(now.times.end(evidence.start()) - 60.0);
        let slots: Vec<_> = self
            .slots(sign, from)
            .map(|one| (one.0, one.2, one.3))
            .collect();
        let mut at = evidence.change_point(&slots, now.times);
        if sign.family() == Family::Slow {
            // A call that ended then began before.
            at -= self.recent.median().unwrap_or(0.0).min(30.0);
        }
        at
    }

    /// Whether the slow calls came beside the usual ones: somebody makes large calls, and all others go as ever.
    fn is_extra(&self, sign: Sign, since: f64, now: &Now<'_>) -> bool {
        let first = now.times.first_after(since);
        let [calls, slow] = self.sum_of(sign, first);
        let fast = self.ring.sum(first, |one| one.fast);
        let usual = self.normal.rate * (now.end - since).max(now.seconds);
        let is_beside = slow <= ALL_EXTRA * (calls - usual) && fast >= FAST * usual;
        // Which jobs come now and then is not known of a young method: more calls that are slow may be one.
        calls >= EXTRA * usual && (is_beside || self.normal.is_young())
    }

    pub(super) fn close(&mut self, sign: Sign, now: &Now<'_>) {
        for one in self.found.iter_mut().filter(|one| one.sign == sign) {
            one.over = Some(now.end);
        }
        self.reset_evidence(sign, now.number);
    }

    /// The same of one that may go on: it is no return then, if it is found again.
    pub(super) fn close_echo(&mut self, sign: Sign, now: &Now<'_>) {
        for one in self.found.iter_mut().filter(|one| one.sign == sign) {
            one.times = one.times.saturating_sub(1);
        }
        self.close(sign, now);
    }

    pub(super) fn active(&self) -> impl Iterator<Item = &Finding> {
        self.found.iter().filter(|one| one.is_active())
    }

    /// Those of them that are no echoes.
    pub(super) fn told(&self) -> impl Iterator<Item = &Finding> {
        self.active().filter(|one| !one.is_echo)
    }

    pub(super) fn has_finding(&self) -> bool {
        self.active().next().is_some()
    }

    // Learning -----------------------------------------------------------------------------------------------------------

    /// What a finding is made of is not learned.
    pub(super) fn forget_from(&mut self, since: f64) {
        self.queue.retain(|block| block.end <= since - 4.0);
        self.block = None;
    }

    fn collect(&mut self, tally: &Tally, calls: Option<&MethodSlot>, now: &Now<'_>) {
        let is_last = (now.number + self.phase) % BLOCK == BLOCK - 1;
        if is_last {
            self.slow.end_block();
            self.far.end_block();
            self.tail.end_block();
            self.failures
                .iter_mut()
                .for_each(|one| one.evidence.end_block());
        }
        if self.has_finding() || !now.is_steady {
            self.block = None;
            return;
        }
        let mut block = self.block.take().unwrap_or_default();
        self.add_to(&mut block, tally, calls, now);
        if !is_last {
            self.block = Some(block);
        } else if block.slots >= BLOCK / 2 {
            self.end_block(block, now);
        }
    }

    fn add_to(&self, block: &mut Block, tally: &Tally, calls: Option<&MethodSlot>, now: &Now<'_>) {
        block.slots += 1;
        block.seconds += now.seconds;
        (block.end, block.last) = (now.end, now.number);
        block.calls = block.calls.saturating_add(tally.calls);
        block.ended = block.ended.saturating_add(tally.ended);
        block.begun = block.begun.saturating_add(tally.begun);
        block.time += f64::from(tally.time);
        block.waiting = block.waiting.max(self.gauges.waiting);
        block.late = block.late.max(self.gauges.late);
        block.in_flight = block.in_flight.max(self.gauges.in_flight);
        if let Some(calls) = calls {
            block.add_busy(calls);
            block.add_cells(&calls.ok);
            for one in calls
                .failures
                .iter()
                .filter(|one| one.kind == FailureKind::Counts)
            {
                let known = place_of(&self.failures, one.error_type);
                let error_type = known.map_or(OTHERS, |_| one.error_type);
                block.add_failed(error_type, clamp(one.cells.count()));
            }
        }
    }

    fn end_block(&mut self, mut block: Block, now: &Now<'_>) {
        let first = (now.number + 1).saturating_sub(block.slots.min(BLOCK));
        for sign in self.signs() {
            let mut slots = [(0, 0); BLOCK as usize];
            let count = (now.number + 1 - first) as usize;
            for (slot, _, calls, bad) in self.slots(sign, first) {
                if let Some(one) = slots.get_mut(slot.saturating_sub(first) as usize) {
                    *one = (calls, bad);
                }
            }
            let seen = seen(&slots[..count]);
            if seen.bad > 0.0 || seen.worst > 0.0 {
                block.seen.push((sign, seen));
            }
        }
        block.hist.shrink_to_fit();
        self.queue.push(block);
        let delay = if self.is_suspect() {
            DELAY_IN_DOUBT
        } else {
            DELAY
        };
        while self.queue.len() > delay {
            let block = self.queue.remove(0);
            self.learn(&block, now);
        }
    }

    fn signs(&self) -> impl Iterator<Item = Sign> + use<> {
        let failures: Vec<_> = self.failures.iter().map(|one| one.error_type).collect();
        let failures = failures.into_iter().map(Sign::Failed);
        failures.chain([Sign::Slow, Sign::Far, Sign::Tail])
    }

    /// Half the evidence for a finding is there.
    pub(super) fn is_suspect(&self) -> bool {
        self.evidence().any(|one| one.most() >= ENOUGH / 2.0)
    }

    fn learn(&mut self, block: &Block, now: &Now<'_>) {
        if !self.normal.learn_rate(block) {
            return;
        }
        let (calls, blocks) = (f64::from(block.calls), self.normal.blocks);
        for one in &mut self.failures {
            let new = f64::from(block.failed(one.error_type));
            let bad = one.evidence.learned_bad() * super::evidence::FADE + new;
            let seen = block.seen(Sign::Failed(one.error_type));
            one.evidence
                .learn(calls, seen, bad, self.normal.total, blocks);
        }
        if let Some([slow, far, tail]) = self.normal.learn_durations(block) {
            let timed = self.normal.timed;
            let good: f64 = block.hist.iter().map(|one| f64::from(one.1)).sum();
            self.slow
                .learn(good, block.seen(Sign::Slow), slow, timed, blocks);
            self.far
                .learn(good, block.seen(Sign::Far), far, timed, blocks);
            self.tail
                .learn(good, block.seen(Sign::Tail), tail, timed, blocks);
        }
        let late_since = self.least_late(block, now);
        self.normal.learn_gauges(block, late_since);
        self.ranges.learn(block);
    }

    /// The least number of late calls in the slots since a block ended.
    fn least_late(&self, block: &Block, now: &Now<'_>) -> u32 {
        if block.late == 0 {
            return 0;
        }
        let slots = block.last..=now.number;
        slots
            .map(|slot| self.late.within(slot, slot + 1))
            .min()
            .unwrap_or(0)
    }

    // What attribution asks ----------------------------------------------------------------------------------------------

    /// Nats of evidence that it is slow.
    pub(super) fn slowness(&self) -> f64 {
        self.slow.most().max(self.far.most()).max(self.tail.most())
    }

    /// What of its slowness has most evidence.
    pub(super) fn slow_sign(&self) -> Sign {
        let most = self.slowness();
        if self.slow.most() >= most {
            Sign::Slow
        } else if self.far.most() >= most {
            Sign::Far
        } else {
            Sign::Tail
        }
    }

    /// The share of failures that was learned.
    pub(super) fn usual_failures(&self) -> f64 {
        let bad: f64 = self
            .failures
            .iter()
            .map(|one| one.evidence.learned_bad())
            .sum();
        if self.normal.total > 0.0 {
            bad / self.normal.total
        } else {
            0.0
        }
    }

    /// Failures from a slot on.
    pub(super) fn failed_from(&self, first: u32) -> f64 {
        let counts = self
            .failures
            .iter()
            .map(|one| one.counts.within(first, u32::MAX));
        counts.map(f64::from).sum()
    }

    /// p50 and p99 of the last half minute, seconds.
    pub(super) fn recent_durations(&self) -> Option<[f64; 2]> {
        Some([self.recent.quantile(0.5)?, self.recent.quantile(0.99)?])
    }

    pub(super) fn bytes(&self) -> usize {
        let sparse = [&self.late, &self.waited, &self.ended_late];
        let failures = self.failures.iter().map(|one| one.counts.bytes());
        let blocks = self.queue.iter().chain(&self.block);
        size_of::<Self>()
            + self.normal.bytes()
            + self.ring.bytes()
            + self.ranges.bytes()
            + sparse.map(Sparse::bytes).iter().sum::<usize>()
            + failures.sum::<usize>()
            + self.failures.capacity() * size_of::<Failures>()
            + self.found.capacity() * size_of::<Finding>()
            + blocks.map(Block::bytes).sum::<usize>()
            + self.queue.capacity() * size_of::<Block>()
            + (self.recent.now.capacity() + self.recent.before.capacity()) * size_of::<(i16, u32)>()
            + (self.callers.capacity() + self.callees.capacity()) * size_of::<u32>()
    }
}

impl Recent {
    /// One more slot has ended.
    fn turn(&mut self) {
        self.slots += 1;
        if self.slots > RECENT {
            self.slots = 1;
            std::mem::swap(&mut self.before, &mut self.now);
            self.now.clear();
        }
    }

    fn median(&self) -> Option<f64> {
        self.quantile(0.5)
    }

    fn quantile(&self, share: f64) -> Option<f64> {
        let mut sum = Cells::default();
        for &(cell, count) in self.before.iter().chain(&self.now) {
            sum.add(&Cells(vec![(cell, u64::from(count))]));
        }
        sum.quantile(share)
    }
}

/// A count as the sums hold it: 2^32 - 1 is as good as more.
fn clamp(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn power_of_two(power: usize) -> f64 {
    f64::from(u32::try_from(power).unwrap_or(64).min(64)).exp2()
}
