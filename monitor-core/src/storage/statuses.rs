//! The statuses of task types: set through the API, fed by calls, read with the methods of a snapshot or alone.
//!
//! A status is one shared word (see [`Streak`]); the length of its run is a sum over the shards that feed it. When it
//! was last set through the API is a cell of its streak. When a call last fed it is in none: each call leaves its end
//! in the ring of its shard, so a success writes nothing for a status.
//!
//! A snapshot walks all shards anyway, so [`StatusReader`] adds up their parts while their cells are cached. If the
//! status `default` changes meanwhile, its run is read again by itself.

use std::sync::Arc;
use std::time::Duration;

use crate::base::sort::sort_by;
use crate::data::snapshot::StatusSnapshot;
use crate::data::status::{DEFAULT_TASK, TaskStatus};
use crate::recording::method::{MethodCore, MethodShared};
use crate::recording::shard::{ALL_CALLS, OWN, Shard};
use crate::recording::store::StorageCore;
use crate::recording::streak::{self, Streak};
use crate::storage::MonitorStorage;

impl MonitorStorage {
    /// Sets the status of a task type; [`DEFAULT_TASK`](crate::data::status::DEFAULT_TASK) is the one that calls of
    /// all methods feed.
    pub fn set_task_status(&self, status: TaskStatus, task: &str) {
        self.core.task(task).set(status, self.core.clock.now());
    }

    /// Sets the status an error type maps to (`None`: OK) for [`DEFAULT_TASK`](crate::data::status::DEFAULT_TASK).
    #[doc(alias = "ErrorParser.set_status")]
    pub fn set_status(&self, error_type: Option<&str>) {
        let status = self.core.rules().parser.status_named(error_type);
        self.set_task_status(status, DEFAULT_TASK);
    }

    /// Status and run length of `default`, and of the task types set through the API or named by an attribute's
    /// argument `task`; only those ever set.
    #[doc(alias = "get_statuses")]
    pub fn statuses(&self) -> Vec<StatusSnapshot> {
        let reader = StatusReader::new(self.core, self.core.clock.now());
        reader.listed(reader.of_all_calls())
    }

    /// Status and run length of the methods' own task types, by name; only those ever set.
    pub fn method_statuses(&self) -> Vec<StatusSnapshot> {
        let reader = StatusReader::new(self.core, self.core.clock.now());
        let methods = self.core.shared.items();
        let mut all: Vec<_> = methods
            .filter_map(|shared| reader.of_method(shared))
            .collect();
        sort_by_task(&mut all);
        all
    }

    /// Whether there is a task type of this name: [`DEFAULT_TASK`](crate::data::status::DEFAULT_TASK), a method's, one
    /// that an attribute names (`task = ".."`), or one set through the API. One that exists need not have been set yet.
    pub fn has_task(&self, name: &str) -> bool {
        name == DEFAULT_TASK
            || self.core.tasks().any(|(task, _)| &**task == name)
            || self.has_method(name)
    }

    /// Whether calls of a method feed the task type of this name: all calls feed
    /// [`DEFAULT_TASK`](crate::data::status::DEFAULT_TASK), and a method its own or the one that its attribute names
    /// (`task = ".."`), unless it is without health. Other task types are set through the API alone.
    pub fn is_fed(&self, task: &str) -> bool {
        let mut tasks = self.core.tasks();
        let listed = tasks.find(|(name, _)| &**name == task);
        let feeds = |shared: &MethodShared| match listed {
            _ if task == DEFAULT_TASK => shared.feeds_health(),
            Some((_, state)) if std::ptr::eq(shared.own, state) => true,
            _ => shared.has_own_task && &*shared.plain.name == task,
        };
        self.core.shared.items().any(feeds)
    }
}

/// Reads statuses at one moment: alone, or beside the methods of a snapshot, each while the cells it is a sum of are
/// cached.
pub(crate) struct StatusReader {
    core: &'static StorageCore,
    /// The moment ages are measured from, in ticks.
    now: u64,
    all_calls: streak::Reading,
    /// When the newest call ended that feeds the status of all calls, in ticks.
    newest_end: Option<u64>,
    methods: Vec<StatusSnapshot>,
}

impl StatusReader {
    pub(crate) fn new(core: &'static StorageCore, now: u64) -> Self {
        Self {
            core,
            now,
            all_calls: core.default_task.begin_reading(),
            newest_end: None,
            methods: Vec::new(),
        }
    }

    /// Adds a method that was just read; the label sets of a method follow each other.
    pub(crate) fn add(&mut self, method: &'static MethodCore, next: Option<&'static MethodCore>) {
        let shared = method.shared;
        if shared.feeds_health() {
            for shard in method.shards() {
                self.all_calls.run += shard.run(ALL_CALLS, self.all_calls.word);
                if shard.feeds(ALL_CALLS) {
                    self.newest_end = self.newest_end.max(shard.ring.newest_end());
                }
            }
        }
        if next.is_none_or(|next| !std::ptr::eq(next.shared, shared)) {
            self.methods.extend(self.of_method(shared));
        }
    }

    /// Returns the task types the original has, and the methods' own.
    pub(crate) fn finish(self) -> (Vec<StatusSnapshot>, Vec<StatusSnapshot>) {
        let state = self.core.default_task;
        let all_calls = match state.end_reading(&self.all_calls) {
            Some(shown) => self.shown(DEFAULT_TASK.into(), state, shown, self.newest_end),
            None => self.of_all_calls(),
        };
        (self.listed(all_calls), self.methods)
    }

    fn of_all_calls(&self) -> Option<StatusSnapshot> {
        let state = self.core.default_task;
        let feeding = self.feeding(|shared| std::ptr::eq(shared.default, state));
        self.read(DEFAULT_TASK.into(), state, &feeding, ALL_CALLS)
    }

    /// `default`, and the task types set through the API or listed by an attribute, which methods may feed.
    fn listed(&self, default: Option<StatusSnapshot>) -> Vec<StatusSnapshot> {
        let mut all = Vec::from_iter(default);
        for (task, state) in self.core.tasks() {
            let feeding = self.feeding(|shared| std::ptr::eq(shared.own, state));
            all.extend(self.read(Arc::clone(task), state, &feeding, OWN));
        }
        sort_by_task(&mut all);
        all
    }

    fn feeding(&self, feeds: impl Fn(&MethodShared) -> bool) -> Vec<&'static MethodShared> {
        let methods = self.core.shared.items();
        methods.filter(|shared| feeds(shared)).collect()
    }

    /// The status of a method's own task type, if it has one.
    fn of_method(&self, shared: &'static MethodShared) -> Option<StatusSnapshot> {
        let own = shared.has_own_task.then_some(shared.own)?;
        self.read(Arc::clone(&shared.plain.name), own, &[shared], OWN)
    }

    /// The status of a task type that these methods feed, from this place of their shards.
    fn read(
        &self,
        task: Arc<str>,
        state: &Streak,
        feeding: &[&'static MethodShared],
        at: usize,
    ) -> Option<StatusSnapshot> {
        let each_shard = |look: &mut dyn FnMut(&Shard)| {
            for method in feeding.iter().flat_map(|shared| shared.methods()) {
                method.shards().for_each(&mut *look);
            }
        };
        let shown = state.read(|word| {
            let mut run = 0;
            each_shard(&mut |shard| run += shard.run(at, word));
            run
        });
        let mut newest_end = None;
        each_shard(&mut |shard| {
            if shard.feeds(at) {
                newest_end = newest_end.max(shard.ring.newest_end());
            }
        });
        self.shown(task, state, shown, newest_end)
    }

    fn shown(
        &self,
        task: Arc<str>,
        state: &Streak,
        shown: Option<(TaskStatus, u64)>,
        newest_end: Option<u64>,
    ) -> Option<StatusSnapshot> {
        let (status, run) = shown?;
        let newest = newest_end.max(state.last_set());
        // A call that ended after `now` was read has no age yet.
        let age = newest.map(|newest| self.core.clock.seconds(self.now.saturating_sub(newest)));
        Some(StatusSnapshot {
            task,
            status,
            run,
            age: age.map(Duration::from_secs_f64),
        })
    }
}

fn sort_by_task(statuses: &mut [StatusSnapshot]) {
    sort_by(statuses, |a, b| a.task.cmp(&b.task));
}
