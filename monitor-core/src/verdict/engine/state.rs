//! The state of one method, for lists of methods, and how far it is from its normal.
//!
//! # Definition
//!
//! The state is that of the worst of its findings. In the first seconds of an incident the method at fault may have none of its own:
//! those of its callers are led to it by signs that are no finding yet. It has the state of the incident then, so that the method which
//! the headline names is never one that looks well in a list.
//!
//! The score is the largest of three, each from 0 to 1: of the share of failures, `z / (z + 4)`, where `z` is how many
//! standard deviations it is above the usual share; of p99, `1 - usual / p99`; of the oldest call, `1 - p99 / age` with the
//! usual p99, for ages above a second. One that only feels another has half of it, so that it comes after that one.

use super::Engine;
use super::finding::Family;
use super::method::Method;
use crate::verdict::{Incident, Rule};

/// What a method is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MethodState {
    /// Its calls fail more than usual.
    Failing,
    /// They do not end.
    Stuck,
    /// They take longer than usual, or wait.
    Slow,
    /// No call of it was begun, ended or in flight for 5 minutes.
    Idle,
    /// As usual.
    Ok,
}

/// What a method is, since when, and through which.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct StateOf {
    /// What it is.
    pub state: MethodState,
    /// Since when; of one that is well, when it was last seen not to be, if it was.
    pub since: Option<f64>,
    /// The method at fault, where it only feels another.
    pub through: Option<u32>,
    /// How far it is from its normal, from 0 to 1.
    pub score: f64,
    /// When a call of it last began, ended or was in flight, on the clock of the slots; `None` if none ever was.
    pub last_active: Option<f64>,
}

/// Durations that are usual, as they were learned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Learned {
    /// Seconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// The age from which on a call is late, seconds.
    pub(crate) late_limit: f64,
}

/// Seconds without a call after which a method, or the service, is idle.
pub(crate) const IDLE: f64 = 300.0;
/// Seconds that a score is of.
const SECONDS: f64 = 30.0;
/// Standard deviations that make half a score.
const HALF_Z: f64 = 4.0;

impl Engine {
    /// The state of a method; idle where nothing is known of it.
    pub(crate) fn state_of(&self, method: u32) -> StateOf {
        let unscored = self.unscored_state_of(method);
        StateOf {
            score: self.score_of(method, unscored.through),
            ..unscored
        }
    }

    /// How far a method is from its normal, which takes far longer to tell than the rest of its state.
    pub(crate) fn score_of(&self, method: u32, through: Option<u32>) -> f64 {
        let score = self.method(method).map_or(0.0, |one| self.score(one));
        if through.is_some() {
            score / 2.0
        } else {
            score
        }
    }

    /// The state of a method with a score of 0.
    pub(crate) fn unscored_state_of(&self, method: u32) -> StateOf {
        let Some(one) = self.method(method) else {
            return StateOf {
                state: MethodState::Idle,
                since: None,
                through: None,
                score: 0.0,
                last_active: None,
            };
        };
        let first = one.active().min_by(|a, b| a.since.total_cmp(&b.since));
        let cause = first.and_then(|one| one.cause);
        let through = cause.filter(|cause| *cause != method);
        let blamed = self.incident_of(method).filter(|_| first.is_none());
        let since = first.map(|one| one.since);
        let since = since.or_else(|| blamed.map(|incident| incident.since));
        StateOf {
            state: blamed.map_or_else(|| self.word(one), |incident| word_of_rule(incident.rule)),
            since: since.or_else(|| well_since(one)),
            through,
            last_active: Some(one.last_active),
            score: 0.0,
        }
    }

    /// The incident that a method is at fault for.
    pub(crate) fn incident_of(&self, method: u32) -> Option<&Incident> {
        let mut incidents = self.judgement.incidents.iter();
        incidents.find(|one| one.method == Some(method))
    }

    fn word(&self, method: &Method) -> MethodState {
        let has = |family| method.active().any(|one| one.sign.family() == family);
        if has(Family::Failed) {
            MethodState::Failing
        } else if has(Family::Stuck) {
            MethodState::Stuck
        } else if has(Family::Slow) || has(Family::Waiting) {
            MethodState::Slow
        } else if self.now - method.last_active >= IDLE {
            MethodState::Idle
        } else {
            MethodState::Ok
        }
    }

    fn score(&self, method: &Method) -> f64 {
        let learned = learned(method);
        let durations = method.recent_durations().zip(learned);
        let tail = durations.map_or(0.0, |(recent, usual)| 1.0 - usual.p99 / recent[1]);
        let oldest = learned.filter(|_| method.gauges.oldest > 1.0);
        let age = oldest.map_or(0.0, |usual| 1.0 - usual.p99 / method.gauges.oldest);
        let score = self.failed_score(method).max(tail).max(age);
        if score.is_finite() {
            score.clamp(0.0, 1.0)
        } else {
            0.0
        }
    }

    fn failed_score(&self, method: &Method) -> f64 {
        let first = self.times.first_after(self.now - SECONDS);
        let calls = method.ring.sum(first, |one| one.calls);
        if calls <= 0.0 {
            return 0.0;
        }
        let usual = method.usual_failures().clamp(0.001, 0.999);
        let z =
            (method.failed_from(first) / calls - usual) / (usual * (1.0 - usual) / calls).sqrt();
        let z = z.max(0.0);
        z / (z + HALF_Z)
    }

    /// What was learned of the durations of a method; `None` where it is not known yet.
    pub(crate) fn learned(&self, method: u32) -> Option<Learned> {
        learned(self.method(method)?)
    }
}

/// The state of a method that an incident of this rule is about.
fn word_of_rule(rule: Rule) -> MethodState {
    match rule {
        Rule::Failures | Rule::Panics => MethodState::Failing,
        Rule::Stuck => MethodState::Stuck,
        _ => MethodState::Slow,
    }
}

fn learned(method: &Method) -> Option<Learned> {
    let normal = &method.normal;
    normal.has_bounds().then_some(())?;
    Some(Learned {
        p50: normal.quantile(0.5)?,
        p99: normal.quantile(0.99)?,
        late_limit: normal.late_limit(),
    })
}

/// When the last of its findings was over, as far as they are kept.
fn well_since(method: &Method) -> Option<f64> {
    let over = method.found.iter().filter_map(|one| one.over);
    over.max_by(f64::total_cmp)
}
