//! A storage as a collector of the `prometheus` crate.

use std::cell::Cell;

use prometheus::core::{Collector, Desc};
use prometheus::proto;

use super::{registered, to_proto};
use crate::storage::MonitorStorage;

thread_local! {
    /// The storage that gives nothing to the gather which runs on this thread. A registry does not tell what is
    /// registered in it, but it calls its collectors on the thread that gathers.
    static LEFT_OUT: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Runs `gather`, during which the storage of this number gives this thread nothing.
pub(super) fn leaving_out<R>(storage: u64, gather: impl FnOnce() -> R) -> R {
    struct Restore(Option<u64>);
    impl Drop for Restore {
        fn drop(&mut self) {
            LEFT_OUT.set(self.0);
        }
    }
    let _restore = Restore(LEFT_OUT.replace(Some(storage)));
    gather()
}

/// Lets a registry of the `prometheus` crate gather the storage with the user's other metrics.
///
/// # Consistency
///
/// Each gather takes a snapshot of its own and gives the families of the default profile. A server that exports
/// both the storage and the registry writes each series once: see [`gather_beside`](super::gather_beside).
impl Collector for MonitorStorage {
    fn desc(&self) -> Vec<&Desc> {
        registered(self.id()).desc.iter().collect()
    }

    fn collect(&self) -> Vec<proto::MetricFamily> {
        if LEFT_OUT.get() == Some(self.id()) {
            return Vec::new();
        }
        to_proto(&registered(self.id()).exporter.families(&self.snapshot()))
    }
}
