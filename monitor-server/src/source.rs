//! A registry or a collector beside the storage, gathered on a thread of its own, so that one that hangs holds nobody.

use std::fmt;
use std::sync::Arc;

use monitor_core::Monitor;
use monitor_core::collector::{GatherError, collect_beside, gather_beside};
use monitor_core::family::Family;
use prometheus::Registry;
use prometheus::core::Collector;

use crate::runtime::log::LogThrottle;

/// Name of the threads that gather; 14 bytes, Linux shows 15.
const THREAD_NAME: &str = "monitor-gather";

/// What is exported beside the storage: it fails by itself, and whole.
#[derive(Clone)]
pub(crate) enum Source {
    Registry(Registry),
    /// One that is in no registry.
    Collector(Arc<dyn Collector>),
}

impl Source {
    /// What it is, for who reads of its failure.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Registry(_) => "registry",
            Self::Collector(_) => "collector",
        }
    }

    /// Says that a page goes without it, and why. Each page may, so not each has its line.
    pub(crate) fn warn_left_out(&self, throttle: &LogThrottle, why: &dyn fmt::Display) {
        let (kind, why) = (self.kind(), why.to_string());
        throttle.log(move |left_out| {
            tracing::warn!(%why, left_out, "a {kind} was left out of the metrics page");
        });
    }

    fn families(&self, served: Monitor) -> Result<Vec<Family>, GatherError> {
        match self {
            Self::Registry(registry) => gather_beside(registry, served.storage()),
            Self::Collector(collector) => collect_beside(&**collector, served.storage()),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

/// Why a gather gave nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Missing {
    /// A collector panicked.
    #[error(transparent)]
    Failed(#[from] GatherError),
    /// The thread ended without families, or there was none to be had.
    #[error("the gathering ended early")]
    Ended,
}

/// What a gather gave.
pub(crate) type Gathered = Result<Vec<Family>, Missing>;

/// Starts a gather; its end is reported to `done`, whatever happens, at latest by the thread that calls this. The storage of
/// the monitor that is served, registered here too, is no fault: it gives nothing.
pub(crate) fn gather<F>(source: &Source, served: Monitor, done: F)
where
    F: FnOnce(Gathered) + Send + 'static,
{
    let source = source.clone();
    let report = Report(Some(done));
    let run = move || {
        let report = report;
        report.give(source.families(served).map_err(Missing::from));
    };
    // Never joined: a collector that hangs cannot be stopped, and holds no shutdown.
    let spawned = std::thread::Builder::new()
        .name(THREAD_NAME.to_owned())
        .spawn(run);
    if let Err(error) = spawned {
        tracing::warn!(%error, "no thread to gather on");
    }
}

/// Says that the gather has ended on each way out.
struct Report<F: FnOnce(Gathered)>(Option<F>);

impl<F: FnOnce(Gathered)> Report<F> {
    fn give(mut self, gathered: Gathered) {
        if let Some(done) = self.0.take() {
            done(gathered);
        }
    }
}

impl<F: FnOnce(Gathered)> Drop for Report<F> {
    fn drop(&mut self) {
        if let Some(done) = self.0.take() {
            done(Err(Missing::Ended));
        }
    }
}
