//! Accepts, keeps the number of connections bounded, and stops in bounded time.

mod relief;
mod reserve;
mod seats;
mod socket;
#[cfg(unix)]
mod unix;
mod victim;

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::service::Service;

use self::reserve::Reserve;
use self::seats::Connections;
pub(crate) use self::socket::{Bound, Socket, Stream, bind};
use crate::access::Peer;
use crate::connection::{self, Shared};
use crate::runtime::log::{LogThrottle, log};
use crate::self_metrics::connections::Ending;

/// Pause after a failed accept: at the limit of descriptors each accept fails at once, and would spin. Also how long a
/// connection has to ask for something before its descriptor is given to another.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts and serves until the server stops; then lets requests being answered come to their end, within the grace.
pub(crate) async fn serve<S, B>(socket: Socket, shared: Shared<S>)
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
    let mut door = Door::new(&shared);
    let relief = relief::relieve(door.connections.clone(), &shared.terms.pages);
    let mut relief = std::pin::pin!(relief);
    let mut stop = shared.stop.clone();
    loop {
        tokio::select! {
            biased;
            () = connection::stopped(&mut stop) => break,
            never = relief.as_mut() => match never {},
            accepted = socket.accept() => match accepted {
                Ok((stream, peer)) => {
                    door.admit(peer, &shared, |progress| {
                        connection::serve(stream, peer, shared.clone(), progress)
                    });
                    // Its request may be there already: it is looked at before the next newcomer could take its place.
                    tokio::task::yield_now().await;
                }
                Err(error) => door.failed(&error, &shared).await,
            },
            // It was given up, and nobody may come for a long time.
            () = tokio::time::sleep(ACCEPT_PAUSE), if door.reserve.is_given_up() => door.reserve.restore(),
        }
    }
    drop(socket);
    door.connections.end(shared.terms.limits.stop_grace).await;
}

/// What the accept loop keeps from one connection to the next.
struct Door {
    connections: Connections,
    reserve: Reserve,
    of_failures: LogThrottle,
    of_evictions: LogThrottle,
}

impl Door {
    fn new<S>(shared: &Shared<S>) -> Self {
        let configured = shared.terms.limits.max_connections;
        let most = reserve::most_connections(configured);
        if configured != 0 && most < configured {
            log(move || {
                tracing::warn!(
                    configured,
                    most,
                    "fewer connections than configured: half of the descriptors are left to the service"
                );
            });
        }
        Self {
            connections: Connections::new(most, shared.terms.metrics.clone()),
            reserve: Reserve::new(),
            of_failures: LogThrottle::default(),
            of_evictions: LogThrottle::default(),
        }
    }

    fn admit<S, F>(
        &mut self,
        peer: Peer,
        shared: &Shared<S>,
        serve: impl FnOnce(std::sync::Arc<connection::Progress>) -> F,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        self.reserve.restore();
        let counts = &shared.terms.metrics.connections;
        counts.accepted();
        if !shared.terms.networks.admit(peer) {
            counts.refused(Ending::Source);
            return;
        }
        if !self.connections.admit(peer, serve) {
            counts.refused(Ending::Full);
            self.of_evictions.log(move |left_out| {
                tracing::warn!(
                    left_out,
                    "connection refused: all places are taken by busy ones"
                );
            });
        }
    }

    /// Makes room where there is no descriptor left, else waits: the listener stays readable, and accepting again at once
    /// would fail again at once.
    async fn failed<S>(&mut self, error: &io::Error, shared: &Shared<S>) {
        shared.terms.metrics.connections.accept_failed();
        if reserve::is_of_one_connection(error) {
            return;
        }
        let why = error.to_string();
        self.of_failures.log(move |left_out| {
            tracing::warn!(error = %why, left_out, "accepting a connection failed");
        });
        let has_room = reserve::is_at_limit(error)
            && (self.connections.evict_for_descriptor(ACCEPT_PAUSE) || self.reserve.release());
        if has_room {
            // The connection that was cut off goes, and its descriptor with it, as the runtime gets to it.
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
        }
    }
}
