//! The statuses of task types: read with the methods whose calls feed them, or alone.

use std::sync::Arc;

use crate::call::common::Common;
use crate::call::method::MethodCore;
use crate::call::state::{self, TaskState};
use crate::snapshot::StatusSnapshot;
use crate::status::TaskStatus;
use crate::storage::core::StorageCore;

/// Reads statuses beside the methods of a snapshot, each while the cells it is a sum of are at hand.
pub(crate) struct Statuses {
    core: &'static StorageCore,
    default: state::Reading,
    methods: Vec<StatusSnapshot>,
}

impl Statuses {
    pub(crate) fn new(core: &'static StorageCore) -> Self {
        Self {
            core,
            default: core.default_task.begin_reading(),
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
        }
        if next.is_none_or(|next| !std::ptr::eq(next.common, common)) {
            self.methods.extend(of_method(common));
        }
    }

    /// The task types the original has, and the methods' own.
    pub(crate) fn finish(self) -> (Vec<StatusSnapshot>, Vec<StatusSnapshot>) {
        let default = self.core.default_task.end_reading(&self.default);
        let default = default.unwrap_or_else(|| self.core.default_status());
        (self.core.statuses_with(default), self.methods)
    }
}

impl StorageCore {
    /// `default` and the task types set through the API.
    pub(crate) fn statuses(&self) -> Vec<StatusSnapshot> {
        self.statuses_with(self.default_status())
    }

    fn default_status(&self) -> Option<(TaskStatus, u64)> {
        self.default_task.read(|word| {
            let fed = |common: &&Common| std::ptr::eq(common.default, self.default_task);
            let methods = self.commons().filter(fed).flat_map(Common::methods);
            let shards = methods.flat_map(MethodCore::shards);
            shards.map(|shard| shard.default_run(word)).sum()
        })
    }

    fn statuses_with(&self, default: Option<(TaskStatus, u64)>) -> Vec<StatusSnapshot> {
        let named = self.tasks().into_iter();
        let named = named.map(|(task, state)| (task, self.listed_status(state)));
        let mut statuses: Vec<StatusSnapshot> =
            std::iter::once((Arc::from(crate::DEFAULT_TASK), default))
                .chain(named)
                .filter_map(|(task, read)| status(task, read))
                .collect();
        statuses.sort_unstable_by(|a, b| a.task.cmp(&b.task));
        statuses
    }

    /// The status of a task type that is not a method's own, but that methods may feed.
    fn listed_status(&self, state: &'static TaskState) -> Option<(TaskStatus, u64)> {
        let fed = |common: &&Common| std::ptr::eq(common.own, state);
        state.read(|word| {
            let fed = self.commons().filter(fed);
            fed.map(|common| own_run(common, word)).sum()
        })
    }

    /// The methods' own task types.
    pub(crate) fn method_statuses(&'static self) -> Vec<StatusSnapshot> {
        let mut before = None;
        self.in_order()
            .methods()
            .iter()
            .map(|method| method.common)
            .filter(|common| before.replace(std::ptr::from_ref(*common)) != Some(*common))
            .filter_map(of_method)
            .collect()
    }
}

/// The status of a method's own task type, if it has one.
fn of_method(common: &Common) -> Option<StatusSnapshot> {
    let own = common.has_own_task.then_some(common.own)?;
    let read = own.read(|word| own_run(common, word));
    status(Arc::clone(&common.name), read)
}

fn own_run(common: &Common, word: u64) -> u64 {
    let shards = common.methods().flat_map(MethodCore::shards);
    shards.map(|shard| shard.own_run(word)).sum()
}

fn status(task: Arc<str>, read: Option<(TaskStatus, u64)>) -> Option<StatusSnapshot> {
    let (status, run) = read?;
    Some(StatusSnapshot { task, status, run })
}
