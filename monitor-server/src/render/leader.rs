//! The job that renders, and the task that sees stale pages off.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use super::queue::{Queue, Step};
use super::{PageError, Shared};
use crate::runtime::log::log;
use crate::self_metrics::Cause;

/// The one that renders. However it ends, run or dropped unrun with its runtime, the next arrival can lead again.
pub(super) struct Leader {
    shared: Arc<Shared>,
    resigned: bool,
}

impl Leader {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
            resigned: false,
        }
    }

    /// Has it lead, on a thread for blocking work.
    ///
    /// Where there is no such thread to be had, the runtime panics, and yet keeps the job until there is one, or for ever. So the
    /// job finds the leader in a place from which it is taken back: those who wait are told at once, and the next arrival can
    /// lead.
    pub(super) fn send_off(self) -> Result<(), PageError> {
        let shared = Arc::clone(&self.shared);
        let place = Arc::new(Mutex::new(Some(self)));
        let found = Arc::clone(&place);
        let job = move || {
            if let Some(leader) = taken(&found) {
                leader.lead();
            }
        };
        let sent = catch_unwind(AssertUnwindSafe(|| drop(spawn_blocking(job))));
        if sent.is_ok() || taken(&place).is_none() {
            return Ok(());
        }
        shared.metrics.count(Cause::Internal, 1);
        log(move || tracing::error!("there was no thread to render the metrics page on"));
        Err(PageError::Failed)
    }

    /// Renders until nobody waits.
    fn lead(mut self) {
        let shared = Arc::clone(&self.shared);
        let mut queue = shared.queue();
        loop {
            let step = queue.step(Instant::now());
            if let Step::Wait(until) = step {
                queue = shared.wait(queue, until);
                continue;
            }
            drop(queue);
            match step {
                Step::Gather(sources) => shared.start(sources),
                Step::Render(round) => shared.serve_caught(round),
                // Under the lock it was found that nobody waits: the next arrival leads.
                Step::Resign | Step::Wait(_) => {
                    self.resigned = true;
                    shared.sweep_later();
                    return;
                }
            }
            queue = shared.queue();
        }
    }
}

fn taken(place: &Mutex<Option<Leader>>) -> Option<Leader> {
    place.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl Drop for Leader {
    fn drop(&mut self) {
        if !self.resigned {
            let mut queue = self.shared.queue();
            queue.rendering = false;
            queue.waiting.clear();
        }
    }
}

/// The task that drops stale pages; however it ends, the next one can.
struct Sweeper(Arc<Shared>);

impl Sweeper {
    async fn sweep(self) {
        let ages = self.0.settings.ages;
        loop {
            let next = {
                let mut queue = self.0.queue();
                let next = queue.cache.drop_stale(Instant::now(), ages);
                // Under the same lock: whoever keeps a page next sees to a sweeper.
                queue.sweeping = next.is_some();
                next
            };
            match next {
                Some(next) => tokio::time::sleep_until(next.into()).await,
                None => return,
            }
        }
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        self.0.queue().sweeping = false;
    }
}

impl Shared {
    fn wait<'q>(
        &self,
        queue: MutexGuard<'q, Queue>,
        until: Option<Instant>,
    ) -> MutexGuard<'q, Queue> {
        match until {
            None => self
                .changed
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner),
            Some(until) => {
                let left = until.saturating_duration_since(Instant::now());
                let waited = self.changed.wait_timeout(queue, left);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    /// Sees to it that pages which are kept do not outlive their use, where nobody does yet.
    fn sweep_later(self: &Arc<Self>) {
        let mut queue = self.queue();
        let ages = self.settings.ages;
        if queue.sweeping || queue.cache.drop_stale(Instant::now(), ages).is_none() {
            return;
        }
        queue.sweeping = true;
        drop(queue);
        let sweeper = Sweeper(Arc::clone(self));
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(sweeper.sweep());
        }
    }
}
