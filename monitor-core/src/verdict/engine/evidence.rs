//! Evidence: is the share of bad calls of a method above its normal?
//!
//! # Definition
//!
//! Three CUSUM counters (Page 1954, *Continuous inspection schemes*) add, for each slot with `n` calls of which `f` are bad,
//! `(f ln(q / p0) + (n - f) ln((1 - q) / (1 - p0))) / bursts`, and never fall below 0. `p0` is the normal share. `q` is the
//! share that the counter asks for: one that just matters, `max(3 p0, least)`; most calls, 0.8; and the geometric mean of
//! both. The sum is the logarithm of how much better `q` explains the slots than `p0` does. At [`ENOUGH`] it is a finding.
//!
//! `p0` is the upper bound (Wilson 1927) of [`MORE`] times the bad calls that were learned, at least the least of its kind,
//! the highest share that six seconds surely had (of failures at two times, once the method is known), and what a method that
//! is not known yet may have.
//!
//! A method of which less than [`YOUNG`] blocks are known may have a share of [`YOUNG_BAD`] and less, falling with each block;
//! its durations are judged from [`EARLIEST`] blocks on, where what slots add counts by [`CAUTION`] less, by 1 at last.
//!
//! `bursts` is how much more the bad calls of a block vary than chance would have it: the mean of `(f - m)^2 / m (1 - m / n)`,
//! with `m` as expected, from 1 to [`BURSTS`].

use super::ring::Times;
use super::wilson::{lower, upper};

/// Nats for a finding: e^11, odds of 60,000 to 1 (spec: one false alarm a day at most over 400 h of noise).
pub(super) const ENOUGH: f64 = 11.0;
/// What the counters gain in a slot at most: a finding needs five slots, or three where most calls are bad.
const SLOT_MOST: [f64; 3] = [ENOUGH / 5.0, ENOUGH / 4.0, ENOUGH / 3.0];
/// What one call adds at most: a finding needs five.
const CALL_MOST: f64 = 2.5;
/// What a slot adds at most against a share of slow calls that just matters: it must last for 15 slots.
const LONG: f64 = ENOUGH / 15.0;
/// What a slot adds at most while a method is not known, unless most calls are bad.
const YOUNG_MOST: f64 = ENOUGH / 12.0;
/// Blocks with calls until a method is known: ten minutes.
pub(super) const YOUNG: u32 = 30;
/// Blocks with calls until durations, and calls that do not end, are judged: two minutes, and one until they are learned.
pub(super) const EARLIEST: u32 = 6;
/// Good calls that must be learned until then.
pub(super) const EARLIEST_CALLS: f64 = 100.0;
/// So many times the evidence for slow calls is asked for then; once a method is known, as much as ever.
const CAUTION: f64 = 3.0;
/// Blocks of one time in which many calls were bad: a minute.
const ONE_TIME: u32 = 3;
/// So large a bad share may be normal for a method that is not known.
const YOUNG_BAD: f64 = 0.3;
/// So many times the failures that were learned are normal.
const MORE: f64 = 1.5;
/// The most that bad calls may come in bursts.
const BURSTS: f64 = 4.0;
/// What was learned loses half its weight in 180 blocks with calls: an hour. `2^(-1 / 180)`.
pub(super) const FADE: f64 = 0.996_156_587_220_575_2;
/// The worst of the normal loses half in 540: three hours. `2^(-1 / 540)`.
pub(super) const SLOW_FADE: f64 = 0.998_717_217_579_74;

/// What is bad about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It failed with one error type.
    Failed,
    /// It panicked.
    Panicked,
    /// It was slower than most.
    Slow,
    /// It was far slower than most.
    Far,
    /// It was slower than nearly all.
    Tail,
}

impl Kind {
    /// The least normal share: no share below is held for normal, however rarely it happened.
    const fn floor(self) -> f64 {
        match self {
            Self::Failed => 0.002,
            Self::Panicked => 0.0005,
            Self::Slow | Self::Far => 0.01,
            Self::Tail => 0.004,
        }
    }

    /// The least share that matters.
    const fn least(self) -> f64 {
        match self {
            Self::Failed => 0.02,
            Self::Panicked => 0.01,
            Self::Slow | Self::Far => 0.2,
            Self::Tail => 0.03,
        }
    }

    pub(super) const fn is_time(self) -> bool {
        matches!(self, Self::Slow | Self::Far | Self::Tail)
    }
}

/// What a block had of one kind.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    /// Bad calls, without what the slot with most has beyond the average: a moment in which all stands still is no rate.
    pub(super) bad: f64,
    /// The highest share that six seconds of it, or all of it, surely had.
    pub(super) worst: f64,
}

/// The highest shares that six seconds surely had. Failures that happened once are a mishap, and hide nothing; what happened
/// twice may happen again. Slow calls come in jobs that are far apart: of these once is enough. Blocks within a minute are of
/// one time.
#[derive(Debug, Default)]
struct Worst {
    /// The highest share of the times, the highest first.
    times: [f64; 2],
    /// The highest share of the time that is not over, and blocks since it began.
    share: f64,
    blocks: u32,
}

impl Worst {
    fn learn(&mut self, share: f64) {
        self.times = self.times.map(|one| one * SLOW_FADE);
        self.share *= SLOW_FADE;
        if self.blocks > 0 {
            self.blocks += 1;
        }
        if self.blocks > ONE_TIME {
            self.add();
        }
        if share > 0.0 {
            self.share = self.share.max(share);
            self.blocks = self.blocks.max(1);
        }
    }

    fn add(&mut self) {
        let [highest, second] = self.times;
        self.times = [highest.max(self.share), second.max(highest.min(self.share))];
        (self.share, self.blocks) = (0.0, 0);
    }

    /// The share that may be normal: the highest, or the second.
    fn normal(&self, is_once_enough: bool) -> f64 {
        let [highest, second] = self.times;
        if is_once_enough {
            highest.max(self.share)
        } else {
            second.max(highest.min(self.share))
        }
    }
}

/// One question about one method.
#[derive(Debug)]
pub(super) struct Evidence {
    kind: Kind,
    /// Bad calls that were learned.
    bad: f64,
    /// Bad calls that may have been usual before this was asked; they fade like those that were learned.
    inherited: f64,
    /// What was learned without single slots, and for slow ones without the allowance.
    hits: f64,
    worst: Worst,
    spread: f64,
    bursts: f64,
    p0: f64,
    is_young: bool,
    /// So many times the evidence is asked for: of durations of a young method.
    caution: f64,
    /// What a bad call and a good one add to each counter.
    gains: [(f64, f64); 3],
    sums: [f64; 3],
    /// The number of the slot after which each counter left 0.
    zero: [u32; 3],
    /// Bad calls that counted in this block, and good ones.
    used: u32,
    good: u32,
}

impl Evidence {
    pub(super) fn new(kind: Kind, now: u32) -> Self {
        let mut new = Self {
            kind,
            bad: 0.0,
            inherited: 0.0,
            hits: 0.0,
            worst: Worst::default(),
            spread: 1.0,
            bursts: 1.0,
            p0: YOUNG_BAD,
            is_young: true,
            caution: 1.0,
            gains: [(0.0, 0.0); 3],
            sums: [0.0; 3],
            zero: [now; 3],
            used: 0,
            good: 0,
        };
        new.set_gains();
        new
    }

    /// So many bad calls may be usual for what it has not learned itself.
    pub(super) fn inherit(&mut self, bad: f64) {
        self.inherited = bad;
    }

    /// Learns a block: its calls, its bad ones, all that was learned of bad calls with it, the calls, and the blocks.
    pub(super) fn learn(&mut self, calls: f64, seen: Seen, bad: f64, total: f64, blocks: u32) {
        if blocks > 1 && total > calls {
            let expected = calls * self.hits / (total - calls);
            let chance = (expected * (1.0 - expected / calls.max(1.0))).max(0.5);
            let found = ((seen.bad - expected).powi(2) / chance).min(100.0);
            self.spread +=
                (found - self.spread) * (1.0 / 180.0_f64).max(1.0 / (f64::from(blocks) + 1.0));
            self.bursts = self.spread.clamp(1.0, BURSTS);
        }
        self.hits = self.hits * FADE + seen.bad;
        self.bad = bad;
        self.inherited *= FADE;
        self.worst.learn(seen.worst);
        self.settle(total, blocks);
    }

    /// The normal share, from all that was learned.
    pub(super) fn settle(&mut self, total: f64, blocks: u32) {
        let bad = self.bad + self.inherited;
        let share = if total > 0.0 { bad / total } else { 0.0 };
        self.is_young = blocks < YOUNG;
        self.caution = if self.kind.is_time() {
            1.0 + (CAUTION - 1.0) * youth(blocks)
        } else {
            1.0
        };
        let young = YOUNG_BAD * (1.0 - f64::from(blocks) / f64::from(YOUNG)).max(0.0);
        let more = if self.kind.is_time() { 1.0 } else { MORE };
        let surely = upper((bad * more).min(total), total).min(YOUNG_BAD + share);
        let normal = surely
            .max(self.kind.floor())
            .max(young)
            .max(self.worst.normal(self.is_young || self.kind.is_time()));
        self.p0 = normal.min(0.95);
        self.set_gains();
    }

    fn set_gains(&mut self) {
        let p = self.p0;
        let top = f64::midpoint(1.0, p);
        let least = (3.0 * p).min(top).max(self.kind.least());
        let most = top.max(0.8);
        let shares = [least, (least * most).sqrt(), most];
        self.gains = shares.map(|q| ((q / p).ln().min(CALL_MOST), ((1.0 - q) / (1.0 - p)).ln()));
    }

    /// Adds a slot. `room` bad calls count in a block: what is beyond is one client that tries again and again. But where
    /// good calls come in such numbers too it is not one client, and as many bad ones as good ones count.
    pub(super) fn add(&mut self, calls: u32, bad: u32, now: u32, room: u32) {
        if calls == 0 {
            return;
        }
        let good = calls.saturating_sub(bad);
        self.good = self.good.saturating_add(good);
        let counted = bad.min(room.max(self.good).saturating_sub(self.used));
        self.used = self.used.saturating_add(counted);
        let good = f64::from(good);
        for at in 0..3 {
            let (of_bad, of_good) = self.gains[at];
            let gain = (f64::from(counted) * of_bad + good * of_good) / self.bursts;
            let sum = self.sums[at] + gain.min(self.most_of(at)) / self.caution;
            if sum <= 0.0 {
                self.zero[at] = now;
            }
            self.sums[at] = sum.clamp(0.0, 2.0 * ENOUGH);
        }
    }

    fn most_of(&self, counter: usize) -> f64 {
        if self.is_young && counter < 2 {
            YOUNG_MOST
        } else if counter == 0 && self.kind == Kind::Slow {
            LONG
        } else {
            SLOT_MOST[counter]
        }
    }

    /// A block has ended.
    pub(super) fn end_block(&mut self) {
        (self.used, self.good) = (0, 0);
    }

    /// Nats of the counter with most.
    pub(super) fn most(&self) -> f64 {
        self.sums[self.leader()]
    }

    fn leader(&self) -> usize {
        let [a, b, c] = self.sums;
        if a >= b && a >= c {
            0
        } else if b >= c {
            1
        } else {
            2
        }
    }

    /// The number of the slot after which the counter with most left 0.
    pub(super) fn start(&self) -> u32 {
        self.zero[self.leader()]
    }

    pub(super) fn reset(&mut self, now: u32) {
        self.sums = [0.0; 3];
        self.zero = [now; 3];
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn normal(&self) -> f64 {
        self.p0
    }

    /// True if calls, and the bad ones among them, are enough for a finding, whatever came before them.
    pub(super) fn is_beyond(&self, [calls, bad]: [f64; 2]) -> bool {
        let share = (bad / calls.max(1.0)).min(0.99);
        if share <= self.p0 {
            return false;
        }
        let of_bad = (share / self.p0).ln().min(CALL_MOST);
        let of_good = ((1.0 - share) / (1.0 - self.p0)).ln();
        (bad * of_bad + (calls - bad).max(0.0) * of_good) / self.bursts >= ENOUGH
    }

    pub(super) fn learned_bad(&self) -> f64 {
        self.bad
    }

    /// The share of bad calls that was learned.
    pub(super) fn share(&self, total: f64) -> f64 {
        if total > 0.0 { self.bad / total } else { 0.0 }
    }

    /// The change point: the beginning of the slot from which on the bad share explains the slots best. `slots` are those
    /// from [`start`](Self::start) on and a minute before, the newest first: first and last number, calls, bad ones.
    pub(super) fn change_point(&self, slots: &[(u32, u32, u32)], times: &Times) -> f64 {
        let start = self.start();
        let since = slots.iter().filter(|slot| slot.0 > start);
        let (calls, bad) = since.fold((0.0, 0.0), |sum, slot| {
            (sum.0 + f64::from(slot.1), sum.1 + f64::from(slot.2))
        });
        let share = if calls > 0.0 { bad / calls } else { 0.5 };
        let q = share.max(self.p0 * 1.2).min(0.99);
        let of_bad = (q / self.p0).ln();
        let of_good = ((1.0 - q) / (1.0 - self.p0)).ln();
        let (mut best, mut at, mut sum) = (0.0, times.end(start), 0.0);
        for &(first, calls, bad) in slots {
            sum += f64::from(bad) * of_bad + f64::from(calls.saturating_sub(bad)) * of_good;
            if sum > best {
                (best, at) = (sum, times.begin(first));
            }
        }
        at
    }
}

/// How young a method is: from 1 until durations are judged to 0 once it is known.
pub(super) fn youth(blocks: u32) -> f64 {
    let left = f64::from(YOUNG.saturating_sub(blocks.max(EARLIEST)));
    left / f64::from(YOUNG - EARLIEST)
}

/// The bounds of the share of a kind of a block: its slots as calls and bad calls.
pub(super) fn seen(slots: &[(u32, u32)]) -> Seen {
    let bad: u32 = slots.iter().fold(0, |sum, slot| sum.saturating_add(slot.1));
    if bad == 0 {
        return Seen::default();
    }
    let top = slots.iter().map(|slot| slot.1).max().unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "ten slots")]
    let others = (slots.len().max(2) - 1) as f64;
    let rest = f64::from(bad - top);
    let windows = slots.windows(3).chain([slots]);
    Seen {
        bad: rest + rest / others,
        worst: windows.map(surely_bad).fold(0.0, f64::max),
    }
}

/// The lower bound of the share of some slots, without the slot with most and one call.
fn surely_bad(slots: &[(u32, u32)]) -> f64 {
    let Some(top) = slots.iter().rev().max_by_key(|slot| slot.1) else {
        return 0.0;
    };
    let (calls, bad) = slots.iter().fold((0.0, 0.0), |sum, slot| {
        (sum.0 + f64::from(slot.0), sum.1 + f64::from(slot.1))
    });
    let bad = (bad - f64::from(top.1) - 1.0).max(0.0);
    lower(bad, calls - f64::from(top.0))
}
