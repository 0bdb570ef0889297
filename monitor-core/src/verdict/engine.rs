//! The rules: from slots to judgements.
//!
//! An [`Engine`] is a pure function of the slots that it was fed: no clock, no storage, no randomness. The same slots make the
//! same judgements, so a recorded incident is a test. What a user reads of each rule stands in `docs/verdict.md`; a test
//! compares its constants with these files.
//!
//! # The way of a slot
//!
//! 1. **Counts** (`method`). Of each method the calls are counted that failed, by error type, and that were slow, far slower
//!    or in the tail, by bounds that were known before the slot. Sums are kept for 15 minutes (`ring`).
//! 2. **Evidence** (`evidence`). Each count moves three CUSUM counters (Page 1954, *Continuous inspection schemes*), which
//!    compare the normal share with three others. The normal share is an upper bound (`wilson`: Wilson 1927). A counter
//!    that reaches 11 nats makes a finding.
//! 3. **Gauges** (`gauges`). Calls that do not end, and calls that wait for permits, are findings by their number.
//! 4. **Findings** (`finding`). Each has the beginning that explains the slots best, and is over by evidence too.
//! 5. **Learning** (`normal`, `usual`). What is usual comes from blocks of 20 s, which wait for a minute before they are
//!    learned. Blocks since the beginning of a finding are thrown away: what an incident is made of is never usual.
//! 6. **Cause** (`cause`, `broad`). Each finding is led down the calls to the method that explains it, and findings of one
//!    method are one incident; where nearly all is slow, there is one incident without a cause among the methods.
//! 7. **States** (`describe`, `process`). Incidents have a state, and stand in its order; checks, starts of the process and
//!    silence are judged beside the methods.
//!
//! # Where the constants come from
//!
//! 11 nats are odds of 60,000 to 1 a counter. The other bounds (floors, shares that matter, what one slot adds at most, the
//! delays, the caution with young methods) were measured on simulated and recorded incidents and quiet stretches, on one half
//! of them, and checked on the other. They bound each other: a slot's most is why one bad moment is no finding, and makes
//! the 6 to 10 s that a finding takes. A change of one is to be tried on all cases (`tests/tests/incidents.rs`).
//!
//! # What holds for any slots
//!
//! A slot never makes it panic, and no number of a judgement is NaN. A method without a call for a minute or two is not fed, and
//! costs its bytes alone.

mod blind;
mod broad;
mod cause;
mod describe;
mod entries;
mod evidence;
mod failures;
mod finding;
mod gauges;
mod method;
mod normal;
mod process;
mod ring;
mod state;
mod usual;
mod wilson;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use self::describe::{Group, Held};
use self::entries::Entries;
pub(crate) use self::finding::Sign;
use self::method::{Method, Now};
use self::process::{Checks, Silence, restarts};
use self::ring::Times;
pub(crate) use self::state::IDLE;
pub use self::state::{MethodState, StateOf};
pub use self::usual::Usual;
use crate::data::slot::{Book, Boot, MethodSlot, SLOT, Slot};
use crate::verdict::words::LeftCalls;
use crate::verdict::{Incident, Judgement, Rule, State};

/// The name of the error type of panics.
const PANIC: &str = "panic";
/// Seconds after which a finding's cause stands.
const SETTLE: f64 = 30.0;
/// Seconds for which callers may be unwell after the cause is well.
const ECHO: f64 = 60.0;
/// Seconds after which a sign of theirs is no echo any more.
const FADES: f64 = 20.0;
/// Seconds after the end of a cause in which calls end that began before it.
const BEGUN_BEFORE: f64 = 6.0;
/// A slot that is longer, or as far from the one before, is a gap: the process stood still.
const GAP: f64 = 10.0;
/// Seconds after a gap in which durations and ages are not judged, and nothing is learned.
const STEADY: f64 = 30.0;

/// What is learned of all methods, and what is found.
#[derive(Debug, Default)]
pub(crate) struct Engine {
    judgement: Judgement,
    times: Times,
    now: f64,
    /// By their places in the book; those that were in a slot.
    methods: Vec<Option<Box<Method>>>,
    /// Methods that slots are fed to, also those without a call of theirs; ascending.
    awake: Vec<u32>,
    /// Methods with findings; ascending.
    alarmed: Vec<u32>,
    checks: Checks,
    boots: Vec<Boot>,
    silence: Silence,
    entries: Entries,
    /// The end of the last slot.
    last_end: Option<f64>,
    /// The end of the last gap.
    gap_end: Option<f64>,
    panic: Option<u32>,
    types: usize,
    held: Held,
    /// Whether any method ever had a monitored caller.
    has_edges: bool,
    /// Whether everything was slow in a rush in the last slot.
    is_broad_rush: bool,
    /// Since when everything is slow.
    broad_since: Option<f64>,
    /// When that was over last.
    broad_over: Option<f64>,
    /// True if half the evidence for a finding is there for a method.
    is_doubtful: bool,
}

impl Engine {
    /// One that knows nothing yet. `now` is on the clock of the slots; `boots` are the starts of the process so far, this one
    /// last.
    pub(crate) fn new(now: f64, boots: Vec<Boot>) -> Self {
        Self {
            judgement: Judgement {
                incidents: Vec::new(),
                ok_since: now,
            },
            now,
            boots,
            ..Self::default()
        }
    }

    /// Has the service be well since this time at the earliest: what was before is not known.
    pub(crate) fn begin_at(&mut self, at: f64) {
        self.judgement.ok_since = self.judgement.ok_since.max(at);
    }

    /// Forgets a check that was taken out.
    pub(crate) fn forget_check(&mut self, name: &str) {
        self.checks.forget(name);
    }

    /// Judges one more slot.
    pub(crate) fn feed(&mut self, slot: &Slot, book: &Book) -> &Judgement {
        self.name_panics(book);
        let begin = slot.begin.min(slot.end);
        let is_gap = slot.end - begin > GAP || self.last_end.is_some_and(|last| begin - last > GAP);
        self.last_end = Some(slot.end);
        if is_gap {
            self.gap_end = Some(slot.end);
        }
        self.now = slot.end;
        let number = self.times.push(begin, slot.end);
        let is_steady = self.gap_end.is_none_or(|end| slot.end - end >= STEADY);
        self.feed_methods(slot, number, is_steady);
        self.checks.forget_old(slot.end);
        for result in &slot.checks {
            self.checks.feed(result);
        }
        let entries = slot
            .methods
            .iter()
            .fold(0_u64, |sum, one| sum.saturating_add(one.entries));
        self.silence.feed(entries, slot.end, is_steady);
        self.judge();
        let is_well = is_steady && self.judgement.incidents.is_empty();
        self.entries.feed(slot, is_well);
        &self.judgement
    }

    fn name_panics(&mut self, book: &Book) {
        for at in self.types..book.types.len() {
            if *book.types[at] == *PANIC {
                self.panic = u32::try_from(at).ok();
            }
        }
        self.types = book.types.len();
    }

    /// Feeds the slot to the methods in it, and to those that are awake.
    fn feed_methods(&mut self, slot: &Slot, number: u32, is_steady: bool) {
        let before = std::mem::take(&mut self.awake);
        self.is_doubtful = false;
        let mut before = before.into_iter().peekable();
        for calls in &slot.methods {
            while let Some(at) = before.next_if(|at| *at < calls.method) {
                self.feed_method(at, None, slot, number, is_steady);
            }
            before.next_if_eq(&calls.method);
            self.learn_edges(calls, number);
            self.feed_method(calls.method, Some(calls), slot, number, is_steady);
        }
        for at in before {
            self.feed_method(at, None, slot, number, is_steady);
        }
    }

    fn feed_method(
        &mut self,
        at: u32,
        calls: Option<&MethodSlot>,
        slot: &Slot,
        number: u32,
        is_steady: bool,
    ) {
        let now = Now {
            times: &self.times,
            number,
            end: slot.end,
            seconds: (slot.end - slot.begin).clamp(0.1, GAP),
            is_steady,
            panic: self.panic,
        };
        let Some(method) = self.methods.get_mut(at as usize).and_then(Option::as_mut) else {
            return;
        };
        method.feed(calls, &now);
        self.is_doubtful |= method.is_suspect();
        if method.is_awake() {
            self.awake.push(at);
        }
        match self.alarmed.binary_search(&at) {
            Err(place) if !method.found.is_empty() => self.alarmed.insert(place, at),
            Ok(place) if method.found.is_empty() => drop(self.alarmed.remove(place)),
            _ => {}
        }
    }

    fn learn_edges(&mut self, calls: &MethodSlot, number: u32) {
        let method = self.method_mut(calls.method, number);
        let new: Vec<u32> = calls
            .callers
            .iter()
            .map(|one| one.caller)
            .filter(|one| !method.callers.contains(one))
            .collect();
        for caller in new {
            self.has_edges = true;
            self.method_mut(calls.method, number).callers.push(caller);
            self.method_mut(caller, number).callees.push(calls.method);
        }
    }

    fn method_mut(&mut self, at: u32, number: u32) -> &mut Method {
        let place = at as usize;
        if place >= self.methods.len() {
            self.methods.resize_with(place + 1, || None);
        }
        self.methods[place].get_or_insert_with(|| Box::new(Method::new(at, number.wrapping_sub(1))))
    }

    fn method(&self, at: u32) -> Option<&Method> {
        self.methods.get(at as usize)?.as_deref()
    }

    // The judgement ------------------------------------------------------------------------------------------------------

    fn judge(&mut self) {
        let groups = self.groups();
        let groups = self.join_blind(groups);
        self.hold(&groups);
        let everything = self.everything();
        let mut incidents = self.incidents(&groups, everything.is_some());
        self.end_broad(everything.is_none());
        incidents.extend(everything);
        let found = incidents
            .iter()
            .filter(|one| matches!(one.state, State::Failing | State::Stuck | State::Slow));
        let found: Vec<f64> = found.map(|one| one.since).collect();
        self.checks.judge(&found, self.now, &mut incidents);
        incidents.extend(restarts(&self.boots, self.now));
        incidents.extend(self.silence.incident());
        let weight = |one: &Incident| one.method.map_or(0.0, |at| self.weight(at, one.since));
        let mut ranked: Vec<_> = incidents
            .into_iter()
            .map(|one| (rank(&one), weight(&one), one))
            .collect();
        ranked.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
        self.say(ranked.into_iter().map(|one| one.2).collect());
    }

    fn say(&mut self, mut incidents: Vec<Incident>) {
        let was_ok = self.judgement.incidents.is_empty();
        if incidents.is_empty() && !was_ok {
            self.judgement.ok_since = self.now;
        }
        let down = incidents.iter().find(|one| one.state == State::Down);
        let down = down.and_then(|one| one.check.clone());
        if let Some(first) = incidents.first_mut().filter(|first| first.check.is_none()) {
            first.check = down;
        }
        self.judgement.incidents = incidents;
    }

    /// The active findings, by their cause.
    fn groups(&mut self) -> Vec<Group> {
        let mut groups: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for at in self.alarmed.clone() {
            let signs: Vec<Sign> = self
                .method(at)
                .into_iter()
                .flat_map(Method::active)
                .map(|one| one.sign)
                .collect();
            for sign in signs {
                let cause = self.cause_of(at, sign);
                self.mark(at, sign, cause.is_none());
                let Some(cause) = cause else {
                    continue;
                };
                let members = groups.entry(cause).or_default();
                // They come in ascending order.
                if members.last() != Some(&at) {
                    members.push(at);
                }
            }
        }
        groups
            .into_iter()
            .map(|(cause, members)| Group { cause, members })
            .collect()
    }

    /// The cause of a finding; `None` where it is an echo: its cause is over.
    fn cause_of(&mut self, at: u32, sign: Sign) -> Option<u32> {
        let finding = self.method(at)?.active().find(|one| one.sign == sign)?;
        let is_settled = self.now - finding.fired > SETTLE;
        if let Some(cause) = finding.cause {
            let method = self.method(cause)?;
            let is_on = cause == at || method.has_finding();
            // A method that was found to be at fault itself, as a callee had no finding, is asked again.
            if is_settled && is_on && cause != at {
                return Some(cause);
            }
            // What goes on without its cause is no echo; where that one was sure not for long.
            let fades = if is_settled { FADES } else { 0.0 };
            // One that was an echo goes on as that, however few bad calls come as ever.
            let stays = |over: f64| finding.is_echo && !self.goes_on(at, sign, over);
            let is_echo =
                |over: &f64| !is_on && (finding.was_calm_at(*over + fades) || stays(*over));
            let over = method.found.iter().filter_map(|one| one.over);
            if let Some(over) = over.max_by(f64::total_cmp).filter(is_echo) {
                if self.now - over > ECHO {
                    // If it is more than an echo it is found again.
                    self.close(at, sign);
                }
                return None;
            }
        }
        let cause = self.cause(at, finding, is_settled);
        let found = self
            .methods
            .get_mut(at as usize)?
            .as_mut()?
            .found
            .iter_mut();
        found
            .filter(|one| one.sign == sign)
            .for_each(|one| one.cause = Some(cause));
        Some(cause)
    }

    /// Whether the calls since then are enough for a finding by themselves, without those of the first seconds: they began before.
    fn goes_on(&self, at: u32, sign: Sign, since: f64) -> bool {
        let Some(method) = self.method(at) else {
            return false;
        };
        let Some(evidence) = method.evidence_of(sign) else {
            return true;
        };
        let first = self.times.first_after(since + BEGUN_BEFORE);
        evidence.is_beyond(method.sum_of(sign, first))
    }

    fn mark(&mut self, at: u32, sign: Sign, is_echo: bool) {
        let method = self.methods.get_mut(at as usize).and_then(Option::as_mut);
        let found = method.into_iter().flat_map(|method| &mut method.found);
        let found = found.filter(|one| one.sign == sign && one.is_active());
        found.for_each(|one| one.is_echo = is_echo);
    }

    fn close(&mut self, at: u32, sign: Sign) {
        if let Some(mut method) = self.methods.get_mut(at as usize).and_then(Option::take) {
            method.close_echo(sign, &self.moment());
            self.methods[at as usize] = Some(method);
        }
    }

    /// The newest slot.
    fn moment(&self) -> Now<'_> {
        Now {
            times: &self.times,
            number: self.times.newest(),
            end: self.now,
            seconds: SLOT.as_secs_f64(),
            is_steady: true,
            panic: self.panic,
        }
    }

    // For others ---------------------------------------------------------------------------------------------------------

    /// What is usual for a method; `None` in its first minutes.
    pub(crate) fn usual(&self, method: u32) -> Option<Usual> {
        self.method(method)?.ranges.usual()
    }

    /// What is usual for the entry calls of all methods together; `None` in the first minutes.
    pub(crate) fn usual_entries(&self) -> Option<Usual> {
        self.entries.usual()
    }

    /// Seconds until it is known, where nothing is wrong meanwhile.
    pub(crate) fn usual_entries_within(&self) -> f64 {
        f64::from(self.entries.missing_slots()) * SLOT.as_secs_f64()
    }

    /// The calls in flight of the methods that requests come to, most first.
    pub(crate) fn left(&self) -> Vec<LeftCalls> {
        let methods = self.methods.iter().zip(0..);
        let methods = methods.filter_map(|(method, at)| Some((method.as_deref()?, at)));
        let left = methods.filter(|(method, _)| method.is_root && method.gauges.in_flight > 0);
        let left = left.map(|(method, at)| LeftCalls {
            method: at,
            calls: method.gauges.in_flight.into(),
            oldest: method.gauges.oldest,
            usual: method.normal.durations(),
        });
        let mut left: Vec<_> = left.collect();
        left.sort_by_key(|one| std::cmp::Reverse(one.calls));
        left
    }

    /// The share of calls of a method that usually fail.
    pub(crate) fn usual_failures(&self, method: u32) -> f64 {
        self.method(method).map_or(0.0, Method::usual_failures)
    }

    /// The starts of the process, this one last.
    pub(crate) fn boots(&self) -> &[Boot] {
        &self.boots
    }

    /// What is beyond the normal of a method.
    pub(crate) fn signs(&self, method: u32) -> impl Iterator<Item = Sign> {
        let active = self.method(method).map(Method::active);
        active.into_iter().flatten().map(|one| one.sign)
    }

    /// Whether any method ever had a monitored caller.
    pub(crate) fn has_edges(&self) -> bool {
        self.has_edges
    }

    /// The methods that calls of a method were seen to call.
    pub(crate) fn callees(&self, method: u32) -> impl Iterator<Item = u32> {
        let callees = self.method(method).map(|one| one.callees.iter().copied());
        callees.into_iter().flatten()
    }

    /// Bytes that all of it takes.
    pub(crate) fn bytes(&self) -> usize {
        let methods = self.methods.iter().flatten().map(|one| one.bytes());
        methods.sum::<usize>()
            + self.methods.capacity() * size_of::<Option<Box<Method>>>()
            + self.times.bytes()
            + self.silence.bytes()
            + self.entries.bytes()
    }
}

/// Which of two incidents is the headline: states in their order; but a machine on which all is slow comes before a
/// method that is.
fn rank(incident: &Incident) -> (State, bool) {
    (incident.state, incident.rule != Rule::Broad)
}
