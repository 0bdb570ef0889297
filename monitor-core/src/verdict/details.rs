//! What the history and the rules know of single methods: for tables and pages, beside the verdict of the whole.

use std::sync::Arc;

use crate::data::slot::Boot;
use crate::history::{CallsWithin, Curve, Lane, MinuteCalls, ProcessSlot, Range, Thinned};
use crate::verdict::engine::{MethodState, StateOf, Usual};
use crate::verdict::watch::Watch;
use crate::verdict::{Incident, Level, Number, Numbers, Rule};

/// The age from which on a call is stuck where the durations of its method are not known, seconds: that from which the
/// rules find a call alone.
const UNKNOWN_STUCK: f64 = 600.0;

/// What is wrong with one method, or with another one that it feels.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Change {
    /// The rule that found it.
    pub rule: Rule,
    /// The error type of most of its failures.
    pub error_type: Option<Arc<str>>,
    /// Since when, on the clock of the slots.
    pub since: f64,
    /// The method at fault, where this one only feels it.
    pub through: Option<Arc<str>>,
    /// How many times the usual it is: of the share of failures, or of a duration, or the age of the oldest call to the
    /// usual p99; `None` where there is no usual, or it is 0.
    pub ratio: Option<f64>,
    /// How far it is from its normal, from 0 to 1.
    pub score: f64,
}

/// What is found of one method.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Found {
    /// What it is.
    pub state: MethodState,
    /// Since when, as in [`StateOf`].
    pub since: Option<f64>,
    /// When a call of it last began, ended or was in flight, on the clock of the slots; `None` if none ever was.
    pub last_active: Option<f64>,
    /// What is wrong with it.
    pub change: Option<Change>,
    /// The levels of its numbers that are not as usual.
    pub levels: Vec<(Number, Level)>,
}

impl Watch {
    /// What is usual for a method: from where to where 90 % of the slots of 20 s within the last 3 hours are, without
    /// those of incidents. `None` before enough of them were seen.
    pub fn usual(&self, method: u32) -> Option<Usual> {
        self.engine().usual(method)
    }

    /// The same of all entry calls together; `None` in the first ten minutes.
    pub fn usual_entries(&self) -> Option<Usual> {
        self.engine().usual_entries()
    }

    /// Seconds until [`usual_entries`](Self::usual_entries) is known, 0 where it is. `None` while something is wrong: nothing is
    /// learned then.
    pub fn usual_entries_within(&self) -> Option<f64> {
        let is_well = self.judgement().incidents.is_empty();
        is_well.then(|| self.engine().usual_entries_within())
    }

    /// The state of a method.
    pub fn method_state(&self, method: u32) -> StateOf {
        self.engine().state_of(method)
    }

    /// The state alone, which is there far sooner than its score.
    pub fn bare_state(&self, method: u32) -> MethodState {
        self.engine().unscored_state_of(method).state
    }

    /// The age, in seconds, from which on a call of a method is stuck; `None` before its durations are known.
    pub fn late_limit(&self, method: u32) -> Option<f64> {
        Some(self.engine().learned(method)?.late_limit)
    }

    /// The age, in seconds, from which on one call is shown as stuck: the method's [limit](Self::late_limit), and ten
    /// minutes where there is none, or the method is not known. (The rules find a method to be stuck by several such
    /// calls, or by one that is far older.)
    pub fn stuck_age(&self, method: Option<u32>) -> f64 {
        let limit = method.and_then(|method| self.late_limit(method));
        limit.unwrap_or(UNKNOWN_STUCK)
    }

    /// The calls of the last 15 minutes in 60 parts; in the order of the methods asked for.
    pub fn curves(&self, methods: &[u32]) -> Vec<Curve> {
        self.levels().curves(methods)
    }

    /// The calls of methods in each of the last 15 minutes, the oldest first; in the order of the methods asked for.
    pub fn minutes(&self, methods: &[u32]) -> Vec<[MinuteCalls; 15]> {
        self.levels().minutes(methods)
    }

    /// How many methods are not kept in full in the newest slot of each level, of 2 s, 20 s and 2 minutes.
    pub fn thinned(&self) -> [Thinned; 3] {
        self.levels().thinned()
    }

    /// When checks, and other parts of health, were up and down within 24 hours.
    pub fn lanes(&self) -> &[Lane] {
        self.levels().lanes().lanes()
    }

    /// Numbers of the process at the ends of slots, the oldest first.
    pub fn process(&self, range: Range) -> Vec<ProcessSlot> {
        self.levels()
            .lanes()
            .process(range, None)
            .copied()
            .collect()
    }

    /// The calls of all methods between two times, which are seconds on the clock of the slots; `None` where none of that is kept.
    pub fn window(&self, from: f64, to: f64) -> Option<CallsWithin> {
        self.levels().window(from, to)
    }

    /// The process before this one, where it is known, and whether it ended in order.
    pub fn previous_boot(&self) -> Option<(&Boot, bool)> {
        let [.., before, this] = self.engine().boots() else {
            return None;
        };
        Some((before, this.is_clean))
    }

    /// What is found of a method with these numbers of the last 30 s: of thousands of methods faster than one question after the
    /// other.
    pub fn found(&self, method: u32, numbers: &Numbers) -> Found {
        let state = self.engine().unscored_state_of(method);
        Found {
            state: state.state,
            since: state.since,
            last_active: state.last_active,
            change: self.change_of(method, &state, numbers.failed),
            levels: self.levels_of(method, state.state, numbers),
        }
    }

    /// What is wrong with a method; `None` if it is as usual, or idle.
    pub fn change(&self, method: u32) -> Option<Change> {
        self.change_of(method, &self.engine().unscored_state_of(method), None)
    }

    /// The same of one whose state, without its score, is known, and the share of its calls of the last 30 s that failed.
    fn change_of(&self, method: u32, state: &StateOf, failed: Option<f64>) -> Option<Change> {
        if matches!(state.state, MethodState::Ok | MethodState::Idle) && state.through.is_none() {
            return None;
        }
        let incidents = &self.judgement().incidents;
        let own = incidents.iter().find(|one| one.method == Some(method));
        let felt = || incidents.iter().find(|one| one.felt.contains(&method));
        let incident = own.or_else(felt)?;
        let book = self.book();
        let name = |place: u32| book.methods.get(place as usize).cloned();
        let error_type = incident.error_type;
        let error_type = error_type.and_then(|place| book.types.get(place as usize));
        // Where no calls between methods are known, or all is slow, nothing tells that it is so through another.
        let is_through = self.engine().has_edges() && incident.rule != Rule::Broad;
        let cause = state.through.or(incident.method);
        let through = cause.filter(|at| is_through && *at != method);
        Some(Change {
            rule: incident.rule,
            error_type: error_type.cloned(),
            since: state.since.unwrap_or(incident.since),
            through: through.and_then(name),
            ratio: own.and_then(|own| ratio(own, failed)),
            score: self.engine().score_of(method, state.through),
        })
    }
}

/// How many times the usual the number is that an incident is about. `failed` is the share of calls that fail now.
fn ratio(incident: &Incident, failed: Option<f64>) -> Option<f64> {
    let evidence = &incident.evidence;
    let p99 = evidence.usual_durations.map(|[_, p99]| p99);
    let (now, usual) = match incident.rule {
        Rule::Failures | Rule::Panics if evidence.calls > 0 => {
            #[expect(clippy::cast_precision_loss, reason = "a share is a double")]
            let share = evidence.bad as f64 / evidence.calls as f64;
            (failed.unwrap_or(share), evidence.usual_share?)
        }
        Rule::Slow => {
            let usual = evidence.usual_durations?;
            (evidence.durations?[0], usual[0])
        }
        Rule::Tail | Rule::Waiting | Rule::Broad => (evidence.durations?[1], p99?),
        Rule::Stuck => (evidence.oldest, p99?),
        Rule::Silence => (evidence.rate?, evidence.usual_rate?),
        _ => return None,
    };
    (usual > 0.0)
        .then(|| now / usual)
        .filter(|ratio| ratio.is_finite())
}
