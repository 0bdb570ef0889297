//! The queue of scrapes: which of them wait, how far the sources are, and which are served next.
//!
//! A [`ScrapeQueue`] lies behind the mutex of `Renderer::queue`, which is held for moments. There are three events: a
//! scrape arrives ([`Renderer::enqueue`]), a source was gathered, or a point in time has come that a scrape or a source
//! may not wait beyond ([`Renderer::answered`]). After each of them [`Renderer::advance`] takes all steps that are
//! possible then, on a thread of the pool and on one at a time (`is_advancing`): it begins gathers and renders pages,
//! until neither is left to do. An event during a render leaves its trace in the queue, and the loop looks at that
//! before it ends, under the lock under which it ends; so no event is lost.
//!
//! A gather is a job of the pool of its own, at most one a source at a time, so that several sources which hang cost
//! one limit together. A source is gathered for a scrape unless its last result is young enough for it ([`Ages`]); a
//! scrape is served when each source is there for it or given up: because the source takes longer than
//! `gather_timeout`, or because the scrape has no more time (`due`). Scrapes that can be served from the same sources
//! make a [`Round`], and share its pages. A scrape that leaves drops its receiver, and the next step its entry.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use monitor_core::family::Family;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::pages::{Ages, KeptPages};
use super::{PageError, PageRequest, PageSettings, Renderer};
use crate::runtime::{LOOK_EVERY, lock};
use crate::self_metrics::Cause;

/// A page, or why there is none.
pub(super) type PageResult = Result<Bytes, PageError>;

/// A scrape that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) request: PageRequest,
    pub(super) arrived: Instant,
    /// When it is served without the sources that are not there by then; `None` is never.
    pub(super) due: Option<Instant>,
    pub(super) sender: oneshot::Sender<PageResult>,
    /// The runtime that it is served on, for work that is to happen later.
    pub(super) runtime: Option<Handle>,
}

/// The result of a gather, or why it gave nothing.
type Gathered = Result<Arc<Vec<Family>>, String>;

/// Why a page goes without a source: how it is counted, and the text for the log.
pub(super) type Absent = (Cause, String);

/// Scrapes that are served together, from the same sources.
pub(super) struct Round {
    pub(super) waiting: Vec<Waiting>,
    pub(super) sources: Vec<Result<Arc<Vec<Family>>, Absent>>,
    /// When the first of these began to gather; now without any.
    pub(super) state: Instant,
    /// Whether a source was given up for these scrapes' own sake: others would still wait for it.
    pub(super) is_hurried: bool,
}

/// How far a source is.
#[derive(Debug, Clone, Default)]
struct SourceState {
    /// When the gather began that has not returned.
    running: Option<Instant>,
    /// When the last one began, and its result. Kept while a scrape waits that can use it.
    last: Option<(Instant, Gathered)>,
}

impl SourceState {
    fn is_fresh_for(&self, waiting: &Waiting, ages: Ages) -> bool {
        let last = self.last.as_ref();
        last.is_some_and(|(began, _)| ages.allow(&waiting.request, *began, waiting.arrived))
    }

    /// When the running gather takes longer than it may: from then on no page waits for it.
    fn overruns_at(&self, timeout: Duration) -> Option<Instant> {
        let began = self.running.filter(|_| !timeout.is_zero())?;
        began.checked_add(timeout)
    }

    fn is_overrun(&self, timeout: Duration, now: Instant) -> bool {
        self.overruns_at(timeout).is_some_and(|end| end <= now)
    }
}

#[derive(Debug)]
pub(super) struct ScrapeQueue {
    pub(super) kept: KeptPages,
    pub(super) waiting: Vec<Waiting>,
    sources: Vec<SourceState>,
    /// Whether a thread of the pool takes the next steps, or is about to.
    pub(super) is_advancing: bool,
}

impl ScrapeQueue {
    pub(super) fn new(sources: usize) -> Self {
        Self {
            kept: KeptPages::default(),
            waiting: Vec::new(),
            sources: vec![SourceState::default(); sources],
            is_advancing: false,
        }
    }

    /// Takes out the scrapes that have left, and those that a kept page suits.
    fn answer_from_kept(&mut self, ages: Ages) {
        for waiting in std::mem::take(&mut self.waiting) {
            match self.kept.find(&waiting.request, waiting.arrived, ages) {
                // An error: the scraper left just now.
                Some(page) => drop(waiting.sender.send(Ok(page))),
                None if waiting.sender.is_closed() => {}
                None => self.waiting.push(waiting),
            }
        }
    }

    /// The idle sources of which a scrape waits for something newer than their last result: they are gathered from now
    /// on.
    fn begin_gathers(&mut self, ages: Ages, now: Instant) -> Vec<usize> {
        let mut begun = Vec::new();
        for (index, source) in self.sources.iter_mut().enumerate() {
            let is_old = |waiting: &Waiting| !source.is_fresh_for(waiting, ages);
            if source.running.is_none() && self.waiting.iter().any(is_old) {
                source.running = Some(now);
                begun.push(index);
            }
        }
        begun
    }

    /// The scrapes that can be served now from the same sources as the first that can.
    fn next_round(&mut self, settings: &PageSettings, now: Instant) -> Option<Round> {
        let mut each = self.waiting.iter();
        let first = each.find_map(|waiting| self.present(waiting, settings, now))?;
        let all = std::mem::take(&mut self.waiting);
        let is_served =
            |waiting: &Waiting| self.present(waiting, settings, now).as_ref() == Some(&first);
        let (waiting, rest) = all.into_iter().partition(is_served);
        self.waiting = rest;
        let (mut state, mut is_hurried) = (now, false);
        let absent = |cause, why: &str| Err((cause, why.to_owned()));
        let sources = self.sources.iter().zip(first);
        let sources = sources.map(|(source, is_there)| match &source.last {
            Some((began, gathered)) if is_there => {
                state = state.min(*began);
                gathered.clone().map_err(|why| (Cause::Source, why))
            }
            _ if source.is_overrun(settings.gather_timeout, now) => {
                absent(Cause::Overrun, "it takes longer than it may")
            }
            _ => {
                is_hurried = true;
                absent(Cause::Hurried, "it was not there in the scrape's time")
            }
        });
        Some(Round {
            waiting,
            sources: sources.collect(),
            state,
            is_hurried,
        })
    }

    /// For each source whether it is there for this scrape, or given up; `None` while one is waited for.
    fn present(
        &self,
        waiting: &Waiting,
        settings: &PageSettings,
        now: Instant,
    ) -> Option<Vec<bool>> {
        let is_due = waiting.due.is_some_and(|due| due <= now);
        let of = |source: &SourceState| {
            let is_fresh = source.is_fresh_for(waiting, settings.ages);
            let is_given_up = is_due || source.is_overrun(settings.gather_timeout, now);
            (is_fresh || is_given_up).then_some(is_fresh)
        };
        self.sources.iter().map(of).collect()
    }

    /// Takes out the results that are of no use to any scrape that waits; the caller drops them, as they may be large.
    fn take_unused(&mut self, ages: Ages) -> impl Sized + use<> {
        let waiting = &self.waiting;
        let is_unused = |source: &&mut SourceState| {
            !waiting
                .iter()
                .any(|waiting| source.is_fresh_for(waiting, ages))
        };
        let unused = self.sources.iter_mut().filter(is_unused);
        unused.map(|source| source.last.take()).collect::<Vec<_>>()
    }

    /// The first point in time behind another at which a scrape that is due then may be served, if nothing happens
    /// before. It may have passed already: then it is to be looked at now.
    fn next_event(
        &self,
        after: Instant,
        due: Option<Instant>,
        gather_timeout: Duration,
    ) -> Option<Instant> {
        let overruns = self.sources.iter();
        let overruns = overruns.filter_map(|source| source.overruns_at(gather_timeout));
        overruns.chain(due).filter(|event| *event > after).min()
    }
}

impl Renderer {
    /// Takes a scrape in.
    ///
    /// # Errors
    ///
    /// There is no thread to serve it on, or the server has stopped.
    pub(super) fn enqueue(self: &Arc<Self>, waiting: Waiting) -> io::Result<()> {
        lock(&self.queue).waiting.push(waiting);
        // An error: the caller drops its receiver, and the next step its entry.
        self.advance_on_pool()
    }

    /// Waits for the page of a scrape that arrived then. Meanwhile it has the queue looked at when the scrape is due,
    /// and when a source takes longer than it may.
    pub(super) async fn answered(
        self: &Arc<Self>,
        mut receiver: oneshot::Receiver<PageResult>,
        arrived: Instant,
        due: Option<Instant>,
    ) -> PageResult {
        // The queue was looked at for all events up to here. An event that passes while something else wakes this loop
        // is still ahead.
        let mut after = arrived;
        loop {
            // Before the look at the gathers that run, so that none that begins after it is missed.
            let gathers_begin = self.gathers_begin.notified();
            let event = lock(&self.queue).next_event(after, due, self.settings.gather_timeout);
            let passes = async {
                match event {
                    Some(event) => tokio::time::sleep_until(event.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                answer = &mut receiver => return answer.unwrap_or(Err(PageError::Failed)),
                () = gathers_begin => {}
                () = passes => match self.advance_on_pool() {
                    Ok(()) => after = event.unwrap_or(after),
                    // There is no thread to be had: later there may be one.
                    Err(_) => tokio::time::sleep(LOOK_EVERY).await,
                },
            }
        }
    }

    /// True if the caller is to [advance](Self::advance): no other thread does.
    fn begins_to_advance(&self) -> bool {
        !std::mem::replace(&mut lock(&self.queue).is_advancing, true)
    }

    /// The job is begun under the lock: another event that finds `is_advancing` set relies on it.
    fn advance_on_pool(self: &Arc<Self>) -> io::Result<()> {
        let mut queue = lock(&self.queue);
        if !queue.is_advancing {
            let renderer = Arc::clone(self);
            self.pool.run(move || renderer.advance())?;
            queue.is_advancing = true;
        }
        Ok(())
    }

    /// Takes all steps that are possible now.
    fn advance(self: &Arc<Self>) {
        loop {
            let ages = self.settings.ages;
            let mut queue = lock(&self.queue);
            // Behind the lock: an event that found `is_advancing` set before has passed by then.
            let now = Instant::now();
            queue.answer_from_kept(ages);
            let gathers = queue.begin_gathers(ages, now);
            let round = queue.next_round(&self.settings, now);
            let unused = queue.take_unused(ages);
            queue.is_advancing = round.is_some();
            drop(queue);
            if !gathers.is_empty() {
                self.gathers_begin.notify_waiters();
            }
            for index in gathers {
                self.gather(index);
            }
            drop(unused);
            let Some(round) = round else { return };
            self.serve_caught(round);
        }
    }

    /// Starts to gather a source.
    fn gather(self: &Arc<Self>, index: usize) {
        let renderer = Arc::clone(self);
        let begun = self.pool.run(move || {
            let gather = &renderer.sources[index].gather;
            let gathered = catch_unwind(AssertUnwindSafe(|| gather(renderer.monitor)));
            let gathered = gathered.unwrap_or_else(|_| Err("it panicked".to_owned()));
            renderer.gathered(index, gathered);
        });
        if let Err(error) = begun {
            self.gathered(index, Err(error.to_string()));
        }
    }

    fn gathered(self: &Arc<Self>, index: usize, gathered: Result<Vec<Family>, String>) {
        let mut queue = lock(&self.queue);
        let source = &mut queue.sources[index];
        let began = source.running.take();
        let new = began.map(|began| (began, gathered.map(Arc::new)));
        // It may be large, and the thread that serves takes this lock.
        let before = std::mem::replace(&mut source.last, new);
        drop(queue);
        drop(before);
        if self.begins_to_advance() {
            self.advance();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An event that has passed is lost if the loop that waits for it asks for later ones alone.
    #[test]
    fn an_event_that_has_just_passed_is_the_next_one_until_it_was_looked_at() {
        let timeout = Duration::from_millis(5);
        let arrived = Instant::now();
        let mut queue = ScrapeQueue::new(1);
        queue.sources[0].running = Some(arrived);
        std::thread::sleep(3 * timeout);
        let overrun = arrived + timeout;
        let due = arrived + 2 * timeout;
        assert_eq!(queue.next_event(arrived, Some(due), timeout), Some(overrun));
        assert_eq!(queue.next_event(overrun, Some(due), timeout), Some(due));
        assert_eq!(queue.next_event(due, Some(due), timeout), None);
    }
}
