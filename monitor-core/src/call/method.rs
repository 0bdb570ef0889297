//! One method of one storage: its name, its shards, its task types and its permits.

use std::sync::Arc;

use crate::call::shard::Shard;
use crate::call::state::TaskState;
use crate::call::values::{ValueName, ValueNames, value_name};
use crate::interner::Node;
use crate::key::StatKey;
use crate::permits::Permits;
use crate::storage::StorageCore;
use crate::sync::{AtomicU64, Mutex, Once, Ordering, leak, lock};

/// One method of one storage.
#[derive(Debug)]
pub(crate) struct MethodCore {
    pub(crate) storage: &'static StorageCore,
    pub(crate) name: Arc<str>,
    /// Its number in the process, plus 1.
    pub(crate) id: u32,
    /// Its own task type.
    pub(crate) own: &'static TaskState,
    /// The task type of all calls.
    pub(crate) default: &'static TaskState,
    pub(crate) permits: Permits,
    first: Once<&'static Shard>,
    /// The shard of calls no thread's table can take: where thread-locals are gone, and where a call ends outside
    /// the scope it started in. Whoever holds the lock is its single writer, so it keeps the promises of any shard.
    fallback: Once<&'static Shard>,
    fallback_writer: Mutex<()>,
    values: Once<&'static ValueNames>,
    /// Observations past a limit: of names, or of values a call keeps.
    pub(crate) dropped_values: AtomicU64,
}

impl MethodCore {
    pub(crate) fn new(storage: &'static StorageCore, name: Arc<str>, id: u32) -> Self {
        let permits = Permits::new(storage.max_workers());
        Self {
            storage,
            name,
            id,
            own: leak(TaskState::new()),
            default: storage.default_task,
            permits,
            first: Once::new(),
            fallback: Once::new(),
            fallback_writer: Mutex::new(()),
            values: Once::new(),
            dropped_values: AtomicU64::new(0),
        }
    }

    /// Makes a shard and puts it at the end of the list; nobody waits, readers may walk the list meanwhile.
    pub(crate) fn add_shard(&'static self) -> &'static Shard {
        let shard: &'static Shard = leak(Shard::new(self));
        let mut link = &self.first;
        while let Err(there) = link.set(shard) {
            link = &there.next;
        }
        shard
    }

    /// All shards so far.
    pub(crate) fn shards(&self) -> impl Iterator<Item = &'static Shard> + '_ {
        std::iter::successors(self.first.get(), |shard| shard.next.get())
    }

    /// Runs with the fallback shard, as its single writer.
    pub(crate) fn with_fallback<R>(&'static self, write: impl FnOnce(&'static Shard) -> R) -> R {
        let _writer = lock(&self.fallback_writer);
        write(self.fallback.get_or_init(|| self.add_shard()))
    }

    /// The values calls observed so far.
    pub(crate) fn known_values(&self) -> Option<&'static ValueNames> {
        self.values.get()
    }

    /// The value of this name. Past the limit of names a value goes to the child labelled `overflow` of its family, if
    /// there is one or room for one more; else it is dropped.
    pub(crate) fn value(&self, name: &str) -> Option<&'static Node<ValueName>> {
        let names = self.values.get_or_init(|| leak(ValueNames::new()));
        if let Some(node) = names.get(name) {
            return Some(node);
        }
        let limit = self.storage.max_series();
        if names.len() < limit {
            return Some(names.get_or_add(name, |_| value_name(name)));
        }
        self.drop_value();
        let overflow = StatKey::write(value_name(name).key.name(), &[("overflow", "true")]);
        if names.len() < limit.saturating_mul(2) {
            return Some(names.get_or_add(&overflow, |_| value_name(&overflow)));
        }
        names.get(&overflow)
    }

    /// Counts an observation that its own series does not have.
    pub(crate) fn drop_value(&self) {
        self.dropped_values.fetch_add(1, Ordering::Relaxed);
    }

    /// Calls in flight: the finished side of all shards first, then the started side (see [`Shard`]).
    pub(crate) fn in_flight(&self) -> u64 {
        let finished: u64 = self.shards().map(Shard::finished).sum();
        let started: u64 = self.shards().map(Shard::started).sum();
        started.saturating_sub(finished)
    }
}
