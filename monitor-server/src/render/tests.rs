//! Sharing of renders, and sources that fail.

use std::collections::HashSet;
use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use prometheus::core::{Collector, Desc};
use prometheus::{Gauge, IntCounter, Registry};

use super::*;
use crate::health::{HealthSettings, Lifecycle};

mod formats;
mod own_names;
mod sharing;
mod sources;

/// A collector that counts its gatherings, and waits or panics in them as told.
#[derive(Clone, Default)]
pub(crate) struct Probe {
    gathered: Arc<AtomicU64>,
    slow: Option<Duration>,
    hangs: Arc<AtomicBool>,
    panics: bool,
}

impl Probe {
    fn slow(milliseconds: u64) -> Self {
        Self {
            slow: Some(Duration::from_millis(milliseconds)),
            ..Self::default()
        }
    }

    pub(crate) fn hanging() -> Self {
        let probe = Self::default();
        probe.hangs.store(true, Ordering::SeqCst);
        probe
    }

    fn broken() -> Self {
        Self {
            panics: true,
            ..Self::default()
        }
    }

    /// Ends each gathering that hangs, and lets none hang any more.
    pub(crate) fn release(&self) {
        self.hangs.store(false, Ordering::SeqCst);
    }

    fn gathered(&self) -> u64 {
        self.gathered.load(Ordering::SeqCst)
    }
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

impl Renderer {
    /// Stands in for the thread that renders, so that nothing is rendered.
    pub(crate) fn stop_rendering(&self) {
        lock(&self.queue).is_advancing = true;
    }

    /// Scrapes that wait.
    fn in_flight(&self) -> usize {
        let places = match self.settings.max_scrapes {
            0 => Semaphore::MAX_PERMITS,
            max => max,
        };
        places - self.places.available_permits()
    }

    /// Whether nothing is rendered, and no scrape waits.
    fn is_idle(&self) -> bool {
        let queue = lock(&self.queue);
        let mut waiting = queue.waiting.iter();
        !queue.is_advancing && waiting.all(|waiting| waiting.sender.is_closed())
    }
}

/// Of a service of which nothing is known but its task types.
fn renderer_of(
    monitor: Monitor,
    sources: Vec<Source>,
    settings: PageSettings,
    process: Process,
    metrics: Arc<SelfMetrics>,
) -> Arc<Renderer> {
    let health = HealthService::new(monitor, &HealthSettings::default(), Lifecycle::new(false));
    let health = Arc::new(health);
    Renderer::new(sources, settings, process, metrics, health, Pool::default())
}

/// The settings of an empty configuration.
fn settings() -> PageSettings {
    crate::MonitorConfig::default().page_settings()
}

pub(crate) fn registry_with(collector: impl Collector + 'static) -> Registry {
    let registry = Registry::new();
    let registered = registry.register(Box::new(collector));
    registered.expect("a fresh registry");
    registry
}

fn registry_of(collector: Box<dyn Collector>) -> Source {
    let registry = Registry::new();
    registry.register(collector).expect("a fresh registry");
    Source::registry(registry)
}

fn renderer(collectors: Vec<Box<dyn Collector>>) -> (Arc<Renderer>, Arc<SelfMetrics>) {
    renderer_with(collectors, settings())
}

fn renderer_with(
    collectors: Vec<Box<dyn Collector>>,
    settings: PageSettings,
) -> (Arc<Renderer>, Arc<SelfMetrics>) {
    renderer_from(collectors.into_iter().map(registry_of).collect(), settings)
}

fn renderer_from(
    sources: Vec<Source>,
    settings: PageSettings,
) -> (Arc<Renderer>, Arc<SelfMetrics>) {
    let monitor = Monitor::new(monitor_core::StorageConfig::default());
    let metrics = Arc::new(SelfMetrics::default());
    let renderer = renderer_of(monitor, sources, settings, nothing(), Arc::clone(&metrics));
    (renderer, metrics)
}

fn gather_timeout(timeout: Duration) -> PageSettings {
    PageSettings {
        gather_timeout: timeout,
        ..settings()
    }
}

/// A process of which nothing is said: its numbers change from page to page.
fn nothing() -> Process {
    crate::MonitorConfig::default()
        .process_metrics(false)
        .process
}

fn wanted() -> PageRequest {
    PageRequest {
        format: Format::Text004,
        names: None,
        dots: false,
        gzip: false,
    }
}

fn packed() -> PageRequest {
    PageRequest {
        gzip: true,
        ..wanted()
    }
}

fn unpacked(page: &[u8]) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(page)
        .read_to_string(&mut text)
        .expect("gzip");
    text
}

async fn page(renderer: &Arc<Renderer>, wanted: PageRequest) -> Bytes {
    renderer.page(wanted, None).await.expect("a page")
}

/// A page's text, unpacked.
async fn text_of(renderer: &Arc<Renderer>, wanted: PageRequest) -> String {
    let is_packed = wanted.gzip;
    let page = page(renderer, wanted).await;
    if is_packed {
        unpacked(&page)
    } else {
        String::from_utf8(page.to_vec()).expect("text")
    }
}

async fn text(renderer: &Arc<Renderer>) -> String {
    text_of(renderer, wanted()).await
}

/// A page without the server's own metrics, which tell of earlier pages.
async fn others(renderer: &Arc<Renderer>) -> String {
    let page = text(renderer).await;
    let lines = page.lines().filter(|line| !line.contains("monitor_scrape"));
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn who_arrives_during_a_render_shares_the_next_one() {
    let probe = Probe::slow(100);
    let (renderer, _) = renderer(vec![Box::new(probe.clone())]);
    let spawn = || {
        let renderer = renderer.clone();
        tokio::spawn(async move { text(&renderer).await })
    };
    let first = spawn();
    while probe.gathered() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let others: Vec<_> = (0..50).map(|_| spawn()).collect();
    assert!(first.await.expect("no panic").contains("probe 1"));
    for other in others {
        assert!(other.await.expect("no panic").contains("probe 2"));
    }
    assert_eq!(probe.gathered(), 2);
    assert!(text(&renderer).await.contains("probe 3"));
}

#[tokio::test]
async fn registries_that_hang_cost_one_deadline_together() {
    let probe = Probe::hanging();
    let probes = (0..8).map(|_| -> Box<dyn Collector> { Box::new(probe.clone()) });
    let (renderer, metrics) =
        renderer_with(probes.collect(), gather_timeout(Duration::from_millis(200)));
    let begin = Instant::now();
    text(&renderer).await;
    let took = begin.elapsed();
    assert!(took < Duration::from_millis(800), "{took:?}");
    assert_eq!(metrics.errors(Cause::Overrun), 8);
    probe.release();
}

#[tokio::test]
async fn the_server_s_counters_are_there_from_the_start_at_zero() {
    let (renderer, _) = renderer(Vec::new());
    let page = text(&renderer).await;
    for line in [
        "# TYPE monitor_scrapes_total counter",
        "monitor_scrapes_total{code=\"200\"} 0",
        "monitor_scrapes_total{code=\"400\"} 0",
        "monitor_scrapes_total{code=\"500\"} 0",
        "monitor_scrapes_total{code=\"503\"} 0",
        "monitor_scrapes_in_flight 0",
        "# TYPE monitor_scrape_render_seconds summary",
        "monitor_scrape_render_seconds_count 0",
        "monitor_scrape_body_bytes_total 0",
        "monitor_scrape_errors_total{cause=\"source\"} 0",
        "monitor_scrape_errors_total{cause=\"timeout\"} 0",
        "monitor_scrape_errors_total{cause=\"busy\"} 0",
    ] {
        assert!(page.lines().any(|other| other == line), "{line}: {page}");
    }
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
    let monitor = renderer.monitor;
    let registry = Registry::new();
    registry
        .register(Box::new(*monitor.storage()))
        .expect("a fresh registry");
    let with = renderer_of(
        monitor,
        vec![Source::registry(registry)],
        settings(),
        nothing(),
        Arc::clone(&metrics),
    );
    assert_eq!(others(&with).await, others(&renderer).await);
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
fn a_scrape_dropped_with_its_runtime_leaves_the_renderer_usable() {
    let probe = Probe::hanging();
    let (renderer, _) = renderer(vec![Box::new(probe.clone())]);
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time().build().expect("a runtime")
    };
    let first = runtime();
    let waits = renderer.clone();
    first.spawn(async move { waits.page(wanted(), None).await });
    first.block_on(async {
        while probe.gathered() == 0 {
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(renderer.in_flight(), 1);
    drop(first);
    assert_eq!(renderer.in_flight(), 0);
    probe.release();
    assert!(runtime().block_on(text(&renderer)).contains("probe 2"));
}

/// The names and labels of a page's samples.
fn series(page: &str) -> HashSet<String> {
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    samples
        .map(|line| {
            line.rsplit_once(' ')
                .map_or(line, |(series, _)| series)
                .to_owned()
        })
        .collect()
}

#[tokio::test]
async fn gzip_and_names_are_pages_of_their_own() {
    let (renderer, _) = renderer(Vec::new());
    let plain = text(&renderer).await;
    let gzip = text_of(&renderer, packed()).await;
    assert_eq!(series(&plain), series(&gzip));
    let named = |name: &str| PageRequest {
        names: Some(Arc::from([name.to_owned()])),
        ..wanted()
    };
    let one = text_of(&renderer, named("service_tasks_started_total")).await;
    assert_eq!(series(&one).len(), 1);
    assert!(page(&renderer, named("nothing")).await.is_empty());
}

/// The families of the `prometheus` crate's process collector; in this build of the crate it is not there.
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
        renderer_of(
            Monitor::new(monitor_core::StorageConfig::default()),
            vec![Source::registry(registry.clone())],
            settings(),
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

#[tokio::test]
async fn constant_labels_are_on_all_families_but_a_registry_s() {
    let labels = [("env", "prod"), ("version", "of all")];
    let mut config = monitor_core::StorageConfig::default();
    config.const_labels = monitor_core::config::ConstLabels::try_new(labels).expect("labels");
    let opts = prometheus::Opts::new("monitor_scrape_errors_total", "The user's.")
        .const_label("cause", "source")
        .const_label("env", "prod")
        .const_label("version", "of all");
    let repeated = IntCounter::with_opts(opts).expect("a name");
    let mine = Gauge::new("mine", "The user's.").expect("a name");
    let collectors: [Box<dyn Collector>; 2] = [Box::new(repeated), Box::new(mine)];
    let runtime = Handle::current();
    let server = crate::MonitorConfig::default()
        .service(crate::Service::new("text", "1.10"))
        .runtime("main", &runtime);
    let renderer = renderer_of(
        Monitor::new(config),
        collectors.map(registry_of).into(),
        settings(),
        server.process,
        Arc::default(),
    );
    let page = text(&renderer).await;
    for line in [
        "service_tasks_started_total{env=\"prod\",version=\"of all\"} 0",
        "monitor_build_info{env=\"prod\",name=\"text\",version=\"1.10\"} 1",
        "tokio_workers{env=\"prod\",runtime=\"main\",version=\"of all\"} 1",
        "monitor_scrapes_total{code=\"200\",env=\"prod\",version=\"of all\"} 0",
        "monitor_scrapes_in_flight{env=\"prod\",version=\"of all\"} 0",
        "monitor_scrape_errors_total{cause=\"repeated_series\",env=\"prod\",version=\"of all\"} 1",
        "mine 0",
    ] {
        assert!(page.lines().any(|other| other == line), "{line}: {page}");
    }
    if cfg!(target_os = "linux") {
        let threads = "\nprocess_threads{env=\"prod\",version=\"of all\"} ";
        assert!(page.contains(threads), "{page}");
    }
}
