//! Workers: futures of the service that should not end, and their end as a part of `/health`.
//!
//! [`Worker`] wraps a worker's future, and its [`WorkerGuard`] reports each way out of it to the table: an end, a panic
//! (with its text), and a drop, as by an abort. Several workers may have one name, as a pool of them has: the name is
//! `DOWN` while more of them have ended than were started again. Once the service is to end, an end is in order and
//! counts for nothing; a panic still counts.
//!
//! The mutex of the table orders an end before its reader. It is held for moments, and no value of a worker's own is
//! dropped meanwhile.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Instant;

use monitor_core::HealthStatus;
use tokio::sync::Notify;

use super::checks::as_text;
use super::{HealthPart, Lifecycle, PartDetails};
use crate::runtime::lock;
use crate::runtime::log::log;

/// The word for a worker before its name, and in the keys of answers.
pub(super) const KIND: &str = "worker";

/// The workers of one server.
#[derive(Debug)]
pub(crate) struct Workers {
    table: Mutex<BTreeMap<Arc<str>, NamedWorkers>>,
    lifecycle: Arc<Lifecycle>,
    changed: Arc<Notify>,
}

/// Those of one name.
#[derive(Debug, Default)]
struct NamedWorkers {
    running: u64,
    /// Those that ended and were not started again.
    ended: u64,
    /// How and when the last of these ended.
    last: Option<(Arc<str>, Instant)>,
}

impl Workers {
    pub(crate) fn new(lifecycle: Arc<Lifecycle>, changed: Arc<Notify>) -> Self {
        Self {
            table: Mutex::default(),
            lifecycle,
            changed,
        }
    }

    /// Adds a worker that begins, in the place of one that ended.
    pub(crate) fn begin<F>(self: &Arc<Self>, name: Arc<str>, future: F) -> Worker<F> {
        let mut table = lock(&self.table);
        let named = table.entry(Arc::clone(&name)).or_default();
        named.running += 1;
        named.ended = named.ended.saturating_sub(1);
        drop(table);
        self.changed.notify_one();
        Worker {
            future: Box::pin(future),
            guard: WorkerGuard {
                workers: Arc::clone(self),
                name,
                has_ended: false,
            },
        }
    }

    /// One of this name has ended.
    fn end(&self, name: &Arc<str>, how: Arc<str>, is_panic: bool) {
        let is_fault = is_panic || !self.lifecycle.is_draining();
        let mut table = lock(&self.table);
        let named = table.entry(Arc::clone(name)).or_default();
        named.running -= 1;
        if is_fault {
            named.ended += 1;
            named.last = Some((Arc::clone(&how), Instant::now()));
        }
        drop(table);
        if is_fault {
            let worker = Arc::clone(name);
            log(move || tracing::error!(%worker, ?how, "a worker has ended"));
        }
        self.changed.notify_one();
    }

    /// How each name is now.
    pub(crate) fn reports(&self) -> Vec<HealthPart> {
        let table = lock(&self.table);
        table
            .iter()
            .map(|(name, named)| named.report(name))
            .collect()
    }
}

impl NamedWorkers {
    fn report(&self, name: &Arc<str>) -> HealthPart {
        let last = self.last.as_ref().filter(|_| self.ended > 0);
        let status = match last {
            Some(_) => HealthStatus::Down,
            None if self.running > 0 => HealthStatus::Up,
            // The service is to end, and they did.
            None => HealthStatus::Unknown,
        };
        HealthPart {
            name: Arc::clone(name),
            key: format!("{KIND}:{name}").into(),
            status,
            age: last.map(|(_, at)| at.elapsed()),
            reason: last.map(|(how, _)| format!("{KIND} `{name}`: {how}")),
            counts_for_readiness: false,
            run: None,
            details: PartDetails::Watched(KIND),
        }
    }
}

/// A worker's future.
#[derive(Debug)]
pub(crate) struct Worker<F> {
    future: Pin<Box<F>>,
    guard: WorkerGuard,
}

impl<F: Future> Future for Worker<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Self { future, guard } = &mut *self;
        // The future is not polled again after a panic, and goes with it.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => {
                guard.end("it has ended".into(), false);
                Poll::Ready(output)
            }
            Err(panic) => {
                guard.end(panic_text(&*panic), true);
                resume_unwind(panic)
            }
        }
    }
}

/// Reports the end of a worker, once.
#[derive(Debug)]
struct WorkerGuard {
    workers: Arc<Workers>,
    name: Arc<str>,
    has_ended: bool,
}

impl WorkerGuard {
    fn end(&mut self, how: Arc<str>, is_panic: bool) {
        if !std::mem::replace(&mut self.has_ended, true) {
            self.workers.end(&self.name, how, is_panic);
        }
    }
}

impl Drop for WorkerGuard {
    fn drop(&mut self) {
        self.end("it was dropped before its end".into(), false);
    }
}

/// The text of a panic, where it has one.
fn panic_text(panic: &(dyn Any + Send)) -> Arc<str> {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    match text {
        Some(text) => as_text(format_args!("it panicked: {text}")),
        None => "it panicked".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::block_on;

    fn workers() -> (Arc<Workers>, Arc<Lifecycle>) {
        let lifecycle = Arc::new(Lifecycle::new(false));
        let workers = Workers::new(Arc::clone(&lifecycle), Arc::default());
        (Arc::new(workers), lifecycle)
    }

    fn only(workers: &Workers) -> (HealthStatus, Option<String>) {
        let mut reports = workers.reports();
        let report = reports.pop().expect("one name");
        assert!(reports.is_empty());
        (report.status, report.reason)
    }

    fn down(how: &str) -> (HealthStatus, Option<String>) {
        (HealthStatus::Down, Some(format!("worker `w`: {how}")))
    }

    const UP: (HealthStatus, Option<String>) = (HealthStatus::Up, None);

    #[test]
    fn each_way_out_is_reported_and_a_new_start_makes_up_for_it() {
        let (workers, _) = workers();
        let first = workers.begin("w".into(), async {});
        assert_eq!(only(&workers), UP);
        block_on(first);
        assert_eq!(only(&workers), down("it has ended"));
        let second = workers.begin("w".into(), std::future::pending::<()>());
        assert_eq!(only(&workers), UP);
        drop(second);
        assert_eq!(only(&workers), down("it was dropped before its end"));
        let third = workers.begin("w".into(), async { panic!("no {}", "queue") });
        let ended = catch_unwind(AssertUnwindSafe(|| block_on::<()>(third)));
        assert!(ended.is_err());
        assert_eq!(only(&workers), down("it panicked: no queue"));
    }

    #[test]
    fn one_of_several_is_enough() {
        let (workers, _) = workers();
        let [one, other] = [(); 2].map(|()| workers.begin("w".into(), async {}));
        block_on(one);
        assert_eq!(only(&workers).0, HealthStatus::Down);
        block_on(other);
        let _again = workers.begin("w".into(), async {});
        assert_eq!(only(&workers).0, HealthStatus::Down);
        let _both = workers.begin("w".into(), async {});
        assert_eq!(only(&workers), UP);
    }

    #[test]
    fn an_end_while_draining_is_in_order_and_a_panic_is_not() {
        let (workers, lifecycle) = workers();
        let [ends, panics] = [false, true]
            .map(|panics| workers.begin("w".into(), async move { assert!(!panics, "late") }));
        lifecycle.set_draining(Instant::now(), None);
        block_on(ends);
        assert_eq!(only(&workers), UP);
        assert!(catch_unwind(AssertUnwindSafe(|| block_on(panics))).is_err());
        assert_eq!(only(&workers), down("it panicked: late"));
    }
}
