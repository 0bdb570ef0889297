//! Plain data, and pure functions of it: no atomics, no locks, no clock.

pub(crate) mod buckets;
pub(crate) mod catalog;
pub(crate) mod chunks;
pub(crate) mod const_labels;
pub(crate) mod exemplar;
pub mod family;
pub mod key;
pub(crate) mod labels;
pub(crate) mod name;
pub(crate) mod sample_names;
pub mod snapshot;
pub mod status;
pub mod value;
