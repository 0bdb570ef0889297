//! `events?range=`: what happened to the service beside its calls.

use monitor_core::history::{Event, EventKind, Range};
use monitor_core::verdict::Level;
use serde_json::{Map, Value, json};

use super::envelope::Look;
use super::query::{Query, Refusal};
use super::{Api, json};

/// Most events of an answer; the newest are given.
const MOST: usize = 1000;

/// Letters of `short`, the label of a mark on a time axis.
const SHORT: usize = 40;

/// Answers a request. It always stands alone: an event may be entered after its time.
pub(super) fn answer(api: &Api, query: &str) -> Result<Value, Refusal> {
    let query = Query::parse(query, &["range", "since"])?;
    let range = query.range()?;
    api.look(&query, |look| {
        let mut object = Map::new();
        object.insert("events".into(), list(look, range));
        look.sealed(true, object)
    })
}

/// The events within a range, the oldest first.
pub(super) fn list(look: &Look<'_>, range: Range) -> Value {
    let oldest = look.now - json::double(range.step() * range.slots());
    let events = look.watch.events().iter();
    let mut events: Vec<_> = events.filter(|event| event.at >= oldest).collect();
    events.drain(..events.len().saturating_sub(MOST));
    json::collected(events.into_iter().map(entry))
}

fn entry(event: &Event) -> Value {
    json!({
        "t": json::time(event.at),
        "kind": event.kind.name(),
        "level": level(event).name(),
        "up": up(event),
        "name": json::text(&event.name),
        "text": json::text(&event.text),
        "short": short(event),
    })
}

/// How much an event matters.
fn level(event: &Event) -> Level {
    match event.kind {
        EventKind::Status | EventKind::Check if is_up(&event.text) => Level::Ok,
        EventKind::Failure | EventKind::Stuck | EventKind::Status | EventKind::Check => Level::Bad,
        EventKind::Draining
        | EventKind::ReloadFailed
        | EventKind::Slow
        | EventKind::Overflow
        | EventKind::ScrapeGap => Level::Warn,
        EventKind::Recovered => Level::Ok,
        _ => Level::Info,
    }
}

/// Whether what changed is up now; `null` of an event that is no change of a status.
fn up(event: &Event) -> Option<bool> {
    let is_change = matches!(event.kind, EventKind::Status | EventKind::Check);
    is_change.then(|| is_up(&event.text))
}

/// Whether the sentence of a change of status begins with "Check `name` is UP". A name in a sentence has no backquotes itself,
/// and no name stands after those; what a check said comes later.
pub(super) fn is_up(text: &str) -> bool {
    match text.split('`').nth(2) {
        Some(after_name) => after_name.starts_with(" is UP"),
        None => text.contains(" is UP") && !text.contains(" is DOWN"),
    }
}

/// What a sentence of a change says after name and status: why.
pub(super) fn why(text: &str) -> Option<&str> {
    let after_name = text.splitn(3, '`').nth(2).unwrap_or(text);
    after_name.split_once(": ").map(|(_, why)| why)
}

/// The name of what an event of a status is about, without its kind.
pub(super) fn own_name(name: &str) -> &str {
    name.strip_prefix("task type ").unwrap_or(name)
}

/// What stands at its mark in a plot: a word, the name, or the beginning of the text.
fn short(event: &Event) -> Value {
    let draining;
    let text = match event.kind {
        EventKind::Start => "started",
        EventKind::Ready => "ready",
        EventKind::Draining if event.name.is_empty() => "draining",
        EventKind::Draining => {
            draining = format!("{}: draining", event.name);
            &draining
        }
        _ if event.name.is_empty() => &*event.text,
        _ => own_name(&event.name),
    };
    let cut: String = text.chars().take(SHORT).collect();
    json::text(&cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_is_what_stands_behind_name_and_status() {
        for (text, expected) in [
            ("Check `disk` is UP.", None),
            ("Check `a: b` is DOWN: full: 3 GB.", Some("full: 3 GB.")),
            (
                "Check `disk` is DOWN: the other ` is UP`.",
                Some("the other ` is UP`."),
            ),
            ("Heartbeat is DOWN: no pulse.", Some("no pulse.")),
        ] {
            assert_eq!(why(text), expected, "{text}");
        }
    }

    #[test]
    fn a_check_that_is_up_again_is_no_trouble() {
        for (text, expected) in [
            ("Check `disk` is UP.", true),
            ("Check `disk` is UP: 3 GB free.", true),
            ("Check `disk` is DOWN: the other ` is UP`.", false),
            ("Check `x is UP` is DOWN.", false),
            ("Heartbeat is UP.", true),
            ("Heartbeat is DOWN: no pulse.", false),
        ] {
            assert_eq!(is_up(text), expected, "{text}");
        }
    }
}
