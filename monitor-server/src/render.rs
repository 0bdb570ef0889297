//! Pages for those who scrape. One renders for all who wait; who arrives meanwhile shares the next render with all who do,
//! so that no scrape shows a state older than its own arrival, less what [`Ages`] allows, and a crowd of scrapers costs
//! little more than one.
//!
//! The one who renders, the leader, is a job on a thread for blocking work. [`queue`] says what it does next; here it is done.

mod cache;
mod held;
mod leader;
mod queue;
mod write;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use monitor_core::Monitor;
use monitor_core::collector::Merged;
use monitor_core::exposition::Format;
use monitor_core::family::{Family, Label};
use monitor_core::names::{Exporter, Profile};
use monitor_core::snapshot::Snapshot;
use tokio::sync::oneshot;

use crate::health::Vitals;
use crate::labels;
use crate::process::{self, Process};
use crate::runtime::log::{LogThrottle, log};
use crate::self_metrics::{Cause, SelfMetrics};
use crate::source::{self, Gathered, Source};

pub(crate) use self::cache::Ages;
pub(crate) use self::held::HeldPages;
use self::leader::Leader;
use self::queue::{Absent, Queue, Round, Waiting};
use self::write::Pages;

/// What one scrape asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) format: Format,
    /// Only the samples of these full names, and in `OpenMetrics` the families, as the page writes them; `None` is all.
    pub(crate) names: Option<Arc<[String]>>,
    /// Whether names are written under the escaping scheme `dots`.
    pub(crate) dots: bool,
    pub(crate) gzip: bool,
}

/// Why there is no page for a scrape.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PageError {
    /// As many as may wait already.
    #[error("too many scrapes are waiting")]
    Busy,
    /// Its deadline passed.
    #[error("the page was not ready in time")]
    Late,
    /// Something was left out, and pages are to be whole; the text says what.
    #[error("{0}")]
    Incomplete(Arc<str>),
    /// Why is in the log.
    #[error("the page could not be rendered")]
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

/// Renders the pages of one storage and the sources beside it.
#[derive(Debug, Clone)]
pub(crate) struct Renderer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    monitor: Monitor,
    sources: Vec<Source>,
    settings: PageSettings,
    /// Where it puts each series it has put on a page.
    exporter: Exporter,
    process: Process,
    metrics: Arc<SelfMetrics>,
    vitals: Arc<Vitals>,
    of_gaps: LogThrottle,
    /// A throttle of its own: a scraper can cause these lines at will, and they must not hide others.
    of_haste: LogThrottle,
    of_merges: LogThrottle,
    held: Arc<HeldPages>,
    /// Bytes of the last whole page before compression. `Relaxed`: it only saves copying.
    size: AtomicUsize,
    queue: Mutex<Queue>,
    /// An arrival, a departure, or a source that returned.
    changed: Condvar,
}

impl Renderer {
    pub(crate) fn with_vitals(
        monitor: Monitor,
        sources: Vec<Source>,
        settings: PageSettings,
        process: Process,
        metrics: Arc<SelfMetrics>,
        vitals: Arc<Vitals>,
    ) -> Self {
        let queue = Queue::new(sources.len(), settings.gather_timeout, settings.ages);
        let held = Arc::new(HeldPages::new(settings.max_page_bytes));
        Self {
            shared: Arc::new(Shared {
                monitor,
                sources,
                exporter: Exporter::new(settings.profile),
                settings,
                process,
                metrics,
                vitals,
                of_gaps: LogThrottle::default(),
                of_haste: LogThrottle::default(),
                of_merges: LogThrottle::default(),
                held,
                size: AtomicUsize::new(0),
                queue: Mutex::new(queue),
                changed: Condvar::new(),
            }),
        }
    }

    /// The pages that are in memory.
    pub(crate) fn held(&self) -> Arc<HeldPages> {
        Arc::clone(&self.shared.held)
    }

    /// Waits for a page whose state is not older than this call, less what [`Ages`] allows; at most this long. Sources are
    /// given up after three quarters of it, so that the rest of the page arrives.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the others that wait untouched.
    pub(crate) async fn page(
        &self,
        wanted: Wanted,
        patience: Option<Duration>,
    ) -> Result<Bytes, PageError> {
        let arrived = Instant::now();
        let (sender, receiver) = oneshot::channel();
        let due = patience.and_then(|patience| arrived.checked_add(patience / 4 * 3));
        let waiting = Waiting {
            wanted,
            arrived,
            due,
            sender,
        };
        let (shared, leader) = match self.shared.enqueue(waiting)? {
            Entry::Kept(page) => return Ok(page),
            Entry::Waits { leads } => (&self.shared, leads.then(|| Leader::new(&self.shared))),
        };
        let mut asking = Asking { shared, receiver };
        if let Some(leader) = leader {
            leader.send_off()?;
        }
        let answer = match patience {
            None => (&mut asking.receiver).await,
            Some(patience) => tokio::time::timeout(patience, &mut asking.receiver)
                .await
                .map_err(|_| PageError::Late)?,
        };
        answer.unwrap_or(Err(PageError::Failed))
    }
}

/// What became of an arrival.
enum Entry {
    /// A page that was kept suits it.
    Kept(Bytes),
    /// It is in the queue; where nobody leads yet, it is the one to make somebody.
    Waits { leads: bool },
}

/// A scrape that waits; on each way out it leaves, and whoever renders for nobody else stops.
struct Asking<'s> {
    shared: &'s Arc<Shared>,
    receiver: oneshot::Receiver<Result<Bytes, PageError>>,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.receiver.close();
        self.shared.queue().in_flight -= 1;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enqueue(&self, waiting: Waiting) -> Result<Entry, PageError> {
        let mut queue = self.queue();
        let ages = self.settings.ages;
        if let Some(page) = queue.cache.find(&waiting.wanted, waiting.arrived, ages) {
            return Ok(Entry::Kept(page));
        }
        let max = self.settings.max_scrapes;
        if max != 0 && queue.in_flight >= max {
            return Err(PageError::Busy);
        }
        queue.in_flight += 1;
        queue.waiting.push(waiting);
        let leads = !std::mem::replace(&mut queue.rendering, true);
        self.changed.notify_all();
        Ok(Entry::Waits { leads })
    }

    /// Starts to gather these sources, at the same time, so that several which hang cost one limit.
    fn start(self: &Arc<Self>, sources: Vec<usize>) {
        for source in sources {
            let shared = Arc::clone(self);
            source::gather(&self.sources[source], self.monitor, move |gathered| {
                shared.queue().returned(source, gathered);
                shared.changed.notify_all();
            });
        }
    }

    /// A panic is a bug; the senders of its round are dropped by the unwinding, and its scrapes are answered `Failed`.
    fn serve_caught(&self, round: Round) {
        let begun = Instant::now();
        if catch_unwind(AssertUnwindSafe(|| self.serve(round))).is_err() {
            self.metrics.count(Cause::Internal, 1);
            log(move || tracing::error!("rendering the metrics page panicked"));
        }
        self.metrics.rendered(begun.elapsed());
    }

    /// One snapshot for the whole round; each distinct page is written once and shared as bytes.
    fn serve(&self, round: Round) {
        let mut gaps = Gaps::default();
        let snapshot = self.monitor.snapshot();
        let ours = self.own_families(&snapshot);
        self.exporter.reserve(&ours);
        let beside = self.beside(ours, round.sources, &mut gaps);
        let dotted = round.waiting.iter().any(|waiting| waiting.wanted.dots);
        let pages = Pages::new(self, snapshot, beside, dotted);
        gaps.families = pages.plain.merged.dropped_families;
        if self.settings.strict && !gaps.is_empty() {
            let gaps: Arc<str> = gaps.to_string().into();
            for waiting in round.waiting {
                let answer = Err(PageError::Incomplete(Arc::clone(&gaps)));
                // Here and below: the scraper may have left meanwhile.
                let _ = waiting.sender.send(answer);
            }
            return;
        }
        let mut written: Vec<(Wanted, Bytes)> = Vec::new();
        for Waiting { wanted, sender, .. } in round.waiting {
            if sender.is_closed() {
                continue;
            }
            let known = written.iter().find(|(other, _)| *other == wanted);
            let page = if let Some((_, page)) = known {
                page.clone()
            } else {
                let page = self.write(&pages, &wanted);
                if !round.is_hurried {
                    let mut queue = self.queue();
                    queue
                        .cache
                        .keep(&wanted, round.state, &page, self.settings.ages);
                }
                written.push((wanted, page.clone()));
                page
            };
            let _ = sender.send(Ok(page));
        }
    }

    /// Counts the series and families that a page goes without, and says what the first of them was. Each page may have some, so
    /// not each has its line.
    fn count_left_out(&self, merged: &Merged) {
        let (series, families) = (merged.dropped_series, merged.dropped_families);
        self.metrics.count(Cause::RepeatedSeries, series);
        self.metrics.count(Cause::Family, families);
        if let Some(why) = merged.first_left_out.as_ref().map(ToString::to_string) {
            self.of_merges.log(move |left_out| {
                tracing::warn!(%why, series, families, left_out, "series or families of a source were left out of the metrics page");
            });
        }
    }

    fn write(&self, pages: &Pages, wanted: &Wanted) -> Bytes {
        let size = self.size.load(Ordering::Relaxed);
        let (page, written) = pages.write(wanted, size + size / 16);
        if wanted.names.is_none() {
            self.size.store(written, Ordering::Relaxed);
        }
        self.held.hold(page)
    }

    /// The families beside the storage's: the server's own, then the sources', without what these say of the process again.
    fn beside(
        &self,
        ours: Vec<Family>,
        gathered: Vec<Result<Arc<Gathered>, Absent>>,
        gaps: &mut Gaps,
    ) -> Vec<Vec<Family>> {
        let mut sources = Vec::with_capacity(gathered.len() + 1);
        for (index, (source, gathered)) in self.sources.iter().zip(gathered).enumerate() {
            match self.owned(source, gathered) {
                Ok(mut families) => {
                    process::leave_out_repeats(&ours, &mut families);
                    sources.push(families);
                }
                Err(cause) => {
                    self.metrics.count(cause, 1);
                    gaps.sources.push((source.kind(), index + 1, cause));
                }
            }
        }
        sources.insert(0, ours);
        sources
    }

    /// The families a source gave, copied only where another scrape still waits for them.
    fn owned(
        &self,
        source: &Source,
        gathered: Result<Arc<Gathered>, Absent>,
    ) -> Result<Vec<Family>, Cause> {
        let failed = |error: &source::Missing| {
            source.warn_left_out(&self.of_gaps, error);
            Cause::Source
        };
        match gathered.map(Arc::try_unwrap) {
            Ok(Ok(gathered)) => gathered.map_err(|error| failed(&error)),
            Ok(Err(shared)) => match &*shared {
                Ok(families) => Ok(families.clone()),
                Err(error) => Err(failed(error)),
            },
            Err(Absent::Overrun) => {
                source.warn_left_out(&self.of_gaps, &"it takes longer than it may");
                Err(Cause::Overrun)
            }
            Err(Absent::Hurried) => {
                source.warn_left_out(&self.of_haste, &"it was not there in the scrape's time");
                Err(Cause::Hurried)
            }
        }
    }

    /// What is said of the process, of scrapes and of health; with the labels of every series.
    fn own_families(&self, snapshot: &Snapshot) -> Vec<Family> {
        let common: &[Label] = &snapshot.const_labels;
        let mut ours = self.process.families();
        ours.extend(self.metrics.families(self.held.bytes()));
        ours.extend(self.vitals.families(snapshot));
        labels::add_to_all(&mut ours, common);
        ours
    }
}

/// What a page lacks.
#[derive(Debug, Default)]
struct Gaps {
    /// Registries and collectors by number, from 1, in the order they were given.
    sources: Vec<(&'static str, usize, Cause)>,
    families: u64,
}

impl Gaps {
    fn is_empty(&self) -> bool {
        self.sources.is_empty() && self.families == 0
    }
}

impl std::fmt::Display for Gaps {
    /// Names what failed, not why: the log has that.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the page is incomplete, and `strict` is set\n")?;
        for (kind, number, cause) in &self.sources {
            let what = match cause {
                Cause::Overrun => "took longer than it may",
                Cause::Hurried => "was not there in the scrape's time",
                _ => "failed",
            };
            writeln!(f, "{kind} {number} {what}")?;
        }
        if self.families > 0 {
            let count = self.families;
            writeln!(f, "families with an invalid or a taken name: {count}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
