//! The only file that names std's atomics, mutexes and read-write locks: under `--cfg monitor_loom` the model checker's
//! stand in for them, so the models run the shipped code.
//!
//! A lock that a panic poisoned is taken all the same, with its present content: better lose a sample than the caller.
//! A value that is set once stands in a [`Once`]: readers see nothing or the whole value, because the store in its
//! `set` is a Release and pairs with the Acquire in its `get`.

#[cfg(all(test, monitor_loom))]
use loom as primitive;
#[cfg(not(all(test, monitor_loom)))]
use std as primitive;

// An atomic in a static has std's type in a model too: the checker's have no `const` constructor.
pub(crate) use std::sync::atomic::{AtomicU32 as StaticAtomicU32, AtomicU64 as StaticAtomicU64};
pub(crate) use std::sync::{Arc, OnceLock};
use std::sync::{LockResult, PoisonError, TryLockError};

pub(crate) use primitive::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release};
pub(crate) use primitive::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize};
pub(crate) use primitive::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
pub(crate) use primitive::thread::yield_now;

/// The guard of a lock, whether or not a panic poisoned it.
fn recovered<G>(locked: LockResult<G>) -> G {
    locked.unwrap_or_else(PoisonError::into_inner)
}

/// Locks a mutex, poisoned or not.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    recovered(mutex.lock())
}

/// Locks a mutex, poisoned or not, if its lock is free.
pub(crate) fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// Locks for reading, poisoned or not.
pub(crate) fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    recovered(lock.read())
}

/// Locks for writing, poisoned or not.
pub(crate) fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    recovered(lock.write())
}

/// Adds to a cell that only the calling thread writes: a plain load and a plain store.
#[inline]
pub(crate) fn bump(cell: &AtomicU64, by: u64, ordering: Ordering) {
    cell.store(cell.load(Relaxed).wrapping_add(by), ordering);
}

/// Boxes a value for the life of the process. The recording path points at values shared by threads that come and go;
/// counting the references would cost two locked instructions a call.
pub(crate) fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// A cell that is set once; a reader sees nothing or the whole value.
#[cfg(not(all(test, monitor_loom)))]
#[derive(Debug)]
pub(crate) struct Once<T>(OnceLock<T>);

#[cfg(not(all(test, monitor_loom)))]
impl<T> Once<T> {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Many empty ones.
    pub(crate) const fn empty<const N: usize>() -> [Self; N] {
        [const { Self::new() }; N]
    }

    #[inline]
    pub(crate) fn get_ref(&self) -> Option<&T> {
        self.0.get()
    }

    /// Sets it if it is empty; returns what it then holds.
    pub(crate) fn get_or_make(&self, make: impl FnOnce() -> T) -> &T {
        self.0.get_or_init(make)
    }
}

#[cfg(not(all(test, monitor_loom)))]
impl<T: Copy> Once<T> {
    #[inline]
    pub(crate) fn get(&self) -> Option<T> {
        self.0.get().copied()
    }

    /// Sets it if it is empty; returns the value it then holds.
    pub(crate) fn get_or_init(&self, make: impl FnOnce() -> T) -> T {
        if let Some(value) = self.get() {
            return value;
        }
        let mut make = Some(make);
        self.init(&mut || make.take().map(|make| make()))
    }

    /// One copy of the slow half for all that make a `T`.
    #[cold]
    #[inline(never)]
    fn init(&self, make: &mut dyn FnMut() -> Option<T>) -> T {
        *(self.0).get_or_init(|| make().expect("std asks one caller, once"))
    }

    /// Sets it if it is empty; else `Err` with the value that was there before.
    pub(crate) fn set(&self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        let there = self
            .get()
            .unwrap_or_else(|| self.init(&mut || value.take()));
        value.map_or(Ok(()), |_| Err(there))
    }
}

/// For the model: a flag it knows of, and a value it need not (nothing switches threads while that is set).
#[cfg(all(test, monitor_loom))]
#[derive(Debug)]
pub(crate) struct Once<T> {
    ready: loom::sync::atomic::AtomicBool,
    value: OnceLock<T>,
}

#[cfg(all(test, monitor_loom))]
impl<T> Once<T> {
    pub(crate) fn new() -> Self {
        Self {
            ready: loom::sync::atomic::AtomicBool::new(false),
            value: OnceLock::new(),
        }
    }

    pub(crate) fn empty<const N: usize>() -> [Self; N] {
        std::array::from_fn(|_| Self::new())
    }

    pub(crate) fn get_ref(&self) -> Option<&T> {
        let ready = self.ready.load(Acquire);
        ready.then(|| self.value.get())?
    }

    pub(crate) fn get_or_make(&self, make: impl FnOnce() -> T) -> &T {
        if let Some(value) = self.get_ref() {
            return value;
        }
        // Made before it is set, as making may switch threads.
        match self.put(make()) {
            Ok(value) | Err(value) => value,
        }
    }

    /// Sets it if it is empty; else `Err` with the value that was there before.
    fn put(&self, value: T) -> Result<&T, &T> {
        let is_first = self.value.set(value).is_ok();
        if is_first {
            self.ready.store(true, Release);
        }
        // As std does: wait until the winner is through.
        while !is_first && !self.ready.load(Acquire) {
            yield_now();
        }
        let value = self.value.get().expect("it is set");
        if is_first { Ok(value) } else { Err(value) }
    }
}

#[cfg(all(test, monitor_loom))]
impl<T: Copy> Once<T> {
    pub(crate) fn get(&self) -> Option<T> {
        self.get_ref().copied()
    }

    pub(crate) fn get_or_init(&self, make: impl FnOnce() -> T) -> T {
        *self.get_or_make(make)
    }

    pub(crate) fn set(&self, value: T) -> Result<(), T> {
        self.put(value).map(drop).map_err(|there| *there)
    }
}

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self::new()
    }
}
