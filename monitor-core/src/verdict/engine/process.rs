//! What is not a method's: checks, starts of the process, and the silence where calls always came.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::data::slot::{Boot, CheckResult, SLOT};
use crate::verdict::{Evidence, FORGET_DOWN, FORGET_UP, Incident, MOST_CHECKS, Rule, State};

/// Seconds for which a change counts for flapping, and a crash for a loop.
const WINDOW: f64 = 900.0;
/// Changes within it that are flapping.
const FLAPS: usize = 3;
/// Seconds after its last change until when a check flaps.
const FLAPPED: f64 = 120.0;
/// Seconds between a check and a finding of one incident.
const NEAR: f64 = 60.0;
/// Seconds after a crash for which it is said.
const CRASHED: f64 = 300.0;
/// A check, or another part of health.
#[derive(Debug)]
struct Check {
    name: Arc<str>,
    /// The time of the last result.
    heard: f64,
    /// Results running that are down.
    down: u32,
    since: f64,
    /// When it was found to be down, of late.
    turns: Vec<f64>,
    output: Option<Arc<str>>,
}

/// All checks.
#[derive(Debug, Default)]
pub(super) struct Checks(Vec<Check>);

impl Checks {
    pub(super) fn feed(&mut self, result: &CheckResult) {
        let Some(check) = self.of(&result.name) else {
            return;
        };
        check.heard = result.at;
        if result.is_up {
            check.down = 0;
            return;
        }
        check.down = check.down.saturating_add(1);
        check.output.clone_from(&result.output);
        if check.down == 1 {
            check.since = result.at;
        }
        if check.down == 2 {
            check.turns.push(check.since);
        }
    }

    /// Forgets a check that was taken out.
    pub(super) fn forget(&mut self, name: &str) {
        self.0.retain(|one| *one.name != *name);
    }

    /// Forgets those without a result for long. One that flaps stays until that is over.
    pub(super) fn forget_old(&mut self, now: f64) {
        self.0.retain(|one| {
            let kept = if one.down == 0 {
                FORGET_UP
            } else {
                FORGET_DOWN
            };
            now - one.heard <= kept
        });
    }

    fn of(&mut self, name: &Arc<str>) -> Option<&mut Check> {
        let at = self.0.iter().position(|one| one.name == *name);
        let at = match at {
            Some(at) => at,
            None if self.0.len() < MOST_CHECKS => {
                self.0.push(Check {
                    name: name.clone(),
                    heard: 0.0,
                    down: 0,
                    since: 0.0,
                    turns: Vec::new(),
                    output: None,
                });
                self.0.len() - 1
            }
            None => return None,
        };
        self.0.get_mut(at)
    }

    /// Checks that are down: twice running, or once near the beginning of one of these findings; and those that flap.
    pub(super) fn judge(&mut self, findings: &[f64], now: f64, out: &mut Vec<Incident>) {
        for check in &mut self.0 {
            check.turns.retain(|at| now - at <= WINDOW);
            let is_near = findings.iter().any(|at| (at - check.since).abs() <= NEAR);
            let last = check.turns.last().copied();
            if check.turns.len() >= FLAPS && last.is_some_and(|at| now - at <= FLAPPED) {
                let since = check.turns.first().copied().unwrap_or(now);
                out.push(check.incident(State::Flapping, since, last));
            } else if check.down >= 2 || check.down == 1 && is_near {
                out.push(check.incident(State::Down, check.since, Some(check.since)));
            }
        }
    }
}

impl Check {
    fn incident(&self, state: State, since: f64, last_change: Option<f64>) -> Incident {
        Incident {
            state,
            rule: Rule::Check,
            since,
            method: None,
            error_type: None,
            check: Some(self.name.clone()),
            felt: Vec::new(),
            times: u32::try_from(self.turns.len()).unwrap_or(u32::MAX).max(1),
            evidence: Evidence {
                last_change,
                output: self.output.clone(),
                ..Evidence::default()
            },
        }
    }
}

/// What the starts of the process say: again and again, or once of late.
pub(super) fn restarts(boots: &[Boot], now: f64) -> Option<Incident> {
    let crashes = boots
        .iter()
        .filter(|one| !one.is_clean && now - one.at <= WINDOW);
    let crashes: Vec<f64> = crashes.map(|one| one.at).collect();
    let (first, last) = (*crashes.first()?, *crashes.last()?);
    if now - last > CRASHED {
        return None;
    }
    let (state, since) = match crashes.len() {
        1 => (State::Restarted, last),
        _ => (State::Restarting, first),
    };
    Some(Incident {
        state,
        rule: Rule::Restart,
        since,
        method: None,
        error_type: None,
        check: None,
        felt: Vec::new(),
        times: u32::try_from(crashes.len()).unwrap_or(u32::MAX),
        evidence: Evidence {
            last_change: Some(last),
            ..Evidence::default()
        },
    })
}

/// Slots of one look at silence: 20 s.
const SPAN: usize = 10;
/// Slots that are remembered: half an hour.
const REMEMBERED: usize = 1000;
/// Slots before silence means something: ten minutes.
const BEFORE: usize = 300;
/// Entry calls that each 20 s had, where silence means something.
const ALWAYS: u64 = 20;

/// Entry calls by slot.
#[derive(Debug, Default)]
pub(super) struct Silence {
    entries: VecDeque<u32>,
    since: Option<f64>,
    /// Entry calls a second before.
    usual: f64,
}

impl Silence {
    /// Adds a slot. After a gap what was before means nothing for the moment; but a silence is over with a call alone.
    pub(super) fn feed(&mut self, entries: u64, now: f64, is_steady: bool) {
        if !is_steady {
            self.entries.clear();
        }
        self.entries
            .push_back(u32::try_from(entries).unwrap_or(u32::MAX));
        if self.entries.len() > REMEMBERED {
            self.entries.pop_front();
        }
        if entries > 0 {
            self.since = None;
        } else if self.since.is_none() && self.is_silent() {
            self.since = Some(now - 20.0);
            self.usual = self.usual_rate();
        }
    }

    fn is_silent(&self) -> bool {
        let before = self.entries.len().saturating_sub(SPAN);
        if before < BEFORE + SPAN || self.sum(before) > 0 {
            return false;
        }
        let starts = (0..=before - SPAN).step_by(SPAN / 2);
        starts.map(|at| self.sum(at)).all(|sum| sum >= ALWAYS)
    }

    /// Entry calls a second without the last 20 s.
    fn usual_rate(&self) -> f64 {
        let before = self.entries.len().saturating_sub(SPAN);
        let calls: f64 = self
            .entries
            .iter()
            .take(before)
            .copied()
            .map(f64::from)
            .sum();
        let slots = u32::try_from(before.max(1)).unwrap_or(u32::MAX);
        calls / (f64::from(slots) * SLOT.as_secs_f64())
    }

    fn sum(&self, at: usize) -> u64 {
        let slots = self.entries.range(at..at + SPAN);
        slots.map(|one| u64::from(*one)).sum()
    }

    pub(super) fn incident(&self) -> Option<Incident> {
        Some(Incident {
            state: State::Silent,
            rule: Rule::Silence,
            since: self.since?,
            method: None,
            error_type: None,
            check: None,
            felt: Vec::new(),
            times: 1,
            evidence: Evidence {
                rate: Some(0.0),
                usual_rate: Some(self.usual),
                ..Evidence::default()
            },
        })
    }

    pub(super) fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<u32>()
    }
}
