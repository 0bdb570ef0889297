//! Who waits for a page, how far the sources are, and what to do next. Pure but for the clock handed in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::cache::{Ages, Cache};
use super::{PageError, Wanted};
use crate::source::Gathered;

/// A scrape that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) wanted: Wanted,
    pub(super) arrived: Instant,
    /// When it is served without the sources that are not there by then; `None` is never.
    pub(super) due: Option<Instant>,
    pub(super) sender: oneshot::Sender<Result<Bytes, PageError>>,
}

/// How far a source is.
#[derive(Debug, Default)]
struct Slot {
    /// When the gather began that has not returned.
    running: Option<Instant>,
    /// When the last one began, and what it gave. Kept while somebody waits.
    last: Option<(Instant, Arc<Gathered>)>,
}

/// What the leader does next.
#[derive(Debug)]
pub(super) enum Step {
    /// Nobody waits.
    Resign,
    /// Begin to gather these sources.
    Gather(Vec<usize>),
    Render(Round),
    /// Wait for an arrival, a departure, a source, or until then.
    Wait(Option<Instant>),
}

/// Why a page goes without a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absent {
    /// It takes longer than it may.
    Overrun,
    /// These scrapes would wait no longer; others still would.
    Hurried,
}

/// Scrapes that are served together, from the same sources.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) waiting: Vec<Waiting>,
    /// What each source gave, or why it is not there.
    pub(super) sources: Vec<Result<Arc<Gathered>, Absent>>,
    /// When the first of these began to gather; now without any.
    pub(super) state: Instant,
    /// A source was given up for these scrapes' own sake: others would still wait for it.
    pub(super) is_hurried: bool,
}

/// What is known between the renders.
#[derive(Debug)]
pub(super) struct Queue {
    /// Whether somebody leads.
    pub(super) rendering: bool,
    /// Whether somebody will drop what of `cache` gets stale.
    pub(super) sweeping: bool,
    /// Scrapes that wait, those being rendered for included.
    pub(super) in_flight: usize,
    pub(super) waiting: Vec<Waiting>,
    pub(super) cache: Cache,
    slots: Vec<Slot>,
    gather_timeout: Duration,
    ages: Ages,
}

impl Queue {
    pub(super) fn new(sources: usize, gather_timeout: Duration, ages: Ages) -> Self {
        Self {
            rendering: false,
            sweeping: false,
            in_flight: 0,
            waiting: Vec::new(),
            cache: Cache::default(),
            slots: (0..sources).map(|_| Slot::default()).collect(),
            gather_timeout,
            ages,
        }
    }

    /// A source's gather has returned. Without anybody who waits, what it gave is of no use.
    pub(super) fn returned(&mut self, source: usize, gathered: Gathered) {
        let slot = &mut self.slots[source];
        let began = slot.running.take();
        if self.rendering {
            slot.last = began.map(|began| (began, Arc::new(gathered)));
        }
    }

    /// What to do now. Those who left are taken out, those whom a kept page suits are served.
    pub(super) fn step(&mut self, now: Instant) -> Step {
        self.answer_from_cache();
        if self.waiting.is_empty() {
            self.rendering = false;
            self.slots.iter_mut().for_each(|slot| slot.last = None);
            return Step::Resign;
        }
        let wanted = self.begin_gathers(now);
        if !wanted.is_empty() {
            return Step::Gather(wanted);
        }
        match self.round(now) {
            Some(round) => Step::Render(round),
            None => Step::Wait(self.next_event(now)),
        }
    }

    fn answer_from_cache(&mut self) {
        for waiting in std::mem::take(&mut self.waiting) {
            let page = self.cache.find(&waiting.wanted, waiting.arrived, self.ages);
            match page {
                // An error: the scraper left just now.
                Some(page) => drop(waiting.sender.send(Ok(page))),
                None if waiting.sender.is_closed() => {}
                None => self.waiting.push(waiting),
            }
        }
    }

    /// The sources to gather: idle, and somebody waits for something newer than what they gave last.
    fn begin_gathers(&mut self, now: Instant) -> Vec<usize> {
        let (waiting, ages) = (&self.waiting, self.ages);
        let mut wanted = Vec::new();
        for (index, slot) in self.slots.iter_mut().enumerate() {
            let is_old = |waiting: &Waiting| !slot.is_fresh_for(waiting, ages);
            if slot.running.is_none() && waiting.iter().any(is_old) {
                slot.running = Some(now);
                wanted.push(index);
            }
        }
        wanted
    }

    /// Those who can be served now from the same sources as the first who can.
    fn round(&mut self, now: Instant) -> Option<Round> {
        let verdicts: Vec<_> = self
            .waiting
            .iter()
            .map(|waiting| self.verdict(waiting, now))
            .collect();
        let first = verdicts.iter().flatten().next()?.clone();
        let mut verdicts = verdicts.iter();
        let is_served = |_: &mut Waiting| {
            verdicts
                .next()
                .is_some_and(|verdict| verdict.as_ref() == Some(&first))
        };
        let waiting: Vec<_> = self.waiting.extract_if(.., is_served).collect();
        let mut state = now;
        let mut sources = Vec::with_capacity(first.len());
        for (slot, is_there) in self.slots.iter_mut().zip(&first) {
            let last = is_there.then_some(slot.last.as_ref()).flatten();
            state = last.map_or(state, |(began, _)| state.min(*began));
            let absent = if slot.is_overrun(self.gather_timeout, now) {
                Absent::Overrun
            } else {
                Absent::Hurried
            };
            let gathered = last.map(|(_, gathered)| Arc::clone(gathered));
            sources.push(gathered.ok_or(absent));
            let is_fresh = |waiting: &Waiting| slot.is_fresh_for(waiting, self.ages);
            if !self.waiting.iter().any(is_fresh) {
                // The round's is the only one then, and need not be copied.
                slot.last = None;
            }
        }
        let is_hurried = |source: &Result<_, Absent>| matches!(source, Err(Absent::Hurried));
        Some(Round {
            waiting,
            is_hurried: sources.iter().any(is_hurried),
            sources,
            state,
        })
    }

    /// For each source whether it is there for this scrape or given up; `None` while one is waited for.
    fn verdict(&self, waiting: &Waiting, now: Instant) -> Option<Vec<bool>> {
        let is_due = waiting.due.is_some_and(|due| due <= now);
        let of = |slot: &Slot| {
            if slot.is_fresh_for(waiting, self.ages) {
                Some(true)
            } else {
                (is_due || slot.is_overrun(self.gather_timeout, now)).then_some(false)
            }
        };
        self.slots.iter().map(of).collect()
    }

    /// When the next one who waits can be served at the latest.
    fn next_event(&self, now: Instant) -> Option<Instant> {
        let due = self.waiting.iter().filter_map(|waiting| waiting.due);
        let overruns = self
            .slots
            .iter()
            .filter_map(|slot| slot.overruns_at(self.gather_timeout));
        due.chain(overruns).filter(|event| *event > now).min()
    }
}

impl Slot {
    fn is_fresh_for(&self, waiting: &Waiting, ages: Ages) -> bool {
        self.last
            .as_ref()
            .is_some_and(|(began, _)| ages.allow(&waiting.wanted, *began, waiting.arrived))
    }

    /// When the running gather takes longer than it may: from then on no page waits for it.
    fn overruns_at(&self, timeout: Duration) -> Option<Instant> {
        let began = self.running.filter(|_| !timeout.is_zero())?;
        began.checked_add(timeout)
    }

    fn is_overrun(&self, timeout: Duration, now: Instant) -> bool {
        self.overruns_at(timeout)
            .is_some_and(|overrun| overrun <= now)
    }
}
