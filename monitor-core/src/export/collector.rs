//! The bridge to the `prometheus` crate, both ways, and the merging of sources.
//!
//! Uses only what that crate has with and without its feature `protobuf`: which one it is built with is decided by the
//! user's whole dependency tree.

mod from_proto;
mod left_out;
mod merge;
mod page;
mod storage;
mod to_proto;

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};

use prometheus::core::{Collector, Desc};
use prometheus::{Registry, proto};

use crate::base::sync::{Mutex, OnceLock, leak, lock};
use crate::data::catalog::Profile;
use crate::data::family::Family;
use crate::export::names::Exporter;
use crate::storage::MonitorStorage;

use self::storage::leaving_out;
use self::to_proto::to_proto;

pub use self::left_out::LeftOut;
pub use self::merge::{Merged, merge};
pub use self::page::Page;

/// A registry, or a collector, that could not be gathered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GatherError {
    /// A collector panicked.
    #[error("a collector panicked: {message}")]
    Panicked {
        /// What it panicked with.
        message: String,
    },
}

/// The families of a user's registry.
///
/// `Registry::gather` is all or nothing: one collector that panics loses the rest of its registry, so give what may
/// panic a registry of its own. The registry can be gathered again afterwards.
///
/// # Errors
///
/// If a collector panics.
pub fn gather(registry: &Registry) -> Result<Vec<Family>, GatherError> {
    caught(|| registry.gather())
}

fn caught(gather: impl FnOnce() -> Vec<proto::MetricFamily>) -> Result<Vec<Family>, GatherError> {
    // Nothing of ours is seen half-changed: a registry's lock is a reader's, and its families are dropped.
    match catch_unwind(AssertUnwindSafe(gather)) {
        Ok(families) => Ok(from_proto::families(&families)),
        Err(panic) => Err(GatherError::Panicked {
            message: message_of(&*panic),
        }),
    }
}

/// The families of a user's registry, for a page that holds those of `storage` already: where the very same storage is
/// registered there, it gives nothing. Another storage does; what it repeats, [`merge`] drops and counts.
///
/// # Errors
///
/// As [`gather`].
///
/// # Examples
///
/// ```
/// use monitor_core::collector::gather_beside;
/// use monitor_core::{Monitor, StorageConfig};
///
/// let monitor = Monitor::new(StorageConfig::default());
/// let registry = prometheus::Registry::new();
/// registry.register(Box::new(*monitor.storage()))?;
/// assert!(gather_beside(&registry, monitor.storage())?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn gather_beside(
    registry: &Registry,
    storage: &MonitorStorage,
) -> Result<Vec<Family>, GatherError> {
    leaving_out(storage.id(), || gather(registry))
}

/// The families of one collector that is in no registry, for a page that holds those of `storage` already, as
/// [`gather_beside`]. Its descriptors are not looked at: what it gives is what counts.
///
/// # Errors
///
/// If it panics. It can be asked again afterwards.
///
/// # Examples
///
/// ```
/// use monitor_core::collector::collect_beside;
/// use monitor_core::{Monitor, StorageConfig};
///
/// let monitor = Monitor::new(StorageConfig::default());
/// let gauge = prometheus::Gauge::new("queue_length", "Jobs that wait.")?;
/// let families = collect_beside(&gauge, monitor.storage())?;
/// assert_eq!(families[0].name, "queue_length");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn collect_beside(
    collector: &dyn Collector,
    storage: &MonitorStorage,
) -> Result<Vec<Family>, GatherError> {
    leaving_out(storage.id(), || caught(|| collector.collect()))
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a value that is no text").to_owned()
}

/// A storage as registries know it.
struct Registered {
    /// Its one descriptor: a registry tells collectors apart by their descriptors, and families that come and go cannot be
    /// listed beforehand.
    desc: Option<Desc>,
    /// What remembers the names of its series from gather to gather.
    exporter: Exporter,
}

/// What registries know of the storage of this number. Leaked once a storage, which lives as long as the process itself.
fn registered(storage: u64) -> &'static Registered {
    static KNOWN: OnceLock<Mutex<BTreeMap<u64, &'static Registered>>> = OnceLock::new();
    let known = KNOWN.get_or_init(Mutex::default);
    let mut known = lock(known);
    known.entry(storage).or_insert_with(|| {
        let labels = HashMap::from([("storage".to_owned(), storage.to_string())]);
        let help = "The metrics of a monitor's storage.".to_owned();
        leak(Registered {
            desc: Desc::new("monitor_storage".to_owned(), help, Vec::new(), labels).ok(),
            exporter: Exporter::new(Profile::default()),
        })
    })
}

#[cfg(test)]
mod tests;
