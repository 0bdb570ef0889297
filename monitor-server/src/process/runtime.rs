//! What tokio tells of a runtime without `--cfg tokio_unstable`.

use std::fmt;
use std::sync::Arc;

use monitor_core::family::{Child, ChildValue, Family, Label, Labels};
use tokio::runtime::{Handle, RuntimeMetrics};

use super::{Spec, child};

const WORKERS: Spec = Spec::gauge("tokio_workers", None, "Worker threads of the runtime.");

const ALIVE_TASKS: Spec = Spec::gauge("tokio_alive_tasks", None, "Tasks spawned and not ended.");

const GLOBAL_QUEUE: Spec = Spec::gauge(
    "tokio_global_queue_depth",
    None,
    "Tasks in the queue that all workers of the runtime take from.",
);

const BUSY: Spec = Spec::counter(
    "tokio_worker_busy_seconds_total",
    Some("seconds"),
    "Time the worker spent on tasks, as of the last time it looked up from them.",
);

const PARKS: Spec = Spec::counter(
    "tokio_worker_parks_total",
    None,
    "Times the worker went to sleep because there was nothing to do.",
);

const PARKED: Spec = Spec::gauge("tokio_worker_parked", None, "1 while the worker sleeps.");

pub(super) const ALL: &[Spec] = &[WORKERS, ALIVE_TASKS, GLOBAL_QUEUE, BUSY, PARKS, PARKED];

/// A runtime to be shown.
#[derive(Clone)]
pub(super) struct NamedRuntime {
    name: Arc<str>,
    metrics: RuntimeMetrics,
    labels: Labels,
    /// The labels of each worker; their number is fixed when a runtime is built.
    workers: Vec<Labels>,
}

impl NamedRuntime {
    pub(super) fn new(name: Arc<str>, handle: &Handle) -> Self {
        let metrics = handle.metrics();
        let runtime = label("runtime", Arc::clone(&name));
        let of_worker = |worker: usize| -> Labels {
            [runtime.clone(), label("worker", worker.to_string().into())].into()
        };
        Self {
            workers: (0..metrics.num_workers()).map(of_worker).collect(),
            labels: [runtime].into(),
            name,
            metrics,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn child(&self, value: usize) -> Child {
        child(&self.labels, ChildValue::Int(value as u64))
    }

    fn children_by_worker(
        &self,
        value: impl Fn(&RuntimeMetrics, usize) -> ChildValue,
    ) -> impl Iterator<Item = Child> {
        let workers = self.workers.iter().enumerate();
        workers.map(move |(worker, labels)| child(labels, value(&self.metrics, worker)))
    }
}

impl fmt::Debug for NamedRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamedRuntime")
            .field("name", &self.name)
            .field("workers", &self.workers.len())
            .finish_non_exhaustive()
    }
}

/// The families of all runtimes; without one there are none.
pub(super) fn families(runtimes: &[NamedRuntime]) -> Vec<Family> {
    if runtimes.is_empty() {
        return Vec::new();
    }
    let each = |value: fn(&RuntimeMetrics) -> usize| {
        let child = |runtime: &NamedRuntime| runtime.child(value(&runtime.metrics));
        runtimes.iter().map(child).collect()
    };
    let by_worker = |value: fn(&RuntimeMetrics, usize) -> ChildValue| {
        let children = |runtime| NamedRuntime::children_by_worker(runtime, value);
        runtimes.iter().flat_map(children).collect()
    };
    vec![
        WORKERS.family(each(RuntimeMetrics::num_workers)),
        ALIVE_TASKS.family(each(RuntimeMetrics::num_alive_tasks)),
        GLOBAL_QUEUE.family(each(RuntimeMetrics::global_queue_depth)),
        BUSY.family(by_worker(|runtime, worker| {
            ChildValue::Float(runtime.worker_total_busy_duration(worker).as_secs_f64())
        })),
        PARKS.family(by_worker(|runtime, worker| {
            ChildValue::Int(runtime.worker_park_count(worker))
        })),
        // Counted up at each end of the sleep: odd while it lasts.
        PARKED.family(by_worker(|runtime, worker| {
            ChildValue::Int(runtime.worker_park_unpark_count(worker) % 2)
        })),
    ]
}

fn label(name: &'static str, value: Arc<str>) -> Label {
    Label {
        name: name.into(),
        value,
    }
}
