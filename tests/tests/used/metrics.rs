//! Registered metrics: as documented, and with all texts that are hard to read.

use monitor_core::Monitor;
use monitor_core::collector::{Page, gather};
use monitor_core::exposition::Format;
use monitor_core::family::{Child, ChildValue, Family, FamilyType};
use monitor_core::metric::{MetricDesc, RegisterError};
use monitor_core::names::{Exporter, Profile};
use monitor_core::snapshot::Snapshot;

use super::{NUMBERS, TEXTS};

/// Metrics of each type, with and without labels and unit. One has too many label sets, of which one is removed.
pub(super) fn register(monitor: Monitor) -> Result<(), RegisterError> {
    let jobs = MetricDesc::new("shop_jobs_done", "Jobs done.");
    monitor.register_counter(jobs)?.inc_by(3);
    let sent = MetricDesc::new("shop_sent", "Bytes sent.")
        .unit("bytes")
        .labels(["kind"]);
    let sent = monitor.register_counter(sent)?;
    sent.with(["mail"]).inc_by_f64(1.5e9);
    sent.with(["sms"]).inc();
    let open = MetricDesc::new("shop_open_carts", "Carts not paid for.").labels(["tenant"]);
    let open = monitor.register_gauge(open)?;
    for tenant in 0..30 {
        open.with([tenant.to_string()]).set(-0.5);
    }
    open.remove(["3"]);
    let wait = MetricDesc::new("shop_wait", "Time in the queue.")
        .unit("seconds")
        .labels(["queue"]);
    let wait = monitor.register_histogram(wait, &[0.1, 1.0, 10.0])?;
    for value in [0.05, 0.1, 3.0, 30.0] {
        wait.with(["fast"]).observe(value);
    }
    Ok(())
}

/// Each text as help text and as label value, each number as value; names that others have, or their samples.
pub(super) fn register_hostile(monitor: Monitor) {
    let texts = || TEXTS.iter().zip(NUMBERS.iter().cycle());
    for (at, (text, value)) in texts().enumerate() {
        // A refused metric is not on the page; all others have to be readable.
        drop(
            monitor
                .register_gauge(MetricDesc::new(*text, *text))
                .map(|one| one.set(*value)),
        );
        let desc = |kind: &str| {
            MetricDesc::new(format!("hostile_{kind}_{at}"), *text)
                .labels(["a", "tenant", "label_a"])
        };
        let values = [*text, TEXTS[(at + 1) % TEXTS.len()], "own"];
        drop(
            monitor
                .register_gauge(desc("gauge"))
                .map(|one| one.with(values).set(*value)),
        );
        drop(
            monitor
                .register_counter(desc("counter"))
                .map(|one| one.with(values).inc_by_f64(*value)),
        );
        let bounds = [[-1.5, -0.0, 5e-324], [0.1, 1e21, f64::MAX]][at % 2];
        let histogram = monitor.register_histogram(desc("histogram"), &bounds);
        drop(histogram.map(|one| one.with(values).observe(*value)));
    }
    for name in [
        "stats_x",
        "stats_x_total",
        "stats_hist_time",
        "stats_hist_time_sum",
        "monitor_x",
        ":",
        "a:b_total",
    ] {
        let desc = || MetricDesc::new(name, name);
        drop(monitor.register_gauge(desc()).map(|one| one.set(1.0)));
        drop(monitor.register_counter(desc()).map(|one| one.inc()));
        let histogram = monitor.register_histogram(desc(), &[1.0]);
        drop(histogram.map(|one| one.observe(2.0)));
    }
}

/// A registry with series for which Prometheus refuses a whole page, or that it takes for its own; six series.
fn blinding() -> Vec<Family> {
    let registry = prometheus::Registry::new();
    for label in ["__name__", "__x", "a"] {
        let opts = prometheus::Opts::new(format!("blinding{label}"), "A gauge.");
        let opts = opts.const_label(label, "x").variable_label("a");
        let gauge = prometheus::GaugeVec::new(opts.clone(), &["a"]).expect("good options");
        gauge.with_label_values(&["y"]).set(1.0);
        registry.register(Box::new(gauge)).expect("a free name");
    }
    let named = prometheus::Gauge::new("__name__", "Only named so.");
    registry
        .register(Box::new(named.expect("good options")))
        .expect("a free name");
    for name in ["up", "scrape_samples_scraped", "scrape_duration_seconds"] {
        let gauge = prometheus::Gauge::new(name, "A gauge.").expect("a valid name");
        gauge.set(7.0);
        registry.register(Box::new(gauge)).expect("a free name");
    }
    gather(&registry).expect("no collector panics")
}

/// The page of a snapshot beside a source that has names of the storage's, so that they are merged.
pub(crate) fn merged_page(snapshot: &Snapshot, profile: Profile, format: Format) -> String {
    let family = |name: &'static str, kind, value| Family {
        name: name.into(),
        help: "Of another source.".into(),
        kind,
        unit: None,
        children: vec![Child::new([], ChildValue::Int(value))],
    };
    let others = vec![
        family("started_total", FamilyType::Gauge, 7),
        family("service_requests_total", FamilyType::Gauge, 7),
        family("of_another_source", FamilyType::Untyped, 8),
    ];
    let exporter = Exporter::new(profile);
    let page = Page::new(&exporter, snapshot.clone(), vec![others, blinding()]);
    assert_eq!(page.merged.dropped_series, 6);
    assert_eq!(
        page.merged.dropped_families, 1,
        "the storage's own goes first"
    );
    let mut out = Vec::new();
    page.encode(&[], format, &mut out);
    String::from_utf8(out).expect("a page is UTF-8")
}
