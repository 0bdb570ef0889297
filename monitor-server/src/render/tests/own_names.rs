//! Metrics of a user's that are called as the server's own are.

use monitor_core::exemplar::Exemplar;
use monitor_core::family::FamilyType;
use monitor_core::{Keep, MetricDesc, Outcome, StorageConfig};
use prometheus::{IntGauge, Opts};

use super::*;

#[path = "../../../../monitor-core/src/export/encode/tests/strict.rs"]
#[allow(dead_code, reason = "other tests look at more of what was parsed")]
mod strict;

/// All that a server says of itself.
fn telling() -> Process {
    let config = crate::MonitorConfig::default();
    let config = config.service(crate::Service::new("text", "1.10"));
    config.runtime("main", &Handle::current()).process
}

/// Registers a metric, a key and a collector under each name of the server's own.
fn take_all_names(monitor: Monitor, ours: &[Family]) -> Registry {
    let registry = Registry::new();
    for family in ours {
        let name = family.name.to_string();
        let base = || name.strip_suffix("_total").unwrap_or(&name).to_owned();
        // A name that the storage refuses, because an earlier one has a sample of it, is passed over here.
        match family.kind {
            FamilyType::Counter => {
                drop(monitor.register_gauge(MetricDesc::new(base(), "The user's.")));
            }
            _ => drop(monitor.register_counter(MetricDesc::new(base(), "The user's."))),
        }
        drop(monitor.register_gauge(MetricDesc::new(name.clone(), "The user's.")));
        drop(monitor.register_histogram(MetricDesc::new(base(), "The user's."), &[1.0]));
        for suffix in ["", "_count", "_sum", "_created"] {
            let desc = MetricDesc::new(format!("{}{suffix}", base()), "The user's.");
            drop(monitor.register_gauge(desc));
        }
        // In one profile or the other these get the name of the family.
        drop(monitor.set_stats(&name.replacen("monitor_", "", 1), 7));
        for labels in [&[][..], &[("cause", "mine"), ("code", "200")]] {
            let opts = labels.iter().fold(
                Opts::new(name.clone(), "The registry's."),
                |opts, (name, value)| opts.const_label(*name, *value),
            );
            let gauge = IntGauge::with_opts(opts).expect("a name");
            drop(registry.register(Box::new(gauge)));
        }
    }
    registry
}

fn checked(page: &str, format: Format) -> strict::Page {
    strict::parse(page, format).unwrap_or_else(|fault| panic!("{fault}\n{page}"))
}

#[tokio::test]
async fn a_user_s_metrics_never_take_the_server_s_names() {
    for profile in Profile::ALL {
        let monitor = Monitor::new(StorageConfig::default());
        let metrics = Arc::new(SelfMetrics::default());
        let mut ours = telling().families();
        ours.extend(metrics.families(0));
        let registry = take_all_names(monitor, &ours);
        monitor.set_exemplars(|| Some(Exemplar::new([("trace_id", "4bf92f")])));
        monitor
            .method("Get")
            .expect("a name")
            .start()
            .finish(Outcome::Success);
        drop(monitor.append_stats("scrape_render_seconds", 1.0, Keep::Default));
        let settings = PageSettings {
            profile,
            ..settings()
        };
        // A page was made before there was a server: the names were the user's then.
        let before = monitor_core::names::families(&monitor.snapshot(), profile);
        let values =
            |families: &[Family]| families.iter().map(|one| one.children.len()).sum::<usize>();
        for sources in [vec![], vec![Source::registry(registry.clone())]] {
            let renderer = renderer_of(
                monitor,
                sources,
                settings.clone(),
                telling(),
                Arc::clone(&metrics),
            );
            let exporter = &renderer.exporter;
            exporter.families(&monitor.snapshot());
            for format in [Format::Text004, Format::OpenMetrics100] {
                for dots in [false, true] {
                    let wanted = PageRequest {
                        format,
                        dots,
                        names: None,
                        gzip: false,
                    };
                    let page = text_of(&renderer, wanted).await;
                    let parsed = checked(&page, format);
                    for family in ours.iter().filter(|_| !dots && format == Format::Text004) {
                        let found = parsed.families.iter().find(|meta| meta.name == family.name);
                        let found = found.unwrap_or_else(|| panic!("no {} in {page}", family.name));
                        assert_eq!(found.help, family.help, "{page}");
                    }
                }
            }
            let after = exporter.families(&monitor.snapshot());
            assert_eq!(
                values(&before),
                values(&after),
                "nothing of the storage's is lost"
            );
            let is_ours = |family: &&Family| ours.iter().any(|own| own.name == family.name);
            assert_eq!(after.iter().find(is_ours).map(|family| &family.name), None);
        }
    }
}

#[tokio::test]
async fn a_metric_with_a_name_of_the_server_s_goes_by_its_hash() {
    let (renderer, metrics) = renderer(Vec::new());
    let monitor = renderer.monitor;
    let scrapes = MetricDesc::new("monitor_scrapes_total", "My own count.");
    monitor
        .register_counter(scrapes)
        .expect("a free name")
        .inc();
    let page = text(&renderer).await;
    let parsed = checked(&page, Format::Text004);
    let mine = parsed
        .families
        .iter()
        .find(|family| family.help == "`monitor_scrapes_total`: My own count.");
    let mine = mine.unwrap_or_else(|| panic!("{page}"));
    assert!(mine.name.starts_with("stats_key_") && mine.name.ends_with("_total"));
    assert_eq!(mine.kind, "counter");
    assert!(page.contains(&format!("\n{} 1\n", mine.name)), "{page}");
    assert!(
        page.contains("\nmonitor_scrapes_total{code=\"200\"} 0\n"),
        "{page}"
    );
    assert_eq!(
        metrics.errors(Cause::Family) + metrics.errors(Cause::RepeatedSeries),
        0
    );
    // Where the server has no such family, the name is free.
    let threads = MetricDesc::new("process_threads", "Mine.");
    monitor.register_gauge(threads).expect("a free name");
    assert!(text(&renderer).await.contains("\nprocess_threads 0\n"));
}
