//! The recording path: call sites, the cells each thread owns, tasks in flight, and the guard of one call.

pub(crate) mod answer;
pub(crate) mod awaited;
pub(crate) mod common;
pub mod config;
pub(crate) mod entered;
pub mod exemplar;
pub(crate) mod guard;
pub(crate) mod labels;
pub(crate) mod local;
pub(crate) mod method;
pub(crate) mod method_list;
pub(crate) mod method_name;
#[cfg(all(test, monitor_loom))]
pub(crate) mod models;
pub(crate) mod outcome;
pub(crate) mod overflows;
pub(crate) mod permits;
pub(crate) mod plan;
pub(crate) mod record;
pub(crate) mod rules;
pub(crate) mod run;
pub(crate) mod settings;
pub(crate) mod shard;
pub(crate) mod site;
pub(crate) mod state;
pub(crate) mod store;
pub(crate) mod stream;
pub(crate) mod tasks;
pub(crate) mod text_set;
pub(crate) mod tick_bounds;
pub(crate) mod values;
pub(crate) mod window;
