//! Self time: a sampler reads the current call of each thread at intervals, and gives its method the time since the
//! sample before.
//!
//! # What is read
//!
//! Each thread's record in the storage has one word, its current call ([`current`](crate::recording::current)): a plain
//! load, whatever the thread does. The word names a slot, the slot keeps the call's caller, and so on: the stack of
//! methods that led to the call. Nothing stops and no call does anything for it, so it costs the program a few cache
//! lines that its threads have to fetch again.
//!
//! All words are read in one go, since their loads do not wait for each other. Each step up a stack waits for the one
//! before it, and mostly for memory: of 64 threads with three calls each, a sample with all stacks took 80 us, and takes 8
//! with one. So a sample reads the stack of one thread, chosen at random, which stands for all that have a call. The sums
//! of stacks are as right as those of methods, but vary as those of one thread do.
//!
//! # Consistency
//!
//! A call may end while its stack is read. The word alone gives the method, so that is right for the moment at which
//! the word was read. For the stack, a slot that is free ends it; one that a later call of the same method took since
//! gives the callers of that call; and a caller that began after the call it should have made had its slot from another
//! one, so the stack ends before it. A future that was resumed elsewhere stands below the call that polls it, if that
//! began before the future's call; else the stack begins at the future.
//!
//! # Time
//!
//! A sample stands for the time since the sample before it, by the storage's clock and not by the nominal period: so
//! the seconds of a thread that is always in a call add up to the seconds that passed, also where the sampler is late.
//! [`Sampler::pause`] spreads the moments evenly around the period. In step with a timer of the service it would always
//! find what that timer starts.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use crate::base::clock::to_f64;
use crate::base::sync::lock;
use crate::data::snapshot::{MethodSnapshot, SelfTime};
use crate::recording::current::CallWord;
use crate::recording::in_flight::TaskInFlight;
use crate::recording::store::StorageCore;
use crate::recording::thread::Record;
use crate::storage::MonitorStorage;

/// The most methods of a stack: a recursion may be as deep as it likes.
const MAX_DEPTH: usize = 32;

/// The most mean pauses that a sample stands for.
const MOST_PERIODS: f64 = 10.0;

impl MonitorStorage {
    /// Begins to sample self time; see [`Sampler`]. `period` is the mean time between two samples, of which the sampler
    /// makes its pauses: 10 ms are 100 samples a second. With 0 each sample stands for no time. The server's setting `sampler` does it for the global storage.
    pub fn sampler(&self, period: Duration) -> Sampler {
        let core = self.core;
        let now = core.clock.now();
        let mut times = lock(&core.self_time);
        times.get_or_insert_default().add_sampler(now);
        drop(times);
        Sampler {
            core,
            period,
            due: None,
            random: RandomState::new(),
            records: Vec::new(),
            calls: Vec::new(),
            stack: Vec::with_capacity(MAX_DEPTH),
        }
    }
}

/// Finds self time by samples: for each method the time in which its own code ran, without that of the monitored calls
/// it made; and the same by stack of methods.
///
/// The sums stand in the storage: in [`Snapshot::self_time`](crate::snapshot::Snapshot::self_time) and
/// [`MethodSnapshot::self_seconds`](crate::snapshot::MethodSnapshot::self_seconds), and on pages as
/// `monitor_self_seconds_total`. They stay when the sampler is dropped, and the next one adds to them. Of two samplers of
/// a storage at a time each gives the time since the last sample of either. A sample stands for ten periods at most: the
/// rest of a longer gap, in which the process was stopped, is in no sample.
///
/// # Definition
///
/// A sample at the time `t`, after one at the time `s`, adds `t - s` to the method of the current call of each thread
/// that has one. The first sample comes after the moment at which the sampler was made. A call is current while its
/// body runs and no call that it made does: of an async call that is the time of its polls, and not the time it waits.
/// A method that blocks its thread, or sleeps, is current all the while. So the time is time on a thread, and not of a
/// CPU. The stack is read of one of the threads, at random, and gets the time of all of them.
///
/// # How exact it is
///
/// The more samples, the more exact: with a share `p` of `n` samples, one standard deviation is `sqrt(p (1 - p) / n)`, 1.1
/// points for a half of 2,000. For code that keeps a CPU busy, shares are right to a few points (measured: 1.0 to 3.0 of
/// 100 with 1,000 samples of 2 threads). Methods that sleep are overstated on a machine that is short of CPUs, as the
/// sampler gets one just when a thread goes to sleep; more samples do not help, and
/// [`late_seconds`](crate::snapshot::SelfTime::late_seconds) shows it.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use monitor_core::{Monitor, StorageConfig};
///
/// let monitor = Monitor::new(StorageConfig::default());
/// let (request, load) = (monitor.method("Request")?, monitor.method("Load")?);
/// let mut sampler = monitor.sampler(Duration::from_millis(10));
/// monitor.scope_sync(|| {
///     let request = request.start();
///     request.run(|| {
///         let load = load.start();
///         // Mostly on a thread of its own: `loop { thread::sleep(sampler.pause()); sampler.sample(); }`
///         load.run(|| sampler.sample());
///     });
/// });
/// let self_time = monitor.snapshot().self_time.ok_or("a sampler began")?;
/// assert_eq!(self_time.samples, 1);
/// // A line for each stack, as tools that draw flame graphs take them.
/// let lines = self_time.stacks.iter().map(|stack| {
///     format!("{} {:.0}", stack.methods.join(";"), stack.seconds * 1e6)
/// });
/// assert!(lines.collect::<Vec<_>>()[0].starts_with("Request;Load "));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Sampler {
    core: &'static StorageCore,
    period: Duration,
    /// When the pause is over that was asked for last.
    due: Option<u64>,
    random: RandomState,
    /// The records of the storage, as of the last sample; kept from one to the next, as are the lists below, so that a
    /// sample mostly allocates nothing.
    records: Vec<&'static Record>,
    /// The current calls of all threads.
    calls: Vec<CallWord>,
    /// The numbers of the methods of a stack.
    stack: Vec<u32>,
}

impl Sampler {
    /// How long to wait before the next sample: from a half of the period to one and a half of it, at random. How much
    /// later than that the next [`sample`](Self::sample) comes counts as late.
    pub fn pause(&mut self) -> Duration {
        let now = self.core.clock.now();
        let share = f64::from(self.random(now)) / f64::from(u32::MAX);
        let seconds = self.period.as_secs_f64() * (0.5 + share);
        self.due = Some(now.saturating_add(self.core.clock.ticks(seconds)));
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// Takes a sample: looks at the current call of each thread.
    pub fn sample(&mut self) {
        let core = self.core;
        let now = core.clock.now();
        let late = self.due.take().map_or(0, |due| now.saturating_sub(due));
        core.add_new_records(&mut self.records);
        let calls = self.records.iter().map(|record| record.read_current());
        self.calls.clear();
        self.calls.extend(calls.filter(|call| !call.is_none()));
        let mut times = lock(&core.self_time);
        let times = times.get_or_insert_default();
        let most = self
            .core
            .clock
            .ticks(self.period.as_secs_f64() * MOST_PERIODS);
        let ticks = times.begin(now, most);
        for call in &self.calls {
            times.add(call.method(), ticks);
        }
        if !self.calls.is_empty() {
            let threads = self.calls.len();
            self.read_stack(self.calls[self.random(now) as usize % threads]);
            times.add_stack(core, &self.stack, ticks * to_f64(threads as u64));
        }
        times.end(late, core.clock.now().saturating_sub(now));
    }

    /// A number at random, of which `seed` is the beginning.
    fn random(&self, seed: u64) -> u32 {
        (self.random.hash_one(seed) >> 32) as u32
    }

    /// The numbers of the methods that led to a call, without label sets.
    fn read_stack(&mut self, call: CallWord) {
        self.stack.clear();
        let (mut next, mut youngest) = (call, u64::MAX);
        while !next.is_none() && self.stack.len() < MAX_DEPTH {
            let task = task_of(&self.records, next).filter(|task| task.start <= youngest);
            // The method of the current call is known, also where that has ended.
            if task.is_none() && !self.stack.is_empty() {
                break;
            }
            let method = self.core.plain_number(next.method());
            self.stack.push(method);
            let Some(task) = task else { break };
            (next, youngest) = (task.caller, task.start);
        }
        self.stack.reverse();
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        if let Some(times) = lock(&self.core.self_time).as_mut() {
            times.remove_sampler();
        }
    }
}

impl fmt::Debug for Sampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sampler")
            .field("storage", &self.core.id)
            .field("period", &self.period)
            .finish_non_exhaustive()
    }
}

/// The call in the slot that a word names.
fn task_of(records: &[&'static Record], call: CallWord) -> Option<TaskInFlight> {
    let record = records.get(call.record().checked_sub(1)?)?;
    record.slot_of(call)?.task(call.slot())
}

/// The sums of samples, once a sampler began; those of each method go to `methods`.
pub(crate) fn read(core: &StorageCore, methods: &mut [MethodSnapshot]) -> Option<SelfTime> {
    let times = lock(&core.self_time);
    let times = times.as_ref()?;
    for method in methods {
        method.self_seconds = Some(times.of_method(core, method.number));
    }
    Some(times.read(core))
}

#[cfg(all(test, not(monitor_loom)))]
mod tests;
