//! Pages for scrapes. One render at a time serves all that wait; scrapes that arrive meanwhile share the next, so no
//! scrape is shown a state older than its own arrival, less the age that [`Ages`] allows, and a crowd of scrapers costs
//! little more than one.
//!
//! The life of a scrape: [`Renderer::page`] looks for a kept page, else takes one of the places of scrapes that may
//! wait, and joins the queue ([`queue`]). A job of the pool has the sources gathered, each as a job of its own, and
//! hands those scrapes that can be served to [`Renderer::serve`], which takes one snapshot for all of them and has each
//! distinct page written once ([`pages`]). The page comes back over a oneshot. On each way out the scrape's place is
//! free again.

mod pages;
mod queue;

use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use monitor_core::Monitor;
#[cfg(feature = "prometheus")]
use monitor_core::collector;
use monitor_core::collector::Merged;
use monitor_core::exposition::Format;
use monitor_core::family::Family;
use monitor_core::names::{Exporter, Profile};
use monitor_core::snapshot::Snapshot;
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore, oneshot};

use crate::config::add_to_all;
use crate::health::HealthService;
use crate::process::{self, Process};
use crate::runtime::lock;
use crate::runtime::log::{LogThrottle, log};
use crate::runtime::pool::Pool;
use crate::self_metrics::{Cause, SelfMetrics};

use self::pages::PageWriter;
pub(crate) use self::pages::{Ages, HeldPages};
use self::queue::{Absent, PageResult, Round, ScrapeQueue, Waiting};

/// The page that one scrape asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PageRequest {
    pub(crate) format: Format,
    /// Only the samples of these full names, in `OpenMetrics` the families too and in protobuf these alone, as the page
    /// writes them; `None` is all.
    pub(crate) names: Option<Arc<[String]>>,
    /// Whether names are written under the escaping scheme `dots`.
    pub(crate) dots: bool,
    pub(crate) gzip: bool,
}

/// Why there is no page for a scrape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PageError {
    /// As many as may wait already.
    Busy,
    /// Its deadline passed.
    Late,
    /// Something was left out, and pages are to be whole; the text names it.
    Incomplete(Arc<str>),
    /// Why is in the log.
    Failed,
}

/// How pages are made.
#[derive(Debug, Clone)]
pub(crate) struct PageSettings {
    pub(crate) profile: Profile,
    /// Whether a page that lacks a source or a family is none.
    pub(crate) strict: bool,
    pub(crate) ages: Ages,
    /// How long a source may take; zero is no limit.
    pub(crate) gather_timeout: Duration,
    /// Most scrapes that wait at once; zero is no limit.
    pub(crate) max_scrapes: usize,
    /// Most bytes of pages in memory; zero is no limit.
    pub(crate) max_page_bytes: usize,
}

/// A registry or a collector that is exported beside the storage: it fails by itself, and whole.
#[derive(Clone)]
#[cfg_attr(
    not(feature = "prometheus"),
    allow(dead_code, reason = "without it there are none")
)]
pub(crate) struct Source {
    /// For messages about its failure.
    kind: &'static str,
    gather: Arc<GatherSource>,
}

/// The families of a source, beside a monitor that is served. The storage of that, registered here too, is no fault: it
/// gives nothing.
type GatherSource = dyn Fn(Monitor) -> Result<Vec<Family>, String> + Send + Sync;

#[cfg(feature = "prometheus")]
impl Source {
    const REGISTRY: &str = "registry";

    pub(crate) fn registry(registry: prometheus::Registry) -> Self {
        let gather = move |served: Monitor| {
            let gathered = collector::gather_beside(&registry, served.storage());
            gathered.map_err(|error| error.to_string())
        };
        Self {
            kind: Self::REGISTRY,
            gather: Arc::new(gather),
        }
    }

    /// One that is in no registry.
    pub(crate) fn collector(collector: impl prometheus::core::Collector + 'static) -> Self {
        let gather = move |served: Monitor| {
            let gathered = collector::collect_beside(&collector, served.storage());
            gathered.map_err(|error| error.to_string())
        };
        Self {
            kind: "collector",
            gather: Arc::new(gather),
        }
    }

    /// These, and where there is no registry among them the process's default one before them.
    pub(crate) fn with_default_registry(sources: &[Self]) -> Vec<Self> {
        let mut sources = sources.to_vec();
        if sources.iter().all(|source| source.kind != Self::REGISTRY) {
            sources.insert(0, Self::registry(prometheus::default_registry().clone()));
        }
        sources
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind)
    }
}

/// Renders the pages of one storage and the sources beside it. Scrapes share it with jobs of the pool.
#[derive(Debug)]
pub(crate) struct Renderer {
    monitor: Monitor,
    sources: Vec<Source>,
    settings: PageSettings,
    /// Where it puts each series it has put on a page.
    exporter: Exporter,
    process: Process,
    metrics: Arc<SelfMetrics>,
    health: Arc<HealthService>,
    left_out_log: LogThrottle,
    /// A throttle of its own: a scraper can cause these lines at will, and they must not hide others.
    hurried_log: LogThrottle,
    merge_log: LogThrottle,
    /// The pages that are in memory.
    pub(crate) held: Arc<HeldPages>,
    queue: Mutex<ScrapeQueue>,
    /// Wakes the scrapes that wait: a gather has begun, which has a limit of its own.
    gathers_begin: Notify,
    /// One for each scrape that may wait, those being rendered for included.
    places: Semaphore,
    pool: Pool,
}

impl Renderer {
    pub(crate) fn new(
        sources: Vec<Source>,
        settings: PageSettings,
        process: Process,
        metrics: Arc<SelfMetrics>,
        health: Arc<HealthService>,
        pool: Pool,
    ) -> Arc<Self> {
        let places = match settings.max_scrapes {
            0 => Semaphore::MAX_PERMITS,
            most => most.min(Semaphore::MAX_PERMITS),
        };
        Arc::new(Self {
            monitor: health.monitor,
            queue: Mutex::new(ScrapeQueue::new(sources.len())),
            gathers_begin: Notify::new(),
            sources,
            exporter: Exporter::new(settings.profile),
            process,
            metrics,
            health,
            left_out_log: LogThrottle::default(),
            hurried_log: LogThrottle::default(),
            merge_log: LogThrottle::default(),
            held: Arc::new(HeldPages::new(settings.max_page_bytes)),
            places: Semaphore::new(places),
            pool,
            settings,
        })
    }

    /// Waits for a page whose state is not older than this call, less the age that [`Ages`] allows; at most this long.
    /// Sources are given up after three quarters of it, so that the rest of the page arrives.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the others that wait untouched.
    pub(crate) async fn page(
        self: &Arc<Self>,
        request: PageRequest,
        timeout: Option<Duration>,
    ) -> PageResult {
        let arrived = Instant::now();
        let kept = lock(&self.queue)
            .kept
            .find(&request, arrived, self.settings.ages);
        if let Some(page) = kept {
            return Ok(page);
        }
        let _place = self.places.try_acquire().map_err(|_| PageError::Busy)?;
        let (sender, receiver) = oneshot::channel();
        let due = timeout.and_then(|timeout| arrived.checked_add(timeout / 4 * 3));
        let waiting = Waiting {
            request,
            arrived,
            due,
            sender,
            runtime: Handle::try_current().ok(),
        };
        if let Err(error) = self.enqueue(waiting) {
            self.metrics.count(Cause::Internal, 1);
            log(move || tracing::error!(%error, "no thread to render the metrics page on"));
            return Err(PageError::Failed);
        }
        let answered = self.answered(receiver, arrived, due);
        match timeout {
            None => answered.await,
            Some(timeout) => tokio::time::timeout(timeout, answered)
                .await
                .unwrap_or(Err(PageError::Late)),
        }
    }

    /// A panic is a bug; the senders of its round are dropped by the unwinding, and its scrapes are answered `Failed`.
    fn serve_caught(self: &Arc<Self>, round: Round) {
        let begun = Instant::now();
        if catch_unwind(AssertUnwindSafe(|| self.serve(round))).is_err() {
            self.metrics.count(Cause::Internal, 1);
            log(move || tracing::error!("rendering the metrics page panicked"));
        }
        self.metrics.rendered(begun.elapsed());
    }

    /// One snapshot for the whole round; each distinct page is written once and shared as bytes.
    fn serve(self: &Arc<Self>, round: Round) {
        // The parts that the page lacks; the reasons are in the log.
        let mut gaps = String::new();
        let requests = round.waiting.iter().map(|waiting| &waiting.request);
        let snapshot = self.snapshot_for(requests);
        let ours = self.own_families(&snapshot);
        self.exporter.reserve(&ours);
        let beside = self.beside(ours, round.sources, &mut gaps);
        let dotted = round.waiting.iter().any(|waiting| waiting.request.dots);
        let writer = PageWriter::new(self, snapshot, beside, dotted);
        let families = writer.dropped_families();
        if families > 0 {
            let _ = writeln!(gaps, "families with an invalid or a taken name: {families}");
        }
        let incomplete = (self.settings.strict && !gaps.is_empty()).then(|| -> Arc<str> {
            format!("the page is incomplete, and `strict` is set\n{gaps}").into()
        });
        let mut written: Vec<(PageRequest, Bytes)> = Vec::new();
        for waiting in round.waiting {
            if waiting.sender.is_closed() {
                continue;
            }
            let request = &waiting.request;
            let known = written.iter().find(|(other, _)| other == request);
            let page = if let Some(gaps) = &incomplete {
                Err(PageError::Incomplete(Arc::clone(gaps)))
            } else if let Some((_, page)) = known {
                Ok(page.clone())
            } else {
                let page = self.held.hold(writer.write(request));
                if !round.is_hurried {
                    self.keep(&waiting, round.state, &page);
                }
                written.push((request.clone(), page.clone()));
                Ok(page)
            };
            // An error: the scraper left meanwhile.
            let _ = waiting.sender.send(page);
        }
    }

    /// The state for these pages: with the buckets of native histograms, which take time to read, only where one of them
    /// is in the format that has them.
    fn snapshot_for<'r>(&self, mut requests: impl Iterator<Item = &'r PageRequest>) -> Snapshot {
        if requests.any(|request| request.format == Format::Protobuf) {
            self.monitor.native_snapshot()
        } else {
            self.monitor.snapshot()
        }
    }

    /// Keeps a page where it may suit a later scrape, and has it dropped when it is too old.
    fn keep(self: &Arc<Self>, waiting: &Waiting, state: Instant, page: &Bytes) {
        let ages = self.settings.ages;
        let mut queue = lock(&self.queue);
        let end = queue.kept.keep(&waiting.request, state, page, ages);
        drop(queue);
        if let (Some(end), Some(runtime)) = (end, &waiting.runtime) {
            let shared = Arc::downgrade(self);
            runtime.spawn(async move {
                tokio::time::sleep_until(end.into()).await;
                if let Some(shared) = shared.upgrade() {
                    let mut queue = lock(&shared.queue);
                    queue.kept.drop_stale(Instant::now(), ages);
                }
            });
        }
    }

    /// Counts the series and families that a page goes without, and logs the first of them. Each page may have some, so
    /// not each has its line.
    fn count_left_out(&self, merged: &Merged) {
        let (series, families) = (merged.dropped_series, merged.dropped_families);
        self.metrics.count(Cause::RepeatedSeries, series);
        self.metrics.count(Cause::Family, families);
        if let Some(why) = merged.first_left_out.as_ref().map(ToString::to_string) {
            self.merge_log.log(move |left_out| {
                tracing::warn!(%why, series, families, left_out, "series or families of a source were left out of the metrics page");
            });
        }
    }

    /// The families beside the storage's: the server's own, then the sources', without repeats of those of the process.
    /// Sources are numbered from 1, registries and collectors in the order they were given.
    fn beside(
        &self,
        ours: Vec<Family>,
        gathered: Vec<Result<Arc<Vec<Family>>, Absent>>,
        gaps: &mut String,
    ) -> Vec<Vec<Family>> {
        let mut sources = Vec::with_capacity(gathered.len() + 1);
        for (index, (source, gathered)) in self.sources.iter().zip(gathered).enumerate() {
            match gathered {
                Ok(families) => {
                    let mut families = Arc::unwrap_or_clone(families);
                    process::leave_out_repeats(&ours, &mut families);
                    sources.push(families);
                }
                Err(absent) => {
                    let what = self.left_out(source, absent);
                    let _ = writeln!(gaps, "{} {} {what}", source.kind, index + 1);
                }
            }
        }
        sources.insert(0, ours);
        sources
    }

    /// Counts a source that a page goes without, and logs why. Each page may, so not each has its line. Returns the
    /// failure in words for a strict page.
    fn left_out(&self, source: &Source, (cause, why): Absent) -> &'static str {
        let (log, what) = match cause {
            Cause::Overrun => (&self.left_out_log, "took longer than it may"),
            Cause::Hurried => (&self.hurried_log, "was not there in the scrape's time"),
            _ => (&self.left_out_log, "failed"),
        };
        let kind = source.kind;
        log.log(move |left_out| {
            tracing::warn!(%why, left_out, "a {kind} was left out of the metrics page");
        });
        self.metrics.count(cause, 1);
        what
    }

    /// The families of the process, of scrapes and of health; with the labels of every series.
    fn own_families(&self, snapshot: &Snapshot) -> Vec<Family> {
        let mut ours = self.process.families();
        ours.extend(self.metrics.families(self.held.bytes()));
        ours.extend(self.health.families(snapshot));
        add_to_all(&mut ours, &snapshot.const_labels);
        ours
    }
}

#[cfg(test)]
pub(crate) mod tests;
