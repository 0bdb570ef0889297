//! One render at a time. Who arrives during a render shares the next one with all who wait, so that no scrape shows a
//! state older than its own arrival, and a crowd of scrapers costs no more than two renders in a row.

use std::io::Write;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use monitor_core::Monitor;
use monitor_core::collector::merge;
use monitor_core::exposition::{self, Format};
use monitor_core::family::Family;
use monitor_core::names::{Profile, families};
use prometheus::Registry;
use tokio::sync::oneshot;

use crate::process::{self, Process};
use crate::self_metrics::{Cause, SelfMetrics};
use crate::source::{Gathering, Missing, Source};

/// Fastest level: on an 855 KiB page a tenth of the default's time for a third more bytes.
const GZIP_LEVEL: Compression = Compression::new(1);

/// What one scrape asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) format: Format,
    /// Only the samples of these full names; `None` is all.
    pub(crate) names: Option<Arc<[String]>>,
    pub(crate) gzip: bool,
}

/// The page could not be made. Why is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the page could not be rendered")]
pub(crate) struct RenderFailed;

/// Renders the pages of one storage and the registries beside it.
#[derive(Debug, Clone)]
pub(crate) struct Renderer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    monitor: Monitor,
    sources: Vec<Source>,
    gather_timeout: Duration,
    process: Process,
    metrics: Arc<SelfMetrics>,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    rendering: bool,
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    wanted: Wanted,
    sender: oneshot::Sender<Bytes>,
}

impl Renderer {
    pub(crate) fn new(
        monitor: Monitor,
        registries: Vec<Registry>,
        gather_timeout: Duration,
        process: Process,
        metrics: Arc<SelfMetrics>,
    ) -> Self {
        let queue = Mutex::default();
        let sources = registries.into_iter().map(Source::new).collect();
        Self {
            shared: Arc::new(Shared {
                monitor,
                sources,
                gather_timeout,
                process,
                metrics,
                queue,
            }),
        }
    }

    /// Waits for a page that was gathered after this call.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the others that wait untouched: the render runs on a thread for blocking work.
    pub(crate) async fn page(&self, wanted: Wanted) -> Result<Bytes, RenderFailed> {
        let (sender, receiver) = oneshot::channel();
        let leader = {
            let mut queue = self.shared.queue();
            queue.waiting.push(Waiting { wanted, sender });
            (!mem::replace(&mut queue.rendering, true)).then(|| Leader::new(&self.shared))
        };
        if let Some(leader) = leader {
            tokio::task::spawn_blocking(move || leader.render_until_nobody_waits());
        }
        receiver.await.map_err(|_| RenderFailed)
    }
}

/// The one that renders. However it ends, run or dropped unrun with its runtime, the next arrival can lead again.
struct Leader {
    shared: Arc<Shared>,
    resigned: bool,
}

impl Leader {
    fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
            resigned: false,
        }
    }

    fn render_until_nobody_waits(mut self) {
        while let Some(batch) = self.next_batch() {
            // The senders of a batch that panics are dropped by the unwinding: its scrapes are answered `RenderFailed`.
            if catch_unwind(AssertUnwindSafe(|| self.shared.serve(batch))).is_err() {
                self.shared.metrics.count(Cause::Internal, 1);
                tracing::error!("rendering the metrics page panicked");
            }
        }
    }

    /// All who wait now; with nobody there it resigns, under the same lock, so that the next arrival leads.
    fn next_batch(&mut self) -> Option<Vec<Waiting>> {
        let mut queue = self.shared.queue();
        if queue.waiting.is_empty() {
            queue.rendering = false;
            self.resigned = true;
            return None;
        }
        Some(mem::take(&mut queue.waiting))
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        if !self.resigned {
            let mut queue = self.shared.queue();
            queue.rendering = false;
            queue.waiting.clear();
        }
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One gathering for the whole batch; each distinct page is written once and shared as bytes.
    fn serve(&self, batch: Vec<Waiting>) {
        let families = self.gather();
        let mut written: Vec<(Wanted, Bytes)> = Vec::new();
        for Waiting { wanted, sender } in batch {
            if sender.is_closed() {
                continue;
            }
            let known = written
                .iter()
                .find(|(other, _)| *other == wanted)
                .map(|(_, page)| page.clone());
            let page = known.unwrap_or_else(|| {
                let page = write_page(&families, &wanted);
                written.push((wanted, page.clone()));
                page
            });
            // The scraper may have left meanwhile.
            let _ = sender.send(page);
        }
    }

    /// The families of all sources: the storage first, then what is said of the process, the server's own, then the registries. A registry that panics or overruns is left out whole, and
    /// counted. They gather at the same time, so that several which hang cost one deadline.
    fn gather(&self) -> Vec<Family> {
        let started: Vec<_> = self
            .sources
            .iter()
            .map(|source| source.start(self.monitor, self.gather_timeout))
            .collect();
        let storage = families(&self.monitor.snapshot(), Profile::default());
        let ours = self.process.families();
        let mut sources = vec![storage, self.metrics.families()];
        for mut families in started
            .into_iter()
            .filter_map(|started| self.finished(started))
        {
            process::leave_out_repeats(&ours, &mut families);
            sources.push(families);
        }
        sources.insert(1, ours);
        let merged = merge(sources);
        self.metrics
            .count(Cause::RepeatedSeries, merged.dropped_series);
        self.metrics.count(Cause::Family, merged.dropped_families);
        let mut families = merged.families;
        self.metrics.settle(&mut families);
        families
    }

    fn finished(&self, started: Result<Gathering, Missing>) -> Option<Vec<Family>> {
        let gathered = started.and_then(Gathering::families);
        if let Err(error) = &gathered {
            let cause = match error {
                Missing::Overrun | Missing::Outstanding => Cause::Overrun,
                Missing::Failed(_) | Missing::Ended | Missing::Thread(_) => Cause::Source,
            };
            self.metrics.count(cause, 1);
            tracing::warn!(%error, "a registry was left out of the metrics page");
        }
        gathered.ok()
    }
}

fn write_page(families: &[Family], wanted: &Wanted) -> Bytes {
    let mut page = Vec::new();
    match &wanted.names {
        None => exposition::encode(families, wanted.format, &mut page),
        Some(names) => {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            exposition::encode_named(families, &names, wanted.format, &mut page);
        }
    }
    if wanted.gzip {
        compress(&page).into()
    } else {
        page.into()
    }
}

/// # Panics
///
/// Never: writing to memory does not fail.
fn compress(page: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(page.len() / 8), GZIP_LEVEL);
    encoder
        .write_all(page)
        .and_then(|()| encoder.finish())
        .expect("writing to a vector does not fail")
}

#[cfg(test)]
mod tests;
