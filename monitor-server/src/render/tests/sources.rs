//! Collectors that are in no registry: each a source of its own.

use super::*;

/// The sources of a configuration, on a page.
fn of(config: &crate::MonitorConfig) -> (Arc<Renderer>, Arc<SelfMetrics>) {
    let metrics = Arc::new(SelfMetrics::default());
    let settings = PageSettings {
        gather_timeout: Duration::from_millis(50),
        ..settings()
    };
    let renderer = renderer_of(
        Monitor::new(monitor_core::StorageConfig::default()),
        config.sources.clone(),
        settings,
        nothing(),
        Arc::clone(&metrics),
    );
    (renderer, metrics)
}

fn sound() -> IntCounter {
    IntCounter::new("sound_total", "Of a sound collector.").expect("a name")
}

#[tokio::test]
async fn a_collector_that_panics_or_hangs_takes_nobody_along() {
    let hang = Arc::new(AtomicBool::new(true));
    let hanging = Probe {
        hangs: Arc::clone(&hang),
        ..Probe::default()
    };
    let broken = Probe {
        panics: true,
        ..Probe::default()
    };
    let config = crate::MonitorConfig::default()
        .collector(hanging.clone())
        .collector(broken.clone())
        .collector(sound());
    let (renderer, metrics) = of(&config);
    for scrape in 1..=3 {
        let page = text(&renderer).await;
        assert!(page.contains("\nsound_total 0\n"), "{page}");
        assert!(!page.contains("probe"), "{page}");
        assert_eq!(metrics.errors(Cause::Overrun), scrape);
        assert_eq!(metrics.errors(Cause::Source), scrape);
        assert_eq!(
            hanging.gathered.load(Ordering::SeqCst),
            1,
            "one outstanding"
        );
        assert_eq!(broken.gathered.load(Ordering::SeqCst), scrape);
    }
    hang.store(false, Ordering::SeqCst);
    let begin = Instant::now();
    while !text(&renderer).await.contains("probe 2") {
        assert!(begin.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_strict_page_says_which_collector_failed() {
    let broken = Probe {
        panics: true,
        ..Probe::default()
    };
    let config = crate::MonitorConfig::default()
        .registry(Registry::new())
        .collector(broken);
    let strict = PageSettings {
        strict: true,
        ..settings()
    };
    let monitor = Monitor::new(monitor_core::StorageConfig::default());
    let sources = config.sources.clone();
    let renderer = renderer_of(monitor, sources, strict, nothing(), Arc::default());
    let refused = renderer.page(wanted(), None).await;
    let what = "the page is incomplete, and `strict` is set\ncollector 2 failed\n";
    assert_eq!(refused, Err(PageError::Incomplete(what.into())));
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
