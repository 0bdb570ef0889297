//! Bounds on the page: those of the profile, and those that the configuration puts in their place.

use monitor_core::config::Buckets;
use monitor_core::exposition::{Format, encode_snapshot};
use monitor_core::names::Profile;
use monitor_core::{
    Clock, DEFAULT_BUCKETS, DEFAULT_SIZE_BUCKETS, Keep, ManualClock, MetricDesc, Monitor, Outcome,
    SIZE_BOUNDS, StartUpWarning, StorageConfig, TIME_BOUNDS,
};

fn buckets(bounds: &[f64]) -> Buckets {
    Buckets::try_new(bounds.iter().copied()).expect("good bounds")
}

fn config(time: &[f64], size: &[f64]) -> StorageConfig {
    let mut config = StorageConfig::default();
    (config.buckets, config.size_buckets) = (Some(buckets(time)), Some(buckets(size)));
    config
}

fn monitor(config: StorageConfig) -> (Monitor, ManualClock) {
    let (clock, hand) = Clock::manual(0.0);
    (Monitor::with_clock(config, clock), hand)
}

fn call(monitor: Monitor, hand: &ManualClock, seconds: f64) {
    let mut call = monitor.method("Get").expect("a good name").start();
    call.request_size(777);
    hand.advance(std::time::Duration::from_secs_f64(seconds));
    call.finish(Outcome::Success);
}

fn page(monitor: Monitor, profile: Profile, format: Format) -> String {
    let mut page = Vec::new();
    encode_snapshot(&monitor.snapshot(), profile, &[], format, &mut page);
    String::from_utf8(page).expect("text")
}

/// The buckets of a family's lines that hold `label`: bound and count.
fn lines(monitor: Monitor, profile: Profile, family: &str, label: &str) -> Vec<(f64, u64)> {
    let page = page(monitor, profile, Format::Text004);
    let start = format!("{family}_bucket{{");
    let lines = page
        .lines()
        .filter(|line| line.starts_with(&start) && line.contains(label));
    let bucket = |line: &str| {
        let (_, rest) = line.split_once("le=\"").expect("a bound");
        let (bound, rest) = rest.split_once('"').expect("a bound");
        let (_, count) = rest.rsplit_once(' ').expect("a count");
        let bound = bound.replace("+Inf", "inf");
        (bound.parse().expect(line), count.parse().expect(line))
    };
    lines.map(bucket).collect()
}

fn bounds(lines: &[(f64, u64)]) -> Vec<f64> {
    let finite = lines.iter().filter(|(bound, _)| bound.is_finite());
    finite.map(|(bound, _)| *bound).collect()
}

#[test]
fn each_profile_has_its_own_bounds_of_the_same_calls() {
    let (monitor, hand) = monitor(StorageConfig::default());
    for seconds in [0.02, 0.2, 0.3, 4.0, 7000.0] {
        call(monitor, &hand, seconds);
    }
    let ok = "status=\"success\"";
    let lines = |profile, family, label| lines(monitor, profile, family, label);
    let page = lines(Profile::Prometheus, "service_request_duration_seconds", ok);
    assert_eq!(bounds(&page), DEFAULT_BUCKETS);
    let above = |bound: f64| page.iter().find(|(at, _)| *at >= bound);
    let below = |bound| above(bound).expect("a bucket").1;
    let counts = [0.01, 0.025, 0.1, 0.25, 0.5, 2.5, 5.0, f64::INFINITY].map(below);
    assert_eq!(counts, [0, 1, 1, 2, 3, 3, 4, 5]);
    let page = lines(Profile::Servicekit, "stats_hist_time_full", "Get");
    assert_eq!(bounds(&page), TIME_BOUNDS);
    let page = lines(Profile::Prometheus, "service_request_size_bytes", "Get");
    assert_eq!(bounds(&page), DEFAULT_SIZE_BUCKETS);
    assert_eq!(page[1..3], [(500.0, 0), (1000.0, 5)]);
    let page = lines(Profile::Servicekit, "stats_hist_request_size", "Get");
    assert_eq!(bounds(&page), SIZE_BOUNDS);
}

#[test]
fn configured_bounds_replace_the_common_ones_in_both_profiles() {
    let (monitor, hand) = monitor(StorageConfig::default());
    monitor.method("Get").expect("known before it is called");
    monitor.configure(config(&[0.07, 0.3, 11.0], &[700.0, 800.0]));
    let mine = MetricDesc::new("mine", "With bounds of its own.");
    let mine = monitor.register_histogram(mine, &[1.0, 2.0]).expect("free");
    mine.observe(1.5);
    for seconds in [0.05, 0.2, 0.3, 12.0] {
        call(monitor, &hand, seconds);
    }
    monitor
        .append_stats("wait_time", 0.2, Keep::Default)
        .expect("a list");
    let ok = "status=\"success\"";
    let [first, other] = [
        (Profile::Prometheus, "service_request_duration_seconds", ok),
        (Profile::Servicekit, "stats_hist_time_full", ""),
    ]
    .map(|(profile, family, label)| lines(monitor, profile, family, label));
    assert_eq!(first, [(0.07, 1), (0.3, 3), (11.0, 3), (f64::INFINITY, 4)]);
    assert_eq!(first, other);
    let all = "tasks_time_spent_quantile";
    let all = lines(monitor, Profile::Servicekit, all, "");
    assert_eq!(first, all);
    let [sizes, waits, mine] = [
        "service_request_size_bytes",
        "service_wait_time_seconds",
        "mine",
    ]
    .map(|family| lines(monitor, Profile::Prometheus, family, ""));
    assert_eq!(sizes, [(700.0, 0), (800.0, 4), (f64::INFINITY, 4)]);
    assert_eq!(waits, [(0.07, 0), (0.3, 1), (11.0, 1), (f64::INFINITY, 1)]);
    assert_eq!(mine, [(1.0, 0), (2.0, 1), (f64::INFINITY, 1)]);
    assert_eq!(monitor.start_up_warnings(Profile::Prometheus), []);
}

#[test]
fn a_method_that_was_called_before_lacks_bounds_and_a_warning_names_it() {
    let (monitor, hand) = monitor(StorageConfig::default());
    call(monitor, &hand, 0.2);
    monitor.configure(config(&[0.07, 0.25, 0.3, 10.0], &[700.0, 1000.0]));
    call(monitor, &hand, 0.28);
    let later = monitor.method("Put").expect("a good name").start();
    hand.advance(std::time::Duration::from_millis(60));
    later.finish(Outcome::Success);
    let of = |method: &str| {
        let label = format!("method=\"{method}\",status=\"success\"");
        let family = "service_request_duration_seconds";
        let mut lines = lines(monitor, Profile::Prometheus, family, &label);
        lines.retain(|(_, count)| *count > 0);
        lines
    };
    let inf = f64::INFINITY;
    assert_eq!(of("Get"), [(0.25, 1), (10.0, 2), (inf, 2)]);
    let put = [(0.07, 1), (0.25, 1), (0.3, 1), (10.0, 1), (inf, 1)];
    assert_eq!(of("Put"), put);
    let all = "tasks_time_spent_quantile";
    let all = lines(monitor, Profile::Servicekit, all, "");
    assert_eq!(all, [(0.25, 2), (10.0, 3), (f64::INFINITY, 3)]);
    let (method, missing) = ("Get".into(), 2);
    let expected = StartUpWarning::MissingBuckets { method, missing };
    assert_eq!(
        expected.to_string(),
        "the method `Get` was called before `buckets` were configured: its durations lack 2 of these bounds"
    );
    assert_eq!(monitor.start_up_warnings(Profile::Prometheus), [expected]);
}

#[test]
fn as_many_bounds_as_can_be_are_all_counted() {
    let many: Vec<f64> = (1..=100).map(f64::from).collect();
    let (monitor, hand) = monitor(config(&many, &many));
    for seconds in [0.5, 62.5, 63.5, 64.5, 99.5, 200.0] {
        call(monitor, &hand, seconds);
    }
    let lines = |family, label| lines(monitor, Profile::Prometheus, family, label);
    let page = lines("service_request_duration_seconds", "status=\"success\"");
    assert_eq!(bounds(&page), many);
    let below = [1, 62, 63, 64, 65, 99, 100].map(|at| page[at - 1].1);
    assert_eq!(below, [1, 1, 2, 3, 4, 4, 5]);
    assert_eq!(page.last(), Some(&(f64::INFINITY, 6)));
    let sizes = lines("service_request_size_bytes", "");
    assert_eq!(sizes[99..], [(100.0, 0), (f64::INFINITY, 6)]);
}

/// A provider that is set before the first call of a method, and before bounds are configured, is asked all the same.
#[test]
fn exemplars_stand_at_buckets_of_the_page_whenever_the_provider_was_set() {
    use monitor_core::exemplar::Exemplar;
    let (monitor, hand) = monitor(StorageConfig::default());
    monitor.set_exemplars(|| Some(Exemplar::new([("trace_id", "1")])));
    monitor.configure(config(&[0.1, 7.0], &[1.0]));
    call(monitor, &hand, 0.2);
    hand.advance(std::time::Duration::from_secs(100));
    call(monitor, &hand, 5.0);
    let page = page(monitor, Profile::Prometheus, Format::OpenMetrics100);
    let mut exemplars = page.lines().filter(|line| line.contains("trace_id"));
    let line = exemplars.next().expect("one");
    let is_there = line.contains("le=\"7.0\"") && line.contains(" 5 ");
    assert!(is_there, "{line}");
    assert_eq!(exemplars.next(), None);
}
