//! Any names and any numbers, in every state.

use std::sync::Arc;

use proptest::prelude::*;

use super::{NOW, Service, calls};
use crate::data::slot::{Book, CallerSlot, MethodSlot};
use crate::history::{Event, EventKind, Phase};
use crate::verdict::text::TextColor;
use crate::verdict::words::{
    LatestCalls, LeftCalls, ServiceIdentity, incident_event, is_hostile, log_line, recovered_event,
};
use crate::verdict::{Evidence, Incident, Judgement, Rule, State};

const ROWS_AT_MOST: usize = 5;

const HOSTILE: [&str; 9] = [
    "",
    "<script>alert(1)</script>",
    "\u{1b}[2J\u{1b}]0;title\u{7}",
    "\u{202e}txet desrever\u{2066}",
    "`a` `b",
    "two\nlines\r\n\tand a tab",
    "\u{9b}31m\u{7f}\u{0}",
    "word word word",
    "%s {} \\ \" '",
];

fn any_name() -> impl Strategy<Value = Arc<str>> {
    prop_oneof![
        (0..HOSTILE.len()).prop_map(|at| HOSTILE[at].to_owned()),
        Just("x".repeat(10_000)),
        Just("x ".repeat(5_000)),
        "\\PC{0,300}",
        any::<String>(),
    ]
    .prop_map(Into::into)
}

fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => 0.0..1e3,
        1 => Just(0.0),
        1 => any::<f64>(),
    ]
}

fn any_evidence() -> impl Strategy<Value = Evidence> {
    (
        prop::array::uniform7(prop_oneof![3 => 0..50_u64, 1 => any::<u64>()]),
        prop::array::uniform4(any_number()),
        prop::array::uniform4(prop::option::of(any_number())),
        prop::option::of(any_name()),
    )
        .prop_map(|(counts, numbers, options, output)| Evidence {
            calls: counts[0],
            bad: counts[1],
            is_of_callers: counts[1] % 2 == 1,
            usual_share: options[0],
            durations: options[1].map(|p50| [p50, numbers[0]]),
            usual_durations: options[2].map(|p50| [p50, numbers[1]]),
            late: counts[2],
            late_limit: numbers[2],
            oldest: numbers[3],
            waiting: counts[3],
            permits: counts[4],
            rate: options[1],
            usual_rate: options[3],
            slow_methods: counts[5],
            busy_methods: counts[6],
            last_change: options[3],
            output,
        })
}

const RULES: [Rule; 10] = [
    Rule::Failures,
    Rule::Panics,
    Rule::Slow,
    Rule::Tail,
    Rule::Stuck,
    Rule::Waiting,
    Rule::Broad,
    Rule::Check,
    Rule::Restart,
    Rule::Silence,
];

fn any_incident() -> impl Strategy<Value = Incident> {
    (
        (0..State::ALL.len(), 0..RULES.len(), any_number()),
        (
            prop::option::of(0..5_u32),
            prop::option::of(0..3_u32),
            prop::option::of(any_name()),
        ),
        prop::collection::vec(0..5_u32, 0..5),
        any::<u32>(),
        any_evidence(),
    )
        .prop_map(
            |((state, rule, since), (method, error_type, check), felt, times, evidence)| Incident {
                state: State::ALL[state],
                rule: RULES[rule],
                since,
                method,
                error_type,
                check,
                felt,
                times,
                evidence,
            },
        )
}

const KINDS: [EventKind; 9] = [
    EventKind::Start,
    EventKind::Draining,
    EventKind::Reload,
    EventKind::ReloadFailed,
    EventKind::Certificate,
    EventKind::Overflow,
    EventKind::ScrapeGap,
    EventKind::Note,
    EventKind::Recovered,
];

fn any_event() -> impl Strategy<Value = Event> {
    (0..KINDS.len(), 0.0..1e4, any_name(), any_name()).prop_map(|(kind, ago, name, text)| Event {
        at: NOW - ago,
        kind: KINDS[kind],
        name,
        text,
    })
}

fn any_service() -> impl Strategy<Value = Service> {
    (
        prop::collection::vec(any_incident(), 0..4),
        (
            prop::collection::vec(any_name(), 0..4),
            prop::collection::vec(any_name(), 0..3),
        ),
        prop::collection::vec(any_event(), 0..6),
        prop::array::uniform4(any_name()),
        (0..3_usize, prop::option::of(0.0..2e5), any_number()),
        prop::collection::vec((0..200_u64, 0..200_u64), 4),
    )
        .prop_map(
            |(incidents, (methods, types), events, names, (phase, last_call, ok_since), counts)| {
                let [name, version, instance, address] = names;
                let recent = (0..).zip(&counts).map(|(method, (ok, bad))| MethodSlot {
                    callers: vec![CallerSlot {
                        caller: 9 - method,
                        begun: *ok,
                        failed: *bad,
                    }],
                    ..calls(method, *ok, *bad)
                });
                // The limit of a drain, ages and durations may be any numbers.
                let left = (0..).zip(&counts).map(|(method, (ok, bad))| LeftCalls {
                    method,
                    calls: *ok,
                    oldest: ok_since,
                    usual: (*bad > 100).then_some([ok_since, ok_since]),
                });
                Service {
                    judgement: Judgement {
                        incidents,
                        ok_since,
                    },
                    book: Book { methods, types },
                    events,
                    identity: ServiceIdentity {
                        name: Arc::clone(&name),
                        revision: Some(name),
                        version: Some(version),
                        instance: Some(instance),
                        address: Some(address),
                        ..ServiceIdentity::default()
                    },
                    phase: [Phase::Ready, Phase::Starting, Phase::Draining][phase],
                    drain_limit: last_call,
                    left: left.collect(),
                    last_call,
                    seen_since: None,
                    recent: LatestCalls {
                        methods: recent.collect(),
                        entries: calls(0, counts[0].0, counts[0].1),
                    },
                    of_young: None,
                    usual_failed: Vec::new(),
                    checks: Vec::new(),
                    is_blind: phase == 1,
                    tasks_down: 0,
                }
            },
        )
}

fn is_plain(text: &str) -> bool {
    !text.chars().any(is_hostile)
}

proptest! {
    #[test]
    fn no_name_and_no_number_breaks_a_verdict(service in any_service(), columns in 0..300_usize) {
        let verdict = service.verdict();
        prop_assert!(verdict.rows.len() <= ROWS_AT_MOST);
        for text in verdict.rows.iter().map(|row| &row.text).chain([&verdict.sentence]) {
            prop_assert!(is_plain(text), "{text:?}");
            prop_assert_eq!(text.matches('`').count() % 2, 0, "{}", text);
            prop_assert!(!text.contains("NaN") && !text.contains("inf "), "{}", text);
        }
        for row in &verdict.rows {
            prop_assert!(row.label.len() <= 8 && row.link.is_ascii(), "{row:?}");
        }
        let text = verdict.text(columns, TextColor::Plain);
        let most = columns.clamp(60, 240);
        for line in text.lines() {
            prop_assert!(line.chars().count() <= most, "{line:?} is wider than {most}");
            prop_assert!(is_plain(line), "{line:?}");
        }
        prop_assert!(text.ends_with('\n') && !text.contains('\r'));
        let painted = verdict.text(columns, TextColor::Ansi);
        let bare = ["\u{1b}[1;31m", "\u{1b}[33m", "\u{1b}[2m", "\u{1b}[0m"];
        prop_assert_eq!(bare.iter().fold(painted, |text, code| text.replace(code, "")), text);
        prop_assert!(is_plain(&log_line(&verdict)));
        let identity = Arc::new(service.identity.clone());
        let words = service.words(&identity);
        for incident in &service.judgement.incidents {
            let events = [incident_event(&words, incident), recovered_event(&words, incident)];
            prop_assert!(events.into_iter().flatten().all(|(_, _, text)| is_plain(&text)));
        }
    }
}
