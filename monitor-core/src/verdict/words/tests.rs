use std::sync::Arc;

mod life;
mod properties;

use super::*;
use crate::data::slot::{CallerSlot, Cells, FailureKind, FailureSlot};
use crate::verdict::{Evidence, Rule};

/// 28 November 2026, 03:14:00 UTC.
pub(in crate::verdict) const NOW: f64 = 1_795_835_640.0;

/// The process started 2 d 4 h earlier.
const STARTED: f64 = 1_795_647_067.0;

/// A service in a state that a test sets up; its clock of slots began with the process.
#[derive(Debug, Default)]
pub(in crate::verdict) struct Service {
    pub(in crate::verdict) judgement: Judgement,
    pub(in crate::verdict) book: Book,
    pub(in crate::verdict) events: Vec<Event>,
    pub(in crate::verdict) identity: ServiceIdentity,
    pub(in crate::verdict) phase: Phase,
    pub(in crate::verdict) drain_limit: Option<f64>,
    pub(in crate::verdict) left: Vec<LeftCalls>,
    pub(in crate::verdict) last_call: Option<f64>,
    pub(in crate::verdict) seen_since: Option<f64>,
    pub(in crate::verdict) recent: LatestCalls,
    pub(in crate::verdict) of_young: Option<LatestCalls>,
    pub(in crate::verdict) usual_failed: Vec<f64>,
    pub(in crate::verdict) checks: Vec<CheckResult>,
    /// Whether no method ever had a monitored caller.
    pub(in crate::verdict) is_blind: bool,
    pub(in crate::verdict) tasks_down: usize,
}

impl Service {
    /// `textprocessor` with its 13 methods, at 03:14:00; nothing is wrong.
    pub(in crate::verdict) fn textprocessor() -> Self {
        let methods = [
            "LookUpWords",
            "Spelling",
            "Analyse",
            "SplitWords",
            "ShowText",
            "RankKeywords",
            "RankNeighbours",
            "Statistics",
            "Keywords",
            "CompareWords",
            "Similarity",
            "Neighbours",
            "IndexCorpus",
        ];
        let identity = ServiceIdentity {
            name: "textprocessor".into(),
            version: Some("1.4.2".into()),
            revision: Some("9f3c2ab".into()),
            instance: Some("textprocessor-7c9d8f-x2x4q".into()),
            pid: 1,
            started: Some(STARTED),
            address: Some("http://127.0.0.1:9999/".into()),
            families: FamilyNames::default(),
        };
        Self {
            book: Book {
                methods: methods.map(Arc::from).to_vec(),
                types: vec!["timed out".into(), "panic".into()],
            },
            events: vec![event(
                at("03:04:12"),
                EventKind::Reload,
                "credentials",
                "credentials reloaded",
            )],
            identity,
            last_call: Some(NOW - STARTED),
            recent: LatestCalls {
                methods: Vec::new(),
                entries: MethodSlot {
                    in_flight: 58,
                    ..calls(u32::MAX, 3329, 781)
                },
            },
            ..Self::default()
        }
    }

    /// The incident of the pictures: the dictionary does not answer.
    pub(in crate::verdict) fn dictionary() -> Self {
        let mut service = Self::textprocessor();
        let failing = Incident {
            check: Some("dictionary".into()),
            error_type: Some(0),
            felt: vec![1, 2],
            evidence: Evidence {
                calls: 14_700,
                bad: 9_408,
                usual_share: Some(0.000_1),
                usual_durations: Some([0.001_8, 0.009_2]),
                late: 3,
                late_limit: 300.0,
                oldest: 371.0,
                ..Evidence::default()
            },
            ..incident(State::Failing, Rule::Failures, "03:07:42", Some(0))
        };
        service.judgement.incidents = vec![failing, check_down()];
        service.recent.methods = vec![calls(0, 421, 749), calls(1, 270, 480), calls(2, 173, 307)];
        service
    }

    pub(in crate::verdict) fn verdict(&self) -> Verdict {
        verdict_of(&self.words(&Arc::new(self.identity.clone())))
    }

    pub(in crate::verdict) fn words<'a>(&'a self, identity: &'a Arc<ServiceIdentity>) -> Words<'a> {
        Words {
            judgement: &self.judgement,
            book: &self.book,
            events: &self.events,
            service: identity,
            phase: self.phase,
            drain_limit: self.drain_limit,
            left: self.left.clone(),
            created_at: STARTED,
            now: NOW - STARTED,
            last_call: self.last_call,
            seen_since: self.seen_since,
            recent: &self.recent,
            of_young: self.of_young.as_ref(),
            usual_failed: &self.usual_failed,
            checks: &self.checks,
            has_edges: !self.is_blind,
            tasks_down: self.tasks_down,
            revision: 3,
        }
    }

    fn with(incident: Incident) -> Self {
        let mut service = Self::textprocessor();
        service.judgement.incidents = vec![incident];
        service
    }
}

/// Seconds since 1970 of a time of that night.
fn at(time: &str) -> f64 {
    let parts: Vec<f64> = time
        .split(':')
        .map(|part| part.parse().expect("a number"))
        .collect();
    NOW - 11_640.0 + parts[0] * 3600.0 + parts[1] * 60.0 + parts[2]
}

fn event(at: f64, kind: EventKind, name: &str, text: &str) -> Event {
    Event {
        at,
        kind,
        name: name.into(),
        text: text.into(),
    }
}

fn incident(state: State, rule: Rule, since: &str, method: Option<u32>) -> Incident {
    Incident {
        state,
        rule,
        since: at(since) - STARTED,
        method,
        error_type: None,
        check: None,
        felt: Vec::new(),
        times: 1,
        evidence: Evidence::default(),
    }
}

fn check_down() -> Incident {
    Incident {
        check: Some("dictionary".into()),
        evidence: Evidence {
            output: Some("no answer from 10.42.7.19:5433 within 2 s".into()),
            ..Evidence::default()
        },
        ..incident(State::Down, Rule::Check, "03:07:50", None)
    }
}

/// So many calls of a method that succeeded, and that failed.
fn calls(method: u32, succeeded: u64, failed: u64) -> MethodSlot {
    MethodSlot {
        method,
        begun: succeeded + failed,
        ok: Cells(vec![(-60, succeeded)]),
        failures: vec![FailureSlot {
            error_type: 0,
            kind: FailureKind::Counts,
            cells: Cells(vec![(8, failed)]),
        }],
        ..MethodSlot::default()
    }
}

fn sentence(service: &Service) -> String {
    service.verdict().sentence
}

fn row<'a>(verdict: &'a Verdict, label: &str) -> &'a VerdictRow {
    let found = verdict.rows.iter().find(|row| row.label == label);
    found.unwrap_or_else(|| panic!("no row {label}: {:#?}", verdict.rows))
}

#[test]
fn a_failing_method_is_named_with_share_type_and_what_is_usual() {
    let service = Service::dictionary();
    assert_eq!(
        sentence(&service),
        "`LookUpWords` fails: 64 % `timed out`, usually 0.01 %."
    );
    let mut alone = Service::dictionary();
    alone.judgement.incidents[0].evidence.usual_share = Some(0.0);
    assert_eq!(
        sentence(&alone),
        "`LookUpWords` fails: 64 % `timed out`, usually none."
    );
    alone.judgement.incidents[0].evidence.usual_share = None;
    alone.judgement.incidents[0].error_type = None;
    assert_eq!(sentence(&alone), "`LookUpWords` fails: 64 %.");
}

#[test]
fn the_share_is_of_the_last_30_s_once_the_incident_is_older() {
    let mut service = Service::dictionary();
    service.recent.methods[0] = calls(0, 900, 100);
    assert_eq!(
        sentence(&service),
        "`LookUpWords` fails: 10 % `timed out`, usually 0.01 %."
    );
    service.judgement.incidents[1].since += 120.0;
    let verdict = service.verdict();
    assert_eq!(row(&verdict, "Cause").value, Some(0.1));
    service.recent.methods[0].failures[0].error_type = 1;
    assert_eq!(
        sentence(&service),
        "`LookUpWords` fails: 10 %, usually 0.01 %."
    );
    // Of a younger one the 30 s have calls of before.
    service.judgement.incidents[0].since = NOW - STARTED - 20.0;
    assert_eq!(
        sentence(&service),
        "`LookUpWords` fails: 64 % `timed out`, usually 0.01 %."
    );
}

#[test]
fn an_incident_in_which_nothing_fails_any_more_is_told_as_past() {
    let mut service = Service::dictionary();
    service.recent.methods = vec![calls(0, 421, 0), calls(1, 270, 0), calls(2, 173, 0)];
    assert_eq!(
        sentence(&service),
        "`LookUpWords` failed: 64 % `timed out` since 03:07:42, none in the last 30 s."
    );
    service.judgement.incidents.pop();
    assert_eq!(
        row(&service.verdict(), "Cause").text,
        "No call of `LookUpWords` failed in the last 30 s."
    );
    // Nothing is known of the last 30 s.
    service.recent.methods.clear();
    service.judgement.incidents[0].felt.clear();
    assert_eq!(
        sentence(&service),
        "`LookUpWords` fails: 64 % `timed out`, usually 0.01 %."
    );
}

#[test]
fn shares_of_those_that_feel_it_are_of_the_time_of_the_sentence_and_without_what_usually_fails() {
    let mut service = Service::dictionary();
    // A quarter of the calls of `Spelling` always fails.
    service.usual_failed = vec![0.000_1, 0.25, 0.0];
    let spread = |service: &Service| row(&service.verdict(), "Spread").text.clone();
    assert!(
        spread(&service).starts_with("`Spelling` 39 % and `Analyse` 64 % fail through"),
        "{}",
        spread(&service)
    );
    // Eight seconds after the beginning the last 30 s have calls of before.
    service.of_young = Some(LatestCalls {
        methods: vec![calls(0, 10, 90), calls(1, 5, 95), calls(2, 12, 88)],
        entries: calls(u32::MAX, 50, 50),
    });
    assert!(
        spread(&service).starts_with("`Spelling` 70 % and `Analyse` 88 % fail through `LookUpWords`. 50 % of all requests fail."),
        "{}",
        spread(&service)
    );
    service.is_blind = true;
    assert!(
        spread(&service).starts_with("`Spelling` 95 % and `Analyse` 88 % fail since about"),
        "{}",
        spread(&service)
    );
}

#[test]
fn a_dependency_that_answers_again_stays_the_cause_of_what_is_still_told() {
    let mut service = Service::dictionary();
    service.judgement.incidents.truncate(1);
    service.judgement.incidents[0].check = None;
    let of_check = |time: &str| event(at(time), EventKind::Check, "dictionary", "changed");
    service.checks = vec![CheckResult {
        name: "dictionary".into(),
        at: at("03:13:40") - STARTED,
        is_up: true,
        output: None,
    }];
    let cause = |service: &Service| row(&service.verdict(), "Cause").text.clone();
    let itself = "`LookUpWords` itself: it calls no other monitored method.";
    assert_eq!(cause(&service), itself, "it never was DOWN");
    service
        .events
        .extend([of_check("03:07:50"), of_check("03:13:40")]);
    let was_down = "A dependency, not this process: check `dictionary` was DOWN until 03:13:40.";
    assert_eq!(cause(&service), was_down);
    // It went down long before, or has answered for minutes.
    for [down, up] in [["03:05:50", "03:13:40"], ["03:07:50", "03:12:40"]] {
        service.events.truncate(1);
        service.events.extend([of_check(down), of_check(up)]);
        assert_eq!(cause(&service), itself, "{down} to {up}");
    }
}

#[test]
fn callers_that_fail_through_a_slow_method_are_the_subject() {
    let mut service = Service::dictionary();
    // The bad calls of the incident are those of the callers.
    service.recent.methods[0] = calls(0, 421, 0);
    assert_eq!(
        sentence(&service),
        "`Spelling` and `Analyse` fail with `timed out` through `LookUpWords`."
    );
    service.judgement.incidents[0].felt = vec![1];
    assert_eq!(
        sentence(&service),
        "`Spelling` fails with `timed out` through `LookUpWords`."
    );
    // The method at fault has a few failures, as ever.
    service.recent.methods[0] = calls(0, 1000, 1);
    service.judgement.incidents[0].evidence.is_of_callers = true;
    service.judgement.incidents.truncate(1);
    let verdict = service.verdict();
    assert_eq!(
        verdict.sentence,
        "`Spelling` fails with `timed out` through `LookUpWords`."
    );
    let cause = row(&verdict, "Cause");
    assert_eq!(
        cause.text,
        "`LookUpWords` does not fail, but is slow or stuck."
    );
    assert_eq!(cause.value, Some(0.64));
}

#[test]
fn rows_have_numbers_links_queries_and_next_steps() {
    let verdict = Service::dictionary().verdict();
    let labels: Vec<&str> = verdict.rows.iter().map(|row| row.label).collect();
    assert_eq!(labels, ["Cause", "Spread", "Stuck", "Before"]);
    let cause = row(&verdict, "Cause");
    assert_eq!(
        (cause.rule, &*cause.link, cause.level),
        ("check", "#/health", Level::Bad)
    );
    assert_eq!(cause.since, Some(at("03:07:50")));
    assert_eq!(
        cause.promql.as_deref(),
        Some("monitor_check_up{check=\"dictionary\"}")
    );
    assert_eq!(
        cause.next.as_deref(),
        Some("Look at check `dictionary`: it went down when calls of `LookUpWords` began to fail.")
    );
    let spread = row(&verdict, "Spread");
    assert_eq!(spread.method.as_deref(), Some("LookUpWords"));
    assert_eq!(spread.error_type.as_deref(), Some("timed out"));
    assert!((spread.value.expect("a share") - 781.0 / 4110.0).abs() < 1e-9);
    let stuck = row(&verdict, "Stuck");
    assert_eq!(
        (stuck.since, stuck.value),
        (Some(at("03:07:49")), Some(371.0))
    );
    assert_eq!(row(&verdict, "Before").since, None);
    assert_eq!(
        verdict.counts,
        Counts {
            methods: (13, Level::Ok),
            changed: (3, Level::Bad),
            ..Counts::default()
        }
    );
    assert_eq!(
        (verdict.state, verdict.since, verdict.at),
        (State::Failing, at("03:07:42"), NOW)
    );
}

#[test]
fn without_known_calls_between_methods_nothing_fails_through_another() {
    let mut service = Service::dictionary();
    service.is_blind = true;
    assert_eq!(
        row(&service.verdict(), "Spread").text,
        "`Spelling` 64 % and `Analyse` 64 % fail since about the same time. 19 % of all requests fail. 10 methods are not \
         affected."
    );
    service.recent.methods[0] = calls(0, 421, 0);
    assert_eq!(
        sentence(&service),
        "`Spelling` and `Analyse` fail with `timed out` since about the same time as `LookUpWords` did."
    );
    let mut slow = incident(State::Slow, Rule::Slow, "03:07:42", Some(6));
    slow.evidence.durations = Some([0.021, 0.84]);
    slow.evidence.usual_durations = Some([0.006_3, 0.022]);
    slow.felt = vec![8];
    let mut service = Service::with(slow);
    service.is_blind = true;
    assert_eq!(
        row(&service.verdict(), "Spread").text,
        "`Keywords` is slow since about the same time. 11 methods are not affected."
    );
}

#[test]
fn durations_that_are_as_usual_have_no_row() {
    let mut slow = incident(State::Slow, Rule::Slow, "03:07:42", Some(6));
    slow.evidence.durations = Some([0.002_3, 0.022]);
    slow.evidence.usual_durations = Some([0.002_3, 0.022]);
    slow.evidence.late = 3;
    let verdict = Service::with(slow).verdict();
    assert!(
        verdict.rows.iter().all(|row| row.label != "Slow"),
        "{verdict:?}"
    );
}

#[test]
fn a_method_that_fails_by_itself_is_its_own_cause() {
    let mut service = Service::dictionary();
    service.judgement.incidents.pop();
    service.judgement.incidents[0].check = None;
    let verdict = service.verdict();
    let cause = row(&verdict, "Cause");
    assert_eq!(
        cause.text,
        "`LookUpWords` itself: it calls no other monitored method."
    );
    assert_eq!(
        (cause.rule, &*cause.link),
        ("failures", "#/method/LookUpWords")
    );
    assert_eq!(
        (cause.value, cause.usual),
        (Some(749.0 / 1170.0), Some([0.000_1, 0.000_1]))
    );
    service.recent.methods.push(MethodSlot {
        callers: vec![CallerSlot {
            caller: 0,
            begun: 5,
            failed: 0,
        }],
        ..calls(3, 5, 0)
    });
    let verdict = service.verdict();
    let text = &row(&verdict, "Cause").text;
    assert_eq!(
        text,
        "`LookUpWords` itself: the method that it calls explains less than half of it."
    );
}

#[test]
fn a_slow_method_is_named_with_the_quantile_that_moved() {
    let mut slow = incident(State::Slow, Rule::Slow, "03:07:42", Some(6));
    slow.evidence.durations = Some([0.021, 0.84]);
    slow.evidence.usual_durations = Some([0.006_3, 0.022]);
    slow.felt = vec![8];
    let verdict = Service::with(slow.clone()).verdict();
    assert_eq!(
        verdict.sentence,
        "`RankNeighbours` is slow: p99 840 ms, usually 22 ms."
    );
    assert_eq!(
        row(&verdict, "Slow").text,
        "`RankNeighbours`: p50 21 ms, usually 6.3 ms: 3.3 x; p99 840 ms, usually 22 ms: 38 x."
    );
    assert_eq!(
        row(&verdict, "Spread").text,
        "`Keywords` is slow through `RankNeighbours`. 11 methods are not affected."
    );
    slow.evidence.durations = Some([0.021, 0.022]);
    assert_eq!(
        sentence(&Service::with(slow.clone())),
        "`RankNeighbours` is slow: p50 21 ms, usually 6.3 ms."
    );
    slow.evidence = Evidence {
        late: 3,
        late_limit: 8.0,
        oldest: 12.0,
        ..Evidence::default()
    };
    assert_eq!(
        sentence(&Service::with(slow)),
        "`RankNeighbours` is slow: 3 calls are older than 8.0 s, the oldest 12 s."
    );
    let mut broad = incident(State::Slow, Rule::Broad, "03:07:42", None);
    (broad.evidence.slow_methods, broad.evidence.busy_methods) = (9, 12);
    assert_eq!(
        sentence(&Service::with(broad)),
        "9 of 12 methods are slow at once."
    );
}

#[test]
fn slow_calls_that_are_given_up_are_told_by_their_share() {
    let mut slow = incident(State::Slow, Rule::Slow, "03:07:42", Some(6));
    // Those that succeed are as fast as ever.
    slow.evidence.durations = Some([0.006_3, 0.020]);
    slow.evidence.usual_durations = Some([0.006_3, 0.022]);
    (slow.evidence.calls, slow.evidence.bad) = (500, 310);
    let mut service = Service::with(slow);
    let mut given_up = calls(6, 620, 380);
    given_up.failures[0].kind = FailureKind::Cancelled;
    service.recent.methods = vec![given_up];
    let verdict = service.verdict();
    assert_eq!(
        verdict.sentence,
        "`RankNeighbours` is slow: 62 % of calls took longer than usual since 03:07:42."
    );
    assert_eq!(
        row(&verdict, "Slow").text,
        "`RankNeighbours`: p50 6.3 ms, usually 6.3 ms: =; p99 20 ms, usually 22 ms: -9 %. 62 % of calls took longer than \
         usual since 03:07:42. 38 % are cancelled."
    );
}

#[test]
fn a_rush_that_has_passed_is_not_told_as_one() {
    let mut rush = incident(State::Overloaded, Rule::Slow, "03:07:42", Some(4));
    (rush.evidence.rate, rush.evidence.usual_rate) = (Some(13.0), Some(12.0));
    assert_eq!(
        sentence(&Service::with(rush.clone())),
        "`ShowText` got more calls than usual, and was slow."
    );
    rush.evidence.durations = Some([0.1, 0.84]);
    rush.evidence.usual_durations = Some([0.01, 0.022]);
    assert_eq!(
        sentence(&Service::with(rush.clone())),
        "`ShowText` is slow after more calls than usual: p99 840 ms, usually 22 ms."
    );
    (rush.evidence.waiting, rush.evidence.permits) = (4_285, 6);
    assert_eq!(
        sentence(&Service::with(rush)),
        "`ShowText` is overloaded: 4,285 of its calls wait for 6 permits."
    );
}

#[test]
fn stuck_calls_are_counted_and_the_oldest_is_named() {
    let mut stuck = incident(State::Stuck, Rule::Stuck, "03:07:49", Some(0));
    stuck.evidence = Evidence {
        late: 3,
        late_limit: 8.0,
        oldest: 371.0,
        ..Evidence::default()
    };
    let verdict = Service::with(stuck.clone()).verdict();
    assert_eq!(
        verdict.sentence,
        "3 calls of `LookUpWords` are stuck, the oldest 6 min 11 s."
    );
    assert_eq!(verdict.counts.stuck, (3, Level::Bad));
    stuck.evidence.late = 1;
    assert_eq!(
        sentence(&Service::with(stuck)),
        "1 call of `LookUpWords` is stuck, the oldest 6 min 11 s."
    );
}

#[test]
fn an_overload_is_told_by_calls_permits_and_methods() {
    let mut rush = incident(State::Overloaded, Rule::Waiting, "03:07:42", Some(4));
    rush.evidence = Evidence {
        waiting: 37,
        permits: 4,
        rate: Some(93.0),
        usual_rate: Some(12.0),
        ..Evidence::default()
    };
    let mut service = Service::with(rush.clone());
    let mut show = calls(4, 2800, 0);
    show.callers = vec![CallerSlot {
        caller: 1,
        begun: 2240,
        failed: 0,
    }];
    show.entries = 560;
    service.recent.methods = vec![show];
    let verdict = service.verdict();
    assert_eq!(
        verdict.sentence,
        "`ShowText` gets 93 /s, usually 12 /s, and 37 of its calls wait for 4 permits."
    );
    let growth = row(&verdict, "Growth");
    assert_eq!(
        growth.text,
        "37 calls of `ShowText` wait for 4 permits. It gets 93 /s, usually 12 /s. 80 % of its calls come from `Spelling`."
    );
    assert_eq!(
        growth.next.as_deref(),
        Some("Look at `Spelling`: it makes most of the calls.")
    );
    rush.evidence.waiting = 0;
    (rush.evidence.slow_methods, rush.evidence.busy_methods) = (9, 12);
    assert_eq!(
        sentence(&Service::with(rush.clone())),
        "`ShowText` gets 93 /s, usually 12 /s, and 9 of 12 methods are slow."
    );
    rush.evidence.slow_methods = 0;
    rush.evidence.durations = Some([0.1, 0.84]);
    rush.evidence.usual_durations = Some([0.01, 0.022]);
    assert_eq!(
        sentence(&Service::with(rush)),
        "`ShowText` gets 93 /s, usually 12 /s, and is slow: p99 840 ms, usually 22 ms."
    );
}

#[test]
fn a_machine_that_is_overloaded_is_told_by_all_requests() {
    let mut load = incident(State::Overloaded, Rule::Broad, "03:07:42", Some(4));
    (load.evidence.slow_methods, load.evidence.busy_methods) = (9, 12);
    (load.evidence.rate, load.evidence.usual_rate) = (Some(93.0), Some(40.0));
    load.felt = vec![4, 5];
    let verdict = Service::with(load).verdict();
    assert_eq!(
        verdict.sentence,
        "Requests come at 93 /s, usually 40 /s, and 9 of 12 methods are slow."
    );
    assert_eq!(
        row(&verdict, "Growth").text,
        "Most of the additional requests are of `ShowText`."
    );
    assert_eq!(
        row(&verdict, "Spread").text,
        "`ShowText` and `RankKeywords` are slow. 11 methods are not affected."
    );
}

#[test]
fn an_unhealthy_task_type_follows_from_failures_and_is_no_cause() {
    let mut service = Service::dictionary();
    service.tasks_down = 3;
    assert_eq!(service.verdict().counts.unhealthy, (3, Level::Bad));
    let down = &mut service.judgement.incidents[1];
    down.check = Some("task type LookUpWords".into());
    let verdict = service.verdict();
    let cause = &row(&verdict, "Cause").text;
    assert!(cause.starts_with("`LookUpWords` itself"), "{cause}");
    assert!(verdict.rows.iter().all(|row| row.label != "Also"));
    // One that was unhealthy long before is another finding.
    service.judgement.incidents[1].since -= 120.0;
    let verdict = service.verdict();
    let text = &row(&verdict, "Also").text;
    assert!(
        text.starts_with("Task type `LookUpWords` is DOWN"),
        "{text}"
    );
}

#[test]
fn calls_that_wait_without_a_rush_are_slow() {
    let mut waiting = incident(State::Slow, Rule::Waiting, "03:07:42", Some(4));
    (waiting.evidence.waiting, waiting.evidence.permits) = (37, 4);
    assert_eq!(
        sentence(&Service::with(waiting)),
        "37 calls of `ShowText` wait for 4 permits."
    );
}

#[test]
fn checks_and_other_parts_say_what_they_are() {
    assert_eq!(
        sentence(&Service::with(check_down())),
        "Check `dictionary` is DOWN: no answer from 10.42.7.19:5433 within 2 s."
    );
    for (name, text) in [
        ("worker:mail", "Worker `mail` is DOWN."),
        ("runtime:main", "Runtime `main` is DOWN."),
        ("heartbeat", "The heartbeat is DOWN."),
        ("task type Spelling", "Task type `Spelling` is DOWN."),
    ] {
        let mut down = check_down();
        (down.check, down.evidence.output) = (Some(name.into()), None);
        assert_eq!(sentence(&Service::with(down)), text);
    }
    let mut service = Service::dictionary();
    service.judgement.incidents[0].check = Some("worker:mail".into());
    service.judgement.incidents[1].check = Some("worker:mail".into());
    service.judgement.incidents[1].evidence.output = Some("stopped.".into());
    assert_eq!(
        row(&service.verdict(), "Cause").text,
        "This process: worker `mail` is DOWN, stopped."
    );
}

#[test]
fn a_check_that_fell_much_later_is_another_finding() {
    let mut service = Service::dictionary();
    service.judgement.incidents[1].since += 120.0;
    let verdict = service.verdict();
    assert!(
        row(&verdict, "Cause")
            .text
            .starts_with("`LookUpWords` itself")
    );
    assert!(
        row(&verdict, "Also")
            .text
            .starts_with("Check `dictionary` is DOWN")
    );
}

#[test]
fn what_comes_and_goes_is_counted() {
    let mut flapping = incident(State::Flapping, Rule::Failures, "02:58:10", Some(0));
    flapping.times = 3;
    flapping.error_type = Some(0);
    (flapping.evidence.calls, flapping.evidence.bad) = (100, 64);
    flapping.evidence.usual_share = Some(0.000_1);
    assert_eq!(
        sentence(&Service::with(flapping)),
        "`LookUpWords` failed 3 times since 02:58:10: 64 % `timed out`, usually 0.01 %."
    );
    let mut check = check_down();
    (check.state, check.times) = (State::Flapping, 3);
    check.evidence.last_change = Some(at("03:13:02") - STARTED);
    assert_eq!(
        sentence(&Service::with(check)),
        "Check `dictionary` went down 3 times since 03:07:50, last at 03:13:02."
    );
}

#[test]
fn silence_and_deaths_are_told_by_time() {
    let mut silent = incident(State::Silent, Rule::Silence, "03:13:13", None);
    silent.evidence.usual_rate = Some(137.0);
    assert_eq!(
        sentence(&Service::with(silent)),
        "No request came for 47 s, usually 137 /s."
    );
    let mut dying = incident(State::Restarting, Rule::Restart, "03:07:58", None);
    dying.times = 3;
    dying.evidence.last_change = Some(at("03:13:02") - STARTED);
    assert_eq!(
        sentence(&Service::with(dying)),
        "The process died 3 times in 6 min 2 s, last start at 03:13:02."
    );
    let died = incident(State::Restarted, Rule::Restart, "03:13:13", None);
    assert_eq!(
        sentence(&Service::with(died)),
        "The process died, and started again 47 s ago."
    );
}

#[test]
fn there_are_five_rows_at_most_and_the_last_is_what_was_before() {
    let mut service = Service::dictionary();
    for method in 3..9 {
        let mut other = incident(State::Slow, Rule::Slow, "03:08:00", Some(method));
        other.evidence.durations = Some([0.1, 0.2]);
        service.judgement.incidents.push(other);
    }
    let verdict = service.verdict();
    let labels: Vec<&str> = verdict.rows.iter().map(|row| row.label).collect();
    assert_eq!(labels, ["Cause", "Spread", "Stuck", "Also", "Before"]);
}

#[test]
fn names_break_neither_backquotes_nor_links() {
    assert_eq!(quoted("a`b\u{1b}[2J\u{202e}\n"), "`a'b?[2J??`");
    assert_eq!(quoted(""), "`?`");
    let long = quoted(&"x".repeat(10_000));
    assert_eq!((long.chars().count(), long.ends_with("~`")), (130, true));
    assert_eq!(quoted(&"x".repeat(128)).chars().count(), 130);
    assert_eq!(
        rows::method_link("GET /a?<ü>"),
        "#/method/GET%20%2Fa%3F%3C%C3%BC%3E"
    );
}

#[test]
fn events_and_the_log_have_one_sentence() {
    let service = Service::dictionary();
    let identity = Arc::new(service.identity.clone());
    let words = service.words(&identity);
    let [failing, down] = &service.judgement.incidents[..] else {
        panic!("two incidents");
    };
    let (kind, name, text) = incident_event(&words, failing).expect("an event");
    assert_eq!((kind, &*name), (EventKind::Failure, "LookUpWords"));
    assert_eq!(
        text,
        "`LookUpWords` fails: 64 % `timed out`, usually 0.01 %."
    );
    assert_eq!(incident_event(&words, down), None);
    let (kind, _, text) = recovered_event(&words, failing).expect("an event");
    assert_eq!(kind, EventKind::Recovered);
    assert_eq!(text, "`LookUpWords` is as usual again after 6 min 18 s.");
    assert_eq!(
        check_event("disk", false, Some("full.")),
        "Check `disk` is DOWN: full."
    );
    assert_eq!(check_event("disk", true, None), "Check `disk` is UP.");
    assert_eq!(
        log_line(&service.verdict()),
        "FAILING since 03:07:42 UTC: LookUpWords fails: 64 % timed out, usually 0.01 %."
    );
    assert_eq!(
        log_line(&Service::textprocessor().verdict()),
        "OK: as usual"
    );
}
