//! The current call of a thread: the call whose code the thread runs at this moment.
//!
//! Each [`Record`](crate::recording::thread::Record), the part of a thread in a storage, has one word: the current call,
//! or none. A call is made from the one that is current when it begins.
//!
//! # Who sets it
//!
//! The start of a monitored call makes it current, and its end makes the call current again that was before. Between
//! two polls the body of an async call does not run, so its polls do the same: [`CallPoll::resume`] before, and
//! [`CallPoll::suspend`] where the body waits. All polls pass there: the future of a wrapped body has a poll of its own,
//! and each await of a body in place is one of [`awaited`](crate::recording::run::awaited). The call to return to stands
//! in the slot of the call, so it costs the future nothing.
//!
//! A [`CallGuard`](crate::CallGuard) that is started by hand has a caller, but is current only inside of its `run` and
//! `within`: it may be held over awaits that nothing hooks.
//!
//! # Across threads and tasks
//!
//! [`here`] takes the current call along, for a task or a thread that is spawned; [`root`] leaves it behind, for a task
//! that is polled inside of a call by chance. A scope of another storage has a record of its own, so it begins without a
//! current call.
//!
//! # Consistency
//!
//! A word has one writer, its thread. Readers (the tree of calls, the sampler) copy it: it names a method, a record and
//! a slot, and may have ended by the time it is read. A call whose caller ended, and whose slot another call took
//! since, is told by the start: a caller begins before the calls it makes.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::recording::callers::ENTRY;
use crate::recording::guard::CallGuard;
use crate::recording::in_flight::TaskSlot;
use crate::recording::store::StorageCore;
use crate::recording::thread::{self, Local};

const SLOT_BITS: u32 = 24;
const RECORD_BITS: u32 = 16;
/// Above them are two bits of a slot.
const SHARD_BITS: u32 = 22;

/// The slot of all tasks for which a thread has none.
pub(crate) const MAX_SLOT: u32 = (1 << SLOT_BITS) - 1;
const MAX_SHARD: u32 = (1 << SHARD_BITS) - 1;

/// A call: the number of its shard, of its record in the storage (from 1 on; 0 is unknown), and of its slot. 0 is no
/// call: no shard has the number 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallWord(u64);

impl CallWord {
    pub(crate) const NONE: Self = Self(0);

    /// Numbers too large for their bits are unknown ones.
    pub(crate) fn new(shard: u32, record: usize, slot: u32) -> Self {
        let record = u16::try_from(record).unwrap_or_default();
        let shard = u64::from(shard.min(MAX_SHARD)) << (SLOT_BITS + RECORD_BITS);
        let record = u64::from(record) << SLOT_BITS;
        Self(shard | record).with_slot(slot.min(MAX_SLOT))
    }

    /// The word of another slot of the same shard, for one whose slot is 0; with [`MAX_SLOT`], of a call without a slot.
    #[inline]
    pub(crate) fn with_slot(self, slot: u32) -> Self {
        Self(self.0 | u64::from(slot))
    }

    #[inline]
    pub(crate) fn of_bits(bits: u64) -> Self {
        Self(bits)
    }

    #[inline]
    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    #[inline]
    pub(crate) fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The number of its method and label set, or [`ENTRY`].
    #[inline]
    pub(crate) fn method(self) -> u32 {
        const {
            assert!(ENTRY == 0, "no call has the method of entry calls");
        }
        self.shard() / 2
    }

    /// The number of its shard in its record.
    #[inline]
    pub(crate) fn shard(self) -> u32 {
        (self.0 >> (SLOT_BITS + RECORD_BITS)) as u32
    }

    /// The number of its record.
    pub(crate) fn record(self) -> usize {
        (self.0 >> SLOT_BITS) as usize & ((1 << RECORD_BITS) - 1)
    }

    /// The number of its slot.
    #[expect(clippy::cast_possible_truncation, reason = "masked")]
    pub(crate) fn slot(self) -> u32 {
        (self.0 as u32) & MAX_SLOT
    }
}

/// The hold of a call that its polls have: makes it current while its body runs. Only the code that polls or drops the
/// body uses it, and has the body alone.
///
/// A call past the limit of slots has no slot, and counts as running.
#[derive(Clone, Copy)]
pub struct CallPoll {
    slot: Option<&'static TaskSlot>,
    word: CallWord,
}

impl CallPoll {
    /// That of a call without a slot.
    pub(crate) const NONE: Self = Self {
        slot: None,
        word: CallWord::NONE,
    };

    #[inline]
    pub(crate) fn new(slot: Option<&'static TaskSlot>, word: CallWord) -> Self {
        Self { slot, word }
    }

    pub(crate) fn is_suspended(self) -> bool {
        self.slot.is_some_and(TaskSlot::is_suspended)
    }

    /// The body is about to run. Writes nothing at its first poll: the call has just become the current one.
    #[inline]
    pub(crate) fn resume(self) {
        if let Some(slot) = self.slot
            && slot.is_suspended()
        {
            thread::with(|local| {
                slot.resume(local.current());
                local.set_current(self.word);
            });
        }
    }

    /// The body waits.
    #[inline]
    pub(crate) fn suspend(self) {
        if let Some(slot) = self.slot {
            let outer = slot.suspend();
            thread::with(|local| local.set_current(outer));
        }
    }
}

impl fmt::Debug for CallPoll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallPoll").finish_non_exhaustive()
    }
}

/// While it lives another call is current on its thread. It finds the thread's table again at its end, so that the code
/// that runs meanwhile is not a part of the closure of `with`: that is a function of its own, and would copy the result.
pub(crate) struct CurrentCallScope {
    outer: CallWord,
}

impl CurrentCallScope {
    #[inline]
    pub(crate) fn new(local: &Local, word: CallWord) -> Self {
        let outer = local.current();
        local.set_current(word);
        Self { outer }
    }
}

impl Drop for CurrentCallScope {
    #[inline]
    fn drop(&mut self) {
        thread::with(|local| local.set_current(self.outer));
    }
}

/// The call that is current where [`here`] is called, for code that goes on elsewhere.
///
/// A spawned task or thread starts without a current call: its calls are entry calls. Inside of
/// [`within`](Self::within) and [`run`](Self::run) their caller is the call that was current here, also after that
/// call has ended.
///
/// # Examples
///
/// ```
/// use monitor_core::{Monitor, here, monitored};
///
/// #[monitored(method = "Load")]
/// fn load() {}
///
/// #[monitored(method = "Serve")]
/// fn serve() {
///     let here = here();
///     std::thread::scope(|scope| {
///         scope.spawn(move || here.run(load));
///     });
/// }
///
/// serve();
/// let snapshot = Monitor::global().snapshot();
/// let load = snapshot.methods.iter().find(|method| &*method.name == "Load").ok_or("it was called")?;
/// assert_eq!(load.callers[0].caller.as_deref(), Some("Serve"));
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy)]
pub struct Here {
    word: CallWord,
    /// Its slot and its start.
    call: Option<(&'static TaskSlot, u64)>,
    /// The storage whose call it is. Where another one is in force, it is no caller.
    storage: Option<&'static StorageCore>,
}

impl Here {
    pub(crate) const NO_CALL: Self = Self {
        word: CallWord::NONE,
        call: None,
        storage: None,
    };

    /// A future whose calls are made from here. It is as large as the future and four words.
    pub fn within<F: Future>(self, future: F) -> Within<F> {
        Within { here: self, future }
    }

    /// Runs a closure whose calls are made from here.
    #[inline]
    pub fn run<R>(self, run: impl FnOnce() -> R) -> R {
        let _meanwhile = thread::with(|local| {
            let is_known = self.word.is_none()
                || self
                    .storage
                    .is_some_and(|storage| local.is_in_force(storage));
            is_known.then(|| CurrentCallScope::new(local, self.word()))
        });
        run()
    }

    /// The word of the call; once it has ended, one without a slot: its slot may be another call's.
    fn word(&self) -> CallWord {
        let is_in_flight = |(slot, start): (&TaskSlot, u64)| slot.busy_since() == Some(start);
        if self.word.is_none() || self.call.is_some_and(is_in_flight) {
            self.word
        } else {
            self.word.with_slot(MAX_SLOT)
        }
    }
}

impl fmt::Debug for Here {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Here").finish_non_exhaustive()
    }
}

/// The call that is current on this thread, to take along to a task or a thread; see [`Here`].
#[must_use]
pub fn here() -> Here {
    thread::with(|local| {
        let word = local.current();
        let slot = local.slot_of(word);
        Here {
            word,
            call: slot.and_then(|slot| Some((slot, slot.busy_since()?))),
            storage: (!word.is_none()).then(|| local.storage()),
        }
    })
}

/// A future whose calls are entry calls, wherever it is polled.
///
/// For tasks that a call polls by chance, and not because it waits for them: those of a runtime or a `LocalSet` that
/// is driven inside of a monitored function. The same for one function is `#[monitored(root)]`.
///
/// # Examples
///
/// ```
/// use std::future::Future;
/// use std::pin::pin;
/// use std::task::{Context, Waker};
///
/// use monitor_core::{Monitor, StorageConfig, monitored, root};
///
/// #[monitored(method = "Job")]
/// async fn job() {}
///
/// #[monitored(method = "Main")]
/// fn run() {
///     let poll = pin!(root(job())).poll(&mut Context::from_waker(Waker::noop()));
///     assert!(poll.is_ready());
/// }
///
/// let monitor = Monitor::new(StorageConfig::default());
/// monitor.scope_sync(run);
/// let snapshot = monitor.snapshot();
/// let job = snapshot.methods.iter().find(|method| &*method.name == "Job").ok_or("it was called")?;
/// assert_eq!(job.callers[0].caller, None);
/// # Ok::<(), &str>(())
/// ```
pub fn root<F: Future>(future: F) -> Within<F> {
    Here::NO_CALL.within(future)
}

pin_project! {
    /// A future whose calls are made from a given call, or from none; made by [`Here::within`] and [`root`].
    #[must_use = "futures do nothing unless polled"]
    pub struct Within<F> {
        here: Here,
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Within<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.here.run(|| this.future.poll(context))
    }
}

impl<F> fmt::Debug for Within<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Within").finish_non_exhaustive()
    }
}

pin_project! {
    /// A future whose calls are made from a call that was started by hand; made by [`CallGuard::within`].
    #[must_use = "futures do nothing unless polled"]
    pub struct InCall<'a, F> {
        call: &'a CallGuard,
        #[pin]
        future: F,
    }
}

impl<'a, F> InCall<'a, F> {
    pub(crate) fn new(call: &'a CallGuard, future: F) -> Self {
        Self { call, future }
    }
}

impl<F: Future> Future for InCall<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.call.run(|| this.future.poll(context))
    }
}

impl<F> fmt::Debug for InCall<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InCall").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(monitor_loom)))]
mod tests;
