//! A registry beside the storage, gathered on a thread of its own: one that hangs costs a page its deadline once, and
//! nobody else anything.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use monitor_core::Monitor;
use monitor_core::collector::{GatherError, gather_beside};
use monitor_core::family::Family;
use prometheus::Registry;

/// Name of the threads that gather; 14 bytes, Linux shows 15.
const THREAD_NAME: &str = "monitor-gather";

/// A registry, and whether a gather of it has not returned yet.
#[derive(Debug)]
pub(crate) struct Source {
    registry: Registry,
    outstanding: Arc<AtomicBool>,
}

/// Why a source is missing from a page.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Missing {
    /// A collector panicked.
    #[error(transparent)]
    Failed(#[from] GatherError),
    /// The thread ended without families.
    #[error("the gathering ended early")]
    Ended,
    /// The operating system gave no thread.
    #[error("no thread to gather it on")]
    Thread(#[source] io::Error),
    /// It took longer than it may.
    #[error("its gathering takes longer than it may")]
    Overrun,
    /// The gather of an earlier page has not returned.
    #[error("an earlier gathering of it has not returned")]
    Outstanding,
}

/// A gather that was started.
#[derive(Debug)]
pub(crate) struct Gathering {
    families: Receiver<Result<Vec<Family>, GatherError>>,
    deadline: Option<Instant>,
}

/// Held while a gather runs.
struct Outstanding(Arc<AtomicBool>);

impl Drop for Outstanding {
    // Relaxed, as where it is set: the flag publishes nothing. That a page made after this one sees it comes from the
    // channel the families go through.
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Source {
    pub(crate) fn new(registry: Registry) -> Self {
        Self {
            registry,
            outstanding: Arc::default(),
        }
    }

    /// Starts a gather, which may take this long (zero: as long as it likes), unless one is outstanding. The storage of
    /// the monitor that is served, registered here too, is no fault: it gives nothing.
    pub(crate) fn start(&self, served: Monitor, timeout: Duration) -> Result<Gathering, Missing> {
        if self.outstanding.swap(true, Ordering::Relaxed) {
            return Err(Missing::Outstanding);
        }
        let outstanding = Outstanding(Arc::clone(&self.outstanding));
        let registry = self.registry.clone();
        let (sender, families) = mpsc::sync_channel(1);
        let run = move || {
            let gathered = gather_beside(&registry, served.storage());
            // First, so that who receives the families can start the next gather.
            drop(outstanding);
            // The page may have been made without them.
            let _ = sender.send(gathered);
        };
        // Never joined: a collector that hangs cannot be stopped, and holds no shutdown.
        let spawned = std::thread::Builder::new()
            .name(THREAD_NAME.to_owned())
            .spawn(run);
        spawned.map_err(Missing::Thread)?;
        let deadline = if timeout.is_zero() {
            None
        } else {
            Instant::now().checked_add(timeout)
        };
        Ok(Gathering { families, deadline })
    }
}

impl Gathering {
    /// Waits for the families, until the deadline.
    pub(crate) fn families(self) -> Result<Vec<Family>, Missing> {
        let received = match self.deadline {
            None => self.families.recv().map_err(RecvTimeoutError::from),
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                self.families.recv_timeout(left)
            }
        };
        match received {
            Ok(gathered) => Ok(gathered?),
            Err(RecvTimeoutError::Timeout) => Err(Missing::Overrun),
            Err(RecvTimeoutError::Disconnected) => Err(Missing::Ended),
        }
    }
}
