//! Events: what happened to the service beside its calls, kept for 24 hours.
//!
//! An [`EventLog`] keeps the newest 1,000 of them, each with a name and a sentence of at most 512 bytes: so it holds
//! about 1 MiB at most, whatever comes. Changes (starts, reloads, certificates, notes) go last: up to 250 of them stay
//! while newer events of other kinds come, as a verdict says that none is known. Of a check that changes again and
//! again, the first two changes in 15 minutes and the last one are kept. An event of the process that two servers of
//! one monitor report within a slot is one.
//!
//! Texts are kept as they come: they are hostile input, and are made harmless where they are shown.

use std::sync::Arc;

/// Most events that are kept.
const MOST_EVENTS: usize = 1000;

/// Changes that events of other kinds do not push out.
const KEPT_CHANGES: usize = 250;

/// Changes of one check within [`FLAP_SECONDS`] that are all kept.
const MOST_FLAPS: usize = 4;

/// The time in which changes of one check count together, seconds.
const FLAP_SECONDS: f64 = 900.0;

/// Two equal events are one if they are so near, seconds: one slot.
const SAME_SECONDS: f64 = 2.0;

/// How long an event is kept, seconds.
const KEPT_SECONDS: f64 = 24.0 * 3600.0;

/// Most bytes of a name or a text.
const MOST_BYTES: usize = 512;

/// The kind of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventKind {
    /// The process started.
    Start,
    /// The service said that it has started.
    Started,
    /// It takes requests again, or for the first time.
    Ready,
    /// A drain began.
    Draining,
    /// Settings were read again.
    Reload,
    /// Settings could not be read again.
    ReloadFailed,
    /// A certificate changed or is about to end.
    Certificate,
    /// A task type changed its health.
    Status,
    /// A check changed.
    Check,
    /// Calls began to fail more than usual.
    Failure,
    /// Calls became slow.
    Slow,
    /// Calls are stuck.
    Stuck,
    /// An incident ended.
    Recovered,
    /// A limit of series was reached.
    Overflow,
    /// No scrape came for long.
    ScrapeGap,
    /// A note of the service itself.
    Note,
}

impl EventKind {
    /// The word in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Started => "started",
            Self::Ready => "ready",
            Self::Draining => "draining",
            Self::Reload => "reload",
            Self::ReloadFailed => "reload_failed",
            Self::Certificate => "certificate",
            Self::Status => "status",
            Self::Check => "check",
            Self::Failure => "failure",
            Self::Slow => "slow",
            Self::Stuck => "stuck",
            Self::Recovered => "recovered",
            Self::Overflow => "overflow",
            Self::ScrapeGap => "scrape_gap",
            Self::Note => "note",
        }
    }

    /// True for what may be the reason of an incident: a change of the process, its settings or its surroundings.
    pub(crate) const fn is_change(self) -> bool {
        matches!(
            self,
            Self::Start | Self::Reload | Self::ReloadFailed | Self::Certificate | Self::Note
        )
    }

    /// True for what each server of the process sees.
    const fn is_of_process(self) -> bool {
        let is_other = matches!(
            self,
            Self::Failure | Self::Slow | Self::Stuck | Self::Recovered | Self::Note
        );
        !is_other && !self.is_of_health()
    }

    /// True for a change of a part of health, which may come again and again.
    const fn is_of_health(self) -> bool {
        matches!(self, Self::Check | Self::Status)
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// When, seconds since 1970.
    pub at: f64,
    /// Its kind.
    pub kind: EventKind,
    /// What it is about: a method, a check, a task type; empty where it is about the process.
    pub name: Arc<str>,
    /// One sentence, at most 512 bytes.
    pub text: Arc<str>,
}

/// The events of the last 24 hours.
#[derive(Debug, Default)]
pub(crate) struct EventLog(Vec<Event>);

impl EventLog {
    /// Keeps an event, in the order of times; of equal ones the one that came first is first.
    pub(crate) fn add(&mut self, at: f64, kind: EventKind, name: &str, text: &str) {
        if !at.is_finite() {
            return;
        }
        let event = Event {
            at,
            kind,
            name: cut(name).into(),
            text: cut(text).into(),
        };
        match kind {
            kind if kind.is_of_health() => self.join_flaps(&event),
            kind if kind.is_of_process() && self.has_same(&event) => return,
            _ => {}
        }
        let place = self.0.partition_point(|event| event.at <= at);
        self.0.insert(place, event);
        if self.0.len() > MOST_EVENTS {
            self.remove_one();
        }
    }

    fn has_same(&self, new: &Event) -> bool {
        let mut newest = self.0.iter().rev();
        newest.any(|event| {
            let is_near = (event.at - new.at).abs() <= SAME_SECONDS;
            is_near && event.kind == new.kind && event.name == new.name && event.text == new.text
        })
    }

    /// Removes the last two changes of a part of health if this one is the fifth within 15 minutes: there and back, so that
    /// those that stay are still one up after each down.
    fn join_flaps(&mut self, new: &Event) {
        let is_flap = |event: &Event| {
            event.kind == new.kind
                && event.name == new.name
                && (new.at - event.at).abs() <= FLAP_SECONDS
        };
        let flaps = self.0.iter().filter(|event| is_flap(event)).count();
        if flaps < MOST_FLAPS {
            return;
        }
        for _ in 0..2 {
            if let Some(last) = self.0.iter().rposition(is_flap) {
                self.0.remove(last);
            }
        }
    }

    /// Removes the oldest event, but a change only where there are many.
    fn remove_one(&mut self) {
        let changes = self.0.iter().filter(|event| event.kind.is_change()).count();
        let oldest = if changes > KEPT_CHANGES {
            Some(0)
        } else {
            self.0.iter().position(|event| !event.kind.is_change())
        };
        self.0.remove(oldest.unwrap_or(0));
    }

    /// Removes those that are older than a day.
    pub(crate) fn remove_old(&mut self, now: f64) {
        let old = self
            .0
            .partition_point(|event| event.at < now - KEPT_SECONDS);
        self.0.drain(..old);
    }

    /// The events, the oldest first.
    pub(crate) fn all(&self) -> &[Event] {
        &self.0
    }
}

/// As much of a text as is kept, up to the end of a character.
fn cut(text: &str) -> &str {
    let most = text.len().min(MOST_BYTES);
    let end = (0..=most).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}

#[cfg(all(test, not(monitor_loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_newest_thousand_are_kept() {
        let mut log = EventLog::default();
        for at in 0..1500 {
            log.add(f64::from(at), EventKind::Note, "", &at.to_string());
        }
        assert_eq!(log.all().len(), 1000);
        assert_eq!(
            (&*log.all()[0].text, &*log.all()[999].text),
            ("500", "1499")
        );
    }

    #[test]
    fn a_note_is_kept_however_many_events_of_other_kinds_come() {
        let mut log = EventLog::default();
        log.add(0.0, EventKind::Note, "", "deployed 1.4.3");
        for at in 1..2000 {
            log.add(f64::from(at), EventKind::Failure, &at.to_string(), "fails");
        }
        assert_eq!(log.all().len(), 1000);
        assert_eq!(
            (&*log.all()[0].text, log.all()[1].at),
            ("deployed 1.4.3", 1001.0)
        );
    }

    #[test]
    fn of_a_check_that_flaps_the_first_two_changes_and_the_last_two_are_kept() {
        let mut log = EventLog::default();
        log.add(0.0, EventKind::Check, "cache", "DOWN");
        for at in 1..=100 {
            let text = if at % 2 == 1 { "DOWN" } else { "UP" };
            log.add(f64::from(at) * 5.0, EventKind::Check, "db", text);
        }
        let all = log.all().iter();
        let times: Vec<_> = all
            .map(|event| (&*event.name, event.at, &*event.text))
            .collect();
        let db = |at, text| ("db", at, text);
        assert_eq!(
            times,
            [
                ("cache", 0.0, "DOWN"),
                db(5.0, "DOWN"),
                db(10.0, "UP"),
                db(495.0, "DOWN"),
                db(500.0, "UP")
            ]
        );
        // A later change is one of its own again.
        log.add(5000.0, EventKind::Check, "db", "DOWN");
        assert_eq!(log.all().len(), 6);
    }

    #[test]
    fn equal_events_within_a_slot_are_one_but_notes_are_not() {
        let mut log = EventLog::default();
        for at in [0.0, 1.5, 4.0] {
            log.add(at, EventKind::Ready, "", "The service takes requests.");
            log.add(at, EventKind::Note, "", "again");
        }
        let count = |kind| log.all().iter().filter(|event| event.kind == kind).count();
        assert_eq!((count(EventKind::Ready), count(EventKind::Note)), (2, 3));
    }

    #[test]
    fn an_event_goes_after_a_day() {
        let mut log = EventLog::default();
        log.add(0.0, EventKind::Start, "", "started");
        log.add(80_000.0, EventKind::Note, "", "deployed 1.4.3");
        log.remove_old(86_400.0);
        assert_eq!(log.all().len(), 2);
        log.remove_old(86_401.0);
        assert_eq!(&*log.all()[0].text, "deployed 1.4.3");
        assert_eq!(log.all().len(), 1);
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        let mut log = EventLog::default();
        // The second character begins at byte 1, so a character ends at byte 511 and the next one at 514.
        log.add(
            0.0,
            EventKind::Note,
            &"n".repeat(600),
            &format!("a{}", "€".repeat(600)),
        );
        let event = &log.all()[0];
        assert_eq!((event.name.len(), event.text.len()), (512, 511));
        assert!(event.text.ends_with('€'));
    }

    #[test]
    fn events_stand_in_the_order_of_their_times() {
        let mut log = EventLog::default();
        for (at, text) in [(5.0, "b"), (3.0, "a"), (5.0, "c"), (f64::NAN, "never")] {
            log.add(at, EventKind::Note, "", text);
        }
        let texts: Vec<&str> = log.all().iter().map(|event| &*event.text).collect();
        assert_eq!(texts, ["a", "b", "c"]);
    }
}
