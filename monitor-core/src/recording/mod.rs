//! The recording path: call sites, the cells each thread owns, tasks in flight, and the guard of one call.

pub(crate) mod answer;
pub(crate) mod awaited;
pub(crate) mod entered;
pub mod exemplar;
pub(crate) mod guard;
pub(crate) mod outcome;
pub(crate) mod permits;
pub(crate) mod plan;
pub(crate) mod run;
pub(crate) mod settings;
pub(crate) mod site;
pub(crate) mod stream;

pub mod config;
pub(crate) mod in_flight;
pub(crate) mod label_sets;
pub(crate) mod method;
#[cfg(all(test, monitor_loom))]
pub(crate) mod models;
pub(crate) mod shard;
pub(crate) mod store;
pub(crate) mod streak;
pub(crate) mod thread;
pub(crate) mod values;

pub(crate) use self::in_flight as tasks; // alias
pub(crate) use self::label_sets as labels; // alias
pub(crate) use self::label_sets as method_name; // alias
pub(crate) use self::method as common; // alias
pub(crate) use self::shard as window; // alias
pub(crate) use self::store as rules; // alias
pub(crate) use self::streak as state; // alias
pub(crate) use self::thread as local; // alias
