//! A thread's table of shards; adoption of records of threads that ended; scopes.

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;

use crate::recording::method::MethodCore;
use crate::recording::record::Record;
use crate::recording::shard::Shard;
use crate::recording::store::{self, StorageCore};

/// Methods whose shards stand in the thread-local table itself; the rest is found through the record.
const INLINE: usize = if cfg!(all(test, monitor_loom)) {
    2
} else {
    128
};

/// A thread's table: which shards it owns.
///
/// The cells are a cache of the record of the storage in force: without a destructor, so that reading one is a plain
/// load, and cleared when the storage in force changes.
#[derive(Debug)]
pub(crate) struct Local {
    cells: [Cell<Option<&'static Shard>>; INLINE],
    /// The storage that call sites record in; `None` is the global one. Only a scope changes it.
    in_force: Cell<Option<&'static StorageCore>>,
    /// This thread's record in the storage in force, once it recorded there.
    record: Cell<Option<&'static Record>>,
    /// Whether this thread can own records: not once its thread-locals are being destroyed.
    gone: Cell<bool>,
}

thread_local! {
    static LOCAL: Local = const { Local::new() };
    static HELD: Held = const { Held(RefCell::new(Vec::new())) };
}

/// What must be handed back when the thread ends: the record of [`Local`], and those of storages that are not in force
/// but that this thread recorded in all the same, through a [`Method`](crate::Method) or a guard.
struct Held(RefCell<Vec<&'static Record>>);

impl Held {
    /// This thread's record in a storage that is not in force.
    fn record(&self, storage: &'static StorageCore) -> &'static Record {
        let mut records = self.0.borrow_mut();
        let known = records
            .iter()
            .find(|record| std::ptr::eq(record.storage, storage));
        if let Some(record) = known {
            return record;
        }
        let record = storage.take_record();
        records.push(record);
        record
    }

    fn owns(&self, shard: &'static Shard) -> bool {
        self.0.borrow().iter().any(|record| holds(record, shard))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        with(|local| {
            local.gone.set(true);
            local.hand_back();
        });
        for record in self.0.take() {
            record.storage.put_record(record);
        }
    }
}

fn holds(record: &Record, shard: &'static Shard) -> bool {
    record
        .known(shard.id)
        .is_some_and(|mine| std::ptr::eq(mine, shard))
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
            in_force: Cell::new(None),
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

    /// Whether this thread owns the shard.
    pub(crate) fn owns(&self, shard: &'static Shard) -> bool {
        self.has_at_hand(shard)
            || self.record.get().is_some_and(|record| holds(record, shard))
            || HELD.try_with(|held| held.owns(shard)).unwrap_or(false)
    }

    /// The shard this thread owns of a method in the storage in force; at hand from now on where the table has room.
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

    /// The storage that call sites on this thread record in.
    pub(crate) fn in_force(&self) -> &'static StorageCore {
        self.in_force.get().unwrap_or_else(store::global)
    }

    /// The storage that a scope put in force; none is the global one.
    #[inline]
    pub(crate) fn scoped(&self) -> Option<&'static StorageCore> {
        self.in_force.get()
    }

    fn is_in_force(&self, storage: &'static StorageCore) -> bool {
        match self.in_force.get() {
            Some(scoped) => std::ptr::eq(scoped, storage),
            None => store::is_global(storage),
        }
    }

    /// The shard this thread owns of a method of any storage, made if need be. `None` where the thread can own none,
    /// because its thread-locals are gone.
    pub(crate) fn shard(&self, method: &'static MethodCore) -> Option<&'static Shard> {
        if !self.is_in_force(method.storage) {
            let held = HELD.try_with(|held| held.record(method.storage)).ok()?;
            return held.shard(method);
        }
        let record = match self.record.get() {
            Some(record) => record,
            None => self.adopt_on_thread(method.storage)?,
        };
        let shard = record.shard(method)?;
        self.keep(shard);
        Some(shard)
    }

    fn adopt_on_thread(&self, storage: &'static StorageCore) -> Option<&'static Record> {
        if self.gone.get() || HELD.try_with(|_| ()).is_err() {
            return None;
        }
        Some(self.adopt(storage))
    }

    /// Takes a record of the storage that no thread owns, or a new one.
    fn adopt(&self, storage: &'static StorageCore) -> &'static Record {
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
        let scoped = (!store::is_global(storage)).then_some(storage);
        let outer = (self.in_force.replace(scoped), self.record.take());
        self.clear();
        if !self.gone.get() {
            self.adopt(storage);
        }
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
    outer: (Option<&'static StorageCore>, Option<&'static Record>),
    not_send: PhantomData<*const ()>,
}

impl Drop for LocalScope<'_> {
    fn drop(&mut self) {
        self.local.hand_back();
        let (in_force, record) = self.outer;
        self.local.in_force.set(in_force);
        self.local.record.set(record);
    }
}
