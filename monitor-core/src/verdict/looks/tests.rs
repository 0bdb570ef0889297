//! Looks at a storage: when one is due, what the first has, and what a log line may do.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::base::clock::ManualClock;
use crate::base::logged::lines_of;
use crate::history::{Range, Subject};
use crate::verdict::State;
use crate::{Clock, Monitor, Outcome, StorageConfig};

fn monitor() -> (Monitor, ManualClock) {
    let (clock, hand) = Clock::manual(1_700_000_000.0);
    (Monitor::with_clock(StorageConfig::default(), clock), hand)
}

fn call(monitor: Monitor) {
    let method = monitor.method("Get").expect("a good name");
    method.start().finish(Outcome::Success);
}

fn tick(monitor: Monitor) -> Option<u64> {
    monitor.with_watch(Watch::tick).expect("the history is on")
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_look_is_due_when_the_last_is_a_slot_old() {
    let (monitor, hand) = monitor();
    let ticks = [0.5, 1.5, 1.0, 1.0, 1.9, 2.0].map(|seconds| {
        hand.advance(Duration::from_secs_f64(seconds));
        monitor.look(Facts::default());
        tick(monitor)
    });
    // At 0.5, 2, 3, 4, 5.9 and 7.9 s.
    assert_eq!(ticks, [None, Some(0), Some(0), Some(1), Some(2), Some(3)]);
    hand.advance(60 * SECOND);
    monitor.look(Facts::default());
    assert_eq!(tick(monitor), Some(33 - 1 + 1));
}

#[test]
fn a_verdict_needs_no_thread() {
    let (monitor, hand) = monitor();
    assert_eq!(monitor.verdict().map(|one| one.state), Some(State::Idle));
    call(monitor);
    hand.advance(3 * SECOND);
    let verdict = monitor.verdict().expect("the history is on");
    assert_eq!(verdict.state, State::Ok);
    assert_eq!((verdict.at, verdict.revision), (1_700_000_003.0, 1));
    hand.advance(299 * SECOND);
    assert_eq!(monitor.verdict().map(|one| one.state), Some(State::Ok));
    hand.advance(3 * SECOND);
    let verdict = monitor.verdict().expect("the history is on");
    assert_eq!(
        (verdict.state, verdict.since),
        (State::Idle, 1_700_000_003.0)
    );
}

#[test]
fn the_phase_wins_and_stays_for_looks_without_facts() {
    let (monitor, hand) = monitor();
    call(monitor);
    hand.advance(2 * SECOND);
    let facts = |phase| Facts {
        phase,
        ..Facts::default()
    };
    monitor.look(facts(Phase::Starting));
    assert_eq!(
        monitor.verdict().map(|one| one.state),
        Some(State::Starting)
    );
    hand.advance(4 * SECOND);
    assert_eq!(
        monitor.verdict().map(|one| one.state),
        Some(State::Starting)
    );
    monitor.look(facts(Phase::Draining));
    hand.advance(2 * SECOND);
    monitor.look(facts(Phase::Draining));
    let verdict = monitor.verdict().expect("the history is on");
    assert_eq!((verdict.state, verdict.revision), (State::Draining, 2));
}

#[test]
fn the_history_can_be_switched_at_any_time() {
    let (monitor, hand) = monitor();
    let switch = |is_on| {
        let mut config = StorageConfig::default();
        config.history.is_on = is_on;
        monitor.configure(config);
    };
    switch(false);
    monitor.look(Facts::default());
    monitor.note("deployed 1.4.3");
    assert_eq!(monitor.verdict(), None);
    let core = monitor.storage().core;
    assert!(core.if_attached::<MonitorWatch>().is_none());
    call(monitor);
    hand.advance(60 * SECOND);
    switch(true);
    monitor.note("deployed 1.4.4");
    monitor.look(Facts::default());
    // The call is long over: it is in no slot.
    assert_eq!(monitor.verdict().map(|one| one.state), Some(State::Idle));
    let events = monitor.with_watch(|watch| watch.events().to_vec());
    let texts = events.iter().flatten().map(|event| &*event.text);
    assert_eq!(texts.collect::<Vec<_>>(), ["deployed 1.4.4"]);
    switch(false);
    assert!(monitor.with_watch(|_| ()).is_none());
    let kept = core.if_attached::<MonitorWatch>().expect("it was on");
    assert!(lock(&kept.0).watcher.is_none());
}

#[test]
fn results_of_checks_come_into_the_next_slot_on_its_clock() {
    let (monitor, hand) = monitor();
    let result = |at, is_up| CheckResult {
        name: "db".into(),
        at: 1_700_000_000.0 + at,
        is_up,
        output: Some("connection refused".into()),
    };
    let facts = |checks| Facts {
        checks,
        ..Facts::default()
    };
    hand.advance(SECOND);
    // Too early for a slot.
    monitor.look(facts(vec![result(0.5, true), result(0.9, false)]));
    hand.advance(SECOND);
    monitor.look(facts(vec![result(1.5, false)]));
    monitor.with_watch(|watch| {
        let [db] = watch.checks() else {
            panic!("{:?}", watch.checks());
        };
        assert_eq!((db.at, db.is_up), (1.5, false));
        let [event] = watch.events() else {
            panic!("{:?}", watch.events());
        };
        assert!((event.at - 1_700_000_000.9).abs() < 1e-5);
        assert_eq!((event.kind, &*event.name), (EventKind::Check, "db"));
    });
}

#[test]
fn starts_are_given_before_the_first_look() {
    let (monitor, hand) = monitor();
    monitor.note("kept");
    let boot = |at| Boot {
        at: 1_700_000_000.0 + at,
        version: None,
        is_clean: false,
    };
    monitor.set_boots(vec![boot(-60.0), boot(-1.0)]);
    let since = || monitor.with_watch(|watch| watch.verdict().since);
    assert_eq!(since(), Some(1_699_999_999.0));
    assert_eq!(monitor.with_watch(|watch| watch.events().len()), Some(1));
    hand.advance(2 * SECOND);
    monitor.look(Facts::default());
    let known = since();
    monitor.set_boots(vec![boot(0.0)]);
    assert_eq!(since(), known);
}

/// A subscriber that asks for the verdict when a line is logged.
struct Asks(Monitor, Arc<AtomicU32>);

impl tracing::Subscriber for Asks {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {
        assert!(self.0.verdict().is_some());
        self.1.fetch_add(1, Ordering::Relaxed);
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

fn draining() -> Facts {
    Facts {
        phase: Phase::Draining,
        ..Facts::default()
    }
}

#[test]
fn a_subscriber_may_ask_for_the_verdict() {
    let (monitor, hand) = monitor();
    hand.advance(2 * SECOND);
    let lines = Arc::new(AtomicU32::new(0));
    let asks = Asks(monitor, Arc::clone(&lines));
    tracing::subscriber::with_default(asks, || monitor.look(draining()));
    assert_eq!(lines.load(Ordering::Relaxed), 1);
}

#[test]
fn a_change_is_logged_once() {
    let (monitor, hand) = monitor();
    let ((), lines) = lines_of(|| {
        for _ in 0..3 {
            hand.advance(2 * SECOND);
            monitor.look(draining());
        }
        hand.advance(2 * SECOND);
        monitor.look(Facts::default());
    });
    assert_eq!(lines.len(), 2, "{lines:?}");
}

#[test]
fn the_thread_looks_at_the_end_of_each_slot_whatever_facts_do() {
    let monitor = Monitor::new(StorageConfig::default());
    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    let keep = |panics: bool| {
        let asked = Arc::clone(&counted);
        monitor.keep_history(move || {
            assert!(
                asked.fetch_add(1, Ordering::Relaxed) > 0 || !panics,
                "the first time"
            );
            Facts::default()
        })
    };
    // Two threads, and one look each time.
    let threads = [keep(true), keep(false)].map(|thread| thread.expect("there is room"));
    let begin = Instant::now();
    // On a busy machine a look may come so late that it is that of a later slot.
    while tick(monitor).is_none_or(|tick| tick < 1) {
        assert!(begin.elapsed() < 20 * SECOND, "it takes too long");
        thread::sleep(Duration::from_millis(5));
    }
    let seen = monitor.with_watch(|watch| {
        let slots = watch.slots(Subject::Entries, Range::Minutes15, None);
        let age = watch.verdict().at - watch.created_at();
        (watch.tick().expect("a look"), slots.len(), age)
    });
    let (tick, slots, age) = seen.expect("the history is on");
    let passed = u32::try_from(tick + 1).expect("a few");
    assert!(slots <= passed as usize, "{slots} slots at {tick}");
    let end = f64::from(passed) * SLOT.as_secs_f64();
    assert!((end - 0.1..end + 1.9).contains(&age), "{age} at {tick}");
    drop(threads);
    // Each thread had a reference of its own.
    assert_eq!(Arc::strong_count(&asked), 2);
}

#[test]
fn the_facts_of_the_first_thread_count_while_it_lives() {
    let (monitor, hand) = monitor();
    let storage = monitor.storage();
    let keepers = [Keeper::new(*storage), Keeper::new(*storage)];
    let look = |keeper: &Keeper, phase| {
        let facts = Facts {
            phase,
            ..Facts::default()
        };
        storage.look_of(keeper.id, facts, DUE);
    };
    let state = || monitor.with_watch(|watch| (watch.tick(), watch.phase()));
    let mut slots = 0;
    for _ in 0..3 {
        hand.advance(2 * SECOND);
        // The other thread is a bit earlier: it leaves the look to the first.
        look(&keepers[1], Phase::Draining);
        look(&keepers[0], Phase::Ready);
        monitor.look(draining());
        assert_eq!(state(), Some((Some(slots), Phase::Ready)));
        slots += 1;
    }
    let [first, second] = keepers;
    drop(first);
    hand.advance(2 * SECOND);
    look(&second, Phase::Draining);
    assert_eq!(state(), Some((Some(slots), Phase::Draining)));
    drop(second);
    hand.advance(2 * SECOND);
    monitor.look(Facts::default());
    assert_eq!(state(), Some((Some(slots + 1), Phase::Ready)));
}

#[test]
fn the_phase_of_a_look_that_is_too_early_does_not_stay() {
    let (monitor, hand) = monitor();
    hand.advance(2 * SECOND);
    monitor.look(Facts::default());
    monitor.look(draining());
    call(monitor);
    hand.advance(3 * SECOND);
    let verdict = monitor.verdict().expect("the history is on");
    assert_eq!((verdict.state, verdict.phase), (State::Ok, Phase::Ready));
}

#[test]
fn a_history_that_is_switched_on_late_says_nothing_of_before() {
    let (monitor, hand) = monitor();
    hand.advance(259_200 * SECOND);
    monitor.look(Facts::default());
    hand.advance(2 * SECOND);
    monitor.look(Facts::default());
    let verdict = monitor.verdict().expect("the history is on");
    assert_eq!(verdict.sentence, "No call has begun for 4.0 s.");
    call(monitor);
    hand.advance(2 * SECOND);
    monitor.look(Facts::default());
    let verdict = monitor.verdict().expect("the history is on");
    assert_eq!(verdict.sentence, "As usual for 6.0 s.");
}

#[test]
fn a_check_that_is_taken_out_while_it_is_down_is_down_no_more() {
    let (monitor, hand) = monitor();
    call(monitor);
    for _ in 0..3 {
        hand.advance(2 * SECOND);
        let mut facts = Facts::default();
        facts.checks.push(CheckResult {
            name: "db".into(),
            at: monitor.storage().core.clock.unix(),
            is_up: false,
            output: None,
        });
        monitor.look(facts);
    }
    assert_eq!(monitor.verdict().map(|one| one.state), Some(State::Down));
    // The look that hears of it is too early: it is kept for the next.
    let mut facts = Facts::default();
    facts.gone.push("db".into());
    monitor.look(facts);
    hand.advance(2 * SECOND);
    monitor.look(Facts::default());
    let verdict = monitor.verdict().expect("the history is on");
    assert_eq!((verdict.state, verdict.counts.unhealthy.0), (State::Ok, 0));
    let events = monitor.with_watch(|watch| watch.events().to_vec());
    let texts: Vec<_> = events.iter().flatten().map(|event| &*event.text).collect();
    assert_eq!(
        texts,
        ["Check `db` is DOWN.", "Check `db` was DOWN, and is gone."]
    );
}

#[test]
fn a_service_with_one_long_call_is_idle_as_no_other_begins() {
    let (monitor, hand) = monitor();
    let method = monitor.method("Get").expect("a good name");
    let stream = method.start();
    for _ in 0..152 {
        hand.advance(2 * SECOND);
        monitor.look(Facts::default());
    }
    let verdict = monitor.verdict().expect("the history is on");
    assert_eq!(verdict.state, State::Idle);
    assert_eq!(verdict.sentence, "No call has begun for 5 min 2 s.");
    stream.finish(Outcome::Success);
}

#[test]
fn each_change_of_the_state_is_logged() {
    let (monitor, hand) = monitor();
    let boot = |at, is_clean| Boot {
        at: 1_700_000_000.0 + at,
        version: None,
        is_clean,
    };
    monitor.set_boots(vec![boot(-60.0, true), boot(0.0, false)]);
    call(monitor);
    let ((), lines) = lines_of(|| {
        for _ in 0..160 {
            hand.advance(2 * SECOND);
            monitor.look(Facts::default());
            call(monitor);
        }
    });
    // From none to RESTARTED, and to OK after five minutes.
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("RESTARTED since"), "{lines:?}");
    assert!(lines[1].contains("OK: as usual"), "{lines:?}");
}

#[test]
fn the_last_look_is_taken_however_short_ago_the_one_before_was() {
    let (monitor, hand) = monitor();
    hand.advance(2 * SECOND);
    monitor.look(Facts::default());
    hand.advance(SECOND / 10);
    call(monitor);
    monitor.look(Facts::default());
    assert_eq!(tick(monitor), Some(0));
    for _ in 0..2 {
        // The second one has no time to be about.
        monitor.look_at_last(Facts::default());
        assert_eq!(tick(monitor), Some(1));
    }
    let begun = monitor.with_watch(|watch| watch.recent(1)[0].begun);
    assert_eq!(begun, Some(1));
}

#[test]
fn an_event_of_before_stands_at_its_time() {
    let (monitor, hand) = monitor();
    hand.advance(SECOND);
    monitor.note("now");
    monitor.event_at(monitor.started_at(), EventKind::Start, "", "then");
    let times = monitor.with_watch(|watch| {
        let times = watch.events().iter().map(|event| event.at);
        times.collect::<Vec<_>>()
    });
    let start = 1_700_000_000.0;
    assert_eq!(times, Some(vec![start, start + 1.0]));
}

#[test]
fn failures_are_found_without_the_thread_by_looks_that_are_far_apart() {
    let (monitor, hand) = monitor();
    let method = monitor.method("Get").expect("a good name");
    let state = |outcome, looks| {
        for _ in 0..looks {
            for _ in 0..60 {
                hand.advance(SECOND / 4);
                method.start().finish(outcome);
            }
            monitor.verdict();
        }
        monitor.verdict().map(|verdict| verdict.state)
    };
    // A look in 15 s.
    assert_eq!(state(Outcome::Success, 60), Some(State::Ok));
    assert_eq!(
        state(Outcome::ErrorType("timed out"), 4),
        Some(State::Failing)
    );
}
