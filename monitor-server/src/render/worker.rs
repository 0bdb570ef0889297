//! The render worker: who waits for a page, how far the sources are, and what is rendered next.
//!
//! There is one [`RenderWorker`] a renderer. It lies in `Shared::idle` while there is nothing to do. The [`Message`] that
//! finds it there makes it a job of the pool ([`Shared::tell`]); it goes back once no scrape waits. A message is sent
//! before `idle` is looked at, and the worker goes back under the lock of `idle` with its inbox found empty: so no
//! message is left without a worker. However the job ends, by a panic or without having run at all, [`RenderJob`] puts
//! the worker back; scrapes that waited then are answered `Failed`, as their senders are dropped.
//!
//! All that is here belongs to the worker alone, and is reached by messages: a scrape that arrives, one that leaves
//! unanswered, a source that was gathered. A gather is a job of the pool of its own, at most one a source at a time, so
//! that several sources which hang cost one limit together. A source is gathered for a scrape unless what it gave last
//! is young enough for it ([`Ages`]); a scrape is served when each source is there for it or given up: because the
//! source takes longer than `gather_timeout`, or because the scrape has no more time (`due`). Scrapes that can be
//! served from the same sources make a [`Round`], and share its pages.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use bytes::Bytes;
use monitor_core::family::Family;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::pages::Ages;
use super::{Gathered, PageError, PageRequest, PageSettings, Shared, lock};
use crate::self_metrics::Cause;

/// What the worker is told.
#[derive(Debug)]
pub(super) enum Message {
    Scrape(Waiting),
    /// A scrape does not wait any more: others may be served, or none waits.
    Left,
    /// The source of this number was gathered.
    Gathered(usize, Gathered),
}

/// A scrape that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) request: PageRequest,
    pub(super) arrived: Instant,
    /// When it is served without the sources that are not there by then; `None` is never.
    pub(super) due: Option<Instant>,
    pub(super) sender: oneshot::Sender<Result<Bytes, PageError>>,
    /// The runtime that it is served on, for what is to happen later.
    pub(super) runtime: Option<Handle>,
}

/// Why a page goes without a source: how it is counted, and what the log has.
pub(super) type Absent = (Cause, String);

/// Scrapes that are served together, from the same sources.
pub(super) struct Round {
    pub(super) waiting: Vec<Waiting>,
    pub(super) sources: Vec<Result<Vec<Family>, Absent>>,
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
    /// When the last one began, and what it gave. Kept while a scrape waits.
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
pub(super) struct RenderWorker {
    inbox: Receiver<Message>,
    waiting: Vec<Waiting>,
    sources: Vec<SourceState>,
}

impl RenderWorker {
    pub(super) fn new(inbox: Receiver<Message>, sources: usize) -> Self {
        Self {
            inbox,
            waiting: Vec::new(),
            sources: vec![SourceState::default(); sources],
        }
    }

    /// Serves all that wait, and those that arrive meanwhile.
    fn serve_all(&mut self, shared: &Arc<Shared>) {
        loop {
            // All that has arrived shares the next render.
            while let Ok(message) = self.inbox.try_recv() {
                self.receive(message);
            }
            self.answer_from_kept(shared);
            if self.waiting.is_empty() {
                return self.forget_sources();
            }
            let now = Instant::now();
            self.begin_gathers(shared, now);
            if let Some(round) = self.next_round(&shared.settings, now) {
                shared.serve_caught(round);
                continue;
            }
            // An error: it is time. There is a sender for as long as there is a renderer.
            let message = match self.next_event(&shared.settings, now) {
                Some(event) => self.inbox.recv_timeout(event - now).ok(),
                None => self.inbox.recv().ok(),
            };
            message
                .into_iter()
                .for_each(|message| self.receive(message));
        }
    }

    fn receive(&mut self, message: Message) {
        match message {
            Message::Scrape(waiting) => self.waiting.push(waiting),
            Message::Left => {}
            Message::Gathered(source, gathered) => {
                let source = &mut self.sources[source];
                source.last = source.running.take().map(|began| (began, gathered));
            }
        }
    }

    /// Without a scrape that waits, what sources gave is of no use.
    fn forget_sources(&mut self) {
        for source in &mut self.sources {
            source.last = None;
        }
    }

    /// Takes out the scrapes that have left, and those that a kept page suits.
    fn answer_from_kept(&mut self, shared: &Shared) {
        let kept = lock(&shared.kept);
        for waiting in std::mem::take(&mut self.waiting) {
            match kept.find(&waiting.request, waiting.arrived, shared.settings.ages) {
                // An error: the scraper left just now.
                Some(page) => drop(waiting.sender.send(Ok(page))),
                None if waiting.sender.is_closed() => {}
                None => self.waiting.push(waiting),
            }
        }
    }

    /// Gathers the sources that are idle, and of which a scrape waits for something newer than what they gave last.
    fn begin_gathers(&mut self, shared: &Arc<Shared>, now: Instant) {
        for (index, source) in self.sources.iter_mut().enumerate() {
            let is_old = |waiting: &Waiting| !source.is_fresh_for(waiting, shared.settings.ages);
            if source.running.is_none() && self.waiting.iter().any(is_old) {
                source.running = Some(now);
                shared.gather(index);
            }
        }
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
        let mut round = Round {
            waiting,
            sources: Vec::with_capacity(first.len()),
            state: now,
            is_hurried: false,
        };
        for (source, is_there) in self.sources.iter_mut().zip(first) {
            let is_fresh = |waiting: &Waiting| source.is_fresh_for(waiting, settings.ages);
            // The round's are the only ones where no other scrape can use them, and need not be copied.
            let last = if !is_there {
                None
            } else if self.waiting.iter().any(is_fresh) {
                source.last.clone()
            } else {
                source.last.take()
            };
            let absent = |cause, why: &str| Err((cause, why.to_owned()));
            round.sources.push(match last {
                Some((began, gathered)) => {
                    round.state = round.state.min(began);
                    gathered.map_err(|why| (Cause::Source, why))
                }
                None if source.is_overrun(settings.gather_timeout, now) => {
                    absent(Cause::Overrun, "it takes longer than it may")
                }
                None => {
                    round.is_hurried = true;
                    absent(Cause::Hurried, "it was not there in the scrape's time")
                }
            });
        }
        Some(round)
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

    /// When the next scrape can be served at the latest, if nothing happens.
    fn next_event(&self, settings: &PageSettings, now: Instant) -> Option<Instant> {
        let due = self.waiting.iter().filter_map(|waiting| waiting.due);
        let overruns = self.sources.iter();
        let overruns = overruns.filter_map(|source| source.overruns_at(settings.gather_timeout));
        due.chain(overruns).filter(|event| *event > now).min()
    }
}

/// The worker as a job of the pool.
struct RenderJob {
    shared: Arc<Shared>,
    worker: Option<RenderWorker>,
}

impl RenderJob {
    fn run(mut self) {
        while let Some(worker) = &mut self.worker {
            worker.serve_all(&self.shared);
            let mut idle = lock(&self.shared.idle);
            match worker.inbox.try_recv() {
                Ok(message) => {
                    drop(idle);
                    worker.receive(message);
                }
                Err(_) => *idle = self.worker.take(),
            }
        }
    }
}

impl Drop for RenderJob {
    fn drop(&mut self) {
        if let Some(mut worker) = self.worker.take() {
            let mut idle = lock(&self.shared.idle);
            while let Ok(message) = worker.inbox.try_recv() {
                worker.receive(message);
            }
            worker.waiting.clear();
            worker.forget_sources();
            *idle = Some(worker);
        }
    }
}

impl Shared {
    /// Tells the worker, and has it work where it does not.
    ///
    /// # Errors
    ///
    /// There is no thread to work on, or the server has stopped.
    pub(super) fn tell(self: &Arc<Self>, message: Message) -> io::Result<()> {
        // The worker keeps the other end.
        let _ = self.inbox.send(message);
        let idle = lock(&self.idle).take();
        let Some(worker) = idle else { return Ok(()) };
        let job = RenderJob {
            shared: Arc::clone(self),
            worker: Some(worker),
        };
        self.pool.run(move || job.run())
    }

    /// Starts to gather a source. The worker is told of its end, whatever that is.
    fn gather(self: &Arc<Self>, index: usize) {
        let report = GatherReport {
            shared: Arc::clone(self),
            index,
            gathered: None,
        };
        let (source, monitor) = (self.sources[index].clone(), self.monitor);
        // An error: the report was dropped with the job.
        let _ = self.pool.run(move || {
            let mut report = report;
            report.gathered = Some(source.gather(monitor));
        });
    }
}

/// Tells the worker that a gather has ended, on each way out.
struct GatherReport {
    shared: Arc<Shared>,
    index: usize,
    gathered: Option<Gathered>,
}

impl Drop for GatherReport {
    fn drop(&mut self) {
        let ended = || Err("the gathering ended early".to_owned());
        let gathered = self.gathered.take().unwrap_or_else(ended);
        // An error: nothing waits for it, and the worker knows that it has ended.
        let _ = self.shared.tell(Message::Gathered(self.index, gathered));
    }
}
