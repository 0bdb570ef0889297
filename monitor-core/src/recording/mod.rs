//! The recording path: call sites, the cells each thread owns, tasks in flight, and the guard of one call.
//!
//! # The life of a record
//!
//! 1. An expansion makes one static [`CallSite`](site::CallSite). The settings of a method, from the attributes of all
//!    its sites, are in its [`Settings`](site::Settings). A method, and each label set of one, has a number in the
//!    process ([`label_sets`]); a storage makes a [`MethodCore`](method::MethodCore) of it, at start-up where the names
//!    are known, else with the first call.
//! 2. A call begins, with values read from its arguments ([`args`]): its [`CallGuard`](guard::CallGuard) finds the
//!    shard this thread owns of the method, by number, in the thread's table ([`thread`]): two plain loads. On the
//!    first call of a method on a thread the shard is made, or comes with a record that an ended thread handed back.
//!    The call that is current on the thread is its caller ([`current`]). The [`Shard`](shard::Shard) counts the start
//!    by the caller ([`callers`]), reads the clock and claims a slot for the task ([`in_flight`]), which keeps the
//!    start time and the caller; and the call becomes the current one.
//! 3. The body runs, as a closure, a future, a stream or in place ([`run`]), after waiting for a permit where calls are
//!    limited ([`limit`]). Values it observes wait in cells that belong to its slot ([`values`]), so that nothing is
//!    lost if it fails.
//! 4. The call ends: the returned value gives its outcome ([`returned`]). If the thread's table still has the guard's
//!    shard, which proves thread *and* storage, the caller is current again, the slot is freed, and the call is entered
//!    in the [`ring`] of the last ones: plain loads and stores. At every 16th call the ring's new entries are added to
//!    the sum and to the [`cells`] of their durations ([`successes`], [`partition`]). All else takes the slow path: a
//!    failure is classified by the rules of the storage ([`store`]) and changes the status of its task
//!    types ([`streak`]); a call that ends on another thread is entered in *that* thread's shard, and its slot goes
//!    back to the owner over a stack. An exemplar is kept if there is a provider ([`exemplar`]).
//! 5. A snapshot adds the shards of all threads up (`storage/collect.rs`), in the order of the storage's
//!    [`MethodList`](method::MethodList).
//!
//! # Ownership
//!
//! | | made by | written by | read by | until |
//! |---|---|---|---|---|
//! | number of a method or label set | first use of the name | nothing after that | all | the process ends |
//! | [`StorageCore`](store::StorageCore), [`MethodShared`](method::MethodShared), [`MethodCore`](method::MethodCore) | first use | all, by atomics | all | the process ends |
//! | [`Record`](thread::Record) of a (thread, storage) | the thread, or an earlier one | the thread that has it | | handed on when the thread or scope ends |
//! | [`Shard`](shard::Shard) of a (thread, method) | the record's owner | the record's owner; slots also by guards elsewhere | snapshots | handed on with its record |
//! | fallback shard of a method | first use | the holder of its lock | snapshots | the process ends |
//! | current call of a record | the record's owner | the record's owner | the sampler, and readers of the tree | it changes with each call |
//! | slot of a call, and its values | the shard's owner | the guard, wherever it is | snapshots (the start time) | the call ends |
//! | word of a [`Streak`](streak::Streak) | first use | all, by compare-and-swap | all | the process ends |
//!
//! Nothing here is ever freed: a guard points at its shard without a count, which would cost two locked instructions a
//! call. Threads that come and go leak nothing, as their records are adopted.
//!
//! # Pairs of orderings, and the states a reader may see meanwhile
//!
//! The owner of a shard frees the slot, then enters the call in the ring, and the failed one in its cell, each a Release
//! store. A reader takes what ended, then the started side, over the list of shards again, each with Acquire. So in
//! flight is never negative, and no count can fall. Of the successes of a shard it gets those of one moment, with their
//! sum ([`successes`]); the sum of failures never counts one that the cells do not. Only calls that are just ending may
//! be missing. After the ring of last calls was read, the entries that its writer may have overwritten meanwhile are
//! left out ([`Ring`](ring::Ring)). Links and tables that grow are set once: a reader sees an item complete or not at
//! all ([`base::append`](crate::base::append)). A record is handed on under a lock, which orders the writes of its
//! owners. The models in `models.rs` check this on the shipped code under every interleaving of a few threads and every
//! reordering the memory model allows.

pub(crate) mod args;
pub(crate) mod callers;
pub(crate) mod cells;
pub mod config;
pub(crate) mod current;
pub mod exemplar;
pub(crate) mod guard;
pub(crate) mod in_flight;
pub(crate) mod label_sets;
pub(crate) mod last_errors;
pub(crate) mod limit;
pub(crate) mod method;
#[cfg(all(test, monitor_loom))]
pub(crate) mod models;
pub(crate) mod partition;
pub(crate) mod returned;
pub(crate) mod ring;
pub(crate) mod run;
pub(crate) mod self_time;
pub(crate) mod shard;
pub(crate) mod site;
pub(crate) mod store;
pub(crate) mod streak;
pub(crate) mod successes;
pub(crate) mod thread;
pub(crate) mod time_limit;
pub(crate) mod values;
