//! A thread's table of shards, its records, their adoption by later threads, and scopes.
//!
//! A thread owns a [`Record`] in each storage it records in: its shards there. (Inside a scope it may take another, as
//! the outer one is put away.) A record outlives the thread: when the thread ends it goes back to the storage, whose
//! lock orders the last owner's writes before the next owner's, and the next thread adopts it whole. So threads that
//! come and go leak nothing.
//!
//! [`Local`] caches the record of the storage in force in cells without a destructor, so that reading one is a plain
//! load; a scope, which changes the storage in force, clears them. Records in other storages, which a thread comes by
//! through a [`Method`](crate::Method) or a guard, are in a short list beside it.

use std::cell::{Cell, RefCell};

use crate::base::append::{IN_MODEL, Table};
use crate::recording::method::MethodCore;
use crate::recording::shard::Shard;
use crate::recording::store::{self, StorageCore};

/// Methods whose shards stand in the thread-local table itself; the rest is found through the record.
const INLINE: usize = if IN_MODEL { 2 } else { 128 };

/// Shards one thread owns in one storage, by method.
pub(crate) struct Record {
    storage: &'static StorageCore,
    shards: Table<Shard>,
}

impl Record {
    pub(crate) fn new(storage: &'static StorageCore) -> Self {
        let shards = Table::default();
        Self { storage, shards }
    }

    fn owns(&self, shard: &'static Shard) -> bool {
        let own = self.shards.item(shard.id);
        own.is_some_and(|own| std::ptr::eq(own, shard))
    }

    /// The shard of a method, made and listed if need be; only the record's owner.
    fn shard(&self, method: &'static MethodCore) -> Option<&'static Shard> {
        self.shards.item_or(method.id, || method.add_shard())
    }
}

/// A thread's table: which shards it owns.
pub(crate) struct Local {
    cells: [Cell<Option<&'static Shard>>; INLINE],
    /// The storage that call sites record in; `None` is the global one. Only a scope changes it.
    current: Cell<Option<&'static StorageCore>>,
    /// This thread's record in the storage in force, once it recorded there.
    record: Cell<Option<&'static Record>>,
}

thread_local! {
    static LOCAL: Local = const { Local::new() };
    static OWNED: OwnedRecords = const { OwnedRecords(RefCell::new(Vec::new())) };
}

/// Hands back, when the thread ends, the record of [`Local`] and those of storages that are not in force, which are
/// listed here. From then on the thread can own none.
struct OwnedRecords(RefCell<Vec<&'static Record>>);

impl OwnedRecords {
    /// This thread's record in a storage that is not in force.
    fn record(&self, storage: &'static StorageCore) -> &'static Record {
        let mut records = self.0.borrow_mut();
        let known = records
            .iter()
            .find(|record| std::ptr::eq(record.storage, storage));
        known.copied().unwrap_or_else(|| {
            let record = storage.take_record();
            records.push(record);
            record
        })
    }
}

impl Drop for OwnedRecords {
    fn drop(&mut self) {
        with(Local::hand_back);
        for record in self.0.take() {
            record.storage.put_record(record);
        }
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
            current: Cell::new(None),
            record: Cell::new(None),
        }
    }

    /// The shard this thread owns of a method, if its table has it cached.
    #[inline]
    pub(crate) fn cached(&self, id: u32) -> Option<&'static Shard> {
        self.cells.get(id as usize)?.get()
    }

    /// True if this thread owns the shard and has it cached.
    #[inline]
    pub(crate) fn has_cached(&self, shard: &'static Shard) -> bool {
        self.cached(shard.id)
            .is_some_and(|own| std::ptr::eq(own, shard))
    }

    /// True if this thread owns the shard.
    pub(crate) fn owns(&self, shard: &'static Shard) -> bool {
        let owned = |owned: &OwnedRecords| owned.0.borrow().iter().any(|one| one.owns(shard));
        self.has_cached(shard)
            || self.record.get().is_some_and(|record| record.owns(shard))
            || OWNED.try_with(owned).unwrap_or(false)
    }

    /// The shard this thread owns of a method in the storage in force; cached from now on where the table has room.
    pub(crate) fn known(&self, id: u32) -> Option<&'static Shard> {
        Some(self.keep(self.record.get()?.shards.item(id)?))
    }

    fn keep(&self, shard: &'static Shard) -> &'static Shard {
        if let Some(cell) = self.cells.get(shard.id as usize) {
            cell.set(Some(shard));
        }
        shard
    }

    /// The storage that call sites on this thread record in.
    pub(crate) fn current(&self) -> &'static StorageCore {
        self.current.get().unwrap_or_else(store::global)
    }

    /// The storage that a scope put in force; none is the global one.
    #[inline]
    pub(crate) fn scoped(&self) -> Option<&'static StorageCore> {
        self.current.get()
    }

    /// The shard this thread owns of a method of any storage, made if need be. `None` where the thread can own none,
    /// because its thread-locals are gone.
    pub(crate) fn shard(&self, method: &'static MethodCore) -> Option<&'static Shard> {
        let is_current = match self.current.get() {
            Some(scoped) => std::ptr::eq(scoped, method.storage),
            None => store::is_global(method.storage),
        };
        if !is_current {
            let record = OWNED.try_with(|owned| owned.record(method.storage));
            return record.ok()?.shard(method);
        }
        if self.record.get().is_none() {
            self.adopt(method.storage);
        }
        Some(self.keep(self.record.get()?.shard(method)?))
    }

    /// Takes a record of the storage that no thread owns, or a new one, if this thread can own one.
    fn adopt(&self, storage: &'static StorageCore) {
        let adopted = OWNED.try_with(|_| storage.take_record());
        self.record.set(adopted.ok());
    }

    /// Gives the record back for the next thread.
    pub(crate) fn hand_back(&self) {
        self.clear();
        if let Some(record) = self.record.take() {
            record.storage.put_record(record);
        }
    }

    fn clear(&self) {
        self.cells.iter().for_each(|cell| cell.set(None));
    }

    /// Puts another storage in force until the scope is dropped.
    pub(crate) fn enter<'a>(&'a self, storage: &'static StorageCore) -> LocalScope<'a> {
        let scoped = (!store::is_global(storage)).then_some(storage);
        let outer = (self.current.replace(scoped), self.record.take());
        self.clear();
        self.adopt(storage);
        LocalScope { local: self, outer }
    }
}

/// While it lives, calls on this thread record in the scope's storage. It stays on its thread, as [`Local`] does.
pub(crate) struct LocalScope<'a> {
    local: &'a Local,
    outer: (Option<&'static StorageCore>, Option<&'static Record>),
}

impl Drop for LocalScope<'_> {
    fn drop(&mut self) {
        self.local.hand_back();
        let (current, record) = self.outer;
        self.local.current.set(current);
        self.local.record.set(record);
    }
}
