//! Plain data, and pure functions of it: no atomics, no locks, no clock.
//!
//! A scrape makes a [`snapshot`] of all that was recorded, an exporter makes families of it ([`mod@family`]), and every
//! format is written from those. The rest are their parts: names, labels, keys, values, statuses, bounds, and
//! the table of the built-in families (`catalog`).

pub(crate) mod buckets;
pub(crate) mod catalog;
pub mod family;
pub mod key;
pub(crate) mod labels;
pub(crate) mod name;
pub(crate) mod native;
pub mod slot;
pub mod snapshot;
pub mod status;
pub mod value;
pub(crate) mod window;
