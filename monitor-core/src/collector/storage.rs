//! A storage as a collector of the `prometheus` crate.

use prometheus::core::{Collector, Desc};
use prometheus::proto;

use super::{descriptor, to_proto};
use crate::names::{Profile, families};
use crate::storage::MonitorStorage;

/// Lets a registry of the `prometheus` crate gather the storage with the user's other metrics.
///
/// # Consistency
///
/// Each gather takes a snapshot of its own and gives the families of the default profile. A server that exports
/// both the storage and the registry writes each series once: see [`merge`](super::merge).
impl Collector for MonitorStorage {
    fn desc(&self) -> Vec<&Desc> {
        descriptor(self.id()).into_iter().collect()
    }

    fn collect(&self) -> Vec<proto::MetricFamily> {
        to_proto(&families(&self.snapshot(), Profile::default()))
    }
}
