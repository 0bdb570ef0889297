//! The statuses of task types: set through the API, fed by calls, read with the methods of a snapshot or alone.
//!
//! A status is one shared word (see [`TaskState`]); the length of its run is a sum over the shards that feed it. How long
//! ago it was last set, or fed by a call, is in no cell of its own: every call leaves its end in the ring of its shard, so
//! that a success goes on writing nothing for a status.
//!
//! A snapshot walks all shards anyway, so [`StatusReader`] adds up their parts while their cells are cached. If the status
//! of all calls changes meanwhile, its run is read again by itself.

use std::sync::Arc;
use std::time::Duration;

use crate::data::snapshot::StatusSnapshot;
use crate::data::status::{DEFAULT_TASK, TaskStatus};
use crate::recording::common::Common;
use crate::recording::method::MethodCore;
use crate::recording::shard::Shard;
use crate::recording::state::{self, TaskState};
use crate::recording::store::StorageCore;
use crate::storage::MonitorStorage;

impl MonitorStorage {
    /// Sets the status of a task type; [`DEFAULT_TASK`](crate::data::status::DEFAULT_TASK) is the one all calls feed.
    pub fn set_task_status(&self, status: TaskStatus, task: &str) {
        self.core.task(task).set(status, self.core.clock.now());
    }

    /// Sets the status an error type maps to (`None`: OK) for [`DEFAULT_TASK`](crate::data::status::DEFAULT_TASK).
    #[doc(alias = "ErrorParser.set_status")]
    pub fn set_status(&self, error_type: Option<&str>) {
        let rules = self.core.rules();
        let status = error_type.map_or(TaskStatus::Ok, |name| {
            let id = rules.parser.type_id(name);
            id.map_or(TaskStatus::OtherException, |id| rules.status_of(id))
        });
        self.set_task_status(status, DEFAULT_TASK);
    }

    /// Status and run length of `default` and the task types set through the API; only those ever set.
    #[doc(alias = "get_statuses")]
    pub fn statuses(&self) -> Vec<StatusSnapshot> {
        let now = self.core.clock.now();
        let default = self.core.default_status(now);
        self.core.statuses_with(default, now)
    }

    /// Status and run length of the methods' own task types, by name; only those ever set.
    pub fn method_statuses(&self) -> Vec<StatusSnapshot> {
        let now = self.core.clock.now();
        let methods = self.core.commons();
        let mut statuses: Vec<_> = methods
            .filter_map(|common| self.core.status_of(common, now))
            .collect();
        statuses.sort_unstable_by(|a, b| a.task.cmp(&b.task));
        statuses
    }

    /// Whether there is a task type of this name: [`DEFAULT_TASK`](crate::data::status::DEFAULT_TASK), a method's, one that
    /// an attribute names (`task = ".."`), or one set through the API. One that exists need not have been set yet.
    pub fn has_task(&self, name: &str) -> bool {
        name == DEFAULT_TASK
            || self.core.tasks().iter().any(|(task, _)| &**task == name)
            || self.has_method(name)
    }
}

/// Reads statuses beside the methods of a snapshot, each while the cells it is a sum of are cached.
pub(crate) struct StatusReader {
    core: &'static StorageCore,
    now: u64,
    default: state::Reading,
    /// When the newest call ended that feeds the status of all calls, in ticks.
    default_newest: Option<u64>,
    methods: Vec<StatusSnapshot>,
}

impl StatusReader {
    /// `now` is the snapshot's, in ticks.
    pub(crate) fn new(core: &'static StorageCore, now: u64) -> Self {
        Self {
            core,
            now,
            default: core.default_task.begin_reading(),
            default_newest: core.default_task.last_set(),
            methods: Vec::new(),
        }
    }

    /// Adds a method that was just read; the label sets of a method follow each other.
    pub(crate) fn add(&mut self, method: &'static MethodCore, next: Option<&'static MethodCore>) {
        let common = method.common;
        if self.core.feeds_default(common) {
            for shard in method.shards() {
                self.default.add(shard.default_run(self.default.word()));
                self.default_newest = self.default_newest.max(shard.newest_end());
            }
        }
        if next.is_none_or(|next| !std::ptr::eq(next.common, common)) {
            self.methods.extend(self.core.status_of(common, self.now));
        }
    }

    /// Returns the task types the original has, and the methods' own.
    pub(crate) fn finish(self) -> (Vec<StatusSnapshot>, Vec<StatusSnapshot>) {
        let Self { core, now, .. } = self;
        let default = match core.default_task.end_reading(&self.default) {
            Some(shown) => core.shown_status(DEFAULT_TASK.into(), shown, self.default_newest, now),
            None => core.default_status(now),
        };
        (core.statuses_with(default, now), self.methods)
    }
}

impl StorageCore {
    fn feeds_default(&self, common: &Common) -> bool {
        std::ptr::eq(common.default, self.default_task)
    }

    fn default_status(&self, now: u64) -> Option<StatusSnapshot> {
        let shards = || {
            let methods = self.commons().filter(|common| self.feeds_default(common));
            methods.flat_map(shards_of)
        };
        self.status(
            DEFAULT_TASK.into(),
            self.default_task,
            shards,
            Shard::default_run,
            now,
        )
    }

    /// `default` and the task types set through the API or listed by an attribute, which methods may feed.
    fn statuses_with(&self, default: Option<StatusSnapshot>, now: u64) -> Vec<StatusSnapshot> {
        let named = self.tasks().into_iter().filter_map(|(task, state)| {
            let shards = || {
                let methods = self.commons();
                let feeding = methods.filter(|common| std::ptr::eq(common.own, state));
                feeding.flat_map(shards_of)
            };
            self.status(task, state, shards, Shard::own_run, now)
        });
        let mut statuses: Vec<_> = default.into_iter().chain(named).collect();
        statuses.sort_unstable_by(|a, b| a.task.cmp(&b.task));
        statuses
    }

    /// The status of a method's own task type, if it has one.
    fn status_of(&self, common: &'static Common, now: u64) -> Option<StatusSnapshot> {
        let own = common.has_own_task.then_some(common.own)?;
        let shards = || shards_of(common);
        self.status(Arc::clone(&common.name), own, shards, Shard::own_run, now)
    }

    /// The status of a task type that these shards feed, `run` giving the part of each in the run of a word.
    fn status<S: Iterator<Item = &'static Shard>>(
        &self,
        task: Arc<str>,
        state: &TaskState,
        shards: impl Fn() -> S,
        run: impl Fn(&Shard, u64) -> u64,
        now: u64,
    ) -> Option<StatusSnapshot> {
        let shown = state.read(|word| shards().map(|shard| run(shard, word)).sum());
        let newest = shards().filter_map(Shard::newest_end).max();
        self.shown_status(task, shown, newest.max(state.last_set()), now)
    }

    /// `newest` is when the status was last set, or a call that feeds it ended, in ticks.
    fn shown_status(
        &self,
        task: Arc<str>,
        shown: Option<(TaskStatus, u64)>,
        newest: Option<u64>,
        now: u64,
    ) -> Option<StatusSnapshot> {
        let (status, run) = shown?;
        // A call that ended after `now` was read has no age yet.
        let age = |newest| Duration::from_secs_f64(self.clock.seconds(now.saturating_sub(newest)));
        Some(StatusSnapshot {
            task,
            status,
            run,
            age: newest.map(age),
        })
    }
}

fn shards_of(common: &'static Common) -> impl Iterator<Item = &'static Shard> {
    common.methods().flat_map(MethodCore::shards)
}
