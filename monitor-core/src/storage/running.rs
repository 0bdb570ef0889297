//! The tree of calls in flight, read while they go on.
//!
//! Every slot in use is a call, and its caller's word names another slot: so the calls are the nodes of a tree, and its
//! edges are known without asking any thread. Nothing stops: a call that ends while the slots are read may be in the
//! tree or not, and one whose caller has ended stands at the top, with the name of that method.
//!
//! # Which calls
//!
//! Of more calls than asked for, the oldest are given. A caller began before the calls it makes, so those are given
//! with their callers. A caller that began after the call it is named by has its slot from another call, which ended:
//! it is not taken for the caller.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::base::sort::sort_by;
use crate::data::snapshot::RunningCall;
use crate::recording::current::CallWord;
use crate::recording::in_flight::TaskInFlight;
use crate::recording::method::MethodCore;
use crate::recording::store::StorageCore;
use crate::storage::MonitorStorage;

impl MonitorStorage {
    /// Calls in flight as a tree, the oldest first: each call is followed by the calls it made that are in flight. The
    /// tasks of the section `tasks` stand behind the calls. At most this many lines are given.
    ///
    /// A call takes the time of a look at its slot, and none is stopped for it. The lines of one page are not of one
    /// moment.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::{Monitor, StorageConfig};
    ///
    /// let monitor = Monitor::new(StorageConfig::default());
    /// let (request, load) = (monitor.method("Request")?, monitor.method("Load")?);
    /// monitor.scope_sync(|| {
    ///     let request = request.start();
    ///     let load = request.run(|| load.start());
    ///     let lines = monitor.running(100);
    ///     let lines: Vec<_> = lines.iter().map(|line| (line.depth, &*line.name)).collect();
    ///     assert_eq!(lines, [(0, "Request"), (1, "Load")]);
    /// });
    /// # Ok::<(), monitor_core::MethodError>(())
    /// ```
    pub fn running(&self, most: usize) -> Vec<RunningCall> {
        let core = self.core;
        let now = core.clock.now();
        let mut lines = CallTree::read(core, now, most).lines();
        let mut tasks = core.values.tasks.running(core.clock.unix_at(now));
        sort_by(&mut tasks, |a, b| b.1.total_cmp(&a.1));
        lines.extend(tasks.into_iter().map(|(name, seconds)| RunningCall {
            depth: 0,
            name,
            labels: [].into(),
            // A start given by a user may be any number.
            age: Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX),
            thread: None,
            caller: None,
        }));
        lines.truncate(most);
        lines
    }
}

/// A call that was read. The older one is less.
#[derive(Clone, Copy)]
struct CallInFlight {
    method: &'static MethodCore,
    word: CallWord,
    task: TaskInFlight,
}

impl CallInFlight {
    fn order(&self) -> (u64, u64) {
        (self.task.start, self.word.bits())
    }
}

impl Ord for CallInFlight {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for CallInFlight {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for CallInFlight {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for CallInFlight {}

/// The calls that were read, the oldest first.
struct CallTree {
    core: &'static StorageCore,
    now: u64,
    calls: Vec<CallInFlight>,
    /// The place of each call by its word.
    places: HashMap<u64, usize>,
}

impl CallTree {
    fn read(core: &'static StorageCore, now: u64, most: usize) -> Self {
        let calls = oldest(core, most);
        let places = calls.iter().zip(0..);
        let places = places.map(|(call, at)| (call.word.bits(), at)).collect();
        Self {
            core,
            now,
            calls,
            places,
        }
    }

    /// The place of the call that made the call at this place, where it is here: always one before it. So no call is
    /// above itself, also where the clock stood still.
    fn caller_of(&self, at: usize) -> Option<usize> {
        let caller = self.calls[at].task.caller;
        let place = self.places.get(&caller.bits()).copied();
        place.filter(|place| *place < at)
    }

    fn lines(&self) -> Vec<RunningCall> {
        let threads = self.threads();
        let mut depths = vec![0; self.calls.len()];
        let mut made: Vec<Vec<usize>> = vec![Vec::new(); self.calls.len()];
        let mut next = Vec::new();
        for at in 0..self.calls.len() {
            match self.caller_of(at) {
                Some(caller) => {
                    depths[at] = depths[caller] + 1;
                    made[caller].push(at);
                }
                None => next.push(at),
            }
        }
        let mut lines = Vec::with_capacity(self.calls.len());
        // The last of a list is the next one, so the lists are in reverse.
        next.reverse();
        while let Some(at) = next.pop() {
            lines.push(self.line(at, depths[at], threads[at].clone()));
            next.extend(made[at].iter().rev());
        }
        lines
    }

    fn line(&self, at: usize, depth: usize, thread: Option<Arc<str>>) -> RunningCall {
        let call = &self.calls[at];
        let caller = call.task.caller;
        let has_other_caller = depth == 0 && !caller.is_none();
        let ticks = self.now.saturating_sub(call.task.start);
        RunningCall {
            depth,
            name: Arc::clone(&call.method.name),
            labels: Arc::clone(&call.method.labels),
            age: Duration::from_secs_f64(self.core.clock.seconds(ticks)),
            thread,
            caller: has_other_caller.then(|| self.core.name_of(caller.method())),
        }
    }

    /// The thread that runs each call: it runs its current call, and so the calls above that one.
    fn threads(&self) -> Vec<Option<Arc<str>>> {
        let mut threads = vec![None; self.calls.len()];
        for record in self.core.all_records() {
            let current = record.current().bits();
            let mut running = self.places.get(&current).copied();
            let name = running.and_then(|_| record.thread_name());
            while let (Some(at), Some(name)) = (running, &name)
                && !self.calls[at].task.is_suspended
            {
                threads[at] = Some(Arc::clone(name));
                running = self.caller_of(at);
            }
        }
        threads
    }
}

/// The oldest calls in flight, at most so many, the oldest first.
fn oldest(core: &'static StorageCore, most: usize) -> Vec<CallInFlight> {
    let mut oldest = BinaryHeap::new();
    for method in core.methods() {
        for shard in method.shards() {
            for task in shard.slots.tasks() {
                let word = shard.word_of(task.slot);
                oldest.push(CallInFlight { method, word, task });
                if oldest.len() > most {
                    oldest.pop();
                }
            }
        }
    }
    oldest.into_sorted_vec()
}
