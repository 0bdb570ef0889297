//! What happened to the process: `Before`, `Changed`, `Limit`.

use crate::history::{Event, EventKind};
use crate::verdict::numbers::NumberStyle::Prose;
use crate::verdict::numbers::{moment, span};
use crate::verdict::words::rows::row;
use crate::verdict::words::sentence::{capital, list, things};
use crate::verdict::words::{VerdictRow, Words, quoted, said};
use crate::verdict::{Incident, Level};

/// What happened so many seconds before an incident is named.
const BEFORE: f64 = 1800.0;

/// A start that is younger than the incident by so little is its reason all the same: a process that dies is restarted
/// within this time.
const AFTER: f64 = 10.0;

/// Most changes that are named.
const CHANGES: usize = 3;

const DAY: f64 = 86_400.0;

/// What changed before an incident.
pub(super) fn before(input: &Words<'_>, incident: &Incident) -> VerdictRow {
    let since = input.wall(incident.since);
    let changes = input.events.iter().filter(|event| event.kind.is_change());
    let changes = changes.filter(|event| event.at >= since - BEFORE && event.at <= since + AFTER);
    let changes: Vec<&Event> = changes.rev().collect();
    let has = |kind| changes.iter().any(|event| event.kind == kind);
    let mut parts = Vec::new();
    if !has(EventKind::Start) {
        parts.extend(no_change(input, since, has(EventKind::Note)));
    }
    let named = changes.iter().take(CHANGES);
    parts.extend(named.map(|event| format!("{}.", before_phrase(input, event, since))));
    if changes.len() > CHANGES {
        let more = (changes.len() - CHANGES) as u64;
        parts.push(format!("{} more before.", things(more, "change")));
    }
    let next = changes.first().map(|event| {
        let at = moment(event.at, input.wall(input.now));
        format!("Look at what changed at {at}.")
    });
    if parts.is_empty() {
        parts.push("Nothing is known of the time before.".to_owned());
    }
    VerdictRow {
        level: if changes.is_empty() {
            Level::Ok
        } else {
            Level::Info
        },
        rule: "before",
        next,
        ..row("Before", parts.join(" "))
    }
}

/// For how long before an incident there was no start, and no note. A deploy is noted; notes of before the history are
/// not known.
fn no_change(input: &Words<'_>, since: f64, has_note: bool) -> Option<String> {
    let started = input.started();
    let notes = input.events.iter().rev();
    let note = notes.filter(|event| event.kind == EventKind::Note && event.at <= since);
    let (what, from) = if has_note || input.seen_since.is_some() {
        ("No restart", started)
    } else {
        let last = note.map(|event| event.at).next();
        (
            "No deploy and no restart",
            last.map_or(started, |note| note.max(started)),
        )
    };
    (since > from).then(|| format!("{what} for {}.", span(since - from, Prose)))
}

/// Credentials were reloaded at 03:04:12, 3 min 30 s before
fn before_phrase(input: &Words<'_>, event: &Event, since: f64) -> String {
    let at = moment(event.at, input.wall(input.now));
    let when = match since - event.at {
        before if before >= 1.0 => format!("at {at}, {} before", span(before, Prose)),
        _ => format!("at {at}"),
    };
    let name = capital(&said(&event.name));
    match event.kind {
        EventKind::Start => format!("The process started {when}"),
        EventKind::Reload if !name.is_empty() => format!("{name} were reloaded {when}"),
        EventKind::ReloadFailed if !name.is_empty() => {
            format!("{name} could not be reloaded {when}: {}", said(&event.text))
        }
        EventKind::Note => format!("Note {when}: {}", said(&event.text)),
        _ => format!("{} {when}", capital(&said(&event.text))),
    }
}

/// While all is as usual: the last change in 24 hours.
pub(super) fn changed(input: &Words<'_>) -> VerdictRow {
    let now = input.wall(input.now);
    let recent = input.events.iter().filter(|event| event.at >= now - DAY);
    let changes =
        recent.filter(|event| event.kind.is_change() || event.kind == EventKind::Recovered);
    let changes: Vec<&Event> = changes.rev().collect();
    let young = now - input.started() < DAY;
    let time = if young {
        "since the start"
    } else {
        "in the last 24 h"
    };
    let Some(last) = changes.first() else {
        return VerdictRow {
            level: Level::Ok,
            rule: "before",
            ..row("Changed", format!("Nothing {time}."))
        };
    };
    let phrase = match last.kind {
        EventKind::Start => "the process started".to_owned(),
        EventKind::Reload if !last.name.is_empty() => format!("{} reloaded", said(&last.name)),
        EventKind::Recovered if !last.name.is_empty() => said_with_name(last),
        _ => said(&last.text),
    };
    let rest = match (changes.len() - 1) as u64 {
        0 if last.kind == EventKind::Start => String::new(),
        0 => format!(", nothing else {time}"),
        more => format!(", and {} {time}", things(more, "other change")),
    };
    VerdictRow {
        level: Level::Info,
        rule: "before",
        since: Some(last.at),
        ..row("Changed", format!("{phrase}{rest}."))
    }
}

/// The text of an event that begins with its name, the name in backquotes.
fn said_with_name(event: &Event) -> String {
    let text = said(&event.text);
    let name = quoted(&event.name);
    match text.strip_prefix(&format!("'{}'", &name[1..name.len() - 1])) {
        Some(rest) => format!("{name}{rest}"),
        None => text,
    }
}

/// A limit that was reached within 30 minutes before a time, or after.
pub(super) fn limit(input: &Words<'_>, since: f64) -> Option<VerdictRow> {
    let is_limit =
        |event: &&Event| matches!(event.kind, EventKind::Overflow | EventKind::ScrapeGap);
    let events = input.events.iter().filter(is_limit);
    let events: Vec<&Event> = events
        .filter(|event| event.at >= since - BEFORE)
        .rev()
        .collect();
    let last = events.first()?;
    let is_overflow = last.kind == EventKind::Overflow;
    let texts = events.iter().map(|event| said(&event.text)).collect();
    Some(VerdictRow {
        level: Level::Warn,
        rule: last.kind.name(),
        since: Some(last.at),
        link: if is_overflow { "#/values" } else { "#/runtime" }.to_owned(),
        promql: is_overflow.then(|| input.service.families.overflow()),
        ..row("Limit", format!("{}.", capital(&list(texts, 2)?)))
    })
}
