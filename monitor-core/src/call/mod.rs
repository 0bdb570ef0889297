//! The recording path: call sites, the cells each thread owns, tasks in flight, and the guard of one call.

pub(crate) mod guard;
pub(crate) mod local;
pub(crate) mod method;
pub(crate) mod outcome;
pub(crate) mod record;
pub(crate) mod run;
pub(crate) mod shard;
pub(crate) mod site;
pub(crate) mod state;
pub(crate) mod tasks;
pub(crate) mod values;
