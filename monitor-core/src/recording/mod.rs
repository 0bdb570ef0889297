//! The recording path: call sites, the cells each thread owns, tasks in flight, and the guard of one call.

pub(crate) mod args;
pub(crate) mod common;
pub mod config;
pub mod exemplar;
pub(crate) mod guard;
pub(crate) mod labels;
pub(crate) mod limit;
pub(crate) mod local;
pub(crate) mod method;
pub(crate) mod method_list;
pub(crate) mod method_name;
#[cfg(all(test, monitor_loom))]
pub(crate) mod models;
pub(crate) mod overflows;
pub(crate) mod record;
pub(crate) mod returned;
pub(crate) mod rules;
pub(crate) mod run;
pub(crate) mod shard;
pub(crate) mod site;
pub(crate) mod state;
pub(crate) mod store;
pub(crate) mod tasks;
pub(crate) mod text_set;
pub(crate) mod tick_bounds;
pub(crate) mod values;
pub(crate) mod window;

pub(crate) use self::limit as permits; // alias
pub(crate) mod settings {
    pub use crate::recording::site::SharedMethod; // alias
    pub(crate) use crate::recording::site::{Settings, all_settings as all, shared_methods};
}
