//! Label sets leave the page after `idle_series` without a call, and come back with the next one.

use std::time::Duration;

use crate::data::catalog::Profile;
use crate::export::exposition::{Format, encode_snapshot};
use crate::{Clock, ManualClock, Monitor, Outcome, StorageConfig};

const IDLE: Duration = Duration::from_secs(60);

fn monitor(idle_series: Duration) -> (Monitor, ManualClock) {
    let config = StorageConfig {
        idle_series,
        ..StorageConfig::default()
    };
    let (clock, hand) = Clock::manual(1_700_000_000.0);
    (Monitor::with_clock(config, clock), hand)
}

fn start(monitor: Monitor, tenant: &str) -> crate::CallGuard {
    let method = monitor.method("Idle").expect("a good name");
    let labelled = method.with_labels(&[("tenant", tenant)]);
    let mut call = labelled.expect("a good label").start();
    call.observe("tokens", 5.0);
    call
}

fn call(monitor: Monitor, tenant: &str) {
    start(monitor, tenant).finish(Outcome::Success);
}

fn page(monitor: Monitor) -> String {
    let (mut page, profile) = (Vec::new(), Profile::Prometheus);
    encode_snapshot(
        &monitor.snapshot(),
        profile,
        &[],
        Format::Text004,
        &mut page,
    );
    String::from_utf8(page).expect("a page is text")
}

/// The lines of a page that hold a text, and how many.
fn lines(page: &str, text: &str) -> usize {
    page.lines().filter(|line| line.contains(text)).count()
}

fn value<'a>(page: &'a str, series: &str) -> Option<&'a str> {
    page.lines().find_map(|line| line.strip_prefix(series))
}

#[test]
fn a_label_set_nobody_calls_leaves_the_page_and_comes_back_with_its_counts() {
    let (monitor, hand) = monitor(IDLE);
    call(monitor, "a");
    call(monitor, "b");
    assert!(lines(&page(monitor), "tenant=\"a\"") > 0);
    hand.advance(IDLE / 2);
    call(monitor, "b");
    page(monitor);
    hand.advance(IDLE / 2);
    let without = page(monitor);
    assert_eq!(lines(&without, "tenant=\"a\""), 0, "{without}");
    assert!(lines(&without, "tenant=\"b\"") > 0, "{without}");
    let series = "monitor_series{family=\"service_requests_total\"}";
    assert_eq!(value(&without, series), Some(" 1"));
    call(monitor, "a");
    let again = page(monitor);
    let requests = "service_requests_total{method=\"Idle\",tenant=\"a\"}";
    assert_eq!(value(&again, requests), Some(" 2"), "{again}");
}

#[test]
fn totals_keep_what_is_not_on_the_page() {
    let (monitor, hand) = monitor(IDLE);
    call(monitor, "a");
    let before = page(monitor);
    hand.advance(IDLE);
    let after = page(monitor);
    assert!(lines(&after, "tenant=\"a\"") < lines(&before, "tenant=\"a\""));
    let sum = |snapshot: &crate::data::snapshot::Snapshot| -> u64 {
        snapshot.methods.iter().map(|one| one.started).sum()
    };
    let snapshot = monitor.snapshot();
    assert_eq!((snapshot.tasks.completed, sum(&snapshot)), (1, 1));
    let unlabelled = |page: &str| -> Vec<String> {
        let counts = page.lines().filter(|line| line.contains("_count "));
        counts.map(str::to_owned).collect()
    };
    assert_eq!(unlabelled(&after), unlabelled(&before));
}

#[test]
fn one_with_a_call_in_flight_stays_and_is_seen_when_it_ended() {
    let (monitor, hand) = monitor(IDLE);
    let running = start(monitor, "a");
    page(monitor);
    hand.advance(IDLE * 3);
    assert!(lines(&page(monitor), "tenant=\"a\"") > 0);
    hand.advance(IDLE * 3);
    running.finish(Outcome::Success);
    assert!(lines(&page(monitor), "tenant=\"a\"") > 0);
    hand.advance(IDLE);
    assert_eq!(lines(&page(monitor), "tenant=\"a\""), 0);
}

#[test]
fn what_is_no_series_made_at_run_time_stays() {
    for (idle, gone) in [(IDLE, true), (Duration::ZERO, false)] {
        let (monitor, hand) = monitor(idle);
        let plain = monitor.method("Plain").expect("a good name");
        plain.start().finish(Outcome::Success);
        call(monitor, "a");
        page(monitor);
        hand.advance(IDLE * 9);
        let page = page(monitor);
        assert!(lines(&page, "method=\"Plain\"") > 0, "{page}");
        assert_eq!(lines(&page, "tenant=\"a\"") == 0, gone, "{page}");
    }
}
