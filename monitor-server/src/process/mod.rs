//! What a page says of the process it is served from, beside what is monitored in it: its resources, the service that it
//! is, and its tokio runtimes. The names are the same in every naming profile.

mod resources;
mod runtime;
mod service;

use std::path::Path;
use std::sync::Arc;

use monitor_core::family::{Child, ChildValue, Family, FamilyType, Labels};
use tokio::runtime::Handle;

use self::runtime::NamedRuntime;

pub use self::service::Service;

/// Where Linux tells a process of itself. Elsewhere there is no such folder, or it means something else.
const OF_THIS_PROCESS: Option<&str> = if cfg!(any(target_os = "linux", target_os = "android")) {
    Some("/proc/self")
} else {
    None
};

/// The standard family that the storage has.
const START_TIME: &str = "process_start_time_seconds";

/// What pages are to say of the process.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    /// Whether they have the families of its resources.
    pub(crate) metrics: bool,
    pub(crate) service: Option<Service>,
    runtimes: Vec<NamedRuntime>,
}

impl Default for Process {
    fn default() -> Self {
        Self {
            metrics: true,
            service: None,
            runtimes: Vec::new(),
        }
    }
}

impl Process {
    /// Adds a runtime; replaces an earlier one of this name.
    pub(crate) fn add_runtime(&mut self, name: Arc<str>, handle: &Handle) {
        self.runtimes.retain(|runtime| runtime.name() != &*name);
        self.runtimes.push(NamedRuntime::new(name, handle));
    }

    pub(crate) fn runtime_names(&self) -> impl Iterator<Item = &str> {
        self.runtimes.iter().map(NamedRuntime::name)
    }

    /// The families as they are now. Those that cannot be read are left out; it never fails.
    pub(crate) fn families(&self) -> Vec<Family> {
        let service = self.service.iter().map(Service::family);
        let folder = OF_THIS_PROCESS.filter(|_| self.metrics);
        let resources = folder.map(|folder| resources::families(Path::new(folder)));
        service
            .chain(resources.into_iter().flatten())
            .chain(runtime::families(&self.runtimes))
            .collect()
    }
}

/// Most descriptors that this process may have, where that can be read.
pub(crate) fn descriptor_limit() -> Option<u64> {
    OF_THIS_PROCESS.and_then(|folder| resources::descriptor_limit(Path::new(folder)))
}

/// Takes out of a registry's families what they say of this process again: the series without labels of the standard
/// families that stand on the page already, of whatever type.
///
/// The default registry has them where the `prometheus` crate is built with its feature `process`, which any crate in the
/// program may switch on; so they are no fault, and not counted as one. Series with labels are somebody else's, and stay;
/// families without any go, so that none clashes with the storage's and costs its page a merge.
pub(crate) fn leave_out_repeats(ours: &[Family], theirs: &mut Vec<Family>) {
    let is_standard = |name: &str| {
        name == START_TIME
            || (resources::is_one(name) && ours.iter().any(|family| family.name == name))
    };
    theirs.retain_mut(|family| {
        if !is_standard(&family.name) {
            return true;
        }
        family.children.retain(|child| !child.labels.is_empty());
        !family.children.is_empty()
    });
}

/// The families that pages can have of the process, in both naming profiles, without children; but for
/// `process_start_time_seconds`, which is
/// [one of the storage's](monitor_core::names::built_in_families).
///
/// # Examples
///
/// ```
/// let families = monitor_server::process_families();
/// assert!(families.iter().any(|family| family.name == "process_open_fds"));
/// ```
pub fn process_families() -> Vec<Family> {
    specs().map(|spec| spec.family(Vec::new())).collect()
}

fn specs() -> impl Iterator<Item = &'static Spec> {
    let resources = resources::ALL.iter();
    [service::FAMILY]
        .into_iter()
        .chain(resources)
        .chain(runtime::ALL)
}

/// Whether one of the families here has this name, with or without a counter's `_total`.
pub(crate) fn is_family(name: &str) -> bool {
    let is_named = |spec: &Spec| {
        spec.name == name
            || spec
                .name
                .strip_suffix("_total")
                .is_some_and(|bare| bare == name)
    };
    specs().any(is_named)
}

/// A family without its children.
struct Spec {
    name: &'static str,
    kind: FamilyType,
    /// What the name ends in, a counter's `_total` aside.
    unit: Option<&'static str>,
    help: &'static str,
}

impl Spec {
    const fn gauge(name: &'static str, unit: Option<&'static str>, help: &'static str) -> Self {
        Self {
            name,
            kind: FamilyType::Gauge,
            unit,
            help,
        }
    }

    const fn counter(name: &'static str, unit: Option<&'static str>, help: &'static str) -> Self {
        Self {
            kind: FamilyType::Counter,
            ..Self::gauge(name, unit, help)
        }
    }

    fn family(&self, children: Vec<Child>) -> Family {
        Family {
            name: self.name.into(),
            help: self.help.into(),
            kind: self.kind,
            unit: self.unit,
            children,
        }
    }
}

fn child(labels: &Labels, value: ChildValue) -> Child {
    Child {
        labels: labels.clone(),
        value,
    }
}

#[cfg(test)]
mod tests;
