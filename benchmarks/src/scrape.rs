//! Scrapes: from recorded cells to the bytes of a page, at several sizes, beside the peers.
//!
//! The figure is the processor time of the thread that renders: a page of 100,000 lines takes longer than a scheduler's
//! slice, so a wall clock would include other programs on the machine.

use std::hint::black_box;

use monitor_core::Monitor;
use monitor_core::names::{Exporter, Profile};
use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::harness::{Figures, as_f64};
use crate::peers::{Render, foundations_metrics, measured, metrics, prometheus, prometheus_client};
use crate::recorded::{Calls, append_page, recorded};

pub(crate) const FULL: &str = "monitor-core, full rings";
pub(crate) const FEW: &str = "monitor-core";
pub(crate) const PROMETHEUS: &str = "prometheus";
pub(crate) const THREE_OCTAVES: &str = "monitor-core, 3 octaves";
/// The snapshot of that page alone, its time by line of the page.
pub(crate) const SNAPSHOT: &str = "monitor-core, its snapshot";

/// Lines of the pages, about.
pub(crate) const LINES: [usize; 3] = [1_000, 10_000, 100_000];

/// For this project alone: whether the cost of a line stays the same.
pub(crate) const MOST_LINES: usize = 1_000_000;

/// Lines a peer writes for a method: as many buckets as ours, `+Inf`, sum, count, four counters and a gauge.
const PEER_LINES: usize = monitor_core::TIME_BOUNDS.len() + 8;

/// Lines of a sample: small pages are rendered that often, for the clock's sake.
const SAMPLE: u64 = 10_000;

/// Our storage and its page.
struct Ours {
    monitor: Monitor,
    exporter: Exporter,
    page: Vec<u8>,
}

impl Ours {
    fn new(lines: usize, calls: Calls) -> Self {
        Self {
            monitor: recorded(lines, calls),
            exporter: Exporter::new(Profile::Servicekit),
            page: Vec::new(),
        }
    }
}

impl Render for Ours {
    fn render(&mut self) -> &[u8] {
        self.page.clear();
        append_page(self.monitor, &self.exporter, &mut self.page);
        &self.page
    }
}

/// The snapshot of our storage, without a page.
struct SnapshotOnly(Monitor);

impl Render for SnapshotOnly {
    fn render(&mut self) -> &[u8] {
        black_box(self.0.snapshot());
        &[]
    }
}

/// One library's renders of a page.
pub(crate) struct Candidate {
    pub(crate) name: &'static str,
    page: Box<dyn Render>,
    pub(crate) lines: u64,
    pub(crate) bytes: usize,
    /// Nanoseconds a line, by round.
    nanos: Vec<f64>,
}

impl Candidate {
    fn new(name: &'static str, mut page: Box<dyn Render>) -> Self {
        let text = page.render();
        let lines = text.split(|byte| *byte == b'\n');
        let samples = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#"));
        Self {
            name,
            lines: samples.count() as u64,
            bytes: text.len(),
            page,
            nanos: Vec::new(),
        }
    }

    /// What is made for a page, without the page, beside the page itself.
    fn part(name: &'static str, part: Box<dyn Render>, whole: &Self) -> Self {
        Self {
            name,
            lines: whole.lines,
            bytes: 0,
            page: part,
            nanos: Vec::new(),
        }
    }

    fn round(&mut self) {
        let times = (SAMPLE / self.lines).max(1);
        // Once before: the last rendered page evicted this one's cells, and a page of a thousand lines is read again
        // and again only here.
        if times == 1 {
            black_box(self.page.render());
        }
        let start = processor_nanos();
        for _ in 0..times {
            black_box(self.page.render());
        }
        let took = processor_nanos() - start;
        self.nanos.push(took / as_f64(times * self.lines));
    }

    /// Nanoseconds a line.
    pub(crate) fn figures(&self) -> Figures {
        Figures::of(self.nanos.iter().copied())
    }

    fn with(&self, other: &Self, one: impl Fn(f64, f64) -> f64) -> Figures {
        let rounds = self.nanos.iter().zip(&other.nanos);
        Figures::of(rounds.map(|(own, other)| one(*own, *other)))
    }

    /// Its time a line over another's, round by round.
    pub(crate) fn ratio(&self, other: &Self) -> Figures {
        self.with(other, |own, other| own / other)
    }

    /// The cost of a line beyond another's.
    pub(crate) fn more(&self, other: &Self) -> Figures {
        self.with(other, |own, other| own - other)
    }

    fn is_peer(&self) -> bool {
        ![FEW, FULL, THREE_OCTAVES, SNAPSHOT].contains(&self.name)
    }
}

fn processor_nanos() -> f64 {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::ThreadCPUTime);
    let whole = |value: i64| as_f64(u64::try_from(value).unwrap_or_default());
    whole(tv_sec) * 1e9 + whole(tv_nsec)
}

/// All candidates with pages of one size.
pub(crate) struct Size {
    pub(crate) lines: usize,
    pub(crate) candidates: Vec<Candidate>,
}

impl Size {
    fn new(lines: usize) -> Self {
        let mut candidates = vec![Candidate::new(FEW, Box::new(Ours::new(lines, Calls::Few)))];
        if lines < MOST_LINES {
            let alike = Ours::new(lines, Calls::Alike);
            let snapshot = SnapshotOnly(alike.monitor);
            let alike = Candidate::new(THREE_OCTAVES, Box::new(alike));
            candidates.push(Candidate::part(SNAPSHOT, Box::new(snapshot), &alike));
            candidates.push(alike);
            let methods = (lines / PEER_LINES).max(1);
            let mut add = |name, page| candidates.push(Candidate::new(name, page));
            add(FULL, Box::new(Ours::new(lines, Calls::FullRings)));
            add(PROMETHEUS, Box::new(prometheus::Scraped::new(methods)));
            add(
                "prometheus-client",
                Box::new(prometheus_client::Scraped::new(methods)),
            );
            add(
                "foundations-metrics",
                Box::new(foundations_metrics::Scraped::new(methods)),
            );
            add("measured", Box::new(measured::Scraped::new(methods)));
            add(
                "metrics-exporter-prometheus",
                Box::new(metrics::Scraped::new(methods)),
            );
        }
        Self { lines, candidates }
    }

    fn round(&mut self, round: usize) {
        let first = round % self.candidates.len();
        let (before, after) = self.candidates.split_at_mut(first);
        after.iter_mut().chain(before).for_each(Candidate::round);
    }

    /// The candidate of this name; ours with few calls if there is none.
    pub(crate) fn named(&self, name: &str) -> &Candidate {
        let found = self.candidates.iter().find(|one| one.name == name);
        found.unwrap_or(&self.candidates[0])
    }

    /// The peer with the least time a line.
    pub(crate) fn best_peer(&self) -> Option<&Candidate> {
        let peers = self.candidates.iter().filter(|one| one.is_peer());
        peers.min_by(|a, b| a.figures().median.total_cmp(&b.figures().median))
    }
}

/// All sizes, each candidate rendered in each round.
pub(crate) struct Scrapes(pub(crate) Vec<Size>);

impl Scrapes {
    pub(crate) fn measure(rounds: usize) -> Self {
        // One size after the other, the smallest first: a process with a page of a thousand lines does not hold the
        // memory of a page of a million, which would leave nothing of the smaller ones in any cache.
        let sizes = LINES.into_iter().chain([MOST_LINES]).map(|lines| {
            let mut size = Size::new(lines);
            for round in 0..rounds {
                size.round(round);
            }
            size
        });
        Self(sizes.collect())
    }

    pub(crate) fn size(&self, lines: usize) -> &Size {
        let found = self.0.iter().find(|size| size.lines == lines);
        found.unwrap_or(&self.0[0])
    }
}
