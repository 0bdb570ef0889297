//! A thread's table of shards; adoption of records of threads that ended; scopes.

use std::cell::Cell;
use std::marker::PhantomData;

use crate::call::method::MethodCore;
use crate::call::record::Record;
use crate::call::shard::Shard;
use crate::storage::StorageCore;

/// Methods whose shards stand in the thread-local table itself; the rest is found through the record.
const INLINE: usize = if cfg!(loom) { 2 } else { 128 };

/// A thread's table: which shards it owns.
///
/// The cells are a cache of the record's: without a destructor, so that reading one is a plain load, and cleared when
/// the record changes.
#[derive(Debug)]
pub(crate) struct Local {
    cells: [Cell<Option<&'static Shard>>; INLINE],
    record: Cell<Option<&'static Record>>,
    /// Whether this thread can own records: not once its thread-locals are being destroyed.
    gone: Cell<bool>,
}

thread_local! {
    static LOCAL: Local = const { Local::new() };
    static HAND_BACK: HandBack = const { HandBack };
}

/// Hands the thread's record back when the thread ends.
struct HandBack;

impl Drop for HandBack {
    fn drop(&mut self) {
        with(|local| {
            local.gone.set(true);
            local.hand_back();
        });
    }
}

/// Runs with this thread's table.
#[inline]
pub(crate) fn with<R>(run: impl FnOnce(&Local) -> R) -> R {
    LOCAL.with(run)
}

impl Local {
    pub(crate) const fn new() -> Self {
        Self {
            cells: [const { Cell::new(None) }; INLINE],
            record: Cell::new(None),
            gone: Cell::new(false),
        }
    }

    /// The shard this thread owns of a method, if the table has it at hand.
    #[inline]
    pub(crate) fn cached(&self, id: u32) -> Option<&'static Shard> {
        self.cells.get(id as usize)?.get()
    }

    /// Whether this thread owns the shard and has it at hand.
    #[inline]
    pub(crate) fn has_at_hand(&self, shard: &'static Shard) -> bool {
        self.cached(shard.id)
            .is_some_and(|mine| std::ptr::eq(mine, shard))
    }

    /// Whether this thread owns the shard; that proves both thread and storage.
    pub(crate) fn owns(&self, shard: &'static Shard) -> bool {
        self.has_at_hand(shard)
            || self
                .known(shard.id)
                .is_some_and(|mine| std::ptr::eq(mine, shard))
    }

    /// The shard this thread owns of a method, from the record; at hand from now on where the table has room.
    pub(crate) fn known(&self, id: u32) -> Option<&'static Shard> {
        let shard = self.record.get()?.known(id)?;
        self.keep(shard);
        Some(shard)
    }

    fn keep(&self, shard: &'static Shard) {
        if let Some(cell) = self.cells.get(shard.id as usize) {
            cell.set(Some(shard));
        }
    }

    /// The storage a call on this thread records in, if one was ever chosen.
    pub(crate) fn storage(&self) -> Option<&'static StorageCore> {
        self.record.get().map(|record| record.storage)
    }

    /// The shard this thread owns of a method, made if need be. `None` where the thread can own none: its
    /// thread-locals are gone, or another storage is in force.
    pub(crate) fn shard(&self, method: &'static MethodCore) -> Option<&'static Shard> {
        let record = match self.record.get() {
            Some(record) => record,
            None => self.adopt_on_thread(method.storage)?,
        };
        if !std::ptr::eq(record.storage, method.storage) {
            return None;
        }
        let shard = record.shard(method)?;
        self.keep(shard);
        Some(shard)
    }

    fn adopt_on_thread(&self, storage: &'static StorageCore) -> Option<&'static Record> {
        if self.gone.get() || HAND_BACK.try_with(|_| ()).is_err() {
            return None;
        }
        Some(self.adopt(storage))
    }

    /// Takes a record of the storage that no thread owns, or a new one.
    pub(crate) fn adopt(&self, storage: &'static StorageCore) -> &'static Record {
        let record = storage.take_record();
        self.record.set(Some(record));
        record
    }

    /// Gives the record back for the next thread.
    pub(crate) fn hand_back(&self) {
        self.clear();
        if let Some(record) = self.record.take() {
            record.storage.put_record(record);
        }
    }

    fn clear(&self) {
        for cell in &self.cells {
            cell.set(None);
        }
    }

    /// Puts another storage in force until the scope is dropped.
    pub(crate) fn enter<'a>(&'a self, storage: &'static StorageCore) -> LocalScope<'a> {
        let outer = self.record.take();
        self.clear();
        self.adopt(storage);
        LocalScope {
            local: self,
            outer,
            not_send: PhantomData,
        }
    }
}

/// While it lives, calls on this thread record in the scope's storage.
#[derive(Debug)]
pub(crate) struct LocalScope<'a> {
    local: &'a Local,
    outer: Option<&'static Record>,
    not_send: PhantomData<*const ()>,
}

impl Drop for LocalScope<'_> {
    fn drop(&mut self) {
        self.local.hand_back();
        self.local.record.set(self.outer);
    }
}
