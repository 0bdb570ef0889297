//! Collectors that are in no registry: each a source of its own.

use super::*;

/// The sources of a configuration, on a page.
fn of(config: &crate::MonitorConfig) -> (Arc<Renderer>, Arc<SelfMetrics>) {
    let settings = gather_timeout(Duration::from_millis(50));
    renderer_from(config.sources.clone(), settings)
}

fn sound() -> IntCounter {
    IntCounter::new("sound_total", "Of a sound collector.").expect("a name")
}

/// In a registry or not.
#[tokio::test]
async fn a_collector_that_panics_or_hangs_is_left_out_alone_and_counted() {
    for in_registry in [false, true] {
        let source = |probe: &Probe| {
            if in_registry {
                registry_of(Box::new(probe.clone()))
            } else {
                Source::collector(probe.clone())
            }
        };
        let (hanging, broken) = (Probe::hanging(), Probe::broken());
        let sources = vec![
            source(&hanging),
            source(&broken),
            registry_of(Box::new(sound())),
        ];
        let settings = gather_timeout(Duration::from_millis(50));
        let (renderer, metrics) = renderer_from(sources, settings);
        for scrape in 1..=3 {
            let page = text(&renderer).await;
            assert!(page.contains("\nsound_total 0\n"), "{page}");
            assert!(page.contains("service_tasks_started_total 0"), "{page}");
            assert!(!page.contains("probe"), "{page}");
            for cause in ["overrun", "source"] {
                let line = format!("monitor_scrape_errors_total{{cause=\"{cause}\"}} {scrape}\n");
                assert!(page.contains(&line), "{page}");
            }
            assert_eq!(metrics.errors(Cause::Source), scrape);
            assert_eq!(hanging.gathered(), 1, "one outstanding");
            assert_eq!(broken.gathered(), scrape);
        }
        hanging.release();
        let begin = Instant::now();
        while !text(&renderer).await.contains("probe 2") {
            assert!(begin.elapsed() < Duration::from_secs(10));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[tokio::test]
async fn collectors_follow_the_rules_of_registries() {
    let mine = Gauge::new("mine", "The user's.").expect("a name");
    let taken = Gauge::new("service_tasks_started_total", "Taken.").expect("a name");
    let repeated = mine.clone();
    let config = crate::MonitorConfig::default()
        .collector(mine)
        .collector(taken)
        .collector(repeated);
    let (renderer, metrics) = of(&config);
    let page = text(&renderer).await;
    assert_eq!(page.matches("\nmine 0\n").count(), 1, "{page}");
    assert_eq!(metrics.errors(Cause::RepeatedSeries), 1);
    assert_eq!(metrics.errors(Cause::Family), 1);

    // The storage that is served gives nothing a second time.
    let monitor = renderer.monitor;
    let config = crate::MonitorConfig::default().collector(*monitor.storage());
    let sources = config.sources.clone();
    let with = renderer_of(monitor, sources, settings(), nothing(), Arc::default());
    assert!(
        text(&with)
            .await
            .contains("monitor_scrape_errors_total{cause=\"repeated_series\"} 0\n")
    );
}

#[test]
fn the_default_registry_is_there_unless_a_registry_is_given() {
    let kinds = |config: crate::MonitorConfig| -> Vec<&'static str> {
        let context = crate::routes::Context::new(Monitor::global(), &config);
        let sources = context.renderer.sources.iter();
        sources.map(|source| source.kind).collect()
    };
    let config = crate::MonitorConfig::default;
    assert_eq!(kinds(config()), ["registry"]);
    assert_eq!(
        kinds(config().collector(sound())),
        ["registry", "collector"]
    );
    let both = config().collector(sound()).registry(Registry::new());
    assert_eq!(kinds(both), ["collector", "registry"]);
}
