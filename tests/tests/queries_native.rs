//! What `docs/metrics.md` says of native histograms, against a real Prometheus: its queries in their classic and their native
//! form, over a load whose answers are known, and how they are turned on and off, step by step.
//!
//! Needs the program `prometheus`, and further versions as in `prometheus_native.rs`: without one its test prints `SKIPPED`.

mod programs;
mod prometheus_server;
mod textprocessor;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use monitor_core::metric::MetricDesc;
use monitor_core::names::Profile;
use monitor_core::{Clock, ManualClock, Method, Monitor, Outcome, StorageConfig};
use monitor_server::{MetricServer, MetricServerHandle, MonitorConfig};
use prometheus_server::version::Version;
use prometheus_server::{Job, Prometheus, unix_now};
use textprocessor::eventually;

const DOC: &str = include_str!("../../docs/metrics.md");

/// The headline of the pairs of queries.
const HEADLINE: &str = "\n### Queries in both forms\n";

/// The headline of the steps.
const STEPS: &str = "\n### Turning them on, and off again\n";

/// How far an answer may be from the true one, as a part of it: a native bucket is 9 % wide, a classic one of the quantiles
/// here more than twice as wide as its lower bound.
const NATIVE: f64 = 0.05;
const CLASSIC: f64 = 0.3;

/// Calls of `Pay` in a round, of which a twentieth is cancelled and three fail.
const PAY: u32 = 400;
/// Calls of `Ping`, all of which end well.
const PING: u32 = 100;

/// Labels, without those of the target, to value.
type Answer = BTreeMap<&'static str, f64>;

#[test]
fn queries_in_both_forms_have_the_true_answers() {
    let program = Path::new("prometheus");
    if programs::is_installed(program, "queries_in_both_forms_have_the_true_answers") {
        answers(program);
    }
}

#[test]
#[ignore = "slow matrix: scripts/test --all"]
fn queries_in_both_forms_have_the_true_answers_in_every_version() {
    for variable in ["PROMETHEUS_2_42", "PROMETHEUS_2_53", "PROMETHEUS_3"] {
        programs::where_named(variable, "queries of native histograms", answers);
    }
}

#[test]
fn the_steps_turn_native_histograms_on_and_off() {
    let program = Path::new("prometheus");
    if programs::is_installed(program, "the_steps_turn_native_histograms_on_and_off") {
        turned_on_and_off(program);
    }
}

#[test]
#[ignore = "slow matrix: scripts/test --all"]
fn the_steps_turn_native_histograms_on_and_off_in_every_version() {
    for variable in ["PROMETHEUS_2_53", "PROMETHEUS_3"] {
        programs::where_named(variable, "steps of native histograms", turned_on_and_off);
    }
}

/// The configuration that the document has for some versions of Prometheus.
#[derive(Debug)]
struct Setup {
    least: Version,
    /// `None` of the newest ones.
    most: Option<Version>,
    features: Vec<&'static str>,
    /// Of the job.
    keys: Vec<&'static str>,
}

impl Setup {
    /// From the line before the block, `2.46 to 2.55, started with ..`, and the block.
    fn new(head: &'static str, block: &'static str) -> Self {
        let (versions, flags) = head.split_once(',').expect("versions, then the flag");
        let mut versions = versions.split(" to ").map(version);
        let flags = flags.split("`--enable-feature=").skip(1);
        let keys = block.lines().map(str::trim);
        let keys = keys.map(|line| line.split(" #").next().unwrap_or(line));
        Self {
            least: versions.next().expect("one"),
            most: versions.next(),
            features: flags
                .map(|flag| flag.split('`').next().expect("its end"))
                .collect(),
            keys: keys.filter(|key| key.ends_with(": true")).collect(),
        }
    }

    fn is_for(&self, version: Version) -> bool {
        self.least <= version && self.most.is_none_or(|most| version <= most)
    }
}

/// `2.46` and `3.8 and later`.
fn version(text: &str) -> Version {
    let number = text.split(' ').next().unwrap_or(text);
    let (major, minor) = number.split_once('.').expect("two numbers");
    let [major, minor] = [major, minor].map(|part| part.parse().expect("a number"));
    Version(major, minor)
}

/// The steps, as far as the next headline.
fn steps() -> &'static str {
    let steps = DOC.split(STEPS).nth(1).expect("the section");
    steps.split("\n### ").next().unwrap_or(steps)
}

fn setups() -> Vec<Setup> {
    let parts: Vec<&str> = steps().split("```yaml\n").collect();
    let setups = parts.windows(2).map(|pair| {
        let head = pair[0].trim_end().lines().last().expect("a line");
        Setup::new(head, pair[1].split("```").next().expect("a block"))
    });
    setups.collect()
}

/// The queries by which the document checks: whether the target is up, the native histograms, the classic ones.
fn checks() -> [&'static str; 3] {
    let rows = steps().lines().filter_map(|row| row.strip_prefix("| `"));
    let queries: Vec<&str> = rows.filter_map(|row| row.split('`').next()).collect();
    queries.try_into().expect("three")
}

#[test]
fn the_setups_of_the_document_are_those_of_the_tests() {
    let setups = setups();
    assert_eq!(setups.len(), 3);
    for setup in &setups {
        for version in [Some(setup.least), setup.most].into_iter().flatten() {
            let feature: Vec<&str> = version.native_feature().into_iter().collect();
            let keys = [version.native_key(), version.classic_key()];
            assert_eq!(setup.features, feature, "{version:?}");
            assert_eq!(
                setup.keys,
                keys.into_iter().flatten().collect::<Vec<_>>(),
                "{version:?}"
            );
        }
    }
    for neighbours in setups.windows(2) {
        let most = neighbours[0].most.expect("only the newest has none");
        let next = neighbours[1].least;
        assert!(
            next == Version(most.0, most.1 + 1) || next == Version(most.0 + 1, 0),
            "{most:?}, {next:?}"
        );
    }
}

const ON: &str = "native_histograms: true";
const OFF: &str = "native_histograms: false";

/// The pages of this monitor, at this address if there is one.
fn serve(monitor: Monitor, key: &str, at: Option<SocketAddr>) -> MetricServerHandle {
    let config = MonitorConfig::from_yaml(key).expect("a good configuration");
    let at = at.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, 0).into());
    let server = MetricServer::with_config(&config, monitor);
    server.run_in_thread(at).expect("the address is free")
}

fn turned_on_and_off(program: &Path) {
    let version = Version::of(program);
    let setups = setups();
    let Some(setup) = setups.iter().find(|setup| setup.is_for(version)) else {
        // The document has no steps for the versions that cannot keep the classic series.
        assert!(version < setups[0].least, "{version:?}");
        return;
    };
    let load = Load::new();
    load.call();
    let text = serve(load.monitor, OFF, None);
    let addr = text.local_addr();
    let job = Job::new("orders", addr).with(setup.keys.iter().copied());
    let prometheus = Prometheus::start(program, &setup.features, std::slice::from_ref(&job));
    let [up, native, classic] = checks();
    let series = |query| answer(&prometheus, query);
    let is_up = || series(up).into_values().eq([1.0]);
    eventually("a page in text", || is_up() && series(classic).len() == 4);
    assert_eq!(series(native), BTreeMap::new(), "{version:?}");

    text.shutdown();
    let both = serve(load.monitor, ON, Some(addr));
    eventually("native histograms", || series(native).len() == 4);
    eventually("classic ones beside", || {
        is_up() && series(classic).len() == 4
    });
    assert_eq!(series(native), series(classic), "{version:?}");

    both.shutdown();
    let text = serve(load.monitor, OFF, Some(addr));
    eventually("no native histograms", || series(native).is_empty());
    eventually("classic ones go on", || {
        is_up() && series(classic).len() == 4
    });
    text.shutdown();
}

/// Each pair of queries of the document.
fn pairs() -> Vec<[&'static str; 2]> {
    let section = DOC.split(HEADLINE).nth(1).expect("the section");
    let section = section.split("\n## ").next().unwrap_or(section);
    let blocks = section.split("```promql\n").skip(1);
    let queries: Vec<&str> = blocks
        .map(|block| block.split("```").next().expect("a query"))
        .collect();
    assert!(
        queries.len().is_multiple_of(2),
        "one query has no other form"
    );
    queries.chunks(2).map(|pair| [pair[0], pair[1]]).collect()
}

/// The least and the greatest duration of a method's calls, between which they are spread evenly in the logarithm, in a
/// mixed order.
fn duration(least: f64, most: f64, number: u32, of: u32) -> f64 {
    let part = (f64::from(number * 7 % of) + 0.5) / f64::from(of);
    least * (most / least).powf(part)
}

fn pay(number: u32) -> f64 {
    duration(1e-3, 1.0, number, PAY)
}

fn ping(number: u32) -> f64 {
    duration(1e-5, 1e-4, number, PING)
}

/// Of a registered histogram, `drift`: as many values below zero as above it.
const DRIFTS: u32 = 200;

fn drift(number: u32) -> f64 {
    let magnitude = duration(0.01, 100.0, number / 2, DRIFTS / 2);
    if number.is_multiple_of(2) {
        magnitude
    } else {
        -magnitude
    }
}

/// Of a registered histogram, `wide`: over so many powers of two that its 480 buckets are made 120.
const WIDE: u32 = 480;

fn wide(number: u32) -> f64 {
    ((f64::from(number) - 0.5) / 8.0).exp2()
}

struct Load {
    monitor: Monitor,
    hand: ManualClock,
}

impl Load {
    fn new() -> Self {
        let (clock, hand) = Clock::manual(unix_now() - 3600.0);
        let monitor = Monitor::with_clock(StorageConfig::default(), clock);
        let register = |name: &'static str, bounds: &[f64]| {
            let desc = MetricDesc::new(name, "A registered histogram.").native();
            monitor
                .register_histogram(desc, bounds)
                .expect("a good description")
        };
        let (drifts, wides) = (
            register("drift", &[-1.0, 0.0, 1.0]),
            register("wide", &[1.0]),
        );
        (0..DRIFTS).for_each(|number| drifts.observe(drift(number)));
        (0..WIDE).for_each(|number| wides.observe(wide(number)));
        Self { monitor, hand }
    }

    fn method(&self, name: &str) -> Method {
        self.monitor.method(name).expect("a good name")
    }

    /// A round of calls.
    fn call(&self) {
        for number in 0..PAY {
            let call = self.method("Pay").start();
            self.hand.advance(Duration::from_secs_f64(pay(number)));
            match number % 20 {
                0 => drop(call),
                1..4 => call.finish(Outcome::ErrorType("other")),
                _ => call.finish(Outcome::Success),
            }
        }
        for number in 0..PING {
            let call = self.method("Ping").start();
            self.hand.advance(Duration::from_secs_f64(ping(number)));
            call.finish(Outcome::Success);
        }
    }
}

/// The value that this part of the observations is not above.
fn quantile(part: f64, of: impl IntoIterator<Item = f64>) -> f64 {
    let mut observed: Vec<f64> = of.into_iter().collect();
    observed.sort_unstable_by(f64::total_cmp);
    let count = observed.len();
    let is_reached = |at: &usize| {
        let at = u32::try_from(at + 1).expect("few");
        f64::from(at) >= part * f64::from(u32::try_from(count).expect("few"))
    };
    let at = (0..count).find(is_reached);
    observed[at.expect("the last is above no part")]
}

fn mean(of: impl Iterator<Item = f64>, count: u32) -> f64 {
    of.sum::<f64>() / f64::from(count)
}

/// The true answers to the pairs, in the order of the document; those of the first pair as shares of all calls.
fn truth() -> Vec<Answer> {
    let pays = || (0..PAY).map(pay);
    let pings = || (0..PING).map(ping);
    let both = |pay, ping| Answer::from([("Pay", pay), ("Ping", ping)]);
    let high = both(quantile(0.99, pays()), quantile(0.99, pings()));
    let [in_pay, in_ping] = [0.8, 0.2];
    vec![
        Answer::from([
            ("Pay failure", in_pay * 0.2),
            ("Pay success", in_pay * 0.8),
            ("Ping failure", 0.0),
            ("Ping success", in_ping),
        ]),
        high.clone(),
        both(mean(pays(), PAY), mean(pings(), PING)),
        both(
            mean(pays().map(|took| f64::from(u8::from(took <= 0.25))), PAY),
            1.0,
        ),
        Answer::from([("", quantile(0.5, pays().chain(pings())))]),
        both(0.15 / 0.95, 0.0),
        both(0.05, 0.0),
        high,
    ]
}

fn answers(program: &Path) {
    let version = Version::of(program);
    let load = Load::new();
    // Twice as many calls as later, so that a rate does not begin within the range.
    load.call();
    load.call();
    let servers = Profile::ALL.map(|profile| {
        let yaml = format!("profile: {profile}\nnative_histograms: true");
        let config = MonitorConfig::from_yaml(&yaml).expect("a good configuration");
        let server = MetricServer::with_config(&config, load.monitor);
        let server = server.run_in_thread((Ipv4Addr::LOCALHOST, 0));
        (profile, server.expect("a free port"))
    });
    let jobs = servers.each_ref().map(|(profile, server)| {
        Job::new(&profile.to_string(), server.local_addr())
            .with(version.native_key())
            .with(version.classic_key())
    });
    let features: Vec<&str> = version.native_feature().into_iter().collect();
    let prometheus = Prometheus::start(program, &features, &jobs);
    for job in &jobs {
        eventually("the first scrape", || prometheus.is_up(&job.name));
    }
    load.call();
    let called = unix_now();
    for job in &jobs {
        let is_scraped = || prometheus.last_scrape(&job.name) > called;
        eventually("a scrape of all calls", is_scraped);
        prometheus.assert_always_up(&job.name);
    }
    let (pairs, truth) = (pairs(), truth());
    assert_eq!(pairs.len(), truth.len());
    for (at, (pair, truth)) in pairs.into_iter().zip(&truth).enumerate() {
        let forms = pair.into_iter().zip([CLASSIC, NATIVE]);
        for (query, tolerance) in forms.skip(usize::from(version.classic_key().is_none())) {
            let mut found = answer(&prometheus, query);
            if at == 0 {
                let all: f64 = found.values().sum();
                for calls in found.values_mut() {
                    *calls /= all;
                }
            }
            let names: Vec<&str> = found.keys().map(String::as_str).collect();
            assert_eq!(names, truth.keys().copied().collect::<Vec<_>>(), "{query}");
            for (name, value) in &found {
                let wanted = truth[name.as_str()];
                let off = (value - wanted).abs();
                let is_close = off <= tolerance * wanted + 1e-9;
                assert!(
                    is_close,
                    "{version:?}: {query} is {value} of {name}, {wanted} in truth"
                );
            }
        }
    }
    registered(&prometheus, version);
    for (_, server) in servers {
        server.shutdown();
    }
}

/// Registered histograms have negative buckets and lower schemas, and their classic series beside.
fn registered(prometheus: &Prometheus, version: Version) {
    let number = |query: &str| {
        let of = query.replace("{}", "{job=\"prometheus\"}");
        prometheus.number(&of)
    };
    let check = |query: &str, wanted: f64, tolerance: f64| {
        let found = number(query);
        let is_close = (found - wanted).abs() <= tolerance * wanted.abs() + 1e-9;
        assert!(
            is_close,
            "{version:?}: {query} is {found}, {wanted} in truth"
        );
    };
    let (drifts, wides) = (|| (0..DRIFTS).map(drift), || (0..WIDE).map(wide));
    check("histogram_count(drift{})", f64::from(DRIFTS), 0.0);
    check("histogram_count(wide{})", f64::from(WIDE), 0.0);
    check("histogram_sum(wide{})", wides().sum(), 1e-9);
    check("histogram_fraction(-Inf, 0, drift{})", 0.5, 1e-9);
    for part in [0.1, 0.25, 0.75, 0.9] {
        let query = format!("histogram_quantile({part}, drift{{}})");
        check(&query, quantile(part, drifts()), 0.1);
        // At schema 1 a bucket is 41 % wide.
        let query = format!("histogram_quantile({part}, wide{{}})");
        check(&query, quantile(part, wides()), 0.42);
    }
    if version.classic_key().is_some() {
        check(
            "drift_bucket{job=\"prometheus\",le=\"0.0\"} or drift_bucket{job=\"prometheus\",le=\"0\"}",
            f64::from(DRIFTS / 2),
            0.0,
        );
        check("wide_count{}", f64::from(WIDE), 0.0);
        // The text formats have neither of these two, as a bound is negative.
        check("drift_count{}", f64::from(DRIFTS), 0.0);
        check("drift_sum{}", (0..DRIFTS).map(drift).sum(), 1e-9);
    }
}

/// The values of a query by the method and the status.
fn answer(prometheus: &Prometheus, query: &str) -> BTreeMap<String, f64> {
    let series = prometheus.query(query).into_iter();
    let named = series.map(|((_, labels), value)| {
        let labels: Vec<String> = labels.into_values().collect();
        (labels.join(" "), value)
    });
    named.collect()
}
