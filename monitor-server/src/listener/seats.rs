//! The connections that are open, and the places they take.
//!
//! The table is behind a lock because tasks have to be `Send`, not because threads share it: accepting, serving and leaving
//! all happen on the server's one thread (a current-thread runtime), so there is no interleaving for a model checker to
//! explore. What it decides is [`victim::choose`], a pure function.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::victim::{self, Blocked, Seat};
use crate::access::{Peer, Source};
use crate::connection::{Progress, Stage};
use crate::self_metrics::SelfMetrics;
use crate::self_metrics::connections::Ending;

/// How long a stopping server still reads from connections that have not asked for anything: long enough for a request
/// that is on its way already, too short for a half-sent one to hold the stop.
const STOP_LINGER: Duration = Duration::from_millis(50);

/// How often a stopping server looks whether it is done.
const STOP_TICK: Duration = Duration::from_millis(2);

/// The connections that are open, oldest first.
#[derive(Debug, Clone)]
pub(super) struct Connections {
    most: usize,
    metrics: Arc<SelfMetrics>,
    table: Arc<Mutex<Table>>,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    open: BTreeMap<u64, Open>,
}

#[derive(Debug)]
struct Open {
    abort: AbortHandle,
    source: Source,
    progress: Arc<Progress>,
}

/// Takes a connection out of the table when its task ends, in whatever way, and counts the end.
struct Leave {
    id: u64,
    progress: Arc<Progress>,
    connections: Connections,
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.connections.table().open.remove(&self.id);
        let ending = self.progress.ending();
        self.connections.metrics.connections.closed(ending);
    }
}

impl Connections {
    /// At most so many; zero is no limit.
    pub(super) fn new(most: usize, metrics: Arc<SelfMetrics>) -> Self {
        Self {
            most,
            metrics,
            table: Arc::default(),
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves a connection if there is room, or room can be made; says whether.
    pub(super) fn admit<F>(&self, peer: Peer, serve: impl FnOnce(Arc<Progress>) -> F) -> bool
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut table = self.table();
        let is_full = self.most != 0 && table.open.len() >= self.most;
        if is_full && !table.evict(peer.source(), Duration::ZERO) {
            return false;
        }
        let id = table.next;
        table.next += 1;
        let progress = Arc::new(Progress::default());
        let leave = Leave {
            id,
            progress: Arc::clone(&progress),
            connections: self.clone(),
        };
        self.metrics.connections.opened();
        let serving = serve(Arc::clone(&progress));
        // The table is locked: the task cannot leave before it is in.
        let task = tokio::spawn(async move {
            let _leave = leave;
            serving.await;
        });
        table.open.insert(
            id,
            Open {
                abort: task.abort_handle(),
                source: peer.source(),
                progress,
            },
        );
        true
    }

    /// Cuts one off that is at least so old, for the sake of its descriptor; says whether there was any.
    pub(super) fn evict_for_descriptor(&self, age: Duration) -> bool {
        self.table().evict(Source::Unix, age)
    }

    /// Cuts off one whose client has taken nothing of its answer for so long, for the sake of the page it holds; says whether
    /// there was any.
    pub(super) fn evict_for_memory(&self, patience: Duration) -> bool {
        let mut table = self.table();
        let blocked = |(id, open): (&u64, &Open)| {
            let lasted = open.progress.blocked_for()?;
            (lasted >= patience).then_some(Blocked {
                id: *id,
                source: open.source,
                lasted,
            })
        };
        let all: Vec<Blocked> = table.open.iter().filter_map(blocked).collect();
        let Some(id) = victim::choose_blocked(&all) else {
            return false;
        };
        table.cut_off(id, Ending::EvictedStalled)
    }

    /// Waits for what is being answered; cuts off the rest.
    pub(super) async fn end(&self, grace: Duration) {
        let begin = Instant::now();
        while self.keeps(begin.elapsed()) && begin.elapsed() < grace {
            tokio::time::sleep(STOP_TICK).await;
        }
        for open in self.table().open.values() {
            open.abort.abort();
        }
    }

    fn keeps(&self, since: Duration) -> bool {
        let table = self.table();
        let mut stages = table.open.values().map(|open| open.progress.stage());
        stages.any(|stage| match stage {
            Stage::Busy | Stage::Stalled => true,
            Stage::Waiting | Stage::Idle => since < STOP_LINGER,
        })
    }
}

impl Table {
    /// Cuts off the connection that is worth least, among those of this age; see [`victim`].
    fn evict(&mut self, newcomer: Source, age: Duration) -> bool {
        let old_enough = |(_, open): &(&u64, &Open)| open.progress.age() >= age;
        let seats: Vec<Seat> = self.open.iter().filter(old_enough).map(seat).collect();
        let Some(seat) = victim::choose(&seats, newcomer) else {
            return false;
        };
        let ending = match seat.stage {
            Stage::Stalled => Ending::EvictedStalled,
            Stage::Idle => Ending::EvictedIdle,
            Stage::Waiting | Stage::Busy => Ending::EvictedWaiting,
        };
        self.cut_off(seat.id, ending)
    }

    fn cut_off(&mut self, id: u64, ending: Ending) -> bool {
        // Out of the table at once: the place is free before a newcomer is served.
        let Some(open) = self.open.remove(&id) else {
            return false;
        };
        open.progress.ends(ending);
        open.abort.abort();
        true
    }
}

fn seat((id, open): (&u64, &Open)) -> Seat {
    Seat {
        id: *id,
        source: open.source,
        stage: open.progress.stage(),
    }
}
