//! A thread's table of shards, its records, their adoption by later threads, and scopes.
//!
//! A thread owns a [`Record`] in each storage it records in: its shards there. (Inside a scope it may take another, as
//! the outer one is put away.) A record outlives the thread: when the thread ends it goes back to the storage, whose
//! lock orders the last owner's writes before the next owner's, and the next thread adopts it whole. So threads that
//! come and go leak nothing. It also has the current call of its thread ([`current`](crate::recording::current)).
//!
//! Of each method a record has up to two shards: one of entry calls, and one of calls that other calls made. So the two
//! kinds are counted apart at no cost: which one it is decides where a call looks for its shard.
//!
//! [`Local`] caches the record of the storage in force in cells without a destructor, so that reading one is a plain
//! load; a scope, which changes the storage in force, clears them. Records in other storages, which a thread comes by
//! through a [`Method`](crate::Method) or a guard, are in a short list beside it.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::thread::Thread;

use crate::base::append::{IN_MODEL, Table};
use crate::base::sync::{Acquire, AtomicU64, Mutex, Relaxed, Release, lock};
use crate::recording::current::CallWord;
use crate::recording::in_flight::TaskSlot;
use crate::recording::method::MethodCore;
use crate::recording::shard::Shard;
use crate::recording::store::{self, StorageCore};

/// Shards that stand in the thread-local table itself, two a method; the rest is found through the record.
const INLINE: usize = if IN_MODEL { 4 } else { 256 };

/// The number of a method's shard of entry calls in every record. That of its other calls is the next one.
#[inline]
pub(crate) fn entry_shard(method: u32) -> u32 {
    2 * method
}

/// The number of the shard for a call with this caller.
#[inline]
fn shard_for(entry_shard: u32, caller: CallWord) -> u32 {
    entry_shard + u32::from(!caller.is_none())
}

/// The current call of one thread in one storage, and the shards it owns there.
// Lines of its own: a thread writes into its record at each call.
#[repr(C, align(128))]
pub(crate) struct Record {
    current: AtomicU64,
    /// Its place in the storage's list of records, plus 1; 0 in none.
    pub(crate) number: usize,
    storage: &'static StorageCore,
    /// The thread that has it.
    owner: Mutex<Option<Thread>>,
    /// By the number that [`shard_for`] returns.
    shards: Table<Shard>,
}

impl Record {
    pub(crate) fn new(storage: &'static StorageCore, number: usize) -> Self {
        Self {
            current: AtomicU64::new(CallWord::NONE.bits()),
            number,
            storage,
            owner: Mutex::default(),
            shards: Table::default(),
        }
    }

    pub(crate) fn set_owner(&self, owner: Option<Thread>) {
        *lock(&self.owner) = owner;
    }

    /// The name of the thread that has it, or its id where it has no name; `None` where no thread has it.
    pub(crate) fn thread_name(&self) -> Option<Arc<str>> {
        let owner = lock(&self.owner);
        let name = |owner: &Thread| match owner.name() {
            Some(name) => name.into(),
            None => format!("{:?}", owner.id()).into(),
        };
        owner.as_ref().map(name)
    }

    /// The current call of its thread; only the record's owner.
    #[inline]
    pub(crate) fn current(&self) -> CallWord {
        CallWord::of_bits(self.current.load(Relaxed))
    }

    /// The same for readers on other threads.
    // Acquire: pairs with the Release in `set_current`.
    pub(crate) fn read_current(&self) -> CallWord {
        CallWord::of_bits(self.current.load(Acquire))
    }

    /// Changes it; only the record's owner.
    // Release: pairs with the Acquire in `read_current`. A reader that finds a call here finds it in its slot, which was
    // filled before.
    #[inline]
    pub(crate) fn set_current(&self, call: CallWord) {
        self.current.store(call.bits(), Release);
    }

    /// The slot of a call of this record; also for readers on other threads.
    pub(crate) fn slot_of(&self, call: CallWord) -> Option<&'static TaskSlot> {
        self.shards.item(call.shard())?.slots.cell(call.slot())
    }

    fn owns(&self, shard: &'static Shard) -> bool {
        let own = self.shards.item(shard.number);
        own.is_some_and(|own| std::ptr::eq(own, shard))
    }

    /// The shard of a method with this number, made and listed if need be; only the record's owner.
    fn shard(&'static self, method: &'static MethodCore, number: u32) -> Option<&'static Shard> {
        self.shards
            .item_or(number, || method.add_shard(self, number))
    }
}

/// A shard for a call that begins, and the call that is current.
pub(crate) type ForCall = (&'static Shard, CallWord);

/// A thread's table: which shards it owns.
pub(crate) struct Local {
    cells: [Cell<Option<&'static Shard>>; INLINE],
    /// The storage that call sites record in; `None` is the global one. Only a scope changes it.
    scope: Cell<Option<&'static StorageCore>>,
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
            scope: Cell::new(None),
            record: Cell::new(None),
        }
    }

    /// The current call of this thread.
    #[inline]
    pub(crate) fn current(&self) -> CallWord {
        self.record.get().map_or(CallWord::NONE, Record::current)
    }

    /// The slot of a call of the storage in force.
    pub(crate) fn slot_of(&self, call: CallWord) -> Option<&'static TaskSlot> {
        let own = self.record.get();
        let own = own.filter(|own| own.number == call.record());
        let record = own.or_else(|| self.storage().record(call.record()))?;
        record.slot_of(call)
    }

    /// Makes this call the current one, if this thread can have one.
    #[inline]
    pub(crate) fn set_current(&self, call: CallWord) {
        match self.record.get() {
            Some(record) => record.set_current(call),
            None => self.set_first(call),
        }
    }

    #[cold]
    #[inline(never)]
    fn set_first(&self, call: CallWord) {
        if !call.is_none() {
            self.adopt(self.storage());
            if let Some(record) = self.record.get() {
                record.set_current(call);
            }
        }
    }

    /// The shard this thread owns of a method for a call that begins now, if its table has it cached.
    #[inline]
    pub(crate) fn cached(&self, entry_shard: u32) -> Option<ForCall> {
        let caller = self.record.get()?.current();
        let cell = self.cells.get(shard_for(entry_shard, caller) as usize)?;
        Some((cell.get()?, caller))
    }

    /// True if this thread owns the shard and has it cached.
    #[inline]
    pub(crate) fn has_cached(&self, shard: &'static Shard) -> bool {
        let cell = self.cells.get(shard.number as usize);
        cell.and_then(Cell::get)
            .is_some_and(|own| std::ptr::eq(own, shard))
    }

    /// True if this thread owns the shard.
    pub(crate) fn owns(&self, shard: &'static Shard) -> bool {
        let owned = |owned: &OwnedRecords| owned.0.borrow().iter().any(|one| one.owns(shard));
        self.has_cached(shard)
            || self.record.get().is_some_and(|record| record.owns(shard))
            || OWNED.try_with(owned).unwrap_or(false)
    }

    /// The shard this thread owns of a method in the storage in force, for a call that begins now; cached from now on
    /// where the table has room.
    pub(crate) fn known(&self, method: u32) -> Option<ForCall> {
        let record = self.record.get()?;
        let caller = record.current();
        let shard = record.shards.item(shard_for(entry_shard(method), caller))?;
        Some((self.keep(shard), caller))
    }

    fn keep(&self, shard: &'static Shard) -> &'static Shard {
        if let Some(cell) = self.cells.get(shard.number as usize) {
            cell.set(Some(shard));
        }
        shard
    }

    /// The storage that call sites on this thread record in.
    pub(crate) fn storage(&self) -> &'static StorageCore {
        self.scope.get().unwrap_or_else(store::global)
    }

    /// The storage that a scope put in force; none is the global one.
    #[inline]
    pub(crate) fn scoped(&self) -> Option<&'static StorageCore> {
        self.scope.get()
    }

    /// The shard this thread owns of a method of any storage, made if need be, for a call that begins or ends now.
    /// `None` where the thread can own none, because its thread-locals are gone.
    pub(crate) fn shard(&self, method: &'static MethodCore) -> Option<ForCall> {
        let record = self.record_in(method.storage)?;
        let caller = record.current();
        let shard = record.shard(method, shard_for(entry_shard(method.id), caller))?;
        Some((self.kept_if_cacheable(record, shard), caller))
    }

    /// The shard this thread owns beside a call's own, for the end of that call.
    pub(crate) fn shard_beside(&self, shard: &'static Shard) -> Option<&'static Shard> {
        let record = self.record_in(shard.method.storage)?;
        let own = record.shard(shard.method, shard.number)?;
        Some(self.kept_if_cacheable(record, own))
    }

    /// True if calls on this thread record in this storage. It makes no global storage.
    pub(crate) fn is_in_force(&self, storage: &'static StorageCore) -> bool {
        match self.scope.get() {
            Some(scoped) => std::ptr::eq(scoped, storage),
            None => store::is_global(storage),
        }
    }

    /// This thread's record in a storage, taken if need be.
    fn record_in(&self, storage: &'static StorageCore) -> Option<&'static Record> {
        if !self.is_in_force(storage) {
            return OWNED.try_with(|owned| owned.record(storage)).ok();
        }
        if self.record.get().is_none() {
            self.adopt(storage);
        }
        self.record.get()
    }

    /// Caches a shard of the record in force.
    fn kept_if_cacheable(&self, record: &'static Record, shard: &'static Shard) -> &'static Shard {
        let in_force = self.record.get();
        if in_force.is_some_and(|own| std::ptr::eq(own, record)) {
            self.keep(shard);
        }
        shard
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
            record.set_current(CallWord::NONE);
            record.storage.put_record(record);
        }
    }

    fn clear(&self) {
        self.cells.iter().for_each(|cell| cell.set(None));
    }

    /// Puts a storage in force until the scope is dropped. One that is in force already stays, with the current call.
    pub(crate) fn enter<'a>(&'a self, storage: &'static StorageCore) -> LocalScope<'a> {
        let outer = (!self.is_in_force(storage)).then(|| {
            let scoped = (!store::is_global(storage)).then_some(storage);
            let outer = (self.scope.replace(scoped), self.record.take());
            self.clear();
            self.adopt(storage);
            outer
        });
        LocalScope { local: self, outer }
    }
}

/// While it lives, calls on this thread record in the scope's storage. It stays on its thread, as [`Local`] does.
pub(crate) struct LocalScope<'a> {
    local: &'a Local,
    /// The storage and the record that the scope replaced, if it did.
    outer: Option<(Option<&'static StorageCore>, Option<&'static Record>)>,
}

impl Drop for LocalScope<'_> {
    fn drop(&mut self) {
        if let Some((scope, record)) = self.outer {
            self.local.hand_back();
            self.local.scope.set(scope);
            self.local.record.set(record);
        }
    }
}
