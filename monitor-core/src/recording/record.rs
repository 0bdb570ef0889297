//! A thread's record: all shards it owns in one storage. It outlives the thread, and the next thread adopts it whole.

use crate::base::chunked::Chunked;
use crate::base::sync::{Once, leak};
use crate::recording::method::MethodCore;
use crate::recording::shard::Shard;
use crate::recording::store::StorageCore;

/// All shards one thread owns in one storage, by method.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) storage: &'static StorageCore,
    shards: Chunked<Once<&'static Shard>>,
}

impl Record {
    pub(crate) fn new(storage: &'static StorageCore) -> &'static Self {
        leak(Self {
            storage,
            shards: Chunked::new(),
        })
    }

    /// The shard of a method, if the record has one.
    #[inline]
    pub(crate) fn known(&self, id: u32) -> Option<&'static Shard> {
        self.shards.get(id)?.get()
    }

    /// The shard of a method, made and listed if need be; only the record's owner.
    pub(crate) fn shard(&self, method: &'static MethodCore) -> Option<&'static Shard> {
        let cell = self.shards.get_or_grow(method.id)?;
        Some(cell.get_or_init(|| method.add_shard()))
    }
}
