//! History and verdict of one service, as plain data.
//!
//! A [`Watch`] is fed one slot after the other by its owner, and all it answers follows from those: it reads no clock
//! and no storage. The one of a storage is fed by [`MonitorStorage::look`](crate::MonitorStorage::look).
//!
//! # From a slot to a verdict
//!
//! 1. The slot goes to the levels of the history, and to the rules, which give a judgement.
//! 2. What is new in the judgement, and in the results of checks, becomes an event: an incident that was not there
//!    before, one that is over, a check that changed. An incident that another one explains from now on is not over.
//! 3. The headline is made of the phase of the service, else of the first incident, else of the time of the last call.
//!    Where its state, method, error type or check is another than before, the revision of the verdict is one higher.
//! 4. The verdict is written anew, in words.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use crate::base::append::hash_of;
use crate::base::sync::{Relaxed, StaticAtomicU32};
use crate::data::slot::{Book, Boot, CheckResult, MethodSlot, SLOT, Slot};
use crate::history::events::EventLog;
use crate::history::levels::Levels;
use crate::history::{Event, EventKind, Facts, HistoryConfig, Phase, Range, SlotOf, Subject};
use crate::verdict::engine::Engine;
use crate::verdict::states::ToldStates;
use crate::verdict::words::{
    LatestCalls, LeftCalls, ServiceIdentity, Verdict, Words, check_event, gone_event,
    incident_event, recovered_event, verdict_of,
};
use crate::verdict::{FORGET_DOWN, FORGET_UP, Incident, Judgement, MOST_CHECKS, Rule, State};

/// The newest slots that sentences are about: 30 s.
const RECENT_SLOTS: usize = 15;

/// Most methods of those that feel an incident whose newest slots are read for its sentences; those with lower places
/// in the book. Sentences name four, with the share of their calls that fail.
const MOST_FELT: usize = 64;

/// Incidents of one verdict that have sentences: it has five rows.
const TOLD_INCIDENTS: usize = 6;

/// The beginning of the name of a result that is about a task type.
pub(super) const TASK_TYPE: &str = "task type ";

/// History and verdict of one service.
#[derive(Debug)]
pub struct Watch {
    book: Book,
    levels: Levels,
    engine: Engine,
    events: EventLog,
    verdict: Arc<Verdict>,
    judgement: Judgement,
    headline: Headline,
    /// Seconds since 1970 at which the clock of the slots is 0.
    created_at: f64,
    boot: Arc<str>,
    /// The number of the last slot, and its end.
    tick: Option<u64>,
    now: f64,
    phase: Phase,
    /// As of the last slot, on its clock.
    drain_limit: Option<f64>,
    service: Arc<ServiceIdentity>,
    /// The end of the last slot in which a call began.
    last_call: Option<f64>,
    /// When the history began, where calls of before are in no slot.
    seen_since: Option<f64>,
    /// The last result of each check.
    checks: Vec<CheckResult>,
    told: ToldStates,
    /// How long all looks took.
    looked: Duration,
}

/// The headline of a verdict, without words. Times are on the clock of the slots.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Headline {
    /// The state.
    pub state: State,
    /// Since when.
    pub since: f64,
    /// The method at fault.
    pub method: Option<Arc<str>>,
    /// The error type of most of its failures.
    pub error_type: Option<Arc<str>>,
    /// The check that is down.
    pub check: Option<Arc<str>>,
}

/// The calls that sentences are about.
struct ToldCalls {
    recent: LatestCalls,
    /// Those since the first incident began, where that is less than 30 s ago.
    of_young: Option<LatestCalls>,
    /// The learned share of failures of each method in `recent`.
    usual_failed: Vec<f64>,
}

/// How many of the newest slots have calls that ended since then.
fn slots_since(since: f64, now: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast saturates"
    )]
    let slots = ((now - since) / SLOT.as_secs_f64()).ceil() as usize;
    slots.max(1)
}

/// A change of the state in a headline, for the log.
#[derive(Debug)]
pub(super) struct StateChange {
    pub(super) before: State,
    pub(super) headline: Headline,
    pub(super) verdict: Arc<Verdict>,
}

impl Watch {
    /// One that has seen nothing yet. `created_at` is the time, in seconds since 1970, at which the clock of the slots
    /// is 0; `boots` are the starts of the process so far, the last of them this one's.
    pub fn new(config: &HistoryConfig, created_at: f64, boots: Vec<Boot>) -> Self {
        let now = boots.last().map_or(0.0, |boot| boot.at);
        let headline = Headline::of_state(State::Idle, now);
        Self {
            book: Book::default(),
            levels: Levels::new(config),
            engine: Engine::new(now, boots),
            events: EventLog::default(),
            verdict: Arc::new(Verdict::unknown(created_at + now)),
            judgement: Judgement::default(),
            headline,
            created_at,
            boot: new_boot(created_at),
            tick: None,
            now,
            phase: Phase::default(),
            drain_limit: None,
            service: Arc::default(),
            last_call: None,
            seen_since: None,
            checks: Vec::new(),
            told: ToldStates::new(),
            looked: Duration::ZERO,
        }
    }

    /// The names behind the numbers of slots.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// The same, to be added to.
    pub fn book_mut(&mut self) -> &mut Book {
        &mut self.book
    }

    /// Adds a slot, and judges it. Of the facts, results of checks are those in the slot.
    pub fn feed(&mut self, slot: &Slot, facts: &Facts) {
        self.advance(slot, facts);
    }

    /// The same. Returns the change of the headline's state, if it did.
    pub(super) fn advance(&mut self, slot: &Slot, facts: &Facts) -> Option<StateChange> {
        self.tick = Some(slot.tick);
        self.now = slot.end;
        self.phase = facts.phase;
        self.drain_limit = facts.drain_limit.map(|at| at - self.created_at);
        if slot.methods.iter().any(|method| method.begun > 0) {
            self.last_call = Some(slot.end);
        }
        self.events.remove_old(self.created_at + slot.end);
        facts.gone.iter().for_each(|name| self.forget_check(name));
        self.forget_old_checks();
        slot.checks.iter().for_each(|check| self.note_check(check));
        self.levels.add(slot);
        if let Some(process) = facts.process {
            self.levels.lanes_mut().add_process(slot.tick, process);
        }
        let judgement = self.engine.feed(slot, &self.book).clone();
        let before = std::mem::replace(&mut self.judgement, judgement);
        let told = self.told_calls(&before.incidents);
        self.note_incidents(&before.incidents, &told);
        self.update_verdict(&told)
    }

    /// Says that calls before this time are in no slot: nothing can be said of how long the service is well or idle.
    pub(super) fn begin_at(&mut self, at: f64) {
        self.seen_since = Some(at);
        self.engine.begin_at(at);
    }

    /// The calls that sentences are about. `before` are the incidents of the slot before.
    fn told_calls(&self, before: &[Incident]) -> ToldCalls {
        let methods = self.told_methods(before);
        let of_slots = |slots| LatestCalls {
            methods: self.levels.recent_of(&methods, slots),
            entries: self.levels.recent_entries(slots),
        };
        let recent = of_slots(RECENT_SLOTS);
        let usual = recent.methods.iter();
        let usual_failed = usual.map(|one| self.engine.usual_failures(one.method));
        let first = self.judgement.incidents.first();
        let slots = first.map(|first| slots_since(first.since, self.now));
        ToldCalls {
            usual_failed: usual_failed.collect(),
            of_young: slots.filter(|slots| *slots < RECENT_SLOTS).map(of_slots),
            recent,
        }
    }

    /// The methods that sentences are about, ascending: those at fault in incidents that are new or have a row, those
    /// that feel such an incident, and those that the first one's method calls.
    fn told_methods(&self, before: &[Incident]) -> Vec<u32> {
        let incidents = &self.judgement.incidents;
        let before = known_of(before);
        let told = incidents.iter().enumerate().filter(|(nth, incident)| {
            *nth < TOLD_INCIDENTS || !before.contains(&(about(incident), incident.state))
        });
        let of_incident = |incident: &'_ Incident| {
            let felt = incident.felt.iter().take(MOST_FELT).copied();
            incident.method.into_iter().chain(felt).collect::<Vec<_>>()
        };
        let mut methods: Vec<u32> = told.flat_map(|told| of_incident(told.1)).collect();
        let first = incidents.first().and_then(|first| first.method);
        methods.extend(first.into_iter().flat_map(|at| self.engine.callees(at)));
        methods.sort_unstable();
        methods.dedup();
        methods
    }

    /// What sentences are made of.
    fn words<'a>(&'a self, told: &'a ToldCalls) -> Words<'a> {
        Words {
            judgement: &self.judgement,
            book: &self.book,
            events: self.events.all(),
            service: &self.service,
            phase: self.phase,
            drain_limit: self.drain_limit,
            left: self.left(),
            created_at: self.created_at,
            now: self.now,
            last_call: self.last_call,
            seen_since: self.seen_since,
            recent: &told.recent,
            of_young: told.of_young.as_ref(),
            usual_failed: &told.usual_failed,
            checks: &self.checks,
            has_edges: self.engine.has_edges(),
            tasks_down: self.tasks_down(),
            revision: self.verdict.revision,
        }
    }

    /// The calls that a drain waits for.
    fn left(&self) -> Vec<LeftCalls> {
        if self.phase == Phase::Draining {
            self.engine.left()
        } else {
            Vec::new()
        }
    }

    /// Makes verdict and headline of the judgement.
    fn update_verdict(&mut self, told: &ToldCalls) -> Option<StateChange> {
        let mut verdict = verdict_of(&self.words(told));
        let headline = self.headline_of(&verdict);
        let before = std::mem::replace(&mut self.headline, headline);
        let headline = &self.headline;
        verdict.revision += u64::from(before.subject() != headline.subject());
        self.verdict = Arc::new(verdict);
        (before.state != headline.state).then(|| StateChange {
            before: before.state,
            headline: headline.clone(),
            verdict: Arc::clone(&self.verdict),
        })
    }

    fn headline_of(&self, verdict: &Verdict) -> Headline {
        let since = verdict.since - self.created_at;
        let headline = Headline::of_state(verdict.state, since);
        let first = self.judgement.incidents.first();
        let first = first.filter(|_| self.phase == Phase::Ready);
        let Some(first) = first else { return headline };
        let at = |names: &[Arc<str>], place: Option<u32>| names.get(place? as usize).cloned();
        Headline {
            method: at(&self.book.methods, first.method),
            error_type: at(&self.book.types, first.error_type),
            check: first.check.clone(),
            ..headline
        }
    }

    /// Keeps the result of a check, and an event if it is another than its last one.
    fn note_check(&mut self, check: &CheckResult) {
        let known = self.checks.iter().position(|one| one.name == check.name);
        let was_up = known.map(|at| self.checks[at].is_up);
        match known {
            Some(at) => self.checks[at].clone_from(check),
            None if self.checks.len() < MOST_CHECKS => self.checks.push(check.clone()),
            None => return,
        }
        // A first result is a change if it is bad.
        if was_up.unwrap_or(true) != check.is_up {
            let text = check_event(&check.name, check.is_up, check.output.as_deref());
            let at = self.created_at + check.at;
            self.add_check_event(at, &check.name, &text);
        }
    }

    fn add_check_event(&mut self, at: f64, name: &str, text: &str) {
        let kind = if name.starts_with(TASK_TYPE) {
            EventKind::Status
        } else {
            EventKind::Check
        };
        self.events.add(at, kind, name, text);
    }

    /// Forgets a check that was taken out, with an event if it was down.
    fn forget_check(&mut self, name: &str) {
        self.engine.forget_check(name);
        let Some(at) = self.checks.iter().position(|one| *one.name == *name) else {
            return;
        };
        if !self.checks.remove(at).is_up {
            let text = gone_event(name);
            self.add_check_event(self.created_at + self.now, name, &text);
        }
    }

    /// Forgets checks without a result for long, as the rules do.
    fn forget_old_checks(&mut self) {
        let now = self.now;
        self.checks.retain(|one| {
            let kept = if one.is_up { FORGET_UP } else { FORGET_DOWN };
            now - one.at <= kept
        });
    }

    /// Keeps events for incidents that are new, and for those that are over.
    fn note_incidents(&mut self, before: &[Incident], told: &ToldCalls) {
        let words = self.words(told);
        let now = &self.judgement.incidents;
        let known = known_of(before);
        let is_new = |incident: &&Incident| !known.contains(&(about(incident), incident.state));
        let new = now.iter().filter(is_new).filter_map(|incident| {
            let event = incident_event(&words, incident)?;
            Some((incident.since.min(self.now), event))
        });
        let goes_on: HashSet<About<'_>> = now.iter().map(about).collect();
        let felt: HashSet<u32> = now.iter().flat_map(|one| &one.felt).copied().collect();
        let is_over = |incident: &&Incident| {
            let is_explained = incident.method.is_some_and(|method| felt.contains(&method));
            !is_explained && !goes_on.contains(&about(incident))
        };
        let over = before
            .iter()
            .filter(is_over)
            .filter_map(|incident| Some((self.now, recovered_event(&words, incident)?)));
        let events: Vec<_> = new.chain(over).collect();
        for (at, (kind, name, text)) in events {
            self.events.add(self.created_at + at, kind, &name, &text);
        }
    }

    /// Keeps an event. `at` is in seconds since 1970; name and text are cut at 512 bytes.
    pub fn add_event(&mut self, at: f64, kind: EventKind, name: &str, text: &str) {
        self.events.add(at, kind, name, text);
    }

    /// The headline as of the last slot.
    pub fn headline(&self) -> Headline {
        self.headline.clone()
    }

    /// The phase as of the last slot.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The service that verdicts are about, the last one too. By default it has the name of the program's file.
    pub fn identify(&mut self, service: ServiceIdentity) {
        self.service = Arc::new(service);
        let verdict = Arc::make_mut(&mut self.verdict);
        verdict.service = Arc::clone(&self.service);
    }

    /// The last result of each check.
    pub fn checks(&self) -> &[CheckResult] {
        &self.checks
    }

    /// How long the looks at a storage took in all.
    pub fn look_time(&self) -> Duration {
        self.looked
    }

    pub(super) fn add_look(&mut self, took: Duration) {
        self.looked += took;
    }

    /// A text that is new with each history: numbers of slots of two histories have nothing to do with each other.
    pub fn boot(&self) -> &str {
        &self.boot
    }

    /// The verdict as of the last slot.
    pub fn verdict(&self) -> &Arc<Verdict> {
        &self.verdict
    }

    /// The number of the last slot.
    pub fn tick(&self) -> Option<u64> {
        self.tick
    }

    /// The time, in seconds since 1970, at which the clock of the slots is 0.
    pub fn created_at(&self) -> f64 {
        self.created_at
    }

    /// The events of the last 24 hours, the oldest first.
    pub fn events(&self) -> &[Event] {
        self.events.all()
    }

    /// The slots of a subject, the oldest first: those whose last tick is after this one.
    pub fn slots(&self, of: Subject, range: Range, after: Option<u64>) -> Vec<SlotOf> {
        self.levels.slots(of, range, after)
    }

    /// The sums of the newest slots of 2 s, so many, of each method with a call in them, in ascending order.
    pub fn recent(&self, slots: usize) -> Vec<MethodSlot> {
        self.levels.recent(slots)
    }

    pub(super) fn levels(&self) -> &Levels {
        &self.levels
    }

    pub(super) fn levels_mut(&mut self) -> &mut Levels {
        &mut self.levels
    }

    pub(super) fn told(&self) -> &ToldStates {
        &self.told
    }

    pub(super) fn told_mut(&mut self) -> &mut ToldStates {
        &mut self.told
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn judgement(&self) -> &Judgement {
        &self.judgement
    }

    /// Bytes that the slots take, and what was learned from them.
    pub fn bytes(&self) -> usize {
        self.levels.bytes() + self.engine.bytes()
    }

    /// How many methods the newest slot of 2 s keeps totals alone of, or adds up, as the history is full.
    pub fn reduced_methods(&self) -> usize {
        let thinned = self.levels.thinned()[0];
        thinned.totals + thinned.added_up
    }
}

impl Headline {
    /// Of a state that is about nothing in particular.
    fn of_state(state: State, since: f64) -> Self {
        Self {
            state,
            since,
            method: None,
            error_type: None,
            check: None,
        }
    }

    /// All but the time.
    fn subject(&self) -> (State, [&Option<Arc<str>>; 3]) {
        (self.state, [&self.method, &self.error_type, &self.check])
    }
}

/// What an incident is about: two about the same are one that goes on.
#[derive(Debug, PartialEq, Eq, Hash)]
enum About<'a> {
    /// A method, whose incident may get the name of a check later.
    Method(u32),
    Check(&'a str),
    Rule(Rule),
}

fn about(incident: &Incident) -> About<'_> {
    match (incident.method, incident.check.as_deref()) {
        (Some(method), _) => About::Method(method),
        (None, Some(check)) => About::Check(check),
        (None, None) => About::Rule(incident.rule),
    }
}

/// What is no news after these incidents.
fn known_of(before: &[Incident]) -> HashSet<(About<'_>, State)> {
    let known = before.iter().map(|one| (about(one), one.state));
    known.collect()
}

/// A text that no other process, and no earlier history of this one, has.
fn new_boot(created_at: f64) -> Arc<str> {
    static MADE: StaticAtomicU32 = StaticAtomicU32::new(0);
    let number = MADE.fetch_add(1, Relaxed);
    // The hash is seeded anew in each process.
    let hash = hash_of((std::process::id(), created_at.to_bits(), number));
    format!("{:08x}", hash >> 32).into()
}

#[cfg(all(test, not(monitor_loom)))]
mod tests;
