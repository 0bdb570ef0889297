//! Recent means: over the last 100 and the last 5 calls of a method, whichever threads made them.
//!
//! Each shard keeps its calls in a [`Ring`](crate::recording::ring::Ring) that its owner alone writes; the calls of
//! several rings are in no common order. A scrape reads every method, so it reads of each ring no more than the newest
//! calls it needs: [`RecentCalls`] selects how many calls of each ring are among the last ones, and only then, where
//! calls observed values or a user lists them, puts those in order.
//!
//! # Definition
//!
//! Of `k` rings the `n` newest calls are wanted. Let `m` be `n / k`, rounded up, and take the ring whose `m`-th call is
//! the newest: newer than that call are `m - 1` of its own ring, and at most `m - 1` of each other ring, whose `m`-th
//! is older. So it is one of the `n`, as are the newer calls of its ring; they are taken at once, and the rest is found
//! in the same way. End times are kept to a step of 2^20 ticks; of calls that ended in the same step, those of the ring
//! listed last count as the newest.
//!
//! # Consistency
//!
//! Writers go on meanwhile. A ring is read backwards from its head, and the head is read again afterwards: if a writer
//! has come so far that some of it may be overwritten, the calls are read again one by one, and those that are
//! overwritten then are left out. Values are read later, so each is checked by itself.

use std::sync::Arc;

use crate::base::append::Interner;
use crate::base::clock::to_f64;
use crate::data::key::StatKey;
use crate::data::snapshot::Means;
use crate::recording::method::MethodCore;
use crate::recording::ring::{Cursor, LAST, RingEntry, WINDOW};
use crate::recording::shard::Shard;

/// The last calls of a method. Keeps its buffers from method to method.
#[derive(Default)]
pub(crate) struct RecentCalls {
    /// Parallel to the method's shards.
    rings: Vec<RingCalls>,
    buffers: Vec<Vec<u64>>,
}

/// The calls of one ring, of which more and more are taken, newest first.
struct RingCalls {
    shard: &'static Shard,
    calls: Cursor<'static>,
    /// When the calls that were looked at ended, plus 1, newest first.
    ends: Vec<u64>,
    /// The end of the newest call that is not taken, plus 1; 0 where there is none.
    next_end: u64,
    /// How many of its newest calls are among the last five calls of the method, and among the last hundred.
    last: usize,
    taken: usize,
}

/// A call: the address of its shard, which lives as long as the process, and its number there.
#[cfg(any(test, feature = "testing"))]
pub(crate) type CallId = (usize, u64);

/// One of the last calls of a method.
#[derive(Clone, Copy)]
pub(crate) struct RecentCall {
    pub(crate) entry: RingEntry,
    shard: &'static Shard,
}

/// How many of the newest calls of a ring a mean is over.
type Count = fn(&RingCalls) -> usize;

impl RingCalls {
    fn new(shard: &'static Shard, mut ends: Vec<u64>) -> Self {
        ends.clear();
        let mut ring = Self {
            shard,
            calls: shard.ring.cursor(),
            ends,
            next_end: 0,
            last: 0,
            taken: 0,
        };
        ring.take(0);
        ring
    }

    /// The end of the call this many behind those taken, plus 1; 0 where there is none.
    fn end(&mut self, further: usize) -> u64 {
        let at = self.taken + further - 1;
        if at >= self.calls.len() {
            return 0;
        }
        while self.ends.len() <= at {
            self.ends.push(self.calls.next_end() + 1);
        }
        self.ends[at]
    }

    fn take(&mut self, further: usize) {
        self.taken += further;
        self.next_end = self.end(1);
    }
}

impl RecentCalls {
    /// Reads the last calls of a method. Returns the means of their durations in seconds, `None` without a call.
    pub(crate) fn read(&mut self, method: &MethodCore) -> Option<Means> {
        self.select(method);
        // Added up in ticks, which no order changes.
        let mut read = means(|count_of| {
            let rings = self.rings.iter();
            let ticks = rings.map(|ring| (ring.calls.ticks(count_of(ring)), count_of(ring)));
            mean_duration(method, ticks)
        });
        if !self.rings.iter().all(|ring| ring.calls.is_intact()) {
            self.select(method);
            let calls = self.in_order();
            let last = &calls[calls.len().saturating_sub(LAST)..];
            let mean = |calls: &[RecentCall]| {
                let ticks = calls.iter().map(|call| (call.entry.duration, 1));
                mean_duration(method, ticks)
            };
            read = Means {
                window: mean(&calls),
                last: mean(last),
            };
        }
        read.window.is_some().then_some(read)
    }

    /// Means of a value over the calls that were read.
    pub(crate) fn means_of_value(&self, name: u32) -> Means {
        // Ring by ring, each oldest first: where one thread calls, they are added up in the order of the original.
        means(|count_of| {
            let values = self.rings.iter().flat_map(|ring| {
                let calls = (1..=count_of(ring)).rev();
                calls.filter_map(|back| value_of(ring.shard, ring.calls.seq(back), name))
            });
            let add = |(sum, count), value| (sum + value, count + 1);
            let (sum, count) = values.fold((0.0, 0_u32), add);
            (count > 0).then(|| sum / f64::from(count))
        })
    }

    /// How many calls of each shard of the method are among the last ones, in the order of its shards.
    pub(crate) fn taken(&self) -> impl Iterator<Item = usize> {
        self.rings.iter().map(|ring| ring.taken)
    }

    /// As many of the newest calls of each ring as were read, oldest first.
    pub(crate) fn in_order(&self) -> Vec<RecentCall> {
        let mut all = Vec::new();
        for RingCalls { shard, taken, .. } in &self.rings {
            let newest: Vec<RingEntry> = shard.ring.cursor().take(*taken).collect();
            let from = shard.ring.intact_from();
            let intact = newest.into_iter().rev().filter(|entry| entry.seq >= from);
            all.extend(intact.map(|entry| RecentCall { entry, shard }));
        }
        // Stable: of calls that ended in one step, those of the ring listed last stay the newest.
        all.sort_by_key(|call| call.entry.end);
        all
    }

    fn select(&mut self, method: &MethodCore) {
        self.buffers
            .extend(self.rings.drain(..).map(|ring| ring.ends));
        for shard in method.shards() {
            let buffer = self.buffers.pop().unwrap_or_default();
            self.rings.push(RingCalls::new(shard, buffer));
        }
        self.take(LAST);
        for ring in &mut self.rings {
            ring.last = ring.taken;
        }
        self.take(usize::try_from(WINDOW).unwrap_or(usize::MAX) - LAST);
    }

    /// Takes the newest of the calls that are not taken.
    fn take(&mut self, mut wanted: usize) {
        let rings = &mut self.rings;
        while wanted > 0 {
            let left = rings.iter().filter(|ring| ring.next_end > 0).count();
            if left == 0 {
                return;
            }
            let some = wanted.div_ceil(left);
            let mut best = (0, 0);
            // From the ring with the newest call on: another ring is not looked into if its newest is older than the
            // best.
            let first = (0..rings.len()).max_by_key(|at| rings[*at].next_end);
            let first = first.unwrap_or(0);
            for at in std::iter::once(first).chain((0..rings.len()).filter(|at| *at != first)) {
                if rings[at].next_end >= best.0 {
                    best = best.max((rings[at].end(some), at));
                }
            }
            if best.0 == 0 {
                // No ring has so many: all that are left are fewer than are wanted.
                for ring in rings {
                    ring.take(ring.calls.len() - ring.taken);
                }
                return;
            }
            rings[best.1].take(some);
            wanted -= some;
        }
    }
}

/// How one of the last calls ended.
pub(crate) enum RecentOutcome {
    /// The call was overwritten meanwhile.
    Overwritten,
    Success,
    /// With the storage's index of the error type.
    Failure(u32),
}

impl RecentCall {
    /// The method and label set it counts as.
    pub(crate) fn method(&self) -> &'static MethodCore {
        self.shard.method
    }

    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn id(&self) -> CallId {
        (std::ptr::from_ref(self.shard).addr(), self.entry.seq)
    }

    /// How it ended.
    pub(crate) fn outcome(&self) -> RecentOutcome {
        let failed = self.shard.error_type_of(self.entry.seq);
        // Read before the head is, as a value is.
        if self.entry.seq < self.shard.ring.intact_from() {
            return RecentOutcome::Overwritten;
        }
        failed.map_or(RecentOutcome::Success, RecentOutcome::Failure)
    }

    /// The values the call observed, by name.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&'static Arc<StatKey>, f64)> {
        let names = self.shard.method.values.get();
        let names = names.into_iter().flat_map(Interner::iter);
        names.filter_map(|node| {
            Some((
                &node.item.key,
                value_of(self.shard, self.entry.seq, node.index)?,
            ))
        })
    }
}

fn means(mean: impl Fn(Count) -> Option<f64>) -> Means {
    Means {
        window: mean(|ring| ring.taken),
        last: mean(|ring| ring.last),
    }
}

/// The mean of durations in seconds, given as sums of ticks and how many each is of; `None` of nothing.
fn mean_duration(method: &MethodCore, sums: impl Iterator<Item = (u64, usize)>) -> Option<f64> {
    let add =
        |(ticks, count): (u64, usize), (more, calls)| (ticks.saturating_add(more), count + calls);
    let (ticks, count) = sums.fold((0, 0), add);
    let seconds = || method.storage.clock.in_seconds(to_f64(ticks));
    (count > 0).then(|| seconds() / to_f64(count as u64))
}

fn value_of(shard: &Shard, seq: u64, name: u32) -> Option<f64> {
    let value = shard.values.get()?.cells.item(name)?.ring.get(seq)?;
    // The value was read before the head is: a value that was overwritten meanwhile belongs to another call.
    (seq >= shard.ring.intact_from()).then_some(value)
}

#[cfg(all(test, not(monitor_loom)))]
mod tests;
