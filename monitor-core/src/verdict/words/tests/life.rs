//! The life of the service: its start, calls that do not come, its drain, and what happened before.

use super::*;

#[test]
fn the_life_of_the_service_wins_over_all_but_its_incidents_stay_in_the_rows() {
    let mut service = Service::dictionary();
    service.phase = Phase::Draining;
    service.events.push(event(
        at("03:13:49"),
        EventKind::Draining,
        "SIGTERM",
        "SIGTERM came: a drain has begun.",
    ));
    service.drain_limit = Some(at("03:14:19") - STARTED);
    let verdict = service.verdict();
    assert_eq!(
        (verdict.state, verdict.since),
        (State::Draining, at("03:13:49"))
    );
    assert_eq!(
        verdict.sentence,
        "SIGTERM came 11 s ago. 58 requests are left; the limit is reached in 19 s. FAILING since 03:07:42: `LookUpWords` fails: 64 % \
         `timed out`, usually 0.01 %."
    );
    service.phase = Phase::Ready;
    assert_eq!(verdict.rows, service.verdict().rows);
    // It may be no signal, and begin at this moment.
    let mut service = Service::textprocessor();
    service.phase = Phase::Draining;
    let begun = event(NOW, EventKind::Draining, "", "A drain has begun.");
    service.events.push(begun);
    let sentence = service.verdict().sentence;
    assert!(
        sentence.starts_with("A drain began 0 s ago. "),
        "{sentence}"
    );
    service.drain_limit = Some(NOW - STARTED - 3.0);
    let sentence = service.verdict().sentence;
    assert!(
        sentence.ends_with(" left; the limit was reached 3.0 s ago."),
        "{sentence}"
    );
    service.recent.entries.in_flight = 0;
    let sentence = service.verdict().sentence;
    assert!(sentence.ends_with(" No request is left."), "{sentence}");
    // That no calls come is what a drain is for.
    let mut service = Service::with(incident(State::Silent, Rule::Silence, "03:13:50", None));
    service.phase = Phase::Draining;
    let verdict = service.verdict();
    assert!(!verdict.sentence.contains("SILENT"), "{verdict:?}");
    assert!(verdict.rows.iter().all(|row| row.label != "Also"));
    let mut service = Service::textprocessor();
    service.phase = Phase::Starting;
    service.identity.started = Some(NOW - 48.0);
    let verdict = service.verdict();
    assert_eq!(
        (verdict.state, verdict.since),
        (State::Starting, NOW - 48.0)
    );
    assert_eq!(
        verdict.sentence,
        "The process started 48 s ago, and the service has not said yet that it has started."
    );
}

/// Label and text of each row.
fn texts_of(service: &Service) -> Vec<(&'static str, String)> {
    let rows = service.verdict().rows;
    rows.into_iter().map(|row| (row.label, row.text)).collect()
}

#[test]
fn a_drain_says_what_it_waits_for_and_what_probes_are_told() {
    let mut service = Service::textprocessor();
    service.phase = Phase::Draining;
    let probes = "`/readyz` is 503 since then; `/livez` and `/metrics` answer until the end.";
    assert_eq!(texts_of(&service)[0], ("Probes", probes.to_owned()));
    let left = |method, calls, oldest| LeftCalls {
        method,
        calls,
        oldest,
        usual: Some([0.014, 0.090]),
    };
    service.left = vec![left(2, 2, 1.2), left(1, 1, 11.4)];
    let texts = texts_of(&service);
    assert_eq!(
        texts[0],
        (
            "Left",
            "`Analyse` 2 and `Spelling` 1; the oldest has run for 11 s, and usually takes 14 ms."
                .to_owned()
        )
    );
    assert_eq!(texts[1].0, "Probes");
    let row = &service.verdict().rows[0];
    assert_eq!(row.method.as_deref(), Some("Spelling"));
    assert_eq!(
        (row.value, row.usual, &*row.link),
        (Some(11.4), Some([0.014, 0.090]), "#/inflight")
    );
    // Beside an incident, too: what fails may be what the drain waits for.
    service.judgement = Service::dictionary().judgement;
    let texts = texts_of(&service);
    assert_eq!((texts[0].0, texts[1].0), ("Left", "Cause"));
    assert!(texts.len() <= 5, "{texts:?}");
}

#[test]
fn before_the_first_call_the_rows_say_what_there_is() {
    let mut service = Service::textprocessor();
    service.last_call = None;
    let known = "13 methods are known; all series of methods are at zero.";
    assert_eq!(texts_of(&service)[0], ("Known", known.to_owned()));
    let check = |name: &str| CheckResult {
        name: name.into(),
        at: 0.0,
        is_up: true,
        output: None,
    };
    service.checks = ["disk", "dictionary"].map(check).to_vec();
    let with_checks = texts_of(&service).remove(0).1;
    assert!(
        with_checks.starts_with("13 methods and 2 checks are known; "),
        "{with_checks}"
    );
    service.checks.clear();
    service.phase = Phase::Starting;
    let ready = "`/readyz` and `/startupz` are 503 until the service calls `started()`.";
    let texts = texts_of(&service);
    assert_eq!(
        texts[..2],
        [("Ready", ready.to_owned()), ("Known", known.to_owned())]
    );
    service.last_call = Some(NOW - STARTED);
    assert!(texts_of(&service).iter().all(|row| row.0 != "Known"));
}

#[test]
fn a_service_without_calls_is_idle() {
    let mut service = Service::textprocessor();
    service.last_call = Some(NOW - STARTED - 422.0);
    assert_eq!(sentence(&service), "No call has begun for 7 min 2 s.");
    service.last_call = Some(NOW - STARTED - 298.0);
    assert_eq!(service.verdict().state, State::Ok);
    service.last_call = None;
    service.identity.started = Some(NOW - 48.0);
    let verdict = service.verdict();
    assert_eq!(
        verdict.sentence,
        "No call has begun since the start 48 s ago."
    );
    assert_eq!((verdict.state, verdict.since), (State::Idle, NOW - 48.0));
}

#[test]
fn a_history_that_is_younger_than_the_process_says_nothing_of_before() {
    let mut service = Service::textprocessor();
    service.last_call = None;
    service.seen_since = Some(NOW - STARTED - 4.0);
    assert_eq!(sentence(&service), "No call has begun for 4.0 s.");
    let mut service = Service::dictionary();
    service.events.clear();
    service.seen_since = Some(NOW - STARTED - 1000.0);
    let text = row(&service.verdict(), "Before").text.clone();
    assert_eq!(text, "No restart for 2 d 4 h.");
}

#[test]
fn a_deploy_of_some_hours_ago_is_no_reason_but_ends_the_time_without_one() {
    let mut service = Service::dictionary();
    service.events.clear();
    let note = event(at("01:00:00"), EventKind::Note, "", "deployed 1.4.3");
    service.events.push(note);
    let text = row(&service.verdict(), "Before").text.clone();
    assert_eq!(text, "No deploy and no restart for 2 h 7 min.");
}

#[test]
fn what_happened_within_half_an_hour_before_is_named() {
    let text = |service: &Service| row(&service.verdict(), "Before").text.clone();
    let mut service = Service::dictionary();
    service
        .events
        .push(event(at("03:05:00"), EventKind::Note, "", "deployed 1.4.3"));
    assert_eq!(
        text(&service),
        "No restart for 2 d 4 h. Note at 03:05:00, 2 min 42 s before: deployed 1.4.3. Credentials were reloaded at \
         03:04:12, 3 min 30 s before."
    );
    // One that is older, and one that came after.
    service.events = vec![
        event(
            at("02:37:00"),
            EventKind::Reload,
            "credentials",
            "credentials reloaded",
        ),
        event(
            at("03:08:00"),
            EventKind::Reload,
            "credentials",
            "credentials reloaded",
        ),
    ];
    assert_eq!(text(&service), "No deploy and no restart for 2 d 4 h.");
    service.events = vec![event(at("03:01:00"), EventKind::Start, "", "started")];
    service.identity.started = Some(at("03:01:00"));
    assert_eq!(
        text(&service),
        "The process started at 03:01:00, 6 min 42 s before."
    );
}

#[test]
fn a_limit_that_was_reached_has_a_row() {
    let mut service = Service::dictionary();
    service.events.push(event(
        at("03:06:00"),
        EventKind::Overflow,
        "words_total",
        "`words_total` has 2,000 series",
    ));
    let verdict = service.verdict();
    let limit = row(&verdict, "Limit");
    assert_eq!(
        (limit.rule, &*limit.link, limit.level),
        ("overflow", "#/values", Level::Warn)
    );
    assert_eq!(verdict.counts.over, (1, Level::Warn));
}
