//! The recording path: call sites, the cells each thread owns, tasks in flight, and the guard of one call.

pub(crate) mod args;
pub mod config;
pub mod exemplar;
pub(crate) mod guard;
pub(crate) mod in_flight;
pub(crate) mod label_sets;
pub(crate) mod limit;
pub(crate) mod method;
#[cfg(all(test, monitor_loom))]
pub(crate) mod models;
pub(crate) mod returned;
pub(crate) mod run;
pub(crate) mod shard;
pub(crate) mod site;
pub(crate) mod store;
pub(crate) mod streak;
pub(crate) mod thread;
pub(crate) mod values;

pub(crate) use self::in_flight as tasks; // alias
pub(crate) use self::label_sets as labels; // alias
pub(crate) use self::label_sets as method_name; // alias
pub(crate) use self::limit as permits; // alias
pub(crate) use self::method as common; // alias
pub(crate) use self::shard as window; // alias
pub(crate) use self::store as rules; // alias
pub(crate) use self::streak as state; // alias
pub(crate) use self::thread as local; // alias
pub(crate) mod settings {
    pub use crate::recording::site::SharedMethod; // alias
    pub(crate) use crate::recording::site::{Settings, all_settings as all, shared_methods};
}
