//! Families of the process that serves the page, beside the monitored ones: its resources, the service that it is, and
//! its tokio runtimes. The names are the same in every naming profile.
//!
//! A [`Process`] is plain configuration: all values are read when a page is made, on the thread that makes it, and a
//! family that cannot be read is left out. Where a source has the same standard families, as the default registry of
//! the `prometheus` crate may, the server's stay ([`leave_out_repeats`]).

pub(crate) mod cgroup;
#[cfg(feature = "process")]
mod resources;

use std::path::Path;
use std::sync::Arc;

use monitor_core::family::ChildValue::{self, Float, Int};
use monitor_core::family::{Child, Family, Labels};
use monitor_core::history::ProcessFigures;
use tokio::runtime::{Handle, RuntimeMetrics};

#[cfg(feature = "process")]
use self::resources::rows as resources;
use crate::health::RuntimeProbe;
use crate::self_metrics::{child, family, label, rows};

/// The folder in which Linux describes a process to itself. Elsewhere there is no such folder, or it means something
/// else.
const OF_THIS_PROCESS: Option<&str> = if cfg!(any(target_os = "linux", target_os = "android")) {
    Some("/proc/self")
} else {
    None
};

/// The standard family that the storage has.
const START_TIME: &str = "process_start_time_seconds";

/// Name, help text and children of a family. [`family`] takes type and unit from the name.
type Row = (&'static str, &'static str, Vec<Child>);

/// Settings of the process's families on pages.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    /// Whether pages have the families of its resources, with the cargo feature `process`.
    pub(crate) metrics: bool,
    pub(crate) service: Option<Service>,
    runtimes: Vec<NamedRuntime>,
}

/// A runtime to be shown.
#[derive(Debug, Clone)]
struct NamedRuntime {
    probe: Arc<RuntimeProbe>,
    metrics: RuntimeMetrics,
    labels: Labels,
    /// The labels of each worker; their number is fixed when a runtime is built.
    workers: Vec<Labels>,
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
    pub(crate) fn add_runtime(&mut self, name: Arc<str>, handle: &Handle) -> Arc<RuntimeProbe> {
        self.runtimes.retain(|runtime| runtime.probe.name != name);
        let metrics = handle.metrics();
        let runtime = label("runtime", Arc::clone(&name));
        let probe = Arc::new(RuntimeProbe::new(name, handle.clone()));
        let of_worker =
            |worker: usize| [runtime.clone(), label("worker", worker.to_string())].into();
        self.runtimes.push(NamedRuntime {
            workers: (0..metrics.num_workers()).map(of_worker).collect(),
            labels: [runtime].into(),
            probe: Arc::clone(&probe),
            metrics,
        });
        probe
    }

    pub(crate) fn runtime_names(&self) -> impl Iterator<Item = &str> {
        self.runtimes.iter().map(|runtime| &*runtime.probe.name)
    }

    /// The families as they are now. Those of which nothing can be read are left out; it never fails.
    pub(crate) fn families(&self) -> Vec<Family> {
        let folder = OF_THIS_PROCESS.filter(|_| self.metrics);
        let mut families = self.read(folder.map(Path::new));
        families.retain(|family| !family.children.is_empty());
        families
    }

    /// All families, those without children included; the process's resources are read from the folder.
    fn read(&self, folder: Option<&Path>) -> Vec<Family> {
        let service = self.service.iter();
        let service = service.map(|service| child(service.labels(), Int(1)));
        let mut rows: Vec<Row> = vec![(
            "monitor_build_info",
            "Always 1, labelled with name and version of the service, and with the revision it was built from where that is known.",
            service.collect(),
        )];
        rows.extend(resources(folder));
        rows.extend(rows! {
            "tokio_scheduling_delay_seconds" => self.delays(),
                "Longest of the last 60 times that a spawned task waited for its first poll; at most one is spawned a second.";
        });
        // All that tokio gives without `--cfg tokio_unstable`.
        rows.extend(rows! {
            "tokio_workers" => self.of_runtimes(RuntimeMetrics::num_workers),
                "Worker threads of the runtime.";
            "tokio_alive_tasks" => self.of_runtimes(RuntimeMetrics::num_alive_tasks),
                "Tasks spawned and not ended.";
            "tokio_global_queue_depth" => self.of_runtimes(RuntimeMetrics::global_queue_depth),
                "Tasks in the queue that all workers of the runtime take from.";
            "tokio_worker_busy_seconds_total" => self.of_workers(|runtime, worker| Float(runtime.worker_total_busy_duration(worker).as_secs_f64())),
                "Time the worker spent on tasks, as of the last time it looked up from them.";
            "tokio_worker_parks_total" => self.of_workers(|runtime, worker| Int(runtime.worker_park_count(worker))),
                "Times the worker went to sleep because there was nothing to do.";
            // Counted up at each end of the sleep: odd while it lasts.
            "tokio_worker_parked" => self.of_workers(|runtime, worker| Int(runtime.worker_park_unpark_count(worker) % 2)),
                "1 while the worker sleeps.";
        });
        let families = rows.into_iter();
        families
            .map(|(name, help, children)| family(name, help, children))
            .collect()
    }

    fn of_runtimes(&self, read: fn(&RuntimeMetrics) -> usize) -> Vec<Child> {
        let value = |runtime: &NamedRuntime| Int(read(&runtime.metrics) as u64);
        let runtimes = self.runtimes.iter();
        runtimes
            .map(|runtime| child(runtime.labels.clone(), value(runtime)))
            .collect()
    }

    /// Tasks of all runtimes that are known, and those that wait for a worker; `None` where no runtime is.
    pub(crate) fn tasks_and_queue(&self) -> Option<(u64, u64)> {
        let runtimes = self.runtimes.iter().map(|runtime| &runtime.metrics);
        let counts = runtimes.map(|one| (one.num_alive_tasks(), one.global_queue_depth()));
        counts
            .map(|(tasks, queue)| (tasks as u64, queue as u64))
            .reduce(|a, b| (a.0 + b.0, a.1 + b.1))
    }

    /// Without those that are not probed.
    fn delays(&self) -> Vec<Child> {
        let delays = self.runtimes.iter().filter_map(|runtime| {
            let delay = runtime.probe.delay()?.as_secs_f64();
            Some(child(runtime.labels.clone(), Float(delay)))
        });
        delays.collect()
    }

    fn of_workers(&self, read: fn(&RuntimeMetrics, usize) -> ChildValue) -> Vec<Child> {
        let mut children = Vec::new();
        for runtime in &self.runtimes {
            for (worker, labels) in runtime.workers.iter().enumerate() {
                children.push(child(labels.clone(), read(&runtime.metrics, worker)));
            }
        }
        children
    }
}

/// The process's resources without the cargo feature `process`: no families.
#[cfg(not(feature = "process"))]
fn resources(_folder: Option<&Path>) -> [Row; 0] {
    []
}

/// Numbers of this process for the history; `None` where they cannot be read.
pub(crate) fn figures() -> Option<ProcessFigures> {
    #[cfg(feature = "process")]
    return OF_THIS_PROCESS.map(|folder| resources::figures(Path::new(folder)));
    #[cfg(not(feature = "process"))]
    None
}

/// Most descriptors that this process may have, where that can be read.
pub(crate) fn descriptor_limit() -> Option<u64> {
    max_fds(&text(Path::new(OF_THIS_PROCESS?), "limits"))
}

/// A file's text, empty where there is none. The program's name is in it, which need not be UTF-8.
fn text(folder: &Path, file: &str) -> String {
    let bytes = std::fs::read(folder.join(file)).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The soft limit, which is the one in force. Without a limit it is the largest number, as in `client_golang`.
fn max_fds(limits: &str) -> Option<u64> {
    let mut lines = limits.lines();
    let values = lines.find_map(|line| line.strip_prefix("Max open files"))?;
    match values.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        soft => soft.parse().ok(),
    }
}

/// Removes from a source's families those of this process that the page has already: the series without labels of the
/// standard families, of any type.
///
/// The default registry has them where the `prometheus` crate is built with its feature `process`, which any crate in
/// the program may switch on; so they are no fault, and not counted as one. Series with labels are another process's,
/// and stay; families without any go, so that none clashes with the storage's and costs its page a merge.
pub(crate) fn leave_out_repeats(ours: &[Family], theirs: &mut Vec<Family>) {
    let is_ours = |name: &str| ours.iter().any(|family| family.name == name);
    theirs.retain_mut(|family| {
        let name = &*family.name;
        if name != START_TIME && !(name.starts_with("process_") && is_ours(name)) {
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
/// assert!(families.iter().any(|family| family.name == "monitor_build_info"));
/// ```
pub fn process_families() -> Vec<Family> {
    Process::default().read(None)
}

/// Whether one of the families here has this name, with or without a counter's `_total`.
pub(crate) fn is_family(name: &str) -> bool {
    let mut names = process_families().into_iter().map(|family| family.name);
    names.any(|own| *own == *name || own.strip_suffix("_total") == Some(name))
}

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

    /// Adds the revision that the service was built from, such as a commit. Not known by default: the label is left out
    /// then.
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

    fn labels(&self) -> Labels {
        let labels = self
            .parts()
            .map(|(name, value)| label(name, Arc::clone(value)));
        labels.collect()
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

#[cfg(test)]
mod tests;
