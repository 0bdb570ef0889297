//! Which numbers of a method, and of all entry calls together, are bad: for pages that colour a number and judge nothing.
//!
//! # Definition
//!
//! A number has a level only while something is wrong, and only if it is out of its usual range on the side that is wrong. Of the
//! request rate that is below it where no call comes, and above it where more come than can be served; of the others above it.
//!
//! - A number that a finding is about has the level of the finding: `bad` of failures and of calls that do not end, `warn` of calls
//!   that are slow or wait. Where no usual range is known, it has that level at any value above 0. A method that is at fault for an
//!   incident before it has a finding has the levels of the incident.
//! - Another number has the level of the whole, the method's or the headline's, if it left its usual range: it is farther from it than
//!   the range is wide, and than [`LEAST_DISTANCE`] of its upper end. One slot in twenty is above the range by definition.
//! - The age of the oldest call is `bad` from the age on from which one call is shown as stuck, whatever else is wrong.

use crate::data::slot::MethodSlot;
use crate::verdict::engine::{MethodState, Sign, Usual};
use crate::verdict::watch::Watch;
use crate::verdict::{Incident, Level, Rule, State};

/// The part of its upper end within which a number is still in its usual range.
const LEAST_DISTANCE: f64 = 0.1;

/// No call is stuck that is younger, seconds: most calls need no look at what is usual.
const LEAST_STUCK: f64 = 1.0;

/// A number that an operator sees of a method, or of all entry calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Number {
    /// Calls begun a second.
    Rate,
    /// The share of failed calls.
    Failed,
    /// The median of the durations.
    P50,
    /// What 95 % of them are not above.
    P95,
    /// What 99 % of them are not above.
    P99,
    /// The mean number of calls in flight.
    InFlight,
    /// The age of the oldest of them.
    Oldest,
}

impl Number {
    /// All, in the order of their names in JSON.
    pub const ALL: [Self; 7] = [
        Self::Rate,
        Self::Failed,
        Self::P50,
        Self::P95,
        Self::P99,
        Self::InFlight,
        Self::Oldest,
    ];

    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Failed => "failed",
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::InFlight => "in_flight",
            Self::Oldest => "oldest",
        }
    }

    fn usual(self, usual: &Usual) -> Option<[f64; 2]> {
        match self {
            Self::Rate => Some(usual.rate),
            Self::Failed => Some(usual.failed),
            Self::P50 => Some(usual.p50),
            Self::P95 => Some(usual.p95),
            Self::P99 => Some(usual.p99),
            Self::InFlight => Some(usual.in_flight),
            Self::Oldest => None,
        }
    }
}

/// The numbers of some slots.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct Numbers {
    /// Calls begun a second.
    pub rate: f64,
    /// The share of failed calls, from 0 to 1; `None` where none ended.
    pub failed: Option<f64>,
    /// Median, 95 % and 99 % of the durations, seconds.
    pub durations: [Option<f64>; 3],
    /// The mean number of calls in flight.
    pub in_flight: f64,
    /// Calls in flight at the end.
    pub now_in_flight: u64,
    /// The age of the oldest of them, seconds.
    pub oldest: Option<f64>,
}

impl Numbers {
    /// Those of the sum of slots that are this many seconds long together.
    pub fn of(calls: &MethodSlot, seconds: f64) -> Self {
        let durations = calls.durations();
        #[expect(clippy::cast_precision_loss, reason = "a rate is a double")]
        let rate = calls.begun as f64 / seconds;
        Self {
            rate,
            failed: calls.failed_share(),
            durations: [0.5, 0.95, 0.99].map(|share| durations.quantile(share)),
            in_flight: calls.busy / seconds,
            now_in_flight: calls.in_flight,
            oldest: (calls.in_flight > 0).then_some(calls.oldest),
        }
    }

    fn get(&self, number: Number) -> Option<f64> {
        match number {
            Number::Rate => Some(self.rate),
            Number::Failed => self.failed,
            Number::P50 => self.durations[0],
            Number::P95 => self.durations[1],
            Number::P99 => self.durations[2],
            Number::InFlight => Some(self.in_flight),
            Number::Oldest => self.oldest,
        }
    }
}

/// What a finding is about.
struct Subjects {
    level: Level,
    numbers: &'static [Number],
    /// True where the rate is wrong as it is low.
    is_low: bool,
}

/// Of a finding of one method.
fn subjects_of_sign(sign: Sign) -> Subjects {
    let (level, numbers): (_, &[Number]) = match sign {
        Sign::Failed(_) => (Level::Bad, &[Number::Failed]),
        Sign::Slow => (Level::Warn, &[Number::P50, Number::P95, Number::P99]),
        Sign::Far => (Level::Warn, &[Number::P95, Number::P99]),
        Sign::Tail => (Level::Warn, &[Number::P99]),
        Sign::Stuck => (Level::Bad, &[Number::InFlight]),
        Sign::Waiting => (Level::Warn, &[Number::InFlight]),
    };
    Subjects {
        level,
        numbers,
        is_low: false,
    }
}

/// Of an incident, in the numbers of all entry calls.
fn subjects_of_incident(incident: &Incident) -> Subjects {
    let numbers: &[Number] = match incident.rule {
        Rule::Failures | Rule::Panics => &[Number::Failed],
        Rule::Slow | Rule::Broad => &[Number::P50, Number::P95, Number::P99],
        Rule::Tail => &[Number::P99],
        Rule::Stuck => &[Number::InFlight],
        Rule::Waiting => &[Number::InFlight, Number::Rate],
        Rule::Silence => &[Number::Rate],
        Rule::Check | Rule::Restart => &[],
    };
    Subjects {
        level: incident.state.level(),
        numbers,
        is_low: incident.rule == Rule::Silence,
    }
}

/// Of an incident of more calls than can be served, whatever they show it by.
fn subjects_of_rush(incident: &Incident) -> Option<Subjects> {
    (incident.state == State::Overloaded).then_some(Subjects {
        level: State::Overloaded.level(),
        numbers: &[Number::Rate],
        is_low: false,
    })
}

impl Watch {
    /// The levels of the numbers of a method in this state that are not as usual.
    pub(super) fn levels_of(
        &self,
        method: u32,
        state: MethodState,
        numbers: &Numbers,
    ) -> Vec<(Number, Level)> {
        let whole = match state {
            MethodState::Failing | MethodState::Stuck => Level::Bad,
            MethodState::Slow => Level::Warn,
            _ => Level::Ok,
        };
        let is_old = |age: f64| age >= LEAST_STUCK && age > self.stuck_age(Some(method));
        let is_late = numbers.oldest.is_some_and(is_old);
        if whole == Level::Ok && !is_late {
            return Vec::new();
        }
        let mut subjects: Vec<_> = self.engine().signs(method).map(subjects_of_sign).collect();
        let incident = self.engine().incident_of(method);
        if subjects.is_empty() {
            // At fault for what others feel, and not yet found to be.
            subjects.extend(incident.map(subjects_of_incident));
        }
        subjects.extend(incident.and_then(subjects_of_rush));
        levels(
            numbers,
            self.usual(method).as_ref(),
            whole,
            &subjects,
            is_late,
        )
    }

    /// The levels of the numbers of all entry calls together that are not as usual, but for the age of the oldest: it is not known of which method it is.
    pub fn entry_levels(&self, numbers: &Numbers) -> Vec<(Number, Level)> {
        let incidents = &self.judgement().incidents;
        let whole = incidents
            .first()
            .map_or(Level::Ok, |first| first.state.level());
        let mut subjects: Vec<_> = incidents.iter().map(subjects_of_incident).collect();
        subjects.extend(incidents.iter().filter_map(subjects_of_rush));
        let usual = self.usual_entries();
        levels(numbers, usual.as_ref(), whole, &subjects, false)
    }

    /// The sums of the newest slots of 2 s, so many, of all entry calls together. What is in flight is that of the newest.
    pub fn recent_entries(&self, slots: usize) -> MethodSlot {
        self.levels().recent_entries(slots)
    }
}

fn levels(
    numbers: &Numbers,
    usual: Option<&Usual>,
    whole: Level,
    subjects: &[Subjects],
    is_late: bool,
) -> Vec<(Number, Level)> {
    let level = |number: Number| {
        if number == Number::Oldest {
            return if is_late { Level::Bad } else { Level::Ok };
        }
        let Some(value) = numbers.get(number) else {
            return Level::Ok;
        };
        let usual = usual.and_then(|usual| number.usual(usual));
        let about = subjects.iter().filter(|one| one.numbers.contains(&number));
        let about = about.filter(|one| is_beyond(value, usual, one.is_low));
        let about = about.map(|one| one.level).max();
        // More calls than usual are nothing wrong by themselves.
        let has_left = number != Number::Rate && usual.is_some_and(|usual| has_left(value, usual));
        let of_whole = if has_left { whole } else { Level::Ok };
        about.unwrap_or(Level::Ok).max(of_whole)
    };
    let levels = Number::ALL.map(|number| (number, level(number)));
    let levels = levels.into_iter();
    levels.filter(|(_, level)| *level >= Level::Warn).collect()
}

/// Out of its usual range, on the side that is wrong.
fn is_beyond(value: f64, usual: Option<[f64; 2]>, is_low: bool) -> bool {
    match usual {
        Some([low, _]) if is_low => value < low,
        Some([_, high]) => value > high,
        None => is_low || value > 0.0,
    }
}

/// Far above its usual range.
fn has_left(value: f64, [low, high]: [f64; 2]) -> bool {
    value - high > (high - low).max(high * LEAST_DISTANCE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Evidence;

    fn usual() -> Usual {
        Usual {
            p50: [0.001, 0.0011],
            p95: [0.004, 0.005],
            p99: [0.008, 0.01],
            rate: [90.0, 110.0],
            failed: [0.0, 0.001],
            in_flight: [0.5, 1.0],
        }
    }

    fn well() -> Numbers {
        Numbers {
            rate: 100.0,
            failed: Some(0.0),
            durations: [Some(0.001), Some(0.0045), Some(0.009)],
            in_flight: 0.7,
            now_in_flight: 2,
            oldest: Some(0.01),
        }
    }

    fn names(levels: &[(Number, Level)]) -> Vec<String> {
        let name =
            |(number, level): &(Number, Level)| format!("{} {}", number.name(), level.name());
        levels.iter().map(name).collect()
    }

    fn of_signs(
        numbers: &Numbers,
        usual: Option<&Usual>,
        whole: Level,
        signs: &[Sign],
    ) -> Vec<String> {
        let subjects: Vec<_> = signs.iter().copied().map(subjects_of_sign).collect();
        names(&levels(numbers, usual, whole, &subjects, false))
    }

    #[test]
    fn a_failing_method_marks_its_share_and_what_left_its_range() {
        let numbers = Numbers {
            failed: Some(0.64),
            durations: [Some(0.001), Some(2.0), Some(2.0)],
            in_flight: 53.0,
            rate: 200.0,
            ..well()
        };
        let failed = [Sign::Failed(0)];
        let expected = ["failed bad", "p95 bad", "p99 bad", "in_flight bad"];
        assert_eq!(
            of_signs(&numbers, Some(&usual()), Level::Bad, &failed),
            expected
        );
        // Nothing is known of durations where nothing is usual yet.
        assert_eq!(
            of_signs(&numbers, None, Level::Bad, &failed),
            ["failed bad"]
        );
    }

    #[test]
    fn a_slow_method_marks_the_quantiles_that_its_finding_is_about() {
        let numbers = Numbers {
            durations: [Some(0.0012), Some(0.0051), Some(0.0111)],
            ..well()
        };
        let of = |sign| of_signs(&numbers, Some(&usual()), Level::Warn, &[sign]);
        assert_eq!(of(Sign::Slow), ["p50 warn", "p95 warn", "p99 warn"]);
        assert_eq!(of(Sign::Far), ["p95 warn", "p99 warn"]);
        assert_eq!(of(Sign::Tail), ["p99 warn"]);
        // As usual again, while the finding is not over yet.
        assert_eq!(
            of_signs(&well(), Some(&usual()), Level::Warn, &[Sign::Slow]),
            [""; 0]
        );
    }

    #[test]
    fn nothing_is_marked_while_nothing_is_wrong() {
        let numbers = Numbers {
            failed: Some(1.0),
            durations: [Some(9.0); 3],
            in_flight: 1000.0,
            ..well()
        };
        assert_eq!(of_signs(&numbers, Some(&usual()), Level::Ok, &[]), [""; 0]);
        // A start of the process needs no hand.
        assert_eq!(
            of_signs(&numbers, Some(&usual()), Level::Info, &[]),
            [""; 0]
        );
    }

    #[test]
    fn a_rate_is_marked_on_the_side_that_is_wrong() {
        let of = |rate: f64, state, rule| {
            let incident = incident(state, rule);
            let numbers = Numbers { rate, ..well() };
            let mut subjects = vec![subjects_of_incident(&incident)];
            subjects.extend(subjects_of_rush(&incident));
            names(&levels(
                &numbers,
                Some(&usual()),
                state.level(),
                &subjects,
                false,
            ))
        };
        assert_eq!(of(0.0, State::Silent, Rule::Silence), ["rate warn"]);
        assert_eq!(of(200.0, State::Silent, Rule::Silence), [""; 0]);
        assert_eq!(of(200.0, State::Overloaded, Rule::Waiting), ["rate warn"]);
        assert_eq!(of(0.0, State::Overloaded, Rule::Waiting), [""; 0]);
        assert_eq!(of(200.0, State::Overloaded, Rule::Slow), ["rate warn"]);
        assert_eq!(of(200.0, State::Slow, Rule::Slow), [""; 0]);
        assert_eq!(of(200.0, State::Failing, Rule::Failures), [""; 0]);
    }

    fn incident(state: State, rule: Rule) -> Incident {
        Incident {
            state,
            rule,
            since: 0.0,
            method: None,
            error_type: None,
            check: None,
            felt: Vec::new(),
            times: 1,
            evidence: Evidence::default(),
        }
    }

    #[test]
    fn the_oldest_call_is_bad_where_it_is_stuck() {
        let numbers = Numbers {
            oldest: Some(371.0),
            ..well()
        };
        let stuck = levels(&numbers, Some(&usual()), Level::Ok, &[], true);
        assert_eq!(names(&stuck), ["oldest bad"]);
    }
}
