use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use super::*;
use crate::data::catalog::Profile;
use crate::export::exposition::{Format, encode_snapshot};
use crate::{Clock, ManualClock, Monitor, Outcome, StorageConfig};

fn monitor() -> (Monitor, ManualClock) {
    let (clock, hand) = Clock::manual(1_700_000_000.0);
    (Monitor::with_clock(StorageConfig::default(), clock), hand)
}

/// A provider that numbers its exemplars, and how often it was asked.
fn numbered() -> (Arc<AtomicU32>, impl ExemplarProvider) {
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    let provider = move || {
        let number = count.fetch_add(1, Relaxed) + 1;
        Some(Exemplar::new([("trace_id", number.to_string())]))
    };
    (asked, provider)
}

fn call(monitor: Monitor, hand: &ManualClock, took: Duration, outcome: Outcome<'_>) {
    let call = monitor.method("Get").expect("a good name").start();
    hand.advance(took);
    call.finish(outcome);
}

fn kept(monitor: Monitor) -> Vec<(String, f64, bool)> {
    let snapshot = monitor.snapshot();
    let kept = snapshot.methods.iter().flat_map(|method| &method.exemplars);
    kept.map(|kept| {
        let value = kept.exemplar.labels().next().map_or("", |(_, value)| value);
        (value.to_owned(), kept.seconds, kept.failed)
    })
    .collect()
}

fn page(monitor: Monitor, profile: Profile, format: Format) -> String {
    let mut page = Vec::new();
    encode_snapshot(&monitor.snapshot(), profile, &[], format, &mut page);
    String::from_utf8(page).expect("a page is text")
}

#[test]
fn a_bucket_keeps_one_for_a_second_and_then_takes_the_next() {
    let (monitor, hand) = monitor();
    let (asked, provider) = numbered();
    monitor.set_exemplars(provider);
    for _ in 0..3 {
        call(monitor, &hand, Duration::from_millis(300), Outcome::Success);
    }
    assert_eq!(asked.load(Relaxed), 1);
    assert_eq!(kept(monitor), [("1".to_owned(), 0.3, false)]);
    call(monitor, &hand, Duration::from_millis(400), Outcome::Panic);
    assert_eq!(kept(monitor), [("2".to_owned(), 0.4, true)]);
    call(monitor, &hand, Duration::from_millis(700), Outcome::Success);
    let both = [("2".to_owned(), 0.4, true), ("3".to_owned(), 0.7, false)];
    assert_eq!(kept(monitor), both);
}

#[test]
fn calls_of_threads_that_recorded_before_are_seen_too() {
    let (monitor, hand) = monitor();
    call(monitor, &hand, Duration::from_millis(1), Outcome::Success);
    let (asked, provider) = numbered();
    monitor.set_exemplars(provider);
    call(monitor, &hand, Duration::from_millis(1), Outcome::Success);
    assert_eq!(asked.load(Relaxed), 1);
    let snapshot = monitor.snapshot();
    assert_eq!(snapshot.methods[0].success.count(), 2);
    assert_eq!(snapshot.methods[0].success.counts[4], 2);
}

#[test]
fn they_stand_in_openmetrics_alone_and_by_outcome_where_durations_do() {
    let (monitor, hand) = monitor();
    monitor.set_exemplars(numbered().1);
    call(monitor, &hand, Duration::from_millis(300), Outcome::Success);
    call(monitor, &hand, Duration::from_millis(700), Outcome::Panic);
    let text = page(monitor, Profile::Servicekit, Format::Text004);
    assert!(!text.contains("trace_id"), "{text}");
    let open = page(monitor, Profile::Servicekit, Format::OpenMetrics100);
    let line = "stats_hist_time_full_bucket{le=\"0.5\",method=\"Get\"} 1 # {trace_id=\"1\"} 0.3 1700000000.3\n";
    assert!(open.contains(line), "{open}");
    assert_eq!(open.matches("trace_id").count(), 2);
    let open = page(monitor, Profile::Prometheus, Format::OpenMetrics100);
    let line = "_bucket{le=\"1.0\",method=\"Get\",status=\"failure\"} 1 # {trace_id=\"2\"} 0.7 1700000001.0\n";
    assert!(
        open.contains(&line.replace("1700000001.0", "1700000001")),
        "{open}"
    );
    assert_eq!(open.matches("trace_id").count(), 2);
}

#[test]
fn what_is_too_long_or_misnamed_is_not_sent_and_counted() {
    let (monitor, hand) = monitor();
    let exemplars = [
        Exemplar::new([("trace_id", "x".repeat(120))]),
        Exemplar::new([("trace_id", "x".repeat(121))]),
        Exemplar::new([("trace id", "x")]),
        Exemplar::new([("a", "x"), ("a", "y")]),
        Exemplar::new([("a", "x\0")]),
        Exemplar::new([("a", "say \"x\"")]),
        Exemplar::new([("a", "x\\")]),
        Exemplar::new([("a", "x\n")]),
        Exemplar::new([("__name__", "x")]),
        Exemplar::new([("a", "x"), ("__a", "y")]),
        Exemplar::new([("a", "\u{1f40b}".repeat(127))]),
    ];
    let next = AtomicU32::new(0);
    monitor.set_exemplars(move || exemplars.get(next.fetch_add(1, Relaxed) as usize).cloned());
    for _ in 0..11 {
        call(monitor, &hand, Duration::from_secs(2), Outcome::Success);
    }
    assert_eq!(monitor.snapshot().dropped_exemplars, 9);
    let value = kept(monitor).remove(0).0;
    assert_eq!(value.chars().count(), 127);
}

#[test]
fn a_provider_whose_panic_panics_when_it_is_dropped_gives_none() {
    struct PanicsOnDrop;
    impl Drop for PanicsOnDrop {
        fn drop(&mut self) {
            panic!("a payload's own fault");
        }
    }
    let (monitor, hand) = monitor();
    monitor.set_exemplars(|| std::panic::panic_any(PanicsOnDrop));
    call(monitor, &hand, Duration::from_millis(1), Outcome::Success);
    assert_eq!(kept(monitor), []);
}

#[test]
fn a_provider_that_panics_or_makes_calls_harms_nobody() {
    let (monitor, hand) = monitor();
    let inner = monitor.method("inner").expect("a good name");
    monitor.set_exemplars(move || {
        inner.start().finish(Outcome::Success);
        panic!("a provider's own fault")
    });
    call(monitor, &hand, Duration::from_millis(1), Outcome::Success);
    assert_eq!(kept(monitor), []);
    let snapshot = monitor.snapshot();
    assert_eq!(snapshot.tasks.completed, 2);
}
