//! The statuses of task types: read with the methods whose calls feed them, or alone.
//!
//! How long ago one was last set, or fed by a call, is in no cell of its own: every call leaves its end in the ring of its
//! shard, so that a success goes on writing nothing for a status.

use std::sync::Arc;
use std::time::Duration;

use crate::data::snapshot::StatusSnapshot;
use crate::data::status::TaskStatus;
use crate::recording::common::Common;
use crate::recording::method::MethodCore;
use crate::recording::shard::Shard;
use crate::recording::state::{self, TaskState};
use crate::recording::store::StorageCore;

/// Reads statuses beside the methods of a snapshot, each while the cells it is a sum of are at hand.
pub(crate) struct Statuses {
    core: &'static StorageCore,
    now: u64,
    default: state::Reading,
    /// When the newest call ended that feeds the status of all calls, in ticks.
    default_newest: Option<u64>,
    methods: Vec<StatusSnapshot>,
}

/// A status and its run, if it was ever set, and when it last was set or fed, in ticks.
#[derive(Debug, Clone, Copy)]
struct Read {
    shown: Option<(TaskStatus, u64)>,
    newest: Option<u64>,
}

impl Statuses {
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
        if std::ptr::eq(common.default, self.core.default_task) {
            let runs = method.shards();
            let runs = runs.map(|shard| shard.default_run(self.default.word()));
            self.default.add(runs.sum());
            let ends = method.shards().filter_map(Shard::newest_end);
            self.default_newest = self.default_newest.max(ends.max());
        }
        if next.is_none_or(|next| !std::ptr::eq(next.common, common)) {
            self.methods.extend(self.core.of_method(common, self.now));
        }
    }

    /// The task types the original has, and the methods' own.
    pub(crate) fn finish(self) -> (Vec<StatusSnapshot>, Vec<StatusSnapshot>) {
        let shown = self.core.default_task.end_reading(&self.default);
        let default = match shown {
            Some(shown) => Read {
                shown,
                newest: self.default_newest,
            },
            None => self.core.default_status(),
        };
        let statuses = self.core.statuses_with(default, self.now);
        (statuses, self.methods)
    }
}

impl StorageCore {
    /// `default` and the task types set through the API.
    pub(crate) fn statuses(&self) -> Vec<StatusSnapshot> {
        self.statuses_with(self.default_status(), self.clock.now())
    }

    fn default_status(&self) -> Read {
        let fed = |common: &&Common| std::ptr::eq(common.default, self.default_task);
        let shards = || {
            let methods = self.commons().filter(fed).flat_map(Common::methods);
            methods.flat_map(MethodCore::shards)
        };
        Read {
            shown: self
                .default_task
                .read(|word| shards().map(|shard| shard.default_run(word)).sum()),
            newest: newest(self.default_task, shards()),
        }
    }

    fn statuses_with(&self, default: Read, now: u64) -> Vec<StatusSnapshot> {
        let named = self.tasks().into_iter();
        let named = named.map(|(task, state)| (task, self.listed_status(state)));
        let mut statuses: Vec<StatusSnapshot> =
            std::iter::once((Arc::from(crate::data::status::DEFAULT_TASK), default))
                .chain(named)
                .filter_map(|(task, read)| self.status(task, read, now))
                .collect();
        statuses.sort_unstable_by(|a, b| a.task.cmp(&b.task));
        statuses
    }

    /// The status of a task type that is not a method's own, but that methods may feed.
    fn listed_status(&self, state: &'static TaskState) -> Read {
        let fed = |common: &&Common| std::ptr::eq(common.own, state);
        Read {
            shown: state.read(|word| {
                let fed = self.commons().filter(fed);
                fed.map(|common| own_run(common, word)).sum()
            }),
            newest: newest(state, self.commons().filter(fed).flat_map(shards)),
        }
    }

    /// The methods' own task types.
    pub(crate) fn method_statuses(&'static self) -> Vec<StatusSnapshot> {
        let now = self.clock.now();
        let mut before = None;
        self.in_order()
            .methods()
            .iter()
            .map(|method| method.common)
            .filter(|common| before.replace(std::ptr::from_ref(*common)) != Some(*common))
            .filter_map(|common| self.of_method(common, now))
            .collect()
    }

    /// The status of a method's own task type, if it has one.
    fn of_method(&self, common: &Common, now: u64) -> Option<StatusSnapshot> {
        let own = common.has_own_task.then_some(common.own)?;
        let read = Read {
            shown: own.read(|word| own_run(common, word)),
            newest: newest(own, shards(common)),
        };
        self.status(Arc::clone(&common.name), read, now)
    }

    fn status(&self, task: Arc<str>, read: Read, now: u64) -> Option<StatusSnapshot> {
        let (status, run) = read.shown?;
        // A call that ended after `now` was read has no age yet.
        let age = |newest| Duration::from_secs_f64(self.clock.seconds(now.saturating_sub(newest)));
        Some(StatusSnapshot {
            task,
            status,
            run,
            age: read.newest.map(age),
        })
    }

    /// Whether there is a task type of this name: `default`, a method's, one that an attribute names or that was set.
    pub(crate) fn has_task(&self, name: &str) -> bool {
        name == crate::data::status::DEFAULT_TASK
            || self.tasks().iter().any(|(task, _)| &**task == name)
            || self.methods().any(|method| &*method.name == name)
    }
}

fn shards(common: &Common) -> impl Iterator<Item = &'static Shard> + '_ {
    common.methods().flat_map(MethodCore::shards)
}

fn own_run(common: &Common, word: u64) -> u64 {
    shards(common).map(|shard| shard.own_run(word)).sum()
}

/// When the status was last set, or a call that feeds it ended, in ticks.
fn newest(state: &TaskState, shards: impl Iterator<Item = &'static Shard>) -> Option<u64> {
    state
        .last_set()
        .max(shards.filter_map(Shard::newest_end).max())
}
