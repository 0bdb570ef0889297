//! Sharing of renders, and sources that fail.

use std::collections::HashSet;
use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use prometheus::core::{Collector, Desc};
use prometheus::{Gauge, IntCounter};

use super::*;

/// A collector that counts its gatherings, and waits or panics in them as told.
#[derive(Clone, Default)]
struct Probe {
    gathered: Arc<AtomicU64>,
    slow: Option<Duration>,
    hangs: Arc<AtomicBool>,
    panics: bool,
}

impl Collector for Probe {
    fn desc(&self) -> Vec<&Desc> {
        Vec::new()
    }

    fn collect(&self) -> Vec<prometheus::proto::MetricFamily> {
        let number = self.gathered.fetch_add(1, Ordering::SeqCst) + 1;
        if let Some(pause) = self.slow {
            std::thread::sleep(pause);
        }
        while self.hangs.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(!self.panics, "a broken collector");
        let gauge = Gauge::new("probe", "Number of the gathering.").expect("a name");
        #[allow(clippy::cast_precision_loss, reason = "small")]
        gauge.set(number as f64);
        gauge.collect()
    }
}

fn renderer(collectors: Vec<Box<dyn Collector>>) -> (Renderer, Arc<SelfMetrics>) {
    renderer_with(collectors, Duration::from_secs(5))
}

fn renderer_with(
    collectors: Vec<Box<dyn Collector>>,
    gather_timeout: Duration,
) -> (Renderer, Arc<SelfMetrics>) {
    let registries = collectors
        .into_iter()
        .map(|collector| {
            let registry = Registry::new();
            registry.register(collector).expect("a fresh registry");
            registry
        })
        .collect();
    let metrics = Arc::new(SelfMetrics::default());
    (
        Renderer::new(
            Monitor::new(monitor_core::StorageConfig::default()),
            registries,
            gather_timeout,
            nothing(),
            Arc::clone(&metrics),
        ),
        metrics,
    )
}

/// A process of which nothing is said: its numbers change from page to page.
fn nothing() -> Process {
    crate::MonitorConfig::default()
        .process_metrics(false)
        .process
}

fn wanted() -> Wanted {
    Wanted {
        format: Format::Text004,
        names: None,
        gzip: false,
    }
}

async fn text(renderer: &Renderer) -> String {
    let page = renderer.page(wanted()).await.expect("a page");
    String::from_utf8(page.to_vec()).expect("text")
}

#[tokio::test]
async fn who_arrives_during_a_render_shares_the_next_one() {
    let probe = Probe {
        slow: Some(Duration::from_millis(100)),
        ..Probe::default()
    };
    let (renderer, _) = renderer(vec![Box::new(probe.clone())]);
    let spawn = || {
        let renderer = renderer.clone();
        tokio::spawn(async move { text(&renderer).await })
    };
    let first = spawn();
    while probe.gathered.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let others: Vec<_> = (0..50).map(|_| spawn()).collect();
    assert!(first.await.expect("no panic").contains("probe 1"));
    for other in others {
        assert!(other.await.expect("no panic").contains("probe 2"));
    }
    assert_eq!(probe.gathered.load(Ordering::SeqCst), 2);
    assert!(text(&renderer).await.contains("probe 3"));
}

#[tokio::test]
async fn scrapers_that_leave_do_not_disturb_the_others() {
    let probe = Probe {
        slow: Some(Duration::from_millis(50)),
        ..Probe::default()
    };
    let (renderer, _) = renderer(vec![Box::new(probe)]);
    let leaving = tokio::time::timeout(Duration::from_millis(5), renderer.page(wanted())).await;
    assert!(leaving.is_err());
    assert!(text(&renderer).await.contains("probe 2"));
}

#[tokio::test]
async fn a_registry_that_panics_is_left_out_whole_and_counted() {
    let counter = IntCounter::new("sound_total", "Of a sound registry.").expect("a name");
    let broken = Probe {
        panics: true,
        ..Probe::default()
    };
    let (renderer, metrics) = renderer(vec![Box::new(broken), Box::new(counter)]);
    let page = text(&renderer).await;
    assert!(
        page.contains("sound_total 0") && page.contains("started_total 0"),
        "{page}"
    );
    assert!(page.contains("monitor_scrape_errors_total"), "{page}");
    assert_eq!(metrics.errors(Cause::Source), 1);
    text(&renderer).await;
    assert_eq!(metrics.errors(Cause::Source), 2);
}

#[tokio::test]
async fn a_registry_that_hangs_is_left_out_counted_and_skipped_until_it_returns() {
    let counter = IntCounter::new("sound_total", "Of a sound registry.").expect("a name");
    let hang = Arc::new(AtomicBool::new(true));
    let probe = Probe {
        hangs: Arc::clone(&hang),
        ..Probe::default()
    };
    let (renderer, metrics) = renderer_with(
        vec![Box::new(probe.clone()), Box::new(counter)],
        Duration::from_millis(50),
    );
    for scrape in 1..=3 {
        let page = text(&renderer).await;
        assert!(page.contains("sound_total 0"), "{page}");
        assert!(!page.contains("probe"), "{page}");
        let line = format!("monitor_scrape_errors_total{{cause=\"overrun\"}} {scrape}\n");
        assert!(page.contains(&line), "{page}");
        assert_eq!(probe.gathered.load(Ordering::SeqCst), 1, "one outstanding");
    }
    hang.store(false, Ordering::SeqCst);
    let begin = Instant::now();
    while !text(&renderer).await.contains("probe 2") {
        assert!(begin.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(metrics.errors(Cause::Source), 0);
}

#[tokio::test]
async fn registries_that_hang_cost_one_deadline_together() {
    let hang = Arc::new(AtomicBool::new(true));
    let probe = || -> Box<dyn Collector> {
        let hangs = Arc::clone(&hang);
        Box::new(Probe {
            hangs,
            ..Probe::default()
        })
    };
    let probes = (0..8).map(|_| probe()).collect();
    let (renderer, metrics) = renderer_with(probes, Duration::from_millis(200));
    let begin = Instant::now();
    text(&renderer).await;
    assert!(
        begin.elapsed() < Duration::from_millis(800),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(metrics.errors(Cause::Overrun), 8);
    hang.store(false, Ordering::SeqCst);
}

#[tokio::test]
async fn a_gather_timeout_of_zero_is_no_limit() {
    let probe = Probe {
        slow: Some(Duration::from_millis(50)),
        ..Probe::default()
    };
    let (renderer, _) = renderer_with(vec![Box::new(probe)], Duration::ZERO);
    assert!(text(&renderer).await.contains("probe 1"));
}

#[tokio::test]
async fn a_sound_page_has_no_counters_of_the_server() {
    let (renderer, _) = renderer(Vec::new());
    let page = text(&renderer).await;
    assert!(!page.contains("monitor_scrape_errors_total"), "{page}");
}

/// A counter of the server's own name in a user's registry.
fn same_name(cause: &str) -> Box<dyn Collector> {
    let opts = prometheus::Opts::new("monitor_scrape_errors_total", "The user's.");
    let counter = IntCounter::with_opts(opts.const_label("cause", cause)).expect("a name");
    counter.inc_by(77);
    Box::new(counter)
}

#[tokio::test]
async fn a_user_s_family_of_the_server_s_own_name_is_one_family_with_it() {
    let count = |page: &str, text: &str| page.matches(text).count();
    let (renderer, metrics) = renderer(vec![same_name("user")]);
    let page = text(&renderer).await;
    assert_eq!(
        count(&page, "\nmonitor_scrape_errors_total{"),
        1,
        "the user's alone: {page}"
    );
    metrics.count(Cause::Internal, 1);
    let page = text(&renderer).await;
    assert_eq!(
        count(&page, "# TYPE monitor_scrape_errors_total "),
        1,
        "{page}"
    );
    assert!(page.contains("{cause=\"user\"} 77\n"), "{page}");
    assert!(page.contains("{cause=\"internal\"} 1\n"), "{page}");
}

#[tokio::test]
async fn another_storage_in_a_registry_loses_no_series_without_a_count() {
    let other = Monitor::new(monitor_core::StorageConfig::default());
    let method = other.method("of another").expect("a name");
    method.start().finish(monitor_core::Outcome::Success);
    let (renderer, metrics) = renderer(vec![Box::new(*other.storage())]);
    let page = text(&renderer).await;
    assert!(page.contains("of another"), "{page}");
    assert_ne!(metrics.errors(Cause::RepeatedSeries), 0);
}

#[tokio::test]
async fn the_storage_itself_in_a_registry_is_no_fault() {
    let (renderer, metrics) = renderer(Vec::new());
    let monitor = renderer.shared.monitor;
    let registry = Registry::new();
    registry
        .register(Box::new(*monitor.storage()))
        .expect("a fresh registry");
    let timeout = Duration::from_secs(5);
    let with = Renderer::new(
        monitor,
        vec![registry],
        timeout,
        nothing(),
        Arc::clone(&metrics),
    );
    assert_eq!(text(&with).await, text(&renderer).await);
    assert_eq!(metrics.errors(Cause::RepeatedSeries), 0);
}

#[tokio::test]
async fn what_a_merge_leaves_out_is_counted_on_its_own_page() {
    let gauge = Gauge::new("monitor_scrape_errors_total", "No counter.").expect("a name");
    for (collector, line) in [
        (same_name("source"), "{cause=\"repeated_series\"} 1\n"),
        (Box::new(gauge), "{cause=\"family\"} 1\n"),
    ] {
        let (renderer, _) = renderer(vec![collector]);
        let page = text(&renderer).await;
        assert!(page.contains(line), "{page}");
        assert!(page.contains("{cause=\"source\"} 0\n"), "{page}");
        let types = page.matches("# TYPE monitor_scrape_errors_total ");
        assert_eq!(types.count(), 1, "{page}");
    }
}

#[test]
fn a_render_dropped_with_its_runtime_leaves_the_renderer_usable() {
    let (renderer, _) = renderer(Vec::new());
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .max_blocking_threads(1)
            .enable_time()
            .build()
            .expect("a runtime")
    };
    let first = runtime();
    // The one thread for blocking work is taken, so that the render never runs.
    let (release, taken) = std::sync::mpsc::channel::<()>();
    first.spawn_blocking(move || taken.recv());
    let waiting = first.block_on(async {
        tokio::time::timeout(Duration::from_millis(20), renderer.page(wanted())).await
    });
    assert!(waiting.is_err());
    first.shutdown_background();
    drop(release);
    assert!(
        runtime()
            .block_on(text(&renderer))
            .contains("started_total")
    );
}

#[tokio::test]
async fn gzip_and_names_are_pages_of_their_own() {
    let (renderer, _) = renderer(Vec::new());
    let plain = text(&renderer).await;
    let packed = renderer
        .page(Wanted {
            gzip: true,
            ..wanted()
        })
        .await
        .expect("a page");
    let mut unpacked = String::new();
    flate2::read::GzDecoder::new(&packed[..])
        .read_to_string(&mut unpacked)
        .expect("gzip");
    let names = |page: &str| -> HashSet<String> {
        let samples = page.lines().filter(|line| !line.starts_with('#'));
        samples
            .map(|line| line.split(' ').next().unwrap_or_default().to_owned())
            .collect()
    };
    assert_eq!(names(&plain), names(&unpacked));
    let one = Wanted {
        names: Some(Arc::from(["started_total".to_owned()])),
        ..wanted()
    };
    let page = renderer.page(one).await.expect("a page");
    assert_eq!(names(std::str::from_utf8(&page).expect("text")).len(), 1);
    let none = Wanted {
        names: Some(Arc::from(["nothing".to_owned()])),
        ..wanted()
    };
    assert!(renderer.page(none).await.expect("a page").is_empty());
}

/// What the `prometheus` crate's process collector gives; in this build of the crate it is not there.
fn like_a_process_collector() -> Vec<Box<dyn Collector>> {
    [
        "process_threads",
        "process_open_fds",
        "process_start_time_seconds",
    ]
    .map(|name| {
        let gauge = prometheus::IntGauge::new(name, "The registry's.").expect("a name");
        gauge.set(7_777_777);
        Box::new(gauge) as Box<dyn Collector>
    })
    .into()
}

#[tokio::test]
async fn a_process_collector_in_a_registry_gives_way_without_noise() {
    let registry = Registry::new();
    for collector in like_a_process_collector() {
        registry.register(collector).expect("a fresh registry");
    }
    let metrics = Arc::new(SelfMetrics::default());
    let renderer = |process| {
        Renderer::new(
            Monitor::new(monitor_core::StorageConfig::default()),
            vec![registry.clone()],
            Duration::from_secs(5),
            process,
            Arc::clone(&metrics),
        )
    };
    let count = |page: &str| page.matches(" 7777777\n").count();
    let page = text(&renderer(Process::default())).await;
    if cfg!(target_os = "linux") {
        assert_eq!(count(&page), 0, "{page}");
        assert_eq!(page.matches("\nprocess_threads ").count(), 1, "{page}");
    }
    // Where ours is switched off, theirs is shown; the start time is the storage's in any case.
    assert_eq!(count(&text(&renderer(nothing())).await), 2);
    assert_eq!(metrics.errors(Cause::RepeatedSeries), 0);
    assert_eq!(metrics.errors(Cause::Family), 0);
}
