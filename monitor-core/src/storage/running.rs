//! The tree of calls in flight, read while they go on.
//!
//! Every slot in use is a call, and its caller's word names another slot: so the calls are the nodes of a tree, and its
//! edges are known without asking any thread. Nothing stops: a call that ends while the slots are read may be in the
//! tree or not, and one whose caller has ended, or began after it and only polls it, stands at the top, with the name of that method.
//!
//! # Which calls
//!
//! Of more calls and tasks than asked for, the oldest are given. A caller began before the calls it makes, so those are
//! given with their callers.
//!
//! # Callers that ended
//!
//! A word names a slot, not a call: the caller may have ended, and another call of the same method and labels have its
//! slot. If that one began after the call, it is not taken for the caller. A call that is made in
//! [`here`](crate::here) of a call that has ended names no slot. One case is left: where the slots are read while a slot
//! changes hands, its call may be the one before. The lines are not of one moment.
//!
//! Where the clock stands still, all starts are equal, and calls may even name each other in a circle, which is cut.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;

use crate::base::sort::sort_by;
use crate::data::snapshot::RunningCall;
use crate::recording::current::CallWord;
use crate::recording::in_flight::TaskInFlight;
use crate::recording::method::MethodCore;
use crate::recording::store::StorageCore;
use crate::recording::thread::Record;
use crate::storage::MonitorStorage;

impl MonitorStorage {
    /// Calls in flight as a tree, and tasks of the section `tasks`: those that no call made are in the order of their
    /// ages, the oldest first, and each call is followed by the calls it made that are in flight. Of more than `most`
    /// the oldest are given; 0 gives none.
    ///
    /// This takes some 10 to 30 ns for each call in flight, and up to 1 us for each line. No call is stopped for it.
    ///
    /// # Consistency
    ///
    /// The calls go on while they are read, so the lines are not of one moment. A call in flight all this time is seen
    /// if it is old enough. Each call is at most as old as the one it stands below.
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
        let now = self.core.clock.now();
        let mut tree = CallTree::read(self.core, now, most);
        let mut tasks = section_tasks(self.core, now);
        tree.keep_oldest(&mut tasks, most);
        tree.lines(tasks)
    }
}

/// The tasks of the section `tasks`, the oldest first.
fn section_tasks(core: &StorageCore, now: u64) -> Vec<RunningCall> {
    let tasks = core.values.tasks.running(core.clock.unix_at(now));
    let tasks = tasks.into_iter().map(|(name, seconds)| RunningCall {
        depth: 0,
        name,
        labels: [].into(),
        // A start given by a user may be any number.
        age: Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX),
        thread: None,
        waits_for_permit: false,
        caller: None,
    });
    let mut tasks: Vec<RunningCall> = tasks.collect();
    sort_by(&mut tasks, |a, b| b.age.cmp(&a.age));
    tasks
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
    unread: Unread,
}

/// How many calls of a method and its labels are in flight beside those that were read, by the place of its counts.
type Unread = HashMap<*const MethodCore, u64, RandomState>;

/// For each call its caller's place in the tree, where it has one there.
type Callers = Vec<Option<usize>>;

/// What a call does.
struct State {
    thread: Option<Arc<str>>,
    waits: bool,
}

/// For each call the thread that runs it.
type Threads = Vec<Option<Arc<str>>>;

impl CallTree {
    fn read(core: &'static StorageCore, now: u64, most: usize) -> Self {
        let (calls, unread) = oldest(core, most);
        Self {
            core,
            now,
            calls,
            unread,
        }
    }

    /// Keeps at most so many calls and tasks in all.
    fn keep_oldest(&mut self, tasks: &mut Vec<RunningCall>, most: usize) {
        while self.calls.len() + tasks.len() > most {
            let call = self.calls.last().map(|call| self.age(call));
            if call.is_some_and(|age| tasks.last().is_none_or(|task| task.age >= age)) {
                if let Some(call) = self.calls.pop() {
                    add_unread(&mut self.unread, &call);
                }
            } else {
                tasks.pop();
            }
        }
    }

    fn age(&self, call: &CallInFlight) -> Duration {
        let ticks = self.now.saturating_sub(call.task.start);
        Duration::from_secs_f64(self.core.clock.seconds(ticks))
    }

    fn lines(&self, tasks: Vec<RunningCall>) -> Vec<RunningCall> {
        let places = self.places();
        let callers = self.callers(&places);
        let threads = self.threads(&places, &callers);
        let mut made = vec![Vec::new(); self.calls.len()];
        for (at, caller) in callers.iter().enumerate() {
            if let Some(caller) = caller {
                made[*caller].push(at);
            }
        }
        let waits = self.waits(&made, &threads);
        let mut lines = Vec::with_capacity(self.calls.len() + tasks.len());
        let mut tasks = tasks.into_iter().peekable();
        for at in (0..callers.len()).filter(|at| callers[*at].is_none()) {
            let age = self.age(&self.calls[at]);
            lines.extend(std::iter::from_fn(|| tasks.next_if(|task| task.age >= age)));
            self.add_lines(&mut lines, at, &made, |at| State {
                thread: threads[at].clone(),
                waits: waits[at],
            });
        }
        lines.extend(tasks);
        lines
    }

    /// Adds the lines of the call at this place and of those below it.
    // Not by recursion: a stack may have fewer levels than the tree.
    fn add_lines(
        &self,
        lines: &mut Vec<RunningCall>,
        top: usize,
        made: &[Vec<usize>],
        state: impl Fn(usize) -> State,
    ) {
        let mut next = vec![(top, 0)];
        while let Some((at, depth)) = next.pop() {
            lines.push(self.line(at, depth, state(at)));
            // The last one of a stack is the next one.
            next.extend(made[at].iter().rev().map(|at| (*at, depth + 1)));
        }
    }

    fn line(&self, at: usize, depth: usize, state: State) -> RunningCall {
        let call = &self.calls[at];
        let caller = call.task.caller;
        let has_other_caller = depth == 0 && !caller.is_none();
        RunningCall {
            depth,
            name: Arc::clone(&call.method.name),
            labels: Arc::clone(&call.method.labels),
            age: self.age(call),
            thread: state.thread,
            waits_for_permit: state.waits,
            caller: has_other_caller.then(|| self.core.name_of(caller.method())),
        }
    }

    /// The place of each call by its word.
    fn places(&self) -> Places {
        let mut places = Places::default();
        places.reserve(self.calls.len());
        for (call, at) in self.calls.iter().zip(0..) {
            // Without a record's number a word names several calls.
            if call.word.record() != 0 {
                places.insert(call.word.bits(), at);
            }
        }
        places
    }

    fn callers(&self, places: &Places) -> Callers {
        let caller_of = |call: &CallInFlight| {
            let place = places.get(&call.task.caller.bits()).copied();
            place.filter(|place| self.calls[*place].task.start <= call.task.start)
        };
        let mut callers = self.calls.iter().map(caller_of).collect();
        cut_circles(&mut callers);
        callers
    }

    /// A thread runs its current call, and so the calls above that one up to a suspended one.
    fn threads(&self, places: &Places, callers: &Callers) -> Threads {
        let mut threads = vec![None; self.calls.len()];
        for record in self.core.all_records() {
            if let Some(current) = places.get(&record.read_current().bits())
                && let Some(name) = record.thread_name()
            {
                self.add_thread(record, &name, *current, callers, &mut threads);
            }
        }
        threads
    }

    /// Whether each call waits for a permit: see [`RunningCall::waits_for_permit`].
    fn waits(&self, made: &[Vec<usize>], threads: &Threads) -> Vec<bool> {
        let mut waits = vec![false; self.calls.len()];
        let mut left = Unread::default();
        for (at, call) in self.calls.iter().enumerate().rev() {
            let waiting = call.method.waiting().unwrap_or(0);
            if waiting == 0 || threads[at].is_some() || !made[at].is_empty() {
                continue;
            }
            let method = ptr::from_ref(call.method);
            // The calls that were not read are younger than all others.
            let younger = self.unread.get(&method).copied().unwrap_or(0);
            let left = left
                .entry(method)
                .or_insert(waiting.saturating_sub(younger));
            waits[at] = *left > 0;
            *left = left.saturating_sub(1);
        }
        waits
    }

    /// Enters the thread of a record at its current call and at those above. Where another thread makes calls in
    /// [`here`](crate::here) of a call, both threads come to that one: the thread it started on runs it.
    fn add_thread(
        &self,
        record: &Record,
        name: &Arc<str>,
        current: usize,
        callers: &Callers,
        threads: &mut Threads,
    ) {
        let mut replaces = false;
        let mut next = Some(current);
        while let Some(at) = next
            && !self.calls[at].task.is_suspended
        {
            replaces |= threads[at].is_some() && self.calls[at].word.record() == record.number;
            if threads[at].is_some() && !replaces {
                return;
            }
            threads[at] = Some(Arc::clone(name));
            next = callers[at];
        }
    }
}

/// Places of calls by their words.
type Places = HashMap<u64, usize, RandomState>;

/// Takes its caller from one call of each circle.
fn cut_circles(callers: &mut Callers) {
    // The call from which each one was first reached, going up.
    let mut reached_from = vec![None; callers.len()];
    for first in 0..callers.len() {
        let mut at = first;
        while reached_from[at].is_none() {
            reached_from[at] = Some(first);
            let Some(caller) = callers[at] else { break };
            if reached_from[caller] == Some(first) {
                callers[at] = None;
            }
            at = caller;
        }
    }
}

fn add_unread(unread: &mut Unread, call: &CallInFlight) {
    *unread.entry(ptr::from_ref(call.method)).or_default() += 1;
}

/// The oldest calls in flight, at most so many, the oldest first; and how many others there are.
fn oldest(core: &'static StorageCore, most: usize) -> (Vec<CallInFlight>, Unread) {
    let mut oldest = BinaryHeap::new();
    let mut unread = Unread::default();
    for method in core.methods() {
        for shard in method.shards() {
            for task in shard.slots.tasks() {
                let word = shard.word_of(task.slot);
                let call = CallInFlight { method, word, task };
                if oldest.len() < most {
                    oldest.push(call);
                } else if let Some(mut youngest) = oldest.peek_mut()
                    && call < *youngest
                {
                    add_unread(&mut unread, &youngest);
                    *youngest = call;
                } else {
                    add_unread(&mut unread, &call);
                }
            }
        }
    }
    (oldest.into_sorted_vec(), unread)
}

#[cfg(all(test, not(monitor_loom)))]
mod tests;
