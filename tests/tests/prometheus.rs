//! Real Prometheus servers scrape the example under load, in both formats, and pages that are hard to read; in the
//! end they have stored the series of the pages.
//!
//! Needs the program `prometheus` (Debian package of that name; `scripts/test` installs it), and for the slow tests programs
//! named by the variables `PROMETHEUS_2_42`, `PROMETHEUS_2_53` and `PROMETHEUS_3` (`scripts/test --all` fetches them).
//! Without one its test prints `SKIPPED`; without the first it fails with `CI` set.

mod programs;
mod prometheus_server;
mod textprocessor;
mod used;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use monitor_core::exposition::Format;
use monitor_core::family::{ChildValue, Family};
use monitor_core::names::{Profile, families};
use monitor_core::snapshot::Snapshot;
use prometheus_server::pages::{self, Pages};
use prometheus_server::{Job, Prometheus, Series, at_rest, check, relay, unix_now};
use textprocessor::{Page, TextProcessor, eventually, number};

/// A scraper that takes nothing but the text format.
const TEXT_ONLY: &str = "text/plain;version=0.0.4";

#[test]
fn prometheus_2_stores_what_our_pages_say() {
    let program = Path::new("prometheus");
    if programs::is_installed(program, "prometheus_2_stores_what_our_pages_say") {
        stores_what_our_pages_say(program);
    }
}

#[test]
#[ignore = "slow matrix: scripts/test --all"]
fn prometheus_3_stores_what_our_pages_say() {
    let test = "prometheus_3_stores_what_our_pages_say";
    programs::where_named("PROMETHEUS_3", test, stores_what_our_pages_say);
}

#[test]
#[ignore = "slow matrix: scripts/test --all"]
fn prometheus_2_53_stores_what_our_pages_say() {
    let test = "prometheus_2_53_stores_what_our_pages_say";
    programs::where_named("PROMETHEUS_2_53", test, stores_what_our_pages_say);
}

#[test]
#[ignore = "slow matrix: scripts/test --all"]
fn prometheus_2_42_stores_what_our_pages_say() {
    let test = "prometheus_2_42_stores_what_our_pages_say";
    programs::where_named("PROMETHEUS_2_42", test, stores_what_our_pages_say);
}

fn stores_what_our_pages_say(program: &Path) {
    let example = TextProcessor::start(&["--load", "200", "--load-seconds", "6"]);
    let live = jobs_of(&example);
    let (still, wanted) = unchanging();
    let jobs = [&live[..], &still].concat();
    let prometheus = Prometheus::start(program, &[], &jobs);
    for job in &jobs {
        eventually("the first scrape", || prometheus.is_up(&job.name));
    }
    example.wait_for_line("load stopped");
    eventually("the last call ends", || {
        example.page().value("service_tasks_in_flight") < 0.5
    });

    let ours = example.page();
    let stopped = unix_now();
    for job in &live {
        eventually("a scrape after the load", || {
            prometheus.last_scrape(&job.name) > stopped
        });
        check_example(&prometheus, job, &ours);
    }
    let now = at_rest(example.page().samples);
    assert_eq!(
        now,
        at_rest(ours.samples),
        "a page of an idle service does not change"
    );
    for (job, wanted) in still.iter().zip(&wanted) {
        check_still(&prometheus, job, wanted);
    }
}

/// The example in both formats: Prometheus itself prefers `OpenMetrics`.
fn jobs_of(example: &TextProcessor) -> [Job; 2] {
    let targets = [
        ("example-openmetrics", example.monitor),
        ("example-text", relay::start(example.monitor, TEXT_ONLY)),
    ];
    targets.map(|(name, target)| Job::new(name, target))
}

/// The series and exemplars that Prometheus should store of a page.
#[derive(Debug)]
struct Stored {
    series: Series,
    exemplars: Vec<Exemplar>,
}

/// Labels, value, and when, in milliseconds since 1970.
type Exemplar = (BTreeMap<String, String>, String, u64);

/// How a page is written.
type Write = fn(&Snapshot, Profile, Format) -> String;

/// Pages that are hard to read, and pages with everything, in both profiles and formats, alone and merged with another
/// source's; and the series on each.
fn unchanging() -> (Vec<Job>, Vec<Stored>) {
    let storages = [
        ("everything", used::everything().snapshot()),
        ("hostile", used::hostile(true).snapshot()),
    ];
    let written: [(&str, Write); 2] = [
        ("alone", used::page),
        ("merged", used::metrics::merged_page),
    ];
    let (mut pages, mut names, mut wanted) = (Pages::new(), Vec::new(), Vec::new());
    let each = storages
        .iter()
        .flat_map(|one| written.map(|how| (one, how)));
    for ((storage, snapshot), (how, write)) in each {
        for profile in Profile::ALL {
            let text = write(snapshot, profile, Format::Text004);
            for (format, kind) in [(Format::Text004, "text"), (Format::OpenMetrics100, "open")] {
                let name = format!("{storage}-{how}-{profile}-{kind}");
                let page = write(snapshot, profile, format);
                pages.insert(format!("/{name}"), (format, page));
                names.push(name);
                wanted.push(Stored {
                    series: as_stored(Page::parse(&text).samples),
                    exemplars: match format {
                        Format::OpenMetrics100 => exemplars_of(&families(snapshot, profile)),
                        _ => Vec::new(),
                    },
                });
            }
        }
    }
    let target = pages::serve(pages);
    let jobs = names.into_iter().map(|name| Job {
        path: format!("/{name}"),
        interval: Duration::from_secs(5),
        ..Job::new(&name, target)
    });
    (jobs.collect(), wanted)
}

/// The series of a page as Prometheus stores them: a label with an empty value is left out.
fn as_stored(page: Series) -> Series {
    let count = page.len();
    let stored: Series = page
        .into_iter()
        .map(|((name, mut labels), value)| {
            labels.retain(|_, value| !value.is_empty());
            ((name, labels), value)
        })
        .collect();
    assert_eq!(stored.len(), count, "no two series are one to Prometheus");
    stored
}

fn check_example(prometheus: &Prometheus, job: &Job, ours: &Page) {
    assert!(
        ours.value("service_tasks_started_total") > 500.0,
        "the load ran"
    );
    let stored = prometheus.series(&job.name);
    let scraped = prometheus.value("scrape_samples_scraped", &job.name);
    #[expect(clippy::cast_precision_loss, reason = "small")]
    let count = ours.samples.len() as f64;
    assert_eq!(scraped, Some(count), "{}", job.name);
    check(
        &job.name,
        &at_rest(as_stored(ours.samples.clone())),
        &at_rest(stored),
    );
    prometheus.assert_always_up(&job.name);
    // It sets no provider.
    check_exemplars(prometheus, job, &[]);
}

/// Those of a page in `OpenMetrics`; text has none.
fn exemplars_of(families: &[Family]) -> Vec<Exemplar> {
    let children = families.iter().flat_map(|family| &family.children);
    let histograms = children.filter_map(|child| match &child.value {
        ChildValue::Histogram(histogram) => Some(histogram),
        _ => None,
    });
    let mut all: Vec<Exemplar> = histograms
        .flat_map(|histogram| &histogram.exemplars)
        .map(|kept| {
            let labels = kept.exemplar.labels();
            let labels = labels.filter(|(_, value)| !value.is_empty());
            let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
            (
                labels.collect(),
                kept.seconds.to_string(),
                milliseconds(kept.at),
            )
        })
        .collect();
    all.sort();
    all
}

/// As a timestamp is kept.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "after 1970, and far below 2^53"
)]
fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1000.0) as u64
}

fn check_still(prometheus: &Prometheus, job: &Job, wanted: &Stored) {
    #[expect(clippy::cast_precision_loss, reason = "small")]
    let count = wanted.series.len() as f64;
    let scraped = prometheus.value("scrape_samples_scraped", &job.name);
    assert_eq!(scraped, Some(count), "{}", job.name);
    check(&job.name, &wanted.series, &prometheus.series(&job.name));
    prometheus.assert_always_up(&job.name);
    check_exemplars(prometheus, job, &wanted.exemplars);
}

fn check_exemplars(prometheus: &Prometheus, job: &Job, wanted: &[Exemplar]) {
    let stored = prometheus.exemplars(&job.name).into_iter();
    let mut stored: Vec<Exemplar> = stored
        .map(|exemplar| {
            let labels = serde_json::from_value(exemplar["labels"].clone());
            let value = number(exemplar["value"].as_str().expect("a number as text"));
            let at = exemplar["timestamp"].as_f64().expect("a time");
            (
                labels.expect("labels are texts"),
                value.to_string(),
                milliseconds(at),
            )
        })
        .collect();
    stored.sort();
    assert_eq!(stored, wanted, "{}", job.name);
}
