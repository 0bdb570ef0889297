//! Recent means: over the last 100 and the last 5 calls of a method, whichever threads made them.
//!
//! Each shard keeps its calls in a [`Ring`](crate::recording::window::Ring) that its owner writes and that is not in
//! the order of the other threads' rings. A scrape reads every method, so it reads of each ring no more than the newest
//! calls it needs: [`RecentCalls`] selects how many calls of each ring are among the last ones, and only then, where
//! calls observed values or a user lists them, puts those in order.
//!
//! # Definition
//!
//! Of `k` rings the `n` newest calls are wanted. Let `m` be `n / k`, rounded up, and take the ring whose `m`-th call is
//! the newest: before that one come `m - 1` of its own, and at most `m - 1` of each other ring, whose `m`-th is older.
//! So it is one of the `n`, as are those before it in its ring; they are taken at once, and the rest is found in the
//! same way. End times are kept to a step of 2^20 ticks; of calls that ended in the same step, those of the ring listed
//! last count as the newest.
//!
//! # Consistency
//!
//! Writers go on meanwhile. A cursor goes back from the head the ring had when the cursor was made, and
//! [`Ring::intact_from`] is asked after the reading: if a writer has come so far that some of it may be overwritten,
//! everything is read again, and what is overwritten then is left out. Values are read later than the calls, so each is
//! checked again by itself.
//!
//! [`Ring::intact_from`]: crate::recording::window::Ring::intact_from

use std::sync::Arc;

use crate::base::clock::to_f64;
use crate::base::interner::Interner;
use crate::data::key::StatKey;
use crate::data::snapshot::Means;
use crate::recording::method::MethodCore;
use crate::recording::shard::Shard;
use crate::recording::window::{Cursor, Entry, LAST, WINDOW};

/// The last calls of a method. Keeps its buffers from method to method.
#[derive(Default)]
pub(crate) struct RecentCalls {
    /// Parallel to the method's shards.
    rings: Vec<RingCalls>,
    in_order: Vec<RecentCall>,
    buffers: Vec<Vec<Entry>>,
}

/// The calls of one ring, of which more and more are taken, newest first.
struct RingCalls {
    shard: &'static Shard,
    cursor: Cursor<'static>,
    /// Calls in the ring's window.
    len: usize,
    /// The calls looked at so far, newest first.
    seen: Vec<Entry>,
    /// How many of them are among the last five calls of the method, and among the last hundred.
    last: usize,
    taken: usize,
}

/// A call: the address of its shard, which lives as long as the process, and its number there.
pub(crate) type CallId = (usize, u64);

/// One of the last calls of a method.
#[derive(Clone, Copy)]
pub(crate) struct RecentCall {
    pub(crate) entry: Entry,
    shard: &'static Shard,
}

impl RingCalls {
    fn new(shard: &'static Shard, mut seen: Vec<Entry>) -> Self {
        let mut cursor = shard.ring().cursor();
        let oldest = cursor.oldest();
        seen.clear();
        seen.extend(cursor.next());
        let len = seen.first().map_or(0, |newest| newest.seq + 1 - oldest);
        Self {
            shard,
            cursor,
            len: usize::try_from(len).unwrap_or(usize::MAX),
            seen,
            last: 0,
            taken: 0,
        }
    }

    fn look_at(&mut self, newest: usize) {
        while self.seen.len() < newest {
            let Some(entry) = self.cursor.next() else {
                return;
            };
            self.seen.push(entry);
        }
    }

    /// The end of the call this many behind those taken, plus 1; 0 where there is none.
    fn end(&mut self, further: usize) -> u64 {
        let newest = self.taken + further;
        if newest > self.len {
            return 0;
        }
        self.look_at(newest);
        self.seen.get(newest - 1).map_or(0, |entry| entry.end + 1)
    }

    fn is_intact(&self) -> bool {
        self.shard.ring().intact_from() <= self.cursor.oldest()
    }

    fn drop_overwritten(&mut self) {
        let from = self.shard.ring().intact_from();
        let intact = self.seen.partition_point(|entry| entry.seq >= from);
        self.taken = self.taken.min(intact);
        self.last = self.last.min(intact);
    }
}

impl RecentCalls {
    /// Reads the last calls of a method. Returns the means of their durations in seconds, `None` without a call.
    pub(crate) fn read(&mut self, method: &MethodCore) -> Option<Means> {
        self.select(method);
        if !self.rings.iter().all(RingCalls::is_intact) {
            self.select(method);
            self.rings.iter_mut().for_each(RingCalls::drop_overwritten);
        }
        // Added up in ticks, which no order changes.
        let mean = |count_of: fn(&RingCalls) -> usize| {
            let (mut ticks, mut count) = (0_u64, 0);
            for ring in &self.rings {
                let calls = &ring.seen[..count_of(ring)];
                let durations = calls.iter().map(|entry| entry.duration);
                ticks = durations.fold(ticks, u64::saturating_add);
                count += calls.len();
            }
            let seconds = method.storage.clock.in_seconds(to_f64(ticks));
            (count > 0).then(|| seconds / to_f64(count as u64))
        };
        let means = Means {
            window: mean(|ring| ring.taken),
            last: mean(|ring| ring.last),
        };
        means.window.is_some().then_some(means)
    }

    /// How many calls of each shard of the method are among the last ones, in the order of its shards.
    pub(crate) fn taken(&self) -> impl Iterator<Item = usize> {
        self.rings.iter().map(|ring| ring.taken)
    }

    /// The calls that were read, oldest first.
    pub(crate) fn in_order(&mut self) -> &[RecentCall] {
        self.in_order.clear();
        for ring in &self.rings {
            let calls = ring.seen[..ring.taken].iter().rev();
            let shard = ring.shard;
            self.in_order
                .extend(calls.map(|&entry| RecentCall { entry, shard }));
        }
        // Stable: of calls that ended in one step, those of the ring listed last stay the newest.
        self.in_order.sort_by_key(|call| call.entry.end);
        &self.in_order
    }

    fn select(&mut self, method: &MethodCore) {
        self.buffers
            .extend(self.rings.drain(..).map(|ring| ring.seen));
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
            let left = rings.iter().filter(|ring| ring.taken < ring.len).count();
            if left == 0 {
                return;
            }
            let some = wanted.div_ceil(left);
            let mut best = (0, 0);
            // From the ring with the newest call on: another ring is not looked into if its newest is older than the
            // best.
            let first = (0..rings.len()).max_by_key(|at| rings[*at].end(1));
            let first = first.unwrap_or(0);
            for at in std::iter::once(first).chain((0..rings.len()).filter(|at| *at != first)) {
                if rings[at].end(1) >= best.0 {
                    best = best.max((rings[at].end(some), at));
                }
            }
            if best.0 == 0 {
                // No ring has so many: all that are left are fewer than are wanted.
                for ring in rings {
                    ring.look_at(ring.len);
                    ring.taken = ring.seen.len();
                }
                return;
            }
            rings[best.1].taken += some;
            wanted -= some;
        }
    }
}

impl RecentCall {
    pub(crate) fn id(&self) -> CallId {
        (std::ptr::from_ref(self.shard).addr(), self.entry.seq)
    }

    /// What the call observed, by name.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&'static Arc<StatKey>, f64)> {
        let names = self.shard.method.known_values();
        let names = names.into_iter().flat_map(Interner::iter);
        names.filter_map(|node| Some((&node.item.key, self.value(node.index)?)))
    }

    fn value(&self, name: u32) -> Option<f64> {
        let seq = self.entry.seq;
        let value = self.shard.known_values()?.cells(name)?.ring().get(seq)?;
        // The value was read before the head is: a value that was overwritten meanwhile belongs to another call.
        (seq >= self.shard.ring().intact_from()).then_some(value)
    }
}

/// Means of a value over these calls, which are given oldest first.
pub(crate) fn means_of_value(calls: &[RecentCall], name: u32) -> Means {
    // Added up oldest first, as the original does.
    let mean = |calls: &[RecentCall]| {
        let values = calls.iter().filter_map(|call| call.value(name));
        let (sum, count) =
            values.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
        (count > 0).then(|| sum / f64::from(count))
    };
    Means {
        window: mean(calls),
        last: mean(&calls[calls.len().saturating_sub(LAST)..]),
    }
}

#[cfg(all(test, not(monitor_loom)))]
mod tests;
