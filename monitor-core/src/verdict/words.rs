//! From a judgement to words: state, sentence, rows, queries.
//!
//! A [`Judgement`] has numbers; an operator reads sentences. [`verdict_of`] is a pure function from the one to the
//! other: the first incident is the headline, and every row names the evidence behind it. A sentence has a subject, a
//! verb, a number and what is usual; a number that is not known is left out with its comparison, and nothing is said
//! that no number stands for.
//!
//! Names of methods, error types and checks come from the service, and so may be any text. In sentences they stand in
//! backquotes, as paths and functions of the server do: a backquote within a name is written `'`, a character that drives a terminal or
//! turns the direction of writing is written `?`, and what is longer than 128 characters is cut with `~`.

mod events;
mod rows;
mod sentence;

use std::sync::Arc;

use crate::base::clock::process_start;
use crate::data::catalog::{Namespace, Profile};
use crate::data::slot::{Book, CheckResult, MethodSlot};
use crate::history::{Event, EventKind, Phase};
use crate::verdict::engine::IDLE;
use crate::verdict::{Incident, Judgement, Level, Rule, State};

pub(crate) use self::events::{check_event, gone_event, incident_event, log_line, recovered_event};

/// What is wrong with a service, in words.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Verdict {
    /// The state.
    pub state: State,
    /// Since when, seconds since 1970.
    pub since: f64,
    /// When this was judged, seconds since 1970.
    pub at: f64,
    /// Where the service is in its life.
    pub phase: Phase,
    /// One sentence: subject, verb, number, comparison. Names stand in backquotes.
    pub sentence: String,
    /// At most five.
    pub rows: Vec<VerdictRow>,
    /// How often the verdict changed: its state, its method, error type or check.
    pub revision: u64,
    /// How many of what there are.
    pub counts: Counts,
    /// The service.
    pub service: Arc<ServiceIdentity>,
}

impl Verdict {
    /// The verdict before anything was seen. `at` is in seconds since 1970.
    pub(crate) fn unknown(at: f64) -> Self {
        Self {
            state: State::Idle,
            since: at,
            at,
            phase: Phase::default(),
            sentence: "No call has begun yet.".to_owned(),
            rows: Vec::new(),
            revision: 0,
            counts: Counts::default(),
            service: Arc::new(ServiceIdentity::default()),
        }
    }
}

/// One line of evidence.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct VerdictRow {
    /// At most 8 letters.
    pub label: &'static str,
    /// How much it matters.
    pub level: Level,
    /// The name of the rule, as in `docs/verdict.md`.
    pub rule: &'static str,
    /// Since when, seconds since 1970.
    pub since: Option<f64>,
    /// One sentence or two. Names stand in backquotes.
    pub text: String,
    /// The part of the live page where it is seen.
    pub link: String,
    /// The method it is about.
    pub method: Option<Arc<str>>,
    /// The error type.
    pub error_type: Option<Arc<str>>,
    /// The number it is about: a share from 0 to 1, seconds, a rate per second, or a number of calls.
    pub value: Option<f64>,
    /// Lower and upper end of the usual, in the unit of the value. Where a single number is known, both are that.
    pub usual: Option<[f64; 2]>,
    /// A query that shows it in Prometheus.
    pub promql: Option<String>,
    /// What to look at next.
    pub next: Option<String>,
}

/// How many of what there are, each with how much that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Known methods.
    pub methods: (u64, Level),
    /// Methods with a finding, or that feel one of another.
    pub changed: (u64, Level),
    /// Calls in flight that are stuck.
    pub stuck: (u64, Level),
    /// Checks, task types and other parts of health that are down.
    pub unhealthy: (u64, Level),
    /// Limits of series that were reached in the last 24 hours.
    pub over: (u64, Level),
}

impl Default for Counts {
    /// None of anything.
    fn default() -> Self {
        let none = (0, Level::Ok);
        Self {
            methods: none,
            changed: none,
            stuck: none,
            unhealthy: none,
            over: none,
        }
    }
}

/// The service and the process that a verdict is about.
///
/// By default the service has the name of the program's file. A server fills it in from its configuration
/// (`MonitorStorage::identify`).
///
/// ```
/// use monitor_core::verdict::ServiceIdentity;
///
/// let mut service = ServiceIdentity::default();
/// service.name = "shop".into();
/// service.version = Some("1.4.2".into());
/// assert_eq!(service.pid, std::process::id());
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ServiceIdentity {
    /// Its name.
    pub name: Arc<str>,
    /// Its version, where it is known.
    pub version: Option<Arc<str>>,
    /// The commit it was built from, where it is known.
    pub revision: Option<Arc<str>>,
    /// What tells it from other processes of the service: the host, or the pod.
    pub instance: Option<Arc<str>>,
    /// The number of the process.
    pub pid: u32,
    /// When the process started, seconds since 1970; `None` where the system does not say.
    pub started: Option<f64>,
    /// The address of the live page, where there is one: `http://127.0.0.1:9999/`.
    pub address: Option<Arc<str>>,
    /// How its pages name the families, for queries.
    pub families: FamilyNames,
}

impl Default for ServiceIdentity {
    /// The name of the program's file, the number and the start of the process.
    fn default() -> Self {
        let path = std::env::current_exe().ok();
        let name = path.as_deref().and_then(|path| path.file_stem());
        let name = name.map(|name| name.to_string_lossy());
        Self {
            name: name.as_deref().unwrap_or("service").into(),
            version: None,
            revision: None,
            instance: None,
            pid: std::process::id(),
            started: process_start(),
            address: None,
            families: FamilyNames::default(),
        }
    }
}

/// How the pages of a service name its families: the queries of a verdict are about those.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct FamilyNames {
    /// The profile of the pages.
    pub profile: Profile,
    /// The namespace of its families.
    pub namespace: Namespace,
    /// Whether native histograms are offered: queries of durations are in their form then. Default: no.
    pub is_native: bool,
}

/// Calls in flight of one of the methods that requests come to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LeftCalls {
    pub(crate) method: u32,
    pub(crate) calls: u64,
    /// The age of the oldest, seconds.
    pub(crate) oldest: f64,
    /// What half of its calls and 99 % of them usually take, seconds.
    pub(crate) usual: Option<[f64; 2]>,
}

/// Sums of the newest slots.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct LatestCalls {
    /// By method, in ascending order: those that sentences are about.
    pub(crate) methods: Vec<MethodSlot>,
    /// All entry calls.
    pub(crate) entries: MethodSlot,
}

impl LatestCalls {
    fn of(&self, method: u32) -> Option<&MethodSlot> {
        self.methods.get(self.place_of(method)?)
    }

    fn place_of(&self, method: u32) -> Option<usize> {
        self.methods
            .binary_search_by_key(&method, |one| one.method)
            .ok()
    }
}

/// What a verdict is made of.
#[derive(Debug)]
pub(crate) struct Words<'a> {
    pub(crate) judgement: &'a Judgement,
    pub(crate) book: &'a Book,
    /// The oldest first.
    pub(crate) events: &'a [Event],
    pub(crate) service: &'a Arc<ServiceIdentity>,
    pub(crate) phase: Phase,
    /// When a drain waits for calls no longer, on the clock of the slots; `None` where no drain waits.
    pub(crate) drain_limit: Option<f64>,
    /// The calls that a drain waits for.
    pub(crate) left: Vec<LeftCalls>,
    /// Seconds since 1970 at which the clock of the slots is 0.
    pub(crate) created_at: f64,
    /// The end of the last slot, on the clock of the slots.
    pub(crate) now: f64,
    /// The end of the last slot in which a call began; `None` before the first.
    pub(crate) last_call: Option<f64>,
    /// When the history began, on the same clock, where it is younger than the process: what was before is not known.
    pub(crate) seen_since: Option<f64>,
    /// The calls of the last 30 s.
    pub(crate) recent: &'a LatestCalls,
    /// Those since the first incident began, where it is younger.
    pub(crate) of_young: Option<&'a LatestCalls>,
    /// The share of failures that was learned of each method in `recent`.
    pub(crate) usual_failed: &'a [f64],
    /// The last result of each check.
    pub(crate) checks: &'a [CheckResult],
    /// Whether any method ever had a monitored caller. Else what is found at the same time is one incident, and nothing tells that
    /// one method fails through another.
    pub(crate) has_edges: bool,
    /// How many task types are down.
    pub(crate) tasks_down: usize,
    /// How often the verdict changed.
    pub(crate) revision: u64,
}

impl<'a> Words<'a> {
    /// The name of a method, by its place in the book.
    fn method(&self, at: u32) -> Option<&Arc<str>> {
        self.book.methods.get(at as usize)
    }

    /// The last 30 s of a method.
    fn recent_of(&self, at: u32) -> Option<&'a MethodSlot> {
        self.recent.of(at)
    }

    /// The calls that shares beside the sentence are of: those of the last 30 s, or since the incident began, as its own.
    fn told(&self) -> &'a LatestCalls {
        self.of_young.unwrap_or(self.recent)
    }

    /// The share of calls of a method that usually fail.
    fn usual_failed(&self, at: u32) -> f64 {
        let place = self.recent.place_of(at);
        let usual = place.and_then(|place| self.usual_failed.get(place));
        usual.copied().unwrap_or(0.0)
    }

    /// Seconds since 1970 of a moment on the clock of the slots.
    fn wall(&self, at: f64) -> f64 {
        self.created_at + at
    }

    /// When the process started, seconds since 1970; where that is not known, when its storage was made.
    fn started(&self) -> f64 {
        self.service.started.unwrap_or(self.created_at)
    }

    /// The last event of a kind.
    fn last_event(&self, kind: EventKind) -> Option<&Event> {
        self.events.iter().rev().find(|event| event.kind == kind)
    }

    /// The state, and since when, on the clock of the slots.
    fn state(&self) -> (State, f64) {
        let at = |kind| {
            self.last_event(kind)
                .map(|event| event.at - self.created_at)
        };
        match self.phase {
            Phase::Draining => {
                return (State::Draining, at(EventKind::Draining).unwrap_or(self.now));
            }
            Phase::Starting => return (State::Starting, self.started() - self.created_at),
            Phase::Ready => {}
        }
        if let Some(first) = self.judgement.incidents.first() {
            return (first.state, first.since);
        }
        match self.last_call {
            None => {
                let started = self.started() - self.created_at;
                (State::Idle, self.seen_since.unwrap_or(started))
            }
            Some(last) if self.now - last >= IDLE => (State::Idle, last),
            Some(_) => (State::Ok, self.judgement.ok_since),
        }
    }

    /// The incident that the headline is about.
    fn headline(&self) -> Option<&Incident> {
        let first = self.judgement.incidents.first();
        first.filter(|_| self.phase == Phase::Ready)
    }

    /// The incidents that are told of. That no calls come is what a drain is for.
    fn incidents(&self) -> impl Iterator<Item = &Incident> {
        let is_draining = self.phase == Phase::Draining;
        let incidents = self.judgement.incidents.iter();
        incidents.filter(move |one| !(is_draining && one.rule == Rule::Silence))
    }

    /// The incident that the first rows are about. A drain hides none: its verdict may be the last that is written
    /// down.
    fn shown(&self) -> Option<&Incident> {
        self.incidents()
            .next()
            .filter(|_| self.phase != Phase::Starting)
    }
}

/// The verdict in words.
pub(crate) fn verdict_of(input: &Words<'_>) -> Verdict {
    let (state, since) = input.state();
    let at = input.wall(input.now);
    Verdict {
        state,
        // A cause may be found older than the process: a check of the one before.
        since: input.wall(since).min(at),
        at,
        phase: input.phase,
        sentence: sentence::headline(input, state, since),
        rows: rows::rows(input),
        revision: input.revision,
        counts: rows::counts(input),
        service: Arc::clone(input.service),
    }
}

/// Most characters of a name in a sentence.
const NAME_CHARACTERS: usize = 128;

/// Most characters of what a check or an event says, in a sentence.
const TEXT_CHARACTERS: usize = 240;

/// True for characters that are written `?`: those that drive a terminal (C0, C1, DEL), and those that turn the
/// direction of writing, or separate lines.
///
/// ```
/// use monitor_core::verdict::is_hostile;
///
/// assert!(is_hostile('\u{1b}') && is_hostile('\u{202e}'));
/// assert!(!is_hostile('a') && !is_hostile('漢'));
/// ```
pub fn is_hostile(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A name as a sentence has it: in backquotes, without characters that break them.
pub(crate) fn quoted(name: &str) -> String {
    if name.is_empty() {
        return "`?`".to_owned();
    }
    format!("`{}`", harmless(name, NAME_CHARACTERS))
}

/// A text without backquotes and characters that are hostile, and at most so long.
fn harmless(text: &str, most: usize) -> String {
    let shown = text.chars().map(|character| match character {
        '`' => '\'',
        hostile if is_hostile(hostile) => '?',
        character => character,
    });
    let mut out: String = shown.take(most + 1).collect();
    if let Some((at, _)) = out.char_indices().nth(most) {
        out.truncate(at);
        out.pop();
        out.push('~');
    }
    out
}

/// What a check, an event or an operator said, to stand within a sentence: without a full stop at its end.
fn said(text: &str) -> String {
    let text = harmless(text.trim(), TEXT_CHARACTERS);
    text.trim_end_matches(['.', ' ']).to_owned()
}

#[cfg(test)]
pub(in crate::verdict) mod tests;
