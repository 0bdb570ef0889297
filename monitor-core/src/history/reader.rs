//! From the counters of a storage to slots: what began, ended and failed since the look before.
//!
//! A [`Reader`] keeps the totals of its last look, by method, and gives their differences. It reads as a snapshot does: of
//! each method first what ended in all shards, then what began, then the ages of the calls in flight. So a call that is
//! counted as ended is counted as begun, in this slot or in one before it, and the number in flight is never negative. All
//! counts of a shard only rise, so no difference is negative; a call that ends while its method is read is in this slot or
//! in the next, and in no third.
//!
//! # The two halves of a method
//!
//! Threads count entry calls and calls with a caller in shards apart. The totals are kept apart too, as
//! [`Slot::entries`] is about the entry calls of all methods together. All label sets of a method are one.
//!
//! # Busy time
//!
//! The calls of a method were busy for the time of those that ended and the ages of those in flight; a slot has the
//! difference. A call that ends between the two reads is in neither, so the sum may be too low for a moment: then the
//! greatest sum so far stays, the slot has 0, and what is missing there is in the next. A thread that the system stops
//! between the end of a call and the release of its slot makes the call look older than it gets, by the time it is stopped:
//! the next slots have so much less.
//!
//! # What a look costs
//!
//! Nothing is written that a call reads, and no lock is taken that a call waits for. A method that has no call in flight
//! and began none since is left after the first counter of each of its shards. Its totals stay as they are. Totals exist
//! from a method's first call on, and have 16 bytes for each bucket that ever had a duration.

use std::ops::Range;
use std::sync::Arc;

use crate::base::clock::to_f64;
use crate::base::sort::sort_by_key;
use crate::data::slot::{Book, CallerSlot, Cells, FailureKind, FailureSlot, MethodSlot, Slot};
use crate::recording::callers::ENTRY;
use crate::recording::method::{MethodCore, MethodShared};
use crate::recording::shard::Shard;
use crate::recording::store::StorageCore;

/// Reads slots from a storage.
pub(crate) struct Reader {
    core: &'static StorageCore,
    /// By their places in the book.
    methods: Vec<MethodTotals>,
    /// By the number of a method without labels: its place, plus 1; 0 without one.
    places: Vec<u32>,
    read: ReadCounts,
    /// Methods of the slot before, for their memory.
    room: Vec<MethodSlot>,
    /// All shards, and where those of each method begin: only to load their memory ahead, as a snapshot does
    /// ([`MethodList`](crate::recording::method::MethodList)). Shards made since are missing.
    shards: Vec<&'static Shard>,
    first: Vec<usize>,
    /// Room for the methods of a batch that are not idle.
    busy: Vec<usize>,
}

/// Methods whose memory is loaded at once.
const BATCH: usize = 16;

/// Newest calls of a shard that are loaded ahead: more are seldom in no cell yet.
const NEWEST: u64 = 4;

/// What the last look found of a method.
struct MethodTotals {
    shared: &'static MethodShared,
    /// Calls begun.
    begun: u64,
    in_flight: u64,
    /// From the first call on.
    calls: Option<Box<CallTotals>>,
}

#[derive(Default)]
struct CallTotals {
    /// Of entry calls, and of calls with a caller.
    halves: [HalfTotals; 2],
    /// By caller.
    callers: Vec<CallerCalls>,
}

#[derive(Default)]
struct HalfTotals {
    begun: u64,
    /// By outcome and bucket.
    ended: Vec<EndedTotal>,
    /// Ticks of calls that ended and of those in flight.
    busy: f64,
}

/// Calls with one outcome and duration.
#[derive(Debug, Clone, Copy)]
struct EndedTotal {
    outcome: u32,
    cell: i16,
    calls: u64,
}

impl EndedTotal {
    fn key(&self) -> (u32, i16) {
        (self.outcome, self.cell)
    }
}

/// The outcome of calls that succeeded. That of others is the index of their error type, plus 1.
const SUCCEEDED: u32 = 0;

/// Calls made from one method.
#[derive(Debug, Clone, Copy)]
struct CallerCalls {
    /// A number as recording has it, or a place in the book.
    caller: u32,
    /// Begun, and failed.
    calls: [u64; 2],
}

const BEGUN: usize = 0;
const FAILED: usize = 1;

/// Counts of one method as they are read, and the room for them.
#[derive(Default)]
struct ReadCounts {
    halves: [ReadHalf; 2],
    callers: Vec<CallerCalls>,
    /// Error types of which a call set a status.
    ill: Vec<u32>,
    /// Counts of a shard.
    cells: Vec<(usize, u64)>,
    /// Calls of a method that ended since the look before.
    ended: Vec<EndedCalls>,
}

#[derive(Default)]
struct ReadHalf {
    begun: u64,
    ended: Vec<EndedTotal>,
    calls_ended: u64,
    /// Ticks.
    busy: f64,
    oldest: u64,
    ages: Vec<u32>,
}

/// Calls since the look before.
#[derive(Debug, Clone, Copy)]
struct HalfDifference {
    begun: u64,
    busy: f64,
}

/// Calls that ended since the look before.
#[derive(Debug, Clone, Copy)]
struct EndedCalls {
    /// The error type of those that failed.
    failure: Option<(u32, FailureKind)>,
    cell: i16,
    calls: u64,
}

impl Reader {
    pub(crate) fn new(core: &'static StorageCore) -> Self {
        Self {
            core,
            methods: Vec::new(),
            places: Vec::new(),
            read: ReadCounts::default(),
            room: Vec::new(),
            shards: Vec::new(),
            first: Vec::new(),
            busy: Vec::new(),
        }
    }

    /// Takes back a slot that is done with, so that the next one needs no new memory.
    pub(crate) fn take_back(&mut self, slot: Slot) {
        self.room = slot.methods;
        // Of a moment in which many methods were busy only twice as much is kept as is needed.
        self.room.shrink_to(2 * self.room.len());
    }

    /// What happened since the look before, or since the storage was made, up to `now` in ticks. Methods and error types
    /// that are new are added to the book.
    pub(crate) fn look(&mut self, now: u64, book: &mut Book) -> Slot {
        self.list_methods(book);
        let mut slot = Slot {
            methods: std::mem::take(&mut self.room),
            ..Slot::default()
        };
        let (mut used, mut walked, mut fetched) = (0, 0, 0);
        let cancelled = self.cancelled();
        let known = self.methods.len();
        for first in (0..known).step_by(BATCH) {
            let busy = self.busy(first..known.min(first + BATCH), &mut walked, &mut fetched);
            for &at in &busy {
                let method = self.methods[at].shared;
                self.read.read(method, now);
                self.find_callers(book);
                if used == slot.methods.len() {
                    slot.methods.push(MethodSlot::default());
                }
                let calls = &mut slot.methods[used];
                used += usize::from(self.difference(at, cancelled, calls, &mut slot.entries));
            }
            self.busy = busy;
        }
        std::hint::black_box(fetched);
        if walked != self.shards.len() {
            self.list_shards();
        }
        slot.methods.truncate(used);
        // After the counts: a type that was counted is listed by now.
        self.core.add_new_error_types(&mut book.types);
        slot
    }

    /// The error type of calls that were dropped.
    fn cancelled(&self) -> u32 {
        let rules = self.core.rules();
        rules.index_of(rules.parser.cancelled())
    }

    /// Adds methods that were made since the last look.
    fn list_methods(&mut self, book: &mut Book) {
        // None ever goes: there is a new one if and only if there are more.
        if self.core.shared.items().count() == self.methods.len() {
            return;
        }
        for shared in self.core.shared.items() {
            self.place_of(shared, book);
        }
    }

    fn place_of(&mut self, shared: &'static MethodShared, book: &mut Book) -> u32 {
        let number = shared.plain.id as usize;
        if self.places.len() <= number {
            self.places.resize(number + 1, 0);
        }
        let place = &mut self.places[number];
        if *place == 0 {
            self.methods.push(MethodTotals {
                shared,
                begun: 0,
                in_flight: 0,
                calls: None,
            });
            book.methods.push(Arc::clone(&shared.plain.name));
            *place = u32::try_from(self.methods.len()).unwrap_or(u32::MAX);
        }
        *place - 1
    }

    /// Those of some methods that are not idle, with their memory loaded, and how many shards all of them have.
    fn busy(&mut self, of: Range<usize>, walked: &mut usize, fetched: &mut u64) -> Vec<usize> {
        let mut busy = std::mem::take(&mut self.busy);
        busy.clear();
        let heads = self.listed(of.clone()).iter();
        *fetched ^= heads.fold(0, |all, shard| all ^ shard.calls_started());
        busy.extend(of.filter(|at| !self.is_idle(*at, walked)));
        let shards = busy.iter().flat_map(|&at| self.listed(at..at + 1));
        for step in [Shard::prefetch_head, |shard: &Shard| {
            shard.prefetch_cells(NEWEST)
        }] {
            *fetched ^= shards.clone().fold(0, |all, shard| all ^ step(shard));
        }
        busy
    }

    /// The shards of some methods, as far as they are listed.
    fn listed(&self, of: Range<usize>) -> &[&'static Shard] {
        let place = |at: usize| self.first.get(at).copied().unwrap_or(self.shards.len());
        &self.shards[place(of.start)..place(of.end)]
    }

    fn list_shards(&mut self) {
        self.shards.clear();
        self.first.clear();
        self.first.push(0);
        for method in &self.methods {
            self.shards.extend(shards(method.shared));
            self.first.push(self.shards.len());
        }
    }

    /// True if no call of the method began since the last look, and none was in flight then. Its shards are counted.
    fn is_idle(&self, at: usize, walked: &mut usize) -> bool {
        let method = &self.methods[at];
        let begun = shards(method.shared).map(|shard| {
            *walked += 1;
            shard.calls_started()
        });
        begun.sum::<u64>() == method.begun && method.in_flight == 0
    }

    /// Puts places in the book for the numbers of callers; those of another storage have none.
    fn find_callers(&mut self, book: &mut Book) {
        if self.read.callers.is_empty() {
            return;
        }
        let mut callers = std::mem::take(&mut self.read.callers);
        callers.retain_mut(|one| {
            let number = self.core.plain_number(one.caller);
            let Some(shared) = self.core.shared.item(number) else {
                return false;
            };
            // It may have been made since the methods were listed.
            one.caller = self.place_of(shared, book);
            true
        });
        sort_by_key(&mut callers, |one| one.caller);
        callers.dedup_by(|one, kept| {
            let is_same = one.caller == kept.caller;
            if is_same {
                kept.calls[BEGUN] += one.calls[BEGUN];
                kept.calls[FAILED] += one.calls[FAILED];
            }
            is_same
        });
        self.read.callers = callers;
    }

    /// Puts the calls of a method since the last look, as read now, into a slot, and adds those without a caller to those of all methods.
    /// Returns whether there is any call.
    fn difference(
        &mut self,
        at: usize,
        cancelled: u32,
        slot: &mut MethodSlot,
        all_entries: &mut MethodSlot,
    ) -> bool {
        let Self {
            core,
            methods,
            read,
            ..
        } = self;
        clear(slot, at);
        let method = &mut methods[at];
        method.begun = read.halves.iter().map(|half| half.begun).sum();
        method.in_flight = read.halves.iter().map(ReadHalf::in_flight).sum();
        if method.begun == 0 {
            return false;
        }
        let totals = method.calls.get_or_insert_default();
        let ReadCounts {
            halves, ill, ended, ..
        } = read;
        let kind = |error_type| match error_type {
            one if one == cancelled => FailureKind::Cancelled,
            one if ill.contains(&one) => FailureKind::Counts,
            _ => FailureKind::Expected,
        };
        for (is_nested, (half, totals)) in halves.iter_mut().zip(&mut totals.halves).enumerate() {
            ended.clear();
            let mut since = half.difference(totals, &kind, ended);
            since.busy = core.clock.in_seconds(since.busy);
            let oldest = core.clock.seconds(half.oldest);
            if is_nested == 0 {
                all_entries.entries += since.begun;
                slot.entries = since.begun;
                half.add_to(all_entries, since, oldest);
                add_ended(all_entries, ended);
            }
            half.add_to(slot, since, oldest);
            add_ended(slot, ended);
        }
        callers_since(&mut totals.callers, &read.callers, &mut slot.callers);
        let waiting = method.shared.methods().filter_map(MethodCore::waiting);
        if let Some(waiting) = waiting.reduce(|one, other| one + other) {
            slot.waiting = waiting;
            let configured = core.rules().config.max_workers;
            slot.permits = method.shared.permits.limit(configured) as u64;
        }
        let has_ended = !slot.ok.is_empty() || !slot.failures.is_empty();
        has_ended || slot.begun > 0 || slot.in_flight > 0
    }
}

/// Removes all but the memory.
fn clear(slot: &mut MethodSlot, method: usize) {
    let MethodSlot {
        mut ok,
        mut failures,
        mut callers,
        mut ages,
        ..
    } = std::mem::take(slot);
    ok.0.clear();
    failures.clear();
    callers.clear();
    ages.clear();
    *slot = MethodSlot {
        method: u32::try_from(method).unwrap_or(u32::MAX),
        ok,
        failures,
        callers,
        ages,
        ..MethodSlot::default()
    };
}

/// All shards of a method, over its label sets.
fn shards(method: &'static MethodShared) -> impl Iterator<Item = &'static Shard> {
    method.methods().flat_map(MethodCore::shards)
}

impl ReadCounts {
    /// Reads all shards of a method.
    fn read(&mut self, method: &'static MethodShared, now: u64) {
        self.callers.clear();
        self.ill.clear();
        self.halves.iter_mut().for_each(ReadHalf::clear);
        shards(method).for_each(|shard| self.add_ended(shard));
        // The list again: a call that ended above may have started in a shard that was not listed yet.
        shards(method).for_each(|shard| self.add_begun(shard));
        // A call that is in flight all this time is counted as begun, and not as ended.
        if self.halves.iter().any(|half| half.in_flight() > 0) {
            shards(method).for_each(|shard| self.add_ages(shard, now));
        }
    }

    fn add_ended(&mut self, shard: &Shard) {
        let Self {
            halves,
            callers,
            ill,
            cells,
            ..
        } = self;
        // Before the buckets, in which they are counted first.
        let failed = shard.failed();
        failed.for_each(|(caller, count)| add_caller(callers, caller, FAILED, count));
        let half = &mut halves[usize::from(shard.is_nested())];
        let failed = shard.read_failures(cells, |error_type, is_ill, cells| {
            if is_ill && !ill.contains(&error_type) {
                ill.push(error_type);
            }
            half.add(shard, error_type + 1, cells);
        });
        let succeeded = shard.read_successes(cells);
        half.add(shard, SUCCEEDED, cells);
        half.busy += failed + succeeded.ticks;
    }

    fn add_begun(&mut self, shard: &Shard) {
        let half = &mut self.halves[usize::from(shard.is_nested())];
        shard.started().for_each(|(caller, count)| {
            half.begun += count;
            add_caller(&mut self.callers, caller, BEGUN, count);
        });
    }

    fn add_ages(&mut self, shard: &Shard, now: u64) {
        let clock = &shard.method.storage.clock;
        let half = &mut self.halves[usize::from(shard.is_nested())];
        for start in shard.slots.starts() {
            let age = now.saturating_sub(start);
            half.busy += to_f64(age);
            half.oldest = half.oldest.max(age);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "an age is not negative, and `as` saturates"
            )]
            let seconds = clock.seconds(age) as u64;
            if let Some(power) = seconds.checked_ilog2() {
                count_age(&mut half.ages, power as usize, 1);
            }
        }
    }
}

/// Counts calls by the power of two of their age.
fn count_age(ages: &mut Vec<u32>, power: usize, calls: u32) {
    if ages.len() <= power {
        ages.resize(power + 1, 0);
    }
    ages[power] = ages[power].saturating_add(calls);
}

fn add_caller(callers: &mut Vec<CallerCalls>, caller: u32, what: usize, count: u64) {
    if caller == ENTRY {
        return;
    }
    // Shards of several threads have the same callers, one after the other: they are joined later.
    let mut calls = [0; 2];
    calls[what] = count;
    callers.push(CallerCalls { caller, calls });
}

impl ReadHalf {
    fn clear(&mut self) {
        self.ended.clear();
        self.ages.clear();
        (self.begun, self.calls_ended, self.oldest) = (0, 0, 0);
        self.busy = 0.0;
    }

    /// Adds counts of a shard, by cell.
    fn add(&mut self, shard: &Shard, outcome: u32, cells: &[(usize, u64)]) {
        for &(cell, calls) in cells {
            let cell = shard.native_bucket(cell);
            self.calls_ended += calls;
            match self.ended.last_mut() {
                Some(last) if last.key() == (outcome, cell) => last.calls += calls,
                _ => self.ended.push(EndedTotal {
                    outcome,
                    cell,
                    calls,
                }),
            }
        }
    }

    fn in_flight(&self) -> u64 {
        self.begun.saturating_sub(self.calls_ended)
    }

    /// What came since the totals, which are replaced. `busy` is in ticks.
    fn difference(
        &mut self,
        totals: &mut HalfTotals,
        kind: &impl Fn(u32) -> FailureKind,
        ended: &mut Vec<EndedCalls>,
    ) -> HalfDifference {
        // Runs of the shards: a sort that merges runs.
        self.ended.sort_by_key(EndedTotal::key);
        self.ended.dedup_by(|one, kept| {
            let is_same = one.key() == kept.key();
            if is_same {
                kept.calls += one.calls;
            }
            is_same
        });
        let mut before = totals.ended.iter().peekable();
        for total in &self.ended {
            while before.next_if(|one| one.key() < total.key()).is_some() {}
            let known = before.next_if(|one| one.key() == total.key());
            let calls = total.calls.saturating_sub(known.map_or(0, |one| one.calls));
            if calls > 0 {
                let failure = total.outcome.checked_sub(1);
                let failure = failure.map(|error_type| (error_type, kind(error_type)));
                ended.push(EndedCalls {
                    failure,
                    cell: total.cell,
                    calls,
                });
            }
        }
        totals.ended.clone_from(&self.ended);
        let since = HalfDifference {
            begun: self.begun.saturating_sub(totals.begun),
            busy: (self.busy - totals.busy).max(0.0),
        };
        totals.begun = self.begun;
        totals.busy = totals.busy.max(self.busy);
        since
    }

    /// Adds the numbers of this half to those of a method, or of all methods.
    fn add_to(&self, slot: &mut MethodSlot, since: HalfDifference, oldest: f64) {
        slot.begun += since.begun;
        slot.busy += since.busy;
        slot.in_flight += self.in_flight();
        slot.oldest = slot.oldest.max(oldest);
        for (power, calls) in self.ages.iter().enumerate() {
            count_age(&mut slot.ages, power, *calls);
        }
    }
}

/// Adds calls that ended.
fn add_ended(slot: &mut MethodSlot, ended: &[EndedCalls]) {
    for one in ended {
        let durations = match one.failure {
            None => &mut slot.ok,
            Some((error_type, kind)) => failure_in(&mut slot.failures, error_type, kind),
        };
        match durations.0.last_mut() {
            Some((cell, calls)) if *cell == one.cell => *calls += one.calls,
            Some((cell, _)) if *cell > one.cell => add_between(durations, one),
            _ => durations.0.push((one.cell, one.calls)),
        }
    }
}

fn add_between(cells: &mut Cells, ended: &EndedCalls) {
    match cells.0.binary_search_by_key(&ended.cell, |one| one.0) {
        Ok(at) => cells.0[at].1 += ended.calls,
        Err(at) => cells.0.insert(at, (ended.cell, ended.calls)),
    }
}

/// The durations of a kind of failure; they stand in the order of their types.
fn failure_in(failures: &mut Vec<FailureSlot>, error_type: u32, kind: FailureKind) -> &mut Cells {
    let key = |one: &FailureSlot| (one.error_type, one.kind);
    let at = failures.binary_search_by_key(&(error_type, kind), key);
    let at = at.unwrap_or_else(|at| {
        let cells = Cells::default();
        let new = FailureSlot {
            error_type,
            kind,
            cells,
        };
        failures.insert(at, new);
        at
    });
    &mut failures[at].cells
}

/// The calls of each caller since the totals, which are replaced; both are in ascending order.
fn callers_since(totals: &mut Vec<CallerCalls>, now: &[CallerCalls], since: &mut Vec<CallerSlot>) {
    let mut before = totals.iter().peekable();
    for one in now {
        while before.next_if(|known| known.caller < one.caller).is_some() {}
        let known = before.next_if(|known| known.caller == one.caller);
        let known = known.map_or([0; 2], |known| known.calls);
        let [begun, failed] =
            [BEGUN, FAILED].map(|what| one.calls[what].saturating_sub(known[what]));
        if begun + failed > 0 {
            since.push(CallerSlot {
                caller: one.caller,
                begun,
                failed,
            });
        }
    }
    totals.clear();
    totals.extend_from_slice(now);
}

#[cfg(all(test, not(monitor_loom)))]
mod tests;
