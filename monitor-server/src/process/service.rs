//! Which service the process is.

use std::sync::Arc;

use monitor_core::family::{ChildValue, Family, Label};

use super::{Spec, child};

pub(super) const FAMILY: &Spec = &Spec::gauge(
    "monitor_build_info",
    None,
    "Always 1, labelled with name and version of the service, and with the revision it was built from where that is known.",
);

/// Name and version of the service, for the metric `monitor_build_info`; see
/// [`MonitorConfig::service`](crate::MonitorConfig::service).
///
/// The macro [`service!`](crate::service) makes one of the crate it stands in.
///
/// # Examples
///
/// ```
/// use monitor_server::{MonitorConfig, Service};
///
/// let service = Service::new("textprocessor", "2.1.0").revision("5f2c1a9");
/// let config = MonitorConfig::default().service(service);
/// # drop(config);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    pub(crate) name: Arc<str>,
    pub(crate) version: Arc<str>,
    pub(crate) revision: Option<Arc<str>>,
}

impl Service {
    /// Name and version, neither of them blank.
    pub fn new(name: impl Into<Arc<str>>, version: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            revision: None,
        }
    }

    /// Adds what the service was built from, such as a commit. Not known by default: the label is left out then.
    #[must_use]
    pub fn revision(mut self, revision: impl Into<Arc<str>>) -> Self {
        self.revision = Some(revision.into());
        self
    }

    /// Its parts by name.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (&'static str, &Arc<str>)> {
        let revision = self.revision.as_ref();
        // Sorted, as labels are.
        [
            Some(("name", &self.name)),
            revision.map(|revision| ("revision", revision)),
            Some(("version", &self.version)),
        ]
        .into_iter()
        .flatten()
    }

    pub(super) fn family(&self) -> Family {
        let label = |(name, value): (&'static str, &Arc<str>)| Label {
            name: name.into(),
            value: Arc::clone(value),
        };
        let labels = self.parts().map(label).collect();
        FAMILY.family(vec![child(&labels, ChildValue::Int(1))])
    }
}

/// The [`Service`] that the calling crate is, by its `Cargo.toml`: name and version are those at its compile time.
///
/// # Examples
///
/// ```
/// use monitor_server::MonitorConfig;
///
/// let config = MonitorConfig::default().service(monitor_server::service!());
/// # drop(config);
/// ```
#[macro_export]
macro_rules! service {
    () => {
        $crate::Service::new(
            ::core::env!("CARGO_PKG_NAME"),
            ::core::env!("CARGO_PKG_VERSION"),
        )
    };
}
