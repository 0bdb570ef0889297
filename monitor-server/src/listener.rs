//! Binds, accepts, keeps the number of connections bounded, and stops in bounded time.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::service::Service;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::connection::{self, Progress, Shared, Stage};
use crate::error::RunError;

/// Pause after a failed accept: at the limit of descriptors each accept fails at once, and would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long a stopping server still reads from connections that have not asked for anything: long enough for a request
/// that is on its way already, too short for a half-sent one to hold the stop.
const STOP_LINGER: Duration = Duration::from_millis(50);

/// How often a stopping server looks whether it is done.
const STOP_TICK: Duration = Duration::from_millis(2);

/// Listens on the address, in the caller's thread, so that a taken port is the caller's error.
pub(crate) fn bind(address: SocketAddr) -> Result<std::net::TcpListener, RunError> {
    let listen = || -> io::Result<_> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    listen().map_err(|source| RunError::Bind { address, source })
}

/// Accepts and serves until the server stops; then lets requests being answered come to their end, within the grace.
pub(crate) async fn serve<S, B>(listener: TcpListener, shared: Shared<S>)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
    B: Body + Unpin + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let connections = Connections::new(shared.limits.max_connections);
    let mut stop = shared.stop.clone();
    loop {
        tokio::select! {
            biased;
            () = connection::stopped(&mut stop) => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => connections.admit(stream, peer, &shared),
                Err(error) => {
                    tracing::debug!(%error, "accepting a connection failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    connections.end(shared.limits.stop_grace).await;
}

/// The connections that are open, oldest first.
#[derive(Debug, Clone)]
struct Connections {
    max: usize,
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
    progress: Arc<Progress>,
}

/// Takes a connection out of the table when its task ends, in whatever way.
struct Leave {
    id: u64,
    connections: Connections,
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.connections.table().open.remove(&self.id);
    }
}

impl Connections {
    fn new(max: usize) -> Self {
        Self {
            max,
            table: Arc::default(),
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves a new connection if there is room, or room can be made.
    fn admit<S, B>(&self, stream: TcpStream, peer: SocketAddr, shared: &Shared<S>)
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send,
        B: Body + Unpin + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut table = self.table();
        if !table.make_room(self.max) {
            tracing::debug!(%peer, "connection refused: all are busy");
            return;
        }
        let id = table.next;
        table.next += 1;
        let progress = Arc::new(Progress::default());
        let leave = Leave {
            id,
            connections: self.clone(),
        };
        let serving = connection::serve(stream, peer, shared.clone(), Arc::clone(&progress));
        // The table is locked: the task cannot leave before it is in.
        let task = tokio::spawn(async move {
            let _leave = leave;
            serving.await;
        });
        table.open.insert(
            id,
            Open {
                abort: task.abort_handle(),
                progress,
            },
        );
    }

    /// Waits for what is being answered; cuts off the rest.
    async fn end(&self, grace: Duration) {
        let begin = Instant::now();
        while self.keeps(begin.elapsed()) && begin.elapsed() < grace {
            tokio::time::sleep(STOP_TICK).await;
        }
        for open in self.table().open.values() {
            open.abort.abort();
        }
    }

    fn keeps(&self, since: Duration) -> bool {
        self.table()
            .open
            .values()
            .any(|open| match open.progress.stage() {
                Stage::Busy => true,
                Stage::Waiting | Stage::Idle => since < STOP_LINGER,
            })
    }
}

impl Table {
    /// Cuts off the oldest connection that has not asked for anything yet, else the oldest idle one. A cap that only
    /// refuses would let slow clients lock everybody else out.
    fn make_room(&mut self, max: usize) -> bool {
        if max == 0 || self.open.len() < max {
            return true;
        }
        let victim = [Stage::Waiting, Stage::Idle]
            .into_iter()
            .find_map(|stage| self.oldest(stage));
        // Out of the table at once: the place is free before the newcomer is served.
        victim
            .and_then(|id| self.open.remove(&id))
            .map(|open| open.abort.abort())
            .is_some()
    }

    fn oldest(&self, stage: Stage) -> Option<u64> {
        self.open
            .iter()
            .find(|(_, open)| open.progress.stage() == stage)
            .map(|(id, _)| *id)
    }
}
