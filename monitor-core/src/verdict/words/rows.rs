//! The rows below the sentence: the evidence, what feels it, what else is wrong, and what happened before.
//!
//! | label | about |
//! |---|---|
//! | `Cause` | a check that is down since about the beginning, or that the method at fault fails by itself |
//! | `Spread` | which methods feel it, and how many requests fail |
//! | `Stuck`, `Slow`, `Growth` | old calls; durations; calls and permits |
//! | `Also` | another incident |
//! | `Left`, `Probes` | in a drain: the calls that it waits for; what probes are told |
//! | `Ready`, `Known` | before the start: what probes are told; before the first call: what there is |
//! | `Limit` | a limit of series that was reached, scrapes that are missing |
//! | `Before` | deploys, restarts and reloads in the 30 minutes before |
//! | `Changed` | while all is as usual: the last change in 24 hours |

mod before;
mod evidence;
mod life;

use std::sync::Arc;

use self::before::{before, changed, limit};
use self::evidence::{cause, cause_check, growth, slow, spread, stuck};
use self::life::{known, left, probes};
use crate::history::EventKind;
use crate::verdict::watch::TASK_TYPE;
use crate::verdict::words::{Counts, VerdictRow, Words, sentence};
use crate::verdict::{Incident, Level, Rule, State};

/// A task type that is unhealthy from so many seconds before an incident on is so by its failures: a run of failures
/// may be long enough before the share is certain.
const TOGETHER: f64 = 60.0;

/// Most rows.
const ROWS: usize = 5;

/// The rows of a verdict.
pub(super) fn rows(input: &Words<'_>) -> Vec<VerdictRow> {
    let Some(first) = input.shown() else {
        return of_no_incident(input);
    };
    let mut rows = Vec::new();
    rows.extend(left(input));
    let check = cause_check(input, first);
    rows.extend(cause(input, first, check));
    rows.extend(spread(input, first));
    rows.extend(stuck(input, first));
    rows.extend(slow(input, first));
    rows.extend(growth(input, first));
    let others = input.incidents().skip(1);
    // A check that is the cause has said so above.
    let others = others.filter(|other| !check.is_some_and(|check| std::ptr::eq(check, *other)));
    let others = others.filter(|other| !is_consequence(first, other));
    rows.extend(others.take(ROWS).map(|other| also(input, other)));
    rows.extend(limit(input, input.wall(first.since)));
    rows.truncate(ROWS - 1);
    rows.push(before(input, first));
    rows
}

/// True for a task type that is unhealthy since a method fails: its row would say the same again.
fn is_consequence(incident: &Incident, other: &Incident) -> bool {
    let is_task = |name: &str| name.starts_with(TASK_TYPE);
    matches!(incident.rule, Rule::Failures | Rule::Panics)
        && other.state == State::Down
        && other.check.as_deref().is_some_and(is_task)
        && other.since >= incident.since - TOGETHER
}

/// While a start is the headline, or nothing is wrong.
fn of_no_incident(input: &Words<'_>) -> Vec<VerdictRow> {
    let mut rows: Vec<VerdictRow> = [left(input), probes(input), known(input)]
        .into_iter()
        .flatten()
        .collect();
    let incidents = input.incidents().take(ROWS);
    rows.extend(incidents.map(|other| also(input, other)));
    let is_well = input.incidents().next().is_none();
    rows.extend(limit(input, input.wall(input.now)));
    rows.truncate(ROWS - 1);
    if is_well {
        rows.push(changed(input));
    }
    rows
}

/// Another incident.
fn also(input: &Words<'_>, incident: &Incident) -> VerdictRow {
    let names = &input.service.families;
    let method = incident.method.and_then(|at| input.method(at)).cloned();
    let on = method.as_deref();
    let promql = match (incident.rule, incident.check.as_deref(), on) {
        (_, Some(check), None) => Some(names.check(check)),
        (Rule::Failures | Rule::Panics, _, Some(method)) => {
            Some(names.failure_share(method, error_type(input, incident).as_deref()))
        }
        (Rule::Stuck, _, Some(method)) => Some(names.in_flight(method)),
        (Rule::Waiting, _, Some(method)) => Some(names.waiting(method)),
        (Rule::Restart, ..) => Some(names.restarts()),
        (Rule::Silence, ..) => Some(names.begun(None)),
        (_, _, method) => Some(names.quantile(0.99, method)),
    };
    let (value, usual) = numbers_of(input, incident);
    VerdictRow {
        level: incident.state.level(),
        rule: incident.rule.name(),
        since: Some(input.wall(incident.since)),
        link: link_of(incident, on),
        method,
        error_type: error_type(input, incident),
        value,
        usual,
        promql,
        ..row("Also", sentence::of_incident(input, incident))
    }
}

/// The number that an incident is judged by, and what is usual.
fn numbers_of(input: &Words<'_>, incident: &Incident) -> (Option<f64>, Option<[f64; 2]>) {
    let evidence = &incident.evidence;
    let twice = |usual: Option<f64>| usual.map(|usual| [usual, usual]);
    match incident.rule {
        Rule::Failures | Rule::Panics => {
            // What comes and goes is told by all of it.
            let share = match incident.state {
                State::Flapping => sentence::bad_share(evidence),
                _ => sentence::shown_share(input, incident),
            };
            (share, twice(evidence.usual_share))
        }
        Rule::Stuck => (Some(evidence.oldest), None),
        #[expect(
            clippy::cast_precision_loss,
            reason = "a number of calls is far below 2^53"
        )]
        Rule::Waiting => (Some(evidence.waiting as f64), None),
        Rule::Silence => (Some(0.0), twice(evidence.usual_rate)),
        Rule::Check | Rule::Restart => (None, None),
        _ => sentence::judged_quantile(evidence).map_or((None, None), |(_, value, usual)| {
            (Some(value), twice(usual))
        }),
    }
}

fn link_of(incident: &Incident, method: Option<&str>) -> String {
    match (incident.rule, method) {
        (Rule::Stuck, _) => "#/inflight".to_owned(),
        (_, Some(method)) => method_link(method),
        (Rule::Check, _) => "#/health".to_owned(),
        (Rule::Restart, _) => "#/runtime".to_owned(),
        (Rule::Slow | Rule::Tail | Rule::Broad, _) => "#/methods?show=slow".to_owned(),
        _ => "#/now".to_owned(),
    }
}

/// The numbers beside the screens.
pub(super) fn counts(input: &Words<'_>) -> Counts {
    let incidents = &input.judgement.incidents;
    let changed = affected(input);
    let worst = incidents
        .iter()
        .filter(|one| one.method.is_some() || !one.felt.is_empty());
    let worst = worst
        .map(|one| one.state.level())
        .max()
        .unwrap_or(Level::Ok);
    let stuck = incidents
        .iter()
        .filter(|one| one.rule == Rule::Stuck || one.state == State::Stuck);
    let stuck = stuck.fold(0_u64, |sum, one| sum.saturating_add(one.evidence.late));
    let down = input.checks.iter().filter(|check| !check.is_up).count() + input.tasks_down;
    let over = limits(input);
    let level = |count: usize, level| if count == 0 { Level::Ok } else { level };
    Counts {
        methods: (input.book.methods.len() as u64, Level::Ok),
        changed: (changed.len() as u64, level(changed.len(), worst)),
        stuck: (stuck, if stuck == 0 { Level::Ok } else { Level::Bad }),
        unhealthy: (down as u64, level(down, Level::Bad)),
        over: (over as u64, level(over, Level::Warn)),
    }
}

/// How many limits of series were reached in the last 24 hours.
fn limits(input: &Words<'_>) -> usize {
    let events = input
        .events
        .iter()
        .filter(|event| event.kind == EventKind::Overflow);
    let mut names: Vec<&str> = events.map(|event| &*event.name).collect();
    names.sort_unstable();
    names.dedup();
    names.len()
}

/// Methods with an incident, or that feel one; ascending.
fn affected(input: &Words<'_>) -> Vec<u32> {
    let incidents = input.judgement.incidents.iter();
    let mut all: Vec<u32> = incidents
        .flat_map(|one| one.method.iter().chain(&one.felt).copied())
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// A row about nothing yet.
fn row(label: &'static str, text: String) -> VerdictRow {
    VerdictRow {
        label,
        level: Level::Info,
        rule: "",
        since: None,
        text,
        link: "#/now".to_owned(),
        method: None,
        error_type: None,
        value: None,
        usual: None,
        promql: None,
        next: None,
    }
}

fn error_type(input: &Words<'_>, incident: &Incident) -> Option<Arc<str>> {
    let at = incident.error_type?;
    input.book.types.get(at as usize).cloned()
}

/// The part of the page about a method.
pub(super) fn method_link(name: &str) -> String {
    let mut link = "#/method/".to_owned();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            link.push(byte.into());
        } else {
            link.push('%');
            for digit in [byte >> 4, byte & 15] {
                link.extend(
                    char::from_digit(digit.into(), 16).map(|digit| digit.to_ascii_uppercase()),
                );
            }
        }
    }
    link
}
