//! Real Prometheus servers of three generations scrape native histograms of a load whose quantiles are known, and the
//! classic series beside them.
//!
//! The calls are made by hand on a clock that stands still otherwise, so no series of the load changes between scrapes; in
//! the end some are made beside the scrapes.
//! Needs the program `prometheus`, and further versions as in `prometheus.rs`: without one its test prints `SKIPPED`.

mod programs;
mod prometheus_server;
mod textprocessor;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use monitor_core::exemplar::Exemplar;
use monitor_core::family::ChildValue;
use monitor_core::names::{Profile, families};
use monitor_core::{Clock, Keep, MetricDesc, Monitor, Outcome, StorageConfig, TIME_BOUNDS};
use monitor_server::{MetricServer, MetricServerHandle, MonitorConfig};
use prometheus_server::relay::{self, Seen};
use prometheus_server::version::{BUCKET_LIMIT, Version};
use prometheus_server::{Job, Key, Prometheus, Series, at_rest, check, unix_now};
use textprocessor::{Page, eventually, get};

const PROTOBUF: &str = "application/vnd.google.protobuf";

/// A scraper that takes nothing but the text format.
const TEXT_ONLY: &str = "text/plain;version=0.0.4";

/// How far a quantile of Prometheus may be from the true one, as a part of it: a bucket is 9 % wide.
const TOLERANCE: f64 = 0.05;

const QUANTILES: [f64; 4] = [0.25, 0.5, 0.9, 0.99];

/// Calls of each method.
const CALLS: u32 = 2000;

/// The key of a server that offers native histograms.
const ON: &str = "native_histograms: true";

#[test]
fn prometheus_reads_native_histograms() {
    let program = Path::new("prometheus");
    if programs::is_installed(program, "prometheus_reads_native_histograms") {
        reads_native_histograms(program);
    }
}

#[test]
#[ignore = "slow matrix: scripts/test --all"]
fn prometheus_2_42_reads_native_histograms() {
    let test = "prometheus_2_42_reads_native_histograms";
    programs::where_named("PROMETHEUS_2_42", test, reads_native_histograms);
}

#[test]
#[ignore = "slow matrix: scripts/test --all"]
fn prometheus_2_53_reads_native_histograms() {
    let test = "prometheus_2_53_reads_native_histograms";
    programs::where_named("PROMETHEUS_2_53", test, reads_native_histograms);
}

#[test]
#[ignore = "slow matrix: scripts/test --all"]
fn prometheus_3_reads_native_histograms() {
    let test = "prometheus_3_reads_native_histograms";
    programs::where_named("PROMETHEUS_3", test, reads_native_histograms);
}

fn reads_native_histograms(program: &Path) {
    let version = Version::of(program);
    let load = Load::new();
    for profile in Profile::ALL {
        let service = Service::start(&load, profile);
        with_native_on(program, version, &service);
        with_native_off(program, version, &service);
        with_start_timestamps(program, version, &service);
    }
    of_both_kinds(program, version);
    under_load(program, version);
}

/// A load, and two servers of its page: one offers native histograms, one does not.
struct Service<'l> {
    load: &'l Load,
    profile: Profile,
    offers: MetricServerHandle,
    does_not: MetricServerHandle,
}

impl<'l> Service<'l> {
    fn start(load: &'l Load, profile: Profile) -> Self {
        let served = |key| {
            let yaml = format!("profile: {profile}\n{key}");
            let config = MonitorConfig::from_yaml(&yaml).expect("a good configuration");
            MetricServer::with_config(&config, load.monitor)
                .run_in_thread((Ipv4Addr::LOCALHOST, 0))
                .expect("a free port")
        };
        Self {
            load,
            profile,
            offers: served(ON),
            does_not: served(""),
        }
    }

    /// The name of a family by profile.
    fn name(&self, of: Of) -> &'static str {
        match (of, self.profile) {
            (Of::Durations, Profile::Servicekit) => "stats_hist_time_full",
            (Of::Durations, _) => "service_request_duration_seconds",
            (Of::Sizes, Profile::Servicekit) => "stats_hist_request_size",
            (Of::Sizes, _) => "service_request_size_bytes",
            (Of::Waits, _) => "load_wait_seconds",
            (Of::Bare, _) => "load_bare",
            (Of::Started, Profile::Servicekit) => "started_total",
            (Of::Started, _) => "service_tasks_started_total",
        }
    }

    fn offers(&self) -> SocketAddr {
        self.offers.local_addr()
    }

    fn does_not(&self) -> SocketAddr {
        self.does_not.local_addr()
    }

    /// The series of the text page, without those that scrapes change.
    fn page(&self) -> Series {
        at_rest(Page::parse(&get(self.offers(), "/metrics").body).samples)
    }
}

impl Drop for Service<'_> {
    fn drop(&mut self) {
        self.offers.shutdown();
        self.does_not.shutdown();
    }
}

/// Families of the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Of {
    Durations,
    Sizes,
    /// A registered histogram, of a range that its buckets are made wider for.
    Waits,
    /// A registered histogram without bounds of its own: of its classic buckets it has the last alone.
    Bare,
    Started,
}

/// Calls whose durations and sizes are known.
struct Load {
    monitor: Monitor,
    /// Family and method to the observed values, in ascending order.
    observed: BTreeMap<(Of, &'static str), Vec<f64>>,
    /// When the storage was made, seconds since 1970.
    created: f64,
}

impl Load {
    /// `Slow` takes 1 ms to 1 s, `Fast` 40 ns to 4 us, and `Absent` is never called. Every tenth call fails.
    fn new() -> Self {
        // The clock is not yet at the time of the scrapes when the load ends.
        let created = unix_now() - 600.0;
        let (clock, hand) = Clock::manual(created);
        let monitor = Monitor::with_clock(StorageConfig::default(), clock);
        monitor.set_exemplars(|| Some(Exemplar::new([("trace_id", "4bf92f3577b34da6")])));
        let method = |name| monitor.method(name).expect("a name");
        let waits = MetricDesc::new("load_wait", "How long jobs wait.").unit("seconds");
        let waits = waits.labels(["method"]).native();
        let waits = monitor.register_histogram(waits, &TIME_BOUNDS);
        let waits = waits.expect("a good metric");
        let bare = MetricDesc::new("load_bare", "Of no unit.")
            .labels(["method"])
            .native();
        let bare = monitor.register_histogram(bare, &[]);
        let bare = bare.expect("a good metric");
        // Its name is the first: to 2.42 all histograms of a family are of the kind of the first.
        method("Absent");
        let mut observed: BTreeMap<_, Vec<f64>> = BTreeMap::new();
        for (name, least, most) in [("Slow", 1e-3, 1.0), ("Fast", 40e-9, 4e-6)] {
            for number in 0..CALLS {
                let part = (f64::from(number) + 0.5) / f64::from(CALLS);
                let took = Duration::from_secs_f64(spread(least, most, part));
                let size = spread(100.0, 1e6, part).round();
                let mut call = method(name).start();
                hand.advance(took);
                call.request_size(whole(size));
                call.finish(match number % 10 {
                    0 => Outcome::ErrorType("other"),
                    _ => Outcome::Success,
                });
                let wait = spread(1e-6, 1e4, part);
                waits.with([name]).observe(wait);
                bare.with([name]).observe(size);
                let mut push = |of, value| {
                    observed.entry((of, name)).or_default().push(value);
                };
                push(Of::Durations, took.as_secs_f64());
                push(Of::Sizes, size);
                push(Of::Waits, wait);
                push(Of::Bare, size);
            }
        }
        Self {
            monitor,
            observed,
            created,
        }
    }

    /// The least value that so many of the observations are not above, as a part of them.
    fn quantile(observed: &[f64], part: f64) -> f64 {
        let mut at = 0;
        while f64::from(u32::try_from(at + 1).unwrap_or(u32::MAX)) < part * f64::from(CALLS) {
            at += 1;
        }
        observed[at]
    }

    /// When and how long each of its exemplars was, in milliseconds since 1970 and in seconds.
    fn exemplars(&self, profile: Profile) -> Vec<(String, String)> {
        let families = families(&self.monitor.snapshot(), profile);
        let children = families.iter().flat_map(|family| &family.children);
        let kept = children.filter_map(|child| match &child.value {
            ChildValue::Histogram(histogram) => Some(&histogram.exemplars),
            _ => None,
        });
        kept.flatten()
            .map(|kept| (milliseconds(kept.at), kept.seconds.to_string()))
            .collect()
    }
}

/// The value in this part of a range, in the logarithm.
fn spread(least: f64, most: f64, part: f64) -> f64 {
    least * (most / least).powf(part)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a size of at most 1e6"
)]
fn whole(size: f64) -> u64 {
    size as u64
}

/// As Prometheus writes a time.
fn milliseconds(seconds: f64) -> String {
    format!("{:.3}", (seconds * 1000.0).floor() / 1000.0)
}

fn with_native_on(program: &Path, version: Version, service: &Service) {
    let native = version.native_key();
    let (offers, seen) = relay::observe(service.offers());
    let (does_not, seen_without) = relay::observe(service.does_not());
    let text = relay::start(service.offers(), TEXT_ONLY);
    let mut jobs = vec![
        Job::new("native", offers).with(native),
        Job::new("without", does_not).with(native),
        Job::new("text", text).with(native),
    ];
    if let Some(key) = version.classic_key() {
        jobs.push(Job::new("both", service.offers()).with(native).with([key]));
    }
    if let Some(key) = version.limit_key() {
        jobs.push(
            Job::new("limited", service.offers())
                .with(native)
                .with([key]),
        );
    }
    if let Some(key) = version.convert_key() {
        jobs.push(Job::new("converted", text).with(native).with([key]));
        let native_too = Job::new("converted-native", service.offers());
        jobs.push(native_too.with(native).with([key]));
    }
    let features: Vec<&str> = version.native_feature().into_iter().collect();
    let prometheus = Prometheus::start(program, &features, &jobs);
    scraped(&prometheus, &jobs);

    check_protobuf(&seen);
    check_no_protobuf(&seen_without);
    let page = service.page();
    let stored = |job| at_rest(prometheus.series(job));
    check("text", &page, &stored("text"));
    check("without", &page, &stored("without"));
    check_native(&prometheus, "native", service, &page);
    check("native", &without_histograms(&page), &stored("native"));
    check_exemplars(&prometheus, version, service);
    if version.classic_key().is_some() {
        check_native(&prometheus, "both", service, &page);
        check("both", &page, &stored("both"));
    }
    if version.limit_key().is_some() {
        check_limited(&prometheus, &page);
    }
    if version.convert_key().is_some() {
        check_converted(&prometheus, service, &page);
        check_native(&prometheus, "converted-native", service, &page);
    }
}

/// Waits for a scrape of each job.
fn scraped(prometheus: &Prometheus, jobs: &[Job]) {
    for job in jobs {
        eventually("the first scrape", || prometheus.is_up(&job.name));
    }
}

/// Each page that Prometheus got was in protobuf.
fn check_protobuf(seen: &Seen) {
    for one in seen.all() {
        assert!(one.accept.contains(PROTOBUF), "{one:?}");
        assert!(one.content_type.starts_with(PROTOBUF), "{one:?}");
    }
}

/// None was.
fn check_no_protobuf(seen: &Seen) {
    for one in seen.all() {
        assert!(!one.content_type.starts_with(PROTOBUF), "{one:?}");
    }
}

/// The series that belong to histograms, by the name of the family and without `le`.
fn histograms(page: &Series) -> BTreeMap<Key, (f64, f64)> {
    let sums = page.iter().filter_map(|((name, labels), sum)| {
        let family = name.strip_suffix("_sum")?;
        let of = |suffix: &str| page.get(&(format!("{family}{suffix}"), labels.clone()));
        Some(((family.to_owned(), labels.clone()), (*of("_count")?, *sum)))
    });
    sums.collect()
}

/// What is left of a page without the series of its histograms.
fn without_histograms(page: &Series) -> Series {
    let all = histograms(page);
    without(page, |key| all.contains_key(key))
}

/// What is left without the series of some histograms, given by the name of the family and without `le`.
fn without(page: &Series, are_out: impl Fn(&Key) -> bool) -> Series {
    let is_out = |(name, labels): &Key| {
        ["_bucket", "_count", "_sum"].iter().any(|suffix| {
            let mut labels = labels.clone();
            labels.remove("le");
            let family = name.strip_suffix(suffix);
            family.is_some_and(|family| are_out(&(family.to_owned(), labels)))
        })
    };
    let mut page = page.clone();
    page.retain(|key, _| !is_out(key));
    page
}

/// Counts and sums of the native histograms of a job, without those about the server.
fn totals(prometheus: &Prometheus, job: &str) -> BTreeMap<Key, (f64, f64)> {
    let stored = prometheus.native(job).into_iter();
    stored
        .filter(|((name, _), _)| !name.starts_with("monitor_"))
        .map(|(key, totals)| (key, (totals.count, totals.sum)))
        .collect()
}

/// Each histogram of the page is a native one, of as many observations and the same sum, whose quantiles are true.
fn check_native(prometheus: &Prometheus, job: &str, service: &Service, page: &Series) {
    let stored = totals(prometheus, job);
    assert_eq!(stored, histograms(page), "{job}");
    let idle = |(name, labels): &&Key| {
        name == service.name(Of::Durations) && labels.get("method").is_some_and(|of| of == "Absent")
    };
    let idle: Vec<_> = stored.keys().filter(idle).map(|key| stored[key]).collect();
    assert!(!idle.is_empty(), "{job}: a method never called");
    assert!(idle.iter().all(|totals| *totals == (0.0, 0.0)), "{idle:?}");
    for ((of, method), observed) in &service.load.observed {
        let family = service.name(*of);
        let all = format!("sum({family}{{job=\"{job}\",method=\"{method}\"}})");
        let count = prometheus.number(&format!("histogram_count({all})"));
        assert!((count - f64::from(CALLS)).abs() < 0.5, "{all}: {count}");
        for part in QUANTILES {
            let query = format!("histogram_quantile({part}, {all})");
            let (found, truth) = (prometheus.number(&query), Load::quantile(observed, part));
            assert!(
                (found / truth - 1.0).abs() <= TOLERANCE,
                "{query} is {found}, and {truth} in truth"
            );
        }
    }
}

/// Under a limit of buckets Prometheus makes them wider, and no scrape fails.
fn check_limited(prometheus: &Prometheus, page: &Series) {
    let stored = prometheus.native("limited");
    for (key, (count, sum)) in histograms(page) {
        let found = stored.get(&key).expect("it is stored");
        assert_eq!((found.count, found.sum), (count, sum), "{key:?}");
        assert!(found.buckets <= BUCKET_LIMIT, "{key:?}: {found:?}");
    }
    let native = prometheus.native("native");
    let most = native.values().map(|found| found.buckets).max();
    assert!(
        most > Some(BUCKET_LIMIT),
        "{most:?}: no more than the limit"
    );
}

/// The classic histograms of the text page are one series each, with the bounds of the page: quantiles are as good as
/// the page's are.
fn check_converted(prometheus: &Prometheus, service: &Service, page: &Series) {
    let stored = at_rest(prometheus.series("converted"));
    check("converted", &without_histograms(page), &stored);
    assert_eq!(totals(prometheus, "converted"), histograms(page));
    let family = service.name(Of::Durations);
    for part in QUANTILES {
        let one = format!(
            "histogram_quantile({part}, sum({family}{{job=\"converted\",method=\"Slow\"}}))"
        );
        let other = format!(
            "histogram_quantile({part}, sum by (le) ({family}_bucket{{job=\"text\",method=\"Slow\"}}))"
        );
        let (one, other) = (prometheus.number(&one), prometheus.number(&other));
        assert!((one / other - 1.0).abs() < 1e-9, "{part}: {one}, {other}");
    }
}

/// What came with the native series are exemplars of the load, the newest one among them where the version keeps it.
fn check_exemplars(prometheus: &Prometheus, version: Version, service: &Service) {
    let stored = prometheus.exemplars("native");
    let stored: Vec<(String, String)> = stored
        .iter()
        .map(|exemplar| {
            let value = exemplar["value"].as_str().expect("a number as text");
            let at = exemplar["timestamp"].as_f64().expect("a time");
            assert_eq!(exemplar["labels"]["trace_id"], "4bf92f3577b34da6");
            let value: f64 = value.parse().expect("a number");
            (format!("{at:.3}"), value.to_string())
        })
        .collect();
    let ours = service.load.exemplars(service.profile);
    for one in &stored {
        assert!(ours.contains(one), "{one:?} is none of ours: {ours:?}");
    }
    assert!(!stored.is_empty());
    if version.stores_all_exemplars() {
        let newest = ours.iter().max().expect("the load leaves some");
        assert!(stored.contains(newest), "{newest:?} in {stored:?}");
    }
}

fn with_native_off(program: &Path, version: Version, service: &Service) {
    let (offers, seen) = relay::observe(service.offers());
    let mut jobs = vec![Job::new("off", offers)];
    if let Some(key) = version.protobuf_key() {
        jobs.push(Job::new("asks", service.offers()).with([key]));
        jobs.push(Job::new("asks-in-vain", service.does_not()).with([key]));
    }
    let prometheus = Prometheus::start(program, &[], &jobs);
    scraped(&prometheus, &jobs);

    check_no_protobuf(&seen);
    let page = service.page();
    let stored = |job| at_rest(prometheus.series(job));
    check("off", &page, &stored("off"));
    assert!(prometheus.native("off").is_empty());
    if version.protobuf_key().is_some() {
        check("asks-in-vain", &page, &stored("asks-in-vain"));
        assert!(prometheus.native("asks").is_empty());
        let mut stored = stored("asks");
        if version.loses_durations() {
            // The reason why a server does not offer protobuf unless it is told to. Some versions store a number under
            // the name of each histogram, which is not one of the page.
            let lost = histograms(&page);
            stored.retain(|key, _| !lost.contains_key(key));
            check("asks", &without_histograms(&page), &stored);
        } else {
            check("asks", &page, &stored);
        }
    }
}

/// Counters and, since 3.0, native histograms begin with a zero at the time the storage was made, so that a rate over the first scrape is true. In a server
/// of its own: one that stores these zeros cannot convert classic histograms.
fn with_start_timestamps(program: &Path, version: Version, service: &Service) {
    let Some(feature) = version.zeros_feature() else {
        return;
    };
    let features: Vec<&str> = version
        .native_feature()
        .into_iter()
        .chain([feature])
        .collect();
    let job = Job::new("zeros", service.offers()).with(version.native_key());
    let prometheus = Prometheus::start(program, &features, std::slice::from_ref(&job));
    scraped(&prometheus, &[job]);

    let started = format!("{}{{job=\"zeros\"}}", service.name(Of::Started));
    let at_start = format!("{started} @ {:.3}", service.load.created + 1.0);
    let first = prometheus.number(&at_start);
    assert!(first.abs() < 0.5, "{at_start} is {first}");
    let durations = format!("{}{{job=\"zeros\"}}", service.name(Of::Durations));
    let count_at = format!(
        "histogram_count(sum({durations} @ {:.3}))",
        service.load.created + 1.0
    );
    let rate = format!("histogram_count(sum(rate({durations}[1h])))");
    if version.stores_native_zeros() {
        let first = prometheus.number(&count_at);
        assert!(first.abs() < 0.5, "{count_at} is {first}");
        assert!(prometheus.number(&rate) > 0.0, "{rate}");
    } else {
        // A number among histograms: no rate over it can be had.
        assert_eq!(prometheus.query(&count_at), Series::new());
        assert_eq!(prometheus.query(&rate), Series::new());
    }
    let growth = format!("{started} - min_over_time({started}[1h])");
    let growth = prometheus.number(&growth);
    assert!((growth - f64::from(CALLS * 2)).abs() < 0.5, "{growth}");
}

/// Families of which some histograms are native and some are not: the values of a key beside those of calls, and a
/// registry's histogram under the name of the storage's. Each is stored with its observations, and no scrape fails.
fn of_both_kinds(program: &Path, version: Version) {
    let (clock, hand) = Clock::manual(unix_now() - 60.0);
    let monitor = Monitor::with_clock(StorageConfig::default(), clock);
    let mut call = monitor.method("Calls").expect("a name").start();
    hand.advance(Duration::from_millis(3));
    call.request_size(1000);
    call.finish(Outcome::Success);
    let kept = monitor.append_stats("request_size", 2000.0, Keep::Default);
    kept.expect("a good key");
    let durations = "service_request_duration_seconds";
    let buckets = vec![0.001, 0.1];
    let other = prometheus::HistogramOpts::new(durations, "Of another.").buckets(buckets);
    let other = other.const_label("of", "registry");
    let other = prometheus::Histogram::with_opts(other).expect("good options");
    other.observe(0.05);
    let registry = prometheus::Registry::new();
    registry.register(Box::new(other)).expect("a free name");

    let mut jobs = Vec::new();
    let servers = Profile::ALL.map(|profile| {
        let yaml = format!("profile: {profile}\n{ON}");
        let config = MonitorConfig::from_yaml(&yaml).expect("a good configuration");
        let server = MetricServer::with_config(&config.registry(registry.clone()), monitor)
            .run_in_thread((Ipv4Addr::LOCALHOST, 0))
            .expect("a free port");
        let name = format!("mixed-{profile}");
        jobs.push(Job::new(&name, server.local_addr()).with(version.native_key()));
        server
    });
    let features: Vec<&str> = version.native_feature().into_iter().collect();
    let prometheus = Prometheus::start(program, &features, &jobs);
    scraped(&prometheus, &jobs);
    for (job, server) in jobs.iter().zip(&servers) {
        let page = at_rest(Page::parse(&get(server.local_addr(), "/metrics").body).samples);
        let all = histograms(&page);
        let mut native = prometheus.native(&job.name);
        native.retain(|(name, _), _| !name.starts_with("monitor_"));
        for (key, found) in &native {
            assert_eq!(all.get(key), Some(&(found.count, found.sum)), "{key:?}");
            assert!(found.buckets > 0 || found.count < 0.5, "{key:?} is empty");
        }
        // The series of all others.
        let classic = without(&page, |key| native.contains_key(key));
        check(&job.name, &classic, &at_rest(prometheus.series(&job.name)));
    }
    for server in servers {
        server.shutdown();
    }
}

/// Threads come, call and go beside the scrapes: no count ever falls, and both kinds of buckets have equal counts in each
/// scrape.
fn under_load(program: &Path, version: Version) {
    let monitor = Monitor::new(StorageConfig::default());
    let config = MonitorConfig::from_yaml(ON).expect("a good configuration");
    let server = MetricServer::with_config(&config, monitor)
        .run_in_thread((Ipv4Addr::LOCALHOST, 0))
        .expect("a free port");
    let keys = version
        .native_key()
        .into_iter()
        .chain(version.classic_key());
    let job = Job {
        interval: Duration::from_secs(1),
        ..Job::new("live", server.local_addr()).with(keys)
    };
    let features: Vec<&str> = version.native_feature().into_iter().collect();
    let prometheus = Prometheus::start(program, &features, std::slice::from_ref(&job));
    let scrapes = "count_over_time(up{job=\"live\"}[5m])";
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let _stop = OnDrop(&over);
        for name in ["One", "Two"] {
            let over = &over;
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let thread = thread::spawn(move || burst(monitor, name));
                    thread.join().expect("no call panics");
                }
            });
        }
        eventually("eight scrapes", || {
            prometheus
                .query(scrapes)
                .into_values()
                .any(|count| count > 7.5)
        });
    });
    // Prometheus refuses a histogram whose buckets are not as many observations as its count.
    prometheus.assert_always_up("live");
    server.shutdown();

    let native = "service_request_duration_seconds{job=\"live\"}";
    let count = format!("histogram_count(sum({native}))");
    assert!(prometheus.number(&count) > 1000.0, "the load ran");
    let resets = format!("resets({count}[5m:1s])");
    assert!(prometheus.number(&resets).abs() < 0.5, "{resets}");
    // Bucket by bucket; 2.42 knows no resets of native histograms.
    let resets = format!("sum(resets({native}[5m]))");
    assert!(prometheus.number(&resets).abs() < 0.5, "{resets}");
    if version.classic_key().is_some() {
        let classic = "sum(service_request_duration_seconds_count{job=\"live\"})";
        for extreme in ["max_over_time", "min_over_time"] {
            let more = format!("{extreme}(({count} - {classic})[5m:1s])");
            assert!(prometheus.number(&more).abs() < 0.5, "{more}");
        }
    }
}

/// Sets it when a scope ends, however it does: the scope waits for its threads.
struct OnDrop<'f>(&'f AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Calls of a thread that ends then; every tenth fails, and some take long.
fn burst(monitor: Monitor, name: &str) {
    let method = monitor.method(name).expect("a name");
    for number in 0..200 {
        let call = method.start();
        if number % 50 == 0 {
            thread::sleep(Duration::from_millis(2));
        }
        call.finish(match number % 10 {
            0 => Outcome::ErrorType("other"),
            _ => Outcome::Success,
        });
    }
}
