//! Findings of one cause, as an incident.

use super::Engine;
use super::cause::has_failures;
use super::evidence::Kind;
use super::failures::{Failures, OTHERS};
use super::finding::{Family, Finding, Sign};
use super::method::Method;
use crate::verdict::{Evidence, Incident, Rule, State};

/// Findings of one cause: the method at fault, and the methods with findings.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) cause: u32,
    pub(super) members: Vec<u32>,
}

/// Seconds over which a rate is taken.
const RATE_SECONDS: f64 = 20.0;
/// Of the late calls, the share that ends late within 20 s where they are only slow.
const ENDING: f64 = 0.3;
/// So often found is flapping.
const FLAPS: u32 = 3;

/// What was said of the methods at fault in the slot before. At a boundary it stays, so that the state does not alternate.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Those that got more calls than usual.
    rushes: Vec<u32>,
    /// Those whose late calls end.
    ending: Vec<u32>,
}

/// The families of some findings.
#[derive(Debug, Default)]
struct Families(Vec<Family>);

impl Families {
    fn of<'a>(found: impl Iterator<Item = &'a Finding>) -> Self {
        Self(found.map(|one| one.sign.family()).collect())
    }

    fn has(&self, family: Family) -> bool {
        self.0.contains(&family)
    }

    /// Those that were held for stuck are slow.
    fn unstick(&mut self) {
        for one in self.0.iter_mut().filter(|one| **one == Family::Stuck) {
            *one = Family::Slow;
        }
    }
}

impl Engine {
    /// Looks which of the methods at fault are in a rush, and end late.
    pub(super) fn hold(&mut self, groups: &[Group]) {
        let mut held = Held::default();
        for group in groups {
            let at = group.cause;
            let Some((method, since)) = self.method(at).zip(self.since(group)) else {
                continue;
            };
            if self.is_rushed(method, since, self.held.rushes.contains(&at)) {
                held.rushes.push(at);
            }
            if self.is_ending(method, self.held.ending.contains(&at)) {
                held.ending.push(at);
            }
        }
        self.held = held;
    }

    /// When the first finding of the method at fault began, else of those that feel it.
    pub(super) fn since(&self, group: &Group) -> Option<f64> {
        let own = self.method(group.cause).into_iter();
        let members = group.members.iter().filter_map(|&at| self.method(at));
        first(own.flat_map(Method::told)).or_else(|| first(members.flat_map(Method::told)))
    }

    /// The incident of some findings.
    pub(super) fn describe(&self, group: &Group) -> Option<Incident> {
        let method = self.method(group.cause)?;
        let members = || group.members.iter().filter_map(|&at| self.method(at));
        let mut own = Families::of(method.told());
        let all = Families::of(members().chain([method]).flat_map(Method::told));
        let since = self.since(group)?;
        let own_failed = largest(method.told());
        let failed = own_failed.or_else(|| largest(members().flat_map(Method::told)));
        let is_ending = self.held.ending.contains(&group.cause);
        if own.has(Family::Stuck) && !own.has(Family::Failed) && is_ending {
            own.unstick();
        }
        let rush = self.held.rushes.contains(&group.cause);
        let state = state_of(&own, &all, rush);
        let times = method.active().map(|one| one.times).max().unwrap_or(1);
        Some(Incident {
            state: if times >= FLAPS {
                State::Flapping
            } else {
                state
            },
            rule: rule_of(method, state, failed),
            since,
            method: Some(group.cause),
            error_type: failed.and_then(|one| match one.sign {
                Sign::Failed(error_type) if all.has(Family::Failed) && error_type != OTHERS => {
                    Some(error_type)
                }
                _ => None,
            }),
            check: None,
            felt: group
                .members
                .iter()
                .copied()
                .filter(|at| *at != group.cause)
                .collect(),
            times,
            evidence: match failed {
                Some(felt) if own_failed.is_none() => self.numbers_of_felt(method, since, felt),
                _ => self.numbers(method, since, failed),
            },
        })
    }

    /// The numbers of a method that has no finding of failures, but callers with this one. Where its own calls fail too, the calls
    /// that are counted are its own.
    fn numbers_of_felt(&self, method: &Method, since: f64, felt: &Finding) -> Evidence {
        let first = self.times.first_after(since);
        let of_type = |one: &&Failures| felt.sign == Sign::Failed(one.error_type);
        let own = method.failures.iter().find(of_type);
        let bad = own.map_or(0, |one| one.counts.within(first, u32::MAX));
        let evidence = self.numbers(method, since, Some(felt));
        if !has_failures(method) {
            return Evidence {
                is_of_callers: true,
                ..evidence
            };
        }
        if bad == 0 {
            return evidence;
        }
        let calls = method.ring.back_to(first);
        Evidence {
            calls: calls.map(|one| u64::from(one.calls)).sum(),
            bad: bad.into(),
            ..evidence
        }
    }

    /// Calls come to their end, only late: they are slow, not stuck.
    fn is_ending(&self, method: &Method, was_ending: bool) -> bool {
        let first = self.times.first_after(self.now - RATE_SECONDS);
        let ended = f64::from(method.ended_late.within(first, u32::MAX));
        let share = if was_ending { ENDING / 2.0 } else { ENDING };
        ended >= share * f64::from(method.gauges.late)
    }

    fn numbers(&self, method: &Method, since: f64, failed: Option<&Finding>) -> Evidence {
        let normal = &method.normal;
        let largest = failed.or_else(|| method.active().max_by_key(|one| one.bad));
        let evidence = largest.and_then(|one| method.evidence_of(one.sign));
        let of_kind = evidence.map(|one| {
            if one.kind().is_time() {
                normal.timed
            } else {
                normal.total
            }
        });
        Evidence {
            calls: largest.map_or(0, |one| one.calls),
            bad: largest.map_or(0, |one| one.bad),
            usual_share: evidence.zip(of_kind).map(|(one, total)| one.share(total)),
            durations: method.recent_durations(),
            usual_durations: normal.durations(),
            late: method.gauges.late.into(),
            late_limit: normal.late_limit(),
            oldest: method.gauges.oldest,
            waiting: method.gauges.waiting.into(),
            permits: method.gauges.permits.into(),
            rate: Some(self.rate(method, RATE_SECONDS)),
            usual_rate: (normal.blocks > 0).then_some(normal.rate),
            last_change: Some(since),
            ..Evidence::default()
        }
    }
}

fn first<'a>(found: impl Iterator<Item = &'a Finding>) -> Option<f64> {
    found.map(|one| one.incident_since).min_by(f64::total_cmp)
}

/// The failures with the largest share.
fn largest<'a>(found: impl Iterator<Item = &'a Finding>) -> Option<&'a Finding> {
    let failed = found.filter(|one| one.sign.family() == Family::Failed);
    failed.max_by(|a, b| a.share().total_cmp(&b.share()))
}

fn state_of(own: &Families, all: &Families, is_rush: bool) -> State {
    let is_late = own.has(Family::Waiting) || own.has(Family::Slow);
    if is_late && is_rush && !own.has(Family::Failed) {
        State::Overloaded
    } else if all.has(Family::Failed) {
        State::Failing
    } else if own.has(Family::Stuck) || own.0.is_empty() && all.has(Family::Stuck) {
        State::Stuck
    } else {
        State::Slow
    }
}

fn rule_of(method: &Method, state: State, failed: Option<&Finding>) -> Rule {
    let has = |sign| method.active().any(|one| one.sign == sign);
    let is_panic = |one: &Finding| {
        method
            .evidence_of(one.sign)
            .is_some_and(|one| one.kind() == Kind::Panicked)
    };
    match state {
        State::Failing if failed.is_some_and(is_panic) => Rule::Panics,
        State::Failing => Rule::Failures,
        State::Stuck => Rule::Stuck,
        _ if has(Sign::Waiting) => Rule::Waiting,
        _ if has(Sign::Slow) || has(Sign::Far) || !has(Sign::Tail) => Rule::Slow,
        _ => Rule::Tail,
    }
}
