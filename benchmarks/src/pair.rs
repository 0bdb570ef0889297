//! Two threads that run the same batch at once, each on a core of its own.

use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::Batch;

/// Part of the longer batch in which both threads must have been running for the batch to count as contended.
const OVERLAP: f64 = 0.75;

/// Tries to get both threads to run at once, on a machine that may be busy otherwise.
const TRIES: usize = 50;

/// Spins before a waiting thread lets others run.
const SPINS: u32 = 100_000;

type Job = (Batch, u64, Arc<AtomicU32>);

/// Start and end of a batch.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: Instant,
    end: Instant,
}

struct Member {
    jobs: SyncSender<Job>,
    spans: Receiver<Span>,
}

/// The two threads. Pinned, as the scheduler likes to put a thread that is woken on the core of its waker, and two
/// threads that take turns on one core contend for nothing.
pub(crate) struct Pair([Member; 2]);

impl Pair {
    /// Starts them.
    pub(crate) fn start() -> Self {
        let cores = core_affinity::get_core_ids().unwrap_or_default();
        Self([cores.first(), cores.last()].map(|core| Member::start(core.copied())))
    }

    /// How long a batch takes when both run it at once, the mean of the two; `None` if they never ran at once.
    pub(crate) fn time(&self, batch: &Batch, times: u64) -> Option<Duration> {
        (0..TRIES).find_map(|_| {
            let [one, two] = self.run(batch, times);
            let both = one
                .end
                .min(two.end)
                .saturating_duration_since(one.start.max(two.start));
            let (one, two) = (one.end - one.start, two.end - two.start);
            let overlap = both.as_secs_f64() / one.max(two).as_secs_f64();
            (overlap >= OVERLAP).then(|| (one + two) / 2)
        })
    }

    fn run(&self, batch: &Batch, times: u64) -> [Span; 2] {
        let arrived = Arc::new(AtomicU32::new(0));
        for member in &self.0 {
            let job = (batch.clone(), times, Arc::clone(&arrived));
            member.jobs.send(job).expect("a member outlives the pair");
        }
        [0, 1].map(|which| {
            let span = self.0[which].spans.recv();
            span.expect("a batch does not panic")
        })
    }
}

impl Member {
    fn start(core: Option<core_affinity::CoreId>) -> Self {
        let (jobs, todo) = sync_channel::<Job>(1);
        let (done, spans) = sync_channel(1);
        thread::spawn(move || {
            if let Some(core) = core {
                core_affinity::set_for_current(core);
            }
            while let Ok((batch, times, arrived)) = todo.recv() {
                meet(&arrived);
                let start = Instant::now();
                let end = start + batch.run(times);
                if done.send(Span { start, end }).is_err() {
                    return;
                }
            }
        });
        Self { jobs, spans }
    }
}

/// Waits until both threads are here.
fn meet(arrived: &AtomicU32) {
    arrived.fetch_add(1, Ordering::AcqRel);
    let mut spins = 0;
    while arrived.load(Ordering::Acquire) < 2 {
        spins += 1;
        if spins < SPINS {
            spin_loop();
        } else {
            thread::yield_now();
        }
    }
}
