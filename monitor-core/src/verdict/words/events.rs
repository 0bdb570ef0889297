//! The sentences of events, and the line in the log when the state changes.

use std::sync::Arc;

use crate::history::EventKind;
use crate::verdict::numbers::NumberStyle::Prose;
use crate::verdict::numbers::{span, time_of_day};
use crate::verdict::words::{Verdict, Words, said, sentence};
use crate::verdict::{Incident, Rule, State};

/// Kind, name and text of the event that an incident begins with; `None` where other events say so: a check's, and the
/// start of the process.
pub(crate) fn incident_event(
    input: &Words<'_>,
    incident: &Incident,
) -> Option<(EventKind, Arc<str>, String)> {
    let kind = kind_of(incident)?;
    let text = sentence::of_incident(input, incident);
    Some((kind, subject(input, incident), text))
}

/// The same of its end: `LookUpWords` is as usual again after 6 min 18 s.
pub(crate) fn recovered_event(
    input: &Words<'_>,
    ended: &Incident,
) -> Option<(EventKind, Arc<str>, String)> {
    kind_of(ended)?;
    let lasted = span((input.now - ended.since).max(0.0), Prose);
    let subject_text = sentence::capital(&sentence::subject(input, ended));
    let text = format!("{subject_text} is as usual again after {lasted}.");
    Some((EventKind::Recovered, subject(input, ended), text))
}

/// The text of the event that a check, or another part of health, changed.
pub(crate) fn check_event(name: &str, is_up: bool, output: Option<&str>) -> String {
    let status = if is_up { "UP" } else { "DOWN" };
    let output = output.map(said).filter(|output| !output.is_empty());
    let part = sentence::capital(&sentence::part(name));
    format!("{part} is {status}{}.", sentence::clause(": ", output))
}

/// The text of the event that a check, or another part of health, was taken out while it was down.
pub(crate) fn gone_event(name: &str) -> String {
    let part = sentence::capital(&sentence::part(name));
    format!("{part} was DOWN, and is gone.")
}

/// The line in the log when the state changes: `FAILING since 03:07:42 UTC: LookUpWords fails: ..`.
pub(crate) fn log_line(verdict: &Verdict) -> String {
    let sentence = verdict.sentence.replace('`', "");
    match verdict.state {
        State::Ok => "OK: as usual".to_owned(),
        state => format!(
            "{state} since {} UTC: {sentence}",
            time_of_day(verdict.since)
        ),
    }
}

fn kind_of(incident: &Incident) -> Option<EventKind> {
    match incident.state {
        State::Failing => Some(EventKind::Failure),
        State::Stuck => Some(EventKind::Stuck),
        State::Slow | State::Overloaded => Some(EventKind::Slow),
        State::Silent => Some(EventKind::Status),
        State::Flapping => match incident.rule {
            Rule::Failures | Rule::Panics => Some(EventKind::Failure),
            Rule::Stuck => Some(EventKind::Stuck),
            Rule::Check => None,
            _ => Some(EventKind::Slow),
        },
        _ => None,
    }
}

fn subject(input: &Words<'_>, incident: &Incident) -> Arc<str> {
    let name = incident.method.and_then(|at| input.method(at));
    name.map_or_else(|| "".into(), Arc::clone)
}
